"""Reading Google calendars.

Requests are built by Google's own client (resources, parameters, escaping) and sent over the guarded session: the
client's own transport would go round the guard, and cannot be shared between threads.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from googleapiclient.discovery import build

from integrations.errors import Gone, PermissionMissing, Unexpected
from integrations.providers.google.payloads import (
    CALENDAR_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    PRIMARY_CALENDAR,
    WHOLE_EVENT_FIELDS,
    is_gone,
    parse_calendar,
    parse_event,
    parse_whole_event,
)
from integrations.providers.google.responses import NOT_UNDERSTOOD, WORDS, Json, follow_pages
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteCalendar, RemoteEvent, RemoteRef, Window

log = logging.getLogger(__name__)

# Google allows 2,500; a page is what is in memory at once: 250 events of a working life take about 6 MB while read.
_PAGE_SIZE = 250
_EVENT_TYPES = ["default", "outOfOffice", "focusTime", "fromGmail"]
# Beyond this Google sends the person's own entry only, and says that it left the others out.
_MOST_ATTENDEES = 100
_PAGE = {"maxAttendees": _MOST_ATTENDEES, "fields": EVENT_FIELDS, "prettyPrint": False}
LIST_NOT_GRANTED = (
    "Google does not let Portico see the list of your calendars, so only your own one is shown. Reconnect and tick it "
    "there to see the others."
)
NOT_OWNED = (
    "Google does not let Portico use this calendar. It may use those that you own yourself, as far as you allowed it "
    "when you connected."
)


class Fetch(Protocol):
    """Sends a request that Google's client has built. Raises ProviderError.

    `is_write`: what it holds was put together by a person.
    """

    def __call__(self, request: Any, *, has_cursor: bool = False, is_write: bool = False) -> Json: ...


class _NoTransport:
    """Stands where the client wants a transport; it is never asked."""

    def request(self, *_: object, **__: object) -> None:
        raise AssertionError("requests are sent over the guarded session")


@cache
def build_api(name: str, version: str, root: str) -> Any:
    """Google's client for one API at one address. It only builds requests, so it is safe between threads.

    Kept for the life of the process: making it reads a long document and takes longer than asking for a page.
    """
    options = {"api_endpoint": root if root.endswith("/") else f"{root}/"}
    return build(
        name, version, http=_NoTransport(), client_options=options, static_discovery=True, cache_discovery=False
    )


@cache
def events_of(root: str) -> Any:
    return build_api("calendar", "v3", root).events()


@cache
def _calendar_list(root: str) -> Any:
    return build_api("calendar", "v3", root).calendarList()


class ReadableGoogleCalendar:
    """An integrations.providers.base.ReadableCalendar."""

    def __init__(self, fetch: Fetch, *, root: str) -> None:
        self._fetch = fetch
        self._root = root

    def calendars(self) -> tuple[RemoteCalendar, ...]:
        """As in base.ReadableCalendar. Those whose events are hidden from the person are left out.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list
        """

        def fetch(page_token: str | None) -> Json:
            parameters = {"minAccessRole": "reader", "fields": CALENDAR_FIELDS, "prettyPrint": False}
            if page_token:
                parameters["pageToken"] = page_token
            return self._fetch(_calendar_list(self._root).list(**parameters))

        def parse(answer: Json, _: bool) -> list[RemoteCalendar]:
            items = [one for one in answer.get("items", ()) if isinstance(one, dict)]
            return [found for one in items if (found := parse_calendar(one))]

        try:
            found = [one for page in follow_pages(fetch, parse, items="items") for one in page]
        except PermissionMissing as error:
            raise PermissionMissing(LIST_NOT_GRANTED, detail=error.detail) from error
        own = next((one for one in found if not one.id), RemoteCalendar("", "Google Calendar"))
        return (own, *(one for one in found if one.id))

    def changes(self, cursor: str | None, window: Window, *, calendar: str = "") -> Iterator[Delta[RemoteEvent]]:
        """Occurrences, never series. Each page's `gone` holds what was deleted and what left the window.

        A series without an end that is changed comes back with years of occurrences: those outside the window are
        dropped here.

        Reference: https://developers.google.com/workspace/calendar/api/guides/sync

        Raises:
            CursorExpired: list again with None.
            PermissionMissing: also where the calendar is not the person's own.
            Gone: there is no such calendar any more.
            ProviderError: any other of the family.
        """

        def fetch(page_token: str | None) -> Json:
            request = self._build_list(cursor, window, page_token, calendar)
            try:
                return self._fetch(request, has_cursor=cursor is not None)
            except PermissionMissing as error:
                raise _explain(error, calendar) from error

        def parse(answer: Json, is_last: bool) -> Delta[RemoteEvent]:
            return _parse_page(answer, window, calendar, is_last=is_last, is_complete=cursor is None)

        return follow_pages(fetch, parse, items="items")

    def _build_list(self, cursor: str | None, window: Window, page_token: str | None, calendar: str) -> Any:
        # With a sync token Google forbids timeMin and timeMax and wants all else as it was the first time. So
        # showDeleted is left out throughout: with a sync token what was deleted is always listed.
        parameters: dict[str, Any] = {
            "calendarId": calendar or PRIMARY_CALENDAR,
            "singleEvents": True,
            "eventTypes": _EVENT_TYPES,
            **_PAGE,
            "maxResults": _PAGE_SIZE,
        }
        if cursor is None:
            parameters |= _dump_window(window)
        else:
            parameters["syncToken"] = cursor
        if page_token:
            parameters["pageToken"] = page_token
        return events_of(self._root).list(**parameters)

    def read(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar. What was deleted is still there to be read, and says so.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/get
        """
        return parse_read(self._read(ref), ref.container)

    def read_series(self, ref: RemoteRef) -> RemoteEvent:
        """As in base.ReadableCalendar."""
        event = self.read(ref)
        return self.read(RemoteRef(event.series_id, ref.container)) if event.series_id else event

    def _read(self, ref: RemoteRef) -> Json:
        """Raises Gone, ProviderError."""
        request = events_of(self._root).get(**place_of(ref), fields=WHOLE_EVENT_FIELDS, prettyPrint=False)
        try:
            item = self._fetch(request)
        except PermissionMissing as error:
            raise _explain(error, ref.container) from error
        if is_gone(item):
            raise Gone(WORDS.gone, detail="cancelled")
        return item

    def instances(self, ref: RemoteRef, window: Window) -> tuple[RemoteEvent, ...]:
        """As in base.ReadableCalendar.

        Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/instances
        """

        def fetch(page_token: str | None) -> Json:
            parameters = {**place_of(ref), **_dump_window(window), **_PAGE, "maxResults": _PAGE_SIZE}
            if page_token:
                parameters["pageToken"] = page_token
            return self._fetch(events_of(self._root).instances(**parameters))

        def parse(answer: Json, _: bool) -> tuple[RemoteEvent, ...]:
            return _parse_items(answer, window, ref.container)[0]

        found = tuple(one for page in follow_pages(fetch, parse, items="items") for one in page)
        if not found:
            self._read(ref)  # A series that is gone lists nothing either.
        return found


