"""What is Google's own about signing in: the consent address, the id token, and what the token endpoint may answer."""

import base64
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from integrations.errors import (
    AdminNeeded,
    ConsentDenied,
    NotOffered,
    ProviderError,
    ReconnectNeeded,
    Unexpected,
    Unreachable,
)
from integrations.permissions import ALL, Permission
from integrations.providers.google import Google
from integrations.remote import Credentials
from safety import outbound
from sandbox.server import Sandbox

SETTINGS = {
    "client_id": "portico.apps.googleusercontent.com",
    "client_secret": "its secret",
    "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
    "token_url": "https://oauth2.googleapis.com/token",
    "revoke_url": "https://oauth2.googleapis.com/revoke",
    "calendar_root": "https://www.googleapis.com/calendar/v3/",
    "people_root": "https://people.googleapis.com/",
}
REDIRECT_URI = "https://portico.example/integrations/callback/"


@pytest.fixture
def offline() -> Google:
    """Google under its own addresses, for what needs no network."""
    return Google(SETTINGS, session_factory=lambda: outbound.session(outbound.Policy()))


def ask(google: Google, **more: Any) -> dict[str, str]:
    url = google.authorize(frozenset({Permission.CALENDAR_READ}), redirect_uri=REDIRECT_URI, state="st", **more).url
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def test_the_consent_address_asks_for_lasting_access_to_just_what_was_ticked(offline: Google) -> None:
    asked = ask(offline, login_hint="alice@northwind.example")
    challenge = asked.pop("code_challenge")
    assert len(base64.urlsafe_b64decode(challenge + "=")) == 32
    assert asked == {
        "client_id": SETTINGS["client_id"],
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid email https://www.googleapis.com/auth/calendar.events.owned.readonly"
        " https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        "state": "st",
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": "alice@northwind.example",
    }
    assert "login_hint" not in ask(offline)


def test_a_consent_address_of_an_operator_s_own_may_hold_a_query(offline: Google) -> None:
    google = Google({**SETTINGS, "authorize_url": "https://login.example/auth?realm=7"}, session_factory=lambda: None)
    assert ask(google)["realm"] == "7"


def test_no_two_requests_share_a_verifier(offline: Google) -> None:
    verifiers = {offline.authorize(ALL, redirect_uri=REDIRECT_URI, state="s").keep["code_verifier"] for _ in range(20)}
    assert len(verifiers) == 20
    assert all(43 <= len(verifier) <= 128 for verifier in verifiers)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", ConsentDenied),
        ("admin_policy_enforced", AdminNeeded),
        ("org_internal", AdminNeeded),
        ("invalid_client", NotOffered),
        ("redirect_uri_mismatch", NotOffered),
        ("invalid_scope", NotOffered),
        ("temporarily_unavailable", Unreachable),
        ("invalid_request", Unexpected),
        ("<script>alert(1)</script>", Unexpected),
    ],
)
def test_a_refusal_on_the_way_back_says_who_must_act(offline: Google, error: str, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        offline.redeem({"error": error, "state": "st"}, keep={"code_verifier": "v"}, redirect_uri=REDIRECT_URI)
    assert type(caught.value) is kind
    assert "<" not in f"{caught.value}{caught.value.detail}"


def make_id_token(**claims: Any) -> str:
    whole = {
        "iss": "https://accounts.google.com",
        "aud": SETTINGS["client_id"],
        "sub": "1099",
        "email": "alice@northwind.example",
        "exp": time.time() + 3600,
    } | claims
    kept = {name: value for name, value in whole.items() if value is not None}
    payload = base64.urlsafe_b64encode(orjson.dumps(kept)).rstrip(b"=").decode()
    return f"head.{payload}.signature"


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_an_id_token_says_who_signed_in(offline: Google, issuer: str) -> None:
    claims = offline._read_id_token(make_id_token(iss=issuer, exp=time.time() - 60), time.time())
    assert claims == {"sub": "1099", "email": "alice@northwind.example"}


@pytest.mark.parametrize(
    "token",
    [
        make_id_token(iss="https://accounts.example"),
        make_id_token(iss="https://accounts.google.com.evil.example"),
        make_id_token(aud="another client"),
        make_id_token(exp=time.time() - 3600),
        make_id_token(exp="never"),
        make_id_token(sub=None),
        make_id_token(sub=""),
        make_id_token(email=None),
        make_id_token(email="nobody"),
        make_id_token(email=7),
        make_id_token(iss=7),
        make_id_token(iss="https://["),
        "no dots",
        "a.!!!.c",
        "a.bnVsbA.c",
        "",
        None,
        7,
    ],
)
def test_an_id_token_that_is_not_for_us_or_says_nothing_is_not_believed(offline: Google, token: Any) -> None:
    with pytest.raises(Unexpected, match="Start again"):
        offline._read_id_token(token, time.time())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("invalid-grant", ReconnectNeeded),
        ("500", Unreachable),
        ("503", Unreachable),
        ("html", Unexpected),
        ("half-json", Unexpected),
        ("redirect", Unexpected),
        ("hang-up", Unreachable),
    ],
)
def test_a_refresh_that_fails_says_so_and_saves_nothing(
    sandbox: Sandbox, google: Google, credentials: Credentials, window: Any, fault: str, kind: type[ProviderError]
) -> None:
    saved: list[Credentials] = []
    sandbox.faults.add(fault, "/google/token")
    with google.open({**credentials, "expires_at": 0}, save=saved.append) as account:
        with pytest.raises(ProviderError) as caught:
            list(account.calendar.changes(None, window))
        assert type(caught.value) is kind
        assert saved == []
        assert list(account.calendar.changes(None, window))
        assert len(saved) == 1


def test_a_wrong_client_secret_is_the_operator_s_to_mend(
    sandbox: Sandbox, google: Google, credentials: Credentials
) -> None:
    session = google._make_session()
    google._settings = {**google._settings, "client_secret": "wrong"}
    with session, pytest.raises(NotOffered):
        google.refresh(session, credentials)


def test_credentials_without_a_refresh_token_need_a_reconnect(google: Google, window: Any) -> None:
    with google.open({}, save=lambda _: None) as account, pytest.raises(ReconnectNeeded):
        list(account.calendar.changes(None, window))


def test_what_a_refresh_does_not_say_stays_as_it_was(
    sandbox: Sandbox, google: Google, credentials: Credentials
) -> None:
    sandbox.google.tokens.rotates = False
    with google._make_session() as session:
        renewed = google.refresh(session, {**credentials, "sub": "1099"})
    assert renewed["sub"] == "1099"
    assert renewed["refresh_token"] == credentials["refresh_token"]
    assert renewed["access_token"] != credentials["access_token"]
    assert isinstance(renewed["expires_at"], float) and 3500 < renewed["expires_at"] - time.time() < 3600


@pytest.mark.parametrize(("fault", "kind"), [("503", Unreachable), ("html", Unexpected)])
def test_a_revocation_that_fails_says_so(
    sandbox: Sandbox, google: Google, credentials: Credentials, fault: str, kind: type[ProviderError]
) -> None:
    sandbox.faults.add(fault, "/google/revoke")
    with pytest.raises(kind):
        google.revoke(credentials)
    google.revoke(credentials)
    google.revoke(credentials)
    google.revoke({})
    assert sandbox.google.tokens.living() == (0, 0)
