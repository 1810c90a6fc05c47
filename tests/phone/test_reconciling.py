"""What the phone system lists, read beside what it tells."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from integrations.errors import AdminNeeded, CursorExpired, Gone, RateLimited, Unreachable
from organizations.models import Organization, User
from phone import reconciling
from phone.models import Call, Licence, PhoneSystem, Result, Source, SystemKind, Voicemail
from phone.reconciling import EVERY, find_due, reconcile
from phone.systems import CallRecord, Owner, PhoneUser, VoicemailRecord
from tests.phone import memory_system
from tests.phone.memory_system import MemoryService

ALICE = PhoneUser("id-a", "alice@northwind.example", "1201")
CALLER = "+12125550123"


@pytest.fixture
def service(settings) -> Iterator[MemoryService]:
    settings.PHONE_SYSTEMS = {"zoom": memory_system.PATH}
    memory_system.SERVICE.reset()
    memory_system.SERVICE.users = [ALICE]
    yield memory_system.SERVICE
    memory_system.SERVICE.reset()


@pytest.fixture
def row(northwind: Organization, alice: User, service: MemoryService) -> PhoneSystem:
    return make_row(northwind)


def make_row(organization: Organization, **facts: object) -> PhoneSystem:
    return PhoneSystem.objects.create(
        organization=organization, kind=SystemKind.ZOOM, credentials={}, changed_at=ago(1), **facts
    )


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def call(call_id: str = "c1", *, minutes: float = 30, **facts: object) -> CallRecord:
    made = CallRecord(Owner(email=ALICE.email), call_id, "in", "missed", ago(minutes), CALLER, CALLER)
    return replace(made, reported_at=ago(minutes - 1), **facts)


def message(voicemail_id: str = "v1", *, minutes: float = 30, **facts: object) -> VoicemailRecord:
    made = VoicemailRecord(
        Owner("id-a"), voicemail_id, ago(minutes), "", CALLER, CALLER, seconds=4, is_read=False,
        audio=f"{memory_system.PLACE}{voicemail_id}",
    )  # fmt: skip
    return replace(made, **facts)


def run(row: PhoneSystem) -> PhoneSystem:
    PhoneSystem.objects.filter(pk=row.pk).update(next_reconcile_at=timezone.now())
    reconcile(str(row.pk))
    row.refresh_from_db()
    return row


def test_a_call_whose_notification_was_lost_comes_back_once(
    row: PhoneSystem, alice: User, service: MemoryService
) -> None:
    service.calls = [call()]
    service.voicemails = [message()]
    run(row)
    run(row)

    kept = Call.objects.get()
    assert (kept.owner, kept.result, kept.e164, kept.source) == (alice, Result.MISSED, CALLER, Source.RECONCILED)
    assert Voicemail.objects.get().owner == alice
    assert row.reconciled_at is not None
    assert row.error_code == ""
    assert row.checked_at is not None


def test_people_are_known_before_their_calls_are_read(row: PhoneSystem, alice: User, service: MemoryService) -> None:
    """The message says whose it is by the system's own id alone."""
    service.voicemails = [message()]
    run(row)

    assert Licence.objects.get(user=alice).is_held
    assert Voicemail.objects.get().owner == alice
    assert service.requests[0] == "users"


def test_the_first_reading_goes_back_some_days_and_never_further_than_what_is_kept(
    row: PhoneSystem, service: MemoryService
) -> None:
    run(row)
    assert min(since for what, since, _ in service.stretches if what == "calls") > ago(7 * 24 * 60 + 5)

    service.stretches.clear()
    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=None, keep_days=2)
    run(row)
    assert min(since for what, since, _ in service.stretches if what == "calls") > ago(2 * 24 * 60 + 5)


def test_what_was_read_is_not_read_again_but_for_an_overlap(row: PhoneSystem, service: MemoryService) -> None:
    now = timezone.now()
    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=now, licences_read_at=now)
    run(row)

    [(_, since, until)] = [one for one in service.stretches if one[0] == "calls"]
    assert timedelta(minutes=59) < now - since < timedelta(minutes=61)
    assert until >= now
    assert "users" not in service.requests


def test_each_hour_it_is_looked_what_was_listened_to_elsewhere(
    row: PhoneSystem, alice: User, service: MemoryService
) -> None:
    service.voicemails = [message(minutes=60 * 24 * 5)]
    run(row)
    service.voicemails = [message(minutes=60 * 24 * 5, is_read=True)]
    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=timezone.now())
    run(row)
    assert not Voicemail.objects.get().is_read

    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=ago(61))
    run(row)

    assert Voicemail.objects.get().is_read


def test_what_is_no_longer_listed_stays_and_what_was_deleted_here_stays_deleted(
    row: PhoneSystem, service: MemoryService
) -> None:
    service.calls = [call()]
    run(row)
    Call.objects.update(hidden_at=timezone.now())
    run(row)
    assert Call.objects.get().hidden_at is not None

    Call.objects.update(hidden_at=None)
    service.calls = []
    run(row)
    assert Call.objects.get().hidden_at is None


def test_a_call_that_somebody_else_answered_is_not_made_the_persons_own(
    row: PhoneSystem, alice: User, service: MemoryService
) -> None:
    Call.objects.create(
        owner=alice, call_id="c1", direction="in", result=Result.ELSEWHERE, started_at=ago(30), number=CALLER
    )
    service.calls = [call(result="answered", seconds=60), call("c2", result="answered", seconds=60)]
    run(row)

    assert dict(Call.objects.values_list("call_id", "result")) == {"c1": "elsewhere", "c2": "answered"}


