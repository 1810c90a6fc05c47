"""Google's watch channels and Graph's subscriptions as the sandbox plays them, heard over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
import requests

from sandbox.delivering import Deliveries, Manner
from sandbox.server import Sandbox, running
from tests.listening import Listener, listening
from tests.sandbox.conftest import ALICE, BEN, Api, meeting
from tests.sandbox.shapes import find_misfits
from tests.sandbox.test_graph_shapes import load_judge

TALK = {
    "subject": "Talk",
    "start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2026-11-24T11:00:00", "timeZone": "UTC"},
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(pushes_to_loopback=True) as started:
        started.google.add_person(ALICE, name="Alice Meyer")
        started.google.add_person(BEN, name="Ben Okafor")
        yield started


class Graph:
    """Alice's access to the pretend Graph, by plain HTTP."""

    def __init__(self, sandbox: Sandbox, scopes: tuple[str, ...] = ("Calendars.Read", "Contacts.Read")) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False
        self.token = sandbox.office365.tokens.issue(ALICE, list(scopes)).access
        self.session.headers["Authorization"] = f"Bearer {self.token}"

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, f"{self.sandbox.url}/graph/v1.0/{path}", json=body)

    def subscribe(self, listener: Listener, resource: str = "me/events", **changes: Any) -> requests.Response:
        until = self.sandbox.clock.now() + timedelta(days=6)
        body = {
            "changeType": "created,updated,deleted", "notificationUrl": listener.url, "resource": resource,
            "lifecycleNotificationUrl": listener.url, "expirationDateTime": f"{until:%Y-%m-%dT%H:%M:%S}.0000000Z",
            "clientState": "secret",
        }  # fmt: skip
        return self.send("POST", "subscriptions", body | changes)


@pytest.fixture
def graph(sandbox: Sandbox) -> Iterator[Graph]:
    made = Graph(sandbox)
    yield made
    made.session.close()


def watch(api: Api, listener: Listener, **changes: Any) -> requests.Response:
    body = {"id": str(uuid4()), "type": "web_hook", "address": listener.url, "token": "secret"} | changes
    return api.session.post(f"{api.events}/watch", json=body)


def state_of(heard: Any) -> tuple[str, int]:
    return heard.headers["X-Goog-Resource-State"], int(heard.headers["X-Goog-Message-Number"])


# Google


def test_google_opens_a_channel_with_a_sync_message_and_then_tells_that_something_changed(sandbox, api, listener):
    answer = watch(api, listener)
    assert answer.status_code == 200
    made = answer.json()
    assert find_misfits("calendar.v3", "Channel", made) == []
    week = datetime.fromtimestamp(int(made["expiration"]) / 1000, UTC) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < week <= timedelta(days=7)
    (first,) = listener.take(1)
    assert state_of(first) == ("sync", 1)
    sandbox.google.add_event(ALICE, meeting())
    (told,) = listener.take(1)
    assert state_of(told)[0] == "exists"
    assert state_of(told)[1] > 1
    assert told.body == b""
    headers = {name: told.headers[f"X-Goog-{name}"] for name in ("Channel-ID", "Channel-Token", "Resource-ID")}
    assert headers == {"Channel-ID": made["id"], "Channel-Token": "secret", "Resource-ID": made["resourceId"]}
    assert told.headers["X-Goog-Resource-URI"].endswith("/events?alt=json")
    assert told.headers["X-Goog-Channel-Expiration"].endswith("GMT")


def test_a_change_through_any_door_is_told_and_others_calendars_are_not(sandbox, api, listener):
    watch(api, listener)
    listener.take(1)
    made = api.session.post(api.events, json=meeting()).json()
    listener.take(1)
    page = {"summary": "From the page", "day": "2026-11-24", "begin": "10:00", "end": "11:00"}
    requests.post(f"{sandbox.url}/people/{ALICE}/events", data=page, timeout=10)
    listener.take(1)
    requests.delete(f"{sandbox.url}/_control/google/{ALICE}/events/{made['id']}", timeout=10)
    listener.take(1)
    sandbox.google.add_event(BEN, meeting(attendees=[{"email": ALICE}]))
    listener.take(1)
    sandbox.google.add_event(BEN, meeting())
    assert sandbox.deliveries.settle()
    assert listener.heard == []


