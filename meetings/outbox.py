"""Carrying out intended changes, one at a time, at the meeting host and in the calendar.

1. A write is claimed for a few minutes; whoever died over one is followed by the next.
2. Of one target (a scheduled meeting, or an event) the writes go out in the order they were made.
3. The host's step comes first, since the event names its link. Each step is idempotent, and noted as done in the
   transaction of what it brought back.
4. The calendar is written to under the connection's lease, and what it answers becomes rows in one transaction.
5. What may pass by itself is tried again at growing distances; all else waits for the person, with a sentence.
"""

import logging
import random
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import errors
from integrations.gateway import PermittedCalendar, open_account
from integrations.leases import Lease, LeaseLost, take_lease
from integrations.models import Connection
from integrations.pulling import current_window
from integrations.recurrence import Recurrence, to_moment
from integrations.remote import Delta, EventDraft, RemoteEvent, RemoteRef
from meetings import merging, queueing, scheduling
from meetings.bodies import to_text
from meetings.drafting import draft_of, dump_draft, parse_draft, says_the_same
from meetings.host_settings import find_host
from meetings.hosting import HostedMeeting, OpenHost
from meetings.models import Meeting, ScheduledMeeting, Write
from meetings.rows import redescribe
from meetings.scheduling_models import HostKind, WriteAction, WriteState
from meetings.sync import CalendarFeed
from meetings.times import zone_of

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=3)
BUSY = timedelta(seconds=2)
LONGEST = timedelta(seconds=60)
"""For one write: nothing is asked of a provider after that."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
MOST_TRIES = 12
PASSING = (errors.RateLimited, errors.Unreachable, errors.Unexpected)
"""What may be over by itself."""
MOST_REREADS = 3


class Busy(Exception):
    """Somebody else is at it: come back in a moment, without counting this as a try."""


class Contested(Exception):
    """What is to be changed was changed there meanwhile; `theirs` is what stands there."""

    def __init__(self, theirs: EventDraft, version: str) -> None:
        super().__init__("contested")
        self.theirs = theirs
        self.version = version


def find_due(limit: int = 1_000) -> list[int]:
    """Keys of the writes to carry out now, in order."""
    return list(Write.objects.due(timezone.now()).values_list("pk", flat=True)[:limit])


def carry_out(write_id: int) -> Write | None:
    """Carry out one write, if it is due and nobody else is at it. The answer is the write as it was left."""
    token = _claim(write_id)
    if token is None:
        return None
    write = Write.objects.select_related("scheduled", "connection", "owner__membership__organization").get(pk=write_id)
    try:
        if _has_earlier(write):
            raise Busy
        _carry_to_host(write)
        _carry_to_calendar(write)
    except Busy:
        _leave(write, token, next_try_at=timezone.now() + BUSY)
    except LeaseLost:
        log.info("Write %s lost the lease of its connection", write.pk)
        _leave(write, token, next_try_at=timezone.now() + BUSY)
    except Contested as contested:
        _leave(
            write,
            token,
            state=WriteState.CONFLICT,
            theirs_json=dump_draft(contested.theirs),
            theirs_version=contested.version,
            error_code=errors.Conflict.code,
        )
    except errors.ProviderError as error:
        log.warning("Write %s failed: %s", write.pk, error.code)
        _fail(write, token, error)
    except Exception:
        log.exception("Write %s broke", write.pk)
        _fail(write, token, errors.Unexpected("Something went wrong in Portico itself. We will try again."))
    else:
        _leave(write, token, state=WriteState.DONE, finished_at=timezone.now(), error_code="", error_sentence="")
    return write


def _claim(write_id: int) -> str | None:
    now, token = timezone.now(), secrets.token_hex(16)
    due = Write.objects.due(now).filter(pk=write_id)
    return token if due.update(taken_until=now + CLAIM, taken_by=token) else None


def _leave(write: Write, token: str, **changes: object) -> None:
    """Write down how it went, unless somebody has changed their mind or taken over meanwhile."""
    held = Write.objects.filter(pk=write.pk, taken_by=token, state=WriteState.WAITING)
    held.update(taken_until=None, taken_by="", **changes)
    write.refresh_from_db()


def _fail(write: Write, token: str, error: errors.ProviderError) -> None:
    tries = write.tries + 1
    changes: dict[str, object] = {"tries": tries, "error_code": error.code, "error_sentence": error.sentence}
    if isinstance(error, PASSING) and tries < MOST_TRIES:
        wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT) * random.uniform(1.0, 1.3)  # noqa: S311
        asked = getattr(error, "retry_after", None) or timedelta(0)
        _leave(write, token, next_try_at=timezone.now() + max(wait, asked), **changes)
        return
    if isinstance(error, errors.ReconnectNeeded) and write.connection_id:
        # The engine says so on every page, and mails the person; here only this change has failed.
        Connection.objects.filter(pk=write.connection_id).update(next_sync_at=timezone.now())
    _leave(write, token, state=WriteState.FAILED, finished_at=timezone.now(), **changes)


def _has_earlier(write: Write) -> bool:
    """Whether an older write of the same target has not gone out yet."""
    same = Q(pk__in=[])
    if write.scheduled_id:
        same |= Q(scheduled=write.scheduled_id)
    for name in {write.remote_id, write.series_id} - {""}:
        same |= Q(connection=write.connection_id, container=write.container) & (Q(remote_id=name) | Q(series_id=name))
    return Write.objects.filter(same, owner=write.owner_id, pk__lt=write.pk, state=WriteState.WAITING).exists()


# The meeting host


def _carry_to_host(write: Write) -> None:
    """Raises ProviderError."""
    scheduled = write.scheduled
    if not write.host_action or scheduled is None:
        return
    is_wanted = scheduled.deleted_at is None or write.host_action == WriteAction.DELETE
    if (is_overtaken(write, scheduled) or not is_wanted) and not _has_asked(write, "host"):
        _note_host(write)
        return
    host = find_host(write.owner.organization)
    if host is None or host.info.key != scheduled.host:
        # The organization has another host by now: what was made at the former one is not ours to reach any more.
        if write.host_action == WriteAction.CREATE:
            scheduled.host = ""
            scheduled.save(update_fields=["host"])
        _note_host(write)
        return
    with host.open() as opened:
        if write.host_action == WriteAction.DELETE:
            # Deleted while it was still to be made: what was made meanwhile.
            made = scheduled.host_id if write.key == scheduled.key and scheduled.deleted_at else ""
            if write.host_id or made:
                opened.delete(write.host_id or made, _kind_at_host(scheduled))
            _note_host(write)
            return
        if is_overtaken(write, scheduled):
            # Perhaps made, and the answer lost: made again it is what was made then.
            lost = opened.create(scheduling.host_draft(scheduled), user=scheduled.owner.email, key=write.key_hex)
            opened.delete(lost.id, _kind_at_host(scheduled))
            _note_host(write)
            return
        hosted = _make_at_host(write, scheduled, opened)
    with transaction.atomic():
        _take_from_host(scheduled, hosted)
        _note_host(write)


def _make_at_host(write: Write, scheduled: ScheduledMeeting, opened: OpenHost) -> HostedMeeting:
    draft = scheduling.host_draft(scheduled)
    if write.host_action == WriteAction.UPDATE and scheduled.host_id:
        try:
            return opened.update(scheduled.host_id, draft)
        except errors.Gone:
            log.info("Scheduled meeting %s is gone at its host: it is made anew", scheduled.pk)
    _note_asked(write, "host")
    return opened.create(draft, user=scheduled.owner.email, key=scheduled.key.hex)


def _take_from_host(scheduled: ScheduledMeeting, hosted: HostedMeeting) -> None:
    if scheduled.is_in_calendar and scheduled.join_url != hosted.join_url:
        queueing.put_for(scheduled, WriteAction.UPDATE, fields_json=["body", "location"])
    scheduled.host_id, scheduled.join_url = hosted.id[:100], hosted.join_url[:2000]
    scheduled.meeting_number, scheduled.dial_in = hosted.meeting_number[:20], hosted.dial_in
    scheduled.passcode = hosted.passcode[:10] or scheduled.passcode
    scheduled.save(update_fields=["host_id", "join_url", "meeting_number", "dial_in", "passcode"])
    redescribe(scheduled)


def _kind_at_host(scheduled: ScheduledMeeting) -> Literal["meeting", "webinar"]:
    return "webinar" if scheduled.kind == "webinar" else "meeting"


def is_overtaken(write: Write, scheduled: ScheduledMeeting) -> bool:
    """Whether what a write was to make is not wanted any more: deleted meanwhile, and perhaps made anew since."""
    if write.action != WriteAction.CREATE:
        return False
    return scheduled.deleted_at is not None or write.key not in (None, scheduled.key)


def _note_asked(write: Write, where: str) -> None:
    """Before something is made: if the answer is lost, nothing else tells that it may be there."""
    if write.action == WriteAction.CREATE and not _has_asked(write, where):
        write.draft_json |= {"asked": [*write.draft_json.get("asked", []), where]}
        write.save(update_fields=["draft_json"])


def _has_asked(write: Write, where: str) -> bool:
    return where in write.draft_json.get("asked", [])


def _note_host(write: Write) -> None:
    write.host_action = ""
    write.save(update_fields=["host_action"])


# The calendar


def _carry_to_calendar(write: Write) -> None:
    """Raises ProviderError, LeaseLost, Busy, Contested."""
    if write.connection_id is None:
        return
    lease = take_lease(write.connection_id)
    if lease is None:
        if not Connection.objects.filter(pk=write.connection_id).exists():
            return
        raise Busy
    try:
        connection = Connection.objects.select_related("user__membership__organization").get(pk=write.connection_id)
        if connection.needs_reconnect:
            raise errors.ReconnectNeeded(connection.error_sentence, detail="as the engine found")
        with open_account(connection, lease=lease, deadline=timezone.now() + LONGEST) as account:
            Carrier(write, connection, lease, account.calendar).carry()
    finally:
        lease.release()


class Carrier:
    """One write under the lease of its connection."""

    def __init__(self, write: Write, connection: Connection, lease: Lease, calendar: PermittedCalendar) -> None:
        self.write = write
        self.connection = connection
        self.lease = lease
        self.calendar = calendar

    def carry(self) -> None:
        """Raises ProviderError, LeaseLost, Contested."""
        ways = {
            WriteAction.CREATE: self._create,
            WriteAction.UPDATE: self._update,
            WriteAction.END_SERIES: self._end_series,
            WriteAction.SPLIT: self._split,
            WriteAction.DELETE: self._delete,
            WriteAction.ADOPT: self._adopt,
        }
        ways[WriteAction(self.write.action)]()

    def _create(self) -> None:
        scheduled = self._scheduled()
        if is_overtaken(self.write, scheduled):
            self._withdraw(scheduled)
            return
        if scheduled.is_in_calendar:
            return
        draft = scheduling.event_draft(scheduled, host_name=_host_name(scheduled))
        _note_asked(self.write, "calendar")
        event = self.calendar.create(draft, key=scheduled.key.hex, calendar=scheduled.container)
        self._apply(event, takes_over=scheduled)

    def _withdraw(self, scheduled: ScheduledMeeting) -> None:
        """What was to be made is not wanted any more; it may be there all the same, if the answer was lost.

        Made again under its key it is what was made then; if nothing was, nobody is invited to what is deleted at once.
        """
        if not _has_asked(self.write, "calendar") or self._is_taken_over(scheduled):
            return
        draft = replace(scheduling.event_draft(scheduled, host_name=""), attendees=(), recurrence=None)
        try:
            event = self.calendar.create(draft, key=self.write.key_hex, calendar=self.write.container)
        except errors.Rejected:
            return  # it was deleted there
        self.calendar.delete(RemoteRef(event.ref.id, self.write.container))
        with transaction.atomic():
            self.lease.renew()
            rows = Meeting.objects.filter(connection=self.connection, container=self.write.container)
            rows.filter(Q(remote_id=event.ref.id) | Q(series_id__in=_names_of(event))).delete()

    def _is_taken_over(self, scheduled: ScheduledMeeting) -> bool:
        """Whether it was recorded: then the deletion knows what to delete."""
        return scheduled.is_in_calendar and scheduled.key == self.write.key

    def _adopt(self) -> None:
        """The event stands there, from before the connection was given up."""
        scheduled = self._scheduled()
        if scheduled.is_in_calendar or scheduled.deleted_at is not None:
            return
        self._apply(self.calendar.read(self._ref(version="")), takes_over=scheduled)

    def _update(self) -> None:
        fields, scheduled = self.write.fields, self.write.scheduled
        if not fields:
            return
        if scheduled is not None and not self.write.remote_id:
            # Changed while it was still to be made: what was made says the new already, or is about to.
            scheduled.refresh_from_db()
            if scheduled.is_in_calendar:
                self._write_as_scheduled(scheduled, fields)
            return
        draft, base = parse_draft(self.write.draft_json), parse_draft(self.write.base_json or self.write.draft_json)
        if self.write.is_whole:
            self._update_series(draft, base, fields)
            return
        self._apply(self._write_over(self._ref(), draft, base, fields))

    def _write_as_scheduled(self, scheduled: ScheduledMeeting, fields: frozenset[str]) -> None:
        """These fields as they were scheduled here; of a place only what was our link before."""
        draft = scheduling.event_draft(scheduled, host_name=_host_name(scheduled))
        ref = RemoteRef(scheduled.remote_id, scheduled.container)
        if "time" in fields and scheduled.recurrence_json:
            fields |= {"recurrence"}
        if "location" in fields:
            place = self.calendar.read(ref).location.strip()
            fields -= {"location"} if place and not place.startswith("https://") else frozenset()
        self._apply(self.calendar.update(ref, draft, fields=fields))

    def _write_over(self, ref: RemoteRef, draft: EventDraft, base: EventDraft, fields: frozenset[str]) -> RemoteEvent:
        """Write, and where it was changed there meanwhile see whether that concerns what is written."""
        for _ in range(MOST_REREADS):
            try:
                return self.calendar.update(ref, draft, fields=fields)
            except errors.Conflict:
                event = self.calendar.read(replace(ref, version=""))
            theirs = read_draft(event)
            if says_the_same(draft, theirs, fields):
                return event  # our own write, of which the answer was lost
            if not says_the_same(base, theirs, fields):
                raise Contested(theirs, event.ref.version)
            ref = event.ref
        raise errors.Unexpected(detail="changed there again and again")

    def _update_series(self, draft: EventDraft, base: EventDraft, fields: frozenset[str]) -> None:
        """A whole series: it moves by as much as the occurrence did that the person moved, on its zone's clock."""
        master = self._read_series()
        if "time" in fields:
            draft, fields = self._move_series(draft, base, master, fields)
        theirs = read_draft(master)
        others = self.write.fields - {"time"}
        is_other = not says_the_same(base, theirs, others) and not says_the_same(draft, theirs, others)
        if is_other and self.write.version != master.ref.version:
            raise Contested(theirs, master.ref.version)
        self._apply(self.calendar.update(master.ref, draft, fields=fields))

    def _move_series(
        self, draft: EventDraft, base: EventDraft, master: RemoteEvent, fields: frozenset[str]
    ) -> tuple[EventDraft, frozenset[str]]:
        """Noted before it is written: afterwards the series is where it moves to, and would move on from there."""
        if "moved" not in self.write.draft_json:
            moved, is_other_day = self._plan_move(draft, base, master)
            self.write.draft_json |= {"moved": dump_draft(moved), "is_other_day": is_other_day}
            self.write.save(update_fields=["draft_json"])
        noted = self.write.draft_json
        return parse_draft(noted["moved"]), fields | (
            frozenset({"recurrence"}) if noted["is_other_day"] else frozenset()
        )

    def _plan_move(self, draft: EventDraft, base: EventDraft, master: RemoteEvent) -> tuple[EventDraft, bool]:
        """The whole series as it moves, and whether to another day.

        Raises:
            Rejected, ProviderError
        """
        if None in (draft.starts, draft.ends, base.starts, master.starts):
            raise errors.Rejected("Days without a time cannot be moved as a series here. Do it in your calendar.")
        assert draft.starts and draft.ends and base.starts and master.starts
        zone = zone_of(master.timezone or draft.timezone)
        original = self._find_original(base.starts)
        before, after = (one.astimezone(zone).replace(tzinfo=None) for one in (original, draft.starts))
        if before.date() != after.date() and master.recurrence is None:
            raise errors.Rejected(
                "This series repeats in a way that Portico cannot move to another day. Change it in your calendar."
            )
        begins = master.starts.astimezone(zone).replace(tzinfo=None)
        found: tuple[datetime, Recurrence | None] = begins + (after - before), master.recurrence
        if before.date() != after.date() and master.recurrence is not None:
            moved = master.recurrence.move(begins, _on_the_clock_of(begins, before), after)
            if moved is None:
                raise errors.Rejected(scheduling.CANNOT_MOVE)
            found = moved
        first = to_moment(found[0], zone)
        wanted = replace(draft, starts=first, ends=first + (draft.ends - draft.starts), recurrence=found[1])
        return replace(wanted, timezone=master.timezone or draft.timezone), before.date() != after.date()

    def _find_original(self, shown: datetime) -> datetime:
        """When the series has the occurrence that the person changed, which may have been moved before."""
        try:
            return self.calendar.read(self._ref(version="")).original_starts or shown
        except errors.Gone:
            return shown

    def _end_series(self) -> None:
        scheduled = self._scheduled()
        if not scheduled.is_in_calendar or self.write.ends_before is None:
            return
        ref = RemoteRef(scheduled.remote_id, scheduled.container)
        self._apply(self.calendar.end_series(ref, before=self.write.ends_before))

    def _split(self) -> None:
        """End a series of the calendar's own before an occurrence; what is left of it goes on, changed."""
        assert self.write.ends_before is not None and self.write.key is not None
        if "following" not in self.write.draft_json:
            # Noted before the series is ended: afterwards nothing tells what was left of it.
            master = self._read_series()
            self.write.ends_before = self._find_original(self.write.ends_before)
            self.write.draft_json |= {"following": dump_draft(self._plan_following(master)), "series": master.ref.id}
            self.write.save(update_fields=["draft_json", "ends_before"])
        series = RemoteRef(self.write.draft_json["series"], self.write.container)
        self._apply(self.calendar.end_series(series, before=self.write.ends_before))
        following = parse_draft(self.write.draft_json["following"])
        self._apply(self.calendar.create(following, key=self.write.key.hex, calendar=self.write.container))

    def _plan_following(self, master: RemoteEvent) -> EventDraft:
        draft, base = parse_draft(self.write.draft_json), parse_draft(self.write.base_json or self.write.draft_json)
        zone, moment, left = zone_of(master.timezone), self.write.ends_before, None
        if master.recurrence is not None and master.starts is not None and moment is not None:
            left = master.recurrence.from_occurrence(moment, master.starts, zone)
        if left is None or moment is None or not (base.starts and draft.starts and draft.ends):
            raise errors.Rejected(
                "This series repeats in a way that Portico cannot split. Change one meeting, all of them, or do it in "
                "your calendar."
            )
        starts, length = moment, (master.ends or moment) - (master.starts or moment)
        if "time" in self.write.fields:
            starts, length = draft.starts, draft.ends - draft.starts
        before, after = (one.astimezone(zone).replace(tzinfo=None) for one in (moment, starts))
        moved = left.move(before, before, after)
        if moved is None:
            raise errors.Rejected(scheduling.CANNOT_MOVE)
        values = {name: getattr(draft, name) for name in self.write.fields if name != "time"}
        return replace(read_draft(master), starts=starts, ends=starts + length, recurrence=moved[1], **values)

    def _delete(self) -> None:
        remote_id = self.write.remote_id
        if not remote_id and self.write.scheduled_id:
            # Deleted while it was still to be made: if it was made all the same. What was restored since is another.
            scheduled = self._scheduled()
            is_same = scheduled.deleted_at is not None and self.write.key in (None, scheduled.key)
            remote_id = scheduled.remote_id if is_same else ""
        if not remote_id:
            return
        self.calendar.delete(RemoteRef(remote_id, self.write.container))
        with transaction.atomic():
            self.lease.renew()
            rows = Meeting.objects.filter(connection=self.connection, container=self.write.container)
            if self.write.scheduled_id:
                rows.filter(scheduled=self.write.scheduled_id).delete()
            else:
                rows.filter(remote_id=remote_id).delete()

    def _apply(self, event: RemoteEvent, *, takes_over: ScheduledMeeting | None = None) -> None:
        """Make rows of what the calendar answered, as sync would. Raises ProviderError, LeaseLost, Busy."""
        container = self.write.container if takes_over is None else takes_over.container
        if event.is_series:
            found = self.calendar.instances(event.ref, current_window(timezone.now()))
            names = {one.series_id for one in found} | {event.ref.id}
            delta = Delta(changed=found, series=tuple(sorted(names)))
        else:
            delta = Delta(changed=(event,))
        with transaction.atomic():
            self.lease.renew()
            if takes_over is not None:
                takes_over = ScheduledMeeting.objects.select_for_update().get(pk=takes_over.pk)
                if self.write.key not in (None, takes_over.key):
                    raise Busy  # made anew while it was being made: it is withdrawn next
                merging.hand_over_rows(takes_over, self.connection, delta.changed)
            CalendarFeed().apply(self.connection, delta, container)
            if takes_over is not None:
                merging.take_over(takes_over, self.connection, event)
            elif self.write.scheduled_id and event.ref.id == self._scheduled().remote_id:
                ScheduledMeeting.objects.filter(pk=self.write.scheduled_id).update(
                    remote_version=event.ref.version[:255], web_url=event.web_url[:4000]
                )

    def _read_series(self) -> RemoteEvent:
        scheduled, noted = self.write.scheduled, self.write.draft_json
        if scheduled is not None and scheduled.remote_id:
            return self.calendar.read(RemoteRef(scheduled.remote_id, self.write.container))
        if "series" in noted:  # the occurrence may be known by another id since
            return self.calendar.read(RemoteRef(noted["series"], self.write.container))
        master = self.calendar.read_series(self._ref(version=""))
        noted["series"] = master.ref.id
        return master

    def _scheduled(self) -> ScheduledMeeting:
        scheduled = self.write.scheduled
        assert scheduled is not None
        scheduled.refresh_from_db()
        return scheduled

    def _ref(self, *, version: str | None = None) -> RemoteRef:
        return RemoteRef(self.write.remote_id, self.write.container, self.write.version if version is None else version)


def read_draft(event: RemoteEvent) -> EventDraft:
    """What stands there, with its description as the person reads it."""
    return draft_of(event, body=to_text(event.body)[0] if event.body else "")


def _on_the_clock_of(first: datetime, wall: datetime) -> datetime:
    """An occurrence that a change of clocks has moved on stands in its pattern at the time of day of all others."""
    return datetime.combine(wall.date(), first.time())


def _names_of(event: RemoteEvent) -> list[str]:
    """What occurrences may name as their series."""
    return [name for name in (event.ref.id, event.uid) if name]


def _host_name(scheduled: ScheduledMeeting) -> str:
    """What the description calls the meeting; a template's links have no name of their own."""
    return "Zoom" if scheduled.host == HostKind.ZOOM else ""


def forget_old(now: datetime | None = None) -> int:
    """Remove what was deleted too long ago to be had back, and writes that are long done."""
    now = now or timezone.now()
    Write.objects.exclude(state__in=[WriteState.WAITING, WriteState.FAILED, WriteState.CONFLICT]).filter(
        finished_at__lt=now - timedelta(days=settings.SYNC["keep_runs_days"])
    ).delete()
    return ScheduledMeeting.objects.expired(now).delete()[0]
