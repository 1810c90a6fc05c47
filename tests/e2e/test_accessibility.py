"""Every page, in light and dark, wide and on a phone: axe finds nothing, and nothing hangs over the edge."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.conftest import DESKTOP, EXCHANGE, PHONE, SERVICES, Visit, Visitor

EMIL = "emil.tanaka@northwind.example"
DORA = "dora.lindqvist@northwind.example"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # else axe describes each element that is as it should be
    # Else it also asks for every style sheet again, and where none is: some sixty a page. No rule of these reads them.
    "preload": {"assets": ["media"]},
}
BEFORE_SIGN_IN = ["/", "/accounts/login/", "/accounts/login/code/", "/accounts/signup/", "/accounts/password/reset/"]
UNCONNECTED = ["/profile/", "/meetings/", "/meetings/calendars/", "/contacts/", "/integrations/connection/new/"]
CONNECTED = [
    "/profile/",
    "/profile/settings/",
    "/meetings/",
    "/meetings/?when=past",
    "/meetings/?q=nothing+is+called+this",
    "/meetings/day/",
    "/meetings/week/",
    "/meetings/week/2026-W44/",
    "/meetings/new/",
    "/meetings/deleted/",
    "/meetings/writes/",
    "/meetings/calendars/",
    "/contacts/",
    "/contacts/?q=nobody+is+called+this",
    "/contacts/new/",
    "/contacts/numbers/new/",
    "/contacts/writes/",
    "/phone/",
    "/phone/?show=missed",
    "/phone/?q=nobody+is+called+this",
    "/phone/voicemail/",
    "/integrations/connection/new/",
    "/integrations/connection/edit/",
    "/integrations/connection/delete/",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/no-such-page/",
]
OWNERS = [
    "/people/",
    "/people/invitations/new/",
    "/people/invitations/",
    "/people/invitations/import/",
    "/people/groups/",
    "/people/groups/new/",
    "/people/audit-trail/",
    "/people/organization/",
    "/profile/departure/",
    "/administration/",
    "/administration/policy/",
    "/administration/licences/",
    "/administration/phone-system/",
    "/administration/changes/",
]
LOOKS = [
    pytest.param({"viewport": DESKTOP, "color_scheme": "light"}, id="light"),
    pytest.param({"viewport": DESKTOP, "color_scheme": "dark"}, id="dark"),
    pytest.param({"viewport": PHONE, "color_scheme": "light"}, id="phone"),
]


def find_faults(visitor: Visitor, path: str) -> list[str]:
    """What the browser and axe find on this page, and whether it is wider than the window."""
    # axe tries styles on the page, which the policy refuses: what is heard after it ran is not the page's trouble.
    visitor.open("about:blank")
    visitor.troubles.clear()
    page = visitor.open(path)
    page.wait_for_timeout(150)
    heard = visitor.left_troubles()
    violations = Axe().run(page, options=RULES).response["violations"]
    found = [
        f"{path}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary'][:300]}"
        for one in violations
    ]
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    visitor.open("about:blank")
    visitor.troubles.clear()
    return heard + found + ([f"{path}: {too_wide} pixels too wide"] if too_wide > 0 else [])


def find_all_faults(visitor: Visitor, paths: list[str]) -> str:
    return "\n".join(fault for path in paths for fault in find_faults(visitor, path))


@pytest.mark.parametrize("look", LOOKS)
def test_pages_for_everyone(visit: Visit, look: dict) -> None:
    assert find_all_faults(visit(**look), BEFORE_SIGN_IN) == ""


@pytest.mark.parametrize("look", LOOKS)
def test_pages_of_a_person(visit: Visit, look: dict) -> None:
    emil = visit(**look)
    emil.fine = [r"404 .*/no-such-page/"]
    page = emil.sign_in(EMIL)
    if page.goto(f"{emil.portico.url}/profile/") and page.get_by_role("link", name="Configure").count() == 0:
        faults = find_all_faults(emil, UNCONNECTED)
        for service in SERVICES:
            emil.choose(service)
            faults += find_all_faults(emil, [page.url.removeprefix(emil.portico.url)])
        emil.choose(EXCHANGE)
        page.get_by_role("button", name="Next").click()
        faults += find_all_faults(emil, [page.url.removeprefix(emil.portico.url)])
        assert faults == ""
        emil.connect(EMIL, "Calendar read", "Contacts read")
    details = []
    for path, row in (("/meetings/", "li.meeting"), ("/contacts/", "li.contact")):
        link = emil.open(path).locator(row).first.get_by_role("link").first
        details.append(str(link.get_attribute("href")))

    assert find_all_faults(emil, CONNECTED + details) == ""


@pytest.mark.parametrize("look", LOOKS)
def test_pages_of_an_owner(visit: Visit, look: dict) -> None:
    dora = visit(**look)
    dora.sign_in(DORA)

    assert find_all_faults(dora, OWNERS) == ""


def test_the_keyboard_alone_reaches_the_content_first(visit: Visit) -> None:
    emil = visit()
    page = emil.sign_in(EMIL)
    emil.open("/profile/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert re.search(r"#main$", page.url)
    assert page.evaluate("document.activeElement.id") == "main"
