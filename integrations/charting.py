"""A bar chart as numbers: where each bar stands, for a template to draw. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

SLOT = 10
"""Width of one day, in units of the drawing."""
GAP = 2
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Bar:
    date: date
    value: int
    slot: int
    """Where the day begins."""
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """One value for each day. `top`: what the full height stands for."""

    bars: list[Bar]
    top: int

    @property
    def width(self) -> int:
        return len(self.bars) * SLOT


def make_bars(values: Sequence[tuple[date, int]]) -> Bars:
    top = find_top(max((value for _, value in values), default=0))
    return Bars([_make_bar(n, day, value, top) for n, (day, value) in enumerate(values)], top)


def _make_bar(n: int, day: date, value: int, top: int) -> Bar:
    # What happened at all is seen: a day with one failure among thousands has a bar too.
    height = max(round(HEIGHT * value / top, 2), 2.0) if value else 0.0
    return Bar(day, value, n * SLOT, n * SLOT + GAP // 2, round(HEIGHT - height, 2), SLOT - GAP, height)


def find_top(value: int) -> int:
    """The next round number, so that the highest bar fills most of the height."""
    if value <= 10:
        return max(value, 1)
    tenth = 10 ** (floor(log10(value)) - 1)
    return next(step * tenth for step in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100) if step * tenth >= value)
