"""What the list shows, as CSV: however much it is, line by line, with what is private left out as on the page."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, groupby

from meetings.agenda import list_meetings
from meetings.joining import choose_join, without_personal_parts
from meetings.models import Meeting
from meetings.reader import Filters, Reader, narrow
from meetings.showing import Around, Shown, service_name
from meetings.surroundings import Twins
from meetings.times import last_day
from meetings.visibility import Relation, view_of

HEADER = (
    "Begins", "Ends", "Time zone", "All day", "Title", "Status", "Answer", "Whose", "Also in", "Calendar", "Host",
    "Where", "Join service", "Join link", "Meeting ID", "Attendees", "Made",
)  # fmt: skip
AT_ONCE = 500


def list_rows(reader: Reader, filters: Filters) -> Iterator[list[str | int]]:
    """A line for each meeting, without what is one person's alone: also the reader's own copy leaves the portal."""
    listed = list_meetings(reader, filters).iterator(chunk_size=AT_ONCE)
    is_merging = reader.is_merging(filters)
    for _, together in groupby(chain(listed, _without_time(reader, filters)), key=lambda one: one.starts):
        meetings = list(together)
        twins = Twins(reader, meetings if is_merging else [])
        for one in meetings:
            if twins.is_shown(one):
                yield _write(reader, one, twins.name_others(one))


def _without_time(reader: Reader, filters: Filters) -> Iterable[Meeting]:
    return [] if filters.is_past else narrow(reader, filters).for_list().without_time().iterator(chunk_size=AT_ONCE)


def _write(reader: Reader, meeting: Meeting, others: tuple[str, ...]) -> list[str | int]:
    shown = reader.show(meeting, around=Around(others=others))
    seen = shown.meeting
    begins, ends, zone = _write_times(shown)
    whose = shown.around.owner or "Me"
    if seen.is_hidden:
        return [begins, ends, zone, _yes(seen.is_all_day), shown.title, "", "", whose, *[""] * (len(HEADER) - 8)]
    calendar = reader.find_calendar(meeting)
    link = choose_join(tuple(map(without_personal_parts, seen.links)), reader.standing.policy.join_services)
    status = "Cancelled" if seen.is_cancelled else "Tentative" if seen.status == "tentative" else ""
    # As somebody else would see it who may see everything: without the parts of links that are one person's.
    shared = view_of(meeting, Relation.PRIVATE_DELEGATE)
    return [
        begins,
        ends,
        zone,
        _yes(seen.is_all_day),
        shared.title or shown.title,
        status,
        shown.response,
        whose,
        shown.also_in.removeprefix("Also in "),
        calendar.name if calendar else "",
        shown.host,
        " ".join(shared.location.split()),
        service_name(link) if link else "",
        link.url if link else "",
        seen.meeting_number,
        seen.attendee_count,
        shown.origin,
    ]


def _write_times(shown: Shown) -> tuple[str, str, str]:
    """(begins, ends, time zone): days for what takes whole days, the last one as its end."""
    seen, clock = shown.meeting, shown.clock
    if seen.starts_on is not None:
        return seen.starts_on.isoformat(), last_day(seen, clock).isoformat(), ""
    if seen.starts is None or seen.ends is None:
        return "", "", ""
    return _moment(clock.local(seen.starts)), _moment(clock.local(seen.ends)), str(clock.zone)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _yes(value: bool) -> str:
    return "yes" if value else ""
