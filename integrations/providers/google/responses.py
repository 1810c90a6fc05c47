"""Google's HTTP answers: JSON, or one of our errors. The reason decides, the number only where there is none.

Nothing of an answer's text reaches an error: reasons are kept only where they look like names.

Reference: https://developers.google.com/workspace/calendar/api/guides/errors (Calendar),
https://cloud.google.com/apis/design/errors (People: `status` and ErrorInfo),
https://developers.google.com/identity/protocols/oauth2/web-server#exchange-errors (tokens)
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import orjson
import requests

from integrations.errors import (
    AdminNeeded,
    Conflict,
    CursorExpired,
    Gone,
    NotOffered,
    PermissionMissing,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    Unexpected,
    Unreachable,
)
from integrations.providers import http
from integrations.providers.http import Rule, Words, judge, keep_names

Json = dict[str, Any]

WORDS = Words("Google")
RECONNECT, NOT_UNDERSTOOD = WORDS.reconnect, WORDS.not_understood

NOT_ACCEPTED = (
    "Google Calendar does not accept this as it stands. Look at the times, at how it repeats, and at the addresses of "
    "those invited."
)
ADDRESS_BOOK_FULL = (
    "Your address book at Google is full. Delete contacts there, empty its bin, and try again: Google counts those in "
    "the bin, too."
)
# The only names that are looked for in the message itself: what else stands there goes no further.
_TOLD_IN_WORDS = frozenset({"MY_CONTACTS_OVERFLOW_COUNT"})
_OUR_FAULT = frozenset({"parseError"})
_MOST_PAGES = 1_000
_MOST_EMPTY_PAGES = 50

# From the most to the least telling, because an answer often holds several: "insufficientPermissions" beside the
# status "PERMISSION_DENIED". Each entry: the reasons, the class, the sentence.
_REASONS: tuple[Rule, ...] = (
    (
        frozenset({"EXPIRED_SYNC_TOKEN", "fullSyncRequired", "updatedMinTooLongAgo"}),
        CursorExpired,
        WORDS.read_again,
    ),
    (
        frozenset({"invalid_rapt"}),
        ReconnectNeeded,
        WORDS.sign_in_again,
    ),
    (frozenset({"invalid_grant"}), ReconnectNeeded, RECONNECT),
    (
        frozenset(
            {"invalid_client", "unauthorized_client", "deleted_client", "redirect_uri_mismatch", "invalid_scope"}
        ),
        NotOffered,
        "Google does not accept how this server is registered there. Tell your administrator.",
    ),
    (
        frozenset({"accessNotConfigured", "SERVICE_DISABLED"}),
        NotOffered,
        "Google's API is not switched on for this server. Tell your administrator.",
    ),
    (
        frozenset({"domainPolicy", "admin_policy_enforced", "org_internal", "DOMAIN_POLICY"}),
        AdminNeeded,
        "An administrator of your organization has to allow Portico in the Google Admin console first.",
    ),
    (
        frozenset({"notACalendarUser"}),
        AdminNeeded,
        "This Google account has no calendar. An administrator of your organization can switch it on.",
    ),
    (
        frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}),
        PermissionMissing,
        "Google says that this permission was not granted. Reconnect and tick it there.",
    ),
    # With the status RESOURCE_EXHAUSTED, but waiting does not help.
    (_TOLD_IN_WORDS, Rejected, ADDRESS_BOOK_FULL),
    (
        frozenset(
            {
                "rateLimitExceeded",
                "userRateLimitExceeded",
                "quotaExceeded",
                "dailyLimitExceeded",
                "RATE_LIMIT_EXCEEDED",
                "RESOURCE_EXHAUSTED",
            }
        ),
        RateLimited,
        WORDS.slow_down,
    ),
    (frozenset({"backendError", "temporarily_unavailable", "server_error"}), Unreachable, WORDS.unreachable),
    (
        frozenset(
            {
                "push.webhookUrlNotHttps",
                "push.webhookUrlNoHostOrAddress",
                "push.webhookUrlUnauthorized",
                "pushNotSupportedForRequestedResource",
                "channelIdNotUnique",
            }
        ),
        Rejected,
        "Google does not send notifications to this server's address, or about this calendar.",
    ),
    (
        frozenset({"timeRangeEmpty"}),
        Rejected,
        "Google Calendar wants the end after the start.",
    ),
    (
        frozenset({"forbiddenForNonOrganizer", "cannotChangeOrganizer", "cannotChangeOrganizerOfInstance"}),
        Rejected,
        "Only the organizer of this meeting may change it. Ask them, or open it in Google Calendar.",
    ),
    (
        frozenset({"requiredAccessLevel"}),
        Rejected,
        "You may read this calendar at Google, but not change it. Choose another one.",
    ),
    (
        frozenset({"conditionNotMet", "failedPrecondition", "FAILED_PRECONDITION", "duplicate", "ABORTED"}),
        Conflict,
        WORDS.changed,
    ),
    (frozenset({"notFound", "deleted", "NOT_FOUND", "invalid_token"}), Gone, WORDS.gone),
)


def fetch_json(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | bytes | None = None,
    has_cursor: bool = False,
    is_write: bool = False,
) -> Json:
    """Send one request over the guarded session and read its answer. Redirects are not followed: tokens stay put.

    Raises:
        ProviderError: any of the family; CursorExpired only where `has_cursor` or the reason says so, Rejected only
            where `is_write` or the reason says so.
    """
    answer = http.send(session, method, url, words=WORDS, headers=headers, data=data)
    if answer.status == 200:
        return parse_json(answer.body)
    if answer.status == 204:
        return {}  # done, and nothing to say about it
    raise make_error(answer.status, answer.headers, answer.body, has_cursor=has_cursor, is_write=is_write)


def parse_json(body: bytes) -> Json:
    """As http.parse_json, about Google."""
    return http.parse_json(body, WORDS)


def make_error(
    status: int, headers: Mapping[str, str], body: bytes, *, has_cursor: bool = False, is_write: bool = False
) -> ProviderError:
    """The error that an answer other than 200 stands for.

    `has_cursor`: the request held a sync token. Google answers 410 or 400 to one that it cannot use any more, with
    reasons that have changed over the years; reading everything again is right for all of them. `is_write`: it held
    what a person typed, so a 400 is for them to put right.
    """
    cursor_statuses = (400, 410) if has_cursor else ()
    reasons = parse_reasons(body)
    error = judge(status, headers, reasons, words=WORDS, rules=_REASONS, cursor_statuses=cursor_statuses)
    if is_write and status == 400 and reasons and isinstance(error, Unexpected) and _OUR_FAULT.isdisjoint(reasons):
        return Rejected(NOT_ACCEPTED, detail=error.detail)
    return error


def parse_reasons(body: bytes) -> list[str]:
    """The machine-readable names in an error body of any of Google's three shapes; [] for anything else."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(answer, dict):
        return []
    error = answer.get("error")
    found: list[Any] = []
    if isinstance(error, dict):
        for one in [*_items(error.get("errors")), *_items(error.get("details"))]:
            found.append(one.get("reason"))
        found += [error.get("status"), *_TOLD_IN_WORDS.intersection([str(error.get("message"))])]
    else:
        found += [error, answer.get("error_subtype")]
    return keep_names(found)


