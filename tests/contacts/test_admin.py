"""Support staff help without reading anybody's address book."""

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactFolder, ContactNumber
from integrations.remote import RemoteFolder
from tests.contacts.conftest import Apply, person

SECRETS = ("Ada", "Lovelace", "Engines", "ada@engines.example", "901820", "Friends", "Likes numbers")


@pytest.fixture
def contact(apply: Apply) -> Contact:
    apply(
        person(
            "people/c1",
            "Ada Lovelace",
            version="etag-7",
            organization="Engines",
            emails=("ada@engines.example",),
            numbers=("030 901820", "4711"),
            note="Likes numbers",
            folders=("f",),
        ),
        folders=(RemoteFolder("f", "Friends"),),
    )
    return Contact.objects.get()


def test_support_sees_whose_and_how_many_and_no_content(contact: Contact, support_client: Client) -> None:
    folder = ContactFolder.objects.get()
    for url in (
        reverse("admin:contacts_contact_changelist"),
        reverse("admin:contacts_contact_changelist") + "?q=alice@northwind.example",
        reverse("admin:contacts_contact_change", args=[contact.pk]),
        reverse("admin:contacts_contactfolder_changelist"),
        reverse("admin:contacts_contactfolder_change", args=[folder.pk]),
    ):
        page = support_client.get(url)
        assert page.status_code == 200, url
        body = page.content.decode()
        assert "alice@northwind.example" in body
        assert not [one for one in SECRETS if one in body], url
    body = support_client.get(reverse("admin:contacts_contact_change", args=[contact.pk])).content.decode()
    assert "people/c1" in body and "etag-7" in body


def test_support_cannot_search_for_a_name(contact: Contact, support_client: Client) -> None:
    found = support_client.get(reverse("admin:contacts_contact_changelist"), {"q": "Lovelace"})
    assert found.context["cl"].result_count == 0
    found = support_client.get(reverse("admin:contacts_contact_changelist"), {"q": "people/c1"})
    assert found.context["cl"].result_count == 1


def test_support_cannot_change_anything(contact: Contact, support_client: Client) -> None:
    for name in ("contact", "contactfolder"):
        pk = contact.pk if name == "contact" else ContactFolder.objects.get().pk
        assert support_client.get(reverse(f"admin:contacts_{name}_add")).status_code == 403
        assert support_client.post(reverse(f"admin:contacts_{name}_delete", args=[pk])).status_code == 403
        assert support_client.post(reverse(f"admin:contacts_{name}_change", args=[pk]), {}).status_code == 403
    assert Contact.objects.exists() and ContactNumber.objects.count() == 2


def test_members_do_not_get_in(contact: Contact, dora_client: Client) -> None:
    assert dora_client.get(reverse("admin:contacts_contact_changelist")).status_code == 302
