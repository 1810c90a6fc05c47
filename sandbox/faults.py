"""Trouble on demand: rules that say which of the next requests go wrong, and how.

What can go wrong on any line is here. What only one vendor can say (a refusal in its own words, a page that misleads)
is in that vendor's `Face`: `google/trouble.py` and its like.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from werkzeug.wrappers import Response

Environ = dict[str, Any]

# kind → what it does, for the switchboard
LINE_KINDS = {
    "502-html": "502 with an HTML page",
    "slow": "wait, then answer",
    "trickle": "answer a few bytes at a time",
    "hang-up": "close the connection without an answer",
    "lost-answer": "do what was asked, then close the connection without an answer",
    "cut-off": "promise the whole body, send half, close",
    "half-json": "a complete answer that is half a document",
    "html": "an HTML page with status 200",
    "empty-body": "status 200 and nothing",
    "huge": "a body of 200 MB",
    "gzip-bomb": "a small gzip body that unpacks to 200 MB",
    "redirect": "302 to another host",
}
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
    path: str = ""
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


class Face:
    """How one vendor's API is recognised among the requests, and how it words its trouble."""

    name = ""
    prefixes: tuple[str, ...] = ()
    content_type = "application/json"
    kinds: Mapping[str, str] = {}
    """Its own kinds of trouble, beside LINE_KINDS: kind → what it does. Two vendors may share a kind's name."""
    action_words: Mapping[str, str] = {}
    """What its actions do, where ACTIONS does not say it."""

    def __init__(self) -> None:
        self.actions: dict[str, Callable[[str], None]] = {}

    def covers(self, path: str) -> bool:
        """Whether the gate looks at requests to this path: it logs them and lets faults happen."""
        return path.startswith(self.prefixes)

    def name_request(self, environ: Environ) -> str:
        """What rules and the log call this request: its path, or more where a path says too little.

        Whoever has to read the body for it puts another stream with the same bytes in its place.
        """
        return str(environ.get("PATH_INFO", "/"))

    def find_account(self, environ: Environ) -> str:
        """The e-mail address behind a request, whether or not it is let in; "" where nobody knows."""
        return ""

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        """Whether this kind of trouble can befall such a request."""
        return kind in LINE_KINDS or kind in self.kinds

    def go_on(self, environ: Environ, query: dict[str, str]) -> Rule | None:
        """Trouble that an earlier answer has promised for this request. May put the request right again."""
        return None

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        """The answer of a fault that is simply an answer; None for the others."""
        return None

    def prepare(self, rule: Rule, environ: Environ, query: dict[str, str]) -> None:
        """Change the request of which the answer is going to be spoiled."""

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        """The application's answer, made misleading."""
        return body

    def _might_cover(self, pattern: str) -> bool:
        literal = pattern.partition("*")[0].partition("?")[0].partition("[")[0]
        return any(literal.startswith(prefix) or prefix.startswith(literal) for prefix in self.prefixes)


class Faults:
    """The rules in force. The first that fits a request decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._last = 0
        self.faces: list[Face] = []

    def register(self, *faces: Face) -> None:
        self.faces += faces

    def find_face(self, path: str) -> Face | None:
        return next((face for face in self.faces if face.covers(path)), None)

    @property
    def kinds(self) -> dict[str, str]:
        """Every kind there is, with the words of the first vendor that has it."""
        found = dict[str, str]()
        for face in self.faces:
            found |= {kind: text for kind, text in face.kinds.items() if kind not in found}
        return found | LINE_KINDS

    @property
    def actions(self) -> dict[str, str]:
        words = ACTIONS | {kind: text for face in self.faces for kind, text in face.action_words.items()}
        return {kind: text for kind, text in words.items() if any(kind in face.actions for face in self.faces)}

    def add(
        self, kind: str, path: str = "", *, times: int | None = 1, skip: int = 0, method: str = "",
        account: str = "", amount: float | None = None,
    ) -> Rule | None:  # fmt: skip
        """A new rule, last in the queue; an action is done at once and leaves no rule. Raises ValueError.

        Without a path it is about everything of the first vendor that knows the kind.
        """
        kinds, actions = self.kinds, self.actions
        if kind not in kinds and kind not in actions:
            raise ValueError(f"No fault is called “{kind}”. There are: {', '.join([*kinds, *actions])}.")
        known = [face for face in self.faces if kind in face.actions or kind in face.kinds or kind in LINE_KINDS]
        chosen = [face for face in known if face._might_cover(path)] if path else known[:1]
        if not chosen:
            raise ValueError(f"Nothing behind {path} has a fault called “{kind}”.")
        if kind in actions:
            if not account:
                raise ValueError(f"“{kind}” needs an account to happen to.")
            for face in chosen:
                face.actions[kind](account.lower())
            return None
        with self._lock:
            self._last += 1
            rule = Rule(kind, path or f"{chosen[0].prefixes[0]}*", times, skip, method, account, amount, self._last)
            self._rules.append(rule)
        return rule

    def take(self, face: Face, method: str, path: str, account: str, *, query: dict[str, str]) -> Rule | None:
        """The rule this request falls to; counts it."""
        with self._lock:
            for rule in self._rules:
                if not rule.fits(method, path, account) or not face.concerns(rule.kind, path, query):
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
