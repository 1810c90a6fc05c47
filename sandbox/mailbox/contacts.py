"""The contacts of a mailbox, each in one folder, as Graph v1.0 shows them.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/contact
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.mailbox.box import check_match
from sandbox.mailbox.errors import MailboxError, invalid
from sandbox.mailbox.folders import Folders
from sandbox.mailbox.ids import make_change_key, make_item_id
from sandbox.mailbox.times import dump_stamp

# x_contact: what of a contact has no place in Graph's: kinds of phone numbers, extended properties
SCHEMA = """
CREATE TABLE IF NOT EXISTS m_contact (
    seq INTEGER PRIMARY KEY, box INTEGER NOT NULL, id TEXT NOT NULL, folder TEXT NOT NULL, change INTEGER NOT NULL,
    doc TEXT NOT NULL, UNIQUE (box, id)
);
CREATE INDEX IF NOT EXISTS m_contact_folder ON m_contact (box, folder, seq);
CREATE TABLE IF NOT EXISTS x_contact (
    site TEXT NOT NULL, email TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (site, email, id)
) WITHOUT ROWID;
"""
TEXTS = (
    "fileAs", "displayName", "givenName", "initials", "middleName", "nickName", "surname", "title", "yomiGivenName",
    "yomiSurname", "yomiCompanyName", "generation", "jobTitle", "companyName", "department", "officeLocation",
    "profession", "businessHomePage", "assistantName", "manager", "mobilePhone", "spouseName", "personalNotes",
    "birthday",
)  # fmt: skip
LISTS = ("categories", "imAddresses", "homePhones", "businessPhones", "children")
ADDRESSES = ("homeAddress", "businessAddress", "otherAddress")
WRITABLE = (*TEXTS, *LISTS, *ADDRESSES, "emailAddresses", "parentFolderId")
ORDER = (
    "@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "parentFolderId",
    "birthday", "fileAs", "displayName", "givenName", "initials", "middleName", "nickName", "surname", "title",
    "yomiGivenName", "yomiSurname", "yomiCompanyName", "generation", "imAddresses", "jobTitle", "companyName",
    "department", "officeLocation", "profession", "businessHomePage", "assistantName", "manager", "homePhones",
    "mobilePhone", "businessPhones", "spouseName", "personalNotes", "children", "emailAddresses", "homeAddress",
    "businessAddress", "otherAddress",
)  # fmt: skip
# as many as an Outlook contact has room for
MOST = {"emailAddresses": 3, "businessPhones": 2, "homePhones": 2, "imAddresses": 3}


@dataclass(slots=True)
class ContactRow:
    """A stored contact. seq: grows with age; doc: its JSON."""

    seq: int
    id: str
    folder: str
    change: int
    doc: str

    def load(self) -> dict[str, Any]:
        loaded: dict[str, Any] = orjson.loads(self.doc)
        return loaded


More = dict[str, dict[str, str]]
"""What Graph's contact has no room for: {"phones": {EWS's key: number}, "extended": {Graph's id for it, in lower case:
value}}."""
COLUMNS = "seq, id, folder, change, doc"


def shape_contact(patch: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A contact with a change applied. Raises MailboxError."""
    doc: dict[str, Any] = dict(old) if old else {}
    for name in TEXTS:
        if name in patch or name not in doc:
            value = patch.get(name)
            if value is not None and not isinstance(value, str):
                raise invalid(name)
            doc[name] = value
    for name in LISTS:
        if name in patch or name not in doc:
            values = patch.get(name) or []
            if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
                raise invalid(name)
            doc[name] = values
    for name in ADDRESSES:
        if name in patch or name not in doc:
            if not isinstance(patch.get(name) or {}, dict):
                raise invalid(name)
            doc[name] = {key: value for key, value in (patch.get(name) or {}).items() if value is not None}
    if "emailAddresses" in patch or "emailAddresses" not in doc:
        entries = patch.get("emailAddresses") or []
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise invalid("emailAddresses")
        doc["emailAddresses"] = [
            {"name": str(one.get("name") or one.get("address") or ""), "address": str(one.get("address") or "")}
            for one in entries
        ]
    for name, most in MOST.items():
        if len(doc[name]) > most:
            many = f"{name[0].upper()}{name[1:]} has {len(doc[name])} entries"
            raise invalid(name, f"The multi value property {many}, that exceeds the max allowed value of {most}")
    if doc["birthday"] and len(doc["birthday"]) == 10:
        doc["birthday"] += "T11:59:00Z"
    named = any(name in patch for name in ("givenName", "middleName", "surname")) or old is None
    if "displayName" not in patch and named:
        doc["displayName"] = make_name(doc)
    if "fileAs" not in patch and named:
        doc["fileAs"] = ", ".join(part for part in (doc["surname"], doc["givenName"]) if part) or doc["displayName"]
    return doc


def make_name(doc: dict[str, Any]) -> str:
    """What a contact is called where nobody says it."""
    given = " ".join(part for part in (doc["givenName"], doc["middleName"], doc["surname"]) if part)
    return given or doc["companyName"] or ""


