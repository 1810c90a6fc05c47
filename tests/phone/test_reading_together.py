"""Two workers and the door at once, on a database that lets them: PostgreSQL."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from organizations.models import Organization, User
from phone import inbox, keeping, receiving, tasks
from phone.models import Call, EventState, Licence, PhoneEvent, PhoneSystem
from tests.phone.notifications import completed, element, make_system, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def on_postgresql(db: None, monkeypatch: pytest.MonkeyPatch, morning: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one write at a time")
    receiving.forget_systems()
    monkeypatch.setattr(tasks.read_events, "apply_async", lambda **how: None)


@pytest.fixture
def zoom(northwind: Organization, alice: User) -> PhoneSystem:
    Licence.objects.create(user=alice, is_at_system=True, remote_id="zoom-alice")
    return make_system(northwind)


def run_together(*work: Callable[[], Any]) -> list[Any]:
    """What each said; whatever it raised."""
    said: list[Any] = []

    def run(one: Callable[[], Any]) -> None:
        try:
            said.append(one())
        except Exception as error:
            said.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return said


def test_while_one_reads_another_comes_again_and_the_door_stays_open(zoom: PhoneSystem) -> None:
    tell(zoom, completed(element(1)))
    with transaction.atomic():
        assert keeping.lock(zoom.pk) is not None
        assert run_together(inbox.drain) == [True]
        assert run_together(lambda: tell(zoom, completed(element(2)))) == [204]
        assert not Call.objects.exists()
    assert run_together(inbox.drain) == [False]
    assert Call.objects.count() == 2


def test_many_workers_and_posts_lose_and_double_nothing(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "BATCH", 5)

    def post(start: int) -> set[int]:
        numbers = [*range(start, start + 20), *range(start, start + 5)]
        return {tell(zoom, completed(element(number))) for number in numbers}

    def drain() -> bool:
        return sum(inbox.drain() for _ in range(5)) > 0

    said = run_together(*(lambda start=start: post(start) for start in (0, 10, 20)), drain, drain, drain)
    assert [one for one in said if not isinstance(one, bool)] == [{204}] * 3
    assert not inbox.drain()
    assert Call.objects.count() == PhoneEvent.objects.filter(state=EventState.DONE).count() == 40
    assert Call.objects.values("call_id").distinct().count() == 40
