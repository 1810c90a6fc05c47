"""Scheduling, editing, deleting and restoring: what a person asked for becomes rows and intended changes.

Nothing here talks to anybody: what goes out is put into the outbox (`outbox` carries it out). Times are moments and
wall times of the meeting's own zone, never the viewer's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from integrations.errors import Gone
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.permissions import Permission
from integrations.policy import TimeChange
from integrations.policy_models import policy_for
from integrations.recurrence import Recurrence
from integrations.remote import Attendee
from meetings import queueing
from meetings.drafting import dump_draft, find_block, split_body
from meetings.intended import Change, changed_draft, current_draft, draft_of_row, fields_of
from meetings.models import Meeting, Origin, ScheduledMeeting, Write
from meetings.moving import Scope, change_scheduled, is_first, widen, without_those_before
from meetings.occurrences import find_occurrence
from meetings.rows import Words, make_rows, redescribe, with_organizer
from meetings.scheduling_models import WriteAction, dump_invitees
from meetings.times import zone_of
from organizations.models import User, record


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person asks for when scheduling."""

    topic: str
    starts: datetime
    minutes: int
    timezone: str
    kind: str = "meeting"
    recurrence: Recurrence | None = None
    invitees: tuple[Attendee, ...] = ()
    description: str = ""
    is_private: bool = False
    passcode: str = ""
    waiting_room: bool = False
    in_calendar: bool = False
    container: str = ""
    """Which calendar, as RemoteCalendar.id."""


def find_writable_connection(owner: User) -> Connection | None:
    """The owner's connection, where their calendar may be written to now."""
    connection = Connection.objects.select_related("user__membership__organization").filter(user=owner).first()
    return connection if connection is not None and connection.may(Permission.CALENDAR_WRITE) else None


def schedule(owner: User, plan: Plan, *, by: User, host: str, address: str | None = None) -> ScheduledMeeting:
    """Make a meeting of the owner's. `host`: the HostKind that its join link comes from."""
    connection = find_writable_connection(owner) if plan.in_calendar else None
    with transaction.atomic():
        scheduled = ScheduledMeeting(
            owner=owner,
            made_by=by,
            topic=plan.topic,
            kind=plan.kind,
            description=plan.description,
            starts=plan.starts,
            minutes=plan.minutes,
            timezone=plan.timezone,
            invitees_json=dump_invitees(plan.invitees),
            is_private=plan.is_private,
            passcode=plan.passcode,
            waiting_room=plan.waiting_room,
            host=host,
            wants_calendar=connection is not None,
            connection=connection,
            container=plan.container if connection else "",
        )
        scheduled.recurrence = plan.recurrence
        scheduled.save()
        make_rows(scheduled)
        _put_creation(scheduled, by=by)
        _audit("meeting.scheduled_for", owner, by, address)
    return scheduled


def _put_creation(scheduled: ScheduledMeeting, *, by: User | None) -> Write | None:
    if not scheduled.host and not scheduled.wants_calendar:
        return None
    host_action = WriteAction.CREATE if scheduled.host else ""
    return queueing.put_for(scheduled, WriteAction.CREATE, by=by, key=scheduled.key, host_action=host_action)


def edit(meeting: Meeting, change: Change, *, scope: Scope, by: User, address: str | None = None) -> Write | None:
    """Change a meeting, or of its series what `scope` says. The answer is the last write that this takes, if any.

    Of a meeting that is in no calendar our own rows change at once; else the calendar is written to and they follow.

    Raises:
        Rejected: the series cannot be moved there; see `why_not_moved`.
        Gone: it was deleted meanwhile.
    """
    with transaction.atomic():
        scheduled = _hold(meeting)
        scope = widen(meeting, scope)
        _audit("meeting.changed_for", meeting.owner, by, address)
        if scheduled is None or scheduled.is_in_calendar:
            if change.moves and policy_for(meeting.owner).time_change is TimeChange.SEPARATE_EVENT:
                return _make_separate(meeting, change, scope=scope, by=by)
            return _edit_there(meeting, change, scope=scope, by=by)
        return _edit_here(scheduled, meeting, change, scope=scope, by=by)


