"""A write's step in the calendar, under the lease of its connection; what the calendar answers becomes rows."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from integrations import errors
from integrations.outgoing import Busy, Contested, Opened, write_under_lease
from integrations.pulling import current_window
from integrations.remote import Delta, EventDraft, RemoteEvent, RemoteRef
from meetings import merging
from meetings.attempts import has_asked, is_overtaken, note_asked
from meetings.drafting import dump_draft, parse_draft, read_draft, says_the_same
from meetings.intended import event_draft
from meetings.models import Meeting, ScheduledMeeting, Write
from meetings.scheduling_models import HostKind, WriteAction
from meetings.series_plans import plan_following, plan_move
from meetings.sync import CalendarFeed

MOST_REREADS = 3


def carry_to_calendar(write: Write) -> None:
    """Raises ProviderError, LeaseLost, Busy, Contested."""
    if write.connection_id is not None:
        write_under_lease(write.connection_id, lambda opened: Carrier(write, opened).carry())


class Carrier:
    """One write under the lease of its connection."""

    def __init__(self, write: Write, opened: Opened) -> None:
        self.write = write
        self.connection = opened.connection
        self.lease = opened.lease
        self.calendar = opened.account.calendar

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
        draft = event_draft(scheduled, host_name=_host_name(scheduled))
        note_asked(self.write, "calendar")
        event = self.calendar.create(draft, key=scheduled.key.hex, calendar=scheduled.container)
        self._apply(event, takes_over=scheduled)

    def _withdraw(self, scheduled: ScheduledMeeting) -> None:
        """What was to be made is not wanted any more; it may be there all the same, if the answer was lost.

        Made again under its key it is what was made then; if nothing was, nobody is invited to what is deleted at once.
        """
        if not has_asked(self.write, "calendar") or self._is_taken_over(scheduled):
            return
        draft = replace(event_draft(scheduled, host_name=""), attendees=(), recurrence=None)
        try:
            event = self.calendar.create(draft, key=self.write.key_hex, calendar=self.write.container)
        except errors.Rejected:
            return  # it was deleted there
        self.calendar.delete(RemoteRef(event.ref.id, self.write.container))
        with transaction.atomic():
            self.lease.renew()
            rows = Meeting.objects.filter(connection=self.connection, container=self.write.container)
            merging.rows_of(event, rows).delete()

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
        draft = event_draft(scheduled, host_name=_host_name(scheduled))
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
                raise Contested(dump_draft(theirs), event.ref.version)
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
            raise Contested(dump_draft(theirs), master.ref.version)
        self._apply(self.calendar.update(master.ref, draft, fields=fields))

    def _move_series(
        self, draft: EventDraft, base: EventDraft, master: RemoteEvent, fields: frozenset[str]
    ) -> tuple[EventDraft, frozenset[str]]:
        """Noted before it is written: afterwards the series is where it moves to, and would move on from there."""
        if "moved" not in self.write.draft_json:
            original = self._find_original(base.starts) if base.starts else None
            moved, is_other_day = plan_move(draft, master, original)
            self.write.draft_json |= {"moved": dump_draft(moved), "is_other_day": is_other_day}
            self.write.save(update_fields=["draft_json"])
        noted = self.write.draft_json
        return parse_draft(noted["moved"]), fields | (
            frozenset({"recurrence"}) if noted["is_other_day"] else frozenset()
        )

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
            moment = self.write.ends_before = self._find_original(self.write.ends_before)
            following = plan_following(parse_draft(self.write.draft_json), self.write.fields, master, moment)
            self.write.draft_json |= {"following": dump_draft(following), "series": master.ref.id}
            self.write.save(update_fields=["draft_json", "ends_before"])
        series = RemoteRef(self.write.draft_json["series"], self.write.container)
        self._apply(self.calendar.end_series(series, before=self.write.ends_before))
        following = parse_draft(self.write.draft_json["following"])
        self._apply(self.calendar.create(following, key=self.write.key.hex, calendar=self.write.container))

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


def _host_name(scheduled: ScheduledMeeting) -> str:
    """What the description calls the meeting; a template's links have no name of their own."""
    return "Zoom" if scheduled.host == HostKind.ZOOM else ""
