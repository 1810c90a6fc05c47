"""What was told, as it can be kept: within the lengths of the columns, numbers read, and rows told once more."""

from dataclasses import replace

from integrations.numbers import parse_number
from phone.merging import LONG_AGO
from phone.models import Call, Voicemail
from phone.systems import (
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_NUMBER,
    LONGEST_TRANSCRIPT,
    LONGEST_URL,
    MOST_SECONDS,
    CallRecord,
    Owner,
    VoicemailRecord,
)

CALL_FIELDS = ("log_id", "direction", "result", "number", "e164", "name", "line", "started_at", "seconds",
               "reported_at")  # fmt: skip
VOICEMAIL_FIELDS = ("call_id", "left_at", "number", "e164", "name", "seconds", "transcript", "audio", "reported_at")
WHOEVER = Owner()
"""Whose it is, is known by then: tellings of one call differ only in what they say of it."""


def clean_call(told: CallRecord, region: str) -> CallRecord:
    """`call_id` is "" where it cannot be kept. `region`: in which numbers are read."""
    number, e164 = _clean_number(told.number, told.e164, region)
    return replace(
        told,
        owner=WHOEVER,
        call_id=clean_id(told.call_id),
        log_id=clean_id(told.log_id),
        number=number,
        e164=e164,
        name=_clean(told.name, LONGEST_NAME),
        line=_clean(told.line, LONGEST_NUMBER),
        seconds=min(max(told.seconds, 0), MOST_SECONDS),
    )


def clean_voicemail(told: VoicemailRecord, region: str) -> VoicemailRecord:
    """`voicemail_id` is "" where it cannot be kept."""
    number, e164 = _clean_number(told.number, told.e164, region)
    return replace(
        told,
        owner=WHOEVER,
        voicemail_id=clean_id(told.voicemail_id),
        call_id=clean_id(told.call_id),
        number=number,
        e164=e164,
        name=_clean(told.name, LONGEST_NAME),
        seconds=None if told.seconds is None else min(max(told.seconds, 0), MOST_SECONDS),
        transcript=_clean(told.transcript or "", LONGEST_TRANSCRIPT) or None,
        audio=(told.audio and len(told.audio) <= LONGEST_URL and _clean(told.audio, LONGEST_URL)) or None,
    )


def clean_id(text: str) -> str:
    """ "" for one that is longer than any: cut short it might be another's."""
    return _clean(text, LONGEST_ID) if len(text) <= LONGEST_ID else ""


def _clean(text: str, longest: int) -> str:
    """Without what no database holds in a text: NUL, and halves of pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:longest].strip()


def _clean_number(number: str, e164: str, region: str) -> tuple[str, str]:
    found = parse_number(_clean(e164, LONGEST_NUMBER), region).e164 if e164 else None
    return _clean(number or e164, LONGEST_NUMBER), found or ""


def read_call(row: Call) -> CallRecord:
    """The row as if it were told once more."""
    return CallRecord(owner=WHOEVER, call_id=row.call_id, **{name: getattr(row, name) for name in CALL_FIELDS})


def read_voicemail(row: Voicemail) -> VoicemailRecord:
    fields = {name: getattr(row, name) for name in VOICEMAIL_FIELDS}
    fields |= {"transcript": row.transcript or None, "audio": row.audio or None}
    return VoicemailRecord(owner=WHOEVER, voicemail_id=row.voicemail_id, is_read=row.is_read, **fields)


def write_call(row: Call, merged: CallRecord) -> Call:
    for name in CALL_FIELDS:
        setattr(row, name, getattr(merged, name))
    return row


def write_voicemail(row: Voicemail, merged: VoicemailRecord) -> Voicemail:
    """All but whether it was read."""
    for name in VOICEMAIL_FIELDS:
        setattr(row, name, getattr(merged, name))
    row.left_at = merged.left_at or merged.reported_at or LONG_AGO
    row.seconds, row.transcript, row.audio = merged.seconds or 0, merged.transcript or "", merged.audio or ""
    return row
