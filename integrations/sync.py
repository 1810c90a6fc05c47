"""The engine: one connection at a time, each feed in turn, page by page.

1. Go on from the cursor; where the provider has forgotten it, list everything, and what is not listed is gone.
2. A page's rows are written in one transaction that first proves the lease; the cursor goes with the last page.
3. A complete listing that is suddenly empty is doubted: the rows stay until the person says so.
4. A listing that failed half-way removes nothing. Safe to run twice, safe to kill at any point.
"""

import logging
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import errors, registry
from integrations.gateway import open_account
from integrations.leases import Lease, LeaseLost, take_lease
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.permissions import Permission
from integrations.providers.base import Account
from integrations.remote import Delta, Window

log = logging.getLogger(__name__)

MOST_PAGES = 2_000
MOST_NOTES = 20
MANY_ROWS = 10
BATCH = 500


@dataclass(slots=True)
class Counts:
    """What applying one page did to our rows."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    notes: list[str] = field(default_factory=list)


class Feed(Protocol):
    """What an app does with one kind of record: `settings.FEEDS` names them. Only `changes` talks to the network."""

    permission: Permission
    relist_after: timedelta
    """How old a complete listing may get."""

    def changes(self, account: Account, cursor: str | None, window: Window) -> Iterator[Delta[Any]]: ...

    def apply(self, connection: Connection, delta: Delta[Any]) -> Counts:
        """Write one page, inside the engine's transaction. Unchanged versions write nothing."""
        ...

    def count(self, connection: Connection) -> int: ...

    def held(self, connection: Connection) -> Iterator[str]:
        """Remote ids we hold, streamed."""
        ...

    def discard(self, connection: Connection, remote_ids: Collection[str]) -> int: ...

    def erase(self, connection: Connection) -> int:
        """Forget everything of this kind."""
        ...


class RunTooLong(errors.ProviderError):
    """The run used up its time; what is written stays, and the next run goes on."""

    code = "run_too_long"
    sentence = "Reading took longer than one run may take. We will go on by ourselves."


def run(connection_id: UUID | str, *, trigger: str = "schedule") -> SyncRun | None:
    """Sync one connection, if it is due (or asked for) and nobody else is at it. Returns the last run, or None.

    Whoever asks while a run is under way may have changed something that it has read already: so it is run once more.
    """
    first = _run_once(connection_id, trigger=trigger)
    if first is None or first.outcome != Outcome.DONE:
        return first
    asked_again = Connection.objects.filter(pk=connection_id, next_sync_at__lte=timezone.now()).exists()
    return (_run_once(connection_id, trigger="person") if asked_again else None) or first


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
    return trigger != "schedule" or connection.next_sync_at <= timezone.now()


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
                if not connection.may(feed.permission):
                    continue
                try:
                    Pull(connection, lease, current, name, feed, deadline).pull(account)
                except errors.ReconnectNeeded:
                    raise
                except errors.ProviderError as failed:
                    error = error or failed
                    log.warning("Sync of %s failed at %s: %s", connection.pk, name, failed.code)
                    current.error_detail = f"{name}: {failed.detail}"[:2000]
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


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an error means for a connection: its status, and how long until the next try (first, and at most)."""

    status: Status
    first: timedelta
    most: timedelta


# The one table from error to what happens next. A provider's own Retry-After wins where it is longer.
PLANS: dict[type[errors.ProviderError], Plan] = {
    errors.ReconnectNeeded: Plan(Status.RECONNECT_NEEDED, HOUR, HOUR),
    errors.PermissionMissing: Plan(Status.RECONNECT_NEEDED, HOUR, HOUR),
    errors.AdminNeeded: Plan(Status.ADMIN_NEEDED, 6 * HOUR, 6 * HOUR),
    errors.NotOffered: Plan(Status.ADMIN_NEEDED, HOUR, 6 * HOUR),
    errors.Refused: Plan(Status.ADMIN_NEEDED, HOUR, 6 * HOUR),
    errors.RateLimited: Plan(Status.CONNECTED, 2 * MINUTE, HOUR),
    errors.Unreachable: Plan(Status.CONNECTED, MINUTE, HOUR),
    RunTooLong: Plan(Status.CONNECTED, MINUTE, HOUR),
    errors.Unexpected: Plan(Status.CONNECTED, 5 * MINUTE, 6 * HOUR),
}
LONGEST_RETRY_AFTER = 24 * HOUR


def plan_next(connection: Connection, error: errors.ProviderError | None) -> tuple[Status, timedelta]:
    """The connection's status after a run, and how long until the next. Jittered, so that no two keep step."""
    if error is None:
        return Status.CONNECTED, timedelta(seconds=settings.SYNC["every_seconds"]) * random.uniform(0.9, 1.1)  # noqa: S311
    plan = PLANS.get(type(error), PLANS[errors.Unexpected])
    wait = min(plan.first * 2 ** min(connection.failures, 10), plan.most) * random.uniform(1.0, 1.3)  # noqa: S311
    asked = getattr(error, "retry_after", None) or timedelta(0)
    return plan.status, max(wait, min(asked, LONGEST_RETRY_AFTER) * random.uniform(1.0, 1.1))  # noqa: S311


