"""The Meetings pages of a person who schedules for others: what they see of them, and what never."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.remote import Attendee, Delta, EventStatus, Response
from meetings.models import Delegation, Meeting, Origin, Write
from meetings.sync import CalendarFeed
from organizations.models import User
from tests.meetings.conftest import NOW, ZOOM, make_connection, make_event
from tests.meetings.test_views import LIST, NOW_URL, fill, text_of, titles_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
DAY = reverse("meetings:day", args=["2026-11-23"])
WEEK = reverse("meetings:week", args=["2026-W48"])
EXPORT = reverse("meetings:export")
SECRET = "Merger with Contoso"


def delegate(owner, to, **fields):
    return Delegation.objects.create(owner=owner, delegate=to, **fields)


def csv_of(response):
    return b"".join(response.streaming_content).decode()


@pytest.fixture
def put_of():
    """put_of(person, "id", title=…) -> the meeting in that person's calendar."""

    def put(user, remote_id="one", **fields):
        connection = getattr(user, "connection", None) or make_connection(user)
        CalendarFeed().apply(connection, Delta(changed=(make_event(remote_id, **fields),)))
        return Meeting.objects.get(connection=connection, remote_id=remote_id)

    return put


@pytest.fixture
def shared(put_of, alice, bob):
    """Bob has named Alice; each has a meeting."""
    put_of(alice, "mine", title="My planning", starts=NOW + timedelta(hours=1))
    put_of(bob, "his", title="His review", starts=NOW + timedelta(hours=2), is_organizer=True, location=ZOOM)
    put_of(bob, "guest", title="His lunch", starts=NOW + timedelta(hours=4), organizer_name="Gil")
    return delegate(bob, alice)


# --- Whose ---


@pytest.mark.parametrize(
    ("host", "titles"),
    [
        ("", ["My planning", "His review", "His lunch"]),
        ("me", ["My planning"]),
        ("bob", ["His review", "His lunch"]),
    ],
)
def test_meetings_hosted_by_shows_anyones_or_ones_own_or_one_persons(shared, alice_client, bob, host, titles):
    key = str(bob.pk) if host == "bob" else host
    assert titles_of(alice_client.get(f"{LIST}?host={key}")) == titles
    for url in (DAY, WEEK):
        words = text_of(alice_client.get(f"{url}?host={key}"))
        assert [
            title for title in ("My planning", "His review", "His lunch") if title in words[words.index("08:00") :]
        ] == titles
    lines = csv_of(alice_client.get(f"{EXPORT}?host={key}"))
    assert [title for title in ("My planning", "His review", "His lunch") if title in lines] == titles


def test_rows_of_others_say_whose_they_are(shared, alice_client):
    words = text_of(alice_client.get(LIST))
    assert "His review Host: Bob Okafor" in words
    assert "His lunch Calendar of Bob Okafor" in words
    assert "My planning Calendar of" not in words
    assert "Meetings hosted by" in words
    assert "3 upcoming meetings in 2 people’s calendars" in alice_client.get(LIST).content.decode()


def test_who_schedules_for_nobody_is_not_asked_whose(put, alice_client):
    put()
    words = text_of(alice_client.get(LIST))
    assert "Meetings hosted by" not in words
    assert "1 upcoming meeting." in alice_client.get(LIST).content.decode()


@pytest.mark.parametrize("who", ["dora", "charlie", "nobody"])
def test_a_person_one_does_not_schedule_for_is_a_sentence_and_shows_nothing_of_theirs(
    shared, put_of, alice_client, dora, charlie, who
):
    for person in (dora, charlie):
        put_of(person, title=f"Of {person.name}")
    key = {"dora": dora.pk, "charlie": charlie.pk, "nobody": 999_999}[who]
    response = alice_client.get(f"{LIST}?host={key}")
    assert response.status_code == 200
    assert "You do not schedule for this person, or no longer." in text_of(response)
    assert titles_of(response) == ["My planning", "His review", "His lunch"]
    for url in (DAY, WEEK, NOW_URL):
        assert "Of Dora" not in text_of(alice_client.get(f"{url}?host={key}"))
    assert alice_client.get(f"{EXPORT}?host={key}").status_code == 302


