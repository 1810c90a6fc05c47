"""Phone numbers to dial into a meeting, and its passcode, as an invitation's text says them.

Pure, and bounded: no more is read than is kept of a description. Only international numbers count, those that begin
with "+": so a meeting ID is never taken for one. And only those that stand where meeting services write theirs, in a
line with the codes to dial, or in the lines under words like "Dial by your location": the number below somebody's name
is not the meeting's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import quote

MOST_READ = 100_000
"""Characters of a text that are looked at: as many as `bodies` keeps of a description."""
MOST_NUMBERS = 60
MOST_TRIED = 500
"""Numbers looked at in one text; Zoom's longest list has some 60."""
FARTHEST = 200
"""Characters between two numbers of one list, or a heading and the first."""
LONGEST_PLACE = 60

_NUMBER = re.compile(r"\+\(?\d[\d \u00a0()./–-]{5,22}\d")
_CODES = re.compile(r"[ \u00a0]?(?:,{1,4}[ \u00a0]?[*#]?\d{1,15}(?:[ \u00a0]\d{1,9}){0,5}#{0,2}){1,4}")
_PIN = re.compile(r"[ \u00a0,]{0,3}PIN:?[ \u00a0](\d[\d \u00a0]{2,18}\d)[ \u00a0]?#", re.IGNORECASE)
_HEADING = re.compile(
    r"one tap mobile|dial by your location|dial[ -]?in by phone|dial-in numbers?|join by (?:tele)?phone|or dial"
    r"|or call in|call in \(audio only\)|join from a mobile device|call-in numbers?|call in by phone"
    r"|dial \(for higher quality"
    r"|schnelleinwahl mobil|einwahl nach aktuellem standort|per telefon (?:teilnehmen|einwählen)|telefoneinwahl"
    r"|or iphone one-tap|composez un numéro|rejoindre par téléphone|marcar según su ubicación",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"[\s•·*>–-]{0,40}(?:\((?P<code>[A-Za-z][A-Za-z .]{1,30})\)[ \u00a0]{0,3})?\Z")
_NAMED = re.compile(r"[\s•·*>–-]{0,40}(?P<name>[A-Z][^:\n\d+]{1,40}):[ \u00a0]{0,3}\Z")
_OR = re.compile(r"[\s,]{0,3}(?:or|oder|ou|o)[ \u00a0]\Z")
_SOMEBODYS = re.compile(r"\b(?:tel|phone|mobile?|mob|fax|cell|office|work|home|direct|telefon|handy)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\(\+[^)\n]{0,80}\)")
_PLACE_IN_BRACKETS = re.compile(r"\(([^()\n]{2,60})\)\Z")
_PASSCODE = re.compile(
    r"\b(?:(?:meeting|webinar)[ -]?)?(?:passcode|password|pass code|kenncode|kennwort|passwort|code secret|mot de passe"
    r"|código de acceso|wachtwoord)[ \u00a0]{0,3}[:：][ \u00a0]{0,4}([^\s,;<>()]{1,32})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DialIn:
    """A number as it is written, where that is (as far as it is said), and the codes to dial after it."""

    number: str
    place: str = ""
    codes: str = ""

    @property
    def digits(self) -> str:
        """ "+16694449171"."""
        return "+" + "".join(filter(str.isdigit, self.number))

    @property
    def url(self) -> str:
        """What a phone dials, codes and all."""
        return f"tel:{self.digits}{quote(self.codes, safe=',*')}"


def find_numbers(text: str, *, is_list: bool = False) -> tuple[DialIn, ...]:
    """The numbers to dial in by, in the order of the text, each once.

    `is_list`: the text holds nothing else, as what a meeting host says beside its link.
    """
    found: dict[str, DialIn] = {}
    for one in _find(text[:MOST_READ], is_list):
        known = found.get(one.digits)
        if known is not None:
            number = max(known.number, one.number, key=len)  # the one with blanks reads better
            one = replace(known, number=number, place=known.place or one.place, codes=known.codes or one.codes)
        found[one.digits] = one
        if len(found) == MOST_NUMBERS:
            break
    return tuple(found.values())


def find_passcode(text: str) -> str:
    """The passcode that the text says: of a meeting, not of its phone line; "" where it says none."""
    for found in _PASSCODE.finditer(text[:MOST_READ]):
        before = text[max(0, found.start() - 20) : found.start()].lower()
        if not before.rstrip().endswith(("phone", "telephone", "numeric", "phone conference", "telefon")):
            return found[1].rstrip(".")
    return ""


def _find(text: str, is_list: bool) -> Iterator[DialIn]:
    last, place = -1, ""  # where the list goes on from: the end of a heading, or of the number before
    for found in islice(_NUMBER.finditer(text), MOST_TRIED):
        starts, ends = found.span()
        if not 8 <= sum(map(str.isdigit, found[0])) <= 15:
            continue
        since = max(last, starts - FARTHEST, 0)
        for heading in _HEADING.finditer(text, since, starts):
            last, place = heading.end(), ""
        codes, ends = _read_codes(text, ends)
        line_begins = max(text.rfind("\n", since, starts) + 1, starts - 60, 0)
        lead = _read_lead(text[line_begins:starts], place)
        if not (is_list or codes or (lead is not None and _goes_on(text, last, starts))):
            continue
        last, place = ends, _read_place(text[ends : ends + 160], lead or "")
        yield DialIn(" ".join(found[0].split()), place, codes)


def _read_codes(text: str, ends: int) -> tuple[str, int]:
    """(what is dialled after the number, where it ends)."""
    if codes := _CODES.match(text, ends):
        return "".join(codes[0].split()), codes.end()
    if pin := _PIN.match(text, ends):
        return f",,{''.join(pin[1].split())}#", pin.end()
    return "", ends


def _read_lead(lead: str, place: str) -> str | None:
    """The place that stands before a number in its line; None where the line is about something else."""
    if plain := _BEFORE.match(lead):
        return plain["code"] or ""
    if named := _NAMED.match(lead):
        is_heading = _HEADING.search(lead) is not None
        return None if _SOMEBODYS.search(named["name"]) else "" if is_heading else named["name"].strip()
    if _OR.search(lead):
        return place
    heading = _HEADING.search(lead)
    if heading is None:
        return None
    rest = _BEFORE.match(lead[heading.end() :].lstrip(" :."))
    return (rest["code"] or "") if rest else None


def _goes_on(text: str, last: int, starts: int) -> bool:
    """Whether nothing but the rest of a line and empty lines lies between."""
    if last < 0 or starts - last > FARTHEST:
        return False
    first, *lines = text[last:starts].split("\n")
    return len(first) <= LONGEST_PLACE + 60 and not any(line.strip(" \u00a0\t\r") for line in lines[:-1])


def _read_place(rest: str, lead: str) -> str:
    """The words after a number, up to the end of its line: "US (Tacoma)", "Germany, Frankfurt am Main"."""
    line = _ADDRESS.sub("", rest.partition("\n")[0]).strip(" \u00a0\t\r,;|–-")
    if bracketed := _PLACE_IN_BRACKETS.match(line):
        line = bracketed[1]
    if not line or len(line) > LONGEST_PLACE or re.match(r"(?:or|oder|ou|o)\b|PIN\b", line) or "+" in line:
        return lead
    return line if any(map(str.isalpha, line)) else lead
