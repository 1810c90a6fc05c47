"""What is made of notifications: one sync soon, for whoever they are genuinely about, and nothing else.

A forged, repeated or lost one changes nothing: what is read, and when at the latest, follows from polling alone.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import tasks
from integrations.models import Connection, PushChannel, Status
from integrations.providers.base import Notification
from integrations.pushing import hash_secret, is_sealed

SOON = timedelta(seconds=1)
"""How long a sync waits for the notifications that come together with the first."""
SPACING = timedelta(seconds=5)
"""How far apart the syncs of one connection are at least that notifications ask for."""
GRACE = timedelta(minutes=5)
"""How long after its end a channel is still believed: clocks differ."""
LONGEST_ID = 255
NOBODYS_SECRET = "0" * 64


def hear(provider: str, notifications: Sequence[Notification]) -> int:
    """Act on those that are genuine; how many were forged.

    What comes of a channel that has ended, or is just being made, is neither: it is left alone.
    """
    sealed = [one for one in notifications if is_sealed(one.secret)]
    channels = _find_channels(provider, sealed)
    now = timezone.now()
    forged = len(notifications) - len(sealed)
    told: dict[PushChannel, set[str]] = {}
    for one in sealed:
        channel = channels.get(one.subscription)
        if _is_genuine(one, channel, now) and channel is not None:
            if _is_new(one, channel):
                told.setdefault(channel, set()).add(one.kind)
        elif channel is not None:
            forged += 1
    for connection, kinds in _merge(told, now):
        if kinds & {"changed", "missed", "ended"}:
            ask_for_sync(connection, now)
        if kinds & {"ending", "ended"}:
            _queue_keeping(connection)
    return forged


def _find_channels(provider: str, notifications: Iterable[Notification]) -> dict[str, PushChannel]:
    names = {one.subscription for one in notifications if len(one.subscription) <= LONGEST_ID}
    names = {name for name in names if "\0" not in name}  # databases take none
    if not names:
        return {}
    found = PushChannel.objects.filter(remote_id__in=names, connection__provider=provider).exclude(remote_id="")
    return {one.remote_id: one for one in found.select_related("connection")}


def _is_genuine(notification: Notification, channel: PushChannel | None, now: datetime) -> bool:
    """Takes as long for a channel that nobody knows as for a wrong secret."""
    kept = channel.secret_hash if channel else NOBODYS_SECRET
    is_secret_right = hmac.compare_digest(kept, hash_secret(notification.secret))
    if channel is None or not is_secret_right:
        return False
    is_about_it = hmac.compare_digest(channel.resource.encode(), notification.resource.encode())
    return is_about_it and channel.expires_at is not None and channel.expires_at + GRACE > now


def _is_new(notification: Notification, channel: PushChannel) -> bool:
    """Not heard before, where the provider numbers them. Of two that come at once, one is."""
    if not notification.number:
        return True
    rows = PushChannel.objects.filter(pk=channel.pk, remote_id=channel.remote_id)
    return bool(rows.filter(last_message__lt=notification.number).update(last_message=notification.number))


def _merge(told: dict[PushChannel, set[str]], now: datetime) -> list[tuple[Connection, set[str]]]:
    """By connection; and what the channels themselves become."""
    merged: dict[Connection, set[str]] = {}
    for channel, kinds in told.items():
        row = PushChannel.objects.filter(pk=channel.pk, remote_id=channel.remote_id)
        if "ended" in kinds:
            row.update(heard_at=now, remote_id="", expires_at=None, next_try_at=now)
        elif "ending" in kinds:
            row.update(heard_at=now, next_try_at=now)
        else:
            row.update(heard_at=now)
        merged.setdefault(channel.connection, set()).update(kinds)
    return list(merged.items())


def ask_for_sync(connection: Connection, now: datetime) -> None:
    """Have it synced soon, once for all that is told until then.

    A connection in trouble keeps to its plan: what its provider has asked to wait for is waited for.
    """
    due = max(now + SOON, (connection.synced_at or now - SPACING) + SPACING)
    mine = Connection.objects.filter(pk=connection.pk, status=Status.CONNECTED, failures=0)
    is_held = Q(leased_until__gt=now)
    # Due already and not begun: it waits for the sweep, up to a minute. Between now and `due` one is queued already.
    if mine.filter(Q(next_sync_at__gt=due) | Q(next_sync_at__lte=now) & ~is_held).update(next_sync_at=due):
        _queue_sync(connection, (due - now).total_seconds())
    else:
        # A run that is under way may have read what changed just now: it is run once more at its end.
        mine.filter(is_held, next_sync_at__lte=now).update(next_sync_at=now)


def _queue_sync(connection: Connection, seconds: float) -> None:
    message = {"args": [str(connection.pk), "push"], "countdown": seconds, "expires": seconds + 60}
    transaction.on_commit(lambda: tasks.sync_connection.apply_async(**message))


def _queue_keeping(connection: Connection) -> None:
    pk = str(connection.pk)
    transaction.on_commit(lambda: tasks.keep_channels.apply_async([pk], expires=60))
