"""An admin's overview: who is connected to what, and what fails."""

import csv
import io
import itertools
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import counting
from integrations import overview as seeing
from integrations.models import Connection, Status, SyncHour
from integrations.overview import State
from integrations.permissions import Permission
from integrations.policy_models import OrganizationPolicies
from organizations.models import Group
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
URL = "/administration/"
LIST = {"HX-Request": "true", "HX-Target": "connections"}


@pytest.fixture
def link(memory):
    """link(person, **fields) -> a connection of theirs that works, but for what the fields say."""

    def make(user, **fields):
        now = timezone.now()
        values = {
            "provider": "memory",
            "mailbox": user.email,
            "account_id": user.email,
            "credentials": {"token": "zebrafinch"},
            "calendar_read": True,
            "contacts_read": True,
            "synced_at": now - timedelta(minutes=5),
            "next_sync_at": now + timedelta(minutes=5),
        }
        return Connection.objects.create(user=user, **values | fields)

    return make


@pytest.fixture
def crowd(northwind, make_member, link):
    """crowd(n) -> n members in a group each two share, two thirds of them connected."""

    def make(count, first=0):
        group = None
        for n in range(first, first + count):
            user = make_member(northwind, f"colleague{n:03}@northwind.example")
            if group is None or n % 2 == 0:
                group = Group.objects.create(organization=northwind, name=f"Group {n:03}", position=n)
                set_policy(northwind, {"memory.contacts_write": "off"}, group=group)
            user.membership.groups.add(group)
            if n % 3:
                link(user)

    return make


def names(page):
    return [row.user.label for row in page.context["rows"]]


def test_the_overview_says_who_is_connected_to_what_and_what_is_in_the_way(dora_client, alice, bob, link):
    link(alice, mailbox="alice.work@elsewhere.example", calendar_write=True)
    link(bob, status=Status.RECONNECT_NEEDED, error_sentence="Reconnect to go on.")
    page = dora_client.get(URL)
    assert names(page) == ["Alice Meyer", "Bob Okafor", "Dora Lindqvist"]
    words = page.content.decode()
    assert "alice.work@<wbr>elsewhere.example" in words
    for said in ("Memory", "Calendar read, write", "Contacts read", "5 min ago"):
        assert said in words
    assert "Reconnect to go on." in words
    assert "zebrafinch" not in words


def test_a_member_an_admin_of_another_organization_and_who_is_not_signed_in(
    alice_client, charlie_client, charlie, alice, dora, client, link
):
    link(alice)
    for url in (URL, f"{URL}connections.csv", f"{URL}members/{alice.membership.pk}/"):
        assert alice_client.get(url).status_code == 404
        assert client.get(url)["Location"].startswith("/accounts/login/")
    for url in (URL, f"{URL}connections.csv"):
        answer = charlie_client.get(url)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200
        assert charlie.email.encode() in body
        assert alice.email.encode() not in body


STATES = {
    State.CONNECTED: {},
    State.FAILING: {"failures": 2, "error_sentence": "It cannot be reached."},
    State.RECONNECT_NEEDED: {"status": Status.RECONNECT_NEEDED},
    State.ADMIN_NEEDED: {"status": Status.ADMIN_NEEDED},
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_counted_and_leads_to_who_is_in_it(dora_client, alice, bob, link, state):
    link(alice, **STATES[state])
    page = dora_client.get(URL)
    assert {one["state"]: one["count"] for one in page.context["health"] if one["count"]} == {
        state: 1,
        State.NOT_CONNECTED: 2,
    }
    assert f'href="/administration/?state={state}#connections"' in page.content.decode()
    assert names(dora_client.get(URL, {"state": state})) == ["Alice Meyer"]
    assert names(dora_client.get(URL, {"state": "none"})) == ["Bob Okafor", "Dora Lindqvist"]


def test_what_policy_holds_back_is_a_state_of_its_own_and_comes_back_with_the_policy(
    dora_client, northwind, alice, bob, link
):
    link(alice)
    link(bob)
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    set_policy(northwind, {"memory.offered": False}, group=group)
    assert names(dora_client.get(URL, {"state": "held-back"})) == ["Alice Meyer"]
    assert names(dora_client.get(URL, {"state": "connected"})) == ["Bob Okafor"]
    set_policy(northwind, {}, group=group)
    assert names(dora_client.get(URL, {"state": "held-back"})) == []
    assert names(dora_client.get(URL, {"state": "connected"})) == ["Alice Meyer", "Bob Okafor"]


def test_ten_thousand_held_back_members_fit_into_one_statement_of_sqlite(northwind):
    many = frozenset(range(1, 10_001))
    for sort, state in itertools.product(("person", "state", "-state"), State):
        members = seeing.find_members(northwind, seeing.Filters(state=state, sort=sort), many)
        _, parameters = members.query.sql_with_params()
        assert len(parameters) < 100, (sort, state)
        assert list(seeing.with_connections(members)[:50]) is not None
        assert members.count() >= 0


def test_one_permission_held_back_is_said_beside_it_and_the_connection_goes_on(dora_client, northwind, alice, link):
    link(alice)
    set_policy(northwind, {"memory.contacts_read": "off"})
    (row,) = dora_client.get(URL, {"state": "connected"}).context["rows"]
    assert row.permissions == [("Calendar read", False), ("Contacts read", True)]


def test_while_a_grace_period_runs_a_connection_counts_as_it_is_used(dora_client, northwind, alice, link):
    link(alice)
    until = timezone.now() + timedelta(days=2)
    policy = set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], kept_until=until)
    assert names(dora_client.get(URL, {"state": "connected"})) == ["Alice Meyer"]
    policy.kept_until = timezone.now() - timedelta(seconds=1)
    policy.save()
    assert names(dora_client.get(URL, {"state": "held-back"})) == ["Alice Meyer"]


