"""Who hosts at the pretend Zoom, and the meetings and webinars they have there."""

from __future__ import annotations

import base64
import secrets
import string
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.zoom.errors import invalid, no_such_meeting, no_such_user, no_webinar_plan
from sandbox.zoom.recurrence import list_starts
from sandbox.zoom.shapes import (
    FIXED_SERIES,
    NO_FIXED_TIME,
    check_body,
    dump_moment,
    ends_of,
    list_occurrences,
    parse_start,
    show_listed,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS z_user (
    email TEXT PRIMARY KEY, id TEXT NOT NULL, account TEXT NOT NULL, timezone TEXT NOT NULL,
    webinars INTEGER NOT NULL, assistants TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS z_meeting (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL, kind TEXT NOT NULL, doc BLOB NOT NULL, changed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS z_meetings_of ON z_meeting (email);
"""
FIRST, NUMBERS = 81_000_000_000, 8_000_000_000
"""Meeting numbers have 10 or 11 digits: more than 32 bits hold."""
PASSCODE_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class User:
    email: str
    id: str
    account: str
    timezone: str
    has_webinars: bool
    assistants: tuple[str, ...]


class Meetings:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    def add_user(
        self, email: str, *, account: str, timezone: str = "Europe/Berlin", webinars: bool = False,
        assistants: tuple[str, ...] = (),
    ) -> User:  # fmt: skip
        """A new user of an account, or other facts of a known one."""
        self._store.run(
            "INSERT INTO z_user VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO UPDATE SET account = excluded.account,"
            " timezone = excluded.timezone, webinars = excluded.webinars, assistants = excluded.assistants",
            email.lower(), secrets.token_urlsafe(16)[:22], account, timezone, int(webinars), " ".join(assistants),
        )  # fmt: skip
        found = self.find_user(email)
        assert found is not None
        return found

    def remove_user(self, email: str) -> None:
        self._store.run("DELETE FROM z_user WHERE email = ?", email.lower())
        self._store.run("DELETE FROM z_meeting WHERE email = ?", email.lower())

    def find_user(self, who: str) -> User | None:
        """By e-mail address or id."""
        row = self._store.row(
            "SELECT email, id, account, timezone, webinars, assistants FROM z_user WHERE email = ? OR id = ?",
            who.lower(), who,
        )  # fmt: skip
        return User(row[0], row[1], row[2], row[3], bool(row[4]), tuple(row[5].split())) if row else None

    def get_user(self, who: str, *, account: str) -> User:
        """Raises ZoomError, also for a user of another account."""
        user = self.find_user(who)
        if user is None or user.account != account:
            raise no_such_user(who)
        return user

    def create(self, user: User, body: Any, *, kind: str = "meeting") -> dict[str, Any]:
        """Raises ZoomError."""
        given = check_body(body, kind)
        self._check_plan(user, kind)
        number = self._find_number()
        doc: dict[str, Any] = {
            "id": number, "uuid": base64.b64encode(secrets.token_bytes(16)).decode(), "kind": kind,
            "host_id": user.id, "host_email": user.email, "created_at": dump_moment(self._clock.now()),
            "topic": "Zoom Meeting", "type": 5 if kind == "webinar" else 2, "duration": 60, "timezone": user.timezone,
            "start_time": dump_moment(self._clock.now()), "password": _make_passcode(),
        }  # fmt: skip
        return self._store_doc(user.email, _settle(doc, given))

    def change(self, number: int, body: Any, *, account: str, kind: str = "meeting") -> None:
        """Raises ZoomError."""
        doc = self.get(number, account=account, kind=kind)
        self._store_doc(doc["host_email"], _settle(doc, check_body(body, kind)))

    def delete(self, number: int, *, account: str, kind: str = "meeting", occurrence: str = "") -> None:
        """Raises ZoomError."""
        doc = self.get(number, account=account, kind=kind)
        if occurrence:
            if occurrence not in {one["occurrence_id"] for one in list_occurrences(doc)}:
                raise invalid({"occurrence_id": "Invalid field."})
            self._store_doc(doc["host_email"], doc | {"deleted": [*doc.get("deleted", []), occurrence]})
        else:
            self._store.run("DELETE FROM z_meeting WHERE id = ?", number)

    def get(self, number: int, *, account: str, kind: str = "meeting") -> dict[str, Any]:
        """Raises ZoomError."""
        doc = self.find(number)
        owner = self.find_user(doc["host_email"]) if doc else None
        if doc is None or doc["kind"] != kind or owner is None or owner.account != account:
            raise no_such_meeting(kind, str(number))
        return doc

    def find(self, number: int) -> dict[str, Any] | None:
        row = self._store.row("SELECT doc FROM z_meeting WHERE id = ?", number)
        return orjson.loads(row["doc"]) if row else None

    def of(self, email: str, *, kind: str = "") -> list[dict[str, Any]]:
        """Everything somebody has, by start; `kind` leaves the other out."""
        rows = self._store.rows("SELECT doc FROM z_meeting WHERE email = ? AND ? IN ('', kind)", email.lower(), kind)
        return sorted((orjson.loads(row["doc"]) for row in rows), key=lambda doc: (doc["start_time"], doc["id"]))

    def list(self, user: User, *, kind: str, which: str) -> list[dict[str, Any]]:
        """`scheduled`: each meeting once, whether over or not. `upcoming`: what is not over, a series by occurrences.

        Raises:
            ZoomError
        """
        self._check_plan(user, kind)
        docs = self.of(user.email, kind=kind)
        if not which.startswith("upcoming"):
            return [show_listed(doc) for doc in docs]
        now = self._clock.now()
        listed: list[dict[str, Any]] = []
        for doc in docs:
            if doc["type"] in NO_FIXED_TIME:
                listed.append(show_listed(doc))
                continue
            occurrences = [one["start_time"] for one in list_occurrences(doc) if one["status"] == "available"]
            starts = occurrences if doc["type"] in FIXED_SERIES else [doc["start_time"]]
            listed += [show_listed(doc, one) for one in starts if ends_of(doc, one) > now]
        return sorted(listed, key=lambda one: (one.get("start_time", ""), one["id"]))

    def _check_plan(self, user: User, kind: str) -> None:
        if kind == "webinar" and not user.has_webinars:
            raise no_webinar_plan()

    def _find_number(self) -> int:
        while True:
            number = FIRST + secrets.randbelow(NUMBERS)
            if self.find(number) is None:
                return number

    def _store_doc(self, email: str, doc: dict[str, Any]) -> dict[str, Any]:
        self._store.run(
            "INSERT INTO z_meeting VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc,"
            " changed = excluded.changed",
            doc["id"], email.lower(), doc["kind"], orjson.dumps(doc), self._store.take_changes(),
        )  # fmt: skip
        return doc


def _settle(doc: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The document with what was given, its time as UTC, its series beginning with the first day of its pattern."""
    moved = doc | given | {"settings": doc.get("settings", {}) | given.get("settings", {})}
    if not moved.get("timezone"):
        moved["timezone"] = doc["timezone"]
    if not moved.get("password"):
        moved["password"] = doc["password"]
    zone = ZoneInfo(moved["timezone"])
    starts = parse_start(moved["start_time"], zone)
    if moved["type"] not in FIXED_SERIES:
        moved.pop("recurrence", None)
    elif not moved.get("recurrence"):
        raise invalid({"recurrence": "Invalid field."})
    else:
        planned = list_starts(moved["recurrence"], starts, zone)
        starts = planned[0] if planned else starts
    return moved | {"start_time": dump_moment(starts)}


def _make_passcode() -> str:
    return "".join(secrets.choice(PASSCODE_LETTERS) for _ in range(6))
