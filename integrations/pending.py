"""The half-made connection, kept in the person's session between "Next" and the way back: used once, and expiring.

Several may be under way at a time (one per tab); the oldest give way.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from integrations.permissions import Permissions, dump_permissions, parse_permissions

SESSION_KEY = "pending_connections"
MOST = 10
LASTS_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class Pending:
    provider: str
    method: str
    asked: Permissions
    keep: Mapping[str, Any]
    back: str
    """Path to return to when it did not work out."""
    url: str = ""
    """Where the person goes at the provider; "": to a form of ours."""


def new_state() -> str:
    """An id nobody can guess; it is OAuth's `state`."""
    return secrets.token_urlsafe(32)


def stash(session: SessionBase, state: str, pending: Pending) -> None:
    waiting = _living(session)
    waiting[state] = {
        "provider": pending.provider,
        "method": pending.method,
        "asked": dump_permissions(pending.asked),
        "keep": dict(pending.keep),
        "back": pending.back,
        "url": pending.url,
        "at": timezone.now().timestamp(),
    }
    newest = sorted(waiting.items(), key=lambda item: item[1]["at"])[-MOST:]
    session[SESSION_KEY] = dict(newest)


def take(session: SessionBase, state: str) -> Pending | None:
    """The one with this state, which is then gone; None where there is none, or it is used or too old."""
    waiting = _living(session)
    found = waiting.pop(state, None)
    session[SESSION_KEY] = waiting
    return _load(found) if found else None


def look(session: SessionBase, state: str) -> Pending | None:
    """The one with this state, which stays and begins to live anew: somebody is filling in a form."""
    waiting = _living(session)
    found = waiting.get(state)
    if found is None:
        return None
    found["at"] = timezone.now().timestamp()
    session[SESSION_KEY] = waiting
    return _load(found)


def _load(entry: Mapping[str, Any]) -> Pending:
    return Pending(
        entry["provider"],
        entry["method"],
        parse_permissions(entry["asked"]),
        entry["keep"],
        entry["back"],
        entry["url"],
    )


def _living(session: SessionBase) -> dict[str, Any]:
    since = timezone.now().timestamp() - LASTS_SECONDS
    return {state: entry for state, entry in session.get(SESSION_KEY, {}).items() if entry["at"] > since}
