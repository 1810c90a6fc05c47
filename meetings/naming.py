"""Naming delegates: who may see a person's meetings and schedule for them, until when, and how that ends."""

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.policy_models import policy_for
from meetings import delegate_mails
from meetings.delegating import is_running
from meetings.models import Delegation
from organizations.models import Organization, User, record

MOST_DELEGATES = 50


class NamingRefused(Exception):
    """Not possible; the message is the sentence for the person."""


def why_not_named(owner: User) -> str:
    """Why this person names nobody now; "" where they may."""
    if owner.organization is None:
        return "Only somebody who works in an organization can name delegates, who are colleagues there."
    policy = policy_for(owner)
    if policy.scheduling_privilege:
        return ""
    return f"Naming delegates is switched off, by {policy.source('scheduling_privilege').words}."


def name_delegate(
    owner: User, delegate: User, *, may_manage_private: bool, until: date | None, address: str | None = None
) -> Delegation:
    """Let a colleague see and schedule for the owner. Who was named before and is no longer is named anew.

    Raises:
        NamingRefused: policy is against it, they are no colleague who can sign in, named already, the day is over, or
            there are too many.
    """
    _check(owner, until)
    if delegate.pk == owner.pk:
        raise NamingRefused("You schedule for yourself already. Name a colleague.")
    if not delegate.is_active or delegate.organization != owner.organization:
        raise NamingRefused(f"{delegate.label} cannot be named: only colleagues who can sign in schedule for you.")
    with transaction.atomic():
        known = Delegation.objects.select_for_update().filter(owner=owner, delegate=delegate).first()
        if known is not None and is_running(known, owner):
            raise NamingRefused(f"{delegate.label} schedules for you already. Change it in the list.")
        if known is None and owner.delegations.count() >= MOST_DELEGATES:
            raise NamingRefused(f"{MOST_DELEGATES} people are named already. Remove one of them first.")
        if known is not None:
            known.delete()
        try:
            with transaction.atomic():
                named = Delegation.objects.create(
                    owner=owner, delegate=delegate, may_manage_private=may_manage_private, until=until
                )
        except IntegrityError:
            raise NamingRefused(f"{delegate.label} schedules for you already. Change it in the list.") from None
        _record("delegate.named", named, by=owner, details=_describe(named), address=address)
        delegate_mails.tell_named(named)
    return named


def change(delegation: Delegation, *, may_manage_private: bool, until: date | None, address: str | None = None) -> bool:
    """Whether anything was changed.

    Raises:
        NamingRefused: policy is against it, the day is over, or it has ended meanwhile.
    """
    _check(delegation.owner, until)
    with transaction.atomic():
        found = Delegation.objects.select_for_update().filter(pk=delegation.pk).first()
        if found is None:
            raise NamingRefused(f"{delegation.delegate.label} schedules for you no longer. Name them anew.")
        before = _describe(found)
        found.may_manage_private, found.until = may_manage_private, until
        after = _describe(found)
        if after == before:
            return False
        found.save(update_fields=["may_manage_private", "until"])
        _record(
            "delegate.changed",
            delegation,
            by=delegation.owner,
            details={"before": before, "after": after},
            address=address,
        )
    return True


def remove(delegation: Delegation, *, address: str | None = None) -> None:
    """By its owner, also where policy lets them name nobody."""
    with transaction.atomic():
        if Delegation.objects.filter(pk=delegation.pk).delete()[0]:
            _record("delegate.removed", delegation, by=delegation.owner, details={}, address=address)


def give_up(delegation: Delegation, *, address: str | None = None) -> None:
    """By the delegate; the owner is told by mail."""
    with transaction.atomic():
        if Delegation.objects.filter(pk=delegation.pk).delete()[0]:
            _record("delegate.given_up", delegation, by=delegation.delegate, details={}, address=address)
            delegate_mails.tell_given_up(delegation)


def let_go(user: User, *, organization: Organization | None, by: User | None, reason: str, address: str | None) -> None:
    """Of somebody who leaves or is switched off: they name nobody any more, and nobody has them named."""
    found = Delegation.objects.filter(owner=user) | Delegation.objects.filter(delegate=user)
    for one in found.select_related("owner", "delegate"):
        one.delete()
        record(
            "delegate.removed",
            organization=organization,
            actor=by,
            subject=one.delegate,
            details={"for": one.owner.email, "reason": reason},
            address=address,
        )


def _check(owner: User, until: date | None) -> None:
    if refusal := why_not_named(owner):
        raise NamingRefused(refusal)
    if until is not None and until < timezone.now().astimezone(owner.zone).date():
        raise NamingRefused("The last day is over already. Choose a later one, or none.")


def _describe(delegation: Delegation) -> dict[str, Any]:
    """For the audit trail."""
    return {
        "manages_private_events": delegation.may_manage_private,
        "last_day": delegation.until.isoformat() if delegation.until else "",
    }


def _record(action: str, delegation: Delegation, *, by: User, details: dict[str, Any], address: str | None) -> None:
    record(
        action,
        organization=delegation.owner.organization,
        actor=by,
        subject=delegation.delegate,
        details={"for": delegation.owner.email, **details},
        address=address,
    )
