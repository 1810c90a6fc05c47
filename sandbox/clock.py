"""The sandbox's own time, which a test or a person may move so that tokens grow old."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sandbox.store import Store


class Clock:
    """Real time plus an offset, or a moment at which it stands still. Kept in the store, so it survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = float(store.read("clock.offset", "0"))
        frozen = store.read("clock.frozen", "")
        self._frozen = float(frozen) if frozen else None
        self.listeners: list[Callable[[float], None]] = []
        """Told by how many seconds it was moved on."""

    def seconds(self) -> float:
        """Seconds since 1970 by this clock."""
        return self._frozen if self._frozen is not None else time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, delta: timedelta) -> None:
        """Move on by delta; a negative one goes back."""
        if self._frozen is not None:
            self._frozen += delta.total_seconds()
        else:
            self._offset += delta.total_seconds()
        self._save()
        for tell in self.listeners:
            tell(delta.total_seconds())

    def freeze(self, moment: datetime | None = None) -> None:
        """Stand still, at the given aware moment or now."""
        self._frozen = moment.timestamp() if moment else self.seconds()
        self._save()

    def reset(self) -> None:
        """Run with real time again."""
        self._offset, self._frozen = 0.0, None
        self._save()

    @property
    def is_moved(self) -> bool:
        return self._frozen is not None or self._offset != 0

    def _save(self) -> None:
        self._store.write("clock.offset", str(self._offset))
        self._store.write("clock.frozen", "" if self._frozen is None else str(self._frozen))
