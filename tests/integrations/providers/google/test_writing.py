"""Writing to a pretend Google over real HTTP: what is sent, and what only Google does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected, Unexpected
from integrations.permissions import ALL
from integrations.providers.google import Google, GoogleAccount
from integrations.providers.google.calendar import LIST_NOT_GRANTED, NOT_OWNED
from integrations.providers.google.drafts import NOT_MOVED, dump_changes, dump_event
from integrations.providers.google.payloads import parse_calendar, parse_whole_event
from integrations.providers.google.responses import NOT_ACCEPTED, make_error
from integrations.providers.google.scopes import CALENDAR_LIST, dump_scopes
from integrations.providers.google.writing import DELETED_MEANWHILE, NOT_A_SERIES, GoogleCalendar
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import DRAFT_FIELDS, Attendee, RemoteCalendar, RemoteRef, Window
from sandbox.server import Sandbox
from tests.contracts.stages import BERLIN, PERSON
from tests.contracts.writing import BEN, MIA, at, invite, make_days, make_draft, make_series, new_key, soon, unversioned
from tests.sandbox.shapes import find_misfits, load_shared_judge

Open = Callable[[Google], GoogleAccount]
TITLE, TIME = frozenset({"title"}), frozenset({"time"})
MONDAY = date(2026, 11, 23)
FULL = make_draft(
    "Planning 🎉",
    at(MONDAY),
    body="One <two>\nthree & four",
    location="Room 4",
    attendees=(*invite(BEN), Attendee("room@northwind.example", is_optional=True, is_resource=True)),
    is_private=True,
    recurrence=Recurrence(Repeats.WEEKLY, weekdays=(0,), until=date(2027, 1, 4)),
)
HELD: dict[str, Any] = {
    "id": "3if6lf59tove1e037baa75l54t",
    "etag": '"1"',
    "summary": "Quarterly review",
    "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Berlin"},
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270104T090000Z", "EXDATE;TZID=Europe/Berlin:20261207T100000"],
    "attendees": [
        {"email": PERSON, "organizer": True, "self": True, "responseStatus": "accepted"},
        {"email": "Ben@Northwind.example", "responseStatus": "tentative", "comment": "maybe", "additionalGuests": 2},
        {"email": "gone@northwind.example", "responseStatus": "declined"},
    ],
}


@pytest.fixture
def calendar(google: Google, open_with: Open) -> GoogleCalendar:
    return open_with(google).calendar


# what is sent


def test_a_new_event_is_dumped_in_the_documented_shape() -> None:
    assert dump_event(FULL) == {
        "summary": "Planning 🎉",
        "description": "One &lt;two&gt;\nthree &amp; four",
        "location": "Room 4",
        "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Berlin"},
        "attendees": [
            {"email": BEN, "displayName": "Ben"},
            {"email": "room@northwind.example", "optional": True, "resource": True},
        ],
        "visibility": "private",
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO;UNTIL=20270104T225959Z"],
    }
    assert dump_event(make_days("", MONDAY, 2)) == {"start": {"date": "2026-11-23"}, "end": {"date": "2026-11-25"}}


BODIES = [
    body
    for draft in (FULL, make_days("Off-site", MONDAY), make_draft())
    for body in (dump_event(draft), dump_changes(HELD, draft, DRAFT_FIELDS))
]


def without_null(body: dict[str, Any]) -> dict[str, Any]:
    """In a change, null takes something away; no schema says so."""
    return {
        name: {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value
        for name, value in body.items()
    }


@pytest.mark.parametrize("body", BODIES)
def test_what_is_sent_fits_the_discovery_document(body: dict[str, Any]) -> None:
    assert find_misfits("calendar.v3", "Event", without_null(body)) == []


# the reference validator leaves the document it reads open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_sent_satisfies_the_reference_validator_too() -> None:
    judge = load_shared_judge("calendar.v3")
    for body in BODIES:
        assert judge.check("Event", without_null(body)) == []


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("title", {"summary"}),
        ("body", {"description"}),
        ("location", {"location"}),
        ("attendees", {"attendees"}),
        ("is_private", {"visibility"}),
        ("recurrence", {"recurrence"}),
        ("time", {"start", "end", "recurrence"}),
    ],
)
def test_a_change_names_only_what_is_changed(field: str, names: set[str]) -> None:
    assert set(dump_changes(HELD, FULL, frozenset({field}))) == names


def test_a_change_of_times_takes_away_those_of_the_other_kind() -> None:
    timed, days = (dump_changes({}, draft, TIME)["start"] for draft in (FULL, make_days("", MONDAY)))
    assert timed == {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin", "date": None}
    assert days == {"date": "2026-11-23", "dateTime": None, "timeZone": None}


def test_who_stays_keeps_all_that_google_holds_of_them() -> None:
    draft = make_draft(attendees=invite(MIA, BEN))
    assert dump_changes(HELD, draft, frozenset({"attendees"}))["attendees"] == [
        HELD["attendees"][0],
        HELD["attendees"][1],
        {"email": MIA, "displayName": "Mia"},
    ]


@pytest.mark.parametrize(
    ("held", "draft", "sent"),
    [
        ("confidential", True, None),
        ("public", False, None),
        ("private", False, "default"),
        ("public", True, "private"),
    ],
)
def test_who_may_see_it_is_written_only_where_it_changes(held: str, draft: bool, sent: str | None) -> None:
    item = HELD | {"visibility": held}
    changes = dump_changes(item, make_draft(is_private=draft), frozenset({"is_private"}))
    assert changes.get("visibility") == sent


def test_a_series_moves_with_its_rule_and_the_days_that_are_left_out() -> None:
    tuesday = make_draft(starts=at(date(2026, 11, 24), 15))
    assert dump_changes(HELD, tuesday, TIME)["recurrence"] == [
        "RRULE:FREQ=WEEKLY;BYDAY=TU;WKST=MO;UNTIL=20270105T225959Z",
        "EXDATE;TZID=Europe/Berlin:20261208T150000",
    ]
    again = replace(FULL, starts=at(MONDAY, 15), ends=at(MONDAY, 16))
    assert dump_changes(HELD, again, TIME | {"recurrence"})["recurrence"] == [
        "RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO;UNTIL=20270104T225959Z",
        "EXDATE;TZID=Europe/Berlin:20261207T150000",
    ]
    assert dump_changes(HELD, make_draft(), frozenset({"recurrence"}))["recurrence"] == []
    yearly = HELD | {"recurrence": ["RRULE:FREQ=YEARLY"]}
    with pytest.raises(Rejected, match=NOT_MOVED):
        dump_changes(yearly, tuesday, TIME)


# what is read of one event


def test_a_series_is_read_with_its_pattern_and_an_occurrence_with_when_its_series_has_it() -> None:
    master = parse_whole_event(HELD, "c_1@group.calendar.google.com")
    assert master.ref == RemoteRef(HELD["id"], "c_1@group.calendar.google.com", '"1"')
    assert (master.is_series, master.key) == (True, "")
    assert master.recurrence == Recurrence(Repeats.WEEKLY, weekdays=(0,), until=date(2027, 1, 4))
    single = {name: value for name, value in HELD.items() if name != "recurrence"}
    key = new_key()
    moved = single | {
        "id": f"{key}_20261130T090000Z",
        "recurringEventId": key,
        "originalStartTime": {"dateTime": "2026-11-30T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    }
    occurrence = parse_whole_event(moved)
    assert (occurrence.is_series, occurrence.series_id, occurrence.key) == (False, key, key)
    assert occurrence.original_starts == at(date(2026, 11, 30))
    day = parse_whole_event(moved | {"originalStartTime": {"date": "2026-11-30"}})
    assert day.original_starts == datetime(2026, 11, 30, tzinfo=UTC)
    assert parse_whole_event(single).original_starts is None


@pytest.mark.parametrize("start", [{}, {"dateTime": "soon"}, {"date": "2026-02-30"}, None])
def test_a_series_without_a_start_that_can_be_read_has_no_pattern(start: Any) -> None:
    event = parse_whole_event(HELD | {"start": start})
    assert event.is_series and event.recurrence is None


# what only Google does


def test_an_id_that_was_used_and_deleted_is_never_used_again(calendar: GoogleCalendar) -> None:
    key = new_key()
    made = calendar.create(make_draft(), key=key)
    assert (made.ref.id, made.key, made.uid) == (key, key, f"{key}@google.com")
    calendar.delete(made.ref)
    with pytest.raises(Rejected, match=DELETED_MEANWHILE):
        calendar.create(make_draft(), key=key)


def test_who_writes_whatever_is_there_is_not_stopped_by_a_change_of_the_same_moment(
    sandbox: Sandbox, calendar: GoogleCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = calendar.create(make_draft(), key=new_key())
    write, meddled = GoogleCalendar._write, []

    def meddle(self: GoogleCalendar, request: Any, of: str) -> Any:
        if len(meddled) < 2:
            meddled.append(sandbox.google.change_event(PERSON, made.ref.id, {"location": f"Room {len(meddled)}"}))
        return write(self, request, of)

    monkeypatch.setattr(GoogleCalendar, "_write", meddle)
    changed = calendar.update(unversioned(made), make_draft("Ours"), fields=TITLE)
    assert (changed.title, changed.location, len(meddled)) == ("Ours", "Room 1", 2)
    meddled.clear()
    with pytest.raises(Conflict):
        calendar.update(changed.ref, make_draft("Again"), fields=TITLE)
    assert calendar.read(changed.ref).title == "Ours"


def test_google_tells_those_invited(sandbox: Sandbox, calendar: GoogleCalendar) -> None:
    made = calendar.create(make_draft(attendees=invite(BEN)), key=new_key())
    calendar.update(unversioned(made), make_draft("Other"), fields=TITLE)
    calendar.delete(made.ref)
    writes = [entry for entry in sandbox.log.requests("*/events*") if entry.method != "GET"]
    assert [(entry.method, entry.asked("sendUpdates")) for entry in writes] == [
        ("POST", ["all"]),
        ("PATCH", ["all"]),
        ("DELETE", ["all"]),
    ]


@pytest.mark.parametrize("hour", [2, 3])
def test_a_series_in_the_hour_that_daylight_saving_takes_or_gives_goes_on(calendar: GoogleCalendar, hour: int) -> None:
    year = datetime.now(UTC).year + 1
    for month in (3, 10):
        day = date(year, month, 24)
        pattern = Recurrence(Repeats.DAILY, count=9)
        starts = at(day, hour, 30)
        made = calendar.create(make_series(pattern, starts), key=new_key())
        found = calendar.instances(made.ref, Window(starts - timedelta(days=1), starts + timedelta(days=12)))
        assert sorted(one.starts for one in found if one.starts) == pattern.starts_of(starts, BERLIN)


def test_what_does_not_repeat_does_not_end(calendar: GoogleCalendar) -> None:
    made = calendar.create(make_draft(), key=new_key())
    with pytest.raises(Rejected, match=NOT_A_SERIES):
        calendar.end_series(made.ref, before=soon(9))


def test_a_series_of_somebody_elses_making_ends_and_keeps_what_it_leaves_out(
    sandbox: Sandbox, calendar: GoogleCalendar
) -> None:
    left_out = "EXDATE;TZID=Europe/Berlin:20261207T100000"
    body = {name: HELD[name] for name in ("summary", "start", "end")}
    doc = sandbox.google.add_event(PERSON, body | {"recurrence": ["RRULE:FREQ=WEEKLY", left_out]})
    master = calendar.read(RemoteRef(doc["id"]))
    assert master.is_series and master.recurrence is None
    calendar.end_series(master.ref, before=at(date(2026, 12, 21)))
    kept = sandbox.google.events.get(sandbox.google.calendars.get(PERSON, "primary"), doc["id"])["recurrence"]
    assert kept == ["RRULE:FREQ=WEEKLY;UNTIL=20261220T225959Z", left_out]
    found = calendar.instances(master.ref, Window(at(MONDAY, 0), at(date(2027, 12, 1))))
    assert [one.starts for one in found] == [at(MONDAY), at(date(2026, 11, 30)), at(date(2026, 12, 14))]


def test_instances_go_over_all_pages(calendar: GoogleCalendar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.providers.google.calendar._PAGE_SIZE", 7)
    made = calendar.create(make_series(Recurrence(Repeats.DAILY, count=20)), key=new_key())
    assert len(calendar.instances(made.ref, Window(soon(0), soon(60)))) == 20


# several calendars


@pytest.fixture
def shared(sandbox: Sandbox) -> str:
    """A calendar of Ben's that Alice may write to."""
    sandbox.google.add_person(BEN, name="Ben Okafor", timezone="Europe/Berlin", region="DE")
    made = sandbox.google.calendars.insert(BEN, {"summary": "Ben's team"})
    sandbox.google.calendars.share(made.id, PERSON, role="writer")
    sandbox.google.add_event(BEN, {"summary": "Ben's", **_hour(soon())}, calendar=made.id)
    return made.id


