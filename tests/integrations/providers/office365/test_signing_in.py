"""What is Microsoft's own about signing in: the consent address, discovery, certificates, renewal, claims."""

import io
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.errors import (
    AdminNeeded,
    ConsentDenied,
    NotOffered,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Refused,
    Unexpected,
    Unreachable,
)
from integrations.permissions import ALL, Permission
from integrations.providers.base import Authorization, FormProvider, OAuthProvider
from integrations.providers.office365 import Office365
from integrations.providers.office365.entra import Entra
from integrations.remote import Credentials, SignIn, Window
from safety import outbound
from sandbox.server import Sandbox
from tests.contracts.office365_stage import make_office365, walk
from tests.contracts.stages import PERSON, REDIRECT_URI

SETTINGS = {
    "client_id": "11111111-2222-3333-4444-555555555555",
    "client_secret": "its secret",
    "certificate": "",
    "authority": "https://login.microsoftonline.com/organizations",
    "instance_discovery": "1",
    "authorize_url": "",
    "graph_root": "https://graph.microsoft.com/v1.0/",
    "ews_url": "https://outlook.office365.com/EWS/Exchange.asmx",
}
READ = frozenset({Permission.CALENDAR_READ})


def nobody() -> Any:
    pytest.fail("this needs no network")


@pytest.fixture
def offline() -> Office365:
    """Office 365 under its own addresses, for what needs no network."""
    return Office365(SETTINGS, session_factory=nobody)


def ask(office365: Office365, permissions: Any = READ, **more: Any) -> Authorization:
    return office365.authorize(permissions, redirect_uri=REDIRECT_URI, state="st", **more)


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def sign_in(sandbox: Sandbox, office365: Office365, permissions: Any = ALL, **more: Any) -> SignIn:
    asked = ask(office365, permissions, **more)
    return office365.redeem(walk(sandbox, asked.url), keep=asked.keep, redirect_uri=REDIRECT_URI)


def list_events(office365: Office365, credentials: Credentials, window: Window, saved: list[Credentials]) -> Any:
    with office365.open(credentials, save=saved.append) as account:
        return list(account.calendar.changes(None, window))


def test_it_meets_both_protocols_and_says_what_pages_need(offline: Office365) -> None:
    assert isinstance(offline, OAuthProvider)
    assert isinstance(offline, FormProvider)
    oauth, password = offline.info.methods
    assert (oauth.key, oauth.kind, oauth.revokes, oauth.needs_policy) == ("oauth", "oauth", False, False)
    assert set(oauth.scopes) == set(Permission)
    assert oauth.missing(SETTINGS) == []
    assert oauth.missing({**SETTINGS, "client_secret": ""}) == ["client_secret|certificate"]
    assert oauth.missing({**SETTINGS, "client_secret": "", "certificate": "/x.pem"}) == []
    assert (password.kind, password.needs_policy, dict(password.scopes)) == ("form", True, {})
    assert [one.name for one in password.fields] == ["user", "password", "ews_url"]
    assert "1 April 2027" in password.summary


def test_the_sign_in_address_is_the_authority_s_or_the_operator_s(offline: Office365) -> None:
    assert offline.sign_in_url == "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize"
    other = Office365({**SETTINGS, "authorize_url": "http://127.0.0.1:1/a"}, session_factory=nobody)
    assert other.sign_in_url == "http://127.0.0.1:1/a"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "https://login.microsoftonline.com/organizations/v2.0/adminconsent"),
        ({"authority": "https://login.microsoftonline.com/common"},
         "https://login.microsoftonline.com/organizations/v2.0/adminconsent"),
        ({"authority": "https://login.microsoftonline.com/contoso.example/"},
         "https://login.microsoftonline.com/contoso.example/v2.0/adminconsent"),
        ({"authorize_url": "http://127.0.0.1:1/microsoft/contoso.example/oauth2/v2.0/authorize"},
         "http://127.0.0.1:1/microsoft/contoso.example/v2.0/adminconsent"),
        ({"authorize_url": "https://login.example/elsewhere"},
         "https://login.microsoftonline.com/organizations/v2.0/adminconsent"),
    ],
)  # fmt: skip
def test_an_administrator_approves_beside_where_people_sign_in(changes: dict[str, str], expected: str) -> None:
    office365 = Office365({**SETTINGS, **changes}, session_factory=nobody)
    url = office365.approval_url(READ, redirect_uri="https://portico.example/approved/", state="st")
    assert url.partition("?")[0] == expected
    assert query_of(url) == {
        "client_id": SETTINGS["client_id"],
        "scope": "User.Read Calendars.Read openid profile offline_access",
        "redirect_uri": "https://portico.example/approved/",
        "state": "st",
    }


