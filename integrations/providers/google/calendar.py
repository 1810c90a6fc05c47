"""Reading a Google calendar.

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

from integrations.errors import Unexpected
from integrations.providers.google.payloads import (
    EVENT_FIELDS,
    EVENT_TYPES,
    PRIMARY_CALENDAR,
    is_gone,
    parse_event,
)
from integrations.providers.google.responses import NOT_UNDERSTOOD, Json, follow_pages
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteEvent, Window

log = logging.getLogger(__name__)

# Google allows 2,500; a page is what is in memory at once: 250 events of a working life take about 6 MB while read.
_PAGE_SIZE = 250
_EVENT_TYPES = ["default", "outOfOffice", "focusTime", "fromGmail"]
# Beyond this Google sends the person's own entry only, and says that it left the others out.
_MOST_ATTENDEES = 100


class Fetch(Protocol):
    """Sends a request that Google's client has built. Raises ProviderError."""

    def __call__(self, request: Any, *, has_cursor: bool = False) -> Json: ...


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
def _events(root: str) -> Any:
    return build_api("calendar", "v3", root).events()


class GoogleCalendar:
    """The person's primary calendar: an integrations.providers.base.Calendar."""

    def __init__(self, fetch: Fetch, *, root: str) -> None:
        self._fetch = fetch
        self._root = root

    def changes(self, cursor: str | None, window: Window) -> Iterator[Delta[RemoteEvent]]:
        """Occurrences, never series. Each page's `gone` holds what was deleted and what left the window.

        A series without an end that is changed comes back with years of occurrences: those outside the window are
        dropped here.

        Reference: https://developers.google.com/workspace/calendar/api/guides/sync

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """

        def fetch(page_token: str | None) -> Json:
            return self._fetch(self._build_list(cursor, window, page_token), has_cursor=cursor is not None)

        def parse(answer: Json, is_last: bool) -> Delta[RemoteEvent]:
            return _parse_page(answer, window, is_last=is_last, is_complete=cursor is None)

        return follow_pages(fetch, parse, items="items")

    def _build_list(self, cursor: str | None, window: Window, page_token: str | None) -> Any:
        # With a sync token Google forbids timeMin and timeMax and wants all else as it was the first time. So
        # showDeleted is left out throughout: with a sync token what was deleted is always listed.
        parameters: dict[str, Any] = {
            "calendarId": PRIMARY_CALENDAR,
            "singleEvents": True,
            "eventTypes": _EVENT_TYPES,
            "maxAttendees": _MOST_ATTENDEES,
            "maxResults": _PAGE_SIZE,
            "fields": EVENT_FIELDS,
            "prettyPrint": False,
        }
        if cursor is None:
            # timeMin excludes what ends at that very moment, and with it an event of no length there.
            parameters["timeMin"] = _dump_moment(window.starts - timedelta(seconds=1))
            parameters["timeMax"] = _dump_moment(window.ends + timedelta(seconds=1 if window.ends.microsecond else 0))
        else:
            parameters["syncToken"] = cursor
        if page_token:
            parameters["pageToken"] = page_token
        return _events(self._root).list(**parameters)


def _dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parse_page(answer: Json, window: Window, *, is_last: bool, is_complete: bool) -> Delta[RemoteEvent]:
    """Raises Unexpected where the last page has no sync token."""
    changed: list[RemoteEvent] = []
    gone: list[str] = []
    nameless = 0
    for item in answer.get("items", ()):
        if not isinstance(item, dict) or not (remote_id := item.get("id")) or not isinstance(remote_id, str):
            nameless += 1
            continue
        if is_gone(item):
            gone.append(remote_id)
            continue
        try:
            event = parse_event(item)
        except (TypeError, AttributeError, KeyError):
            event = parse_event(salvage(item, EVENT_TYPES))
        if window.holds(event):
            changed.append(event)
        elif not is_complete:
            gone.append(remote_id)
    if nameless:
        log.warning("Google listed %d events without an id; they are left out", nameless)
    return Delta(tuple(changed), tuple(gone), parse_cursor(answer) if is_last else None, is_complete and is_last)


def parse_cursor(answer: Json) -> str:
    """The sync token of a list's last page.

    Raises:
        Unexpected: there is none, so there would be no way to go on from here.
    """
    token = answer.get("nextSyncToken")
    if not token or not isinstance(token, str):
        raise Unexpected(NOT_UNDERSTOOD, detail="the last page has no sync token")
    return token
