"""Admins, a worker and people at the same moment, on a database that lets them write side by side."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection as database
from django.db import transaction

from integrations import changing, connecting, deciding, enforcing
from integrations.deciding import ChangedMeanwhile, Place
from integrations.levels import parse_layer
from integrations.models import Connection
from integrations.pending import Pending
from integrations.permissions import ALL
from integrations.policy import Level
from integrations.policy_models import PolicyChange, PolicyEffect
from integrations.remote import SignIn
from organizations.models import AuditEvent
from tests.integrations.enforcement import carry_out, decide, make_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    if database.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time: there is no such race")
    from integrations import tasks

    for task in (tasks.enforce_change, tasks.sync_connection):
        monkeypatch.setattr(task, "delay", lambda *_: None)


def start(work: Callable[[], object], caught: list[Exception]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception as error:
            caught.append(error)
        finally:
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def pause(monkeypatch):
    """(reached, go on): the worker waits in the middle of the first person's transaction, once it has judged them."""
    reached, go_on = threading.Event(), threading.Event()
    erase = enforcing.erase_locked

    def wait(*arguments, **more):
        if not reached.is_set():
            reached.set()
            assert go_on.wait(20)
        return erase(*arguments, **more)

    monkeypatch.setattr(enforcing, "erase_locked", wait)
    yield reached, go_on
    go_on.set()


def test_of_two_admins_who_save_at_once_one_is_told(northwind, dora):
    place, barrier, caught = Place(northwind), threading.Barrier(2), []

    def save(choices):
        barrier.wait(10)
        layer = parse_layer(Level.ORGANIZATION, choices, [])
        deciding.save(place, layer, version=0, by=dora, address=None)

    threads = [start(lambda one=one: save(one), caught) for one in ({"prompt": "once"}, {"own_mailbox": True})]
    for thread in threads:
        thread.join(20)
    (told,) = caught
    assert isinstance(told, ChangedMeanwhile)
    assert told.policy is not None, "whoever is told needs to see what the other did"
    assert deciding.version_of(place) == PolicyChange.objects.count() == 1


def test_who_lifts_a_lock_while_it_is_carried_out_saves_everybody_who_is_left(northwind, alice, bob, pause):
    reached, go_on = pause
    for person in (alice, bob):
        make_connection(person)
    change, caught = decide(Place(northwind), {"memory.offered": False}, ["memory.offered"]), []
    worker = start(lambda: enforcing.run(change.pk), caught)
    assert reached.wait(20)
    admin = start(lambda: decide(Place(northwind), {"memory.offered": True}), caught)
    admin.join(0.5)
    assert admin.is_alive(), "the lock was lifted while somebody was being disconnected by it"
    go_on.set()
    for thread in (worker, admin):
        thread.join(20)
    assert caught == []
    carry_out()
    left = Connection.objects.count()
    # The worker may have begun with the second before the admin had their turn; never is anybody judged by a lock that
    # was lifted before they were looked at.
    assert left + PolicyEffect.objects.filter(state="done").count() == 2
    assert AuditEvent.objects.filter(action="connection.disconnected_by_policy").count() == 2 - left


def test_who_begins_to_announce_while_an_admin_saves_announces_what_was_saved(northwind, alice, dora):
    make_connection(alice)
    place, caught = Place(northwind), []
    lock = ["memory.calendar_write"]
    change = decide(place, {"memory.calendar_write": "off"}, lock, grace_days=7)
    with transaction.atomic():
        decide(place, {"memory.calendar_write": "ask"}, grace_days=7)
        worker = start(lambda: enforcing.run(change.pk), caught)
        worker.join(0.5)
        assert worker.is_alive(), "it knows what held before, and nobody will tell it"
    worker.join(20)
    assert caught == []
    carry_out()
    assert not PolicyEffect.objects.exists(), "she was told of what had been lifted"


