"""Which calendars an account has, which are shown, and the page on which their person says so."""

# ruff: noqa: F401, F811  # fixtures of the engine's tests are imported, and asked for by name

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integrations import changing, errors, sync
from integrations.models import Connection, Outcome, Status
from integrations.permissions import Permission
from meetings.calendars import (
    MOST_SHOWN,
    Choice,
    choose_calendars,
    find_calendars,
    find_names,
    writable_calendars,
)
from meetings.models import Meeting
from meetings.scheduling_models import AccountCalendar, CalendarList, ScheduledMeeting
from tests.integrations.conftest import HOUR, NOON, account, connect, memory, queued  # fixtures
from tests.meetings.conftest import make_connection

pytestmark = pytest.mark.django_db
PAGE = "/meetings/calendars/"
LISTINGS = "/meetings/calendars/listings/"
HTMX = {"HX-Request": "true", "HX-Target": "calendars"}
POLL = {"HX-Request": "true", "HX-Target": "calendars-progress"}


@pytest.fixture(autouse=True)
def in_november():
    with time_machine.travel(NOON - timedelta(days=1), tick=True) as clock:
        yield clock


@pytest.fixture
def team(account):
    team = account.add_calendar("team", "Team", color="#16A765", is_own=False)
    team.put_event("t0", title="Team talk", starts=NOON, ends=NOON + HOUR)
    return team


@pytest.fixture
def linked(connect, team, account):
    """Alice's connection, synced once: her own calendar read, two others known."""
    account.add_calendar("feasts", "Feasts", color="#616161", is_own=False, is_writable=False)
    connection = connect("calendar_read", "calendar_write")
    sync.run(connection.pk, trigger="person")
    return connection


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def rows(connection):
    found = AccountCalendar.objects.filter(connection=connection)
    return [(one.remote_id, one.name, one.color, one.is_shown) for one in found]


def pk_of(connection, remote_id):
    return AccountCalendar.objects.get(connection=connection, remote_id=remote_id).pk


def answer(connection, *shown, colors=None):
    """What the page's form sends."""
    calendars = AccountCalendar.objects.filter(connection=connection)
    data = {"calendar": [str(one.pk) for one in calendars]}
    for one in calendars:
        data[f"color-{one.pk}"] = (colors or {}).get(one.remote_id, one.chosen_color)
        if one.remote_id in shown:
            data[f"shown-{one.pk}"] = "on"
    return data


def look_again(connection):
    CalendarList.objects.update(asked_at=timezone.now())
    return sync.run(connection.pk, trigger="person")


# --- which there are -----------------------------------------------------------------------------------------------


def test_the_first_sync_learns_of_all_calendars_and_shows_the_own_one_alone(linked, alice):
    assert rows(linked) == [
        ("", alice.email, "", True),
        ("team", "Team", "#16a765", False),
        ("feasts", "Feasts", "#616161", False),
    ]
    assert set(Meeting.objects.values_list("container", flat=True)) == {""}


def test_the_list_is_read_once_a_day_and_whenever_it_is_asked_for(linked, memory, in_november):
    def asked():
        return memory.requests.count("calendars")

    assert asked() == 1
    sync.run(linked.pk, trigger="person")
    assert asked() == 1
    look_again(linked)
    assert asked() == 2
    sync.run(linked.pk, trigger="person")
    assert asked() == 2
    in_november.shift(timedelta(days=1, minutes=1))
    sync.run(linked.pk, trigger="person")
    assert asked() == 3


def test_the_list_is_read_anew_after_signing_in_anew(linked, memory, in_november):
    in_november.shift(timedelta(minutes=5))
    Connection.objects.update(status_changed_at=timezone.now())
    sync.run(linked.pk, trigger="connect")
    assert memory.requests.count("calendars") == 2


def test_names_colors_and_order_follow_the_provider_and_what_was_chosen_here_stays(linked, account):
    team = pk_of(linked, "team")
    choose_calendars(linked, {team: Choice(is_shown=True, color="purple")})
    account.calendars["team"].name, account.calendars["team"].color = "Team Berlin", "#d50000"
    account.calendars["feasts"].color = "no color"
    look_again(linked)
    assert rows(linked)[1:] == [("team", "Team Berlin", "#d50000", True), ("feasts", "Feasts", "", False)]
    row = AccountCalendar.objects.get(pk=team)
    assert row.swatch == "purple"
    row.chosen_color = ""
    assert row.swatch == "red"


