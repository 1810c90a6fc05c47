"""Choosing which calendars are shown, at each of the three services."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESKTOP, EXCHANGE, GOOGLE, OFFICE365, PHONE, SERVICES, Service, Visit, Visitor
from tests.e2e.test_accessibility import find_faults

ALICE = "alice.meyer@northwind.example"
SHOTS = os.environ.get("SCREENSHOTS", "")
"""A folder to keep pictures in, for whoever wants to look at the pages."""


def shoot(person: Visitor, name: str) -> None:
    if SHOTS:
        person.fine.append("Applying inline style")  # taking a picture tries styles, which the policy refuses
        person.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_a_calendar_is_ticked_read_colored_and_unticked(visit: Visit, service: Service) -> None:
    person = visit(viewport=DESKTOP)
    person.sign_in(ALICE)
    page = person.open("/meetings/calendars/")
    expect(page.get_by_role("heading", name="Connect your calendar")).to_be_visible()
    shoot(person, f"{service.key}-empty")
    person.connect(ALICE, "Calendar read", service=service)

    page = person.open("/meetings/calendars/")
    own = page.get_by_role("checkbox").first
    expect(own).to_be_checked()
    expect(own).to_be_disabled()
    court = page.get_by_role("checkbox", name="Court dates")
    expect(court).not_to_be_checked()
    shoot(person, f"{service.key}-before")
    court.check()
    page.get_by_label("Color of Court dates").select_option("red")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Court dates” is being read")).to_be_visible()
    row = page.locator(".calendar-choice").filter(has=court)
    expect(row.locator(".calendar-choice__state")).to_have_text(re.compile(r"\d events?"))
    shoot(person, f"{service.key}-after")

    page = person.open("/meetings/?q=Hearing")
    expect(page.locator("#meetings").get_by_text("Hearing 1, Aurora Shipping").first).to_be_visible()
    shoot(person, f"{service.key}-meetings")

    page = person.open("/meetings/calendars/")
    page.get_by_role("checkbox", name="Court dates").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Court dates” is no longer shown")).to_be_visible()
    page = person.open("/meetings/?q=Hearing")
    expect(page.locator("#meetings").get_by_text("Hearing 1, Aurora Shipping")).to_have_count(0)
    delete_connection(person)


def test_the_picker_looks_right_in_light_and_dark_and_on_a_phone(visit: Visit) -> None:
    person = visit()
    person.sign_in(ALICE)
    person.connect(ALICE, "Calendar read", service=GOOGLE)
    for name, look in (("light", (DESKTOP, "light")), ("dark", (DESKTOP, "dark")), ("phone", (PHONE, "dark"))):
        viewport, scheme = look
        other = visit(viewport=viewport, color_scheme=scheme)
        other.sign_in(ALICE)
        assert find_faults(other, "/meetings/calendars/") == []
        page = other.open("/meetings/calendars/")
        dot = page.locator(".calendar-choice").filter(has_text="Court dates").locator(".swatch")
        before = dot.evaluate("one => getComputedStyle(one).backgroundColor")
        page.get_by_label("Color of Court dates").select_option("purple")
        assert dot.evaluate("one => getComputedStyle(one).backgroundColor") != before, "seen before it is saved"
        shoot(other, f"picker-{name}")
    delete_connection(person)


@pytest.mark.parametrize("service", [OFFICE365, EXCHANGE], ids=lambda service: service.key)
def test_the_picker_works_without_javascript(visit: Visit, service: Service) -> None:
    person = visit(viewport=PHONE, javascript=False)
    person.sign_in(ALICE)
    person.connect(ALICE, "Calendar read", service=service)
    page = person.open("/meetings/calendars/")
    page.get_by_role("checkbox", name="Court dates").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Court dates” is being read")).to_be_visible()
    person.wait_for_sync()
    page = person.open("/meetings/calendars/")
    expect(page.get_by_role("checkbox", name="Court dates")).to_be_checked()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text(re.compile("Checking now|List checked"))).to_be_visible()
    delete_connection(person)


def delete_connection(person: Visitor) -> None:
    page = person.open("/integrations/connection/delete/")
    page.get_by_role("button", name=re.compile("^Delete")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")
