"""Whoever is refused something, or finds a box locked, reads which level decided it: on every page of their own."""

import pytest
from django.utils import timezone

from integrations.models import Connection
from organizations.models import Group
from tests.integrations.conftest import way_out
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
NEW, PERMISSIONS, PROFILE = "/integrations/connection/new/", "/integrations/connection/new/memory/", "/profile/"
GROUP, MEMBER, ORGANIZATION = "your group Sales", "an administrator, for you alone", "your organization"


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.fixture(params=[ORGANIZATION, GROUP, MEMBER])
def decide(request, northwind, alice):
    """decide(choices, locks): on one of the three levels; `decide.words` are how Alice reads of it."""
    place = {}
    if request.param == GROUP:
        place["group"] = Group.objects.create(organization=northwind, name="Sales")
        alice.membership.groups.add(place["group"])
    if request.param == MEMBER:
        place["membership"] = alice.membership

    def decide(choices, locks=()):
        set_policy(northwind, choices, locks=locks, **place)

    decide.words = request.param
    return decide


@pytest.fixture
def connection(alice):
    return Connection.objects.create(
        user=alice, provider="memory", mailbox=alice.email, account_id=alice.email, credentials={"user": "x"},
        calendar_read=True, contacts_read=True, synced_at=timezone.now(), next_sync_at=timezone.now(),
    )  # fmt: skip


def test_where_the_integration_is_off(decide, alice_client):
    decide({"enabled": False})
    sentence = f"The calendar and contact integration is switched off, by {decide.words}."
    for path in (PROFILE, NEW, "/meetings/", "/contacts/"):
        assert sentence in text_of(alice_client.get(path)), path


def test_where_a_service_is_not_offered(decide, alice_client):
    decide({"memory.offered": False})
    page = text_of(alice_client.get(NEW))
    assert f"This service is not offered to you, by decision of {decide.words}." in page


def test_at_a_locked_box(decide, alice_client):
    decide({"memory.calendar_write": "off", "memory.contacts_read": "on"}, ["memory.calendar_write"])
    page = text_of(alice_client.get(PERMISSIONS))
    assert f"Switched off by {decide.words}." in page
    assert f"Switched on by {decide.words}." in page


def test_where_all_that_was_ticked_is_off(decide, alice_client, memory, account):
    leaving = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"]})
    decide({"memory.calendar_read": "off", "memory.calendar_write": "off"})
    alice_client.get(
        "/integrations/callback/", memory.consent(way_out(alice_client, leaving), "alice@northwind.example")
    )
    page = text_of(alice_client.get(PROFILE))
    assert f"Everything you ticked is switched off by {decide.words}." in page


def test_where_part_of_what_was_asked_for_went_meanwhile(decide, alice_client, memory, queued, account):
    leaving = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read", "contacts_read"]})
    url = way_out(alice_client, leaving)
    decide({"memory.contacts_read": "off", "memory.contacts_write": "off"})
    alice_client.get("/integrations/callback/", memory.consent(url, "alice@northwind.example"))
    page = text_of(alice_client.get(PROFILE))
    assert f"Not allowed any more, by decision of {decide.words}: Contacts read." in page


def test_where_a_mailbox_is_none_of_those_allowed(decide, alice_client, memory, queued, account):
    decide({"mailbox_domains": ["elsewhere.example"]})
    leaving = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"]})
    alice_client.get(
        "/integrations/callback/", memory.consent(way_out(alice_client, leaving), "alice@northwind.example")
    )
    page = text_of(alice_client.get(PROFILE))
    assert f"Only mailboxes at elsewhere.example may be connected, by decision of {decide.words}." in page
    assert not Connection.objects.exists()


def test_at_what_is_held_back_of_a_connection(decide, alice_client, connection):
    decide({"memory.contacts_read": "off", "memory.contacts_write": "off", "memory.calendar_read": "off",
            "memory.calendar_write": "off"})  # fmt: skip
    page = text_of(alice_client.get(PROFILE))
    assert f"Contacts read was switched off by {decide.words}." in page
    assert f"Calendar read was switched off by {decide.words}." in text_of(alice_client.get("/meetings/"))
    assert f"Contacts read was switched off by {decide.words}." in text_of(alice_client.get("/contacts/"))


def test_at_a_mailbox_that_is_no_longer_allowed_and_at_who_is_asked(decide, alice_client, connection):
    decide({"mailbox_domains": ["elsewhere.example"]})
    assert f"may be connected, by decision of {decide.words}." in text_of(alice_client.get("/meetings/"))
    connection.delete()
    decide({"prompt": "until_done"})
    page = text_of(alice_client.get("/integrations/prompt/"))
    assert f"until you are connected, by decision of {decide.words}." in page
