"""UpdateItem: single properties of events and contacts set, appended to, or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from sandbox.exchange.call import Call, Found
from sandbox.exchange.contact_xml import CONTACT
from sandbox.exchange.errors import EwsError
from sandbox.exchange.extended import parse_path
from sandbox.exchange.ids import read_change_key
from sandbox.exchange.operations.items import EMPTY
from sandbox.exchange.parsing import (
    ATTENDEES,
    CONTACT_TEXTS,
    EVENT_EMPTY,
    EVENT_VALUES,
    ContactPatch,
    parse_attendees,
    parse_event,
)
from sandbox.exchange.soap import Element, M, T, attribute, first_child, invalid_request, read_text, success

RESOLUTIONS = ("NeverOverwrite", "AutoResolve", "AlwaysOverwrite")
SENDING = ("SendToNone", "SendOnlyToAll", "SendOnlyToChanged", "SendToAllAndSaveCopy", "SendToChangedAndSaveCopy")
ACTIONS = {"SetItemField": "set", "AppendToItemField": "append", "DeleteItemField": "delete"}


def update_item(call: Call) -> Iterator[str]:
    """Two changes of the same item are one too many for NeverOverwrite and AutoResolve alike: nothing is merged here.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation
    """
    resolution = call.body.get("ConflictResolution", "")
    if resolution not in RESOLUTIONS:
        raise invalid_request("The required attribute 'ConflictResolution' is missing.")

    def work(change: Element) -> str:
        element = first_child(change)
        if element is None:
            raise invalid_request("The element 'ItemChange' has incomplete content.")
        found = call.find_item(element)
        _check_key(element, found, resolution)
        updates = [_Update(one) for one in change.iterfind(f"{T}Updates/*")]
        if found.kind is CONTACT:
            _update_contact(call, found, updates)
        else:
            sending = call.body.get("SendMeetingInvitationsOrCancellations")
            if sending not in SENDING:
                raise EwsError("ErrorSendMeetingInvitationsOrCancellationsRequired")
            _update_event(call, found, updates, tells=sending != "SendToNone")
        now = call.find_item(element)
        name = now.kind.element
        item_id = f'<t:ItemId Id="{call.id_of(now)}" ChangeKey="{now.change_key}"/>'
        return success(
            "UpdateItem",
            f"<m:Items><t:{name}>{item_id}</t:{name}></m:Items>"
            "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>",
        )

    return call.each(call.body.iterfind(f"{M}ItemChanges/*"), work, EMPTY)


def _check_key(element: Element, found: Found, resolution: str) -> None:
    """Raises EwsError."""
    given = element.get("ChangeKey", "")
    if not given:
        if resolution != "AlwaysOverwrite":
            raise EwsError("ErrorChangeKeyRequiredForWriteOperations")
        return
    read_change_key(given)
    if given != found.change_key and resolution != "AlwaysOverwrite":
        raise EwsError("ErrorIrresolvableConflict")


class _Update:
    """One property's change. action: set, append or delete; uri, index: its name; value: the property's element."""

    def __init__(self, element: Element) -> None:
        """Raises SoapFault."""
        self.action = ACTIONS.get(element.tag.removeprefix(T), "")
        parts = [child for child in element if isinstance(child.tag, str)]
        path = parts[0] if parts else None
        if not self.action or path is None:
            raise invalid_request("The element 'Updates' has an invalid child element.")
        self.path, self.index = path, path.get("FieldIndex", "")
        self.uri = path.get("FieldURI", "")
        self.value = first_child(parts[1]) if len(parts) > 1 else None
        if self.action != "delete" and self.value is None:
            raise invalid_request("The element 'SetItemField' has incomplete content.")

    @property
    def is_extended(self) -> bool:
        return bool(self.path.tag == f"{T}ExtendedFieldURI")

    @property
    def name(self) -> str:
        """calendar:RequiredAttendees → RequiredAttendees"""
        return self.uri.partition(":")[2]

    def refuse(self, code: str) -> EwsError:
        return EwsError(code, xml=f'<t:FieldURI FieldURI="{attribute(self.uri)}"/>')


def _update_event(call: Call, found: Found, updates: list[_Update], *, tells: bool) -> None:
    """Raises EwsError, SoapFault, MailboxError."""
    old = call.mailbox.get_event(found.id)
    patch = parse_event([one.value for one in updates if one.action == "set"], call.zone, old)
    rest: dict[str, Any] = {}
    for update in updates:
        now = old | patch | rest
        if update.action == "append":
            rest |= _append(update, now)
        elif update.action == "set":
            continue
        elif update.is_extended:
            rest.setdefault("singleValueExtendedProperties", []).append({"id": parse_path(update.path)[0], "value": ""})
        elif update.name in ATTENDEES:
            rest["attendees"] = [one for one in now["attendees"] if one["type"] != ATTENDEES[update.name]]
        else:
            key = "recurrence" if update.name == "Recurrence" else EVENT_VALUES.get(update.name, ("", None))[0]
            if key not in EVENT_EMPTY:
                raise update.refuse("ErrorInvalidPropertyDelete")
            rest[key] = deepcopy(EVENT_EMPTY[key])
    extended = [*patch.get("singleValueExtendedProperties", ()), *rest.pop("singleValueExtendedProperties", ())]
    if extended:
        rest["singleValueExtendedProperties"] = extended
    call.mailbox.change_event(found.id, patch | rest, tells=tells)


def _append(update: _Update, old: dict[str, Any]) -> dict[str, Any]:
    assert update.value is not None
    if update.name in ATTENDEES:
        return {"attendees": old["attendees"] + parse_attendees(update.value)}
    if update.name == "Body":
        added = EVENT_VALUES["Body"][1](update.value)["content"]
        return {"body": {"contentType": "html", "content": old["body"]["content"] + added}}
    raise update.refuse("ErrorInvalidPropertyAppend")


def _update_contact(call: Call, found: Found, updates: list[_Update]) -> None:
    """Raises EwsError, SoapFault, MailboxError."""
    more = call.mailbox.read_more(found.id)
    patch = ContactPatch(call.mailbox.find_contact(found.id), more["phones"], more["extended"])
    for update in updates:
        if update.action == "append":
            _append_to_contact(patch, update)
        elif update.is_extended and update.action == "delete":
            patch.extended.pop(parse_path(update.path)[0], None)
        elif update.index:
            _update_entry(patch, update)
        elif update.action == "set":
            assert update.value is not None
            patch.set(update.value)
        elif update.name in CONTACT_TEXTS:
            patch.doc[CONTACT_TEXTS[update.name]] = None
        elif update.name in ("Body", "Categories", "Children"):
            patch.doc |= {"Body": {"personalNotes": None}}.get(update.name, {update.name.lower(): []})
        else:
            raise update.refuse("ErrorInvalidPropertyDelete")
    with call.site.store.transaction():
        call.mailbox.write_more(found.id, patch.more)
        call.mailbox.change_contact(found.id, patch.doc)


def _append_to_contact(patch: ContactPatch, update: _Update) -> None:
    """Raises EwsError."""
    if update.name != "Body" or update.value is None:
        raise update.refuse("ErrorInvalidPropertyAppend")
    before = patch.read("personalNotes") or ""
    patch.set(update.value)
    patch.doc["personalNotes"] = before + patch.doc["personalNotes"]


def _update_entry(patch: ContactPatch, update: _Update) -> None:
    """One e-mail address, phone number or part of a postal address. Raises EwsError, SoapFault."""
    entry = update.value.find(f"{T}Entry") if update.value is not None else None
    value = read_text(entry) if update.action == "set" else ""
    if update.uri == "contacts:EmailAddress":
        patch.set_email(update.index, value, entry.get("Name", "") if entry is not None else "")
    elif update.uri == "contacts:PhoneNumber":
        patch.set_phone(update.index, value)
    elif update.uri == "contacts:ImAddress":
        patch.set_im(update.index, value)
    elif update.uri.startswith("contacts:PhysicalAddress:"):
        part = update.uri.rpartition(":")[2]
        found = entry.find(f"{T}{part}") if entry is not None else None
        patch.set_address(update.index, {part: read_text(found) or None})
    else:
        raise update.refuse("ErrorInvalidPropertySet")
