"""Ids and change keys as EWS hands them out: an item's says which folder it lies in, so moving it makes another.

Reference: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-identifiers-in-exchange
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import lru_cache

from sandbox.exchange.errors import EwsError

# base64 of these begins with AAMk, as every id does
HEAD = b"\x00\x03\x24"
ITEM, FOLDER = b"\x07", b"\x01"
# the first byte of a change key says what has it
KEY_KINDS = {"event": 0x0F, "contact": 0x11, "calendar": 0x02, "contacts": 0x03, "folder": 0x01}


@lru_cache(maxsize=4096)
def _tag(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:6]


def make_item_id(mailbox: str, folder_id: str, core_id: str) -> str:
    """core_id and folder_id are the mailbox's own, which never change."""
    return base64.b64encode(HEAD + ITEM + _tag(mailbox) + _tag(folder_id) + core_id.encode()).decode()


def make_folder_id(mailbox: str, core_id: str) -> str:
    return base64.b64encode(HEAD + FOLDER + _tag(mailbox) + core_id.encode()).decode()


def read_item_id(value: str, mailbox: str) -> tuple[str, bytes]:
    """The mailbox's own id, and the mark of the folder the item lay in. Raises EwsError."""
    raw = _open(value)
    if raw[3:4] == FOLDER:
        raise EwsError("ErrorCannotUseFolderIdForItemId")
    if raw[4:10] != _tag(mailbox):
        raise EwsError("ErrorItemNotFound")
    return raw[16:].decode("ascii", "replace"), raw[10:16]


def lies_in(mark: bytes, folder_id: str) -> bool:
    """Whether an id's mark is that of this folder."""
    return mark == _tag(folder_id)


def read_folder_id(value: str, mailbox: str) -> str:
    """Raises EwsError."""
    raw = _open(value)
    if raw[3:4] == ITEM:
        raise EwsError("ErrorCannotUseItemIdForFolderId")
    if raw[4:10] != _tag(mailbox):
        raise EwsError("ErrorFolderNotFound")
    return raw[10:].decode("ascii", "replace")


def _open(value: str) -> bytes:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise EwsError("ErrorInvalidIdMalformed") from None
    if not raw.startswith(HEAD) or raw[3:4] not in (ITEM, FOLDER) or len(raw) < 16:
        raise EwsError("ErrorInvalidIdMalformed")
    return raw


@lru_cache(maxsize=65_536)
def make_change_key(kind: str, core_key: str) -> str:
    """kind: one of KEY_KINDS; core_key: the mailbox's own changeKey, base64 of 22 bytes."""
    return base64.b64encode(bytes([KEY_KINDS[kind], 0, 0, 0, 0x16, 0, 0, 0]) + base64.b64decode(core_key)).decode()


def read_change_key(value: str) -> str:
    """The mailbox's own key. Raises EwsError."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise EwsError("ErrorInvalidChangeKey") from None
    if len(raw) < 9 or raw[4:8] != b"\x16\x00\x00\x00":
        raise EwsError("ErrorInvalidChangeKey")
    return base64.b64encode(raw[8:]).decode()
