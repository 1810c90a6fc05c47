"""What providers need of drafts, whichever service an event is written to. Pure."""

import html
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from integrations.errors import Rejected
from integrations.remote import EventDraft, RemoteEvent

ZONELESS = (
    "This series goes on in a time zone that Portico does not know, so its days and times cannot be changed here. "
    "Do it in your calendar."
)
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"\s+")
_BREAK = re.compile(r"<br\b[^>]*>")


def is_written(event: RemoteEvent, draft: EventDraft, fields: frozenset[str], *, seen: str = "") -> bool:
    """Whether an event already is as these fields of the draft want it.

    What was to be written and turns out to have been changed meanwhile may have been changed by ourselves: the answer
    was lost, and the write is made again. `seen`: the version to be changed. Where it still stands, nobody has written
    anything, and a body that differs in its spaces and line ends alone is one that a person has laid out anew.
    """
    if "body" in fields and seen and seen == event.ref.version and not _is_laid_out(event.body, draft.body):
        return False
    return all(_is_written(event, draft, name) for name in fields)


def _is_written(event: RemoteEvent, draft: EventDraft, name: str) -> bool:
    match name:
        case "title":
            return event.title == draft.title
        case "body":
            return flatten(event.body) == flatten(escape(draft.body))
        case "location":
            return event.location == draft.location
        case "time" if draft.starts_on is not None:
            return (event.starts_on, event.ends_on) == (draft.starts_on, draft.ends_on)
        case "time":
            return (event.starts, event.ends) == (draft.starts, draft.ends)
        case "attendees":
            return invited_to(event) == {one.email.lower() for one in draft.attendees}
        case "recurrence":
            return event.recurrence == draft.recurrence
        case "is_private":
            return event.is_private == draft.is_private
    raise ValueError(f"a draft has no field {name!r}")


def keep_zone(event: RemoteEvent, draft: EventDraft, fields: frozenset[str]) -> EventDraft:
    """The draft in its own zone, or, where it names none, in the event's.

    Raises:
        Rejected: it is about when a series takes place, and nobody knows on which clock.
    """
    draft = replace(draft, timezone=draft.timezone or event.timezone)
    is_about_series = "recurrence" in fields or (event.is_series and "time" in fields)
    if is_about_series:
        check_zone(event if "time" not in fields else draft)
    return draft


def check_zone(series: RemoteEvent | EventDraft) -> None:
    """Raises Rejected where a series of a time of day is in no zone that we know: its days cannot be told."""
    if series.starts is not None and not series.timezone:
        raise Rejected(ZONELESS, detail="a zone without a name")


def escape(body: str) -> str:
    """Plain text as HTML whose line ends still count."""
    return html.escape(body, quote=False)


def flatten(body: str) -> str:
    """The words of a body, HTML or not, without what a service may have laid around and between them."""
    return _SPACE.sub("", html.unescape(_TAG.sub("", body)))


def _is_laid_out(body: str, wanted: str) -> bool:
    """Whether a body, HTML or not, has the lines of a plain text."""
    lines = _BREAK.sub("\n", _SPACE.sub(" ", body))
    return body == escape(wanted) or _squeeze(html.unescape(_TAG.sub("", lines))) == _squeeze(wanted)


def _squeeze(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def invited_to(event: RemoteEvent) -> set[str]:
    """Addresses of those invited, in lower case; the organizer is not."""
    return {
        one.email.lower() for one in event.attendees if not (one.is_organizer or (one.is_self and event.is_organizer))
    }


def nearest_day(moment: datetime) -> date:
    """The day that a moment is the midnight of, in whichever zone: days have none."""
    return (moment.astimezone(UTC) + timedelta(hours=12)).date()


def is_backwards(draft: EventDraft) -> bool:
    """Whether it would end before it begins, or a day would be none."""
    if draft.starts_on is not None and draft.ends_on is not None:
        return draft.ends_on <= draft.starts_on
    return isinstance(draft.starts, datetime) and draft.ends is not None and draft.ends < draft.starts
