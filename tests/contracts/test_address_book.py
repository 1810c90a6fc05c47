"""The contract of `AddressBook.changes`: people and the folders they are in."""

import pytest

from integrations.errors import CursorExpired, PermissionMissing
from integrations.permissions import Permission
from integrations.providers.base import AddressBook
from integrations.remote import Delta, RemoteContact, RemoteFolder, Window
from tests.contracts.stages import OAuthStage, Stage, open_account

Reading = tuple[dict[str, RemoteContact], set[str], dict[str, RemoteFolder], str]


def read(contacts: AddressBook, cursor: str | None) -> Reading:
    """Contacts by id, ids gone, folders by id, the next cursor. Checks that the listing keeps its form."""
    pages: list[Delta[RemoteContact]] = list(contacts.changes(cursor))
    *others, last = pages
    assert all(page.cursor is None for page in others)
    assert last.cursor
    assert last.complete is (cursor is None)
    assert all(page.folders is None for page in pages[1:])
    found = {contact.ref.id: contact for page in pages for contact in page.changed}
    gone = {remote_id for page in pages for remote_id in page.gone}
    return found, gone, {folder.id: folder for folder in pages[0].folders or ()}, last.cursor


@pytest.fixture
def contacts(stage: Stage):
    with open_account(stage, stage.sign_in().credentials) as account:
        yield account.contacts


def test_an_empty_address_book_is_one_page_with_a_cursor(stage: Stage, contacts: AddressBook) -> None:
    found, gone, _, cursor = read(contacts, None)
    assert (found, gone) == ({}, set())
    assert cursor


def test_a_complete_listing_goes_over_all_pages(stage: Stage, contacts: AddressBook) -> None:
    names = [f"Person {number}" for number in range(3 * stage.page_size + 1)]
    for name in names:
        stage.add_contact(name)
    found, _, _, _ = read(contacts, None)
    assert sorted(contact.display_name for contact in found.values()) == sorted(names)


def test_a_contact_has_its_number_its_version_and_its_folder(stage: Stage, contacts: AddressBook) -> None:
    folder = stage.add_folder("Clients")
    remote_id = stage.add_contact("Ines Ferreira", number="+49 30 901820", folder=folder)
    found, _, folders, _ = read(contacts, None)
    contact = found[remote_id]
    assert contact.display_name == "Ines Ferreira"
    assert [number.value for number in contact.numbers] == ["+49 30 901820"]
    assert contact.ref.version
    assert folder in contact.folders
    assert folders[folder].name == "Clients"


def test_every_folder_of_a_contact_is_among_the_folders(stage: Stage, contacts: AddressBook) -> None:
    stage.add_contact("Ines Ferreira", folder=stage.add_folder("Clients"))
    stage.add_contact("Ola Nordmann")
    found, _, folders, _ = read(contacts, None)
    assert {name for contact in found.values() for name in contact.folders} <= set(folders)


def test_what_was_added_and_removed_since_is_listed_and_nothing_else(stage: Stage, contacts: AddressBook) -> None:
    kept, removed = stage.add_contact("Kept"), stage.add_contact("Removed")
    _, _, _, cursor = read(contacts, None)
    added = stage.add_contact("Added")
    stage.remove_contact(removed)
    found, gone, _, cursor = read(contacts, cursor)
    assert set(found) == {added}
    assert gone == {removed}
    assert kept not in found
    assert read(contacts, cursor)[:2] == ({}, set())


def test_a_folder_that_is_new_comes_with_its_contacts(stage: Stage, contacts: AddressBook) -> None:
    stage.add_contact("Ola Nordmann")
    _, _, _, cursor = read(contacts, None)
    folder = stage.add_folder("Clients")
    remote_id = stage.add_contact("Ines Ferreira", folder=folder)
    found, gone, folders, _ = read(contacts, cursor)
    assert (set(found), gone) == ({remote_id}, set())
    assert folder in found[remote_id].folders
    assert folders[folder].name == "Clients"


def test_a_folder_that_is_renamed_follows_though_no_contact_changed(stage: Stage, contacts: AddressBook) -> None:
    folder = stage.add_folder("Clients")
    _, _, folders, cursor = read(contacts, None)
    stage.rename_folder(folder, "Customers")
    found, _, renamed, _ = read(contacts, cursor)
    assert found == {}
    assert (folders[folder].name, renamed[folder].name) == ("Clients", "Customers")


def test_a_forgotten_cursor_asks_for_a_complete_listing(stage: Stage, contacts: AddressBook) -> None:
    remote_id = stage.add_contact("Ines Ferreira")
    _, _, _, cursor = read(contacts, None)
    stage.expire_cursors()
    with pytest.raises(CursorExpired):
        list(contacts.changes(cursor))
    assert set(read(contacts, None)[0]) == {remote_id}


def test_a_cursor_that_is_none_of_theirs_asks_for_a_complete_listing(stage: Stage, contacts: AddressBook) -> None:
    with pytest.raises(CursorExpired):
        list(contacts.changes("not a cursor"))


def test_reading_without_the_permission_is_refused_as_such(oauth_stage: OAuthStage, window: Window) -> None:
    credentials = oauth_stage.sign_in(frozenset({Permission.CALENDAR_READ})).credentials
    with open_account(oauth_stage, credentials) as account:
        with pytest.raises(PermissionMissing):
            list(account.contacts.changes(None))
        assert list(account.calendar.changes(None, window))[-1].complete
