"""Access tokens of server-to-server apps, kept in this process's memory and nowhere else.

A token lives an hour and there is none to refresh it with: each process asks for its own, by the app's credentials.
"""

import base64
import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import requests

from integrations.errors import Unexpected
from integrations.providers.http import parse_json, send
from integrations.zoom.responses import WORDS, judge_token_answer

SPARE_SECONDS = 120
"""A token is not used any more so long before it ends: a request takes its time."""
MOST_KEPT = 1_000


class App(Protocol):
    """A server-to-server OAuth app of an organization's own Zoom account."""

    @property
    def organization(self) -> str:
        """What tells organizations apart."""
        ...

    @property
    def credentials(self) -> Mapping[str, str]:
        """account_id, client_id, client_secret."""
        ...

    @property
    def place(self) -> str:
        """Where under Administration it is set up."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    scopes: frozenset[str]
    """Empty where Zoom does not say."""
    ends: float


_kept: dict[str, Token] = {}
_lock = threading.Lock()


def get_token(session: requests.Session, app: App, token_url: str) -> Token:
    """One that is still good, or a new one. Raises ProviderError."""
    name = _name(app, token_url)
    with _lock:
        token = _kept.get(name)
    return token if token and token.ends > time.monotonic() else fetch_token(session, app, token_url)


def drop_token(app: App, token_url: str, token: Token) -> None:
    """Zoom does not take it any more. One that another thread has fetched meanwhile stays."""
    name = _name(app, token_url)
    with _lock:
        if _kept.get(name) == token:
            del _kept[name]


def fetch_token(session: requests.Session, app: App, token_url: str) -> Token:
    """A new one.

    Reference: https://developers.zoom.us/docs/internal-apps/s2s-oauth/

    Raises:
        AdminNeeded: Zoom does not know these credentials.
        ProviderError: any other of the family.
    """
    credentials = app.credentials
    pair = f"{credentials.get('client_id', '')}:{credentials.get('client_secret', '')}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    form = {"grant_type": "account_credentials", "account_id": credentials.get("account_id", "")}
    answer = send(session, "POST", token_url, words=WORDS, headers=headers, data=form)
    if answer.status != 200:
        raise judge_token_answer(answer, place=app.place)
    body = parse_json(answer.body, WORDS)
    value, seconds = body.get("access_token"), body.get("expires_in")
    if not isinstance(value, str) or not value or not value.isascii() or not isinstance(seconds, int):
        raise Unexpected(WORDS.not_understood, detail="200, no access token")
    scope = body.get("scope")
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    token = Token(value, scopes, time.monotonic() + seconds - SPARE_SECONDS)
    with _lock:
        _forget_old()
        _kept[_name(app, token_url)] = token
    return token


def _forget_old() -> None:
    now = time.monotonic()
    for name in [name for name, token in _kept.items() if token.ends <= now]:
        del _kept[name]
    while len(_kept) >= MOST_KEPT:
        del _kept[next(iter(_kept))]


def _name(app: App, token_url: str) -> str:
    """Of the organization and everything the token was asked for with: other credentials, another token."""
    parts = [app.organization, token_url, *(f"{key}={value}" for key, value in sorted(app.credentials.items()))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
