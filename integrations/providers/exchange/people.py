"""Exchange's XML of contacts, and of people in the directory, and our records: pure, and as quick as payloads.py.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/contact
"""

from collections.abc import Mapping
from operator import itemgetter

from integrations.providers.base import NumberType
from integrations.providers.exchange.operations import KEY_NAME, PHONE_KEYS
from integrations.providers.exchange.responses import TYPES, Element
from integrations.remote import NumberKind, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef

_ITEM_ID = f"{TYPES}ItemId"

# Phone numbers by their key: the kind, and the words that Outlook has for it.
_NUMBERS: dict[str, tuple[NumberKind, str]] = {
    "MobilePhone": (NumberKind.MOBILE, "Mobile"),
    "BusinessPhone": (NumberKind.WORK, "Business"),
    "BusinessPhone2": (NumberKind.WORK, "Business 2"),
    "HomePhone": (NumberKind.HOME, "Home"),
    "HomePhone2": (NumberKind.HOME, "Home 2"),
    "CompanyMainPhone": (NumberKind.MAIN, "Company"),
    "PrimaryPhone": (NumberKind.OTHER, "Primary"),
    "AssistantPhone": (NumberKind.OTHER, "Assistant"),
    "CarPhone": (NumberKind.OTHER, "Car"),
    "Callback": (NumberKind.OTHER, "Callback"),
    "OtherTelephone": (NumberKind.OTHER, "Other"),
    "RadioPhone": (NumberKind.OTHER, "Radio"),
    "Pager": (NumberKind.OTHER, "Pager"),
    "Isdn": (NumberKind.OTHER, "ISDN"),
    "TtyTddPhone": (NumberKind.OTHER, "TTY/TDD"),
    "Telex": (NumberKind.OTHER, "Telex"),
    "BusinessFax": (NumberKind.FAX, "Business fax"),
    "HomeFax": (NumberKind.FAX, "Home fax"),
    "OtherFax": (NumberKind.FAX, "Other fax"),
}
NUMBER_TYPES = tuple(NumberType(key, label, kind) for key, (kind, label) in _NUMBERS.items())
"""All that Outlook offers, each with one place in a contact."""
_TYPE_OF = {(one.kind, one.label): one.key for one in NUMBER_TYPES}
_ORDER = {key: position for position, key in enumerate(PHONE_KEYS)}
_ADDRESS_ORDER = {"Business": 0, "Home": 1, "Other": 2}
_SIMPLE_OF_CONTACTS = {
    f"{TYPES}{name}": name
    for name in ("DisplayName", "FileAs", "GivenName", "Surname", "CompanyName", "JobTitle", "Body")
}
_PART_NAMES = {f"{TYPES}{name}": name for name in ("Street", "City", "State", "CountryOrRegion", "PostalCode")}
_ENTRY, _EMAILS, _PHONES, _POSTAL = (
    f"{TYPES}{name}" for name in ("Entry", "EmailAddresses", "PhoneNumbers", "PhysicalAddresses")
)
_LISTS = frozenset({_EMAILS, _PHONES, _POSTAL})
_OWN_PROPERTY, _VALUE = f"{TYPES}ExtendedFieldURI", f"{TYPES}Value"


def parse_contact(item: Element, folder: str) -> RemoteContact | None:
    """A contact that lies in `folder`; None for what has no id. One pass, as `parse_details`."""
    fields: dict[str, str] = {}
    emails: dict[str, None] = {}
    numbers: list[tuple[int, RemoteNumber]] = []
    postal: list[tuple[int, dict[str, str]]] = []
    within = key = ""
    is_key = False
    find_name, find_part = _SIMPLE_OF_CONTACTS.get, _PART_NAMES.get
    for one in item.iter():
        tag = one.tag
        if tag == _ENTRY:
            entry, text = one.get("Key", ""), (one.text or "").strip()
            if within == _POSTAL:
                postal.append((_ADDRESS_ORDER.get(entry, 9), {}))
            elif within == _PHONES and text:
                kind, label = _NUMBERS.get(entry) or (NumberKind.OTHER, entry)
                numbers.append((_ORDER.get(entry, 99), RemoteNumber(text, kind, label)))
            elif within == _EMAILS and (email := _parse_email(text, one.get("RoutingType", ""))):
                emails[email] = None
        elif (name := find_name(tag)) is not None:
            fields[name] = one.text or ""
        elif (part := find_part(tag)) is not None:
            if postal:
                postal[-1][1][part] = (one.text or "").strip()
        elif tag in _LISTS:
            within = tag
        elif tag == _OWN_PROPERTY:
            is_key = one.get("PropertyName") == KEY_NAME
        elif tag == _VALUE and is_key:
            key = one.text or ""
        elif tag == _ITEM_ID:
            fields["Id"], fields["ChangeKey"] = one.get("Id", ""), one.get("ChangeKey", "")
    get = fields.get
    remote_id = get("Id")
    if not remote_id:
        return None
    if len(numbers) > 1:
        numbers.sort(key=_position)
    if len(postal) > 1:
        postal.sort(key=_position)
    return RemoteContact(
        RemoteRef(remote_id, folder, get("ChangeKey", "")),
        (folder,),
        get("GivenName", ""),
        get("Surname", ""),
        get("DisplayName") or get("FileAs", ""),
        get("CompanyName", ""),
        get("JobTitle", ""),
        tuple([RemoteEmail(one) for one in emails]),
        tuple([number for _, number in numbers]),
        tuple([text for _, parts in postal if (text := _format_address(parts))]),
        get("Body", ""),
        key=key,
    )


def types_of(contact: RemoteContact) -> list[str]:
    """The keys of the types that a contact has a number of."""
    return [key for one in contact.numbers if (key := _TYPE_OF.get((one.kind, one.label)))]


_position = itemgetter(0)


def _parse_email(text: str, routing: str) -> str:
    """An internet address; "" for one of the organization's own directory ("/o=Corp/ou=...")."""
    if text[:5].upper() == "SMTP:":
        text = text[5:].strip()
    return "" if routing == "EX" or text.startswith("/") or "@" not in text else text


def _format_address(parts: Mapping[str, str]) -> str:
    """Lines as on an envelope; "" where there is nothing in it."""
    get = parts.get
    town = ", ".join(part for part in (get("City"), get("State")) if part)
    place = " ".join(part for part in (town, get("PostalCode")) if part)
    return "\n".join(line for line in (get("Street"), place, get("CountryOrRegion")) if line)


def parse_resolutions(message: Element) -> list[str]:
    """Internet addresses of those whom the directory found, each one's main address first."""
    found: list[str] = []
    for resolution in message.iter(f"{TYPES}Resolution"):
        main = resolution.find(f"{TYPES}Mailbox/{TYPES}EmailAddress")
        others = resolution.iterfind(f"{TYPES}Contact/{TYPES}EmailAddresses/{TYPES}Entry")
        entries = [] if main is None else [main]
        # "SMTP:" is the main one of several, "smtp:" another.
        entries += sorted(others, key=lambda one: not (one.text or "").startswith("SMTP:"))
        found += [
            email for one in entries if (email := _parse_email((one.text or "").strip(), one.get("RoutingType", "")))
        ]
    return list(dict.fromkeys(found))
