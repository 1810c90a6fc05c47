"""How long a change at the service takes to be a row, and to be on an open Meetings page: told of it, and polling.

    .venv/bin/python -m bench.push             # a quarter of an hour: polling is waited for
    .venv/bin/python -m bench.push --quick     # with push alone
    .venv/bin/python -m bench.push --database postgresql://postgres@127.0.0.1/bench_push

Web, worker, scheduler and the pretend services are processes of their own on one machine; notifications come by HTTP.
The page is a browser's: it asks for its fragment as often as that says, and for the list where it has changed.
"""

import argparse
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from bench.run import find_ports

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {"google": "Google", "office365": "Office 365"}
SCOPES = {
    "google": ["https://www.googleapis.com/auth/calendar.events.owned.readonly"],
    "office365": ["User.Read", "Calendars.Read", "offline_access"],
}
PREPARE = """
import time
from django.test import Client
from integrations.models import Connection
from organizations.models import Membership, Organization, User
organization = Organization.objects.create(name="Bench")
for service, email, tokens in {people!r}:
    user = User.objects.create_user(email, time_zone="Europe/Berlin")
    Membership.objects.create(user=user, organization=organization)
    Connection.objects.create(
        user=user, provider=service, mailbox=email, account_id=email, calendar_read=True,
        credentials={{**tokens, "method": "oauth", "expires_at": time.time() + 3000, "scopes": {scopes!r}[service],
                     "sub": "1", "tid": "t", "oid": "o", "mailbox": email}},
    )
    client = Client()
    client.force_login(user)
    print("SESSION", service, client.cookies["sessionid"].value)
"""


class Place:
    """One Portico with the pretend services, all in processes of their own."""

    def __init__(self, folder: Path, database: str, *, push: bool) -> None:
        self.port, self.sandbox_port, self.tls_port = find_ports(3)
        self.url, self.sandbox = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.sandbox_port}"
        self.folder = folder
        self.database = database or f"sqlite:{folder / 'bench.sqlite3'}"
        self.environment = {
            **os.environ, "PORTICO_ENV": os.devnull, "PYTHONPATH": str(ROOT), "SANDBOX": "1", "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "portal.settings", "VAR_DIR": str(folder / "var"), "DATABASE_URL": self.database,
            "SECRET_KEY": "bench", "SECRETS_KEYS": "bench:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
            "PUBLIC_URL": self.url, "SANDBOX_GOOGLE_CLIENT_SECRET": "bench", "SANDBOX_OFFICE365_CLIENT_SECRET": "bench",
            **({"PUSH_ADDRESS": self.url} if push else {"PUSH": "0"}),
        }  # fmt: skip

    def start(self, stack: ExitStack) -> dict[str, str]:
        """Everything runs and has been read once; the session of each service's person."""
        data = str(self.folder / "sandbox.sqlite3")
        ports = ["--port", str(self.sandbox_port), "--tls-port", str(self.tls_port)]
        self._spawn(stack, "-m", "sandbox", *ports, "--data", data, "--push-to-loopback")
        wait_for(lambda: is_up(f"{self.sandbox}/_control/"))
        self.environment |= requests.get(f"{self.sandbox}/_control/settings", timeout=5).json()
        people = []
        for service in SERVICES:
            email = f"{service}@bench.example"
            requests.post(f"{self.sandbox}/_control/people", json={"email": email, "name": service}, timeout=5)
            body = {"scopes": SCOPES[service]}
            tokens = requests.post(f"{self.sandbox}/_control/{service}/{email}/tokens", json=body, timeout=5).json()
            people.append((service, email, tokens))
        self._run("manage.py", "prepare")
        said = self._run("manage.py", "shell", "--no-imports", "-c", PREPARE.format(people=people, scopes=SCOPES))
        web = ["portal.wsgi", "--bind", f"127.0.0.1:{self.port}", "--workers", "1", "--worker-class", "gthread"]
        self._spawn(stack, "-m", "gunicorn", *web, "--threads", "4", "--no-control-socket")
        celery = ["-m", "celery", "-A", "portal"]
        self._spawn(stack, *celery, "worker", "--pool", "threads", "--concurrency", "4", "--without-gossip",
                    "--without-mingle")  # fmt: skip
        self._spawn(stack, *celery, "beat", "--pidfile", "", "--schedule", str(self.folder / "beat"))
        wait_for(lambda: is_up(f"{self.url}/healthz"))
        counts = "SELECT count(*) FROM integrations_connection WHERE synced_at IS NOT NULL"
        wait_for(lambda: self.read(counts) == [(len(SERVICES),)], seconds=180)
        return dict(line.split()[1:3] for line in said.splitlines() if line.startswith("SESSION"))

    def wait_for_channels(self) -> None:
        live = "SELECT count(*) FROM integrations_pushchannel WHERE remote_id <> '' AND heard_at IS NOT NULL"
        made = "SELECT count(*) FROM integrations_pushchannel WHERE remote_id <> ''"
        wait_for(lambda: self.read(live) >= [(1,)] and self.read(made) >= [(len(SERVICES),)], seconds=180)

    def change(self, service: str, title: str) -> None:
        starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
        times = {
            name: {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
            for name, at in (("start", starts), ("end", starts + timedelta(minutes=30)))
        }
        event = {"summary" if service == "google" else "subject": title, **times}
        address = f"{self.sandbox}/_control/{service}/{service}@bench.example/events"
        requests.post(address, json=event, timeout=10).raise_for_status()

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        if not self.database.startswith("sqlite:"):
            with psycopg.connect(self.database) as server:
                return server.execute(sql).fetchall()
        with closing(sqlite3.connect(self.database.removeprefix("sqlite:"), timeout=20)) as file:
            return file.execute(sql).fetchall()

    def _spawn(self, stack: ExitStack, *arguments: str) -> None:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.terminate)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(arguments[:2])} failed:\n{done.stderr[-3000:]}")
        return done.stdout


