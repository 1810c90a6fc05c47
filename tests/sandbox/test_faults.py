"""Trouble on demand: each kind, where it strikes and how long."""

from __future__ import annotations

import gzip
import io
import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from sandbox.wire import Handler
from tests.sandbox.conftest import ALICE, BEN, Api, meeting


def reason(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("401", (401, "authError")), ("403-rate", (403, "rateLimitExceeded")),
        ("403-user-rate", (403, "userRateLimitExceeded")), ("403-quota", (403, "quotaExceeded")),
        ("403-scope", (403, "insufficientPermissions")), ("403-forbidden", (403, "forbidden")),
        ("404", (404, "notFound")), ("429", (429, "rateLimitExceeded")), ("500", (500, "backendError")),
        ("503", (503, "backendError")),
    ],
)  # fmt: skip
def test_a_refusal_comes_once_in_googles_shape_and_is_over(sandbox, api, kind, expected):
    sandbox.faults.add(kind, "*/events")
    assert reason(api.get(api.events)) == expected
    assert api.get(api.events).status_code == 200


def test_retry_after_comes_in_seconds_or_as_a_date(sandbox, api):
    sandbox.faults.add("429", amount=7)
    sandbox.faults.add("429-date", amount=60)
    assert api.get(api.events).headers["Retry-After"] == "7"
    later = parsedate_to_datetime(api.get(api.events).headers["Retry-After"])
    assert 50 < later.timestamp() - time.time() < 70


def test_people_are_refused_in_the_newer_shape(sandbox, api):
    sandbox.faults.add("429", "/google/people/*")
    error = api.get(f"{api.people}contactGroups").json()["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")


def test_a_rule_strikes_only_its_path_method_account_and_after_its_skip(sandbox, api):
    ben = Api(sandbox, BEN)
    sandbox.faults.add("500", "*/events", times=None, method="post")
    assert api.get(api.events).status_code == 200
    assert api.session.post(api.events, json=meeting()).status_code == 500
    sandbox.faults.clear()
    sandbox.faults.add("500", times=2, skip=1, account=BEN)
    assert api.get(api.events).status_code == 200
    assert [ben.get(ben.events).status_code for _ in range(4)] == [200, 500, 500, 200]
    ben.session.close()


def test_an_unknown_kind_is_refused_with_the_known_ones(sandbox):
    with pytest.raises(ValueError, match="cut-off"):
        sandbox.faults.add("explode")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("hang-up", requests.ConnectionError), ("lost-answer", requests.ConnectionError),
        ("cut-off", requests.exceptions.ChunkedEncodingError),
    ],
)  # fmt: skip
def test_a_broken_line_is_broken_and_the_next_one_holds(sandbox, api, kind, error):
    sandbox.faults.add(kind)
    with pytest.raises(error):
        api.get(api.events)
    assert api.get(api.events).status_code == 200


@pytest.mark.parametrize(("kind", "count"), [("hang-up", 0), ("lost-answer", 1), ("cut-off", 1)])
def test_an_answer_that_is_lost_is_lost_after_the_work_was_done(sandbox, api, kind, count):
    sandbox.faults.add(kind, "*/events", method="POST")
    with pytest.raises(requests.RequestException):
        api.session.post(api.events, json=meeting())
    assert len(api.get(api.events).json()["items"]) == count
    assert [entry.fault for entry in sandbox.log.requests() if entry.fault] == [kind]


