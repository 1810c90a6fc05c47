"""Alice connected to a pretend service that tells of changes, to an address that keeps what it hears."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations import pushing, sync
from integrations.models import Connection, PushChannel
from organizations.models import User
from portal import settings as project
from sandbox.server import Sandbox, running
from tests.listening import Heard, Listener, listening

GOOGLE_SCOPES = [
    f"https://www.googleapis.com/auth/{one}"
    for one in ("calendar.events.owned", "calendar.calendarlist.readonly", "contacts.readonly")
]
MICROSOFT_SCOPES = ["User.Read", "Calendars.Read", "Contacts.Read", "offline_access"]
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


class Stage:
    """`service`: "google" or "office365"."""

    def __init__(self, service: str, sandbox: Sandbox, listener: Listener, alice: User) -> None:
        self.service, self.sandbox, self.listener, self.alice = service, sandbox, listener, alice
        sandbox.google.add_person(alice.email, name="Alice Meyer")
        self.connection = Connection.objects.create(
            user=alice, provider=service, mailbox=alice.email, account_id="1", calendar_read=True, contacts_read=True,
            credentials=self.sign_in(),
        )  # fmt: skip

    def sign_in(self) -> dict[str, Any]:
        scopes = GOOGLE_SCOPES if self.service == "google" else MICROSOFT_SCOPES
        issued = getattr(self.sandbox, self.service).tokens.issue(self.alice.email, scopes)
        return {
            "method": "oauth", "access_token": issued.access, "refresh_token": issued.refresh,
            "expires_at": time.time() + 3000, "scopes": scopes, "sub": "1", "tid": "t", "oid": "o",
            "mailbox": self.alice.email,
        }  # fmt: skip

    def start(self) -> None:
        """A first sync, the channels, and the sync that closes the gap; what was told of that is forgotten."""
        sync.run(self.connection.pk)
        assert pushing.keep(self.connection.pk)
        sync.run(self.connection.pk, trigger="push")
        self.settle()
        self.listener.heard.clear()
        self.rest()

    def rest(self) -> None:
        """Nothing is due, and the last sync is a while ago."""
        now = timezone.now()
        Connection.objects.filter(pk=self.connection.pk).update(
            next_sync_at=now + timedelta(minutes=4), synced_at=now - timedelta(minutes=1)
        )

    @property
    def channels(self) -> list[PushChannel]:
        return list(self.connection.push_channels.order_by("feed", "container"))

    @property
    def places(self) -> list[tuple[str, str]]:
        return [(one.feed, one.container) for one in self.channels]

    def change(self, title: str = "Talk") -> None:
        start, end = ({"dateTime": f"{SOON + timedelta(hours=n):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"} for n in (0, 1))
        name = "summary" if self.service == "google" else "subject"
        getattr(self.sandbox, self.service).add_event(self.alice.email, {name: title, "start": start, "end": end})

    def settle(self) -> None:
        assert self.sandbox.deliveries.settle()

    def hear(self) -> list[Heard]:
        """What is told of a change."""
        self.settle()
        heard = list(self.listener.heard)
        self.listener.heard.clear()
        return heard

    def told_at_the_service(self) -> int:
        """How many channels of Alice's the service has."""
        if self.service == "google":
            return len(self.sandbox.google.channels.list(self.alice.email))
        return len(self.sandbox.office365.graph.subscriptions.list(self.alice.email))


def hand_on(heard: Heard, **changes: str) -> Any:
    """Post to Portico what was heard, with other headers or `body`."""
    body = changes.pop("body", "").encode() or heard.body
    headers = {name: value for name, value in heard.headers.items() if name.startswith("X-Goog-")}
    kind = heard.headers.get("Content-Type", "text/plain")
    return Client().post(heard.path, body, content_type=kind, headers=headers | changes)


@contextmanager
def playing(service: str, settings: Any, alice: User) -> Iterator[Stage]:
    with running(pushes_to_loopback=True) as sandbox, listening() as listener:
        settings.PROVIDERS = project.PROVIDERS
        settings.PROVIDER_SETTINGS = {
            key: {name: sandbox.settings.get(f"{key}_{name}".upper(), "") for name in values}
            for key, values in project.PROVIDER_SETTINGS.items()
        }
        settings.OUTBOUND_ALLOW = sandbox.settings["OUTBOUND_ALLOW"].split(",")
        settings.OUTBOUND_CA_BUNDLE = sandbox.settings["OUTBOUND_CA_BUNDLE"]
        settings.PUSH_ADDRESS = listener.url.removesuffix("/told/")
        yield Stage(service, sandbox, listener, alice)


SERVICES = pytest.mark.parametrize("service", ["google", "office365"])
