"""When an event is: what a provider says of it made complete, in order, and safe to show in every zone."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from integrations.remote import RemoteEvent

DAY = timedelta(days=1)
# Two days from the ends of the calendar: what lies between can be shown in every zone, with the days around it.
EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
LATEST = datetime(9999, 12, 29, tzinfo=UTC)

NO_START = "The calendar gives no time for this event."
ENDS_BEFORE_START = "The calendar says that this event ends before it starts, so only its start is shown."
FAR_AWAY = "The calendar gives a time too far away to be shown exactly."

Times = tuple[datetime | None, datetime | None, date | None, date | None, str]


def read_times(event: RemoteEvent, zone: tzinfo) -> Times:
    """(starts, ends, starts_on, ends_on, problem): complete, in order, and safe to show in every zone."""
    if event.starts_on is not None:
        return _read_days(event.starts_on, event.ends_on, zone)
    if event.starts is None:
        return None, None, None, None, NO_START
    starts, problem = to_utc(event.starts)
    if event.ends is None:
        return starts, starts, None, None, problem
    ends, far = to_utc(event.ends)
    if ends < starts:
        return starts, starts, None, None, ENDS_BEFORE_START
    return starts, ends, None, None, problem or far


def _read_days(starts_on: date, ends_on: date | None, zone: tzinfo) -> Times:
    problem = ""
    first = min(max(starts_on, EARLIEST.date()), LATEST.date() - DAY)
    last = min(max(ends_on or first + DAY, EARLIEST.date()), LATEST.date())
    if first != starts_on or (ends_on and last != ends_on):
        problem = FAR_AWAY
    if last <= first:
        # Some calendars write a day's own date as its end.
        problem = ENDS_BEFORE_START if ends_on and ends_on < starts_on else problem
        last = first + DAY
    starts, ends = (to_utc(datetime.combine(day, time.min, zone))[0] for day in (first, last))
    return starts, max(starts, ends), first, last, problem


def to_utc(moment: datetime) -> tuple[datetime, str]:
    """The same moment in UTC, held back from the ends of the calendar; with the problem, where it was."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        return (EARLIEST if moment.year < 5000 else LATEST), FAR_AWAY
    if moment < EARLIEST:
        return EARLIEST, FAR_AWAY
    if moment > LATEST:
        return LATEST, FAR_AWAY
    return moment, ""
