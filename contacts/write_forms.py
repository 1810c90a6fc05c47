"""What a person fills in to create a contact, or to add a number to one. What is wrong is said, and stays as typed."""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from contacts.caller_names import split_name
from contacts.models import ContactFolder
from contacts.names import clean_line, fold
from contacts.offering import Offer
from integrations.numbers import format_number
from integrations.remote import ContactDraft, RemoteEmail, RemoteNumber
from phone.models import Party

LONGEST_NAME = 120
LONGEST_NUMBER = 60
NOT_OFFERED = "Choose one of these."
FOLDER_CLOSED = "Nothing can be put into this folder any more. Choose another one."


class LineField(forms.CharField):
    """One line without what no line shows; too long a one is not cut, but said to be."""

    def __init__(self, *, label: str, longest: int, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(label=label, required=kwargs.pop("required", False), **kwargs)

    def to_python(self, value: Any) -> str:
        line = clean_line(str(value or ""), 100_000)
        return line if fold(line) else ""

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.longest:
            raise ValidationError(f"This has {len(value):,} characters, and at most {self.longest} fit. Shorten it.")

    def run_validators(self, value: Any) -> None:
        """Null characters are gone already."""


class NumberField(LineField):
    def to_python(self, value: Any) -> str:
        """Without the marks of direction that phones copy along."""
        return "".join(one for one in super().to_python(value) if unicodedata.category(one) != "Cf").strip()


class AddressField(LineField):
    def validate(self, value: str) -> None:
        super().validate(value)
        if value:
            forms.EmailField(error_messages={"invalid": "This is no e-mail address."}).clean(value)


def _line(autocomplete: str = "off", **more: str) -> forms.TextInput:
    return forms.TextInput(attrs={"dir": "auto", "autocomplete": autocomplete, **more})


class NumberForm(forms.Form):
    """A number and its type. `seen`: what the contact looked like when it was shown, see Portrait.digest."""

    number = NumberField(
        label="Phone number",
        longest=LONGEST_NUMBER,
        required=True,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the number that is to be added."},
    )
    number_type = forms.ChoiceField(label="Type", error_messages={"invalid_choice": NOT_OFFERED})
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, offer: Offer, **kwargs: Any) -> None:
        super().__init__(data, auto_id="number-%s", **kwargs)
        self.offer = offer
        self.fields["number_type"].choices = offer.type_choices  # type: ignore[attr-defined]

    @property
    def warning(self) -> str:
        return warn_of(self.offer, str(self["number"].value() or ""))

    def to_number(self) -> RemoteNumber:
        """Of a valid form."""
        return self.offer.make_number(self.cleaned_data["number"], self.cleaned_data["number_type"])


class ContactForm(forms.Form):
    given_name = LineField(label="Given name", longest=LONGEST_NAME, widget=_line())
    family_name = LineField(label="Family name", longest=LONGEST_NAME, widget=_line())
    email = AddressField(
        label="E-mail address", longest=254, widget=_line(inputmode="email", autocapitalize="off", spellcheck="false")
    )
    organization = LineField(label="Organization", longest=LONGEST_NAME, widget=_line())
    number = NumberField(
        label="Phone number",
        longest=LONGEST_NUMBER,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off", "spellcheck": "false"}),
    )
    number_type = forms.ChoiceField(label="Type", required=False, error_messages={"invalid_choice": NOT_OFFERED})
    folder = forms.CharField(label="Folder", required=False)

    def __init__(self, data: Any = None, *, offer: Offer, **kwargs: Any) -> None:
        super().__init__(data, auto_id="contact-%s", **kwargs)
        self.offer = offer
        self.fields["number_type"].choices = offer.type_choices  # type: ignore[attr-defined]

    def clean_folder(self) -> ContactFolder | None:
        key = self.cleaned_data["folder"]
        folder = self.offer.find_folder(key) if key else self.offer.default_folder
        if key and folder is None:
            raise ValidationError(FOLDER_CLOSED)
        return folder

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        names = ("given_name", "family_name", "organization", "email", "number")
        if not self.errors and not any(values.get(name) for name in names):
            self.add_error("given_name", "Type a name, or at least an organization, an address or a number.")
        if values.get("number") and not values.get("number_type") and "number_type" not in self.errors:
            self.add_error("number_type", NOT_OFFERED)
        return values

    @property
    def warning(self) -> str:
        return warn_of(self.offer, str(self["number"].value() or ""))

    def to_draft(self) -> ContactDraft:
        """What has been typed, as far as it is good."""
        values = getattr(self, "cleaned_data", {})
        number = values.get("number")
        return ContactDraft(
            given_name=values.get("given_name", ""),
            family_name=values.get("family_name", ""),
            organization=values.get("organization", ""),
            emails=(RemoteEmail(values["email"]),) if values.get("email") else (),
            numbers=(self.offer.make_number(number, values.get("number_type", "")),) if number else (),
        )


def warn_of(offer: Offer, text: str) -> str:
    """Why a number that can be written all the same cannot be called."""
    text = clean_line(text, LONGEST_NUMBER + 1)
    return offer.judge(text).reason if text else ""


def initial_of_party(offer: Offer, party: Party) -> dict[str, str]:
    """What is known of who called. The number with its country, so that it is good wherever it is read."""
    number = format_number(party.e164) if party.e164 else clean_line(party.number, LONGEST_NUMBER)
    given, family, organization = split_name(party.name)
    return {
        "given_name": given[:LONGEST_NAME],
        "family_name": family[:LONGEST_NAME],
        "organization": organization[:LONGEST_NAME],
        "number": number,
        "number_type": offer.guess_type(number),
    }


def initial_of_draft(draft: ContactDraft) -> dict[str, str]:
    """What had been wanted before; its first address and number, as one form holds no more."""
    number = next(iter(draft.numbers), None)
    return {
        "given_name": draft.given_name,
        "family_name": draft.family_name,
        "organization": draft.organization,
        "email": next((one.address for one in draft.emails), ""),
        "number": number.value if number else "",
        "number_type": number.label if number else "",
    }
