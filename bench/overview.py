"""What the admins' overview costs with 10,000 members, beside the floor of the same rows by bare SQL.

    .venv/bin/python -m bench.overview [--count 10000]

Pages are asked for through the whole stack, by Django's test client, as an owner who is signed in; the first request of
a process is not counted, and of the next few the middle one is. Each figure comes from a process of its own.
"""

import argparse
import csv
import io
import json
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.processes import POSTGRESQL, run

GROUPS = 20
TIMES = 7
PAGES = {
    "first page": "",
    "first page, from the last member back": "?sort=-person",
    "last page": "?page=200",
    "by last good sync": "?sort=-synced",
    "by state": "?sort=state",
    "state: failing": "?state=failing",
    "state: held back": "?state=held-back",
    "one group": "?group={group}",
    "one service": "?service=google",
    "search: a name": "?q=member+0777",
    "search: nobody": "?q=zebrafinch",
}
ROWS = """
SELECT m.id, u.name, u.email, c.provider, c.mailbox, c.status, c.error_sentence, c.synced_at, c.next_sync_at, c.failures
FROM organizations_membership m JOIN organizations_user u ON u.id = m.user_id
LEFT JOIN integrations_connection c ON c.user_id = u.id
WHERE m.organization_id = %s ORDER BY u.name, m.id
"""


def seed(count: int) -> None:
    """One organization of `count` members in groups, four fifths connected, a tenth of these in trouble."""
    from django.utils import timezone

    from integrations.counting import start_of_hour
    from integrations.models import AdminPolicy, Connection, SyncHour, SyncRun
    from integrations.permissions import Permission
    from organizations.models import Group, Membership, Organization, Role, User

    chance = random.Random(7)
    now = timezone.now()
    organization = Organization.objects.create(name="Bench", time_zone="Europe/Berlin")
    owner = User.objects.create_user("owner@bench.example", "portico-demo-2026", name="Owner")
    Membership.objects.create(user=owner, organization=organization, role=Role.OWNER)
    groups = Group.objects.bulk_create(
        Group(organization=organization, name=f"Group {n:02}", position=n) for n in range(GROUPS)
    )
    users = User.objects.bulk_create(
        User(email=f"member{n:05}@bench.example", name=f"Member {n:05}", password="!") for n in range(count)
    )
    members = Membership.objects.bulk_create(Membership(user=user, organization=organization) for user in users)
    Membership.groups.through.objects.bulk_create(
        Membership.groups.through(membership_id=member.pk, group_id=group.pk)
        for member in members
        for group in chance.sample(groups, chance.randint(0, 3))
    )
    say = AdminPolicy.objects.create
    say(organization=organization, choices={"google.calendar_write": "off"}, locks=["google.calendar_write"])
    say(organization=organization, group=groups[3], choices={"google.offered": False})
    for group in groups[4:8]:
        say(organization=organization, group=group, choices={"office365.contacts_write": "off", "grace_days": 7})
    connections = []
    for n, user in enumerate(users):
        if n % 5 == 4:
            continue
        status, failures, error = "connected", 0, ""
        if n % 50 == 0:
            status, error = "reconnect_needed", "Google no longer accepts this connection. Reconnect to go on."
        elif n % 50 == 1:
            status, error = "admin_needed", "Your organization's administrator has to approve Portico first."
        elif n % 50 == 2:
            failures, error = 3, "Google cannot be reached at the moment. We will try again."
        connections.append(
            Connection(
                user=user, provider=chance.choice(["google", "office365"]), mailbox=user.email, account_id=user.email,
                credentials={"token": "x"}, status=status, failures=failures, error_sentence=error,
                synced_at=now - timedelta(seconds=chance.randint(5, 400_000)),
                next_sync_at=now + timedelta(seconds=chance.randint(-20, 300)),
                **{one.value: True for one in Permission},
            )
        )  # fmt: skip
    Connection.objects.bulk_create(connections, batch_size=500)
    SyncRun.objects.bulk_create(
        [
            SyncRun(connection=one, started_at=now, finished_at=now, outcome="failed" if one.failures else "done")
            for one in connections
        ],
        batch_size=1_000,
    )
    hour = start_of_hour(now)
    SyncHour.objects.bulk_create(
        SyncHour(
            organization=organization, starts=hour - timedelta(hours=n), done=chance.randint(80_000, 96_000),
            failed=chance.choice([0, 0, 0, 12, 40, 900]) if n % 24 < 8 else chance.randint(0, 30),
        )
        for n in range(1, 24 * 31)
    )  # fmt: skip


def sign_in() -> Any:
    from django.test import Client

    from organizations.models import User

    client = Client()
    client.force_login(User.objects.get(email="owner@bench.example"))
    return client


def measure_pages() -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from bench.measuring import measure
    from organizations.models import Group

    client = sign_in()
    group = Group.objects.get(name="Group 05").pk
    found = {}
    for is_fragment in (False, True):
        headers = {"HX-Request": "true", "HX-Target": "connections"} if is_fragment else {}
        for name, query in PAGES.items():
            url = "/administration/" + query.format(group=group)
            assert client.get(url, headers=headers).status_code == 200
            times = []
            for _ in range(TIMES):
                with measure() as measured:
                    client.get(url, headers=headers)
                times.append((measured.wall, measured.cpu))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(url, headers=headers)
            wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
            found[f"{name}{', list alone' if is_fragment else ''}"] = {
                "wall": wall, "cpu": cpu, "queries": len(queries.captured_queries)
            }  # fmt: skip
    return found