def test_the_owner_and_a_stranger_see_nothing_of_the_delegates(shared, bob_client, charlie_client):
    for client in (bob_client, charlie_client):
        for url in (LIST, DAY, WEEK):
            assert "My planning" not in text_of(client.get(url))
        assert "My planning" not in csv_of(client.get(EXPORT))
    assert "His review" in text_of(bob_client.get(LIST))
    assert "His review" not in text_of(charlie_client.get(LIST))


def test_a_delegation_that_is_over_shows_nothing(shared, alice_client):
    Delegation.objects.update(until=date(2026, 11, 22))
    assert titles_of(alice_client.get(LIST)) == ["My planning"]
    Delegation.objects.update(until=date(2026, 11, 23))
    assert len(titles_of(alice_client.get(LIST))) == 3


def test_a_delegate_joins_where_the_owner_starts(shared, alice_client, bob_client):
    assert "Join : His review" in text_of(alice_client.get(LIST))
    assert "Start : His review" in text_of(bob_client.get(LIST))


def test_what_comes_next_is_ones_own_unless_a_person_is_chosen(shared, alice_client, bob):
    assert "My planning" in text_of(alice_client.get(NOW_URL))
    assert "His review" not in text_of(alice_client.get(NOW_URL))
    assert "His review" in text_of(alice_client.get(f"{NOW_URL}?host={bob.pk}"))
    page = alice_client.get(f"{LIST}?host={bob.pk}").content.decode()
    assert f"host={bob.pk}" in re.search(r'id="meetings-now" hx-get="([^"]+)"', page)[1]


def test_a_delegate_without_a_calendar_sees_the_owners(put_of, alice, bob, alice_client):
    put_of(bob, title="His review", starts=NOW + timedelta(hours=1))
    delegate(bob, alice)
    assert titles_of(alice_client.get(LIST)) == ["His review"]
    assert "His review" in text_of(alice_client.get(NOW_URL))


def test_the_page_that_stays_open_is_told_of_changes_in_an_owners_calendar(shared, alice_client, bob):
    from integrations.models import Outcome, SyncRun

    pulse = re.search(r"pulse=([^\"]*)\"", alice_client.get(LIST).content.decode())[1]
    assert "HX-Trigger" not in alice_client.get(f"{NOW_URL}?pulse={pulse}")
    SyncRun.objects.create(connection=bob.connection, outcome=Outcome.DONE, changed=1)
    assert "meetings-changed" in alice_client.get(f"{NOW_URL}?pulse={pulse}")["HX-Trigger"]


# --- The same meeting in several calendars ---


@pytest.mark.parametrize("same", [{"uid": "same@example.com"}, {"location": ZOOM}])
def test_one_meeting_in_two_calendars_is_one_row_ones_own_first(put_of, alice, bob, alice_client, same):
    put_of(bob, title="Seen by Bob", starts=NOW + timedelta(hours=1), **same)
    put_of(alice, title="Seen by me", starts=NOW + timedelta(hours=1), **same)
    delegate(bob, alice)
    assert titles_of(alice_client.get(LIST)) == ["Seen by me"]
    assert "Also in Bob Okafor’s calendar" in text_of(alice_client.get(LIST))
    assert titles_of(alice_client.get(f"{LIST}?host={bob.pk}")) == ["Seen by Bob"]
    for url in (DAY, WEEK):
        assert "Seen by Bob" not in text_of(alice_client.get(url))
    lines = csv_of(alice_client.get(EXPORT))
    assert lines.count("Seen by") == 1
    assert "Bob Okafor’s calendar" in lines


def test_other_meetings_at_the_same_time_are_rows_of_their_own(put_of, alice, bob, alice_client):
    put_of(bob, title="His", uid="a", starts=NOW + timedelta(hours=1))
    put_of(alice, title="Mine", uid="b", starts=NOW + timedelta(hours=1))
    put_of(alice, "two", title="Mine, another day", uid="a", starts=NOW + timedelta(hours=25))
    delegate(bob, alice)
    assert sorted(titles_of(alice_client.get(LIST))) == ["His", "Mine", "Mine, another day"]


