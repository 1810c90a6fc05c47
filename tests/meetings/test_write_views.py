"""Two versions of one meeting, what failed, and what was deleted: each is the person's to settle, and only theirs."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.errors import Rejected
from integrations.models import Connection
from integrations.outgoing import WriteState
from meetings import scheduling
from meetings.models import Delegation, Meeting, Origin, ScheduledMeeting, Write
from organizations.models import AuditEvent, User
from tests.meetings.test_edit_views import url
from tests.meetings.test_schedule_views import text_of
from tests.meetings.world import TEN, World, hours

WRITES = reverse("meetings:writes")
DELETED = reverse("meetings:deleted")


@pytest.fixture
def meeting(world: World) -> Meeting:
    put(world, "Review", TEN)
    world.sync()
    return world.shown[0]


def put(world: World, title: str, starts: Any, **fields: Any) -> None:
    world.person.put_event(
        "e1", title=title, starts=starts, ends=starts + hours(1), timezone="Europe/Berlin", is_organizer=True, **fields
    )


@pytest.fixture
def conflict(world: World, meeting: Meeting) -> Write:
    """Alice changed topic and time; meanwhile somebody moved it, and wrote another topic, in the calendar."""
    world.edit(meeting, topic="Mine", starts=TEN + hours(1), minutes=60)
    put(world, "Theirs", TEN + hours(4))
    world.work()
    write = Write.objects.get()
    assert write.state == WriteState.CONFLICT
    return write


def page_of(write: Write) -> str:
    return reverse("meetings:write", args=[write.pk])


def choose(client: Any, write: Write, keep: str) -> Any:
    return client.post(reverse("meetings:write_choice", args=[write.pk]), {"keep": keep})


# Two versions


def test_the_meeting_leads_to_both_versions_side_by_side(conflict, meeting, world, alice_client):
    page = alice_client.get(url("detail", meeting))
    assert "Changed in Memory Calendar meanwhile." in text_of(page) and page_of(conflict) in page.content.decode()
    said = text_of(alice_client.get(page_of(conflict)))
    assert "Topic differs Theirs Mine" in said
    assert "14:00 – 15:00 Wednesday 25 November 2026, 11:00 – 12:00" in said
    assert "Description (empty) the same" in said


def test_keeping_theirs_writes_nothing_and_shows_what_is_there(conflict, meeting, world, alice_client):
    answer = choose(alice_client, conflict, "theirs")
    assert (answer.status_code, answer["Location"]) == (303, url("detail", meeting))
    world.work()
    world.sync()
    assert world.there == world.page == [("Theirs", TEN + hours(4))]
    assert "Changed in" not in text_of(alice_client.get(url("detail", meeting)))


def test_mine_is_written_over_what_was_shown(conflict, world, alice_client):
    assert choose(alice_client, conflict, "mine").status_code == 303
    world.work()
    assert world.there == world.page == [("Mine", TEN + hours(1))]


def test_mine_is_not_written_over_something_newer_still(conflict, world, alice_client):
    put(world, "Newer", TEN + hours(6))
    choose(alice_client, conflict, "mine")
    world.work()
    conflict.refresh_from_db()
    assert conflict.state == WriteState.CONFLICT
    assert "Newer" in text_of(alice_client.get(page_of(conflict)))
    assert world.there == [("Newer", TEN + hours(6))]


def test_a_choice_is_made_once(conflict, world, alice_client):
    choose(alice_client, conflict, "theirs")
    answer = choose(alice_client, conflict, "mine")
    assert "settled meanwhile" in text_of(alice_client.get(answer["Location"]))
    conflict.refresh_from_db()
    assert conflict.state == WriteState.DROPPED
    assert alice_client.get(page_of(conflict)).status_code == 303


def test_no_choice_is_no_choice(conflict, alice_client):
    answer = choose(alice_client, conflict, "")
    assert answer["Location"] == page_of(conflict)
    conflict.refresh_from_db()
    assert conflict.state == WriteState.CONFLICT


# Whose it is


@pytest.mark.parametrize("who", ["charlie_client", "bob_client", "dora_client"])
def test_nobody_else_finds_it(conflict, request, who):
    client = request.getfixturevalue(who)
    assert client.get(page_of(conflict)).status_code == 404
    assert choose(client, conflict, "mine").status_code == 404
    assert client.post(reverse("meetings:write_retry", args=[conflict.pk])).status_code == 404
    assert "Mine" not in client.get(WRITES).content.decode()
    conflict.refresh_from_db()
    assert conflict.state == WriteState.CONFLICT


def test_views_that_change_something_answer_405_to_get(conflict, alice_client):
    for name in ("write_retry", "write_choice"):
        assert alice_client.get(reverse(f"meetings:{name}", args=[conflict.pk])).status_code == 405
    assert alice_client.get(reverse("meetings:restoration_create", args=[1])).status_code == 405


def test_a_delegate_chooses_for_the_owner(conflict, world, alice, bob, bob_client):
    Delegation.objects.create(owner=alice, delegate=bob)
    assert "1 change could not be saved" in text_of(bob_client.get(reverse("meetings:list")))
    assert "for Alice Meyer" in text_of(bob_client.get(page_of(conflict)))
    assert choose(bob_client, conflict, "theirs").status_code == 303


@pytest.mark.parametrize("where", ["seen", "wanted", "there", "row"])
def test_what_is_private_in_any_version_is_not_there_for_who_may_not_see_it(
    conflict, alice, bob, bob_client, where
):  # fmt: skip
    delegation = Delegation.objects.create(owner=alice, delegate=bob)
    name = {"seen": "base_json", "wanted": "draft_json", "there": "theirs_json"}.get(where)
    if name:
        setattr(conflict, name, {**getattr(conflict, name), "is_private": True})
        conflict.save()
    else:
        Meeting.objects.update(is_private=True)
    assert bob_client.get(page_of(conflict)).status_code == 404
    assert choose(bob_client, conflict, "theirs").status_code == 404
    assert "could not be saved" not in text_of(bob_client.get(reverse("meetings:list")))
    assert "Mine" not in bob_client.get(WRITES).content.decode()
    delegation.may_manage_private = True
    delegation.save()
    assert bob_client.get(page_of(conflict)).status_code == 200


# What failed


def test_several_that_failed_stand_in_a_list_each_with_its_reason(world, alice_client):
    world.service.fail(Rejected("Memory does not take this meeting."), at="create", times=2)
    world.schedule("One")
    world.schedule("Two")
    world.work()
    page = alice_client.get(reverse("meetings:list"))
    assert "2 changes could not be saved." in text_of(page) and WRITES in page.content.decode()
    said = text_of(alice_client.get(WRITES))
    assert "One" in said and "Two" in said and said.count("Memory does not take this meeting.") == 2
    for write in Write.objects.all():
        alice_client.post(reverse("meetings:write_retry", args=[write.pk]))
    world.work()
    assert "Everything is saved" in text_of(alice_client.get(WRITES))
    assert len(world.there) == 2


def test_a_change_that_failed_can_be_given_up(meeting, world, alice_client):
    world.service.fail(Rejected("Memory does not take this topic."), at="update")
    world.edit(meeting, topic="Bad")
    world.work()
    write = Write.objects.get()
    assert "Memory does not take this topic." in text_of(alice_client.get(page_of(write)))
    assert choose(alice_client, write, "theirs").status_code == 303
    assert "could not be saved" not in text_of(alice_client.get(url("detail", meeting)))


def test_a_meeting_that_could_not_be_made_is_not_given_up_by_a_choice(world, alice_client):
    world.service.fail(Rejected("Memory does not take this meeting."), at="create")
    world.schedule()
    world.work()
    write = Write.objects.get()
    assert "Give the change up" not in text_of(alice_client.get(page_of(write)))
    choose(alice_client, write, "theirs")
    write.refresh_from_db()
    assert write.state == WriteState.FAILED


def test_the_pages_cost_the_same_however_much_failed(world, alice, sign_in, django_assert_max_num_queries):
    world.service.fail(Rejected("No."), at="create", times=9)
    for number in range(9):
        world.schedule(f"Number {number}", TEN + hours(number))
    world.work()
    client = sign_in(User.objects.get(pk=alice.pk))
    client.get(WRITES)
    with django_assert_max_num_queries(13):
        assert text_of(client.get(WRITES)).count("Number") == 9


# What was deleted


def delete(world: World, **fields: Any) -> ScheduledMeeting:
    scheduled = world.schedule(**fields)
    world.work()
    world.delete(world.shown[0])
    world.work()
    scheduled.refresh_from_db()
    return scheduled


def restore(client: Any, scheduled: ScheduledMeeting) -> Any:
    return client.post(reverse("meetings:restoration_create", args=[scheduled.pk]))


def test_what_was_deleted_is_listed_and_comes_back_into_the_calendar(world, alice_client):
    scheduled = delete(world)
    assert world.there == []
    said = text_of(alice_client.get(DELETED))
    assert (
        "Planning" in said and "Wednesday 25 November 2026, 10:00 – 11:00" in said and "goes for good in 7 days" in said
    )
    answer = restore(alice_client, scheduled)
    (row,) = world.shown
    assert (answer.status_code, answer["Location"]) == (303, url("detail", row))
    world.work()
    assert world.there == world.page == [("Planning", TEN)]
    assert "Nothing was deleted" in text_of(alice_client.get(DELETED))


def test_what_was_deleted_in_the_calendar_says_so(world, alice_client):
    scheduled = world.schedule()
    world.work()
    world.person.book.delete(scheduled.remote_id or scheduled.key.hex)
    world.sync()
    assert "in the calendar" in text_of(alice_client.get(DELETED))


def test_a_removal_that_failed_is_said_and_tried_again(world, alice_client):
    world.schedule()
    world.work()
    world.service.fail(Rejected("Memory does not let go of it."), at="delete")
    world.delete(world.shown[0])
    world.work()
    said = text_of(alice_client.get(DELETED))
    assert "could not be removed from Memory Calendar. Memory does not let go of it." in said
    write = Write.objects.open().get()
    answer = alice_client.post(reverse("meetings:write_retry", args=[write.pk]))
    assert answer["Location"] == DELETED
    world.work()
    assert world.there == []
    assert "could not be removed" not in text_of(alice_client.get(DELETED))


def test_after_seven_days_it_is_gone_for_good(world, alice_client):
    scheduled = delete(world)
    ScheduledMeeting.objects.update(deleted_at=timezone.now() - timedelta(days=7, minutes=1))
    assert "Planning" not in text_of(alice_client.get(DELETED))
    assert restore(alice_client, scheduled).status_code == 404


def test_nobody_else_restores_it_but_a_delegate(world, alice, bob, bob_client, charlie_client):
    scheduled = delete(world)
    for client in (bob_client, charlie_client):
        assert restore(client, scheduled).status_code == 404
        assert "Planning" not in text_of(client.get(DELETED))
    Delegation.objects.create(owner=alice, delegate=bob)
    assert "of Alice Meyer" in text_of(bob_client.get(DELETED))
    assert restore(bob_client, scheduled).status_code == 303
    assert AuditEvent.objects.get(action="meeting.restored_for").actor == bob


def test_a_private_one_is_not_there_for_a_delegate_without_that_right(world, alice, bob, bob_client):
    delegation = Delegation.objects.create(owner=alice, delegate=bob)
    scheduled = delete(world, topic="Secret", is_private=True)
    assert "Secret" not in bob_client.get(DELETED).content.decode()
    assert restore(bob_client, scheduled).status_code == 404
    delegation.may_manage_private = True
    delegation.save()
    assert "Secret" in bob_client.get(DELETED).content.decode()
    assert restore(bob_client, scheduled).status_code == 303


def test_restoring_twice_makes_one_meeting(world, alice_client):
    scheduled = delete(world)
    restore(alice_client, scheduled)
    assert restore(alice_client, scheduled).status_code == 404
    assert scheduling.restore(scheduled, by=world.alice) is None
    world.work()
    assert len(world.there) == 1


def test_without_calendar_write_it_comes_back_here_alone(world, alice_client):
    scheduled = delete(world)
    Connection.objects.update(calendar_write=False)
    restore(alice_client, scheduled)
    assert [row.origin for row in world.shown] == [Origin.HERE]
