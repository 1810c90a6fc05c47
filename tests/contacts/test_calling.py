"""Call on the pages of contacts: on each number that can be called, or why there is none."""

import re

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from integrations.models import Connection
from integrations.remote import NumberKind, RemoteNumber
from organizations.models import Organization, User
from phone.models import Licence
from tests.contacts.conftest import Apply, person
from tests.policies import set_policy

LIST = "/contacts/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "contacts"}
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/142.0 Mobile"


@pytest.fixture
def anna(apply: Apply, connection: Connection) -> str:
    """Where Anna Weber's page is; with a mobile number, one with an extension and one that cannot be read."""
    Connection.objects.update(synced_at=timezone.now())
    contact = person("1")
    numbers = (
        RemoteNumber("030 901820", NumberKind.MOBILE),
        RemoteNumber("+44 20 7946 0018 x12", NumberKind.WORK),
        RemoteNumber("4711", NumberKind.WORK),
    )
    apply(type(contact)(contact.ref, display_name="Anna Weber", numbers=numbers))
    return reverse("contacts:show", args=[Contact.objects.get().pk])


@pytest.fixture
def licence(alice: User) -> Licence:
    return Licence.objects.create(user=alice, is_assigned=True)


def calls_of(page: object) -> list[tuple[str, str, str]]:
    """(address, number told to the call history, name) of each Call on the page."""
    body = page.content.decode()  # type: ignore[attr-defined]
    return re.findall(r'<a class="[^"]*\bcall" href="([^"]*)" data-call="([^"]*)" aria-label="([^"]*)">', body)


@pytest.mark.usefixtures("licence")
def test_each_number_that_can_be_called_has_a_link_that_works_alone(anna: str, alice_client: Client) -> None:
    expected = [
        ("zoomphonecall://+4930901820", "+4930901820", "Call Anna Weber, Mobile, 030 901820"),
        ("zoomphonecall://+442079460018", "+442079460018", "Call Anna Weber, Work, +44 20 7946 0018 ext. 12"),
    ]
    page = alice_client.get(anna)
    assert calls_of(page) == expected
    assert "So it cannot be called from here." in page.content.decode()
    for headers in ({}, FRAGMENT):
        assert calls_of(alice_client.get(LIST, headers=headers)) == expected
    assert "phone licence" not in page.content.decode()


@pytest.mark.usefixtures("licence")
def test_the_scheme_is_the_policys_and_the_devices(anna: str, northwind: Organization, alice_client: Client) -> None:
    for url in (LIST, anna):
        page = alice_client.get(url, headers={"User-Agent": ANDROID})
        assert calls_of(page)[0][0] == "callto:+4930901820"
        assert page.content.decode().count("copy the number into Zoom") == 1
    set_policy(northwind, {"call_scheme": "tel"})
    assert calls_of(alice_client.get(anna))[1][0] == "tel:+442079460018;ext=12"


@pytest.mark.usefixtures("dora")
def test_without_a_licence_contacts_are_listed_and_the_reason_once(anna: str, alice_client: Client) -> None:
    for url in (LIST, anna):
        page = alice_client.get(url)
        body = page.content.decode()
        assert calls_of(page) == [] and "030 901820" in body
        assert body.count("You have no phone licence. Ask Dora Lindqvist, who administers Northwind Legal.") == 1


@pytest.mark.usefixtures("licence")
def test_a_name_is_text_in_the_name_of_a_button(apply: Apply, connection: Connection, alice_client: Client) -> None:
    Connection.objects.update(synced_at=timezone.now())
    apply(person("1", '"><script>alert(1)</script>', numbers=("030 901820",)))
    page = alice_client.get(LIST)
    assert "<script>alert" not in page.content.decode()
    assert [href for href, _, _ in calls_of(page)] == ["zoomphonecall://+4930901820"]


@pytest.mark.parametrize("size", [1, 60])
@pytest.mark.usefixtures("licence")
def test_pages_ask_once_for_the_licence(apply: Apply, connection: Connection, alice_client: Client, size: int) -> None:
    Connection.objects.update(synced_at=timezone.now())
    apply(*(person(str(one), f"P{one:02}", numbers=(f"030 9018{one:02}", "0171 2345678")) for one in range(size)))
    alice_client.get(LIST)
    for url, queries in (
        (LIST, LIST_QUERIES),
        (reverse("contacts:show", args=[Contact.objects.earliest("pk").pk]), 14),
    ):
        with CaptureQueriesContext(database) as asked:
            assert alice_client.get(url).status_code == 200
        assert len(asked) == queries, [one["sql"][:120] for one in asked]


LIST_QUERIES = 16
"""As in test_views, where there is no licence, but for whom to ask."""
