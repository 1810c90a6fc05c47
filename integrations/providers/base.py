"""The interfaces every provider folder meets. A provider translates; it never sees a model, a request or a setting."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from integrations.permissions import Permission, Permissions
from integrations.remote import (
    ContactDraft,
    Credentials,
    Delta,
    EventDraft,
    NumberKind,
    RemoteCalendar,
    RemoteContact,
    RemoteEvent,
    RemoteNumber,
    RemoteRef,
    SignIn,
    Window,
)

SignInKind = Literal["oauth", "form"]


@dataclass(frozen=True, slots=True)
class LoginField:
    """One field of a sign-in form. Pages are made from these, so that no template knows a provider.

    A "url" is where the password will be sent: the organization's policy and the operator's settings fill it in
    beforehand, and it is vetted before anything goes there. A "password" is never shown again once it was sent.
    """

    name: str
    label: str
    kind: Literal["text", "email", "password", "url", "choice"] = "text"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """(value, words), for a "choice"."""
    default: str = ""
    autocomplete: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class NumberType:
    """A kind of phone number as the service knows it. `label` is its own word for it: "Business 2"."""

    key: str
    label: str
    kind: NumberKind


@dataclass(frozen=True, slots=True)
class SignInMethod:
    """One way to sign in at a provider, and what follows from having signed in that way."""

    key: str
    """Stored with the connection."""
    kind: SignInKind
    name: str
    """"OAuth 2.0": shown where there is a choice."""
    summary: str = ""
    """A sentence on what it means for the person."""
    needs: tuple[str, ...] = ()
    """Names of the settings without which it is not offered; "secret|certificate": one of the two is enough."""
    needs_policy: bool = False
    """Whether an organization has to allow it first."""
    scopes: Mapping[Permission, tuple[str, ...]] = field(default_factory=dict)
    """The exact scope behind each box, shown on the permissions page. Empty: signing in this way opens everything,
    and Portico alone keeps to what is ticked."""
    fields: tuple[LoginField, ...] = ()
    """Of a "form"."""
    revokes: bool = False
    """Whether Portico can end the grant at the provider when the connection is deleted."""
    grants_url: str = ""
    """Where a person sees and removes grants at the provider itself."""
    pushes: Mapping[str, Literal["each", "whole"]] = field(default_factory=dict)
    """Feeds of whose changes the provider tells us: of each container by itself, or of the feed as a whole."""

    number_types: tuple[NumberType, ...] = ()
    """What a phone number can be in this account's address book, the most usual first."""

    def find_number_type(self, key: str) -> NumberType | None:
        return next((one for one in self.number_types if one.key == key), None)

    def missing(self, settings: Mapping[str, str]) -> list[str]:
        """Those of `needs` that these settings do not meet."""
        return [need for need in self.needs if not any(settings.get(name) for name in need.split("|"))]


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
    methods: tuple[SignInMethod, ...]
    """The recommended one first."""

    def find_method(self, key: str) -> SignInMethod | None:
        return next((one for one in self.methods if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A consent page to send the person to, and what must be kept (server-side) until they return."""

    url: str
    keep: Mapping[str, Any] = field(repr=False, default_factory=dict)


class ReadableCalendar(Protocol):
    """Reading the calendars of an account. `calendar`: a RemoteCalendar.id; "" is the person's own."""

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        """All there are, the person's own first, with the id "".

        Raises:
            PermissionMissing: this was not consented to; the person's own can be read all the same.
            ProviderError: any of the family.
        """
        ...

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        """Pages of changes since `cursor`; with None a complete listing of the window. Streams page by page.

        Each event's `ref.container` is `calendar`.

        Raises:
            CursorExpired: list again with None.
            Gone: there is no such calendar any more.
            ProviderError: any of the family.
        """
        ...

    def read(self, ref: RemoteRef) -> RemoteEvent:
        """One event, occurrence or series as it stands now, with what only this says (see RemoteEvent).

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        ...

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        """The series (its master) that an occurrence belongs to. Raises as `read`."""
        ...

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        """Every occurrence of a series in the window, as `changes` would list them.

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        ...


class Calendar(ReadableCalendar, Protocol):
    """Reading, and writing. What is written is told to those invited, by the provider's own mails.

    Every write may be made again after an answer was lost, and then does nothing more.
    """

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        """Make an event or a series (answered by its master). `key`: 32 hex digits of ours, another for each event.

        Made again with the same key it answers with what was made the first time.

        Raises:
            Rejected: the provider does not take it.
            ProviderError: any other of the family.
        """
        ...

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        """Write these DRAFT_FIELDS to one event, occurrence or series, and leave everything else as it is there.

        `ref.version`: what the person saw; "" writes whatever is there now. An occurrence becomes an exception of its
        series. Of a series, "time" moves the first occurrence to `draft.starts`, and all others with it.

        Raises:
            Conflict: it was changed there since `ref.version`.
            Gone
            Rejected: the provider does not take it.
            ProviderError: any other of the family.
        """
        ...

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        """End a series with its last occurrence before this moment. `ref.version` as in `update`.

        Raises:
            As `update`.
        """
        ...

    def delete(self, ref: RemoteRef) -> None:
        """Delete an event, an occurrence or a series, whatever its version. Already gone counts as done.

        Raises:
            ProviderError: any of the family but Gone and Conflict.
        """
        ...


class ReadableAddressBook(Protocol):
    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        """As Calendar.changes; `Delta.folders` rides on the first page of a complete listing and where they changed.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        ...

    def read(self, ref: RemoteRef) -> RemoteContact:
        """One contact as it stands now.

        Raises:
            Gone
            ProviderError: any other of the family.
        """
        ...


class AddressBook(ReadableAddressBook, Protocol):
    """Reading, and writing. Every write may be made again after an answer was lost, and then does nothing more."""

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        """Make a contact. `key`: 32 hex digits of ours, another for each contact; `folder`: a RemoteFolder.id, "" for
        where the service puts new contacts by itself.

        Made again with the same key it answers with what was made the first time.

        Raises:
            Gone: there is no such folder any more.
            Rejected: the provider does not take it, for example because the folder cannot be written to.
            ProviderError: any other of the family.
        """
        ...

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        """Add a number to a contact, and leave everything else as it is there. Its `label` is the key of a NumberType.

        `ref.version`: what was read before. A contact that has this number (in any spelling) already is answered as it
        is, whatever its version.

        Raises:
            Conflict: it was changed there since `ref.version`.
            Gone
            Rejected: the provider does not take it, or all places that it has for this type are taken.
            ProviderError: any other of the family.
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


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a provider tells changes by. `id` and `resource` are the provider's; neither is a secret."""

    id: str
    resource: str = ""
    expires_at: datetime | None = None


@runtime_checkable
class PushingAccount(Account, Protocol):
    """An account whose provider tells us that something has changed: a hint to sync, never the truth."""

    def subscribe(self, feed: str, *, address: str, secret: str, key: str, container: str = "") -> Subscription:
        """Have changes of a feed ("calendar", "contacts") told to `address`, an https one of ours, until the answer's
        `expires_at`.

        `secret` comes with each notification, `key` (a UUID) names what is made.

        Raises:
            Rejected: the provider does not take the address, or tells nothing of this.
            Gone: there is no such container any more.
            ProviderError: any other of the family.
        """
        ...

    def renew(
        self, subscription: Subscription, feed: str, *, address: str, secret: str, key: str, container: str = ""
    ) -> Subscription:
        """The same for longer: prolonged as it is, under its own id and secret; or, where the provider prolongs none,
        made anew under `key` and `secret`, and the former ended.

        Raises:
            Gone: it has ended; subscribe again.
            ProviderError: any other of the family.
        """
        ...

    def unsubscribe(self, subscription: Subscription) -> None:
        """Already gone counts as done.

        Raises:
            ProviderError: any of the family but Gone.
        """
        ...


NotificationKind = Literal["changed", "made", "ending", "ended", "missed"]


@dataclass(frozen=True, slots=True)
class Notification:
    """What came to our address in a provider's name. Anybody may have sent it: `secret` is compared first."""

    subscription: str
    secret: str = field(repr=False)
    kind: NotificationKind = "changed"
    """"made": it begins. "ending": it wants to be renewed. "ended": the provider gave it up. "missed": it could not
    tell everything."""
    resource: str = ""
    """As in Subscription; "" where the provider does not say."""
    number: int = 0
    """Grows from one to the next; 0 where the provider counts none."""


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

    def narrow(self, credentials: Credentials, permissions: Permissions) -> Credentials:
        """Credentials that ask the provider from now on for no more than these permissions need. Talks to nobody.

        What is in hand and opens more is left out. Where the provider cannot open less than it does (signing in opens
        everything; a read that was only granted with its write), they stay as they are.
        """
        ...

    def revoke(self, credentials: Credentials) -> None:
        """End the grant at the provider. Already gone counts as done.

        Raises:
            ProviderError: it could not be done; the person is told where to do it themselves.
        """
        ...


@runtime_checkable
class PushingProvider(Provider, Protocol):
    """A provider some of whose accounts are PushingAccounts. Both of these are pure, and take whatever comes."""

    def read_handshake(self, query: Mapping[str, str]) -> str:
        """What a request has to be answered with, word for word, to show that the address is ours; "" for any other."""
        ...

    def parse_notifications(self, headers: Mapping[str, str], body: bytes) -> tuple[Notification, ...]:
        """What a request to our address says, as far as it can be read: () where nothing can.

        `headers`: whatever the case of a name.
        """
        ...


@runtime_checkable
class OAuthProvider(Provider, Protocol):
    """A provider with a method of the kind "oauth"."""

    @property
    def sign_in_url(self) -> str:
        """The provider's consent page, without a query: the one place outside that browsers are sent to."""
        ...

    def authorize(
        self,
        permissions: Permissions,
        *,
        redirect_uri: str,
        state: str,
        login_hint: str = "",
        credentials: Credentials | None = None,
    ) -> Authorization:
        """The consent page that asks for just these permissions (and the account's e-mail address).

        `credentials`: those of the connection that is being renewed, in which an account may have noted what the
        provider wants to be asked for next time.

        Raises:
            ProviderError: the provider's addresses could not be learned.
        """
        ...

    def approval_url(self, permissions: Permissions, *, redirect_uri: str, state: str) -> str:
        """Where an administrator approves these permissions for everyone; "" where a provider has no such page.

        It leads back to `redirect_uri` with `state`. Talks to nobody.
        """
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


@runtime_checkable
class FormProvider(Provider, Protocol):
    """A provider with a method of the kind "form": the person types what is needed into a page of ours."""

    def log_in(self, values: Mapping[str, str], *, method: str) -> SignIn:
        """Try what was typed (by the names of the method's fields) at the server; credentials if it works.

        One wrong password costs one failed sign-in there, never more: directories lock accounts.

        Raises:
            ReconnectNeeded: the server does not accept the user name and password.
            Refused: the address is not one we may talk to.
            ProviderError: any other of the family.
        """
        ...

    def recall(self, credentials: Credentials) -> Mapping[str, str]:
        """What was typed, by field name, to fill the form in with when reconnecting. Never a password."""
        ...
