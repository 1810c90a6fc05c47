"""The engine and the real providers against pretend services in trouble: a sentence each time, nothing lost."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from integrations import registry, sync
from integrations.models import Connection, Outcome, Status, SyncRun
from integrations.planning import PLANS
from meetings.models import Meeting
from organizations.models import User
from portal import settings as project
from sandbox.server import Sandbox, running
from tests.policies import set_policy

pytestmark = pytest.mark.django_db

EVENTS = "/google/calendar/*/events"
SCOPES = [
    "https://www.googleapis.com/auth/calendar.events.owned.readonly",
    "https://www.googleapis.com/auth/contacts.readonly",
]
PASSWORD = "a password of Alice's"
WEB = [("html", "unexpected"), ("empty-body", "unexpected"), ("huge", "unexpected"), ("gzip-bomb", "unexpected"),
       ("cut-off", "unreachable"), ("hang-up", "unreachable"), ("502-html", "unreachable")]  # fmt: skip
"""What may stand, or fall, between anybody's service and us."""


AMOUNTS = {"huge": 5, "gzip-bomb": 5, **dict.fromkeys(("429", "429-date", "503", "busy"), 60)}
"""Megabytes, or seconds to wait."""


@dataclass(frozen=True)
class Scene:
    """One service: the requests that list its calendar and its address book, its troubles, how one signs in."""

    key: str
    calendar: str
    contacts: str
    troubles: list[tuple[str, str]]
    sign_in: Callable[[Sandbox, str], dict[str, Any]]
    method: str = "oauth"

    def service(self, sandbox: Sandbox) -> Any:
        return getattr(sandbox, self.key)


def sign_in_at_google(sandbox: Sandbox, email: str) -> dict[str, Any]:
    issued = sandbox.google.tokens.issue(email, SCOPES)
    return {"access_token": issued.access, "refresh_token": issued.refresh, "expires_at": time.time() + 3000,
            "scopes": SCOPES, "sub": "1"}  # fmt: skip


def sign_in_at_microsoft(sandbox: Sandbox, email: str) -> dict[str, Any]:
    scopes = ["User.Read", "Calendars.Read", "Contacts.Read", "offline_access"]
    issued = sandbox.office365.tokens.issue(email, scopes)
    return {"method": "oauth", "access_token": issued.access, "refresh_token": issued.refresh,
            "expires_at": time.time() + 3000, "scopes": scopes, "tid": "t", "oid": "o", "mailbox": email}  # fmt: skip


def sign_in_at_exchange(sandbox: Sandbox, email: str) -> dict[str, Any]:
    sandbox.exchange.set_password(email, PASSWORD)
    return {"method": "password", "user": email, "password": PASSWORD, "ews_url": sandbox.exchange.url,
            "version": "2019", "auth": "basic", "mailbox": email}  # fmt: skip


GOOGLE = Scene(
    "google",
    EVENTS,
    "/google/people/*/connections",
    [
        *WEB,
        ("half-json", "unexpected"),
        ("endless", "unexpected"),
        ("redirect", "unexpected"),
        ("500", "unreachable"),
        ("503", "unreachable"),
        ("429", "rate_limited"),
        ("429-date", "rate_limited"),
        ("403-rate", "rate_limited"),
        ("403-quota", "rate_limited"),
        ("403-scope", "permission_missing"),
    ],
    sign_in_at_google,
)
OFFICE365 = Scene(
    "office365",
    "/graph/v1.0/me/calendarView*",
    "/graph/v1.0/me/contactFolders/*/contacts/delta",
    [
        *WEB,
        ("half-json", "unexpected"),
        ("redirect", "unexpected"),
        ("foreign-next", "refused"),
        ("500", "unreachable"),
        ("503", "unreachable"),
        ("504", "unreachable"),
        ("429", "rate_limited"),
        ("429-date", "rate_limited"),
        ("403-scope", "permission_missing"),
        ("401", "reconnect_needed"),
        ("401-claims", "reconnect_needed"),
    ],
    sign_in_at_microsoft,
)
EXCHANGE = Scene(
    "exchange",
    "/EWS/Exchange.asmx/FindItem",
    "/EWS/Exchange.asmx/SyncFolderHierarchy",
    [
        *WEB,
        ("html-200", "unexpected"),
        ("404-html", "unexpected"),
        ("half-xml", "unexpected"),
        ("entity-bomb", "unexpected"),
        ("xxe", "unexpected"),
        ("302-metadata", "unexpected"),
        ("500-fault", "unreachable"),
        ("503", "rate_limited"),
        ("busy", "rate_limited"),
        ("401", "reconnect_needed"),
        ("401-locked", "reconnect_needed"),
        ("password-expired", "reconnect_needed"),
        ("403", "admin_needed"),
        ("no-mailbox", "reconnect_needed"),
    ],
    sign_in_at_exchange,
    method="password",
)
SCENES = [GOOGLE, OFFICE365, EXCHANGE]
TROUBLE = [
    pytest.param(scene, fault, code, id=f"{scene.key}-{fault}") for scene in SCENES for fault, code in scene.troubles
]


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


