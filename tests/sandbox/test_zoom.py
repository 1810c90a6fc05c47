"""The pretend Zoom, by plain HTTP: what Zoom documents, and its warts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox import demo
from sandbox.server import Sandbox
from tests.sandbox.conftest import ALICE, BEN

BODY = {"topic": "Talk", "start_time": "2027-03-22T10:00:00", "timezone": "Europe/Berlin", "duration": 45}
WEEKLY = BODY | {"type": 8, "recurrence": {"type": 2, "weekly_days": "2", "end_times": 3}}


class ZoomClient:
    """A server-to-server app."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.session = sandbox, requests.Session()
        self.session.trust_env = False
        self.renew()

    def renew(self, **changes: str) -> requests.Response:
        known = self.sandbox.zoom.credentials | changes
        answer = self.session.post(
            self.sandbox.settings["ZOOM_TOKEN_URL"],
            data={
                "grant_type": changes.get("grant_type", "account_credentials"),
                "account_id": known["account_id"],
            },
            auth=(known["client_id"], known["client_secret"]),
        )
        if answer.ok:
            self.token = answer.json()["access_token"]
        return answer

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.session.request(method, self.sandbox.settings["ZOOM_API_ROOT"] + path, json=body, headers=headers)


@pytest.fixture
def zoom(sandbox: Sandbox) -> ZoomClient:
    sandbox.zoom.add_user(ALICE, webinars=True, assistants=(BEN,))
    sandbox.zoom.add_user(BEN, timezone="America/New_York")
    return ZoomClient(sandbox)


def test_a_token_lives_an_hour(zoom):
    answer = zoom.renew().json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert zoom.ask("GET", f"users/{ALICE}").status_code == 200
    zoom.sandbox.clock.advance(timedelta(hours=1))

    refused = zoom.ask("GET", f"users/{ALICE}")

    assert (refused.status_code, refused.json()["code"]) == (401, 124)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"account_id": "another"}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
def test_wrong_credentials_are_refused_in_the_token_endpoints_own_shape(zoom, changes, error):
    answer = zoom.renew(**changes)

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["reason"]


def test_a_meeting_has_what_zoom_gives_it(zoom):
    answer = zoom.ask("POST", f"users/{ALICE}/meetings", BODY | {"password": "abc123", "agenda": "Words"})
    made = answer.json()

    assert answer.status_code == 201
    assert made["id"] > 2**31
    assert len(str(made["id"])) == 11
    assert made["start_time"] == "2027-03-22T09:00:00Z"
    assert made["join_url"] == f"https://us02web.zoom.us/j/{made['id']}?pwd={made['encrypted_password']}"
    assert "zak=" in made["start_url"]
    assert made["password"] == "abc123"
    assert made == zoom.ask("GET", f"meetings/{made['id']}").json()


def test_a_list_leaves_out_passcodes_and_most_of_the_description(zoom):
    zoom.ask("POST", f"users/{ALICE}/meetings", BODY | {"agenda": "x" * 2000})
    (listed,) = zoom.ask("GET", f"users/{ALICE}/meetings").json()["meetings"]

    assert len(listed["agenda"]) == 250
    assert not {"password", "settings", "start_url"} & set(listed)


def test_a_series_is_listed_once_as_scheduled_and_by_occurrences_as_upcoming(zoom):
    made = zoom.ask("POST", f"users/{ALICE}/meetings", WEEKLY).json()
    starts = ["2027-03-22T09:00:00Z", "2027-03-29T08:00:00Z", "2027-04-05T08:00:00Z"]
    assert [one["start_time"] for one in made["occurrences"]] == starts

    assert len(zoom.ask("GET", f"users/{ALICE}/meetings?type=scheduled").json()["meetings"]) == 1
    upcoming = zoom.ask("GET", f"users/{ALICE}/meetings?type=upcoming").json()["meetings"]
    assert [one["start_time"] for one in upcoming] == starts
    assert {one["id"] for one in upcoming} == {made["id"]}

    zoom.sandbox.zoom.delete(made["id"], occurrence=made["occurrences"][1]["occurrence_id"])
    upcoming = zoom.ask("GET", f"users/{ALICE}/meetings?type=upcoming").json()["meetings"]
    assert [one["start_time"] for one in upcoming] == [starts[0], starts[2]]