def _hold(meeting: Meeting) -> ScheduledMeeting | None:
    """As both are now, whatever a worker has made of them since the row was read; it waits for this transaction.

    Raises:
        Gone: the row is there no more.
    """
    owner = meeting.owner
    scheduled = None
    if meeting.scheduled_id is not None:
        scheduled = ScheduledMeeting.objects.select_for_update().filter(pk=meeting.scheduled_id).first()
    try:
        meeting.refresh_from_db()
    except Meeting.DoesNotExist:
        raise Gone("This meeting was deleted meanwhile.") from None
    meeting.owner = owner
    if scheduled is None or meeting.scheduled_id != scheduled.pk:
        return meeting.scheduled
    scheduled.owner, meeting.scheduled = owner, scheduled
    return scheduled


def _edit_here(
    scheduled: ScheduledMeeting, meeting: Meeting, change: Change, *, scope: Scope, by: User
) -> Write | None:
    if scope is Scope.FOLLOWING:
        return _split_here(scheduled, meeting, change, by=by)
    if scope is Scope.THIS and meeting.series_id:
        _change_row(scheduled, meeting, change)
        return None
    change_scheduled(scheduled, meeting, change)
    scheduled.save()
    if change.moves:
        make_rows(scheduled)
    else:
        redescribe(scheduled, fields_of(change))
    if not scheduled.host:
        return None
    fields = sorted(fields_of(change))
    return queueing.put_for(scheduled, WriteAction.UPDATE, by=by, host_action=WriteAction.UPDATE, fields_json=fields)


def _change_row(scheduled: ScheduledMeeting, meeting: Meeting, change: Change) -> None:
    """One occurrence of a series that is ours alone."""
    said = Words(scheduled).say(
        meeting.title if change.topic is None else change.topic,
        meeting.body_text if change.description is None else change.description,
        meeting.attendees if change.invitees is None else with_organizer(meeting.owner, change.invitees),
    )
    for name, value in said.items():
        setattr(meeting, name, value)
    if change.starts is not None:
        meeting.starts = change.starts
        meeting.ends = change.starts + timedelta(minutes=change.minutes or 0)
    meeting.save()


def _split_here(scheduled: ScheduledMeeting, meeting: Meeting, change: Change, *, by: User) -> Write | None:
    """End the series before this occurrence, and schedule what is left of it anew, changed."""
    moment = find_occurrence(scheduled, meeting)
    following = _make_following(scheduled, moment, meeting, change, by=by)
    _shorten(scheduled, moment, by=by)
    if following is None:
        return None
    make_rows(following)
    return _put_creation(following, by=by)


def _make_following(
    scheduled: ScheduledMeeting, moment: datetime, meeting: Meeting, change: Change, *, by: User
) -> ScheduledMeeting | None:
    following = without_those_before(scheduled, moment)
    if following is None:
        return None
    following.pk = None
    following._state.adding = True
    following.key, following.made_by, following.created_at = uuid4(), by, timezone.now()
    following.host_id = following.join_url = following.meeting_number = following.dial_in = ""
    following.is_in_calendar, following.remote_id, following.remote_version, following.remote_uid = False, "", "", ""
    following.web_url = ""
    change_scheduled(following, meeting, change)
    following.save()
    return following


def _shorten(scheduled: ScheduledMeeting, moment: datetime, *, by: User) -> Write | None:
    """End a series scheduled here before this moment: here, at its host, and in its calendar."""
    zone, recurrence = zone_of(scheduled.timezone), scheduled.recurrence
    left = recurrence.ended_before(moment, scheduled.starts, zone) if recurrence else None
    if left is None:
        return None
    scheduled.recurrence, scheduled.changed_at = left, timezone.now()
    scheduled.save(update_fields=["recurrence_json", "changed_at"])
    scheduled.rows.filter(origin=Origin.HERE, original_starts__gte=moment).delete()
    scheduled.rows.filter(origin=Origin.CALENDAR, starts__gte=moment).update(is_shadow=True)
    if not scheduled.host and not scheduled.wants_calendar:
        return None
    return queueing.put_for(
        scheduled,
        WriteAction.END_SERIES,
        by=by,
        remote_id=scheduled.remote_id,
        ends_before=moment,
        host_action=WriteAction.UPDATE if scheduled.host else "",
    )