def test_the_consent_address_asks_for_just_what_was_ticked_and_keeps_the_secret_half_here(office365: Office365) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asked = ask(office365, login_hint=PERSON)
    assert told == []
    query = query_of(asked.url)
    assert set(query["scope"].split()) == {"Calendars.Read", "User.Read", "offline_access", "openid", "profile"}
    assert (query["state"], query["response_type"], query["response_mode"]) == ("st", "code", "query")
    assert (query["code_challenge_method"], query["redirect_uri"]) == ("S256", REDIRECT_URI)
    assert asked.url.startswith(f"{office365.sign_in_url}?")
    assert orjson.loads(orjson.dumps(asked.keep)) == asked.keep
    assert "auth_uri" not in asked.keep
    for secret in (asked.keep["code_verifier"], asked.keep["nonce"]):
        assert secret not in asked.url and secret not in repr(asked)


def test_who_connects_anew_chooses_an_account_and_who_reconnects_is_led_to_theirs(office365: Office365) -> None:
    new = query_of(ask(office365, login_hint=PERSON).url)
    assert (new["prompt"], new["login_hint"]) == ("select_account", PERSON)
    known = {"method": "oauth", "name": "alice.m@northwind.example", "claims": '{"access_token":{}}'}
    again = query_of(ask(office365, login_hint=PERSON, credentials=known).url)
    assert again["login_hint"] == "alice.m@northwind.example"
    assert again["claims"] == '{"access_token":{}}'
    assert "prompt" not in again and "claims" not in new


def test_a_consent_address_of_an_operator_s_own_may_hold_a_query(sandbox: Sandbox) -> None:
    office365 = make_office365(sandbox, authorize_url="https://login.example/auth?realm=7")
    assert query_of(ask(office365).url)["realm"] == "7"


def test_no_two_requests_share_a_verifier_or_a_nonce(office365: Office365) -> None:
    kept = [ask(office365).keep for _ in range(20)]
    assert len({one["code_verifier"] for one in kept}) == len({one["nonce"] for one in kept}) == 20


def test_the_tenant_s_addresses_are_learned_once_and_not_at_the_start(sandbox: Sandbox, office365: Office365) -> None:
    assert sandbox.log.requests("/microsoft/*") == []
    for _ in range(3):
        ask(office365)
    assert len(sandbox.log.requests("*/openid-configuration")) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("hang-up", Unreachable),
        ("502-html", Unreachable),
        ("html", Unexpected),
        ("redirect", Unexpected),
        ("huge", Unexpected),
    ],
)
def test_a_tenant_whose_addresses_cannot_be_learned_is_told_and_asked_again(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, fault: str, kind: type[ProviderError]
) -> None:
    office365 = make_office365(sandbox, max_bytes=200_000)
    sandbox.faults.add(fault, "*/openid-configuration", amount=3)
    with pytest.raises(kind) as caught:
        ask(office365)
    assert "Microsoft" in caught.value.sentence
    assert sandbox.tls_url not in f"{caught.value} {caplog.text}"
    assert ask(office365).url


def test_a_tenant_that_microsoft_does_not_know_is_the_operator_s_to_mend(sandbox: Sandbox) -> None:
    office365 = make_office365(sandbox, authority=f"{sandbox.tls_url}/microsoft/nobody.example")
    with pytest.raises(NotOffered):
        ask(office365)


@pytest.mark.parametrize("authority", ["http://login.example/organizations", "https://login.example", "nonsense", ""])
def test_an_authority_that_is_none_is_the_operator_s_to_mend(sandbox: Sandbox, authority: str) -> None:
    with pytest.raises(NotOffered):
        ask(make_office365(sandbox, authority=authority))


