"""Events as they lie in the store, and how they are found and laid out over a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.event_shapes import build_occurrence, series_of
from sandbox.mailbox.folders import Folders
from sandbox.mailbox.ids import make_occurrence_id, split_occurrence_id
from sandbox.mailbox.recurrence import Occurrence, Series
from sandbox.mailbox.times import epoch, from_epoch

# kind: single, series, exception, or cancelled (a day that a series leaves out). series, day: of the last two kinds.
# starts, ends: seconds since 1970; of a series, the first start and the last possible end. own: what an exception has
# set for itself. extra: extended properties.
SCHEMA = """
CREATE TABLE IF NOT EXISTS m_event (
    seq INTEGER PRIMARY KEY, box INTEGER NOT NULL, id TEXT NOT NULL, folder TEXT NOT NULL, change INTEGER NOT NULL,
    kind TEXT NOT NULL, series TEXT NOT NULL, day INTEGER NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL,
    doc TEXT NOT NULL, own TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (box, id)
);
CREATE INDEX IF NOT EXISTS m_event_starts ON m_event (box, folder, kind, starts, ends, id);
CREATE INDEX IF NOT EXISTS m_event_seq ON m_event (box, folder, seq);
CREATE INDEX IF NOT EXISTS m_event_series ON m_event (box, series) WHERE series != '';
CREATE INDEX IF NOT EXISTS m_event_uid ON m_event (box, json_extract(doc, '$.iCalUId'));
CREATE INDEX IF NOT EXISTS m_event_transaction ON m_event (box, json_extract(doc, '$.transactionId'))
WHERE json_extract(doc, '$.transactionId') IS NOT NULL;
"""
COLUMNS = "seq, id, folder, change, kind, series, day, starts, ends, doc, own, extra"
# overlaps a window; of three values: its end, its begin, its begin
INSIDE = "starts < ? AND (ends > ? OR (ends = starts AND starts = ?))"


@dataclass(slots=True)
class EventRow:
    """A stored event, as in the table."""

    seq: int
    id: str
    folder: str
    change: int
    kind: str
    series: str
    day: int
    starts: int
    ends: int
    doc: str
    own: str
    extra: str

    def load(self) -> dict[str, Any]:
        loaded: dict[str, Any] = orjson.loads(self.doc)
        return loaded


@dataclass(slots=True)
class Planned:
    """An occurrence nobody touched: its series' doc, when, and in which zone."""

    master: dict[str, Any]
    occurrence: Occurrence
    zone: ZoneInfo


@dataclass(slots=True)
class Laid:
    """An event of a calendar view: start (seconds since 1970) and id, which order it, and where its doc is found."""

    starts: int
    id: str
    source: int | Planned


