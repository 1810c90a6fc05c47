"""The filters above the list, as the URL keeps them."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from django import forms

from meetings.agenda import Filters
from meetings.joining import SERVICES
from meetings.showing import RESPONSES
from meetings.spans import EARLIEST, LATEST

LONGEST_SEARCH = 200
PAST = "past"


class FilterForm(forms.Form):
    """Always bound. What is not understood is said beside its field and does not filter; the rest does."""

    q = forms.CharField(label="Search", required=False, strip=True)
    when = forms.ChoiceField(choices=[("upcoming", "Upcoming"), (PAST, "Past")], required=False)
    on = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "input"}, format="%Y-%m-%d"),
        error_messages={"invalid": "This is not a date. Write it as 2026-11-23."},
    )
    answer = forms.ChoiceField(
        label="My answer",
        required=False,
        choices=[
            ("", "Any"),
            ("not_declined", "All but declined"),
            *((key.value, RESPONSES[key]) for key in RESPONSES),
        ],
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "There is no such answer."},
    )
    join = forms.ChoiceField(
        label="Join",
        required=False,
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "There is no such service switched on for you."},
    )

    def __init__(self, data: Mapping[str, Any], *, services: Collection[str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        named = sorted((SERVICES[key].name, key) for key in services if key in SERVICES and key != "portico")
        each = [(key, f"On {name}") for name, key in named] if len(named) > 1 else []
        self.fields["join"].choices = [  # type: ignore[attr-defined]
            ("", "Any"),
            ("any", "With Join"),
            *each,
            ("none", "Without Join"),
        ]

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
        )
