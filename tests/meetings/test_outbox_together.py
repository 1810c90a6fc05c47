"""Workers, syncs and people at the same moment, on a database that lets them write side by side."""

import random
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection as database

from integrations.outgoing import WriteState
from integrations.providers.memory import SERVICE, MemoryCalendar
from integrations.recurrence import Recurrence, Repeats
from meetings import outbox, scheduling, tasks
from meetings.models import Meeting, ScheduledMeeting, Write
from tests.meetings.world import NOW, Scope, World, berlin, suppress

pytestmark = pytest.mark.django_db(transaction=True)
DAILY = Recurrence(Repeats.DAILY, count=3)


@pytest.fixture(autouse=True)
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    if database.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time: there is no such race")
    from integrations import tasks as engine_tasks

    for task in (tasks.carry_out, engine_tasks.sync_connection):
        monkeypatch.setattr(task, "apply_async", lambda *_, **__: None)
        monkeypatch.setattr(task, "delay", lambda *_: None)


@pytest.fixture(autouse=True)
def one_at_a_time_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The calendar in memory is no server: requests wait for each other."""
    held = threading.RLock()
    for name in ("create", "update", "end_series", "delete", "read", "read_series", "instances"):
        done = getattr(MemoryCalendar, name)

        def alone(self, *arguments, done=done, **more):
            with held:
                return done(self, *arguments, **more)

        monkeypatch.setattr(MemoryCalendar, name, alone)
    yield


def at_once(*works: Callable[[], object]) -> None:
    barrier, caught = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            work()
        except Exception as error:
            caught.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert caught == []


def work_all() -> None:
    """What a worker does, over and over, for a while."""
    for _ in range(8):
        for write_id in outbox.find_due():
            outbox.carry_out(write_id)
        Write.objects.filter(state=WriteState.WAITING, taken_until=None).update(next_try_at=NOW)


def settle(world: World) -> None:
    for _ in range(20):
        Write.objects.filter(state=WriteState.WAITING).update(next_try_at=NOW)
        world.work(passes=10)
        world.sync()
        if not Write.objects.open().exists():
            break
    assert not Write.objects.open().exists()
    assert world.page == world.there
    assert not Meeting.objects.filter(is_shadow=True, scheduled__deleted_at__isnull=True).exists()
    assert all(one.is_in_calendar for one in ScheduledMeeting.objects.living())


def test_two_workers_over_the_same_writes_do_each_once(world: World) -> None:
    for number in range(6):
        world.schedule(f"M{number}", berlin(25, 8 + number), recurrence=DAILY if number % 2 else None)

    at_once(work_all, work_all)
    settle(world)

    assert len(world.there) == 3 + 3 * 3
    assert SERVICE.requests.count("create") == 6


def test_syncs_beside_writes_show_no_meeting_twice(world: World) -> None:
    for number in range(5):
        world.schedule(f"M{number}", berlin(25, 8 + number), recurrence=DAILY if number % 2 else None)

    def sync_often() -> None:
        for _ in range(12):
            world.person.events.expire_cursors()
            world.sync()

    at_once(work_all, sync_often)
    settle(world)

    assert len(world.there) == 3 + 2 * 3


def test_who_restores_while_it_is_being_deleted_has_it_once(world: World) -> None:
    made = [world.schedule(f"M{number}", berlin(25, 8 + number)) for number in range(5)]
    settle(world)
    for row in world.shown:
        world.delete(row)

    def restore_all() -> None:
        for one in made:
            scheduling.restore(one, by=world.alice)

    at_once(work_all, restore_all)
    settle(world)

    assert [title for title, _ in world.page] == [f"M{number}" for number in range(5)]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_people_do_beside_workers_and_syncs_the_page_is_the_calendar(world: World, seed: int) -> None:
    for number in range(4):
        world.schedule(f"M{number}", berlin(25, 8 + number), recurrence=DAILY if number % 2 else None)

    def click() -> None:
        chance = random.Random(seed)
        for number in range(12):
            rows = world.shown
            deleted = ScheduledMeeting.objects.restorable(NOW).first()
            act = chance.choice(["edit", "edit", "delete", "restore"])
            if act == "restore" and deleted is not None:
                scheduling.restore(deleted, by=world.alice)
            elif act == "edit" and rows:
                scope = chance.choice([Scope.THIS, Scope.ALL])
                with suppress(scheduling.Gone, Meeting.DoesNotExist):
                    world.edit(chance.choice(rows), scope=scope, topic=f"R{number}")
            elif act == "delete" and rows:
                with suppress(scheduling.Gone, Meeting.DoesNotExist):
                    world.delete(chance.choice(rows))

    at_once(work_all, work_all, click, lambda: [world.sync() for _ in range(6)])
    for write in Write.objects.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT]):
        scheduling.keep_theirs(write)
    settle(world)
