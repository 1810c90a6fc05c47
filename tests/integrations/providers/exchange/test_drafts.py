"""Drafts become CreateItem and UpdateItem: held against Microsoft's schema, and looked at one subject at a time.

Elements: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/calendaritem
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from lxml import etree

from integrations.providers.exchange.drafts import (
    change_item,
    create_event,
    delete_event,
    find_differing,
    update_event,
)
from integrations.providers.exchange.operations import dump_envelope
from integrations.providers.exchange.payloads import parse_details, parse_event
from integrations.providers.exchange.responses import TYPES
from integrations.providers.exchange.single import Item
from integrations.providers.exchange.words import EwsWords
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import DRAFT_FIELDS, Attendee, EventDraft
from tests.integrations.providers.exchange.test_operations import ODD, validate
from tests.integrations.providers.exchange.test_payloads import ALICE, PLAIN, URL, attendee, element

__all__ = ["validate"]

Validate = Callable[[bytes], list[str]]
WORDS = EwsWords("Exchange")
KEY = "0123456789abcdef0123456789abcdef"
STARTS = datetime(2027, 3, 1, 8, tzinfo=UTC)
DRAFT = EventDraft(
    ODD,
    f"{ODD}\nsecond\tline",
    ODD,
    starts=STARTS,
    ends=STARTS.replace(hour=9),
    timezone="Europe/Berlin",
    attendees=(
        Attendee("bob@northwind.example", ODD),
        Attendee("carol@elsewhere.example", is_optional=True),
        Attendee("room4@northwind.example", is_resource=True),
    ),
    recurrence=Recurrence(Repeats.WEEKLY, weekdays=(0, 3), count=9),
    is_private=True,
)
DAYS = EventDraft("Off-site", starts_on=date(2027, 3, 1), ends_on=date(2027, 3, 3), timezone="America/New_York")
OURS = {
    "MyResponseType": "<t:MyResponseType>Organizer</t:MyResponseType>",
    "Organizer": "",
    "RequiredAttendees": "<t:RequiredAttendees>"
    + attendee("Bob Okafor", "bob@northwind.example", "Accept")
    + "</t:RequiredAttendees>",
    "OptionalAttendees": "",
}


def make_item(**changes: str) -> Item:
    """Alice's own meeting with Bob, in room 4."""
    found = element("".join({**PLAIN, **OURS, **changes}.values()))
    details = parse_details(found, ALICE)
    return Item(parse_event(details.fields, details, mailbox=ALICE, base=URL), found)


def update(draft: EventDraft, fields: frozenset[str], item: Item | None = None, *, is_bold: bool = False) -> str:
    return update_event(item or make_item(), draft, fields=fields, is_bold=is_bold, words=WORDS)


def look(operation: str) -> Any:
    return etree.fromstring(dump_envelope(operation, "Exchange2016"))


@pytest.mark.parametrize(
    "operation",
    [
        create_event(DRAFT, key=KEY, folder=""),
        create_event(DRAFT, key=KEY, folder="AAMk="),
        create_event(replace(DAYS, recurrence=Recurrence(Repeats.DAILY, until=date(2027, 4, 1))), key=KEY, folder=""),
        create_event(EventDraft(starts=STARTS, ends=STARTS), key=KEY, folder=""),
        update(DRAFT, DRAFT_FIELDS),
        update(replace(DAYS, attendees=(), location=""), DRAFT_FIELDS, is_bold=True),
        *(update(DRAFT, frozenset({name})) for name in DRAFT_FIELDS),
        delete_event(make_item()),
    ],
)
def test_each_write_is_valid(validate: Validate, operation: str) -> None:
    assert validate(dump_envelope(operation, "Exchange2016")) == []


def test_what_people_write_stays_text_and_a_body_keeps_its_lines() -> None:
    root = look(create_event(DRAFT, key=KEY, folder=""))
    clean = 'a"b<c>&amp;\u00fc\U0001f600'
    assert [root.findtext(f".//{TYPES}{name}") for name in ("Subject", "Location", "Body")] == [
        clean,
        clean,
        f"{clean}\nsecond\tline",
    ]
    assert root.find(f".//{TYPES}Body").get("BodyType") == "Text"
    assert root.findtext(f".//{TYPES}ExtendedProperty/{TYPES}Value") == KEY


