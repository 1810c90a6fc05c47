"""Bars that fit their drawing, whatever the values."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from integrations.charting import HEIGHT, SLOT, find_top, make_bars

DAY = date(2026, 11, 1)


@given(st.integers(0, 10**12))
def test_the_top_is_a_round_number_that_the_value_fills_for_the_most_part(value):
    top = find_top(value)
    assert top >= max(value, 1)
    assert value == 0 or top <= value * 1.5
    assert top <= 10 or top % 10 ** (len(str(top)) - 2) == 0


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_every_bar_stands_on_the_ground_within_its_day_and_is_seen_if_there_is_anything(values):
    drawn = make_bars([(DAY + timedelta(days=n), value) for n, value in enumerate(values)])
    assert drawn.width == SLOT * len(values)
    for n, (bar, value) in enumerate(zip(drawn.bars, values, strict=True)):
        assert bar.slot <= bar.x and bar.x + bar.width <= bar.slot + SLOT
        assert bar.slot == n * SLOT
        assert round(bar.y + bar.height, 2) == HEIGHT
        assert bool(value) == (bar.height >= 2)


def test_of_no_days_there_is_an_empty_drawing():
    assert make_bars([]).bars == []
