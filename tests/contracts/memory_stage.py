"""The provider that lives in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

from integrations import errors
from integrations.permissions import ALL, NONE, Permissions
from integrations.providers.memory import Memory, MemoryService
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Credentials, EventDraft, NumberKind, RemoteEmail, RemoteNumber, RemoteRef, SignIn
from tests.contracts.stages import PASSWORD, PERSON, consent_to


class MemoryStage:
    narrows = True
    page_size = 5
    page_sizes = ()
    invites = False
    number_slots: Mapping[str, int] = {}
    has_locked_folders = True
    lists_keys = True

    def __init__(self) -> None:
        self.service = MemoryService()
        self.service.page_size = self.page_size
        self.person = self.service.add_person(PERSON)
        self.person.password = PASSWORD
        self.provider = Memory(service=self.service)
        self.method = Memory.info.methods[0]
        self.saved: list[Credentials] = []
        self._last = 0

    def _next(self) -> str:
        self._last += 1
        return f"m{self._last}"

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        return consent_to(self, permissions)

    def typed(self, **changes: str) -> dict[str, str]:
        return {"user": PERSON, "password": PASSWORD, "version": "", "ews_url": "https://memory.example/"} | changes

    def count_refusals(self) -> int:
        return self.service.refusals

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

    def add_series(self, title: str, starts: datetime, count: int) -> str:
        recurrence = Recurrence(Repeats.DAILY, count=count)
        ends = starts + timedelta(minutes=30)
        draft = EventDraft(title, starts=starts, ends=ends, timezone="UTC", recurrence=recurrence)
        return self.person.book.create(draft, key=self._next()).ref.id

    def rename_event(self, remote_id: str, title: str) -> None:
        self._change(remote_id, EventDraft(title), "title")

    def move_event(self, remote_id: str, starts: datetime, minutes: int = 60) -> None:
        self._change(remote_id, EventDraft(starts=starts, ends=starts + timedelta(minutes=minutes)), "time")

    def _change(self, remote_id: str, draft: EventDraft, field: str) -> None:
        self.person.book.update(RemoteRef(remote_id), draft, fields=frozenset({field}))

    def remove_event(self, remote_id: str) -> None:
        self.person.book.delete(remote_id)

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

    def add_full_contact(self) -> str:
        return self.person.put_contact(
            self._next(),
            given_name="Ines",
            family_name="Ferreira",
            display_name="Ines Ferreira",
            organization="Ferreira Lda.",
            title="Owner",
            emails=(RemoteEmail("ines@ferreira.example", "Work"), RemoteEmail("ines@home.example", "Home")),
            numbers=(RemoteNumber("+49 30 901820", NumberKind.MOBILE, "Mobile"),),
            addresses=("Rua do Carmo 1\nLisboa",),
            note="Met in Porto.",
            photo_url="https://memory.example/photos/1",
        ).ref.id

    def rename_contact(self, remote_id: str, name: str) -> None:
        self.person.contacts.put(replace(self.person.contacts.items[remote_id], display_name=name))

    def show_contact(self, remote_id: str) -> object:
        return replace(self.person.contacts.items[remote_id], ref=RemoteRef(remote_id), numbers=())

    def count_contacts(self, name: str) -> int:
        return sum(one.display_name == name for one in self.person.contacts.items.values())

    def remove_folder(self, remote_id: str) -> None:
        del self.person.folders[remote_id]

    def lock_folder(self, remote_id: str) -> None:
        self.person.folders[remote_id] = replace(self.person.folders[remote_id], is_writable=False)

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

    def lose_answer(self, kind: str) -> None:
        self.service.lose_answer(at=kind)

    def reject_next(self, kind: str) -> None:
        self.service.fail(errors.Rejected(), at=kind)

    def count_events(self, title: str) -> int:
        books = self.person.calendars.values()
        held = [one for book in books for shelf in (book.events, book.masters) for one in shelf.items.values()]
        return sum(one.title == title and not one.series_id for one in held)

    def second_calendar(self, name: str) -> str:
        return self.person.add_calendar(self._next(), name, color="#16a765").id

    def find_invited(self, email: str) -> list[str]:
        raise AssertionError("the memory service tells nobody who is invited")

    def answer_invitation(self, remote_id: str, email: str) -> None:
        raise AssertionError("the memory service tells nobody who is invited")


@contextmanager
def memory_stage() -> Iterator[MemoryStage]:
    yield MemoryStage()


@contextmanager
def memory_form_stage() -> Iterator[MemoryStage]:
    yield MemoryFormStage()


class MemoryFormStage(MemoryStage):
    """The same service, signed in at by its form."""

    def __init__(self) -> None:
        super().__init__()
        self.method = Memory.info.methods[1]

    def sign_in(self, permissions: Permissions = ALL) -> SignIn:
        return self.provider.log_in(self.typed(), method="password")
