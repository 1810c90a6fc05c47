"""What the Contacts pages, and finding who calls, cost with 50,000 contacts, beside their floors, on both databases.

    .venv/bin/python -m bench.contacts [--count 50000] [--explain]

Alice has the contacts, with two numbers each, in 40 folders. 2,000 colleagues have 50 contacts each, with the numbers
of Alice's first 50: the people whom everybody in a house knows. Pages are asked for through the whole stack, by
Django's test client. Their floor is the page of Bare, who has no contact, and beside it the same rows by bare SQL: the
fifty and their numbers, and how many there are under each letter. The floor of finding a caller is the bare SQL alone,
that of a file every row by bare SQL, written by csv.writer.
"""

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.overview import list_databases
from bench.processes import run

COLLEAGUES = 2_000
KNOWN_TO_ALL = 50
FOLDERS = 40
TIMES = 7
GIVEN = ("Anna", "Bob", "Chiara", "Deniz", "Émile", "Farah", "Grace", "Hanno", "Ines", "Jörg", "Kamala", "Łukasz")
FAMILY = ("Weber", "Okafor", "Lindqvist", "Müller", "Stone", "Nguyen", "Rossi", "Schäfer", "Yılmaz", "Zimmermann")
FIRST_NUMBER = 4930_2000_0000
AT_ONCE = 2_000

ROWS = """
SELECT id, display_name, sort_name, organization, title, emails_json FROM contacts_contact
WHERE connection_id = %s AND {where} ORDER BY sort_name, id LIMIT 50 OFFSET {offset}
"""
LETTERS = (
    "SELECT substr(sort_name, 1, 1), count(*) FROM contacts_contact WHERE connection_id = %s AND {where} GROUP BY 1"
)
NUMBERS = "SELECT contact_id, value, e164, kind, label FROM contacts_contactnumber WHERE contact_id IN ({marks})"
ONE = "SELECT * FROM contacts_contact WHERE id = %s"
CALLERS = """
SELECT contact_id, e164, value, kind, label, extension FROM contacts_contactnumber
WHERE e164 IN ({marks}) AND connection_id = %s
"""
NAMES = "SELECT id, display_name, sort_name FROM contacts_contact WHERE id IN ({marks})"
FILED = "SELECT contact_id FROM contacts_filing WHERE folder_id = {folder}"
WHOLE = """
SELECT c.id, c.display_name, c.given_name, c.family_name, c.organization, c.title, c.emails_json, n.value, n.e164,
c.addresses_json, c.note FROM contacts_contact c LEFT JOIN contacts_contactnumber n ON n.contact_id = c.id
WHERE c.connection_id = %s ORDER BY c.sort_name, c.id, n.position
"""
PAGES = {
    # name: (address, the words of its floor, where its page begins)
    "list": ("/contacts/", "1 = 1", 0),
    "list, last page": ("/contacts/?page=99999", "1 = 1", -50),
    "list alone, while somebody types": ("/contacts/?q=web", "search_text LIKE '%%web%%'", 0),
    "a folder": ("/contacts/?folder={folder}", f"id IN ({FILED})", 0),
    "search: a name, many": ("/contacts/?q=weber", "search_text LIKE '%%weber%%'", 0),
    "search: two words": ("/contacts/?q=anna+w", "search_text LIKE '%%anna%%' AND search_text LIKE '%%w%%'", 0),
    "search: a number": ("/contacts/?q=030+20001234", "search_text LIKE '%%3020001234%%'", 0),
    "search: nobody": ("/contacts/?q=zebrafinch", "search_text LIKE '%%zebrafinch%%'", 0),
}  # fmt: skip


