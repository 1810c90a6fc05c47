"""The engine: one connection at a time, each feed in turn, each of its containers in turn; see `pulling`.

One calendar that cannot be read keeps neither the others nor the address book from being read.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import errors, registry
from integrations.gateway import open_account
from integrations.leases import Lease, LeaseLost, take_lease
from integrations.models import Connection, Outcome, Status, SyncRun
from integrations.planning import ACCOUNT_WIDE, RunTooLong, plan_next
from integrations.providers.base import Account
from integrations.pulling import Feed, Pull, note, retire_unwanted, writing

log = logging.getLogger(__name__)

BATCH = 500
MOST_AWAY = 2
"""So many containers one after the other that could not be reached: then it is the provider, and the rest waits."""


def run(connection_id: UUID | str, *, trigger: str = "schedule") -> SyncRun | None:
    """Sync one connection, if it is due (or asked for) and nobody else is at it. Returns the last run, or None.

    Whoever asks while a run is under way may have changed something that it has read already: so it is run once more.
    """
    first = _run_once(connection_id, trigger=trigger)
    if first is None or first.outcome != Outcome.DONE:
        return first
    asked_again = Connection.objects.filter(pk=connection_id, next_sync_at__lte=timezone.now()).exists()
    again = trigger if trigger == "push" else "person"
    return (_run_once(connection_id, trigger=again) if asked_again else None) or first


def _run_once(connection_id: UUID | str, *, trigger: str) -> SyncRun | None:
    lease = take_lease(connection_id)
    if lease is None:
        return None
    try:
        connection = Connection.objects.select_related("user__membership__organization").get(pk=connection_id)
        if not _is_wanted(connection, trigger=trigger):
            return None
        return _run_under_lease(connection, lease, trigger=trigger)
    finally:
        lease.release()


def _is_wanted(connection: Connection, *, trigger: str) -> bool:
    if connection.status == Status.RECONNECT_NEEDED or not connection.user.is_active:
        return False
    # What nobody asked for, and what a notification asked for and another run has done since, waits until it is due.
    return trigger not in ("schedule", "push") or connection.next_sync_at <= timezone.now()


def _run_under_lease(connection: Connection, lease: Lease, *, trigger: str) -> SyncRun:
    now = timezone.now()
    # The lease is ours, so whoever started these is dead.
    connection.runs.filter(outcome=Outcome.RUNNING).update(outcome=Outcome.ABANDONED, finished_at=now)
    current = SyncRun.objects.create(connection=connection, trigger=trigger, started_at=now)
    deadline = now + timedelta(seconds=settings.SYNC["longest_run_seconds"])
    error: errors.ProviderError | None = None
    try:
        with open_account(connection, lease=lease, deadline=deadline) as account:
            for name, feed in registry.feeds().items():
                if connection.may(feed.permission):
                    trouble = Reading(connection, lease, current, name, feed, deadline).read(account)
                    error = error or trouble
    except errors.ProviderError as failed:
        error = failed
        current.error_detail = failed.detail[:2000]
    except LeaseLost:
        log.info("Lease of connection %s lost: stopping", connection.pk)
        SyncRun.objects.filter(pk=current.pk).update(outcome=Outcome.ABANDONED, finished_at=timezone.now())
        return current
    except Exception:
        # A fault of ours: the person gets a sentence and a later try, we get the traceback; nobody else is held up.
        log.exception("Sync of %s broke", connection.pk)
        error = errors.Unexpected("Something went wrong in Portico itself. We will try again.", detail="see the log")
        current.error_detail = error.detail
    _finish(connection, lease, current, error)
    return current


@dataclass(frozen=True, slots=True)
class Reading:
    """Reading one feed of one connection."""

    connection: Connection
    lease: Lease
    run: SyncRun
    name: str
    feed: Feed
    deadline: datetime

    def read(self, account: Account) -> errors.ProviderError | None:
        """All containers that are wanted. Returns the first error that concerns the connection.

        Raises:
            ReconnectNeeded, LeaseLost
        """
        try:
            for one in self.feed.prepare(account, self.connection, writing=lambda: writing(self.lease)):
                note(self.run, one)
        except errors.ProviderError as failed:
            return self._record(failed)
        wanted = self.feed.containers(self.connection)
        retire_unwanted(self.connection, self.lease, self.run, self.name, self.feed, wanted=wanted)
        first: errors.ProviderError | None = None
        away = 0
        for container in self._in_order(wanted):
            if timezone.now() > self.deadline:
                return first or self._record(RunTooLong(detail="not everything was begun"))
            pull = Pull(self.connection, self.lease, self.run, self.name, self.feed, container, self.deadline)
            try:
                pull.pull(account)
                away = 0
            except errors.ProviderError as failed:
                if isinstance(failed, errors.Unreachable) and timezone.now() > self.deadline:
                    failed = RunTooLong(detail="no time was left to ask for more")
                if container and isinstance(failed, errors.Gone):
                    pull.lose()
                elif pull.fail(failed):
                    first = first or self._record(failed)
                away = away + 1 if isinstance(failed, errors.Unreachable) else 0
                if isinstance(failed, ACCOUNT_WIDE) or away >= MOST_AWAY:
                    break
        return first

    def _in_order(self, wanted: list[str]) -> list[str]:
        """As wanted, but those that failed last time after the others, so that none of them holds up a good one.

        One that is to be left alone for a while is left out, unless somebody asked for this run.
        """
        cursors = {one.container: one for one in self.connection.cursors.filter(feed=self.name, failures__gt=0)}
        if self.run.trigger in ("schedule", "push"):
            now = timezone.now()
            waits = {key for key, one in cursors.items() if one.next_try_at is not None and one.next_try_at > now}
            wanted = [one for one in wanted if one not in waits]
        return sorted(wanted, key=lambda one: cursors[one].failures if one in cursors else 0)

    def _record(self, failed: errors.ProviderError) -> errors.ProviderError:
        if isinstance(failed, errors.ReconnectNeeded):
            raise failed
        log.warning("Sync of %s failed at %s: %s", self.connection.pk, self.name, failed.code)
        self.run.error_detail = f"{self.name}: {failed.detail}"[:2000]
        return failed


def _finish(connection: Connection, lease: Lease, current: SyncRun, error: errors.ProviderError | None) -> None:
    now = timezone.now()
    current.finished_at = now
    current.outcome = Outcome.FAILED if error else Outcome.DONE
    if error:
        current.error_code, current.error_sentence = error.code, error.sentence
    status, wait = plan_next(connection, error)
    if status != connection.status:
        connection.status, connection.status_changed_at = status, now
    connection.error_code = error.code if error else ""
    connection.error_sentence = error.sentence if error else ""
    connection.failures = connection.failures + 1 if error else 0
    connection.next_sync_at = now + wait
    if not error:
        connection.synced_at = current.started_at
    try:
        with transaction.atomic():
            lease.renew()
            due = Connection.objects.values_list("next_sync_at", flat=True).get(pk=connection.pk)
            if not error and due > current.started_at:
                connection.next_sync_at = due  # somebody has asked for a sync meanwhile
            current.save(force_update=True)
            connection.save(
                update_fields=[
                    "status",
                    "status_changed_at",
                    "error_code",
                    "error_sentence",
                    "failures",
                    "next_sync_at",
                    "synced_at",
                ]
            )
    except LeaseLost:
        log.info("Lease of connection %s lost at the end of a run", connection.pk)


def find_due(limit: int = 5_000) -> list[str]:
    """Ids of the connections to sync now, oldest due first."""
    due = Connection.objects.due(timezone.now()).values_list("pk", flat=True)
    return [str(pk) for pk in due[:limit]]


QUIET = Q(outcome=Outcome.DONE, added=0, changed=0, removed=0, notes=[])


def forget_old_runs() -> int:
    """Remove what was recorded about runs longer ago than the setting says; returns how many.

    A run that found nothing new is remembered for a day: there are some three hundred of these a day per connection.
    """
    now = timezone.now()
    old = Q(started_at__lt=now - timedelta(days=settings.SYNC["keep_runs_days"]))
    quiet = QUIET & Q(started_at__lt=now - timedelta(days=1))
    forgotten = 0
    # In batches, so that syncing never waits long for the database.
    while keys := list(SyncRun.objects.filter(old | quiet).order_by("started_at").values_list("pk", flat=True)[:BATCH]):
        forgotten += SyncRun.objects.filter(pk__in=keys).delete()[0]
    return forgotten
