"""The whole of Portico as `make run` starts it, and a real browser in front of it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Response,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PASSWORD = "portico-demo-2026"
EXCHANGE_PASSWORD = "exchange-demo-2026"
SECONDS = 30.0

expect.set_options(timeout=30_000)


def expect_nothing_imported(page: Page) -> None:
    """No row on the Meetings page but of what stays without a connection: scheduled here, or made in Zoom itself."""
    stays = re.compile("Made in Zoom|Scheduled here")
    expect(page.locator("li.meeting").filter(has_not_text=stays)).to_have_count(0)


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.e2e)


@dataclass(frozen=True)
class Service:
    """One of the three, as a person meets it."""

    key: str
    """In the sandbox's control API."""
    name: str
    scope: str
    """What it calls "Contacts read"; "": it has no such thing."""

    def make_event(self, title: str, *, location: str = "", hours: float = 2) -> dict[str, object]:
        """A body for its pretend calendar: half an hour, some hours from now."""
        starts = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
        moments = {"start": starts, "end": starts + timedelta(minutes=30)}
        if self.key == "google":
            times = {name: {"dateTime": at.isoformat()} for name, at in moments.items()}
            return {"summary": title, "location": location, **times}
        times = {name: {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"} for name, at in moments.items()}
        return {"subject": title, "location": {"displayName": location}, **times}

    def rename(self, title: str) -> dict[str, object]:
        return {"summary" if self.key == "google" else "subject": title}


GOOGLE = Service("google", "Google", "https://www.googleapis.com/auth/contacts.readonly")
OFFICE365 = Service("office365", "Office 365", "Contacts.Read")
EXCHANGE = Service("exchange", "Exchange", "")
SERVICES = [GOOGLE, OFFICE365, EXCHANGE]


@dataclass(frozen=True)
class Portico:
    """A running demonstration."""

    url: str
    sandbox_url: str
    var: Path

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Use the sandbox's control API, as the sandbox's own page does."""
        request = urllib.request.Request(
            f"{self.sandbox_url}/_control/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def read_log(self, name: str) -> str:
        return (self.var / "log" / f"{name}.log").read_text(errors="replace")

    def find_processes(self) -> list[int]:
        """The supervisor's children: web, worker, scheduler, sandbox."""
        supervisor = int(re.search(r"process (\d+)", (self.var / "demo.lock").read_text())[1])
        return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_demo(var: Path) -> Iterator[Portico]:
    """What `bin/run` starts, on ports of its own, with its data in `var`."""
    var.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEMO_VAR": str(var), "PORTICO_ENV": str(var / "env")}
    for name in ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)
    subprocess.run([sys.executable, ROOT / "bin/write_keys.py"], env=environment, check=True, capture_output=True)
    port, sandbox_port = find_free_port(), find_free_port()
    output = var / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, ROOT / "bin/demo.py", "--port", str(port), "--sandbox-port", str(sandbox_port)],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while "Ready after" not in output.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Portico did not start:\n{output.read_text()}")
            time.sleep(0.2)
        said = output.read_text()
        url = re.search(r"Portico +(http\S+)", said)[1]
        sandbox_url = re.search(r"Sandbox +(http\S+)", said)[1]
        yield Portico(url, sandbox_url, var)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="package")
def portico(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portico]:
    with running_demo(tmp_path_factory.mktemp("portico") / "var") as demo:
        yield demo


class Chromium:
    """Debian's chromium, started again where it had to be killed: now and then it never finishes closing a page."""

    def __init__(self, playwright: Playwright, executable: str) -> None:
        self._playwright = playwright
        self._executable = executable
        self._browser: Browser | None = None

    @property
    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=self._executable, args=FLAGS)
        return self._browser

    def close(self, what: BrowserContext | None = None) -> None:
        """Close a context, or all of it; the process is killed where that takes too long."""
        browser = self._browser
        if browser is None or not browser.is_connected():
            return
        killer = threading.Timer(SECONDS, _kill_browsers)
        killer.start()
        try:
            (what or browser).close()
        except PlaywrightError:
            if browser.is_connected():
                raise
        finally:
            killer.cancel()


