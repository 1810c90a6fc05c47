"""The events of a mailbox: singles, series, and what became of single days of a series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from sandbox.mailbox.box import check_match
from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.event_shapes import build_occurrence, series_of, shape_event, span, web_link, zone_of
from sandbox.mailbox.folders import Folders
from sandbox.mailbox.ids import make_change_key, make_item_id, make_uid, split_occurrence_id
from sandbox.mailbox.recurrence import FOREVER, Occurrence, Series
from sandbox.mailbox.times import dump_stamp, epoch, from_epoch

# kind: single, series, exception, or cancelled (a day that a series leaves out). series, day: of the last two kinds.
# starts, ends: seconds since 1970; of a series, the first start and the last possible end. own: what an exception has
# set for itself. extra: extended properties.
SCHEMA = """
CREATE TABLE IF NOT EXISTS m_event (
    seq INTEGER PRIMARY KEY, box INTEGER NOT NULL, id TEXT NOT NULL, folder TEXT NOT NULL, change INTEGER NOT NULL,
    kind TEXT NOT NULL, series TEXT NOT NULL, day INTEGER NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL,
    doc TEXT NOT NULL, own TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (box, id)
);
CREATE INDEX IF NOT EXISTS m_event_starts ON m_event (box, folder, kind, starts);
CREATE INDEX IF NOT EXISTS m_event_series ON m_event (box, series) WHERE series != '';
"""
COLUMNS = "seq, id, folder, change, kind, series, day, starts, ends, doc, own, extra"
# a change of these gives a series new days: what was special about old ones is forgotten
LAYOUT = ("start", "end", "recurrence", "isAllDay", "originalStartTimeZone")


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
class Laid:
    """An event of a calendar view: its start (seconds since 1970) and id, which order it, and its doc or its JSON."""

    starts: int
    id: str
    doc: dict[str, Any] | str

    def load(self) -> dict[str, Any]:
        if isinstance(self.doc, dict):
            return self.doc
        loaded: dict[str, Any] = orjson.loads(self.doc)
        return loaded

    def dump(self) -> bytes:
        return self.doc.encode() if isinstance(self.doc, str) else orjson.dumps(self.doc)


class Events(Folders):
    # finding

    def find_event_row(self, event_id: str) -> EventRow | None:
        row = self._store.row(f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND id = ?", self._key, event_id)
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
            self._key, uid,
        )  # fmt: skip
        return EventRow(*row).load() if row else None

    def find_by_transaction(self, transaction: str) -> dict[str, Any] | None:
        row = self._store.row(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND json_extract(doc, '$.transactionId') = ?",
            self._key, transaction,
        )  # fmt: skip
        return EventRow(*row).load() if row else None

    # listing

    def event_rows(self, folder: str, after: int = 0, limit: int = -1) -> list[EventRow]:
        """Singles and series of a calendar, oldest first, from after the given seq on."""
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND folder = ? AND kind IN ('single', 'series') AND seq > ?"
            " ORDER BY seq LIMIT ?",
            self._key, folder, after, limit,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def _rows_between(self, folder: str, kind: str, low: int, high: int) -> list[EventRow]:
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND folder = ? AND kind = ? AND starts < ?"
            " AND (ends > ? OR (ends = starts AND starts = ?)) ORDER BY seq",
            self._key, folder, kind, high, low, low,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def lay_out(self, starts: datetime, ends: datetime, folder: str = "") -> list[Laid]:
        """Everything that overlaps the window, series laid out; by start, then id."""
        folder = folder or self.calendar_id
        low, high = epoch(starts), epoch(ends)
        found = [
            Laid(row.starts, row.id, row.doc)
            for kind in ("single", "exception") for row in self._rows_between(folder, kind, low, high)
        ]  # fmt: skip
        for master in self._rows_between(folder, "series", low, high):
            found += self._planned(master, low, high)
        found.sort(key=lambda one: (one.starts, one.id))
        return found

    def _planned(self, master: EventRow, low: int, high: int) -> Iterator[Laid]:
        """The occurrences nobody touched."""
        special = {row["day"] for row in self._store.rows(
            "SELECT day FROM m_event WHERE box = ? AND series = ?", self._key, master.id)}  # fmt: skip
        doc = master.load()
        series = series_of(doc, self.owner)
        for one in series.occurrences(
            from_epoch(low), from_epoch(min(high, epoch(datetime.max.replace(tzinfo=series.zone))))
        ):
            if one.day.toordinal() not in special:
                built = build_occurrence(doc, one, series.zone)
                yield Laid(epoch(one.starts), built["id"], built)

    def lay_out_series(self, master: EventRow, starts: datetime, ends: datetime) -> list[Laid]:
        """What of one series overlaps the window; by start, then id."""
        low, high = epoch(starts), epoch(ends)
        found = list(self._planned(master, low, high))
        for row in self.exceptions(master.id):
            if row.starts < high and (row.ends > low or row.starts == row.ends == low):
                found.append(Laid(row.starts, row.id, row.doc))
        found.sort(key=lambda one: (one.starts, one.id))
        return found

    def exceptions(self, master_id: str, kind: str = "exception") -> list[EventRow]:
        """kind "cancelled": the days left out."""
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_event WHERE box = ? AND series = ? AND kind = ? ORDER BY day",
            self._key, master_id, kind,
        )  # fmt: skip
        return [EventRow(*row) for row in rows]

    def view(
        self, starts: datetime, ends: datetime, limit: int | None = None, folder: str = ""
    ) -> list[dict[str, Any]]:
        """Singles, occurrences and exceptions that overlap the window, by start."""
        return [one.load() for one in self.lay_out(starts, ends, folder)[:limit]]

    def instances(self, master_id: str, starts: datetime, ends: datetime) -> list[dict[str, Any]]:
        """Raises MailboxError where there is no such series."""
        master = self.find_event_row(master_id)
        if master is None or master.kind != "series":
            raise MailboxError("ErrorItemNotFound")
        return [one.load() for one in self.lay_out_series(master, starts, ends)]

    # writing

    def add_event(self, doc: dict[str, Any], folder: str = "") -> dict[str, Any]:
        """A new single or series, in the default calendar or another one. Raises MailboxError."""
        with self._store.transaction():
            home = self.get_folder(folder or self.calendar_id, "calendar").id
            change = self._store.take_changes()
            made = self._finish(shape_event(doc, None, self.owner), change)
            self._insert(made, home, change, extra=doc.get("singleValueExtendedProperties"))
            self._log(home, change, "created", made["id"])
        return made

    def _finish(self, doc: dict[str, Any], change: int) -> dict[str, Any]:
        """Ids for a new event."""
        doc["id"] = make_item_id(self.name, change)
        doc["iCalUId"] = doc["iCalUId"] or make_uid(self.name, change)
        doc["webLink"] = web_link(doc["id"])
        return self._stamp_event(doc, change)

    def _stamp_event(self, doc: dict[str, Any], change: int) -> dict[str, Any]:
        now = dump_stamp(self._clock.now())
        key = make_change_key(self.name, change)
        head = {
            "@odata.etag": f'W/"{key}"', "id": doc["id"], "createdDateTime": doc.get("createdDateTime") or now,
            "lastModifiedDateTime": now, "changeKey": key,
        }  # fmt: skip
        return head | {name: value for name, value in doc.items() if name not in head}

    def fill_events(self, docs: list[dict[str, Any]], folder: str = "") -> None:
        """Many new ones at once: for demonstration and benchmark data."""
        with self._store.transaction():
            home, owner = folder or self.calendar_id, self.owner
            last = self._store.take_changes(len(docs))
            rows, log = [], []
            for change, doc in enumerate(docs, last - len(docs) + 1):
                made = self._finish(shape_event(doc, None, owner), change)
                kind, starts, ends = self._measure(made)
                rows.append((self._key, made["id"], home, change, kind, "", 0, starts, ends,
                             orjson.dumps(made).decode(), "", ""))  # fmt: skip
                log.append((self._key, home, change, "created", made["id"]))
            self._store.run_many(INSERT, rows)
            self._store.run_many("INSERT INTO m_log VALUES (?, ?, ?, ?, ?)", log)

    def _measure(self, doc: dict[str, Any]) -> tuple[str, int, int]:
        """kind, starts and ends of a single or a series."""
        if not doc["recurrence"]:
            starts, ends = span(doc, zone_of(doc, self.owner))
            return "single", epoch(starts), epoch(ends)
        series = series_of(doc, self.owner)
        last = series.last_end()
        first = next(series.occurrences())
        return "series", epoch(first.starts), FOREVER if last is None else epoch(last.replace(tzinfo=series.zone))

    def _insert(self, doc: dict[str, Any], folder: str, change: int, *, extra: Any = None) -> None:
        kind, starts, ends = self._measure(doc)
        self._store.run(INSERT, self._key, doc["id"], folder, change, kind, "", 0, starts, ends,
                        orjson.dumps(doc).decode(), "", orjson.dumps(extra).decode() if extra else "")  # fmt: skip

    def change_event(self, event_id: str, patch: dict[str, Any], if_match: str = "") -> dict[str, Any]:
        """A single, a whole series, or one occurrence, which becomes an exception. Raises MailboxError."""
        with self._store.transaction():
            old = self.get_event(event_id)
            check_match(if_match, old)
            if old["type"] in ("occurrence", "exception"):
                return self._except(event_id, old, patch)
            row = self.find_event_row(event_id)
            assert row is not None
            change = self._store.take_changes()
            doc = self._stamp_event(shape_event(patch, old, self.owner), change)
            kind, starts, ends = self._measure(doc)
            extra = orjson.dumps(given).decode() if (given := patch.get("singleValueExtendedProperties")) else row.extra
            self._store.run(
                "UPDATE m_event SET change = ?, kind = ?, starts = ?, ends = ?, doc = ?, extra = ? WHERE seq = ?",
                change, kind, starts, ends, orjson.dumps(doc).decode(), extra, row.seq,
            )  # fmt: skip
            if any(doc[name] != old[name] for name in LAYOUT):
                self._store.run("DELETE FROM m_event WHERE box = ? AND series = ?", self._key, row.id)
            elif row.kind == "series":
                self._refresh_exceptions(doc)
            self._log(row.folder, change, "changed", row.id)
        return doc

    def _refresh_exceptions(self, master: dict[str, Any]) -> None:
        """Exceptions follow their series in all they did not set for themselves."""
        series = series_of(master, self.owner)
        for row in self.exceptions(master["id"]):
            planned = series.find(date.fromordinal(row.day))
            if planned:
                self._save_exception(master, series, planned, orjson.loads(row.own), row.folder)

    def _except(self, event_id: str, old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
        found = self._find_occurrence(event_id)
        if found is None:
            raise MailboxError("ErrorItemNotFound")
        master_row, master, series, planned = found
        row = self.find_event_row(event_id)
        own = (orjson.loads(row.own) if row else {}) | {
            name: value for name, value in patch.items() if name != "singleValueExtendedProperties"
        }
        if any(name in patch for name in ("start", "end", "isAllDay")):
            self._check_neighbours(series, planned.day, shape_event(patch, old, self.owner), master["id"])
        doc = self._save_exception(master, series, planned, own, master_row.folder)
        self._touch(master_row, master)
        return doc

    def _check_neighbours(self, series: Series, day: date, doc: dict[str, Any], master_id: str) -> None:
        """An occurrence may not reach into the one before or after it, let alone jump over it. Raises MailboxError."""
        starts, ends = (epoch(moment) for moment in span(doc, series.zone))
        before, after = series.neighbours(day)
        special = {row.day: row for kind in ("exception", "cancelled") for row in self.exceptions(master_id, kind)}
        for one in (before, after):
            if one is None:
                continue
            row = special.get(one.day.toordinal())
            if row and row.kind == "cancelled":
                continue
            begins, until = (row.starts, row.ends) if row else (epoch(one.starts), epoch(one.ends))
            if (starts < until) if one is before else (ends > begins):
                raise MailboxError("ErrorOccurrenceCrossingBoundary")

    def _save_exception(
        self, master: dict[str, Any], series: Series, planned: Occurrence, own: dict[str, Any], folder: str
    ) -> dict[str, Any]:
        plain = build_occurrence(master, planned, series.zone) | {"type": "exception"}
        change = self._store.take_changes()
        doc = self._stamp_event(shape_event(own, plain, self.owner), change)
        starts, ends = span(doc, series.zone)
        self._put_day(doc["id"], folder, change, "exception", master["id"], planned.day, epoch(starts), epoch(ends),
                      orjson.dumps(doc).decode(), orjson.dumps(own).decode())  # fmt: skip
        return doc

    def _put_day(self, event_id: str, folder: str, change: int, kind: str, series: str, day: date, starts: int,
                 ends: int, doc: str, own: str) -> None:  # fmt: skip
        self._store.run("DELETE FROM m_event WHERE box = ? AND id = ?", self._key, event_id)
        self._store.run(INSERT, self._key, event_id, folder, change, kind, series, day.toordinal(), starts, ends, doc,
                        own, "")  # fmt: skip

    def _touch(self, row: EventRow, master: dict[str, Any]) -> None:
        """Something of the series changed: so did the series."""
        change = self._store.take_changes()
        doc = self._stamp_event(master, change)
        self._store.run("UPDATE m_event SET change = ?, doc = ? WHERE seq = ?", change, orjson.dumps(doc).decode(),
                        row.seq)  # fmt: skip
        self._log(row.folder, change, "changed", row.id)

    def delete_event(self, event_id: str, if_match: str = "") -> None:
        """A single, a series with all its days, or one occurrence. Raises MailboxError."""
        with self._store.transaction():
            old = self.get_event(event_id)
            check_match(if_match, old)
            if old["type"] in ("occurrence", "exception"):
                found = self._find_occurrence(event_id)
                assert found is not None
                master_row, master, _, planned = found
                self._put_day(event_id, master_row.folder, self._store.take_changes(), "cancelled", master_row.id,
                              planned.day, 0, 0, "{}", "")  # fmt: skip
                self._touch(master_row, master)
                return
            row = self.find_event_row(event_id)
            assert row is not None
            self._remove(row)

    def _remove(self, row: EventRow) -> None:
        self._store.run("DELETE FROM m_event WHERE box = ? AND (id = ? OR series = ?)", self._key, row.id, row.id)
        self._log(row.folder, self._store.take_changes(), "deleted", row.id)

    def move_event(self, event_id: str, folder: str) -> dict[str, Any]:
        """A single or a series to another calendar. Raises MailboxError."""
        with self._store.transaction():
            home = self.get_folder(folder, "calendar").id
            row = self.find_event_row(event_id)
            if row is None or row.kind not in ("single", "series"):
                raise MailboxError("ErrorItemNotFound")
            change = self._store.take_changes()
            doc = self._stamp_event(row.load(), change)
            self._store.run("UPDATE m_event SET folder = ? WHERE box = ? AND series = ?", home, self._key, row.id)
            self._store.run("UPDATE m_event SET folder = ?, change = ?, doc = ? WHERE seq = ?", home, change,
                            orjson.dumps(doc).decode(), row.seq)  # fmt: skip
            self._log(row.folder, change, "moved", row.id)
            self._log(home, change, "created", row.id)
        return doc


INSERT = (
    "INSERT INTO m_event (box, id, folder, change, kind, series, day, starts, ends, doc, own, extra)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
