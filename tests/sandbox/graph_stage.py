"""A pretend Microsoft Graph by itself, without Entra ID, for tests of Graph alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import Flask

from sandbox.clock import Clock
from sandbox.mailbox import Mailbox, Mailboxes
from sandbox.microsoft.graph import Graph
from sandbox.store import Store

ALICE, BEN = "alice@north.example", "ben@north.example"
EVERYTHING = frozenset({"User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite"})
IMMUTABLE = 'IdType="ImmutableId"'
V1 = "/graph/v1.0/"


@dataclass(frozen=True)
class Access:
    email: str
    tenant: str
    scopes: frozenset[str]


class Tokens:
    """Whoever says a name is that person; "expired" is nobody."""

    def __init__(self) -> None:
        self.known = {"alice": Access(ALICE, "t", EVERYTHING), "ben": Access(BEN, "t", EVERYTHING)}

    def find_access(self, token: str) -> Access | None:
        return self.known.get(token)


class Stage:
    def __init__(self) -> None:
        self.store = Store()
        self.clock = Clock(self.store)
        self.clock.freeze(datetime(2026, 10, 20, 9, 0, tzinfo=UTC))
        self.mailboxes = Mailboxes(self.store, self.clock)
        self.tokens = Tokens()
        self.store.people.add(ALICE, name="Alice Meyer", timezone="Europe/Berlin")
        self.store.people.add(BEN, name="Ben Okafor", timezone="America/New_York")
        self.graph = Graph(self)
        app = Flask("graph")
        app.register_blueprint(self.graph.blueprint())
        self.client = app.test_client()

    @property
    def alice(self) -> Mailbox:
        return self.mailboxes.open("office365", ALICE)

    @property
    def ben(self) -> Mailbox:
        return self.mailboxes.open("office365", BEN)

    def send(
        self, method: str, path: str, body: Any = None, *, who: str = "alice", prefer: str = IMMUTABLE, **headers: str
    ) -> Any:
        """path: below the version, or an absolute link; the answer has .status_code, .json, .headers."""
        if path.startswith("http"):
            parts = urlsplit(path)
            path = f"{parts.path}?{parts.query}"
        else:
            path = V1 + path
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            sent["Authorization"] = f"Bearer {who}"
        if prefer:
            sent["Prefer"] = prefer
        data = None if body is None else orjson.dumps(body)
        return self.client.open(path, method=method, data=data, headers=sent, content_type="application/json")

    def get(self, path: str, **more: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.send("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    def walk(self, path: str, **more: Any) -> tuple[list[dict], str]:
        """Every page's items, and the delta link of the last page, if there is one."""
        found: list[dict] = []
        while True:
            page = self.get(path, **more)
            found += page["value"]
            if "@odata.nextLink" not in page:
                return found, page.get("@odata.deltaLink", "")
            assert "@odata.deltaLink" not in page
            path = page["@odata.nextLink"]

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Status and code of a request that must be refused in Graph's shape."""
        answer = self.send(method, path, body, **more)
        assert answer.status_code >= 400, answer.text
        error = answer.json["error"]
        assert error["message"] and set(error["innerError"]) == {"date", "request-id", "client-request-id"}
        return answer.status_code, error["code"]

    def close(self) -> None:
        self.store.close()


@contextmanager
def graph_stage() -> Iterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()


def at(day: str, clock: str = "10:00", zone: str = "Europe/Berlin") -> dict[str, str]:
    return {"dateTime": f"2026-{day}T{clock}:00", "timeZone": zone}


def talk(subject: str = "Talk", day: str = "10-21", begin: str = "10:00", until: str = "11:00", **more: Any) -> dict:
    return {"subject": subject, "start": at(day, begin), "end": at(day, until), **more}


def every(kind: str = "daily", count: int = 5, **pattern: Any) -> dict:
    extent = {"type": "numbered", "numberOfOccurrences": count} if count else {"type": "noEnd"}
    return {"pattern": {"type": kind, "interval": 1, **pattern}, "range": extent}
