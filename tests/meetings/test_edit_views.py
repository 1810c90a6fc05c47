"""Changing and deleting by the page: only what is other goes out, and nothing is overwritten unseen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.errors import Rejected, Unreachable
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, Response
from meetings.models import Delegation, Meeting, MeetingHost, Origin, ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction
from organizations.models import AuditEvent
from tests.meetings.test_schedule_views import text_of
from tests.meetings.world import BERLIN, TEN, World, berlin, hours
from tests.policies import set_policy

DAILY = Recurrence(Repeats.DAILY, count=4)
BEN = Attendee("ben@else.example", "Ben")


def url(name: str, meeting: Meeting) -> str:
    return reverse(f"meetings:{name}", args=[meeting.pk])


def form_of(client: Client, meeting: Meeting, **fields: Any) -> dict[str, Any]:
    """What a browser would send back of the edit page, with these fields filled in otherwise."""
    page = client.get(url("edit", meeting))
    assert page.status_code == 200, page.status_code
    form = page.context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    data |= {"seen": form.mark}
    if "date" in form.fields:
        data |= {"date": form["date"].value().isoformat(), "time": f"{form['time'].value():%H:%M}"}
    return data | fields


def edit(client: Client, meeting: Meeting, **fields: Any) -> Any:
    return client.post(url("edit", meeting), form_of(client, meeting, **fields))


@pytest.fixture
def there(world: World) -> Meeting:
    """An event of Alice's own calendar, scheduled there."""
    world.person.put_event(
        "e1", title="Review", starts=TEN, ends=TEN + hours(1), timezone="Europe/Berlin", is_organizer=True,
        attendees=(BEN,),
    )  # fmt: skip
    world.sync()
    return Meeting.objects.get(title="Review")


@pytest.fixture
def ours(world: World) -> Meeting:
    """A meeting scheduled here that stands in the calendar."""
    world.schedule("Planning", invitees=(BEN,), description="Bring tea.")
    world.work()
    return Meeting.objects.get(title="Planning")


@pytest.fixture
def series(world: World) -> list[Meeting]:
    world.schedule("Daily", recurrence=DAILY)
    world.work()
    return world.shown


# Who may


def test_the_page_of_a_meeting_offers_to_edit_and_to_delete_it(ours, there, alice_client):
    said = alice_client.get(url("detail", ours)).content.decode()
    assert url("edit", ours) in said and url("deletion", ours) in said
    said = alice_client.get(url("detail", there))
    assert url("edit", there) in said.content.decode() and url("deletion", there) not in said.content.decode()
    assert "It was not scheduled here: delete it in Memory Calendar." in text_of(said)


@pytest.mark.parametrize("name", ["edit", "deletion", "progress"])
def test_a_stranger_and_a_colleague_find_no_such_page(ours, name, charlie_client, bob_client):
    for client in (charlie_client, bob_client):
        assert client.get(url(name, ours)).status_code == 404
        assert client.post(url(name, ours), {"topic": "x"}).status_code in (404, 405)
    ours.refresh_from_db()
    assert ours.title == "Planning"


def test_only_the_organizer_changes_a_meeting(world, alice_client):
    world.person.put_event("e1", title="Theirs", starts=TEN, ends=TEN + hours(1), organizer_name="Zoe Zimmer")
    world.sync()
    (meeting,) = world.shown
    said = text_of(alice_client.get(url("detail", meeting)))
    assert "Only the organizer, Zoe Zimmer, can change this meeting." in said
    answer = alice_client.post(url("edit", meeting), {"topic": "Mine"})
    assert (answer.status_code, answer["Location"]) == (303, url("detail", meeting))
    assert not Write.objects.exists()


def test_without_calendar_write_the_page_says_so_and_leads_to_the_permissions(ours, alice_client):
    Connection.objects.update(calendar_write=False)
    page = alice_client.get(url("detail", ours))
    assert text_of(page).count("Calendar write is not part of your connection.") == 1
    assert reverse("integrations:connection_edit") in page.content.decode()
    for name in ("edit", "deletion"):
        assert alice_client.post(url(name, ours), {"topic": "x"}).status_code == 303
    assert not Write.objects.open().exists()


