"""Have the worker read what came, soon, and once for all that comes until then."""

import logging
import threading
import time

from phone.tasks import read_events

log = logging.getLogger(__name__)

SOON = 1.0
"""Seconds until it reads; what comes within them is read along."""
EXPIRES = 60

_asking = threading.Lock()
_asked_until = 0.0


def wake() -> None:
    """After the commit. Where the worker cannot be asked, it looks by itself within a minute."""
    global _asked_until
    if time.monotonic() < _asked_until or not _asking.acquire(blocking=False):
        return
    try:
        _asked_until = time.monotonic() + SOON
        read_events.apply_async(countdown=SOON, expires=EXPIRES, retry=False)
    except Exception as error:  # each broker has its own
        log.warning("The worker cannot be told of a notification: %s", type(error).__name__)
    finally:
        _asking.release()


def forget() -> None:
    """For tests: as in a new process."""
    global _asked_until
    _asked_until = 0.0
