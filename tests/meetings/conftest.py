"""Alice's calendar, and short ways to put events into it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from integrations.models import Connection, Outcome, SyncRun
from integrations.providers.memory import SERVICE
from integrations.remote import Delta, RemoteEvent, RemoteRef
from meetings.models import Meeting
from meetings.sync import CalendarFeed
from organizations.models import User
from tests.meetings.world import World

NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)
"""A Monday, 09:55 in Berlin."""
ZOOM = "https://us02web.zoom.us/j/83212345678?pwd=abcDEF"
MEET = "https://meet.google.com/abc-defg-hij"


@pytest.fixture
def at_now():
    """Stops the clock at NOW."""
    with time_machine.travel(NOW, tick=False):
        yield


def make_connection(user: User, **fields: Any) -> Connection:
    defaults = {
        "provider": "google",
        "mailbox": user.email,
        "account_id": str(user.pk),
        "calendar_read": True,
        "credentials": {},
        "synced_at": NOW,
        "next_sync_at": NOW + timedelta(minutes=5),
    }
    return Connection.objects.create(user=user, **defaults | fields)


@pytest.fixture
def connection(alice: User) -> Connection:
    return make_connection(alice)


def make_event(remote_id: str = "one", *, version: str = '"1"', **fields: Any) -> RemoteEvent:
    """An hour on Monday from 10:00 in Berlin, unless said otherwise."""
    if "starts_on" not in fields:
        fields.setdefault("starts", datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
        if fields["starts"] is not None:
            fields.setdefault("ends", fields["starts"] + timedelta(hours=1))
    fields.setdefault("title", "Planning")
    return RemoteEvent(ref=RemoteRef(remote_id, "", version), **fields)


@pytest.fixture
def put(connection: Connection) -> Callable[..., Meeting]:
    """put("id", title=…) -> the meeting that Alice's feed makes of such an event."""

    def put(remote_id: str = "one", **fields: Any) -> Meeting:
        CalendarFeed().apply(connection, Delta(changed=(make_event(remote_id, **fields),)))
        return Meeting.objects.get(connection=connection, remote_id=remote_id)

    return put


@pytest.fixture
def finished_run(connection: Connection) -> SyncRun:
    return SyncRun.objects.create(connection=connection, outcome=Outcome.DONE, started_at=NOW, added=1)


@pytest.fixture
def world(settings: Any, alice: User, at_now: Any) -> Iterator[World]:
    """Alice, connected to a calendar in memory with Calendar write, at NOW."""
    settings.PROVIDERS = {"memory": "integrations.providers.memory.Memory"}
    settings.PROVIDER_SETTINGS = {}
    SERVICE.reset()
    made = World(alice, SERVICE, SERVICE.add_person(alice.email))
    made.connect()
    made.sync()
    yield made
    SERVICE.reset()
