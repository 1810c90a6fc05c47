"""Whose number it is: found in any spelling, told why, and never in anybody else's contacts."""

from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from contacts.callers import MOST_OTHERS, ContactBook, match_numbers
from contacts.models import Contact, ContactNumber
from integrations.models import Connection
from integrations.remote import NumberKind, RemoteNumber
from organizations.models import Organization, User
from phone.callers import Caller, book
from tests.contacts.conftest import Apply, person
from tests.policies import set_policy

NUMBER = "+4930901820"


def find(user: User, *numbers: str) -> dict[str, Caller]:
    return dict(ContactBook().find_callers(user, numbers))


def test_the_phone_pages_ask_this_book() -> None:
    assert isinstance(book(), ContactBook)


@pytest.mark.parametrize(
    "written",
    ["+49 30 901820", "030 901820", "(030) 90 18-20", "0049 30 901820", "+49 (0)30 901820", "030/901820", "٠٣٠٩٠١٨٢٠"],
)
def test_a_number_finds_its_contact_in_any_spelling(apply: Apply, alice: User, written: str) -> None:
    apply(person("1", "Anna Weber", numbers=(written,)), person("2", "Bob Stone", numbers=("030 901821",)))
    caller = find(alice, NUMBER)[NUMBER]
    assert (caller.name, caller.written) == ("Anna Weber", written)
    assert caller.url == f"/contacts/{Contact.objects.get(display_name='Anna Weber').pk}/"
    assert find(alice, "+4930901822") == {}


def test_a_match_is_explained(apply: Apply, alice: User) -> None:
    contact = person("1", "Anna Weber")
    for kind, label, expected in (
        (NumberKind.MOBILE, "", "Mobile"),
        (NumberKind.OTHER, "Boat", "Boat"),
        (NumberKind.OTHER, "", "Other"),
    ):
        apply(type(contact)(contact.ref, display_name="Anna Weber", numbers=(RemoteNumber("030 901820", kind, label),)))
        Contact.objects.update(stamp="")
        assert find(alice, NUMBER)[NUMBER].explanation == f"Matches {expected}, 030 901820, of Anna Weber."


def test_of_several_the_first_of_the_list_is_named_and_the_others_too(apply: Apply, alice: User) -> None:
    apply(
        person("1", "Zoe Weber", numbers=("030 901820",)),
        person("2", "anna Weber", numbers=("030 901820", "+49 30 901820")),
        person("3", "Mia Weber", numbers=("030 901820",)),
        person("4", "Aaron at the desk", numbers=("030 901820 ext. 12",)),
    )
    caller = find(alice, NUMBER)[NUMBER]
    assert caller.name == "anna Weber"
    assert caller.others == ("Mia Weber", "Zoe Weber", "Aaron at the desk")
    assert caller.explanation.endswith("of anna Weber. Also in Mia Weber, Zoe Weber, Aaron at the desk.")


def test_of_very_many_some_are_named(apply: Apply, alice: User) -> None:
    apply(*(person(str(one), f"P{one:02}", numbers=("030 901820",)) for one in range(20)))
    others = find(alice, NUMBER)[NUMBER].others
    assert others[0] == "P01" and others[-1] == "16 more" and len(others) == MOST_OTHERS + 1


def test_a_contact_without_a_name_is_named_by_what_it_has(apply: Apply, alice: User) -> None:
    apply(person("1", numbers=("030 901820",)))
    assert find(alice, NUMBER)[NUMBER].name == "030 901820"


def test_nobody_is_found_by_no_number(apply: Apply, alice: User) -> None:
    apply(person("1", "Short", numbers=("4711",)))
    assert ContactNumber.objects.get().e164 == ""
    assert find(alice, "") == find(alice) == find(alice, "4711") == {}


def test_only_ones_own_contacts_are_found(
    apply: Apply, alice: User, bob: User, charlie: User, make_connection: Callable[..., Connection]
) -> None:
    apply(person("1", "Anna Weber", numbers=("030 901820",)))
    make_connection(bob)
    for stranger in (bob, charlie):
        assert find(stranger, NUMBER) == {}
        assert not ContactBook().find_numbers(stranger, "anna")
    assert find(alice, NUMBER)
    assert list(ContactBook().find_numbers(alice, "anna") or ()) == [NUMBER]


def test_nobody_is_found_where_contacts_may_not_be_read_now(apply: Apply, alice: User, northwind: Organization) -> None:
    apply(person("1", "Anna Weber", numbers=("030 901820",)))
    set_policy(northwind, {"google.contacts_read": "off"})
    assert find(alice, NUMBER) == {} and ContactBook().find_numbers(alice, "anna") is None
    set_policy(northwind, {"google.contacts_read": "ask"})
    alice = User.objects.get(pk=alice.pk)
    assert find(alice, NUMBER) and ContactBook().find_numbers(alice, "anna") is not None
    Connection.objects.update(contacts_read=False)
    assert find(alice, NUMBER) == {}


def test_words_find_the_numbers_of_contacts_inside_another_query(apply: Apply, alice: User) -> None:
    apply(
        person("1", "Anna Weber", numbers=("030 901820", "0171 2345678", "4711")),
        person("2", "Bob Stone", numbers=("030 555123",), organization="Weber & Co"),
        person("3", "Cleo", numbers=("030 777777",)),
    )
    found = ContactBook().find_numbers(alice, "weber")
    assert found is not None
    with CaptureQueriesContext(database) as queries:
        assert ContactNumber.objects.filter(e164__in=found).count() == 3
    assert len(queries) == 1
    assert set(found) == {NUMBER, "+491712345678", "+4930555123"}
    assert ContactBook().find_numbers(alice, "  ") is None


@pytest.mark.parametrize("size", [1, 50])
def test_a_page_of_numbers_takes_three_queries(apply: Apply, alice: User, size: int) -> None:
    apply(*(person(str(one), f"P{one}", numbers=(f"030 9018{one:02}",)) for one in range(size)))
    numbers = [f"+49309018{one:02}" for one in range(size)] * 2
    find(alice, NUMBER)  # finds the policy, as every page does
    with CaptureQueriesContext(database) as queries:
        assert len(find(alice, *numbers)) == size
    assert len(queries) == 3  # connection, numbers, contacts


def test_a_number_is_found_by_its_index(connection: Connection) -> None:
    contacts = Contact.objects.bulk_create(
        Contact(connection=connection, remote_id=str(one), sort_name=f"{one:04}") for one in range(2_000)
    )
    ContactNumber.objects.bulk_create(
        ContactNumber(contact=one, connection=connection, position=0, value="x", e164=f"+4930{one.pk:06}")
        for one in contacts
    )
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
        if database.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows are read sooner without any index
    for size in (1, 50):
        plan = match_numbers(connection, [f"+4930{one.pk:06}" for one in contacts[:size]]).explain()
        assert "numbers_by_e164" in plan, plan
