"""A time as it is typed, on the wall of a time zone, made a moment; pure. Says what daylight saving makes of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from integrations.recurrence import Wall, judge_wall

MINUTE = timedelta(minutes=1)


class NoSuchTime(Exception):
    """Clocks leave this time out. `before` and `after` are the nearest there are, on the same wall."""

    def __init__(self, before: datetime, after: datetime) -> None:
        super().__init__(f"{before:%H:%M} {after:%H:%M}")
        self.before = before
        self.after = after


@dataclass(frozen=True, slots=True)
class Twice:
    """The two moments of one time on the wall, as a choice: `fold` is "0" or "1"."""

    first: datetime
    second: datetime

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [
            ("0", f"The first, {self.first:%H:%M} {self.first.tzname()}"),
            ("1", f"The second, {self.second:%H:%M} {self.second.tzname()}, an hour later"),
        ]


def find_twice(naive: datetime, zone: tzinfo) -> Twice | None:
    """None for a time that is there once, or not at all."""
    if judge_wall(naive, zone) is not Wall.TWICE:
        return None
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return Twice(first, second)


def to_exact_moment(naive: datetime, zone: tzinfo, *, fold: int = 0) -> datetime:
    """In UTC. Raises NoSuchTime."""
    if judge_wall(naive, zone) is Wall.NEVER:
        raise NoSuchTime(*_around(naive, zone))
    return naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def fold_of(moment: datetime, zone: tzinfo) -> int:
    """Which of two equal times on the wall a moment is: 0 also where there is one only."""
    return moment.astimezone(zone).fold


def _around(naive: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The last minute before the gap, and the first after it."""
    before = after = naive.replace(second=0, microsecond=0)
    while judge_wall(before, zone) is Wall.NEVER:
        before -= MINUTE
    while judge_wall(after, zone) is Wall.NEVER:
        after += MINUTE
    return before, after
