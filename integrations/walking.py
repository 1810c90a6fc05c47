"""One worker at a time on a change of policy, and how far it has come: lease and position, in the change's own row."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.forecasting import read_batches
from integrations.models import Connection
from integrations.policy_models import ChangeState, PolicyChange, members_under
from organizations.models import Membership

RENEW_EVERY = 50
"""People, until the lease is renewed."""


class Interrupted(Exception):
    """The lease is somebody else's, or the change was undone, or who is concerned has to be looked at once more."""


@contextmanager
def take_walk(change_id: UUID | str) -> Iterator["Walk | None"]:
    """The change, for as long as its lease is ours; None while another worker is at it, or where nothing is open.

    What is waiting and due is being carried out from here on. Where the walk is interrupted, the block simply ends.
    """
    now = timezone.now()
    token = secrets.token_hex(16)
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    is_open = Q(state__in=[ChangeState.WAITING, ChangeState.RUNNING])
    if not PolicyChange.objects.filter(free, is_open, pk=change_id).update(leased_by=token, leased_until=_expiry()):
        yield None
        return
    try:
        PolicyChange.objects.filter(pk=change_id, state=ChangeState.WAITING, due_at__lte=now).update(
            state=ChangeState.RUNNING, position=None, looked_at=0
        )
        change = PolicyChange.objects.select_related("organization", "policy__group").get(pk=change_id)
        yield Walk(change, token, now + timedelta(seconds=settings.SYNC["longest_run_seconds"]))
    except Interrupted:
        return
    finally:
        PolicyChange.objects.filter(pk=change_id, leased_by=token).update(leased_by="", leased_until=None)


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC["lease_seconds"])


@dataclass(slots=True)
class Walk:
    """One worker's way through the connections under one change, as long as its lease is its own."""

    change: PolicyChange
    token: str
    deadline: datetime
    since_renewal: int = 0
    members: QuerySet[Membership] = field(init=False)

    def __post_init__(self) -> None:
        """A level that is gone (its group was deleted) may have held anybody: everybody is looked at."""
        row = self.change.policy
        group = row.group if row else None
        membership = row.membership if row else None
        self.members = members_under(self.change.organization, group, membership)

    def batches(self) -> Iterable[list[Connection]]:
        """Those not looked at yet. Stops early when time is up: `is_late` then says so."""
        if self.change.position is None:
            self._update(total=Connection.objects.filter(user__membership__in=self.members).count(), looked_at=0)
        yield from read_batches(self.members, after=self.change.position)

    def advance(self, batch: list[Connection]) -> None:
        """Note how far we are. Raises Interrupted."""
        self._update(position=batch[-1].pk, looked_at=self.change.looked_at + len(batch))

    def keep_lease(self) -> None:
        """Called for each person. Raises Interrupted."""
        self.since_renewal += 1
        if self.since_renewal >= RENEW_EVERY:
            self._update()

    def finish(self, **values: Any) -> None:
        """Raises Interrupted."""
        self._update(**values)

    @property
    def is_late(self) -> bool:
        return timezone.now() > self.deadline

    def _update(self, **values: Any) -> None:
        """Only while the change is as we know it: whoever starts it over puts `position` back."""
        mine = PolicyChange.objects.filter(
            pk=self.change.pk, leased_by=self.token, state=self.change.state, position=self.change.position
        )
        if not mine.update(leased_until=_expiry(), **values):
            raise Interrupted
        self.since_renewal = 0
        for name, value in values.items():
            setattr(self.change, name, value)