def test_what_was_said_is_asked_for_until_it_is_there(row: PhoneSystem, service: MemoryService) -> None:
    service.voicemails = [message(), message("v2")]
    run(row)
    assert Voicemail.objects.filter(transcript="").count() == 2
    service.transcripts["v1"] = "Call me back."
    service.fail("transcript", Gone("This one is gone."))
    run(row)
    run(row)

    assert Voicemail.objects.get(voicemail_id="v1").transcript == "Call me back."
    service.requests.clear()
    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=timezone.now())
    Voicemail.objects.update(left_at=ago(180))
    run(row)
    assert "transcript" not in service.requests


def test_only_one_worker_reads_a_system_and_a_dead_ones_turn_ends(row: PhoneSystem, service: MemoryService) -> None:
    PhoneSystem.objects.filter(pk=row.pk).update(taken_until=timezone.now() + timedelta(minutes=5))
    assert find_due() == []
    run(row)
    assert service.requests == []

    PhoneSystem.objects.filter(pk=row.pk).update(taken_until=ago(1))
    assert find_due() == [str(row.pk)]
    run(row)
    assert service.requests
    assert row.taken_until is None
    assert timezone.now() + EVERY * 0.9 < row.next_reconcile_at < timezone.now() + EVERY * 1.2
    assert find_due() == []


def test_one_organizations_trouble_is_its_own(
    row: PhoneSystem, rival: Organization, charlie: User, service: MemoryService
) -> None:
    theirs = make_row(rival)
    PhoneSystem.objects.filter(pk=row.pk).update(next_reconcile_at=ago(5))
    assert find_due() == [str(row.pk), str(theirs.pk)]
    service.fail("calls", Unreachable("Broken."))
    for system_id in find_due():
        reconcile(system_id)

    row.refresh_from_db()
    theirs.refresh_from_db()
    assert (row.failures, theirs.failures) == (1, 0)
    assert theirs.reconciled_at is not None


def test_systems_that_only_tell_are_never_asked(northwind: Organization, alice: User, service: MemoryService) -> None:
    row = PhoneSystem.objects.create(organization=northwind, kind=SystemKind.OTHER, credentials={})
    assert find_due() == []
    reconcile(row.pk)
    reconcile(uuid.uuid4())
    assert service.requests == []


def test_trouble_that_comes_again_is_waited_for_longer_and_then_told(row: PhoneSystem, service: MemoryService) -> None:
    service.fail("calls", Unreachable("It cannot be reached."), Unreachable("It cannot be reached."))
    run(row)
    assert (row.failures, row.error_sentence) == (1, "")
    first = row.next_reconcile_at - timezone.now()
    run(row)
    assert row.error_sentence == "It cannot be reached."
    assert row.next_reconcile_at - timezone.now() > first * 1.5
    run(row)

    assert (row.failures, row.error_code, row.error_sentence) == (0, "", "")


@pytest.mark.parametrize(
    ("error", "at_least", "at_most"),
    [
        (RateLimited("Slow down.", retry_after=timedelta(hours=3)), 180, 200),
        (RateLimited("Slow down."), 9, 12),
        (Unreachable("Broken.", retry_after=timedelta(days=2)), 59, 67),
        (CursorExpired("Again."), 0.9, 2),
    ],
)
def test_the_wait_is_what_the_system_asks_for(
    row: PhoneSystem, service: MemoryService, error: Exception, at_least: float, at_most: float
) -> None:
    service.fail("calls", error)  # type: ignore[arg-type]
    run(row)

    assert at_least < (row.next_reconcile_at - timezone.now()).total_seconds() / 60 < at_most


@pytest.mark.parametrize("what", ["users", "transcript"])
def test_what_the_app_may_not_see_keeps_no_call_from_being_read_as_often(
    row: PhoneSystem, service: MemoryService, what: str
) -> None:
    PhoneSystem.objects.filter(pk=row.pk).update(failures=5)
    service.calls, service.voicemails = [call()], [message()]
    service.fail(what, AdminNeeded("Add this scope: phone:read:it:admin."))
    run(row)

    assert Call.objects.count() == 1
    assert (row.error_code, row.error_sentence) == (AdminNeeded.code, "Add this scope: phone:read:it:admin.")
    assert row.next_reconcile_at < ago(-EVERY.total_seconds() / 60 * 1.2)
    run(row)
    assert row.error_sentence == ""


def test_what_was_read_before_it_broke_off_is_not_read_again(row: PhoneSystem, service: MemoryService) -> None:
    PhoneSystem.objects.filter(pk=row.pk).update(reconciled_at=ago(60 * 30))
    service.fail("voicemails", Unreachable("Broken."))
    run(row)
    before = row.reconciled_at
    assert before is not None
    assert before < ago(60 * 29)
    service.calls = [call(minutes=60 * 3)]
    run(row)

    assert Call.objects.count() == 1
    assert row.reconciled_at is not None
    assert row.reconciled_at > ago(5)


def test_a_reading_that_takes_too_long_goes_on_a_minute_later(
    row: PhoneSystem, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "LONGEST_RUN", -1.0)
    run(row)

    assert row.failures == 0
    assert row.next_reconcile_at < timezone.now() + timedelta(minutes=2)
    assert row.reconciled_at is None


def test_a_system_that_is_replaced_while_it_is_read_tells_nothing_more(
    row: PhoneSystem, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.calls = [call()]
    take = reconciling._take

    def take_and_replace(system_id: str, now: datetime) -> PhoneSystem | None:
        taken = take(system_id, now)
        PhoneSystem.objects.filter(pk=row.pk).update(changed_at=timezone.now())
        return taken

    monkeypatch.setattr(reconciling, "_take", take_and_replace)
    run(row)

    assert Call.objects.count() == 0
    assert row.reconciled_at is None
    assert row.error_code == ""
