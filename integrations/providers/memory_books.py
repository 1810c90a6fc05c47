"""The shelves of the memory provider, and its calendars: events, series, and what writing does to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from integrations.errors import Conflict, CursorExpired, Gone, Rejected
from integrations.providers.drafts import escape, is_backwards, is_written, nearest_day
from integrations.remote import (
    DRAFT_FIELDS,
    Attendee,
    Delta,
    EventDraft,
    RemoteCalendar,
    RemoteEvent,
    RemoteRef,
    Window,
)


class _Item(Protocol):
    @property
    def ref(self) -> RemoteRef: ...


Item = TypeVar("Item", bound=_Item)


class Shelf(Generic[Item]):
    """Items of one kind, and the order in which they were last touched."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self._touched: dict[str, int] = {}
        self._clock = 0
        self._era = 0

    def put(self, item: Item) -> Item:
        """Add or change an item; it gets a new version."""
        self._clock += 1
        versioned: Item = replace(item, ref=replace(item.ref, version=f"v{self._clock}"))  # type: ignore[type-var]
        self.items[item.ref.id] = versioned
        self._touched[item.ref.id] = self._clock
        return versioned

    def remove(self, remote_id: str) -> None:
        self._clock += 1
        del self.items[remote_id]
        self._touched[remote_id] = self._clock

    def clear(self) -> None:
        for remote_id in list(self.items):
            self.remove(remote_id)

    def expire_cursors(self) -> None:
        """From now on no cursor handed out so far is known."""
        self._era += 1

    def cursor(self) -> str:
        return f"{self._era}:{self._clock}"

    def touched_since(self, cursor: str) -> list[str]:
        """Ids, in the order they were touched.

        Raises:
            CursorExpired
        """
        era, _, since = cursor.partition(":")
        if era != str(self._era) or not since.isdigit():
            raise CursorExpired(detail="memory")
        touched = sorted((at, remote_id) for remote_id, at in self._touched.items() if at > int(since))
        return [remote_id for _, remote_id in touched]


def list_shelf(
    open_shelf: Callable[[], Shelf[Item]], cursor: str | None, page_size: int, *, holds: Callable[[Item], bool]
) -> Iterator[Delta[Item]]:
    """Pages of everything, or of what was touched since. The next cursor is of the moment the listing began."""
    shelf = open_shelf()
    following = shelf.cursor()
    ids = sorted(shelf.items) if cursor is None else shelf.touched_since(cursor)
    if cursor is None:
        ids = [one for one in ids if holds(shelf.items[one])]
    batches = [ids[start : start + page_size] for start in range(0, len(ids), page_size)] or [[]]
    for number, batch in enumerate(batches):
        if number:
            shelf = open_shelf()
        is_last = number == len(batches) - 1
        changed = tuple(shelf.items[one] for one in batch if one in shelf.items and holds(shelf.items[one]))
        held = {item.ref.id for item in changed}
        gone = tuple(one for one in batch if one not in held) if cursor is not None else ()
        yield Delta(changed, gone, following if is_last else None, cursor is None and is_last)


