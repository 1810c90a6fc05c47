"""Change notification subscriptions of Microsoft Graph, and what they tell.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/subscription
Reference: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
Reference: https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
"""

from __future__ import annotations

import http.client
import secrets
import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import orjson

from sandbox.delivering import Deliveries, Manner, Message, post
from sandbox.microsoft.graph_call import Answer, Call
from sandbox.microsoft.graph_errors import GraphError, access_denied, bad_request
from sandbox.microsoft.graph_ids import user_id

if TYPE_CHECKING:
    from sandbox.microsoft.graph import Office365

SCHEMA = """
CREATE TABLE IF NOT EXISTS m_subscription (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL, types TEXT NOT NULL,
    url TEXT NOT NULL, lifecycle_url TEXT NOT NULL, state TEXT NOT NULL, expires INTEGER NOT NULL, told INTEGER NOT NULL
);
"""
SITE = "office365"
# within 3 seconds, and for four hours
MANNER = Manner("Microsoft Graph", 3.0, tuple(2.0**step for step in range(13)), None)
LONGEST, LEAST = timedelta(minutes=10_080), timedelta(minutes=45)
VALIDATION_SECONDS = 10
AT_ONCE, MOST = 50, 500
LIFECYCLE = ("reauthorizationRequired", "subscriptionRemoved", "missed")
SCOPES = {"event": ("Calendars.Read", "Calendars.ReadWrite"), "contact": ("Contacts.Read", "Contacts.ReadWrite")}
KINDS = {"events": "event", "contacts": "contact"}
TYPES = {"created": "created", "changed": "updated", "deleted": "deleted"}
CREATION = ("changeType", "notificationUrl", "resource", "expirationDateTime")


class Access(Protocol):
    @property
    def email(self) -> str: ...

    @property
    def scopes(self) -> Collection[str]: ...


