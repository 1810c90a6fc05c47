"""A change at the service is on an open page within seconds, and nobody asked for it."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import GOOGLE, OFFICE365, Portico, Service, Visit

EMIL = "emil.tanaka@northwind.example"
ARRIVAL = {"google": "Calendar: within seconds, as Google tells Portico", "office365": "Within seconds: Office 365"}
SECONDS = 25_000
"""On a busy machine. By itself the page would ask after 30, and a sync would come after 300."""


@pytest.mark.parametrize("service", [GOOGLE, OFFICE365], ids=lambda service: service.key)
def test_a_change_shows_by_itself_on_a_page_that_stays_open(visit: Visit, portico: Portico, service: Service) -> None:
    emil = visit()
    page = emil.sign_in(EMIL)
    emil.connect(EMIL, "Calendar read", "Contacts read", service=service)
    card = page.locator("#calendar-and-contacts")
    for _ in range(120):  # a channel that could not be made at once is tried again with the next sweep
        if card.get_by_text(re.compile("within seconds", re.IGNORECASE)).count():
            break
        page.wait_for_timeout(500)
        emil.open("/profile/")
    expect(card).to_contain_text(ARRIVAL[service.key])

    emil.open("/meetings/")
    title = f"Push: told by {service.name}"
    event = portico.control("POST", f"{service.key}/{EMIL}/events", service.make_event(title))
    row = page.locator("li.meeting").filter(has=page.get_by_role("link", name=title, exact=True))
    expect(row).to_have_count(1, timeout=SECONDS)
    portico.control("DELETE", f"{service.key}/{EMIL}/events/{event['id']}")
    expect(row).to_have_count(0, timeout=SECONDS)

    # What is deleted here is told of no more.
    emil.open("/profile/")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the connection").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    kind = "channels" if service is GOOGLE else "subscriptions"
    assert portico.control("GET", f"{service.key}/{EMIL}/{kind}") == []
