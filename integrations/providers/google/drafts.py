"""Drafts as Google's JSON: an event that is made, and what of one is changed. Pure.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from typing import Any

from integrations.errors import Rejected
from integrations.providers.drafts import escape
from integrations.providers.google.payloads import Json, find_first, is_private
from integrations.providers.google.rules import Beyond, First, dump_rule, first_of, move_lines, shift_lines
from integrations.providers.moments import find_zone
from integrations.remote import Attendee, EventDraft

NOT_ONE_BY_ONE = "One occurrence of a series does not repeat by itself. Change the whole series instead."
NOT_MOVED = "This series repeats in a way that Portico cannot move to another day. Open it in Google Calendar."


def dump_event(draft: EventDraft) -> dict[str, Any]:
    """The body of a new event or series; what is empty is left out."""
    body: dict[str, Any] = {
        "summary": draft.title,
        "description": escape(draft.body),
        "location": draft.location,
        "attendees": [_dump_attendee(one) for one in draft.attendees],
        "visibility": "private" if draft.is_private else "",
    }
    body = {name: value for name, value in body.items() if value} | _dump_times(draft)
    if draft.recurrence is not None:
        body["recurrence"] = [dump_rule(draft.recurrence, _first_of(draft))]
    return body


def dump_changes(item: Json, draft: EventDraft, fields: frozenset[str]) -> dict[str, Any]:
    """The body that changes just these fields of an event, occurrence or series, as it stands there.

    Raises:
        Rejected: it cannot repeat, or be moved, like that.
    """
    body: dict[str, Any] = {}
    if "title" in fields:
        body["summary"] = draft.title
    if "body" in fields:
        body["description"] = escape(draft.body)
    if "location" in fields:
        body["location"] = draft.location
    if "attendees" in fields:
        body["attendees"] = _merge(item.get("attendees") or [], draft.attendees)
    if "is_private" in fields and draft.is_private != is_private(item):
        body["visibility"] = "private" if draft.is_private else "default"
    if "time" in fields:
        body |= _dump_times(draft, clears=True)
    if "recurrence" in fields and item.get("recurringEventId"):
        raise Rejected(NOT_ONE_BY_ONE, detail="recurrence of an occurrence")
    if "recurrence" in fields or ("time" in fields and item.get("recurrence")):
        body["recurrence"] = _dump_recurrence(item, draft, fields)
    return body


def _dump_times(draft: EventDraft, *, clears: bool = False) -> dict[str, Any]:
    """Start and end. `clears`: in a change objects are merged, so that what an event of the other kind has must go."""
    found: dict[str, Any] = {}
    for name, moment, day in (("start", draft.starts, draft.starts_on), ("end", draft.ends, draft.ends_on)):
        if day is not None:
            found[name] = {"date": day.isoformat()}
        elif moment is not None:
            local = moment.astimezone(find_zone(draft.timezone))
            text = local.isoformat(timespec="seconds")
            found[name] = {"dateTime": text, "timeZone": draft.timezone or "UTC"}
        else:
            continue
        if clears:
            found[name] |= dict.fromkeys({"date", "dateTime", "timeZone"} - set(found[name]))
    return found


def _first_of(draft: EventDraft) -> First:
    return first_of(draft.starts, draft.starts_on, find_zone(draft.timezone))


def _dump_recurrence(item: Json, draft: EventDraft, fields: frozenset[str]) -> list[str]:
    """Raises Rejected."""
    before = find_first(item)
    after = _first_of(draft) if "time" in fields or before is None else before
    lines = [line for line in item.get("recurrence") or () if isinstance(line, str)]
    if "recurrence" not in fields:
        try:
            return move_lines(lines, before or after, after)
        except (Beyond, ValueError, OverflowError) as error:
            raise Rejected(NOT_MOVED, detail="a recurrence beyond ours") from error
    if draft.recurrence is None:
        return []
    left_out = [line for line in lines if line.upper().startswith("EXDATE")]
    return [dump_rule(draft.recurrence, after), *shift_lines(left_out, before or after, after)]


def _dump_attendee(attendee: Attendee) -> dict[str, Any]:
    found: dict[str, Any] = {"email": attendee.email}
    if attendee.name:
        found["displayName"] = attendee.name
    if attendee.is_optional:
        found["optional"] = True
    if attendee.is_resource:
        found["resource"] = True
    return found


def _merge(held: Any, wanted: tuple[Attendee, ...]) -> list[dict[str, Any]]:
    """The whole list: those who stay as they are there, with their answers, and those who are new.

    The organizer's own entry stays too, if there is one.
    """
    entries = [one for one in held if isinstance(one, dict) and isinstance(one.get("email"), str)]
    known = {str(one["email"]).lower() for one in entries}
    invited = {one.email.lower() for one in wanted}
    kept = [one for one in entries if one["email"].lower() in invited or one.get("organizer") or one.get("self")]
    return [*kept, *(_dump_attendee(one) for one in wanted if one.email.lower() not in known)]
