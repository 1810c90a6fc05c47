"""What runs in the background. Keys only, one call each; portal/celery.py holds the schedule."""

from celery import shared_task

from contacts import outbox
from integrations.outgoing import waits_its_turn


@shared_task
def carry_out(write_id: int) -> None:
    """A write that somebody else is at is looked at again in a moment."""
    write = outbox.carry_out(write_id)
    if write is not None and waits_its_turn(write):
        carry_out.apply_async([write_id], countdown=2, expires=60)


@shared_task
def sweep_writes() -> None:
    """Queue what is due. Runs each minute, so a message lost with a killed worker costs a minute."""
    for write_id in outbox.find_due():
        carry_out.apply_async([write_id], expires=60)


@shared_task
def forget_old_rows() -> None:
    outbox.forget_old()
