"""Who is invited: a list of addresses, and the one that is being typed."""

from typing import Any

from django import forms

from integrations.models import Connection
from integrations.remote import Attendee
from meetings.addresses import parse_addresses
from meetings.schedule_fields import MOST_INVITEES, InviteesField, name_wrong
from organizations.models import User


class PeopleForm(forms.Form):
    """`invitee` is where people are looked for; what is left in it is meant as well."""

    invitees = InviteesField()
    invitee = forms.CharField(label="Add a person", required=False)

    owner_user: User
    connection: Connection | None

    def read_people(self) -> tuple[Attendee, ...]:
        """Everybody named, each once, without the owner, who is there anyhow. Says what is wrong."""
        listed = self.cleaned_data.get("invitees") or ()
        typed = parse_addresses(self.cleaned_data.get("invitee") or "")
        if typed.wrong:
            self.add_error("invitees", list(name_wrong(typed.wrong)))
        own = {self.owner_user.email.lower()}
        if self.connection is not None:
            own.add(self.connection.mailbox.lower())
        people = {one.email.lower(): one for one in (*typed.people, *listed)}
        if len(people) > MOST_INVITEES and "invitees" not in self.errors:
            self.add_error("invitees", f"At most {MOST_INVITEES} people can be invited to one meeting.")
        return tuple(people[key] for key in dict.fromkeys(_keys(listed) + _keys(typed.people)) if key not in own)


def _keys(people: Any) -> list[str]:
    return [one.email.lower() for one in people]
