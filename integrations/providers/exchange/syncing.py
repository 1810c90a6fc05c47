"""What reading a calendar and reading contacts have in common: changes since a sync state, and items in batches."""

import logging
from collections.abc import Callable, Iterator

from integrations.errors import CursorExpired, Unexpected
from integrations.providers.exchange.codes import TooMuch
from integrations.providers.exchange.payloads import Fields, parse_fields
from integrations.providers.exchange.responses import MESSAGES, TYPES, Element, check, split
from integrations.providers.exchange.wire import Wire

log = logging.getLogger(__name__)

_MOST_PAGES = 10_000
_ITEMS = f"{MESSAGES}Items"
_FORBIDDEN = "ErrorAccessDenied"


def sync(wire: Wire, operation: Callable[[str], str], state: str) -> Iterator[tuple[list[Element], str]]:
    """Pages of (changes, the state after them) of a folder or of the tree; from no state all that there is.

    `operation(state)`: SyncFolderItems or SyncFolderHierarchy.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/syncfolderitems-operation
    and https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation

    Raises:
        CursorExpired: the server cannot go on from there.
        ProviderError: any of the family.
    """
    words, has_cursor = wire.words, bool(state)
    for _ in range(_MOST_PAGES):
        (message,) = wire.ask(operation(state), has_cursor=has_cursor)[:1]
        check(message, words, has_cursor=has_cursor)
        following = message.findtext(f"{MESSAGES}SyncState")
        changes = list(message.iterfind(f"{MESSAGES}Changes/*"))
        is_last = "false" not in [
            message.findtext(f"{MESSAGES}IncludesLast{what}InRange") for what in ("Item", "Folder")
        ]
        if not following:
            if has_cursor:
                raise CursorExpired(words.read_again, detail="an answer without a sync state")
            raise Unexpected(words.not_understood, detail="an answer without a sync state")
        if not is_last and (following == state or not changes):
            raise Unexpected(words.not_understood, detail="changes without an end")
        state = following
        yield changes, state
        if is_last:
            return
    raise Unexpected(words.not_understood, detail=f"more than {_MOST_PAGES} pages of changes")


def read_change(change: Element) -> tuple[str, str, Fields]:
    """(what happened, the element of the item, its simple fields) of one change; ("", "", {}) for an empty one."""
    item = next(iter(change), None)
    if item is None:
        return "", "", {}
    kind, name = change.tag[len(TYPES) :], item.tag[len(TYPES) :]
    # A delete holds the id alone, the others the item.
    return kind, name, dict(item.attrib) if name == "ItemId" else parse_fields(item)


def get_items(
    wire: Wire, ids: list[str], operation: Callable[[list[str], bool], str], *, with_body: bool = True
) -> Iterator[tuple[str, Element | None]]:
    """(id, item) of each, item None for what is no more. Those that even the server cannot read are left out.

    `operation(ids, with_body)`: the GetItem. A batch that is too big is asked for in halves, one item without its body.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getitem-operation

    Raises:
        ProviderError: any of the family.
    """
    if not ids:
        return
    try:
        messages = wire.ask(operation(ids, with_body))
    except TooMuch:
        if len(ids) == 1 and not with_body:
            raise
        half = len(ids) // 2
        for part in (ids[:half], ids[half:]):
            yield from get_items(wire, part, operation, with_body=with_body and len(ids) > 1)
        return
    parts = list(split(messages, wire.words))
    if len(parts) != len(ids):
        raise Unexpected(wire.words.not_understood, detail=f"{len(messages)} answers to {len(ids)} items")
    for remote_id, (message, code) in zip(ids, parts, strict=True):
        if message is not None:
            items = next(message.iterchildren(_ITEMS), None)
            yield remote_id, items[0] if items is not None and len(items) else None
        elif code == "ErrorItemNotFound":
            yield remote_id, None
        elif with_body and code != _FORBIDDEN:
            yield from get_items(wire, [remote_id], operation, with_body=False)
        else:
            log.warning("%s could not read one of its items (%s); it is left out", wire.words.name, code)
