"""Reading an Office 365 calendar by Microsoft Graph.

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
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from integrations.errors import CursorExpired, Gone, Unexpected
from integrations.providers.office365.payloads import (
    EVENT_FIELDS,
    EVENT_TYPES,
    fill_occurrence,
    is_removed,
    parse_event,
)
from integrations.providers.office365.responses import NOT_UNDERSTOOD, WORDS, Endless, Json, follow_links
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteEvent, Window
from safety import outbound

log = logging.getLogger(__name__)

# A page is what is in memory at once: 250 events of a working life take about 6 MB while read.
_PAGE_SIZE = 250
_MOST_MASTERS = 64
_MOST_SERIES = 50
_MOST_INSTANCES = 5_000
_PLAIN = "plain:"
_PLAIN_SECONDS = 12 * 3600
_ODD = (TypeError, AttributeError, KeyError)


class Fetch(Protocol):
    """GETs an address of Graph's, one at a time for an account. Raises ProviderError."""

    def __call__(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> Json: ...


class Office365Calendar:
    """The person's primary calendar: an integrations.providers.base.Calendar."""

    def __init__(self, fetch: Fetch, *, root: str, mailbox: str) -> None:
        """`root`: Graph's address with a slash at its end. `mailbox`: whose calendar it is."""
        self._fetch = fetch
        self._root = root
        self._mailbox = mailbox.lower()

    def changes(self, cursor: str | None, window: Window) -> Iterator[Delta[RemoteEvent]]:
        """Occurrences, never series. Each page's `gone` holds what was deleted and what left the window.

        The cursor is Graph's delta link, or "plain:" and the time until which this calendar is read without deltas;
        with that each round is a complete listing.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        if cursor is None:
            return self._list_all(window)
        if cursor.startswith(_PLAIN):
            return self._list_plainly(window, _parse_until(cursor))
        if not outbound.same_host(cursor, self._root):
            raise CursorExpired(WORDS.read_again, detail="the cursor is no link of Graph's")
        return self._list_changes(cursor, window)

    def _list_all(self, window: Window) -> Iterator[Delta[RemoteEvent]]:
        first = f"{self._root}me/calendarView/delta?{urlencode(_dump_window(window))}"
        masters = Masters(self._fetch_master)

        def parse(answer: Json, is_last: bool, link: str) -> Delta[RemoteEvent]:
            changed = [one for one in self._parse_all(items_of(answer), masters) if window.holds(one)]
            return Delta(tuple(changed), cursor=check_cursor(link) if is_last else None, complete=is_last)

        try:
            yield from follow_links(self._fetch_page, parse, first=first, root=self._root)
        except Endless:
            log.warning("Graph's delta of a calendar goes round in circles; it is read by plain pages for a while")
            yield from self._list_plainly(window, time.time() + _PLAIN_SECONDS)

    def _parse_all(self, items: list[Json], masters: "Masters") -> Iterator[RemoteEvent]:
        """Everything on a page of a complete listing, as it came last; masters go to `masters`."""
        stubs = []
        for item in {item["id"]: item for item in items}.values():
            kind = item.get("type")
            if is_removed(item):
                continue
            if kind == "occurrence" and "subject" not in item:
                stubs.append(item)
            elif kind != "seriesMaster":
                yield self._parse(item)
            elif "subject" in item:
                masters.add(self._parse(item))
        for stub in stubs:
            series = stub.get("seriesMasterId")
            master = masters.find(series) if isinstance(series, str) and series else None
            if master is None:
                continue  # deleted since, or a stub of nothing
            try:
                yield fill_occurrence(stub, master)
            except _ODD:
                yield fill_occurrence(salvage(stub, EVENT_TYPES), master)

    def _parse(self, item: Json) -> RemoteEvent:
        try:
            return parse_event(item, self._mailbox)
        except _ODD:
            return parse_event(salvage(item, EVENT_TYPES), self._mailbox)

    def _fetch_master(self, series: str) -> RemoteEvent | None:
        """Reference: https://learn.microsoft.com/en-us/graph/api/event-get"""
        try:
            item = self._fetch(f"{self._root}me/events/{quote(series, safe='')}?$select={EVENT_FIELDS}")
        except Gone:
            return None
        return self._parse({**item, "id": series})

    def _list_changes(self, cursor: str, window: Window) -> Iterator[Delta[RemoteEvent]]:
        def fetch(link: str) -> Json:
            return self._fetch(link, page_size=_PAGE_SIZE, has_cursor=True)

        def parse(answer: Json, is_last: bool, link: str) -> tuple[Delta[RemoteEvent], list[str]]:
            return self._parse_changes(items_of(answer), window, check_cursor(link) if is_last else None)

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
                for number, one in enumerate(series, 1):
                    yield self._list_series(one, window, delta.cursor if number == len(series) else None)
        except Endless:
            raise CursorExpired(WORDS.read_again, detail="a delta that goes round in circles") from None

    def _parse_changes(
        self, items: list[Json], window: Window, cursor: str | None
    ) -> tuple[Delta[RemoteEvent], list[str]]:
        """What a page says by itself, and the series that have to be asked for."""
        changed: dict[str, RemoteEvent] = {}
        gone: dict[str, None] = {}
        series: dict[str, None] = {}
        for item in items:
            remote_id = item["id"]
            changed.pop(remote_id, None)
            gone.pop(remote_id, None)
            if is_removed(item):
                # Of an event, an occurrence or a whole series, and often of what nobody here has heard of.
                gone[remote_id] = None
                series.pop(remote_id, None)
                continue
            master = remote_id if item.get("type") == "seriesMaster" else item.get("seriesMasterId")
            if isinstance(master, str) and master:
                series[master] = None
                continue
            event = self._parse(item)
            if window.holds(event):
                changed[remote_id] = event
            else:
                gone[remote_id] = None
        # A single event may have been a series before, and is one under the same id.
        delta = Delta(tuple(changed.values()), tuple(gone), cursor, series=tuple(changed))
        return delta, [one for one in series if one not in gone]

    def _list_series(self, series: str, window: Window, cursor: str | None) -> Delta[RemoteEvent]:
        """All of a series that lies in the window.

        Reference: https://learn.microsoft.com/en-us/graph/api/event-list-instances
        """
        query = urlencode({**_dump_window(window), "$select": EVENT_FIELDS}, safe="$,:")
        first = f"{self._root}me/events/{quote(series, safe='')}/instances?{query}"
        found: dict[str, RemoteEvent] = {}
        bodies: dict[str, str] = {}

        def parse(answer: Json, *_: object) -> None:
            for item in items_of(answer):
                event = self._parse(item)
                event.body = bodies.setdefault(event.body, event.body)  # type: ignore[misc]  # each has its own copy
                event.series_id = series  # type: ignore[misc]
                if window.holds(event):
                    found[event.ref.id] = event
            if len(found) > _MOST_INSTANCES:
                raise Unexpected(NOT_UNDERSTOOD, detail="a series of more occurrences than Portico reads")

        try:
            for _ in follow_links(self._fetch_page, parse, first=first, root=self._root):
                pass
        except Gone:
            return Delta(gone=(series,), cursor=cursor)
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="instances without an end") from None
        return Delta(tuple(found.values()), cursor=cursor, series=(series,))

    def _list_plainly(self, window: Window, until: float) -> Iterator[Delta[RemoteEvent]]:
        """A complete listing by pages of the view, which come whole.

        Reference: https://learn.microsoft.com/en-us/graph/api/calendar-list-calendarview
        """
        query = urlencode({**_dump_window(window), "$select": EVENT_FIELDS, "$orderby": "start/dateTime"}, safe="$,:/")

        def parse(answer: Json, is_last: bool, _: str) -> Delta[RemoteEvent]:
            events = [self._parse(item) for item in items_of(answer) if not is_removed(item)]
            changed = tuple(one for one in events if window.holds(one))
            return Delta(changed, cursor=f"{_PLAIN}{until:.0f}" if is_last else None, complete=is_last)

        try:
            yield from follow_links(
                self._fetch_page, parse, first=f"{self._root}me/calendarView?{query}", root=self._root
            )
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="pages of a calendar without an end") from None

    def _fetch_page(self, link: str) -> Json:
        return self._fetch(link, page_size=_PAGE_SIZE)


