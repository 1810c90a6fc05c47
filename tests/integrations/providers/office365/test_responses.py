"""Microsoft Graph's error answers, in the shapes that it documents, and which of our errors each becomes.

Shapes: https://learn.microsoft.com/en-us/graph/errors, .../delta-query-overview#synchronization-reset, and for claims
https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
"""

import base64
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
import requests

from integrations.errors import (
    AdminNeeded,
    Conflict,
    CursorExpired,
    Gone,
    PermissionMissing,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Refused,
    Rejected,
    Unexpected,
    Unreachable,
)
from integrations.providers.office365.responses import (
    Endless,
    Repeated,
    fetch_json,
    follow_links,
    keep_claims,
    make_error,
    parse_challenge,
    parse_codes,
)

ROOT = "https://graph.microsoft.com/v1.0/"


def shape(code: str, inner: str = "") -> dict[str, Any]:
    more = {"code": inner} if inner else {}
    return {
        "error": {"code": code, "message": "Words, words.", "innerError": {**more, "request-id": "0a1b", "date": "x"}}
    }


CASES: list[tuple[int, dict[str, Any], type[ProviderError]]] = [
    (401, shape("InvalidAuthenticationToken"), ReconnectNeeded),
    (401, {}, ReconnectNeeded),
    (403, shape("ErrorAccessDenied"), PermissionMissing),
    (403, shape("Authorization_RequestDenied"), PermissionMissing),
    (403, shape("accessDenied"), PermissionMissing),
    (403, shape("Forbidden"), Unexpected),
    (404, shape("MailboxNotEnabledForRESTAPI"), AdminNeeded),
    (404, shape("ResourceNotFound"), AdminNeeded),
    (404, shape("ErrorInvalidUser"), AdminNeeded),
    (404, shape("ErrorItemNotFound"), Gone),
    (404, shape("itemNotFound"), Gone),
    (400, shape("ErrorInvalidIdMalformed"), Gone),
    (400, shape("ErrorOccurrenceCrossingBoundary"), Rejected),
    (400, shape("TimeZoneNotSupportedException"), Rejected),
    (400, shape("ErrorInvalidRecipients"), Rejected),
    (507, shape("ErrorQuotaExceeded"), Rejected),
    (404, shape("somethingNew"), Gone),
    (410, shape("resyncRequired"), CursorExpired),
    (410, shape("SyncStateNotFound"), CursorExpired),
    (400, shape("syncStateInvalid"), CursorExpired),
    (400, shape("BadRequest", "ErrorInvalidSyncStateData"), CursorExpired),
    (409, shape("nameAlreadyExists"), Conflict),
    (412, shape("ErrorIrresolvableConflict"), Conflict),
    (429, shape("ApplicationThrottled"), RateLimited),
    (429, shape("TooManyRequests"), RateLimited),
    (429, {}, RateLimited),
    (503, shape("serviceNotAvailable"), Unreachable),
    (503, shape("ErrorMailboxMoveInProgress"), Unreachable),
    (504, {}, Unreachable),
    (500, shape("InternalServerError"), Unreachable),
    (408, {}, Unreachable),
    (400, shape("RequestBroker--ParseUri"), Unexpected),
    (302, {}, Unexpected),
    (204, {}, Unexpected),
]


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    CASES,
    ids=[f"{status} {' '.join(parse_codes(orjson.dumps(answer)))}" for status, answer, _ in CASES],
)
def test_the_code_decides(status: int, answer: dict[str, Any], kind: type[ProviderError]) -> None:
    error = make_error(status, {}, orjson.dumps(answer))
    assert type(error) is kind
    assert error.sentence and "Words" not in f"{error} {error.detail}"
    assert error.detail.startswith(str(status))


@pytest.mark.parametrize("status", [400, 404, 410])
@pytest.mark.parametrize("code", ["BadRequest", "somethingNew", "ErrorItemNotFound", "Request_UnsupportedQuery"])
def test_a_delta_link_that_graph_does_not_take_has_expired_whatever_it_says(status: int, code: str) -> None:
    body = orjson.dumps(shape(code))
    assert type(make_error(status, {}, body, has_cursor=True)) is CursorExpired
    assert type(make_error(status, {}, body)) is not CursorExpired


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (429, shape("TooManyRequests"), RateLimited),
        (401, shape("InvalidAuthenticationToken"), ReconnectNeeded),
        (404, shape("MailboxNotEnabledForRESTAPI"), AdminNeeded),
        (500, {}, Unreachable),
    ],
)
def test_other_trouble_is_no_expired_cursor(status: int, answer: dict[str, Any], kind: type[ProviderError]) -> None:
    assert type(make_error(status, {}, orjson.dumps(answer), has_cursor=True)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, Unexpected), (404, Unexpected), (410, Unexpected), (502, Unreachable), (429, RateLimited)],
)
def test_a_page_of_html_speaks_for_no_item_of_graph_s(status: int, kind: type[ProviderError]) -> None:
    assert type(make_error(status, {}, b"<!doctype html><title>Blocked by the proxy</title>")) is kind


