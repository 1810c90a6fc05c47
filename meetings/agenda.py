"""Which meetings the pages list, for one reader: filtered, by day, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.paginator import Page, Paginator

from meetings.models import Meeting, MeetingQuerySet
from meetings.reader import ME, Filters, Reader, find_reader, narrow
from meetings.showing import Around, Shown
from meetings.surroundings import Twins, describe
from meetings.times import LONGEST_SHOWN_AS_TIMES, Clock, first_day, last_day, say_heading

__all__ = ["Filters", "Reader", "find_reader"]

PER_PAGE = 50
MOST_WITHOUT_TIME = 20
MOST_OF_SERIES = 5
MOST_ON_THE_CLOCK = 6
MOST_DAYS = 31
"""Under which one meeting stands in a list: what takes longer says until when it goes on."""
MOST_CARRIED = 200
MOST_BESIDE = 200

DAY = timedelta(days=1)


@dataclass
class Day:
    date: date
    clock: Clock
    meetings: list[Shown] = field(default_factory=list)

    @property
    def heading(self) -> tuple[str, str]:
        return say_heading(self.date, self.clock)

    @property
    def is_today(self) -> bool:
        return self.date == self.clock.today


@dataclass(frozen=True, slots=True)
class Agenda:
    """One page of the list. `without_time` stands at the end of the last page of all that is upcoming.

    `people`: in how many people's calendars was looked. What stands in several of them is shown once and counted in
    each, since it is only a page that is compared.
    """

    page: Page[int]
    days: list[Day]
    without_time: list[Shown]
    people: int = 1

    @property
    def count(self) -> int:
        return self.page.paginator.count + len(self.without_time)

    def say_count(self, filters: Filters) -> str:
        """ "1 past meeting fits.", said aloud when the list changes."""
        which = "past" if filters.is_past else "upcoming"
        noun = "meeting" if self.count == 1 else "meetings"
        fits = (" fits" if self.count == 1 else " fit") if filters.are_set else ""
        where = f" in {self.people} people’s calendars" if self.people > 1 and self.count else ""
        return f"{self.count or 'No'} {which} {noun}{fits}{where}."


def list_meetings(reader: Reader, filters: Filters) -> MeetingQuerySet:
    """All that have a time and are asked for, in the order of the list."""
    clock = reader.clock
    chosen = narrow(reader, filters).for_list()
    if filters.is_past:
        listed = chosen.past(clock.now, today=clock.today)
        return listed.filter(starts__lt=clock.midnight(filters.on + DAY)) if filters.on else listed
    moment = clock.now if filters.on is None else clock.midnight(filters.on)
    return chosen.upcoming(moment, today=filters.on or clock.today)


def build_agenda(reader: Reader, filters: Filters, number: str | int | None = 1) -> Agenda:
    listed = list_meetings(reader, filters)
    # Their keys first: what is sorted to find a page is narrow, however long the meetings are. What a search finds is
    # not counted and then looked for again: it reads every description.
    keys = listed.values_list("pk", flat=True)
    page: Page[int] = Paginator(list(keys) if filters.text else keys, PER_PAGE).get_page(number)
    rows = _load(list(page))
    beside = _find_beside(listed, rows) if reader.is_merging(filters) else []
    carried = _find_carried(listed, page, rows, filters)
    twins = Twins(reader, [*carried, *rows, *beside])
    shown = [one for one in [*carried, *rows] if twins.is_shown(one)]
    loose: Sequence[Meeting] = ()
    if not filters.is_past and not page.has_next():
        loose = list(narrow(reader, filters).for_list().without_time()[:MOST_WITHOUT_TIME])
    around = describe(reader, [*shown, *loose], twins)
    days = _group(reader, shown, around, _find_range(reader, page, rows, filters), latest_first=filters.is_past)
    without_time = [reader.show(one, around=around.get(one.pk)) for one in loose]
    return Agenda(page, days, without_time, len(reader.sights(filters)))


def _load(keys: Sequence[int]) -> list[Meeting]:
    """Rows in the order of their keys; what went meanwhile is missing."""
    found = {one.pk: one for one in Meeting.objects.for_list().filter(pk__in=keys)}
    return [found[key] for key in keys if key in found]


def _find_beside(listed: MeetingQuerySet, rows: Sequence[Meeting]) -> Iterable[Meeting]:
    """Those of the pages before and after that begin together with the first or the last of this one."""
    if not rows:
        return []
    edges = {rows[0].starts, rows[-1].starts}
    return listed.filter(starts__in=edges).exclude(pk__in=[one.pk for one in rows])[:MOST_BESIDE]


def _find_carried(listed: MeetingQuerySet, page: Page[int], rows: Sequence[Meeting], filters: Filters) -> list[Meeting]:
    """Those of another page that go on for days, into the days of this one."""
    has_other = page.has_next() if filters.is_past else page.has_previous()
    if not rows or not has_other:
        return []
    edge = rows[-1 if filters.is_past else 0].starts
    others = listed.filter(starts__lt=edge, ends__gt=edge).exclude(pk__in=[one.pk for one in rows])
    return [one for one in others[:MOST_CARRIED] if takes_days(one)]


def _find_range(
    reader: Reader, page: Page[int], rows: Sequence[Meeting], filters: Filters
) -> tuple[date | None, date | None]:
    """The days of this page, None where no other page sets a limit: what goes on for days stands under these alone."""
    firsts = [first_day(one, reader.clock) for one in rows]
    if filters.is_past:
        return (min(firsts) if page.has_next() else None), (max(firsts) if page.has_previous() else reader.clock.today)
    since = filters.on or reader.clock.today
    return (max(since, min(firsts)) if page.has_previous() else since), (max(firsts) if page.has_next() else None)


def _group(
    reader: Reader,
    meetings: Iterable[Meeting],
    around: dict[int, Around],
    days_of_page: tuple[date | None, date | None],
    *,
    latest_first: bool,
) -> list[Day]:
    """Meetings under the reader's days; what takes days stands under each of them."""
    days: dict[date, Day] = {}
    for meeting in meetings:
        for day in _list_days(meeting, reader.clock, *days_of_page):
            shown = reader.show(meeting, day=day, around=around.get(meeting.pk))
            days.setdefault(day, Day(day, reader.clock)).meetings.append(shown)
    for group in days.values():
        # All-day events first, as in every calendar; otherwise in the order they came.
        group.meetings.sort(key=lambda one: not one.meeting.is_all_day)
    return [days[key] for key in sorted(days, reverse=latest_first)]


