"""What the pretend Zoom Phone tells, whom, how it is signed, and what becomes of what is not taken."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import requests

from sandbox.server import Sandbox, running
from tests.listening import Heard, Listener, listening
from tests.sandbox.conftest import ALICE, BEN

SECRET = "whsec-of-the-test"
ANNA = "+4930901820"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def sandbox(listener) -> Iterator[Sandbox]:
    with running(pushes_to_loopback=True) as started:
        started.google.add_person(ALICE, name="Alice Meyer")
        started.google.add_person(BEN, name="Ben Okafor")
        started.zoom.phone.add_user(ALICE, numbers=("+493023125001",))
        started.zoom.phone.add_user(BEN)
        listener.reply = make_reply()
        yield started


def digest(text: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, "sha256").hexdigest()


def make_reply(status: int = 200, secret: str = SECRET) -> Callable[[bytes], tuple[int, bytes] | None]:
    """The answer of an app with this secret to Zoom's question."""

    def reply(body: bytes) -> tuple[int, bytes] | None:
        event = orjson.loads(body)
        if event["event"] != "endpoint.url_validation":
            return None
        plain = event["payload"]["plainToken"]
        return status, orjson.dumps({"plainToken": plain, "encryptedToken": digest(plain.encode(), secret)})

    return reply


def subscribe(sandbox: Sandbox, listener: Listener, **facts: Any) -> requests.Response:
    control = f"{sandbox.url}/_control/zoom/phone/subscription"
    return requests.put(control, json={"url": listener.url, "secret": SECRET} | facts, timeout=10)


def receive(sandbox: Sandbox, **facts: Any) -> dict[str, Any]:
    control = f"{sandbox.url}/_control/zoom/phone/calls"
    answer = requests.post(control, json={"to": ALICE, "from": ANNA} | facts, timeout=10)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def names(heard: list[Heard]) -> list[str]:
    return [orjson.loads(one.body)["event"].removeprefix("phone.") for one in heard]


def is_signed(heard: Heard, secret: str = SECRET) -> bool:
    moment = heard.headers["x-zm-request-timestamp"]
    expected = "v0=" + digest(f"v0:{moment}:".encode() + heard.body, secret)
    return bool(heard.headers["x-zm-signature"] == expected)


def test_an_answered_call_is_told_from_its_first_ring_and_signed(sandbox, listener):
    assert subscribe(sandbox, listener).json()["state"] == "active"
    made = receive(sandbox, name="Anna Weber", seconds=75)
    heard = listener.take(4)

    assert names(heard) == ["callee_ringing", "callee_answered", "callee_ended", "callee_call_element_completed"]
    assert all(is_signed(one) for one in heard)
    assert not is_signed(heard[0], "another")
    event = orjson.loads(heard[3].body)
    user = sandbox.zoom.phone.users.find(ALICE)
    assert event["payload"]["account_id"] == user.account
    assert event["payload"]["object"]["user_id"] == user.id
    (row,) = event["payload"]["object"]["call_elements"]
    assert (row["call_id"], row["talk_time"], row["caller_did_number"]) == (made["call_id"], 75, ANNA)
    assert [orjson.loads(one.body) for one in heard] == made["events"]
    assert {orjson.loads(one.body)["payload"]["object"].get("call_id", row["call_id"]) for one in heard} == {
        row["call_id"]
    }


