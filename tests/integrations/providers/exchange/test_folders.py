"""Which folders of a mailbox are its owner's address book, and which are calendars.

Classes: https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxosfld and what Exchange and its
companions make by themselves.
"""

import pytest
from lxml import etree

from integrations.providers.exchange.folders import (
    Folder,
    choose_calendars,
    choose_folders,
    is_contact_folder,
    parse_folder,
)
from integrations.remote import RemoteCalendar, RemoteFolder
from tests.integrations.providers.exchange.answers import TYPES as T


def folder(
    remote_id: str, parent: str = "top", name: str = "", kind: str = "IPF.Contact", hidden: bool = False
) -> Folder:
    return Folder(remote_id, parent, name or remote_id.title(), kind, hidden)


def tree(*folders: Folder) -> dict[str, Folder]:
    return {one.id: one for one in folders}


@pytest.mark.parametrize("kind", ["IPF.Contact", "ipf.contact", "IPF.Contact.Crm"])
def test_a_folder_of_contacts_is_one(kind: str) -> None:
    assert is_contact_folder(folder("a", kind=kind))


@pytest.mark.parametrize(
    ("name", "kind", "hidden"),
    [
        ("Recipient Cache", "IPF.Contact.RecipientCache", False),
        ("GAL Contacts", "IPF.Contact.GalContacts", False),
        ("{A9E2BC46-B3A0-4243-B315-60D991004455}", "IPF.Contact.MOC.QuickContacts", False),
        ("{06967759-274D-40B2-A3EB-D7F9E73727D7}", "IPF.Contact", False),
        ("PeopleCentricConversation Buddies", "IPF.Contact.PeopleCentricConversationBuddies", False),
        ("Organizational Contacts", "IPF.Contact.OrganizationalContacts", False),
        ("Companies", "IPF.Contact.Company", False),
        ("Anything", "IPF.Contact", True),
        ("Inbox", "IPF.Note", False),
        ("Contactless", "IPF.Contactless", False),
        ("Old", "", False),
    ],
)
def test_what_machines_keep_contacts_in_is_none(name: str, kind: str, hidden: bool) -> None:
    assert not is_contact_folder(folder("a", name=name, kind=kind, hidden=hidden))


def test_the_default_folder_is_first_and_the_tree_is_that_of_contacts() -> None:
    folders = tree(
        folder("clients", "contacts"),
        folder("vip", "clients"),
        folder("projects", kind="IPF.Note"),
        folder("partners", "projects"),
        folder("contacts"),
    )
    assert choose_folders(folders, default="contacts", trash="deleted") == (
        RemoteFolder("contacts", "Contacts", "", is_default=True),
        RemoteFolder("clients", "Clients", "contacts"),
        RemoteFolder("vip", "Vip", "clients"),
        RemoteFolder("partners", "Partners", ""),
    )


def test_a_folder_below_one_that_is_not_shown_hangs_where_that_one_hangs() -> None:
    folders = tree(folder("contacts"), folder("hidden", "contacts", hidden=True), folder("inside", "hidden"))
    assert [one.parent for one in choose_folders(folders, default="contacts", trash="")] == ["", "contacts"]


def test_what_was_thrown_away_is_in_nobody_s_address_book() -> None:
    folders = tree(
        folder("contacts"), folder("deleted", kind="IPF.Note"), folder("old", "deleted"), folder("older", "old")
    )
    assert [one.id for one in choose_folders(folders, default="contacts", trash="deleted")] == ["contacts"]


def test_folders_that_lie_in_each_other_are_no_endless_tree() -> None:
    folders = tree(folder("a", "b"), folder("b", "a"))
    assert {one.id for one in choose_folders(folders, default="", trash="")} == {"a", "b"}


@pytest.mark.parametrize(("value", "hidden"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_hidden_is_an_extended_property(value: str, hidden: bool) -> None:
    """https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/extendedproperty"""
    xml = (
        f'<t:ContactsFolder xmlns:t="{T}"><t:FolderId Id="f" ChangeKey="k"/><t:ParentFolderId Id="p" ChangeKey="k"/>'
        "<t:FolderClass>IPF.Contact</t:FolderClass><t:DisplayName>Clients &amp; co</t:DisplayName><t:ExtendedProperty>"
        '<t:ExtendedFieldURI PropertyTag="0x10F4" PropertyType="Boolean"/>'
        f"<t:Value>{value}</t:Value></t:ExtendedProperty></t:ContactsFolder>"
    )
    assert parse_folder(etree.fromstring(xml)) == Folder("f", "p", "Clients & co", "IPF.Contact", hidden)


def test_a_folder_without_an_id_is_none() -> None:
    assert (
        parse_folder(etree.fromstring(f'<t:Folder xmlns:t="{T}"><t:DisplayName>x</t:DisplayName></t:Folder>')) is None
    )


def test_the_persons_own_calendar_is_first_and_the_others_follow_by_name() -> None:
    event = "IPF.Appointment"
    folders = tree(
        folder("work", name="work", kind=event),
        folder("own", name="Kalender", kind=event),
        folder("birthdays", name="Birthdays", kind="IPF.Appointment.Birthday"),
        folder("hidden", kind=event, hidden=True),
        folder("deleted", kind="IPF.Note"),
        folder("old", "deleted", kind=event),
        folder("people"),
    )
    assert choose_calendars(folders, default="own", trash="deleted") == (
        RemoteCalendar("", "Kalender"),
        RemoteCalendar("birthdays", "Birthdays"),
        RemoteCalendar("work", "work"),
    )


@pytest.mark.parametrize(("rights", "expected"), [("true", True), ("false", False), ("", True)])
def test_a_calendar_that_takes_nothing_new_is_read_only(rights: str, expected: bool) -> None:
    element = f"<t:EffectiveRights><t:CreateContents>{rights}</t:CreateContents></t:EffectiveRights>" if rights else ""
    parsed = parse_folder(
        etree.fromstring(
            f'<t:CalendarFolder xmlns:t="{T}"><t:FolderId Id="a"/><t:FolderClass>IPF.Appointment</t:FolderClass>'
            f"{element}</t:CalendarFolder>"
        )
    )
    assert parsed is not None
    (_, other) = choose_calendars({"a": parsed}, default="own", trash="")
    assert other.is_writable is expected
