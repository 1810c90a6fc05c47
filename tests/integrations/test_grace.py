"""While a grace period runs, a connection that is there goes on as before, on the person's own pages too."""

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import changing, sync, tasks, terms
from integrations.deciding import Place
from integrations.models import Connection, Status
from integrations.permissions import Permission, parse_permissions
from integrations.policy_models import AdminPolicy, PolicyEffect, policy_for
from integrations.providers.memory import Memory
from integrations.verdicts import Outcome
from organizations.models import Group, User
from tests.integrations.conftest import way_out
from tests.integrations.enforcement import carry_out, decide, make_connection, pass_days
from tests.integrations.test_views import CALLBACK, EDIT, NEW, PERMISSIONS, PROFILE, messages_of, text_of
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
RENEWAL = "/integrations/connection/renewal/"


def keep(organization, choices, *, days=7.0, **more):
    """Lock all of these from now on; what was said before is kept for some days."""
    before = AdminPolicy.objects.filter(organization=organization, **{"group": None, **more}).first()
    kept = {"kept_choices": before.choices, "kept_locks": before.locks} if before else {}
    until = timezone.now() + timedelta(days=days)
    return set_policy(organization, choices, locks=choices, kept_until=until, **kept, **more)


def end_grace(organization):
    AdminPolicy.objects.filter(organization=organization).update(kept_until=timezone.now() - timedelta(seconds=1))


def post(client, url, *ticked, **more):
    return client.post(url, {"permissions": list(ticked), **more})


def come_back(client, memory, answer, email):
    """From the page that leads to the provider, all ticked there, and back. Returns the scopes that were asked for."""
    url = way_out(client, answer)
    client.get(CALLBACK, memory.consent(url, email))
    return parse_qs(urlsplit(url).query)["scope"][0].split()


def boxes_of(page):
    return {one["choice"].permission.value: one["choice"] for one in page.context["boxes"]}


def names_of(connection):
    return Connection.objects.get(pk=connection.pk).permission_names()


# --- Configure -----------------------------------------------------------------------------------------------------


def test_unticking_one_box_ends_that_one_alone(connect, alice_client, northwind, memory, alice):
    connection = connect("calendar_write", "contacts_read")
    keep(northwind, {"memory.calendar_write": "off"})
    assert "once unticked, it cannot be ticked again" in text_of(alice_client.get(EDIT))
    answer = post(alice_client, EDIT, "calendar_read", "calendar_write")
    assert names_of(connection) == ["calendar_read", "calendar_write"]
    assert come_back(alice_client, memory, answer, alice.email) == ["calendar_read", "calendar_write"]
    assert names_of(connection) == ["calendar_read", "calendar_write"]
    answer = post(alice_client, EDIT, "calendar_read")
    assert names_of(connection) == ["calendar_read"], "what ends soon may be given up before"


def test_configure_opens_though_the_service_is_locked_off_and_offers_what_is_there_alone(
    connect, alice_client, northwind, memory, alice
):
    connection = connect("calendar_write", "contacts_read")
    keep(northwind, {"memory.offered": False})
    page = alice_client.get(EDIT)
    assert page.status_code == 200
    assert {name: (box.ticked, box.fixed) for name, box in boxes_of(page).items()} == {
        "calendar_read": (True, False),
        "calendar_write": (True, False),
        "contacts_read": (True, False),
        "contacts_write": (False, True),
    }
    assert "This service is not offered to you, by decision of your organization." in text_of(page)
    answer = post(alice_client, EDIT, "calendar_read", "calendar_write", "contacts_read", "contacts_write")
    scopes = come_back(alice_client, memory, answer, alice.email)
    assert scopes == names_of(connection) == ["calendar_read", "calendar_write", "contacts_read"]
    assert "Not allowed any more, by decision of your organization: Contacts write." in messages_of(alice_client)
    post(alice_client, EDIT, "contacts_read")
    post(alice_client, EDIT, "contacts_read", "calendar_read")
    assert names_of(connection) == ["contacts_read"], "what was given up is not had anew"
    end_grace(northwind)
    page = alice_client.get(EDIT)
    assert page.status_code == 200
    assert all(box.fixed for box in boxes_of(page).values())
    assert '<button class="button button--primary">' not in text_of(page)
    assert post(alice_client, EDIT, "contacts_read").status_code == 422
    assert names_of(connection) == ["contacts_read"]


