"""Tenants of the pretend Entra ID: one for each mail domain, with what its administrators have decided."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS e_tenant (
    id TEXT PRIMARY KEY, domain TEXT NOT NULL UNIQUE, name TEXT NOT NULL, user_consent INTEGER NOT NULL DEFAULT 1,
    needs_assignment INTEGER NOT NULL DEFAULT 0, access_policy TEXT NOT NULL DEFAULT '',
    withheld TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS e_account (
    email TEXT PRIMARY KEY, is_admin INTEGER NOT NULL DEFAULT 0, is_assigned INTEGER NOT NULL DEFAULT 0
);
"""
ACCESS_POLICIES = ("", "mfa", "block")


@dataclass(frozen=True, slots=True)
class Tenant:
    """id is a GUID. user_consent: people may consent for themselves. needs_assignment: only who is assigned gets in.

    access_policy, Conditional Access: "" nothing, "mfa" a second factor, "block" nobody gets in.
    withheld: scopes that no token of this tenant carries, whatever was consented to.
    """

    id: str
    domain: str
    name: str
    user_consent: bool
    needs_assignment: bool
    access_policy: str
    withheld: frozenset[str]


class Tenants:
    def __init__(self, store: Store) -> None:
        self._store = store
        store.create(SCHEMA)

    def of(self, email: str) -> Tenant:
        """The tenant of an address, made on first use."""
        domain = email.lower().partition("@")[2]
        found = self._load(domain)
        if found is None:
            names = (p.organization for p in self._store.people if p.organization and p.email.endswith(f"@{domain}"))
            self._store.run(
                "INSERT INTO e_tenant (id, domain, name) VALUES (?, ?, ?)",
                str(uuid.uuid5(uuid.NAMESPACE_DNS, domain)), domain, next(names, domain),
            )  # fmt: skip
            found = self._load(domain)
            assert found is not None
        return found

    def find(self, text: str) -> Tenant | None:
        """By GUID or domain name; a tenant nobody has an address in is not there."""
        return self._load(text) or next((one for one in self if text.lower() in (one.id, one.domain)), None)

    def _load(self, text: str) -> Tenant | None:
        row = self._store.row("SELECT * FROM e_tenant WHERE ? IN (id, domain)", text.lower())
        if row is None:
            return None
        return Tenant(
            row["id"], row["domain"], row["name"], bool(row["user_consent"]), bool(row["needs_assignment"]),
            row["access_policy"], frozenset(row["withheld"].split()),
        )  # fmt: skip

    def change(
        self, domain: str, *, user_consent: bool | None = None, needs_assignment: bool | None = None,
        access_policy: str | None = None, withheld: list[str] | None = None,
    ) -> Tenant:  # fmt: skip
        """Turn its switches; None leaves one as it is. Raises ValueError for a policy there is not."""
        if access_policy not in (None, *ACCESS_POLICIES):
            raise ValueError(f"An access policy is one of {', '.join(map(repr, ACCESS_POLICIES))}.")
        tenant = self.of(f"anyone@{domain}")
        self._store.run(
            "UPDATE e_tenant SET user_consent = coalesce(?, user_consent),"
            " needs_assignment = coalesce(?, needs_assignment), access_policy = coalesce(?, access_policy),"
            " withheld = coalesce(?, withheld) WHERE id = ?",
            user_consent, needs_assignment, access_policy, None if withheld is None else " ".join(withheld), tenant.id,
        )  # fmt: skip
        return self.of(f"anyone@{domain}")

    def __iter__(self) -> Iterator[Tenant]:
        """Those of all pretend people, in the people's order."""
        domains = dict.fromkeys(person.email.partition("@")[2] for person in self._store.people)
        return iter([self.of(f"anyone@{domain}") for domain in domains])

    # accounts

    def is_admin(self, email: str) -> bool:
        """Whether the account may consent for everyone in its tenant."""
        return self._flag(email, "is_admin")

    def set_admin(self, email: str, *, on: bool = True) -> None:
        self._set_flag(email, "is_admin", on=on)

    def is_assigned(self, email: str) -> bool:
        return self._flag(email, "is_assigned")

    def assign(self, email: str, *, on: bool = True) -> None:
        """Let an account use the app where the tenant wants that said."""
        self._set_flag(email, "is_assigned", on=on)

    def _flag(self, email: str, name: str) -> bool:
        row = self._store.row(f"SELECT {name} FROM e_account WHERE email = ?", email.lower())
        return bool(row and row[name])

    def _set_flag(self, email: str, name: str, *, on: bool) -> None:
        self._store.run(
            f"INSERT INTO e_account (email, {name}) VALUES (?, ?)"
            f" ON CONFLICT (email) DO UPDATE SET {name} = excluded.{name}",
            email.lower(), on,
        )  # fmt: skip
