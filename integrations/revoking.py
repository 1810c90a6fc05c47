"""Grants of connections that were erased here, ended at their providers: tried until it worked, for a week."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import gateway
from integrations.errors import ProviderError, ReconnectNeeded
from integrations.models import Connection, Revocation
from organizations.models import record

log = logging.getLogger(__name__)

WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 4 * 60, 12 * 60)]
"""Until the next try, after so many; then daily."""
DAY = timedelta(days=1)
LONGEST = timedelta(days=7)
CLAIM = timedelta(minutes=10)
"""How long a worker may take over one: whoever finds it after that takes it for dead."""


def find_due(limit: int = 500) -> list[str]:
    due = Revocation.objects.filter(next_try_at__lte=timezone.now()).order_by("next_try_at")
    return [str(pk) for pk in due.values_list("pk", flat=True)[:limit]]


def try_one(revocation_id: UUID | str) -> bool:
    """End one grant, if that is due and nobody else is at it. Whether it is over: ended, or given up."""
    now = timezone.now()
    claimed = Revocation.objects.filter(pk=revocation_id, next_try_at__lte=now).update(next_try_at=now + CLAIM)
    revocation = Revocation.objects.select_related("user", "organization").filter(pk=revocation_id).first()
    if not claimed or revocation is None:
        return False
    gateway.end_subscriptions(revocation)
    if not revocation.ends_grant:
        revocation.delete()
        return True
    if _is_connected_again(revocation):
        _finish(revocation, "connection.revocation_given_up", {"why": "connected again"})
        return True
    try:
        gateway.end_revoked(revocation)
    except ReconnectNeeded as error:
        return _give_up(revocation, error)  # what it was to be done with is no longer good: it never will be
    except ProviderError as error:
        if now >= revocation.created_at + LONGEST:
            return _give_up(revocation, error)
        _put_off(revocation, error)
        return False
    _finish(revocation, "connection.revoked", {})
    return True


def _is_connected_again(revocation: Revocation) -> bool:
    """Ending the old grant would end the new one with it: providers keep one for each account."""
    account = {"provider": revocation.provider, "account_id": revocation.account_id}
    return bool(revocation.account_id) and Connection.objects.filter(**account).exists()


def _put_off(revocation: Revocation, error: ProviderError) -> None:
    log.warning("Revoking %s failed: %s", revocation.pk, error.code)
    wait = WAITS[revocation.tries] if revocation.tries < len(WAITS) else DAY
    asked = getattr(error, "retry_after", None) or timedelta(0)
    revocation.tries += 1
    revocation.next_try_at = timezone.now() + max(wait, min(asked, DAY))
    revocation.save(update_fields=["tries", "next_try_at"])


def _give_up(revocation: Revocation, error: ProviderError) -> bool:
    log.warning("Revoking %s is given up: %s", revocation.pk, error.code)
    _finish(revocation, "connection.revocation_given_up", {"why": error.code})
    return True


def _finish(revocation: Revocation, action: str, details: dict[str, str]) -> None:
    """Its credentials go with it."""
    with transaction.atomic():
        revocation.delete()
        record(
            action,
            organization=revocation.organization,
            subject=revocation.user,
            details={
                "provider": revocation.provider,
                "person": revocation.subject_label,
                "tries": revocation.tries + 1,
                **details,
            },
        )
