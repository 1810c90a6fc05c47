"""A list of people to invite, as spreadsheet programs and people write it: read, and judged line by line. Pure."""

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

MOST_BYTES = 2_000_000
MOST_LINES = 10_000
SEPARATORS = (",", ";", "\t")
SAID_SEPARATOR = re.compile(r"sep=([,;\t])\n", re.IGNORECASE)
"""A first line that Excel understands."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "email": ("e-mail", "email", "e-mail address", "email address", "mail", "address"),
    "name": ("name", "full name", "display name"),
    "role": ("role",),
    "groups": ("groups", "group"),
}
"""What a column may be called in a first line, by what it holds; without such a line they stand in this order."""
NOT_TEXT = {
    b"PK\x03\x04": "This is a workbook, not a CSV file. In your spreadsheet program choose Save as, then CSV.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook. In Excel choose Save as, then CSV UTF-8.",
    b"%PDF": "This is a PDF. A CSV file is needed: one line per person, the e-mail address first.",
}
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

check_address = EmailValidator()


class Unreadable(Exception):
    """The list as a whole cannot be read; the message is the sentence for the person."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person as they stand in the list. `number`: of the line in the file, from 1."""

    number: int
    email: str
    name: str = ""
    role: str = ""
    groups: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """What was read, and which columns nobody knows what to do with."""

    lines: tuple[Line, ...]
    unused: tuple[str, ...] = ()


class Outcome(StrEnum):
    INVITED = "invited"
    WORKS_HERE = "works_here"
    ALREADY_INVITED = "already_invited"
    TWICE = "twice"
    WRONG_ADDRESS = "wrong_address"
    WRONG_ROLE = "wrong_role"
    WRONG_GROUP = "wrong_group"
    WRONG_LINE = "wrong_line"