def test_what_is_private_is_nobodys_twin(put_of, alice, bob, alice_client):
    """That it is the same as one's own meeting would say what it is about."""
    put_of(alice, title="Open", uid="same", starts=NOW + timedelta(hours=1))
    put_of(bob, title=SECRET, uid="same", starts=NOW + timedelta(hours=1), is_private=True)
    named = delegate(bob, alice)
    words = text_of(alice_client.get(LIST))
    assert "Also in" not in words
    assert "Private Calendar of Bob Okafor" in words
    named.may_manage_private = True
    named.save()
    assert "Also in Bob Okafor’s calendar" in text_of(alice_client.get(LIST))


def test_a_meeting_on_the_edge_of_a_page_stands_once(put_of, alice, bob, alice_client, monkeypatch):
    monkeypatch.setattr("meetings.agenda.PER_PAGE", 3)
    for hour in range(1, 5):
        for person in (alice, bob):
            put_of(person, f"e{hour}", title=f"M{hour}", uid=f"u{hour}", starts=NOW + timedelta(hours=hour))
    delegate(bob, alice)
    seen = [title for page in (1, 2, 3) for title in titles_of(alice_client.get(f"{LIST}?page={page}"))]
    assert seen == ["M1", "M2", "M3", "M4"]


# --- Private ---


@pytest.fixture
def private(put_of, alice, bob):
    """A private meeting of Bob's, full of what is nobody's business, and Alice who may not manage such."""
    delegate(bob, alice)
    return put_of(
        bob,
        "secret",
        title=SECRET,
        body=f"{SECRET} Passcode: 135790\nOne tap mobile\n+14155550123,,1# US",
        location=f"{SECRET} {ZOOM}",
        organizer_name="Contoso Inc",
        organizer_email="ceo@contoso.example",
        attendees=(Attendee("ceo@contoso.example", "Contoso Inc", Response.ACCEPTED),),
        web_url="https://calendar.example/contoso",
        series_id="contoso-series",
        uid="contoso-uid",
        kind="focus_time",
        timezone="America/New_York",
        status=EventStatus.TENTATIVE,
        response=Response.TENTATIVE,
        is_private=True,
        starts=NOW + timedelta(minutes=10),
    )


LEAKS = (
    "contoso",
    "83212345678",
    "832 1234",
    "135790",
    "+1415",
    "new york",
    "focus time",
    "tentative",
    "maybe",
    "merger",
)


def assert_nothing_leaks(html):
    # What the filters offer to everybody is no leak.
    html = re.sub(r"<select.*?</select>", "", html, flags=re.DOTALL).lower()
    for leak in LEAKS:
        assert leak not in html, leak


def test_a_delegate_sees_of_a_private_meeting_its_time_and_private(private, alice_client, bob):
    for url in (LIST, f"{LIST}?host={bob.pk}", DAY, WEEK):
        response = alice_client.get(url)
        assert "Private" in text_of(response)
        assert "10:05" in text_of(response)
        assert f'href="{reverse("meetings:detail", args=[private.pk])}"' not in response.content.decode()
        assert_nothing_leaks(response.content.decode())
    for url in (NOW_URL, f"{NOW_URL}?host={bob.pk}"):
        assert_nothing_leaks(alice_client.get(url).content.decode())


def test_its_page_and_its_line_say_no_more(private, alice_client):
    page = alice_client.get(reverse("meetings:detail", args=[private.pk]))
    assert page.status_code == 200
    assert "Private" in text_of(page)
    assert_nothing_leaks(page.content.decode())
    lines = csv_of(alice_client.get(EXPORT))
    assert "2026-11-23 10:05,2026-11-23 11:05,Europe/Berlin,,Private,,,Bob Okafor" in lines
    assert_nothing_leaks(lines)


@pytest.mark.parametrize(
    "query", ["q=merger", "q=private", "q=contoso", "answer=tentative", "join=any", "join=none", "q=83212345678"]
)
def test_no_search_and_no_filter_finds_it(private, alice_client, query):
    assert "Calendar of Bob Okafor" not in text_of(alice_client.get(f"{LIST}?{query}"))
    assert "Bob Okafor" not in csv_of(alice_client.get(f"{EXPORT}?{query}"))


