"""Where contact rows are made: one page of an address book → rows, in bulk. Never talks to the network.

Versions are compared first, so an unchanged page writes nothing. A contact that the provider renamed or merged keeps
its row. Providers never give an id to another contact, so an id both changed and gone in one page is gone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta

from contacts import queueing
from contacts.expected import Expected
from contacts.models import Contact, ContactFolder, ContactNumber, ContactWrite, Filing
from contacts.names import clean_line
from contacts.rows import (
    BATCH,
    FOLDER_COLUMNS,
    LINE,
    Held,
    delete_bare,
    delete_contacts,
    find_held,
    is_id,
    region_of,
    stamp_of,
    write_contacts,
)
from integrations.models import Connection
from integrations.outgoing import is_signed_in_anew
from integrations.permissions import Permission
from integrations.providers.base import Account
from integrations.pulling import Counts, Writing
from integrations.remote import Delta, RemoteContact, RemoteFolder, Window
from integrations.upserting import upsert


class ContactsFeed:
    """An address book, as the engine reads it: one container, whatever folders are in it. See pulling.Feed."""

    permission = Permission.CONTACTS_READ
    relist_after = timedelta(days=5)
    """With the engine's share of a quarter still under the seven days after which Google forgets a sync token."""

    def prepare(self, account: Account, connection: Connection, *, writing: Writing) -> list[str]:
        if is_signed_in_anew(connection):
            with writing():
                queueing.take_up_again(connection)
        return []

    def containers(self, connection: Connection) -> list[str]:
        return [""]

    def names(self, connection: Connection) -> Mapping[str, str]:
        return {}

    def changes(
        self, account: Account, cursor: str | None, window: Window, container: str = ""
    ) -> Iterator[Delta[RemoteContact]]:
        return account.contacts.changes(cursor)

    def apply(self, connection: Connection, delta: Delta[RemoteContact], container: str = "") -> Counts:
        counts = Counts()
        if delta.folders is not None:
            apply_folders(connection, delta.folders)
        gone = {one for one in delta.gone if is_id(one)}
        records: dict[str, RemoteContact] = {}
        previous: set[str] = set()
        for record in delta.changed:
            remote_id = record.ref.id
            if not is_id(remote_id):
                counts.notes.append("contacts: one was left out, because the provider gave it an id we cannot keep")
            elif remote_id not in gone:
                records[remote_id] = record
                previous.update(filter(is_id, record.previous_ids))
        held = find_held(connection, {*records, *gone, *previous})
        expected = Expected(connection)

        doomed = _rename(records, held, expected)
        expected.adopt(records, held)
        doomed += [held.pop(remote_id).pk for remote_id in gone if remote_id in held]
        if doomed:
            counts.removed = delete_contacts(doomed)

        region = region_of(connection)
        changed: dict[str, RemoteContact] = {}
        stamps: dict[str, str] = {}
        for remote_id, record in records.items():
            stamp = stamp_of(record, region)
            if remote_id not in held or held[remote_id].stamp != stamp:
                changed[remote_id], stamps[remote_id] = record, stamp
        if changed:
            counts.changed = sum(remote_id in held for remote_id in changed)
            counts.added = len(changed) - counts.changed
            write_contacts(connection, changed, stamps, held, region)
            expected.keep_numbers(changed)
        return counts

    def count(self, connection: Connection, container: str | None = None) -> int:
        return Contact.objects.filter(connection=connection).saved().count()

    def count_unsaved(self, connection: Connection) -> int:
        return ContactWrite.objects.open().filter(connection=connection).count()

    def held(self, connection: Connection, container: str = "") -> Iterator[str]:
        saved = Contact.objects.filter(connection=connection).saved()
        return saved.values_list("remote_id", flat=True).iterator(BATCH)

    def discard(self, connection: Connection, remote_ids: Collection[str], container: str = "") -> int:
        return delete_contacts([one.pk for one in find_held(connection, remote_ids).values()])

    def lose(self, connection: Connection, container: str) -> int:
        return self.erase(connection)

    def erase(self, connection: Connection, container: str | None = None) -> int:
        """Contacts, numbers, folders, and what is on its way. Returns how many contacts there were."""
        saved = self.count(connection)
        ContactWrite.objects.filter(connection=connection).delete()
        ContactNumber.objects.filter(contact__connection=connection).delete()
        Filing.objects.filter(folder__connection=connection).delete()
        delete_bare(Contact.objects.filter(connection=connection))
        delete_bare(ContactFolder.objects.filter(connection=connection))
        return saved


def apply_folders(connection: Connection, folders: Iterable[RemoteFolder]) -> None:
    """Make our folders those of the list. What is not in it is hidden, and deleted once no contact is in it."""
    held = {one.remote_id: one for one in ContactFolder.objects.filter(connection=connection)}
    listed: dict[str, tuple[object, ...]] = {}
    for position, folder in enumerate(folders):
        if is_id(folder.id):
            parent = folder.parent if is_id(folder.parent) else ""
            name = clean_line(folder.name, LINE)
            listed[folder.id] = (name, parent, position, folder.is_default, folder.is_writable, True)
    rows = [
        (connection.pk, remote_id, *values)
        for remote_id, values in listed.items()
        if remote_id not in held or values != _values_of(held[remote_id])
    ]
    upsert(ContactFolder, FOLDER_COLUMNS, rows, key=("connection", "remote_id"))
    vanished = [one.pk for remote_id, one in held.items() if remote_id not in listed]
    if vanished:
        ContactFolder.objects.filter(pk__in=vanished, filings__isnull=True).delete()
        ContactFolder.objects.filter(pk__in=vanished, is_listed=True).update(is_listed=False)


def _values_of(folder: ContactFolder) -> tuple[object, ...]:
    return (
        folder.name,
        folder.parent_remote_id,
        folder.position,
        folder.is_default,
        folder.is_writable,
        folder.is_listed,
    )


def _rename(records: dict[str, RemoteContact], held: dict[str, Held], expected: Expected) -> list[int]:
    """Give rows known under a previous id their new one; `held` follows. Returns the rows merged into another."""
    merged: list[int] = []
    for remote_id, record in records.items():
        for old in record.previous_ids:
            if old not in held or old in records:
                continue
            row = held.pop(old)
            expected.rename(old, remote_id)
            if remote_id in held:
                merged.append(row.pk)
            else:
                Contact.objects.filter(pk=row.pk).update(remote_id=remote_id)
                held[remote_id] = Held(row.pk, "")
    return merged
