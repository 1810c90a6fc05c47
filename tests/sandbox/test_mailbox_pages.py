"""Office 365 and Exchange in a browser: mailboxes, My Apps, an organization's switches, accounts, the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote

import pytest
import requests

from sandbox import demo
from sandbox.mailbox import Mailbox
from sandbox.server import Sandbox, running
from tests.sandbox.conftest import ALICE, BEN

SITES = ("office365", "exchange")
FORM = {"summary": "From the page", "day": "2026-11-24", "begin": "10:00", "end": "11:00", "attendees": BEN}
SEEN = ["Calendars.ReadWrite", "Contacts.Read"]


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(params=SITES)
def site(request) -> str:
    return request.param


@pytest.fixture
def mailbox(sandbox: Sandbox, site: str) -> Mailbox:
    sandbox.mailboxes.open(site, BEN)
    return sandbox.mailboxes.open(site, ALICE)


@pytest.fixture
def base(sandbox: Sandbox, site: str) -> str:
    return f"{sandbox.url}/people/{ALICE}/{site}"


def every(mailbox: Mailbox) -> list[dict]:
    return [row.load() for row in mailbox.event_rows(mailbox.calendar_id)]


def at(doc: dict) -> str:
    return doc["start"]["dateTime"][:16]


def test_an_event_is_added_moved_and_cancelled_on_the_page(sandbox, browser, base, mailbox, site):
    answer = browser.post(f"{base}/events", data=FORM | {"online": "1"})
    assert (answer.status_code, "From the page" in answer.text, "Teams" in answer.text) == (200, True, True)
    (event,) = every(mailbox)
    assert at(event) == "2026-11-24T09:00"
    link = f"{base}/event?itemid={quote(event['id'])}"
    assert 'value="From the page"' in browser.get(link).text
    browser.post(link, data=FORM | {"begin": "14:00", "end": "15:00", "description": "Room 2"})
    (moved,) = every(mailbox)
    assert (at(moved), moved["bodyPreview"], moved["changeKey"] != event["changeKey"]) == (
        "2026-11-24T13:00", "Room 2", True
    )  # fmt: skip
    theirs = every(sandbox.mailboxes.open(site, BEN))
    assert [at(doc) for doc in theirs] == ["2026-11-24T13:00"]
    browser.post(link.replace("/event?", "/event/deletion?"), data={"what": "this"})
    assert every(mailbox) == []


def test_what_was_not_touched_on_the_form_stays_as_it_was(browser, base, mailbox):
    page = "<html><body><p>Agenda <a href='https://example.com/'>here</a></p></body></html>"
    made = mailbox.add_event({
        "subject": "Kept", "body": {"contentType": "html", "content": page}, "sensitivity": "confidential",
        "start": {"dateTime": "2026-11-24T09:00:30", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-24T10:00:00", "timeZone": "UTC"},
        "attendees": [{"type": "optional", "emailAddress": {"address": "x@y.example", "name": "Xi"}}],
    })  # fmt: skip
    link = f"{base}/event?itemid={quote(made['id'])}"
    form = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', browser.get(link).text)) | {
        "description": "Agenda here"
    }
    browser.post(link, data=form | {"summary": "Renamed", "private": "on"})
    changed = mailbox.find_event(made["id"])
    assert changed["subject"] == "Renamed"
    for name in ("body", "sensitivity", "start", "attendees"):
        assert changed[name] == made[name], name


def test_one_day_of_a_series_is_moved_or_cancelled_alone_or_with_the_series(browser, base, mailbox):
    browser.post(f"{base}/events", data=FORM | {"repeat": "weekly"})
    (series,) = every(mailbox)
    assert series["recurrence"]["pattern"]["daysOfWeek"] == ["tuesday"]
    page = browser.get(f"{base}/calendar", params={"week": "2026-12-01"}).text
    item = unescape(re.search(r'href="[^"]+/event\?itemid=([^"]+)"', page)[1])
    one = f"{base}/event?itemid={item}"
    assert "The whole series" in browser.get(one).text
    browser.post(one, data=FORM | {"day": "2026-12-02", "until": "2026-12-02"})
    assert [at(row.load()) for row in mailbox.exceptions(series["id"])] == ["2026-12-02T09:00"]
    assert "series, changed" in browser.get(f"{base}/calendar", params={"week": "2026-12-01"}).text
    browser.post(one.replace("/event?", "/event/deletion?"), data={"what": "this"})
    assert len(mailbox.exceptions(series["id"], "cancelled")) == 1
    third = browser.get(f"{base}/calendar", params={"week": "2026-12-08"}).text
    item = unescape(re.search(r'href="[^"]+/event\?itemid=([^"]+)"', third)[1])
    browser.post(f"{base}/event/deletion?itemid={item}", data={"what": "series"})
    assert every(mailbox) == []


@pytest.mark.parametrize("repeat", ["daily", "weekly", "fortnightly", "workdays", "monthly"])
def test_every_way_to_repeat_is_taken(browser, base, mailbox, repeat):
    assert browser.post(f"{base}/events", data=FORM | {"repeat": repeat}).status_code == 200
    assert every(mailbox)[0]["type"] == "seriesMaster"


def test_a_whole_day_is_that_day_wherever_it_is_looked_at_from(sandbox, browser, site):
    for email, zone in ((ALICE, "Pacific/Auckland"), (BEN, "America/Los_Angeles")):
        sandbox.google.add_person(email, timezone=zone)
        base = f"{sandbox.url}/people/{email}/{site}"
        browser.post(f"{base}/events", data={"summary": "Holiday", "day": "2026-11-24", "all_day": "on"})
        page = browser.get(f"{base}/calendar", params={"week": "2026-11-24"}).text
        day = next(part for part in page.split("<section")[1:] if "Holiday" in part)
        assert "Tuesday 24 November" in day and page.count("Holiday") == 1


def test_an_invitation_is_answered_and_the_organizer_sees_it(sandbox, browser, base, mailbox, site):
    browser.post(f"{sandbox.url}/people/{BEN}/{site}/events", data=FORM | {"attendees": ALICE})
    (mine,) = every(mailbox)
    link = f"{base}/event/answer?itemid={quote(mine['id'])}"
    assert "tentativelyAccepted" in browser.post(link, data={"answer": "tentative"}).text
    (theirs,) = every(sandbox.mailboxes.open(site, BEN))
    assert theirs["attendees"][0]["status"]["response"] == "tentativelyAccepted"
    assert browser.post(link, data={"answer": "perhaps"}).status_code == 422
    own = f"{sandbox.url}/people/{BEN}/{site}/event/answer?itemid={quote(theirs['id'])}"
    assert "organizer" in browser.post(own, data={"answer": "accepted"}).text


def test_a_form_with_a_mistake_says_so_and_keeps_what_was_typed(browser, base, mailbox):
    wrong = browser.post(f"{base}/events", data=FORM | {"end": "09:00"})
    assert (wrong.status_code, 'value="From the page"' in wrong.text, "EndDate is earlier" in wrong.text) == (
        422, True, True
    )  # fmt: skip
    missing = browser.post(f"{base}/events", data=FORM | {"begin": ""})
    assert (missing.status_code, "as 14:30" in missing.text) == (422, True)
    assert every(mailbox) == []


def test_a_web_link_leads_to_the_event_whichever_id_it_carries(sandbox, browser):
    sandbox.office365.add_event(ALICE, {
        "subject": "Linked", "start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-24T11:00:00", "timeZone": "UTC"},
        "recurrence": {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd"}},
    })  # fmt: skip
    issued = sandbox.office365.tokens.issue(ALICE, ["Calendars.Read"])
    view = sandbox.settings["OFFICE365_GRAPH_ROOT"] + "me/calendarView"
    window = {"startDateTime": "2026-11-25T00:00:00Z", "endDateTime": "2026-11-26T00:00:00Z"}
    for prefer in ("", 'IdType="ImmutableId"'):
        headers = {"Authorization": f"Bearer {issued.access}", "Prefer": prefer}
        found = browser.get(view, params=window, headers=headers, verify=str(sandbox.ca_file)).json()["value"]
        page = browser.get(found[0]["webLink"])
        assert (page.status_code, "one of a series" in page.text) == (200, True)
    assert browser.get(f"{sandbox.url}/office365/event?itemid=x").status_code == 404


def test_a_contact_is_added_changed_moved_and_deleted(browser, base, mailbox):
    browser.post(f"{base}/folders", data={"name": "Clients"})
    clients = next(folder for folder in mailbox.folders() if folder.name == "Clients")
    form = {"givenName": "Rosa", "surname": "Castellanos", "mobilePhone": "+49 170 1", "businessPhones1": "030 2",
            "emails0": "rosa@clients.example", "folder": mailbox.contacts_id}  # fmt: skip
    made = browser.post(f"{base}/contacts/new", data=form)
    (contact,) = mailbox.contacts(mailbox.contacts_id)
    assert (contact["displayName"], contact["businessPhones"]) == ("Rosa Castellanos", ["030 2"])
    assert contact["emailAddresses"][0]["address"] == "rosa@clients.example"
    browser.post(made.url, data=form | {"surname": "Meyer", "folder": clients.id})
    assert [doc["displayName"] for doc in mailbox.contacts(clients.id)] == ["Rosa Meyer"]
    assert "Rosa" in browser.get(f"{base}/contacts", params={"q": "meyer", "folder": clients.id}).text
    assert "No contact fits." in browser.get(f"{base}/contacts", params={"q": "nobody"}).text
    browser.post(f"{made.url}/deletion")
    assert mailbox.contacts(clients.id) == []
    assert browser.get(made.url).status_code == 404


def test_folders_are_a_tree_to_rename_move_and_delete(browser, base, mailbox):
    for name in ("Clients", "Courts"):
        browser.post(f"{base}/folders", data={"name": name, "parent": mailbox.root_id})
    ids = {folder.name: folder.id for folder in mailbox.folders()}
    page = browser.post(f"{base}/folders", data={"name": "Berlin", "parent": ids["Clients"]})
    assert page.text.index("Clients") < page.text.index('class="depth1"') < page.text.index("Courts")
    berlin = next(folder for folder in mailbox.folders() if folder.name == "Berlin")
    browser.post(f"{base}/folders/change", data={"folder": berlin.id, "name": "Hamburg", "parent": ids["Courts"]})
    moved = mailbox.get_folder(berlin.id)
    assert (moved.name, moved.parent) == ("Hamburg", ids["Courts"])
    circle = browser.post(f"{base}/folders/change", data={"folder": ids["Courts"], "name": "C", "parent": berlin.id})
    assert circle.status_code == 422
    twice = browser.post(f"{base}/folders", data={"name": "Clients", "parent": mailbox.root_id})
    assert (twice.status_code, "already exists" in twice.text) == (422, True)
    browser.post(f"{base}/folders/deletion", data={"folder": ids["Courts"]})
    assert sorted(folder.name for folder in mailbox.folders()) == ["Clients", "Contacts"]


def test_my_apps_shows_what_was_granted_and_takes_it_back(sandbox, browser):
    issued = sandbox.office365.tokens.issue(ALICE, SEEN)
    client = sandbox.settings["OFFICE365_CLIENT_ID"]
    sandbox.office365.tokens.grant(client, ALICE, ["User.Read"], for_everyone=True)
    url = f"{sandbox.url}/people/{ALICE}/office365/apps"
    page = browser.get(url).text
    assert "Have full access to your calendars" in page and "by an administrator" in page
    browser.post(f"{url}/sign-out")
    assert "0 access, 0 refresh" in browser.get(url).text
    sandbox.office365.tokens.issue(ALICE, SEEN)
    browser.post(f"{url}/removal", data={"client": client})
    assert "No app has" in browser.get(url).text
    assert sandbox.office365.tokens.find_access(issued.access) is None
    assert sandbox.office365.tokens.granted(client, ALICE) == ["User.Read"]


def test_an_organizations_switches_are_turned_on_its_page(sandbox, browser):
    url, tenants = f"{sandbox.url}/tenants/north.example", sandbox.office365.tenants
    browser.post(url, data={"needs_assignment": "1", "assigned": ALICE, "admin": BEN, "access_policy": "mfa",
                            "withheld": "Contacts.Read"})  # fmt: skip
    tenant = tenants.of(ALICE)
    assert (tenant.user_consent, tenant.needs_assignment, tenant.access_policy) == (False, True, "mfa")
    assert tenant.withheld == {"Contacts.Read"}
    assert (tenants.is_admin(ALICE), tenants.is_admin(BEN), tenants.is_assigned(ALICE)) == (False, True, True)
    client = sandbox.settings["OFFICE365_CLIENT_ID"]
    page = browser.post(f"{url}/consent", data={"scope": SEEN}).text
    assert "Have full access to user calendars" in page
    assert sandbox.office365.tokens.granted(client, BEN) == SEEN
    browser.post(f"{url}/consent/removal", data={"client": client})
    assert sandbox.office365.tokens.granted(client, BEN) == []
    browser.post(url, data={"user_consent": "1"})
    assert tenants.of(ALICE).user_consent
    assert not tenants.is_admin(BEN)
    assert browser.get(f"{sandbox.url}/tenants/nowhere.example").status_code == 404


def test_an_exchange_account_is_made_and_led_through_its_troubles(sandbox, browser):
    url = f"{sandbox.url}/people/{ALICE}/exchange/account"
    assert "There is none yet." in browser.get(url).text
    page = browser.post(url, data={"password": "one", "domain": "NORTH"}).text
    assert "NORTH\\alice" in page and "one" in page
    browser.post(url, data={"password": "two"})
    assert sandbox.exchange.account(ALICE).password == "two"
    for act, state in (("lock", "locked"), ("unlock", "fine"), ("expire", "expired"), ("disable", "disabled"),
                       ("enable", "fine")):  # fmt: skip
        browser.post(f"{url}/acts", data={"act": act})
        assert sandbox.exchange.account(ALICE).state == state
    for act, ews, moved in (("ews-off", 0, 0), ("ews-on", 1, 0), ("to-cloud", 1, 1), ("from-cloud", 1, 0)):
        browser.post(f"{url}/acts", data={"act": act})
        account = sandbox.exchange.account(ALICE)
        assert (account.ews, account.moved) == (ews, moved)
    assert browser.post(f"{url}/acts", data={"act": "fire"}).status_code == 400
    assert browser.post(f"{sandbox.url}/people/{BEN}/exchange/account/acts", data={"act": "lock"}).status_code == 404


def test_the_exchange_server_becomes_another_on_its_page(sandbox, browser):
    url = f"{sandbox.url}/exchange"
    browser.post(url, data={"version": "2013_SP1", "scheme": ["Basic"], "online": "open"})
    assert (sandbox.exchange.version.name, sandbox.exchange.auth) == ("2013_SP1", ("Basic",))
    assert sandbox.exchange.online.ews_enabled and "Basic" in sandbox.exchange.online.auth
    page = browser.post(url, data={"version": "2019", "scheme": ["Negotiate", "NTLM", "Basic"], "online": "shut"}).text
    assert sandbox.exchange.online.auth == ("Bearer",)
    assert "Nobody has one yet." in page


def test_the_switchboard_troubles_the_service_it_was_picked_from(sandbox, browser):
    url = f"{sandbox.url}/switchboard"
    page = browser.get(url).text
    for name in ("Google", "Microsoft Graph", "Entra ID", "Exchange", "Exchange Online"):
        assert f'<optgroup label="{name}' in page
    browser.post(f"{url}/faults", data={"kind": "429@/graph/", "path": "", "times": "2"})
    browser.post(f"{url}/faults", data={"kind": "slow@/EWS/", "path": "/EWS/*/GetItem"})
    assert [(rule.kind, rule.path) for rule in sandbox.faults.rules()] == [
        ("429", "/graph/*"), ("slow", "/EWS/*/GetItem")
    ]  # fmt: skip
    wrong = browser.post(f"{url}/faults", data={"kind": "busy@/EWS/", "path": "/graph/*/events*"})
    assert (wrong.status_code, "Nothing behind" in wrong.text) == (422, True)
    issued = sandbox.office365.tokens.issue(ALICE, SEEN)
    google = sandbox.google.tokens.issue(ALICE, [])
    browser.post(f"{url}/faults", data={"kind": "expire-access@/graph/", "account": ALICE})
    assert sandbox.office365.tokens.find_access(issued.access) is None
    assert sandbox.google.tokens.find_access(google.access)


@pytest.mark.parametrize(
    "path",
    [
        f"people/{ALICE}/office365/events", f"people/{ALICE}/exchange/contacts/new",
        f"people/{ALICE}/office365/folders", f"people/{ALICE}/office365/apps/removal",
        f"people/{ALICE}/exchange/account", "tenants/north.example", "exchange",
    ],
)  # fmt: skip
def test_no_other_site_can_send_the_forms(sandbox, browser, path):
    data = FORM | {"name": "x"}
    answer = browser.post(f"{sandbox.url}/{path}", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    own = browser.post(f"{sandbox.url}/{path}", data=data, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 200


def test_every_page_of_the_demonstration_opens_and_runs_no_script():
    with running() as sandbox, requests.Session() as browser:
        browser.trust_env = False
        demo.seed_everything(sandbox)
        paths = ["/", "/exchange", "/switchboard", "/tenants/northwind.example", "/tenants/rival.example"]
        for email, *_ in demo.PEOPLE:
            for page in ("office365/calendar", "office365/contacts", "office365/contacts/new", "office365/apps",
                         "exchange/calendar", "exchange/contacts", "exchange/account"):  # fmt: skip
                paths.append(f"/people/{email}/{page}")
        for site in SITES:
            for week in ("", "?week=2026-12-07"):
                page = browser.get(f"{sandbox.url}/people/{demo.ALICE}/{site}/calendar{week}").text
                paths += re.findall(r'href="(/people/[^"]+/event\?itemid=[^"]+)"', page)
            page = browser.get(f"{sandbox.url}/people/{demo.ALICE}/{site}/contacts").text
            paths += re.findall(rf'href="(/people/[^"]+/{site}/contacts/AA[^"]+)"', page)[:10]
            paths += re.findall(r'href="(/people/[^"]+/contacts\?folder=[^"]+)"', page)
        assert len(paths) > 80
        for path in paths:
            answer = browser.get(sandbox.url + unescape(path))
            assert answer.status_code == 200, path
            assert "<script" not in answer.text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert browser.get(f"{sandbox.url}/people/{demo.ALICE}/lotus/calendar").status_code == 404
        assert browser.get(f"{sandbox.url}/people/{demo.ALICE}/office365/event?itemid=x").status_code == 404
