"""Scheduling by the page: what a person types becomes a meeting, or is refused with a sentence and kept."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, Status
from meetings.models import AccountCalendar, Delegation, Meeting, MeetingHost, Origin, ScheduledMeeting, Write
from meetings.when_forms import NO_END
from organizations.models import AuditEvent, User
from tests.meetings.world import TEN, World, berlin, hours
from tests.policies import set_policy

NEW = reverse("meetings:new")
PREVIEW = reverse("meetings:preview")
PEOPLE = reverse("meetings:people")


def text_of(response: Any) -> str:
    html = re.sub(r"<(script|style|svg|datalist)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def typed(**fields: Any) -> dict[str, Any]:
    """A whole form: Wednesday, 25 November 2026, 10:00 in Berlin, for an hour, in one's own calendar."""
    return {
        "topic": "Planning", "date": "2026-11-25", "time": "10:00", "hours": "1", "minutes": "0",
        "time_zone": "Europe/Berlin", "repeats": "never", "calendar": "own", "invitees": "", "description": "",
    } | fields  # fmt: skip


@pytest.fixture
def hosted(settings: Any, world: World) -> World:
    """Alice's organization has a meeting host."""
    settings.HOSTS = {"zoom": "meetings.hosts.memory.MemoryHost", "link": "meetings.hosts.link.Link"}
    MeetingHost.objects.create(organization=world.alice.organization, kind="zoom", credentials={})
    return world


@pytest.fixture
def bobs(world: World, alice: User, bob: User, bob_client: Client) -> Client:
    """Bob's browser; he schedules for Alice, without the right to what is private."""
    Delegation.objects.create(owner=alice, delegate=bob)
    return bob_client


# What is made


def test_the_button_stands_on_the_meetings_page(world, alice_client):
    assert f'href="{NEW}"' in alice_client.get(reverse("meetings:list")).content.decode()


def test_the_form_begins_with_the_next_half_hour_and_the_persons_zone_and_calendar(world, alice_client):
    page = alice_client.get(NEW)
    form = page.context["form"]
    assert (form["time"].value().isoformat(), form["date"].value().isoformat()) == ("10:00:00", "2026-11-23")
    assert (form["time_zone"].value(), form["calendar"].value()) == ("Europe/Berlin", "own")
    assert "no join link" in text_of(page)


def test_what_is_typed_becomes_a_meeting_and_leads_to_its_page(world, alice_client):
    answer = alice_client.post(NEW, typed(invitees="Ben <ben@else.example>", description="Bring tea."))

    (scheduled,) = ScheduledMeeting.objects.all()
    (row,) = world.shown
    assert (answer.status_code, answer["Location"]) == (303, reverse("meetings:detail", args=[row.pk]))
    assert (scheduled.topic, scheduled.starts, scheduled.minutes) == ("Planning", TEN, 60)
    assert [(one.name, one.email) for one in scheduled.invitees] == [("Ben", "ben@else.example")]
    assert scheduled.wants_calendar and scheduled.container == ""
    assert "Saving to Memory Calendar" in text_of(alice_client.get(answer["Location"]))
    world.work()
    assert world.there == [("Planning", TEN)]
    assert "Saving" not in text_of(alice_client.get(answer["Location"]))


def test_no_calendar_is_a_choice(world, alice_client):
    alice_client.post(NEW, typed(calendar="none"))
    assert [row.origin for row in world.shown] == [Origin.HERE]
    assert not Write.objects.exists()


def test_another_of_the_calendars_that_may_be_written_to_can_be_chosen(world, alice_client):
    team = AccountCalendar.objects.create(connection=world.connection, remote_id="team", name="Team", is_shown=True)
    read_only = AccountCalendar.objects.create(
        connection=world.connection, remote_id="holidays", name="Holidays", is_shown=True, is_writable=False
    )
    page = alice_client.get(NEW).content.decode()
    assert "Team" in page and "Holidays" not in page
    assert alice_client.post(NEW, typed(calendar=str(read_only.pk))).status_code == 422
    assert alice_client.post(NEW, typed(calendar=str(team.pk))).status_code == 303
    assert ScheduledMeeting.objects.get().container == "team"


