"""Who hears of calls: one address for each account, proved to be the app's own, and every notification signed.

Reference: https://developers.zoom.us/docs/api/webhooks/
"""

from __future__ import annotations

import hmac
import http.client
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import orjson

from sandbox.clock import Clock
from sandbox.delivering import Deliveries, Manner, Message, post
from sandbox.store import Store
from sandbox.zoom.phone.events import GENERATIONS
from sandbox.zoom.phone.shapes import Doc

MANNER = Manner("Zoom Phone", 3.0, (300.0, 1200.0, 3600.0), frozenset(range(500, 600)))
"""Three seconds to answer; tried again after 5, then 20, then 60 minutes, and after a refusal never."""
MOST_FAILURES = 6
PROVED_FOR = 72 * 3600.0
ORDERS = ("made", "reversed", "mixed")


@dataclass(frozen=True, slots=True)
class Subscription:
    """state: new, active, or disabled. failures: of proofs, in a row. checked: seconds since 1970; 0: never."""

    account: str
    url: str
    secret: str
    generations: tuple[str, ...]
    is_live: bool
    state: str
    problem: str
    failures: int
    checked: float

    def describe(self) -> dict[str, object]:
        """Without the secret."""
        return {
            "account": self.account, "url": self.url, "generations": list(self.generations), "live": self.is_live,
            "state": self.state, "problem": self.problem, "failures": self.failures,
        }  # fmt: skip


class Subscriptions:
    """`signs_again`: whether a further try has a new time and signature. Zoom does not say what its own do."""

    deliveries: Deliveries

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.signs_again = True
        self.held: list[Message] | None = None

    def set(
        self, account: str, *, url: str, secret: str = "", generations: Iterable[str] = ("element",), live: bool = True
    ) -> Subscription:
        """A new address, or another. Without a secret the one before stays, or there is a random one. It is proved.

        Raises:
            ValueError: the address cannot be one; the sentence says why.
        """
        chosen = tuple(one for one in GENERATIONS if one in tuple(generations))
        if not chosen:
            raise ValueError(f"Choose at least one of {', '.join(GENERATIONS)}.")
        lack = self.deliveries.judge(url)
        if lack:
            raise ValueError("Zoom takes https addresses only." if lack == "https" else "Give a complete address.")
        known = self.find(account)
        secret = secret or (known.secret if known else secrets.token_urlsafe(16))
        self._store.run(
            "INSERT OR REPLACE INTO zp_subscription VALUES (?, ?, ?, ?, ?, 'new', '', 0, 0)",
            account, url, secret, " ".join(chosen), int(live),
        )  # fmt: skip
        self.prove(account)
        return self._get(account)

    def _get(self, account: str) -> Subscription:
        found = self.find(account)
        assert found is not None
        return found

    def find(self, account: str) -> Subscription | None:
        row = self._store.row("SELECT * FROM zp_subscription WHERE account = ?", account)
        if row is None:
            return None
        return Subscription(row[0], row[1], row[2], tuple(row[3].split()), bool(row[4]), *row[5:])

    def remove(self, account: str) -> None:
        self._store.run("DELETE FROM zp_subscription WHERE account = ?", account)

    def prove(self, account: str) -> bool:
        """Ask the address for its word. The first success makes it active, the sixth failure in a row ends it."""
        found = self._get(account)
        problem = self._find_fault(found)
        failures = found.failures + 1 if problem else 0
        state = found.state if problem else "active"
        if failures >= MOST_FAILURES:
            state = "disabled"
        self._store.run(
            "UPDATE zp_subscription SET state = ?, problem = ?, failures = ?, checked = ? WHERE account = ?",
            state, problem, failures, self._clock.seconds(), account,
        )  # fmt: skip
        return not problem

    def _find_fault(self, found: Subscription) -> str:
        """What is wrong with the answer to endpoint.url_validation; "" where it is right."""
        plain = secrets.token_urlsafe(16)
        event = {"payload": {"plainToken": plain}, "event_ts": self._now_ms(), "event": "endpoint.url_validation"}
        body = orjson.dumps(event)
        headers = make_headers() | self._sign(body, found.secret)
        try:
            status, _, answer = post(found.url, headers, body, seconds=MANNER.seconds)
        except (OSError, http.client.HTTPException) as error:
            return f"It did not answer ({type(error).__name__})."
        if status not in (200, 204):
            return f"It answered {status}."
        try:
            given = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return "It did not answer with JSON."
        expected = {"plainToken": plain, "encryptedToken": make_digest(found.secret, plain.encode())}
        if not isinstance(given, dict) or any(given.get(name) != value for name, value in expected.items()):
            return "Its answer does not prove that it knows the secret token."
        return ""

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)

    def _sign(self, body: bytes, secret: str) -> dict[str, str]:
        moment = str(int(self._clock.seconds()))
        signature = make_digest(secret, b"v0:" + moment.encode() + b":" + body)
        return {"x-zm-request-timestamp": moment, "x-zm-signature": f"v0={signature}"}

    def tell(self, account: str, email: str, events: Iterable[Doc], *, subject: str) -> None:
        """Post these, in this order, to who listens. subject: the call or voicemail they are about."""
        found = self.find(account)
        if found is not None and found.state == "active" and self._clock.seconds() - found.checked > PROVED_FOR:
            self.prove(account)
            found = self._get(account)
        if found is None or found.state != "active":
            return
        messages = [self._make_message(found, email, event, subject) for event in events]
        if self.held is not None:
            self.held += messages
        else:
            self.deliveries.put(*messages)

    def _make_message(self, found: Subscription, email: str, event: Doc, subject: str) -> Message:
        body = orjson.dumps(event)
        message = Message(MANNER, email, found.url, make_headers(), body, event["event"], subject=subject)
        if self.signs_again:
            message.sign = partial(self._sign, body, found.secret)
        else:
            message.headers |= self._sign(body, found.secret)
        return message

    def hold(self) -> None:
        """Keep what there is to tell until it is released."""
        self.held = self.held or []

    def release(self, order: str = "made") -> int:
        """Send what was held, in the order it was made or another; how many."""
        assert order in ORDERS, f"No order is called {order}."
        found, self.held = self.held or [], None
        if order == "reversed":
            found.reverse()
        elif order == "mixed":
            random.Random(len(found)).shuffle(found)
        self.deliveries.put(*found)
        return len(found)


def make_headers() -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8", "User-Agent": "Zoom Marketplace/1.0a",
        "x-zm-request-id": str(uuid4()),
    }  # fmt: skip


def make_digest(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, "sha256").hexdigest()
