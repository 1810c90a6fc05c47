"""Reading a pretend Graph's contacts folder by folder, and scripted answers where the order of things matters."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from integrations.errors import CursorExpired, Gone, Refused, Unexpected
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365.contacts import Office365Contacts
from integrations.remote import Delta, NumberKind, RemoteContact
from sandbox.server import Sandbox
from tests.contracts.stages import PERSON

Open = Callable[[Office365], Account]
ROOT = "https://graph.microsoft.com/v1.0/"


@pytest.fixture
def contacts(office365: Office365, open_with: Open) -> Any:
    return open_with(office365).contacts


def names(pages: list[Delta[RemoteContact]]) -> list[str]:
    return sorted(contact.display_name for page in pages for contact in page.changed)


def gone(pages: list[Delta[RemoteContact]]) -> set[str]:
    return {one for page in pages for one in page.gone}


def test_folders_of_all_levels_are_listed_with_their_parents_and_the_default_first(
    sandbox: Sandbox, contacts: Any
) -> None:
    clients = sandbox.office365.add_folder(PERSON, "Clients")
    north = sandbox.office365.add_folder(PERSON, "North", clients)
    deep = sandbox.office365.add_folder(PERSON, "Deep", north)
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines"}, deep)
    pages = list(contacts.changes(None))
    default, *others = pages[0].folders
    assert (default.is_default, default.parent) == (True, "")
    assert {folder.name: folder.parent for folder in others if folder.id != default.id} == {
        "Clients": default.id,
        "North": clients,
        "Deep": north,
    }
    (contact,) = [one for page in pages for one in page.changed]
    assert contact.folders == (deep,)


@pytest.mark.parametrize("lists_default", [True, False])
def test_the_default_folder_is_there_once_whether_or_not_lists_show_it(
    sandbox: Sandbox, contacts: Any, lists_default: bool
) -> None:
    sandbox.office365.graph.lists_default = lists_default
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines", "businessPhones": ["+49 30 901820"]})
    pages = list(contacts.changes(None))
    assert [folder.is_default for folder in pages[0].folders] == [True]
    (contact,) = [one for page in pages for one in page.changed]
    assert [(one.value, one.kind) for one in contact.numbers] == [("+49 30 901820", NumberKind.WORK)]


def test_a_contact_that_was_moved_is_in_its_new_folder_and_never_lost(sandbox: Sandbox, contacts: Any) -> None:
    office365 = sandbox.office365
    first, second = office365.add_folder(PERSON, "First"), office365.add_folder(PERSON, "Second")
    there = office365.add_contact(PERSON, {"displayName": "There"}, first)["id"]
    back = office365.add_contact(PERSON, {"displayName": "Back"}, second)["id"]
    cursor = list(contacts.changes(None))[-1].cursor
    office365.move_contact(PERSON, there, second)
    office365.move_contact(PERSON, back, first)
    pages = list(contacts.changes(cursor))
    found = {one.ref.id: one for page in pages for one in page.changed}
    assert {one.display_name: one.folders for one in found.values()} == {"There": (second,), "Back": (first,)}
    assert gone(pages) == set()
    assert names(list(contacts.changes(pages[-1].cursor))) == []


def test_a_deleted_contact_is_gone(sandbox: Sandbox, contacts: Any) -> None:
    remote_id = sandbox.office365.add_contact(PERSON, {"displayName": "Ines"})["id"]
    cursor = list(contacts.changes(None))[-1].cursor
    sandbox.office365.delete_contact(PERSON, remote_id)
    pages = list(contacts.changes(cursor))
    assert (names(pages), gone(pages)) == ([], {remote_id})


def test_a_new_folder_is_read_whole_and_followed_from_then_on(sandbox: Sandbox, contacts: Any) -> None:
    cursor = list(contacts.changes(None))[-1].cursor
    folder = sandbox.office365.add_folder(PERSON, "New")
    remote_id = sandbox.office365.add_contact(PERSON, {"displayName": "Ines"}, folder)["id"]
    pages = list(contacts.changes(cursor))
    assert names(pages) == ["Ines"]
    assert folder in {one.id for one in pages[0].folders}
    sandbox.office365.change_contact(PERSON, remote_id, {"displayName": "Ines F."})
    assert names(list(contacts.changes(pages[-1].cursor))) == ["Ines F."]


def test_a_folder_that_is_gone_asks_for_a_complete_listing(sandbox: Sandbox, contacts: Any) -> None:
    folder = sandbox.office365.add_folder(PERSON, "Old")
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines"}, folder)
    cursor = list(contacts.changes(None))[-1].cursor
    sandbox.office365.delete_folder(PERSON, folder)
    with pytest.raises(CursorExpired):
        list(contacts.changes(cursor))
    assert names(list(contacts.changes(None))) == []


def test_a_renamed_folder_is_told_without_any_change_of_its_contacts(sandbox: Sandbox, contacts: Any) -> None:
    folder = sandbox.office365.add_folder(PERSON, "Old name")
    cursor = list(contacts.changes(None))[-1].cursor
    sandbox.office365.rename_folder(PERSON, folder, "New name")
    pages = list(contacts.changes(cursor))
    assert "New name" in {one.name for one in pages[0].folders}
    assert names(pages) == []


def person(remote_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": remote_id, "@odata.etag": 'W/"1"', "displayName": remote_id, **fields}


def removed(remote_id: str) -> dict[str, Any]:
    return {"id": remote_id, "@removed": {"reason": "deleted"}}


class Script:
    """A mailbox with the folders "contacts" and those given; what each folder's delta says, and single contacts."""

    def __init__(self, *folders: str, **deltas: list[dict[str, Any]]) -> None:
        self.folders = list(folders)
        self.deltas = deltas
        self.people: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def __call__(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> dict[str, Any]:
        assert url.startswith(ROOT)
        self.asked.append(url)
        parts = urlsplit(url).path.removeprefix("/v1.0/me/").split("/")
        if parts == ["contactFolders", "contacts"]:
            return {"id": "default", "displayName": "Contacts", "parentFolderId": "root"}
        if parts == ["contactFolders"]:
            return {"value": [{"id": one, "displayName": one, "parentFolderId": "root"} for one in self.folders]}
        if parts[-1] == "childFolders":
            return {"value": []}
        if parts[-1] == "delta":
            items = self.deltas.get(parts[1], [])
            if isinstance(items, Exception):
                raise items
            return {"value": items, "@odata.deltaLink": f"{ROOT}me/contactFolders/{parts[1]}/contacts/delta?d=2"}
        if parts[-1] in self.people:
            return self.people[parts[-1]]
        raise Gone

    def contacts(self) -> Office365Contacts:
        return Office365Contacts(self, root=ROOT)

    def cursor(self) -> str:
        links = {one: f"{ROOT}me/contactFolders/{one}/contacts/delta?d=1" for one in ["default", *self.folders]}
        return orjson.dumps({"version": 1, "folders": links}).decode()

    def follow(self) -> list[Delta[RemoteContact]]:
        return list(self.contacts().changes(self.cursor()))


@pytest.mark.parametrize(("source", "target"), [("default", "a"), ("a", "default")])
def test_a_move_is_one_in_whatever_order_the_folders_are_read(source: str, target: str) -> None:
    script = Script("a", **{source: [removed("x")], target: [person("x")]})
    pages = script.follow()
    assert (names(pages), gone(pages)) == (["x"], set())
    assert not any("/contacts/x" in url for url in script.asked)


def test_a_contact_whose_new_folder_was_read_too_early_is_asked_for() -> None:
    script = Script("a", default=[removed("x")])
    script.people["x"] = person("x", parentFolderId="a")
    pages = script.follow()
    assert [(one.ref.id, one.folders) for page in pages for one in page.changed] == [("x", ("a",))]
    assert gone(pages) == set()


def test_a_contact_in_deleted_items_is_gone_though_its_id_lives_on() -> None:
    script = Script("a", default=[removed("x")])
    script.people["x"] = person("x", parentFolderId="deleted items")
    assert gone(script.follow()) == {"x"}


def test_a_contact_removed_and_back_in_the_same_folder_is_there() -> None:
    pages = Script(default=[removed("x"), person("x"), person("y"), removed("y")]).follow()
    assert (names(pages), gone(pages)) == (["x"], {"y"})


def test_many_removed_at_once_are_a_reason_to_read_everything() -> None:
    script = Script(default=[removed(f"x{number}") for number in range(21)])
    with pytest.raises(CursorExpired):
        script.follow()


def test_a_folder_deleted_while_reading_is_left_out_of_a_complete_listing() -> None:
    script = Script("a", default=[person("x")], a=Gone())  # type: ignore[arg-type]
    pages = list(script.contacts().changes(None))
    assert names(pages) == ["x"]
    assert set(orjson.loads(pages[-1].cursor or "")["folders"]) == {"default"}
    with pytest.raises(CursorExpired):
        script.follow()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "not a cursor",
        "[]",
        '{"version": 2, "folders": {}}',
        '{"version": 1}',
        '{"version": 1, "folders": {"default": 7}}',
        '{"version": 1, "folders": {"default": "https://graph.evil.example/v1.0/x"}}',
        '{"version": 1, "folders": {"vanished": "https://graph.microsoft.com/v1.0/x"}}',
    ],
)
def test_a_cursor_of_another_shape_is_not_followed(cursor: str) -> None:
    script = Script()
    with pytest.raises(CursorExpired):
        list(script.contacts().changes(cursor))
    assert not any("delta" in url for url in script.asked)


