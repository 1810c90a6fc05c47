"""Reading a pretend Graph's calendar, and scripted answers where a real one misbehaves as the pretend one does not."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.errors import CursorExpired, Gone, Refused, Unexpected
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365 import calendar as office365_calendar
from integrations.providers.office365 import masters as office365_masters
from integrations.providers.office365.calendar import Office365Calendar
from integrations.remote import Delta, EventDraft, EventStatus, RemoteEvent, Response, Window
from sandbox.server import Sandbox
from tests.contracts.office365_stage import daily, times
from tests.contracts.stages import PERSON

Open = Callable[[Office365], Account]
ROOT = "https://graph.microsoft.com/v1.0/"
WINDOW = Window(datetime(2026, 10, 23, tzinfo=UTC), datetime(2027, 11, 22, tzinfo=UTC))


def titles(pages: list[Delta[RemoteEvent]]) -> list[str]:
    return sorted(event.title for page in pages for event in page.changed)


@pytest.fixture
def calendar(office365: Office365, open_with: Open) -> Any:
    return open_with(office365).calendar


def test_every_request_asks_for_lasting_ids_and_utc(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    wishes: list[str] = []
    make = office365._make_session

    def make_watched() -> Any:
        session = make()
        session.hooks["response"].append(lambda response, **_: wishes.append(response.request.headers["Prefer"]))
        return session

    office365._make_session = make_watched
    account = open_with(office365)
    day = window.starts + timedelta(days=40, hours=9)
    series = sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(day, 30), **daily(day, 5)})
    cursor = list(account.calendar.changes(None, window))[-1].cursor
    sandbox.office365.change_event(PERSON, series["id"], {"subject": "Daily, renamed"})
    list(account.calendar.changes(cursor, window))
    list(account.contacts.changes(None))
    account.calendar.calendars()
    draft = EventDraft("Planning", starts=day, ends=day)
    made = account.calendar.create(draft, key="0f9f7a8e6a3c4a589d5b0123456789ab")
    account.calendar.update(made.ref, replace(draft, title="Other"), fields=frozenset({"title"}))
    account.calendar.delete(made.ref)
    assert len(wishes) >= 11
    for wish in wishes:
        assert 'IdType="ImmutableId"' in wish and 'outlook.timezone="UTC"' in wish
    assert sum("odata.maxpagesize=250" in wish for wish in wishes) >= 5


def test_an_event_of_graph_s_is_read_with_its_people_and_its_privacy(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    day = window.starts + timedelta(days=40, hours=9)
    sandbox.office365.add_event(
        PERSON,
        {
            "subject": "Talk",
            "sensitivity": "private",
            "showAs": "oof",
            "location": {"displayName": "Room 4"},
            "body": {"contentType": "html", "content": "<p>https://us02web.zoom.us/j/81234567890</p>"},
            "attendees": [{"emailAddress": {"address": "bob@northwind.example", "name": "Bob"}, "type": "optional"}],
            **times(day, 45),
        },
    )
    (page,) = calendar.changes(None, window)
    (event,) = page.changed
    assert (event.starts, event.ends) == (day, day + timedelta(minutes=45))
    assert (event.is_private, event.kind, event.location) == (True, "out_of_office", "Room 4")
    assert "81234567890" in event.body
    assert [(one.email, one.is_optional) for one in event.attendees] == [("bob@northwind.example", True)]
    assert (event.is_organizer, event.response, event.status) == (True, Response.NONE, EventStatus.CONFIRMED)


def test_a_moved_occurrence_a_deleted_one_and_the_others_are_all_of_one_series(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    day = window.starts + timedelta(days=40, hours=9)
    series = sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(day, 30), **daily(day, 5)})
    pages = list(calendar.changes(None, window))
    occurrences = sorted((event for page in pages for event in page.changed), key=lambda event: event.starts)
    assert len(occurrences) == 5
    sandbox.office365.change_event(
        PERSON, occurrences[1].ref.id, {"subject": "Moved", **times(day + timedelta(days=1, hours=2), 90)}
    )
    sandbox.office365.delete_event(PERSON, occurrences[2].ref.id)
    (delta,) = calendar.changes(pages[-1].cursor, window)
    assert delta.series == (series["id"],)
    assert titles([delta]) == ["Daily", "Daily", "Daily", "Moved"]
    assert {event.series_id for event in delta.changed} == {series["id"]}
    assert len({event.uid for event in delta.changed}) == 1
    fresh = {event.ref.id: event.ref.version for page in calendar.changes(None, window) for event in page.changed}
    assert {event.ref.id: event.ref.version for event in delta.changed} == fresh


def test_a_series_whose_occurrences_have_all_left_the_window_says_so(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    day = window.starts + timedelta(days=40, hours=9)
    series = sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(day, 30), **daily(day, 5)})
    cursor = list(calendar.changes(None, window))[-1].cursor
    late = window.ends + timedelta(days=100)
    sandbox.office365.change_event(PERSON, series["id"], {**times(late, 30), **daily(late, 5)})
    pages = list(calendar.changes(cursor, window))
    assert titles(pages) == []
    said = {one for page in pages for one in (*page.series, *page.gone)}
    assert series["id"] in said


def test_a_series_without_end_stays_within_the_window(sandbox: Sandbox, calendar: Any, window: Window) -> None:
    day = window.starts - timedelta(days=400) + timedelta(hours=9)
    endless = {"recurrence": {"pattern": {"type": "daily", "interval": 1},
                              "range": {"type": "noEnd", "startDate": day.date().isoformat()}}}  # fmt: skip
    series = sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(day, 30), **endless})
    pages = list(calendar.changes(None, window))
    days = (window.ends - window.starts).days
    assert len(titles(pages)) == days
    sandbox.office365.change_event(PERSON, series["id"], {"subject": "Renamed"})
    (delta,) = calendar.changes(pages[-1].cursor, window)
    assert titles([delta]) == ["Renamed"] * days


def test_what_is_removed_and_was_never_known_is_told_and_harms_nothing(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    cursor = list(calendar.changes(None, window))[-1].cursor
    far = sandbox.office365.add_event(PERSON, {"subject": "Far", **times(window.ends + timedelta(days=90), 30)})
    brief = sandbox.office365.add_event(PERSON, {"subject": "Brief", **times(window.starts + timedelta(days=3), 30)})
    sandbox.office365.delete_event(PERSON, brief["id"])
    (delta,) = calendar.changes(cursor, window)
    assert delta.changed == ()
    assert far["id"] in delta.gone


def test_another_calendar_is_followed_and_read_by_plain_pages_like_the_own(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    mailbox = sandbox.office365.mailbox(PERSON)
    other = mailbox.add_folder("Side project", kind="calendar").id
    day = window.starts + timedelta(days=40, hours=9)
    mailbox.add_event({"subject": "Here", **times(day, 30)})
    mailbox.add_event({"subject": "There", **times(day, 30), **daily(day, 2)}, other)
    sandbox.faults.add("endless", f"/graph/v1.0/me/calendars/{other}/calendarView/delta", times=None)
    pages = list(calendar.changes(None, window, calendar=other))
    assert pages[-1].complete and pages[-1].cursor.startswith("plain:")
    found = {event.ref.id: event for page in pages for event in page.changed}
    assert [(event.title, event.ref.container) for event in found.values()] == [("There", other)] * 2
    sandbox.faults.clear()
    assert titles(list(calendar.changes(pages[-1].cursor, window, calendar=other))) == ["There", "There"]
    pages = list(calendar.changes(None, window, calendar=other))
    assert not pages[-1].cursor.startswith("plain:")
    mailbox.delete_folder(other)
    with pytest.raises(CursorExpired):
        list(calendar.changes(pages[-1].cursor, window, calendar=other))
    with pytest.raises(Gone):
        list(calendar.changes(None, window, calendar=other))
    assert titles(list(calendar.changes(None, window))) == ["Here"]


class Script:
    """Answers by address, in order; the last one of an address is given again. What was asked is kept."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        for name, given in answers.items():
            self.answers[name] = given if isinstance(given, list) else [given]

    def __call__(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> dict[str, Any]:
        assert url.startswith(ROOT)
        self.asked.append(url)
        path = urlsplit(url).path.removeprefix("/v1.0/")
        name = {"me/calendarView/delta": "delta", "me/calendarView": "view"}.get(path)
        if name is None:
            name = "instances" if path.endswith("/instances") else "event"
        found = self.answers[name]
        answer = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(url) if callable(answer) else answer

    def calendar(self) -> Office365Calendar:
        return Office365Calendar(self, root=ROOT, mailbox=PERSON)


def item(remote_id: str, day: int = 24, **fields: Any) -> dict[str, Any]:
    start, end = ({"dateTime": f"2026-11-{day:02}T{hour:02}:00:00.0000000", "timeZone": "UTC"} for hour in (9, 10))
    known = {"id": remote_id, "@odata.etag": f'W/"{remote_id}1"', "type": "singleInstance", "subject": remote_id}
    return {**known, "start": start, "end": end, **fields}


def stub(remote_id: str, series: str, day: int = 24) -> dict[str, Any]:
    whole = item(remote_id, day, type="occurrence", seriesMasterId=series)
    return {name: value for name, value in whole.items() if name != "subject"}


def master(remote_id: str) -> dict[str, Any]:
    return item(remote_id, type="seriesMaster") | {
        "start": {"dateTime": "2012-11-24T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2012-11-24T10:00:00", "timeZone": "UTC"},
    }


def last(*items: Any, token: str = "d") -> dict[str, Any]:
    return {"value": list(items), "@odata.deltaLink": f"{ROOT}me/calendarView/delta?$deltatoken={token}"}


def more(*items: Any, token: str = "s") -> dict[str, Any]:
    return {"value": list(items), "@odata.nextLink": f"{ROOT}me/calendarView/delta?$skiptoken={token}"}


CURSOR = f"{ROOT}me/calendarView/delta?$deltatoken=d"


def test_the_first_request_holds_the_window_and_nothing_that_a_delta_forbids() -> None:
    script = Script(delta=last())
    list(script.calendar().changes(None, WINDOW))
    query = {name.lower(): one for name, (one,) in parse_qs(urlsplit(script.asked[0]).query).items()}
    assert query == {"startdatetime": "2026-10-22T23:59:59Z", "enddatetime": "2027-11-22T00:00:01Z"}


def test_stubs_are_filled_from_masters_wherever_on_the_page_these_stand() -> None:
    script = Script(delta=last(stub("o1", "m"), stub("o2", "m", 25), master("m"), item("single")))
    pages = list(script.calendar().changes(None, WINDOW))
    assert titles(pages) == ["m", "m", "single"]
    assert len(script.asked) == 1


def test_a_master_that_is_not_listed_is_asked_for_once() -> None:
    script = Script(
        delta=[more(stub("o1", "old"), stub("o2", "old", 25)), last(stub("o3", "old", 26))], event=master("old")
    )
    pages = list(script.calendar().changes(None, WINDOW))
    assert titles(pages) == ["old"] * 3
    assert {event.series_id for page in pages for event in page.changed} == {"old"}
    assert len([one for one in script.asked if "/me/events/old" in one]) == 1


def test_occurrences_of_a_series_that_is_gone_meanwhile_are_left_out() -> None:
    script = Script(delta=last(stub("o1", "old"), item("single")), event=Gone())
    assert titles(list(script.calendar().changes(None, WINDOW))) == ["single"]


def test_a_master_is_asked_for_where_what_is_listed_of_it_is_no_more_than_a_stub() -> None:
    bare = {name: value for name, value in master("m").items() if name != "subject"}
    script = Script(delta=last(bare, stub("o1", "m")), event=master("m"))
    assert titles(list(script.calendar().changes(None, WINDOW))) == ["m"]


def test_few_masters_are_kept_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office365_masters, "_MOST_MASTERS", 2)
    masters = office365_masters.Masters(lambda series: pytest.fail(f"{series} was asked for"))
    for name in "abc":
        masters.add(RemoteEvent(office365_calendar.parse_event({"id": name}).ref))
    assert list(masters._known) == ["b", "c"]


