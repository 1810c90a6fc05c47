"""Notifications as they come in: what is genuine leads to one sync soon, and everything else to nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from integrations import hearing, push_views, pushing, sync, tasks
from integrations.models import Connection, Outcome, PushChannel, Status
from meetings.models import Meeting
from organizations.models import User
from tests.integrations.pushing import Stage, hand_on, playing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_flood() -> None:
    push_views.LOGGED.clear()


@pytest.fixture(params=["google", "office365"])
def stage(request: pytest.FixtureRequest, settings: Any, alice: User) -> Iterator[Stage]:
    with playing(request.param, settings, alice) as found:
        found.start()
        yield found


@pytest.fixture
def google(settings: Any, alice: User) -> Iterator[Stage]:
    with playing("google", settings, alice) as found:
        found.start()
        yield found


@pytest.fixture
def office365(settings: Any, alice: User) -> Iterator[Stage]:
    with playing("office365", settings, alice) as found:
        found.start()
        yield found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> list[tuple[str, Any]]:
    """What was sent to the worker; nothing runs by itself."""
    found: list[tuple[str, Any]] = []

    def record(name: str) -> Any:
        return lambda args=(), **options: found.append((name, [*args]))

    for task in (tasks.sync_connection, tasks.keep_channels):
        monkeypatch.setattr(task, "apply_async", record(task.name.rpartition(".")[2]))
    monkeypatch.setattr(hearing.transaction, "on_commit", lambda run: run())
    return found


def state() -> dict[str, Any]:
    """All that a notification might change."""
    connection = Connection.objects.values().get()
    channels = list(PushChannel.objects.order_by("pk").values())
    return {"connection": connection, "channels": channels, "runs": sync.SyncRun.objects.count()}


def tell(stage: Stage) -> Any:
    """The notification of a change."""
    stage.change()
    (heard,) = stage.hear()
    return heard


# genuine


def test_a_notification_asks_for_one_sync_soon_and_the_change_is_there(stage, sent):
    answer = hand_on(tell(stage))
    assert (answer.status_code, answer.content) == (202, b"")
    assert sent == [("sync_connection", [str(stage.connection.pk), "push"])]
    due = Connection.objects.get().next_sync_at
    assert timedelta(0) < due - timezone.now() <= hearing.SPACING
    assert all(one.heard_at for one in stage.channels if one.feed == "calendar")
    Connection.objects.update(next_sync_at=timezone.now())
    run = sync.run(stage.connection.pk, trigger="push")
    assert (run.trigger, run.outcome, run.added) == ("push", Outcome.DONE, 1)
    assert Meeting.objects.get().title == "Talk"


def test_two_notifications_at_once_are_one_sync(stage, sent):
    first = tell(stage)
    second = tell(stage)
    for heard in (first, second, second, first):
        assert hand_on(heard).status_code == 202
    assert len(sent) == 1
    stage.rest()
    hand_on(tell(stage))
    assert len(sent) == 2, "later ones are another"


def test_a_sync_that_was_done_meanwhile_is_not_done_again(stage, sent):
    hand_on(tell(stage))
    Connection.objects.update(next_sync_at=timezone.now())
    assert sync.run(stage.connection.pk) is not None
    assert sync.run(stage.connection.pk, trigger="push") is None


def test_what_changes_while_a_sync_runs_is_read_by_another_at_its_end(google, sent, monkeypatch):
    heard = tell(google)
    Connection.objects.update(next_sync_at=timezone.now())
    finish = sync._finish

    def tell_then_finish(*args: Any) -> None:
        monkeypatch.setattr(sync, "_finish", finish)
        hand_on(heard)
        finish(*args)

    monkeypatch.setattr(sync, "_finish", tell_then_finish)
    sync.run(google.connection.pk, trigger="push")
    assert sent == [], "nobody else is needed"
    assert list(google.connection.runs.order_by("-started_at").values_list("trigger", flat=True)[:2]) == ["push"] * 2


def test_one_that_waits_for_the_sweep_is_brought_forward(stage, sent):
    """Due, and not begun: up to a minute would pass."""
    Connection.objects.update(next_sync_at=timezone.now() - timedelta(seconds=20))
    hand_on(tell(stage))
    assert len(sent) == 1


def test_syncs_that_notifications_ask_for_keep_apart(stage, sent):
    Connection.objects.update(synced_at=timezone.now())
    hand_on(tell(stage))
    due = Connection.objects.get().next_sync_at - timezone.now()
    assert hearing.SOON < due <= hearing.SPACING


def test_a_killed_worker_or_a_lost_message_costs_a_minute(stage, sent):
    hand_on(tell(stage))
    assert len(sent) == 1, "and it is lost"
    Connection.objects.update(next_sync_at=timezone.now())
    assert sync.find_due() == [str(stage.connection.pk)], "the sweep finds it"
    sync.run(stage.connection.pk)
    assert Meeting.objects.count() == 1


@pytest.mark.parametrize("fields", [
    {"failures": 1},
    {"status": Status.RECONNECT_NEEDED},
    {"status": Status.ADMIN_NEEDED, "failures": 3},
])  # fmt: skip
def test_a_connection_in_trouble_keeps_to_its_plan(stage, sent, fields):
    heard = tell(stage)
    Connection.objects.update(**fields)
    before = Connection.objects.get().next_sync_at
    assert hand_on(heard).status_code == 202
    assert sent == []
    assert Connection.objects.get().next_sync_at == before


# lifecycle


def announce(stage: Stage, event: str) -> list[Any]:
    stage.sandbox.office365.graph.subscriptions.announce(stage.alice.email, event)
    return stage.hear()


def test_what_was_missed_is_read(office365, sent):
    for heard in announce(office365, "missed"):
        assert hand_on(heard).status_code == 202
    assert [name for name, _ in sent] == ["sync_connection"]


def test_a_subscription_that_wants_to_be_renewed_is(office365, sent):
    before = [one.expires_at for one in office365.channels]
    for heard in announce(office365, "reauthorizationRequired"):
        hand_on(heard)
    assert {name for name, _ in sent} == {"keep_channels"}
    assert not pushing.keep(office365.connection.pk)
    assert all(one.expires_at >= was for one, was in zip(office365.channels, before, strict=True))
    assert len(office365.sandbox.log.requests("/graph/*/subscriptions/*", method="PATCH")) == 2


def test_a_subscription_that_was_removed_is_made_again_and_everything_is_read(office365, sent):
    former = {one.remote_id for one in office365.channels}
    for heard in announce(office365, "subscriptionRemoved"):
        hand_on(heard)
    assert {name for name, _ in sent} == {"sync_connection", "keep_channels"}
    assert not any(one.is_live for one in office365.channels)
    assert pushing.keep(office365.connection.pk), "and what changed in between is read"
    assert all(one.is_live for one in office365.channels)
    assert former.isdisjoint(one.remote_id for one in office365.channels)


def test_googles_first_message_asks_for_nothing(google, sent):
    google.connection.push_channels.update(next_try_at=timezone.now())
    pushing.keep(google.connection.pk)
    heard = google.hear()
    assert [one.headers["X-Goog-Resource-State"] for one in heard] == ["sync"]
    before = Connection.objects.values().get()
    assert hand_on(heard[0]).status_code == 202
    assert (sent, Connection.objects.values().get()) == ([], before)


# forged, repeated, late


def test_a_repeated_notification_of_googles_changes_nothing(google, sent):
    heard = tell(google)
    hand_on(heard)
    google.rest()
    before = state()
    assert hand_on(heard).status_code == 202
    assert state() == before
    assert len(sent) == 1


FORGED_HEADERS = [
    {"X-Goog-Channel-Token": "forged"},
    {"X-Goog-Channel-Token": ""},
    {"X-Goog-Channel-ID": "00000000-0000-4000-8000-000000000000"},
    {"X-Goog-Channel-ID": "x" * 10_000},
    {"X-Goog-Channel-ID": ""},
    {"X-Goog-Resource-ID": "another"},
    {"X-Goog-Resource-ID": ""},
    {"X-Goog-Resource-State": "surprise"},
    {"X-Goog-Message-Number": "-5"},
    {"X-Goog-Message-Number": "9" * 500},
    {"X-Goog-Message-Number": "x"},
]


def test_a_forged_notification_in_googles_name_changes_nothing_and_the_genuine_one_does(google, sent):
    heard = tell(google)
    before = state()
    for headers in FORGED_HEADERS:
        answer = hand_on(heard, **headers)
        assert (answer.status_code, answer.content) == (202, b""), "it is answered like any other"
        assert (state(), sent) == (before, []), headers
    hand_on(heard)
    assert len(sent) == 1


FORGED_ITEMS = [
    {"clientState": "forged"},
    {"clientState": None},
    {"clientState": ["a", "list"]},
    {"subscriptionId": "00000000-0000-4000-8000-000000000000"},
    {"subscriptionId": 7},
    {"subscriptionId": ""},
    {"lifecycleEvent": "surprise"},
    {"clientState": "forged", "lifecycleEvent": "subscriptionRemoved"},
]


def test_a_forged_notification_in_microsofts_name_changes_nothing_and_the_genuine_one_does(office365, sent):
    heard = tell(office365)
    before = state()
    (item,) = orjson.loads(heard.body)["value"]
    for changes in FORGED_ITEMS:
        answer = hand_on(heard, body=orjson.dumps({"value": [item | changes]}).decode())
        assert (answer.status_code, answer.content) == (202, b"")
        assert (state(), sent) == (before, []), changes
    hand_on(heard)
    assert len(sent) == 1


def test_each_item_of_a_notification_is_judged_by_itself(office365, sent):
    heard = tell(office365)
    (item,) = orjson.loads(heard.body)["value"]
    forged = item | {"clientState": "forged", "lifecycleEvent": "subscriptionRemoved"}
    hand_on(heard, body=orjson.dumps({"value": [forged, item]}).decode())
    assert [name for name, _ in sent] == ["sync_connection"]
    assert all(one.is_live for one in office365.channels)


def test_another_providers_address_does_not_know_the_channel(google, sent):
    heard = tell(google)
    before = state()
    headers = {name: value for name, value in heard.headers.items() if name.startswith("X-Goog-")}
    assert Client().post("/integrations/push/office365/", headers=headers).status_code == 202
    assert (state(), sent) == (before, [])


def test_what_an_expired_channel_tells_changes_nothing(stage, sent):
    heard = tell(stage)
    PushChannel.objects.update(expires_at=timezone.now() - hearing.GRACE - timedelta(seconds=1))
    before = state()
    assert hand_on(heard).status_code == 202
    assert (state(), sent) == (before, [])


def test_what_is_told_of_a_connection_that_was_deleted_is_answered_and_ignored(stage, sent):
    heard = tell(stage)
    PushChannel.objects.all().delete()
    assert hand_on(heard).status_code == 202
    assert sent == []


def test_without_any_notification_polling_finds_the_same(stage, sent):
    stage.change("Told")
    stage.hear()
    stage.sandbox.deliveries.lose(1000)
    stage.change("Lost")
    assert stage.hear() == []
    Connection.objects.update(next_sync_at=timezone.now())
    assert sync.find_due() == [str(stage.connection.pk)]
    sync.run(stage.connection.pk)
    assert sorted(Meeting.objects.values_list("title", flat=True)) == ["Lost", "Told"]


# the address itself


@pytest.mark.parametrize("provider", ["google", "office365"])
def test_it_takes_posts_alone_without_signing_in_and_without_a_form_token(provider, settings, alice):
    with playing(provider, settings, alice):
        address = f"/integrations/push/{provider}/"
        strict = Client(enforce_csrf_checks=True)
        assert strict.post(address, b"junk", content_type="text/plain").status_code == 202
        for method in ("get", "put", "patch", "delete", "head"):
            assert getattr(strict, method)(address).status_code == 405


def test_unknown_providers_and_those_that_tell_nothing_have_no_address(stage):
    for provider in ("exchange", "nobody"):
        assert Client().post(f"/integrations/push/{provider}/").status_code == 404


def test_what_is_too_large_is_not_read(stage, sent):
    heard = tell(stage)
    before = state()
    assert hand_on(heard, body="x" * (push_views.MOST_BYTES + 1)).status_code == 413
    assert (state(), sent) == (before, [])
    assert hand_on(heard, body="x" * push_views.MOST_BYTES).status_code == 202


def test_the_handshake_is_echoed_as_plain_text_whatever_it_holds(office365):
    word = "<script>alert(1)</script> & é"
    answer = Client().post("/integrations/push/office365/", query_params={"validationToken": word})
    assert answer.status_code == 200
    assert answer.content.decode() == word
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "Set-Cookie" not in answer.headers
    long = Client().post("/integrations/push/office365/", query_params={"validationToken": "x" * 5_000})
    assert (long.status_code, long.content) == (202, b"")
    assert Client().get("/integrations/push/office365/?validationToken=x").status_code == 405
    elsewhere = Client().post("/integrations/push/google/", query_params={"validationToken": word})
    assert (elsewhere.status_code, elsewhere.content) == (202, b"")


def test_a_notification_of_many_items_costs_what_one_costs(office365, sent, django_assert_max_num_queries):
    heard = tell(office365)
    (item,) = orjson.loads(heard.body)["value"]
    with django_assert_max_num_queries(8) as one:
        hand_on(heard)
    office365.rest()
    with django_assert_max_num_queries(8) as many:
        hand_on(heard, body=orjson.dumps({"value": [item] * 200}).decode())
    assert len(many) == len(one)


def test_the_log_says_where_a_forged_one_came_from_and_nothing_of_what_it_holds(google, caplog):
    hand_on(tell(google), **{"X-Goog-Channel-Token": "forged-secret-token"})
    assert "not genuine" in caplog.text
    assert "127.0.0.1" in caplog.text
    assert "forged-secret-token" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_same_notification_in_the_same_moment_again_and_again_is_one_sync(google, sent):
    if database.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time: there is no such race")
    heard = tell(google)

    def post(_: int) -> int:
        try:
            return hand_on(heard).status_code
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(8))) == {202}
    assert len(sent) == 1


def test_what_no_database_takes_is_answered_like_any_other(office365, sent):
    heard = tell(office365)
    (item,) = orjson.loads(heard.body)["value"]
    before = state()
    for odd in ({"subscriptionId": "a\0b"}, {"clientState": "a\0b"}, {"subscriptionId": "a\0b", "clientState": "x"}):
        answer = hand_on(heard, body=orjson.dumps({"value": [item | odd]}).decode())
        assert (answer.status_code, state(), sent) == (202, before, []), odd


def test_a_length_that_is_no_number_is_refused(google):
    for length in ("²", "-1", "9" * 5_000):
        answer = Client().generic("POST", "/integrations/push/google/", b"", CONTENT_LENGTH=length)
        assert answer.status_code == 413


def test_forged_ones_ask_the_database_for_nothing_and_silence_nobody(google, sent, django_assert_num_queries):
    """Anybody can have a service post to us from its own addresses: what comes from there is genuine and forged."""
    heard = tell(google)
    with django_assert_num_queries(0):
        for _ in range(100):
            assert hand_on(heard, **{"X-Goog-Channel-Token": "forged"}).status_code == 202
    assert hand_on(heard).status_code == 202
    assert len(sent) == 1
