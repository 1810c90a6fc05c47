"""Meetings made at the meeting host itself become rows of their person."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection as database
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from integrations.errors import AdminNeeded, RateLimited, Unreachable
from meetings import assistants, host_settings, hosted
from meetings.host_settings import Wish
from meetings.hosts import memory
from meetings.models import HostCursor, Meeting, MeetingHost, Origin, ScheduledMeeting
from organizations import people
from organizations.models import Organization, User

NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)
AT_TEN = NOW + timedelta(minutes=65)


@pytest.fixture
def host(settings, northwind: Organization, dora: User, alice: User, bob: User) -> Iterator[memory.MemoryHostService]:
    settings.HOSTS = {"zoom": "meetings.hosts.memory.MemoryHost", "link": "meetings.hosts.link.Link"}
    memory.SERVICE.reset()
    memory.SERVICE.users |= {alice.email, dora.email}
    with time_machine.travel(NOW, tick=False):
        wish = Wish("zoom", account_id="a", client_id="c", client_secret=memory.SECRET)
        host_settings.change_host(northwind, wish, by=dora)
        yield memory.SERVICE
    memory.SERVICE.reset()


def read(user: User, *, after: timedelta = timedelta(0)) -> None:
    """One person's turn, as the sweep and the worker have it."""
    with time_machine.travel(datetime.now(UTC) + after, tick=False):
        assert user.pk in hosted.find_due()
        hosted.read_one(user.pk)


def rows_of(user: User) -> list[Meeting]:
    return list(Meeting.objects.filter(owner=user, origin=Origin.HOST).order_by("starts"))


QUARTER = timedelta(minutes=17)


def test_a_meeting_made_there_stands_among_ones_meetings_with_its_link(
    host: memory.MemoryHostService, alice: User
) -> None:
    made = host.schedule(alice.email, "Office hour", AT_TEN, 45)
    read(alice)

    (row,) = rows_of(alice)
    assert (row.title, row.starts, row.ends) == ("Office hour", AT_TEN, AT_TEN + timedelta(minutes=45))
    assert (row.meeting_number, row.remote_id, row.is_organizer) == (made.meeting_number, made.id, True)
    assert row.connection is None
    (link,) = row.links
    assert (link.service, link.url, link.meeting_number) == ("zoom", made.join_url, made.meeting_number)
    assert row.join_services == " zoom "
    assert row in Meeting.objects.search("office")


def test_each_occurrence_of_a_series_is_a_row(host: memory.MemoryHostService, alice: User) -> None:
    host.schedule(alice.email, "Daily", AT_TEN, more=[AT_TEN + timedelta(days=day) for day in (1, 2)])
    read(alice)

    rows = rows_of(alice)
    assert [row.starts for row in rows] == [AT_TEN + timedelta(days=day) for day in range(3)]
    assert len({row.remote_id for row in rows}) == 3
    assert len({row.meeting_number for row in rows}) == 1


def test_what_is_unchanged_is_not_written(host: memory.MemoryHostService, alice: User) -> None:
    host.schedule(alice.email, "Office hour", AT_TEN)
    read(alice)
    with CaptureQueriesContext(database) as caught:
        read(alice, after=QUARTER)

    written = [one["sql"] for one in caught if "meetings_meeting" in one["sql"] and not one["sql"].startswith("SELECT")]
    assert [sql for sql in written if '"meetings_meeting" ' in sql] == []


def test_changes_follow_and_keep_the_row(host: memory.MemoryHostService, alice: User) -> None:
    made = host.schedule(alice.email, "Office hour", AT_TEN)
    host.schedule(alice.email, "Other", AT_TEN)
    read(alice)
    before = {row.title: row.pk for row in rows_of(alice)}
    held = host.held.pop(made.id)
    host.schedule(alice.email, "Office hour, later", AT_TEN + timedelta(hours=1), id=made.id)
    later = host.held.popitem()[1]
    host.held[made.id] = later
    assert held.meeting.id == later.meeting.id
    read(alice, after=QUARTER)

    after = {row.title: row.pk for row in rows_of(alice)}
    assert after == {"Other": before["Other"], "Office hour, later": before["Office hour"]}


