"""GetItem, DeleteItem and MoveItem."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sandbox.exchange.stage import ALICE, Answer, Soap, Stage, meeting, weekly

CANCELLING = 'SendMeetingCancellations="SendToNone"'


def delete(soap: Soap, *item_ids: str, attributes: str = CANCELLING, kind: str = "HardDelete") -> Answer:
    ids = "".join(f'<t:ItemId Id="{one}"/>' for one in item_ids)
    return soap.send(f'<m:DeleteItem DeleteType="{kind}" {attributes}><m:ItemIds>{ids}</m:ItemIds></m:DeleteItem>')


class TestGetItem:
    def test_a_batch_answers_each_item_for_itself(self, exchange: Stage, soap: Soap) -> None:
        one, two = (exchange.item_id(ALICE, exchange.add_event(ALICE, meeting(name))["id"]) for name in ("One", "Two"))
        folder = exchange.folder_id(ALICE, exchange.mailbox(ALICE).calendar_id)
        answer = soap.get_items(one, "rubbish", two, folder, two[:-8] + "AAAAAAA=")
        assert answer.codes == [
            "NoError", "ErrorInvalidIdMalformed", "NoError", "ErrorCannotUseFolderIdForItemId", "ErrorItemNotFound",
        ]  # fmt: skip
        assert answer.texts("t:Subject") == ["One", "Two"]

    @pytest.mark.parametrize(
        ("wanted", "kind", "content"),
        [("Best", "HTML", "<p>Hi <b>you</b>"), ("HTML", "HTML", "<p>Hi <b>you</b>"), ("Text", "Text", "Hi you")],
    )
    def test_a_body_comes_as_it_is_asked_for(
        self, exchange: Stage, soap: Soap, wanted: str, kind: str, content: str
    ) -> None:
        event = exchange.add_event(ALICE, meeting(body={"contentType": "html", "content": "<p>Hi <b>you</b>"}))
        shape = (
            f"<t:BaseShape>IdOnly</t:BaseShape><t:BodyType>{wanted}</t:BodyType><t:AdditionalProperties>"
            '<t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>'
        )
        body = soap.get_items(exchange.item_id(ALICE, event["id"]), shape=shape).find("t:Body")
        assert (body.get("BodyType"), body.text) == (kind, content)

    @pytest.mark.parametrize("shape", ["IdOnly", "Default", "AllProperties"])
    def test_letters_that_xml_or_nobody_can_hold_are_no_trouble(self, exchange: Stage, soap: Soap, shape: str) -> None:
        odd = "a & b < c > \" ' ]]> \x00\x0b\ufffe 😀 \u2028"
        exchange.add_event(ALICE, meeting(odd, body={"contentType": "text", "content": odd},
                                          location={"displayName": odd}, categories=[odd]))  # fmt: skip
        contact = exchange.add_contact(ALICE, {"givenName": odd, "emailAddresses": [{"name": odd, "address": "a@b.c"}]})
        clean = "a & b < c > \" ' ]]>  😀 \u2028"
        answer = soap.sync("calendar", shape=f"<t:BaseShape>{shape}</t:BaseShape>")
        assert answer.codes == ["NoError"]
        if shape != "IdOnly":
            assert answer.text("t:Subject") == answer.text("t:Location") == clean
        answer = soap.get_items(exchange.item_id(ALICE, contact["id"]), shape=f"<t:BaseShape>{shape}</t:BaseShape>")
        assert answer.codes == ["NoError"]
        if shape == "AllProperties":
            assert answer.find("t:EmailAddresses/t:Entry").get("Name").split() == clean.split()

    def test_an_all_day_event_runs_from_midnight_to_midnight_where_it_was_made(
        self, exchange: Stage, soap: Soap
    ) -> None:
        zone = "W. Europe Standard Time"
        event = exchange.add_event(ALICE, {
            "subject": "Fair", "isAllDay": True, "start": {"dateTime": "2026-11-24T00:00:00", "timeZone": zone},
            "end": {"dateTime": "2026-11-26T00:00:00", "timeZone": zone},
        })  # fmt: skip
        answer = soap.get_items(exchange.item_id(ALICE, event["id"]))
        assert answer.text("t:IsAllDayEvent") == "true"
        assert (answer.text("t:Start"), answer.text("t:End")) == ("2026-11-23T23:00:00Z", "2026-11-25T23:00:00Z")
        assert answer.text("t:Duration") == "P2D"
        assert answer.find("t:StartTimeZone").get("Id") == zone

    @pytest.mark.parametrize("zone", ["Customized Time Zone", "tzone://Microsoft/Utc", "tzone://Microsoft/Custom"])
    def test_odd_zone_names_are_told_as_they_are(self, exchange: Stage, soap: Soap, zone: str) -> None:
        event = exchange.add_event(ALICE, meeting(originalStartTimeZone=zone))
        answer = soap.get_items(exchange.item_id(ALICE, event["id"]))
        assert answer.find("t:StartTimeZone").get("Id") == zone
        assert answer.text("t:Start") == "2026-11-24T09:00:00Z"

    def test_a_series_is_reached_from_its_days_and_its_days_from_it(self, exchange: Stage, soap: Soap) -> None:
        series = exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
        days = exchange.mailbox(ALICE).instances(series["id"], *window())
        exchange.change_event(ALICE, days[1]["id"], {"subject": "Second"})
        exchange.delete_event(ALICE, days[2]["id"])
        master = exchange.item_id(ALICE, series["id"])
        occurrences = "".join(
            f'<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="{index}"/>' for index in range(1, 7)
        )
        answer = soap.send(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>"
            f"<m:ItemIds>{occurrences}</m:ItemIds></m:GetItem>"
        )
        assert answer.codes == [
            "NoError", "NoError", "ErrorCalendarOccurrenceIsDeletedFromRecurrence", "NoError", "NoError",
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        ]  # fmt: skip
        assert answer.texts("t:Subject") == ["Weekly", "Second", "Weekly", "Weekly"]
        assert answer.texts("t:CalendarItemType") == ["Occurrence", "Exception", "Occurrence", "Occurrence"]
        second = answer.all("t:ItemId")[1].get("Id")
        back = soap.send(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>"
            f'<t:RecurringMasterItemId OccurrenceId="{second}"/><t:RecurringMasterItemId OccurrenceId="{master}"/>'
            "</m:ItemIds></m:GetItem>"
        )
        assert back.codes == ["NoError", "ErrorCalendarCannotUseIdForRecurringMasterId"]
        assert back.find("t:ItemId").get("Id") == master
        assert back.text("t:WeeklyRecurrence/t:DaysOfWeek") == "Tuesday"
        assert back.text("t:FirstOccurrence/t:Start") == "2026-11-24T09:00:00Z"
        assert back.text("t:LastOccurrence/t:Start") == "2026-12-22T09:00:00Z"
        assert back.find("t:ModifiedOccurrences//t:ItemId").get("Id") == second
        assert back.text("t:DeletedOccurrences//t:Start") == "2026-12-08T09:00:00Z"

    def test_single_entries_of_a_contact_may_be_asked_for(self, exchange: Stage, soap: Soap) -> None:
        contact = exchange.add_contact(ALICE, {
            "givenName": "Ann", "mobilePhone": "1", "businessPhones": ["2"], "homePhones": ["3"],
            "emailAddresses": [{"address": "a@x.example"}, {"address": "b@x.example"}],
            "homeAddress": {"street": "S", "city": "C"},
        })  # fmt: skip
        item = exchange.item_id(ALICE, contact["id"])
        wanted = (
            ("contacts:PhoneNumber", "MobilePhone"), ("contacts:PhoneNumber", "HomePhone"),
            ("contacts:PhoneNumber", "Pager"), ("contacts:EmailAddress", "EmailAddress2"),
            ("contacts:PhysicalAddress:City", "Home"),
        )  # fmt: skip
        paths = "".join(f'<t:IndexedFieldURI FieldURI="{uri}" FieldIndex="{index}"/>' for uri, index in wanted)
        shape = f"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{paths}</t:AdditionalProperties>"
        answer = soap.get_items(item, shape=shape)
        entries = {one.get("Key"): one.text for one in answer.all("t:Entry")}
        assert entries == {"MobilePhone": "1", "HomePhone": "3", "EmailAddress2": "b@x.example", "Home": None}
        assert (answer.text("t:City"), answer.find("t:Street")) == ("C", None)
        assert len(soap.get_items(item).all("t:PhoneNumbers/t:Entry")) == 3

    def test_an_item_says_where_it_is_on_the_web(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting())["id"])
        link = soap.get_items(event).text("t:WebClientReadFormQueryString") or ""
        assert link.startswith(f"{exchange.base_url}/owa/?ItemID=AAMk") and "+" not in link
        exchange.use_version("2010_SP2")
        link = soap.get_items(event, schema="Exchange2010_SP2").text("t:WebClientReadFormQueryString") or ""
        assert link.startswith("?ae=Item&a=Open&t=IPM.Appointment&id=AAMk")

    def test_a_property_of_another_kind_of_item_is_refused(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.add_event(ALICE, meeting())
        shape = (
            "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
            '<t:FieldURI FieldURI="contacts:GivenName"/></t:AdditionalProperties>'
        )
        answer = soap.get_items(exchange.item_id(ALICE, event["id"]), shape=shape)
        assert answer.codes == ["ErrorInvalidPropertyRequest"]
        assert answer.find("m:MessageXml/t:FieldURI").get("FieldURI") == "contacts:GivenName"


def window() -> tuple[datetime, datetime]:
    return datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


class TestDeleteItem:
    @pytest.mark.parametrize("kind", ["HardDelete", "SoftDelete", "MoveToDeletedItems"])
    def test_deleted_is_gone_and_deleting_it_again_finds_nothing(self, exchange: Stage, soap: Soap, kind: str) -> None:
        item = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting())["id"])
        assert delete(soap, item, kind=kind).codes == ["NoError"]
        assert delete(soap, item, kind=kind).codes == ["ErrorItemNotFound"]
        assert soap.get_items(item).codes == ["ErrorItemNotFound"]

    def test_one_day_of_a_series_goes_by_itself(self, exchange: Stage, soap: Soap) -> None:
        exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly(count=3)))
        view = ("2026-11-20T00:00:00Z", "2026-12-31T00:00:00Z")
        second = soap.view(*view).all("t:ItemId")[1].get("Id")
        assert delete(soap, second).codes == ["NoError"]
        assert soap.view(*view).texts("t:Start") == ["2026-11-24T09:00:00Z", "2026-12-08T09:00:00Z"]
        assert soap.get_items(second).codes == ["ErrorItemNotFound"]

    def test_who_is_told_has_to_be_said_for_events_and_not_for_contacts(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting())["id"])
        contact = exchange.item_id(ALICE, exchange.add_contact(ALICE, {"givenName": "Ann"})["id"])
        answer = delete(soap, event, contact, attributes="")
        assert answer.codes == ["ErrorSendMeetingCancellationsRequired", "NoError"]


class TestMoveItem:
    def move(self, soap: Soap, item: str, target: str) -> Answer:
        items = f'<m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds>'
        return soap.send(f"<m:MoveItem><m:ToFolderId>{target}</m:ToFolderId>{items}</m:MoveItem>")

    def test_a_moved_contact_has_another_id(self, exchange: Stage, soap: Soap) -> None:
        folder = exchange.add_folder(ALICE, "Suppliers")
        target = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
        item = exchange.item_id(ALICE, exchange.add_contact(ALICE, {"givenName": "Ann"})["id"])
        answer = self.move(soap, item, target)
        new = answer.find("t:ItemId").get("Id")
        assert answer.codes == ["NoError"] and new != item
        assert soap.get_items(item, new).codes == ["ErrorItemNotFound", "NoError"]

    def test_what_cannot_be_moved_there_stays(self, exchange: Stage, soap: Soap) -> None:
        event = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))["id"])
        day = soap.view("2026-11-20T00:00:00Z", "2026-11-30T00:00:00Z").find("t:ItemId").get("Id")
        contacts, calendar = ('<t:DistinguishedFolderId Id="contacts"/>', '<t:DistinguishedFolderId Id="calendar"/>')
        assert self.move(soap, event, contacts).codes == ["ErrorMoveCopyFailed"]
        assert self.move(soap, day, calendar).codes == ["ErrorCalendarCannotMoveOrCopyOccurrence"]
        gone = '<t:DistinguishedFolderId Id="publicfoldersroot"/>'
        assert self.move(soap, event, gone).codes == ["ErrorToFolderNotFound"]
        assert soap.get_items(event).codes == ["NoError"]

    def test_moving_to_deleted_items_deletes(self, exchange: Stage, soap: Soap) -> None:
        item = exchange.item_id(ALICE, exchange.add_contact(ALICE, {"givenName": "Ann"})["id"])
        assert self.move(soap, item, '<t:DistinguishedFolderId Id="deleteditems"/>').codes == ["NoError"]
        assert exchange.mailbox(ALICE).contacts() == []
