"""Changes of mind while a change is on its way, and what becomes of writes that nobody carries on with."""


import pytest

from integrations.errors import Unreachable
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee
from meetings import outbox, queueing, scheduling
from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteState
from tests.meetings.world import TEN, World

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
    assert ScheduledMeeting.objects.get().is_restorable
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
