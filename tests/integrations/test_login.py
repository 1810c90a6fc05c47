"""Signing in by a form of ours: who may, what is vetted, what is tried how often, what is kept and never shown."""

import re

import pytest
from django.core.cache import cache

from integrations import refusals
from integrations.forms import LoginForm
from integrations.models import Connection, Status
from integrations.permissions import ALL, Permission
from integrations.policy import Level, ServicePolicy, Source
from integrations.providers.exchange import Exchange
from meetings.models import Meeting
from organizations.models import AuditEvent
from safety import outbound
from tests.integrations.test_views import EDIT, NEW, PERMISSIONS, PROFILE, messages_of, text_of
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
SECRET = "a password of Alice's"
TYPED = {"user": "alice@northwind.example", "password": SECRET, "version": "", "ews_url": "https://memory.example/"}


@pytest.fixture(autouse=True)
def looked_up(monkeypatch):
    """Names are looked up in this book: the network is off."""
    book = {
        "169.254.169.254": "169.254.169.254",
        "memory.example": "93.184.216.34",
        "other.example": "93.184.216.35",
        "inside.example": "10.0.0.7",
    }

    def look_up(host, port):
        if host not in book:
            raise OSError("no such name")
        return [(2, 1, 6, (book[host], port))]

    monkeypatch.setattr("safety.connections._look_up", look_up)
    cache.clear()


@pytest.fixture
def allowed(northwind):
    """Northwind lets its people sign in with a password."""
    return allow(northwind)


def allow(organization, **choices):
    said = {"require_oauth": False, **choices}
    return set_policy(organization, {f"memory.{name}": value for name, value in said.items()})


@pytest.fixture
def with_password(account):
    account.password = SECRET
    return account


def begin(client, *ticked):
    """From the permissions page to the form; its address."""
    answer = client.post(
        PERMISSIONS, {"permissions": list(ticked or ("calendar_read", "contacts_read")), "method": "password"}
    )
    assert answer.status_code == 303, text_of(answer)
    assert answer["Location"].startswith("/integrations/connection/login/")
    return answer["Location"]


# --- which way to sign in ------------------------------------------------------------------------------------------


def test_the_recommended_way_is_chosen_and_the_other_is_locked_unless_policy_allows_it(alice_client, northwind):
    page = text_of(alice_client.get(PERMISSIONS))
    assert re.search(r'value="password"[^>]* disabled', page)
    assert "OAuth 2.0 is required, by decision of your organization." in page
    assert re.search(r'value="oauth"[^>]* checked', page)
    allow(northwind)
    page = text_of(alice_client.get(PERMISSIONS))
    assert not re.search(r'value="password"[^>]* disabled', page)
    assert "A password opens the whole mailbox" in page


def test_a_locked_way_cannot_be_got_around(alice_client):
    answer = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"], "method": "password"})
    assert answer.status_code == 422
    assert "This way to sign in is not allowed, by decision of your organization." in text_of(answer)


def test_a_policy_that_changed_while_the_form_was_filled_in_wins(alice_client, allowed, northwind, with_password):
    form = begin(alice_client)
    set_policy(northwind, {})
    answer = alice_client.post(form, TYPED)
    assert answer.status_code == 422
    assert "OAuth 2.0 is required instead of a password, by decision of your organization." in text_of(answer)
    assert not Connection.objects.exists()


# --- the form ------------------------------------------------------------------------------------------------------


def test_signing_in_makes_the_connection_with_what_was_ticked_alone(
    alice_client, allowed, with_password, alice, queued
):
    answer = alice_client.post(begin(alice_client, "calendar_read"), TYPED)
    assert (answer.status_code, answer["Location"]) == (302, PROFILE)
    connection = Connection.objects.get(user=alice)
    assert (connection.method, connection.granted) == ("password", {Permission.CALENDAR_READ})
    assert connection.not_granted == frozenset()
    page = messages_of(alice_client)
    assert "alice@northwind.example at Memory is connected" in page
    assert "User name and password" in page
    event = AuditEvent.objects.get(action="connection.created")
    assert event.details["consented"] == [one.value for one in Permission]
    assert event.details["granted"] == ["calendar_read"]
    assert SECRET not in str(event.details)


def test_what_the_provider_put_right_is_said(alice_client, allowed, with_password):
    alice_client.post(begin(alice_client), TYPED | {"version": "2"})
    assert "The server says it is version one, so that is used." in messages_of(alice_client)


def test_the_form_is_good_once_and_is_nobody_elses(alice_client, bob_client, allowed, with_password):
    form = begin(alice_client)
    assert bob_client.get(form).status_code == 302
    assert alice_client.get(form).status_code == 200
    alice_client.post(form, TYPED)
    assert alice_client.get(form).status_code == 302
    assert "was used already, has expired" in messages_of(alice_client)


