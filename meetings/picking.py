"""What the calendars picker shows: each calendar of the account, and how reading it stands."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.forms import BoundField
from django.utils import timezone

from integrations.models import Connection, SyncCursor
from integrations.permissions import Permission
from integrations.standing import Standing, find_standing
from meetings.calendar_forms import CalendarsForm
from meetings.calendars import FEED, OWN
from meetings.models import Meeting
from meetings.scheduling_models import AccountCalendar, CalendarList
from organizations.models import User

STALE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Row:
    """One calendar of the list."""

    calendar: AccountCalendar
    cursor: SyncCursor | None
    count: int
    """Meetings of it that are held here."""

    @property
    def is_main(self) -> bool:
        return self.calendar.remote_id == OWN

    @property
    def state(self) -> str:
        """ "hidden", "trouble", "unread" or "read"."""
        if not self.calendar.is_shown and not self.is_main:
            return "hidden"
        if self.cursor is not None and self.cursor.error_code:
            return "trouble"
        return "read" if self.cursor is not None and self.cursor.listed_at else "unread"


@dataclass(frozen=True, slots=True)
class Boxed:
    """A row with what can be ticked and chosen beside it."""

    row: Row
    shown: BoundField
    color: BoundField


@dataclass(frozen=True, slots=True)
class Picker:
    standing: Standing
    listing: CalendarList | None
    rows: Sequence[Row]

    @property
    def calendars(self) -> list[AccountCalendar]:
        return [row.calendar for row in self.rows]

    @property
    def calendar_name(self) -> str:
        return self.standing.info.calendar_name if self.standing.info else "Your calendar service"

    @property
    def service(self) -> str:
        return self.standing.info.name if self.standing.info else "your calendar service"

    @property
    def is_listed(self) -> bool:
        """Whether the provider has said which calendars there are."""
        return bool(self.rows)

    @property
    def needs_consent(self) -> bool:
        """The list may not be read: an older consent did not ask for it."""
        return self.listing is not None and self.listing.error_code == "permission_missing"

    @property
    def is_stale(self) -> bool:
        """Whether the list is worth another look, now that somebody looks at it."""
        checked = self.listing.checked_at if self.listing else None
        return checked is None or timezone.now() - checked > STALE_AFTER

    @property
    def is_reading(self) -> bool:
        """Something that is ticked is being read for the first time."""
        return self.standing.is_running and any(row.state == "unread" for row in self.rows)

    @property
    def pulse(self) -> str:
        """Changes whenever there is another list to show, apart from how reading it stands."""
        rows = [(one.pk, one.name, one.color, one.is_writable, one.is_own, one.is_shown) for one in self.calendars]
        seen = (rows, self.listing and self.listing.error_code, self.standing.lacks)
        return hashlib.sha256(repr(seen).encode(errors="replace")).hexdigest()[:16]

    def with_boxes(self, form: CalendarsForm) -> list[Boxed]:
        return [Boxed(row, form[f"shown-{row.calendar.pk}"], form[f"color-{row.calendar.pk}"]) for row in self.rows]


def find_picker(user: User) -> Picker:
    standing = find_standing(user, permission=Permission.CALENDAR_READ, feed=FEED)
    connection = standing.connection
    if connection is None or standing.lacks:
        return Picker(standing, None, ())
    listing = CalendarList.objects.filter(connection=connection).first()
    return Picker(standing, listing, _find_rows(connection))


def _find_rows(connection: Connection) -> list[Row]:
    cursors = {one.container: one for one in connection.cursors.filter(feed=FEED)}
    held = Meeting.objects.filter(connection=connection).order_by().values_list("container")
    counts = dict(held.annotate(count=Count("pk")))
    return [
        Row(one, cursors.get(one.remote_id), counts.get(one.remote_id, 0))
        for one in AccountCalendar.objects.filter(connection=connection)
    ]
