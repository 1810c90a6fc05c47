"""Clients, grants, codes and tokens: what Google's authorization server remembers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS g_client (
    id TEXT PRIMARY KEY, secret TEXT NOT NULL, name TEXT NOT NULL, redirect_uris TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS g_grant (
    client TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (client, email)
);
CREATE TABLE IF NOT EXISTS g_code (
    code TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL, method TEXT NOT NULL, nonce TEXT NOT NULL, wants_refresh INTEGER NOT NULL,
    expires REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS g_refresh (
    token TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, chain TEXT NOT NULL,
    since REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS g_access (
    token TEXT PRIMARY KEY, client TEXT NOT NULL, email TEXT NOT NULL, scopes TEXT NOT NULL, chain TEXT NOT NULL,
    expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS g_refresh_owner ON g_refresh (client, email);
"""
CODE_LIFE = 600
ACCESS_LIFE = 3599
MOST_REFRESH_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    secret: str
    name: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """What a living access token allows."""

    email: str
    client: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh pair; refresh is empty where Google would give none. expires_in in seconds."""

    access: str
    refresh: str
    scopes: tuple[str, ...]
    email: str
    nonce: str = ""
    expires_in: int = ACCESS_LIFE


class TokenRefused(Exception):
    """The token endpoint's refusal. error is OAuth's word, description Google's sentence."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status = error, description, status


