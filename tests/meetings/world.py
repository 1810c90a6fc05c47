"""Alice, whose calendar lives in memory, with everything that Portico does for her done by hand."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations import sync
from integrations.models import Connection
from integrations.permissions import ALL
from integrations.providers.memory import Memory, MemoryPerson, MemoryService
from meetings import outbox, scheduling
from meetings.agenda import find_reader
from meetings.intended import Change
from meetings.models import Meeting, ScheduledMeeting, Write
from meetings.moving import Scope
from meetings.scheduling import Plan
from organizations.models import User

NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)
"""A Monday, 09:55 in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")
TEN = datetime(2026, 11, 25, 10, 0, tzinfo=BERLIN)


@dataclass
class World:
    """`service` is the provider; `person` the account there; `hosted` the organization's meeting host, if any."""

    alice: User
    service: MemoryService
    person: MemoryPerson
    host: str = ""
    seen: list[Any] = field(default_factory=list)

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
            calendar_read=True,
            calendar_write=True,
            credentials=Memory(service=self.service)._issue(self.person),
        )

    def sync(self) -> None:
        sync.run(self.connection.pk, trigger="person")

    def work(self, *, passes: int = 5) -> None:
        """Carry out what is due, as often as it puts new writes there."""
        for _ in range(passes):
            due = outbox.find_due()
            if not due:
                return
            for write_id in due:
                outbox.carry_out(write_id)

    def schedule(self, topic: str = "Planning", starts: datetime = TEN, **fields: Any) -> ScheduledMeeting:
        values = {"minutes": 60, "timezone": "Europe/Berlin", "in_calendar": True} | fields
        plan = Plan(topic=topic, starts=starts, **values)
        return scheduling.schedule(self.alice, plan, by=self.alice, host=self.host)

    def edit(self, meeting: Meeting, *, scope: Scope = Scope.THIS, **change: Any) -> Write | None:
        meeting.refresh_from_db()
        return scheduling.edit(meeting, Change(**change), scope=scope, by=self.alice)

    def delete(self, meeting: Meeting, *, scope: Scope = Scope.ALL) -> Write | None:
        meeting.refresh_from_db()
        return scheduling.delete(meeting, scope=scope, by=self.alice)

    @property
    def shown(self) -> list[Meeting]:
        """The rows on Alice's page, in order."""
        alice = User.objects.get(pk=self.alice.pk)
        return list(find_reader(alice).meetings().order_by("starts", "pk"))

    @property
    def page(self) -> list[tuple[str, datetime | None]]:
        return [(one.title, one.starts) for one in self.shown]

    @property
    def there(self) -> list[tuple[str, datetime | None]]:
        """What the calendar holds, single events and occurrences, in order."""
        events = [one for one in self.person.book.events.items.values() if not one.is_series]
        return sorted(((one.title, one.starts) for one in events if one.starts), key=lambda one: (one[1], one[0]))


def berlin(day: int, hour: int, minute: int = 0, *, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


__all__ = ["NOW", "TEN", "Scope", "World", "berlin", "hours", "suppress"]
