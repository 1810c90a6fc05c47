"""The address books of the memory provider, and what writing does to them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from integrations.errors import Conflict, Gone, Rejected
from integrations.permissions import Permission
from integrations.providers.base import NumberType
from integrations.providers.memory_books import Shelf, list_shelf
from integrations.providers.numbers import get_type, has_number
from integrations.remote import (
    ContactDraft,
    Delta,
    NumberKind,
    RemoteContact,
    RemoteEmail,
    RemoteFolder,
    RemoteNumber,
    RemoteRef,
)

NUMBER_TYPES = (
    NumberType("mobile", "Mobile", NumberKind.MOBILE),
    NumberType("work", "Work", NumberKind.WORK),
    NumberType("home", "Home", NumberKind.HOME),
    NumberType("main", "Main", NumberKind.MAIN),
    NumberType("fax", "Fax", NumberKind.FAX),
    NumberType("other", "Other", NumberKind.OTHER),
)


@dataclass(slots=True)
class MemoryPeople:
    """One person's contacts and the folders that they are in."""

    contacts: Shelf[RemoteContact] = field(default_factory=Shelf)
    folders: dict[str, RemoteFolder] = field(default_factory=dict)

    def put_contact(self, remote_id: str, **fields: Any) -> RemoteContact:
        """As it is given, however odd."""
        return self.contacts.put(RemoteContact(RemoteRef(remote_id), **fields))

    def put_folder(self, remote_id: str, name: str, **fields: Any) -> None:
        self.folders[remote_id] = RemoteFolder(remote_id, name, **fields)

    def get(self, remote_id: str) -> RemoteContact:
        """Raises Gone."""
        found = self.contacts.items.get(remote_id)
        if found is None:
            raise Gone(detail="memory")
        return found

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        """Raises Gone, Rejected."""
        made = next((one for one in self.contacts.items.values() if one.key == key), None)
        if made is not None:
            return made
        given, family, organization = draft.given_name, draft.family_name, draft.organization
        contact = RemoteContact(
            RemoteRef(f"person-{key}"),
            self._find_folders(folder),
            given,
            family,
            f"{given} {family}".strip() or organization,
            organization,
            emails=tuple(RemoteEmail(one.address, one.label) for one in draft.emails),
            numbers=tuple(_as_held(one) for one in draft.numbers),
            key=key,
        )
        return self.contacts.put(contact)

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        """Raises Conflict, Gone, Rejected."""
        contact = self.get(ref.id)
        if has_number(contact, number):
            return contact
        if ref.version not in ("", contact.ref.version):
            raise Conflict(detail=contact.ref.version)
        for one in contact.folders:
            self._check_writable(one)
        return self.contacts.put(replace(contact, numbers=(*contact.numbers, _as_held(number))))

    def _find_folders(self, folder: str) -> tuple[str, ...]:
        """Raises Gone, Rejected."""
        if not folder:
            return tuple(one.id for one in self.folders.values() if one.is_default)[:1]
        if folder not in self.folders:
            raise Gone(detail="no such folder")
        self._check_writable(folder)
        return (folder,)

    def _check_writable(self, folder: str) -> None:
        if folder in self.folders and not self.folders[folder].is_writable:
            raise Rejected("You may read this folder, but not change it. Choose another one.", detail="read only")


def _as_held(number: RemoteNumber) -> RemoteNumber:
    """Raises Rejected."""
    known = get_type(number, NUMBER_TYPES)
    return RemoteNumber(number.value, known.kind, known.label, number.e164)


class _Person(Protocol):
    @property
    def address_book(self) -> MemoryPeople: ...


class _Account(Protocol):
    """Of integrations.providers.memory.MemoryAccount what is needed here."""

    @property
    def page_size(self) -> int: ...

    def request(self, kind: str, permission: Permission) -> _Person: ...

    def answer(self, kind: str) -> None: ...


class MemoryContacts:
    """An integrations.providers.base.AddressBook; folders ride on every first page."""

    def __init__(self, account: _Account) -> None:
        self._account = account

    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        folders: tuple[RemoteFolder, ...] | None = None

        def open_shelf() -> Shelf[RemoteContact]:
            nonlocal folders
            book = self._account.request("contacts", Permission.CONTACTS_READ).address_book
            folders = tuple(book.folders.values())
            return book.contacts

        for number, page in enumerate(list_shelf(open_shelf, cursor, self._account.page_size, holds=lambda _: True)):
            yield replace(page, folders=folders) if number == 0 else page

    def read(self, ref: RemoteRef) -> RemoteContact:
        return self._account.request("read contact", Permission.CONTACTS_READ).address_book.get(ref.id)

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        made = self._open_to_write("create contact").create(draft, key=key, folder=folder)
        self._account.answer("create contact")
        return made

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        changed = self._open_to_write("add number").add_number(ref, number)
        self._account.answer("add number")
        return changed

    def _open_to_write(self, kind: str) -> MemoryPeople:
        return self._account.request(kind, Permission.CONTACTS_WRITE).address_book
