"""Writing to Office 365 calendars by Microsoft Graph.

Graph makes an event once for a transactionId, takes a change only to the version that If-Match names, and tells those
invited by itself. A change is made to what stands there now: it is read first, and what is as it should be already is
not written, so that a write whose answer was lost does nothing, and mails nobody, when it is made again.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/event
"""

from datetime import UTC, datetime, time

from integrations.errors import Conflict, Gone, Rejected, Unexpected, Unreachable
from integrations.providers.drafts import check_zone, keep_zone, nearest_day
from integrations.providers.office365.calendar import Office365Calendar
from integrations.providers.office365.drafts import dump_changes, dump_new, is_unchanged
from integrations.providers.office365.listing import Fetch, dump_marked, items_of, path_of, place_of
from integrations.providers.office365.payloads import WHOLE_EVENT_FIELDS
from integrations.providers.office365.recurrences import end_recurrence, first_of
from integrations.providers.office365.responses import NOT_UNDERSTOOD, WORDS, Json, Repeated, Send
from integrations.remote import EventDraft, RemoteEvent, RemoteRef

NO_SERIES = "This is no series any more, so there is nothing to end."

# Exchange says now and then that something was changed meanwhile where nobody changed anything.
_MOST_TRIES = 3


class Office365WritableCalendar(Office365Calendar):
    """The person's calendars: an integrations.providers.base.Calendar."""

    def __init__(self, fetch: Fetch, send: Send, *, root: str, mailbox: str) -> None:
        super().__init__(fetch, root=root, mailbox=mailbox)
        self._send = send

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        """As in base.Calendar.

        Asked again for just the same, Graph answers with what it made; for something else under the same
        transactionId, with a refusal, and then it is looked up.

        Reference: https://learn.microsoft.com/en-us/graph/api/calendar-post-events
        """
        path = f"{place_of(calendar)}events"
        try:
            made = self._send("POST", path, dump_new(draft, key=key))
        except Repeated:
            made = self._find_made(path, key)
        return self._parse_whole(made, calendar)

    def _find_made(self, path: str, key: str) -> Json:
        """Reference: https://learn.microsoft.com/en-us/graph/api/singlevaluelegacyextendedproperty-get

        Raises:
            ProviderError: Unexpected where it is not to be found (yet).
        """
        found = items_of(self._fetch(f"{self._root}{path}?{dump_marked(key, WHOLE_EVENT_FIELDS)}"))
        if not found:
            raise Unexpected(NOT_UNDERSTOOD, detail="a repeated transactionId, and no event of that key")
        return found[0]

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        """As in base.Calendar.

        Reference: https://learn.microsoft.com/en-us/graph/api/event-update
        """
        for _ in range(_MOST_TRIES):
            item = self._fetch_whole(ref.id)
            event = self._parse_whole(item, ref.container)
            changes = dump_changes(item, event, keep_zone(event, draft, fields), fields, seen=ref.version)
            if not changes:
                return self._with_key(event)
            self._check_version(ref, event)
            try:
                return self._change(ref, event, changes)
            except Conflict:
                continue  # and look whether it is so
        raise Conflict(WORDS.changed, detail="412 each time")

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        """As in base.Calendar. One that ends after so many occurrences ends on a day from then on.

        Reference: https://learn.microsoft.com/en-us/graph/api/resources/recurrencerange
        """
        for _ in range(_MOST_TRIES):
            item = self._fetch_whole(ref.id)
            event = self._parse_whole(item, ref.container)
            first = first_of(event.starts, event.starts_on, event.timezone)
            if not event.is_series or first is None:
                raise Rejected(NO_SERIES, detail="no series master")
            check_zone(event)
            limit = before if event.starts_on is None else datetime.combine(nearest_day(before), time.min, UTC)
            ended = end_recurrence(item.get("recurrence") or {}, *first, before=limit)
            if ended is None:
                return event
            self._check_version(ref, event)
            try:
                return self._change(ref, event, {"recurrence": ended})
            except Conflict:
                continue
        raise Conflict(WORDS.changed, detail="412 each time")

    def delete(self, ref: RemoteRef) -> None:
        """As in base.Calendar. Those invited to what is the person's own are told that it is off.

        Reference: https://learn.microsoft.com/en-us/graph/api/event-delete
        """
        for _ in range(_MOST_TRIES):
            try:
                self._send("DELETE", path_of(ref.id))
            except Gone:
                return
            except Conflict:
                continue
            return
        raise Unreachable(WORDS.unreachable, detail="412 each time")

    def _change(self, ref: RemoteRef, event: RemoteEvent, changes: Json) -> RemoteEvent:
        """Raises ProviderError: Conflict where it is another version by now."""
        answer = self._send("PATCH", path_of(ref.id), changes, version=event.ref.version)
        return self._with_key(self._parse_whole({**answer, "id": ref.id}, ref.container))

    def _check_version(self, ref: RemoteRef, event: RemoteEvent) -> None:
        """The version of an occurrence that was listed without a word of its own is its series', or both.

        Raises:
            Conflict: it is none of those there now.
            ProviderError: any other of the family.
        """
        versions = [event.ref.version]
        if is_unchanged(ref.version, versions):
            return
        if event.series_id:
            master = self._fetch_master(event.series_id, ref.container)
            versions.append(master.ref.version if master else "")
        if not is_unchanged(ref.version, versions):
            raise Conflict(WORDS.changed, detail="another version")
