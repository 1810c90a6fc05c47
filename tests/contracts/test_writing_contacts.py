"""The contract about writing contacts: making one, and adding a number to one that is there.

A write may be made again whenever its answer was lost, and then does nothing more: what was made is known by its key,
and a number that is there already, in whatever spelling, is not written again.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected, Unreachable
from integrations.permissions import Permission
from integrations.providers.base import AddressBook, NumberType
from integrations.remote import ContactDraft, NumberKind, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef
from tests.contracts.stages import ContactStage, OAuthStage, open_account
from tests.contracts.writing import new_key

NUMBER = "+49 30 901820"
OTHER_NUMBER = "+351 21 347 0000"
NAME = "Ines Ferreira"


@pytest.fixture
def contacts(stage: ContactStage) -> Iterator[AddressBook]:
    with open_account(stage, stage.sign_in().credentials) as account:
        yield account.contacts


def number_of(stage: ContactStage, value: str = NUMBER, kind: NumberKind = NumberKind.MOBILE) -> RemoteNumber:
    """As a person chooses it: the first of the service's types of this kind."""
    return RemoteNumber(value, kind, next(one.key for one in stage.method.number_types if one.kind is kind))


def make_draft(stage: ContactStage, **changes: Any) -> ContactDraft:
    return replace(ContactDraft("Ines", "Ferreira", numbers=(number_of(stage),)), **changes)


def list_contacts(contacts: AddressBook) -> list[RemoteContact]:
    return [one for page in contacts.changes(None) for one in page.changed]


def digits(contact: RemoteContact) -> list[str]:
    """Services put spaces into numbers, and take them out."""
    return ["".join(one for one in number.value if one.isdigit() or one == "+") for number in contact.numbers]


def kinds(contact: RemoteContact) -> list[NumberKind]:
    return [number.kind for number in contact.numbers]


# creating


def test_everything_of_a_draft_is_there_when_the_contact_is_read(stage: ContactStage, contacts: AddressBook) -> None:
    draft = ContactDraft(
        "Ines",
        "Ferreira",
        "Ferreira Lda.",
        (RemoteEmail("ines@ferreira.example"), RemoteEmail("ines@home.example")),
        (number_of(stage), number_of(stage, OTHER_NUMBER, NumberKind.WORK)),
    )
    made = contacts.create(draft, key=new_key())
    read = contacts.read(made.ref)
    (listed,) = list_contacts(contacts)
    for contact in (made, read, listed):
        assert (contact.given_name, contact.family_name, contact.display_name) == ("Ines", "Ferreira", NAME)
        assert contact.organization == "Ferreira Lda."
        assert [one.address for one in contact.emails] == ["ines@ferreira.example", "ines@home.example"]
        assert set(digits(contact)) == {"+4930901820", "+351213470000"}
        assert set(kinds(contact)) == {NumberKind.MOBILE, NumberKind.WORK}
    assert read.ref == made.ref == listed.ref
    assert made.ref.version