def test_a_voicemail_is_told_and_what_was_said_after_it(sandbox, listener):
    subscribe(sandbox, listener, live=False)
    made = receive(sandbox, **{"from": "2044", "voicemail": {"seconds": 4}})
    heard = listener.take(2)
    assert names(heard) == ["callee_call_element_completed", "voicemail_received"]
    left = orjson.loads(heard[1].body)["payload"]["object"]
    assert (left["id"], left["caller_number"], left["caller_number_type"]) == (made["voicemail_id"], "2044", 1)
    assert left["download_url"].startswith(sandbox.url)

    transcript = f"{sandbox.url}/_control/zoom/phone/voicemails/{made['voicemail_id']}/transcript"
    assert requests.post(transcript, json={"text": "Call me."}, timeout=10).status_code == 204
    (said,) = listener.take(1)
    told = orjson.loads(said.body)
    assert told["event"] == "phone.voicemail_transcript_completed"
    assert told["payload"]["object"]["transcription"] == {"status": 2, "content": "Call me."}
    assert not {"download_url", "duration"} & set(told["payload"]["object"])

    sandbox.zoom.phone.delete_voicemail(made["voicemail_id"])
    sandbox.zoom.phone.delete_call(made["call_element_ids"][ALICE])
    assert names(listener.take(2)) == ["voicemail_deleted", "call_element_deleted"]
    assert requests.get(f"{sandbox.url}/_control/zoom/phone/{ALICE}/calls", timeout=10).json() == []


def test_one_call_is_told_in_the_words_of_every_generation_that_is_listened_to(sandbox, listener):
    subscribe(sandbox, listener, generations=["log", "history", "element"], live=False)
    receive(sandbox, result="missed")
    log, history, element = (orjson.loads(one.body)["payload"]["object"] for one in listener.take(3))

    assert log["call_logs"][0]["result"] == "Missed"
    assert log["call_logs"][0]["caller_number"] == ANNA
    row = element["call_elements"][0]
    older = history["call_logs"][0]
    assert (older["id"], older["call_path_id"]) == (row["call_element_id"], row["call_history_uuid"])
    assert row["call_element_id"].endswith(log["call_logs"][0]["id"])
    assert log["call_logs"][0]["call_id"] == older["call_id"] == row["call_id"]


def test_a_colleagues_call_is_told_for_both_ends(sandbox, listener):
    subscribe(sandbox, listener, live=False)
    control = f"{sandbox.url}/_control/zoom/phone/outgoing"
    assert requests.post(control, json={"by": ALICE, "to": "1002", "result": "busy"}, timeout=10).status_code == 201
    caller, callee = listener.take(2)
    assert names([caller, callee]) == ["caller_call_element_completed", "callee_call_element_completed"]
    owners = [orjson.loads(one.body)["payload"]["object"]["user_id"] for one in (caller, callee)]
    assert owners == [sandbox.zoom.phone.users.find(email).id for email in (ALICE, BEN)]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (make_reply(500), "It answered 500."),
        (make_reply(secret="another"), "Its answer does not prove that it knows the secret token."),
        (lambda _: (200, b"hello"), "It did not answer with JSON."),
    ],
)
def test_nothing_is_told_to_an_address_that_has_not_proved_itself(sandbox, listener, reply, problem):
    listener.reply = reply
    refused = subscribe(sandbox, listener)
    assert (refused.status_code, refused.json()["state"], refused.json()["problem"]) == (422, "new", problem)
    receive(sandbox)
    assert sandbox.deliveries.list() == []
    listener.reply = make_reply()
    proof = f"{sandbox.url}/_control/zoom/phone/subscription/proof"
    assert requests.post(proof, timeout=10).json() == {"proved": True}
    receive(sandbox)
    assert len(listener.take(4)) == 4


def test_a_subscription_is_proved_again_after_three_days_and_ends_with_the_sixth_failure(sandbox, listener):
    subscribe(sandbox, listener, live=False)
    listener.reply = make_reply(403)
    for failures in range(1, 7):
        sandbox.clock.advance(timedelta(hours=73))
        receive(sandbox)
        found = sandbox.zoom.phone.subscriptions.find(sandbox.zoom.credentials["account_id"])
        assert (found.failures, found.state) == (failures, "disabled" if failures == 6 else "active")
    assert sandbox.deliveries.settle()
    assert len([one for one in listener.heard if is_signed(one)]) == len(listener.heard) == 5


