"""Whose meetings a person sees beside their own: by day, by policy, by place, and in how many queries."""

from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.policy_models import AdminPolicy
from meetings.delegating import find_circle
from meetings.models import Delegation, Meeting, Origin
from meetings.visibility import Relation
from organizations.models import Group, Membership, User
from tests.meetings.conftest import NOW, make_connection
from tests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def named(alice, bob):
    """Bob has named Alice."""
    return Delegation.objects.create(owner=bob, delegate=alice)


def circle_of(user):
    """As a new request finds it."""
    return find_circle(User.objects.get(pk=user.pk))


def owners_of(user):
    return [one.user.email.split("@")[0] for one in circle_of(user).owners]


def test_who_is_named_by_nobody_sees_their_own(alice, bob):
    circle = circle_of(alice)
    assert [(one.owner_id, one.relation) for one in circle.sights] == [(alice.pk, Relation.OWNER)]
    assert circle.find_owner(alice.pk) == alice
    assert circle.find_owner(bob.pk) is None
    with pytest.raises(KeyError):
        circle.relation_to(bob.pk)


@pytest.mark.parametrize("may", [True, False])
def test_who_is_named_sees_the_owner_as_the_owner_says(named, alice, bob, may):
    Delegation.objects.update(may_manage_private=may)
    circle = circle_of(alice)
    assert circle.relation_to(bob.pk) is (Relation.PRIVATE_DELEGATE if may else Relation.DELEGATE)
    assert circle.find_owner(bob.pk) == bob
    assert owners_of(bob) == [], "it goes one way"


@pytest.mark.parametrize(
    ("zone", "last", "holds"),
    [
        # At NOW it is the 23rd from Honolulu's evening of the 22nd to Kiritimati's evening of the 23rd.
        ("Europe/Berlin", date(2026, 11, 23), True),
        ("Europe/Berlin", date(2026, 11, 22), False),
        ("Pacific/Honolulu", date(2026, 11, 22), True),
        ("Pacific/Honolulu", date(2026, 11, 21), False),
        ("Pacific/Kiritimati", date(2026, 11, 23), True),
        ("Pacific/Kiritimati", date(2026, 11, 22), False),
        ("No/Such_Zone", date(2026, 11, 23), True),
        ("", None, True),
    ],
)
def test_the_last_day_is_the_owners_own(named, alice, bob, zone, last, holds):
    User.objects.filter(pk=bob.pk).update(time_zone=zone)
    User.objects.filter(pk=alice.pk).update(time_zone="Pacific/Auckland")
    Delegation.objects.update(until=last)
    assert owners_of(alice) == (["bob"] if holds else [])


@pytest.mark.parametrize("last", [date(1, 1, 1), date(9999, 12, 31)])
def test_the_ends_of_the_calendar_are_days_like_others(named, alice, last):
    Delegation.objects.update(until=last)
    assert owners_of(alice) == (["bob"] if last.year > 2026 else [])


@pytest.mark.parametrize("who", ["owner", "delegate"])
def test_somebody_who_cannot_sign_in_is_in_no_circle(named, alice, bob, who):
    User.objects.filter(pk=bob.pk if who == "owner" else alice.pk).update(is_active=False)
    assert owners_of(alice) == []
    User.objects.update(is_active=True)
    assert owners_of(alice) == ["bob"]


@pytest.mark.parametrize("who", ["owner", "delegate", "both"])
def test_only_who_works_in_one_organization_with_the_owner_sees_them(named, alice, bob, rival, who):
    moved = {"owner": [bob], "delegate": [alice], "both": [alice, bob]}[who]
    Membership.objects.filter(user__in=moved).update(organization=rival)
    assert owners_of(alice) == (["bob"] if who == "both" else [])
    Membership.objects.filter(user__in=moved).delete()
    assert owners_of(alice) == []


