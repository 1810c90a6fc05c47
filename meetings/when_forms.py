"""When a meeting is, as it is typed: a date and a time on the wall of a zone, how long, and how often."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format

from integrations.recurrence import LAST_DAY, MOST_OCCURRENCES, Recurrence, Repeats, month_pattern
from meetings.schedule_fields import ZoneField
from meetings.series_words import WEEKDAYS, join_words, say_ordinal
from meetings.times import zone_city, zone_of
from meetings.wall_times import NoSuchTime, Twice, find_twice, to_exact_moment

DAY = timedelta(days=1)
LONGEST_MINUTES = 24 * 60
LONGEST_AHEAD = timedelta(days=5 * 365)
HIGHEST_EVERY = 99
NO_END = "Say when the series ends: after how many meetings, or on which day. One without an end cannot be scheduled."


class WhenForm(forms.Form):
    """Once it is valid, `starts` (UTC) and `minutes` say when it is. `zone_name` is set before, or read from a field.

    `twice` is set where the time typed comes twice that day; `fold` says which of the two is meant.
    """

    date = forms.DateField(
        label="Date",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Say on which day.", "invalid": "This is not a date. Write it as 2026-11-23."},
    )
    time = forms.TimeField(
        label="Start",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": "Say at what time.", "invalid": "This is not a time. Write it as 15:30."},
    )
    hours = forms.IntegerField(
        label="Hours", required=False, widget=forms.NumberInput(attrs={"min": 0, "inputmode": "numeric"})
    )
    minutes = forms.IntegerField(
        label="Minutes", required=False, widget=forms.NumberInput(attrs={"min": 0, "max": 59, "inputmode": "numeric"})
    )

    zone_name: str = ""
    longest_minutes = LONGEST_MINUTES

    starts: datetime | None = None
    length: int = 0
    """Minutes."""
    twice: Twice | None = None

    @property
    def into_calendar(self) -> bool:
        """Whether it is to stand in a connected calendar, of which a year is read ahead."""
        return False

    @property
    def fold(self) -> str:
        """Which of two equal times was chosen; "" for neither."""
        given = str(self.data.get(self.add_prefix("fold"), ""))
        return given if given in ("0", "1") else ""

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.zone_name)

    def read_when(self) -> None:
        """Sets `starts`, `length` and `twice`, or says what is wrong."""
        values = self.cleaned_data
        self._read_length(values.get("hours"), values.get("minutes"))
        if values.get("date") is None or values.get("time") is None or not self.zone_name:
            return
        naive = datetime.combine(values["date"], values["time"].replace(second=0, microsecond=0, tzinfo=None))
        if self.is_far(naive):
            return
        try:
            starts = to_exact_moment(naive, self.zone, fold=int(self.fold or 0))
        except NoSuchTime as error:
            self.add_error("time", self._say_gap(naive, error))
            return
        self.twice = find_twice(naive, self.zone)
        if self.twice and not self.fold:
            self.add_error(
                "time", f"Clocks are set back that night, and {naive:%H:%M} comes twice. Say below which is meant."
            )
            return
        self.starts = starts

    def _read_length(self, hours: int | None, minutes: int | None) -> None:
        if "hours" in self.errors or "minutes" in self.errors:
            return
        if (minutes or 0) < 0 or (hours or 0) < 0:
            self.add_error("hours", "A meeting cannot end before it starts.")
            return
        self.length = (hours or 0) * 60 + (minutes or 0)
        if self.length < 1:
            code = "required" if hours is None and minutes is None else "too_short"
            self.add_error("hours", ValidationError("A meeting takes at least one minute.", code=code))
        elif self.length > self.longest_minutes:
            self.add_error("hours", f"A meeting takes at most {self.longest_minutes // 60} hours.")

    def is_far(self, naive: datetime) -> bool:
        """Says so where it is too long ago, or too far ahead. By the day first: the calendar's ends are no moments."""
        now = timezone.now()
        ahead = timedelta(days=settings.SYNC["days_ahead"]) if self.into_calendar else LONGEST_AHEAD
        latest = (now + ahead).astimezone(self.zone).date()
        if naive.date() > latest:
            why = " Without a calendar it can be further ahead." if self.into_calendar else ""
            said = date_format(latest, "j F Y")
            self.add_error("date", f"This is too far ahead: a meeting can begin until {said}.{why}")
            return True
        if naive.date() < now.date() - 2 * DAY or naive.replace(tzinfo=self.zone).astimezone(UTC) < now - DAY:
            self.add_error("date", "This is more than a day ago. Choose a time that is still to come.")
            return True
        return False

    def _say_gap(self, naive: datetime, gap: NoSuchTime) -> str:
        city, day = zone_city(self.zone_name), date_format(naive, "j F Y")
        return (
            f"There is no {naive:%H:%M} on {day} in {city} time: clocks are set forward. The nearest times are "
            f"{gap.before:%H:%M} and {gap.after:%H:%M}."
        )


