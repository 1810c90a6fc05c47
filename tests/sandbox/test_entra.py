"""The pretend Entra ID, driven by msal as the product would, and by a browser's requests."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.microsoft.entra_errors import CODES
from sandbox.microsoft.graph import user_id
from sandbox.server import TEST_REDIRECT, Sandbox
from tests.sandbox.conftest import ALICE, BEN

RIVAL = "charlie@rival.example"
APPROVED = "http://127.0.0.1:8000/integrations/admin-consent/"
CALENDAR, CONTACTS = "Calendars.ReadWrite", "Contacts.Read"
ASKED = [CALENDAR, CONTACTS, "User.Read"]
NAME = r'name="pending" value="([^"]+)"'


class Browser:
    """A person at the pages. It follows no redirect to the app."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.session = sandbox, requests.Session()
        self.session.trust_env, self.session.verify = False, str(sandbox.ca_file)

    def open(self, url: str) -> requests.Response:
        return self.session.get(url, allow_redirects=False)

    def send(self, page: requests.Response, form: str, **values: str) -> requests.Response:
        """One of the page's forms, with what it holds."""
        pending = re.search(NAME, page.text)
        assert pending, page.text
        data = {"pending": pending[1], **values}
        return self.session.post(f"{self.sandbox.url}/microsoft/page/{form}", data=data, allow_redirects=False)

    def consent(self, url: str, email: str = ALICE, decision: str = "accept", **more: str) -> dict[str, str]:
        """Pick, prove, consent, whatever is asked for; what the app gets."""
        page = self.open(url)
        if "Pick an account" in page.text:
            page = self.send(page, "choice", email=email)
        if "Approve sign-in request" in page.text:
            page = self.send(page, "proof", email=email)
        if page.status_code == 200:
            page = self.send(page, "consent", email=email, decision=decision, **more)
        return returned(page)


def returned(answer: requests.Response, to: str = TEST_REDIRECT) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith((to, APPROVED))
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    sandbox.office365.add_person(RIVAL, name="Charlie Stone", organization="Rival & Partners")
    made = Browser(sandbox)
    yield made
    made.session.close()


def make_app(browser: Browser, tenant: str = "organizations", credential: object = None, **more: object):
    settings = browser.sandbox.settings
    return msal.ConfidentialClientApplication(
        settings["OFFICE365_CLIENT_ID"], client_credential=credential or settings["OFFICE365_CLIENT_SECRET"],
        authority=f"{browser.sandbox.tls_url}/microsoft/{tenant}", instance_discovery=False,
        http_client=browser.session, **more,
    )  # fmt: skip


@pytest.fixture
def app(browser: Browser):
    return make_app(browser)


@pytest.mark.filterwarnings("ignore:response_mode='form_post'")
def begin(app, scopes: list[str] | None = None, **more: str) -> tuple[str, dict]:
    flow = app.initiate_auth_code_flow(
        ASKED if scopes is None else scopes, redirect_uri=TEST_REDIRECT, response_mode="query", **more
    )
    return flow["auth_uri"], flow


pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post'")


def sign_in(app, browser: Browser, email: str = ALICE, scopes: list[str] | None = None, **more: str) -> dict:
    """The token answer after consent."""
    url, flow = begin(app, scopes, **more)
    return app.acquire_token_by_auth_code_flow(flow, browser.consent(url, email))


def refresh(browser: Browser, token: str, **more: str) -> requests.Response:
    """By hand, to see the very answer."""
    settings = browser.sandbox.settings
    form = {
        "grant_type": "refresh_token", "refresh_token": token, "client_id": settings["OFFICE365_CLIENT_ID"],
        "client_secret": settings["OFFICE365_CLIENT_SECRET"], "scope": "Calendars.ReadWrite offline_access",
    }  # fmt: skip
    return browser.session.post(f"{settings['OFFICE365_AUTHORITY']}/oauth2/v2.0/token", data=form | more)


def code_of(answer: requests.Response) -> tuple[int, str, int]:
    document = answer.json()
    return answer.status_code, document["error"], document["error_codes"][0]


