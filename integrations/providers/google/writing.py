"""Writing to Google calendars: one request for a change, and before it one that reads what is there.

Those invited hear of it by Google's own mails (`sendUpdates`).

Reference: https://developers.google.com/workspace/calendar/api/guides/create-events and
https://developers.google.com/workspace/calendar/api/guides/recurringevents
"""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected
from integrations.providers.drafts import is_written, keep_zone, nearest_day
from integrations.providers.google.calendar import NOT_OWNED, ReadableGoogleCalendar, events_of, parse_read, place_of
from integrations.providers.google.drafts import dump_changes, dump_event
from integrations.providers.google.payloads import PRIMARY_CALENDAR, WHOLE_EVENT_FIELDS, find_first
from integrations.providers.google.responses import WORDS, Json
from integrations.providers.google.rules import Beyond, end_lines
from integrations.remote import EventDraft, RemoteEvent, RemoteRef

Change = Callable[[Json, RemoteEvent], dict[str, Any] | None]
"""The body that changes an event, made of how it stands there; None where nothing is left to do."""

_MOST_TRIES = 3
_ANSWERS: dict[str, Any] = {"sendUpdates": "all", "fields": WHOLE_EVENT_FIELDS, "prettyPrint": False}
DELETED_MEANWHILE = "This was deleted at Google meanwhile, so it was not made again."
NOT_A_SERIES = "This is not a series any more."
NOT_ENDED = "This series cannot end there: nothing would be left of it, or it repeats in a way Portico does not know."


class GoogleCalendar(ReadableGoogleCalendar):
    """An integrations.providers.base.Calendar."""

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        """As in base.Calendar. The key is the event's id, which Google gives to one event only, for ever.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/insert
        """
        body = {"id": key, **dump_event(draft)}
        calendar_id = calendar or PRIMARY_CALENDAR
        request = events_of(self._root).insert(calendarId=calendar_id, body=body, **_ANSWERS)
        try:
            return parse_read(self._write(request, calendar), calendar)
        except Conflict:
            pass
        try:
            return self.read(RemoteRef(key, calendar))
        except Gone as error:
            raise Rejected(DELETED_MEANWHILE, detail="duplicate, cancelled") from error

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        """As in base.Calendar.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/patch
        """

        def change(item: Json, event: RemoteEvent) -> dict[str, Any] | None:
            if is_written(event, draft, fields, seen=ref.version):
                return None
            return dump_changes(item, keep_zone(event, draft, fields), fields)

        return self._change(ref, change)

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        """As in base.Calendar: its rule gets another end, and what else is said of it stays."""

        def change(item: Json, event: RemoteEvent) -> dict[str, Any] | None:
            first, lines = find_first(item), item.get("recurrence")
            if not isinstance(lines, list) or first is None:
                raise Rejected(NOT_A_SERIES, detail="no recurrence")
            moment = datetime.combine(nearest_day(before), time(), UTC) if first.is_day else before
            try:
                ended = end_lines([str(line) for line in lines], first, moment)
            except (Beyond, OverflowError) as error:
                raise Rejected(NOT_ENDED, detail="a recurrence beyond ours") from error
            return None if ended is None else {"recurrence": ended}

        return self._change(ref, change)

    def delete(self, ref: RemoteRef) -> None:
        """As in base.Calendar.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/delete
        """
        try:
            self._write(events_of(self._root).delete(**place_of(ref), sendUpdates="all"), ref.container)
        except Gone:
            return

    def _change(self, ref: RemoteRef, change: Change) -> RemoteEvent:
        """Read what is there, and write what `change` makes of it; None is nothing.

        Raises:
            Conflict, Gone, Rejected, ProviderError
        """
        for left in reversed(range(_MOST_TRIES)):
            item = self._read(ref)
            event = parse_read(item, ref.container)
            body = change(item, event)
            if body is None:
                return event
            if ref.version not in ("", event.ref.version):
                raise Conflict(WORDS.changed, detail="another etag")
            request = events_of(self._root).patch(**place_of(ref), body=body, **_ANSWERS)
            if event.ref.version:
                request.headers["If-Match"] = event.ref.version
            try:
                return parse_read(self._write(request, ref.container), ref.container)
            except Conflict:
                # Between reading and writing: of no interest to who writes whatever is there.
                if ref.version or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _write(self, request: Any, calendar: str) -> Json:
        try:
            return self._fetch(request, is_write=True)
        except PermissionMissing as error:
            raise PermissionMissing(NOT_OWNED, detail=error.detail) if calendar else error from error
