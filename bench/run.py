"""`make bench`: what a sync costs, beside its floor and beside the obvious way, measured in the same run.

Each figure comes from a process of its own (bench/child.py); the pretend Google is another process, so only the
client's side is counted. With PostgreSQL the database server's own work is not counted either.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

ROOT = Path(__file__).resolve().parent.parent
EMAIL = "bench@northwind.example"
SCOPES = [
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/calendar.events.owned",
    "https://www.googleapis.com/auth/contacts",
]
POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/postgres")


@contextmanager
def running_sandbox(folder: Path) -> Any:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SANDBOX": "1", "SANDBOX_GOOGLE_CLIENT_SECRET": "bench"}
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(folder / "sandbox.sqlite3")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                requests.get(f"{url}/_control/", timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


class Bench:
    def __init__(self, url: str, folder: Path, count: int) -> None:
        self.url, self.folder, self.count = url, folder, count
        self.control("POST", "people", {"email": EMAIL, "name": "Bench", "timezone": "Europe/Berlin"})
        self.control("POST", f"google/{EMAIL}/bulk", {"events": count, "contacts": count})
        self.tokens = self.control("POST", f"google/{EMAIL}/tokens", {"scopes": SCOPES})
        self.queries: dict[str, tuple[str, str]] = {}

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_control/{path}", json=body, timeout=120)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def api(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        answer = requests.request(method, f"{self.url}/google/{path}", headers=headers, timeout=120, **options)
        answer.raise_for_status()
        return answer.json()

    def child(self, database: str, *arguments: str) -> dict[str, Any]:
        google = f"{self.url}/google"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTICO_ENV": "/dev/null",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database,
            "VAR_DIR": str(self.folder / "var"),
            "SECRET_KEY": "bench",
            "SECRETS_KEYS": "bench:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
            "OUTBOUND_ALLOW": self.url.removeprefix("http://"),
            "GOOGLE_CLIENT_ID": "portico-sandbox.apps.example",
            "GOOGLE_CLIENT_SECRET": "bench",
            "GOOGLE_TOKEN_URL": f"{google}/token",
            "GOOGLE_CALENDAR_ROOT": f"{google}/calendar/v3/",
            "GOOGLE_PEOPLE_ROOT": f"{google}/people/",
            "LOG_LEVEL": "ERROR",
            "BENCH_URL": self.url,
            "BENCH_TOKENS": json.dumps(self.tokens),
            "BENCH_QUERIES": json.dumps(self.queries),
        }
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1]) if "bench.child" in arguments else {}

    def measure(self, database: str, mode: str, feed: str) -> dict[str, Any]:
        return self.child(database, "-m", "bench.child", mode, feed)

    def learn_query(self, feed: str) -> None:
        """What the product asked first, for the floor to ask the same."""
        pattern = "*/events" if feed == "calendar" else "*/connections"
        first = self.control("GET", f"log?path={pattern}")
        oldest = min(first, key=lambda entry: entry["at"])
        self.queries[feed] = (oldest["path"], urlencode([tuple(pair) for pair in oldest["query"]]))

    def change(self, feed: str, count: int) -> None:
        if feed == "calendar":
            events = self.api("GET", "calendar/v3/calendars/primary/events", params={"maxResults": count})["items"]
            for event in events:
                self.control("PATCH", f"google/{EMAIL}/events/{event['id']}", {"summary": f"Changed {time.time()}"})
            return
        fields = "names,metadata"
        params = {"personFields": fields, "pageSize": count}
        for person in self.api("GET", "people/v1/people/me/connections", params=params)["connections"]:
            body = {"etag": person["etag"], "metadata": person["metadata"],
                    "names": [{"givenName": f"Changed {time.time()}"}]}  # fmt: skip
            self.api("PATCH", f"people/v1/{person['resourceName']}:updateContact", json=body,
                     params={"updatePersonFields": "names"})  # fmt: skip


def list_databases(folder: Path) -> dict[str, str]:
    found = {"SQLite": f"sqlite:{folder / 'bench.sqlite3'}"}
    try:
        import psycopg

        with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=2) as server:
            server.execute("DROP DATABASE IF EXISTS portico_bench")
            server.execute("CREATE DATABASE portico_bench")
        found["PostgreSQL"] = POSTGRESQL.rpartition("/")[0] + "/portico_bench"
    except psycopg.OperationalError as error:
        print(f"PostgreSQL is left out: {str(error).splitlines()[0]}")
    return found


def print_row(what: str, found: dict[str, Any], floor: dict[str, Any] | None = None) -> None:
    times = f"{found['cpu'] / floor['cpu']:.2f}" if floor else ""
    rows = "/".join(str(found.get(name, 0)) for name in ("added", "changed", "removed"))
    print(
        f"| {what} | {found['cpu']:.3f} | {found['wall']:.3f} | {found['peak_mib']:.1f} | {rows} | {times} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser("bench/run.py")
    parser.add_argument("--count", type=int, default=10_000, help="events, and contacts")
    parser.add_argument("--quick", action="store_true", help="leave out the slow way, row by row")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name)) as url:
        folder = Path(name)
        bench = Bench(url, folder, options.count)
        for database_name, database in list_databases(folder).items():
            bench.child(database, "manage.py", "prepare")
            for feed, noun in (("calendar", "events"), ("contacts", "contacts")):
                bench.measure(database, "prepare", feed)
                bench.control("DELETE", "log")
                full = bench.measure(database, "portico", feed)
                bench.learn_query(feed)
                none = bench.measure(database, "portico", feed)
                bench.change(feed, 100)
                changes = bench.measure(database, "portico", feed)
                floor = bench.measure(database, "floor", feed)
                print(f"\n**{options.count} {noun}, {database_name}**\n")
                print("| | CPU s | wall s | peak MiB over idle | added/changed/removed | × floor |")
                print("|---|---|---|---|---|---|")
                print_row("Portico, full sync", full, floor)
                print_row("floor: same bytes, orjson, one raw upsert", floor, floor)
                if feed == "contacts":
                    with_parts = bench.measure(database, "floor-with-parts", feed)
                    print_row("the same floor with numbers and folders as rows", with_parts, floor)
                if not options.quick:
                    print_row("google-api-python-client, update_or_create",
                              bench.measure(database, "per-row", feed), floor)  # fmt: skip
                print_row("Portico, 100 changes", changes)
                print_row("Portico, no change", none)
    if not options.quick:
        subprocess.run([sys.executable, "-m", "bench.links"], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
