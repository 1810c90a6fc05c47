"""How long the audit trail is kept: for ever, or as many years as an organization says."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from organizations.models import AuditEvent, AuditPurge, Organization, record

BATCH = 1000
BATCHES_PER_RUN = 200
"""A first purge of many years goes on the next day."""


def end_of(years: int, now: datetime) -> datetime:
    """Before which moment events go that are kept for so many years."""
    return now - timedelta(days=365.25 * years)


def count_lost(organization: Organization, years: int) -> int:
    """How many events would go, were they kept for so many years; 0 is for ever."""
    if not years:
        return 0
    return AuditEvent.objects.of(organization).filter(at__lt=end_of(years, timezone.now())).count()


def purge_all() -> None:
    """Let go of what each organization keeps no longer. Daily; safe to kill, and to run twice."""
    now = timezone.now()
    for organization in Organization.objects.filter(audit_years__gt=0).order_by("pk"):
        purge = find_purge(organization, now)
        if purge is not None:
            carry_out(purge)
    for purge in AuditPurge.objects.filter(finished_at=None, organization__audit_years=0):
        # Whoever said "for ever" meanwhile means what is left, too.
        finish(purge)


def find_purge(organization: Organization, now: datetime) -> AuditPurge | None:
    """The purge that was begun and not finished, else a new one where anything is old enough."""
    before = end_of(organization.audit_years, now)
    begun = AuditPurge.objects.filter(organization=organization, finished_at=None).first()
    if begun is not None and begun.before <= before:
        return begun
    if begun is not None:  # Kept for longer than when it was begun.
        finish(begun)
    if not AuditEvent.objects.of(organization).filter(at__lt=before).exists():
        return None
    return AuditPurge.objects.create(organization=organization, before=before)


def carry_out(purge: AuditPurge) -> None:
    """Delete batch by batch, each in a transaction of its own that also counts it."""
    for _ in range(BATCHES_PER_RUN):
        if not delete_batch(purge):
            finish(purge)
            return


def delete_batch(purge: AuditPurge) -> int:
    with transaction.atomic():
        old = AuditEvent.objects.filter(organization_id=purge.organization_id, at__lt=purge.before)
        pks = list(old.order_by("at").values_list("pk", flat=True)[:BATCH])
        if not pks:
            return 0
        # Not through the manager, which refuses; the database looks at the open purge by itself.
        count = int(QuerySet(AuditEvent).filter(pk__in=pks)._raw_delete(using="default"))
        AuditPurge.objects.filter(pk=purge.pk).update(count=F("count") + count)
        return count


def finish(purge: AuditPurge) -> None:
    """Close it, and say in the trail itself how much is gone."""
    with transaction.atomic():
        if not AuditPurge.objects.filter(pk=purge.pk, finished_at=None).update(finished_at=timezone.now()):
            return
        purge.refresh_from_db()
        if purge.count:
            record(
                "audit.purged",
                organization=purge.organization,
                details={"events": purge.count, "before": f"{purge.before:%Y-%m-%d}"},
            )
