"""The four permissions a person can give, and the one law between them: a write needs its read."""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    CALENDAR_READ = "calendar_read"
    CALENDAR_WRITE = "calendar_write"
    CONTACTS_READ = "contacts_read"
    CONTACTS_WRITE = "contacts_write"

    @property
    def label(self) -> str:
        """The words of the box, as every page shows them."""
        return LABELS[self]

    @property
    def sentence(self) -> str:
        """What ticking the box allows Portico to do."""
        return SENTENCES[self]


READ_OF = {
    Permission.CALENDAR_WRITE: Permission.CALENDAR_READ,
    Permission.CONTACTS_WRITE: Permission.CONTACTS_READ,
}
LABELS = {
    Permission.CALENDAR_READ: "Calendar read",
    Permission.CALENDAR_WRITE: "Calendar write",
    Permission.CONTACTS_READ: "Contacts read",
    Permission.CONTACTS_WRITE: "Contacts write",
}
SENTENCES = {
    Permission.CALENDAR_READ: "See your calendar events on the Meetings page and find their join links.",
    Permission.CALENDAR_WRITE: "Put meetings you schedule here into your calendar, and change or remove them there.",
    Permission.CONTACTS_READ: "Show your contacts here, in the folders you keep them in.",
    Permission.CONTACTS_WRITE: "Save contacts you create or edit here to your address book.",
}

Permissions = frozenset[Permission]
NONE: Permissions = frozenset()
ALL: Permissions = frozenset(Permission)


def with_reads(permissions: Iterable[Permission]) -> Permissions:
    """The smallest lawful set that holds all of these: each write brings its read."""
    given = frozenset(permissions)
    return given | {READ_OF[one] for one in given if one in READ_OF}


def without_orphans(permissions: Iterable[Permission]) -> Permissions:
    """The largest lawful set inside these: a write without its read is dropped."""
    given = frozenset(permissions)
    return frozenset(one for one in given if READ_OF.get(one, one) in given)


def parse_permissions(values: Iterable[str]) -> Permissions:
    """Permissions of their stored or posted names.

    Raises:
        ValueError: a name that is none of the four.
    """
    return frozenset(Permission(value) for value in values)


def dump_permissions(permissions: Iterable[Permission]) -> list[str]:
    """Names in the fixed order of the four, for storage and display."""
    given = frozenset(permissions)
    return [one.value for one in Permission if one in given]
