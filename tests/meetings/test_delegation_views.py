"""The page Scheduling privilege: naming, changing, removing, giving up, and what stands in the way."""

from datetime import date

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from meetings import naming
from meetings.delegating import find_circle
from meetings.models import Delegation, HostCursor
from organizations.models import AuditEvent, Membership, User
from organizations.signals import member_left
from tests.meetings.test_views import text_of
from tests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
PAGE = reverse("meetings:delegates")
PROFILE = reverse("integrations:profile")


@pytest.fixture
def named(alice, bob):
    """Alice has named Bob."""
    return Delegation.objects.create(owner=alice, delegate=bob)


def events():
    return [(one.action, one.actor_label, one.subject_label) for one in AuditEvent.objects.order_by("pk")]


# --- Naming ---


@pytest.mark.parametrize(
    "person", ["bob@northwind.example", "BOB@Northwind.example", "Bob Okafor", "x <bob@northwind.example>"]
)
def test_a_colleague_is_named_by_address_or_name(alice, bob, alice_client, person, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = alice_client.post(PAGE, {"person": person, "until": "2026-12-01"}, follow=True)
    assert "Bob Okafor can schedule for you now" in text_of(response)
    made = Delegation.objects.get()
    assert (made.owner, made.delegate, made.may_manage_private, made.until) == (alice, bob, False, date(2026, 12, 1))
    assert events() == [("delegate.named", alice.email, bob.email)]
    assert AuditEvent.objects.get().details["last_day"] == "2026-12-01"
    assert [one.to for one in mail.outbox] == [[bob.email]]
    assert mail.outbox[0].subject == "You can schedule for Alice Meyer"
    assert "the end of 1 December 2026" in mail.outbox[0].body
    assert "time alone" in mail.outbox[0].body


def test_the_owner_says_whether_private_events_are_managed_too(
    alice, bob, alice_client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post(PAGE, {"person": bob.email, "may_manage_private": "on"})
    assert Delegation.objects.get().may_manage_private
    assert "You may manage private events, too." in mail.outbox[0].body
    assert "Manages private events, too" in text_of(alice_client.get(PAGE))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"person": ""}, "Say who is to schedule for you."),
        ({"person": "nobody@northwind.example"}, "Nobody at Northwind Legal has this name or address."),
        ({"person": "charlie@rival.example"}, "Nobody at Northwind Legal has this name or address."),
        ({"person": "Charlie Stone"}, "Nobody at Northwind Legal has this name or address."),
        ({"person": "alice@northwind.example"}, "You schedule for yourself already."),
        ({"person": "bob@northwind.example", "until": "2026-11-22"}, "This day is over already."),
        ({"person": "bob@northwind.example", "until": "soon"}, "Write the day as 2027-01-31."),
        ({"person": "b\x00b" + "x" * 5000}, "at most 300"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(alice_client, bob, charlie, fields, sentence):
    response = alice_client.post(PAGE, fields)
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not Delegation.objects.exists()


def test_today_is_the_owners_own(alice_client, alice, bob):
    """At NOW it is the 23rd in Berlin and still the 22nd in Honolulu."""
    alice.time_zone = "Pacific/Honolulu"
    alice.save()
    assert alice_client.post(PAGE, {"person": bob.email, "until": "2026-11-22"}).status_code == 302


def test_two_of_one_name_are_told_apart_by_address(alice_client, northwind, make_member, bob):
    make_member(northwind, "bob2@northwind.example", name="Bob Okafor")
    response = alice_client.post(PAGE, {"person": "Bob Okafor"})
    assert response.status_code == 422
    assert "Write the e-mail address." in text_of(response)
    assert alice_client.post(PAGE, {"person": bob.email}).status_code == 302


def test_nobody_is_named_twice_but_anew_once_it_is_over(alice_client, named, bob):
    response = alice_client.post(PAGE, {"person": bob.email})
    assert response.status_code == 422
    assert "Bob Okafor schedules for you already." in text_of(response)
    Delegation.objects.update(until=date(2026, 11, 22))
    assert "Over" in text_of(alice_client.get(PAGE))
    assert alice_client.post(PAGE, {"person": bob.email}).status_code == 302
    assert Delegation.objects.get().until is None


def test_somebody_who_is_switched_off_is_not_named(alice_client, bob, alice):
    bob.is_active = False
    bob.save()
    assert alice_client.post(PAGE, {"person": bob.email}).status_code == 422
    with pytest.raises(naming.NamingRefused, match="only colleagues who can sign in"):
        naming.name_delegate(alice, bob, may_manage_private=False, until=None)


def test_there_is_an_end_to_how_many_are_named(alice_client, named, dora, monkeypatch):
    monkeypatch.setattr(naming, "MOST_DELEGATES", 1)
    response = alice_client.post(PAGE, {"person": dora.email})
    assert "1 people are named already." in text_of(response)
    monkeypatch.setattr(naming, "MOST_DELEGATES", 2)
    assert alice_client.post(PAGE, {"person": dora.email}).status_code == 302


def test_colleagues_are_offered_and_strangers_are_not(alice_client, bob, charlie):
    url = reverse("meetings:delegate_people")
    assert "Bob Okafor &lt;bob@northwind.example&gt;" in alice_client.get(f"{url}?person=oka").content.decode()
    for text in ("charlie", "rival", "alice"):
        assert "<option" not in alice_client.get(f"{url}?person={text}").content.decode()


# --- Changing and ending ---


def test_what_a_delegate_may_do_is_changed_and_noted(alice_client, alice, bob, named):
    url = reverse("meetings:delegate", args=[named.pk])
    assert "Bob Okafor" in text_of(alice_client.get(url))
    fields = {"may_manage_private": "on", "until": "2027-01-31"}
    assert alice_client.post(url, fields).status_code == 302
    named.refresh_from_db()
    assert (named.may_manage_private, named.until) == (True, date(2027, 1, 31))
    alice_client.post(url, fields)
    assert events() == [("delegate.changed", alice.email, bob.email)], "saving the same is no change"
    details = AuditEvent.objects.get().details
    assert details["before"] == {"manages_private_events": False, "last_day": ""}
    assert alice_client.post(url, {"until": "2026-11-01"}).status_code == 422


def test_removing_ends_it_at_once(alice_client, alice, bob, named):
    assert "You schedule for them" in text_of(alice_client.get(PAGE))
    response = alice_client.post(reverse("meetings:delegate_removal", args=[named.pk]), follow=True)
    assert "Bob Okafor no longer sees your meetings" in text_of(response)
    assert not Delegation.objects.exists()
    assert events() == [("delegate.removed", alice.email, bob.email)]


def test_a_delegate_gives_up_and_the_owner_is_told(bob_client, alice, bob, named, django_capture_on_commit_callbacks):
    assert "Alice Meyer" in text_of(bob_client.get(PAGE))
    with django_capture_on_commit_callbacks(execute=True):
        response = bob_client.post(reverse("meetings:delegate_giving_up", args=[named.pk]), follow=True)
    assert "You no longer schedule for Alice Meyer" in text_of(response)
    assert not Delegation.objects.exists()
    assert events() == [("delegate.given_up", bob.email, bob.email)]
    told = [(one.to, one.subject) for one in mail.outbox]
    assert told == [([alice.email], "Bob Okafor no longer schedules for you")]


@pytest.mark.parametrize("name", ["delegate", "delegate_removal", "delegate_giving_up"])
def test_only_those_two_reach_it(named, dora_client, alice_client, bob_client, name):
    url = reverse(f"meetings:{name}", args=[named.pk])
    clients = {"delegate": [dora_client, bob_client], "delegate_removal": [dora_client, bob_client]}
    for client in clients.get(name, [dora_client, alice_client]):
        assert client.post(url).status_code == 404
    assert Delegation.objects.exists()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_it_ends_when_one_of_them_leaves_or_is_switched_off(named, northwind, alice, bob, dora, who):
    leaver = {"alice": alice, "bob": bob}[who]
    member_left.send(sender=None, user=leaver, organization=northwind, reason="Gone.", by=dora, address=None)
    assert not Delegation.objects.exists()
    assert ("delegate.removed", dora.email, bob.email) in events()


def test_who_comes_back_through_another_organization_sees_nothing(named, rival, alice, bob):
    Membership.objects.filter(user=bob).update(organization=rival)
    assert not find_circle(User.objects.get(pk=bob.pk)).owners


# --- The switch ---


@pytest.mark.parametrize("level", ["organization", "member"])
def test_where_it_is_switched_off_nobody_is_named_and_who_decided_is_said(
    alice_client, alice, bob, named, northwind, dora, level
):
    membership = alice.membership if level == "member" else None
    set_policy(northwind, {"scheduling_privilege": False}, membership=membership)
    words = text_of(alice_client.get(PAGE))
    assert "Naming delegates is switched off, by" in words
    assert "Held back" in words
    assert "Name as delegate" not in words
    response = alice_client.post(PAGE, {"person": dora.email})
    assert response.status_code == 422
    change = alice_client.post(reverse("meetings:delegate", args=[named.pk]), {"may_manage_private": "on"})
    assert change.status_code == 422
    assert Delegation.objects.get().may_manage_private is False
    assert "Naming delegates is switched off" in text_of(alice_client.get(PROFILE))


def test_delegations_come_back_with_the_policy(bob_client, named, northwind):
    set_policy(northwind, {"scheduling_privilege": False})
    assert "Nobody has named you." in text_of(bob_client.get(PAGE))
    set_policy(northwind, {"scheduling_privilege": True})
    assert "Alice Meyer" in text_of(bob_client.get(PAGE))


def test_they_can_be_removed_while_it_is_switched_off(alice_client, named, northwind):
    set_policy(northwind, {"scheduling_privilege": False})
    assert alice_client.post(reverse("meetings:delegate_removal", args=[named.pk])).status_code == 302
    assert not Delegation.objects.exists()


# --- Elsewhere ---


def test_the_profile_says_who_schedules_for_whom(alice_client, bob_client, named):
    assert "Schedule for you Bob Okafor" in text_of(alice_client.get(PROFILE))
    assert "You schedule for Alice Meyer" in text_of(bob_client.get(PROFILE))


def test_assistants_at_the_host_are_offered_with_one_press(alice_client, alice, bob, dora, charlie):
    kept = [bob.email, charlie.email, alice.email, "nobody@elsewhere.example"]
    HostCursor.objects.create(user=alice, assistants_json=kept)
    words = text_of(alice_client.get(PAGE))
    assert "In Zoom these people may schedule for you: Name Bob Okafor here" in words
    assert "Charlie" not in words
    assert 'value="bob@northwind.example"' in alice_client.get(f"{PAGE}?person={bob.email}").content.decode()
    Delegation.objects.create(owner=alice, delegate=bob)
    assert "In Zoom" not in text_of(alice_client.get(PAGE))


def test_the_page_costs_the_same_queries_however_many_there_are(alice_client, alice, northwind, make_member):
    costs = []
    alice_client.get(PAGE)
    for count in (1, 10):
        User.objects.filter(email__startswith="n").exclude(pk=alice.pk).delete()
        for number in range(count):
            person = make_member(northwind, f"n{number}@northwind.example")
            Delegation.objects.create(owner=alice, delegate=person)
            Delegation.objects.create(owner=person, delegate=alice)
        with CaptureQueriesContext(connection) as queries:
            alice_client.get(PAGE)
        costs.append(len(queries))
    assert costs[0] == costs[1]
