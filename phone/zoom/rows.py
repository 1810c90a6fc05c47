"""What Zoom Phone's rows say of a call, wherever they stand: in its REST lists, and in notifications. Pure.

Names and words differ from one generation of its API to the next; every one of them is read, and what is of another
type than documented, or missing, is as if it were not said.

Reference: https://developers.zoom.us/docs/api/phone/#tag/call-logs
Reference: https://developers.zoom.us/docs/phone/webhook-migrate/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from integrations.numbers import is_e164, parse_number
from phone.systems import MOST_SECONDS, YEARS, DirectionWord, ResultWord

Row = Mapping[str, Any]
Side = Literal["caller", "callee"]

LONGEST = 300
ANONYMOUS = {"anonymous", "anonymous_number", "private", "restricted", "unavailable", "unknown", "withheld"}
OVERHEARD = {"barge", "monitor", "whisper", "listen", "takeover", "conference_barge"}
"""Legs of a supervisor who listens in: nobody called them."""
PLAIN_DIGITS = range(10, 16)
"""So many digits without a plus, called an external number, are one with its country code."""

_TALKED = {"answered", "accepted", "picked_up", "connected", "succeeded", "call_connected", "recorded",
           "auto_recorded", "recording_failure", "park", "parked"}  # fmt: skip
_ELSEWHERE = {"answered_by_other", "pickup_by_other", "answered_by_other_member"}
_FAILED = {"call_failed", "failed", "invalid_key", "invalid_operation", "service_unavailable", "internal_error",
           "wrong_number", "international_disabled", "restricted_number"}  # fmt: skip
_VOICEMAIL = {"voicemail", "message"}
_DECLINED = {"rejected", "system_blocked", "blocked"}


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a call. `number` as Zoom gives it, "" where it is withheld; `e164` only where Zoom says so."""

    number: str = ""
    e164: str = ""
    name: str = ""
    email: str = ""
    extension: str = ""
    is_person: bool = False
    """A user of the account, and no queue, receptionist, room or number outside."""


def read_text(row: Row, *names: str) -> str:
    """The first of these that says something; numbers are taken as text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()[:LONGEST]
    return ""


def read_seconds(row: Row, *names: str) -> int | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return min(max(value, 0), MOST_SECONDS)
    return None


def parse_moment(text: Any) -> datetime | None:
    """Zoom's times are in GMT, whether they say so or not."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.year not in YEARS:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_party(row: Row, side: Side) -> Party:
    """Who is on this side. A number that is hidden from others is shown all the same to whoever was called by it."""
    kind = read_text(row, f"{side}_ext_type", f"{side}_extension_type").lower()
    number_type = row.get(f"{side}_number_type")
    email = read_text(row, f"{side}_email").lower()
    direct, plain = read_text(row, f"{side}_did_number"), read_text(row, f"{side}_number")
    extension = read_text(row, f"{side}_ext_number")
    if number_type == 1 and not extension:
        extension, plain = plain, ""
    full = _find_e164(direct) or _find_e164(plain, is_external=number_type == 2)
    number = direct or plain or extension
    if number_type == "anonymous_number" or number.lower() in ANONYMOUS:
        return Party(email=email, is_person=False)
    # Of a colleague the extension is what stands in the directory; a number of their own is what a contact has.
    is_person = kind == "user" or (not kind and bool(email))
    return Party(number, full, read_text(row, f"{side}_name"), email, extension, is_person)


def _find_e164(text: str, *, is_external: bool = False) -> str:
    """ "" where it is no full number. Voicemail names external numbers without their plus."""
    if is_e164(text):
        return text
    if is_external and text.isascii() and text.isdigit() and len(text) in PLAIN_DIGITS:
        return parse_number(f"+{text}").e164 or ""
    return ""


def parse_direction(row: Row) -> DirectionWord | None:
    return {"inbound": "in", "outbound": "out"}.get(read_text(row, "direction").lower())  # type: ignore[return-value]


def parse_result(row: Row, direction: DirectionWord) -> ResultWord:
    """What became of it, for the person on this side: nobody answering is missed by one, and no answer to the other.

    A result that nobody has told us of is judged by whether they talked.
    """
    said, reason = (_normalize(read_text(row, *names)) for names in (("call_result", "result"), ("result_reason",)))
    if said in _ELSEWHERE or (said in _TALKED and reason in _ELSEWHERE):
        return "elsewhere" if direction == "in" else "answered"
    if said in _TALKED:
        return "answered"
    if said in _VOICEMAIL:
        return "voicemail"
    if said in _DECLINED or said.startswith("blocked"):
        return "declined"
    if said in _FAILED:
        return "failed"
    if said == "busy" and direction == "out":
        return "busy"
    if said in ("hang_up", "") and _has_talked(row):
        return "answered"
    return "missed" if direction == "in" else "no_answer"


def _normalize(said: str) -> str:
    """ "Call connected" of the first generation as the later ones write it."""
    return said.lower().replace(" ", "_").replace("-", "_")


def _has_talked(row: Row) -> bool:
    return bool(read_seconds(row, "talk_time")) or read_text(row, "answer_time", "answer_start_time") != ""


def parse_talk(row: Row, result: ResultWord) -> int:
    """Seconds that they talked; 0 unless it was answered."""
    if result != "answered":
        return 0
    if (talked := read_seconds(row, "talk_time")) is not None:
        return talked
    began = parse_moment(read_text(row, "answer_time", "answer_start_time"))
    ended = parse_moment(read_text(row, "end_time", "call_end_time"))
    if began and ended and ended >= began:
        return min(int((ended - began).total_seconds()), MOST_SECONDS)
    return read_seconds(row, "duration") or 0
