"""Requests for authorization that wait while a person goes through the pages."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox.clock import Clock
from sandbox.microsoft.entra_errors import EntraError
from sandbox.store import Store

SCHEMA = "CREATE TABLE IF NOT EXISTS e_pending (id TEXT PRIMARY KEY, asked TEXT NOT NULL, since REAL NOT NULL);"
LIFE = 3600

Asked = dict[str, Any]
"""What an app asks for: its parameters, the client and the tenant found for them, and what was shown on the way."""


class Pending:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        store.create(SCHEMA)

    def add(self, asked: Asked) -> str:
        """Its id, which the pages' forms carry."""
        pending, now = secrets.token_urlsafe(24), self._clock.seconds()
        self._store.run("DELETE FROM e_pending WHERE since < ?", now - LIFE)
        self._store.run("INSERT INTO e_pending VALUES (?, ?, ?)", pending, json.dumps(asked), now)
        return pending

    def get(self, pending: str) -> Asked:
        """Raises EntraError."""
        row = self._store.row("SELECT asked FROM e_pending WHERE id = ?", pending)
        if row is None:
            raise EntraError(70008)
        asked: Asked = json.loads(row["asked"])
        return asked

    def change(self, pending: str, asked: Asked) -> None:
        self._store.run("UPDATE e_pending SET asked = ? WHERE id = ?", json.dumps(asked), pending)

    def forget(self, pending: str) -> None:
        self._store.run("DELETE FROM e_pending WHERE id = ?", pending)
