"""What an owner says of a delegate."""

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone

from organizations.models import User

LONGEST = 300


class TermsForm(forms.Form):
    """What a delegate may do, and until when."""

    may_manage_private = forms.BooleanField(
        label="May manage private events",
        required=False,
        help_text="Without it they see of a private event its time and “Private”: no topic, link, place, people or "
        "description, on no page and in no search, list or download.",
    )
    until = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="In your time zone. Empty: until you remove them.",
        error_messages={"invalid": "Write the day as 2027-01-31."},
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.today = timezone.now().astimezone(owner.zone).date()
        self.fields["until"].widget.attrs["min"] = self.today.isoformat()

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until is not None and until < self.today:
            raise forms.ValidationError("This day is over already. Choose a later one, or none.")
        return until


class DelegateForm(TermsForm):
    """A new one: a colleague, by address or by a name that only one has."""

    person = forms.CharField(
        label="Colleague",
        max_length=LONGEST,
        help_text="Type a name or an e-mail address.",
        error_messages={"required": "Say who is to schedule for you."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "colleagues", "spellcheck": "false"}),
    )
    field_order = ("person", "may_manage_private", "until")

    def clean_person(self) -> User:
        text = self.cleaned_data["person"].replace("\x00", " ")
        named = re.search(r"<([^<>]+)>\s*$", text)
        text = " ".join((named[1] if named else text).split())
        organization = self.owner.organization
        colleagues = User.objects.filter(membership__organization=organization, is_active=True)
        found = list(colleagues.filter(Q(email__iexact=text) | Q(name__iexact=text)).order_by("email")[:2])
        if not found:
            raise forms.ValidationError(f"Nobody at {organization} has this name or address. Choose a colleague.")
        if len(found) > 1:
            raise forms.ValidationError("Several colleagues have this name. Write the e-mail address.")
        if found[0].pk == self.owner.pk:
            raise forms.ValidationError("You schedule for yourself already. Choose a colleague.")
        return found[0]
