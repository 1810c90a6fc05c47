"""What Entra ID answers instead of a token, in its documented shape, and who must act.

Shapes and numbers: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes and
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-authorization-endpoint-errors
"""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from integrations.errors import (
    AdminNeeded,
    ConsentDenied,
    NotOffered,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Unexpected,
    Unreachable,
)
from integrations.providers.office365.refusals import Refusal, judge, parse_answer, parse_refusal

CLAIMS = '{"access_token":{"polids":{"essential":true,"values":["9ab03e19-ed42-4168-b6b7-7001fb3e933a"]}}}'


def shape(error: str, *numbers: int, **more: Any) -> dict[str, Any]:
    return {
        "error": error,
        "error_description": f"AADSTS{numbers[0] if numbers else 0}: Words about alice@northwind.example.\r\nTrace: x",
        "error_codes": list(numbers),
        "timestamp": "2026-11-24 09:00:00Z",
        "trace_id": "0000aaaa-11bb-cccc-dd22-eeeeee333333",
        "correlation_id": "aaaa0000-bb11-2222-33cc-444444dddddd",
        **more,
    }


def told(error: ProviderError) -> str:
    return f"{error} {error.sentence} {error.detail}"


SIGN_IN: list[tuple[int, dict[str, Any], type[ProviderError], str]] = [
    (400, shape("invalid_grant", 65001, suberror="consent_required"), AdminNeeded, "approve"),
    (400, shape("invalid_grant", 90094), AdminNeeded, "approve"),
    (400, shape("invalid_grant", 900941), AdminNeeded, "approve"),
    (400, shape("consent_required"), AdminNeeded, "approve"),
    (400, shape("invalid_grant", 50105), AdminNeeded, "assign"),
    (400, shape("access_denied", 53003, suberror="message_only"), AdminNeeded, "conditional access"),
    (400, shape("interaction_required", 53000), AdminNeeded, "conditional access"),
    (400, shape("invalid_grant", 50057), AdminNeeded, "disabled"),
    (400, shape("invalid_grant", 50053), AdminNeeded, "locked"),
    (
        400,
        shape("interaction_required", 50076, suberror="basic_action", claims=CLAIMS),
        ReconnectNeeded,
        "second factor",
    ),
    (400, shape("invalid_grant", 50079), ReconnectNeeded, "second factor"),
    (400, shape("interaction_required", 50158), ReconnectNeeded, "second factor"),
    (400, shape("login_required", 50058), ReconnectNeeded, "sign in again"),
    (400, shape("invalid_grant", 700082), ReconnectNeeded, "has ended"),
    (400, shape("invalid_grant", 70043, suberror="token_expired"), ReconnectNeeded, "has ended"),
    (400, shape("invalid_grant", 700084), ReconnectNeeded, "has ended"),
    (400, shape("invalid_grant", 50173, suberror="bad_token"), ReconnectNeeded, "password was changed"),
    (400, shape("invalid_grant", 50055), ReconnectNeeded, "expired"),
    (400, shape("invalid_grant", 50034), ReconnectNeeded, "another account"),
    (400, shape("invalid_grant", 50020), ReconnectNeeded, "another account"),
    (400, shape("invalid_grant", 54005), ReconnectNeeded, "Reconnect"),
    (400, shape("invalid_grant", 999999), ReconnectNeeded, "Reconnect"),
    (400, shape("invalid_request", 50194), NotOffered, "one organization"),
    (401, shape("invalid_client", 7000215), NotOffered, "secret"),
    (401, shape("invalid_client", 7000222), NotOffered, "secret"),
    (401, shape("invalid_client", 700027), NotOffered, "certificate"),
    (400, shape("unauthorized_client", 700016), NotOffered, "registered"),
    (400, shape("unauthorized_client"), NotOffered, "registered"),
    (400, shape("invalid_request", 50011), NotOffered, "address"),
    (400, shape("invalid_scope", 70011), NotOffered, "registered"),
    (400, shape("invalid_tenant", 90002), NotOffered, "organization"),
    (429, shape("temporarily_unavailable", 90055), RateLimited, "slow down"),
    (400, shape("invalid_grant", 50196), RateLimited, "slow down"),
    (429, {}, RateLimited, "slow down"),
    (503, shape("temporarily_unavailable", 90033), Unreachable, "cannot be reached"),
    (500, shape("server_error"), Unreachable, "cannot be reached"),
    (502, {}, Unreachable, "cannot be reached"),
    (400, shape("something_new", 123456), Unexpected, "Start again"),
    (400, {}, Unexpected, "Start again"),
]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "words"),
    SIGN_IN,
    ids=[f"{status} {answer.get('error')} {answer.get('error_codes')}" for status, answer, _, _ in SIGN_IN],
)
def test_a_refusal_says_who_must_act(
    status: int, answer: dict[str, Any], kind: type[ProviderError], words: str
) -> None:
    error = judge(parse_refusal(status, {}, orjson.dumps(answer)), is_renewal=False)
    assert type(error) is kind
    assert words in error.sentence
    assert "Words" not in told(error) and "alice" not in told(error) and "polids" not in told(error)
    assert error.detail.startswith(str(status))
    if isinstance(error, AdminNeeded):
        assert error.can_approve is (words == "approve")