def test_what_is_deleted_there_goes_and_what_is_over_stays_for_a_while(
    host: memory.MemoryHostService, alice: User
) -> None:
    deleted = host.schedule(alice.email, "Deleted", AT_TEN + timedelta(days=2))
    host.schedule(alice.email, "Soon over", NOW + timedelta(minutes=1), 5)
    read(alice)
    del host.held[deleted.id]
    read(alice, after=QUARTER)
    assert [row.title for row in rows_of(alice)] == ["Soon over"]

    read(alice, after=timedelta(days=60))
    assert rows_of(alice) == []


def test_what_was_scheduled_here_is_left_out_also_while_its_answer_is_lost(
    host: memory.MemoryHostService, alice: User, bob: User
) -> None:
    facts = {"topic": "Ours", "starts": AT_TEN, "minutes": 30, "timezone": "UTC", "host": "zoom"}
    known = host.schedule(alice.email, "Known", AT_TEN)
    ScheduledMeeting.objects.create(owner=alice, host_id=known.id, **facts)
    lost = ScheduledMeeting.objects.create(owner=alice, **facts)
    host.schedule(alice.email, "Lost", AT_TEN, reference=lost.key.hex[:12])
    host.schedule(alice.email, "Theirs", AT_TEN)
    of_bob = ScheduledMeeting.objects.create(owner=bob, **facts)
    host.schedule(alice.email, "Another's", AT_TEN, reference=of_bob.key.hex[:12])
    read(alice)

    assert {row.title for row in rows_of(alice)} == {"Theirs", "Another's"}


def test_meetings_without_a_time_and_beyond_the_window_are_left_out(
    host: memory.MemoryHostService, alice: User
) -> None:
    host.schedule(alice.email, "In two years", AT_TEN + timedelta(days=800))
    host.schedule(alice.email, "Tomorrow", AT_TEN + timedelta(days=1))
    read(alice)

    assert [row.title for row in rows_of(alice)] == ["Tomorrow"]


def test_everybody_of_the_organization_has_a_turn_and_nobody_else(
    host: memory.MemoryHostService, alice: User, bob: User, dora: User, charlie: User
) -> None:
    assert set(hosted.find_due()) == {alice.pk, bob.pk, dora.pk}
    hosted.read_one(alice.pk)

    assert set(hosted.find_due()) == {bob.pk, dora.pk}
    with time_machine.travel(NOW + QUARTER, tick=False):
        assert alice.pk in hosted.find_due()
    hosted.read_one(charlie.pk)
    assert host.requests.count("upcoming") == 1


def test_a_turn_is_taken_by_one_worker(host: memory.MemoryHostService, alice: User) -> None:
    read(alice)
    hosted.read_one(alice.pk)

    assert host.requests.count("upcoming") == 1


def test_finding_whose_turn_it_is_costs_the_same_for_one_and_for_many(
    host: memory.MemoryHostService, northwind: Organization, make_member
) -> None:
    hosted.find_due()
    with CaptureQueriesContext(database) as few:
        hosted.find_due()
    for number in range(5):
        make_member(northwind, f"person{number}@northwind.example")
    hosted.find_due()
    with CaptureQueriesContext(database) as many:
        assert len(hosted.find_due()) == 8

    assert len(few) == len(many)


def test_somebody_whom_the_host_does_not_know_is_asked_about_more_rarely(
    host: memory.MemoryHostService, bob: User
) -> None:
    read(bob)

    cursor = HostCursor.objects.get(user=bob)
    assert (cursor.error_code, cursor.failures) == ("gone", 0)
    assert cursor.next_read_at == NOW + hosted.UNKNOWN_USER_EVERY
    host.users.add(bob.email)
    host.schedule(bob.email, "New here", AT_TEN + timedelta(days=1))
    read(bob, after=hosted.UNKNOWN_USER_EVERY)
    assert [row.title for row in rows_of(bob)] == ["New here"]


def test_a_host_at_its_limit_is_left_alone_by_the_whole_organization(
    host: memory.MemoryHostService, alice: User, bob: User, dora: User
) -> None:
    hosted.find_due()
    host.failures.append(RateLimited(retry_after=timedelta(minutes=40)))
    read(alice)

    assert hosted.find_due() == []
    with time_machine.travel(NOW + timedelta(minutes=39), tick=False):
        assert hosted.find_due() == []
    with time_machine.travel(NOW + timedelta(minutes=45), tick=False):
        assert set(hosted.find_due()) == {alice.pk, bob.pk, dora.pk}


