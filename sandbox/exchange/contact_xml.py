"""A stored contact as the Contact that EWS shows: a table of its properties, in the order of the schema.

Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/contact
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.exchange.ids import make_item_id
from sandbox.exchange.item_xml import element, fixed, make_item_properties, plain, strings, unused
from sandbox.exchange.properties import Kind, Property, View
from sandbox.exchange.soap import attribute, text
from sandbox.mailbox.event_shapes import Owner
from sandbox.mailbox.texts import to_html

ADDRESSES = {"Business": "businessAddress", "Home": "homeAddress", "Other": "otherAddress"}
ADDRESS_PARTS = {"Street": "street", "City": "city", "State": "state", "CountryOrRegion": "countryOrRegion",
                 "PostalCode": "postalCode"}  # fmt: skip
# the keys that Graph's v1.0 contact has too → list and place in it; None: no list
PHONES: dict[str, tuple[str, int | None]] = {
    "BusinessPhone": ("businessPhones", 0), "BusinessPhone2": ("businessPhones", 1), "HomePhone": ("homePhones", 0),
    "HomePhone2": ("homePhones", 1), "MobilePhone": ("mobilePhone", None),
}  # fmt: skip
PHONE_KEYS = (
    "AssistantPhone", "BusinessFax", "BusinessPhone", "BusinessPhone2", "Callback", "CarPhone", "CompanyMainPhone",
    "HomeFax", "HomePhone", "HomePhone2", "Isdn", "MobilePhone", "OtherFax", "OtherTelephone", "Pager",
    "PrimaryPhone", "RadioPhone", "Telex", "TtyTddPhone",
)  # fmt: skip


@dataclass
class ContactItem:
    """A contact to be written. folder: the mailbox's own id of its folder; extended: values by path.

    phones: numbers of the kinds that Graph's contact has no room for, by key.
    """

    doc: dict[str, Any]
    mailbox: str
    owner: Owner
    folder: str
    change_key: str
    extended: dict[str, str]
    phones: dict[str, str]

    @property
    def id(self) -> str:
        return make_item_id(self.mailbox, self.folder, self.doc["id"])

    @property
    def subject(self) -> str | None:
        name: str | None = self.doc["displayName"] or self.doc["fileAs"]
        return name

    @property
    def body(self) -> str:
        notes: str = self.doc["personalNotes"] or ""
        return to_html(notes) if notes else ""

    item_class, view_model = "IPM.Contact", "PersonaCardViewModelFactory"


def read_phone(item: ContactItem, key: str) -> str:
    name, place = PHONES.get(key, ("", None))
    if not name:
        return item.phones.get(key, "")
    if place is None:
        return item.doc[name] or ""
    return read_pair(name, item.doc[name], item.phones)[place]


SECONDS = {"businessPhones": "BusinessPhone2", "homePhones": "HomePhone2"}


def read_pair(name: str, values: list[str], phones: dict[str, str]) -> list[str]:
    """The two places behind one of Graph's lists, which has no gaps: a second number without a first is in `phones`."""
    if len(values) == 1 and phones.get(SECONDS[name]) == values[0]:
        return ["", values[0]]
    return [*values, "", ""][:2]


def _complete_name(item: ContactItem, view: View) -> str:
    parts = "".join(
        element(name, item.doc[key])
        for name, key in (
            ("Title", "title"), ("FirstName", "givenName"), ("MiddleName", "middleName"), ("LastName", "surname"),
            ("Suffix", "generation"), ("Initials", "initials"), ("FullName", "displayName"), ("Nickname", "nickName"),
            ("YomiFirstName", "yomiGivenName"), ("YomiLastName", "yomiSurname"),
        )
    )  # fmt: skip
    return f"<t:CompleteName>{parts}</t:CompleteName>" if parts else ""


def _email_addresses(item: ContactItem, view: View) -> str:
    entries = "".join(
        f'<t:Entry Key="EmailAddress{place}" Name="{attribute(one["name"])}" RoutingType="SMTP"'
        f' MailboxType="Contact">{text(one["address"])}</t:Entry>'
        for place, one in enumerate(item.doc["emailAddresses"], 1)
        if view.shows("contacts:EmailAddress", f"EmailAddress{place}")
    )
    return f"<t:EmailAddresses>{entries}</t:EmailAddresses>" if entries else ""


def _phone_numbers(item: ContactItem, view: View) -> str:
    entries = "".join(
        f'<t:Entry Key="{key}">{text(number)}</t:Entry>'
        for key in PHONE_KEYS
        if (number := read_phone(item, key)) and view.shows("contacts:PhoneNumber", key)
    )
    return f"<t:PhoneNumbers>{entries}</t:PhoneNumbers>" if entries else ""


