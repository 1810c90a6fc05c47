"""The only door from a connection to its provider. Each way through it checks the permission under today's policy."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integrations import registry
from integrations.errors import PermissionMissing, ProviderError, ReconnectNeeded, Rejected
from integrations.leases import Lease, LeaseLost
from integrations.models import Connection, Revocation
from integrations.permissions import Permission
from integrations.providers.base import Account, AddressBook, Calendar, PushingAccount, Subscription
from integrations.remote import (
    ContactDraft,
    Credentials,
    Delta,
    EventDraft,
    RemoteCalendar,
    RemoteContact,
    RemoteEvent,
    RemoteNumber,
    RemoteRef,
    Window,
)
from safety.secrets import Sealed, Undecryptable

log = logging.getLogger(__name__)


class PermittedAccount:
    """A provider's account that opens only what the connection may use now."""

    def __init__(self, connection: Connection, account: Account) -> None:
        self._connection = connection
        self._account = account

    @property
    def calendar(self) -> "PermittedCalendar":
        check_permission(self._connection, Permission.CALENDAR_READ)
        return PermittedCalendar(self._connection, self._account.calendar)

    @property
    def contacts(self) -> "PermittedContacts":
        check_permission(self._connection, Permission.CONTACTS_READ)
        return PermittedContacts(self._connection, self._account.contacts)

    @property
    def push(self) -> "PermittedPush":
        """Raises Rejected where the provider tells nothing of changes in such an account."""
        if not isinstance(self._account, PushingAccount):
            raise Rejected("This service does not tell of changes.", detail="no PushingAccount")
        return PermittedPush(self._connection, self._account)


