"""What is special about writing by Graph: what exactly is sent, and what is made of its answers."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected, Unexpected
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365.drafts import KEY_PROPERTY, MOST_INVITEES, dump_new
from integrations.providers.office365.responses import Repeated
from integrations.providers.office365.writing import Office365WritableCalendar
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft, RemoteRef, Response, Window
from sandbox.server import Sandbox
from tests.contracts.office365_stage import daily, times
from tests.contracts.stages import PERSON
from tests.sandbox.test_graph_shapes import load_judge

Open = Callable[[Office365], Account]
ROOT = "https://graph.microsoft.com/v1.0/"
KEY = "0f9f7a8e6a3c4a589d5b0123456789ab"
BERLIN = ZoneInfo("Europe/Berlin")
STARTS = datetime(2027, 3, 2, 9, tzinfo=BERLIN)
DRAFT = EventDraft(
    "Planning",
    "Agenda",
    "Room 4",
    STARTS,
    STARTS + timedelta(hours=1),
    timezone="Europe/Berlin",
    attendees=(
        Attendee("ben@northwind.example", "Ben Okafor"),
        Attendee("mia@northwind.example", is_optional=True),
        Attendee("room@northwind.example", "Room 4", is_resource=True),
    ),
    recurrence=Recurrence(Repeats.WEEKLY, weekdays=(1, 3), count=5),
    is_private=True,
)
SINGLE = replace(DRAFT, recurrence=None, attendees=())
TITLE = frozenset({"title"})


@pytest.fixture
def calendar(office365: Office365, open_with: Open) -> Iterator[Any]:
    return open_with(office365).calendar


def writes(sandbox: Sandbox) -> list[str]:
    """Methods of the requests that could have written something."""
    return [one.method for one in sandbox.log.requests("/graph/*") if one.method != "GET"]


def test_an_event_is_written_as_graph_documents_it(shared_checks: Path) -> None:
    written = dump_new(DRAFT, key=KEY)
    assert load_judge(shared_checks).check("event", written) == []
    assert written == {
        "subject": "Planning",
        "body": {"contentType": "text", "content": "Agenda"},
        "location": {"displayName": "Room 4"},
        "sensitivity": "private",
        "isAllDay": False,
        "start": {"dateTime": "2027-03-02T09:00:00", "timeZone": "W. Europe Standard Time"},
        "end": {"dateTime": "2027-03-02T10:00:00", "timeZone": "W. Europe Standard Time"},
        "attendees": [
            {"type": "required", "emailAddress": {"address": "ben@northwind.example", "name": "Ben Okafor"}},
            {"type": "optional", "emailAddress": {"address": "mia@northwind.example", "name": "mia@northwind.example"}},
            {"type": "resource", "emailAddress": {"address": "room@northwind.example", "name": "Room 4"}},
        ],
        "transactionId": "0f9f7a8e-6a3c-4a58-9d5b-0123456789ab",
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": KEY}],
        "recurrence": {
            "pattern": {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["tuesday", "thursday"],
                "firstDayOfWeek": "monday",
            },
            "range": {
                "type": "numbered",
                "numberOfOccurrences": 5,
                "startDate": "2027-03-02",
                "recurrenceTimeZone": "W. Europe Standard Time",
            },
        },
    }


def test_days_are_written_as_midnights() -> None:
    days = replace(SINGLE, starts=None, ends=None, starts_on=date(2027, 3, 2), ends_on=date(2027, 3, 4))
    written = dump_new(days, key=KEY)
    assert (written["isAllDay"], written["start"]["dateTime"], written["end"]["dateTime"]) == (
        True,
        "2027-03-02T00:00:00",
        "2027-03-04T00:00:00",
    )


def test_the_second_of_two_hours_that_clocks_show_alike_is_written_in_utc(calendar: Any) -> None:
    for fold, zone in ((0, "W. Europe Standard Time"), (1, "UTC")):
        starts = datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN, fold=fold).astimezone(UTC)
        draft = replace(SINGLE, starts=starts, ends=starts + timedelta(hours=2))
        assert dump_new(draft, key=KEY)["start"]["timeZone"] == zone
        made = calendar.create(draft, key=uuid.uuid4().hex)
        assert (made.starts, made.ends) == (draft.starts, draft.ends)


def test_a_draft_that_outlook_would_not_take_is_not_sent(sandbox: Sandbox, calendar: Any) -> None:
    crowd = tuple(Attendee(f"guest{number}@northwind.example") for number in range(MOST_INVITEES + 1))
    for draft in (replace(SINGLE, attendees=crowd), replace(SINGLE, ends=STARTS - timedelta(1)), EventDraft("No time")):
        with pytest.raises(Rejected):
            calendar.create(draft, key=KEY)
    assert writes(sandbox) == []
    made = calendar.create(replace(SINGLE, attendees=crowd[1:]), key=KEY)
    assert len(made.attendees) == MOST_INVITEES


@pytest.mark.parametrize("where", ["", "another"])
def test_asked_again_for_something_else_it_answers_with_what_was_made_first(
    sandbox: Sandbox, calendar: Any, where: str
) -> None:
    mailbox = sandbox.office365.mailbox(PERSON)
    place = mailbox.add_folder("Side project", kind="calendar").id if where else ""
    calendar.create(replace(SINGLE, title="Before"), key=uuid.uuid4().hex, calendar=place)
    made = calendar.create(SINGLE, key=KEY, calendar=place)
    again = calendar.create(replace(SINGLE, title="Other"), key=KEY, calendar=place)
    assert (again.ref, again.title, again.key) == (made.ref, "Planning", KEY)
    assert len(mailbox.event_rows(place or mailbox.calendar_id)) == 2


def test_what_is_as_it_should_be_is_not_written(sandbox: Sandbox, calendar: Any) -> None:
    made = calendar.create(DRAFT, key=KEY)
    assert writes(sandbox) == ["POST"]
    fields = frozenset({"title", "body", "location", "time", "attendees", "recurrence", "is_private"})
    assert calendar.update(made.ref, DRAFT, fields=fields).ref == made.ref
    assert writes(sandbox) == ["POST"]
    calendar.update(made.ref, replace(DRAFT, title="Other"), fields=fields)
    assert writes(sandbox) == ["POST", "PATCH"]


def test_those_who_stay_invited_stay_as_they_are(sandbox: Sandbox, calendar: Any) -> None:
    made = calendar.create(replace(DRAFT, recurrence=None), key=KEY)
    fewer = (Attendee("MIA@northwind.example"), Attendee("new@northwind.example"))
    changed = calendar.update(made.ref, replace(SINGLE, attendees=fewer), fields=frozenset({"attendees"}))
    assert [(one.email, one.is_optional, one.response) for one in changed.attendees] == [
        ("mia@northwind.example", True, Response.NEEDS_ACTION),
        ("new@northwind.example", False, Response.NEEDS_ACTION),
    ]


def test_a_series_of_outlook_s_own_kind_may_be_renamed_and_moved_on_its_day(sandbox: Sandbox, calendar: Any) -> None:
    yearly = {
        "recurrence": {
            "pattern": {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 2, "month": 3},
            "range": {"type": "noEnd", "startDate": "2027-03-02"},
        }
    }
    doc = sandbox.office365.add_event(PERSON, {"subject": "Birthday", **times(STARTS, 30), **yearly})
    series = calendar.read(RemoteRef(doc["id"]))
    assert series.is_series and series.recurrence is None
    later = replace(SINGLE, starts=STARTS + timedelta(hours=2), ends=STARTS + timedelta(hours=3))
    moved = calendar.update(series.ref, later, fields=TITLE | {"time"})
    assert (moved.title, moved.starts, moved.timezone) == ("Planning", later.starts, "Europe/Berlin")
    window = Window(STARTS, STARTS + timedelta(days=800))
    assert len(calendar.instances(moved.ref, window)) == 3
    next_day = replace(later, starts=STARTS + timedelta(days=1), ends=STARTS + timedelta(days=1, hours=1))
    with pytest.raises(Rejected, match="Move it in Outlook"):
        calendar.update(moved.ref, next_day, fields=frozenset({"time"}))


def test_a_series_may_become_one_event_and_the_other_way_round(calendar: Any) -> None:
    made = calendar.create(DRAFT, key=KEY)
    single = calendar.update(made.ref, SINGLE, fields=frozenset({"recurrence"}))
    assert (single.ref.id, single.is_series, single.recurrence) == (made.ref.id, False, None)
    again = calendar.update(single.ref, DRAFT, fields=frozenset({"recurrence"}))
    assert (again.is_series, again.recurrence) == (True, DRAFT.recurrence)


def test_an_occurrence_does_not_move_past_the_next_and_the_person_is_told(sandbox: Sandbox, calendar: Any) -> None:
    doc = sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(STARTS, 30), **daily(STARTS, 5)})
    window = Window(STARTS, STARTS + timedelta(days=9))
    second = sorted(calendar.instances(RemoteRef(doc["id"]), window), key=lambda one: str(one.starts))[1]
    for days, hours in ((1, 3), (2, 0), (-1, 5)):
        starts = second.starts + timedelta(days=days, hours=hours)
        draft = replace(SINGLE, starts=starts, ends=starts + timedelta(minutes=30))
        with pytest.raises(Rejected, match="does not let an occurrence move"):
            calendar.update(second.ref, draft, fields=frozenset({"time"}))
    same_day = replace(SINGLE, starts=second.starts + timedelta(hours=9), ends=second.starts + timedelta(hours=10))
    assert calendar.update(second.ref, same_day, fields=frozenset({"time"})).starts == same_day.starts


def test_the_series_of_an_occurrence_is_found(sandbox: Sandbox, calendar: Any) -> None:
    made = calendar.create(DRAFT, key=KEY)
    (first, *_) = calendar.instances(made.ref, Window(STARTS, STARTS + timedelta(days=20)))
    assert calendar.read_series(first.ref) == calendar.read_series(made.ref) == calendar.read(made.ref)
    assert calendar.read(first.ref).key == KEY
    single = calendar.create(SINGLE, key=uuid.uuid4().hex)
    with pytest.raises(Gone):
        calendar.read_series(single.ref)
    with pytest.raises(Rejected, match="no series"):
        calendar.end_series(single.ref, before=STARTS + timedelta(days=1))


# an account that answers as a real one may, and the pretend one does not

ETAG = 'W/"1"'


def item(**fields: Any) -> dict[str, Any]:
    start, end = ({"dateTime": f"2027-03-02T{hour}:00:00.0000000", "timeZone": "UTC"} for hour in ("08", "09"))
    known = {"id": "e", "@odata.etag": ETAG, "type": "singleInstance", "subject": "Planning"}
    return {**known, "start": start, "end": end, "originalStartTimeZone": "W. Europe Standard Time", **fields}


class Script:
    """What stands there, and what the next writes are answered with; everything that was asked is kept."""

    def __init__(self, *answers: Any, items: dict[str, Any]) -> None:
        self.items = items
        self.answers = list(answers)
        self.asked: list[str] = []
        self.sent: list[tuple[str, str, Any, str]] = []
        self.calendar = Office365WritableCalendar(self.fetch, self.send, root=ROOT, mailbox=PERSON)

    def fetch(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> dict[str, Any]:
        self.asked.append(url)
        found = self.items[urlsplit(url).path.rpartition("/")[2]]
        if isinstance(found, Exception):
            raise found
        return found

    def send(self, method: str, path: str, body: Any = None, *, version: str = "") -> dict[str, Any]:
        self.sent.append((method, path, body, version))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_conflict_where_nothing_was_changed_is_tried_again() -> None:
    script = Script(Conflict(), item(subject="Other"), items={"e": item()})
    changed = script.calendar.update(RemoteRef("e", version=ETAG), replace(SINGLE, title="Other"), fields=TITLE)
    assert changed.title == "Other"
    assert script.sent == [("PATCH", "me/events/e", {"subject": "Other"}, ETAG)] * 2


def test_a_conflict_without_end_is_one() -> None:
    script = Script(*[Conflict()] * 9, items={"e": item()})
    with pytest.raises(Conflict):
        script.calendar.update(RemoteRef("e"), replace(SINGLE, title="Other"), fields=TITLE)
    assert len(script.sent) == 3


def test_another_version_is_a_conflict_and_nothing_is_sent() -> None:
    script = Script(items={"e": item()})
    with pytest.raises(Conflict):
        script.calendar.update(RemoteRef("e", version='W/"0"'), replace(SINGLE, title="Other"), fields=TITLE)
    assert script.sent == []


@pytest.mark.parametrize(
    ("seen", "is_conflict"),
    [("", False), (ETAG, False), ('W/"m"', False), (f'{ETAG} W/"m"', False), ('W/"0"', True), (f'W/"0" {ETAG}', True)],
)
def test_an_occurrence_was_seen_in_its_own_version_its_series_or_both(seen: str, is_conflict: bool) -> None:
    items = {"o": item(id="o", type="occurrence", seriesMasterId="m"), "m": item(id="m", **{"@odata.etag": 'W/"m"'})}
    script = Script(items["o"] | {"subject": "Other"}, items=items)
    try:
        script.calendar.update(RemoteRef("o", version=seen), replace(SINGLE, title="Other"), fields=TITLE)
    except Conflict:
        assert is_conflict
    assert len(script.sent) == (0 if is_conflict else 1)


def test_a_repeated_key_is_looked_up_by_the_mark_that_the_event_carries() -> None:
    script = Script(Repeated(), Repeated(), items={"events": {"value": [item()]}})
    assert script.calendar.create(SINGLE, key=KEY, calendar="a b/c").ref == RemoteRef("e", "a b/c", ETAG)
    url = urlsplit(script.asked[0])
    assert url.path == "/v1.0/me/calendars/a%20b%2Fc/events"
    assert "+" not in url.query
    marked = f"ep/id eq '{KEY_PROPERTY}' and ep/value eq '{KEY}'"
    assert parse_qs(url.query)["$filter"] == [f"singleValueExtendedProperties/Any(ep: {marked})"]
    script.items = {"events": {"value": []}}
    with pytest.raises(Unexpected):
        script.calendar.create(SINGLE, key=KEY)


def test_a_body_in_which_teams_has_written_keeps_what_makes_the_meeting() -> None:
    line = "_" * 40
    teams = f'<div class="me"><span>{line}</span></div><a href="https://teams.microsoft.com/l/1">Join</a></body></html>'
    before = item(isOnlineMeeting=True, body={"contentType": "html", "content": f"<html><body><p>Old</p>\n{teams}"})
    script = Script(before, items={"e": before})
    draft = replace(SINGLE, body=f"New <one>\nand more\n{line}\nJoin")
    script.calendar.update(RemoteRef("e"), draft, fields=frozenset({"body"}))
    ((_, _, written, _),) = script.sent
    assert written["body"]["contentType"] == "html"
    assert written["body"]["content"].startswith("<html><body><div>New &lt;one&gt;<br>\nand more</div>")
    assert written["body"]["content"].endswith(teams.removeprefix('<div class="me">'))
    assert "Old" not in written["body"]["content"]
    # And made again, it is written already.
    script.items = {"e": item(isOnlineMeeting=True, body=written["body"])}
    script.calendar.update(RemoteRef("e"), draft, fields=frozenset({"body"}))
    assert len(script.sent) == 1


def test_an_organizer_among_those_invited_stays_there() -> None:
    people = [{"type": "required", "emailAddress": {"address": one}} for one in (PERSON, "ben@northwind.example")]
    before = item(attendees=people, organizer={"emailAddress": {"address": PERSON}}, isOrganizer=True)
    script = Script(before, items={"e": before})
    draft = replace(SINGLE, attendees=(Attendee("mia@northwind.example"),))
    script.calendar.update(RemoteRef("e"), draft, fields=frozenset({"attendees"}))
    written = [one["emailAddress"]["address"] for one in script.sent[0][2]["attendees"]]
    assert written == [PERSON, "mia@northwind.example"]


def test_what_cannot_be_written_for_want_of_a_permission_is_said_so() -> None:
    script = Script(PermissionMissing(), items={})
    with pytest.raises(PermissionMissing):
        script.calendar.create(SINGLE, key=KEY)


def test_deleting_goes_on_over_conflicts_and_takes_what_is_gone_for_done() -> None:
    script = Script(Conflict(), {}, Gone(), items={})
    script.calendar.delete(RemoteRef("e", version="old"))
    script.calendar.delete(RemoteRef("e"))
    assert script.sent == [("DELETE", "me/events/e", None, "")] * 3


def test_an_answer_to_a_write_that_is_no_event_is_unexpected() -> None:
    with pytest.raises(Unexpected):
        Script({}, items={}).calendar.create(SINGLE, key=KEY)


def test_calendars_are_read_with_their_colours_and_whose_they_are() -> None:
    def one(remote_id: str, **fields: Any) -> dict[str, Any]:
        owner = {"name": "Alice", "address": "Alice@northwind.example"}
        return {"id": remote_id, "name": remote_id, "canEdit": True, "hexColor": "", "owner": owner, **fields}

    listed = [
        one("Shared", owner={"name": "Ben", "address": "ben@northwind.example"}, canEdit=False),
        one("Calendar", isDefaultCalendar=True),
        one("Project", hexColor="#16A765"),
        one("Odd", hexColor="red", owner=None, name=None),
        {"name": "nameless"},
    ]
    found = Script(items={"calendars": {"value": listed}}).calendar.calendars()
    assert [(one.id, one.name, one.color, one.is_writable, one.is_own) for one in found] == [
        ("", "Calendar", "", True, True),
        ("Shared", "Shared", "", False, False),
        ("Project", "Project", "#16a765", True, True),
        ("Odd", "", "", True, True),
    ]


def test_a_series_on_a_clock_that_nobody_knows_is_renamed_and_neither_moved_nor_ended(
    calendar: Any, sandbox: Sandbox
) -> None:
    starts = STARTS.astimezone(UTC)
    zone = {"timeZone": "Customized Time Zone", "dateTime": f"{starts:%Y-%m-%dT%H:%M:%S}"}
    doc = {"subject": "Odd", **times(starts, 30), **daily(starts, 5), "start": zone}
    made = sandbox.office365.add_event(PERSON, doc)
    series = calendar.read(RemoteRef(made["id"]))
    assert (series.is_series, series.timezone) == (True, "")
    later = replace(SINGLE, timezone="", starts=starts + timedelta(hours=1), recurrence=DRAFT.recurrence)
    for fields in (frozenset({"time"}), frozenset({"recurrence"})):
        with pytest.raises(Rejected):
            calendar.update(series.ref, later, fields=fields)
    with pytest.raises(Rejected):
        calendar.end_series(series.ref, before=starts + timedelta(days=3))
    assert writes(sandbox) == []
    assert calendar.update(series.ref, replace(SINGLE, title="Renamed"), fields=TITLE).title == "Renamed"