def _edit_there(meeting: Meeting, change: Change, *, scope: Scope, by: User) -> Write:
    scheduled = meeting.scheduled
    if scope is Scope.FOLLOWING and scheduled is not None:
        moment = find_occurrence(scheduled, meeting)
        following = _make_following(scheduled, moment, meeting, change, by=by)
        shortened = _shorten(scheduled, moment, by=by)
        if following is not None:
            make_rows(following)
            created = _put_creation(following, by=by)
            assert created is not None
            return created
        assert shortened is not None
        return shortened
    is_whole = scope is Scope.ALL and bool(meeting.series_id)
    if scheduled is not None and scope is Scope.ALL:
        change_scheduled(scheduled, meeting, change)
        scheduled.save()
    base = current_draft(meeting)
    return queueing.put(
        owner_id=meeting.owner_id,
        by=by,
        scheduled=scheduled if scope is Scope.ALL else None,
        connection=meeting.connection,
        action=WriteAction.SPLIT if scope is Scope.FOLLOWING else WriteAction.UPDATE,
        key=uuid4() if scope is Scope.FOLLOWING else None,
        container=meeting.container,
        remote_id=meeting.remote_id,
        series_id=meeting.series_id,
        is_whole=is_whole,
        version="" if is_whole else meeting.version,
        ends_before=meeting.starts if scope is Scope.FOLLOWING else None,
        base_json=dump_draft(base),
        draft_json=dump_draft(changed_draft(base, change, find_block(meeting.body_text))),
        fields_json=sorted(fields_of(change)),
        host_action=WriteAction.UPDATE if scheduled and scheduled.host_id and scope is Scope.ALL else "",
    )


def _make_separate(meeting: Meeting, change: Change, *, scope: Scope, by: User) -> Write | None:
    """The organization wants the old event to stay: another is made at the new time.

    It goes on with the same join link, and is what was scheduled here from now on; the old one is the calendar's alone.
    """
    scheduled = meeting.scheduled
    base = draft_of_row(meeting)
    wanted = changed_draft(base, change, find_block(meeting.body_text))
    assert wanted.starts is not None and wanted.ends is not None
    if scheduled is None or scope is not Scope.ALL:
        made = ScheduledMeeting(owner=meeting.owner, wants_calendar=True, connection=meeting.connection)
        made.topic, made.description = wanted.title, split_body(wanted.body)
        made.timezone, made.container = meeting.timezone or "UTC", meeting.container
        made.is_private = meeting.is_private
        made.join_url = meeting.links[0].url if meeting.links else ""
        made.meeting_number = meeting.meeting_number
        made.invitees_json = dump_invitees(wanted.attendees)
        made.starts, made.minutes = wanted.starts, change.minutes or 0
    else:
        made = scheduled
        scheduled.rows.filter(origin=Origin.CALENDAR).update(scheduled=None, is_shadow=False)
        change_scheduled(scheduled, meeting, change)
        made.key, made.is_in_calendar = uuid4(), False
        made.remote_id = made.remote_version = made.remote_uid = made.web_url = ""
    made.made_by = by
    made.save()
    make_rows(made)
    host_action = WriteAction.UPDATE if made.host_id else ""
    return queueing.put_for(made, WriteAction.CREATE, by=by, key=made.key, host_action=host_action)