def test_trouble_of_a_moment_keeps_the_rows_and_waits_longer_each_time(
    host: memory.MemoryHostService, alice: User, bob: User
) -> None:
    host.schedule(alice.email, "Office hour", AT_TEN + timedelta(days=1))
    read(alice)
    host.failures += [Unreachable("Away."), Unreachable("Away.")]
    read(alice, after=QUARTER)
    first = HostCursor.objects.get(user=alice).next_read_at - (NOW + QUARTER)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert bob.pk in hosted.find_due()
        hosted.read_one(alice.pk)
        second = HostCursor.objects.get(user=alice).next_read_at - datetime.now(UTC)

    assert second > first
    assert HostCursor.objects.get(user=alice).failures == 2
    assert len(rows_of(alice)) == 1
    read(alice, after=timedelta(hours=3))
    assert HostCursor.objects.get(user=alice).failures == 0


def test_credentials_that_are_refused_are_told_to_the_admin_and_tried_again_once_changed(
    host: memory.MemoryHostService, northwind: Organization, alice: User, bob: User, dora: User
) -> None:
    hosted.find_due()
    host.failures.append(AdminNeeded("The secret has expired."))
    read(alice)

    assert hosted.find_due() == []
    assert MeetingHost.objects.get(organization=northwind).error_sentence == "The secret has expired."
    wish = Wish("zoom", account_id="a", client_id="c", client_secret=memory.SECRET)
    host_settings.change_host(northwind, wish, by=dora)
    assert alice.pk in hosted.find_due()
    assert MeetingHost.objects.get(organization=northwind).error_sentence == ""


def test_a_host_that_is_not_to_be_read_is_not_asked_and_its_rows_go(
    host: memory.MemoryHostService, northwind: Organization, alice: User, dora: User
) -> None:
    host.schedule(alice.email, "Office hour", AT_TEN)
    read(alice)
    wish = Wish("zoom", account_id="a", client_id="c", reads_upcoming=False)
    host_settings.change_host(northwind, wish, by=dora)

    assert rows_of(alice) == []
    assert hosted.find_due() == []
    hosted.read_one(alice.pk)
    assert host.requests.count("upcoming") == 1


def test_a_link_template_lists_nothing_and_is_not_asked(
    host: memory.MemoryHostService, northwind: Organization, alice: User, dora: User
) -> None:
    host_settings.change_host(northwind, Wish("link", "https://meet.example.org/{room}"), by=dora)

    assert hosted.find_due() == []


def test_what_was_being_read_while_the_host_was_switched_off_is_dropped(
    host: memory.MemoryHostService, northwind: Organization, alice: User, dora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.schedule(alice.email, "Office hour", AT_TEN)
    fetch = hosted._fetch

    def fetch_slowly(*args):
        found = fetch(*args)
        host_settings.change_host(northwind, Wish(""), by=dora)
        return found

    monkeypatch.setattr(hosted, "_fetch", fetch_slowly)
    read(alice)

    assert rows_of(alice) == []


def test_the_rows_of_somebody_who_leaves_go_with_them(host: memory.MemoryHostService, alice: User, dora: User) -> None:
    host.schedule(alice.email, "Office hour", AT_TEN)
    host.schedule(dora.email, "Of Dora", AT_TEN)
    read(alice)
    read(dora)
    people.deactivate(alice.membership, by=dora, request=RequestFactory().get("/"))

    assert rows_of(alice) == []
    assert len(rows_of(dora)) == 1
    assert alice.pk not in hosted.find_due()


def test_a_host_that_cannot_be_reached_is_left_alone_by_the_whole_organization_for_a_while(
    host: memory.MemoryHostService, northwind: Organization, make_member, alice: User, bob: User, dora: User
) -> None:
    """Each try is a worker that waits for a time-out: down for hours, it must not keep them from everything else."""
    for number in range(20):
        host.users.add(make_member(northwind, f"person{number}@northwind.example").email)
    host.failures += [Unreachable("Away.")] * 1_000
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3 * 60):
            for pk in hosted.find_due():
                hosted.read_one(pk)
            clock.shift(timedelta(minutes=1))
        tries = len(host.requests)
        assert tries <= 3 * 60 // 5 + 1

        host.failures.clear()
        for _ in range(6):
            for pk in hosted.find_due():
                hosted.read_one(pk)
            clock.shift(timedelta(minutes=1))
    assert len(host.requests) > tries, "and it is soon seen that it is back"


