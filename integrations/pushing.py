"""Channels by which providers tell us of changes in what we read: made, renewed, replaced and ended.

Polling stays the truth: without a channel, or with one that tells nothing, a change is seen by the next sync.
"""

import hashlib
import hmac
import logging
import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from integrations import errors, registry
from integrations.gateway import PermittedPush, open_account
from integrations.leases import Lease, LeaseLost, take_lease
from integrations.models import Connection, PushChannel, Status
from integrations.providers.base import Subscription

log = logging.getLogger(__name__)

LONGEST_KEEPING = timedelta(seconds=60)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LONGEST_RETRY_AFTER = 24 * HOUR
HOPELESS = (errors.Rejected, errors.Refused, errors.PermissionMissing, errors.AdminNeeded, errors.NotOffered)
"""What another try in a minute does not change: an address that is not taken, a permission that is missing."""


def is_on() -> bool:
    return bool(settings.PUSH_ADDRESS)


def address_for(provider: str) -> str:
    """Where the provider posts its notifications."""
    return f"{settings.PUSH_ADDRESS}{reverse('integrations:push', args=[provider])}"


def make_secret() -> str:
    """What a provider sends along with each notification. It ends with a seal of this server's, see `is_sealed`."""
    word = secrets.token_urlsafe(32)
    return f"{word}.{_seal(word, settings.SECRET_KEY)}"


def is_sealed(secret: str) -> bool:
    """Whether it was made here, for whichever channel: tells without the database most of what anybody makes up."""
    word, _, seal = secret.partition(".")
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(seal.encode(), _seal(word, key).encode()) for key in keys)


def _seal(word: str, key: str | bytes) -> str:
    return salted_hmac("integrations.pushing", word, secret=key, algorithm="sha256").hexdigest()[:32]


def find_setup(provider: str) -> str:
    """What a channel that is made now is made under: an address and a seal. Once they change it tells nothing more."""
    return _seal(f"channels told at {address_for(provider)}", settings.SECRET_KEY)


