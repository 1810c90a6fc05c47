"""A meeting host without a network: what tests of the outbox and of the pages run against."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from integrations.errors import AdminNeeded, Gone, ProviderError, Rejected, Unreachable
from meetings.hosting import HostDraft, HostedMeeting, HostInfo, HostSetup, Kind, OpenHost

SECRET = "opens-the-memory-host"  # noqa: S105 (opens nothing but a dictionary of the test)
FIRST_NUMBER = 84_000_000_000


@dataclass(slots=True)
class Held:
    """A meeting as it is held there. `starts`: of each occurrence that is left."""

    meeting: HostedMeeting
    user: str
    starts: list[datetime]


@dataclass
class MemoryHostService:
    """The state of the pretend host. Tests edit it as people would at the host itself."""

    users: set[str] = field(default_factory=set)
    webinar_users: set[str] = field(default_factory=set)
    assistants: dict[str, tuple[str, ...]] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """What was asked, in order: "create", "update", "delete", "upcoming", "assistants", "check"."""
    failures: list[ProviderError] = field(default_factory=list)
    """The next requests fail with these, before anything is done."""
    last_number: int = FIRST_NUMBER
    lost_answers: int = 0
    """Of so many of the next writes the answer is lost, after the work was done."""

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def take_number(self) -> str:
        self.last_number += 1
        return str(self.last_number)

    def schedule(self, user: str, topic: str, starts: datetime, minutes: int = 60, **facts: Any) -> HostedMeeting:
        """As the person would at the host itself. `more`: further starts, of a series."""
        more: list[datetime] = facts.pop("more", [])
        number = self.take_number()
        meeting = HostedMeeting(
            id=number, topic=topic, starts=starts, minutes=minutes, timezone="UTC", meeting_number=number,
            join_url=f"https://us02web.zoom.us/j/{number}?pwd=memory", is_series=bool(more),
        )  # fmt: skip
        self.held[number] = Held(replace(meeting, **facts), user.lower(), [starts, *more])
        return self.held[number].meeting


SERVICE = MemoryHostService()


class MemoryHost:
    """All of one process are the same host. It stands in settings.HOSTS where Zoom does."""

    info: ClassVar[HostInfo] = HostInfo(
        key="zoom",
        name="Memory",
        kinds=frozenset({"meeting", "webinar"}),
        has_passcode=True,
        has_waiting_room=True,
        lists_upcoming=True,
        lists_assistants=True,
    )

    def __init__(self, setup: HostSetup, settings: Mapping[str, str], *, session_factory: Callable[[], Any]) -> None:
        self._secret = setup.credentials.get("client_secret", SECRET)

    @contextmanager
    def open(self) -> Iterator[OpenHost]:
        yield OpenMemoryHost(SERVICE, secret=self._secret)


class OpenMemoryHost:
    def __init__(self, service: MemoryHostService, *, secret: str) -> None:
        self._service = service
        self._secret = secret

    def create(self, draft: HostDraft, *, user: str, key: str) -> HostedMeeting:
        self._note("create")
        self._check_user(user, draft.kind)
        reference = key[:12]
        found = next((one for one in self._service.held.values() if one.meeting.reference == reference), None)
        if found is None:
            number = self._service.take_number()
            made = HostedMeeting(
                id=number, kind=draft.kind, meeting_number=number, reference=reference, dial_in="+1 212 555 0100 (US)"
            )
            found = Held(made, user.lower(), [])
            _settle(found, draft, draft.passcode or "m3m0ry")
            self._service.held[number] = found
        self._lose_answer()
        return found.meeting

    def update(self, id: str, draft: HostDraft) -> HostedMeeting:
        self._note("update")
        if id not in self._service.held:
            raise Gone(detail="memory")
        held = self._service.held[id]
        _settle(held, draft, draft.passcode or held.meeting.passcode)
        self._lose_answer()
        return held.meeting

    def delete(self, id: str, kind: Kind) -> None:
        self._note("delete")
        self._service.held.pop(id, None)
        self._lose_answer()

    def upcoming(self, user: str) -> Iterator[HostedMeeting]:
        self._note("upcoming")
        if user.lower() not in self._service.users:
            raise Gone(detail="memory")
        now = datetime.now(UTC)
        for held in self._service.held.values():
            if held.user == user.lower():
                left = [one for one in held.starts if one + timedelta(minutes=held.meeting.minutes) > now]
                yield from (replace(held.meeting, starts=one, passcode="", dial_in="") for one in left)

    def assistants(self, user: str) -> tuple[str, ...]:
        self._note("assistants")
        if user.lower() not in self._service.users:
            raise Gone(detail="memory")
        return self._service.assistants.get(user.lower(), ())

    def check(self) -> str:
        self._note("check")
        return "The memory host works."

    def _note(self, what: str) -> None:
        self._service.requests.append(what)
        if self._secret != SECRET:
            raise AdminNeeded("The memory host does not accept this secret.")
        if self._service.failures:
            raise self._service.failures.pop(0)

    def _lose_answer(self) -> None:
        if self._service.lost_answers:
            self._service.lost_answers -= 1
            raise Unreachable("The memory host cannot be reached just now.")

    def _check_user(self, user: str, kind: Kind) -> None:
        """Raises Rejected."""
        if user.lower() not in self._service.users:
            raise Rejected("The memory host knows no such user.")
        if kind == "webinar" and user.lower() not in self._service.webinar_users:
            raise Rejected("The memory host has no webinars for this person.")


def _settle(held: Held, draft: HostDraft, passcode: str) -> None:
    if len(passcode) > 10:
        raise Rejected("The memory host takes passcodes of up to 10 characters.")
    number, digest = held.meeting.id, hashlib.sha256(passcode.encode()).hexdigest()[:24]
    held.meeting = replace(
        held.meeting, topic=draft.topic, starts=draft.starts, minutes=draft.minutes, timezone=draft.timezone,
        passcode=passcode, is_series=draft.recurrence is not None,
        join_url=f"https://us02web.zoom.us/j/{number}?pwd={digest}.1",
    )  # fmt: skip
    rule = draft.recurrence
    held.starts = rule.starts_of(draft.starts, ZoneInfo(draft.timezone)) if rule else [draft.starts]
