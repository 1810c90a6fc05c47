"""SyncFolderItems: what a client that follows a folder is told."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from tests.sandbox.exchange.stage import ALICE, NS, Answer, Soap, Stage, meeting, weekly

DEFAULT = "<t:BaseShape>Default</t:BaseShape>"


def told(answer: Answer) -> list[tuple[str, str]]:
    """(Create, subject), (Delete, "") and the like, in order."""
    return [
        (change.tag.rpartition("}")[2], change.findtext(".//t:Subject", "", NS)) for change in answer.find("m:Changes")
    ]


def follow(soap: Soap, folder: str, state: str = "", *, most: int = 512) -> tuple[list[tuple[str, str]], str]:
    """All pages' changes as (word, id), and the state to go on from."""
    found = []
    while True:
        answer = soap.sync(folder, state, most=most)
        assert answer.codes == ["NoError"]
        for change in answer.find("m:Changes"):
            found.append((change.tag.rpartition("}")[2], change.find(".//t:ItemId", NS).get("Id")))
        state = answer.text("m:SyncState")
        if answer.text("m:IncludesLastItemInRange") == "true":
            return found, state


def test_a_first_listing_creates_and_a_second_tells_only_what_changed(exchange: Stage, soap: Soap) -> None:
    one = exchange.add_event(ALICE, meeting("One"))
    two = exchange.add_event(ALICE, meeting("Two"))
    first = soap.sync("calendar", shape=DEFAULT)
    assert told(first) == [("Create", "One"), ("Create", "Two")]
    state = first.text("m:SyncState")
    assert told(soap.sync("calendar", state)) == []
    exchange.change_event(ALICE, one["id"], {"subject": "One, later"})
    exchange.delete_event(ALICE, two["id"])
    exchange.add_event(ALICE, meeting("Three"))
    second = soap.sync("calendar", state, shape=DEFAULT)
    assert sorted(told(second)) == [("Create", "Three"), ("Delete", ""), ("Update", "One, later")]
    assert second.find("t:Delete/t:ItemId").get("Id") == first.all("t:ItemId")[1].get("Id")
    assert second.find("t:Update//t:ItemId").get("ChangeKey") != first.find("t:ItemId").get("ChangeKey")
    # a state may be used again: what it says does not wear off
    assert sorted(told(soap.sync("calendar", state, shape=DEFAULT))) == sorted(told(second))


def test_a_series_is_its_master_and_any_change_of_a_day_is_a_change_of_it(exchange: Stage, soap: Soap) -> None:
    series = exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly()))
    first = soap.sync("calendar", shape=DEFAULT)
    assert told(first) == [("Create", "Weekly")]
    assert first.texts("t:CalendarItemType") == ["RecurringMaster"]
    days = exchange.mailbox(ALICE).instances(
        series["id"], datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    )
    state = first.text("m:SyncState")
    exchange.change_event(ALICE, days[1]["id"], {"subject": "Elsewhere"})
    second = soap.sync("calendar", state, shape=DEFAULT)
    assert told(second) == [("Update", "Weekly")]
    exchange.delete_event(ALICE, days[2]["id"])
    third = soap.sync("calendar", second.text("m:SyncState"), shape=DEFAULT)
    assert told(third) == [("Update", "Weekly")]
    keys = {answer.find("t:ItemId").get("ChangeKey") for answer in (first, second, third)}
    assert len(keys) == 3
    assert len({answer.find("t:ItemId").get("Id") for answer in (first, second, third)}) == 1


