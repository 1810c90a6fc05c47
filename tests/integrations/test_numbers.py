"""Numbers: whatever people typed, read as they would dial it, or kept with the reason."""

import time

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations import numbers
from integrations.numbers import (
    NO_AREA,
    NO_COUNTRY,
    NO_NUMBER,
    SHORT_CODE,
    TOO_LONG,
    WRONG_COUNTRY,
    format_number,
    is_number_like,
    parse_number,
)


@pytest.mark.parametrize(
    ("text", "region", "e164", "extension"),
    [
        ("+49 30 123456", "", "+4930123456", ""),
        ("+49 (0)30 123456", "", "+4930123456", ""),
        ("+49(030)123456", "DE", "+4930123456", ""),
        ("0049 30 123456", "DE", "+4930123456", ""),
        ("0049 30 123456", "", "+4930123456", ""),
        ("00 49-30-123456", "", "+4930123456", ""),
        ("011 49 30 123456", "US", "+4930123456", ""),
        ("030 / 12 34 56", "DE", "+4930123456", ""),
        ("030/123456", "de", "+4930123456", ""),
        ("(202) 555-0123", "US", "+12025550123", ""),
        ("202.555.0123", "US", "+12025550123", ""),
        ("1-800-FLOWERS", "US", "+18003569377", ""),
        ("+1 202 555 0123 x5", "", "+12025550123", "5"),
        ("+12025550123 ext. 4711", "DE", "+12025550123", "4711"),
        ("tel:+12025550123;ext=12", "", "+12025550123", "12"),
        ("+39 06 1234567", "", "+39061234567", ""),
        ("06 1234567", "IT", "+39061234567", ""),
        ("＋４９ ３０ １２３４５６", "", "+4930123456", ""),
        ("０３０ １２３４５６", "DE", "+4930123456", ""),
        ("٠١٠ ١٢٣٤ ٥٦٧٨", "EG", "+201012345678", ""),
        ("+٢٠ ١٠ ١٢٣٤ ٥٦٧٨", "", "+201012345678", ""),
        ("۰۲۱ ۸۸۷۷ ۶۶۵۵", "IR", "+982188776655", ""),
        ("+44\u00a020\u00a07946\u20110018", "", "+442079460018", ""),
        ("Office: +44 20 7946 0018", "", "+442079460018", ""),
        ("\u202a+44 20 7946 0018\u202c", "", "+442079460018", ""),
    ],
)
def test_a_number_is_read_as_someone_there_would_dial_it(text: str, region: str, e164: str, extension: str) -> None:
    number = parse_number(text, region)
    assert (number.e164, number.extension, number.reason) == (e164, extension, "")
    assert number.original == text


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("030 123456", "", NO_COUNTRY),
        ("030 123456", "XX", NO_COUNTRY),
        ("112", "DE", SHORT_CODE),
        ("911", "US", SHORT_CODE),
        ("112", "", SHORT_CODE),
        ("4711", "DE", SHORT_CODE),
        ("*21#", "DE", SHORT_CODE),
        ("+12", "", SHORT_CODE),
        ("555-0123", "US", NO_AREA),
        ("+999 12345678", "", WRONG_COUNTRY),
        ("+1 202 555 01234567", "", TOO_LONG),
        ("030 123456 / 0171 12345678", "DE", TOO_LONG),
        ("ask Maria", "DE", NO_NUMBER),
        ("", "DE", NO_NUMBER),
        ("-", "", NO_NUMBER),
        ("see the note of the second meeting, 2", "DE", NO_NUMBER),
        ("1" * 5_000, "DE", NO_NUMBER),
        ("<script>alert(1)</script>", "DE", NO_NUMBER),
    ],
)
def test_what_is_no_number_is_kept_with_the_reason(text: str, region: str, reason: str) -> None:
    number = parse_number(text, region)
    assert (number.e164, number.reason, number.original) == (None, reason, text)


def test_a_provider_is_believed_when_its_reading_has_the_shape() -> None:
    assert parse_number("030 123456", "US", e164="+4930123456").e164 == "+4930123456"
    assert parse_number("030 123456 x7", "DE", e164="+4930123456").extension == "7"


@pytest.mark.parametrize("claimed", ["4930123456", "+0930123456", "+49", "+49 30 123456", "+49301234567890123", "x"])
def test_a_provider_is_not_believed_when_it_has_not(claimed: str) -> None:
    assert parse_number("030 99 88 77", "DE", e164=claimed).e164 == "+4930998877"


@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)),
    st.text("0123456789", min_size=3, max_size=14),
    st.sampled_from(["", " ", "-", " (", "/"]),
)
@example(52, "15512345678", " ")
@example(39, "061234567", " ")
@example(7, "84951234567", " ")
def test_the_quick_way_gives_what_the_full_parser_gives(code: int, digits: str, separator: str) -> None:
    text = f"+{code}{separator}{digits[:3]} {digits[3:]}"
    quick = numbers._read_plain_international(text)
    assert quick is None or quick == numbers._read.__wrapped__(text, "").e164


@given(st.text(max_size=60), st.sampled_from(["", "DE", "US", "ZZ"]), st.text("+0123456789", max_size=20))
def test_no_text_breaks_the_reading(text: str, region: str, claimed: str) -> None:
    number = parse_number(text, region, e164=claimed)
    assert bool(number.e164) != bool(number.reason)
    assert number.original == text
    if number.e164:
        assert number.e164[0] == "+" and number.e164[1:].isascii() and number.e164[1:].isdigit()
        assert len(number.e164) <= 20
        assert format_number(number.e164, region)


@pytest.mark.parametrize(
    ("e164", "region", "shown"),
    [
        ("+4930123456", "DE", "030 123456"),
        ("+4930123456", "US", "+49 30 123456"),
        ("+4930123456", "", "+49 30 123456"),
        ("+12025550123", "us", "(202) 555-0123"),
        ("+390612345678", "IT", "06 1234 5678"),
        ("nonsense", "DE", "nonsense"),
    ],
)
def test_a_number_is_shown_as_people_there_write_it(e164: str, region: str, shown: str) -> None:
    assert format_number(e164, region) == shown


def test_an_extension_is_shown_with_its_number() -> None:
    assert format_number("+12025550123", "US", extension="5") == "(202) 555-0123 ext. 5"


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        ("030 12345", True),
        ("+1 (202) 555-0123 ext 5", True),
        ("2025550123x5", True),
        ("tel:+49 30 1", True),
        ("٠٣٠ ١٢٣", True),
        ("max", False),
        ("studio 54", False),
        ("1-800-FLOWERS", False),
    ],
)
def test_letters_make_a_text_no_number(text: str, is_number: bool) -> None:
    assert is_number_like(text) is is_number


def test_twenty_thousand_numbers_of_a_first_sync_take_a_moment() -> None:
    started = time.process_time()
    for serial in range(10_000):
        parse_number(f"(202) 555-{serial:04}", "US", e164=f"+1202555{serial:04}")
        parse_number(f"+1 (303) 555-{serial:04}", "US")
    assert time.process_time() - started < 1.0
