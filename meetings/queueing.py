"""Putting a change into the outbox: the row first, and once it is committed a word to the worker."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.models import Connection
from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction, WriteState


def put(**fields: Any) -> Write:
    """Write the intended change down in the caller's transaction; it is carried out after the commit."""
    write = Write.objects.create(**fields)
    transaction.on_commit(lambda: wake(write))
    return write


def put_for(scheduled: ScheduledMeeting, action: WriteAction, **fields: Any) -> Write:
    """The same for a meeting scheduled here, in the calendar where it is. `connection=None`: at its host alone."""
    places = {"connection": scheduled.connection, "container": scheduled.container}
    return put(**places | fields, owner_id=scheduled.owner_id, scheduled=scheduled, action=action)


def put_again(write: Write, **changes: Any) -> None:
    """Try a write anew, at once, as the person wants it."""
    changes |= {"state": WriteState.WAITING, "next_try_at": timezone.now(), "tries": 0, "finished_at": None}
    changes |= {"error_code": "", "error_sentence": "", "theirs_json": None, "theirs_version": ""}
    for name, value in changes.items():
        setattr(write, name, value)
    write.save(update_fields=list(changes))
    transaction.on_commit(lambda: wake(write))


NEED_THE_PERSON = ("reconnect_needed", "permission_missing")
"""What is over once the person has signed in again."""


def take_up_again(connection: Connection) -> None:
    """Try anew what had failed for want of a sign-in before there was one."""
    failed = Write.objects.filter(connection=connection, state=WriteState.FAILED, error_code__in=NEED_THE_PERSON)
    for write in failed.filter(finished_at__lte=connection.status_changed_at).order_by("pk"):
        put_again(write)


def wake(write: Write) -> None:
    """Tell the worker. A message that is lost costs a minute: the sweep finds the row."""
    from meetings import tasks  # which imports what carries writes out, which puts new ones here

    tasks.carry_out.delay(write.pk)
