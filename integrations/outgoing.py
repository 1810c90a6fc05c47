"""Changes on their way out: what an app intends to write at a provider, kept as rows until it is done.

1. A row is committed before anything is sent, and claimed for a few minutes by whoever carries it out; whoever died
   over one is followed by the next.
2. Each app's step is idempotent; a provider is written to under its connection's lease.
3. What may pass by itself is tried again at growing distances; all else waits for the person, with a sentence.
"""

import logging
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations import errors
from integrations.gateway import PermittedAccount, open_account
from integrations.leases import Lease, LeaseLost, take_lease
from integrations.models import Connection

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=3)
BUSY = timedelta(seconds=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
LONGEST = timedelta(seconds=60)
"""For one write: nothing is asked of a provider after that."""
MOST_TRIES = 12
PASSING = (errors.RateLimited, errors.Unreachable, errors.Unexpected)
"""What may be over by itself."""
NEED_THE_PERSON = ("reconnect_needed", "permission_missing")
"""What is over once the person has signed in again."""


class WriteState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    """It is tried again when the person says so."""
    CONFLICT = "conflict", "Conflict"
    """Changed there meanwhile: the person chooses."""
    DROPPED = "dropped", "Dropped"
    """The person chose what is there, or something newer stands in its place."""


OPEN = (WriteState.WAITING, WriteState.FAILED, WriteState.CONFLICT)

Row = TypeVar("Row", bound="Outgoing")


class OutgoingQuerySet(models.QuerySet[Row]):
    def open(self) -> Self:
        """What a person should know of."""
        return self.filter(state__in=OPEN)

    def due(self, now: datetime) -> Self:
        free = Q(taken_until__isnull=True) | Q(taken_until__lte=now)
        return self.filter(free, state=WriteState.WAITING, next_try_at__lte=now).order_by("pk")

    def forgettable(self, now: datetime) -> Self:
        """Long done, or given up."""
        return self.exclude(state__in=OPEN).filter(
            finished_at__lt=now - timedelta(days=settings.SYNC["keep_runs_days"])
        )


class Outgoing(models.Model):
    """How an intended change stands. What it is, the app's own model says."""

    state = models.CharField(max_length=10, choices=WriteState.choices, default=WriteState.WAITING)
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(default=timezone.now)
    taken_until = models.DateTimeField(null=True, blank=True)
    taken_by = models.CharField(max_length=32, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    theirs_json = models.JSONField(null=True, blank=True, help_text="In conflict: what stands there, as a draft.")
    theirs_version = models.CharField(max_length=255, blank=True)

    class Meta:
        abstract = True

    @property
    def is_waiting(self) -> bool:
        return self.state == WriteState.WAITING

    @property
    def is_failed(self) -> bool:
        return self.state == WriteState.FAILED

    @property
    def is_conflict(self) -> bool:
        return self.state == WriteState.CONFLICT

    @property
    def is_delayed(self) -> bool:
        """It was tried, and is tried again."""
        return self.is_waiting and bool(self.error_code)


class Busy(Exception):
    """Somebody else is at it: come back in a moment, without counting this as a try."""


class Contested(Exception):
    """What is to be changed was changed there meanwhile; `theirs` is what stands there, as it is kept in the row."""

    def __init__(self, theirs: Mapping[str, Any], version: str) -> None:
        super().__init__("contested")
        self.theirs = theirs
        self.version = version


def find_due(rows: OutgoingQuerySet[Row], limit: int = 1_000) -> list[int]:
    """Keys of those to carry out now, in order."""
    return list(rows.due(timezone.now()).values_list("pk", flat=True)[:limit])


def carry_out(rows: OutgoingQuerySet[Row], row_id: int, step: Callable[[Row], None]) -> Row | None:
    """Carry out one of `rows`, if it is due and nobody else is at it. The answer is the row as it was left; None also
    where it went meanwhile, with its connection.

    `step` may raise ProviderError, LeaseLost, Busy and Contested.
    """
    token = claim(rows, row_id)
    if token is None:
        return None
    row = rows.filter(pk=row_id).first()
    if row is None:
        return None
    name = f"{row._meta.model_name} {row_id}"
    try:
        step(row)
    except Busy:
        leave(row, token, next_try_at=timezone.now() + BUSY)
    except LeaseLost:
        log.info("%s lost the lease of its connection", name)
        leave(row, token, next_try_at=timezone.now() + BUSY)
    except Contested as contested:
        leave(
            row,
            token,
            state=WriteState.CONFLICT,
            theirs_json=contested.theirs,
            theirs_version=contested.version,
            error_code=errors.Conflict.code,
        )
    except errors.ProviderError as error:
        log.warning("%s failed: %s", name, error.code)
        _fail(row, token, error)
    except Exception:
        log.exception("%s broke", name)
        _fail(row, token, errors.Unexpected("Something went wrong in Portico itself. We will try again."))
    else:
        leave(row, token, state=WriteState.DONE, finished_at=timezone.now(), error_code="", error_sentence="")
    return rows.filter(pk=row_id).first()


def claim(rows: OutgoingQuerySet[Row], row_id: int) -> str | None:
    now, token = timezone.now(), secrets.token_hex(16)
    due = rows.due(now).filter(pk=row_id)
    return token if due.update(taken_until=now + CLAIM, taken_by=token) else None


def leave(row: Outgoing, token: str, **changes: object) -> None:
    """Write down how it went, unless somebody has changed their mind or taken over meanwhile."""
    held = type(row)._default_manager.filter(pk=row.pk, taken_by=token, state=WriteState.WAITING)
    held.update(taken_until=None, taken_by="", **changes)


def _fail(row: Outgoing, token: str, error: errors.ProviderError) -> None:
    tries = row.tries + 1
    changes: dict[str, object] = {"tries": tries, "error_code": error.code, "error_sentence": error.sentence}
    if isinstance(error, PASSING) and tries < MOST_TRIES:
        wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT) * random.uniform(1.0, 1.3)  # noqa: S311
        asked = getattr(error, "retry_after", None) or timedelta(0)
        leave(row, token, next_try_at=timezone.now() + max(wait, asked), **changes)
        return
    connection_id = getattr(row, "connection_id", None)
    if isinstance(error, errors.ReconnectNeeded) and connection_id:
        # The engine says so on every page, and mails the person; here only this change has failed.
        Connection.objects.filter(pk=connection_id).update(next_sync_at=timezone.now())
    leave(row, token, state=WriteState.FAILED, finished_at=timezone.now(), **changes)


def waits_its_turn(row: Outgoing) -> bool:
    """Whether it comes up again in a moment, having failed before or not."""
    return row.state == WriteState.WAITING and row.next_try_at <= timezone.now() + BUSY


def put_again(row: Outgoing, **changes: Any) -> None:
    """Have it tried anew, at once, as the person wants it. The worker is still to be told."""
    changes |= {"state": WriteState.WAITING, "next_try_at": timezone.now(), "tries": 0, "finished_at": None}
    changes |= {"error_code": "", "error_sentence": "", "theirs_json": None, "theirs_version": ""}
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))


