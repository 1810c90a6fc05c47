"""Syncs of an hour are counted once each, whoever counts, however often, and wherever it is killed."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import counting, sync, tasks
from integrations.models import Connection, Outcome, SyncHour, SyncRun

pytestmark = pytest.mark.django_db
TEN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
def runs(connect):
    """runs(outcome, finished_at, count) -> that many of Alice's."""
    connection = connect()

    def make(outcome, finished_at=TEN, count=1):
        one = {"connection": connection, "outcome": outcome, "started_at": finished_at or TEN}
        return SyncRun.objects.bulk_create([SyncRun(**one, finished_at=finished_at) for _ in range(count)])

    return make


def read_hours():
    return list(SyncHour.objects.order_by("starts").values_list("organization__name", "starts", "done", "failed"))


def test_runs_are_added_to_the_hour_in_which_they_ended(runs):
    runs(Outcome.DONE, TEN)
    runs(Outcome.DONE, TEN + timedelta(minutes=59, seconds=59))
    runs(Outcome.FAILED, TEN + timedelta(hours=1))
    assert counting.count_finished() == 3
    assert read_hours() == [
        ("Northwind Legal", TEN, 2, 0),
        ("Northwind Legal", TEN + timedelta(hours=1), 0, 1),
    ]


def test_counting_again_adds_nothing_and_later_runs_of_the_hour_are_added(runs):
    runs(Outcome.DONE)
    counting.count_finished()
    assert counting.count_finished() == 0
    runs(Outcome.DONE)
    assert counting.count_finished() == 1
    assert read_hours() == [("Northwind Legal", TEN, 2, 0)]


def test_what_runs_still_or_was_broken_off_is_counted_neither_well_nor_badly(runs):
    runs(Outcome.RUNNING, None)
    runs(Outcome.ABANDONED)
    assert counting.count_finished() == 0
    assert read_hours() == []


def test_more_runs_than_a_batch_are_counted_to_the_last(runs, monkeypatch):
    monkeypatch.setattr(counting, "BATCH", 4)
    runs(Outcome.DONE, count=9)
    assert counting.count_finished() == 9
    assert read_hours() == [("Northwind Legal", TEN, 9, 0)]


def test_a_worker_that_dies_between_adding_and_marking_has_counted_nothing(runs, monkeypatch):
    runs(Outcome.DONE, count=2)

    class Killed(BaseException):
        pass

    def die(*_):
        list(add(*_) or ())
        raise Killed

    add = counting._add
    monkeypatch.setattr(counting, "_add", die)
    with pytest.raises(Killed):
        counting.count_finished()
    assert read_hours() == []
    monkeypatch.undo()
    assert counting.count_finished() == 2
    assert read_hours() == [("Northwind Legal", TEN, 2, 0)]


def test_runs_of_somebody_who_works_nowhere_any_more_are_marked_and_hold_nothing_up(runs, alice):
    runs(Outcome.DONE)
    alice.membership.delete()
    assert counting.count_finished() == 1
    assert read_hours() == []
    assert counting.count_finished() == 0


def test_each_organization_has_its_own_hours(runs, charlie):
    runs(Outcome.DONE)
    theirs = Connection.objects.create(user=charlie, provider="memory", mailbox=charlie.email, credentials={})
    SyncRun.objects.create(connection=theirs, outcome=Outcome.FAILED, finished_at=TEN)
    counting.count_finished()
    assert sorted(read_hours()) == [("Northwind Legal", TEN, 1, 0), ("Rival & Co", TEN, 0, 1)]


def test_what_the_engine_ran_is_counted_before_it_is_forgotten(connect, account):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    long_ago = timezone.now() - timedelta(days=60)
    SyncRun.objects.update(started_at=long_ago, finished_at=long_ago)
    tasks.forget_old_rows()
    assert not SyncRun.objects.exists()
    ((_, _, done, failed),) = read_hours()
    assert (done, failed) == (1, 0)


def test_hours_older_than_anybody_asks_for_are_forgotten(northwind):
    now = timezone.now()
    SyncHour.objects.create(organization=northwind, starts=now - timedelta(days=401), done=1)
    SyncHour.objects.create(organization=northwind, starts=now - timedelta(days=399), done=2)
    assert counting.forget_old_hours() == 1
    assert SyncHour.objects.get().done == 2


@pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite lets one write at a time")
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_count_each_run_once(runs):
    runs(Outcome.DONE, count=50)
    runs(Outcome.FAILED, TEN + timedelta(hours=1), count=50)
    found, start = [], Barrier(2)

    def work():
        try:
            start.wait()
            found.append(counting.count_finished())
        finally:
            database.close()

    workers = [Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    # Whoever finds all of it taken by the other stops; what is left over comes next time.
    left = counting.count_finished()
    assert sum(found) + left == 100
    assert [hour[2:] for hour in read_hours()] == [(50, 0), (0, 50)]
