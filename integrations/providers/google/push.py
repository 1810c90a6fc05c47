"""Google's watch channels: it posts to an address of ours whenever something in a calendar has changed.

A notification has no body and says nothing of what it was. Contacts cannot be watched.

Reference: https://developers.google.com/workspace/calendar/api/guides/push
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from integrations.errors import Gone, ProviderError, Rejected, Unexpected
from integrations.providers.base import Notification, NotificationKind, Subscription
from integrations.providers.google.calendar import Fetch, build_api
from integrations.providers.google.payloads import PRIMARY_CALENDAR
from integrations.providers.google.responses import NOT_UNDERSTOOD, Json

log = logging.getLogger(__name__)

# The longest that Google is known to keep one open.
_LIFE = timedelta(days=7)
_KINDS: Mapping[str, NotificationKind] = {"sync": "made", "exists": "changed", "not_exists": "changed"}
_MOST_DIGITS = 18


@cache
def _calendar(root: str) -> Any:
    return build_api("calendar", "v3", root)


class GooglePush:
    """The part of a GoogleAccount that makes it an integrations.providers.base.PushingAccount."""

    _fetch: Fetch
    _settings: Mapping[str, str]

    def subscribe(self, feed: str, *, address: str, secret: str, key: str, container: str = "") -> Subscription:
        """Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/watch"""
        if feed != "calendar":
            raise Rejected("Google tells nothing of changes in contacts.", detail=feed)
        channel = {
            "id": key,
            "type": "web_hook",
            "address": address,
            "token": secret,
            "params": {"ttl": str(int(_LIFE.total_seconds()))},
        }
        events = _calendar(self._root).events()
        return _parse_channel(self._fetch(events.watch(calendarId=container or PRIMARY_CALENDAR, body=channel)))

    def renew(
        self, subscription: Subscription, feed: str, *, address: str, secret: str, key: str, container: str = ""
    ) -> Subscription:
        """Google prolongs none: a new one, then the old one is stopped. For a moment both of them tell."""
        made = self.subscribe(feed, address=address, secret=secret, key=key, container=container)
        try:
            self.unsubscribe(subscription)
        except ProviderError as error:
            log.warning("A former channel at Google was not stopped and will expire: %s", error.code)
        return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """Reference: https://developers.google.com/workspace/calendar/api/v3/reference/channels/stop"""
        body = {"id": subscription.id, "resourceId": subscription.resource}
        try:
            self._fetch(_calendar(self._root).channels().stop(body=body))
        except Gone:
            return

    @property
    def _root(self) -> str:
        return self._settings["calendar_root"]


def _parse_channel(answer: Json) -> Subscription:
    """Raises Unexpected where it does not say what was made."""
    channel, resource, expires = (answer.get(name) for name in ("id", "resourceId", "expiration"))
    if not isinstance(channel, str) or not isinstance(resource, str) or not channel or not resource:
        raise Unexpected(NOT_UNDERSTOOD, detail="a channel without an id")
    # Without a word about it, an hour: renewed early rather than too late.
    ends = datetime.now(UTC) + timedelta(hours=1)
    if isinstance(expires, str | int) and (milliseconds := _parse_number(str(expires))):
        ends = min(datetime.fromtimestamp(min(milliseconds / 1000, 4e9), UTC), datetime.now(UTC) + 5 * _LIFE)
    return Subscription(channel, resource, ends)


def parse_notifications(headers: Mapping[str, str]) -> tuple[Notification, ...]:
    """As base.PushingProvider: all of it stands in the headers.

    Reference: https://developers.google.com/workspace/calendar/api/guides/push#understand-notification-format
    """
    channel, state = headers.get("X-Goog-Channel-ID", ""), headers.get("X-Goog-Resource-State", "")
    number = _parse_number(headers.get("X-Goog-Message-Number", ""))
    kind = _KINDS.get(state)
    if not channel or kind is None or not number:
        return ()
    secret, resource = headers.get("X-Goog-Channel-Token", ""), headers.get("X-Goog-Resource-ID", "")
    return (Notification(channel, secret, kind, resource, number),)


def _parse_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