def test_the_whole_dance_gives_tokens_that_open_graph_and_refresh(app, browser):
    url, flow = begin(app, login_hint=ALICE)
    assert url.startswith(f"{browser.sandbox.url}/microsoft/organizations/oauth2/v2.0/authorize?")
    back = browser.consent(url)
    assert back["state"] == flow["state"]
    assert back["session_state"]
    tokens = app.acquire_token_by_auth_code_flow(flow, back)
    assert set(tokens["scope"].split()) == {*ASKED, "openid", "profile"}
    assert (tokens["expires_in"], tokens["ext_expires_in"]) == (3599, 3599)
    me = browser.session.get(
        browser.sandbox.settings["OFFICE365_GRAPH_ROOT"] + "me",
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    ).json()
    assert (me["mail"], me["id"]) == (ALICE, tokens["id_token_claims"]["oid"])
    again = app.acquire_token_by_refresh_token(tokens["refresh_token"], ASKED)
    assert again["access_token"] != tokens["access_token"]
    assert again["refresh_token"] != tokens["refresh_token"]


def test_the_id_token_names_tenant_and_account_and_is_signed_by_a_published_key(app, browser):
    tokens = sign_in(app, browser)
    tenant = browser.sandbox.office365.tenant_of(ALICE)
    keys = browser.session.get(f"{browser.sandbox.tls_url}/microsoft/{tenant.id}/discovery/v2.0/keys").json()["keys"]
    key = jwt.PyJWK(keys[0]).key
    claims = jwt.decode(
        tokens["id_token"], key, algorithms=["RS256"], audience=browser.sandbox.settings["OFFICE365_CLIENT_ID"],
        issuer=f"{browser.sandbox.tls_url}/microsoft/{tenant.id}/v2.0",
    )  # fmt: skip
    assert jwt.get_unverified_header(tokens["id_token"])["kid"] == keys[0]["kid"]
    assert (claims["tid"], claims["oid"], claims["preferred_username"], claims["name"], claims["ver"]) == (
        tenant.id, user_id(ALICE), ALICE, "Alice Meyer", "2.0"
    )  # fmt: skip
    account = json.loads(base64.urlsafe_b64decode(tokens["client_info"] + "=="))
    assert account == {"uid": claims["oid"], "utid": claims["tid"]}


@pytest.mark.parametrize("tenant", ["organizations", "common", "north.example", "guid"])
def test_a_tenant_may_be_any_of_the_ways_to_name_one(browser, tenant):
    own = browser.sandbox.office365.tenant_of(ALICE)
    named = own.id if tenant == "guid" else tenant
    document = browser.session.get(
        f"{browser.sandbox.tls_url}/microsoft/{named}/v2.0/.well-known/openid-configuration"
    ).json()
    generic = tenant in ("organizations", "common")
    assert document["issuer"].endswith("/{tenantid}/v2.0" if generic else f"/{own.id}/v2.0")
    assert document["token_endpoint"].startswith("https://")
    assert document["authorization_endpoint"].startswith("http://")
    assert "access_token" in sign_in(make_app(browser, named), browser)


def test_an_unknown_tenant_is_not_discovered(browser):
    unknown = f"{browser.sandbox.tls_url}/microsoft/nowhere.example/v2.0/.well-known/openid-configuration"
    answer = browser.session.get(unknown)
    assert code_of(answer) == (400, "invalid_tenant", 90002)


def test_the_picker_shows_each_account_with_its_organization_and_who_signed_in(app, browser):
    url, _ = begin(app, prompt="select_account", login_hint=ALICE)
    page = browser.open(url)
    assert re.findall(r'name="email" value="([^"]+)"', page.text) == [ALICE, BEN, RIVAL]
    assert "Rival &amp; Partners" in page.text and "signed in" not in page.text
    browser.send(page, "choice", email=BEN)
    assert "signed in" in browser.open(url).text


def test_a_named_tenant_offers_and_takes_only_its_own_accounts(browser):
    app = make_app(browser, "north.example")
    url, _ = begin(app, prompt="select_account")
    page = browser.open(url)
    assert RIVAL not in page.text
    refused = browser.send(page, "choice", email=RIVAL)
    assert (refused.status_code, "AADSTS50020" in refused.text) == (403, True)
    link = unescape(re.search(r'href="([^"]+error=[^"]+)"', refused.text)[1])
    assert parse_qs(urlsplit(link).query)["error"] == ["access_denied"]
    assert "Permissions requested" in browser.send(page, "choice", email=BEN).text