@pytest.mark.parametrize(
    "answer",
    [
        shape("invalid_grant", 65001, suberror="consent_required"),
        shape("consent_required"),
        shape("access_denied", 65004),
    ],
)
def test_a_grant_that_was_taken_back_is_the_person_s_to_give_again(answer: dict[str, Any]) -> None:
    error = judge(parse_refusal(400, {}, orjson.dumps(answer)), is_renewal=True)
    assert type(error) is ReconnectNeeded
    assert "taken back" in error.sentence


def test_other_refusals_of_a_renewal_are_what_they_are() -> None:
    for status, answer, kind, _ in SIGN_IN:
        error = judge(parse_refusal(status, {}, orjson.dumps(answer)), is_renewal=True)
        assert type(error) is kind or type(error) is ReconnectNeeded
        assert "Start again" not in error.sentence or kind is ReconnectNeeded


def test_how_long_to_wait_and_which_claims_come_along() -> None:
    refusal = parse_refusal(429, {"Retry-After": "7"}, orjson.dumps(shape("temporarily_unavailable", 90055)))
    error = judge(refusal, is_renewal=True)
    assert isinstance(error, RateLimited) and error.retry_after == timedelta(seconds=7)
    assert parse_refusal(400, {}, orjson.dumps(shape("interaction_required", claims=CLAIMS))).claims == CLAIMS
    assert parse_refusal(400, {}, orjson.dumps(shape("interaction_required", claims=["x"]))).claims == ""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"error": 7, "error_codes": "x", "suberror": []}'])
def test_an_odd_answer_is_a_refusal_without_names(body: bytes) -> None:
    refusal = parse_refusal(400, {}, body)
    assert (refusal.error, refusal.suberror, refusal.numbers) == ("", "", ())
    assert type(judge(refusal, is_renewal=False)) is Unexpected


def came_back(error: str, description: str = "", **more: str) -> dict[str, str]:
    return {"error": error, "error_description": description, "state": "s", **more}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (came_back("access_denied", "AADSTS65004: User declined to consent."), ConsentDenied, "allow"),
        (came_back("access_denied", "the user canceled", error_subcode="cancel"), ConsentDenied, "allow"),
        (came_back("consent_required", "AADSTS65001: has not consented"), AdminNeeded, "approve"),
        (came_back("access_denied", "AADSTS90094: Contoso has set a policy"), AdminNeeded, "approve"),
        (came_back("access_denied", "AADSTS90095: Admin consent requested."), AdminNeeded, "was sent"),
        (came_back("access_denied", "AADSTS50105: Your administrator has configured"), AdminNeeded, "assign"),
        (came_back("interaction_required", "AADSTS50076: Due to a configuration change"), ReconnectNeeded, "again"),
        (came_back("invalid_request", "AADSTS50194: not multi-tenant"), NotOffered, "one organization"),
        (came_back("invalid_client", "AADSTS650053: asked for scope that doesn't exist"), NotOffered, "registered"),
        (came_back("temporarily_unavailable"), Unreachable, "reached"),
        (came_back("server_error"), Unreachable, "reached"),
        (came_back("<script>alert(1)</script>", "AADSTS<b>"), Unexpected, "Start again"),
        (came_back("invalid_request", "nothing about AADSTS or 65004 in here"), Unexpected, "Start again"),
    ],
    ids=lambda one: f"{one['error']} {one['error_description'][:11]}" if isinstance(one, dict) else "",
)  # fmt: skip
def test_a_refusal_on_the_way_back_is_told_by_its_name_and_number(
    answer: dict[str, str], kind: type[ProviderError], words: str
) -> None:
    refusal = parse_answer(answer)
    assert refusal is not None
    error = judge(refusal, is_renewal=False)
    assert type(error) is kind
    assert words in error.sentence
    assert "<" not in told(error) and "Contoso" not in told(error)


def test_an_answer_with_a_code_is_no_refusal() -> None:
    assert parse_answer({"code": "c", "state": "s"}) is None


def test_a_refusal_can_be_thrown_through_a_block_that_cleans_up() -> None:
    from contextlib import contextmanager

    @contextmanager
    def block() -> Any:
        yield

    with pytest.raises(Refusal), block():
        raise Refusal("invalid_grant")
