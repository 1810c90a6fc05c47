"""Writing to Google Contacts over real HTTP: what is sent, and what only Google does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

from integrations.errors import Conflict, Gone, PermissionMissing, RateLimited, Rejected, Unexpected, Unreachable
from integrations.providers.google import Google, GoogleAccount
from integrations.providers.google.contact_drafts import NUMBER_TYPES, dump_numbers, dump_person
from integrations.providers.google.contact_writing import LABEL_GONE, LAGS, NOT_ACCEPTED, GoogleContacts
from integrations.providers.google.people import parse_person
from integrations.providers.google.responses import ADDRESS_BOOK_FULL, make_error
from integrations.remote import ContactDraft, NumberKind, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef
from sandbox.server import Sandbox
from tests.contracts.stages import PERSON
from tests.sandbox.shapes import find_misfits, load_shared_judge

Open = Callable[[Google], GoogleAccount]
KEY = "0123456789abcdef0123456789abcdef"
NUMBER = RemoteNumber("+49 30 901820", NumberKind.MOBILE, "mobile")
OTHER = RemoteNumber("+351 21 347 0000", NumberKind.FAX, "workFax")
FULL = ContactDraft(
    "Inês 🎉",
    "Ferreira",
    "Ferreira & Filhos",
    (RemoteEmail("ines@ferreira.example", "work"), RemoteEmail("ines@home.example")),
    (NUMBER, OTHER),
)
DRAFT = ContactDraft("Ines", "Ferreira", numbers=(NUMBER,))
HELD: dict[str, Any] = {
    "resourceName": "people/c1",
    "etag": "%narrow",
    "metadata": {
        "sources": [{"type": "CONTACT", "id": "1", "etag": "#own", "updateTime": "2026-11-22T10:00:00Z"}],
        "objectType": "PERSON",
    },
    "phoneNumbers": [{"metadata": {"primary": True}, "value": "110", "type": "Hotline", "formattedType": "Hotline"}],
}


@pytest.fixture
def contacts(google: Google, open_with: Open) -> GoogleContacts:
    return open_with(google).contacts


def member_of(*groups: str) -> list[dict[str, Any]]:
    return [{"contactGroupMembership": {"contactGroupResourceName": one}} for one in groups]


# what is sent


def test_a_new_contact_is_dumped_in_the_documented_shape() -> None:
    assert dump_person(FULL, key=KEY, folder="contactGroups/a") == {
        "names": [{"givenName": "Inês 🎉", "familyName": "Ferreira"}],
        "organizations": [{"name": "Ferreira & Filhos"}],
        "emailAddresses": [{"value": "ines@ferreira.example", "type": "work"}, {"value": "ines@home.example"}],
        "phoneNumbers": [
            {"value": "+49 30 901820", "type": "mobile"},
            {"value": "+351 21 347 0000", "type": "workFax"},
        ],
        "memberships": member_of("contactGroups/myContacts", "contactGroups/a"),
        "clientData": [{"key": "portico", "value": KEY}],
    }
    for folder in ("", "contactGroups/myContacts"):
        assert dump_person(ContactDraft(family_name="Ferreira"), key=KEY, folder=folder) == {
            "names": [{"familyName": "Ferreira"}],
            "memberships": member_of("contactGroups/myContacts"),
            "clientData": [{"key": "portico", "value": KEY}],
        }


def test_a_number_goes_behind_those_that_are_there_with_the_version_that_was_read() -> None:
    assert dump_numbers(HELD, NUMBER) == {
        "etag": "%narrow",
        "metadata": {"sources": HELD["metadata"]["sources"]},
        "phoneNumbers": [*HELD["phoneNumbers"], {"value": "+49 30 901820", "type": "mobile"}],
    }
    assert dump_numbers({}, NUMBER)["phoneNumbers"] == [{"value": "+49 30 901820", "type": "mobile"}]


BODIES = [dump_person(FULL, key=KEY, folder="contactGroups/a"), dump_person(DRAFT, key=KEY), dump_numbers(HELD, OTHER)]


@pytest.mark.parametrize("body", BODIES)
def test_what_is_sent_fits_the_discovery_document(body: dict[str, Any]) -> None:
    assert find_misfits("people.v1", "Person", body) == []


# the reference validator leaves the document it reads open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_sent_satisfies_the_reference_validator_too() -> None:
    judge = load_shared_judge("people.v1")
    for body in BODIES:
        assert judge.check("Person", body) == []


@pytest.mark.parametrize("type_", NUMBER_TYPES, ids=lambda one: one.key)
def test_a_type_is_of_the_kind_that_its_numbers_are_read_as(type_: Any) -> None:
    body = dump_person(ContactDraft(numbers=(RemoteNumber("110", label=type_.key),)), key=KEY)
    read = parse_person({"resourceName": "people/c1", **body})
    assert [one.kind for one in read.numbers] == [type_.kind]


def test_our_mark_is_read_and_no_other() -> None:
    other, mine = {"key": "another app", "value": "17"}, {"key": "portico", "value": KEY}
    for data, expected in (([other, mine], KEY), ([other], ""), ([], ""), ([{"key": "portico"}], "")):
        assert parse_person({"resourceName": "people/c1", "clientData": data}).key == expected


# making a contact


def test_a_new_contact_takes_two_requests_and_says_which_fields_it_wants(
    sandbox: Sandbox, contacts: GoogleContacts
) -> None:
    made = contacts.create(FULL, key=KEY)
    looked, wrote = sandbox.log.requests("/google/people/*")
    assert looked.asked("sortOrder") == ["LAST_MODIFIED_DESCENDING"]
    assert looked.asked("pageSize") == ["1000"] and looked.asked("personFields") == ["clientData"]
    assert wrote.path.endswith("/people:createContact")
    assert made.key == KEY and contacts.read(made.ref) == made
    doc = sandbox.google.contacts.get(PERSON, made.ref.id).doc
    assert [one["type"] for one in doc["phoneNumbers"]] == ["mobile", "workFax"]


def test_a_contact_is_under_its_label_and_under_those_that_google_shows(
    sandbox: Sandbox, contacts: GoogleContacts
) -> None:
    label = sandbox.google.contacts.save_group(PERSON, "Clients")["name"]
    made = contacts.create(DRAFT, key=KEY, folder=label)
    assert set(made.folders) == {label, "contactGroups/myContacts"}


def test_a_try_after_a_lost_answer_waits_until_google_can_tell(sandbox: Sandbox, contacts: GoogleContacts) -> None:
    sandbox.faults.add("lost-answer", "*/people:createContact")
    with pytest.raises(Unreachable) as caught:
        contacts.create(DRAFT, key=KEY)
    assert caught.value.retry_after == timedelta(minutes=3)
    assert contacts.create(DRAFT, key=KEY).key == KEY
    assert sandbox.google.contacts.count(PERSON) == 1


def test_what_is_wrong_with_a_contact_is_told_as_such_and_not_as_a_label_that_is_gone(
    sandbox: Sandbox, contacts: GoogleContacts
) -> None:
    label = sandbox.google.contacts.save_group(PERSON, "Clients")["name"]
    sandbox.faults.add("400", "*/people:createContact")
    with pytest.raises(Rejected, match=NOT_ACCEPTED):
        contacts.create(DRAFT, key=KEY, folder=label)
    sandbox.google.contacts.delete_group(PERSON, label)
    with pytest.raises(Gone, match=LABEL_GONE):
        contacts.create(DRAFT, key=KEY, folder=label)
    assert sandbox.google.contacts.count(PERSON) == 0


def test_a_contact_that_was_deleted_is_made_again(sandbox: Sandbox, contacts: GoogleContacts) -> None:
    made = contacts.create(DRAFT, key=KEY)
    sandbox.google.contacts.delete(PERSON, made.ref.id)
    with pytest.raises(Gone):
        contacts.read(made.ref)
    assert contacts.create(DRAFT, key=KEY).ref.id != made.ref.id


# adding a number


def test_a_contact_that_google_has_renamed_is_written_under_its_new_name(
    sandbox: Sandbox, contacts: GoogleContacts
) -> None:
    made = contacts.create(DRAFT, key=KEY)
    renamed = sandbox.google.contacts.rename(PERSON, made.ref.id)
    added = contacts.add_number(RemoteRef(made.ref.id), OTHER)
    assert (added.ref.id, len(added.numbers)) == (renamed, 2)


def test_numbers_keep_what_only_google_knows_of_them(sandbox: Sandbox, contacts: GoogleContacts) -> None:
    body = {"names": [{"givenName": "Ines"}], "phoneNumbers": [{"value": "030 901820", "type": "Hotline"}]}
    name = sandbox.google.contacts.create(PERSON, body)["resourceName"]
    before = sandbox.google.contacts.get(PERSON, name).doc["phoneNumbers"]
    contacts.add_number(RemoteRef(name), OTHER)
    after = sandbox.google.contacts.get(PERSON, name).doc["phoneNumbers"]
    assert after[:-1] == before
    assert (after[-1]["value"], after[-1]["formattedType"]) == ("+351 21 347 0000", "Work Fax")


def test_who_adds_to_whatever_is_there_is_not_stopped_by_a_change_of_the_same_moment(
    sandbox: Sandbox, contacts: GoogleContacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = contacts.create(DRAFT, key=KEY)
    write, nicknames = GoogleContacts._write, iter(("Né", "Nê"))

    def meddle(self: GoogleContacts, request: Any) -> Any:
        if name := next(nicknames, ""):
            sources = sandbox.google.contacts.get(PERSON, made.ref.id).doc["metadata"]["sources"]
            body = {"nicknames": [{"value": name}], "metadata": {"sources": sources}}
            sandbox.google.contacts.update(PERSON, made.ref.id, body, ["nicknames"])
        return write(self, request)

    monkeypatch.setattr(GoogleContacts, "_write", meddle)
    added = contacts.add_number(RemoteRef(made.ref.id), OTHER)
    assert len(added.numbers) == 2
    nicknames = iter(("Nininha",))
    with pytest.raises(Conflict):
        contacts.add_number(added.ref, RemoteNumber("110", label="other"))
    assert len(contacts.read(added.ref).numbers) == 2


class LaggingGoogle:
    """Goes on giving an old version to read after there is a newer one."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, request: Any, *, has_cursor: bool = False, is_write: bool = False) -> dict[str, Any]:
        self.asked.append(request.method)
        if is_write:
            raise Conflict
        return HELD


