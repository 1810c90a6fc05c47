"""Changes of mind while a change is on its way, and what becomes of writes that nobody carries on with."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from integrations import erasing, outgoing
from integrations.errors import Gone, PermissionMissing, ProviderError, ReconnectNeeded, Rejected, Unreachable
from integrations.leases import take_lease
from integrations.models import Connection, Status
from integrations.outgoing import WriteState
from integrations.providers.memory import MemoryCalendar
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft
from meetings import outbox, queueing, scheduling, tasks
from meetings.intended import Change
from meetings.models import Origin, ScheduledMeeting, Write
from meetings.scheduling import Plan
from organizations.models import AuditEvent, User
from portal.celery import app
from tests.meetings.world import NOW, TEN, Scope, World

DAILY = Recurrence(Repeats.DAILY, count=3)


def work_off(world: World) -> None:
    """Everything goes out, whatever had failed before."""
    for _ in range(5):
        for write in Write.objects.filter(state=WriteState.WAITING):
            queueing.put_again(write)
        world.work()
    assert not Write.objects.open().exists()


@pytest.mark.parametrize("recurrence", [None, DAILY], ids=["single", "series"])
def test_what_was_made_though_the_answer_was_lost_goes_when_it_is_deleted(
    world: World, recurrence: Recurrence | None
) -> None:
    world.service.lose_answer(at="create")
    world.schedule(recurrence=recurrence)
    (row, *_) = world.shown
    world.work()
    assert world.there

    world.delete(row)
    work_off(world)
    world.sync()

    assert (world.there, world.page) == ([], [])


def test_what_was_never_asked_for_is_not_made_in_order_to_be_deleted(world: World) -> None:
    world.schedule(invitees=(Attendee("ben@else.example"),))
    world.delete(world.shown[0])
    work_off(world)

    assert (world.there, world.page) == ([], [])
    assert "create" not in world.service.requests


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen by sync"])
def test_what_was_made_though_the_answer_was_lost_is_one_when_it_is_restored(world: World, seen: bool) -> None:
    world.service.lose_answer(at="create")
    scheduled = world.schedule()
    world.work()
    world.delete(world.shown[0])
    if seen:
        world.sync()
    scheduling.restore(scheduled, by=world.alice)
    work_off(world)
    world.sync()

    assert world.there == world.page == [("Planning", TEN)]


def test_a_meeting_restored_before_its_deletion_went_out_is_still_there(world: World) -> None:
    scheduled = world.schedule()
    world.delete(world.shown[0])
    scheduling.restore(scheduled, by=world.alice)
    assert world.page == [("Planning", TEN)]
    work_off(world)

    assert world.there == world.page == [("Planning", TEN)]


def test_a_meeting_deleted_restored_and_deleted_again_before_anything_went_out_is_gone(world: World) -> None:
    scheduled = world.schedule()
    world.delete(world.shown[0])
    scheduling.restore(scheduled, by=world.alice)
    world.delete(world.shown[0])
    work_off(world)

    assert (world.there, world.page) == ([], [])
    assert ScheduledMeeting.objects.restorable(timezone.now()).count() == 1
    assert outbox.find_due() == []


def test_restoring_while_the_deletion_fails_makes_one_of_it(world: World) -> None:
    scheduled = world.schedule()
    world.work()
    world.service.fail(Unreachable(), at="delete")
    world.delete(world.shown[0])
    world.work()
    scheduling.restore(scheduled, by=world.alice)
    work_off(world)
    world.sync()

    assert world.there == world.page == [("Planning", TEN)]


# How tasks carry writes out


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What was put into the queue instead of being run."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def note(arguments: Sequence[Any], _: Any = None, **options: Any) -> None:
        calls.append((tuple(arguments), options))

    monkeypatch.setattr(tasks.carry_out, "apply_async", note)
    return calls


def test_a_write_that_somebody_else_is_at_is_looked_at_again_in_a_moment(world: World, queued: Any) -> None:
    world.schedule()
    (write,) = Write.objects.all()
    lease = take_lease(world.connection.pk)
    assert lease is not None

    tasks.carry_out(write.pk)
    write.refresh_from_db()
    assert (write.state, write.tries, write.error_code) == (WriteState.WAITING, 0, "")
    assert queued == [((write.pk,), {"countdown": 2, "expires": 60})]

    lease.release()
    Write.objects.update(next_try_at=NOW)
    tasks.carry_out(write.pk)
    assert world.there == [("Planning", TEN)]
    assert len(queued) == 1


def test_also_one_that_had_failed_before_is_looked_at_again_in_a_moment(world: World, queued: Any) -> None:
    world.schedule()
    (write,) = Write.objects.all()
    Write.objects.update(tries=1, error_code="unreachable")
    lease = take_lease(world.connection.pk)
    assert lease is not None

    tasks.carry_out(write.pk)

    assert queued == [((write.pk,), {"countdown": 2, "expires": 60})]
    lease.release()


def test_a_write_that_failed_waits_for_its_turn_and_is_not_queued_at_once(world: World, queued: Any) -> None:
    world.service.fail(Unreachable(), at="create")
    world.schedule()
    (write,) = Write.objects.all()
    tasks.carry_out(write.pk)

    assert queued == []
    assert outbox.find_due() == []
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        tasks.sweep_writes()
    assert queued == [((write.pk,), {"expires": 60})]


def test_a_worker_that_died_over_a_write_is_followed_once_its_claim_has_expired(world: World) -> None:
    world.schedule()
    (write,) = Write.objects.all()
    assert outgoing.claim(Write.objects.all(), write.pk) is not None

    assert outbox.carry_out(write.pk) is None
    with time_machine.travel(NOW + outgoing.CLAIM + timedelta(seconds=1), tick=False):
        assert outbox.find_due() == [write.pk]
        world.work()
    assert world.there == [("Planning", TEN)]


def test_the_schedule_sweeps_writes_each_minute_and_lets_go_of_old_ones() -> None:
    schedule = {one["task"]: one["schedule"] for one in app.conf.beat_schedule.values()}
    assert (schedule[tasks.sweep_writes.name], schedule[tasks.forget_old_rows.name]) == (60.0, 3600.0)


def test_old_rows_go_and_what_is_still_to_be_done_stays(world: World) -> None:
    scheduled = world.schedule()
    world.work()
    world.delete(world.shown[0])
    world.work()
    world.schedule("Not yet")
    later = NOW + timedelta(days=60)

    with time_machine.travel(NOW + timedelta(days=6), tick=False):
        tasks.forget_old_rows()
        assert ScheduledMeeting.objects.filter(pk=scheduled.pk).exists()
    with time_machine.travel(later, tick=False):
        tasks.forget_old_rows()
    assert [one.topic for one in ScheduledMeeting.objects.all()] == ["Not yet"]
    assert [one.state for one in Write.objects.all()] == [WriteState.WAITING]


# A change of mind while a write is under way


@contextmanager
def during(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> Iterator[None]:
    """Once, as soon as the calendar has done what was asked of it, and before that is recorded."""
    done = getattr(MemoryCalendar, name)

    def with_act(self: MemoryCalendar, *arguments: Any, **more: Any) -> Any:
        answer = done(self, *arguments, **more)
        patched.undo()
        act()
        return answer

    patched = pytest.MonkeyPatch()
    patched.setattr(MemoryCalendar, name, with_act)
    yield
    patched.undo()


def test_deleted_while_it_is_being_made_it_is_gone_in_the_end(world: World, monkeypatch: Any) -> None:
    world.schedule()
    row = world.shown[0]
    with during(monkeypatch, "create", lambda: world.delete(row)):
        world.work()
    work_off(world)
    world.sync()

    assert (world.there, world.page) == ([], [])


def test_made_anew_while_it_is_being_made_it_is_there_once(world: World, monkeypatch: Any) -> None:
    scheduled = world.schedule()
    row = world.shown[0]

    def change_ones_mind_twice() -> None:
        world.delete(row)
        scheduling.restore(scheduled, by=world.alice)

    with during(monkeypatch, "create", change_ones_mind_twice):
        world.work()
    work_off(world)
    world.sync()

    assert world.there == world.page == [("Planning", TEN)]


@pytest.mark.parametrize("act", ["edit", "delete"])
def test_who_acts_on_a_page_from_before_the_calendar_had_it_acts_on_what_is_there_now(world: World, act: str) -> None:
    world.schedule()
    row = world.shown[0]
    assert row.scheduled is not None
    world.work()

    if act == "edit":
        scheduling.edit(row, Change(topic="Renamed"), scope=Scope.THIS, by=world.alice)
    else:
        scheduling.delete(row, scope=Scope.ALL, by=world.alice)
    work_off(world)

    assert world.there == world.page == ([("Renamed", TEN)] if act == "edit" else [])


def test_who_acts_on_what_is_there_no_more_is_told(world: World) -> None:
    world.schedule(in_calendar=False)
    row = world.shown[0]
    row.scheduled.delete()

    for act in (
        lambda: scheduling.edit(row, Change(topic="Renamed"), scope=Scope.ALL, by=world.alice),
        lambda: scheduling.delete(row, scope=Scope.ALL, by=world.alice),
    ):
        with pytest.raises(Gone) as raised:
            act()
        assert raised.value.sentence == "This meeting was deleted meanwhile."


def test_restored_while_it_is_being_deleted_it_is_there_in_the_end(world: World, monkeypatch: Any) -> None:
    scheduled = world.schedule()
    world.work()
    world.delete(world.shown[0])
    with during(monkeypatch, "delete", lambda: scheduling.restore(scheduled, by=world.alice)):
        world.work()
    work_off(world)
    world.sync()

    assert world.there == world.page == [("Planning", TEN)]


def test_asked_for_again_while_it_is_under_way_it_is_done_once(world: World, monkeypatch: Any) -> None:
    world.schedule()
    (write,) = Write.objects.all()
    with during(monkeypatch, "create", lambda: queueing.put_again(Write.objects.get(pk=write.pk))):
        world.work()
    work_off(world)

    assert world.there == world.page == [("Planning", TEN)]


def test_given_up_while_it_is_under_way_it_shows_what_became_of_it(world: World, monkeypatch: Any) -> None:
    world.schedule()
    world.work()
    write = world.edit(world.shown[0], topic="Renamed")
    assert write is not None
    with during(monkeypatch, "update", lambda: scheduling.keep_theirs(Write.objects.get(pk=write.pk))):
        world.work()
    world.sync()

    write.refresh_from_db()
    assert write.state == WriteState.DROPPED
    assert world.page == world.there


# Connections that end, and come back


@pytest.mark.parametrize("moment", ["waiting", "under way"])
def test_when_the_connection_is_erased_what_was_scheduled_stays_here_alone(
    world: World, monkeypatch: Any, moment: str
) -> None:
    scheduled = world.schedule()

    def end() -> None:
        with transaction.atomic():
            erasing.erase(world.connection)

    if moment == "waiting":
        end()
    else:
        with during(monkeypatch, "create", end):
            world.work()
    world.work()

    scheduled.refresh_from_db()
    assert (scheduled.connection, scheduled.is_in_calendar) == (None, False)
    assert [(row.title, row.origin) for row in world.shown] == [("Planning", Origin.HERE)]
    assert not Write.objects.open().exists()


def test_made_while_the_connection_was_erased_it_is_one_row_when_that_is_back(world: World, monkeypatch: Any) -> None:
    world.schedule()
    pk = world.shown[0].pk

    def end() -> None:
        with transaction.atomic():
            erasing.erase(world.connection)

    with during(monkeypatch, "create", end):
        world.work()
    world.connect()
    world.sync()
    work_off(world)

    assert [row.pk for row in world.shown] == [pk]
    assert world.there == world.page == [("Planning", TEN)]


@pytest.mark.parametrize("error", [ReconnectNeeded, PermissionMissing])
def test_what_failed_for_want_of_a_sign_in_goes_out_by_itself_after_the_next(
    world: World, error: type[ProviderError]
) -> None:
    world.service.fail(error(), at="create")
    world.schedule()
    world.work()
    (write,) = Write.objects.all()
    assert write.state == WriteState.FAILED
    world.sync()
    world.work()
    assert world.there == []  # nobody has signed in since

    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        Connection.objects.update(status_changed_at=timezone.now(), status=Status.CONNECTED)
        world.sync()
        world.work()
        assert world.there == [("Planning", TEN)]


def test_what_is_refused_is_not_tried_again_by_signing_in(world: World) -> None:
    world.service.fail(Rejected("No."), at="create")
    world.schedule()
    world.work()
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        Connection.objects.update(status_changed_at=timezone.now())
        world.sync()
        world.work()
    (write,) = Write.objects.all()
    assert (write.state, write.error_sentence, write.tries) == (WriteState.FAILED, "No.", 1)


def test_without_the_right_to_write_nothing_is_asked_of_the_calendar(world: World) -> None:
    world.schedule()
    Connection.objects.update(calendar_write=False)
    world.work()

    (write,) = Write.objects.all()
    assert (write.state, write.error_code) == (WriteState.FAILED, "permission_missing")
    assert "create" not in world.service.requests


# Odd events


def test_the_days_of_a_series_are_renamed_and_stay_days(world: World) -> None:
    draft = EventDraft(
        title="Fair", starts_on=date(2026, 11, 25), ends_on=date(2026, 11, 26), recurrence=DAILY, timezone=""
    )
    world.person.book.create(draft, key="d" * 32)
    world.sync()
    assert len(world.shown) == 3

    world.edit(world.shown[1], scope=Scope.ALL, topic="Trade fair")
    world.work()
    world.edit(world.shown[1], topic="Trade fair, the big day")
    world.work()

    assert [row.title for row in world.shown] == ["Trade fair", "Trade fair, the big day", "Trade fair"]
    assert [row.starts_on for row in world.shown] == [date(2026, 11, day) for day in (25, 26, 27)]
    assert not Write.objects.open().exists()


def test_a_refusal_of_one_occurrence_is_told_and_the_others_stay(world: World) -> None:
    world.schedule("Stand-up", recurrence=DAILY)
    world.work()
    before = world.page
    world.service.fail(Rejected("Outlook does not let a meeting jump over another of its series."), at="update")

    write = world.edit(world.shown[0], starts=TEN + timedelta(days=1, hours=2), minutes=60)
    world.work()

    assert write is not None
    write.refresh_from_db()
    assert write.state == WriteState.FAILED
    assert write.error_sentence == "Outlook does not let a meeting jump over another of its series."
    assert world.page == world.there == before
    world.edit(world.shown[1], topic="Another")
    world.work()
    assert [title for title, _ in world.page] == ["Stand-up", "Another", "Stand-up"]


def test_five_hundred_are_invited(world: World) -> None:
    people = tuple(Attendee(f"guest{n}@else.example", f"Guest {n}") for n in range(500))
    world.schedule(invitees=people)
    assert world.shown[0].attendee_count == 501
    world.work()

    (event,) = world.person.book.events.items.values()
    assert [one.email for one in event.attendees] == [one.email for one in people]
    assert world.shown[0].attendee_count == 500


@pytest.mark.parametrize("topic", ["🎉" * 500, "שלום עולם ‏123‏", "a\u202eb", "é́" * 300, "<b>&amp;"])
def test_any_topic_comes_back_as_it_was(world: World, topic: str) -> None:
    world.schedule(topic, description=topic)
    assert [row.title for row in world.shown] == [topic]
    world.work()
    world.sync()

    assert world.page == world.there == [(topic, TEN)]
    assert scheduling.split_body(world.shown[0].body_text) == topic


# What is written down, and what is not

SECRET = "Xylophone"


def test_a_delegates_changes_are_written_down_without_what_they_are_about(
    world: World, bob: User, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any, queued: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    plan = Plan(f"{SECRET} talks", TEN, 60, "Europe/Berlin", in_calendar=True, description=SECRET)
    plan = replace(plan, invitees=(Attendee(f"{SECRET}@else.example"),))
    with django_capture_on_commit_callbacks(execute=True):
        scheduled = scheduling.schedule(world.alice, plan, by=bob, host="")
    world.work()
    scheduling.edit(world.shown[0], Change(topic=f"{SECRET}s"), scope=Scope.THIS, by=bob)
    world.service.fail(Unreachable(), at="update")
    world.work()
    scheduling.delete(world.shown[0], scope=Scope.ALL, by=bob)
    scheduling.restore(scheduled, by=bob)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        tasks.sweep_writes()

    events = AuditEvent.objects.filter(actor=bob, subject=world.alice).order_by("pk")
    actions = ["meeting.scheduled_for", "meeting.changed_for", "meeting.deleted_for", "meeting.restored_for"]
    assert [one.action for one in events] == actions
    assert SECRET not in str([vars(one) for one in events])
    assert SECRET.lower() not in caplog.text.lower()
    assert queued
    assert all(isinstance(one, int) for arguments, _ in queued for one in arguments)


def test_what_people_do_for_themselves_is_not_written_down(world: World) -> None:
    world.schedule()
    world.edit(world.shown[0], topic="Other")
    world.delete(world.shown[0])
    assert not AuditEvent.objects.filter(action__startswith="meeting.").exists()