def test_a_box_that_is_held_back_gives_up_nothing_when_others_are_saved(alice_client, northwind, alice):
    connection = make_connection(alice, "calendar_read", "contacts_read", "contacts_write", method="password")
    set_policy(northwind, {"memory.require_oauth": False, "memory.calendar_read": "off"})
    assert post(alice_client, EDIT, "contacts_read").status_code == 302
    assert names_of(connection) == ["calendar_read", "contacts_read"]
    set_policy(northwind, {"memory.require_oauth": False, "memory.contacts_read": "off"})
    assert post(alice_client, EDIT, "calendar_read").status_code == 302
    assert names_of(connection) == ["calendar_read", "contacts_read"]


def test_by_password_only_what_was_granted_before_is_kept(alice_client, northwind, alice):
    set_policy(northwind, {"memory.require_oauth": False})
    connection = make_connection(alice, "calendar_read", "contacts_read", method="password")
    keep(northwind, {"memory.require_oauth": True})
    answer = post(alice_client, EDIT, "calendar_read", "calendar_write", method="password")
    assert answer.status_code == 302
    assert names_of(connection) == ["calendar_read"]
    end_grace(northwind)
    assert post(alice_client, EDIT, "calendar_read", method="password").status_code == 422


def test_a_mode_that_is_switched_on_counts_during_the_grace_period(connect, alice_client, northwind, memory, alice):
    connection = connect("calendar_write")
    keep(northwind, {"memory.calendar_write": "off", "memory.contacts_read": "on"})
    answer = post(alice_client, EDIT, "calendar_read", "calendar_write")
    come_back(alice_client, memory, answer, alice.email)
    assert names_of(connection) == ["calendar_read", "calendar_write", "contacts_read"]


def test_widening_is_decided_by_what_holds_at_that_moment(northwind, alice):
    set_policy(northwind, {"memory.require_oauth": False})
    connection = make_connection(alice, "calendar_read", method="password")
    policy_for(connection.user)  # the page was made before the admin locked
    asked = parse_permissions(["calendar_read", "contacts_read"])
    set_policy(northwind, {"memory.require_oauth": False, "memory.contacts_read": "off"})
    assert changing.widen(connection, asked, by=alice) == frozenset()
    set_policy(northwind, {"memory.require_oauth": False})
    assert changing.widen(connection, asked, by=alice) == {Permission.CONTACTS_READ}
    Connection.objects.all().delete()
    with pytest.raises(terms.CannotConnect):
        changing.widen(connection, asked, by=alice)


# --- Reconnect and Grant -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [{"memory.offered": False}, {"enabled": False}, {"mailbox_domains": ["x.example"]}])
def test_the_same_account_is_reconnected_as_before_and_no_other(
    connect, alice_client, northwind, memory, alice, account, lock
):
    connection = connect("calendar_write")
    keep(northwind, lock)
    account.end_grant()
    sync.run(connection.pk, trigger="person")
    assert "Reconnect </button>" in text_of(alice_client.get(PROFILE))
    other = memory.add_person("other@northwind.example")
    come_back(alice_client, memory, alice_client.post(RENEWAL), other.email)
    assert "is connected already" in messages_of(alice_client)
    come_back(alice_client, memory, alice_client.post(RENEWAL), alice.email)
    connection.refresh_from_db()
    assert connection.status == Status.CONNECTED
    assert names_of(connection) == ["calendar_read", "calendar_write"]
    end_grace(northwind)
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    assert "Reconnect </button>" not in text_of(alice_client.get(PROFILE))
    assert alice_client.post(RENEWAL)["Location"] == PROFILE
    assert "by decision of your organization" in messages_of(alice_client) or "switched off" in messages_of(
        alice_client
    )


