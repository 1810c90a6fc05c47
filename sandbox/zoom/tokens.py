"""Server-to-server OAuth: an app of one account trades its id and secret for a token that lives an hour.

Reference: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.zoom.errors import OAuthError, token_refused

TOKEN_SECONDS = 3600
SCOPES = (
    "meeting:write:meeting:admin", "meeting:update:meeting:admin", "meeting:delete:meeting:admin",
    "meeting:read:meeting:admin", "meeting:read:list_meetings:admin",
    "webinar:write:webinar:admin", "webinar:update:webinar:admin", "webinar:delete:webinar:admin",
    "webinar:read:webinar:admin", "webinar:read:list_webinars:admin",
    "user:read:user:admin", "user:read:list_assistants:admin",
    "phone:read:list_users:admin", "phone:read:user:admin", "phone:read:list_call_logs:admin",
    "phone:read:call_log:admin", "phone:read:list_voicemails:admin", "phone:read:voicemail:admin",
    "phone:update:voicemail:admin", "phone:delete:voicemail:admin",
)  # fmt: skip
SCHEMA = """
CREATE TABLE IF NOT EXISTS z_app (
    client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, account TEXT NOT NULL, scopes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS z_token (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class App:
    client_id: str
    secret: str
    account: str
    scopes: frozenset[str]


class Tokens:
    """The apps there are, and the tokens they hold. An app may hold several at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    def register(self, account: str, client_id: str, secret: str, *, scopes: tuple[str, ...] = SCOPES) -> App:
        """A new app of an account, or other facts of a known one."""
        self._store.run(
            "INSERT INTO z_app VALUES (?, ?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET secret = excluded.secret,"
            " account = excluded.account, scopes = excluded.scopes",
            client_id, secret, account, " ".join(scopes),
        )  # fmt: skip
        return self._get(client_id)

    def _get(self, client_id: str) -> App:
        app = self.find_app(client_id)
        assert app is not None
        return app

    def find_app(self, client_id: str) -> App | None:
        row = self._store.row("SELECT client_id, secret, account, scopes FROM z_app WHERE client_id = ?", client_id)
        return App(row[0], row[1], row[2], frozenset(row[3].split())) if row else None

    def issue(self, *, client_id: str, secret: str, account: str, grant_type: str) -> tuple[App, str]:
        """Raises OAuthError."""
        if grant_type != "account_credentials":
            raise OAuthError("unsupported_grant_type", "unsupported grant type")
        app = self.find_app(client_id)
        if app is None or not hmac.compare_digest(app.secret.encode(), secret.encode()):
            raise OAuthError("invalid_client", "Invalid client_id or client_secret")
        if app.account != account:
            raise OAuthError("invalid_request", "Bad Request")
        token = secrets.token_urlsafe(120)
        expires = self._clock.seconds() + TOKEN_SECONDS
        self._store.run("INSERT INTO z_token VALUES (?, ?, ?)", token, client_id, expires)
        self._store.run("DELETE FROM z_token WHERE expires < ?", self._clock.seconds() - 24 * TOKEN_SECONDS)
        return app, token

    def check(self, token: str) -> App:
        """Whose token this is. Raises ZoomError."""
        row = self._store.row("SELECT client_id, expires FROM z_token WHERE token = ?", token)
        if row is None:
            raise token_refused()
        if row["expires"] <= self._clock.seconds():
            raise token_refused(is_expired=True)
        return self._get(row["client_id"])

    def expire_all(self) -> None:
        self._store.run("UPDATE z_token SET expires = ?", self._clock.seconds() - 1)
