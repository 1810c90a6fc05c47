"""How many syncs end well and badly, hour by hour: what the chart shows when the runs themselves are forgotten.

A run that ended is added to its hour and marked in one transaction. So each is counted once, however often this is
started, by however many at once, and wherever it is killed. Runs of a connection that is deleted before its next count
go with it uncounted.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.models import Outcome, SyncHour, SyncRun
from organizations.models import Organization

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


@dataclass(frozen=True, slots=True)
class Day:
    """What the syncs of an organization came to on one day of the reader's."""

    date: date
    done: int = 0
    failed: int = 0


def list_days(organization: Organization, zone: tzinfo, *, now: datetime, count: int = 30) -> list[Day]:
    """The last days up to today, each of them whether or not there was a sync: one query.

    An hour belongs to the day on which it starts, so where a zone's midnight is not a full hour of UTC, its last
    minutes are counted to the day before.
    """
    today = now.astimezone(zone).date()
    first = today - timedelta(days=count - 1)
    starts = start_of_hour(datetime.combine(first, time.min, zone).astimezone(UTC))
    found: dict[date, Counter[str]] = {first + timedelta(days=n): Counter() for n in range(count)}
    hours = SyncHour.objects.filter(organization=organization, starts__gte=starts)
    for hour, done, failed in hours.values_list("starts", "done", "failed"):
        day = hour.astimezone(zone).date()
        if day in found:
            found[day].update(done=done, failed=failed)
    return [Day(day, counter["done"], counter["failed"]) for day, counter in found.items()]