class Subscriptions:
    """Who listens to which mailbox. told: the last change number of the sandbox that was told."""

    def __init__(self, office365: Office365) -> None:
        self.office365, self.store = office365, office365.store
        self.deliveries: Deliveries | None = None
        self.store.create(SCHEMA)

    # the API

    def handle(self, call: Call, access: Access) -> Answer:
        """An answer to /subscriptions and below. Raises GraphError.

        Outside a transaction: an address is asked for its word while others go on.
        """
        rest = call.segments[1:]
        self._drop_expired()
        if not rest and call.method == "POST":
            return self._create(call, access)
        if not rest and call.method == "GET":
            return Answer({"@odata.context": f"{call.root}$metadata#subscriptions", "value": self.list(access.email)})
        row = self.find(rest[0], access.email) if rest else None
        if row is None:
            raise GraphError(404, "ResourceNotFound", "The object was not found.")
        if rest[1:] in (["reauthorize"], ["microsoft.graph.reauthorize"]) and call.method == "POST":
            return Answer(None, 204)
        if call.method == "DELETE":
            self.store.run("DELETE FROM m_subscription WHERE id = ?", row["id"])
            return Answer(None, 204)
        if call.method == "PATCH":
            self._check_scope(row["kind"], access)
            expires = self._read_expiry(call.body())
            self.store.run("UPDATE m_subscription SET expires = ? WHERE id = ?", expires, row["id"])
            row = {**row, "expires": expires}
        elif call.method != "GET":
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        return Answer({"@odata.context": f"{call.root}$metadata#subscriptions/$entity", **self._dump(row)})

    def _create(self, call: Call, access: Access) -> Answer:
        body = call.body()
        missing = [name for name in CREATION if not isinstance(body.get(name), str) or not body[name]]
        if missing:
            raise bad_request(f"'{missing[0]}' is required.", "InvalidRequest")
        kind = _kind_of(body["resource"], access.email)
        self._check_scope(kind, access)
        types = [one.strip() for one in body["changeType"].split(",")]
        if not set(types) <= set(TYPES.values()):
            raise bad_request("Unsupported changeType.", "InvalidRequest")
        if len(str(body.get("clientState") or "")) > 128:
            raise bad_request("clientState has a maximum length of 128 characters.", "InvalidRequest")
        expires = self._read_expiry(body)
        urls = [body["notificationUrl"], str(body.get("lifecycleNotificationUrl") or "")]
        for url in dict.fromkeys(one for one in urls if one):
            self._validate(url)
        row = {
            "id": str(uuid.uuid4()), "email": access.email, "kind": kind, "resource": body["resource"],
            "types": ",".join(types), "url": urls[0], "lifecycle_url": urls[1],
            "state": str(body.get("clientState") or ""), "expires": expires, "told": self.store.last_change(),
        }  # fmt: skip
        with self.store.transaction():
            if self.store.row(
                "SELECT 1 FROM m_subscription WHERE email = ? AND kind = ? AND types = ?",
                access.email, kind, row["types"],
            ):  # fmt: skip
                raise GraphError(409, "ExtensionError", "Operation: Create; Exception: [Status Code: Conflict; Reason: "
                                 "A subscription already exists for the requested combination.]")  # fmt: skip
            self.store.run("INSERT INTO m_subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row.values())
        if self.deliveries:
            self.deliveries.start()
        doc = {"@odata.context": f"{call.root}$metadata#subscriptions/$entity", **self._dump(row)}
        return Answer(doc | {"clientState": row["state"]}, 201)

    @staticmethod
    def _check_scope(kind: str, access: Access) -> None:
        if not set(SCOPES[kind]).intersection(access.scopes):
            raise access_denied()

    def _read_expiry(self, body: dict[str, Any]) -> int:
        """Seconds since 1970. Raises GraphError."""
        now = self.office365.mailboxes.clock.now()
        try:
            moment = datetime.fromisoformat(f"{str(body['expirationDateTime'])[:19]}+00:00")
        except (KeyError, ValueError):
            raise bad_request("expirationDateTime is invalid.", "InvalidRequest") from None
        if moment <= now:
            raise bad_request("Subscription expiration must be in the future.", "InvalidRequest")
        if moment > now + LONGEST:
            minutes = int(LONGEST.total_seconds() // 60)
            raise bad_request(f"Subscription expiration can only be {minutes} minutes in the future.", "InvalidRequest")
        return int(max(moment, now + LEAST).timestamp())

    def _validate(self, url: str) -> None:
        """Ask the address for its word. Raises GraphError."""
        if self.deliveries is None or self.deliveries.judge(url):
            raise bad_request("The notification URL must be a valid https address.", "InvalidRequest")
        token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()}"
        asked = f"{url}{'&' if '?' in url else '?'}{urlencode({'validationToken': token})}"
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            status, kind, body = post(asked, headers, b"", seconds=VALIDATION_SECONDS)
        except (OSError, http.client.HTTPException):
            status, kind, body = 0, "", b""
        if status != 200 or kind != "text/plain" or body != token.encode():
            raise bad_request("Subscription validation request failed. Notification endpoint must respond with 200 OK "
                              "to validation request.", "ValidationError")  # fmt: skip

    # what tests and pages look at

    def list(self, email: str = "") -> list[dict[str, Any]]:
        self._drop_expired()
        rows = self.store.rows("SELECT * FROM m_subscription WHERE email = ? OR ? = '' ORDER BY id", email, email)
        return [self._dump(dict(row)) for row in rows]

    def owners(self) -> dict[str, str]:
        """Id → whose it is."""
        return {row["id"]: row["email"] for row in self.store.rows("SELECT id, email FROM m_subscription")}

    def find(self, name: str, email: str) -> dict[str, Any] | None:
        row = self.store.row("SELECT * FROM m_subscription WHERE id = ? AND email = ?", name, email)
        return dict(row) if row else None

    def _dump(self, row: dict[str, Any]) -> dict[str, Any]:
        """As Graph shows it: the clientState only to who makes it."""
        return {
            "id": row["id"], "resource": row["resource"], "applicationId": str(uuid.UUID(int=0)),
            "changeType": row["types"], "clientState": None, "notificationUrl": row["url"],
            "notificationQueryOptions": None, "lifecycleNotificationUrl": row["lifecycle_url"] or None,
            "expirationDateTime": _dump_moment(row["expires"]), "creatorId": user_id(row["email"]),
            "includeResourceData": None, "latestSupportedTlsVersion": "v1_2", "encryptionCertificate": None,
            "encryptionCertificateId": None, "notificationUrlAppId": None,
        }  # fmt: skip

    def has_listeners(self) -> bool:
        return self.store.row("SELECT 1 FROM m_subscription") is not None

    def announce(self, email: str, event: str) -> int:
        """Tell all of a person's subscriptions of a lifecycle event; how many. One that is removed is gone at once."""
        if event not in LIFECYCLE:
            raise ValueError(f"A lifecycle event is one of {', '.join(LIFECYCLE)}.")
        rows = [dict(row) for row in self.store.rows("SELECT * FROM m_subscription WHERE email = ?", email.lower())]
        if event == "subscriptionRemoved":
            self.store.run("DELETE FROM m_subscription WHERE email = ?", email.lower())
        messages = [self._lifecycle(row, event) for row in rows if row["lifecycle_url"]]
        if messages and self.deliveries:
            self.deliveries.put(*messages)
        return len(messages)

    # what is told

    def collect(self) -> list[Message]:
        """For each subscription which items have changed; of very many "missed" alone."""
        found = []
        with self.store.transaction():
            self._drop_expired()
            for row in [dict(one) for one in self.store.rows("SELECT * FROM m_subscription ORDER BY id")]:
                changes, last = self._changes(row)
                if last > row["told"]:
                    self.store.run("UPDATE m_subscription SET told = ? WHERE id = ?", last, row["id"])
                if len(changes) > MOST and row["lifecycle_url"]:
                    found.append(self._lifecycle(row, "missed"))
                    continue
                items = [self._dump_change(row, kind, item) for item, kind in changes.items()]
                for start in range(0, len(items), AT_ONCE):
                    batch = items[start : start + AT_ONCE]
                    found.append(self._message(row, row["url"], batch, f"{row['kind']}s changed: {len(batch)}"))
        return found

    def _changes(self, row: dict[str, Any]) -> tuple[dict[str, str], int]:
        """Id → changeType, for each item that has changed since, as of its last change."""
        box = self.office365.mailboxes.open(SITE, row["email"])
        calendars = {folder.id for folder in box.folders("calendar")}
        rows = self.store.rows(
            "SELECT folder, change, act, id FROM m_log WHERE box = ? AND change > ? AND folder != ? ORDER BY change",
            box.key, row["told"], box.root_id,
        )  # fmt: skip
        found: dict[str, str] = {}
        for one in rows:
            if (one["folder"] in calendars) == (row["kind"] == "event") and one["act"] in TYPES:
                found.pop(one["id"], None)
                found[one["id"]] = TYPES[one["act"]]
        wanted = row["types"].split(",")
        last = rows[-1]["change"] if rows else row["told"]
        return {item: kind for item, kind in found.items() if kind in wanted}, last

    def _dump_change(self, row: dict[str, Any], kind: str, item: str) -> dict[str, Any]:
        name = row["kind"].capitalize()
        path = f"Users/{user_id(row['email'])}/{name}s/{item}"
        data = {"@odata.type": f"#Microsoft.Graph.{name}", "@odata.id": path, "id": item}
        return {**self._head(row), "changeType": kind, "resource": path, "resourceData": data}

    def _lifecycle(self, row: dict[str, Any], event: str) -> Message:
        return self._message(row, row["lifecycle_url"], [{**self._head(row), "lifecycleEvent": event}], event)

    def _head(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "subscriptionId": row["id"], "subscriptionExpirationDateTime": _dump_moment(row["expires"]),
            "tenantId": str(uuid.uuid5(uuid.NAMESPACE_DNS, row["email"].partition("@")[2])),
            "clientState": row["state"] or None,
        }  # fmt: skip

    @staticmethod
    def _message(row: dict[str, Any], url: str, items: list[dict[str, Any]], about: str) -> Message:
        headers = {"Content-Type": "application/json; charset=utf-8", "request-id": secrets.token_hex(16)}
        return Message(MANNER, row["email"], url, headers, orjson.dumps({"value": items}), about)

    def _drop_expired(self) -> None:
        self.store.run("DELETE FROM m_subscription WHERE expires <= ?", int(self.office365.mailboxes.clock.seconds()))


def _kind_of(resource: str, email: str) -> str:
    """Whether it is about events or contacts: "event" or "contact". Single folders of contacts are not played.

    Raises GraphError.
    """
    parts = [part.lower() for part in resource.strip("/").split("/")]
    if parts[:1] == ["me"]:
        rest = parts[1:]
    elif parts[:1] == ["users"] and len(parts) > 1 and parts[1] in (email, user_id(email)):
        rest = parts[2:]
    else:
        raise access_denied()
    if len(rest) != 1 or rest[0] not in KINDS:
        raise bad_request(f"Resource '{resource}' is not supported for subscriptions.", "InvalidRequest")
    return KINDS[rest[0]]


def _dump_moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"