def test_half_a_json_html_nothing_and_elsewhere(sandbox, api):
    sandbox.faults.add("half-json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        api.get(api.events).json()
    sandbox.faults.add("html")
    page = api.get(api.events)
    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    sandbox.faults.add("502-html")
    assert api.get(api.events).status_code == 502
    sandbox.faults.add("empty-body")
    assert api.get(api.events).content == b""
    sandbox.faults.add("redirect")
    away = api.session.get(api.events, allow_redirects=False)
    assert away.headers["Location"].startswith("https://elsewhere.example/")


def test_slow_answers_are_slow_in_two_ways(sandbox, api):
    for kind, amount in (("slow", 0.3), ("trickle", 0.05)):
        sandbox.faults.add(kind, amount=amount)
        began = time.perf_counter()
        assert api.get(api.events).json()["items"] == []
        assert time.perf_counter() - began > 0.15


def test_huge_bodies_are_streamed_or_unpack_to_their_size(sandbox, api):
    sandbox.faults.add("huge", amount=20)
    with api.session.get(api.events, stream=True) as answer:
        assert answer.headers["Content-Length"] == "20000000"
        assert len(next(answer.iter_content(1000))) == 1000
    sandbox.faults.add("gzip-bomb", amount=20)
    with api.session.get(api.events, stream=True) as answer:
        packed = answer.raw.read()
        assert len(packed) < 100_000
        assert len(gzip.decompress(packed)) == 20_000_000


def test_a_client_that_leaves_a_huge_body_does_not_hurt_the_server(sandbox, api):
    sandbox.faults.add("huge")
    with api.session.get(api.events, stream=True) as answer:
        next(answer.iter_content(1000))
    assert api.get(api.events).status_code == 200


def test_connections_end_when_clients_hang_up_on_a_flood(sandbox):
    for _ in range(3):
        sandbox.faults.add("huge")
        leaver = Api(sandbox, ALICE)
        with leaver.session.get(leaver.events, stream=True) as answer:
            next(answer.iter_content(1000))
        leaver.session.close()
    deadline = time.monotonic() + 10
    while sandbox.open_connections() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sandbox.open_connections() == 0


def test_a_stream_that_cannot_be_closed_does_not_keep_the_other_open():
    class Broken(io.BytesIO):
        def close(self) -> None:
            raise BrokenPipeError

    handler = object.__new__(Handler)
    handler.wfile, handler.rfile = Broken(), io.BytesIO()
    handler.finish()
    assert handler.rfile.closed
    io.BytesIO.close(handler.wfile)


def test_endless_paging_goes_on_until_it_is_cleared(sandbox, api):
    sandbox.google.add_event(ALICE, meeting())
    sandbox.faults.add("endless", "*/events", times=None)
    tokens, token = set(), None
    for _ in range(5):
        page = api.get(api.events, **({"pageToken": token} if token else {})).json()
        assert len(page["items"]) == 1
        assert "nextSyncToken" not in page
        token = page["nextPageToken"]
        tokens.add(token)
    assert len(tokens) == 5
    sandbox.faults.clear()
    assert "nextSyncToken" in api.get(api.events).json()


def test_empty_pages_come_before_the_real_one_and_lose_nothing(sandbox, api):
    made = {sandbox.google.add_event(ALICE, meeting())["id"] for _ in range(5)}
    sandbox.faults.add("empty-pages", "*/events", amount=2, skip=1)
    sizes, found, token = [], [], None
    while True:
        page = api.get(api.events, maxResults=2, **({"pageToken": token} if token else {})).json()
        sizes.append(len(page["items"]))
        found += [item["id"] for item in page["items"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert sizes == [2, 0, 0, 2, 1]
    assert set(found) == made
    assert "nextSyncToken" in page


def test_a_next_page_may_point_to_another_host(sandbox, api):
    sandbox.faults.add("foreign-next", "*/events")
    assert api.get(api.events).json()["nextPageToken"].startswith("https://elsewhere.example/")


def test_sync_tokens_can_be_made_to_expire_for_one_request(sandbox, api):
    token = api.get(api.events).json()["nextSyncToken"]
    sandbox.faults.add("410")
    assert api.get(api.events).status_code == 200
    assert reason(api.get(api.events, syncToken=token)) == (410, "fullSyncRequired")
    assert api.get(api.events, syncToken=token).status_code == 200
    people = f"{api.people}people/me/connections"
    query = {"personFields": "names", "requestSyncToken": "true"}
    token = api.get(people, **query).json()["nextSyncToken"]
    sandbox.faults.add("410")
    error = api.get(people, syncToken=token, **query).json()["error"]
    assert error["details"][0]["reason"] == "EXPIRED_SYNC_TOKEN"


def test_the_first_page_of_a_full_contact_sync_has_a_quota_of_its_own(sandbox, api):
    people, query = f"{api.people}people/me/connections", {"personFields": "names", "requestSyncToken": "true"}
    token = api.get(people, **query).json()["nextSyncToken"]
    sandbox.faults.add("429-first-page", times=None)
    assert api.get(people, **query).status_code == 429
    assert api.get(people, syncToken=token, **query).status_code == 200


def test_accounts_can_lose_their_access_or_their_apps(sandbox, api):
    sandbox.faults.add("expire-access", account=ALICE)
    assert reason(api.get(api.events)) == (401, "authError")
    issued = sandbox.google.tokens.issue(ALICE, [])
    settings = sandbox.settings
    form = {"grant_type": "refresh_token", "refresh_token": issued.refresh,
            "client_id": settings["GOOGLE_CLIENT_ID"], "client_secret": settings["GOOGLE_CLIENT_SECRET"]}  # fmt: skip
    sandbox.faults.add("invalid-grant")
    assert requests.post(settings["GOOGLE_TOKEN_URL"], data=form).json()["error"] == "invalid_grant"
    assert requests.post(settings["GOOGLE_TOKEN_URL"], data=form).status_code == 200
    sandbox.faults.add("revoke-account", account=ALICE)
    assert requests.post(settings["GOOGLE_TOKEN_URL"], data=form).json()["error"] == "invalid_grant"


def test_the_log_says_what_was_asked_and_what_went_wrong(sandbox, api):
    sandbox.faults.add("503", "*/events")
    api.get(api.events, maxResults=5)
    entry = sandbox.log.requests("*/events")[-1]
    assert (entry.status, entry.fault, entry.account, entry.asked("maxResults")) == (503, "503", ALICE, ["5"])


def test_every_kind_can_be_struck_without_bringing_the_server_down(sandbox, api):
    for kind in sandbox.faults.kinds:
        sandbox.faults.clear()
        sandbox.faults.add(kind, amount=0.01)
        try:
            api.get(api.events, syncToken="x").close()
        except requests.RequestException:
            continue
    sandbox.faults.clear()
    assert api.get(api.events).status_code == 200
