"""What a preview says, by name, is what is done: on random organizations, and with random changes."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from integrations import deciding
from integrations.deciding import Contradicts, LockedAbove, Place
from integrations.levels import parse_layer
from integrations.models import Connection
from integrations.permissions import Permission
from integrations.policy_models import ChangeState, EffectState, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome
from organizations.models import Group, Membership, Organization, User
from organizations.signals import policy_may_differ
from tests.integrations.enforcement import carry_out, ends_any, make_connection, pass_days
from tests.policies import set_policy

pytestmark = pytest.mark.django_db

MODES = st.sampled_from(["off", "off", "on", "ask"])
MOSTLY = st.sampled_from([True, True, True, False])
SETTINGS: Mapping[str, st.SearchStrategy[Any]] = {
    "enabled": MOSTLY,
    "own_mailbox": MOSTLY.map(lambda one: not one),
    "mailbox_domains": st.sampled_from([[], ["northwind.example"], ["northwind.example", "other.example"]]),
    "memory.offered": MOSTLY,
    "memory.require_oauth": st.booleans(),
    "memory.ews_hosts": st.sampled_from([[], ["memory.example"], ["elsewhere.example"]]),
    "memory.versions": st.sampled_from([[], ["2"]]),
    **{f"memory.{one}": MODES for one in Permission},
    "elsewhere.offered": MOSTLY,
    "elsewhere.calendar_read": MODES,
    "prompt": st.sampled_from(["never", "once"]),
}
WHOLE, GROUPS, PEOPLE = "whole", ("Sales", "Board", "Law"), ("ann", "ben", "cid", "dee")


@st.composite
def layers(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    modes = [f"memory.{one}" for one in Permission]
    names = draw(st.sets(st.sampled_from(modes) | st.sampled_from(list(SETTINGS)), min_size=1, max_size=4))
    choices = {name: draw(SETTINGS[name]) for name in sorted(names)}
    locks = [name for name in sorted(names) if draw(MOSTLY)]
    return choices, locks


@dataclass
class Person:
    groups: frozenset[str]
    permissions: frozenset[str] | None
    """None: not connected."""
    provider: str
    method: str
    mailbox: str


@st.composite
def persons(draw: st.DrawFn) -> Person:
    read = {"calendar_write": "calendar_read", "contacts_write": "contacts_read"}
    ticked = draw(st.frozensets(st.sampled_from([str(one) for one in Permission]), min_size=1))
    closed = ticked | {read[one] for one in ticked if one in read} if draw(MOSTLY) else None
    return Person(
        groups=draw(st.frozensets(st.sampled_from(GROUPS))),
        permissions=closed,
        provider=draw(st.sampled_from(["memory", "memory", "memory", "elsewhere"])),
        method=draw(st.sampled_from(["oauth", "oauth", "password"])),
        mailbox=draw(st.sampled_from(["", "", "", "box@other.example", "box@third.example"])),
    )


SAID = st.dictionaries(st.sampled_from([WHOLE, *GROUPS, *PEOPLE]), layers(), max_size=3)
CHANGES = st.tuples(st.sampled_from([WHOLE, WHOLE, *GROUPS, *PEOPLE]), layers())


class Stage:
    """An organization as the example has it."""

    def __init__(self, people: Mapping[str, Person], said: Mapping[str, Any]) -> None:
        self.organization = Organization.objects.create(name="Northwind")
        self.groups = {
            name: Group.objects.create(organization=self.organization, name=name, position=n)
            for n, name in enumerate(GROUPS)
        }
        self.members = {name: self._add(name, person) for name, person in people.items()}
        for name, (choices, locks) in said.items():
            place = self.place(name)
            set_policy(self.organization, choices, locks=locks, group=place.group, membership=place.membership)

    def _add(self, name: str, person: Person) -> Membership:
        user = User.objects.create(email=f"{name}@northwind.example")
        membership = Membership.objects.create(user=user, organization=self.organization)
        membership.groups.set([self.groups[one] for one in person.groups])
        if person.permissions is not None:
            by_password = {"method": "password", "host": "memory.example", "version": "1"}
            make_connection(
                user,
                provider=person.provider,
                mailbox=person.mailbox or user.email,
                **(by_password if person.method == "password" else {}),
                **{str(one): str(one) in person.permissions for one in Permission},
            )
        return membership

    def place(self, name: str) -> Place:
        return Place(self.organization, self.groups.get(name), self.members.get(name))

    def settle(self) -> None:
        """What was said from the beginning has had its effects."""
        policy_may_differ.send(None, organization=self.organization, what="The beginning", by=None, address=None)
        carry_out()
        self.known = set(PolicyEffect.objects.values_list("pk", flat=True))

    def move(self, groups_of: Mapping[int, frozenset[int]], order: list[int] | None) -> None:
        """Says which groups are concerned, as pages do."""
        concerned = set() if order is None else {one.pk for one in self.groups.values()}
        for membership, groups in groups_of.items():
            mine = Membership.objects.get(pk=membership).groups
            concerned |= groups ^ set(mine.values_list("pk", flat=True))
            mine.set(groups)
        told = {"organization": self.organization, "what": "A move", "groups": concerned, "by": None, "address": None}
        policy_may_differ.send(None, **told)
        if order is not None:
            Group.objects.filter(organization=self.organization).exclude(pk__in=order).delete()
            for n, key in enumerate(order):
                Group.objects.filter(pk=key).update(position=n)

    def held(self) -> dict[str, frozenset[Permission]]:
        return {one.user.email: one.granted for one in Connection.objects.select_related("user")}


def by_outcome(preview: deciding.Preview) -> dict[Outcome, dict[str, frozenset[Permission]]]:
    found = {one: {row.person.email: row.verdict.ended for row in preview.rows(one)} for one in Outcome}
    assert {one: len(rows) for one, rows in found.items()} == preview.counts
    return found


def check_effect(stage: Stage, expected: dict[Outcome, dict[str, frozenset[Permission]]], before: Any) -> None:
    """Those and only those, by name."""
    for outcome, rows in expected.items():
        event(f"{outcome.value}: {'some' if rows else 'nobody'}")
    after = stage.held()
    assert set(before) - set(after) == set(expected[Outcome.DISCONNECTED])
    for person, granted in after.items():
        assert granted == before[person] - expected[Outcome.NARROWED].get(person, frozenset())
    effects = PolicyEffect.objects.select_related("user")
    ended = {(one.user.email, one.outcome) for one in effects.exclude(pk__in=stage.known)}
    asked = {one.user.email for one in effects if one.outcome == Outcome.TO_GRANT}
    done = {(person, one.value) for one in (Outcome.DISCONNECTED, Outcome.NARROWED) for person in expected[one]}
    asked_now = {(person, Outcome.TO_GRANT.value) for person in expected[Outcome.TO_GRANT]}
    assert done <= ended <= done | asked_now
    assert set(expected[Outcome.TO_GRANT]) <= asked, "somebody was not asked, neither now nor before"


example = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@example
@given(people=st.dictionaries(st.sampled_from(PEOPLE), persons(), min_size=2), said=SAID, change=CHANGES)
def test_saving_does_to_each_person_what_the_preview_said(people, said, change):
    with transaction.atomic():
        stage = Stage(people, said)
        stage.settle()
        name, (choices, locks) = change
        if name in stage.groups or name == WHOLE or name in stage.members:
            save_and_check(stage, stage.place(name), choices, locks, grace_days=None)
        transaction.set_rollback(True)


@example
@given(people=st.dictionaries(st.sampled_from(PEOPLE), persons(), min_size=2), said=SAID, change=CHANGES)
def test_after_a_grace_period_it_is_the_same(people, said, change):
    with transaction.atomic():
        stage = Stage(people, said)
        stage.settle()
        name, (choices, locks) = change
        if name in stage.groups or name == WHOLE or name in stage.members:
            save_and_check(stage, stage.place(name), choices, locks, grace_days=5)
        transaction.set_rollback(True)


def save_and_check(
    stage: Stage, place: Place, choices: dict[str, Any], locks: list[str], *, grace_days: int | None
) -> None:
    group = place.group.name if place.group else ""
    layer = parse_layer(place.level, choices, locks, name=group)
    expected, before = by_outcome(deciding.preview(place, layer)), stage.held()
    try:
        change = deciding.save(
            place, layer, version=deciding.version_of(place), by=None, address=None, grace_days=grace_days
        )
    except (Contradicts, LockedAbove):
        assert stage.held() == before
        return
    assert change is not None or not any(expected[one] for one in (Outcome.DISCONNECTED, Outcome.NARROWED))
    if change is None:
        return
    carry_out()
    if grace_days:
        assert stage.held() == before, "something ended before its time"
        pass_days(grace_days + 0.1)
        carry_out()
    check_effect(stage, expected, before)


@example
@given(
    people=st.dictionaries(st.sampled_from(PEOPLE), persons(), min_size=2),
    said=SAID,
    of_groups=st.dictionaries(st.sampled_from(GROUPS), layers(), min_size=2),
    moved=st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(GROUPS)), min_size=2),
    order=st.none() | st.permutations(GROUPS).flatmap(lambda one: st.integers(0, 3).map(lambda n: list(one)[:n])),
)
def test_moving_people_and_groups_does_to_each_person_what_the_preview_said(people, said, of_groups, moved, order):
    with transaction.atomic():
        stage = Stage(people, {**said, **of_groups})
        stage.settle()
        groups_of = {
            stage.members[name].pk: frozenset(stage.groups[one].pk for one in groups)
            for name, groups in moved.items()
            if name in stage.members
        }
        keys = None if order is None else [stage.groups[one].pk for one in order]
        if groups_of or keys is not None:
            expected = by_outcome(deciding.preview_placement(stage.organization, groups_of=groups_of, order=keys))
            before = stage.held()
            stage.move(groups_of, keys)
            carry_out()
            check_effect(stage, expected, before)
        transaction.set_rollback(True)


STEPS = st.lists(
    st.tuples(CHANGES, st.sampled_from([None, 2, 5]), st.none() | st.integers(0, 2), st.sampled_from([0, 1.5, 3])),
    min_size=2,
    max_size=5,
)
"""What is said, with how many days of grace, which of the changes that wait is undone then, and days that pass."""


@example
@given(people=st.dictionaries(st.sampled_from(PEOPLE), persons(), min_size=2), steps=STEPS)
def test_however_changes_and_grace_periods_overlap_everybody_ends_up_under_the_last_word(people, steps):
    with transaction.atomic():
        stage = Stage(people, {})
        beginning = stage.held()
        for (name, (choices, locks)), grace_days, undone, pause in steps:
            if name == WHOLE or name in stage.groups or name in stage.members:
                save_if_allowed(stage.place(name), choices, locks, grace_days)
            carry_out()
            undo_if_allowed(undone)
            carry_out()
            pass_days(pause)
            carry_out()
        pass_days(6)
        carry_out()
        check_the_end(stage, beginning)
        transaction.set_rollback(True)


def save_if_allowed(place: Place, choices: dict[str, Any], locks: list[str], grace_days: int | None) -> None:
    layer = parse_layer(place.level, choices, locks, name=place.group.name if place.group else "")
    version = deciding.version_of(place)
    with suppress(Contradicts, LockedAbove):
        deciding.save(place, layer, version=version, by=None, address=None, grace_days=grace_days)


def undo_if_allowed(which: int | None) -> None:
    waiting = PolicyChange.objects.filter(state=ChangeState.WAITING).order_by("made_at")
    for change in [] if which is None else waiting[which : which + 1]:
        with suppress(Contradicts):
            deciding.undo(change, by=None, address=None)


def check_the_end(stage: Stage, beginning: dict[str, frozenset[Permission]]) -> None:
    """Nothing is left that a lock forbids, nobody lost anything that they were not told of, and nothing waits."""
    left = deciding.preview_placement(stage.organization)
    assert not ends_any(left)
    told: dict[str, set[str]] = {}
    for effect in PolicyEffect.objects.filter(state=EffectState.DONE).select_related("user"):
        told.setdefault(effect.user.email, set()).update(effect.ended)
        if effect.outcome == Outcome.DISCONNECTED:
            told[effect.user.email] |= {str(one) for one in Permission}
    after = stage.held()
    for person, granted in beginning.items():
        lost = {str(one) for one in granted - after.get(person, frozenset())}
        assert lost <= told.get(person, set())
        assert after.get(person, frozenset()) <= granted
    assert not PolicyEffect.objects.filter(state=EffectState.WAITING).exists()
    assert not PolicyChange.objects.filter(state__in=[ChangeState.WAITING, ChangeState.RUNNING]).exists()
