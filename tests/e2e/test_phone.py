"""Calls and contacts, in the browser: called, called back, and made into contacts, at each service."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import EXCHANGE, GOOGLE, SERVICES, Portico, Service, Visit, Visitor

ALICE = "alice.meyer@northwind.example"
BEN = "ben.okafor@northwind.example"
EMIL = "emil.tanaka@northwind.example"
WRITE = ("Contacts read", "Contacts write")
NUMBERS = {"google": "+493055501", "office365": "+493055502", "exchange": "+493055503"}
"""Of callers whom nobody knows; two more digits make each of them one person's."""


def receive(portico: Portico, number: str, *, to: str = ALICE, **call: object) -> dict:
    """Have somebody call, as the sandbox's own page does."""
    call.setdefault("result", "missed")
    made: dict = portico.control("POST", "zoom/phone/calls", {"to": to, "from": number, **call})
    return made


def find_call(page: Page, text: str) -> Locator:
    return page.locator(".phone-row").filter(has_text=text)


def find_there(portico: Portico, service: Service, name: str, email: str = ALICE) -> list[dict]:
    found: list[dict] = portico.control("GET", f"{service.key}/{email}/contacts?name={quote(name)}")
    return found


def list_numbers(contact: dict) -> list[str]:
    """Of one contact as its service has it, without anything but digits."""
    if "phoneNumbers" in contact:
        found = [one["value"] for one in contact["phoneNumbers"]]
    else:
        found = [*contact["businessPhones"], *contact["homePhones"], contact["mobilePhone"] or ""]
    return sorted(re.sub(r"\D", "", one) for one in found if one)


def wait_until_saved(page: Page) -> None:
    expect(page.locator("#saving")).to_have_count(0, timeout=45_000)


def connect(visit: Visit, service: Service, *labels: str, email: str = ALICE) -> Visitor:
    visitor = visit()
    visitor.sign_in(email)
    if visitor.open("/profile/").get_by_role("link", name="Delete").count():
        disconnect(visitor)  # left by a test that failed
    visitor.connect(email, *labels, service=service)
    return visitor


