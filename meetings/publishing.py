"""A person's meetings as iCalendar, for programs that subscribe to them.

What leaves Portico this way is what one may pass on: of a private event of somebody else its time alone, links without
the parts that are one recipient's, and no description or attendees.

Reference: RFC 5545; RFC 7986 (NAME, REFRESH-INTERVAL)
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from icalendar import Calendar, Event

from meetings.joining import choose_join
from meetings.models import Meeting, MeetingQuerySet
from meetings.reader import ME, Filters, Reader, name_of, narrow
from meetings.surroundings import Twins
from meetings.visibility import Relation, Visible, view_of

FORMAT = 1
"""One more when the same meetings are written otherwise."""
AT_ONCE = 500
REFRESH = timedelta(minutes=15)
_END = b"END:VCALENDAR\r\n"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TIMES = ("pk", "owner_id", "starts", "ends", "starts_on", "ends_on")
_DETAILS = (
    "is_private", "title", "status", "response", "is_free", "location", "links_json", "uid", "meeting_number",
)  # fmt: skip


def list_events(reader: Reader, *, with_delegated: bool) -> MeetingQuerySet:
    """From as many days back as are read of calendars. Declined meetings and those without a time are left out."""
    since = reader.clock.midnight(reader.clock.today - timedelta(days=settings.SYNC["days_back"]))
    return _narrow(reader, with_delegated).filter(ends__gte=since).order_by("starts", "pk")


def _narrow(reader: Reader, with_delegated: bool) -> MeetingQuerySet:
    return narrow(reader, Filters(host="" if with_delegated else ME))


def find_etag(reader: Reader, *, with_delegated: bool) -> str:
    """Differs when something else would be written. Weak: what is written names the moment of writing."""
    sights = reader.circle.sights if with_delegated else [reader.circle.own]
    hidden = {one.owner_id for one in sights if one.hides_private}
    names = [(one.user.pk, name_of(one.user)) for one in reader.circle.owners] if with_delegated else []
    about = (FORMAT, settings.PUBLIC_URL, str(reader.clock.zone), with_delegated, sights, names)
    digest = hashlib.blake2b(repr((about, sorted(reader.standing.policy.join_services))).encode(), digest_size=16)
    rows = list_events(reader, with_delegated=with_delegated).values_list(*_TIMES, *_DETAILS)
    for row in rows.iterator(chunk_size=AT_ONCE):
        is_hidden = row[1] in hidden and row[len(_TIMES)]
        digest.update(repr(row[: len(_TIMES)] if is_hidden else row).encode(errors="replace"))
    return f'W/"{digest.hexdigest()}"'


def write(reader: Reader, *, with_delegated: bool) -> Iterator[bytes]:
    """The whole calendar, event by event; memory does not grow with it."""
    yield _make_calendar(reader).to_ical().removesuffix(_END)
    listed = list_events(reader, with_delegated=with_delegated).for_list().iterator(chunk_size=AT_ONCE)
    for _, together in groupby(listed, key=lambda one: one.starts):
        meetings = list(together)
        twins = Twins(reader, meetings if with_delegated else [])
        for meeting in meetings:
            if twins.is_shown(meeting):
                yield _make_event(reader, meeting).to_ical()
    yield _END


def _make_calendar(reader: Reader) -> Calendar:
    calendar = Calendar()
    name = f"Meetings of {_clean(reader.user.label)}"
    calendar.add("prodid", "-//Portico//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", str(reader.clock.zone))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    return calendar


def _make_event(reader: Reader, meeting: Meeting) -> Event:
    owner = reader.find_owner(meeting.owner_id)
    seen = view_of(meeting, Relation.DELEGATE if reader.is_hidden(meeting) else Relation.PRIVATE_DELEGATE)
    title = _clean(seen.title) or "(no title)"
    event = Event()
    event.add("uid", f"meeting-{seen.pk}@{urlsplit(settings.PUBLIC_URL).hostname}")
    event.add("dtstamp", reader.clock.now.astimezone(UTC))
    begins, ends = _find_times(seen)
    event.add("dtstart", begins)
    event.add("dtend", ends)
    event.add("summary", f"{_clean(name_of(owner.user))}: {title}" if owner else title)
    event.add("status", _say_status(seen))
    event.add("transp", "TRANSPARENT" if seen.is_free else "OPAQUE")
    event.add("class", "PRIVATE" if seen.is_private else "PUBLIC")
    if not seen.is_hidden:
        _add_details(event, reader, seen)
    return event


def _add_details(event: Event, reader: Reader, seen: Visible) -> None:
    place = " ".join(_clean(seen.location).split())
    if place:
        event.add("location", place)
    link = None if seen.is_cancelled else choose_join(tuple(seen.links), reader.standing.policy.join_services)
    page = settings.PUBLIC_URL + reverse("meetings:detail", args=[seen.pk])
    lines = [f"In Portico: {page}"]
    if link is not None:
        url = "".join(_clean(link.url).split())
        event.add("url", url)
        lines.insert(0, f"Join: {url}")
    event.add("description", "\n".join(lines))


def _find_times(seen: Visible) -> tuple[date | datetime, date | datetime]:
    """Days for what takes whole days, the end exclusive; else moments in UTC."""
    if seen.starts_on is not None:
        return seen.starts_on, seen.ends_on
    return seen.starts.astimezone(UTC), seen.ends.astimezone(UTC)


def _say_status(seen: Visible) -> str:
    if seen.is_cancelled:
        return "CANCELLED"
    return "TENTATIVE" if "tentative" in (seen.status, seen.response) else "CONFIRMED"


def _clean(text: Any) -> str:
    """Without characters that no line of iCalendar may hold."""
    return _CONTROLS.sub("", str(text))
