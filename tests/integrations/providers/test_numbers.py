"""Whether two spellings are one number, and which types a service has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import Rejected
from integrations.providers.base import NumberType
from integrations.providers.numbers import get_type, has_number, is_same_number
from integrations.remote import NumberKind, RemoteContact, RemoteNumber, RemoteRef

BERLIN = "+4930901820"
SAME = [
    ("+49 30 901820", "0049 (30) 90-18-20"),
    ("+49 30 901820", "030 901820"),
    ("030 901820", "(030) 90 18 20"),
    ("+1 415 555 2671", "415-555-2671"),
    ("+1 415 555 2671 ext. 5", "+1 (415) 555-2671 x5"),
    ("+39 06 1234 5678", "+390612345678"),
    ("tel:+49-30-901820", "+4930901820"),
    ("٠٣٠ ٩٠١٨٢٠", "030 901820"),
    ("110", "1 1 0"),
    ("ask Petra", "Ask  Petra"),
]
DIFFERENT = [
    ("+49 30 901820", "+49 30 901821"),
    ("+49 30 901820", "+351 30 901820"),
    ("+49 30 901820", "901820"),
    ("+49 30 901820", "+49 30 901820 ext. 5"),
    ("+49 30 901820", "+49 30 9018200"),
    ("110", "112"),
    ("anonymous", "+49 30 901820"),
    ("ask Petra", "ask Paul"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_number_in_two_spellings_is_one(one: str, other: str) -> None:
    assert is_same_number(RemoteNumber(one), RemoteNumber(other))
    assert is_same_number(RemoteNumber(other), RemoteNumber(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_numbers_are_two(one: str, other: str) -> None:
    assert not is_same_number(RemoteNumber(one), RemoteNumber(other))
    assert not is_same_number(RemoteNumber(other), RemoteNumber(one))


def test_the_service_s_own_reading_counts_but_has_no_extension() -> None:
    held = RemoteNumber("030 901820 ext. 5", e164=BERLIN)
    assert is_same_number(held, RemoteNumber("+49 30 901820 x5"))
    assert not is_same_number(held, RemoteNumber("+49 30 901820"))
    assert is_same_number(RemoteNumber("901820", e164=BERLIN), RemoteNumber("+49 30 901820"))
    assert not is_same_number(RemoteNumber("901820", e164="odd"), RemoteNumber("+49 30 901820"))


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=20))
def test_nothing_that_is_written_as_a_number_breaks_it(one: str, other: str, e164: str) -> None:
    first, second = RemoteNumber(one, e164=e164), RemoteNumber(other)
    assert is_same_number(first, second) == is_same_number(second, first)
    assert is_same_number(first, first)


def test_a_contact_has_a_number_of_whatever_type() -> None:
    contact = RemoteContact(RemoteRef("1"), numbers=(RemoteNumber("110"), RemoteNumber("030 901820", NumberKind.HOME)))
    assert has_number(contact, RemoteNumber("+49 30 901820", NumberKind.WORK))
    assert not has_number(contact, RemoteNumber("+49 30 901821", NumberKind.HOME))


def test_a_number_is_of_a_type_that_the_service_has() -> None:
    types = (NumberType("mobile", "Mobile", NumberKind.MOBILE), NumberType("work", "Work", NumberKind.WORK))
    assert get_type(RemoteNumber("110", label="work"), types) == types[1]
    with pytest.raises(Rejected):
        get_type(RemoteNumber("110", NumberKind.WORK, "Work"), types)


def test_texts_without_a_letter_or_digit_are_one_only_where_they_are_the_same() -> None:
    assert not is_same_number(RemoteNumber("---"), RemoteNumber("?"))
    assert is_same_number(RemoteNumber("---"), RemoteNumber(" ---"))