def test_a_delta_link_to_another_server_is_refused_and_not_kept() -> None:
    script = Script()

    def answer(url: str, **more: Any) -> dict[str, Any]:
        found = Script.__call__(script, url, **more)
        return {**found, "@odata.deltaLink": "https://graph.evil.example/x"} if "delta" in url else found

    with pytest.raises(Refused):
        list(Office365Contacts(answer, root=ROOT).changes(None))


def test_a_folder_that_holds_itself_ends_somewhere() -> None:
    script = Script("a")

    def answer(url: str, **more: Any) -> dict[str, Any]:
        found = Script.__call__(script, url, **more)
        mine = {"value": [{"id": "a", "displayName": "a", "parentFolderId": "a"}]}
        return mine if url.endswith("childFolders") else found

    pages = list(Office365Contacts(answer, root=ROOT).changes(None))
    assert [one.id for one in pages[0].folders or ()] == ["default", "a"]


def test_folders_without_an_end_are_not_read_for_ever() -> None:
    def answer(url: str, **_: Any) -> dict[str, Any]:
        answer.count += 1  # type: ignore[attr-defined]
        if url.endswith("contactFolders/contacts"):
            return {"id": "default", "displayName": "Contacts"}
        return {"value": [{"id": f"f{answer.count}", "displayName": "f"}]}  # type: ignore[attr-defined]

    answer.count = 0  # type: ignore[attr-defined]
    with pytest.raises(Unexpected, match="more than 500 folders"):
        list(Office365Contacts(answer, root=ROOT).changes(None))
