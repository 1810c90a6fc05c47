"""FindItem: a calendar over a window, and folders page by page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sandbox.exchange.stage import ALICE, Answer, Soap, Stage, meeting, weekly


def find(soap: Soap, folder: str, inner: str = "", *, shape: str = "<t:BaseShape>Default</t:BaseShape>") -> Answer:
    return soap.send(
        f'<m:FindItem Traversal="Shallow"><m:ItemShape>{shape}</m:ItemShape>{inner}<m:ParentFolderIds>'
        f'<t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>'
    )


def page(most: int, offset: int) -> str:
    return f'<m:IndexedPageItemView MaxEntriesReturned="{most}" Offset="{offset}" BasePoint="Beginning"/>'


def test_a_calendar_view_shows_days_instead_of_series_in_their_order(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
    exchange.add_event(ALICE, meeting("Single", day="2026-11-26"))
    answer = soap.view("2026-11-20T00:00:00Z", "2026-12-05T00:00:00Z")
    assert answer.texts("t:Subject") == ["Weekly", "Single", "Weekly"]
    assert answer.texts("t:CalendarItemType") == ["Occurrence", "Single", "Occurrence"]
    assert answer.texts("t:Start") == ["2026-11-24T09:00:00Z", "2026-11-26T09:00:00Z", "2026-12-01T09:00:00Z"]
    folder = answer.find("m:RootFolder")
    assert (folder.get("TotalItemsInView"), folder.get("IncludesLastItemInRange")) == ("3", "true")
    ids = [one.get("Id") for one in answer.all("t:ItemId")]
    assert len(set(ids)) == 3
    assert ids[0] == soap.view("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z").find("t:ItemId").get("Id")


def test_days_have_their_masters_change_key_and_uid(exchange: Stage, soap: Soap) -> None:
    series = exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
    shape = (
        "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="calendar:UID"/></t:AdditionalProperties>'
    )
    master = soap.get_items(exchange.item_id(ALICE, series["id"]), shape=shape)
    days = soap.view("2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z", shape=shape)
    assert len(days.all("t:ItemId")) == 5
    assert {one.get("ChangeKey") for one in days.all("t:ItemId")} == {master.find("t:ItemId").get("ChangeKey")}
    assert set(days.texts("t:UID")) == {master.text("t:UID")}
    inside = exchange.mailbox(ALICE).view(*(parse(day) for day in ("2026-12-01", "2026-12-02")))
    exchange.change_event(ALICE, inside[0]["id"], {"location": {"displayName": "Room 2"}})
    after = soap.view("2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z", shape=shape)
    assert [one.get("Id") for one in after.all("t:ItemId")] == [one.get("Id") for one in days.all("t:ItemId")]
    keys = {one.get("ChangeKey") for one in after.all("t:ItemId")}
    assert len(keys) == 1 and keys != {master.find("t:ItemId").get("ChangeKey")}


def parse(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_what_ends_as_the_window_begins_is_in_it_and_what_starts_as_it_ends_is_not(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting("Touching", begin="09:00", until="10:00"))
    exchange.add_event(ALICE, meeting("Inside", begin="10:30", until="10:45"))
    exchange.add_event(ALICE, meeting("After", begin="11:00", until="12:00"))
    answer = soap.view("2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z")
    assert answer.texts("t:Subject") == ["Touching", "Inside"]


def test_times_are_shown_in_the_zone_the_request_names(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting())
    header = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Pacific Standard Time"/></t:TimeZoneContext>'
    answer = soap.view("2026-11-24T00:00:00", "2026-11-24T02:00:00", header=header)
    assert answer.text("t:Start") == "2026-11-24T01:00:00-08:00"
    assert soap.view("2026-11-24T00:00:00Z", "2026-11-24T02:00:00Z").texts("t:Start") == []
    header = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Moon Standard Time"/></t:TimeZoneContext>'
    assert soap.view("2026-11-24T00:00:00", "2026-11-24T02:00:00", header=header).fault == "ErrorTimeZone"


@pytest.mark.parametrize(
    ("starts", "ends", "code"),
    [
        ("2026-01-01T00:00:00Z", "2027-12-31T00:00:00Z", "NoError"),
        ("2026-01-01T00:00:00Z", "2028-01-05T00:00:00Z", "ErrorCalendarViewRangeTooBig"),
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z", "ErrorCalendarEndDateIsEarlierThanStartDate"),
    ],
)
def test_a_window_is_at_most_two_years_and_runs_forward(soap: Soap, starts: str, ends: str, code: str) -> None:
    assert soap.view(starts, ends).codes == [code]


def test_a_calendar_view_needs_a_calendar(soap: Soap) -> None:
    view = '<m:CalendarView StartDate="2026-01-01T00:00:00Z" EndDate="2026-02-01T00:00:00Z"/>'
    assert find(soap, "contacts", view).codes == ["ErrorCalendarFolderIsInvalidForCalendarView"]


def test_a_view_of_more_than_the_policy_allows_fails_unless_fewer_are_asked_for(exchange: Stage, soap: Soap) -> None:
    exchange.find_count_limit = 5
    for number in range(6):
        exchange.add_event(ALICE, meeting(f"M{number}", begin=f"1{number}:00", until=f"1{number}:30"))
    window = ("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z")
    assert soap.view(*window).codes == ["ErrorExceededFindCountLimit"]
    assert soap.view(*window, most=6).codes == ["ErrorExceededFindCountLimit"]
    cut = soap.view(*window, most=5)
    assert cut.texts("t:Subject") == [f"M{number}" for number in range(5)]
    assert cut.find("m:RootFolder").get("IncludesLastItemInRange") == "false"
    exchange.find_count_limit = 1000
    assert len(soap.view(*window).texts("t:Subject")) == 6


def test_a_folder_is_listed_in_pages_that_the_policy_keeps_short(exchange: Stage, soap: Soap) -> None:
    for number in range(7):
        exchange.add_contact(ALICE, {"givenName": f"N{number}"})
    exchange.find_count_limit = 3
    assert find(soap, "contacts").codes == ["ErrorExceededFindCountLimit"]
    names, offset, sizes = [], 0, []
    while True:
        answer = find(soap, "contacts", page(100, offset))
        names += answer.texts("t:FileAs")
        folder = answer.find("m:RootFolder")
        sizes.append(len(answer.all("t:Contact")))
        assert folder.get("TotalItemsInView") == "7"
        offset = int(folder.get("IndexedPagingOffset"))
        if folder.get("IncludesLastItemInRange") == "true":
            break
    assert sizes == [3, 3, 1]
    assert names == [f"N{number}" for number in range(7)]


def test_without_a_view_a_calendar_lists_series_by_their_masters(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
    exchange.add_event(ALICE, meeting("Single"))
    assert find(soap, "calendar").texts("t:CalendarItemType") == ["RecurringMaster", "Single"]


def test_an_organizer_is_found_by_name_only_and_the_address_is_in_the_item(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting(organizer={"emailAddress": {"name": "Eve", "address": "eve@south.example"}}))
    found = find(soap, "calendar")
    assert (found.text("t:Organizer//t:Name"), found.find("t:Organizer//t:EmailAddress")) == ("Eve", None)
    item = soap.get_items(found.find("t:ItemId").get("Id"))
    assert item.text("t:Organizer//t:EmailAddress") == "eve@south.example"


def test_items_are_found_by_subject_and_time_and_sorted(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting("Budget", day="2026-11-24"))
    exchange.add_event(ALICE, meeting("Alpha", day="2026-11-26"))
    exchange.add_event(ALICE, meeting("Zulu", day="2026-11-25"))
    later = (
        '<m:Restriction><t:And><t:IsGreaterThan><t:FieldURI FieldURI="calendar:Start"/><t:FieldURIOrConstant>'
        '<t:Constant Value="2026-11-25T00:00:00Z"/></t:FieldURIOrConstant></t:IsGreaterThan><t:Not><t:IsEqualTo>'
        '<t:FieldURI FieldURI="item:Subject"/><t:FieldURIOrConstant><t:Constant Value="nothing"/>'
        "</t:FieldURIOrConstant></t:IsEqualTo></t:Not></t:And></m:Restriction>"
    )
    order = '<t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder>'
    by_subject = f"<m:SortOrder>{order}</m:SortOrder>"
    assert find(soap, "calendar", later + by_subject).texts("t:Subject") == ["Alpha", "Zulu"]
    contains = (
        '<m:Restriction><t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">'
        '<t:FieldURI FieldURI="item:Subject"/><t:Constant Value="UDGE"/></t:Contains></m:Restriction>'
    )
    assert find(soap, "calendar", contains).texts("t:Subject") == ["Budget"]
    by_uid = contains.replace("item:Subject", "calendar:UID")
    assert find(soap, "calendar", by_uid).codes == ["ErrorUnsupportedPathForQuery"]


def test_contacts_are_viewed_from_one_name_on(exchange: Stage, soap: Soap) -> None:
    for name in ("Ann", "Ben", "Cleo"):
        exchange.add_contact(ALICE, {"givenName": name})
    answer = find(soap, "contacts", '<m:ContactsView MaxEntriesReturned="1" InitialName="Ben"/>')
    assert answer.texts("t:FileAs") == ["Ben"]
