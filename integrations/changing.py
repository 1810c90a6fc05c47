"""What becomes of a connection that is there: more permissions or fewer, another sync, an end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations import gateway, tasks
from integrations.erasing import erase, erase_unused
from integrations.models import Connection, SyncCursor
from integrations.permissions import NONE, Permissions, dump_permissions, parse_permissions
from integrations.policy_models import freeze_policies, held_for
from integrations.terms import CannotConnect, terms_on
from organizations.models import User, record


def narrow(connection: Connection, asked: Permissions, *, by: User, address: str | None = None) -> Permissions:
    """Give up what is no longer asked for, at once and before any consent. Returns what was given up.

    What was read under a permission that is given up is erased. Nothing is ever widened here.
    """
    with transaction.atomic():
        locked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if locked is None:
            return NONE  # deleted meanwhile: there is nothing left to give up
        connection, before = locked, locked.granted
        connection.granted = before & asked
        connection.declined = dump_permissions(parse_permissions(connection.declined) & asked)
        # Without its lease, a sync under way stops at its next page instead of writing what is being given up.
        connection.leased_by, connection.leased_until = "", None
        given_up = before - connection.granted
        if given_up:
            gateway.narrow_credentials(connection)
        connection.save()
        if given_up:
            erase_unused(connection, given_up)
            record(
                "connection.narrowed",
                organization=connection.user.organization,
                actor=by,
                subject=connection.user,
                details={"before": dump_permissions(before), "granted": dump_permissions(connection.granted)},
                address=address,
            )
    return given_up


def widen(connection: Connection, asked: Permissions, *, by: User, address: str | None = None) -> Permissions:
    """Grant what policy makes of `asked`, where signing in has opened everything already.

    Returns what was added.

    Raises:
        CannotConnect: nothing is left of it, or the connection is gone.
    """
    method = connection.sign_in_method
    if method is None or method.scopes:
        raise ValueError("the provider has to be asked")
    with transaction.atomic():
        connection = _lock_to_decide(connection)
        decided = terms_on(held_for(connection.user), connection.facts).check(asked)
        before = connection.granted
        connection.granted = before | decided
        added = connection.granted - before
        if added:
            connection.save()
            record(
                "connection.widened",
                organization=connection.user.organization,
                actor=by,
                subject=connection.user,
                details={
                    "before": dump_permissions(before),
                    "asked": dump_permissions(asked),
                    "decided": dump_permissions(decided),
                    "granted": dump_permissions(connection.granted),
                },
                address=address,
            )
            start_sync(connection, trigger="connect")
    return added


def _lock_to_decide(connection: Connection) -> Connection:
    """As it stands now, with the person as they are now; until the transaction ends no policy changes."""
    organization = connection.user.organization
    if organization is not None:
        freeze_policies(organization)
    locked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if locked is None:
        raise CannotConnect("This connection was deleted meanwhile. Nothing was changed.")
    return locked


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion removed, for the page that follows it. Plain data: it rides in the session."""

    provider: str
    method: str
    mailbox: str
    removed: Mapping[str, int]
    """Feed name -> rows erased."""
    revoke_problem: str
    """"": the grant was ended at the provider; else why not."""


def disconnect(
    connection: Connection, *, by: User | None, reason: str = "", address: str | None = None
) -> Receipt | None:
    """End the grant at the provider where that can be done, then erase credentials, cursors and all that was read.

    None where somebody else has erased the connection meanwhile.
    """
    gateway.end_channels(connection)  # first: with the grant goes the right to
    problem = gateway.end_grant(connection)
    with transaction.atomic():
        removed = erase(connection)
        if removed is None:
            return None
        _record_end(connection, {"removed": removed, "revoked": not problem}, by, reason, address)
    return Receipt(connection.provider, connection.method, connection.mailbox, removed, problem)


def let_go(user: User, *, reason: str, by: User | None, address: str | None = None) -> None:
    """Erase what somebody who left was connected to. Nobody waits for the provider: the grant there ends later on."""
    with transaction.atomic():
        connection = Connection.objects.filter(user=user).first()
        removed = erase(connection, ends_grant=True) if connection else None
        if connection is not None and removed is not None:
            _record_end(connection, {"removed": removed}, by, reason, address)


def _record_end(
    connection: Connection, details: Mapping[str, Any], by: User | None, reason: str, address: str | None
) -> None:
    record(
        "connection.deleted",
        organization=connection.user.organization,
        actor=by,
        subject=connection.user,
        details={"provider": connection.provider, "mailbox": connection.mailbox, **details, "reason": reason},
        address=address,
    )


def confirm_emptied(connection: Connection, cursor: SyncCursor, *, by: User, address: str | None = None) -> None:
    """The person says that this suddenly empty calendar or address book is right: the next sync may erase our rows."""
    with transaction.atomic():
        connection.cursors.filter(pk=cursor.pk, emptied_at__isnull=False).update(emptied_confirmed=True)
        record(
            "connection.emptied_confirmed",
            organization=connection.user.organization,
            actor=by,
            subject=connection.user,
            address=address,
        )
        start_sync(connection, trigger="person")


def start_sync(connection: Connection, *, trigger: str) -> None:
    """Queue a sync once the present transaction is committed. A lost message is made good by the sweep."""
    Connection.objects.filter(pk=connection.pk).update(next_sync_at=timezone.now())
    pk = str(connection.pk)
    transaction.on_commit(lambda: tasks.sync_connection.delay(pk, trigger))
