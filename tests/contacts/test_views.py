"""The pages: what a person sees of their own contacts, and a stranger never."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ContactFolder
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.remote import RemoteEmail, RemoteFolder, RemoteNumber
from organizations.models import Organization, User
from tests.contacts.conftest import Apply, person
from tests.policies import set_policy

LIST = "/contacts/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "contacts"}


@pytest.fixture
def connection(connection: Connection) -> Connection:
    """Alice's, read half a minute ago and not due."""
    connection.synced_at = timezone.now() - timedelta(seconds=30)
    connection.next_sync_at = timezone.now() + timedelta(hours=1)
    connection.save()
    return connection


def text_of(response: object) -> str:
    """The page's words on one line, without its markup."""
    body = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", response.content.decode())  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def show_url(name: str) -> str:
    return reverse("contacts:show", args=[Contact.objects.get(display_name=name).pk])


# Who sees what


@pytest.mark.usefixtures("connection")
def test_a_person_sees_their_contacts(apply: Apply, alice_client: Client) -> None:
    apply(person("1", "Ada Lovelace", organization="Engines Ltd", title="Programmer", emails=("ada@engines.example",)))
    page = alice_client.get(LIST)
    assert page.status_code == 200
    assert [one["display_name"] for one in Contact.objects.values("display_name")] == ["Ada Lovelace"]
    words = text_of(page)
    assert "Ada Lovelace" in words and "Programmer, Engines Ltd" in words and "ada@engines.example" in words
    assert alice_client.get(show_url("Ada Lovelace")).status_code == 200


@pytest.mark.parametrize("who", ["bob_client", "charlie_client", "dora_client", "support_client"])
def test_nobody_else_sees_them(
    apply: Apply, who: str, request: pytest.FixtureRequest, make_connection: Callable[..., Connection]
) -> None:
    apply(person("1", "Ada Lovelace", folders=("f",)), folders=(RemoteFolder("f", "Hush"),))
    client = request.getfixturevalue(who)
    has_connection = who in ("bob_client", "dora_client")
    if has_connection:
        make_connection(User.objects.get(email=f"{who.removesuffix('_client')}@northwind.example"))
    assert client.get(show_url("Ada Lovelace")).status_code == 404
    page = client.get(LIST)
    assert page.status_code == 200
    assert "Ada" not in text_of(page) and "Hush" not in text_of(page)
    if has_connection:
        assert client.get(LIST, {"folder": ContactFolder.objects.get().pk}).status_code == 404