def test_bodies_and_attendees_are_never_among_what_is_told(exchange: Stage, soap: Soap) -> None:
    exchange.add_event(ALICE, meeting(
        body={"contentType": "text", "content": "the agenda"},
        attendees=[{"type": "required", "emailAddress": {"name": "Xaver", "address": "x@y.example"}}],
    ))  # fmt: skip
    shape = (
        "<t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="item:Body"/><t:FieldURI FieldURI="calendar:RequiredAttendees"/>'
        '<t:FieldURI FieldURI="calendar:UID"/></t:AdditionalProperties>'
    )
    answer = soap.sync("calendar", shape=shape)
    assert b"agenda" not in answer.raw and b"x@y.example" not in answer.raw
    # the names are: DisplayTo has them
    assert answer.text("t:DisplayTo") == "Xaver" and answer.find("t:RequiredAttendees") is None
    assert answer.text("t:UID") and answer.text("t:Sensitivity") == "Normal"
    item = soap.get_items(answer.find("t:ItemId").get("Id"))
    assert "agenda" in item.text("t:Body") and item.text("t:RequiredAttendees//t:EmailAddress") == "x@y.example"


@pytest.mark.parametrize("most", [1, 3, 512])
def test_pages_together_tell_everything_once(exchange: Stage, soap: Soap, most: int) -> None:
    made = [exchange.add_event(ALICE, meeting(f"M{number}")) for number in range(7)]
    for one in made[2:4]:
        exchange.change_event(ALICE, one["id"], {"subject": "changed"})
    changes, state = follow(soap, "calendar", most=most)
    assert sorted(changes) == sorted(("Create", exchange.item_id(ALICE, one["id"])) for one in made)
    assert follow(soap, "calendar", state, most=most)[0] == []


def test_what_happens_between_two_pages_is_told_in_the_next_listing(exchange: Stage, soap: Soap) -> None:
    made = [exchange.add_event(ALICE, meeting(f"M{number}")) for number in range(4)]
    first = soap.sync("calendar", most=2)
    exchange.change_event(ALICE, made[0]["id"], {"subject": "told before"})
    exchange.change_event(ALICE, made[3]["id"], {"subject": "not told yet"})
    new = exchange.add_event(ALICE, meeting("new"))
    rest, state = follow(soap, "calendar", first.text("m:SyncState"), most=2)
    ids = {name: exchange.item_id(ALICE, doc["id"]) for name, doc in zip("abcd", made, strict=True)}
    assert rest == [("Create", ids["c"]), ("Create", ids["d"])]
    later, _ = follow(soap, "calendar", state, most=2)
    assert sorted(later) == sorted([
        ("Update", ids["a"]), ("Update", ids["d"]), ("Create", exchange.item_id(ALICE, new["id"])),
    ])  # fmt: skip


def test_ignored_items_are_left_out(exchange: Stage, soap: Soap) -> None:
    one, two = (exchange.add_event(ALICE, meeting(name)) for name in ("One", "Two"))
    ignore = f'<t:ItemId Id="{exchange.item_id(ALICE, one["id"])}"/>'
    answer = soap.sync("calendar", ignore=ignore)
    assert [item.get("Id") for item in answer.all("t:ItemId")] == [exchange.item_id(ALICE, two["id"])]


def test_a_contact_that_moves_gets_another_id_and_is_gone_from_where_it_was(exchange: Stage, soap: Soap) -> None:
    folder = exchange.add_folder(ALICE, "Suppliers")
    suppliers = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
    ann = exchange.add_contact(ALICE, {"givenName": "Ann", "surname": "Lee"})
    before = exchange.item_id(ALICE, ann["id"])
    _, here = follow(soap, "contacts")
    _, there = follow(soap, suppliers)
    exchange.move_contact(ALICE, ann["id"], folder.id)
    after = exchange.item_id(ALICE, ann["id"])
    assert after != before
    assert follow(soap, "contacts", here)[0] == [("Delete", before)]
    assert follow(soap, suppliers, there)[0] == [("Create", after)]
    assert soap.get_items(before, after).codes == ["ErrorItemNotFound", "NoError"]