def test_a_certificate_that_no_known_authority_signed_is_not_accepted(sandbox: Sandbox, office365: Office365) -> None:
    allow = outbound.parse_allow([urlsplit(sandbox.tls_url).netloc])
    office365._entra._make_session = lambda: outbound.session(outbound.Policy(allow=allow))
    with pytest.raises(Unreachable):
        ask(office365)


class Discovery:
    """A session that answers every GET with the same document."""

    def __init__(self, **document: Any) -> None:
        self.document = document

    def __enter__(self) -> "Discovery":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def request(self, method: str, url: str, **_: Any) -> Any:
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(orjson.dumps(self.document))
        return response


def test_secrets_are_sent_to_the_operator_s_host_whatever_discovery_says() -> None:
    addresses = {
        "authorization_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
        "token_endpoint": "https://login.evil.example/token",
    }
    entra = Entra(SETTINGS, lambda: Discovery(**addresses))  # type: ignore[arg-type, return-value]
    with pytest.raises(Refused):
        entra.ask(["User.Read"], redirect_uri=REDIRECT_URI, state="s", prompt="", login_hint="", claims="")
    for missing in addresses:
        left = {name: value for name, value in addresses.items() if name != missing}
        entra = Entra(SETTINGS, lambda left=left: Discovery(**left))  # type: ignore[arg-type, misc]
        with pytest.raises(Unexpected):
            entra.ask(["User.Read"], redirect_uri=REDIRECT_URI, state="s", prompt="", login_hint="", claims="")


def test_an_unknown_instance_is_the_operator_s_to_mend() -> None:
    settings = {**SETTINGS, "authority": "https://login.example/organizations"}
    entra = Entra(settings, lambda: Discovery(error="invalid_instance"))  # type: ignore[arg-type, return-value]
    with pytest.raises(NotOffered):
        entra.ask(["User.Read"], redirect_uri=REDIRECT_URI, state="s", prompt="", login_hint="", claims="")


def test_signing_in_gives_credentials_and_who_it_is(sandbox: Sandbox, office365: Office365) -> None:
    found = sign_in(sandbox, office365, READ)
    assert found.mailbox == PERSON
    tid, oid = found.credentials["tid"], found.credentials["oid"]
    assert tid == sandbox.office365.tenant_of(PERSON).id
    assert found.account_id == f"{tid}.{oid}"
    assert found.consented == {"calendar_read"}
    assert orjson.loads(orjson.dumps(found.credentials)) == found.credentials
    assert isinstance(found.credentials["expires_at"], float)
    assert 3000 < found.credentials["expires_at"] - time.time() < 3700


def test_what_was_consented_to_before_is_told_too_and_what_is_withheld_is_not(
    sandbox: Sandbox, office365: Office365
) -> None:
    assert len(sign_in(sandbox, office365, ALL).consented) == 4
    assert len(sign_in(sandbox, office365, READ).consented) == 4
    sandbox.office365.tenants.change("northwind.example", withheld=["Contacts.ReadWrite"])
    assert sign_in(sandbox, office365, ALL).consented == {"calendar_read", "calendar_write"}