def test_who_disconnects_just_while_policy_does_it_is_disconnected_once(northwind, alice, pause, memory):
    reached, go_on = pause
    connection = make_connection(alice)
    change, caught = decide(Place(northwind), {"memory.offered": False}, ["memory.offered"]), []
    worker = start(lambda: enforcing.run(change.pk), caught)
    assert reached.wait(20)
    person = start(lambda: changing.disconnect(connection, by=alice), caught)
    person.join(0.5)
    go_on.set()
    for thread in (worker, person):
        thread.join(20)
    assert caught == []
    assert not Connection.objects.exists()
    ends = AuditEvent.objects.filter(action__in=["connection.deleted", "connection.disconnected_by_policy"])
    assert ends.count() == 1


def test_who_narrows_just_before_policy_does_is_narrowed_once(northwind, alice):
    connection, caught = make_connection(alice), []
    change = decide(Place(northwind), {"memory.calendar_write": "off"}, ["memory.calendar_write"])
    threads = [
        start(lambda: enforcing.run(change.pk), caught),
        start(lambda: changing.narrow(connection, frozenset({"calendar_read"}), by=alice), caught),
    ]
    for thread in threads:
        thread.join(20)
    assert caught == []
    assert Connection.objects.get().permission_names() == ["calendar_read"]
    narrowed = AuditEvent.objects.filter(action__in=["connection.narrowed", "connection.narrowed_by_policy"])
    assert narrowed.count() == 1


def come_back(person):
    """From the provider, to the account of `make_connection`, with everything ticked."""
    sign_in = SignIn(person.email, "1", frozenset(ALL), {"refresh_token": "new"})
    return connecting._store(person, Pending("memory", "oauth", ALL, {}, "/"), sign_in, address=None)


@pytest.fixture
def half_way(monkeypatch):
    """(reached, go on): who comes back from the provider waits in the middle of their transaction."""
    reached, go_on = threading.Event(), threading.Event()
    find = connecting.find_connection

    def wait(*arguments, **more):
        reached.set()
        assert go_on.wait(20)
        return find(*arguments, **more)

    monkeypatch.setattr(connecting, "find_connection", wait)
    yield reached, go_on
    go_on.set()


@pytest.mark.parametrize("by", ["policy", "person", "departure"])
def test_who_comes_back_from_the_provider_while_something_else_is_done_to_the_connection_gets_through(
    northwind, alice, half_way, by
):
    (reached, go_on), caught = half_way, []
    connection = make_connection(alice)
    change = decide(Place(northwind), {"memory.calendar_write": "off"}, ["memory.calendar_write"])
    acts = {
        "policy": lambda: enforcing.run(change.pk),
        "person": lambda: changing.narrow(connection, frozenset({"calendar_read"}), by=alice),
        "departure": lambda: changing.let_go(alice, reason="Left", by=None),
    }
    person = start(lambda: come_back(alice), caught)
    assert reached.wait(20)
    other = start(acts[by], caught)
    other.join(1)
    go_on.set()
    for thread in (person, other):
        thread.join(20)
    assert caught == []
    assert Connection.objects.get().permission_names() == ["calendar_read", "contacts_read", "contacts_write"]
    assert AuditEvent.objects.filter(action__in=["connection.renewed", "connection.created"]).count() == 1


def test_a_connection_made_just_while_an_admin_locks_does_not_escape_the_lock(northwind, alice, half_way):
    (reached, go_on), caught = half_way, []
    person = start(lambda: come_back(alice), caught)
    assert reached.wait(20)
    admin = start(lambda: decide(Place(northwind), {"memory.offered": False}, ["memory.offered"]), caught)
    admin.join(1)
    assert admin.is_alive(), "the lock was decided on while it was being decided by the policy before it"
    go_on.set()
    for thread in (person, admin):
        thread.join(20)
    assert caught == []
    assert Connection.objects.count() == 1
    carry_out()
    assert Connection.objects.count() == 0
    assert PolicyEffect.objects.get().outcome == "disconnected"
