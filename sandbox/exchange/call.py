"""One call: who asks for what, in which mailbox, and how its folders and items are found and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.exchange import ids
from sandbox.exchange.contact_xml import CONTACT, ContactItem
from sandbox.exchange.directory import Account
from sandbox.exchange.errors import EwsError, SoapFault
from sandbox.exchange.event_xml import EVENT, EventItem, SeriesFacts
from sandbox.exchange.extended import global_ids
from sandbox.exchange.folder_xml import FOLDER, FolderItem, Tree, dump_folder
from sandbox.exchange.properties import Kind, Mode, Property, Shape, View, choose
from sandbox.exchange.soap import Element, Request, T, failure, invalid_request, read_text
from sandbox.mailbox import Mailbox, MailboxError
from sandbox.mailbox.contacts import ContactRow
from sandbox.mailbox.event_lists import EventRow
from sandbox.mailbox.event_shapes import Owner
from sandbox.mailbox.ids import make_change_key, split_occurrence_id
from sandbox.mailbox.times import UTC_ZONE, find_zone

if TYPE_CHECKING:
    from sandbox.exchange.site import Site

CODES = {"ErrorInvalidRequest": "ErrorInvalidArgument", "TimeZoneNotSupportedException": "ErrorTimeZone"}


@contextmanager
def translated() -> Iterator[None]:
    """A mailbox's refusals as EWS's. Raises EwsError."""
    try:
        yield
    except MailboxError as error:
        raise EwsError(CODES.get(error.code, error.code), error.message) from error


@dataclass(slots=True)
class Found:
    """An item that was asked for. id: the mailbox's own; change_key: as EWS shows it; render: the whole item."""

    id: str
    kind: Kind
    folder: str
    change_key: str
    render: Callable[[], EventItem | ContactItem]
    cache_key: tuple[str, int]

    @property
    def is_occurrence(self) -> bool:
        return split_occurrence_id(self.id) is not None


