"""What the Meetings pages cost with 50,000 events and 20 owners, beside a page without any, on both databases.

    .venv/bin/python -m bench.meetings [--count 50000] [--explain]

Alice schedules for 20 people; the events are spread over the 21 of them, a month back and a year ahead, a tenth
private, a tenth all-day. Beside her stand as many people with as many events, whom she does not see. Pages are asked
for through the whole stack, by Django's test client. The floor is the page of somebody without any event and without
anybody to schedule for, in the same process.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.overview import list_databases
from bench.processes import run

OWNERS = 20
TIMES = 7
PAGES = {
    "list": "/meetings/",
    "list alone": "/meetings/",
    "list, Me": "/meetings/?host=me",
    "list, one owner": "/meetings/?host={owner}",
    "list, last page": "/meetings/?page=9999",
    "list, past": "/meetings/?when=past",
    "list, from a day": "/meetings/?on={day}",
    "search: some": "/meetings/?q=budget+17",
    "search: a description": "/meetings/?q=harbour",
    "search: nothing": "/meetings/?q=zebrafinch",
    "with Join": "/meetings/?join=any",
    "day": "/meetings/day/{day}/",
    "week": "/meetings/week/{week}/",
    "what runs now (the poll)": "/meetings/now/",
    "one meeting": "/meetings/{meeting}/",
}
TITLES = ("Budget", "Review", "Interview", "Stand-up", "Lunch with the harbour authority", "Deposition", "Call")
BODY = "Please have a look at the paper before we meet; the numbers of the last quarter are on page 4.\n" * 12


def seed(count: int) -> None:
    """Alice, 20 owners who named her, 21 people whom she does not see, and Bare who has nothing."""
    from django.db import connection as database

    from integrations.models import Connection
    from integrations.permissions import Permission
    from meetings.models import AccountCalendar, Delegation
    from organizations.models import Membership, Organization, User

    organization = Organization.objects.create(name="Bench", time_zone="Europe/Berlin")
    names = ["alice", *(f"owner{n:02}" for n in range(OWNERS)), *(f"other{n:02}" for n in range(OWNERS + 1)), "bare"]
    people = User.objects.bulk_create(
        User(email=f"{name}@bench.example", name=name.capitalize(), password="!") for name in names
    )
    Membership.objects.bulk_create(Membership(user=one, organization=organization) for one in people)
    from django.utils import timezone

    now = timezone.now()
    connections = Connection.objects.bulk_create(
        Connection(
            user=one, provider="google", mailbox=one.email, account_id=one.email, credentials={"token": "x"},
            synced_at=now, next_sync_at=now + timedelta(days=1), **{name.value: True for name in Permission},
        )
        for one in people
    )  # fmt: skip
    AccountCalendar.objects.bulk_create(
        AccountCalendar(connection=one, remote_id=key, name=key or "Own", is_shown=True)
        for one in connections
        for key in ("", "team")
    )
    alice, owners, others = people[0], people[1 : OWNERS + 1], people[OWNERS + 1 : -1]
    Delegation.objects.bulk_create(Delegation(owner=one, delegate=alice) for one in owners)
    for group in ([alice, *owners], others):
        fill(group, count)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")  # As a database that has been running for a day has done by itself.


def fill(people: list[Any], count: int) -> None:
    from django.utils import timezone

    from meetings.models import Meeting

    chance = random.Random(7)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    link = [{"service": "zoom", "url": "https://zoom.us/j/83212345678", "source": "location", "has_passcode": False,
             "meeting_number": "83212345678", "personal": False, "kind": "join"}]  # fmt: skip
    rows = []
    for n in range(count):
        person = people[n % len(people)]
        starts = now + timedelta(minutes=15 * chance.randrange(-30 * 96, 365 * 96))
        title = f"{chance.choice(TITLES)} {n % 1000}"
        days = {}
        if n % 10 == 0:
            days = {"starts_on": starts.date(), "ends_on": starts.date() + timedelta(days=chance.choice((1, 1, 3)))}
        is_zoom = n % 3 == 0
        rows.append(
            Meeting(
                owner=person, connection=person.connection, remote_id=str(n), uid=f"{n // 3}@bench.example",
                container="team" if n % 7 == 0 else "", title=title, starts=starts, ends=starts + timedelta(minutes=45),
                organizer_name="Bob Okafor", organizer_email="bob@bench.example", is_private=n % 10 == 3,
                response=chance.choice(("accepted", "accepted", "needs_action", "declined")), attendee_count=4,
                location="Room 4.12", join_services=" zoom " if is_zoom else "", body_text=BODY,
                meeting_number=f"8{n:010}" if is_zoom else "", links_json=json.dumps(link) if is_zoom else "[]",
                search_text=f"{title}\nbob okafor\nroom 4.12".casefold(), **days,
            )
        )  # fmt: skip
        if len(rows) == 2_000:
            Meeting.objects.bulk_create(rows)
            rows = []
    Meeting.objects.bulk_create(rows)


def sign_in(name: str) -> Any:
    from django.test import Client

    from organizations.models import User

    client = Client()
    client.force_login(User.objects.get(email=f"{name}@bench.example"))
    return client


def measure_pages() -> dict[str, Any]:
    """Each page of Alice's, and the same of Bare's in the same run: {name: {wall, cpu, queries, floor}}."""
    from django.utils import timezone

    from meetings.models import Meeting
    from meetings.weeks import week_name
    from organizations.models import User

    alice, bare = sign_in("alice"), sign_in("bare")
    day = timezone.localdate() + timedelta(days=7)
    values = {
        "owner": User.objects.get(email="owner05@bench.example").pk,
        "day": day.isoformat(),
        "week": week_name(day),
        "meeting": Meeting.objects.filter(owner__email="alice@bench.example").latest("pk").pk,
    }
    found = {}
    for name, path in PAGES.items():
        url = path.format(**values)
        headers = {"HX-Request": "true", "HX-Target": "meetings"} if name == "list alone" else {}
        empty = "/meetings/" if name == "one meeting" else url
        found[name] = measure_page(alice, url, headers) | {"floor": measure_page(bare, empty, headers)["wall"]}
    return found


def measure_page(client: Any, url: str, headers: dict[str, str]) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    assert client.get(url, headers=headers).status_code == 200
    times = [time_of(lambda: client.get(url, headers=headers)) for _ in range(TIMES)]
    with CaptureQueriesContext(connection) as queries:
        client.get(url, headers=headers)
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    return {"wall": wall, "cpu": cpu, "queries": len(queries.captured_queries)}


def time_of(act: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure_owners() -> dict[str, Any]:
    """Queries of the list and of a week for 1, 5 and 20 owners, all with the same number of events each."""
    from meetings.models import Delegation
    from meetings.weeks import first_of_week, week_name

    client = sign_in("alice")
    from django.utils import timezone

    week = week_name(first_of_week(timezone.localdate()) + timedelta(days=7))
    kept = list(Delegation.objects.order_by("pk"))
    found = {}
    for count in (1, 5, OWNERS):
        Delegation.objects.all().delete()
        Delegation.objects.bulk_create(kept[:count])
        found[str(count)] = {
            "list": measure_page(client, "/meetings/", {}),
            "week": measure_page(client, f"/meetings/week/{week}/", {}),
        }
    return found


def measure_csv() -> dict[str, Any]:
    from bench.measuring import measure

    client = sign_in("alice")
    list(client.get("/meetings/export.csv?q=zebrafinch").streaming_content)
    with measure() as measured:
        lines = sum(part.count(b"\r\n") for part in client.get("/meetings/export.csv?declined=1").streaming_content)
    return {"wall": measured.wall, "cpu": measured.cpu, "peak_mib": measured.peak_mib, "lines": lines}


def explain() -> dict[str, Any]:
    """How the database reads what the list and the week ask for."""
    from django.utils import timezone, translation

    from meetings.agenda import list_meetings
    from meetings.reader import Filters, find_reader
    from meetings.weeks import find_between
    from organizations.models import User

    reader = find_reader(User.objects.get(email="alice@bench.example"))
    today = timezone.localdate()
    with translation.override("en"):
        listed = list_meetings(reader, Filters())
        week = find_between(reader, Filters(), today, today + timedelta(days=7))
    return {"list": listed[:50].explain(), "count": listed.order_by().explain(), "week": week.explain()}


MEASURED = {"pages": measure_pages, "owners": measure_owners, "csv": measure_csv}


def report(kind: str, database: str, folder: Path, options: argparse.Namespace) -> None:
    def child(mode: str) -> Any:
        return json.loads(
            run(database, folder, "-m", "bench.meetings", "--child", mode, "--count", str(options.count)).splitlines()[
                -1
            ]
        )

    run(database, folder, "manage.py", "prepare")
    child("seed")
    if options.explain:
        for name, plan in child("explain").items():
            print(f"\n--- {name}, {kind}\n{plan}")
    found = {mode: child(mode) for mode in MEASURED}
    print(f"\n**Meetings, {options.count} events, {OWNERS} owners, {kind}**\n")
    print("| | wall ms | CPU ms | queries | an empty page, ms | × empty |\n|---|---|---|---|---|---|")
    for name, page in found["pages"].items():
        wall, floor = page["wall"] * 1000, page["floor"] * 1000
        print(
            f"| {name} | {wall:.0f} | {page['cpu'] * 1000:.0f} | {page['queries']} | {floor:.0f} | {wall / floor:.1f} |"
        )
    print("\n| owners | list: queries | ms | week: queries | ms |\n|---|---|---|---|---|")
    for owners, pages in found["owners"].items():
        cells = [f"{pages[name]['queries']} | {pages[name]['wall'] * 1000:.0f}" for name in ("list", "week")]
        print(f"| {owners} | {' | '.join(cells)} |")
    csv = found["csv"]
    print(f"\nCSV: {csv['lines']} lines, {csv['wall']:.2f} s, {csv['peak_mib']:.1f} MiB over idle")


def main() -> None:
    parser = argparse.ArgumentParser("bench/meetings.py")
    parser.add_argument("--count", type=int, default=50_000, help="events that Alice sees")
    parser.add_argument("--explain", action="store_true", help="print how the database reads them, too")
    parser.add_argument("--child", choices=["seed", "explain", *MEASURED], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        result: Any = None
        if options.child == "seed":
            seed(options.count)
        else:
            result = explain() if options.child == "explain" else MEASURED[options.child]()
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, database in list_databases(folder).items():
            report(kind, database, folder, options)


if __name__ == "__main__":
    main()
