"""Trouble with Microsoft Graph on demand: refusals in its words, and pages and links that mislead."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from sandbox.server import Sandbox
from tests.sandbox.conftest import ALICE, BEN

WINDOW = "startDateTime=2026-11-20T00:00:00Z&endDateTime=2026-11-30T00:00:00Z"


class Client:
    """Alice's access to Graph, by plain HTTP."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, str(sandbox.ca_file)
        issued = sandbox.office365.tokens.issue(ALICE, ["Calendars.ReadWrite", "Contacts.ReadWrite", "User.Read"])
        self.session.headers["Authorization"] = f"Bearer {issued.access}"
        self.root = sandbox.settings["OFFICE365_GRAPH_ROOT"]
        self.delta = f"{self.root}me/calendarView/delta?{WINDOW}"

    def get(self, url: str = "", **headers: str) -> requests.Response:
        return self.session.get(url or self.delta, headers=headers)

    def follow(self, url: str = "", *, most: int = 20, **headers: str) -> list[dict[str, Any]]:
        """Page after page."""
        pages = [self.get(url, **headers).json()]
        while "@odata.nextLink" in pages[-1] and len(pages) < most:
            pages.append(self.get(pages[-1]["@odata.nextLink"], **headers).json())
        return pages


@pytest.fixture
def graph(sandbox: Sandbox) -> Iterator[Client]:
    for hour in range(5):
        sandbox.office365.add_event(ALICE, {
            "subject": f"Talk {hour}", "start": {"dateTime": f"2026-11-24T1{hour}:00:00", "timeZone": "UTC"},
            "end": {"dateTime": f"2026-11-24T1{hour}:30:00", "timeZone": "UTC"},
        })  # fmt: skip
    client = Client(sandbox)
    yield client
    client.session.close()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("401", (401, "InvalidAuthenticationToken")), ("401-claims", (401, "InvalidAuthenticationToken")),
        ("403-scope", (403, "ErrorAccessDenied")), ("404", (404, "ErrorItemNotFound")),
        ("429", (429, "ApplicationThrottled")), ("429-date", (429, "ApplicationThrottled")),
        ("500", (500, "InternalServerError")), ("503", (503, "ServiceUnavailable")), ("504", (504, "GatewayTimeout")),
    ],
)  # fmt: skip
def test_a_refusal_comes_once_in_graphs_shape_and_is_over(sandbox, graph, kind, expected):
    sandbox.faults.add(kind, "/graph/*")
    answer = graph.get()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == expected
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert graph.get().status_code == 200


def test_a_claims_challenge_says_in_its_header_what_the_next_token_needs(sandbox, graph):
    sandbox.faults.add("401-claims", "/graph/*")
    challenge = graph.get().headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in challenge
    claims = json.loads(base64.b64decode(re.search(r'claims="([^"]+)"', challenge)[1]))
    assert claims["access_token"]["nbf"]["essential"] is True


def test_retry_after_comes_in_seconds_or_as_a_date(sandbox, graph):
    sandbox.faults.add("429", "/graph/*", amount=7)
    sandbox.faults.add("429-date", "/graph/*", amount=60)
    assert graph.get().headers["Retry-After"] == "7"
    later = parsedate_to_datetime(graph.get().headers["Retry-After"])
    assert 50 < later.timestamp() - time.time() < 70


@pytest.mark.parametrize(
    ("kind", "amount", "expected"),
    [("410", None, (410, "SyncStateNotFound")), ("sync-state-not-found", None, (404, "syncStateNotFound")),
     ("sync-state-not-found", 400, (400, "syncStateNotFound"))],
)  # fmt: skip
def test_a_delta_link_can_be_void_for_one_request(sandbox, graph, kind, amount, expected):
    link = graph.get().json()["@odata.deltaLink"]
    sandbox.faults.add(kind, "/graph/*", amount=amount)
    assert graph.get().status_code == 200
    answer = graph.get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == expected
    if kind == "410":
        assert answer.headers["Location"].startswith(f"{graph.root}me/calendarView/delta")
    assert graph.get(link).status_code == 200


def test_endless_paging_has_a_new_link_each_time_and_the_same_page_behind_it(sandbox, graph):
    sandbox.faults.add("endless", "*/delta", times=None)
    pages = graph.follow(most=6)
    assert len({page["@odata.nextLink"] for page in pages}) == 6
    assert all(page["value"] == pages[0]["value"] and "@odata.deltaLink" not in page for page in pages)
    sandbox.faults.clear()
    assert "@odata.deltaLink" in graph.follow(pages[-1]["@odata.nextLink"])[-1]


