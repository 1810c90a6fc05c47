"""Who signed this, and when: Zoom's scheme against a worked example, ours against the shell's, and every near miss."""

import hashlib
import hmac
from typing import Any

import pytest

from phone.signing import OTHER, WINDOW, ZOOM, Scheme, answer_validation

SECRET, BODY, NOW = "a secret", b'{"event":"phone.callee_missed","payload":{"a":"\xc3\xa9"}}', 1_739_923_528.0
SCHEMES = pytest.mark.parametrize("scheme", [ZOOM, OTHER])


def sign(scheme: Scheme, body: bytes = BODY, *, secret: str = SECRET, at: float = NOW) -> str:
    """Written out once more, as the vendor's page has it."""
    message = f"{scheme.version}:{int(at)}:".encode() + body
    return f"{scheme.version}=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_genuine(scheme: Scheme, signature: str, *, at: str = str(int(NOW)), secret: str = SECRET) -> bool:
    return scheme.is_genuine(secret, at, signature, BODY, now=NOW)


@SCHEMES
def test_what_the_system_has_signed_is_genuine(scheme: Scheme) -> None:
    assert is_genuine(scheme, sign(scheme))
    assert scheme.sign(SECRET, str(int(NOW)), BODY) == sign(scheme)


@SCHEMES
@pytest.mark.parametrize(
    "make",
    [
        lambda scheme: "",
        lambda scheme: sign(scheme)[3:],
        lambda scheme: sign(scheme)[:-1],
        lambda scheme: sign(scheme).upper(),
        lambda scheme: sign(scheme, BODY + b" "),
        lambda scheme: sign(scheme, secret="another"),
        lambda scheme: sign(scheme, at=NOW + 1),
        lambda scheme: "é" + sign(scheme),
        lambda scheme: sign(ZOOM if scheme is OTHER else OTHER),
    ],
)
def test_a_near_miss_is_forged(scheme: Scheme, make: Any) -> None:
    assert not is_genuine(scheme, make(scheme))


@pytest.mark.parametrize(("seconds", "expected"), [(-WINDOW, True), (WINDOW, True), (-301, False), (301, False)])
def test_it_is_genuine_for_five_minutes_on_either_side(seconds: int, expected: bool) -> None:
    signature = sign(ZOOM, at=NOW + seconds)
    assert is_genuine(ZOOM, signature, at=str(int(NOW) + seconds)) is expected


@pytest.mark.parametrize(
    "at", ["", "now", "-1739923528", "1739923528.0", " 1739923528", "１７３９９２３５２８", "9" * 5000]
)
def test_a_moment_that_is_no_plain_number_is_no_moment(at: str) -> None:
    signature = ZOOM.sign(SECRET, at, BODY)
    assert not is_genuine(ZOOM, signature, at=at)


def test_an_empty_secret_opens_nothing() -> None:
    assert not is_genuine(ZOOM, sign(ZOOM, secret=""), secret="")


def test_while_a_secret_changes_either_of_two_signatures_will_do() -> None:
    wrong = sign(OTHER, secret="the next one")
    assert is_genuine(OTHER, f"{wrong}, {sign(OTHER)}")
    assert not is_genuine(OTHER, f"{wrong},{wrong},{wrong},{sign(OTHER)}")


def test_zoom_hears_back_what_only_the_secret_can_make() -> None:
    asked = {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}
    encrypted = hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert answer_validation(SECRET, asked) == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted}


@pytest.mark.parametrize(
    "asked",
    [
        {"event": "phone.callee_missed", "payload": {"plainToken": "a"}},
        {"event": "endpoint.url_validation"},
        {"event": "endpoint.url_validation", "payload": []},
        {"event": "endpoint.url_validation", "payload": {"plainToken": 1}},
        {"event": "endpoint.url_validation", "payload": {"plainToken": ""}},
        {"event": "endpoint.url_validation", "payload": {"plainToken": "a" * 501}},
        {"event": "endpoint.url_validation", "payload": {"plainToken": "\ud800"}},
    ],
)
def test_nothing_else_is_answered(asked: Any) -> None:
    assert answer_validation(SECRET, asked) is None
