"""What runs in the background for people and organizations. portal/celery.py holds the schedule."""

from celery import shared_task

from organizations import retention


@shared_task
def forget_old_rows() -> None:
    retention.purge_all()
