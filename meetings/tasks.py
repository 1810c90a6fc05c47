"""What runs in the background. Keys only, one call each; portal/celery.py holds the schedule."""

from celery import shared_task

from integrations.outgoing import waits_its_turn
from meetings import hosted, outbox


@shared_task
def carry_out(write_id: int) -> None:
    """A write that somebody else is at, or that waits for another, is looked at again in a moment."""
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


@shared_task
def read_hosted(user_id: int) -> None:
    hosted.read_one(user_id)


@shared_task
def sweep_hosts() -> None:
    """Queue whose meetings at the meeting host are to be read."""
    for user_id in hosted.find_due():
        read_hosted.apply_async([user_id], expires=60)
