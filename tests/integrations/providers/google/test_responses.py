"""Google's error answers, in the shapes that it documents, and which of our errors each becomes.

Shapes: https://developers.google.com/workspace/calendar/api/guides/errors, https://cloud.google.com/apis/design/errors,
https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

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
    Unexpected,
    Unreachable,
)
from integrations.providers.google.responses import (
    follow_pages,
    make_error,
    parse_json,
    parse_reasons,
)
from integrations.providers.http import parse_retry_after


def calendar_shape(code: int, reason: str, domain: str = "global") -> dict[str, Any]:
    entry = {"domain": domain, "reason": reason, "message": "Words, words."}
    return {"error": {"errors": [entry], "code": code, "message": "Words, words."}}


def people_shape(code: int, status: str, reason: str = "") -> dict[str, Any]:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    return {"error": {"code": code, "message": "Words.", "status": status, "details": [info] if reason else []}}


def token_shape(error: str, **more: str) -> dict[str, Any]:
    return {"error": error, "error_description": "Words.", **more}


CASES: list[tuple[int, dict[str, Any], type[ProviderError]]] = [
    (401, calendar_shape(401, "authError"), ReconnectNeeded),
    (401, people_shape(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), ReconnectNeeded),
    (400, token_shape("invalid_grant"), ReconnectNeeded),
    (400, token_shape("invalid_grant", error_subtype="invalid_rapt"), ReconnectNeeded),
    (401, token_shape("invalid_client"), NotOffered),
    (401, token_shape("deleted_client"), NotOffered),
    (400, token_shape("redirect_uri_mismatch"), NotOffered),
    (403, calendar_shape(403, "insufficientPermissions"), PermissionMissing),
    (403, people_shape(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), PermissionMissing),
    (403, calendar_shape(403, "rateLimitExceeded", "usageLimits"), RateLimited),
    (403, calendar_shape(403, "userRateLimitExceeded", "usageLimits"), RateLimited),
    (403, calendar_shape(403, "quotaExceeded", "usageLimits"), RateLimited),
    (429, people_shape(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), RateLimited),
    (429, {}, RateLimited),
    (403, calendar_shape(403, "accessNotConfigured", "usageLimits"), NotOffered),
    (403, people_shape(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), NotOffered),
    (403, calendar_shape(403, "domainPolicy"), AdminNeeded),
    (400, token_shape("admin_policy_enforced"), AdminNeeded),
    (403, calendar_shape(403, "notACalendarUser"), AdminNeeded),
    (403, calendar_shape(403, "forbidden"), Unexpected),
    (404, calendar_shape(404, "notFound"), Gone),
    (404, people_shape(404, "NOT_FOUND"), Gone),
    (410, calendar_shape(410, "deleted"), Gone),
    (409, calendar_shape(409, "duplicate"), Conflict),
    (412, calendar_shape(412, "conditionNotMet"), Conflict),
    (400, calendar_shape(400, "failedPrecondition"), Conflict),
    (400, people_shape(400, "FAILED_PRECONDITION"), Conflict),
    (410, calendar_shape(410, "fullSyncRequired", "calendar"), CursorExpired),
    (410, calendar_shape(410, "updatedMinTooLongAgo", "calendar"), CursorExpired),
    (400, people_shape(400, "FAILED_PRECONDITION", "EXPIRED_SYNC_TOKEN"), CursorExpired),
    (500, calendar_shape(500, "backendError"), Unreachable),
    (503, people_shape(503, "UNAVAILABLE"), Unreachable),
    (504, {}, Unreachable),
    (408, {}, Unreachable),
    (400, calendar_shape(400, "badRequest"), Unexpected),
    (400, people_shape(400, "INVALID_ARGUMENT"), Unexpected),
    (302, {}, Unexpected),
    (204, {}, Unexpected),
]


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    CASES,
    ids=[f"{status} {' '.join(parse_reasons(orjson.dumps(answer)))}" for status, answer, _ in CASES],
)
def test_the_reason_decides(status: int, answer: dict[str, Any], kind: type[ProviderError]) -> None:
    error = make_error(status, {}, orjson.dumps(answer))
    assert type(error) is kind
    assert error.sentence and "Words" not in f"{error} {error.detail}"
    assert error.detail.startswith(str(status))


@pytest.mark.parametrize("status", [400, 410])
@pytest.mark.parametrize("reason", ["invalid", "badRequest", "somethingNew", "deleted", "failedPrecondition"])
def test_a_sync_token_that_google_does_not_take_has_expired_whatever_it_says(status: int, reason: str) -> None:
    body = orjson.dumps(calendar_shape(status, reason))
    assert type(make_error(status, {}, body, has_cursor=True)) is CursorExpired
    assert type(make_error(status, {}, body)) is not CursorExpired


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (403, calendar_shape(403, "rateLimitExceeded"), RateLimited),
        (401, calendar_shape(401, "authError"), ReconnectNeeded),
        (500, {}, Unreachable),
    ],
)
def test_other_trouble_is_no_expired_cursor(status: int, answer: dict[str, Any], kind: type[ProviderError]) -> None:
    assert type(make_error(status, {}, orjson.dumps(answer), has_cursor=True)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Unexpected),
        (404, Unexpected),
        (409, Unexpected),
        (410, Unexpected),
        (502, Unreachable),
        (429, RateLimited),
    ],
)
def test_a_page_of_html_speaks_for_no_item_of_google_s(status: int, kind: type[ProviderError]) -> None:
    assert type(make_error(status, {}, b"<!doctype html><title>Blocked by the proxy</title>")) is kind


@pytest.mark.parametrize("token", ["ya29.secret token", "1//refresh/secret", "x" * 80, "<script>", "a b"])
def test_what_does_not_look_like_a_reason_is_not_kept(token: str) -> None:
    for answer in (calendar_shape(400, token), token_shape(token), people_shape(400, token, token)):
        assert parse_reasons(orjson.dumps(answer)) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"error": null}', b'{"error": []}', b'{"error": {"errors": 7, "details": [7]}}', b'{"er'],
)
def test_an_odd_error_body_has_no_reasons(body: bytes) -> None:
    assert parse_reasons(body) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        ("9" * 400, timedelta(days=7)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=7)),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: timedelta | None) -> None:
    assert parse_retry_after(value) == expected


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    found = parse_retry_after(value)
    assert found and timedelta(minutes=4, seconds=50) < found <= timedelta(minutes=5)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_comes_with_the_error(status: int) -> None:
    error = make_error(status, {"Retry-After": "17"}, b"{}")
    assert isinstance(error, RateLimited | Unreachable)
    assert error.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"items": [{"id": "a', b"[1]", b'"x"', b'{"a": "\\ud800"}', b"\xff"]
)
def test_what_is_not_a_json_object_is_unexpected_and_not_quoted(body: bytes) -> None:
    with pytest.raises(Unexpected) as caught:
        parse_json(body)
    assert caught.value.detail
    assert len(body) < 2 or body.decode(errors="replace") not in str(caught.value)


def test_nul_is_left_out_and_a_backslash_is_not() -> None:
    answer = parse_json(b'{"a": ["x\\u0000y", {"b": "\\\\u0000"}], "n": 1, "none": null}')
    assert answer == {"a": ["xy", {"b": "\\u0000"}], "n": 1, "none": None}


class Pages:
    """A list in pages, and the tokens it was asked with."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    def __call__(self, token: str | None) -> dict[str, Any]:
        self.asked.append(token)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def read(self) -> list[tuple[list[Any], bool]]:
        return list(follow_pages(self, lambda answer, is_last: (answer.get("items", []), is_last), items="items"))


