"""What a viewer sees of a meeting. Pure: pages, search, export and API show a `Visible`, never the row itself.

The owner sees everything. A delegate sees everything, too, except that a private event shows them its time and
"Private" only, unless the owner lets them manage private events; and that a link made for its recipient alone loses
what makes it so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from meetings.joining import without_personal_parts


class Relation(StrEnum):
    """Who the viewer is to the meeting's owner."""

    OWNER = "owner"
    DELEGATE = "delegate"
    PRIVATE_DELEGATE = "private_delegate"
    """A delegate who may also manage private events."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a viewer may see of one owner's meetings at all."""

    owner_id: int
    relation: Relation
    reads_calendar: bool = True
    """Whether what is read from the owner's calendar may be shown now."""

    @property
    def hides_private(self) -> bool:
        return self.relation is Relation.DELEGATE


class MeetingFacts(Protocol):
    """The part of a meeting that decides. Everything in `TIMES` and `DETAILS` is there, too."""

    @property
    def is_private(self) -> bool: ...


TIMES = frozenset({"pk", "owner_id", "starts", "ends", "starts_on", "ends_on", "is_all_day", "is_private"})
"""What anyone sees who may see that there is a meeting at all."""

DETAILS: Mapping[str, Any] = {
    "title": "Private",
    "organizer_name": "",
    "organizer_email": "",
    "is_organizer": False,
    "response": "none",
    "attendees": (),
    "attendee_count": 0,
    "attendees_omitted": False,
    "location": "",
    "body_text": "",
    "body_shortened": False,
    "web_url": "",
    "kind": "",
    "series_id": "",
    "links": (),
    "problem": "",
    "timezone": "",
    "is_free": False,
    "is_cancelled": False,
    "status": "confirmed",
    "origin": "calendar",
    "scheduled_id": None,
    "connection_id": None,
    "container": "",
    "meeting_number": "",
}
"""What the others see of a private event in place of each of its details."""


_PERSONAL_PARTS = re.compile(r"(?i)(?<=[?&])(?:tk|zak)=[^&#\s<>\"]*&?")
"""As `joining.PERSONAL_PARAMETERS`, in running text, where the same links stand once more."""

_TEXTS = frozenset({"title", "location", "body_text"})


class Visible:
    """A meeting as one viewer sees it: reads the meeting's own attributes, and only the ones named above."""

    __slots__ = ("_meeting", "is_hidden", "relation")

    def __init__(self, meeting: MeetingFacts, relation: Relation) -> None:
        self._meeting = meeting
        self.relation = relation
        self.is_hidden = meeting.is_private and relation is Relation.DELEGATE

    def __getattr__(self, name: str) -> Any:
        if name in DETAILS:
            if self.is_hidden:
                return DETAILS[name]
            value = getattr(self._meeting, name)
            return value if self.relation is Relation.OWNER else _without_personal_parts(name, value)
        if name not in TIMES:
            raise AttributeError(f"{name} of a meeting is not for showing")
        return getattr(self._meeting, name)

    def __repr__(self) -> str:
        return f"<Visible to {self.relation}>"


def view_of(meeting: MeetingFacts, relation: Relation) -> Visible:
    """The meeting as this viewer may see it."""
    return Visible(meeting, relation)


def _without_personal_parts(name: str, value: Any) -> Any:
    """A detail for somebody who is not the recipient of the links in it."""
    if name == "links":
        return tuple(without_personal_parts(link) for link in value)
    return _PERSONAL_PARTS.sub("", value) if name in _TEXTS else value