class SeriesForm(WhenForm):
    """With its zone, and how often. Once it is valid, `recurrence` is the pattern, None for a meeting that does not
    repeat, and `starts_of` every start."""

    NEVER = "never"
    time_zone = ZoneField()
    repeats = forms.ChoiceField(
        label="Repeats",
        required=False,
        choices=[(NEVER, "Does not repeat"), ("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly")],
    )
    every = forms.IntegerField(
        label="Every",
        required=False,
        min_value=1,
        max_value=HIGHEST_EVERY,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={"min_value": "Write 1 or more.", "max_value": f"Write {HIGHEST_EVERY} or less."},
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="On",
        required=False,
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        widget=forms.CheckboxSelectMultiple,
    )
    month_by = forms.ChoiceField(
        label="On",
        required=False,
        choices=[
            ("day", "The same day of the month"),
            ("last_day", "The last day of the month"),
            ("weekday", "The same weekday, such as the second Tuesday"),
            ("last_weekday", "The last such weekday of the month"),
        ],
    )
    ends = forms.ChoiceField(
        label="Ends",
        required=False,
        choices=[("count", "After so many meetings"), ("until", "On a day")],
        widget=forms.RadioSelect,
    )
    count = forms.IntegerField(
        label="Meetings",
        required=False,
        widget=forms.NumberInput(attrs={"min": 2, "max": MOST_OCCURRENCES, "inputmode": "numeric"}),
    )
    until = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "This is not a date. Write it as 2026-11-23."},
    )

    recurrence: Recurrence | None = None
    starts_of: tuple[datetime, ...] = ()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self.zone_name = values.get("time_zone", "")
        self.read_when()
        self._forget_what_does_not_count()
        if self.starts is None:
            return values
        self.starts_of = (self.starts,)
        repeats = values.get("repeats") or self.NEVER
        if repeats != self.NEVER and not self.errors:
            self._read_series(Repeats(repeats), self.starts.astimezone(self.zone).date())
        return values

    def _forget_what_does_not_count(self) -> None:
        """What is wrong in a field that is not shown stands in nobody's way."""
        repeats, ends = self.cleaned_data.get("repeats") or self.NEVER, self.cleaned_data.get("ends")
        ignored = {"count"} if ends == "until" else {"until"}
        if repeats == self.NEVER:
            ignored = {"every", "weekdays", "month_by", "ends", "count", "until"}
        for name in ignored & self.errors.keys():
            del self.errors[name]

    def _read_series(self, repeats: Repeats, first: date) -> None:
        values = self.cleaned_data
        pattern = self._read_pattern(repeats, first, values.get("every") or 1)
        if pattern is None:
            return
        if self.twice and self.fold == "1":
            self.add_error("time", "A series begins the first time. Choose the first below, or another time.")
            return
        count, until = values.get("count"), values.get("until")
        if values.get("ends") == "count" and count:
            if not 2 <= count <= MOST_OCCURRENCES:
                self.add_error("count", f"A series has 2 to {MOST_OCCURRENCES} meetings.")
                return
            rule = replace(pattern, count=count)
        elif values.get("ends") == "until" and until:
            rule = replace(pattern, until=until)
        else:
            self.add_error("until" if values.get("ends") == "until" else "count", NO_END)
            return
        self._take(rule)

    def _take(self, rule: Recurrence) -> None:
        assert self.starts is not None
        starts_of = rule.starts_of(self.starts, self.zone)
        if len(starts_of) > MOST_OCCURRENCES:
            last = date_format(starts_of[MOST_OCCURRENCES - 1].astimezone(self.zone), "j F Y")
            self.add_error(
                "until",
                f"That makes more than {MOST_OCCURRENCES} meetings, the most of a series. Let it end by {last}.",
            )
        elif len(starts_of) < 2:
            self.add_error(
                "until", "No second meeting falls before that day. Choose a later one, or do not let it repeat."
            )
        else:
            self.recurrence, self.starts_of = rule, tuple(starts_of)

    def _read_pattern(self, repeats: Repeats, first: date, every: int) -> Recurrence | None:
        """Without its end; None where the first meeting is not in it, which is then said."""
        if repeats is Repeats.DAILY:
            return Recurrence(repeats, every)
        if repeats is Repeats.MONTHLY:
            return self._read_month(first, every)
        weekdays = tuple(sorted(self.cleaned_data.get("weekdays") or [first.weekday()]))
        if first.weekday() not in weekdays:
            named = join_words([WEEKDAYS[day] for day in weekdays])
            self.add_error(
                "weekdays",
                f"The first meeting is on a {WEEKDAYS[first.weekday()]}. Tick that as well, or choose a date that is a "
                f"{named}.".replace(" and ", " or "),
            )
            return None
        return Recurrence(repeats, every, weekdays)

    def _read_month(self, first: date, every: int) -> Recurrence | None:
        chosen = self.cleaned_data.get("month_by") or "day"
        by_weekday = month_pattern(first, by_weekday=True)
        is_last_day, is_last_week = (first + DAY).day == 1, by_weekday.week == LAST_DAY
        weekday = WEEKDAYS[first.weekday()]
        wrong = {
            "day": first.day > 28
            and f"Not every month has a {say_ordinal(first.day)}. Choose the last day of the month, or another date.",
            "last_day": not is_last_day
            and f"{date_format(first, 'j F')} is not the last day of its month. Choose another date or another way.",
            "weekday": first.day > 28
            and f"Not every month has a fifth {weekday}. Choose the last {weekday}, or another date.",
            "last_weekday": not is_last_week
            and f"{date_format(first, 'j F')} is not the last {weekday} of its month. Choose another date or way.",
        }[chosen]
        if wrong:
            self.add_error("month_by", wrong)
            return None
        if chosen in ("day", "last_day"):
            return Recurrence(Repeats.MONTHLY, every, month_day=LAST_DAY if chosen == "last_day" else first.day)
        week = LAST_DAY if chosen == "last_weekday" else (first.day - 1) // 7 + 1
        return Recurrence(Repeats.MONTHLY, every, weekdays=by_weekday.weekdays, week=week)