def _items(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


Page = TypeVar("Page")


def follow_pages(
    fetch: Callable[[str | None], Json], parse: Callable[[Json, bool], Page], *, items: str
) -> Iterator[Page]:
    """Page after page of a list, `parse(answer, is_last)` made of each. Only one answer is in memory at a time.

    `items` names the list in the answer. A page may be empty and not the last; a list that goes on for ever may not.

    Raises:
        Unexpected: the list has no end that we can believe in, or a page has another shape.
        ProviderError: what `fetch` raises.
    """
    token: str | None = None
    seen: set[str] = set()
    first: list[Any] = []
    empty = 0
    for _ in range(_MOST_PAGES):
        answer = fetch(token)
        found = answer.get(items, [])
        token = answer.get("nextPageToken") or None
        if not isinstance(found, list) or not isinstance(token, str | None):
            raise Unexpected(NOT_UNDERSTOOD, detail=f"a page of {items} of another shape")
        empty = 0 if found else empty + 1
        is_repeated = bool(found) and found[:1] == first
        first = found[:1]
        page: Page | None = parse(answer, token is None)
        del answer, found
        yield page  # type: ignore[misc]  # not None before the line below
        page = None
        if token is None:
            return
        if is_repeated or token in seen or empty >= _MOST_EMPTY_PAGES:
            raise Unexpected(NOT_UNDERSTOOD, detail=f"pages of {items} without an end")
        seen.add(token)
    raise Unexpected(NOT_UNDERSTOOD, detail=f"more than {_MOST_PAGES} pages of {items}")
