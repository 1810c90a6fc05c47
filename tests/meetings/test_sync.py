"""A page of the provider's changes becomes rows: once, completely, whatever it holds."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.models import Connection
from integrations.remote import Attendee, Delta, EventStatus, RemoteEvent, RemoteRef, Response
from meetings import sync
from meetings.models import Meeting
from meetings.spans import EARLIEST, ENDS_BEFORE_START, FAR_AWAY, LATEST, NO_START, read_times
from meetings.sync import CalendarFeed
from tests.meetings.conftest import MEET, NOW, ZOOM, make_connection, make_event
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
feed = CalendarFeed()


def apply(connection, *events, gone=()):
    return feed.apply(connection, Delta(changed=events, gone=tuple(gone)))


def row_of(connection, remote_id="one"):
    return Meeting.objects.get(connection=connection, remote_id=remote_id)


def test_an_event_becomes_a_row_with_all_it_says(connection, alice):
    people = (Attendee("alice@northwind.example", "Alice", Response.ACCEPTED, is_self=True), Attendee("x@example.com"))
    event = make_event(
        uid="uid-1",
        timezone="America/New_York",
        organizer_name="Bob",
        organizer_email="bob@northwind.example",
        attendees=people,
        response=Response.TENTATIVE,
        location="Room 3",
        body=f"<p>Join <a href='{ZOOM}'>here</a></p>",
        web_url="https://calendar.example/one",
        is_private=True,
        status=EventStatus.TENTATIVE,
        kind="focus_time",
        series_id="series",
    )
    assert apply(connection, event).added == 1
    row = row_of(connection)
    assert (row.owner, row.container, row.version, row.uid) == (alice, "", '"1"', "uid-1")
    assert (row.starts, row.ends) == (event.starts, event.ends)
    assert row.attendees == people
    assert (row.attendee_count, row.attendees_omitted) == (2, False)
    assert row.body_text == f"Join here ({ZOOM})"
    assert (row.status, row.response, row.kind, row.series_id) == ("tentative", "tentative", "focus_time", "series")
    assert [link.url for link in row.links] == [ZOOM]
    assert row.join_services == " zoom "
    assert row.is_private
    assert not row.problem


def test_the_same_page_twice_writes_nothing_the_second_time(connection):
    events = [make_event(str(number)) for number in range(20)]
    connection = Connection.objects.select_related("user__membership__organization").get()
    assert apply(connection, *events).added == 20
    with CaptureQueriesContext(database) as queries:
        counts = apply(connection, *events)
    assert (counts.added, counts.changed, counts.removed) == (0, 0, 0)
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("SELECT")


def test_a_series_that_is_listed_whole_loses_what_is_not_listed_and_no_other_does(connection):
    apply(
        connection, *[make_event(f"{series}{n}", series_id=series) for series in "ab" for n in range(3)], make_event()
    )
    listed = [make_event("a0", series_id="a"), make_event("a1", version='"2"', title="New", series_id="a")]
    counts = feed.apply(connection, Delta(changed=(*listed, make_event("a9", series_id="a")), series=("a",)))
    assert (counts.added, counts.changed, counts.removed) == (1, 1, 1)
    held = Meeting.objects.filter(connection=connection).values_list("remote_id", flat=True)
    assert sorted(held) == ["a0", "a1", "a9", "b0", "b1", "b2", "one"]


def test_an_event_that_has_become_a_series_is_no_row_beside_its_occurrences(connection):
    apply(connection, make_event("a"), make_event("b"))
    occurrences = make_event("a1", series_id="a"), make_event("a2", series_id="a")
    CalendarFeed().apply(connection, Delta(changed=occurrences, series=("a",)))
    assert set(Meeting.objects.values_list("remote_id", flat=True)) == {"a1", "a2", "b"}
    CalendarFeed().apply(connection, Delta(changed=(make_event("a"),), series=("a",)))
    assert set(Meeting.objects.values_list("remote_id", flat=True)) == {"a", "b"}


def test_a_series_that_is_gone_goes_with_every_occurrence(connection):
    apply(connection, *[make_event(f"{series}{n}", series_id=series) for series in "ab" for n in range(3)])
    assert apply(connection, gone=["a", "b1"]).removed == 4
    held = Meeting.objects.filter(connection=connection).values_list("remote_id", flat=True)
    assert sorted(held) == ["b0", "b2"]


def test_nobody_elses_series_is_touched(connection, bob):
    theirs = make_connection(bob, account_id="bob")
    for one in (connection, theirs):
        apply(one, make_event("a0", series_id="a"))
    feed.apply(connection, Delta(gone=("a",), series=("a",)))
    assert [one.connection for one in Meeting.objects.all()] == [theirs]


def test_only_what_has_another_version_is_written_again(connection):
    apply(connection, make_event("one", title="Old"), make_event("two", title="Old"))
    counts = apply(connection, make_event("one", version='"2"', title="New"), make_event("two", title="unseen"))
    assert (counts.added, counts.changed) == (0, 1)
    assert row_of(connection, "one").title == "New"
    assert row_of(connection, "two").title == "Old"


def test_a_row_keeps_its_address_when_it_changes(connection):
    apply(connection, make_event())
    before = row_of(connection).pk
    apply(connection, make_event(version='"2"', title="New"))
    assert row_of(connection).pk == before


def test_an_event_without_a_version_is_written_when_it_differs(connection):
    assert apply(connection, make_event(version="")).added == 1
    assert apply(connection, make_event(version="")).changed == 0
    assert apply(connection, make_event(version="", title="New")).changed == 1
    assert row_of(connection).title == "New"


@pytest.mark.parametrize("version", ["a\x00", "\ud800", "v" * 900])
def test_an_odd_version_still_tells_change_from_no_change(connection, version):
    assert apply(connection, make_event(version=version)).added == 1
    assert apply(connection, make_event(version=version)).changed == 0
    assert apply(connection, make_event(version=version + "2", title="New")).changed == 1


def test_a_new_vanity_host_reaches_rows_whose_event_did_not_change(connection, northwind):
    event = make_event(location="https://meet.northwind.example/j/83212345678")
    apply(connection, event)
    assert row_of(connection).links == ()
    set_policy(northwind, {"vanity_hosts": ["meet.northwind.example"]})
    connection = Connection.objects.get()
    assert apply(connection, event).changed == 1
    assert [link.service for link in row_of(connection).links] == ["zoom"]


def test_links_of_every_service_are_kept_whatever_the_policy_says(connection):
    apply(connection, make_event(conference=(MEET,), body=f"or {ZOOM}"))
    assert [link.service for link in row_of(connection).links] == ["google_meet", "zoom"]
    assert row_of(connection).join_services == " google_meet zoom "


def test_a_link_behind_the_cut_of_a_long_description_is_found(connection):
    apply(connection, make_event(body="x " * 200_000 + ZOOM))
    row = row_of(connection)
    assert [link.url for link in row.links] == [ZOOM]
    assert row.body_shortened
    assert ZOOM not in row.body_text


def test_what_is_gone_goes_and_what_was_never_held_does_no_harm(connection):
    apply(connection, make_event("one"), make_event("two"))
    assert apply(connection, gone=["one", "never", "", "a\x00b", "\ud800"]).removed == 1
    assert list(feed.held(connection)) == ["two"]


def test_a_cancelled_event_stays_while_the_provider_shows_it_and_goes_as_a_remnant(connection):
    apply(connection, make_event("one"), make_event("two"))
    cancelled = make_event("one", version='"2"', status=EventStatus.CANCELLED)
    remnant = RemoteEvent(ref=RemoteRef("two", "", '"2"'), status=EventStatus.CANCELLED)
    counts = apply(connection, cancelled, remnant)
    assert (counts.changed, counts.removed) == (1, 1)
    assert row_of(connection, "one").is_cancelled
    assert list(feed.held(connection)) == ["one"]


def test_an_id_twice_on_one_page_is_one_row_and_the_later_wins(connection):
    apply(connection, make_event("one", title="Old"), make_event("one", version='"2"', title="New"), gone=["one"])
    assert row_of(connection).title == "New"
    assert feed.count(connection) == 1


def test_discard_and_erase_touch_this_connection_alone(connection, bob):
    other = make_connection(bob)
    for one in (connection, other):
        apply(one, make_event("one"), make_event("two"))
    assert feed.discard(connection, ["one"]) == 1
    assert feed.erase(connection) == 1
    assert feed.count(connection) == 0
    assert sorted(feed.held(other)) == ["one", "two"]


def test_imported_meetings_go_with_the_connection_and_others_stay(connection, alice):
    apply(connection, make_event())
    here = Meeting.objects.create(owner=alice, title="Scheduled here", starts=NOW, ends=NOW)
    connection.delete()
    assert list(Meeting.objects.all()) == [here]


# --- Odd events ---


def test_an_event_without_a_start_is_kept_and_counted(connection):
    counts = apply(connection, make_event(starts=None))
    row = row_of(connection)
    assert (row.starts, row.ends, row.problem) == (None, None, NO_START)
    assert counts.notes == ["Events without a time, listed under “Without a time”: 1"]


def test_an_end_before_the_start_leaves_the_start(connection):
    apply(connection, make_event(starts=NOW, ends=NOW - timedelta(hours=1)))
    row = row_of(connection)
    assert (row.starts, row.ends, row.problem) == (NOW, NOW, ENDS_BEFORE_START)
    apply(connection, make_event("days", starts_on=date(2026, 11, 23), ends_on=date(2026, 11, 20)))
    row = row_of(connection, "days")
    assert (row.starts_on, row.ends_on, row.problem) == (date(2026, 11, 23), date(2026, 11, 24), ENDS_BEFORE_START)


def test_a_day_that_ends_on_itself_is_one_day_and_no_problem(connection):
    apply(connection, make_event(starts_on=date(2026, 11, 23), ends_on=date(2026, 11, 23)))
    row = row_of(connection)
    assert (row.ends_on, row.problem) == (date(2026, 11, 24), "")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "America/St_Johns", "Europe/Berlin"])
@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_are_held_in_every_zone(connection, alice, zone, year):
    alice.time_zone = zone
    alice.save()
    connection = Connection.objects.get()
    day = date(year, 1, 1) if year == 1 else date(year, 12, 31)
    moment = datetime.combine(day, datetime.min.time(), timezone(timedelta(hours=14 if year == 1 else -12)))
    apply(connection, make_event("time", starts=moment, ends=moment), make_event("day", starts_on=day, ends_on=day))
    for row in Meeting.objects.all():
        assert row.problem == FAR_AWAY
        for viewer in ("Pacific/Kiritimati", "Etc/GMT+12"):
            assert row.starts.astimezone(ZoneInfo(viewer)).year in (1, 9999)


def test_two_thousand_attendees_are_cut_but_not_the_reader_nor_the_host(connection):
    crowd = [Attendee(f"p{number}@example.com") for number in range(2000)]
    crowd += [Attendee("host@example.com", is_organizer=True), Attendee("alice@northwind.example", is_self=True)]
    apply(connection, make_event(attendees=tuple(crowd)))
    row = row_of(connection)
    assert len(row.attendees) == sync.MOST_ATTENDEES
    assert (row.attendee_count, row.attendees_omitted) == (2002, True)
    assert {"host@example.com", "alice@northwind.example"} <= {one.email for one in row.attendees}


def test_text_that_no_database_takes_is_mended(connection):
    bad = "a\x00b\ud800c"
    people = (Attendee(email=bad, name=bad),)
    event = make_event(title=bad, body=bad, location=bad, organizer_name=bad, attendees=people, timezone="x\x00")
    apply(connection, event, make_event("fine", title="Grüße 😀"))
    row = row_of(connection)
    assert (row.title, row.body_text, row.location) == ("ab?c", "ab?c", "ab?c")
    assert row.attendees[0].name == "ab?c"
    assert row_of(connection, "fine").title == "Grüße 😀"


@pytest.mark.parametrize("remote_id", ["", "x" * 1025, "é" * 1000, "a\x00b", "\ud800"])
def test_an_id_that_cannot_be_kept_is_said_and_the_rest_of_the_page_is_written(connection, remote_id):
    counts = apply(connection, make_event(remote_id), make_event("fine"))
    assert list(feed.held(connection)) == ["fine"]
    assert counts.notes == ["Events left out because their id is empty, too long or damaged: 1"]


def test_long_texts_are_cut_to_their_columns(connection):
    event = make_event(
        version="v" * 400,
        title="t" * 5000,
        location="l" * 5000,
        web_url="https://x.example/" + "w" * 5000,
        organizer_name="n" * 900,
        organizer_email="e" * 900,
        uid="u" * 2000,
        series_id="s" * 2000,
        timezone="z" * 200,
        kind="k" * 90,
    )
    apply(connection, event)
    row = row_of(connection)
    row.full_clean(exclude=["connection"])
    assert row.title.endswith("…")
    assert row.web_url == "", "half a URL leads nowhere"


def test_a_megabyte_of_script_is_text_that_does_not_run(connection):
    apply(connection, make_event(body="<script>alert(1)</script>" * 40_000 + "<p>Agenda"))
    assert row_of(connection).body_text == "Agenda"


moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))]))
events = st.builds(
    RemoteEvent,
    ref=st.builds(RemoteRef, id=st.text(max_size=5), version=st.text(max_size=3)),
    title=st.text(alphabet=st.characters(exclude_categories=()), max_size=20),
    body=st.text(max_size=50),
    location=st.text(max_size=20),
    starts=st.none() | moments,
    ends=st.none() | moments,
    starts_on=st.none() | st.dates(),
    ends_on=st.none() | st.dates(),
    timezone=st.sampled_from(["", "Europe/Berlin", "Nowhere/At_All"]),
    status=st.sampled_from(EventStatus),
    attendees=st.lists(st.builds(Attendee, email=st.text(max_size=8), name=st.text(max_size=8)), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(page=st.lists(events, max_size=5))
def test_no_page_of_events_whatever_breaks_a_sync(django_db_blocker, page):
    from organizations.models import User

    with django_db_blocker.unblock():
        user, _ = User.objects.get_or_create(email="any@example.com")
        connection = Connection.objects.filter(user=user).first() or make_connection(user)
        apply(connection, *page)
        counts = apply(connection, *page)
        assert counts.changed == counts.added == 0
        feed.erase(connection)


@given(st.builds(read_times, events, st.sampled_from([ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns")])))
def test_times_read_are_in_order_and_within_bounds(times):
    starts, ends, starts_on, ends_on, problem = times
    if starts is None:
        assert (ends, starts_on, ends_on, problem) == (None, None, None, NO_START)
    else:
        assert EARLIEST <= starts <= ends <= LATEST
        assert (starts_on is None) == (ends_on is None)
        assert starts_on is None or starts_on < ends_on