def make_event(scene: Scene, n: int) -> dict[str, Any]:
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    moments = {"start": starts, "end": starts + timedelta(hours=1)}
    if scene is GOOGLE:
        return {"summary": f"Event {n}", **{name: {"dateTime": at.isoformat()} for name, at in moments.items()}}
    times = {name: {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"} for name, at in moments.items()}
    return {"subject": f"Event {n}", **times}


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, settings: Any, alice: User) -> Iterator[Sandbox]:
    """Three services, and the product pointed at them; Alice has twelve events and one contact at each."""
    found = shared_sandbox.settings
    settings.PROVIDERS = project.PROVIDERS
    settings.PROVIDER_SETTINGS = {
        key: {name: found.get(f"{key}_{name}".upper(), value) for name, value in values.items()}
        for key, values in project.PROVIDER_SETTINGS.items()
    }
    settings.OUTBOUND_ALLOW = [url.partition("://")[2] for url in (shared_sandbox.url, shared_sandbox.tls_url)]
    settings.OUTBOUND_CA_BUNDLE = str(shared_sandbox.ca_file)
    registry.providers.cache_clear()
    if not shared_sandbox.google.people.find(alice.email):
        shared_sandbox.google.add_person(alice.email, name="Alice Meyer", timezone="Europe/Berlin")
        shared_sandbox.exchange.add_person(alice.email, password=PASSWORD)
        for scene in SCENES:
            for n in range(12):
                scene.service(shared_sandbox).add_event(alice.email, make_event(scene, n))
        shared_sandbox.google.contacts.create(alice.email, {"names": [{"givenName": "Ann", "familyName": "Ash"}]})
        for service in (shared_sandbox.office365, shared_sandbox.exchange):
            service.add_contact(alice.email, {"givenName": "Ann", "surname": "Ash"})
    yield shared_sandbox
    shared_sandbox.faults.clear()


def connect(scene: Scene, sandbox: Sandbox, user: User) -> Connection:
    """Alice's, synced once."""
    connection = Connection.objects.create(
        user=user, provider=scene.key, method=scene.method, mailbox=user.email, account_id="1", calendar_read=True,
        contacts_read=True, credentials=scene.sign_in(sandbox, user.email),
    )  # fmt: skip
    done = run(connection)
    assert done.outcome == Outcome.DONE, (done.error_sentence, done.error_detail)
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)
    return connection


@pytest.fixture
def google(sandbox: Sandbox) -> Sandbox:
    return sandbox


@pytest.fixture
def connection(sandbox: Sandbox, alice: User) -> Connection:
    """At Google."""
    return connect(GOOGLE, sandbox, alice)


def run(connection: Connection) -> SyncRun:
    found = sync.run(connection.pk, trigger="person")
    assert found is not None
    return found