def test_who_is_not_signed_in_is_asked_to(apply: Apply, client: Client) -> None:
    apply(person("1", "Ada"))
    for url in (LIST, show_url("Ada")):
        page = client.get(url)
        assert page.status_code == 302 and page["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_are_only_for_reading(apply: Apply, alice_client: Client, method: str) -> None:
    apply(person("1", "Ada"))
    for url in (LIST, show_url("Ada")):
        assert getattr(alice_client, method)(url).status_code == 405
        assert alice_client.head(url).status_code == 200


def test_what_does_not_exist_is_not_found(apply: Apply, alice_client: Client) -> None:
    apply(person("1", "Ada"))
    assert alice_client.get(f"{LIST}999999/").status_code == 404
    assert alice_client.get(f"{LIST}9999999999999999999999/").status_code == 404
    for folder in ("999", "x", "1 OR 1=1", "\x00", "9" * 40):
        assert alice_client.get(LIST, {"folder": folder}).status_code == 404
    assert alice_client.get(LIST, {"folder": ""}).status_code == 200


def test_private_pages_are_not_kept_by_browsers(apply: Apply, alice_client: Client) -> None:
    apply(person("1", "Ada"))
    page = alice_client.get(LIST)
    assert "no-store" in page["Cache-Control"]
    assert "HX-Request" in page["Vary"]


# What is in the way


def test_without_a_connection_the_page_leads_to_one(alice_client: Client) -> None:
    page = alice_client.get(LIST)
    assert "Connect your contacts" in text_of(page)
    assert reverse("integrations:connection_new") in page.content.decode()


def test_without_the_permission_the_page_says_why(connection: Connection, alice_client: Client) -> None:
    Connection.objects.update(contacts_read=False)
    page = alice_client.get(LIST)
    assert "not part of your connection" in text_of(page)
    assert reverse("integrations:connection_edit") in page.content.decode()


def test_a_box_left_unticked_at_the_provider_is_named(connection: Connection, alice_client: Client) -> None:
    Connection.objects.update(contacts_read=False, declined=["contacts_read"])
    page = alice_client.get(LIST)
    assert "Contacts were not allowed at Google" in text_of(page)
    assert reverse("integrations:connection_edit") in page.content.decode()


def test_an_organization_that_does_not_allow_it_is_named(
    apply: Apply, northwind: Organization, alice_client: Client
) -> None:
    apply(person("1", "Ada"))
    rule = set_policy(northwind, {"google.contacts_read": "off"})
    words = text_of(alice_client.get(LIST))
    assert "Contacts read was switched off by your organization." in words and "Ada" not in words
    assert alice_client.get(show_url("Ada")).status_code == 404
    rule.choices = {"enabled": False}
    rule.save()
    words = text_of(alice_client.get(LIST))
    assert "contact integration is switched off, by your organization." in words and "Ada" not in words
    rule.delete()
    assert "Ada" in text_of(alice_client.get(LIST))


def test_an_empty_address_book_says_so(connection: Connection, alice_client: Client) -> None:
    assert "No contacts yet" in text_of(alice_client.get(LIST))


def test_a_first_sync_shows_how_far_it_is(apply: Apply, connection: Connection, alice_client: Client) -> None:
    Connection.objects.update(synced_at=None, next_sync_at=timezone.now())
    assert "about to read Google Contacts" in text_of(alice_client.get(LIST))
    SyncRun.objects.create(connection=connection, outcome=Outcome.RUNNING, feed="contacts", pages=1, seen=2)
    apply(person("1", "Ada"), person("2", "Ben"))
    words = text_of(alice_client.get(LIST))
    assert "2 contacts so far" in words and "Ada" in words


def test_a_first_sync_that_failed_says_why(connection: Connection, alice_client: Client) -> None:
    Connection.objects.update(synced_at=None, failures=1, error_sentence="Google cannot be reached just now.")
    words = text_of(alice_client.get(LIST))
    assert "Not everything has been read yet" in words and "cannot be reached" in words


def test_a_dead_connection_shows_the_last_contacts_with_their_age(
    apply: Apply, connection: Connection, alice_client: Client
) -> None:
    apply(person("1", "Ada"))
    Connection.objects.update(status=Status.RECONNECT_NEEDED, synced_at=timezone.now() - timedelta(days=3))
    words = text_of(alice_client.get(LIST))
    assert "Ada" in words and "Reconnect" in words and "3 days ago" in words
    assert "Sync now" not in words


def test_a_service_in_trouble_is_explained(apply: Apply, connection: Connection, alice_client: Client) -> None:
    apply(person("1", "Ada"))
    Connection.objects.update(failures=2, error_sentence="Google cannot be reached just now.")
    words = text_of(alice_client.get(LIST))
    assert "Google cannot be reached just now." in words and "Ada" in words and "Sync now" in words


def test_a_suddenly_empty_address_book_is_asked_about(
    apply: Apply, connection: Connection, alice_client: Client
) -> None:
    apply(person("1", "Ada"))
    SyncCursor.objects.create(connection=connection, feed="contacts", emptied_at=timezone.now())
    words = text_of(alice_client.get(LIST))
    assert "address book is now empty" in words and "Ada" in words


# Finding


@pytest.fixture
def book(apply: Apply) -> None:
    folders = (RemoteFolder("a", "Clients"), RemoteFolder("b", "North", parent="a"), RemoteFolder("x", ""))
    apply(
        person("1", "Ada Müller", folders=("a",), numbers=("030 901820",)),
        person("2", "Ben Stone", folders=("b",), organization="Müller AG"),
        person("3", "", numbers=("0171 2345678",)),
        folders=folders,
    )


@pytest.mark.usefixtures("book")
def test_search_and_folder_narrow_the_list_and_stay_in_the_url(alice_client: Client) -> None:
    found = alice_client.get(LIST, {"q": "muller"})
    assert "2 contacts found for “muller”" in text_of(found)
    clients = ContactFolder.objects.get(name="Clients")
    page = alice_client.get(LIST, {"q": "muller", "folder": clients.pk})
    words = text_of(page)
    assert "1 contact found for “muller” in Clients" in words and "Ben" not in words
    body = page.content.decode()
    north = ContactFolder.objects.get(name="North")
    assert f'href="?q=muller&amp;folder={north.pk}"' in body
    assert f"{show_url('Ada Müller')}?q=muller&amp;folder={clients.pk}" in body
    contact = alice_client.get(f"{show_url('Ada Müller')}?q=muller&folder={clients.pk}&evil=1")
    assert f'href="/contacts/?q=muller&amp;folder={clients.pk}"' in contact.content.decode()


@pytest.mark.usefixtures("book")
def test_a_number_is_found_as_people_there_dial_it(alice_client: Client) -> None:
    assert "Ada Müller" in text_of(alice_client.get(LIST, {"q": "+49 (0)30 901820"}))


@pytest.mark.usefixtures("book")
def test_nothing_found_says_what_to_do(alice_client: Client) -> None:
    assert "Nobody found" in text_of(alice_client.get(LIST, {"q": "xyzzy"}))
    empty = ContactFolder.objects.get(name="")
    words = text_of(alice_client.get(LIST, {"folder": empty.pk}))
    assert "This folder is empty" in words and "Unnamed folder" in words


@pytest.mark.usefixtures("book")
def test_odd_pages_and_searches_are_answered(alice_client: Client) -> None:
    for page in ("0", "-1", "99", "x", "1e9", "", "\x00"):
        assert alice_client.get(LIST, {"page": page}).status_code == 200
    for text in ("%", "_", "\\", "\x00", "'", "x" * 10_000, "\ud83e\udd8a".encode("utf-16", "surrogatepass")):
        assert alice_client.get(LIST, {"q": text}).status_code == 200


@pytest.mark.usefixtures("book")
def test_the_folders_say_how_many_are_in_them(alice_client: Client) -> None:
    words = text_of(alice_client.get(LIST))
    assert "All contacts 3" in words and "Clients 1" in words and "North 1" in words


def test_contacts_stand_under_their_letters_on_every_page(apply: Apply, alice_client: Client) -> None:
    apply(*(person(str(serial), f"{chr(65 + serial % 26)} {serial:03}") for serial in range(120)), person("x", "9 Ltd"))
    page = alice_client.get(LIST)
    listing = page.context["listing"]
    assert [one.initial for one in listing.groups][:3] == ["#", "A", "B"]
    assert listing.total == 121
    assert (listing.letters[0].page, listing.letters[-1].page) == (1, 3)
    for letter in listing.letters:
        there = alice_client.get(LIST, {"page": letter.page}).context["listing"]
        assert letter.initial in [one.initial for one in there.groups]


def test_many_alphabets_share_a_link(apply: Apply, alice_client: Client) -> None:
    apply(*(person(str(serial), chr(0x4E00 + serial)) for serial in range(60)), person("a", "Ada"))
    letters = alice_client.get(LIST).context["listing"].letters
    assert [one.initial for one in letters] == ["A", "…"]


# Fragments


@pytest.mark.usefixtures("book")
def test_htmx_gets_the_list_and_the_choice_of_folders(alice_client: Client) -> None:
    page = alice_client.get(LIST, {"q": "ada"}, headers=FRAGMENT)
    body = page.content.decode()
    assert body.lstrip().startswith('<div id="contacts"')
    assert 'data-announce="1 contact found for “ada”' in body
    assert 'id="contacts-choice" hx-swap-oob="true"' in body
    assert "<html" not in body


@pytest.mark.usefixtures("book")
def test_without_htmx_the_same_url_is_a_whole_page_and_the_form_works(alice_client: Client) -> None:
    body = alice_client.get(LIST, {"q": "ada"}).content.decode()
    assert "<html" in body and "hx-swap-oob" not in body.split('id="contacts"')[1]
    assert re.search(r'<form class="toolbar" action="/contacts/" method="get"', body)
    assert 'value="ada"' in body


def test_the_line_about_freshness_says_when_rows_have_changed(
    apply: Apply, connection: Connection, alice_client: Client
) -> None:
    def ask(pulse: str) -> object:
        headers = {"HX-Request": "true", "HX-Target": "contacts-freshness", "X-Pulse": pulse}
        return alice_client.get(LIST, headers=headers)

    def pulse() -> str:
        found = re.search(r'"X-Pulse": "([^"]*)"', alice_client.get(LIST).content.decode().replace("&quot;", '"'))
        assert found
        return found[1]

    known = pulse()
    assert ask(known).status_code == 204  # type: ignore[attr-defined]
    SyncRun.objects.create(connection=connection, outcome=Outcome.DONE)
    line = ask(known)
    assert line.status_code == 200 and "HX-Trigger" not in line.headers  # type: ignore[attr-defined]
    assert "Sync now" in text_of(line) and 'name="next" value="/contacts/"' in line.content.decode()  # type: ignore[attr-defined]
    known = pulse()
    SyncRun.objects.create(connection=connection, outcome=Outcome.DONE, changed=1)
    assert ask(known).headers["HX-Trigger"] == "contacts-changed"  # type: ignore[attr-defined]


# One contact


def test_a_contact_shows_everything_it_has(apply: Apply, alice_client: Client) -> None:
    apply(
        person(
            "1",
            "Ada Lovelace",
            organization="Engines Ltd",
            title="Programmer",
            folders=("f", "hidden"),
            addresses=("12 St James's Square\nLondon",),
            note="First line\nSecond line",
            numbers=("030 901820", "+44 20 7946 0018 x12", "4711"),
        ),
        folders=(RemoteFolder("f", "Friends"),),
    )
    body = alice_client.get(show_url("Ada Lovelace")).content.decode()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
    for expected in (
        "Ada Lovelace",
        "Programmer · Engines Ltd",
        "030 901820 +4930901820",
        "+44 20 7946 0018 ext. 12 There it is written +44 20 7946 0018 x12",
        "4711 Kept as it stands It is a short number",
        "Friends",
    ):
        assert expected in words, expected
    assert "12 St James&#x27;s Square<br>London" in body
    assert "First line<br>Second line" in body


def test_an_address_is_a_link_only_where_it_is_one(apply: Apply, alice_client: Client) -> None:
    apply(
        person(
            "1",
            "Ada",
            emails=("ada+x@engines.example", "ada at home", "a@b.example?bcc=all@evil.example", "javascript:alert(1)"),
        )
    )
    body = alice_client.get(show_url("Ada")).content.decode()
    assert 'href="mailto:ada%2Bx@engines.example"' in body
    assert body.count("mailto:") == 1
    assert 'href="javascript' not in body
    assert "ada at home" in body


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7|add:7 }}'


