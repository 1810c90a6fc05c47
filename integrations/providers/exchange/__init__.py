"""Exchange, on a server of the organization's own: calendar and contacts by Exchange Web Services.

Importing this imports neither exchangelib nor lxml: they are loaded by the first request.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ClassVar

import requests

from integrations.errors import NotOffered
from integrations.permissions import Permissions
from integrations.providers.base import LoginField, ProviderInfo, SaveCredentials, SignInMethod
from integrations.providers.exchange import ews
from integrations.providers.exchange.people import NUMBER_TYPES
from integrations.providers.exchange.scopes import SCOPES
from integrations.remote import Credentials, SignIn

WORDS = ews.EwsWords("Exchange")

USER = LoginField(
    "user",
    "User name or e-mail address",
    hint="As you sign in at work: name@example.com, or COMPANY\\name.",
    autocomplete="username",
)
PASSWORD = LoginField("password", "Password", "password", autocomplete="current-password")
VERSION = LoginField(
    "version",
    "Exchange version",
    "choice",
    hint="Portico asks the server itself; this is where it begins.",
    choices=(
        ("", "Not sure (recommended)"),
        ("2010_SP2", "Exchange 2010 SP2 or SP3"),
        ("2013_SP1", "Exchange 2013 SP1"),
        ("2016", "Exchange 2016"),
        ("2019", "Exchange 2019"),
        ("SE", "Exchange Server Subscription Edition"),
    ),
    is_required=False,
)
EWS_URL = LoginField(
    "ews_url",
    "EWS URL",
    "url",
    hint="Your administrator knows it. It looks like https://mail.example.com/EWS/Exchange.asmx.",
    autocomplete="off",
)


class Exchange:
    """An integrations.providers.base.FormProvider."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        key="exchange",
        name="Exchange",
        summary="Calendar and contacts on an Exchange server of your organization.",
        calendar_name="Outlook",
        contacts_name="Outlook contacts",
        methods=(
            SignInMethod(
                "password",
                "form",
                "User name and password",
                summary="Portico keeps your password, encrypted, and signs in with it whenever it reads.",
                scopes=SCOPES,
                fields=(USER, PASSWORD, VERSION, EWS_URL),
                number_types=NUMBER_TYPES,
            ),
        ),
    )

    def __init__(self, settings: Mapping[str, str], *, session_factory: Callable[[], requests.Session]) -> None:
        """`settings`: ews_url, with which the form is filled in beforehand."""
        self._settings = settings
        self._make_session = session_factory

    def log_in(self, values: Mapping[str, str], *, method: str) -> SignIn:
        """As in base.FormProvider."""
        if self.info.find_method(method) is None:
            raise NotOffered(detail=f"no sign-in called {method!r}")
        return ews.sign_in(
            values.get("user", ""),
            values.get("password", ""),
            values.get("ews_url") or self._settings.get("ews_url", ""),
            version=values.get("version", ""),
            words=WORDS,
            session_factory=self._make_session,
        )

    def recall(self, credentials: Credentials) -> Mapping[str, str]:
        """As in base.FormProvider."""
        typed = ews.recall(credentials)
        is_choice = typed["version"] in dict(VERSION.choices)
        return {**typed, "version": typed["version"] if is_choice else ""}

    def open(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None = None
    ) -> AbstractContextManager[ews.EwsAccount]:
        """As in base.Provider."""
        return ews.open_account(
            credentials, words=WORDS, session_factory=self._make_session, save=save, deadline=deadline
        )

    def narrow(self, credentials: Credentials, permissions: Permissions) -> Credentials:
        """As in base.Provider: a password opens everything."""
        return credentials

    def revoke(self, credentials: Credentials) -> None:
        """Nothing to end: a password is only forgotten."""