def test_a_meeting_made_at_the_host_is_changed_there(settings, world, alice, alice_client):
    MeetingHost.objects.create(organization=alice.organization, kind="zoom", credentials={})
    meeting = Meeting.objects.create(
        owner=alice, origin=Origin.HOST, remote_id="1", title="At Zoom", starts=TEN, ends=TEN + hours(1)
    )
    assert "This meeting was made in Zoom. Change it in Zoom." in text_of(alice_client.get(url("detail", meeting)))
    assert alice_client.get(url("edit", meeting)).status_code == 303


# What goes out


def test_only_what_is_other_is_written(there, world, alice_client):
    answer = edit(alice_client, there, topic="Review of all")
    assert (answer.status_code, answer["Location"]) == (303, url("detail", there))
    (write,) = Write.objects.all()
    assert write.fields_json == ["title"]
    assert "Saving to Memory Calendar" in text_of(alice_client.get(answer["Location"]))
    world.work()
    assert world.page == [("Review of all", TEN)]
    assert world.person.events.items["e1"].attendees == (BEN,)


def test_nothing_changed_writes_nothing(there, alice_client):
    assert edit(alice_client, there).status_code == 303
    assert not Write.objects.exists()


def test_line_ends_of_a_browser_change_nothing(world, alice_client):
    world.person.put_event(
        "e1", title="Review", starts=TEN, ends=TEN + hours(1), is_organizer=True, body="One\ntwo\n\nthree"
    )
    world.sync()
    (meeting,) = world.shown
    assert edit(alice_client, meeting, description="One\r\ntwo\r\n\r\nthree").status_code == 303
    assert not Write.objects.exists()


def test_the_time_is_typed_in_the_meetings_own_zone(world, alice_client):
    world.person.put_event(
        "e1", title="Review", starts=TEN, ends=TEN + hours(1), timezone="America/New_York", is_organizer=True
    )
    world.sync()
    (meeting,) = world.shown
    assert form_of(alice_client, meeting)["time"] == "04:00"
    edit(alice_client, meeting, time="05:00", minutes="30")
    world.work()
    assert world.there == [("Review", TEN + hours(1))]
    assert world.shown[0].ends == TEN + hours(2.5)


def test_who_is_optional_stays_so_and_the_rest_is_exchanged(world, alice_client):
    carla = Attendee("carla@else.example", "Carla", Response.ACCEPTED, is_optional=True)
    world.person.put_event("e1", title="R", starts=TEN, ends=TEN + hours(1), is_organizer=True, attendees=(BEN, carla))
    world.sync()
    (meeting,) = world.shown
    edit(alice_client, meeting, invitees="carla@else.example\nDan <dan@else.example>")
    draft = Write.objects.get().draft_json
    assert [(one["email"], one["is_optional"]) for one in draft["attendees"]] == [
        ("carla@else.example", True),
        ("dan@else.example", False),
    ]


def test_a_room_stays_booked_when_other_people_are_invited(world, alice_client):
    room = Attendee("room@northwind.example", "Room 4", Response.ACCEPTED, is_resource=True)
    world.person.put_event("e1", title="R", starts=TEN, ends=TEN + hours(1), is_organizer=True, attendees=(BEN, room))
    world.sync()
    (meeting,) = world.shown
    assert "room@" not in form_of(alice_client, meeting)["invitees"]
    edit(alice_client, meeting, invitees="carla@else.example")
    world.work()
    found = world.person.events.items["e1"].attendees
    assert [(one.email, one.is_resource) for one in found] == [
        ("carla@else.example", False),
        ("room@northwind.example", True),
    ]


def test_what_portico_adds_to_a_description_is_neither_shown_nor_lost(settings, world, alice, alice_client):
    scheduled = world.schedule("Planning", description="Bring tea.")
    ScheduledMeeting.objects.update(join_url="https://meet.example.org/room")
    world.work()
    (meeting,) = world.shown
    assert "https://meet.example.org/room" in meeting.body_text
    assert form_of(alice_client, meeting)["description"] == "Bring tea."
    edit(alice_client, meeting, description="Bring cake.")
    world.work()
    body = world.person.events.items[scheduled.key.hex].body
    assert body.startswith("Bring cake.") and "https://meet.example.org/room" in body and "tea" not in body


