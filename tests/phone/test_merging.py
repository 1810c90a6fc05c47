"""Any order and any repetition of the same tellings is the same row, also where rows come in between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phone.merging import BEST_FIRST, merge_calls, merge_voicemails
from phone.systems import CallRecord, Owner, ResultWord, VoicemailRecord

MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)
MOMENTS = st.integers(0, 3).map(lambda minutes: MORNING + timedelta(minutes=minutes))
WORDS = st.sampled_from(["", "a", "b", "ab"])
CALLS = st.builds(
    CallRecord, owner=st.just(Owner()), call_id=st.just("1"), direction=st.sampled_from(["in", "out"]),
    result=st.sampled_from(BEST_FIRST), started_at=MOMENTS, number=WORDS, e164=WORDS, name=WORDS, line=WORDS,
    seconds=st.integers(0, 3), log_id=WORDS, reported_at=st.none() | MOMENTS,
)  # fmt: skip
MESSAGES = st.builds(
    VoicemailRecord, owner=st.just(Owner()), voicemail_id=st.just("1"), left_at=st.none() | MOMENTS, call_id=WORDS,
    number=WORDS, e164=WORDS, name=WORDS, seconds=st.none() | st.integers(0, 3), is_read=st.none() | st.booleans(),
    transcript=st.none() | st.sampled_from(["a", "b", "ab"]), audio=st.none() | st.sampled_from(["a", "b"]),
    reported_at=st.none() | MOMENTS,
)  # fmt: skip


@given(data=st.data(), kind=st.sampled_from([(CALLS, merge_calls), (MESSAGES, merge_voicemails)]))
def test_any_order_any_repetition_and_any_pause_is_the_same(data: st.DataObject, kind: Any) -> None:
    records, merge = kind
    told = data.draw(st.lists(records, min_size=1, max_size=5))
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    pause = data.draw(st.integers(0, len(again)))
    kept = [merge(again[:pause])] if pause else []  # what stands in the row by then
    assert merge([*kept, *again[pause:]] if kept or again[pause:] else told) == merge(told)


def test_every_result_has_its_place() -> None:
    assert sorted(BEST_FIRST) == sorted(get_args(ResultWord))


@pytest.fixture
def make_call() -> Callable[..., CallRecord]:
    def make(result: ResultWord, minute: int = 0, **fields: Any) -> CallRecord:
        moment = MORNING + timedelta(minutes=minute)
        return CallRecord(Owner(), "1", "in", result, moment, reported_at=moment, **fields)

    return make


def test_it_is_what_the_one_said_who_answered(make_call: Callable[..., CallRecord]) -> None:
    rang = make_call("missed", 0, line="Support", number="1", name="Later", seconds=5)
    talked = make_call("answered", 1, line="101", number="1", name="Ada", seconds=50)
    told_late = make_call("missed", 2, line="102", number="1", name="", seconds=9)
    merged = merge_calls([rang, talked, told_late])
    assert (merged.result, merged.line, merged.name, merged.seconds) == ("answered", "101", "Ada", 50)
    assert merged.started_at == MORNING


def test_what_was_said_last_counts_and_nothing_older(make_call: Callable[..., CallRecord]) -> None:
    newer, older = make_call("missed", 5, name="Ada Byron"), make_call("missed", 1, name="Unknown")
    assert merge_calls([newer, older]).name == merge_calls([older, newer]).name == "Ada Byron"


def test_whoever_tells_what_the_entry_is_called_it_can_be_erased(make_call: Callable[..., CallRecord]) -> None:
    rang, listed = make_call("missed", 5, name="Ada Byron"), make_call("missed", 1, log_id="entry-1")
    merged = merge_calls([rang, listed])
    assert (merged.name, merged.log_id) == ("Ada Byron", "entry-1")
    assert merge_calls([listed, rang]) == merged


def test_a_transcript_without_sound_leaves_the_sound() -> None:
    message = VoicemailRecord(Owner(), "1", MORNING, name="Ada", seconds=3, audio="here", reported_at=MORNING)
    said = VoicemailRecord(Owner(), "1", transcript="Call me.", reported_at=MORNING + timedelta(minutes=5))
    merged = merge_voicemails([message, said])
    assert (merged.audio, merged.name, merged.seconds, merged.transcript) == ("here", "Ada", 3, "Call me.")
    assert merge_voicemails([said, message]) == merged