@pytest.mark.parametrize("version", ["", "%narrow"])
def test_a_reading_that_lags_behind_is_waited_for_and_no_conflict(version: str) -> None:
    fetch = LaggingGoogle()
    with pytest.raises(Unreachable, match=LAGS) as caught:
        GoogleContacts(fetch, root="https://people.example/").add_number(RemoteRef("people/c1", "", version), NUMBER)
    assert caught.value.retry_after == timedelta(minutes=3)
    assert fetch.asked == ["GET", "PATCH", "GET"]


# refusals


def people_error(status: int, name: str, message: str = "Something.", reason: str = "") -> bytes:
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if reason:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    return orjson.dumps({"error": error})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, people_error(400, "FAILED_PRECONDITION"), Conflict),
        (400, people_error(400, "INVALID_ARGUMENT"), Rejected),
        (403, people_error(403, "PERMISSION_DENIED", reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT"), PermissionMissing),
        (404, people_error(404, "NOT_FOUND"), Gone),
        (409, people_error(409, "ABORTED"), Conflict),
        (429, people_error(429, "RESOURCE_EXHAUSTED", reason="RATE_LIMIT_EXCEEDED"), RateLimited),
        (429, people_error(429, "RESOURCE_EXHAUSTED", "MY_CONTACTS_OVERFLOW_COUNT"), Rejected),
        (503, people_error(503, "UNAVAILABLE"), Unreachable),
    ],
)
def test_a_refusal_of_a_write_says_who_must_act(status: int, body: bytes, expected: type[Exception]) -> None:
    assert type(make_error(status, {}, body, is_write=True)) is expected