@pytest.mark.parametrize("feed", ["calendar", "contacts"])
@pytest.mark.parametrize(("scene", "fault", "code"), TROUBLE)
def test_each_trouble_is_a_sentence_and_loses_nothing(
    sandbox: Sandbox, alice: User, alice_client: Client, settings: Any, scene: Scene, feed: str, fault: str, code: str
) -> None:
    connection = connect(scene, sandbox, alice)
    settings.OUTBOUND_MAX_BYTES = 1_000_000
    if scene is EXCHANGE and feed == "calendar":
        # A view is read where everything is listed, and for a series.
        connection.cursors.filter(feed=feed).update(value="")
    else:
        expire = sandbox.google.expire_sync_tokens if scene is GOOGLE else scene.service(sandbox).expire_sync
        expire(alice.email)
    # The first answer may be the one that says that the cursor has expired; from the listing on it goes wrong.
    amount = AMOUNTS.get(fault)
    sandbox.faults.add(fault, getattr(scene, feed), times=None, amount=amount)
    failed = run(connection)
    assert (failed.outcome, failed.error_code) == (Outcome.FAILED, code), failed.error_detail
    assert failed.error_sentence.endswith(".")
    assert "Traceback" not in failed.error_detail
    assert PASSWORD not in f"{failed.error_sentence}{failed.error_detail}"
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)
    for page in ("/profile/", "/meetings/", "/contacts/"):
        answer = alice_client.get(page)
        assert answer.status_code == 200
        assert "Traceback" not in answer.content.decode()
    connection.refresh_from_db()
    assert connection.next_sync_at > connection.status_changed_at
    assert connection.status == PLANS[type(_error(code))].status

    sandbox.faults.clear()
    Connection.objects.update(status=Status.CONNECTED)
    healed = run(connection)
    assert healed.outcome == Outcome.DONE, (healed.error_sentence, healed.error_detail)
    assert (healed.added, healed.removed) == (0, 0)
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)


def test_a_delta_that_goes_round_in_circles_is_read_by_plain_pages(sandbox: Sandbox, alice: User) -> None:
    connection = connect(OFFICE365, sandbox, alice)
    sandbox.office365.expire_sync(alice.email)
    sandbox.faults.add("endless", "/graph/v1.0/me/calendarView/delta", times=None)
    for _ in range(2):
        done = run(connection)
        assert (done.outcome, done.added, done.removed) == (Outcome.DONE, 0, 0)
        assert done.pages < 20
    assert Meeting.objects.count() == 12
    assert connection.cursors.get(feed="calendar").value.startswith("plain:")


def test_the_claims_that_microsoft_wants_are_asked_for_when_reconnecting(
    sandbox: Sandbox, alice: User, alice_client: Client
) -> None:
    connection = connect(OFFICE365, sandbox, alice)
    sandbox.faults.add("401-claims", OFFICE365.calendar, times=None)
    assert run(connection).error_code == "reconnect_needed"
    leaving = alice_client.post("/integrations/connection/renewal/")
    url = alice_client.get(leaving["Location"]).context["url"]
    assert "claims=%7B" in url


def test_a_changed_password_is_tried_twice_and_never_again(sandbox: Sandbox, alice: User) -> None:
    connection = connect(EXCHANGE, sandbox, alice)
    sandbox.exchange.set_password(alice.email, "another one")
    assert run(connection).error_code == "reconnect_needed"
    assert sandbox.exchange.bad_tries(alice.email) <= 2
    for _ in range(3):
        assert sync.run(connection.pk, trigger="person") is None
    assert sandbox.exchange.bad_tries(alice.email) <= 2
    sandbox.exchange.set_password(alice.email, PASSWORD)


def test_nothing_with_the_password_in_it_is_left_after_a_run(sandbox: Sandbox, alice: User) -> None:
    from exchangelib.protocol import CachingProtocol

    connect(EXCHANGE, sandbox, alice)
    assert CachingProtocol._protocol_cache == {}


def _error(code: str) -> Any:
    return next(kind for kind in PLANS if kind.code == code)()


def test_a_page_token_that_leads_to_another_host_is_only_a_token(google: Sandbox, connection: Connection) -> None:
    google.google.expire_sync_tokens(connection.user.email)
    google.log.clear()
    google.faults.add("foreign-next", EVENTS)
    run(connection)
    hosts = {entry.path.split("/")[1] for entry in google.log.requests("*")}
    assert hosts == {"google"}
    assert Meeting.objects.count() == 12


def test_a_slow_answer_is_waited_for(google: Sandbox, connection: Connection) -> None:
    google.faults.add("slow", EVENTS, amount=1.0)
    assert run(connection).outcome == Outcome.DONE