@pytest.mark.parametrize("status", [429, 503, 504])
def test_retry_after_comes_with_the_error(status: int) -> None:
    error = make_error(status, {"Retry-After": "17"}, b"{}")
    assert isinstance(error, RateLimited | Unreachable)
    assert error.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize("code", ["EwB4A8l6BAAURSN 7", "x" * 80, "<script>", "a b", 7, None, ["a"]])
def test_what_does_not_look_like_a_code_is_not_kept(code: Any) -> None:
    assert parse_codes(orjson.dumps(shape(code))) == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"error": null}', b'{"error": "x"}', b'{"er'])
def test_an_odd_error_body_has_no_codes(body: bytes) -> None:
    assert parse_codes(body) == []


def test_codes_are_looked_for_inside_and_not_for_ever() -> None:
    deep: Any = {"code": "last"}
    for number in range(50):
        deep = {"code": f"code{number}", "innererror": deep}
    assert parse_codes(orjson.dumps({"error": deep})) == ["code49", "code48", "code47", "code46", "code45"]


CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"cp1"}}}'


def challenge(claims: str, error: str = "insufficient_claims") -> str:
    where = "https://login.microsoftonline.com/common/oauth2/authorize"
    return f'Bearer realm="", authorization_uri="{where}", error="{error}", claims="{claims}"'


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (challenge(encode(CLAIMS)), CLAIMS),
        (challenge(encode(CLAIMS).rstrip("=")), CLAIMS),
        (challenge(base64.urlsafe_b64encode(b'{"a":"\xc3\xbf\xc3\xbe?>"}').decode()), '{"a":"ÿþ?>"}'),
        (challenge(encode(CLAIMS), error="invalid_token"), ""),
        ('Bearer realm="", error="insufficient_claims"', ""),
        (challenge(encode("[1]")), ""),
        (challenge(encode("not JSON")), ""),
        (challenge(base64.b64encode(b"\xff\xfe").decode()), ""),
        (challenge("a"), ""),
        (challenge(encode('{"a": "' + "x" * 5000 + '"}')), ""),
        ("", ""),
        ("Basic realm=x", ""),
    ],
)
def test_a_claims_challenge_is_read_and_what_is_none_is_not(header: str, expected: str) -> None:
    assert parse_challenge(header) == expected


@pytest.mark.parametrize("claims", [None, 7, "", "[]", '"x"', "{", {"a": 1}])
def test_claims_are_handed_on_only_as_an_object(claims: Any) -> None:
    assert keep_claims(claims) == ""


