"""Google's HTTP answers: JSON, or one of our errors. The reason decides, the number only where there is none.

Nothing of an answer's text reaches an error: reasons are kept only where they look like names.

Reference: https://developers.google.com/workspace/calendar/api/guides/errors (Calendar),
https://cloud.google.com/apis/design/errors (People: `status` and ErrorInfo),
https://developers.google.com/identity/protocols/oauth2/web-server#exchange-errors (tokens)
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
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
    Refused,
    Unexpected,
    Unreachable,
)
from safety import outbound

Json = dict[str, Any]

RECONNECT = "Google no longer accepts this connection. Reconnect to go on."
UNREACHABLE = "Google cannot be reached just now. We will try again by ourselves."
SLOW_DOWN = "Google asks us to slow down. We will go on by ourselves in a while."
NOT_UNDERSTOOD = "Google answered in a way that Portico does not understand. We will try again."
REFUSED = (
    "Portico did not ask Google, because the address set for it is not one it may talk to. Tell your administrator."
)

_MOST_PAGES = 1_000
_MOST_EMPTY_PAGES = 50
_LONGEST_WAIT = timedelta(days=7)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,59}")

# From the most to the least telling, because an answer often holds several: "insufficientPermissions" beside the
# status "PERMISSION_DENIED". Each entry: the reasons, the class, the sentence.
_REASONS: tuple[tuple[frozenset[str], type[ProviderError], str], ...] = (
    (
        frozenset({"EXPIRED_SYNC_TOKEN", "fullSyncRequired", "updatedMinTooLongAgo"}),
        CursorExpired,
        "Google asked us to read everything again.",
    ),
    (
        frozenset({"invalid_rapt"}),
        ReconnectNeeded,
        "Your organization wants you to sign in at Google again. Reconnect to go on.",
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
        SLOW_DOWN,
    ),
    (frozenset({"backendError", "temporarily_unavailable", "server_error"}), Unreachable, UNREACHABLE),
    (
        frozenset({"conditionNotMet", "failedPrecondition", "FAILED_PRECONDITION", "duplicate", "ABORTED"}),
        Conflict,
        "This was changed at Google meanwhile.",
    ),
    (frozenset({"notFound", "deleted", "NOT_FOUND", "invalid_token"}), Gone, "This no longer exists at Google."),
)
_STATUSES: dict[int, tuple[type[ProviderError], str]] = {
    401: (ReconnectNeeded, RECONNECT),
    404: (Gone, "This no longer exists at Google."),
    408: (Unreachable, UNREACHABLE),
    409: (Conflict, "This was changed at Google meanwhile."),
    410: (Gone, "This no longer exists at Google."),
    412: (Conflict, "This was changed at Google meanwhile."),
    429: (RateLimited, SLOW_DOWN),
}


def fetch_json(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | bytes | None = None,
    has_cursor: bool = False,
) -> Json:
    """Send one request over the guarded session and read its answer. Redirects are not followed: tokens stay put.

    Raises:
        ProviderError: any of the family; CursorExpired only where `has_cursor` or the reason says so.
    """
    try:
        response = session.request(method, url, headers=headers, data=data, allow_redirects=False)
        body = response.content
    except outbound.Blocked as error:
        raise Refused(REFUSED, detail=error.sentence) from error
    except outbound.TooBig as error:
        raise Unexpected(NOT_UNDERSTOOD, detail="the answer was longer than Portico reads") from error
    except requests.exceptions.ContentDecodingError as error:
        raise Unexpected(NOT_UNDERSTOOD, detail="the answer could not be unpacked") from error
    except (requests.exceptions.RequestException, OSError) as error:
        # The class alone: the text of these holds the URL, and with it a sync token.
        raise Unreachable(UNREACHABLE, detail=type(error).__name__) from error
    if response.status_code == 200:
        return parse_json(body)
    raise make_error(response.status_code, response.headers, body, has_cursor=has_cursor)


def parse_json(body: bytes) -> Json:
    """A JSON object.

    Raises:
        Unexpected: it is something else: HTML, half of an object, a list.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unexpected(NOT_UNDERSTOOD, detail=f"200, {len(body)} bytes that are not JSON") from None
    if not isinstance(answer, dict):
        raise Unexpected(NOT_UNDERSTOOD, detail="200, JSON that is not an object")
    # NUL is no text, and databases refuse it: one such character would cost the whole page.
    return _without_nul(answer) if b"\\u0000" in body else answer


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nul(one) for name, one in value.items()}
    return value


def make_error(status: int, headers: Mapping[str, str], body: bytes, *, has_cursor: bool = False) -> ProviderError:
    """The error that an answer other than 200 stands for.

    `has_cursor`: the request held a sync token. Google answers 410 or 400 to one that it cannot use any more, with
    reasons that have changed over the years; reading everything again is right for all of them.
    """
    reasons = parse_reasons(body)
    detail = " ".join([str(status), *reasons])
    retry_after = parse_retry_after(headers.get("Retry-After", ""))
    found = next(((kind, text) for names, kind, text in _REASONS if not names.isdisjoint(reasons)), None)
    if has_cursor and status in (400, 410) and (found is None or found[0] in (Conflict, Gone)):
        return CursorExpired(detail=detail)
    if found is None and status >= 500:
        found = Unreachable, UNREACHABLE
    # A 404 that is not Google's own JSON says something about an address, not about an item.
    if found is None and (reasons or status in (401, 408, 429)):
        found = _STATUSES.get(status)
    kind, sentence = found or (Unexpected, NOT_UNDERSTOOD)
    if issubclass(kind, RateLimited | Unreachable):
        return kind(sentence, detail=detail, retry_after=retry_after)
    return kind(sentence, detail=detail)


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
        found.append(error.get("status"))
    else:
        found += [error, answer.get("error_subtype")]
    names = [name for name in found if isinstance(name, str) and _NAME.fullmatch(name)]
    return list(dict.fromkeys(names))[:5]


def _items(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def parse_retry_after(value: str) -> timedelta | None:
    """Seconds or an HTTP date; None where it is neither. Never negative, never more than a week."""
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) < 7 else _LONGEST_WAIT
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - datetime.now(UTC), timedelta(0)), _LONGEST_WAIT)


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
