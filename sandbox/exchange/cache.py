"""Items already written, so that asking for ten thousand of them again costs little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST = 60_000
Item = tuple[str, int]
"""id and change number"""


class Cache:
    """XML by mailbox, item, and how it was asked for. An item's key changes with the item: nothing here grows old."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, Item, int], str] = {}
        self._known: set[tuple[str, Item]] = set()
        self._ways: dict[tuple[Any, ...], int] = {}

    def number(self, how: tuple[Any, ...]) -> int:
        """A short name for a way of asking."""
        return self._ways.setdefault(how, len(self._ways))

    def get(self, mailbox: str, item: Item, how: int, write: Callable[[], str]) -> str:
        key = (mailbox, item, how)
        found = self._written.get(key)
        if found is None:
            found = write()
            if len(self._written) >= MOST:
                self._written.clear()
                self._known.clear()
            self._written[key] = found
            self._known.add((mailbox, item))
        return found

    def knows(self, mailbox: str, item: Item) -> bool:
        """Whether the item was written before in any way: then it exists."""
        return (mailbox, item) in self._known
