"""Carrying out what a change of policy means for connections that are there, some at a time.

1. A change that waits for the end of its grace period is announced: everybody concerned gets a `PolicyEffect`.
2. What is due is done: one transaction per person, in which they are judged anew, under the policy of that moment and
   by the function of the preview, so that who has moved, reconnected or was spared since is left alone.
3. Where a worker dies, its lease runs out and the next goes on from `position`. Doing twice does nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import gateway
from integrations.announcing import announce, spare_the_absent
from integrations.effects import ENDING, find_asked, is_asked_anew, judge_batch, make_effect, store_effects, take_back
from integrations.erasing import erase_locked, erase_unused
from integrations.forecasting import forecast
from integrations.models import Connection
from integrations.permissions import Permissions, dump_permissions, parse_permissions
from integrations.policy_models import (
    ChangeState,
    EffectState,
    HeldNow,
    OrganizationPolicies,
    PolicyChange,
    PolicyEffect,
    freeze_policies,
)
from integrations.verdicts import Outcome, Verdict
from integrations.walking import Walk, take_walk
from organizations.models import record


def find_due() -> list[str]:
    """Ids of the changes to go on with: to announce, or to carry out."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    waiting = Q(state=ChangeState.WAITING) & (Q(due_at__lte=now) | Q(announced_at=None))
    due = PolicyChange.objects.filter(free, waiting | Q(state=ChangeState.RUNNING))
    return [str(pk) for pk in due.order_by("made_at").values_list("pk", flat=True)]


def run(change_id: UUID | str) -> PolicyChange | None:
    """Take a change as far as it goes now; None where nothing is to be done, or somebody else is at it.

    Stops after the longest time that a run may take; the next sweep goes on.
    """
    with take_walk(change_id) as walk:
        if walk is None:
            return None
        if walk.change.state == ChangeState.RUNNING:
            _carry_out(walk)
        elif walk.change.state == ChangeState.WAITING and walk.change.announced_at is None:
            announce(walk)
        return walk.change
    return None


def _carry_out(walk: Walk) -> None:
    policies, held_now = OrganizationPolicies(walk.change.organization), HeldNow()
    for batch in walk.batches():
        for person in _find_concerned(walk.change, batch, policies, held_now):
            walk.keep_lease()
            person.act()
        walk.advance(batch)
        if walk.is_late:
            return
    with transaction.atomic():
        walk.finish(state=ChangeState.DONE, finished_at=timezone.now())
        spare_the_absent(walk)
        _record_done(walk.change)
        if not walk.change.after and not walk.change.effects.exists():
            walk.change.delete()  # people moved, and nothing came of it: the move itself is in the audit trail


def _record_done(change: PolicyChange) -> None:
    done = PolicyEffect.objects.filter(change=change, state=EffectState.DONE)
    counts = {one.value: done.filter(outcome=one).count() for one in (Outcome.DISCONNECTED, Outcome.NARROWED)}
    if any(counts.values()):
        details = {"policy": change.what, "change": str(change.pk), **counts}
        record("policy.carried_out", organization=change.organization, details=details)


def _find_concerned(
    change: PolicyChange, batch: list[Connection], policies: OrganizationPolicies, held_now: HeldNow
) -> Iterable["Concerned"]:
    """Whom something may be done to: seen for many at once, to be judged anew one by one."""
    verdicts = judge_batch(batch, policies)
    asked = find_asked(batch, verdicts)
    waiting: dict[int, list[PolicyEffect]] = {}
    users = [one.user_id for one in batch]
    for effect in PolicyEffect.objects.filter(user__in=users, state=EffectState.WAITING):
        waiting.setdefault(effect.user_id, []).append(effect)
    for one in batch:
        verdict = verdicts[one.pk]
        is_announced = any(effect.change_id == change.pk for effect in waiting.get(one.user_id, []))
        if verdict.outcome in ENDING or is_announced or is_asked_anew(one, verdict, asked):
            yield Concerned(change, one, held_now, asked, waiting.get(one.user_id, []))