def takes_days(meeting: Meeting) -> bool:
    """Whether it is more than a night: all day, or for so long that it is said with its days."""
    if meeting.starts is None or meeting.ends is None:
        return False
    return meeting.starts_on is not None or meeting.ends - meeting.starts > LONGEST_SHOWN_AS_TIMES


def _list_days(meeting: Meeting, clock: Clock, since: date | None, until: date | None) -> list[date]:
    first, last = first_day(meeting, clock), last_day(meeting, clock)
    if not takes_days(meeting):
        last = first
    begin = max(first, since) if since else first
    end = max(begin, min(last, until) if until else last)
    return [begin + n * DAY for n in range(min((end - begin).days + 1, MOST_DAYS))]


def find_on_the_clock(reader: Reader, filters: Filters | None = None) -> Iterator[Shown]:
    """What runs now, then what comes next: every meeting that begins together with the first to come.

    The reader's own, unless they ask for another person's, or have none to be read and see those of others alone.
    """
    host = filters.host if filters else ""
    if not host and not (reader.standing.lacks and reader.circle.owners):
        host = ME
    coming: datetime | None = None
    meetings = reader.open_meetings(Filters(host=host)).for_list().on_the_clock(reader.clock.now)
    found = list(meetings[:MOST_ON_THE_CLOCK])
    twins = Twins(reader, found)
    for meeting in found:
        if not twins.is_shown(meeting):
            continue
        if meeting.starts is not None and meeting.starts > reader.clock.now:
            if coming is not None and meeting.starts != coming:
                return
            coming = meeting.starts
        yield reader.show(meeting, around=Around(others=twins.name_others(meeting)))


def find_rest_of_series(reader: Reader, meeting: Meeting) -> list[Shown]:
    """The next occurrences after this one."""
    if not meeting.series_id or meeting.starts is None or reader.is_hidden(meeting):
        return []
    others = (
        reader.open_meetings()
        .for_list()
        .filter(owner=meeting.owner_id, series_id=meeting.series_id, connection=meeting.connection_id)
    )
    later = others.filter(starts__gt=meeting.starts).order_by("starts", "pk")
    return [reader.show(one) for one in later[:MOST_OF_SERIES]]
