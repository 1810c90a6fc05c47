"""One meeting, one row: what sync reads and what was scheduled here are brought together.

A ScheduledMeeting is shown by our own rows until its event stands in the calendar, and by the calendar's from then on.
`take_over` is the moment in between, one transaction; before it what sync reads of the event is a shadow, after it our
own rows are gone. `part` is the way back, when a connection is given up.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.db.models import CharField, F, Q
from django.db.models.functions import Cast
from django.utils import timezone

from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.pulling import current_window
from integrations.remote import RemoteEvent
from meetings import queueing
from meetings.models import Meeting, MeetingQuerySet, Origin, ScheduledMeeting, Write
from meetings.occurrences import occurrence_starts, series_id_of
from meetings.rows import make_rows
from meetings.scheduling_models import WriteAction

Place = tuple[str, str, datetime]
"""Host and path of a join link, and when the meeting begins."""


class Matcher:
    """Which events of one connection were made from here.

    For a page of which some row is to be written a few queries, whatever was scheduled before; else none. `events` are
    those of the page. What is about to be deleted from here is a shadow, too.
    """

    def __init__(self, connection: Connection, events: Collection[RemoteEvent]) -> None:
        self.connection = connection
        self._events = events
        self._is_loaded = False
        self._by_id: dict[str, ScheduledMeeting] = {}
        self._by_place: dict[Place, ScheduledMeeting] = {}
        self._doomed: set[str] = set()
        self._seen: dict[int, tuple[ScheduledMeeting, RemoteEvent, datetime | None, datetime | None]] = {}

    def _load(self) -> None:
        self._is_loaded = True
        deletions = Write.objects.filter(connection=self.connection, action=WriteAction.DELETE).exclude(remote_id="")
        self._doomed.update(deletions.open().values_list("remote_id", flat=True))
        pending: dict[int, ScheduledMeeting] = {}
        for one in ScheduledMeeting.objects.filter(pk__in=self._find_candidates()).defer("description"):
            for name in (one.key.hex, str(one.key), one.remote_id, one.remote_uid):
                if name:
                    self._by_id[name] = one
            if not one.is_in_calendar and one.join_url:
                pending[one.pk] = one
        if pending:
            rows = Meeting.objects.filter(scheduled__in=list(pending), origin=Origin.HERE)
            for pk, starts in rows.values_list("scheduled_id", "starts"):
                one = pending[pk or 0]
                if starts is not None:
                    self._by_place[(*_place_of(one.join_url), starts)] = one

    def _find_candidates(self) -> list[int]:
        """Of all that the person ever scheduled those that an event of the page names, and those still to be found."""
        names = {name for event in self._events for name in _names_of(event)}
        names |= {name.replace("-", "") for name in names if len(name) == 36}  # a key, as Outlook says it
        facts = ScheduledMeeting.objects.filter(owner=self.connection.user_id).values_list(
            "pk", "is_in_calendar", Cast("key", CharField()), "remote_id", "remote_uid"
        )
        found = []
        for pk, is_in_calendar, key, remote_id, remote_uid in facts.iterator(chunk_size=5_000):
            if not is_in_calendar or remote_id in names or remote_uid in names or key.replace("-", "") in names:
                found.append(pk)
        return found

    def match(
        self, event: RemoteEvent, starts: datetime | None, ends: datetime | None, join_url: str
    ) -> tuple[int | None, bool]:
        """(the scheduled meeting's key, whether the row is its shadow); (None, False) for what was made elsewhere."""
        found = self._find(event, starts, join_url)
        if found is not None and found.container != event.ref.container:
            found = None  # a copy of it in another calendar
        is_doomed = event.ref.id in self._doomed or event.series_id in self._doomed
        if found is None or is_doomed:
            return found.pk if found else None, is_doomed
        self._seen[found.pk] = found, event, starts, ends
        is_deleted = found.deleted_at is not None and not found.deleted_there
        return found.pk, not found.is_in_calendar or is_deleted

    def _find(self, event: RemoteEvent, starts: datetime | None, join_url: str) -> ScheduledMeeting | None:
        if not self._is_loaded:
            self._load()
        if not self._by_id:
            return None
        for name in _names_of(event):
            if found := self._by_id.get(name):
                return found
        if join_url and starts is not None:
            return self._by_place.get((*_place_of(join_url), starts))
        return None

    def follow(self) -> None:
        """Have what was scheduled here follow what its events say now, once their rows are written."""
        for scheduled, event, starts, ends in self._seen.values():
            if scheduled.deleted_at is not None and not scheduled.deleted_there:
                continue
            if scheduled.deleted_at is not None:
                _revive(scheduled)
            if not scheduled.is_in_calendar:
                _ask_to_adopt(scheduled, self.connection, event)
            elif scheduled.recurrence is None and starts is not None and ends is not None:
                _follow_single(scheduled, event, starts, ends)


def _names_of(event: RemoteEvent) -> list[str]:
    """By which an event, or an occurrence, tells what it was made as."""
    return [name for name in (event.key, event.series_id, event.ref.id, event.uid) if name]


def _place_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc.lower(), parts.path


def _ask_to_adopt(scheduled: ScheduledMeeting, connection: Connection, event: RemoteEvent) -> None:
    """Its event stands in a calendar that is connected (again): let the outbox take it over."""
    if not connection.calendar_write or scheduled.writes.open().exists():
        return
    scheduled.connection, scheduled.wants_calendar, scheduled.container = connection, True, event.ref.container
    scheduled.save(update_fields=["connection", "wants_calendar", "container"])
    queueing.put_for(scheduled, WriteAction.ADOPT, remote_id=event.series_id or event.ref.id)


def _revive(scheduled: ScheduledMeeting) -> None:
    """It was deleted there and is there again: somebody took that back. Its link may have ended meanwhile."""
    scheduled.deleted_at, scheduled.deleted_there, scheduled.changed_at = None, False, timezone.now()
    scheduled.save(update_fields=["deleted_at", "deleted_there", "changed_at"])
    ending = scheduled.writes.filter(action=WriteAction.DELETE)
    if ending.filter(state=WriteState.WAITING, taken_until=None).update(state=WriteState.DROPPED):
        return
    if scheduled.host and ending.exists():
        queueing.put_for(scheduled, WriteAction.UPDATE, connection=None, host_action=WriteAction.CREATE)


def _follow_single(scheduled: ScheduledMeeting, event: RemoteEvent, starts: datetime, ends: datetime) -> None:
    """The calendar is the master: topic and time follow here, and at the meeting host."""
    topic, minutes = event.title[:1000] or scheduled.topic, max(int((ends - starts).total_seconds() // 60), 1)
    changed = (topic, starts, minutes) != (scheduled.topic, scheduled.starts, scheduled.minutes)
    if not changed and scheduled.remote_version == event.ref.version:
        return
    scheduled.topic, scheduled.starts, scheduled.minutes = topic, starts, minutes
    scheduled.remote_version, scheduled.web_url = event.ref.version[:255], event.web_url[:4000]
    scheduled.save(update_fields=["topic", "starts", "minutes", "remote_version", "web_url"])
    if changed and scheduled.host_id and not scheduled.writes.filter(state=WriteState.WAITING).exists():
        queueing.put_for(scheduled, WriteAction.UPDATE, connection=None, host_action=WriteAction.UPDATE)


def follow_removal(scheduled_ids: Collection[int]) -> None:
    """Some of these meetings' rows are gone: one that has none left was deleted there, so it is deleted here.

    Unless it lies behind us: then its rows have left the window.
    """
    now = timezone.now()
    left = set(Meeting.objects.filter(scheduled__in=scheduled_ids).values_list("scheduled_id", flat=True))
    for scheduled in ScheduledMeeting.objects.living().filter(pk__in=scheduled_ids, is_in_calendar=True):
        if scheduled.pk in left or not _is_in_window(scheduled, now):
            continue
        scheduled.deleted_at, scheduled.deleted_there, scheduled.changed_at = now, True, now
        scheduled.save(update_fields=["deleted_at", "deleted_there", "changed_at"])
        if scheduled.host_id:
            ends_there = {"host_id": scheduled.host_id, "host_action": WriteAction.DELETE}
            queueing.put_for(scheduled, WriteAction.DELETE, connection=None, **ends_there)


def _is_in_window(scheduled: ScheduledMeeting, now: datetime) -> bool:
    window = current_window(now)
    return any(window.starts <= one < window.ends for one in occurrence_starts(scheduled))


def hand_over_rows(scheduled: ScheduledMeeting, connection: Connection, events: Sequence[RemoteEvent]) -> None:
    """Have our own rows become those of the events that the calendar now has, so that their pages stay where they are.

    Done in the transaction in which the events are applied, just before that.
    """
    ids = [event.ref.id for event in events]
    theirs = Meeting.objects.filter(connection=connection, container=scheduled.container, remote_id__in=ids)
    theirs.filter(is_shadow=True).delete()
    kept = set(theirs.values_list("remote_id", flat=True))
    ours = {row.original_starts: row for row in scheduled.rows.filter(origin=Origin.HERE)}
    handed = []
    for event in events:
        row = ours.pop(event.starts, None) if event.ref.id not in kept else None
        if row is not None:
            row.connection, row.origin, row.container = connection, Origin.CALENDAR, scheduled.container
            row.remote_id, row.stamp = event.ref.id, ""
            handed.append(row)
    Meeting.objects.bulk_update(handed, ["connection", "origin", "container", "remote_id", "stamp"])


TAKEN_OVER = (
    "connection",
    "is_in_calendar",
    "remote_id",
    "remote_uid",
    "remote_version",
    "web_url",
    "changed_at",
)


def take_over(scheduled: ScheduledMeeting, connection: Connection, event: RemoteEvent) -> None:
    """From now on the calendar's rows are the meeting's; in the caller's transaction, after they were written.

    `scheduled` is as it is now: locked by the caller.
    """
    scheduled.connection, scheduled.is_in_calendar = connection, True
    scheduled.remote_id, scheduled.remote_uid = event.ref.id[:1024], event.uid[:1024]
    scheduled.remote_version, scheduled.web_url = event.ref.version[:255], event.web_url[:4000]
    scheduled.changed_at = timezone.now()
    scheduled.save(update_fields=TAKEN_OVER)
    rows = rows_of(event, Meeting.objects.filter(connection=connection, container=scheduled.container))
    rows.update(scheduled=scheduled, is_shadow=scheduled.deleted_at is not None)
    scheduled.rows.filter(origin=Origin.HERE).delete()


def rows_of(event: RemoteEvent, rows: MeetingQuerySet) -> MeetingQuerySet:
    """Those of these rows that are the event's, or its occurrences'."""
    names = [name for name in (event.ref.id, event.uid) if name]
    return rows.filter(Q(remote_id=event.ref.id) | Q(series_id__in=names))


def part(connection: Connection, container: str | None = None) -> None:
    """Before the rows of a connection, or of one of its calendars, are erased: what was scheduled here stays, as ours.

    Its event stays in the calendar, under a key that is recognised when the calendar is connected again.
    """
    now = timezone.now()
    theirs = ScheduledMeeting.objects.filter(connection=connection)
    writes = Write.objects.filter(connection=connection)
    if container is not None:
        theirs, writes = theirs.filter(container=container), writes.filter(container=container)
    for scheduled in theirs.select_related("owner"):
        was_in_calendar = scheduled.is_in_calendar and scheduled.deleted_at is None
        scheduled.is_in_calendar, scheduled.connection, scheduled.wants_calendar = False, None, False
        scheduled.changed_at = now
        scheduled.save(update_fields=["is_in_calendar", "connection", "wants_calendar", "changed_at"])
        if was_in_calendar:
            _keep_rows(scheduled, now)
    writes.open().update(state=WriteState.DROPPED, finished_at=now)
    writes.update(connection=None)


def _keep_rows(scheduled: ScheduledMeeting, now: datetime) -> None:
    """The calendar's rows as our own, with what was changed in some; and those beyond what was read of the calendar."""
    scheduled.rows.filter(origin=Origin.CALENDAR, is_shadow=False).update(
        connection=None,
        origin=Origin.HERE,
        original_starts=F("starts"),
        remote_id="",
        container="",
        version="",
        stamp="",
        web_url="",
        series_id=series_id_of(scheduled) if scheduled.recurrence_json else "",
    )
    if scheduled.recurrence_json:
        make_rows(scheduled, since=current_window(now).ends)