def seed(count: int) -> None:
    from django.db import connection as database
    from django.utils import timezone

    from contacts.models import Contact, ContactFolder, ContactNumber, Filing
    from integrations.models import Connection
    from organizations.models import Membership, Organization, User
    from phone.models import Licence

    organization = Organization.objects.create(name="Bench", time_zone="Europe/Berlin", default_region="DE")
    names = ["alice", *(f"colleague{n:04}" for n in range(COLLEAGUES)), "bare"]
    people = User.objects.bulk_create(
        User(email=f"{name}@bench.example", name=name.capitalize(), password="!") for name in names
    )
    Membership.objects.bulk_create(Membership(user=one, organization=organization) for one in people)
    Licence.objects.bulk_create(Licence(user=one, is_assigned=True) for one in (people[0], people[-1]))
    now = timezone.now()
    connections = Connection.objects.bulk_create(
        Connection(
            user=one, provider="google", mailbox=one.email, account_id=one.email, credentials={"token": "x"},
            contacts_read=True, synced_at=now, next_sync_at=now + timedelta(days=1),
        )
        for one in people
    )  # fmt: skip
    folders = ContactFolder.objects.bulk_create(
        ContactFolder(connection=connections[0], remote_id=str(n), name=f"Folder {n}", position=n,
                      parent_remote_id=str(n // 2) if n else "")
        for n in range(FOLDERS)
    )  # fmt: skip
    mine = [make_contact(connections[0], n) for n in range(count)]
    theirs = [make_contact(connection, n) for connection in connections[1:-1] for n in range(KNOWN_TO_ALL)]
    for contacts in (mine, theirs):
        Contact.objects.bulk_create(contacts, batch_size=AT_ONCE)
        ContactNumber.objects.bulk_create(
            (make_number(one, position) for one in contacts for position in range(2)), batch_size=AT_ONCE
        )
    Filing.objects.bulk_create(
        (Filing(contact=one, folder=folders[n % FOLDERS]) for n, one in enumerate(mine)), batch_size=AT_ONCE
    )
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")  # As a database that has been running for a day has done by itself.


def number_of(serial: int, position: int) -> str:
    return f"+{FIRST_NUMBER + serial + position * 10_000_000}"


def make_contact(connection: Any, serial: int) -> Any:
    from contacts.models import Contact
    from contacts.names import fold, sort_name_of

    given, family = GIVEN[serial % len(GIVEN)], FAMILY[serial // 7 % len(FAMILY)]
    name, organization = f"{given} {family} {serial}", f"Firm {serial % 997}"
    email = f"p{serial}@firm{serial % 997}.example"
    digits = "\n".join(number_of(serial, position)[1:] for position in range(2))
    return Contact(
        connection=connection, remote_id=f"c{serial}", version="1", display_name=name, given_name=given,
        family_name=family, sort_name=sort_name_of(name), organization=organization, title="Buyer",
        emails_json=json.dumps([{"address": email, "label": "work"}]), note="Met in the harbour. " * 5,
        search_text=fold(f"{name}\n{organization}\nBuyer\n{email}\n{digits}"),
        addresses_json=json.dumps(["Unter den Linden 1\n10117 Berlin"]),
    )  # fmt: skip


def make_number(contact: Any, position: int) -> Any:
    from contacts.models import ContactNumber

    e164 = number_of(int(contact.remote_id[1:]), position)
    return ContactNumber(
        contact=contact,
        connection_id=contact.connection_id,
        position=position,
        value=f"0{e164[3:5]} {e164[5:]}",
        e164=e164,
        kind=("mobile", "work")[position],
    )


def measure(act: Callable[[], object]) -> dict[str, Any]:
    """{wall, cpu, queries} of the middle one of several."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    act()
    times = []
    for _ in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    with CaptureQueriesContext(connection) as queries:
        act()
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    return {"wall": wall, "cpu": cpu, "queries": len(queries.captured_queries)}


def ask(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def mark(parameters: list[Any]) -> str:
    return ",".join(["%s"] * len(parameters))


def find_person(name: str) -> Any:
    from organizations.models import User

    return User.objects.get(email=f"{name}@bench.example")


def sign_in(person: Any) -> Any:
    from django.test import Client

    client = Client()
    client.force_login(person)
    return client


def key_of(pk: Any) -> Any:
    """A connection's key as bare SQL takes it."""
    from django.db import connection

    return pk.hex if connection.vendor == "sqlite" else pk


def measure_pages(count: int) -> dict[str, Any]:
    from contacts.models import Contact, ContactFolder

    alice = find_person("alice")
    client, bare = sign_in(alice), sign_in(find_person("bare"))
    key, folder = key_of(alice.connection.pk), ContactFolder.objects.earliest("pk").pk

    def read_page(where: str, offset: int) -> None:
        rows = ask(ROWS.format(where=where, offset=offset), [key])
        ask(LETTERS.format(where=where), [key])
        if rows:
            ask(NUMBERS.format(marks=mark(rows)), [row[0] for row in rows])

    found = {}
    for name, (address, where, offset) in PAGES.items():
        url, words = address.format(folder=folder), where.format(folder=folder)
        headers = {"HX-Request": "true", "HX-Target": "contacts"} if "alone" in name else {}
        assert client.get(url, headers=headers).status_code == 200
        begins = offset if offset >= 0 else count + offset
        floor = measure(lambda words=words, begins=begins: read_page(words, begins))
        empty = measure(lambda url=url, headers=headers: bare.get(url.partition("?")[0], headers=headers))
        found[name] = measure(lambda url=url, headers=headers: client.get(url, headers=headers))
        found[name] |= {"empty": empty["wall"], "floor": floor["wall"]}
    pk = Contact.objects.filter(connection=alice.connection).latest("pk").pk
    floor = measure(lambda: (ask(ONE, [pk]), ask(NUMBERS.format(marks="%s"), [pk])))
    empty = measure(lambda: bare.get("/contacts/"))
    found["one contact"] = measure(lambda: client.get(f"/contacts/{pk}/"))
    found["one contact"] |= {"empty": empty["wall"], "floor": floor["wall"]}
    return found


def measure_callers(count: int) -> dict[str, Any]:
    """Who calls: as the phone pages ask, without a page around it. The person's policy is known, as on every page."""
    from contacts.callers import ContactBook

    alice, book = find_person("alice"), ContactBook()
    key = key_of(alice.connection.pk)

    def match(numbers: list[str]) -> None:
        if rows := ask(CALLERS.format(marks=mark(numbers)), [*numbers, key]):
            ask(NAMES.format(marks=mark(rows)), [row[0] for row in rows])

    wanted = {
        "one number, Alice's alone": [number_of(count - 1, 0)],
        "50 numbers, Alice's alone": [number_of(count - 1 - n, n % 2) for n in range(50)],
        "one number that 2,000 colleagues have, too": [number_of(0, 0)],
        "50 numbers that 2,000 colleagues have, too": [number_of(n, 0) for n in range(KNOWN_TO_ALL)],
        "50 numbers of nobody": [f"+44207946{n:04}" for n in range(50)],
    }
    found = {}
    for name, numbers in wanted.items():
        floor = measure(lambda numbers=numbers: match(numbers))
        callers = book.find_callers(alice, numbers)
        assert len(callers) == (0 if "nobody" in name else len(numbers)), (name, len(callers))
        found[name] = measure(lambda numbers=numbers: book.find_callers(alice, numbers)) | {"floor": floor["wall"]}
    return found


def measure_files(count: int) -> dict[str, Any]:
    from bench.measuring import measure as watch

    alice = find_person("alice")
    client = sign_in(alice)
    found = {}
    for name in ("csv", "vcf"):
        url = f"/contacts/export.{name}"
        list(client.get(f"{url}?q=firm+77").streaming_content)
        with watch() as measured:
            size = sum(map(len, client.get(url).streaming_content))
        with watch() as floor:
            write = csv.writer(io.StringIO()).writerow
            for row in ask(WHOLE, [key_of(alice.connection.pk)]):
                write(row)
        found[name] = {
            "wall": measured.wall,
            "cpu": measured.cpu,
            "peak_mib": measured.peak_mib,
            "size": size,
            "floor": floor.wall,
        }
    return found


def explain(count: int) -> dict[str, Any]:
    from contacts.callers import match_numbers
    from contacts.models import Contact

    connection = find_person("alice").connection
    contacts = Contact.objects.of(connection)
    return {
        "list": contacts.by_name().for_list()[:50].explain(),
        "search": contacts.search("weber", region="DE").by_name().for_list()[:50].explain(),
        "callers": match_numbers(connection, [number_of(n, 0) for n in range(KNOWN_TO_ALL)]).explain(),
    }


MEASURED = {"pages": measure_pages, "callers": measure_callers, "files": measure_files}


def report(kind: str, database: str, folder: Path, options: argparse.Namespace) -> None:
    def child(mode: str) -> Any:
        said = run(database, folder, "-m", "bench.contacts", "--child", mode, "--count", str(options.count))
        return json.loads(said.splitlines()[-1])

    run(database, folder, "manage.py", "prepare")
    child("seed")
    if options.explain:
        for name, plan in child("explain").items():
            print(f"\n--- {name}, {kind}\n{plan}")
    found = {mode: child(mode) for mode in MEASURED}
    print(f"\n**Contacts, {options.count}, {kind}**\n")
    print("| | wall ms | CPU ms | queries | an empty page, ms | bare SQL ms | × both |\n|---|---|---|---|---|---|---|")
    for name, row in (found["pages"] | found["callers"]).items():
        wall, empty, floor = row["wall"] * 1000, row.get("empty", 0) * 1000, row["floor"] * 1000
        cells = f"{row['cpu'] * 1000:.1f} | {row['queries']} | {empty:.1f} | {floor:.2f} | {wall / (empty + floor):.1f}"
        print(f"| {name} | {wall:.1f} | {cells} |")
    for name, file in found["files"].items():
        print(
            f"\n{name}: {file['size'] / 1e6:.1f} MB, {file['wall']:.2f} s, {file['cpu']:.2f} s of CPU "
            f"(bare rows {file['floor']:.2f} s), {file['peak_mib']:.1f} MiB over idle"
        )


def main() -> None:
    parser = argparse.ArgumentParser("bench/contacts.py")
    parser.add_argument("--count", type=int, default=50_000, help="contacts of Alice's")
    parser.add_argument("--explain", action="store_true", help="print how the database reads them, too")
    parser.add_argument("--child", choices=["seed", "explain", *MEASURED], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        if options.child == "seed":
            result: Any = seed(options.count)
        else:
            result = (MEASURED | {"explain": explain})[options.child](options.count)
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, database in list_databases(folder).items():
            report(kind, database, folder, options)


if __name__ == "__main__":
    main()
