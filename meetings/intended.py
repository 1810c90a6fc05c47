"""What is to stand in the calendar and at the meeting host: of a row, of a change to it, of what was scheduled here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q

from integrations.outgoing import WriteState
from integrations.remote import Attendee, EventDraft
from meetings.drafting import compose_body, parse_draft
from meetings.hosting import HostDraft
from meetings.models import Meeting, ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction


@dataclass(frozen=True, slots=True)
class Change:
    """What a person wants otherwise; None stays as it is. `starts` and `minutes` go together."""

    topic: str | None = None
    description: str | None = None
    invitees: tuple[Attendee, ...] | None = None
    starts: datetime | None = None
    minutes: int | None = None

    @property
    def moves(self) -> bool:
        return self.starts is not None

    @property
    def is_empty(self) -> bool:
        return self == Change()


def draft_of_row(meeting: Meeting) -> EventDraft:
    """What the person saw of an event, as a draft."""
    return EventDraft(
        title=meeting.title,
        body=meeting.body_text,
        location=meeting.location,
        starts=None if meeting.is_all_day else meeting.starts,
        ends=None if meeting.is_all_day else meeting.ends,
        starts_on=meeting.starts_on,
        ends_on=meeting.ends_on,
        timezone=meeting.timezone,
        attendees=tuple(one for one in meeting.attendees if not (one.is_organizer or one.is_self)),
        is_private=meeting.is_private,
    )


def current_draft(meeting: Meeting) -> EventDraft:
    """The same as it will be once the changes have gone out that are on their way."""
    draft = draft_of_row(meeting)
    if meeting.connection_id is None:
        return draft
    target = Q(remote_id=meeting.remote_id, is_whole=False)
    if meeting.series_id:
        target |= Q(series_id=meeting.series_id, is_whole=True)
    waiting = Write.objects.filter(
        target,
        connection=meeting.connection_id,
        container=meeting.container,
        action=WriteAction.UPDATE,
        state=WriteState.WAITING,
    )
    for write in waiting.order_by("pk"):
        wanted = parse_draft(write.draft_json)
        draft = replace(draft, **{name: getattr(wanted, name) for name in write.fields - {"time"}})
        if "time" in write.fields and not write.is_whole:
            draft = replace(draft, starts=wanted.starts, ends=wanted.ends)
    return draft


def changed_draft(base: EventDraft, change: Change, join_block: str = "") -> EventDraft:
    """What is to stand there: `base` with what the person wants otherwise."""
    draft = base
    if change.topic is not None:
        draft = replace(draft, title=change.topic)
    if change.description is not None:
        body = f"{change.description.rstrip()}\n\n{join_block}".strip("\n") if join_block else change.description
        draft = replace(draft, body=body)
    if change.invitees is not None:
        draft = replace(draft, attendees=change.invitees)
    if change.starts is not None:
        draft = replace(draft, starts=change.starts, ends=change.starts + timedelta(minutes=change.minutes or 0))
    return draft


def fields_of(change: Change) -> frozenset[str]:
    """The DRAFT_FIELDS that a change touches."""
    named = {"title": change.topic, "body": change.description, "attendees": change.invitees, "time": change.starts}
    return frozenset(name for name, value in named.items() if value is not None)


def event_draft(scheduled: ScheduledMeeting, *, host_name: str) -> EventDraft:
    """The event of a meeting scheduled here, with how to join in its description."""
    return EventDraft(
        title=scheduled.topic,
        body=compose_body(
            scheduled.description,
            join_url=scheduled.join_url,
            host_name=host_name,
            number=scheduled.meeting_number,
            passcode=scheduled.passcode,
            dial_in=scheduled.dial_in,
        ),
        location=scheduled.join_url,
        starts=scheduled.starts,
        ends=scheduled.ends,
        timezone=scheduled.timezone,
        attendees=scheduled.invitees,
        recurrence=scheduled.recurrence,
        is_private=scheduled.is_private,
    )


def host_draft(scheduled: ScheduledMeeting) -> HostDraft:
    """The same for its meeting host."""
    return HostDraft(
        topic=scheduled.topic,
        kind="webinar" if scheduled.kind == "webinar" else "meeting",
        starts=scheduled.starts,
        minutes=scheduled.minutes,
        timezone=scheduled.timezone,
        recurrence=scheduled.recurrence,
        description=scheduled.description,
        passcode=scheduled.passcode,
        waiting_room=scheduled.waiting_room,
    )
