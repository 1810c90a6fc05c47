"""Where Graph's lists are found, and what they have in common."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlencode

from integrations.errors import Unexpected
from integrations.providers.office365.payloads import KEY_PROPERTY
from integrations.providers.office365.responses import NOT_UNDERSTOOD, Json
from integrations.remote import Window

log = logging.getLogger(__name__)


class Fetch(Protocol):
    """GETs an address of Graph's, one at a time for an account. Raises ProviderError."""

    def __call__(self, url: str, *, page_size: int = 0, has_cursor: bool = False) -> Json: ...


def place_of(calendar: str) -> str:
    """The path below which a calendar's events are."""
    return f"me/calendars/{quote(calendar, safe='')}/" if calendar else "me/"


def path_of(remote_id: str) -> str:
    """The path of an event, whichever calendar it is in."""
    return f"me/events/{quote(remote_id, safe='')}"


def place_of_contacts(folder: str) -> str:
    """The path below which a folder's contacts are; "" for the default one's."""
    return f"me/contactFolders/{quote(folder, safe='')}/contacts" if folder else "me/contacts"


def path_of_contact(remote_id: str) -> str:
    """The path of a contact, whichever folder it is in."""
    return f"me/contacts/{quote(remote_id, safe='')}"


def dump_marked(key: str, fields: str) -> str:
    """The query for what was made by us with this key.

    Reference: https://learn.microsoft.com/en-us/graph/api/singlevaluelegacyextendedproperty-get
    """
    marked = f"ep/id eq '{KEY_PROPERTY}' and ep/value eq '{key}'"
    return _dump_query({"$filter": f"singleValueExtendedProperties/Any(ep: {marked})", "$select": fields})


def dump_whole(fields: str) -> str:
    """The query for these fields, and what the item was made with.

    Reference: https://learn.microsoft.com/en-us/graph/api/singlevaluelegacyextendedproperty-get
    """
    expand = f"singleValueExtendedProperties($filter=id eq '{KEY_PROPERTY}')"
    return _dump_query({"$select": fields, "$expand": expand})


def _dump_query(query: dict[str, str]) -> str:
    return urlencode(query, quote_via=quote, safe="$,/:()")


def items_of(answer: Json) -> list[Json]:
    """The items that have an id."""
    found = [
        one
        for one in answer.get("value", ())
        if isinstance(one, dict) and isinstance(remote_id := one.get("id"), str) and remote_id
    ]
    if nameless := len(answer.get("value", ())) - len(found):
        log.warning("Graph listed %d items without an id; they are left out", nameless)
    return found


def check_cursor(link: str) -> str:
    """Raises Unexpected where the last page has no delta link, so that there would be no way to go on from here."""
    if not link:
        raise Unexpected(NOT_UNDERSTOOD, detail="the last page has no delta link")
    return link


def dump_window(window: Window) -> dict[str, str]:
    """A second more on each side, for events of no length at the edges; what lies outside is dropped by us."""
    second = timedelta(seconds=1)
    return {
        "startDateTime": _dump_moment(window.starts - second),
        "endDateTime": _dump_moment(window.ends + second + (second if window.ends.microsecond else timedelta(0))),
    }


def _dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
