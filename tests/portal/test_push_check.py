"""Where providers are to tell us of changes: an address that they can post to, or a sentence at start."""

import pytest
from pytest_django import Settings

from portal import checks


@pytest.mark.parametrize(
    "address", ["", "https://portico.example", "https://portico.example:8443", "http://127.0.0.1:8000"]
)
def test_no_address_one_by_https_and_one_of_this_machine_pass(settings: Settings, address: str) -> None:
    settings.ALLOWED_HOSTS = ["portico.example", "127.0.0.1"]
    settings.PUSH_ADDRESS = address

    assert checks.check_push(None) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://portico.example",
        "portico.example",
        "https://portico.example/push",
        "https://a:b@portico.example",
        "https://",
    ],
)
def test_any_other_address_is_an_error_with_a_hint(settings: Settings, address: str) -> None:
    settings.ALLOWED_HOSTS = ["portico.example"]
    settings.PUSH_ADDRESS = address

    (message,) = checks.check_push(None)

    assert message.id == "portal.E017"
    assert message.hint


def test_a_host_that_requests_may_not_carry_is_named(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["portico.example"]
    settings.PUSH_ADDRESS = "https://hooks.portico.example"

    (message,) = checks.check_push(None)

    assert "hooks.portico.example" in message.msg