def test_an_all_day_event_keeps_its_days(world, alice_client):
    day = TEN.date()
    world.person.put_event("e1", title="Fair", starts_on=day, ends_on=day + timedelta(days=1), is_organizer=True)
    world.sync()
    (meeting,) = world.shown
    said = text_of(alice_client.get(url("edit", meeting)))
    assert "This takes whole days. Change its days in Memory Calendar." in said
    assert edit(alice_client, meeting, topic="Trade fair", date="2027-01-01", time="10:00").status_code == 303
    assert Write.objects.get().fields_json == ["title"]


def test_what_is_held_in_part_only_is_not_offered(there, alice_client):
    Meeting.objects.update(attendee_count=900, attendees_omitted=True, body_shortened=True)
    page = text_of(alice_client.get(url("edit", there)))
    assert "More people are invited than are read here." in page and "too long to be changed here" in page
    edit(alice_client, there, topic="Other", invitees="", description="")
    assert Write.objects.get().fields_json == ["title"]


def test_a_long_topic_from_elsewhere_can_stay(world, alice_client):
    world.person.put_event("e1", title="t" * 300, starts=TEN, ends=TEN + hours(1), is_organizer=True)
    world.sync()
    (meeting,) = world.shown
    assert edit(alice_client, meeting, description="New.").status_code == 303
    answer = edit(alice_client, meeting, topic="u" * 301)
    assert answer.status_code == 422 and "301 characters" in text_of(answer)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"topic": ""}, "Give the meeting a topic."),
        ({"hours": "0", "minutes": "0"}, "at least one minute"),
        ({"hours": "-2"}, "cannot end before it starts"),
        ({"invitees": "nobody"}, "“nobody” is not an e-mail address."),
        ({"date": "2027-03-28", "time": "02:30"}, "There is no 02:30 on 28 March 2027 in Berlin time"),
        ({"date": "2027-10-31", "time": "02:30"}, "02:30 comes twice"),
        ({"date": "2026-11-01"}, "more than a day ago"),
    ],
)
def test_what_is_wrong_is_said_and_kept(there, alice_client, fields, said):
    answer = edit(alice_client, there, description="Kept.", **fields)
    assert answer.status_code == 422
    assert said in text_of(answer) and "Kept." in text_of(answer)
    assert not Write.objects.exists()


def test_the_second_of_two_times_can_be_meant_and_stays_meant(there, world, alice_client):
    edit(alice_client, there, date="2027-10-31", time="02:30", fold="1")
    world.work()
    assert world.shown[0].starts == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    (meeting,) = world.shown
    edit(alice_client, meeting, minutes="15")
    world.work()
    assert (world.shown[0].starts, world.shown[0].ends) == (
        datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 2, 45, tzinfo=UTC),
    )


def test_a_meeting_that_has_begun_long_ago_can_still_become_longer(there, world, alice_client):
    Meeting.objects.update(starts=TEN - timedelta(days=9), ends=TEN - timedelta(days=9) + hours(1))
    assert edit(alice_client, there, hours="2").status_code == 303


# Which rule about times holds


def test_the_page_says_what_becomes_of_the_event_and_who_decided_so(ours, world, alice_client, northwind):
    page = text_of(alice_client.get(url("edit", ours)))
    assert "the event in Memory Calendar moves" in page and "decided by" not in page
    set_policy(northwind, {"time_change": "separate_event"})
    page = text_of(alice_client.get(url("edit", ours)))
    assert "the old event stays in Memory Calendar, and a second one is made" in page
    assert "So it was decided by your organization." in page

    answer = edit(alice_client, ours, time="15:00")
    world.work()
    assert world.there == [("Planning", TEN), ("Planning", TEN + hours(5))]
    second = next(row for row in world.shown if row.starts == TEN + hours(5))
    assert answer["Location"] == url("detail", second)


def test_with_separate_events_what_follows_is_not_moved(series, alice_client, northwind):
    set_policy(northwind, {"time_change": "separate_event"})
    answer = edit(alice_client, series[1], time="15:00", scope="following")
    assert answer.status_code == 422
    assert "move one meeting at a time" in text_of(answer)
    assert edit(alice_client, series[1], time="15:00", scope="this").status_code == 303


# Series