def test_many_changes_at_once_are_told_once(sandbox, api, listener):
    watch(api, listener)
    listener.take(1)
    with sandbox.store.transaction():
        for _ in range(20):
            sandbox.google.add_event(ALICE, meeting())
    assert sandbox.deliveries.settle()
    assert len(listener.heard) == 1


def test_a_stopped_channel_and_an_expired_one_tell_nothing(sandbox, api, listener):
    made = watch(api, listener).json()
    stop = f"{api.calendar}channels/stop"
    wrong = api.session.post(stop, json={"id": made["id"], "resourceId": "another"})
    assert (wrong.status_code, wrong.json()["error"]["errors"][0]["reason"]) == (404, "notFound")
    right = {"id": made["id"], "resourceId": made["resourceId"]}
    stopped = api.session.post(stop, json=right)
    assert (stopped.status_code, stopped.content) == (204, b"")
    assert api.session.post(stop, json=right).status_code == 404
    watch(api, listener, params={"ttl": "3600"})
    listener.take(2)
    sandbox.google.add_event(ALICE, meeting())
    listener.take(1)
    sandbox.clock.advance(timedelta(hours=2))
    sandbox.google.add_event(ALICE, meeting())
    assert sandbox.deliveries.settle()
    assert listener.heard == []
    assert sandbox.google.channels.list() == []


def test_google_refuses_http_hostless_addresses_repeated_ids_and_strangers(sandbox, api, listener):
    def reason(answer: requests.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["errors"][0]["reason"]

    assert watch(api, listener, id="one").status_code == 200
    assert reason(watch(api, listener, id="one")) == (400, "channelIdNotUnique")
    assert reason(watch(api, listener, address="http://portico.example/")) == (400, "push.webhookUrlNotHttps")
    assert reason(watch(api, listener, address="nowhere")) == (400, "push.webhookUrlNoHostOrAddress")
    assert reason(watch(api, listener, type="email")) == (400, "channelTypeUnknown")
    sandbox.deliveries.takes_loopback = False
    assert reason(watch(api, listener)) == (400, "push.webhookUrlNotHttps")
    assert watch(api, listener, address="https://127.0.0.1:9/").status_code == 200
    other = Api(sandbox, BEN)
    body = {"id": "x", "type": "web_hook", "address": "https://portico.example/"}
    assert other.session.post(f"{other.calendar}calendars/{ALICE}/events/watch", json=body).status_code == 404
    other.session.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
def test_google_tries_again_after_a_server_error_or_none_at_all(sandbox, api, listener, status, monkeypatch):
    monkeypatch.setattr(
        "sandbox.google.push.MANNER", Manner("Google", 2.0, (0.05, 0.05), frozenset({500, 502, 503, 504}))
    )
    listener.answers.append(status)
    watch(api, listener)
    assert [state_of(one) for one in listener.wait(2)] == [("sync", 1)] * 2
    until = time.monotonic() + 5
    while (message := sandbox.deliveries.list()[0]).state == "waiting" and time.monotonic() < until:
        time.sleep(0.02)
    assert (message.state, message.tries) == ("told", 2)


@pytest.mark.parametrize("status", [301, 400, 404, 429])
def test_google_takes_any_other_answer_for_a_failure(sandbox, api, listener, status):
    listener.answers.append(status)
    watch(api, listener)
    assert sandbox.deliveries.settle()
    assert [(one.state, one.tries) for one in sandbox.deliveries.list()] == [("failed", 1)]


# Graph


def test_graph_asks_the_address_for_its_word_before_it_tells_anything(sandbox, graph, listener):
    answer = graph.subscribe(listener)
    assert answer.status_code == 201
    assert len(listener.words) == 1
    assert listener.words[0].startswith("Validation: Testing client application reachability")
    made = answer.json()
    assert (made["resource"], made["clientState"]) == ("me/events", "secret")
    listed = graph.send("GET", "subscriptions").json()["value"]
    assert [(one["id"], one["clientState"]) for one in listed] == [(made["id"], None)]
    listener.echo = lambda word: word.upper()
    refused = graph.subscribe(listener, "me/contacts")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "ValidationError")