def test_empty_pages_come_before_the_real_one_and_lose_nothing(sandbox, graph):
    sandbox.faults.add("empty-pages", "*/delta", amount=2, skip=1)
    pages = graph.follow(Prefer="odata.maxpagesize=2")
    assert [len(page["value"]) for page in pages] == [2, 0, 0, 2, 1]
    found = {item["id"] for page in pages for item in page["value"]}
    assert len(found) == 5
    assert "@odata.deltaLink" in pages[-1]


def test_items_can_come_twice_the_older_copy_first(sandbox, graph):
    sandbox.faults.add("repeat-items", "*/delta")
    items = graph.get().json()["value"]
    assert len(items) == 10
    last = {item["id"]: item["subject"] for item in items}
    assert set(last.values()) == {f"Talk {hour}" for hour in range(5)}
    assert items[0]["subject"] == "An older copy"


def test_what_nobody_knows_can_be_removed(sandbox, graph):
    sandbox.faults.add("removed-unknown")
    removed = [item for item in graph.get().json()["value"] if "@removed" in item]
    assert [item["@removed"]["reason"] for item in removed] == ["deleted", "changed"]
    folders = f"{graph.root}me/contactFolders"
    sandbox.faults.add("removed-unknown", times=None)
    assert graph.get(folders).json() == graph.get(folders).json()


def test_links_can_lead_to_another_host(sandbox, graph):
    sandbox.faults.add("foreign-next", "*/delta")
    page = graph.get().json()
    assert page["@odata.nextLink"].startswith("https://elsewhere.example/")
    assert "@odata.deltaLink" not in page
    sandbox.faults.add("foreign-delta", "*/delta")
    assert graph.get().json()["@odata.deltaLink"].startswith("https://elsewhere.example/")


def test_accounts_lose_their_access_their_links_or_their_apps_at_microsoft_alone(sandbox, graph):
    google = sandbox.google.tokens.issue(ALICE, [])
    link = graph.get().json()["@odata.deltaLink"]
    sandbox.faults.add("expire-sync", "/graph/*", account=ALICE)
    assert graph.get(link).status_code == 410
    sandbox.faults.add("expire-access", "/graph/*", account=ALICE)
    assert graph.get().status_code == 401
    sandbox.faults.add("revoke-account", "/microsoft/*", account=ALICE)
    assert sandbox.office365.tokens.living(ALICE) == (0, 0)
    assert sandbox.google.tokens.find_access(google.access)


def test_a_rule_knows_whose_request_it_is_and_the_log_too(sandbox, graph):
    sandbox.faults.add("500", "/graph/*", account=BEN, times=None)
    assert graph.get().status_code == 200
    entry = sandbox.log.requests("/graph/*")[-1]
    assert (entry.account, entry.status, entry.asked("startDateTime")) == (ALICE, 200, ["2026-11-20T00:00:00Z"])


def test_cursors_are_logged_only_in_part(sandbox, graph):
    link = graph.get().json()["@odata.deltaLink"]
    graph.get(link)
    shown = sandbox.log.requests("/graph/*")[-1].asked("$deltatoken")
    assert [len(value) for value in shown] == [7]
    assert link.partition("$deltatoken=")[2][:6] == shown[0][:6]


def test_a_kind_another_vendor_has_is_refused_for_this_one(sandbox):
    with pytest.raises(ValueError, match="403-quota"):
        sandbox.faults.add("403-quota", "/graph/*")
    assert sandbox.faults.add("429", "*/delta").path == "*/delta"


@pytest.mark.parametrize("tail", ["me/calendarView/delta", "me", "me/contactFolders", "me/contacts/delta"])
def test_every_kind_can_be_struck_without_bringing_the_server_down(sandbox, graph, tail):
    url = f"{graph.root}{tail}?{WINDOW}" if "calendarView" in tail else f"{graph.root}{tail}"
    graph.session.headers["Connection"] = "keep-alive"
    face = next(face for face in sandbox.faults.faces if face.name == "Microsoft Graph")
    for kind in [*face.kinds, "slow", "trickle", "cut-off", "hang-up", "lost-answer", "html", "half-json", "empty-body",
                 "huge", "gzip-bomb", "redirect", "502-html"]:  # fmt: skip
        sandbox.faults.clear()
        sandbox.faults.add(kind, "/graph/*", amount=0.01)
        try:
            graph.session.get(url, allow_redirects=False).close()
        except requests.RequestException:
            continue
    sandbox.faults.clear()
    assert graph.get(url).status_code == 200
