"""Reading Exchange's calendars: SyncFolderItems tells what has changed, a calendar view what there is.

SyncFolderItems knows events and series, and nothing of a series' occurrences; a calendar view knows occurrences, and
nothing of changes. So a complete listing takes down where the folder stands and then reads the window, month by month.
After that single events are read one by one, and of a series that changed all that lies in the window.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/mailbox-synchronization-and-ews-in-exchange
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from itertools import islice

import orjson

from integrations.errors import CursorExpired, Gone, Unexpected
from integrations.providers.exchange.codes import BAD_IDS
from integrations.providers.exchange.folders import choose_calendars
from integrations.providers.exchange.operations import get_folder, get_folders, sync_hierarchy, sync_items
from integrations.providers.exchange.payloads import MASTER, SINGLE
from integrations.providers.exchange.responses import Element, check, code_of
from integrations.providers.exchange.single import fetch_item, fetch_master
from integrations.providers.exchange.syncing import read_change, sync
from integrations.providers.exchange.tree import find_own, read_folder, read_tree
from integrations.providers.exchange.window import WindowReader
from integrations.providers.exchange.wire import Wire
from integrations.remote import Delta, RemoteCalendar, RemoteEvent, RemoteRef, Window

# A page is what is in memory at once. Exchange counts each item against the person's budget.
_PAGE_SIZE = 100
_FORMAT = 1
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Cursor:
    """Where reading goes on: the calendar folder, its sync state, and which of its items are series.

    SyncFolderItems says only the id of what was deleted. `masters`: a digest of a master's id -> the series' UID.
    """

    folder: str
    state: str = ""
    masters: dict[str, str] = field(default_factory=dict)

    def dump(self) -> str:
        value = {"format": _FORMAT, "folder": self.folder, "state": self.state, "masters": self.masters}
        return orjson.dumps(value).decode()


def parse_cursor(text: str) -> Cursor | None:
    """None for what is none of ours, or of another version of this file."""
    try:
        value = orjson.loads(text)
        if value["format"] != _FORMAT or not isinstance(value["masters"], dict):
            return None
        cursor = Cursor(value["folder"], value["state"], value["masters"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return cursor if cursor.folder and cursor.state else None


@dataclass(slots=True)
class Changed:
    """What has happened since.

    `single`: ids of events to read; `series`: UIDs of series to read in the window; `gone`: ids of what is no more;
    `former`: UIDs of series that are no more, unless another item has the same. `everything`: it cannot be told what,
    so the window has to be read again.
    """

    single: dict[str, None] = field(default_factory=dict)
    series: dict[str, None] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)
    former: dict[str, None] = field(default_factory=dict)
    everything: bool = False


class ReadableExchangeCalendar:
    """The calendars of a mailbox: an integrations.providers.base.ReadableCalendar."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        """All folders for events, but for those in the trash.

        Raises:
            ProviderError: any of the family.
        """
        default, trash = find_own(self._wire, "calendar", "deleteditems")
        folders = read_tree(self._wire, lambda state: sync_hierarchy(state, with_rights=True))
        return choose_calendars(folders, default=default, trash=trash)

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        """Events and occurrences, never series.

        Raises:
            CursorExpired: list again with None.
            Gone: there is no such calendar any more.
            ProviderError: any of the family.
        """
        if cursor is None:
            yield from self._list(window, calendar)
            return
        known = parse_cursor(cursor)
        if known is None or calendar not in ("", known.folder):
            raise CursorExpired(self._wire.words.read_again, detail="a cursor of another form")
        yield from self._follow(known, window, calendar)

    def _list(self, window: Window, calendar: str) -> Iterator[Delta[RemoteEvent]]:
        """Where the folder stands first, then the window: what changes meanwhile comes with the next round."""
        cursor = Cursor(self._find_folder(calendar))
        self._sync(cursor)
        yield from self._read_window(cursor, window, calendar)

    def _read_window(self, cursor: Cursor, window: Window, calendar: str) -> Iterator[Delta[RemoteEvent]]:
        reader = WindowReader(self._wire, cursor.folder, window, container=calendar)
        rows = reader.find()
        page = list(islice(rows, _PAGE_SIZE))
        while page:
            following = list(islice(rows, _PAGE_SIZE))
            if not following:
                break
            yield Delta(reader.read(page))
            page = following
        yield Delta(reader.read(page), cursor=cursor.dump(), complete=True)

    def _follow(self, cursor: Cursor, window: Window, calendar: str) -> Iterator[Delta[RemoteEvent]]:
        changed = self._sync(cursor)
        if changed.everything:
            yield from self._read_window(cursor, window, calendar)
            return
        reader = WindowReader(self._wire, cursor.folder, window, container=calendar)
        living = {*cursor.masters.values(), *changed.series}
        series = {uid for uid in (*changed.series, *changed.former) if uid in living}
        gone = [*changed.gone, *(uid for uid in changed.former if uid not in living)]
        ids = list(changed.single)
        for start in range(0, len(ids), _PAGE_SIZE):
            events, outside = reader.read_single(ids[start : start + _PAGE_SIZE])
            yield Delta(events, tuple(outside))
        for names, rows in reader.find_series(series, size=_PAGE_SIZE):
            yield Delta(reader.read(rows), series=names)
        yield Delta(gone=tuple(gone), cursor=cursor.dump())

    def read(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar. A series is known by its own id and by its UID, which its occurrences name.

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        return fetch_item(self._wire, ref).event

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar.

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        return fetch_master(self._wire, fetch_item(self._wire, ref)).event

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        """As in base.ReadableCalendar.

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        series = fetch_item(self._wire, ref)
        span = series.find_span()
        if span is not None:
            # A view lists everything between two moments: no more of them than the series needs.
            window = Window(max(window.starts, span[0] - _DAY), min(window.ends, span[1] + _DAY))
        if window.starts >= window.ends or not series.event.uid:
            return ()
        reader = WindowReader(self._wire, ref.container, window, container=ref.container)
        pages = reader.find_series({series.event.uid}, size=_PAGE_SIZE)
        return tuple(event for _, rows in pages for event in reader.read(rows))

    def _find_folder(self, calendar: str) -> str:
        """Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getfolder-operation"""
        words = self._wire.words
        (message,) = self._wire.ask(get_folder(calendar) if calendar else get_folders("calendar"))[:1]
        if calendar and message.get("ResponseClass") == "Error" and code_of(message) in BAD_IDS:
            raise Gone(words.gone, detail="no id of a calendar")
        folder = read_folder(check(message, words))
        if folder is None:
            raise Unexpected(words.not_understood, detail="a calendar without an id")
        return folder.id

    def _sync(self, cursor: Cursor) -> Changed:
        """What has changed in the folder; `cursor` moves on."""

        def operation(state: str) -> str:
            return sync_items(cursor.folder, state, is_calendar=True)

        changed = Changed()
        note = _note if cursor.state else _note_first
        for changes, state in sync(self._wire, operation, cursor.state):
            cursor.state = state
            for change in changes:
                note(change, cursor.masters, changed)
        return changed


