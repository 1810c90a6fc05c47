"""How events leave the house: cancelled ones as skeletons, private ones for readers, and a page of them as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.google.calendars import REMINDERS, Calendar
from sandbox.google.cursors import fingerprint
from sandbox.google.partial import Mask, apply_mask, reaches
from sandbox.google.times import dump_stamp, from_epoch, show_in
from sandbox.store import Store


@dataclass(slots=True)
class Page:
    """One page: the items as JSON texts or objects, and where to go on."""

    items: list[str | dict[str, Any]] = field(default_factory=list)
    next_page: str = ""
    next_sync: str = ""


def skeleton(doc: dict[str, Any], *, with_series: bool = True) -> dict[str, Any]:
    """What is left of a cancelled event: its id, and of an instance which one of its series it was."""
    names = ("kind", "etag", "id") + (("recurringEventId", "originalStartTime") if with_series else ())
    return {name: doc[name] for name in names if name in doc} | {"status": "cancelled"}


def show_event(
    doc: dict[str, Any], zone: ZoneInfo | None, max_attendees: int, *, readable: bool = True
) -> dict[str, Any]:
    """An event in another zone, with fewer attendees, or with its private content hidden from a mere reader."""
    if zone is not None:
        doc = doc | {n: show_in(doc[n], zone) for n in ("start", "end", "originalStartTime") if doc.get(n)}
    attendees = doc.get("attendees", [])
    if max_attendees and len(attendees) > max_attendees:
        doc = doc | {"attendees": [a for a in attendees if a.get("self")], "attendeesOmitted": True}
    if not readable and doc.get("visibility") in ("private", "confidential"):
        shown = ("kind", "etag", "id", "status", "htmlLink", "created", "updated", "start", "end", "visibility",
                 "iCalUID", "sequence", "eventType", "transparency", "recurringEventId", "originalStartTime",
                 "recurrence")  # fmt: skip
        doc = {name: doc[name] for name in shown if name in doc}
    return doc


def dump_page(calendar: Calendar, page: Page, mask: Mask | None, updated: str) -> bytes:
    """`calendar#events`, put together from the items' JSON without parsing them where nobody asked for less."""
    head: dict[str, Any] = {
        "kind": "calendar#events", "etag": f'"p{fingerprint([calendar.id, updated])}"', "summary": calendar.summary,
        "description": calendar.description, "updated": updated, "timeZone": calendar.timezone,
        "accessRole": calendar.role, "defaultReminders": REMINDERS if calendar.is_primary else [],
    }  # fmt: skip
    if page.next_page:
        head["nextPageToken"] = page.next_page
    if page.next_sync:
        head["nextSyncToken"] = page.next_sync
    text = orjson.dumps(apply_mask(head, mask))
    try:
        below = reaches(mask, "items")
    except KeyError:
        return text
    if below is None:
        items = [item.encode() if isinstance(item, str) else orjson.dumps(item) for item in page.items]
    else:
        items = [orjson.dumps(apply_mask(orjson.loads(i) if isinstance(i, str) else i, below)) for i in page.items]
    return text[:-1] + (b"," if len(text) > 2 else b"") + b'"items":[' + b",".join(items) + b"]}"


def last_updated(store: Store, calendar: Calendar) -> str:
    row = store.row("SELECT max(updated) AS latest FROM g_event WHERE calendar = ?", calendar.id)
    return dump_stamp(from_epoch(row["latest"] if row and row["latest"] else 0))
