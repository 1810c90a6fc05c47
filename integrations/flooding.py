"""How much of something may come in a minute, counted in this process alone: cheap enough for what is thrown away."""

import threading
import time

MOST_SOURCES = 10_000


class Flood:
    """`most` in a minute from each source."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def count(self, source: str = "") -> bool:
        """One more. Whether it was still within what may come."""
        with self._lock:
            self._turn()
            if source in self._counts or len(self._counts) < MOST_SOURCES:
                self._counts[source] = self._counts.get(source, 0) + 1
            return self._counts.get(source, 0) <= self._most

    def is_full(self, source: str = "") -> bool:
        with self._lock:
            self._turn()
            return self._counts.get(source, 0) >= self._most

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()

    def _turn(self) -> None:
        """Begin anew with each minute."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