class Contacts(Folders):
    def contact_rows(self, folder_id: str, after: int = 0, limit: int = -1) -> list[ContactRow]:
        """The contacts of a folder, oldest first, from after the given seq on."""
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM m_contact WHERE box = ? AND folder = ? AND seq > ? ORDER BY seq LIMIT ?",
            self.key, folder_id, after, limit,
        )  # fmt: skip
        return [ContactRow(*row) for row in rows]

    def contacts(self, folder_id: str = "") -> list[dict[str, Any]]:
        """ "": of the default folder. Raises MailboxError."""
        folder = self.get_folder(folder_id or self.contacts_id, "contacts")
        return [row.load() for row in self.contact_rows(folder.id)]

    def find_contact_row(self, contact_id: str) -> ContactRow | None:
        row = self._store.row(f"SELECT {COLUMNS} FROM m_contact WHERE box = ? AND id = ?", self.key, contact_id)
        return ContactRow(*row) if row else None

    def get_contact_row(self, contact_id: str) -> ContactRow:
        """Raises MailboxError."""
        found = self.find_contact_row(contact_id)
        if found is None:
            raise MailboxError("ErrorItemNotFound")
        return found

    def find_contact(self, contact_id: str) -> dict[str, Any] | None:
        row = self.find_contact_row(contact_id)
        return row.load() if row else None

    def add_contact(self, doc: dict[str, Any], folder: str = "") -> dict[str, Any]:
        """folder "": the doc's parentFolderId, else the default one. Raises MailboxError."""
        with self._store.transaction():
            home = self.get_folder(folder or str(doc.get("parentFolderId") or self.contacts_id), "contacts").id
            self._check_unlocked(home)
            change = self._store.take_changes()
            made = self._stamp_contact(shape_contact(doc, None), change, home, make_item_id(self.name, change))
            self._insert_contact(made, home, change)
            self._log(home, change, "created", made["id"])
        return made

    def fill_contacts(self, docs: Iterator[tuple[str, dict[str, Any]]]) -> None:
        """Many new ones at once: (folder id, doc)."""
        with self._store.transaction():
            pairs = list(docs)
            last = self._store.take_changes(len(pairs))
            rows, log = [], []
            for change, (folder, doc) in enumerate(pairs, last - len(pairs) + 1):
                made = self._stamp_contact(shape_contact(doc, None), change, folder, make_item_id(self.name, change))
                rows.append((self.key, made["id"], folder, change, orjson.dumps(made).decode()))
                log.append((self.key, folder, change, "created", made["id"]))
            self._store.run_many("INSERT INTO m_contact (box, id, folder, change, doc) VALUES (?, ?, ?, ?, ?)", rows)
            self._store.run_many("INSERT INTO m_log VALUES (?, ?, ?, ?, ?)", log)

    def change_contact(self, contact_id: str, patch: dict[str, Any], if_match: str = "") -> dict[str, Any]:
        """A new parentFolderId moves it. Raises MailboxError."""
        with self._store.transaction():
            row = self.get_contact_row(contact_id)
            old = row.load()
            check_match(if_match, old)
            home = self.get_folder(str(patch.get("parentFolderId") or row.folder), "contacts").id
            for folder in {row.folder, home}:
                self._check_unlocked(folder)
            change = self._store.take_changes()
            doc = self._stamp_contact(shape_contact(patch, old), change, home, row.id)
            if home != row.folder:
                # by age: a folder's newcomers come last
                self._store.run("DELETE FROM m_contact WHERE seq = ?", row.seq)
                self._insert_contact(doc, home, change)
                self._log(row.folder, change, "moved", row.id)
                self._log(home, change, "created", row.id)
            else:
                self._store.run("UPDATE m_contact SET change = ?, doc = ? WHERE seq = ?", change,
                                orjson.dumps(doc).decode(), row.seq)  # fmt: skip
                self._log(home, change, "changed", row.id)
        return doc

    def move_contact(self, contact_id: str, folder: str) -> dict[str, Any]:
        """Raises MailboxError."""
        return self.change_contact(contact_id, {"parentFolderId": folder})

    def delete_contact(self, contact_id: str, if_match: str = "") -> None:
        """Raises MailboxError."""
        with self._store.transaction():
            row = self.get_contact_row(contact_id)
            check_match(if_match, row.load())
            self._check_unlocked(row.folder)
            self._remove_contact(row)

    def _remove_contact(self, row: ContactRow) -> None:
        self._store.run("DELETE FROM m_contact WHERE seq = ?", row.seq)
        self._store.run("DELETE FROM x_contact WHERE site = ? AND email = ? AND id = ?", self.site, self.email, row.id)
        self._log(row.folder, self._store.take_changes(), "deleted", row.id)

    def read_more(self, contact_id: str) -> More:
        row = self._store.row(
            "SELECT doc FROM x_contact WHERE site = ? AND email = ? AND id = ?", self.site, self.email, contact_id
        )
        return orjson.loads(row["doc"]) if row else {"phones": {}, "extended": {}}

    def read_all_more(self) -> dict[str, More]:
        """By contact, of those that have any."""
        rows = self._store.rows("SELECT id, doc FROM x_contact WHERE site = ? AND email = ?", self.site, self.email)
        return {row["id"]: orjson.loads(row["doc"]) for row in rows}

    def write_more(self, contact_id: str, more: More) -> None:
        self._store.run(
            "INSERT OR REPLACE INTO x_contact VALUES (?, ?, ?, ?)",
            self.site, self.email, contact_id, orjson.dumps(more).decode(),
        )  # fmt: skip

    def _insert_contact(self, doc: dict[str, Any], folder: str, change: int) -> None:
        self._store.run(
            "INSERT INTO m_contact (box, id, folder, change, doc) VALUES (?, ?, ?, ?, ?)",
            self.key, doc["id"], folder, change, orjson.dumps(doc).decode(),
        )  # fmt: skip

    def _stamp_contact(self, doc: dict[str, Any], change: int, folder: str, contact_id: str) -> dict[str, Any]:
        now = dump_stamp(self._clock.now())
        key = make_change_key(self.name, change)
        doc |= {"@odata.etag": f'W/"{key}"', "changeKey": key, "id": contact_id, "parentFolderId": folder,
                "createdDateTime": doc.get("createdDateTime") or now, "lastModifiedDateTime": now}  # fmt: skip
        return {name: doc[name] for name in ORDER}