def test_the_database_finds_in_each_state_just_whom_the_rows_show_in_it(northwind, make_member, link):
    """Over many kinds of connections and policies: the count, the filter, the order and the row agree."""
    chance = random.Random(11)
    groups = [Group.objects.create(organization=northwind, name=f"G{n}", position=n) for n in range(3)]
    set_policy(northwind, {"mailbox_domains": ["northwind.example", "sub.northwind.example"]})
    set_policy(northwind, {"memory.offered": False}, group=groups[0])
    set_policy(northwind, {"own_mailbox": True, "memory.offered": True}, group=groups[1])
    people = [make_member(northwind, f"p{n:02}@northwind.example", is_active=n % 10 > 0) for n in range(90)]
    for n, user in enumerate(people):
        user.membership.groups.set(chance.sample(groups, chance.randint(0, 3)))
        if n % 13 == 0:
            set_policy(
                northwind, {"memory.calendar_read": "off", "memory.contacts_read": "off"}, membership=user.membership
            )
        if n % 4:
            link(
                user,
                status=chance.choice([*Status.values, Status.CONNECTED, Status.CONNECTED]),
                failures=chance.choice([0, 0, 3]),
                mailbox=chance.choice([user.email, user.email.upper(), "x@sub.northwind.example", "x@else.example"]),
                calendar_read=chance.random() < 0.7,
                contacts_read=chance.random() < 0.7,
            )
    policies = OrganizationPolicies(northwind)
    found = seeing.survey(northwind, policies)
    everybody = seeing.find_members(northwind, seeing.Filters(), found.held_back)
    rows = list(seeing.make_rows(seeing.with_connections(everybody), policies))
    for row in rows:
        if row.connection:
            stored = Connection.objects.get(pk=row.connection.pk)
            assert row.usable == stored.usable
    for state in State:
        expected = [row.membership.pk for row in rows if row.state is state]
        assert found.counts[state] == len(expected)
        chosen = seeing.find_members(northwind, seeing.Filters(state=state), found.held_back)
        assert [one.pk for one in chosen] == expected
    assert min(found.counts.values()) > 0, "the stage has somebody in each state"
    by_state = seeing.find_members(northwind, seeing.Filters(sort="state"), found.held_back)
    states = {row.membership.pk: list(State).index(row.state) for row in rows}
    assert [states[one.pk] for one in by_state] == sorted(states.values())


def test_who_may_not_sign_in_any_more_is_left_out_unless_a_connection_is_left_of_them(dora_client, alice, bob, link):
    link(alice)
    for person in (alice, bob):
        person.is_active = False
        person.save()
    page = dora_client.get(URL)
    assert names(page) == ["Alice Meyer", "Dora Lindqvist"]
    assert b"Switched off" in page.content


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"q": "oka"}, ["Bob Okafor"]),
        ({"q": "ALICE@"}, ["Alice Meyer"]),
        ({"q": "elsewhere"}, ["Alice Meyer"]),
        ({"q": "100%"}, []),
        ({"service": "memory"}, ["Alice Meyer"]),
        ({"service": "google"}, []),
        ({"state": "none", "q": "dora"}, ["Dora Lindqvist"]),
        ({"state": "connected", "q": "dora"}, []),
    ],
)
def test_search_and_filters_leave_who_matches_all_of_them(dora_client, alice, bob, link, filters, found):
    link(alice, mailbox="work@elsewhere.example")
    for headers in ({}, LIST):
        page = dora_client.get(URL, filters, headers=headers)
        assert names(page) == found
        assert (b"Nobody found" in page.content) == (not found)


