"""A process that carries a write out is killed at each step, really (kill -9); its successor makes one of it.

It writes to a pretend Google in another thread, and stops for ever where it is to be killed. What it was about is then
let go of, as it would be after some minutes, and another process goes on.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from sandbox.server import Sandbox, running
from tests.integrations.test_killed_worker import ROOT, _drop_database, _make_database

pytestmark = pytest.mark.database

PERSON = "alice.meyer@northwind.example"
SCOPES = [f"https://www.googleapis.com/auth/calendar.{name}" for name in ("events.owned", "calendarlist.readonly")]

COMMON = """
import json, time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo
from django.utils import timezone
from integrations import outgoing, sync, tasks as engine_tasks
from integrations.gateway import PermittedCalendar, open_account
from integrations.leases import Lease, take_lease
from integrations.models import Connection
from integrations.pulling import current_window
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import EventDraft
from meetings import calendar_step, outbox, scheduling, tasks
from meetings.agenda import find_reader
from meetings.models import Meeting, ScheduledMeeting, Write
from meetings.intended import Change
from meetings.moving import Scope
from meetings.scheduling import Plan
from organizations.models import Membership, Organization, User

tasks.carry_out.delay = tasks.carry_out.apply_async = lambda *a, **k: None
engine_tasks.sync_connection.delay = engine_tasks.sync_connection.apply_async = lambda *a, **k: None
ZONE = ZoneInfo("Europe/Berlin")
FIRST = (datetime.now(ZONE) + timedelta(days=7)).replace(hour=10, minute=0, second=0, microsecond=0)
alice = User.objects.filter(email=PERSON).first()

def work():
    for _ in range(6):
        Write.objects.filter(state="waiting").update(next_try_at=timezone.now())
        for pk in outbox.find_due():
            outbox.carry_out(pk)

def shown():
    return list(find_reader(User.objects.get(pk=alice.pk)).meetings().order_by("starts", "pk"))

def listed():
    connection = Connection.objects.select_related("user").get()
    lease = take_lease(connection.pk)
    try:
        with open_account(connection, lease=lease) as account:
            pages = list(account.calendar.changes(None, current_window(timezone.now())))
    finally:
        lease.release()
    return sorted((one.title, one.starts.astimezone(UTC).isoformat()) for page in pages for one in page.changed)
"""

PREPARE = (
    COMMON
    + """
alice = User.objects.create_user(PERSON, time_zone="Europe/Berlin")
Membership.objects.create(user=alice, organization=Organization.objects.create(name="Northwind Legal"))
Connection.objects.create(
    user=alice, provider="google", mailbox=alice.email, account_id="1", calendar_read=True, calendar_write=True,
    credentials={**TOKENS, "expires_at": time.time() + 3000},
)
"""
)

PUT = (
    COMMON
    + """
def schedule(title, **more):
    plan = Plan(title, FIRST, 60, "Europe/Berlin", in_calendar=True, **more)
    return scheduling.schedule(alice, plan, by=alice, host="")

SERIES = Recurrence(Repeats.DAILY, count=3)
kind, title = CASE
if kind == "create":
    schedule(title)
elif kind == "create series":
    schedule(title, recurrence=SERIES)
elif kind == "split":
    draft = EventDraft(
        title=title, starts=FIRST, ends=FIRST + timedelta(hours=1), timezone="Europe/Berlin", recurrence=SERIES
    )
    connection = Connection.objects.select_related("user").get()
    lease = take_lease(connection.pk)
    with open_account(connection, lease=lease) as account:
        account.calendar.create(draft, key=KEY)
    lease.release()
    sync.run(connection.pk, trigger="person")
    second = [row for row in shown() if row.title == title][1]
    scheduling.edit(second, Change(topic=title + " changed"), scope=Scope.FOLLOWING, by=alice)
else:
    schedule(title)
    work()
    (row,) = [row for row in shown() if row.title == title]
    if kind == "update":
        change = Change(topic=title + " changed", starts=row.starts + timedelta(hours=1), minutes=30)
        scheduling.edit(row, change, scope=Scope.THIS, by=alice)
    else:
        scheduling.delete(row, scope=Scope.ALL, by=alice)

def stop(*_, **__):
    open(MARK, "w").close()
    time.sleep(600)

def stop_after(owner, name, number=1):
    done, calls = getattr(owner, name), []
    def wrapped(*arguments, **more):
        answer = done(*arguments, **more)
        calls.append(name)
        if len(calls) == number:
            stop()
        return answer
    setattr(owner, name, wrapped)

