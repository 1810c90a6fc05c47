"""Trouble on demand: rules that say which of the next requests go wrong, and how."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# kind → what it does, for the switchboard
KINDS = {
    "401": "401, the access token is refused",
    "403-rate": "403 rateLimitExceeded",
    "403-user-rate": "403 userRateLimitExceeded",
    "403-quota": "403 quotaExceeded",
    "403-scope": "403 insufficientPermissions",
    "403-forbidden": "403 forbidden",
    "404": "404 notFound",
    "410": "410 (calendar) or EXPIRED_SYNC_TOKEN (people), as if the sync token had expired",
    "429": "429 with Retry-After in seconds",
    "429-date": "429 with Retry-After as an HTTP date",
    "429-first-page": "429 for first pages of a full contact sync only",
    "500": "500 with a JSON body",
    "503": "503 with a JSON body and Retry-After",
    "502-html": "502 with an HTML page",
    "invalid-grant": "the token endpoint answers invalid_grant",
    "slow": "wait, then answer",
    "trickle": "answer a few bytes at a time",
    "hang-up": "close the connection without an answer",
    "cut-off": "promise the whole body, send half, close",
    "half-json": "a complete answer that is half a JSON",
    "html": "an HTML page with status 200",
    "empty-body": "status 200 and nothing",
    "huge": "a body of 200 MB",
    "gzip-bomb": "a small gzip body that unpacks to 200 MB",
    "redirect": "302 to another host",
    "foreign-next": "nextPageToken is a URL on another host",
    "endless": "there is always a next page, and it is the same one",
    "empty-pages": "pages without items, each with a nextPageToken, before the real one",
}  # fmt: skip
# done at once to what the sandbox remembers, instead of to a request
ACTIONS = {
    "expire-access": "every access token of the account has expired",
    "expire-sync": "every sync token of the account has expired",
    "revoke-account": "the person has taken back every app's access: invalid_grant from now on",
}


@dataclass(slots=True)
class Rule:
    """Goes off for requests whose path fits, `times` times (None: until cleared), after letting `skip` pass.

    amount: seconds for slow, trickle and Retry-After; pages for empty-pages; megabytes for huge and gzip-bomb.
    """

    kind: str
    path: str = "/google/*"
    times: int | None = 1
    skip: int = 0
    method: str = ""
    account: str = ""
    amount: float | None = None
    number: int = 0
    hits: int = field(default=0)

    def fits(self, method: str, path: str, account: str) -> bool:
        return (
            fnmatchcase(path, self.path)
            and self.method.upper() in ("", method)
            and self.account.lower() in ("", account)
        )

    def describe(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Faults:
    """The rules in force. The first that fits a request decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._last = 0
        self.actions: dict[str, Callable[[str], None]] = {}

    def add(
        self, kind: str, path: str = "/google/*", *, times: int | None = 1, skip: int = 0, method: str = "",
        account: str = "", amount: float | None = None,
    ) -> Rule | None:  # fmt: skip
        """A new rule, last in the queue; an action is done at once and leaves no rule. Raises ValueError."""
        if kind in ACTIONS:
            if not account:
                raise ValueError(f"“{kind}” needs an account to happen to.")
            self.actions[kind](account.lower())
            return None
        if kind not in KINDS:
            raise ValueError(f"No fault is called “{kind}”. There are: {', '.join([*KINDS, *ACTIONS])}.")
        with self._lock:
            self._last += 1
            rule = Rule(kind, path, times, skip, method, account, amount, self._last)
            self._rules.append(rule)
        return rule

    def take(self, method: str, path: str, account: str, *, query: dict[str, str]) -> Rule | None:
        """The rule this request falls to; counts it."""
        with self._lock:
            for rule in self._rules:
                if not rule.fits(method, path, account) or not _concerns(rule.kind, path, query):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule
        return None

    def rules(self) -> list[Rule]:
        with self._lock:
            return list(self._rules)

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all."""
        with self._lock:
            self._rules = [rule for rule in self._rules if number is not None and rule.number != number]


def _concerns(kind: str, path: str, query: dict[str, str]) -> bool:
    """Whether this kind of trouble can befall such a request."""
    if kind == "410":
        return "syncToken" in query
    if kind == "invalid-grant":
        return path == "/google/token"
    if kind == "429-first-page":
        return path.endswith("/connections") and not query.get("syncToken") and not query.get("pageToken")
    if kind in ("endless", "empty-pages", "foreign-next"):
        return path.endswith(("/events", "/connections", "/contactGroups", "/calendarList"))
    return True
