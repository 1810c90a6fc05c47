"""Ids as Exchange makes them: long, opaque, case-sensitive. An occurrence's id says which series and which day."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date

# one letter in the middle says what it is: an item of its own, or one day of a series
ITEM, OCCURRENCE = "AAkALgAAAAAAHYQDEapmEc2byACq", "AAkALgFRAAgI"
SHAPE = re.compile(r"AAkALg(?:AAAAAAHYQDEapmEc2byACq|FRAAgI([A-Za-z0-9_-]{4})AAHYQDEapmEc2b)([A-Za-z0-9_-]{40})AAA$")
FOLDER_SHAPE = re.compile(r"AAMkAG[A-Za-z0-9_-]{24}AuAAAAAA[A-Za-z0-9_-]{40}AAA=$")


def _code(*parts: object) -> str:
    """40 characters that stay the same for the same parts."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return base64.urlsafe_b64encode(digest[:30]).decode()


def make_item_id(mailbox: str, change: int) -> str:
    """The id of what this mailbox made as its change number so and so."""
    return f"{ITEM}{_code(mailbox, 'item', change)}AAA"


def make_folder_id(mailbox: str, name: object) -> str:
    return f"AAMkAG{_code(mailbox)[:24]}AuAAAAAA{_code(mailbox, 'folder', name)}AAA="


def make_occurrence_id(master_id: str, day: date) -> str:
    """day: of the occurrence as planned, in the series' own time zone."""
    code = base64.urlsafe_b64encode(day.toordinal().to_bytes(3, "big")).decode()
    return f"{OCCURRENCE}{code}AAHYQDEapmEc2b{master_id[-43:]}"


def split_occurrence_id(item_id: str) -> tuple[str, date] | None:
    """Series and day; None for the id of an item of its own or of nothing."""
    match = SHAPE.match(item_id)
    if not match or not match[1]:
        return None
    ordinal = int.from_bytes(base64.urlsafe_b64decode(match[1]), "big")
    try:
        return f"{ITEM}{match[2]}AAA", date.fromordinal(ordinal)
    except (ValueError, OverflowError):
        return None


def is_well_formed(some_id: str) -> bool:
    return bool(SHAPE.match(some_id) or FOLDER_SHAPE.match(some_id))


def make_change_key(mailbox: str, change: int) -> str:
    digest = hashlib.sha256(mailbox.encode()).digest()[:16]
    return base64.b64encode(digest + change.to_bytes(6, "big")).decode()


def make_uid(mailbox: str, change: int, day: date | None = None) -> str:
    """iCalUId: hexadecimal; of an occurrence with its day in the middle, as Outlook does."""
    code = hashlib.sha256(f"{mailbox}/uid/{change}".encode()).hexdigest()[:48].upper()
    return mark_uid(f"040000008200E00074C5B7101A82E00800000000{code}", day)


def mark_uid(uid: str, day: date | None) -> str:
    """The same uid for one day of the series; a uid from elsewhere stays as it is."""
    if day is None or not uid.startswith("040000008200E00074C5B7101A82E008") or len(uid) < 42:
        return uid
    return f"{uid[:32]}{day.year:04X}{day.month:02X}{day.day:02X}{uid[40:]}"