@pytest.mark.parametrize(
    "fields",
    [{"given_name": "Ines"}, {"family_name": "Ferreira"}, {"organization": "Ferreira Lda."}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_draft_with_little_in_it_makes_a_contact_with_little_in_it(
    stage: ContactStage, contacts: AddressBook, fields: dict[str, str]
) -> None:
    draft = ContactDraft(numbers=(number_of(stage),), **fields)
    read = contacts.read(contacts.create(draft, key=new_key()).ref)
    empty = {"given_name": "", "family_name": "", "organization": ""}
    assert {name: getattr(read, name) for name in empty} == empty | fields
    assert read.emails == ()
    assert digits(read) == ["+4930901820"]


@pytest.mark.parametrize(
    ("given", "family"),
    [("Zoë 🎉👩‍👩‍👧", "O’Connor <b>&amp;"), ("ליאור", "בן־דוד"), ("مريم", "الفاسي ‏(عمل)"), ("小龙", "李")],
    ids=["emoji", "hebrew", "arabic", "chinese"],
)
def test_a_name_comes_back_as_it_was_written(
    stage: ContactStage, contacts: AddressBook, given: str, family: str
) -> None:
    draft = make_draft(stage, given_name=given, family_name=family, organization=f"{family} & {given}")
    contacts.create(draft, key=new_key())
    (listed,) = list_contacts(contacts)
    assert (listed.given_name, listed.family_name) == (given, family)
    assert listed.organization == f"{family} & {given}"
    assert given in listed.display_name and family in listed.display_name


def test_a_contact_goes_where_it_is_wanted(stage: ContactStage, contacts: AddressBook) -> None:
    folder, other = stage.add_folder("Clients"), stage.add_folder("Suppliers")
    made = contacts.create(make_draft(stage), key=new_key(), folder=folder)
    (listed,) = list_contacts(contacts)
    for contact in (made, contacts.read(made.ref), listed):
        assert folder in contact.folders and other not in contact.folders


def test_a_contact_without_a_folder_goes_where_the_service_puts_new_ones(
    stage: ContactStage, contacts: AddressBook
) -> None:
    folder = stage.add_folder("Clients")
    made = contacts.create(make_draft(stage), key=new_key())
    pages = list(contacts.changes(None))
    (listed,) = [one for page in pages for one in page.changed]
    assert listed.ref.id == made.ref.id
    assert folder not in listed.folders
    assert set(listed.folders) <= {one.id for one in pages[0].folders or () if one.is_default}


def test_the_same_key_makes_one_contact_however_often(stage: ContactStage, contacts: AddressBook) -> None:
    key = new_key()
    first = contacts.create(make_draft(stage), key=key)
    stage.add_contact("Ola Nordmann")
    again = contacts.create(make_draft(stage), key=key)
    assert again.ref.id == first.ref.id
    assert stage.count_contacts(NAME) == 1
    other = contacts.create(make_draft(stage), key=new_key())
    assert other.ref.id != first.ref.id
    assert stage.count_contacts(NAME) == 2


def test_an_answer_that_was_lost_makes_no_second_contact(stage: ContactStage, contacts: AddressBook) -> None:
    key, folder = new_key(), stage.add_folder("Clients")
    stage.lose_answer("create contact")
    with pytest.raises(Unreachable):
        contacts.create(make_draft(stage), key=key, folder=folder)
    assert stage.count_contacts(NAME) == 1
    made = contacts.create(make_draft(stage), key=key, folder=folder)
    assert stage.count_contacts(NAME) == 1
    (listed,) = list_contacts(contacts)
    assert (made.ref.id, made.numbers) == (listed.ref.id, listed.numbers)


def test_a_listing_says_what_a_contact_was_made_with(stage: ContactStage, contacts: AddressBook) -> None:
    key = new_key()
    stage.add_contact("Ola Nordmann")
    made = contacts.create(make_draft(stage), key=key)
    listed = {one.ref.id: one.key for one in list_contacts(contacts)}
    assert listed.pop(made.ref.id) == (key if stage.lists_keys else "")
    assert list(listed.values()) == [""]


def test_what_is_made_comes_with_the_next_changes(stage: ContactStage, contacts: AddressBook) -> None:
    cursor = list(contacts.changes(None))[-1].cursor
    made = contacts.create(make_draft(stage), key=new_key())
    (changed,) = [one for page in contacts.changes(cursor) for one in page.changed]
    assert changed.ref == made.ref
    assert digits(changed) == ["+4930901820"]


def test_a_folder_that_has_gone_meanwhile_is_gone(stage: ContactStage, contacts: AddressBook) -> None:
    folder = stage.add_folder("Clients")
    stage.remove_folder(folder)
    with pytest.raises(Gone):
        contacts.create(make_draft(stage), key=new_key(), folder=folder)
    assert stage.count_contacts(NAME) == 0
    assert contacts.create(make_draft(stage), key=new_key()).ref.id


def test_a_folder_that_may_only_be_read_takes_no_contact(stage: ContactStage, contacts: AddressBook) -> None:
    folder, other = stage.add_folder("Clients"), stage.add_folder("Suppliers")
    if not stage.has_locked_folders:
        assert contacts.create(make_draft(stage), key=new_key(), folder=folder).ref.id
        assert stage.count_contacts(NAME) == 1
        return
    stage.lock_folder(folder)
    with pytest.raises(Rejected):
        contacts.create(make_draft(stage), key=new_key(), folder=folder)
    assert stage.count_contacts(NAME) == 0
    assert other in contacts.create(make_draft(stage), key=new_key(), folder=other).folders


def test_a_number_type_that_the_service_does_not_have_is_rejected(stage: ContactStage, contacts: AddressBook) -> None:
    number = RemoteNumber(NUMBER, NumberKind.OTHER, "no such type")
    with pytest.raises(Rejected):
        contacts.create(make_draft(stage, numbers=(number,)), key=new_key())
    assert stage.count_contacts(NAME) == 0
    made = contacts.create(make_draft(stage, numbers=()), key=new_key())
    with pytest.raises(Rejected):
        contacts.add_number(made.ref, number)
    assert contacts.read(made.ref).numbers == ()


# number types


def test_number_types_have_names_of_their_own(stage: ContactStage) -> None:
    types = stage.method.number_types
    assert types and all(one.key and one.label for one in types)
    assert len({one.key for one in types}) == len({one.label for one in types}) == len(types)
    assert {NumberKind.MOBILE, NumberKind.WORK, NumberKind.HOME} <= {one.kind for one in types}


def test_each_type_of_number_is_read_as_its_own_kind(stage: ContactStage, contacts: AddressBook) -> None:
    made = contacts.create(ContactDraft("Ines"), key=new_key())
    written: dict[str, NumberType] = {}
    for place, one in enumerate(stage.method.number_types):
        value = f"+49 30 9018{place:02}"
        made = contacts.add_number(made.ref, RemoteNumber(value, one.kind, one.key))
        written[f"+4930 9018{place:02}".replace(" ", "")] = one
    (listed,) = list_contacts(contacts)
    found = dict(zip(digits(listed), listed.numbers, strict=True))
    assert {value: number.kind for value, number in found.items()} == {
        value: one.kind for value, one in written.items()
    }


# adding a number


def test_a_number_is_added_and_everything_else_stays(stage: ContactStage, contacts: AddressBook) -> None:
    remote_id = stage.add_full_contact()
    held = stage.show_contact(remote_id)
    (before,) = list_contacts(contacts)
    after = contacts.add_number(before.ref, number_of(stage, OTHER_NUMBER, NumberKind.WORK))
    assert sorted(digits(after)) == ["+351213470000", "+4930901820"]
    assert before.note and before.addresses and len(before.emails) == 2
    assert replace(after, ref=before.ref, numbers=before.numbers) == before
    assert set(before.numbers) < set(after.numbers)
    assert after.ref.id == before.ref.id and after.ref.version != before.ref.version
    assert stage.show_contact(remote_id) == held
    assert list_contacts(contacts) == [after]


def test_what_writing_answers_can_be_written_to_again(stage: ContactStage, contacts: AddressBook) -> None:
    made = contacts.create(make_draft(stage), key=new_key())
    once = contacts.add_number(made.ref, number_of(stage, OTHER_NUMBER, NumberKind.WORK))
    twice = contacts.add_number(once.ref, number_of(stage, "+1 415 555 2671", NumberKind.HOME))
    assert set(digits(contacts.read(twice.ref))) == {"+4930901820", "+351213470000", "+14155552671"}


@pytest.mark.parametrize("spelling", ["+49 (30) 90-18-20", "0049 30 901820", "030 901820"])
def test_a_number_that_is_there_in_another_spelling_is_not_written_again(
    stage: ContactStage, contacts: AddressBook, spelling: str
) -> None:
    made = contacts.create(make_draft(stage), key=new_key())
    stale = replace(made.ref, version="something older")
    again = contacts.add_number(stale, number_of(stage, spelling, NumberKind.WORK))
    assert (again.ref, again.numbers) == (made.ref, made.numbers)
    assert contacts.read(made.ref).ref == made.ref


def test_an_answer_that_was_lost_adds_a_number_once(stage: ContactStage, contacts: AddressBook) -> None:
    made = contacts.create(make_draft(stage), key=new_key())
    number = number_of(stage, OTHER_NUMBER, NumberKind.WORK)
    stage.lose_answer("add number")
    with pytest.raises(Unreachable):
        contacts.add_number(made.ref, number)
    added = contacts.add_number(made.ref, number)
    assert sorted(digits(added)) == ["+351213470000", "+4930901820"]
    assert contacts.read(made.ref) == added


def test_a_contact_that_was_changed_meanwhile_is_a_conflict(stage: ContactStage, contacts: AddressBook) -> None:
    made = contacts.create(make_draft(stage), key=new_key())
    number = number_of(stage, OTHER_NUMBER, NumberKind.WORK)
    stage.rename_contact(made.ref.id, "Ines Sousa")
    with pytest.raises(Conflict):
        contacts.add_number(made.ref, number)
    now = contacts.read(made.ref)
    assert (now.display_name, digits(now)) == ("Ines Sousa", ["+4930901820"])
    assert now.ref.version != made.ref.version
    added = contacts.add_number(now.ref, number)
    assert (added.display_name, len(added.numbers)) == ("Ines Sousa", 2)


def test_a_number_is_added_to_whatever_is_there_where_no_version_is_named(
    stage: ContactStage, contacts: AddressBook
) -> None:
    made = contacts.create(make_draft(stage), key=new_key())
    stage.rename_contact(made.ref.id, "Ines Sousa")
    number = number_of(stage, OTHER_NUMBER, NumberKind.WORK)
    added = contacts.add_number(replace(made.ref, version=""), number)
    assert (added.display_name, len(added.numbers)) == ("Ines Sousa", 2)


def test_a_contact_that_was_deleted_is_gone(stage: ContactStage, contacts: AddressBook) -> None:
    removed, kept = stage.add_contact("Ola Nordmann"), stage.add_contact(NAME)
    refs = {one.ref.id: one.ref for one in list_contacts(contacts)}
    stage.remove_contact(removed)
    for ref in (refs[removed], RemoteRef(removed, refs[removed].container)):
        with pytest.raises(Gone):
            contacts.read(ref)
        with pytest.raises(Gone):
            contacts.add_number(ref, number_of(stage))
    assert digits(contacts.add_number(refs[kept], number_of(stage))) == ["+4930901820"]
    assert contacts.read(refs[kept]).display_name == NAME


def test_a_number_for_which_there_is_no_room_is_rejected(stage: ContactStage, contacts: AddressBook) -> None:
    key, room = next(iter(stage.number_slots.items()), (stage.method.number_types[0].key, 4))
    numbers = [RemoteNumber(f"+49 30 90182{place}", label=key) for place in range(room + 1)]
    made = contacts.create(ContactDraft("Ines", numbers=tuple(numbers[:room])), key=new_key())
    if not stage.number_slots:
        assert len(contacts.add_number(made.ref, numbers[room]).numbers) == room + 1
        return
    with pytest.raises(Rejected):
        contacts.add_number(made.ref, numbers[room])
    read = contacts.read(made.ref)
    assert (read.ref, len(read.numbers)) == (made.ref, room)
    with pytest.raises(Rejected):
        contacts.create(ContactDraft("Rosa", numbers=tuple(numbers)), key=new_key())
    assert stage.count_contacts("Rosa") == 0


# permissions


def test_writing_without_the_permission_is_refused_as_such(oauth_stage: OAuthStage) -> None:
    remote_id = oauth_stage.add_contact(NAME)
    number = RemoteNumber(NUMBER, NumberKind.MOBILE, oauth_stage.method.number_types[0].key)
    credentials = oauth_stage.sign_in(frozenset({Permission.CONTACTS_READ})).credentials
    with open_account(oauth_stage, credentials) as account:
        ref = next(one.ref for one in list_contacts(account.contacts) if one.ref.id == remote_id)
        with pytest.raises(PermissionMissing):
            account.contacts.create(ContactDraft("Rosa", numbers=(number,)), key=new_key())
        with pytest.raises(PermissionMissing):
            account.contacts.add_number(ref, number)
        assert account.contacts.read(ref).numbers == ()
        assert [one.display_name for one in list_contacts(account.contacts)] == [NAME]
