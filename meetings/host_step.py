"""A write's step at the meeting host. It comes before the calendar's, since the event names the link."""

import logging
from typing import Literal

from django.db import transaction

from integrations import errors
from meetings import queueing
from meetings.attempts import has_asked, is_overtaken, note_asked
from meetings.host_settings import find_host
from meetings.hosting import HostedMeeting, OpenHost
from meetings.intended import host_draft
from meetings.models import ScheduledMeeting, Write
from meetings.rows import redescribe
from meetings.scheduling_models import WriteAction

log = logging.getLogger(__name__)


def carry_to_host(write: Write) -> None:
    """Raises ProviderError."""
    scheduled = write.scheduled
    if not write.host_action or scheduled is None:
        return
    is_wanted = scheduled.deleted_at is None or write.host_action == WriteAction.DELETE
    if (is_overtaken(write, scheduled) or not is_wanted) and not has_asked(write, "host"):
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
            lost = opened.create(host_draft(scheduled), user=scheduled.owner.email, key=write.key_hex)
            opened.delete(lost.id, _kind_at_host(scheduled))
            _note_host(write)
            return
        hosted = _make_at_host(write, scheduled, opened)
    with transaction.atomic():
        _take_from_host(scheduled, hosted)
        _note_host(write)


def _make_at_host(write: Write, scheduled: ScheduledMeeting, opened: OpenHost) -> HostedMeeting:
    draft = host_draft(scheduled)
    if write.host_action == WriteAction.UPDATE and scheduled.host_id:
        try:
            return opened.update(scheduled.host_id, draft)
        except errors.Gone:
            log.info("Scheduled meeting %s is gone at its host: it is made anew", scheduled.pk)
    note_asked(write, "host")
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


def _note_host(write: Write) -> None:
    write.host_action = ""
    write.save(update_fields=["host_action"])