if POINT == "claimed":
    stop_after(outgoing, "claim")
elif POINT == "provider":
    does = {"create series": "create", "split": "end_series"}
    stop_after(PermittedCalendar, does.get(kind, kind))
elif POINT == "second provider":
    stop_after(PermittedCalendar, "create")
elif POINT == "recording":
    owner, name = (Lease, "renew") if kind == "delete" else (calendar_step.CalendarFeed, "apply")
    stop_after(owner, name, 1)
else:
    outgoing.leave = stop
work()
"""
)

FINISH = (
    COMMON
    + """
Connection.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
dead = Write.objects.filter(state="waiting").exclude(taken_by="")
assert dead.update(taken_until=timezone.now() - timedelta(seconds=1)) == 1, "the dead process was at no write"
if SYNCS_FIRST:
    sync.run(Connection.objects.get().pk, trigger="person")
work()
sync.run(Connection.objects.get().pk, trigger="person")
work()
print("STATE " + json.dumps({
    "page": sorted((row.title, row.starts.astimezone(UTC).isoformat()) for row in shown()),
    "there": listed(),
    "open": Write.objects.open().count(),
    "shadows": Meeting.objects.filter(is_shadow=True).count(),
    "taken": Write.objects.exclude(taken_by="").count(),
}))
"""
)

POINTS = ("claimed", "provider", "recording", "recorded")
CASES = [(kind, point) for kind in ("create", "create series", "update", "delete") for point in POINTS]
CASES += [("split", point) for point in ("claimed", "provider", "recording", "second provider", "recorded")]


class Stage:
    """A database of its own, and processes that work on it."""

    def __init__(self, folder: Path, google: Sandbox) -> None:
        self.folder = folder
        self.database = _make_database(folder)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            **google.settings,
            "PORTICO_ENV": os.devnull,
            "VAR_DIR": str(folder),
            "DATABASE_URL": self.database,
            "SECRET_KEY": "for this test only",
            "SECRETS_KEYS": settings.SECRETS_KEYS[0],
            "OUTBOUND_ALLOW": google.url.removeprefix("http://"),
            "LOG_LEVEL": "ERROR",
        }
        self.run([sys.executable, "manage.py", "prepare"])
        tokens = google.google.tokens.issue(PERSON, SCOPES)
        credentials = {"access_token": tokens.access, "refresh_token": tokens.refresh, "scopes": SCOPES, "sub": "1"}
        self.run(self.shell(PREPARE, TOKENS=credentials))

    def shell(self, code: str, **values: Any) -> list[str]:
        values["PERSON"] = PERSON
        given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        return [sys.executable, "manage.py", "shell", "--no-imports", "-c", given + code]

    def run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def run_until_killed(self, command: list[str], mark: Path) -> None:
        """Kill it once it has come as far as `mark`."""
        with (self.folder / "killed.log").open("w+") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                until = time.monotonic() + 60
                while not mark.exists() and process.poll() is None and time.monotonic() < until:
                    time.sleep(0.05)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.seek(0)
            assert mark.exists(), log.read()[-3000:]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Stage]:
    with running() as sandbox, django_db_blocker.unblock():
        sandbox.google.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin")
        stage = Stage(tmp_path_factory.mktemp("killed"), sandbox)
        yield stage
    _drop_database(stage.database)


@pytest.mark.parametrize(("kind", "point"), CASES, ids=[f"{kind}, {point}" for kind, point in CASES])
def test_a_writer_killed_at_any_step_is_followed_by_one_that_makes_one_of_it(
    stage: Stage, kind: str, point: str
) -> None:
    number = CASES.index((kind, point))
    title, mark = f"Case {number}", stage.folder / f"mark{number}"
    values = {"CASE": (kind, title), "POINT": point, "MARK": str(mark), "KEY": f"{number + 1:032x}"}
    stage.run_until_killed(stage.shell(PUT, **values), mark)

    said = stage.run(stage.shell(FINISH, SYNCS_FIRST=bool(number % 2)))
    state = json.loads(said.partition("STATE ")[2])

    assert state["page"] == state["there"]
    titles = [one for one, _ in state["page"] if one.split(" changed")[0] == title]
    changed = f"{title} changed"
    assert (
        titles
        == {
            "create": [title],
            "create series": [title] * 3,
            "update": [changed],
            "delete": [],
            "split": [title, changed, changed],
        }[kind]
    )
    assert (state["open"], state["shadows"], state["taken"]) == (0, 0, 0)
