"""When the occurrences of a meeting scheduled here take place, and what its rows have in common."""

from datetime import datetime

from meetings.models import ScheduledMeeting
from meetings.times import zone_of


def occurrence_starts(scheduled: ScheduledMeeting) -> list[datetime]:
    """When its occurrences begin, in UTC, as they were scheduled; one for a meeting that does not repeat."""
    recurrence = scheduled.recurrence
    if recurrence is None:
        return [scheduled.starts]
    return recurrence.starts_of(scheduled.starts, zone_of(scheduled.timezone)) or [scheduled.starts]


def series_id_of(scheduled: ScheduledMeeting) -> str:
    """What the occurrences of a series that is ours alone have in common."""
    return f"scheduled:{scheduled.pk}"
