"""Provider-neutral records: what a calendar and an address book hold, in nobody's dialect.

Every datetime is aware. Text is uncut and as the provider sent it; a record says what is there, also when it is odd
(no start, end before start): the app that makes rows decides what to do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar, dataclass_transform

from integrations.recurrence import Recurrence

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True)
def record(cls: type[Class]) -> type[Class]:
    """A frozen, slotted dataclass, as far as the type checker is concerned.

    At run time nothing enforces it: freezing makes an event of 27 fields seven times as slow to create (5.5 against
    0.8 µs, each attendee 1.9 against 0.5), and tens of thousands are created in one full sync.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


class EventStatus(StrEnum):
    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"


class Response(StrEnum):
    """An attendee's answer. NONE: not invited, so nothing to answer (the organizer's own event)."""

    NONE = "none"
    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


class NumberKind(StrEnum):
    MOBILE = "mobile"
    WORK = "work"
    HOME = "home"
    MAIN = "main"
    FAX = "fax"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time we hold events of: starts <= t < ends, both aware."""

    starts: datetime
    ends: datetime

    def holds(self, event: "RemoteEvent") -> bool:
        """Whether some of the event lies inside. What has no time is held: it has to be shown somewhere.

        Days have no zone, so those that touch the window anywhere on earth are held. An end before the start counts
        as the start.
        """
        if event.starts_on is not None or event.ends_on is not None:
            first = event.starts_on or event.ends_on
            last = event.ends_on or event.starts_on
            assert first and last
            return first <= self.ends.date() and max(first, last) >= self.starts.date()
        starts, ends = event.starts or event.ends, event.ends or event.starts
        if starts is None or ends is None:
            return True
        return starts < self.ends and (starts >= self.starts or ends > self.starts)


@record
class RemoteRef:
    """Where an item is at the provider. `version` is its etag or changeKey: equal versions mean equal content."""

    id: str
    container: str = ""
    version: str = ""


@record
class Attendee:
    email: str
    name: str = ""
    response: Response = Response.NEEDS_ACTION
    is_organizer: bool = False
    is_self: bool = False
    is_optional: bool = False
    is_resource: bool = False


@dataclass(frozen=True, slots=True)
class RemoteCalendar:
    """One of the calendars of an account. `id` is "" for the one that is there in every account, the person's own."""

    id: str
    name: str
    color: str = ""
    """As "#16a765", where the provider says one."""
    is_writable: bool = True
    is_own: bool = True
    """Whether it is the person's, and not shared with them by somebody else or subscribed to."""


@record
class RemoteEvent:
    """One event or one occurrence of a series; series masters are records of their own only where one is asked for by
    its id (`Calendar.read`, and what writing answers).

    A timed event has `starts` and `ends` (aware). An all-day event has `starts_on` and `ends_on`, the latter
    exclusive, and no datetimes. All four may be None where the provider sent none.
    """

    ref: RemoteRef
    uid: str = ""
    title: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    timezone: str = ""
    organizer_name: str = ""
    organizer_email: str = ""
    is_organizer: bool = False
    attendees: tuple[Attendee, ...] = ()
    attendees_omitted: bool = False
    response: Response = Response.NONE
    location: str = ""
    body: str = ""
    """HTML or plain text, whole."""
    url: str = ""
    """The event's own URL field (not the provider's page)."""
    conference: tuple[str, ...] = ()
    """Join URLs of the provider's structured conference field, as they stand."""
    web_url: str = ""
    """The provider's page for this event."""
    is_private: bool = False
    is_free: bool = False
    status: EventStatus = EventStatus.CONFIRMED
    kind: str = ""
    """"": an ordinary event; else "out_of_office", "focus_time" and the like."""
    series_id: str = ""
    updated: datetime | None = None
    key: str = ""
    """What `Calendar.create` was given, of an event made by us, where the provider gives it back; of an occurrence
    its series'."""
    is_series: bool = False
    """A master: its times are those of the first occurrence, and stand for all."""
    recurrence: Recurrence | None = None
    """Of a master, where its pattern is one that can be scheduled here."""
    original_starts: datetime | None = None
    """Of an occurrence, where `Calendar.read` was asked for it: when the series has it, though it may have moved."""

    @property
    def is_all_day(self) -> bool:
        return self.starts_on is not None


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event as it is to be written. Timed: `starts` and `ends`, aware, and `timezone`, an IANA name, in whose wall
    time a series goes on; or all day: `starts_on` and `ends_on`, the latter exclusive.
    """

    title: str = ""
    body: str = ""
    """Plain text."""
    location: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    timezone: str = ""
    attendees: tuple[Attendee, ...] = ()
    """Without the organizer, who is the account's own person."""
    recurrence: Recurrence | None = None
    is_private: bool = False