class PermittedPush:
    """What an integrations.providers.base.PushingAccount does about changes, of what may be read now alone."""

    def __init__(self, connection: Connection, account: PushingAccount) -> None:
        self._connection = connection
        self._account = account

    def subscribe(self, feed: str, *, address: str, secret: str, key: str, container: str = "") -> Subscription:
        self._check(feed)
        return self._account.subscribe(feed, address=address, secret=secret, key=key, container=container)

    def renew(
        self, subscription: Subscription, feed: str, *, address: str, secret: str, key: str, container: str = ""
    ) -> Subscription:
        self._check(feed)
        return self._account.renew(subscription, feed, address=address, secret=secret, key=key, container=container)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Also of what may no longer be read."""
        self._account.unsubscribe(subscription)

    def _check(self, feed: str) -> None:
        check_permission(self._connection, registry.feeds()[feed].permission)


class PermittedCalendar:
    """An integrations.providers.base.Calendar that writes only where Calendar write may be used now."""

    def __init__(self, connection: Connection, calendar: Calendar) -> None:
        self._connection = connection
        self._calendar = calendar

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        return self._calendar.calendars()

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        return self._calendar.changes(cursor, window, calendar=calendar)

    def read(self, ref: RemoteRef) -> RemoteEvent:
        return self._calendar.read(ref)

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        return self._calendar.read_series(ref)

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        return self._calendar.instances(ref, window)

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        return self._writable.create(draft, key=key, calendar=calendar)

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        return self._writable.update(ref, draft, fields=fields)

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        return self._writable.end_series(ref, before=before)

    def delete(self, ref: RemoteRef) -> None:
        self._writable.delete(ref)

    @property
    def _writable(self) -> Calendar:
        check_permission(self._connection, Permission.CALENDAR_WRITE)
        return self._calendar


class PermittedContacts:
    """An integrations.providers.base.AddressBook that writes only where Contacts write may be used now."""

    def __init__(self, connection: Connection, contacts: AddressBook) -> None:
        self._connection = connection
        self._contacts = contacts

    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        return self._contacts.changes(cursor)

    def read(self, ref: RemoteRef) -> RemoteContact:
        return self._contacts.read(ref)

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        return self._writable.create(draft, key=key, folder=folder)

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        return self._writable.add_number(ref, number)

    @property
    def _writable(self) -> AddressBook:
        check_permission(self._connection, Permission.CONTACTS_WRITE)
        return self._contacts


def check_permission(connection: Connection, permission: Permission) -> None:
    """Raises PermissionMissing with a sentence where the connection may not use this permission."""
    if not connection.may(permission):
        raise PermissionMissing(f"{permission.label} is not allowed for this connection.")


@contextmanager
def open_account(
    connection: Connection, *, lease: Lease, deadline: datetime | None = None
) -> Iterator[PermittedAccount]:
    """The person's account at their provider, for the holder of the lease.

    Refreshed credentials are stored before they are used, in one transaction that also proves the lease.

    Raises:
        ReconnectNeeded: the stored credentials cannot be read or are no longer good.
        LeaseLost: a refresh could not be stored, because the connection is no longer ours.
        ProviderError: any of the family.
    """
    provider = registry.get_provider(connection.provider)

    def save(credentials: Credentials) -> None:
        store_credentials(connection, credentials, lease=lease)

    with provider.open(read_credentials(connection), save=save, deadline=deadline) as account:
        yield PermittedAccount(connection, account)


def read_credentials(connection: Connection | Revocation) -> Credentials:
    """Raises ReconnectNeeded where they cannot be decrypted: the key is lost, or the row was tampered with."""
    try:
        return connection.credentials.open()
    except Undecryptable as error:
        sentence = "The stored sign-in can no longer be read on this server. Reconnect to go on."
        raise ReconnectNeeded(sentence, detail=f"undecryptable: {error}") from error


def find_credentials(connection: Connection) -> Credentials | None:
    """None where they can no longer be read: reconnecting goes without."""
    try:
        return read_credentials(connection)
    except ReconnectNeeded:
        return None


def narrow_credentials(connection: Connection) -> None:
    """Have the provider asked from now on for no more than what is granted. Unsaved.

    Where the credentials cannot be read, or this server has no such provider any more, nothing can be asked for anyway.
    """
    try:
        provider = registry.get_provider(connection.provider)
        connection.credentials = provider.narrow(read_credentials(connection), connection.granted)
    except ProviderError as error:
        log.warning("The credentials of connection %s could not be narrowed: %s", connection.pk, error.code)


def make_revocation(connection: Connection) -> Revocation | None:
    """What ends the grant at the provider later on, and that it tells us of changes, unsaved; None where nothing can be
    ended from here."""
    method = connection.sign_in_method
    ends_grant = method is not None and method.revokes
    subscriptions = _live_subscriptions(connection) if method is not None and method.pushes else []
    credentials = find_credentials(connection) if ends_grant or subscriptions else None
    if credentials is None:
        return None
    user = connection.user
    return Revocation(
        provider=connection.provider,
        account_id=connection.account_id,
        credentials=Sealed.of(credentials),
        ends_grant=ends_grant,
        subscriptions=[[one.id, one.resource] for one in subscriptions],
        subject_label=user.email,
        user=user,
        organization=user.organization,
    )


def end_revoked(revocation: Revocation) -> None:
    """Raises ProviderError: it could not be done now, or (ReconnectNeeded) its credentials can no longer be read."""
    credentials = read_credentials(revocation)
    registry.get_provider(revocation.provider).revoke(credentials)


def end_subscriptions(revocation: Revocation) -> None:
    """Have the provider tell us nothing more, while the grant is there. What is not ended expires within a week."""
    subscriptions = [Subscription(name, resource) for name, resource in revocation.subscriptions]
    if not subscriptions:
        return
    try:
        renewed = _unsubscribe(revocation.provider, read_credentials(revocation), subscriptions)
    except ProviderError as error:
        log.warning("Subscriptions of revocation %s were not ended: %s", revocation.pk, error.code)
        return
    if renewed is not None:
        revocation.credentials = Sealed.of(renewed)


LONGEST_FAREWELL = timedelta(seconds=3)


def end_channels(connection: Connection) -> None:
    """The same for a connection whose person waits for its end: no longer than a moment, whatever the provider does."""
    subscriptions = _live_subscriptions(connection)
    credentials = find_credentials(connection) if subscriptions else None
    if credentials is None:
        return
    renewed: list[Credentials | None] = []

    def run() -> None:
        try:
            renewed.append(_unsubscribe(connection.provider, credentials, subscriptions))
        except ProviderError as error:
            log.warning("Channels of connection %s were not ended: %s", connection.pk, error.code)
        except Exception:
            log.exception("Channels of connection %s were not ended", connection.pk)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONGEST_FAREWELL.total_seconds())
    if renewed and renewed[0] is not None:
        connection.credentials = Sealed.of(renewed[0])


def _live_subscriptions(connection: Connection) -> list[Subscription]:
    return [one.subscription for one in connection.push_channels.all() if one.is_live]


def _unsubscribe(provider: str, credentials: Credentials, subscriptions: list[Subscription]) -> Credentials | None:
    """New credentials where the old ones had to be renewed for it: stored nowhere, as they go anyway.

    Raises:
        ProviderError: not all of them were ended.
    """
    renewed: Credentials | None = None

    def save(fresh: Credentials) -> None:
        nonlocal renewed
        renewed = fresh

    deadline = timezone.now() + LONGEST_FAREWELL
    with registry.get_provider(provider).open(credentials, save=save, deadline=deadline) as account:
        if isinstance(account, PushingAccount):
            for one in subscriptions:
                account.unsubscribe(one)
    return renewed


def store_credentials(connection: Connection, credentials: Credentials, *, lease: Lease) -> None:
    """Raises LeaseLost where the connection was taken over or deleted meanwhile."""
    with transaction.atomic():
        held = Connection.objects.select_for_update().filter(pk=connection.pk, leased_by=lease.token).first()
        if held is None:
            raise LeaseLost
        held.credentials = credentials
        held.save(update_fields=["credentials"])
    connection.credentials = held.credentials


def end_grant(connection: Connection) -> str:
    """Revoke at the provider where that can be done; the answer is "" or a sentence saying why it was not."""
    try:
        registry.get_provider(connection.provider).revoke(read_credentials(connection))
    except ProviderError as error:
        log.warning("Revoking connection %s failed: %s", connection.pk, error.code)
        return error.sentence
    return ""
