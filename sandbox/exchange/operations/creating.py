"""CreateItem: events and contacts."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.exchange.call import Call
from sandbox.exchange.errors import EwsError
from sandbox.exchange.folder_xml import FolderItem
from sandbox.exchange.ids import make_change_key, make_item_id
from sandbox.exchange.operations.items import EMPTY
from sandbox.exchange.parsing import ContactPatch, parse_event
from sandbox.exchange.soap import Element, M, T, first_child, success

INVITATIONS = ("SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy")


def create_item(call: Call) -> Iterator[str]:
    """Who is invited and has a mailbox here finds the meeting in it, unless nobody is to be told.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation
    """
    folder_element = first_child(call.body.find(f"{M}SavedItemFolderId"))

    def find_folder(kind: str, refusal: str) -> FolderItem:
        if folder_element is None:
            folder = call.tree.find_by_name(kind)
            assert folder is not None
        else:
            folder = call.get_folder(folder_element)
        if folder.kind != kind:
            raise EwsError(refusal)
        return folder

    def work(element: Element) -> str:
        name = element.tag.removeprefix(T)
        parts = [child for child in element if isinstance(child.tag, str)]
        if name == "CalendarItem":
            sending = call.body.get("SendMeetingInvitations")
            if sending not in INVITATIONS:
                raise EwsError("ErrorSendMeetingInvitationsRequired")
            folder = find_folder("calendar", "ErrorCannotCreateCalendarItemInNonCalendarFolder")
            doc = call.mailbox.add_event(parse_event(parts, call.zone), folder.id, tells=sending != "SendToNone")
            return _answer(call, "event", name, folder, doc["id"], doc["changeKey"])
        if name == "Contact":
            folder = find_folder("contacts", "ErrorCannotCreateContactInNonContactFolder")
            patch = ContactPatch(None, {}, {})
            for part in parts:
                patch.set(part)
            with call.site.store.transaction():
                doc = call.mailbox.add_contact(patch.doc, folder.id)
                call.mailbox.write_more(doc["id"], patch.more)
            return _answer(call, "contact", name, folder, doc["id"], doc["changeKey"])
        raise EwsError("ErrorCreateItemAccessDenied")

    return call.each(call.body.iterfind(f"{M}Items/*"), work, EMPTY)


def _answer(call: Call, kind: str, name: str, folder: FolderItem, core_id: str, core_key: str) -> str:
    ews_id = make_item_id(call.mailbox.name, folder.id, core_id)
    item_id = f'<t:ItemId Id="{ews_id}" ChangeKey="{make_change_key(kind, core_key)}"/>'
    return success("CreateItem", f"<m:Items><t:{name}>{item_id}</t:{name}></m:Items>")
