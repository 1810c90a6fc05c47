"""What a lock costs with 10,000 connections, beside the floor of the same rows written and deleted by bare SQL.

    .venv/bin/python -m bench.locks [--count 10000] [--rows 10] [--database sqlite|postgresql]

Each figure comes from a process of its own, on a copy of one database: previewing, announcing, disconnecting and
narrowing everybody. The floor does what is done, with values known beforehand, in the same transactions: one for each
person who is disconnected or narrowed, one for each batch that is announced. Of PostgreSQL only the client's side
counts.
"""

import argparse
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.processes import POSTGRESQL, run

GROUPS = 20
SEED, COPY = "portico_bench_locks_seed", "portico_bench_locks"
BATCH = 500


def seed(count: int, rows: int) -> None:
    """One organization of `count` connected members in groups; each has so many meetings and contacts."""
    import random
    from datetime import timedelta

    from django.utils import timezone

    from contacts.models import Contact, ContactFolder, ContactNumber, Filing
    from integrations.models import AdminPolicy, Connection, SyncCursor, SyncRun
    from integrations.permissions import Permission
    from meetings.models import Meeting
    from organizations.models import Group, Membership, Organization, User

    chance = random.Random(7)
    now = timezone.now()
    organization = Organization.objects.create(name="Bench", time_zone="Europe/Berlin")
    groups = Group.objects.bulk_create(
        Group(organization=organization, name=f"Group {n:02}", position=n) for n in range(GROUPS)
    )
    AdminPolicy.objects.create(organization=organization, choices={"google.contacts_write": "ask", "prompt": "once"})
    for group in groups[:5]:
        AdminPolicy.objects.create(organization=organization, group=group, choices={"grace_days": 3})
    for start in range(0, count, 1000):
        users = User.objects.bulk_create(
            User(email=f"member{n:05}@bench.example", name=f"Member {n:05}", password="!")
            for n in range(start, min(start + 1000, count))
        )
        members = Membership.objects.bulk_create(Membership(user=one, organization=organization) for one in users)
        Membership.groups.through.objects.bulk_create(
            Membership.groups.through(membership_id=member.pk, group_id=group.pk)
            for member in members
            for group in chance.sample(groups, chance.randint(0, 3))
        )
        connections = Connection.objects.bulk_create(
            Connection(
                user=user, provider="google", mailbox=user.email, account_id=user.email, synced_at=now,
                credentials={"refresh_token": "r" * 100, "access_token": "a" * 200, "expires_at": 1.0, "sub": "1",
                             "scopes": ["openid", "https://www.googleapis.com/auth/calendar.events.owned",
                                        "https://www.googleapis.com/auth/contacts"]},
                **{one.value: True for one in Permission},
            )
            for user in users
        )  # fmt: skip
        SyncCursor.objects.bulk_create(
            SyncCursor(connection=one, feed=feed, value="x" * 40)
            for one in connections
            for feed in ("calendar", "contacts")
        )
        SyncRun.objects.bulk_create(
            SyncRun(connection=one, started_at=now, finished_at=now, outcome="done")
            for one in connections
            for _ in "123"
        )
        folders = ContactFolder.objects.bulk_create(
            ContactFolder(connection=one, remote_id="f", name="Clients") for one in connections
        )
        Meeting.objects.bulk_create(
            (
                Meeting(
                    owner_id=one.user_id, connection=one, remote_id=f"e{n}", title=f"Meeting {n}", search_text="m",
                    starts=now + timedelta(hours=n), ends=now + timedelta(hours=n + 1), body_text="A body. " * 20,
                )
                for one in connections
                for n in range(rows)
            ),
            batch_size=1000,
        )  # fmt: skip
        contacts = Contact.objects.bulk_create(
            (
                Contact(connection=one, remote_id=f"c{n}", display_name=f"Contact {n}", sort_name=f"contact {n}")
                for one in connections
                for n in range(rows)
            ),
            batch_size=1000,
        )
        ContactNumber.objects.bulk_create(
            (
                ContactNumber(
                    contact=one, connection_id=one.connection_id, position=0, value="+4930123456", e164="+4930123456"
                )
                for one in contacts
            ),
            batch_size=1000,
        )
        Filing.objects.bulk_create(
            (Filing(contact=one, folder=folders[n // rows]) for n, one in enumerate(contacts)), batch_size=1000
        )


@contextmanager
def counted() -> Iterator[dict[str, Any]]:
    """Seconds, CPU seconds, memory and statements of what is done inside."""
    from django.db import connection

    from bench.measuring import measure

    found: dict[str, Any] = {"statements": 0}

    def count(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        found["statements"] += 1
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(count), measure() as measured:
        yield found
    found |= {"wall": measured.wall, "cpu": measured.cpu, "peak_mib": measured.peak_mib}


def place() -> Any:
    from integrations.deciding import Place
    from organizations.models import Organization

    return Place(Organization.objects.get(name="Bench"))


def layer(choices: dict[str, Any]) -> Any:
    """What is there, with these choices locked."""
    from integrations import deciding
    from integrations.levels import dump_choices, parse_layer
    from integrations.policy import Level

    before = deciding.layer_of(place())
    return parse_layer(Level.ORGANIZATION, {**dump_choices(before), **choices}, [*before.locks, *choices])


LOCKED = {"google.offered": False}
NARROWER = {"google.contacts_read": "off", "google.contacts_write": "off"}


def measure_preview() -> dict[str, Any]:
    from integrations import deciding

    with counted() as found:
        counts = deciding.preview(place(), layer(LOCKED)).counts
    return {**found, "people": counts["disconnected"]}  # type: ignore[index]


def measure_listing() -> dict[str, Any]:
    """Everybody's row of the CSV."""
    from integrations import deciding

    with counted() as found:
        people = sum(1 for _ in deciding.preview(place(), layer(LOCKED)).rows())
    return {**found, "people": people}


def save(choices: dict[str, Any], grace_days: int | None = None) -> Any:
    from integrations import deciding, tasks

    tasks.enforce_change.delay = lambda *_: None  # type: ignore[method-assign]
    version = deciding.version_of(place())
    return deciding.save(place(), layer(choices), version=version, by=None, address=None, grace_days=grace_days)


def carry_out(choices: dict[str, Any], grace_days: int | None = None) -> dict[str, Any]:
    from integrations import enforcing
    from integrations.policy_models import PolicyEffect

    change = save(choices, grace_days)
    with counted() as found:
        while str(change.pk) in enforcing.find_due():
            enforcing.run(change.pk)
    return {**found, "people": PolicyEffect.objects.count()}


def measure_announcing() -> dict[str, Any]:
    return carry_out(LOCKED, grace_days=7)


def measure_disconnecting() -> dict[str, Any]:
    return carry_out(LOCKED)


def measure_narrowing() -> dict[str, Any]:
    return carry_out(NARROWER)


# --- The floor ---------------------------------------------------------------------------------------------------


def floor_preview() -> dict[str, Any]:
    """The same columns, and the groups, fetched by one statement each for each batch."""
    from django.db import connection

    key = str(place().organization.pk)
    people, after = 0, ""
    with counted() as found, connection.cursor() as cursor:
        while True:
            cursor.execute(PEOPLE, [key, after, BATCH])
            rows = cursor.fetchall()
            if not rows:
                break
            marks = ",".join(["%s"] * len(rows))
            cursor.execute(
                f"SELECT membership_id, group_id FROM organizations_membership_groups WHERE membership_id IN ({marks})",
                [row[0] for row in rows],
            )
            cursor.fetchall()
            people += len(rows)
            after = rows[-1][1]
    return {**found, "people": people}


PEOPLE = """
SELECT m.id, u.email, u.name, c.id, c.provider, c.method, c.mailbox, c.host, c.version,
       c.calendar_read, c.calendar_write, c.contacts_read, c.contacts_write
FROM integrations_connection c JOIN organizations_user u ON u.id = c.user_id
JOIN organizations_membership m ON m.user_id = u.id
WHERE m.organization_id = %s AND u.email > %s ORDER BY u.email LIMIT %s
"""


class Rows:
    """What is written for each person, of values known beforehand."""

    def __init__(self) -> None:
        from django.db import connection

        self.cursor = connection.cursor()
        self.is_postgresql = connection.vendor == "postgresql"
        self.now = datetime.now(UTC) if self.is_postgresql else datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        self.change = self.key(save(NARROWER, 30).pk)
        self.cursor.execute("SELECT id FROM organizations_organization WHERE name = 'Bench'")
        self.organization = self.cursor.fetchone()[0]
        self.cursor.execute("SELECT id, user_id, mailbox, credentials FROM integrations_connection ORDER BY id")
        self.people = self.cursor.fetchall()

    def key(self, value: uuid.UUID) -> Any:
        return value if self.is_postgresql else value.hex

    def lock(self, connection: Any) -> None:
        wait = " FOR UPDATE" if self.is_postgresql else ""
        self.cursor.execute(f"SELECT id FROM integrations_connection WHERE id = %s{wait}", [connection])

    def delete_contacts(self, connection: Any) -> None:
        for table in ("contacts_contactnumber", "contacts_filing"):
            self.cursor.execute(
                f"DELETE FROM {table} WHERE contact_id IN (SELECT id FROM contacts_contact WHERE connection_id = %s)",
                [connection],
            )
        for table in ("contacts_contact", "contacts_contactfolder"):
            self.cursor.execute(f"DELETE FROM {table} WHERE connection_id = %s", [connection])

    def delete(self, connection: Any) -> None:
        self.cursor.execute("DELETE FROM meetings_meeting WHERE connection_id = %s", [connection])
        self.delete_contacts(connection)
        for table in ("integrations_synccursor", "integrations_syncrun"):
            self.cursor.execute(f"DELETE FROM {table} WHERE connection_id = %s", [connection])
        self.cursor.execute("DELETE FROM integrations_connection WHERE id = %s", [connection])

    def audit(self, user: int, mailbox: str, action: str) -> None:
        self.cursor.execute(
            "INSERT INTO organizations_auditevent (at, organization_id, actor_label, subject_id, subject_label, action,"
            " details) VALUES (%s, %s, '', %s, %s, %s, %s)",
            [self.now, self.organization, user, mailbox, action, json.dumps({"mailbox": mailbox, "reasons": [REASON]})],
        )

    def revoke(self, user: int, mailbox: str, credentials: str) -> None:
        self.cursor.execute(
            "INSERT INTO integrations_revocation (id, provider, account_id, credentials, created_at, next_try_at,"
            " tries, subject_label, user_id, organization_id) VALUES (%s, 'google', %s, %s, %s, %s, 0, %s, %s, %s)",
            [self.key(uuid.uuid4()), mailbox, credentials, self.now, self.now, mailbox, user, self.organization],
        )

    def tell(self, people: list[Any], outcome: str, state: str) -> None:
        values = [
            (self.change, user, key, mailbox, outcome, '["contacts_read"]', "[]", json.dumps([REASON]), state, self.now)
            for key, user, mailbox, _ in people
        ]
        self.cursor.execute(
            "INSERT INTO integrations_policyeffect (change_id, user_id, connection_id, provider, mailbox, outcome,"
            " ended, lacking, reasons, state, at, mail_failures) VALUES "
            + ",".join(["(%s, %s, %s, 'google', %s, %s, %s, %s, %s, %s, %s, 0)"] * len(values)),
            [one for row in values for one in row],
        )


REASON = "This service is not offered to you, by decision of your organization."


def floor_announcing() -> dict[str, Any]:
    from django.db import transaction

    rows = Rows()
    with counted() as found:
        for start in range(0, len(rows.people), BATCH):
            with transaction.atomic():
                rows.tell(rows.people[start : start + BATCH], "disconnected", "waiting")
    return {**found, "people": len(rows.people)}


def floor_disconnecting() -> dict[str, Any]:
    from django.db import transaction

    rows = Rows()
    with counted() as found:
        for person in rows.people:
            connection, user, mailbox, credentials = person
            with transaction.atomic():
                rows.lock(connection)
                rows.revoke(user, mailbox, credentials)
                rows.delete(connection)
                rows.audit(user, mailbox, "connection.disconnected_by_policy")
                rows.tell([person], "disconnected", "done")
    return {**found, "people": len(rows.people)}


def floor_narrowing() -> dict[str, Any]:
    from django.db import transaction

    rows = Rows()
    with counted() as found:
        for person in rows.people:
            connection, user, mailbox, credentials = person
            with transaction.atomic():
                rows.lock(connection)
                rows.cursor.execute(
                    "UPDATE integrations_connection SET contacts_read = %s, contacts_write = %s, credentials = %s"
                    " WHERE id = %s",
                    [False, False, credentials, connection],
                )
                rows.delete_contacts(connection)
                rows.cursor.execute(
                    "DELETE FROM integrations_synccursor WHERE connection_id = %s AND feed = 'contacts'", [connection]
                )
                rows.audit(user, mailbox, "connection.narrowed_by_policy")
                rows.tell([person], "narrowed", "done")
    return {**found, "people": len(rows.people)}


MEASURED = {
    "preview: counts": (measure_preview, floor_preview),
    "preview: every row": (measure_listing, floor_preview),
    "announcing": (measure_announcing, floor_announcing),
    "disconnecting at once": (measure_disconnecting, floor_disconnecting),
    "narrowing at once": (measure_narrowing, floor_narrowing),
}


# --- Databases and processes -------------------------------------------------------------------------------------


class Sqlite:
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._seed, self._copy = folder / "seed.sqlite3", folder / "copy.sqlite3"
        self.seed_url, self.copy_url = f"sqlite:{self._seed}", f"sqlite:{self._copy}"

    def copy(self) -> None:
        for path in self._copy.parent.glob("copy.sqlite3*"):
            path.unlink()
        for path in self._seed.parent.glob("seed.sqlite3*"):
            shutil.copy(path, path.with_name(path.name.replace("seed", "copy")))

    def close(self) -> None:
        """It goes with its folder."""


class Postgresql:
    name = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        base = POSTGRESQL.rpartition("/")[0]
        self.seed_url, self.copy_url = f"{base}/{SEED}", f"{base}/{COPY}"
        self._do(f"DROP DATABASE IF EXISTS {SEED}", f"CREATE DATABASE {SEED}")

    def copy(self) -> None:
        self._do(f"DROP DATABASE IF EXISTS {COPY}", f"CREATE DATABASE {COPY} TEMPLATE {SEED}")

    def close(self) -> None:
        self._do(f"DROP DATABASE IF EXISTS {COPY}", f"DROP DATABASE IF EXISTS {SEED}")

    def _do(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=5) as server:
            for one in statements:
                server.execute(one)


def report(database: Any, folder: Path, count: int, rows: int) -> None:
    run(database.seed_url, folder, "manage.py", "prepare")
    run(database.seed_url, folder, "-m", "bench.locks", "--child", "seed", "--count", str(count), "--rows", str(rows))
    print(f"\n**{count} connections, each with {rows} meetings and {rows} contacts, {database.name}**\n")
    print("| | wall s | CPU s | peak MiB over idle | statements per person | floor: wall s | CPU s | × floor, CPU |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in MEASURED:
        found = {}
        for which in ("portico", "floor"):
            database.copy()
            answer = run(database.copy_url, folder, "-m", "bench.locks", "--child", f"{which}:{name}")
            found[which] = json.loads(answer.splitlines()[-1])
            assert found[which]["people"] == count, found
        one, floor = found["portico"], found["floor"]
        figures = [one["wall"], one["cpu"], one["peak_mib"], one["statements"] / count, floor["wall"], floor["cpu"]]
        cells = [name, *(f"{figure:.2f}" for figure in figures), f"{one['cpu'] / floor['cpu']:.1f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("bench/locks.py")
    parser.add_argument("--count", type=int, default=10_000, help="connections")
    parser.add_argument("--rows", type=int, default=10, help="meetings, and contacts, of each")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="only this one")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        if options.child == "seed":
            return seed(options.count, options.rows)
        which, _, name = options.child.partition(":")
        print(json.dumps(MEASURED[name][which == "floor"]()))
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in (Sqlite, Postgresql):
            if options.database in (None, kind.name.lower()):
                database = kind(folder)
                report(database, folder, options.count, options.rows)
                database.close()
    return None


if __name__ == "__main__":
    main()
