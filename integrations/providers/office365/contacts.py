"""Reading Office 365's contacts by Microsoft Graph: a tree of folders, each with a delta of its own.

The cursor is a JSON object: {"version", "folders": {folder id: its delta link}}.

A contact that is moved is removed from one folder and added to another, in whatever order the two are read, or in two
rounds. So what a folder says is removed counts only where no other folder has it and Graph, asked for it, has it in
none of the folders. (A deleted contact lives on in "Deleted Items", under the same id.)

Reference: https://learn.microsoft.com/en-us/graph/delta-query-messages (as for mail, a folder at a time) and
https://learn.microsoft.com/en-us/graph/api/contact-delta
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import orjson

from integrations.errors import CursorExpired, Gone, Unexpected
from integrations.providers.office365.listing import (
    Fetch,
    check_cursor,
    dump_whole,
    items_of,
    path_of_contact,
    place_of_contacts,
)
from integrations.providers.office365.payloads import is_removed
from integrations.providers.office365.people import (
    CONTACT_FIELDS,
    CONTACT_TYPES,
    DEFAULT_FOLDER,
    parse_contact,
    parse_folder,
)
from integrations.providers.office365.responses import NOT_UNDERSTOOD, WORDS, Endless, Json, follow_links
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteContact, RemoteFolder, RemoteRef
from safety import outbound

log = logging.getLogger(__name__)

_PAGE_SIZE = 250
_MOST_FOLDERS = 500
_MOST_REMOVED = 20
_CURSOR_VERSION = 1


class Office365Contacts:
    """The person's contacts: an integrations.providers.base.ReadableAddressBook."""

    def __init__(self, fetch: Fetch, *, root: str) -> None:
        """`root`: Graph's address with a slash at its end."""
        self._fetch = fetch
        self._root = root

    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        """Contacts folder by folder. All folders ride on the first page.

        Folders are read each time: a renamed folder changes none of its contacts. A new one is read whole.

        Raises:
            CursorExpired: list again with None; also where a folder is gone, and after many removals.
            ProviderError: any of the family.
        """
        links = {} if cursor is None else self._parse_cursor(cursor)
        folders = self._fetch_folders()
        if not links.keys() <= {one.id for one in folders}:
            raise CursorExpired(WORDS.read_again, detail="a folder of contacts is gone")
        yield from Round(self._fetch, self._root, folders, links, is_complete=cursor is None).read()

    def read(self, ref: RemoteRef) -> RemoteContact:
        """As in base.ReadableAddressBook."""
        return self._parse_at_home(self._fetch_contact(ref.id), ref)

    def _fetch_contact(self, remote_id: str) -> Json:
        """Reference: https://learn.microsoft.com/en-us/graph/api/contact-get"""
        item = self._fetch(f"{self._root}{path_of_contact(remote_id)}?{dump_whole(CONTACT_FIELDS)}")
        return {**item, "id": remote_id}

    def _parse_at_home(self, item: Json, ref: RemoteRef) -> RemoteContact:
        """A contact where it is now.

        Raises:
            Gone: it is in none of the person's folders; deleted, it lives on under its id.
            ProviderError: any other of the family.
        """
        folder = home_of(item) or ref.container
        if folder != ref.container and folder not in {one.id for one in self._fetch_folders()}:
            raise Gone(WORDS.gone, detail="a contact in no folder of contacts")
        return parse(item, folder)

    def _parse_cursor(self, cursor: str) -> dict[str, str]:
        """Raises CursorExpired where it is none of ours."""
        try:
            found = orjson.loads(cursor)
        except orjson.JSONDecodeError:
            found = None
        links = found.get("folders") if isinstance(found, dict) and found.get("version") == _CURSOR_VERSION else None
        if not isinstance(links, dict) or not all(
            isinstance(link, str) and outbound.same_host(link, self._root) for link in links.values()
        ):
            raise CursorExpired(WORDS.read_again, detail="the cursor is none of ours")
        return links

    def _fetch_folders(self) -> tuple[RemoteFolder, ...]:
        """The whole tree, parents first. The default folder is asked for by its name: lists may leave it out.

        Reference: https://learn.microsoft.com/en-us/graph/api/contactfolder-list-childfolders
        """
        default = parse_folder(self._fetch(f"{self._root}me/contactFolders/{DEFAULT_FOLDER}"), is_default=True)
        if default is None:
            raise Unexpected(NOT_UNDERSTOOD, detail="no default folder of contacts")
        found = {default.id: default}
        waiting = [f"{self._root}me/contactFolders", self._children_of(default.id)]
        while waiting:
            for folder in self._fetch_list(waiting.pop(0)):
                if folder.id not in found:
                    found[folder.id] = folder
                    waiting.append(self._children_of(folder.id))
            if len(found) > _MOST_FOLDERS:
                raise Unexpected(NOT_UNDERSTOOD, detail=f"more than {_MOST_FOLDERS} folders of contacts")
        return tuple(one if one.parent in found else replace(one, parent="") for one in found.values())

    def _children_of(self, folder: str) -> str:
        return f"{self._root}me/contactFolders/{quote(folder, safe='')}/childFolders"

    def _fetch_list(self, first: str) -> list[RemoteFolder]:
        def fetch(link: str) -> Json:
            return self._fetch(link, page_size=_PAGE_SIZE)

        def parse(answer: Json, *_: object) -> list[RemoteFolder]:
            return [folder for one in items_of(answer) if (folder := parse_folder(one))]

        try:
            return [one for page in follow_links(fetch, parse, first=first, root=self._root) for one in page]
        except Gone:
            return []  # deleted between two requests
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="folders of contacts without an end") from None


