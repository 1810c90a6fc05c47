"""Real workers, really killed: kill -9 at any point loses nothing and doubles nothing.

A worker process with a broker of its own reads a pretend Google in another thread. It is killed in the middle of a
listing, again and again, and its successor finishes. TEST_BROKERS adds brokers to the one that needs no service.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.utils import ConnectionHandler

from portal.env import database
from sandbox.server import Sandbox, running

pytestmark = pytest.mark.database

ROOT = Path(__file__).resolve().parent.parent.parent
EVENTS = 3000
PERSON = "alice.meyer@northwind.example"
CALENDAR = "/google/calendar/v3/calendars/primary/events"
BROKERS = ["filesystem://", *os.environ.get("TEST_BROKERS", "").split()]

PREPARE = """
import time
from integrations.models import Connection
from organizations.models import Membership, Organization, User
tokens = {tokens!r}
user = User.objects.create_user({person!r}, time_zone="Europe/Berlin")
Membership.objects.create(user=user, organization=Organization.objects.create(name="Northwind Legal"))
connection = Connection.objects.create(
    user=user, provider="google", mailbox=user.email, account_id="1", calendar_read=True,
    credentials={{**tokens, "expires_at": time.time() + 3000}},
)
"""


@pytest.fixture
def google() -> Iterator[Sandbox]:
    with running() as sandbox:
        google = sandbox.google
        google.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin")
        calendar = google.calendars.get(PERSON, "primary")
        first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        docs = []
        for number in range(EVENTS):
            doc = google.events.head(f"event{number:05}", calendar, PERSON)
            starts = first + timedelta(hours=number % 8000)
            doc |= {"summary": f"Event {number}", "start": {"dateTime": starts.isoformat()},
                    "end": {"dateTime": (starts + timedelta(minutes=30)).isoformat()}}  # fmt: skip
            docs.append(doc)
        google.events.fill(calendar, docs)
        yield sandbox


class Stage:
    """A database and a broker of their own, and processes that work on them."""

    def __init__(self, folder: Path, broker: str, google: Sandbox) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self.database = _make_database(folder)
        self.queue = f"killed-{uuid4().hex[:8]}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            **google.settings,
            "PORTICO_ENV": os.devnull,
            "VAR_DIR": str(folder),
            "DATABASE_URL": self.database,
            "BROKER_URL": broker,
            "SECRET_KEY": "for this test only",
            "SECRETS_KEYS": settings.SECRETS_KEYS[0],
            "OUTBOUND_ALLOW": google.url.removeprefix("http://"),
            "LOG_LEVEL": "INFO",
        }
        self.run("manage.py", "prepare")
        tokens = google.google.tokens.issue(PERSON, ["https://www.googleapis.com/auth/calendar.events.owned.readonly"])
        credentials = {"access_token": tokens.access, "refresh_token": tokens.refresh, "scopes": [], "sub": "1"}
        self.run("manage.py", "shell", "--no-imports", "-c", PREPARE.format(tokens=credentials, person=PERSON))
        self.log = (folder / "worker.log").open("wb")

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "portal", "worker", "--pool", "threads", "--concurrency", "2",
                   "-Q", self.queue, "--without-gossip", "--without-mingle"]  # fmt: skip
        worker = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.workers.append(worker)
        return worker

    def queue_due(self) -> None:
        """What the scheduler does each minute."""
        sweep = (
            "from integrations import sync, tasks\n"
            "for pk in sync.find_due():\n"
            f"    tasks.sync_connection.apply_async([pk], queue={self.queue!r})"
        )
        self.run("manage.py", "shell", "--no-imports", "-c", sweep)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        connection = ConnectionHandler({"default": database(self.database)})["default"]
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with self.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def let_the_lease_run_out(self) -> None:
        """Two minutes pass."""
        past = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S")
        with self.cursor() as cursor:
            cursor.execute("UPDATE integrations_connection SET leased_until = %s WHERE leased_by <> ''", [past])
            assert cursor.rowcount == 1, "the dead worker held no lease"

    def count_meetings(self) -> int:
        return self.read("SELECT count(*) FROM meetings_meeting")[0][0]

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.log.close()


def _make_database(folder: Path) -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        return f"sqlite:{folder / 'killed.sqlite3'}"
    import psycopg

    # Named for this process: two suites may run on one server.
    name = f"killed_worker_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


def _drop_database(url: str) -> None:
    if url.startswith("postgres"):
        import psycopg

        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


def wait_for(holds: Callable[[], bool], *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(params=[
    pytest.param(broker, id=broker.partition(":")[0], marks=[pytest.mark.services] if n else [])
    for n, broker in enumerate(BROKERS)
])  # fmt: skip
def stage(request: pytest.FixtureRequest, tmp_path: Path, google: Sandbox, django_db_blocker: Any) -> Iterator[Stage]:
    stage = Stage(tmp_path, request.param, google)
    with django_db_blocker.unblock():
        yield stage
    stage.close()
    _drop_database(stage.database)


def test_a_worker_killed_at_any_point_loses_nothing_and_doubles_nothing(stage: Stage, google: Sandbox) -> None:
    # Each page takes a while, so that the kill falls into the listing: after no page, some, and nearly all.
    google.faults.add("slow", CALENDAR, times=None, amount=0.25)
    kept = 0
    for pages in (0, 2, 4):
        worker = stage.start_worker()
        stage.queue_due()
        asked = len(google.log.requests(CALENDAR))
        assert wait_for(
            lambda asked=asked, pages=pages: len(google.log.requests(CALENDAR)) - asked >= pages
            and stage.read("SELECT 1 FROM integrations_syncrun WHERE outcome = 'running'") != [],
            seconds=40,
        ), "the worker did not begin"  # fmt: skip
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert stage.count_meetings() >= kept, "what was written before the kill is lost"
        kept = stage.count_meetings()
        assert kept < EVENTS
        assert stage.read("SELECT value FROM integrations_synccursor") in ([], [("",)]), "a cursor without its rows"
        stage.let_the_lease_run_out()
    assert kept > 0, "no kill fell into the middle of the listing"

    google.faults.clear()
    stage.start_worker()
    stage.queue_due()
    assert wait_for(lambda: stage.read("SELECT 1 FROM integrations_synccursor WHERE value <> ''") != [], seconds=60)
    ids = [row[0] for row in stage.read("SELECT remote_id FROM meetings_meeting")]
    assert len(ids) == EVENTS
    assert set(ids) == {f"event{number:05}" for number in range(EVENTS)}
    assert wait_for(lambda: [row[0] for row in stage.read(OUTCOMES)][-1] == "done", seconds=10)
    outcomes = [row[0] for row in stage.read(OUTCOMES)]
    assert outcomes[:-1] == ["abandoned"] * (len(outcomes) - 1)
    assert len(outcomes) >= 4


OUTCOMES = "SELECT outcome FROM integrations_syncrun ORDER BY id"
