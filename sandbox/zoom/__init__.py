"""The pretend Zoom: server-to-server OAuth, meetings, webinars and assistants, all below /zoom/."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from flask import Flask

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.zoom.api import ZoomApi
from sandbox.zoom.errors import ZoomError
from sandbox.zoom.meetings import Meetings, User
from sandbox.zoom.phone import Phone
from sandbox.zoom.tokens import App, Tokens

ACCOUNT_ID = "Nw7aQk2sT0yBvR4mXd9cLg"
CLIENT_ID = "pOrT1c0SaNdBoXzOoM2w"


class Zoom:
    """State and routes. Tests reach the state by Python; everything else comes by HTTP."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.tokens = Tokens(store, clock)
        self.meetings = Meetings(store, clock)
        self.base_url = ""
        self.phone = Phone(self)

    def install(self, app: Flask) -> None:
        """Add the routes."""
        app.register_blueprint(ZoomApi(self).blueprint())
        app.register_blueprint(self.phone.blueprint())

    def settle(self, base_url: str) -> None:
        """Say where the sandbox is reached."""
        self.base_url = base_url

    def settings(self) -> dict[str, str]:
        """The product's settings that point it here."""
        return {"ZOOM_TOKEN_URL": f"{self.base_url}/zoom/oauth/token", "ZOOM_API_ROOT": f"{self.base_url}/zoom/v2/"}

    def register_default_app(self, *, account: str = "", client_id: str = "", secret: str = "") -> App:
        """The app the product uses; without a secret it keeps the one it has, or gets a random one."""
        known = self.tokens.find_app(client_id or CLIENT_ID)
        secret = secret or (known.secret if known else secrets.token_urlsafe(24))
        return self.tokens.register(account or ACCOUNT_ID, client_id or CLIENT_ID, secret)

    @property
    def credentials(self) -> dict[str, str]:
        """What an admin types into Portico, of the app registered first."""
        row = self.store.row("SELECT account, client_id, secret FROM z_app ORDER BY rowid LIMIT 1")
        assert row is not None
        return {"account_id": row["account"], "client_id": row["client_id"], "client_secret": row["secret"]}

    # short ways for tests and demonstration data

    def add_user(self, email: str, **facts: Any) -> User:
        """account, timezone, webinars (whether they have the plan), assistants (addresses)."""
        return self.meetings.add_user(email, **{"account": self.credentials["account_id"]} | facts)

    def schedule(self, email: str, body: dict[str, Any], *, kind: str = "meeting") -> dict[str, Any]:
        """A meeting as if the person had made it in Zoom itself. Raises ZoomError."""
        user = self.meetings.find_user(email)
        assert user is not None, f"{email} is no user of the pretend Zoom"
        return self.meetings.create(user, body, kind=kind)

    def change(self, number: int, body: dict[str, Any]) -> None:
        doc, account = self._reach(number)
        self.meetings.change(number, body, account=account, kind=doc["kind"])

    def delete(self, number: int, *, occurrence: str = "") -> None:
        doc, account = self._reach(number)
        self.meetings.delete(number, account=account, kind=doc["kind"], occurrence=occurrence)

    def _reach(self, number: int) -> tuple[dict[str, Any], str]:
        doc = self.meetings.find(number)
        assert doc is not None, f"there is no meeting {number}"
        user = self.meetings.find_user(doc["host_email"])
        assert user is not None
        return doc, user.account

    # where a list goes on; Zoom's tokens live for 15 minutes

    def make_page_token(self, begin: int, listing: str) -> str:
        text = f"{begin}|{self.clock.seconds() + 900}|{listing}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read_page_token(self, token: str, listing: str) -> int:
        """Raises ZoomError: it is too old, or from another list."""
        try:
            text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
            begin, expires, of = text.split("|", 2)
            is_good = of == listing and float(expires) > self.clock.seconds()
        except ValueError:
            is_good = False
        if not is_good:
            raise ZoomError(400, 300, "The next page token is either invalid or expired.")
        return int(begin)