def _hour(starts: datetime) -> dict[str, Any]:
    ends = starts + timedelta(hours=1)
    return {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in (("start", starts), ("end", ends))}


def test_calendars_of_others_are_listed_and_neither_read_nor_written(
    calendar: GoogleCalendar, shared: str, window: Window
) -> None:
    own, found = calendar.calendars()
    assert own == RemoteCalendar("", PERSON, own.color)
    assert found == RemoteCalendar(shared, "Ben's team", found.color, is_writable=False, is_own=False)
    assert own.color.startswith("#") and found.color.startswith("#")
    for act in (
        lambda: list(calendar.changes(None, window, calendar=shared)),
        lambda: calendar.read(RemoteRef("anything", shared)),
        lambda: calendar.create(make_draft(), key=new_key(), calendar=shared),
        lambda: calendar.delete(RemoteRef("anything", shared)),
    ):
        with pytest.raises(PermissionMissing, match=NOT_OWNED):
            act()
    assert list(calendar.changes(None, window))[-1].complete


def test_a_wider_scope_would_read_them(sandbox: Sandbox, google: Google, shared: str, window: Window) -> None:
    wide = "https://www.googleapis.com/auth/calendar.events"
    with open_with_scopes(sandbox, google, [*dump_scopes(ALL), wide]) as account:
        pages = list(account.calendar.changes(None, window, calendar=shared))
    assert [event.title for page in pages for event in page.changed] == ["Ben's"]


