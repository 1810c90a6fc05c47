"""A lock from both sides: Dora who decides, and Alice whom it hits."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import GOOGLE, Visit, Visitor, expect_nothing_imported
from tests.e2e.test_walk import ALICE, DORA, find_permission

BANNER = ".notice--banner"


def open_policy(dora: Visitor) -> Page:
    return dora.open("/administration/policy/")


def find_setting(page: Page, name: str) -> Locator:
    return page.locator(f'[id="policy-{name}-row"]')


def say(page: Page, setting: str, words: str, *, lock: bool) -> None:
    row = find_setting(page, setting)
    row.get_by_role("radio", name=words, exact=True).check()
    row.get_by_role("checkbox", name=re.compile("^Lock")).set_checked(lock)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def confirm(page: Page, *, days: int | None = None) -> None:
    if days is None:
        page.get_by_role("radio", name="At once").check()
    else:
        page.get_by_role("radio", name=re.compile("After a grace period")).check()
        page.get_by_label("Days of the grace period").fill(str(days))
    page.get_by_role("button", name="Save for all of them").click()


def wait_until(dora: Visitor, words: str) -> None:
    """Until the page of a change says so: by itself where there is script, else by looking again."""
    for _ in range(60):
        if dora.page.locator("#policy-change").get_by_text(words, exact=True).count():
            return
        dora.page.wait_for_timeout(500)
        dora.page.reload()
    pytest.fail(f"The change never said {words!r}.")


@pytest.fixture
def dora(visit: Visit) -> Iterator[Visitor]:
    dora = visit()
    dora.sign_in(DORA)
    yield dora
    leave_as_found(dora)


def leave_as_found(dora: Visitor) -> None:
    """Everything as Portico comes, for the tests that follow."""
    page = open_policy(dora)
    say(page, "google.offered", "Yes", lock=False)
    say(page, "google.contacts_read", "Ask", lock=False)
    page.get_by_label("Ask to connect after sign-in", exact=True).select_option("never")
    page.get_by_label("Suggested service", exact=True).select_option("")
    page.get_by_label("Call opens", exact=True).select_option("zoomphonecall")
    save(page)
    if page.get_by_role("button", name="Save for all of them").count():
        page.get_by_role("button", name="Save for all of them").click()


def test_a_lock_is_previewed_announced_undone_and_carried_out(visit: Visit, dora: Visitor) -> None:
    alice = visit()
    alice.sign_in(ALICE)
    alice.connect(ALICE)

    # The overview shows her; the policy is changed, and whom it hits is said before anything is saved.
    page = dora.open("/meetings/")
    page.get_by_role("link", name="Administration").first.click()
    row = page.locator("tr").filter(has_text="Alice Meyer")
    expect(row).to_contain_text("Google")
    expect(row).to_contain_text("Connected")
    page.get_by_role("link", name="Policy", exact=True).click()
    say(page, "google.offered", "No", lock=True)
    save(page)
    expect(page.locator("#disconnected")).to_contain_text("Alice Meyer")
    expect(page.locator(".tallies")).to_contain_text("Have no connection")

    # With a grace period: Alice is told when, and goes on until then. New connections fall under the new policy.
    confirm(page, days=7)
    wait_until(dora, "Grace period")
    expect(page.locator("#policy-change")).to_contain_text("Alice Meyer")
    change = page.url
    alice.open("/meetings/")
    expect(alice.page.locator(BANNER)).to_contain_text("Your connection to Google ends on")
    expect(alice.page.locator(BANNER)).to_contain_text("by decision of your organization")
    expect(alice.page.locator("li.meeting").first).to_be_visible()

    # Undone while it runs: nothing happened.
    dora.open(change)
    page.get_by_role("button", name="Undo this change").click()
    wait_until(dora, "Undone")
    alice.open("/meetings/")
    expect(alice.page.locator(BANNER)).to_have_count(0)
    expect(find_setting(open_policy(dora), "google.offered").get_by_role("radio", name="Yes")).to_be_checked()

    # At once: one permission narrows, with its rows; the rest goes on.
    say(page, "google.contacts_read", "Off", lock=True)
    save(page)
    expect(page.locator("#narrowed")).to_contain_text("Alice Meyer")
    confirm(page)
    wait_until(dora, "Done")
    alice.open("/profile/")
    expect(alice.page.locator(BANNER)).to_contain_text("has lost Contacts read")
    expect(find_permission(alice.page, "Contacts read")).to_have_count(0)
    expect(find_permission(alice.page, "Calendar read")).to_contain_text("Granted")
    alice.open("/contacts/")
    expect(alice.page.locator("li.contact")).to_have_count(0)

    # And the whole service: her connection ends; the banner says who decided, and leads to what may be connected now.
    open_policy(dora)
    say(page, "google.offered", "No", lock=True)
    save(page)
    confirm(page)
    wait_until(dora, "Done")
    alice.open("/meetings/")
    expect(alice.page.locator(BANNER)).to_contain_text("Your connection to Google has ended.")
    expect_nothing_imported(alice.page)
    alice.page.locator(BANNER).get_by_role("link", name="Reconnect").click()
    google = alice.page.locator(".choice").filter(has_text="Google").first
    expect(google).to_contain_text("This service is not offered to you, by decision of your organization.")

    # What was done stands in the trail, and on the overview.
    page.get_by_role("link", name="Audit trail", exact=True).click()
    expect(page.locator("main")).to_contain_text(ALICE)
    page.get_by_role("link", name="Overview", exact=True).click()
    expect(page.locator("tr").filter(has_text="Alice Meyer")).to_contain_text("Not connected")

    # Asked at the next sign-in, also because a lock cut her off; "Not now" is respected.
    open_policy(dora)
    page.get_by_label("Ask to connect after sign-in", exact=True).select_option("until_done")
    save(page)
    alice.sign_out()
    alice.sign_in(ALICE)
    expect(alice.page.get_by_role("heading", level=1)).to_contain_text("Connect again?")
    alice.page.get_by_role("button", name="Not now").click()
    expect(alice.page).to_have_url(re.compile("/meetings/"))
    alice.open("/contacts/")
    expect(alice.page).to_have_url(re.compile("/contacts/"))
    alice.page.locator(BANNER).get_by_role("button", name="Dismiss").click()
    expect(alice.page.locator(BANNER)).to_have_count(0)


def test_all_of_it_works_without_javascript(visit: Visit, dora: Visitor) -> None:
    alice = visit()
    alice.sign_in(ALICE)
    alice.connect(ALICE, service=GOOGLE)
    plain = visit(javascript=False)
    plain.sign_in(DORA)
    page = open_policy(plain)
    say(page, "google.offered", "No", lock=True)
    save(page)
    expect(page.locator("#disconnected")).to_contain_text("Alice Meyer")
    confirm(page)
    wait_until(plain, "Done")
    alice.open("/meetings/")
    expect(alice.page.locator(BANNER)).to_contain_text("Your connection to Google has ended.")
    alice.page.locator(BANNER).get_by_role("button", name="Dismiss").click()


def test_the_second_of_two_admins_is_told_and_loses_nothing(visit: Visit, dora: Visitor) -> None:
    other = visit()
    other.sign_in(DORA)
    first, second = open_policy(dora), open_policy(other)
    first.get_by_label("Suggested service", exact=True).select_option("exchange")
    save(first)
    second.get_by_label("Call opens", exact=True).select_option("tel")
    save(second)
    expect(second.locator("main")).to_contain_text("changed this policy")
    expect(second.get_by_label("Call opens", exact=True)).to_have_value("tel")
    save(second)
    page = open_policy(dora)
    expect(page.get_by_label("Suggested service", exact=True)).to_have_value("exchange")
    expect(page.get_by_label("Call opens", exact=True)).to_have_value("tel")
