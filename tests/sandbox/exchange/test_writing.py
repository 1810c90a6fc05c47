"""CreateItem and UpdateItem."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from sandbox.exchange.ids import read_item_id
from tests.sandbox.exchange.stage import ALICE, BEN, Answer, Soap, Stage, meeting, weekly

INVITING = 'SendMeetingInvitations="SendToNone"'


def create(soap: Soap, item: str, *, folder: str = "", attributes: str = INVITING) -> Answer:
    folder = f'<m:SavedItemFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SavedItemFolderId>' if folder else ""
    return soap.send(f"<m:CreateItem {attributes}>{folder}<m:Items>{item}</m:Items></m:CreateItem>")


def update(
    soap: Soap, item_id: Any, updates: str, *, resolution: str = "AutoResolve", key: bool = True,
    sending: str = 'SendMeetingInvitationsOrCancellations="SendToNone"',
) -> Answer:  # fmt: skip
    """item_id: an ItemId element."""
    change_key = f' ChangeKey="{item_id.get("ChangeKey")}"' if key else ""
    return soap.send(
        f'<m:UpdateItem ConflictResolution="{resolution}" {sending}><m:ItemChanges><t:ItemChange>'
        f'<t:ItemId Id="{item_id.get("Id")}"{change_key}/><t:Updates>{updates}</t:Updates></t:ItemChange>'
        "</m:ItemChanges></m:UpdateItem>"
    )


def set_field(uri: str, value: str, kind: str = "CalendarItem") -> str:
    return f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:{kind}>{value}</t:{kind}></t:SetItemField>'


def stored(exchange: Stage) -> dict[str, Any]:
    """Alice's only event."""
    rows = exchange.mailbox(ALICE).event_rows(exchange.mailbox(ALICE).calendar_id)
    assert len(rows) == 1
    return rows[0].load()


def subjects(exchange: Stage, email: str) -> list[str]:
    mailbox = exchange.mailbox(email)
    return [row.load()["subject"] for row in mailbox.event_rows(mailbox.calendar_id)]


def stored_contact(exchange: Stage) -> dict[str, Any]:
    (contact,) = exchange.mailbox(ALICE).contacts()
    return contact


