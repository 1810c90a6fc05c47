"""The colors a calendar may have on pages: few, told apart in light and dark, each with a name. Pure.

A provider has any color it likes; pages show the one of these that comes nearest, or the one its person chose. The
tones themselves stand in static/css/components/calendars.css, under `swatch--<key>`.
"""

import re
from colorsys import rgb_to_hsv

COLORS = {
    "teal": "Teal",
    "green": "Green",
    "olive": "Olive",
    "amber": "Amber",
    "orange": "Orange",
    "red": "Red",
    "pink": "Pink",
    "purple": "Purple",
    "blue": "Blue",
    "grey": "Grey",
}
DEFAULT = "teal"
IN_TURN = ("teal", "orange", "blue", "pink", "olive", "purple", "red", "amber", "green", "grey")
"""For calendars whose provider says no color: neighbours look different."""

HUES = {
    "red": 0.0,
    "orange": 24.0,
    "amber": 43.0,
    "olive": 72.0,
    "green": 140.0,
    "teal": 174.0,
    "blue": 218.0,
    "purple": 275.0,
    "pink": 328.0,
}
GREYEST = 0.15
"""Less saturated than this is grey."""


def is_color(text: str) -> bool:
    return re.fullmatch(r"#[0-9A-Fa-f]{6}", text) is not None


def find_nearest(color: str) -> str:
    """The key of the color that looks most like "#rrggbb"; the default for what is none."""
    if not is_color(color):
        return DEFAULT
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    hue, saturation, value = rgb_to_hsv(red, green, blue)
    if saturation < GREYEST or value < GREYEST:
        return "grey"
    return min(HUES, key=lambda key: _distance(HUES[key], hue * 360))


def pick_color(color: str, position: int) -> str:
    """The key for a calendar of this color, or, where it has none, for the one at this place of the list."""
    return find_nearest(color) if is_color(color) else IN_TURN[position % len(IN_TURN)]


def _distance(hue: float, other: float) -> float:
    """On the circle."""
    return abs((hue - other + 180) % 360 - 180)
