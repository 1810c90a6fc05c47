"""When the occurrences of a meeting scheduled here take place, and what its rows have in common."""

from datetime import datetime

from meetings.models import Meeting, ScheduledMeeting
from meetings.times import zone_of


def occurrence_starts(scheduled: ScheduledMeeting) -> list[datetime]:
    """When its occurrences begin, in UTC, as they were scheduled; one for a meeting that does not repeat."""
    recurrence = scheduled.recurrence
    if recurrence is None:
        return [scheduled.starts]
    return recurrence.starts_of(scheduled.starts, zone_of(scheduled.timezone)) or [scheduled.starts]


def find_occurrence(scheduled: ScheduledMeeting, meeting: Meeting) -> datetime:
    """When the series has the occurrence that a row shows, which may have been moved by itself."""
    starts = occurrence_starts(scheduled)
    shown = meeting.original_starts or meeting.starts
    return min(starts, key=lambda one: abs(one - shown)) if shown else starts[0]


def series_id_of(scheduled: ScheduledMeeting) -> str:
    """What the occurrences of a series that is ours alone have in common."""
    return f"scheduled:{scheduled.pk}"