def test_pages_go_on_by_a_token_that_lives_a_quarter_of_an_hour(zoom):
    for _ in range(5):
        zoom.ask("POST", f"users/{ALICE}/meetings", BODY)
    path = f"users/{ALICE}/meetings?type=upcoming&page_size=2"
    first = zoom.ask("GET", path).json()
    second = zoom.ask("GET", f"{path}&next_page_token={first['next_page_token']}").json()
    third = zoom.ask("GET", f"{path}&next_page_token={second['next_page_token']}").json()
    assert [len(page["meetings"]) for page in (first, second, third)] == [2, 2, 1]
    assert third["next_page_token"] == ""

    other = zoom.ask("GET", f"users/{BEN}/meetings?page_size=2&next_page_token={first['next_page_token']}")
    assert other.status_code == 400
    zoom.sandbox.clock.advance(timedelta(minutes=16))
    assert zoom.ask("GET", f"{path}&next_page_token={first['next_page_token']}").status_code == 400


def test_a_change_answers_204_and_another_passcode_makes_another_link(zoom):
    made = zoom.ask("POST", f"users/{ALICE}/meetings", BODY).json()
    answer = zoom.ask("PATCH", f"meetings/{made['id']}", {"topic": "Other", "password": "other1"})
    changed = zoom.ask("GET", f"meetings/{made['id']}").json()

    assert (answer.status_code, answer.content) == (204, b"")
    assert (changed["topic"], changed["start_time"]) == ("Other", made["start_time"])
    assert changed["join_url"] != made["join_url"]


