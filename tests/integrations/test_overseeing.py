"""The page of one member, and what an admin does there: another sync, or an end to the connection."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import ContactWrite
from integrations import sync
from integrations.models import Connection, PolicyChange, PolicyEffect, Status
from organizations.models import AuditEvent, Group, record
from tests.policies import set_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(connect):
    """Alice's, synced once."""
    made = connect()
    sync.run(made.pk, trigger="connect")
    made.refresh_from_db()
    return made


@pytest.fixture
def url(alice):
    return f"/administration/members/{alice.membership.pk}/"


def disconnect(client, url, connection, reason="Left the company's calendar", **more):
    return client.post(f"{url}disconnection/new/", {"connection": connection.pk, "reason": reason}, **more)


def test_the_page_shows_the_connection_its_syncs_and_the_policy_with_who_decided(
    dora_client, dora, northwind, alice, connection, url
):
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    set_policy(northwind, {"memory.calendar_write": "off"}, locks=["memory.calendar_write"])
    set_policy(northwind, {"prompt": "once"}, group=group)
    record("person.settings_changed", organization=northwind, actor=dora, subject=dora)
    page = dora_client.get(url)
    words = page.content.decode()
    for said in ("Alice Meyer", "Memory", "After connecting", "Done", "Group Sales", "Locked", "Sync now"):
        assert said in words
    decided = {line.label: (line.words, line.source.label) for line in page.context["decided"]}
    assert decided == {
        "Ask to connect after sign-in": ("Once", "Group Sales"),
        "Memory: Calendar write": ("Off", "Organization"),
    }
    assert f'href="/people/{alice.membership.pk}/"' in words
    (trail,) = re.findall(r'href="(/[^"]*\?who=[^"]+)"', words)
    shown = dora_client.get(trail)
    assert {event.subject for event in shown.context["events"]} == {alice}
    assert AuditEvent.objects.exclude(subject=alice).exists()


def test_neither_what_was_read_nor_a_secret_nor_a_technical_detail_is_on_the_page(dora_client, connection, url):
    connection.runs.update(
        outcome="failed", error_sentence="It cannot be reached.", error_detail="zebrafinch", notes=["zebrafinch"]
    )
    words = dora_client.get(url).content.decode()
    assert "It cannot be reached." in words
    for secret in ("zebrafinch", "Event 0", "Ann Ash"):
        assert secret not in words


def test_a_member_without_a_connection_has_a_page_too(dora_client, url):
    page = dora_client.get(url).content.decode()
    assert "is connected to no service" in page
    assert "Disconnect" not in page


def test_the_page_says_when_a_waiting_change_ends_the_connection_and_afterwards_that_it_did(
    dora_client, northwind, alice, connection, url
):
    change = PolicyChange.objects.create(
        organization=northwind, what="Organization", due_at=timezone.now() + timedelta(days=3)
    )
    effect = PolicyEffect.objects.create(
        change=change, user=alice, connection_id=connection.pk, provider="memory", mailbox=alice.email,
        outcome="disconnected", reasons=["This service is not offered to you."],
    )  # fmt: skip
    assert b"will end this connection on" in dora_client.get(url).content
    connection.delete()
    effect.state = "done"
    effect.save()
    page = dora_client.get(url).content
    assert b"Disconnected by policy" in page
    assert b"This service is not offered to you." in page


def add_effect(connection, **fields):
    change = PolicyChange.objects.create(
        organization=connection.user.organization, what="Organization", due_at=timezone.now() + timedelta(days=3)
    )
    values = {"provider": "memory", "mailbox": connection.mailbox, "outcome": "disconnected"}
    return PolicyEffect.objects.create(
        change=change, user=connection.user, connection_id=connection.pk, **values | fields
    )


def test_what_was_announced_for_a_connection_that_its_member_deleted_is_said_no_more(dora_client, connection, url):
    add_effect(connection)
    assert b"will end this connection on" in dora_client.get(url).content
    connection.delete()
    page = dora_client.get(url).content
    assert b"this connection on" not in page
    assert b"Disconnected by policy" not in page
    assert b"is connected to no service" in page


