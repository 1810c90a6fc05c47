"""A day or a week as a drawing, for one reader: which days, which meetings, and where each stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils.formats import date_format, get_format

from meetings.agenda import takes_days
from meetings.models import Meeting, MeetingQuerySet
from meetings.planner import Gap, Place, Plan, PlannedDay, Span, list_slots, plan_days, slot_of
from meetings.reader import Filters, Reader, narrow
from meetings.showing import Around, Shown
from meetings.spans import EARLIEST, LATEST
from meetings.surroundings import Twins, describe
from meetings.times import Clock, find_zone, first_day, last_day, say_days, say_shift, zone_city

DAY = timedelta(days=1)
MARGIN = 14 * DAY
MOST_SHOWN = 400
LANES_OF_A_DAY = 12
LANES_OF_A_WEEK = 3


@dataclass(frozen=True, slots=True)
class Block:
    """A meeting in the drawing."""

    place: Place
    shown: Shown


@dataclass(frozen=True, slots=True)
class Line:
    """An hour of the scale. `second`: what the clocks show in the reader's second zone then."""

    row: int
    rows: int
    label: str
    second: str = ""
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class ShownDay:
    date: date
    clock: Clock
    all_day: Sequence[Shown]
    blocks: Sequence[Block]
    gaps: Sequence[Gap]
    hidden: int
    now_row: int | None = None

    @property
    def is_today(self) -> bool:
        return self.date == self.clock.today

    @property
    def is_empty(self) -> bool:
        return not self.all_day and not self.blocks

    @property
    def hours(self) -> int:
        """How many the day has: 23 or 25 where clocks are turned."""
        return len(list_slots(self.date, self.clock.zone)) // 4


@dataclass(frozen=True, slots=True)
class Drawing:
    """`is_cut`: there are more meetings than can be drawn. `second`: the city of the second zone, "" without one."""

    days: Sequence[ShownDay]
    lines: Sequence[Line]
    rows: int
    count: int
    is_cut: bool = False
    city: str = ""
    second: str = ""
    notes: Sequence[str] = field(default_factory=tuple)


def first_of_week(day: date) -> date:
    """The day on which its week begins, where the reader's language is spoken."""
    first = int(get_format("FIRST_DAY_OF_WEEK"))  # 0 is Sunday
    return day - (day.isoweekday() - first) % 7 * DAY


def week_name(day: date) -> str:
    """ "2026-W48": of its week. One that begins on Sunday has the number of the six days that follow."""
    year, week, _ = (first_of_week(day) + 3 * DAY).isocalendar()
    return f"{year}-W{week:02}"


def parse_week(text: str) -> date | None:
    """The first day of the week of that name; None where it is none, or none that can be shown."""
    year, _, week = text.partition("-W")
    if not (len(year) == 4 and len(week) == 2 and (year + week).isascii() and (year + week).isdigit()):
        return None
    try:
        return _within(first_of_week(date.fromisocalendar(int(year), int(week), 4)))
    except (ValueError, OverflowError):
        return None


def parse_day(text: str) -> date | None:
    try:
        return _within(date.fromisoformat(text)) if len(text) == 10 else None
    except ValueError:
        return None


def hold_in(day: date) -> date:
    """The nearest day that can be shown, with those around it."""
    return min(max(day, EARLIEST.date() + MARGIN), LATEST.date() - MARGIN)


def _within(day: date) -> date | None:
    return day if day == hold_in(day) else None


def name_days(first: date, count: int) -> str:
    """ "Monday 23 November 2026", "Mon 23 – Sun 29 Nov 2026"."""
    if count == 1:
        return date_format(first, "l j F Y")
    last = first + (count - 1) * DAY
    words = say_days(first, last)
    return words if first.year != last.year else f"{words} {last.year}"