def test_who_may_manage_private_events_sees_it_whole(private, alice_client):
    Delegation.objects.update(may_manage_private=True)
    words = text_of(alice_client.get(LIST))
    assert SECRET in words
    assert "Join : Merger" in words
    assert "135790" in text_of(alice_client.get(reverse("meetings:detail", args=[private.pk])))
    assert SECRET in csv_of(alice_client.get(EXPORT))
    assert titles_of(alice_client.get(f"{LIST}?q=merger")) == [SECRET]


# --- What leads elsewhere ---


def test_open_in_names_the_owners_service_not_the_viewers(put_of, alice, bob, alice_client):
    make_connection(alice)
    make_connection(bob, provider="office365", account_id="bob")
    meeting = put_of(bob, title="Review", web_url="https://outlook.office365.com/owa/?itemid=1")
    delegate(bob, alice)
    words = text_of(alice_client.get(reverse("meetings:detail", args=[meeting.pk])))
    assert "Open in Outlook" in words
    assert "Google" not in words


def test_made_in_zoom_is_said_of_the_hosts_own(alice, alice_client):
    make_connection(alice)
    Meeting.objects.create(
        owner=alice, origin=Origin.HOST, remote_id="z1", title="From Zoom", starts=NOW, ends=NOW + timedelta(hours=1)
    )
    assert "From Zoom Made in Zoom" in text_of(alice_client.get(LIST))


# --- What it costs ---


def make_owners(northwind, make_member, alice, count, *, meetings=1):
    for number in range(count):
        owner = make_member(northwind, f"owner{number}@northwind.example", name=f"Owner {number:02}")
        connection = make_connection(owner)
        hours = range(1, meetings + 1)
        fill(connection, *(make_event(str(n), uid=f"u{n}", starts=NOW + timedelta(hours=n)) for n in hours))
        delegate(owner, alice)


@pytest.mark.parametrize("url", [LIST, DAY, WEEK, EXPORT, f"{LIST}?q=planning", NOW_URL])
def test_the_pages_cost_the_same_queries_however_many_owners_and_meetings(
    connection, northwind, make_member, alice, alice_client, url
):
    costs = {}
    alice_client.get(LIST)  # the first request of a session writes that it began
    for owners, meetings in ((1, 1), (3, 3), (20, 2)):
        User.objects.filter(email__startswith="owner").delete()
        make_owners(northwind, make_member, alice, owners, meetings=meetings)
        hours = range(1, meetings + 1)
        fill(connection, *(make_event(f"own{n}", uid=f"o{n}", starts=NOW + timedelta(hours=n)) for n in hours))
        with CaptureQueriesContext(database) as queries:
            response = alice_client.get(url)
            if response.streaming:
                csv_of(response)
        costs[owners] = [query["sql"] for query in queries]
    assert len(costs[1]) == len(costs[3]) == len(costs[20])


# --- What is being written ---


@pytest.mark.parametrize(
    ("state", "mark"), [("waiting", "Saving"), ("failed", "Not saved"), ("conflict", "Choose a ver")]
)
def test_a_change_on_its_way_is_marked_and_the_open_page_is_told(put_of, alice, alice_client, state, mark):
    meeting = put_of(alice, title="Review", starts=NOW + timedelta(hours=1))
    pulse = re.search(r"pulse=([^\"]*)\"", alice_client.get(LIST).content.decode())[1]
    assert mark not in text_of(alice_client.get(LIST))
    write = Write.objects.create(
        owner=alice, connection=meeting.connection, remote_id=meeting.remote_id, action="update", state=state
    )
    assert mark in text_of(alice_client.get(LIST))
    assert "meetings-changed" in alice_client.get(f"{NOW_URL}?pulse={pulse}")["HX-Trigger"]
    Write.objects.filter(pk=write.pk).update(state="done")
    assert mark not in text_of(alice_client.get(LIST))


def test_what_is_written_of_a_private_meeting_is_not_marked_for_who_may_not_see_it(private, bob, alice_client):
    Write.objects.create(
        owner=bob, connection=private.connection, remote_id=private.remote_id, action="update", state="waiting"
    )
    assert "Saving" not in text_of(alice_client.get(LIST))
    Delegation.objects.update(may_manage_private=True)
    assert "Saving" in text_of(alice_client.get(LIST))
