"""Whatever happens at the provider, in whatever order and paging: the rows are the address book.

The address book here is a plain dictionary. Each rule changes it and remembers what a provider would say about the
change; `sync` hands that over in pages of random size, and `relist` lists everything as after a forgotten cursor.
"""

from dataclasses import replace
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from contacts.models import Contact, ContactFolder
from contacts.sync import ContactsFeed
from integrations.models import Connection
from integrations.remote import Delta, RemoteContact, RemoteEmail, RemoteFolder, RemoteNumber, RemoteRef
from organizations.models import Organization, User

FOLDERS = ("a", "b", "c", "d")
names = st.sampled_from(["Ada", "Émile", "王小明", "", "x" * 400, "N\x00ul"])
numbers = st.lists(st.sampled_from(["030 1234567", "+1 202 555 0123", "4711", "none", ""]), max_size=3)
memberships = st.sets(st.sampled_from(FOLDERS))
versions = count()


def make_contact(
    remote_id: str, name: str, values: list[str], folders: set[str], *, previous: tuple[str, ...] = ()
) -> RemoteContact:
    return RemoteContact(
        RemoteRef(remote_id, version=f"v{next(versions)}"),
        folders=tuple(sorted(folders)),
        display_name=name,
        emails=(RemoteEmail("one@example.test"),),
        numbers=tuple(RemoteNumber(one) for one in values),
        previous_ids=previous,
    )


