"""SyncFolderHierarchy and SyncFolderItems: what changed since the client last asked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from sandbox.exchange import ids
from sandbox.exchange.call import Call, Found, Writer
from sandbox.exchange.errors import EwsError
from sandbox.exchange.folder_xml import TOP, FolderItem
from sandbox.exchange.properties import parse_shape
from sandbox.exchange.soap import Element, M, failure, first_child, invalid_request, read_text, success
from sandbox.exchange.sync_states import dump_state, parse_state

MOST = 512
WORDS = {"created": "Create", "changed": "Update"}


def sync_folder_hierarchy(call: Call) -> Iterator[str]:
    """All in one answer: the state holds every folder the client was told of.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation
    """
    write = call.write("sync", parse_shape(call.body.find(f"{M}FolderShape")))
    root_element = call.body.find(f"{M}SyncFolderId")
    state = read_text(call.body.find(f"{M}SyncState"))
    try:
        if root_element is None:
            root = call.tree.find_by_name(TOP)
            assert root is not None
        else:
            root = call.get_folder(first_child(root_element), "ErrorSyncFolderNotFound")
        # a missing folder and the root itself are not the same to Exchange
        expected = {"kind": "folders", "box": call.mailbox.name, "era": call.mailbox.era,
                    "root": root.id if root_element is not None else ""}  # fmt: skip
        known = parse_state(state, expected)["known"] if state.strip() else {}
        yield _answer_hierarchy(call, root, known, expected, write)
    except EwsError as error:
        yield _refuse("SyncFolderHierarchy", error, "Folder")


def _refuse(operation: str, error: EwsError, what: str) -> str:
    last = f"<m:IncludesLast{what}InRange>true</m:IncludesLast{what}InRange>"
    return failure(operation, error, f"<m:SyncState/>{last}")


def _answer_hierarchy(
    call: Call, root: FolderItem, known: dict[str, str], expected: dict[str, object], write: Writer
) -> str:
    now = {one.id: one for one in call.tree.below(root.id, deep=True)}
    parts = []
    for one in now.values():
        word = "Create" if one.id not in known else "Update" if known[one.id] != one.state else ""
        if word:
            parts.append(f"<t:{word}>{write.folder(one)}</t:{word}>")
    for gone in known:
        if gone not in now:
            parts.append(f'<t:Delete><t:FolderId Id="{ids.make_folder_id(call.mailbox.name, gone)}"/></t:Delete>')
    state = dump_state(expected | {"known": {one.id: one.state for one in now.values()}})
    return success(
        "SyncFolderHierarchy",
        f"<m:SyncState>{state}</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>"
        f"<m:Changes>{''.join(parts)}</m:Changes>",
    )


def sync_folder_items(call: Call) -> Iterator[str]:
    """Singles and series, never occurrences; never bodies or attendees, which GetItem has.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation
    """
    write = call.write("sync", parse_shape(call.body.find(f"{M}ItemShape")))
    most = _read_most(call.body.find(f"{M}MaxChangesReturned"))
    ignored = {one.get("Id") for one in call.body.iterfind(f"{M}Ignore/*")}
    state = read_text(call.body.find(f"{M}SyncState"))
    try:
        folder = call.get_folder(first_child(call.body.find(f"{M}SyncFolderId")), "ErrorSyncFolderNotFound")
        yield _answer_items(call, folder, state, most, ignored, write)
    except EwsError as error:
        yield _refuse("SyncFolderItems", error, "Item")


def _read_most(element: Element | None) -> int:
    try:
        most = int(read_text(element))
    except ValueError:
        most = 0
    if not 1 <= most <= MOST:
        raise invalid_request("The 'MaxChangesReturned' element is invalid - The value is not between 1 and 512.")
    return most


def _answer_items(
    call: Call, folder: FolderItem, state: str, most: int, ignored: set[str | None], write: Writer
) -> str:
    """The state: from `base` on, the changes up to `top` are listed; those up to `at` have been told."""
    mailbox = call.mailbox
    expected = {"kind": "items", "box": mailbox.name, "era": mailbox.era, "folder": folder.id}
    top = mailbox.last_change()
    values = parse_state(state, expected) if state.strip() else {"base": 0, "at": 0, "top": top}
    if values["at"] >= values["top"]:
        values = {"base": values["at"], "at": values["at"], "top": top}
    changes = call.site.records.changes(mailbox, folder.id, values["base"], values["top"])
    left = changes[bisect_right(changes, values["at"], key=lambda change: change[0]) :]
    page = left[:most]
    is_last = len(page) == len(left)
    values["at"] = values["top"] if is_last else page[-1][0]
    parts = [part for change in page if (part := _dump_change(call, folder, change, ignored, write))]
    return success(
        "SyncFolderItems",
        f"<m:SyncState>{dump_state(expected | values)}</m:SyncState><m:IncludesLastItemInRange>"
        f"{'true' if is_last else 'false'}</m:IncludesLastItemInRange><m:Changes>{''.join(parts)}</m:Changes>",
    )


def _dump_change(
    call: Call, folder: FolderItem, change: tuple[int, str, str], ignored: set[str | None], write: Writer
) -> str:
    number, act, core_id = change
    ews_id = ids.make_item_id(call.mailbox.name, folder.id, core_id)
    if ews_id in ignored:
        return ""
    if act == "deleted":
        key = call.key_of("contact" if folder.kind == "contacts" else "event", number)
        return f'<t:Delete><t:ItemId Id="{ews_id}" ChangeKey="{key}"/></t:Delete>'
    found = _find(call, folder, core_id)
    # gone or elsewhere by now: the next synchronization says so
    if found is None or found.folder != folder.id:
        return ""
    return f"<t:{WORDS[act]}>{write.item(found)}</t:{WORDS[act]}>"


def _find(call: Call, folder: FolderItem, core_id: str) -> Found | None:
    if folder.kind == "calendar":
        row = call.mailbox.find_event_row(core_id)
        return call.event(row) if row else None
    contact = call.mailbox.find_contact_row(core_id)
    return call.contact(contact) if contact else None
