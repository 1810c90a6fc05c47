"""The three services as the benchmark sets them up: a child's settings, how one signs in, what is changed."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

EMAIL = "bench@northwind.example"
PASSWORD = "a password for the benchmark"


class Control(Protocol):
    """The sandbox's control API: method, path, body -> the answer's JSON."""

    def __call__(self, method: str, path: str, body: Any = None) -> Any: ...


@dataclass(frozen=True)
class Where:
    """Where the sandbox is."""

    url: str
    tls_url: str
    ca_file: str


@dataclass(frozen=True)
class Service:
    """`slow` names the obvious way that Portico is set beside; "" for none."""

    key: str
    name: str
    slow: str
    environment: dict[str, str]
    credentials: dict[str, Any]

    def change(self, control: Control, feed: str, count: int) -> None:
        """So many new events or contacts at the service."""
        control("POST", f"{self.key}/{EMAIL}/bulk", {"events" if feed == "calendar" else "contacts": count})


def set_up(control: Control, where: Where, count: int) -> list[Service]:
    """A person with that many events and contacts at each service."""
    control("POST", "people", {"email": EMAIL, "name": "Bench", "timezone": "Europe/Berlin"})
    control("POST", f"exchange/{EMAIL}/account", {"password": PASSWORD})
    for key in ("google", "office365", "exchange"):
        control("POST", f"{key}/{EMAIL}/bulk", {"events": count, "contacts": count})
    return [_google(control, where), _office365(control, where), _exchange(where)]


def _google(control: Control, where: Where) -> Service:
    root = f"{where.url}/google"
    scopes = [
        "openid",
        "https://www.googleapis.com/auth/userinfo.email",
        "https://www.googleapis.com/auth/calendar.events.owned",
        "https://www.googleapis.com/auth/contacts",
    ]
    tokens = control("POST", f"google/{EMAIL}/tokens", {"scopes": scopes})
    environment = {
        "GOOGLE_CLIENT_ID": "portico-sandbox.apps.example",
        "GOOGLE_CLIENT_SECRET": "bench",
        "GOOGLE_TOKEN_URL": f"{root}/token",
        "GOOGLE_CALENDAR_ROOT": f"{root}/calendar/v3/",
        "GOOGLE_PEOPLE_ROOT": f"{root}/people/",
    }
    credentials = {**tokens, "expires_at": time.time() + 3000, "scopes": [], "sub": "bench"}
    return Service("google", "Google", "google-api-python-client, update_or_create", environment, credentials)


def _office365(control: Control, where: Where) -> Service:
    scopes = ["User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite", "offline_access"]
    tokens = control("POST", f"office365/{EMAIL}/tokens", {"scopes": scopes})
    environment = {
        "OFFICE365_CLIENT_ID": "bench",
        "OFFICE365_CLIENT_SECRET": "bench",
        "OFFICE365_AUTHORITY": f"{where.tls_url}/microsoft/organizations",
        "OFFICE365_INSTANCE_DISCOVERY": "0",
        "OFFICE365_GRAPH_ROOT": f"{where.tls_url}/graph/v1.0/",
    }
    credentials = {
        **tokens, "method": "oauth", "expires_at": time.time() + 3000, "scopes": scopes, "tid": "bench", "oid": "bench",
    }  # fmt: skip
    return Service("office365", "Office 365", "", environment, credentials)


def _exchange(where: Where) -> Service:
    credentials = {
        "method": "password", "user": EMAIL, "password": PASSWORD, "ews_url": f"{where.tls_url}/EWS/Exchange.asmx",
        "version": "", "auth": "basic", "mailbox": EMAIL,
    }  # fmt: skip
    return Service("exchange", "Exchange", "", {}, credentials)