class AddressBook(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        organization = Organization.objects.create(name="Northwind", default_region="DE")
        user = User.objects.create_user(f"p{organization.pk}@northwind.example")
        user.membership = organization.memberships.create(user=user)
        self.connection = Connection(user=user, provider="google", mailbox=user.email, contacts_read=True)
        self.connection.credentials = {}
        self.connection.save()
        self.feed = ContactsFeed()
        self.serial = count()
        self.book: dict[str, RemoteContact] = {}
        self.folders: dict[str, RemoteFolder] = {}
        self.told: dict[str, RemoteContact | None] = {}
        """What the next sync says of each id, in the order of the last change; None: gone."""
        self.pks: dict[str, int] = {}
        """The row each contact had when it was last in step, by its id of today."""
        self.in_step = True

    def teardown(self) -> None:
        # Every example shares the test's transaction; none may see another's rows.
        self.connection.user.organization.delete()
        self.connection.user.delete()

    def tell(self, remote_id: str, contact: RemoteContact | None) -> None:
        self.told.pop(remote_id, None)
        self.told[remote_id] = contact
        self.in_step = False

    def put(self, contact: RemoteContact) -> None:
        self.book[contact.ref.id] = contact
        self.tell(contact.ref.id, contact)
        # That a former id is gone is never told before who has it now: the row could not follow.
        for former in contact.previous_ids:
            if former in self.told:
                self.tell(former, None)

    @rule(target=ids, name=names, values=numbers, folders=memberships)
    def add(self, name: str, values: list[str], folders: set[str]) -> str:
        remote_id = f"people/c{next(self.serial)}"
        self.put(make_contact(remote_id, name, values, folders))
        return remote_id

    @rule(remote_id=ids, name=names, values=numbers, folders=memberships)
    def change(self, remote_id: str, name: str, values: list[str], folders: set[str]) -> None:
        self.put(make_contact(remote_id, name, values, folders, previous=self.book[remote_id].previous_ids))

    @rule(remote_id=consumes(ids))
    def delete(self, remote_id: str) -> None:
        # Its former ids go with it: what was merged into it and not synced since is gone, too.
        for one in (remote_id, *self.book.pop(remote_id).previous_ids):
            self.tell(one, None)

    @rule(target=ids, remote_id=consumes(ids), says_gone=st.booleans())
    def rename(self, remote_id: str, says_gone: bool) -> str:
        old = self.book.pop(remote_id)
        new = f"people/c{next(self.serial)}"
        # Until it is synced, a contact renamed twice names all its former ids.
        previous = (remote_id, *old.previous_ids)
        self.told.pop(remote_id, None)
        self.put(
            make_contact(new, old.display_name, [one.value for one in old.numbers], set(old.folders), previous=previous)
        )
        if says_gone:
            self.tell(remote_id, None)
        if remote_id in self.pks:
            self.pks[new] = self.pks.pop(remote_id)
        return new

    @rule(target=ids, kept=consumes(ids), other=consumes(ids))
    def merge(self, kept: str, other: str) -> str:
        winner, loser = self.book[kept], self.book.pop(other)
        self.told.pop(other, None)
        self.pks.pop(other, None)
        self.put(
            make_contact(
                kept,
                winner.display_name,
                [one.value for one in (*winner.numbers, *loser.numbers)],
                {*winner.folders, *loser.folders},
                previous=(*winner.previous_ids, other, *loser.previous_ids),
            )
        )
        return kept

    @rule(folder=st.sampled_from(FOLDERS), name=names, parent=st.sampled_from(("", *FOLDERS)))
    def put_folder(self, folder: str, name: str, parent: str) -> None:
        self.folders[folder] = RemoteFolder(folder, name, parent=parent)
        self.in_step = False

    @rule(folder=st.sampled_from(FOLDERS))
    def drop_folder(self, folder: str) -> None:
        self.folders.pop(folder, None)
        self.in_step = False

    @rule(size=st.integers(1, 4), repeated=st.booleans())
    def sync(self, size: int, repeated: bool) -> None:
        """Everything told since last time, in pages; a worker killed before the cursor has them all again."""
        for _ in range(2 if repeated else 1):
            told = list(self.told.items())
            self.page(folders=True)
            for start in range(0, len(told), size):
                part = told[start : start + size]
                self.page(*(one for _, one in part if one), gone=tuple(remote_id for remote_id, one in part if not one))
        self.settled()

    @rule(size=st.integers(1, 4), order=st.randoms(use_true_random=False))
    def relist(self, size: int, order: Random) -> None:
        # Former ids are told in a sync only, so a contact renamed since then comes as a new one.
        held = set(self.feed.held(self.connection))
        self.pks = {remote_id: pk for remote_id, pk in self.pks.items() if remote_id in held}
        contacts = [replace(one, previous_ids=()) for one in self.book.values()]
        order.shuffle(contacts)
        self.page(folders=True)
        for start in range(0, len(contacts), size):
            self.page(*contacts[start : start + size])
        self.feed.discard(
            self.connection, [remote_id for remote_id in self.feed.held(self.connection) if remote_id not in self.book]
        )
        self.settled()

    def page(self, *contacts: RemoteContact, gone: tuple[str, ...] = (), folders: bool = False) -> None:
        listed = tuple(self.folders.values()) if folders else None
        self.feed.apply(self.connection, Delta(changed=contacts, gone=gone, folders=listed))

    def settled(self) -> None:
        self.told.clear()
        self.in_step = True
        # Former ids are told once.
        self.book = {remote_id: replace(contact, previous_ids=()) for remote_id, contact in self.book.items()}

    @invariant()
    def the_rows_are_the_book(self) -> None:
        if not self.in_step:
            return
        rows = {one.remote_id: one for one in Contact.objects.filter(connection=self.connection)}
        assert rows.keys() == self.book.keys()
        listed = ContactFolder.objects.filter(connection=self.connection, is_listed=True)
        assert {one.remote_id: one.parent_remote_id for one in listed} == {
            one.id: one.parent for one in self.folders.values()
        }
        for remote_id, contact in self.book.items():
            row = rows[remote_id]
            assert row.version == contact.ref.version
            assert [one.value for one in row.numbers.all()] == [one.value for one in contact.numbers if one.value]
            assert [one.position for one in row.numbers.all()] == list(range(row.numbers.count()))
            assert {one.remote_id for one in row.folders.all()} == set(contact.folders)
            assert {one.remote_id for one in row.folders.filter(is_listed=True)} == set(contact.folders) & set(
                self.folders
            )
            assert self.pks.setdefault(remote_id, row.pk) == row.pk
        assert self.feed.count(self.connection) == len(self.book)


AddressBook.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.django_db
class TestAddressBook(AddressBook.TestCase):
    pass
