"""Creating a contact: what is filled in, what is said of it, and what becomes of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts import create_views, queueing
from contacts.models import Contact, ContactFolder, ContactWrite
from contacts.ways import find_ways
from integrations.connecting import find_connection
from integrations.errors import Rejected
from integrations.models import Connection, Status
from integrations.remote import RemoteEmail, RemoteNumber
from organizations.models import User
from phone.models import Call, Direction, Result, Voicemail
from tests.contacts.test_views import text_of
from tests.contacts.world import NOW, World, draft
from tests.policies import set_policy

NEW = "/contacts/new/"


def make_call(user: User, **fields: Any) -> Call:
    given = {"number": "+4930901820", "e164": "+4930901820", "name": "WEBER, ANNA"} | fields
    return Call.objects.create(
        owner=user, direction=Direction.INCOMING, result=Result.MISSED, started_at=timezone.now(), **given
    )


def value_of(page: Any, name: str) -> str:
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', page.content.decode())
    assert found
    value = re.search(r'value="([^"]*)"', found[0])
    return value[1] if value else ""


def chosen_in(page: Any, name: str) -> str:
    found = re.search(rf'(?s)<select[^>]*name="{name}".*?</select>', page.content.decode())
    assert found
    chosen = re.search(r'<option value="([^"]*)" selected', found[0])
    return chosen[1] if chosen else ""


# From a call, a voicemail, or nothing


@pytest.mark.parametrize("kind", ["call", "voicemail"])
def test_who_called_is_filled_in(world: World, alice_client: Client, kind: str) -> None:
    call = make_call(world.alice)
    if kind == "voicemail":
        values = {"number": call.number, "e164": call.e164, "name": call.name}
        call = Voicemail.objects.create(owner=world.alice, voicemail_id="1", left_at=timezone.now(), **values)
    page = alice_client.get(NEW, {kind: call.pk})
    assert page.status_code == 200
    assert [value_of(page, name) for name in ("given_name", "family_name", "number")] == [
        "Anna",
        "Weber",
        "+49 30 901820",
    ]
    assert chosen_in(page, "number_type") == "work"
    assert f"/contacts/numbers/new/?{kind}={call.pk}" in page.content.decode()


def test_a_mobile_number_is_taken_for_one(world: World, alice_client: Client) -> None:
    call = make_call(world.alice, number="01712345678", e164="+491712345678", name="+491712345678")
    page = alice_client.get(NEW, {"call": call.pk})
    assert (value_of(page, "given_name"), chosen_in(page, "number_type")) == ("", "mobile")


def test_a_call_of_somebody_else_or_from_nobody_leads_nowhere(world: World, alice_client: Client, bob: User) -> None:
    anonymous = make_call(world.alice, number="", e164="", name="Anonymous")
    for key in (make_call(bob).pk, anonymous.pk, "x", "", "9" * 40, "-1"):
        assert alice_client.get(NEW, {"call": key}).status_code == 404
    assert alice_client.get(NEW, {"call": make_call(world.alice).pk}).status_code == 200


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    assert client.get(NEW)["Location"].startswith("/accounts/login/")


# Saving


def test_what_is_created_is_shown_at_once_and_saved(world: World, alice_client: Client) -> None:
    world.person.put_folder("a", "Clients")
    world.person.put_folder("b", "Berlin", parent="a")
    world.sync()
    folder = ContactFolder.objects.get(name="Berlin")
    call = make_call(world.alice)
    answer = alice_client.post(
        f"{NEW}?call={call.pk}",
        {
            "given_name": "Anna ",
            "family_name": "Weber",
            "email": "anna@weber.example",
            "organization": "Weber GmbH",
            "number": "030 90 18 20",
            "number_type": "work",
            "folder": folder.pk,
        },
    )
    row = Contact.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, reverse("contacts:show", args=[row.pk]))
    assert "Saving to Memory Contacts" in text_of(alice_client.get(answer["Location"]))
    assert "Saving" in text_of(alice_client.get("/contacts/"))

    world.work()
    (made,) = world.held
    assert (made.given_name, made.family_name, made.organization, made.folders) == (
        "Anna",
        "Weber",
        "Weber GmbH",
        ("b",),
    )
    assert [(one.value, one.kind) for one in made.numbers] == [("030 90 18 20", "work")]
    assert "Saving" not in text_of(alice_client.get(answer["Location"]))


def test_a_number_that_cannot_be_read_is_kept_with_a_warning(world: World, alice_client: Client) -> None:
    answer = alice_client.post(NEW, {"given_name": "Desk", "number": "4711", "number_type": "work"}, follow=True)
    assert "kept as you typed it" in text_of(answer)
    assert Contact.objects.get().numbers.get().value == "4711"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "at least an organization"),
        ({"given_name": "\x00 \x07"}, "at least an organization"),
        ({"given_name": "x" * 5_000}, "5,000 characters"),
        ({"given_name": "A", "email": "not one"}, "no e-mail address"),
        ({"given_name": "A", "number": "0" * 61, "number_type": "work"}, "at most 60 fit"),
        ({"given_name": "A", "number": "030 1234567", "number_type": "carrier pigeon"}, "Choose one of these"),
        ({"given_name": "A", "number": "030 1234567"}, "Choose one of these"),
        ({"given_name": "A", "folder": "999"}, "Choose another one"),
        ({"given_name": "A", "folder": "<script>"}, "Choose another one"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    world: World, alice_client: Client, typed: dict[str, str], said: str
) -> None:
    page = alice_client.post(NEW, typed | {"organization": "" if "organization" in said else "Kept Ltd"})
    assert page.status_code == 422
    assert said in text_of(page)
    if "organization" not in said:
        assert value_of(page, "organization") == "Kept Ltd"
    assert not Contact.objects.exists()


def test_what_no_line_shows_is_no_name_and_no_part_of_a_number(world: World, alice_client: Client) -> None:
    page = alice_client.post(NEW, {"given_name": "\u200b", "organization": "\u2060\u0301"})
    assert page.status_code == 422 and "Type a name" in text_of(page)
    # As phones copy it.
    typed = {"given_name": "\u0646\u200c\u0645", "number": "\u202a+49 30 901820\u202c", "number_type": "work"}
    assert alice_client.post(NEW, typed).status_code == 303
    world.work()
    assert world.there == [("\u0646\u200c\u0645", ("+49 30 901820",))]


def test_a_folder_that_can_be_read_only_is_shown_and_not_to_be_chosen(world: World, alice_client: Client) -> None:
    world.person.put_folder("a", "HR", is_writable=False)
    world.sync()
    folder = ContactFolder.objects.get()
    assert "HR (read only)" in text_of(alice_client.get(NEW))
    assert alice_client.post(NEW, {"given_name": "A", "folder": folder.pk}).status_code == 422


# Who may be meant already


@pytest.fixture
def anna(world: World) -> Contact:
    row = world.create(draft("Änna", "Weber", "+49 30 901820", email="anna@weber.example"))
    world.work()
    return Contact.objects.get(pk=row.pk)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"given_name": "Somebody", "number": "030 / 90-1820", "number_type": "work"}, "the same number"),
        ({"given_name": "Somebody", "email": "ANNA@weber.example"}, "the same e-mail address"),
        ({"given_name": "anna", "family_name": "WEBER"}, "the same name"),
    ],
)
def test_who_may_be_meant_is_shown_first_and_created_all_the_same(
    world: World, anna: Contact, alice_client: Client, typed: dict[str, str], said: str
) -> None:
    page = alice_client.post(NEW, typed)
    assert page.status_code == 422
    assert said in text_of(page) and "Create anyway" in text_of(page)
    assert Contact.objects.count() == 1

    assert alice_client.post(NEW, typed | {"anyway": "1"}).status_code == 303
    assert Contact.objects.count() == 2


def test_nobody_elses_contacts_are_meant(
    world: World, anna: Contact, bob: User, bob_client: Client, make_connection: Any
) -> None:
    make_connection(bob, provider="memory", contacts_write=True)
    typed = {"given_name": "Anna", "family_name": "Weber", "number": "030 901820", "number_type": "work"}
    assert bob_client.post(NEW, typed).status_code == 303


def test_pressing_twice_creates_one(world: World, alice_client: Client) -> None:
    typed = {"given_name": "Ben", "number": "030 1234567", "number_type": "work"}
    assert [alice_client.post(NEW, typed).status_code for _ in range(2)] == [303, 422]
    assert Contact.objects.count() == 1


def test_pressing_anyway_twice_creates_one(world: World, anna: Contact, alice_client: Client) -> None:
    typed = {"given_name": "Anna", "family_name": "Weber", "anyway": "1"}
    answers = [alice_client.post(NEW, typed) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Contact.objects.count() == 2
    world.work()
    assert alice_client.post(NEW, typed)["Location"] == answers[0]["Location"]
    assert alice_client.post(NEW, typed | {"organization": "Acme"})["Location"] != answers[0]["Location"]
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        assert alice_client.post(NEW, typed)["Location"] != answers[0]["Location"]
    assert Contact.objects.count() == 4


def test_who_has_the_number_is_shown_before_all_those_of_the_same_address(world: World, alice_client: Client) -> None:
    office = (RemoteEmail("info@acme.example"),)
    for one in range(25):
        world.person.put_contact(f"c{one}", display_name=f"Person {one:02}", emails=office)
    world.person.put_contact("z", display_name="Zoe", emails=office, numbers=(RemoteNumber("+49 30 901820"),))
    world.sync()
    typed = {"given_name": "Z", "email": "info@acme.example", "number": "030 901820", "number_type": "work"}
    said = text_of(alice_client.post(NEW, typed))
    assert "the same number and e-mail address" in said and said.index("Zoe") < said.index("Person 00")


def test_what_is_typed_is_checked_on_the_way(world: World, anna: Contact, alice_client: Client) -> None:
    page = alice_client.post(NEW, {"check": "1", "number": "030 901820"}, headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert "Änna Weber" in text_of(page) and "<form" not in page.content.decode()
    page = alice_client.post(NEW, {"check": "1", "number": "12"}, headers={"HX-Request": "true"})
    assert "cannot be called from here" in text_of(page)
    assert Contact.objects.count() == 1


def test_the_number_goes_to_one_of_them_instead(
    world: World, anna: Contact, alice_client: Client, bob: User, make_connection: Any
) -> None:
    typed = {"given_name": "Anna", "family_name": "Weber", "number": "0171 2345678", "number_type": "mobile"}
    page = alice_client.post(NEW, typed | {"instead": anna.pk})
    assert page.status_code == 200
    assert (value_of(page, "number"), chosen_in(page, "number_type")) == ("0171 2345678", "mobile")
    assert f"/contacts/{anna.pk}/numbers/new/" in page.content.decode()
    theirs = Contact.objects.create(connection=make_connection(bob), remote_id="1")
    for other in (theirs.pk, "x", "9" * 40):
        assert alice_client.post(NEW, typed | {"instead": other}).status_code == 404


def test_the_page_asks_as_much_of_the_database_however_many_there_are(world: World, alice_client: Client) -> None:
    typed = {"given_name": "Zoe", "number": "030 901820", "number_type": "work"}
    counts = []
    alice_client.get(NEW)
    for size in (2, 40):
        for one in range(size):
            world.person.put_contact(f"c{size}-{one}", given_name="Zoe", display_name="Zoe", numbers=())
        world.sync()
        with CaptureQueriesContext(database) as queries:
            assert alice_client.post(NEW, typed).status_code == 422
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Who may not


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"contacts_write": False}, "Contacts write is not part of your connection."),
        ({"status": Status.RECONNECT_NEEDED}, "you have to sign in at Memory again"),
        ({"contacts_write": False, "contacts_read": False}, "Contacts write is not part of your connection."),
    ],
)
def test_without_the_permission_the_page_says_why(
    world: World, alice_client: Client, change: dict[str, Any], said: str
) -> None:
    assert find_ways(world.alice).create_url == NEW
    Connection.objects.update(**change)
    page = alice_client.get(NEW)
    assert said in text_of(page) and "contact-form" not in page.content.decode()
    ways = find_ways(world.alice)
    assert (ways.create_url, ways.add_url) == ("", "") and said in ways.reason
    posted = alice_client.post(NEW, {"given_name": "Kept"})
    assert posted.status_code == 422 and value_of(posted, "given_name") == "Kept"
    assert not Contact.objects.exists()


def test_where_policy_does_not_allow_it_the_page_says_so(world: World, alice_client: Client) -> None:
    set_policy(world.alice.organization, {"memory.contacts_write": "off"})
    page = alice_client.get(NEW)
    assert "contact-form" not in page.content.decode()
    assert find_ways(world.alice).reason and find_ways(world.alice).reason in text_of(page)
    assert "New contact</a>" not in alice_client.get("/contacts/").content.decode()


def test_without_a_connection_the_page_leads_to_one(alice: User, alice_client: Client) -> None:
    page = alice_client.get(NEW)
    assert "not connected" in text_of(page)
    assert reverse("integrations:connection_new") in page.content.decode()
    assert "not connected" in find_ways(alice).reason


def test_a_permission_taken_away_while_the_form_was_open_is_noticed(
    world: World, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_away(user: User, **more: Any) -> Any:
        Connection.objects.update(contacts_write=False)
        return find_connection(user, **more)

    monkeypatch.setattr(create_views, "find_connection", take_away)
    page = alice_client.post(NEW, {"given_name": "Anna"})
    assert page.status_code == 422 and "not part of your connection" in text_of(page)
    assert not ContactWrite.objects.exists()


# Made of what could not be saved


def test_what_was_refused_is_changed_and_saved_in_its_place(
    world: World, alice_client: Client, bob_client: Client
) -> None:
    world.service.fail(Rejected("This name is too long."), at="create contact")
    world.create(draft("Annannanna", "Weber", "030 901820"))
    world.work()
    write = ContactWrite.objects.get()
    page = alice_client.get(NEW, {"write": write.pk})
    assert value_of(page, "given_name") == "Annannanna"
    assert bob_client.get(NEW, {"write": write.pk}).status_code == 404

    assert f'hx-post="{NEW}?write={write.pk}"' in page.content.decode()
    typed = {"given_name": "Anna", "family_name": "Weber", "number": "030 901820", "number_type": "mobile"}
    checked = alice_client.post(f"{NEW}?write={write.pk}", typed | {"check": "1"})
    assert checked.status_code == 200 and "Annannanna" not in text_of(checked), "it is no other than itself"
    assert alice_client.post(f"{NEW}?write={write.pk}", typed).status_code == 303
    world.work()
    assert world.page == world.there == [("Anna Weber", ("030 901820",))]
    assert not ContactWrite.objects.open().exists()


def test_what_was_settled_while_its_form_was_open_is_not_made_a_second_time(
    world: World, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle_first(user: User, **more: Any) -> Any:
        queueing.put_again(write)
        world.work()
        return find_connection(user, **more)

    world.service.fail(Rejected("No."), at="create contact")
    world.create(draft("Anna", "Weber"))
    world.work()
    write = ContactWrite.objects.get()
    monkeypatch.setattr(create_views, "find_connection", settle_first)
    page = alice_client.post(f"{NEW}?write={write.pk}", {"given_name": "Anna", "family_name": "Webers"})
    assert page.status_code == 422 and "settled meanwhile" in text_of(page)
    assert world.page == world.there == [("Anna Weber", ())]


def test_what_was_refused_goes_once_its_number_is_given_to_another(
    world: World, anna: Contact, alice_client: Client
) -> None:
    world.service.fail(Rejected("No."), at="create contact", times=2)
    for number in ("0171 2345678", "030 901820"):
        world.create(draft("Ann", "Weber", number))
    world.work()
    for write, answers in zip(ContactWrite.objects.open(), [(422, 303), (303, 404)], strict=True):
        number = write.draft_json["numbers"][0]["value"]
        typed = {"given_name": "Ann", "family_name": "Weber", "number": number, "number_type": "mobile"}
        page = alice_client.post(f"{NEW}?write={write.pk}", typed | {"instead": anna.pk})
        url = f"/contacts/{anna.pk}/numbers/new/?write={write.pk}"
        assert f'action="{url}"' in page.content.decode()
        seen = re.search(r'name="seen" value="([0-9a-f]+)"', page.content.decode())
        assert seen
        told = [alice_client.post(url, typed | {"seen": one}).status_code for one in ("stale", seen[1])]
        assert tuple(told) == answers, "the other number it has already, so there is nothing to compare"
        world.work()
    assert not ContactWrite.objects.open().exists()
    assert world.page == world.there == [("Änna Weber", ("+49 30 901820", "0171 2345678"))]
