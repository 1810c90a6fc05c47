"""events.list and events.instances: filters, expansion of series, pages, sync tokens and what they refuse.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/list
Reference: https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from werkzeug.datastructures import MultiDict

from sandbox.clock import Clock
from sandbox.google.calendars import Calendar
from sandbox.google.cursors import dump_cursor, fingerprint, parse_cursor, sync_era
from sandbox.google.errors import GoogleError, calendar_error, full_sync_required, invalid
from sandbox.google.event_query import FORBIDDEN_WITH_SYNC, WITHOUT_SYNC_TOKEN, Query, parse_query, read_number
from sandbox.google.event_views import Page, show_event, skeleton
from sandbox.google.events import COLUMNS, Events, Row
from sandbox.google.recurrence import FOREVER, HORIZON, parse_series
from sandbox.google.times import epoch, from_epoch, get_zone, read_time
from sandbox.store import Store

OLDEST_UPDATED_MIN = timedelta(days=30)
SYNC_TOKEN_LIFE = timedelta(days=30)


class Listing:
    """Answers events.list and events.instances."""

    def __init__(self, store: Store, clock: Clock, events: Events) -> None:
        self._store, self._clock, self._events = store, clock, events

    def list(self, calendar: Calendar, email: str, args: MultiDict[str, str], *, readable: bool = True) -> Page:
        """One page of events.list; email is the reader. Raises GoogleError (400, 410)."""
        most = read_number(args, "maxResults", 250, most=2500)
        query, since, era = parse_query(args), None, sync_era(self._store, email)
        if args.get("syncToken"):
            query, since = self._read_sync_token(calendar, email, args, query)
        if (
            query.updated_min is not None
            and query.updated_min < self._clock.seconds() - OLDEST_UPDATED_MIN.total_seconds()
        ):
            raise calendar_error(410, "updatedMinTooLongAgo", "The requested minimum modification time lies too far in "
                                 "the past.", domain="calendar", location="updatedMin")  # fmt: skip
        mark = fingerprint([calendar.id, query.dump(), since, most])
        upto, after = self._store.last_change(), None
        if args.get("pageToken"):
            cursor = parse_cursor(args["pageToken"])
            if cursor is None or cursor.get("m") != mark:
                raise invalid("pageToken", "Invalid page token value.")
            upto, after = cursor["u"], cursor["a"]
        page, last = self._fill(self._entries(calendar, query, since, after), most)
        if last is not None:
            page.next_page = dump_cursor({"m": mark, "u": upto, "a": last})
        elif not any(getattr(query, name) for name in WITHOUT_SYNC_TOKEN):
            page.next_sync = dump_cursor(
                {"c": calendar.id, "s": upto, "e": era, "t": int(self._clock.seconds()), "q": query.dump()}
            )
        page.items = [self._show(item, calendar, query, readable=readable) for item in page.items]
        return page

    def instances(self, calendar: Calendar, event_id: str, args: MultiDict[str, str]) -> Page:
        """One page of a series' instances. Raises GoogleError (400, 404)."""
        master = self._events.find_row(calendar.id, event_id)
        if master is None:
            raise calendar_error(404, "notFound", "Not Found")
        most = read_number(args, "maxResults", 250, most=2500)
        plain = MultiDict([(k, v) for k, v in args.items(multi=True) if k != "originalStart"])
        query = replace(parse_query(plain), single=True)
        mark = fingerprint([calendar.id, event_id, query.dump(), most])
        after = None
        if args.get("pageToken"):
            cursor = parse_cursor(args["pageToken"])
            if cursor is None or cursor.get("m") != mark:
                raise invalid("pageToken", "Invalid page token value.")
            after = cursor["a"]
        found = self._expand(calendar, master, self._exceptions(calendar, master.id), query) if master.recurs else {}
        entries = ((key, found[key]) for key in sorted(found) if after is None or key > after)
        if wanted := args.get("originalStart"):
            entries = (e for e in entries if self._began_at(e[1], wanted))
        page, last = self._fill(entries, most)
        if last is not None:
            page.next_page = dump_cursor({"m": mark, "a": last})
        page.items = [self._show(item, calendar, query) for item in page.items]
        return page

    def find_all(self, calendar: Calendar, query: Query) -> Iterator[dict[str, Any]]:
        """Everything a query finds, without pages."""
        for _, item in self._entries(calendar, query, None, None):
            yield orjson.loads(item) if isinstance(item, str) else item

    def find_instances(self, calendar: Calendar, series: str, low: datetime, high: datetime) -> list[dict[str, Any]]:
        """A series' instances in a span of time."""
        master = self._events.find_row(calendar.id, series)
        if master is None:
            return []
        query = Query(single=True, time_min=epoch(low), time_max=epoch(high))
        found = self._expand(calendar, master, self._exceptions(calendar, series), query)
        return [orjson.loads(item) if isinstance(item, str) else item for item in found.values()]

    def find_titled(self, calendar: Calendar, summary: str) -> list[dict[str, Any]]:
        """Living events (series, not their instances) with exactly this title."""
        found = self.find_all(calendar, Query(q=summary))
        return [doc for doc in found if doc.get("summary") == summary and not doc.get("recurringEventId")]

    @staticmethod
    def _began_at(item: str | dict[str, Any], wanted: str) -> bool:
        doc = orjson.loads(item) if isinstance(item, str) else item
        return wanted in doc["originalStartTime"].values()

    def _read_sync_token(
        self, calendar: Calendar, email: str, args: MultiDict[str, str], asked: Query
    ) -> tuple[Query, int]:
        for name in FORBIDDEN_WITH_SYNC:
            if args.get(name):
                raise calendar_error(400, "badRequest", f"Sync token cannot be combined with the parameter {name}.",
                                     location=name)  # fmt: skip
        if "showDeleted" in args and not asked.show_deleted:
            raise calendar_error(400, "badRequest", "Sync token cannot be combined with showDeleted=false: deleted "
                                 "events are always part of the result.", location="showDeleted")  # fmt: skip
        cursor = parse_cursor(args["syncToken"])
        age = self._clock.seconds() - cursor["t"] if cursor and "t" in cursor else 0
        if (
            cursor is None or cursor.get("c") != calendar.id or cursor["e"] != sync_era(self._store, email)
            or age > SYNC_TOKEN_LIFE.total_seconds()
        ):  # fmt: skip
            raise full_sync_required()
        query = Query.load(cursor["q"])
        for name, parameter in (("single", "singleEvents"), ("types", "eventTypes"), ("max_attendees", "maxAttendees"),
                                ("timezone", "timeZone")):  # fmt: skip
            if getattr(asked, name) != getattr(query, name):
                raise calendar_error(400, "badRequest", f"The parameter {parameter} must be the same as in the request "
                                     "that gave this sync token.", location=parameter)  # fmt: skip
        return replace(query, show_deleted=query.show_deleted or asked.show_deleted), cursor["s"]

    # what is listed, in a stable order, from a key on

    @staticmethod
    def _fill(entries: Iterator[tuple[Any, str | dict[str, Any]]], most: int) -> tuple[Page, Any]:
        page, last = Page(), None
        for key, item in entries:
            if len(page.items) == most:
                return page, last
            page.items.append(item)
            last = key
        return page, None

    def _entries(
        self, calendar: Calendar, query: Query, since: int | None, after: Any
    ) -> Iterator[tuple[Any, str | dict[str, Any]]]:
        if since is not None:
            return self._changed(calendar, query, since, after)
        if query.order_by:
            return self._ordered(calendar, query, after)
        return self._all(calendar, query, after)

    @staticmethod
    def _conditions(calendar: Calendar, query: Query) -> tuple[str, list[Any]]:
        """What SQL can decide: rows that fail it cannot match."""
        conditions: list[str] = ["calendar = ?"]
        values: list[Any] = [calendar.id]
        if query.types:
            conditions.append(f"type IN ({','.join('?' * len(query.types))})")
            values += query.types
        for condition, value in (("starts < ?", query.time_max), ("ends > ?", query.time_min),
                                 ("uid = ?", query.ical_uid or None), ("updated >= ?", query.updated_min)):  # fmt: skip
            if value is not None:
                conditions.append(condition)
                values.append(value)
        return " AND ".join(conditions), values

    def _rows(self, calendar: Calendar, query: Query, after: str) -> Iterator[Row]:
        """Rows that may match, in the order of their ids, a few at a time."""
        where, values = self._conditions(calendar, query)
        while True:
            rows = self._store.rows(
                f"SELECT {COLUMNS} FROM g_event WHERE {where} AND id > ? ORDER BY id LIMIT 500",
                *values, after,
            )  # fmt: skip
            yield from (Row(*row) for row in rows)
            if len(rows) < 500:
                return
            after = rows[-1]["id"]

    def _all(self, calendar: Calendar, query: Query, after: Any) -> Iterator[tuple[Any, str | dict[str, Any]]]:
        # keys are [row id, instance id]: a page may end inside a series
        row_after, instance_after = after or ["", ""]
        if not query.single:
            for row in self._rows(calendar, query, row_after):
                if self._fits_listing(calendar, row, query):
                    yield [row.id, ""], self._text(row, query)
            return
        if instance_after:
            master = self._events.find_row(calendar.id, row_after)
            if master and master.recurs:
                yield from self._lay_out_from(calendar, master, query, instance_after)
        where, values = self._conditions(calendar, query)
        found = self._store.rows(f"SELECT id FROM g_event WHERE {where} AND recurs = 1", *values)
        reached = {row["id"] for row in found}
        for row in self._rows(calendar, query, row_after):
            if row.recurs:
                if row.status != "cancelled" or query.show_deleted:
                    yield from self._lay_out_from(calendar, row, query, "")
            # an exception comes with its series, or alone where the series itself does not reach the window
            elif row.series not in reached and self._fits_listing(calendar, row, query):
                yield [row.id, ""], self._text(row, query)

    def _lay_out_from(
        self, calendar: Calendar, master: Row, query: Query, after: str
    ) -> Iterator[tuple[Any, str | dict[str, Any]]]:
        found = self._expand(calendar, master, self._exceptions(calendar, master.id), query)
        for name in sorted(found):
            if name > after:
                yield [master.id, name], found[name]

    def _ordered(self, calendar: Calendar, query: Query, after: Any) -> Iterator[tuple[Any, str | dict[str, Any]]]:
        zone = get_zone(calendar.timezone)
        entries = []
        for (row_id, name), item in self._all(calendar, query, None):
            doc = orjson.loads(item) if isinstance(item, str) else item
            if query.order_by == "updated":
                key = [doc.get("updated", ""), name or row_id]
            else:
                starts = read_time(doc.get("start"), zone)
                key = [epoch(starts) if starts else 0, name or row_id]
            if after is None or key > after:
                entries.append((key, item))
        entries.sort(key=lambda entry: entry[0])
        return iter(entries)

    # matching

    def _fits_listing(self, calendar: Calendar, row: Row, query: Query) -> bool:
        if row.status == "cancelled":
            if row.orphan and not query.show_deleted:
                return False
            # cancelled instances of a living series are part of the truth about it, unless it is laid out
            living_exception = bool(row.series) and not row.orphan and not query.single
            if not (query.show_deleted or query.updated_min is not None or living_exception):
                return False
        return self._in_window(calendar, row, query) and self._matches(row, query)

    def _in_window(self, calendar: Calendar, row: Row, query: Query) -> bool:
        if not query.holds(row.starts, row.ends):
            return False
        if not row.recurs or (query.time_min is None and query.time_max is None):
            return True
        # between its first and last meeting a series may still have none in the window
        last = query.time_max if query.time_max is not None else row.ends + 1
        if last > FOREVER:
            return True
        low, before = from_epoch(query.time_min) if query.time_min is not None else None, from_epoch(last)
        series = parse_series(row.load(), get_zone(calendar.timezone))
        return next(series.occurrences(low, before), None) is not None

    @staticmethod
    def _matches(row: Row, query: Query, doc: dict[str, Any] | None = None) -> bool:
        if not (query.q or query.private or query.shared):
            return True
        doc = doc or row.load()
        if query.q:
            people = [*doc.get("attendees", ()), doc.get("organizer", {})]
            texts = [doc.get("summary"), doc.get("description"), doc.get("location")]
            texts += [person.get(name) for person in people for name in ("displayName", "email")]
            whole = "\n".join(text for text in texts if text).casefold()
            if not all(word in whole for word in query.q.casefold().split()):
                return False
        properties = doc.get("extendedProperties", {})
        for which, constraints in (("private", query.private), ("shared", query.shared)):
            for constraint in constraints:
                name, _, value = constraint.partition("=")
                if properties.get(which, {}).get(name) != value:
                    return False
        return True

    @staticmethod
    def _text(row: Row, query: Query) -> str | dict[str, Any]:
        """An event as listed; a cancelled one shows its details only on demand."""
        if row.status != "cancelled" or (query.show_deleted and not (row.series and not row.orphan)):
            return row.doc
        return skeleton(row.load(), with_series=not row.orphan)

    # series

    def _exceptions(self, calendar: Calendar, series: str) -> dict[str, Row]:
        rows = self._store.rows(f"SELECT {COLUMNS} FROM g_event WHERE calendar = ? AND series = ?", calendar.id, series)
        return {row["id"]: Row(*row) for row in rows}

    def _expand(
        self, calendar: Calendar, master: Row, exceptions: dict[str, Row], query: Query
    ) -> dict[str, str | dict[str, Any]]:
        """Instance id → event, for the window: what the series plans, with its exceptions in their places."""
        try:
            doc = master.load()
            series = parse_series(doc, get_zone(calendar.timezone))
        except (GoogleError, KeyError, TypeError, ValueError):
            return {}
        low = from_epoch(query.time_min) if query.time_min is not None else None
        high = from_epoch(query.time_max) if query.time_max is not None else self._clock.now() + HORIZON
        gone = master.status == "cancelled"
        plain = self._matches(master, query, doc)
        found: dict[str, str | dict[str, Any]] = {}
        for occurrence in series.occurrences(low, high):
            name = f"{master.id}_{occurrence.key}"
            if name not in exceptions and plain:
                found[name] = self._events.build(doc, occurrence, calendar)
        for name, row in exceptions.items():
            if row.status == "cancelled" and not query.show_deleted:
                continue
            if (not row.orphan or gone) and query.holds(row.starts, row.ends) and self._matches(row, query):
                found[name] = self._text(row, query)
        return found

    # increments

    def _was(self, calendar: Calendar, event_id: str, since: int) -> Row | None:
        """An event as it read when the token was given out; None if it did not exist."""
        now = self._events.find_row(calendar.id, event_id)
        if now and now.change <= since:
            return now
        row = self._store.row(
            f"SELECT {COLUMNS} FROM g_event_was WHERE calendar = ? AND id = ? AND change <= ? AND until > ?",
            calendar.id, event_id, since, since,
        )  # fmt: skip
        return Row(*row) if row else None

    def _changed(
        self, calendar: Calendar, query: Query, since: int, after: Any
    ) -> Iterator[tuple[str, str | dict[str, Any]]]:
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM g_event WHERE calendar = ? AND change > ? ORDER BY id", calendar.id, since
        )
        changed = [Row(*row) for row in rows]
        if query.single:
            changes = self._changed_singly(calendar, query, since, changed)
        else:
            changes = {row.id: item for row in changed if (item := self._changed_item(calendar, query, since, row))}
        for name in sorted(changes):
            if after is None or name > after:
                yield name, changes[name]

    def _changed_item(self, calendar: Calendar, query: Query, since: int, row: Row) -> str | dict[str, Any] | None:
        if query.types and not self._type_fits(row, query):
            return None
        if row.status == "cancelled":
            return self._text(row, query)
        if self._in_window(calendar, row, query):
            return row.doc
        was = self._was(calendar, row.id, since)
        # it left the window: the client learns its new time
        return row.doc if was and was.status != "cancelled" and self._in_window(calendar, was, query) else None

    @staticmethod
    def _type_fits(row: Row, query: Query) -> bool:
        return row.load().get("eventType", "default") in query.types

    def _changed_singly(
        self, calendar: Calendar, query: Query, since: int, changed: list[Row]
    ) -> dict[str, str | dict[str, Any]]:
        changes: dict[str, str | dict[str, Any]] = {}
        touched: dict[str, None] = {}
        for row in changed:
            was = self._was(calendar, row.id, since)
            series = row.series or (row.id if row.recurs or (was and was.recurs) else "")
            master = self._events.find_row(calendar.id, series) if series else None
            if master is not None:
                touched[series] = None
                continue
            item = self._changed_item(calendar, query, since, row)
            if item:
                changes[row.id] = item
        for series in touched:
            changes |= self._changed_instances(calendar, query, since, series)
        return changes

    def _changed_instances(
        self, calendar: Calendar, query: Query, since: int, series: str
    ) -> dict[str, str | dict[str, Any]]:
        """The instances of one series that differ from what the client holds; what it lost as cancelled ones."""
        master, was = self._events.find_row(calendar.id, series), self._was(calendar, series, since)
        assert master is not None
        if query.types and not self._type_fits(master, query):
            return {}
        living = replace(query, show_deleted=False)
        exceptions = self._exceptions(calendar, series)
        new = self._laid_out(calendar, master, exceptions, living)
        old: dict[str, str | dict[str, Any]] = {}
        if was:
            known = {name: past for name in self._past_exceptions(calendar, series)
                     if (past := self._was(calendar, name, since))}  # fmt: skip
            old = self._laid_out(calendar, was, known, living)
        changes = {name: item for name, item in new.items() if name not in old or _differ(item, old[name])}
        for name, item in old.items():
            if name in new:
                continue
            present = self._events.find(calendar, name) if name != series or not master.recurs else None
            if present and present["status"] != "cancelled":
                changes[name] = present  # it left the window
            else:
                changes[name] = skeleton(present or (orjson.loads(item) if isinstance(item, str) else item))
        if query.show_deleted:
            for name, row in exceptions.items():
                if row.change > since and row.status == "cancelled" and name not in changes:
                    changes[name] = self._text(row, query)
        return changes

    def _laid_out(
        self, calendar: Calendar, master: Row, exceptions: dict[str, Row], query: Query
    ) -> dict[str, str | dict[str, Any]]:
        if master.status == "cancelled":
            return {}
        if not master.recurs:
            return {master.id: master.doc} if self._in_window(calendar, master, query) else {}
        return self._expand(calendar, master, exceptions, query)

    def _past_exceptions(self, calendar: Calendar, series: str) -> list[str]:
        rows = self._store.rows(
            "SELECT id FROM g_event WHERE calendar = ? AND series = ? UNION"
            " SELECT id FROM g_event_was WHERE calendar = ? AND series = ?",
            calendar.id, series, calendar.id, series,
        )  # fmt: skip
        return [row["id"] for row in rows]

    # how an event is shown

    def _show(
        self, item: str | dict[str, Any], calendar: Calendar, query: Query, *, readable: bool = True
    ) -> str | dict[str, Any]:
        zone = get_zone(query.timezone) if query.timezone and query.timezone != calendar.timezone else None
        if isinstance(item, str) and not query.max_attendees and zone is None and readable:
            return item
        doc = orjson.loads(item) if isinstance(item, str) else item
        return show_event(doc, zone, query.max_attendees, readable=readable)


def _differ(one: str | dict[str, Any], other: str | dict[str, Any]) -> bool:
    return (orjson.loads(one) if isinstance(one, str) else one) != (
        orjson.loads(other) if isinstance(other, str) else other
    )