def test_only_https_is_taken_but_for_this_machine_where_it_was_told_to(sandbox, listener):
    refused = subscribe(sandbox, listener, url="http://portico.example/")
    assert (refused.status_code, refused.json()["error"]) == (400, "Zoom takes https addresses only.")
    sandbox.deliveries.takes_loopback = False
    assert subscribe(sandbox, listener).status_code == 400
    assert subscribe(sandbox, listener, generations=["newest"]).status_code == 400
    sandbox.deliveries.takes_loopback = True
    assert subscribe(sandbox, listener).status_code == 200


def test_a_server_error_is_tried_again_after_5_20_and_60_minutes_and_no_more(sandbox, listener):
    subscribe(sandbox, listener, live=False)
    listener.answers += [500, 0, 503, 500]
    receive(sandbox)
    (first,) = listener.take(1)
    assert sandbox.deliveries.settle()
    for minutes in (5, 20, 60):
        sandbox.clock.advance(timedelta(minutes=minutes - 1))
        assert sandbox.deliveries.settle()
        assert listener.heard == []
        sandbox.clock.advance(timedelta(minutes=1))
        (again,) = listener.take(1)
        assert again.body == first.body
        assert is_signed(again)
        assert again.headers["x-zm-request-timestamp"] > first.headers["x-zm-request-timestamp"]
        assert sandbox.deliveries.settle()
    (message,) = sandbox.deliveries.list()
    assert (message.state, message.tries) == ("failed", 4)


@pytest.mark.parametrize("status", [302, 401, 429])
def test_a_refusal_is_the_end_of_it_until_somebody_sends_it_again(sandbox, listener, status):
    subscribe(sandbox, listener, live=False)
    listener.answers.append(status)
    receive(sandbox)
    (first,) = listener.take(1)
    assert sandbox.deliveries.settle()
    (message,) = requests.get(f"{sandbox.url}/_control/push", timeout=10).json()
    assert (message["state"], message["status"], message["tries"]) == ("failed", status, 1)
    again = requests.post(f"{sandbox.url}/_control/push/{message['number']}", timeout=10)
    assert again.json() == {"sent": 1}
    assert listener.take(1)[0].body == first.body
    assert requests.post(f"{sandbox.url}/_control/push/999", timeout=10).status_code == 404


def test_what_waits_is_tried_at_once_on_demand_with_its_old_signature_where_that_is_wanted(sandbox, listener):
    subscribe(sandbox, listener, live=False)
    control = f"{sandbox.url}/_control/zoom/phone/deliveries"
    requests.post(control, json={"signs_again": False}, timeout=10)
    listener.answers.append(500)
    receive(sandbox)
    (first,) = listener.take(1)
    assert sandbox.deliveries.settle()
    sandbox.clock.freeze(sandbox.clock.now() + timedelta(minutes=3))
    requests.post(f"{sandbox.url}/_control/push", json={"hurry": True}, timeout=10)
    (again,) = listener.take(1)
    assert again.headers["x-zm-signature"] == first.headers["x-zm-signature"]


def test_events_come_out_of_order_twice_or_not_at_all_on_demand(sandbox, listener):
    subscribe(sandbox, listener)
    control = f"{sandbox.url}/_control/zoom/phone/deliveries"
    assert requests.post(control, json={"hold": True}, timeout=10).json() == {"sent": 0, "held": 0}
    receive(sandbox)
    assert listener.heard == []
    assert requests.post(control, json={"release": "reversed"}, timeout=10).json() == {"sent": 4, "held": 0}
    heard = names(listener.take(4))
    assert heard == ["callee_call_element_completed", "callee_ended", "callee_answered", "callee_ringing"]

    push = f"{sandbox.url}/_control/push"
    requests.post(push, json={"lose": 3, "doubled": True}, timeout=10)
    receive(sandbox)
    first, second = listener.take(2)
    assert names([first, second]) == ["callee_call_element_completed"] * 2
    assert first.body == second.body
    assert sandbox.deliveries.settle()
    assert listener.heard == []