@pytest.mark.parametrize("level", ["organization", "group", "member", "delegate"])
def test_policy_is_the_owners_at_every_level(named, alice, bob, northwind, level):
    more = {}
    if level == "group":
        more["group"] = Group.objects.create(organization=northwind, name="Sales")
        bob.membership.groups.add(more["group"])
    elif level in ("member", "delegate"):
        more["membership"] = bob.membership if level == "member" else alice.membership
    set_policy(northwind, {"scheduling_privilege": False}, **more)
    assert owners_of(alice) == (["bob"] if level == "delegate" else [])
    assert Delegation.objects.exists()
    AdminPolicy.objects.all().delete()
    assert owners_of(alice) == ["bob"]


def test_a_lock_above_decides_over_what_a_member_has(named, alice, bob, northwind):
    set_policy(northwind, {"scheduling_privilege": False}, locks=["scheduling_privilege"])
    set_policy(northwind, {"scheduling_privilege": True}, membership=bob.membership)
    assert owners_of(alice) == []
    set_policy(northwind, {"scheduling_privilege": False})
    assert owners_of(alice) == ["bob"]


# --- What is read of the owner ---


@pytest.fixture
def rows(named, bob):
    connection = make_connection(bob)
    times = {"starts": NOW, "ends": NOW + timedelta(hours=1)}
    Meeting.objects.create(owner=bob, connection=connection, remote_id="x", title="Imported", **times)
    Meeting.objects.create(owner=bob, origin=Origin.HERE, title="Scheduled here", **times)
    return connection


def titles_for(user):
    return sorted(one.title for one in Meeting.objects.visible_to(circle_of(user).sights))


def test_imported_meetings_are_shown_while_the_owners_calendar_may_be_read(rows, alice):
    assert titles_for(alice) == ["Imported", "Scheduled here"]


@pytest.mark.parametrize("why", ["gone", "permission", "switched off", "held back", "no longer readable"])
def test_what_is_scheduled_here_is_shown_all_the_same_when_it_may_not(rows, alice, bob, northwind, why):
    if why == "gone":
        rows.delete()
    elif why == "permission":
        type(rows).objects.update(calendar_read=False)
    elif why == "switched off":
        set_policy(northwind, {"enabled": False})
    elif why == "held back":
        set_policy(northwind, {"google.calendar_read": "off"})
    else:
        set_policy(northwind, {"google.offered": False}, membership=bob.membership)
    assert titles_for(alice) == ["Scheduled here"]


def test_a_grace_period_lets_a_connection_be_read_until_it_ends(rows, alice, northwind):
    until = timezone.now() + timedelta(days=1)
    locked = set_policy(northwind, {"google.calendar_read": "off"}, locks=["google.calendar_read"])
    assert titles_for(alice) == ["Scheduled here"]
    locked.kept_choices, locked.kept_locks, locked.kept_until = {}, [], until
    locked.save()
    assert titles_for(alice) == ["Imported", "Scheduled here"]
    locked.kept_until = timezone.now() - timedelta(seconds=1)
    locked.save()
    assert titles_for(alice) == ["Scheduled here"]


def test_ones_own_calendar_says_nothing_of_the_owners(rows, alice):
    """Alice has connected nothing."""
    assert not find_circle(alice, reads_calendar=False).own.reads_calendar
    assert titles_for(alice) == ["Imported", "Scheduled here"]


# --- What it costs ---


def test_one_query_for_who_is_named_by_nobody_and_the_same_few_however_many_there_are(northwind, make_member, alice):
    costs = {}
    for count in (0, 1, 3, 20):
        User.objects.filter(email__startswith="owner").delete()
        for number in range(count):
            owner = make_member(northwind, f"owner{number}@northwind.example")
            if number % 2:
                make_connection(owner)
                owner.membership.groups.add(Group.objects.get_or_create(organization=northwind, name=f"G{number}")[0])
            Delegation.objects.create(owner=owner, delegate=alice)
        user = User.objects.select_related("membership__organization").get(pk=alice.pk)
        with CaptureQueriesContext(database) as queries:
            circle = find_circle(user)
            assert len(circle.owners) == count
            for one in circle.owners:  # what pages ask of each of them costs nothing more
                assert (one.user.organization, one.user.label, str(one.user.zone)) == (
                    northwind, one.user.email, "Europe/Berlin",
                )  # fmt: skip
        costs[count] = len(queries)
    assert costs[0] == 1
    assert costs[1] == costs[3] == costs[20] <= 5, costs
