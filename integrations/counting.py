"""How many syncs end well and badly, hour by hour: what the chart shows when the runs themselves are forgotten.

A run that ended is added to its hour and marked in one transaction. So each is counted once, however often this is
started, by however many at once, and wherever it is killed. Runs of a connection that is deleted before its next count
go with it uncounted.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.models import Outcome, SyncHour, SyncRun

BATCH = 2_000
KEPT_HOURS = timedelta(days=400)

Hour = tuple[int, datetime]
"""An organization's key and when the hour starts."""


def count_finished() -> int:
    """Add the runs that ended since the last time to their hours; returns how many."""
    counted = 0
    while found := _count_batch():
        counted += found
    return counted


def _count_batch() -> int:
    with transaction.atomic():
        # What another worker is counting at this moment is left to it.
        waiting = SyncRun.objects.to_count().order_by("pk").select_for_update(skip_locked=True)
        keys = list(waiting.values_list("pk", flat=True)[:BATCH])
        if keys:
            runs = SyncRun.objects.filter(pk__in=keys)
            where = "connection__user__membership__organization_id"
            _add(runs.order_by().values_list(where, "finished_at", "outcome"))
            runs.update(is_counted=True)
    return len(keys)


def _add(runs: Iterable[tuple[int | None, datetime | None, str]]) -> None:
    counts: dict[Hour, Counter[str]] = {}
    for organization, finished_at, outcome in runs:
        if organization is not None and finished_at is not None:
            counts.setdefault((organization, start_of_hour(finished_at)), Counter())[outcome] += 1
    SyncHour.objects.bulk_create(
        [SyncHour(organization_id=organization, starts=starts) for organization, starts in counts],
        ignore_conflicts=True,
    )
    # In order, so that two who add to the same hours never wait for each other.
    for organization, starts in sorted(counts):
        found = counts[organization, starts]
        SyncHour.objects.filter(organization=organization, starts=starts).update(
            done=F("done") + found[Outcome.DONE], failed=F("failed") + found[Outcome.FAILED]
        )


def start_of_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def forget_old_hours() -> int:
    return SyncHour.objects.filter(starts__lt=timezone.now() - KEPT_HOURS).delete()[0]