WORDS = {
    Outcome.INVITED: "To be invited",
    Outcome.WORKS_HERE: "Works here already",
    Outcome.ALREADY_INVITED: "Already invited",
    Outcome.TWICE: "Given twice",
    Outcome.WRONG_ADDRESS: "Wrong address",
    Outcome.WRONG_ROLE: "Wrong role",
    Outcome.WRONG_GROUP: "Unknown group",
    Outcome.WRONG_LINE: "Cannot be read",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What there is already in the organization; addresses in lower case."""

    members: Collection[str]
    invited: Collection[str]
    groups: Mapping[str, int]
    """{name in lower case: key}, in the order that decides."""
    roles: Mapping[str, str]
    """{word in lower case: role} of those that may be given."""
    other_roles: Collection[str] = ()
    """Words of roles that there are and that who asks may not give."""
    default_role: str = "member"


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of one line. `sentence` says why, where the person is not invited."""

    line: Line
    outcome: Outcome
    role: str = ""
    groups: tuple[int, ...] = field(default=())
    sentence: str = ""


def read_text(data: bytes) -> str:
    """The text of a file in any encoding that can be told: UTF-8, UTF-16, else Windows-1252.

    Raises:
        Unreadable: too large, empty, no text, or an encoding that cannot be told.
    """
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The list has {len(data) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read.")
    for start, sentence in NOT_TEXT.items():
        if data.startswith(start):
            raise Unreadable(sentence)
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n")
    if any(ord(one) < 32 and one not in "\t\n" for one in text):
        raise Unreadable(
            "This is not a text file. A CSV file is needed: one line per person, the e-mail address first."
        )
    if not text.strip():
        raise Unreadable("The list is empty.")
    return text


def _decode(data: bytes) -> str:
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None and data[:200].count(0) > len(data[:200]) // 3:
        # Text of western languages in UTF-16 without a mark: every second byte is 0.
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    for candidate in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            return data.decode(candidate)
        except UnicodeDecodeError:
            continue
    raise Unreadable(
        "The encoding of this file cannot be told. In your spreadsheet program save it as CSV UTF-8, and try again."
    )


def parse(text: str) -> List:
    """The lines of a list, with or without a first line that names the columns; blank lines are left out.

    Raises:
        Unreadable: a first line without an e-mail column, a quotation mark that never ends, or too many lines.
    """
    said = SAID_SEPARATOR.match(text)
    rows = _read_rows("\n" + text[said.end() :], said[1]) if said else _read_rows(text, find_separator(text))
    first = next(rows, None)
    if first is None:
        raise Unreadable("The list is empty.")
    names = [cell.strip() for cell in first[1]]
    columns: list[str] = list(COLUMNS)
    unused: list[str] = []
    if not any("@" in name for name in names):
        columns, unused = _read_header(names)
    else:
        rows = _chain(first, rows)
    lines: list[Line] = []
    for number, cells in rows:
        if len(lines) == MOST_LINES:
            raise Unreadable(
                f"The list has more than {MOST_LINES:,} lines. Divide it, and import one part after another."
            )
        lines.append(_make_line(number, columns, cells))
    if not lines:
        raise Unreadable("Under the first line, which names the columns, the list is empty.")
    return List(tuple(lines), tuple(unused))


def find_separator(text: str) -> str:
    """Of the first line that holds anything; a list of addresses alone has none, and a comma does."""
    line = next((line for line in text.split("\n") if line.strip()), "")
    outside = "".join(line.split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def _read_rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable(
                f'Line {number} cannot be read: look for a quotation mark (") there that stands alone.'
            ) from None
        if any(cell.strip() for cell in row):
            yield number, row


def _chain(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _read_header(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """What each column holds ("" for one that is not used), and the names of those that are not used."""
    columns: list[str] = []
    unused: list[str] = []
    for name in names:
        known = next((column for column, words in COLUMNS.items() if name.lower() in words), "")
        column = "" if known in columns else known
        columns.append(column)
        if not column and name:
            unused.append(name)
    if "email" not in columns:
        raise Unreadable(
            "The first line holds no e-mail address, and names no column for them. Name one column e-mail, or begin "
            "with a person."
        )
    return columns, unused


def _make_line(number: int, columns: Sequence[str], cells: Sequence[str]) -> Line:
    values = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
    return Line(number, **values) if "email" in values else Line(number, "", **values)


def judge(lines: Sequence[Line], known: Known) -> list[Judged]:
    """What becomes of each line, in their order."""
    seen: dict[str, int] = {}
    found = []
    for line in lines:
        judged = _judge_line(line, known, seen)
        if judged.outcome in (Outcome.INVITED, Outcome.WORKS_HERE, Outcome.ALREADY_INVITED):
            seen[line.email.lower()] = line.number
        found.append(judged)
    return found


def _judge_line(line: Line, known: Known, seen: Mapping[str, int]) -> Judged:
    address = line.email.lower()
    if sentence := _object_to_address(line.email):
        return Judged(line, Outcome.WRONG_ADDRESS, sentence=sentence)
    if address in seen:
        return Judged(line, Outcome.TWICE, sentence=f"Line {seen[address]} has this address already.")
    if address in known.members:
        return Judged(line, Outcome.WORKS_HERE, sentence="This person already works here.")
    if address in known.invited:
        return Judged(line, Outcome.ALREADY_INVITED, sentence="There is an open invitation. You can send it again.")
    role = known.roles.get(line.role.lower(), "") if line.role else known.default_role
    if not role:
        return Judged(line, Outcome.WRONG_ROLE, sentence=_object_to_role(line.role, known))
    groups, missing = find_groups(line.groups, known.groups)
    if missing:
        sentence = f"There is no group called {missing}. Create it first, or correct the name."
        return Judged(line, Outcome.WRONG_GROUP, sentence=sentence)
    if len(line.name) > 150:
        return Judged(line, Outcome.WRONG_LINE, sentence="The name is longer than 150 characters.")
    return Judged(line, Outcome.INVITED, role, groups)


def _object_to_address(address: str) -> str:
    if not address:
        return "The e-mail address is missing."
    try:
        check_address(address)
    except ValidationError:
        return "This is no e-mail address."
    return "The address is longer than 254 characters." if len(address) > 254 else ""


def _object_to_role(word: str, known: Known) -> str:
    if word.lower() in known.other_roles:
        return f"Only an owner can make somebody {word.lower()}."
    return f"There is no role called {word}. Write {' or '.join(known.roles)}, or leave it empty for member."


def find_groups(text: str, groups: Mapping[str, int]) -> tuple[tuple[int, ...], str]:
    """The keys of the groups named in a cell, and the first name that is none. A name may hold what else parts them."""
    whole = text.strip()
    if not whole or whole.lower() in groups:
        return ((groups[whole.lower()],) if whole else ()), ""
    parting = next((mark for mark in (";", "|", ",") if mark in whole), None)
    names = [name.strip() for name in (whole.split(parting) if parting else [whole])]
    keys = []
    for name in filter(None, names):
        if name.lower() not in groups:
            return (), name
        keys.append(groups[name.lower()])
    return tuple(dict.fromkeys(keys)), ""
