"""What is written to a calendar, as JSON in the outbox, and as the text that people who are invited read."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from integrations.recurrence import parse_recurrence
from integrations.remote import Attendee, EventDraft, RemoteEvent
from meetings.bodies import to_text

Json = Mapping[str, Any]

RULE = "────────────────────"
"""Around what Portico adds to a description; what stands between two of these is written anew with each change."""


def dump_draft(draft: EventDraft) -> dict[str, Any]:
    return {
        "title": draft.title,
        "body": draft.body,
        "location": draft.location,
        "starts": _dump(draft.starts),
        "ends": _dump(draft.ends),
        "starts_on": _dump(draft.starts_on),
        "ends_on": _dump(draft.ends_on),
        "timezone": draft.timezone,
        "attendees": [
            {"email": one.email, "name": one.name, "is_optional": one.is_optional, "is_resource": one.is_resource}
            for one in draft.attendees
        ],
        "recurrence": draft.recurrence.dump() if draft.recurrence else None,
        "is_private": draft.is_private,
    }


def _dump(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None


def parse_draft(value: Json) -> EventDraft:
    """What `dump_draft` made. Raises KeyError, ValueError, TypeError where something else made it."""
    return EventDraft(
        title=value["title"],
        body=value["body"],
        location=value["location"],
        starts=datetime.fromisoformat(value["starts"]) if value["starts"] else None,
        ends=datetime.fromisoformat(value["ends"]) if value["ends"] else None,
        starts_on=date.fromisoformat(value["starts_on"]) if value["starts_on"] else None,
        ends_on=date.fromisoformat(value["ends_on"]) if value["ends_on"] else None,
        timezone=value["timezone"],
        attendees=tuple(
            Attendee(one["email"], one["name"], is_optional=one["is_optional"], is_resource=one["is_resource"])
            for one in value["attendees"]
        ),
        recurrence=parse_recurrence(value["recurrence"]),
        is_private=value["is_private"],
    )


def draft_of(event: RemoteEvent, *, body: str | None = None) -> EventDraft:
    """An event that is there as a draft of the same. `body`: its description as plain text, where that is known."""
    return EventDraft(
        title=event.title,
        body=event.body if body is None else body,
        location=event.location,
        starts=event.starts,
        ends=event.ends,
        starts_on=event.starts_on,
        ends_on=event.ends_on,
        timezone=event.timezone,
        attendees=tuple(one for one in event.attendees if not (one.is_organizer or one.is_self)),
        recurrence=event.recurrence,
        is_private=event.is_private,
    )


def read_draft(event: RemoteEvent) -> EventDraft:
    """What stands there, with its description as the person reads it."""
    return draft_of(event, body=to_text(event.body)[0] if event.body else "")


def says_the_same(draft: EventDraft, theirs: EventDraft, fields: frozenset[str]) -> bool:
    """Whether what stands there is already what was to be written: our own write, of which the answer was lost.

    Descriptions come back in the provider's own form, with other spaces and line ends.
    """
    for name in fields:
        if name == "time":
            ours = draft.starts, draft.ends, draft.starts_on, draft.ends_on
            if ours != (theirs.starts, theirs.ends, theirs.starts_on, theirs.ends_on):
                return False
        elif name == "attendees":
            if {one.email.lower() for one in draft.attendees} != {one.email.lower() for one in theirs.attendees}:
                return False
        elif name in ("title", "body", "location"):
            if _squeeze(getattr(draft, name)) != _squeeze(getattr(theirs, name)):
                return False
        elif getattr(draft, name) != getattr(theirs, name):
            return False
    return True


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def compose_body(description: str, *, join_url: str, host_name: str, number: str, passcode: str, dial_in: str) -> str:
    """The description, and below it how to join."""
    if not join_url:
        return description
    lines = [RULE, f"Join {host_name} meeting" if host_name else "Join the meeting", join_url]
    if number:
        lines += ["", f"Meeting ID: {number}"]
    if passcode:
        lines.append(f"Passcode: {passcode}")
    if dial_in:
        lines += ["", "Dial in:", dial_in]
    lines.append(RULE)
    block = "\n".join(lines)
    return f"{description.rstrip()}\n\n{block}" if description.strip() else block


_BLOCK = re.compile(rf"{RULE}\s*Join [^\n]+ meeting\s+https?://.*?(?:{RULE}|\Z)", re.DOTALL)


def find_block(body: str) -> str:
    """What `compose_body` added, as it stands there now, also where it was cut off; "" where there is none."""
    found = _BLOCK.search(body)
    return found[0] if found else ""


def split_body(body: str) -> str:
    """The description without what `compose_body` added: what a person edits."""
    block = find_block(body)
    if not block:
        return body.strip()
    before, _, after = body.partition(block)
    return f"{before.rstrip()}\n{after.strip()}".strip()
