"""A connected Alice, whose calendar and address book live in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from integrations.models import Connection
from integrations.providers.memory import SERVICE, MemoryPerson, MemoryService
from organizations.models import User

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def memory(settings: Any) -> Iterator[MemoryService]:
    settings.PROVIDERS = {"memory": "integrations.providers.memory.Memory"}
    settings.PROVIDER_SETTINGS = {}
    SERVICE.reset()
    yield SERVICE
    SERVICE.reset()


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was sent to the worker; nothing runs by itself."""
    from integrations import tasks

    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *args: sent.append(args))
    return sent


@pytest.fixture
def account(memory: MemoryService, alice: User) -> MemoryPerson:
    """Alice's account at the service, with three events and two contacts in it."""
    person = memory.add_person(alice.email)
    for n in range(3):
        starts = NOON + n * HOUR
        person.put_event(f"e{n}", title=f"Event {n}", starts=starts, ends=starts + HOUR)
    person.put_folder("f1", "Clients")
    person.put_contact("c1", display_name="Ann Ash", folders=("f1",))
    person.put_contact("c2", display_name="Ben Birch")
    return person


def way_out(client: Client, answer: Any) -> str:
    """Where the page that follows `answer` leads by itself."""
    assert answer["Location"].startswith("/integrations/connection/leaving/"), answer["Location"]
    url: str = client.get(answer["Location"]).context["url"]
    return url


Connect = Callable[..., Connection]


@pytest.fixture
def connect(memory: MemoryService, alice: User, account: MemoryPerson, queued: Any, sign_in: Any) -> Connect:
    """connect(permissions) -> Alice's connection, made as her browser makes it, not synced yet."""

    def make(*permissions: str, client: Client | None = None, untick: frozenset[Any] = frozenset()) -> Connection:
        client = client or sign_in(alice)
        ticked = permissions or ("calendar_read", "contacts_read")
        leaving = client.post("/integrations/connection/new/memory/", {"permissions": list(ticked)})
        assert leaving.status_code == 303, leaving.content.decode()[:3000]
        client.get("/integrations/callback/", memory.consent(way_out(client, leaving), alice.email, untick=untick))
        return Connection.objects.get(user=alice)

    return make