def test_the_own_one_stands_first_whatever_order_the_provider_has(linked, account):
    account.calendars[""] = account.calendars.pop("")
    look_again(linked)
    assert [one[0] for one in rows(linked)] == ["", "team", "feasts"]


def test_a_calendar_that_is_listed_no_more_goes_with_all_that_was_read_of_it(linked, account):
    choose_calendars(linked, {pk_of(linked, "team"): Choice(is_shown=True, color="")})
    sync.run(linked.pk, trigger="person")
    assert Meeting.objects.filter(container="team").exists()
    del account.calendars["team"]
    look_again(linked)
    assert not Meeting.objects.filter(container="team").exists()
    assert [one[0] for one in rows(linked)] == ["", "feasts"]
    assert not linked.cursors.filter(container="team").exists()
    assert Meeting.objects.filter(container="").count() == 3


def test_what_was_written_into_a_hidden_calendar_does_not_stay_in_sight(linked, alice):
    Meeting.objects.create(owner=alice, connection=linked, container="team", remote_id="late", title="Late")
    look_again(linked)
    assert set(Meeting.objects.values_list("container", flat=True)) == {""}


def test_what_was_scheduled_here_outlives_the_calendar_it_stood_in(linked, account, alice):
    choose_calendars(linked, {pk_of(linked, "team"): Choice(is_shown=True, color="")})
    scheduled = ScheduledMeeting.objects.create(
        owner=alice, topic="Ours", starts=NOON, minutes=60, timezone="UTC", connection=linked, container="team",
        is_in_calendar=True, remote_id="t0", wants_calendar=True,
    )  # fmt: skip
    sync.run(linked.pk, trigger="person")
    assert Meeting.objects.get(container="team").scheduled == scheduled
    del account.calendars["team"]
    look_again(linked)
    scheduled.refresh_from_db()
    assert (scheduled.is_in_calendar, scheduled.deleted_at) == (False, None), "nobody called it off"
    row = Meeting.objects.get(scheduled=scheduled)
    assert (row.origin, row.connection, row.title) == ("here", None, "Team talk")


@pytest.mark.parametrize("error", [errors.PermissionMissing(detail="scope"), errors.Unexpected(), errors.Unreachable()])
def test_a_list_that_cannot_be_read_keeps_nothing_from_being_read(linked, account, memory, error):
    memory.fail(error, at="calendars")
    account.put_event("new", title="New", starts=NOON, ends=NOON + HOUR)
    run = look_again(linked)
    assert (run.outcome, run.added) == (Outcome.DONE, 1)
    assert len(rows(linked)) == 3
    assert run.notes == [f"calendar: the list of calendars could not be read ({error.code})"]
    assert CalendarList.objects.get().error_code == error.code
    look_again(linked)
    assert CalendarList.objects.get().error_code == ""


def test_being_told_to_slow_down_at_the_list_is_heeded(linked, memory):
    memory.fail(errors.RateLimited(retry_after=timedelta(minutes=30)), at="calendars")
    asked = memory.requests.count("calendar")
    assert look_again(linked).error_code == "rate_limited"
    assert memory.requests.count("calendar") == asked


def test_a_list_without_the_own_calendar_is_not_believed(linked, account):
    own = account.calendars.pop("")
    look_again(linked)
    assert len(rows(linked)) == 3
    assert CalendarList.objects.get().error_code == "unexpected"
    account.calendars[""] = own


def test_odd_names_and_ids_do_no_harm(linked, account):
    account.add_calendar("nul", "A\x00B " + "x" * 400)
    account.add_calendar("blank", "  ")
    account.add_calendar("a\x00b", "Damaged id")
    account.add_calendar("x" * 2000, "Long id")
    account.add_calendar("rtl", "יומן 🎂")
    look_again(linked)
    names = {remote_id: name for remote_id, name, *_ in rows(linked)}
    assert set(names) == {"", "team", "feasts", "nul", "blank", "rtl"}
    assert names["nul"].startswith("AB x")
    assert len(names["nul"]) == 255
    assert names["blank"] == "Calendar without a name"
    assert names["rtl"] == "יומן 🎂"