def test_a_group_is_a_filter_and_one_of_another_organization_is_none(dora_client, northwind, rival, alice, bob):
    mine = Group.objects.create(organization=northwind, name="Sales")
    theirs = Group.objects.create(organization=rival, name="Theirs")
    alice.membership.groups.add(mine)
    assert names(dora_client.get(URL, {"group": mine.pk})) == ["Alice Meyer"]
    assert len(names(dora_client.get(URL, {"group": theirs.pk}))) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"page": "999"},
        {"page": "x"},
        {"group": "x"},
        {"group": "9" * 40},
        {"state": "x"},
        {"sort": "password"},
        {"sort": "--state"},
        {"q": "\0" + "x" * 3000},
        {"service": "\0"},
    ],
)
def test_odd_parameters_break_nothing(dora_client, alice, link, odd):
    link(alice)
    for url in (URL, f"{URL}connections.csv"):
        assert dora_client.get(url, odd).status_code == 200


@pytest.mark.parametrize("key", seeing.SORTS)
def test_every_column_sorts_both_ways_with_those_who_have_no_such_value_last(dora_client, alice, bob, dora, link, key):
    now = timezone.now()
    link(alice, mailbox="a@x.example", synced_at=now - timedelta(days=2), next_sync_at=now, provider="exchange")
    later = now + timedelta(hours=1)
    link(bob, mailbox="b@x.example", synced_at=now - timedelta(days=1), next_sync_at=later, failures=1)
    up, down = names(dora_client.get(URL, {"sort": key})), names(dora_client.get(URL, {"sort": f"-{key}"}))
    assert up == ["Alice Meyer", "Bob Okafor", "Dora Lindqvist"]
    if key in ("person", "state"):
        assert down == up[::-1]
    else:
        assert down == ["Bob Okafor", "Alice Meyer", "Dora Lindqvist"]


def test_a_column_that_is_sorted_says_so_and_turns_round_keeping_the_filters(dora_client, alice):
    page = dora_client.get(URL, {"sort": "synced", "q": "example", "page": "1"}).content.decode()
    assert 'aria-sort="ascending"' in page
    assert 'href="?sort=-synced&amp;q=example"' in page
    assert 'aria-sort="descending"' in dora_client.get(URL, {"sort": "-synced"}).content.decode()


def test_the_list_pages_after_50_and_no_page_repeats_another(dora_client, northwind, make_member):
    for n in range(60):
        make_member(northwind, f"colleague{n:02}@northwind.example", name="Same Name")
    first, second = (names(dora_client.get(URL, {"page": page})) for page in (1, 2))
    assert (len(first), len(second)) == (50, 11)
    pages = [dora_client.get(URL, {"page": page, "sort": "synced"}).context["rows"] for page in (1, 2)]
    assert len({row.membership.pk for page in pages for row in page}) == 61


def test_while_somebody_types_the_list_comes_alone_and_says_how_many_there_are(dora_client, alice):
    page = dora_client.get(URL, {"q": "alice"}, headers=LIST).content.decode()
    assert 'id="connections" data-announce="1 member"' in page
    assert "<html" not in page
    assert "chart" not in page


def count_queries(client, **more):
    with CaptureQueriesContext(database) as queries:
        assert client.get(URL, **more).status_code == 200
    return len(queries)


def test_the_page_and_its_list_cost_the_same_however_many_work_here(dora_client, crowd, northwind):
    crowd(3)
    SyncHour.objects.create(organization=northwind, starts=timezone.now(), done=1)
    dora_client.get(URL)
    whole, alone = count_queries(dora_client), count_queries(dora_client, headers=LIST)
    # session, person, membership, what the banners need; groups; policies and their groups' order; survey: groups that
    # decide, connections, members; the page: count, rows, groups; the hours of the chart
    assert whole <= 16
    assert alone == whole - 5
    crowd(297, first=3)
    hours = (timezone.now() - timedelta(hours=n) for n in range(1, 600))
    SyncHour.objects.bulk_create(SyncHour(organization=northwind, starts=hour, done=1) for hour in hours)
    assert count_queries(dora_client) == whole
    assert count_queries(dora_client, headers=LIST) == alone
    for filters in ({"state": "connected"}, {"sort": "-state"}, {"q": "colleague"}, {"page": "3"}):
        assert count_queries(dora_client, data=filters) == whole


@pytest.mark.parametrize("members", [3, 300])
def test_a_csv_asks_twice_for_every_500_members(dora_client, crowd, members, django_assert_num_queries):
    crowd(members)
    b"".join(dora_client.get(f"{URL}connections.csv").streaming_content)
    # session, person, membership; groups; policies and their groups' order; rows, their groups
    with django_assert_num_queries(8):
        b"".join(dora_client.get(f"{URL}connections.csv").streaming_content)


