"""What is written of a whole series: it is carried out once, whatever becomes of the answer, and loses nobody."""

from datetime import timedelta
from typing import Any

import pytest

from integrations.outgoing import WriteState
from integrations.providers.memory_books import MemoryBook
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft, RemoteEvent, RemoteRef
from meetings import queueing, scheduling
from meetings.models import Write
from tests.meetings.world import BERLIN, TEN, Scope, World, hours

DAILY = Recurrence(Repeats.DAILY, count=4)
WEEKLY = Recurrence(Repeats.WEEKLY, weekdays=(2, 4), count=4)
DAY = timedelta(days=1)


def make_series(book: MemoryBook, recurrence: Recurrence = DAILY, **changes: Any) -> RemoteEvent:
    draft = EventDraft(
        "Jour fixe", starts=TEN, ends=TEN + hours(1), timezone="Europe/Berlin", recurrence=recurrence, **changes
    )
    return book.create(draft, key="f" * 32)


def try_again(write: Write | None, world: World) -> None:
    """It failed in passing."""
    assert write is not None
    write.refresh_from_db()
    assert write.state == WriteState.WAITING
    queueing.put_again(write)
    world.work()
    write.refresh_from_db()
    assert write.state == WriteState.DONE


@pytest.mark.parametrize("recurrence", [DAILY, WEEKLY], ids=["every day", "two days a week"])
@pytest.mark.parametrize("shift", [hours(1), DAY], ids=["of time", "of day"])
def test_a_series_moves_once_though_the_answer_was_lost(world: World, recurrence: Recurrence, shift: timedelta) -> None:
    make_series(world.person.book, recurrence)
    world.sync()
    before = [one.starts for one in world.shown if one.starts]
    world.service.lose_answer(at="update")

    write = world.edit(world.shown[1], scope=Scope.ALL, starts=before[1] + shift, minutes=60)
    world.work()
    try_again(write, world)

    assert [starts for _, starts in world.there] == [one + shift for one in before]
    assert world.page == world.there


def test_a_series_scheduled_here_moves_once_though_the_answer_was_lost(world: World) -> None:
    world.schedule("Stand-up", recurrence=DAILY)
    world.work()
    world.service.lose_answer(at="update")

    write = world.edit(world.shown[2], scope=Scope.ALL, starts=TEN + 2 * DAY + hours(3), minutes=30)
    world.work()
    try_again(write, world)

    assert [starts for _, starts in world.there] == [TEN + number * DAY + hours(3) for number in range(4)]
    assert world.page == world.there


@pytest.mark.parametrize("shift", [hours(0), hours(2)], ids=["renamed", "moved"])
def test_what_follows_a_moved_occurrence_follows_from_where_the_series_has_it(world: World, shift: timedelta) -> None:
    make_series(world.person.book, WEEKLY)
    world.sync()
    second = world.shown[1]
    assert second.starts
    world.edit(second, starts=second.starts + DAY + hours(1), minutes=60)
    world.work()
    second.refresh_from_db()
    assert second.starts
    change = {"starts": second.starts + shift, "minutes": 60} if shift else {}

    world.edit(second, scope=Scope.FOLLOWING, topic="Changed", **change)
    world.work()

    assert [title for title, _ in world.there] == ["Jour fixe"] + ["Changed"] * 3
    days = [starts.astimezone(BERLIN).weekday() for _, starts in world.there if starts]
    assert days == ([2, 5, 3, 5] if shift else [2, 4, 2, 4])
    assert world.page == world.there


def test_a_room_stays_in_what_is_left_of_a_series(world: World) -> None:
    people = (Attendee("ben@else.example", "Ben"), Attendee("room4@else.example", "Room 4", is_resource=True))
    make_series(world.person.book, attendees=people)
    world.sync()

    world.edit(world.shown[2], scope=Scope.FOLLOWING, topic="Changed")
    world.work()

    masters = world.person.book.masters.items.values()
    found = {(event.title, one.email, one.is_resource) for event in masters for one in event.attendees}
    rooms = {(title, "room4@else.example", True) for title in ("Jour fixe", "Changed")}
    assert found == rooms | {(title, "ben@else.example", False) for title in ("Jour fixe", "Changed")}


def test_a_series_moves_to_where_a_moved_occurrence_of_it_is_put(world: World) -> None:
    make_series(world.person.book)
    world.sync()
    second = world.shown[1]
    assert second.starts
    world.edit(second, starts=second.starts + hours(1), minutes=60)
    world.work()

    world.edit(second, scope=Scope.ALL, starts=TEN + DAY + hours(3), minutes=60)
    world.work()

    others = [starts for _, starts in world.there if starts and starts.date() != second.starts.date()]
    assert others == [TEN + number * DAY + hours(3) for number in (0, 2, 3)]


def test_in_a_conflict_over_a_whole_series_ones_own_time_is_written_as_it_was_meant(world: World) -> None:
    series = make_series(world.person.book)
    world.sync()
    third = world.shown[2]
    write = world.edit(third, scope=Scope.ALL, topic="Mine", starts=TEN + 2 * DAY + hours(2), minutes=60)
    world.person.book.update(RemoteRef(series.ref.id), EventDraft("Theirs"), fields=frozenset({"title"}))
    world.work()
    assert write is not None
    write.refresh_from_db()
    assert write.state == WriteState.CONFLICT

    scheduling.write_mine(write)
    world.work()

    assert world.there == [("Mine", TEN + number * DAY + hours(2)) for number in range(4)]
    assert world.page == world.there