@dataclass
class Call:
    """account: whoever signed in. The mailbox is looked for when it is needed, since it may be gone."""

    site: Site
    account: Account
    request: Request
    _mailbox: Mailbox | None = field(default=None, init=False)
    _tree: Tree | None = field(default=None, init=False)

    @property
    def body(self) -> Element:
        return self.request.body

    # the mailbox and its folders

    @property
    def mailbox(self) -> Mailbox:
        """Raises EwsError."""
        if self._mailbox is None:
            if self.account.moved:
                raise EwsError("ErrorNonExistentMailbox")
            self._mailbox = self.site.mailboxes.open(self.site.name, self.account.email)
        return self._mailbox

    @cached_property
    def owner(self) -> Owner:
        return self.mailbox.owner

    @property
    def tree(self) -> Tree:
        if self._tree is None:
            self._tree = Tree(self.mailbox, self.site.records)
        return self._tree

    def forget_tree(self) -> None:
        """After a change of folders."""
        self._tree = None

    def get_folder(self, element: Element | None, missing: str = "ErrorFolderNotFound") -> FolderItem:
        """By FolderId or DistinguishedFolderId; missing: the code where there is none. Raises EwsError, SoapFault."""
        if element is None:
            raise invalid_request("A folder id is missing.")
        if element.tag == f"{T}DistinguishedFolderId":
            self._check_owner(element.find(f"{T}Mailbox/{T}EmailAddress"))
            found = self.tree.find_by_name(element.get("Id", ""))
        elif element.tag == f"{T}FolderId":
            found = self.tree.folders.get(ids.read_folder_id(element.get("Id", ""), self.mailbox.name))
        else:
            raise invalid_request("The element is no folder id that is known here.")
        if found is None:
            raise EwsError(missing)
        return found

    def _check_owner(self, address: Element | None) -> None:
        """Nobody here opens another's mailbox. Raises EwsError."""
        wanted = read_text(address).strip().lower()
        if self.account.moved:
            raise EwsError("ErrorNonExistentMailbox" if wanted else "ErrorMissingEmailAddress")
        if wanted and wanted != self.account.email:
            known = self.site.directory.find_by_email(wanted)
            raise EwsError("ErrorFolderNotFound" if known else "ErrorNonExistentMailbox")

    # items

    def id_of(self, found: Found) -> str:
        return ids.make_item_id(self.mailbox.name, found.folder, found.id)

    def find_item(self, element: Element) -> Found:
        """By ItemId, OccurrenceItemId or RecurringMasterItemId. Raises EwsError, SoapFault."""
        name = element.tag.removeprefix(T)
        if name == "ItemId":
            return self.get_item(*self._read_id(element.get("Id", "")))
        if name == "OccurrenceItemId":
            return self._find_occurrence(element)
        if name == "RecurringMasterItemId":
            core_id, mark = self._read_id(element.get("OccurrenceId", ""))
            split = split_occurrence_id(core_id)
            if split is None:
                raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId")
            return self.get_item(split[0], mark)
        raise invalid_request(f"The element '{name}' is no item id that is known here.")

    def _read_id(self, value: str) -> tuple[str, bytes]:
        return ids.read_item_id(value, self.mailbox.name)

    def _find_occurrence(self, element: Element) -> Found:
        """The n-th occurrence of a series, counting those that were deleted. Raises EwsError."""
        core_id, mark = self._read_id(element.get("RecurringMasterId", ""))
        row = self.mailbox.find_event_row(core_id)
        if row is None:
            raise EwsError("ErrorItemNotFound")
        if row.kind != "series":
            raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId")
        try:
            index = int(element.get("InstanceIndex", ""))
        except ValueError:
            raise invalid_request("The 'InstanceIndex' attribute is invalid.") from None
        occurrence_id = self.site.series.nth(self.mailbox, row, index)
        if occurrence_id is None:
            raise EwsError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")
        try:
            return self.get_item(occurrence_id, mark)
        except EwsError:
            raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence") from None

    def get_item(self, core_id: str, mark: bytes) -> Found:
        """mark: of the folder where the id says it lies. Raises EwsError."""
        found = self._look_up(core_id)
        if found is None or not ids.lies_in(mark, found.folder):
            raise EwsError("ErrorItemNotFound")
        return found

    def _look_up(self, core_id: str) -> Found | None:
        split = split_occurrence_id(core_id)
        row = self.mailbox.find_event_row(split[0] if split else core_id)
        if row is not None:
            return self.event_of_series(core_id, row) if split else self.event(row)
        contact = self.mailbox.find_contact_row(core_id)
        return self.contact(contact) if contact else None

    def event(self, row: EventRow) -> Found:
        """A single or a series."""
        key = self.key_of("event", row.change)
        return Found(
            row.id, EVENT, row.folder, key, lambda: self._event_item(row.load(), row, key), (row.id, row.change)
        )

    def event_of_series(
        self, core_id: str, master: EventRow, load: Callable[[], dict[str, Any]] | None = None
    ) -> Found | None:
        """One occurrence, changed or not; it has its master's change key. load: of one that is known to be there."""
        key = self.key_of("event", master.change)
        cache_key = (core_id, master.change)
        is_known = load is not None or self.site.cache.knows(self.account.email, cache_key)
        if not is_known and self.mailbox.find_event(core_id) is None:
            return None

        def render() -> EventItem:
            return self._event_item(load() if load else self.mailbox.get_event(core_id), master, key)

        return Found(core_id, EVENT, master.folder, key, render, cache_key)

    def contact(self, row: ContactRow) -> Found:
        key = self.key_of("contact", row.change)
        return Found(row.id, CONTACT, row.folder, key, lambda: self._contact_item(row, key), (row.id, row.change))

    def key_of(self, kind: str, change: int) -> str:
        """The change key as of a change number; kind: one of ids.KEY_KINDS."""
        return ids.make_change_key(kind, make_change_key(self.mailbox.name, change))

    def _event_item(self, doc: dict[str, Any], row: EventRow, key: str) -> EventItem:
        """row: of the event itself or of its series."""
        mailbox = self.mailbox
        uid = doc["iCalUId"] if row.id == doc["id"] else row.load()["iCalUId"]
        extra = orjson.loads(row.extra).get("singleValueExtendedProperties", {}) if row.extra else {}
        # the mailbox forgets none: an empty one counts as deleted
        extended = {path.lower(): str(one["value"]) for path, one in extra.items() if one.get("value")}
        extended |= global_ids(uid)
        return EventItem(doc, mailbox.name, self.owner, row.folder, uid, key, extended, lambda: self._series_facts(row))

    def _series_facts(self, row: EventRow) -> SeriesFacts:
        return self.site.series.facts(self.mailbox, row)

    def _contact_item(self, row: ContactRow, key: str) -> ContactItem:
        more = self.mailbox.read_more(row.id)
        return ContactItem(row.load(), self.mailbox.name, self.owner, row.folder, key, more["extended"], more["phones"])

    # writing

    @property
    def zone(self) -> ZoneInfo:
        """Of TimeZoneContext, in which answers show their times. Raises SoapFault."""
        zone = find_zone(self.request.zone) if self.request.zone else UTC_ZONE
        if zone is None:
            raise SoapFault("ErrorTimeZone")
        return zone

    def write(self, mode: Mode, shape: Shape) -> Writer:
        """What writes this call's answers. Raises SoapFault."""
        owa = f"{self.site.base_url}/owa/" if self.site.version.build >= (15,) else ""
        view = View(
            mode, self.zone, self.request.zone, self.request.schema, shape.body, shape.extended, shape.indexed, owa
        )
        return Writer(self, shape, view)

    def each(self, elements: Any, work: Callable[[Element], str], empty: str = "") -> Iterator[str]:
        """One response message for each element; work: the message, or it raises EwsError. empty: as in failure."""
        for element in elements:
            try:
                with translated():
                    yield work(element)
            except EwsError as error:
                yield failure(self.request.operation, error, empty)


class Writer:
    """Folders and items as elements, in one shape."""

    def __init__(self, call: Call, shape: Shape, view: View) -> None:
        self._call, self._shape, self._view = call, shape, view
        self._cache, self._mailbox = call.site.cache, call.account.email
        self._how = self._cache.number((call.site.version.name, shape, view))

    def choose(self, kind: Kind) -> tuple[Property, ...]:
        """Raises EwsError, SoapFault."""
        return choose(kind, self._shape, self._view.mode, self._view.schema, self._call.site.version.schema)

    def folder(self, folder: FolderItem) -> str:
        """Raises EwsError, SoapFault."""
        return dump_folder(folder, self.choose(FOLDER), self._view)

    def item(self, found: Found) -> str:
        """Raises EwsError, SoapFault."""
        return self._cache.get(self._mailbox, found.cache_key, self._how, lambda: self._write(found))

    def _write(self, found: Found) -> str:
        properties, item, name = self.choose(found.kind), found.render(), found.kind.element
        inner = "".join([one.dump(item, self._view) for one in properties])
        return f'<t:{name}><t:ItemId Id="{item.id}" ChangeKey="{found.change_key}"/>{inner}</t:{name}>'


def read_moment(value: str, zone: ZoneInfo) -> datetime:
    """An xs:dateTime; zone: of one that names none. Raises SoapFault."""
    try:
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        raise invalid_request(f"The value '{value}' is invalid according to its datatype 'dateTime'.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
