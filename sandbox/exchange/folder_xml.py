"""The folder tree that EWS shows: a whole mailbox, of which only calendars and contact folders hold anything."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.exchange.ids import KEY_KINDS, make_change_key, make_folder_id
from sandbox.exchange.item_xml import RIGHTS, dump_extended, dump_flag, made, unused, worded
from sandbox.exchange.properties import Kind, Property, View
from sandbox.exchange.records import Records
from sandbox.exchange.soap import text
from sandbox.mailbox import Mailbox
from sandbox.mailbox.ids import make_change_key as make_core_key

ROOT, TOP = "root", "msgfolderroot"
# folders that are always there and always empty: distinguished name → name to show, class
EMPTY = {
    "inbox": ("Inbox", "IPF.Note"), "drafts": ("Drafts", "IPF.Note"), "sentitems": ("Sent Items", "IPF.Note"),
    "deleteditems": ("Deleted Items", "IPF.Note"), "junkemail": ("Junk Email", "IPF.Note"),
    "outbox": ("Outbox", "IPF.Note"), "tasks": ("Tasks", "IPF.Task"), "notes": ("Notes", "IPF.StickyNote"),
    "journal": ("Journal", "IPF.Journal"),
}  # fmt: skip
# what Exchange keeps for itself below Contacts, hidden from people: name, class, distinguished name
HIDDEN = (
    ("Recipient Cache", "IPF.Contact.RecipientCache", "recipientcache"),
    ("{06967759-274D-40B2-A3EB-D7F9E73727D7}", "IPF.Contact.MOC.QuickContacts", "quickcontacts"),
    ("GAL Contacts", "IPF.Contact.GalContacts", ""),
    ("Organizational Contacts", "IPF.Contact.OrganizationalContacts", ""),
    ("PeopleCentricConversation Buddies", "IPF.Contact.PeopleCentricConversationBuddies", ""),
)
IS_HIDDEN = "boolean 0x10f4"
ELEMENTS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
CLASSES = {"calendar": "IPF.Appointment", "contacts": "IPF.Contact"}


@dataclass(frozen=True, slots=True)
class FolderItem:
    """A folder. id and parent: the mailbox's own ids, made-up ones for folders it does not have; kind: of its content.

    distinguished: the name by which everybody knows it; change: grows with each change of the folder; is_hidden: from
    people; is_locked: its items may only be read.
    """

    id: str
    parent: str
    name: str
    folder_class: str
    kind: str
    distinguished: str
    change: int
    count: int
    is_hidden: bool
    children: int
    mailbox: str
    is_locked: bool

    @property
    def element(self) -> str:
        return ELEMENTS.get(".".join(self.folder_class.split(".")[:2]), "Folder")

    @property
    def state(self) -> str:
        """Another one whenever the folder is another, or elsewhere."""
        return f"{self.change}/{self.parent}"

    @property
    def extended(self) -> dict[str, str]:
        return {IS_HIDDEN: "true"} if self.is_hidden else {}

    @property
    def ews_id(self) -> str:
        return make_folder_id(self.mailbox, self.id)

    @property
    def change_key(self) -> str:
        kind = self.kind if self.kind in KEY_KINDS else "folder"
        return make_change_key(kind, make_core_key(self.mailbox, self.change))


class Tree:
    """All folders of a mailbox as of now, by the mailbox's own ids."""

    def __init__(self, mailbox: Mailbox, records: Records) -> None:
        name, top, trash = mailbox.name, mailbox.root_id, records.trashed(mailbox)
        known = {mailbox.calendar_id: "calendar", mailbox.contacts_id: "contacts"}
        rows = [
            (f"{ROOT}!", "", "", "", "", ROOT, 1, 0, False),
            ("searchfolders!", f"{ROOT}!", "Finder", "", "", "searchfolders", 1, 0, False),
            (top, f"{ROOT}!", "Top of Information Store", "", "", TOP, 1, 0, False),
            *((f"{key}!", top, shown, kind, "", key, 1, 0, False) for key, (shown, kind) in EMPTY.items()),
            *((f"{shown}!", mailbox.contacts_id, shown, kind, "", key, 1, 0, True) for shown, kind, key in HIDDEN),
        ]  # fmt: skip
        for folder in mailbox.folders(""):
            parent = "deleteditems!" if folder.id in trash else folder.parent
            rows.append((
                folder.id, parent, folder.name, CLASSES[folder.kind], folder.kind, known.get(folder.id, ""),
                folder.change, records.count_items(mailbox, folder.id, folder.kind), False,
            ))  # fmt: skip
        children: dict[str, int] = {}
        for row in rows:
            children[row[1]] = children.get(row[1], 0) + 1
        locked = mailbox.locked_folders()
        self.folders = {row[0]: FolderItem(*row, children.get(row[0], 0), name, row[0] in locked) for row in rows}
        self._by_name = {one.distinguished: one for one in self.folders.values() if one.distinguished}

    def find_by_name(self, name: str) -> FolderItem | None:
        return self._by_name.get(name)

    def below(self, folder_id: str, *, deep: bool) -> list[FolderItem]:
        """The folders in a folder, and in those; a parent before what is in it."""
        found = []
        for one in self.folders.values():
            if one.parent == folder_id:
                found.append(one)
                if deep:
                    found += self.below(one.id, deep=True)
        return found


def _unread(folder: FolderItem, view: View) -> str:
    return "" if folder.element in ("CalendarFolder", "ContactsFolder") else "<t:UnreadCount>0</t:UnreadCount>"


def _count(folder: FolderItem, view: View) -> str:
    return f"<t:TotalCount>{folder.count}</t:TotalCount>"


def _parent(folder: FolderItem, view: View) -> str:
    if not folder.parent:
        return ""
    return f'<t:ParentFolderId Id="{make_folder_id(folder.mailbox, folder.parent)}" ChangeKey="AQAAAA=="/>'


def _rights(folder: FolderItem, view: View) -> str:
    may_write = dump_flag(not folder.is_locked)
    return RIGHTS.format(may_write, "false", may_write)


FOLDER_PROPERTIES = (
    Property("folder:ParentFolderId", _parent, "A"),
    Property("folder:FolderClass", worded("FolderClass", lambda folder: folder.folder_class), "A"),
    Property("folder:DisplayName", made("DisplayName", lambda folder: text(folder.name)), "DA"),
    Property("folder:TotalCount", _count, "DA"),
    Property("folder:ChildFolderCount", made("ChildFolderCount", lambda folder: folder.children), "DA"),
    Property("item:ExtendedProperty", dump_extended),
    Property("folder:EffectiveRights", _rights, "A", since="Exchange2007_SP1"),
    Property("folder:DistinguishedFolderId",
             worded("DistinguishedFolderId", lambda folder: folder.distinguished), "A", since="Exchange2013"),
    Property("folder:UnreadCount", _unread, "DA"),
    *unused(("folder:ManagedFolderInformation", "folder:SearchParameters", "folder:PermissionSet",
             "folder:SharingEffectiveRights")),
    *unused(("folder:PolicyTag", "folder:ArchiveTag", "folder:ReplicaList"), since="Exchange2013"),
)  # fmt: skip
FOLDER = Kind("Folder", FOLDER_PROPERTIES)


def dump_folder(folder: FolderItem, properties: tuple[Property, ...], view: View) -> str:
    inner = "".join(one.dump(folder, view) for one in properties)
    return (
        f'<t:{folder.element}><t:FolderId Id="{folder.ews_id}" ChangeKey="{folder.change_key}"/>{inner}'
        f"</t:{folder.element}>"
    )
