"""Which calendars exist, and who has which of them in their list with what right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.google.errors import not_found, required
from sandbox.google.times import get_zone
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS g_calendar (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, summary TEXT NOT NULL, description TEXT NOT NULL, location TEXT NOT NULL,
    timezone TEXT NOT NULL, change INTEGER NOT NULL, is_primary INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS g_listed (
    email TEXT NOT NULL, calendar TEXT NOT NULL, role TEXT NOT NULL, color TEXT NOT NULL, position INTEGER NOT NULL,
    change INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (email, calendar)
);
"""
COLORS = {
    "11": ("#fbe983", "#000000"), "8": ("#16a765", "#000000"), "14": ("#9fe1e7", "#000000"),
    "17": ("#9a9cff", "#000000"), "2": ("#d06b64", "#000000"), "6": ("#ffad46", "#000000"),
}  # fmt: skip
REMINDERS = [{"method": "popup", "minutes": 10}]
NOTIFICATIONS = [
    {"type": kind, "method": "email"} for kind in ("eventCreation", "eventChange", "eventCancellation", "eventResponse")
]
CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}
WRITERS = ("owner", "writer")


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar as one person reaches it. role: owner, writer, reader or freeBusyReader."""

    id: str
    owner: str
    summary: str
    description: str
    location: str
    timezone: str
    change: int
    is_primary: bool
    role: str
    color: str = "14"
    listed_change: int = 0
    deleted: bool = False

    @property
    def may_write(self) -> bool:
        return self.role in WRITERS


class Calendars:
    """Find, make and share calendars. Everyone's primary calendar has their e-mail address as its id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    def ensure_primary(self, email: str) -> None:
        """The person's own calendar, made when first needed."""
        person = self._store.people.find(email)
        if person is None or self._store.row("SELECT 1 FROM g_calendar WHERE id = ?", person.email):
            return
        with self._store.transaction():
            change = self._store.take_changes()
            self._store.run(
                "INSERT INTO g_calendar VALUES (?, ?, ?, '', '', ?, ?, 1)",
                person.email, person.email, person.email, person.timezone, change,
            )  # fmt: skip
            self._list(person.email, person.email, "owner", "14", change)

    def _list(self, email: str, calendar: str, role: str, color: str, change: int) -> None:
        self._store.run(
            "INSERT INTO g_listed VALUES (?, ?, ?, ?, (SELECT count(*) FROM g_listed), ?, 0) ON CONFLICT DO UPDATE SET"
            " role = excluded.role, change = excluded.change, deleted = 0",
            email, calendar, role, color, change,
        )  # fmt: skip

    def insert(self, email: str, body: dict[str, Any], *, color: str = "17") -> Calendar:
        """A secondary calendar of this person. Raises GoogleError."""
        if not body.get("summary"):
            raise required("summary", "Missing title.")
        person = self._store.people.find(email)
        assert person is not None
        zone = body.get("timeZone") or person.timezone
        get_zone(zone)
        with self._store.transaction():
            change = self._store.take_changes()
            name = f"c_{hashlib.sha256(f'{email}{change}'.encode()).hexdigest()}@group.calendar.google.com"
            self._store.run(
                "INSERT INTO g_calendar VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                name, person.email, body["summary"], body.get("description", ""), body.get("location", ""), zone,
                change,
            )  # fmt: skip
            self._list(person.email, name, "owner", color, change)
        return self.get(email, name)

    def share(self, calendar: str, email: str, *, role: str = "reader", color: str = "6") -> None:
        self._list(email.lower(), calendar, role, color, self._store.take_changes())

    def unlist(self, email: str, calendar: str) -> None:
        """Take a calendar out of somebody's list."""
        self._store.run(
            "UPDATE g_listed SET deleted = 1, change = ? WHERE email = ? AND calendar = ?",
            self._store.take_changes(), email, calendar,
        )  # fmt: skip

    def get(self, email: str, calendar: str) -> Calendar:
        """By id or `primary`. Raises GoogleError (404) when this person cannot reach it."""
        self.ensure_primary(email)
        wanted = email if calendar == "primary" else calendar
        found = self._read(email, "AND l.calendar = ? COLLATE NOCASE AND l.deleted = 0", wanted)
        if not found:
            raise not_found()
        return found[0]

    def listed(self, email: str) -> list[Calendar]:
        """Everything in this person's list, what was taken out included."""
        self.ensure_primary(email)
        return self._read(email, "ORDER BY l.position")

    def _read(self, email: str, condition: str, *values: str) -> list[Calendar]:
        rows = self._store.rows(
            "SELECT c.*, l.role, l.color, l.change AS listed_change, l.deleted FROM g_listed l JOIN g_calendar c ON"
            f" c.id = l.calendar WHERE l.email = ? {condition}",
            email, *values,
        )  # fmt: skip
        return [
            Calendar(**{name: row[name] for name in row.keys()} | {  # noqa: SIM118 - a Row is no dict
                "is_primary": bool(row["is_primary"]), "deleted": bool(row["deleted"])})
            for row in rows
        ]  # fmt: skip

    def owned_by(self, email: str) -> str:
        """The id of the person's primary calendar."""
        self.ensure_primary(email)
        return email


def dump_calendar(calendar: Calendar) -> dict[str, Any]:
    """`calendar#calendar`.

    Reference: https://developers.google.com/workspace/calendar/api/v3/reference/calendars
    """
    doc: dict[str, Any] = {"kind": "calendar#calendar", "etag": f'"{calendar.change * 1_000_003}"', "id": calendar.id,
                           "summary": calendar.summary}  # fmt: skip
    for name in ("description", "location"):
        if value := getattr(calendar, name):
            doc[name] = value
    doc |= {"timeZone": calendar.timezone, "conferenceProperties": CONFERENCES}
    if not calendar.is_primary:
        doc["dataOwner"] = calendar.owner
    return doc


def dump_entry(calendar: Calendar) -> dict[str, Any]:
    """`calendar#calendarListEntry`.

    Reference: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList
    """
    etag = f'"{calendar.listed_change * 1_000_003}"'
    if calendar.deleted:
        return {"kind": "calendar#calendarListEntry", "etag": etag, "id": calendar.id, "deleted": True}
    background, foreground = COLORS.get(calendar.color, COLORS["14"])
    doc = dump_calendar(calendar) | {
        "kind": "calendar#calendarListEntry", "etag": etag, "colorId": calendar.color, "backgroundColor": background,
        "foregroundColor": foreground, "selected": True, "accessRole": calendar.role, "defaultReminders": [],
    }  # fmt: skip
    if calendar.is_primary:
        doc |= {
            "primary": True, "defaultReminders": REMINDERS, "notificationSettings": {"notifications": NOTIFICATIONS},
        }  # fmt: skip
    return doc
