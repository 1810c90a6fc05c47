"""Where each meeting stands in a drawing of a day or a week. Pure.

The drawing has one row for each quarter of an hour that the clocks show on any of its days: 96, and more where an hour
is shown twice. On a day that does not have such an hour, or lacks another, its rows are `Gap`s. So every day's hours
stand side by side, and a meeting at nine stands beside nine, also in the week in which clocks are turned.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
QUARTERS = 96
SHORTEST = 2
"""Rows that a meeting takes up at least, to be read."""
MOST_LANES = 12
WORKDAY = (8 * 4, 18 * 4)
"""Rows, by the clock, that are always drawn."""

Slot = tuple[int, int]
"""(quarter of an hour by the clock, 1 where the clocks show it for the second time)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A meeting's time, aware. `key` tells it from the others."""

    key: Hashable
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """`row` is the first of `rows`, counted from the drawing's first; `lane` of `lanes` side by side, from 0, and
    `wide` as many as are free to its right."""

    key: Hashable
    row: int
    rows: int
    lane: int
    lanes: int
    begins_before: bool = False
    goes_on: bool = False
    wide: int = 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows of a time that the clocks do not show on this day."""

    row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Hour:
    """One line of the scale. `moment`: when it is on the first day that has it."""

    row: int
    rows: int
    moment: datetime
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class PlannedDay:
    date: date
    places: Sequence[Place]
    gaps: Sequence[Gap]
    hidden: int = 0
    """Meetings for which there was no lane left."""


@dataclass(frozen=True, slots=True)
class Plan:
    rows: int
    hours: Sequence[Hour]
    days: Sequence[PlannedDay]


def plan_days(
    days: Sequence[date], spans: Iterable[Span], zone: tzinfo, *, is_whole: bool = False, most_lanes: int = MOST_LANES
) -> Plan:
    """Draw these days: the hours that anything needs, or (`is_whole`) all of them."""
    slots_of = {day: list_slots(day, zone) for day in days}
    axis = _make_axis(slots_of.values())
    row_of = {slot: row for row, slot in enumerate(axis)}
    spans = list(spans)
    cut = {day: [part for one in spans if (part := _cut(one, day, zone, row_of)) is not None] for day in days}
    begin, end = _find_frame(axis, slots_of, [part for parts in cut.values() for part in parts], is_whole)
    planned = []
    for day in days:
        places, hidden = lay_out(cut[day], most_lanes=most_lanes)
        shifted = [replace(one, row=one.row - begin) for one in places]
        planned.append(PlannedDay(day, shifted, _find_gaps(axis[begin:end], set(slots_of[day])), hidden))
    return Plan(end - begin, _list_hours(axis[begin:end], days, slots_of, zone), planned)


def list_slots(day: date, zone: tzinfo) -> list[Slot]:
    """The quarters of an hour that the clocks show on this day, in the order they come: 96, but 92 or 100 where the
    clocks are turned by an hour."""
    begins, ends = (datetime.combine(one, time.min, zone).astimezone(UTC) for one in (day, day + DAY))
    slots: dict[Slot, None] = {}
    moment = begins
    while moment < ends:
        slots[slot_of(moment, zone)] = None
        moment += QUARTER
    return list(slots)


def slot_of(moment: datetime, zone: tzinfo) -> Slot:
    local = moment.astimezone(zone)
    return (local.hour * 4 + local.minute // 15, local.fold)


def lay_out(parts: Iterable[Place], *, most_lanes: int = MOST_LANES) -> tuple[list[Place], int]:
    """Put those that touch the same rows side by side; (places, how many had no lane left).

    The lanes of one heap are equally narrow. No two that overlap share a lane.
    """
    placed: list[Place] = []
    hidden = 0
    heap: list[Place] = []
    heap_ends = 0
    free_from: list[int] = []  # by lane

    def close() -> None:
        lanes = len(free_from)
        placed.extend(replace(one, lanes=lanes, wide=_count_free(one, heap, lanes)) for one in heap)
        heap.clear()
        free_from.clear()

    for one in sorted(parts, key=lambda part: (part.row, -part.rows)):
        if heap and one.row >= heap_ends:
            close()
        lane = next((lane for lane, row in enumerate(free_from) if row <= one.row), len(free_from))
        if lane == most_lanes:
            hidden += 1
            continue
        free_from[lane : lane + 1] = [one.row + one.rows]
        heap_ends = max(heap_ends, one.row + one.rows) if heap else one.row + one.rows
        heap.append(replace(one, lane=lane))
    close()
    return placed, hidden


def _count_free(one: Place, heap: Iterable[Place], lanes: int) -> int:
    """How many lanes it may take up, its own included."""
    beside = (other.lane for other in heap if other.lane > one.lane and _share_rows(one, other))
    return min(beside, default=lanes) - one.lane


def _share_rows(one: Place, other: Place) -> bool:
    return one.row < other.row + other.rows and other.row < one.row + one.rows


def find_overlapping(spans: Iterable[Span]) -> set[Hashable]:
    """The keys of those that take place at the same time as another one with another key."""
    found: set[Hashable] = set()
    running: list[Span] = []
    for one in sorted(spans, key=lambda span: (span.starts, span.ends)):
        if one.ends <= one.starts:
            continue
        running = [other for other in running if other.ends > one.starts]
        for other in running:
            if other.key != one.key:
                found |= {one.key, other.key}
        running.append(one)
    return found


def _make_axis(days: Iterable[Sequence[Slot]]) -> list[Slot]:
    """Every slot of any day: what is shown twice stands twice in a row, the second time after the whole first time."""
    again = sorted({quarter for slots in days for quarter, fold in slots if fold})
    axis: list[Slot] = []
    for quarter in range(QUARTERS):
        axis.append((quarter, 0))
        if quarter in again and quarter + 1 not in again:
            first = quarter
            while first - 1 in again:
                first -= 1
            axis += [(one, 1) for one in range(first, quarter + 1)]
    return axis


def _cut(span: Span, day: date, zone: tzinfo, row_of: Mapping[Slot, int]) -> Place | None:
    """The part of it on this day, in one lane of its own; None where it does not touch the day."""
    begins, ends = (datetime.combine(one, time.min, zone).astimezone(UTC) for one in (day, day + DAY))
    starts, stops = max(span.starts, begins), min(span.ends, ends)
    is_moment = span.starts == span.ends
    if not (begins <= span.starts < ends) and (is_moment or starts >= stops):
        return None
    first = _find_row(starts, zone, row_of)
    last = first if starts >= stops else _find_row(stops - timedelta(microseconds=1), zone, row_of)
    rows = max(last - first + 1, SHORTEST)
    first = min(first, len(row_of) - rows)
    return Place(span.key, first, rows, 0, 1, span.starts < begins, span.ends > ends)


def _find_row(moment: datetime, zone: tzinfo, row_of: Mapping[Slot, int]) -> int:
    """Its row. Before there were time zones clocks were turned by odd minutes: then the nearest."""
    quarter, fold = slot_of(moment, zone)
    return row_of.get((quarter, fold), row_of[(quarter, 0)])


def _find_frame(
    axis: Sequence[Slot], slots_of: Mapping[date, Sequence[Slot]], parts: Sequence[Place], is_whole: bool
) -> tuple[int, int]:
    """(first row, one after the last) to be drawn: whole hours."""
    if is_whole:
        return 0, len(axis)
    quarters = [axis.index((quarter, 0)) for quarter in WORKDAY]
    begin = min([quarters[0], *(one.row for one in parts)])
    end = max([quarters[1], *(one.row + one.rows for one in parts)])
    shown_by_all = set(axis).intersection(*slots_of.values())
    odd = [row for row, slot in enumerate(axis) if slot not in shown_by_all]
    if not odd and any(fold for _, fold in axis):  # the day of the change alone
        odd = [row for row, (_, fold) in enumerate(axis) if fold]
    if odd:  # Clocks are turned: that is worth being seen.
        begin, end = min(begin, odd[0] - 4), max(end, odd[-1] + 5)
    begin = max(begin, 0)
    while axis[begin][0] % 4:
        begin -= 1
    while end < len(axis) and axis[end][0] % 4:
        end += 1
    return begin, min(end, len(axis))


def _find_gaps(axis: Sequence[Slot], slots: set[Slot]) -> list[Gap]:
    gaps: list[Gap] = []
    for row, slot in enumerate(axis):
        if slot in slots:
            continue
        if gaps and gaps[-1].row + gaps[-1].rows == row:
            gaps[-1] = Gap(gaps[-1].row, gaps[-1].rows + 1)
        else:
            gaps.append(Gap(row, 1))
    return gaps


def _list_hours(
    axis: Sequence[Slot], days: Sequence[date], slots_of: Mapping[date, Sequence[Slot]], zone: tzinfo
) -> list[Hour]:
    """A line for each hour, and for the first row of what is shown again."""
    begins = [row for row, (quarter, fold) in enumerate(axis) if _begins_line(axis, row, quarter, fold)]
    sets = {day: set(slots) for day, slots in slots_of.items()}
    hours = []
    for row, after in zip(begins, [*begins[1:], len(axis)], strict=True):
        quarter, fold = axis[row]
        day = next((one for one in days if (quarter, fold) in sets[one]), days[0])
        wall = datetime.combine(day, time(quarter // 4, quarter % 4 * 15), zone).replace(fold=fold)
        hours.append(Hour(row, after - row, wall, bool(fold)))
    return hours


def _begins_line(axis: Sequence[Slot], row: int, quarter: int, fold: int) -> bool:
    return quarter % 4 == 0 or (row > 0 and axis[row - 1][1] != fold)
