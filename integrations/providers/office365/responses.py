"""Microsoft Graph's HTTP answers: JSON, or one of our errors. The code decides, the number only where there is none.

Nothing of an answer's text reaches an error: codes are kept only where they look like names.

Reference: https://learn.microsoft.com/en-us/graph/errors and
https://learn.microsoft.com/en-us/graph/delta-query-overview#synchronization-reset
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import orjson
import requests

from integrations.errors import (
    AdminNeeded,
    Conflict,
    CursorExpired,
    Gone,
    PermissionMissing,
    ProviderError,
    RateLimited,
    Refused,
    Rejected,
    Unexpected,
    Unreachable,
)
from integrations.providers import http
from integrations.providers.access import Challenged
from integrations.providers.http import Rule, Words, judge, keep_names
from safety import outbound

Json = dict[str, Any]

WORDS = Words("Office 365")
RECONNECT, NOT_UNDERSTOOD = WORDS.reconnect, WORDS.not_understood
NO_MAILBOX = (
    "This Microsoft account has no mailbox in Office 365, or its mailbox is kept on a server of your organization's "
    "own. Ask your administrator, or connect Exchange instead."
)

_NO_GOOD = "Outlook does not accept this change. Look at what you have entered, or make it in Outlook."
_BAD_ADDRESS = "Outlook does not accept an invitee's address. Correct it."
_FULL = "Your mailbox in Office 365 is full. Make room there, then try again."
_CROSSING = (
    "Outlook does not let an occurrence move to the day of the one before or after it, or past it. Choose another time."
)
_BACKWARDS = "Outlook does not accept an end before the start. Change one of the two."
_NO_ZONE = "Outlook does not know this time zone. Choose another."

_MOST_PAGES = 1_000
_MOST_EMPTY_PAGES = 50
_MOST_REPEATS = 3
_MOST_CLAIMS = 4_096

_RULES: tuple[Rule, ...] = (
    (
        frozenset(
            {
                "syncStateNotFound",
                "SyncStateNotFound",
                "syncStateInvalid",
                "SyncStateInvalid",
                "resyncRequired",
                "ResyncRequired",
                "resyncChangesApplyDifferences",
                "resyncChangesUploadDifferences",
                "fullSyncRequired",
                "ErrorInvalidSyncStateData",
                "ErrorSyncFolderNotFound",
            }
        ),
        CursorExpired,
        WORDS.read_again,
    ),
    (
        frozenset(
            {
                "MailboxNotEnabledForRESTAPI",
                "MailboxNotSupportedForRESTAPI",
                "ErrorNonExistentMailbox",
                "ErrorInvalidUser",
                "ErrorMissingEmailAddress",
                "ErrorMailboxNotFound",
                "OrganizationFromTenantGuidNotFound",
                # What Graph says at other times of the same mailboxes.
                "ResourceNotFound",
            }
        ),
        AdminNeeded,
        NO_MAILBOX,
    ),
    (
        frozenset(
            {
                "ApplicationThrottled",
                "TooManyRequests",
                "activityLimitReached",
                "ErrorExceededConnectionCount",
                "ErrorTooManyConcurrentConnections",
                "ErrorServerBusy",
            }
        ),
        RateLimited,
        WORDS.slow_down,
    ),
    (
        frozenset(
            {
                "serviceNotAvailable",
                "ServiceUnavailable",
                "ErrorInternalServerTransientError",
                "ErrorMailboxStoreUnavailable",
                "ErrorMailboxMoveInProgress",
                "ErrorMailboxFailover",
                "ErrorTimeoutExpired",
            }
        ),
        Unreachable,
        WORDS.unreachable,
    ),
    (
        frozenset({"ErrorAccessDenied", "accessDenied", "AccessDenied", "Authorization_RequestDenied"}),
        PermissionMissing,
        "Office 365 says that this permission was not granted. Reconnect and allow it there.",
    ),
    (
        frozenset({"ErrorIrresolvableConflict", "ErrorChangeKeyRequired", "preconditionFailed", "PreconditionFailed"}),
        Conflict,
        WORDS.changed,
    ),
    (
        frozenset({"ErrorItemNotFound", "ErrorFolderNotFound", "itemNotFound", "ErrorInvalidIdMalformed"}),
        Gone,
        WORDS.gone,
    ),
    (frozenset({"ErrorOccurrenceCrossingBoundary", "ErrorOccurrenceTimeSpanTooBig"}), Rejected, _CROSSING),
    (frozenset({"ErrorInvalidRecipients"}), Rejected, _BAD_ADDRESS),
    (frozenset({"ErrorQuotaExceeded"}), Rejected, _FULL),
    (frozenset({"ErrorCalendarEndDateIsEarlierThanStartDate"}), Rejected, _BACKWARDS),
    (frozenset({"TimeZoneNotSupportedException", "ErrorInvalidTimeZone"}), Rejected, _NO_ZONE),
    (
        frozenset({"ValidationError", "InvalidRequest"}),
        Rejected,
        "Office 365 does not send notifications to this server's address, or about this.",
    ),
)


class Send(Protocol):
    """Sends a request below Graph's root, with an account's token; `version`: the one to be changed, as an etag.

    Raises Repeated, ProviderError.
    """

    def __call__(self, method: str, path: str, body: Json | None = None, *, version: str = "") -> Json: ...


class Repeated(Conflict):
    """Something was made under this transactionId before, and it is not just what is asked for now."""


def fetch_json(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    data: bytes | None = None,
    has_cursor: bool = False,
) -> Json:
    """Send one request over the guarded session and read its answer. Redirects are not followed: tokens stay put.

    Raises:
        Challenged: the token is not enough.
        Repeated, ProviderError: any of the family; CursorExpired only where `has_cursor` or the code says so.
    """
    answer = http.send(session, method, url, words=WORDS, headers=headers, data=data)
    if answer.status in (200, 201):
        return http.parse_json(answer.body, WORDS)
    if answer.status in (202, 204):
        return {}  # done, and nothing to say about it
    if answer.status in (401, 403) and (claims := parse_challenge(answer.headers.get("WWW-Authenticate", ""))):
        raise Challenged(claims)
    error = make_error(answer.status, answer.headers, answer.body, has_cursor=has_cursor)
    raise error if method == "GET" else _judge_write(error, answer.status, parse_codes(answer.body))


def _judge_write(error: ProviderError, status: int, codes: list[str]) -> ProviderError:
    """Of a write: what Graph has no status of its own for, and what a mailbox refuses in words that we do not know.

    Its codes begin with "Error". Others are about how we ask, which nobody but the makers can do anything about.
    """
    if "ErrorDuplicateTransactionId" in codes:
        return Repeated(WORDS.changed, detail=error.detail)
    is_refused = status in (400, 413, 422) and any(one.startswith("Error") for one in codes)
    return Rejected(_NO_GOOD, detail=error.detail) if isinstance(error, Unexpected) and is_refused else error


def make_error(status: int, headers: Mapping[str, str], body: bytes, *, has_cursor: bool = False) -> ProviderError:
    """The error that an answer other than 200 stands for.

    `has_cursor`: the request held a delta token. Graph answers 410, 400 or 404 to one that it does not take.
    """
    cursor_statuses = (400, 404, 410) if has_cursor else ()
    return judge(status, headers, parse_codes(body), words=WORDS, rules=_RULES, cursor_statuses=cursor_statuses)


def parse_codes(body: bytes) -> list[str]:
    """The codes in an error body, the outermost first; [] for anything else."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    error = answer.get("error") if isinstance(answer, dict) else None
    found: list[Any] = []
    while isinstance(error, dict) and len(found) < 5:
        found.append(error.get("code"))
        error = error.get("innerError") or error.get("innererror")
    return keep_names(found)