@dataclass(slots=True)
class MemoryBook:
    """One calendar. A series is a master, which no listing shows, and its occurrences, which are events like others.

    An occurrence's id is made of its series' and of when the series has it, so that it stays the same when it moves.
    """

    id: str = ""
    name: str = "Calendar"
    owner: str = ""
    color: str = ""
    is_writable: bool = True
    is_own: bool = True
    events: Shelf[RemoteEvent] = field(default_factory=Shelf)
    masters: Shelf[RemoteEvent] = field(default_factory=Shelf)
    _used: set[str] = field(default_factory=set)
    """Every id there ever was: none is given twice."""
    _exceptions: set[str] = field(default_factory=set)
    _dropped: set[str] = field(default_factory=set)
    """Occurrences that were deleted one by one."""

    def describe(self) -> RemoteCalendar:
        return RemoteCalendar(self.id, self.name, self.color, self.is_writable, self.is_own)

    def put_event(self, remote_id: str, **fields: Any) -> RemoteEvent:
        """As it is given, however odd."""
        return self.events.put(RemoteEvent(RemoteRef(remote_id, self.id), **fields))

    def get(self, remote_id: str) -> RemoteEvent:
        """Raises Gone."""
        found = self.events.items.get(remote_id) or self.masters.items.get(remote_id)
        if found is None:
            raise Gone(detail="memory")
        return found

    def occurrences(self, series_id: str, window: Window) -> tuple[RemoteEvent, ...]:
        """Raises Gone."""
        self.get(series_id)
        found = (one for one in self.events.items.values() if one.series_id == series_id and window.holds(one))
        return tuple(sorted(found, key=lambda one: one.ref.id))

    def create(self, draft: EventDraft, *, key: str) -> RemoteEvent:
        """Raises Rejected."""
        if key in self.events.items or key in self.masters.items:
            return self.get(key)
        if key in self._used:
            raise Rejected("This was deleted there meanwhile, so it is not made again.", detail="key")
        event = RemoteEvent(
            RemoteRef(key, self.id),
            uid=f"{key}@memory.example",
            organizer_email=self.owner,
            is_organizer=True,
            web_url=f"https://memory.example/events/{key}",
            key=key,
        )
        self._used.add(key)
        return self._keep(_rewrite(event, draft, DRAFT_FIELDS))

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        """Raises Conflict, Gone, Rejected."""
        event = self.get(ref.id)
        if is_written(event, draft, fields, seen=ref.version):
            return event
        _check_version(event, ref)
        if event.series_id:
            if "recurrence" in fields:
                raise Rejected("One occurrence does not repeat by itself.", detail="recurrence")
            self._exceptions.add(ref.id)
        return self._keep(_rewrite(event, draft, fields))

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        """Raises Conflict, Gone, Rejected."""
        master = self.get(ref.id)
        if master.recurrence is None:
            raise Rejected("This is not a series.", detail="no recurrence")
        if master.is_all_day:
            before = datetime.combine(nearest_day(before), datetime.min.time(), UTC)
        ended = master.recurrence.ended_before(before, *_first_of(master))
        if ended is None:
            raise Rejected("Nothing would be left of this series. Delete it instead.", detail="empty")
        if ended.count == len(master.recurrence.starts_of(*_first_of(master))):
            return master
        _check_version(master, ref)
        return self._keep(replace(master, recurrence=ended))

    def delete(self, remote_id: str) -> None:
        for one in [one.ref.id for one in self.events.items.values() if remote_id in (one.ref.id, one.series_id)]:
            self._dropped.add(one)
            self.events.remove(one)
        if remote_id in self.masters.items:
            self.masters.remove(remote_id)

    def _keep(self, event: RemoteEvent) -> RemoteEvent:
        """Put an event, an occurrence or a series where it belongs, and lay the series out anew."""
        series = replace(event, is_series=event.recurrence is not None)
        stale = self.events if series.is_series else self.masters
        if event.ref.id in stale.items:
            stale.remove(event.ref.id)
        kept = (self.masters if series.is_series else self.events).put(series)
        if not event.series_id:
            self._lay_out(kept)
        return kept

    def _lay_out(self, master: RemoteEvent) -> None:
        planned = {one.ref.id: one for one in _plan(master)} if master.is_series else {}
        held = {one.ref.id for one in self.events.items.values() if one.series_id == master.ref.id}
        for gone in held - set(planned):
            self.events.remove(gone)
        for remote_id, occurrence in planned.items():
            if remote_id not in self._dropped and not (remote_id in held and remote_id in self._exceptions):
                self.events.put(occurrence)


def _check_version(event: RemoteEvent, ref: RemoteRef) -> None:
    """Raises Conflict where the event is no longer what was seen."""
    if ref.version not in ("", event.ref.version):
        raise Conflict(detail=event.ref.version)


def _first_of(master: RemoteEvent) -> tuple[datetime, ZoneInfo]:
    """When a series begins, and the zone in whose wall time it goes on; days go on in UTC."""
    if master.starts_on is not None:
        return datetime.combine(master.starts_on, datetime.min.time(), UTC), ZoneInfo("UTC")
    assert master.starts
    return master.starts, ZoneInfo(master.timezone or "UTC")


def _plan(master: RemoteEvent) -> list[RemoteEvent]:
    assert master.recurrence
    planned = []
    for starts in master.recurrence.starts_of(*_first_of(master)):
        ref = RemoteRef(f"{master.ref.id}_{starts:%Y%m%dT%H%M%SZ}", master.ref.container)
        one = replace(
            master, ref=ref, series_id=master.ref.id, is_series=False, recurrence=None, original_starts=starts
        )
        if master.starts_on is not None and master.ends_on is not None:
            length = master.ends_on - master.starts_on
            planned.append(replace(one, starts_on=starts.date(), ends_on=starts.date() + length))
        else:
            length = master.ends - master.starts if master.ends and master.starts else timedelta(0)
            planned.append(replace(one, starts=starts, ends=starts + length))
    return planned


def _rewrite(event: RemoteEvent, draft: EventDraft, fields: frozenset[str]) -> RemoteEvent:
    """The event with these fields of the draft. Raises Rejected."""
    if "time" in fields and is_backwards(draft):
        raise Rejected("It would end before it begins.", detail="time")
    changes: dict[str, Any] = {name: getattr(draft, name) for name in fields - {"time", "attendees"}}
    if "time" in fields:
        names = ("starts", "ends", "starts_on", "ends_on", "timezone")
        changes |= {name: getattr(draft, name) for name in names}
    if "body" in fields:
        changes["body"] = escape(draft.body)
    if "attendees" in fields:
        changes["attendees"] = _merge(event.attendees, draft.attendees)
    return replace(event, **changes)


def _merge(held: tuple[Attendee, ...], wanted: tuple[Attendee, ...]) -> tuple[Attendee, ...]:
    """Those wanted, each with the answer they have given already."""
    known = {one.email.lower(): one for one in held}
    return tuple(known.get(one.email.lower(), one) for one in wanted)