def test_trouble_with_one_person_alone_keeps_the_others_from_being_read_for_minutes_only(
    host: memory.MemoryHostService, alice: User, bob: User, dora: User
) -> None:
    hosted.find_due()
    host.failures.append(Unreachable("Away."))
    read(alice)
    with time_machine.travel(NOW + hosted.AWAY_FOR, tick=False):
        assert set(hosted.find_due()) == {bob.pk, dora.pk}


def test_whoever_waits_because_of_another_ones_failure_is_read_once_the_host_was_changed(
    host: memory.MemoryHostService, northwind: Organization, alice: User, bob: User, dora: User
) -> None:
    hosted.find_due()
    read(bob)
    assert HostCursor.objects.get(user=bob).error_code == "gone"
    host.failures.append(AdminNeeded("The secret has expired."))
    read(alice)
    wish = Wish("zoom", account_id="another", client_id="c", client_secret=memory.SECRET)
    host_settings.change_host(northwind, wish, by=dora)

    assert set(hosted.find_due()) == {alice.pk, bob.pk, dora.pk}


def test_refused_credentials_are_tried_more_and_more_rarely_by_all_of_an_organization_together(
    host: memory.MemoryHostService, alice: User, bob: User, dora: User
) -> None:
    host.failures += [AdminNeeded("The secret has expired.")] * 1_000
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(24 * 6):
            for pk in hosted.find_due():
                hosted.read_one(pk)
            clock.shift(timedelta(minutes=10))
    assert len(host.requests) <= 10


def test_in_a_personal_room_the_calendars_row_stands_for_the_hosts_of_the_same_time_and_for_no_other(
    host: memory.MemoryHostService, alice: User, bob: User
) -> None:
    """The link has the room's number there, and each meeting a number of its own besides."""
    room = {"join_url": "https://us02web.zoom.us/j/5551234567?pwd=room"}
    host.schedule(alice.email, "Monday", AT_TEN, **room)
    host.schedule(alice.email, "Tuesday", AT_TEN + timedelta(days=1), **room)
    read(alice)
    assert {row.meeting_number for row in rows_of(alice)} == {"5551234567"}
    for days, owner in ((0, alice), (2, alice), (1, bob)):
        at = AT_TEN + timedelta(days=days)
        Meeting.objects.create(
            owner=owner, title=f"In the calendar, {days}", starts=at, ends=at + timedelta(hours=1),
            meeting_number="5551234567", remote_id=f"{days}",
        )  # fmt: skip

    shown = Meeting.objects.shown().filter(owner=alice).order_by("starts")
    assert [one.title for one in shown] == ["In the calendar, 0", "Tuesday", "In the calendar, 2"]


# --- Assistants ---


def test_who_may_schedule_for_a_person_there_is_read_along_and_kept(
    host: memory.MemoryHostService, alice: User, bob: User
) -> None:
    host.assistants[alice.email] = ("Bob@Northwind.example", "stranger@elsewhere.example")
    read(alice)
    assert [one.email for one in assistants.find_assistants(alice)] == [bob.email]
    host.assistants[alice.email] = ()
    read(alice, after=QUARTER)
    assert assistants.find_assistants(alice) == [bob], "not asked each quarter of an hour"
    read(alice, after=timedelta(hours=7))
    assert assistants.find_assistants(alice) == []


def test_a_host_that_does_not_answer_about_assistants_is_read_all_the_same(
    host: memory.MemoryHostService, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, user: str) -> tuple[str, ...]:
        raise AdminNeeded

    HostCursor.objects.create(user=alice, assistants_json=["bob@northwind.example"], next_read_at=NOW)
    monkeypatch.setattr(memory.OpenMemoryHost, "assistants", refuse)
    host.schedule(alice.email, "Office hour", AT_TEN, 45)
    read(alice)
    assert [one.title for one in rows_of(alice)] == ["Office hour"]
    cursor = HostCursor.objects.get(user=alice)
    assert (cursor.assistants_json, cursor.error_code) == (["bob@northwind.example"], "")