_CLAIMS = re.compile(r'[\s,]claims="([A-Za-z0-9+/_=-]+)"')


def parse_challenge(header: str) -> str:
    """The claims that a WWW-Authenticate header asks for, as JSON; "" where it asks for none.

    Reference: https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
    """
    found = _CLAIMS.search(header)
    if found is None or 'error="insufficient_claims"' not in header:
        return ""
    text = found[1].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return keep_claims(base64.b64decode(text + "=" * (-len(text) % 4)).decode())
    except (binascii.Error, ValueError):
        return ""


def keep_claims(text: Any) -> str:
    """Claims as they may be handed on: a JSON object of a bounded length; "" for anything else."""
    if not isinstance(text, str) or not 0 < len(text) <= _MOST_CLAIMS:
        return ""
    try:
        return text if isinstance(orjson.loads(text), dict) else ""
    except orjson.JSONDecodeError:
        return ""


class Endless(Exception):
    """The same pages come again and again. A fault of Graph's, seen with some mailboxes' deltas."""


Page = TypeVar("Page")


def follow_links(
    fetch: Callable[[str], Json], parse: Callable[[Json, bool, str], Page], *, first: str, root: str
) -> Iterator[Page]:
    """Page after page of a collection, `parse(answer, is_last, delta link)` made of each, one in memory at a time.

    The delta link is "" where there is none. A page may be empty and not the last. Links are followed on the host of
    `root` only.

    Reference: https://learn.microsoft.com/en-us/graph/paging

    Raises:
        Endless: a page came for the third time, word for word: the same items in the same versions.
        Refused: a link leads to another server.
        Unexpected: the list has no end that we can believe in, or a page has another shape.
        ProviderError: what `fetch` raises.
    """
    link: str = first
    seen: Counter[bytes] = Counter()
    links: set[str] = set()
    empty = 0
    for _ in range(_MOST_PAGES):
        answer = fetch(link)
        items = answer.get("value", [])
        following = _check_link(answer.get("@odata.nextLink"), root)
        delta = _check_link(answer.get("@odata.deltaLink"), root)
        if not isinstance(items, list):
            raise Unexpected(NOT_UNDERSTOOD, detail="a page of another shape")
        empty = 0 if items else empty + 1
        if items:
            mark = _fingerprint(items)
            seen[mark] += 1
            if seen[mark] >= _MOST_REPEATS:
                raise Endless
        page: Page | None = parse(answer, not following, delta)
        del answer, items
        yield page  # type: ignore[misc]  # not None before the line below
        page = None
        if not following:
            return
        if following in links or empty >= _MOST_EMPTY_PAGES:
            raise Endless
        links.add(following)
        link = following
    raise Unexpected(NOT_UNDERSTOOD, detail=f"more than {_MOST_PAGES} pages")


def _check_link(link: Any, root: str) -> str:
    if link is None:
        return ""
    if not isinstance(link, str):
        raise Unexpected(NOT_UNDERSTOOD, detail="a link that is not text")
    try:
        outbound.check_same_origin(link, root)
    except outbound.Blocked as error:
        sentence = "Office 365 answered with a link to another server. Portico does not follow it. "
        raise Refused(sentence + "Tell your administrator.", detail="a link to another server") from error
    return link


def _fingerprint(items: list[Any]) -> bytes:
    """Equal for the same items in the same versions, in whatever order."""
    marks = [f"{one.get('id')} {one.get('@odata.etag')}" for one in items if isinstance(one, dict)]
    return blake2b("\n".join(sorted(marks)).encode(errors="replace"), digest_size=16).digest()
