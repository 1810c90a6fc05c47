"""Several calendars of one account: each is read by itself, and none holds up the others."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from contacts.models import Contact
from integrations import changing, errors, sync
from integrations.leases import take_lease
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.pulling import writing
from meetings.calendars import Choice, choose_calendars, find_containers
from meetings.models import Meeting
from meetings.scheduling_models import AccountCalendar
from meetings.sync import CalendarFeed
from tests.integrations.conftest import HOUR, NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_november():
    with time_machine.travel(NOON - timedelta(days=1), tick=True) as clock:
        yield clock


@pytest.fixture
def team(account):
    """A second calendar, in which an event has the id of one in the first."""
    team = account.add_calendar("team", "Team", color="#16a765")
    for n in range(2):
        team.put_event(f"e{n}", title=f"Team {n}", starts=NOON + n * HOUR, ends=NOON + (n + 1) * HOUR)
    return team


@pytest.fixture
def both(connect, team):
    """Alice's connection, both of her calendars read once."""
    connection = connect()
    sync_now(connection)
    show(connection, "team")
    sync_now(connection)
    return connection


def sync_now(connection, trigger="person"):
    return sync.run(connection.pk, trigger=trigger)


def show(connection, *containers, on=True):
    rows = AccountCalendar.objects.filter(connection=connection, remote_id__in=containers)
    assert rows.count() == len(containers)
    return choose_calendars(connection, {row.pk: Choice(is_shown=on, color="") for row in rows})


def held():
    return sorted(Meeting.objects.values_list("container", "remote_id", "title"))


def cursors(connection):
    return sorted(connection.cursors.filter(feed="calendar").values_list("container", flat=True))


OWN = [("", "e0", "Event 0"), ("", "e1", "Event 1"), ("", "e2", "Event 2")]
TEAM = [("team", "e0", "Team 0"), ("team", "e1", "Team 1")]


def test_another_calendar_is_not_read_until_it_is_ticked(connect, team, memory):
    connection = connect()
    sync_now(connection)
    assert held() == OWN
    assert memory.requests.count("calendar") == 1
    show(connection, "team")
    run = sync_now(connection)
    assert (run.outcome, run.added) == (Outcome.DONE, 2)
    assert held() == OWN + TEAM
    assert cursors(connection) == ["", "team"]


def test_equal_ids_in_two_calendars_are_two_events_that_change_and_go_apart(both, account, team):
    team.put_event("e0", title="Team moved", starts=NOON, ends=NOON + HOUR)
    account.events.remove("e1")
    run = sync_now(both)
    assert (run.added, run.changed, run.removed) == (0, 1, 1)
    assert held() == [OWN[0], OWN[2], ("team", "e0", "Team moved"), TEAM[1]]
    assert sync_now(both).seen == 0, "each goes on from its own cursor"


def test_a_complete_listing_of_one_calendar_removes_nothing_of_the_other(both, account, team):
    account.events.remove("e0")
    account.events.expire_cursors()
    run = sync_now(both)
    assert run.removed == 1
    assert held() == OWN[1:] + TEAM


def test_one_calendar_that_fails_does_not_keep_the_others_from_being_read(both, account, team, memory):
    account.put_event("e0", title="Changed", starts=NOON, ends=NOON + HOUR)
    team.put_event("e0", title="Changed too", starts=NOON, ends=NOON + HOUR)
    account.put_contact("c3", display_name="Cy Cole")
    memory.fail(errors.Unexpected(detail="odd"), at="calendar", after=1)
    run = sync_now(both)
    assert run.outcome == Outcome.DONE
    assert run.notes == ["calendar: one of several could not be read (unexpected); the others go on"]
    assert held() == [("", "e0", "Changed"), *OWN[1:], *TEAM]
    assert Contact.objects.count() == 3
    both.refresh_from_db()
    assert (both.status, both.error_code, both.synced_at) == (Status.CONNECTED, "", run.started_at)
    trouble = both.cursors.get(container="team")
    assert (trouble.failures, trouble.error_code) == (1, "unexpected")
    assert trouble.error_sentence == errors.Unexpected.sentence


def test_a_calendar_in_trouble_is_left_alone_for_a_while_unless_somebody_asks(both, team, memory, in_november):
    memory.fail(errors.Unexpected(), at="calendar", after=1)
    sync_now(both)
    team.put_event("e0", title="Changed", starts=NOON, ends=NOON + HOUR)
    asked = memory.requests.count("calendar")
    Connection.objects.update(next_sync_at=timezone.now())
    assert sync.run(both.pk).notes == []
    assert memory.requests.count("calendar") == asked + 1, "the own one alone"
    assert held() == OWN + TEAM
    in_november.shift(timedelta(minutes=7))
    sync.run(both.pk)
    assert held() == [*OWN, ("team", "e0", "Changed"), TEAM[1]]
    good = both.cursors.get(container="team")
    assert (good.failures, good.next_try_at, good.error_code, good.error_sentence) == (0, None, "", "")


