"""Adding a number to a contact, and what waits for a person: failures, conflicts, what is gone."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactWrite
from integrations.errors import Rejected, Unreachable
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.remote import RemoteNumber
from organizations.models import User
from tests.contacts.test_create_views import chosen_in, make_call, value_of
from tests.contacts.test_views import text_of
from tests.contacts.world import World, draft
from tests.policies import set_policy

PICK = "/contacts/numbers/new/"
FIRST = RemoteNumber("+49 30 111111")


@pytest.fixture
def zoe(world: World) -> Contact:
    world.person.put_contact("c1", given_name="Zoe", display_name="Zoe", numbers=(FIRST,))
    world.sync()
    return world.rows[0]


def url_of(contact: Contact) -> str:
    return reverse("contacts:number_new", args=[contact.pk])


def seen_on(page: Any) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page.content.decode())
    assert found
    return found[1]


def add(client: Client, contact: Contact, number: str = "0171 2345678", kind: str = "mobile", **more: str) -> Any:
    typed = {"number": number, "number_type": kind, "seen": seen_on(client.get(url_of(contact)))}
    return client.post(url_of(contact), typed | more)


# Choosing the contact


def test_contacts_are_searched_and_paged_and_lead_on_with_the_call(world: World, alice_client: Client) -> None:
    for one in range(25):
        world.person.put_contact(f"c{one}", display_name=f"Person {one:02}")
    world.sync()
    call = make_call(world.alice)
    page = alice_client.get(PICK, {"call": call.pk})
    assert "WEBER, ANNA" in text_of(page) and "1–20 of 25" in text_of(page)
    assert f"/numbers/new/?call={call.pk}" in page.content.decode()
    assert "Person 24" in text_of(alice_client.get(PICK, {"call": call.pk, "page": "2"}))
    found = alice_client.get(PICK, {"q": "person 07"}, headers={"HX-Request": "true", "HX-Target": "pick"})
    assert "Person 07" in text_of(found) and "Person 08" not in text_of(found)
    assert "<html" not in found.content.decode()
    assert "Nobody found" in text_of(alice_client.get(PICK, {"q": "zzz"}))
    assert alice_client.post(PICK).status_code == 405


def test_nobody_elses_are_found_nor_added_to(
    world: World, zoe: Contact, bob_client: Client, charlie_client: Client
) -> None:
    for client in (bob_client, charlie_client):
        assert "Zoe" not in text_of(client.get(PICK))
        assert client.get(url_of(zoe)).status_code == client.post(url_of(zoe), {}).status_code == 404


def test_one_still_on_its_way_is_not_offered(world: World, alice_client: Client) -> None:
    row = world.create(draft("Anna", "Weber"))
    assert "Anna" not in text_of(alice_client.get(PICK))
    assert "still on its way" in text_of(alice_client.get(url_of(row)))
    assert alice_client.post(url_of(row), {"number": "030 1234567", "number_type": "work"}).status_code == 422


# Adding


def test_what_will_be_written_is_shown_and_then_written(world: World, zoe: Contact, alice_client: Client) -> None:
    call = make_call(world.alice)
    page = alice_client.get(url_of(zoe), {"call": call.pk})
    assert "+49 30 111111" in text_of(page)
    assert (value_of(page, "number"), chosen_in(page, "number_type")) == ("+49 30 901820", "work")

    answer = add(alice_client, zoe, "+49 30 901820", "work")
    assert (answer.status_code, answer["Location"]) == (303, reverse("contacts:show", args=[zoe.pk]))
    shown = text_of(alice_client.get(answer["Location"]))
    assert "Adding +49 30 901820 in Memory Contacts" in shown and "Not there yet" in shown

    world.work()
    assert world.page == world.there and len(world.held[0].numbers) == 2
    assert "Not there yet" not in text_of(alice_client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"number": ""}, "Type the number"),
        ({"number": "\x00"}, "Type the number"),
        ({"number": "9" * 61}, "at most 60 fit"),
        ({"number_type": "pigeon"}, "Choose one of these"),
        ({"seen": "another"}, "was changed meanwhile"),
    ],
)
def test_what_is_wrong_is_said(
    world: World, zoe: Contact, alice_client: Client, typed: dict[str, str], said: str
) -> None:
    page = add(alice_client, zoe, **typed) if "number" not in typed else add(alice_client, zoe, typed["number"])
    if "number_type" in typed:
        page = add(alice_client, zoe, kind="pigeon")
    assert page.status_code == 422 and said in text_of(page)
    assert not ContactWrite.objects.exists()


def test_a_number_it_has_in_another_spelling_is_not_added(world: World, zoe: Contact, alice_client: Client) -> None:
    answer = alice_client.get(add(alice_client, zoe, "030 11 11 11")["Location"])
    assert "has this number already" in text_of(answer)
    assert not ContactWrite.objects.exists()


def test_in_a_folder_that_can_be_read_only_it_is_not_offered(world: World, zoe: Contact, alice_client: Client) -> None:
    assert url_of(zoe) in alice_client.get(reverse("contacts:show", args=[zoe.pk])).content.decode()
    world.person.put_folder("hr", "HR", is_writable=False)
    world.person.put_contact("c1", display_name="Zoe", folders=("hr",))
    world.sync()
    page = alice_client.get(reverse("contacts:show", args=[zoe.pk]))
    assert url_of(zoe) not in page.content.decode() and "read only" in text_of(page)
    assert alice_client.post(url_of(zoe), {"number": "030 1", "number_type": "work"}).status_code == 422
    assert not ContactWrite.objects.exists()


def test_without_the_permission_the_contacts_page_says_why(world: World, zoe: Contact, alice_client: Client) -> None:
    Connection.objects.update(contacts_write=False)
    page = alice_client.get(reverse("contacts:show", args=[zoe.pk]))
    assert url_of(zoe) not in page.content.decode()
    assert "Contacts write is not part of your connection" in text_of(page)
    assert "Contacts write is not part of your connection" in text_of(alice_client.get("/contacts/"))
    assert "Contacts write is not part of your connection" in text_of(alice_client.get(PICK))


# What waits for a person


@pytest.fixture
def conflict(world: World, zoe: Contact) -> ContactWrite:
    world.person.put_contact("c1", given_name="Zoe", display_name="Zoe B", numbers=(RemoteNumber("+49 30 222222"),))
    write = world.add(zoe, "0171 2345678")
    world.work()
    write.refresh_from_db()
    assert write.state == WriteState.CONFLICT
    return write


@pytest.mark.parametrize("keep", ["mine", "theirs"])
def test_a_conflict_shows_both_and_either_can_be_chosen(
    world: World, conflict: ContactWrite, alice_client: Client, keep: str
) -> None:
    url = reverse("contacts:write", args=[conflict.pk])
    assert url in alice_client.get("/contacts/writes/").content.decode()
    words = text_of(alice_client.get(url))
    for said in ("+49 30 111111", "+49 30 222222", "Mobile: 0171 2345678", "Zoe B", "Add it anyway"):
        assert said in words
    assert alice_client.post(reverse("contacts:write_choice", args=[conflict.pk]), {"keep": "?"})["Location"] == url

    answer = alice_client.post(reverse("contacts:write_choice", args=[conflict.pk]), {"keep": keep})
    assert answer.status_code == 303
    world.work()
    world.sync()
    numbers = ("+49 30 222222", "0171 2345678") if keep == "mine" else ("+49 30 222222",)
    assert world.page == world.there == [("Zoe B", numbers)]
    assert "settled meanwhile" in text_of(
        alice_client.post(reverse("contacts:write_choice", args=[conflict.pk]), {"keep": keep}, follow=True)
    )


def test_it_is_nobody_elses(
    world: World, conflict: ContactWrite, bob: User, bob_client: Client, make_connection: Any
) -> None:
    make_connection(bob, provider="memory")
    for name in ("write", "write_retry", "write_choice"):
        url = reverse(f"contacts:{name}", args=[conflict.pk])
        answer = bob_client.get(url) if name == "write" else bob_client.post(url, {"keep": "mine"})
        assert answer.status_code == 404
    assert "Zoe" not in text_of(bob_client.get("/contacts/writes/"))
    conflict.refresh_from_db()
    assert conflict.state == WriteState.CONFLICT


def test_who_may_not_read_contacts_any_more_sees_nothing_of_them_here_either(
    world: World, conflict: ContactWrite, alice_client: Client
) -> None:
    urls = ["/contacts/writes/", reverse("contacts:write", args=[conflict.pk])]
    assert all("Zoe" in text_of(alice_client.get(url)) for url in urls)
    set_policy(world.alice.organization, {"memory.contacts_read": "off", "memory.contacts_write": "off"})
    assert "Zoe" not in text_of(alice_client.get(urls[0]))
    assert alice_client.get(urls[1]).status_code == 404
    choice = reverse("contacts:write_choice", args=[conflict.pk])
    assert alice_client.post(choice, {"keep": "mine"}).status_code == 404
    conflict.refresh_from_db()
    assert conflict.state == WriteState.CONFLICT


def test_a_refusal_is_said_and_another_type_is_tried(world: World, zoe: Contact, alice_client: Client) -> None:
    world.service.fail(Rejected("There is no room for another mobile number. Choose Work instead."), at="add number")
    write = world.add(zoe, "0171 2345678")
    world.work()
    page = alice_client.get(reverse("contacts:show", args=[zoe.pk]))
    assert "progress/" not in page.content.decode(), "nothing more happens by itself"
    shown = text_of(page)
    assert "no room for another mobile number" in shown and "Retry" in shown
    assert "1 change could not be saved" in text_of(alice_client.get("/contacts/"))
    page = alice_client.get(reverse("contacts:write", args=[write.pk]))
    assert chosen_in(page, "number_type") == "mobile"

    retry = reverse("contacts:write_retry", args=[write.pk])
    assert alice_client.get(retry).status_code == 405
    assert "Choose one of the types" in text_of(alice_client.post(retry, {"number_type": "pigeon"}, follow=True))
    Connection.objects.update(contacts_write=False)
    refused = text_of(alice_client.post(retry, {"number_type": "work"}, follow=True))
    assert "Contacts write is not part of your connection" in refused and "Choose one of" not in refused
    Connection.objects.update(contacts_write=True)
    assert alice_client.post(retry, {"number_type": "work"}).status_code == 303
    world.work()
    assert [one.kind for one in world.held[0].numbers] == ["other", "work"]


def test_a_new_contact_is_put_into_another_folder_or_given_up(world: World, alice_client: Client) -> None:
    world.person.put_folder("a", "Clients")
    world.person.put_folder("b", "Others")
    world.sync()
    row = world.create(draft("Anna"), folder="a")
    del world.person.folders["a"]
    world.work()
    world.sync()
    write = ContactWrite.objects.get()
    assert "no longer there" in text_of(alice_client.get(reverse("contacts:write", args=[write.pk])))
    folder = row.connection.contact_folders.get(remote_id="b")
    alice_client.post(reverse("contacts:write_retry", args=[write.pk]), {"folder": folder.pk})
    world.work()
    assert [one.folders for one in world.held] == [("b",)]

    world.service.fail(Rejected("No."), at="create contact")
    other = world.create(draft("Ben"))
    world.work()
    answer = alice_client.post(
        reverse("contacts:write_choice", args=[ContactWrite.objects.last().pk]), {"keep": "theirs"}
    )
    assert answer["Location"] == "/contacts/"
    assert not Contact.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("act", ["create contact", "add number"])
def test_who_gives_something_up_is_told_whether_it_may_be_there(
    world: World, zoe: Contact, alice_client: Client, act: str, is_answered: bool
) -> None:
    if is_answered:
        world.service.fail(Rejected("No."), at=act)
    else:
        world.service.lose_answer(at=act)
    if act == "create contact":
        world.create(draft("Anna"))
    else:
        world.add(zoe, "0171 2345678")
    world.work()
    url = reverse("contacts:write_choice", args=[ContactWrite.objects.get().pk])
    said = text_of(alice_client.post(url, {"keep": "theirs"}, follow=True))
    assert "was given up." in said or "The number was not added." in said
    assert ("Should it have reached Memory Contacts after all" not in said) == is_answered


def test_where_a_folder_is_gone_it_may_go_where_the_service_puts_new_ones(world: World, alice_client: Client) -> None:
    world.person.put_folder("a", "Clients")
    world.person.put_folder("b", "Others")
    world.sync()
    world.create(draft("Anna"), folder="a")
    del world.person.folders["a"]
    world.work()
    world.sync()
    write = ContactWrite.objects.get()
    page = alice_client.get(reverse("contacts:write", args=[write.pk]))
    assert chosen_in(page, "folder") == "" and "Where Memory Contacts puts new contacts" in text_of(page)
    retry = reverse("contacts:write_retry", args=[write.pk])
    assert "Choose another one" in text_of(alice_client.post(retry, {"folder": "0"}, follow=True))
    alice_client.post(retry, {"folder": ""})
    world.work()
    assert [(one.given_name, one.folders) for one in world.held] == [("Anna", ())]


def test_a_conflict_shows_also_names_that_differ_behind_the_one_that_is_shown(
    world: World, zoe: Contact, alice_client: Client
) -> None:
    world.person.put_contact("c1", given_name="Z", family_name="Ott", display_name="Zoe", numbers=(FIRST,))
    write = world.add(zoe, "0171 2345678")
    world.work()
    page = alice_client.get(reverse("contacts:write", args=[write.pk]))
    assert "Given name: Z" in text_of(page) and "Family name: Ott" in text_of(page)
    assert "Given name: Zoe" in text_of(page)


def test_a_contact_deleted_there_can_be_made_anew_with_what_was_seen(
    world: World, zoe: Contact, alice_client: Client
) -> None:
    world.person.contacts.remove("c1")
    write = world.add(zoe, "0171 2345678")
    world.work()
    world.sync()
    page = alice_client.get(reverse("contacts:write", args=[write.pk]))
    assert "no longer there" in text_of(page)
    offered = f"/contacts/new/?write={write.pk}"
    assert offered in page.content.decode()
    form = alice_client.get(offered)
    assert [value_of(form, name) for name in ("given_name", "number")] == ["Zoe", "0171 2345678"]

    typed = {"given_name": "Zoe", "number": "0171 2345678", "number_type": "mobile"}
    assert alice_client.post(offered, typed).status_code == 303
    world.work()
    world.sync()
    assert world.page == world.there == [("Zoe", ("0171 2345678",))]


def test_the_page_asks_until_it_is_done_and_is_then_read_anew(world: World, alice_client: Client) -> None:
    row = world.create(draft("Anna"))
    url = reverse("contacts:progress", args=[row.pk])
    waiting = alice_client.get(url)
    assert "Saving to Memory Contacts" in text_of(waiting) and "HX-Refresh" not in waiting
    world.service.fail(Unreachable(), at="create contact")
    world.work()
    delayed = alice_client.get(url)
    assert re.search(r"Next try at \d\d:\d\d \(Europe/Berlin\)", text_of(delayed))
    alice_client.post(reverse("contacts:write_retry", args=[ContactWrite.objects.get().pk]))
    world.work()
    assert alice_client.get(url)["HX-Refresh"] == "true"


def test_the_list_asks_again_as_soon_as_something_is_saved(world: World, alice_client: Client) -> None:
    world.create(draft("Anna"))
    page = alice_client.get("/contacts/").content.decode()
    pulse = re.search(r'"X-Pulse": "([^"]*)"', page)
    assert pulse and 'hx-trigger="every 2s"' in page
    headers = {"HX-Request": "true", "HX-Target": "contacts-freshness", "X-Pulse": pulse[1]}
    assert alice_client.get("/contacts/", headers=headers).status_code == 204
    world.work()
    assert alice_client.get("/contacts/", headers=headers)["HX-Trigger"] == "contacts-changed"
