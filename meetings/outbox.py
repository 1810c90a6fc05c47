"""Carrying out intended changes, one at a time, at the meeting host and in the calendar.

1. A write is claimed for a few minutes; whoever died over one is followed by the next.
2. Of one target (a scheduled meeting, or an event) the writes go out in the order they were made.
3. The host's step comes first, since the event names its link. Each step is idempotent, and noted as done in the
   transaction of what it brought back.
4. The calendar is written to under the connection's lease, and what it answers becomes rows in one transaction.
5. What may pass by itself is tried again at growing distances; all else waits for the person, with a sentence.
"""

import logging
import random
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from integrations import errors
from integrations.leases import LeaseLost
from integrations.models import Connection
from meetings.attempts import Busy, Contested
from meetings.calendar_step import carry_to_calendar
from meetings.drafting import dump_draft
from meetings.host_step import carry_to_host
from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteState

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=3)
BUSY = timedelta(seconds=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
MOST_TRIES = 12
PASSING = (errors.RateLimited, errors.Unreachable, errors.Unexpected)
"""What may be over by itself."""


def find_due(limit: int = 1_000) -> list[int]:
    """Keys of the writes to carry out now, in order."""
    return list(Write.objects.due(timezone.now()).values_list("pk", flat=True)[:limit])


def carry_out(write_id: int) -> Write | None:
    """Carry out one write, if it is due and nobody else is at it. The answer is the write as it was left."""
    token = _claim(write_id)
    if token is None:
        return None
    write = Write.objects.select_related("scheduled", "connection", "owner__membership__organization").get(pk=write_id)
    try:
        if _has_earlier(write):
            raise Busy
        carry_to_host(write)
        carry_to_calendar(write)
    except Busy:
        _leave(write, token, next_try_at=timezone.now() + BUSY)
    except LeaseLost:
        log.info("Write %s lost the lease of its connection", write.pk)
        _leave(write, token, next_try_at=timezone.now() + BUSY)
    except Contested as contested:
        _leave(
            write,
            token,
            state=WriteState.CONFLICT,
            theirs_json=dump_draft(contested.theirs),
            theirs_version=contested.version,
            error_code=errors.Conflict.code,
        )
    except errors.ProviderError as error:
        log.warning("Write %s failed: %s", write.pk, error.code)
        _fail(write, token, error)
    except Exception:
        log.exception("Write %s broke", write.pk)
        _fail(write, token, errors.Unexpected("Something went wrong in Portico itself. We will try again."))
    else:
        _leave(write, token, state=WriteState.DONE, finished_at=timezone.now(), error_code="", error_sentence="")
    return write


def waits_its_turn(write: Write) -> bool:
    """Whether it comes up again in a moment, having failed before or not."""
    return write.state == WriteState.WAITING and write.next_try_at <= timezone.now() + BUSY


def _claim(write_id: int) -> str | None:
    now, token = timezone.now(), secrets.token_hex(16)
    due = Write.objects.due(now).filter(pk=write_id)
    return token if due.update(taken_until=now + CLAIM, taken_by=token) else None


def _leave(write: Write, token: str, **changes: object) -> None:
    """Write down how it went, unless somebody has changed their mind or taken over meanwhile."""
    held = Write.objects.filter(pk=write.pk, taken_by=token, state=WriteState.WAITING)
    held.update(taken_until=None, taken_by="", **changes)
    write.refresh_from_db()


def _fail(write: Write, token: str, error: errors.ProviderError) -> None:
    tries = write.tries + 1
    changes: dict[str, object] = {"tries": tries, "error_code": error.code, "error_sentence": error.sentence}
    if isinstance(error, PASSING) and tries < MOST_TRIES:
        wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT) * random.uniform(1.0, 1.3)  # noqa: S311
        asked = getattr(error, "retry_after", None) or timedelta(0)
        _leave(write, token, next_try_at=timezone.now() + max(wait, asked), **changes)
        return
    if isinstance(error, errors.ReconnectNeeded) and write.connection_id:
        # The engine says so on every page, and mails the person; here only this change has failed.
        Connection.objects.filter(pk=write.connection_id).update(next_sync_at=timezone.now())
    _leave(write, token, state=WriteState.FAILED, finished_at=timezone.now(), **changes)


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
    Write.objects.exclude(state__in=[WriteState.WAITING, WriteState.FAILED, WriteState.CONFLICT]).filter(
        finished_at__lt=now - timedelta(days=settings.SYNC["keep_runs_days"])
    ).delete()
    return ScheduledMeeting.objects.expired(now).delete()[0]
