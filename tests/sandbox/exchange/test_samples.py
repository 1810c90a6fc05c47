"""What Microsoft's own documents send, replayed; and the answers in them, held against ours.

Source: the SOAP samples of MicrosoftDocs/office-developer-exchange-docs (CC-BY-4.0), read from the reference data
beside the repository. Ids and sync states in them are placeholders, and filled in. Requests about mail are left out:
there is none in the sandbox.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from sandbox.exchange.soap import MESSAGES
from tests.sandbox.exchange.stage import ALICE, Answer, Soap, Stage, meeting


@pytest.fixture
def samples(shared_data: Path) -> Path:
    return shared_data / "ews" / "samples"


@pytest.fixture
def judge(shared_checks: Path, soap: Soap) -> Any:
    """The validator, which then has to be there."""
    assert soap.judge is not None
    return soap.judge


def names(element: Any) -> list[str]:
    """The names of everything in it, in order."""
    return [etree.QName(one).localname for one in element.iter(etree.Element) if one is not element]


def read_message(root: Any) -> Any:
    """The first response message of an answer."""
    (found,) = (one for one in root.iter(etree.Element) if etree.QName(one).localname == "ResponseMessages")
    return found[0]


def check_shape(answer: Answer, sample: Path, *, but: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> None:
    """The answer has the elements of the documented one in its order. but: not those; more: ours has these too."""
    ours, theirs = read_message(answer.root), read_message(etree.parse(sample).getroot())
    assert etree.QName(ours).localname == etree.QName(theirs).localname
    assert ours.get("ResponseClass") == theirs.get("ResponseClass")
    assert ours.findtext(f"{{{MESSAGES}}}ResponseCode") == read_code(theirs)
    expected = [name for name in names(theirs) if name not in but]
    assert [name for name in names(ours) if name in expected] == expected
    assert {name for name in names(ours) if name not in expected} <= set(more)


def read_code(message: Any) -> str:
    return next(one.text for one in message.iter(etree.Element) if etree.QName(one).localname == "ResponseCode")


def replay(soap: Soap, sample: Path, *, ids: tuple[str, str] | None = None, state: str | None = None) -> Answer:
    """ids: item id and change key to fill in; state: a sync state, "" to leave the element out."""
    text = sample.read_text()
    if ids:
        text = re.sub(r'ItemId Id="[^"]*"\s+ChangeKey="[^"]*"', f'ItemId Id="{ids[0]}" ChangeKey="{ids[1]}"', text)
    if state is not None:
        text = re.sub(r"<SyncState>[^<]*</SyncState>", f"<SyncState>{state}</SyncState>" if state else "", text)
    return soap.post(text.encode())


PLAYED = (
    "GetFolder-01", "FindFolder-01", "FindFolder-02", "FindFolder-03", "FindFolder-04", "SyncFolderHierarchy-01",
    "SyncFolderItems-01", "FindItem-01", "FindItem-02", "FindItem-03", "CreateItem-01", "CreateItem-02",
    "CreateItem-03", "CreateItem-04", "CreateItem-05", "CreateItem-06", "UpdateItem-01", "UpdateItem-02",
    "UpdateItem-03", "UpdateItem-04", "MoveItem-01", "MoveItem-02", "ResolveNames-01", "ConvertId-01", "GetItem-01",
)  # fmt: skip
# in place of mail, which is not here
UNPLAYED = ("CreateItem-07", "CreateItem-08", "FindItem-04", "FindItem-05", "Subscribe-01", "Subscribe-02")


def test_no_sample_is_forgotten(samples: Path) -> None:
    requests = {path.stem for path in samples.glob("*.xml") if "Response" not in path.stem}
    assert requests == {*PLAYED, *UNPLAYED}


@pytest.mark.parametrize("name", PLAYED + UNPLAYED)
def test_every_documented_request_is_answered_in_a_form_that_fits_the_schema(
    exchange: Stage, soap: Soap, samples: Path, judge: Any, name: str
) -> None:
    contact = exchange.add_contact(ALICE, {"givenName": "Ann", "emailAddresses": [{"address": "a@b.example"}]})
    item = soap.get_items(exchange.item_id(ALICE, contact["id"])).find("t:ItemId")
    answer = replay(soap, samples / f"{name}.xml", ids=(item.get("Id"), item.get("ChangeKey")), state="")
    assert (answer.status == 200) == (answer.fault is None)
    if name in UNPLAYED:
        assert answer.fault or answer.codes == ["ErrorCreateItemAccessDenied"]
    elif name == "GetItem-01":
        # of a calendar item; ours is a contact
        assert answer.codes == ["ErrorInvalidPropertyRequest"]
    elif name in ("MoveItem-01", "MoveItem-02"):
        assert answer.codes == ["ErrorMoveCopyFailed"]
    else:
        assert answer.codes in (["NoError"], ["ErrorCannotCreateContactInNonContactFolder"],
                                ["ErrorNameResolutionNoResults"], ["ErrorInvalidIdMalformed"])  # fmt: skip


def test_a_folder_looks_as_documented(soap: Soap, samples: Path) -> None:
    check_shape(replay(soap, samples / "GetFolder-01.xml"), samples / "GetFolderResponse-02.xml")
    broken = (samples / "GetFolder-01.xml").read_text().replace(
        '<t:DistinguishedFolderId Id="inbox"/>', '<t:FolderId Id="AQApA"/>'
    )  # fmt: skip
    answer = soap.post(broken.encode())
    check_shape(answer, samples / "GetFolderResponse-01.xml")
    check_shape(answer, samples / "GetFolderResponse-03.xml")
    assert answer.text("m:MessageText") == "Id is malformed."


def test_found_folders_look_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    folder = exchange.add_folder(ALICE, "Suppliers")
    exchange.add_folder(ALICE, "Paper", parent=folder.id)
    text = (samples / "FindFolder-01.xml").read_text()
    suppliers = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
    answer = soap.post(text.replace('<t:DistinguishedFolderId Id="inbox"/>', suppliers).encode())
    # a folder for contacts counts no unread ones
    check_shape(answer, samples / "FindFolderResponse-01.xml", but=("Folder", "UnreadCount"), more=("ContactsFolder",))
    broken = text.replace('<t:DistinguishedFolderId Id="inbox"/>', '<t:FolderId Id="AQApA"/>')
    check_shape(soap.post(broken.encode()), samples / "FindFolderResponse-02.xml")


def test_a_hierarchy_looks_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    before = replay(soap, samples / "SyncFolderHierarchy-01.xml", state="").text("m:SyncState")
    exchange.add_folder(ALICE, "NewFolder")
    answer = replay(soap, samples / "SyncFolderHierarchy-01.xml", state=before)
    more = ("ContactsFolder", "EffectiveRights", "CreateAssociated", "CreateContents", "CreateHierarchy", "Delete",
            "Modify", "Read")  # fmt: skip
    # without a RequestServerVersion, a request is of Exchange 2007, whose folders had no rights yet
    check_shape(answer, samples / "SyncFolderHierarchyResponse-01.xml", but=("Folder", "UnreadCount"), more=more)
    check_shape(replay(soap, samples / "SyncFolderHierarchy-01.xml"), samples / "SyncFolderHierarchyResponse-02.xml")


def test_a_refused_state_looks_as_documented(soap: Soap, samples: Path) -> None:
    answer = replay(soap, samples / "SyncFolderItems-01.xml")
    check_shape(answer, samples / "SyncFolderItemsResponse-02.xml")
    assert answer.text("m:MessageText") == "Synchronization state data is corrupt or otherwise invalid."


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ("CreateItem-01", "CreateItemResponse-02"),
        ("CreateItem-02", "CreateItemResponse-02"),
        ("CreateItem-03", "CreateItemResponse-02"),
        ("CreateItem-04", "CreateItemResponse-02"),
        ("CreateItem-05", "CreateItemResponse-03"),
        ("CreateItem-06", "CreateItemResponse-04"),
    ],
)
def test_made_items_are_answered_as_documented(soap: Soap, samples: Path, request_: str, response: str) -> None:
    answer = replay(soap, samples / f"{request_}.xml")
    check_shape(answer, samples / f"{response}.xml")


def test_times_of_the_documented_appointments_are_understood(exchange: Stage, soap: Soap, samples: Path) -> None:
    for number in ("01", "02", "03", "04"):
        replay(soap, samples / f"CreateItem-{number}.xml")
    mailbox = exchange.mailbox(ALICE)
    rows = [row.load() for row in mailbox.event_rows(mailbox.calendar_id)]
    assert [row["start"]["dateTime"][:16] for row in rows] == [
        "2023-02-07T17:00", "2023-02-08T00:00", "2023-02-08T02:00", "2006-11-02T14:00",
    ]  # fmt: skip
    assert rows[1]["originalStartTimeZone"] == "Central Standard Time"
    assert [one["emailAddress"]["address"] for one in rows[3]["attendees"]] == [
        "User1@example.com",
        "User2@example.com",
    ]


def test_the_documented_contact_is_kept_and_changed_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    made = replay(soap, samples / "CreateItem-05.xml").find("t:ItemId")
    ids = (made.get("Id"), made.get("ChangeKey"))
    answer = replay(soap, samples / "UpdateItem-01.xml", ids=ids)
    check_shape(answer, samples / "UpdateItemResponse-01.xml", more=("ConflictResults", "Count"))
    (contact,) = exchange.mailbox(ALICE).contacts()
    assert contact["emailAddresses"][0]["address"] == "changedemail@example.com"
    assert contact["businessAddress"]["city"] == "La Habra"
    now = answer.find("t:ItemId")
    ids = (now.get("Id"), now.get("ChangeKey"))
    appended = replay(soap, samples / "UpdateItem-03.xml", ids=ids)
    assert appended.codes == ["NoError"]
    assert exchange.mailbox(ALICE).contacts()[0]["personalNotes"] == "Some additional text to append"
    again = replay(soap, samples / "UpdateItem-04.xml", ids=ids)
    assert again.codes == ["ErrorIrresolvableConflict"]


@pytest.mark.parametrize(
    ("shape", "response"),
    [("IdOnly", "GetItemResponse-01"), ("Default", "GetItemResponse-02"), ("AllProperties", "GetItemResponse-03")],
)
def test_each_shape_of_an_item_has_what_the_documented_one_has(
    exchange: Stage, soap: Soap, samples: Path, shape: str, response: str
) -> None:
    event = exchange.add_event(ALICE, meeting(""))
    # the samples are of Exchange 2007
    answer = soap.get_items(
        exchange.item_id(ALICE, event["id"]), shape=f"<t:BaseShape>{shape}</t:BaseShape>", schema="Exchange2007"
    )
    theirs = read_message(etree.parse(samples / f"{response}.xml").getroot())
    neighbours = ("ConflictingMeetings", "Location")
    for one in theirs.iter("{*}ConflictingMeetings"):
        one.getparent().remove(one)
    expected = [name for name in names(theirs) if name not in neighbours]
    ours = names(read_message(answer.root))
    assert [name for name in ours if name in expected] == expected
    flags = {"IsResponseRequested", "ConferenceType", "AllowNewTimeProposal", "IsOnlineMeeting"}
    more = {"HasAttachments"} if shape == "Default" else flags
    assert set(ours) - set(expected) <= more


def test_a_property_of_another_kind_is_refused_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    event = exchange.add_event(ALICE, meeting())
    shape = (
        "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="meeting:AssociatedCalendarItemId"/></t:AdditionalProperties>'
    )
    answer = soap.get_items(exchange.item_id(ALICE, event["id"]), shape=shape)
    check_shape(answer, samples / "GetItemResponse-04.xml")
    assert answer.text("m:MessageText") == "Property is not valid for this object type."


def test_names_are_resolved_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    check_shape(replay(soap, samples / "ResolveNames-01.xml"), samples / "ResolveNamesResponse-02.xml")
    exchange.add_person("user2@example.com", name="User2")
    answer = replay(soap, samples / "ResolveNames-01.xml")
    check_shape(answer, samples / "ResolveNamesResponse-01.xml", more=("Culture", "GivenName"))
    assert answer.text("t:EmailAddresses/t:Entry") == "SMTP:user2@example.com"
    exchange.add_person("user22@example.com", name="User22")
    several = replay(soap, samples / "ResolveNames-01.xml")
    assert several.find("m:ResolveNamesResponseMessage").get("ResponseClass") == "Warning"
    assert several.codes == ["ErrorNameResolutionMultipleResults"] and len(several.all("t:Resolution")) == 2


def test_an_id_that_is_none_is_not_converted_as_documented(exchange: Stage, soap: Soap, samples: Path) -> None:
    check_shape(replay(soap, samples / "ConvertId-01.xml"), samples / "ConvertIdResponse-01.xml")
    event = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting())["id"])
    text = re.sub(r'Id="AAM[^"]*"', f'Id="{event}"', (samples / "ConvertId-01.xml").read_text())
    answer = soap.post(text.encode())
    assert answer.codes == ["NoError"]
    assert answer.find("m:AlternateId").get("Format") == "OwaId"


def test_zones_are_listed_by_name(soap: Soap) -> None:
    answer = soap.send('<m:GetServerTimeZones ReturnFullTimeZoneData="false"/>')
    assert len(answer.all("t:TimeZoneDefinition")) > 100
    one = soap.send(
        '<m:GetServerTimeZones ReturnFullTimeZoneData="false"><m:Ids><t:Id>W. Europe Standard Time</t:Id></m:Ids>'
        "</m:GetServerTimeZones>"
    )
    assert [zone.get("Id") for zone in one.all("t:TimeZoneDefinition")] == ["W. Europe Standard Time"]
