"""Finding colleagues to invite: everybody of one's own organization, and nobody else."""

import pytest

from organizations.colleagues import Person, find_people

pytestmark = pytest.mark.django_db


def test_a_colleague_is_found_by_any_part_of_name_or_address(alice, bob):
    assert find_people(alice, "oka", 5) == [Person("Bob Okafor", "bob@northwind.example", "Colleague")]
    assert find_people(alice, "BOB@north", 5) == find_people(alice, "okafor bob", 5) == find_people(alice, "oka", 5)
    assert find_people(alice, "bob meyer", 5) == []


def test_nobody_of_another_organization_is_found(alice, bob, charlie):
    assert find_people(charlie, "bob", 5) == []
    assert find_people(alice, "charlie", 5) == []
    assert [one.name for one in find_people(alice, "bob", 5)] == ["Bob Okafor"]


def test_who_cannot_sign_in_is_not_found_nor_the_person_themselves(alice, bob):
    assert find_people(alice, "alice", 5) == []
    bob.is_active = False
    bob.save()
    assert find_people(alice, "bob", 5) == []


def test_who_works_nowhere_finds_nobody(support, bob):
    assert find_people(support, "bob", 5) == []


@pytest.mark.parametrize("more", [0, 3])
def test_it_takes_two_queries_however_many_there_are(
    alice, bob, northwind, make_member, django_assert_num_queries, more
):
    for number in range(more):
        make_member(northwind, f"bobby{number}@northwind.example", name=f"Bobby {number}")
    alice.refresh_from_db()
    with django_assert_num_queries(2):
        assert len(find_people(alice, "bob", 10)) == 1 + more