def hash_secret(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def find_due(limit: int = 5_000) -> list[str]:
    """Ids of the connections with a channel to make, renew or end now, the oldest due first."""
    due = PushChannel.objects.filter(
        next_try_at__lte=timezone.now(), connection__status=Status.CONNECTED, connection__user__is_active=True
    )
    found = due.order_by("next_try_at").values_list("connection", flat=True)[:limit]
    return [str(pk) for pk in dict.fromkeys(found)]


def keep(connection_id: UUID | str) -> bool:
    """Make, renew, replace and end the channels of one connection, as far as that is due and nobody else is at it.

    Whether one was made where none was: what changed before it stood was told to nobody, so a sync is due now.
    """
    if not _plan(connection_id):
        return False
    lease = take_lease(connection_id)
    if lease is None:
        return False
    try:
        # Under the lease once more: whoever held it may have done all this, and refreshed the credentials.
        plan = _plan(connection_id)
        return _carry_out(plan, lease) if plan else False
    except LeaseLost:
        log.info("Lease of connection %s lost while its channels were kept", connection_id)
        return False
    finally:
        lease.release()


@dataclass(slots=True)
class Plan:
    """What is to be done about one connection's channels; without anything to do it is false."""

    connection: Connection
    to_end: list[PushChannel] = field(default_factory=list)
    to_renew: list[PushChannel] = field(default_factory=list)
    """Made, where they are not there yet."""

    def __bool__(self) -> bool:
        return bool(self.to_end or self.to_renew)


def _plan(connection_id: UUID | str) -> Plan | None:
    if not is_on() and not PushChannel.objects.filter(connection__pk=connection_id).exists():
        return None
    found = Connection.objects.filter(pk=connection_id, status=Status.CONNECTED, user__is_active=True)
    connection = found.select_related("user__membership__organization").first()
    if connection is None:
        return None
    wanted, now = _find_wanted(connection), timezone.now()
    held = {(one.feed, one.container): one for one in connection.push_channels.all()}
    to_end = [one for place, one in held.items() if place not in wanted]
    channels = [
        held.get(place) or PushChannel(connection=connection, feed=place[0], container=place[1]) for place in wanted
    ]
    setup = find_setup(connection.provider)
    return Plan(connection, to_end, [one for one in channels if one.next_try_at <= now or _is_outdated(one, setup)])


def _is_outdated(channel: PushChannel, setup: str) -> bool:
    """Not made yet, or telling another address than ours of today, or under a seal that is no longer believed."""
    return channel._state.adding or (channel.is_live and channel.setup != setup)


def _find_wanted(connection: Connection) -> list[tuple[str, str]]:
    """(feed, container) of which changes are to be told: what has been read, may be read, and is told of at all."""
    method = connection.sign_in_method
    if not is_on() or method is None or not method.pushes:
        return []
    read = connection.cursors.filter(feed__in=method.pushes, listed_at__isnull=False)
    places = dict.fromkeys(
        (feed, container if method.pushes[feed] == "each" else "")
        for feed, container in read.order_by("feed", "container").values_list("feed", "container")
    )
    usable = connection.usable if places else frozenset()
    return [place for place in places if registry.feeds()[place[0]].permission in usable]


def _carry_out(plan: Plan, lease: Lease) -> bool:
    """Raises LeaseLost."""
    is_gap_open = False
    left = [*plan.to_end, *plan.to_renew]
    deadline = timezone.now() + LONGEST_KEEPING
    try:
        with open_account(plan.connection, lease=lease, deadline=deadline) as account:
            push = account.push
            for channel in plan.to_end:
                _end(push, channel, lease)
                left.remove(channel)
            for channel in plan.to_renew:
                try:
                    is_gap_open |= _renew(push, channel, lease)
                except (errors.ReconnectNeeded, errors.RateLimited):
                    raise
                except errors.ProviderError as error:
                    _put_off(channel, error, lease)
                left.remove(channel)
    except errors.ProviderError as error:
        # About the account as a whole: what is left waits, and a sync finds out what is the matter.
        for channel in left:
            _put_off(channel, error, lease)
    if is_gap_open:
        with transaction.atomic():
            lease.renew()
            Connection.objects.filter(pk=plan.connection.pk).update(next_sync_at=timezone.now())
    return is_gap_open


def _end(push: PermittedPush, channel: PushChannel, lease: Lease) -> None:
    """What is not ended at the provider expires there; what it tells until then is told of a channel nobody knows."""
    if channel.is_live:
        _end_there(push, channel)
    with transaction.atomic():
        lease.renew()
        channel.delete()


def _end_there(push: PermittedPush, channel: PushChannel) -> None:
    try:
        push.unsubscribe(channel.subscription)
    except errors.ProviderError as error:
        log.warning("A channel of connection %s was not ended: %s", channel.connection_id, error.code)


def _renew(push: PermittedPush, channel: PushChannel, lease: Lease) -> bool:
    """Whether there was a time without it. Raises ProviderError, LeaseLost."""
    setup = find_setup(channel.connection.provider)
    if channel.is_live and channel.setup != setup:
        _end_there(push, channel)
        channel.remote_id, channel.expires_at = "", None
    former = channel.subscription if channel.is_live else None
    secret = make_secret()
    told = {"address": address_for(channel.connection.provider), "secret": secret, "key": str(uuid4())}
    made: Subscription | None = None
    if former is not None:
        try:
            made = push.renew(former, channel.feed, container=channel.container, **told)
        except errors.Gone:
            former = None
    if made is None:
        made = push.subscribe(channel.feed, container=channel.container, **told)
    if former is None or made.id != former.id:
        channel.remote_id, channel.resource, channel.last_message = made.id, made.resource, 0
        channel.secret_hash, channel.setup = hash_secret(secret), setup
    now = timezone.now()
    channel.expires_at = made.expires_at or now + HOUR
    channel.next_try_at = choose_renewal(now, channel.expires_at)
    channel.failures, channel.error_code = 0, ""
    try:
        _save(channel, lease)
    except LeaseLost:
        try:
            push.unsubscribe(made)
        except errors.ProviderError as error:
            log.warning("A channel that nobody needs any more was not ended and will expire: %s", error.code)
        raise
    return former is None


def choose_renewal(now: datetime, expires_at: datetime) -> datetime:
    """Well before the end, so that several tries fit in, and at random, so that no two keep step."""
    return now + (expires_at - now) * random.uniform(0.5, 0.7)  # noqa: S311


def _put_off(channel: PushChannel, error: errors.ProviderError, lease: Lease) -> None:
    first, most = (HOUR, 24 * HOUR) if isinstance(error, HOPELESS) else (MINUTE, 6 * HOUR)
    wait = min(first * 2 ** min(channel.failures, 10), most) * random.uniform(1.0, 1.3)  # noqa: S311
    asked = getattr(error, "retry_after", None) or timedelta(0)
    channel.next_try_at = timezone.now() + max(wait, min(asked, LONGEST_RETRY_AFTER))
    channel.failures += 1
    channel.error_code = error.code
    log.warning("A channel of connection %s was not made or renewed: %s", channel.connection_id, error)
    _save(channel, lease)


def _save(channel: PushChannel, lease: Lease) -> None:
    with transaction.atomic():
        lease.renew()
        channel.save()