def test_what_was_deleted_does_not_exist(zoom):
    made = zoom.ask("POST", f"users/{ALICE}/meetings", BODY).json()
    assert zoom.ask("DELETE", f"meetings/{made['id']}").status_code == 204

    for method in ("GET", "PATCH", "DELETE"):
        answer = zoom.ask(method, f"meetings/{made['id']}", {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, 3001)


def test_who_is_no_user_of_the_account_does_not_exist(zoom):
    zoom.sandbox.zoom.add_user("charlie@rival.example", account="another account")
    for who in ("nobody@north.example", "charlie@rival.example"):
        answer = zoom.ask("POST", f"users/{who}/meetings", BODY)
        assert (answer.status_code, answer.json()["code"]) == (404, 1001)
    assert zoom.ask("POST", f"users/{ALICE}/meetings", BODY).status_code == 201


def test_webinars_need_a_plan(zoom):
    made = zoom.ask("POST", f"users/{ALICE}/webinars", BODY | {"type": 5})
    assert made.status_code == 201
    assert zoom.ask("GET", f"meetings/{made.json()['id']}").status_code == 404
    refused = zoom.ask("POST", f"users/{BEN}/webinars", BODY | {"type": 5})

    assert (refused.status_code, refused.json()["code"]) == (400, 200)
    assert refused.json()["message"].startswith("Webinar plan is missing")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"topic": "x" * 201}, "topic"),
        ({"agenda": "x" * 2001}, "agenda"),
        ({"password": "ümlaut"}, "password"),
        ({"password": "x" * 11}, "password"),
        ({"duration": 0}, "duration"),
        ({"start_time": "tomorrow"}, "start_time"),
        ({"timezone": "Nowhere/Land"}, "timezone"),
        ({"type": 8, "recurrence": {"type": 7}}, "recurrence.type"),
        ({"type": 8, "recurrence": {"type": 2, "weekly_days": "8"}}, "recurrence.weekly_days"),
        ({"type": 8, "recurrence": {"type": 1, "end_times": 61}}, "recurrence.end_times"),
        ({"type": 8, "recurrence": {"type": 1, "repeat_interval": 91}}, "recurrence.repeat_interval"),
        ({"type": 8, "recurrence": {"type": 3, "monthly_week": 1}}, "recurrence.monthly_week_day"),
        ({"type": 8}, "recurrence"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(zoom, change, field):
    answer = zoom.ask("POST", f"users/{ALICE}/meetings", BODY | change)

    assert (answer.status_code, answer.json()["code"]) == (400, 300)
    assert field in [one["field"] for one in answer.json()["errors"]]


def test_an_app_may_do_what_its_scopes_say(zoom):
    known = zoom.sandbox.zoom.credentials
    zoom.sandbox.zoom.tokens.register(*known.values(), scopes=("meeting:read:list_meetings:admin",))
    assert zoom.ask("GET", f"users/{ALICE}/meetings").status_code == 200
    refused = zoom.ask("POST", f"users/{ALICE}/meetings", BODY)

    assert (refused.status_code, refused.json()["code"]) == (400, 4711)
    assert "meeting:write:meeting:admin" in refused.json()["message"]


def test_limits_say_when_to_come_back_only_for_a_day(zoom):
    zoom.sandbox.faults.add("429", "/zoom/v2/*")
    zoom.sandbox.faults.add("429-day", "/zoom/v2/*")
    second, day = zoom.ask("GET", f"users/{ALICE}"), zoom.ask("GET", f"users/{ALICE}")

    assert (second.status_code, second.headers["X-RateLimit-Type"]) == (429, "QPS")
    assert "Retry-After" not in second.headers
    assert day.headers["X-RateLimit-Type"] == "Daily-limit"
    assert day.headers["Retry-After"].endswith("Z")


def test_an_answer_can_be_lost_after_the_work_was_done(zoom):
    zoom.sandbox.faults.add("lost-answer", "/zoom/v2/users/*", method="POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        zoom.ask("POST", f"users/{ALICE}/meetings", BODY)

    assert len(zoom.sandbox.zoom.meetings.of(ALICE)) == 1


def test_the_log_knows_whose_meetings_it_was_about_and_no_token(zoom):
    made = zoom.ask("POST", f"users/{ALICE}/meetings", BODY).json()
    zoom.ask("GET", f"meetings/{made['id']}")

    entries = zoom.sandbox.log.requests("/zoom/*", account=ALICE)
    assert [entry.method for entry in entries] == ["POST", "GET"]
    assert zoom.token not in repr(zoom.sandbox.log.requests("*"))


def test_people_schedule_and_delete_in_zoom_itself_by_its_pages(zoom):
    url, origin = zoom.sandbox.url, {"Origin": zoom.sandbox.url}
    form = {"topic": "By hand", "day": "2027-05-03", "begin": "10:00", "minutes": "30", "repeat": "2"}
    page = zoom.session.post(f"{url}/people/{ALICE}/zoom", data=form, headers=origin)
    (doc,) = zoom.sandbox.zoom.meetings.of(ALICE)
    assert "By hand" in page.text
    assert doc["start_time"] == "2027-05-03T08:00:00Z"
    assert "By hand" in zoom.session.get(f"{url}/zoom/j/{doc['id']}").text
    wrong = zoom.session.post(f"{url}/people/{ALICE}/zoom", data=form | {"topic": "x" * 300}, headers=origin)
    assert wrong.status_code == 422
    assert zoom.session.post(f"{url}/people/{BEN}/zoom/{doc['id']}/deletion", headers=origin).status_code == 200
    assert zoom.sandbox.zoom.meetings.of(ALICE)

    zoom.session.post(f"{url}/people/{ALICE}/zoom/{doc['id']}/deletion", headers=origin)

    assert zoom.sandbox.zoom.meetings.of(ALICE) == []
    assert zoom.session.get(f"{url}/zoom/j/{doc['id']}").status_code == 404


def test_another_process_does_the_same_by_the_control_api(zoom):
    base = f"{zoom.sandbox.url}/_control/zoom"
    assert zoom.session.get(f"{base}/credentials").json() == zoom.sandbox.zoom.credentials
    zoom.session.post(f"{base}/users", json={"email": "fay@north.example", "webinars": True})
    made = zoom.session.post(f"{base}/fay@north.example/meetings", json=BODY).json()
    zoom.session.patch(f"{base}/meetings/{made['id']}", json={"topic": "Other"})
    (listed,) = zoom.session.get(f"{base}/fay@north.example/meetings").json()
    assert listed["topic"] == "Other"
    assert zoom.session.post(f"{base}/nobody@north.example/meetings", json=BODY).status_code == 400
    zoom.session.delete(f"{base}/meetings/{made['id']}")

    assert zoom.session.get(f"{base}/fay@north.example/meetings").json() == []


def test_the_demonstration_has_meetings_that_stand_in_no_calendar_and_none_on_a_weekend():
    sandbox = Sandbox()
    sandbox.settle("http://127.0.0.1:9100")
    sandbox.zoom.register_default_app()
    assert demo.is_missing(sandbox)
    demo.seed_everything(sandbox)
    docs = sandbox.zoom.meetings.of(demo.ALICE)
    before = [doc["id"] for doc in docs]
    assert not demo.is_missing(sandbox)
    demo.seed_everything(sandbox)

    assert all(datetime.fromisoformat(doc["start_time"]).weekday() < 5 for doc in docs if doc["type"] != 3)
    assert {doc["kind"] for doc in docs} == {"meeting", "webinar"}
    assert {doc["type"] for doc in docs} >= {2, 3, 8}
    assert [doc["id"] for doc in sandbox.zoom.meetings.of(demo.ALICE)] == before
    assert sandbox.zoom.meetings.find_user(demo.CHARLIE) is None
    sandbox.close()
