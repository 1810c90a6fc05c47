"""What is answered to whoever posts: the genuine, the forged, the old, the huge, and the odd."""

import io
import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organizations.models import Organization
from phone import door, receiving, tasks, waking
from phone import ledger as ledger_module
from phone.ledger import Ledger, write
from phone.models import EventState, PhoneEvent, PhoneSystem, SystemKind
from tests.phone.notifications import ACCOUNT, SECRET, completed, dump, element, make_system, post, sign, tell

pytestmark = pytest.mark.django_db
CALL = completed(element())


@pytest.fixture(autouse=True)
def as_in_a_new_process() -> Iterator[None]:
    receiving.forget_systems(), receiving.LOGGED.clear(), waking.forget()
    yield
    receiving.forget_systems(), waking.forget()


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.read_events, "apply_async", lambda **how: found.append(how))
    return found


@pytest.fixture
def zoom(northwind: Organization, woken: Any) -> PhoneSystem:
    return make_system(northwind, remote_account=ACCOUNT)


@pytest.fixture
def other(rival: Organization, woken: Any) -> PhoneSystem:
    return make_system(rival, SystemKind.OTHER)


def test_a_genuine_one_is_kept_as_it_came(zoom: PhoneSystem) -> None:
    assert tell(zoom, CALL) == 204
    event = PhoneEvent.objects.get()
    assert (bytes(event.body), event.system, event.state) == (dump(CALL), zoom, EventState.WAITING)


def test_the_same_again_is_the_same_row_and_another_is_another(zoom: PhoneSystem, other: PhoneSystem) -> None:
    assert [tell(zoom, CALL), tell(zoom, CALL), tell(zoom, completed(element(2)))] == [204] * 3
    assert PhoneEvent.objects.count() == 2


def test_a_row_that_was_read_is_not_read_again_because_it_is_told_again(zoom: PhoneSystem) -> None:
    tell(zoom, CALL)
    PhoneEvent.objects.update(state=EventState.DONE, body=b"")
    assert tell(zoom, CALL) == 204
    assert PhoneEvent.objects.values_list("state", "body").get() == (EventState.DONE, b"")


