"""How many notifications of a phone system are taken in a second, and that none is lost or kept twice.

    .venv/bin/python -m bench.phone [--rate 1000] [--seconds 10] [--database sqlite|postgresql]

The web server is started as docs/operating.md says, and worker and scheduler run along: all on this one machine,
as is what sends. That one is raw sockets with requests built beforehand, each sent at its own moment whether the last
one was answered or not; latency counts from that moment. One in twenty is sent twice. Beside it stands the floor: the
same server, where an application reads the body and answers 204.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.processes import POSTGRESQL
from bench.run import find_ports

ROOT = Path(__file__).resolve().parent.parent
SECRET, ACCOUNT, PEOPLE = "bench secret", "bench-account", 200
CONNECTIONS = 32
REPEATED = 0.05
NAME = "portico_bench_phone"
WEB = ["--worker-class", "gthread", "--workers", "2", "--threads", "16", "--no-control-socket", "--log-level", "error"]
SEED = """
from django.utils import timezone
from organizations.models import Membership, Organization, User
from phone.models import Licence, PhoneSystem
organization = Organization.objects.create(name="Bench", default_region="US")
users = User.objects.bulk_create(User(email=f"m{{n}}@bench.example", password="!") for n in range({people}))
Membership.objects.bulk_create(Membership(user=one, organization=organization) for one in users)
Licence.objects.bulk_create(Licence(user=one, remote_id=f"zoom-{{n}}") for n, one in enumerate(users))
PhoneSystem.objects.create(organization=organization, kind="zoom", key={key!r}, remote_account={account!r},
                           credentials={{"webhook_secret": {secret!r}}})
"""
COUNT = """
from django.db.models import Count
from phone.models import Call, PhoneEvent
print(PhoneEvent.objects.count(), PhoneEvent.objects.filter(state="done").count(), Call.objects.count(),
      Call.objects.values("call_id").distinct().count())
