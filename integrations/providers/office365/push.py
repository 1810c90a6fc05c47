"""Graph's subscriptions: it posts to an address of ours which items have changed, and how the subscription fares.

Only ids come with it. One subscription holds for all calendars of a mailbox, one for all its contacts.

Reference: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from integrations.errors import AdminNeeded, Conflict, Gone, Rejected, Unexpected
from integrations.providers.base import Notification, NotificationKind, Subscription
from integrations.providers.office365.responses import NOT_UNDERSTOOD, WORDS, Json, Send

_RESOURCES = {"calendar": "me/events", "contacts": "me/contacts"}
# Seven days at most (10,080 minutes), by Microsoft's clock.
_LIFE = timedelta(days=7) - timedelta(hours=1)
_LIFECYCLE: Mapping[str, NotificationKind] = {
    "reauthorizationRequired": "ending",
    "subscriptionRemoved": "ended",
    "missed": "missed",
}
_LONGEST_TOKEN = 2_000
_MOST_ITEMS = 1_000


class Office365Push:
    """The part of an Office365Account that makes it an integrations.providers.base.PushingAccount."""

    _send: Send

    def subscribe(self, feed: str, *, address: str, secret: str, key: str, container: str = "") -> Subscription:
        """Graph names it, not `key`.

        It keeps one subscription for a resource: one that a worker made and was killed before it could say so stands
        in the way, and nobody knows its secret any more.

        Reference: https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions
        """
        resource = _RESOURCES.get(feed)
        if resource is None or container:
            raise Rejected("Office 365 tells of changes in a whole mailbox alone.", detail=feed)
        body = {
            "changeType": "created,updated,deleted",
            "notificationUrl": address,
            "lifecycleNotificationUrl": address,
            "resource": resource,
            "expirationDateTime": _dump_moment(datetime.now(UTC) + _LIFE),
            "clientState": secret,
        }
        try:
            return _parse_subscription(self._send("POST", "subscriptions", body))
        except Conflict:
            self._remove_former(resource, address)
        return _parse_subscription(self._send("POST", "subscriptions", body))

    def _remove_former(self, resource: str, address: str) -> None:
        """Reference: https://learn.microsoft.com/en-us/graph/api/subscription-list"""
        for one in self._send("GET", "subscriptions").get("value", ()):
            if not isinstance(one, dict) or one.get("notificationUrl") != address:
                continue
            if str(one.get("resource", "")).strip("/").endswith(resource.partition("/")[2]) and one.get("id"):
                self.unsubscribe(Subscription(str(one["id"])))

    def renew(
        self, subscription: Subscription, feed: str, *, address: str, secret: str, key: str, container: str = ""
    ) -> Subscription:
        """Prolongs it, and shows once more that we may read what it tells of.

        Reference: https://learn.microsoft.com/en-us/graph/api/subscription-update
        """
        body = {"expirationDateTime": _dump_moment(datetime.now(UTC) + _LIFE)}
        return _parse_subscription(self._send_about(subscription, "PATCH", body))

    def unsubscribe(self, subscription: Subscription) -> None:
        """Reference: https://learn.microsoft.com/en-us/graph/api/subscription-delete"""
        try:
            self._send_about(subscription, "DELETE")
        except Gone:
            return

    def _send_about(self, subscription: Subscription, method: str, body: Json | None = None) -> Json:
        try:
            return self._send(method, f"subscriptions/{subscription.id}", body)
        except AdminNeeded as error:
            # Here this code means the subscription; of mailboxes it means that there is none.
            if "ResourceNotFound" not in error.detail.split():
                raise
            raise Gone(WORDS.gone, detail=error.detail) from error


def _dump_moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _parse_subscription(answer: Json) -> Subscription:
    """Raises Unexpected where it does not say what was made."""
    name, expires = answer.get("id"), answer.get("expirationDateTime")
    if not isinstance(name, str) or not name.replace("-", "").isalnum():
        raise Unexpected(NOT_UNDERSTOOD, detail="a subscription without an id")
    try:
        # Seven digits after the second, of which Python reads six.
        ends = datetime.fromisoformat(f"{str(expires)[:19]}+00:00")
    except ValueError:
        ends = datetime.now(UTC) + timedelta(hours=1)
    return Subscription(name, "", ends)


def read_handshake(query: Mapping[str, str]) -> str:
    """As base.PushingProvider.

    Reference: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks#notificationurl-validation
    """
    token = query.get("validationToken", "")
    return token if len(token) <= _LONGEST_TOKEN else ""


def parse_notifications(body: bytes) -> tuple[Notification, ...]:
    """As base.PushingProvider.

    Reference: https://learn.microsoft.com/en-us/graph/api/resources/changenotificationcollection and
    https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
    """
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    items = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        return ()
    found = [_parse_one(one) for one in items[:_MOST_ITEMS] if isinstance(one, dict)]
    return tuple(one for one in found if one)


def _parse_one(item: Json) -> Notification | None:
    name, state = item.get("subscriptionId"), item.get("clientState")
    event = item.get("lifecycleEvent")
    kind = _LIFECYCLE.get(str(event)) if event else "changed"
    if not isinstance(name, str) or not name or kind is None:
        return None
    return Notification(name, state if isinstance(state, str) else "", kind)
