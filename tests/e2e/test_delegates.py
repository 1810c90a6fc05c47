"""Scheduling privilege in the browser: what a delegate without a connection sees and does, and what stays private."""

import re
import urllib.request
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, SERVICES, Portico, Service, Visit
from tests.e2e.test_meetings import ALICE, BEN, disconnect, events_there, sync_until, wait_until_saved


def make_private(service: Service) -> dict[str, object]:
    event = service.make_event("Heidelberg clinic", location="Ward 7", hours=30)
    return event | ({"visibility": "private"} if service.key == "google" else {"sensitivity": "private"})


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.key)
def test_a_delegate_sees_and_schedules_and_private_stays_private(
    visit: Visit, portico: Portico, service: Service
) -> None:
    event = portico.control("POST", f"{service.key}/{ALICE}/events", make_private(service))
    alice = visit()
    alice.sign_in(ALICE)
    alice.connect(ALICE, "Calendar write", service=service)
    page = alice.open("/profile/")
    page.get_by_role("link", name="Name a delegate").click()
    page.get_by_label("Colleague").fill(BEN)
    page.get_by_role("button", name="Name as delegate").click()
    expect(page.get_by_text("Sees of private events the time alone")).to_be_visible()

    # Ben has no connection of his own, and a phone.
    ben = visit(viewport=PHONE)
    ben.sign_in(BEN)
    page = ben.open("/meetings/")
    page.get_by_label("Meetings hosted by").select_option(label="Alice Meyer")
    expect(page.locator(".meeting__title").first).to_be_visible()
    ben.open("/meetings/?q=Heidelberg")
    expect(page.get_by_text("No meeting fits")).to_be_visible()
    for path in ("/meetings/?host=", "/meetings/week/", "/meetings/export.csv"):
        text = ben.context.request.get(portico.url + path).text()
        assert "Heidelberg" not in text
        assert "Ward 7" not in text

    # He schedules for her, and it stands in her calendar.
    topic = f"Made by Ben for {service.name}"
    page = ben.open("/meetings/new/")
    page.get_by_label("For", exact=True).select_option(label="Alice Meyer")
    page.wait_for_load_state("networkidle")
    page.get_by_label("Topic").fill(topic)
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url(re.compile(r"/meetings/\d+/"))
    wait_until_saved(page)
    assert len(events_there(portico, service, topic)) == 1

    # With the private right he sees the rest; and nothing at all once he is removed.
    page = alice.open("/meetings/delegates/")
    page.get_by_role("link", name=re.compile("^Change")).click()
    page.get_by_label("May manage private events").check()
    page.get_by_role("button", name="Save").click()
    page = ben.open("/meetings/?q=Heidelberg")
    expect(page.get_by_role("link", name="Heidelberg clinic")).to_be_visible()
    page = alice.open("/meetings/delegates/")
    page.get_by_role("button", name=re.compile("^Remove")).click()
    ben.open(f"/meetings/?q={quote(topic)}")
    expect(ben.page.get_by_role("link", name=topic)).to_have_count(0)
    portico.control("DELETE", f"{service.key}/{ALICE}/events/{quote(event['id'], safe='')}")
    disconnect(alice)


def test_another_program_reads_the_subscription_until_it_is_revoked(visit: Visit, portico: Portico) -> None:
    alice = visit()
    alice.sign_in(ALICE)
    topic = "Only here and for the feed"
    page = alice.open("/meetings/new/")
    page.get_by_label("Topic").fill(topic)
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url(re.compile(r"/meetings/\d+/"))
    page = alice.open("/meetings/subscription/")
    page.get_by_role("button", name="Create the address").click()
    address = page.locator("#feed-address").input_value()

    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/calendar")
        assert topic in answer.read().decode().replace("\r\n ", "")
    secret = address.rstrip("/").rpartition("/")[2].removesuffix(".ics")
    assert secret not in portico.read_log("web")

    alice.open("/meetings/subscription/")
    page.get_by_role("button", name="Revoke").click()
    assert alice.context.request.get(address).status == 404


def test_the_walk_goes_without_javascript_too(visit: Visit, portico: Portico) -> None:
    alice = visit(javascript=False)
    alice.sign_in(ALICE)
    page = alice.open("/meetings/new/")
    page.get_by_label("Topic").fill("")
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".errorlist").first).to_be_visible()
    page.get_by_label("Topic").fill("Without a script")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url(re.compile(r"/meetings/\d+/"))
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Topic").fill("Without any script")
    page.get_by_role("button", name="Save").click()
    renamed = page.get_by_role("heading", name="Without any script")
    sync_until(alice, lambda: page.reload() and renamed.count())
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    alice.open("/meetings/deleted/")
    expect(page.get_by_text("Without any script")).to_be_visible()
