"""Reading Exchange's contacts: the tree of contact folders, and in each the people who are in it.

SyncFolderHierarchy tells what has happened to folders, SyncFolderItems what has happened to contacts, one folder at a
time. A contact that is moved gets another id: it is gone in one folder and new in the other.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/mailbox-synchronization-and-ews-in-exchange
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from integrations.errors import CursorExpired, Gone
from integrations.providers.exchange.codes import BAD_IDS
from integrations.providers.exchange.folders import Folder, above, choose_folders, is_contact_folder, parse_folder
from integrations.providers.exchange.operations import get_contact, get_contacts, sync_hierarchy, sync_items
from integrations.providers.exchange.people import parse_contact
from integrations.providers.exchange.responses import MESSAGES, TYPES, Element, check, code_of
from integrations.providers.exchange.syncing import get_items, read_change, sync
from integrations.providers.exchange.tree import find_own
from integrations.providers.exchange.wire import Wire
from integrations.remote import Delta, RemoteContact, RemoteFolder, RemoteRef

# A page is what is in memory at once.
_PAGE_SIZE = 100
_FORMAT = 1


@dataclass(slots=True)
class Cursor:
    """Where reading goes on: the tree's sync state and each contact folder's.

    `others`: the folders that contact folders lie in; a change of one of those may be one of theirs.
    """

    tree: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def dump(self) -> str:
        value = {"format": _FORMAT, "tree": self.tree, "folders": self.folders, "others": self.others}
        return orjson.dumps(value).decode()


def parse_cursor(text: str) -> Cursor | None:
    """None for what is none of ours, or of another version of this file."""
    try:
        value = orjson.loads(text)
        if value["format"] != _FORMAT or not isinstance(value["folders"], dict):
            return None
        cursor = Cursor(value["tree"], value["folders"], list(value["others"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return cursor if cursor.tree else None


class ReadableExchangeContacts:
    """The person's contacts: an integrations.providers.base.ReadableAddressBook."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        """Contacts folder by folder. A folder that is new is read whole; one that has vanished expires the cursor.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        known = Cursor() if cursor is None else parse_cursor(cursor)
        if known is None:
            raise CursorExpired(self._wire.words.read_again, detail="a cursor of another form")
        is_complete = cursor is None
        folders = self._read_tree(known) if is_complete or self._is_tree_changed(known) else None
        yield from self._read(known, folders, is_complete=is_complete)

    def read(self, ref: RemoteRef) -> RemoteContact:
        """As in base.ReadableAddressBook.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getitem-operation
        """
        words = self._wire.words
        (message,) = self._wire.ask(get_contact(ref.id))[:1]
        if message.get("ResponseClass") == "Error" and code_of(message) in BAD_IDS:
            raise Gone(words.gone, detail="no id of a contact")
        item = check(message, words).find(f"{MESSAGES}Items/{TYPES}Contact")
        parent = item.find(f"{TYPES}ParentFolderId") if item is not None else None
        folder = parent.get("Id", "") if parent is not None else ref.container
        contact = parse_contact(item, folder) if item is not None else None
        if contact is None:
            raise Gone(words.gone, detail="no contact by this id")
        return contact

    def _is_tree_changed(self, cursor: Cursor) -> bool:
        """Whether something has happened to a folder that concerns us. The state moves on either way."""
        ours = {*cursor.folders, *cursor.others}
        concerns = False
        for change in self._sync_tree(cursor):
            element = next(iter(change), None)
            if element is None:
                continue
            folder_id = element.get("Id") or ""
            folder = parse_folder(element) if not folder_id else None
            if folder is not None:
                folder_id = folder.id
                concerns = concerns or is_contact_folder(folder)
            concerns = concerns or folder_id in ours
        return concerns

    def _read_tree(self, cursor: Cursor) -> tuple[RemoteFolder, ...]:
        """All contact folders as of now; `cursor` takes in the new ones.

        Raises:
            CursorExpired: one that was read before is no more.
        """
        default, trash = find_own(self._wire, "contacts", "deleteditems")
        tree = Cursor()
        folders: dict[str, Folder] = {}
        for change in self._sync_tree(tree):
            element = next(iter(change), None)
            folder = parse_folder(element) if element is not None else None
            if folder is not None:
                folders[folder.id] = folder
        chosen = choose_folders(folders, default=default, trash=trash)
        ids = [one.id for one in chosen]
        if not cursor.folders.keys() <= set(ids):
            raise CursorExpired(self._wire.words.read_again, detail="a folder is no more")
        cursor.tree = tree.tree
        cursor.folders = {one: cursor.folders.get(one, "") for one in ids}
        cursor.others = list({other: None for one in ids for other in above(folders, one) if other not in ids})
        return chosen

    def _sync_tree(self, cursor: Cursor) -> Iterator[Element]:
        """Each change of a folder since `cursor.tree`, which moves on page by page; from nothing all of them."""

        def operation(state: str) -> str:
            return sync_hierarchy(state, with_rights=True)

        for changes, state in sync(self._wire, operation, cursor.tree):
            cursor.tree = state
            yield from changes

    def _read(
        self, cursor: Cursor, folders: tuple[RemoteFolder, ...] | None, *, is_complete: bool
    ) -> Iterator[Delta[RemoteContact]]:
        gone: dict[str, None] = {}
        listed: set[str] = set()
        for contacts, missing in self._read_batches(cursor, gone):
            listed.update(one.ref.id for one in contacts)
            gone.update(dict.fromkeys(missing))
            first, folders = folders, None
            yield Delta(contacts, folders=first)
        # At the end, and without what has turned up elsewhere: ids that stay the same over a move are legal too.
        left = () if is_complete else tuple(one for one in gone if one not in listed)
        yield Delta(gone=left, cursor=cursor.dump(), complete=is_complete, folders=folders)

    def _read_batches(
        self, cursor: Cursor, gone: dict[str, None]
    ) -> Iterator[tuple[tuple[RemoteContact, ...], list[str]]]:
        """(contacts, ids that were no more when they were asked for); `gone` takes in what was deleted."""
        for folder in list(cursor.folders):
            waiting: dict[str, None] = {}
            for change in self._sync_items(cursor, folder):
                kind, name, fields = read_change(change)
                remote_id = fields.get("Id")
                if not remote_id or kind == "ReadFlagChange":
                    continue
                waiting.pop(remote_id, None)
                if name == "Contact":
                    gone.pop(remote_id, None)
                    waiting[remote_id] = None
                    if len(waiting) >= _PAGE_SIZE:
                        yield self._get(list(waiting), folder)
                        waiting = {}
                elif kind == "Delete":
                    gone[remote_id] = None
            if waiting:
                yield self._get(list(waiting), folder)

    def _sync_items(self, cursor: Cursor, folder: str) -> Iterator[Element]:
        def operation(state: str) -> str:
            return sync_items(folder, state, is_calendar=False)

        for changes, state in sync(self._wire, operation, cursor.folders[folder]):
            cursor.folders[folder] = state
            yield from changes

    def _get(self, ids: list[str], folder: str) -> tuple[tuple[RemoteContact, ...], list[str]]:
        def operation(some: list[str], with_body: bool) -> str:
            return get_contacts(some, with_body=with_body)

        contacts, missing = [], []
        for remote_id, item in get_items(self._wire, ids, operation):
            contact = parse_contact(item, folder) if item is not None and item.tag == f"{TYPES}Contact" else None
            if contact is None:
                missing.append(remote_id)
            else:
                contacts.append(contact)
        return tuple(contacts), missing
