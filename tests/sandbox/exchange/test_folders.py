"""GetFolder, FindFolder, SyncFolderHierarchy, and folders that come and go."""

from __future__ import annotations

import pytest

from sandbox.exchange.folder_xml import HIDDEN
from tests.sandbox.exchange.stage import ALICE, BEN, NS, Answer, Soap, Stage

MACHINES = {name for name, _, _ in HIDDEN}


def get(soap: Soap, *elements: str, shape: str = "<t:BaseShape>AllProperties</t:BaseShape>") -> Answer:
    return soap.send(
        f"<m:GetFolder><m:FolderShape>{shape}</m:FolderShape><m:FolderIds>{''.join(elements)}</m:FolderIds></m:GetFolder>"
    )


def named(name: str, mailbox: str = "") -> str:
    inner = f"<t:Mailbox><t:EmailAddress>{mailbox}</t:EmailAddress></t:Mailbox>" if mailbox else ""
    return f'<t:DistinguishedFolderId Id="{name}">{inner}</t:DistinguishedFolderId>'


def find(soap: Soap, parent: str, traversal: str = "Deep", paging: str = "") -> Answer:
    return soap.send(
        f'<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
        f"{paging}<m:ParentFolderIds>{parent}</m:ParentFolderIds></m:FindFolder>"
    )


def sync(soap: Soap, state: str = "", root: str = "") -> Answer:
    root = f"<m:SyncFolderId>{root}</m:SyncFolderId>" if root else ""
    state = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    return soap.send(
        "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>"
        f"{root}{state}</m:SyncFolderHierarchy>"
    )


def listed(answer: Answer) -> list[tuple[str, str]]:
    """(Create, name) and the like; without the folders that Exchange keeps for itself."""
    found = []
    for change in answer.find("m:Changes"):
        name = change.find(".//{*}DisplayName")
        found.append((change.tag.rpartition("}")[2], "" if name is None else name.text))
    return [one for one in found if one[1] not in MACHINES]


def shown(answer: Answer) -> list[str]:
    """The names of folders, without those that Exchange keeps for itself."""
    return [name for name in answer.texts("t:DisplayName") if name not in MACHINES]


def test_several_folders_come_in_one_answer_and_a_missing_one_only_fails_itself(exchange: Stage, soap: Soap) -> None:
    answer = get(soap, named("calendar"), named("publicfoldersroot"), named("contacts"), '<t:FolderId Id="rubbish"/>')
    assert answer.codes == ["NoError", "ErrorFolderNotFound", "NoError", "ErrorInvalidIdMalformed"]
    assert [one.tag.rpartition("}")[2] for one in answer.all("m:Folders/*")] == ["CalendarFolder", "ContactsFolder"]
    assert answer.texts("t:FolderClass") == ["IPF.Appointment", "IPF.Contact"]
    again = get(soap, f'<t:FolderId Id="{answer.find("t:FolderId").get("Id")}"/>')
    assert again.texts("t:DisplayName") == ["Calendar"]


def test_anothers_mailbox_stays_closed(exchange: Stage, soap: Soap) -> None:
    answer = get(soap, named("calendar", ALICE), named("calendar", BEN), named("calendar", "nobody@north.example"))
    assert answer.codes == ["NoError", "ErrorFolderNotFound", "ErrorNonExistentMailbox"]
    bens = exchange.folder_id(BEN, exchange.mailbox(BEN).calendar_id)
    assert get(soap, f'<t:FolderId Id="{bens}"/>').codes == ["ErrorFolderNotFound"]


def test_a_mailbox_that_was_moved_to_the_cloud_is_not_here(exchange: Stage, soap: Soap) -> None:
    exchange.move_to_cloud(ALICE)
    assert get(soap, named("calendar", ALICE), named("calendar")).codes == [
        "ErrorNonExistentMailbox", "ErrorMissingEmailAddress",
    ]  # fmt: skip
    assert soap.view("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").codes == ["ErrorMissingEmailAddress"]


def test_the_whole_tree_hangs_below_the_root(exchange: Stage, soap: Soap) -> None:
    inner = exchange.add_folder(ALICE, "Suppliers")
    exchange.add_folder(ALICE, "Paper & Ink", parent=inner.id)
    names = find(soap, named("root")).texts("t:DisplayName")
    assert {
        "Top of Information Store",
        "Inbox",
        "Deleted Items",
        "Calendar",
        "Contacts",
        "Suppliers",
        "Paper & Ink",
    } <= set(names)
    assert shown(find(soap, named("contacts"))) == ["Suppliers", "Paper & Ink"]
    assert shown(find(soap, named("contacts"), "Shallow")) == ["Suppliers"]


