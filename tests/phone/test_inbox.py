"""From what was posted to what a person sees, and what becomes of notifications that cannot be read."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from organizations.models import Organization, User
from phone import inbox, keeping, receiving, tasks, waking
from phone.models import Call, EventState, Licence, PhoneEvent, PhoneSystem, Result, SystemKind
from phone.systems import CallRecord
from portal.celery import app
from tests.phone.conftest import NOW
from tests.phone.notifications import ACCOUNT, completed, dump, element, make_system, tell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("morning", "asked")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked to do; nothing runs by itself."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.read_events, "apply_async", lambda **how: found.append(how))
    receiving.forget_systems(), waking.forget()
    return found


@pytest.fixture
def zoom(northwind: Organization, alice: User) -> PhoneSystem:
    Licence.objects.create(user=alice, is_at_system=True, remote_id="zoom-alice", extension="101")
    return make_system(northwind, remote_account=ACCOUNT)


def states() -> dict[str, int]:
    found = PhoneEvent.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def fail_on(monkeypatch: pytest.MonkeyPatch, call_id: str, error: Exception) -> None:
    """Keeping fails wherever this call is among what was told."""
    apply = keeping.apply

    def fail(system: PhoneSystem, told: Any, **how: Any) -> Any:
        told = list(told)
        if any(isinstance(one, CallRecord) and one.call_id == call_id for one in told):
            raise error
        return apply(system, told, **how)

    monkeypatch.setattr(keeping, "apply", fail)


def test_what_was_posted_is_in_the_call_history(zoom: PhoneSystem, alice: User) -> None:
    tell(zoom, completed(element(1)))
    tell(zoom, completed(element(2, result="no_answer", talk_time=0, answer_time=None)))
    assert not inbox.drain()
    calls = Call.objects.visible_to(alice).order_by("call_id")
    assert [(one.result, one.seconds, one.name) for one in calls] == [
        (Result.ANSWERED, 50, "Ada Byron"), (Result.MISSED, 0, "Ada Byron"),
    ]  # fmt: skip
    assert set(PhoneEvent.objects.values_list("state", "body")) == {(EventState.DONE, b"")}
    zoom.refresh_from_db()
    assert zoom.heard_at == NOW


def test_all_generations_and_elements_of_one_call_are_one_row(zoom: PhoneSystem) -> None:
    later = element(1, result="no_answer", talk_time=0, call_element_id="another")
    missed = {
        "event": "phone.callee_missed", "event_ts": 1_795_510_799_000,
        "payload": {"account_id": ACCOUNT, "object": {
            "call_id": later["call_id"], "ringing_start_time": later["start_time"],
            "caller": {"phone_number": "+4930901820"},
            "callee": {"user_id": "zoom-alice", "extension_type": "user", "extension_number": 101},
        }},
    }  # fmt: skip
    for one in (missed, completed(later, at=2), completed(element(1), later, at=1), completed(element(1), at=3)):
        tell(zoom, one)
        inbox.drain()
    assert Call.objects.values_list("result", "seconds", "name").get() == (Result.ANSWERED, 50, "Ada Byron")


def test_what_is_about_nothing_that_we_keep_is_ignored(zoom: PhoneSystem) -> None:
    for body in (b"no JSON", b"[]", dump({"event": "phone.sms_received", "payload": {"object": {}}})):
        tell(zoom, body)
    assert not inbox.drain()
    assert states() == {EventState.IGNORED: 3} and not Call.objects.exists()


def test_another_systems_call_was_told_when_it_came(northwind: Organization, alice: User) -> None:
    system = make_system(northwind, SystemKind.OTHER)
    call = {"type": "call", "call_id": "c1", "user": alice.email, "direction": "in", "result": "missed",
            "started_at": "2026-11-24T09:50:00+01:00", "number": "030 901820"}  # fmt: skip
    assert tell(system, [{**call, "name": "Unknown"}]) == 204
    with time_machine.travel(NOW + timedelta(seconds=5), tick=False):
        tell(system, {**call, "name": "Ada Byron"})
        inbox.drain()
    row = Call.objects.get()
    assert (row.name, row.e164, row.reported_at) == ("Ada Byron", "+4930901820", NOW + timedelta(seconds=5))


def test_one_that_cannot_be_kept_does_not_hold_up_the_others(
    zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        tell(zoom, completed(element(number)))
    broken = element(1)["call_id"]
    with monkeypatch.context() as patch:
        fail_on(patch, broken, ValueError("+4930901820 is a secret"))
        inbox.drain()
    assert (Call.objects.count(), states()) == (2, {EventState.DONE: 2, EventState.WAITING: 1})
    waiting = PhoneEvent.objects.get(state=EventState.WAITING)
    assert (waiting.tries, waiting.error_code, waiting.next_try_at) == (1, "ValueError", NOW + inbox.WAITS[0])
    assert "4930901820" not in caplog.text
    assert not inbox.drain()
    with time_machine.travel(NOW + inbox.WAITS[0], tick=False):
        inbox.drain()
    assert (Call.objects.count(), states()) == (3, {EventState.DONE: 3})


def test_one_that_cannot_be_understood_does_not_hold_up_the_others(
    zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        tell(zoom, completed(element(number)))
    broken, parse = PhoneEvent.objects.order_by("pk").first(), inbox.parse
    monkeypatch.setattr(inbox, "parse", lambda system, event: [][1] if event == broken else parse(system, event))
    assert not inbox.drain()
    assert (Call.objects.count(), states()) == (2, {EventState.DONE: 2, EventState.WAITING: 1})
    assert PhoneEvent.objects.get(state=EventState.WAITING).error_code == "IndexError"


def test_it_is_given_up_after_some_tries(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(zoom, completed(element(1)))
    fail_on(monkeypatch, element(1)["call_id"], DatabaseError("full"))
    for hours in range(1 + len(inbox.WAITS)):
        with time_machine.travel(NOW + timedelta(hours=3 * hours), tick=False):
            inbox.drain()
    event = PhoneEvent.objects.get()
    assert (event.state, event.tries, event.error_code, event.body) == (
        EventState.FAILED, 1 + len(inbox.WAITS), "DatabaseError", b"",
    )  # fmt: skip


def test_many_are_read_batch_by_batch(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "BATCH", 2)
    for number in range(5):
        tell(zoom, completed(element(number)))
    assert not inbox.drain()
    assert (Call.objects.count(), states()) == (5, {EventState.DONE: 5})


def test_one_run_ends_in_time_and_goes_on_later(
    zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch, asked: list[Any]
) -> None:
    monkeypatch.setattr(inbox, "BATCH", 2)
    monkeypatch.setattr(inbox, "LONGEST_RUN", -1.0)
    for number in range(3):
        tell(zoom, completed(element(number)))
    asked.clear()
    tasks.read_events()
    assert (states(), len(asked)) == ({EventState.DONE: 2, EventState.WAITING: 1}, 1)
    tasks.read_events()
    assert (states(), len(asked)) == ({EventState.DONE: 3}, 2)


def test_another_at_it_means_to_come_again(
    zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch, asked: list[Any]
) -> None:
    tell(zoom, completed(element(1)))
    asked.clear()
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "lock", lambda system_id, skips=False: None)
        tasks.read_events()
    assert (states(), len(asked)) == ({EventState.WAITING: 1}, 1)
    tasks.read_events()
    assert (states(), len(asked)) == ({EventState.DONE: 1}, 1)


def test_what_was_read_is_known_for_three_days_and_what_waits_stays(zoom: PhoneSystem) -> None:
    for number in range(4):
        tell(zoom, completed(element(number)))
    rows = list(PhoneEvent.objects.order_by("pk"))
    old, young = (
        timezone.now() - inbox.KEPT - timedelta(hours=1),
        timezone.now() - timedelta(days=3) + timedelta(hours=1),
    )
    for row, state, at in zip(
        rows,
        (EventState.DONE, EventState.DONE, EventState.WAITING, EventState.FAILED),
        (old, young, old, old),
        strict=True,
    ):
        PhoneEvent.objects.filter(pk=row.pk).update(state=state, received_at=at)
    tasks.forget_old_events()
    assert list(PhoneEvent.objects.order_by("pk")) == rows[1:3]


def test_both_are_in_the_schedule() -> None:
    scheduled = {one["task"]: one["schedule"] for one in app.conf.beat_schedule.values()}
    assert scheduled[tasks.read_events.name] == 60.0 and tasks.forget_old_events.name in scheduled
