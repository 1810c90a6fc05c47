"""What stands beside the meetings of a page: whose and which calendar, in which others, what it overlaps, what is
being written. A fixed number of queries, however many meetings there are."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import timedelta

from django.db.models import F

from integrations.outgoing import WriteState
from integrations.remote import EventStatus, Response
from meetings.models import Meeting, Write
from meetings.planner import Span, find_overlapping
from meetings.reader import Reader, name_of
from meetings.showing import Around

DAY = timedelta(days=1)
MOST_COMPARED = 1_000
"""Of the reader's own meetings around those of a page."""

MOST_WRITES = 500

Key = tuple[str, str, Hashable]


def describe(reader: Reader, meetings: Sequence[Meeting], twins: "Twins | None" = None) -> dict[int, Around]:
    """By key. At most three queries: the calendars' names, the reader's own meetings around these, open writes."""
    overlapping = find_conflicts(reader, meetings)
    writes = _find_writes(reader, meetings)
    described = {}
    for one in meetings:
        if reader.is_hidden(one):
            continue
        calendar = reader.find_calendar(one)
        described[one.pk] = Around(
            calendar=calendar.name if calendar else "",
            color=calendar.swatch if calendar else "",
            others=twins.name_others(one) if twins else (),
            overlaps=one.pk in overlapping,
            write=writes.get(one.pk),
        )
    return described


class Twins:
    """Which of some meetings are one and the same, in several calendars: of these only one is shown.

    They have one start, and one uid or one meeting number. The reader's own is shown before all others. What is hidden
    from the reader is nobody's twin: that two are the same would tell what it is about.
    """

    def __init__(self, reader: Reader, meetings: Iterable[Meeting]) -> None:
        self._reader = reader
        self._first_of: dict[int, Meeting] = {}
        self._others: dict[int, list[Meeting]] = {}
        ranks = {sight.owner_id: rank for rank, sight in enumerate(reader.circle.sights)}
        first_with: dict[Key, Meeting] = {}
        for one in sorted(meetings, key=lambda one: (ranks[one.owner_id], one.container, one.pk)):
            if reader.is_hidden(one) or one.starts is None:
                continue
            keys = _keys_of(one)
            first = next((first_with[key] for key in keys if _may_join(first_with.get(key), one, key)), one)
            for key in keys:
                first_with.setdefault(key, first)
            self._first_of[one.pk] = first
            if first is not one:
                self._others.setdefault(first.pk, []).append(one)

    def is_shown(self, meeting: Meeting) -> bool:
        first = self._first_of.get(meeting.pk)
        return first is None or first.pk == meeting.pk

    def name_others(self, meeting: Meeting) -> tuple[str, ...]:
        """ "Bob Okafor’s calendar", "your calendar Team": where it stands, too."""
        names = []
        for one in self._others.get(meeting.pk, ()):
            owner = self._reader.find_owner(one.owner_id)
            if owner is not None and one.owner_id != meeting.owner_id:
                names.append(f"{name_of(owner.user)}’s calendar")
                continue
            calendar = self._reader.find_calendar(one)
            names.append(f"the calendar {calendar.name}" if calendar else "another calendar")
        return tuple(dict.fromkeys(names))


def _keys_of(meeting: Meeting) -> list[Key]:
    when: Hashable = meeting.starts_on or meeting.starts
    named = [("uid", meeting.uid), ("number", meeting.meeting_number)]
    return [(name, value, when) for name, value in named if value]


def _may_join(first: Meeting | None, meeting: Meeting, key: Key) -> bool:
    """Two meetings of one person in one room are two; the same event in two of their calendars is one."""
    return first is not None and (key[0] == "uid" or first.owner_id != meeting.owner_id)


def find_conflicts(reader: Reader, meetings: Iterable[Meeting]) -> set[Hashable]:
    """The keys of the reader's own meetings among these that take place while another one of theirs does."""
    own = [one for one in meetings if one.owner_id == reader.user.pk and takes_time(one)]
    if not own:
        return set()
    begin = min(one.starts for one in own if one.starts)
    end = max(min(one.ends, one.starts + DAY) for one in own if one.starts and one.ends)
    rows = (
        Meeting.objects.visible_to([reader.circle.own])
        .filter(starts__gt=begin - DAY, starts__lt=end, ends__gt=F("starts"), starts_on__isnull=True, is_free=False)
        .exclude(status=EventStatus.CANCELLED)
        .exclude(response=Response.DECLINED)
        .order_by("starts", "pk")
        .only("uid", "starts", "ends", "connection_id", "container", "kind")[:MOST_COMPARED]
    )
    keys: dict[Hashable, set[int]] = {}
    spans = []
    for one in rows:
        if one.kind or one.starts is None or one.ends is None or not _is_in_own_calendar(reader, one):
            continue
        key = (one.uid, one.starts) if one.uid else one.pk  # the same event in two calendars does not overlap itself
        keys.setdefault(key, set()).add(one.pk)
        spans.append(Span(key, one.starts, one.ends))
    return {pk for key in find_overlapping(spans) for pk in keys[key]}


def _is_in_own_calendar(reader: Reader, meeting: Meeting) -> bool:
    """Not in one that the account merely shows: of a colleague, of public holidays."""
    if meeting.connection_id is None:
        return True
    calendar = reader.calendars.get((meeting.connection_id, meeting.container))
    return calendar is None or calendar.is_own


def takes_time(meeting: Meeting) -> bool:
    """Whether somebody cannot be elsewhere meanwhile."""
    is_off = meeting.is_cancelled or meeting.is_free or meeting.response == Response.DECLINED
    return meeting.starts is not None and meeting.starts_on is None and not is_off and not meeting.kind


def _find_writes(reader: Reader, meetings: Iterable[Meeting]) -> dict[int, Write]:
    """By the meeting's key: the newest open write of it or of its series; what needs a person before what waits."""
    open_ones = [one for one in meetings if not reader.is_hidden(one)]
    owners = {one.owner_id for one in open_ones}
    if not owners:
        return {}
    found: dict[Hashable, Write] = {}
    for write in Write.objects.open().filter(owner__in=owners).order_by("-pk")[:MOST_WRITES]:
        for target in _targets_of(write):
            known = found.setdefault(target, write)
            if known.state == WriteState.WAITING and write.state != WriteState.WAITING:
                found[target] = write
    named = {one.pk: next((found[key] for key in _targets_of(one) if key in found), None) for one in open_ones}
    return {pk: write for pk, write in named.items() if write is not None}


def _targets_of(one: Write | Meeting) -> list[Hashable]:
    """What a write is about, and a meeting is part of: what was scheduled here, an event, a series."""
    ids = [name for name in (one.remote_id, one.series_id) if name and one.connection_id]
    targets: list[Hashable] = [(one.connection_id, one.container, name) for name in ids]
    return [one.scheduled_id, *targets] if one.scheduled_id else targets