def test_an_id_with_signs_in_it_is_one_piece_of_an_address() -> None:
    script = Script(delta=last(stub("o1", "a/b+c=?d")), event=master("x"))
    list(script.calendar().changes(None, WINDOW))
    assert urlsplit(script.asked[1]).path == "/v1.0/me/events/a%2Fb%2Bc%3D%3Fd"


def test_an_occurrence_that_comes_whole_is_taken_as_it_is() -> None:
    whole = item("o1", type="occurrence", seriesMasterId="m", subject="Whole")
    script = Script(delta=last(whole))
    (page,) = script.calendar().changes(None, WINDOW)
    assert [(event.title, event.series_id) for event in page.changed] == [("Whole", "m")]


def test_a_round_of_changes_lists_each_series_that_shows_up_once_and_whole() -> None:
    script = Script(
        delta=last(
            master("m"),
            stub("o1", "m"),
            stub("o2", "m", 25),
            item("e", type="exception", seriesMasterId="n"),
            item("s"),
        ),
        instances=lambda url: {
            "value": [
                item(f"i{day}", day, type="occurrence", subject=urlsplit(url).path.split("/")[-2]) for day in (24, 25)
            ]
        },
        event={**master("n"), "transactionId": "0f9f7a8e-6a3c-4a58-9d5b-000000000001"},
    )
    first, of_m, of_n = script.calendar().changes(CURSOR, WINDOW)
    # Nothing is left of the series that a single event may have been.
    assert (titles([first]), first.series, first.cursor) == (["s"], ("s",), None)
    assert (titles([of_m]), of_m.series, of_m.cursor) == (["m", "m"], ("m",), None)
    assert (titles([of_n]), of_n.series, of_n.cursor) == (["n", "n"], ("n",), CURSOR)
    assert {event.series_id for event in of_m.changed} == {"m"}
    # A series that is not listed itself is asked for what it was made with.
    assert [{event.key for event in one.changed} for one in (of_m, of_n)] == [
        {""},
        {"0f9f7a8e6a3c4a589d5b000000000001"},
    ]
    assert len([one for one in script.asked if "/instances" not in one]) == 2


