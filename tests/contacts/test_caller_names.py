"""What a phone system calls somebody, parted sensibly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.caller_names import LONGEST_NAME, CallerName, split_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Anna Weber", CallerName("Anna", "Weber")),
        ("Weber, Anna", CallerName("Anna", "Weber")),
        ("WEBER, ANNA-LENA", CallerName("Anna-Lena", "Weber")),
        ("JOHN Q SMITH", CallerName("John Q", "Smith")),
        ("Ludwig van Beethoven", CallerName("Ludwig", "van Beethoven")),
        ("Maria de la Cruz", CallerName("Maria", "de la Cruz")),
        ("Van Morrison", CallerName("Van", "Morrison")),
        ("Anna", CallerName("Anna")),
        ("王小明", CallerName("王小明")),
        ("Weber GmbH", CallerName(organization="Weber GmbH")),
        ("Smith & Co", CallerName(organization="Smith & Co")),
        ("Agnes Agnew", CallerName("Agnes", "Agnew")),
        ("+49 30 901820", CallerName()),
        ("WIRELESS CALLER", CallerName()),
        ("Unbekannt", CallerName()),
        ("  \x00 ", CallerName()),
        ("", CallerName()),
    ],
)
def test_a_name_is_parted(text: str, name: CallerName) -> None:
    assert split_name(text) == name


@given(st.text(max_size=600))
def test_any_text_is_parted_into_something_that_can_be_kept(text: str) -> None:
    for part in split_name(text):
        assert len(part) <= LONGEST_NAME and "\x00" not in part and part == part.strip()
