"""What a contact is as rows, and writing them in bulk: whatever brings it, sync or what was just asked for here."""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
from django.db.models import QuerySet

from contacts.models import Contact, ContactFolder, ContactNumber, Filing
from contacts.names import clean_line, clean_lines, find_name, fold, is_keepable, sort_name_of
from contacts.writing_models import PENDING
from integrations.models import Connection
from integrations.numbers import find_digits, parse_number
from integrations.remote import RemoteContact
from integrations.upserting import upsert

RULES = "1"
"""Goes up when rows come out otherwise for the same contact: the next complete listing then makes them anew."""

LINE = 300
LONGEST_NOTE = 100_000
LONGEST_ADDRESS = 2_000
LONGEST_SEARCH_TEXT = 20_000
MOST_PARTS = 100
"""E-mail addresses, numbers and postal addresses of one contact that are kept, each."""
LONGEST_ID = 512
LONGEST_VERSION = 255
BATCH = 2_000
"""Ids in one query: databases limit its parameters."""

CONTACT_COLUMNS = (
    "connection_id",
    "remote_id",
    "version",
    "stamp",
    "given_name",
    "family_name",
    "display_name",
    "sort_name",
    "organization",
    "title",
    "emails_json",
    "search_text",
    "addresses_json",
    "note",
)
NUMBER_COLUMNS = ("contact_id", "connection_id", "position", "value", "e164", "extension", "kind", "label", "problem")
FOLDER_COLUMNS = (
    "connection_id",
    "remote_id",
    "name",
    "parent_remote_id",
    "position",
    "is_default",
    "is_writable",
    "is_listed",
)

NumberValues = tuple[int, str, str, str, str, str, str]
"""Of one number: NUMBER_COLUMNS without whose it is."""


class Held(NamedTuple):
    """What a page must know of a row that is there."""

    pk: int
    stamp: str


def find_held(connection: Connection, remote_ids: Collection[str]) -> dict[str, Held]:
    """Rows by remote id, of those that are there."""
    wanted = list(remote_ids)
    found: dict[str, Held] = {}
    for start in range(0, len(wanted), BATCH):
        rows = Contact.objects.filter(connection=connection, remote_id__in=wanted[start : start + BATCH])
        found.update(
            (remote_id, Held(pk, stamp)) for remote_id, pk, stamp in rows.values_list("remote_id", "pk", "stamp")
        )
    return found


def delete_contacts(pks: Sequence[int]) -> int:
    """Delete contacts with all that hangs on them. Returns how many contacts there were."""
    deleted = 0
    for start in range(0, len(pks), BATCH):
        batch = pks[start : start + BATCH]
        ContactNumber.objects.filter(contact__in=batch).delete()
        Filing.objects.filter(contact__in=batch).delete()
        deleted += delete_bare(Contact.objects.filter(pk__in=batch))
    return deleted


def delete_bare(rows: QuerySet[Any]) -> int:
    """Delete rows whose children are gone, in one statement: Django's own delete() first loads every one of them."""
    return rows._raw_delete(rows.db)


def is_id(remote_id: str) -> bool:
    """Whether we can keep this id. A shortened one would be another contact's, one with our own mark would be ours."""
    return 0 < len(remote_id) <= LONGEST_ID and is_keepable(remote_id) and not remote_id.startswith(PENDING)


def write_contacts(
    connection: Connection,
    changed: dict[str, RemoteContact],
    stamps: dict[str, str],
    held: dict[str, Held],
    region: str,
) -> None:
    numbers: dict[str, list[NumberValues]] = {}
    rows = []
    for remote_id, record in changed.items():
        numbers[remote_id] = found = read_numbers(record, region)
        rows.append((connection.pk, remote_id, *_values_of_contact(record, stamps[remote_id], found)))
    # New rows get greater keys than any before, and nobody else writes this connection's: no need to name them all.
    newest = Contact.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    upsert(Contact, CONTACT_COLUMNS, rows, key=("connection", "remote_id"))
    pks = dict(Contact.objects.filter(connection=connection, pk__gt=newest).values_list("remote_id", "pk"))
    pks |= {remote_id: held[remote_id].pk for remote_id in changed if remote_id in held}
    before = {held[remote_id].pk for remote_id in changed if remote_id in held}
    _write_numbers(connection, {pks[remote_id]: found for remote_id, found in numbers.items()}, before)
    _write_filings(connection, {pks[remote_id]: record.folders for remote_id, record in changed.items()}, before)


