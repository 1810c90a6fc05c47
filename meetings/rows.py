"""Rows of our own: what stands for a meeting scheduled here as long as it is in no calendar."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from integrations.policy_models import policy_for
from integrations.remote import Attendee
from meetings.host_settings import find_room_templates
from meetings.joining import find_links
from meetings.models import Meeting, Origin, ScheduledMeeting, dump_json, number_of
from meetings.occurrences import occurrence_starts, series_id_of


def make_rows(scheduled: ScheduledMeeting, *, since: datetime | None = None) -> None:
    """A row for each occurrence (from `since` on), in place of those that are there; each keeps its page."""
    rows = scheduled.rows.filter(origin=Origin.HERE)
    if since is not None:
        rows = rows.filter(original_starts__gte=since)
    held = list(rows.order_by("original_starts", "pk"))
    shared = describe(scheduled)
    wanted = [one for one in occurrence_starts(scheduled) if since is None or one >= since]
    length = timedelta(minutes=scheduled.minutes)
    added = []
    for number, starts in enumerate(wanted):
        values = {**shared, "starts": starts, "ends": starts + length, "original_starts": starts}
        if number >= len(held):
            added.append(Meeting(**values))
        else:
            for name, value in values.items():
                setattr(held[number], name, value)
    Meeting.objects.bulk_update(held[: len(wanted)], [*shared, "starts", "ends", "original_starts"])
    Meeting.objects.filter(pk__in=[row.pk for row in held[len(wanted) :]]).delete()
    Meeting.objects.bulk_create(added)


def describe(scheduled: ScheduledMeeting) -> dict[str, Any]:
    """What every row of it says beside its time."""
    owner = scheduled.owner
    links = find_links(
        conference=[scheduled.join_url] if scheduled.join_url else [],
        body=scheduled.description,
        own_hosts=frozenset({urlsplit(settings.PUBLIC_URL).netloc}),
        vanity_hosts=policy_for(owner).vanity_hosts,
        room_templates=find_room_templates(owner.organization),
    )
    services = dict.fromkeys(one.service for one in links if one.kind == "join")
    organizer = Attendee(owner.email, owner.name, is_organizer=True, is_self=True)
    attendees = (organizer, *scheduled.invitees) if scheduled.invitees else ()
    words = [scheduled.topic, owner.name, owner.email, *_names(attendees)]
    return {
        "owner": owner,
        "origin": Origin.HERE,
        "scheduled": scheduled,
        "title": scheduled.topic,
        "timezone": scheduled.timezone,
        "series_id": series_id_of(scheduled) if scheduled.recurrence_json else "",
        "is_private": scheduled.is_private,
        "is_shadow": scheduled.deleted_at is not None,
        "organizer_name": owner.name,
        "organizer_email": owner.email,
        "is_organizer": True,
        "attendees_json": dump_json(attendees) if attendees else "[]",
        "attendee_count": len(attendees),
        "body_text": scheduled.description,
        "links_json": dump_json(links) if links else "[]",
        "join_services": f" {' '.join(services)} " if services else "",
        "meeting_number": scheduled.meeting_number or number_of(links),
        "search_text": "\n".join(words).casefold(),
    }


def redescribe(scheduled: ScheduledMeeting) -> None:
    """Have the rows that are there say what is new; their times stay, and what was changed in one of them."""
    values = {name: value for name, value in describe(scheduled).items() if name not in ("owner", "scheduled")}
    scheduled.rows.filter(origin=Origin.HERE).update(**values)


def _names(attendees: Iterable[Attendee]) -> list[str]:
    return [text for one in attendees for text in (one.name, one.email)]
