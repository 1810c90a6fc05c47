"""The pretend Zoom Phone's REST, by plain HTTP: what Zoom documents, and its warts."""

from __future__ import annotations

import io
import wave
from datetime import timedelta

import pytest
import requests

from tests.sandbox.conftest import ALICE, BEN
from tests.sandbox.test_zoom import ZoomClient

ANNA = "+4930901820"


@pytest.fixture
def phone(sandbox) -> ZoomClient:
    sandbox.zoom.phone.add_user(ALICE, numbers=("+493023125001",))
    sandbox.zoom.phone.add_user(BEN, status="deactivate")
    return ZoomClient(sandbox)


def receive(phone: ZoomClient, caller: str = ANNA, **facts: object) -> dict:
    return phone.sandbox.zoom.phone.receive(ALICE, caller, **facts)


def test_users_have_extensions_and_numbers_without_a_plus(phone):
    listed = phone.ask("GET", "phone/users?page_size=100").json()
    alone = phone.ask("GET", f"phone/users/{ALICE}").json()

    assert [one["email"] for one in listed["users"]] == [ALICE, BEN]
    first = listed["users"][0]
    assert (first["extension_number"], first["phone_numbers"][0]["number"]) == (1001, "493023125001")
    assert not {"from", "to", "page_count"} & set(listed)
    assert (alone["id"], "name" in first, "name" in alone) == (first["id"], True, False)
    active = phone.ask("GET", "phone/users?status=activate").json()["users"]
    assert [one["email"] for one in active] == [ALICE]


def test_a_call_stands_in_the_accounts_list_and_in_its_owners_under_both_generations_names(phone):
    receive(phone, name="Anna Weber", seconds=75)
    account = phone.ask("GET", "phone/call_history").json()
    own = phone.ask("GET", f"phone/users/{ALICE}/call_history").json()

    (older,), (newer,) = account["call_logs"], account["call_history"]
    assert older["id"] == newer["call_history_uuid"]
    assert (newer["call_result"], newer["duration"], "result" in newer) == ("answered", 75, False)
    (history,), (element,) = own["call_logs"], own["call_elements"]
    assert history["id"] == element["call_element_id"]
    assert history["call_path_id"] == element["call_history_uuid"] == newer["call_history_uuid"]
    assert (element["result"], element["talk_time"], "duration" in element) == ("answered", 75, False)
    assert (element["caller_did_number"], element["caller_name"]) == (ANNA, "Anna Weber")
    assert phone.ask("GET", f"phone/users/{BEN}/call_history").json()["call_elements"] == []


