"""What people, groups, invitations from a list and the audit trail cost with 10,000 members, on both databases.

    .venv/bin/python -m bench.people [--count 10000] [--events 200000]

Pages are asked for through the whole stack, by Django's test client, as an owner who is signed in. The floor of a page
is the same number of rows by bare SQL, that of the list and of the download the same rows written and read by bare SQL.
"""

import argparse
import csv
import io
import json
import re
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.overview import list_databases, seed, sign_in
from bench.processes import run

TIMES = 5
PAGES = {
    "people": "/people/",
    "people, last page": "/people/?page=400",
    "people, search": "/people/?q=member+0777",
    "groups": "/people/groups/",
    "a group": "/people/groups/{group}/",
    "who is not in it": "/people/groups/{group}/members/new/",
    "a person": "/people/{person}/",
    "audit trail": "/people/audit-trail/",
    "audit trail, far back": "/people/audit-trail/?behind={middle}",
    "audit trail, one person": "/people/audit-trail/?who=member00777",
    "audit trail, one action": "/people/audit-trail/?what=connection.deleted",
    "audit trail, nobody": "/people/audit-trail/?who=zebrafinch",
}
FLOOR = """
SELECT m.id, u.name, u.email FROM organizations_membership m JOIN organizations_user u ON u.id = m.user_id
WHERE m.organization_id = %s ORDER BY u.name, u.email LIMIT 25
"""
EVENTS = """
SELECT at, action, actor_label, subject_label, details, address FROM organizations_auditevent
WHERE organization_id = %s ORDER BY at DESC, id DESC
"""
ADD = """
INSERT INTO organizations_invitation
(organization_id, email, name, role, token_hash, created_at, expires_at, mail_tries)
VALUES (%s, %s, '', 'member', %s, %s, %s, 0)
"""


