"""The pretend Google: OAuth 2.0, Calendar API v3 and People API v1, all below /google/."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from flask import Flask

from sandbox.clock import Clock
from sandbox.delivering import Deliveries
from sandbox.faults import Faults
from sandbox.google.calendar import CalendarApi
from sandbox.google.calendars import Calendars
from sandbox.google.contacts import Contacts
from sandbox.google.cursors import expire_sync_tokens
from sandbox.google.events import Events
from sandbox.google.listing import Listing
from sandbox.google.oauth import Authorization
from sandbox.google.people import PeopleApi
from sandbox.google.push import Channels, PushApi
from sandbox.google.tokens import Client, Tokens
from sandbox.request_log import RequestLog
from sandbox.store import Person, Store

CLIENT_ID = "portico-sandbox.apps.example"


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account at the pretend Google."""

    google: Google
    email: str


class Google:
    """State and routes. Tests reach the state by Python; everything else comes by HTTP."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.people = store.people
        self.tokens = Tokens(store, clock)
        self.calendars = Calendars(store, clock)
        self.events = Events(store, clock, self.calendars)
        self.contacts = Contacts(store, clock)
        self.listing = Listing(store, clock, self.events)
        self.channels = Channels(self)
        self.base_url = ""
        self.faults: Faults
        self.log: RequestLog
        self.deliveries: Deliveries

    def install(self, app: Flask) -> None:
        """Add the routes."""
        for part in (Authorization(self), CalendarApi(self), PushApi(self), PeopleApi(self)):
            app.register_blueprint(part.blueprint())

    def settle(self, base_url: str) -> None:
        """Say where the sandbox is reached; links in stored events follow."""
        before = self.store.read("google.base_url", "")
        self.base_url = self.events.base_url = base_url
        if before and before != base_url:
            self.store.run("UPDATE g_event SET doc = replace(doc, ?, ?)", f'"{before}/event?', f'"{base_url}/event?')
        self.store.write("google.base_url", base_url)

    def register_default_client(self, redirect_uris: list[str], *, client_id: str = "", secret: str = "") -> Client:
        """The client the product uses; without a secret it keeps the one it has, or gets a random one."""
        client_id = client_id or CLIENT_ID
        known = self.tokens.find_client(client_id)
        secret = secret or (known.secret if known else secrets.token_urlsafe(24))
        return self.tokens.register(client_id, secret, redirect_uris or list(known.redirect_uris if known else ()))

    def settings(self) -> dict[str, str]:
        """The product's settings that point it here."""
        client = self.tokens.find_client(self.tokens.first_client())
        base = f"{self.base_url}/google"
        return {
            "GOOGLE_CLIENT_ID": client.id if client else "", "GOOGLE_CLIENT_SECRET": client.secret if client else "",
            "GOOGLE_AUTHORIZE_URL": f"{base}/o/oauth2/v2/auth", "GOOGLE_TOKEN_URL": f"{base}/token",
            "GOOGLE_REVOKE_URL": f"{base}/revoke", "GOOGLE_USERINFO_URL": f"{base}/v1/userinfo",
            "GOOGLE_CALENDAR_ROOT": f"{base}/calendar/v3/", "GOOGLE_PEOPLE_ROOT": f"{base}/people/",
        }  # fmt: skip

    # short ways for tests and demonstration data

    def add_person(self, email: str, **facts: str) -> Person:
        """name, organization, timezone, region."""
        return self.people.add(email, **facts)

    def account(self, email: str) -> Account:
        return Account(self, email.lower())

    def add_event(self, email: str, body: dict[str, Any], *, calendar: str = "primary") -> dict[str, Any]:
        """An event as if the person had made it; everything may be given, conferenceData too."""
        return self.events.insert(self.calendars.get(email, calendar), email, body, conference=1)

    def change_event(self, email: str, event_id: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.events.change(self.calendars.get(email, "primary"), email, event_id, body, conference=1)

    def delete_event(self, email: str, event_id: str) -> None:
        self.events.delete(self.calendars.get(email, "primary"), email, event_id)

    def expire_sync_tokens(self, email: str) -> None:
        """Every sync token this person's clients hold is void from now on."""
        expire_sync_tokens(self.store, email)