def test_script_in_any_field_is_text(apply: Apply, alice_client: Client) -> None:
    apply(
        person(
            "1",
            f"name {HOSTILE}",
            given_name=HOSTILE,
            family_name=HOSTILE,
            organization=f"org {HOSTILE}",
            title=f"title {HOSTILE}",
            folders=("f",),
            addresses=(HOSTILE,),
            note=HOSTILE,
        ),
        person("2", "Numbers", numbers=(HOSTILE,), emails=(HOSTILE,)),
        folders=(RemoteFolder("f", HOSTILE),),
    )
    contact = person("3", "Labels")
    contact = type(contact)(
        contact.ref,
        display_name="Labels",
        numbers=(RemoteNumber("030 901820", label=HOSTILE),),
        emails=(RemoteEmail("a@b.example", HOSTILE),),
    )
    apply(contact)
    urls = [LIST, f"{LIST}?q={HOSTILE}", f"{LIST}?folder={ContactFolder.objects.get().pk}"]
    urls += [reverse("contacts:show", args=[one.pk]) for one in Contact.objects.all()]
    for url in urls:
        for headers in ({}, FRAGMENT):
            body = alice_client.get(url, headers=headers).content.decode()
            assert "<script>alert" not in body and "<img src=x" not in body, url
            assert "alert(1)" in body or "Labels" in body, url
            assert "14" not in re.findall(r"onerror=alert\(1\)&gt;(.{0,2})", body), url


