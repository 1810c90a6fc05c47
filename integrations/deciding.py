"""What admins decide: looking at what a change would do, saving it, taking it back.

Everybody who changes policy comes through here: pages, files, and what moves people between groups. A change is saved
at once; what it does to connections is the work of `enforcing`, at once or when a grace period ends.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations import levels, policy, registry, tasks, wording
from integrations.effects import take_back
from integrations.forecasting import Preview
from integrations.levels import Layer, Value
from integrations.places import (
    Place,
    empty_layer,
    find_policy,
    layer_of,
    layers_above,
    place_of,
    version_of,
)
from integrations.policy import Level
from integrations.policy_models import (
    AdminPolicy,
    ChangeState,
    EffectState,
    OrganizationPolicies,
    PolicyChange,
    freeze_policies,
    members_under,
)
from integrations.saying import Said, describe, differences, said_of
from organizations.models import Organization, User, record

__all__ = ["Place", "find_policy", "layer_of", "layers_above", "place_of", "version_of"]
"""Of `places`: named here too, for whoever decides."""


class ChangedMeanwhile(Exception):
    """Somebody else has changed this level since it was read. `policy`: as it stands now, if it says anything."""

    def __init__(self, policy: AdminPolicy | None) -> None:
        super().__init__("The policy was changed by somebody else meanwhile.")
        self.policy = policy


class Contradicts(Exception):
    """What would hold contradicts itself. `sentences` are for whoever decides."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = list(sentences)


