"""The two ids of every item: the immutable one, which the mailbox keeps, and the ordinary one, which names its folder.

An ordinary id leads nowhere once its item lies in another folder; the immutable one still does.

Reference: https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from functools import lru_cache

from sandbox.mailbox.ids import SHAPE, is_well_formed
from sandbox.microsoft.graph_errors import malformed_id

ITEM_HEAD, DAY_HEAD, DAY_TAIL = "AAkALgAAAAAAHYQDEapmEc2byACq", "AAkALgFRAAgI", "AAHYQDEapmEc2b"
NO_DAY = "AAAA"
ORDINARY = re.compile(r"AAMkAG([A-Za-z0-9_-]{12})BGAAAAAA([A-Za-z0-9_-]{4})([A-Za-z0-9_-]{40})AAA=$")


def user_id(email: str) -> str:
    """The directory's id of a person: the oid of their tokens, and Graph's."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"office365/{email.lower()}"))


@lru_cache(maxsize=1024)
def folder_mark(folder_id: str) -> str:
    """What of a folder stands in the ordinary ids of its items."""
    return base64.urlsafe_b64encode(hashlib.sha256(folder_id.encode()).digest()[:9]).decode()


def to_ordinary(item_id: str, folder_id: str) -> str:
    """An immutable id → the ordinary one, as long as the item lies in this folder."""
    match = SHAPE.match(item_id)
    if not match:
        return item_id
    return f"AAMkAG{folder_mark(folder_id)}BGAAAAAA{match[1] or NO_DAY}{match[2]}AAA="


def parse_id(text: str) -> tuple[str, str]:
    """Either kind of id → the immutable one, and the folder's mark where it was an ordinary one. Raises GraphError."""
    match = ORDINARY.match(text)
    if match:
        mark, day, code = match.groups()
        head = ITEM_HEAD if day == NO_DAY else f"{DAY_HEAD}{day}{DAY_TAIL}"
        return f"{head}{code}AAA", mark
    if not is_well_formed(text):
        raise malformed_id()
    return text, ""