def test_how_policy_ended_a_connection_is_said_whatever_was_settled_with_it(dora_client, connection, url):
    add_effect(connection, state="done", reasons=["This service is not offered to you."])
    add_effect(connection, state="done", outcome="narrowed", reasons=["Calendar write was switched off."])
    assert b"Calendar write was switched off." not in dora_client.get(url).content
    connection.delete()
    page = dora_client.get(url).content
    assert b"Disconnected by policy" in page
    assert b"This service is not offered to you." in page


def test_in_a_grace_period_the_page_says_until_when_it_goes_on(dora_client, northwind, connection, url):
    assert b"A grace period runs" not in dora_client.get(url).content
    until = timezone.now() + timedelta(days=2)
    set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], kept_until=until)
    page = dora_client.get(url).content
    assert b"A grace period runs" in page
    assert b"This service is not offered to you" in page


def test_the_page_costs_the_same_however_many_syncs_and_groups_there_are(
    dora_client, northwind, alice, connection, url
):
    counts = []
    for n in range(4):
        sync.run(connection.pk, trigger="person")
        alice.membership.groups.add(Group.objects.create(organization=northwind, name=f"G{n}"))
        with CaptureQueriesContext(database) as queries:
            dora_client.get(url)
        counts.append(len(queries))
    # session, person, membership, what the banners need; the member, their groups; policies; effect; runs
    assert counts[1] == counts[2] == counts[3] <= 11


@pytest.mark.parametrize("path", ["", "sync/", "disconnection/new/"])
def test_nobody_else_finds_a_member_or_does_anything_to_them(
    alice_client, charlie_client, client, connection, url, queued, path
):
    queued.clear()
    for stranger in (alice_client, charlie_client):
        for method in ("get", "post"):
            answer = getattr(stranger, method)(url + path, {"connection": connection.pk, "reason": "x"})
            wrong_method = (method == "get") == (path == "sync/") and path != "disconnection/new/"
            assert answer.status_code == (405 if wrong_method else 404)
    assert client.post(url + path)["Location"].startswith("/accounts/login/")
    assert Connection.objects.filter(pk=connection.pk).exists()
    assert queued == []


def test_sync_now_queues_a_sync_and_writes_down_who_asked(
    dora_client, dora, alice, connection, url, queued, django_capture_on_commit_callbacks
):
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        answer = dora_client.post(f"{url}sync/", follow=True)
    assert queued == [(str(connection.pk), "admin")]
    assert "We are checking the connection of Alice Meyer now." in answer.content.decode()
    event = AuditEvent.objects.get(action="connection.sync_asked")
    assert (event.actor, event.subject) == (dora, alice)
    sync.run(connection.pk, trigger="admin")
    assert b"An admin asked" in dora_client.get(url).content
    assert dora_client.get(f"{url}sync/").status_code == 405


def test_sync_now_leads_back_to_where_it_was_asked_but_to_no_other_site(dora_client, connection, url, queued):
    back = "/administration/?state=connected&page=2"
    assert dora_client.post(f"{url}sync/", {"next": back})["Location"] == back
    assert dora_client.post(f"{url}sync/", {"next": "https://evil.example/"})["Location"] == url


def test_no_sync_is_asked_for_while_the_member_has_to_act_first(dora_client, alice, connection, url, queued):
    queued.clear()
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    assert b"has to reconnect first" in dora_client.post(f"{url}sync/", follow=True).content
    Connection.objects.update(status=Status.CONNECTED)
    alice.is_active = False
    alice.save()
    assert b"may not sign in here" in dora_client.post(f"{url}sync/", follow=True).content
    Connection.objects.all().delete()
    assert b"has no connection any more" in dora_client.post(f"{url}sync/", follow=True).content
    assert queued == []
    assert not AuditEvent.objects.filter(action="connection.sync_asked").exists()


def test_disconnecting_says_what_goes_and_changes_nothing_before_it_is_confirmed(dora_client, connection, url):
    assert "would be lost" not in dora_client.get(f"{url}disconnection/new/").content.decode()
    ContactWrite.objects.create(connection=connection, action="create", remote_id="pending:1")
    page = dora_client.get(f"{url}disconnection/new/").content.decode()
    unsaved = "1 change of contacts that is not saved to Memory yet"
    for said in ("3 imported meetings", "2 synced contacts", unsaved, connection.mailbox, "Reason"):
        assert said in page
    assert Connection.objects.filter(pk=connection.pk).exists()


