"""What tests do in Python, by JSON: mailboxes, tenants, accounts and faults of Office 365 and Exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox import demo
from sandbox.server import running
from tests.sandbox.conftest import ALICE, BEN

TALK = {"subject": "Talk", "start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-24T11:00:00", "timeZone": "UTC"}}  # fmt: skip
Call = Callable[..., Any]


@pytest.fixture
def call(sandbox) -> Iterator[Call]:
    """Method, path and body; the answer's JSON."""
    with requests.Session() as session:
        session.trust_env = False

        def send(method: str, where: str, expected: int = 200, **body: Any) -> Any:
            answer = session.request(method, f"{sandbox.url}/_control/{where}", json=body or None)
            assert answer.status_code == expected, answer.text
            return answer.json() if answer.content else None

        yield send


@pytest.mark.parametrize("site", ["office365", "exchange"])
def test_a_mailbox_is_filled_changed_and_emptied(sandbox, call, site):
    mailbox = sandbox.mailboxes.open(site, ALICE)
    made = call("POST", f"{site}/{ALICE}/events", 201, **TALK)
    assert call("PATCH", f"{site}/{ALICE}/events/{made['id']}", subject="Moved")["subject"] == "Moved"
    call("DELETE", f"{site}/{ALICE}/events/{made['id']}", 204)
    assert mailbox.find_event(made["id"]) is None
    folder = call("POST", f"{site}/{ALICE}/folders", 201, name="Clients")
    inner = call("POST", f"{site}/{ALICE}/folders", 201, name="Berlin", parent=folder["id"])
    assert inner["parentFolderId"] == folder["id"]
    assert call("PATCH", f"{site}/{ALICE}/folders/{inner['id']}", name="Hamburg")["displayName"] == "Hamburg"
    rosa = call("POST", f"{site}/{ALICE}/contacts?folder={inner['id']}", 201, givenName="Rosa")
    call("PATCH", f"{site}/{ALICE}/contacts/{rosa['id']}", surname="Castellanos")
    call("POST", f"{site}/{ALICE}/contacts/{rosa['id']}/folder", folder=folder["id"])
    assert [contact["surname"] for contact in mailbox.contacts(folder["id"])] == ["Castellanos"]
    call("DELETE", f"{site}/{ALICE}/contacts/{rosa['id']}", 204)
    call("DELETE", f"{site}/{ALICE}/folders/{folder['id']}", 204)
    assert [folder["displayName"] for folder in call("GET", f"{site}/{ALICE}/folders")] == ["Contacts"]
    assert call("POST", f"{site}/{ALICE}/bulk", 201, events=20, contacts=10) == {"events": 20, "contacts": 10}
    assert len(mailbox.event_rows(mailbox.calendar_id)) == 20


def test_what_is_not_there_or_makes_no_sense_is_said(call):
    assert call("DELETE", f"office365/{ALICE}/events/nothing", 404)["error"] == "ErrorItemNotFound"
    assert call("POST", f"office365/{ALICE}/folders", 400)["error"]
    assert "policy" in call("POST", "office365/tenants/north.example", 400, access_policy="sometimes")["error"]
    assert "act" in call("POST", f"exchange/{ALICE}/account", 400, act="fire")["error"]


def test_a_tenants_switches_are_turned_and_shown(sandbox, call):
    shown = call("POST", "office365/tenants/north.example", user_consent=False, withheld=["Contacts.Read"])
    assert (shown["user_consent"], shown["withheld"], shown["needs_assignment"]) == (False, ["Contacts.Read"], False)
    assert call("GET", "office365/tenants/north.example") == shown
    assert call("POST", f"office365/{BEN}/account", admin=True) == {"admin": True, "assigned": False}
    assert sandbox.office365.tenants.is_admin(BEN)


def test_tokens_and_clients_are_made_without_clicking(sandbox, call):
    issued = call("POST", f"office365/{ALICE}/tokens", 201, scopes=["Calendars.Read"])
    access = sandbox.office365.tokens.find_access(issued["access_token"])
    assert (access.email, access.scopes) == (ALICE, {"Calendars.Read"})
    call(
        "POST",
        "office365/clients",
        201,
        id="other",
        secret="s",
        redirect_uris=["http://localhost/"],
        tenant="north.example",
    )
    assert sandbox.office365.tokens.find_client("other").tenant == sandbox.office365.tenant_of(ALICE).id


def test_an_exchange_account_is_made_locked_and_given_another_server(sandbox, call):
    made = call("POST", f"exchange/{ALICE}/account", 201, password="one", domain="NORTH")
    assert (made["logon"], made["state"]) == ("NORTH\\alice", "fine")
    assert call("POST", f"exchange/{ALICE}/account", 201, act="lock")["state"] == "locked"
    server = call("POST", "exchange/server", version="2013_SP1", auth=["Basic"], online={"basic": True, "ews": False})
    assert (server["version"], server["auth"]) == ("2013_SP1", ["Basic"])
    assert server["online"] == {"auth": ["Bearer", "Basic"], "ews": False}
    assert call("POST", "exchange/server", online=None)["online"]["auth"] == ["Bearer"]


def test_faults_of_every_vendor_are_added_by_path(sandbox, call):
    for kind, path in (("429", "/graph/*"), ("aadsts-65001", "*/token"), ("busy", "/EWS/*"), ("503", "/google/*")):
        call("POST", "faults", 201, kind=kind, path=path)
    assert [rule.path for rule in sandbox.faults.rules()] == ["/graph/*", "*/token", "/EWS/*", "/google/*"]
    assert "no fault" not in call("POST", "faults", 400, kind="busy", path="/graph/*")["error"]
    issued = sandbox.office365.tokens.issue(ALICE, ["User.Read"])
    call("POST", "faults", 201, kind="expire-access", path="/graph/*", account=ALICE)
    assert sandbox.office365.tokens.find_access(issued.access) is None


def test_it_says_where_it_is_and_which_settings_lead_there(sandbox, call):
    described = call("GET", "")
    assert (described["tls_url"], described["ca_file"]) == (sandbox.tls_url, str(sandbox.ca_file))
    assert call("GET", "settings") == sandbox.settings
    for name in ("GOOGLE_CLIENT_ID", "OFFICE365_AUTHORITY", "EXCHANGE_EWS_URL", "OUTBOUND_CA_BUNDLE"):
        assert sandbox.settings[name]


def test_the_demonstration_fills_every_service_once():
    with running() as sandbox:
        assert demo.is_missing(sandbox)
        demo.seed_everything(sandbox)
        assert not demo.is_missing(sandbox)
        for site in ("office365", "exchange"):
            mailbox = sandbox.mailboxes.open(site, demo.ALICE)
            assert len(mailbox.event_rows(mailbox.calendar_id)) > 50
        assert sandbox.office365.tenants.is_admin(demo.DORA)
        assert sandbox.exchange.account(demo.ALICE).logon == "NORTHWIND\\alice.meyer"
        assert sandbox.google.contacts.count(demo.ALICE) > 100


def test_a_sandbox_from_before_there_was_microsoft_gets_its_mailboxes():
    with running() as sandbox:
        demo.seed(sandbox.google)
        sandbox.google.add_event(
            demo.ALICE, {"summary": "Kept", "start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}
        )
        count = sandbox.store.row("SELECT count(*) FROM g_event")[0]
        assert demo.is_missing(sandbox)
        demo.seed_everything(sandbox)
        assert sandbox.store.row("SELECT count(*) FROM g_event")[0] == count