@pytest.mark.parametrize("spoil", ["rubbish", "folder", "hierarchy", "expired"])
def test_a_state_that_does_not_fit_is_refused_as_documented(exchange: Stage, soap: Soap, spoil: str) -> None:
    exchange.add_contact(ALICE, {"givenName": "Ann"})
    state = soap.sync("contacts").text("m:SyncState")
    if spoil == "rubbish":
        state = "BADSTATE"
    elif spoil == "folder":
        state = soap.sync("calendar").text("m:SyncState")
    elif spoil == "hierarchy":
        state = soap.send(
            "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
            "</m:SyncFolderHierarchy>"
        ).text("m:SyncState")
    else:
        exchange.expire_sync(ALICE)
    answer = soap.sync("contacts", state)
    assert answer.codes == ["ErrorInvalidSyncStateData"]
    assert answer.text("m:MessageText") == "Synchronization state data is corrupt or otherwise invalid."
    assert (answer.text("m:SyncState"), answer.text("m:IncludesLastItemInRange")) == ("", "true")
    assert len(follow(soap, "contacts")[0]) == 1


def test_a_folder_that_is_gone_cannot_be_synchronized(exchange: Stage, soap: Soap) -> None:
    folder = exchange.add_folder(ALICE, "Suppliers")
    element = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
    _, state = follow(soap, element)
    exchange.delete_folder(ALICE, folder.id)
    assert soap.sync(element, state).codes == ["ErrorSyncFolderNotFound"]


@pytest.mark.parametrize("most", [0, 513, -1])
def test_more_than_512_changes_may_not_be_asked_for(soap: Soap, most: int) -> None:
    data = f"<m:MaxChangesReturned>{most}</m:MaxChangesReturned>"
    answer = soap.send(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
        f'<t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>{data}</m:SyncFolderItems>',
        check=False,
    )
    assert answer.fault == "ErrorSchemaValidation"


def test_a_folder_without_anything_synchronizes_to_nothing(soap: Soap) -> None:
    assert told(soap.sync("inbox")) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_client_that_follows_ends_with_what_is_there(exchange: Stage, soap: Soap, seed: int) -> None:
    """Whatever happens between pages, and however small they are."""
    dice = random.Random(seed)
    mailbox = exchange.mailbox(ALICE)
    folders = {name: exchange.add_folder(ALICE, name).id for name in ("A", "B")}
    elements = {name: f'<t:FolderId Id="{exchange.folder_id(ALICE, core)}"/>' for name, core in folders.items()}
    states = dict.fromkeys(folders, "")
    held: dict[str, set[str]] = {name: set() for name in folders}

    def page(name: str) -> bool:
        answer = soap.sync(elements[name], states[name], most=dice.randint(1, 4))
        for change in answer.find("m:Changes"):
            item_id = change.find(".//t:ItemId", NS).get("Id")
            if change.tag.endswith("Delete"):
                held[name].discard(item_id)
            else:
                assert change.tag.endswith("Create") or item_id in held[name]
                held[name].add(item_id)
        states[name] = answer.text("m:SyncState")
        return answer.text("m:IncludesLastItemInRange") == "true"

    for _ in range(60):
        home = dice.choice(list(folders))
        here = [row.id for row in mailbox.contact_rows(folders[home])]
        act = dice.choice(["add", "add", "change", "delete", "move", "page", "page"])
        if act == "add" or not here:
            exchange.add_contact(ALICE, {"givenName": "Ann"}, folders[home])
        elif act == "change":
            exchange.change_contact(ALICE, dice.choice(here), {"surname": str(dice.random())})
        elif act == "delete":
            exchange.delete_contact(ALICE, dice.choice(here))
        elif act == "move":
            exchange.move_contact(ALICE, dice.choice(here), folders["B" if home == "A" else "A"])
        else:
            page(home)
    for name, core in folders.items():
        # one listing may have been half told; the one after it is as of now
        for _ in range(2):
            while not page(name):
                continue
        assert held[name] == {exchange.item_id(ALICE, row.id) for row in mailbox.contact_rows(core)}