def prepare(count: int, events: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from organizations.models import AuditEvent, Organization

    seed(count)
    organization, now = Organization.objects.get(name="Bench"), timezone.now()
    actions = ["connection.created", "connection.renewed", "member.role_changed", "policy.changed"]
    for start in range(0, events, 5000):
        AuditEvent.objects.bulk_create(
            AuditEvent(
                organization=organization,
                at=now - timedelta(seconds=(events - n) * 300),
                actor_label=f"member{n % count:05}@bench.example",
                subject_label=f"member{n % count:05}@bench.example",
                action="connection.deleted" if n % 5000 == 0 else actions[n % 4],
                details={"provider": "google", "mailbox": f"member{n % count:05}@bench.example"},
                address="192.0.2.7",
            )
            for n in range(start, min(start + 5000, events))
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # As a database that has been running for a day has done by itself.


def measure_pages() -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from organizations.models import AuditEvent, Group, Membership, Organization

    client = sign_in()
    organization = Organization.objects.get(name="Bench")
    values = {
        "group": Group.objects.get(name="Group 09").pk,
        "person": Membership.objects.get(user__email="member00000@bench.example").pk,
        "middle": AuditEvent.objects.order_by("pk")[AuditEvent.objects.count() // 2].pk,
    }
    found: dict[str, Any] = {"floor: 25 rows by bare SQL": time_floor(organization.pk)}
    for name, path in PAGES.items():
        url = path.format(**values)
        assert client.get(url).status_code == 200
        walls = [time_of(lambda url=url: client.get(url)) for _ in range(TIMES)]
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        found[name] = {"wall": statistics.median(walls), "queries": len(queries.captured_queries)}
    return found


def time_floor(organization: int) -> dict[str, Any]:
    from django.db import connection

    with connection.cursor() as cursor:

        def ask() -> None:
            cursor.execute(FLOOR, [organization])
            cursor.fetchall()

        return {"wall": statistics.median(time_of(ask) for _ in range(TIMES + 1)), "queries": 1}


def time_of(act: Any) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def measure_list() -> dict[str, Any]:
    """10,000 lines: read and judged, confirmed, and the floor of inserting as many rows."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection, transaction
    from django.utils import timezone

    from organizations.models import Invitation, Organization

    client = sign_in()
    lines = ["e-mail;name;role;groups", *(f"new{n:05}@bench.example;New {n};member;Group 09" for n in range(9_000))]
    lines += [f"member{n:05}@bench.example;;;" for n in range(1_000)]
    file = SimpleUploadedFile("people.csv", "\r\n".join(lines).encode("cp1252"))
    found = {}
    start = time.perf_counter()
    path = client.post("/people/invitations/import/", {"file": file}).headers["Location"]
    found["10,000 lines uploaded and read"] = time.perf_counter() - start
    found["report of what would happen"] = statistics.median(time_of(lambda: client.get(path)) for _ in range(3))
    found["confirmed: 9,000 invited, with groups and audit trail"] = time_of(
        lambda: client.post(path + "confirmation/")
    )
    assert Invitation.objects.count() == 9_000
    found["page of 9,000 invited"] = time_of(lambda: client.get("/people/invitations/"))
    now, organization = timezone.now(), Organization.objects.get(name="Bench").pk
    rows = [[organization, f"floor{n}@bench.example", f"floor{n}", now, now] for n in range(9_000)]
    start = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(ADD, rows)
    found["floor: 9,000 rows by bare SQL"] = time.perf_counter() - start
    return found


def measure_moves() -> dict[str, Any]:
    """Everybody into one group that takes a service from 4,000 of them: the question, and the doing."""
    from organizations.models import Group, Membership

    client = sign_in()
    group = Group.objects.get(name="Group 19")
    Membership.groups.through.objects.filter(group=group).delete()
    lock_google(group)
    url, everybody = f"/people/groups/{group.pk}/members/", {"everybody": "1"}
    start = time.perf_counter()
    page = client.post(url, everybody)
    found = {"all put into a locked group: whom it costs what": time.perf_counter() - start}
    mark = re.search(r'name="confirmed" value="(\w+)"', page.content.decode())
    assert mark is not None, page.status_code
    found["the same, confirmed (the task then disconnects)"] = time_of(
        lambda: client.post(url, everybody | {"confirmed": mark[1]})
    )
    assert group.memberships.count() > 9_000
    found["one group moved a place up: whom it costs what"] = time_of(
        lambda: client.post(f"/people/groups/{group.pk}/position/", {"direction": "up"})
    )
    return found


def lock_google(group: Any) -> None:
    from integrations.models import AdminPolicy

    AdminPolicy.objects.update_or_create(
        organization=group.organization,
        group=group,
        defaults={"choices": {"google.offered": False}, "locks": ["google.offered"]},
    )


def measure_trail() -> dict[str, Any]:
    """The whole trail as CSV, beside the same rows by bare SQL; and the older half let go of."""
    from django.db import connection

    from bench.measuring import measure
    from organizations import retention
    from organizations.models import AuditPurge, Organization

    client = sign_in()
    organization = Organization.objects.get(name="Bench")
    list(client.get("/people/audit-trail/export/?what=connection.deleted").streaming_content)
    with measure() as download:
        lines = sum(part.count(b"\r\n") for part in client.get("/people/audit-trail/export/").streaming_content)
    with measure() as floor, connection.cursor() as cursor:
        cursor.execute(EVENTS, [organization.pk])
        writer = csv.writer(io.StringIO())
        while rows := cursor.fetchmany(2000):
            writer.writerows(rows)
    organization.audit_years = 1
    organization.save()
    purge = time_of(retention.purge_all)
    return {
        f"audit trail as CSV, {lines} lines, {download.peak_mib:.1f} MiB over idle": download.wall,
        f"floor: the same rows by bare SQL, {floor.peak_mib:.1f} MiB": floor.wall,
        f"{AuditPurge.objects.get().count} old events let go of": purge,
    }


MEASURED = {"pages": measure_pages, "list": measure_list, "moves": measure_moves, "trail": measure_trail}


def report(kind: str, database: str, folder: Path, count: int, events: int) -> None:
    run(database, folder, "manage.py", "prepare")
    sizes = ("--count", str(count), "--events", str(events))
    run(database, folder, "-m", "bench.people", "--child", "prepare", *sizes)
    found = {
        mode: json.loads(run(database, folder, "-m", "bench.people", "--child", mode, *sizes).splitlines()[-1])
        for mode in MEASURED
    }
    print(f"\n**People, {count} members, {events} events, {kind}**\n")
    print("| page | wall ms | queries |\n|---|---|---|")
    for name, page in found.pop("pages").items():
        print(f"| {name} | {page['wall'] * 1000:.1f} | {page['queries']} |")
    print("\n| | wall s |\n|---|---|")
    for measured in found.values():
        for name, seconds in measured.items():
            print(f"| {name} | {seconds:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser("bench/people.py")
    parser.add_argument("--count", type=int, default=10_000, help="members")
    parser.add_argument("--events", type=int, default=200_000, help="events in the audit trail")
    parser.add_argument("--child", choices=["prepare", *MEASURED], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        if options.child == "prepare":
            prepare(options.count, options.events)
        else:
            print(json.dumps(MEASURED[options.child]()))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, database in list_databases(folder).items():
            report(kind, database, folder, options.count, options.events)


if __name__ == "__main__":
    main()
