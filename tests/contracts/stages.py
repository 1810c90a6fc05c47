"""Stages: one per provider, on which every contract is played.

A stage is a provider with a service behind it that a test may edit as a person would. The suite knows no provider;
to join it, write a stage and name it in `conftest.py`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from types import ModuleType
from typing import Protocol
from zoneinfo import ZoneInfo

from integrations.permissions import ALL, NONE, Permissions
from integrations.providers.base import Account, FormProvider, OAuthProvider, Provider, SignInMethod
from integrations.remote import Credentials, SignIn

PERSON = "alice@northwind.example"
PASSWORD = "a password of Alice's"
REDIRECT_URI = "http://127.0.0.1:8000/integrations/callback/"
BERLIN = ZoneInfo("Europe/Berlin")


class Stage(Protocol):
    """`saved`: every credentials that the provider handed to `save`, oldest first."""

    provider: Provider
    method: SignInMethod
    saved: list[Credentials]
    page_size: int
    page_sizes: tuple[tuple[ModuleType, str], ...]
    """Where the provider keeps how much it asks for at a time; there `page_size` is put."""
    invites: bool
    """Whether the service brings invitations into the calendars of others (`find_invited`, `answer_invitation`)."""

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        """Be the person who signs in and ticks these."""
        ...

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str: ...

    def add_day(self, title: str, first: date, until: date) -> str: ...

    def add_many_events(self, count: int, starts: datetime) -> None: ...

    def add_series(self, title: str, starts: datetime, count: int) -> str:
        """Half an hour every day. An id that `rename_event` and `remove_event` take."""
        ...

    def rename_event(self, remote_id: str, title: str) -> None:
        """Of an event, an occurrence, or (by the id of `add_series`) a series."""
        ...

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None: ...

    def remove_event(self, remote_id: str) -> None:
        """As `rename_event`."""
        ...

    def add_folder(self, name: str) -> str: ...

    def rename_folder(self, remote_id: str, name: str) -> None: ...

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str: ...

    def remove_contact(self, remote_id: str) -> None: ...

    def expire_cursors(self) -> None: ...

    def end_grant(self) -> None:
        """What was signed in with is no longer good: taken back at the provider, or another password."""
        ...

    def fail(self, kind: str, *, after: int = 0) -> None:
        """The next request (a page of a listing, a write), after so many, fails: "slow down", "broken", "cut off"."""
        ...

    def lose_answer(self, kind: str) -> None:
        """The service carries out the next write of this kind ("create", "update", "delete"), and then the line breaks
        before it is answered."""
        ...

    def reject_next(self, kind: str) -> None:
        """The next write of this kind is one that the service does not take as it stands."""
        ...

    def count_events(self, title: str) -> int:
        """Events with this title in all calendars of the person, as the service has them: a series counts as one, what
        was deleted as none."""
        ...

    def second_calendar(self, name: str) -> str:
        """Another calendar of the person's own, by its RemoteCalendar.id."""
        ...

    def find_invited(self, email: str) -> list[str]:
        """Titles of what this person has in their calendar, each series once. They are there from the beginning, or are
        made when they are first named here; where `invites`."""
        ...

    def answer_invitation(self, remote_id: str, email: str) -> None:
        """This person, invited to the event or series with this id, accepts; where `invites`."""
        ...


class ContactStage(Stage, Protocol):
    """A stage on which contacts are written. `lose_answer` also takes "create contact" and "add number"."""

    number_slots: Mapping[str, int]
    """By NumberType.key, how many numbers of this type a contact has room for; {} where there is room for any."""
    has_locked_folders: bool
    """Whether there are folders that a person may read and not change (`lock_folder`)."""
    lists_keys: bool
    """Whether `AddressBook.changes` says what a contact was made with."""

    def add_full_contact(self) -> str:
        """Somebody with everything that the service has room for, two e-mail addresses, a note, a postal address and a
        photo among it, and of numbers one: "+49 30 901820", of the first of the method's `number_types`."""
        ...

    def rename_contact(self, remote_id: str, name: str) -> None: ...

    def show_contact(self, remote_id: str) -> object:
        """All that the service holds of a contact, but its numbers and what each change changes. To be compared."""
        ...

    def count_contacts(self, name: str) -> int:
        """Contacts that are shown as this, in all folders, as the service has them; what was deleted counts as none."""
        ...

    def remove_folder(self, remote_id: str) -> None:
        """A folder that is empty."""
        ...

    def lock_folder(self, remote_id: str) -> None:
        """From now on the person may only read it; where `has_locked_folders`."""
        ...


class OAuthStage(Stage, Protocol):
    provider: OAuthProvider  # type: ignore[assignment]
    narrows: bool
    """Whether a token opens no more than was asked for, where more was consented to before."""

    def consent(self, url: str, *, untick: Permissions = NONE) -> Mapping[str, str]:
        """Be the person at the consent page; the query of the callback."""
        ...

    def deny(self, url: str) -> Mapping[str, str]: ...

    def expire_access(self) -> None:
        """The access token handed out is no longer good; the refresh token is."""
        ...


class FormStage(Stage, Protocol):
    provider: FormProvider  # type: ignore[assignment]

    def typed(self, **changes: str) -> dict[str, str]:
        """What the person types into the form, with changes."""
        ...

    def count_refusals(self) -> int:
        """How many wrong passwords the service has counted for the person."""
        ...


def consent_to(stage: OAuthStage, permissions: Permissions = ALL, *, untick: Permissions = NONE) -> SignIn:
    """The whole of OAuth: ask, consent, come back."""
    asked = stage.provider.authorize(permissions, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = stage.consent(asked.url, untick=untick)
    return stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def open_account(
    stage: Stage, credentials: Credentials, deadline: datetime | None = None
) -> AbstractContextManager[Account]:
    return stage.provider.open(credentials, save=stage.saved.append, deadline=deadline)