class EventLists(Folders):
    # finding

    def find_event_row(self, event_id: str) -> EventRow | None:
        row = self._store.row(f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND id = ?", self.key, event_id)
        return EventRow(*row) if row else None

    def find_event(self, event_id: str) -> dict[str, Any] | None:
        """A single, a series, an exception, or an occurrence that follows from its series."""
        row = self.find_event_row(event_id)
        if row:
            return None if row.kind == "cancelled" else row.load()
        found = self._find_occurrence(event_id)
        return build_occurrence(found[1], found[3], found[2].zone) if found else None

    def get_event(self, event_id: str) -> dict[str, Any]:
        """Raises MailboxError."""
        found = self.find_event(event_id)
        if found is None:
            raise MailboxError("ErrorItemNotFound")
        return found

    def _find_occurrence(self, event_id: str) -> tuple[EventRow, dict[str, Any], Series, Occurrence] | None:
        """The series' row, its doc, its rule, and the planned meeting, changed or not."""
        split = split_occurrence_id(event_id)
        master = self.find_event_row(split[0]) if split else None
        if split is None or master is None or master.kind != "series":
            return None
        doc = master.load()
        series = series_of(doc, self.owner)
        planned = series.find(split[1])
        return (master, doc, series, planned) if planned else None

    def find_by_uid(self, uid: str) -> dict[str, Any] | None:
        """The single or series with this iCalUId."""
        row = self._store.row(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND kind IN ('single', 'series')"
            " AND json_extract(doc, '$.iCalUId') = ?",
            self.key, uid,
        )  # fmt: skip
        return EventRow(*row).load() if row else None

    def find_by_transaction(self, transaction: str) -> dict[str, Any] | None:
        row = self._store.row(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND json_extract(doc, '$.transactionId') = ?",
            self.key, transaction,
        )  # fmt: skip
        return EventRow(*row).load() if row else None

    # listing

    def event_rows(self, folder: str, after: int = 0, limit: int = -1) -> list[EventRow]:
        """Singles and series of a calendar, oldest first, from after the given seq on."""
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event INDEXED BY m_event_seq WHERE box = ? AND folder = ? AND seq > ?"
            " AND kind IN ('single', 'series') ORDER BY seq LIMIT ?",
            self.key, folder, after, limit,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def event_rows_between(
        self, folder: str, starts: datetime, ends: datetime, after: int = 0, limit: int = -1
    ) -> list[EventRow]:
        """The same, of those that may have something in the window."""
        low, high = epoch(starts), epoch(ends)
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event INDEXED BY m_event_seq WHERE box = ? AND folder = ? AND seq > ?"
            f" AND kind IN ('single', 'series') AND ({INSIDE} OR id IN (SELECT series FROM m_event WHERE box = ?"
            f" AND folder = ? AND kind = 'exception' AND {INSIDE})) ORDER BY seq LIMIT ?",
            self.key, folder, after, high, low, low, self.key, folder, high, low, low, limit,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def lay_out(self, starts: datetime, ends: datetime, folder: str = "") -> list[Laid]:
        """Everything that overlaps the window, series laid out; by start, then id."""
        folder = folder or self.calendar_id
        low, high = epoch(starts), epoch(ends)
        found = [
            Laid(row["starts"], row["id"], row["seq"])
            for kind in ("single", "exception")
            for row in self._store.rows(
                f"SELECT seq, starts, id FROM m_event WHERE box = ? AND folder = ? AND kind = ? AND {INSIDE}",
                self.key, folder, kind, high, low, low,
            )
        ]  # fmt: skip
        for row in self._store.rows(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND folder = ? AND kind = 'series' AND {INSIDE}",
            self.key, folder, high, low, low,
        ):  # fmt: skip
            found += self._planned(EventRow(*row), low, high)
        found.sort(key=lambda one: (one.starts, one.id))
        return found

    def lay_out_series(self, master: EventRow, starts: datetime, ends: datetime) -> list[Laid]:
        """What of one series overlaps the window; by start, then id."""
        low, high = epoch(starts), epoch(ends)
        found = list(self._planned(master, low, high))
        for row in self.exceptions(master.id):
            if row.starts < high and (row.ends > low or row.starts == row.ends == low):
                found.append(Laid(row.starts, row.id, row.seq))
        found.sort(key=lambda one: (one.starts, one.id))
        return found

    def _planned(self, master: EventRow, low: int, high: int) -> Iterator[Laid]:
        special = {row["day"] for row in self._store.rows(
            "SELECT day FROM m_event WHERE box = ? AND series = ?", self.key, master.id)}  # fmt: skip
        doc = master.load()
        series = series_of(doc, self.owner)
        for one in series.occurrences(from_epoch(low), from_epoch(high)):
            if one.day.toordinal() not in special:
                yield Laid(epoch(one.starts), make_occurrence_id(master.id, one.day), Planned(doc, one, series.zone))

    def load_laid(self, found: Sequence[Laid]) -> list[str | dict[str, Any]]:
        """The events of a view: their JSON as it is stored, or docs of occurrences, made now."""
        stored: dict[int, str] = {}
        wanted = [one.source for one in found if isinstance(one.source, int)]
        for begin in range(0, len(wanted), 500):
            some = wanted[begin : begin + 500]
            marks = ", ".join("?" * len(some))
            stored |= dict(self._store.rows(f"SELECT seq, doc FROM m_event WHERE seq IN ({marks})", *some))
        return [
            stored[one.source]
            if isinstance(one.source, int)
            else build_occurrence(one.source.master, one.source.occurrence, one.source.zone)
            for one in found
        ]

    def exceptions(self, master_id: str, kind: str = "exception") -> list[EventRow]:
        """kind "cancelled": the days left out."""
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND series = ? AND kind = ? ORDER BY day",
            self.key, master_id, kind,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def view(
        self, starts: datetime, ends: datetime, limit: int | None = None, folder: str = ""
    ) -> list[dict[str, Any]]:
        """Singles, occurrences and exceptions that overlap the window, by start."""
        return [_load(one) for one in self.load_laid(self.lay_out(starts, ends, folder)[:limit])]

    def instances(self, master_id: str, starts: datetime, ends: datetime) -> list[dict[str, Any]]:
        """Raises MailboxError where there is no such series."""
        master = self.find_event_row(master_id)
        if master is None or master.kind != "series":
            raise MailboxError("ErrorItemNotFound")
        return [_load(one) for one in self.load_laid(self.lay_out_series(master, starts, ends))]


def _load(doc: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(doc, dict):
        return doc
    loaded: dict[str, Any] = orjson.loads(doc)
    return loaded
