"""What is special about writing contacts by Graph: what exactly is sent, and what is made of its answers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365.contact_drafts import dump_new, dump_number
from integrations.providers.office365.contact_writing import Office365WritableContacts
from integrations.providers.office365.payloads import KEY_PROPERTY
from integrations.remote import ContactDraft, RemoteEmail, RemoteNumber, RemoteRef
from sandbox.server import Sandbox
from tests.contracts.stages import PERSON
from tests.sandbox.test_graph_shapes import load_judge

Open = Callable[[Office365], Account]
ROOT = "https://graph.microsoft.com/v1.0/"
KEY = "0f9f7a8e6a3c4a589d5b0123456789ab"
MOBILE = RemoteNumber("+49 171 5550100", label="mobilePhone")
WORK = RemoteNumber("+49 30 901820", label="businessPhones")
DRAFT = ContactDraft("Ines", "Ferreira", "Ferreira Lda.", (RemoteEmail("ines@ferreira.example"),), (MOBILE, WORK))


@pytest.fixture
def contacts(office365: Office365, open_with: Open) -> Any:
    return open_with(office365).contacts


def requests_of(sandbox: Sandbox) -> list[str]:
    found = [one.method for one in sandbox.log.requests("/graph/*")]
    sandbox.log.clear()
    return found


def test_a_contact_is_written_as_graph_documents_it(shared_checks: Path) -> None:
    written = dump_new(DRAFT, key=KEY)
    assert load_judge(shared_checks).check("contact", written) == []
    assert written == {
        "givenName": "Ines",
        "surname": "Ferreira",
        "displayName": "Ines Ferreira",
        "fileAs": "Ferreira, Ines",
        "companyName": "Ferreira Lda.",
        "emailAddresses": [{"address": "ines@ferreira.example", "name": "Ines Ferreira"}],
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": KEY}],
        "mobilePhone": "+49 171 5550100",
        "businessPhones": ["+49 30 901820"],
    }


@pytest.mark.parametrize(
    ("draft", "shown", "filed"),
    [
        (ContactDraft(family_name="Ferreira"), "Ferreira", "Ferreira"),
        (ContactDraft("Ines", organization="Ferreira Lda."), "Ines", "Ines"),
        (replace(DRAFT, given_name="", family_name=""), "Ferreira Lda.", "Ferreira Lda."),
        (ContactDraft(emails=(RemoteEmail("i@f.example"),), numbers=(WORK,)), "i@f.example", "i@f.example"),
        (ContactDraft(numbers=(WORK,)), "+49 30 901820", "+49 30 901820"),
    ],
)
def test_a_contact_is_shown_by_something_whatever_it_has(draft: ContactDraft, shown: str, filed: str) -> None:
    written = dump_new(draft, key=KEY)
    assert (written["displayName"], written["fileAs"]) == (shown, filed)


def test_more_than_an_outlook_contact_has_room_for_is_not_sent(sandbox: Sandbox, contacts: Any) -> None:
    emails = tuple(RemoteEmail(f"{number}@f.example") for number in range(4))
    for draft in (replace(DRAFT, emails=emails), replace(DRAFT, numbers=(MOBILE, MOBILE))):
        with pytest.raises(Rejected):
            contacts.create(draft, key=KEY)
    assert requests_of(sandbox) == []
    made = contacts.create(replace(DRAFT, emails=emails[:3]), key=KEY)
    assert len(made.emails) == 3


def test_of_a_list_all_is_written_and_the_name_goes_along() -> None:
    item = {"displayName": "Inês", "mobilePhone": "1", "businessPhones": ["2"], "homePhones": None}
    assert dump_number(item, WORK) == {"displayName": "Inês", "businessPhones": ["2", "+49 30 901820"]}
    assert dump_number({"businessPhones": []}, MOBILE) == {"mobilePhone": "+49 171 5550100"}
    with pytest.raises(Rejected, match=r"one number of the type Mobile .* Choose Business or Home instead\."):
        dump_number(item, MOBILE)


def test_few_requests_are_made(sandbox: Sandbox, contacts: Any) -> None:
    folder = sandbox.office365.add_folder(PERSON, "Clients")
    made = contacts.create(DRAFT, key=KEY, folder=folder)
    assert requests_of(sandbox) == ["GET", "POST"]
    assert contacts.create(DRAFT, key=KEY, folder=folder) == made
    assert requests_of(sandbox) == ["GET"]
    changed = contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000"))
    assert requests_of(sandbox) == ["GET", "PATCH"]
    assert contacts.add_number(made.ref, replace(WORK, value="+351 21 347 0000")) == changed
    assert requests_of(sandbox) == ["GET"]
    assert changed.key == KEY


def test_ids_stay_when_a_contact_is_moved(sandbox: Sandbox, contacts: Any) -> None:
    folder = sandbox.office365.add_folder(PERSON, "Clients")
    made = contacts.create(DRAFT, key=KEY)
    sandbox.office365.move_contact(PERSON, made.ref.id, folder)
    moved = contacts.read(made.ref)
    assert (moved.ref.id, moved.folders) == (made.ref.id, (folder,))
    assert contacts.add_number(moved.ref, replace(WORK, value="+351 21 347 0000")).folders == (folder,)


def test_a_name_that_outlook_did_not_make_stays(sandbox: Sandbox, contacts: Any) -> None:
    doc = {"givenName": "Ines", "surname": "Ferreira", "displayName": "The baker", "fileAs": "Bakers"}
    remote_id = sandbox.office365.add_contact(PERSON, doc)["id"]
    contacts.add_number(RemoteRef(remote_id), MOBILE)
    kept = sandbox.office365.mailbox(PERSON).find_contact(remote_id)
    assert kept
    assert (kept["displayName"], kept["fileAs"], kept["mobilePhone"]) == ("The baker", "Bakers", MOBILE.value)


class Rival(Office365WritableContacts):
    """Somebody else acts whenever a contact was read, and before it is written to."""

    acts: list[Callable[[], object]]

    def _fetch_contact(self, remote_id: str) -> Any:
        found = super()._fetch_contact(remote_id)
        if self.acts:
            self.acts.pop(0)()
        return found


@pytest.fixture
def rival(contacts: Any) -> Rival:
    return Rival(contacts._fetch, contacts._send, root=contacts._root, is_consented=True)


def test_what_somebody_changes_in_between_is_not_overwritten(sandbox: Sandbox, contacts: Any, rival: Rival) -> None:
    made = contacts.create(DRAFT, key=KEY)
    added = replace(WORK, value="+351 21 347 0000")
    taken = {"businessPhones": [WORK.value, "+1 415 555 2671"]}
    rival.acts = [lambda: sandbox.office365.change_contact(PERSON, made.ref.id, taken)]
    with pytest.raises(Conflict):
        rival.add_number(made.ref, added)
    rival.acts = [lambda: sandbox.office365.change_contact(PERSON, made.ref.id, {"jobTitle": "Owner"})]
    with pytest.raises(Rejected):
        rival.add_number(replace(made.ref, version=""), added)
    home = replace(added, label="homePhones")
    rival.acts = [lambda: sandbox.office365.change_contact(PERSON, made.ref.id, {"jobTitle": "Baker"})]
    assert rival.add_number(replace(made.ref, version=""), home).title == "Baker"


def test_a_contact_that_changes_each_time_is_a_conflict_in_the_end(
    sandbox: Sandbox, contacts: Any, rival: Rival
) -> None:
    made = contacts.create(DRAFT, key=KEY)
    ref = replace(made.ref, version="")

    def change() -> None:
        sandbox.office365.change_contact(PERSON, made.ref.id, {"jobTitle": "Owner"})

    rival.acts = [change] * 3
    with pytest.raises(Conflict):
        rival.add_number(ref, replace(WORK, value="+351 21 347 0000"))
    assert len(contacts.read(ref).numbers) == 2


def test_a_version_that_change_tracking_gave_without_an_etag_is_known(sandbox: Sandbox, contacts: Any) -> None:
    doc = sandbox.office365.add_contact(PERSON, {"displayName": "Ines"})
    ref = RemoteRef(doc["id"], doc["parentFolderId"], doc["changeKey"])
    assert len(contacts.add_number(ref, MOBILE).numbers) == 1
    with pytest.raises(Conflict):
        contacts.add_number(ref, WORK)


def test_a_contact_in_deleted_items_is_gone_though_graph_answers_for_it() -> None:
    answers = {
        "x": {"id": "x", "displayName": "Ines", "parentFolderId": "deleted items"},
        "y": {"id": "y", "displayName": "Rosa", "parentFolderId": "default"},
        "contactFolders/contacts": {"id": "default", "displayName": "Contacts"},
    }

    def fetch(url: str, **_: object) -> dict[str, Any]:
        path = url.removeprefix(f"{ROOT}me/").partition("?")[0]
        return answers.get(path.removeprefix("contacts/"), {"value": []})

    def send(*_: object, **__: object) -> dict[str, Any]:
        raise AssertionError("nothing is to be written")

    contacts = Office365WritableContacts(fetch, send, root=ROOT, is_consented=True)
    for act in (lambda ref: contacts.read(ref), lambda ref: contacts.add_number(ref, MOBILE)):
        with pytest.raises(Gone):
            act(RemoteRef("x", "default"))
    assert contacts.read(RemoteRef("y", "default")).display_name == "Rosa"
    assert contacts.read(RemoteRef("y")).folders == ("default",)


@pytest.mark.parametrize(("is_consented", "expected"), [(True, Rejected), (False, PermissionMissing)])
def test_a_refusal_is_the_folder_s_where_writing_was_consented_to(
    sandbox: Sandbox, contacts: Any, is_consented: bool, expected: type[Exception]
) -> None:
    asked = Office365WritableContacts(contacts._fetch, contacts._send, root=contacts._root, is_consented=is_consented)
    sandbox.faults.add("403-scope", "/graph/*/contacts", method="POST")
    with pytest.raises(expected):
        asked.create(DRAFT, key=KEY)
    assert asked.create(DRAFT, key=KEY).key == KEY


def test_what_graph_does_not_take_is_rejected_and_not_tried_again(sandbox: Sandbox, contacts: Any) -> None:
    sandbox.faults.add("400", "/graph/*/contacts", method="POST")
    with pytest.raises(Rejected):
        contacts.create(DRAFT, key=KEY)
    assert requests_of(sandbox) == ["GET", "POST"]