def test_this_meeting_of_a_series_is_changed_alone(series, world, alice_client):
    assert edit(alice_client, series[1], topic="Special", scope="this").status_code == 303
    world.work()
    assert [title for title, _ in world.page] == ["Daily", "Special", "Daily", "Daily"]


def test_this_and_all_that_follow_become_a_series_of_their_own(series, world, alice_client):
    answer = edit(alice_client, series[2], time="12:00", scope="following")
    assert alice_client.get(answer["Location"]).status_code == 200
    world.work()
    assert [starts.astimezone(BERLIN).hour for _, starts in world.page] == [10, 10, 12, 12]


def test_the_whole_series_moves_on_the_wall_over_daylight_saving(world, alice_client):
    first = berlin(27, 10, month=3, year=2027)
    world.schedule("Daily", first, recurrence=DAILY)
    world.work()
    answer = edit(alice_client, world.shown[0], time="11:00", scope="all")
    assert answer["Location"] == url("detail", world.shown[0])
    world.work()
    assert [starts.astimezone(BERLIN).hour for _, starts in world.page] == [11] * 4
    assert [starts.astimezone(UTC).hour for _, starts in world.page] == [10, 9, 9, 9]


def test_a_series_has_to_be_told_how_much_is_meant(series, alice_client):
    answer = edit(alice_client, series[1], topic="Other", scope="most of it")
    assert answer.status_code == 422
    assert "Say how much of the series you mean." in text_of(answer)


def test_a_series_that_is_here_alone_is_changed_at_once(world, alice_client):
    world.schedule("Daily", recurrence=DAILY, in_calendar=False)
    rows = world.shown
    edit(alice_client, rows[1], topic="Special", invitees="ben@else.example", scope="this")
    (row,) = [one for one in world.shown if one.title == "Special"]
    assert [one.email for one in row.attendees] == ["alice@northwind.example", "ben@else.example"]
    answer = edit(alice_client, rows[2], time="12:00", scope="following")
    assert "The meeting is changed." in text_of(alice_client.get(answer["Location"]))
    assert [one.starts.astimezone(BERLIN).hour for one in world.shown] == [10, 10, 12, 12]


# Changed meanwhile


def test_what_changed_while_the_form_was_open_is_shown_before_anything_is_written_over(there, world, alice_client):
    data = form_of(alice_client, there, description="Mine.")
    world.person.put_event("e1", title="Review, moved", starts=TEN + hours(2), ends=TEN + hours(3), is_organizer=True)
    world.sync()
    answer = alice_client.post(url("edit", there), data)
    assert answer.status_code == 422
    said = text_of(answer)
    assert "changed while you were at it" in said and "Review, moved" in said and "Mine." in said
    assert not Write.objects.exists()

    again = data | {"seen": answer.context["form"].mark}
    assert alice_client.post(url("edit", there), again).status_code == 303
    assert set(Write.objects.get().fields_json) >= {"title", "body", "time"}


def test_an_answer_of_somebody_invited_is_no_change_in_between(there, world, alice_client):
    data = form_of(alice_client, there, description="Mine.")
    accepted = Attendee(BEN.email, BEN.name, Response.ACCEPTED)
    world.person.put_event(
        "e1", title="Review", starts=TEN, ends=TEN + hours(1), timezone="Europe/Berlin", is_organizer=True,
        attendees=(accepted,),
    )  # fmt: skip
    world.sync()
    assert alice_client.post(url("edit", there), data).status_code == 303


# For somebody else


def test_a_delegate_edits_for_the_owner_and_it_is_written_down(ours, world, alice, bob, bob_client):
    Delegation.objects.create(owner=alice, delegate=bob)
    assert "for Alice Meyer" in text_of(bob_client.get(url("edit", ours)))
    assert edit(bob_client, ours, topic="By Bob").status_code == 303
    world.work()
    assert world.there == [("By Bob", TEN)]
    assert AuditEvent.objects.get(action="meeting.changed_for").actor == bob


def test_a_private_meeting_does_not_exist_for_a_delegate_without_that_right(world, alice, bob, bob_client):
    delegation = Delegation.objects.create(owner=alice, delegate=bob)
    world.schedule("Secret", is_private=True)
    world.work()
    (meeting,) = world.shown
    for name in ("edit", "deletion", "progress"):
        assert bob_client.get(url(name, meeting)).status_code == 404
    page = bob_client.get(url("detail", meeting)).content.decode()
    assert url("edit", meeting) not in page and "Secret" not in page
    delegation.may_manage_private = True
    delegation.save()
    assert edit(bob_client, meeting, topic="Known").status_code == 303


