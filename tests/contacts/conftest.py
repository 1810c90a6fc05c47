"""Connections of the cast, without a provider: the feed is handed its pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from contacts.sync import ContactsFeed
from integrations.models import Connection
from integrations.providers.memory import SERVICE
from integrations.pulling import Counts
from integrations.remote import Delta, RemoteContact, RemoteEmail, RemoteFolder, RemoteNumber, RemoteRef
from organizations.models import User
from tests.contacts.world import NOW, World

Apply = Callable[..., Counts]


@pytest.fixture
def make_connection(db: None) -> Callable[..., Connection]:
    """make_connection(user, **fields) -> a connection that may read contacts."""

    def make(user: User, **fields: object) -> Connection:
        defaults: dict[str, object] = {
            "provider": "google",
            "mailbox": user.email,
            "account_id": user.email,
            "contacts_read": True,
            "calendar_read": True,
        }
        connection = Connection(user=user, **(defaults | fields))
        connection.credentials = {"refresh_token": "hidden"}
        connection.save()
        return connection

    return make


@pytest.fixture
def connection(alice: User, make_connection: Callable[..., Connection]) -> Connection:
    """Alice's."""
    return make_connection(alice)


@pytest.fixture
def apply(connection: Connection) -> Apply:
    """apply(*contacts, gone=(), folders=None, to=connection) -> what the page did to the rows."""
    feed = ContactsFeed()

    def apply(
        *contacts: RemoteContact,
        gone: tuple[str, ...] = (),
        folders: tuple[RemoteFolder, ...] | None = None,
        to: Connection = connection,
    ) -> Counts:
        return feed.apply(to, Delta(changed=contacts, gone=gone, folders=folders))

    return apply


@pytest.fixture
def world(settings: Any, alice: User) -> Iterator[World]:
    """Alice, connected to an address book in memory with Contacts write, at NOW."""
    settings.PROVIDERS = {"memory": "integrations.providers.memory.Memory"}
    settings.PROVIDER_SETTINGS = {}
    SERVICE.reset()
    with time_machine.travel(NOW, tick=False):
        made = World(alice, SERVICE, SERVICE.add_person(alice.email))
        made.connect()
        made.sync()
        yield made
    SERVICE.reset()


def person(
    remote_id: str,
    name: str = "",
    *,
    version: str = "1",
    numbers: tuple[str, ...] = (),
    emails: tuple[str, ...] = (),
    **fields: object,
) -> RemoteContact:
    """A contact with its numbers and e-mail addresses as plain text."""
    return RemoteContact(
        RemoteRef(remote_id, version=version),
        display_name=name,
        numbers=tuple(RemoteNumber(one) for one in numbers),
        emails=tuple(RemoteEmail(one) for one in emails),
        **fields,
    )
