"""Google's watch channels: opened and stopped by Calendar API v3, and what they tell.

Reference: https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint, Response

from sandbox.delivering import Manner, Message
from sandbox.google.answers import answer, answer_error, read_body
from sandbox.google.calendar import PREFIX
from sandbox.google.errors import GoogleError, calendar_error, required, scope_insufficient
from sandbox.google.guard import SERVICES, check_access
from sandbox.google.scopes import accepted_for, reaches_others
from sandbox.google.times import from_epoch

if TYPE_CHECKING:
    from sandbox.google import Google

SCHEMA = """
CREATE TABLE IF NOT EXISTS g_channel (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, calendar TEXT NOT NULL, resource TEXT NOT NULL, uri TEXT NOT NULL,
    token TEXT NOT NULL, address TEXT NOT NULL, expires INTEGER NOT NULL, number INTEGER NOT NULL, told INTEGER NOT NULL
);
"""
USUAL, LONGEST = 7 * 86_400, 30 * 86_400
# documented: exponential backoff after these, and every other answer but a success is a failure
MANNER = Manner("Google", 10.0, tuple(2.0**step for step in range(10)), frozenset({500, 502, 503, 504}))
AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google)"
REFUSALS = {
    "https": ("push.webhookUrlNotHttps", "WebHook callback must be HTTPS: {}"),
    "host": ("push.webhookUrlNoHostOrAddress", "WebHook callback has no host: {}"),
}


class Channels:
    """Who listens to which calendar. told: the last change number of the sandbox that was told."""

    def __init__(self, google: Google) -> None:
        self.google = google
        google.store.create(SCHEMA)

    def has_listeners(self) -> bool:
        return self.google.store.row("SELECT 1 FROM g_channel") is not None

    def list(self, email: str = "") -> list[dict[str, Any]]:
        """Those that live, tokens left out."""
        self._drop_expired()
        rows = self.google.store.rows("SELECT * FROM g_channel WHERE email = ? OR ? = '' ORDER BY id", email, email)
        shown = ("id", "email", "calendar", "resource", "address", "expires", "number")
        return [{name: row[name] for name in shown} for row in rows]

    def open(self, email: str, calendar: str, body: dict[str, Any], uri: str) -> dict[str, Any]:
        """As events.watch. Raises GoogleError (400)."""
        store, now = self.google.store, int(self.google.clock.seconds())
        name, address = str(body.get("id") or ""), str(body.get("address") or "")
        if not name:
            raise required("id", "Missing channel id")
        if body.get("type") not in ("web_hook", "webhook"):
            raise calendar_error(400, "channelTypeUnknown", f"Unknown channel type: {body.get('type')}")
        if lacks := self.google.deliveries.judge(address):
            reason, message = REFUSALS[lacks]
            raise calendar_error(400, reason, message.format(address))
        self._drop_expired()
        if store.row("SELECT 1 FROM g_channel WHERE id = ?", name):
            raise calendar_error(400, "channelIdNotUnique", f"Channel id {name} not unique")
        channel = {
            "id": name, "email": email, "calendar": calendar, "resource": _resource(calendar), "uri": uri,
            "token": str(body.get("token") or ""), "address": address, "expires": _expiry(body, now), "number": 1,
            "told": store.last_change(),
        }  # fmt: skip
        store.run("INSERT INTO g_channel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *channel.values())
        self.google.deliveries.put(self._make(channel, "sync"))
        made = {
            "kind": "api#channel", "id": name, "resourceId": channel["resource"], "resourceUri": uri,
            "expiration": str(channel["expires"] * 1000),
        }  # fmt: skip
        return made | ({"token": channel["token"]} if channel["token"] else {})

    def stop(self, email: str, name: str, resource: str) -> None:
        """Raises GoogleError (404)."""
        self._drop_expired()
        known = self.google.store.run(
            "DELETE FROM g_channel WHERE id = ? AND resource = ? AND email = ?", name, resource, email
        )
        if not known:
            raise calendar_error(404, "notFound", f"Channel '{name}' not found for project 'sandbox'")

    def collect(self) -> list[Message]:
        """One for each channel of a calendar that has changed, however much has."""
        store = self.google.store
        found = []
        with store.transaction():
            self._drop_expired()
            for row in store.rows("SELECT * FROM g_channel ORDER BY id"):
                last = store.row("SELECT max(change) FROM g_event WHERE calendar = ?", row["calendar"])
                change = last[0] if last and last[0] else 0
                if change <= row["told"]:
                    continue
                # They grow, and not always by one.
                number = row["number"] + 1 + change % 2
                store.run("UPDATE g_channel SET told = ?, number = ? WHERE id = ?", change, number, row["id"])
                found.append(self._make({**dict(row), "number": number}, "exists"))
        return found

    def _make(self, channel: dict[str, Any], state: str) -> Message:
        headers = {
            "Accept": "*/*", "User-Agent": AGENT, "X-Goog-Channel-ID": channel["id"],
            "X-Goog-Channel-Expiration": _dump_date(from_epoch(channel["expires"])),
            "X-Goog-Message-Number": str(channel["number"]), "X-Goog-Resource-ID": channel["resource"],
            "X-Goog-Resource-State": state, "X-Goog-Resource-URI": channel["uri"],
        }  # fmt: skip
        if channel["token"]:
            headers["X-Goog-Channel-Token"] = channel["token"]
        return Message(MANNER, channel["email"], channel["address"], headers, b"", f"{state} {channel['number']}")

    def _drop_expired(self) -> None:
        self.google.store.run("DELETE FROM g_channel WHERE expires <= ?", int(self.google.clock.seconds()))


def _resource(calendar: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(calendar.encode()).digest()).decode()[:27]


def _expiry(body: dict[str, Any], now: int) -> int:
    """Seconds since 1970. Raises GoogleError (400)."""
    params = body.get("params")
    ttl, until = (params.get("ttl") if isinstance(params, dict) else None), body.get("expiration")
    try:
        expires = now + int(ttl) if ttl is not None else int(until) // 1000 if until is not None else now + USUAL
    except (TypeError, ValueError):
        raise calendar_error(400, "invalid", "Invalid value for: expiration") from None
    if expires <= now:
        raise calendar_error(400, "channelExpired", "Channel would have expired already.")
    return min(expires, now + LONGEST)


def _dump_date(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S GMT}"


class PushApi:
    """The routes."""

    def __init__(self, google: Google) -> None:
        self.google = google

    def blueprint(self) -> Blueprint:
        routes = Blueprint("google_push", __name__, url_prefix=PREFIX)
        routes.post("/calendars/<calendar_id>/events/watch")(self.watch)
        routes.post("/channels/stop")(self.stop)
        routes.register_error_handler(GoogleError, answer_error)
        return routes

    def watch(self, calendar_id: str) -> Response:
        method = "calendar.v3.Events.Watch"
        with self.google.store.transaction():
            access = check_access(self.google, method)
            calendar = self.google.calendars.get(access.email, calendar_id)
            if calendar.role != "owner" and not reaches_others(access.scopes, method):
                raise scope_insufficient(SERVICES["calendar"], method, accepted_for(method))
            uri = f"{self.google.base_url}{PREFIX}/calendars/{quote(calendar_id)}/events?alt=json"
            made = self.google.channels.open(access.email, calendar.id, _body(), uri)
        return answer(made)

    def stop(self) -> tuple[str, int]:
        with self.google.store.transaction():
            access = check_access(self.google, "calendar.v3.Channels.Stop")
            body = _body()
            self.google.channels.stop(access.email, str(body.get("id") or ""), str(body.get("resourceId") or ""))
        return "", 204


def _body() -> dict[str, Any]:
    return read_body(calendar_error(400, "parseError", "Parse Error"))
