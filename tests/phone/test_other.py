"""Our own JSON, for any phone system: what it tells, and what its maker hears of what does not fit."""

import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from phone import other
from phone.bodies import load_json
from phone.signing import OTHER
from phone.systems import CallRecord, Erasure, Owner, VoicemailRecord

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "other-phone-systems.md"
CALL = {
    "type": "call", "call_id": "c1", "user": "alice@northwind.example", "direction": "in", "result": "missed",
    "started_at": "2026-11-24T09:30:00+01:00",
}  # fmt: skip
MESSAGE = {
    "type": "voicemail",
    "voicemail_id": "v1",
    "user": "bob@northwind.example",
    "left_at": "2026-11-24T08:30:00Z",
}
MORNING = datetime.fromisoformat("2026-11-24T08:30:00+00:00")


def problems_of(**fields: Any) -> list[str]:
    return other.parse({**CALL, **fields}).problems


def test_a_call_with_the_least_and_with_all() -> None:
    least, most = other.parse(
        [CALL, {**CALL, "number": " 030 901820 ", "name": "Ada", "seconds": 5, "line": "Sales",
                "told_at": "2026-11-24T08:31:00Z"}]
    ).told  # fmt: skip
    assert least == CallRecord(Owner(email="alice@northwind.example"), "c1", "in", "missed", MORNING)
    assert most == CallRecord(
        Owner(email="alice@northwind.example"), "c1", "in", "missed", MORNING, number="030 901820", e164="030 901820",
        name="Ada", line="Sales", seconds=5,
        reported_at=datetime.fromisoformat("2026-11-24T08:31:00+00:00"),
    )  # fmt: skip


def test_an_extension_is_no_number() -> None:
    (told,) = other.parse({**CALL, "number": "2002", "is_internal": True}).told
    assert isinstance(told, CallRecord) and (told.number, told.e164) == ("2002", "")


def test_a_message_and_what_was_erased() -> None:
    sound = {"audio_url": "https://pbx.example/a.mp3", "transcript": "Hello", "is_read": True, "call_id": "c1"}
    message, erased = other.parse([{**MESSAGE, **sound}, {"type": "erased", "call_ids": ["c1"]}]).told
    assert message == VoicemailRecord(
        Owner(email="bob@northwind.example"), "v1", MORNING, "c1", is_read=True, transcript="Hello",
        audio="https://pbx.example/a.mp3",
    )  # fmt: skip
    assert erased == Erasure(Owner(), call_ids=("c1",))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"call_id": ""}, '"call_id" is empty.'),
        ({"call_id": 7}, '"call_id" has to be text of at most 200 characters.'),
        ({"result": "gone"}, '"result" has to be one of "answered", "missed", '),
        ({"result": []}, '"result" has to be one of '),
        ({"direction": "inbound"}, '"direction" has to be one of "in", "out".'),
        ({"started_at": "2026-11-24T09:30:00"}, '"started_at" has to be a time with its zone'),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, '"started_at" has to be a time'),
        ({"seconds": -1}, '"seconds" has to be a whole number from 0'),
        ({"seconds": True}, '"seconds" has to be a whole number'),
        ({"is_internal": 1}, '"is_internal" has to be true or false.'),
        ({"sconds": 1}, '"sconds" is no field of "call". There are '),
        ({"user": " "}, '"user" is empty.'),
        ({"extension": "101"}, '"extension" is no field of "call". '),
        ({"type": "fax"}, '"type" has to be one of "call", "voicemail", "erased".'),
        ({"type": {}}, '"type" has to be one of '),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(fields: Any, expected: str) -> None:
    (problem,) = problems_of(**fields)
    assert problem.startswith(expected) and problem.endswith(".")


def test_whose_it_is_has_to_be_said_but_where_everybodys_is_erased() -> None:
    nobodys = {name: value for name, value in CALL.items() if name != "user"}
    assert other.parse(nobodys).problems == ['Say whose it is: "user" is their e-mail address.']
    erased = {"type": "erased", "call_ids": ["c1"]}
    assert other.parse({**erased, "user": " "}).problems == ['"user" is empty.']
    assert other.parse(erased).problems == other.parse({**erased, "user": CALL["user"]}).problems == []


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://pbx.example/a.mp3?key=1", True),
        ("http://pbx.example/a.mp3", False),
        ("https://user:password@pbx.example/a.mp3", False),
        ("https:///a.mp3", False),
        ("https://[/", False),
        ("file:///etc/passwd", False),
        ("https://pbx.example/" + "a" * 2000, False),
        (None, False),
    ],
)
def test_sound_comes_from_plain_https_addresses_alone(url: Any, is_fine: bool) -> None:
    assert bool(other.parse({**MESSAGE, "audio_url": url}).told) is is_fine


@pytest.mark.parametrize("notification", [None, [], [CALL] * 101, "call", 7, [[CALL]]])
def test_what_is_no_event_or_too_many_tells_nothing(notification: Any) -> None:
    reading = other.parse(notification)
    assert reading.told == [] and reading.problems
    assert len(other.parse([CALL] * 100).told) == 100


def test_one_that_does_not_fit_keeps_the_others_out_and_is_named() -> None:
    reading = other.parse([CALL, {**CALL, "seconds": "5"}])
    assert (reading.told, reading.problems[0][:17]) == ([], 'Event 2: "seconds')


def test_the_document_names_every_field_and_no_other() -> None:
    text = DOCUMENT.read_text()
    for kind in ("call", "voicemail"):
        section = text.split(f'### `"type": "{kind}"`')[1].split("###")[0]
        named = {name for row in re.findall(r"(?m)^\|(.*?)\|", section) for name in re.findall(r"`([a-z_0-9]+)`", row)}
        assert named == set(other.FIELDS[kind][0]) - {"type", "user"}


def test_the_example_in_the_document_is_signed_and_read() -> None:
    """Run by the shell, but for curl: that says what it would send."""
    (block,) = re.findall(r"(?m)(?:^    .*\n)+", DOCUMENT.read_text())
    script = re.sub(r"(?m)^    ", "", block)
    stand_in = 'curl() { printf "%s\\n" "$@"; }\n'
    done = subprocess.run(["sh", "-c", stand_in + script], capture_output=True, text=True, check=True)
    sent = done.stdout.split("--data-binary\n")[1]
    body, rest = sent.split("}\n", 1)
    body += "}"
    timestamp = re.findall(r"X-Portico-Timestamp: (\d+)", rest)[0]
    signature = re.findall(r"X-Portico-Signature: (\S+)", rest)[0]
    secret = "the secret from the page"
    assert OTHER.is_genuine(secret, timestamp, signature, body.encode(), now=float(timestamp))
    (told,) = other.parse(load_json(body.encode())).told
    assert isinstance(told, CallRecord) and (told.result, told.number) == ("missed", "030 901820")
