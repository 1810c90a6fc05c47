"""A provider without a network: what tests of the engine and the contract suites run against.

A `MemoryService` holds everyone's calendars and address books; a test edits it as a person would edit theirs at a
provider. It keeps Google's bargain: a cursor per listing, complete or since then, cursors that expire, access tokens
that are refreshed, boxes that a person may leave unticked.
"""

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from integrations.errors import (
    ConsentDenied,
    Gone,
    PermissionMissing,
    ProviderError,
    ReconnectNeeded,
    Rejected,
    Unreachable,
)
from integrations.permissions import (
    ALL,
    NONE,
    Permission,
    Permissions,
    dump_permissions,
    parse_permissions,
    without_orphans,
)
from integrations.providers.base import Authorization, LoginField, ProviderInfo, SaveCredentials, SignInMethod
from integrations.providers.memory_books import MemoryBook, Shelf, list_shelf
from integrations.providers.memory_people import NUMBER_TYPES, MemoryContacts, MemoryPeople
from integrations.remote import (
    Credentials,
    Delta,
    EventDraft,
    RemoteCalendar,
    RemoteContact,
    RemoteEvent,
    RemoteFolder,
    RemoteRef,
    SignIn,
    Window,
)

AUTHORIZE_URL = "https://memory.example/authorize"

Answer = TypeVar("Answer")


@dataclass(slots=True)
class MemoryPerson:
    """One account at the service. `granted` is empty once the grant was revoked there."""

    email: str
    account_id: str
    calendars: dict[str, MemoryBook] = field(default_factory=dict)
    """By id, the person's own first, as ""."""
    address_book: MemoryPeople = field(default_factory=MemoryPeople)
    granted: Permissions = NONE
    opened: Permissions = ALL
    """As far as the access token in use was asked for."""
    refresh_token: str = ""
    access_token: str = ""
    password: str = ""
    """"": this person cannot sign in by the form."""

    def __post_init__(self) -> None:
        self.calendars[""] = MemoryBook(name=self.email, owner=self.email)

    @property
    def book(self) -> MemoryBook:
        """Their own calendar."""
        return self.calendars[""]

    @property
    def events(self) -> Shelf[RemoteEvent]:
        return self.book.events

    def put_event(self, remote_id: str, **fields: Any) -> RemoteEvent:
        return self.book.put_event(remote_id, **fields)

    def add_calendar(self, remote_id: str, name: str, **fields: Any) -> MemoryBook:
        """Another one; `fields` as in MemoryBook: color, is_writable, is_own."""
        self.calendars[remote_id] = MemoryBook(remote_id, name, self.email, **fields)
        return self.calendars[remote_id]

    @property
    def contacts(self) -> Shelf[RemoteContact]:
        return self.address_book.contacts

    @property
    def folders(self) -> dict[str, RemoteFolder]:
        return self.address_book.folders

    def put_contact(self, remote_id: str, **fields: Any) -> RemoteContact:
        return self.address_book.put_contact(remote_id, **fields)

    def put_folder(self, remote_id: str, name: str, **fields: Any) -> None:
        self.address_book.put_folder(remote_id, name, **fields)

    def end_grant(self) -> None:
        """As the person would at the provider's own page, or an administrator there."""
        self.granted, self.refresh_token, self.access_token, self.password = NONE, "", "", ""


