"""Writing contacts to a pretend Exchange: what of it is Exchange's own, beside what tests/contracts ask of all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from integrations.errors import Conflict, Gone, Rejected
from integrations.providers.exchange import Exchange
from integrations.providers.exchange.contact_drafts import create_contact
from integrations.providers.exchange.contact_writing import ExchangeContacts
from integrations.providers.exchange.ews import EwsAccount
from integrations.providers.exchange.people import NUMBER_TYPES
from integrations.providers.office365 import Office365
from integrations.remote import ContactDraft, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef
from tests.contracts.exchange_stage import ExchangeStage
from tests.contracts.stages import PERSON
from tests.contracts.writing import new_key
from tests.integrations.providers.exchange.conftest import Opener
from tests.integrations.providers.exchange.test_reading import operations

MOBILE = RemoteNumber("+49 171 5550100", label="MobilePhone")
WORK = RemoteNumber("+49 30 901820", label="BusinessPhone")
DRAFT = ContactDraft("Ines", "Ferreira", "Ferreira Lda.", (RemoteEmail("ines@ferreira.example"),), (MOBILE, WORK))


@pytest.fixture
def contacts(account: EwsAccount) -> Any:
    return account.contacts


def stored(stage: ExchangeStage, remote_id: str) -> dict[str, Any]:
    return stage.exchange.mailbox(PERSON).get_contact_row(stage._event_id(remote_id)).load()


def test_few_requests_are_made(stage: ExchangeStage, contacts: Any) -> None:
    stage.sandbox.log.clear()
    key = new_key()
    made = contacts.create(DRAFT, key=key)
    assert operations(stage.sandbox) == {"FindItem": 1, "CreateItem": 1, "GetItem": 1}
    assert contacts.create(DRAFT, key=key) == made
    assert operations(stage.sandbox) == {"FindItem": 1, "GetItem": 1}
    changed = contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000", label="BusinessPhone2"))
    assert operations(stage.sandbox) == {"GetItem": 2, "UpdateItem": 1}
    assert contacts.add_number(made.ref, replace(changed.numbers[-1], label="HomePhone")) == changed
    assert operations(stage.sandbox) == {"GetItem": 1}


@pytest.mark.parametrize(
    ("draft", "shown", "filed"),
    [
        (ContactDraft("Ines", "Ferreira"), "Ines Ferreira", "Ferreira, Ines"),
        (ContactDraft(family_name="Ferreira"), "Ferreira", "Ferreira"),
        (ContactDraft(organization="Ferreira Lda."), "Ferreira Lda.", "Ferreira Lda."),
        (ContactDraft(emails=(RemoteEmail("i@f.example"),), numbers=(WORK,)), "i@f.example", "i@f.example"),
        (ContactDraft(numbers=(WORK,)), "+49 30 901820", "+49 30 901820"),
    ],
)
def test_a_contact_is_shown_by_something_whatever_it_has(
    stage: ExchangeStage, contacts: Any, draft: ContactDraft, shown: str, filed: str
) -> None:
    doc = stored(stage, contacts.create(draft, key=new_key()).ref.id)
    assert (doc["displayName"], doc["fileAs"]) == (shown, filed)


def test_who_has_a_whole_name_is_filed_as_outlook_goes_on_filing() -> None:
    whole, half = (create_contact(one, key="k", folder="") for one in (DRAFT, replace(DRAFT, given_name="")))
    assert "<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>" in whole and "<t:FileAs>" not in whole
    assert "<t:FileAs>Ferreira</t:FileAs>" in half and "FileAsMapping" not in half


def test_each_type_is_one_place_and_others_are_suggested(contacts: Any) -> None:
    made = contacts.create(DRAFT, key=new_key())
    with pytest.raises(Rejected, match=r"type Business .* Choose Business 2, Home or Home 2 instead\."):
        contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000"))
    assert contacts.read(made.ref) == made


def test_a_second_number_without_a_first_stays_the_second(contacts: Any) -> None:
    made = contacts.create(replace(DRAFT, numbers=(replace(WORK, label="BusinessPhone2"),)), key=new_key())
    assert [one.label for one in made.numbers] == ["Business 2"]
    added = contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000"))
    assert [(one.label, one.value) for one in added.numbers] == [
        ("Business", "+351 21 347 0000"),
        ("Business 2", "+49 30 901820"),
    ]


def test_more_addresses_than_a_contact_has_room_for_are_not_sent(stage: ExchangeStage, contacts: Any) -> None:
    emails = tuple(RemoteEmail(f"{number}@f.example") for number in range(4))
    stage.sandbox.log.clear()
    with pytest.raises(Rejected):
        contacts.create(replace(DRAFT, emails=emails), key=new_key())
    assert operations(stage.sandbox) == {}
    assert len(contacts.create(replace(DRAFT, emails=emails[:3]), key=new_key()).emails) == 3


class Rival(ExchangeContacts):
    """Somebody else acts whenever a contact was read, and before it is written to."""

    acts: list[Callable[[], object]]

    def read(self, ref: RemoteRef) -> RemoteContact:
        found = super().read(ref)
        if self.acts:
            self.acts.pop(0)()
        return found


def test_what_somebody_changes_in_between_is_not_overwritten(stage: ExchangeStage, contacts: Any) -> None:
    made = contacts.create(replace(DRAFT, numbers=()), key=new_key())
    rival, bold = Rival(contacts._wire), replace(made.ref, version="")

    def change(**patch: Any) -> Callable[[], object]:
        return lambda: stage.exchange.change_contact(PERSON, stage._event_id(made.ref.id), patch)

    rival.acts = [change(jobTitle="Owner")]
    with pytest.raises(Conflict):
        rival.add_number(made.ref, MOBILE)
    rival.acts = [change(mobilePhone="+1 415 555 2671")]
    with pytest.raises(Rejected):
        rival.add_number(bold, MOBILE)
    rival.acts = [change(jobTitle="Baker")]
    assert rival.add_number(bold, WORK).title == "Baker"
    rival.acts = [change(jobTitle="Owner"), change(jobTitle="Baker"), change(jobTitle="Owner")]
    with pytest.raises(Conflict):
        rival.add_number(bold, replace(WORK, label="HomePhone", value="+351 21 347 0000"))
    assert [one.label for one in contacts.read(bold).numbers] == ["Mobile", "Business"]


def test_the_folder_says_beforehand_whether_it_takes_anything(stage: ExchangeStage, contacts: Any) -> None:
    locked, other = stage.add_folder("Clients"), stage.add_folder("Suppliers")
    cursor = list(contacts.changes(None))[-1].cursor
    stage.lock_folder(locked)
    page = next(iter(contacts.changes(cursor)))
    assert {one.id: one.is_writable for one in page.folders or () if not one.is_default} == {locked: False, other: True}


def test_a_number_for_a_contact_that_may_only_be_read_is_rejected(stage: ExchangeStage, contacts: Any) -> None:
    folder = stage.add_folder("Clients")
    made = contacts.create(DRAFT, key=new_key(), folder=folder)
    stage.lock_folder(folder)
    added = replace(WORK, value="+351 21 347 0000", label="HomePhone")
    with pytest.raises(Rejected, match="lets you read the contacts in this folder"):
        contacts.add_number(made.ref, added)
    assert contacts.add_number(contacts.create(DRAFT, key=new_key()).ref, added).numbers


def test_what_is_no_id_of_exchange_s_is_gone(stage: ExchangeStage, contacts: Any) -> None:
    folder = stage.add_folder("Clients")
    with pytest.raises(Gone):
        contacts.read(RemoteRef("AAMk"))
    with pytest.raises(Gone):
        contacts.create(DRAFT, key=new_key(), folder="AAMk")
    assert contacts.create(DRAFT, key=new_key(), folder=folder).folders == (folder,)


def test_a_server_of_2010_takes_a_contact(stage: ExchangeStage, exchange: Exchange, open_with: Opener) -> None:
    stage.exchange.use_version("2010_SP2")
    contacts = open_with(exchange, version="2010_SP2").contacts
    made = contacts.create(DRAFT, key=new_key())
    assert len(contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000", label="Pager")).numbers) == 3


def test_office_365_by_password_has_exchange_s_types() -> None:
    graph, password = (one.number_types for one in Office365.info.methods)
    assert password == Exchange.info.methods[0].number_types == NUMBER_TYPES
    assert [one.label for one in graph] == ["Mobile", "Business", "Home"]
    assert [one.label for one in NUMBER_TYPES][:4] == ["Mobile", "Business", "Business 2", "Home"]