def test_graph_tells_of_each_item_what_became_of_it(sandbox, graph, listener, shared_checks):
    made = graph.subscribe(listener).json()
    event = sandbox.office365.add_event(ALICE, TALK)
    sandbox.office365.change_event(ALICE, event["id"], {"subject": "Moved"})
    sandbox.office365.delete_event(ALICE, event["id"])
    sandbox.office365.add_contact(ALICE, {"givenName": "Rosa"})
    sandbox.office365.add_event(BEN, TALK)
    sandbox.exchange.add_event(ALICE, TALK)
    assert sandbox.deliveries.settle()
    items = [item for one in listener.heard for item in orjson.loads(one.body)["value"]]
    assert {one["resourceData"]["id"] for one in items} == {event["id"]}
    assert items[-1]["changeType"] == "deleted"
    assert {(one["subscriptionId"], one["clientState"]) for one in items} == {(made["id"], "secret")}
    judge = load_judge(shared_checks)
    problems = [
        problem
        for one in listener.heard
        for problem in judge.check("changeNotificationCollection", orjson.loads(one.body))
        if "(open type)" not in problem
    ]
    assert problems == []
    assert judge.check("subscription", {k: v for k, v in made.items() if not k.startswith("@")}) == []


def test_contacts_are_told_from_every_folder(sandbox, graph, listener):
    graph.subscribe(listener, "me/contacts")
    folder = sandbox.office365.add_folder(ALICE, "Clients")
    contact = sandbox.office365.add_contact(ALICE, {"givenName": "Rosa"}, folder)
    assert sandbox.deliveries.settle()
    (item,) = orjson.loads(listener.heard[-1].body)["value"]
    assert (item["changeType"], item["resourceData"]["id"]) == ("created", contact["id"])
    sandbox.office365.add_event(ALICE, TALK)
    assert sandbox.deliveries.settle()
    assert len(listener.heard) == 1


def test_very_many_changes_are_told_as_missed(sandbox, graph, listener):
    graph.subscribe(listener)
    sandbox.office365.mailbox(ALICE).fill_events([TALK] * 501)
    assert sandbox.deliveries.settle()
    assert [orjson.loads(one.body)["value"][0].get("lifecycleEvent") for one in listener.heard] == ["missed"]


def test_a_subscription_is_prolonged_and_ended_and_expires(sandbox, graph, listener):
    made = graph.subscribe(listener).json()
    path = f"subscriptions/{made['id']}"
    later = f"{sandbox.clock.now() + timedelta(days=6, hours=20):%Y-%m-%dT%H:%M:%S}Z"
    longer = graph.send("PATCH", path, {"expirationDateTime": later})
    assert (longer.status_code, longer.json()["expirationDateTime"]) == (200, later)
    too_long = f"{sandbox.clock.now() + timedelta(minutes=10_081):%Y-%m-%dT%H:%M:%S}Z"
    assert graph.send("PATCH", path, {"expirationDateTime": too_long}).status_code == 400
    assert graph.send("POST", f"{path}/reauthorize").status_code == 204
    assert graph.send("DELETE", path).status_code == 204
    assert graph.send("DELETE", path).json()["error"]["code"] == "ResourceNotFound"
    graph.subscribe(listener)
    sandbox.clock.advance(timedelta(days=7))
    sandbox.office365.add_event(ALICE, TALK)
    assert sandbox.deliveries.settle()
    assert listener.heard == []


