"""Events as the pretend Google keeps them: writing, deleting, and carrying a change to the other attendees' copies."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sandbox.clock import Clock
from sandbox.google.calendars import Calendar, Calendars
from sandbox.google.errors import GoogleError, calendar_error, not_found, precondition_failed
from sandbox.google.event_shapes import (
    ON_CREATION,
    ORGANIZERS_ONLY,
    OWN,
    clean_event,
    clean_id,
    make_conference,
    mark_selves,
    merge_patch,
)
from sandbox.google.recurrence import FOREVER, Occurrence, build_instance, parse_series, span
from sandbox.google.times import dump_stamp, find_zone, get_zone
from sandbox.store import Store

# was: the events as they read before each change, so that an increment can tell what a change took away
SCHEMA = """
CREATE TABLE IF NOT EXISTS g_event (
    calendar TEXT NOT NULL, id TEXT NOT NULL, change INTEGER NOT NULL, updated INTEGER NOT NULL, status TEXT NOT NULL,
    series TEXT NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL, recurs INTEGER NOT NULL,
    orphan INTEGER NOT NULL, uid TEXT NOT NULL, type TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (calendar, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS g_event_change ON g_event (calendar, change);
CREATE INDEX IF NOT EXISTS g_event_series ON g_event (calendar, series) WHERE series != '';
CREATE INDEX IF NOT EXISTS g_event_updated ON g_event (calendar, updated);
CREATE INDEX IF NOT EXISTS g_event_recurs ON g_event (calendar) WHERE recurs = 1;
CREATE TABLE IF NOT EXISTS g_event_was (
    calendar TEXT NOT NULL, id TEXT NOT NULL, change INTEGER NOT NULL, until INTEGER NOT NULL, status TEXT NOT NULL,
    series TEXT NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL, recurs INTEGER NOT NULL,
    orphan INTEGER NOT NULL, doc TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS g_event_was_of ON g_event_was (calendar, id, change);
"""


@dataclass(slots=True)
class Row:
    """A stored event, or an exception of a series. starts, ends: seconds since 1970; orphan: its series is gone."""

    id: str
    change: int
    status: str
    series: str
    starts: int
    ends: int
    recurs: bool
    orphan: bool
    doc: str

    def load(self) -> dict[str, Any]:
        loaded: dict[str, Any] = orjson.loads(self.doc)
        return loaded


COLUMNS = "id, change, status, series, starts, ends, recurs, orphan, doc"


class Events:
    """All events of all calendars. Bodies and answers are Calendar API event resources."""

    def __init__(self, store: Store, clock: Clock, calendars: Calendars) -> None:
        self._store, self._clock, self._calendars = store, clock, calendars
        self.base_url = ""
        store.create(SCHEMA)

    # reading

    def find(self, calendar: Calendar, event_id: str) -> dict[str, Any] | None:
        """An event, an exception, or an instance that follows from its series; cancelled ones too."""
        row = self.find_row(calendar.id, event_id)
        if row:
            return row.load()
        series, _, key = event_id.rpartition("_")
        master = self.find_row(calendar.id, series) if series else None
        if master is None or not master.recurs or master.status == "cancelled":
            return None
        zone = get_zone(calendar.timezone)
        doc = master.load()
        occurrence = parse_series(doc, zone).find(key)
        return self.build(doc, occurrence, calendar) if occurrence else None

    def get(self, calendar: Calendar, event_id: str) -> dict[str, Any]:
        """Raises GoogleError (404)."""
        found = self.find(calendar, event_id)
        if found is None:
            raise not_found()
        return found

    def find_row(self, calendar_id: str, event_id: str) -> Row | None:
        row = self._store.row(f"SELECT {COLUMNS} FROM g_event WHERE calendar = ? AND id = ?", calendar_id, event_id)
        return Row(*row) if row else None

    def build(self, master: dict[str, Any], occurrence: Occurrence, calendar: Calendar) -> dict[str, Any]:
        link = self.html_link(f"{master['id']}_{occurrence.key}", calendar.id)
        return build_instance(master, occurrence, get_zone(calendar.timezone), link=link)

    def html_link(self, event_id: str, calendar_id: str) -> str:
        eid = base64.urlsafe_b64encode(f"{event_id} {calendar_id}".encode()).rstrip(b"=").decode()
        return f"{self.base_url}/event?eid={eid}"

    # writing

    def insert(self, calendar: Calendar, actor: str, body: dict[str, Any], *, conference: int = 0) -> dict[str, Any]:
        """A new event; actor is the e-mail address of who makes it. Raises GoogleError (400, 409)."""
        doc = clean_event(body, calendar.timezone)
        given = doc.pop("id", "")
        event_id = clean_id(given) if given else f"{secrets.token_hex(13)}"
        with self._store.transaction():
            if given and self.find_row(calendar.id, event_id):
                raise calendar_error(409, "duplicate", "The requested identifier already exists.")
            doc = self._head(event_id, calendar, actor, doc.pop("iCalUID", f"{event_id}@google.com")) | doc
            self._settle_conference(doc, doc.pop("conferenceData", None), conference)
            self._save_and_tell(calendar, doc)
        return doc

    def bring_in(self, calendar: Calendar, actor: str, body: dict[str, Any], *, conference: int = 0) -> dict[str, Any]:
        """events.import: a private copy of an event that lives elsewhere, its organizer kept. Raises GoogleError."""
        if not body.get("iCalUID"):
            raise calendar_error(400, "required", "Missing iCalUID.", location="iCalUID")
        return self._copy(calendar, actor, body | {"privateCopy": True}, conference)

    def receive(self, calendar: Calendar, body: dict[str, Any], organizer: dict[str, str]) -> dict[str, Any]:
        """An invitation from somebody outside this sandbox. body needs an iCalUID; organizer: email, displayName."""
        return self._copy(calendar, organizer["email"], body | {"organizer": organizer}, 1)

    def _copy(self, calendar: Calendar, actor: str, body: dict[str, Any], conference: int) -> dict[str, Any]:
        organizer = body.get("organizer")
        doc = clean_event(body, calendar.timezone)
        uid = doc.pop("iCalUID")
        row = self._store.row("SELECT id FROM g_event WHERE calendar = ? AND uid = ? AND series = ''", calendar.id, uid)
        event_id = row["id"] if row else f"_{base64.b32hexencode(uid.encode()).decode().rstrip('=').lower()}"
        doc.pop("id", None)
        doc = self._head(event_id, calendar, actor, uid) | doc
        if isinstance(organizer, dict) and organizer.get("email"):
            doc["organizer"] = {name: organizer[name] for name in ("email", "displayName") if organizer.get(name)}
        self._settle_conference(doc, doc.pop("conferenceData", None), conference)
        with self._store.transaction():
            self._save(calendar, doc)
        return doc

    def change(
        self, calendar: Calendar, actor: str, event_id: str, body: dict[str, Any], *, replace: bool = False,
        if_match: str = "", conference: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """events.patch, or events.update with replace; of an event or of one instance of a series.

        Raises GoogleError (400, 403, 404, 412).
        """
        with self._store.transaction():
            old = self.get(calendar, event_id)
            check_match(if_match, old)
            self._check_shared(old, body, calendar)
            merged = {k: old[k] for k in ON_CREATION if k in old} | body if replace else merge_patch(old, body)
            if not replace and body.get("start") and not body.get("end") and "end" not in body:
                merged["end"] = old["end"]
            doc = clean_event(merged, calendar.timezone)
            doc.pop("conferenceData", None)
            kept = ("kind", "id", "iCalUID", "created", "creator", "organizer", "htmlLink", "recurringEventId",
                    "originalStartTime", "eventType", "hangoutLink", "conferenceData", "locked")  # fmt: skip
            doc = {name: value for name, value in doc.items() if name not in kept}
            doc = {name: old[name] for name in kept if name in old} | doc
            doc.setdefault("status", "confirmed")
            doc.setdefault("reminders", old.get("reminders", {"useDefault": True}))
            doc["sequence"] = max(int(old.get("sequence", 0)), int(doc.get("sequence", 0)))
            if any(doc.get(name) != old.get(name) for name in ("start", "end", "recurrence")):
                doc["sequence"] += 1
            if conference and "conferenceData" in body:
                self._settle_conference(doc, body["conferenceData"], conference)
            self._save_and_tell(calendar, doc)
        return doc

    def delete(self, calendar: Calendar, actor: str, event_id: str, *, if_match: str = "") -> None:
        """An event, a series, or one instance. Raises GoogleError (404, 410, 412)."""
        with self._store.transaction():
            old = self.get(calendar, event_id)
            if old["status"] == "cancelled":
                raise calendar_error(410, "deleted", "Resource has been deleted")
            check_match(if_match, old)
            self._save_and_tell(calendar, old | {"status": "cancelled"})

    def move(self, calendar: Calendar, target: Calendar, event_id: str) -> dict[str, Any]:
        """To another calendar, which becomes the organizer. Raises GoogleError (400, 404)."""
        with self._store.transaction():
            old = self.get(calendar, event_id)
            if old.get("recurringEventId") or old.get("eventType", "default") != "default":
                raise calendar_error(400, "cannotChangeOrganizerOfInstance" if old.get("recurringEventId") else
                                     "malformedCalendarEventType", "Cannot change the organizer of this event.",
                                     domain="calendar")  # fmt: skip
            moved = old | {"organizer": self._identity(target), "htmlLink": self.html_link(event_id, target.id)}
            self._save(target, moved)
            for row in self._exceptions(calendar.id, event_id):
                self._save(target, row.load() | {"organizer": self._identity(target)})
            self._save(calendar, old | {"status": "cancelled"})
        return moved

    def put_raw(self, calendar_id: str, doc: dict[str, Any]) -> None:
        """Store an event exactly as given, however odd: for tests of what a client does with nonsense."""
        doc.setdefault("kind", "calendar#event")
        doc.setdefault("status", "confirmed")
        with self._store.transaction():
            self._write(calendar_id, doc, find_zone("UTC"), stamp=False)

    def fill(self, calendar: Calendar, docs: list[dict[str, Any]]) -> None:
        """Many finished new events at once, without telling attendees: for demonstration and benchmark data."""
        zone = get_zone(calendar.timezone)
        now = self._clock.now()
        with self._store.transaction():
            last = self._store.take_changes(len(docs))
            rows = []
            for change, doc in enumerate(docs, last - len(docs) + 1):
                self._stamp(doc, now, change)
                starts, ends = span(doc, zone)
                rows.append((calendar.id, doc["id"], change, int(now.timestamp()), doc["status"],
                             doc.get("recurringEventId", ""), starts, ends, int("recurrence" in doc), 0, doc["iCalUID"],
                             doc["eventType"], orjson.dumps(doc).decode()))  # fmt: skip
            self._store.run_many("INSERT INTO g_event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def head(self, event_id: str, calendar: Calendar, actor: str, uid: str = "") -> dict[str, Any]:
        """What the server puts at the start of every event."""
        return self._head(event_id, calendar, actor, uid or f"{event_id}@google.com")

    def _head(self, event_id: str, calendar: Calendar, actor: str, uid: str) -> dict[str, Any]:
        person = self._store.people.find(actor)
        creator = {"email": actor} | ({"displayName": person.name} if person else {})
        return {
            "kind": "calendar#event", "etag": "", "id": event_id, "status": "confirmed",
            "htmlLink": self.html_link(event_id, calendar.id), "created": dump_stamp(self._clock.now()), "updated": "",
            "creator": creator, "organizer": self._identity(calendar), "iCalUID": uid, "sequence": 0,
            "reminders": {"useDefault": True}, "eventType": "default",
        }  # fmt: skip

    def _identity(self, calendar: Calendar) -> dict[str, Any]:
        person = self._store.people.find(calendar.id)
        return {"email": calendar.id, "displayName": person.name if person else calendar.summary}

    @staticmethod
    def _settle_conference(doc: dict[str, Any], wanted: Any, version: int) -> None:
        """Conference data is written only by clients that say they understand it (conferenceDataVersion=1)."""
        if not version:
            return
        doc.pop("conferenceData", None)
        doc.pop("hangoutLink", None)
        if not isinstance(wanted, dict):
            return
        made = wanted
        if wanted.get("createRequest") and not wanted.get("entryPoints"):
            if not wanted["createRequest"].get("requestId"):
                raise calendar_error(400, "invalid", "Invalid conference type value.", location="conferenceData")
            made = make_conference(doc["id"], wanted["createRequest"]) or wanted
        doc["conferenceData"] = made
        if made.get("conferenceSolution", {}).get("key", {}).get("type") == "hangoutsMeet":
            doc["hangoutLink"] = next(e["uri"] for e in made["entryPoints"] if e["entryPointType"] == "video")

    @staticmethod
    def _check_shared(old: dict[str, Any], body: dict[str, Any], calendar: Calendar) -> None:
        if old.get("organizer", {}).get("email") in ("", calendar.id) or old.get("guestsCanModify"):
            return
        shared = body.get("extendedProperties", {}) if isinstance(body.get("extendedProperties"), dict) else {}
        touched = [name for name in ORGANIZERS_ONLY if name in body and body[name] != old.get(name)]
        if touched or (shared.get("shared") and shared["shared"] != old.get("extendedProperties", {}).get("shared")):
            raise calendar_error(
                403, "forbiddenForNonOrganizer", "Shared properties can only be changed by the organizer of the event.",
                domain="calendar",
            )  # fmt: skip

    # keeping copies alike

    def _save_and_tell(self, calendar: Calendar, doc: dict[str, Any]) -> None:
        before = self.find(calendar, doc["id"])
        self._save(calendar, doc)
        if doc.get("privateCopy") or (not calendar.is_primary and not doc.get("attendees")):
            return
        if doc["organizer"]["email"] == calendar.id or doc.get("guestsCanModify"):
            self._tell_attendees(calendar, doc, before)
        else:
            self._tell_organizer(calendar, doc, before)

    def _tell_attendees(self, calendar: Calendar, doc: dict[str, Any], before: dict[str, Any] | None) -> None:
        invited = {a["email"] for a in doc.get("attendees", ())}
        invited_before = {a["email"] for a in (before or {}).get("attendees", ())}
        for email in sorted(invited | invited_before):
            if email == calendar.id or self._store.people.find(email) is None:
                continue
            theirs = self._calendars.get(email, "primary")
            row = self.find_row(theirs.id, doc["id"])
            if email not in invited and row is None:
                continue
            copy = orjson.loads(orjson.dumps(doc))
            for name in ("reminders", "colorId"):
                copy.pop(name, None)
            copy["reminders"] = {"useDefault": True}
            if row:
                mine = row.load()
                copy |= {name: mine[name] for name in OWN if name in mine}
            copy.pop("extendedProperties", None)
            if shared := doc.get("extendedProperties", {}).get("shared"):
                copy["extendedProperties"] = {"shared": shared}
            if email not in invited:
                copy["status"] = "cancelled"
            copy["htmlLink"] = self.html_link(doc["id"], theirs.id)
            self._save(theirs, copy)

    def _tell_organizer(self, calendar: Calendar, doc: dict[str, Any], before: dict[str, Any] | None) -> None:
        """An attendee's answer (or leaving, which declines) reaches the organizer's copy and all others."""
        organizer = doc["organizer"]["email"]
        if self._store.people.find(organizer) is None:
            return
        mine = next((a for a in doc.get("attendees", ()) if a["email"] == calendar.id), None)
        if mine is None:
            return
        if doc["status"] == "cancelled":
            mine = mine | {"responseStatus": "declined"}
        theirs = self._calendars.get(organizer, "primary")
        master = self.find(theirs, doc["id"])
        if master is None or master["status"] == "cancelled":
            return
        attendees = [mine if a["email"] == calendar.id else a for a in master.get("attendees", ())]
        if attendees == master.get("attendees"):
            return
        changed = master | {"attendees": attendees}
        self._save(theirs, changed)
        for attendee in attendees:
            email = attendee["email"]
            if email in (organizer, calendar.id) or self._store.people.find(email) is None:
                continue
            other = self._calendars.get(email, "primary")
            if copy := self.find(other, doc["id"]):
                self._save(other, copy | {"attendees": orjson.loads(orjson.dumps(attendees))})

    def _save(self, calendar: Calendar, doc: dict[str, Any]) -> None:
        mark_selves(doc, calendar.id)
        self._write(calendar.id, doc, get_zone(calendar.timezone), stamp=True)
        is_series = doc["status"] != "cancelled" and doc.get("recurrence")
        if not is_series and not doc.get("recurringEventId"):
            for row in self._exceptions(calendar.id, doc["id"]):
                self._write(calendar.id, row.load() | {"status": "cancelled"}, get_zone(calendar.timezone), orphan=True)
        elif is_series:
            self._drop_lost_exceptions(calendar, doc)

    def _exceptions(self, calendar_id: str, series: str) -> list[Row]:
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM g_event WHERE calendar = ? AND series = ? AND orphan = 0", calendar_id, series
        )
        return [Row(*row) for row in rows]

    def _drop_lost_exceptions(self, calendar: Calendar, master: dict[str, Any]) -> None:
        """A series that changed its times forgets the exceptions to meetings it no longer has."""
        zone = get_zone(calendar.timezone)
        series = parse_series(master, zone)
        for row in self._exceptions(calendar.id, master["id"]):
            if series.find(row.id.rpartition("_")[2]) is None:
                self._write(calendar.id, row.load() | {"status": "cancelled"}, zone, orphan=True)

    def _stamp(self, doc: dict[str, Any], now: datetime, change: int) -> None:
        doc["updated"] = dump_stamp(now)
        doc["etag"] = f'"{int(now.timestamp() * 1000) * 2000 + change % 2000}"'

    def _write(
        self, calendar_id: str, doc: dict[str, Any], zone: Any, *, stamp: bool = True, orphan: bool = False
    ) -> None:
        change = self._store.take_changes()
        now = self._clock.now()
        if stamp:
            self._stamp(doc, now, change)
        try:
            starts, ends = span(doc, zone)
        except (GoogleError, KeyError, TypeError, ValueError, OverflowError):
            starts, ends = 0, FOREVER
        self._store.run(
            "INSERT INTO g_event_was SELECT calendar, id, change, ?, status, series, starts, ends, recurs, orphan, doc"
            " FROM g_event WHERE calendar = ? AND id = ?",
            change, calendar_id, doc["id"],
        )  # fmt: skip
        self._store.run(
            "INSERT OR REPLACE INTO g_event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            calendar_id, doc["id"], change, int(now.timestamp()), doc["status"], doc.get("recurringEventId", ""),
            starts, ends, int(bool(doc.get("recurrence"))), int(orphan), doc.get("iCalUID", ""),
            doc.get("eventType", "default"),
            orjson.dumps(doc).decode(),
        )  # fmt: skip


def check_match(if_match: str, doc: dict[str, Any]) -> None:
    """Raises GoogleError (412) where the client's copy is not the newest."""
    if if_match and if_match != "*" and doc.get("etag") not in [tag.strip() for tag in if_match.split(",")]:
        raise precondition_failed()
