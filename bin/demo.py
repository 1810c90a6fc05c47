"""The demonstration: web, worker, scheduler and sandbox on this machine, with their data in var/.

It keeps to itself: of .env it takes keys and, where you have set them, your own clients of Google and Office 365; every
other setting is fixed here, so that a database, a broker or a mail server named elsewhere is never filled with pretend
people.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from supervisor import Service, Stop, Supervisor, stop_on_signals

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("DEMO_VAR", str(ROOT / "var")))
PYTHON = sys.executable
KEYS = ("SECRET_KEY", "SECRETS_KEYS", "SANDBOX_CLIENT_SECRET")
OWN_GOOGLE = ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET")
OWN_OFFICE365 = ("OFFICE365_CLIENT_ID", "OFFICE365_CLIENT_SECRET", "OFFICE365_CERTIFICATE", "OFFICE365_AUTHORITY")
GOOGLE_CLIENT_ID = "portico-demo.apps.sandbox.example"
OFFICE365_CLIENT_ID = "6d2f7a54-3c1b-4c0e-9a35-0b7f5c6d9e21"
ZOOM_ACCOUNT_ID = "Nw7aQk2sT0yBvR4mXd9cLg"
ZOOM_CLIENT_ID = "pOrT1c0DeMoZoOm0aPp2w"
ZOOM_PHONE_KEY = "5b0f3f5c-7a52-4f0e-9d6a-2f1c8e4b7a90"
PASSWORD = "portico-demo-2026"  # noqa: S105 (shown to everyone who starts the demonstration, which listens on loopback only)
EXCHANGE_PASSWORD = "exchange-demo-2026"  # noqa: S105 (as above: sandbox/demo/ gives it to everyone there)
PEOPLE = [
    ("dora.lindqvist@northwind.example", "owner of Northwind Legal"),
    ("alice.meyer@northwind.example", "member"),
    ("ben.okafor@northwind.example", "member"),
    ("emil.tanaka@northwind.example", "member"),
    ("charlie.stone@rival.example", "owner of Rival & Co, a stranger to the others"),
    ("support@portico.example", "support staff, at /support/ (asks you to set up a second factor first)"),
]


def read_env(path: Path) -> dict[str, str]:
    values = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, sep, value = line.strip().partition("=")
        if sep and not name.startswith("#"):
            values[name.strip()] = value.strip().strip('"')
    return values


def find_port(wanted: int) -> int:
    """The wanted port, or the next free one."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError(f"No free port between {wanted} and {wanted + 99}. Choose another with PORT=...")


