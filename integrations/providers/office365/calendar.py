"""Reading Office 365 calendars by Microsoft Graph.

A delta of a calendar's view lists single events and exceptions whole, the master of a series (with times that may lie
outside the window: it is no meeting of its own) and occurrences as stubs: an id and a time. It says nothing of an
occurrence that was deleted. So a complete listing fills stubs in from their masters, and later rounds list each series
that shows up whole, by its instances.

Some mailboxes' deltas go round in circles. Those are read by plain pages of the view, each round whole, for half a day;
then the delta is given another chance, and the window moves on with it.

Reference: https://learn.microsoft.com/en-us/graph/api/event-delta and
https://learn.microsoft.com/en-us/graph/delta-query-events
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

from integrations.errors import CursorExpired, Gone, Unexpected
from integrations.providers.office365.listing import Fetch, check_cursor, dump_window, items_of, path_of, place_of
from integrations.providers.office365.masters import Masters
from integrations.providers.office365.payloads import (
    CALENDAR_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    WHOLE_EVENT_FIELDS,
    fill_occurrence,
    is_removed,
    parse_calendar,
    parse_event,
    parse_whole_event,
)
from integrations.providers.office365.responses import NOT_UNDERSTOOD, WORDS, Endless, Json, follow_links
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteCalendar, RemoteEvent, RemoteRef, Window
from safety import outbound

log = logging.getLogger(__name__)

# A page is what is in memory at once: 250 events of a working life take about 6 MB while read.
_PAGE_SIZE = 250
_MOST_SERIES = 50
_MOST_INSTANCES = 5_000
_PLAIN = "plain:"
OWN_CALENDAR = "Calendar"
"""What Outlook calls the calendar that is there from the beginning."""
_PLAIN_SECONDS = 12 * 3600
_ODD = (TypeError, AttributeError, KeyError)


class Office365Calendar:
    """The person's calendars: an integrations.providers.base.ReadableCalendar."""

    def __init__(self, fetch: Fetch, *, root: str, mailbox: str) -> None:
        """`root`: Graph's address with a slash at its end. `mailbox`: whose calendars they are."""
        self._fetch = fetch
        self._root = root
        self._mailbox = mailbox.lower()

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        """As in base.ReadableCalendar.

        Reference: https://learn.microsoft.com/en-us/graph/api/user-list-calendars
        """
        found: dict[str, RemoteCalendar] = {"": RemoteCalendar("", OWN_CALENDAR)}

        def parse(answer: Json, *_: object) -> None:
            parsed = (parse_calendar(item, self._mailbox) for item in items_of(answer))
            found.update({one.id: one for one in parsed if one})

        first = f"{self._root}me/calendars?$select={CALENDAR_FIELDS}"
        try:
            for _ in follow_links(self._fetch_page, parse, first=first, root=self._root):
                pass
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="calendars without an end") from None
        return tuple(found.values())

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        """Occurrences, never series. Each page's `gone` holds what was deleted and what left the window.

        The cursor is Graph's delta link, or "plain:" and the time until which this calendar is read without deltas;
        with that each round is a complete listing.

        Raises:
            CursorExpired: list again with None.
            Gone: there is no such calendar.
            ProviderError: any other of the family.
        """
        if cursor is None:
            return self._list_all(window, calendar)
        if cursor.startswith(_PLAIN):
            return self._list_plainly(window, calendar, _parse_until(cursor))
        if not outbound.same_host(cursor, self._root):
            raise CursorExpired(WORDS.read_again, detail="the cursor is no link of Graph's")
        return self._list_changes(cursor, window, calendar)

    def read(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar."""
        return self._with_key(self._parse_whole(self._fetch_whole(ref.id), ref.container))

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar."""
        event = self._parse_whole(self._fetch_whole(ref.id), ref.container)
        if event.is_series:
            return event
        if not event.series_id:
            raise Gone(WORDS.gone, detail="no series")
        return self._parse_whole(self._fetch_whole(event.series_id), ref.container)

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        """As in base.ReadableCalendar."""
        master = self._fetch_master(ref.id, ref.container)
        if master is None:
            raise Gone(WORDS.gone, detail="a series")
        return self._fetch_instances(ref.id, window, ref.container, master.key)

    def _list_all(self, window: Window, calendar: str) -> Iterator[Delta[RemoteEvent]]:
        first = f"{self._root}{place_of(calendar)}calendarView/delta?{urlencode(dump_window(window))}"
        masters = Masters(lambda series: self._fetch_master(series, calendar))

        def parse(answer: Json, is_last: bool, link: str) -> Delta[RemoteEvent]:
            changed = [one for one in self._parse_all(items_of(answer), masters, calendar) if window.holds(one)]
            return Delta(tuple(changed), cursor=check_cursor(link) if is_last else None, complete=is_last)

        try:
            yield from follow_links(self._fetch_page, parse, first=first, root=self._root)
        except Endless:
            log.warning("Graph's delta of a calendar goes round in circles; it is read by plain pages for a while")
            yield from self._list_plainly(window, calendar, time.time() + _PLAIN_SECONDS)

    def _parse_all(self, items: list[Json], masters: Masters, calendar: str) -> Iterator[RemoteEvent]:
        """Everything on a page of a complete listing, as it came last; masters go to `masters`."""
        stubs = []
        for item in {item["id"]: item for item in items}.values():
            kind = item.get("type")
            if is_removed(item):
                continue
            if kind == "occurrence" and "subject" not in item:
                stubs.append(item)
            elif kind != "seriesMaster":
                yield self._parse(item, calendar)
            elif "subject" in item:
                masters.add(self._parse(item, calendar))
        for stub in stubs:
            series = stub.get("seriesMasterId")
            master = masters.find(series) if isinstance(series, str) and series else None
            if master is None:
                continue  # deleted since, or a stub of nothing
            try:
                yield fill_occurrence(stub, master)
            except _ODD:
                yield fill_occurrence(salvage(stub, EVENT_TYPES), master)

    def _parse(self, item: Json, calendar: str) -> RemoteEvent:
        try:
            return parse_event(item, self._mailbox, calendar)
        except _ODD:
            return parse_event(salvage(item, EVENT_TYPES), self._mailbox, calendar)

    def _parse_whole(self, item: Json, calendar: str) -> RemoteEvent:
        """Raises Unexpected where it is no event at all."""
        if not isinstance(item.get("id"), str) or not item["id"]:
            raise Unexpected(NOT_UNDERSTOOD, detail="an event without an id")
        try:
            return parse_whole_event(item, self._mailbox, calendar)
        except _ODD:
            return parse_whole_event(salvage(item, EVENT_TYPES), self._mailbox, calendar)

    def _with_key(self, event: RemoteEvent) -> RemoteEvent:
        """An occurrence with the key that only its series has."""
        if event.key or not event.series_id:
            return event
        master = self._fetch_master(event.series_id, event.ref.container)
        return replace(event, key=master.key) if master else event

    def _fetch_whole(self, remote_id: str) -> Json:
        """Reference: https://learn.microsoft.com/en-us/graph/api/event-get"""
        return {**self._fetch(f"{self._root}{path_of(remote_id)}?$select={WHOLE_EVENT_FIELDS}"), "id": remote_id}

    def _fetch_master(self, series: str, calendar: str) -> RemoteEvent | None:
        """Reference: https://learn.microsoft.com/en-us/graph/api/event-get"""
        try:
            item = self._fetch(f"{self._root}{path_of(series)}?$select={EVENT_FIELDS}")
        except Gone:
            return None
        return self._parse({**item, "id": series}, calendar)

    def _list_changes(self, cursor: str, window: Window, calendar: str) -> Iterator[Delta[RemoteEvent]]:
        def fetch(link: str) -> Json:
            return self._fetch(link, page_size=_PAGE_SIZE, has_cursor=True)

        def parse(answer: Json, is_last: bool, link: str) -> tuple[Delta[RemoteEvent], dict[str, str | None]]:
            return self._parse_changes(items_of(answer), window, calendar, check_cursor(link) if is_last else None)

        count = 0
        try:
            for delta, series in follow_links(fetch, parse, first=cursor, root=self._root):
                count += len(series)
                if count > _MOST_SERIES:
                    # A request for each would take longer than reading everything.
                    raise CursorExpired(WORDS.read_again, detail=f"{count} series changed at once")
                if delta.changed or delta.gone or not series:
                    yield replace(delta, cursor=None if series else delta.cursor)
                # The cursor comes with the last of all.
                for number, (one, key) in enumerate(series.items(), 1):
                    yield self._list_series(one, window, calendar, key, delta.cursor if number == len(series) else None)
        except Endless:
            raise CursorExpired(WORDS.read_again, detail="a delta that goes round in circles") from None

    def _parse_changes(
        self, items: list[Json], window: Window, calendar: str, cursor: str | None
    ) -> tuple[Delta[RemoteEvent], dict[str, str | None]]:
        """What a page says by itself, and the series that have to be asked for, each with its key where it says it."""
        changed: dict[str, RemoteEvent] = {}
        gone: dict[str, None] = {}
        series: dict[str, str | None] = {}
        for item in items:
            remote_id = item["id"]
            changed.pop(remote_id, None)
            gone.pop(remote_id, None)
            if is_removed(item):
                # Of an event, an occurrence or a whole series, and often of what nobody here has heard of.
                gone[remote_id] = None
                series.pop(remote_id, None)
                continue
            if item.get("type") == "seriesMaster":
                series[remote_id] = self._parse(item, calendar).key if "subject" in item else None
                continue
            master = item.get("seriesMasterId")
            if isinstance(master, str) and master:
                series.setdefault(master, None)
                continue
            event = self._parse(item, calendar)
            if window.holds(event):
                changed[remote_id] = event
            else:
                gone[remote_id] = None
        # A single event may have been a series before, and is one under the same id.
        delta = Delta(tuple(changed.values()), tuple(gone), cursor, series=tuple(changed))
        return delta, {one: key for one, key in series.items() if one not in gone}

    def _list_series(
        self, series: str, window: Window, calendar: str, key: str | None, cursor: str | None
    ) -> Delta[RemoteEvent]:
        """All of a series that lies in the window. `key`: None where it has to be asked for."""
        try:
            if key is None:
                master = self._fetch_master(series, calendar)
                key = master.key if master else ""
            found = self._fetch_instances(series, window, calendar, key)
        except Gone:
            return Delta(gone=(series,), cursor=cursor)
        return Delta(found, cursor=cursor, series=(series,))

    def _fetch_instances(self, series: str, window: Window, calendar: str, key: str) -> tuple[RemoteEvent, ...]:
        """Reference: https://learn.microsoft.com/en-us/graph/api/event-list-instances

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        query = urlencode({**dump_window(window), "$select": EVENT_FIELDS}, safe="$,:")
        first = f"{self._root}{path_of(series)}/instances?{query}"
        found: dict[str, RemoteEvent] = {}
        bodies: dict[str, str] = {}

        def parse(answer: Json, *_: object) -> None:
            for item in items_of(answer):
                event = self._parse(item, calendar)
                event.body = bodies.setdefault(event.body, event.body)  # type: ignore[misc]  # each has its own copy
                event.series_id = series  # type: ignore[misc]
                event.key = key  # type: ignore[misc]
                if window.holds(event):
                    found[event.ref.id] = event
            if len(found) > _MOST_INSTANCES:
                raise Unexpected(NOT_UNDERSTOOD, detail="a series of more occurrences than Portico reads")

        try:
            for _ in follow_links(self._fetch_page, parse, first=first, root=self._root):
                pass
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="instances without an end") from None
        return tuple(found.values())

    def _list_plainly(self, window: Window, calendar: str, until: float) -> Iterator[Delta[RemoteEvent]]:
        """A complete listing by pages of the view, which come whole.

        Reference: https://learn.microsoft.com/en-us/graph/api/calendar-list-calendarview
        """
        query = urlencode({**dump_window(window), "$select": EVENT_FIELDS, "$orderby": "start/dateTime"}, safe="$,:/")
        first = f"{self._root}{place_of(calendar)}calendarView?{query}"

        def parse(answer: Json, is_last: bool, _: str) -> Delta[RemoteEvent]:
            events = [self._parse(item, calendar) for item in items_of(answer) if not is_removed(item)]
            changed = tuple(one for one in events if window.holds(one))
            return Delta(changed, cursor=f"{_PLAIN}{until:.0f}" if is_last else None, complete=is_last)

        try:
            yield from follow_links(self._fetch_page, parse, first=first, root=self._root)
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="pages of a calendar without an end") from None

    def _fetch_page(self, link: str) -> Json:
        return self._fetch(link, page_size=_PAGE_SIZE)


def _parse_until(cursor: str) -> float:
    """Raises CursorExpired where the time is over: the delta is tried again."""
    try:
        until = float(cursor.removeprefix(_PLAIN))
    except ValueError:
        until = 0
    if not 0 < until - time.time() <= _PLAIN_SECONDS + 1:
        raise CursorExpired(WORDS.read_again, detail="time to try the delta again")
    return until
