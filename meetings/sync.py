"""Calendars into meetings: a page of the provider's changes becomes rows, and what is odd about them a sentence."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from integrations.models import Connection
from integrations.outgoing import is_signed_in_anew
from integrations.permissions import Permission
from integrations.policy_models import policy_for
from integrations.providers.base import Account
from integrations.pulling import Counts, Writing
from integrations.remote import Delta, EventStatus, RemoteEvent, Window
from integrations.upserting import upsert
from meetings import calendars, merging, queueing
from meetings.bodies import to_text
from meetings.cleaning import clean_event, is_clean, is_clean_text
from meetings.host_settings import find_room_templates
from meetings.joining import find_links
from meetings.models import Meeting, MeetingQuerySet, Origin, dump_json, number_of
from meetings.spans import ENDS_BEFORE_START, FAR_AWAY, NO_START, read_times

DERIVATION = "2"
"""Part of every row's stamp. Count on where rows are made otherwise: the next complete listing makes them anew."""

MOST_ATTENDEES = 200
LONGEST_TITLE = 1_000
LONGEST_LOCATION = 2_000
LONGEST_ID = 1_024
LONGEST_VERSION = 255
LONGEST_URL = 4_000

NOTES = {
    NO_START: "Events without a time, listed under “Without a time”: {count}",
    ENDS_BEFORE_START: "Events that end before they start, shown with their start: {count}",
    FAR_AWAY: "Events at the far end of the calendar, shown there: {count}",
}
UNUSABLE_ID = "Events left out because their id is empty, too long or damaged: {count}"

COLUMNS = (
    "owner_id",
    "connection_id",
    "origin",
    "scheduled_id",
    "is_shadow",
    "meeting_number",
    "remote_id",
    "container",
    "version",
    "stamp",
    "uid",
    "series_id",
    "title",
    "starts",
    "ends",
    "starts_on",
    "ends_on",
    "timezone",
    "status",
    "kind",
    "is_private",
    "is_free",
    "organizer_name",
    "organizer_email",
    "is_organizer",
    "response",
    "attendees_json",
    "attendee_count",
    "attendees_omitted",
    "location",
    "body_text",
    "body_shortened",
    "web_url",
    "links_json",
    "join_services",
    "problem",
    "search_text",
)


