"""What a change of policy does to connections that are there, at once and after a grace period."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from integrations import announcing, changing, deciding, effects, enforcing, sync, walking
from integrations.deciding import Place
from integrations.models import Connection, Revocation
from integrations.permissions import Permission
from integrations.policy_models import ChangeState, EffectState, HeldNow, PolicyChange, PolicyEffect, policy_for
from integrations.verdicts import Outcome
from meetings.models import Meeting
from organizations.models import AuditEvent, Group
from organizations.signals import policy_may_differ
from tests.integrations.enforcement import carry_out, decide, make_connection, pass_days
from tests.policies import set_policy

pytestmark = pytest.mark.django_db

NO_WRITE = {"memory.calendar_write": "off"}
NO_SERVICE = {"memory.offered": False}


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    from integrations import tasks

    sent = []
    for task in (tasks.enforce_change, tasks.sync_connection):
        monkeypatch.setattr(task, "delay", lambda *args: sent.append(args))
    return sent


@pytest.fixture
def whole(northwind):
    return Place(northwind)


@pytest.fixture
def sales(northwind, alice):
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    return group


def effect_on(user):
    return PolicyEffect.objects.get(user=user)


def test_a_lock_disconnects_at_once_and_erases_everything_that_was_read(connect, whole, alice, dora, memory):
    connection = connect("calendar_read", "contacts_read")
    sync.run(connection.pk)
    assert (Meeting.objects.count(), Contact.objects.count()) == (3, 2)
    change = decide(whole, NO_SERVICE, ["memory.offered"], by=dora)
    carry_out()
    assert not Connection.objects.exists()
    assert (Meeting.objects.count(), Contact.objects.count()) == (0, 0)
    effect = effect_on(alice)
    assert (effect.state, effect.outcome, effect.told_at) == (EffectState.DONE, Outcome.DISCONNECTED, None)
    assert effect.reasons == ["This service is not offered to you, by decision of your organization."]
    event = AuditEvent.objects.get(action="connection.disconnected_by_policy")
    assert (event.subject, event.actor, event.organization) == (alice, None, alice.organization)
    assert event.details == {
        "provider": "memory",
        "mailbox": alice.email,
        "reasons": effect.reasons,
        "change": str(change.pk),
        "removed": {"calendar": 3, "contacts": 2},
    }
    assert Revocation.objects.get().subject_label == alice.email
    assert "revoke" not in memory.requests, "nobody waits for the provider"
    change.refresh_from_db()
    assert (change.state, change.total, change.looked_at) == (ChangeState.DONE, 1, 1)
    done = AuditEvent.objects.get(action="policy.carried_out")
    assert (done.details["disconnected"], done.details["narrowed"]) == (1, 0)


def test_off_without_a_lock_keeps_the_connection_and_its_rows(connect, whole):
    connection = connect("calendar_read")
    sync.run(connection.pk)
    decide(whole, NO_SERVICE)
    carry_out()
    assert Connection.objects.get().usable == frozenset()
    assert Meeting.objects.count() == 3
    assert not PolicyEffect.objects.exists()


def test_a_lock_on_one_permission_narrows_and_erases_just_what_was_read_under_it(connect, whole, alice, memory):
    connection = connect("calendar_read", "contacts_read")
    sync.run(connection.pk)
    decide(whole, {"memory.contacts_read": "off"}, ["memory.contacts_read"])
    carry_out()
    connection = Connection.objects.get()
    assert connection.permission_names() == ["calendar_read"]
    assert (Meeting.objects.count(), Contact.objects.count()) == (3, 0)
    assert "access_token" not in connection.credentials.open(), "the token in hand opens more"
    assert effect_on(alice).outcome == Outcome.NARROWED
    event = AuditEvent.objects.get(action="connection.narrowed_by_policy")
    assert event.details["before"] == ["calendar_read", "contacts_read"]
    assert event.details["granted"] == ["calendar_read"]
    assert not Revocation.objects.exists()
    sync.run(connection.pk, trigger="person")
    assert memory.people[alice.email].opened == {"calendar_read"}
    assert Connection.objects.get().status == "connected"


def test_a_permission_that_is_on_is_asked_for_once_and_the_connection_goes_on(whole, alice):
    make_connection(alice, "calendar_read")
    decide(whole, {"memory.contacts_read": "on"}, ["memory.contacts_read"])
    carry_out()
    effect = effect_on(alice)
    assert (effect.outcome, effect.state, effect.lacking) == (Outcome.TO_GRANT, EffectState.DONE, ["contacts_read"])
    assert Connection.objects.get().permission_names() == ["calendar_read"]
    decide(whole, {"memory.contacts_read": "on", "prompt": "once"}, ["memory.contacts_read"])
    carry_out()
    assert PolicyEffect.objects.count() == 1, "a second change asked for the same"
    decide(whole, {"memory.contacts_write": "on"}, ["memory.contacts_write"])
    carry_out()
    assert PolicyEffect.objects.count() == 2


def test_nobody_of_another_organization_is_touched(whole, alice, charlie):
    make_connection(alice)
    stranger = make_connection(charlie)
    decide(whole, {"enabled": False}, ["enabled"])
    carry_out()
    assert list(Connection.objects.all()) == [stranger]


def test_a_groups_lock_reaches_its_members_only(northwind, sales, alice, bob):
    make_connection(alice)
    make_connection(bob)
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"])
    carry_out()
    assert list(Connection.objects.values_list("user__email", flat=True)) == [bob.email]
    assert effect_on(alice).reasons == ["This service is not offered to you, by decision of your group Sales."]


def test_doing_it_twice_does_nothing_the_second_time(whole, alice, bob):
    make_connection(alice)
    make_connection(bob, "calendar_read")
    change = decide(whole, NO_WRITE, ["memory.calendar_write"])
    carry_out()
    PolicyEffect.objects.update(told_at=timezone.now())
    PolicyChange.objects.filter(pk=change.pk).update(state=ChangeState.RUNNING, position=None)
    carry_out()
    assert AuditEvent.objects.filter(action="connection.narrowed_by_policy").count() == 1
    assert PolicyEffect.objects.filter(told_at=None).count() == 0


# --- While a grace period runs -----------------------------------------------------------------------------------


def test_a_grace_period_announces_and_ends_nothing_until_it_is_over(connect, whole, alice):
    connection = connect("calendar_read", "contacts_read")
    sync.run(connection.pk)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    effect = effect_on(alice)
    assert (effect.state, effect.outcome) == (EffectState.WAITING, Outcome.DISCONNECTED)
    assert Connection.objects.get().usable == {"calendar_read", "contacts_read"}
    assert sync.run(connection.pk, trigger="person").outcome == "done"
    pass_days(6.9)
    carry_out()
    assert Connection.objects.exists()
    pass_days(0.2)
    carry_out()
    assert not Connection.objects.exists()
    effect = effect_on(alice)
    assert (effect.state, effect.told_at) == (EffectState.DONE, None)


def test_once_the_grace_period_is_over_nothing_is_used_even_before_the_worker_comes(whole, alice):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=1)
    assert Connection.objects.get().usable
    pass_days(1.1)
    assert Connection.objects.get().usable == frozenset()


def test_who_complies_meanwhile_is_spared(whole, alice, bob):
    make_connection(alice)
    make_connection(bob)
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    changing.narrow(Connection.objects.get(user=alice), frozenset({"calendar_read"}), by=alice)
    pass_days(3.1)
    carry_out()
    assert effect_on(alice).state == EffectState.SPARED
    assert effect_on(alice).told_at is not None, "there is nothing to say"
    assert effect_on(bob).state == EffectState.DONE
    assert AuditEvent.objects.filter(action="connection.narrowed_by_policy").count() == 1


def test_who_disconnects_meanwhile_is_spared_and_told_nothing(whole, alice, memory):
    connection = make_connection(alice)
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    changing.disconnect(connection, by=alice)
    pass_days(3.1)
    carry_out()
    assert effect_on(alice).state == EffectState.SPARED
    assert effect_on(alice).told_at is not None


def test_a_member_who_leaves_the_group_meanwhile_is_spared_and_told(northwind, sales, alice, dora):
    make_connection(alice)
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    PolicyEffect.objects.update(told_at=timezone.now())
    alice.membership.groups.remove(sales)
    policy_may_differ.send(None, organization=northwind, what="Alice left Sales", by=dora, address=None)
    carry_out()
    assert (effect_on(alice).state, effect_on(alice).told_at) == (EffectState.SPARED, None)
    pass_days(3.1)
    carry_out()
    assert Connection.objects.count() == 1


def test_a_member_who_joins_the_group_meanwhile_is_told_and_has_the_rest_of_the_time(northwind, sales, bob, dora):
    make_connection(bob)
    change = decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    bob.membership.groups.add(sales)
    policy_may_differ.send(None, organization=northwind, what="Bob joined Sales", by=dora, address=None)
    carry_out()
    assert (effect_on(bob).change, effect_on(bob).state) == (change, EffectState.WAITING)
    assert Connection.objects.count() == 1
    pass_days(3.1)
    carry_out()
    assert not Connection.objects.exists()


def test_a_move_under_a_lock_takes_effect_at_once(northwind, sales, bob, dora):
    make_connection(bob)
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"])
    carry_out()
    bob.membership.groups.add(sales)
    policy_may_differ.send(None, organization=northwind, what="Bob joined Sales", by=dora, address="192.0.2.9")
    carry_out()
    assert not Connection.objects.exists()
    change = effect_on(bob).change
    assert (change.what, change.made_by, change.policy) == ("Bob joined Sales", dora, None)


def test_a_group_that_is_deleted_while_its_lock_waits_ends_nothing(northwind, sales, alice, dora):
    make_connection(alice)
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    PolicyEffect.objects.update(told_at=timezone.now())
    sales.delete()
    policy_may_differ.send(None, organization=northwind, what="Sales was deleted", by=dora, address=None)
    carry_out()
    assert (effect_on(alice).state, effect_on(alice).told_at) == (EffectState.SPARED, None)
    pass_days(3.1)
    carry_out()
    assert Connection.objects.count() == 1
    assert set(PolicyChange.objects.values_list("state", flat=True)) == {ChangeState.DONE}


def test_a_group_that_is_deleted_while_its_lock_is_applied_stops_what_is_left(
    northwind, sales, alice, bob, monkeypatch
):
    bob.membership.groups.add(sales)
    for person in (alice, bob):
        make_connection(person)
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"])
    act, acted = enforcing.Concerned.act, []

    def act_and_delete(self):
        act(self)
        acted.append(self)
        Group.objects.filter(pk=sales.pk).delete()

    monkeypatch.setattr(enforcing.Concerned, "act", act_and_delete)
    carry_out()
    assert len(acted) == 2
    assert Connection.objects.count() == 1, "the second was judged by a group that is gone"
    assert PolicyChange.objects.get().state == ChangeState.DONE


def test_an_undone_change_ends_nothing_and_brings_back_what_was_said(whole, alice, dora):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    deciding.undo(change, by=dora, address=None)
    pass_days(3.1)
    carry_out()
    assert Connection.objects.get().usable
    assert effect_on(alice).state == EffectState.UNDONE


def test_undoing_all_that_waits_leaves_nobody_under_a_lock_that_nothing_enforces(whole, alice, dora):
    make_connection(alice)
    first = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    second = decide(whole, {"memory.offered": True}, grace_days=7)
    carry_out()
    for change in (first, second):
        deciding.undo(change, by=dora, address=None)
        carry_out()
    assert deciding.layer_of(whole).choices == {}
    assert Connection.objects.get().usable


def test_who_connected_what_an_undone_change_had_opened_is_disconnected_and_told(whole, northwind, alice, dora):
    set_policy(northwind, NO_SERVICE, locks=["memory.offered"])
    change = decide(whole, {"google.offered": False}, ["google.offered"], grace_days=7)
    carry_out()
    make_connection(alice)
    deciding.undo(change, by=dora, address="192.0.2.9")
    carry_out()
    assert not Connection.objects.exists()
    effect = effect_on(alice)
    assert (effect.state, effect.outcome, effect.told_at) == (EffectState.DONE, Outcome.DISCONNECTED, None)
    following = effect.change
    assert (following.what, following.made_by) == ("Organization, a change undone", dora)
    assert (following.policy, following.address) == (change.policy, "192.0.2.9")


def test_undoing_what_nobody_made_use_of_is_no_line_more_among_the_changes(whole, alice, dora):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    deciding.undo(change, by=dora, address=None)
    carry_out()
    assert PolicyChange.objects.get() == change


def test_ending_the_grace_period_acts_at_once(whole, alice, dora):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    deciding.end_grace(change, by=dora, address=None)
    carry_out()
    assert not Connection.objects.exists()
    assert effect_on(alice).state == EffectState.DONE


def test_a_change_at_once_leaves_what_another_level_gives_time_for(whole, northwind, sales, alice):
    make_connection(alice, "calendar_read", "calendar_write", "contacts_read")
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    decide(Place(northwind, group=sales), {"memory.contacts_read": "off"}, ["memory.contacts_read"])
    carry_out()
    assert Connection.objects.get().permission_names() == ["calendar_read", "calendar_write"]
    pass_days(3.1)
    carry_out()
    assert Connection.objects.get().permission_names() == ["calendar_read"]


def test_what_one_change_announced_and_another_did_is_told_once(whole, northwind, sales, alice):
    make_connection(alice)
    first = decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    second = decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"])
    carry_out()
    assert {one.change: (one.state, one.told_at is None) for one in PolicyEffect.objects.all()} == {
        first: (EffectState.DONE, False),
        second: (EffectState.DONE, True),
    }


def test_a_later_change_of_the_same_level_without_grace_carries_out_both(whole, alice):
    make_connection(alice, "calendar_read", "calendar_write", "contacts_read")
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    decide(whole, {**NO_WRITE, "memory.contacts_read": "off"}, ["memory.calendar_write", "memory.contacts_read"])
    carry_out()
    assert Connection.objects.get().permission_names() == ["calendar_read"]
    assert set(PolicyChange.objects.values_list("state", flat=True)) == {ChangeState.DONE}


def test_two_changes_in_one_grace_period_both_come_at_its_end(whole, alice):
    make_connection(alice, "calendar_read", "calendar_write", "contacts_read")
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    both = ["memory.calendar_write", "memory.contacts_read"]
    decide(whole, {**NO_WRITE, "memory.contacts_read": "off"}, both, grace_days=30)
    carry_out()
    assert len(Connection.objects.get().usable) == 3
    pass_days(3.1)
    carry_out()
    assert Connection.objects.get().permission_names() == ["calendar_read"]
    assert PolicyEffect.objects.filter(state=EffectState.WAITING).count() == 0


def test_a_new_connection_falls_under_the_new_policy_at_once(whole, alice, alice_client, northwind):
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    assert not policy_for(alice).service("memory").offered


# --- Trouble -----------------------------------------------------------------------------------------------------


def test_credentials_that_cannot_be_read_hold_nothing_up(whole, alice, bob, caplog):
    make_connection(alice)
    make_connection(bob, "calendar_read", "contacts_read")
    with database.cursor() as cursor:
        cursor.execute("UPDATE integrations_connection SET credentials = 'v1.gone.AAAA'")
    decide(whole, {**NO_WRITE, "memory.contacts_read": "off"}, ["memory.calendar_write", "memory.contacts_read"])
    carry_out()
    assert Connection.objects.get(user=alice).permission_names() == ["calendar_read"]
    assert Connection.objects.get(user=bob).permission_names() == ["calendar_read"]
    decide(whole, {"enabled": False}, ["enabled"])
    carry_out()
    assert not Connection.objects.exists()
    assert not Revocation.objects.exists(), "there is nothing to end it with"


def test_a_provider_this_server_knows_no_longer_holds_nothing_up(whole, alice, settings):
    make_connection(alice, provider="gone")
    decide(whole, {"enabled": False}, ["enabled"])
    carry_out()
    assert not Connection.objects.exists()


def test_a_worker_that_dies_between_two_people_is_followed_by_one_that_finishes(whole, alice, bob, dora, monkeypatch):
    for person in (alice, bob, dora):
        make_connection(person)
    change = decide(whole, NO_SERVICE, ["memory.offered"])
    act, acted = enforcing.Concerned.act, []

    def die_at_the_second(self):
        if acted:
            raise KeyboardInterrupt
        acted.append(self)
        act(self)

    monkeypatch.setattr(enforcing.Concerned, "act", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        enforcing.run(change.pk)
    monkeypatch.undo()
    assert (Connection.objects.count(), PolicyEffect.objects.count()) == (2, 1)
    carry_out()
    assert (Connection.objects.count(), PolicyEffect.objects.count()) == (0, 3)
    assert AuditEvent.objects.filter(action="connection.disconnected_by_policy").count() == 3


@pytest.mark.parametrize("broken", ["erase_locked", "record", "store_effects"])
def test_each_persons_effect_is_whole_or_not_there(whole, alice, monkeypatch, broken):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"])

    def fail(*_, **__):
        raise RuntimeError("the power went")

    monkeypatch.setattr(enforcing, broken, fail)
    with pytest.raises(RuntimeError):
        enforcing.run(change.pk)
    monkeypatch.undo()
    assert Connection.objects.count() == 1
    assert not PolicyEffect.objects.exists()
    assert not Revocation.objects.exists()
    assert not AuditEvent.objects.filter(action="connection.disconnected_by_policy").exists()
    carry_out()
    assert PolicyEffect.objects.count() == AuditEvent.objects.filter(subject=alice).count() == 1


def test_two_workers_do_not_work_on_one_change(whole, alice, monkeypatch):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"])
    seen = []
    monkeypatch.setattr(enforcing.Concerned, "act", lambda self: seen.append(enforcing.run(change.pk)))
    enforcing.run(change.pk)
    assert seen == [None]


def test_a_worker_whose_lease_ran_out_writes_no_progress(whole, alice, monkeypatch):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"])

    def lose_the_lease(self):
        PolicyChange.objects.update(leased_by="another")

    monkeypatch.setattr(enforcing.Concerned, "act", lose_the_lease)
    assert enforcing.run(change.pk) is None
    change.refresh_from_db()
    assert (change.state, change.position, change.leased_by) == (ChangeState.RUNNING, None, "another")


def test_a_change_that_is_undone_while_it_is_announced_tells_nobody(whole, alice, dora, monkeypatch):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    judge = announcing.judge_batch

    def judge_and_undo(*arguments):
        deciding.undo(change, by=dora, address=None)
        return judge(*arguments)

    monkeypatch.setattr(announcing, "judge_batch", judge_and_undo)
    assert enforcing.run(change.pk) is None
    assert not PolicyEffect.objects.exists()


def test_who_has_just_begun_to_announce_under_policies_that_change_meanwhile_begins_anew(whole, alice, monkeypatch):
    make_connection(alice)
    change = decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=7)
    load, lifted = announcing.OrganizationPolicies, []

    def load_and_lift(*args, **kwargs):
        policies = load(*args, **kwargs)
        if not lifted:
            lifted.append(decide(whole, {"memory.calendar_write": "ask"}, grace_days=1))
        return policies

    monkeypatch.setattr(announcing, "OrganizationPolicies", load_and_lift)
    assert enforcing.run(change.pk) is None
    assert not PolicyEffect.objects.exists(), "she is told of what has been lifted"
    assert str(change.pk) in enforcing.find_due()
    carry_out()
    change.refresh_from_db()
    assert change.announced_at is not None
    assert not PolicyEffect.objects.exists()


def test_a_change_that_is_undone_just_when_a_worker_takes_it_is_not_announced(whole, alice, dora, monkeypatch):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)

    @contextmanager
    def take_too_late(change_id):
        with walking.take_walk(change_id) as walk:
            deciding.undo(change, by=dora, address=None)
            PolicyChange.objects.filter(pk=change.pk).update(leased_by=walk.token)
            walk.change.refresh_from_db()
            yield walk

    monkeypatch.setattr(enforcing, "take_walk", take_too_late)
    enforcing.run(change.pk)
    change.refresh_from_db()
    assert (change.state, change.announced_at) == (ChangeState.UNDONE, None)
    assert not PolicyEffect.objects.exists()


def test_a_long_run_stops_in_time_and_the_next_goes_on(whole, northwind, make_member, settings, monkeypatch):
    for n in range(5):
        make_connection(make_member(northwind, f"p{n}@northwind.example"))
    monkeypatch.setattr(walking.read_batches, "__kwdefaults__", {"key": "pk", "after": None, "size": 2})
    settings.SYNC = {**settings.SYNC, "longest_run_seconds": -1}
    change = decide(whole, NO_SERVICE, ["memory.offered"])
    counts = []
    while enforcing.find_due():
        enforcing.run(change.pk)
        change.refresh_from_db()
        counts.append((change.looked_at, Connection.objects.count()))
    assert counts == [(2, 3), (4, 1), (5, 0), (5, 0)]
    assert (change.total, change.state) == (5, ChangeState.DONE)


@pytest.mark.parametrize("grace_days", [None, 3])
def test_looking_at_many_asks_the_database_as_often_as_looking_at_one(
    whole, northwind, make_member, grace_days, django_assert_num_queries
):
    counts = []
    for people in (1, 4):
        for n in range(people):
            make_connection(make_member(northwind, f"p{people}{n}@northwind.example"), "calendar_read")
        change = decide(whole, {**NO_WRITE, "grace_days": people}, ["memory.calendar_write"], grace_days=grace_days)
        with CaptureQueriesContext(database) as asked:
            enforcing.run(change.pk)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_somebody_who_left_is_erased_without_waiting_for_the_provider(connect, alice, dora, memory, northwind):
    from organizations.signals import member_left

    connection = connect("calendar_read", "contacts_read")
    sync.run(connection.pk)
    member_left.send(
        None, user=alice, organization=northwind, reason="Deactivated by an admin.", by=dora, address="192.0.2.7"
    )
    assert not Connection.objects.exists()
    assert not Meeting.objects.exists()
    assert Revocation.objects.get().user == alice
    event = AuditEvent.objects.get(action="connection.deleted")
    assert (event.actor, event.subject, event.address) == (dora, alice, "192.0.2.7")
    assert event.details["reason"] == "Deactivated by an admin."
    member_left.send(None, user=alice, organization=northwind, reason="Again.", by=dora, address=None)
    assert AuditEvent.objects.filter(action="connection.deleted").count() == 1


def test_the_sweep_finds_what_a_dead_worker_left_when_its_lease_is_over(whole, alice):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"])
    now = timezone.now()
    PolicyChange.objects.update(leased_by="dead", leased_until=now + timedelta(minutes=1))
    assert enforcing.find_due() == []
    assert enforcing.run(change.pk) is None
    PolicyChange.objects.update(leased_until=now)
    assert enforcing.find_due() == [str(change.pk)]
    carry_out()
    assert not Connection.objects.exists()


def test_what_holds_now_is_shared_by_members_and_follows_each_change(northwind, sales, alice, bob):
    held_now = HeldNow()
    set_policy(northwind, NO_WRITE)
    first = held_now.find(alice.membership)
    assert held_now.find(bob.membership) is first
    row = set_policy(northwind, NO_SERVICE, group=sales, version=1)
    assert not held_now.find(alice.membership).today.service("memory").offered
    assert held_now.find(bob.membership) is first
    set_policy(northwind, {}, group=sales, version=row.version + 1)
    assert held_now.find(alice.membership).today.service("memory").offered
    set_policy(northwind, {}, group=sales, version=3, kept_until=timezone.now() + timedelta(seconds=0.3),
               kept_choices=NO_SERVICE)  # fmt: skip
    assert not held_now.find(alice.membership).kept.service("memory").offered
    time.sleep(0.4)
    assert held_now.find(alice.membership).kept.service("memory").offered, "its grace period is over"


def test_who_narrows_by_their_own_will_is_narrowed_at_the_provider_too(connect, alice, memory):
    connection = connect("calendar_read", "contacts_read")
    changing.narrow(connection, frozenset({Permission.CALENDAR_READ}), by=alice)
    assert "access_token" not in Connection.objects.get().credentials.open()
    sync.run(connection.pk, trigger="person")
    assert memory.people[alice.email].opened == {"calendar_read"}


def test_a_move_that_does_nothing_to_anybody_is_no_line_among_the_changes(northwind, sales, bob, dora):
    make_connection(bob)
    policy_may_differ.send(None, organization=northwind, what="Bob joined Sales", by=dora, address=None)
    carry_out()
    assert not PolicyChange.objects.exists()


def test_a_move_between_groups_that_say_nothing_looks_at_nobody(northwind, whole, sales, alice, bob, dora):
    from integrations.policy_models import AdminPolicy

    make_connection(bob)
    decide(whole, NO_WRITE, ["memory.calendar_write"])
    carry_out()
    known = PolicyChange.objects.count()
    law = Group.objects.create(organization=northwind, name="Law")
    move = {"organization": northwind, "what": "Bob moved", "by": dora, "address": None}

    def looks(*groups):
        policy_may_differ.send(None, **move, groups={one.pk for one in groups})
        found = PolicyChange.objects.count() > known
        carry_out()
        return found

    assert not looks(sales, law)
    change = decide(Place(northwind, group=law), NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    known += 1
    assert looks(sales, law)
    assert not looks(sales)
    change.refresh_from_db()
    assert change.announced_at is not None
    AdminPolicy.objects.filter(group=law).update(choices={}, locks=[])
    assert looks(law), "it says nothing any more, and its change waits still"
    deciding.undo(change, by=dora, address=None)
    carry_out()
    assert not looks(law)


def test_what_was_done_to_people_is_forgotten_a_year_after_a_change_is_over(
    northwind, whole, sales, alice, bob, dora, make_member
):
    carol, dave = (make_member(northwind, f"{name}@northwind.example") for name in ("carol", "dave"))
    for person in (alice, bob, carol, dave):
        make_connection(person, account_id=person.email)
    old = decide(Place(northwind, membership=alice.membership), NO_SERVICE, ["memory.offered"])
    decide(Place(northwind, group=sales), NO_SERVICE, ["memory.offered"])
    carry_out()
    bob.membership.groups.add(sales)
    policy_may_differ.send(None, organization=northwind, what="Bob joined", by=dora, address=None, groups={sales.pk})
    carry_out()
    PolicyChange.objects.update(finished_at=timezone.now() - timedelta(days=366))
    recent = decide(Place(northwind, membership=carol.membership), NO_SERVICE, ["memory.offered"])
    waiting = decide(Place(northwind, membership=dave.membership), NO_SERVICE, ["memory.offered"], grace_days=300)
    carry_out()
    PolicyChange.objects.filter(pk=waiting.pk).update(made_at=timezone.now() - timedelta(days=800))
    assert effects.forget_old() == 2
    assert {one.user for one in PolicyEffect.objects.all()} == {carol, dave}
    assert {old, recent, waiting} < set(PolicyChange.objects.all())
    assert not PolicyChange.objects.filter(what="Bob joined").exists(), "a move is nothing but what it did"
    assert effects.forget_old() == 0


def test_the_sweeps_queue_what_is_due_and_nothing_else(whole, alice, bob, monkeypatch):
    from integrations import tasks

    queued = []
    for task in (tasks.enforce_change, tasks.end_grant):
        monkeypatch.setattr(task, "apply_async", lambda args, task=task, **_: queued.append((task.name, *args)))
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"])
    tasks.sweep_changes()
    assert queued.pop() == ("integrations.tasks.enforce_change", str(change.pk))
    tasks.enforce_change(str(change.pk))
    tasks.sweep_changes()
    tasks.sweep_revocations()
    assert queued == [("integrations.tasks.end_grant", str(Revocation.objects.get().pk))]
    tasks.end_grant(queued[0][1])
    assert not Revocation.objects.exists()
