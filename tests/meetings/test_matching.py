"""What sync reads is brought together with what was scheduled here, however much that is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection
from integrations.remote import Delta, RemoteEvent
from meetings.merging import Matcher
from meetings.models import Meeting, ScheduledMeeting
from meetings.sync import CalendarFeed
from tests.meetings.conftest import make_event
from tests.meetings.world import TEN, World

MANY = 300


def schedule_many(world: World, count: int = MANY) -> None:
    ScheduledMeeting.objects.bulk_create(
        ScheduledMeeting(
            owner=world.alice,
            topic=f"Meeting {number}",
            starts=TEN,
            minutes=30,
            timezone="UTC",
            connection=world.connection,
            wants_calendar=True,
            is_in_calendar=True,
            remote_id=f"made{number}",
            remote_uid=f"made{number}@memory.example",
        )
        for number in range(count)
    )


def read_page(connection: Connection, prefix: str) -> int:
    """How many queries a page of fifty events takes."""
    starts = [TEN + timedelta(hours=number) for number in range(50)]
    events = [
        make_event(f"{prefix}{number}", starts=one, ends=one + timedelta(hours=1)) for number, one in enumerate(starts)
    ]
    with CaptureQueriesContext(
        database,
    ) as queries:
        CalendarFeed().apply(connection, Delta(changed=tuple(events)))
    return len(queries)


def test_a_page_takes_as_many_queries_whatever_was_scheduled(world: World) -> None:
    connection = world.connection
    read_page(connection, "warm")
    none = read_page(connection, "none")
    schedule_many(world)

    assert read_page(connection, "many") <= none + 1


def test_of_all_that_was_scheduled_only_what_the_page_names_is_looked_at(world: World) -> None:
    schedule_many(world)
    matcher = Matcher(world.connection, [make_event("made7"), make_event("other")])

    found = matcher.match(make_event("made7"), TEN, TEN, "")

    assert found == (ScheduledMeeting.objects.get(remote_id="made7").pk, False)
    assert matcher.match(make_event("other"), TEN, TEN, "") == (None, False)
    assert {one.remote_id for one in matcher._by_id.values()} == {"made7"}


@pytest.mark.parametrize(
    "name",
    [
        lambda one: {"key": one.key.hex},
        lambda one: {"uid": str(one.key)},
        lambda one: {"uid": one.remote_uid},
        lambda one: {"series_id": one.remote_id},
    ],
    ids=["key", "dashed key", "uid", "series"],
)
def test_an_event_is_known_by_each_of_its_names(
    world: World, name: Callable[[ScheduledMeeting], dict[str, str]]
) -> None:
    schedule_many(world, 3)
    scheduled = ScheduledMeeting.objects.get(remote_id="made1")
    event: RemoteEvent = make_event("at-the-provider", **name(scheduled))

    CalendarFeed().apply(world.connection, Delta(changed=(event, make_event("elsewhere"))))

    rows = dict(Meeting.objects.values_list("remote_id", "scheduled_id"))
    assert rows == {"at-the-provider": scheduled.pk, "elsewhere": None}
