"""Writing events: singles, series, and single days of a series."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson

from sandbox.mailbox.box import check_match
from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.event_lists import EventLists, EventRow
from sandbox.mailbox.event_shapes import Owner, build_occurrence, series_of, shape_event, span, web_link, zone_of
from sandbox.mailbox.ids import make_change_key, make_item_id, make_uid
from sandbox.mailbox.recurrence import FOREVER, Occurrence, Series
from sandbox.mailbox.times import dump_stamp, epoch, from_epoch

# a change of these, or of the recurrence but for its end, gives a series new days: what was special about old ones is
# forgotten
LAYOUT = ("start", "end", "isAllDay", "originalStartTimeZone")
EXTENDED = ("singleValueExtendedProperties", "multiValueExtendedProperties")


class Events(EventLists):
    def add_event(self, doc: dict[str, Any], folder: str = "") -> dict[str, Any]:
        """A new single or series, in the default calendar or another one. Raises MailboxError."""
        with self._store.transaction():
            home = self.get_folder(folder or self.calendar_id, "calendar").id
            change = self._store.take_changes()
            made = self._finish(shape_event(doc, None, self.owner), change)
            self._insert(made, home, change, _merge_extra("", doc))
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
                kind, starts, ends = self._measure(made, owner)
                rows.append((self.key, made["id"], home, change, kind, "", 0, starts, ends,
                             orjson.dumps(made).decode(), "", ""))  # fmt: skip
                log.append((self.key, home, change, "created", made["id"]))
            self._store.run_many(INSERT, rows)
            self._store.run_many("INSERT INTO m_log VALUES (?, ?, ?, ?, ?)", log)

    @staticmethod
    def _measure(doc: dict[str, Any], owner: Owner) -> tuple[str, int, int]:
        """kind, starts and ends of a single or a series."""
        if not doc["recurrence"]:
            starts, ends = span(doc, zone_of(doc, owner))
            return "single", epoch(starts), epoch(ends)
        series = series_of(doc, owner)
        last = series.last_end()
        first = next(series.occurrences())
        return "series", epoch(first.starts), FOREVER if last is None else epoch(last.replace(tzinfo=series.zone))

    def _insert(self, doc: dict[str, Any], folder: str, change: int, extra: str) -> None:
        kind, starts, ends = self._measure(doc, self.owner)
        self._store.run(INSERT, self.key, doc["id"], folder, change, kind, "", 0, starts, ends,
                        orjson.dumps(doc).decode(), "", extra)  # fmt: skip

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
            kind, starts, ends = self._measure(doc, self.owner)
            self._store.run(
                "UPDATE m_event SET change = ?, kind = ?, starts = ?, ends = ?, doc = ?, extra = ? WHERE seq = ?",
                change, kind, starts, ends, orjson.dumps(doc).decode(), _merge_extra(row.extra, patch), row.seq,
            )  # fmt: skip
            if _layout(doc) != _layout(old):
                self._store.run("DELETE FROM m_event WHERE box = ? AND series = ?", self.key, row.id)
            elif row.kind == "series":
                self._refresh_exceptions(doc)
            self._log(row.folder, change, "changed", row.id)
        return doc

    def _refresh_exceptions(self, master: dict[str, Any]) -> None:
        """Exceptions follow their series in all they did not set for themselves; those after its end are no more.

        Reference: https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxocal/4b92fb85-db55-4251-8e81-e319361218e1
        (all of them go where the pattern changes); https://github.com/OfficeDev/ews-managed-api/issues/235 (none where
        only the end does).
        """
        series = series_of(master, self.owner)
        for row in [*self.exceptions(master["id"]), *self.exceptions(master["id"], "cancelled")]:
            planned = series.find(date.fromordinal(row.day))
            if planned is None:
                self._store.run("DELETE FROM m_event WHERE seq = ?", row.seq)
            elif row.kind == "exception":
                self._save_exception(master, series, planned, orjson.loads(row.own), row.folder)

    def _except(self, event_id: str, old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
        found = self._find_occurrence(event_id)
        if found is None:
            raise MailboxError("ErrorItemNotFound")
        master_row, master, series, planned = found
        row = self.find_event_row(event_id)
        own = (orjson.loads(row.own) if row else {}) | {
            name: value for name, value in patch.items() if name not in EXTENDED
        }
        if any(name in patch for name in ("start", "end", "isAllDay")):
            self._check_neighbours(series, planned.day, shape_event(patch, old, self.owner), master["id"])
        doc = self._save_exception(master, series, planned, own, master_row.folder)
        self._touch(master_row, master)
        return doc

    def _check_neighbours(self, series: Series, day: date, doc: dict[str, Any], master_id: str) -> None:
        """An occurrence may not come to lie on the day of the one before or after it, nor pass it. Raises MailboxError.

        Reference: https://learn.microsoft.com/en-us/graph/api/event-update#response
        """
        starts, ends = (epoch(moment) for moment in span(doc, series.zone))
        special = {row.day: row for kind in ("exception", "cancelled") for row in self.exceptions(master_id, kind)}
        for side in (0, 1):
            one = series.neighbours(day)[side]
            while one and (row := special.get(one.day.toordinal())) and row.kind == "cancelled":
                one = series.neighbours(one.day)[side]
            if one is None:
                continue
            row = special.get(one.day.toordinal())
            begins, until = (row.starts, row.ends) if row else (epoch(one.starts), epoch(one.ends))
            theirs, ours = (from_epoch(moment).astimezone(series.zone).date() for moment in (begins, starts))
            if (ours <= theirs or starts < until) if side == 0 else (ours >= theirs or ends > begins):
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
        self._store.run("DELETE FROM m_event WHERE box = ? AND id = ?", self.key, event_id)
        self._store.run(INSERT, self.key, event_id, folder, change, kind, series, day.toordinal(), starts, ends, doc,
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
        self._store.run("DELETE FROM m_event WHERE box = ? AND (id = ? OR series = ?)", self.key, row.id, row.id)
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
            self._store.run("UPDATE m_event SET folder = ? WHERE box = ? AND series = ?", home, self.key, row.id)
            self._store.run("UPDATE m_event SET folder = ?, change = ?, doc = ? WHERE seq = ?", home, change,
                            orjson.dumps(doc).decode(), row.seq)  # fmt: skip
            self._log(row.folder, change, "moved", row.id)
            self._log(home, change, "created", row.id)
        return doc


def _layout(doc: dict[str, Any]) -> list[Any]:
    """What says on which days a series is, all but its end."""
    recurrence = doc["recurrence"] or {}
    rule = recurrence.get("pattern"), (recurrence.get("range") or {}).get("startDate")
    return [rule, *(doc[name] for name in LAYOUT)]


INSERT = (
    "INSERT INTO m_event (box, id, folder, change, kind, series, day, starts, ends, doc, own, extra)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _merge_extra(old: str, patch: dict[str, Any]) -> str:
    """Extended properties are set one by one, each known by its id. JSON in and out, nothing for none."""
    known: dict[str, dict[str, Any]] = orjson.loads(old) if old else {}
    for name in EXTENDED:
        for one in patch.get(name) or ():
            known.setdefault(name, {})[str(one.get("id"))] = one
    return orjson.dumps(known).decode() if known else ""