def test_whoever_asks_for_a_sync_has_a_calendar_in_trouble_tried_again(both, memory):
    memory.fail(errors.Unexpected(), at="calendar", after=1)
    sync_now(both)
    sync_now(both)
    assert both.cursors.get(container="team").failures == 0


def test_a_calendar_that_may_not_be_read_costs_nobody_the_connection(both, memory):
    memory.fail(errors.PermissionMissing(detail="shared"), at="calendar", after=1)
    run = sync_now(both)
    assert run.outcome == Outcome.DONE
    both.refresh_from_db()
    assert both.status == Status.CONNECTED
    assert both.cursors.get(container="team").error_code == "permission_missing"
    memory.fail(errors.PermissionMissing(detail="all"), at="calendar")
    assert sync_now(both).outcome == Outcome.FAILED
    both.refresh_from_db()
    assert both.status == Status.RECONNECT_NEEDED, "the own one is what the connection is for"


def test_the_same_trouble_is_noted_once(both, memory):
    for _ in range(3):
        memory.fail(errors.Unexpected(), at="calendar", after=1)
        sync_now(both)
    assert [len(run.notes) for run in SyncRun.objects.order_by("-pk")[:3]] == [0, 0, 1]
    assert both.cursors.get(container="team").failures == 3


def test_what_concerns_the_account_stops_the_other_calendars_too(both, account, memory):
    account.add_calendar("third", "Third")
    AccountCalendar.objects.create(connection=both, remote_id="third", name="Third", is_shown=True, position=2)
    asked = memory.requests.count("calendar")
    memory.fail(errors.RateLimited(retry_after=timedelta(minutes=30)), at="calendar", after=1)
    assert sync_now(both).error_code == "rate_limited"
    assert memory.requests.count("calendar") == asked + 2, "the third was not asked for any more"
    both.refresh_from_db()
    assert both.next_sync_at > timezone.now() + timedelta(minutes=29)


def test_a_provider_that_cannot_be_reached_is_not_waited_for_once_for_each_calendar(both, account, memory):
    for n in range(8):
        account.add_calendar(f"c{n}", f"Calendar {n}").put_event("x", title=f"X{n}", starts=NOON, ends=NOON + HOUR)
        AccountCalendar.objects.create(connection=both, remote_id=f"c{n}", name=f"C{n}", is_shown=True, position=n + 2)
    asked = memory.requests.count("calendar")
    memory.fail(errors.Unreachable(), at="calendar", times=sync.MOST_AWAY)
    assert sync_now(both).error_code == "unreachable"
    assert memory.requests.count("calendar") == asked + sync.MOST_AWAY
    for _ in range(2):
        memory.fail(errors.Unreachable(), at="calendar", after=1)
    assert sync_now(both).outcome == Outcome.DONE
    assert len(held()) == len(OWN + TEAM) + 6, "one here and there keeps nobody"
    sync_now(both)
    assert len(held()) == len(OWN + TEAM) + 8


def test_one_that_failed_is_read_after_those_that_did_not(both, account, memory):
    account.add_calendar("third", "Third").put_event("t0", title="Third", starts=NOON, ends=NOON + HOUR)
    AccountCalendar.objects.create(connection=both, remote_id="third", name="Third", is_shown=True, position=2)
    memory.fail(errors.RateLimited(), at="calendar", after=1)
    assert sync_now(both).outcome == Outcome.FAILED
    assert ("third", "t0", "Third") not in held(), "the second was told to slow down before it was its turn"
    memory.fail(errors.RateLimited(), at="calendar", after=2)
    assert sync_now(both).outcome == Outcome.FAILED
    assert ("third", "t0", "Third") in held()
    failures = dict(both.cursors.filter(feed="calendar").values_list("container", "failures"))
    assert failures == {"": 0, "team": 2, "third": 0}