class TestCreateItem:
    def test_an_event_is_kept_with_all_it_came_with(self, exchange: Stage, soap: Soap) -> None:
        answer = create(
            soap,
            "<t:CalendarItem><t:Subject>Planning</t:Subject><t:Sensitivity>Private</t:Sensitivity>"
            '<t:Body BodyType="Text">Line 1\nhttps://zoom.us/j/1</t:Body><t:Importance>High</t:Importance>'
            "<t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>60</t:ReminderMinutesBeforeStart>"
            "<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\""
            ' PropertyName="portico" PropertyType="String"/><t:Value>42</t:Value></t:ExtendedProperty>'
            "<t:Start>2026-11-24T10:00:00</t:Start><t:End>2026-11-24T11:00:00</t:End>"
            "<t:LegacyFreeBusyStatus>Tentative</t:LegacyFreeBusyStatus><t:Location>Room 7</t:Location>"
            "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>ben@north.example</t:EmailAddress></t:Mailbox>"
            "</t:Attendee></t:RequiredAttendees><t:OptionalAttendees><t:Attendee><t:Mailbox><t:Name>Cleo</t:Name>"
            "<t:EmailAddress>cleo@south.example</t:EmailAddress></t:Mailbox><t:ResponseType>Unknown</t:ResponseType>"
            '</t:Attendee></t:OptionalAttendees><t:StartTimeZone Id="W. Europe Standard Time"/>'
            '<t:EndTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>',
        )  # fmt: skip
        assert answer.codes == ["NoError"]
        doc = stored(exchange)
        assert doc["start"]["dateTime"].startswith("2026-11-24T09:00:00")
        assert doc["originalStartTimeZone"] == "W. Europe Standard Time"
        assert (doc["subject"], doc["sensitivity"], doc["importance"], doc["showAs"]) == (
            "Planning", "private", "high", "tentative",
        )  # fmt: skip
        assert "https://zoom.us/j/1" in doc["body"]["content"] and doc["reminderMinutesBeforeStart"] == 60
        assert [(one["type"], one["emailAddress"]["address"]) for one in doc["attendees"]] == [
            ("required", "ben@north.example"), ("optional", "cleo@south.example"),
        ]  # fmt: skip
        field = '<t:ExtendedFieldURI PropertySetId="00020329-0000-0000-c000-000000000046" PropertyName="portico" PropertyType="String"/>'  # noqa: E501
        shape = f"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{field}</t:AdditionalProperties>"
        item = soap.get_items(answer.find("t:ItemId").get("Id"), shape=shape)
        assert item.text("t:ExtendedProperty/t:Value") == "42"
        assert soap.sync("calendar", shape=shape).text("t:ExtendedProperty/t:Value") == "42"

    def test_times_without_a_zone_are_of_the_zone_in_the_header(self, exchange: Stage, soap: Soap) -> None:
        header = '<t:TimeZoneContext><t:TimeZoneDefinition Id="Mountain Standard Time"/></t:TimeZoneContext>'
        soap.send(
            '<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>M</t:Subject>'
            "<t:Start>2023-02-07T19:00:00.000</t:Start><t:End>2023-02-07T20:00:00.000</t:End></t:CalendarItem></m:Items>"
            "</m:CreateItem>",
            header=header,
        )
        assert stored(exchange)["start"]["dateTime"].startswith("2023-02-08T02:00:00")

    def test_an_all_day_event_becomes_whole_days(self, exchange: Stage, soap: Soap) -> None:
        answer = create(
            soap,
            "<t:CalendarItem><t:Subject>Fair</t:Subject><t:Start>2026-11-24T08:00:00+01:00</t:Start>"
            "<t:End>2026-11-25T08:00:00+01:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>"
            '<t:StartTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>',
        )
        assert answer.codes == ["NoError"]
        doc = stored(exchange)
        assert (doc["start"]["dateTime"][:16], doc["end"]["dateTime"][:16]) == ("2026-11-24T00:00", "2026-11-26T00:00")

    def test_a_contact_is_kept_with_all_it_came_with(self, exchange: Stage, soap: Soap) -> None:
        answer = create(
            soap,
            '<t:Contact><t:Body BodyType="Text">met at the fair</t:Body><t:FileAs>Plate, Tanja</t:FileAs>'
            "<t:DisplayName>Tanja Plate</t:DisplayName><t:GivenName>Tanja</t:GivenName>"
            "<t:CompanyName>Blue</t:CompanyName><t:EmailAddresses>"
            '<t:Entry Key="EmailAddress1">tplate@example.com</t:Entry>'
            '<t:Entry Key="EmailAddress2">tanja@example.com</t:Entry></t:EmailAddresses><t:PhysicalAddresses>'
            '<t:Entry Key="Business"><t:Street>1234 56th Ave</t:Street><t:City>La Habra</t:City></t:Entry>'
            '</t:PhysicalAddresses><t:PhoneNumbers><t:Entry Key="BusinessPhone">4255550199</t:Entry>'
            '<t:Entry Key="MobilePhone">+1 425 555 0100</t:Entry><t:Entry Key="OtherTelephone">1</t:Entry>'
            '<t:Entry Key="HomePhone2">2</t:Entry></t:PhoneNumbers><t:JobTitle>Manager</t:JobTitle>'
            "<t:Surname>Plate</t:Surname></t:Contact>",
            attributes="",
        )
        assert answer.codes == ["NoError"]
        doc = stored_contact(exchange)
        assert (doc["givenName"], doc["surname"], doc["jobTitle"], doc["companyName"]) == (
            "Tanja", "Plate", "Manager", "Blue",
        )  # fmt: skip
        assert [one["address"] for one in doc["emailAddresses"]] == ["tplate@example.com", "tanja@example.com"]
        assert (doc["businessPhones"], doc["mobilePhone"]) == (["4255550199"], "+1 425 555 0100")
        item = soap.get_items(answer.find("t:ItemId").get("Id"))
        phones = {one.get("Key"): one.text for one in item.all("t:PhoneNumbers/t:Entry")}
        assert phones == {
            "BusinessPhone": "4255550199", "MobilePhone": "+1 425 555 0100", "OtherTelephone": "1", "HomePhone2": "2",
        }  # fmt: skip
        assert "met at the fair" in item.text("t:Body")

    @pytest.mark.parametrize(
        ("item", "folder", "attributes", "code"),
        [
            ("<t:Contact/>", "calendar", "", "ErrorCannotCreateContactInNonContactFolder"),
            ("<t:Contact/>", "inbox", "", "ErrorCannotCreateContactInNonContactFolder"),
            ("<t:CalendarItem/>", "contacts", INVITING, "ErrorCannotCreateCalendarItemInNonCalendarFolder"),
            ("<t:CalendarItem/>", "calendar", "", "ErrorSendMeetingInvitationsRequired"),
            ("<t:CalendarItem><t:Start>2026-11-24T10:00:00Z</t:Start><t:End>2026-11-24T09:00:00Z</t:End></t:CalendarItem>",
             "calendar", INVITING, "ErrorCalendarEndDateIsEarlierThanStartDate"),
            ("<t:CalendarItem><t:IsCancelled>true</t:IsCancelled></t:CalendarItem>", "calendar", INVITING,
             "ErrorInvalidPropertySet"),
            ("<t:Message/>", "drafts", 'MessageDisposition="SaveOnly"', "ErrorCreateItemAccessDenied"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_made_is_refused_by_its_code(
        self, exchange: Stage, soap: Soap, item: str, folder: str, attributes: str, code: str
    ) -> None:
        assert create(soap, item, folder=folder, attributes=attributes).codes == [code]
        assert exchange.mailbox(ALICE).contacts() == []

    def test_a_zone_that_nobody_knows_is_refused(self, soap: Soap) -> None:
        item = (
            "<t:CalendarItem><t:Start>2026-11-24T10:00:00</t:Start><t:End>2026-11-24T11:00:00</t:End>"
            '<t:StartTimeZone Id="Moon Standard Time"/></t:CalendarItem>'
        )
        assert create(soap, item).codes == ["ErrorTimeZone"]

    @pytest.mark.parametrize("pattern", [
        {"type": "daily", "interval": 3},
        {"type": "weekly", "interval": 2, "daysOfWeek": ["tuesday", "friday"], "firstDayOfWeek": "sunday"},
        {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 24},
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "fourth"},
        {"type": "relativeMonthly", "interval": 2, "index": "last",
         "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"]},
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 24, "month": 11},
        {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "last", "month": 11},
    ])  # fmt: skip
    @pytest.mark.parametrize("extent", [
        {"type": "noEnd", "startDate": "2026-11-24"},
        {"type": "endDate", "startDate": "2026-11-24", "endDate": "2028-12-31"},
        {"type": "numbered", "startDate": "2026-11-24", "numberOfOccurrences": 4},
    ])  # fmt: skip
    def test_every_recurrence_is_told_so_that_it_can_be_told_back(
        self, exchange: Stage, soap: Soap, pattern: dict[str, Any], extent: dict[str, Any]
    ) -> None:
        event = exchange.add_event(ALICE, meeting("Again", recurrence={"pattern": pattern, "range": extent}))
        answer = soap.get_items(exchange.item_id(ALICE, event["id"]))
        recurrence = answer.find("t:Recurrence")
        again = create(
            soap,
            "<t:CalendarItem><t:Subject>Copy</t:Subject><t:Start>2026-11-24T09:00:00Z</t:Start>"
            f"<t:End>2026-11-24T10:00:00Z</t:End>{etree.tostring(recurrence, with_tail=False).decode()}"
            '<t:StartTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>',
        )
        assert again.codes == ["NoError"]
        copy = exchange.mailbox(ALICE).event_rows(exchange.mailbox(ALICE).calendar_id)[-1].load()
        assert copy["recurrence"] == event["recurrence"]

    def test_who_is_told_finds_the_meeting_and_nobody_does_where_nobody_is_to_be_told(
        self, exchange: Stage, soap: Soap
    ) -> None:
        item = (
            "<t:CalendarItem><t:Subject>{}</t:Subject><t:Start>2026-11-24T09:00:00Z</t:Start>"
            "<t:End>2026-11-24T10:00:00Z</t:End><t:RequiredAttendees><t:Attendee><t:Mailbox>"
            f"<t:EmailAddress>{BEN}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees></t:CalendarItem>"
        )
        quiet = create(soap, item.format("Quiet"))
        loud = create(soap, item.format("Loud"), attributes='SendMeetingInvitations="SendToAllAndSaveCopy"')
        assert quiet.codes == loud.codes == ["NoError"]
        assert subjects(exchange, BEN) == ["Loud"]
        loud_id = loud.find("t:ItemId")
        renamed = set_field("item:Subject", "<t:Subject>{}</t:Subject>")
        update(soap, loud_id, renamed.format("Whispered"), resolution="AlwaysOverwrite")
        assert subjects(exchange, BEN) == ["Loud"]
        sending = 'SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy"'
        update(soap, loud_id, renamed.format("Louder"), resolution="AlwaysOverwrite", sending=sending)
        assert subjects(exchange, BEN) == ["Louder"]
        delete = (
            '<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>'
            f'<t:ItemId Id="{loud_id.get("Id")}"/></m:ItemIds></m:DeleteItem>'
        )
        assert soap.send(delete).codes == ["NoError"]
        assert subjects(exchange, BEN) == ["Louder"]

    def test_a_subject_has_255_characters_at_most(self, exchange: Stage, soap: Soap) -> None:
        item = (
            "<t:CalendarItem><t:Subject>{}</t:Subject><t:Start>2026-11-24T09:00:00Z</t:Start>"
            "<t:End>2026-11-24T10:00:00Z</t:End></t:CalendarItem>"
        )
        assert create(soap, item.format("x" * 256)).codes == ["ErrorItemSavePropertyError"]
        assert create(soap, item.format("x" * 255)).codes == ["NoError"]
        assert stored(exchange)["subject"] == "x" * 255


