"""Google's people and labels and our contacts and folders: pure. As odd items go, and as quick, as in `payloads.py`.

Reference: https://developers.google.com/people/api/rest/v1/people
"""

from collections.abc import Mapping
from typing import Any

from integrations.remote import NumberKind, RemoteContact, RemoteEmail, RemoteFolder, RemoteNumber, RemoteRef

Json = Mapping[str, Any]

PERSON_FIELDS = (
    "names,emailAddresses,phoneNumbers,organizations,addresses,biographies,photos,memberships,clientData,metadata"
)
_PERSON = (
    "resourceName,etag,names(metadata/primary,displayName,givenName,familyName,unstructuredName),"
    "emailAddresses(metadata/primary,value,type,formattedType),"
    "organizations(metadata/primary,name,title),addresses(metadata/primary,formattedValue),"
    "biographies(metadata/primary,value),photos(metadata/primary,url,default),"
    "memberships/contactGroupMembership/contactGroupResourceName,clientData(key,value)"
)
CONNECTION_FIELDS = (
    f"connections({_PERSON},metadata(deleted,previousResourceNames),"
    "phoneNumbers(metadata/primary,value,canonicalForm,type,formattedType)),nextPageToken,nextSyncToken"
)
# Numbers whole: they can only be written all at once, and what is not sent back is lost.
WHOLE_PERSON_FIELDS = f"{_PERSON},metadata,phoneNumbers"
MARK_FIELDS = "connections(resourceName,clientData(key,value))"
MARK = "portico"
"""The key, among a contact's client data, of what we made it with."""
GROUP_FIELDS = "contactGroups(resourceName,groupType,name,formattedName),nextPageToken"

# A name of our own, because an enum member is slow to reach by way of its class.
_OTHER_NUMBER: NumberKind = NumberKind.OTHER
NUMBER_KINDS: dict[str, NumberKind] = {
    "home": NumberKind.HOME,
    "work": NumberKind.WORK,
    "mobile": NumberKind.MOBILE,
    "workMobile": NumberKind.MOBILE,
    "main": NumberKind.MAIN,
    "homeFax": NumberKind.FAX,
    "workFax": NumberKind.FAX,
    "otherFax": NumberKind.FAX,
}
DEFAULT_GROUP = "contactGroups/myContacts"
# Google's other system groups are "all", "blocked" and leftovers of Google+; its own pages do not show them as labels.
_SYSTEM_FOLDERS = {DEFAULT_GROUP, "contactGroups/starred"}
_NOTHING: Json = {}
_TYPED = {"metadata": {"primary": bool}, "type": str, "formattedType": str, "value": str}
PERSON_TYPES: dict[str, Any] = {
    "resourceName": str,
    "etag": str,
    "metadata": {"deleted": bool, "previousResourceNames": [str]},
    "names": [_TYPED | dict.fromkeys(("displayName", "givenName", "familyName", "unstructuredName"), str)],
    "emailAddresses": [_TYPED],
    "phoneNumbers": [_TYPED | {"canonicalForm": str}],
    "organizations": [_TYPED | {"name": str, "title": str}],
    "addresses": [_TYPED | {"formattedValue": str}],
    "biographies": [_TYPED],
    "photos": [_TYPED | {"url": str, "default": bool}],
    "memberships": [{"contactGroupMembership": {"contactGroupResourceName": str}}],
    "clientData": [{"key": str, "value": str}],
}


def is_deleted(person: Json) -> bool:
    metadata = person.get("metadata")
    return isinstance(metadata, dict) and metadata.get("deleted") is True


def parse_gone(person: Json) -> list[str]:
    """Every id a deleted contact had. Without the former ones, what was merged into it just before would stay."""
    former = person["metadata"].get("previousResourceNames")
    return [person["resourceName"], *(one for one in former or () if isinstance(one, str))]


def parse_person(person: Json) -> RemoteContact:
    """One contact, which has a resource name.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    get = person.get
    name = _first(get("names"))
    organization = _first(get("organizations"))
    photo = _first(get("photos"))
    memberships = [one.get("contactGroupMembership") for one in get("memberships") or ()]
    contact = RemoteContact(
        RemoteRef(person["resourceName"], "", get("etag", "")),
        tuple([one["contactGroupResourceName"] for one in memberships if one and "contactGroupResourceName" in one]),
        name.get("givenName", ""),
        name.get("familyName", ""),
        name.get("displayName") or name.get("unstructuredName", ""),
        organization.get("name", ""),
        organization.get("title", ""),
        tuple([RemoteEmail(one["value"], _label(one)) for one in _ordered(get("emailAddresses")) if one.get("value")]),
        tuple([_parse_number(one) for one in _ordered(get("phoneNumbers")) if one.get("value")]),
        tuple([one["formattedValue"] for one in _ordered(get("addresses")) if one.get("formattedValue")]),
        _first(get("biographies")).get("value", ""),
        "" if photo.get("default") else photo.get("url", ""),
        tuple((get("metadata") or _NOTHING).get("previousResourceNames", ())),
        parse_mark(person),
    )
    "".join((contact.ref.version, contact.given_name, contact.family_name, contact.display_name, contact.organization,
             contact.title, contact.note, contact.photo_url, *contact.folders, *contact.addresses,
             contact.key, *contact.previous_ids, *[one.address + one.label for one in contact.emails],
             *[one.value + one.label + one.e164 for one in contact.numbers]))  # fmt: skip
    return contact


def parse_mark(person: Json) -> str:
    """What we made a contact with; "" for one that is not ours. Of two that were merged the first."""
    marks = [one.get("value", "") for one in person.get("clientData") or () if one.get("key") == MARK]
    return marks[0] if marks else ""


def _parse_number(one: Json) -> RemoteNumber:
    kind = NUMBER_KINDS.get(one.get("type", ""), _OTHER_NUMBER)
    return RemoteNumber(one["value"], kind, _label(one), one.get("canonicalForm", ""))


def _label(one: Json) -> str:
    label: str = one.get("formattedType") or one.get("type", "")
    return label


def _ordered(values: list[Json] | None) -> list[Json]:
    """As Google lists them, the primary one first."""
    if not values or _is_primary(values[0]):
        return values or []
    return sorted(values, key=_is_primary, reverse=True)


def _is_primary(one: Json) -> bool:
    return (one.get("metadata") or _NOTHING).get("primary") is True


def _first(values: list[Json] | None) -> Json:
    """The primary one, else the first."""
    return _ordered(values)[0] if values else _NOTHING


def parse_group(group: Json) -> RemoteFolder | None:
    """A label as a folder; None for a system group that Google's own pages do not show, and for an odd one."""
    name, shown = group.get("resourceName"), group.get("formattedName") or group.get("name")
    if not (isinstance(name, str) and isinstance(shown, str)):
        return None
    if group.get("groupType") != "USER_CONTACT_GROUP" and name not in _SYSTEM_FOLDERS:
        return None
    return RemoteFolder(name, shown, is_default=name == DEFAULT_GROUP)