def disconnect(visitor: Visitor) -> None:
    page = visitor.open("/integrations/connection/delete/")
    page.get_by_role("button", name="Delete the connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection deleted")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_a_caller_becomes_a_contact_and_a_second_number_of_theirs_is_added(
    visit: Visit, portico: Portico, service: Service
) -> None:
    family = f"Walker{service.key}"
    first, second = NUMBERS[service.key] + "11", NUMBERS[service.key] + "12"
    alice = connect(visit, service, *WRITE)
    page = alice.open("/phone/")

    # Somebody calls, and stands there without a reload.
    receive(portico, first, name=f"WALKER, {service.key}")
    row = find_call(page, f"WALKER, {service.key}").first
    expect(row).to_contain_text("Missed")
    row.get_by_role("link", name=re.compile("^Create contact")).click()

    # What the call tells is filled in; the rest is typed, and the contact is there at once.
    expect(page.get_by_label("Phone number")).not_to_have_value("")
    page.get_by_label("Given name").fill("Wanda")
    page.get_by_label("Family name").fill(family)
    page.get_by_label("E-mail address").fill(f"wanda@{service.key}.example")
    page.get_by_role("button", name="Create contact").click()
    page.wait_for_url(re.compile(r"/contacts/\d+/"))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Wanda {family}")
    wait_until_saved(page)
    (made,) = find_there(portico, service, f"Wanda {family}")
    assert list_numbers(made) == [first[1:]]

    # The list of calls names them, and so does the page of contacts: once, also after sync has brought them back.
    alice.open("/phone/")
    expect(find_call(page, f"Wanda {family}").first).to_be_visible()
    expect(
        find_call(page, f"WALKER, {service.key}").get_by_role("link", name=re.compile("^Create contact"))
    ).to_have_count(0)
    alice.open("/profile/")
    page.get_by_role("button", name=re.compile("^Sync now")).click()
    alice.wait_for_sync()
    alice.open(f"/contacts/?q={family}")
    expect(page.locator("li.contact")).to_have_count(1)

    # A voicemail from another number of theirs: added to the contact that is there.
    receive(portico, second, voicemail={"seconds": 5, "transcript": f"It is Wanda, of {service.name}."})
    alice.open("/phone/voicemail/")
    message = find_call(page, f"It is Wanda, of {service.name}.")
    expect(message).to_contain_text("New")
    message.get_by_role("link", name=re.compile("^Add to existing contact")).click()
    page.get_by_role("searchbox").fill(family)
    page.locator("#pick").get_by_role("link", name=f"Wanda {family}").click()
    page.wait_for_url(re.compile(r"/contacts/\d+/numbers/new/"))
    kind = page.get_by_label("Type", exact=True)
    taken = kind.locator("option").filter(has_text=re.compile("^Home$")).get_attribute("value")
    kind.select_option(taken)
    page.get_by_role("button", name="Add this number").click()
    page.wait_for_url(re.compile(r"/contacts/\d+/$"))
    wait_until_saved(page)
    (made,) = find_there(portico, service, f"Wanda {family}")
    assert list_numbers(made) == [first[1:], second[1:]]
    alice.open("/phone/voicemail/")
    expect(find_call(page, f"It is Wanda, of {service.name}.")).to_contain_text(f"Wanda {family}")
    disconnect(alice)
    alice.open("/phone/")
    expect(find_call(page, f"Wanda {family}")).to_have_count(0)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_what_was_changed_there_meanwhile_is_shown_beside_what_is_added(
    visit: Visit, portico: Portico, service: Service
) -> None:
    family, number = f"Quarrel{service.key}", NUMBERS[service.key] + "21"
    shapes = {
        "google": ({"names": [{"givenName": "Quinn", "familyName": family}]}, "phoneNumbers"),
        "office365": ({"givenName": "Quinn", "surname": family, "displayName": f"Quinn {family}"}, "homePhones"),
    }
    body, field = shapes["google" if service is GOOGLE else "office365"]
    made = portico.control("POST", f"{service.key}/{ALICE}/contacts", body)
    alice = connect(visit, service, *WRITE)
    page = alice.open(f"/contacts/?q={family}")
    page.get_by_role("link", name=f"Quinn {family}", exact=True).click()
    page.get_by_role("link", name="Add a number").click()
    page.get_by_label("Phone number").fill(number)

    # Somebody else gives the contact another number before this one is saved.
    theirs = [{"value": "+493055500"}] if service is GOOGLE else ["+493055500"]
    address = made["resourceName"] if service is GOOGLE else quote(made["id"], safe="")
    portico.control("PATCH", f"{service.key}/{ALICE}/contacts/{address}", {field: theirs})
    page.get_by_role("button", name="Add this number").click()
    page.get_by_role("link", name="Choose").click(timeout=45_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Changed meanwhile")
    expect(page.locator(".versions")).to_contain_text(re.compile(r"30\W*555\W*00"))
    page.get_by_role("button", name="Add it anyway").click()
    page.wait_for_url(re.compile(r"/contacts/"))
    alice.open(f"/contacts/?q={family}")
    page.get_by_role("link", name=f"Quinn {family}", exact=True).click()
    wait_until_saved(page)
    (found,) = find_there(portico, service, f"Quinn {family}")
    assert list_numbers(found) == ["493055500", number[1:]]
    disconnect(alice)


def test_a_voicemail_is_played_in_parts_and_says_when_it_is_gone(visit: Visit, portico: Portico) -> None:
    receive(portico, "+493055509", voicemail={"seconds": 4, "transcript": "Please call me back about the lease."})
    alice = visit()
    alice.sign_in(ALICE)
    page = alice.open("/phone/voicemail/")
    message = find_call(page, "Please call me back about the lease.")
    expect(message).to_have_count(1)
    sound = message.locator("audio").get_attribute("src") or ""

    part = page.request.get(portico.url + sound, headers={"Range": "bytes=0-99"})
    assert (part.status, len(part.body())) == (206, 100)
    assert part.headers["content-type"].startswith("audio/")
    assert part.headers["cache-control"].find("no-store") >= 0
    page.evaluate("document.querySelector('audio').play()")
    expect(message.get_by_role("button", name=re.compile("^Mark as new"))).to_be_visible()

    stranger = visit()
    stranger.sign_in("charlie.stone@rival.example")
    assert stranger.page.request.get(portico.url + sound).status == 404

    (told,) = [
        one for one in portico.control("GET", f"zoom/phone/{ALICE}/voicemails") if "3055509" in one["caller_number"]
    ]
    portico.control("DELETE", f"zoom/phone/voicemails/{told['id']}/audio")
    gone = page.request.get(portico.url + sound)
    assert gone.status == 404
    alice.open("/phone/voicemail/")
    expect(find_call(page, "about the lease")).to_contain_text("The recording is gone")
    assert "Bearer" not in portico.read_log("web") + portico.read_log("worker")


def test_without_contacts_write_or_a_licence_the_page_says_why(visit: Visit, portico: Portico) -> None:
    ben = connect(visit, EXCHANGE, "Contacts read", email=BEN)
    receive(portico, "+493055510", to=BEN, name="Nobody Known")
    page = ben.open("/phone/")
    row = find_call(page, "Nobody Known")
    expect(row).to_have_count(1)
    expect(row.get_by_role("link", name=re.compile("^(Create|Add)"))).to_have_count(0)
    expect(page.locator("#calls")).to_contain_text("Contacts write")
    expect(row.get_by_role("link", name=re.compile("^Call "))).to_have_attribute(
        "href", re.compile("^zoomphonecall://")
    )
    disconnect(ben)

    emil = connect(visit, GOOGLE, "Contacts read", email=EMIL)
    page = emil.open("/contacts/")
    expect(page.locator("li.contact").first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Call "))).to_have_count(0)
    expect(page.locator("main")).to_contain_text("You have no phone licence")
    expect(page.locator("main")).to_contain_text("Dora Lindqvist")
    disconnect(emil)


def test_an_admin_gives_a_licence_and_the_next_page_offers_calls(visit: Visit, portico: Portico) -> None:
    emil = connect(visit, GOOGLE, "Contacts read", email=EMIL)
    dora = visit()
    dora.sign_in("dora.lindqvist@northwind.example")
    page = dora.open("/administration/")
    page.get_by_role("link", name="Licences", exact=True).click()
    person = page.locator(".row-item").filter(has_text="Emil Tanaka")
    person.get_by_role("button", name=re.compile("^Assign")).click()
    expect(page.locator(".row-item").filter(has_text="Emil Tanaka")).to_contain_text("Assigned")

    theirs = emil.open("/contacts/")
    call = theirs.get_by_role("link", name=re.compile("^Call ")).first
    expect(call).to_be_visible()
    number = call.get_attribute("data-call")
    with theirs.expect_response(re.compile("/phone/attempts/")) as answered:
        theirs.evaluate(
            "document.querySelector('a[data-call]').addEventListener('click', event => event.preventDefault())"
        )
        call.click()
    assert answered.value.status == 204
    emil.open("/phone/")
    expect(theirs.locator(".phone-row").first).to_contain_text("Call started here")
    assert number and number.startswith("+")

    page.locator(".row-item").filter(has_text="Emil Tanaka").get_by_role("button", name=re.compile("^Withdraw")).click()
    expect(page.locator(".row-item").filter(has_text="Emil Tanaka")).not_to_contain_text("Assigned")
    emil.open("/contacts/")
    expect(theirs.get_by_role("link", name=re.compile("^Call "))).to_have_count(0)
    disconnect(emil)


def test_an_admin_sees_how_the_phone_system_is_and_never_its_secrets(visit: Visit, portico: Portico) -> None:
    dora = visit()
    dora.sign_in("dora.lindqvist@northwind.example")
    page = dora.open("/administration/phone-system/")
    expect(page.locator("#system-address")).to_have_value(re.compile(r"/phone/events/[0-9a-f-]{36}/$"))
    secrets = [value for name, value in portico.control("GET", "zoom/credentials").items() if "secret" in name]
    assert secrets
    assert all(one not in page.content() for one in secrets)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("main")).to_contain_text("Zoom Phone answers")
