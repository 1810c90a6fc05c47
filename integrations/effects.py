"""What one change of policy does to one person, as a row that mail and banner speak from."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from integrations.forecasting import BATCH, find_groups, forecast
from integrations.models import Connection
from integrations.permissions import Permissions, dump_permissions, parse_permissions
from integrations.policy_models import EffectState, OrganizationPolicies, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome, Verdict

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
            "dismissed_at",
        ],
        batch_size=BATCH,
    )


def spare(effects: QuerySet[PolicyEffect]) -> None:
    """Whoever was told that something ends is told that it does not; who was not has nothing to hear."""
    now = timezone.now()
    keys = list(effects.values_list("pk", "told_at"))
    for told, pks in ((now, [pk for pk, told in keys if not told]), (None, [pk for pk, told in keys if told])):
        if pks:
            PolicyEffect.objects.filter(pk__in=pks).update(
                state=EffectState.SPARED, at=now, told_at=told, dismissed_at=None
            )
