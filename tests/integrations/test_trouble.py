"""The engine and the real Google provider against a pretend Google in trouble: a sentence each time, nothing lost."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from integrations import registry, sync
from integrations.models import Connection, Outcome, Status, SyncRun
from integrations.sync import PLANS
from meetings.models import Meeting
from organizations.models import User
from sandbox.server import Sandbox, running

pytestmark = pytest.mark.django_db

EVENTS = "/google/calendar/*/events"
PEOPLE = "/google/people/*/connections"
SCOPES = [
    "https://www.googleapis.com/auth/calendar.events.owned.readonly",
    "https://www.googleapis.com/auth/contacts.readonly",
]


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def google(shared_sandbox: Sandbox, settings: Any, alice: User) -> Iterator[Sandbox]:
    google, found = shared_sandbox.google, shared_sandbox.settings
    settings.PROVIDERS = {"google": "integrations.providers.google.Google"}
    settings.PROVIDER_SETTINGS = {
        "google": {
            "client_id": found["GOOGLE_CLIENT_ID"],
            "client_secret": found["GOOGLE_CLIENT_SECRET"],
            "authorize_url": found["GOOGLE_AUTHORIZE_URL"],
            "token_url": found["GOOGLE_TOKEN_URL"],
            "revoke_url": found["GOOGLE_REVOKE_URL"],
            "calendar_root": found["GOOGLE_CALENDAR_ROOT"],
            "people_root": found["GOOGLE_PEOPLE_ROOT"],
        }
    }
    settings.OUTBOUND_ALLOW = [shared_sandbox.url.removeprefix("http://")]
    registry.providers.cache_clear()
    if not google.people.find(alice.email):
        google.add_person(alice.email, name="Alice Meyer", timezone="Europe/Berlin")
        starts = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        for n in range(12):
            span = {
                "start": {"dateTime": starts.isoformat()},
                "end": {"dateTime": (starts + timedelta(hours=1)).isoformat()},
            }
            google.add_event(alice.email, {"id": f"event{n:05}", "summary": f"Event {n}", **span})
        google.contacts.create(alice.email, {"names": [{"givenName": "Ann", "familyName": "Ash"}]})
    yield shared_sandbox
    shared_sandbox.faults.clear()


@pytest.fixture
def connection(google: Sandbox, alice: User) -> Connection:
    """Alice's, synced once."""
    issued = google.google.tokens.issue(alice.email, SCOPES)
    connection = Connection.objects.create(
        user=alice, provider="google", mailbox=alice.email, account_id="1", calendar_read=True, contacts_read=True,
        credentials={"access_token": issued.access, "refresh_token": issued.refresh,
                     "expires_at": time.time() + 3000, "scopes": SCOPES, "sub": "1"},
    )  # fmt: skip
    assert run(connection).outcome == Outcome.DONE
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)
    return connection


def run(connection: Connection) -> SyncRun:
    found = sync.run(connection.pk, trigger="person")
    assert found is not None
    return found


TROUBLE = [
    ("html", "unexpected"),
    ("half-json", "unexpected"),
    ("empty-body", "unexpected"),
    ("huge", "unexpected"),
    ("gzip-bomb", "unexpected"),
    ("endless", "unexpected"),
    ("redirect", "unexpected"),
    ("cut-off", "unreachable"),
    ("hang-up", "unreachable"),
    ("500", "unreachable"),
    ("502-html", "unreachable"),
    ("503", "unreachable"),
    ("429", "rate_limited"),
    ("429-date", "rate_limited"),
    ("403-rate", "rate_limited"),
    ("403-quota", "rate_limited"),
    ("403-scope", "permission_missing"),
]


@pytest.mark.parametrize("path", [EVENTS, PEOPLE], ids=["calendar", "contacts"])
@pytest.mark.parametrize(("fault", "code"), TROUBLE, ids=[fault for fault, _ in TROUBLE])
def test_each_trouble_is_a_sentence_and_loses_nothing(
    google: Sandbox, connection: Connection, alice_client: Client, settings: Any, path: str, fault: str, code: str
) -> None:
    settings.OUTBOUND_MAX_BYTES = 1_000_000
    google.google.expire_sync_tokens(connection.user.email)
    # The first answer may be the one that says that the token has expired; from the listing on it goes wrong.
    google.faults.add(fault, path, times=None, amount=60 if fault.startswith("429") else None)
    failed = run(connection)
    assert (failed.outcome, failed.error_code) == (Outcome.FAILED, code)
    assert failed.error_sentence.endswith(".")
    assert "Traceback" not in failed.error_detail
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)
    for page in ("/profile/", "/meetings/", "/contacts/"):
        answer = alice_client.get(page)
        assert answer.status_code == 200
        assert "Traceback" not in answer.content.decode()
    connection.refresh_from_db()
    assert connection.next_sync_at > connection.status_changed_at
    assert connection.status == PLANS[type(_error(code))].status

    google.faults.clear()
    Connection.objects.update(status=Status.CONNECTED)
    healed = run(connection)
    assert healed.outcome == Outcome.DONE
    assert (healed.added, healed.removed) == (0, 0)
    assert (Meeting.objects.count(), Contact.objects.count()) == (12, 1)


def _error(code: str) -> Any:
    return next(kind for kind in PLANS if kind.code == code)()


def test_a_page_token_that_leads_to_another_host_is_only_a_token(google: Sandbox, connection: Connection) -> None:
    google.google.expire_sync_tokens(connection.user.email)
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
