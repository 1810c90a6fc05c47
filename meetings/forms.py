"""The filters above the list, as the URL keeps them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms

from meetings.joining import SERVICES
from meetings.reader import ME, Filters, Reader, name_owners
from meetings.showing import RESPONSES
from meetings.spans import EARLIEST, LATEST

LONGEST_SEARCH = 200
PAST = "past"


def _select(label: str, wrong: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        required=False,
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": wrong},
    )


class FilterForm(forms.Form):
    """Always bound. What is not understood is said beside its field and does not filter; the rest does.

    Whose meetings, and of which calendar, is asked only where there is a choice.
    """

    q = forms.CharField(label="Search", required=False, strip=True)
    when = forms.ChoiceField(choices=[("upcoming", "Upcoming"), (PAST, "Past")], required=False)
    on = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "input"}, format="%Y-%m-%d"),
        error_messages={"invalid": "This is not a date. Write it as 2026-11-23."},
    )
    host = _select("Meetings hosted by", "You do not schedule for this person, or no longer.")
    calendar = _select("Calendar", "There is no such calendar among those you show.")
    answer = _select("My answer", "There is no such answer.")
    join = _select("Join", "There is no such service switched on for you.")

    def __init__(self, data: Mapping[str, Any], *, reader: Reader, shows_declined: bool = False) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.shows_declined = shows_declined
        choices = self._list_choices(reader)
        for name, listed in choices.items():
            if listed:
                self.fields[name].choices = listed  # type: ignore[attr-defined]
            elif data.get(name):
                self.fields[name].choices = []  # type: ignore[attr-defined]
            else:
                del self.fields[name]

    @staticmethod
    def _list_choices(reader: Reader) -> dict[str, list[tuple[str, str]]]:
        services = reader.standing.policy.join_services
        named = sorted((SERVICES[key].name, key) for key in services if key in SERVICES and key != "portico")
        each = [(key, f"On {name}") for name, key in named] if len(named) > 1 else []
        owners, calendars = name_owners(reader), reader.own_calendars
        return {
            "host": [("", "Anyone"), (ME, "Me"), *owners] if owners else [],
            "calendar": [("", "All"), *((str(one.pk), one.name) for one in calendars)] if calendars else [],
            "answer": [("", "Any"), *((key.value, RESPONSES[key]) for key in RESPONSES)],
            "join": [("", "Any"), ("any", "With Join"), *each, ("none", "Without Join")],
        }

    @property
    def has_host(self) -> bool:
        return len(self._choices("host")) > 0

    @property
    def has_calendar(self) -> bool:
        return len(self._choices("calendar")) > 0

    def clean_q(self) -> str:
        return str(self.cleaned_data["q"]).replace("\x00", "")[:LONGEST_SEARCH]

    def clean_on(self) -> date | None:
        on: date | None = self.cleaned_data["on"]
        return on and min(max(on, EARLIEST.date()), LATEST.date())

    def filters(self) -> Filters:
        self.is_valid()
        values = self.cleaned_data
        return Filters(
            is_past=values.get("when") == PAST,
            text=values.get("q", ""),
            on=values.get("on"),
            answer=values.get("answer", ""),
            join=values.get("join", ""),
            host=values.get("host", ""),
            calendar=values.get("calendar", ""),
            shows_declined=self.shows_declined,
        )

    def _choices(self, name: str) -> list[Any]:
        return list(getattr(self.fields.get(name), "choices", ()))
