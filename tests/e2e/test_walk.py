"""The main job, end to end, as a person does it: connect, read, join, change, delete."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import (
    EXCHANGE,
    EXCHANGE_PASSWORD,
    GOOGLE,
    OFFICE365,
    SERVICES,
    Portico,
    Service,
    Visit,
    Visitor,
    expect_nothing_imported,
)

ALICE = "alice.meyer@northwind.example"
BEN = "ben.okafor@northwind.example"
DORA = "dora.lindqvist@northwind.example"
CHARLIE = "charlie.stone@rival.example"


def find_row(page: Page, title: str) -> Locator:
    return page.locator("li.meeting").filter(has=page.get_by_role("link", name=title, exact=True))


def find_permission(page: Page, label: str) -> Locator:
    return page.locator("#calendar-and-contacts").get_by_role("listitem").filter(has_text=label)


def sync_now(page: Page) -> None:
    """Press Sync now, and wait until it has been heard."""
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_role("button", name="Sync now").first.click()
    page.wait_for_load_state()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_from_connecting_to_deleting(visit: Visit, portico: Portico, service: Service) -> None:
    events = f"{service.key}/{ALICE}/events"
    portico.control("POST", events, service.make_event("Walk: by Zoom", location="https://zoom.us/j/91234567890"))
    portico.control("POST", events, service.make_event("Walk: by foot", location="Tiergarten"))
    alice = visit()
    page = alice.sign_in(ALICE)

    # Profile, service, permissions: the exact scope stands behind each box, or that a password has none.
    alice.choose(service)
    expect(page.get_by_text(service.scope or "A password opens the whole mailbox").first).to_be_visible()
    alice.tick("Calendar read")
    page.get_by_role("checkbox", name="Contacts read").uncheck()
    page.get_by_role("button", name="Next").click()
    alice.sign_in_at(service, ALICE)
    expect(page.locator("#calendar-and-contacts")).to_contain_text(ALICE)
    expect(find_permission(page, "Calendar read")).to_contain_text("Granted")
    expect(find_permission(page, "Contacts read")).to_have_count(0)
    # The first sync shows by itself that it is done: nobody loads the page again.
    expect(page.locator("#sync-progress")).to_contain_text(re.compile("Checked"), timeout=60_000)

    # Meetings: Join, and what is none of Zoom's says so.
    alice.open("/meetings/")
    link = find_row(page, "Walk: by Zoom").get_by_role("link", name=re.compile("^(Join|Start)"))
    expect(link).to_have_attribute("href", "https://zoom.us/j/91234567890")
    by_foot = find_row(page, "Walk: by foot")
    expect(by_foot).to_contain_text("Not a Zoom meeting")
    expect(by_foot.get_by_role("link", name=re.compile("^(Join|Start)"))).to_have_count(0)

    # Search and filters stand in the address, so that they can be sent to somebody.
    page.get_by_role("searchbox").fill("Walk: by")
    expect(page.locator("li.meeting")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"q=Walk"))
    page.get_by_label("Join", exact=True).select_option(label="With Join")
    expect(page.locator("li.meeting")).to_have_count(1)
    page.reload()
    expect(page.locator("li.meeting")).to_have_count(1)
    page.get_by_role("link", name="Walk: by Zoom", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Walk: by Zoom")

    # Contacts were not asked for: the page says so. Then they are, under Configure.
    alice.open("/contacts/")
    expect(page.locator("main")).to_contain_text(re.compile("permission|granted|allow", re.IGNORECASE))
    configure(alice, service, tick="Contacts read")
    expect(find_permission(page, "Contacts read")).to_contain_text("Granted")
    alice.wait_for_sync()
    look_at_contacts(alice)

    # The calendar is the master: what changes there follows here.
    portico.control("POST", events, service.make_event("Walk: made over there", hours=3))
    event = portico.control("POST", events, service.make_event("Walk: soon renamed", hours=4))
    address = f"{events}/{quote(event['id'], safe='')}"
    portico.control("PATCH", address, service.rename("Walk: renamed over there"))
    sync_until(alice, "Walk: made over there")
    sync_until(alice, "Walk: renamed over there")
    portico.control("DELETE", address)
    sync_until(alice, "Walk: renamed over there", count=0)

    # Configure: narrowing holds at once, before any consent; widening asks the service, where it has to be asked.
    alice.open("/profile/")
    page.get_by_role("link", name="Configure").click()
    page.get_by_role("checkbox", name="Contacts read").uncheck()
    page.get_by_role("button", name=re.compile("^(Next|Save)$")).click()
    alice.open("/contacts/")
    expect(page.locator("li.contact")).to_have_count(0)
    alice.open("/profile/")
    expect(find_permission(page, "Contacts read")).to_have_count(0)
    configure(alice, service, tick="Calendar write")
    expect(find_permission(page, "Calendar write")).to_contain_text("Granted")

    # A second service asks to delete the first; deleting gives a receipt, and nothing is left.
    alice.open("/integrations/connection/new/")
    expect(page.locator("main")).to_contain_text("delete that connection first")
    alice.open("/profile/")
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("main")).to_contain_text(re.compile(r"[1-9]\d* imported meeting"))
    if service is OFFICE365:
        expect(page.get_by_role("link", name="https://myapps.microsoft.com")).to_be_visible()
    page.get_by_role("button", name="Delete the connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")
    ended = page.get_by_text("access ended at Google")
    expect(ended).to_have_count(1 if service is GOOGLE else 0)
    alice.open("/meetings/")
    expect_nothing_imported(page)


def configure(visitor: Visitor, service: Service, *, tick: str) -> None:
    """Ask for more, and be back on the profile."""
    page = visitor.open("/integrations/connection/edit/")
    visitor.tick(tick)
    page.get_by_role("button", name=re.compile("^(Next|Save)$")).click()
    if service is not EXCHANGE:
        visitor.consent(ALICE)
    page.wait_for_url(re.compile("/profile/"))


def look_at_contacts(visitor: Visitor) -> None:
    page = visitor.open("/contacts/")
    folder = page.get_by_role("navigation", name="Folders").get_by_role("link", name=re.compile("^Clients"))
    count = int(re.search(r"(\d+)\s*$", folder.inner_text())[1])
    folder.click()
    expect(page).to_have_url(re.compile(r"folder="))
    expect(page.locator("li.contact")).to_have_count(min(count, 50))
    visitor.open("/contacts/")
    page.get_by_role("searchbox").fill("Çağla")
    expect(page.locator("li.contact").first).to_contain_text("Çağla")
    page.locator("li.contact").first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Çağla")


def test_a_box_unticked_at_google_is_noticed_and_granted_later(visit: Visit) -> None:
    alice = visit()
    page = alice.sign_in(ALICE)
    alice.choose()
    alice.tick("Calendar read", "Contacts read")
    page.get_by_role("button", name="Next").click()

    alice.consent(ALICE, untick=(r"contacts\.readonly",))
    expect(find_permission(page, "Contacts read")).to_contain_text("Not granted at Google")
    page.get_by_role("button", name="Grant").click()
    alice.consent(ALICE)

    expect(find_permission(page, "Contacts read")).to_contain_text("Granted")
    expect(find_permission(page, "Contacts read")).not_to_contain_text("Not granted")
    alice.open("/integrations/connection/delete/")
    page.get_by_role("button", name="Delete the connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")


def test_testing_the_connection_keeps_the_password_typed_and_a_wrong_one_costs_one_try(visit: Visit) -> None:
    dora = visit()
    dora.fine = [r"422 .*"]
    page = dora.sign_in(DORA)
    dora.choose(EXCHANGE)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("User name or e-mail address").fill(DORA)
    page.get_by_label("Password", exact=True).fill("not hers")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#login-outcome")).to_contain_text("does not accept this user name and password")
    page.get_by_label("Password", exact=True).fill(EXCHANGE_PASSWORD)
    page.get_by_role("button", name="Test connection").click()

    expect(page.locator("#login-outcome")).to_contain_text("It works.")
    expect(page.get_by_label("Password", exact=True)).to_have_value(EXCHANGE_PASSWORD)
    dora.open("/profile/")
    expect(page.get_by_role("link", name="Connect to Calendar and Contact Service")).to_be_visible()


def test_where_an_administrator_has_to_approve_the_person_gets_the_link_and_the_administrator_gives_it(
    visit: Visit, portico: Portico
) -> None:
    portico.control("POST", "office365/tenants/northwind.example", {"user_consent": False})
    try:
        ben, dora = visit(), visit()
        page = ben.sign_in(BEN)
        ben.choose(OFFICE365)
        page.get_by_role("button", name="Next").click()
        page.wait_for_url(lambda url: url.startswith(portico.sandbox_url))
        page.get_by_text(BEN).first.click()
        page.get_by_role("button", name=re.compile("Return to the application")).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("wants an administrator to approve Portico")
        link = page.get_by_label("Link for your administrator").input_value()

        # The administrator need not be signed in here.
        theirs = dora.page
        theirs.goto(link)
        theirs.get_by_text(DORA).first.click()
        theirs.get_by_role("button", name="Accept").click()
        expect(theirs.get_by_role("heading", level=1)).to_have_text("Portico is approved")

        ben.connect(BEN, service=OFFICE365)
        expect(page.locator("#calendar-and-contacts")).to_contain_text("Office 365")
        ben.open("/integrations/connection/delete/")
        page.get_by_role("button", name="Delete the connection").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")
    finally:
        portico.control("POST", "office365/tenants/northwind.example", {"user_consent": True})


def sync_until(visitor: Visitor, title: str, *, count: int = 1) -> None:
    """Press Sync now until a link of this title is among the meetings found, as often as it should be."""
    found = -1
    for turn in range(40):
        page = visitor.open(f"/meetings/?q={title}")
        found = page.get_by_role("link", name=title, exact=True).count()
        if found == count:
            return
        # Asked again within five seconds it is the same sync, so asking each time would not help.
        if turn % 12 == 0 and page.get_by_role("button", name="Sync now").count():
            sync_now(page)
        page.wait_for_timeout(500)
    pytest.fail(f"{title!r} is there {found} times, not {count}, after 20 s")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_the_same_road_without_javascript(visit: Visit, portico: Portico, service: Service) -> None:
    portico.control(
        "POST",
        f"{service.key}/{BEN}/events",
        service.make_event("Plain: by Zoom", location="https://zoom.us/j/92345678901"),
    )
    ben = visit(javascript=False)
    page = ben.sign_in(BEN)

    ben.connect(BEN, "Calendar read", "Contacts read", service=service)
    ben.open("/meetings/")
    page.get_by_role("searchbox").fill("Plain:")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("li.meeting")).to_have_count(1)
    link = find_row(page, "Plain: by Zoom").get_by_role("link", name=re.compile("^(Join|Start)"))
    expect(link).to_have_attribute("href", "https://zoom.us/j/92345678901")
    sync_now(page)
    expect(page.locator("li.meeting")).to_have_count(1)
    ben.open("/contacts/")
    page.get_by_role("navigation", name="Folders").get_by_role("link", name=re.compile("^Clients")).click()
    expect(page.locator("li.contact").first).to_be_visible()
    ben.open("/profile/")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")


def test_saying_no_at_google_changes_nothing_and_says_so(visit: Visit) -> None:
    dora = visit()
    page = dora.sign_in(DORA)
    dora.choose()
    dora.tick("Calendar read", "Contacts read")
    page.get_by_role("button", name="Next").click()

    dora.consent(DORA, deny=True)

    expect(page.locator("main")).to_contain_text("You did not allow access at Google, so nothing was added")
    dora.open("/profile/")
    expect(page.get_by_role("link", name="Connect to Calendar and Contact Service")).to_be_visible()


def test_two_tabs_may_both_come_back_and_the_second_asks_nothing_twice(visit: Visit, portico: Portico) -> None:
    dora = visit()
    first = dora.sign_in(DORA)
    dora.choose()
    dora.tick("Calendar read")
    first.get_by_role("button", name="Next").click()
    second = dora.context.new_page()
    dora.watch(second)
    second.goto(f"{portico.url}/integrations/connection/new/google/")
    second.get_by_role("checkbox", name="Contacts read").check()
    second.get_by_role("button", name="Next").click()

    dora.consent(DORA)
    expect(find_permission(first, "Calendar read")).to_contain_text("Granted")
    dora.page = second
    dora.consent(DORA)

    expect(second.locator("#calendar-and-contacts")).to_contain_text(DORA)
    expect(second.locator("main")).not_to_contain_text("Traceback")
    second.goto(f"{portico.url}/integrations/connection/delete/")
    second.get_by_role("button", name="Delete the connection").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Connection deleted")


def test_a_stranger_finds_nothing_of_ours(visit: Visit, portico: Portico) -> None:
    portico.control("POST", f"google/{DORA}/events", GOOGLE.make_event("Secret: board meeting"))
    dora = visit()
    dora.sign_in(DORA)
    dora.connect(DORA, "Calendar read", "Contacts read")
    page = dora.open("/meetings/?q=Secret")
    find_row(page, "Secret: board meeting").get_by_role("link", name="Secret: board meeting").click()
    address = page.url
    charlie = visit()
    theirs = charlie.sign_in(CHARLIE)

    response = theirs.goto(address)

    assert response is not None and response.status == 404
    expect(theirs.locator("body")).not_to_contain_text("Secret: board meeting")
    charlie.open("/meetings/?q=Secret")
    expect(theirs.locator("li.meeting")).to_have_count(0)