class MemoryService:
    """The state of the pretend service; `page_size` items to a page."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.people: dict[str, MemoryPerson] = {}
        self.page_size = 100
        self.token_seconds = 3600.0
        self.rotates = True
        self.requests: list[str] = []
        """What was asked, in order: "calendar" and "contacts" (a page of a listing), "calendars", "read", "instances",
        "create", "update", "end_series", "delete", "read contact", "create contact", "add number", "refresh", "redeem",
        "revoke", "log in"."""
        self.refusals = 0
        self._codes: dict[str, tuple[str, Permissions, str]] = {}
        self._faults: deque[tuple[str, ProviderError]] = deque()
        self._lost: deque[str] = deque()

    def add_person(self, email: str) -> MemoryPerson:
        self.people[email] = MemoryPerson(email, account_id=f"memory-{len(self.people) + 1}")
        return self.people[email]

    def fail(self, error: ProviderError, *, at: str = "", times: int = 1, after: int = 0) -> None:
        """Have the next requests fail; `at` names the kind of request, `after` lets that many of them pass first."""
        self._faults.extend([(at, _PASS)] * after + [(at, error)] * times)

    def lose_answer(self, *, at: str, times: int = 1) -> None:
        """Have the next requests of this kind carried out, and the line break before they are answered."""
        self._lost.extend([at] * times)

    def answer(self, kind: str) -> None:
        """Answer a request that was carried out.

        Raises:
            Unreachable: the answer is lost.
        """
        if kind in self._lost:
            self._lost.remove(kind)
            raise Unreachable(detail="the answer was lost")

    def request(self, kind: str) -> None:
        """Record a request, and fail it where a fault is due.

        Raises:
            ProviderError
        """
        self.requests.append(kind)
        for position, (at, error) in enumerate(self._faults):
            if at in ("", kind):
                del self._faults[position]
                if error is not _PASS:
                    raise error
                return

    def consent(self, url: str, email: str, *, untick: Permissions = NONE) -> dict[str, str]:
        """Be the person at the consent page that `url` leads to; returns the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        permissions = without_orphans(parse_permissions(asked.get("scope", "").split()) - untick)
        code = secrets.token_urlsafe(8)
        self._codes[code] = (email, permissions, asked["challenge"])
        return {"state": asked["state"], "code": code}

    def deny(self, url: str) -> dict[str, str]:
        """Say no at the consent page; returns the query of the callback."""
        return {"state": parse_qs(urlsplit(url).query)["state"][0], "error": "access_denied"}

    def take_code(self, code: str, verifier: str) -> MemoryPerson:
        """Used once. Raises ReconnectNeeded."""
        email, permissions, challenge = self._codes.pop(code, ("", NONE, ""))
        if not email or challenge != _digest(verifier):
            raise ReconnectNeeded("This sign-in was used already or is not ours. Start again.", detail="code")
        person = self.people[email]
        person.granted = permissions
        return person

    def find_by(self, **token: str) -> MemoryPerson | None:
        """Whom an access or refresh token belongs to."""
        ((name, value),) = token.items()
        return next((one for one in self.people.values() if value and getattr(one, name) == value), None)


def _digest(verifier: str) -> str:
    return hashlib.sha256(verifier.encode()).hexdigest()


_PASS = ProviderError()
SERVICE = MemoryService()
"""Where a provider made from settings alone finds its state; `SERVICE.reset()` before each test."""


