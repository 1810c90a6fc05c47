"""What runs in the background. Ids only, one call each; portal/celery.py holds the schedule."""

from celery import shared_task

from integrations import counting, effects, enforcing, notices, pushing, revoking, sync


@shared_task
def sync_connection(connection_id: str, trigger: str = "schedule") -> None:
    sync.run(connection_id, trigger=trigger)
    if pushing.keep(connection_id):
        sync.run(connection_id, trigger="push")


@shared_task
def sweep() -> None:
    """Queue what is due. Runs each minute, so a message lost with a killed worker costs a minute."""
    for connection_id in sync.find_due():
        # What still waits when the next sweep comes is queued again then: it need not stay in line twice.
        sync_connection.apply_async([connection_id], expires=60)


@shared_task
def keep_channels(connection_id: str) -> None:
    if pushing.keep(connection_id):
        sync_connection.delay(connection_id, "push")


@shared_task
def sweep_channels() -> None:
    """Renew what is about to expire, and try again what failed."""
    for connection_id in pushing.find_due():
        keep_channels.apply_async([connection_id], expires=60)


@shared_task
def enforce_change(change_id: str) -> None:
    enforcing.run(change_id)


@shared_task
def sweep_changes() -> None:
    """Announce and carry out what is due: what waited for the end of a grace period, and what a killed worker left."""
    for change_id in enforcing.find_due():
        enforce_change.apply_async([change_id], expires=60)


@shared_task
def end_grant(revocation_id: str) -> None:
    revoking.try_one(revocation_id)


@shared_task
def sweep_revocations() -> None:
    for revocation_id in revoking.find_due():
        end_grant.apply_async([revocation_id], expires=60)


@shared_task
def send_notices() -> None:
    notices.send_due()


@shared_task
def count_syncs() -> None:
    counting.count_finished()


@shared_task
def forget_old_rows() -> None:
    counting.count_finished()  # first: what is forgotten is not counted any more
    sync.forget_old_runs()
    counting.forget_old_hours()
    effects.forget_old()
