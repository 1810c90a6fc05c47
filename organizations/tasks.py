"""What runs in the background for people and organizations. portal/celery.py holds the schedule."""

from celery import shared_task

from organizations import importing, invitation_mails, retention


@shared_task
def forget_old_rows() -> None:
    importing.forget_old()
    retention.purge_all()


@shared_task
def send_invitations() -> None:
    invitation_mails.send_waiting()
