"""The meeting host's step of the outbox: the link comes first, and is in the event."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integrations.errors import Rejected, Unreachable
from integrations.outgoing import WriteState
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import EventDraft
from meetings import host_settings, queueing, scheduling
from meetings.host_settings import Wish
from meetings.hosts import memory
from meetings.models import Origin, ScheduledMeeting, Write
from organizations.models import Organization, User
from tests.meetings.world import TEN, Scope, World, hours


@pytest.fixture
def host(settings, world: World, northwind: Organization, dora: User) -> Iterator[memory.MemoryHostService]:
    settings.HOSTS = {"zoom": "meetings.hosts.memory.MemoryHost", "link": "meetings.hosts.link.Link"}
    memory.SERVICE.reset()
    memory.SERVICE.users |= {world.alice.email}
    wish = Wish("zoom", account_id="a", client_id="c", client_secret=memory.SECRET)
    host_settings.change_host(northwind, wish, by=dora)
    world.host = "zoom"
    yield memory.SERVICE
    memory.SERVICE.reset()


def held(host: memory.MemoryHostService) -> list[tuple[str, object]]:
    return [(one.meeting.topic, one.meeting.starts) for one in host.held.values()]


def test_the_link_is_in_the_row_in_the_event_and_in_its_description(world: World, host) -> None:
    scheduled = world.schedule(description="Bring tea.")
    world.work()

    scheduled.refresh_from_db()
    assert held(host) == [("Planning", TEN)]
    (event,) = world.person.book.events.items.values()
    assert scheduled.join_url.startswith("https://us02web.zoom.us/j/")
    assert event.location == scheduled.join_url
    assert event.body.startswith("Bring tea.")
    assert scheduled.join_url in event.body
    (row,) = world.shown
    assert [one.url for one in row.links][:1] == [scheduled.join_url]
    assert row.meeting_number == scheduled.meeting_number


def test_without_a_calendar_the_row_gets_the_link(world: World, host) -> None:
    world.schedule(in_calendar=False)
    assert [row.links for row in world.shown] == [()]
    world.work()

    (row,) = world.shown
    assert (row.origin, row.links[0].service) == (Origin.HERE, "zoom")


def test_a_lost_answer_makes_no_second_meeting_there(world: World, host) -> None:
    host.lost_answers = 1
    world.schedule()
    world.work()
    (write,) = Write.objects.all()
    assert (write.state, write.host_action) == (WriteState.WAITING, "create")
    assert world.there == []

    queueing.put_again(write)
    world.work()

    assert held(host) == [("Planning", TEN)]
    assert world.there == [("Planning", TEN)]


def test_what_the_host_has_done_is_not_asked_of_it_again_when_the_calendar_fails(world: World, host) -> None:
    world.service.fail(Unreachable(), at="create")
    world.schedule()
    world.work()
    (write,) = Write.objects.all()
    assert (write.state, write.host_action) == (WriteState.WAITING, "")

    queueing.put_again(write)
    world.work()
    assert host.requests.count("create") == 1
    assert world.there == [("Planning", TEN)]


def test_a_refusal_of_the_host_is_told_and_nothing_is_written_to_the_calendar(world: World, host) -> None:
    host.failures.append(Rejected("Zoom does not know alice@northwind.example."))
    world.schedule()
    world.work()

    (write,) = Write.objects.all()
    assert (write.state, write.error_sentence) == (WriteState.FAILED, "Zoom does not know alice@northwind.example.")
    assert world.there == []
    assert len(world.page) == 1


def test_a_change_reaches_the_host_and_the_event(world: World, host) -> None:
    world.schedule()
    world.work()
    world.edit(world.shown[0], topic="Renamed", starts=TEN + hours(1), minutes=30)
    world.work()

    assert held(host) == [("Renamed", TEN + hours(1))]
    assert world.there == [("Renamed", TEN + hours(1))]


def test_what_is_moved_in_the_calendar_is_moved_at_the_host(world: World, host) -> None:
    scheduled = world.schedule()
    world.work()
    event = world.person.book.get(scheduled.key.hex)
    draft = EventDraft(title="Moved", starts=TEN + hours(5), ends=TEN + hours(7), timezone="Europe/Berlin")
    world.person.book.update(event.ref, draft, fields=frozenset({"title", "time"}))
    world.sync()
    world.work()

    assert held(host) == [("Moved", TEN + hours(5))]


def test_what_was_deleted_at_the_host_is_made_anew_with_a_new_link_in_the_event(world: World, host) -> None:
    scheduled = world.schedule()
    world.work()
    scheduled.refresh_from_db()
    former = scheduled.join_url
    host.held.clear()

    world.edit(world.shown[0], topic="Renamed")
    world.work()

    scheduled.refresh_from_db()
    (event,) = world.person.book.events.items.values()
    assert scheduled.join_url != former
    assert scheduled.join_url in event.body
    assert former not in event.body
    assert event.location == scheduled.join_url
    assert event.title == "Renamed"


def test_a_deletion_ends_the_meeting_at_the_host_and_a_restored_one_has_a_new_link(world: World, host) -> None:
    scheduled = world.schedule()
    world.work()
    scheduled.refresh_from_db()
    former = scheduled.join_url
    world.delete(world.shown[0])
    world.work()
    assert held(host) == []

    scheduling.restore(scheduled, by=world.alice)
    world.work()

    scheduled.refresh_from_db()
    assert scheduled.join_url not in ("", former)
    assert held(host) == [("Planning", TEN)]
    (event,) = world.person.book.events.items.values()
    assert scheduled.join_url in event.body


def test_deleted_in_the_calendar_ends_the_meeting_at_the_host(world: World, host) -> None:
    scheduled = world.schedule()
    world.work()
    world.person.book.delete(scheduled.key.hex)
    world.sync()
    world.work()

    assert held(host) == []
    assert world.page == []


def test_the_following_of_a_series_get_a_meeting_of_their_own(world: World, host) -> None:
    world.schedule(recurrence=Recurrence(Repeats.DAILY, count=4))
    world.work()
    world.edit(world.shown[2], scope=Scope.FOLLOWING, topic="Changed")
    world.work()

    assert sorted(held(host)) == [("Changed", TEN + timedelta(days=2)), ("Planning", TEN)]
    assert [len(one.starts) for one in host.held.values()] == [2, 2]
    assert len({one.join_url for one in ScheduledMeeting.objects.all()}) == 2


def test_where_the_organization_has_another_host_by_now_the_meeting_is_made_without_it(
    world: World, host, northwind: Organization, dora: User
) -> None:
    world.schedule()
    host_settings.change_host(northwind, Wish(""), by=dora)
    world.work()

    assert held(host) == []
    assert world.there == [("Planning", TEN)]
    (write,) = Write.objects.all()
    assert write.state == WriteState.DONE


def test_deleted_before_it_was_made_it_is_not_at_the_host(world: World, host) -> None:
    world.schedule()
    world.edit(world.shown[0], topic="Renamed")
    world.delete(world.shown[0])
    world.work()

    assert (held(host), world.there) == ([], [])
    assert not Write.objects.open().exists()
    assert "create" not in host.requests


def test_made_at_the_host_though_the_answer_was_lost_it_goes_when_it_is_deleted(world: World, host) -> None:
    host.lost_answers = 1
    world.schedule()
    world.work()
    assert len(held(host)) == 1
    world.delete(world.shown[0])
    queueing.put_again(Write.objects.filter(state=WriteState.WAITING).earliest("pk"))
    world.work()

    assert (held(host), world.there) == ([], [])
    assert not Write.objects.open().exists()


def test_restored_before_its_deletion_went_out_it_is_at_the_host_once(world: World, host) -> None:
    scheduled = world.schedule()
    world.delete(world.shown[0])
    scheduling.restore(scheduled, by=world.alice)
    world.work()

    assert held(host) == world.there == [("Planning", TEN)]
    scheduled.refresh_from_db()
    assert scheduled.host_id in host.held


def test_a_deletion_given_up_after_its_link_has_ended_gets_another(world: World, host) -> None:
    scheduled = world.schedule()
    world.work()
    world.service.fail(Rejected(), at="delete")
    write = world.delete(world.shown[0])
    world.work()
    assert (held(host), world.page) == ([], [])
    assert write is not None
    write.refresh_from_db()

    scheduling.keep_theirs(write)
    world.work()

    scheduled.refresh_from_db()
    assert held(host) == world.page == [("Planning", TEN)]
    assert scheduled.host_id in host.held
    assert world.shown[0].links[0].url == scheduled.join_url
