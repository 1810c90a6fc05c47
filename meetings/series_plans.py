"""Where a series of the calendar's own goes when one occurrence of it is moved, or when it is parted in two."""

from dataclasses import replace
from datetime import datetime

from integrations.errors import Rejected
from integrations.recurrence import Recurrence, to_moment
from integrations.remote import EventDraft, RemoteEvent
from meetings.drafting import read_draft
from meetings.moving import CANNOT_MOVE, on_the_clock_of
from meetings.times import zone_of

CANNOT_SPLIT = (
    "This series repeats in a way that Portico cannot split. Change one meeting, all of them, or do it in your "
    "calendar."
)


def plan_move(draft: EventDraft, master: RemoteEvent, original: datetime | None) -> tuple[EventDraft, bool]:
    """The whole series as it moves by as much as `draft` moves its occurrence of `original`, and whether to another
    day.

    Raises:
        Rejected
    """
    if not (draft.starts and draft.ends and original and master.starts):
        raise Rejected("Days without a time cannot be moved as a series here. Do it in your calendar.")
    name = master.timezone or draft.timezone
    zone = zone_of(name)
    begins, before, after = (
        one.astimezone(zone).replace(tzinfo=None) for one in (master.starts, original, draft.starts)
    )
    found: tuple[datetime, Recurrence | None] = begins + (after - before), master.recurrence
    is_other_day = before.date() != after.date()
    if is_other_day and master.recurrence is None:
        raise Rejected(
            "This series repeats in a way that Portico cannot move to another day. Change it in your calendar."
        )
    if is_other_day and master.recurrence is not None:
        moved = master.recurrence.move(begins, on_the_clock_of(begins, before), after)
        if moved is None:
            raise Rejected(CANNOT_MOVE)
        found = moved
    starts = to_moment(found[0], zone)
    ends = starts + (draft.ends - draft.starts)
    return replace(draft, starts=starts, ends=ends, recurrence=found[1], timezone=name), is_other_day


def plan_following(draft: EventDraft, fields: frozenset[str], master: RemoteEvent, moment: datetime) -> EventDraft:
    """What is left of a series from its occurrence at `moment` on, with these DRAFT_FIELDS as in `draft`.

    Raises:
        Rejected
    """
    zone, left = zone_of(master.timezone), None
    if master.recurrence is not None and master.starts is not None:
        left = master.recurrence.from_occurrence(moment, master.starts, zone)
    if left is None or not (draft.starts and draft.ends):
        raise Rejected(CANNOT_SPLIT)
    starts, length = moment, (master.ends or moment) - (master.starts or moment)
    if "time" in fields:
        starts, length = draft.starts, draft.ends - draft.starts
    before, after = (one.astimezone(zone).replace(tzinfo=None) for one in (moment, starts))
    moved = left.move(before, before, after)
    if moved is None:
        raise Rejected(CANNOT_MOVE)
    values = {name: getattr(draft, name) for name in fields if name != "time"}
    return replace(read_draft(master), starts=starts, ends=starts + length, recurrence=moved[1], **values)