@dataclass(slots=True)
class Pull:
    """Reading one feed of one connection."""

    connection: Connection
    lease: Lease
    run: SyncRun
    name: str
    feed: Feed
    deadline: datetime

    def pull(self, account: Account) -> None:
        """Raises ProviderError, LeaseLost."""
        where, _ = SyncCursor.objects.get_or_create(connection=self.connection, feed=self.name)
        self.run.feed = self.name
        now = timezone.now()
        if where.value and not is_relisting_due(where, self.feed.relist_after, now):
            try:
                return self._read(account, where, complete=False)
            except errors.CursorExpired:
                self._note(f"{self.name}: the provider asked for everything to be read again")
        try:
            return self._read(account, where, complete=True)
        except errors.CursorExpired as error:
            raise errors.Unexpected(detail="a complete listing was answered with an expired cursor") from error

    def _read(self, account: Account, where: SyncCursor, *, complete: bool) -> None:
        started = timezone.now()
        window = current_window(started) if complete else _window_of(where)
        seen: set[str] = set()
        last: Delta[Any] | None = None
        for delta in self.feed.changes(account, None if complete else where.value, window):
            seen.update(record.ref.id for record in delta.changed)
            last = delta
            self._apply(delta, where if delta.cursor is not None and not complete else None)
            if delta.cursor is not None:
                break
            if timezone.now() > self.deadline:
                raise RunTooLong(detail=f"stopped after {self.run.pages} pages")
            if self.run.pages >= MOST_PAGES:
                raise errors.Unexpected(detail=f"more than {MOST_PAGES} pages")
        if last is None or last.cursor is None:
            raise errors.Unexpected(detail="the listing ended without a cursor")
        if complete or last.complete:
            self._settle(where, last.cursor, window, seen, started)

    def _apply(self, delta: Delta[Any], where: SyncCursor | None) -> None:
        with transaction.atomic():
            self.lease.renew()
            counts = self.feed.apply(self.connection, delta)
            if where is not None and delta.cursor != where.value:
                where.value = delta.cursor or ""
                where.save(update_fields=["value"])
            self.run.pages += 1
            self.run.seen += len(delta.changed) + len(delta.gone)
            self.run.added += counts.added
            self.run.changed += counts.changed
            self.run.removed += counts.removed
            for note in counts.notes:
                self._note(note)
            self.run.save(force_update=True)

    def _settle(self, where: SyncCursor, cursor: str, window: Window, seen: set[str], started: datetime) -> None:
        """After a complete listing: what was not listed is gone. Then, and only then, the cursor."""
        if not seen and not where.emptied_confirmed and self.feed.count(self.connection) >= MANY_ROWS:
            where.emptied_at = where.emptied_at or started
            where.save(update_fields=["emptied_at"])
            self._note(f"{self.name}: the provider lists nothing any more; our rows are kept until the person confirms")
            return
        gone = (remote_id for remote_id in self.feed.held(self.connection) if remote_id not in seen)
        doomed = list(gone)
        for start in range(0, len(doomed), BATCH):
            with transaction.atomic():
                self.lease.renew()
                self.run.removed += self.feed.discard(self.connection, doomed[start : start + BATCH])
        where.value, where.listed_at = cursor, started
        where.window_starts, where.window_ends = window.starts, window.ends
        where.emptied_at, where.emptied_confirmed = None, False
        with transaction.atomic():
            self.lease.renew()
            where.save()

    def _note(self, note: str) -> None:
        if len(self.run.notes) < MOST_NOTES:
            self.run.notes.append(note)


def current_window(now: datetime) -> Window:
    """What we hold events of, in whole UTC days, so that a window stays the same all day."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(
        today - timedelta(days=settings.SYNC["days_back"]), today + timedelta(days=settings.SYNC["days_ahead"])
    )


def _window_of(where: SyncCursor) -> Window:
    if where.window_starts and where.window_ends:
        return Window(where.window_starts, where.window_ends)
    return current_window(timezone.now())


def is_relisting_due(where: SyncCursor, after: timedelta, now: datetime) -> bool:
    """Whether the last complete listing is too old.

    Each connection has its own fixed share (up to a quarter) on top, so that those that connected together, or came
    back together after an outage, do not list together for ever after.
    """
    if where.listed_at is None or where.emptied_at is not None:
        return True
    share = where.connection_id.int % 1000 / 1000
    return now - where.listed_at > after * (1 + share / 4)


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
