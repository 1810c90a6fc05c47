"""A reader's contacts as files: every one the list would show, read and written a few hundred at a time."""

from collections.abc import Iterator

from django.db.models import Prefetch

from contacts.models import Contact, ContactFolder, ContactNumber, ContactQuerySet
from contacts.vcards import dump_vcard

HEADER = (
    "Name", "Given name", "Family name", "Organization", "Title", "E-mail addresses", "Phone numbers",
    "Phone numbers as they stand", "Addresses", "Folders", "Note",
)  # fmt: skip
AT_ONCE = 500


def list_rows(contacts: ContactQuerySet) -> Iterator[list[str]]:
    """A line for each, of what there may be several in one cell. Begins with the kind, which no program computes."""
    for one in walk(contacts):
        numbers = list(one.numbers.all())
        yield [
            one.name,
            one.given_name,
            one.family_name,
            one.organization,
            one.title,
            _list(email.address for email in one.emails),
            _list(f"{number.kind_label}: {_write(number)}" for number in numbers if number.e164),
            _list(f"{number.kind_label}: {number.value}" for number in numbers),
            "\n\n".join(one.addresses),
            _list(folder.label for folder in one.folders.all()),
            one.note,
        ]


def list_vcards(contacts: ContactQuerySet) -> Iterator[str]:
    return map(dump_vcard, walk(contacts))


def walk(contacts: ContactQuerySet) -> Iterator[Contact]:
    """By name, each with its numbers and the folders that the provider lists."""
    folders = Prefetch("folders", ContactFolder.objects.filter(is_listed=True))
    whole = contacts.by_name().defer("search_text", "stamp").prefetch_related("numbers", folders)
    return whole.iterator(chunk_size=AT_ONCE)


def _write(number: ContactNumber) -> str:
    return f"{number.e164} ext. {number.extension}" if number.extension else number.e164


def _list(parts: Iterator[str]) -> str:
    return "; ".join(parts)
