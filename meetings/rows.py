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
from organizations.models import User


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
    return {
        "owner": owner,
        "origin": Origin.HERE,
        "scheduled": scheduled,
        "timezone": scheduled.timezone,
        "series_id": series_id_of(scheduled) if scheduled.recurrence_json else "",
        "is_private": scheduled.is_private,
        "is_shadow": scheduled.deleted_at is not None,
        "organizer_name": owner.name,
        "organizer_email": owner.email,
        "is_organizer": True,
        **Words(scheduled).say(scheduled.topic, scheduled.description, with_organizer(owner, scheduled.invitees)),
    }


def with_organizer(owner: User, invitees: tuple[Attendee, ...]) -> tuple[Attendee, ...]:
    """Who takes part, where anybody does beside the owner."""
    return (Attendee(owner.email, owner.name, is_organizer=True, is_self=True), *invitees) if invitees else ()


class Words:
    """What the rows of one scheduled meeting say; what is the same for all of them is looked up once."""

    def __init__(self, scheduled: ScheduledMeeting) -> None:
        self.scheduled = scheduled
        self.owner = scheduled.owner
        self.own_hosts = frozenset({urlsplit(settings.PUBLIC_URL).netloc})
        self.vanity_hosts = policy_for(self.owner).vanity_hosts
        self.room_templates = find_room_templates(self.owner.organization)

    def say(self, topic: str, description: str, attendees: tuple[Attendee, ...]) -> dict[str, Any]:
        links = find_links(
            conference=[self.scheduled.join_url] if self.scheduled.join_url else [],
            body=description,
            own_hosts=self.own_hosts,
            vanity_hosts=self.vanity_hosts,
            room_templates=self.room_templates,
        )
        services = dict.fromkeys(one.service for one in links if one.kind == "join")
        people = [self.owner.name, self.owner.email, *_names(one for one in attendees if not one.is_self)]
        return {
            "title": topic,
            "attendees_json": dump_json(attendees) if attendees else "[]",
            "attendee_count": len(attendees),
            "body_text": description,
            "links_json": dump_json(links) if links else "[]",
            "join_services": f" {' '.join(services)} " if services else "",
            "meeting_number": self.scheduled.meeting_number or number_of(links),
            "search_text": "\n".join([topic, *people]).casefold(),
        }


def redescribe(scheduled: ScheduledMeeting, fields: frozenset[str] = frozenset()) -> None:
    """Have the rows that are there lead where it is joined now, and say these DRAFT_FIELDS as it does.

    Their times stay, and what else was changed in one of them.
    """
    words, people = Words(scheduled), with_organizer(scheduled.owner, scheduled.invitees)
    rows = list(scheduled.rows.filter(origin=Origin.HERE))
    changed: dict[str, Any] = {}
    for row in rows:
        changed = words.say(
            scheduled.topic if "title" in fields else row.title,
            scheduled.description if "body" in fields else row.body_text,
            people if "attendees" in fields else row.attendees,
        )
        for name, value in changed.items():
            setattr(row, name, value)
    if rows:
        Meeting.objects.bulk_update(rows, list(changed))


def _names(attendees: Iterable[Attendee]) -> list[str]:
    return [text for one in attendees for text in (one.name, one.email)]
