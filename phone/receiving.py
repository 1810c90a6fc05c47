"""What is answered to whoever posts a notification: a genuine one is kept, and read by the worker a moment later.

Anybody may post here. What is forged or too old, and what names a system that does not exist, gets one and the same
answer after the same work. Zoom waits three seconds, and tries again only what was answered with 500 or above.
"""

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from integrations.flooding import Flood
from phone import other, signing, waking
from phone.bodies import load_json
from phone.ledger import Ledger, on_live_connection
from phone.models import PhoneEvent, PhoneSystem, SystemKind
from phone.system_settings import read_webhook_secret
from safety.secrets import Undecryptable

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
KNOWN_FOR = 2.0
"""Seconds for which a system's secret is kept in mind: so long an old one is good after a change."""
MOST_TOLD = 20
LOGGED = Flood(most=20)
SCHEMES = {SystemKind.ZOOM.value: signing.ZOOM, SystemKind.OTHER.value: signing.OTHER}


@dataclass(frozen=True, slots=True)
class Answer:
    """`told`: JSON for the body."""

    status: int
    told: Mapping[str, Any] | None = None


TAKEN = Answer(204)
REFUSED = Answer(401)
ANOTHER_ACCOUNT = Answer(403)
TOO_BIG = Answer(413)
LATER = Answer(503)


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of a system to judge what comes in its name."""

    pk: UUID
    kind: str
    remote_account: str
    secret: str = field(repr=False)
    until: float = 0.0
    """By the monotonic clock."""


NOBODY = Known(UUID(int=0), SystemKind.ZOOM.value, "", "")

_known: dict[UUID, Known] = {}
ledger = Ledger()


def receive(key: UUID, headers: Mapping[str, str], body: bytes) -> Answer:
    """`headers`: by name in any case, as Django's."""
    try:
        system = find_system(key)
        if system is None:
            _is_signed(NOBODY, headers, body)
        elif _is_signed(system, headers, body):
            return _take(system, body)
    except (DatabaseError, InterfaceError, Undecryptable) as error:
        forget_systems()
        log.error("A notification of a phone system is not kept: %s", type(error).__name__)
        return LATER
    if LOGGED.count():
        log.warning("A notification in the name of a phone system is not genuine")
    return REFUSED


def find_system(key: UUID) -> Known | None:
    """As it is now, or was within the last `KNOWN_FOR` seconds."""
    known, now = _known.get(key), time.monotonic()
    if known is not None and known.until > now:
        return known
    rows = PhoneSystem.objects.filter(key=key).only("pk", "kind", "remote_account", "credentials")
    row = on_live_connection(rows.first)
    if row is None or row.kind not in SCHEMES:
        _known.pop(key, None)
        return None
    secret = read_webhook_secret(row)
    _known[key] = Known(row.pk, row.kind, row.remote_account, secret, now + KNOWN_FOR)
    return _known[key]


def forget_systems() -> None:
    _known.clear()


def _is_signed(system: Known, headers: Mapping[str, str], body: bytes) -> bool:
    scheme = SCHEMES[system.kind]
    timestamp, signature = (headers.get(name) or "" for name in (scheme.timestamp_header, scheme.signature_header))
    return scheme.is_genuine(system.secret, timestamp, signature, body, now=time.time())


def _take(system: Known, body: bytes) -> Answer:
    notification = load_json(body)
    if system.kind == SystemKind.OTHER:
        if problems := other.parse(notification).problems:
            return Answer(422, {"problems": problems[:MOST_TOLD]})
    elif isinstance(notification, dict):
        if answer := signing.answer_validation(system.secret, notification):
            return Answer(200, answer)
        if _is_of_another(system, notification):
            return ANOTHER_ACCOUNT
    ledger.put(PhoneEvent(system_id=system.pk, digest=hashlib.sha256(body).hexdigest(), body=body))
    waking.wake()
    return TAKEN


def _is_of_another(system: Known, notification: Mapping[str, Any]) -> bool:
    """Of another account that has the same app, and so the same secret."""
    payload = notification.get("payload")
    account = payload.get("account_id") if isinstance(payload, dict) else None
    return bool(system.remote_account) and account is not None and account != system.remote_account
