"""Graph's JSON of contacts, their folders and people, and our records: pure, and as quick as payloads.py.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/contact
"""

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.providers.office365.payloads import ADDRESS, KEY_PROPERTY
from integrations.remote import NumberKind, RemoteContact, RemoteEmail, RemoteFolder, RemoteNumber, RemoteRef

Json = Mapping[str, Any]

DEFAULT_FOLDER = "contacts"
"""The well-known name by which Graph finds the folder that every mailbox has."""
CONTACT_FIELDS = (
    "parentFolderId,displayName,fileAs,givenName,surname,companyName,jobTitle,emailAddresses,mobilePhone,"
    "businessPhones,homePhones,businessAddress,homeAddress,otherAddress,personalNotes,changeKey"
)
_KEY_ID = KEY_PROPERTY.lower()
_POSTAL = dict.fromkeys(("street", "city", "state", "postalCode", "countryOrRegion"), str)
CONTACT_TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "@odata.etag", "changeKey", "parentFolderId", "displayName", "fileAs"), str),
    **dict.fromkeys(("givenName", "surname", "companyName", "jobTitle", "mobilePhone", "personalNotes"), str),
    "singleValueExtendedProperties": [{"id": str, "value": str}],
    "emailAddresses": [ADDRESS],
    "businessPhones": [str],
    "homePhones": [str],
    **dict.fromkeys(("businessAddress", "homeAddress", "otherAddress"), _POSTAL),
}


def parse_contact(item: Json, folder: str) -> RemoteContact:
    """One contact, which has an id and lies in `folder`.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    get = item.get
    numbers: list[RemoteNumber] = []
    if mobile := get("mobilePhone"):
        numbers.append(RemoteNumber(mobile, NumberKind.MOBILE))
    numbers += [RemoteNumber(one, NumberKind.WORK) for one in get("businessPhones") or () if one]
    numbers += [RemoteNumber(one, NumberKind.HOME) for one in get("homePhones") or () if one]
    emails = [one["address"] for one in get("emailAddresses") or () if one.get("address")]
    postal = (get("businessAddress"), get("homeAddress"), get("otherAddress"))
    contact = RemoteContact(
        RemoteRef(item["id"], folder, get("@odata.etag") or get("changeKey") or ""),
        (folder,),
        get("givenName") or "",
        get("surname") or "",
        get("displayName") or get("fileAs") or "",
        get("companyName") or "",
        get("jobTitle") or "",
        # An address often stands there twice, with and without a name beside it.
        tuple([RemoteEmail(one) for one in dict.fromkeys(emails)]),
        tuple(numbers),
        tuple([text for one in postal if one and (text := _format_address(one))]),
        get("personalNotes") or "",
        key=_find_key(extended) if (extended := get("singleValueExtendedProperties")) else "",
    )
    "".join((contact.ref.version, contact.given_name, contact.family_name, contact.display_name, contact.organization,
             contact.title, contact.note, *emails, *[one.value for one in numbers]))  # fmt: skip
    return contact


def _find_key(extended: Iterable[Json]) -> str:
    """What a contact was made with, where it was asked for with its extended properties."""
    return next((one.get("value") or "" for one in extended if (one.get("id") or "").lower() == _KEY_ID), "")


def _format_address(one: Json) -> str:
    """Lines as on an envelope; "" where there is nothing in it."""
    get = one.get
    town = ", ".join([part for part in (get("city"), get("state")) if part])
    place = " ".join([part for part in (town, get("postalCode")) if part])
    return "\n".join([line for line in (get("street"), place, get("countryOrRegion")) if line])


def parse_folder(item: Json, *, is_default: bool = False) -> RemoteFolder | None:
    """A contact folder; None for an odd one. `parent` may be a folder that holds no contacts: the mailbox itself."""
    remote_id, name = item.get("id"), item.get("displayName")
    if not isinstance(remote_id, str) or not remote_id or not isinstance(name, str):
        return None
    parent = item.get("parentFolderId")
    return RemoteFolder(remote_id, name, parent if isinstance(parent, str) else "", is_default=is_default)


def parse_person(item: Json) -> tuple[str, bool]:
    """From GET /me: the address of the mailbox ("" where there is none), and whether it is a guest's account."""
    mail, name = item.get("mail"), item.get("userPrincipalName")
    name = name if isinstance(name, str) else ""
    is_guest = "#ext#" in name.lower()
    if isinstance(mail, str) and "@" in mail:
        return mail, is_guest
    return (name if "@" in name and not is_guest else ""), is_guest
