"""A contact as a vCard, for any other address book.

Version 3.0: what Google and Apple write themselves, and what they, Outlook and Android all read. Version 4.0 says
nothing more about what we keep, and Apple's and older Android's address books do not read it.

Reference: https://www.rfc-editor.org/rfc/rfc2426, folding and escaping https://www.rfc-editor.org/rfc/rfc6350#section-3
"""

from collections.abc import Iterator

from contacts.models import Contact, ContactNumber
from integrations.remote import NumberKind

CONTENT_TYPE = "text/vcard; charset=utf-8"
LONGEST_LINE = 75
"""Octets, without the line break."""

TYPES = {
    NumberKind.MOBILE: "CELL",
    NumberKind.WORK: "WORK,VOICE",
    NumberKind.HOME: "HOME,VOICE",
    NumberKind.MAIN: "MAIN",
    # Without a place Outlook drops a fax number.
    NumberKind.FAX: "WORK,FAX",
    NumberKind.OTHER: "VOICE",
}
EMAIL_TYPES = {"home": "INTERNET,HOME", "work": "INTERNET,WORK"}
_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": None})


def dump_vcard(contact: Contact) -> str:
    """`contact` with its numbers, and its listed folders, prefetched where there are many."""
    return "".join(f"{fold_line(line)}\r\n" for line in _list_lines(contact))


def fold_line(line: str) -> str:
    """In pieces of 75 octets, of which those after the first begin with a space. No character is broken apart."""
    if len(line) * 4 <= LONGEST_LINE or len(line.encode()) <= LONGEST_LINE:
        return line
    pieces, piece, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LONGEST_LINE:
            pieces.append(piece)
            piece, size = " ", 1
        piece += character
        size += octets
    return "\r\n".join([*pieces, piece])


def _list_lines(contact: Contact) -> Iterator[str]:
    yield "BEGIN:VCARD"
    yield "VERSION:3.0"
    yield f"N:{_join(contact.family_name, contact.given_name, '', '', '')}"
    yield f"FN:{_escape(contact.name)}"
    if contact.organization:
        yield f"ORG:{_escape(contact.organization)}"
    if contact.title:
        yield f"TITLE:{_escape(contact.title)}"
    serial = 0
    for number in contact.numbers.all():
        # What no type says is said as Apple and Google say it: in a line of the same group.
        if label := _label_of(number):
            serial += 1
            yield f"item{serial}.TEL:{_write_number(number)}"
            yield f"item{serial}.X-ABLabel:{_escape(label)}"
        else:
            yield f"TEL;TYPE={TYPES[NumberKind(number.kind)]}:{_write_number(number)}"
    for email in contact.emails:
        yield f"EMAIL;TYPE={EMAIL_TYPES.get(email.label.lower(), 'INTERNET')}:{_escape(email.address)}"
    for address in contact.addresses:
        # Kept as lines for people; the street is the part that may hold any.
        yield f"ADR:{_join('', '', address, '', '', '', '')}"
    if labels := [folder.label for folder in contact.folders.all() if folder.is_listed]:
        yield f"CATEGORIES:{','.join(map(_escape, labels))}"
    if contact.note:
        yield f"NOTE:{_escape(contact.note)}"
    yield "END:VCARD"


def _label_of(number: ContactNumber) -> str:
    return number.label if number.kind == NumberKind.OTHER else ""


def _write_number(number: ContactNumber) -> str:
    """In E.164, which is read alike everywhere; as it stands where nobody can read it."""
    if not number.e164:
        return _escape(number.value)
    return f"{number.e164} ext. {number.extension}" if number.extension else number.e164


def _join(*parts: str) -> str:
    return ";".join(map(_escape, parts))


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)