class CalendarFeed:
    """`settings.FEEDS["calendar"]`; see integrations.pulling.Feed. A container is a RemoteCalendar.id."""

    permission = Permission.CALENDAR_READ
    relist_after = timedelta(days=1)
    """The window moves on by whole days, and a provider's cursor does not move with it."""

    def prepare(self, account: Account, connection: Connection, *, writing: Writing) -> list[str]:
        if is_signed_in_anew(connection):
            with writing():
                queueing.take_up_again(connection)
        return calendars.refresh_calendars(account, connection, writing=writing)

    def containers(self, connection: Connection) -> list[str]:
        """The account's own calendar, which is written to as well, then the others that its person wants shown."""
        return calendars.find_containers(connection)

    def names(self, connection: Connection) -> Mapping[str, str]:
        return calendars.find_names(connection)

    def changes(
        self, account: Account, cursor: str | None, window: Window, container: str
    ) -> Iterator[Delta[RemoteEvent]]:
        return account.calendar.changes(cursor, window, calendar=container)

    def apply(self, connection: Connection, delta: Delta[RemoteEvent], container: str = "") -> Counts:
        """Write one page. A row whose stamp is still the same is left alone."""
        counts, oddities = Counts(), Counter[str]()
        gone = {remote_id for remote_id in delta.gone if is_usable(remote_id)}
        events: dict[str, RemoteEvent] = {}
        for event in delta.changed:
            if not is_usable(event.ref.id):
                oddities[UNUSABLE_ID] += 1
            elif is_remnant(event):
                gone.add(event.ref.id)
            else:
                events[event.ref.id] = event
        gone.difference_update(events)
        doomed: list[MeetingQuerySet] = []
        rows = _of(connection, container)
        if gone:
            doomed += [rows.filter(remote_id__in=gone), *_find_strays(rows, gone, left=events)]
        if delta.series:
            doomed += _find_strays(rows, delta.series, left=events)
        if events:
            self._write(connection, container, events, counts, oddities)
        counts.removed = _delete(connection, doomed)
        counts.notes = [NOTES.get(oddity, oddity).format(count=count) for oddity, count in oddities.items() if oddity]
        return counts

    def _write(
        self,
        connection: Connection,
        container: str,
        events: dict[str, RemoteEvent],
        counts: Counts,
        oddities: Counter[str],
    ) -> None:
        maker = RowMaker(connection, container, events.values())
        held = dict(_of(connection, container).filter(remote_id__in=events).values_list("remote_id", "stamp"))
        rows = []
        for remote_id, event in events.items():
            stamp = maker.stamp_of(event)
            if held.get(remote_id) != stamp:
                row = maker.make_row(event, stamp)
                oddities[row[PROBLEM]] += 1
                rows.append(row)
                if remote_id in held:
                    counts.changed += 1
        counts.added = len(rows) - counts.changed
        upsert(Meeting, COLUMNS, rows, key=("connection", "container", "remote_id"))
        maker.matcher.follow()

    def count(self, connection: Connection, container: str | None = None) -> int:
        rows = Meeting.objects.filter(connection=connection)
        return (rows if container is None else rows.filter(container=container)).count()

    def count_unsaved(self, connection: Connection) -> int:
        return 0  # what is scheduled here stays

    def held(self, connection: Connection, container: str = "") -> Iterator[str]:
        return _of(connection, container).values_list("remote_id", flat=True).iterator()

    def discard(self, connection: Connection, remote_ids: Collection[str], container: str = "") -> int:
        return _delete(connection, [_of(connection, container).filter(remote_id__in=list(remote_ids))])

    def lose(self, connection: Connection, container: str) -> int:
        return calendars.lose_calendar(connection, container)

    def erase(self, connection: Connection, container: str | None = None) -> int:
        """Forget what was read; what was scheduled here stays, as ours alone where nothing is left to be read."""
        if container is not None:
            return calendars.erase_calendar(connection, container)
        merging.part(connection)
        return calendars.erase_calendars(connection)


def _of(connection: Connection, container: str) -> MeetingQuerySet:
    return Meeting.objects.filter(connection=connection, container=container)


def _find_strays(rows: MeetingQuerySet, series: Collection[str], *, left: Collection[str]) -> list[MeetingQuerySet]:
    """The occurrences of these series that are not among those `left`, and what each was before it was a series."""
    held = rows.filter(Q(series_id__in=series) | Q(remote_id__in=series)).values_list("pk", "remote_id")
    strays = [pk for pk, remote_id in held if remote_id not in left]
    return [Meeting.objects.filter(pk__in=strays)] if strays else []


def _delete(connection: Connection, doomed: Sequence[MeetingQuerySet]) -> int:
    """Delete rows, and have what was scheduled here follow where that was the last of it."""
    ours: set[int] = set()
    removed = 0
    for rows in doomed:
        ours.update(pk for pk in rows.filter(scheduled__isnull=False).values_list("scheduled_id", flat=True) if pk)
        removed += rows.delete()[0]
    if ours:
        merging.follow_removal(ours)
    return removed


def is_usable(remote_id: str) -> bool:
    """Whether an id can be kept, and looked up by an index of every database."""
    return is_clean_text(remote_id) and 0 < len(remote_id.encode()) <= LONGEST_ID


def is_remnant(event: RemoteEvent) -> bool:
    """A cancelled event of which the provider sends no content any more. One with content is shown as cancelled."""
    return event.status is EventStatus.CANCELLED and event.starts is None and event.starts_on is None


Texts = tuple[str, str, str, bool, str, str]
"""links_json, join_services, body_text, body_shortened, meeting_number, the best link's URL."""