def test_a_guest_is_told_to_come_with_an_account_that_has_a_mailbox(
    sandbox: Sandbox, office365: Office365, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = {"mail": "a@gmail.example", "userPrincipalName": "a_gmail.example#EXT#@northwind.example"}
    monkeypatch.setattr("integrations.providers.office365.fetch_json", lambda *_, **__: guest)
    with pytest.raises(ReconnectNeeded, match="guest"):
        sign_in(sandbox, office365)


def test_the_mail_address_counts_and_the_name_to_sign_in_with_stands_in_for_it(
    sandbox: Sandbox, office365: Office365, monkeypatch: pytest.MonkeyPatch
) -> None:
    person: dict[str, Any] = {"mail": "Alice.Meyer@northwind.example", "userPrincipalName": "a1@northwind.example"}
    monkeypatch.setattr("integrations.providers.office365.fetch_json", lambda *_, **__: person)
    assert sign_in(sandbox, office365).mailbox == "Alice.Meyer@northwind.example"
    person.update(mail=None, userPrincipalName=None)
    assert sign_in(sandbox, office365).mailbox == PERSON


def test_cancelling_is_a_no(sandbox: Sandbox, office365: Office365) -> None:
    asked = ask(office365)
    answer = walk(sandbox, asked.url, decision="cancel")
    with pytest.raises(ConsentDenied):
        office365.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_where_people_may_not_consent_an_administrator_is_asked_and_may_approve_for_all(
    sandbox: Sandbox, office365: Office365
) -> None:
    sandbox.office365.tenants.change("northwind.example", user_consent=False)
    asked = ask(office365)
    with pytest.raises(AdminNeeded) as caught:
        office365.redeem(walk(sandbox, asked.url), keep=asked.keep, redirect_uri=REDIRECT_URI)
    assert caught.value.can_approve
    sandbox.office365.add_person("dora@northwind.example", name="Dora")
    sandbox.office365.tenants.set_admin("dora@northwind.example")
    # What covers a read is no approval of it.
    approval = office365.approval_url(ALL, redirect_uri=REDIRECT_URI, state="st")
    answer = walk(sandbox, approval, "dora@northwind.example")
    assert (answer["admin_consent"], answer["state"]) == ("True", "st")
    # Microsoft's answer names all that is approved, whatever was asked for.
    assert "calendar_read" in sign_in(sandbox, office365, READ).consented


def test_a_second_factor_is_asked_for_on_the_way(sandbox: Sandbox, office365: Office365, window: Window) -> None:
    sandbox.office365.tenants.change("northwind.example", access_policy="mfa")
    found = sign_in(sandbox, office365)
    assert list_events(office365, {**found.credentials, "expires_at": 0}, window, [])


def test_conditional_access_is_the_administrator_s(sandbox: Sandbox, office365: Office365) -> None:
    sandbox.office365.tenants.change("northwind.example", access_policy="block")
    asked = ask(office365)
    with pytest.raises(AdminNeeded, match="conditional access") as caught:
        office365.redeem(walk(sandbox, asked.url), keep=asked.keep, redirect_uri=REDIRECT_URI)
    assert not caught.value.can_approve


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer, keep: ({**answer, "state": "another"}, keep),
        lambda answer, keep: ({**answer, "code": "another"}, keep),
        lambda answer, keep: (answer, {**keep, "code_verifier": "x" * 43}),
        lambda answer, keep: (answer, {**keep, "state": "another"}),
        lambda answer, keep: (answer, {name: one for name, one in keep.items() if name != "state"}),
        lambda answer, keep: (answer, {}),
        lambda answer, keep: ({"state": "st"}, keep),
    ],
)
def test_an_answer_of_another_sign_in_asks_to_start_again(
    sandbox: Sandbox, office365: Office365, spoil: Callable[..., Any]
) -> None:
    asked = ask(office365)
    answer, keep = spoil(walk(sandbox, asked.url), dict(asked.keep))
    with pytest.raises(ReconnectNeeded, match="Start again"):
        office365.redeem(answer, keep=keep, redirect_uri=REDIRECT_URI)


def test_an_id_token_of_another_sign_in_is_not_believed(sandbox: Sandbox, office365: Office365) -> None:
    asked = ask(office365)
    answer = walk(sandbox, asked.url)
    with pytest.raises(Unexpected, match="did not say who"):
        office365.redeem(answer, keep={**asked.keep, "nonce": "another"}, redirect_uri=REDIRECT_URI)


def test_what_else_comes_back_with_a_code_reaches_no_header(sandbox: Sandbox, office365: Office365) -> None:
    asked = ask(office365)
    answer = walk(sandbox, asked.url) | {"client_info": "not base64 at all\r\n", "session_state": "x"}
    assert office365.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI).mailbox == PERSON


@pytest.mark.parametrize(
    "claims",
    [None, {}, {"aud": SETTINGS["client_id"]}, {"aud": "other", "tid": "t", "oid": "o"},
     {"aud": SETTINGS["client_id"], "tid": "t", "oid": ""}, {"aud": SETTINGS["client_id"], "tid": 7, "oid": "o"}],
)  # fmt: skip
def test_an_id_token_that_is_not_for_us_or_says_nothing_is_not_believed(offline: Office365, claims: Any) -> None:
    with pytest.raises(Unexpected, match="Start again"):
        offline._read_claims(claims)