def test_a_series_that_is_gone_by_the_time_it_is_asked_for_is_gone() -> None:
    script = Script(delta=last(master("m")), instances=Gone())
    (delta,) = script.calendar().changes(CURSOR, WINDOW)
    assert (delta.gone, delta.series, delta.cursor) == (("m",), (), CURSOR)


def test_a_removed_series_is_not_asked_for_even_if_it_was_changed_just_before() -> None:
    removed = {"id": "m", "@removed": {"reason": "deleted"}}
    script = Script(delta=last(master("m"), stub("o1", "m"), removed))
    (delta,) = script.calendar().changes(CURSOR, WINDOW)
    assert delta.gone == ("m",)
    assert len(script.asked) == 1


def test_an_item_that_is_listed_several_times_counts_as_it_came_last() -> None:
    removed = {"id": "a", "@removed": {"reason": "deleted"}}
    script = Script(delta=last(removed, item("a"), item("a", subject="A2"), item("b"), {**removed, "id": "b"}))
    (delta,) = script.calendar().changes(CURSOR, WINDOW)
    assert ([event.title for event in delta.changed], delta.gone) == (["A2"], ("b",))


def test_a_series_that_became_a_single_event_leaves_none_of_its_occurrences(
    sandbox: Sandbox, calendar: Any, window: Window
) -> None:
    starts = window.starts + timedelta(days=2, hours=9)
    doc = sandbox.office365.add_event(PERSON, {"subject": "Stand-up", **times(starts, 30), **daily(starts, 5)})
    *_, last_page = calendar.changes(None, window)
    sandbox.office365.change_event(PERSON, doc["id"], {"recurrence": None})
    pages = list(calendar.changes(last_page.cursor, window))
    (event,) = [one for page in pages for one in page.changed]
    assert event.series_id == ""
    assert event.ref.id in {one for page in pages for one in page.series}


