"""One worker at a time per connection: a lease with an expiry, held in the connection's own row."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from integrations.models import Connection


class LeaseLost(Exception):
    """Another worker, or a deletion, took the connection from under us: stop, and write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    connection_id: UUID
    token: str

    def renew(self) -> None:
        """Prove that the lease is still ours and prolong it.

        Done first in each transaction that writes rows: the row lock it takes keeps a successor out until commit.

        Raises:
            LeaseLost: it is not ours any more.
        """
        held = Connection.objects.filter(pk=self.connection_id, leased_by=self.token)
        if not held.update(leased_until=_expiry()):
            raise LeaseLost

    def release(self) -> None:
        held = Connection.objects.filter(pk=self.connection_id, leased_by=self.token)
        held.update(leased_by="", leased_until=None)


def take_lease(connection_id: UUID | str) -> Lease | None:
    """The lease, or None while another worker holds it (or the connection is gone)."""
    now = timezone.now()
    token = secrets.token_hex(16)
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    taken = Connection.objects.filter(free, pk=connection_id).update(leased_by=token, leased_until=_expiry())
    return Lease(UUID(str(connection_id)), token) if taken else None


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC["lease_seconds"])
