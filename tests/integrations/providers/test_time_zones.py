"""Time zones in Microsoft's names."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from integrations.providers.time_zones import find_alike_windows_name, find_windows_name, find_zone_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("India Standard Time", "Asia/Calcutta"),
        ("UTC", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Europe/Kyiv", "Europe/Kyiv"),
        ("Kamchatka Standard Time", "Asia/Kamchatka"),
    ],
)
def test_a_zone_is_known_by_its_windows_name_and_by_its_own(name: str, expected: str) -> None:
    assert find_zone_name(name) == expected


@pytest.mark.parametrize(
    "name",
    ["", "Customized Time Zone", "tzone://Microsoft/Custom", "../etc/passwd", "/etc/localtime", "Europe", "a\0b"],
)
def test_what_is_no_zone_has_no_name(name: str) -> None:
    assert find_zone_name(name) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Europe/Berlin", "W. Europe Standard Time"),
        ("America/Toronto", "Eastern Standard Time"),
        ("Asia/Kolkata", "India Standard Time"),
        ("UTC", "UTC"),
        ("", "UTC"),
        ("Antarctica/Troll", "Antarctica/Troll"),
    ],
)
def test_a_zone_is_written_by_the_name_that_windows_has_for_it(name: str, expected: str) -> None:
    assert find_windows_name(name) == expected


def test_a_zone_without_a_name_of_windows_is_written_as_one_whose_clocks_go_alike() -> None:
    assert find_alike_windows_name("Europe/Berlin") == "W. Europe Standard Time"
    assert find_alike_windows_name("UTC") == "UTC"
    found = find_zone_name(find_alike_windows_name("America/Coyhaique"))
    day = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert day.astimezone(ZoneInfo(found)).utcoffset() == day.astimezone(ZoneInfo("America/Coyhaique")).utcoffset()
    assert find_alike_windows_name("Mars/Olympus") == ""
