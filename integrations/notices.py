"""The e-mail a person gets when their connection needs them: one for each time it breaks, never a storm."""

import logging

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from integrations import registry
from integrations.models import Connection, Status

log = logging.getLogger(__name__)


def send_due() -> int:
    """Mail everyone whose connection needs reconnecting and who has not been told. Returns how many were sent."""
    waiting = Connection.objects.filter(
        status=Status.RECONNECT_NEEDED, told_at__isnull=True, user__is_active=True
    ).select_related("user")
    return sum(_send_reconnect(connection) for connection in waiting.iterator())


def _send_reconnect(connection: Connection) -> bool:
    # Claimed before it is sent: two workers at once, or one killed in between, must not mail twice.
    untold = Connection.objects.filter(pk=connection.pk, told_at__isnull=True, status=Status.RECONNECT_NEEDED)
    if not untold.update(told_at=timezone.now()):
        return False
    info = registry.find_info(connection.provider)
    context = {
        "person": connection.user,
        "connection": connection,
        "service": info.name if info else connection.provider,
        "profile_url": settings.PUBLIC_URL + reverse("integrations:profile"),
    }
    mail = EmailMultiAlternatives(
        subject=f"Reconnect {context['service']} to keep your meetings and contacts up to date",
        body=render_to_string("integrations/mail/reconnect.txt", context),
        to=[connection.user.email],
    )
    mail.attach_alternative(render_to_string("integrations/mail/reconnect.html", context), "text/html")
    try:
        mail.send()
    except OSError as error:
        log.warning("The reconnect mail for connection %s could not be sent: %s", connection.pk, type(error).__name__)
        Connection.objects.filter(pk=connection.pk).update(told_at=None)
        return False
    return True
