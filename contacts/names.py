"""Words of a contact: made safe to keep, found again in any spelling, put in order. Pure.

`fold` is the one spelling in which words are compared: "MÜLLER", "Müller" and "muller" are one word in it.
"""

import re
import unicodedata
from functools import lru_cache

from integrations.numbers import find_digits
from integrations.remote import RemoteContact

NO_NAME = "No name"
OTHER_INITIAL = "#"
"""Under it stands what does not begin with a letter."""
SORT_LENGTH = 200
"""Characters of a sort name: a database index holds no longer text."""

# Letters that Unicode does not take apart into a letter and its mark.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
# What no database keeps, or no line shows: NUL and other controls, and halves of surrogate pairs.
_UNKEEPABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def is_keepable(text: str) -> bool:
    """Whether a database keeps `text` exactly as it is."""
    # What is printable holds nothing of the kind, and most text is: the quick question first.
    return text.isprintable() or _UNKEEPABLE.search(text) is None


def clean_line(text: str, limit: int) -> str:
    """`text` on one line, without what cannot be kept, at most `limit` characters; the end of a longer one is "…"."""
    if not text:
        return ""
    if not text.isprintable():
        text = _UNKEEPABLE.sub("", text)
    elif "  " not in text and text[0] != " " and text[-1] != " " and len(text) <= limit:
        return text
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_lines(text: str, limit: int) -> str:
    """As `clean_line`, but keeps its lines."""
    text = _UNKEEPABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def fold(text: str) -> str:
    """`text` without case, accents and differences of width."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_PLAIN_LETTERS)
    return folded if folded.isascii() else _BEYOND_ASCII.sub(_drop_mark, folded)


@lru_cache(maxsize=4096)
def _without_mark(character: str) -> str:
    return "" if unicodedata.category(character) in ("Mn", "Cf") else character


def _drop_mark(found: re.Match[str]) -> str:
    return _without_mark(found[0])


def find_name(contact: RemoteContact, *, limit: int) -> str:
    """What to call a contact: its name, else its organization, first e-mail address or first number; "" with none."""
    return (
        clean_line(contact.display_name, limit)
        or clean_line(f"{contact.given_name} {contact.family_name}", limit)
        or clean_line(contact.organization, limit)
        or next((address for one in contact.emails if (address := clean_line(one.address, limit))), "")
        or next((value for one in contact.numbers if (value := clean_line(one.value, limit))), "")
    )


def sort_name_of(name: str) -> str:
    """What a list is ordered by: folded, from the first letter or digit on; "" for what has neither."""
    folded = fold(name)
    if not folded[:1].isalpha():
        folded = folded[next((at for at, one in enumerate(folded) if one.isalpha() or one.isdecimal()), len(folded)) :]
        folded = find_digits(folded[:1]) + folded[1:] if folded[:1].isdecimal() else folded
    return folded[:SORT_LENGTH]


def initial_of(sort_name: str) -> str:
    """The letter a contact stands under."""
    first = sort_name[:1]
    return first.upper() if first.isalpha() else OTHER_INITIAL