def delete(meeting: Meeting, *, scope: Scope, by: User, address: str | None = None) -> Write | None:
    """Delete a meeting scheduled here, or of its series what `scope` says. It is off the page at once.

    Raises:
        Gone: that was done meanwhile.
    """
    with transaction.atomic():
        scheduled = _hold(meeting)
        assert scheduled is not None
        _audit("meeting.deleted_for", meeting.owner, by, address)
        if meeting.series_id and scope is Scope.THIS:
            return _delete_occurrence(scheduled, meeting, by=by)
        if meeting.series_id and scope is Scope.FOLLOWING and not is_first(meeting):
            return _shorten(scheduled, find_occurrence(scheduled, meeting), by=by)
        now = timezone.now()
        scheduled.deleted_at, scheduled.deleted_by, scheduled.deleted_there = now, by, False
        scheduled.changed_at = now
        scheduled.save()
        scheduled.rows.update(is_shadow=True)
        # What has not been begun yet need not be done any more.
        waiting = scheduled.writes.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT])
        waiting.update(state=WriteState.DROPPED, finished_at=now)
        if not scheduled.host and not scheduled.wants_calendar:
            return None
        return queueing.put_for(
            scheduled,
            WriteAction.DELETE,
            by=by,
            key=scheduled.key,
            remote_id=scheduled.remote_id,
            host_id=scheduled.host_id,
            host_action=WriteAction.DELETE if scheduled.host else "",
        )


def _delete_occurrence(scheduled: ScheduledMeeting, meeting: Meeting, *, by: User) -> Write | None:
    if meeting.origin == Origin.HERE:
        meeting.delete()
        return None
    Meeting.objects.filter(pk=meeting.pk).update(is_shadow=True)
    return queueing.put(
        owner_id=meeting.owner_id,
        by=by,
        connection=meeting.connection,
        action=WriteAction.DELETE,
        container=meeting.container,
        remote_id=meeting.remote_id,
        series_id=meeting.series_id,
    )


def restore(scheduled: ScheduledMeeting, *, by: User, address: str | None = None) -> Write | None:
    """Take a deletion back: the meeting, its event and its link are made anew. Nothing where that is done already."""
    with transaction.atomic():
        scheduled = ScheduledMeeting.objects.select_for_update().get(pk=scheduled.pk)
        if scheduled.deleted_at is None:
            return None
        _audit("meeting.restored_for", scheduled.owner, by, address)
        scheduled.deleted_at, scheduled.deleted_by, scheduled.deleted_there = None, None, False
        scheduled.key, scheduled.is_in_calendar = uuid4(), False
        scheduled.remote_id = scheduled.remote_version = scheduled.remote_uid = scheduled.web_url = ""
        scheduled.host_id = scheduled.join_url = scheduled.meeting_number = scheduled.dial_in = ""
        scheduled.changed_at = timezone.now()
        scheduled.connection = find_writable_connection(scheduled.owner) if scheduled.wants_calendar else None
        scheduled.wants_calendar = scheduled.connection is not None
        scheduled.save()
        scheduled.rows.filter(origin=Origin.CALENDAR).delete()
        make_rows(scheduled)
        return _put_creation(scheduled, by=by)


def keep_theirs(write: Write) -> None:
    """The person chose what stands in the calendar, or gave a change up: what they see is what is there."""
    with transaction.atomic():
        write.state, write.finished_at = WriteState.DROPPED, timezone.now()
        write.save(update_fields=["state", "finished_at"])
        if write.action != WriteAction.DELETE:
            return
        scheduled = write.scheduled
        if scheduled is None:
            rows = Meeting.objects.filter(connection=write.connection_id, container=write.container)
            rows.filter(remote_id=write.remote_id).update(is_shadow=False)
        elif scheduled.deleted_at is not None and write.remote_id == scheduled.remote_id:
            scheduled.deleted_at, scheduled.deleted_by, scheduled.changed_at = None, None, timezone.now()
            scheduled.save(update_fields=["deleted_at", "deleted_by", "changed_at"])
            scheduled.rows.update(is_shadow=False)
            if scheduled.host_id and not write.host_action:
                # Its link has ended already: it gets another.
                queueing.put_for(scheduled, WriteAction.UPDATE, connection=None, host_action=WriteAction.UPDATE)


def write_mine(write: Write) -> None:
    """In a conflict the person chose their own: it is written over what they were shown, and nothing newer."""
    queueing.put_again(write, version=write.theirs_version, base_json=write.theirs_json)


def _audit(action: str, owner: User, by: User, address: str | None) -> None:
    """What somebody does for somebody else is written down, without what it is about."""
    if by.pk != owner.pk:
        record(action, organization=owner.organization, actor=by, subject=owner, address=address)