def test_a_new_connection_falls_under_the_lock_though_the_person_had_one_before(
    connect, alice_client, northwind, memory, alice
):
    connect("calendar_write")
    url = way_out(alice_client, alice_client.post(RENEWAL))
    keep(northwind, {"memory.offered": False})
    alice_client.post("/integrations/connection/deletion/new/")
    alice_client.get(CALLBACK, memory.consent(url, alice.email))
    assert not Connection.objects.exists()
    assert alice_client.get(PERMISSIONS).status_code == 404
    assert f'href="{PERMISSIONS}"' not in text_of(alice_client.get(NEW))


def test_grant_is_offered_for_what_may_still_be_had(connect, alice_client, northwind, memory, alice):
    connection = connect("calendar_read", "contacts_read", untick=frozenset({Permission.CONTACTS_READ}))
    assert "Grant </button>" in text_of(alice_client.get(PROFILE))
    keep(northwind, {"memory.contacts_read": "off"})
    assert "Grant </button>" not in text_of(alice_client.get(PROFILE))
    come_back(alice_client, memory, alice_client.post(RENEWAL), alice.email)
    assert names_of(connection) == ["calendar_read"]


def test_what_goes_on_and_is_unticked_at_the_provider_is_not_said_to_be_had_by_grant(
    connect, alice_client, northwind, memory, alice
):
    connection = connect("calendar_read", "contacts_read")
    keep(northwind, {"memory.contacts_read": "off"})
    url = way_out(alice_client, alice_client.post(RENEWAL))
    alice_client.get(CALLBACK, memory.consent(url, alice.email, untick=frozenset({Permission.CONTACTS_READ})))
    connection.refresh_from_db()
    assert (connection.permission_names(), connection.declined) == (["calendar_read"], [])
    assert "Press Grant" not in messages_of(alice_client)


@pytest.fixture
def looked_up(monkeypatch):
    """Names are looked up in this book: the network is off."""
    book = {"memory.example": "93.184.216.34", "other.example": "93.184.216.35"}
    monkeypatch.setattr("safety.connections._look_up", lambda host, port: [(2, 1, 6, (book[host], port))])
    cache.clear()
    log_in = Memory.log_in
    there = {"host": "memory.example"}
    monkeypatch.setattr(Memory, "log_in", lambda *args, **more: replace(log_in(*args, **more), **there))


def test_a_password_may_go_to_the_server_it_went_to_before(alice_client, northwind, alice, account, looked_up, queued):
    account.password = "a password of Alice's"
    typed = {"user": alice.email, "password": account.password, "version": "", "ews_url": "https://memory.example/"}
    said = {"memory.require_oauth": False}
    set_policy(northwind, said)
    form = post(alice_client, PERMISSIONS, "calendar_read", method="password")["Location"]
    alice_client.post(form, typed)
    connection = Connection.objects.get()
    assert connection.host == "memory.example"
    keep(northwind, {**said, "memory.ews_hosts": ["other.example"]})
    form = alice_client.post(RENEWAL)["Location"]
    assert alice_client.post(form, typed).status_code == 302
    assert names_of(connection) == ["calendar_read"]
    form = alice_client.post(RENEWAL)["Location"]
    end_grace(northwind)
    answer = alice_client.post(form, typed)
    assert answer.status_code == 422
    assert "Only other.example is allowed, by decision of your organization." in text_of(answer)


# --- what the profile says -----------------------------------------------------------------------------------------