def test_a_disconnected_member_is_told_by_whom_and_why_and_it_is_written_down(
    dora_client, dora, alice, account, connection, url
):
    answer = disconnect(dora_client, url, connection, follow=True)
    assert "Alice Meyer is disconnected from Memory" in answer.content.decode()
    assert not Connection.objects.filter(user=alice).exists()
    event = AuditEvent.objects.get(action="connection.deleted")
    assert (event.actor, event.subject, event.details["reason"]) == (dora, alice, "Left the company's calendar")
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert message.subject == "Your Memory account was disconnected"
    html = str(message.alternatives[0][0])
    for body in (message.body, html.replace("&#x27;", "'")):
        for said in ("Dora Lindqvist", dora.email, "Left the company's calendar", "/integrations/connection/new/"):
            assert said in body


def test_who_may_not_connect_again_is_not_asked_to(dora_client, northwind, connection, url):
    set_policy(northwind, {"memory.offered": False})
    disconnect(dora_client, url, connection)
    (message,) = mail.outbox
    assert "/integrations/connection/new/" not in message.body
    assert "does not offer Memory to you" in message.body


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_without_a_reason_nothing_is_disconnected_and_nothing_typed_is_lost(dora_client, connection, url, reason):
    answer = disconnect(dora_client, url, connection, reason)
    assert answer.status_code == 422
    assert reason.strip() in answer.content.decode()
    assert Connection.objects.filter(pk=connection.pk).exists()
    assert mail.outbox == []


def test_an_account_connected_meanwhile_is_not_taken_for_the_one_the_admin_looked_at(
    dora_client, alice, connection, url
):
    seen = Connection(pk=connection.pk)
    connection.delete()
    other = Connection.objects.create(user=alice, provider="memory", mailbox="other@x.example", credentials={})
    answer = disconnect(dora_client, url, seen)
    assert answer.status_code == 422
    words = answer.content.decode()
    assert "has connected another account meanwhile" in words
    assert "other@x.example" in words
    assert "Left the company&#x27;s calendar" in words
    assert Connection.objects.filter(pk=other.pk).exists()
    assert disconnect(dora_client, url, other).status_code == 302


def test_a_connection_that_is_gone_already_is_no_error(dora_client, connection, url):
    disconnect(dora_client, url, connection)
    for answer in (
        dora_client.get(f"{url}disconnection/new/", follow=True),
        disconnect(dora_client, url, connection, follow=True),
    ):
        assert answer.status_code == 200
        assert b"has no connection any more" in answer.content
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_down_is_said_to_the_admin(dora_client, alice, connection, url, monkeypatch):
    def refuse(*_):
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    answer = disconnect(dora_client, url, connection, follow=True)
    assert f"The mail to {alice.email} could not be sent" in answer.content.decode()
    assert not Connection.objects.filter(user=alice).exists()


@pytest.mark.parametrize("who", ["admin", "support", "person"])
def test_what_somebody_else_has_ended_meanwhile_is_not_reported_and_mailed_as_ended_here(
    request, alice, connection, url, monkeypatch, who
):
    """Another tab is quicker while the provider is asked to end the grant."""
    from integrations import changing

    monkeypatch.setattr(changing.gateway, "end_grant", lambda one: Connection.objects.all().delete() and "")
    form = {"connection": connection.pk, "reason": "Asked by phone"}
    if who == "admin":
        page = disconnect(request.getfixturevalue("dora_client"), url, connection, follow=True)
    elif who == "support":
        address = f"/support/organizations/user/{alice.pk}/disconnection/new/"
        page = request.getfixturevalue("support_client").post(address, form, follow=True)
    else:
        page = request.getfixturevalue("alice_client").post("/integrations/connection/deletion/new/", follow=True)
    (said,) = map(str, page.context["messages"])
    assert said in (
        "The connection of Alice Meyer was ended by somebody else meanwhile. No mail was sent.",
        "Your connection was deleted already.",
    )
    assert mail.outbox == []
    assert not AuditEvent.objects.filter(action="connection.deleted").exists()