def test_folders_that_exchange_keeps_for_itself_are_marked_as_hidden(exchange: Stage, soap: Soap) -> None:
    exchange.add_folder(ALICE, "Suppliers")
    hidden = '<t:ExtendedFieldURI PropertyTag="0x10f4" PropertyType="Boolean"/>'
    shape = f"<t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>{hidden}</t:AdditionalProperties>"
    answer = soap.send(
        f'<m:FindFolder Traversal="Deep"><m:FolderShape>{shape}</m:FolderShape><m:ParentFolderIds>'
        f"{named('contacts')}</m:ParentFolderIds></m:FindFolder>"
    )
    marked = {
        folder.findtext("t:DisplayName", "", NS): folder.findtext("t:ExtendedProperty/t:Value", "", NS)
        for folder in answer.all("t:Folders/t:ContactsFolder")
    }
    assert marked == dict.fromkeys(MACHINES, "true") | {"Suppliers": ""}
    assert "IPF.Contact.RecipientCache" in answer.texts("t:FolderClass")


def test_a_folder_that_outlook_deletes_lies_in_deleted_items_with_its_contacts(exchange: Stage, soap: Soap) -> None:
    folder = exchange.add_folder(ALICE, "Suppliers")
    ann = exchange.add_contact(ALICE, {"givenName": "Ann"}, folder.id)
    element = f'<t:FolderId Id="{exchange.folder_id(ALICE, folder.id)}"/>'
    first = sync(soap)
    soap.send(f'<m:DeleteFolder DeleteType="MoveToDeletedItems"><m:FolderIds>{element}</m:FolderIds></m:DeleteFolder>')
    second = sync(soap, first.text("m:SyncState"))
    assert listed(second) == [("Update", "Suppliers")]
    trash = get(soap, named("deleteditems")).find("t:FolderId").get("Id")
    assert second.find("t:ParentFolderId").get("Id") == trash
    assert soap.get_items(exchange.item_id(ALICE, ann["id"])).codes == ["NoError"]
    gone = f'<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{element}</m:FolderIds></m:DeleteFolder>'
    assert soap.send(gone).codes == ["NoError"]
    assert listed(sync(soap, second.text("m:SyncState"))) == [("Delete", "")]


def test_folders_are_listed_page_by_page(exchange: Stage, soap: Soap) -> None:
    for number in range(5):
        exchange.add_folder(ALICE, f"F{number}")
    names, offset, pages = [], 0, 0
    while True:
        paging = f'<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="{offset}" BasePoint="Beginning"/>'
        answer = find(soap, named("contacts"), paging=paging)
        names += shown(answer)
        pages += 1
        folder = answer.find("m:RootFolder")
        assert folder.get("TotalItemsInView") == str(5 + len(MACHINES))
        offset = int(folder.get("IndexedPagingOffset"))
        if folder.get("IncludesLastItemInRange") == "true":
            break
    assert (names, pages) == (["F0", "F1", "F2", "F3", "F4"], 5)


def test_the_hierarchy_is_told_once_and_then_only_what_changed(exchange: Stage, soap: Soap) -> None:
    first = sync(soap)
    assert ("Create", "Contacts") in listed(first) and ("Create", "Inbox") in listed(first)
    assert listed(sync(soap, first.text("m:SyncState"))) == []
    suppliers = exchange.add_folder(ALICE, "Suppliers")
    second = sync(soap, first.text("m:SyncState"))
    assert listed(second) == [("Create", "Suppliers")]
    assert second.find("t:ParentFolderId").get("Id") == exchange.folder_id(ALICE, exchange.mailbox(ALICE).contacts_id)
    exchange.rename_folder(ALICE, suppliers.id, "Vendors")
    third = sync(soap, second.text("m:SyncState"))
    assert listed(third) == [("Update", "Vendors")]
    exchange.delete_folder(ALICE, suppliers.id)
    fourth = sync(soap, third.text("m:SyncState"))
    assert listed(fourth) == [("Delete", "")]
    assert fourth.find("t:Delete/t:FolderId").get("Id") == exchange.folder_id(ALICE, suppliers.id)
    # whoever stayed with an older state hears of nothing that came and went meanwhile
    assert listed(sync(soap, first.text("m:SyncState"))) == []


