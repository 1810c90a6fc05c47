"""`manage.py find_links`: what support asks when a meeting has no Join."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def ask(monkeypatch, capsys):
    """Sends these lines (objects or raw bytes) to the command; returns answers, complaints and the final error."""

    def run(*lines, **options):
        raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out, err = io.StringIO(), io.StringIO()
        error = None
        try:
            call_command("find_links", stdout=out, stderr=err, **options)
        except CommandError as raised:
            error = str(raised)
        return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue().splitlines(), error

    return run


def test_each_line_is_answered_with_service_and_url_or_nulls(ask):
    answers, complaints, error = ask(
        {"id": "a", "input_text": "Join https://zoom.us/j/1?pwd=x", "location": "description_text"},
        {"id": 2, "input_text": "Room 5", "location": "location"},
        b"",
    )
    assert answers == [
        {"id": "a", "service": "zoom", "url": "https://zoom.us/j/1?pwd=x"},
        {"id": 2, "service": None, "url": None},
    ]
    assert complaints == [] and error is None


def test_fields_count_instead_of_the_text_and_come_in_the_order_of_sources(ask):
    fields = {
        "description_html": '<a href="https://zoom.us/j/3">',
        "location": "https://zoom.us/j/2",
        "conferenceData": ["tel:+1-555-0100", "https://zoom.us/j/1"],
        "onlineMeeting.joinUrl": None,
        "conferencePhone": "tel:+1-555-0100",
    }
    answers, _, _ = ask({"id": 1, "input_text": "https://zoom.us/j/9", "location": "multi", "fields": fields})
    assert answers == [{"id": 1, "service": "zoom", "url": "https://zoom.us/j/1"}]


def test_bad_lines_are_named_by_number_and_the_rest_is_answered(ask):
    good = {"id": 1, "input_text": "https://zoom.us/j/1", "location": "body"}
    answers, complaints, error = ask(
        b"{not json",
        good,
        b"\xff\xfe",
        b"[1]",
        {"input_text": "no id", "location": "body"},
        {"id": 1, "location": "body"},
        {"id": 1, "input_text": "x", "location": "Room 5"},
        {"id": 1, "input_text": 7, "location": "body"},
        {"id": 1, "fields": "x"},
        {"id": 1, "fields": {"body": {"a": 1}}},
        b"[" * 100_000,
        good,
    )
    assert [answer["url"] for answer in answers] == ["https://zoom.us/j/1"] * 2
    assert [line.partition(":")[0] for line in complaints] == [f"Line {n}" for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11)]
    assert complaints[5].startswith('Line 7: its "location" has to name the field of input_text (conferenceData,')
    assert error == "10 line(s) could not be read, see above. The other 2 were answered."


def test_explaining_says_why_each_other_url_was_not_taken(ask):
    text = (
        "https://meet.google.com/abc-defg-hij https://zoom.us/webinar/register/WN_a https://zoom.us/j/2 "
        "https://zoom.us/pricing https://zoom.us/j/1?pwd=x"
    )
    line = {"id": 1, "fields": {"body": text, "title": "https://zoom.us/j/7"}}
    answers, _, _ = ask(line, explain=True, service=["zoom"])
    assert answers[0]["url"] == "https://zoom.us/j/1?pwd=x"
    assert {one["url"]: one["why_not"] for one in answers[0]["candidates"]} == {
        "https://zoom.us/j/1?pwd=x": None,
        "https://meet.google.com/abc-defg-hij": "Google Meet is not switched on.",
        "https://zoom.us/webinar/register/WN_a": "It leads to a registration page, not into the meeting.",
        "https://zoom.us/j/2": (
            "Another one comes first: it stands in an earlier field, carries its passcode, or is first in the text."
        ),
    }
    assert answers[0]["refused"] == [
        {
            "url": "https://zoom.us/pricing",
            "source": "body",
            "reason": "It is a page of Zoom, but not a way into a meeting.",
        }
    ]
    assert answers[0]["not_searched"] == ["title"]


def test_a_recipients_own_token_is_in_no_answer(ask):
    line = {
        "id": 1,
        "input_text": "https://zoom.us/w/1?tk=SECRET&pwd=x https://zoom.us/y?tk=SECRET",
        "location": "body",
    }
    for explain in (False, True):
        answers, _, _ = ask(line, explain=explain)
        assert answers[0]["url"] == "https://zoom.us/w/1?pwd=x"
        assert "SECRET" not in json.dumps(answers)


def test_an_organizations_own_host_is_zoom_when_named(ask):
    line = {"id": 1, "input_text": "https://meet.acme.example/j/1", "location": "url"}
    assert ask(line)[0][0]["service"] is None
    assert ask(line, vanity_host=["meet.acme.example"])[0][0]["service"] == "zoom"


def test_this_portals_own_links_are_known(ask, settings):
    settings.PUBLIC_URL = "https://portico.acme.example"
    line = {"id": 1, "input_text": "https://portico.acme.example/meetings/7/join/", "location": "url"}
    assert ask(line)[0][0]["service"] == "portico"


def test_a_file_is_read_and_a_missing_one_is_said_so(ask, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('\ufeff{"id": 1, "input_text": "zoom.us/j/1", "location": "url"}\n')
    assert ask(file=str(path))[0] == [{"id": 1, "service": "zoom", "url": "https://zoom.us/j/1"}]
    assert ask(file=str(tmp_path / "none"))[2].endswith(
        "none cannot be read (No such file or directory). Name a file of JSON lines."
    )


def test_from_the_shell_the_shared_cases_come_out_and_a_bad_line_ends_in_status_1(shared_data):
    cases = (shared_data / "join_links.jsonl").read_bytes()
    command = [sys.executable, "manage.py", "find_links"]
    done = subprocess.run(command, input=cases, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    expected = {case["id"]: case for case in map(json.loads, cases.splitlines())}
    wrong = [
        key for key, case in expected.items()
        if (answers[key]["service"], answers[key]["url"]) != (case["expected_service"], case["expected_url"])
    ]  # fmt: skip
    assert wrong == ["c192"]
    done = subprocess.run(command, input=b"oops\n" + cases, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and b"Line 1: it is not JSON" in done.stderr
    assert len(done.stdout.splitlines()) == len(expected)
