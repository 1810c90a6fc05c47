"""Contacts and contact groups as the pretend Google keeps them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.clock import Clock
from sandbox.google.errors import people_error
from sandbox.google.etags import dump_etag, parse_etag
from sandbox.google.person_shapes import FIELDS, SYSTEM_GROUPS, TAKES_MEMBERS, clean_fields
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS g_contact (
    email TEXT NOT NULL, name TEXT NOT NULL, change INTEGER NOT NULL, deleted INTEGER NOT NULL, former TEXT NOT NULL,
    former_change INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (email, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS g_contact_change ON g_contact (email, change);
CREATE TABLE IF NOT EXISTS g_group (
    email TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL, change INTEGER NOT NULL, updated REAL NOT NULL,
    deleted INTEGER NOT NULL, data TEXT NOT NULL, is_system INTEGER NOT NULL, PRIMARY KEY (email, name)
);
"""
EVERY_FIELD = tuple(FIELDS)
MY_CONTACTS = "contactGroups/myContacts"


@dataclass(slots=True)
class Contact:
    """A stored contact. former: resource names it had before, of which clients hear by sync."""

    name: str
    change: int
    deleted: bool
    former: list[str]
    former_change: int
    doc: dict[str, Any]


class Contacts:
    """Everybody's address book. Docs are People API person resources with every field."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    # contacts

    def find(self, email: str, name: str) -> Contact | None:
        """By resource name `people/c…`, a former one included; deleted ones are not found."""
        row = self._store.row("SELECT * FROM g_contact WHERE email = ? AND name = ? AND deleted = 0", email, name)
        if row is None:
            row = self._store.row(
                "SELECT * FROM g_contact WHERE email = ? AND deleted = 0 AND former LIKE ?", email, f'%"{name}"%'
            )
        return _contact(row) if row else None

    def get(self, email: str, name: str) -> Contact:
        """Raises GoogleError (404)."""
        found = self.find(email, name)
        if found is None:
            raise people_error(404, "Requested entity was not found.")
        return found

    def every(self, email: str) -> list[Contact]:
        """Living contacts, oldest change first."""
        rows = self._store.rows("SELECT * FROM g_contact WHERE email = ? AND deleted = 0 ORDER BY change", email)
        return [_contact(row) for row in rows]

    def texts(self, email: str, after: int, limit: int) -> list[tuple[int, str]]:
        """(change, JSON) of living contacts after a change number: for quick full listings."""
        rows = self._store.rows(
            "SELECT change, doc FROM g_contact WHERE email = ? AND deleted = 0 AND change > ? ORDER BY change LIMIT ?",
            email, after, limit,
        )  # fmt: skip
        return [(row["change"], row["doc"]) for row in rows]

    def changed(self, email: str, since: int, after: int, limit: int) -> list[Contact]:
        """Contacts changed or deleted since, in the order of change."""
        rows = self._store.rows(
            "SELECT * FROM g_contact WHERE email = ? AND change > ? ORDER BY change LIMIT ?",
            email, max(since, after), limit,
        )  # fmt: skip
        return [_contact(row) for row in rows]

    def count(self, email: str) -> int:
        row = self._store.row("SELECT count(*) FROM g_contact WHERE email = ? AND deleted = 0", email)
        assert row
        return int(row[0])

    def create(self, email: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises GoogleError (400)."""
        with self._store.transaction():
            change = self._store.take_changes()
            doc = self._new(email, body, change)
            self._check_groups(email, group_names(doc))
            self._save(email, doc, change)
        return doc

    def fill(self, email: str, bodies: Iterator[dict[str, Any]]) -> int:
        """Many new contacts at once; returns how many. For demonstration and benchmark data."""
        with self._store.transaction():
            docs = list(bodies)
            first = self._store.take_changes(len(docs)) - len(docs) + 1
            stamp = self._now()
            rows = []
            for change, body in enumerate(docs, first):
                doc = self._new(email, body, change, stamp)
                rows.append((email, doc["resourceName"], change, 0, "[]", 0, orjson.dumps(doc).decode()))
            self._store.run_many("INSERT INTO g_contact VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return len(docs)

    def _new(self, email: str, body: dict[str, Any], change: int, stamp: str = "") -> dict[str, Any]:
        number = int(hashlib.sha256(f"{email}:{change}".encode()).hexdigest()[:15], 16)
        source = {"type": "CONTACT", "id": f"{number:x}"}
        doc = {"resourceName": f"people/c{number}", "etag": "", "metadata": {
            "sources": [source | {"etag": "", "updateTime": ""}], "objectType": "PERSON"}}  # fmt: skip
        person = self._store.people.find(email)
        fields = clean_fields(body, None, source, person.region if person else "US")
        fields.setdefault("memberships", [_membership(MY_CONTACTS, source)])
        photo = f"https://lh3.googleusercontent.com/cm/sandbox-{number:x}=s100"
        doc["photos"] = [{"metadata": {"primary": True, "source": dict(source)}, "url": photo, "default": True}]
        doc |= fields
        return self._stamp(doc, change, stamp or self._now())

    def update(self, email: str, name: str, body: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        """Replace the named fields. Raises GoogleError (400, 404)."""
        with self._store.transaction():
            contact = self.get(email, name)
            doc = contact.doc
            self._check_etag(doc, body)
            source = {k: doc["metadata"]["sources"][0][k] for k in ("type", "id")}
            person = self._store.people.find(email)
            new = clean_fields(body, fields, source, person.region if person else "US")
            if "memberships" in fields and not new.get("memberships"):
                raise people_error(400, "person.memberships must hold at least one contact group membership.")
            held = group_names(doc)
            doc = {key: value for key, value in doc.items() if key not in fields} | new
            self._check_groups(email, [name for name in group_names(doc) if name not in held])
            change = self._store.take_changes()
            self._stamp(doc, change, self._now())
            self._save(email, doc, change, contact)
        return doc

    @staticmethod
    def _check_etag(doc: dict[str, Any], body: dict[str, Any]) -> None:
        sources = body.get("metadata", {}).get("sources", []) if isinstance(body.get("metadata"), dict) else []
        given = [source for source in sources if isinstance(source, dict) and source.get("type") == "CONTACT"]
        if not given or not (given[0].get("etag") or body.get("etag")):
            raise people_error(400, "Request must set person.etag or person.metadata.sources.etag for the source that "
                               "is being updated.")  # fmt: skip
        own = doc["metadata"]["sources"][0]["etag"]
        if (given[0].get("etag") or own) != own or parse_etag(str(body.get("etag") or doc["etag"])) != own:
            error = people_error(400, "Request person.etag is different than the current person.etag. Clear local "
                                 "cache and get the latest person.", greek="FAILED_PRECONDITION")  # fmt: skip
            error.body["error"]["errors"] = [{"message": error.body["error"]["message"], "domain": "global",
                                              "reason": "failedPrecondition"}]  # fmt: skip
            raise error

    def delete(self, email: str, name: str) -> None:
        """Raises GoogleError (404)."""
        with self._store.transaction():
            contact = self.get(email, name)
            self._store.run(
                "UPDATE g_contact SET deleted = 1, change = ? WHERE email = ? AND name = ?",
                self._store.take_changes(), email, contact.name,
            )  # fmt: skip

    def rename(self, email: str, name: str) -> str:
        """Google gives a contact another resource name, as when it links it to a profile. Returns the new one."""
        with self._store.transaction():
            contact = self.get(email, name)
            change = self._store.take_changes()
            number = int(hashlib.sha256(f"{email}:renamed:{change}".encode()).hexdigest()[:15], 16)
            contact.doc["resourceName"] = f"people/c{number}"
            contact.former.append(contact.name)
            self._store.run("DELETE FROM g_contact WHERE email = ? AND name = ?", email, contact.name)
            contact.former_change = change
            self._save(email, self._stamp(contact.doc, change, self._now()), change, contact)
        return str(contact.doc["resourceName"])

    def merge(self, email: str, kept: str, absorbed: str) -> None:
        """Two contacts become one: the absorbed name goes on as a former name of the kept one."""
        with self._store.transaction():
            one, other = self.get(email, kept), self.get(email, absorbed)
            for field in ("emailAddresses", "phoneNumbers", "organizations"):
                mine = one.doc.get(field, [])
                known = [entry.get("value") for entry in mine]
                extra = [entry for entry in other.doc.get(field, []) if entry.get("value") not in known]
                for entry in extra:
                    entry["metadata"] = {"source": {k: one.doc["metadata"]["sources"][0][k] for k in ("type", "id")}}
                if mine or extra:
                    one.doc[field] = mine + extra
            self._store.run("DELETE FROM g_contact WHERE email = ? AND name = ?", email, other.name)
            one.former += [other.name, *other.former]
            change = one.former_change = self._store.take_changes()
            self._save(email, self._stamp(one.doc, change, self._now()), change, one)

    def _now(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @staticmethod
    def _stamp(doc: dict[str, Any], change: int, now: str) -> dict[str, Any]:
        mark = base64.b64encode(hashlib.blake2b(f"{doc['resourceName']}:{change}".encode(), digest_size=8).digest())
        source = doc["metadata"]["sources"][0]
        source["etag"], source["updateTime"] = f"#{mark.decode()}", now
        doc["etag"] = dump_etag(source["etag"], EVERY_FIELD)
        return doc

    def _save(self, email: str, doc: dict[str, Any], change: int, old: Contact | None = None) -> None:
        former, former_change = (old.former, old.former_change) if old else ([], 0)
        self._store.run(
            "INSERT OR REPLACE INTO g_contact VALUES (?, ?, ?, 0, ?, ?, ?)",
            email, doc["resourceName"], change, orjson.dumps(former).decode(), former_change,
            orjson.dumps(doc).decode(),
        )  # fmt: skip

    # groups

    def ensure_groups(self, email: str) -> None:
        """Google's own groups, made when first needed."""
        if self._store.row("SELECT 1 FROM g_group WHERE email = ? LIMIT 1", email):
            return
        change = self._store.take_changes()
        self._store.run_many(
            "INSERT INTO g_group VALUES (?, ?, ?, ?, 0, 0, '[]', 1)",
            [(email, f"contactGroups/{name}", name, change) for name in SYSTEM_GROUPS],
        )

    def groups(self, email: str, *, since: int = -1) -> list[Any]:
        """Rows of groups; with since the changed ones, deleted ones among them."""
        self.ensure_groups(email)
        return self._store.rows(
            "SELECT * FROM g_group WHERE email = ? AND change > ? AND (? >= 0 OR deleted = 0)"
            " ORDER BY is_system DESC, change",
            email, since, since,
        )  # fmt: skip

    def get_group(self, email: str, name: str) -> Any:
        """Raises GoogleError (404)."""
        self.ensure_groups(email)
        row = self._store.row("SELECT * FROM g_group WHERE email = ? AND name = ? AND deleted = 0", email, name)
        if row is None:
            raise people_error(404, "Requested entity was not found.")
        return row

    def save_group(self, email: str, title: str, *, name: str = "", data: Any = None) -> Any:
        """Make a group (without name) or rename one. Raises GoogleError (400, 404, 409)."""
        title = title.strip()
        if not title:
            raise people_error(400, "Contact group name must be set.")
        with self._store.transaction():
            taken = [row["name"] for row in self.groups(email) if row["title"] == title and row["name"] != name]
            if taken:
                raise people_error(409, "Contact group name already exists.")
            change = self._store.take_changes()
            old = self.get_group(email, name) if name else None
            if old and old["is_system"]:
                raise people_error(400, "System contact groups cannot be changed.")
            kept = old["data"] if old and data is None else orjson.dumps(data or []).decode()
            name = name or f"contactGroups/{hashlib.sha256(f'{email}:{change}'.encode()).hexdigest()[:16]}"
            self._store.run(
                "INSERT OR REPLACE INTO g_group VALUES (?, ?, ?, ?, ?, 0, ?, 0)",
                email, name, title, change, self._clock.seconds(), kept,
            )  # fmt: skip
            return self.get_group(email, name)

    def delete_group(self, email: str, name: str, *, with_contacts: bool = False) -> None:
        """Raises GoogleError (400, 404)."""
        with self._store.transaction():
            if self.get_group(email, name)["is_system"]:
                raise people_error(400, "System contact groups cannot be deleted.")
            for contact in self.members(email, name):
                if with_contacts:
                    self.delete(email, contact.name)
                else:
                    self._set_member(email, contact, name, member=False, fallback=True)
            self._store.run(
                "UPDATE g_group SET deleted = 1, change = ? WHERE email = ? AND name = ?",
                self._store.take_changes(), email, name,
            )  # fmt: skip

    def members(self, email: str, name: str) -> list[Contact]:
        return [contact for contact in self.every(email) if name in group_names(contact.doc)]

    def member_counts(self, email: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        rows = self._store.rows(
            "SELECT json_extract(m.value, '$.contactGroupMembership.contactGroupResourceName') AS name, count(*) AS n"
            " FROM g_contact, json_each(doc, '$.memberships') m WHERE email = ? AND deleted = 0 GROUP BY 1",
            email,
        )
        for row in rows:
            counts[row["name"]] = row["n"]
        return counts

    def change_members(self, email: str, group: str, add: list[str], remove: list[str]) -> tuple[list[str], list[str]]:
        """(not found, could not leave their last group). Raises GoogleError (400, 404)."""
        missing, stuck = [], []
        with self._store.transaction():
            row = self.get_group(email, group)
            if add:
                _check_takes_members(row)
            for names, member in ((add, True), (remove, False)):
                for name in names:
                    contact = self.find(email, name)
                    if contact is None:
                        missing.append(name)
                    elif not member and group_names(contact.doc) == [group]:
                        stuck.append(name)
                    else:
                        self._set_member(email, contact, group, member=member)
        return missing, stuck

    def _set_member(self, email: str, contact: Contact, group: str, *, member: bool, fallback: bool = False) -> None:
        present = group_names(contact.doc)
        if member == (group in present):
            return
        source = {k: contact.doc["metadata"]["sources"][0][k] for k in ("type", "id")}
        names = [*present, group] if member else [name for name in present if name != group]
        if not names and fallback:
            names = [MY_CONTACTS]
        contact.doc["memberships"] = [_membership(name, source) for name in names]
        change = self._store.take_changes()
        self._save(email, self._stamp(contact.doc, change, self._now()), change, contact)

    def _check_groups(self, email: str, added: list[str]) -> None:
        """Raises GoogleError (400) where somebody cannot be put into one of these."""
        self.ensure_groups(email)
        for name in added:
            row = self._store.row("SELECT * FROM g_group WHERE email = ? AND name = ? AND deleted = 0", email, name)
            if row is None:
                raise people_error(400, f"Contact group does not exist: {name}")
            _check_takes_members(row)


def _check_takes_members(group: Any) -> None:
    """Raises GoogleError (400)."""
    if group["is_system"] and group["title"] not in TAKES_MEMBERS:
        raise people_error(400, "Contacts can only be added to the system groups myContacts and starred.")


def group_names(doc: dict[str, Any]) -> list[str]:
    """Resource names of the groups a person is in."""
    return [m["contactGroupMembership"]["contactGroupResourceName"] for m in doc.get("memberships", ())]


def dump_group(row: Any, fields: list[str], count: int) -> dict[str, Any]:
    """A contactGroup with the parts that groupFields names.

    Reference: https://developers.google.com/people/api/rest/v1/contactGroups
    """
    doc: dict[str, Any] = {"resourceName": row["name"]}
    if not row["is_system"]:
        mark = hashlib.blake2b(f"{row['name']}:{row['change']}".encode(), digest_size=8).digest()
        doc["etag"] = base64.b64encode(mark).decode()
        if "metadata" in fields or row["deleted"]:
            moment = datetime.fromtimestamp(row["updated"], UTC)
            doc["metadata"] = {"updateTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
            if row["deleted"]:
                doc["metadata"]["deleted"] = True
    if "groupType" in fields:
        doc["groupType"] = "SYSTEM_CONTACT_GROUP" if row["is_system"] else "USER_CONTACT_GROUP"
    if "name" in fields:
        doc["name"] = row["title"]
        doc["formattedName"] = SYSTEM_GROUPS.get(row["title"], row["title"]) if row["is_system"] else row["title"]
    if "memberCount" in fields and count:
        doc["memberCount"] = count
    if "clientData" in fields and row["data"] != "[]":
        doc["clientData"] = orjson.loads(row["data"])
    return doc


def _membership(group: str, source: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"source": {name: source[name] for name in ("type", "id")}},
        "contactGroupMembership": {"contactGroupId": group.partition("/")[2], "contactGroupResourceName": group},
    }


def _contact(row: Any) -> Contact:
    return Contact(row["name"], row["change"], bool(row["deleted"]), orjson.loads(row["former"]), row["former_change"],
                   orjson.loads(row["doc"]))  # fmt: skip
