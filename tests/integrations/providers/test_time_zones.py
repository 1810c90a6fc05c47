"""Time zones in Microsoft's names."""

import pytest

from integrations.providers.time_zones import find_zone_name


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
