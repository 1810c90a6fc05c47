"""Saying beforehand: who will be disconnected or narrowed when a grace period ends, and who is asked to grant more."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.effects import find_asked, judge_batch, make_effect, store_effects, take_back
from integrations.models import Connection
from integrations.policy_models import (
    EffectState,
    OrganizationPolicies,
    PolicyChange,
    PolicyEffect,
    freeze_policies,
)
from integrations.verdicts import Verdict
from integrations.walking import Walk


def announce(walk: Walk) -> None:
    """Look at everybody under the change, and write down what each has to expect. Raises Interrupted."""
    row = walk.change.policy
    over = {(row.group_id, row.membership_id)} if row else set()
    with transaction.atomic():
        # Whoever changes what is decided just now is waited for; whoever does so from here on sees our lease.
        freeze_policies(walk.change.organization)
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
    known, said = _find_known(change, users)
    asked = find_asked(batch, verdicts)
    fresh, spared = [], []
    for connection in batch:
        effect = make_effect(change, connection, verdicts[connection.pk], asked)
        before = known.get(connection.user_id)
        if effect is None:
            spared += [before.pk] if before and before.state == EffectState.WAITING else []
        elif before is None or not _is_same(before, effect):
            _copy_what_was_told(said.get(connection.user_id, []), effect)
            fresh.append(effect)
    store_effects(fresh)
    take_back(PolicyEffect.objects.filter(pk__in=spared), EffectState.SPARED)


def _find_known(
    change: PolicyChange, users: list[int]
) -> tuple[dict[int, PolicyEffect], dict[int, list[PolicyEffect]]]:
    """By person: what this change did or announced, and what others have told them to expect."""
    own = Q(change=change)
    others = Q(state=EffectState.WAITING, told_at__isnull=False)
    known, said = {}, defaultdict(list)
    for one in PolicyEffect.objects.filter(own | others, user__in=users).select_related("change"):
        if one.change_id == change.pk:
            known[one.user_id] = one
        else:
            said[one.user_id].append(one)
    return known, said


def _copy_what_was_told(said: list[PolicyEffect], effect: PolicyEffect) -> None:
    """Who knows already that just this ends, no later than this change would end it, is not told and reminded twice."""
    what = ("connection_id", "outcome", "ended", "state")
    for one in said:
        if _is_same(one, effect, what) and one.change.due_at <= effect.change.due_at:
            effect.told_at, effect.reminded_at, effect.dismissed_at = one.told_at, one.reminded_at, one.dismissed_at


WHAT = ("connection_id", "outcome", "ended", "lacking", "state")


def _is_same(before: PolicyEffect, now: PolicyEffect, names: Iterable[str] = WHAT) -> bool:
    return all(getattr(before, name) == getattr(now, name) for name in names)


def spare_the_absent(walk: Walk) -> None:
    """Who was told, and has left the level since; or has no connection any more, and then there is nothing to say."""
    waiting = PolicyEffect.objects.filter(change=walk.change, state=EffectState.WAITING)
    here = Connection.objects.filter(user__membership__in=walk.members).values("pk")
    absent = waiting.exclude(connection_id__in=here)
    gone = absent.exclude(connection_id__in=Connection.objects.values("pk"))
    gone.update(state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now())
    take_back(absent, EffectState.SPARED)
