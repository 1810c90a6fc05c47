"""What any phone system but Zoom's may post: our own JSON, described in docs/other-phone-systems.md. Pure.

What does not fit is said in sentences, all of it at once, to whoever teaches their system to write this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args
from urllib.parse import urlsplit

from phone.systems import (
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_NUMBER,
    LONGEST_TRANSCRIPT,
    LONGEST_URL,
    MOST_SECONDS,
    YEARS,
    CallRecord,
    Erasure,
    Owner,
    ResultWord,
    Told,
    VoicemailRecord,
)

MOST_EVENTS = 100
MOST_IDS = 1_000

RESULTS: tuple[str, ...] = get_args(ResultWord)
DIRECTIONS = ("in", "out")

Event = Mapping[str, Any]
Check = Callable[[Any], str]
"""What is wrong with this value: the end of a sentence, or ""."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`problems`: sentences; where there is one, nothing of `told` is to be taken."""

    told: list[Told] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse(notification: Any) -> Reading:
    """One event, or a list of up to `MOST_EVENTS`. `notification`: as JSON was read; None where it was none."""
    events = notification if isinstance(notification, list) else [notification]
    if notification is None:
        return Reading(problems=["The body is not JSON."])
    if not 0 < len(events) <= MOST_EVENTS:
        return Reading(problems=[f"Send one event, or a list of 1 to {MOST_EVENTS}."])
    reading = Reading()
    for number, event in enumerate(events, start=1):
        where = f"Event {number}: " if isinstance(notification, list) else ""
        problems = find_problems(event)
        reading.problems.extend(f"{where}{one}" for one in problems)
        if not problems:
            reading.told.append(_MAKERS[event["type"]](event))
    return Reading(problems=reading.problems) if reading.problems else reading


def find_problems(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return ["It is no object."]
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        return [f'"type" has to be one of {_list(FIELDS)}.']
    fields, needed = FIELDS[kind]
    problems = [f'"{name}" is missing.' for name in needed if name not in event]
    for name, value in event.items():
        if name not in fields:
            problems.append(f'"{name[:60]}" is no field of "{kind}". There are {_list(fields)}.')
        elif wrong := fields[name](value):
            problems.append(f'"{name}" {wrong}')
    if kind != "erased" and "user" not in event:
        problems.append('Say whose it is: "user" is their e-mail address.')
    if kind == "erased" and not (event.get("call_ids") or event.get("voicemail_ids")):
        problems.append('Say what was erased: "call_ids" or "voicemail_ids".')
    return problems


def _list(words: Any) -> str:
    return ", ".join(f'"{one}"' for one in words)


def _text(longest: int, *, may_be_empty: bool = True) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest:
            return f"has to be text of at most {longest} characters."
        return "" if may_be_empty or value.strip() else "is empty."

    return check


def _word(*words: str) -> Check:
    return lambda value: "" if isinstance(value, str) and value in words else f"has to be one of {_list(words)}."


def _is_flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "has to be true or false."


def _is_seconds(value: Any) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_whole and 0 <= value <= MOST_SECONDS else f"has to be a whole number from 0 to {MOST_SECONDS}."


def _is_moment(value: Any) -> str:
    return "" if _parse_moment(value) else "has to be a time with its zone, such as 2026-03-02T09:30:00+01:00."


def _is_ids(value: Any) -> str:
    is_list = isinstance(value, list) and len(value) <= MOST_IDS
    if is_list and all(isinstance(one, str) and 0 < len(one) <= LONGEST_ID for one in value):
        return ""
    return f"has to be a list of at most {MOST_IDS} texts of 1 to {LONGEST_ID} characters."


def _is_audio(value: Any) -> str:
    """Whether the address may be reached is judged when it is."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= LONGEST_URL else None
        is_plain = parts is not None and parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        is_plain = False
    return "" if is_plain else f"has to be an https:// address of at most {LONGEST_URL} characters, without a password."


_SHARED: dict[str, Check] = {
    "type": lambda value: "",
    "user": _text(254, may_be_empty=False),
    "told_at": _is_moment,
}
_PARTY: dict[str, Check] = {
    "number": _text(LONGEST_NUMBER),
    "is_internal": _is_flag,
    "name": _text(LONGEST_NAME),
    "seconds": _is_seconds,
}
FIELDS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "call": (
        {
            **_SHARED,
            "call_id": _text(LONGEST_ID, may_be_empty=False),
            "direction": _word(*DIRECTIONS),
            "result": _word(*RESULTS),
            "started_at": _is_moment,
            **_PARTY,
            "line": _text(LONGEST_NUMBER),
        },
        ("call_id", "direction", "result", "started_at"),
    ),
    "voicemail": (
        {
            **_SHARED,
            "voicemail_id": _text(LONGEST_ID, may_be_empty=False),
            "left_at": _is_moment,
            **_PARTY,
            "call_id": _text(LONGEST_ID),
            "is_read": _is_flag,
            "transcript": _text(LONGEST_TRANSCRIPT),
            "audio_url": _is_audio,
        },
        ("voicemail_id", "left_at"),
    ),
    "erased": ({**_SHARED, "call_ids": _is_ids, "voicemail_ids": _is_ids}, ()),
}
"""By type: each field with its check, and which there must be."""


def _make_call(event: Event) -> CallRecord:
    number, e164 = _read_number(event)
    return CallRecord(
        owner=_read_owner(event),
        call_id=event["call_id"].strip(),
        direction=event["direction"],
        result=event["result"],
        started_at=datetime.fromisoformat(event["started_at"]),
        number=number,
        e164=e164,
        name=event.get("name", "").strip(),
        line=event.get("line", "").strip(),
        seconds=event.get("seconds", 0),
        reported_at=_parse_moment(event.get("told_at")),
    )


def _make_voicemail(event: Event) -> VoicemailRecord:
    number, e164 = _read_number(event)
    return VoicemailRecord(
        owner=_read_owner(event),
        voicemail_id=event["voicemail_id"].strip(),
        left_at=datetime.fromisoformat(event["left_at"]),
        call_id=event.get("call_id", "").strip(),
        number=number,
        e164=e164,
        name=event.get("name", "").strip(),
        seconds=event.get("seconds"),
        is_read=event.get("is_read"),
        transcript=event.get("transcript"),
        audio=event.get("audio_url"),
        reported_at=_parse_moment(event.get("told_at")),
    )


def _make_erasure(event: Event) -> Erasure:
    return Erasure(
        owner=_read_owner(event),
        call_ids=tuple(event.get("call_ids", ())),
        voicemail_ids=tuple(event.get("voicemail_ids", ())),
    )


def _read_owner(event: Event) -> Owner:
    return Owner(email=event.get("user", "").strip())


def _read_number(event: Event) -> tuple[str, str]:
    """As it stands, and what of it is a full number: nothing where the other one is a colleague."""
    number = event.get("number", "").strip()
    return number, "" if event.get("is_internal") else number


def _parse_moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment if moment and moment.utcoffset() is not None and moment.year in YEARS else None
    except (ValueError, OverflowError):
        return None


_MAKERS: dict[str, Callable[[Event], Told]] = {
    "call": _make_call,
    "voicemail": _make_voicemail,
    "erased": _make_erasure,
}