def test_pages_are_followed_to_the_last_also_over_empty_ones() -> None:
    pages = Pages({"items": [1], "nextPageToken": "a"}, {"nextPageToken": "b"}, {"items": []}, {"items": [2]})
    assert pages.read() == [([1], False), ([], False), ([], True)]
    assert pages.asked == [None, "a", "b"]


def test_a_page_token_that_comes_again_ends_the_listing() -> None:
    pages = Pages({"items": [1], "nextPageToken": "same"})
    with pytest.raises(Unexpected, match="without an end"):
        pages.read()
    assert len(pages.asked) == 2


def test_a_page_that_comes_again_under_another_token_ends_the_listing() -> None:
    pages = Pages(*({"items": [{"id": "a"}, {"id": "b"}], "nextPageToken": str(number)} for number in range(5000)))
    with pytest.raises(Unexpected, match="without an end"):
        pages.read()
    assert len(pages.asked) == 2


def test_empty_pages_without_an_end_are_not_followed_for_ever() -> None:
    pages = Pages(*({"nextPageToken": str(number)} for number in range(5000)))
    with pytest.raises(Unexpected, match="without an end"):
        pages.read()
    assert len(pages.asked) == 50


def test_full_pages_without_an_end_are_not_followed_for_ever() -> None:
    pages = Pages(*({"items": [number], "nextPageToken": str(number)} for number in range(5000)))
    with pytest.raises(Unexpected, match="more than 1000 pages"):
        pages.read()


@pytest.mark.parametrize("answer", [{"items": {}}, {"items": "x"}, {"items": [], "nextPageToken": 5}, {"items": None}])
def test_a_page_of_another_shape_is_unexpected(answer: dict[str, Any]) -> None:
    with pytest.raises(Unexpected, match="another shape"):
        Pages(answer).read()


def test_one_page_is_not_kept_while_the_next_is_fetched() -> None:
    import weakref

    class Record:
        pass

    kept: list[weakref.ref[Record]] = []
    alive: list[int] = []

    def fetch(token: str | None) -> dict[str, Any]:
        alive.append(sum(one() is not None for one in kept))
        return {"items": [len(kept)], "nextPageToken": str(len(kept))} if len(kept) < 3 else {"items": [9]}

    def parse(answer: dict[str, Any], is_last: bool) -> Record:
        record = Record()
        kept.append(weakref.ref(record))
        return record

    for record in follow_pages(fetch, parse, items="items"):
        del record
    assert alive == [0, 0, 0, 0]
