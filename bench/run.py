"""`make bench`: what a sync costs, beside its floor and beside the obvious way, measured in the same run.

Each figure comes from a process of its own (bench/child.py); the pretend services are another process, so only the
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench.services import Service, Where, set_up

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/postgres")
FEEDS = {"calendar": "events", "contacts": "contacts"}


def find_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running_sandbox(folder: Path) -> Iterator[Where]:
    port, tls_port = find_ports(2)
    environment = {**os.environ, "SANDBOX": "1", "SANDBOX_GOOGLE_CLIENT_SECRET": "bench"}
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--tls-port", str(tls_port)]
    process = subprocess.Popen(
        [*command, "--data", str(folder / "sandbox.sqlite3")], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                requests.get(f"{url}/_control/", timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield Where(url, f"https://127.0.0.1:{tls_port}", str(folder / "sandbox-ca.pem"))
    finally:
        process.terminate()
        process.wait()


class Bench:
    """Measurements of one service at one database."""

    def __init__(self, where: Where, folder: Path, service: Service, database: str) -> None:
        self.where, self.folder, self.service, self.database = where, folder, service, database

    def run(self, *arguments: str) -> str:
        ports = [url.rpartition("/")[2] for url in (self.where.url, self.where.tls_url)]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTICO_ENV": "/dev/null",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.database,
            "VAR_DIR": str(self.folder / "var"),
            "SECRET_KEY": "bench",
            "SECRETS_KEYS": "bench:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
            "OUTBOUND_ALLOW": ",".join(ports),
            "OUTBOUND_CA_BUNDLE": self.where.ca_file,
            "LOG_LEVEL": "ERROR",
            "BENCH_SERVICE": self.service.key,
            "BENCH_CREDENTIALS": json.dumps(self.service.credentials),
            "BENCH_RECORD": str(self.folder / "requests.json"),
            **self.service.environment,
        }
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def measure(self, mode: str, feed: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("-m", "bench.child", mode, feed).splitlines()[-1])
        return found

    def table(self, control: Any, feed: str, count: int, *, quick: bool) -> None:
        """One table: a full sync, its floors, and what comes after."""
        self.measure("prepare", feed)
        self.measure("record", feed)
        self.measure("prepare", feed)
        full = self.measure("portico", feed)
        none = self.measure("portico", feed)
        self.service.change(control, feed, 100)
        changes = self.measure("portico", feed)
        floor = self.measure("floor", feed)
        kind = "PostgreSQL" if self.database.startswith("postgres") else "SQLite"
        print(f"\n**{self.service.name}, {count} {FEEDS[feed]}, {kind}**\n")
        print("| | CPU s | wall s | peak MiB over idle | added/changed/removed | × floor |")
        print("|---|---|---|---|---|---|")
        print_row("Portico, full sync", full, floor)
        print_row("floor: same requests, bare parser, one raw upsert", floor, floor)
        if feed == "contacts":
            print_row("the same floor with numbers and folders as rows", self.measure("floor-with-parts", feed), floor)
        if self.service.slow and not quick:
            print_row(self.service.slow, self.measure("per-row", feed), floor)
        print_row("Portico, 100 changes", changes)
        print_row("Portico, no change", none)


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
    parser.add_argument("--quick", action="store_true", help="leave out the slow way, row by row, and the other tables")
    parser.add_argument("--service", choices=["google", "office365", "exchange"], help="this one alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name)) as where:
        folder = Path(name)

        def control(method: str, path: str, body: Any = None) -> Any:
            answer = requests.request(method, f"{where.url}/_control/{path}", json=body, timeout=300)
            answer.raise_for_status()
            return answer.json() if answer.content else None

        services = set_up(control, where, options.count)
        for database in list_databases(folder).values():
            for service in services:
                if options.service in (None, service.key):
                    bench = Bench(where, folder, service, database)
                    bench.run("manage.py", "prepare")
                    for feed in FEEDS:
                        bench.table(control, feed, options.count, quick=options.quick)
    if not options.quick:
        for module in ("bench.ews", "bench.links"):
            subprocess.run([sys.executable, "-m", module], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