class TestUpdateItem:
    def test_single_fields_change_and_the_rest_stays(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting(location={"displayName": "Room 1"}, attendees=[
            {"type": "required", "emailAddress": {"address": "ben@north.example"}, "status": {"response": "accepted"}},
            {"type": "optional", "emailAddress": {"address": "cleo@south.example"}},
        ]))  # fmt: skip
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        answer = update(
            soap,
            item,
            set_field("item:Subject", "<t:Subject>Moved</t:Subject>")
            + set_field("calendar:Start", "<t:Start>2026-11-25T09:00:00Z</t:Start>")
            + set_field("calendar:End", "<t:End>2026-11-25T10:00:00Z</t:End>")
            + set_field(
                "calendar:RequiredAttendees",
                "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>dora@north.example</t:EmailAddress>"
                "</t:Mailbox></t:Attendee></t:RequiredAttendees>",
            ),
        )
        assert answer.codes == ["NoError"] and answer.text("m:ConflictResults/t:Count") == "0"
        assert answer.find("t:ItemId").get("Id") == item.get("Id")
        assert answer.find("t:ItemId").get("ChangeKey") != item.get("ChangeKey")
        doc = stored(exchange)
        assert (doc["subject"], doc["start"]["dateTime"][:16]) == ("Moved", "2026-11-25T09:00")
        assert doc["location"]["displayName"] == "Room 1"
        assert doc["originalStartTimeZone"] == "W. Europe Standard Time"
        assert sorted((one["type"], one["emailAddress"]["address"]) for one in doc["attendees"]) == [
            ("optional", "cleo@south.example"), ("required", "dora@north.example"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("resolution", "code"),
        [
            ("NeverOverwrite", "ErrorIrresolvableConflict"),
            ("AutoResolve", "ErrorIrresolvableConflict"),
            ("AlwaysOverwrite", "NoError"),
        ],
    )
    def test_a_stale_change_key_overwrites_nothing_unless_that_is_asked_for(
        self, exchange: Stage, soap: Soap, resolution: str, code: str
    ) -> None:
        event = exchange.add_event(ALICE, meeting())
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        exchange.change_event(ALICE, event["id"], {"subject": "Theirs"})
        answer = update(soap, item, set_field("item:Subject", "<t:Subject>Mine</t:Subject>"), resolution=resolution)
        assert answer.codes == [code]
        assert stored(exchange)["subject"] == ("Mine" if code == "NoError" else "Theirs")

    def test_a_change_key_is_needed_and_must_be_one(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting())
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        change = set_field("item:Subject", "<t:Subject>Mine</t:Subject>")
        assert update(soap, item, change, key=False).codes == ["ErrorChangeKeyRequiredForWriteOperations"]
        assert update(soap, item, change, key=False, resolution="AlwaysOverwrite").codes == ["NoError"]
        item.set("ChangeKey", "rubbish")
        assert update(soap, item, change).codes == ["ErrorInvalidChangeKey"]

    def test_who_is_told_of_it_has_to_be_said(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting())
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        change = set_field("item:Subject", "<t:Subject>Mine</t:Subject>")
        answer = update(soap, item, change, sending='MessageDisposition="SaveOnly"')
        assert answer.codes == ["ErrorSendMeetingInvitationsOrCancellationsRequired"]

    def test_one_day_of_a_series_changes_by_itself(self, exchange: Stage, soap: Soap) -> None:
        exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
        view = ("2026-11-20T00:00:00Z", "2026-12-31T00:00:00Z")
        second = soap.view(*view).all("t:ItemId")[1]
        answer = update(
            soap,
            second,
            set_field("item:Subject", "<t:Subject>Special</t:Subject>")
            + set_field("calendar:Start", "<t:Start>2026-12-01T13:00:00Z</t:Start>")
            + set_field("calendar:End", "<t:End>2026-12-01T14:00:00Z</t:End>"),
        )
        assert answer.codes == ["NoError"]
        after = soap.view(*view)
        assert after.texts("t:Subject") == ["Weekly", "Special", "Weekly", "Weekly", "Weekly"]
        assert after.texts("t:CalendarItemType")[1] == "Exception"
        assert after.all("t:ItemId")[1].get("Id") == second.get("Id")
        item = soap.get_items(second.get("Id"))
        assert (item.text("t:Start"), item.text("t:OriginalStart")) == ("2026-12-01T13:00:00Z", "2026-12-01T09:00:00Z")
        stale = update(soap, second, set_field("item:Subject", "<t:Subject>Again</t:Subject>"))
        assert stale.codes == ["ErrorIrresolvableConflict"]

    def test_what_is_special_about_days_outlives_another_end_and_no_other_pattern(
        self, exchange: Stage, soap: Soap
    ) -> None:
        event = exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
        view = ("2026-11-20T00:00:00Z", "2027-01-31T00:00:00Z")
        first, second, _, _, fifth = soap.view(*view).all("t:ItemId")
        subject = set_field("item:Subject", "<t:Subject>Special</t:Subject>")
        for one in (second, fifth):
            assert update(soap, one, subject, resolution="AlwaysOverwrite").codes == ["NoError"]
        exchange.delete_event(ALICE, read_item_id(first.get("Id"), exchange.mailbox(ALICE).name)[0])
        assert soap.view(*view).texts("t:Subject") == ["Special", "Weekly", "Weekly", "Special"]
        days = "<t:Interval>1</t:Interval><t:DaysOfWeek>{}</t:DaysOfWeek><t:FirstDayOfWeek>Monday</t:FirstDayOfWeek>"
        recurrence = set_field(
            "calendar:Recurrence",
            f"<t:Recurrence><t:WeeklyRecurrence>{days}</t:WeeklyRecurrence><t:EndDateRecurrence>"
            "<t:StartDate>2026-11-24</t:StartDate><t:EndDate>2026-12-15</t:EndDate></t:EndDateRecurrence>"
            "</t:Recurrence>",
        )
        master = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        ended = update(soap, master, recurrence.format("Tuesday"), resolution="AlwaysOverwrite")
        assert ended.codes == ["NoError"]
        assert soap.view(*view).texts("t:Subject") == ["Special", "Weekly", "Weekly"]
        longer = recurrence.replace("2026-12-15", "2026-12-22").format("Tuesday")
        assert update(soap, master, longer, resolution="AlwaysOverwrite").codes == ["NoError"]
        assert soap.view(*view).texts("t:Subject") == ["Special", "Weekly", "Weekly", "Weekly"]
        both = recurrence.format("Tuesday Thursday")
        assert update(soap, master, both, resolution="AlwaysOverwrite").codes == ["NoError"]
        assert soap.view(*view).texts("t:Subject") == ["Weekly"] * 7

    def test_fields_are_appended_to_and_deleted(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting(body={"contentType": "text", "content": "one"},
                                                  location={"displayName": "Room"}))  # fmt: skip
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        answer = update(
            soap,
            item,
            '<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:CalendarItem>'
            '<t:Body BodyType="Text">two</t:Body></t:CalendarItem></t:AppendToItemField>'
            '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Location"/></t:DeleteItemField>',
        )
        assert answer.codes == ["NoError"]
        doc = stored(exchange)
        assert "one" in doc["body"]["content"] and "two" in doc["body"]["content"]
        assert doc["location"]["displayName"] == ""
        item = answer.find("t:ItemId")
        refused = update(soap, item, '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Start"/></t:DeleteItemField>')
        assert refused.codes == ["ErrorInvalidPropertyDelete"]
        assert refused.find("m:MessageXml/t:FieldURI").get("FieldURI") == "calendar:Start"

    def test_one_group_of_attendees_is_written_while_another_is_emptied(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting(attendees=[
            {"type": "required", "emailAddress": {"address": "ben@north.example"}},
            {"type": "optional", "emailAddress": {"address": "cleo@south.example"}},
        ]))  # fmt: skip
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        moved = (
            "<t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>ben@north.example</t:EmailAddress></t:Mailbox>"
            "</t:Attendee></t:OptionalAttendees>"
        )
        gone = '<t:DeleteItemField><t:FieldURI FieldURI="calendar:RequiredAttendees"/></t:DeleteItemField>'
        answer = update(soap, item, gone + set_field("calendar:OptionalAttendees", moved))
        assert answer.codes == ["NoError"]
        attendees = [(one["type"], one["emailAddress"]["address"]) for one in stored(exchange)["attendees"]]
        assert attendees == [("optional", "ben@north.example")]

    def test_extended_properties_are_set_and_deleted_by_themselves(self, exchange: Stage, soap: Soap) -> None:
        def field(name: str) -> str:
            return (
                f'<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="{name}"'
                ' PropertyType="String"/>'
            )

        def read() -> list[str]:
            paths = f"<t:AdditionalProperties>{field('one')}{field('two')}</t:AdditionalProperties>"
            shape = f"<t:BaseShape>IdOnly</t:BaseShape>{paths}"
            return soap.get_items(item.get("Id"), shape=shape).texts("t:ExtendedProperty/t:Value")

        kinds = (
            (exchange.add_event(ALICE, meeting())["id"], "CalendarItem",
             'SendMeetingInvitationsOrCancellations="SendToNone"'),
            (exchange.add_contact(ALICE, {"givenName": "Ann"})["id"], "Contact", ""),
        )  # fmt: skip
        for core_id, kind, sending in kinds:
            item = soap.get_items(exchange.item_id(ALICE, core_id)).find("t:ItemId")
            changes = "".join(
                f"<t:SetItemField>{field(name)}<t:{kind}><t:ExtendedProperty>{field(name)}<t:Value>{name}!</t:Value>"
                f"</t:ExtendedProperty></t:{kind}></t:SetItemField>"
                for name in ("one", "two")
            )
            answer = update(soap, item, changes, sending=sending)
            assert answer.codes == ["NoError"] and read() == ["one!", "two!"]
            gone = f"<t:DeleteItemField>{field('one')}</t:DeleteItemField>"
            answer = update(soap, answer.find("t:ItemId"), gone, sending=sending)
            assert answer.codes == ["NoError"] and read() == ["two!"]

    def test_a_series_becomes_a_single_when_its_recurrence_is_deleted(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
        item = soap.get_items(exchange.item_id(ALICE, event["id"])).find("t:ItemId")
        gone = '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>'
        assert update(soap, item, gone).codes == ["NoError"]
        assert soap.view("2026-11-20T00:00:00Z", "2026-12-31T00:00:00Z").texts("t:CalendarItemType") == ["Single"]

    def test_a_contacts_entries_change_one_by_one(self, exchange: Stage, soap: Soap) -> None:
        contact = exchange.add_contact(ALICE, {
            "givenName": "Ann", "emailAddresses": [{"address": "a@x.example"}, {"address": "b@x.example"}],
            "businessPhones": ["1"], "homeAddress": {"street": "S 1", "city": "C"},
        })  # fmt: skip
        item = soap.get_items(exchange.item_id(ALICE, contact["id"])).find("t:ItemId")

        def entry(uri: str, index: str, inner: str) -> str:
            return (
                f'<t:SetItemField><t:IndexedFieldURI FieldURI="{uri}" FieldIndex="{index}"/><t:Contact>{inner}'
                "</t:Contact></t:SetItemField>"
            )

        answer = update(
            soap,
            item,
            entry("contacts:EmailAddress", "EmailAddress1",
                  '<t:EmailAddresses><t:Entry Key="EmailAddress1">new@x.example</t:Entry></t:EmailAddresses>')
            + entry("contacts:PhoneNumber", "MobilePhone",
                    '<t:PhoneNumbers><t:Entry Key="MobilePhone">+1 555</t:Entry></t:PhoneNumbers>')
            + entry("contacts:PhoneNumber", "Pager",
                    '<t:PhoneNumbers><t:Entry Key="Pager">77</t:Entry></t:PhoneNumbers>')
            + entry("contacts:PhysicalAddress:City", "Home",
                    '<t:PhysicalAddresses><t:Entry Key="Home"><t:City>Town</t:City></t:Entry></t:PhysicalAddresses>')
            + set_field("contacts:JobTitle", "<t:JobTitle>Boss</t:JobTitle>", "Contact")
            + '<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="BusinessPhone"/>'
            "</t:DeleteItemField>"
            + '<t:DeleteItemField><t:FieldURI FieldURI="contacts:GivenName"/></t:DeleteItemField>',
            sending="",
        )  # fmt: skip
        assert answer.codes == ["NoError"]
        doc = stored_contact(exchange)
        assert [one["address"] for one in doc["emailAddresses"]] == ["new@x.example", "b@x.example"]
        assert (doc["mobilePhone"], doc["businessPhones"], doc["jobTitle"], doc["givenName"]) == (
            "+1 555", [], "Boss", None,
        )  # fmt: skip
        assert doc["homeAddress"] == {"street": "S 1", "city": "Town"}
        phones = soap.get_items(item.get("Id")).all("t:PhoneNumbers/t:Entry")
        assert {one.get("Key"): one.text for one in phones} == {"MobilePhone": "+1 555", "Pager": "77"}

    def test_a_contacts_stale_key_is_a_conflict_too(self, exchange: Stage, soap: Soap) -> None:
        contact = exchange.add_contact(ALICE, {"givenName": "Ann"})
        item = soap.get_items(exchange.item_id(ALICE, contact["id"])).find("t:ItemId")
        exchange.change_contact(ALICE, contact["id"], {"jobTitle": "Theirs"})
        change = set_field("contacts:JobTitle", "<t:JobTitle>Mine</t:JobTitle>", "Contact")
        assert update(soap, item, change, sending="").codes == ["ErrorIrresolvableConflict"]
        assert stored_contact(exchange)["jobTitle"] == "Theirs"

    def test_places_for_numbers_stay_what_they_are(self, exchange: Stage, soap: Soap) -> None:
        contact = exchange.add_contact(ALICE, {"givenName": "Ann"})
        item = soap.get_items(exchange.item_id(ALICE, contact["id"])).find("t:ItemId")

        def phones() -> dict[str, str]:
            found = soap.get_items(item.get("Id")).all("t:PhoneNumbers/t:Entry")
            return {one.get("Key"): one.text for one in found}

        def put(key: str, number: str) -> None:
            path = f'<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="{key}"/>'
            entry = f'<t:Contact><t:PhoneNumbers><t:Entry Key="{key}">{number}</t:Entry></t:PhoneNumbers></t:Contact>'
            change = f"<t:SetItemField>{path}{entry}</t:SetItemField>"
            answer = update(soap, item, change, key=False, sending="", resolution="AlwaysOverwrite")
            assert answer.codes == ["NoError"]

        put("HomePhone2", "2")
        assert phones() == {"HomePhone2": "2"}
        assert stored_contact(exchange)["homePhones"] == ["2"]
        put("HomePhone", "1")
        assert phones() == {"HomePhone": "1", "HomePhone2": "2"}
        assert stored_contact(exchange)["homePhones"] == ["1", "2"]
        exchange.change_contact(ALICE, contact["id"], {"homePhones": ["3"]})
        assert phones() == {"HomePhone": "3"}

    def test_a_contact_is_found_by_an_extended_property_in_its_folder(self, exchange: Stage, soap: Soap) -> None:
        field = (
            '<t:ExtendedFieldURI PropertySetId="5b6a4b04-7ff5-4a6f-9a34-0c5d2f7c7d1e" PropertyName="Mark"'
            ' PropertyType="String"/>'
        )
        mark = f"<t:ExtendedProperty>{field}<t:Value>k1</t:Value></t:ExtendedProperty>"
        made = create(soap, f"<t:Contact>{mark}<t:GivenName>Ann</t:GivenName></t:Contact>", attributes="")
        exchange.add_contact(ALICE, {"givenName": "Bob"})

        def find(folder: str, value: str) -> list[str]:
            answer = soap.send(
                '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
                f'<m:Restriction><t:IsEqualTo>{field}<t:FieldURIOrConstant><t:Constant Value="{value}"/>'
                "</t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>"
                f'<m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>'
            )
            return [one.get("Id") for one in answer.all("t:ItemId")]

        assert find("contacts", "k1") == [made.find("t:ItemId").get("Id")]
        assert find("contacts", "k2") == find("calendar", "k1") == []

    def test_a_folder_that_may_only_be_read_refuses_every_write(self, exchange: Stage, soap: Soap) -> None:
        folder = exchange.add_folder(ALICE, "Clients")
        contact = exchange.add_contact(ALICE, {"givenName": "Ann"}, folder.id)
        item = soap.get_items(exchange.item_id(ALICE, contact["id"])).find("t:ItemId")
        folder_id = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
        make = (
            f"<m:CreateItem><m:SavedItemFolderId>{folder_id}</m:SavedItemFolderId><m:Items><t:Contact>"
            "<t:GivenName>Bob</t:GivenName></t:Contact></m:Items></m:CreateItem>"
        )
        change = set_field("contacts:JobTitle", "<t:JobTitle>Boss</t:JobTitle>", "Contact")
        delete = (
            f'<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="{item.get("Id")}"/></m:ItemIds>'
            "</m:DeleteItem>"
        )
        show = (
            "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
            '<t:FieldURI FieldURI="folder:EffectiveRights"/></t:AdditionalProperties></m:FolderShape>'
            f"<m:FolderIds>{folder_id}</m:FolderIds></m:GetFolder>"
        )
        rights = ("t:CreateContents", "t:Modify")
        assert [soap.send(show).text(one) for one in rights] == ["true", "true"]
        exchange.mailbox(ALICE).lock_folder(folder.id)
        assert [soap.send(show).text(one) for one in rights] == ["false", "false"]
        assert soap.send(make).codes == soap.send(delete).codes == ["ErrorAccessDenied"]
        assert update(soap, item, change, sending="").codes == ["ErrorAccessDenied"]
        (kept,) = exchange.mailbox(ALICE).contacts(folder.id)
        assert (kept["givenName"], kept["jobTitle"]) == ("Ann", None)
        assert create(soap, "<t:Contact><t:GivenName>Bob</t:GivenName></t:Contact>", attributes="").codes == ["NoError"]
