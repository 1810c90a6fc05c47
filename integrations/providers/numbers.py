"""What providers need of phone numbers, whichever service a contact is written to. Pure."""

import phonenumbers
from phonenumbers import MatchType, NumberParseException, PhoneNumber

from integrations.errors import Rejected
from integrations.providers.base import NumberType
from integrations.remote import RemoteContact, RemoteNumber

UNKNOWN_TYPE = "This service has no such kind of number. Choose another one."
_SAME = frozenset({MatchType.EXACT_MATCH, MatchType.NSN_MATCH})


def has_number(contact: RemoteContact, number: RemoteNumber) -> bool:
    """Whether a contact has this number, in whatever spelling and of whatever type."""
    return any(is_same_number(one, number) for one in contact.numbers)


def is_same_number(first: RemoteNumber, second: RemoteNumber) -> bool:
    """Whether two of a person's numbers are one: "+49 30 901820" is "0049 (30) 90 18 20" and "030 901820".

    Where one of them has no country code, it is read in the other's country: a contact that had the same number in two
    countries would be a rarer thing than one whose number is written twice. Extensions count.
    """
    if (squeezed := _squeeze(first.value)) == _squeeze(second.value):
        return bool(squeezed) or first.value.strip() == second.value.strip()
    return phonenumbers.is_number_match(_read(first), _read(second)) in _SAME


def get_type(number: RemoteNumber, types: tuple[NumberType, ...]) -> NumberType:
    """The type that a number is to be written as.

    Raises:
        Rejected: there is none with this key.
    """
    found = next((one for one in types if one.key == number.label), None)
    if found is None:
        raise Rejected(UNKNOWN_TYPE, detail="number type")
    return found


def _read(number: RemoteNumber) -> PhoneNumber | str:
    """As the service reads it, with the extension that E.164 leaves out; else as it stands."""
    try:
        known = phonenumbers.parse(number.e164)
        region = phonenumbers.region_code_for_number(known)
        known.extension = phonenumbers.parse(number.value, region).extension
    except NumberParseException:
        # 00 is what most of the world dials for the plus.
        squeezed = _squeeze(number.value)
        return f"+{squeezed[2:]}" if squeezed.startswith("00") else number.value
    return known


def _squeeze(value: str) -> str:
    return "".join(one for one in value.casefold() if one.isalnum() or one in "+*#")