def test_graph_keeps_one_subscription_for_a_resource_and_refuses_what_it_cannot_tell(sandbox, graph, listener):
    assert graph.subscribe(listener).status_code == 201
    assert graph.subscribe(listener).status_code == 409
    assert graph.subscribe(listener, "me/messages").status_code == 400
    assert graph.subscribe(listener, f"users/{BEN}/events").status_code == 403
    assert graph.subscribe(listener, "me/contacts", changeType="renamed").status_code == 400
    assert graph.subscribe(listener, "me/contacts", clientState="x" * 129).status_code == 400
    sandbox.deliveries.takes_loopback = False
    assert graph.subscribe(listener, "me/contacts").status_code == 400
    poor = Graph(sandbox, ("Contacts.Read",))
    assert poor.send("GET", "subscriptions/x").status_code == 404
    poor.session.close()


def test_lifecycle_events_are_told_and_a_removed_subscription_is_gone(sandbox, graph, listener):
    graph.subscribe(listener)
    control = f"{sandbox.url}/_control/office365/{ALICE}/subscriptions"
    for event in ("reauthorizationRequired", "missed", "subscriptionRemoved"):
        assert requests.post(control, json={"lifecycle": event}, timeout=10).json() == {"told": 1}
        (heard,) = listener.take(1)
        (item,) = orjson.loads(heard.body)["value"]
        assert (item["lifecycleEvent"], item["clientState"], "resource" in item) == (event, "secret", False)
    assert requests.get(control, timeout=10).json() == []
    assert requests.post(control, json={"lifecycle": "gone"}, timeout=10).status_code == 400


# the way


def test_notifications_are_lost_and_doubled_on_demand(sandbox, api, listener):
    control = f"{sandbox.url}/_control/push"
    requests.post(control, json={"lose": 1}, timeout=10)
    watch(api, listener)
    assert sandbox.deliveries.settle()
    assert listener.heard == []
    assert [one["state"] for one in requests.get(control, timeout=10).json()] == ["lost"]
    requests.post(control, json={"doubled": True}, timeout=10)
    sandbox.google.add_event(ALICE, meeting())
    first, second = listener.take(2)
    assert state_of(first) == state_of(second)


def test_who_listens_is_known_after_a_restart(tmp_path, listener):
    data = str(tmp_path / "sandbox.sqlite3")
    with running(data, pushes_to_loopback=True) as sandbox:
        sandbox.google.add_person(ALICE)
        api = Api(sandbox, ALICE)
        watch(api, listener)
        listener.take(1)
        api.session.close()
    with running(data, pushes_to_loopback=True) as sandbox:
        sandbox.google.add_event(ALICE, meeting())
        assert state_of(listener.take(1)[0])[0] == "exists"


def test_the_pages_and_the_request_log_show_what_was_told_and_no_secret(sandbox, api, graph, listener):
    watch(api, listener)
    graph.subscribe(listener)
    sandbox.google.add_event(ALICE, meeting())
    assert sandbox.deliveries.settle()
    page = requests.get(f"{sandbox.url}/push", timeout=10)
    log = requests.get(f"{sandbox.url}/log", timeout=10)
    assert "exists" in page.text and "me/events" in page.text
    assert f"→ {listener.url}" in log.text
    assert json.dumps("secret") not in page.text and ">secret<" not in page.text + log.text
    form = {"event": "missed", "email": ALICE}
    assert requests.post(f"{sandbox.url}/push/lifecycle", data=form, timeout=10).status_code == 200
    assert sandbox.deliveries.list()[-1].about == "missed"


def test_nothing_is_started_where_nobody_listens():
    with running() as sandbox:
        sandbox.google.add_person(ALICE)
        sandbox.google.add_event(ALICE, meeting())
        assert sandbox.deliveries._thread is None
        assert isinstance(sandbox.deliveries, Deliveries)