def test_what_the_control_api_cannot_do_it_says(sandbox):
    base = f"{sandbox.url}/_control/zoom/phone"
    for path, body in (
        ("calls", {"to": "nobody@north.example", "from": ANNA}),
        ("calls", {"to": ALICE}),
        ("calls", {"to": ALICE, "from": ANNA, "result": "eaten"}),
        ("outgoing", {"by": ALICE, "to": "nobody@north.example"}),
        ("voicemails/none/transcript", {"text": "x"}),
        ("deliveries", {"release": "sideways"}),
    ):
        answer = requests.post(f"{base}/{path}", json=body, timeout=10)
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True), path
    user = {"email": "carla@north.example", "numbers": ["+4930231250099"]}
    assert requests.post(f"{base}/users", json=user, timeout=10).json()["extension"] == 1003
    assert [one["email"] for one in requests.get(f"{base}/users", timeout=10).json()][-1] == "carla@north.example"
    assert requests.delete(f"{base}/users/carla@north.example", timeout=10).status_code == 204
    assert len(requests.get(f"{base}/users", timeout=10).json()) == 2


def test_people_make_calls_and_voicemail_on_a_page_that_shows_who_was_told(sandbox, listener):
    page = f"{sandbox.url}/phone"
    form = {"url": listener.url, "secret": SECRET, "generation": "element", "act": "save"}
    saved = requests.post(f"{page}/subscription", data=form, timeout=10)
    assert (saved.status_code, listener.url in saved.text, SECRET in saved.text) == (200, True, False)
    listener.answers.append(403)
    call = {"to": ALICE, "from": "+49 30 901820", "name": "Anna Weber", "result": "missed", "seconds": "60"}
    assert "Anna Weber, +4930901820" in requests.post(f"{page}/calls", data=call, timeout=10).text
    (first,) = listener.take(1)
    assert sandbox.deliveries.settle()

    own = requests.get(f"{sandbox.url}/people/{ALICE}/phone", timeout=10).text
    assert "1 notification, 1 failed" in own
    (message,) = sandbox.deliveries.list()
    requests.post(f"{page}/deliveries", data={"number": message.number, "person": ALICE}, timeout=10)
    assert listener.take(1)[0].body == first.body

    mail = call | {"result": "voicemail", "from": "anonymous", "name": "", "transcript": "Please call <back>."}
    shown = requests.post(f"{page}/calls", data=mail, timeout=10).text
    assert "anonymous → Alice Meyer, 1001" in shown
    assert "Please call &lt;back&gt;." in shown
    assert names(listener.take(3)) == ["callee_call_element_completed", "voicemail_received",
                                       "voicemail_transcript_completed"]  # fmt: skip
    (voicemail,) = sandbox.zoom.phone.calls.voicemails()
    act = {"voicemail": voicemail.id, "act": "lose"}
    assert "sound gone" in requests.post(f"{page}/voicemails", data=act, timeout=10).text
    outgoing = {"by": ALICE, "to": BEN, "name": "", "result": "busy", "seconds": "0"}
    assert "Ben Okafor, 1002" in requests.post(f"{page}/outgoing", data=outgoing, timeout=10).text


@pytest.mark.parametrize(
    ("path", "form", "sentence"),
    [
        ("calls", {"to": ALICE, "from": "my mother", "seconds": "60"}, "Give a number with + and country code"),
        ("calls", {"to": ALICE, "from": "1002", "seconds": "long"}, "Give a length in seconds"),
        ("outgoing", {"by": ALICE, "to": "zed@north.example", "seconds": "1"}, "zed@north.example has no phone"),
        ("subscription", {"act": "save", "url": "http://portico.example/", "generation": "element"}, "https"),
        ("users", {"email": ALICE, "numbers": "030 12345"}, "Give numbers with + and country code"),
    ],
)
def test_a_form_with_a_mistake_says_so(sandbox, path, form, sentence):
    answer = requests.post(f"{sandbox.url}/phone/{path}", data=form, timeout=10)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert sandbox.zoom.phone.calls.history(email=ALICE) == []
