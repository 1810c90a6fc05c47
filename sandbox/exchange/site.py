"""One place where EWS is spoken: an Exchange on premises, or the EWS of Exchange Online; with the people of it."""

from __future__ import annotations

from typing import Any

from sandbox.clock import Clock
from sandbox.exchange import ids
from sandbox.exchange.cache import Cache
from sandbox.exchange.directory import Account, Directory
from sandbox.exchange.records import Records
from sandbox.exchange.series import SeriesReader
from sandbox.exchange.signing_in import Door
from sandbox.exchange.versions import VERSIONS, Version
from sandbox.mailbox import Folder, Mailbox, Mailboxes
from sandbox.store import Person, Store


class Site:
    """name: "exchange" or "office365", as the mailboxes are kept; path: where its EWS is.

    Switches: `auth` (what a 401 offers: Negotiate, NTLM, Basic, Bearer), `use_version`, `find_count_limit`.
    """

    def __init__(self, store: Store, clock: Clock, mailboxes: Mailboxes, *, name: str, path: str, version: str) -> None:
        self.store, self.clock, self.mailboxes = store, clock, mailboxes
        self.name, self.path = name, path
        self.directory = Directory(store, clock, name)
        self.door = Door(self.directory)
        self.records = Records(store)
        self.series = SeriesReader()
        self.cache = Cache()
        self.version = VERSIONS[version]
        self.find_count_limit = 1000
        self.ews_enabled = True
        """Whether the organization lets EWS be used at all."""
        self.base_url = ""

    @property
    def url(self) -> str:
        return f"{self.base_url}{self.path}"

    @property
    def auth(self) -> tuple[str, ...]:
        return self.door.schemes

    @auth.setter
    def auth(self, schemes: tuple[str, ...]) -> None:
        self.door.schemes = schemes

    def use_version(self, name: str) -> Version:
        """Be another server from now on: one of VERSIONS."""
        self.version = VERSIONS[name]
        return self.version

    # people

    def add_person(
        self, email: str, *, password: str = "", user: str = "", domain: str = "", upn: str = "", **facts: str
    ) -> Person:
        """facts: name, organization, timezone, region; those of somebody known stay when none is given."""
        person = self.store.people.find(email)
        if person is None or facts:
            person = self.store.people.add(email, **facts)
        self.directory.add(email, password=password, user=user, domain=domain, upn=upn)
        self.mailboxes.open(self.name, email)
        return person

    def account(self, email: str) -> Account:
        """Raises KeyError."""
        return self.directory.get(email)

    def name_of(self, account: Account) -> str:
        person = self.store.people.find(account.email)
        return person.name if person else account.user

    def search_people(self, entry: str) -> list[Account]:
        """Whose address, user name or name begins so."""
        wanted = entry.lower().removeprefix("smtp:")
        found = {account.email: account for account in self.directory.search(wanted)}
        for account in self.directory.everyone():
            if any(part.startswith(wanted) for part in _beginnings(self.name_of(account))):
                found.setdefault(account.email, account)
        return list(found.values())

    def set_password(self, email: str, password: str) -> None:
        self.directory.set_password(email, password)

    def lock(self, email: str) -> None:
        self.directory.lock(email)

    def unlock(self, email: str) -> None:
        self.directory.unlock(email)

    def expire_password(self, email: str) -> None:
        self.directory.expire_password(email)

    def disable(self, email: str) -> None:
        """The whole account."""
        self.directory.disable(email)

    def disable_ews(self, email: str) -> None:
        """EWS for this one mailbox."""
        self.directory.set_ews(email, enabled=False)

    def move_to_cloud(self, email: str) -> None:
        """The account stays, the mailbox is elsewhere."""
        self.directory.set_moved(email, moved=True)

    def bad_tries(self, email: str) -> int:
        """How often somebody tried a wrong password, since the account was made."""
        return self.account(email).all_bad_tries

    # what is in the mailboxes; docs as Graph v1.0 has them

    def mailbox(self, email: str) -> Mailbox:
        return self.mailboxes.open(self.name, email)

    def add_event(self, email: str, doc: dict[str, Any]) -> dict[str, Any]:
        return self.mailbox(email).add_event(doc)

    def change_event(self, email: str, event_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        return self.mailbox(email).change_event(event_id, patch)

    def delete_event(self, email: str, event_id: str) -> None:
        self.mailbox(email).delete_event(event_id)

    def add_folder(self, email: str, name: str, parent: str = "") -> Folder:
        return self.mailbox(email).add_folder(name, parent)

    def rename_folder(self, email: str, folder_id: str, name: str) -> Folder:
        return self.mailbox(email).rename_folder(folder_id, name)

    def delete_folder(self, email: str, folder_id: str) -> None:
        self.mailbox(email).delete_folder(folder_id)

    def trash_folder(self, email: str, folder_id: str) -> None:
        """Delete it as Outlook does: it goes to Deleted Items, contacts and all."""
        self.records.trash(self.mailbox(email), folder_id)

    def add_contact(self, email: str, doc: dict[str, Any], folder: str = "") -> dict[str, Any]:
        return self.mailbox(email).add_contact(doc, folder)

    def change_contact(self, email: str, contact_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        return self.mailbox(email).change_contact(contact_id, patch)

    def move_contact(self, email: str, contact_id: str, folder: str) -> dict[str, Any]:
        return self.mailbox(email).move_contact(contact_id, folder)

    def delete_contact(self, email: str, contact_id: str) -> None:
        self.mailbox(email).delete_contact(contact_id)

    def expire_sync(self, email: str) -> None:
        """Every SyncState that clients hold is void."""
        self.mailbox(email).expire_sync()

    def item_id(self, email: str, core_id: str) -> str:
        """The id by which EWS knows an event or contact now; core_id: the mailbox's own. Raises KeyError."""
        mailbox = self.mailbox(email)
        doc = mailbox.find_event_row(core_id) or mailbox.find_contact_row(core_id)
        if doc is None:
            raise KeyError(f"{email} has nothing with that id.")
        return ids.make_item_id(mailbox.name, doc.folder, core_id)

    def folder_id(self, email: str, core_id: str) -> str:
        """The same for a folder."""
        return ids.make_folder_id(self.mailbox(email).name, core_id)


def _beginnings(name: str) -> list[str]:
    """A name from each of its words on."""
    words = name.lower().split()
    return [" ".join(words[begin:]) for begin in range(len(words))]
