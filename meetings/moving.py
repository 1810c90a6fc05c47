"""How much of a series is meant, and where it goes when one of its occurrences is moved."""

from copy import copy
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from integrations.errors import Rejected
from integrations.recurrence import Recurrence, to_moment
from meetings.intended import Change
from meetings.models import Meeting, ScheduledMeeting
from meetings.occurrences import find_occurrence
from meetings.scheduling_models import dump_invitees
from meetings.times import zone_of


class Scope(StrEnum):
    """How much of a series is meant."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


def widen(meeting: Meeting, scope: Scope) -> Scope:
    """What is meant of something that does not repeat, and by all that follow the first, is all of it."""
    return Scope.ALL if not meeting.series_id or (scope is Scope.FOLLOWING and is_first(meeting)) else scope


def is_first(meeting: Meeting) -> bool:
    scheduled = meeting.scheduled
    return scheduled is not None and find_occurrence(scheduled, meeting) == scheduled.starts


CANNOT_MOVE = (
    "A series cannot be moved to this day as a whole: its other days would not follow any pattern. Move this meeting "
    "alone, or schedule a new series."
)


def why_not_moved(meeting: Meeting, starts: datetime, scope: Scope) -> str:
    """A sentence where a series that was scheduled here cannot move so that this occurrence begins then; else ""."""
    scheduled, scope = meeting.scheduled, widen(meeting, scope)
    if scheduled is None or scheduled.recurrence is None or scope is Scope.THIS:
        return ""
    if scope is Scope.FOLLOWING:
        scheduled = without_those_before(scheduled, find_occurrence(scheduled, meeting))
    return "" if scheduled is None or find_move(scheduled, meeting, starts) else CANNOT_MOVE


def on_the_clock_of(first: datetime, wall: datetime) -> datetime:
    """An occurrence that a change of clocks has moved on stands in its pattern at the time of day of all others."""
    return datetime.combine(wall.date(), first.time())


def change_scheduled(scheduled: ScheduledMeeting, meeting: Meeting, change: Change) -> None:
    """Unsaved. Moving one occurrence moves the whole series by as much, on the clock of its zone. Raises Rejected."""
    if change.topic is not None:
        scheduled.topic = change.topic
    if change.description is not None:
        scheduled.description = change.description
    if change.invitees is not None:
        scheduled.invitees_json = dump_invitees(change.invitees)
    if change.starts is not None:
        if scheduled.recurrence is None:
            scheduled.starts = change.starts
        elif (found := find_move(scheduled, meeting, change.starts)) is not None:
            scheduled.starts, scheduled.recurrence = found
        else:
            raise Rejected(CANNOT_MOVE)
        scheduled.minutes = change.minutes or scheduled.minutes
    scheduled.changed_at = timezone.now()


def find_move(scheduled: ScheduledMeeting, meeting: Meeting, starts: datetime) -> tuple[datetime, Recurrence] | None:
    """When the series begins, and its pattern, once this occurrence begins then; None where there is none."""
    zone, recurrence = zone_of(scheduled.timezone), scheduled.recurrence
    assert recurrence is not None
    moments = scheduled.starts, find_occurrence(scheduled, meeting), starts
    first, before, after = (one.astimezone(zone).replace(tzinfo=None) for one in moments)
    found = recurrence.move(first, on_the_clock_of(first, before), after)
    return (to_moment(found[0], zone), found[1]) if found else None


def without_those_before(scheduled: ScheduledMeeting, moment: datetime) -> ScheduledMeeting | None:
    """A copy of it as it goes on from an occurrence, that one included; None where nothing is left. Unsaved."""
    zone, recurrence = zone_of(scheduled.timezone), scheduled.recurrence
    left = recurrence.from_occurrence(moment, scheduled.starts, zone) if recurrence else None
    if left is None:
        return None
    following = copy(scheduled)
    following.starts, following.recurrence = moment, left
    return following
