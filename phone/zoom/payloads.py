"""Rows of Zoom Phone's REST lists into our records. Pure; what cannot be used is left out.

Reference: https://developers.zoom.us/docs/api/phone/#tag/call-logs/get/phone/call_history
Reference: https://developers.zoom.us/docs/api/phone/#tag/voicemails/get/phone/voice_mails
Reference: https://developers.zoom.us/docs/api/phone/#tag/users/get/phone/users
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from integrations.numbers import parse_number
from phone.systems import LONGEST_TRANSCRIPT, LONGEST_URL, CallRecord, DirectionWord, Owner, PhoneUser, VoicemailRecord
from phone.zoom.rows import (
    OVERHEARD,
    Party,
    Row,
    parse_direction,
    parse_moment,
    parse_party,
    parse_result,
    parse_talk,
    read_seconds,
    read_text,
)

MOST_NUMBERS = 50
TRANSCRIBED = 2
PEOPLE = ("", "user")
SHARED = ("call_id", "direction", "connect_type", "start_time", "end_time")
"""What a call says for all elements of its path that do not say it themselves."""
_BEST_FIRST = ("answered", "voicemail", "declined", "elsewhere", "missed", "busy", "no_answer", "failed")


def parse_calls(row: Row) -> list[CallRecord]:
    """A call of the account as each of its people has it: a call between colleagues is one of the caller's, and one of
    the callee's. None where neither is a person, as of a call that only a queue has seen.

    It counts as reported when it ended: that is more than was told while it rang, and less than the notification that
    came behind it, which knows who else answered.
    """
    caller, callee = parse_party(row, "caller"), parse_party(row, "callee")
    direction, is_internal = parse_direction(row), read_text(row, "connect_type") == "internal"
    found = []
    if caller.is_person and (is_internal or direction != "in"):
        found.append(_make_call(row, caller, callee, "out"))
    if callee.is_person and (is_internal or direction != "out"):
        found.append(_make_call(row, callee, caller, "in"))
    return [one for one in found if one]


def _make_call(row: Row, own: Party, other: Party, direction: DirectionWord) -> CallRecord | None:
    call_id, started_at = read_text(row, "call_id"), parse_moment(read_text(row, "start_time", "date_time"))
    if not call_id or started_at is None or not (own.email or own.extension):
        return None
    result = parse_result(row, direction)
    return CallRecord(
        owner=Owner(email=own.email, extension=own.extension),
        call_id=call_id,
        direction=direction,
        result=result,
        started_at=started_at,
        number=other.number,
        e164=other.e164,
        name=other.name,
        line=own.number,
        seconds=parse_talk(row, result),
        log_id=read_text(row, "call_element_id"),
        reported_at=parse_moment(read_text(row, "end_time", "call_end_time")),
    )


def is_for_nobody(row: Row) -> bool:
    """Whether only its path tells who answered: a queue or a receptionist took the call."""
    return parse_direction(row) == "in" and not parse_party(row, "callee").is_person


def parse_path(call: Row) -> list[CallRecord]:
    """Of a call shown whole, what each of the people has of it whom it came to, one after the other or all at once."""
    elements = call.get("call_elements") or call.get("call_path")
    # What became of it, and whom it came to, is each one's own.
    shared = {name: call[name] for name in call if name in SHARED or name.startswith("caller_")}
    best: dict[Owner, CallRecord] = {}
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, dict) or read_text(element, "event") in OVERHEARD:
            continue
        whole = shared | element
        if not parse_party(whole, "callee").is_person:
            continue
        for record in parse_calls(whole):
            known = best.get(record.owner)
            if record.direction == "in" and (known is None or _rank(record) < _rank(known)):
                best[record.owner] = record
    return list(best.values())


def _rank(record: CallRecord) -> int:
    return _BEST_FIRST.index(record.result)


def find_history_id(row: Row) -> str:
    return read_text(row, "call_history_uuid", "id")


def parse_voicemail(row: Row, reported_at: datetime | None = None) -> VoicemailRecord | None:
    """None where it has no id or no time, or is nobody's but a queue's. `reported_at`: when it was asked for."""
    voicemail_id, left_at = read_text(row, "id"), parse_moment(row.get("date_time"))
    owner = row.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    if not voicemail_id or left_at is None or read_text(owner, "type").lower() not in PEOPLE:
        return None
    caller = parse_party(row, "caller")
    status, url = read_text(row, "status").lower(), row.get("download_url")
    return VoicemailRecord(
        owner=Owner(remote_id=read_text(owner, "id"), extension=read_text(owner, "extension_number")),
        voicemail_id=voicemail_id,
        left_at=left_at,
        call_id=read_text(row, "call_id"),
        number=caller.number,
        e164=caller.e164,
        name=caller.name,
        seconds=read_seconds(row, "duration"),
        is_read={"read": True, "unread": False}.get(status),
        audio=url if isinstance(url, str) and 0 < len(url) <= LONGEST_URL else None,
        reported_at=reported_at,
    )


def parse_transcript(row: Row) -> str | None:
    """None where there is none, or none yet."""
    said = row.get("transcription")
    if not isinstance(said, dict) or said.get("status") != TRANSCRIBED:
        return None
    content = said.get("content")
    return content.strip()[:LONGEST_TRANSCRIPT] if isinstance(content, str) and content.strip() else None


def parse_user(row: Row) -> PhoneUser | None:
    """None where they cannot be told from others, or have no address that a person here could have."""
    remote_id, email = read_text(row, "id"), read_text(row, "email").lower()
    if not remote_id or "@" not in email:
        return None
    return PhoneUser(
        remote_id=remote_id,
        email=email,
        extension=read_text(row, "extension_number"),
        numbers=tuple(dict.fromkeys(_list_numbers(row.get("phone_numbers")))),
        is_active=read_text(row, "status").lower() in ("", "activate", "active"),
    )


def _list_numbers(listed: Any) -> Iterator[str]:
    """Zoom gives them in full, with or without their plus."""
    rows: Iterable[Any] = listed[:MOST_NUMBERS] if isinstance(listed, list) else ()
    for one in rows:
        number = read_text(one, "number") if isinstance(one, dict) else ""
        if number and (e164 := parse_number(f"+{number.lstrip('+')}").e164):
            yield e164