def _note_first(change: Element, masters: dict[str, str], _: Changed) -> None:
    """Take down what is there, when nothing was known before: of ten thousand events only series are worth a note."""
    fields = read_change(change)[2]
    if fields.get("CalendarItemType") == MASTER:
        masters[_digest(fields["Id"])] = fields.get("UID", "")


def _digest(remote_id: str) -> str:
    return blake2b(remote_id.encode(), digest_size=9).hexdigest()


def _note(change: Element, masters: dict[str, str], changed: Changed) -> None:
    """Take one change down; the last of several of one item counts."""
    kind, name, fields = read_change(change)
    remote_id = fields.get("Id")
    if not remote_id or kind == "ReadFlagChange":
        return
    key = _digest(remote_id)
    changed.single.pop(remote_id, None)
    changed.gone.pop(remote_id, None)
    former = masters.pop(key, None)
    uid, sort = fields.get("UID", ""), fields.get("CalendarItemType", "")
    if former is not None:
        changed.former[former] = None
    if name != "CalendarItem":
        # Deleted; or a message that has strayed into the calendar.
        changed.gone[remote_id] = None
    elif sort == SINGLE:
        changed.single[remote_id] = None
    else:
        changed.series[uid] = None
        if sort == MASTER:
            masters[key] = uid
            # It may have been a single event before; its occurrences have other ids.
            changed.gone[remote_id] = None
    # A series that has no name can be told from no other.
    changed.everything = changed.everything or "" in changed.series or "" in changed.former