DRAFT_FIELDS = frozenset({"title", "body", "location", "time", "attendees", "recurrence", "is_private"})
"""What an update may name of a draft: what is named is written, all else stays as it is there. "time" stands for its
starts, ends, days and zone."""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder or label of an address book. `parent` is another folder's id, or "" at the top."""

    id: str
    name: str
    parent: str = ""
    is_default: bool = False
    is_writable: bool = True


@record
class RemoteNumber:
    """`e164` only where the provider itself gives it; else ours is worked out from `value`."""

    value: str
    kind: NumberKind = NumberKind.OTHER
    label: str = ""
    e164: str = ""


@record
class RemoteEmail:
    address: str
    label: str = ""


@record
class RemoteContact:
    ref: RemoteRef
    folders: tuple[str, ...] = ()
    """Ids of the folders it is in: one at Microsoft, any number at Google."""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    organization: str = ""
    title: str = ""
    emails: tuple[RemoteEmail, ...] = ()
    numbers: tuple[RemoteNumber, ...] = ()
    addresses: tuple[str, ...] = ()
    """Formatted postal addresses, lines parted by newlines."""
    note: str = ""
    photo_url: str = ""
    previous_ids: tuple[str, ...] = ()
    """Ids this contact had before the provider merged or renamed it."""
    key: str = ""
    """What `AddressBook.create` was given, of a contact made by us, where the provider gives it back."""


@dataclass(frozen=True, slots=True)
class ContactDraft:
    """A contact as it is to be made. The `label` of each number is the key of a NumberType of the account."""

    given_name: str = ""
    family_name: str = ""
    organization: str = ""
    emails: tuple[RemoteEmail, ...] = ()
    numbers: tuple[RemoteNumber, ...] = ()


Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Delta(Generic[Record]):
    """One page of changes.

    `cursor` is set on the last page only: the place to go on from next time. `complete` says that the pages up to
    and including the last one list everything there is, so what is not among them is gone.
    `gone` holds ids of items, and of series none of whose occurrences are left.
    `series` (calendars only): series of which this page lists every occurrence in the window; others held are gone,
    and so is the event that one was before, under the same id.
    `folders` (address books only): all folders as of now, or None where the page says nothing about them.
    """

    changed: tuple[Record, ...] = ()
    gone: tuple[str, ...] = ()
    cursor: str | None = None
    complete: bool = False
    folders: tuple[RemoteFolder, ...] | None = None
    series: tuple[str, ...] = ()


Credentials = Mapping[str, object]
"""A provider's own JSON-able credentials. Opaque to everyone else; at rest always encrypted; never in a repr."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a finished sign-in at the provider gives us."""

    mailbox: str
    """The e-mail address of the account, as the provider says it."""
    account_id: str
    """The provider's own unchanging id of the account."""
    consented: frozenset[str]
    """`Permission` values the provider's answer says were consented to."""
    credentials: Credentials = field(repr=False, default_factory=dict)
    notes: tuple[str, ...] = ()
    """Sentences for the person on what was found or put right on the way ("The server is Exchange 2019 ...")."""
    host: str = ""
    """Of the server that the password goes to, in lower case, where a form was filled in."""
    version: str = ""
    """Of that server, as the form names versions, where it could be told."""
