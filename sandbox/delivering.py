"""Notifications on their way: posted over real HTTP, tried again as the vendors document it, and lost on demand.

A provider's `Source` is asked what there is to tell after each change of the store, whichever door it came through.
"""

from __future__ import annotations

import contextlib
import heapq
import http.client
import ipaddress
import itertools
import sqlite3
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from sandbox.request_log import RequestLog

MOST_KEPT = 500
MOST_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Manner:
    """How a service delivers. waits: seconds before each further try, one after the other."""

    service: str
    seconds: float
    waits: tuple[float, ...]
    retried: frozenset[int] | None
    """Statuses that are tried again; None: whatever is no 2xx. No answer at all is tried again by either."""

    def is_success(self, status: int) -> bool:
        return 200 <= status < 300

    def is_tried_again(self, status: int) -> bool:
        return status == 0 or self.retried is None or status in self.retried


@dataclass(slots=True)
class Message:
    """about: what it says, in a few words. status: of the last try; 0: none. state: waiting, told, failed, lost.

    subject: which of the provider's things it is about. sign: makes headers anew for each try. number: by which it is
    found again.
    """

    manner: Manner
    account: str
    url: str
    headers: dict[str, str]
    body: bytes
    about: str
    subject: str = ""
    sign: Callable[[], dict[str, str]] | None = None
    number: int = 0
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tries: int = 0
    status: int = 0
    problem: str = ""
    state: str = "waiting"

    def describe(self) -> dict[str, object]:
        return {
            "number": self.number, "service": self.manner.service, "account": self.account, "url": self.url,
            "about": self.about, "made_at": self.made_at.isoformat(), "tries": self.tries, "status": self.status,
            "problem": self.problem, "state": self.state,
        }  # fmt: skip


class Source(Protocol):
    """What a provider has to tell."""

    def has_listeners(self) -> bool: ...

    def collect(self) -> list[Message]:
        """What has changed since it was asked the last time."""
        ...


class Deliveries:
    """One thread that collects and delivers, started when somebody first listens.

    last_change: the newest change number of the store. takes_loopback: whether notifications go to plain http on this
    machine as well, which no real service does.
    """

    def __init__(self, log: RequestLog, last_change: Callable[[], int], *, takes_loopback: bool = False) -> None:
        self.takes_loopback = takes_loopback
        self.sources: list[Source] = []
        self.is_doubled = False
        self.to_lose = 0
        self._log, self._last_change = log, last_change
        self._kept: deque[Message] = deque(maxlen=MOST_KEPT)
        self._due: list[tuple[float, int, Message]] = []
        self._numbers = itertools.count()
        self._counter = itertools.count(1)
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._is_over = False

    def judge(self, url: str) -> str:
        """What an address lacks that notifications are to go to: "host" or "https"; "" where it lacks nothing."""
        parts = urlsplit(url)
        if not parts.hostname:
            return "host"
        if parts.scheme == "https" or (parts.scheme == "http" and self.takes_loopback and _is_loopback(parts.hostname)):
            return ""
        return "https"

    def lose(self, count: int) -> None:
        """The next so many are never delivered, and nobody hears of it."""
        with self._lock:
            self.to_lose = count

    def start(self) -> None:
        """Begin to collect. What there is to tell is in the sources: a restart loses nothing but what was under way."""
        with self._lock:
            if self._thread is None and not self._is_over:
                self._thread = threading.Thread(target=self._work, name="deliveries", daemon=True)
                self._thread.start()

    def resume(self) -> None:
        if any(source.has_listeners() for source in self.sources):
            self.start()

    def wake(self) -> None:
        """Something may have changed. Called after each change of the store, so it costs nothing."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._idle.clear()
            self._awake.set()

    def put(self, *messages: Message) -> None:
        """Have these delivered, in this order."""
        self.start()
        with self._lock:
            for message in messages:
                message.number = next(self._counter)
                self._kept.append(message)
                if self.to_lose > 0:
                    self.to_lose -= 1
                    message.state = "lost"
                    continue
                heapq.heappush(self._due, (time.monotonic(), next(self._numbers), message))
                if self.is_doubled:
                    heapq.heappush(self._due, (time.monotonic(), next(self._numbers), message))
        self.wake()

    def hurry(self, number: int | None = None) -> int:
        """Try again now what waits for its next try, or this one whatever became of it; how many."""
        with self._lock:
            waiting = {entry[2].number for entry in self._due}
            wanted = waiting if number is None else {number}
            chosen = [one for one in self._kept if one.number in wanted]
            left = [entry for entry in self._due if entry[2].number not in wanted]
            for message in chosen:
                message.state = "waiting"
                left.append((time.monotonic(), next(self._numbers), message))
            heapq.heapify(left)
            self._due = left
        if chosen:
            self.start()
            self.wake()
        return len(chosen)

    def pass_time(self, seconds: float) -> None:
        """The sandbox's clock was moved on: so much sooner is the next try."""
        with self._lock:
            self._due = [(due - seconds, number, message) for due, number, message in self._due]
        self.wake()

    def list(self) -> list[Message]:
        """The last ones, oldest first."""
        with self._lock:
            return list(self._kept)

    def settle(self, seconds: float = 10) -> bool:
        """Wait until all that was to be told has been tried once; whether that came about."""
        return self._thread is None or self._idle.wait(seconds)

    def close(self) -> None:
        with self._lock:
            self._is_over = True
        self._awake.set()
        if self._thread is not None:
            self._thread.join(15)

    def _work(self) -> None:
        # A store that is being closed under us is the end of the sandbox.
        with contextlib.suppress(sqlite3.ProgrammingError):
            seen = -1
            while not self._is_over:
                self._awake.clear()
                if (change := self._last_change()) != seen:
                    seen = change
                    for source in self.sources:
                        self.put(*source.collect())
                while (message := self._take()) is not None and not self._is_over:
                    self._deliver(message)
                if not self._awake.is_set():
                    self._idle.set()
                self._awake.wait(self._wait())

    def _wait(self) -> float | None:
        with self._lock:
            return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _take(self) -> Message | None:
        with self._lock:
            if self._due and self._due[0][0] <= time.monotonic():
                return heapq.heappop(self._due)[2]
            return None

    def _deliver(self, message: Message) -> None:
        entry = self._log.note("POST", f"→ {message.url}", message.account, message.manner.service)
        entry.fault = message.about
        began = time.perf_counter()
        message.tries += 1
        try:
            headers = message.headers | (message.sign() if message.sign else {})
            message.status, _, _ = post(message.url, headers, message.body, seconds=message.manner.seconds)
            message.problem = ""
        except (OSError, http.client.HTTPException) as error:
            message.status, message.problem = 0, type(error).__name__
        entry.status, entry.milliseconds = message.status, (time.perf_counter() - began) * 1000
        if message.manner.is_success(message.status):
            message.state = "told"
            return
        waits = message.manner.waits
        if message.tries > len(waits) or not message.manner.is_tried_again(message.status):
            message.state = "failed"
            return
        with self._lock:
            again = time.monotonic() + waits[message.tries - 1]
            heapq.heappush(self._due, (again, next(self._numbers), message))


def post(url: str, headers: dict[str, str], body: bytes, *, seconds: float) -> tuple[int, str, bytes]:
    """Status, content type and the beginning of the body. Redirects are not followed. Raises OSError, HTTPException."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(parts.netloc, timeout=seconds, context=context)
    else:
        line = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        line.request("POST", target, body, {**headers, "Content-Length": str(len(body)), "Connection": "close"})
        answer = line.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read(MOST_BYTES)
    finally:
        line.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
