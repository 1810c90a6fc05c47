"""The meeting host of an organization: what gives the meetings scheduled here their join links.

A host translates, like a provider: it never sees a model, a request or a setting. Its errors are those of
`integrations.errors`. Hosts are in `meetings.hosts`; `meetings.host_settings` makes the one an organization has set up.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from integrations.recurrence import Recurrence

Kind = Literal["meeting", "webinar"]
PLACE = "Meeting host"
"""Where under Administration a host is set up."""


@dataclass(frozen=True, slots=True)
class HostInfo:
    """What pages say about a host. Differences are data, so that no template asks for a name."""

    key: str
    name: str
    """"Zoom"; "" where its links belong to no service that people know by name."""
    kinds: frozenset[str] = frozenset({"meeting"})
    has_passcode: bool = False
    has_waiting_room: bool = False
    lists_upcoming: bool = False
    lists_assistants: bool = False


@dataclass(frozen=True, slots=True)
class HostSetup:
    """What an admin has set for their organization. Each host takes its own part of it.

    `organization`: what tells organizations apart, for what is kept in memory between two uses.
    """

    organization: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    link_template: str = ""
    place: str = PLACE


@dataclass(frozen=True, slots=True)
class HostDraft:
    """A meeting or a series as the host is to have it. `starts` is the first occurrence's, aware."""

    topic: str
    kind: Kind
    starts: datetime
    minutes: int
    timezone: str
    recurrence: Recurrence | None = None
    description: str = ""
    passcode: str = ""
    """"": as the host chooses."""
    waiting_room: bool = False


@dataclass(frozen=True, slots=True)
class HostedMeeting:
    """A meeting as the host has it. `starts` is None where it has no fixed time."""

    id: str
    kind: Kind = "meeting"
    topic: str = ""
    starts: datetime | None = None
    minutes: int = 0
    timezone: str = ""
    join_url: str = ""
    meeting_number: str = ""
    passcode: str = field(default="", repr=False)
    dial_in: str = ""
    """Telephone numbers to join by, one to a line, as people read them."""
    is_series: bool = False
    reference: str = ""
    """Of one that was made from here, where the host tells: the first 12 digits of the key it was made under."""


class OpenHost(Protocol):
    """A host with its connections open. `user`: the e-mail address of whoever the meeting belongs to there."""

    def create(self, draft: HostDraft, *, user: str, key: str) -> HostedMeeting:
        """Make a meeting. Made again with the same `key` (32 hex digits) it answers with the one made the first time,
        also where the answer to that was lost. Once that one is deleted, the key makes another.

        Raises:
            Rejected: the host does not take it, or knows no such user.
            ProviderError: any other of the family.
        """
        ...

    def update(self, id: str, draft: HostDraft) -> HostedMeeting:
        """Raises Gone, Rejected, or any other ProviderError."""
        ...

    def delete(self, id: str, kind: Kind) -> None:
        """Already gone counts as done. Raises any ProviderError but Gone."""
        ...

    def upcoming(self, user: str) -> Iterator[HostedMeeting]:
        """What this user has coming up, page by page; of a series each occurrence, with one id for all.

        Raises:
            Gone: there is no such user.
            ProviderError: any other of the family.
        """
        ...

    def assistants(self, user: str) -> tuple[str, ...]:
        """E-mail addresses of those who may schedule for this user there. Raises as `upcoming`."""
        ...

    def check(self) -> str:
        """Whether it works, without changing anything: a sentence for the admin. Raises ProviderError."""
        ...


class Host(Protocol):
    """`settings`: what the operator has set for it (settings.HOST_SETTINGS)."""

    info: HostInfo

    def __init__(
        self, setup: HostSetup, settings: Mapping[str, str], *, session_factory: Callable[[], Any]
    ) -> None: ...

    def open(self) -> AbstractContextManager[OpenHost]: ...