def draw(reader: Reader, filters: Filters, first: date, count: int, *, is_whole: bool = False) -> Drawing:
    """`count` days from `first` on. A fixed number of queries, however many meetings there are."""
    clock = reader.clock
    days = [first + n * DAY for n in range(count)]
    rows = list(find_between(reader, filters, first, first + count * DAY)[: MOST_SHOWN + 1])
    is_cut = len(rows) > MOST_SHOWN
    twins = Twins(reader, rows[:MOST_SHOWN])
    found = [one for one in rows[:MOST_SHOWN] if twins.is_shown(one)]
    around = describe(reader, found, twins)
    # All-day events, and what would cover the hours of whole days, stand above the hours.
    in_strip = [one for one in found if takes_days(one)]
    in_grid = {one.pk: one for one in found if not takes_days(one)}
    spans = [Span(one.pk, one.starts, one.ends) for one in in_grid.values() if one.starts and one.ends]
    most_lanes = LANES_OF_A_DAY if count == 1 else LANES_OF_A_WEEK
    plan = plan_days(days, spans, clock.zone, is_whole=is_whole, most_lanes=most_lanes)
    shown = [
        _show_day(reader, planned, in_strip, in_grid, around, _find_now_row(planned, plan, clock))
        for planned in plan.days
    ]
    has_second = find_zone(clock.second, with_utc=True) is not None
    return Drawing(
        days=shown,
        lines=_list_lines(plan, clock),
        rows=plan.rows,
        count=len(found),
        is_cut=is_cut,
        city=zone_city(str(clock.zone)) if has_second else "",
        second=zone_city(clock.second) if has_second else "",
        notes=[note for note in (_say_turned(shown), _say_second_turned(days, clock)) if note],
    )


def find_between(reader: Reader, filters: Filters, first: date, after: date) -> MeetingQuerySet:
    """Those that touch the days first <= d < after, and that the filters leave."""
    begin, end = reader.clock.midnight(first), reader.clock.midnight(after)
    timed = Q(starts_on__isnull=True, starts__lt=end) & (Q(ends__gt=begin) | Q(starts__gte=begin))
    all_day = Q(starts_on__lt=after, ends_on__gt=first)
    # What is in order by its start is looked for by it; the days more are for the owners' zones.
    listed = narrow(reader, filters).for_list().filter(timed | all_day, starts__lt=end + 2 * DAY)
    return listed.order_by("starts", "pk")


def _show_day(
    reader: Reader,
    planned: PlannedDay,
    in_strip: Sequence[Meeting],
    in_grid: dict[int, Meeting],
    around: dict[int, Around],
    now_row: int | None,
) -> ShownDay:
    day, clock = planned.date, reader.clock

    def show(meeting: Meeting) -> Shown:
        return reader.show(meeting, day=day, around=around.get(meeting.pk))

    all_day = [show(one) for one in in_strip if first_day(one, clock) <= day <= last_day(one, clock)]
    places = sorted(planned.places, key=lambda one: (one.row, one.lane))
    blocks = [Block(one, show(in_grid[one.key])) for one in places if isinstance(one.key, int)]
    return ShownDay(day, clock, all_day, blocks, planned.gaps, planned.hidden, now_row)


def _find_now_row(planned: PlannedDay, plan: Plan, clock: Clock) -> int | None:
    if planned.date != clock.today:
        return None
    quarter, fold = slot_of(clock.now, clock.zone)
    for hour in plan.hours:
        begins = hour.moment.hour * 4 + hour.moment.minute // 15
        if begins <= quarter < begins + hour.rows and bool(fold) == hour.is_again:
            return hour.row + quarter - begins
    return None


def _list_lines(plan: Plan, clock: Clock) -> list[Line]:
    zone = find_zone(clock.second, with_utc=True)
    lines = []
    said = 0
    for hour in plan.hours:
        second = ""
        if zone is not None:
            there = hour.moment.astimezone(zone)
            shift = (there.date() - hour.moment.date()).days
            second = f"{there:%H:%M}{say_shift(shift) if shift != said else ''}"
            said = shift
        lines.append(Line(hour.row, hour.rows, f"{hour.moment:%H:%M}", second, hour.is_again))
    return lines


def _say_turned(days: Sequence[ShownDay]) -> str:
    """That clocks are turned, where they are."""
    for one in days:
        if one.hours != 24:
            return f"Clocks are turned on {date_format(one.date, 'l j F')}: the day has {one.hours} hours."
    return ""


def _say_second_turned(days: Sequence[date], clock: Clock) -> str:
    """That the second zone's times beside the hours do not hold for all days, where they do not."""
    zone = find_zone(clock.second, with_utc=True)
    if zone is None:
        return ""
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=clock.zone) for day in days]
    for noon in noons:
        if noon.astimezone(zone).time() != noons[0].astimezone(zone).time():
            words = date_format(noon.date(), "l j F")
            return f"From {words} on {zone_city(clock.second)} is another number of hours away than beside the hours."
    return ""
