"""What a phone system tells, in nobody's dialect, and the interface of those that can be asked.

A system translates, like a provider: it never sees a model, a request or a setting. Its errors are those of
`integrations.errors`. Every datetime is aware.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

PLACE = "Phone system"
"""Where under Administration it is set up."""

LONGEST_ID = 200
LONGEST_NUMBER = 100
LONGEST_NAME = 300
LONGEST_URL = 2_000
LONGEST_TRANSCRIPT = 100_000
MOST_SECONDS = 7 * 24 * 3600
"""So much of what is told is kept; of an id or an address all or nothing."""
YEARS = range(2000, 2101)
"""What is said to have been outside of these has no usable time."""

DirectionWord = Literal["in", "out"]
ResultWord = Literal["answered", "missed", "voicemail", "declined", "busy", "no_answer", "failed", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose call it is: by the phone system's own id, by e-mail address, or by extension; "" what it does not say."""

    remote_id: str = ""
    email: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of one person, over or missed. Told of again, perhaps in another order, it is the same `call_id`.

    `number` is as the system gives it, "" where the other one is anonymous; `e164` only where the system says that it
    is a full number, in any spelling: it is read in the organization's region. An extension has none.
    """

    owner: Owner
    call_id: str
    direction: DirectionWord
    result: ResultWord
    started_at: datetime
    number: str = ""
    e164: str = ""
    name: str = ""
    line: str = ""
    seconds: int = 0
    log_id: str = ""
    """Of the system's entry for it, where deletions name that and not the call."""
    reported_at: datetime | None = None
    """When the system said so; None: not told, so it is no reason to overrule anything."""


@dataclass(frozen=True, slots=True)
class VoicemailRecord:
    """A message. None in `is_read`, `transcript` and `audio`: this telling says nothing about it."""

    owner: Owner
    voicemail_id: str
    left_at: datetime | None = None
    call_id: str = ""
    number: str = ""
    e164: str = ""
    name: str = ""
    seconds: int | None = None
    is_read: bool | None = None
    transcript: str | None = None
    audio: str | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """Calls or voicemail that were deleted at the system: hidden here, too. An empty `owner`: whosever they are."""

    owner: Owner
    call_ids: tuple[str, ...] = ()
    log_ids: tuple[str, ...] = ()
    voicemail_ids: tuple[str, ...] = ()
    calls_until: datetime | None = None
    """All of the owner's calls that had begun by then."""


Told = CallRecord | VoicemailRecord | Erasure


@dataclass(frozen=True, slots=True)
class PhoneUser:
    """Somebody who has a phone at the system."""

    remote_id: str
    email: str
    extension: str = ""
    numbers: tuple[str, ...] = ()
    """In E.164."""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class SystemSetup:
    """What an admin has set for their organization. `organization`: what tells organizations apart."""

    organization: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: str = PLACE


@dataclass(frozen=True, slots=True)
class Audio:
    """A message's sound, to be passed on piece by piece. `status`: 200, or 206 for the range that was asked for."""

    status: int
    content_type: str
    length: int | None
    content_range: str
    pieces: Iterator[bytes]


class OpenSystem(Protocol):
    """A phone system with its connections open."""

    def users(self) -> Iterator[PhoneUser]:
        """Everybody with a phone, page by page. Raises ProviderError."""
        ...

    def calls(self, since: datetime, until: datetime) -> Iterator[CallRecord]:
        """Calls of everybody that began in this stretch, page by page, in any order. Raises ProviderError."""
        ...

    def voicemails(self, since: datetime, until: datetime) -> Iterator[VoicemailRecord]:
        """Messages of everybody that were left in this stretch, page by page. Raises ProviderError."""
        ...

    def fetch_audio(self, audio: str, *, range_header: str = "") -> AbstractContextManager[Audio]:
        """The sound of a message; `audio` as in VoicemailRecord. `range_header` as a browser sends it ("bytes=0-").

        Raises:
            Gone: it was deleted, or has been kept long enough.
            Refused: the address is not the system's.
            ProviderError: any other of the family.
        """
        ...

    def fetch_transcript(self, voicemail_id: str) -> str | None:
        """None: there is none yet. Raises Gone, or any other ProviderError."""
        ...

    def mark_read(self, voicemail_id: str, *, is_read: bool) -> None:
        """Raises Gone, or any other ProviderError."""
        ...

    def check(self) -> str:
        """A sentence on how well it works, for the admin who has set it up. Raises ProviderError."""
        ...


class System(Protocol):
    """A phone system that can be asked (Zoom Phone); others only tell, see phone.other. `session_factory` makes a
    requests.Session, which what is pure here need not know of."""

    name: ClassVar[str]

    def __init__(
        self, setup: SystemSetup, settings: Mapping[str, str], *, session_factory: Callable[[], Any]
    ) -> None: ...

    def open(self) -> AbstractContextManager[OpenSystem]: ...
