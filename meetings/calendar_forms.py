"""The form of the calendars picker: a box and a color for each calendar of the account."""

from collections.abc import Mapping, Sequence

from django import forms
from django.http import QueryDict

from meetings.calendars import MOST_SHOWN, OWN, Choice
from meetings.palette import COLORS
from meetings.scheduling_models import AccountCalendar


class CalendarsForm(forms.Form):
    """Only calendars that stood on the page are changed: what appeared since then was not left unticked by anyone."""

    def __init__(self, data: QueryDict | None, *, calendars: Sequence[AccountCalendar], service: str) -> None:
        super().__init__(data)
        self.calendars = calendars
        for one in calendars:
            is_own = one.remote_id == OWN
            self.fields[f"shown-{one.pk}"] = forms.BooleanField(
                required=False, initial=one.is_shown or is_own, disabled=is_own
            )
            followed = f"{f'As at {service}' if one.color else 'Automatic'}: {COLORS[one.followed_color]}"
            self.fields[f"color-{one.pk}"] = forms.ChoiceField(
                label=f"Color of {one.name}",
                required=False,
                initial=one.chosen_color,
                choices=[("", followed), *COLORS.items()],
                widget=forms.Select(attrs={"class": "input"}),
                error_messages={"invalid_choice": "There is no such color."},
            )

    @property
    def changed_calendars(self) -> list[AccountCalendar]:
        assert isinstance(self.data, QueryDict)
        listed = set(self.data.getlist("calendar"))
        return [one for one in self.calendars if str(one.pk) in listed]

    def clean(self) -> None:
        listed = {one.pk for one in self.changed_calendars}
        ticked = sum(
            self.cleaned_data.get(f"shown-{one.pk}", False) if one.pk in listed else one.is_shown
            for one in self.calendars
        )
        if ticked > MOST_SHOWN:
            raise forms.ValidationError(
                f"These are {ticked} calendars, and at most {MOST_SHOWN} can be shown. Untick some of them."
            )

    def choices(self) -> Mapping[int, Choice]:
        values = self.cleaned_data
        return {
            one.pk: Choice(is_shown=values[f"shown-{one.pk}"], color=values[f"color-{one.pk}"])
            for one in self.changed_calendars
        }