def test_times_are_moments_with_the_zone_by_its_windows_name() -> None:
    root = look(create_event(DRAFT, key=KEY, folder=""))
    assert root.findtext(f".//{TYPES}CalendarItem/{TYPES}Start") == "2027-03-01T08:00:00Z"
    assert [root.find(f".//{TYPES}{name}TimeZone").get("Id") for name in ("Start", "End")] == [
        "W. Europe Standard Time"
    ] * 2


def test_days_are_midnights_of_their_zone() -> None:
    root = look(create_event(DAYS, key=KEY, folder=""))
    item = root.find(f".//{TYPES}CalendarItem")
    assert (item.findtext(f"{TYPES}Start"), item.findtext(f"{TYPES}End")) == (
        "2027-03-01T05:00:00Z",
        "2027-03-03T05:00:00Z",
    )
    assert item.findtext(f"{TYPES}IsAllDayEvent") == "true"


@pytest.mark.parametrize(("attendees", "expected"), [((), "SendToNone"), (DRAFT.attendees, "SendToAllAndSaveCopy")])
def test_invitations_are_sent_where_somebody_is_invited(attendees: tuple[Attendee, ...], expected: str) -> None:
    operation = create_event(replace(DRAFT, attendees=attendees), key=KEY, folder="")
    assert f'SendMeetingInvitations="{expected}"' in operation


def test_nobody_has_answered_an_invitation_that_is_new() -> None:
    root = look(create_event(DRAFT, key=KEY, folder=""))
    assert [one.text for one in root.iter(f"{TYPES}ResponseType")] == ["Unknown"] * 3


def test_those_who_stay_keep_their_answers_and_a_group_that_is_the_same_is_not_written() -> None:
    guests = (*DRAFT.attendees, Attendee("dan@elsewhere.example"))
    operation = update(replace(DRAFT, attendees=guests), frozenset({"attendees"}))
    root = look(operation)
    answers = {
        one.findtext(f".//{TYPES}EmailAddress"): one.findtext(f"{TYPES}ResponseType")
        for one in root.iter(f"{TYPES}Attendee")
    }
    assert answers == {
        "bob@northwind.example": "Accept",
        "dan@elsewhere.example": "Unknown",
        "carol@elsewhere.example": "Unknown",
    }
    assert "calendar:Resources" not in operation
    assert 'SendMeetingInvitationsOrCancellations="SendToChangedAndSaveCopy"' in operation


def test_a_change_names_the_version_that_was_read_unless_it_is_to_overwrite() -> None:
    careful, bold = (update(DRAFT, frozenset({"title"}), is_bold=is_bold) for is_bold in (False, True))
    for operation, resolution in ((careful, "NeverOverwrite"), (bold, "AlwaysOverwrite")):
        assert f'ConflictResolution="{resolution}"' in operation
        assert '<t:ItemId Id="AAMk1=" ChangeKey="DwAAABYA"/>' in operation
    assert 'SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy"' in careful


def test_what_is_as_it_should_be_is_not_written() -> None:
    event = make_item().event
    same = EventDraft(
        event.title,
        location=event.location,
        starts=event.starts,
        ends=event.ends,
        timezone="Europe/Berlin",
        attendees=tuple(event.attendees),
    )
    assert find_differing(event, same, DRAFT_FIELDS - {"body"}) == frozenset()
    assert update(same, DRAFT_FIELDS - {"body"}) == ""
    assert change_item(make_item(), [], sending="SendToNone", is_bold=False) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"MyResponseType": "<t:MyResponseType>Accept</t:MyResponseType>"},
        {"RequiredAttendees": "", "Resources": "", "IsMeeting": "<t:IsMeeting>false</t:IsMeeting>"},
    ],
)
def test_nobody_is_told_of_what_is_no_meeting_of_ours(changes: dict[str, str]) -> None:
    item = make_item(**changes)
    assert '="SendToNone"' in update(DRAFT, frozenset({"title"}), item)
    assert 'SendMeetingCancellations="SendToNone"' in delete_event(item)
    assert 'SendMeetingCancellations="SendToAllAndSaveCopy"' in delete_event(make_item())