def test_a_calendar_deleted_there_is_forgotten_here_and_the_others_go_on(both, account, team):
    account.put_event("e0", title="Changed", starts=NOON, ends=NOON + HOUR)
    del account.calendars["team"]
    run = sync_now(both)
    assert (run.outcome, run.removed) == (Outcome.DONE, 2)
    assert run.notes == ["calendar: one of several is no longer there at the provider, nor here"]
    assert held() == [("", "e0", "Changed"), *OWN[1:]]
    assert cursors(both) == [""]
    assert list(AccountCalendar.objects.values_list("remote_id", flat=True)) == [""]
    assert sync_now(both).notes == []


def test_the_own_calendar_that_is_gone_is_no_reason_to_forget_anything(both, account):
    own = account.calendars.pop("")
    assert sync_now(both).outcome == Outcome.FAILED
    assert held() == OWN + TEAM
    account.calendars[""] = own
    assert sync_now(both).outcome == Outcome.DONE


def test_a_calendar_switched_off_is_erased_at_once_and_ticked_again_it_is_read_anew(
    both, queued, django_capture_on_commit_callbacks
):
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        show(both, "team", on=False)
    assert held() == OWN
    assert cursors(both) == [""]
    assert queued == [(str(both.pk), "person")]
    show(both, "team")
    assert sync_now(both).added == 2
    assert held() == OWN + TEAM


def test_a_calendar_switched_off_in_the_middle_of_a_run_does_not_come_back(both, team, memory, monkeypatch):
    memory.page_size = 1
    team.events.expire_cursors()
    list_changes = CalendarFeed.changes

    def changes(feed, account, cursor, window, container):
        for number, delta in enumerate(list_changes(feed, account, cursor, window, container)):
            if container == "team" and number == 1:
                show(both, "team", on=False)
            yield delta

    monkeypatch.setattr(CalendarFeed, "changes", changes)
    run = sync_now(both)
    monkeypatch.undo()
    run.refresh_from_db()
    assert run.outcome == Outcome.ABANDONED
    assert held() == OWN
    both.refresh_from_db()
    assert both.next_sync_at <= timezone.now(), "what the run had still to do is done by the next"
    assert sync_now(both).outcome == Outcome.DONE
    assert held() == OWN
    assert cursors(both) == [""]


def test_what_no_choice_stands_for_any_more_is_erased_by_the_engine(both):
    AccountCalendar.objects.filter(remote_id="team").update(is_shown=False)  # as a killed worker may leave it
    run = sync_now(both)
    assert run.removed == 2
    assert held() == OWN
    assert cursors(both) == [""]


def test_one_emptied_calendar_is_doubted_and_confirmed_by_itself(both, account, team, alice):
    for book in (account.book, team):
        for n in range(12):
            book.put_event(f"more{n}", title="More", starts=NOON, ends=NOON + HOUR)
    sync_now(both)
    for book in (account.book, team):
        book.events.items.clear()
        book.events.expire_cursors()
    sync_now(both)
    assert Meeting.objects.count() == 29
    assert both.cursors.filter(emptied_at__isnull=False).count() == 2
    changing.confirm_emptied(both, both.cursors.get(container="team"), by=alice)
    assert sync_now(both).removed == 14
    assert set(Meeting.objects.values_list("container", flat=True)) == {""}
    assert both.cursors.get(feed="calendar", container="").emptied_at is not None


def test_each_calendar_may_be_as_long_as_one_alone(both, memory, monkeypatch):
    monkeypatch.setattr("integrations.pulling.MOST_PAGES", 3)
    memory.page_size = 1
    SyncCursor.objects.update(value="")
    assert sync_now(both).outcome == Outcome.DONE
    assert SyncRun.objects.first().pages > 3


def test_a_run_that_is_out_of_time_begins_no_other_calendar(both, memory, in_november, monkeypatch):
    list_changes = CalendarFeed.changes

    def changes(feed, account, cursor, window, container):
        for delta in list_changes(feed, account, cursor, window, container):
            in_november.shift(timedelta(hours=1))
            yield delta

    monkeypatch.setattr(CalendarFeed, "changes", changes)
    asked = memory.requests.count("calendar")
    monkeypatch.setattr("integrations.leases._expiry", lambda: timezone.now() + timedelta(days=1))
    assert sync_now(both).error_code == "run_too_long"
    assert memory.requests.count("calendar") == asked + 1


def test_the_engine_writes_what_it_erases_only_under_its_lease(both):
    lease = take_lease(both.pk)
    Connection.objects.update(leased_by="somebody else")
    with pytest.raises(sync.LeaseLost), writing(lease):
        pytest.fail("the lease was not proved")


def test_the_own_calendar_is_read_first_and_always(both):
    assert find_containers(both) == ["", "team"]
    show(both, "", on=False)
    assert find_containers(both) == ["", "team"]