def _write_numbers(connection: Connection, wanted: dict[int, list[NumberValues]], before: set[int]) -> None:
    """`before`: the contacts that had a row before. A number that stays as it is keeps its row."""
    held: dict[int, list[NumberValues]] = {pk: [] for pk in before}
    for start in range(0, len(batches := sorted(before)), BATCH):
        rows = ContactNumber.objects.filter(contact__in=batches[start : start + BATCH]).order_by("contact", "position")
        for contact, _, *values in rows.values_list(*NUMBER_COLUMNS):
            held[contact].append(tuple(values))
    stale = [pk for pk, values in held.items() if values and values != wanted[pk]]
    for start in range(0, len(stale), BATCH):
        ContactNumber.objects.filter(contact__in=stale[start : start + BATCH]).delete()
    rows_ = [(pk, connection.pk, *values) for pk, found in wanted.items() if held.get(pk) != found for values in found]
    upsert(ContactNumber, NUMBER_COLUMNS, rows_, key=("contact", "position"))


def _write_filings(connection: Connection, wanted: dict[int, tuple[str, ...]], before: set[int]) -> None:
    folders = _find_folders(connection, set(filter(is_id, {one for ids in wanted.values() for one in ids})))
    filings = {(pk, folders[one]) for pk, ids in wanted.items() for one in ids if one in folders}
    stale: list[int] = []
    for start in range(0, len(batches := sorted(before)), BATCH):
        rows = Filing.objects.filter(contact__in=batches[start : start + BATCH])
        for pk, contact, folder in rows.values_list("pk", "contact_id", "folder_id"):
            if (contact, folder) in filings:
                filings.discard((contact, folder))
            else:
                stale.append(pk)
    for start in range(0, len(stale), BATCH):
        Filing.objects.filter(pk__in=stale[start : start + BATCH]).delete()
    upsert(Filing, ("contact_id", "folder_id"), sorted(filings), key=("folder", "contact"))


def _find_folders(connection: Connection, remote_ids: set[str]) -> dict[str, int]:
    """Keys of folders by remote id. One that was never listed gets a row, which pages do not show until it is."""
    if not remote_ids:
        return {}
    folders = ContactFolder.objects.filter(connection=connection)
    found = dict(folders.values_list("remote_id", "pk"))
    if unknown := sorted(remote_ids - found.keys()):
        rows = [(connection.pk, remote_id, "", "", 0, False, False, False) for remote_id in unknown]
        upsert(ContactFolder, FOLDER_COLUMNS, rows, key=("connection", "remote_id"))
        found = dict(folders.values_list("remote_id", "pk"))
    return found


def _values_of_contact(record: RemoteContact, stamp: str, numbers: list[NumberValues]) -> tuple[str, ...]:
    """CONTACT_COLUMNS from the version on."""
    name = find_name(record, limit=LINE)
    given, family = clean_line(record.given_name, LINE), clean_line(record.family_name, LINE)
    organization, title = clean_line(record.organization, LINE), clean_line(record.title, LINE)
    emails = [
        {"address": address, "label": clean_line(one.label, 100)}
        for one in record.emails[:MOST_PARTS]
        if (address := clean_line(one.address, LINE))
    ]
    addresses = [address for one in record.addresses[:MOST_PARTS] if (address := clean_lines(one, LONGEST_ADDRESS))]
    words = [name, given, family, organization, title, *(one["address"] for one in emails)]
    for _, value, e164, *_ in numbers:
        words.append(e164[1:] if e164 else f"{value}\n{find_digits(value)}")
    return (
        record.ref.version if _is_version(record.ref.version) else "",
        stamp,
        given,
        family,
        name,
        sort_name_of(name),
        organization,
        title,
        orjson.dumps(emails).decode() if emails else "[]",
        fold("\n".join(words))[:LONGEST_SEARCH_TEXT],
        orjson.dumps(addresses).decode() if addresses else "[]",
        clean_lines(record.note, LONGEST_NOTE) if record.note else "",
    )


def read_numbers(record: RemoteContact, region: str) -> list[NumberValues]:
    found: list[NumberValues] = []
    for one in record.numbers[:MOST_PARTS]:
        if value := clean_line(one.value or one.e164, LINE):
            _, e164, extension, reason = parse_number(value, region, e164=one.e164)
            label = clean_line(one.label, 100)
            # `_value_`, not `value`: a plain attribute, where the other is a descriptor that costs as much as the rest.
            found.append((len(found), value, e164 or "", extension[:20], one.kind._value_, label, reason))
    return found


def _is_version(version: str) -> bool:
    return 0 < len(version) <= LONGEST_VERSION and is_keepable(version)


def stamp_of(record: RemoteContact, region: str) -> str:
    """Equal stamps mean equal rows: the provider's version, or the content where it gives none, and how it was read."""
    version = record.ref.version
    if not _is_version(version):
        version = blake2b(repr(record).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
    return f"{RULES}{region} {version}"


def region_of(connection: Connection) -> str:
    organization = connection.user.organization
    return organization.default_region.upper() if organization else ""
