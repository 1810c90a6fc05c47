"""Office 365 by OAuth 2.0, over the sandbox's pretend Entra ID and Graph."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from integrations.permissions import ALL, NONE, Permissions
from integrations.providers.office365 import Office365
from integrations.providers.office365 import calendar as office365_calendar
from integrations.providers.office365 import contacts as office365_contacts
from integrations.providers.office365.scopes import SCOPES
from integrations.remote import Credentials, SignIn
from safety import outbound
from sandbox.mailbox import Mailbox
from sandbox.mailbox.contacts import TEXTS
from sandbox.server import Sandbox, running
from tests.contracts.stages import PERSON, REDIRECT_URI, consent_to


class Office365Stage:
    narrows = False  # Microsoft's tokens carry whatever was consented to
    page_size = 5
    page_sizes = ((office365_calendar, "_PAGE_SIZE"), (office365_contacts, "_PAGE_SIZE"))
    invites = True
    number_slots: Mapping[str, int] = {"businessPhones": 2, "homePhones": 2, "mobilePhone": 1}
    has_locked_folders = True
    lists_keys = False  # change tracking takes no $expand, and by nothing else does Graph show an extended property

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.office365 = sandbox.office365
        self.office365.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE")
        self.provider = make_office365(sandbox)
        self.method = Office365.info.methods[0]
        self.saved: list[Credentials] = []

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        return consent_to(self, permissions)

    def consent(self, url: str, *, untick: Permissions = NONE) -> Mapping[str, str]:
        """Microsoft's page has no boxes: what is unticked here is withheld by the organization."""
        withheld = {SCOPES[one] for one in untick}
        if withheld:
            self.office365.tenants.change(PERSON.partition("@")[2], withheld=sorted(withheld))
        return walk(self.sandbox, url)

    def deny(self, url: str) -> Mapping[str, str]:
        return walk(self.sandbox, url, decision="cancel")

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str:
        return self.office365.add_event(PERSON, {"subject": title, **times(starts, minutes)})["id"]

    def add_day(self, title: str, first: date, until: date) -> str:
        start, end = ({"dateTime": f"{day.isoformat()}T00:00:00", "timeZone": "UTC"} for day in (first, until))
        return self.office365.add_event(PERSON, {"subject": title, "isAllDay": True, "start": start, "end": end})["id"]

    def add_many_events(self, count: int, starts: datetime) -> None:
        for number in range(count):
            self.add_event(f"Event {number}", starts + timedelta(minutes=number))

    def add_series(self, title: str, starts: datetime, count: int) -> str:
        return self.office365.add_event(PERSON, {"subject": title, **times(starts, 30), **daily(starts, count)})["id"]

    def rename_event(self, remote_id: str, title: str) -> None:
        self.office365.change_event(PERSON, remote_id, {"subject": title})

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None:
        self.office365.change_event(PERSON, remote_id, times(starts, minutes))

    def remove_event(self, remote_id: str) -> None:
        self.office365.delete_event(PERSON, remote_id)

    def add_folder(self, name: str) -> str:
        return self.office365.add_folder(PERSON, name)

    def rename_folder(self, remote_id: str, name: str) -> None:
        self.office365.rename_folder(PERSON, remote_id, name)

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str:
        doc: dict[str, Any] = {"displayName": name, "givenName": name}
        if number:
            doc["mobilePhone"] = number
        return self.office365.add_contact(PERSON, doc, folder)["id"]

    def remove_contact(self, remote_id: str) -> None:
        self.office365.delete_contact(PERSON, remote_id)

    def add_full_contact(self) -> str:
        return self.office365.add_contact(PERSON, FULL_CONTACT)["id"]

    def rename_contact(self, remote_id: str, name: str) -> None:
        self.office365.change_contact(PERSON, remote_id, {"displayName": name})

    def show_contact(self, remote_id: str) -> object:
        return show_contact(self.office365.mailbox(PERSON), remote_id)

    def count_contacts(self, name: str) -> int:
        return count_contacts(self.office365.mailbox(PERSON), name)

    def remove_folder(self, remote_id: str) -> None:
        self.office365.delete_folder(PERSON, remote_id)

    def lock_folder(self, remote_id: str) -> None:
        self.office365.mailbox(PERSON).lock_folder(remote_id)

    def expire_cursors(self) -> None:
        self.office365.expire_sync(PERSON)

    def expire_access(self) -> None:
        self.office365.expire_access(PERSON)

    def end_grant(self) -> None:
        self.office365.revoke_account(PERSON)

    def fail(self, kind: str, *, after: int = 0) -> None:
        """Of pages: the folders that are read before contacts count as none."""
        fault = {"slow down": "429", "broken": "503", "cut off": "cut-off"}[kind]
        self.sandbox.faults.add(fault, "/graph/*/delta" if after else "/graph/*", skip=after)

    def lose_answer(self, kind: str) -> None:
        items = "contacts" if kind in CONTACT_METHODS else "events"
        self.sandbox.faults.add("lost-answer", f"/graph/*/{items}*", method=(METHODS | CONTACT_METHODS)[kind])

    def reject_next(self, kind: str) -> None:
        self.sandbox.faults.add("400", "/graph/*/events*", method=METHODS[kind])

    def count_events(self, title: str) -> int:
        mailbox = self.office365.mailbox(PERSON)
        rows = [row for folder in mailbox.folders("calendar") for row in mailbox.event_rows(folder.id)]
        return sum(row.load()["subject"] == title for row in rows)

    def second_calendar(self, name: str) -> str:
        return self.office365.mailbox(PERSON).add_folder(name, kind="calendar").id

    def find_invited(self, email: str) -> list[str]:
        self.office365.add_person(email)
        mailbox = self.office365.mailbox(email)
        docs = [row.load() for row in mailbox.event_rows(mailbox.calendar_id)]
        return [doc["subject"] for doc in docs if not doc["isCancelled"]]

    def answer_invitation(self, remote_id: str, email: str) -> None:
        theirs, ours = self.office365.mailbox(email), self.office365.mailbox(PERSON).get_event(remote_id)
        copy = theirs.find_by_uid(ours["iCalUId"])
        assert copy
        theirs.answer_invitation(copy["id"], "accepted")


METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
CONTACT_METHODS = {"create contact": "POST", "add number": "PATCH"}
FULL_CONTACT: dict[str, Any] = {
    **{name: f"Some {name}" for name in TEXTS if name not in ("birthday", "mobilePhone")},
    "givenName": "Ines",
    "middleName": "Maria",
    "surname": "Ferreira",
    "displayName": "Inês Ferreira",
    "fileAs": "Ferreira Lda.",
    "birthday": "1984-03-02",
    "businessHomePage": "https://ferreira.example/",
    "categories": ["Friends", "Porto"],
    "children": ["Rui"],
    "imAddresses": ["ines@chat.example"],
    "emailAddresses": [
        {"name": "Ines Ferreira", "address": "ines@ferreira.example"},
        {"name": "Ines", "address": "ines@home.example"},
    ],
    "mobilePhone": "+49 30 901820",
    "businessAddress": {"street": "Rua do Carmo 1", "city": "Lisboa", "postalCode": "1200-093"},
    "homeAddress": {"street": "Rua Augusta 2", "city": "Lisboa", "state": "L", "countryOrRegion": "Portugal"},
    "otherAddress": {"city": "Porto"},
    "personalNotes": "Met in Porto.\nLikes fado & <rain>.",
}
"""All that a contact has room for; a name that is not what its parts would make."""
_CHANGING = {"@odata.etag", "changeKey", "lastModifiedDateTime", "mobilePhone", "businessPhones", "homePhones"}


def show_contact(mailbox: Mailbox, contact_id: str) -> object:
    """All but numbers, and what each change changes."""
    doc = mailbox.get_contact_row(contact_id).load()
    return {name: value for name, value in doc.items() if name not in _CHANGING}


def count_contacts(mailbox: Mailbox, name: str) -> int:
    rows = [row for folder in mailbox.folders() for row in mailbox.contact_rows(folder.id)]
    return sum(row.load()["displayName"] == name for row in rows)


def times(starts: datetime, minutes: int) -> dict[str, Any]:
    start, end = (
        {"dateTime": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
        for moment in (starts, starts + timedelta(minutes=minutes))
    )
    return {"start": start, "end": end}


def daily(starts: datetime, count: int) -> dict[str, Any]:
    lasts = {"type": "numbered", "startDate": starts.astimezone(UTC).date().isoformat(), "numberOfOccurrences": count}
    return {"recurrence": {"pattern": {"type": "daily", "interval": 1}, "range": lasts}}


def walk(
    sandbox: Sandbox, url: str, email: str = PERSON, *, decision: str = "accept", back: str = REDIRECT_URI
) -> dict[str, str]:
    """Be the person at the pretend Entra ID's pages, until one leads `back`: the query that it leads there with.

    decision: "accept" or "cancel". Who may do neither returns without consent.
    """
    with requests.Session() as browser:
        browser.trust_env = False
        answer = browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(6):
            link = answer.headers.get("Location") or _find(r'href="([^"]+)">Back to', answer.text)
            if link.startswith(back):
                return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
            if link:
                answer = browser.get(urljoin(url, link), allow_redirects=False, timeout=10)
                continue
            path = _find(r'action="(/microsoft/page/[a-z]+)"', answer.text)
            assert path, f"{answer.status_code}: a page that leads nowhere"
            decisions = re.findall(r'name="decision" value="([a-z]+)"', answer.text)
            form = {"pending": _find(r'name="pending" value="([^"]+)"', answer.text), "email": email}
            if decisions:
                form["decision"] = decision if decision in decisions else decisions[0]
            answer = browser.post(sandbox.url + path, data=form, allow_redirects=False, timeout=10)
    raise AssertionError("pages without an end")


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return unescape(found[1]) if found else ""


def make_office365(
    sandbox: Sandbox, *, max_bytes: int | None = None, timeout: float = 5.0, **changes: str
) -> Office365:
    """The provider with its addresses pointed at a sandbox, whose certificates the guard is told to trust."""
    names = ("client_id", "client_secret", "authority", "instance_discovery", "authorize_url", "graph_root", "ews_url")
    settings = {name: sandbox.settings[f"OFFICE365_{name.upper()}"] for name in names} | changes
    policy = outbound.Policy(
        allow=outbound.parse_allow([urlsplit(address).netloc for address in (sandbox.url, sandbox.tls_url)]),
        ca_bundle=str(sandbox.ca_file),
    )

    def make_session() -> requests.Session:
        return outbound.session(policy, timeout=timeout, max_bytes=max_bytes)

    return Office365(settings, session_factory=make_session)


@contextmanager
def office365_stage() -> Iterator[Office365Stage]:
    with running() as sandbox:
        yield Office365Stage(sandbox)
