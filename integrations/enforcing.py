"""Carrying out what a change of policy means for connections that are there, some at a time.

1. A change that waits for the end of its grace period is announced: everybody concerned gets a `PolicyEffect`.
2. What is due is done: one transaction per person, in which they are judged anew, under the policy of that moment and
   by the function of the preview, so that who has moved, reconnected or was spared since is left alone.
3. Where a worker dies, its lease runs out and the next goes on from `position`. Doing twice does nothing.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations import gateway
from integrations.erasing import erase_locked, erase_unused
from integrations.forecasting import BATCH, find_groups, forecast, read_batches
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
    members_under,
)
from integrations.verdicts import Outcome, Verdict
from organizations.models import Membership, record

log = logging.getLogger(__name__)

ENDING = frozenset({Outcome.DISCONNECTED, Outcome.NARROWED})
RENEW_EVERY = 50
"""People, until the lease is renewed."""


class Interrupted(Exception):
    """The lease is somebody else's, or the change was undone, or who is concerned has to be looked at once more."""


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
    now = timezone.now()
    token = secrets.token_hex(16)
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    is_open = Q(state__in=[ChangeState.WAITING, ChangeState.RUNNING])
    taken = PolicyChange.objects.filter(free, is_open, pk=change_id)
    if not taken.update(leased_by=token, leased_until=_expiry()):
        return None
    try:
        PolicyChange.objects.filter(pk=change_id, state=ChangeState.WAITING, due_at__lte=now).update(
            state=ChangeState.RUNNING, position=None, looked_at=0
        )
        change = PolicyChange.objects.select_related("organization", "policy__group").get(pk=change_id)
        _go_on(Walk(change, token, now + timedelta(seconds=settings.SYNC["longest_run_seconds"])))
        return change
    except Interrupted:
        return None
    finally:
        PolicyChange.objects.filter(pk=change_id, leased_by=token).update(leased_by="", leased_until=None)


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SYNC["lease_seconds"])


@dataclass(slots=True)
class Walk:
    """One worker's way through the connections under one change, as long as its lease is its own."""

    change: PolicyChange
    token: str
    deadline: datetime
    since_renewal: int = 0
    members: QuerySet[Membership] = field(init=False)

    def __post_init__(self) -> None:
        """A level that is gone (its group was deleted) may have held anybody: everybody is looked at."""
        row = self.change.policy
        group = row.group if row else None
        membership = row.membership if row else None
        self.members = members_under(self.change.organization, group, membership)

    def batches(self) -> Iterable[list[Connection]]:
        """Those not looked at yet. Stops early when time is up: `is_late` then says so."""
        if self.change.position is None:
            self._update(total=Connection.objects.filter(user__membership__in=self.members).count(), looked_at=0)
        yield from read_batches(self.members, after=self.change.position)

    def advance(self, batch: list[Connection]) -> None:
        """Note how far we are. Raises Interrupted."""
        self._update(position=batch[-1].pk, looked_at=self.change.looked_at + len(batch))

    def keep_lease(self) -> None:
        """Called for each person. Raises Interrupted."""
        self.since_renewal += 1
        if self.since_renewal >= RENEW_EVERY:
            self._update()

    def finish(self, **values: Any) -> None:
        """Raises Interrupted."""
        self._update(**values)

    @property
    def is_late(self) -> bool:
        return timezone.now() > self.deadline

    def _update(self, **values: Any) -> None:
        """Only while the change is as we know it: whoever starts it over puts `position` back."""
        mine = PolicyChange.objects.filter(
            pk=self.change.pk, leased_by=self.token, state=self.change.state, position=self.change.position
        )
        if not mine.update(leased_until=_expiry(), **values):
            raise Interrupted
        self.since_renewal = 0
        for name, value in values.items():
            setattr(self.change, name, value)


def _go_on(walk: Walk) -> None:
    """Raises Interrupted."""
    if walk.change.state == ChangeState.RUNNING:
        _carry_out(walk)
    elif walk.change.announced_at is None:
        _announce(walk)


# --- Announcing --------------------------------------------------------------------------------------------------


def _announce(walk: Walk) -> None:
    """Write down who will be disconnected or narrowed when the grace period ends, and who is asked to grant more."""
    row = walk.change.policy
    over = {(row.group_id, row.membership_id)} if row else set()
    policies = OrganizationPolicies(walk.change.organization, over=over)
    for batch in walk.batches():
        verdicts = _judge(batch, policies)
        with transaction.atomic():
            walk.advance(batch)
            _note_announced(walk.change, batch, verdicts)
        if walk.is_late:
            return
    with transaction.atomic():
        walk.finish(announced_at=timezone.now())
        _spare_the_absent(walk)


def _judge(batch: list[Connection], policies: OrganizationPolicies) -> dict[UUID, Verdict]:
    groups = find_groups([one.user.membership.pk for one in batch])
    return {
        one.pk: forecast(one, policies.held_by(one.user.membership.pk, groups.get(one.user.membership.pk, ())))
        for one in batch
    }