def test_a_revoked_account_asks_to_reconnect_once_and_is_left_alone_then(
    google: Sandbox, connection: Connection
) -> None:
    google.google.tokens.revoke_account(connection.user.email)
    failed = run(connection)
    assert failed.error_code == "reconnect_needed"
    asked = len(google.log.requests("*"))
    assert sync.run(connection.pk, trigger="person") is None
    assert len(google.log.requests("*")) == asked


def test_an_access_token_that_expired_early_is_renewed_once_and_the_run_goes_on(
    google: Sandbox, connection: Connection
) -> None:
    before = connection.credentials.open()["access_token"]
    google.google.tokens.expire_access(connection.user.email)
    assert run(connection).outcome == Outcome.DONE
    assert Connection.objects.get().credentials.open()["access_token"] != before


def test_odd_events_become_rows_that_say_so_and_nothing_in_them_is_executed(
    google: Sandbox, connection: Connection, alice_client: Client
) -> None:
    calendar = google.google.calendars.get(connection.user.email, "primary")
    soon = datetime.now(UTC) + timedelta(hours=2)
    later = {"dateTime": soon.isoformat(), "timeZone": "Europe/Berlin"}
    odd: list[dict[str, Any]] = [
        {"id": "oddbackwards", "summary": "Backwards",
         "start": later, "end": {"dateTime": (soon - timedelta(hours=3)).isoformat()}},
        {"id": "oddfar", "summary": "Far", "start": {"date": "9999-12-31"}, "end": {"date": "9999-12-31"}},
        {"id": "oddcrowd", "summary": "Crowd", "start": later, "end": later,
         "attendees": [{"email": f"guest{n}@clients.example"} for n in range(2000)]},
        {"id": "oddscript", "summary": "<script>alert(1)</script>", "start": later, "end": later,
         "location": '"><img src=x onerror=alert(2)>',
         "description": "<script>alert(3)</script><b>bold</b> " + "a<b " * 250_000},
    ]  # fmt: skip
    for doc in odd:
        google.google.events.put_raw(calendar.id, {"etag": '"1"', "iCalUID": doc["id"], **doc})
    done = run(connection)
    assert done.outcome == Outcome.DONE, (done.error_sentence, done.error_detail)
    rows = {row.remote_id: row for row in Meeting.objects.filter(remote_id__startswith="odd")}
    assert "ends before it starts" in rows["oddbackwards"].problem
    assert len(rows["oddcrowd"].attendees) <= 200
    script = rows["oddscript"]
    page = (
        alice_client.get("/meetings/").content.decode() + alice_client.get(f"/meetings/{script.pk}/").content.decode()
    )
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for executable in ("<script>alert", "<img src=x"):
        assert executable not in page
    for doc in odd:
        google.google.events.put_raw(calendar.id, {"etag": '"2"', "iCalUID": doc["id"], **doc, "status": "cancelled"})
    run(connection)


def test_office_365_by_password_is_the_same_road_where_policy_and_microsoft_allow_it(
    sandbox: Sandbox, alice: User, alice_client: Client
) -> None:
    online = sandbox.exchange.online
    online.add_person(alice.email, password=PASSWORD)
    page, choice = "/integrations/connection/new/office365/", {"permissions": ["calendar_read"], "method": "password"}
    assert alice_client.post(page, choice).status_code == 422
    set_policy(alice.organization, {"office365.require_oauth": False, "office365.ews_url": online.url})
    form = alice_client.post(page, choice)["Location"]
    typed = {"user": alice.email, "password": PASSWORD, "ews_url": online.url}

    # As it is for everybody since October 2026: the sentence says what to do instead, and no password was tried.
    refused = alice_client.post(form, typed)
    assert refused.status_code == 422
    assert "Connect Office 365 with OAuth 2.0 instead." in refused.content.decode()
    online.allow()
    try:
        assert alice_client.post(form, typed).status_code == 302
        connection = Connection.objects.get()
        assert (connection.method, connection.mailbox) == ("password", alice.email)
        assert run(connection).outcome == Outcome.DONE
        assert Meeting.objects.count() == 12
    finally:
        online.shut()
    failed = run(connection)
    assert failed.outcome == Outcome.FAILED
    assert "OAuth 2.0 instead." in failed.error_sentence