@pytest.mark.parametrize(
    ("fields", "count", "last"),
    [
        ({"repeats": "daily", "every": "2", "ends": "count", "count": "3"}, 3, berlin(29, 10)),
        ({"repeats": "weekly", "weekdays": ["2"], "every": "1", "ends": "until", "until": "2026-12-09"}, 3,
         berlin(9, 10, month=12)),
        ({"repeats": "weekly", "every": "1", "ends": "count", "count": "2"}, 2, berlin(2, 10, month=12)),
        ({"repeats": "monthly", "month_by": "day", "every": "1", "ends": "count", "count": "2"}, 2,
         berlin(25, 10, month=12)),
        ({"repeats": "monthly", "month_by": "last_weekday", "every": "1", "ends": "count", "count": "2"}, 2,
         berlin(30, 10, month=12)),
        ({"repeats": "monthly", "month_by": "weekday", "every": "1", "ends": "count", "count": "2"}, 2,
         berlin(23, 10, month=12)),
    ],
)  # fmt: skip
def test_a_series_is_scheduled_as_it_is_typed(world, alice_client, fields, count, last):
    assert alice_client.post(NEW, typed(**fields)).status_code == 303
    rows = world.shown
    assert (len(rows), rows[-1].starts) == (count, last)


# The meeting host


def test_a_webinar_a_passcode_and_a_waiting_room_are_asked_for_where_the_host_has_them(hosted, alice_client):
    page = text_of(alice_client.get(NEW))
    assert "Webinar" in page and "Passcode" in page and "no join link" not in page
    answer = alice_client.post(NEW, typed(kind="webinar", passcode="tea-4_2", waiting_room="on"))
    assert answer.status_code == 303
    made = ScheduledMeeting.objects.get()
    assert (made.kind, made.passcode, made.waiting_room, made.host) == ("webinar", "tea-4_2", True, "zoom")


def test_what_the_host_does_not_have_is_not_offered_nor_taken(hosted, alice_client):
    MeetingHost.objects.update(kind="link", link_template="https://meet.example.org/{room}")
    page = text_of(alice_client.get(NEW))
    assert "has no webinars" in page and "Passcode" not in page
    alice_client.post(NEW, typed(kind="webinar", passcode="tea-4_2", waiting_room="on"))
    made = ScheduledMeeting.objects.get()
    assert (made.kind, made.passcode, made.waiting_room, made.host) == ("meeting", "", False, "link")


def test_a_passcode_of_other_letters_is_refused_and_kept(hosted, alice_client):
    answer = alice_client.post(NEW, typed(passcode="téa and milk"))
    assert answer.status_code == 422
    assert "up to 10 of these" in text_of(answer)
    assert 'value="téa and milk"' in answer.content.decode()


# Without Calendar write


def test_without_calendar_write_the_page_says_why_and_where_to_change_it(world, alice_client):
    Connection.objects.update(calendar_write=False)
    page = alice_client.get(NEW)
    assert "Calendar write is not part of your connection." in text_of(page)
    assert f'href="{reverse("integrations:connection_edit")}"' in page.content.decode()
    assert alice_client.post(NEW, typed(calendar="own")).status_code == 422
    assert alice_client.post(NEW, typed(calendar="none")).status_code == 303


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda: Connection.objects.all().delete(), "Your calendar is not connected."),
        (lambda: Connection.objects.update(status=Status.RECONNECT_NEEDED), "you have to sign in at Memory again"),
    ],
)
def test_each_other_reason_is_said(world, alice_client, prepare, said):
    prepare()
    assert said in text_of(alice_client.get(NEW))
    assert alice_client.post(NEW, typed(calendar="none")).status_code == 303


def test_an_organization_that_switched_calendar_write_off_is_named(world, alice_client, northwind):
    set_policy(northwind, {"memory.calendar_write": "off"})
    assert "Calendar write was switched off by your organization." in text_of(alice_client.get(NEW))
    assert alice_client.post(NEW, typed(calendar="own")).status_code == 422


