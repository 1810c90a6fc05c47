"""Reading a window of an Exchange calendar: views find what there is, GetItem tells the rest of it."""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from integrations.errors import Unexpected
from integrations.providers.exchange.codes import TooMuch
from integrations.providers.exchange.operations import find_events, get_events
from integrations.providers.exchange.payloads import (
    NO_DETAILS,
    OCCURRENCE,
    SINGLE,
    Details,
    Fields,
    parse_details,
    parse_event,
    parse_fields,
)
from integrations.providers.exchange.responses import MESSAGES, TYPES, check
from integrations.providers.exchange.syncing import get_items
from integrations.providers.exchange.wire import Wire
from integrations.remote import RemoteEvent, Window

_SPAN = timedelta(days=31)
_SHORTEST_SPAN = timedelta(hours=1)
_DAY = timedelta(days=1)
# What is kept of series while a window is read: their bodies, mostly.
_MOST_KEPT_CHARACTERS = 8_000_000


class WindowReader:
    """Reads a window of one calendar."""

    def __init__(self, wire: Wire, folder: str, window: Window, *, container: str) -> None:
        """`folder`: as operations.place; `container`: what its events are said to be in."""
        self._wire = wire
        self._folder = folder
        self._container = container
        self._window = window
        self._mailbox = wire.mailbox.lower()
        self._shared: OrderedDict[tuple[str, str], Details] = OrderedDict()
        self._shared_size = 0

    def find(self) -> Iterator[Fields]:
        """What a calendar view lists of the window, each once.

        A day more at both ends, because days have no zone: `Window.holds` keeps what touches the window anywhere.
        """
        starts, last = self._window.starts - _DAY, self._window.ends + _DAY
        carried: set[str] = set()
        spans = []
        while starts < last:
            ends = min(starts + _SPAN, last)
            spans.append((starts, ends))
            starts = ends
        spans.reverse()
        while spans:
            starts, ends = spans.pop()
            try:
                found = self._find_between(starts, ends)
            except TooMuch:
                middle = starts + (ends - starts) / 2
                if ends - starts <= _SHORTEST_SPAN:
                    raise
                spans += [(middle, ends), (starts, middle)]
                continue
            over: set[str] = set()
            edge = f"{ends.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            for fields in found:
                remote_id, until = fields["Id"], fields.get("End") or fields.get("Start", "")
                # What reaches into the next span, or has no end that can be compared, is listed there again.
                if until >= edge or len(until) != len(edge):
                    over.add(remote_id)
                if remote_id not in carried:
                    yield fields
            carried = over

    def _find_between(self, starts: datetime, ends: datetime) -> list[Fields]:
        """Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/finditem-operation

        Raises:
            TooMuch: the server lists less than there is.
            ProviderError: any other of the family.
        """
        words = self._wire.words
        (message,) = self._wire.ask(find_events(self._folder, starts, ends))[:1]
        root = check(message, words).find(f"{MESSAGES}RootFolder")
        if root is None:
            raise Unexpected(words.not_understood, detail="a calendar view without a folder")
        if root.get("IncludesLastItemInRange", "true") == "false":
            raise TooMuch(words.not_understood, detail="a calendar view that is cut off")
        items = root.find(f"{TYPES}Items")
        rows = [parse_fields(item) for item in items] if items is not None else []
        return [fields for fields in rows if fields.get("Id")]

    def find_series(self, uids: set[str], *, size: int) -> Iterator[tuple[tuple[str, ...], list[Fields]]]:
        """(names, rows) of series as they lie in the window: whole ones, together about `size` rows."""
        if not uids:
            return
        rows: dict[str, list[Fields]] = {uid: [] for uid in uids}
        for fields in self.find():
            if (uid := fields.get("UID", "")) in rows and fields.get("CalendarItemType") != SINGLE:
                rows[uid].append(fields)
        names: list[str] = []
        page: list[Fields] = []
        for uid, own in rows.items():
            if names and len(page) + len(own) > size:
                yield tuple(names), page
                names, page = [], []
            names.append(uid)
            page += own
        yield tuple(names), page

    def read(self, rows: list[Fields]) -> tuple[RemoteEvent, ...]:
        """Records of what a calendar view has listed, with what GetItem knows; occurrences of a series share that."""
        keys = [_share_key(fields) for fields in rows]
        wanted: dict[tuple[str, str], str] = {}
        for key, fields in zip(keys, rows, strict=True):
            if key not in wanted and key not in self._shared:
                wanted[key] = fields["Id"]
        details, missing = self._get(list(wanted.values()))
        by_key = {key: details[remote_id] for key, remote_id in wanted.items() if remote_id in details}
        events = []
        for key, fields in zip(keys, rows, strict=True):
            found = by_key.get(key) or self._recall(key)
            if found is None:
                # Deleted since, which the next round tells; or one that the server itself cannot read.
                if wanted.get(key) in missing:
                    continue
                found = NO_DETAILS
            event = self._make(fields, found)
            if self._window.holds(event):
                events.append(event)
        for key, found in by_key.items():
            if key[1]:
                self._keep(key, found)
        return tuple(events)

    def read_single(self, ids: list[str]) -> tuple[tuple[RemoteEvent, ...], list[str]]:
        """(events in the window, ids of those that are not)."""
        details, missing = self._get(ids)
        events, outside = [], list(missing)
        for remote_id in ids:
            found = details.get(remote_id)
            if found is None:
                continue
            event = self._make(found.fields, found)
            if found.fields.get("CalendarItemType", SINGLE) == SINGLE and self._window.holds(event):
                events.append(event)
            else:
                outside.append(remote_id)
        return tuple(events), outside

    def _make(self, fields: Fields, details: Details) -> RemoteEvent:
        return parse_event(fields, details, container=self._container, mailbox=self._mailbox, base=self._wire.url)

    def _get(self, ids: list[str]) -> tuple[dict[str, Details], set[str]]:
        """(by id what GetItem tells, ids of those that are no more)."""
        found: dict[str, Details] = {}
        missing: set[str] = set()
        is_2013 = self._wire.version.is_2013

        def operation(some: list[str], with_body: bool) -> str:
            return get_events(some, is_2013=is_2013, with_body=with_body)

        for remote_id, item in get_items(self._wire, ids, operation):
            if item is None:
                missing.add(remote_id)
            elif item.tag == f"{TYPES}CalendarItem":
                found[remote_id] = parse_details(item, self._mailbox)
        return found, missing

    def _recall(self, key: tuple[str, str]) -> Details | None:
        details = self._shared.get(key)
        if details is not None:
            self._shared.move_to_end(key)
        return details

    def _keep(self, key: tuple[str, str], details: Details) -> None:
        self._shared[key] = details
        self._shared_size += _size(details)
        while self._shared_size > _MOST_KEPT_CHARACTERS:
            _, dropped = self._shared.popitem(last=False)
            self._shared_size -= _size(dropped)


def _size(details: Details) -> int:
    return 500 + len(details.fields.get("Body", "")) + 200 * len(details.attendees)


def _share_key(fields: Fields) -> tuple[str, str]:
    """Equal for occurrences that differ in their times alone. The second part is "" for what shares with none."""
    if fields.get("CalendarItemType") == OCCURRENCE and fields.get("UID"):
        return fields["UID"], fields.get("ChangeKey", "")
    return fields["Id"], ""
