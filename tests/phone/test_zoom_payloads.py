"""Rows of Zoom Phone's lists, in the shapes that Zoom documents and in those that it does not.

Sources: Zoom's OpenAPI of Zoom Phone (call logs, voicemails, users), and the examples of its developer pages.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.errors import AdminNeeded, CursorExpired, Gone, Rejected
from integrations.providers.http import Answer
from phone.systems import Owner
from phone.zoom.audio import Doors
from phone.zoom.client import _make_windows as make_windows
from phone.zoom.payloads import parse_calls, parse_path, parse_transcript, parse_user, parse_voicemail
from phone.zoom.responses import judge_answer, judge_voicemail
from phone.zoom.rows import parse_moment, parse_party, parse_result

INBOUND = {
    "id": "20211008-48c1dfd4-91ce-4df5-8495-7c9e33d10869",
    "call_id": "7018317023722949162",
    "direction": "inbound",
    "start_time": "2021-10-08T16:12:04Z",
    "answer_time": "2021-10-08T16:12:10Z",
    "end_time": "2021-10-08T16:12:41Z",
    "duration": 37,
    "connect_type": "external",
    "call_result": "answered",
    "hide_caller_id": True,
    "caller_did_number": "+12059300920",
    "caller_name": "Caller name",
    "caller_number_type": "external_pstn",
    "callee_did_number": "+493012345678",
    "callee_ext_number": "1201",
    "callee_name": "Alice Meyer",
    "callee_email": "Alice@Northwind.example",
    "callee_ext_type": "user",
}
QUEUE = INBOUND | {"callee_ext_type": "call_queue", "callee_email": None, "callee_name": "Sales"}


def test_an_inbound_call_is_the_callees_with_the_time_they_talked() -> None:
    [call] = parse_calls(INBOUND)

    assert call.owner == Owner(email="alice@northwind.example", extension="1201")
    assert (call.direction, call.result, call.number, call.e164) == ("in", "answered", "+12059300920", "+12059300920")
    assert (call.name, call.line, call.seconds) == ("Caller name", "+493012345678", 31)
    assert call.started_at == datetime(2021, 10, 8, 16, 12, 4, tzinfo=UTC)
    assert call.reported_at == datetime(2021, 10, 8, 16, 12, 41, tzinfo=UTC)


def test_an_outbound_call_is_the_callers_alone() -> None:
    row = {
        name.replace("callee", "x").replace("caller", "callee").replace("x", "caller"): INBOUND[name]
        for name in INBOUND
    }
    [call] = parse_calls(row | {"direction": "outbound", "call_result": "busy", "answer_time": None})

    assert (call.owner.email, call.direction, call.result) == ("alice@northwind.example", "out", "busy")
    assert (call.number, call.seconds) == ("+12059300920", 0)


def test_a_call_between_colleagues_is_one_of_each_and_says_the_extension() -> None:
    row = INBOUND | {
        "connect_type": "internal", "caller_ext_type": "user", "caller_email": "bob@northwind.example",
        "caller_ext_number": "1202", "caller_did_number": None, "callee_did_number": None,
        "call_result": "ring_timeout", "answer_time": None,
    }  # fmt: skip
    out, into = parse_calls(row)

    assert (out.owner.email, out.direction, out.result, out.number) == (
        "bob@northwind.example", "out", "no_answer", "1201",
    )  # fmt: skip
    assert (into.direction, into.result, into.number, into.e164) == ("in", "missed", "1202", "")


@pytest.mark.parametrize(
    "said",
    [
        {"caller_number_type": "anonymous_number"},
        {"caller_did_number": "anonymous"},
        {"caller_did_number": ""},
        {"caller_did_number": None, "caller_number_type": None},
    ],
)
def test_whoever_withholds_their_number_has_none(said: dict[str, Any]) -> None:
    [call] = parse_calls(INBOUND | said)

    assert (call.number, call.e164) == ("", "")


@pytest.mark.parametrize(
    "said",
    [
        {"call_id": None},
        {"start_time": "yesterday"},
        {"start_time": "0001-01-01T00:00:00Z"},
        {"callee_email": None, "callee_ext_number": None},
    ],
)
def test_a_row_that_cannot_be_told_from_others_is_left_out(said: dict[str, Any]) -> None:
    assert parse_calls(INBOUND | said) == []
    assert parse_calls(INBOUND) != []


def test_a_call_to_a_queue_is_of_those_it_came_to() -> None:
    assert parse_calls(QUEUE) == []
    member = {"callee_ext_type": "user", "event": "ring_to_member", "direction": "inbound"}
    path = QUEUE | {
        "call_elements": [
            {"event": "incoming", "result": "succeeded"},
            member | {"callee_email": "alice@northwind.example", "result": "ring_timeout", "answer_time": ""},
            member | {"callee_email": "bob@northwind.example", "result": "no_answer", "result_reason": "", "node": 0},
            member | {"callee_email": "alice@northwind.example", "result": "answered", "talk_time": 20},
            member | {"callee_email": "dora@northwind.example", "result": "answered", "event": "monitor"},
            "odd",
        ]
    }
    found = {one.owner.email: (one.result, one.seconds) for one in parse_path(path)}

    assert found == {"alice@northwind.example": ("answered", 20), "bob@northwind.example": ("missed", 0)}


@pytest.mark.parametrize(
    ("said", "reason", "incoming", "outgoing"),
    [
        ("answered", "", "answered", "answered"),
        ("Call connected", "", "answered", "answered"),
        ("answered", "answered_by_other", "elsewhere", "answered"),
        ("Answered by Other Member", "", "elsewhere", "answered"),
        ("voicemail", "", "voicemail", "voicemail"),
        ("Message", "", "voicemail", "voicemail"),
        ("rejected", "", "declined", "declined"),
        ("Blocked by non-GAL", "", "declined", "declined"),
        ("busy", "", "missed", "busy"),
        ("No Answer", "", "missed", "no_answer"),
        ("Missed", "", "missed", "no_answer"),
        ("canceled", "", "missed", "no_answer"),
        ("hang_up", "", "missed", "no_answer"),
        ("service_unavailable", "", "failed", "failed"),
        ("a new word", "", "missed", "no_answer"),
    ],
)
def test_every_word_for_a_result_is_one_of_ours(said: str, reason: str, incoming: str, outgoing: str) -> None:
    row = {"result": said, "result_reason": reason}

    assert (parse_result(row, "in"), parse_result(row, "out")) == (incoming, outgoing)


def test_whether_they_talked_decides_where_the_word_does_not() -> None:
    assert parse_result({"result": "hang_up", "talk_time": 4}, "in") == "answered"
    assert parse_result({"result": "hang_up", "talk_time": 0}, "in") == "missed"


VOICEMAIL = {
    "id": "d43520fc6b7e4b26bbeef58a8a80f235",
    "call_id": "876634343743",
    "caller_name": "Rascoe Thomas",
    "caller_number": "12059014629",
    "caller_number_type": 2,
    "date_time": "2021-05-19T20:00:00Z",
    "download_url": "https://zoom.us/v2/phone/voice_mails/download/6q6cLeR8Q4WCdWGmGxCLEw",
    "duration": 18,
    "status": "unread",
    "owner": {"id": "u-alice", "type": "user", "name": "Alice", "extension_number": 1201},
}


def test_a_voicemail_is_its_owners_and_its_number_gets_the_plus_that_zoom_leaves_out() -> None:
    record = parse_voicemail(VOICEMAIL)
    assert record

    assert record.owner == Owner(remote_id="u-alice", extension="1201")
    assert (record.number, record.e164) == ("12059014629", "+12059014629")
    assert (record.is_read, record.seconds, record.transcript) == (False, 18, None)
    assert record.audio == VOICEMAIL["download_url"]


def test_an_internal_caller_of_a_voicemail_is_an_extension_however_long() -> None:
    record = parse_voicemail(VOICEMAIL | {"caller_number": "1205901462", "caller_number_type": 1})
    assert record

    assert (record.number, record.e164) == ("1205901462", "")


@pytest.mark.parametrize("said", [{"owner": {"type": "callQueue", "id": "q"}}, {"id": ""}, {"date_time": 5}])
def test_a_voicemail_that_is_nobodys_is_left_out(said: dict[str, Any]) -> None:
    assert parse_voicemail(VOICEMAIL | said) is None
    assert parse_voicemail(VOICEMAIL) is not None


@pytest.mark.parametrize(
    ("said", "transcript"),
    [
        ({"status": 2, "content": " Call me. "}, "Call me."),
        ({"status": 1, "content": "Call"}, None),
        ({"status": 2, "content": ""}, None),
        ("none", None),
    ],
)
def test_a_transcript_is_there_once_it_is_finished(said: Any, transcript: str | None) -> None:
    assert parse_transcript({"transcription": said}) == transcript


def test_a_user_has_their_numbers_in_full() -> None:
    numbers = [{"id": "a", "number": "14232058798"}, {"number": "+493012345678"}, {"number": 5}, "odd"]
    user = parse_user(
        {"id": "u", "email": "Alice@Northwind.example", "extension_number": 1201, "phone_numbers": numbers}
    )
    assert user

    assert (user.email, user.extension) == ("alice@northwind.example", "1201")
    assert user.numbers == ("+14232058798", "+493012345678")
    assert user.is_active
    gone = parse_user({"id": "u", "email": "a@b.example", "status": "deactivate"})
    assert gone is not None
    assert not gone.is_active
    assert parse_user({"id": "u", "email": ""}) is None


def test_moments_without_a_zone_are_in_gmt() -> None:
    assert parse_moment("2021-10-08T16:12:04") == datetime(2021, 10, 8, 16, 12, 4, tzinfo=UTC)
    assert parse_moment("2024-10-09T08:10:11.128Z") is not None
    assert parse_moment("0001-01-01T00:00:00+23:00") is None


def test_a_hidden_number_that_is_told_is_shown() -> None:
    assert parse_party(INBOUND, "caller").number == "+12059300920"


def test_a_list_is_asked_for_a_month_at_a_time_and_not_from_before_zoom_keeps() -> None:
    now = datetime.now(UTC)
    windows = list(make_windows(now - timedelta(days=400), now))

    assert windows[0]["from"] > f"{now - timedelta(days=181):%Y-%m-%dT%H:%M:%SZ}"
    for window in windows:
        begin, end = (datetime.fromisoformat(window[name]) for name in ("from", "to"))
        assert begin < end <= begin + timedelta(days=28)
    assert windows[-1]["to"] >= f"{now:%Y-%m-%dT%H:%M:%SZ}"


PRODUCTION = {"token_url": "https://zoom.us/oauth/token", "api_root": "https://api.zoom.us/v2/"}


@pytest.mark.parametrize(
    ("url", "is_zooms"),
    [
        ("https://zoom.us/v2/phone/voice_mails/download/x", True),
        ("https://api.zoom.us/v2/phone/voice_mails/download/x", True),
        ("https://us04file.zoom.us/x", True),
        ("http://zoom.us/x", False),
        ("https://zoom.us:8443/x", False),
        ("https://evilzoom.us/x", False),
        ("https://zoom.us.rival.example/x", False),
        ("https://zoom.us@rival.example/x", False),
        # What asks takes the host to end at the backslash.
        ("https://rival.example\\.zoom.us/x", False),
        ("https://rival.example%2f.zoom.us/x", False),
        ("https://rival.example#.zoom.us", False),
        ("https://.zoom.us/x", False),
        ("https://rival.example/zoom.us", False),
        ("https://[zoom.us/x", False),
        ("", False),
    ],
)
def test_the_token_is_shown_at_zooms_own_doors_alone(url: str, *, is_zooms: bool) -> None:
    assert Doors(PRODUCTION).are_zooms(url) is is_zooms


def test_the_doors_of_an_address_without_a_name_are_that_address_alone() -> None:
    doors = Doors({"token_url": "http://127.0.0.1:9100/zoom/oauth/token", "api_root": "http://127.0.0.1:9100/zoom/v2/"})

    assert doors.are_zooms("http://127.0.0.1:9100/x")
    assert not doors.are_zooms("http://127.0.0.1:9101/x")
    assert not doors.are_zooms("https://1.127.0.0.1/x")


def refuse(status: int, body: bytes) -> Answer:
    return Answer(status, {}, body)


def test_refusals_say_who_has_to_act() -> None:
    old_page = judge_answer(refuse(400, b'{"code":400,"message":"The next page token is invalid or expired."}'))
    assert isinstance(old_page, CursorExpired)
    no_phone = judge_answer(refuse(403, b'{"code":403,"message":"No Zoom Phone."}'))
    assert isinstance(no_phone, AdminNeeded)
    assert "Zoom Phone" in no_phone.sentence
    scopes = judge_answer(
        refuse(400, b'{"code":4711,"message":"does not contain scopes:[phone:read:list_users:admin]."}')
    )
    assert isinstance(scopes, AdminNeeded)
    assert "phone:read:list_users:admin" in scopes.sentence
    fields = judge_answer(refuse(400, b'{"code":300,"message":"Invalid.","errors":[{"field":"from","message":"x"}]}'))
    assert isinstance(fields, Rejected)


@pytest.mark.parametrize(("status", "code"), [(400, 404), (404, 404), (400, 300)])
def test_of_a_voicemail_that_does_not_exist_zoom_says_so_in_many_ways(status: int, code: int) -> None:
    assert isinstance(judge_voicemail(refuse(status, b'{"code":%d,"message":"Not there."}' % code)), Gone)
