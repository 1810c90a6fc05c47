"""Entra ID, Microsoft's sign-in, over msal: the consent page, and tokens for codes and for refresh tokens.

msal makes the requests and checks the nonce. What it is not given:

- The answers that are errors. It writes token answers that it cannot read to the log, and keeps refusals to say them
  again for a minute; so answers are judged here before it sees them.
- A life of its own. An application is made for each call and thrown away, and with it msal's memory of tokens. Making
  one takes less than a millisecond where the tenant's addresses are known; those are kept for a day.
- An early start. Importing it takes about 50 ms, so it is imported when somebody first signs in.

Reference: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import re
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
import requests

from integrations.errors import NotOffered, ReconnectNeeded, Refused, Unexpected
from integrations.providers import http
from integrations.providers.access import Challenged
from integrations.providers.http import Json
from integrations.providers.office365.refusals import NOT_SET_UP, START_AGAIN, WORDS, Refusal, judge, parse_refusal
from integrations.providers.office365.responses import RECONNECT
from safety import outbound

_PATH = "/oauth2/v2.0/authorize"
# What msal adds to every request: who it is, and a refresh token.
_ALWAYS = ("openid", "profile", "offline_access")
_DISCOVERY_SECONDS = 24 * 3600
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


class _Reply(NamedTuple):
    """As much of requests' Response as msal looks at."""

    status_code: int
    headers: dict[str, str]
    text: str

    def raise_for_status(self) -> None:
        """It is always a 200."""