def test_consent_is_asked_in_microsofts_words_and_once(app, browser):
    url, _ = begin(app, login_hint=ALICE)
    page = browser.open(url)
    for words in ("Have full access to your calendars", "Read your contacts", "Sign you in and read your profile",
                  "Maintain access to data you have given it access to"):  # fmt: skip
        assert words in page.text
    assert "on behalf of your organization" not in page.text
    browser.consent(url)
    again, _ = begin(app, login_hint=ALICE)
    assert "code" in returned(browser.open(again))
    asking, _ = begin(app, login_hint=ALICE, prompt="consent")
    assert "Permissions requested" in browser.open(asking).text


def test_asking_for_more_asks_again_and_the_token_carries_what_was_granted_before_too(app, browser):
    sign_in(app, browser, scopes=[CALENDAR])
    url, flow = begin(app, [CONTACTS], login_hint=ALICE)
    assert "Permissions requested" in browser.open(url).text
    tokens = app.acquire_token_by_auth_code_flow(flow, browser.consent(url))
    assert {CALENDAR, CONTACTS} <= set(tokens["scope"].split())


def test_cancelling_comes_back_as_access_denied_with_the_state(app, browser):
    url, flow = begin(app, login_hint=ALICE)
    back = browser.consent(url, decision="cancel")
    assert (back["error"], back["state"]) == ("access_denied", flow["state"])
    assert re.match(r"AADSTS65004: .+ Trace ID: \S{36} Correlation ID: \S{36} Timestamp: .+Z$",
                    back["error_description"])  # fmt: skip
    assert app.acquire_token_by_auth_code_flow(flow, back)["error"] == "access_denied"


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 700016),
        ({"redirect_uri": "http://evil.example/"}, 50011),
        ({"response_type": "token"}, 900144),
    ],
)  # fmt: skip
def test_a_request_nobody_can_be_sent_back_from_is_shown_as_an_error(app, browser, change, number):
    url, _ = begin(app, login_hint=ALICE)
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | change
    answer = browser.open(parts._replace(query=urlencode(query)).geturl())
    assert (answer.status_code, f"AADSTS{number}" in answer.text) == (400, True)
    assert browser.open(url).status_code == 200


def test_a_scope_that_does_not_exist_is_sent_back_as_the_apps_mistake(app, browser):
    url, _ = begin(app, ["Calendars.Eat"], login_hint=ALICE)
    back = returned(browser.open(url))
    assert (back["error"], "AADSTS650053" in back["error_description"]) == ("invalid_client", True)


def test_silence_is_answered_without_a_page(app, browser):
    url, _ = begin(app, prompt="none")
    assert returned(browser.open(url))["error"] == "login_required"
    sign_in(app, browser, scopes=[CALENDAR])
    more, _ = begin(app, prompt="none")
    assert returned(browser.open(more))["error"] == "consent_required"
    same, _ = begin(app, [CALENDAR], prompt="none")
    assert "code" in returned(browser.open(same))


def test_a_form_posted_from_another_site_is_refused(app, browser):
    url, _ = begin(app, login_hint=ALICE)
    pending = re.search(NAME, browser.open(url).text)[1]
    form = {"pending": pending, "email": ALICE, "decision": "accept"}
    target = f"{browser.sandbox.url}/microsoft/page/consent"
    answer = browser.session.post(target, data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    own = browser.session.post(
        target, data=form, headers={"Origin": browser.sandbox.url}, allow_redirects=False
    )  # fmt: skip
    assert own.status_code == 303


def test_a_code_is_good_once_with_its_verifier_and_for_ten_minutes(app, browser):
    url, flow = begin(app, login_hint=ALICE)
    back = browser.consent(url)
    wrong = app.acquire_token_by_auth_code_flow(flow | {"code_verifier": "x" * 43}, back)
    assert wrong["error_codes"] == [501481]
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, back)
    assert app.acquire_token_by_auth_code_flow(flow, back)["error_codes"] == [54005]
    url, flow = begin(app, login_hint=ALICE)
    back = browser.consent(url)
    browser.sandbox.clock.advance(timedelta(minutes=11))
    assert app.acquire_token_by_auth_code_flow(flow, back)["error_codes"] == [70008]