class Links:
    """A collection in pages, and the links it was asked by."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, link: str) -> dict[str, Any]:
        self.asked.append(link)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def read(self) -> list[tuple[int, bool, str]]:
        def parse(answer: dict[str, Any], is_last: bool, delta: str) -> tuple[int, bool, str]:
            return len(answer.get("value", [])), is_last, delta

        return list(follow_links(self, parse, first=f"{ROOT}me/x", root=ROOT))


def page(*ids: str, following: object = "", delta: object = "", etag: str = "1") -> dict[str, Any]:
    answer: dict[str, Any] = {"value": [{"id": one, "@odata.etag": etag} for one in ids]}
    if following:
        answer["@odata.nextLink"] = following
    if delta:
        answer["@odata.deltaLink"] = delta
    return answer


def test_links_are_followed_to_the_last_also_over_empty_pages() -> None:
    links = Links(
        page("a", following=f"{ROOT}2"),
        page(following=f"{ROOT}3"),
        {"@odata.nextLink": f"{ROOT}4"},
        page("b", delta=f"{ROOT}d"),
    )
    assert links.read() == [(1, False, ""), (0, False, ""), (0, False, ""), (1, True, f"{ROOT}d")]
    assert links.asked == [f"{ROOT}me/x", f"{ROOT}2", f"{ROOT}3", f"{ROOT}4"]


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.microsoft.com.evil.example/v1.0/x",
        "http://graph.microsoft.com/v1.0/x",
        "https://graph.microsoft.com:8443/v1.0/x",
        "https://user@graph.microsoft.com/v1.0/x",
        "//graph.microsoft.com/v1.0/x",
        "/v1.0/x",
        "https://169.254.169.254/latest",
    ],
)
@pytest.mark.parametrize("where", ["following", "delta"])
def test_a_link_to_another_server_is_not_followed_and_not_kept(link: str, where: str) -> None:
    links = Links(page("a", **{where: link}))
    with pytest.raises(Refused) as caught:
        links.read()
    assert len(links.asked) == 1
    assert "evil" not in f"{caught.value}{caught.value.detail}"


def looping(*pages: tuple[str, ...], etags: bool = False) -> Links:
    """The same pages over and over, each with a next link never seen before."""
    count = 3000
    return Links(
        *(
            page(*pages[number % len(pages)], following=f"{ROOT}{number}", etag=str(number if etags else 1))
            for number in range(count)
        )
    )


def test_a_page_that_comes_for_the_third_time_ends_the_listing() -> None:
    links = looping(("a", "b"))
    with pytest.raises(Endless):
        links.read()
    assert len(links.asked) == 3


def test_pages_that_come_by_turns_end_the_listing_too() -> None:
    links = looping(("a", "b"), ("c",), ("b", "a"))
    with pytest.raises(Endless):
        links.read()
    assert len(links.asked) <= 7


def test_an_item_that_changes_again_and_again_is_no_loop() -> None:
    links = looping(("a",), etags=True)
    with pytest.raises(Unexpected, match="more than 1000 pages"):
        links.read()


def test_a_next_link_that_comes_again_ends_the_listing() -> None:
    links = Links(*(page(str(number), following=f"{ROOT}same") for number in range(50)))
    with pytest.raises(Endless):
        links.read()
    assert len(links.asked) == 2


def test_empty_pages_without_an_end_are_not_followed_for_ever() -> None:
    links = looping(())
    with pytest.raises(Endless):
        links.read()
    assert len(links.asked) == 50


@pytest.mark.parametrize(
    "answer",
    [
        {"value": {}},
        {"value": "x"},
        {"value": None},
        page("a", following=5),
        page("a", delta=["x"]),
        page("a", following={"a": 1}),
    ],
)
def test_a_page_of_another_shape_is_unexpected(answer: dict[str, Any]) -> None:
    with pytest.raises(Unexpected):
        Links(answer).read()


def test_items_that_are_none_do_not_stop_a_listing() -> None:
    assert Links({"value": [None, 7, "x", {"id": ["a"]}], "@odata.deltaLink": f"{ROOT}d"}).read() == [
        (4, True, f"{ROOT}d")
    ]


def test_one_page_is_not_kept_while_the_next_is_fetched() -> None:
    import weakref

    class Record:
        pass

    kept: list[weakref.ref[Record]] = []
    alive: list[int] = []

    def fetch(link: str) -> dict[str, Any]:
        alive.append(sum(one() is not None for one in kept))
        number = len(kept)
        return page(str(number), following=f"{ROOT}{number}" if number < 3 else "", delta=f"{ROOT}d")

    def parse(*_: object) -> Record:
        record = Record()
        kept.append(weakref.ref(record))
        return record

    for record in follow_links(fetch, parse, first=f"{ROOT}x", root=ROOT):
        del record
    assert alive == [0, 0, 0, 0]


class Answering:
    """A session with one answer to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body

    def request(self, method: str, url: str, **_: Any) -> Any:
        answer = requests.Response()
        answer.status_code, answer.raw = self.status, io.BytesIO(self.body)
        return answer


def write(status: int, code: str, method: str = "POST") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        fetch_json(Answering(status, orjson.dumps(shape(code))), method, ROOT, headers={})  # type: ignore[arg-type]
    return caught.value


def test_what_a_mailbox_refuses_to_take_is_rejected_and_what_we_asked_wrongly_is_unexpected() -> None:
    assert type(write(400, "ErrorPropertyValidationFailure")) is Rejected
    assert type(write(413, "ErrorMessageSizeExceeded")) is Rejected
    assert type(write(400, "RequestBodyRead")) is Unexpected
    assert type(write(400, "ErrorPropertyValidationFailure", "GET")) is Unexpected
    assert type(write(503, "ErrorServerBusy")) is RateLimited


@pytest.mark.parametrize("status", [400, 409])
def test_a_transaction_that_was_used_before_is_told_apart_from_other_conflicts(status: int) -> None:
    assert type(write(status, "ErrorDuplicateTransactionId")) is Repeated
    assert type(write(409, "ErrorFolderExists")) is Conflict


def test_a_write_may_be_answered_with_nothing() -> None:
    assert fetch_json(Answering(204, b""), "DELETE", ROOT, headers={}) == {}  # type: ignore[arg-type]
    assert fetch_json(Answering(201, b'{"id": "x"}'), "POST", ROOT, headers={}) == {"id": "x"}  # type: ignore[arg-type]
