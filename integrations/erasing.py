"""Forgetting what was read through a connection, and the connection itself."""

from django.utils import timezone

from integrations import gateway, registry
from integrations.models import Connection
from integrations.permissions import Permissions
from integrations.policy_models import EffectState, PolicyEffect


def count_unsaved(connection: Connection) -> int:
    """How much of what its person asked for here is nowhere but here, and would go with the connection."""
    return sum(feed.count_unsaved(connection) for feed in registry.feeds().values())


def erase_unused(connection: Connection, given_up: Permissions) -> None:
    """Erase the rows and cursors of feeds whose permission was given up."""
    for name, feed in registry.feeds().items():
        if feed.permission in given_up:
            feed.erase(connection)
            connection.cursors.filter(feed=name).delete()
            # Without a cursor there is nothing to be told of any more: they are ended at the provider, then here.
            connection.push_channels.filter(feed=name).update(next_try_at=timezone.now())


def erase(connection: Connection, *, ends_grant: bool = False) -> dict[str, int] | None:
    """Erase all that was read, then credentials and connection, in the caller's transaction.

    Returns how many rows of each feed there were, or None where somebody else has erased the connection meanwhile.
    With `ends_grant` the grant at the provider is ended by and by (`revoking`), where that can be done.
    """
    # First of all, as a sync does: two who erase at once, or a sync beside them, wait for each other in one order.
    locked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if locked is None:
        return None
    locked.user = connection.user
    _settle_announced(locked)
    return erase_locked(locked, ends_grant=ends_grant)


def _settle_announced(connection: Connection) -> None:
    """Of what policy would have ended, nothing is left: nobody is reminded of it, and nothing waits for its day."""
    announced = PolicyEffect.objects.filter(
        user=connection.user_id, connection_id=connection.pk, state=EffectState.WAITING
    )
    announced.update(state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now())


def erase_locked(connection: Connection, *, ends_grant: bool) -> dict[str, int]:
    """The same for whoever holds the lock on its row already.

    Each table is emptied by one statement. Django's own way would look for more in every table first, and again in
    those that the feeds have just emptied; what refers to connections is known (tests/integrations/test_erasing.py).
    """
    if ends_grant:
        revocation = gateway.make_revocation(connection)
        if revocation is not None:
            revocation.save(force_insert=True)
    removed = {name: feed.erase(connection) for name, feed in registry.feeds().items()}
    connection.cursors.all().delete()
    connection.push_channels.all().delete()
    connection.runs.all().delete()
    row = Connection.objects.filter(pk=connection.pk)
    row._raw_delete(row.db)
    return removed
