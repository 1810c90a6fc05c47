"""GetItem, DeleteItem and MoveItem."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.exchange.call import Call, Found
from sandbox.exchange.contact_xml import CONTACT
from sandbox.exchange.errors import EwsError
from sandbox.exchange.event_xml import EVENT
from sandbox.exchange.ids import make_change_key, make_item_id, read_change_key
from sandbox.exchange.properties import parse_shape
from sandbox.exchange.soap import Element, M, first_child, invalid_request, success

EMPTY = "<m:Items/>"
CANCELLATIONS = ("SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy")


def get_item(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation"""
    write = call.write("get", parse_shape(call.body.find(f"{M}ItemShape")))

    def work(element: Element) -> str:
        return success("GetItem", f"<m:Items>{write.item(call.find_item(element))}</m:Items>")

    return call.each(read_ids(call), work, EMPTY)


def read_ids(call: Call) -> Element:
    """Raises SoapFault."""
    found = call.body.find(f"{M}ItemIds")
    if found is None or not len(found):
        raise invalid_request("The element 'ItemIds' has incomplete content.")
    return found


def delete_item(call: Call) -> Iterator[str]:
    """What goes to Deleted Items is gone here, as after a hard deletion: that folder holds nothing.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation
    """
    if call.body.get("DeleteType") not in ("HardDelete", "SoftDelete", "MoveToDeletedItems"):
        raise invalid_request("The required attribute 'DeleteType' is missing.")

    def work(element: Element) -> str:
        found = call.find_item(element)
        check_given_key(element)
        if found.kind is EVENT:
            sending = call.body.get("SendMeetingCancellations")
            if sending not in CANCELLATIONS:
                raise EwsError("ErrorSendMeetingCancellationsRequired")
            call.mailbox.delete_event(found.id, tells=sending != "SendToNone")
        else:
            call.mailbox.delete_contact(found.id)
        return success("DeleteItem", "")

    return call.each(read_ids(call), work)


def check_given_key(element: Element) -> None:
    """A change key that is given must be one, not the newest. Raises EwsError."""
    if element.get("ChangeKey"):
        read_change_key(element.get("ChangeKey"))


def move_item(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation"""
    target_element = first_child(call.body.find(f"{M}ToFolderId"))

    def work(element: Element) -> str:
        target = call.get_folder(target_element, "ErrorToFolderNotFound")
        found = call.find_item(element)
        if found.is_occurrence:
            raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence")
        if target.distinguished == "deleteditems":
            _drop(call, found)
            return success("MoveItem", EMPTY)
        if target.kind != ("contacts" if found.kind is CONTACT else "calendar"):
            raise EwsError("ErrorMoveCopyFailed")
        if found.kind is CONTACT:
            doc = call.mailbox.move_contact(found.id, target.id)
        else:
            doc = call.mailbox.move_event(found.id, target.id)
        name = found.kind.element
        key = make_change_key("contact" if found.kind is CONTACT else "event", doc["changeKey"])
        new_id = make_item_id(call.mailbox.name, target.id, found.id)
        moved = f'<t:{name}><t:ItemId Id="{new_id}" ChangeKey="{key}"/></t:{name}>'
        return success("MoveItem", f"<m:Items>{moved}</m:Items>")

    return call.each(read_ids(call), work, EMPTY)


def _drop(call: Call, found: Found) -> None:
    if found.kind is EVENT:
        call.mailbox.delete_event(found.id)
    else:
        call.mailbox.delete_contact(found.id)
