"""Clients, grants, codes and tokens: what Entra ID's token service remembers.

Reference: https://learn.microsoft.com/entra/identity-platform/refresh-tokens
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.microsoft.entra_errors import EntraError
from sandbox.microsoft.entra_scopes import Asked, parse_scopes
from sandbox.microsoft.entra_tenants import Tenant, Tenants
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS e_client (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL, secret_expires REAL, certificate TEXT NOT NULL,
    redirect_uris TEXT NOT NULL, tenant TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS e_grant (
    client TEXT NOT NULL, tenant TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (client, tenant, email)
);
CREATE TABLE IF NOT EXISTS e_code (
    code TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, asked TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL, method TEXT NOT NULL, nonce TEXT NOT NULL, is_strong INTEGER NOT NULL,
    expires REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS e_refresh (
    token TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, chain TEXT NOT NULL, is_strong INTEGER NOT NULL,
    since REAL NOT NULL, dead INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS e_access (
    token TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, chain TEXT NOT NULL,
    expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS e_refresh_owner ON e_refresh (email);
CREATE INDEX IF NOT EXISTS e_access_owner ON e_access (email);
"""
CODE_LIFE = 600
ACCESS_LIFE = 3599
REFRESH_LIFE = 90 * 86_400
EVERYONE = ""  # whose a grant is that an administrator gave for the whole tenant


@dataclass(frozen=True, slots=True)
class Client:
    """An app registration. tenant: the only one it serves, "" for all; certificate: PEM, "" for none."""

    id: str
    name: str
    secret: str = field(repr=False)
    secret_expires: float | None
    certificate: str
    redirect_uris: tuple[str, ...]
    tenant: str


