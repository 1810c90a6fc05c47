"""What a phone system calls a caller → given name, family name, organization. Pure.

It is one line of text: out of a directory, out of somebody's mobile, or what the line is registered as, often in
capitals. A wrong guess costs a correction in the form; so nothing clever.
"""

import re
from typing import NamedTuple

from contacts.names import clean_line, fold
from integrations.numbers import is_number_like

LONGEST_NAME = 200

_PARTICLES = frozenset(
    {"bin", "da", "de", "del", "della", "den", "der", "di", "dos", "du", "el", "ibn", "la", "le", "ter", "van", "von"}
    | {"vom", "zu", "zum", "zur"}
)
"""With which a family name begins."""
_COMPANY = re.compile(
    r"\b(company|corp|corporation|e\.v|gbr|gmbh|group|inc|limited|llc|llp|ltd|ohg|plc|pty|sarl)\b"
    r"|\s(ab|ag|bv|kg|nv|oy|spa|srl)$|& co\b",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    {
        "anonym",
        "anonymous",
        "blocked",
        "caller",
        "no name",
        "not available",
        "private",
        "private number",
        "restricted",
        "toll free",
        "unavailable",
        "unbekannt",
        "unknown",
        "unknown caller",
        "unknown name",
        "wireless caller",
        "withheld",
    }
)
"""What stands there where nothing is known."""


class CallerName(NamedTuple):
    given: str = ""
    family: str = ""
    organization: str = ""


def split_name(text: str) -> CallerName:
    """ "WEBER, ANNA" and "Anna Weber" are Anna Weber; "Weber GmbH" is an organization; a number is nobody."""
    name = clean_line(text, LONGEST_NAME)
    if not name or is_number_like(name) or fold(name) in _NOBODY:
        return CallerName()
    if _COMPANY.search(name):
        return CallerName(organization=name)
    name = _calm(name)
    if name.count(",") == 1:
        family, given = (part.strip() for part in name.split(","))
        return CallerName(given, family)
    words = name.split()
    if len(words) == 1:
        return CallerName(given=name)
    at = next((at for at, word in enumerate(words[:-1]) if at and fold(word) in _PARTICLES), len(words) - 1)
    return CallerName(" ".join(words[:at]), " ".join(words[at:]))


def _calm(name: str) -> str:
    """Without the capitals of a whole line of them; initials and short words may be meant so."""
    if name != name.upper() or len(name) <= 3:
        return name
    return re.sub(r"[^\W\d_]+", lambda found: found[0].capitalize(), name)
