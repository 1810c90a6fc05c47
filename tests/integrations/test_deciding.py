"""Previewing, saving and taking back what admins decide."""

import pytest
from django.utils import timezone

from integrations import deciding
from integrations.deciding import ChangedMeanwhile, Contradicts, LockedAbove, NotWaiting, Place
from integrations.levels import parse_layer
from integrations.models import Connection
from integrations.policy import Level
from integrations.policy_models import AdminPolicy, ChangeState, EffectState, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome
from organizations.models import AuditEvent, Group
from tests.integrations.enforcement import ends_any

pytestmark = pytest.mark.django_db

OFF = {"memory.calendar_write": "off"}


@pytest.fixture
def queued(monkeypatch):
    from integrations import tasks

    sent = []
    monkeypatch.setattr(tasks.enforce_change, "delay", sent.append)
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *_: None)
    return sent


@pytest.fixture
def save(queued, dora):
    def save(place, choices, locks=(), *, grace_days=None, version=None):
        name = place.group.name if place.group else ""
        layer = parse_layer(place.level, choices, list(locks), name=name)
        known = deciding.version_of(place) if version is None else version
        return deciding.save(place, layer, version=known, by=dora, address="192.0.2.1", grace_days=grace_days)

    return save


@pytest.fixture
def whole(northwind):
    return Place(northwind)


@pytest.fixture
def sales(northwind, alice):
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    return group


def connected(user, *permissions, provider="memory", **fields):
    flags = dict.fromkeys(permissions or ("calendar_read", "calendar_write"), True)
    return Connection.objects.create(
        user=user, provider=provider, mailbox=user.email, account_id="1", credentials={"t": "1"}, **flags, **fields
    )


