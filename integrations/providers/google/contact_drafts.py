"""Our contacts as Google wants them written. Pure.

Reference: https://developers.google.com/people/api/rest/v1/people
"""

from typing import Any

from integrations.providers.base import NumberType
from integrations.providers.google.people import DEFAULT_GROUP, MARK, NUMBER_KINDS, Json
from integrations.providers.numbers import get_type
from integrations.remote import ContactDraft, NumberKind, RemoteNumber

# As Google's own pages offer them, except for those of the types that they have no words for.
_LABELS = {
    "mobile": "Mobile",
    "work": "Work",
    "home": "Home",
    "main": "Main",
    "workFax": "Work Fax",
    "homeFax": "Home Fax",
    "pager": "Pager",
    "googleVoice": "Google Voice",
    "other": "Other",
}
NUMBER_TYPES = tuple(NumberType(key, label, NUMBER_KINDS.get(key, NumberKind.OTHER)) for key, label in _LABELS.items())


def dump_person(draft: ContactDraft, *, key: str, folder: str = "") -> dict[str, Any]:
    """A new contact with our mark, under a label or under none.

    Google's own pages show only who is in "My contacts", so everybody is put there, under whatever label they are.

    Raises:
        Rejected: a number is of a type that Google does not have.
    """
    name = _without_empty(givenName=draft.given_name, familyName=draft.family_name)
    fields = {
        "names": [name] if name else [],
        "organizations": [{"name": draft.organization}] if draft.organization else [],
        "emailAddresses": [_without_empty(value=one.address, type=one.label) for one in draft.emails],
        "phoneNumbers": [_dump_number(one) for one in draft.numbers],
        "memberships": [
            {"contactGroupMembership": {"contactGroupResourceName": one}}
            for one in dict.fromkeys((DEFAULT_GROUP, folder))
            if one
        ],
        "clientData": [{"key": MARK, "value": key}],
    }
    return {name: entries for name, entries in fields.items() if entries}


def dump_numbers(person: Json, number: RemoteNumber) -> dict[str, Any]:
    """What adds a number to a person as they were read, and says which version of them that was.

    Raises:
        Rejected: it is of a type that Google does not have.
    """
    metadata = person.get("metadata") or {}
    return {
        "etag": person.get("etag", ""),
        "metadata": {"sources": metadata.get("sources") or []},
        "phoneNumbers": [*(person.get("phoneNumbers") or ()), _dump_number(number)],
    }


def _dump_number(number: RemoteNumber) -> dict[str, str]:
    return {"value": number.value, "type": get_type(number, NUMBER_TYPES).key}


def _without_empty(**fields: str) -> dict[str, str]:
    return {name: text for name, text in fields.items() if text}
