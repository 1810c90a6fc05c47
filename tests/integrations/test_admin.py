"""What support staff can do for a connection, and what stays hidden from them."""

import pytest

from integrations import sync
from integrations.models import Connection, Status
from organizations.models import AuditEvent, User
from tests.integrations.enforcement import make_connection

pytestmark = pytest.mark.django_db
LIST = "/support/integrations/connection/"


def page_of(connection):
    return f"{LIST}{connection.pk}/change/"


def test_support_finds_a_connection_by_address_and_sees_state_permissions_and_runs(connect, support_client, alice):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    found = support_client.get(LIST, {"q": alice.email}).content.decode()
    assert alice.email in found
    assert alice.email not in support_client.get(LIST, {"q": "nobody@northwind.example"}).content.decode()
    page = support_client.get(page_of(connection)).content.decode()
    assert "Calendar read, Contacts read" in page
    assert "Done" in page


def test_support_can_queue_a_sync_which_is_audited(
    connect, support_client, support, queued, django_capture_on_commit_callbacks
):
    connection = connect()
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        support_client.post(LIST, {"action": "sync_now", "_selected_action": [str(connection.pk)]})
    assert queued == [(str(connection.pk), "support")]
    event = AuditEvent.objects.get(action="connection.sync_asked")
    assert (event.actor, event.subject) == (support, connection.user)


def test_a_connection_that_needs_its_person_is_left_out_and_support_is_told(connect, support_client, queued):
    connection = connect()
    queued.clear()
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    answer = support_client.post(
        LIST, {"action": "sync_now", "_selected_action": [str(connection.pk)]}, follow=True
    ).content.decode()
    assert "Alice Meyer has to reconnect first" in answer
    assert "Syncs queued" not in answer
    assert queued == []


def test_of_whom_may_not_sign_in_nothing_is_read_whoever_asks(
    memory, support_client, alice, bob, queued, django_capture_on_commit_callbacks
):
    connections = [make_connection(alice), make_connection(bob)]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    form = {"action": "sync_now", "_selected_action": [str(one.pk) for one in connections]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = support_client.post(LIST, form, follow=True).content.decode()
    assert "Syncs queued: 1." in answer
    assert "Alice Meyer may not sign in here, so nothing is read for them." in answer
    assert queued == [(str(connections[1].pk), "support")]
    assert AuditEvent.objects.get(action="connection.sync_asked").subject == bob


def test_of_many_that_are_left_out_a_few_are_named_and_the_rest_counted(memory, support_client, northwind, make_member):
    for n in range(7):
        make_connection(make_member(northwind, f"m{n}@northwind.example"))
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    chosen = [str(pk) for pk in Connection.objects.values_list("pk", flat=True)]
    answer = support_client.post(LIST, {"action": "sync_now", "_selected_action": chosen}, follow=True).content.decode()
    assert answer.count("has to reconnect first") == 5
    assert "Left out for the like: 2 more." in answer


def test_support_cannot_change_or_delete_a_connection(connect, support_client):
    connection = connect()
    assert support_client.post(page_of(connection), {"mailbox": "x@x.example"}).status_code == 403
    assert support_client.post(f"{LIST}{connection.pk}/delete/", {"post": "yes"}).status_code == 403
    assert support_client.get(f"{LIST}add/").status_code == 403
    connection.refresh_from_db()
    assert connection.mailbox == connection.user.email


def test_neither_members_nor_owners_get_in(connect, alice_client, dora_client):
    connection = connect()
    for client in (alice_client, dora_client):
        assert client.get(LIST).status_code in (302, 403, 404)
        assert client.get(page_of(connection)).status_code in (302, 403, 404)
