"""An administrator's approval at the provider: the link that a person sends, and the page they come back to."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.utils import timezone

from integrations.errors import AdminNeeded
from integrations.models import Connection, Status
from organizations.models import AuditEvent
from tests.integrations.test_views import CALLBACK, leave, text_of
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
APPROVAL, RETURN = "/integrations/connection/approval/memory/", "/integrations/admin-consent/"


def link_of(client):
    return client.get(APPROVAL).context["url"]


def state_of(client):
    return parse_qs(urlsplit(link_of(client)).query)["state"][0]


def test_whoever_needs_an_approval_is_led_to_the_link_for_it(alice_client, memory, alice, account):
    url = leave(alice_client)
    memory.fail(AdminNeeded("An administrator has to approve Portico first.", can_approve=True), at="redeem")
    answer = alice_client.get(CALLBACK, memory.consent(url, alice.email))
    assert answer["Location"] == APPROVAL
    page = text_of(alice_client.get(APPROVAL))
    assert "An administrator has to approve Portico first." in page
    assert "https://memory.example/approve?" in page
    assert not Connection.objects.exists()


def test_another_trouble_with_an_administrator_is_no_matter_of_approving(alice_client, memory, alice, account):
    url = leave(alice_client)
    memory.fail(AdminNeeded("Your account is not assigned to this app."), at="redeem")
    answer = alice_client.get(CALLBACK, memory.consent(url, alice.email))
    assert answer["Location"] != APPROVAL


def test_the_administrator_needs_no_account_here_and_is_thanked(client, alice_client):
    answer = client.get(RETURN, {"admin_consent": "True", "tenant": "t", "state": state_of(alice_client)})
    assert answer.status_code == 200
    page = text_of(answer)
    assert "Portico is approved" in page
    assert "The people of Northwind Legal can now connect Memory" in page
    event = AuditEvent.objects.get(action="approval.given")
    assert (event.actor, event.details) == (None, {"provider": "memory"})


def test_what_waited_for_the_approval_is_tried_again_at_once_and_nobody_elses(
    client, alice_client, connect, northwind, charlie
):
    connect()
    later = timezone.now() + timedelta(hours=6)
    Connection.objects.update(status=Status.ADMIN_NEEDED, next_sync_at=later)
    theirs = Connection.objects.create(
        user=charlie, provider="memory", mailbox=charlie.email, account_id="c", credentials={},
        status=Status.ADMIN_NEEDED, next_sync_at=later,
    )  # fmt: skip
    client.get(RETURN, {"admin_consent": "True", "state": state_of(alice_client)})
    assert Connection.objects.get(user__email="alice@northwind.example").next_sync_at <= timezone.now()
    theirs.refresh_from_db()
    assert theirs.next_sync_at == later


def test_a_refusal_is_told_as_one_and_changes_nothing(client, alice_client, connect):
    connect()
    later = timezone.now() + timedelta(hours=6)
    Connection.objects.update(status=Status.ADMIN_NEEDED, next_sync_at=later)
    answer = client.get(
        RETURN, {"error": "access_denied", "error_description": "<b>x</b>", "state": state_of(alice_client)}
    )
    page = text_of(answer)
    assert "Portico was not approved" in page
    assert "<b>x</b>" not in page
    assert Connection.objects.get().next_sync_at == later
    assert AuditEvent.objects.filter(action="approval.refused").exists()


@pytest.mark.parametrize("state", ["", "made up", "eyJvIjoxfQ:1abc:x"])
def test_a_link_that_is_not_ours_says_so_and_does_nothing(client, northwind, state):
    answer = client.get(RETURN, {"admin_consent": "True", "state": state})
    assert answer.status_code == 200
    assert "This link is no longer good" in text_of(answer)
    assert not AuditEvent.objects.exists()


def test_a_link_is_good_for_thirty_days(client, alice_client):
    state = state_of(alice_client)
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert "Portico is approved" in text_of(client.get(RETURN, {"admin_consent": "True", "state": state}))
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert "no longer good" in text_of(client.get(RETURN, {"admin_consent": "True", "state": state}))


def test_a_service_that_is_not_offered_has_no_link(alice_client, northwind):
    set_policy(northwind, {"memory.offered": False})
    assert alice_client.get(APPROVAL).status_code == 404


def test_a_connection_that_waits_for_an_approval_shows_the_link_on_the_profile(alice_client, connect):
    connect()
    assert APPROVAL not in text_of(alice_client.get("/profile/"))
    Connection.objects.update(status=Status.ADMIN_NEEDED, error_code="approval_needed", error_sentence="Ask.")
    assert APPROVAL in text_of(alice_client.get("/profile/"))


def test_a_service_at_which_nobody_approves_anything_has_no_link(alice_client, settings):
    settings.PROVIDERS |= {"exchange": "integrations.providers.exchange.Exchange"}
    assert alice_client.get("/integrations/connection/new/exchange/").status_code == 200
    assert alice_client.get("/integrations/connection/approval/exchange/").status_code == 404