def test_a_full_address_book_is_told_as_such_and_not_waited_for() -> None:
    def refuse(request: Any, *, has_cursor: bool = False, is_write: bool = False) -> dict[str, Any]:
        if not is_write:
            return {}
        raise make_error(429, {}, people_error(429, "RESOURCE_EXHAUSTED", "MY_CONTACTS_OVERFLOW_COUNT"), is_write=True)

    with pytest.raises(Rejected, match="Your address book at Google is full") as caught:
        GoogleContacts(refuse, root="https://people.example/").create(DRAFT, key=KEY)
    assert caught.value.sentence == ADDRESS_BOOK_FULL


@pytest.mark.parametrize(
    "answer",
    [{"connections": [{"resourceName": 1, "clientData": "odd"}, None, 17]}, {"connections": [{}]}, {}],
)
def test_an_odd_list_of_marks_is_one_in_which_ours_is_not(answer: dict[str, Any]) -> None:
    made = {"resourceName": "people/c1", "etag": "%1", "clientData": [{"key": "portico", "value": KEY}]}

    def fetch(request: Any, *, has_cursor: bool = False, is_write: bool = False) -> dict[str, Any]:
        return made if is_write else answer

    contacts = GoogleContacts(fetch, root="https://people.example/")
    assert contacts.create(DRAFT, key=KEY) == RemoteContact(RemoteRef("people/c1", "", "%1"), display_name="", key=KEY)


def test_an_answer_that_is_no_contact_is_not_taken_for_one() -> None:
    def fetch(request: Any, *, has_cursor: bool = False, is_write: bool = False) -> dict[str, Any]:
        return {}

    with pytest.raises(Unexpected):
        GoogleContacts(fetch, root="https://people.example/").read(RemoteRef("people/c1"))
    deleted = {"resourceName": "people/c1", "metadata": {"deleted": True}}
    with pytest.raises(Gone):
        GoogleContacts(lambda *_, **__: deleted, root="https://people.example/").read(RemoteRef("people/c1"))
