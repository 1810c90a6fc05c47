"""What may have changed while the person was away at the provider, and is decided by as it is then."""

import pytest

from integrations import connecting, tasks
from integrations.deciding import Place
from integrations.models import Connection
from integrations.pending import Pending
from integrations.permissions import ALL
from integrations.policy_models import policy_for
from integrations.remote import SignIn
from integrations.terms import CannotConnect
from organizations.models import AuditEvent, Membership, Organization, User
from tests.integrations.conftest import way_out
from tests.integrations.enforcement import carry_out, decide, make_connection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, queued):
    monkeypatch.setattr(tasks.enforce_change, "delay", lambda *_: None)


def come_back(user, *, account_id="1"):
    sign_in = SignIn(user.email, account_id, frozenset(ALL), {"refresh_token": "new"})
    return connecting._store(user, Pending("memory", "oauth", ALL, {}, "/"), sign_in, address=None)


def test_a_lock_that_came_after_the_request_looked_at_the_policy_is_kept_to(northwind, alice):
    policy_for(alice)
    decide(Place(northwind), {"memory.offered": False}, ["memory.offered"])
    carry_out()
    with pytest.raises(CannotConnect, match="not offered to you, by decision of your organization"):
        come_back(alice)
    assert not Connection.objects.exists()
    decide(Place(northwind), {"memory.contacts_read": "off"}, ["memory.contacts_read"])
    finished = come_back(alice)
    assert finished.connection.permission_names() == ["calendar_read", "calendar_write"]
    assert {one.value for one in finished.no_longer_allowed} == {"contacts_read", "contacts_write"}


def test_whoever_was_deactivated_or_has_left_meanwhile_connects_nothing(northwind, rival, alice, bob, dora):
    for user in (alice, bob, dora):
        assert user.organization == northwind
    User.objects.filter(pk=alice.pk).update(is_active=False)
    Membership.objects.filter(user=bob).delete()
    Membership.objects.filter(user=dora).update(organization=rival)
    for user in (alice, bob, dora):
        with pytest.raises(CannotConnect):
            come_back(user)
    assert not Connection.objects.exists()
    assert not AuditEvent.objects.filter(action="connection.created").exists()
    User.objects.filter(pk=alice.pk).update(is_active=True)
    assert come_back(alice).is_new


def test_a_renewal_writes_over_what_was_there_and_is_as_good_as_new(northwind, alice):
    connection = make_connection(
        alice, status="reconnect_needed", error_code="x", error_sentence="Gone.", failures=3, leased_by="a worker"
    )
    finished = come_back(alice)
    assert not finished.is_new
    connection.refresh_from_db()
    assert (connection.status, connection.error_code, connection.failures, connection.leased_by) == (
        "connected", "", 0, "",
    )  # fmt: skip
    assert connection.granted == ALL
    assert connection.credentials.open() == {"refresh_token": "new"}
    with pytest.raises(CannotConnect, match="is connected already"):
        come_back(alice, account_id="2")
    assert Organization.objects.count() == 1


def test_a_refused_renewal_does_not_end_the_grant_that_a_connection_lives_by(connect, account, memory, sign_in, alice):
    connection, client = connect(), sign_in(alice)
    leaving = way_out(client, client.post("/integrations/connection/renewal/"))
    page = client.get("/integrations/callback/", memory.consent(leaving, alice.email, untick=ALL), follow=True)
    assert "No permission was ticked at the provider" in page.content.decode()
    assert account.refresh_token
    connection.delete()
    leaving = way_out(client, client.post("/integrations/connection/new/memory/", {"permissions": ["calendar_read"]}))
    client.get("/integrations/callback/", memory.consent(leaving, alice.email, untick=ALL), follow=True)
    assert not account.refresh_token
