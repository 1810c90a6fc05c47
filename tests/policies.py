"""Saying what admins have decided, without the pages they decide on."""

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.policy_models import AdminPolicy
from organizations.models import Group, Membership, Organization


def set_policy(
    organization: Organization,
    choices: Mapping[str, Any],
    *,
    locks: Iterable[str] = (),
    group: Group | None = None,
    membership: Membership | None = None,
    **more: Any,
) -> AdminPolicy:
    """One level's whole policy: {"google.calendar_write": "off"}."""
    return AdminPolicy.objects.update_or_create(
        organization=organization,
        group=group,
        membership=membership,
        defaults={"choices": dict(choices), "locks": sorted(locks), **more},
    )[0]
