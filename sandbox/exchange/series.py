"""A series as a whole: its n-th occurrence, its first and last, and which of its days were changed or left out."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from sandbox.exchange.event_xml import SeriesFacts
from sandbox.mailbox import Mailbox
from sandbox.mailbox.event_lists import EventRow
from sandbox.mailbox.event_shapes import build_occurrence, series_of
from sandbox.mailbox.ids import make_occurrence_id
from sandbox.mailbox.recurrence import Occurrence, Series


class SeriesReader:
    def nth(self, mailbox: Mailbox, master: EventRow, index: int) -> str | None:
        """The mailbox's own id of an occurrence; counting begins at 1 and counts those that were deleted."""
        if index < 1:
            return None
        planned = next(islice(series_of(master.load(), mailbox.owner).occurrences(), index - 1, None), None)
        return make_occurrence_id(master.id, planned.day) if planned else None

    def facts(self, mailbox: Mailbox, master: EventRow) -> SeriesFacts:
        doc = master.load()
        series = series_of(doc, mailbox.owner)
        deleted_days = {row.day for row in mailbox.exceptions(master.id, "cancelled")}
        modified = {row.day: row.load() for row in mailbox.exceptions(master.id)}

        def shown(planned: Occurrence | None) -> dict[str, object] | None:
            if planned is None:
                return None
            return modified.get(planned.day.toordinal()) or build_occurrence(doc, planned, series.zone)

        first = next((one for one in series.occurrences() if one.day.toordinal() not in deleted_days), None)
        left_out = [series.find(datetime.fromordinal(day).date()) for day in sorted(deleted_days)]
        return SeriesFacts(
            shown(first),
            shown(self._last(series, deleted_days)),
            tuple(modified[day] for day in sorted(modified)),
            tuple(one.starts for one in left_out if one),
        )

    @staticmethod
    def _last(series: Series, deleted_days: set[int]) -> Occurrence | None:
        """None for a series without end."""
        end = series.last_end()
        if end is None:
            return None
        last = None
        for one in series.occurrences(None, end.replace(tzinfo=UTC)):
            if one.day.toordinal() not in deleted_days:
                last = one
        return last
