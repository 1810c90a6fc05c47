"""Grants that are ended at their provider after the connection is gone here."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import changing, revoking
from integrations.errors import RateLimited, Unreachable
from integrations.models import Connection, Revocation
from organizations.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def left(connect, alice):
    """Alice, connected until she left."""
    connect()
    changing.let_go(alice, reason="Left.", by=None)
    return Revocation.objects.get()


def pass_time(**some):
    for one in Revocation.objects.all():
        by = timedelta(**some)
        Revocation.objects.filter(pk=one.pk).update(next_try_at=one.next_try_at - by, created_at=one.created_at - by)


def test_the_grant_ends_at_the_provider_and_the_credentials_go(left, account, alice):
    assert revoking.find_due() == [str(left.pk)]
    assert revoking.try_one(left.pk)
    assert account.granted == frozenset()
    assert not Revocation.objects.exists()
    event = AuditEvent.objects.get(action="connection.revoked")
    assert (event.organization, event.subject) == (alice.organization, alice)
    assert event.details == {"provider": "memory", "person": alice.email, "tries": 1}
    assert not revoking.try_one(left.pk)


def test_a_provider_that_is_down_is_tried_with_growing_waits_and_then_it_works(left, memory, account):
    memory.fail(Unreachable(), at="revoke", times=3)
    waits = []
    for _ in range(3):
        assert not revoking.try_one(left.pk)
        assert revoking.find_due() == []
        waits.append(Revocation.objects.get().next_try_at - timezone.now())
        pass_time(seconds=waits[-1].total_seconds() + 1)
    assert [round(one.total_seconds() / 60) for one in waits] == [1, 5, 15]
    assert revoking.try_one(left.pk)
    assert account.granted == frozenset()
    assert AuditEvent.objects.get(action="connection.revoked").details["tries"] == 4


def test_a_provider_that_asks_for_time_gets_it(left, memory):
    memory.fail(RateLimited(retry_after=timedelta(hours=2)), at="revoke")
    revoking.try_one(left.pk)
    assert Revocation.objects.get().next_try_at > timezone.now() + timedelta(minutes=110)


def test_after_a_week_it_is_given_up_and_the_audit_trail_says_so(left, memory, account):
    memory.fail(Unreachable(), at="revoke", times=100)
    tries = 0
    while Revocation.objects.exists():
        revoking.try_one(left.pk)
        tries += 1
        pass_time(days=1)
    assert tries == 8
    event = AuditEvent.objects.get(action="connection.revocation_given_up")
    assert event.details["why"] == "unreachable"
    assert account.granted, "nobody can have ended it"


def test_what_cannot_be_decrypted_any_more_is_given_up_at_once(left):
    with database.cursor() as cursor:
        cursor.execute("UPDATE integrations_revocation SET credentials = 'v1.gone.AAAA'")
    assert revoking.try_one(left.pk)
    assert AuditEvent.objects.filter(action="connection.revocation_given_up").count() == 1
    assert not Revocation.objects.exists()


def test_a_worker_at_it_keeps_others_out_until_it_is_taken_for_dead(left, memory, monkeypatch):
    def look_twice(revocation):
        assert not revoking.try_one(revocation.pk)
        raise KeyboardInterrupt

    monkeypatch.setattr("integrations.gateway.end_revoked", look_twice)
    with pytest.raises(KeyboardInterrupt):
        revoking.try_one(left.pk)
    monkeypatch.undo()
    assert revoking.find_due() == []
    pass_time(minutes=11)
    assert revoking.try_one(left.pk)


def test_who_has_connected_the_same_account_again_keeps_it(left, connect, account, memory):
    connection = connect()
    assert revoking.try_one(left.pk)
    assert account.granted, "the new grant was ended with the old one"
    assert AuditEvent.objects.get(action="connection.revocation_given_up").details["why"] == "connected again"
    changing.let_go(connection.user, reason="Left again.", by=None)
    assert revoking.try_one(Revocation.objects.get().pk)
    assert account.granted == frozenset()


def test_a_way_to_sign_in_that_has_nothing_to_revoke_leaves_nothing_to_do(connect, alice):
    connect()
    Connection.objects.update(method="password")
    changing.let_go(alice, reason="Left.", by=None)
    assert not Revocation.objects.exists()
    assert not Connection.objects.exists()


def test_a_person_who_is_gone_altogether_is_still_named_in_the_trail(left, alice):
    email = alice.email
    alice.delete()
    assert revoking.try_one(left.pk)
    event = AuditEvent.objects.get(action="connection.revoked")
    assert (event.subject, event.details["person"]) == (None, email)