@pytest.mark.parametrize("name", ["مُحَمَّد العربي", "王小明", "🦊 Fox", "Ｆｕｌｌ", "a\u202egnp.exe", "n\u0303o"])
def test_names_of_any_script_are_shown_apart_from_their_surroundings(
    apply: Apply, alice_client: Client, name: str
) -> None:
    apply(person("1", name))
    for url in (LIST, show_url(name)):
        assert f"<bdi>{name}</bdi>" in alice_client.get(url).content.decode()


def test_a_contact_without_anything_has_a_page(apply: Apply, alice_client: Client) -> None:
    apply(person("1"))
    words = text_of(alice_client.get(reverse("contacts:show", args=[Contact.objects.get().pk])))
    assert "No name" in words and "holds nothing else" in words


# However many


@pytest.mark.parametrize("size", [1, 3, 300])
def test_the_list_asks_as_much_of_the_database_however_many_there_are(
    apply: Apply, alice_client: Client, size: int
) -> None:
    folders = tuple(RemoteFolder(str(one), f"F{one}", parent=str(one - 1)) for one in range(min(size, 30)))
    apply(
        *(person(str(one), f"P{one}", numbers=("030 901820", "4711"), folders=("0",)) for one in range(size)),
        folders=folders,
    )
    alice_client.get(LIST)
    for url in (LIST, f"{LIST}?q=p", f"{LIST}?q=030+90&page=2", f"{LIST}?folder={ContactFolder.objects.first().pk}"):
        with CaptureQueriesContext(database) as queries:
            assert alice_client.get(url).status_code == 200
        assert len(queries) == LIST_QUERIES, [one["sql"][:120] for one in queries]


LIST_QUERIES = 17
"""Session, person, organization, policy; connection, twice, runs, cursors; folders, count, letters, rows, numbers;
what is on its way; licence, and whom to ask for one."""