def test_many_series_changed_at_once_are_a_reason_to_read_everything() -> None:
    script = Script(delta=last(*[master(f"m{number}") for number in range(51)]), instances={"value": []})
    with pytest.raises(CursorExpired):
        list(script.calendar().changes(CURSOR, WINDOW))
    assert len(script.asked) == 1


def test_a_series_repeats_its_body_once_in_memory() -> None:
    body = {"content": "agenda " * 1000}
    pages = [
        {"value": [item("i1", 24, body=body)], "@odata.nextLink": f"{ROOT}me/events/m/instances?$skip=1"},
        {"value": [item("i2", 25, body={"content": "agenda " * 1000})]},
    ]
    (delta,) = Script(delta=last(master("m")), instances=pages).calendar().changes(CURSOR, WINDOW)
    one, other = delta.changed
    assert one.body is other.body


@pytest.mark.parametrize("answer", [{"value": []}, {"value": [item("a")]}])
def test_a_last_page_without_a_delta_link_is_unexpected(answer: dict[str, Any]) -> None:
    for cursor in (None, CURSOR):
        with pytest.raises(Unexpected, match="no delta link"):
            list(Script(delta=answer).calendar().changes(cursor, WINDOW))


def test_items_without_an_id_cost_no_other() -> None:
    script = Script(delta=last({"subject": "nameless"}, None, {"id": 7}, item("fine", subject=5), item("good")))
    assert titles(list(script.calendar().changes(None, WINDOW))) == ["", "good"]


