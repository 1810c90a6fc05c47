"""What one measurement is: CPU seconds of this process, wall seconds, and how far memory rose above its start."""

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024 * 1024


class Measured:
    cpu = 0.0
    wall = 0.0
    peak_mib = 0.0
    """The highest resident memory during the measurement, less what was resident before it."""


def read_resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def measure() -> Iterator[Measured]:
    measured = Measured()
    before = read_resident()
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, read_resident())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield measured
    finally:
        measured.cpu, measured.wall = time.process_time() - cpu, time.perf_counter() - wall
        done.set()
        watcher.join()
        measured.peak_mib = (max(peak, read_resident()) - before) / MIB
