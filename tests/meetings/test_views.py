"""The Meetings pages, for the cast: what stands where, what never does, and at what cost."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.remote import Attendee, Delta, EventStatus, Response
from meetings.agenda import PER_PAGE
from meetings.models import Meeting
from meetings.sync import CalendarFeed
from tests.meetings.conftest import MEET, NOW, ZOOM, make_connection, make_event
from tests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
LIST = reverse("meetings:list")
NOW_URL = reverse("meetings:now")


def text_of(response):
    """The words of a page, without its markup, in one line."""
    html = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def titles_of(response):
    html = response.content.decode()
    html = html[html.index('id="meetings"') :]
    return re.findall(r'meeting__title"><a href="[^"]+">([^<]+)</a>', html)


def fill(connection, *events):
    CalendarFeed().apply(connection, Delta(changed=tuple(events)))


# --- Who may see ---


def test_a_person_sees_their_meetings_and_nobody_elses(put, alice_client, bob_client, charlie_client, bob, charlie):
    meeting = put(title="Alice and the auditors")
    make_connection(bob)
    make_connection(charlie)
    page = reverse("meetings:detail", args=[meeting.pk])
    assert "Alice and the auditors" in text_of(alice_client.get(LIST))
    assert "Alice and the auditors" in text_of(alice_client.get(page))
    for stranger in (bob_client, charlie_client):
        assert "auditors" not in text_of(stranger.get(LIST + "?q=auditors"))
        assert stranger.get(page).status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in(put, client):
    meeting = put()
    for url in (LIST, NOW_URL, reverse("meetings:detail", args=[meeting.pk])):
        assert client.get(url).status_code == 302


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_pages_only_read(put, alice_client, method):
    meeting = put()
    for url in (LIST, NOW_URL, reverse("meetings:detail", args=[meeting.pk])):
        assert getattr(alice_client, method)(url).status_code == 405
        assert alice_client.get(url).status_code == 200


def test_no_cache_keeps_a_page(put, alice_client):
    for url in (LIST, NOW_URL, reverse("meetings:detail", args=[put().pk])):
        assert "no-store" in alice_client.get(url)["Cache-Control"]


# --- Join ---


def test_a_zoom_link_gives_join_and_ones_own_meeting_start(put, alice_client):
    put("guest", location=ZOOM, title="Their meeting")
    put("host", location=ZOOM, title="My meeting", is_organizer=True, starts=NOW + timedelta(hours=3))
    words = text_of(alice_client.get(LIST))
    assert "Join : Their meeting" in words
    assert "Start : My meeting" in words
    assert "Not a Zoom meeting" not in words


def test_without_a_link_there_is_host_and_label_and_no_button(put, alice_client):
    put(title="Lunch", organizer_name="Bob Okafor", location="Canteen")
    response = alice_client.get(LIST)
    words = text_of(response)
    assert "Not a Zoom meeting" in words
    assert "Bob Okafor" in words
    assert "Canteen" in words
    assert "Join : Lunch" not in words


def test_another_services_link_gives_join_where_the_organization_switched_it_on(put, alice_client, northwind):
    put(location=MEET, title="Call")
    assert "Not a Zoom meeting" in text_of(alice_client.get(LIST))
    assert MEET not in alice_client.get(LIST).content.decode()
    set_policy(northwind, {"join_services": ["google_meet"]})
    words = text_of(alice_client.get(LIST))
    assert "Join Google Meet : Call" in words
    assert "Not a Zoom meeting" not in words


def test_further_links_stand_under_more_links_with_their_service(put, alice_client, northwind):
    put(location=ZOOM, body=f"or {MEET}", title="Call")
    assert "More links" not in text_of(alice_client.get(LIST))
    set_policy(northwind, {"join_services": ["google_meet"]})
    words = text_of(alice_client.get(LIST))
    assert "More links to Call Google Meet" in words
    assert "Join : Call" in words


def test_a_cancelled_meeting_has_no_join(put, alice_client):
    put("on", location=ZOOM, title="On")
    put("off", location=ZOOM, title="Off", status=EventStatus.CANCELLED)
    words = text_of(alice_client.get(LIST))
    assert "Cancelled" in words
    assert "Join : On" in words
    assert "Join : Off" not in words


def test_a_link_to_register_is_offered_as_that_and_never_as_join(put, alice_client):
    put(location="https://us02web.zoom.us/webinar/register/WN_abc123", title="Webinar")
    words = text_of(alice_client.get(LIST))
    assert "Register for Webinar" in words
    assert "Join : Webinar" not in words
    assert "Not a Zoom meeting" not in words
    assert titles_of(alice_client.get(LIST + "?join=any")) == []


@pytest.mark.parametrize(("hours", "offers"), [(2, True), (7, False)])
def test_a_meeting_that_ran_over_offers_join_for_a_while(put, alice_client, hours, offers):
    put(starts=NOW - timedelta(hours=hours + 1), ends=NOW - timedelta(hours=hours), location=ZOOM, title="Long")
    assert ("Join : Long" in text_of(alice_client.get(LIST + "?when=past"))) is offers


def test_the_recipient_keeps_the_token_of_their_own_link(put, alice_client):
    personal = "https://us02web.zoom.us/w/83212345678?tk=abc.def"
    meeting = put(location=personal)
    assert personal in alice_client.get(LIST).content.decode()
    assert "Made for you alone" in text_of(alice_client.get(reverse("meetings:detail", args=[meeting.pk])))


# --- Days and times ---


def test_days_are_the_viewers_and_the_zone_is_named(put, alice, alice_client):
    put(starts=datetime(2026, 11, 24, 2, 30, tzinfo=ZoneInfo("UTC")))
    words = text_of(alice_client.get(LIST))
    assert "Times are in Europe/Berlin" in words
    assert "Tomorrow Tuesday 24 November 03:30 – 04:30" in words
    alice.time_zone = "America/St_Johns"
    alice.save()
    words = text_of(alice_client.get(LIST))
    assert "Today Monday 23 November 23:00 – 00:00" in words
    assert "Times are in America/St Johns" in words


def test_another_zone_of_the_event_is_said(put, alice_client):
    put(timezone="America/New_York", starts=datetime(2026, 11, 23, 15, 0, tzinfo=ZoneInfo("UTC")))
    assert "10:00 in New York" in text_of(alice_client.get(LIST))


def test_what_goes_on_over_days_stands_under_each_that_is_to_come_with_its_span_and_counts_once(put, alice_client):
    put(starts_on=date(2026, 11, 22), ends_on=date(2026, 11, 26), title="Offsite")
    response = alice_client.get(LIST)
    words = text_of(response)
    for heading in ("Today Monday 23 November", "Tomorrow Tuesday 24 November", "Wednesday 25 November"):
        assert f"{heading} All day Sun 22 – Wed 25 Nov Offsite" in words
    assert titles_of(response) == ["Offsite"] * 3
    assert 'data-announce="1 upcoming meeting."' in response.content.decode()


def test_an_all_day_event_of_today_is_upcoming_until_the_day_is_over(put, alice_client):
    put("today", starts_on=date(2026, 11, 23), ends_on=date(2026, 11, 24), title="Today")
    put("yesterday", starts_on=date(2026, 11, 22), ends_on=date(2026, 11, 23), title="Yesterday")
    assert titles_of(alice_client.get(LIST)) == ["Today"]
    assert titles_of(alice_client.get(LIST + "?when=past")) == ["Yesterday"]


def test_what_runs_now_and_what_comes_next_stand_first(put, alice_client):
    put("running", starts=NOW - timedelta(minutes=5), ends=NOW + timedelta(hours=1), title="Running", location=ZOOM)
    put("next", starts=NOW + timedelta(minutes=12), title="Next one")
    put("same", starts=NOW + timedelta(minutes=12), title="At the same time")
    put("later", starts=NOW + timedelta(hours=2), title="Later one")
    put("off", starts=NOW + timedelta(minutes=1), title="Off", status=EventStatus.CANCELLED)
    put("no", starts=NOW + timedelta(minutes=1), title="No", response=Response.DECLINED)
    put("focus", starts=NOW + timedelta(minutes=1), title="Focus", kind="focus_time")
    put("days", starts=NOW - timedelta(days=1), ends=NOW + timedelta(days=1), title="Days")
    words = text_of(alice_client.get(NOW_URL))
    assert words.startswith("Now: started 5 min ago Running")
    assert "Next: in 12 min Next one" in words
    assert "Next: in 12 min At the same time" in words
    for absent in ("Later one", "Off", "No ", "Focus", "Days"):
        assert absent not in words.replace("Not a Zoom meeting", "")


def test_the_page_that_stays_open_is_told_of_changes(put, finished_run, alice_client):
    pulse = re.search(r"pulse=([^\"]*)\"", alice_client.get(LIST).content.decode())[1]
    assert "HX-Trigger" not in alice_client.get(f"{NOW_URL}?pulse={pulse}")
    SyncRun.objects.filter(pk=finished_run.pk).update(changed=3)
    assert "meetings-changed" in alice_client.get(f"{NOW_URL}?pulse={pulse}")["HX-Trigger"]


def test_sync_now_leads_back_to_the_page_also_after_that_page_was_refreshed(put, alice_client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/meetings/?q=budget"}
    fragment = alice_client.get(NOW_URL, headers=headers).content.decode()
    assert '<input type="hidden" name="next" value="/meetings/?q=budget">' in fragment
    page = alice_client.get(LIST + "?when=past").content.decode()
    assert '<input type="hidden" name="next" value="/meetings/?when=past">' in page


def test_an_event_without_a_time_stands_at_the_end(put, alice_client):
    put("one", starts=None, title="Some day")
    put("two", title="Planning")
    response = alice_client.get(LIST)
    assert titles_of(response) == ["Planning", "Some day"]
    assert "Without a time" in text_of(response)
    assert titles_of(alice_client.get(LIST + "?when=past")) == []


# --- Marks ---


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"response": Response.TENTATIVE}, "Tentative"),
        ({"status": EventStatus.TENTATIVE}, "Tentative"),
        ({"response": Response.NEEDS_ACTION}, "Not answered"),
        ({"is_private": True}, "Private"),
        ({"kind": "out_of_office"}, "Out of office"),
        ({"kind": "something_new"}, "Something new"),
        ({"ends": NOW}, "ends before it starts"),
    ],
)
def test_each_state_is_said_in_words(put, alice_client, fields, mark):
    meeting = put(**fields)
    for url in (LIST, reverse("meetings:detail", args=[meeting.pk])):
        words = text_of(alice_client.get(url))
        assert mark in words[words.index("Planning") :]


def test_a_series_is_marked_and_its_next_dates_stand_on_the_page(put, alice_client):
    first = put("one", series_id="series", title="Weekly")
    put("two", series_id="series", title="Weekly", starts=NOW + timedelta(days=7))
    put("other", series_id="else", title="Other", starts=NOW + timedelta(days=3))
    assert 'aria-label="Repeats"' in alice_client.get(LIST).content.decode()
    words = text_of(alice_client.get(reverse("meetings:detail", args=[first.pk])))
    assert "Next in this series Monday 30 November 2026, 09:55 – 10:55" in words


# --- Filters, search, pages ---


@pytest.fixture
def varied(put):
    put("zoom", title="Budget", location=ZOOM, response=Response.ACCEPTED)
    put("plain", title="Ärzteblatt", organizer_name="Jürgen", response=Response.DECLINED)
    put("body", title="Third", body="<p>about the <b>merger</b></p>", attendees=(Attendee("zoe@example.com", "Zoë"),))
    put("later", title="Later", starts=NOW + timedelta(days=10), response=Response.NEEDS_ACTION)
    put("past", title="Bygone", starts=NOW - timedelta(days=3))
    put("older", title="Older", starts=NOW - timedelta(days=6))


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["Budget", "Third", "Later"]),
        ("declined=1", ["Budget", "Ärzteblatt", "Third", "Later"]),
        ("declined=0&declined=1", ["Budget", "Ärzteblatt", "Third", "Later"]),
        ("declined=0", ["Budget", "Third", "Later"]),
        ("declined=nonsense", ["Budget", "Third", "Later"]),
        ("q=budget", ["Budget"]),
        ("q=ÄRZTE", []),
        ("q=ÄRZTE&declined=1", ["Ärzteblatt"]),
        ("q=jürgen&declined=1", ["Ärzteblatt"]),
        ("q=zoë", ["Third"]),
        ("q=zoe@example.com", ["Third"]),
        ("q=MERGER about", ["Third"]),
        ("q=merger budget", []),
        ("q=%25", []),
        ("q=_", []),
        ("q=%00", ["Budget", "Third", "Later"]),
        ("q=<p>", []),
        ("answer=accepted", ["Budget"]),
        ("answer=declined", ["Ärzteblatt"]),
        ("answer=needs_action", ["Later"]),
        ("join=any", ["Budget"]),
        ("join=none", ["Third", "Later"]),
        ("join=none&declined=1", ["Ärzteblatt", "Third", "Later"]),
        ("on=2026-11-24", ["Later"]),
        ("on=2026-11-19", ["Bygone", "Budget", "Third", "Later"]),
        ("when=past", ["Bygone", "Older"]),
        ("when=past&on=2026-11-19", ["Older"]),
        ("when=past&q=old", ["Older"]),
        ("when=nonsense&page=nonsense", ["Budget", "Third", "Later"]),
    ],
)
def test_the_url_says_what_is_listed(varied, alice_client, query, titles):
    assert titles_of(alice_client.get(f"{LIST}?{query}")) == titles


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("on=2026-13-45", "This is not a date"),
        ("answer=maybe", "There is no such answer"),
        ("join=skype", "no such service switched on"),
        ("on=0001-01-01", ""),
        ("on=9999-12-31", ""),
        ("when=past&on=9999-12-31", ""),
        ("when=past&on=0001-01-01", ""),
    ],
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "Europe/Berlin"])
def test_a_filter_nobody_can_follow_is_a_sentence_and_never_a_crash(varied, alice, alice_client, query, sentence, zone):
    alice.time_zone = zone
    alice.save()
    response = alice_client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    assert sentence in text_of(response)


def test_htmx_gets_the_list_alone_with_its_count(varied, alice_client):
    headers = {"HX-Request": "true", "HX-Target": "meetings"}
    response = alice_client.get(LIST + "?q=budget", headers=headers)
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="meetings"')
    assert 'data-announce="1 upcoming meeting fits."' in html
    assert "<html" not in html
    assert "<html" in alice_client.get(LIST + "?q=budget").content.decode()


def test_pages_hold_every_meeting_once_and_keep_the_filters(connection, alice_client):
    fill(connection, *(make_event(str(n), title=f"M{n}", starts=NOW + timedelta(hours=n)) for n in range(1, 121)))
    seen = []
    for number in (1, 2, 3):
        response = alice_client.get(f"{LIST}?q=M&page={number}")
        seen += titles_of(response)
        assert "q=M&amp;page=" in response.content.decode()
    assert seen == [f"M{n}" for n in range(1, 121)]
    assert titles_of(alice_client.get(f"{LIST}?page=99")) == seen[2 * PER_PAGE :]


def test_the_list_costs_the_same_queries_however_long(connection, alice_client, finished_run):
    costs = {}
    alice_client.get(LIST)  # the first request of a session writes that it began
    for size in (1, 3, 300):
        hours = range(1, size + 1)
        fill(connection, *(make_event(str(n), location=ZOOM, starts=NOW + timedelta(hours=n)) for n in hours))
        with CaptureQueriesContext(database) as queries:
            assert len(titles_of(alice_client.get(LIST))) == min(size, PER_PAGE)
        costs[size] = [query["sql"] for query in queries]
        mine = [sql for sql in costs[size] if "meetings_meeting" in sql]
        # Now and next, the count, the keys of the page, its rows, what overlaps; on the last page those without a time.
        assert len(mine) == (6 if size <= PER_PAGE else 5), mine
        assert not any("body_text" in sql.split("WHERE")[0] or "attendees_json" in sql for sql in mine)
    assert len(costs[1]) == len(costs[3]) == len(costs[300]) + 1
    assert len(costs[1]) <= 21, costs[1]


@pytest.mark.parametrize("people", [1, 3, 300])
def test_a_meetings_page_costs_the_same_queries_however_many_attend(put, alice_client, people):
    meeting = put(series_id="series", attendees=tuple(Attendee(f"p{n}@example.com") for n in range(people)))
    with CaptureQueriesContext(database) as queries:
        alice_client.get(reverse("meetings:detail", args=[meeting.pk]))
    # The meeting, what it overlaps, the rest of its series.
    assert len([query for query in queries if "meetings_meeting" in query["sql"]]) == 3


# --- The meeting's own page ---


def test_a_meetings_page_says_all_there_is(put, alice_client):
    meeting = put(
        title="Review",
        timezone="America/New_York",
        location=f"Room 3, {ZOOM}",
        body=f'<script>alert("x")</script> see <a href="https://wiki.example/a?b=1&amp;c=2">wiki</a> or {MEET}',
        organizer_name="Bob Okafor",
        organizer_email="bob@northwind.example",
        web_url="https://www.google.com/calendar/event?eid=1",
        response=Response.ACCEPTED,
        attendees=(
            Attendee("alice@northwind.example", "Alice", Response.ACCEPTED, is_self=True),
            Attendee("room@example.com", "Big room", is_resource=True),
            Attendee("x@example.com", response=Response.DECLINED, is_optional=True),
        ),
    )
    response = alice_client.get(reverse("meetings:detail", args=[meeting.pk]))
    html, words = response.content.decode(), text_of(response)
    for expected in (
        "Monday 23 November 2026, 10:00 – 11:00",
        "Monday 23 November 2026, 04:00 – 05:00 in New York",
        "Bob Okafor bob@northwind.example",
        "Your answer Accepted",
        "832 1234 5678",
        "Included in the link",
        "Open in Google Calendar",
        "Alice (you)",
        "Big room",
        "Room No answer",
        "Optional Declined",
        "No Join button for Google Meet, by decision of your organization.",
    ):
        assert expected in words, expected
    assert '<a href="https://wiki.example/a?b=1&amp;c=2" target="_blank"' in html
    assert "alert(" not in html


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://plain.example/", "data:text/html,x", "//evil.example"])
def test_only_a_web_page_is_offered_as_the_events_own(put, alice_client, url):
    meeting = put(web_url=url)
    html = alice_client.get(reverse("meetings:detail", args=[meeting.pk])).content.decode()
    assert "Open in" not in html
    assert url not in html


def test_a_script_in_any_field_is_shown_and_never_run(put, alice_client):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'
    people = (Attendee(attack, attack, is_organizer=True),)
    fields = dict.fromkeys(
        ["title", "location", "organizer_name", "organizer_email", "timezone", "kind", "uid"], attack
    )
    meeting = put(
        attack, **fields, body=attack.replace("<", "&lt;"), series_id=attack, attendees=people, web_url=attack
    )
    put("later", **fields, series_id=attack, starts=NOW + timedelta(days=1))
    for url in (LIST, LIST + "?q=script", NOW_URL, reverse("meetings:detail", args=[meeting.pk])):
        html = alice_client.get(url).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "49" not in text_of(alice_client.get(url))
    html = alice_client.get(LIST, {"q": attack}).content.decode()
    assert "<script>alert" not in html


# --- How the calendar stands ---


def test_who_is_not_connected_is_led_to_connect(alice_client):
    response = alice_client.get(LIST)
    assert "Connect your calendar" in text_of(response)
    assert reverse("integrations:connection_new") in response.content.decode()


def test_meetings_are_not_shown_without_the_permission_to_read_them(put, connection, alice_client, northwind):
    meeting = put(title="Board")
    detail = reverse("meetings:detail", args=[meeting.pk])
    policy = set_policy(northwind, {"google.calendar_read": "off"})
    assert "Board" not in text_of(alice_client.get(LIST))
    sentence = "Your calendar may not be read. Calendar read was switched off by your organization."
    assert sentence in text_of(alice_client.get(LIST))
    assert alice_client.get(detail).status_code == 404
    policy.delete()
    assert "Board" in text_of(alice_client.get(LIST))
    assert alice_client.get(detail).status_code == 200
    Connection.objects.update(calendar_read=False, declined=["calendar_read"])
    assert "Your calendar was not allowed at Google" in text_of(alice_client.get(LIST))
    Connection.objects.update(declined=[])
    response = alice_client.get(LIST)
    assert "connected without Calendar read" in text_of(response)
    assert reverse("integrations:connection_edit") in response.content.decode()


def test_a_switched_off_integration_says_so_and_shows_nothing(put, alice_client, northwind):
    put(title="Board")
    set_policy(northwind, {"enabled": False})
    words = text_of(alice_client.get(LIST))
    assert "contact integration is switched off, by your organization." in words
    assert "Board" not in words


def test_the_first_reading_shows_how_far_it_is(connection, alice_client):
    Connection.objects.update(synced_at=None)
    SyncRun.objects.create(connection=connection, outcome=Outcome.RUNNING, feed="calendar", seen=1240)
    response = alice_client.get(LIST)
    assert "Reading Google Calendar: 1,240 items so far" in text_of(response)
    assert 'hx-trigger="every 2s,' in response.content.decode()
    assert "Nothing coming up" not in text_of(response)


@pytest.mark.parametrize(
    "change", [{"synced_at": None}, {"status": Status.RECONNECT_NEEDED}, {"status": Status.ADMIN_NEEDED}]
)
def test_an_open_page_is_told_when_the_calendar_stands_otherwise(connection, alice_client, change):
    pulse = re.search(r"pulse=([^\"]*)\"", alice_client.get(LIST).content.decode())[1]
    Connection.objects.update(**change)
    assert "meetings-changed" in alice_client.get(f"{NOW_URL}?pulse={pulse}")["HX-Trigger"]


def test_a_connection_that_needs_its_person_still_shows_what_it_read(put, alice_client):
    put(title="Board")
    Connection.objects.update(status=Status.RECONNECT_NEEDED, error_sentence="Reconnect to go on.")
    words = text_of(alice_client.get(LIST))
    assert "Reconnect to go on." in words
    assert "Board" in words
    assert "Last read" in words


def test_a_suddenly_empty_calendar_is_asked_about(put, connection, alice_client):
    put(title="Board")
    SyncCursor.objects.create(connection=connection, feed="calendar", emptied_at=NOW)
    words = text_of(alice_client.get(LIST))
    assert "says that your calendar is now empty" in words
    assert "Board" in words


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("", "Nothing coming up"), ("?when=past", "Nothing in the past"), ("?q=nothing", "No meeting fits")],
)
def test_each_kind_of_nothing_has_its_words(connection, alice_client, query, sentence):
    assert sentence in text_of(alice_client.get(LIST + query))


# --- Support ---


def test_support_staff_see_when_and_whose_but_never_what(put, support_client):
    secret = "Merger with Contoso"
    people = (Attendee("secret@example.com", secret),)
    put(title=secret, body=secret, location=f"{secret} {ZOOM}", organizer_name=secret, attendees=people, web_url=ZOOM)
    meeting = Meeting.objects.get()
    for url in (
        reverse("admin:meetings_meeting_changelist"),
        reverse("admin:meetings_meeting_changelist") + "?q=alice",
        reverse("admin:meetings_meeting_change", args=[meeting.pk]),
        reverse("admin:meetings_meeting_history", args=[meeting.pk]),
    ):
        response = support_client.get(url)
        html = response.content.decode()
        assert response.status_code == 200
        assert "alice@northwind.example" in html or "history" in url
        assert "Contoso" not in html
        assert "83212345678" not in html
        assert "secret@example.com" not in html
    assert support_client.get(reverse("admin:meetings_meeting_add")).status_code == 403
    assert support_client.post(reverse("admin:meetings_meeting_delete", args=[meeting.pk])).status_code == 403


def test_support_cannot_search_by_what_a_meeting_is_about(put, support_client):
    put(title="Merger")
    assert (
        "0 meetings" in support_client.get(reverse("admin:meetings_meeting_changelist") + "?q=merger").content.decode()
    )
