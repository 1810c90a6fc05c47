"""Calendars and events of Microsoft Graph: lists, views, one event, and the answers to invitations.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/event
Reference: https://learn.microsoft.com/en-us/graph/api/resources/calendar
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.mailbox import Folder, Mailbox
from sandbox.mailbox.event_lists import EventRow
from sandbox.mailbox.event_shapes import WRITABLE, shape_event
from sandbox.microsoft.graph_call import Answer, Call
from sandbox.microsoft.graph_errors import GraphError, bad_request, not_found, unknown_property
from sandbox.microsoft.graph_filter import parse_filter, sort_by
from sandbox.microsoft.graph_ids import folder_mark, parse_id
from sandbox.microsoft.graph_views import EVENT_NAMES, EXTENDED, Shape, dump_page, parse_expand, parse_select

if TYPE_CHECKING:
    from sandbox.microsoft.graph import Graph

# how a view is ordered anyway
BY_START = ("", "start/datetime", "start/datetime asc")
# https://learn.microsoft.com/en-us/graph/api/resources/event
MOST_ATTENDEES = 500
# what tells one event from another that is made under the same transactionId
CONTENT = ("subject", "body", "start", "end", "isAllDay", "location", "recurrence", "sensitivity")
# as Outlook's names for colours look; which shades they are exactly is nowhere documented
COLORS = {
    "auto": "", "lightBlue": "#a6d1f5", "lightGreen": "#87d28e", "lightOrange": "#fcab73", "lightGray": "#c0c0c0",
    "lightYellow": "#f0e487", "lightTeal": "#6bc5c5", "lightPink": "#f08cc0", "lightBrown": "#d6a684",
    "lightRed": "#f88c9b",
}  # fmt: skip
ANSWERS = {"accept": "accepted", "decline": "declined", "tentativelyaccept": "tentativelyAccepted"}


class EventHandlers:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.handlers: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", "calendar", "calendar", self.show_calendar),
            ("PATCH", "calendar", "calendar!", self.change_calendar),
            ("GET", "calendars", "calendar", self.list_calendars),
            ("POST", "calendars", "calendar!", self.make_calendar),
            ("GET", "calendars/{calendar}", "calendar", self.show_calendar),
            ("PATCH", "calendars/{calendar}", "calendar!", self.change_calendar),
            ("DELETE", "calendars/{calendar}", "calendar!", self.delete_calendar),
        ]
        for above in ("", "calendar/", "calendars/{calendar}/"):
            self.handlers += [
                ("GET", f"{above}events", "calendar", self.list_events),
                ("POST", f"{above}events", "calendar!", self.make_event),
                ("GET", f"{above}calendarView", "calendar", self.view),
                ("GET", f"{above}events/{{event}}", "calendar", self.show_event),
                ("PATCH", f"{above}events/{{event}}", "calendar!", self.change_event),
                ("DELETE", f"{above}events/{{event}}", "calendar!", self.delete_event),
                ("GET", f"{above}events/{{event}}/instances", "calendar", self.list_instances),
            ]
            for verb in ("accept", "decline", "tentativelyAccept"):
                self.handlers.append(("POST", f"{above}events/{{event}}/{verb}", "calendar!", self.answer))
            self.handlers.append(("POST", f"{above}events/{{event}}/cancel", "calendar!", self.cancel))

    # who and where

    def calendar(self, call: Call, mailbox: Mailbox) -> Folder:
        """The calendar of the path, the default one where it names none. Raises MailboxError."""
        name = call.values.get("calendar", "")
        folder = mailbox.get_folder(name or mailbox.calendar_id)
        if folder.kind != "calendar":
            raise not_found()
        return folder

    def find(self, call: Call, mailbox: Mailbox) -> tuple[str, str, dict[str, Any]]:
        """Id, calendar and doc of the path's event. Raises GraphError."""
        event_id, mark = parse_id(call.values["event"])
        doc = mailbox.find_event(event_id)
        row = mailbox.find_event_row(event_id) or mailbox.find_event_row((doc or {}).get("seriesMasterId") or "")
        if doc is None or row is None or mark not in ("", folder_mark(row.folder)):
            raise not_found()
        return event_id, row.folder, doc

    def shape(self, call: Call) -> Shape:
        return Shape.of(call, "event", web_root=self.graph.web_root)

    def event_answer(
        self, call: Call, doc: dict[str, Any], folder: str, *, status: int = 200, extra: dict[str, Any] | None = None
    ) -> Answer:
        shape, owner = self.shape(call), self.graph.user_path(call)
        text = shape.show(doc, folder)
        context = orjson.dumps({"@odata.context": shape.context(call, f"{owner}/events", single=True)})
        link = f"{call.root}{owner}/calendars('{folder}')"
        more = (extra or {}) | {"calendar@odata.associationLink": f"{link}/$ref", "calendar@odata.navigationLink": link}
        whole = context[:-1] + b"," + text[1:-1] + b"," + orjson.dumps(more)[1:]
        return Answer(whole, status, {"ETag": doc["@odata.etag"]})

    # calendars

    def dump_calendar(self, folder: Folder, mailbox: Mailbox) -> dict[str, Any]:
        owner, color = mailbox.owner, mailbox.color_of(folder.id)
        return {
            "id": folder.id, "name": folder.name, "color": color, "hexColor": COLORS[color],
            "isDefaultCalendar": folder.is_default, "changeKey": folder.change_key, "canShare": True,
            "canViewPrivateItems": True, "canEdit": True, "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness", "isTallyingResponses": folder.is_default,
            "isRemovable": not folder.is_default, "owner": {"name": owner.name, "address": owner.email},
        }  # fmt: skip

    def one_calendar(self, call: Call, folder: Folder, mailbox: Mailbox, status: int = 200) -> Answer:
        chosen = parse_select(call.query.get("$select", ""), "calendar")
        doc = self.dump_calendar(folder, mailbox)
        doc = {name: value for name, value in doc.items() if not chosen or name in ("id", *chosen)}
        context = f"{call.root}$metadata#{self.graph.user_path(call)}/calendars/$entity"
        return Answer({"@odata.context": context, **doc}, status)

    def show_calendar(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        return self.one_calendar(call, self.calendar(call, mailbox), mailbox)

    def list_calendars(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        docs = [self.dump_calendar(folder, mailbox) for folder in mailbox.folders("calendar")]
        return self.graph.small_page(call, "calendar", "calendars", docs)

    def make_calendar(self, call: Call) -> Answer:
        mailbox, body = self.graph.mailbox(call), call.body()
        color = parse_color(body)
        folder = mailbox.add_folder(str(body.get("name") or ""), kind="calendar")
        if color:
            folder = mailbox.paint_folder(folder.id, color)
        return self.one_calendar(call, folder, mailbox, 201)

    def change_calendar(self, call: Call) -> Answer:
        mailbox, body = self.graph.mailbox(call), call.body()
        folder, color = self.calendar(call, mailbox), parse_color(body)
        if name := body.get("name"):
            folder = mailbox.rename_folder(folder.id, str(name))
        if color:
            folder = mailbox.paint_folder(folder.id, color)
        return self.one_calendar(call, folder, mailbox)

    def delete_calendar(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        mailbox.delete_folder(self.calendar(call, mailbox).id)
        return Answer(status=204)

    # lists

    def list_events(self, call: Call) -> Answer:
        """Singles and series, newest first as Graph happens to list them."""
        mailbox = self.graph.mailbox(call)
        folder = self.calendar(call, mailbox)
        rows = mailbox.event_rows(folder.id)
        rows.reverse()
        return self.page(call, folder, [row.doc for row in rows], rows=rows)

    def view(self, call: Call) -> Answer:
        """Reference: https://learn.microsoft.com/en-us/graph/api/user-list-calendarview"""
        mailbox = self.graph.mailbox(call)
        folder = self.calendar(call, mailbox)
        laid = mailbox.lay_out(*call.window(), folder.id)
        return self._view_page(call, mailbox, folder, laid, "calendarView")

    def list_instances(self, call: Call) -> Answer:
        """Reference: https://learn.microsoft.com/en-us/graph/api/event-list-instances"""
        mailbox = self.graph.mailbox(call)
        event_id, folder_id, doc = self.find(call, mailbox)
        window = call.window()
        row = mailbox.find_event_row(event_id)
        if row is None or row.kind != "series":
            raise bad_request("Your request can't be completed. Expanding a series into instances requires the series "
                              "master.", "ErrorInvalidRequest")  # fmt: skip
        laid = mailbox.lay_out_series(row, *window)
        return self._view_page(call, mailbox, mailbox.get_folder(folder_id), laid, f"events('{doc['id']}')/instances")

    def _view_page(self, call: Call, mailbox: Mailbox, folder: Folder, laid: list[Any], name: str) -> Answer:
        if "$filter" in call.query or call.query.get("$orderby", "").lower() not in BY_START:
            return self.page(call, folder, mailbox.load_laid(laid), name=name)
        skip, size = call.number("$skip", 0), call.page_size()
        items = mailbox.load_laid(laid[skip : skip + size])
        return self._finish(call, folder, items, len(laid), skip, size, name)

    def page(
        self, call: Call, folder: Folder, items: list[Any], *, name: str = "events", rows: list[EventRow] | None = None
    ) -> Answer:
        """The part of a list that the query asks for, filtered and ordered."""
        if "$filter" in call.query or "$orderby" in call.query:
            docs = [orjson.loads(item) if isinstance(item, str) else item for item in items]
            if text := call.query.get("$filter", ""):
                test = parse_filter(text)
                extras = [{kind: list(found.values()) for kind, found in orjson.loads(row.extra).items()}
                          if row.extra else {} for row in rows or ()]  # fmt: skip
                docs = [doc for n, doc in enumerate(docs) if test(doc | (extras[n] if extras else {}))]
            items = sort_by(docs, call.query["$orderby"]) if call.query.get("$orderby") else docs
        skip, size = call.number("$skip", 0), call.page_size()
        return self._finish(call, folder, items[skip : skip + size], len(items), skip, size, name)

    def _finish(
        self, call: Call, folder: Folder, items: list[Any], total: int, skip: int, size: int, name: str
    ) -> Answer:
        shape = self.shape(call)
        head: dict[str, Any] = {"@odata.context": shape.context(call, f"{self.graph.user_path(call)}/{name}")}
        if call.query.get("$count", "").lower() == "true":
            head["@odata.count"] = total
        if skip + size < total:
            head["@odata.nextLink"] = self.graph.next_page(call, size, skip + size)
        return Answer(dump_page(head, (shape.show(item, folder.id) for item in items)))

    # one event

    def show_event(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        event_id, folder, doc = self.find(call, mailbox)
        kind, wanted = parse_expand(call)
        extra: dict[str, Any] = {}
        row = mailbox.find_event_row(event_id)
        if kind and row and row.extra and (found := orjson.loads(row.extra).get(kind, {}).get(wanted)):
            extra = {kind: [found]}
        if "cancelledoccurrences" in call.query.get("$select", "").lower() and row and row.kind == "series":
            days = [date.fromordinal(one.day) for one in mailbox.exceptions(row.id, "cancelled")]
            extra["cancelledOccurrences"] = [f"OID.{doc['id']}.{day}" for day in days]
        return self.event_answer(call, doc, folder, extra=extra)

    @staticmethod
    def writable(call: Call) -> dict[str, Any]:
        body = call.body()
        unknown = [name for name in body if name not in (*EVENT_NAMES, *EXTENDED) and "@odata" not in name]
        if unknown:
            raise unknown_property(unknown[0], "event")
        if len(body.get("attendees") or ()) > MOST_ATTENDEES:
            raise bad_request(f"A meeting has room for {MOST_ATTENDEES} attendees.", "ErrorInvalidRecipients")
        return {name: value for name, value in body.items() if name in (*WRITABLE, *EXTENDED)}

    def make_event(self, call: Call) -> Answer:
        """A transactionId makes a repeated request find the event that the first one made, and refuses another one.

        Reference: https://learn.microsoft.com/en-us/graph/api/calendar-post-events
        """
        mailbox = self.graph.mailbox(call)
        folder, body = self.calendar(call, mailbox), self.writable(call)
        missing = [name for name in ("start", "end") if not body.get(name)]
        if missing:
            raise bad_request(f"At least one property failed validation. Required property: {missing[0]}",
                              "ErrorPropertyValidationFailure")  # fmt: skip
        transaction = str(body.get("transactionId") or "")
        known = mailbox.find_by_transaction(transaction) if transaction else None
        if known is None:
            return self.event_answer(call, mailbox.add_event(body, folder.id), folder.id, status=201)
        if not _is_repeated(known, shape_event(body, None, mailbox.owner)):
            raise GraphError(409, "ErrorDuplicateTransactionId", "Your request can't be completed. The TransactionId "
                             "specified in the request has already been used to create a different event.")  # fmt: skip
        return self.event_answer(call, known, folder.id, status=201)

    def change_event(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        event_id, folder, _ = self.find(call, mailbox)
        patch = {name: value for name, value in self.writable(call).items() if name != "transactionId"}
        return self.event_answer(call, mailbox.change_event(event_id, patch, call.if_match), folder)

    def delete_event(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        mailbox.delete_event(self.find(call, mailbox)[0], call.if_match)
        return Answer(status=204)

    def answer(self, call: Call) -> Answer:
        """Accept, decline or accept tentatively."""
        mailbox = self.graph.mailbox(call)
        event_id, _, doc = self.find(call, mailbox)
        call.body()
        if doc["isOrganizer"]:
            raise bad_request("Your request can't be completed. You can't respond to this meeting because you're the "
                              "meeting organizer.", "ErrorInvalidRequest")  # fmt: skip
        mailbox.answer_invitation(event_id, ANSWERS[call.segments[-1].lower()])
        return Answer(status=202)

    def cancel(self, call: Call) -> Answer:
        """Only the organizer can; the event leaves the organizer's calendar and stays, cancelled, in the others."""
        mailbox = self.graph.mailbox(call)
        event_id, _, doc = self.find(call, mailbox)
        call.body()
        if not doc["isOrganizer"]:
            raise bad_request("Your request can't be completed. You need to be an organizer to cancel a meeting.",
                              "ErrorInvalidRequest")  # fmt: skip
        mailbox.delete_event(event_id)
        return Answer(status=202)


def parse_color(body: dict[str, Any]) -> str:
    """The calendarColor of a body, "" for none. Raises GraphError."""
    color = body.get("color") or ""
    if color and color not in COLORS:
        raise bad_request(f"Requested value '{color}' was not found.", "RequestBodyRead")
    return str(color)


def _is_repeated(known: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether an event is what is asked for, as far as clients can say it."""
    return all(known[name] == asked[name] for name in CONTENT)