@pytest.mark.parametrize("how", [{"secret": "another"}, {"at": 1_000_000_000}, {"secret": ""}])
def test_forged_and_old_ones_are_refused_without_a_word_and_leave_nothing(
    zoom: PhoneSystem, how: Any, woken: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    body = dump(CALL)
    with caplog.at_level(logging.INFO):
        status, said, _ = post(f"/phone/events/{zoom.key}/", body, sign(zoom, body, **how))
    assert (status, said) == (401, b"")
    assert not PhoneEvent.objects.exists() and woken == []
    assert "not genuine" in caplog.text and "4930901820" not in caplog.text and SECRET not in caplog.text
    assert tell(zoom, CALL) == 204


def test_an_unknown_address_is_refused_as_a_forged_one_is(zoom: PhoneSystem) -> None:
    body = dump(CALL)
    forged = post(f"/phone/events/{zoom.key}/", body, sign(zoom, body, secret="another"))
    assert post(f"/phone/events/{uuid.uuid4()}/", body, sign(zoom, body)) == forged
    PhoneSystem.objects.update(kind=SystemKind.NONE)
    receiving.forget_systems()
    assert post(f"/phone/events/{zoom.key}/", body, sign(zoom, body)) == forged


def test_a_changed_secret_counts_within_seconds(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell(zoom, CALL) == 204
    zoom.credentials = {"webhook_secret": "the next"}
    zoom.save()
    now = receiving.time.monotonic() + receiving.KNOWN_FOR
    monkeypatch.setattr(receiving.time, "monotonic", lambda: now)
    assert [tell(zoom, CALL), tell(zoom, CALL, secret="the next")] == [401, 204]
    assert receiving.KNOWN_FOR <= 5


def test_those_of_another_account_with_the_same_app_are_refused(zoom: PhoneSystem) -> None:
    theirs = json.loads(json.dumps(CALL).replace(ACCOUNT, "another"))
    assert (tell(zoom, theirs), PhoneEvent.objects.count()) == (403, 0)
    PhoneSystem.objects.update(remote_account="")
    receiving.forget_systems()
    assert (tell(zoom, theirs), PhoneEvent.objects.count()) == (204, 1)


def test_zoom_asks_whether_the_address_knows_the_secret(zoom: PhoneSystem) -> None:
    asked = dump({"payload": {"plainToken": "abc"}, "event_ts": 1, "event": "endpoint.url_validation"})
    status, said, headers = post(f"/phone/events/{zoom.key}/", asked, sign(zoom, asked))
    assert (status, headers["Content-Type"], json.loads(said)["plainToken"]) == (200, "application/json", "abc")
    assert not PhoneEvent.objects.exists()
    # Whoever can choose the token and have it signed can sign whatever they like.
    assert post(f"/phone/events/{zoom.key}/", asked, sign(zoom, asked, secret="another"))[0] == 401


def test_what_is_too_big_is_not_even_read(zoom: PhoneSystem) -> None:
    fits = b'"' + b"a" * (receiving.MOST_BYTES - 2) + b'"'
    assert tell(zoom, fits) == 204
    assert tell(zoom, fits + b" ") == 413
    path = f"/phone/events/{zoom.key}/"
    for length in ("9" * 5000, "-1", "many"):
        assert post(path, b"", {}, CONTENT_LENGTH=length)[0] == 413
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert post(path, fits, sign(zoom, fits), **chunked)[0] == 204
    assert post(path, fits + b" ", sign(zoom, fits + b" "), **chunked)[0] == 413


@pytest.mark.parametrize("body", [b"", b"\xff", b"null", b"[1]", b'{"event":"meeting.started"}', b"[" * 200_000])
def test_a_genuine_one_that_says_nothing_is_taken(zoom: PhoneSystem, body: bytes) -> None:
    assert (tell(zoom, body), PhoneEvent.objects.count()) == (204, 1)


def test_the_maker_of_another_system_is_told_what_is_wrong(other: PhoneSystem) -> None:
    body = dump([{"type": "call"}, {"type": "fax"}])
    status, said, _ = post(f"/phone/events/{other.key}/", body, sign(other, body))
    problems = json.loads(said)["problems"]
    assert status == 422 and 'Event 1: "call_id" is missing.' in problems and problems[-1].startswith("Event 2: ")
    assert not PhoneEvent.objects.exists()
    assert post(f"/phone/events/{other.key}/", body, sign(other, body, secret="another"))[:2] == (401, b"")


def test_only_posts_are_taken_and_everything_else_goes_by(zoom: PhoneSystem) -> None:
    path = f"/phone/events/{zoom.key}/"
    status, _, headers = post(path, b"", {}, REQUEST_METHOD="GET")
    assert (status, headers["Allow"]) == (405, "POST")
    for elsewhere in ("/", "/phone/", f"{path}more", "/phone/events/none/", path.upper()):
        assert post(elsewhere, b"", {})[0] == 418


def test_the_view_is_the_door(zoom: PhoneSystem, client: Client) -> None:
    path, body = reverse("phone:event_create", args=[zoom.key]), dump(CALL)
    assert door.ADDRESS.fullmatch(path)
    answers = [
        client.post(path, body, content_type="application/json", headers=headers)
        for headers in (sign(zoom, body), sign(zoom, body, secret="another"))
    ]
    assert [one.status_code for one in answers] == [204, 401]
    assert client.get(path).status_code == 405


def test_the_worker_is_woken_once_for_all_that_comes_within_a_second(
    zoom: PhoneSystem, woken: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        tell(zoom, completed(element(number)))
    assert len(woken) == 1 and woken[0]["countdown"] == waking.SOON
    now = waking.time.monotonic() + waking.SOON
    monkeypatch.setattr(waking.time, "monotonic", lambda: now)
    tell(zoom, completed(element(6)))
    assert len(woken) == 2


def test_a_broker_that_is_away_holds_nothing_up(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**how: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(tasks.read_events, "apply_async", fail)
    assert (tell(zoom, CALL), PhoneEvent.objects.count()) == (204, 1)


@pytest.mark.parametrize("where", ["find_system", "ledger"])
def test_without_its_database_it_asks_to_come_again(
    zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*anything: Any) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(receiving if where == "find_system" else receiving.ledger, where.replace("ledger", "put"), fail)
        assert tell(zoom, CALL) == 503
    assert (tell(zoom, CALL), PhoneEvent.objects.count()) == (204, 1)


def test_a_system_that_was_just_taken_away_is_nobodys(zoom: PhoneSystem) -> None:
    assert tell(zoom, CALL) == 204
    zoom.delete()
    receiving.forget_systems()
    assert tell(zoom, CALL) == 401


def put_from_threads(ledger: Ledger, system: PhoneSystem) -> list[str]:
    """Each of eight threads puts three at once with the others; how each was answered."""
    answers: list[str] = []

    def put(number: int) -> None:
        for turn in range(3):
            try:
                ledger.put(PhoneEvent(system=system, digest=f"{number}-{turn}", body=b"{}"))
                answers.append("kept")
            except DatabaseError:
                answers.append("failed")
        connection.close()

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return answers


@pytest.mark.django_db(transaction=True)
def test_what_comes_together_is_written_together(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def write_slowly(rows: Any) -> None:
        time.sleep(0.01)
        write(rows)
        sizes.append(len(rows))

    monkeypatch.setattr(ledger_module, "write", write_slowly)
    assert put_from_threads(Ledger(), zoom) == ["kept"] * 24
    assert PhoneEvent.objects.count() == sum(sizes) == 24
    assert max(sizes) > 1


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_a_write_that_fails_hears_of_it(zoom: PhoneSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: Any) -> None:
        raise DatabaseError("full")

    ledger = Ledger()
    with monkeypatch.context() as patch:
        patch.setattr(ledger_module, "write", fail)
        assert put_from_threads(ledger, zoom) == ["failed"] * 24
    assert put_from_threads(ledger, zoom) == ["kept"] * 24


HEADER = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=80)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), timestamp=HEADER, signature=HEADER, kind=st.sampled_from(["zoom", "other"]))
def test_nothing_forged_makes_a_row_or_an_error(
    zoom: PhoneSystem, other: PhoneSystem, body: bytes, timestamp: str, signature: str, kind: str
) -> None:
    system = zoom if kind == "zoom" else other
    headers = dict(zip(sign(system, body), (timestamp, signature), strict=True))
    assert post(f"/phone/events/{system.key}/", body, headers)[:2] == (401, b"")
    assert not PhoneEvent.objects.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(notification=JSON, kind=st.sampled_from(["zoom", "other"]))
def test_nothing_genuine_makes_an_error(zoom: PhoneSystem, other: PhoneSystem, notification: Any, kind: str) -> None:
    assert tell(zoom if kind == "zoom" else other, notification) in (200, 204, 422)


def test_the_body_is_read_once_only(zoom: PhoneSystem) -> None:
    """A server that counts what is read would wait for ever for more than was sent."""
    body = dump(CALL)
    stream = io.BytesIO(body + b"the next request")
    assert post(f"/phone/events/{zoom.key}/", body, sign(zoom, body), **{"wsgi.input": stream})[0] == 204
    assert stream.read() == b"the next request"