class RowMaker:
    """Rows of one page. Called for each of thousands of events: what is the same for all is looked up once."""

    def __init__(self, connection: Connection, container: str, events: Collection[RemoteEvent]) -> None:
        self.connection_id = connection.pk
        self.container = container
        self.matcher = merging.Matcher(connection, events)
        self.owner_id = connection.user_id
        self.zone: tzinfo = connection.user.zone
        self.vanity_hosts = policy_for(connection.user).vanity_hosts
        self.own_hosts = frozenset({urlsplit(settings.PUBLIC_URL).netloc})
        self.room_templates = find_room_templates(connection.user.organization)
        hosts = sorted(self.vanity_hosts), sorted(self.own_hosts), sorted(self.room_templates)
        made_from = repr((DERIVATION, str(self.zone), *hosts))
        self.prefix = blake2b(made_from.encode(), digest_size=6).hexdigest() + ":"
        self._texts: dict[tuple[Any, ...], Texts] = {}

    def stamp_of(self, event: RemoteEvent) -> str:
        """Equal stamps, equal rows: the provider's version and everything else that goes into a row.

        So a new vanity host, zone or way of finding links reaches every row with the next complete listing.
        """
        version = event.ref.version
        if 0 < len(version) <= LONGEST_VERSION and is_clean_text(version):
            return self.prefix + version
        return self.prefix + blake2b(repr(event).encode(errors="replace"), digest_size=16).hexdigest()

    def make_row(self, event: RemoteEvent, stamp: str) -> Sequence[Any]:
        """The values of COLUMNS."""
        attendees = event.attendees
        kept = attendees if len(attendees) <= MOST_ATTENDEES else _choose_attendees(event)
        if not is_clean(event, kept):
            event, kept = clean_event(event, kept)
        starts, ends, starts_on, ends_on, problem = read_times(event, self.zone)
        links_json, join_services, body_text, body_shortened, number, join_url = self._read_texts(event)
        scheduled_id, is_shadow = self.matcher.match(event, starts, ends, join_url)
        title, location = shorten(event.title, LONGEST_TITLE), shorten(event.location, LONGEST_LOCATION)
        words = [title, location, event.organizer_name, event.organizer_email]
        for one in kept:
            words += one.name, one.email
        return (
            self.owner_id,
            self.connection_id,
            Origin.CALENDAR.value,
            scheduled_id,
            is_shadow,
            number,
            event.ref.id,
            self.container,
            event.ref.version[:LONGEST_VERSION],
            stamp,
            event.uid[:LONGEST_ID],
            event.series_id[:LONGEST_ID],
            title,
            starts,
            ends,
            starts_on,
            ends_on,
            event.timezone[:64],
            event.status.value,
            event.kind[:30],
            event.is_private,
            event.is_free,
            event.organizer_name[:255],
            event.organizer_email[:320],
            event.is_organizer,
            event.response.value,
            dump_json(kept) if kept else "[]",
            len(attendees),
            event.attendees_omitted or len(attendees) > len(kept),
            location,
            body_text,
            body_shortened,
            event.web_url if len(event.web_url) <= LONGEST_URL else "",
            links_json,
            join_services,
            problem,
            "\n".join(words).casefold(),
        )

    def _read_texts(self, event: RemoteEvent) -> Texts:
        """Read once for all occurrences of a series on a page: most of a calendar says the same thing every week."""
        said = event.conference, event.url, event.location, event.body
        texts = self._texts.get(said)
        if texts is None:
            links = find_links(
                conference=event.conference,
                url=event.url,
                location=event.location,
                body=event.body,
                own_hosts=self.own_hosts,
                vanity_hosts=self.vanity_hosts,
                room_templates=self.room_templates,
            )
            services = dict.fromkeys(one.service for one in links if one.kind == "join")
            body_text, body_shortened = to_text(event.body) if event.body else ("", False)
            texts = (
                dump_json(links) if links else "[]",
                f" {' '.join(services)} " if services else "",
                body_text,
                body_shortened,
                number_of(links),
                next((one.url for one in links if one.kind == "join"), ""),
            )
            self._texts[said] = texts
        return texts


PROBLEM = COLUMNS.index("problem")


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _choose_attendees(event: RemoteEvent) -> tuple[Any, ...]:
    """The first of too many, but never without the reader and the organizer."""
    ordered = sorted(event.attendees, key=lambda one: not (one.is_self or one.is_organizer))
    return tuple(ordered[:MOST_ATTENDEES])
