"""Stages of meeting hosts: a host, and behind it a service that a test may edit as a person would."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests

from integrations.errors import RateLimited, Unreachable
from integrations.recurrence import Recurrence, Repeats
from meetings.hosting import Host, HostDraft, HostSetup
from meetings.hosts import memory, zoom
from meetings.hosts.link import Link
from meetings.hosts.memory import MemoryHost
from safety import outbound
from sandbox.server import Sandbox, running
from sandbox.zoom.shapes import dump_moment

PERSON, WITHOUT_WEBINARS, NOBODY = "alice@northwind.example", "bob@northwind.example", "nobody@northwind.example"
ASSISTANT = WITHOUT_WEBINARS
KEY, OTHER_KEY = "1a2b3c4d5e6f47089a0b1c2d3e4f5a6b", "f" * 32
BERLIN = ZoneInfo("Europe/Berlin")
NEXT_YEAR = datetime.now(BERLIN).year + 1


def make_draft(**facts: object) -> HostDraft:
    """Half an hour on a Monday in March, the last one before clocks change in Berlin."""
    starts = last_monday_of_winter()
    values = {"topic": "Kick-off", "kind": "meeting", "starts": starts, "minutes": 30, "timezone": "Europe/Berlin"}
    return HostDraft(**(values | facts))


def last_monday_of_winter() -> datetime:
    last_of_march = datetime(NEXT_YEAR, 3, 31, 10, tzinfo=BERLIN)
    sunday = last_of_march - timedelta(days=(last_of_march.weekday() + 1) % 7)
    return sunday - timedelta(days=6)


def weekly(count: int = 3) -> Recurrence:
    return Recurrence(Repeats.WEEKLY, weekdays=(0,), count=count)


class HostStage(Protocol):
    """`holds`: whether there is a service that remembers, asks for credentials and can fail."""

    host: Host
    holds: bool

    def with_credentials(self, **credentials: str) -> Host: ...

    def schedule(self, topic: str, starts: datetime, *, count: int = 1) -> None:
        """As the person would at the host itself; a series has one a day."""
        ...

    def remove(self, id: str) -> None: ...

    def count(self) -> int:
        """Meetings and webinars that the person has there."""
        ...

    def starts_of(self, id: str) -> list[datetime]:
        """Of every occurrence, as the service has it."""
        ...

    def lose_answer(self) -> None:
        """The next write is carried out, and nothing is heard of it."""
        ...

    def fail(self, kind: str) -> None:
        """The next request fails: "slow down", "broken"."""
        ...


class ZoomStage:
    holds = True

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        sandbox.zoom.add_user(PERSON, webinars=True, assistants=(ASSISTANT,))
        sandbox.zoom.add_user(WITHOUT_WEBINARS)
        self.host = make_zoom(sandbox)

    def with_credentials(self, **credentials: str) -> Host:
        return make_zoom(self.sandbox, **credentials)

    def schedule(self, topic: str, starts: datetime, *, count: int = 1) -> None:
        body = {"topic": topic, "start_time": dump_moment(starts), "duration": 60}
        if count > 1:
            body |= {"type": 8, "recurrence": {"type": 1, "end_times": count}}
        self.sandbox.zoom.schedule(PERSON, body)

    def remove(self, id: str) -> None:
        self.sandbox.zoom.delete(int(id))

    def count(self) -> int:
        return len(self.sandbox.zoom.meetings.of(PERSON))

    def starts_of(self, id: str) -> list[datetime]:
        from sandbox.zoom.shapes import list_occurrences

        doc = self.sandbox.zoom.meetings.find(int(id))
        assert doc is not None
        listed = [one["start_time"] for one in list_occurrences(doc)] or [doc["start_time"]]
        return [datetime.fromisoformat(one) for one in listed]

    def lose_answer(self) -> None:
        for method in ("POST", "PATCH", "DELETE"):
            self.sandbox.faults.add("lost-answer", "/zoom/v2/*", method=method)

    def fail(self, kind: str) -> None:
        fault = {"slow down": "429-day", "broken": "503"}[kind]
        self.sandbox.faults.add(fault, "/zoom/v2/*", amount=90)


class MemoryHostStage:
    holds = True

    def __init__(self) -> None:
        self.service = memory.SERVICE
        self.service.reset()
        self.service.users |= {PERSON, WITHOUT_WEBINARS}
        self.service.webinar_users.add(PERSON)
        self.service.assistants[PERSON] = (ASSISTANT,)
        self.host = self.with_credentials()

    def with_credentials(self, **credentials: str) -> Host:
        return MemoryHost(HostSetup("northwind", credentials), {}, session_factory=requests.Session)

    def schedule(self, topic: str, starts: datetime, *, count: int = 1) -> None:
        self.service.schedule(PERSON, topic, starts, more=[starts + timedelta(days=day) for day in range(1, count)])

    def remove(self, id: str) -> None:
        del self.service.held[id]

    def count(self) -> int:
        return len(self.service.held)

    def starts_of(self, id: str) -> list[datetime]:
        return [one.astimezone(UTC) for one in self.service.held[id].starts]

    def lose_answer(self) -> None:
        self.service.lost_answers = 1

    def fail(self, kind: str) -> None:
        slow_down = RateLimited("Slow down.", retry_after=timedelta(seconds=90))
        self.service.failures.append(slow_down if kind == "slow down" else Unreachable("Broken."))


class LinkStage:
    holds = False

    def __init__(self) -> None:
        self.host = self.with_credentials()

    def with_credentials(self, **credentials: str) -> Host:
        setup = HostSetup("northwind", credentials, "https://meet.northwind.example/{room}")
        return Link(setup, {}, session_factory=requests.Session)


def make_zoom(sandbox: Sandbox, *, timeout: float = 5.0, organization: str = "northwind", **credentials: str) -> Host:
    """Zoom with its addresses pointed at a sandbox, which the guard is told to allow."""
    settings: Mapping[str, str] = {
        "token_url": sandbox.settings["ZOOM_TOKEN_URL"],
        "api_root": sandbox.settings["ZOOM_API_ROOT"],
    }
    policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(sandbox.url).netloc]))
    setup = HostSetup(organization, sandbox.zoom.credentials | credentials)
    return zoom.Zoom(setup, settings, session_factory=lambda: outbound.session(policy, timeout=timeout))


@contextmanager
def zoom_stage() -> Iterator[ZoomStage]:
    with running() as sandbox:
        yield ZoomStage(sandbox)


@contextmanager
def memory_host_stage() -> Iterator[MemoryHostStage]:
    yield MemoryHostStage()
    memory.SERVICE.reset()


@contextmanager
def link_stage() -> Iterator[LinkStage]:
    yield LinkStage()


HOST_STAGES = {"zoom": zoom_stage, "link": link_stage, "memory": memory_host_stage}
