"""Two versions of one event side by side: what stands in the calendar, and what a person wanted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from integrations.remote import EventDraft
from meetings.drafting import parse_draft, split_body
from meetings.models import Meeting, Write
from meetings.times import Clock, say_whole

NOBODY = "Nobody"
EMPTY = "(empty)"


@dataclass(frozen=True, slots=True)
class Line:
    """`is_other`: the two differ in it. `is_changed`: the person changed it."""

    label: str
    theirs: str
    mine: str
    is_changed: bool

    @property
    def is_other(self) -> bool:
        return self.theirs != self.mine


def compare(write: Write, clock: Clock) -> list[Line]:
    """Of a write in conflict. What the person left alone is in both as it stands in the calendar."""
    wanted = parse_draft(write.draft_json)
    theirs = parse_draft(write.theirs_json) if write.theirs_json else wanted
    return list(_compare(theirs, mix(theirs, wanted, write.fields), write.fields, clock))


def mix(theirs: EventDraft, wanted: EventDraft, fields: frozenset[str]) -> EventDraft:
    """What would stand there: theirs, with these fields as wanted."""
    names = fields - {"time"}
    if "time" in fields:
        names |= {"starts", "ends", "starts_on", "ends_on"}
    return replace(theirs, **{name: getattr(wanted, name) for name in names})


def _compare(theirs: EventDraft, mine: EventDraft, fields: frozenset[str], clock: Clock) -> Iterator[Line]:
    for label, name, say in (
        ("Topic", "title", lambda draft: draft.title or "(no title)"),
        ("When", "time", lambda draft: _say_when(draft, clock)),
        ("Where", "location", lambda draft: draft.location or EMPTY),
        ("Invitees", "attendees", _say_people),
        ("Description", "body", lambda draft: split_body(draft.body) or EMPTY),
    ):
        yield Line(label, say(theirs), say(mine), name in fields)


def _say_when(draft: EventDraft, clock: Clock) -> str:
    if not (draft.starts or draft.starts_on):
        return "No time"
    return say_whole(
        Meeting(starts=draft.starts, ends=draft.ends, starts_on=draft.starts_on, ends_on=draft.ends_on), clock
    )


def _say_people(draft: EventDraft) -> str:
    return "\n".join(sorted(one.name or one.email for one in draft.attendees)) or NOBODY
