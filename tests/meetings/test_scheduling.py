"""What scheduling, editing and deleting make of rows at once, and of the calendar once the outbox has gone out."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from django.utils import timezone

from integrations import outgoing
from integrations.errors import Conflict, RateLimited, ReconnectNeeded, Rejected, Unreachable
from integrations.outgoing import WriteState
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft
from meetings import outbox, queueing, scheduling
from meetings.intended import event_draft
from meetings.models import Meeting, Origin, ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction
from tests.meetings.world import BERLIN, TEN, Scope, World, berlin, hours
from tests.policies import set_policy

DAILY = Recurrence(Repeats.DAILY, count=4)


def test_what_is_scheduled_is_on_the_page_at_once_and_once_in_the_calendar(world: World) -> None:
    scheduled = world.schedule("Planning", invitees=(Attendee("ben@else.example", "Ben"),), description="Bring tea.")
    (before,) = world.shown
    assert (before.title, before.starts, before.origin) == ("Planning", TEN, Origin.HERE)
    assert world.there == []

    world.work()

    assert world.there == [("Planning", TEN)]
    (after,) = world.shown
    assert (after.pk, after.origin, after.connection_id) == (before.pk, Origin.CALENDAR, world.connection.pk)
    scheduled.refresh_from_db()
    assert scheduled.is_in_calendar
    assert scheduled.remote_id == scheduled.key.hex
    world.sync()
    assert [row.pk for row in world.shown] == [before.pk]


def test_without_a_calendar_nothing_goes_out_and_the_row_is_ours(world: World) -> None:
    world.schedule(in_calendar=False)

    assert not Write.objects.exists()
    assert [row.origin for row in world.shown] == [Origin.HERE]
    assert world.there == []


def test_a_sync_between_the_event_and_its_recording_shows_one_row_all_the_time(world: World) -> None:
    """The worker died after the calendar had the event: sync sees it first."""
    scheduled = world.schedule()
    (row,) = world.shown
    draft = event_draft(scheduled, host_name="")
    world.person.book.create(draft, key=scheduled.key.hex)

    world.sync()

    assert [one.pk for one in world.shown] == [row.pk]
    assert Meeting.objects.filter(is_shadow=True).count() == 1
    world.work()
    assert [one.pk for one in world.shown] == [row.pk]
    assert not Meeting.objects.filter(is_shadow=True).exists()
    assert world.there == [("Planning", TEN)]


def test_a_lost_answer_makes_no_second_event(world: World) -> None:
    world.service.lose_answer(at="create")
    world.schedule()

    world.work()
    (write,) = Write.objects.all()
    assert (write.state, write.tries) == (WriteState.WAITING, 1)
    assert write.error_sentence

    queueing.put_again(write)
    world.work()
    assert world.there == [("Planning", TEN)]
    assert [row.origin for row in world.shown] == [Origin.CALENDAR]


def test_a_series_is_one_row_for_each_occurrence_before_and_after(world: World) -> None:
    world.schedule("Stand-up", recurrence=DAILY)
    wanted = [("Stand-up", TEN + timedelta(days=n)) for n in range(4)]
    assert world.page == wanted
    pks = [row.pk for row in world.shown]

    world.work()

    assert world.there == wanted
    assert world.page == wanted
    assert [row.pk for row in world.shown] == pks
    world.sync()
    assert [row.pk for row in world.shown] == pks


@pytest.mark.parametrize(
    ("first", "month", "year"), [(27, 3, 2027), (29, 10, 2027)], ids=["into summer time", "out of summer time"]
)
def test_a_series_keeps_its_time_of_day_over_a_change_of_daylight_saving(
    world: World, first: int, month: int, year: int
) -> None:
    starts = berlin(first, 10, month=month, year=year)
    world.schedule("Stand-up", starts, recurrence=DAILY)
    world.work()

    assert [one.starts.astimezone(BERLIN).hour for one in world.shown if one.starts] == [10, 10, 10, 10]
    assert len({one.starts.astimezone(UTC).hour for one in world.shown if one.starts}) == 2


def test_one_occurrence_is_changed_by_itself(world: World) -> None:
    world.schedule("Stand-up", recurrence=DAILY)
    world.work()
    second = world.shown[1]

    world.edit(second, topic="Retrospective", starts=second.starts + hours(2), minutes=30)
    world.work()

    assert [title for title, _ in world.there] == ["Stand-up", "Retrospective", "Stand-up", "Stand-up"]
    assert world.page == world.there
    moved = world.shown[1]
    assert (moved.pk, moved.starts, moved.ends) == (second.pk, second.starts + hours(2), second.starts + hours(2.5))


def test_all_of_a_series_move_on_the_clock_of_their_zone(world: World) -> None:
    world.schedule("Stand-up", berlin(27, 10, month=3, year=2027), recurrence=DAILY)
    world.work()
    last = world.shown[3]

    world.edit(last, scope=Scope.ALL, starts=last.starts + hours(1.5), minutes=15)
    world.work()

    local = [one.starts.astimezone(BERLIN) for one in world.shown if one.starts]
    assert [(one.day, one.hour, one.minute) for one in local] == [(d, 11, 30) for d in (27, 28, 29, 30)]
    assert world.page == world.there


def test_all_of_a_weekly_series_move_to_another_day(world: World) -> None:
    weekly = Recurrence(Repeats.WEEKLY, weekdays=(2, 4), count=4)
    world.schedule("Stand-up", TEN, recurrence=weekly)
    world.work()
    first = world.shown[0]

    world.edit(first, scope=Scope.ALL, starts=first.starts + timedelta(days=1), minutes=60)
    world.work()

    assert [one.starts.astimezone(BERLIN).weekday() for one in world.shown if one.starts] == [3, 5, 3, 5]
    assert world.page == world.there


def test_this_and_following_go_on_as_another_series(world: World) -> None:
    scheduled = world.schedule("Stand-up", recurrence=DAILY)
    world.work()
    third = world.shown[2]

    world.edit(third, scope=Scope.FOLLOWING, topic="Kick-off", starts=third.starts + hours(1), minutes=60)
    world.work()

    days = [TEN, TEN + timedelta(days=1), TEN + timedelta(days=2, hours=1), TEN + timedelta(days=3, hours=1)]
    assert world.page == list(zip(["Stand-up"] * 2 + ["Kick-off"] * 2, days, strict=True))
    assert world.there == world.page
    other = ScheduledMeeting.objects.exclude(pk=scheduled.pk).get()
    assert (other.recurrence, other.is_in_calendar) == (Recurrence(Repeats.DAILY, count=2), True)
    world.sync()
    assert world.there == world.page


@pytest.mark.parametrize("scope", [Scope.THIS, Scope.FOLLOWING, Scope.ALL])
def test_a_series_made_in_the_calendar_is_changed_there_too(world: World, scope: Scope) -> None:
    draft = EventDraft(title="Jour fixe", starts=TEN, ends=TEN + hours(1), timezone="Europe/Berlin", recurrence=DAILY)
    world.person.book.create(draft, key="f" * 32)
    world.sync()
    second = world.shown[1]

    world.edit(second, scope=scope, topic="Changed")
    world.work()

    changed = {Scope.THIS: [1], Scope.FOLLOWING: [1, 2, 3], Scope.ALL: [0, 1, 2, 3]}[scope]
    assert [title for title, _ in world.there] == ["Changed" if n in changed else "Jour fixe" for n in range(4)]
    assert world.page == world.there
    world.sync()
    assert world.page == world.there


def test_a_split_that_was_cut_off_half_way_is_finished(world: World) -> None:
    draft = EventDraft(title="Jour fixe", starts=TEN, ends=TEN + hours(1), timezone="Europe/Berlin", recurrence=DAILY)
    world.person.book.create(draft, key="f" * 32)
    world.sync()
    world.service.fail(Unreachable(), at="create")

    write = world.edit(world.shown[1], scope=Scope.FOLLOWING, topic="Changed")
    world.work()
    assert len(world.there) == 1

    assert write is not None
    write.refresh_from_db()
    queueing.put_again(write)
    world.work()
    assert [title for title, _ in world.there] == ["Jour fixe", "Changed", "Changed", "Changed"]
    assert world.page == world.there


def test_what_nobody_touched_there_is_written_though_something_else_was_changed(world: World) -> None:
    world.schedule()
    world.work()
    (row,) = world.shown
    world.person.book.update(
        world.person.book.get(row.remote_id).ref,
        EventDraft(location="Room 2"),
        fields=frozenset({"location"}),
    )

    write = world.edit(row, topic="Renamed")
    world.work()

    assert write is not None
    write.refresh_from_db()
    assert write.state == WriteState.DONE
    event = world.person.book.get(row.remote_id)
    assert (event.title, event.location) == ("Renamed", "Room 2")
    assert world.shown[0].location == "Room 2"


def make_conflict(world: World) -> Write:
    world.schedule()
    world.work()
    (row,) = world.shown
    world.person.book.update(
        world.person.book.get(row.remote_id).ref, EventDraft(title="Theirs"), fields=frozenset({"title"})
    )
    write = world.edit(row, topic="Mine")
    world.work()
    assert write is not None
    write.refresh_from_db()
    return write


def test_what_was_changed_there_meanwhile_is_not_written_over(world: World) -> None:
    write = make_conflict(world)

    assert write.state == WriteState.CONFLICT
    assert (write.theirs_json["title"], write.draft_json["title"]) == ("Theirs", "Mine")
    assert [title for title, _ in world.there] == ["Theirs"]


def test_in_a_conflict_the_person_may_keep_theirs(world: World) -> None:
    scheduling.keep_theirs(make_conflict(world))
    world.work()
    world.sync()

    assert [title for title, _ in world.page] == ["Theirs"]
    assert not Write.objects.open().exists()


def test_in_a_conflict_the_person_may_write_their_own(world: World) -> None:
    scheduling.write_mine(make_conflict(world))
    world.work()

    assert [title for title, _ in world.there] == ["Mine"]
    assert world.page == world.there


def test_a_change_of_which_the_answer_was_lost_is_no_conflict(world: World) -> None:
    world.schedule()
    world.work()
    world.service.lose_answer(at="update")
    write = world.edit(world.shown[0], topic="Renamed")
    world.work()
    assert write is not None
    write.refresh_from_db()
    assert write.state == WriteState.WAITING

    queueing.put_again(write)
    world.work()

    write.refresh_from_db()
    assert write.state == WriteState.DONE
    assert world.page == [("Renamed", TEN)]


def test_a_change_made_while_the_event_is_still_to_be_made_is_in_it(world: World) -> None:
    world.schedule()
    world.edit(world.shown[0], topic="Renamed", starts=TEN + hours(1), minutes=30)
    assert world.page == [("Renamed", TEN + hours(1))]

    world.work()

    assert world.there == [("Renamed", TEN + hours(1))]
    assert world.page == world.there


def test_where_the_organization_wants_separate_events_the_old_one_stays(world: World) -> None:
    set_policy(world.alice.organization, {"time_change": "separate_event"})
    world.schedule()
    world.work()

    world.edit(world.shown[0], starts=TEN + hours(3), minutes=60)
    world.work()

    assert world.there == [("Planning", TEN), ("Planning", TEN + hours(3))]
    assert world.page == world.there
    world.sync()
    assert world.page == world.there
    assert [row.scheduled_id is not None for row in world.shown] == [False, True]


def test_a_deletion_takes_the_event_with_it_and_can_be_taken_back(world: World) -> None:
    scheduled = world.schedule()
    world.work()

    world.delete(world.shown[0])
    assert world.page == []
    world.sync()
    assert world.page == []
    world.work()
    assert world.there == []
    world.sync()
    assert world.page == []

    scheduling.restore(scheduled, by=world.alice)
    assert world.page == [("Planning", TEN)]
    world.work()
    assert world.there == [("Planning", TEN)]
    assert world.page == world.there


def test_a_deletion_before_the_event_was_made_leaves_none(world: World) -> None:
    world.schedule()
    world.delete(world.shown[0])
    world.work()

    assert world.there == []
    assert world.page == []
    assert not Write.objects.open().exists()


def test_a_deletion_is_taken_back_before_it_was_carried_out(world: World) -> None:
    scheduled = world.schedule()
    world.work()
    world.delete(world.shown[0])
    scheduling.restore(scheduled, by=world.alice)
    assert world.page == [("Planning", TEN)]

    world.work()

    assert world.there == [("Planning", TEN)]
    assert world.page == world.there


@pytest.mark.parametrize(("scope", "left"), [(Scope.THIS, [0, 2, 3]), (Scope.FOLLOWING, [0]), (Scope.ALL, [])])
def test_of_a_series_as_much_is_deleted_as_was_meant(world: World, scope: Scope, left: list[int]) -> None:
    world.schedule(recurrence=DAILY)
    world.work()

    world.delete(world.shown[1], scope=scope)
    wanted = [("Planning", TEN + timedelta(days=n)) for n in left]
    assert world.page == wanted
    world.sync()
    assert world.page == wanted
    world.work()

    assert world.there == wanted
    assert world.page == wanted
    world.sync()
    assert world.page == wanted


@pytest.mark.parametrize(("scope", "left"), [(Scope.THIS, [0, 2, 3]), (Scope.FOLLOWING, [0]), (Scope.ALL, [])])
def test_of_a_series_that_is_ours_alone_too(world: World, scope: Scope, left: list[int]) -> None:
    world.schedule(recurrence=DAILY, in_calendar=False)
    world.delete(world.shown[1], scope=scope)

    assert world.page == [("Planning", TEN + timedelta(days=n)) for n in left]


def test_deleted_there_is_deleted_here_and_can_be_had_back(world: World) -> None:
    scheduled = world.schedule(recurrence=DAILY)
    world.work()
    world.person.book.delete(scheduled.key.hex)

    world.sync()

    assert world.page == []
    scheduled.refresh_from_db()
    assert scheduled.deleted_there
    assert scheduled in ScheduledMeeting.objects.restorable(timezone.now())
    scheduling.restore(scheduled, by=world.alice)
    world.work()
    assert len(world.there) == 4
    assert world.page == world.there


def test_one_occurrence_deleted_there_leaves_the_others(world: World) -> None:
    scheduled = world.schedule(recurrence=DAILY)
    world.work()
    world.person.book.delete(world.shown[2].remote_id)

    world.sync()

    scheduled.refresh_from_db()
    assert scheduled.deleted_at is None
    assert len(world.page) == 3


def test_what_is_changed_there_follows_here(world: World) -> None:
    scheduled = world.schedule()
    world.work()
    ref = world.person.book.get(scheduled.remote_id or scheduled.key.hex).ref
    draft = EventDraft(title="Moved", starts=TEN + hours(5), ends=TEN + hours(7), timezone="Europe/Berlin")
    world.person.book.update(ref, draft, fields=frozenset({"title", "time"}))

    world.sync()

    scheduled.refresh_from_db()
    assert (scheduled.topic, scheduled.starts, scheduled.minutes) == ("Moved", TEN + hours(5), 120)
    assert world.page == [("Moved", TEN + hours(5))]


def test_what_was_scheduled_here_stays_when_the_connection_goes_and_is_one_row_when_it_comes_back(
    world: World,
) -> None:
    from integrations.erasing import erase

    world.schedule("Series", recurrence=DAILY)
    world.schedule("Single", TEN + hours(4))
    world.person.put_event("theirs", title="Theirs", starts=TEN + hours(2), ends=TEN + hours(3))
    world.work()
    world.sync()
    before = world.page
    assert len(before) == 6

    erase(world.connection)
    assert world.page == [row for row in before if row[0] != "Theirs"]

    world.connect()
    world.sync()
    assert world.page == before
    world.work()
    assert world.page == before
    assert all(row.origin == Origin.CALENDAR for row in world.shown)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RateLimited(retry_after=timedelta(minutes=5)), WriteState.WAITING),
        (Unreachable(), WriteState.WAITING),
        (ReconnectNeeded(), WriteState.FAILED),
        (Rejected("The event ends before it starts."), WriteState.FAILED),
    ],
)
def test_what_may_pass_is_tried_again_and_all_else_waits_for_the_person(world: World, error, state: str) -> None:
    world.schedule()
    world.service.fail(error, at="create")
    world.work(passes=1)

    (write,) = Write.objects.all()
    assert (write.state, write.error_code, write.error_sentence) == (state, error.code, error.sentence)
    assert [row.origin for row in world.shown] == [Origin.HERE]
    if getattr(error, "retry_after", None):
        assert write.next_try_at >= write.created_at + timedelta(minutes=5)

    queueing.put_again(write)
    world.work()
    assert world.there == [("Planning", TEN)]


def test_without_calendar_write_nothing_is_written_and_the_person_is_told(world: World) -> None:
    world.schedule()
    set_policy(world.alice.organization, {"memory.calendar_write": "off"})

    world.work()

    (write,) = Write.objects.all()
    assert (write.state, write.error_code) == (WriteState.FAILED, "permission_missing")
    assert world.there == []
    assert "create" not in world.service.requests
    set_policy(world.alice.organization, {})
    queueing.put_again(write)
    world.work()
    assert world.there == [("Planning", TEN)]


def test_while_a_sync_is_under_way_a_write_waits_without_counting_as_a_try(world: World) -> None:
    from integrations.leases import take_lease

    world.schedule()
    lease = take_lease(world.connection.pk)
    assert lease is not None
    world.work(passes=1)
    (write,) = Write.objects.all()
    assert (write.state, write.tries, write.error_code) == (WriteState.WAITING, 0, "")

    lease.release()
    Write.objects.update(next_try_at=write.created_at)
    world.work()
    assert world.there == [("Planning", TEN)]


def test_writes_of_one_meeting_go_out_in_order(world: World) -> None:
    world.schedule()
    world.work()
    row = world.shown[0]
    first = world.edit(row, topic="First")
    second = world.edit(row, topic="Second")
    assert first is not None
    assert second is not None

    outbox.carry_out(second.pk)
    second.refresh_from_db()
    assert second.state == WriteState.WAITING
    assert [title for title, _ in world.there] == ["Planning"]

    outbox.carry_out(first.pk)
    Write.objects.filter(pk=second.pk).update(next_try_at=second.created_at)
    outbox.carry_out(second.pk)
    assert [title for title, _ in world.there] == ["Second"]


def test_two_workers_carry_a_write_out_once(world: World) -> None:
    world.schedule()
    (write,) = Write.objects.all()
    token = outgoing.claim(Write.objects.all(), write.pk)
    assert token is not None

    assert outbox.carry_out(write.pk) is None
    assert world.there == []


def test_a_conflict_at_the_provider_never_reaches_the_person_as_an_error(world: World) -> None:
    write = make_conflict(world)

    assert write.error_code == Conflict.code
    assert write.action == WriteAction.UPDATE


def test_what_was_deleted_a_week_ago_is_forgotten(world: World) -> None:
    import time_machine

    scheduled = world.schedule()
    world.work()
    world.delete(world.shown[0])
    world.work()
    assert outbox.forget_old() == 0

    with time_machine.travel(scheduled.created_at + timedelta(days=7, minutes=1), tick=False):
        outbox.forget_old()
    assert not ScheduledMeeting.objects.exists()


def test_a_copy_in_another_calendar_is_a_meeting_of_its_own(world: World) -> None:
    """Seen by way of a colleague's calendar, say: what becomes of the copy says nothing of the meeting."""
    from integrations.remote import Delta
    from meetings.sync import CalendarFeed

    scheduled = world.schedule()
    world.work()
    event = world.person.book.get(scheduled.key.hex)
    CalendarFeed().apply(world.connection, Delta(changed=(replace(event, ref=replace(event.ref, container="b")),)), "b")
    assert [row.scheduled_id for row in Meeting.objects.order_by("container")] == [scheduled.pk, None]

    CalendarFeed().apply(world.connection, Delta(gone=(event.ref.id,)), "b")

    scheduled.refresh_from_db()
    assert scheduled.deleted_at is None
    assert world.page == [("Planning", TEN)]
