"""The secret address at which a person's calendar programs read their meetings: made, changed, revoked, found."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from meetings.models import FeedLink
from organizations.models import Organization, User, hash_token, record

NOTED_EVERY = timedelta(minutes=5)
"""How exact it is known when an address was last read, so that reading seldom writes."""


def create_link(user: User, *, with_delegated: bool, address: str | None = None) -> str:
    """A new address, in the place of any before. Returns it; only its hash is kept, so nobody can see it again."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        renewed = bool(FeedLink.objects.filter(user=user).delete()[0])
        FeedLink.objects.create(user=user, token_hash=hash_token(token), with_delegated=with_delegated)
        details = {"with_delegated": with_delegated, "replaces_another": renewed}
        record(
            "feed.created",
            organization=user.organization,
            actor=user,
            subject=user,
            details=details,
            address=address,
        )
    return settings.PUBLIC_URL + reverse("meetings:feed", args=[token])


def change_contents(user: User, *, with_delegated: bool, address: str | None = None) -> bool:
    """Say whose meetings the address shows. Whether that was a change."""
    with transaction.atomic():
        changed = FeedLink.objects.filter(user=user, with_delegated=not with_delegated).update(
            with_delegated=with_delegated
        )
        if changed:
            record(
                "feed.changed",
                organization=user.organization,
                actor=user,
                subject=user,
                details={"with_delegated": with_delegated},
                address=address,
            )
    return bool(changed)


def revoke(user: User, *, address: str | None = None) -> bool:
    """Whether there was an address to revoke."""
    with transaction.atomic():
        gone = bool(FeedLink.objects.filter(user=user).delete()[0])
        if gone:
            record("feed.revoked", organization=user.organization, actor=user, subject=user, address=address)
    return gone


def let_go(user: User, *, organization: Organization | None, by: User | None, reason: str, address: str | None) -> None:
    """Of somebody who leaves or is switched off."""
    if FeedLink.objects.filter(user=user).delete()[0]:
        record(
            "feed.revoked",
            organization=organization,
            actor=by,
            subject=user,
            details={"reason": reason},
            address=address,
        )


def find_by_token(token: str) -> FeedLink | None:
    """The link of somebody who can sign in and works somewhere."""
    found = FeedLink.objects.select_related("user__membership__organization").filter(token_hash=hash_token(token))
    return found.filter(user__is_active=True, user__membership__isnull=False).first()


def note_read(link: FeedLink) -> None:
    now = timezone.now()
    long_ago = Q(read_at__isnull=True) | Q(read_at__lt=now - NOTED_EVERY)
    FeedLink.objects.filter(long_ago, pk=link.pk).update(read_at=now)