def find_to_take_up(rows: OutgoingQuerySet[Row], connection: Connection) -> list[Row]:
    """What had failed for want of a sign-in before there was one, in order."""
    failed = rows.filter(connection=connection, state=WriteState.FAILED, error_code__in=NEED_THE_PERSON)
    return list(failed.filter(finished_at__lte=connection.status_changed_at).order_by("pk"))


def is_signed_in_anew(connection: Connection) -> bool:
    """Whether the person has signed in since everything was last read: what had failed for want of it is taken up."""
    return connection.synced_at is None or connection.synced_at < connection.status_changed_at


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection's account, for as long as its lease is ours."""

    connection: Connection
    lease: Lease
    account: PermittedAccount


def write_under_lease(connection_id: UUID, write: Callable[[Opened], None]) -> None:
    """Have something written by way of a connection. Where it is gone, nothing is left to be written.

    Raises:
        Busy: somebody else holds its lease.
        ProviderError, LeaseLost, and whatever `write` raises.
    """
    lease = take_lease(connection_id)
    if lease is None:
        if not Connection.objects.filter(pk=connection_id).exists():
            return
        raise Busy
    try:
        connection = Connection.objects.select_related("user__membership__organization").get(pk=connection_id)
        if connection.needs_reconnect:
            raise errors.ReconnectNeeded(connection.error_sentence, detail="as the engine found")
        with open_account(connection, lease=lease, deadline=timezone.now() + LONGEST) as account:
            write(Opened(connection, lease, account))
    finally:
        lease.release()
