"""Who has a phone at the phone system, as licences."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from organizations.models import Organization, User
from phone import licensing
from phone.models import Licence, PhoneSystem, SystemKind
from phone.owners import find_owners
from phone.systems import Owner, PhoneUser

ALICE = PhoneUser("id-a", "Alice@Northwind.example", "1201", ("+493012345678",))
BOB = PhoneUser("id-b", "bob@northwind.example", "1202")
STRANGER = PhoneUser("id-c", "charlie@rival.example", "1203")


@pytest.fixture
def row(northwind: Organization) -> PhoneSystem:
    return PhoneSystem.objects.create(organization=northwind, kind=SystemKind.ZOOM, credentials={})


def licence_of(user: User) -> Licence:
    return Licence.objects.get(user=user)


def test_whoever_is_named_may_call_and_nobody_of_another_organization(
    row: PhoneSystem, alice: User, bob: User, charlie: User
) -> None:
    licensing.keep(row, [ALICE, STRANGER])

    licence = licence_of(alice)
    assert licence.is_held
    assert (licence.remote_id, licence.extension, licence.numbers_json) == ("id-a", "1201", ["+493012345678"])
    assert licence.read_at is not None
    assert not Licence.objects.filter(user__in=[bob, charlie]).exists()
    row.refresh_from_db()
    assert row.licences_read_at is not None


def test_whoever_is_no_longer_named_loses_it_and_keeps_what_an_admin_assigned(
    row: PhoneSystem, alice: User, bob: User
) -> None:
    Licence.objects.create(user=alice, is_assigned=True)
    licensing.keep(row, [ALICE, BOB])
    assert licence_of(alice).is_at_system
    assert licence_of(bob).is_held

    licensing.keep(row, [PhoneUser("id-x", "somebody@northwind.example")])

    assert not licence_of(alice).is_at_system
    assert licence_of(alice).is_held
    assert not licence_of(bob).is_held


def test_a_phone_that_is_switched_off_gives_no_licence(row: PhoneSystem, alice: User) -> None:
    licensing.keep(row, [PhoneUser("id-a", ALICE.email, is_active=False)])
    assert not licence_of(alice).is_held

    licensing.keep(row, [PhoneUser("id-a", ALICE.email, is_active=False), PhoneUser("id-a2", ALICE.email)])
    assert licence_of(alice).is_held
    assert licence_of(alice).remote_id == "id-a2"


def test_where_licences_are_assigned_here_people_are_still_told_apart(row: PhoneSystem, alice: User) -> None:
    row.reads_licences = False
    row.save()
    licensing.keep(row, [ALICE])

    assert not licence_of(alice).is_held
    assert licence_of(alice).remote_id == "id-a"


def test_a_phone_that_is_passed_on_is_its_new_owners_alone(row: PhoneSystem, alice: User, bob: User) -> None:
    licensing.keep(row, [ALICE])
    licensing.keep(row, [PhoneUser("id-a", BOB.email, "1201")])

    assert licence_of(bob).remote_id == "id-a"
    assert licence_of(alice).remote_id == ""
    assert not licence_of(alice).is_held


def test_an_extension_is_nobodys_here_once_they_have_no_phone(row: PhoneSystem, alice: User, bob: User) -> None:
    Licence.objects.create(user=alice, is_assigned=True)
    licensing.keep(row, [ALICE, BOB])
    licensing.keep(row, [PhoneUser("id-x", "somebody@elsewhere.example", ALICE.extension), BOB])

    assert find_owners(row.organization, {Owner(extension="1201")}) == {}
    assert find_owners(row.organization, {Owner("id-a", extension="1201")}).popitem()[1] == alice.pk
    assert find_owners(row.organization, {Owner(extension="1202")}).popitem()[1] == bob.pk
    assert (licence_of(alice).is_held, licence_of(alice).numbers_json) == (True, [])


def test_that_suddenly_nobody_has_a_phone_is_not_believed(row: PhoneSystem, alice: User) -> None:
    licensing.keep(row, [ALICE])
    licensing.keep(row, [])

    assert licence_of(alice).is_held


def test_a_system_that_was_changed_meanwhile_says_nothing_any_more(row: PhoneSystem, alice: User) -> None:
    old = PhoneSystem.objects.get(pk=row.pk)
    PhoneSystem.objects.filter(pk=row.pk).update(changed_at=timezone.now() + timedelta(seconds=1))
    licensing.keep(old, [ALICE])

    assert not Licence.objects.exists()


def test_it_costs_the_same_however_many_there_are(
    row: PhoneSystem, alice: User, bob: User, dora: User, django_assert_num_queries
) -> None:
    def listed() -> Iterator[PhoneUser]:
        yield from [ALICE, BOB, PhoneUser("id-d", dora.email)]

    licensing.keep(row, listed())
    with django_assert_num_queries(8):
        licensing.keep(row, listed())


def test_they_are_read_twice_a_day_and_when_somebody_asks(row: PhoneSystem, northwind: Organization) -> None:
    now = timezone.now()
    assert licensing.is_due(row, now)
    row.licences_read_at = now - timedelta(hours=11)
    row.save()
    assert not licensing.is_due(row, now)
    assert licensing.is_due(row, now + timedelta(hours=1))

    assert licensing.ask(northwind)
    row.refresh_from_db()
    assert licensing.is_due(row, now)
