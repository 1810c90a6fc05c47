"""Exchange on premises, over the sandbox's pretend Exchange: by https, with NTLM."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from integrations.permissions import ALL, Permissions
from integrations.providers.exchange import Exchange
from integrations.providers.exchange import calendar as exchange_calendar
from integrations.providers.exchange import contacts as exchange_contacts
from integrations.providers.exchange.people import NUMBER_TYPES
from integrations.remote import Credentials, SignIn
from safety import outbound
from sandbox.exchange.ids import read_folder_id, read_item_id
from sandbox.server import Sandbox, running
from tests.contracts.office365_stage import FULL_CONTACT, count_contacts, daily, show_contact, times
from tests.contracts.stages import PASSWORD, PERSON


class ExchangeStage:
    page_size = 5
    invites = True
    number_slots: Mapping[str, int] = dict.fromkeys((one.key for one in NUMBER_TYPES), 1)
    has_locked_folders = True
    lists_keys = True
    page_sizes = ((exchange_calendar, "_PAGE_SIZE"), (exchange_contacts, "_PAGE_SIZE"))

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.exchange = sandbox.exchange
        self.exchange.add_person(
            PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE", password=PASSWORD, domain="NORTHWIND"
        )
        self.provider = make_exchange(sandbox)
        self.method = Exchange.info.methods[0]
        self.saved: list[Credentials] = []

    def typed(self, **changes: str) -> dict[str, str]:
        typed = {"user": "NORTHWIND\\alice", "password": PASSWORD, "version": "", "ews_url": self.exchange.url}
        return typed | changes

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        return self.provider.log_in(self.typed(), method=self.method.key)

    def count_refusals(self) -> int:
        return self.exchange.bad_tries(PERSON)

    def _event_id(self, remote_id: str) -> str:
        """The mailbox's own id behind one of EWS, or of the series with a UID."""
        series = self.exchange.mailbox(PERSON).find_by_uid(remote_id)
        if series is not None:
            return str(series["id"])
        return read_item_id(remote_id, self.exchange.mailbox(PERSON).name)[0]

    def _folder_id(self, remote_id: str) -> str:
        return read_folder_id(remote_id, self.exchange.mailbox(PERSON).name)

    def _add_event(self, doc: dict[str, Any]) -> str:
        return self.exchange.item_id(PERSON, self.exchange.add_event(PERSON, doc)["id"])

    def add_event(self, title: str, starts: datetime, minutes: int = 60) -> str:
        return self._add_event({"subject": title, **times(starts, minutes)})

    def add_day(self, title: str, first: date, until: date) -> str:
        start, end = (
            {"dateTime": f"{day.isoformat()}T00:00:00", "timeZone": "W. Europe Standard Time"} for day in (first, until)
        )
        return self._add_event({"subject": title, "isAllDay": True, "start": start, "end": end})

    def add_many_events(self, count: int, starts: datetime) -> None:
        for number in range(count):
            self.add_event(f"Event {number}", starts + timedelta(minutes=number))

    def add_series(self, title: str, starts: datetime, count: int) -> str:
        return self._add_event({"subject": title, **times(starts, 30), **daily(starts, count)})

    def rename_event(self, remote_id: str, title: str) -> None:
        self.exchange.change_event(PERSON, self._event_id(remote_id), {"subject": title})

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None:
        self.exchange.change_event(PERSON, self._event_id(remote_id), times(starts, minutes))

    def remove_event(self, remote_id: str) -> None:
        self.exchange.delete_event(PERSON, self._event_id(remote_id))

    def add_folder(self, name: str) -> str:
        return self.exchange.folder_id(PERSON, self.exchange.add_folder(PERSON, name).id)

    def rename_folder(self, remote_id: str, name: str) -> None:
        self.exchange.rename_folder(PERSON, self._folder_id(remote_id), name)

    def add_contact(self, name: str, *, number: str = "", folder: str = "") -> str:
        doc: dict[str, Any] = {"displayName": name, "givenName": name}
        if number:
            doc["mobilePhone"] = number
        made = self.exchange.add_contact(PERSON, doc, self._folder_id(folder) if folder else "")
        return self.exchange.item_id(PERSON, made["id"])

    def remove_contact(self, remote_id: str) -> None:
        self.exchange.delete_contact(PERSON, self._event_id(remote_id))

    def add_full_contact(self) -> str:
        """With what Exchange keeps beside what Graph knows, a program's own property among it."""
        mailbox = self.exchange.mailbox(PERSON)
        made = self.exchange.add_contact(PERSON, FULL_CONTACT)["id"]
        mailbox.write_more(made, {"phones": {}, "extended": {"string 0x3a45": "Dr."}})
        return self.exchange.item_id(PERSON, made)

    def rename_contact(self, remote_id: str, name: str) -> None:
        self.exchange.change_contact(PERSON, self._event_id(remote_id), {"displayName": name})

    def show_contact(self, remote_id: str) -> object:
        mailbox, contact_id = self.exchange.mailbox(PERSON), self._event_id(remote_id)
        return show_contact(mailbox, contact_id), mailbox.read_more(contact_id)["extended"]

    def count_contacts(self, name: str) -> int:
        return count_contacts(self.exchange.mailbox(PERSON), name)

    def remove_folder(self, remote_id: str) -> None:
        self.exchange.delete_folder(PERSON, self._folder_id(remote_id))

    def lock_folder(self, remote_id: str) -> None:
        self.exchange.mailbox(PERSON).lock_folder(self._folder_id(remote_id))

    def expire_cursors(self) -> None:
        self.exchange.expire_sync(PERSON)

    def end_grant(self) -> None:
        """The person has changed the password at work."""
        self.exchange.set_password(PERSON, "another password of Alice's")

    def fail(self, kind: str, *, after: int = 0) -> None:
        """Of pages: what is asked before the first items counts as none."""
        fault = {"slow down": "busy", "broken": "500-fault", "cut off": "cut-off"}[kind]
        what = "GetItem" if after else "*"
        self.sandbox.faults.add(fault, f"{self.exchange.path}/{what}", skip=after, amount=30)

    def lose_answer(self, kind: str) -> None:
        self.sandbox.faults.add("lost-answer", self._path_of(kind))

    def reject_next(self, kind: str) -> None:
        self.sandbox.faults.add("not-saved", self._path_of(kind))

    def _path_of(self, kind: str) -> str:
        return f"{self.exchange.path}/{OPERATIONS[kind]}"

    def count_events(self, title: str) -> int:
        return self._titles_of(PERSON).count(title)

    def _titles_of(self, email: str) -> list[str]:
        mailbox = self.exchange.mailbox(email)
        rows = [row for folder in mailbox.folders("calendar") for row in mailbox.event_rows(folder.id)]
        return [doc["subject"] for doc in (row.load() for row in rows) if not doc["isCancelled"]]

    def second_calendar(self, name: str) -> str:
        return self.exchange.folder_id(PERSON, self.exchange.mailbox(PERSON).add_folder(name, kind="calendar").id)

    def find_invited(self, email: str) -> list[str]:
        return self._titles_of(email)

    def answer_invitation(self, remote_id: str, email: str) -> None:
        ours = self.exchange.mailbox(PERSON).find_event(self._event_id(remote_id))
        assert ours is not None
        theirs = self.exchange.mailbox(email).find_by_uid(ours["iCalUId"])
        assert theirs is not None
        self.exchange.mailbox(email).answer_invitation(theirs["id"], "accepted")


OPERATIONS = {
    "create": "CreateItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "create contact": "CreateItem",
    "add number": "UpdateItem",
}


def make_session_factory(
    sandbox: Sandbox, *, max_bytes: int | None = None, timeout: float = 5.0, ca_file: str | None = ""
) -> Any:
    """Sessions that may talk to the sandbox and trust its authority ("": the sandbox's own, None: nobody's)."""
    allow = [urlsplit(url).netloc for url in (sandbox.url, sandbox.tls_url)]
    bundle = str(sandbox.ca_file) if ca_file == "" else ca_file
    policy = outbound.Policy(allow=outbound.parse_allow(allow), ca_bundle=bundle)

    def make_session() -> requests.Session:
        return outbound.session(policy, timeout=timeout, max_bytes=max_bytes)

    return make_session


def make_exchange(sandbox: Sandbox, **limits: Any) -> Exchange:
    """The provider, let to talk to a sandbox. `limits` as make_session_factory's."""
    return Exchange({"ews_url": ""}, session_factory=make_session_factory(sandbox, **limits))


@contextmanager
def exchange_stage() -> Iterator[ExchangeStage]:
    with running() as sandbox:
        yield ExchangeStage(sandbox)
