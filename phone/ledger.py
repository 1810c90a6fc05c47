"""Notifications into the database, those that come together in one transaction.

A commit costs about the same for one row as for many. What comes while a thread of this process writes waits for it,
and the first of that then writes for all of it: nobody is answered before their row is there.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import DatabaseError, Error, connection
from django.db.models import Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

from phone.models import PhoneEvent

Found = TypeVar("Found")


@dataclass(slots=True)
class _Entry:
    """`is_called`: its row is written or failed to be, or it is this one's turn to write."""

    row: Model
    is_called: threading.Event = field(default_factory=threading.Event)
    writes: bool = False
    error: Exception | None = None


class Ledger:
    def __init__(self) -> None:
        self._waiting: list[_Entry] = []
        self._is_written_to = False
        self._lock = threading.Lock()

    def put(self, row: PhoneEvent) -> None:
        """Returns once the row is there, now or from before. Raises DatabaseError: it may not be."""
        entry = _Entry(row)
        with self._lock:
            self._waiting.append(entry)
            entry.writes, self._is_written_to = not self._is_written_to, True
        if not entry.writes:
            entry.is_called.wait()
        if entry.writes:
            self._write_all()
        if entry.error is not None:
            raise DatabaseError(type(entry.error).__name__) from entry.error

    def _write_all(self) -> None:
        with self._lock:
            entries, self._waiting = self._waiting, []
        error = None
        try:
            on_live_connection(lambda: write([one.row for one in entries]))
        except Exception as reason:  # whatever it is, those who wait have to hear of it
            error = reason
        with self._lock:
            called = self._waiting[:1]
            self._is_written_to = bool(called)
        for one in called:
            one.writes = True
        for one in entries:
            one.error = error
        for one in [*called, *entries]:
            one.is_called.set()


def write(rows: list[Model]) -> None:
    """In one statement, which is a transaction of its own: bulk_create() would go to the database three times.

    Those that are there already are left as they are.
    """
    query = InsertQuery(PhoneEvent, on_conflict=OnConflict.IGNORE)
    query.insert_values([one for one in PhoneEvent._meta.concrete_fields if not one.primary_key], rows)
    query.get_compiler(connection=connection).execute_sql()


def on_live_connection(run: Callable[[], Found]) -> Found:
    """Once more on a new connection where the database has closed this thread's meanwhile: it may not have been used
    for long, and what Django does about that happens around requests of its own only."""
    try:
        return run()
    except Error:
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return run()