def test_the_address_is_the_policys_and_what_was_typed_stays_but_for_the_password(
    alice_client, northwind, with_password
):
    allow(northwind, ews_url="https://other.example/EWS/Exchange.asmx")
    form = begin(alice_client)
    assert 'value="https://other.example/EWS/Exchange.asmx"' in text_of(alice_client.get(form))
    answer = alice_client.post(form, TYPED | {"password": "wrong", "user": "alice@northwind.example"})
    page = text_of(answer)
    assert answer.status_code == 422
    assert "does not accept this user name and password" in page
    assert 'value="alice@northwind.example"' in page
    assert 'value="https://memory.example/"' in page
    assert "wrong" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://memory.example/", "Only https addresses are allowed"),
        ("https://inside.example/", "inside a private network"),
        ("https://nowhere.example/", "No server called nowhere.example was found"),
        ("https://memory.example:8443/", "Port 8443 is not allowed"),
        ("https://169.254.169.254/latest/", "inside a private network"),
        ("https://user:pw@memory.example/", "user name or password before the @"),
        ("ftp://memory.example/", "not a web address"),
        ("https://[::1/", "not a web address"),
        ("", "This field is required"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_an_address_we_may_not_talk_to_is_refused_before_anything_is_sent(
    alice_client, allowed, with_password, memory, typed, said
):
    answer = alice_client.post(begin(alice_client), TYPED | {"ews_url": typed})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "log in" not in memory.requests
    assert not Connection.objects.exists()


def test_a_bare_host_name_is_an_https_address(alice_client, allowed, with_password, alice):
    alice_client.post(begin(alice_client), TYPED | {"ews_url": "memory.example"})
    assert Connection.objects.filter(user=alice).exists()


def test_a_host_that_the_organization_does_not_allow_is_refused_before_anything_is_sent(
    alice_client, northwind, with_password, memory
):
    allow(northwind, ews_hosts=["Other.Example"])
    answer = alice_client.post(begin(alice_client), TYPED)
    assert "Only other.example is allowed, by decision of your organization." in text_of(answer)
    assert "log in" not in memory.requests
    assert alice_client.post(begin(alice_client), TYPED | {"ews_url": "https://other.example/"}).status_code == 302


def test_the_form_offers_only_what_policy_leaves_and_says_who_decided(alice_client):
    (method,) = Exchange.info.methods
    source = Source(Level.GROUP, "Sales", is_locked=True)
    decided = {
        "versions": frozenset({"2019"}),
        "ews_hosts": frozenset({"mail.example.com"}),
        "sources": {"versions": source, "ews_hosts": source},
    }
    for service, versions in ((ServicePolicy(**decided), ["", "2019"]), (ServicePolicy(), None)):
        form = LoginForm(fields=method.fields, service=service, policy=outbound.default_policy())
        shown = [value for value, _ in form.fields["version"].choices]
        assert shown == versions or (versions is None and len(shown) > 2)
        held = "by decision of your group Sales." in form.fields["version"].help_text
        assert held == (versions is not None)
        assert held == ("Only mail.example.com is allowed" in form.fields["ews_url"].help_text)


# --- test connection -----------------------------------------------------------------------------------------------


def test_testing_says_who_it_is_and_keeps_nothing(alice_client, allowed, with_password):
    form = begin(alice_client)
    answer = alice_client.post(form, TYPED | {"test": "1"})
    assert answer.status_code == 200
    page = text_of(answer)
    assert "It works." in page
    assert "Type your password once more" in page
    assert SECRET not in page
    assert not Connection.objects.exists()
    assert alice_client.post(form, TYPED).status_code == 302


def test_testing_by_script_answers_with_the_outcome_alone_so_that_the_password_stays_typed(
    alice_client, allowed, with_password
):
    form = begin(alice_client)
    good = alice_client.post(form, TYPED | {"test": "1"}, headers={"HX-Request": "true"})
    bad = alice_client.post(form, TYPED | {"test": "1", "password": "wrong"}, headers={"HX-Request": "true"})
    odd = alice_client.post(form, TYPED | {"test": "1", "user": ""}, headers={"HX-Request": "true"})
    assert [answer.status_code for answer in (good, bad, odd)] == [200, 422, 422]
    for answer, said in ((good, "It works."), (bad, "does not accept"), (odd, "User name: This field is required.")):
        assert said in text_of(answer)
        assert "<form" not in text_of(answer)


# --- wrong passwords -----------------------------------------------------------------------------------------------


def test_after_some_refusals_nothing_more_is_tried_for_a_while(alice_client, allowed, with_password, memory, alice):
    form = begin(alice_client)
    for _ in range(refusals.MOST):
        alice_client.post(form, TYPED | {"password": "wrong"})
    tried = memory.requests.count("log in")
    answer = alice_client.post(form, TYPED)
    assert answer.status_code == 422
    assert "tries no more for 15 minutes" in text_of(answer)
    assert memory.requests.count("log in") == tried == refusals.MOST
    assert memory.refusals == refusals.MOST
    refused = AuditEvent.objects.filter(action="connection.refused", subject=alice)
    assert refused.count() == refusals.MOST
    assert "wrong" not in str([one.details for one in refused])


def test_an_error_that_is_no_wrong_password_does_not_count(alice_client, allowed, with_password, memory, alice):
    from integrations.errors import Unreachable

    form = begin(alice_client)
    for _ in range(refusals.MOST + 1):
        memory.fail(Unreachable(), at="log in")
        assert alice_client.post(form, TYPED).status_code == 422
    assert refusals.count(alice) == 0
    assert alice_client.post(form, TYPED).status_code == 302


# --- afterwards ----------------------------------------------------------------------------------------------------


@pytest.fixture
def connected(alice_client, allowed, with_password, alice):
    alice_client.post(begin(alice_client, "calendar_read"), TYPED)
    return Connection.objects.get(user=alice)


def test_more_permissions_need_no_new_sign_in(alice_client, connected, memory, queued):
    before = memory.requests.count("log in")
    answer = alice_client.post(EDIT, {"permissions": ["calendar_read", "calendar_write", "contacts_read"]})
    assert (answer.status_code, answer["Location"]) == (302, PROFILE)
    connected.refresh_from_db()
    assert connected.granted == {Permission.CALENDAR_READ, Permission.CALENDAR_WRITE, Permission.CONTACTS_READ}
    assert memory.requests.count("log in") == before
    event = AuditEvent.objects.get(action="connection.widened")
    assert event.details["before"] == ["calendar_read"]


def test_widening_stays_inside_policy_and_narrowing_erases(alice_client, connected, northwind, alice):
    Meeting.objects.create(owner=alice, connection=connected, remote_id="x")
    allow(northwind, contacts_write="off")
    alice_client.post(EDIT, {"permissions": ["contacts_read", "contacts_write"]})
    connected.refresh_from_db()
    assert connected.granted == {Permission.CONTACTS_READ}
    assert not Meeting.objects.exists()


def test_reconnecting_asks_for_the_password_again_and_for_nothing_else(alice_client, connected):
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    answer = alice_client.post("/integrations/connection/renewal/")
    assert answer.status_code == 303
    page = text_of(alice_client.get(answer["Location"]))
    assert 'value="alice@northwind.example"' in page
    assert SECRET not in page
    assert alice_client.post(answer["Location"], TYPED).status_code == 302
    connected.refresh_from_db()
    assert (connected.status, connected.granted) == (Status.CONNECTED, {Permission.CALENDAR_READ})


def test_a_policy_that_requires_oauth_stops_the_use_of_a_password_at_once(alice_client, connected, northwind):
    assert connected.usable == {Permission.CALENDAR_READ}
    set_policy(northwind, {})
    connection = Connection.objects.get()
    assert connection.usable == frozenset()
    assert "OAuth 2.0 is required instead of a password, by decision of your organization." in text_of(
        alice_client.get(PROFILE)
    )


def test_a_service_whose_only_way_in_policy_forbids_is_not_in_the_chooser(alice_client, settings, northwind):
    settings.PROVIDER_SETTINGS = {"memory": {}}
    from integrations.providers.memory import Memory

    both = Memory.info
    try:
        Memory.info = type(both)(
            **{name: getattr(both, name) for name in both.__slots__ if name != "methods"}, methods=both.methods[1:]
        )
        assert "This service is not offered" not in text_of(alice_client.get(NEW))
        assert f'href="{PERMISSIONS}"' not in text_of(alice_client.get(NEW))
        allow(northwind)
        assert f'href="{PERMISSIONS}"' in text_of(alice_client.get(NEW))
    finally:
        Memory.info = both


def test_deleting_such_a_connection_speaks_of_no_grant(alice_client, connected):
    page = text_of(alice_client.get("/integrations/connection/delete/"))
    assert "the stored sign-in, erased here</li>" in page
    alice_client.post("/integrations/connection/deletion/new/")
    page = text_of(alice_client.get("/integrations/connection/deletion/"))
    assert "access ended at" not in page
    assert not Connection.objects.exists()


def test_nothing_that_is_stored_or_shown_holds_the_password(alice_client, support_client, connected):
    assert connected.granted <= ALL
    (row,) = Connection.objects.values()
    assert SECRET not in str(row)
    for path in (PROFILE, EDIT, "/integrations/connection/delete/"):
        assert SECRET not in text_of(alice_client.get(path))
    assert SECRET not in text_of(support_client.get(f"/support/integrations/connection/{connected.pk}/change/"))
