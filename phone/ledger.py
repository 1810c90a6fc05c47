"""Notifications into the database, those that come together in one transaction.

A commit costs about the same for one row as for many. Whoever comes while another thread of this process commits waits
for it, and the first of those then writes for all of them: nobody is answered before their row is there.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import DatabaseError, Error, connection

from phone.models import PhoneEvent

Found = TypeVar("Found")


@dataclass(slots=True)
class _Entry:
    row: PhoneEvent
    is_written: bool = False
    error: Error | None = None


class Ledger:
    def __init__(self) -> None:
        self._waiting: list[_Entry] = []
        self._door = threading.Lock()
        self._turn = threading.Lock()

    def put(self, row: PhoneEvent) -> None:
        """Returns once the row is there, now or from before. Raises DatabaseError: it may not be."""
        entry = _Entry(row)
        with self._door:
            self._waiting.append(entry)
        with self._turn:
            if not entry.is_written and entry.error is None:
                self._write_all()
        if entry.error is not None:
            raise DatabaseError(type(entry.error).__name__) from entry.error

    def _write_all(self) -> None:
        with self._door:
            entries, self._waiting = self._waiting, []
        rows = [one.row for one in entries]
        try:
            on_live_connection(lambda: PhoneEvent.objects.bulk_create(rows, ignore_conflicts=True))
        except Error as error:
            for one in entries:
                one.error = error
        else:
            for one in entries:
                one.is_written = True


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
