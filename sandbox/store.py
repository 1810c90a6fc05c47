"""One SQLite database for everything the sandbox remembers: the pretend people, and what each provider holds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS person (
    email TEXT PRIMARY KEY, name TEXT NOT NULL, organization TEXT NOT NULL DEFAULT '',
    timezone TEXT NOT NULL, region TEXT NOT NULL, position INTEGER NOT NULL
);
INSERT OR IGNORE INTO setting VALUES ('change', '0');
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A pretend person. timezone is an IANA name; region (two letters) says how a phone number without + is read."""

    email: str
    name: str
    organization: str
    timezone: str
    region: str


class Store:
    """A SQLite connection shared by the server's threads; whoever uses it holds `transaction()`."""

    def __init__(self, path: str = ":memory:") -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self.listeners: list[Callable[[], None]] = []
        """Called after each transaction that may have changed something."""
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self.create(SCHEMA)
        self.people = People(self)

    def create(self, schema: str) -> None:
        """Make tables where they are missing."""
        with self._lock:
            self._db.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests, the outermost one commits. Also keeps other threads out."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")
                for tell in self.listeners:
                    tell()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        with self._lock:
            found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return found

    def run(self, sql: str, *values: Any) -> int:
        """Execute; the number of rows changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        with self._lock:
            self._db.executemany(sql, values)

    def read(self, name: str, default: str) -> str:
        row = self.row("SELECT value FROM setting WHERE name = ?", name)
        return row["value"] if row else default

    def write(self, name: str, value: str) -> None:
        self.run(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value
        )

    def take_changes(self, count: int = 1) -> int:
        """Reserve that many change numbers; returns the last. They grow over the whole sandbox: the order of events."""
        row = self.row("UPDATE setting SET value = value + ? WHERE name = 'change' RETURNING value", count)
        assert row is not None
        return int(row["value"])

    def last_change(self) -> int:
        return int(self.read("change", "0"))


class People:
    """The pretend people, shared by every pretend provider."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, email: str, *, name: str = "", organization: str = "", timezone: str = "Europe/Berlin", region: str = "DE"
    ) -> Person:
        """A new person, or new facts about a known one."""
        email = email.lower()
        self._store.run(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?, (SELECT count(*) FROM person)) ON CONFLICT (email) DO UPDATE SET"
            " name = excluded.name, organization = excluded.organization, timezone = excluded.timezone,"
            " region = excluded.region",
            email, name or email.split("@")[0].replace(".", " ").title(), organization, timezone, region,
        )  # fmt: skip
        person = self.find(email)
        assert person is not None
        return person

    def find(self, email: str) -> Person | None:
        row = self._store.row(
            "SELECT email, name, organization, timezone, region FROM person WHERE email = ?", email.lower()
        )
        return Person(*row) if row else None

    def __iter__(self) -> Iterator[Person]:
        rows = self._store.rows("SELECT email, name, organization, timezone, region FROM person ORDER BY position")
        return iter([Person(*row) for row in rows])