class Round:
    """One reading of all folders."""

    def __init__(
        self, fetch: Fetch, root: str, folders: tuple[RemoteFolder, ...], links: dict[str, str], *, is_complete: bool
    ) -> None:
        self._fetch = fetch
        self._root = root
        self._folders = folders
        self._links = links
        self._is_complete = is_complete
        self._found: dict[str, set[str]] = {}
        """Contact id -> folders that say they have it."""
        self._removed: set[str] = set()

    def read(self) -> Iterator[Delta[RemoteContact]]:
        folders: tuple[RemoteFolder, ...] | None = self._folders
        links: dict[str, str] = {}
        for folder in self._folders:
            for changed, link in self._read_folder(folder.id):
                if link:
                    links[folder.id] = link
                yield Delta(changed, folders=folders)
                folders = None
        changed, gone = self._settle()
        cursor = orjson.dumps({"version": _CURSOR_VERSION, "folders": links}).decode()
        yield Delta(changed, gone, cursor, self._is_complete, folders)

    def _read_folder(self, folder: str) -> Iterator[tuple[tuple[RemoteContact, ...], str]]:
        known = self._links.get(folder)
        first = known or f"{self._root}{place_of_contacts(folder)}/delta?$select={CONTACT_FIELDS}"

        def fetch(link: str) -> Json:
            return self._fetch(link, page_size=_PAGE_SIZE, has_cursor=known is not None)

        def parse(answer: Json, is_last: bool, link: str) -> tuple[tuple[RemoteContact, ...], str]:
            return self._parse_page(answer, folder), check_cursor(link) if is_last else ""

        try:
            yield from follow_links(fetch, parse, first=first, root=self._root)
        except Endless:
            raise Unexpected(NOT_UNDERSTOOD, detail="contacts without an end") from None
        except Gone:
            # Deleted since the folders were listed.
            if self._is_complete:
                return
            raise CursorExpired(WORDS.read_again, detail="a folder of contacts is gone") from None

    def _parse_page(self, answer: Json, folder: str) -> tuple[RemoteContact, ...]:
        changed: dict[str, RemoteContact] = {}
        for item in items_of(answer):
            remote_id = item["id"]
            changed.pop(remote_id, None)
            if is_removed(item):
                self._found.get(remote_id, set()).discard(folder)
                self._removed.add(remote_id)
            else:
                changed[remote_id] = parse(item, folder)
                if not self._is_complete:
                    self._found.setdefault(remote_id, set()).add(folder)
        return tuple(changed.values())

    def _settle(self) -> tuple[tuple[RemoteContact, ...], tuple[str, ...]]:
        """What became of those that a folder no longer has: moved, or gone."""
        if self._is_complete:
            return (), ()
        doubtful = [one for one in self._removed if not self._found.get(one)]
        if len(doubtful) > _MOST_REMOVED:
            raise CursorExpired(WORDS.read_again, detail=f"{len(doubtful)} contacts removed at once")
        known = {one.id for one in self._folders}
        moved, gone = [], []
        for remote_id in doubtful:
            item = self._find(remote_id)
            folder = home_of(item) if item else ""
            if item and folder in known:
                moved.append(parse({**item, "id": remote_id}, folder))
            else:
                gone.append(remote_id)
        return tuple(moved), tuple(gone)

    def _find(self, remote_id: str) -> Json | None:
        """Reference: https://learn.microsoft.com/en-us/graph/api/contact-get"""
        try:
            return self._fetch(f"{self._root}{path_of_contact(remote_id)}?$select={CONTACT_FIELDS}")
        except Gone:
            return None


def home_of(item: Json) -> str:
    """The folder that a contact says that it is in."""
    folder = item.get("parentFolderId")
    return folder if isinstance(folder, str) else ""


def parse(item: Json, folder: str) -> RemoteContact:
    try:
        return parse_contact(item, folder)
    except (TypeError, AttributeError, KeyError):
        return parse_contact(salvage(item, CONTACT_TYPES), folder)
