"""What Zoom Phone's notifications say, of all three generations. Pure; never raises, whatever they hold.

Who a call belongs to is `user_id`; queues, receptionists and rooms have none that a person here has. Of the live events
only a missed call's is read: everything else comes, better told, when the call is over.

Reference: https://developers.zoom.us/docs/phone/webhook-migrate/
Reference: https://developers.zoom.us/docs/api/phone/events/
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from phone.systems import LONGEST_URL, YEARS, CallRecord, Erasure, Owner, Told, VoicemailRecord
from phone.zoom.payloads import parse_transcript
from phone.zoom.rows import (
    OVERHEARD,
    Row,
    Side,
    parse_moment,
    parse_party,
    parse_result,
    parse_talk,
    read_seconds,
    read_text,
)

LISTS = ("call_elements", "call_history", "call_logs")
"""Where the generations list their rows, the last one first."""
MOST_ROWS = 500


@dataclass(slots=True)
class Reading:
    """`left_out`: rows that could not be used. Both empty: about nothing that is kept."""

    told: list[Told] = field(default_factory=list)
    left_out: int = 0

    def add(self, *found: Told | None) -> None:
        self.told.extend(one for one in found if one is not None)
        self.left_out += sum(one is None for one in found)


def parse(notification: Any) -> Reading:
    reading = Reading()
    if not isinstance(notification, dict):
        return reading
    event, payload = notification.get("event"), notification.get("payload")
    parse_one = _PARSERS.get(event) if isinstance(event, str) else None
    if parse_one is None:
        return reading
    thing = payload.get("object") if isinstance(payload, dict) else None
    if isinstance(thing, dict):
        parse_one(reading, thing, _parse_told_at(notification.get("event_ts")))
    else:
        reading.left_out = 1
    return reading


def _parse_told_at(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year in YEARS else None


def _parse_callee_calls(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    reading.add(*(_parse_call(row, thing, "callee", told_at) for row in _list_rows(thing, *LISTS)))


def _parse_caller_calls(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    reading.add(*(_parse_call(row, thing, "caller", told_at) for row in _list_rows(thing, *LISTS)))


def _parse_missed(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    """Told within a second of the end of the call, minutes before its log may be."""
    callee = _flatten(thing.get("callee"), "callee")
    row = {
        **callee,
        **_flatten(thing.get("caller"), "caller"),
        "call_id": thing.get("call_id"),
        "start_time": thing.get("ringing_start_time"),
        "result": thing.get("handup_result") or "missed",
    }
    if read_text(callee, "callee_ext_type").lower() in ("", "user"):
        owner = thing["callee"] if isinstance(thing.get("callee"), dict) else {}
        reading.add(_parse_call(row, owner, "callee", told_at))


def _flatten(party: Any, side: Side) -> dict[str, Any]:
    """One side of a live event, written as rows of a log are."""
    if not isinstance(party, dict):
        return {}
    names = {
        "phone_number": "number",
        "extension_number": "ext_number",
        "extension_type": "ext_type",
        "name": "name",
    }
    return {f"{side}_{ours}": party.get(theirs) for theirs, ours in names.items()}


def _parse_call(row: Any, thing: Row, side: Side, told_at: datetime | None) -> CallRecord | None:
    """None where it is not said whose it is, which, or when."""
    if not isinstance(row, dict):
        return None
    call_id, user_id = read_text(row, "call_id"), read_text(thing, "user_id")
    started_at = parse_moment(read_text(row, "start_time", "date_time"))
    if not call_id or started_at is None or read_text(row, "event") in OVERHEARD:
        return None
    own, other = parse_party(row, side), parse_party(row, "caller" if side == "callee" else "callee")
    owner = Owner(user_id, own.email, own.extension) if own.is_person else Owner(user_id)
    if owner == Owner():
        return None
    result = parse_result(row, "in" if side == "callee" else "out")
    return CallRecord(
        owner=owner,
        call_id=call_id,
        direction="in" if side == "callee" else "out",
        result=result,
        started_at=started_at,
        number=other.number,
        e164=other.e164,
        name=other.name,
        line=own.number,
        seconds=parse_talk(row, result),
        log_id=read_text(row, "call_element_id", "id"),
        reported_at=told_at,
    )


def _parse_voicemail(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    """Of a queue's or a receptionist's, each person who may listen to it is told by a notification of their own."""
    user_id = read_text(thing, "callee_user_id")
    if not user_id and read_text(thing, "callee_extension_type").lower() in ("", "user"):
        user_id = read_text(thing, "callee_id")
    reading.add(_make_voicemail(thing, Owner(user_id), told_at))


def _parse_shared_voicemail(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    is_person = read_text(thing, "access_member_extension_type").lower() in ("", "user")
    owner = Owner(read_text(thing, "access_member_id")) if is_person else Owner()
    reading.add(_make_voicemail(thing, owner, told_at))


def _make_voicemail(thing: Row, owner: Owner, told_at: datetime | None) -> VoicemailRecord | None:
    voicemail_id = read_text(thing, "id")
    if not voicemail_id or owner == Owner():
        return None
    caller, url = parse_party(thing, "caller"), thing.get("download_url")
    return VoicemailRecord(
        owner=owner,
        voicemail_id=voicemail_id,
        left_at=parse_moment(thing.get("date_time")),
        call_id=read_text(thing, "call_id"),
        number=caller.number,
        e164=caller.e164,
        name=caller.name,
        seconds=read_seconds(thing, "duration"),
        transcript=parse_transcript(thing),
        audio=url if isinstance(url, str) and 0 < len(url) <= LONGEST_URL else None,
        reported_at=told_at,
    )


def _parse_erased_voicemail(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    ids = tuple(_list_ids(_list_rows(thing, "voice_mails"), "id"))
    reading.add(Erasure(Owner(), voicemail_ids=ids) if ids else None)


def _parse_erased_calls(reading: Reading, thing: Row, told_at: datetime | None) -> None:
    """The first generation names calls, the later ones the entries of the log, or all that there were."""
    owner, until = Owner(read_text(thing, "user_id")), None
    rows = list(_list_rows(thing, "call_logs"))
    log_ids = tuple(_list_ids(_list_rows(thing, "call_element_ids", "call_log_ids")))
    if thing.get("delete_all") is True:
        until = parse_moment(thing.get("execute_time")) or told_at
    if owner == Owner() or not (rows or log_ids or until):
        return reading.add(None)
    log_ids += tuple(_list_ids(rows, "id"))
    erasure = Erasure(owner, call_ids=tuple(_list_ids(rows, "call_id")), log_ids=log_ids, calls_until=until)
    return reading.add(erasure)


def _list_rows(thing: Row, *names: str) -> Iterator[Any]:
    """Of the first of these that is there."""
    for name in names:
        if isinstance(rows := thing.get(name), list):
            yield from rows[:MOST_ROWS]
            return


def _list_ids(rows: Any, name: str = "") -> Iterator[str]:
    """Of rows, or of a plain list of ids where there is no `name`."""
    for row in rows:
        found = row if not name else row.get(name) if isinstance(row, dict) else None
        if isinstance(found, str) and found:
            yield found


_PARSERS: dict[str, Callable[[Reading, Row, datetime | None], None]] = {
    **{f"phone.callee_{name}_completed": _parse_callee_calls for name in ("call_log", "call_history", "call_element")},
    **{f"phone.caller_{name}_completed": _parse_caller_calls for name in ("call_log", "call_history", "call_element")},
    "phone.callee_missed": _parse_missed,
    "phone.voicemail_received": _parse_voicemail,
    "phone.voicemail_received_for_access_member": _parse_shared_voicemail,
    "phone.voicemail_transcript_completed": _parse_voicemail,
    "phone.voicemail_deleted": _parse_erased_voicemail,
    "phone.voicemail_permanently_deleted": _parse_erased_voicemail,
    "phone.call_log_deleted": _parse_erased_calls,
    "phone.call_log_permanently_deleted": _parse_erased_calls,
    "phone.call_history_deleted": _parse_erased_calls,
    "phone.call_element_deleted": _parse_erased_calls,
}