def test_giving_up_the_calendar_forgets_which_there_were(linked, alice):
    changing.disconnect(linked, by=alice)
    assert not AccountCalendar.objects.exists()
    assert not CalendarList.objects.exists()


# --- for other pages -----------------------------------------------------------------------------------------------


def test_calendars_are_found_by_connection_and_container_in_one_query(linked, bob, django_assert_num_queries):
    other = make_connection(bob)
    AccountCalendar.objects.create(connection=other, remote_id="team", name="Bob’s")
    with django_assert_num_queries(1):
        found = find_calendars([linked.pk, other.pk])
    assert found[linked.pk, "team"].name == "Team"
    assert found[other.pk, "team"].name == "Bob’s"
    assert (other.pk, "") not in found


def test_a_meeting_can_be_put_where_its_person_sees_it_and_may_write(linked):
    assert [one.remote_id for one in writable_calendars(linked)] == [""]
    for remote_id in ("team", "feasts"):
        choose_calendars(linked, {pk_of(linked, remote_id): Choice(is_shown=True, color="")})
    assert [one.remote_id for one in writable_calendars(linked)] == ["", "team"]
    linked.calendar_write = False
    assert writable_calendars(linked) == []


def test_before_the_first_list_the_own_calendar_can_be_written_to(alice):
    connection = make_connection(alice, provider="memory", calendar_write=True)
    (own,) = writable_calendars(connection)
    assert (own.remote_id, own.name) == ("", alice.email)


def test_a_question_about_an_emptied_calendar_names_it(linked, alice_client):
    assert find_names(linked)["team"] == "Team"
    linked.cursors.create(feed="calendar", container="team", emptied_at=timezone.now())
    assert "your calendar “Team” is now empty" in text_of(alice_client.get("/profile/"))


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_lists_the_calendars_and_says_how_each_stands(linked, alice_client, memory):
    choose_calendars(linked, {pk_of(linked, "team"): Choice(is_shown=True, color="")})
    Connection.objects.update(next_sync_at=timezone.now() + HOUR)
    page = text_of(alice_client.get(PAGE))
    assert "Your own calendar. It is always shown. 3 events" in page
    assert "Team Shared with you. You may change it. Waiting to be read" in page
    assert "Feasts Shared with you, to read." in page
    assert "List checked" in page
    assert "As at Memory: Green" in page
    assert "Automatic: Teal" in page, "the provider says no color"
    memory.fail(errors.PermissionMissing(), at="calendar", after=1)
    sync.run(linked.pk, trigger="person")
    assert f"Not read {errors.PermissionMissing.sentence}" in text_of(alice_client.get(PAGE))
    sync.run(linked.pk, trigger="person")
    assert "You may change it. 1 event" in text_of(alice_client.get(PAGE))


def test_the_page_asks_the_provider_nothing(linked, alice_client, memory):
    asked = len(memory.requests)
    alice_client.get(PAGE)
    alice_client.post(PAGE, answer(linked, "team"))
    alice_client.post(LISTINGS)
    assert len(memory.requests) == asked


def test_the_page_costs_the_same_for_one_calendar_and_for_many(
    linked,
    alice_client,
    account,
    django_assert_num_queries,
):
    alice_client.get(PAGE)
    with django_assert_num_queries(PAGE_QUERIES):
        alice_client.get(PAGE)
    for n in range(20):
        account.add_calendar(f"c{n}", f"Calendar {n}")
    look_again(linked)
    assert len(rows(linked)) == 23
    with django_assert_num_queries(PAGE_QUERIES):
        alice_client.get(PAGE)


PAGE_QUERIES = 13
"""Session, person, membership, connection, policies; two runs, what is emptied; list, calendars, cursors, counts;
whether to ask for a connection."""


