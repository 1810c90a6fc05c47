"""Change tracking: calendarView/delta, contacts/delta and contactFolders/delta.

A series comes as its master, a stub for each occurrence nobody touched, and its exceptions whole, all on one page. Any
change of a series brings the whole series again; an occurrence that is gone is then merely missing. What lies outside
the window now is said to be removed, whether the client knew it or not.

Reference: https://learn.microsoft.com/en-us/graph/delta-query-overview
Reference: https://learn.microsoft.com/en-us/graph/api/event-delta
Reference: https://learn.microsoft.com/en-us/graph/api/contact-delta
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.google.cursors import dump_cursor, parse_cursor
from sandbox.mailbox import Mailbox
from sandbox.mailbox.event_lists import EventRow, Planned
from sandbox.mailbox.event_shapes import show_times
from sandbox.mailbox.times import epoch, from_epoch
from sandbox.microsoft.graph_call import Answer, Call
from sandbox.microsoft.graph_errors import sync_state_invalid, sync_state_not_found, untracked
from sandbox.microsoft.graph_views import Shape, dump_page

if TYPE_CHECKING:
    from sandbox.microsoft.graph import Graph

# what each resource's change tracking refuses, in the order in which Graph names them
REFUSED = {
    "CalendarView": ("$orderby", "$filter", "$select", "$expand", "$search"),
    "Contacts": ("$orderby", "$filter", "$expand", "$search", "$top"),
    "ContactFolders": ("$orderby", "$filter", "$expand", "$search", "$top"),
}


@dataclass(slots=True)
class State:
    """What a token carries. since: the change the client has seen all up to, -1 for nothing yet; upto: where this round
    began, so that the next one goes on from there; after: how far this round has come; mailbox: email and era.
    """

    mailbox: list[Any]
    folder: str
    since: int
    upto: int
    after: int
    low: int = 0
    high: int = 0
    select: str = ""

    def dump(self) -> str:
        return dump_cursor({name: getattr(self, name) for name in self.__slots__})


# one step of a round: where it ends, and its items, which stay together
Unit = tuple[int, list[bytes]]


class DeltaHandlers:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.handlers: list[tuple[str, str, str, Callable[[Call], Answer]]] = []
        for name in ("delta", "delta()", "microsoft.graph.delta()"):
            self.handlers += [
                ("GET", f"{above}calendarView/{name}", "calendar", self.track_view)
                for above in ("", "calendar/", "calendars/{calendar}/")
            ]
            self.handlers += [
                ("GET", f"contactFolders/{{folder}}/contacts/{name}", "contacts", self.track_contacts),
                ("GET", f"contacts/{name}", "contacts", self.track_contacts),
                ("GET", f"contactFolders/{name}", "contacts", self.track_folders),
            ]

    # a round

    def _begin(self, call: Call, resource: str, folder: str, mailbox: Mailbox) -> State:
        """The state of the token, or a new one. Raises GraphError (400, 410)."""
        token = call.query.get("$skiptoken") or call.query.get("$deltatoken")
        refused = REFUSED[resource]
        if any(name in call.query for name in refused):
            raise untracked(resource, list(refused))
        if not token:
            state = State([mailbox.email, mailbox.era], folder, -1, mailbox.last_change(), 0,
                          select=call.query.get("$select", ""))  # fmt: skip
            if resource == "CalendarView":
                state.low, state.high = (epoch(moment) for moment in call.window())
            return state
        values = parse_cursor(token)
        if values is None or set(values) != set(State.__slots__):
            raise sync_state_invalid()
        state = State(**values)
        if state.mailbox[0] != mailbox.email or state.folder != folder:
            raise sync_state_invalid()
        if state.mailbox[1] != mailbox.era:
            window = {}
            if resource == "CalendarView":
                window = {"startDateTime": _iso(state.low), "endDateTime": _iso(state.high)}
            raise sync_state_not_found(self.graph.resync_status, call.link(**window))
        if "$deltatoken" in call.query:
            state.since, state.upto, state.after = state.upto, mailbox.last_change(), state.upto
        return state

    def _answer(self, call: Call, state: State, units: Iterator[Unit], context: str, limit: int) -> Answer:
        items: list[bytes] = []
        link = ""
        for position, some in units:
            if len(items) >= limit:
                link = call.link(**{"$skiptoken": state.dump()})
                break
            items += some
            state.after = position
        head = {"@odata.context": f"{call.root}$metadata#{context}"}
        if link:
            head["@odata.nextLink"] = link
        else:
            head["@odata.deltaLink"] = call.link(**{"$deltatoken": state.dump()})
        applied = ", ".join(part for part in ("odata.track-changes", call.prefer.applied()) if part)
        return Answer(dump_page(head, items), headers={"Preference-Applied": applied})

    # events

    def track_view(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        folder = self.graph.events.calendar(call, mailbox).id
        state = self._begin(call, "CalendarView", folder, mailbox)
        shape = Shape.of(call, "event", select="", typed=True, web_root=self.graph.web_root)
        size = call.page_size()
        if state.since < 0:
            units = self._all_events(mailbox, state, shape, size)
        else:
            units = self._changed_events(mailbox, state, shape)
        return self._answer(call, state, units, "Collection(event)", size)

    def _all_events(self, mailbox: Mailbox, state: State, shape: Shape, size: int) -> Iterator[Unit]:
        window, after = (from_epoch(state.low), from_epoch(state.high)), state.after
        while rows := mailbox.event_rows_between(state.folder, *window, after=after, limit=size + 1):
            for row in rows:
                after = row.seq
                if items := self._present(mailbox, row, window, shape):
                    yield row.seq, items

    def _changed_events(self, mailbox: Mailbox, state: State, shape: Shape) -> Iterator[Unit]:
        window = from_epoch(state.low), from_epoch(state.high)
        for change, act, item_id in mailbox.changes(state.folder, state.after):
            if change > state.upto:
                return
            row = mailbox.find_event_row(item_id) if act not in ("deleted", "moved") else None
            items = self._present(mailbox, row, window, shape) if row else []
            yield change, items or [_removed("event", item_id, "deleted", shape, state.folder)]

    def _present(self, mailbox: Mailbox, row: EventRow, window: tuple[datetime, datetime], shape: Shape) -> list[bytes]:
        """What an event or a series has in the window, the series' master first; nothing if it has nothing."""
        low, high = epoch(window[0]), epoch(window[1])
        if row.kind == "single":
            inside = row.starts < high and (row.ends > low or row.starts == row.ends == low)
            return [shape.show(row.doc, row.folder)] if inside else []
        laid = mailbox.lay_out_series(row, *window)
        if not laid:
            return []
        whole = iter(mailbox.load_laid([one for one in laid if not isinstance(one.source, Planned)]))
        items = [shape.show(row.doc, row.folder)]
        floats = row.load()["isAllDay"]
        for one in laid:
            doc = _stub(one.id, one.source) if isinstance(one.source, Planned) else next(whole)
            items.append(shape.show(doc, row.folder, floats=floats))
        return items

    # contacts

    def track_contacts(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        folder = self.graph.contacts.folder(call, mailbox).id
        state = self._begin(call, "Contacts", folder, mailbox)
        shape = Shape.of(call, "contact", select=state.select, typed=True)
        units = self._contacts(mailbox, state, shape, call.page_size())
        return self._answer(call, state, units, "Collection(contact)", call.page_size())

    def _contacts(self, mailbox: Mailbox, state: State, shape: Shape, size: int) -> Iterator[Unit]:
        if state.since < 0:
            for row in mailbox.contact_rows(state.folder, state.after, size + 1):
                yield row.seq, [shape.show(row.doc, row.folder)]
            return
        for change, act, item_id in mailbox.changes(state.folder, state.after):
            if change > state.upto:
                return
            found = mailbox.find_contact_row(item_id) if act not in ("deleted", "moved") else None
            if found and found.folder == state.folder:
                yield change, [shape.show(found.doc, found.folder)]
            else:
                reason = "changed" if act == "moved" else "deleted"
                yield change, [_removed("contact", item_id, reason, shape, state.folder)]

    # folders

    def track_folders(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        state = self._begin(call, "ContactFolders", mailbox.root_id, mailbox)
        shape = Shape.of(call, "contactFolder", select=state.select, typed=True)
        units = self._folders(mailbox, state, shape)
        return self._answer(call, state, units, "Collection(contactFolder)", call.page_size())

    def _folders(self, mailbox: Mailbox, state: State, shape: Shape) -> Iterator[Unit]:
        for change, _, folder_id in mailbox.changes(mailbox.root_id, state.after):
            if change > state.upto:
                return
            folder = mailbox.find_folder(folder_id)
            if folder is None:
                yield change, [_removed("contactFolder", folder_id, "deleted", shape, "")]
            elif folder.kind == "contacts" and (self.graph.lists_default or not folder.is_default):
                yield change, [shape.show(folder.contact_folder(), "")]


def _stub(event_id: str, planned: Planned) -> dict[str, Any]:
    """All that change tracking tells of an occurrence."""
    master, one = planned.master, planned.occurrence
    return {"@odata.etag": master["@odata.etag"], "id": event_id, "seriesMasterId": master["id"], "type": "occurrence",
            **show_times(master, one.starts, one.ends, planned.zone)}  # fmt: skip


def _removed(kind: str, item_id: str, reason: str, shape: Shape, folder: str) -> bytes:
    plain = Shape(kind, shape.prefer, typed=True)
    return plain.show({"id": item_id, "@removed": {"reason": reason}}, folder)


def _iso(seconds: int) -> str:
    return f"{from_epoch(seconds):%Y-%m-%dT%H:%M:%SZ}"
