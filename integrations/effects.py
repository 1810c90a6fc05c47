"""What one change of policy does to one person, as a row that mail and banner speak from."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.forecasting import BATCH, find_groups, forecast
from integrations.models import Connection
from integrations.permissions import Permissions, dump_permissions, parse_permissions
from integrations.policy_models import EffectState, OrganizationPolicies, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome, Verdict
from organizations.models import User

KEPT = timedelta(days=365)
"""How long what was done to people is remembered, beyond the audit trail."""

ENDING = frozenset({Outcome.DISCONNECTED, Outcome.NARROWED})


def judge_batch(batch: list[Connection], policies: OrganizationPolicies) -> dict[UUID, Verdict]:
    """What becomes of each connection, by its key."""
    groups = find_groups([one.user.membership.pk for one in batch])
    return {
        one.pk: forecast(one, policies.held_by(one.user.membership.pk, groups.get(one.user.membership.pk, ())))
        for one in batch
    }


def make_effect(
    change: PolicyChange, connection: Connection, verdict: Verdict, asked: dict[UUID, Permissions]
) -> PolicyEffect | None:
    """What is told to the person, unsaved; None where there is nothing to tell. `asked`: see `find_asked`."""
    if verdict.outcome not in ENDING and not is_asked_anew(connection, verdict, asked):
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


def is_asked_anew(connection: Connection, verdict: Verdict, asked: dict[UUID, Permissions]) -> bool:
    return verdict.outcome is Outcome.TO_GRANT and not verdict.lacking <= asked.get(connection.pk, frozenset())


def find_asked(batch: list[Connection], verdicts: dict[UUID, Verdict]) -> dict[UUID, Permissions]:
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


def store_effects(effects: list[PolicyEffect]) -> None:
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
            "mail_failures",
            "reminded_at",
            "dismissed_at",
        ],
        batch_size=BATCH,
    )


def take_back(effects: QuerySet[PolicyEffect], state: EffectState) -> None:
    """What one change announced does not come: `state` says why. Whoever was told of it is told so.

    Where just the same ends no later by another change, there is nothing to say. Where another change ends something
    else, or later, `notices` speaks of that one.
    """
    waiting = effects.filter(state=EffectState.WAITING)
    same = PolicyEffect.objects.filter(
        state=EffectState.WAITING,
        user=OuterRef("user"),
        connection_id=OuterRef("connection_id"),
        ended=OuterRef("ended"),
        change__due_at__lte=OuterRef("change__due_at"),
    )
    is_no_news = Q(told_at=None) | Exists(same.exclude(change=OuterRef("change")))
    now = timezone.now()
    settled = {"state": state, "at": now, "dismissed_at": None}
    waiting.filter(is_no_news).update(**settled, told_at=now)
    waiting.update(**settled, told_at=None)


def settle(user: User) -> None:
    """Somebody left: what was not said yet is no news when they come back."""
    PolicyEffect.objects.filter(user=user, told_at=None).update(told_at=timezone.now())


def forget_old() -> int:
    """Remove what finished changes did to people longer ago than a year, and the moves that were nothing but that.

    Returns how many effects. What was changed, when and by whom stays, as it does in the audit trail.
    """
    finished = PolicyChange.objects.filter(finished_at__lt=timezone.now() - KEPT)
    forgotten = 0
    # In batches, so that nobody waits long for the database.
    while keys := list(PolicyEffect.objects.filter(change__in=finished).values_list("pk", flat=True)[:BATCH]):
        forgotten += PolicyEffect.objects.filter(pk__in=keys).delete()[0]
    finished.filter(after={}, effects=None).delete()
    return forgotten
