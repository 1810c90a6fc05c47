"""The engine's rules, over the real feeds and a provider in memory."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from contacts.models import Contact
from integrations import changing, errors, planning, pulling, sync
from integrations.leases import LeaseLost, take_lease
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.permissions import Permission
from meetings.models import Meeting
from meetings.sync import CalendarFeed
from tests.integrations.conftest import HOUR, NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_november():
    with time_machine.travel(NOON - timedelta(days=1), tick=True) as clock:
        yield clock


def titles():
    return sorted(Meeting.objects.values_list("title", flat=True))


def sync_now(connection, trigger="person"):
    return sync.run(connection.pk, trigger=trigger)


def test_the_first_run_brings_events_and_contacts_and_says_how_many(connect):
    connection = connect()
    run = sync_now(connection)
    assert (run.outcome, run.added, run.seen) == (Outcome.DONE, 5, 5)
    assert titles() == ["Event 0", "Event 1", "Event 2"]
    assert Contact.objects.count() == 2
    connection.refresh_from_db()
    assert connection.synced_at == run.started_at
    assert connection.leased_by == ""


def test_an_unchanged_account_writes_no_row_and_changes_follow(connect, account):
    connection = connect()
    sync_now(connection)
    again = sync_now(connection)
    assert (again.added, again.changed, again.removed, again.seen) == (0, 0, 0, 0)
    account.put_event("e1", title="Moved", starts=NOON, ends=NOON + HOUR)
    account.put_event("new", title="New", starts=NOON, ends=NOON + HOUR)
    account.events.remove("e0")
    run = sync_now(connection)
    assert (run.added, run.changed, run.removed) == (1, 1, 1)
    assert titles() == ["Event 2", "Moved", "New"]


def test_an_expired_cursor_means_a_complete_listing_that_also_finds_what_is_gone(connect, account, memory):
    connection = connect()
    sync_now(connection)
    account.events.remove("e0")
    account.events.expire_cursors()
    run = sync_now(connection)
    assert run.outcome == Outcome.DONE
    assert (run.added, run.changed, run.removed) == (0, 0, 1)
    assert "asked for everything to be read again" in run.notes[0]


def test_a_listing_that_breaks_off_removes_nothing_and_keeps_the_old_cursor(connect, account, memory):
    connection = connect()
    sync_now(connection)
    before = SyncCursor.objects.get(feed="calendar").value
    memory.page_size = 1
    account.events.remove("e0")
    account.events.expire_cursors()
    memory.fail(errors.Unreachable(detail="cut off"), at="calendar", after=2)
    run = sync_now(connection)
    assert (run.outcome, run.error_code) == (Outcome.FAILED, "unreachable")
    assert titles() == ["Event 0", "Event 1", "Event 2"]
    assert SyncCursor.objects.get(feed="calendar").value == before
    assert sync_now(connection).outcome == Outcome.DONE
    assert titles() == ["Event 1", "Event 2"]


def test_what_was_read_before_a_break_stays_and_is_not_doubled(connect, memory):
    connection = connect()
    memory.page_size = 1
    memory.fail(errors.Unreachable(), at="calendar", after=2)
    assert sync_now(connection).outcome == Outcome.FAILED
    assert titles() == ["Event 0", "Event 1"]
    assert sync_now(connection).added == 1
    assert titles() == ["Event 0", "Event 1", "Event 2"]


def test_one_feed_that_fails_does_not_hold_up_the_other(connect, memory):
    connection = connect()
    memory.fail(errors.Unexpected(detail="odd"), at="calendar")
    run = sync_now(connection)
    assert run.outcome == Outcome.FAILED
    assert run.error_detail == "calendar: odd"
    assert Contact.objects.count() == 2
    connection.refresh_from_db()
    assert connection.synced_at is None


def fill(account, count):
    for n in range(count):
        account.put_event(f"more{n}", title=f"More {n}", starts=NOON, ends=NOON + HOUR)


def test_a_calendar_that_is_suddenly_empty_is_doubted_and_the_person_is_asked(connect, account, alice):
    fill(account, 20)
    connection = connect()
    sync_now(connection)
    account.events.items.clear()
    account.events.expire_cursors()
    run = sync_now(connection)
    assert Meeting.objects.count() == 23
    assert "kept until the person confirms" in run.notes[-1]
    assert SyncCursor.objects.get(feed="calendar").emptied_at is not None

    assert sync_now(connection).removed == 0
    changing.confirm_emptied(connection, SyncCursor.objects.get(feed="calendar"), by=alice)
    assert sync_now(connection).removed == 23
    assert Meeting.objects.count() == 0
    cursor = SyncCursor.objects.get(feed="calendar")
    assert (cursor.emptied_at, cursor.emptied_confirmed) == (None, False)


def test_a_doubted_calendar_that_comes_back_is_doubted_no_longer(connect, account):
    fill(account, 20)
    connection = connect()
    sync_now(connection)
    kept = dict(account.events.items)
    account.events.items.clear()
    account.events.expire_cursors()
    sync_now(connection)
    account.events.items.update(kept)
    run = sync_now(connection)
    assert (run.added, run.changed, run.removed) == (0, 0, 0)
    assert SyncCursor.objects.get(feed="calendar").emptied_at is None


def test_emptying_one_by_one_is_believed_because_the_provider_says_what_is_gone(connect, account):
    fill(account, 20)
    connection = connect()
    sync_now(connection)
    account.events.clear()
    assert sync_now(connection).removed == 23


def test_two_runs_cannot_be_at_one_connection(connect):
    connection = connect()
    lease = take_lease(connection.pk)
    assert sync_now(connection) is None
    lease.release()
    assert sync_now(connection) is not None


def test_a_dead_workers_lease_runs_out_and_its_run_is_recorded_as_abandoned(connect, in_november):
    connection = connect()
    SyncRun.objects.create(connection=connection)
    take_lease(connection.pk)
    assert sync_now(connection) is None
    in_november.shift(timedelta(seconds=121))
    assert sync_now(connection).outcome == Outcome.DONE
    assert sorted(SyncRun.objects.values_list("outcome", flat=True)) == [Outcome.ABANDONED, Outcome.DONE]


@pytest.fixture
def after_the_first_page(memory, monkeypatch):
    """after_the_first_page(act): have something happen elsewhere once the first of several pages is written."""
    memory.page_size = 1
    list_changes = CalendarFeed.changes

    def arrange(act):
        def changes(feed, account, cursor, window, container):
            for number, delta in enumerate(list_changes(feed, account, cursor, window, container)):
                if number == 1:
                    assert Meeting.objects.count() == 1
                    act()
                yield delta

        monkeypatch.setattr(CalendarFeed, "changes", changes)

    return arrange


def test_a_worker_that_lost_its_lease_writes_nothing_more(connect, after_the_first_page):
    connection = connect()
    after_the_first_page(lambda: Connection.objects.filter(pk=connection.pk).update(leased_by="somebody else"))
    run = sync_now(connection)
    run.refresh_from_db()
    assert run.outcome == Outcome.ABANDONED
    assert Contact.objects.count() == 0
    assert SyncCursor.objects.get(feed="calendar").value == ""
    connection.refresh_from_db()
    assert connection.synced_at is None


def test_deleting_the_connection_under_a_running_sync_leaves_no_row_behind(connect, alice, after_the_first_page):
    connection = connect()
    after_the_first_page(lambda: changing.disconnect(Connection.objects.get(pk=connection.pk), by=alice))
    sync_now(connection)
    assert not Meeting.objects.exists()
    assert not Contact.objects.exists()
    assert not Connection.objects.exists()


def test_narrowing_under_a_running_sync_does_not_bring_the_rows_back(connect, alice, after_the_first_page, monkeypatch):
    connection = connect()
    only_contacts = frozenset({Permission.CONTACTS_READ})
    after_the_first_page(lambda: changing.narrow(connection, only_contacts, by=alice))
    sync_now(connection)
    monkeypatch.undo()
    assert not Meeting.objects.exists()
    connection.refresh_from_db()
    assert sync_now(connection).outcome == Outcome.DONE
    assert not Meeting.objects.exists()
    assert Contact.objects.count() == 2


def test_a_sync_asked_for_during_a_run_follows_it_at_once(connect, account, after_the_first_page):
    connection = connect()

    def change_what_was_read_and_ask():
        if account.events.items["e0"].title != "Changed":
            account.put_event("e0", title="Changed", starts=NOON, ends=NOON + HOUR)
            changing.start_sync(connection, trigger="person")

    after_the_first_page(change_what_was_read_and_ask)
    last = sync_now(connection)
    assert "Changed" in titles()
    assert [run.trigger for run in SyncRun.objects.order_by("pk")] == ["person", "person"]
    assert last == SyncRun.objects.first()
    connection.refresh_from_db()
    assert connection.next_sync_at > timezone.now()


def test_a_sync_asked_for_during_a_run_that_is_told_to_slow_down_does_not_hurry_it(
    connect, memory, after_the_first_page
):
    connection = connect()
    after_the_first_page(lambda: changing.start_sync(connection, trigger="person"))
    memory.fail(errors.RateLimited(retry_after=timedelta(minutes=30)), at="contacts")
    assert sync_now(connection).error_code == "rate_limited"
    connection.refresh_from_db()
    assert connection.next_sync_at > timezone.now() + timedelta(minutes=29)


def test_a_refused_refresh_stops_the_connection_at_once_and_keeps_what_was_read(connect, account, memory):
    connection = connect()
    sync_now(connection)
    account.end_grant()
    run = sync_now(connection)
    assert run.error_code == "reconnect_needed"
    connection.refresh_from_db()
    assert connection.status == Status.RECONNECT_NEEDED
    assert connection.error_sentence.endswith("Reconnect to go on.")
    assert Meeting.objects.count() == 3
    asked = len(memory.requests)
    assert sync_now(connection) is None
    assert sync.find_due() == []
    assert len(memory.requests) == asked


def test_a_rotated_refresh_token_is_stored_before_it_is_used(connect, memory, account):
    memory.token_seconds = 0
    connection = connect()
    memory.token_seconds = 3600
    first = connection.credentials.open()["refresh_token"]
    memory.fail(errors.Unreachable(), at="calendar")
    assert sync_now(connection).outcome == Outcome.FAILED
    connection = Connection.objects.get(pk=connection.pk)
    assert connection.credentials.open()["refresh_token"] == account.refresh_token != first
    assert sync_now(connection).outcome == Outcome.DONE


def test_credentials_that_cannot_be_decrypted_ask_for_a_reconnect_and_are_not_overwritten(connect, memory):
    connection = connect()
    Connection.objects.filter(pk=connection.pk).update(credentials="v1.lost.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    run = sync_now(connection)
    assert run.error_code == "reconnect_needed"
    assert "can no longer be read on this server" in run.error_sentence
    assert "calendar" not in memory.requests


@pytest.mark.parametrize(
    ("error", "status", "least", "most"),
    [
        (errors.Unreachable(), Status.CONNECTED, 60, 80),
        (errors.RateLimited(retry_after=timedelta(minutes=40)), Status.CONNECTED, 2400, 2640),
        (errors.RateLimited(), Status.CONNECTED, 120, 160),
        (errors.RateLimited(retry_after=timedelta(days=30)), Status.CONNECTED, 86400, 95040),
        (errors.Unexpected(), Status.CONNECTED, 300, 390),
        (errors.AdminNeeded(), Status.ADMIN_NEEDED, 21600, 28080),
        (errors.NotOffered(), Status.ADMIN_NEEDED, 3600, 4680),
        (errors.Refused(), Status.ADMIN_NEEDED, 3600, 4680),
        (errors.PermissionMissing(), Status.RECONNECT_NEEDED, 0, 99999),
        (None, Status.CONNECTED, 270, 330),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_has_its_status_and_its_wait(connect, error, status, least, most):
    found, wait = planning.plan_next(connect(), error)
    assert found == status
    assert least <= wait.total_seconds() <= most


def test_waits_grow_with_each_failure_and_stay_within_bounds(connect):
    connection = connect()
    waits = []
    for connection.failures in range(12):
        waits.append(planning.plan_next(connection, errors.Unreachable())[1].total_seconds())
    assert waits[0] < waits[2] < waits[4]
    assert max(waits) <= 3600 * 1.3


def test_a_retry_after_is_waited_for_by_a_later_run_not_by_the_worker(connect, memory, in_november):
    connection = connect()
    memory.fail(errors.RateLimited(retry_after=timedelta(minutes=10)), at="calendar")
    began = timezone.now()
    sync_now(connection)
    assert timezone.now() - began < timedelta(seconds=5)
    assert sync.find_due() == []
    in_november.shift(timedelta(minutes=12))
    assert sync.find_due() == [str(connection.pk)]
    assert sync.run(connection.pk).outcome == Outcome.DONE


def test_a_fault_of_our_own_is_logged_and_told_in_a_sentence(connect, monkeypatch, caplog):
    connection = connect()

    def break_down(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(CalendarFeed, "apply", break_down)
    run = sync_now(connection)
    assert run.error_sentence == "Something went wrong in Portico itself. We will try again."
    assert "a bug" in caplog.text
    connection.refresh_from_db()
    assert connection.next_sync_at > timezone.now()
    assert connection.leased_by == ""


def test_a_scheduled_run_that_is_not_due_any_more_does_nothing(connect, memory):
    connection = connect()
    sync_now(connection)
    asked = len(memory.requests)
    assert sync.run(connection.pk) is None
    assert len(memory.requests) == asked


def test_due_connections_come_oldest_first_and_without_those_that_are_held_or_inactive(
    connect, make_member, northwind, in_november
):
    connect()
    Connection.objects.update(next_sync_at=timezone.now() - timedelta(minutes=5))
    for number, (minutes, fields) in enumerate(
        [
            (9, {}),
            (7, {"leased_by": "x", "leased_until": timezone.now() + timedelta(minutes=1)}),
            (8, {"leased_by": "x", "leased_until": timezone.now() - timedelta(minutes=1)}),
            (6, {"status": Status.ADMIN_NEEDED}),
            (4, {"status": Status.RECONNECT_NEEDED}),
            (-1, {}),
        ]
    ):
        user = make_member(northwind, f"p{number}@northwind.example")
        Connection.objects.create(
            user=user, provider="memory", mailbox=user.email, account_id=user.email, credentials={},
            next_sync_at=timezone.now() - timedelta(minutes=minutes), **fields,
        )  # fmt: skip
    due = Connection.objects.in_bulk(sync.find_due())
    order = [due[key].user.email for key in due]
    assert sorted(order) == sorted(["p0@northwind.example", "p2@northwind.example", "p3@northwind.example",
                                    "alice@northwind.example"])  # fmt: skip
    whens = [Connection.objects.get(pk=pk).next_sync_at for pk in sync.find_due()]
    assert whens == sorted(whens)
    user = Connection.objects.get(pk=sync.find_due()[0]).user
    user.is_active = False
    user.save()
    assert len(sync.find_due()) == 3


def test_a_run_stops_at_its_deadline_and_the_next_one_finishes(connect, memory, settings):
    connection = connect()
    memory.page_size = 1
    settings.SYNC = {**settings.SYNC, "longest_run_seconds": 0}
    run = sync_now(connection)
    assert run.outcome == Outcome.FAILED
    settings.SYNC = {**settings.SYNC, "longest_run_seconds": 600}
    assert sync_now(connection).outcome == Outcome.DONE
    assert Meeting.objects.count() == 3


def test_the_window_rolls_on_by_listing_again_and_what_fell_out_of_it_goes(connect, account, settings, in_november):
    settings.SYNC = {**settings.SYNC, "days_back": 1, "days_ahead": 3}
    account.put_event("far", title="Far", starts=NOON + timedelta(days=4), ends=NOON + timedelta(days=4, hours=1))
    connection = connect()
    sync_now(connection)
    assert titles() == ["Event 0", "Event 1", "Event 2"]
    in_november.shift(timedelta(days=3))
    run = sync_now(connection)
    assert titles() == ["Far"]
    assert (run.added, run.removed) == (1, 3)


def test_relisting_spreads_over_a_quarter_of_its_period_by_the_connections_id():
    listed = datetime(2026, 11, 1, tzinfo=UTC)
    dues = []
    for number in range(1000):
        cursor = SyncCursor(connection_id=__import__("uuid").UUID(int=number), listed_at=listed)
        first = next(
            hours for hours in range(48) if pulling.is_relisting_due(cursor, timedelta(days=1), listed + hours * HOUR)
        )
        dues.append(first)
    assert min(dues) in (24, 25)
    assert 30 <= max(dues) <= 31
    assert max(dues.count(hour) for hour in set(dues)) < 200


def test_runs_are_forgotten_after_a_month_and_those_that_found_nothing_after_a_day(connect, in_november, memory):
    connection = connect()
    telling = sync_now(connection)
    quiet = sync_now(connection)
    memory.fail(errors.Unreachable(), at="calendar")
    failed = sync_now(connection)
    assert sync.forget_old_runs() == 0
    in_november.shift(timedelta(days=1, minutes=1))
    assert sync.forget_old_runs() == 1
    assert set(SyncRun.objects.all()) == {telling, failed}
    assert quiet.seen == 0
    in_november.shift(timedelta(days=30))
    sync_now(connection)
    assert sync.forget_old_runs() == 2
    assert SyncRun.objects.count() == 1


def test_a_renewal_by_anyone_but_the_holder_is_refused(connect):
    connection = connect()
    lease = take_lease(connection.pk)
    lease.renew()
    Connection.objects.filter(pk=connection.pk).update(leased_by="other")
    with pytest.raises(LeaseLost):
        lease.renew()
    lease.release()
    connection.refresh_from_db()
    assert connection.leased_by == "other"
