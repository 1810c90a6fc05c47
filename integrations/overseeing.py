"""What an admin does about one member's connection: another sync, or an end to it, which the member is told."""

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from integrations import changing
from integrations.changing import Receipt
from integrations.models import Connection, Status
from integrations.permissions import Permission
from integrations.policy import decide
from integrations.policy_models import policy_for
from integrations.wording import service_name
from organizations import mailing
from organizations.mailing import Mail
from organizations.models import User, record

DISCONNECTED = Mail(
    "connection_disconnected", "integrations/mail/disconnected", "An administrator ended your connection"
)


class Refused(Exception):
    """Not possible; the message is the sentence for the admin."""


def sync_now(connection: Connection, *, by: User, address: str | None = None, trigger: str = "admin") -> None:
    """Queue a sync, and write down who asked for it. `trigger`: "admin" or "support".

    Raises:
        Refused: the member has to act first.
    """
    person = connection.user
    if connection.status == Status.RECONNECT_NEEDED:
        raise Refused(
            f"{person.label} has to reconnect first: {service_name(connection.provider)} no longer accepts this"
            " connection."
        )
    if not person.is_active:
        raise Refused(f"{person.label} may not sign in here, so nothing is read for them.")
    with transaction.atomic():
        changing.start_sync(connection, trigger=trigger)
        record("connection.sync_asked", organization=person.organization, actor=by, subject=person, address=address)


def disconnect(connection: Connection, *, by: User, reason: str, address: str | None = None) -> tuple[Receipt, bool]:
    """End a member's connection as they could themselves, and tell them who did it and why.

    Returns what was removed, and whether the mail was sent.

    Raises:
        Refused: somebody else has ended it meanwhile.
    """
    person = connection.user
    receipt = changing.disconnect(connection, by=by, reason=reason, address=address)
    if receipt is None:
        raise Refused(f"The connection of {person.label} was ended by somebody else meanwhile. No mail was sent.")
    return receipt, _tell(person, receipt, by=by, reason=reason)


def _tell(person: User, receipt: Receipt, *, by: User, reason: str) -> bool:
    service = service_name(receipt.provider)
    context = {
        "service": service,
        "mailbox": receipt.mailbox,
        "by": by,
        "reason": reason,
        "may_connect": bool(decide(Permission, policy_for(person).service(receipt.provider))),
        "connect_url": settings.PUBLIC_URL + reverse("integrations:connection_new"),
    }
    try:
        mailing.send(DISCONNECTED, to=person, subject=f"Your {service} account was disconnected", context=context)
    except mailing.NotSent:
        return False
    return True
