"""What reading Exchange costs, without rows: Portico's reading, a bare walk over the same answers, exchangelib's items.

The pretend Exchange is a process of its own, and so is each measurement, so that memory is comparable. Everything is
imported and a first request has been answered before the clock starts.

Run: `python -m bench.ews`, which starts a sandbox, or with `--sandbox http://127.0.0.1:9100`, which fills that one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from lxml import etree

from bench.measuring import measure
from integrations.providers.exchange import WORDS, Exchange, responses
from integrations.providers.exchange.payloads import parse_details, parse_event, parse_fields
from integrations.providers.exchange.people import parse_contact
from integrations.providers.exchange.syncing import read_change
from integrations.providers.http import Answer
from integrations.remote import Window
from safety import outbound

EMAIL, PASSWORD = "ews-bench@northwind.example", "a password for the benchmark"
FEEDS = ("calendar", "contacts")
ROWS = {
    "portico": "Portico's reading",
    "walk": "the same requests, a bare lxml walk",
    "exchangelib": "exchangelib's own items",
    "portico-parse": "the same answers in memory, parsed by Portico",
    "walk-parse": "the same answers in memory, a bare lxml walk",
}
MEBIBYTE = 1024 * 1024
T, M = responses.TYPES, responses.MESSAGES


def make_window() -> Window:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))


class Reader:
    """One person's mailbox, read in the ways that are compared."""

    def __init__(self, url: str, ca_file: str) -> None:
        self.url, self.ca_file = url, ca_file
        policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(url).netloc]), ca_bundle=ca_file)
        self.exchange = Exchange({}, session_factory=lambda: outbound.session(policy))
        self.credentials = {"user": EMAIL, "password": PASSWORD, "ews_url": url, "auth": "ntlm", "mailbox": EMAIL}

    def read(self, feed: str) -> int:
        """The product's own reading; how many records."""
        with self.exchange.open(self.credentials, save=lambda _: None) as account:
            pages: Iterator[Any] = (
                account.calendar.changes(None, make_window()) if feed == "calendar" else account.contacts.changes(None)
            )
            return sum(len(page.changed) for page in pages)

    def record(self, feed: str) -> tuple[list[bytes], list[bytes]]:
        """(requests, answers) of one reading."""
        asked: list[bytes] = []
        answers: list[bytes] = []
        send = requests.Session.send

        def sending(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> requests.Response:
            response = send(session, request, **how)
            asked.append(request.body if isinstance(request.body, bytes) else b"")
            answers.append(response.content)
            return response

        requests.Session.send = sending  # type: ignore[method-assign]
        try:
            self.read(feed)
        finally:
            requests.Session.send = send  # type: ignore[method-assign]
        return asked, answers

    def open_bare(self) -> requests.Session:
        from requests_ntlm import HttpNtlmAuth

        session = requests.Session()
        session.trust_env, session.verify = False, self.ca_file
        session.auth = HttpNtlmAuth(f"\\{EMAIL}", PASSWORD)
        session.headers["Content-Type"] = "text/xml; charset=utf-8"
        return session

    def list_by_exchangelib(self, feed: str) -> int:
        """As its documents do it: a calendar view month by month, all contacts folder by folder, the same fields."""
        import exchangelib
        from exchangelib.protocol import BaseProtocol

        ca_file = self.ca_file

        class Trusting(requests.adapters.HTTPAdapter):
            def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
                super().cert_verify(conn, url, ca_file, cert)

        BaseProtocol.HTTP_ADAPTER_CLS = Trusting
        library: Any = exchangelib
        configuration = library.Configuration(
            credentials=library.Credentials(EMAIL, PASSWORD),
            service_endpoint=self.url,
            auth_type=library.NTLM,
            version=library.Version(build=library.Build(15, 2, 1748, 39)),
        )
        account = library.Account(
            EMAIL,
            config=configuration,
            autodiscover=False,
            access_type=library.DELEGATE,
            default_timezone=library.EWSTimeZone("UTC"),
        )
        if feed == "contacts":
            names = ("display_name", "given_name", "surname", "company_name", "job_title", "body", "email_addresses",
                     "phone_numbers", "physical_addresses")  # fmt: skip
            folders = [account.contacts, *account.contacts.walk().get_folders()]
            return sum(1 for folder in folders for _ in folder.all().only(*names))
        names = ("subject", "body", "start", "end", "is_all_day", "location", "sensitivity", "legacy_free_busy_status",
                 "uid", "type", "is_cancelled", "my_response_type", "organizer", "required_attendees",
                 "optional_attendees", "resources", "last_modified_time", "_start_timezone")  # fmt: skip
        window, count = make_window(), 0
        starts = window.starts
        while starts < window.ends:
            ends = min(starts + timedelta(days=31), window.ends)
            view = account.calendar.view(
                start=library.EWSDateTime.from_datetime(starts), end=library.EWSDateTime.from_datetime(ends)
            )
            count += sum(1 for _ in view.only(*names))
            starts = ends
        return count


def walk(answer: bytes) -> int:
    """Every element touched and nothing made of it; how many items there were."""
    count = 0
    for element in etree.fromstring(answer, etree.XMLParser(huge_tree=True)).iter():
        if element.tag in (f"{T}CalendarItem", f"{T}Contact"):
            count += 1
        element.text  # noqa: B018
    return count


def parse(answer: bytes) -> int:
    """What Portico makes of an answer, without anything else of a reading."""
    _, messages = responses.read_answer(Answer(200, {}, answer), WORDS)
    count = 0
    for message, _ in responses.split(messages, WORDS):
        for part in message if message is not None else ():
            if part.tag == f"{M}Changes":
                count += sum(bool(read_change(change)) for change in part)
            elif part.tag == f"{M}RootFolder":
                count += sum(bool(parse_fields(item)) for item in part[0])
            elif part.tag == f"{M}Items":
                count += sum(make_record(item) is not None for item in part)
    return count


def make_record(item: Any) -> object:
    if item.tag == f"{T}Contact":
        return parse_contact(item, "")
    details = parse_details(item, EMAIL)
    return parse_event(details.fields, details, mailbox=EMAIL)


def measure_one(mode: str, feed: str, reader: Reader) -> dict[str, Any]:
    """In a process of its own."""
    act: Callable[[], int]
    if mode == "portico":
        act = lambda: reader.read(feed)  # noqa: E731
        warm_up(reader)
    elif mode == "exchangelib":
        act = lambda: reader.list_by_exchangelib(feed)  # noqa: E731
        warm_up(reader)
        import exchangelib  # noqa: F401
    else:
        asked, answers = reader.record(feed)
        if mode == "walk":
            session = reader.open_bare()
            session.post(reader.url, data=asked[0])
            answers.clear()
            act = lambda: sum(walk(session.post(reader.url, data=one).content) for one in asked)  # noqa: E731
        else:
            each = parse if mode == "portico-parse" else walk
            act = lambda: sum(each(one) for one in answers)  # noqa: E731
    with measure() as measured:
        count = act()
    size = sum(map(len, answers)) if mode.endswith("-parse") else 0
    return {"cpu": measured.cpu, "peak_mib": measured.peak_mib, "count": count, "mib": size / MEBIBYTE}


def warm_up(reader: Reader) -> None:
    """What the first sync of a process pays once: libraries and the certificate authorities."""
    with reader.exchange.open(reader.credentials, save=lambda _: None) as account:
        never = datetime.now(UTC) + timedelta(days=20 * 365)
        next(iter(account.calendar.changes(None, Window(never, never))))


@contextmanager
def find_sandbox(url: str) -> Iterator[str]:
    """The control address of a sandbox; one is started where none is named."""
    if url:
        yield url
        return
    from bench.run import running_sandbox

    with tempfile.TemporaryDirectory() as name, running_sandbox(Path(name)) as where:
        yield where.url


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.ews")
    parser.add_argument("--sandbox", default="", help="the http address of a running one")
    parser.add_argument("--count", type=int, default=10_000, help="events, and contacts")
    parser.add_argument("--measure", nargs=2, metavar=("MODE", "FEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        reader = Reader(os.environ["BENCH_EWS_URL"], os.environ["BENCH_CA_FILE"])
        print(json.dumps(measure_one(*options.measure, reader)))
        return
    with find_sandbox(options.sandbox) as url:
        control = f"{url}/_control"
        fill(control, options.count)
        here = requests.get(f"{control}/", timeout=10).json()
        environment = {
            **os.environ,
            "BENCH_EWS_URL": f"{here['tls_url']}/EWS/Exchange.asmx",
            "BENCH_CA_FILE": here["ca_file"],
        }
        for feed in FEEDS:
            print_table(feed, options.count, environment)


def fill(control: str, count: int) -> None:
    def post(method: str, path: str, body: dict[str, Any]) -> None:
        answer = requests.request(method, f"{control}/{path}", json=body, timeout=600)
        answer.raise_for_status()

    post("POST", "people", {"email": EMAIL, "name": "Bench", "timezone": "Europe/Berlin"})
    post("POST", f"exchange/{EMAIL}/account", {"password": PASSWORD})
    post("POST", f"exchange/{EMAIL}/bulk", {"events": count, "contacts": count})


def print_table(feed: str, count: int, environment: dict[str, str]) -> None:
    found: dict[str, dict[str, Any]] = {}
    for mode in ROWS:
        command = [sys.executable, "-m", "bench.ews", "--measure", mode, feed]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{mode} {feed} failed:\n{done.stderr[-3000:]}")
        found[mode] = json.loads(done.stdout.splitlines()[-1])
    what = "events" if feed == "calendar" else "contacts"
    print(f"\n**Exchange, {count:,} {what}, {found['walk-parse']['mib']:.0f} MiB of answers**\n")
    print("| | CPU s | peak MiB over idle | × the walk |")
    print("|---|---|---|---|")
    for mode, words in ROWS.items():
        floor = found["walk-parse" if mode.endswith("-parse") else "walk"]
        one = found[mode]
        print(f"| {words} | {one['cpu']:.2f} | {one['peak_mib']:.1f} | {one['cpu'] / floor['cpu']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
