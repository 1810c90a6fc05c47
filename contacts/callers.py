"""Whose number is it? A person's contacts, as the phone pages ask for them. See phone.callers.CallerBook."""

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
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
            key=lambda one: (one.e164, bool(one.extension), one.sort_name, one.contact_id, one.position),
        )
        return {e164: _describe(list(same)) for e164, same in groupby(found, key=lambda one: one.e164)}

    def find_numbers(self, user: User, text: str) -> QuerySet[ContactNumber, str] | None:
        connection = _find_readable(user) if text.strip() else None
        if connection is None:
            return None
        contacts = Contact.objects.of(connection).search(text, region=region_of(user))
        numbers = ContactNumber.objects.filter(connection=connection, contact__in=contacts.order_by().values("pk"))
        return numbers.exclude(e164="").order_by().values_list("e164", flat=True)

    def find_ways(self, user: User) -> ContactWays:
        return find_ways(user)


def match_numbers(connection: Connection, e164s: Collection[str]) -> QuerySet[Any]:
    """These numbers in these contacts, in no order, each with its contact's `name` and `sort_name`.

    Looked up row by row: PostgreSQL expects far more of a connection with many contacts, and would read them all for
    a join.
    """
    rows = ContactNumber.objects.filter(connection=connection, e164__in=e164s).order_by()
    contact = Contact.objects.filter(pk=OuterRef("contact"))
    return rows.annotate(
        name=Subquery(contact.values("display_name")[:1]), sort_name=Subquery(contact.values("sort_name")[:1])
    )


def _find_readable(user: User) -> Connection | None:
    connection = find_connection(user)
    return connection if connection is not None and connection.may(Permission.CONTACTS_READ) else None


def _describe(numbers: list[Any]) -> Caller:
    """`numbers`: all rows of `match_numbers` with one number, the best first."""
    best = numbers[0]
    return Caller(
        name=best.name or NO_NAME,
        url=reverse("contacts:show", args=[best.contact_id]),
        kind=best.kind_label,
        written=best.value,
        others=_name_others(best, numbers),
    )


def _name_others(best: Any, numbers: Iterable[Any]) -> tuple[str, ...]:
    others = {one.contact_id: one.name or NO_NAME for one in numbers if one.contact_id != best.contact_id}
    names = list(others.values())
    if len(names) <= MOST_OTHERS:
        return tuple(names)
    return (*names[:MOST_OTHERS], f"{len(names) - MOST_OTHERS} more")
