"""People with connections, and admins who decide about them, without pages, providers or workers."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from integrations import deciding, enforcing
from integrations.deciding import Place
from integrations.forecasting import Preview
from integrations.levels import parse_layer
from integrations.models import Connection
from integrations.policy_models import AdminPolicy, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome
from organizations.models import User


def make_connection(user: User, *permissions: str, provider: str = "memory", **fields: Any) -> Connection:
    flags = dict.fromkeys(permissions or ("calendar_read", "calendar_write"), True)
    values = {"mailbox": user.email, "account_id": "1", "credentials": {"refresh_token": f"of {user.email}"}}
    return Connection.objects.create(user=user, provider=provider, **{**values, **flags, **fields})


def decide(
    place: Place,
    choices: Mapping[str, Any],
    locks: Iterable[str] = (),
    *,
    grace_days: int | None = None,
    by: User | None = None,
) -> PolicyChange:
    layer = parse_layer(place.level, choices, list(locks), name=place.group.name if place.group else "")
    change = deciding.save(
        place, layer, version=deciding.version_of(place), by=by, address="192.0.2.1", grace_days=grace_days
    )
    assert change is not None, "nothing was changed"
    return change


def ends_any(preview: Preview) -> bool:
    """Whether a connection would be disconnected or narrowed."""
    return any(preview.counts[one] for one in (Outcome.DISCONNECTED, Outcome.NARROWED))


def carry_out() -> None:
    """What the sweep of each minute has done, until nothing is due."""
    while due := enforcing.find_due():
        for change_id in due:
            enforcing.run(change_id)


def pass_days(days: float) -> None:
    """Let time go by for everything that waits."""
    by = timedelta(days=days)
    for row in AdminPolicy.objects.exclude(kept_until=None):
        AdminPolicy.objects.filter(pk=row.pk).update(kept_until=row.kept_until - by)
    for change in PolicyChange.objects.all():
        PolicyChange.objects.filter(pk=change.pk).update(due_at=change.due_at - by, made_at=change.made_at - by)
        for effect in change.effects.all():
            moments = {name: getattr(effect, name) for name in ("at", "told_at", "reminded_at")}
            moved = {name: moment - by for name, moment in moments.items() if moment}
            PolicyEffect.objects.filter(pk=effect.pk).update(**moved)
