"""Phone numbers: what a person typed → E.164, and back to what a person reads. Pure, and quick by the ten thousand.

A number is *possible* when its length fits its country; we ask no more than that. Numbering plans change faster than
the tables that describe them, and a number wrongly called unreadable cannot be called.

Reference: https://www.itu.int/rec/T-REC-E.164 and https://github.com/google/libphonenumber/blob/master/FAQ.md
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

from integrations.remote import NumberKind

KIND_LABELS = {
    NumberKind.MOBILE: "Mobile",
    NumberKind.WORK: "Work",
    NumberKind.HOME: "Home",
    NumberKind.MAIN: "Main",
    NumberKind.FAX: "Fax",
    NumberKind.OTHER: "Other",
}

NO_NUMBER = "There is no phone number in this."
NO_COUNTRY = "It has no country code, and your organization has not said in which country such numbers are."
WRONG_COUNTRY = "It starts with a country code that does not exist."
NO_AREA = "The area code is missing."
SHORT_CODE = "It is a short number: it works only inside one country or one telephone system."
TOO_LONG = "It has too many digits for one phone number."
WRONG_LENGTH = "No number of this length exists in its country."

LONGEST_VALUE = 250
"""The parser's own limit on what it reads."""
SHORTEST_NUMBER = 7
"""Digits, country code included, below which a provider's own E.164 is not believed."""

is_e164 = re.compile(rf"\+[1-9][0-9]{{{SHORTEST_NUMBER - 1},14}}", re.ASCII).fullmatch
_EXTENSION_WORDS = re.compile(r"\b(tel|ext|x)\b|(?<=\d)(ext|x)(?=[\s.:=]*\d)", re.IGNORECASE)
_is_plain = re.compile(r"[+0-9 ().\-/\u00a0\u2010-\u2015]*").fullmatch
_SEPARATORS = dict.fromkeys(map(ord, " ().-/\u00a0\u2010\u2011\u2012\u2013\u2014\u2015"))
_KNOWN_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


class Number(NamedTuple):
    """`original` as it stands; `e164` with its plus, or None and the `reason`, a sentence."""

    original: str
    e164: str | None
    extension: str = ""
    reason: str = ""


def parse_number(text: str, region: str = "", *, e164: str = "") -> Number:
    """The number in `text`, read as someone in `region` ("DE"; "" where nobody has said) would dial it.

    `e164` is the provider's own reading of it. It is believed when it has the shape, without further work: a first
    sync brings tens of thousands.
    """
    if e164 and is_e164(e164):
        extension = "" if _is_plain(text) else _read(text, region).extension
        return Number(text, e164, extension)
    if text[:1] == "+" and (quick := _read_plain_international(text)):
        return Number(text, quick)
    return _read(text, region)


def format_number(e164: str, region: str = "", *, extension: str = "") -> str:
    """The number as people in `region` write it: in national form when it is theirs, else in international form.

    What is no E.164 comes back as it stands.
    """
    shown = _format(e164, region.upper())
    return f"{shown} ext. {extension}" if extension else shown


def is_number_like(text: str) -> bool:
    """Whether `text` is written as a number: no letters but those that lead to an extension."""
    return not any(one.isalpha() for one in _EXTENSION_WORDS.sub("", text))


def find_digits(text: str) -> str:
    """All decimal digits in `text` as 0-9, whatever script they are written in."""
    if text.isascii():
        return "".join(filter(str.isdigit, text))
    return "".join(str(digit) for one in text if (digit := unicodedata.decimal(one, None)) is not None)


@lru_cache(maxsize=4096)
def _read(text: str, region: str) -> Number:
    region = region.upper() if region.upper() in _KNOWN_REGIONS else ""
    if len(text) > LONGEST_VALUE:
        return Number(text, None, reason=NO_NUMBER)
    try:
        parsed = phonenumbers.parse(text if region else _with_plus(text), region or None)
    except NumberParseException as error:
        return Number(text, None, reason=_explain_failure(text, error.error_type))
    extension = parsed.extension or ""
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if reason := _find_problem(parsed, e164):
        return Number(text, None, extension, reason)
    return Number(text, e164, extension)


def _with_plus(text: str) -> str:
    """Where nobody has said which country to read in, 00 is what most of the world dials for the plus."""
    digits = find_digits(text)
    return f"+{digits[2:]}" if digits.startswith("00") and _is_plain(text) else text


def _explain_failure(text: str, error_type: int) -> str:
    digits = len(find_digits(text))
    if error_type == NumberParseException.TOO_LONG:
        return TOO_LONG
    if not digits or digits < len(text) / 4:
        return NO_NUMBER
    if digits < SHORTEST_NUMBER:
        return SHORT_CODE
    # The parser says the same of "+999 …" and of a number without a plus where no region is known.
    if error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return WRONG_COUNTRY if text.lstrip()[:1] in ("+", "\uff0b") else NO_COUNTRY
    return NO_NUMBER


def _find_problem(parsed: PhoneNumber, e164: str) -> str:
    match phonenumbers.is_possible_number_with_reason(parsed):
        case ValidationResult.IS_POSSIBLE:
            # Some plans allow four digits, and so every extension of an office would be a number of its country.
            return "" if len(e164) > SHORTEST_NUMBER else SHORT_CODE
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return NO_AREA if len(e164) > SHORTEST_NUMBER else SHORT_CODE
        case ValidationResult.TOO_SHORT:
            return SHORT_CODE
        case ValidationResult.TOO_LONG:
            return TOO_LONG
        case ValidationResult.INVALID_COUNTRY_CODE:
            return WRONG_COUNTRY
        case _:
            return WRONG_LENGTH


def _read_plain_international(text: str) -> str | None:
    """E.164 of "+49 30 1234-5678" and the like, in a tenth of the time, or None where a closer look is needed.

    Gives what the full parser gives (a test holds the two together): only plain digits and separators, a country code
    that exists, no national prefix to take away, a length that is possible.
    """
    compact = text.translate(_SEPARATORS)
    digits = compact[1:]
    if not (digits.isascii() and digits.isdigit() and SHORTEST_NUMBER <= len(digits) <= 15):
        return None
    for size in (1, 2, 3):
        if plan := _find_plan(digits[:size]):
            national = digits[size:]
            if len(national) in plan.lengths and national[0] != "0" and not plan.has_prefix(national):
                return compact
            return None
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the quick way must know of one country calling code."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None

    def has_prefix(self, national: str) -> bool:
        return self.prefix is not None and self.prefix.match(national) is not None


@cache
def _find_plan(calling_code: str) -> _Plan | None:
    if calling_code[:1] == "0" or not (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code))):
        return None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(calling_code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return _Plan(frozenset(metadata.general_desc.possible_length), re.compile(prefix) if prefix else None)


@lru_cache(maxsize=4096)
def _format(e164: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(e164)
    except NumberParseException:
        return e164
    is_ours = region in _KNOWN_REGIONS and phonenumbers.country_code_for_region(region) == parsed.country_code
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if is_ours else PhoneNumberFormat.INTERNATIONAL
    )