class Tokens:
    """Issue, redeem, refresh, revoke. `rotates` makes every refresh hand out a new refresh token and kill the old."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    # clients

    def register(self, client_id: str, secret: str, redirect_uris: list[str], *, name: str = "Portico") -> Client:
        """Make a client known, or change it."""
        self._store.run(
            "INSERT INTO g_client VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET secret = excluded.secret,"
            " name = excluded.name, redirect_uris = excluded.redirect_uris",
            client_id, secret, name, json.dumps(redirect_uris),
        )  # fmt: skip
        return Client(client_id, secret, name, tuple(redirect_uris))

    def find_client(self, client_id: str) -> Client | None:
        row = self._store.row("SELECT * FROM g_client WHERE id = ?", client_id)
        return Client(row["id"], row["secret"], row["name"], tuple(json.loads(row["redirect_uris"]))) if row else None

    def check_client(self, client_id: str, secret: str) -> Client:
        """Raises TokenRefused."""
        client = self.find_client(client_id)
        if client is None:
            raise TokenRefused("invalid_client", "The OAuth client was not found.", 401)
        if not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise TokenRefused("invalid_client", "Unauthorized" if secret else "client_secret is missing.", 401)
        return client

    @property
    def rotates(self) -> bool:
        return self._store.read("google.rotation", "") == "on"

    @rotates.setter
    def rotates(self, on: bool) -> None:
        self._store.write("google.rotation", "on" if on else "")

    # grants: what a person has allowed an app

    def granted(self, client_id: str, email: str) -> list[str]:
        row = self._store.row("SELECT scopes FROM g_grant WHERE client = ? AND email = ?", client_id, email)
        return row["scopes"].split() if row else []

    def grants(self, email: str) -> list[tuple[Client, list[str], float]]:
        """Apps with access to this account: (client, scopes, seconds since 1970)."""
        rows = self._store.rows("SELECT * FROM g_grant WHERE email = ? ORDER BY since", email)
        return [
            (self.find_client(row["client"]) or Client(row["client"], "", row["client"], ()), row["scopes"].split(),
             row["since"])
            for row in rows
        ]  # fmt: skip

    def _remember_grant(self, client_id: str, email: str, scopes: list[str]) -> None:
        every = list(dict.fromkeys([*self.granted(client_id, email), *scopes]))
        self._store.run(
            "INSERT INTO g_grant VALUES (?, ?, ?, ?) ON CONFLICT (client, email) DO UPDATE SET"
            " scopes = excluded.scopes",
            client_id, email, " ".join(every), self._clock.seconds(),
        )  # fmt: skip

    def revoke_account(self, email: str, client_id: str = "") -> None:
        """The person takes back an app's access (every app's without client_id): each of its tokens dies."""
        with self._store.transaction():
            for table in ("g_grant", "g_refresh", "g_access", "g_code"):
                self._store.run(
                    f"DELETE FROM {table} WHERE email = ? AND (? = '' OR client = ?)",
                    email, client_id, client_id,
                )  # fmt: skip

    # codes and tokens

    def issue_code(
        self, client_id: str, email: str, scopes: list[str], redirect_uri: str, *, challenge: str = "",
        method: str = "", nonce: str = "", wants_refresh: bool = True,
    ) -> str:  # fmt: skip
        code = f"4/0A{secrets.token_urlsafe(48)}"
        with self._store.transaction():
            self._remember_grant(client_id, email, scopes)
            self._store.run(
                "INSERT INTO g_code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                code, client_id, email, " ".join(scopes), redirect_uri, challenge, method, nonce, int(wants_refresh),
                self._clock.seconds() + CODE_LIFE,
            )  # fmt: skip
        return code

    def redeem(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Issued:
        """A code for tokens, once. Raises TokenRefused; a second use also kills what the first one got."""
        with self._store.transaction():
            row = self._store.row("SELECT * FROM g_code WHERE code = ?", code)
            if row is None or row["client"] != client.id:
                raise TokenRefused("invalid_grant", "Malformed auth code." if row is None else "Bad Request")
            if not row["used"]:
                self._check_code(row["expires"], row["redirect_uri"], redirect_uri)
                self._check_verifier(row["challenge"], row["method"], verifier)
                self._store.run("UPDATE g_code SET used = 1 WHERE code = ?", code)
                refresh = bool(row["wants_refresh"])
                return self._issue(
                    client.id, row["email"], row["scopes"].split(), chain=code, refresh=refresh, nonce=row["nonce"]
                )
            self._store.run("DELETE FROM g_refresh WHERE chain = ?", code)
            self._store.run("DELETE FROM g_access WHERE chain = ?", code)
        raise TokenRefused("invalid_grant", "Bad Request")

    def _check_code(self, expires: float, expected: str, redirect_uri: str) -> None:
        if self._clock.seconds() > expires:
            raise TokenRefused("invalid_grant", "Bad Request")
        if expected != redirect_uri:
            raise TokenRefused("redirect_uri_mismatch", "Bad Request")

    @staticmethod
    def _check_verifier(challenge: str, method: str, verifier: str) -> None:
        if not challenge:
            return
        if not verifier:
            raise TokenRefused("invalid_grant", "Missing code verifier.")
        digest = hashlib.sha256(verifier.encode()).digest()
        hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(hashed if method == "S256" else verifier, challenge):
            raise TokenRefused("invalid_grant", "Invalid code verifier.")

    def issue(self, email: str, scopes: list[str], *, client_id: str = "", refresh: bool = True) -> Issued:
        """Tokens without the consent dance, for tests; the grant is remembered as if a person had consented."""
        client_id = client_id or self.first_client()
        with self._store.transaction():
            self._remember_grant(client_id, email.lower(), scopes)
            chain = secrets.token_urlsafe(16)
            return self._issue(client_id, email.lower(), scopes, chain=chain, refresh=refresh)

    def first_client(self) -> str:
        row = self._store.row("SELECT id FROM g_client ORDER BY rowid LIMIT 1")
        return row["id"] if row else ""

    def _issue(
        self,
        client_id: str,
        email: str,
        scopes: list[str],
        *,
        chain: str,
        refresh: bool,
        refresh_scopes: list[str] | None = None,
        nonce: str = "",
    ) -> Issued:
        """`refresh_scopes`: of the refresh token, where the access token was asked to open less (RFC 6749, 6)."""
        access = f"ya29.a0{secrets.token_urlsafe(96)}"
        now = self._clock.seconds()
        self._store.run(
            "INSERT INTO g_access VALUES (?, ?, ?, ?, ?, ?)",
            access, client_id, email, " ".join(scopes), chain, now + ACCESS_LIFE,
        )  # fmt: skip
        token = ""
        if refresh:
            token = f"1//0{secrets.token_urlsafe(64)}"
            self._store.run(
                "INSERT INTO g_refresh VALUES (?, ?, ?, ?, ?, ?)",
                token, client_id, email, " ".join(refresh_scopes or scopes), chain, now,
            )  # fmt: skip
            self._store.run(
                "DELETE FROM g_refresh WHERE client = ? AND email = ? AND rowid NOT IN"
                " (SELECT rowid FROM g_refresh WHERE client = ? AND email = ? ORDER BY rowid DESC LIMIT ?)",
                client_id, email, client_id, email, MOST_REFRESH_TOKENS,
            )  # fmt: skip
        return Issued(access, token, tuple(scopes), email, nonce)

    def refresh(self, client: Client, token: str, scope: list[str] | None = None) -> Issued:
        """A new access token. Raises TokenRefused."""
        with self._store.transaction():
            row = self._store.row("SELECT * FROM g_refresh WHERE token = ?", token)
            if row is None:
                raise TokenRefused("invalid_grant", "Token has been expired or revoked.")
            if row["client"] != client.id:
                raise TokenRefused("unauthorized_client", "Unauthorized", 401)
            held = row["scopes"].split()
            if scope and not set(scope) <= set(held):
                raise TokenRefused("invalid_scope", "Some requested scopes were invalid.")
            rotates = self.rotates
            if rotates:
                self._store.run("DELETE FROM g_refresh WHERE token = ?", token)
            return self._issue(
                client.id, row["email"], scope or held, chain=row["chain"], refresh=rotates, refresh_scopes=held
            )

    def find_access(self, token: str) -> Access | None:
        """None for a token that is unknown, expired or revoked."""
        row = self._store.row("SELECT * FROM g_access WHERE token = ?", token)
        if row is None or row["expires"] <= self._clock.seconds():
            return None
        return Access(row["email"], row["client"], frozenset(row["scopes"].split()))

    def seconds_left(self, token: str) -> int:
        row = self._store.row("SELECT expires FROM g_access WHERE token = ?", token)
        return max(0, int(row["expires"] - self._clock.seconds())) if row else 0

    def revoke(self, token: str) -> bool:
        """By an access or a refresh token: the whole grant goes. False for an unknown token.

        Reference: https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
        """
        row = self._store.row(
            "SELECT client, email FROM g_refresh WHERE token = ? UNION ALL"
            " SELECT client, email FROM g_access WHERE token = ? AND expires > ?",
            token, token, self._clock.seconds(),
        )  # fmt: skip
        if row is None:
            return False
        self.revoke_account(row["email"], row["client"])
        return True

    def expire_access(self, email: str = "") -> None:
        """Every access token (of one person) is expired from now on; refresh tokens live."""
        self._store.run("UPDATE g_access SET expires = 0 WHERE ? = '' OR email = ?", email, email)

    def living(self, email: str = "") -> tuple[int, int]:
        """(access tokens, refresh tokens) that would be accepted now."""
        access = self._store.row(
            "SELECT count(*) FROM g_access WHERE expires > ? AND (? = '' OR email = ?)",
            self._clock.seconds(), email, email,
        )  # fmt: skip
        refresh = self._store.row("SELECT count(*) FROM g_refresh WHERE ? = '' OR email = ?", email, email)
        assert access and refresh
        return access[0], refresh[0]