"""


def floor(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("204 No Content", [])
    return [b""]


def build(number: int, key: str, now: int) -> bytes:
    """A request with a call of its own, as Zoom words and signs it."""
    from phone.signing import ZOOM

    element = {
        "call_element_id": f"20261001-{uuid.UUID(int=number)}", "call_history_uuid": f"20261001-{number}",
        "call_id": f"{7018317023722949162 + number}", "connect_type": "external", "call_type": "general",
        "direction": "inbound", "caller_did_number": f"+1205{5000000 + number}", "caller_name": f"Caller {number}",
        "caller_number_type": "external_pstn", "callee_ext_number": "101", "callee_ext_type": "user",
        "start_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60)), "event": "incoming",
        "answer_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 50)), "result": "answered",
        "end_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 10)), "talk_time": 40,
    }  # fmt: skip
    event = {
        "event": "phone.callee_call_element_completed", "event_ts": now * 1000 + number,
        "payload": {"account_id": ACCOUNT,
                    "object": {"user_id": f"zoom-{number % PEOPLE}", "call_elements": [element]}},
    }  # fmt: skip
    body = json.dumps(event, separators=(",", ":")).encode()
    head = (
        f"POST /phone/events/{key}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"User-Agent: Zoom Marketplace/1.0a\r\nx-zm-request-timestamp: {now}\r\n"
        f"x-zm-signature: {ZOOM.sign(SECRET, str(now), body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sender:
    """Sends each request at its moment on whichever connection is free; reads answers without bodies of their own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.free: deque[socket.socket] = deque()
        self.due: dict[socket.socket, float] = {}
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []

    def run(self, requests: list[bytes], rate: float) -> float:
        """Seconds from the first to the last answer."""
        for _ in range(CONNECTIONS):
            self._connect()
        began, sent = time.perf_counter(), 0
        while sent < len(requests) or self.due:
            now = time.perf_counter()
            while sent < len(requests) and began + sent / rate <= now and self.free:
                one = self.free.popleft()
                self.due[one] = began + sent / rate
                one.sendall(requests[sent])
                sent += 1
            for key, _ in self.selector.select(0.0005):
                self._read(key.fileobj)
        return time.perf_counter() - began

    def _connect(self) -> None:
        one = socket.create_connection(("127.0.0.1", self.port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(one, selectors.EVENT_READ)
        self.free.append(one)

    def _read(self, one: Any) -> None:
        try:
            answer = one.recv(4096)
        except OSError:
            answer = b""
        due = self.due.pop(one, None)
        if due is not None:
            self.latencies.append(time.perf_counter() - due)
            self.statuses[int(answer[9:12]) if answer else 0] += 1
        if answer:
            self.free.append(one)
        else:
            self.selector.unregister(one)
            if one in self.free:
                self.free.remove(one)
            one.close()
            self._connect()


def send(port: int, key: str, total: int, rate: float, results: Any) -> None:
    """A process of its own. `total` distinct ones, and some of them once more."""
    now = int(time.time())
    distinct = [build(number, key, now) for number in range(total)]
    every = int(1 / REPEATED)
    requests = []
    for number, request in enumerate(distinct):
        requests.append(request)
        if number % every == every - 1:
            requests.append(distinct[number - every // 2])
    sender = Sender(port)
    took = sender.run(requests, rate)
    latencies = sorted(sender.latencies)
    results.put(
        {
            "sent": len(requests), "statuses": dict(sender.statuses), "seconds": took,
            "median": statistics.median(latencies), "p99": latencies[int(len(latencies) * 0.99)], "most": latencies[-1],
        }
    )  # fmt: skip


@contextmanager
def running(environment: dict[str, str], *commands: list[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as one:
            if not one.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    sys.exit("The server did not start.")


def load(port: int, key: str, total: int, rate: float) -> dict[str, Any]:
    results: Any = multiprocessing.Queue()
    sender = multiprocessing.Process(target=send, args=(port, key, total, rate, results))
    sender.start()
    found: dict[str, Any] = results.get(timeout=600)
    sender.join()
    return found


def say(name: str, found: dict[str, Any], rest: str = "| |") -> None:
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(found["statuses"].items()))
    rate = found["sent"] / found["seconds"]
    times = " | ".join(f"{found[part] * 1000:,.1f}" for part in ("median", "p99", "most"))
    print(f"| {name} | {found['sent']:,} | {rate:,.0f} | {answers} | {times} {rest}", flush=True)


def run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments[:2])} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def measure(name: str, database: str, folder: Path, total: int, rate: float) -> None:
    key = str(uuid.UUID(hashlib.md5(name.encode()).hexdigest()))
    environment = {
        **os.environ, "PORTICO_ENV": os.devnull, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "portal.settings",
        "VAR_DIR": str(folder / name), "DATABASE_URL": database, "SECRET_KEY": "bench", "LOG_LEVEL": "ERROR",
        "SECRETS_KEYS": "bench:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=", "PUBLIC_URL": "http://127.0.0.1:8000",
    }  # fmt: skip
    run(environment, "manage.py", "prepare")
    seed = SEED.format(people=PEOPLE, key=key, account=ACCOUNT, secret=SECRET)
    run(environment, "manage.py", "shell", "--no-imports", "-c", seed)
    (port,) = find_ports(1)
    web = ["gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{port}", *WEB]
    worker = ["celery", "-A", "portal", "worker", "--pool", "threads", "--concurrency", "4", "--without-gossip",
              "--without-mingle", "--loglevel", "ERROR"]  # fmt: skip
    scheduler = ["celery", "-A", "portal", "beat", "--pidfile", "", "--schedule", str(folder / f"{name}-beat")]
    with running(environment, web, worker, scheduler):
        wait_for(port)
        time.sleep(5)  # the worker, too
        found = load(port, key, total, rate)
        began, counts = time.monotonic(), [0, 0, 0, 0]
        while counts[1] < total and time.monotonic() - began < 90:
            counts = [int(one) for one in run(environment, "manage.py", "shell", "--no-imports", "-c", COUNT).split()]
        waited = time.monotonic() - began
    events, done, calls, distinct = counts
    say(name, found, f"| {events:,} events, {done:,} read, {calls:,} calls ({distinct:,} different) | {waited:.0f} |")
    if not events == done == calls == distinct == total:
        print(f"Of {total:,} some are lost or doubled.", flush=True)


def measure_floor(folder: Path, total: int, rate: float) -> None:
    (port,) = find_ports(1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running(environment, ["gunicorn", "bench.phone:floor", "--bind", f"127.0.0.1:{port}", *WEB]):
        wait_for(port)
        say("floor: an empty 204", load(port, str(uuid.UUID(int=1)), total, rate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="else both")
    options = parser.parse_args()
    total = int(options.rate * options.seconds)
    print("| | sent | answered a second | answers | median ms | 99 % ms | most ms | kept | read after s |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_floor(folder, total, options.rate)
        if options.database != "sqlite":
            import psycopg

            with psycopg.connect(POSTGRESQL, autocommit=True) as server:
                server.execute(f"DROP DATABASE IF EXISTS {NAME}")
                server.execute(f"CREATE DATABASE {NAME}")
            measure("PostgreSQL", POSTGRESQL.rpartition("/")[0] + f"/{NAME}", folder, total, options.rate)
        if options.database != "postgresql":
            measure("SQLite", f"sqlite:{folder / 'bench.sqlite3'}", folder, total, options.rate)


if __name__ == "__main__":
    main()
