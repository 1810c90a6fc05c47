"""Google: Calendar and Contacts, by OAuth 2.0.

The three requests of OAuth are plain form posts made here. google-auth-oauthlib's flow refuses http addresses by a
switch of the whole process and raises a bare Warning, with the code spent, where a person unticks a box; google-auth's
refresh sleeps and tries again inside the worker. Whether an address may be talked to is the outbound guard's to say.

Reference: https://developers.google.com/identity/protocols/oauth2/web-server
"""

import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import orjson
import requests

from integrations.errors import (
    AdminNeeded,
    ConsentDenied,
    Gone,
    NotOffered,
    ProviderError,
    ReconnectNeeded,
    Unexpected,
    Unreachable,
)
from integrations.permissions import Permissions, dump_permissions
from integrations.providers.access import Access, parse_tokens, scopes_of, without_token
from integrations.providers.base import Authorization, Notification, ProviderInfo, SaveCredentials, SignInMethod
from integrations.providers.google.contact_drafts import NUMBER_TYPES
from integrations.providers.google.contact_writing import GoogleContacts
from integrations.providers.google.push import GooglePush, parse_notifications
from integrations.providers.google.responses import RECONNECT, WORDS, Json, fetch_json, make_error
from integrations.providers.google.scopes import SCOPES_SHOWN, dump_scopes, narrow_scopes, parse_scopes
from integrations.providers.google.writing import GoogleCalendar
from integrations.remote import Credentials, SignIn

_CLOCK_SKEW_SECONDS = 300
# "gzip" in the name is how Google is asked to compress.
_HEADERS = {"Accept": "application/json", "User-Agent": "Portico (gzip)"}
START_AGAIN = "This sign-in at Google took too long or was used already. Start again."


class Google:
    """An integrations.providers.base.OAuthProvider.

    Credentials: {"refresh_token", "access_token", "expires_at" (seconds since 1970), "scopes", "sub"}.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        key="google",
        name="Google",
        summary="Google Calendar and Google Contacts, with a Google or Google Workspace account.",
        calendar_name="Google Calendar",
        contacts_name="Google Contacts",
        methods=(
            SignInMethod(
                "oauth",
                "oauth",
                "OAuth 2.0",
                needs=("client_id", "client_secret"),
                scopes=SCOPES_SHOWN,
                revokes=True,
                grants_url="https://myaccount.google.com/connections",
                pushes={"calendar": "each"},
                number_types=NUMBER_TYPES,
            ),
        ),
    )

    def __init__(self, settings: Mapping[str, str], *, session_factory: Callable[[], requests.Session]) -> None:
        """`settings`: client_id, client_secret, authorize_url, token_url, revoke_url, calendar_root, people_root."""
        self._settings = settings
        self._make_session = session_factory

    @property
    def sign_in_url(self) -> str:
        return self._settings["authorize_url"]

    def authorize(
        self,
        permissions: Permissions,
        *,
        redirect_uri: str,
        state: str,
        login_hint: str = "",
        credentials: Credentials | None = None,
    ) -> Authorization:
        """As in base.OAuthProvider; kept is the PKCE verifier alone.

        Earlier grants are not asked to be added (include_granted_scopes): changing write to read must narrow.
        """
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode()).digest()
        parameters = {
            "client_id": self._settings["client_id"],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(dump_scopes(permissions)),
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "access_type": "offline",
            # Without it Google gives a refresh token the first time only.
            "prompt": "consent",
        }
        if login_hint:
            parameters["login_hint"] = login_hint
        joint = "&" if urlsplit(self._settings["authorize_url"]).query else "?"
        url = f"{self._settings['authorize_url']}{joint}{urlencode(parameters)}"
        return Authorization(url, {"code_verifier": verifier})

    def approval_url(self, permissions: Permissions, *, redirect_uri: str, state: str) -> str:
        """None: administrators trust an app in the Google Admin console, by its client id."""
        return ""

    def redeem(self, answer: Mapping[str, str], *, keep: Mapping[str, Any], redirect_uri: str) -> SignIn:
        """As in base.OAuthProvider. The state has been checked by whoever kept it.

        Reference: https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
        """
        if refusal := answer.get("error"):
            raise _refused_at_consent(refusal)
        code, verifier = answer.get("code"), keep.get("code_verifier")
        if not code or not verifier:
            raise ReconnectNeeded(START_AGAIN, detail="the answer holds no code, or its verifier is not kept")
        asked_at = time.time()
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        with self._make_session() as session:
            try:
                tokens = self._post_form(session, "token_url", form | {"redirect_uri": redirect_uri}, with_client=True)
            except ReconnectNeeded as error:
                raise ReconnectNeeded(START_AGAIN, detail=error.detail) from error
        if not isinstance(tokens.get("refresh_token"), str):
            raise Unexpected("Google gave no lasting access. Start again.", detail="no refresh token")
        claims = self._read_id_token(tokens.get("id_token"), asked_at)
        credentials = parse_tokens(tokens, {"sub": claims["sub"]}, asked_at, WORDS)
        consented = frozenset(dump_permissions(parse_scopes(credentials["scopes"])))
        return SignIn(claims["email"], claims["sub"], consented, credentials)

    def _read_id_token(self, token: Any, now: float) -> Json:
        """Its claims, `email` and `sub` among them.

        The signature is not checked: the token came from the token endpoint itself over TLS.

        Reference: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation (item 6)

        Raises:
            Unexpected: it is not an id token for us, or does not say who signed in.
        """
        try:
            payload = token.split(".")[1]
            claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            issuer = claims["iss"]
            problem = ""
            # Google issues as "https://accounts.google.com" or "accounts.google.com": the host that asks for consent.
            if urlsplit(issuer if "//" in issuer else f"//{issuer}").netloc != self._issuer:
                problem = "of another issuer"
            elif claims["aud"] != self._settings["client_id"]:
                problem = "for another client"
            elif claims["exp"] < now - _CLOCK_SKEW_SECONDS:
                problem = "expired"
            elif not claims["sub"] or "@" not in claims["email"]:
                problem = "without an address"
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, binascii.Error):
            problem = "that cannot be read"
        if problem:
            raise Unexpected("Google did not say who signed in. Start again.", detail=f"an id token {problem}")
        return {"sub": str(claims["sub"]), "email": str(claims["email"])}

    @property
    def _issuer(self) -> str:
        return urlsplit(self._settings["authorize_url"]).netloc

    @contextmanager
    def open(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None = None
    ) -> Iterator["GoogleAccount"]:
        """As in base.Provider."""
        with self._make_session() as session:
            yield GoogleAccount(self, session, credentials, save=save, deadline=deadline)

    def refresh(self, session: requests.Session, credentials: Credentials) -> Credentials:
        """New credentials for old. Google sometimes hands out a new refresh token, and the old one is then dead.

        Reference: https://developers.google.com/identity/protocols/oauth2/web-server#offline

        Raises:
            ReconnectNeeded: the grant has ended.
            ProviderError: any other of the family.
        """
        token = credentials.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise ReconnectNeeded(RECONNECT, detail="no refresh token is stored")
        asked_at = time.time()
        form = {"grant_type": "refresh_token", "refresh_token": token}
        if credentials.get("is_narrowed"):
            form["scope"] = " ".join(scopes_of(credentials))
        tokens = self._post_form(session, "token_url", form, with_client=True)
        return parse_tokens(tokens, credentials, asked_at, WORDS)

    def narrow(self, credentials: Credentials, permissions: Permissions) -> Credentials:
        """As in base.Provider: a refresh may ask for fewer scopes than were granted.

        Reference: https://www.rfc-editor.org/rfc/rfc6749#section-6 and google-auth's `google.oauth2.credentials`
        """
        scopes = narrow_scopes(scopes_of(credentials), permissions)
        return {**without_token(credentials), "scopes": scopes, "is_narrowed": True}

    def revoke(self, credentials: Credentials) -> None:
        """As in base.Provider: ends the whole grant, every scope of it.

        Reference: https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
        """
        token = credentials.get("refresh_token") or credentials.get("access_token")
        if not isinstance(token, str):
            return
        with self._make_session() as session:
            try:
                self._post_form(session, "revoke_url", {"token": token}, with_client=False)
            except (Gone, ReconnectNeeded):
                return  # invalid_token: it has ended already

    def read_handshake(self, query: Mapping[str, str]) -> str:
        """None: Google asks nothing of an address beforehand."""
        return ""

    def parse_notifications(self, headers: Mapping[str, str], body: bytes) -> tuple[Notification, ...]:
        return parse_notifications(headers)

    def _post_form(
        self, session: requests.Session, address: str, form: Mapping[str, str], *, with_client: bool
    ) -> Json:
        client = {name: self._settings[name] for name in ("client_id", "client_secret")} if with_client else {}
        return fetch_json(session, "POST", self._settings[address], headers=_HEADERS, data={**form, **client})


class GoogleAccount(GooglePush):
    """An integrations.providers.base.PushingAccount."""

    def __init__(
        self,
        google: Google,
        session: requests.Session,
        credentials: Credentials,
        *,
        save: SaveCredentials,
        deadline: datetime | None,
    ) -> None:
        self._session = session
        self._settings = google._settings
        self._access = Access(
            credentials,
            renew=lambda former, _: google.refresh(session, former),
            save=save,
            deadline=deadline,
            words=WORDS,
        )

    @property
    def calendar(self) -> GoogleCalendar:
        return GoogleCalendar(self._fetch, root=self._settings["calendar_root"])

    @property
    def contacts(self) -> GoogleContacts:
        return GoogleContacts(self._fetch, root=self._settings["people_root"])

    def _fetch(self, request: Any, *, has_cursor: bool = False, is_write: bool = False) -> Json:
        """Send a request that Google's client has built. Raises ProviderError."""

        def send(token: str) -> Json:
            headers = {**request.headers, **_HEADERS, "Authorization": f"Bearer {token}"}
            return fetch_json(
                self._session,
                request.method,
                request.uri,
                headers=headers,
                data=request.body,
                has_cursor=has_cursor,
                is_write=is_write,
            )

        return self._access.use(send)


def _refused_at_consent(error: str) -> ProviderError:
    """Reference: https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors"""
    if error == "access_denied":
        return ConsentDenied("You did not allow access at Google, so nothing was added.")
    body = orjson.dumps({"error": error})
    found = make_error(400, {}, body)
    if isinstance(found, AdminNeeded | NotOffered | Unreachable):
        return found
    return Unexpected("Google did not finish the sign-in. Start again.", detail=found.detail)
