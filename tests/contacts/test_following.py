"""From Connect to the page and on: the page follows the address book through the engine."""

from collections.abc import Callable

from django.test import Client

from contacts.models import Contact, ContactFolder, ContactNumber
from integrations import sync
from integrations.models import Connection, Outcome
from integrations.numbers import NO_COUNTRY
from integrations.providers.memory import MemoryPerson
from integrations.remote import RemoteNumber
from organizations.models import Organization, User
from tests.integrations.conftest import account, connect, memory, queued  # noqa: F401  # fixtures

Connect = Callable[..., Connection]


def read(connection: Connection) -> None:
    run = sync.run(connection.pk, trigger="person")
    assert run is not None and run.outcome == Outcome.DONE, run


def test_the_page_follows_the_address_book(
    connect: Connect,  # noqa: F811
    account: MemoryPerson,  # noqa: F811
    alice: User,
    sign_in: Callable[[User], Client],
) -> None:
    client = sign_in(alice)
    connection = connect(client=client)
    assert "about to read" in client.get("/contacts/").content.decode()

    read(connection)
    body = client.get("/contacts/").content.decode()
    assert "Ann Ash" in body and "Ben Birch" in body and "Clients" in body
    row = Contact.objects.get(display_name="Ann Ash").pk

    account.put_contact("c1", display_name="Ann Ashdown", folders=("f1",))
    account.put_contact("c3", display_name="Cat Cole")
    account.contacts.remove("c2")
    account.put_folder("f2", "Clients of old")
    read(connection)
    body = client.get("/contacts/").content.decode()
    assert "Ann Ashdown" in body and "Cat Cole" in body and "Clients of old" in body
    assert "Ben Birch" not in body
    assert Contact.objects.get(display_name="Ann Ashdown").pk == row


def test_giving_the_permission_up_takes_the_contacts_away_at_once(
    connect: Connect,  # noqa: F811
    alice: User,
    sign_in: Callable[[User], Client],
) -> None:
    client = sign_in(alice)
    connection = connect(client=client)
    read(connection)
    assert Contact.objects.exists()
    client.post("/integrations/connection/edit/", {"permissions": ["calendar_read"]})
    assert not Contact.objects.exists() and not ContactFolder.objects.exists()
    assert "not part of your connection" in client.get("/contacts/").content.decode()


def test_deleting_the_connection_takes_the_contacts_along(
    connect: Connect,  # noqa: F811
    alice: User,
    sign_in: Callable[[User], Client],
) -> None:
    client = sign_in(alice)
    read(connect(client=client))
    assert Contact.objects.exists()
    client.post("/integrations/connection/deletion/new/")
    assert not Contact.objects.exists() and not ContactFolder.objects.exists()
    assert "Connect your contacts" in client.get("/contacts/").content.decode()


def test_where_numbers_are_read_changes_what_stands_here_already(
    connect: Connect,  # noqa: F811
    account: MemoryPerson,  # noqa: F811
    alice: User,
    northwind: Organization,
    dora_client: Client,
    sign_in: Callable[[User], Client],
) -> None:
    Organization.objects.update(default_region="")
    account.put_contact("c9", display_name="Anna Weber", numbers=(RemoteNumber("030 901820"),))
    connection = connect(client=sign_in(alice))
    read(connection)
    number = ContactNumber.objects.get(value="030 901820")
    assert (number.e164, number.problem) == ("", NO_COUNTRY)
    read(connection)
    assert ContactNumber.objects.get(value="030 901820").e164 == ""

    said = {"name": "Northwind", "time_zone": "Europe/Berlin", "language": "en", "audit_years": "0"}
    assert dora_client.post("/people/organization/", said | {"default_region": "DE"}).status_code == 302
    read(connection)
    assert ContactNumber.objects.get(value="030 901820").e164 == "+4930901820"
