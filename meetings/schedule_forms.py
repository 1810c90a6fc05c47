"""What a person fills in to schedule a meeting."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from meetings.delegating import Circle
from meetings.models import ScheduledMeeting
from meetings.offering import NO_CALENDAR, OWN, Offer
from meetings.people_forms import PeopleForm
from meetings.schedule_fields import DescriptionField, TopicField, check_passcode
from meetings.scheduling import Plan
from meetings.scheduling_models import MeetingKind
from meetings.when_forms import SeriesForm
from organizations.models import User

MOST_IN_AN_HOUR = 100
"""Meetings that one person may schedule: each may send mail to hundreds."""
HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)


class ScheduleForm(PeopleForm, SeriesForm):
    """For the owner of the Offer: where another is chosen, it is made anew with `initial_of` what was typed."""

    owner = forms.IntegerField(label="For", required=False)
    topic = TopicField()
    kind = forms.ChoiceField(required=False, choices=MeetingKind.choices)
    description = DescriptionField()
    is_private = forms.BooleanField(label="Private", required=False)
    passcode = forms.CharField(label="Passcode", required=False, validators=[check_passcode])
    waiting_room = forms.BooleanField(label="Waiting room", required=False)
    calendar = forms.ChoiceField(
        label="Calendar",
        required=False,
        error_messages={"invalid_choice": "This calendar cannot be written to any more. Choose another."},
    )

    def __init__(self, data: Any = None, *, offer: Offer, by: User, **kwargs: Any) -> None:
        super().__init__(data, auto_id="schedule-%s", **kwargs)
        self.offer, self.by = offer, by
        self.owner_user, self.connection = offer.owner, offer.connection
        self.fields["calendar"].choices = offer.calendar_choices  # type: ignore[attr-defined]
        self.fields["is_private"].disabled = not offer.may_be_private
        self.fields["kind"].disabled = not offer.has_webinars
        for name in ("passcode", "waiting_room"):
            if offer.host is None or not getattr(offer.host, f"has_{name}"):
                del self.fields[name]

    @property
    def into_calendar(self) -> bool:
        return self.cleaned_data.get("calendar", NO_CALENDAR) not in ("", NO_CALENDAR)

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        values["people"] = self.read_people()
        made = ScheduledMeeting.objects.filter(made_by=self.by, created_at__gt=timezone.now() - HOUR)
        if made.count() >= MOST_IN_AN_HOUR:
            self.add_error(
                None,
                f"You have scheduled {MOST_IN_AN_HOUR} meetings within an hour. Wait a little before the next one.",
            )
        return values

    def to_plan(self) -> Plan:
        """Of a valid form."""
        values = self.cleaned_data
        calendar = self.offer.find_calendar(values["calendar"])
        assert self.starts is not None
        return Plan(
            topic=values["topic"],
            starts=self.starts,
            minutes=self.length,
            timezone=self.zone_name,
            kind=values["kind"] or MeetingKind.MEETING,
            recurrence=self.recurrence,
            invitees=values["people"],
            description=values["description"],
            is_private=bool(values["is_private"]),
            passcode=values.get("passcode", ""),
            waiting_room=bool(values.get("waiting_room")),
            in_calendar=calendar is not None,
            container=calendar.remote_id if calendar else "",
        )


def default_initial(offer: Offer, *, by: User, now: datetime) -> dict[str, Any]:
    """An hour from the next half or full one on, in the calendar where there is one."""
    local = (now + HALF).astimezone(by.zone)
    return {
        "owner": offer.owner.pk,
        "date": local.date(),
        "time": local.replace(minute=local.minute // 30 * 30, second=0, microsecond=0).time(),
        "hours": 1,
        "minutes": 0,
        "time_zone": getattr(by.zone, "key", "UTC"),
        "repeats": SeriesForm.NEVER,
        "every": 1,
        "month_by": "day",
        "ends": "count",
        "count": 10,
        "kind": MeetingKind.MEETING,
        "calendar": OWN if offer.calendars else NO_CALENDAR,
    }


def initial_of(form: ScheduleForm, data: QueryDict) -> dict[str, Any]:
    """What was typed, for a form that is shown anew before it is judged. The calendar is the new owner's."""
    typed = {name: field.widget.value_from_datadict(data, {}, name) for name, field in form.fields.items()}
    return {name: value for name, value in typed.items() if name not in ("owner", "calendar")}


def list_owners(circle: Circle) -> list[tuple[int, str]]:
    """Whom the person may schedule for, themselves first; [] where there is nobody else."""
    others = [(one.user.pk, one.user.label) for one in circle.owners]
    return [(circle.user.pk, f"Me ({circle.user.label})"), *others] if others else []
