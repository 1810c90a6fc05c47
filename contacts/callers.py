"""Whose number is it? A person's contacts, as the phone pages ask for them. See phone.callers.CallerBook."""

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby

from django.db.models import Q, QuerySet
from django.urls import reverse

from contacts.filters import region_of
from contacts.models import Contact, ContactNumber
from contacts.names import NO_NAME
from contacts.ways import find_ways
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.permissions import Permission
from organizations.models import User
from phone.callers import Caller, ContactWays

MOST_OTHERS = 3
"""Names of further contacts that are said; a line has no room for a whole department behind one number."""

HAS_E164 = ~Q(e164="")
"""In the words of the index, without which SQLite does not use it."""


class ContactBook:
    """The person's own contacts, where they may be read now; nobody's else."""

    def find_callers(self, user: User, e164s: Collection[str]) -> Mapping[str, Caller]:
        """Of several contacts with a number, one that has it without an extension; then the first of the list.

        An extension is somebody's behind the number that calls, so whoever has it as their own is the likelier one.
        """
        wanted = sorted({one for one in e164s if one})
        connection = _find_readable(user) if wanted else None
        if connection is None:
            return {}
        found = sorted(
            match_numbers(connection, wanted),
            key=lambda one: (one.e164, bool(one.extension), one.contact.sort_name, one.contact_id, one.position),
        )
        return {e164: _describe(list(same)) for e164, same in groupby(found, key=lambda one: one.e164)}

    def find_numbers(self, user: User, text: str) -> QuerySet[ContactNumber, str] | None:
        connection = _find_readable(user) if text.strip() else None
        if connection is None:
            return None
        contacts = Contact.objects.of(connection).search(text, region=region_of(user))
        numbers = ContactNumber.objects.filter(HAS_E164, contact__in=contacts.order_by().values("pk"))
        return numbers.order_by().values_list("e164", flat=True)

    def find_ways(self, user: User) -> ContactWays:
        return find_ways(user)


def match_numbers(connection: Connection, e164s: Collection[str]) -> QuerySet[ContactNumber]:
    """These numbers in these contacts, each with its contact, in no order."""
    rows = ContactNumber.objects.filter(HAS_E164, e164__in=e164s, contact__connection=connection)
    fields = ("value", "e164", "extension", "kind", "label", "contact__display_name", "contact__sort_name")
    return rows.order_by().select_related("contact").only("position", *fields)


def _find_readable(user: User) -> Connection | None:
    connection = find_connection(user)
    return connection if connection is not None and connection.may(Permission.CONTACTS_READ) else None


def _describe(numbers: list[ContactNumber]) -> Caller:
    """`numbers`: all rows with one number, the best first."""
    best = numbers[0]
    return Caller(
        name=best.contact.name,
        url=reverse("contacts:show", args=[best.contact_id]),
        kind=best.kind_label,
        written=best.value,
        others=_name_others(best, numbers),
    )


def _name_others(best: ContactNumber, numbers: Iterable[ContactNumber]) -> tuple[str, ...]:
    others = {
        one.contact_id: one.contact.display_name or NO_NAME for one in numbers if one.contact_id != best.contact_id
    }
    names = list(others.values())
    if len(names) <= MOST_OTHERS:
        return tuple(names)
    return (*names[:MOST_OTHERS], f"{len(names) - MOST_OTHERS} more")
