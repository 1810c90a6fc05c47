"""What other pages show of a person's connection."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from integrations import registry, wording
from integrations.models import Connection, Status
from integrations.permissions import parse_permissions
from integrations.policy_models import EffectState, PolicyEffect
from integrations.verdicts import Outcome
from organizations.models import User

register = template.Library()

NEWS = timedelta(days=30)
"""How long a page speaks of what policy has done, unless the person puts it away."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to say to a person on every page."""

    connection: Connection | None = None
    effect: PolicyEffect | None = None


@register.inclusion_tag("integrations/_needs_person.html", takes_context=True)
def reconnect_banner(context: template.Context) -> dict[str, Any]:
    """The banner for who has to act on their connection; nothing for everyone else."""
    connection = _look(context).connection
    if connection is None or connection.status == Status.CONNECTED:
        return {}
    return {"connection": connection, "info": registry.find_info(connection.provider), "request": context["request"]}


@register.inclusion_tag("integrations/_policy_banner.html", takes_context=True)
def policy_banner(context: template.Context) -> dict[str, Any]:
    """The banner about what policy does, or will do, to one's connection; nothing where it does nothing."""
    effect = _look(context).effect
    if effect is None:
        return {}
    return {
        "effect": effect,
        "service": wording.service_name(effect.provider),
        "ended": wording.say_permissions(effect.ended),
        "lacking": wording.say_permissions(effect.lacking),
        "is_waiting": effect.state == EffectState.WAITING,
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
    }


def _look(context: template.Context) -> Look:
    """Found once for each page: one query, and one more for who is told something."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return Look()
    found: Look | None = getattr(request, "_portico_look", None)
    if found is None:
        found = _find(user)
        request._portico_look = found
    return found


def _find(user: User) -> Look:
    # The connection and the key of what is to be told in one query, by way of the person's own row.
    own = (
        User.objects.filter(pk=user.pk)
        .select_related("connection")
        .annotate(effect=_newest_effect())
        .only("pk", "connection")
    )
    row: Any = own.first()
    connection = getattr(row, "connection", None)
    if connection is not None:
        connection.user = user  # who knows already where they work and what holds for them
    effect = None
    if row is not None and row.effect:
        effect = PolicyEffect.objects.select_related("change").filter(pk=row.effect).first()
    if effect is not None and effect.outcome == Outcome.TO_GRANT and _is_granted(effect, connection):
        effect = None
    return Look(connection, effect)


def _newest_effect() -> Subquery:
    """The key of the newest that still means something: what ended is no news to who is connected again."""
    theirs = Q(connection_id=OuterRef("connection__pk"))
    ended = Q(outcome=Outcome.DISCONNECTED, state=EffectState.DONE, user__connection=None)
    told = PolicyEffect.objects.filter(
        theirs | ended,
        Q(state=EffectState.WAITING) | Q(state=EffectState.DONE, at__gt=timezone.now() - NEWS),
        user=OuterRef("pk"),
        dismissed_at=None,
    )
    return Subquery(told.order_by(F("at").desc()).values("pk")[:1])


def _is_granted(effect: PolicyEffect, connection: Connection | None) -> bool:
    return connection is not None and parse_permissions(effect.lacking) <= connection.granted
