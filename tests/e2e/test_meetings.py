"""Meetings both ways, in the browser: made here and there, changed, contested, deleted and restored."""

import re
import time
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SERVICES, Portico, Service, Visit, Visitor

ALICE, BEN, DORA, EMIL = (
    f"{name}@northwind.example" for name in ("alice.meyer", "ben.okafor", "dora.lindqvist", "emil.tanaka")
)
BERLIN = ZoneInfo("Europe/Berlin")


def events_there(portico: Portico, service: Service, title: str, email: str = ALICE) -> list[dict]:
    found = portico.control("GET", f"{service.key}/{email}/events?title={quote(title)}")
    return [one for one in found if one.get("status") != "cancelled"]


def change_there(portico: Portico, service: Service, event: dict, body: dict, email: str = ALICE) -> None:
    portico.control("PATCH", f"{service.key}/{email}/events/{quote(event['id'], safe='')}", body)


def wait_until_saved(page: Page) -> None:
    expect(page.locator("#scheduled [data-progress], #scheduled[data-progress]")).to_have_count(0, timeout=45_000)


def schedule(visitor: Visitor, topic: str, *, days: int = 2, hour: int = 15, **fields: str) -> Page:
    """Fill in the form, and wait until it is done."""
    page = visitor.open("/meetings/new/")
    day = datetime.now(BERLIN).date() + timedelta(days=days)
    page.get_by_label("Topic").fill(topic)
    page.get_by_label("Date").fill(day.isoformat())
    page.get_by_label("Start", exact=True).fill(f"{hour:02}:00")
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(value)
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url(re.compile(r"/meetings/\d+/"))
    wait_until_saved(page)
    return page


def sync_until(visitor: Visitor, look) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, "it never came"
        visitor.page.wait_for_timeout(500)


@pytest.fixture(params=SERVICES, ids=lambda one: one.key)
def service(request: pytest.FixtureRequest) -> Service:
    return request.param


@pytest.fixture
def alice(visit: Visit, service: Service):
    visitor = visit()
    visitor.sign_in(ALICE)
    visitor.connect(ALICE, "Calendar write", "Contacts read", service=service)
    yield visitor
    disconnect(visitor)


def disconnect(visitor: Visitor) -> None:
    page = visitor.open("/profile/")
    page.get_by_role("link", name="Delete", exact=False).first.click()
    page.get_by_role("button", name=re.compile("^Delete")).click()


def test_from_scheduling_to_restoring(alice: Visitor, portico: Portico, service: Service) -> None:
    topic, mine = f"Quarterly review {service.name} \U0001f4c5", f"Mine {service.key}"
    # Else Portico would know of what is changed there before the person saves: a sync may follow even what they write.
    portico.control("POST", "push", {"lose": 100})
    page = schedule(alice, topic, Invitees=BEN, Description="Bring the figures.")

    # It is in the calendar, once, with its link from Zoom; those invited have it, too.
    (event,) = events_there(portico, service, topic)
    expect(page.get_by_role("heading", name=topic)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Start")).first).to_have_attribute(
        "href", re.compile(r"^https://us02web\.zoom\.us/j/\d+")
    )
    assert len(portico.control("GET", f"zoom/{ALICE}/meetings")) >= 1
    address = page.url

    # Edited here: the same event moves, and the page says so beforehand.
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_text("moves, and those who are invited are told")).to_be_visible()
    page.get_by_label("Topic").fill(f"{topic} II")
    page.get_by_label("Start", exact=True).fill("16:30")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(address)
    wait_until_saved(page)
    expect(page.get_by_role("heading", name=f"{topic} II")).to_be_visible()
    (moved,) = events_there(portico, service, f"{topic} II")
    assert moved["id"] == event["id"]
    assert not events_there(portico, service, topic)

    # Changed there while it is changed here: both versions, and the person chooses.
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Topic").fill(mine)
    change_there(portico, service, moved, service.rename("Theirs"))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Choose").click(timeout=45_000)
    expect(page.get_by_role("heading", name="Two versions")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("Theirs")).to_be_visible()
    portico.control("POST", "push", {"lose": 0})
    page.get_by_role("button", name="Use mine").click()
    wait_until_saved(page)
    sync_until(alice, lambda: len(events_there(portico, service, mine)) == 1)

    # Deleted here, and had back.
    alice.open(address)
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile("/meetings/"))
    sync_until(alice, lambda: not events_there(portico, service, mine))
    alice.open("/meetings/deleted/")
    page.get_by_role("button", name=re.compile("^Restore")).first.click()
    sync_until(alice, lambda: len(events_there(portico, service, mine)) == 1)
    alice.open(f"/meetings/?q={quote(mine)}")
    expect(page.get_by_role("link", name=mine, exact=True)).to_have_count(1)


def test_a_series_is_changed_in_three_ways(alice: Visitor, portico: Portico, service: Service) -> None:
    topic = f"Stand-up {service.key}"
    page = alice.open("/meetings/new/")
    day = datetime.now(BERLIN).date() + timedelta(days=3)
    page.get_by_label("Topic").fill(topic)
    page.get_by_label("Date").fill(day.isoformat())
    page.get_by_label("Start", exact=True).fill("09:00")
    page.get_by_label("Repeats").select_option("daily")
    page.get_by_label("Number of meetings").fill("4")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url(re.compile(r"/meetings/\d+/"))
    wait_until_saved(page)
    alice.open(f"/meetings/?q={quote(topic)}")
    rows = page.locator(".meeting__title a")
    expect(rows).to_have_count(4)
    addresses = [rows.nth(n).get_attribute("href") for n in range(4)]

    for at, scope, name in ((1, "this", "Only this"), (2, "following", "From here"), (0, "all", "Whole")):
        alice.open(addresses[at] + "edit/")
        page.get_by_label("Topic").fill(f"{name} s{service.key}")
        page.locator(f"input[name=scope][value={scope}]").check()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url(re.compile(r"/meetings/\d+/$"))
        wait_until_saved(page)
    alice.open(f"/meetings/?q=s{service.key}")
    expect(page.locator(".meeting__title a")).to_have_text(
        [f"{name} s{service.key}" for name in ("Whole", "Only this", "From here", "From here")]
    )
