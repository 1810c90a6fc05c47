"""An access token in use: renewed before it ends, once more when it is refused, and stored before it is used."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from integrations.errors import ReconnectNeeded, Unexpected, Unreachable
from integrations.providers.base import SaveCredentials
from integrations.providers.http import Json, Words
from integrations.remote import Credentials

_BEFORE_SECONDS = 60

Renew = Callable[[Credentials, str], Credentials]
"""New credentials for old. The text: claims that the new token has to make, as JSON, or ""."""
Result = TypeVar("Result")


class Challenged(Exception):
    """A provider wants a token that says more than this one. `claims`: what, as JSON, for its sign-in to hear.

    Not one of the family: whoever holds the credentials notes the claims and says what to do.
    """

    def __init__(self, claims: str) -> None:
        super().__init__("a claims challenge")
        self.claims = claims


class Access:
    """The credentials of one account, for one run of one thread.

    Among them {"access_token", "expires_at" (seconds since 1970)}; the rest is for `renew` to know.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        renew: Renew,
        save: SaveCredentials,
        deadline: datetime | None,
        words: Words,
    ) -> None:
        self._credentials = credentials
        self._ask = renew
        self._save = save
        self._deadline = deadline
        self._words = words

    def use(self, send: Callable[[str], Result]) -> Result:
        """`send(access token)`; renewed before where it is due, or once after where it was refused.

        Raises:
            ReconnectNeeded: the grant has ended, or a new access token is refused too.
            Unreachable: the deadline has passed.
            ProviderError: any other of the family.
        """
        is_new = self._is_due()
        if is_new:
            self._renew("")
        claims = ""
        try:
            return self._try(send)
        except ReconnectNeeded:
            if is_new:
                raise
        except Challenged as challenge:
            claims = challenge.claims
        self._renew(claims)
        try:
            return self._try(send)
        except Challenged as challenge:
            raise self._note(challenge.claims) from None

    def _try(self, send: Callable[[str], Result]) -> Result:
        self._check_deadline()
        return send(str(self._credentials["access_token"]))

    def _is_due(self) -> bool:
        expires_at = self._credentials.get("expires_at")
        if not self._credentials.get("access_token") or not isinstance(expires_at, int | float):
            return True
        return expires_at - time.time() < _BEFORE_SECONDS

    def _renew(self, claims: str) -> None:
        self._check_deadline()
        try:
            renewed = self._ask(self._credentials, claims)
        except Challenged as challenge:
            raise self._note(challenge.claims) from None
        self._save(renewed)
        self._credentials = renewed

    def _note(self, claims: str) -> ReconnectNeeded:
        """Only the person can meet these: kept with the credentials for when they sign in again."""
        self._credentials = {**self._credentials, "claims": claims}
        self._save(self._credentials)
        return ReconnectNeeded(self._words.sign_in_again, detail="a claims challenge")

    def _check_deadline(self) -> None:
        if self._deadline is not None and datetime.now(UTC) >= self._deadline:
            raise Unreachable(self._words.too_long, detail="deadline")


def scopes_of(credentials: Credentials) -> list[str]:
    """As `parse_tokens` stores them."""
    scopes = credentials.get("scopes")
    return [str(one) for one in scopes] if isinstance(scopes, list) else []


def without_token(credentials: Credentials) -> dict[str, Any]:
    """Credentials that have to be renewed before they open anything."""
    return {name: one for name, one in credentials.items() if name not in ("access_token", "expires_at")}


def parse_tokens(tokens: Json, former: Credentials, asked_at: float, words: Words) -> dict[str, Any]:
    """Credentials of a token answer; what it does not say stays as it was in `former`.

    Reference: https://www.rfc-editor.org/rfc/rfc6749#section-5.1

    Raises:
        Unexpected: it holds no access token.
    """
    access_token, seconds, scope = tokens.get("access_token"), tokens.get("expires_in"), tokens.get("scope")
    if not isinstance(access_token, str) or not access_token:
        raise Unexpected(words.not_understood, detail="a token answer without an access token")
    credentials = {
        "scopes": [],
        **former,
        "access_token": access_token,
        "expires_at": asked_at + (seconds if isinstance(seconds, int) else 0),
    }
    if isinstance(scope, str):
        credentials["scopes"] = sorted(scope.split())
    if isinstance(refresh_token := tokens.get("refresh_token"), str) and refresh_token:
        credentials["refresh_token"] = refresh_token
    return credentials
