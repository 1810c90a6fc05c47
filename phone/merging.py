"""One row of what was told about one call or message, in whatever order, and however often. Pure.

The same call is told of by several notifications (each generation of events has its own), by one for each leg of it,
and by reconciling. Each of these rules gives the same row for any order and any repetition of the same tellings:

- the result is the best of `BEST_FIRST`; it began when the earliest says; they talked as long as the longest says;
  whichever says how the system's entry for it is called, that is known;
- who it was with is what the tellings say that it was answered in, else all; of those, the one said last.

Of a message, what tells where its audio is says who left it; the longest transcript is it; read anywhere is read.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from phone.systems import CallRecord, ResultWord, VoicemailRecord

BEST_FIRST: tuple[ResultWord, ...] = (
    "answered", "voicemail", "elsewhere", "declined", "busy", "no_answer", "failed", "missed",
)  # fmt: skip
_RANK = {result: -place for place, result in enumerate(BEST_FIRST)}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def better_result(one: ResultWord, other: ResultWord) -> ResultWord:
    return one if _RANK[one] >= _RANK[other] else other


def merge_calls(tellings: Iterable[CallRecord]) -> CallRecord:
    """Of one owner and call_id; at least one."""
    return reduce(_merge_two_calls, map(_settle_call, tellings))


def merge_voicemails(tellings: Iterable[VoicemailRecord]) -> VoicemailRecord:
    """Of one owner and voicemail_id; at least one."""
    return reduce(_merge_two_voicemails, map(_settle_voicemail, tellings))


def _settle_call(told: CallRecord) -> CallRecord:
    seconds = told.seconds if told.result == "answered" else 0
    return replace(told, seconds=seconds, reported_at=told.reported_at or LONG_AGO)


def _merge_two_calls(one: CallRecord, other: CallRecord) -> CallRecord:
    return replace(
        max(one, other, key=_weigh_call),
        result=better_result(one.result, other.result),
        started_at=min(one.started_at, other.started_at),
        seconds=max(one.seconds, other.seconds),
        log_id=max(one.log_id, other.log_id),
    )


def _weigh_call(told: CallRecord) -> tuple[Any, ...]:
    """Of two said in the same moment the fuller one; the rest only makes two that differ never weigh the same."""
    fullness = (told.number != "", told.e164 != "", told.name != "", told.line != "")
    content = (told.number, told.e164, told.name, told.line, told.direction)
    return (told.result == "answered", told.reported_at, *fullness, *content)


def _settle_voicemail(told: VoicemailRecord) -> VoicemailRecord:
    return replace(told, reported_at=told.reported_at or LONG_AGO)


def _merge_two_voicemails(one: VoicemailRecord, other: VoicemailRecord) -> VoicemailRecord:
    moments = [told.left_at for told in (one, other) if told.left_at]
    lengths = [told.seconds for told in (one, other) if told.seconds is not None]
    transcripts = [told.transcript for told in (one, other) if told.transcript is not None]
    flags = [told.is_read for told in (one, other) if told.is_read is not None]
    return replace(
        max(one, other, key=_weigh_voicemail),
        left_at=min(moments, default=None),
        call_id=max(one.call_id, other.call_id),
        seconds=max(lengths, default=None),
        transcript=max(transcripts, key=lambda text: (len(text), text), default=None),
        is_read=any(flags) if flags else None,
    )


def _weigh_voicemail(told: VoicemailRecord) -> tuple[Any, ...]:
    fullness = (told.number != "", told.e164 != "", told.name != "")
    return (bool(told.audio), told.reported_at, *fullness, told.number, told.e164, told.name, told.audio or "")
