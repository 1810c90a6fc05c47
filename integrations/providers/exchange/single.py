"""One event, occurrence or series, asked for by itself."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from integrations.errors import Gone, Unexpected
from integrations.providers.exchange.codes import BAD_IDS
from integrations.providers.exchange.operations import get_event, get_master
from integrations.providers.exchange.payloads import MASTER, parse_details, parse_event, parse_fields
from integrations.providers.exchange.recurring import parse_recurrence
from integrations.providers.exchange.responses import MESSAGES, TYPES, Element, check, code_of
from integrations.providers.exchange.searches import find_by_key, find_by_uid
from integrations.providers.exchange.wire import Wire
from integrations.providers.moments import parse_moment
from integrations.remote import RemoteEvent, RemoteRef

_UID_HEAD = "040000008200E00074C5B7101A82E008"
"""Of the UIDs that Outlook makes; no id begins like that."""
_OCCURRENCES = tuple(
    TYPES + path for path in ("FirstOccurrence", "LastOccurrence", f"ModifiedOccurrences/{TYPES}Occurrence")
)


@dataclass(frozen=True, slots=True)
class Item:
    """An event as Exchange has it now, and the CalendarItem that says so."""

    event: RemoteEvent
    element: Element

    @property
    def item_id(self) -> str:
        """Of a series too, which is known by its UID elsewhere."""
        return str(self.element.find(f"{TYPES}ItemId").get("Id", ""))

    @property
    def change_key(self) -> str:
        return self.event.ref.version.partition(" ")[0]

    @property
    def recurrence(self) -> Element | None:
        return self.element.find(f"{TYPES}Recurrence")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.event.timezone or "UTC")

    def find_last(self) -> datetime | None:
        """When the last occurrence of a series begins, or would, had it not been moved; None where there is no end."""
        last = self.element.find(f"{TYPES}LastOccurrence")
        if last is None:
            return None
        return parse_moment(last.findtext(f"{TYPES}OriginalStart") or last.findtext(f"{TYPES}Start", ""))

    def find_span(self) -> tuple[datetime, datetime] | None:
        """From when to when a series has occurrences; None where that is not said."""
        if self.find_last() is None:
            return None
        moments = []
        for path in _OCCURRENCES:
            for one in self.element.iterfind(path):
                moments += [parse_moment(one.findtext(f"{TYPES}{name}", "")) for name in ("Start", "End")]
        known = [moment for moment in moments if moment is not None]
        return (min(known), max(known)) if known else None


def fetch_item(wire: Wire, ref: RemoteRef) -> Item:
    """An event by its id, or a series by its UID, which is what its occurrences say of it.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getitem-operation

    Raises:
        Gone
        ProviderError: any other of the family.
    """
    remote_id = ref.id
    if remote_id.upper().startswith(_UID_HEAD):
        remote_id = _get_by_uid(wire, ref)
    (message,) = _ask(wire, remote_id)
    if message.get("ResponseClass") == "Error" and code_of(message) in BAD_IDS and remote_id == ref.id:
        remote_id = _get_by_uid(wire, ref)
        (message,) = _ask(wire, remote_id)
    return _read(wire, message, ref.container)


def _ask(wire: Wire, remote_id: str) -> list[Element]:
    return wire.ask(get_event(remote_id, is_2013=wire.version.is_2013))[:1]


def fetch_master(wire: Wire, item: Item) -> Item:
    """The series of an occurrence; of a series itself.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/recurringmasteritemid

    Raises:
        Gone: it belongs to none.
        ProviderError: any other of the family.
    """
    if item.event.is_series:
        return item
    if not item.event.series_id:
        raise Gone(wire.words.gone, detail="no series")
    (message,) = wire.ask(get_master(item.item_id, is_2013=wire.version.is_2013))[:1]
    return _read(wire, message, item.event.ref.container)


def _read(wire: Wire, message: Element, container: str) -> Item:
    element = check(message, wire.words).find(f"{MESSAGES}Items/{TYPES}CalendarItem")
    if element is None:
        raise Gone(wire.words.gone, detail="no event by this id")
    mailbox = wire.mailbox.lower()
    details = parse_details(element, mailbox)
    if not details.fields.get("Id"):
        raise Unexpected(wire.words.not_understood, detail="an event without an id")
    event = parse_event(details.fields, details, container=container, mailbox=mailbox, base=wire.url)
    item = Item(event, element)
    original = element.findtext(f"{TYPES}OriginalStart")
    if original:
        event = replace(event, original_starts=parse_moment(original))
    if event.is_series and item.recurrence is not None:
        starts = parse_moment(details.fields.get("Start", ""))
        named = replace(event.ref, id=event.uid or event.ref.id)
        recurrence = parse_recurrence(item.recurrence, starts, item.zone)
        event = replace(event, ref=named, series_id="", recurrence=recurrence)
    return Item(event, element)


def _get_by_uid(wire: Wire, ref: RemoteRef) -> str:
    found = find_one(wire, find_by_uid(ref.container, ref.id))
    if not found:
        raise Gone(wire.words.gone, detail="no event with this UID")
    return found


def find_made(wire: Wire, calendar: str, key: str) -> str:
    """The id of what was made in a calendar with a key of ours; "" where nothing was."""
    return find_one(wire, find_by_key(calendar, key))


def find_one(wire: Wire, operation: str) -> str:
    """The id of what is found, of several a series'; "" for nothing.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/finditem-operation
    """
    (message,) = wire.ask(operation)[:1]
    if message.get("ResponseClass") == "Error" and code_of(message) in BAD_IDS:
        raise Gone(wire.words.gone, detail="no id of a folder")
    items = check(message, wire.words).find(f"{MESSAGES}RootFolder/{TYPES}Items")
    found = [parse_fields(one) for one in items] if items is not None else []
    found.sort(key=lambda one: one.get("CalendarItemType") != MASTER)
    return next((one["Id"] for one in found if one.get("Id")), "")
