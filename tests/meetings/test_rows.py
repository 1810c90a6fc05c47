"""Our own rows: what they say, what of them changes, and what stays."""

from datetime import timedelta

import pytest

from integrations import erasing
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee
from meetings import scheduling
from meetings.models import Meeting, Origin, ScheduledMeeting
from meetings.rows import make_rows, redescribe
from tests.meetings.world import BERLIN, TEN, Scope, World, berlin, hours

DAILY = Recurrence(Repeats.DAILY, count=3)
BEN = Attendee("ben@else.example", "Ben")
JITSI = "https://meet.jit.si/NorthwindWeekly"


def test_who_is_in_a_row_is_in_its_search_text_once(world: World) -> None:
    world.schedule(invitees=(BEN,), in_calendar=False, recurrence=DAILY)
    world.edit(world.shown[1], topic="Other")

    for row in world.shown:
        words = row.search_text.split("\n")
        assert sorted(words) == sorted(set(words))
        assert {row.title.casefold(), "ben", "ben@else.example", world.alice.email} <= set(words)


@pytest.mark.parametrize("scope", [Scope.THIS, Scope.ALL])
def test_a_link_in_the_new_description_can_be_joined_by(world: World, scope: Scope) -> None:
    world.schedule(in_calendar=False, recurrence=DAILY)
    world.edit(world.shown[1], scope=scope, description=f"See you at {JITSI}")

    found = [[one.url for one in row.links] for row in world.shown]
    assert found == [[JITSI] if scope is Scope.ALL or n == 1 else [] for n in range(3)]
    assert world.shown[1].join_services.strip()


def test_what_was_changed_in_one_occurrence_stays_when_all_get_something_else(world: World) -> None:
    scheduled = world.schedule(in_calendar=False, recurrence=DAILY)
    second = world.shown[1]
    world.edit(second, topic="Kick-off", starts=second.starts + hours(2), minutes=15)

    world.edit(world.shown[0], scope=Scope.ALL, description="Bring tea.")
    assert [row.title for row in world.shown] == ["Planning", "Kick-off", "Planning"]
    assert {row.body_text for row in world.shown} == {"Bring tea."}
    scheduled.refresh_from_db()
    scheduled.join_url = JITSI
    redescribe(scheduled)

    assert [row.title for row in world.shown] == ["Planning", "Kick-off", "Planning"]
    assert world.shown[1].ends == TEN + timedelta(days=1) + hours(2.25)
    assert {row.links[0].url for row in world.shown} == {JITSI}

    world.edit(world.shown[0], scope=Scope.ALL, topic="Renamed")
    assert {row.title for row in world.shown} == {"Renamed"}


def test_a_row_keeps_its_page_when_the_series_moves_grows_or_shrinks(world: World) -> None:
    scheduled = world.schedule(in_calendar=False, recurrence=DAILY)
    pks = [row.pk for row in world.shown]

    scheduled.recurrence = Recurrence(Repeats.DAILY, count=5)
    scheduled.starts += timedelta(days=1)
    make_rows(scheduled)
    assert [row.pk for row in world.shown][:3] == pks
    assert [row.starts for row in world.shown] == [TEN + timedelta(days=n) for n in range(1, 6)]
    scheduled.recurrence = Recurrence(Repeats.DAILY, count=2)
    make_rows(scheduled)
    assert [row.pk for row in world.shown] == pks[:2]


def test_only_rows_from_a_moment_on_are_made_where_the_others_are_somebody_elses(world: World) -> None:
    scheduled = world.schedule(in_calendar=False, recurrence=DAILY)
    Meeting.objects.filter(pk=world.shown[0].pk).update(title="As it was")

    make_rows(scheduled, since=TEN + timedelta(days=1))

    assert [row.title for row in world.shown] == ["As it was", "Planning", "Planning"]


def test_a_series_that_lasts_beyond_what_is_read_is_whole_again_when_the_calendar_is_given_up(
    world: World, settings
) -> None:
    settings.SYNC = {**settings.SYNC, "days_ahead": 60}
    monthly = Recurrence(Repeats.MONTHLY, month_day=25, count=12)
    world.schedule(recurrence=monthly)
    assert len(world.shown) == 12
    world.work()
    inside = len(world.shown)
    assert 1 <= inside < 12

    erasing.erase(world.connection)

    assert [row.origin for row in world.shown] == [Origin.HERE] * 12
    local = [row.starts.astimezone(BERLIN) for row in world.shown if row.starts]
    assert [(one.day, one.hour) for one in local] == [(25, 10)] * 12


def test_a_deleted_series_that_lies_behind_us_is_restored_where_it_was(world: World) -> None:
    scheduled = world.schedule(starts=berlin(2, 9), recurrence=DAILY)
    world.work()
    before = world.page
    world.delete(world.shown[0])
    world.work()
    assert world.there == []

    scheduling.restore(scheduled, by=world.alice)
    world.work()
    world.sync()

    assert world.page == before == world.there
    assert ScheduledMeeting.objects.get().is_in_calendar


def test_what_is_private_here_is_private_there_and_stays_so(world: World) -> None:
    world.schedule(is_private=True)
    assert world.shown[0].is_private
    world.work()
    (event,) = world.person.book.events.items.values()
    assert event.is_private
    world.edit(world.shown[0], topic="Other")
    world.work()
    assert [row.is_private for row in world.shown] == [True]
    assert world.person.book.get(event.ref.id).is_private