def test_no_lasting_access_is_told(sandbox: Sandbox, office365: Office365, monkeypatch: pytest.MonkeyPatch) -> None:
    redeem = office365._entra.redeem

    def without(*args: Any) -> Any:
        return {name: one for name, one in redeem(*args).items() if name != "refresh_token"}

    monkeypatch.setattr(office365._entra, "redeem", without)
    with pytest.raises(Unexpected, match="no lasting access"):
        sign_in(sandbox, office365)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate and, after it, its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Portico")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "portico.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_a_certificate_is_shown_instead_of_the_secret(sandbox: Sandbox, certificate: Path, window: Window) -> None:
    office365 = make_office365(sandbox, client_secret="wrong", certificate=str(certificate))
    with pytest.raises(NotOffered, match="certificate"):
        sign_in(sandbox, office365)
    sandbox.office365.trust_certificate(certificate.read_text().partition("-----BEGIN PRIVATE KEY")[0])
    found = sign_in(sandbox, office365)
    saved: list[Credentials] = []
    assert list_events(office365, {**found.credentials, "expires_at": 0}, window, saved)
    assert len(saved) == 1


@pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None])
def test_a_certificate_that_cannot_be_used_is_the_operator_s_to_mend(
    sandbox: Sandbox, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "odd.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NotOffered) as caught:
        ask(make_office365(sandbox, certificate=str(path)))
    assert str(tmp_path) not in f"{caught.value}"


def test_a_wrong_secret_is_the_operator_s_to_mend(sandbox: Sandbox) -> None:
    with pytest.raises(NotOffered, match="secret"):
        sign_in(sandbox, make_office365(sandbox, client_secret="wrong"))


RENEWALS: list[tuple[str, type[ProviderError]]] = [
    ("aadsts-700082", ReconnectNeeded),
    ("aadsts-50173", ReconnectNeeded),
    ("aadsts-65001", ReconnectNeeded),
    ("aadsts-50076", ReconnectNeeded),
    ("aadsts-53003", AdminNeeded),
    ("aadsts-50105", AdminNeeded),
    ("aadsts-90055", RateLimited),
    ("aadsts-90033", Unreachable),
    ("hang-up", Unreachable),
    ("cut-off", Unreachable),
    ("502-html", Unreachable),
    ("html", Unexpected),
    ("half-json", Unexpected),
    ("empty-body", Unexpected),
    ("redirect", Unexpected),
    ("huge", Unexpected),
]


@pytest.mark.parametrize(("fault", "kind"), RENEWALS, ids=[fault for fault, _ in RENEWALS])
def test_a_renewal_that_fails_says_so_and_the_next_try_goes_well(
    sandbox: Sandbox,
    credentials: Credentials,
    window: Window,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    kind: type[ProviderError],
) -> None:
    office365 = make_office365(sandbox, max_bytes=200_000)
    saved: list[Credentials] = []
    sandbox.faults.add(fault, "*/token", amount=3 if fault == "huge" else None)
    with pytest.raises(ProviderError) as caught:
        list_events(office365, {**credentials, "expires_at": 0}, window, saved)
    assert type(caught.value) is kind
    told = f"{caught.value} {caught.value.detail} {caplog.text}"
    assert not any(str(credentials[name]) in told for name in ("refresh_token", "access_token"))
    assert str(sandbox.settings["OFFICE365_CLIENT_SECRET"]) not in told
    assert [one.get("claims", "") != "" for one in saved] == ([True] if fault == "aadsts-50076" else [])
    assert list_events(office365, {**credentials, "expires_at": 0}, window, saved)


def test_how_long_to_wait_is_passed_on_and_msal_does_not_repeat_it(
    sandbox: Sandbox, office365: Office365, credentials: Credentials, window: Window
) -> None:
    sandbox.faults.add("aadsts-90055", "*/token", amount=90)
    with pytest.raises(RateLimited) as caught:
        list_events(office365, {**credentials, "expires_at": 0}, window, [])
    assert caught.value.retry_after == timedelta(seconds=90)
    assert list_events(office365, {**credentials, "expires_at": 0}, window, [])


def test_a_renewal_asks_for_what_was_consented_to_and_keeps_what_is_not_said(
    sandbox: Sandbox, office365: Office365, credentials: dict[str, object]
) -> None:
    with office365._make_session() as session:
        renewed = office365.refresh(session, {**credentials, "claims": "{}"})
    assert renewed["refresh_token"] != credentials["refresh_token"]
    assert (renewed["tid"], renewed["mailbox"], renewed["method"]) == ("t", PERSON, "oauth")
    assert "claims" not in renewed


@pytest.mark.parametrize("lacking", [{}, {"refresh_token": ""}, {"refresh_token": 7}])
def test_credentials_without_a_refresh_token_need_a_reconnect(
    office365: Office365, window: Window, lacking: Credentials
) -> None:
    with pytest.raises(ReconnectNeeded):
        list_events(office365, lacking, window, [])


def test_a_grant_removed_at_microsoft_needs_a_reconnect_and_the_connection_is_good_again_after(
    sandbox: Sandbox, office365: Office365, window: Window
) -> None:
    found = sign_in(sandbox, office365)
    sandbox.office365.tokens.remove_grant(str(office365._settings["client_id"]), PERSON)
    with pytest.raises(ReconnectNeeded, match="taken back"):
        list_events(office365, found.credentials, window, [])
    again = sign_in(sandbox, office365, credentials=found.credentials)
    assert again.account_id == found.account_id
    assert list_events(office365, again.credentials, window, [])


def test_what_microsoft_wants_at_a_renewal_is_asked_for_at_the_reconnect(
    sandbox: Sandbox, office365: Office365, window: Window
) -> None:
    found = sign_in(sandbox, office365)
    saved: list[Credentials] = []
    sandbox.office365.tenants.change("northwind.example", access_policy="mfa")
    with pytest.raises(ReconnectNeeded, match="again"):
        list_events(office365, {**found.credentials, "expires_at": 0}, window, saved)
    (noted,) = saved
    assert noted["refresh_token"] == found.credentials["refresh_token"]
    asked = ask(office365, ALL, credentials=noted)
    assert query_of(asked.url)["claims"] == noted["claims"]
    renewed = office365.redeem(walk(sandbox, asked.url), keep=asked.keep, redirect_uri=REDIRECT_URI)
    assert "claims" not in renewed.credentials
    assert list_events(office365, {**renewed.credentials, "expires_at": 0}, window, [])


def test_claims_that_graph_wants_are_met_by_a_renewal_where_they_can_be(
    sandbox: Sandbox, office365: Office365, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    sandbox.faults.add("401-claims", "/graph/*")
    assert list_events(office365, credentials, window, saved)
    assert [one.get("claims") for one in saved] == [None]


def test_claims_that_a_renewal_does_not_meet_are_noted_for_the_person(
    sandbox: Sandbox, office365: Office365, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    sandbox.faults.add("401-claims", "/graph/*", times=2)
    with pytest.raises(ReconnectNeeded) as caught:
        list_events(office365, credentials, window, saved)
    assert "nbf" in str(saved[-1]["claims"]) and "nbf" not in f"{caught.value}"
    assert saved[-1]["refresh_token"] != credentials["refresh_token"]


def test_a_token_refused_once_is_renewed_and_refused_again_needs_a_reconnect(
    sandbox: Sandbox, office365: Office365, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    sandbox.faults.add("401", "/graph/*")
    assert list_events(office365, credentials, window, saved)
    assert len(saved) == 1
    sandbox.faults.add("401", "/graph/*", times=2)
    with pytest.raises(ReconnectNeeded):
        list_events(office365, saved[0], window, saved)
    assert len(saved) == 2


def test_revoking_talks_to_nobody(offline: Office365) -> None:
    offline.revoke({"method": "oauth", "refresh_token": "r"})
    offline.revoke({"method": "password", "password": "p"})


def test_the_password_method_hands_on_to_exchange_s_code(offline: Office365) -> None:
    typed = {"method": "password", "user": "a@b.example", "password": "secret", "ews_url": "https://x.example/EWS/"}
    assert offline.recall(typed) == {"user": "a@b.example", "ews_url": "https://x.example/EWS/"}
    assert offline.recall({"method": "oauth", "refresh_token": "r"}) == {}
    with pytest.raises(NotOffered):
        offline.log_in({}, method="oauth")


def test_many_threads_may_share_the_provider(sandbox: Sandbox, office365: Office365, credentials, window) -> None:
    import threading

    failures: list[BaseException] = []
    saved: list[Credentials] = []

    def read() -> None:
        try:
            for _ in range(3):
                list_events(office365, {**credentials, "expires_at": 0}, window, saved)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({str(one["refresh_token"]) for one in saved}) == 12