class Page(threading.Thread):
    """An open Meetings page. `shown`: when each title was on it."""

    def __init__(self, place: Place, session: str) -> None:
        super().__init__(daemon=True)
        self.place = place
        self.shown: dict[str, float] = {}
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.browser.cookies.set("sessionid", session)
        self.over = threading.Event()

    def run(self) -> None:
        link, seconds = self._load()
        while not self.over.wait(seconds):
            fragment = self.browser.get(f"{self.place.url}{link}", headers={"HX-Request": "true"}, timeout=30)
            if "meetings-changed" in fragment.headers.get("HX-Trigger", ""):
                self._load()
            link, seconds = read_fragment(fragment.text)

    def _load(self) -> tuple[str, float]:
        page = self.browser.get(f"{self.place.url}/meetings/", timeout=30).text
        now = time.monotonic()
        for title in re.findall(r"change-[a-z0-9]+-\d+", page):
            self.shown.setdefault(title, now)
        return read_fragment(page)


def read_fragment(text: str) -> tuple[str, float]:
    """Where the fragment is asked for, and after how many seconds."""
    found = re.search(r'hx-get="(/meetings/now/[^"]*)"\s+hx-trigger="every (\d+)s', text)
    if found is None:
        sys.exit("The page does not ask for its fragment any more: this measurement has to follow it.")
    return found[1].replace("&amp;", "&"), float(found[2])


class Watcher(threading.Thread):
    """`seen`: when each title was a row."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self.place, self.seen, self.over = place, dict[str, float](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            rows = self.place.read("SELECT title FROM meetings_meeting")
            now = time.monotonic()
            for (title,) in rows:
                self.seen.setdefault(title, now)


def measure(place: Place, sessions: dict[str, str], *, count: int, apart: tuple[float, float], most: float) -> None:
    watcher = Watcher(place)
    pages = {service: Page(place, session) for service, session in sessions.items()}
    threads: list[Page | Watcher] = [watcher, *pages.values()]
    for thread in threads:
        thread.start()
    time.sleep(2)
    made: dict[str, dict[str, float]] = {service: {} for service in SERVICES}
    for number in range(count):
        time.sleep(random.uniform(*apart))
        for service in SERVICES:
            title = f"change-{service}-{number}"
            made[service][title] = time.monotonic()
            place.change(service, title)
    until = time.monotonic() + most
    titles = {title for service in SERVICES for title in made[service]}
    shown = lambda: {title for page in pages.values() for title in page.shown}  # noqa: E731
    while time.monotonic() < until and not titles <= shown():
        time.sleep(0.2)
    for thread in threads:
        thread.over.set()
    for service, name in SERVICES.items():
        rows = [watcher.seen[title] - at for title, at in made[service].items() if title in watcher.seen]
        page = [
            pages[service].shown[title] - at for title, at in made[service].items() if title in pages[service].shown
        ]
        print(f"| {name} | {len(made[service])} | {say(rows)} | {say(page)} |", flush=True)


def say(delays: list[float]) -> str:
    if not delays:
        return "- | -"
    return f"{statistics.median(delays):.1f} | {max(delays):.1f}"


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code < 500
    except requests.RequestException:
        return False


def wait_for(holds: Any, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            sys.exit("Something did not start in time.")
        time.sleep(0.1)


@contextmanager
def running(database: str, *, push: bool) -> Iterator[tuple[Place, dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Place(Path(folder), database, push=push)
        yield place, place.start(stack)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="with push alone")
    parser.add_argument("--database", default="", help="an empty one; else SQLite in a temporary folder")
    parser.add_argument("--count", type=int, default=12, help="changes at each service")
    options = parser.parse_args()
    print("| | changes | to the row: median s | most s | to the page: median s | most s |")
    print("|---|---|---|---|---|---|")
    print("| **with push** | | | | | |", flush=True)
    with running(options.database, push=True) as (place, sessions):
        place.wait_for_channels()
        measure(place, sessions, count=options.count, apart=(6, 12), most=60)
    if options.quick:
        return
    print("| **polling alone, every 5 minutes** | | | | | |", flush=True)
    with running("", push=False) as (place, sessions):
        measure(place, sessions, count=options.count, apart=(20, 30), most=480)


if __name__ == "__main__":
    main()