def open_with_scopes(sandbox: Sandbox, google: Google, scopes: list[str]) -> Any:
    issued = sandbox.google.tokens.issue(PERSON, scopes)
    expires_at = datetime.now(UTC).timestamp() + 3600
    credentials = {"access_token": issued.access, "refresh_token": issued.refresh, "expires_at": expires_at}
    return google.open(credentials, save=lambda _: None)


def test_without_the_list_of_calendars_everything_else_goes_on(
    sandbox: Sandbox, google: Google, window: Window
) -> None:
    scopes = [one for one in dump_scopes(ALL) if one != CALENDAR_LIST]
    other = sandbox.google.calendars.insert(PERSON, {"summary": "Side project"}).id
    with open_with_scopes(sandbox, google, scopes) as account:
        with pytest.raises(PermissionMissing, match=LIST_NOT_GRANTED):
            account.calendar.calendars()
        for container in ("", other):
            account.calendar.create(make_draft(), key=new_key(), calendar=container)
            assert list(account.calendar.changes(None, window, calendar=container))[-1].complete


def test_calendars_go_over_all_pages_and_their_own_names_count(sandbox: Sandbox, calendar: GoogleCalendar) -> None:
    names = [f"Project {number}" for number in range(120)]
    for name in names:
        sandbox.google.calendars.insert(PERSON, {"summary": name})
    assert [one.name for one in calendar.calendars()[1:]] == names


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": "a", "summary": "A", "summaryOverride": "Mine", "accessRole": "owner"}, RemoteCalendar("a", "Mine")),
        (
            {"id": "a", "summary": "A", "backgroundColor": "#16a765", "accessRole": "reader"},
            RemoteCalendar("a", "A", "#16a765", is_writable=False, is_own=False),
        ),
        ({"id": "a@b.test", "summary": "A", "primary": True, "accessRole": "owner"}, RemoteCalendar("", "A")),
        ({"id": "a", "summary": 5, "backgroundColor": {}, "accessRole": "owner"}, RemoteCalendar("a", "")),
        ({"id": "a", "summary": "A"}, None),
        ({"summary": "A", "accessRole": "owner"}, None),
    ],
)
def test_an_entry_of_the_list_is_read_as_far_as_it_can_be(item: Any, expected: RemoteCalendar | None) -> None:
    assert parse_calendar(item) == expected


