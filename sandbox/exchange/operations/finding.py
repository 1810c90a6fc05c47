"""FindItem: a calendar laid out over a window, or the items of a folder, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sandbox.exchange.call import Call, Found, read_moment
from sandbox.exchange.errors import EwsError
from sandbox.exchange.folder_xml import FolderItem
from sandbox.exchange.operations.folders import cut_page
from sandbox.exchange.properties import parse_shape
from sandbox.exchange.restrictions import parse_restriction, read_field
from sandbox.exchange.soap import Element, M, T, first_child, invalid_request, success
from sandbox.mailbox.event_lists import EventRow, Laid
from sandbox.mailbox.event_shapes import build_occurrence
from sandbox.mailbox.ids import split_occurrence_id

LONGEST = timedelta(days=2 * 366)


def find_item(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation"""
    write = call.write("find", parse_shape(call.body.find(f"{M}ItemShape")))
    if call.body.get("Traversal") not in ("Shallow", "SoftDeleted", "Associated"):
        raise invalid_request("The required attribute 'Traversal' is missing.")
    if call.body.find(f"{M}GroupBy") is not None or call.body.find(f"{M}QueryString") is not None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    calendar_view = call.body.find(f"{M}CalendarView")

    def work(element: Element) -> str:
        folder = call.get_folder(element)
        if calendar_view is not None:
            found, paging = _lay_out(call, folder, calendar_view)
        else:
            found, paging = _list(call, folder)
        items = "".join([write.item(one) for one in found])
        return success("FindItem", f"<m:RootFolder{paging}><t:Items>{items}</t:Items></m:RootFolder>")

    return call.each(call.body.iterfind(f"{M}ParentFolderIds/*"), work)


def _lay_out(call: Call, folder: FolderItem, view: Element) -> tuple[list[Found], str]:
    """Occurrences instead of series; what ends just when the window begins is among them. Raises EwsError, SoapFault.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/calendarview
    """
    if folder.kind != "calendar":
        raise EwsError("ErrorCalendarFolderIsInvalidForCalendarView")
    starts, ends = (read_moment(view.get(name, ""), call.zone) for name in ("StartDate", "EndDate"))
    if ends < starts:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate")
    if ends - starts > LONGEST:
        raise EwsError("ErrorCalendarViewRangeTooBig")
    laid = call.mailbox.lay_out(starts - timedelta(seconds=1), ends, folder.id)
    limit = call.site.find_count_limit
    asked = view.get("MaxEntriesReturned")
    if asked is not None and (not asked.isdigit() or int(asked) < 1):
        raise invalid_request("The 'MaxEntriesReturned' attribute is invalid.")
    if min(len(laid), int(asked) if asked else len(laid)) > limit:
        raise EwsError("ErrorExceededFindCountLimit")
    shown = laid[: int(asked)] if asked else laid
    last = "true" if len(shown) == len(laid) else "false"
    return _find_laid(call, shown), f' TotalItemsInView="{len(shown)}" IncludesLastItemInRange="{last}"'


def _find_laid(call: Call, laid: list[Laid]) -> list[Found]:
    rows = call.site.records.event_rows([one.source for one in laid if isinstance(one.source, int)])
    masters: dict[str, EventRow] = {}
    found = []
    for one in laid:
        split = split_occurrence_id(one.id)
        if split is None:
            assert isinstance(one.source, int)
            found.append(call.event(rows[one.source]))
            continue
        if split[0] not in masters:
            master = call.mailbox.find_event_row(split[0])
            assert master is not None
            masters[split[0]] = master
        occurrence = call.event_of_series(one.id, masters[split[0]], _loader(one, rows))
        assert occurrence is not None
        found.append(occurrence)
    return found


def _loader(one: Laid, rows: dict[int, EventRow]) -> Callable[[], dict[str, Any]]:
    source = one.source
    if isinstance(source, int):
        return rows[source].load
    return lambda: build_occurrence(source.master, source.occurrence, source.zone)


def _list(call: Call, folder: FolderItem) -> tuple[list[Found], str]:
    """Singles and series, or contacts; oldest first unless sorted otherwise. Raises EwsError, SoapFault."""
    if folder.kind == "calendar":
        found = [call.event(row) for row in call.mailbox.event_rows(folder.id)]
    elif folder.kind == "contacts":
        found = [call.contact(row) for row in call.mailbox.contact_rows(folder.id)]
    else:
        found = []
    restriction = first_child(call.body.find(f"{M}Restriction"))
    if restriction is not None:
        fits = parse_restriction(restriction, call.zone)
        found = [one for one in found if fits(one.render())]
    for order in reversed(call.body.findall(f"{M}SortOrder/{T}FieldOrder")):
        read = read_field(order.find(f"{T}FieldURI"))
        found.sort(key=lambda one: str(read(one.render())).casefold(), reverse=order.get("Order") == "Descending")
    contacts_view = call.body.find(f"{M}ContactsView")
    if contacts_view is not None:
        return _view_contacts(found, contacts_view), _whole(found)
    return cut_page(call.body.find(f"{M}IndexedPageItemView"), found, call.site.find_count_limit)


def _view_contacts(found: list[Found], view: Element) -> list[Found]:
    """By display name, from InitialName to FinalName."""
    first, last = view.get("InitialName", "").casefold(), view.get("FinalName", "").casefold()
    named = [(str(one.render().doc.get("displayName") or "").casefold(), one) for one in found]
    chosen = [one for name, one in named if name >= first and (not last or name <= last)]
    most = view.get("MaxEntriesReturned", "")
    return chosen[: int(most)] if most.isdigit() else chosen


def _whole(found: list[Found]) -> str:
    return f' TotalItemsInView="{len(found)}" IncludesLastItemInRange="true"'
