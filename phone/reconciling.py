"""What the phone system's own lists say, kept beside what it has told by itself: so a lost notification comes back.

One organization at a time, each some ten minutes after the last time. What was read is not read again but for an
overlap, since a call stands in the lists only once it is over; each hour a longer one is read again, for what took
longer to get there, and for messages that were listened to elsewhere. Nothing is hidden because it is not listed.
"""

import logging
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.errors import AdminNeeded, CursorExpired, Gone, ProviderError, RateLimited, Unreachable
from phone import keeping, licensing, system_settings
from phone.models import Call, PhoneSystem, Result, Source, Voicemail
from phone.systems import CallRecord, OpenSystem, Told

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
SPREAD = 0.1
SOON = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
LONGEST_AWAY = timedelta(hours=1)
"""The longest wait for a system that cannot be reached."""
TAKEN_FOR = timedelta(minutes=15)
LONGEST_RUN = 8 * 60.0
"""Seconds; what is left then is read a minute later."""
MOST_DUE = 100

FIRST = timedelta(days=7)
"""How far the first reading goes back."""
OVERLAP = timedelta(hours=1)
HOURLY_OVERLAP = timedelta(hours=24)
VOICEMAIL_BACK = timedelta(days=14)
"""How long it is looked, each hour, whether a message has been listened to elsewhere."""
SLICE = timedelta(hours=25)
"""What is read before it is noted how far we are: an hourly turn is one."""
BATCH = 500
TRANSCRIPTS_FOR = timedelta(hours=2)
"""How long after a message it is asked what was said in it."""
MOST_TRANSCRIPTS = 100


class Replaced(Exception):
    """Another system, or another account, was set up meanwhile: what this one says counts no more."""


def find_due(now: datetime | None = None) -> list[str]:
    """Ids of the systems whose turn it is, the longest due first."""
    now = now or timezone.now()
    due = PhoneSystem.objects.filter(_is_free(now), kind__in=settings.PHONE_SYSTEMS, next_reconcile_at__lte=now)
    return [str(pk) for pk in due.order_by("next_reconcile_at").values_list("pk", flat=True)[:MOST_DUE]]


def _is_free(now: datetime) -> Q:
    return Q(taken_until__isnull=True) | Q(taken_until__lt=now)


def reconcile(system_id: str | UUID) -> None:
    """Read what one organization's system lists. Nothing is raised that it would not help to try again."""
    now = timezone.now()
    row = _take(system_id, now)
    if row is None:
        return
    try:
        with system_settings.make_system(row).open() as system:
            reading = _Reading(row, system, now)
            is_all = reading.run()
    except Replaced:
        log.info("A phone system was changed while it was read")
    except ProviderError as error:
        _postpone(row, error)
    else:
        _settle(row, EVERY * (1 + SPREAD * _chance()) if is_all else SOON, reading.trouble)


def _take(system_id: str | UUID, now: datetime) -> PhoneSystem | None:
    """The system, where it is this worker's turn. Should the worker die, it is another's after `TAKEN_FOR`."""
    free = PhoneSystem.objects.filter(_is_free(now), pk=system_id, next_reconcile_at__lte=now)
    taken = free.filter(kind__in=settings.PHONE_SYSTEMS).update(taken_until=now + TAKEN_FOR)
    return PhoneSystem.objects.select_related("organization").get(pk=system_id) if taken else None


