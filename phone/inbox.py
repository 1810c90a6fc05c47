"""Notifications that were kept as they came, read one batch after the other.

One worker at a time reads those of one system: whoever finds another at it comes again. A notification that cannot be
read does not keep the others waiting; it is tried again a few times, and then left with its reason.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from phone import keeping, other
from phone.bodies import load_json
from phone.models import EventState, PhoneEvent, PhoneSystem, Source, SystemKind
from phone.systems import CallRecord, Told, VoicemailRecord
from phone.zoom import events as zoom_events

log = logging.getLogger(__name__)

BATCH = 100
"""On SQLite nothing can be received while one is written."""
LONGEST_RUN = 20.0
"""Seconds; then others of the worker's tasks have their turn."""
WAITS = (timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long one that failed waits for its next try."""
KEPT = timedelta(days=3)
"""How long it is known that a notification has come before. A copy is refused for its age much earlier, and a system
that gets no answer tries again within hours."""


def drain() -> bool:
    """Read what waits. Whether to come again soon: there is more, or somebody else is at it."""
    until = time.monotonic() + LONGEST_RUN
    is_over = True
    for system_id in PhoneEvent.objects.waiting(timezone.now()).order_by().values_list("system", flat=True).distinct():
        while read := _read_batch(system_id):
            if time.monotonic() > until:
                return True
        is_over = is_over and read is not None
    return not is_over


def forget_old() -> None:
    """What still waits stays."""
    old = PhoneEvent.objects.filter(received_at__lt=timezone.now() - KEPT)
    old.exclude(state=EventState.WAITING).delete()


def _read_batch(system_id: UUID) -> int | None:
    """How many were read; None: somebody else is reading them."""
    with transaction.atomic():
        system = keeping.lock(system_id, skips=True)
        if system is None:
            return None if PhoneSystem.objects.filter(pk=system_id).exists() else 0
        now = timezone.now()
        events = list(PhoneEvent.objects.waiting(now).filter(system=system)[:BATCH])
        if not events:
            return 0
        told, failed = _parse_all(system, events)
        failed |= _keep(system, told)
        read = [one for one in events if one not in failed]
        _finish([one for one in read if told[one]], EventState.DONE)
        _finish([one for one in read if not told[one]], EventState.IGNORED)
        for event, code in failed.items():
            _put_off(event, code, now)
        newest = max(one.received_at for one in events)
        PhoneSystem.objects.filter(pk=system.pk).update(heard_at=newest)
    return len(events)


def _parse_all(
    system: PhoneSystem, events: Sequence[PhoneEvent]
) -> tuple[dict[PhoneEvent, list[Told]], dict[PhoneEvent, str]]:
    """What each says; and those that cannot be understood, with a code."""
    told, failed = {}, {}
    for event in events:
        try:
            told[event] = parse(system, event)
        except Exception as error:
            log.error("Phone event %s cannot be understood: %s", event.pk, type(error).__name__)
            failed[event] = type(error).__name__
    return told, failed


def parse(system: PhoneSystem, event: PhoneEvent) -> list[Told]:
    """Nothing where it is about nothing that we keep. What does not say when it was told, was told when it came."""
    notification = load_json(bytes(event.body))
    is_zoom = system.kind == SystemKind.ZOOM
    told = zoom_events.parse(notification).told if is_zoom else other.parse(notification).told
    return [
        replace(one, reported_at=event.received_at)
        if isinstance(one, CallRecord | VoicemailRecord) and one.reported_at is None
        else one
        for one in told
    ]


def _keep(system: PhoneSystem, told: dict[PhoneEvent, list[Told]]) -> dict[PhoneEvent, str]:
    """All together; where that fails, each by itself. Those that failed, with a code."""
    try:
        with transaction.atomic():
            keeping.apply(system, [one for several in told.values() for one in several], source=Source.EVENT)
        return {}
    except Exception as error:  # whatever it is, it is one notification's
        log.warning("A batch of phone notifications is read one by one: %s", type(error).__name__)
    failed = {}
    for event, several in told.items():
        try:
            with transaction.atomic():
                keeping.apply(system, several, source=Source.EVENT)
        except Exception as error:
            log.error("Phone event %s cannot be kept: %s", event.pk, type(error).__name__)
            failed[event] = type(error).__name__
    return failed


def _finish(events: Sequence[PhoneEvent], state: EventState) -> None:
    if events:
        rows = PhoneEvent.objects.filter(pk__in=[one.pk for one in events])
        rows.update(state=state, body=b"", error_code="")


def _put_off(event: PhoneEvent, code: str, now: datetime) -> None:
    rows = PhoneEvent.objects.filter(pk=event.pk)
    if event.tries < len(WAITS):
        rows.update(tries=event.tries + 1, next_try_at=now + WAITS[event.tries], error_code=code[:40])
    else:
        rows.update(state=EventState.FAILED, tries=event.tries + 1, body=b"", error_code=code[:40])