class Masters:
    """Masters of series by id: those listed, and those asked for once. The few used last are kept."""

    def __init__(self, fetch: Any) -> None:
        self._fetch = fetch
        self._known: OrderedDict[str, RemoteEvent | None] = OrderedDict()

    def add(self, master: RemoteEvent) -> None:
        self._keep(master.ref.id, master)

    def find(self, series: str) -> RemoteEvent | None:
        """Raises ProviderError."""
        if series in self._known:
            self._known.move_to_end(series)
            return self._known[series]
        return self._keep(series, self._fetch(series))

    def _keep(self, series: str, master: RemoteEvent | None) -> RemoteEvent | None:
        self._known[series] = master
        self._known.move_to_end(series)
        if len(self._known) > _MOST_MASTERS:
            self._known.popitem(last=False)
        return master


def items_of(answer: Json) -> list[Json]:
    """The items that have an id."""
    found = [
        one
        for one in answer.get("value", ())
        if isinstance(one, dict) and isinstance(remote_id := one.get("id"), str) and remote_id
    ]
    if nameless := len(answer.get("value", ())) - len(found):
        log.warning("Graph listed %d items without an id; they are left out", nameless)
    return found


def check_cursor(link: str) -> str:
    """Raises Unexpected where the last page has no delta link, so that there would be no way to go on from here."""
    if not link:
        raise Unexpected(NOT_UNDERSTOOD, detail="the last page has no delta link")
    return link


def _parse_until(cursor: str) -> float:
    """Raises CursorExpired where the time is over: the delta is tried again."""
    try:
        until = float(cursor.removeprefix(_PLAIN))
    except ValueError:
        until = 0
    if not 0 < until - time.time() <= _PLAIN_SECONDS + 1:
        raise CursorExpired(WORDS.read_again, detail="time to try the delta again")
    return until


def _dump_window(window: Window) -> dict[str, str]:
    """A second more on each side, for events of no length at the edges; what lies outside is dropped by us."""
    second = timedelta(seconds=1)
    return {
        "startDateTime": _dump_moment(window.starts - second),
        "endDateTime": _dump_moment(window.ends + second + (second if window.ends.microsecond else timedelta(0))),
    }


def _dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
