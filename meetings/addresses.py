"""E-mail addresses as people type and paste them: many at once, with or without names."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from integrations.remote import Attendee

LONGEST_NAME = 255
LONGEST_ADDRESS = 254
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]*)>\s*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Parsed:
    """`wrong`: what is no address, as it was typed."""

    people: tuple[Attendee, ...]
    wrong: tuple[str, ...]


def parse_addresses(text: str) -> Parsed:
    """Each address once, the first time it stands there. Between two stands a comma, a semicolon or a new line.

    A comma within quotes, or within a name ("Meyer, Alice <alice@…>"), parts nothing.
    """
    people: dict[str, Attendee] = {}
    wrong: list[str] = []
    for line in text.splitlines():
        for piece in _split(line):
            found = parse_address(piece)
            if found is None:
                wrong.append(piece)
            else:
                people.setdefault(found.email.lower(), found)
    return Parsed(tuple(people.values()), tuple(dict.fromkeys(wrong)))


def parse_address(text: str) -> Attendee | None:
    """ "Alice Meyer <alice@northwind.example>" or the address alone; None for what is neither."""
    named = _NAMED.fullmatch(text)
    name, email = (named["name"], named["email"]) if named else ("", text)
    email = email.strip().removeprefix("mailto:").rstrip(".")
    name = " ".join(_CONTROL.sub(" ", name).replace('"', " ").split())[:LONGEST_NAME]
    try:
        validate_email(email)
    except ValidationError:
        return None
    if len(email) > LONGEST_ADDRESS:
        return None
    return Attendee(email, "" if name.lower() == email.lower() else name)


def dump_address(one: Attendee) -> str:
    """As `parse_address` reads it."""
    name = one.name.replace('"', "").replace("<", "").replace(">", "")
    if not name or name.lower() == one.email.lower():
        return one.email
    quoted = f'"{name}"' if set(name) & set(",;@") else name
    return f"{quoted} <{one.email}>"


def _split(line: str) -> list[str]:
    pieces: list[str] = []
    for part in _cut(line, ";"):
        names: list[str] = []
        for piece in _cut(part, ","):
            if "@" not in piece and "<" not in piece:
                names.append(piece)  # maybe the family name of what comes next
                continue
            if names and "<" in piece and not piece.startswith("<"):
                piece = f"{names.pop()}, {piece}"
            pieces += names
            pieces.append(piece)
            names = []
        pieces += names
    return pieces


def _cut(text: str, mark: str) -> list[str]:
    """At each mark that stands neither in quotes nor in angle brackets; without what is empty."""
    pieces, piece, is_quoted, is_within = [], "", False, False
    for character in text:
        is_quoted ^= character == '"'
        is_within = (is_within or character == "<") and character != ">"
        if character == mark and not is_quoted and not is_within:
            pieces.append(piece)
            piece = ""
        else:
            piece += character
    if is_quoted and mark in piece:  # a quotation mark that nothing closes
        pieces, piece = [*pieces, *piece.split(mark)], ""
    pieces.append(piece)
    return [one.strip() for one in pieces if one.strip()]
