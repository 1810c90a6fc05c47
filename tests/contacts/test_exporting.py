"""Contacts as files: what the list shows and nobody else's, as other address books and spreadsheets read it."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from contacts.exporting import AT_ONCE, list_vcards
from contacts.models import Contact, ContactFolder
from contacts.vcards import LONGEST_LINE, fold_line
from integrations.models import Connection
from integrations.remote import NumberKind, RemoteEmail, RemoteFolder, RemoteNumber
from organizations.models import Organization, User
from tests.contacts.conftest import Apply, person
from tests.policies import set_policy

CSV = "/contacts/export.csv"
VCARDS = "/contacts/export.vcf"


def read(client: Client, url: str, **filters: object) -> str:
    answer = client.get(url, filters)
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def read_csv(client: Client, **filters: object) -> list[list[str]]:
    return list(csv.reader(io.StringIO(read(client, CSV, **filters).removeprefix("\ufeff"))))


def unfold(text: str) -> list[str]:
    """The lines of a file of vCards, as a program that reads it sees them. Each ends as the standard says."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= LONGEST_LINE for line in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")[:-1]


@pytest.fixture
def book(apply: Apply) -> None:
    numbers = (
        RemoteNumber("030 901820", NumberKind.MOBILE),
        RemoteNumber("+44 20 7946 0018 x12", NumberKind.WORK),
        RemoteNumber("0171 2345678", NumberKind.OTHER, "Boat; aft"),
        RemoteNumber("030 901821", NumberKind.FAX),
        RemoteNumber("4711, ask", NumberKind.OTHER),
    )
    ada = person(
        "1",
        "Ada Müller",
        given_name="Ada",
        family_name="Müller",
        organization="Engines, Ltd; North",
        title="Back\\slash",
        folders=("a", "hidden"),
        addresses=("Unter den Linden 1\nBerlin",),
        note="First, line\nSecond; line",
    )
    emails = (RemoteEmail("ada@engines.example", "work"), RemoteEmail("ada@home.example"))
    fields = {name: getattr(ada, name) for name in ada.__dataclass_fields__} | {"numbers": numbers, "emails": emails}
    apply(
        type(ada)(**fields),
        person("2", "Ben Stone", folders=("b",), numbers=("030 555123",)),
        folders=(RemoteFolder("a", "Clients, all"), RemoteFolder("b", "North")),
    )


@pytest.mark.usefixtures("book")
def test_a_vcard_holds_all_there_is(alice_client: Client) -> None:
    answer = alice_client.get(f"/contacts/{Contact.objects.get(display_name='Ada Müller').pk}/contact.vcf")
    assert answer["Content-Type"] == "text/vcard; charset=utf-8"
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''Ada%20M%C3%BCller.vcf"
    assert "no-store" in answer["Cache-Control"]
    assert unfold(answer.content.decode()) == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "N:Müller;Ada;;;",
        "FN:Ada Müller",
        r"ORG:Engines\, Ltd\; North",
        r"TITLE:Back\\slash",
        "TEL;TYPE=CELL:+4930901820",
        "TEL;TYPE=WORK,VOICE:+442079460018 ext. 12",
        "item1.TEL:+491712345678",
        r"item1.X-ABLabel:Boat\; aft",
        "TEL;TYPE=WORK,FAX:+4930901821",
        r"TEL;TYPE=VOICE:4711\, ask",
        "EMAIL;TYPE=INTERNET,WORK:ada@engines.example",
        "EMAIL;TYPE=INTERNET:ada@home.example",
        r"ADR:;;Unter den Linden 1\nBerlin;;;;",
        r"CATEGORIES:Clients\, all",
        r"NOTE:First\, line\nSecond\; line",
        "END:VCARD",
    ]


@pytest.mark.usefixtures("book")
def test_a_csv_holds_all_there_is(alice_client: Client) -> None:
    header, ada, ben = read_csv(alice_client)
    assert dict(zip(header, ada, strict=True)) == {
        "Name": "Ada Müller",
        "Given name": "Ada",
        "Family name": "Müller",
        "Organization": "Engines, Ltd; North",
        "Title": "Back\\slash",
        "E-mail addresses": "ada@engines.example; ada@home.example",
        "Phone numbers": "Mobile: +4930901820; Work: +442079460018 ext. 12; Boat; aft: +491712345678; Fax: +4930901821",
        "Phone numbers as they stand": (
            "Mobile: 030 901820; Work: +44 20 7946 0018 x12; Boat; aft: 0171 2345678; Fax: 030 901821; Other: 4711, ask"
        ),
        "Addresses": "Unter den Linden 1\nBerlin",
        "Folders": "Clients, all",
        "Note": "First, line\nSecond; line",
    }
    assert ben[0] == "Ben Stone"