@dataclass(frozen=True, slots=True)
class Access:
    """What a living access token allows. scopes by their short names: "Calendars.Read"."""

    email: str
    client: str
    tenant: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh pair; refresh is empty where none was asked for. scopes by their short names. expires_in in seconds."""

    access: str
    refresh: str
    scopes: tuple[str, ...]
    email: str
    asked: Asked
    nonce: str = ""
    expires_in: int = ACCESS_LIFE


class Tokens:
    def __init__(self, store: Store, clock: Clock, tenants: Tenants) -> None:
        self._store, self._clock, self._tenants = store, clock, tenants
        store.create(SCHEMA)

    # clients

    def register(
        self, client_id: str, secret: str, redirect_uris: list[str], *, name: str = "Portico", certificate: str = "",
        tenant: str = "", secret_expires: float | None = None,
    ) -> Client:  # fmt: skip
        """Make a client known, or change it. tenant: a GUID or domain; secret_expires in seconds since 1970."""
        found = self._tenants.of(f"anyone@{tenant}").id if "." in tenant else tenant
        self._store.run(
            "INSERT INTO e_client VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
            " secret = excluded.secret, secret_expires = excluded.secret_expires,"
            " certificate = excluded.certificate, redirect_uris = excluded.redirect_uris, tenant = excluded.tenant",
            client_id, name, secret, secret_expires, certificate, json.dumps(redirect_uris), found,
        )  # fmt: skip
        client = self.find_client(client_id)
        assert client is not None
        return client

    def find_client(self, client_id: str) -> Client | None:
        row = self._store.row("SELECT * FROM e_client WHERE id = ?", client_id)
        if row is None:
            return None
        return Client(
            row["id"], row["name"], row["secret"], row["secret_expires"], row["certificate"],
            tuple(json.loads(row["redirect_uris"])), row["tenant"],
        )  # fmt: skip

    def first_client(self) -> Client | None:
        """The one the product uses."""
        row = self._store.row("SELECT id FROM e_client ORDER BY rowid LIMIT 1")
        return self.find_client(row["id"]) if row else None

    def check_secret(self, client: Client, secret: str) -> None:
        """Raises EntraError."""
        if not hmac.compare_digest(client.secret.encode(), secret.encode()) or not client.secret:
            raise EntraError(7000215, {"client": client.id})
        if client.secret_expires is not None and client.secret_expires <= self._clock.seconds():
            raise EntraError(7000222, {"client": client.id})

    # grants: what a person, or an administrator for everyone, has allowed an app

    def granted(self, client_id: str, email: str, *, by_everyone: bool = True) -> list[str]:
        """Scopes that were consented to, by the person or for the whole tenant."""
        tenant = self._tenants.of(email)
        rows = self._store.rows(
            "SELECT scopes FROM e_grant WHERE client = ? AND tenant = ? AND email IN (?, ?)",
            client_id, tenant.id, email.lower(), EVERYONE if by_everyone else email.lower(),
        )  # fmt: skip
        return list(dict.fromkeys(scope for row in rows for scope in row["scopes"].split()))

    def grant(self, client_id: str, email: str, scopes: list[str], *, for_everyone: bool = False) -> None:
        """Consent, of the person or, for_everyone, for the person's whole tenant; what was granted before stays."""
        tenant, owner = self._tenants.of(email), EVERYONE if for_everyone else email.lower()
        row = self._store.row(
            "SELECT scopes FROM e_grant WHERE client = ? AND tenant = ? AND email = ?", client_id, tenant.id, owner
        )
        every = list(dict.fromkeys([*(row["scopes"].split() if row else ()), *scopes]))
        self._store.run(
            "INSERT INTO e_grant VALUES (?, ?, ?, ?, ?) ON CONFLICT (client, tenant, email) DO UPDATE SET"
            " scopes = excluded.scopes",
            client_id, tenant.id, owner, " ".join(every), self._clock.seconds(),
        )  # fmt: skip

    def grants(self, email: str, *, for_everyone: bool = False) -> list[tuple[Client, list[str], float]]:
        """Apps with access: (client, scopes, seconds since 1970), given by the person or for the whole tenant."""
        rows = self._store.rows(
            "SELECT * FROM e_grant WHERE tenant = ? AND email = ? ORDER BY since",
            self._tenants.of(email).id, EVERYONE if for_everyone else email.lower(),
        )  # fmt: skip
        found = [(self.find_client(row["client"]), row["scopes"].split(), row["since"]) for row in rows]
        return [(client, scopes, since) for client, scopes, since in found if client]

    def remove_grant(self, client_id: str, email: str, *, for_everyone: bool = False) -> None:
        """Take consent back. A refresh then finds none: AADSTS65001. Access tokens die at once."""
        tenant = self._tenants.of(email)
        with self._store.transaction():
            self._store.run(
                "DELETE FROM e_grant WHERE client = ? AND tenant = ? AND email = ?",
                client_id, tenant.id, EVERYONE if for_everyone else email.lower(),
            )  # fmt: skip
            whose = f"%@{tenant.domain}" if for_everyone else email.lower()
            self._store.run("UPDATE e_access SET expires = 0 WHERE client = ? AND email LIKE ?", client_id, whose)

    def revoke_account(self, email: str = "") -> None:
        """All of a person's tokens are void, as after a new password: a refresh is refused with AADSTS50173."""
        with self._store.transaction():
            self.expire_access(email)
            self._store.run("UPDATE e_refresh SET dead = 50173 WHERE ? IN ('', email)", email.lower())

    # codes and tokens

    def issue_code(
        self, client_id: str, email: str, asked: str, redirect_uri: str, *, challenge: str = "", method: str = "",
        nonce: str = "", is_strong: bool = False,
    ) -> str:  # fmt: skip
        """asked: the scope parameter. is_strong: the person has shown a second factor."""
        code = f"1.A{secrets.token_urlsafe(600)}"
        self._store.run(
            "INSERT INTO e_code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            code, client_id, email.lower(), asked, redirect_uri, challenge, method, nonce, is_strong,
            self._clock.seconds() + CODE_LIFE,
        )  # fmt: skip
        return code

    def redeem(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Issued:
        """A code for tokens, once. Raises EntraError."""
        with self._store.transaction():
            row = self._store.row("SELECT * FROM e_code WHERE code = ?", code)
            if row is None:
                raise EntraError(70000)
            if row["client"] != client.id:
                raise EntraError(700007)
            if row["used"]:
                raise EntraError(54005)
            if self._clock.seconds() > row["expires"]:
                raise EntraError(70008)
            if row["redirect_uri"] != redirect_uri:
                raise EntraError(50011, {"client": client.id, "redirect_uri": redirect_uri})
            _check_verifier(row["challenge"], row["method"], verifier)
            self._check_policies(client, row["email"], is_strong=bool(row["is_strong"]))
            self._store.run("UPDATE e_code SET used = 1 WHERE code = ?", code)
            return self._issue(client, row["email"], parse_scopes(row["asked"]), chain=code, nonce=row["nonce"],
                               is_strong=bool(row["is_strong"]))  # fmt: skip

    def refresh(self, client: Client, token: str, asked: Asked, *, wants_more: bool = False) -> Issued:
        """A refresh token for new ones; it stays valid beside its successor. Raises EntraError.

        wants_more: a claims challenge asks for a second factor.
        """
        with self._store.transaction():
            row = self._store.row("SELECT * FROM e_refresh WHERE token = ?", token)
            if row is None:
                raise EntraError(70000)
            if row["client"] != client.id:
                raise EntraError(700007)
            email = row["email"]
            named = {"client": client.id, "app": client.name, "tenant": self._tenants.of(email).name, "email": email}
            if row["dead"]:
                raise EntraError(row["dead"], named)
            if self._clock.seconds() - row["since"] > REFRESH_LIFE:
                raise EntraError(700082)
            if self._store.people.find(email) is None:
                raise EntraError(50034, named)
            self._check_policies(client, email, is_strong=bool(row["is_strong"]))
            if wants_more and not row["is_strong"]:
                raise EntraError(50076)
            consented = self.granted(client.id, email)
            if not consented or not set(asked.graph) <= set(consented):
                raise EntraError(65001, named)
            return self._issue(client, email, asked, chain=row["chain"], is_strong=bool(row["is_strong"]))

    def issue(self, email: str, scopes: list[str], *, client: str = "") -> Issued:
        """Tokens as after consent, for tests that do not want to click. scopes: short names or Graph's addresses."""
        found = self.find_client(client) if client else self.first_client()
        assert found is not None, "No client is registered."
        asked = parse_scopes(" ".join([*scopes, "offline_access", "openid", "profile"]))
        with self._store.transaction():
            self.grant(found.id, email, list(asked.graph))
            return self._issue(found, email.lower(), asked, chain=secrets.token_urlsafe(8), is_strong=True)

    def _issue(
        self, client: Client, email: str, asked: Asked, *, chain: str, is_strong: bool, nonce: str = ""
    ) -> Issued:
        """The access token carries everything consented to so far, whether asked for this time or not."""
        now, tenant = self._clock.seconds(), self._tenants.of(email)
        scopes = [scope for scope in self.granted(client.id, email) if scope not in tenant.withheld]
        access = f"eyJ0eXAiOiJKV1QiLCJub25jZSI6Ij{secrets.token_urlsafe(1100)}"
        self._store.run(
            "INSERT INTO e_access VALUES (?, ?, ?, ?, ?, ?)",
            access, client.id, email, " ".join(scopes), chain, now + ACCESS_LIFE,
        )  # fmt: skip
        refresh = f"1.A{secrets.token_urlsafe(750)}" if "offline_access" in asked.sign_in else ""
        if refresh:
            self._store.run(
                "INSERT INTO e_refresh VALUES (?, ?, ?, ?, ?, ?, 0)", refresh, client.id, email, chain, is_strong, now
            )
        return Issued(access, refresh, tuple(scopes), email, asked, nonce)

    def _check_policies(self, client: Client, email: str, *, is_strong: bool) -> None:
        tenant = self._tenants.of(email)
        named = {"client": client.id, "app": client.name, "tenant": tenant.name, "email": email}
        if client.tenant not in ("", tenant.id):
            raise EntraError(700016, named)
        if tenant.needs_assignment and not self._tenants.is_assigned(email):
            raise EntraError(50105, named)
        if tenant.access_policy == "block":
            raise EntraError(53003)
        if tenant.access_policy == "mfa" and not is_strong:
            raise EntraError(50076)

    def find_access(self, token: str) -> Access | None:
        """None for a token that is unknown, expired or revoked."""
        row = self._store.row("SELECT * FROM e_access WHERE token = ?", token)
        if row is None or row["expires"] <= self._clock.seconds():
            return None
        tenant: Tenant = self._tenants.of(row["email"])
        return Access(row["email"], row["client"], tenant.id, frozenset(row["scopes"].split()))

    def find_owner(self, token: str) -> str:
        """Whose an access token, refresh token or code is or was; "" for an unknown one."""
        row = self._store.row(
            "SELECT email FROM e_access WHERE token = ? UNION ALL SELECT email FROM e_refresh WHERE token = ?"
            " UNION ALL SELECT email FROM e_code WHERE code = ?",
            token, token, token,
        )  # fmt: skip
        return str(row["email"]) if row else ""

    def expire_access(self, email: str = "") -> None:
        """Every access token (of one person) is expired from now on; refresh tokens live."""
        self._store.run("UPDATE e_access SET expires = 0 WHERE ? IN ('', email)", email.lower())

    def living(self, email: str = "") -> tuple[int, int]:
        """(access tokens, refresh tokens) that would be accepted now."""
        now: Any = self._clock.seconds()
        access = self._store.row(
            "SELECT count(*) FROM e_access WHERE expires > ? AND ? IN ('', email)", now, email.lower()
        )
        refresh = self._store.row(
            "SELECT count(*) FROM e_refresh WHERE NOT dead AND since > ? AND ? IN ('', email)",
            now - REFRESH_LIFE, email.lower(),
        )  # fmt: skip
        assert access and refresh
        return access[0], refresh[0]


def _check_verifier(challenge: str, method: str, verifier: str) -> None:
    if not challenge:
        return
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not hmac.compare_digest((verifier if method == "plain" else hashed).encode(), challenge.encode()):
        raise EntraError(501481)