def measure_floor() -> dict[str, Any]:
    """The first fifty rows, and all rows, by the plainest SQL there is, and as CSV."""
    from django.db import connection

    from bench.measuring import measure
    from organizations.models import Organization

    key = Organization.objects.get(name="Bench").pk
    times: dict[str, list[float]] = {"page": [], "all": []}
    peak = 0.0
    with connection.cursor() as cursor:
        for n in range(TIMES + 1):
            with measure() as page:
                cursor.execute(f"{ROWS} LIMIT 50", [key])
                cursor.fetchall()
            with measure() as everything:
                cursor.execute(ROWS, [key])
                out = io.StringIO()
                csv.writer(out).writerows(cursor.fetchall())
            if n:
                times["page"].append(page.wall)
                times["all"].append(everything.wall)
            peak = max(peak, everything.peak_mib)
    return {name: statistics.median(found) for name, found in times.items()} | {"peak_mib": peak}


def measure_csv() -> dict[str, Any]:
    from bench.measuring import measure

    client = sign_in()
    list(client.get("/administration/connections.csv?q=member+0777").streaming_content)
    with measure() as measured:
        lines = size = 0
        for part in client.get("/administration/connections.csv").streaming_content:
            lines += part.count(b"\r\n")
            size += len(part)
    return {"wall": measured.wall, "cpu": measured.cpu, "peak_mib": measured.peak_mib, "lines": lines, "bytes": size}


def measure_member() -> dict[str, Any]:
    from organizations.models import Membership

    client = sign_in()
    url = f"/administration/members/{Membership.objects.get(user__email='member00000@bench.example').pk}/"
    times = []
    for _ in range(TIMES + 1):
        start = time.perf_counter()
        assert client.get(url).status_code == 200
        times.append(time.perf_counter() - start)
    return {"wall": statistics.median(times[1:])}


def measure_counting() -> dict[str, Any]:
    from bench.measuring import measure
    from integrations.counting import count_finished
    from integrations.models import SyncRun

    SyncRun.objects.update(is_counted=False)
    with measure() as measured:
        counted = count_finished()
    return {"wall": measured.wall, "cpu": measured.cpu, "peak_mib": measured.peak_mib, "runs": counted}


MEASURED = {
    "pages": measure_pages,
    "floor": measure_floor,
    "csv": measure_csv,
    "member": measure_member,
    "counting": measure_counting,
}


def report(kind: str, database: str, folder: Path, count: int) -> None:
    run(database, folder, "manage.py", "prepare")
    run(database, folder, "-m", "bench.overview", "--child", "seed", "--count", str(count))
    found = {
        mode: json.loads(run(database, folder, "-m", "bench.overview", "--child", mode).splitlines()[-1])
        for mode in MEASURED
    }
    floor = found["floor"]
    print(f"\n**Overview, {count} members, {kind}**\n")
    print("| | wall ms | CPU ms | queries | × floor |\n|---|---|---|---|---|")
    print(f"| floor: 50 rows by bare SQL | {floor['page'] * 1000:.1f} | | 1 | 1.0 |")
    for name, page in found["pages"].items():
        times = page["wall"] / floor["page"]
        print(f"| {name} | {page['wall'] * 1000:.0f} | {page['cpu'] * 1000:.0f} | {page['queries']} | {times:.1f} |")
    print(f"| one member | {found['member']['wall'] * 1000:.0f} | | | |")
    print("\n| | wall s | CPU s | peak MiB over idle | |\n|---|---|---|---|---|")
    print(f"| floor: all rows by bare SQL, as CSV in memory | {floor['all']:.3f} | | {floor['peak_mib']:.1f} | |")
    for name, unit in (("csv", "lines"), ("counting", "runs")):
        one = found[name]
        print(f"| {name} | {one['wall']:.3f} | {one['cpu']:.3f} | {one['peak_mib']:.1f} | {one[unit]} {unit} |")


def list_databases(folder: Path) -> dict[str, str]:
    found = {"SQLite": f"sqlite:{folder / 'overview.sqlite3'}"}
    import psycopg

    try:
        with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=2) as server:
            server.execute("DROP DATABASE IF EXISTS portico_bench_overview")
            server.execute("CREATE DATABASE portico_bench_overview")
        found["PostgreSQL"] = POSTGRESQL.rpartition("/")[0] + "/portico_bench_overview"
    except psycopg.OperationalError as error:
        print(f"PostgreSQL is left out: {str(error).splitlines()[0]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser("bench/overview.py")
    parser.add_argument("--count", type=int, default=10_000, help="members")
    parser.add_argument("--child", choices=["seed", *MEASURED], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        result = seed(options.count) if options.child == "seed" else MEASURED[options.child]()
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, database in list_databases(folder).items():
            report(kind, database, folder, options.count)


if __name__ == "__main__":
    main()
