"""Saying beforehand: who will be disconnected or narrowed when a grace period ends, and who is asked to grant more."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations.effects import find_asked, judge_batch, make_effect, spare, store_effects
from integrations.models import Connection
from integrations.policy_models import EffectState, OrganizationPolicies, PolicyChange, PolicyEffect
from integrations.verdicts import Verdict
from integrations.walking import Walk


def announce(walk: Walk) -> None:
    """Look at everybody under the change, and write down what each has to expect. Raises Interrupted."""
    row = walk.change.policy
    over = {(row.group_id, row.membership_id)} if row else set()
    policies = OrganizationPolicies(walk.change.organization, over=over)
    for batch in walk.batches():
        verdicts = judge_batch(batch, policies)
        with transaction.atomic():
            walk.advance(batch)
            _note_announced(walk.change, batch, verdicts)
        if walk.is_late:
            return
    with transaction.atomic():
        walk.finish(announced_at=timezone.now())
        spare_the_absent(walk)


def _note_announced(change: PolicyChange, batch: list[Connection], verdicts: dict[UUID, Verdict]) -> None:
    """New effects are written, those that stand untouched are left, and who is concerned no more is spared."""
    users = [one.user_id for one in batch]
    known = {one.user_id: one for one in PolicyEffect.objects.filter(change=change, user__in=users)}
    asked = find_asked(batch, verdicts)
    fresh, spared = [], []
    for connection in batch:
        effect = make_effect(change, connection, verdicts[connection.pk], asked)
        before = known.get(connection.user_id)
        if effect is None:
            spared += [before.pk] if before and before.state == EffectState.WAITING else []
        elif before is None or not _is_same(before, effect):
            fresh.append(effect)
    store_effects(fresh)
    spare(PolicyEffect.objects.filter(pk__in=spared))


def _is_same(before: PolicyEffect, now: PolicyEffect) -> bool:
    names = ("connection_id", "outcome", "ended", "lacking", "state")
    return all(getattr(before, name) == getattr(now, name) for name in names)


def spare_the_absent(walk: Walk) -> None:
    """Who was told, and has left the level since; or has no connection any more, and then there is nothing to say."""
    waiting = PolicyEffect.objects.filter(change=walk.change, state=EffectState.WAITING)
    here = Connection.objects.filter(user__membership__in=walk.members).values("pk")
    absent = waiting.exclude(connection_id__in=here)
    gone = absent.exclude(connection_id__in=Connection.objects.values("pk"))
    gone.update(state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now())
    spare(absent)
