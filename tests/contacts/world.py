"""Alice, whose address book lives in memory, with everything that Portico does for her done by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from contacts import outbox, queueing
from contacts.drafts import portray_row
from contacts.models import Contact, ContactWrite
from integrations import sync
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.numbers import parse_number
from integrations.permissions import ALL
from integrations.providers.memory import Memory, MemoryPerson, MemoryService
from integrations.providers.memory_people import NUMBER_TYPES
from integrations.remote import ContactDraft, RemoteContact, RemoteEmail, RemoteNumber
from organizations.models import User

NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)
KINDS = {one.key: one.kind for one in NUMBER_TYPES}


def number(value: str, kind: str = "mobile") -> RemoteNumber:
    return RemoteNumber(value, KINDS[kind], kind, parse_number(value, "DE").e164 or "")


def draft(given: str, family: str = "", *values: str, email: str = "") -> ContactDraft:
    emails = (RemoteEmail(email),) if email else ()
    return ContactDraft(given, family, emails=emails, numbers=tuple(number(one) for one in values))


@dataclass
class World:
    """`service` is the provider; `person` the account there."""

    alice: User
    service: MemoryService
    person: MemoryPerson

    @property
    def connection(self) -> Connection:
        return Connection.objects.select_related("user").get(user=self.alice)

    def connect(self) -> Connection:
        self.person.granted, self.person.refresh_token = ALL, "refresh"
        return Connection.objects.create(
            user=self.alice,
            provider="memory",
            mailbox=self.alice.email,
            account_id=self.person.account_id,
            contacts_read=True,
            contacts_write=True,
            credentials=Memory(service=self.service)._issue(self.person),
        )

    def sync(self) -> None:
        sync.run(self.connection.pk, trigger="person")

    def work(self) -> None:
        """Carry out what is due, once."""
        for write_id in outbox.find_due():
            outbox.carry_out(write_id)

    def create(self, wanted: ContactDraft, *, folder: str = "") -> Contact:
        with transaction.atomic():
            connection = find_connection(self.alice, locks=True)
            assert connection
            return queueing.put_contact(connection, wanted, folder=folder)

    def add(self, contact: Contact, value: str, kind: str = "mobile") -> ContactWrite:
        with transaction.atomic():
            connection = find_connection(self.alice, locks=True)
            assert connection
            return queueing.put_number(connection, contact, number(value, kind), seen=portray_row(contact))

    def drop(self, write: ContactWrite) -> None:
        with transaction.atomic():
            queueing.drop(write, self.connection)

    @property
    def rows(self) -> list[Contact]:
        return list(Contact.objects.filter(connection__user=self.alice).order_by("sort_name", "pk"))

    @property
    def page(self) -> list[tuple[str, tuple[str, ...]]]:
        """What is shown: (name, numbers), in order."""
        return sorted((one.display_name, tuple(sorted(n.value for n in one.numbers.all()))) for one in self.rows)

    @property
    def there(self) -> list[tuple[str, tuple[str, ...]]]:
        """The same of what the address book holds."""
        return sorted((one.display_name, tuple(sorted(n.value for n in one.numbers))) for one in self.held)

    @property
    def held(self) -> list[RemoteContact]:
        return list(self.person.contacts.items.values())
