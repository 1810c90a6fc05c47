from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from sandbox.google.scopes import AUTH
from sandbox.server import Sandbox, running

ALICE, BEN = "alice@north.example", "ben@north.example"
EVERYTHING = [
    "openid",
    f"{AUTH}userinfo.email",
    f"{AUTH}calendar",
    f"{AUTH}contacts",
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        started.google.add_person(ALICE, name="Alice Meyer", organization="North")
        started.google.add_person(
            BEN, name="Ben Okafor", organization="North", timezone="America/New_York", region="US"
        )
        yield started


class Api:
    """Alice's or Ben's access to the pretend APIs, by plain HTTP."""

    def __init__(self, sandbox: Sandbox, email: str, scopes: list[str] | None = None) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        issued = sandbox.google.tokens.issue(email, EVERYTHING if scopes is None else scopes)
        self.token = issued.access
        self.session.headers["Authorization"] = f"Bearer {issued.access}"
        self.calendar = sandbox.settings["GOOGLE_CALENDAR_ROOT"]
        self.people = sandbox.settings["GOOGLE_PEOPLE_ROOT"] + "v1/"
        self.events = self.calendar + "calendars/primary/events"

    def get(self, url: str, **query: object) -> requests.Response:
        return self.session.get(url, params=query)

    def list_all(self, url: str, items: str, **query: object) -> tuple[list[dict], str]:
        """Every page's items, and the sync token of the last."""
        found, token, sync = [], None, ""
        while True:
            answer = self.get(url, **query, **({"pageToken": token} if token else {}))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page.get(items, [])
            token, sync = page.get("nextPageToken"), page.get("nextSyncToken", "")
            if not token:
                return found, sync


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    made = Api(sandbox, ALICE)
    yield made
    made.session.close()


def meeting(
    summary: str = "Talk", day: str = "2026-11-24", begin: str = "10:00", until: str = "11:00", **more: object
) -> dict:
    """An event body in Berlin time."""
    return {
        "summary": summary,
        "start": {"dateTime": f"{day}T{begin}:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": f"{day}T{until}:00", "timeZone": "Europe/Berlin"},
        **more,
    }