class LockedAbove(Exception):
    """A level above has locked what this one would say otherwise. `sentence` names the setting and the level."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotWaiting(Exception):
    """The change waits no more: it was carried out, is being carried out, or was undone already."""


def preview(place: Place, layer: Layer) -> Preview:
    """What saving this layer would do to the connections below it, at once or when its grace period ends."""
    after = OrganizationPolicies(place.organization, instead={place.key: layer}, over={place.key})
    return Preview(place.organization, place.members, before=OrganizationPolicies(place.organization), after=after)


def preview_placement(
    organization: Organization,
    *,
    groups_of: Mapping[int, frozenset[int]] | None = None,
    order: Sequence[int] | None = None,
) -> Preview:
    """What moving people between groups, and reordering or deleting groups, would do.

    `groups_of`: the groups that members (by the keys of their memberships) would be in. `order`: every group there
    would be; one that is left out is deleted.
    """
    members = members_under(organization)
    if groups_of and order is None:
        members = members.filter(pk__in=list(groups_of))
    before, after = OrganizationPolicies(organization), OrganizationPolicies(organization, order=order)
    return Preview(organization, members, before=before, after=after, groups_of=groups_of)


def save(
    place: Place, layer: Layer, *, version: int, by: User | None, address: str | None, grace_days: int | None = None
) -> PolicyChange | None:
    """Have the level say this and nothing else, from now on. None where it says just this already.

    With `grace_days`, connections that are there go on as before for so long; where a grace period of this level runs
    already, the change joins it. Without, effects come at once, and so do those that waited on this level.

    Raises:
        ChangedMeanwhile: the stored version is another than `version` (0: nothing was said yet).
        Contradicts, LockedAbove
    """
    with transaction.atomic():
        freeze_policies(place.organization)
        row = find_policy(place)
        if version != (row.version if row else 0):
            raise ChangedMeanwhile(row)
        before = row.as_layer() if row else empty_layer(place)
        above = layers_above(place)
        _check_locks(layer, before, above)
        _check_sense(above, layer)
        changed = differences(before, layer)
        if not changed:
            return None
        row = row or AdminPolicy(
            organization=place.organization, group=place.group, membership=place.membership, version=0
        )
        due_at = _write(row, layer, by=by, grace_days=grace_days or 0)
        return _note_change(
            row, place.label, before, layer, changed, due_at=due_at, waits=bool(grace_days), by=by, address=address
        )


def undo(change: PolicyChange, *, by: User | None, address: str | None) -> list[str]:
    """Take a change back while its grace period runs.

    Put back are the settings that still are what it made them; the names of the others are returned. Who was told that
    their connection ends is told that it stays, unless it ends by another change. What holds from now on is carried
    out like any other change: somebody may have connected what is closed again.

    Raises:
        NotWaiting
        Contradicts: what the level would say then does not fit what was changed since.
    """
    with transaction.atomic():
        freeze_policies(change.organization)
        change = _get_waiting(change)
        said = change.policy.as_layer() if change.policy else None
        left = _put_back(change.policy, change, by=by) if change.policy else []
        put_back = differences(said, change.policy.as_layer()) if said and change.policy else {}
        change.state, change.finished_at = ChangeState.UNDONE, timezone.now()
        change.save(update_fields=["state", "finished_at"])
        take_back(change.effects.all(), EffectState.UNDONE)
        _look_again(change.organization)
        details = {
            "before": describe({name: was for name, (was, _) in put_back.items()}),
            "after": describe({name: now for name, (_, now) in put_back.items()}),
            **({"left": left} if left else {}),
        }
        _record("policy.change_undone", change, details, by=by, address=address)
        what = f"{change.what[:150]}, a change undone"
        _start_following(change.organization, what, policy=change.policy, by=by, address=address)
    return left


def _put_back(row: AdminPolicy, change: PolicyChange, *, by: User | None) -> list[str]:
    layer, left = _without(row, change)
    _check_sense(layers_above(place_of(row)), layer)
    _store(row, layer, by=by)
    if not _waiting_on(row).exclude(pk=change.pk).exists():
        _end_keeping(row)
    row.save()
    return left


def end_grace(change: PolicyChange, *, by: User | None, address: str | None) -> None:
    """Have what waits come at once: this change, and every other that waits on the same level.

    Raises:
        NotWaiting
    """
    with transaction.atomic():
        freeze_policies(change.organization)
        change = _get_waiting(change)
        if change.policy is not None:
            _end_keeping(change.policy)
            change.policy.save()
            _hasten(_waiting_on(change.policy))
        else:
            _hasten(PolicyChange.objects.filter(pk=change.pk))
        _record("policy.grace_ended", change, {}, by=by, address=address)


def follow_move(
    organization: Organization,
    *,
    what: str,
    by: User | None,
    address: str | None,
    groups: Collection[int] | None = None,
) -> PolicyChange | None:
    """People, groups or their order changed: see who is under another policy now. Inside the change's transaction.

    `groups`: the keys of those that people came into or left, or that are about to be deleted; None: whichever. Where
    none of them says anything, nobody is under another policy, and there is no change.
    """
    freeze_policies(organization)
    if groups is not None and not _says_anything(organization, groups):
        return None
    _look_again(organization)
    return _start_following(organization, what, by=by, address=address)


def _says_anything(organization: Organization, groups: Collection[int]) -> bool:
    """Whether one of these groups says something, or did before a grace period that runs."""
    rows = AdminPolicy.objects.filter(organization=organization, group__in=groups)
    something = ~Q(choices={}) | ~Q(kept_choices={}) | Q(changes__state=ChangeState.WAITING)
    return rows.filter(something).exists()


def _start_following(
    organization: Organization,
    what: str,
    *,
    policy: AdminPolicy | None = None,
    by: User | None,
    address: str | None,
) -> PolicyChange:
    """A change that says nothing itself: it carries out what holds. Forgotten again where that is nothing."""
    change = PolicyChange.objects.create(
        organization=organization, policy=policy, what=what[:200], made_by=by, address=address
    )
    _start(change)
    return change


def _check_locks(layer: Layer, before: Layer, above: Sequence[Layer]) -> None:
    """What a level has said since before a lock came above it may stand: the lock wins. Nothing else may be said."""
    for name, value in layer.choices.items():
        source = levels.find_lock_above(name, above)
        if source is None or before.choices.get(name) == value:
            continue
        fixed = next(one.choices[name] for one in above if one.is_locked(name))
        if fixed != value:
            setting = levels.find_setting(name)
            words = wording.say_value(setting, fixed) if setting else str(fixed)
            raise LockedAbove(f"{wording.full_label(name)} is locked by {_name(source)}: {words}.")


def _name(source: policy.Source) -> str:
    return (
        "the organization" if source.level is Level.ORGANIZATION else f"the {source.label[0].lower()}{source.label[1:]}"
    )


def _check_sense(above: Iterable[Layer], layer: Layer) -> None:
    names = {key: wording.service_name(key) for key in registry.providers()}
    sentences = policy.problems(levels.resolve([*above, layer]), names)
    if sentences:
        raise Contradicts(sentences)


def _write(row: AdminPolicy, layer: Layer, *, by: User | None, grace_days: int) -> datetime:
    """Store the layer, and with a grace period what held before it. Returns when effects are due."""
    now = timezone.now()
    if not grace_days:
        _end_keeping(row)
    elif not row.is_in_grace(now):
        row.kept_choices, row.kept_locks = row.choices, row.locks
        row.kept_until = now + timedelta(days=grace_days)
    _store(row, layer, by=by)
    row.save()
    if not grace_days:
        _hasten(_waiting_on(row))
    return row.kept_until or now


def _store(row: AdminPolicy, layer: Layer, *, by: User | None) -> None:
    row.choices, row.locks = levels.dump_choices(layer), sorted(layer.locks)
    row.version += 1
    row.changed_at, row.changed_by = timezone.now(), by


def _end_keeping(row: AdminPolicy) -> None:
    row.kept_choices, row.kept_locks, row.kept_until = {}, [], None


def _note_change(
    row: AdminPolicy,
    what: str,
    before: Layer,
    layer: Layer,
    changed: Mapping[str, tuple[Said, Said]],
    *,
    due_at: datetime,
    waits: bool,
    by: User | None,
    address: str | None,
) -> PolicyChange:
    change = PolicyChange.objects.create(
        organization=row.organization,
        policy=row,
        what=what[:200],
        made_by=by,
        address=address,
        before={name: was for name, (was, _) in changed.items()},
        after={name: is_now for name, (_, is_now) in changed.items()},
        due_at=due_at,
        state=ChangeState.WAITING if waits else ChangeState.RUNNING,
    )
    details = {"grace_until": due_at.isoformat(timespec="seconds")} if waits else {}
    _record("policy.changed", change, details, by=by, address=address)
    _look_again(row.organization)
    _start(change)
    return change


def _record(
    action: str, change: PolicyChange, details: Mapping[str, Any], *, by: User | None, address: str | None
) -> None:
    words = {"before": describe(change.before), "after": describe(change.after)}
    record(
        action,
        organization=change.organization,
        actor=by,
        details={"policy": change.what, "change": str(change.pk), **words, **details},
        address=address,
    )


def _get_waiting(change: PolicyChange) -> PolicyChange:
    found = PolicyChange.objects.select_for_update().filter(pk=change.pk, state=ChangeState.WAITING).first()
    if found is None:
        raise NotWaiting
    return found


def _waiting_on(row: AdminPolicy) -> QuerySet[PolicyChange]:
    return PolicyChange.objects.filter(policy=row, state=ChangeState.WAITING)


def _without(row: AdminPolicy, change: PolicyChange) -> tuple[Layer, list[str]]:
    """What a level says with what a change did taken back, and the settings that were changed again since."""
    layer = row.as_layer()
    earlier = list(row.changes.filter(made_at__lt=change.made_at).order_by("-made_at"))
    choices: dict[str, Value] = dict(layer.choices)
    locks, left = set(layer.locks), []
    for name, made in change.after.items():
        setting = levels.find_setting(name)
        if setting is None or said_of(layer, name) != made:
            left.append(name)
            continue
        choices.pop(name, None)
        locks.discard(name)
        if was := _find_standing(name, change, earlier):
            choices[name] = setting.parse(was[0])
            locks |= {name} if was[1] else set()
    return Layer(layer.level, layer.name, choices, frozenset(locks)), left


def _find_standing(name: str, change: PolicyChange, earlier: Iterable[PolicyChange]) -> Said:
    """What a setting was before a change, leaving out what was undone since. `earlier`: the newest first."""
    said = change.before.get(name)
    for one in earlier:
        if name not in one.after:
            continue
        if one.state != ChangeState.UNDONE:
            break
        if one.after[name] == said:
            said = one.before.get(name)
    return said


def _hasten(changes: QuerySet[PolicyChange]) -> None:
    """What waits is due now."""
    keys = [str(pk) for pk in changes.values_list("pk", flat=True)]
    changes.update(due_at=timezone.now())
    for key in keys:
        _queue(key)


def _look_again(organization: Organization) -> None:
    """Others may be concerned by what waits than those who were told: see who, once more."""
    waiting = PolicyChange.objects.filter(organization=organization, state=ChangeState.WAITING)
    # Only what was looked at: a file that changes a thousand levels would write each of its changes a thousand times.
    # Whoever has just begun knows policies that hold no more, and loses the lease.
    looked_at = waiting.exclude(announced_at=None, position=None, looked_at=0, leased_by="")
    looked_at.update(announced_at=None, position=None, looked_at=0, leased_by="", leased_until=None)


def _start(change: PolicyChange) -> None:
    _queue(str(change.pk))


def _queue(key: str) -> None:
    """Once the transaction is committed. A lost message is made good by the sweep."""
    transaction.on_commit(lambda: tasks.enforce_change.delay(key))