@dataclass(frozen=True, slots=True)
class Concerned:
    """One person to whom a change may do something. `waiting`: what is announced to them, by whichever change."""

    change: PolicyChange
    seen: Connection
    held_now: HeldNow
    asked: dict[UUID, Permissions]
    waiting: list[PolicyEffect]

    def act(self) -> None:
        """Everything for one person in one transaction: rows, audit trail, and what they are told."""
        with transaction.atomic():
            freeze_policies(self.change.organization)
            connection = self._lock()
            if connection is None:
                return  # gone meanwhile; what was announced is put right at the end
            verdict = self._judge_anew(connection)
            acts: dict[Outcome, Callable[[Connection, Verdict], None]] = {
                Outcome.DISCONNECTED: self._disconnect,
                Outcome.NARROWED: self._narrow,
            }
            if verdict.outcome in acts:
                acts[verdict.outcome](connection, verdict)
            self._note(connection, verdict)

    def _lock(self) -> Connection | None:
        connection = Connection.objects.select_for_update().filter(pk=self.seen.pk).first()
        if connection is not None:
            connection.user = self.seen.user
            connection.user.membership.organization = self.change.organization
        return connection

    def _judge_anew(self, connection: Connection) -> Verdict:
        return forecast(connection, self.held_now.find(connection.user.membership))

    def _disconnect(self, connection: Connection, verdict: Verdict) -> None:
        removed = erase_locked(connection, ends_grant=True)
        self._record("connection.disconnected_by_policy", connection, verdict, {"removed": removed})

    def _narrow(self, connection: Connection, verdict: Verdict) -> None:
        before = connection.granted
        connection.granted = before - verdict.ended
        connection.declined = dump_permissions(parse_permissions(connection.declined) - verdict.ended)
        # Without its lease, a sync under way stops at its next page instead of writing what has ended.
        connection.leased_by, connection.leased_until = "", None
        gateway.narrow_credentials(connection)
        connection.save()
        erase_unused(connection, verdict.ended)
        details = {"before": dump_permissions(before), "granted": dump_permissions(connection.granted)}
        self._record("connection.narrowed_by_policy", connection, verdict, details)

    def _record(self, action: str, connection: Connection, verdict: Verdict, details: dict[str, Any]) -> None:
        record(
            action,
            organization=self.change.organization,
            subject=connection.user,
            details={
                "provider": connection.provider,
                "mailbox": connection.mailbox,
                "reasons": [one.sentence for one in verdict.reasons],
                "change": str(self.change.pk),
                **details,
            },
        )

    def _note(self, connection: Connection, verdict: Verdict) -> None:
        effect = make_effect(self.change, connection, verdict, self.asked)
        settled = [one.pk for one in self.waiting if one.change_id != self.change.pk and _covers(verdict, one)]
        if settled:  # announced by another change, and done by this: they hear of it once
            PolicyEffect.objects.filter(pk__in=settled, state=EffectState.WAITING).update(
                state=EffectState.DONE, at=timezone.now(), told_at=timezone.now()
            )
        if effect is not None:
            effect.state = EffectState.DONE
            store_effects([effect])
        else:
            self._spare(connection)

    def _spare(self, connection: Connection) -> None:
        """Nothing happens. Who gave up themselves what was to end has nothing to hear; to others it was lifted."""
        mine = [one for one in self.waiting if one.change_id == self.change.pk]
        announced = PolicyEffect.objects.filter(pk__in=[one.pk for one in mine], state=EffectState.WAITING)
        if all(parse_permissions(one.ended) <= connection.granted for one in mine):
            take_back(announced, EffectState.SPARED)
        else:
            announced.update(state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now())


def _covers(verdict: Verdict, announced: PolicyEffect) -> bool:
    return verdict.outcome in ENDING and parse_permissions(announced.ended) <= verdict.ended
