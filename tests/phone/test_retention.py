"""How long calls and voicemail are kept, and what becomes of them when somebody leaves."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from organizations.models import AuditEvent, Organization, User
from phone import retention
from phone.models import Call, Direction, Licence, PhoneSystem, Result, SystemKind, Voicemail
from phone.tasks import forget_old_rows
from portal.celery import app


def put(owner: User, days: int, **fields: Any) -> None:
    """A call and a voicemail of so many days ago."""
    moment, key = timezone.now() - timedelta(days=days), f"{days}-{fields}"
    Call.objects.create(
        owner=owner, call_id=key, direction=Direction.INCOMING, result=Result.MISSED, started_at=moment, **fields
    )
    Voicemail.objects.create(owner=owner, voicemail_id=key, left_at=moment, **fields)


def keep(organization: Organization, days: int) -> None:
    system = PhoneSystem(organization=organization, kind=SystemKind.OTHER, keep_days=days)
    system.credentials = {"webhook_secret": "hidden"}
    system.save()


def ages(owner: User) -> list[int]:
    now = timezone.now()
    calls = [(now - one).days for one in Call.objects.filter(owner=owner).values_list("started_at", flat=True)]
    left = [(now - one).days for one in Voicemail.objects.filter(owner=owner).values_list("left_at", flat=True)]
    assert sorted(calls) == sorted(left)
    return sorted(calls)


def test_each_organization_keeps_as_long_as_it_says(
    northwind: Organization, rival: Organization, alice: User, charlie: User
) -> None:
    keep(northwind, 30), keep(rival, 365)
    for owner in (alice, charlie):
        for days in (1, 29, 31, 200, 400):
            put(owner, days)
    forget_old_rows()
    assert (ages(alice), ages(charlie)) == ([1, 29], [1, 29, 31, 200])


def test_without_a_phone_system_it_is_half_a_year(
    alice: User, support: User, charlie: User, rival: Organization
) -> None:
    keep(rival, 365)
    for owner in (alice, support, charlie):
        put(owner, 179), put(owner, 181)
    assert retention.forget_old() == 4
    assert (ages(alice), ages(support), ages(charlie)) == ([179], [179], [179, 181])


def test_what_was_removed_here_goes_as_well(alice: User) -> None:
    put(alice, 181, hidden_at=timezone.now())
    put(alice, 1, hidden_at=timezone.now())
    retention.forget_old()
    assert ages(alice) == [1]


def test_it_goes_in_batches(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCHES_PER_RUN", 2)
    for days in range(181, 186):
        put(alice, days)
    retention.forget_old()
    assert ages(alice) == [181]  # the oldest first; the rest in the next hour
    retention.forget_old()
    assert ages(alice) == []


def test_it_runs_each_hour() -> None:
    task = app.conf.beat_schedule["let-go-of-old-calls"]
    assert task["task"] == forget_old_rows.name and task["schedule"] == 3600


@pytest.mark.parametrize("way", ["leaves", "is switched off"])
def test_who_leaves_keeps_nothing_here(
    alice: User, bob: User, alice_client: Client, dora_client: Client, way: str
) -> None:
    for one in (alice, bob):
        put(one, 1)
        Licence.objects.create(user=one, is_assigned=True)
    if way == "leaves":
        alice_client.post("/profile/departure/")
    else:
        dora_client.post(f"/people/{alice.find_membership().pk}/deactivation/")  # type: ignore[union-attr]
    assert ages(alice) == [] and ages(bob) == [1]
    assert list(Licence.objects.values_list("user", flat=True)) == [bob.pk]
    event = AuditEvent.objects.get(action="licence.withdrawn")
    assert event.subject == alice and "Alice Meyer" in event.details["reason"]
