"""Whose number is it? A person's contacts, as the phone pages ask for them. See phone.callers.CallerBook."""

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import NamedTuple

from django.db.models import QuerySet
from django.urls import reverse

from contacts.filters import region_of
from contacts.models import Contact, ContactNumber
from contacts.ways import find_ways
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.permissions import Permission
from organizations.models import User
from phone.callers import Caller, ContactWays

MOST_OTHERS = 3
"""Names of further contacts that are said; a line has no room for a whole department behind one number."""


class Match(NamedTuple):
    number: ContactNumber
    contact: Contact

    def rank(self) -> tuple[str, bool, str, int, int]:
        """By number; then, as an extension is somebody's behind the number that calls, whoever has it without one
        first; then as the list is ordered."""
        number, contact = self
        return number.e164, bool(number.extension), contact.sort_name, contact.pk, number.position


class ContactBook:
    """The person's own contacts, where they may be read now; nobody's else."""

    def find_callers(self, user: User, e164s: Collection[str]) -> Mapping[str, Caller]:
        """Of several contacts with a number, one that has it without an extension; then the first of the list."""
        wanted = sorted({one for one in e164s if one})
        connection = _find_readable(user) if wanted else None
        if connection is None:
            return {}
        numbers = list(match_numbers(connection, wanted))
        # By itself: of a join PostgreSQL expects far more in an address book of many, and reads it all.
        contacts = Contact.objects.only("display_name", "sort_name").in_bulk({one.contact_id for one in numbers})
        found = [Match(one, contacts[one.contact_id]) for one in numbers if one.contact_id in contacts]
        found.sort(key=Match.rank)
        return {e164: _describe(list(same)) for e164, same in groupby(found, key=lambda one: one.number.e164)}

    def find_numbers(self, user: User, text: str) -> QuerySet[ContactNumber, str] | None:
        connection = _find_readable(user) if text.strip() else None
        if connection is None:
            return None
        contacts = Contact.objects.of(connection).search(text, region=region_of(user))
        numbers = ContactNumber.objects.filter(connection=connection, contact__in=contacts.order_by().values("pk"))
        return numbers.exclude(e164="").order_by().values_list("e164", flat=True)

    def find_ways(self, user: User) -> ContactWays:
        return find_ways(user)


def match_numbers(connection: Connection, e164s: Collection[str]) -> QuerySet[ContactNumber]:
    """These numbers in this address book, in no order."""
    return ContactNumber.objects.filter(connection=connection, e164__in=e164s).order_by()


def _find_readable(user: User) -> Connection | None:
    connection = find_connection(user)
    return connection if connection is not None and connection.may(Permission.CONTACTS_READ) else None


def _describe(matches: list[Match]) -> Caller:
    """`matches`: all of one number, the best first."""
    best = matches[0]
    others = {one.contact.pk: one.contact.name for one in matches if one.contact != best.contact}
    names = list(others.values())
    if len(names) > MOST_OTHERS:
        names[MOST_OTHERS:] = [f"{len(names) - MOST_OTHERS} more"]
    return Caller(
        name=best.contact.name,
        url=reverse("contacts:show", args=[best.contact.pk]),
        kind=best.number.kind_label,
        written=best.number.value,
        others=tuple(names),
    )
