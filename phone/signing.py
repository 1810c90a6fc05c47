"""Is this notification the phone system's own? Two ways to sign: Zoom's, and ours for any other system. Pure.

Both sign the time and the raw bytes of the body, with a secret that only the system and we know. What is signed once
is genuine for `WINDOW` seconds; the same again within it is found by its body.

Reference: https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WINDOW = 300
"""Seconds that the clock of the one who signed may differ from ours, before and after."""
LONGEST_SECONDS = 12
MOST_SIGNATURES = 3
LONGEST_TOKEN = 500
NOBODYS_SECRET = "nobody has this one"  # noqa: S105
"""What is compared with where there is no secret, so that this takes as long."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a system signs. `timestamp_header` and `signature_header` as they stand in a request."""

    version: str
    timestamp_header: str
    signature_header: str

    def sign(self, secret: str, timestamp: str, body: bytes) -> str:
        """What the signature header holds, of this moment (seconds since 1970, as text)."""
        message = f"{self.version}:{timestamp}:".encode() + body
        return f"{self.version}={hmac.digest(secret.encode(), message, 'sha256').hex()}"

    def is_genuine(self, secret: str, timestamp: str, signature: str, body: bytes, *, now: float) -> bool:
        """`now`: seconds since 1970. An empty secret opens nothing.

        Several signatures, parted by commas, are good where one of them is: a system that is about to be given a new
        secret signs with both.
        """
        expected = self.sign(secret or NOBODYS_SECRET, timestamp, body).encode()
        given = signature.split(",", MOST_SIGNATURES)[:MOST_SIGNATURES]
        matches = [hmac.compare_digest(expected, one.strip().encode()) for one in given]
        return any(matches) and secret != "" and _is_recent(timestamp, now)


ZOOM = Scheme("v0", "x-zm-request-timestamp", "x-zm-signature")
OTHER = Scheme("v1", "x-portico-timestamp", "x-portico-signature")


def _is_recent(timestamp: str, now: float) -> bool:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_SECONDS
    return is_number and abs(now - int(timestamp)) <= WINDOW


def answer_validation(secret: str, notification: Mapping[str, Any]) -> dict[str, str] | None:
    """What Zoom wants to hear back when it asks whether this address knows the secret; None: it does not ask.

    For genuine ones alone: whoever else chose the token could have us sign a notification of theirs.

    Reference: https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
    """
    if notification.get("event") != "endpoint.url_validation":
        return None
    payload = notification.get("payload")
    token = payload.get("plainToken") if isinstance(payload, dict) else None
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN:
        return None
    try:
        encrypted = hmac.digest(secret.encode(), token.encode(), "sha256").hex()
    except UnicodeEncodeError:  # half of a pair, which JSON can hold
        return None
    return {"plainToken": token, "encryptedToken": encrypted}
