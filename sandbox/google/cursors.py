"""Page tokens and sync tokens: opaque to clients, a little JSON to us."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import orjson

from sandbox.store import Store


def dump_cursor(values: dict[str, Any]) -> str:
    raw = orjson.dumps(values)
    check = hashlib.sha256(raw).digest()[:4]
    return base64.urlsafe_b64encode(check + raw).decode()


def parse_cursor(text: str) -> dict[str, Any] | None:
    """None for a token we never gave out."""
    try:
        raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if hashlib.sha256(raw[4:]).digest()[:4] != raw[:4]:
        return None
    loaded = orjson.loads(raw[4:])
    return loaded if isinstance(loaded, dict) else None


def fingerprint(values: Any) -> str:
    """Short, stable: says whether two requests asked for the same."""
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def sync_era(store: Store, email: str) -> int:
    """Sync tokens of an earlier era are expired; see `expire_sync_tokens`."""
    return int(store.read(f"google.era:{email}", "0"))


def expire_sync_tokens(store: Store, email: str) -> None:
    store.write(f"google.era:{email}", str(sync_era(store, email) + 1))