def test_an_old_refresh_token_stays_valid_beside_its_successor_and_ninety_days(browser):
    first = browser.sandbox.office365.tokens.issue(ALICE, ASKED).refresh
    second = refresh(browser, first).json()["refresh_token"]
    assert second != first
    browser.sandbox.clock.advance(timedelta(days=89))
    assert refresh(browser, first).status_code == 200
    third = refresh(browser, second).json()["refresh_token"]
    browser.sandbox.clock.advance(timedelta(days=2))
    assert code_of(refresh(browser, second)) == (400, "invalid_grant", 700082)
    assert refresh(browser, third).status_code == 200


def test_without_offline_access_there_is_no_refresh_token(browser):
    issued = browser.sandbox.office365.tokens.issue(ALICE, ASKED)
    answer = refresh(browser, issued.refresh, scope="https://graph.microsoft.com/Calendars.ReadWrite openid").json()
    assert "refresh_token" not in answer and "id_token" in answer
    assert "https://graph.microsoft.com/Calendars.ReadWrite" in answer["scope"].split()


def test_access_lasts_an_hour(browser):
    issued = browser.sandbox.office365.tokens.issue(ALICE, ASKED)
    me = browser.sandbox.settings["OFFICE365_GRAPH_ROOT"] + "me"
    headers = {"Authorization": f"Bearer {issued.access}"}
    assert browser.session.get(me, headers=headers).status_code == 200
    browser.sandbox.clock.advance(timedelta(hours=1))
    assert browser.session.get(me, headers=headers).status_code == 401


# credentials of the app


def test_a_wrong_secret_an_expired_one_and_none_are_told_apart(browser):
    issued = browser.sandbox.office365.tokens.issue(ALICE, ASKED)
    assert code_of(refresh(browser, issued.refresh, client_secret="guessed")) == (401, "invalid_client", 7000215)
    assert code_of(refresh(browser, issued.refresh, client_secret="")) == (401, "invalid_client", 7000218)
    assert code_of(refresh(browser, issued.refresh, client_id="x")) == (400, "unauthorized_client", 700016)
    assert code_of(refresh(browser, issued.refresh, grant_type="")) == (400, "invalid_request", 900144)
    tokens, settings = browser.sandbox.office365.tokens, browser.sandbox.settings
    tokens.register(settings["OFFICE365_CLIENT_ID"], settings["OFFICE365_CLIENT_SECRET"], [TEST_REDIRECT],
                    secret_expires=browser.sandbox.clock.seconds() + 60)  # fmt: skip
    assert refresh(browser, issued.refresh).status_code == 200
    browser.sandbox.clock.advance(timedelta(minutes=2))
    assert code_of(refresh(browser, issued.refresh)) == (401, "invalid_client", 7000222)