def make_environment(*, port: int, sandbox_port: int, tls_port: int) -> dict[str, str]:
    """The environment of every process of the demonstration: ours alone, but for the machine's own basics."""
    keys = read_env(Path(os.environ.get("PORTICO_ENV") or ROOT / ".env"))
    basics = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "LOG_LEVEL")
    environment = {name: os.environ[name] for name in basics if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTICO_ENV": os.devnull,
        "VAR_DIR": str(VAR),
        "DATABASE_URL": f"sqlite:{VAR / 'portico.sqlite3'}",
        "PUBLIC_URL": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        # Plain http, which the sandbox takes on this machine when it is told to, and no real service does.
        "PUSH": "1",
        "PUSH_ADDRESS": f"http://127.0.0.1:{port}",
        "SANDBOX": "1",
        **{name: keys.get(name, "") for name in KEYS},
    }
    # Another host than Portico's: browsers keep cookies by host, whatever the port, and these two are strangers.
    plain, secured = f"http://127.0.0.1:{sandbox_port}", f"https://127.0.0.1:{tls_port}"
    secret = keys.get("SANDBOX_CLIENT_SECRET", "")
    environment |= {
        "OUTBOUND_ALLOW": f"127.0.0.1:{sandbox_port},127.0.0.1:{tls_port}",
        "OUTBOUND_CA_BUNDLE": str(VAR / "sandbox-ca.pem"),
        "SANDBOX_REDIRECT_URIS": f"http://localhost:{port}/integrations/callback/",
        "SANDBOX_GOOGLE_CLIENT_ID": GOOGLE_CLIENT_ID,
        "SANDBOX_GOOGLE_CLIENT_SECRET": secret,
        "SANDBOX_OFFICE365_CLIENT_ID": OFFICE365_CLIENT_ID,
        "SANDBOX_OFFICE365_CLIENT_SECRET": secret,
        "EXCHANGE_EWS_URL": f"{secured}/EWS/Exchange.asmx",
        "ZOOM_TOKEN_URL": f"{plain}/zoom/oauth/token",
        "ZOOM_API_ROOT": f"{plain}/zoom/v2/",
        "SANDBOX_ZOOM_ACCOUNT_ID": ZOOM_ACCOUNT_ID,
        "SANDBOX_ZOOM_CLIENT_ID": ZOOM_CLIENT_ID,
        "SANDBOX_ZOOM_CLIENT_SECRET": secret,
        "SANDBOX_ZOOM_PHONE_KEY": ZOOM_PHONE_KEY,
        "SANDBOX_ZOOM_WEBHOOK_SECRET": hashlib.sha256(f"webhook {secret}".encode()).hexdigest()[:22],
    }
    google = {
        "GOOGLE_CLIENT_ID": GOOGLE_CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": secret,
        "GOOGLE_AUTHORIZE_URL": f"{plain}/google/o/oauth2/v2/auth",
        "GOOGLE_TOKEN_URL": f"{plain}/google/token",
        "GOOGLE_REVOKE_URL": f"{plain}/google/revoke",
        "GOOGLE_CALENDAR_ROOT": f"{plain}/google/calendar/v3/",
        "GOOGLE_PEOPLE_ROOT": f"{plain}/google/people/",
    }
    office365 = {
        "OFFICE365_CLIENT_ID": OFFICE365_CLIENT_ID,
        "OFFICE365_CLIENT_SECRET": secret,
        "OFFICE365_AUTHORITY": f"{secured}/microsoft/organizations",
        "OFFICE365_INSTANCE_DISCOVERY": "0",
        # Browsers know nothing of the sandbox's certificate authority, and need not.
        "OFFICE365_AUTHORIZE_URL": f"{plain}/microsoft/organizations/oauth2/v2.0/authorize",
        "OFFICE365_GRAPH_ROOT": f"{secured}/graph/v1.0/",
        "OFFICE365_EWS_URL": f"{secured}/office365/EWS/Exchange.asmx",
    }
    for own, pretended in ((OWN_GOOGLE, google), (OWN_OFFICE365, office365)):
        given = {name: keys[name] for name in own if keys.get(name)}
        environment |= given if own[0] in given else pretended
    return environment


