"""Series that move to other days as a whole: here alone, in the calendar, and made there."""

from datetime import timedelta

import pytest

from integrations.errors import Rejected
from integrations.outgoing import WriteState
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import EventDraft
from meetings.models import Meeting, ScheduledMeeting
from meetings.moving import CANNOT_MOVE, why_not_moved
from tests.meetings.world import BERLIN, Scope, World, berlin, hours

TUESDAYS = Recurrence(Repeats.MONTHLY, weekdays=(1,), week=2, count=4)
"""The second of each month: 8 December, 12 January, 9 February, 9 March."""
EVERY_OTHER = Recurrence(Repeats.WEEKLY, 2, weekdays=(2, 4), count=4)
DAY = timedelta(days=1)


def days_of(rows: list[Meeting]) -> list[tuple[int, int]]:
    return [(one.month, one.day) for one in (row.starts.astimezone(BERLIN) for row in rows if row.starts)]


@pytest.mark.parametrize("in_calendar", [False, True])
def test_each_month_has_the_day_that_the_moved_one_has_in_its_own(world: World, in_calendar: bool) -> None:
    world.schedule(starts=berlin(8, 10, month=12), recurrence=TUESDAYS, in_calendar=in_calendar)
    world.work()
    assert days_of(world.shown) == [(12, 8), (1, 12), (2, 9), (3, 9)]

    # The 13th of January is the second Wednesday; a day after 8 December is the second one as well.
    row = world.shown[1]
    world.edit(row, scope=Scope.ALL, starts=berlin(13, 11, month=1, year=2027), minutes=60)
    world.work()
    assert days_of(world.shown) == [(12, 9), (1, 13), (2, 10), (3, 10)]

    # From a second Wednesday to a third Monday: not as far away in each month.
    row = world.shown[0]
    world.edit(row, scope=Scope.ALL, starts=berlin(21, 11, month=12), minutes=60)
    world.work()
    assert days_of(world.shown) == [(12, 21), (1, 18), (2, 15), (3, 15)]
    assert {one.starts.astimezone(BERLIN).hour for one in world.shown if one.starts} == {11}
    if in_calendar:
        assert world.page == world.there


@pytest.mark.parametrize("scope", [Scope.ALL, Scope.FOLLOWING])
@pytest.mark.parametrize("in_calendar", [False, True])
def test_what_no_pattern_says_is_refused_and_nothing_changes(world: World, in_calendar: bool, scope: Scope) -> None:
    world.schedule(starts=berlin(25, 10), recurrence=EVERY_OTHER, in_calendar=in_calendar)
    world.work()
    row, before = world.shown[2], world.page
    assert row.starts is not None

    # Wednesday becomes Saturday, Friday would become Monday of the week between.
    assert why_not_moved(row, row.starts + 3 * DAY, scope) == CANNOT_MOVE
    with pytest.raises(Rejected):
        world.edit(row, scope=scope, starts=row.starts + 3 * DAY, minutes=60)
    world.work()
    assert world.page == before
    assert ScheduledMeeting.objects.count() == 1

    assert why_not_moved(row, row.starts + 3 * DAY, Scope.THIS) == ""
    assert why_not_moved(row, row.starts + DAY, scope) == ""
    world.edit(row, scope=scope, starts=row.starts + DAY, minutes=60)
    world.work()
    moved = [(11, 26), (11, 28)] if scope is Scope.ALL else [(11, 25), (11, 27)]
    assert days_of(world.shown) == [*moved, (12, 10), (12, 12)]


@pytest.mark.parametrize("scope", [Scope.ALL, Scope.FOLLOWING])
def test_of_a_series_made_there_the_same_is_told_with_a_sentence(world: World, scope: Scope) -> None:
    draft = EventDraft(
        title="Jour fixe",
        starts=berlin(25, 10),
        ends=berlin(25, 11),
        timezone="Europe/Berlin",
        recurrence=EVERY_OTHER,
    )
    world.person.book.create(draft, key="f" * 32)
    world.sync()
    row, before = world.shown[2], world.page
    assert row.starts is not None

    write = world.edit(row, scope=scope, starts=row.starts + 3 * DAY, minutes=60)
    world.work()

    assert write is not None
    write.refresh_from_db()
    assert (write.state, write.error_sentence) == (WriteState.FAILED, CANNOT_MOVE)
    assert world.page == before == world.there


@pytest.mark.parametrize("in_calendar", [False, True])
def test_what_follows_one_that_was_moved_by_itself_goes_on_on_the_days_of_the_series(
    world: World, in_calendar: bool
) -> None:
    weekly = Recurrence(Repeats.WEEKLY, weekdays=(2,), count=4)
    world.schedule(starts=berlin(25, 10), recurrence=weekly, in_calendar=in_calendar)
    world.work()
    second = world.shown[1]
    assert second.starts is not None
    world.edit(second, starts=second.starts + DAY + hours(3), minutes=60)
    world.work()

    world.edit(world.shown[1], scope=Scope.FOLLOWING, topic="Changed")
    world.work()

    assert days_of(world.shown) == [(11, 25), (12, 2), (12, 9), (12, 16)]
    assert [row.title for row in world.shown] == ["Planning", "Changed", "Changed", "Changed"]
    if in_calendar:
        assert world.page == world.there