def make_certificate(days: int = 30) -> tuple[str, str]:
    """(private key, certificate), PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portico")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def test_a_registered_certificate_takes_the_place_of_the_secret(browser):
    secret, certificate = make_certificate()
    _, other = make_certificate()
    office365 = browser.sandbox.office365
    app = make_app(browser, credential={"private_key": secret, "public_certificate": certificate})
    office365.trust_certificate(other)
    assert sign_in(app, browser)["error_codes"] == [700027]
    office365.trust_certificate(other + certificate)
    tokens = sign_in(app, browser)
    assert "access_token" in tokens
    assert "access_token" in app.acquire_token_by_refresh_token(tokens["refresh_token"], ASKED)


def test_an_expired_certificate_is_not_accepted(browser):
    secret, certificate = make_certificate(days=-1)
    browser.sandbox.office365.trust_certificate(certificate)
    app = make_app(browser, credential={"private_key": secret, "public_certificate": certificate})
    assert sign_in(app, browser)["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("change", "number"),
    [({"aud": "https://elsewhere.example/"}, 700023), ({"exp": 1}, 700024), ({"sub": "x"}, 700027), ({}, None)],
)
def test_an_assertion_for_somebody_else_or_another_time_is_refused(browser, change, number):
    secret, certificate = make_certificate()
    office365, settings = browser.sandbox.office365, browser.sandbox.settings
    office365.trust_certificate(certificate)
    issued = office365.tokens.issue(ALICE, ASKED)
    client, now = settings["OFFICE365_CLIENT_ID"], int(datetime.now(UTC).timestamp())
    claims = {"iss": client, "sub": client, "jti": "1", "nbf": now, "exp": now + 300,
              "aud": f"{settings['OFFICE365_AUTHORITY']}/oauth2/v2.0/token"}  # fmt: skip
    thumbprint = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1())
    head = {"x5t": base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()}
    assertion = jwt.encode(claims | change, secret, algorithm="RS256", headers=head)
    answer = refresh(browser, issued.refresh, client_secret="", client_assertion=assertion)
    assert (answer.json().get("error_codes") or [None])[0] == number


# what administrators decide


def test_where_people_may_not_consent_they_are_told_to_ask_and_may_go_back(app, browser):
    browser.sandbox.office365.tenants.change("north.example", user_consent=False)
    url, flow = begin(app, login_hint=ALICE)
    page = browser.open(url)
    assert "Need admin approval" in page.text
    back = returned(browser.send(page, "consent", email=ALICE, decision="return"))
    assert (back["error"], back["state"]) == ("consent_required", flow["state"])
    assert "AADSTS90094" in back["error_description"]
    forced = returned(browser.send(browser.open(url), "consent", email=ALICE, decision="accept"))
    assert forced["error"] == "consent_required"
    assert "code" in browser.consent(begin(app, login_hint=RIVAL)[0], RIVAL)


def test_an_administrator_consents_for_everyone_with_a_box_or_only_for_herself(app, browser):
    office365 = browser.sandbox.office365
    office365.tenants.change("north.example", user_consent=False)
    office365.tenants.set_admin(ALICE)
    page = browser.open(begin(app, login_hint=ALICE)[0])
    assert "Consent on behalf of your organization" in page.text
    sign_in(app, browser, ALICE)
    assert "Need admin approval" in browser.open(begin(app, login_hint=BEN)[0]).text
    assert "code" in browser.consent(begin(app, login_hint=ALICE, prompt="consent")[0], everyone="1")
    tokens = sign_in(app, browser, BEN, login_hint=BEN)
    assert set(ASKED) <= set(tokens["scope"].split())


def admin_consent_url(browser: Browser, tenant: str = "organizations", **more: str) -> str:
    query = {"client_id": browser.sandbox.settings["OFFICE365_CLIENT_ID"], "redirect_uri": APPROVED, "state": "s-1",
             "scope": "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/User.Read"}  # fmt: skip
    return f"{browser.sandbox.url}/microsoft/{tenant}/v2.0/adminconsent?{urlencode(query | more)}"


def test_the_admin_consent_page_grants_for_the_tenant_and_says_so(app, browser):
    office365 = browser.sandbox.office365
    office365.tenants.change("north.example", user_consent=False)
    page = browser.open(admin_consent_url(browser))
    assert "Need admin approval" in browser.send(page, "choice", email=BEN).text
    office365.tenants.set_admin(ALICE)
    consent = browser.send(page, "choice", email=ALICE)
    assert "Accept for your organization" in consent.text and "Read user calendars" in consent.text
    back = returned(browser.send(consent, "consent", email=ALICE, decision="accept"))
    tenant = office365.tenant_of(ALICE)
    assert (back["admin_consent"], back["tenant"], back["state"]) == ("True", tenant.id, "s-1")
    assert back["scope"] == "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/User.Read"
    url, flow = begin(app, ["Calendars.Read"], login_hint=BEN)
    tokens = app.acquire_token_by_auth_code_flow(flow, returned(browser.open(url)))
    assert "Calendars.Read" in tokens["scope"].split()
    assert office365.tokens.granted(browser.sandbox.settings["OFFICE365_CLIENT_ID"], RIVAL) == []


def test_an_administrator_who_declines_sends_the_refusal_back(browser):
    browser.sandbox.office365.tenants.set_admin(ALICE)
    back = browser.consent(admin_consent_url(browser), ALICE, decision="cancel")
    assert (back["error"], back["admin_consent"], back["state"]) == ("access_denied", "True", "s-1")
    assert "AADSTS65004" in back["error_description"]


def test_what_a_tenant_withholds_is_missing_from_the_scope_of_the_answer(app, browser):
    browser.sandbox.office365.tenants.change("north.example", withheld=[CONTACTS])
    granted = sign_in(app, browser)["scope"].split()
    assert CALENDAR in granted and CONTACTS not in granted


def test_an_app_wants_assignment_where_the_tenant_says_so(app, browser):
    office365 = browser.sandbox.office365
    issued = office365.tokens.issue(ALICE, ASKED)
    office365.tenants.change("north.example", needs_assignment=True)
    assert code_of(refresh(browser, issued.refresh)) == (400, "invalid_grant", 50105)
    refused = browser.open(begin(app, login_hint=ALICE)[0])
    assert (refused.status_code, "AADSTS50105" in refused.text) == (403, True)
    office365.tenants.assign(ALICE)
    assert refresh(browser, issued.refresh).status_code == 200
    assert "code" in browser.consent(begin(app, login_hint=ALICE)[0])


def test_an_app_for_one_tenant_is_refused_where_any_may_come(app, browser):
    settings = browser.sandbox.settings
    browser.sandbox.office365.tokens.register(
        settings["OFFICE365_CLIENT_ID"], settings["OFFICE365_CLIENT_SECRET"], [TEST_REDIRECT], tenant="north.example"
    )
    answer = browser.open(begin(app, login_hint=ALICE)[0])
    assert (answer.status_code, "AADSTS50194" in answer.text) == (400, True)
    assert "access_token" in sign_in(make_app(browser, "north.example"), browser)
    refused = browser.open(begin(make_app(browser, "rival.example"), login_hint=RIVAL)[0])
    assert (refused.status_code, "AADSTS700016" in refused.text) == (400, True)


def test_a_second_factor_is_asked_for_by_claims_that_lead_through_the_page(app, browser):
    office365 = browser.sandbox.office365
    weak = sign_in(app, browser)["refresh_token"]
    office365.tenants.change("north.example", access_policy="mfa")
    answer = refresh(browser, weak)
    assert code_of(answer) == (400, "invalid_grant", 50076)
    assert answer.json()["suberror"] == "basic_action"
    claims = answer.json()["claims"]
    assert "capolids" in json.loads(claims)["access_token"]
    url, flow = begin(app, login_hint=ALICE, claims_challenge=claims)
    page = browser.open(url)
    assert "Approve sign-in request" in page.text
    tokens = app.acquire_token_by_auth_code_flow(flow, browser.consent(url))
    assert refresh(browser, tokens["refresh_token"]).status_code == 200
    assert code_of(refresh(browser, weak))[2] == 50076


def test_a_policy_that_blocks_is_told_with_claims_and_lets_nobody_in(app, browser):
    office365 = browser.sandbox.office365
    issued = office365.tokens.issue(ALICE, ASKED)
    office365.tenants.change("north.example", access_policy="block")
    answer = refresh(browser, issued.refresh)
    assert code_of(answer) == (400, "invalid_grant", 53003)
    assert answer.json()["suberror"] == "message_only"
    assert "AADSTS53003" in browser.open(begin(app, login_hint=ALICE)[0]).text
    with pytest.raises(ValueError, match="access policy"):
        office365.tenants.change("north.example", access_policy="sometimes")


def test_a_grant_taken_back_is_missing_at_the_next_refresh_and_can_be_given_again(app, browser):
    office365, client = browser.sandbox.office365, browser.sandbox.settings["OFFICE365_CLIENT_ID"]
    issued = office365.tokens.issue(ALICE, ASKED)
    others = office365.tokens.issue(BEN, ASKED)
    office365.tokens.remove_grant(client, ALICE)
    answer = refresh(browser, issued.refresh)
    assert code_of(answer) == (400, "invalid_grant", 65001)
    assert answer.json()["suberror"] == "consent_required"
    assert office365.tokens.find_access(issued.access) is None
    assert office365.tokens.find_access(others.access)
    sign_in(app, browser)
    assert refresh(browser, issued.refresh).status_code == 200


def test_a_revoked_account_has_to_sign_in_again(app, browser):
    office365 = browser.sandbox.office365
    issued = office365.tokens.issue(ALICE, ASKED)
    office365.revoke_account(ALICE)
    assert code_of(refresh(browser, issued.refresh)) == (400, "invalid_grant", 50173)
    assert office365.tokens.living(ALICE) == (0, 0)
    tokens = sign_in(app, browser)
    assert refresh(browser, tokens["refresh_token"]).status_code == 200


# trouble on demand


@pytest.mark.parametrize("number", sorted(CODES))
def test_every_number_can_be_had_from_the_token_endpoint_in_its_shape(browser, number):
    issued = browser.sandbox.office365.tokens.issue(ALICE, ASKED)
    browser.sandbox.faults.add(f"aadsts-{number}", amount=9)
    answer = refresh(browser, issued.refresh)
    document = answer.json()
    assert document["error_codes"] == [number]
    assert document["error_uri"].endswith(f"code={number}")
    ending = (f" Trace ID: {document['trace_id']} Correlation ID: {document['correlation_id']}"
              f" Timestamp: {document['timestamp']}")  # fmt: skip
    assert document["error_description"].startswith(f"AADSTS{number}: ")
    assert document["error_description"].endswith(ending)
    datetime.strptime(document["timestamp"], "%Y-%m-%d %H:%M:%SZ")
    assert answer.headers.get("Retry-After") == ("9" if answer.status_code in (429, 503) else None)
    assert refresh(browser, issued.refresh).status_code == 200


def test_the_numbers_that_throttle_are_429(browser):
    assert {number for number, code in CODES.items() if code.status == 429} == {50196, 90055}


def test_an_error_may_be_sent_back_from_the_page_instead(app, browser):
    browser.sandbox.faults.add("aadsts-50105", "*/authorize")
    url, flow = begin(app, login_hint=ALICE)
    back = returned(browser.open(url))
    assert (back["error"], back["state"], "AADSTS50105" in back["error_description"]) == (
        "access_denied", flow["state"], True
    )  # fmt: skip
    assert browser.open(url).status_code == 200
    browser.sandbox.faults.add("aadsts-65004", "*/adminconsent")
    assert returned(browser.open(admin_consent_url(browser)))["admin_consent"] == "True"


def test_an_app_for_one_tenant_is_sent_back_with_an_error_too(browser):
    settings = browser.sandbox.settings
    browser.sandbox.office365.tokens.register(
        settings["OFFICE365_CLIENT_ID"], settings["OFFICE365_CLIENT_SECRET"], [TEST_REDIRECT], tenant="north.example"
    )
    browser.sandbox.faults.add("aadsts-90094", "*/authorize")
    url, _ = begin(make_app(browser, "north.example"), login_hint=ALICE)
    assert returned(browser.open(url))["error"] == "consent_required"


def test_a_fault_can_be_one_persons_only(browser):
    tokens = browser.sandbox.office365.tokens
    alice, ben = tokens.issue(ALICE, ASKED), tokens.issue(BEN, ASKED)
    browser.sandbox.faults.add("aadsts-50057", account=BEN, times=None)
    assert refresh(browser, alice.refresh).status_code == 200
    assert code_of(refresh(browser, ben.refresh))[2] == 50057


def test_the_log_names_requests_and_accounts_but_never_a_secret(app, browser):
    tokens = sign_in(app, browser, login_hint=ALICE)
    refresh(browser, tokens["refresh_token"])
    entries = browser.sandbox.log.requests("/microsoft/*")
    assert {entry.path.rpartition("/")[2] for entry in entries} == {"openid-configuration", "authorize", "token"}
    assert {entry.account for entry in entries if entry.path.endswith("/token")} == {ALICE}
    page = unescape(browser.open(f"{browser.sandbox.url}/log").text) + str(entries)
    secrets = [tokens["refresh_token"], tokens["access_token"], browser.sandbox.settings["OFFICE365_CLIENT_SECRET"]]
    assert [secret for secret in secrets if secret in page] == []


def test_instance_discovery_answers_who_asks(browser):
    answer = browser.session.get(
        f"{browser.sandbox.tls_url}/microsoft/common/discovery/instance", params={"api-version": "1.1"}
    ).json()
    assert browser.session.get(answer["tenant_discovery_endpoint"]).status_code == 200
    assert answer["metadata"][0]["aliases"]
