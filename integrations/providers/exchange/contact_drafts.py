"""Contacts as Exchange takes them: CreateItem, and UpdateItem of one number. Pure.

Elements come in the order of the schema.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/contact
"""

from integrations.errors import Rejected
from integrations.providers.exchange.operations import KEY, dump_attribute, dump_text, place
from integrations.providers.exchange.people import NUMBER_TYPES, types_of
from integrations.providers.exchange.words import EwsWords
from integrations.providers.numbers import get_type
from integrations.providers.places import check_places
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber

_MOST_EMAILS = 3


def check_draft(draft: ContactDraft, words: EwsWords) -> None:
    """Refuse what is known not to be taken, in better words than the server's.

    Raises:
        Rejected
    """
    if len(draft.emails) > _MOST_EMAILS:
        raise Rejected(words.many_emails, detail=f"{len(draft.emails)} addresses")
    wanted = [get_type(one, NUMBER_TYPES) for one in draft.numbers]
    check_places(wanted, types=NUMBER_TYPES, places={}, service=words.name)


def check_number(contact: RemoteContact, number: RemoteNumber, words: EwsWords) -> None:
    """Whether a contact has a place for a number.

    Raises:
        Rejected
    """
    wanted = get_type(number, NUMBER_TYPES)
    check_places([wanted], types_of(contact), types=NUMBER_TYPES, places={}, service=words.name)


def create_contact(draft: ContactDraft, *, key: str, folder: str) -> str:
    """CreateItem, named and filed as Outlook does it. `folder` as in operations.place.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/createitem-operation
    """
    name = " ".join(part for part in (draft.given_name, draft.family_name) if part)
    emails = "".join(
        f'<t:Entry Key="EmailAddress{number}">{dump_text(one.address)}</t:Entry>'
        for number, one in enumerate(draft.emails, 1)
    )
    phones = "".join(_entry(one) for one in draft.numbers)
    parts = [
        f"<t:ExtendedProperty>{KEY}<t:Value>{dump_text(key)}</t:Value></t:ExtendedProperty>",
        _file(draft, name),
        _element("DisplayName", name or _other_name(draft)),
        _element("GivenName", draft.given_name),
        _element("CompanyName", draft.organization),
        f"<t:EmailAddresses>{emails}</t:EmailAddresses>" if emails else "",
        f"<t:PhoneNumbers>{phones}</t:PhoneNumbers>" if phones else "",
        _element("Surname", draft.family_name),
    ]
    return (
        f"<m:CreateItem><m:SavedItemFolderId>{place(folder, 'contacts')}</m:SavedItemFolderId>"
        f"<m:Items><t:Contact>{''.join(parts)}</t:Contact></m:Items></m:CreateItem>"
    )


def _file(draft: ContactDraft, name: str) -> str:
    """Under which name Outlook files it: "Ferreira, Ines", which follows when the name is changed there."""
    if draft.given_name and draft.family_name:
        return "<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>"
    return _element("FileAs", name or _other_name(draft))


def _other_name(draft: ContactDraft) -> str:
    """What a contact without a name is shown by."""
    others = [draft.organization, *(one.address for one in draft.emails), *(one.value for one in draft.numbers)]
    return next((one for one in others if one), "")


def _element(name: str, value: str) -> str:
    return f"<t:{name}>{dump_text(value)}</t:{name}>" if value else ""


def _entry(number: RemoteNumber) -> str:
    return f'<t:Entry Key="{dump_attribute(number.label)}">{dump_text(number.value)}</t:Entry>'


def set_number(contact: RemoteContact, number: RemoteNumber) -> str:
    """UpdateItem of the version that was read.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/updateitem-operation
    """
    ref = contact.ref
    item_id = f'<t:ItemId Id="{dump_attribute(ref.id)}" ChangeKey="{dump_attribute(ref.version)}"/>'
    field = f'<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="{dump_attribute(number.label)}"/>'
    value = f"<t:Contact><t:PhoneNumbers>{_entry(number)}</t:PhoneNumbers></t:Contact>"
    return (
        f'<m:UpdateItem ConflictResolution="NeverOverwrite"><m:ItemChanges><t:ItemChange>{item_id}<t:Updates>'
        f"<t:SetItemField>{field}{value}</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )
