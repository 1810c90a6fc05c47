"""Office 365: Outlook's calendar and contacts, by OAuth 2.0 over Microsoft Graph, or by password over EWS.

Each connection's credentials say by which method it was made. What the password's method does is Exchange's code.

Reference: https://learn.microsoft.com/en-us/graph/outlook-calendar-concept-overview
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, ClassVar

import orjson
import requests

from integrations.errors import NotOffered, ReconnectNeeded, Unexpected
from integrations.permissions import Permission, Permissions, dump_permissions
from integrations.providers.access import Access, Challenged, parse_tokens, scopes_of, without_token
from integrations.providers.base import (
    Account,
    Authorization,
    LoginField,
    Notification,
    ProviderInfo,
    SaveCredentials,
    SignInMethod,
)
from integrations.providers.exchange import ews
from integrations.providers.exchange.people import NUMBER_TYPES as EWS_NUMBER_TYPES
from integrations.providers.office365 import refusals
from integrations.providers.office365.contact_drafts import NUMBER_TYPES
from integrations.providers.office365.contact_writing import Office365WritableContacts
from integrations.providers.office365.entra import Entra
from integrations.providers.office365.people import parse_person
from integrations.providers.office365.push import Office365Push, parse_notifications, read_handshake
from integrations.providers.office365.refusals import START_AGAIN
from integrations.providers.office365.responses import RECONNECT, WORDS, Json, fetch_json
from integrations.providers.office365.scopes import SCOPES, dump_every_scope, dump_scopes, narrow_scopes, parse_scopes
from integrations.providers.office365.writing import Office365WritableCalendar
from integrations.remote import Credentials, SignIn

OAUTH, PASSWORD = "oauth", "password"
EWS_WORDS = ews.EwsWords(WORDS.name, is_online=True)
EWS_URL = "https://outlook.office365.com/EWS/Exchange.asmx"
NOBODY = "Microsoft did not say who signed in. Start again."
GUEST = (
    "This is a guest's account, and it has no mailbox there. Start again with an account of the organization that has "
    "your mailbox."
)


class Office365:
    """An integrations.providers.base.OAuthProvider and FormProvider.

    Credentials by OAuth: {"method": "oauth", "refresh_token", "access_token", "expires_at" (seconds since 1970),
    "scopes", "tid", "oid", "name" (how the person signs in), "mailbox", and "claims" where Microsoft wants the person
    to sign in again for something}. By password: those of exchange.ews.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        key="office365",
        name="Office 365",
        summary="Outlook calendar and contacts in Microsoft 365, with a work or school account.",
        calendar_name="Outlook",
        contacts_name="Outlook contacts",
        methods=(
            SignInMethod(
                OAUTH,
                "oauth",
                "OAuth 2.0",
                summary="You sign in at Microsoft and allow there what you ticked. Portico never sees your password.",
                needs=("client_id", "client_secret|certificate"),
                scopes={permission: (scope,) for permission, scope in SCOPES.items()},
                # Entra ID has no way to end what was granted to one application. /me/revokeSignInSessions would sign
                # the person out everywhere.
                revokes=False,
                grants_url="https://myapps.microsoft.com",
                pushes={"calendar": "whole", "contacts": "whole"},
                number_types=NUMBER_TYPES,
            ),
            SignInMethod(
                PASSWORD,
                "form",
                "E-mail address and password",
                summary=(
                    "Over Exchange Web Services. Microsoft has not accepted passwords there since 2022, has blocked "
                    "these services in Exchange Online by default since 1 October 2026, and removes them on "
                    "1 April 2027. It works only where your organization keeps your mailbox on a server of its own, "
                    "or is still on Microsoft's list of exceptions."
                ),
                needs=("ews_url",),
                needs_policy=True,
                fields=(
                    LoginField("user", "Account e-mail", "email", autocomplete="username"),
                    LoginField("password", "Password", "password", autocomplete="current-password"),
                    LoginField("ews_url", "EWS URL", "url", default=EWS_URL),
                ),
                number_types=EWS_NUMBER_TYPES,
            ),
        ),
    )

    def __init__(self, settings: Mapping[str, str], *, session_factory: Callable[[], requests.Session]) -> None:
        """`settings`: client_id, client_secret or certificate (a path), authority, instance_discovery ("1" or "0"),
        authorize_url ("": the authority's own), graph_root, ews_url."""
        self._settings = settings
        self._make_session = session_factory
        self._entra = Entra(settings, session_factory)

    @property
    def graph_root(self) -> str:
        return self._settings["graph_root"].rstrip("/") + "/"

    @property
    def sign_in_url(self) -> str:
        return self._entra.sign_in_url

    def authorize(
        self,
        permissions: Permissions,
        *,
        redirect_uri: str,
        state: str,
        login_hint: str = "",
        credentials: Credentials | None = None,
    ) -> Authorization:
        """As in base.OAuthProvider; kept is msal's flow: the PKCE verifier, the nonce, the state, the scopes.

        Who connects anew chooses the account: people have several, and are signed in with some of them. Who reconnects
        or changes permissions is led straight to theirs, and asked only what Microsoft has to ask: consent to more, or
        what the noted claims want.
        """
        known = credentials or {}
        url, flow = self._entra.ask(
            dump_scopes(permissions),
            redirect_uri=redirect_uri,
            state=state,
            prompt="" if known else "select_account",
            login_hint=str(known.get("name") or login_hint),
            claims=str(known.get("claims") or ""),
        )
        return Authorization(url, flow)

    def approval_url(self, permissions: Permissions, *, redirect_uri: str, state: str) -> str:
        return self._entra.approval_url(dump_every_scope(permissions), redirect_uri=redirect_uri, state=state)

    def redeem(self, answer: Mapping[str, str], *, keep: Mapping[str, Any], redirect_uri: str) -> SignIn:
        """As in base.OAuthProvider.

        The mailbox is what GET /me calls the account's mail address. The id token knows only the name to sign in with,
        which need not be an address, and an "email" that anyone may have written there.

        Reference: https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
        """
        if refusal := refusals.parse_answer(answer):
            raise refusals.judge(refusal, is_renewal=False)
        if not answer.get("code") or not keep.get("code_verifier"):
            raise ReconnectNeeded(START_AGAIN, detail="the answer holds no code, or its verifier is not kept")
        asked_at = time.time()
        with self._make_session() as session:
            tokens = self._entra.redeem(session, answer, {**keep, "redirect_uri": redirect_uri})
            who = self._read_claims(tokens.get("id_token_claims"))
            if not isinstance(tokens.get("refresh_token"), str):
                raise Unexpected("Microsoft gave no lasting access. Start again.", detail="no refresh token")
            credentials = parse_tokens(tokens, {"method": OAUTH, **who}, asked_at, WORDS)
            mailbox = self._find_mailbox(session, credentials) or who["name"]
        if "@" not in mailbox:
            raise Unexpected(NOBODY, detail="an account without an address")
        credentials["mailbox"] = mailbox
        consented = frozenset(dump_permissions(parse_scopes(credentials["scopes"])))
        return SignIn(mailbox, f"{who['tid']}.{who['oid']}", consented, credentials)

    def _read_claims(self, claims: Any) -> dict[str, str]:
        """{"tid", "oid", "name"} of an id token. It came from the token endpoint itself, and msal compared the nonce.

        Raises:
            Unexpected: it is for somebody else, or does not say who signed in.
        """
        found = claims if isinstance(claims, dict) else {}
        who = {name: found.get(name) for name in ("tid", "oid")}
        if found.get("aud") != self._settings["client_id"] or not all(
            isinstance(one, str) and one for one in who.values()
        ):
            raise Unexpected(NOBODY, detail="an id token that is missing, for another client, or without tid and oid")
        return {**{name: str(one) for name, one in who.items()}, "name": str(found.get("preferred_username") or "")}

    def _find_mailbox(self, session: requests.Session, credentials: Credentials) -> str:
        """Reference: https://learn.microsoft.com/en-us/graph/api/user-get

        Raises:
            ReconnectNeeded: a guest's account.
        """
        url = f"{self.graph_root}me?$select=mail,userPrincipalName"
        try:
            person = fetch_json(session, "GET", url, headers=_headers(str(credentials["access_token"])))
        except Challenged:
            raise ReconnectNeeded(refusals.SECOND_FACTOR, detail="a claims challenge while signing in") from None
        mailbox, is_guest = parse_person(person)
        if is_guest:
            raise ReconnectNeeded(GUEST, detail="#EXT#")
        return mailbox

    def open(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None = None
    ) -> AbstractContextManager[Account]:
        """As in base.Provider."""
        if credentials.get("method") == PASSWORD:
            return ews.open_account(
                credentials, words=EWS_WORDS, session_factory=self._make_session, save=save, deadline=deadline
            )
        return self._open_graph(credentials, save=save, deadline=deadline)

    @contextmanager
    def _open_graph(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None
    ) -> Iterator[Account]:
        with self._make_session() as session:
            yield Office365Account(self, session, credentials, save=save, deadline=deadline)

    def refresh(self, session: requests.Session, credentials: Credentials, claims: str = "") -> Credentials:
        """New credentials for old; the old refresh token is then on its way out.

        Raises:
            Challenged, ProviderError: as Entra.renew.
        """
        token = credentials.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise ReconnectNeeded(RECONNECT, detail="no refresh token is stored")
        asked = dump_scopes(parse_scopes(scopes_of(credentials)))
        asked_at = time.time()
        tokens = self._entra.renew(session, token, asked, claims)
        former = {name: one for name, one in credentials.items() if name != "claims"}
        renewed = parse_tokens(tokens, former, asked_at, WORDS)
        if credentials.get("is_narrowed"):
            # The answer may name everything that was ever consented to. What was given up is not asked for again.
            renewed["scopes"] = former.get("scopes")
        return renewed

    def narrow(self, credentials: Credentials, permissions: Permissions) -> Credentials:
        """As in base.Provider: the refresh asks for fewer scopes. By password everything is open, always.

        Microsoft may all the same put into a token whatever was consented to before: only who takes the consent back
        at `grants_url` ends it there.

        Reference: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token
        """
        if credentials.get("method") == PASSWORD:
            return credentials
        scopes = narrow_scopes(scopes_of(credentials), permissions)
        return {**without_token(credentials), "scopes": scopes, "is_narrowed": True}

    def revoke(self, credentials: Credentials) -> None:
        """As in base.Provider. Nothing to do: see `revokes` of either method."""

    def read_handshake(self, query: Mapping[str, str]) -> str:
        return read_handshake(query)

    def parse_notifications(self, headers: Mapping[str, str], body: bytes) -> tuple[Notification, ...]:
        return parse_notifications(body)

    def log_in(self, values: Mapping[str, str], *, method: str) -> SignIn:
        """As in base.FormProvider."""
        if method != PASSWORD:
            raise NotOffered(detail=f"no form for {method!r}")
        return ews.sign_in(
            values.get("user", ""),
            values.get("password", ""),
            values.get("ews_url") or self._settings.get("ews_url") or EWS_URL,
            words=EWS_WORDS,
            session_factory=self._make_session,
        )

    def recall(self, credentials: Credentials) -> Mapping[str, str]:
        """As in base.FormProvider."""
        if credentials.get("method") != PASSWORD:
            return {}
        return {name: one for name, one in ews.recall(credentials).items() if name in ("user", "ews_url")}


class Office365Account(Office365Push):
    """An integrations.providers.base.PushingAccount over Graph.

    One request at a time: Graph allows four for a mailbox, and asking for a page after the other never comes near.
    """

    def __init__(
        self,
        office365: Office365,
        session: requests.Session,
        credentials: Credentials,
        *,
        save: SaveCredentials,
        deadline: datetime | None,
    ) -> None:
        self._session = session
        self._root = office365.graph_root
        self._mailbox = str(credentials.get("mailbox") or "")
        self._consented = parse_scopes(scopes_of(credentials))
        self._access = Access(
            credentials,
            renew=lambda former, claims: office365.refresh(session, former, claims),
            save=save,
            deadline=deadline,
            words=WORDS,
        )

    @property
    def calendar(self) -> Office365WritableCalendar:
        return Office365WritableCalendar(self._fetch, self._send, root=self._root, mailbox=self._mailbox)

    @property
    def contacts(self) -> Office365WritableContacts:
        is_consented = Permission.CONTACTS_WRITE in self._consented
        return Office365WritableContacts(self._fetch, self._send, root=self._root, is_consented=is_consented)

    def _fetch(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> Json:
        """Raises ProviderError."""

        def send(token: str) -> Json:
            headers = _headers(token, page_size)
            return fetch_json(self._session, "GET", url, headers=headers, has_cursor=has_cursor)

        return self._access.use(send)

    def _send(self, method: str, path: str, body: Json | None = None, *, version: str = "") -> Json:
        """A request below the root; `version`: the one to be changed. Raises Repeated, ProviderError."""

        def send(token: str) -> Json:
            headers = _headers(token) | ({"If-Match": version} if version else {})
            if body is None:
                return fetch_json(self._session, method, f"{self._root}{path}", headers=headers)
            headers["Content-Type"] = "application/json"
            data = orjson.dumps(body)
            return fetch_json(self._session, method, f"{self._root}{path}", headers=headers, data=data)

        return self._access.use(send)


def _headers(token: str, page_size: int = 0) -> dict[str, str]:
    """Ids that stay when an item is moved, and times in UTC, wanted of every answer.

    Reference: https://learn.microsoft.com/en-us/graph/outlook-immutable-id
    """
    wishes = ['IdType="ImmutableId"', 'outlook.timezone="UTC"']
    if page_size:
        wishes.append(f"odata.maxpagesize={page_size}")
    return {"Authorization": f"Bearer {token}", "Accept": "application/json", "Prefer": ", ".join(wishes)}