def place_of(ref: RemoteRef) -> dict[str, str]:
    return {"calendarId": ref.container or PRIMARY_CALENDAR, "eventId": ref.id}


def _explain(error: PermissionMissing, calendar: str) -> PermissionMissing:
    return PermissionMissing(NOT_OWNED, detail=error.detail) if calendar else error


def _dump_window(window: Window) -> dict[str, str]:
    # timeMin excludes what ends at that very moment, and with it an event of no length there.
    return {
        "timeMin": _dump_moment(window.starts - timedelta(seconds=1)),
        "timeMax": _dump_moment(window.ends + timedelta(seconds=1 if window.ends.microsecond else 0)),
    }


def _dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parse_page(
    answer: Json, window: Window, calendar: str = "", *, is_last: bool, is_complete: bool
) -> Delta[RemoteEvent]:
    """Raises Unexpected where the last page has no sync token."""
    changed, gone, outside = _parse_items(answer, window, calendar)
    if not is_complete:
        gone += outside
    return Delta(changed, gone, parse_cursor(answer) if is_last else None, is_complete and is_last)


def _parse_items(
    answer: Json, window: Window, calendar: str
) -> tuple[tuple[RemoteEvent, ...], tuple[str, ...], tuple[str, ...]]:
    """Events in the window, ids of what was deleted, and ids of what lies outside."""
    held: list[RemoteEvent] = []
    gone: list[str] = []
    outside: list[str] = []
    nameless = 0
    for item in answer.get("items", ()):
        if not isinstance(item, dict) or not (remote_id := item.get("id")) or not isinstance(remote_id, str):
            nameless += 1
            continue
        if is_gone(item):
            gone.append(remote_id)
            continue
        try:
            event = parse_event(item, calendar)
        except (TypeError, AttributeError, KeyError):
            event = parse_event(salvage(item, EVENT_TYPES), calendar)
        if window.holds(event):
            held.append(event)
        else:
            outside.append(remote_id)
    if nameless:
        log.warning("Google listed %d events without an id; they are left out", nameless)
    return tuple(held), tuple(gone), tuple(outside)


def parse_read(item: Json, calendar: str) -> RemoteEvent:
    """Raises Unexpected where it is nothing that could have been asked for."""
    if not isinstance(item.get("id"), str) or not item["id"]:
        raise Unexpected(NOT_UNDERSTOOD, detail="an event without an id")
    try:
        return parse_whole_event(item, calendar)
    except (TypeError, AttributeError, KeyError):
        return parse_whole_event(salvage(item, EVENT_TYPES), calendar)


def parse_cursor(answer: Json) -> str:
    """The sync token of a list's last page.

    Raises:
        Unexpected: there is none, so there would be no way to go on from here.
    """
    token = answer.get("nextSyncToken")
    if not token or not isinstance(token, str):
        raise Unexpected(NOT_UNDERSTOOD, detail="the last page has no sync token")
    return token
