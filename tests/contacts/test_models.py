"""Reads: whose contacts, in which folder, found by what."""

from collections.abc import Callable

import pytest
from django.db import connection as database

from contacts.models import Contact, ContactFolder, ContactNumber
from integrations.models import Connection
from integrations.remote import RemoteFolder
from organizations.models import Organization, User
from tests.contacts.conftest import Apply, person
from tests.policies import set_policy


def test_only_the_owner_of_a_connection_sees_its_contacts(
    apply: Apply,
    alice: User,
    bob: User,
    charlie: User,
    dora: User,
    support: User,
    make_connection: Callable[..., Connection],
) -> None:
    apply(person("1", "Ada"))
    make_connection(bob)
    assert [one.name for one in Contact.objects.visible_to(alice)] == ["Ada"]
    for other in (bob, charlie, dora, support):
        assert not Contact.objects.visible_to(other).exists()


def test_a_policy_that_switches_contacts_off_hides_them_at_once(
    apply: Apply, alice: User, northwind: Organization
) -> None:
    apply(person("1", "Ada"))
    rule = set_policy(northwind, {"google.contacts_read": "off"})
    assert not Contact.objects.visible_to(User.objects.get(pk=alice.pk)).exists()
    rule.choices = {"google.contacts_read": "ask"}
    rule.save()
    assert Contact.objects.visible_to(User.objects.get(pk=alice.pk)).exists()


def test_a_connection_that_may_not_read_contacts_shows_none(apply: Apply, connection: Connection, alice: User) -> None:
    apply(person("1", "Ada"))
    Connection.objects.update(contacts_read=False)
    assert not Contact.objects.visible_to(alice).exists()


def test_a_folder_shows_what_is_directly_in_it(apply: Apply) -> None:
    folders = (RemoteFolder("a", "A"), RemoteFolder("b", "B", parent="a"))
    apply(person("1", "Ada", folders=("a",)), person("2", "Ben", folders=("b",)), folders=folders)
    assert [one.name for one in Contact.objects.in_folder(ContactFolder.objects.get(name="A"))] == ["Ada"]


@pytest.fixture
def book(apply: Apply) -> None:
    apply(
        person("1", "Jürgen Müller", organization="Straßenbau AG", numbers=("030 / 90 18 20",), title="Polier"),
        person("2", "Søren Kjær", emails=("SK@Fabrikam.example",), numbers=("+45 32 12 34 56",)),
        person("3", "王小明", numbers=("0171 2345678", "4711")),
        person("4", "מרים כהן", note="Müller"),
        person("5", "🦊 Fox", numbers=("٠٣٠ ٥٥٥٤٤٣٣",)),
        person("6", "100% Juice_Co", numbers=("+1 202 555 0123 x5",)),
        person("7", "Flower Shop", numbers=("call 4 U",)),
        person("8", "محمد العربي"),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "12345678"),
        ("  ", "12345678"),
        ("muller", "1"),
        ("MÜLLER jurgen", "1"),
        ("ju\u0308rg", "1"),
        ("strassenbau", "1"),
        ("polier", "1"),
        ("soren", "2"),
        ("kjaer", "2"),
        ("sk@fabrikam", "2"),
        ("小明", "3"),
        ("כהן", "4"),
        ("🦊", "5"),
        ("ｆｏｘ", "5"),
        ("محمد", "8"),
        ("100%", "6"),
        ("juice_co", "6"),
        ("juiceXco", ""),
        ("%", "6"),
        ("_", "6"),
        ("'; DROP TABLE contacts_contact; --", ""),
        ("\x00", "12345678"),
        ("mul\x00ler", "1"),
        ("030 901820", "1"),
        ("+49 (0)30 901820", "1"),
        ("0049 30 901820", "1"),
        ("+4930901820", "1"),
        ("90 18-20", "1"),
        ("90 18", "1"),
        ("tel:+4930901820", "1"),
        ("+45 3212", "2"),
        ("00171 234", "3"),
        ("0171/2345678", "3"),
        ("4711", "3"),
        ("030 5554433", "5"),
        ("٥٥٥٤٤٣٣", "5"),
        ("(202) 555-0123", "6"),
        ("+1 202 555 0123 ext 5", "6"),
        ("call", "7"),
        ("ada lovelace", ""),
    ],
)
@pytest.mark.usefixtures("book")
def test_a_contact_is_found_in_any_spelling(text: str, found: str) -> None:
    hits = Contact.objects.search(text, region="DE").order_by("remote_id").values_list("remote_id", flat=True)
    assert "".join(hits) == found


@pytest.mark.usefixtures("book")
def test_what_was_pasted_by_accident_is_searched_without_harm() -> None:
    assert not Contact.objects.search("word " * 10_000).exists()
    assert not Contact.objects.search("1" * 10_000).exists()


def test_names_are_in_the_same_order_in_every_database(apply: Apply) -> None:
    names = ["élan", "Zoë", "ada", "Émile", "Älter", "42 Ltd", "ada b", "ada-b", "王", "Жанна", "zz", "_x", "", "eLaz"]
    apply(*(person(str(serial), name) for serial, name in enumerate(names)))
    assert [one.name for one in Contact.objects.by_name()] == [
        "No name",
        "42 Ltd",
        "ada",
        "ada b",
        "ada-b",
        "Älter",
        "élan",
        "eLaz",
        "Émile",
        "_x",
        "Zoë",
        "zz",
        "Жанна",
        "王",
    ]


def test_the_list_is_read_in_its_order_from_an_index(apply: Apply, connection: Connection) -> None:
    if database.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    apply(*(person(str(serial), f"P{serial}") for serial in range(50)))
    plan = Contact.objects.of(connection).search("p1").by_name()[:5].explain()
    assert "contacts_by_name" in plan and "TEMP B-TREE" not in plan


def test_a_number_is_called_what_the_provider_calls_it() -> None:
    assert ContactNumber(kind="other", label="Boat").kind_label == "Boat"
    assert ContactNumber(kind="work", label="w0rk").kind_label == "Work"
    assert ContactNumber().kind_label == "Other"


def test_what_is_written_into_logs_names_nobody(apply: Apply) -> None:
    apply(person("1", "Ada", numbers=("030 123456",), folders=("f",)), folders=(RemoteFolder("f", "Secret"),))
    contact = Contact.objects.get()
    said = f"{contact!r} {contact.numbers.get()!r} {contact.folders.get()!r} {contact.filings.get()!r}"
    assert not any(word in said for word in ("Ada", "030", "Secret"))
