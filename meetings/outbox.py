"""Carrying out intended changes, one at a time, at the meeting host and in the calendar; see integrations.outgoing.

1. Of one target (a scheduled meeting, or an event) the writes go out in the order they were made.
2. The host's step comes first, since the event names its link. Each step is idempotent, and noted as done in the
   transaction of what it brought back.
3. The calendar is written to under the connection's lease, and what it answers becomes rows in one transaction.
"""

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from integrations import outgoing
from integrations.outgoing import Busy, WriteState
from meetings.calendar_step import carry_to_calendar
from meetings.host_step import carry_to_host
from meetings.models import ScheduledMeeting, Write


def find_due() -> list[int]:
    """Keys of the writes to carry out now, in order."""
    return outgoing.find_due(Write.objects.all())


def carry_out(write_id: int) -> Write | None:
    """Carry out one write, if it is due and nobody else is at it. The answer is the write as it was left."""
    rows = Write.objects.select_related("scheduled", "connection", "owner__membership__organization")
    return outgoing.carry_out(rows, write_id, _carry)


def _carry(write: Write) -> None:
    """Raises ProviderError, LeaseLost, Busy, Contested."""
    if _has_earlier(write):
        raise Busy
    carry_to_host(write)
    carry_to_calendar(write)


def _has_earlier(write: Write) -> bool:
    """Whether an older write of the same target has not gone out yet."""
    same = Q(pk__in=[])
    if write.scheduled_id:
        same |= Q(scheduled=write.scheduled_id)
    for name in {write.remote_id, write.series_id} - {""}:
        same |= Q(connection=write.connection_id, container=write.container) & (Q(remote_id=name) | Q(series_id=name))
    return Write.objects.filter(same, owner=write.owner_id, pk__lt=write.pk, state=WriteState.WAITING).exists()


def forget_old(now: datetime | None = None) -> int:
    """Remove what was deleted too long ago to be had back, and writes that are long done."""
    now = now or timezone.now()
    Write.objects.forgettable(now).delete()
    return ScheduledMeeting.objects.expired(now).delete()[0]