def make_services(environment: dict[str, str], *, port: int, sandbox_port: int, tls_port: int) -> list[Service]:
    celery = [PYTHON, "-m", "celery", "-A", "portal"]
    commands = {
        "sandbox": [
            *(PYTHON, "-m", "sandbox", "--port", str(sandbox_port), "--tls-port", str(tls_port)),
            *("--data", str(VAR / "sandbox.sqlite3"), "--seed", "demo", "--push-to-loopback"),
        ],
        "web": [
            *(PYTHON, "-m", "gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1"),
            *("--worker-class", "gthread", "--threads", "4", "--graceful-timeout", "5", "--timeout", "60"),
            *("--worker-tmp-dir", str(VAR), "--no-control-socket"),
        ],
        "worker": [
            *celery,
            *("worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        "scheduler": [*celery, "beat", "--pidfile", "", "--schedule", str(VAR / "beat-schedule"), "--loglevel", "INFO"],
    }
    return [
        Service(name, command, log=VAR / "log" / f"{name}.log", environment=environment)
        for name, command in commands.items()
    ]


def turn_logs(folder: Path) -> None:
    """Begin new logs; the last start's are kept as .1."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (a loopback address made above)
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def is_worker_ready(log: Path) -> bool:
    return log.exists() and " ready." in log.read_text(errors="replace")


@contextlib.contextmanager
def lock_var() -> Iterator[None]:
    """Only one demonstration at a time on this data. The lock goes with the process, however it ends.

    Raises:
        RuntimeError: another one is running; the message says where.
    """
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            where = lock.read().strip()
            raise RuntimeError(
                f"Portico is already running{f' at {where}' if where else ''}. Stop it first (Ctrl-C there)."
            ) from None
        yield


def write_where(url: str) -> None:
    (VAR / "demo.lock").write_text(f"{url} (process {os.getpid()})\n")


def run_step(command: list[str], *, environment: dict[str, str], quietly: bool = False) -> None:
    output = subprocess.DEVNULL if quietly else None
    done = subprocess.run(
        [PYTHON, *command], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed; what it said stands above.")


def connect_phone(environment: dict[str, str], *, url: str, sandbox_url: str) -> None:
    """Have the pretend Zoom Phone post what happens to Portico, which has to answer by then."""
    address = f"{url}/phone/events/{environment['SANDBOX_ZOOM_PHONE_KEY']}/"
    body = json.dumps({"url": address, "secret": environment["SANDBOX_ZOOM_WEBHOOK_SECRET"]}).encode()
    request = urllib.request.Request(  # noqa: S310 (a loopback address made below)
        f"{sandbox_url}/_control/zoom/phone/subscription", body, {"Content-Type": "application/json"}, method="PUT"
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as error:
        print(f"Zoom Phone in the sandbox does not notify Portico ({error}); calls come a little later.", flush=True)


def make_box(environment: dict[str, str], *, url: str, sandbox_url: str) -> str:
    people = [f"  {email:<34} {what}" for email, what in PEOPLE]
    own = [
        f"{name:<10} your own client from .env"
        for name, key, pretended in (
            ("Google", "GOOGLE_CLIENT_ID", GOOGLE_CLIENT_ID),
            ("Office 365", "OFFICE365_CLIENT_ID", OFFICE365_CLIENT_ID),
        )
        if environment[key] != pretended
    ]
    try:
        shown = VAR.relative_to(Path.cwd())
    except ValueError:
        shown = VAR
    lines = [
        f"Portico    {url}",
        f"Sandbox    {sandbox_url}   pretend Google, Office 365, Exchange, Zoom: move an event, receive a call",
        *own,
        "",
        f"Sign in as (password for everyone: {PASSWORD})",
        *people,
        "",
        "Then: Profile, Connect to Calendar and Contact Service.",
        f"Exchange takes the same address, or NORTHWIND\\alice.meyer, with the password {EXCHANGE_PASSWORD}",
        f"Mail that Portico sends lies in {shown}/mail, logs in {shown}/log.",
        "Ctrl-C stops everything. `make reset` starts over.",
    ]
    width = max(map(len, lines))
    edge = "+" + "-" * (width + 2) + "+"
    return "\n".join([edge, *(f"| {line:<{width}} |" for line in lines), edge])


def run(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    stop_on_signals()
    with lock_var():
        port, sandbox_port = find_port(arguments.port), find_port(arguments.sandbox_port)
        tls_port = find_port(sandbox_port + 1)
        if port != arguments.port:
            print(f"Port {arguments.port} is taken, so Portico uses {port}.", flush=True)
        url, sandbox_url = f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}"
        environment = make_environment(port=port, sandbox_port=sandbox_port, tls_port=tls_port)
        write_where(url)
        turn_logs(VAR / "log")
        print("Preparing the database ...", flush=True)
        make_ca = ["-m", "sandbox", "--make-ca", "--data", str(VAR / "sandbox.sqlite3")]
        run_step(make_ca, environment=environment, quietly=True)
        run_step(["manage.py", "prepare"], environment=environment)
        run_step(["manage.py", "seed_demo", "--password", PASSWORD], environment=environment)
        services = make_services(environment, port=port, sandbox_port=sandbox_port, tls_port=tls_port)
        supervisor = Supervisor(services, say=lambda sentence: print(sentence, flush=True))
        try:
            supervisor.start()
            supervisor.wait_until(lambda: answers(f"{url}/healthz"), seconds=60, what="The web server")
            supervisor.wait_until(lambda: answers(f"{sandbox_url}/"), seconds=60, what="The sandbox")
            worker_log = VAR / "log" / "worker.log"
            supervisor.wait_until(lambda: is_worker_ready(worker_log), seconds=60, what="The worker")
            connect_phone(environment, url=url, sandbox_url=sandbox_url)
            print(make_box(environment, url=url, sandbox_url=sandbox_url), flush=True)
            print(f"Ready after {time.monotonic() - began:.0f} s.", flush=True)
            if arguments.once:
                return 0
            supervisor.watch()
        finally:
            with contextlib.suppress(OSError):
                print("Stopping ...", flush=True)
            supervisor.stop()
    return 0


def reset() -> int:
    with lock_var():
        for name in ("portico.sqlite3", "sandbox.sqlite3", "sandbox-", "beat-schedule"):
            for path in VAR.glob(f"{name}*"):
                path.unlink()
        for name in ("queue", "mail", "log"):
            shutil.rmtree(VAR / name, ignore_errors=True)
    print("The demonstration's data is gone. `make run` starts afresh.")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/run", description="Start the demonstration.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--sandbox-port", type=int, default=int(os.environ.get("SANDBOX_PORT", "9100")))
    parser.add_argument("--once", action="store_true", help="start, wait until all is healthy, stop")
    parser.add_argument("--reset", action="store_true", help="delete the demonstration's data and stop")
    arguments = parser.parse_args()
    try:
        return reset() if arguments.reset else run(arguments)
    except Stop:
        return 0
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