# refusals


def shape(code: int, reason: str) -> bytes:
    entry = {"domain": "calendar", "reason": reason, "message": "Words."}
    return orjson.dumps({"error": {"errors": [entry], "code": code, "message": "Words."}})


@pytest.mark.parametrize(
    ("code", "reason", "is_write", "expected"),
    [
        (400, "timeRangeEmpty", True, Rejected),
        (400, "invalid", True, Rejected),
        (400, "required", True, Rejected),
        (400, "invalid", False, Unexpected),
        (400, "parseError", True, Unexpected),
        (403, "forbiddenForNonOrganizer", True, Rejected),
        (403, "requiredAccessLevel", True, Rejected),
        (412, "conditionNotMet", True, Conflict),
        (409, "duplicate", True, Conflict),
        (410, "deleted", True, Gone),
    ],
)
def test_a_refusal_of_a_write_says_who_must_act(code: int, reason: str, is_write: bool, expected: type) -> None:
    error = make_error(code, {}, shape(code, reason), is_write=is_write)
    assert type(error) is expected
    assert reason in error.detail and "Words." not in f"{error}"


def test_a_wrong_address_is_rejected_with_what_to_look_at(calendar: GoogleCalendar) -> None:
    with pytest.raises(Rejected) as caught:
        calendar.create(make_draft(attendees=(Attendee("nobody at all"),)), key=new_key())
    assert caught.value.sentence == NOT_ACCEPTED


@pytest.mark.parametrize("fault", ["html", "half-json", "empty-body"])
def test_an_answer_that_is_none_is_followed_by_a_second_try_that_finds_the_event(
    sandbox: Sandbox, calendar: GoogleCalendar, fault: str
) -> None:
    key = new_key()
    sandbox.faults.add(fault, "*/events", method="POST")
    with pytest.raises(Unexpected):
        calendar.create(make_draft(), key=key)
    assert calendar.create(make_draft(), key=key).ref.id == key
