"""GetFolder, FindFolder, and making, renaming and deleting folders for contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from sandbox.exchange.call import Call
from sandbox.exchange.errors import EwsError
from sandbox.exchange.folder_xml import CLASSES, FolderItem
from sandbox.exchange.properties import Shape, parse_shape
from sandbox.exchange.soap import Element, M, T, first_child, invalid_request, read_text, success

Entry = TypeVar("Entry")
ID_ONLY = Shape("IdOnly", frozenset())
KINDS = {"ContactsFolder": "contacts", "CalendarFolder": "calendar"}


def get_folder(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation"""
    write = call.write("get", parse_shape(call.body.find(f"{M}FolderShape")))
    wanted = call.body.find(f"{M}FolderIds")
    if wanted is None or not len(wanted):
        raise invalid_request("The element 'FolderIds' has incomplete content.")

    def work(element: Element) -> str:
        return success("GetFolder", f"<m:Folders>{write.folder(call.get_folder(element))}</m:Folders>")

    return call.each(wanted, work, "<m:Folders/>")


def find_folder(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation"""
    write = call.write("find", parse_shape(call.body.find(f"{M}FolderShape")))
    traversal = call.body.get("Traversal", "")
    if traversal not in ("Shallow", "Deep", "SoftDeleted"):
        raise invalid_request("The required attribute 'Traversal' is missing.")
    if call.body.find(f"{M}Restriction") is not None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    limit = call.site.find_count_limit

    def work(element: Element) -> str:
        parent = call.get_folder(element)
        found = [] if traversal == "SoftDeleted" else call.tree.below(parent.id, deep=traversal == "Deep")
        page, paging = cut_page(call.body.find(f"{M}IndexedPageFolderView"), found, limit)
        listed = "".join(write.folder(one) for one in page)
        return success("FindFolder", f"<m:RootFolder{paging}><t:Folders>{listed}</t:Folders></m:RootFolder>")

    return call.each(call.body.iterfind(f"{M}ParentFolderIds/*"), work)


def cut_page(paging: Element | None, found: list[Entry], limit: int) -> tuple[list[Entry], str]:
    """What of it a page shows, and the attributes that say so. limit: FindCountLimit. Raises EwsError, SoapFault."""
    total = len(found)
    if paging is None:
        if total > limit:
            raise EwsError("ErrorExceededFindCountLimit")
        return found, f' TotalItemsInView="{total}" IncludesLastItemInRange="true"'
    try:
        offset, most = int(paging.get("Offset", "")), int(paging.get("MaxEntriesReturned", limit))
    except ValueError:
        raise invalid_request("The 'Offset' attribute is invalid.") from None
    if offset < 0 or most < 1:
        raise invalid_request("The 'MaxEntriesReturned' attribute is invalid.")
    most = min(most, limit)
    begin = offset if paging.get("BasePoint", "Beginning") == "Beginning" else max(0, total - offset - most)
    page = found[begin : begin + most]
    following = begin + len(page)
    last = "true" if following >= total else "false"
    return page, f' IndexedPagingOffset="{following}" TotalItemsInView="{total}" IncludesLastItemInRange="{last}"'


def create_folder(call: Call) -> Iterator[str]:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/createfolder-operation"""
    write = call.write("get", ID_ONLY)
    parent_element = first_child(call.body.find(f"{M}ParentFolderId"))

    def work(element: Element) -> str:
        parent = call.get_folder(parent_element, "ErrorParentFolderNotFound")
        kind = KINDS.get(element.tag.removeprefix(T), "")
        named = read_text(element.find(f"{T}FolderClass"))
        kind = next((key for key, value in CLASSES.items() if value == named), kind)
        if not kind:
            raise EwsError("ErrorAccessDenied", "Only folders for contacts and calendars are made here.")
        above = parent.id if parent.kind == kind else call.mailbox.root_id
        made = call.mailbox.add_folder(read_text(element.find(f"{T}DisplayName")), above, kind)
        call.forget_tree()
        return success("CreateFolder", f"<m:Folders>{write.folder(call.tree.folders[made.id])}</m:Folders>")

    return call.each(call.body.iterfind(f"{M}Folders/*"), work, "<m:Folders/>")


def update_folder(call: Call) -> Iterator[str]:
    """A new name; nothing else of a folder changes here.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/updatefolder-operation
    """
    write = call.write("get", ID_ONLY)

    def work(change: Element) -> str:
        folder = _writable(call, first_child(change))
        for update in change.iterfind(f"{T}Updates/*"):
            path = update.find(f"{T}FieldURI")
            if update.tag != f"{T}SetFolderField" or path is None or path.get("FieldURI") != "folder:DisplayName":
                raise EwsError("ErrorInvalidPropertySet")
            call.mailbox.rename_folder(folder.id, read_text(update.find(f"*/{T}DisplayName")))
        call.forget_tree()
        return success("UpdateFolder", f"<m:Folders>{write.folder(call.tree.folders[folder.id])}</m:Folders>")

    return call.each(call.body.iterfind(f"{M}FolderChanges/*"), work, "<m:Folders/>")


def delete_folder(call: Call) -> Iterator[str]:
    """MoveToDeletedItems keeps the folder and what is in it, there.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/deletefolder-operation
    """
    how = call.body.get("DeleteType")
    if how not in ("HardDelete", "SoftDelete", "MoveToDeletedItems"):
        raise invalid_request("The required attribute 'DeleteType' is missing.")

    def work(element: Element) -> str:
        folder = _writable(call, element, "ErrorDeleteDistinguishedFolder")
        if folder.distinguished:
            raise EwsError("ErrorDeleteDistinguishedFolder")
        if how == "MoveToDeletedItems":
            call.site.records.trash(call.mailbox, folder.id)
        else:
            call.mailbox.delete_folder(folder.id)
        call.forget_tree()
        return success("DeleteFolder", "")

    return call.each(call.body.iterfind(f"{M}FolderIds/*"), work)


def _writable(call: Call, element: Element | None, refusal: str = "ErrorAccessDenied") -> FolderItem:
    """A folder that holds something. Raises EwsError."""
    folder = call.get_folder(element)
    if not folder.kind:
        raise EwsError(refusal)
    return folder