def _physical_addresses(item: ContactItem, view: View) -> str:
    entries = ""
    for key, name in ADDRESSES.items():
        parts = "".join(
            element(part, item.doc[name].get(inner))
            for part, inner in ADDRESS_PARTS.items()
            if view.shows(f"contacts:PhysicalAddress:{part}", key)
        )
        entries += f'<t:Entry Key="{key}">{parts}</t:Entry>' if parts else ""
    return f"<t:PhysicalAddresses>{entries}</t:PhysicalAddresses>" if entries else ""


def _im_addresses(item: ContactItem, view: View) -> str:
    entries = "".join(
        f'<t:Entry Key="ImAddress{place}">{text(one)}</t:Entry>' for place, one in enumerate(item.doc["imAddresses"], 1)
    )
    return f"<t:ImAddresses>{entries}</t:ImAddresses>" if entries else ""


def _birthday(item: ContactItem, view: View) -> str:
    return element("Birthday", (item.doc["birthday"] or "")[:19] + "Z" if item.doc["birthday"] else None)


def _postal_index(item: ContactItem, view: View) -> str:
    named = next((key for key, name in ADDRESSES.items() if item.doc[name]), "None")
    return f"<t:PostalAddressIndex>{named}</t:PostalAddressIndex>"


CONTACT = Kind("Contact", (
    *make_item_properties(),
    Property("contacts:FileAs", plain("FileAs", "fileAs"), "DA"),
    Property("contacts:FileAsMapping", fixed("FileAsMapping", "None"), "A"),
    Property("contacts:DisplayName", plain("DisplayName", "displayName"), "A"),
    Property("contacts:GivenName", plain("GivenName", "givenName"), "A"),
    Property("contacts:Initials", plain("Initials", "initials"), "A"),
    Property("contacts:MiddleName", plain("MiddleName", "middleName"), "A"),
    Property("contacts:Nickname", plain("Nickname", "nickName"), "A"),
    Property("contacts:CompleteName", _complete_name, "DA"),
    Property("contacts:CompanyName", plain("CompanyName", "companyName"), "DA"),
    Property("contacts:EmailAddresses", _email_addresses, "DA"),
    Property("contacts:PhysicalAddresses", _physical_addresses, "DA"),
    Property("contacts:PhoneNumbers", _phone_numbers, "DA"),
    Property("contacts:AssistantName", plain("AssistantName", "assistantName"), "A"),
    Property("contacts:Birthday", _birthday, "A"),
    Property("contacts:BusinessHomePage", plain("BusinessHomePage", "businessHomePage"), "A"),
    Property("contacts:Children", strings("Children", "children"), "A"),
    Property("contacts:ContactSource", fixed("ContactSource", "Store"), "A"),
    Property("contacts:Department", plain("Department", "department"), "A"),
    Property("contacts:Generation", plain("Generation", "generation"), "A"),
    Property("contacts:ImAddresses", _im_addresses, "DA"),
    Property("contacts:JobTitle", plain("JobTitle", "jobTitle"), "DA"),
    Property("contacts:Manager", plain("Manager", "manager"), "A"),
    Property("contacts:OfficeLocation", plain("OfficeLocation", "officeLocation"), "A"),
    Property("contacts:PostalAddressIndex", _postal_index, "A"),
    Property("contacts:Profession", plain("Profession", "profession"), "A"),
    Property("contacts:SpouseName", plain("SpouseName", "spouseName"), "A"),
    Property("contacts:Surname", plain("Surname", "surname"), "A"),
    Property("contacts:HasPicture", fixed("HasPicture", "false"), "A", since="Exchange2010"),
    Property("contacts:PhoneticFirstName", plain("PhoneticFirstName", "yomiGivenName"), "A",
             since="Exchange2010_SP2"),
    Property("contacts:PhoneticLastName", plain("PhoneticLastName", "yomiSurname"), "A", since="Exchange2010_SP2"),
    Property("contacts:Notes", plain("Notes", "personalNotes"), get_only=True, since="Exchange2010_SP2"),
    # what clients ask of a folder of contacts, since lists of people may lie there too
    *unused(("distributionlist:Members",), since="Exchange2010", get_only=True),
    *unused(("contacts:Companies", "contacts:Mileage", "contacts:WeddingAnniversary", "contacts:Culture")),
    *unused(("contacts:PhoneticFullName", "contacts:Alias", "contacts:Photo", "contacts:UserSMIMECertificate",
             "contacts:MSExchangeCertificate", "contacts:DirectoryId", "contacts:ManagerMailbox",
             "contacts:DirectReports"), since="Exchange2010_SP2", get_only=True),
))  # fmt: skip
