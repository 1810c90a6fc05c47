"""The drawing of a day and a week as pages, and what they and the list have in common: declined, zones, calendars."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from integrations.remote import EventStatus, Response
from meetings.models import AccountCalendar, Meeting
from meetings.weeks import first_of_week, parse_week, week_name
from tests.meetings.conftest import NOW, ZOOM
from tests.meetings.test_dial_in import ZOOM as INVITATION
from tests.meetings.test_views import LIST, fill, make_event, text_of, titles_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")


def day_url(day="2026-11-23"):
    return reverse("meetings:day", args=[day])


def week_url(week="2026-W48"):
    return reverse("meetings:week", args=[week])


def drawing_of(response):
    words = text_of(response)
    return words[words.index("Show declined") :]


# --- Weeks and days ---


@pytest.mark.parametrize(
    ("language", "day", "first", "name"),
    [
        ("en", date(2026, 11, 23), date(2026, 11, 22), "2026-W48"),
        ("en", date(2026, 11, 22), date(2026, 11, 22), "2026-W48"),
        ("en-gb", date(2026, 11, 22), date(2026, 11, 16), "2026-W47"),
        ("en-gb", date(2026, 11, 23), date(2026, 11, 23), "2026-W48"),
        ("de", date(2027, 1, 1), date(2026, 12, 28), "2026-W53"),
        ("en", date(2027, 1, 1), date(2026, 12, 27), "2026-W53"),
    ],
)
def test_a_week_begins_where_the_language_has_it_begin(language, day, first, name):
    with translation.override(language):
        assert first_of_week(day) == first
        assert week_name(day) == name
        assert parse_week(name) == first


def test_every_day_has_a_week_and_every_week_its_days():
    for language in ("en", "en-gb"):
        with translation.override(language):
            for number in range(3000):
                day = date(2024, 1, 1) + timedelta(days=number)
                first = parse_week(week_name(day))
                assert first is not None
                assert first <= day < first + timedelta(days=7)


@pytest.mark.parametrize(
    "url",
    [
        "/meetings/day/2026-13-01/", "/meetings/day/today/", "/meetings/day/0001-01-01/", "/meetings/day/9999-12-31/",
        "/meetings/day/20261123/", "/meetings/week/2026-W54/", "/meetings/week/2026-W00/", "/meetings/week/26-W48/",
        "/meetings/week/9999-W52/", "/meetings/week/0001-W01/", "/meetings/week/2026-W4²/",
    ],
)  # fmt: skip
def test_what_is_no_day_and_no_week_is_not_there(alice_client, url):
    assert alice_client.get(url).status_code == 404


def test_the_views_lead_to_each_other_and_keep_what_was_asked(put, alice_client):
    put(title="Planning")
    html = alice_client.get(LIST + "?declined=1").content.decode()
    assert f'href="{day_url()}?declined=1"' in html
    assert f'href="{week_url()}?declined=1"' in html
    html = alice_client.get(day_url()).content.decode()
    assert f'href="{day_url("2026-11-22")}?' in html
    assert f'href="{day_url("2026-11-24")}?' in html
    html = alice_client.get(week_url()).content.decode()
    assert f'href="{week_url("2026-W47")}?' in html
    assert f'href="{week_url("2026-W49")}?' in html
    assert alice_client.get(reverse("meetings:today")).status_code == 200
    assert alice_client.get(reverse("meetings:this_week")).status_code == 200


def test_go_to_leads_to_the_day_and_to_its_week(alice_client):
    response = alice_client.get(day_url() + "?on=2026-12-24&declined=0")
    assert (response.status_code, response["Location"]) == (302, day_url("2026-12-24") + "?declined=0")
    response = alice_client.get(week_url() + "?on=2026-12-24")
    assert response["Location"] == week_url("2026-W52")
    assert alice_client.get(day_url() + "?on=nonsense").status_code == 200


def test_a_week_holds_its_meetings_under_their_days(put, alice_client):
    put("monday", title="On Monday")
    put("sunday", title="On Sunday", starts=datetime(2026, 11, 22, 10, tzinfo=BERLIN))
    put("next", title="Next week", starts=datetime(2026, 11, 29, 10, tzinfo=BERLIN))
    put("days", title="Offsite", starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 26))
    words = drawing_of(alice_client.get(week_url()))
    assert "Sunday 22 November Sun 22 On Sunday" in words
    assert "Monday 23 November Mon 23 Today On Monday 10:00 – 11:00" in words
    assert "Tuesday 24 November Tue 24 Offsite All day" in words
    assert words.count("Offsite") == 2
    assert "Next week" not in words
    assert "Saturday 28 November Sat 28 Nothing on this day" in words


def test_the_day_that_has_25_hours_shows_the_hour_twice_and_says_so(put, alice_client):
    put("one", title="First two", starts=datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    put("two", title="Second two", starts=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    response = alice_client.get(day_url("2026-10-25"))
    words, html = text_of(response), response.content.decode()
    assert "Clocks are turned on Sunday 25 October: the day has 25 hours." in words
    assert "02:00 again" in words
    assert html.index("First two") < html.index("Second two")
    first, second = (
        html[: html.index(title)].rpartition("plan-row-")[2].split()[0] for title in ("First two", "Second two")
    )
    assert int(second) - int(first) == 4
    assert "the day has 23 hours" in text_of(alice_client.get(day_url("2026-03-29")))
    assert "Clocks" not in text_of(alice_client.get(day_url("2026-10-26")))


def test_all_hours_are_drawn_where_they_are_asked_for(put, alice_client):
    put()
    assert "03:00" not in text_of(alice_client.get(day_url()))
    assert "03:00" in text_of(alice_client.get(day_url() + "?hours=all"))


def test_what_found_no_lane_is_counted_with_the_way_to_it(connection, alice_client):
    fill(connection, *(make_event(str(n), title=f"M{n}") for n in range(14)))
    assert "and 2 more on Monday 23 November" in text_of(alice_client.get(day_url()))
    response = alice_client.get(week_url())
    assert "and 11 more on Monday 23 November" in text_of(response)
    assert f'href="{day_url()}?on=2026-11-23"' in response.content.decode()


@pytest.mark.parametrize("url", [day_url(), week_url()])
def test_a_drawing_costs_the_same_queries_however_many_meetings(connection, alice_client, url):
    costs = {}
    alice_client.get(LIST)
    for size in (1, 3, 60):
        hours = range(1, size + 1)
        fill(connection, *(make_event(str(n), starts=NOW + timedelta(minutes=10 * n)) for n in hours))
        with CaptureQueriesContext(database) as queries:
            alice_client.get(url)
        costs[size] = len(queries)
    assert costs[1] == costs[3] == costs[60]


def test_a_page_carries_no_style_of_its_own(put, alice_client):
    put()
    for url in (LIST, day_url(), week_url()):
        html = alice_client.get(url).content.decode()
        assert "style=" not in html
        assert "<style" not in html


# --- Declined ---


def test_declined_is_hidden_until_asked_for_and_the_answer_is_remembered(put, alice_client):
    put("no", title="Not mine", response=Response.DECLINED)
    put("yes", title="Mine")
    assert titles_of(alice_client.get(LIST)) == ["Mine"]
    assert titles_of(alice_client.get(LIST + "?declined=0&declined=1")) == ["Not mine", "Mine"]
    assert titles_of(alice_client.get(LIST)) == ["Not mine", "Mine"]
    assert "Not mine" in drawing_of(alice_client.get(week_url()))
    assert titles_of(alice_client.get(LIST + "?declined=0")) == ["Mine"]
    assert "Not mine" not in drawing_of(alice_client.get(day_url()))
    assert titles_of(alice_client.get(LIST + "?answer=declined")) == ["Not mine"]


# --- Overlaps ---


def test_what_takes_place_at_the_same_time_is_marked(put, alice_client):
    put("one", title="One")
    put("two", title="Two", starts=datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    put("after", title="After", starts=datetime(2026, 11, 23, 10, 30, tzinfo=UTC))
    words = text_of(alice_client.get(LIST))
    assert "One Overlaps" in words
    assert "Two Overlaps" in words
    assert "After Overlaps" not in words
    assert "Overlaps" in drawing_of(alice_client.get(day_url()))


@pytest.mark.parametrize(
    "fields",
    [
        {"response": Response.DECLINED},
        {"status": EventStatus.CANCELLED},
        {"is_free": True},
        {"starts_on": date(2026, 11, 23)},
        {"kind": "working_location"},
        {"uid": "one"},
    ],
)
def test_what_takes_up_no_time_overlaps_nothing(put, alice_client, fields):
    put("one", title="One", uid="one")
    put("two", title="Two", **fields)
    assert "Overlaps" not in text_of(alice_client.get(LIST + "?declined=1"))


# --- The second time zone ---


def test_the_second_zone_stands_beside_each_time_with_its_name(put, alice, alice_client):
    meeting = put(title="Planning")
    put(
        "late",
        title="Late",
        starts=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
        ends=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    )
    assert "New York" not in text_of(alice_client.get(LIST))
    alice.second_time_zone = "America/New_York"
    alice.save()
    words = text_of(alice_client.get(LIST))
    assert "10:00 – 11:00 Berlin 04:00 – 05:00 New York Planning" in words
    assert "21:00 – 07:00 New York (−1 day)" in words
    assert "10:00 – 11:00 Berlin · 04:00 – 05:00 New York" in text_of(
        alice_client.get(reverse("meetings:detail", args=[meeting.pk]))
    )
    words = text_of(alice_client.get(day_url()))
    assert "New York Berlin" in words
    assert "04:00 10:00" in words


def test_the_second_zone_is_set_on_the_settings_page(alice, alice_client):
    url = reverse("organizations:settings")
    said = {"name": "Alice", "time_zone": "", "language": "", "theme": ""}
    assert alice_client.post(url, said | {"second_time_zone": "Asia/Tokyo"}).status_code == 302
    alice.refresh_from_db()
    assert alice.second_time_zone == "Asia/Tokyo"
    assert alice_client.post(url, said | {"second_time_zone": "Mars/Olympus"}).status_code == 422
    assert alice_client.post(url, said).status_code == 302
    alice.refresh_from_db()
    assert alice.second_time_zone == ""


def test_a_second_zone_that_nobody_knows_is_none(put, alice, alice_client):
    put()
    alice.second_time_zone = "Mars/Olympus"
    alice.save()
    for url in (LIST, day_url(), week_url()):
        assert alice_client.get(url).status_code == 200


def test_a_week_in_which_the_other_zone_turns_its_clocks_says_so(alice, alice_client):
    alice.second_time_zone = "America/New_York"
    alice.save()
    words = text_of(alice_client.get(week_url("2026-W44")))
    assert "From Sunday 25 October" not in words
    assert "Clocks are turned on Sunday 25 October" in words
    # New York follows a week later: from Sunday on it is six hours away again.
    with translation.override("en-gb"):
        alice.language = "en-gb"
        alice.save()
    words = text_of(alice_client.get(week_url("2026-W44")))
    assert "From Sunday 1 November on New York is another number of hours away than beside the hours." in words


# --- Calendars ---


@pytest.fixture
def calendars(connection, put):
    put("own", title="Mine")
    put("team", title="Of the team")
    AccountCalendar.objects.create(connection=connection, remote_id="", name="Alice", is_shown=True)
    team = AccountCalendar.objects.create(
        connection=connection, remote_id="team", name="Team Berlin", is_shown=True, chosen_color="purple"
    )
    Meeting.objects.filter(remote_id="team").update(container="team")
    return team


def test_each_row_says_its_calendar_where_there_are_several(calendars, alice_client):
    response = alice_client.get(LIST)
    assert "Team Berlin" in text_of(response)
    assert "swatch--purple" in response.content.decode()
    assert titles_of(alice_client.get(f"{LIST}?calendar={calendars.pk}")) == ["Of the team"]
    assert "Mine" not in drawing_of(alice_client.get(f"{day_url()}?calendar={calendars.pk}"))
    AccountCalendar.objects.filter(remote_id="team").delete()
    assert "Team Berlin" not in text_of(alice_client.get(LIST))


def test_nobody_filters_by_a_calendar_that_is_not_theirs(calendars, bob, sign_in, alice_client):
    response = sign_in(bob).get(f"{LIST}?calendar={calendars.pk}")
    assert "There is no such calendar among those you show." in text_of(response)
    assert "Team Berlin" not in text_of(response)
    assert titles_of(alice_client.get(f"{LIST}?calendar=999999")) == titles_of(alice_client.get(LIST))


# --- What has to be typed elsewhere ---


def test_number_and_passcode_can_be_copied_and_the_phone_dials(put, alice_client):
    meeting = put(location=ZOOM, body=INVITATION)
    response = alice_client.get(reverse("meetings:detail", args=[meeting.pk]))
    html, words = response.content.decode(), text_of(response)
    assert 'data-copy="83212345678"' in html
    assert 'data-copy="291681"' in html
    assert "Meeting ID 832 1234 5678" in words
    assert "Passcode 291681" in words
    assert 'href="tel:+16694449171,,83212345678%23,,,,*291681%23"' in html
    assert "+49 69 7104 9922 Germany" in words
    assert "+49 151" not in words[words.index("Join by phone") :]


def test_a_cancelled_meeting_offers_nothing_to_type(put, alice_client):
    meeting = put(location=ZOOM, body=INVITATION, status=EventStatus.CANCELLED)
    assert "data-copy" not in alice_client.get(reverse("meetings:detail", args=[meeting.pk])).content.decode()
