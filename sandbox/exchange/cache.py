"""Items already written, so that asking for ten thousand of them again costs little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST = 60_000


class Cache:
    """XML by mailbox, item, and how it was asked for. An item's key changes with the item: nothing here grows old."""

    def __init__(self) -> None:
        self._written: dict[tuple[Any, ...], str] = {}
        self._known: set[tuple[Any, ...]] = set()

    def get(self, mailbox: str, item: tuple[Any, ...], how: tuple[Any, ...], write: Callable[[], str]) -> str:
        """item: id and change number."""
        key = (mailbox, *item, how)
        found = self._written.get(key)
        if found is None:
            found = write()
            if len(self._written) >= MOST:
                self._written.clear()
                self._known.clear()
            self._written[key] = found
            self._known.add((mailbox, *item))
        return found

    def knows(self, mailbox: str, item: tuple[Any, ...]) -> bool:
        """Whether the item was written before in any way: then it exists."""
        return (mailbox, *item) in self._known