class _Wire:
    """What msal sends by: a guarded session. msal is handed JSON objects; everything else is an error by then.

    `known`: addresses learned before, by the address that told them.
    """

    def __init__(self, session: requests.Session, authority: str, known: dict[str, tuple[float, str]]) -> None:
        self._session = session
        self._authority = authority
        self._known = known

    def get(self, url: str, *, params: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        """Discovery. Raises ProviderError, Refusal."""
        address = f"{url}?{urlencode(params)}" if params else url
        until, text = self._known.get(address, (0.0, ""))
        if time.monotonic() < until:
            return _Reply(200, {}, text)
        answer = http.send(self._session, "GET", address, words=WORDS, headers={"Accept": "application/json"})
        if answer.status != 200:
            raise parse_refusal(*answer)
        found = http.parse_json(answer.body, WORDS)
        if "token_endpoint" in found or "authorization_endpoint" in found:
            self._check_endpoints(found)
        text = orjson.dumps(found).decode()
        self._known[address] = time.monotonic() + _DISCOVERY_SECONDS, text
        return _Reply(200, {}, text)

    def _check_endpoints(self, found: Json) -> None:
        """Secrets go to the host that the operator named, and nowhere else."""
        for name in ("token_endpoint", "authorization_endpoint"):
            address = found.get(name)
            if not isinstance(address, str):
                raise Unexpected(WORDS.not_understood, detail=f"discovery without {name}")
        try:
            outbound.check_same_origin(found["token_endpoint"], self._authority)
        except outbound.Blocked as error:
            raise Refused(WORDS.refused, detail="discovery names a token endpoint on another server") from error

    def post(
        self,
        url: str,
        *,
        data: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        params: Any = None,
        **_: Any,
    ) -> _Reply:
        """The token endpoint. Raises ProviderError, Refusal."""
        answer = http.send(self._session, "POST", url, words=WORDS, headers=headers, data=data)
        if answer.status != 200:
            raise parse_refusal(*answer)
        return _Reply(200, {}, orjson.dumps(http.parse_json(answer.body, WORDS)).decode())

    def close(self) -> None:
        """The session belongs to whoever made it."""


class Entra:
    """Sign-in for one registered application. Safe between threads: it keeps addresses, and nobody's tokens."""

    def __init__(self, settings: Mapping[str, str], session_factory: Callable[[], requests.Session]) -> None:
        """`settings`: client_id, client_secret or certificate, authority, instance_discovery, authorize_url."""
        self._settings = settings
        self._make_session = session_factory
        self._known: dict[str, tuple[float, str]] = {}

    @property
    def sign_in_url(self) -> str:
        return self._settings.get("authorize_url") or self._settings["authority"].rstrip("/") + _PATH

    def ask(
        self, scopes: list[str], *, redirect_uri: str, state: str, prompt: str, login_hint: str, claims: str
    ) -> tuple[str, Json]:
        """The consent page's address, and what `redeem` needs.

        Raises:
            ProviderError: the tenant's addresses could not be learned.
        """
        with self._make_session() as session:
            try:
                flow: Json = self._make_app(session).initiate_auth_code_flow(
                    scopes,
                    redirect_uri=redirect_uri,
                    state=state,
                    prompt=prompt or None,
                    login_hint=login_hint or None,
                    claims_challenge=claims or None,
                    response_mode="form_post",
                )
            except Refusal as refusal:
                raise judge(refusal, is_renewal=False) from None
        # msal is told form_post and the address says query. A form posted from another site comes without our session's
        # cookie, and msal warns of everything else by the machinery of warnings, which is one for all threads.
        parameters = dict(parse_qsl(urlsplit(flow.pop("auth_uri")).query)) | {"response_mode": "query"}
        joint = "&" if urlsplit(self.sign_in_url).query else "?"
        return f"{self.sign_in_url}{joint}{urlencode(parameters)}", flow

    def redeem(self, session: requests.Session, answer: Mapping[str, str], flow: Json) -> Json:
        """The token answer for a code, with "id_token_claims" in it.

        Raises:
            ReconnectNeeded: the code is used or expired, or belongs to another sign-in.
            Unexpected: the id token belongs to another sign-in.
            ProviderError: any other of the family.
        """
        # No more of the query than is needed: msal puts what it finds in "client_info" into a header.
        known = {name: answer[name] for name in ("code", "state") if name in answer}
        try:
            tokens: Json = self._make_app(session).acquire_token_by_auth_code_flow({**flow}, known)
        except Refusal as refusal:
            error = judge(refusal, is_renewal=False)
            if isinstance(error, ReconnectNeeded) and error.sentence == RECONNECT:
                raise ReconnectNeeded(START_AGAIN, detail=error.detail) from None
            raise error from None
        except (ValueError, KeyError, TypeError):
            raise ReconnectNeeded(START_AGAIN, detail="the answer belongs to another sign-in") from None
        except RuntimeError:
            raise Unexpected(
                "Microsoft did not say who signed in. Start again.", detail="an id token of another sign-in"
            ) from None
        return tokens

    def renew(self, session: requests.Session, refresh_token: str, scopes: list[str], claims: str = "") -> Json:
        """The token answer for a refresh token; it holds a new one.

        Reference: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token

        Raises:
            Challenged: the person has to sign in again, and Microsoft said what for.
            ReconnectNeeded: the grant has ended.
            ProviderError: any other of the family.
        """
        more = {"data": {"claims": claims}} if claims else {}
        try:
            tokens: Json = self._make_app(session).acquire_token_by_refresh_token(refresh_token, scopes, **more)
        except Refusal as refusal:
            error = judge(refusal, is_renewal=True)
            if refusal.claims and isinstance(error, ReconnectNeeded):
                raise Challenged(refusal.claims) from None
            raise error from None
        return tokens

    def approval_url(self, scopes: list[str], *, redirect_uri: str, state: str) -> str:
        """Where an administrator approves for everyone.

        Beside where people sign in, because a browser goes there too. Which organization it is, is known by who signs
        in there, where no single one is set.

        Reference: https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent
        """
        base = self.sign_in_url.removesuffix(_PATH)
        if base == self.sign_in_url:
            base = self._settings["authority"].rstrip("/")
        front, _, tenant = base.rpartition("/")
        if tenant.lower() in ("common", "consumers"):
            base = f"{front}/organizations"
        parameters = {
            "client_id": self._settings["client_id"],
            "scope": " ".join([*scopes, *_ALWAYS]),
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return f"{base}/v2.0/adminconsent?{urlencode(parameters)}"

    def _make_app(self, session: requests.Session) -> Any:
        """An msal application, good for one call.

        Raises:
            NotOffered: the settings are not what msal, or Microsoft, takes.
            ProviderError, Refusal: the tenant's addresses could not be learned.
        """
        authority = self._settings["authority"]
        if not authority:
            raise NotOffered(NOT_SET_UP, detail="no authority is set")  # msal would take one of its own
        msal: Any = import_module("msal")
        credential: Any = self._settings.get("client_secret")
        if path := self._settings.get("certificate"):
            credential = _read_certificate(path)
        cache = msal.TokenCache()
        cache.add = lambda event, now=None: None
        try:
            return msal.ConfidentialClientApplication(
                self._settings["client_id"],
                client_credential=credential,
                authority=authority,
                instance_discovery=None if self._settings.get("instance_discovery", "1") == "1" else False,
                http_client=_Wire(session, authority, self._known),
                token_cache=cache,
                azure_region=msal.ConfidentialClientApplication.DISABLE_MSAL_FORCE_REGION,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise NotOffered(NOT_SET_UP, detail=f"msal does not take the settings: {type(error).__name__}") from None


def _read_certificate(path: str) -> dict[str, str]:
    """The credential that msal makes of a PEM file. Read each time: a renewed certificate needs no restart.

    Raises:
        NotOffered: there is no key with a certificate in it.
    """
    try:
        found = [(one[1], one[0]) for one in _PEM.finditer(Path(path).read_text())]
    except (OSError, ValueError) as error:
        raise NotOffered(NOT_SET_UP, detail=f"the certificate's file: {type(error).__name__}") from None
    keys = [block for kind, block in found if kind.endswith("PRIVATE KEY")]
    certificates = [block for kind, block in found if kind.endswith("CERTIFICATE")]
    if not keys or not certificates:
        raise NotOffered(NOT_SET_UP, detail="the certificate's file needs a private key and its certificate")
    return {"private_key": keys[0], "public_certificate": "\n".join(certificates)}
