"""The sandbox in a browser: watch, add, move, cancel, and see what apps may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import requests

from sandbox import demo
from sandbox.server import Sandbox, running
from tests.sandbox.conftest import ALICE, BEN, Api, meeting


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


FORM = {"summary": "From the page", "day": "2026-11-24", "begin": "10:00", "end": "11:00"}


def test_an_event_added_moved_and_cancelled_on_the_page_shows_in_the_next_sync(sandbox, api, browser):
    token = api.get(api.events).json()["nextSyncToken"]
    answer = browser.post(f"{sandbox.url}/people/{ALICE}/events", data=FORM)
    assert (answer.status_code, "From the page" in answer.text) == (200, True)
    page = api.get(api.events, syncToken=token).json()
    event = page["items"][0]
    assert event["start"] == {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert 'value="From the page"' in browser.get(event["htmlLink"]).text
    browser.post(event["htmlLink"], data=FORM | {"begin": "14:00", "end": "15:00"})
    page = api.get(api.events, syncToken=page["nextSyncToken"]).json()
    assert page["items"][0]["start"]["dateTime"] == "2026-11-24T14:00:00+01:00"
    browser.post(event["htmlLink"].replace("/event?", "/event/deletion?"), data={"what": "this"})
    page = api.get(api.events, syncToken=page["nextSyncToken"]).json()
    assert [(item["id"], item["status"]) for item in page["items"]] == [(event["id"], "cancelled")]


def test_one_instance_is_cancelled_alone_or_with_its_series(sandbox, api, browser):
    browser.post(f"{sandbox.url}/people/{ALICE}/events", data=FORM | {"repeat": "RRULE:FREQ=WEEKLY"})
    window = {"singleEvents": "true", "timeMax": "2026-12-20T00:00:00Z"}
    first, second, *_ = api.get(api.events, **window).json()["items"]
    deletion = second["htmlLink"].replace("/event?", "/event/deletion?")
    browser.post(deletion, data={"what": "this"})
    left = [item["id"] for item in api.get(api.events, **window).json()["items"]]
    assert first["id"] in left and second["id"] not in left
    browser.post(first["htmlLink"].replace("/event?", "/event/deletion?"), data={"what": "series"})
    assert api.get(api.events, **window).json()["items"] == []


def test_a_form_with_a_mistake_says_so_and_keeps_what_was_typed(sandbox, api, browser):
    answer = browser.post(f"{sandbox.url}/people/{ALICE}/events", data=FORM | {"end": "09:00"})
    assert answer.status_code == 422
    assert "The specified time range is empty." in answer.text
    assert 'value="From the page"' in answer.text
    missing = browser.post(f"{sandbox.url}/people/{ALICE}/events", data=FORM | {"begin": ""})
    assert (missing.status_code, "as 14:30" in missing.text) == (422, True)
    assert api.get(api.events).json()["items"] == []


def test_a_contact_is_added_changed_grouped_and_deleted_on_its_page(sandbox, api, browser):
    base = f"{sandbox.url}/people/{ALICE}"
    people = f"{api.people}people/me/connections"
    browser.post(f"{base}/groups", data={"title": "Clients"})
    group = re.search(r'value="(contactGroups/[0-9a-f]+)"', browser.get(f"{base}/contacts").text)[1]
    form = {"given": "Rosa", "family": "Castellanos", "phone0": "030 23125 111", "phone0_type": "work", "group": group}
    made = browser.post(f"{base}/contacts/new", data=form)
    assert "Rosa Castellanos" in made.text
    person = api.get(people, personFields="names,phoneNumbers,memberships").json()["connections"][0]
    assert person["phoneNumbers"][0]["canonicalForm"] == "+493023125111"
    assert person["memberships"][0]["contactGroupMembership"]["contactGroupResourceName"] == group
    browser.post(made.url, data=form | {"family": "Castellanos-Meyer"})
    assert (
        api.get(people, personFields="names").json()["connections"][0]["names"][0]["familyName"] == "Castellanos-Meyer"
    )
    assert "Rosa" in browser.get(f"{base}/contacts", params={"q": "castell"}).text
    assert "No contact fits." in browser.get(f"{base}/contacts", params={"q": "nobody"}).text
    browser.post(f"{made.url}/deletion")
    assert "connections" not in api.get(people, personFields="names").json()


def test_the_apps_page_shows_what_was_granted_and_takes_it_back(sandbox, api, browser):
    url = f"{sandbox.url}/people/{ALICE}/apps"
    assert "calendars you can access" in unescape(browser.get(url).text)
    browser.post(f"{url}/revocation", data={"client": sandbox.settings["GOOGLE_CLIENT_ID"]})
    assert "No app has access." in browser.get(url).text
    assert api.get(api.events).status_code == 401


def test_the_switchboard_makes_trouble_moves_the_clock_and_tidies_up(sandbox, api, browser):
    url = f"{sandbox.url}/switchboard"
    browser.post(f"{url}/faults", data={"kind": "503", "path": "*/events", "times": ""})
    assert [api.get(api.events).status_code for _ in range(3)] == [503] * 3
    assert "happened 3×" in browser.get(url).text
    browser.post(f"{url}/faults/deletion")
    assert api.get(api.events).status_code == 200
    assert browser.post(f"{url}/faults", data={"kind": "revoke-account"}).status_code == 422
    assert browser.post(f"{url}/faults", data={"kind": "503", "times": "often"}).status_code == 422
    browser.post(f"{url}/clock", data={"advance": "3600"})
    assert api.get(api.events).status_code == 401
    browser.post(f"{url}/clock", data={"advance": "0"})
    assert api.get(api.events).status_code == 200


def test_the_log_names_requests_but_never_a_token(sandbox, api, browser):
    sync = api.get(api.events, access_token="sesame").json()["nextSyncToken"]
    api.get(api.events, syncToken=sync)
    page = unescape(browser.get(f"{sandbox.url}/log").text)
    assert "GET /google/calendar/v3/calendars/primary/events" in page
    assert ALICE in page
    assert all(secret not in page for secret in (api.token, "sesame", sync))


@pytest.mark.parametrize(
    "path",
    [
        f"people/{ALICE}/events",
        f"people/{ALICE}/contacts/new",
        f"people/{ALICE}/apps/revocation",
        "switchboard/faults",
        "people",
    ],
)
def test_no_other_site_can_send_the_forms(sandbox, browser, path):
    answer = browser.post(f"{sandbox.url}/{path}", data=FORM, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    own = browser.post(f"{sandbox.url}/{path}", data=FORM, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code in (200, 422)


def test_somebody_new_joins_by_the_form(sandbox, browser):
    form = {"email": "fay@north.example", "name": "Fay Ito", "timezone": "Asia/Tokyo", "region": "jp"}
    assert "Fay Ito" in browser.post(f"{sandbox.url}/people", data=form).text
    assert sandbox.google.people.find("fay@north.example").region == "JP"
    assert browser.post(f"{sandbox.url}/people", data=form | {"timezone": "Moon"}).status_code == 422


def test_every_page_of_the_demonstration_opens_and_runs_no_script():
    with running() as sandbox, requests.Session() as browser:
        browser.trust_env = False
        demo.seed(sandbox.google)
        paths = ["/", "/switchboard", "/log"]
        for email, *_ in demo.PEOPLE:
            paths += [f"/people/{email}/{page}" for page in ("calendar", "contacts", "apps", "contacts/new")]
        week = browser.get(f"{sandbox.url}/people/{demo.ALICE}/calendar", params={"week": "2026-12-07"}).text
        paths += re.findall(r'href="(?:http://[^/]+)?(/event\?eid=[^"]+)"', week)[:12]
        paths += re.findall(r'href="(/people/[^"]+/contacts/c\d+)"', browser.get(
            f"{sandbox.url}/people/{demo.ALICE}/contacts").text)[:10]  # fmt: skip
        assert len(paths) > 30
        for path in paths:
            answer = browser.get(sandbox.url + unescape(path))
            assert answer.status_code == 200, path
            assert "pretend Google" in answer.text
            assert "<script" not in answer.text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert browser.get(f"{sandbox.url}/people/nobody@x.example/calendar").status_code == 404
        assert browser.get(f"{sandbox.url}/event?eid=%00").status_code == 404


def test_an_invitation_can_be_answered_on_its_page(sandbox: Sandbox, browser):
    event = sandbox.google.add_event(BEN, meeting("Invited", attendees=[{"email": ALICE}]))
    calendar = sandbox.google.calendars.get(ALICE, "primary")
    link = sandbox.google.events.html_link(event["id"], calendar.id)
    browser.post(link.replace("/event?", "/event/answer?"), data={"answer": "tentative"})
    theirs = Api(sandbox, BEN)
    assert theirs.get(f"{theirs.events}/{event['id']}").json()["attendees"][0]["responseStatus"] == "tentative"
    theirs.session.close()
