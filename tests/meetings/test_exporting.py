"""Meetings as CSV."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.remote import Attendee, EventStatus, Response
from meetings.exporting import HEADER
from tests.meetings.conftest import NOW, ZOOM
from tests.meetings.test_views import fill, make_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
EXPORT = reverse("meetings:export")


def read(client, query=""):
    response = client.get(EXPORT + query)
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_says_what_the_list_says(put, alice_client):
    put(
        title="Review",
        location=f"Room 3, {ZOOM}",
        organizer_name="Bob Okafor",
        response=Response.ACCEPTED,
        attendees=(Attendee("x@example.com"), Attendee("y@example.com")),
    )
    (line,) = read(alice_client)
    assert line == {
        **dict.fromkeys(HEADER, ""),
        "Begins": "2026-11-23 10:00",
        "Ends": "2026-11-23 11:00",
        "Time zone": "Europe/Berlin",
        "Title": "Review",
        "Answer": "Accepted",
        "Whose": "Me",
        "Host": "Bob Okafor",
        "Where": f"Room 3, {ZOOM}",
        "Join service": "Zoom",
        "Join link": ZOOM,
        "Meeting ID": "83212345678",
        "Attendees": "2",
    }


def test_days_and_what_has_no_time_are_lines_too(put, alice_client):
    put("days", title="Offsite", starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 27))
    put("none", title="Some day", starts=None)
    lines = read(alice_client)
    assert [(line["Title"], line["Begins"], line["Ends"], line["All day"]) for line in lines] == [
        ("Offsite", "2026-11-24", "2026-11-26", "yes"),
        ("Some day", "", "", ""),
    ]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["Budget", "Off"]),
        ("?declined=1", ["Budget", "Off", "No"]),
        ("?q=budget", ["Budget"]),
        ("?when=past", ["Bygone"]),
        ("?on=2026-11-24", []),
    ],
)
def test_it_holds_what_the_filters_show(put, alice_client, query, titles):
    put("a", title="Budget", starts=NOW + timedelta(hours=1))
    put("b", title="Off", status=EventStatus.CANCELLED, starts=NOW + timedelta(hours=2))
    put("c", title="No", response=Response.DECLINED, starts=NOW + timedelta(hours=3))
    put("d", title="Bygone", starts=NOW - timedelta(days=3))
    assert [line["Title"] for line in read(alice_client, query)] == titles


@pytest.mark.parametrize("title", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2", "\t=1"])
def test_a_spreadsheet_program_runs_nothing_in_it(put, alice_client, title):
    put(title=title, location=title, organizer_name=title)
    (line,) = read(alice_client)
    for name in ("Title", "Where", "Host"):
        assert not line[name].lstrip(" ").startswith(("=", "+", "-", "@", "\t"))


def test_what_makes_a_link_one_persons_own_is_never_exported(put, alice_client):
    put(location="https://us02web.zoom.us/w/83212345678?tk=SECRET.token&pwd=abc", title="Webinar")
    (line,) = read(alice_client)
    assert line["Join link"] == "https://us02web.zoom.us/w/83212345678?pwd=abc"
    assert "SECRET" not in str(line)


def test_a_filter_nobody_can_follow_leads_back_to_the_list_that_says_so(put, alice_client):
    put()
    response = alice_client.get(EXPORT + "?on=2026-13-45")
    assert (response.status_code, response["Location"]) == (302, reverse("meetings:list") + "?on=2026-13-45")


def test_nobodys_file_is_kept_by_a_cache_or_given_to_who_is_not_signed_in(put, client, alice_client):
    put()
    assert "no-store" in alice_client.get(EXPORT)["Cache-Control"]
    assert client.get(EXPORT).status_code == 302
    assert alice_client.post(EXPORT).status_code == 405


def test_it_costs_the_same_queries_however_long(connection, alice_client):
    costs = {}
    read(alice_client)
    for size in (1, 3, 1200):
        fill(connection, *(make_event(str(n), starts=NOW + timedelta(minutes=n)) for n in range(1, size + 1)))
        with CaptureQueriesContext(database) as queries:
            assert len(read(alice_client)) == size
        costs[size] = len(queries)
    assert costs[1] == costs[3] == costs[1200]