class Memory:
    """An integrations.providers.base.OAuthProvider over a MemoryService, and a FormProvider where policy allows it."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        key="memory",
        name="Memory",
        summary="A calendar and an address book that live in this process.",
        calendar_name="Memory Calendar",
        contacts_name="Memory Contacts",
        methods=(
            SignInMethod(
                "oauth",
                "oauth",
                "OAuth 2.0",
                scopes={permission: (permission.value,) for permission in Permission},
                revokes=True,
                grants_url="https://memory.example/grants",
                number_types=NUMBER_TYPES,
            ),
            SignInMethod(
                "password",
                "form",
                "User name and password",
                "For those who cannot use OAuth 2.0.",
                needs_policy=True,
                fields=(
                    LoginField("user", "User name", autocomplete="username"),
                    LoginField("password", "Password", "password", autocomplete="current-password"),
                    LoginField("version", "Version", "choice", choices=(("", "Not sure"), ("2", "Two"))),
                    LoginField("ews_url", "Address", "url", default="https://memory.example/"),
                ),
                number_types=NUMBER_TYPES,
            ),
        ),
    )

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        session_factory: Callable[[], Any] | None = None,
        service: MemoryService | None = None,
    ) -> None:
        """As every provider is made; neither settings nor session are needed here."""
        self.service = service or SERVICE

    @property
    def sign_in_url(self) -> str:
        return AUTHORIZE_URL

    def authorize(
        self,
        permissions: Permissions,
        *,
        redirect_uri: str,
        state: str,
        login_hint: str = "",
        credentials: Credentials | None = None,
    ) -> Authorization:
        verifier = secrets.token_urlsafe(8)
        query = {
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": " ".join(dump_permissions(permissions)),
            "challenge": _digest(verifier),
            "login_hint": login_hint,
        }
        return Authorization(f"{AUTHORIZE_URL}?{urlencode(query)}", {"code_verifier": verifier})

    def approval_url(self, permissions: Permissions, *, redirect_uri: str, state: str) -> str:
        return f"https://memory.example/approve?{urlencode({'redirect_uri': redirect_uri, 'state': state})}"

    def redeem(self, answer: Mapping[str, str], *, keep: Mapping[str, Any], redirect_uri: str) -> SignIn:
        if answer.get("error"):
            raise ConsentDenied(detail=answer["error"])
        self.service.request("redeem")
        person = self.service.take_code(answer.get("code", ""), str(keep.get("code_verifier", "")))
        person.refresh_token = secrets.token_urlsafe(8)
        consented = frozenset(dump_permissions(person.granted))
        return SignIn(person.email, person.account_id, consented, self._issue(person))

    def log_in(self, values: Mapping[str, str], *, method: str) -> SignIn:
        self.service.request("log in")
        person = self.service.people.get(values["user"])
        if person is None or not person.password or person.password != values["password"]:
            self.service.refusals += 1
            raise ReconnectNeeded("Memory does not accept this user name and password.", detail="password")
        person.granted, person.refresh_token = ALL, secrets.token_urlsafe(8)
        notes = () if values["version"] == "" else ("The server says it is version one, so that is used.",)
        credentials = {**self._issue(person), "user": person.email, "password": person.password}
        return SignIn(person.email, person.account_id, frozenset(dump_permissions(ALL)), credentials, notes)

    def recall(self, credentials: Credentials) -> Mapping[str, str]:
        return {"user": str(credentials.get("user", ""))}

    def narrow(self, credentials: Credentials, permissions: Permissions) -> Credentials:
        kept = {name: one for name, one in credentials.items() if name != "access_token"}
        return {**kept, "asks": dump_permissions(permissions)}

    def _issue(self, person: MemoryPerson, asks: list[str] | None = None) -> Credentials:
        person.access_token = secrets.token_urlsafe(8)
        person.opened = ALL if asks is None else parse_permissions(asks)
        expires_at = time.time() + self.service.token_seconds
        return {
            "refresh_token": person.refresh_token,
            "access_token": person.access_token,
            "expires_at": expires_at,
            **({} if asks is None else {"asks": asks}),
        }

    @contextmanager
    def open(
        self, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None = None
    ) -> Iterator["MemoryAccount"]:
        yield MemoryAccount(self, credentials, save=save, deadline=deadline)

    def refresh(self, credentials: Credentials) -> Credentials:
        """Raises ReconnectNeeded where the grant has ended."""
        self.service.request("refresh")
        person = self.service.find_by(refresh_token=str(credentials.get("refresh_token", "")))
        if person is None:
            raise ReconnectNeeded(detail="no such grant")
        if self.service.rotates:
            person.refresh_token = secrets.token_urlsafe(8)
        asks = credentials.get("asks")
        return self._issue(person, asks if isinstance(asks, list) else None)

    def revoke(self, credentials: Credentials) -> None:
        self.service.request("revoke")
        person = self.service.find_by(refresh_token=str(credentials.get("refresh_token", "")))
        if person is not None:
            person.end_grant()


class MemoryAccount:
    """An integrations.providers.base.Account."""

    def __init__(
        self, memory: Memory, credentials: Credentials, *, save: SaveCredentials, deadline: datetime | None
    ) -> None:
        self._memory = memory
        self._credentials = credentials
        self._save = save
        self._deadline = deadline

    @property
    def calendar(self) -> "MemoryCalendar":
        return MemoryCalendar(self)

    @property
    def contacts(self) -> MemoryContacts:
        return MemoryContacts(self)

    @property
    def page_size(self) -> int:
        return self._memory.service.page_size

    def request(self, kind: str, permission: Permission) -> MemoryPerson:
        """Whose account it is; each page is one request.

        Raises:
            ReconnectNeeded, PermissionMissing, Unreachable, or the fault that is due.
        """
        if self._deadline is not None and datetime.now(UTC) >= self._deadline:
            raise Unreachable(detail="deadline")
        person = self._find_person()
        if person is None:
            renewed = self._memory.refresh(self._credentials)
            self._save(renewed)
            self._credentials = renewed
            person = self._find_person()
        self._memory.service.request(kind)
        if person is None:
            raise ReconnectNeeded(detail="no such grant")
        if permission not in person.granted & person.opened:
            raise PermissionMissing(detail=permission.value)
        return person

    def answer(self, kind: str) -> None:
        """Raises Unreachable where the answer is lost."""
        self._memory.service.answer(kind)

    def _find_person(self) -> MemoryPerson | None:
        expires_at = self._credentials.get("expires_at")
        if not isinstance(expires_at, float) or expires_at <= time.time():
            return None
        return self._memory.service.find_by(access_token=str(self._credentials.get("access_token", "")))


class MemoryCalendar:
    """An integrations.providers.base.Calendar."""

    def __init__(self, account: MemoryAccount) -> None:
        self._account = account

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        person = self._account.request("calendars", Permission.CALENDAR_READ)
        return tuple(book.describe() for book in person.calendars.values())

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        def open_shelf() -> Shelf[RemoteEvent]:
            return self._open("calendar", calendar).events

        for page in list_shelf(open_shelf, cursor, self._account.page_size, holds=window.holds):
            yield replace(page, changed=_as_listed(page.changed))

    def read(self, ref: RemoteRef) -> RemoteEvent:
        return self._open("read", ref.container).get(ref.id)

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        book = self._open("read", ref.container)
        return book.get(book.get(ref.id).series_id or ref.id)

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        return _as_listed(self._open("instances", ref.container).occurrences(ref.id, window))

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        made = self._open_to_write("create", calendar).create(draft, key=key)
        return self._answer("create", made)

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        changed = self._open_to_write("update", ref.container).update(ref, draft, fields=fields)
        return self._answer("update", changed)

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        ended = self._open_to_write("end_series", ref.container).end_series(ref, before=before)
        return self._answer("end_series", ended)

    def delete(self, ref: RemoteRef) -> None:
        try:
            self._open_to_write("delete", ref.container).delete(ref.id)
        except Gone:
            return
        self._answer("delete", None)

    def _open(self, kind: str, calendar: str, permission: Permission = Permission.CALENDAR_READ) -> MemoryBook:
        """Raises Gone, and what MemoryAccount.request does."""
        book = self._account.request(kind, permission).calendars.get(calendar)
        if book is None:
            raise Gone(detail="no such calendar")
        return book

    def _open_to_write(self, kind: str, calendar: str) -> MemoryBook:
        """Raises as `_open`, and Rejected where the calendar is only read."""
        book = self._open(kind, calendar, Permission.CALENDAR_WRITE)
        if not book.is_writable:
            raise Rejected("You may read this calendar, but not change it. Choose another one.", detail="read only")
        return book

    def _answer(self, kind: str, result: Answer) -> Answer:
        self._account.answer(kind)
        return result


def _as_listed(events: Iterable[RemoteEvent]) -> tuple[RemoteEvent, ...]:
    return tuple(replace(one, original_starts=None) if one.original_starts else one for one in events)
