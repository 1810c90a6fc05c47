"""The pretend Google's OAuth 2.0, driven by google-auth-oauthlib as the product would."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import google.auth.transport.requests
import pytest
import requests
from google.auth.exceptions import RefreshError
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from sandbox.google.scopes import AUTH
from sandbox.server import TEST_REDIRECT, Sandbox
from tests.sandbox.conftest import ALICE, BEN, Api

CALENDAR, CONTACTS = f"{AUTH}calendar.events.readonly", f"{AUTH}contacts.readonly"
ASKED = ["openid", f"{AUTH}userinfo.email", CALENDAR, CONTACTS]


@pytest.fixture(autouse=True)
def _over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def browser():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def make_flow(sandbox: Sandbox, scopes: list[str] | None, **more: object) -> Flow:
    settings = sandbox.settings
    config = {
        "web": {
            "client_id": settings["GOOGLE_CLIENT_ID"],
            "client_secret": settings["GOOGLE_CLIENT_SECRET"],
            "auth_uri": settings["GOOGLE_AUTHORIZE_URL"],
            "token_uri": settings["GOOGLE_TOKEN_URL"],
        }
    }
    return Flow.from_client_config(config, scopes=scopes, redirect_uri=TEST_REDIRECT, **more)


def consent(
    browser: requests.Session, sandbox: Sandbox, url: str, *, tick: list[str] | None = None, allow: bool = True
) -> dict:
    """Open the consent page (login_hint given), tick, decide; the parameters that come back."""
    page = browser.get(url)
    assert page.status_code == 200, page.text
    form = [("pending", re.search(r'name="pending" value="([^"]+)"', page.text)[1]), ("email", ALICE)]
    boxes = re.findall(r'type="checkbox" name="scope" value="([^"]+)"', page.text)
    form += [("scope", scope) for scope in boxes if tick is None or scope in tick]
    form.append(("decision", "allow" if allow else "deny"))
    answer = browser.post(f"{sandbox.url}/google/o/oauth2/consent", data=form, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith(TEST_REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def begin(sandbox: Sandbox, scopes: list[str] | None = None, **more: str) -> tuple[str, str, Flow]:
    flow = make_flow(sandbox, scopes or ASKED)
    options = {"access_type": "offline", "prompt": "consent", "login_hint": ALICE} | more
    url, state = flow.authorization_url(**options)
    return url, state, flow


def redeem(sandbox: Sandbox, code: str, verifier: str):
    flow = make_flow(sandbox, None, code_verifier=verifier, autogenerate_code_verifier=False)
    flow.fetch_token(code=code)
    return flow


def test_the_whole_dance_gives_tokens_that_work_and_refresh(sandbox, browser):
    url, state, flow = begin(sandbox)
    back = consent(browser, sandbox, url)
    assert back["state"] == state
    credentials = redeem(sandbox, back["code"], flow.code_verifier).credentials
    assert set(credentials.granted_scopes) == set(ASKED)
    userinfo = browser.get(
        sandbox.settings["GOOGLE_USERINFO_URL"], headers={"Authorization": f"Bearer {credentials.token}"}
    ).json()
    assert userinfo["email"] == ALICE
    before = credentials.token
    credentials.refresh(google.auth.transport.requests.Request(session=browser))
    assert credentials.token != before


def test_a_box_unticked_at_google_is_missing_from_the_scope_of_the_answer(sandbox, browser):
    url, _, flow = begin(sandbox)
    back = consent(browser, sandbox, url, tick=[CALENDAR])
    granted = redeem(sandbox, back["code"], flow.code_verifier).oauth2session.token["scope"]
    assert CALENDAR in granted
    assert CONTACTS not in granted


def test_boxes_appear_only_when_more_than_one_scope_beyond_sign_in_is_asked(sandbox, browser):
    several, _, _ = begin(sandbox)
    assert browser.get(several).text.count('type="checkbox"') == 2
    single, _, _ = begin(sandbox, ["openid", f"{AUTH}userinfo.email", CALENDAR])
    assert browser.get(single).text.count('type="checkbox"') == 0


def test_declining_comes_back_as_access_denied_with_the_state(sandbox, browser):
    url, state, _ = begin(sandbox)
    assert consent(browser, sandbox, url, allow=False) == {"state": state, "error": "access_denied"}


def test_an_unregistered_redirect_is_shown_as_an_error_and_never_followed(sandbox, browser):
    url, _, _ = begin(sandbox)
    answer = browser.get(url.replace("callback", "elsewhere"), allow_redirects=False)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert "redirect_uri_mismatch" in answer.text
    assert browser.get(url).status_code == 200


def test_without_a_hint_the_chooser_lists_everyone_and_remembers_who_signed_in(sandbox, browser):
    url, _, _ = begin(sandbox, login_hint="")
    page = browser.get(url).text
    assert ALICE in page and BEN in page and "signed in" not in page
    pending = re.search(r'name="pending" value="([^"]+)"', page)[1]
    chosen = browser.post(f"{sandbox.url}/google/o/oauth2/choice", data={"pending": pending, "email": BEN})
    assert "Ben Okafor" in chosen.text
    assert "signed in" in browser.get(url).text


def test_a_form_posted_from_another_site_is_refused(sandbox, browser):
    url, _, _ = begin(sandbox)
    pending = re.search(r'name="pending" value="([^"]+)"', browser.get(url).text)[1]
    form = {"pending": pending, "email": ALICE, "decision": "allow"}
    answer = browser.post(
        f"{sandbox.url}/google/o/oauth2/consent", data=form, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    own = browser.post(
        f"{sandbox.url}/google/o/oauth2/consent", data=form, headers={"Origin": sandbox.url}, allow_redirects=False
    )
    assert own.status_code == 303


def test_a_wrong_verifier_is_refused_and_the_right_one_accepted(sandbox, browser):
    url, _, flow = begin(sandbox)
    code = consent(browser, sandbox, url)["code"]
    with pytest.raises(InvalidGrantError):
        redeem(sandbox, code, "x" * 64)
    assert redeem(sandbox, code, flow.code_verifier).credentials.token


def test_a_code_used_twice_is_refused_and_takes_the_first_tokens_with_it(sandbox, browser):
    url, _, flow = begin(sandbox)
    code = consent(browser, sandbox, url)["code"]
    first = redeem(sandbox, code, flow.code_verifier).credentials
    assert sandbox.google.tokens.find_access(first.token)
    with pytest.raises(InvalidGrantError):
        redeem(sandbox, code, flow.code_verifier)
    assert sandbox.google.tokens.find_access(first.token) is None
    with pytest.raises(RefreshError, match="invalid_grant"):
        first.refresh(google.auth.transport.requests.Request(session=browser))


def test_a_code_grows_old_in_ten_minutes(sandbox, browser):
    url, _, flow = begin(sandbox)
    code = consent(browser, sandbox, url)["code"]
    sandbox.clock.advance(timedelta(minutes=11))
    with pytest.raises(InvalidGrantError):
        redeem(sandbox, code, flow.code_verifier)


def test_consent_given_before_is_not_asked_again_and_gives_no_second_refresh_token(sandbox, browser):
    url, _, flow = begin(sandbox)
    redeem(sandbox, consent(browser, sandbox, url)["code"], flow.code_verifier)
    again, _, flow = begin(sandbox, prompt="")
    answer = browser.get(again, allow_redirects=False)
    assert answer.status_code == 303
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    assert "refresh_token" not in redeem(sandbox, code, flow.code_verifier).oauth2session.token


def test_granted_scopes_come_along_only_when_asked_for(sandbox, browser):
    sandbox.google.tokens.issue(ALICE, [CONTACTS])
    for included, expected in (("false", False), ("true", True)):
        url, _, flow = begin(sandbox, [CALENDAR], include_granted_scopes=included)
        back = consent(browser, sandbox, url)
        assert (CONTACTS in redeem(sandbox, back["code"], flow.code_verifier).oauth2session.token["scope"]) is expected


def token_request(sandbox: Sandbox, *, basic: bool = False, **form: str) -> requests.Response:
    settings = sandbox.settings
    auth = None
    if basic:
        auth = (settings["GOOGLE_CLIENT_ID"], settings["GOOGLE_CLIENT_SECRET"])
    else:
        form = {"client_id": settings["GOOGLE_CLIENT_ID"], "client_secret": settings["GOOGLE_CLIENT_SECRET"]} | form
    return requests.post(settings["GOOGLE_TOKEN_URL"], data=form, auth=auth)


def test_the_client_may_name_itself_in_the_body_or_by_basic(sandbox):
    refresh = sandbox.google.tokens.issue(ALICE, [CALENDAR]).refresh
    for basic in (False, True):
        answer = token_request(sandbox, basic=basic, grant_type="refresh_token", refresh_token=refresh)
        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 3599
    wrong = token_request(sandbox, grant_type="refresh_token", refresh_token=refresh, client_secret="guessed")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_a_redirect_other_than_the_one_consented_to_is_a_mismatch(sandbox, browser):
    url, _, flow = begin(sandbox)
    code = consent(browser, sandbox, url)["code"]
    answer = token_request(
        sandbox,
        grant_type="authorization_code",
        code=code,
        redirect_uri="http://other/",
        code_verifier=flow.code_verifier,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "redirect_uri_mismatch")


def test_rotation_hands_out_a_new_refresh_token_and_kills_the_old(sandbox):
    refresh = sandbox.google.tokens.issue(ALICE, [CALENDAR]).refresh
    assert "refresh_token" not in token_request(sandbox, grant_type="refresh_token", refresh_token=refresh).json()
    sandbox.google.tokens.rotates = True
    new = token_request(sandbox, grant_type="refresh_token", refresh_token=refresh).json()["refresh_token"]
    old = token_request(sandbox, grant_type="refresh_token", refresh_token=refresh)
    assert (old.status_code, old.json()["error"]) == (400, "invalid_grant")
    assert token_request(sandbox, grant_type="refresh_token", refresh_token=new).status_code == 200


@pytest.mark.parametrize("which", ["access", "refresh"])
def test_revoking_either_token_ends_the_whole_grant(sandbox, which):
    kept, issued = sandbox.google.tokens.issue(BEN, [CALENDAR]), sandbox.google.tokens.issue(ALICE, [CALENDAR])
    url = sandbox.settings["GOOGLE_REVOKE_URL"]
    assert requests.post(url, data={"token": getattr(issued, which)}).status_code == 200
    assert sandbox.google.tokens.living(ALICE) == (0, 0)
    assert sandbox.google.tokens.granted(sandbox.settings["GOOGLE_CLIENT_ID"], ALICE) == []
    assert sandbox.google.tokens.find_access(kept.access)
    again = requests.post(url, data={"token": getattr(issued, which)})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_the_id_token_is_signed_by_a_published_key_and_names_the_account(sandbox, browser):
    from google.auth import jwt

    url, _, flow = begin(sandbox, ["openid", f"{AUTH}userinfo.email", CALENDAR], nonce="n-1")
    token = redeem(sandbox, consent(browser, sandbox, url)["code"], flow.code_verifier).oauth2session.token["id_token"]
    claims = jwt.decode(token, verify=False)
    assert (claims["email"], claims["nonce"], claims["aud"]) == (ALICE, "n-1", sandbox.settings["GOOGLE_CLIENT_ID"])
    key = browser.get(f"{sandbox.url}/google/oauth2/v3/certs").json()["keys"][0]
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    numbers = [int.from_bytes(base64.urlsafe_b64decode(key[name] + "==")) for name in ("e", "n")]
    signed, _, signature = token.rpartition(".")
    rsa.RSAPublicNumbers(*numbers).public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"] == key["kid"]


def test_no_token_an_old_one_and_too_narrow_a_scope_are_told_apart(sandbox):
    narrow = Api(sandbox, ALICE, [f"{AUTH}contacts.readonly"])
    missing = requests.get(narrow.events)
    assert (missing.status_code, missing.json()["error"]["errors"][0]["reason"]) == (401, "required")
    refused = narrow.get(narrow.events)
    assert refused.status_code == 403
    assert refused.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert refused.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert narrow.get(narrow.people + "people/me/connections", personFields="names").status_code == 200
    sandbox.clock.advance(timedelta(hours=1))
    old = narrow.get(narrow.people + "people/me/connections", personFields="names")
    assert (old.status_code, old.json()["error"]["errors"][0]["reason"]) == (401, "authError")
    narrow.session.close()


def test_the_hundred_and_first_refresh_token_silently_kills_the_first(sandbox):
    tokens = [sandbox.google.tokens.issue(ALICE, [CALENDAR]).refresh for _ in range(101)]
    assert token_request(sandbox, grant_type="refresh_token", refresh_token=tokens[0]).status_code == 400
    assert token_request(sandbox, grant_type="refresh_token", refresh_token=tokens[1]).status_code == 200