def test_a_first_choice_is_saved_with_its_change_and_its_line_in_the_audit_trail(
    whole, save, dora, queued, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        change = save(whole, OFF, ["memory.calendar_write"])
    row = deciding.find_policy(whole)
    assert (row.choices, row.locks, row.version, row.changed_by) == (OFF, ["memory.calendar_write"], 1, dora)
    assert (change.before, change.after) == ({"memory.calendar_write": None}, {"memory.calendar_write": ["off", True]})
    assert change.state == ChangeState.RUNNING
    assert queued == [str(change.pk)]
    event = AuditEvent.objects.get(action="policy.changed")
    assert event.details == {
        "policy": "Organization",
        "change": str(change.pk),
        "before": {"Memory: Calendar write": "Nothing"},
        "after": {"Memory: Calendar write": "Off, locked"},
    }
    assert (event.actor, event.address) == (dora, "192.0.2.1")


def test_saying_the_same_again_changes_nothing(whole, save, queued):
    save(whole, OFF)
    assert save(whole, OFF) is None
    assert deciding.version_of(whole) == 1
    assert PolicyChange.objects.count() == AuditEvent.objects.filter(action="policy.changed").count() == 1


def test_the_second_of_two_admins_is_told_and_nothing_is_overwritten(whole, save):
    save(whole, OFF, version=0)
    with pytest.raises(ChangedMeanwhile) as told:
        save(whole, {"enabled": False}, version=0)
    assert told.value.policy == deciding.find_policy(whole)
    assert deciding.find_policy(whole).choices == OFF
    assert save(whole, {"enabled": False}, version=1)


def test_what_contradicts_itself_is_refused_with_the_sentence(whole, save):
    with pytest.raises(Contradicts) as refused:
        save(whole, {"memory.calendar_write": "on", "memory.calendar_read": "off"})
    assert refused.value.sentences == ["Memory: Calendar write cannot be on while Calendar read is off."]
    assert save(whole, {"memory.calendar_write": "off", "memory.calendar_read": "off"})


def test_what_contradicts_a_level_above_is_refused_too(whole, northwind, sales, save):
    save(whole, {"memory.calendar_read": "off"})
    with pytest.raises(Contradicts):
        save(Place(northwind, group=sales), {"memory.calendar_write": "on"})
    assert save(Place(northwind, group=sales), {"memory.calendar_write": "on", "memory.calendar_read": "on"})


def test_a_lock_above_may_not_be_contradicted_and_may_be_repeated(whole, northwind, sales, alice, save):
    save(whole, OFF, ["memory.calendar_write"])
    for place in (Place(northwind, group=sales), Place(northwind, membership=alice.membership)):
        with pytest.raises(LockedAbove) as refused:
            save(place, {"memory.calendar_write": "ask"})
        assert refused.value.sentence == "Memory: Calendar write is locked by the organization: Off."
        assert save(place, OFF)


def test_a_groups_lock_binds_its_members_own_level(northwind, sales, alice, save):
    save(Place(northwind, group=sales), OFF, ["memory.calendar_write"])
    with pytest.raises(LockedAbove, match="is locked by the group Sales: Off"):
        save(Place(northwind, membership=alice.membership), {"memory.calendar_write": "on"})


def test_what_was_said_before_the_lock_came_may_stand(whole, northwind, sales, save):
    place = Place(northwind, group=sales)
    save(place, {"memory.calendar_write": "ask"})
    save(whole, OFF, ["memory.calendar_write"])
    assert save(place, {"memory.calendar_write": "ask", "prompt": "once"})


def test_layers_above_come_in_the_order_that_decides(whole, northwind, sales, alice, save):
    first = Group.objects.create(organization=northwind, name="Board", position=0)
    Group.objects.filter(pk=sales.pk).update(position=1)
    alice.membership.groups.add(first)
    for place in (whole, Place(northwind, group=sales), Place(northwind, group=first)):
        save(place, {"prompt": "once"})
    member = Place(northwind, membership=alice.membership)
    save(member, {"prompt": "never"})
    assert [(one.level, one.name) for one in deciding.layers_above(member)] == [
        (Level.ORGANIZATION, ""),
        (Level.GROUP, "Board"),
        (Level.GROUP, "Sales"),
    ]
    assert [one.level for one in deciding.layers_above(Place(northwind, group=sales))] == [Level.ORGANIZATION]
    assert deciding.layers_above(whole) == []


def test_a_preview_says_who_is_hit_and_writes_nothing(whole, northwind, alice, bob, dora):
    connected(alice)
    connected(bob, "contacts_read")
    layer = parse_layer(Level.ORGANIZATION, OFF, ["memory.calendar_write"])
    found = deciding.preview(whole, layer)
    assert found.counts == {
        Outcome.DISCONNECTED: 0,
        Outcome.NARROWED: 1,
        Outcome.HELD_BACK: 0,
        Outcome.TO_GRANT: 0,
        Outcome.UNAFFECTED: 1,
    }
    (hit,) = found.first(Outcome.NARROWED)
    assert (hit.person, hit.provider, hit.mailbox) == (alice, "memory", alice.email)
    assert hit.before.outcome is Outcome.UNAFFECTED
    assert [one.person for one in found.rows(Outcome.UNAFFECTED)] == [bob]
    assert (found.total_members, found.not_connected) == (3, 1)
    assert not AdminPolicy.objects.exists()
    assert not PolicyChange.objects.exists()


def test_a_preview_of_a_group_looks_at_its_members_only(northwind, sales, alice, bob):
    connected(alice)
    connected(bob)
    layer = parse_layer(Level.GROUP, OFF, ["memory.calendar_write"], name="Sales")
    found = deciding.preview(Place(northwind, group=sales), layer)
    assert [one.person for one in found.rows()] == [alice]
    (hit,) = found.first(Outcome.NARROWED)
    assert hit.groups == ("Sales",)
    assert hit.verdict.reasons[0].sentence == "Calendar write was switched off by your group Sales."


def test_a_move_into_a_group_is_previewed(northwind, sales, alice, bob, save):
    connected(bob)
    save(Place(northwind, group=sales), {"memory.offered": False}, ["memory.offered"])
    moved = deciding.preview_placement(northwind, groups_of={bob.membership.pk: frozenset({sales.pk})})
    assert [one.person for one in moved.rows(Outcome.DISCONNECTED)] == [bob]
    stays = deciding.preview_placement(northwind, groups_of={bob.membership.pk: frozenset()})
    assert not ends_any(stays)


def test_the_order_of_groups_and_their_deletion_are_previewed(northwind, sales, alice, save):
    board = Group.objects.create(organization=northwind, name="Board", position=5)
    alice.membership.groups.add(board)
    connected(alice)
    save(Place(northwind, group=sales), {"memory.calendar_write": "ask"}, ["memory.calendar_write"])
    save(Place(northwind, group=board), OFF, ["memory.calendar_write"])
    assert not ends_any(deciding.preview_placement(northwind))
    assert deciding.preview_placement(northwind, order=[board.pk, sales.pk]).counts[Outcome.NARROWED] == 1
    assert deciding.preview_placement(northwind, order=[board.pk]).counts[Outcome.NARROWED] == 1
    assert not ends_any(deciding.preview_placement(northwind, order=[sales.pk]))


@pytest.mark.parametrize("people", [1, 3])
def test_a_preview_asks_the_database_as_often_for_many_as_for_one(
    whole, northwind, make_member, people, django_assert_num_queries
):
    group = Group.objects.create(organization=northwind, name="Sales")
    for n in range(people):
        person = make_member(northwind, f"p{n}@northwind.example")
        person.membership.groups.add(group)
        connected(person)
    layer = parse_layer(Level.ORGANIZATION, {"enabled": False}, ["enabled"])
    # Policies and order of groups (twice), names of groups, the batch, its groups, the next (empty) batch.
    with django_assert_num_queries(8):
        assert deciding.preview(whole, layer).counts[Outcome.DISCONNECTED] == people


def test_in_a_grace_period_what_held_before_is_kept(whole, save, alice, northwind):
    connection = connected(alice)
    change = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    row = deciding.find_policy(whole)
    assert (row.kept_choices, row.kept_locks) == ({}, [])
    assert change.due_at == row.kept_until
    assert change.state == ChangeState.WAITING
    assert {str(one) for one in connection.usable} == {"calendar_read", "calendar_write"}


def test_a_second_change_joins_the_grace_period_that_runs(whole, save):
    first = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    second = save(whole, {**OFF, "memory.contacts_write": "off"}, ["memory.contacts_write"], grace_days=30)
    row = deciding.find_policy(whole)
    assert row.kept_choices == {}
    assert first.due_at == second.due_at == row.kept_until


def test_a_second_change_at_once_ends_the_grace_period(whole, save):
    first = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    save(whole, {**OFF, "enabled": False}, ["memory.calendar_write"])
    first.refresh_from_db()
    row = deciding.find_policy(whole)
    assert row.kept_until is None
    assert first.due_at <= timezone.now()


def test_a_change_is_undone_setting_by_setting(whole, save, dora):
    save(whole, {"prompt": "once"})
    first = save(whole, {"prompt": "once", **OFF}, ["memory.calendar_write"], grace_days=7)
    save(whole, {"prompt": "never", **OFF, "enabled": True}, ["memory.calendar_write"], grace_days=7)
    assert deciding.undo(first, by=dora, address=None) == []
    row = deciding.find_policy(whole)
    assert row.choices == {"prompt": "never", "enabled": True}
    assert row.is_in_grace(row.changed_at), "the other change waits still"
    first.refresh_from_db()
    assert first.state == ChangeState.UNDONE
    with pytest.raises(NotWaiting):
        deciding.undo(first, by=dora, address=None)


def test_undoing_leaves_what_was_changed_again_since(whole, save, dora):
    first = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    second = save(whole, {"memory.calendar_write": "ask"}, ["memory.calendar_write"], grace_days=7)
    assert deciding.undo(first, by=dora, address=None) == ["memory.calendar_write"]
    assert deciding.find_policy(whole).choices == {"memory.calendar_write": "ask"}
    assert deciding.undo(second, by=dora, address=None) == []
    row = deciding.find_policy(whole)
    assert (row.choices, row.kept_until) == ({}, None), "what the first had made is undone as well"


def test_undoing_one_change_after_the_other_leaves_what_was_there_before_both(whole, save, dora):
    lock, again = ["memory.calendar_write"], {"memory.calendar_write": "on"}
    save(whole, {"memory.calendar_write": "ask"})
    first = save(whole, OFF, lock, grace_days=7)
    second = save(whole, {"memory.calendar_write": "ask"}, lock, grace_days=7)
    third = save(whole, again, grace_days=7)
    assert deciding.undo(first, by=dora, address=None) == ["memory.calendar_write"]
    assert deciding.undo(third, by=dora, address=None) == []
    assert deciding.layer_of(whole).locks == {"memory.calendar_write"}, "the second change stands and waits"
    assert deciding.find_policy(whole).kept_until is not None
    assert deciding.undo(second, by=dora, address=None) == []
    row = deciding.find_policy(whole)
    assert (row.choices, row.locks, row.kept_until) == ({"memory.calendar_write": "ask"}, [], None)


def test_undoing_puts_back_what_was_said_once_more_after_it_was_undone(whole, save, dora):
    lock = ["memory.calendar_write"]
    deciding.undo(save(whole, OFF, lock, grace_days=7), by=dora, address=None)
    save(whole, OFF, lock, grace_days=7)
    lifted = save(whole, {}, grace_days=7)
    assert deciding.undo(lifted, by=dora, address=None) == []
    assert (deciding.find_policy(whole).choices, deciding.find_policy(whole).locks) == (OFF, lock)


def test_undoing_tells_those_who_were_told_and_nobody_else(whole, save, dora, alice, bob):
    change = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    for person, told in ((alice, change.made_at), (bob, None)):
        PolicyEffect.objects.create(
            change=change,
            user=person,
            connection_id=change.pk,
            provider="memory",
            mailbox=person.email,
            outcome="narrowed",
            told_at=told,
        )
    deciding.undo(change, by=dora, address=None)
    effects = {one.user: one for one in PolicyEffect.objects.all()}
    assert {one.state for one in effects.values()} == {EffectState.UNDONE}
    assert effects[alice].told_at is None
    assert effects[bob].told_at is not None


def test_a_grace_period_can_be_ended_at_once(whole, save, dora):
    change = save(whole, OFF, ["memory.calendar_write"], grace_days=7)
    deciding.end_grace(change, by=dora, address=None)
    change.refresh_from_db()
    assert deciding.find_policy(whole).kept_until is None
    assert change.due_at <= timezone.now()
    assert AuditEvent.objects.filter(action="policy.grace_ended").exists()


def test_a_level_that_is_removed_says_nothing_any_more(whole, save, dora):
    save(whole, OFF)
    save(whole, {})
    assert deciding.layer_of(whole).choices == {}
    assert deciding.version_of(whole) == 2
    assert save(whole, {}) is None


def test_the_same_member_of_another_organization_is_no_part_of_it(rival, charlie, whole):
    connected(charlie)
    layer = parse_layer(Level.ORGANIZATION, {"enabled": False}, ["enabled"])
    assert list(deciding.preview(whole, layer).rows()) == []
    assert deciding.preview(Place(rival), layer).counts[Outcome.DISCONNECTED] == 1