def read_csv(client, **filters):
    answer = client.get(f"{URL}connections.csv", filters)
    assert answer["Content-Disposition"].startswith('attachment; filename="connections-')
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_holds_what_the_filters_leave_in_the_readers_time_and_nothing_that_a_spreadsheet_runs(
    dora_client, northwind, alice, bob, link
):
    noon = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    link(alice, synced_at=noon, next_sync_at=noon, created_at=noon, error_sentence="=HYPERLINK(1)", failures=1)
    bob.name = "@SUM(1)"
    bob.save()
    set_policy(northwind, {"memory.contacts_read": "off"})
    alices, bobs, doras = sorted(read_csv(dora_client), key=lambda line: line["E-mail address"])
    assert alices == {
        "Person": "Alice Meyer",
        "E-mail address": alice.email,
        "Groups": "",
        "Service": "Memory",
        "Mailbox": alice.email,
        "Permissions": "Calendar read; Contacts read",
        "Held back by policy": "Contacts read",
        "State": "Failing",
        "Connected since": "2026-11-20 12:00:00+01:00",
        "Last good sync": "2026-11-20 12:00:00+01:00",
        "Next try": "2026-11-20 12:00:00+01:00",
        "Error": "'=HYPERLINK(1)",
    }
    assert bobs["Person"] == "'@SUM(1)"
    assert doras["State"] == "Not connected"
    assert [line["Person"] for line in read_csv(dora_client, state="failing")] == ["Alice Meyer"]
    assert [line["Person"] for line in read_csv(dora_client, q="dora")] == ["Dora Lindqvist"]


# --- The chart ---------------------------------------------------------------------------------------------------

MIDNIGHT_IN_BERLIN = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


def test_hours_belong_to_the_days_of_the_reader(northwind):
    SyncHour.objects.create(organization=northwind, starts=MIDNIGHT_IN_BERLIN - timedelta(hours=1), done=1)
    SyncHour.objects.create(organization=northwind, starts=MIDNIGHT_IN_BERLIN, done=2, failed=3)
    now = MIDNIGHT_IN_BERLIN + timedelta(hours=2)
    *_, yesterday, today = counting.list_days(northwind, ZoneInfo("Europe/Berlin"), now=now)
    assert [(day.date.day, day.done, day.failed) for day in (yesterday, today)] == [(24, 1, 0), (25, 2, 3)]
    *_, elsewhere = counting.list_days(northwind, ZoneInfo("America/New_York"), now=now)
    assert (elsewhere.date.day, elsewhere.done, elsewhere.failed) == (24, 3, 3)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"])
def test_a_month_is_thirty_days_without_a_gap_and_holds_every_hour_of_them(northwind, zone):
    now = datetime(2026, 11, 9, 4, 10, tzinfo=UTC)  # in the month, clocks are set back in America
    SyncHour.objects.bulk_create(
        SyncHour(organization=northwind, starts=counting.start_of_hour(now) - timedelta(hours=n), done=1)
        for n in range(24 * 40)
    )
    days = counting.list_days(northwind, ZoneInfo(zone), now=now)
    assert len(days) == 30
    assert [later.date - sooner.date for sooner, later in itertools.pairwise(days)] == [timedelta(days=1)] * 29
    assert {day.done for day in days[1:-1]} <= {24, 25}
    assert sum(day.done for day in days) <= 24 * 30 + 1


def test_the_chart_is_drawn_and_told_as_a_table_and_another_organizations_syncs_are_not_in_it(
    dora_client, northwind, rival
):
    hour = counting.start_of_hour(timezone.now())
    SyncHour.objects.create(organization=northwind, starts=hour, done=1234, failed=5)
    SyncHour.objects.create(organization=rival, starts=hour, done=999_999)
    page = dora_client.get(URL)
    assert (page.context["total_done"], page.context["total_failed"]) == (1234, 5)
    words = page.content.decode()
    assert '<td class="data-table__number" data-label="Went well">1,234</td>' in words
    assert words.count('class="chart__bar"') == 2
    assert " style=" not in words


def test_all_four_permissions_are_said_in_two_lines():
    everything = frozenset(Permission)
    assert seeing.say_permissions(everything, everything) == [
        ("Calendar read, write", False),
        ("Contacts read, write", False),
    ]
    held = everything - {Permission.CALENDAR_WRITE}
    assert seeing.say_permissions(everything, held) == [
        ("Calendar read", False),
        ("Calendar write", True),
        ("Contacts read, write", False),
    ]


def test_before_anything_was_counted_the_chart_says_so_instead_of_being_empty(dora_client, northwind):
    page = dora_client.get(URL).content.decode()
    assert "No sync has been counted yet." in page
    assert "chart__plot" not in page
    SyncHour.objects.create(organization=northwind, starts=timezone.now() - timedelta(days=1), done=1)
    page = dora_client.get(URL).content.decode()
    assert "1 sync went well, 0 failed." in page
    assert "chart__plot" in page