def test_the_card_says_what_ends_when_and_by_whose_decision(connect, alice_client, northwind, alice):
    connect("calendar_write", "contacts_read")
    assert "Ends on" not in text_of(alice_client.get(PROFILE))
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    policy = keep(northwind, {"memory.calendar_write": "off"}, days=9)
    later = keep(northwind, {"memory.contacts_read": "off"}, group=group, days=5)
    page = text_of(alice_client.get(PROFILE))
    for until, who in ((policy.kept_until, "your organization"), (later.kept_until, "your group Sales")):
        local = until.astimezone(alice.zone)
        assert re.search(rf"Ends on \w+, {local.day} {local:%B} {local:%Y, %H:%M}, by decision of {who}\.", page)
    assert page.count("Ends on") == 4, "a badge and a sentence for each of two"
    assert page.count(">Granted<") == 1
    end_grace(northwind)
    assert "Ends on" not in text_of(alice_client.get(PROFILE))


def test_the_card_does_not_call_switched_off_what_still_goes_on(connect, alice_client, northwind):
    connect("calendar_read")
    keep(northwind, {"enabled": False})
    page = text_of(alice_client.get(PROFILE))
    assert "Nothing is read or shown while it is off" not in page
    assert "by decision of your organization" in page
    end_grace(northwind)
    assert "Nothing is read or shown while it is off" in text_of(alice_client.get(PROFILE))


def test_of_two_grace_periods_the_one_that_ends_it_counts(northwind, alice):
    """Each would end the same: the first to run out does."""
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    keep(northwind, {"memory.offered": False}, days=9)
    first = keep(northwind, {"own_mailbox": True}, group=group, days=3)
    connection = make_connection(alice, mailbox="elsewhere@x.example")
    found = terms.find_endings(alice, connection.facts)
    assert {one.at for one in found.values()} == {first.kept_until}
    assert all(one.is_final for one in found.values())
    assert {one.reason.source.words for one in found.values()} == {"your group Sales"}


def test_what_is_only_held_back_afterwards_is_not_said_to_end(alice_client, northwind, alice):
    connection = make_connection(alice)
    until = timezone.now() + timedelta(days=3)
    set_policy(northwind, {"memory.calendar_write": "off"}, kept_until=until)
    (found,) = terms.find_endings(User.objects.get(pk=alice.pk), connection.facts).values()
    assert not found.is_final
    local = until.astimezone(alice.zone)
    said = rf"Is held back from \w+, {local.day} {local:%B} {local:%Y, %H:%M} on, by decision of your organization\."
    assert re.search(said, text_of(alice_client.get(PROFILE)))


def test_what_the_card_says_of_a_grace_period_costs_one_query(connect, alice_client, northwind):
    connect("calendar_write")
    alice_client.get(PROFILE)
    counts = []
    for days in (None, 3, 4):
        if days:
            keep(northwind, {"memory.calendar_write": "off"}, days=days)
        with CaptureQueriesContext(database) as queries:
            alice_client.get(PROFILE)
        counts.append(len(queries))
    assert counts[1] == counts[2] == counts[0] + 1


def test_the_link_for_an_administrator_is_there_while_it_goes_on(connect, alice_client, northwind):
    connect("calendar_read")
    keep(northwind, {"memory.offered": False})
    page = alice_client.get("/integrations/connection/approval/memory/")
    assert page.context["url"].startswith("https://memory.example/approve?")
    end_grace(northwind)
    assert alice_client.get("/integrations/connection/approval/memory/").status_code == 404


def test_what_the_card_says_is_what_the_worker_does(northwind, alice, monkeypatch):
    monkeypatch.setattr(tasks.enforce_change, "delay", lambda *_: None)
    connection = make_connection(alice, "calendar_read", "calendar_write")
    change = decide(Place(northwind), {"memory.calendar_write": "off"}, ["memory.calendar_write"], grace_days=7)
    carry_out()
    ((permission, ending),) = terms.find_endings(User.objects.get(pk=alice.pk), connection.facts).items()
    assert (permission, ending.at, ending.is_final) == (Permission.CALENDAR_WRITE, change.due_at, True)
    pass_days(7.1)
    carry_out()
    assert PolicyEffect.objects.get().outcome == Outcome.NARROWED
    assert names_of(connection) == ["calendar_read"]