def _note_announced(change: PolicyChange, batch: list[Connection], verdicts: dict[UUID, Verdict]) -> None:
    """New effects are written, those that stand untouched are left, and who is concerned no more is spared."""
    users = [one.user_id for one in batch]
    known = {one.user_id: one for one in PolicyEffect.objects.filter(change=change, user__in=users)}
    asked = _find_asked(batch, verdicts)
    fresh, spared = [], []
    for connection in batch:
        effect = make_effect(change, connection, verdicts[connection.pk], asked)
        before = known.get(connection.user_id)
        if effect is None:
            spared += [before.pk] if before and before.state == EffectState.WAITING else []
        elif before is None or not _is_same(before, effect):
            fresh.append(effect)
    _store_effects(fresh)
    _spare(PolicyEffect.objects.filter(pk__in=spared))


def make_effect(
    change: PolicyChange, connection: Connection, verdict: Verdict, asked: dict[UUID, Permissions]
) -> PolicyEffect | None:
    """What is told to the person, unsaved; None where there is nothing to tell. `asked`: see `_find_asked`."""
    if verdict.outcome not in ENDING and not _is_asked_anew(connection, verdict, asked):
        return None
    return PolicyEffect(
        change=change,
        user_id=connection.user_id,
        connection_id=connection.pk,
        provider=connection.provider,
        mailbox=connection.mailbox,
        outcome=verdict.outcome,
        ended=dump_permissions(verdict.ended),
        lacking=dump_permissions(verdict.lacking),
        reasons=[one.sentence for one in verdict.reasons],
        state=EffectState.DONE if verdict.outcome is Outcome.TO_GRANT else EffectState.WAITING,
    )


def _is_asked_anew(connection: Connection, verdict: Verdict, asked: dict[UUID, Permissions]) -> bool:
    return verdict.outcome is Outcome.TO_GRANT and not verdict.lacking <= asked.get(connection.pk, frozenset())


def _find_asked(batch: list[Connection], verdicts: dict[UUID, Verdict]) -> dict[UUID, Permissions]:
    """What people have been asked to grant before, whichever change it was: nobody is asked at each change anew."""
    lacking = [one for one in batch if verdicts[one.pk].outcome is Outcome.TO_GRANT]
    if not lacking:
        return {}
    asked: dict[UUID, Permissions] = {}
    found = PolicyEffect.objects.filter(
        user__in=[one.user_id for one in lacking],
        connection_id__in=[one.pk for one in lacking],
        outcome=Outcome.TO_GRANT,
    )
    for connection_id, names in found.values_list("connection_id", "lacking"):
        asked[connection_id] = asked.get(connection_id, frozenset()) | parse_permissions(names)
    return asked


def _is_same(before: PolicyEffect, now: PolicyEffect) -> bool:
    names = ("connection_id", "outcome", "ended", "lacking", "state")
    return all(getattr(before, name) == getattr(now, name) for name in names)


def _store_effects(effects: list[PolicyEffect]) -> None:
    """One for each person and change: what was known of them before is written over, and they are told anew."""
    PolicyEffect.objects.bulk_create(
        effects,
        update_conflicts=True,
        unique_fields=["change", "user"],
        update_fields=[
            "connection_id",
            "provider",
            "mailbox",
            "outcome",
            "ended",
            "lacking",
            "reasons",
            "state",
            "at",
            "told_at",
            "dismissed_at",
        ],
        batch_size=BATCH,
    )


def _spare(effects: QuerySet[PolicyEffect]) -> None:
    """Whoever was told that something ends is told that it does not; who was not has nothing to hear."""
    now = timezone.now()
    keys = list(effects.values_list("pk", "told_at"))
    for told, pks in ((now, [pk for pk, told in keys if not told]), (None, [pk for pk, told in keys if told])):
        if pks:
            PolicyEffect.objects.filter(pk__in=pks).update(
                state=EffectState.SPARED, at=now, told_at=told, dismissed_at=None
            )


def _spare_the_absent(walk: Walk) -> None:
    """Who was told, and has left the level since; or has no connection any more, and then there is nothing to say."""
    waiting = PolicyEffect.objects.filter(change=walk.change, state=EffectState.WAITING)
    here = Connection.objects.filter(user__membership__in=walk.members).values("pk")
    absent = waiting.exclude(connection_id__in=here)
    gone = absent.exclude(connection_id__in=Connection.objects.values("pk"))
    gone.update(state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now())
    _spare(absent)


# --- Carrying out ------------------------------------------------------------------------------------------------


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
        _spare_the_absent(walk)
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
    verdicts = _judge(batch, policies)
    asked = _find_asked(batch, verdicts)
    waiting: dict[int, list[PolicyEffect]] = {}
    users = [one.user_id for one in batch]
    for effect in PolicyEffect.objects.filter(user__in=users, state=EffectState.WAITING):
        waiting.setdefault(effect.user_id, []).append(effect)
    for one in batch:
        verdict = verdicts[one.pk]
        is_announced = any(effect.change_id == change.pk for effect in waiting.get(one.user_id, []))
        if verdict.outcome in ENDING or is_announced or _is_asked_anew(one, verdict, asked):
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
            _store_effects([effect])
        else:
            # They have seen to it themselves, or another change has: nothing happens, and there is nothing to say.
            mine = [one.pk for one in self.waiting if one.change_id == self.change.pk]
            PolicyEffect.objects.filter(pk__in=mine, state=EffectState.WAITING).update(
                state=EffectState.SPARED, at=timezone.now(), told_at=timezone.now()
            )


def _covers(verdict: Verdict, announced: PolicyEffect) -> bool:
    return verdict.outcome in ENDING and parse_permissions(announced.ended) <= verdict.ended
