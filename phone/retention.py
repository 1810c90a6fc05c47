"""How long calls and voicemail are kept: as many days as an organization's phone system says, hidden ones as well."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from organizations.models import Membership, Organization, User
from phone import licences
from phone.models import Call, PhoneSystem, Voicemail
from phone.system_settings import KEEP_DAYS

BATCH = 1000
BATCHES_PER_RUN = 100
"""Of each kind; a shorter time that was just set goes on in the next hour."""


def forget_old() -> int:
    """Let go of what is kept no longer, and say how much. Hourly; safe to kill, and to run twice."""
    now = timezone.now()
    count = 0
    systems = PhoneSystem.objects.values_list("organization", "keep_days")
    for organization, days in systems.order_by("pk"):
        count += _forget(Membership.objects.filter(organization=organization), now - timedelta(days=days))
    with_system = Membership.objects.filter(organization__in=PhoneSystem.objects.values("organization"))
    return count + _forget(with_system, now - timedelta(days=KEEP_DAYS), are_others=True)


def let_go(user: User, *, organization: Organization, reason: str, by: User, address: str | None) -> None:
    """Who is switched off or leaves keeps nothing here. What the phone system holds stays there."""
    licences.let_go(user, organization=organization, reason=reason, by=by, address=address)
    Call.objects.filter(owner=user).delete()
    Voicemail.objects.filter(owner=user).delete()


def _forget(members: QuerySet[Membership], before: datetime, *, are_others: bool = False) -> int:
    """What these people, or all others, have from before a moment."""
    people = members.values("user")
    calls = Call.objects.filter(started_at__lt=before).order_by("started_at")
    voicemails = Voicemail.objects.filter(left_at__lt=before).order_by("left_at")
    count = 0
    for old in (calls, voicemails):
        theirs = old.exclude(owner__in=people) if are_others else old.filter(owner__in=people)
        count += _delete(theirs)
    return count


def _delete(old: QuerySet) -> int:
    count = 0
    for _ in range(BATCHES_PER_RUN):
        pks = list(old.values_list("pk", flat=True)[:BATCH])
        if not pks:
            break
        count += old.model._default_manager.filter(pk__in=pks).delete()[0]
    return count