# What is refused


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"topic": " "}, "Give the meeting a topic."),
        ({"topic": "x" * 10_000}, "This topic has 10,000 characters, and at most 200 fit."),
        ({"description": "x" * 8_001}, "This description has 8,001 characters"),
        ({"date": "soon"}, "This is not a date."),
        ({"date": ""}, "Say on which day."),
        ({"time": "25:00"}, "This is not a time."),
        ({"hours": "0", "minutes": "0"}, "at least one minute"),
        ({"hours": "-1"}, "cannot end before it starts"),
        ({"hours": "25"}, "at most 24 hours"),
        ({"date": "2026-11-21"}, "more than a day ago"),
        ({"date": "0001-01-01"}, "more than a day ago"),
        ({"date": "9999-12-31"}, "too far ahead"),
        ({"date": "2027-11-25"}, "too far ahead: a meeting can begin until 23 November 2027. Without a calendar"),
        ({"time_zone": "Atlantis"}, "There is no time zone “Atlantis”."),
        ({"invitees": "ben@else.example, carla@, dan"}, "“carla@” is not an e-mail address. “dan” is not"),
        ({"invitee": "dan"}, "“dan” is not an e-mail address."),
        ({"repeats": "daily"}, NO_END),
        ({"repeats": "daily", "ends": "count", "count": ""}, NO_END),
        ({"repeats": "daily", "ends": "until", "until": ""}, NO_END),
        ({"repeats": "daily", "ends": "count", "count": "61"}, "A series has 2 to 60 meetings."),
        ({"repeats": "daily", "ends": "until", "until": "2027-06-01"}, "more than 60 meetings"),
        ({"repeats": "daily", "ends": "until", "until": "2026-11-25"}, "No second meeting falls before that day."),
        ({"repeats": "weekly", "weekdays": ["0", "4"], "ends": "count", "count": "3"},
         "The first meeting is on a Wednesday. Tick that as well, or choose a date that is a Monday or Friday."),
        ({"repeats": "monthly", "month_by": "last_day", "ends": "count", "count": "3"}, "not the last day"),
        ({"repeats": "monthly", "month_by": "day", "date": "2026-11-30", "ends": "count", "count": "3"},
         "Not every month has a 30th."),
        ({"repeats": "monthly", "month_by": "weekday", "date": "2026-11-30", "ends": "count", "count": "3"},
         "Not every month has a fifth Monday."),
        ({"repeats": "daily", "every": "0", "ends": "count", "count": "3"}, "Write 1 or more."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_everything_typed_is_kept(world, alice_client, fields, said):
    data = typed(description="Kept all the same.") | fields
    answer = alice_client.post(NEW, data)

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert answer["Content-Type"].startswith("text/html")
    html = unescape(answer.content.decode())
    assert data["topic"].strip() in html
    assert data["description"] in html
    assert data["invitees"] in html
    assert not ScheduledMeeting.objects.exists()


def test_what_does_not_concern_a_meeting_that_happens_once_stands_in_nobodys_way(world, alice_client):
    assert alice_client.post(NEW, typed(every="0", count="500", until="soon", weekdays=["9"])).status_code == 303
    assert ScheduledMeeting.objects.get().recurrence is None


def test_emoji_and_text_from_right_to_left_come_through(world, alice_client):
    topic = "🎉 \u200fפגישת צוות\u200f 👩‍👩‍👧"
    assert alice_client.post(NEW, typed(topic=topic)).status_code == 303
    assert ScheduledMeeting.objects.get().topic == topic
    world.work()
    assert world.there[0][0] == topic


def test_control_characters_are_left_out(world, alice_client):
    assert alice_client.post(NEW, typed(topic="Plan\x1bning\x07\n now", description="a\x00b\r\nc")).status_code == 303
    made = ScheduledMeeting.objects.get()
    assert (made.topic, made.description) == ("Planning now", "ab\nc")


def test_five_hundred_people_can_be_invited_and_not_one_more(world, alice_client):
    people = [f"p{number}@else.example" for number in range(501)]
    answer = alice_client.post(NEW, typed(invitees="\n".join(people)))
    assert answer.status_code == 422
    assert "These are 501 people, and at most 500 can be invited to one meeting." in text_of(answer)
    assert "p500@else.example" in answer.content.decode()
    assert alice_client.post(NEW, typed(invitees=";".join(people[:500]))).status_code == 303
    assert len(ScheduledMeeting.objects.get().invitees) == 500


def test_the_owner_is_not_invited_to_their_own_meeting(world, alice_client):
    alice_client.post(NEW, typed(invitees="ALICE@northwind.example, ben@else.example", invitee="carla@else.example"))
    found = [one.email for one in ScheduledMeeting.objects.get().invitees]
    assert found == ["ben@else.example", "carla@else.example"]


def test_who_schedules_without_end_is_asked_to_wait(world, alice_client, alice, monkeypatch):
    monkeypatch.setattr("meetings.schedule_forms.MOST_IN_AN_HOUR", 2)
    for _ in range(2):
        assert alice_client.post(NEW, typed()).status_code == 303
    answer = alice_client.post(NEW, typed())
    assert answer.status_code == 422
    assert "Wait a little" in text_of(answer)
    ScheduledMeeting.objects.update(created_at=datetime(2026, 11, 20, tzinfo=UTC))
    assert alice_client.post(NEW, typed()).status_code == 303


# Daylight saving


def test_a_time_that_clocks_leave_out_is_refused_with_the_nearest_there_are(world, alice_client):
    answer = alice_client.post(NEW, typed(date="2027-03-28", time="02:30"))
    assert answer.status_code == 422
    said = "There is no 02:30 on 28 March 2027 in Berlin time: clocks are set forward. The nearest times are 01:59 and"
    assert said in text_of(answer)
    assert alice_client.post(NEW, typed(date="2027-03-28", time="03:00")).status_code == 303
    assert ScheduledMeeting.objects.get().starts == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(("fold", "hour"), [("0", 0), ("1", 1)])
def test_a_time_that_comes_twice_is_asked_about(world, alice_client, fold, hour):
    data = typed(date="2027-10-31", time="02:30", time_zone="berlin")
    answer = alice_client.post(NEW, data)
    assert answer.status_code == 422
    said = text_of(answer)
    assert "02:30 comes twice" in said and "The first, 02:30 CEST" in said and "The second, 02:30 CET" in said
    assert answer.content.decode().count('name="fold"') == 2

    assert alice_client.post(NEW, data | {"fold": fold}).status_code == 303
    assert ScheduledMeeting.objects.get().starts == datetime(2027, 10, 31, hour, 30, tzinfo=UTC)


def test_a_series_keeps_its_time_on_the_wall_over_both_changes(world, alice_client):
    data = {"repeats": "weekly", "every": "1", "ends": "until", "until": "2027-11-20", "time": "09:00"}
    alice_client.post(NEW, typed(date="2027-03-24", **data | {"until": "2027-04-01"}))
    assert [row.starts.hour for row in world.shown] == [8, 7]
    ScheduledMeeting.objects.all().delete()
    alice_client.post(NEW, typed(date="2027-10-27", **data | {"until": "2027-11-04"}))
    assert [row.starts.hour for row in world.shown] == [7, 8]


def test_a_series_begins_the_first_of_two_times(world, alice_client):
    data = typed(date="2027-10-31", time="02:30", repeats="daily", ends="count", count="2")
    assert alice_client.post(NEW, data | {"fold": "1"}).status_code == 422
    assert alice_client.post(NEW, data | {"fold": "0"}).status_code == 303


# What it comes to


def test_the_preview_says_when_it_takes_place_here_and_elsewhere(world, alice, alice_client):
    alice.second_time_zone = "America/New_York"
    alice.save()
    data = typed(date="2026-11-24", time="15:00", repeats="weekly", every="2", weekdays=["1"], ends="count", count="6")
    said = text_of(alice_client.get(PREVIEW, data))
    assert "Every 2nd Tuesday at 15:00 Berlin time, 6 times, last on 2 February 2027" in said
    assert "Tuesday 24 November 2026, 09:00 – 10:00 New York time" in said


def test_the_preview_tells_of_daylight_saving_and_of_what_has_begun(world, alice_client):
    data = typed(date="2027-03-27", time="02:30", repeats="daily", ends="count", count="3")
    assert "On 28 March 2027 there is no 02:30: it begins at 03:30." in text_of(alice_client.get(PREVIEW, data))
    data = typed(date="2027-10-30", time="02:30", repeats="daily", ends="count", count="3")
    assert "On 31 October 2027 02:30 comes twice" in text_of(alice_client.get(PREVIEW, data))
    assert "begun already" in text_of(alice_client.get(PREVIEW, typed(date="2026-11-23", time="09:00")))
    assert "no 02:30" in text_of(alice_client.get(PREVIEW, typed(date="2027-03-28", time="02:30")))
    twice = alice_client.get(PREVIEW, typed(date="2027-10-31", time="02:30")).content.decode()
    assert twice.count('name="fold"') == 2


def test_the_preview_names_ones_own_meetings_at_that_time_and_nobody_elses(world, alice_client, alice, bob):
    world.schedule("Dentist", berlin(26, 10, 30))
    world.schedule("Lunch", berlin(26, 11))
    Meeting.objects.create(owner=bob, origin=Origin.HERE, title="Bob's", starts=TEN, ends=TEN + hours(1))
    data = typed(repeats="daily", ends="count", count="3")
    said = text_of(alice_client.get(PREVIEW, data))
    assert "Overlaps with Dentist" in said
    assert "Lunch" not in said and "Bob" not in said
    assert "Dentist" not in text_of(alice_client.get(PREVIEW, data | {"owner": str(bob.pk)}))


def test_the_preview_of_a_form_that_is_half_empty_is_silent(world, alice_client):
    answer = alice_client.get(PREVIEW, {"date": "2026-11-25"})
    assert (answer.status_code, text_of(answer)) == (200, "")
    assert alice_client.get(PREVIEW).status_code == 200


def test_the_preview_says_what_stands_against_a_series(world, alice_client):
    data = typed(repeats="weekly", weekdays=["0"], ends="count", count="3")
    said = text_of(alice_client.get(PREVIEW, data))
    assert said.startswith("The first meeting is on a Wednesday.") and "10:00" not in said


# Whom to invite


def test_people_are_found_among_contacts_and_colleagues(world, alice_client, alice, bob, charlie):
    page = alice_client.get(PEOPLE, {"q": "oka"}).content.decode()
    assert 'data-email="bob@northwind.example"' in page and "Colleague" in page
    assert "charlie" not in alice_client.get(PEOPLE, {"q": "charlie"}).content.decode()


def test_one_letter_finds_nobody_and_a_strange_text_breaks_nothing(world, alice_client, bob):
    assert text_of(alice_client.get(PEOPLE, {"q": "b"})) == text_of(alice_client.get(PEOPLE)) == ""
    assert alice_client.get(PEOPLE, {"q": "\x00%_'\"" * 500}).status_code == 200


# For somebody else


def test_a_delegate_schedules_for_the_owner_without_a_connection_of_their_own(bobs, world, alice, bob):
    assert "Me (Bob Okafor)" in text_of(bobs.get(NEW))
    answer = bobs.post(NEW, typed(owner=str(alice.pk)))
    assert answer.status_code == 303
    made = ScheduledMeeting.objects.get()
    assert (made.owner, made.made_by, made.wants_calendar) == (alice, bob, True)
    assert bobs.get(answer["Location"]).status_code == 200
    world.work()
    assert world.there == [("Planning", TEN)]
    event = AuditEvent.objects.get(action="meeting.scheduled_for")
    assert (event.actor, event.subject, event.address) == (bob, alice, "127.0.0.1")


def test_choosing_whom_it_is_for_keeps_what_was_typed_and_shows_their_calendars(bobs, world, alice):
    page = bobs.post(NEW, typed(owner=str(alice.pk), topic="Typed so far", again="1"), headers={"HX-Request": "true"})
    assert page.status_code == 200
    html = page.content.decode()
    assert 'value="Typed so far"' in html
    assert "alice@northwind.example" in html
    assert "errorlist" not in html
    assert not ScheduledMeeting.objects.exists()


def test_a_private_meeting_is_for_who_may_manage_private_ones(bobs, world, alice):
    page = bobs.get(NEW, {"for": alice.pk})
    assert "Alice Meyer has not let you manage private events." in text_of(page)
    bobs.post(NEW, typed(owner=str(alice.pk), is_private="on"))
    assert not ScheduledMeeting.objects.get().is_private
    Delegation.objects.update(may_manage_private=True)
    bobs.post(NEW, typed(owner=str(alice.pk), is_private="on"))
    assert ScheduledMeeting.objects.latest("pk").is_private


@pytest.mark.parametrize("other", ["charlie", "dora"])
def test_nobody_schedules_for_whom_they_are_no_delegate_of(bobs, world, request, other):
    person = request.getfixturevalue(other)
    assert bobs.post(NEW, typed(owner=str(person.pk))).status_code == 404
    assert bobs.get(NEW, {"for": person.pk}).status_code == 404
    assert not ScheduledMeeting.objects.exists()


def test_the_privilege_is_looked_at_when_it_is_used(bobs, world, alice, northwind):
    assert bobs.get(NEW, {"for": alice.pk}).status_code == 200
    Delegation.objects.update(until=datetime(2026, 11, 22).date())
    assert bobs.post(NEW, typed(owner=str(alice.pk))).status_code == 404
    Delegation.objects.update(until=None)
    set_policy(northwind, {"scheduling_privilege": False})
    assert bobs.post(NEW, typed(owner=str(alice.pk))).status_code == 404


# At what cost


@pytest.mark.parametrize("many", [1, 3])
def test_the_form_costs_the_same_however_many_colleagues_and_meetings_there_are(
    world, alice, northwind, make_member, sign_in, many, django_assert_max_num_queries
):
    for number in range(many):
        make_member(northwind, f"p{number}@northwind.example")
        world.schedule(f"Number {number}", TEN + timedelta(hours=number))
    client = sign_in(User.objects.get(pk=alice.pk))
    with django_assert_max_num_queries(24):
        client.get(NEW)
    with django_assert_max_num_queries(14):
        client.get(PREVIEW, typed(hours="5"))
    with django_assert_max_num_queries(10):
        client.get(PEOPLE, {"q": "northwind"})
