"""The colors of calendars: each provider's color has one that comes near, and each is seen in light and dark."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.palette import COLORS, DEFAULT, IN_TURN, find_nearest, is_color, pick_color

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
TOKENS = dict(re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), ", (CSS / "tokens.css").read_text()))
DARK = dict(re.findall(r"--([a-z0-9-]+): light-dark\(#[0-9a-f]{6}, (#[0-9a-f]{6})\)", (CSS / "tokens.css").read_text()))


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#d50000", "red"),
        ("#e67c73", "red"),
        ("#f4511e", "orange"),
        ("#f6bf26", "amber"),
        ("#33b679", "green"),
        ("#0b8043", "green"),
        ("#039be5", "blue"),
        ("#3f51b5", "blue"),
        ("#7986cb", "blue"),
        ("#8e24aa", "purple"),
        ("#d81b60", "pink"),
        ("#616161", "grey"),
        ("#000000", "grey"),
        ("#ffffff", "grey"),
        ("#9fe1e7", "teal"),
        ("", DEFAULT),
        ("red", DEFAULT),
        ("#12345", DEFAULT),
        ("url(x)", DEFAULT),
    ],
)
def test_the_color_of_a_provider_becomes_one_of_ours(color, name):
    assert find_nearest(color) == name


@given(st.text(alphabet="0123456789abcdefABCDEF", min_size=6, max_size=6))
def test_every_color_has_one_of_ours(digits):
    assert is_color(f"#{digits}")
    assert find_nearest(f"#{digits}") in COLORS


@given(st.text())
def test_whatever_is_no_color_has_one_too(text):
    assert find_nearest(text) in COLORS


def test_calendars_without_a_color_of_their_own_get_ten_different_ones():
    assert len({pick_color("", position) for position in range(10)}) == len(IN_TURN) == len(COLORS)
    assert pick_color("", 0) == DEFAULT
    assert pick_color("#d50000", 0) == "red"


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(color: str, other: str) -> float:
    lighter, darker = sorted((luminance(color), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [TOKENS, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("key", COLORS)
def test_each_color_stands_out_from_what_it_stands_on(theme, key):
    for ground in ("surface", "paper", "accent-soft"):
        assert contrast(theme[f"calendar-{key}"], theme[ground]) >= 3


@pytest.mark.parametrize("key", COLORS)
def test_each_color_has_its_rules(key):
    rules = (CSS / "components" / "calendars.css").read_text()
    assert f"--swatch: var(--calendar-{key})" in rules
    assert f'option[value="{key}"]:checked' in rules
    assert key == DEFAULT or f".swatch--{key} {{" in rules
