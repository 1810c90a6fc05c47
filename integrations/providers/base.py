"""The interfaces every provider folder meets. A provider translates; it never sees a model, a request or a setting."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from integrations.permissions import Permission, Permissions
from integrations.remote import Credentials, Delta, RemoteContact, RemoteEvent, SignIn, Window

SignInKind = Literal["oauth", "form"]


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What pages say about a provider. Differences between providers are data, so that no template asks for a name."""

    key: str
    name: str
    """"Google"."""
    summary: str
    """One line for the service chooser."""
    calendar_name: str
    """"Google Calendar": where "Open in ..." leads."""
    contacts_name: str
    sign_in: SignInKind
    scopes: Mapping[Permission, tuple[str, ...]]
    """The exact scope behind each box, shown on the permissions page."""
    needs: tuple[str, ...] = ()
    """Names of the settings without which it is not offered (client id, secret)."""
    grants_url: str = ""
    """Where a person sees and removes grants at the provider itself."""
    revokes: bool = False
    """Whether Portico can end the grant at the provider when the connection is deleted."""
    narrows: bool = False
    """Whether the provider can take back one permission and keep the others."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A consent page to send the person to, and what must be kept (server-side) until they return."""

    url: str
    keep: Mapping[str, Any] = field(repr=False, default_factory=dict)


class Calendar(Protocol):
    def changes(self, cursor: str | None, window: Window) -> Iterator[Delta[RemoteEvent]]:
        """Pages of changes since `cursor`; with None a complete listing of the window. Streams page by page.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        ...


class AddressBook(Protocol):
    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        """As Calendar.changes; `Delta.folders` rides on the first page of a complete listing and where they changed.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        ...


class Account(Protocol):
    """One person's account, opened with their credentials."""

    @property
    def calendar(self) -> Calendar: ...

    @property
    def contacts(self) -> AddressBook: ...


SaveCredentials = Callable[[Credentials], None]
"""Called at once when the provider hands out new credentials (a refresh): stores them or raises."""


@runtime_checkable
class Provider(Protocol):
    """One calendar-and-contacts service. The class is called with its settings and a maker of guarded sessions."""

    info: ClassVar[ProviderInfo]

    def open(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None = None
    ) -> AbstractContextManager[Account]:
        """An account to read and write; closes its connections on leaving.

        Refreshes by itself; each refresh goes through `save` before it is used. No request is started after
        `deadline`.

        Raises:
            ReconnectNeeded: the credentials are no longer good.
        """
        ...

    def revoke(self, credentials: Credentials) -> None:
        """End the grant at the provider. Already gone counts as done.

        Raises:
            ProviderError: it could not be done; the person is told where to do it themselves.
        """
        ...


@runtime_checkable
class OAuthProvider(Provider, Protocol):
    """A provider with `info.sign_in == "oauth"`."""

    @property
    def sign_in_url(self) -> str:
        """The provider's consent page, without a query: the one place outside that browsers are sent to."""
        ...

    def authorize(
        self, permissions: Permissions, *, redirect_uri: str, state: str, login_hint: str = ""
    ) -> Authorization:
        """The consent page that asks for just these permissions (and the account's e-mail address). Talks to nobody."""
        ...

    def redeem(self, answer: Mapping[str, str], *, keep: Mapping[str, Any], redirect_uri: str) -> SignIn:
        """Turn the query of the callback into credentials.

        Raises:
            ConsentDenied: the person said no.
            ReconnectNeeded: the code is used, expired or not ours: start again.
            NotOffered: the operator's client id or secret is wrong.
            ProviderError: any other of the family.
        """
        ...