def test_ticking_a_calendar_starts_a_sync_that_brings_its_events(
    linked,
    alice_client,
    queued,
    django_capture_on_commit_callbacks,
):
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = alice_client.post(PAGE, answer(linked, "team"), follow=True)
    assert done.redirect_chain == [(PAGE, 302)]
    assert "“Team” is being read, and is shown from now on." in text_of(done)
    assert "Being read" in text_of(done)
    assert queued == [(str(linked.pk), "person")]
    sync.run(*queued[0][:1], trigger="person")
    assert Meeting.objects.filter(title="Team talk").exists()
    assert "1 event" in text_of(alice_client.get(PAGE))


def test_unticking_a_calendar_takes_its_events_away_at_once(linked, alice_client):
    alice_client.post(PAGE, answer(linked, "team"))
    sync.run(linked.pk, trigger="person")
    assert Meeting.objects.filter(title="Team talk").exists()
    done = alice_client.post(PAGE, answer(linked), follow=True)
    assert "“Team” is no longer shown. What was read of it is erased here." in text_of(done)
    assert not Meeting.objects.filter(title="Team talk").exists()
    assert Meeting.objects.count() == 3, "the own calendar stays"


def test_a_choice_that_changes_nothing_starts_nothing(linked, alice_client, queued):
    due = Connection.objects.get().next_sync_at
    done = alice_client.post(PAGE, answer(linked), follow=True)
    assert "Your choice is saved." in text_of(done)
    assert Connection.objects.get().next_sync_at == due


def test_a_color_is_chosen_and_given_back_without_reading_anything(linked, alice_client):
    due = Connection.objects.get().next_sync_at
    alice_client.post(PAGE, answer(linked, colors={"": "pink"}))
    assert AccountCalendar.objects.get(remote_id="").swatch == "pink"
    alice_client.post(PAGE, answer(linked, colors={"": ""}))
    assert AccountCalendar.objects.get(remote_id="").swatch == "teal"
    assert Connection.objects.get().next_sync_at == due


def test_a_color_that_there_is_not_is_refused_and_nothing_is_changed(linked, alice_client):
    refused = alice_client.post(PAGE, answer(linked, "team", colors={"team": "mauve"}))
    assert refused.status_code == 422
    assert "There is no such color." in text_of(refused)
    assert not AccountCalendar.objects.get(remote_id="team").is_shown
    fragment = alice_client.post(PAGE, answer(linked, "team", colors={"team": "mauve"}), headers=HTMX)
    assert fragment.status_code == 422
    assert "<html" not in fragment.content.decode()


def test_too_many_calendars_are_refused_with_how_many_there_may_be(linked, alice_client, account):
    for n in range(MOST_SHOWN):
        account.add_calendar(f"c{n}", f"Calendar {n}")
    look_again(linked)
    many = [f"c{n}" for n in range(MOST_SHOWN)]
    refused = alice_client.post(PAGE, answer(linked, *many))
    assert refused.status_code == 422
    assert f"at most {MOST_SHOWN} can be shown" in text_of(refused)
    assert alice_client.post(PAGE, answer(linked, *many[1:])).status_code == 302


def test_a_calendar_that_appeared_after_the_page_was_loaded_is_not_unticked_by_it(linked, alice_client):
    data = answer(linked)
    data["calendar"].remove(str(pk_of(linked, "team")))
    choose_calendars(linked, {pk_of(linked, "team"): Choice(is_shown=True, color="")})
    alice_client.post(PAGE, data)
    assert AccountCalendar.objects.get(remote_id="team").is_shown


def test_the_own_calendar_is_not_to_be_unticked(linked, alice_client):
    alice_client.post(PAGE, answer(linked))
    assert AccountCalendar.objects.get(remote_id="").is_shown
    assert Meeting.objects.count() == 3


def test_nobody_chooses_for_another_person(linked, bob, sign_in):
    make_connection(bob, provider="memory")
    theirs = answer(linked, "team", colors={"team": "red"})
    page = sign_in(bob).post(PAGE, theirs, follow=True)
    assert "Team" not in text_of(page)
    row = AccountCalendar.objects.get(remote_id="team")
    assert (row.is_shown, row.chosen_color) == (False, "")


