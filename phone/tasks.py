"""What runs in the background. Ids only, one call each; portal/celery.py holds the schedule."""

from celery import shared_task

from phone import inbox, reading, reconciling, retention


@shared_task
def read_events() -> None:
    """Also each minute, so a message lost with a killed worker costs a minute."""
    if inbox.drain():
        read_events.apply_async(countdown=1, expires=60)


@shared_task
def forget_old_events() -> None:
    inbox.forget_old()


@shared_task
def forget_old_rows() -> None:
    retention.forget_old()


@shared_task
def tell_read(voicemail_id: int, tries: int = 1) -> None:
    """A few times, further and further apart."""
    if not reading.tell(voicemail_id) and tries < reading.MOST_TRIES:
        tell_read.apply_async([voicemail_id, tries + 1], countdown=30 * 4**tries)


@shared_task
def sweep_systems() -> None:
    """Queue which phone systems are to be read."""
    for system_id in reconciling.find_due():
        reconcile.apply_async([system_id], expires=60)


@shared_task
def reconcile(system_id: str) -> None:
    reconciling.reconcile(system_id)
