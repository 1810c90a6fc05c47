"""The last requests to the pretend APIs, without a token in them: for people who watch and tests that ask."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

SECRET = ("token", "code", "client_secret", "refresh_token", "access_token", "key", "oauth_token", "client_assertion")
# opaque and long: that one was sent says enough
OPAQUE = ("syncToken", "pageToken", "$deltatoken", "$skiptoken")


@dataclass(slots=True)
class Entry:
    """One request. query: (name, value) pairs, secrets left out, cursors shortened; status 0 means hung up."""

    at: datetime
    method: str
    path: str
    query: list[tuple[str, str]]
    account: str
    agent: str
    status: int = 0
    milliseconds: float = 0.0
    fault: str = ""

    def asked(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


class RequestLog:
    def __init__(self, now: Callable[[], datetime], size: int = 2000) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=size)

    def open(self, environ: dict[str, Any], path: str, account: str) -> Entry:
        pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        query = [
            (name, f"{value[:6]}…" if name in OPAQUE and len(value) > 12 else value)
            for name, value in pairs
            if name not in SECRET
        ]
        agent = environ.get("HTTP_USER_AGENT", "")[:200]
        entry = Entry(self._now(), environ["REQUEST_METHOD"], path, query, account, agent)
        with self._lock:
            self._entries.append(entry)
        return entry

    def note(self, method: str, path: str, account: str, agent: str) -> Entry:
        """A request that a pretend provider makes itself."""
        entry = Entry(self._now(), method, path, [], account, agent)
        with self._lock:
            self._entries.append(entry)
        return entry

    def requests(self, path: str = "*", *, method: str = "", account: str = "") -> list[Entry]:
        """Oldest first; path is a pattern such as `*/events`."""
        with self._lock:
            found = list(self._entries)
        return [
            entry
            for entry in found
            if fnmatchcase(entry.path, path) and method in ("", entry.method) and account in ("", entry.account)
        ]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