def test_looking_again_asks_in_the_background_and_the_page_says_so(
    linked,
    alice_client,
    account,
    queued,
    django_capture_on_commit_callbacks,
):
    Connection.objects.update(next_sync_at=timezone.now() + HOUR)
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        page = alice_client.post(LISTINGS, follow=True)
    assert "Checking now" in text_of(page)
    assert queued == [(str(linked.pk), "person")]
    pulse = re.search(r"pulse=([0-9a-f]+)", page.content.decode())[1]
    assert "HX-Trigger" not in alice_client.get(f"{PAGE}?pulse={pulse}", headers=POLL)
    account.add_calendar("new", "Brand new")
    sync.run(linked.pk, trigger="person")
    polled = alice_client.get(f"{PAGE}?pulse={pulse}", headers=POLL)
    assert "calendars-changed" in polled["HX-Trigger"]
    assert "every 2s" not in polled.content.decode(), "it is done"
    assert "Brand new" in text_of(alice_client.get(PAGE, headers=HTMX))


def test_what_is_polled_says_how_each_calendar_stands_and_touches_no_box(linked, alice_client):
    alice_client.post(PAGE, answer(linked, "team"))
    polled = alice_client.get(PAGE, headers=POLL).content.decode()
    assert "Being read" in polled
    assert "every 2s" in polled
    assert "checkbox" not in polled
    assert f'id="calendar-state-{pk_of(linked, "team")}"' in polled


def test_with_htmx_the_answer_is_the_list_with_what_came_of_it(linked, alice_client):
    done = alice_client.post(PAGE, answer(linked, "team"), headers=HTMX)
    assert done.status_code == 200
    assert "“Team” is being read" in text_of(done)
    assert "<html" not in done.content.decode()
    loaded = alice_client.get(PAGE, headers=HTMX).content.decode()
    assert 'id="messages"' not in loaded, "what was said stays in sight"


# --- where there is nothing to choose ------------------------------------------------------------------------------


def test_without_a_connection_the_page_leads_to_one(alice_client):
    page = alice_client.get(PAGE)
    assert "Connect your calendar" in text_of(page)
    assert "/integrations/connection/new/" in page.content.decode()
    assert alice_client.post(PAGE, {"calendar": ["1"]}).status_code == 302
    assert alice_client.post(LISTINGS).status_code == 302


def test_without_calendar_read_the_page_says_what_is_missing(connect, alice_client, account, queued):
    connection = connect("contacts_read")
    assert "not part of your connection" in text_of(alice_client.get(PAGE))
    queued.clear()
    alice_client.post(LISTINGS)
    assert not CalendarList.objects.exists()
    assert not connection.may(Permission.CALENDAR_READ)


def test_one_calendar_alone_is_said_to_be_all_there_is(connect, alice_client):
    sync.run(connect().pk, trigger="person")
    assert "Memory Calendar lists no other calendar in alice@northwind.example" in text_of(alice_client.get(PAGE))


def test_an_older_consent_shows_the_own_calendar_and_what_to_do(connect, alice_client, memory):
    connection = connect()
    memory.fail(errors.PermissionMissing(detail="scope"), at="calendars")
    assert sync.run(connection.pk, trigger="person").outcome == Outcome.DONE
    connection.refresh_from_db()
    assert connection.status == Status.CONNECTED
    page = alice_client.get(PAGE)
    assert "Memory does not tell us of your other calendars." in text_of(page)
    assert "/integrations/connection/edit/" in page.content.decode()
    assert Meeting.objects.count() == 3


def test_before_anything_was_read_the_page_says_so(connect, alice_client):
    connect()
    assert "Checking now" in text_of(alice_client.get(PAGE))
    Connection.objects.update(next_sync_at=timezone.now() + HOUR)
    assert "We have not looked yet" in text_of(alice_client.get(PAGE))


def test_the_page_is_reached_from_meetings_and_from_the_profile(linked, alice_client):
    for url in ("/meetings/", "/profile/"):
        assert f'href="{PAGE}"' in alice_client.get(url).content.decode()
