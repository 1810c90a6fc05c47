"""What a person fills in to change a meeting that is there, and to delete one. What they leave alone stays as it is."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django import forms

from integrations.policy import TimeChange
from integrations.policy_models import policy_for
from integrations.remote import Attendee
from meetings.drafting import split_body
from meetings.intended import Change
from meetings.models import Meeting, Origin
from meetings.moving import Scope, why_not_moved
from meetings.offering import Offer
from meetings.people_forms import PeopleForm
from meetings.schedule_fields import DescriptionField, TopicField, dump_invitees
from meetings.times import find_zone
from meetings.visibility import view_of
from meetings.wall_times import fold_of
from meetings.when_forms import LONGEST_MINUTES, WhenForm

WHEN = ("date", "time", "hours", "minutes")
FIELDS_OF = {"when": WHEN, "invitees": ("invitees", "invitee"), "description": ("description",)}
MINUTE = timedelta(minutes=1)


class ScopeForm(forms.Form):
    """How much of a series is meant."""

    scope = forms.ChoiceField(
        choices=[
            (Scope.THIS.value, "This meeting"),
            (Scope.FOLLOWING.value, "This and all that follow"),
            (Scope.ALL.value, "The whole series"),
        ],
        error_messages={
            "required": "Say how much of the series you mean.",
            "invalid_choice": "Say how much of the series you mean.",
        },
    )

    def __init__(self, data: Any = None, *, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(data, initial={"scope": Scope.THIS.value, **kwargs.pop("initial", {})}, **kwargs)
        if not meeting.series_id:
            del self.fields["scope"]

    @property
    def chosen_scope(self) -> Scope:
        """Of a valid form."""
        return Scope(self.cleaned_data.get("scope", Scope.THIS))


class EditForm(PeopleForm, WhenForm, ScopeForm):
    """Fields of which Portico holds a part only are left out: they would be cut off. `why_not` says so, by field."""

    topic = TopicField()
    description = DescriptionField()
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, meeting: Meeting, offer: Offer) -> None:
        self.meeting, self.offer = meeting, offer
        self.owner_user, self.connection = offer.owner, offer.connection
        zone = find_zone(meeting.timezone)
        self.zone_name = meeting.timezone if zone else getattr(offer.owner.zone, "key", "UTC")
        super().__init__(data, meeting=meeting, initial=self._read_initial(), auto_id="edit-%s")
        self.why_not = self._find_reasons()
        for name in self.why_not:
            for left_out in FIELDS_OF[name]:
                del self.fields[left_out]
        if not self.initial["topic"]:
            self.fields["topic"].required = False
        for name, field in self.fields.items():
            if isinstance(field, TopicField | DescriptionField):
                # What the calendar holds already may stay, however long it is.
                field.longest = max(field.longest, len(self.initial[name]))

    def _read_initial(self) -> dict[str, Any]:
        """As the person sees it, who may not be its owner."""
        visible = view_of(self.meeting, self.offer.relation)
        initial: dict[str, Any] = {
            "topic": TopicField().to_python(visible.title),
            "description": DescriptionField().to_python(split_body(visible.body_text)),
            "invitees": dump_invitees(self.invited()),
        }
        if not self.meeting.is_all_day and self.meeting.starts and self.meeting.ends:
            starts = self.meeting.starts.astimezone(self.zone)
            length = int((self.meeting.ends - self.meeting.starts) / MINUTE)
            self.longest_minutes = max(LONGEST_MINUTES, length)
            hours, minutes = divmod(length, 60)
            wall = starts.replace(second=0, microsecond=0, tzinfo=None)
            initial |= {"date": wall.date(), "time": wall.time(), "hours": hours, "minutes": minutes}
        return initial

    def _find_reasons(self) -> dict[str, str]:
        meeting, reasons = self.meeting, {}
        there = self.offer.info.calendar_name if self.offer.info else "your calendar"
        if meeting.is_all_day:
            reasons["when"] = f"This takes whole days. Change its days in {there}."
        elif meeting.starts is None:
            reasons["when"] = f"The calendar gives no time for this event. Give it one in {there}."
        if meeting.body_shortened:
            reasons["description"] = f"The description is too long to be changed here. Change it in {there}."
        if len(self.invited()) < self._invited_there():
            reasons["invitees"] = f"More people are invited than are read here. Change them in {there}."
        return reasons

    def invited(self) -> tuple[Attendee, ...]:
        """Of a large meeting scheduled here the row does not hold everybody."""
        found = tuple(one for one in self.meeting.attendees if is_invited(one))
        scheduled = self.meeting.scheduled
        if scheduled is not None and (self.meeting.attendees_omitted or len(scheduled.invitees) > len(found)):
            return scheduled.invitees if self._is_large() else found
        return found

    def _is_large(self) -> bool:
        return self.meeting.attendees_omitted or self.meeting.attendee_count > len(self.meeting.attendees)

    def _invited_there(self) -> int:
        """At least so many."""
        if not self._is_large():
            return 0
        return self.meeting.attendee_count - sum(1 for one in self.meeting.attendees if not is_invited(one))

    @property
    def mark(self) -> str:
        return mark_of(self.meeting)

    @property
    def is_stale(self) -> bool:
        """Whether it was changed since the form was shown."""
        return self.is_bound and self.data.get("seen", "") != self.mark

    @property
    def fold(self) -> str:
        """Left alone, the meeting stays on the side of the night on which it is."""
        chosen = super().fold
        if chosen or self.meeting.starts is None or self.starts_anew:
            return chosen
        return str(fold_of(self.meeting.starts, self.zone))

    @property
    def starts_anew(self) -> bool:
        return bool({"date", "time"} & set(self.changed_data))

    def is_far(self, naive: datetime) -> bool:
        """A meeting that has begun may still become longer."""
        return self.starts_anew and super().is_far(naive)

    @property
    def is_separate(self) -> bool:
        """Whether a time that is changed makes a second event: see policy.TimeChange."""
        is_there = self.meeting.origin == Origin.CALENDAR
        return is_there and policy_for(self.owner_user).time_change is TimeChange.SEPARATE_EVENT

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.moves:
            self.read_when()
            if self.is_separate and values.get("scope", Scope.THIS) != Scope.THIS:
                sentence = "Where a second event is made, move one meeting at a time: choose “This meeting”."
                self.add_error("scope", sentence)
            elif (
                not self.errors and self.starts and (why := why_not_moved(self.meeting, self.starts, self.chosen_scope))
            ):
                self.add_error("date", why)
        values["people"] = self.read_people() if "invitees" in self.fields else ()
        if self.is_stale and not self.errors:
            self.add_error(
                None,
                "This meeting was changed while you were at it. What you typed is kept below; beside it stands what is "
                "there now. Save again to have yours written.",
            )
        return values

    @property
    def moves(self) -> bool:
        return "date" in self.fields and bool(set(WHEN) & set(self.changed_data))

    @property
    def into_calendar(self) -> bool:
        return self.meeting.origin == Origin.CALENDAR

    def to_change(self) -> Change:
        """Of a valid form: what is other than before, and nothing else."""
        values, changed = self.cleaned_data, set(self.changed_data)
        invited = {one.email.lower(): one for one in self.invited()}
        people = tuple(invited.get(one.email.lower(), one) for one in values["people"])
        rooms = tuple(one for one in self.meeting.attendees if one.is_resource)  # stay booked
        is_other = "invitees" in self.fields and {one.email.lower() for one in people} != set(invited)
        return Change(
            topic=values["topic"] if "topic" in changed else None,
            description=values["description"] if "description" in changed else None,
            invitees=(*people, *rooms) if is_other else None,
            starts=self.starts if self.moves else None,
            minutes=self.length if self.moves else None,
        )


def is_invited(one: Attendee) -> bool:
    return not (one.is_organizer or one.is_self or one.is_resource)


def mark_of(meeting: Meeting) -> str:
    """Differs where a person would read something else than before in what can be changed."""
    invited = sorted(one.email.lower() for one in meeting.attendees)
    parts = meeting.title, split_body(meeting.body_text), invited, meeting.starts, meeting.ends
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:24]
