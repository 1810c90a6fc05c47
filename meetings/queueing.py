"""Putting a change into the outbox: the row first, and once it is committed a word to the worker."""

from typing import Any

from django.db import transaction

from integrations import outgoing
from integrations.models import Connection
from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction


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
    outgoing.put_again(write, **changes)
    transaction.on_commit(lambda: wake(write))


def take_up_again(connection: Connection) -> None:
    """Try anew what had failed for want of a sign-in before there was one."""
    for write in outgoing.find_to_take_up(Write.objects.all(), connection):
        put_again(write)


def wake(write: Write) -> None:
    """Tell the worker. A message that is lost costs a minute: the sweep finds the row."""
    from meetings import tasks  # which imports what carries writes out, which puts new ones here

    tasks.carry_out.delay(write.pk)