class _Reading:
    def __init__(self, row: PhoneSystem, system: OpenSystem, now: datetime) -> None:
        self._row, self._system, self._now = row, system, now
        self._ends = time.monotonic() + LONGEST_RUN
        self._is_hourly = row.reconciled_at is None or _hour_of(row.reconciled_at) < _hour_of(now)
        self._starts = self._find_start()
        self.trouble: AdminNeeded | None = None
        """What the app may not do, though it may read calls. They are read as often all the same."""

    def run(self) -> bool:
        """Whether all was read. Raises ProviderError, Replaced."""
        self._read_licences()
        for since, until in _slice(self._starts, self._now):
            if time.monotonic() > self._ends:
                return False
            self._keep(self._system.calls(since, until))
            self._keep(self._system.voicemails(since, until))
            self._note(until)
        if self._is_hourly and (earlier := self._now - VOICEMAIL_BACK) < self._starts:
            self._keep(self._system.voicemails(earlier, self._starts))
        self._read_transcripts()
        return True

    def _find_start(self) -> datetime:
        """Never further back than what is kept."""
        oldest = self._now - timedelta(days=self._row.keep_days)
        if self._row.reconciled_at is None:
            return max(self._now - FIRST, oldest)
        return max(self._row.reconciled_at - (HOURLY_OVERLAP if self._is_hourly else OVERLAP), oldest)

    def _read_licences(self) -> None:
        """First, so that calls find their people."""
        if not licensing.is_due(self._row, self._now):
            return
        try:
            licensing.keep(self._row, self._system.users())
        except AdminNeeded as error:
            self.trouble = error

    def _keep(self, told: Iterable[Told]) -> None:
        rest = iter(told)
        while batch := list(islice(rest, BATCH)):
            if not _same(self._row).exists():
                raise Replaced
            keeping.apply(self._row, self._leave_out(batch), source=Source.RECONCILED)

    def _leave_out(self, batch: Sequence[Told]) -> list[Told]:
        """Without calls that somebody else is known to have answered: of those a list says that they were answered."""
        answered = {one.call_id for one in batch if isinstance(one, CallRecord) and one.result == "answered"}
        theirs = Call.objects.filter(owner__membership__organization=self._row.organization_id, call_id__in=answered)
        elsewhere = set(theirs.filter(result=Result.ELSEWHERE).values_list("call_id", flat=True)) if answered else set()
        return [
            one
            for one in batch
            if not (isinstance(one, CallRecord) and one.direction == "in" and one.call_id in elsewhere)
        ]

    def _note(self, until: datetime) -> None:
        """How far we are, so that the next worker goes on from here should this one die."""
        _same(self._row).update(taken_until=timezone.now() + TAKEN_FOR)
        if self._row.reconciled_at is None or until > self._row.reconciled_at:
            self._row.reconciled_at = until
            _same(self._row).update(reconciled_at=until)

    def _read_transcripts(self) -> None:
        """Lists do not say them, and notifications of them are lost as others are."""
        since = min(self._now - TRANSCRIPTS_FOR, self._starts)
        theirs = Voicemail.objects.filter(owner__membership__organization=self._row.organization_id)
        silent = theirs.filter(transcript="", left_at__gte=since, hidden_at__isnull=True, audio_gone_at__isnull=True)
        for pk, voicemail_id in silent.newest_first().values_list("pk", "voicemail_id")[:MOST_TRANSCRIPTS]:
            if time.monotonic() > self._ends:
                return
            try:
                transcript = self._system.fetch_transcript(voicemail_id)
            except Gone:
                continue
            except AdminNeeded as error:
                self.trouble = self.trouble or error
                return
            if transcript:
                Voicemail.objects.filter(pk=pk, transcript="").update(transcript=transcript)


def _same(row: PhoneSystem) -> QuerySet[PhoneSystem]:
    """The row, unless it was changed since it was read."""
    return PhoneSystem.objects.filter(pk=row.pk, changed_at=row.changed_at)


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _slice(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        end = min(since + SLICE, until)
        yield since, end
        since = end


def _settle(row: PhoneSystem, wait: timedelta, trouble: AdminNeeded | None) -> None:
    now = timezone.now()
    works = {"checked_at": now, "error_code": "", "error_sentence": ""}
    shown = {"error_code": trouble.code, "error_sentence": trouble.sentence} if trouble else works
    _same(row).update(next_reconcile_at=now + wait, taken_until=None, failures=0, **shown)


def _postpone(row: PhoneSystem, error: ProviderError) -> None:
    """Longer each time. What goes by itself is shown to admins only when it comes again."""
    failures = row.failures + 1
    asked = error.retry_after if isinstance(error, RateLimited | Unreachable) else None
    longest = LONGEST_AWAY if isinstance(error, Unreachable) else LONGEST_WAIT
    usual = SOON if isinstance(error, CursorExpired) and failures == 1 else EVERY * 2 ** min(failures - 1, 8)
    wait = min(asked or usual, longest) * (1 + SPREAD * _chance())
    log.info("A phone system was not read: %s", error.code, extra={"detail": error.detail})
    passes = isinstance(error, RateLimited | Unreachable | CursorExpired) and failures == 1
    shown = {} if passes else {"error_code": error.code, "error_sentence": error.sentence}
    _same(row).update(next_reconcile_at=timezone.now() + wait, taken_until=None, failures=failures, **shown)


def _chance() -> float:
    return random.random()  # noqa: S311 (spreads load, guards nothing)
