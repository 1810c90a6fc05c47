"""Zoom Phone's notifications as its documents show them, of every generation, and as they should never be.

Reference: https://developers.zoom.us/docs/api/phone/events/ (the examples)
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phone.systems import CallRecord, Erasure, Owner, VoicemailRecord
from phone.zoom import events
from tests.phone.notifications import ACCOUNT, completed, element

TOLD_AT = datetime(2021, 8, 19, 21, 16, 22, 327_000, UTC)


def say(event: str, thing: Any, *, at: Any = 1_629_407_782_327) -> Any:
    return {"event": f"phone.{event}", "event_ts": at, "payload": {"account_id": ACCOUNT, "object": thing}}


def read(event: str, thing: Any) -> Any:
    """The only thing that it tells."""
    (told,) = events.parse(say(event, thing)).told
    return told


FIRST = {
    "id": "4a4ed8ec-6be4-4e42-96e6-352a4396204d", "call_id": "6971668473388011511", "call_type": "voip",
    "direction": "inbound", "caller_number": "1045", "caller_number_type": 2, "caller_name": "Ada Byron",
    "caller_did_number": "+12055967465", "callee_number": "1026", "callee_number_type": 1, "callee_name": "Alice",
    "callee_did_number": "+15104381494", "duration": 40, "result": "Call connected",
    "date_time": "2021-06-09T05:55:07Z", "call_end_time": "2021-06-09T05:55:52Z",
    "answer_start_time": "2021-06-09T05:55:12Z", "path": "extension", "has_voicemail": False,
}  # fmt: skip
LATER = {
    "call_id": "6971668473388011511", "connect_type": "external", "direction": "inbound",
    "caller_name": "Ada Byron", "caller_did_number": "+12055967465", "caller_number_type": "external_pstn",
    "callee_did_number": "+15104381494", "callee_ext_number": "1026", "callee_ext_type": "user",
    "callee_email": "alice@northwind.example", "start_time": "2021-06-09T05:55:07Z",
    "answer_time": "2021-06-09T05:55:12Z", "end_time": "2021-06-09T05:55:52Z", "event": "incoming",
    "result": "answered", "talk_time": 40, "caller_hardware_device_id": "something of next year's",
}  # fmt: skip
SECOND = {**LATER, "id": "20211008-48c1", "call_path_id": "20211008-1ac1"}
THIRD = {**LATER, "call_element_id": "20211008-48c1", "call_history_uuid": "20211008-1ac1"}


def test_the_three_generations_tell_the_same_call() -> None:
    first = read("callee_call_log_completed", {"user_id": "zoom-alice", "call_logs": [FIRST]})
    second = read("callee_call_history_completed", {"user_id": "zoom-alice", "call_logs": [SECOND]})
    third = read("callee_call_element_completed", {"user_id": "zoom-alice", "call_elements": [THIRD]})
    assert second == third == CallRecord(
        owner=Owner("zoom-alice", "alice@northwind.example", "1026"), call_id="6971668473388011511", direction="in",
        result="answered", started_at=datetime(2021, 6, 9, 5, 55, 7, tzinfo=UTC), number="+12055967465",
        e164="+12055967465", name="Ada Byron", line="+15104381494", seconds=40, log_id="20211008-48c1",
        reported_at=TOLD_AT,
    )  # fmt: skip
    assert replace(first, owner=third.owner, log_id=third.log_id) == third
    assert first.owner == Owner("zoom-alice")


def test_of_the_caller_it_is_outgoing_and_names_the_other_one() -> None:
    own = {"caller_ext_type": "user", "caller_email": "alice@northwind.example", "event": "outgoing"}
    row = {**THIRD, **own, "result": "no_answer", "answer_time": "", "talk_time": 0, "callee_name": "Bob"}
    told = read("caller_call_element_completed", {"user_id": "zoom-alice", "call_elements": [row]})
    assert (told.direction, told.result, told.number, told.name) == ("out", "no_answer", "+15104381494", "Bob")
    assert told.owner.email == "alice@northwind.example"


def test_each_element_is_told_and_those_who_listen_in_were_not_called() -> None:
    rows = [element(1), element(2, result="no_answer"), element(3, event="monitor"), element(4, event="barge")]
    reading = events.parse(completed(*rows))
    assert ([one.result for one in reading.told], reading.left_out) == (["answered", "missed"], 2)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("+4930901820", "+4930901820")),
        ({"caller_did_number": None, "caller_ext_number": "2002", "connect_type": "internal"}, ("2002", "")),
        ({"caller_did_number": None, "caller_ext_number": 1002}, ("1002", "")),
        ({"caller_number_type": "anonymous_number"}, ("", "")),
        ({"caller_did_number": "anonymous"}, ("", "")),
        ({"caller_did_number": ""}, ("", "")),
        ({"caller_did_number": ["+49"]}, ("", "")),
    ],
)
def test_a_number_is_what_it_is_said_to_be(fields: Any, expected: Any) -> None:
    (told,) = events.parse(completed(element(**fields))).told
    assert (told.number, told.e164) == expected


MISSED = {
    "call_id": "6998252731812285292", "channel_id": "768efc81", "ringing_start_time": "2021-08-19T21:15:29Z",
    "call_end_time": "2021-08-19T21:15:42Z", "caller": {"phone_number": "+12092592844", "connection_type": "voip"},
    "callee": {"extension_id": "e", "extension_type": "user", "extension_number": 1002, "user_id": "zoom-alice",
               "phone_number": "+12058945456", "timezone": "America/Los_Angeles"},
}  # fmt: skip


def test_a_missed_call_is_told_while_its_log_is_still_to_come() -> None:
    told = read("callee_missed", MISSED)
    assert (told.result, told.number, told.line, told.call_id) == (
        "missed", "+12092592844", "+12058945456", "6998252731812285292",
    )  # fmt: skip
    assert (told.owner.remote_id, told.seconds, told.reported_at) == ("zoom-alice", 0, TOLD_AT)
    assert read("callee_missed", {**MISSED, "handup_result": "Answered by Other Member"}).result == "elsewhere"


def test_a_call_that_a_queue_missed_is_nobodys() -> None:
    queue = {**MISSED, "callee": {**MISSED["callee"], "extension_type": "callQueue"}}
    assert events.parse(say("callee_missed", queue)).told == []


VOICEMAIL = {
    "id": "70ea156dc8414742839569c1556c3314", "call_id": "666888666865648555", "date_time": "2021-08-19T00:16:22Z",
    "duration": 3, "download_url": "https://zoom.us/v2/phone/voice_mails/download/6q6c", "caller_name": "Rascoe Thomas",
    "caller_number": "12059014629", "caller_number_type": 2, "callee_id": "zoom-alice", "callee_name": "Alice",
    "callee_extension_type": "user", "callee_number": "58011", "callee_number_type": 1,
}  # fmt: skip


def test_a_message_is_told_with_where_its_sound_is() -> None:
    assert read("voicemail_received", VOICEMAIL) == VoicemailRecord(
        owner=Owner("zoom-alice"), voicemail_id=VOICEMAIL["id"], left_at=datetime(2021, 8, 19, 0, 16, 22, tzinfo=UTC),
        call_id="666888666865648555", number="12059014629", e164="+12059014629", name="Rascoe Thomas", seconds=3,
        audio=VOICEMAIL["download_url"], reported_at=TOLD_AT,
    )  # fmt: skip


def test_a_queues_message_is_theirs_who_may_listen_to_it() -> None:
    queue = {**VOICEMAIL, "callee_extension_type": "callQueue", "callee_id": "a-queue"}
    assert events.parse(say("voicemail_received", queue)).told == []
    shared = {**queue, "access_member_id": "zoom-bob", "access_member_extension_type": "user"}
    assert read("voicemail_received_for_access_member", shared).owner == Owner("zoom-bob")
    room = {**shared, "access_member_extension_type": "commonAreaPhone"}
    assert events.parse(say("voicemail_received_for_access_member", room)).told == []


def test_what_was_said_comes_later_and_says_nothing_of_the_sound() -> None:
    thing = {name: VOICEMAIL[name] for name in VOICEMAIL if name not in ("download_url", "duration")}
    done = read("voicemail_transcript_completed", {**thing, "transcription": {"status": 2, "content": "Call me."}})
    failed = read("voicemail_transcript_completed", {**thing, "transcription": {"status": 422, "content": ""}})
    assert (done.transcript, done.audio, done.seconds, failed.transcript) == ("Call me.", None, None, None)


@pytest.mark.parametrize(
    ("event", "thing", "expected"),
    [
        ("voicemail_deleted", {"voice_mails": [{"id": "v1"}, {"id": 7}]}, Erasure(Owner(), voicemail_ids=("v1",))),
        ("voicemail_permanently_deleted", {"voice_mails": [{"id": "v1"}]}, Erasure(Owner(), voicemail_ids=("v1",))),
        ("call_log_deleted", {"user_id": "a", "call_logs": [{"id": "l1", "call_id": "c1"}]},
         Erasure(Owner("a"), call_ids=("c1",), log_ids=("l1",))),
        ("call_history_deleted", {"user_id": "a", "call_log_ids": ["l1", "l2"], "delete_all": False},
         Erasure(Owner("a"), log_ids=("l1", "l2"))),
        ("call_element_deleted", {"user_id": "a", "call_element_ids": ["e1"], "move_to_trash": True},
         Erasure(Owner("a"), log_ids=("e1",))),
        ("call_element_deleted", {"user_id": "a", "delete_all": True, "execute_time": "2024-10-09T08:10:11.128Z"},
         Erasure(Owner("a"), calls_until=datetime(2024, 10, 9, 8, 10, 11, 128_000, UTC))),
    ],
)  # fmt: skip
def test_what_was_deleted_there_is_named(event: str, thing: Any, expected: Erasure) -> None:
    assert read(event, thing) == expected


@pytest.mark.parametrize(
    "thing",
    [{}, {"user_id": "a"}, {"call_element_ids": ["e1"]}, {"user_id": "a", "call_element_ids": "e1"}],
)
def test_a_deletion_of_nothing_or_of_nobodys_is_left_out(thing: Any) -> None:
    reading = events.parse(say("call_element_deleted", thing))
    assert (reading.told, reading.left_out) == ([], 1)


@pytest.mark.parametrize(
    "notification",
    [None, [], "a", {}, {"event": None}, {"event": ["phone.callee_missed"]}, {"event": "phone.sms_received"},
     {"event": "phone.callee_ended", "payload": {"object": MISSED}}],
)  # fmt: skip
def test_what_is_about_nothing_that_we_keep_tells_nothing(notification: Any) -> None:
    assert events.parse(notification) == events.Reading()


@pytest.mark.parametrize("broken", [{"call_id": None}, {"start_time": "yesterday"}, {"start_time": "0001-01-01T00:00"}])
def test_a_row_without_the_least_is_left_out_and_counted(broken: Any) -> None:
    reading = events.parse(completed(element(1, **broken), element(2)))
    assert (len(reading.told), reading.left_out) == (1, 1)


PIECES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([1e400, -1, 10**30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = [
    completed(element()),
    say("callee_call_log_completed", {"user_id": "a", "call_logs": [FIRST]}),
    say("caller_call_history_completed", {"user_id": "a", "call_logs": [SECOND]}),
    say("callee_missed", MISSED),
    say("voicemail_received", VOICEMAIL),
    say("voicemail_transcript_completed", {**VOICEMAIL, "transcription": {"status": 2, "content": "a"}}),
    say("voicemail_deleted", {"voice_mails": [{"id": "v1"}]}),
    say("call_element_deleted", {"user_id": "a", "call_element_ids": ["e1"], "delete_all": True, "execute_time": "x"}),
]


def list_places(thing: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    return [path, *(place for key, value in inner for place in list_places(value, (*path, key)))]


@settings(max_examples=400, deadline=None)
@given(data=st.data(), example=st.sampled_from(EXAMPLES))
def test_any_value_in_any_place_is_survived(data: st.DataObject, example: Any) -> None:
    thing = json.loads(json.dumps(example))
    *path, last = data.draw(st.sampled_from(list_places(thing)[1:]))
    inner = thing
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(PIECES)
    for told in events.parse(thing).told:
        assert isinstance(told, CallRecord | VoicemailRecord | Erasure)
