"""Google, over the sandbox's pretend Google."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from integrations.permissions import ALL, NONE, Permissions
from integrations.providers.google import Google
from integrations.providers.google import calendar as google_calendar
from integrations.providers.google import contacts as google_contacts
from integrations.providers.google.scopes import SCOPES
from integrations.remote import Credentials, SignIn
from safety import outbound
from sandbox.google.event_query import Query
from sandbox.google.person_shapes import display_name
from sandbox.server import Sandbox, running
from tests.contracts.stages import PERSON, REDIRECT_URI, consent_to

EVENTS = "*/events*"
METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
WRITES = {"create contact": "*/people:createContact", "add number": "*/people/*:updateContact"}


class GoogleStage:
    narrows = True
    invites = True
    number_slots: Mapping[str, int] = {}
    has_locked_folders = False
    lists_keys = True
    page_size = 5
    page_sizes = ((google_calendar, "_PAGE_SIZE"), (google_contacts, "_PAGE_SIZE"))

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.google = sandbox.google
        self.google.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE")
        self.google.tokens.rotates = True
        self.provider = make_google(sandbox)
        self.method = Google.info.methods[0]
        self.saved: list[Credentials] = []

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        return consent_to(self, permissions)

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

    def add_series(self, title: str, starts: datetime, count: int) -> str:
        body = {"summary": title, "recurrence": [f"RRULE:FREQ=DAILY;COUNT={count}"], **self._times(starts, 30)}
        return self.google.add_event(PERSON, body)["id"]

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

    def add_full_contact(self) -> str:
        body = {
            "names": [{"givenName": "Ines", "familyName": "Ferreira", "honorificPrefix": "Dr."}],
            "nicknames": [{"value": "Né"}],
            "organizations": [{"name": "Ferreira Lda.", "title": "Owner"}],
            "emailAddresses": [
                {"value": "ines@ferreira.example", "type": "work"},
                {"value": "ines@home.example", "type": "home"},
            ],
            "phoneNumbers": [{"value": "+49 30 901820", "type": "mobile"}],
            "addresses": [{"streetAddress": "Rua do Carmo 1", "city": "Lisboa", "formattedValue": "Rua do Carmo 1"}],
            "biographies": [{"value": "Met in Porto.", "contentType": "TEXT_PLAIN"}],
            "userDefined": [{"key": "Customer", "value": "17"}],
            "clientData": [{"key": "another app", "value": "its own"}],
        }
        return self.google.contacts.create(PERSON, body)["resourceName"]

    def rename_contact(self, remote_id: str, name: str) -> None:
        sources = self.google.contacts.get(PERSON, remote_id).doc["metadata"]["sources"]
        body = {"names": [{"unstructuredName": name}], "metadata": {"sources": sources}}
        self.google.contacts.update(PERSON, remote_id, body, ["names"])

    def show_contact(self, remote_id: str) -> object:
        doc = self.google.contacts.get(PERSON, remote_id).doc
        return {name: value for name, value in doc.items() if name not in ("etag", "metadata", "phoneNumbers")}

    def count_contacts(self, name: str) -> int:
        return sum(display_name(one.doc) == name for one in self.google.contacts.every(PERSON))

    def remove_folder(self, remote_id: str) -> None:
        self.google.contacts.delete_group(PERSON, remote_id)

    def lock_folder(self, remote_id: str) -> None:
        raise AssertionError("at Google every label can be written to")

    def expire_cursors(self) -> None:
        self.google.expire_sync_tokens(PERSON)

    def expire_access(self) -> None:
        self.google.tokens.expire_access(PERSON)

    def end_grant(self) -> None:
        self.google.tokens.revoke_account(PERSON)

    def fail(self, kind: str, *, after: int = 0) -> None:
        fault = {"slow down": "429", "broken": "503", "cut off": "cut-off"}[kind]
        self.sandbox.faults.add(fault, skip=after)

    def lose_answer(self, kind: str) -> None:
        if kind in WRITES:
            self.sandbox.faults.add("lost-answer", WRITES[kind])
        else:
            self.sandbox.faults.add("lost-answer", EVENTS, method=METHODS[kind])

    def reject_next(self, kind: str) -> None:
        self.sandbox.faults.add("400", EVENTS, method=METHODS[kind])

    def count_events(self, title: str) -> int:
        calendars = self.google.calendars.listed(PERSON)
        return sum(len(self.google.listing.find_titled(calendar, title)) for calendar in calendars)

    def second_calendar(self, name: str) -> str:
        return self.google.calendars.insert(PERSON, {"summary": name}).id

    def find_invited(self, email: str) -> list[str]:
        if self.google.people.find(email) is None:
            self.google.add_person(email, name=email.partition("@")[0].title(), timezone="Europe/Berlin", region="DE")
        calendar = self.google.calendars.get(email, "primary")
        found = self.google.listing.find_all(calendar, Query())
        return [doc["summary"] for doc in found if not doc.get("recurringEventId")]

    def answer_invitation(self, remote_id: str, email: str) -> None:
        calendar = self.google.calendars.get(email, "primary")
        attendees = self.google.events.get(calendar, remote_id)["attendees"]
        answered = [one | {"responseStatus": "accepted"} if one["email"] == email else one for one in attendees]
        self.google.change_event(email, remote_id, {"attendees": answered})


def make_google(sandbox: Sandbox, *, max_bytes: int | None = None, timeout: float = 5.0) -> Google:
    """The provider with its addresses pointed at a sandbox, which the guard is told to allow."""
    names = {"client_id", "client_secret", "authorize_url", "token_url", "revoke_url", "calendar_root", "people_root"}
    settings = {name: sandbox.settings[f"GOOGLE_{name.upper()}"] for name in names}
    policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(sandbox.url).netloc]))

    def make_session() -> requests.Session:
        return outbound.session(policy, timeout=timeout, max_bytes=max_bytes)

    return Google(settings, session_factory=make_session)


@contextmanager
def google_stage() -> Iterator[GoogleStage]:
    with running() as sandbox:
        yield GoogleStage(sandbox)
