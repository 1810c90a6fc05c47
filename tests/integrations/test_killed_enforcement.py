"""Real workers, really killed while a lock is carried out: each person's connection is whole or gone, and each is told
once.

A worker is a process that does what the sweep does. It is killed in the middle, again and again, and its successor
finishes. Without a broker: what a lost message costs is tried in test_killed_worker.
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

import pytest
from django.conf import settings
from django.db.utils import ConnectionHandler

from portal.env import database
from tests.integrations.test_killed_worker import ROOT, _drop_database, _make_database

pytestmark = pytest.mark.database

PEOPLE = 120
EVENTS = 5

PREPARE = f"""
from integrations import deciding, tasks
from integrations.deciding import Place
from integrations.levels import parse_layer
from integrations.models import Connection
from integrations.policy import Level
from meetings.models import Meeting
from organizations.models import Membership, Organization, User
tasks.enforce_change.delay = lambda *_: None
northwind = Organization.objects.create(name="Northwind Legal")
for n in range({PEOPLE}):
    user = User.objects.create(email=f"p{{n}}@northwind.example")
    Membership.objects.create(user=user, organization=northwind)
    connection = Connection.objects.create(user=user, provider="google", mailbox=user.email, account_id=user.email,
                                           credentials={{"refresh_token": "r"}}, calendar_read=True)
    for m in range({EVENTS}):
        Meeting.objects.create(owner=user, connection=connection, remote_id=f"e{{m}}", title="Meeting")
layer = parse_layer(Level.ORGANIZATION, {{"google.offered": False}}, ["google.offered"])
deciding.save(Place(northwind), layer, version=0, by=None, address=None)
"""
# Slowed down, so that the kill falls between people and into their transactions.
WORK = """
import time
from integrations import enforcing, erasing
erase = enforcing.erase_locked
def slowly(*arguments, **more):
    removed = erase(*arguments, **more)
    time.sleep(0.01)
    return removed
enforcing.erase_locked = slowly
for change_id in enforcing.find_due():
    enforcing.run(change_id)
"""


class Stage:
    def __init__(self, folder: Path) -> None:
        self.database = _make_database(folder)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "PORTICO_ENV": os.devnull,
            "VAR_DIR": str(folder),
            "DATABASE_URL": self.database,
            "SECRET_KEY": "for this test only",
            "SECRETS_KEYS": settings.SECRETS_KEYS[0],
            "GOOGLE_CLIENT_ID": "id",
            "GOOGLE_CLIENT_SECRET": "secret",
            "LOG_LEVEL": "ERROR",
        }
        self.run("manage.py", "prepare")
        self.run("manage.py", "shell", "--no-imports", "-c", PREPARE)

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", WORK]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, start_new_session=True)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        connection = ConnectionHandler({"default": database(self.database)})["default"]
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def count(self, what: str) -> int:
        with self.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {what}")
            found: int = cursor.fetchone()[0]
            return found

    def let_the_lease_run_out(self) -> None:
        past = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S")
        with self.cursor() as cursor:
            cursor.execute("UPDATE integrations_policychange SET leased_until = %s WHERE leased_by <> ''", [past])
            assert cursor.rowcount == 1, "the dead worker held no lease"


@pytest.fixture
def stage(tmp_path: Path, django_db_blocker: Any) -> Iterator[Stage]:
    with django_db_blocker.unblock():
        stage = Stage(tmp_path)
        yield stage
    _drop_database(stage.database)


def wait_for(holds: Callable[[], bool], *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False


CONNECTIONS = "integrations_connection"
ENDED = "organizations_auditevent WHERE action = 'connection.disconnected_by_policy'"


def test_a_worker_killed_while_it_carries_out_a_lock_leaves_each_person_whole_or_done(stage: Stage) -> None:
    left = PEOPLE
    for most in (PEOPLE - 1, PEOPLE - 40, PEOPLE - 80):
        worker = stage.start_worker()
        assert wait_for(lambda most=most: stage.count(CONNECTIONS) <= most, seconds=60), "the worker did not begin"
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert 0 < stage.count(CONNECTIONS) < left
        left = stage.count(CONNECTIONS)
        check(stage, left)
        stage.let_the_lease_run_out()

    worker = stage.start_worker()
    assert worker.wait(60) == 0
    assert stage.count(CONNECTIONS) == 0
    check(stage, 0)
    assert stage.count("integrations_policychange WHERE state = 'done'") == 1


def check(stage: Stage, left: int) -> None:
    """Rows, audit trail, revocation and what they will be told, for each person all or nothing."""
    assert stage.count("meetings_meeting") == left * EVENTS
    assert stage.count(ENDED) == PEOPLE - left
    assert stage.count("integrations_policyeffect WHERE state = 'done'") == PEOPLE - left
    assert stage.count("integrations_revocation") == PEOPLE - left
