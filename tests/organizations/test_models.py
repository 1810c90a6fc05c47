"""Small questions about people."""

import zoneinfo

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from organizations.models import Membership, User, hash_token
from organizations.time_zones import find_region, list_countries, list_zones

pytestmark = pytest.mark.django_db


def test_an_address_is_one_person_whatever_its_case(alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        User(email="ALICE@Northwind.example").save()
    assert User.objects.get_by_natural_key("Alice@NORTHWIND.example") == alice


def test_the_zone_is_the_persons_else_the_organizations_else_utc(alice, northwind):
    assert alice.zone.key == "Europe/Berlin"
    alice.time_zone = "Asia/Tokyo"
    assert alice.zone.key == "Asia/Tokyo"
    assert User(email="nobody@nowhere.example").zone.key == "UTC"


@pytest.mark.parametrize("odd", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\0", "Europe"])
def test_a_zone_that_does_not_exist_falls_back(alice, odd):
    alice.time_zone = odd
    assert alice.zone.key == "Europe/Berlin"


def test_a_person_belongs_to_one_organization(alice, rival):
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=alice, organization=rival)


def test_asking_again_where_somebody_works_costs_nothing(alice, django_assert_num_queries):
    person = User.objects.get(pk=alice.pk)
    with django_assert_num_queries(1):
        assert person.organization.name == "Northwind Legal"
        assert person.find_membership().role == "member"
        assert person.zone.key == "Europe/Berlin"


def test_who_works_nowhere_is_asked_once_too(support, django_assert_num_queries):
    person = User.objects.get(pk=support.pk)
    with django_assert_num_queries(1):
        assert person.organization is None
        assert person.find_membership() is None


@given(st.text(min_size=1, max_size=50))
def test_a_token_is_not_to_be_read_from_its_hash(token):
    assert len(hash_token(token)) == 64
    assert token not in hash_token(token) or len(token) < 3


def test_every_zone_offered_exists_and_most_lie_in_a_country():
    offered = [name for _, zones in list_zones() for name, _ in zones]
    assert len(offered) == len(set(offered)) > 400
    assert all(zoneinfo.ZoneInfo(name) for name in offered)
    assert (find_region("Europe/Berlin"), find_region("America/New_York"), find_region("UTC")) == ("DE", "US", "")
    assert ("DE", "Germany") in list_countries()