# Deleting


def test_deleting_says_what_goes_then_it_goes_and_can_be_undone(ours, world, alice_client):
    page = text_of(alice_client.get(url("deletion", ours)))
    assert "its event in Memory Calendar; those who are invited are told" in page and "7 days" in page
    assert len(world.shown) == 1
    answer = alice_client.post(url("deletion", ours))
    assert (answer.status_code, answer["Location"]) == (303, reverse("meetings:list"))
    assert world.shown == []
    scheduled = ScheduledMeeting.objects.get()
    page = alice_client.get(answer["Location"])
    assert f"{reverse('meetings:deleted')}#deleted-{scheduled.pk}" in page.content.decode()
    world.work()
    assert world.there == []


def test_one_of_a_series_can_be_deleted_alone_or_with_what_follows(series, world, alice_client):
    assert alice_client.post(url("deletion", series[1])).status_code == 422
    alice_client.post(url("deletion", series[1]), {"scope": "this"})
    world.work()
    assert [row.pk for row in world.shown] == [series[0].pk, series[2].pk, series[3].pk]
    alice_client.post(url("deletion", series[2]), {"scope": "following"})
    world.work()
    assert [row.pk for row in world.shown] == [series[0].pk]
    assert not ScheduledMeeting.objects.restorable(datetime(2026, 11, 24, tzinfo=UTC)).exists()


def test_what_was_made_elsewhere_is_not_deleted_here(there, alice_client):
    assert alice_client.post(url("deletion", there)).status_code == 303
    assert not Write.objects.exists()


# How far it has come


def test_the_page_asks_again_while_something_is_under_way_and_is_shown_anew_when_it_is_done(world, alice_client):
    world.schedule()
    (meeting,) = world.shown
    write = Write.objects.get()
    page = alice_client.get(url("detail", meeting)).content.decode()
    asked = f"{url('progress', meeting)}?write={write.pk}"
    assert f'hx-get="{asked}"' in page and "every 1s" in page
    headers = {"HX-Request": "true"}
    answer = alice_client.get(asked, headers=headers)
    assert answer.status_code == 200 and "Saving to" in text_of(answer)
    world.work()
    answer = alice_client.get(asked, headers=headers)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    page = alice_client.get(url("detail", meeting))
    assert "Saved to Memory Calendar." in text_of(page)
    assert 'hx-trigger="every 1s"' not in page.content.decode()


def test_a_page_of_what_is_gone_is_led_away(ours, alice_client):
    where = url("progress", ours)
    ours.delete()
    answer = alice_client.get(where, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (404, reverse("meetings:list"))


def test_what_is_out_of_reach_is_tried_again_later_or_at_once(world, alice_client):
    world.service.fail(Unreachable("Memory cannot be reached just now."), at="create")
    world.schedule()
    world.work()
    (meeting,) = world.shown
    page = text_of(alice_client.get(url("detail", meeting)))
    assert "Waiting. Memory cannot be reached just now. Next try at 09:55." in page and "Try now" in page
    answer = alice_client.post(reverse("meetings:write_retry", args=[Write.objects.get().pk]))
    assert (answer.status_code, answer["Location"]) == (303, url("detail", meeting))
    world.work()
    assert world.there == [("Planning", TEN)]


def test_what_was_refused_waits_for_the_person(world, alice_client):
    world.service.fail(Rejected("Memory does not take this meeting."), at="create")
    world.schedule()
    world.work()
    (meeting,) = world.shown
    page = text_of(alice_client.get(url("detail", meeting)))
    assert "This meeting could not be put into Memory Calendar. Memory does not take this meeting." in page
    assert "1 change could not be saved." in text_of(alice_client.get(reverse("meetings:list")))
    write = Write.objects.get()
    assert (write.action, write.state) == (WriteAction.CREATE, WriteState.FAILED)
    alice_client.post(reverse("meetings:write_retry", args=[write.pk]))
    world.work()
    assert world.there == [("Planning", TEN)]
    assert "could not be saved" not in text_of(alice_client.get(reverse("meetings:list")))
