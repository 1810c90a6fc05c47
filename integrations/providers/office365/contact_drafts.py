"""Contacts as Graph takes them: a whole one, or one more number. Pure.

Graph knows three kinds of numbers, and refuses more of one kind than an Outlook contact has room for.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/contact and
https://github.com/microsoftgraph/microsoft-graph-docs/issues/15276 (how many of each)
"""

from typing import Any

from integrations.errors import Rejected
from integrations.providers.base import NumberType
from integrations.providers.numbers import get_type
from integrations.providers.office365.payloads import KEY_PROPERTY
from integrations.providers.places import check_places
from integrations.remote import ContactDraft, NumberKind, RemoteNumber

Json = dict[str, Any]

NUMBER_TYPES = (
    NumberType("mobilePhone", "Mobile", NumberKind.MOBILE),
    NumberType("businessPhones", "Business", NumberKind.WORK),
    NumberType("homePhones", "Home", NumberKind.HOME),
)
"""Their keys are Graph's properties."""
MOST_EMAILS = 3
TOO_MANY_EMAILS = f"Outlook keeps {MOST_EMAILS} e-mail addresses of a contact. Leave some out."
_PLACES = {"mobilePhone": 1, "businessPhones": 2, "homePhones": 2}
_SERVICE = "Outlook"


def dump_new(draft: ContactDraft, *, key: str) -> Json:
    """A contact to be made, named and filed as Outlook does it: "Ines Ferreira", below "Ferreira, Ines".

    Raises:
        Rejected: Outlook would not take it.
    """
    if len(draft.emails) > MOST_EMAILS:
        raise Rejected(TOO_MANY_EMAILS, detail=f"{len(draft.emails)} addresses")
    check_places(
        [get_type(one, NUMBER_TYPES) for one in draft.numbers], types=NUMBER_TYPES, places=_PLACES, service=_SERVICE
    )
    name = " ".join(part for part in (draft.given_name, draft.family_name) if part)
    filed = ", ".join(part for part in (draft.family_name, draft.given_name) if part)
    other = draft.organization or next((one.address for one in draft.emails), "")
    other = other or next((one.value for one in draft.numbers), "")
    contact: Json = {
        "givenName": draft.given_name,
        "surname": draft.family_name,
        "displayName": name or other,
        "fileAs": filed or other,
        "companyName": draft.organization,
        "emailAddresses": [{"address": one.address, "name": name or one.address} for one in draft.emails],
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": key}],
    }
    for number in draft.numbers:
        contact |= _add(contact, number)
    return contact


def dump_number(item: Json, number: RemoteNumber) -> Json:
    """What has to be written so that a contact has one more number. `item`: the contact as Graph has it.

    Its name goes along, because Graph may make up another one wherever it is left out.

    Reference: https://learn.microsoft.com/en-us/graph/api/contact-update

    Raises:
        Rejected: there is no such type, or no place for another number of it.
    """
    wanted = get_type(number, NUMBER_TYPES)
    taken = [one.key for one in NUMBER_TYPES for _ in _numbers_of(item, one.key)]
    check_places([wanted], taken, types=NUMBER_TYPES, places=_PLACES, service=_SERVICE)
    name = item.get("displayName")
    return _add(item, number) | ({"displayName": name} if name else {})


def _add(item: Json, number: RemoteNumber) -> Json:
    """The property of a number with this one in it: all of a list, since Graph replaces it."""
    if _PLACES[number.label] == 1:
        return {number.label: number.value}
    return {number.label: [*_numbers_of(item, number.label), number.value]}


def _numbers_of(item: Json, name: str) -> list[str]:
    found = item.get(name) or ()
    return [one for one in ([found] if isinstance(found, str) else found) if one]
