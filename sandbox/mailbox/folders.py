"""The folders of a mailbox: calendars, and contact folders as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.mailbox.box import Box
from sandbox.mailbox.errors import MailboxError, invalid
from sandbox.mailbox.ids import make_change_key, make_folder_id

SCHEMA = """
CREATE TABLE IF NOT EXISTS m_folder (
    box INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, parent TEXT NOT NULL,
    change INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (box, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS m_color (
    box INTEGER NOT NULL, id TEXT NOT NULL, color TEXT NOT NULL, PRIMARY KEY (box, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS m_locked (
    box INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (box, id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """kind: "calendar" or "contacts". parent: a folder's id, or the root's."""

    id: str
    kind: str
    name: str
    parent: str
    change: int
    change_key: str
    is_default: bool

    def contact_folder(self) -> dict[str, Any]:
        """As Graph's contactFolder."""
        return {"id": self.id, "parentFolderId": self.parent, "displayName": self.name}


class Folders(Box):
    def _furnish(self) -> None:
        """The folders every new mailbox has."""
        for folder_id, kind, name in (
            (self.calendar_id, "calendar", "Calendar"),
            (self.contacts_id, "contacts", "Contacts"),
        ):
            self._put_folder(folder_id, kind, name, self.root_id, "created")

    def _put_folder(self, folder_id: str, kind: str, name: str, parent: str, act: str) -> None:
        change = self._store.take_changes()
        self._store.run(
            "INSERT INTO m_folder VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (box, id) DO UPDATE SET"
            " name = excluded.name, parent = excluded.parent, change = excluded.change",
            self.key, folder_id, kind, name, parent, change, change,
        )  # fmt: skip
        self._log(self.root_id, change, act, folder_id)

    def folders(self, kind: str = "contacts") -> list[Folder]:
        """All of one kind, oldest first, the default one among them; kind "": all there are."""
        rows = self._store.rows(
            "SELECT id, kind, name, parent, change FROM m_folder WHERE box = ? AND (kind = ? OR ? = '')"
            " ORDER BY position",
            self.key, kind, kind,
        )  # fmt: skip
        return [self._folder(row) for row in rows]

    def _folder(self, row: Any) -> Folder:
        default = row["id"] in (self.calendar_id, self.contacts_id)
        return Folder(*row, make_change_key(self.name, row["change"]), default)

    def find_folder(self, folder_id: str) -> Folder | None:
        """By its id, or by the names "contacts" and "calendar"."""
        folder_id = {"contacts": self.contacts_id, "calendar": self.calendar_id}.get(folder_id.lower(), folder_id)
        row = self._store.row(
            "SELECT id, kind, name, parent, change FROM m_folder WHERE box = ? AND id = ?", self.key, folder_id
        )
        return self._folder(row) if row else None

    def get_folder(self, folder_id: str, kind: str = "") -> Folder:
        """Raises MailboxError."""
        found = self.find_folder(folder_id)
        if found is None or kind not in ("", found.kind):
            raise MailboxError("ErrorFolderNotFound")
        return found

    def _check_name(self, name: str, kind: str, parent: str, but: str = "") -> str:
        name = name.strip()
        if not name:
            raise invalid("displayName")
        for other in self.folders(kind):
            if other.parent == parent and other.name.lower() == name.lower() and other.id != but:
                raise MailboxError("ErrorFolderExists", f"A folder with the specified name already exists., {name}")
        return name

    def add_folder(self, name: str, parent: str = "", kind: str = "contacts") -> Folder:
        """parent "": below the default contacts folder; a calendar: below the root. Raises MailboxError."""
        with self._store.transaction():
            if parent and parent != self.root_id:
                parent = self.get_folder(parent, kind).id
            parent = parent or (self.contacts_id if kind == "contacts" else self.root_id)
            name = self._check_name(name, kind, parent)
            folder_id = make_folder_id(self.name, self._store.take_changes())
            self._put_folder(folder_id, kind, name, parent, "created")
        return self.get_folder(folder_id)

    def rename_folder(self, folder_id: str, name: str) -> Folder:
        """Raises MailboxError."""
        with self._store.transaction():
            folder = self.get_folder(folder_id)
            name = self._check_name(name, folder.kind, folder.parent, but=folder.id)
            self._put_folder(folder.id, folder.kind, name, folder.parent, "changed")
        return self.get_folder(folder_id)

    def color_of(self, folder_id: str) -> str:
        """Of a calendar that somebody has given one, as Graph's calendarColor; else "auto"."""
        row = self._store.row("SELECT color FROM m_color WHERE box = ? AND id = ?", self.key, folder_id)
        return str(row["color"]) if row else "auto"

    def paint_folder(self, folder_id: str, color: str) -> Folder:
        """Raises MailboxError."""
        with self._store.transaction():
            folder = self.get_folder(folder_id)
            self._store.run("INSERT OR REPLACE INTO m_color VALUES (?, ?, ?)", self.key, folder.id, color)
            self._put_folder(folder.id, folder.kind, folder.name, folder.parent, "changed")
        return self.get_folder(folder_id)

    def locked_folders(self) -> set[str]:
        return {row["id"] for row in self._store.rows("SELECT id FROM m_locked WHERE box = ?", self.key)}

    def lock_folder(self, folder_id: str) -> Folder:
        """From now on the person may read the contacts in it, and not change them. Raises MailboxError."""
        with self._store.transaction():
            folder = self.get_folder(folder_id, "contacts")
            self._store.run("INSERT OR IGNORE INTO m_locked VALUES (?, ?)", self.key, folder.id)
            self._put_folder(folder.id, folder.kind, folder.name, folder.parent, "changed")
        return self.get_folder(folder_id)

    def _check_unlocked(self, folder_id: str) -> None:
        """Raises MailboxError."""
        if folder_id in self.locked_folders():
            raise MailboxError("ErrorAccessDenied")

    def move_folder(self, folder_id: str, parent: str) -> Folder:
        """Raises MailboxError, also where a folder would come to lie in itself."""
        with self._store.transaction():
            folder = self.get_folder(folder_id)
            if folder.is_default:
                raise MailboxError("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be moved.")
            above = parent = self.root_id if parent == self.root_id else self.get_folder(parent, folder.kind).id
            while above != self.root_id:
                if above == folder.id:
                    raise invalid("parentFolderId", "A folder can't be moved into itself.")
                above = self.get_folder(above).parent
            self._check_name(folder.name, folder.kind, parent, but=folder.id)
            self._put_folder(folder.id, folder.kind, folder.name, parent, "changed")
        return self.get_folder(folder_id)

    def delete_folder(self, folder_id: str) -> None:
        """With all that lies in it, folders too. Raises MailboxError."""
        with self._store.transaction():
            folder = self.get_folder(folder_id)
            if folder.is_default:
                raise MailboxError("ErrorDeleteDistinguishedFolder")
            for child in self.folders(folder.kind):
                if child.parent == folder.id:
                    self.delete_folder(child.id)
            self._empty(folder)
            self._store.run("DELETE FROM m_folder WHERE box = ? AND id = ?", self.key, folder.id)
            self._log(self.root_id, self._store.take_changes(), "deleted", folder.id)

    def _empty(self, folder: Folder) -> None:
        raise AssertionError("a mailbox empties its folders itself")