def _kill_browsers(parent: int | None = None) -> None:
    """The browsers that this process has started, by way of Playwright's driver."""
    for children in Path(f"/proc/{parent or os.getpid()}/task").glob("*/children"):
        for pid in map(int, children.read_text().split()):
            if any(name in Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0] for name in BROWSERS):
                os.kill(pid, signal.SIGKILL)
            else:
                _kill_browsers(pid)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    """A browser, or a skip that says that there is none."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser here ({', '.join(BROWSERS)}): bin/test installs Debian's chromium where it may")
    with sync_playwright() as playwright:
        chromium = Chromium(playwright, executable)
        yield chromium
        chromium.close()


@dataclass
class Visitor:
    """A person at their own browser. `troubles` collects what must never happen; the fixture looks at the end."""

    portico: Portico
    context: BrowserContext
    page: Page
    troubles: list[str] = field(default_factory=list)
    fine: list[str] = field(default_factory=list)
    """Patterns of troubles that a test means to cause."""

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on("response", self._look)

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium repeats each failed answer here; `_look` judges those by what they are.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.troubles.append(f"{self.page.url}: {message.type}: {message.text}")

    def _look(self, response: Response) -> None:
        is_part = response.request.resource_type not in ("document", "xhr", "fetch")
        if response.status >= 500 or (is_part and response.status >= 400):
            self.troubles.append(f"{response.status} {response.url}")

    def left_troubles(self) -> list[str]:
        return [trouble for trouble in self.troubles if not any(re.search(pattern, trouble) for pattern in self.fine)]

    def open(self, path: str) -> Page:
        self.page.goto(self.portico.url + path if path.startswith("/") else path)
        return self.page

    def sign_in(self, email: str, password: str = PASSWORD) -> Page:
        page = self.open("/accounts/login/")
        page.get_by_label(re.compile("^E-?mail", re.IGNORECASE)).fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    def sign_out(self) -> None:
        self.context.clear_cookies()

    def choose(self, service: Service = GOOGLE) -> Page:
        """From the profile to the permissions page."""
        page = self.open("/profile/")
        page.get_by_role("link", name="Connect to Calendar and Contact Service").click()
        page.get_by_role("link", name=service.name).click()
        return page

    def tick(self, *labels: str) -> None:
        for label in labels:
            self.page.get_by_role("checkbox", name=label).check()

    def sign_in_at(self, service: Service, email: str, *, untick: tuple[str, ...] = (), deny: bool = False) -> Page:
        """From "Next" through the service's own sign-in, back on a page of Portico's."""
        if service is EXCHANGE:
            self.log_in(email)
        else:
            self.consent(email, untick=untick, deny=deny)
        return self.page

    def consent(self, email: str, *, untick: tuple[str, ...] = (), deny: bool = False) -> Page:
        """Go through the account chooser and consent page of the pretend Google or Microsoft, back to Portico.

        Microsoft asks nobody who has agreed before.
        """
        page = self.page
        page.wait_for_url(lambda url: url.startswith((self.portico.sandbox_url, f"{self.portico.url}/profile/")))
        decision = page.get_by_role(
            "button", name=re.compile("^(cancel|deny)" if deny else "^(continue|allow|accept)", re.IGNORECASE)
        )
        back = page.locator(".topbar")
        if page.get_by_role("heading", name=re.compile("^(Choose|Pick) an account")).count():
            page.get_by_text(email).first.click()
            expect(decision.or_(back).first).to_be_visible()
        if page.url.startswith(self.portico.sandbox_url):
            for name in untick:
                page.get_by_role("checkbox", name=re.compile(name, re.IGNORECASE)).uncheck()
            decision.click()
        page.wait_for_url(lambda url: url.startswith(self.portico.url) and "/leaving/" not in url)
        return page

    def log_in(self, email: str, password: str = EXCHANGE_PASSWORD) -> Page:
        """Fill in the form for a server of one's own; the address is there already."""
        page = self.page
        expect(page.get_by_label("EWS URL")).to_have_value(re.compile("^https://"))
        page.get_by_label("User name or e-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Connect", exact=True).click()
        return page

    def connect(self, email: str, *labels: str, service: Service = GOOGLE, untick: tuple[str, ...] = ()) -> Page:
        """Connect a service with these boxes ticked, and wait until everything has been read once."""
        page = self.choose(service)
        self.tick(*(labels or ("Calendar read", "Contacts read")))
        page.get_by_role("button", name="Next").click()
        self.sign_in_at(service, email, untick=untick)
        self.wait_for_sync()
        return page

    def wait_for_sync(self) -> None:
        """Until the profile says when it was last checked. Looks again by itself where there is no script."""
        deadline = time.monotonic() + SECONDS
        while True:
            page = self.open("/profile/")
            if page.locator("#sync-progress").get_by_text(re.compile("^Checked")).count():
                return
            if time.monotonic() > deadline:
                said = self.portico.read_log("worker")[-4000:]
                pytest.fail(f"No sync was finished in {SECONDS:.0f} s. The worker says:\n{said}")
            page.wait_for_timeout(500)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(portico: Portico, chromium: Chromium) -> Iterator[Visit]:
    """visit(viewport=DESKTOP, color_scheme="light", javascript=True, **more) -> a Visitor; troubles fail the test."""
    visitors: list[Visitor] = []

    def visit(
        *, viewport: dict[str, int] = DESKTOP, color_scheme: str = "light", javascript: bool = True, **more: Any
    ) -> Visitor:
        context = chromium.browser.new_context(
            viewport=viewport, color_scheme=color_scheme, java_script_enabled=javascript, locale="en-GB", **more
        )
        context.set_default_timeout(30_000)
        visitor = Visitor(portico, context, context.new_page())
        visitor.watch(visitor.page)
        visitors.append(visitor)
        return visitor

    yield visit
    for visitor in visitors:
        chromium.close(visitor.context)
    assert [trouble for visitor in visitors for trouble in visitor.left_troubles()] == []