@pytest.mark.parametrize(
    "cursor",
    ["", "not a cursor", "https://graph.evil.example/v1.0/me/calendarView/delta?$deltatoken=d", "plain:", "plain:x",
     "plain:nan", "plain:1e400", "plain:5"],
)  # fmt: skip
def test_a_cursor_that_is_none_of_graph_s_is_not_followed(cursor: str) -> None:
    script = Script(delta=last())
    with pytest.raises(CursorExpired):
        list(script.calendar().changes(cursor, WINDOW))
    assert script.asked == []


def test_a_link_to_another_server_is_refused() -> None:
    foreign = {"value": [], "@odata.nextLink": "https://graph.evil.example/v1.0/x"}
    for cursor in (None, CURSOR):
        with pytest.raises(Refused):
            list(Script(delta=foreign).calendar().changes(cursor, WINDOW))


def circling(url: str) -> dict[str, Any]:
    circling.count += 1  # type: ignore[attr-defined]
    return more(item("a"), item("b"), token=str(circling.count))  # type: ignore[attr-defined]


circling.count = 0  # type: ignore[attr-defined]


def test_a_delta_that_goes_round_in_circles_gives_way_to_plain_pages() -> None:
    script = Script(
        delta=circling,
        view=[
            {"value": [item("a"), item("b")], "@odata.nextLink": f"{ROOT}me/calendarView?$skip=2"},
            {"value": [item("c"), item("o", type="occurrence", seriesMasterId="m")]},
        ],
    )
    pages = list(script.calendar().changes(None, WINDOW))
    assert pages[-1].complete and pages[-1].cursor
    assert not any(page.complete or page.cursor for page in pages[:-1])
    assert {event.ref.id for page in pages for event in page.changed} == {"a", "b", "c", "o"}
    assert len(script.asked) == 3 + 2
    query = parse_qs(urlsplit(script.asked[3]).query)
    assert query["startDateTime"] and "body" in query["$select"][0]


def test_a_calendar_read_by_plain_pages_is_read_so_for_half_a_day_each_time_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script(delta=circling, view={"value": [item("a")]})
    cursor = list(script.calendar().changes(None, WINDOW))[-1].cursor
    asked = len(script.asked)
    (page,) = script.calendar().changes(cursor, WINDOW)
    assert (page.complete, page.cursor, titles([page])) == (True, cursor, ["a"])
    assert len(script.asked) == asked + 1
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 13 * 3600)
    with pytest.raises(CursorExpired):
        list(script.calendar().changes(cursor, WINDOW))


def test_changes_that_go_round_in_circles_ask_for_a_complete_listing() -> None:
    with pytest.raises(CursorExpired):
        list(Script(delta=circling).calendar().changes(CURSOR, WINDOW))


def test_plain_pages_without_an_end_are_unexpected() -> None:
    def view(url: str) -> dict[str, Any]:
        return {"value": [item("a")], "@odata.nextLink": f"{ROOT}me/calendarView?$skip={url[-1]}{url[-1]}"}

    with pytest.raises(Unexpected, match="without an end"):
        list(Script(delta=circling, view=view).calendar().changes(None, WINDOW))