def test_a_folder_that_moves_out_of_the_tree_in_question_is_gone_from_it(exchange: Stage, soap: Soap) -> None:
    mailbox = exchange.mailbox(ALICE)
    outer = exchange.add_folder(ALICE, "Outer")
    inner = exchange.add_folder(ALICE, "Inner", parent=outer.id)
    first = sync(soap, root=named("contacts"))
    assert listed(first) == [("Create", "Outer"), ("Create", "Inner")]
    mailbox.move_folder(outer.id, mailbox.root_id)
    second = sync(soap, first.text("m:SyncState"), named("contacts"))
    gone = {one.get("Id") for one in second.all("t:Delete/t:FolderId")}
    assert gone == {exchange.folder_id(ALICE, outer.id), exchange.folder_id(ALICE, inner.id)}
    mailbox.move_folder(outer.id, mailbox.contacts_id)
    assert listed(sync(soap, second.text("m:SyncState"), named("contacts"))) == listed(first)


@pytest.mark.parametrize("spoil", ["rubbish", "H4sIAA==", "other root", "of items", "of Ben", "expired"])
def test_a_hierarchy_state_that_does_not_fit_is_refused_as_documented(exchange: Stage, soap: Soap, spoil: str) -> None:
    state = sync(soap).text("m:SyncState")
    root = ""
    if spoil in ("rubbish", "H4sIAA=="):
        state = spoil
    elif spoil == "other root":
        # "Null and root are not treated the same": handling-synchronization-related-errors-in-ews-in-exchange
        root = named("msgfolderroot")
    elif spoil == "of items":
        state = soap.sync("calendar").text("m:SyncState")
    elif spoil == "of Ben":
        ben = Soap(exchange, user="NORTH\\ben")
        state = sync(ben).text("m:SyncState")
        ben.close()
    else:
        exchange.expire_sync(ALICE)
    answer = sync(soap, state, root)
    assert answer.codes == ["ErrorInvalidSyncStateData"]
    assert (answer.text("m:SyncState"), answer.text("m:IncludesLastFolderInRange")) == ("", "true")
    assert ("Create", "Contacts") in listed(sync(soap))


def test_contact_folders_are_made_renamed_and_deleted(exchange: Stage, soap: Soap) -> None:
    made = soap.send(
        f"<m:CreateFolder><m:ParentFolderId>{named('contacts')}</m:ParentFolderId><m:Folders><t:ContactsFolder>"
        "<t:DisplayName>Press &amp; Radio</t:DisplayName></t:ContactsFolder></m:Folders></m:CreateFolder>"
    )
    assert made.codes == ["NoError"]
    made_id = made.find("t:FolderId")
    folder = f'<t:FolderId Id="{made_id.get("Id")}" ChangeKey="{made_id.get("ChangeKey")}"/>'
    renamed = soap.send(
        f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{folder}<t:Updates><t:SetFolderField>"
        '<t:FieldURI FieldURI="folder:DisplayName"/><t:ContactsFolder><t:DisplayName>Media</t:DisplayName>'
        "</t:ContactsFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
    )
    assert renamed.codes == ["NoError"]
    assert renamed.find("t:FolderId").get("ChangeKey") != made_id.get("ChangeKey")
    assert get(soap, folder).texts("t:DisplayName") == ["Media"]
    again = soap.send(
        f"<m:CreateFolder><m:ParentFolderId>{named('contacts')}</m:ParentFolderId><m:Folders><t:ContactsFolder>"
        "<t:DisplayName>media</t:DisplayName></t:ContactsFolder></m:Folders></m:CreateFolder>"
    )
    assert again.codes == ["ErrorFolderExists"]
    delete = '<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{}</m:FolderIds></m:DeleteFolder>'
    assert soap.send(delete.format(folder)).codes == ["NoError"]
    assert soap.send(delete.format(folder)).codes == ["ErrorFolderNotFound"]
    answer = soap.send(delete.format(named("contacts") + named("inbox")))
    assert answer.codes == ["ErrorDeleteDistinguishedFolder", "ErrorDeleteDistinguishedFolder"]