def test_a_call_between_two_of_them_is_one_in_the_accounts_list_and_one_in_each_of_theirs(phone):
    phone.sandbox.zoom.phone.place(ALICE, BEN)
    (listed,) = phone.ask("GET", "phone/call_history").json()["call_history"]
    whole = phone.ask("GET", f"phone/call_history/{listed['call_history_uuid']}").json()

    assert (listed["connect_type"], listed["caller_email"], listed["callee_email"]) == ("internal", ALICE, BEN)
    assert [one["direction"] for one in whole["call_elements"]] == ["outbound", "inbound"]
    element = whole["call_elements"][1]["call_element_id"]
    one = phone.ask("GET", f"phone/call_element/{element}").json()
    assert (one["call_element_id"], "waiting_time" in one, "wait_time" in one) == (element, True, False)
    unknown = phone.ask("GET", "phone/call_element/20260101-none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, 301)


def test_a_call_may_have_further_elements_such_as_a_queues(phone):
    first = receive(phone, result="elsewhere")
    same = {name: first[name] for name in ("call_id", "call_history_uuid")}
    phone.sandbox.zoom.phone.receive(BEN, ANNA, raw=same)
    (listed,) = phone.ask("GET", "phone/call_history").json()["call_history"]
    whole = phone.ask("GET", f"phone/call_history/{listed['call_history_uuid']}").json()

    assert [one.get("result_reason") for one in whole["call_elements"]] == ["answered_by_other", None]
    assert [one["callee_email"] for one in whole["call_elements"]] == [ALICE, BEN]


@pytest.mark.parametrize(
    ("caller", "result", "expected"),
    [
        ("anonymous", "missed", {"caller_number_type": "anonymous_number", "hide_caller_id": True}),
        ("1002", "declined", {"caller_ext_number": "1002", "caller_email": BEN, "result": "rejected"}),
        ("2044", "busy", {"caller_ext_number": "2044", "connect_type": "internal", "result": "busy"}),
        ("+81355550123", "elsewhere", {"caller_country_iso_code": "JP", "result_reason": "answered_by_other"}),
    ],
)
def test_whoever_calls_stands_there_as_zoom_has_them(phone, caller, result, expected):
    receive(phone, caller, result=result)
    (row,) = phone.ask("GET", f"phone/users/{ALICE}/call_history").json()["call_elements"]

    assert expected.items() <= row.items()
    assert ("caller_did_number" in row) == caller.startswith("+")


def test_a_day_is_listed_unless_more_is_asked_for_and_a_month_at_most(phone):
    now = phone.sandbox.clock.now()
    receive(phone, at=now - timedelta(days=3))

    def count(query: str) -> int:
        return len(phone.ask("GET", f"phone/call_history{query}").json()["call_logs"])

    day = f"{now - timedelta(days=3):%Y-%m-%d}"
    assert count("") == 0
    assert count(f"?from={day}&to={day}") == 1
    assert count(f"?from={day}T00:00:00Z&to={now:%Y-%m-%dT%H:%M:%S}Z") == 1
    old, long_ago = now - timedelta(days=40), now - timedelta(days=190)
    for path, code in (("phone/call_history", 300), (f"phone/users/{ALICE}/call_history", 301)):
        for query in (
            f"from={day}", f"from={old:%Y-%m-%d}&to={day}", f"from={long_ago:%Y-%m-%d}&to={long_ago:%Y-%m-%d}",
            "from=yesterday&to=today", "page_size=301",
        ):  # fmt: skip
            answer = phone.ask("GET", f"{path}?{query}")
            assert (answer.status_code, answer.json()["code"]) == (400, code), query


def test_pages_go_on_newest_first_by_a_token_that_lives_a_quarter_of_an_hour(phone):
    made = [receive(phone)["call_history_uuid"] for _ in range(5)]
    path, found, token = "phone/call_history?page_size=2", [], ""
    while True:
        page = phone.ask("GET", f"{path}&next_page_token={token}" if token else path).json()
        found += [one["call_history_uuid"] for one in page["call_history"]]
        if not page["next_page_token"]:
            break
        token = page["next_page_token"]
    assert sorted(found) == sorted(made)
    assert (page["page_count"], page["total_records"]) == (3, 5)

    for listing, code in (("voice_mails", 400), ("users", 400), (f"users/{ALICE}/call_history", 301)):
        refused = phone.ask("GET", f"phone/{listing}?next_page_token={token}")
        assert (refused.status_code, refused.json()["code"]) == (400, code)
    phone.sandbox.clock.advance(timedelta(minutes=16))
    assert phone.ask("GET", f"{path}&next_page_token={token}").json()["code"] == 300


def test_a_voicemail_is_listed_read_marked_and_deleted(phone):
    made = receive(phone, result="voicemail", seconds=4, transcript="Please call back.")["voicemail_id"]
    (listed,) = phone.ask("GET", "phone/voice_mails").json()["voice_mails"]
    (own,) = phone.ask("GET", f"phone/users/{ALICE}/voice_mails").json()["voice_mails"]

    assert (listed["id"], listed["status"], listed["caller_number"]) == (made, "unread", ANNA.lstrip("+"))
    assert (listed["owner"]["extension_number"], "owner" in own) == (1001, False)
    assert "transcription" not in listed
    whole = phone.ask("GET", f"phone/voice_mails/{made}").json()
    assert whole["transcription"] == {"status": 2, "content": "Please call back.", "engine": "otter"}

    assert phone.ask("PATCH", f"phone/voice_mails/{made}?read_status=read").json()["code"] == 400
    assert phone.ask("PATCH", f"phone/voice_mails/{made}?read_status=Read").status_code == 204
    assert phone.ask("GET", "phone/voice_mails?status=unread").json()["voice_mails"] == []
    assert len(phone.ask("GET", "phone/voice_mails?status=read").json()["voice_mails"]) == 1
    assert phone.ask("DELETE", f"phone/voice_mails/{made}").status_code == 204
    for method, code in (("GET", 300), ("PATCH", 404), ("DELETE", 404)):
        gone = phone.ask(method, f"phone/voice_mails/{made}?read_status=Read")
        assert (gone.status_code, gone.json()["code"]) == (400, code)


def test_its_sound_plays_by_ranges_for_who_has_a_token_and_may_be_gone(phone):
    made = receive(phone, "anonymous", result="voicemail", seconds=3)["voicemail_id"]
    url = phone.ask("GET", f"phone/voice_mails/{made}").json()["download_url"]
    bearer = {"Authorization": f"Bearer {phone.token}"}

    assert requests.get(url, timeout=10).status_code == 401
    whole = requests.get(url, headers=bearer, timeout=10)
    with wave.open(io.BytesIO(whole.content)) as sound:
        assert sound.getnframes() / sound.getframerate() == 3
    part = requests.get(url, headers=bearer | {"Range": "bytes=10-19"}, timeout=10)
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
    assert requests.get(url, headers=bearer | {"Range": "bytes=9000000-"}, timeout=10).status_code == 416

    phone.sandbox.zoom.phone.redirects = True
    moved = requests.get(url, headers=bearer, timeout=10, allow_redirects=False)
    assert moved.status_code == 302
    assert requests.get(moved.headers["Location"], timeout=10).content == whole.content
    assert requests.get(f"{url}/elsewhere?signature=guess", timeout=10).status_code == 403

    control = f"{phone.sandbox.url}/_control/zoom/phone/voicemails/{made}/audio"
    assert requests.delete(control, timeout=10).status_code == 204
    gone = requests.get(url, headers=bearer, timeout=10)
    assert (gone.status_code, gone.json()["code"]) == (400, 404)


def test_who_asks_without_scope_for_strangers_or_without_a_phone_is_refused(phone, sandbox):
    for path, status, code in (
        ("phone/users/nobody@north.example", 404, 1001),
        ("phone/users/nobody@north.example/call_history", 404, 300),
        ("phone/users/nobody@north.example/voice_mails", 404, 1001),
    ):
        answer = phone.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    made = receive(phone, result="voicemail")
    sandbox.zoom.tokens.register("other-account", "other", "secret")
    phone.renew(account_id="other-account", client_id="other", client_secret="secret")
    assert phone.ask("GET", "phone/call_history").status_code == 403
    sandbox.zoom.add_user("zed@rival.example", account="other-account")
    sandbox.zoom.phone.add_user("zed@rival.example")
    assert phone.ask("GET", "phone/call_history").json()["call_logs"] == []
    assert phone.ask("GET", f"phone/voice_mails/{made['voicemail_id']}").status_code == 400
    assert phone.ask("GET", f"phone/users/{ALICE}").status_code == 404
    sandbox.zoom.tokens.register("other-account", "other", "secret", scopes=("phone:read:list_users:admin",))
    assert phone.ask("GET", "phone/users").status_code == 200
    assert phone.ask("GET", "phone/voice_mails").json()["code"] == 4711


def test_faults_of_the_phone_are_its_own(phone, sandbox):
    receive(phone)
    sandbox.faults.add("429-day", "/zoom/v2/phone/call_history", amount=60)
    limited = phone.ask("GET", "phone/call_history")
    assert (limited.status_code, limited.headers["Retry-After"][-1]) == (429, "Z")
    sandbox.faults.add("429", "/zoom/v2/phone/*")
    assert "Retry-After" not in phone.ask("GET", "phone/users").headers
    sandbox.faults.add("404-call")
    assert phone.ask("GET", "phone/users").status_code == 200
    assert phone.ask("GET", "phone/call_history/x").json()["code"] == 301
    assert [rule.kind for rule in sandbox.faults.rules()] == []
    sandbox.faults.add("endless", "/zoom/v2/phone/*", times=2)
    pages = [phone.ask("GET", f"phone/call_history?next_page_token={token}").json() for token in ("", "again1")]
    assert [len(page["call_logs"]) for page in pages] == [1, 1]
    assert all(page["next_page_token"] for page in pages)
