"""Finding one's own contacts to invite: while they may be read, and nobody else's."""

import pytest

from contacts.lookup import find_people
from contacts.models import Contact
from integrations.models import Connection
from integrations.remote import RemoteEmail
from meetings.models import dump_json
from organizations.colleagues import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(alice):
    return Connection.objects.create(
        user=alice, provider="google", mailbox=alice.email, account_id="1", credentials={}, contacts_read=True
    )


def put(book, name, *addresses, number=0):
    return Contact.objects.create(
        connection=book,
        remote_id=f"{name}{number}",
        display_name=name,
        sort_name=name.lower(),
        search_text="\n".join([name, *addresses]).lower(),
        emails_json=dump_json([RemoteEmail(one) for one in addresses]),
    )


def test_each_address_of_a_contact_is_offered(book, alice):
    put(book, "Ann Ash", "ann@ash.example", "a.ash@work.example")
    assert find_people(alice, "ash", 5) == [
        Person("Ann Ash", "ann@ash.example", "Contacts"),
        Person("Ann Ash", "a.ash@work.example", "Contacts"),
    ]


def test_who_has_no_address_is_not_offered(book, alice):
    put(book, "Ann Ash")
    put(book, "Ben Ash", "ben@ash.example")
    assert [one.name for one in find_people(alice, "ash", 5)] == ["Ben Ash"]


def test_nobody_finds_anothers_contacts(book, bob, charlie):
    put(book, "Ann Ash", "ann@ash.example")
    assert find_people(bob, "ash", 5) == find_people(charlie, "ash", 5) == []


def test_nothing_is_offered_while_contacts_may_not_be_read(book, alice):
    put(book, "Ann Ash", "ann@ash.example")
    assert len(find_people(alice, "ash", 5)) == 1
    book.contacts_read = False
    book.save()
    assert find_people(alice, "ash", 5) == []


def test_nothing_is_offered_for_no_words(book, alice):
    put(book, "Ann Ash", "ann@ash.example")
    assert find_people(alice, "  ", 5) == []


@pytest.mark.parametrize("many", [1, 3])
def test_the_number_of_queries_does_not_grow(book, alice, django_assert_num_queries, many):
    for number in range(many):
        put(book, f"Ann Ash {number}", f"ann{number}@ash.example")
    alice.refresh_from_db()
    with django_assert_num_queries(4):
        assert len(find_people(alice, "ash", 10)) == many
