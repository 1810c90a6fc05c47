"""Etags of people, made as Google makes them: what was asked for, and the version of the contact.

One contact read with two masks has two etags, and either is good for an update.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from functools import lru_cache

from sandbox.google.person_shapes import FIELDS

_NUMBERS = {name: number for number, name in enumerate(FIELDS, 1)}
_MARK_LENGTH = 12


def dump_etag(source: str, fields: Sequence[str]) -> str:
    """source: the etag of the contact as a source, `#` and twelve characters."""
    return f"%{base64.b64encode(_begin(tuple(fields)) + source[1:].encode()).decode()}"


def parse_etag(etag: str) -> str:
    """The source's etag in a person's; "" for what is none."""
    try:
        return "#" + base64.b64decode(etag[1:], validate=True)[-_MARK_LENGTH:].decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


@lru_cache(maxsize=64)
def _begin(fields: tuple[str, ...]) -> bytes:
    """A message of three fields as protocol buffers write them, without the value of the third."""
    asked = bytes(sorted(_NUMBERS[name] for name in fields))
    return b"\x12" + bytes([len(asked)]) + asked + b"\x1a\x04\x01\x02\x05\x07\x22" + bytes([_MARK_LENGTH])