@pytest.mark.usefixtures("book")
def test_a_file_holds_what_the_list_shows(alice_client: Client) -> None:
    north = ContactFolder.objects.get(name="North")
    for filters, expected in (
        ({}, ["Ada Müller", "Ben Stone"]),
        ({"q": "muller"}, ["Ada Müller"]),
        ({"q": "+49 (0)30 555123"}, ["Ben Stone"]),
        ({"folder": north.pk, "page": "9"}, ["Ben Stone"]),
        ({"folder": north.pk, "q": "muller"}, []),
    ):
        assert [row[0] for row in read_csv(alice_client, **filters)[1:]] == expected
        names = re.findall("(?m)^FN:(.*)\r$", read(alice_client, VCARDS, **filters))
        assert names == expected
    page = alice_client.get("/contacts/", {"q": "muller", "page": "1"}).content.decode()
    assert 'href="/contacts/export.vcf?q=muller" download' in page
    assert 'href="/contacts/export.csv?q=muller" download' in page
    for url in (CSV, VCARDS):
        assert alice_client.get(url, {"folder": "999"}).status_code == 404
        assert alice_client.post(url).status_code == 405


def test_cells_that_look_like_formulas_are_defused(apply: Apply, alice_client: Client) -> None:
    apply(person("1", "=cmd|' /C calc'!A0", organization="@SUM(1)", note="-1+1", numbers=("+49 30 901820",)))
    row = read_csv(alice_client)[1]
    assert row[0] == "'=cmd|' /C calc'!A0" and row[3] == "'@SUM(1)" and row[-1] == "'-1+1"
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_no_text_ends_a_card_or_begins_a_line(apply: Apply, alice_client: Client) -> None:
    hostile = "x\nEND:VCARD\nBEGIN:VCARD\r\nFN:Evil"
    apply(person("1", hostile, organization=hostile, note=hostile, addresses=(hostile,), emails=(hostile,)))
    lines = unfold(read(alice_client, VCARDS))
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == ["BEGIN:VCARD", "END:VCARD"]
    assert r"NOTE:x\nEND:VCARD\nBEGIN:VCARD\nFN:Evil" in lines


@pytest.mark.parametrize("name", ["../../etc/passwd", 'a"b\\c', "王小明", "...", "x" * 300, "a\u202egnp.exe"])
def test_a_file_is_named_for_the_contact(apply: Apply, alice_client: Client, name: str) -> None:
    apply(person("1", name))
    disposition = alice_client.get(f"/contacts/{Contact.objects.get().pk}/contact.vcf")["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename(=\"[\w .,()&'+-]+\.vcf\"|\*=utf-8''[\w.%~-]+\.vcf)", disposition)
    assert "/" not in disposition and len(disposition) < 400


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=400))
def test_a_folded_line_unfolds_to_itself(text: str) -> None:
    folded = fold_line(text)
    assert folded.replace("\r\n ", "") == text
    assert all(len(line.encode()) <= LONGEST_LINE for line in folded.split("\r\n"))


@pytest.mark.usefixtures("book")
def test_a_stranger_gets_nobody(
    bob: User,
    charlie_client: Client,
    bob_client: Client,
    alice_client: Client,
    make_connection: Callable[..., Connection],
) -> None:
    url = f"/contacts/{Contact.objects.earliest('pk').pk}/contact.vcf"
    make_connection(bob)
    assert len(read_csv(bob_client)) == 1 and read(bob_client, VCARDS) == ""
    assert charlie_client.get(CSV)["Location"] == charlie_client.get(VCARDS)["Location"] == "/contacts/"
    for client in (bob_client, charlie_client):
        assert client.get(url).status_code == 404
    assert Client().get(CSV).status_code == Client().get(url).status_code == 302
    assert alice_client.get(url).status_code == 200


@pytest.mark.usefixtures("book")
def test_what_may_not_be_read_now_is_no_file_either(northwind: Organization, alice_client: Client) -> None:
    url = f"/contacts/{Contact.objects.earliest('pk').pk}/contact.vcf"
    assert alice_client.get(url).status_code == 200
    set_policy(northwind, {"google.contacts_read": "off"})
    assert alice_client.get(CSV)["Location"] == alice_client.get(VCARDS)["Location"] == "/contacts/"
    assert alice_client.get(url).status_code == 404


def test_a_file_is_read_and_written_in_parts(connection: Connection) -> None:
    Contact.objects.bulk_create(
        Contact(connection=connection, remote_id=str(one), sort_name=f"{one:04}") for one in range(AT_ONCE + 1)
    )
    contacts = Contact.objects.of(connection)
    with CaptureQueriesContext(database) as queries:
        cards = list_vcards(contacts)
        next(cards)
        assert len(queries) == 3  # contacts; numbers and folders of the first part
        assert sum(1 for _ in cards) == AT_ONCE
    assert len(queries) == 5
