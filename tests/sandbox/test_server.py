"""Starting, refusing to start, and control from another process."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import sandbox as package
from sandbox.server import main, running
from tests.sandbox.conftest import ALICE, meeting

ROOT = Path(package.__file__).parents[1]


def test_it_refuses_to_start_where_nobody_said_sandbox(monkeypatch, capsys):
    monkeypatch.delenv("SANDBOX", raising=False)
    assert main(["--data", ":memory:"]) == 2
    assert "set SANDBOX=1" in capsys.readouterr().err


def test_a_taken_port_is_said_in_a_sentence(monkeypatch, capsys, sandbox):
    monkeypatch.setenv("SANDBOX", "1")
    port = sandbox.url.rpartition(":")[2]
    assert main(["--data", ":memory:", "--port", port]) == 1
    assert "Choose another --port." in capsys.readouterr().err


def test_it_runs_as_a_process_keeps_its_data_and_is_controlled_by_http(tmp_path):
    environment = os.environ | {
        "SANDBOX": "1", "SANDBOX_GOOGLE_CLIENT_ID": "app", "SANDBOX_GOOGLE_CLIENT_SECRET": "s3cret",
        "SANDBOX_REDIRECT_URIS": "http://127.0.0.1:8000/back/, http://localhost:8000/back/",
    }  # fmt: skip
    data = tmp_path / "sandbox.sqlite3"

    def start() -> tuple[subprocess.Popen, str]:
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(data), "--seed", "demo"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("Sandbox"):
                return process, line.split(" on ")[1].split("/  ")[0]
        raise AssertionError("It never said where it is.")

    alice = "alice.meyer@northwind.example"
    process, url = start()
    with process, requests.Session() as session:
        session.trust_env = False
        made = session.post(f"{url}/_control/google/{alice}/events", json=meeting("By control")).json()
        tokens = session.post(f"{url}/_control/google/{alice}/tokens", json={
            "scopes": ["https://www.googleapis.com/auth/calendar"]}).json()  # fmt: skip
        event = f"{url}/google/calendar/v3/calendars/primary/events/{made['id']}"
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert session.get(event, headers=headers).json()["summary"] == "By control"
        assert session.post(f"{url}/_control/faults", json={"kind": "503", "times": None}).status_code == 201
        assert session.post(f"{url}/_control/faults", json={"kind": "nonsense"}).status_code == 400
        assert session.get(event, headers=headers).status_code == 503
        session.delete(f"{url}/_control/faults")
        session.post(f"{url}/_control/clock", json={"advance": 7200})
        assert session.get(event, headers=headers).status_code == 401
        session.post(f"{url}/_control/clock", json={"reset": True})
        log = session.get(f"{url}/_control/log", params={"path": "*/events/*"}).json()
        assert [entry["status"] for entry in log] == [200, 503, 401]
        cross = session.post(f"{url}/_control/clock", json={"reset": True}, headers={"Origin": "https://evil.example"})
        assert cross.status_code == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    process, url = start()
    with process, requests.Session() as session:
        session.trust_env = False
        event = f"{url}/google/calendar/v3/calendars/primary/events/{made['id']}"
        assert session.get(event, headers=headers).json()["summary"] == "By control"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_sandbox_for_a_test_starts_quickly():
    with running():
        pass
    began = time.process_time()
    with running():
        pass
    assert time.process_time() - began < 0.3


def test_connections_are_kept_open(sandbox, api):
    api.get(api.events)
    adapter = api.session.get_adapter(sandbox.url)
    for _ in range(5):
        api.get(api.events)
    pools = [adapter.poolmanager.pools[key] for key in adapter.poolmanager.pools.keys()]  # noqa: SIM118 - no mapping
    assert [pool.num_connections for pool in pools] == [1]


def test_odd_requests_get_answers_not_tracebacks(sandbox, api):
    cases = [
        api.session.post(api.events, data=b"{not json"), api.session.post(api.events, json=[1]),
        api.get(f"{api.events}/%00"), api.get(api.events, maxResults="many"), api.get(api.events, pageToken="é"),
        api.get(api.events, syncToken="AAAA"), api.get(api.events, timeMin="0000-00-00T00:00:00Z"),
        api.get(api.events, timeMax="9999-12-31T23:59:59-12:00"), api.get(api.events, unknown="1"),
        api.session.post(f"{api.people}people:createContact", json={"names": "x"}),
        api.session.post(f"{api.people}contactGroups", json={"contactGroup": "x"}),
        api.session.post(f"{api.calendar}freeBusy", json={"items": "x"}),
        api.session.patch(f"{api.people}people/c1:updateContact", json={}, params={"updatePersonFields": "metadata"}),
        api.session.post(api.events, json=meeting(start="x")), api.session.post(api.events,
            json=meeting(attendees="x")),
        api.session.post(api.events, json=meeting(recurrence=["RRULE:FREQ=DAILY;UNTIL=x"])),
        api.session.post(api.events, json=meeting(conferenceData="x"), params={"conferenceDataVersion": "1"}),
        api.session.post(api.events, json=meeting(conferenceData={"createRequest": "x"}),
            params={"conferenceDataVersion": 1}),
        api.session.post(api.events, json=meeting(summary=7, reminders=3, extendedProperties="x")),
    ]  # fmt: skip
    assert [answer.status_code for answer in cases if answer.status_code >= 500] == []
    assert sandbox.google.people.find(ALICE)


@pytest.mark.parametrize("path", sorted((ROOT / "sandbox").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_sandbox_knows_neither_django_nor_the_product(path):
    product = {entry.name for entry in ROOT.iterdir() if (entry / "apps.py").exists()} | {
        "django",
        "portal",
        "safety",
        "celery",
    }
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported & product == set()
    assert "googleapiclient" not in imported
