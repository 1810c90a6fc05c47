"""Stages: one per provider, on which every contract is played.

A stage is a provider with a service behind it that a test may edit as a person would. The suite knows no provider;
to join it, write a stage and name it in `conftest.py`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import requests

from integrations import errors
from integrations.permissions import ALL, NONE, Permissions
from integrations.providers.base import Account, OAuthProvider
from integrations.providers.google import Google
from integrations.providers.google.scopes import SCOPES
from integrations.providers.memory import Memory, MemoryService
from integrations.remote import Credentials, RemoteNumber, SignIn
from safety import outbound
from sandbox.server import Sandbox, running

PERSON = "alice@northwind.example"
REDIRECT_URI = "http://127.0.0.1:8000/integrations/callback/"
BERLIN = ZoneInfo("Europe/Berlin")


class Stage(Protocol):
    """`saved`: every credentials that the provider handed to `save`, oldest first."""

    provider: OAuthProvider
    saved: list[Credentials]
    page_size: int

    def consent(self, url: str, *, untick: Permissions = NONE) -> Mapping[str, str]:
        """Be the person at the consent page; the query of the callback."""
        ...

    def deny(self, url: str) -> Mapping[str, str]: ...

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str: ...

    def add_day(self, title: str, first: date, until: date) -> str: ...

    def add_many_events(self, count: int, starts: datetime) -> None: ...

    def rename_event(self, remote_id: str, title: str) -> None: ...

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None: ...

    def remove_event(self, remote_id: str) -> None: ...

    def add_folder(self, name: str) -> str: ...

    def rename_folder(self, remote_id: str, name: str) -> None: ...

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str: ...

    def remove_contact(self, remote_id: str) -> None: ...

    def expire_cursors(self) -> None: ...

    def expire_access(self) -> None:
        """The access token handed out is no longer good; the refresh token is."""
        ...

    def end_grant(self) -> None:
        """The person takes the grant back at the provider."""
        ...

    def fail(self, kind: str, *, after: int = 0) -> None:
        """The next request (after so many) fails: "slow down", "broken", "cut off"."""
        ...


def sign_in(stage: Stage, permissions: Permissions = ALL, *, untick: Permissions = NONE) -> SignIn:
    asked = stage.provider.authorize(permissions, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = stage.consent(asked.url, untick=untick)
    return stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def open_account(
    stage: Stage, credentials: Credentials, deadline: datetime | None = None
) -> AbstractContextManager[Account]:
    return stage.provider.open(credentials, save=stage.saved.append, deadline=deadline)


class MemoryStage:
    page_size = 5

    def __init__(self) -> None:
        self.service = MemoryService()
        self.service.page_size = self.page_size
        self.person = self.service.add_person(PERSON)
        self.provider = Memory(service=self.service)
        self.saved: list[Credentials] = []
        self._last = 0

    def _next(self) -> str:
        self._last += 1
        return f"m{self._last}"

    def consent(self, url: str, *, untick: Permissions = NONE) -> Mapping[str, str]:
        return self.service.consent(url, PERSON, untick=untick)

    def deny(self, url: str) -> Mapping[str, str]:
        return self.service.deny(url)

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str:
        ends = starts + timedelta(minutes=minutes)
        return self.person.put_event(self._next(), title=title, starts=starts, ends=ends).ref.id

    def add_day(self, title: str, first: date, until: date) -> str:
        return self.person.put_event(self._next(), title=title, starts_on=first, ends_on=until).ref.id

    def add_many_events(self, count: int, starts: datetime) -> None:
        for number in range(count):
            self.add_event(f"Event {number}", starts + timedelta(minutes=number))

    def rename_event(self, remote_id: str, title: str) -> None:
        self.person.events.put(replace(self.person.events.items[remote_id], title=title))

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None:
        event = self.person.events.items[remote_id]
        self.person.events.put(replace(event, starts=starts, ends=starts + timedelta(minutes=minutes)))

    def remove_event(self, remote_id: str) -> None:
        self.person.events.remove(remote_id)

    def add_folder(self, name: str) -> str:
        remote_id = self._next()
        self.person.put_folder(remote_id, name)
        return remote_id

    def rename_folder(self, remote_id: str, name: str) -> None:
        self.person.put_folder(remote_id, name)

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str:
        numbers = (RemoteNumber(number),) if number else ()
        folders = (folder,) if folder else ()
        return self.person.put_contact(self._next(), display_name=name, numbers=numbers, folders=folders).ref.id

    def remove_contact(self, remote_id: str) -> None:
        self.person.contacts.remove(remote_id)

    def expire_cursors(self) -> None:
        self.person.events.expire_cursors()
        self.person.contacts.expire_cursors()

    def expire_access(self) -> None:
        self.person.access_token = ""

    def end_grant(self) -> None:
        self.person.end_grant()

    def fail(self, kind: str, *, after: int = 0) -> None:
        error = {
            "slow down": errors.RateLimited(retry_after=timedelta(seconds=30)),
            "broken": errors.Unreachable(),
            "cut off": errors.Unreachable(),
        }[kind]
        self.service.fail(error, after=after)


class GoogleStage:
    page_size = 5

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.google = sandbox.google
        self.google.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE")
        self.google.tokens.rotates = True
        self.provider = make_google(sandbox)
        self.saved: list[Credentials] = []

    def _walk(self, url: str, decision: str, untick: Permissions) -> Mapping[str, str]:
        """The consent page as a browser fills it in: boxes ticked, those of `untick` left out."""
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(url, timeout=10)
            (pending,) = set(re.findall(r'name="pending" value="([^"]+)"', page.text))
            boxes = set(re.findall(r'name="scope" value="([^"]+)"', page.text))
            form = {
                "pending": pending,
                "email": PERSON,
                "decision": decision,
                "scope": sorted(boxes - {SCOPES[one] for one in untick}),
            }
            answer = browser.post(
                f"{self.sandbox.url}/google/o/oauth2/consent", data=form, allow_redirects=False, timeout=10
            )
        location = answer.headers["Location"]
        assert location.startswith(REDIRECT_URI)
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    def consent(self, url: str, *, untick: Permissions = NONE) -> Mapping[str, str]:
        return self._walk(url, "allow", untick)

    def deny(self, url: str) -> Mapping[str, str]:
        return self._walk(url, "deny", NONE)

    def _times(self, starts: datetime, minutes: int) -> dict[str, Any]:
        moments = (starts, starts + timedelta(minutes=minutes))
        start, end = ({"dateTime": at.isoformat(), "timeZone": "Europe/Berlin"} for at in moments)
        return {"start": start, "end": end}

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str:
        return self.google.add_event(PERSON, {"summary": title, **self._times(starts, minutes)})["id"]

    def add_day(self, title: str, first: date, until: date) -> str:
        body = {"summary": title, "start": {"date": first.isoformat()}, "end": {"date": until.isoformat()}}
        return self.google.add_event(PERSON, body)["id"]

    def add_many_events(self, count: int, starts: datetime) -> None:
        for number in range(count):
            self.add_event(f"Event {number}", starts + timedelta(minutes=number))

    def rename_event(self, remote_id: str, title: str) -> None:
        self.google.change_event(PERSON, remote_id, {"summary": title})

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None:
        self.google.change_event(PERSON, remote_id, self._times(starts, minutes))

    def remove_event(self, remote_id: str) -> None:
        self.google.delete_event(PERSON, remote_id)

    def add_folder(self, name: str) -> str:
        return self.google.contacts.save_group(PERSON, name)["name"]

    def rename_folder(self, remote_id: str, name: str) -> None:
        self.google.contacts.save_group(PERSON, name, name=remote_id)

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str:
        body: dict[str, Any] = {"names": [{"unstructuredName": name, "givenName": name}]}
        if number:
            body["phoneNumbers"] = [{"value": number, "type": "mobile"}]
        if folder:
            body["memberships"] = [{"contactGroupMembership": {"contactGroupResourceName": folder}}]
        return self.google.contacts.create(PERSON, body)["resourceName"]

    def remove_contact(self, remote_id: str) -> None:
        self.google.contacts.delete(PERSON, remote_id)

    def expire_cursors(self) -> None:
        self.google.expire_sync_tokens(PERSON)

    def expire_access(self) -> None:
        self.google.tokens.expire_access(PERSON)

    def end_grant(self) -> None:
        self.google.tokens.revoke_account(PERSON)

    def fail(self, kind: str, *, after: int = 0) -> None:
        fault = {"slow down": "429", "broken": "503", "cut off": "cut-off"}[kind]
        self.sandbox.faults.add(fault, skip=after)


def make_google(sandbox: Sandbox, *, max_bytes: int | None = None, timeout: float = 5.0) -> Google:
    """The provider with its addresses pointed at a sandbox, which the guard is told to allow."""
    names = {"client_id", "client_secret", "authorize_url", "token_url", "revoke_url", "calendar_root", "people_root"}
    settings = {name: sandbox.settings[f"GOOGLE_{name.upper()}"] for name in names}
    policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(sandbox.url).netloc]))

    def make_session() -> requests.Session:
        return outbound.session(policy, timeout=timeout, max_bytes=max_bytes)

    return Google(settings, session_factory=make_session)


@contextmanager
def memory_stage() -> Iterator[Stage]:
    yield MemoryStage()


@contextmanager
def google_stage() -> Iterator[Stage]:
    with running() as sandbox:
        yield GoogleStage(sandbox)


STAGES = {"memory": memory_stage, "google": google_stage}
