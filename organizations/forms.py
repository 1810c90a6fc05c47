"""What people fill in about themselves, their colleagues and their organization."""

from typing import Any, cast

from django import forms
from django.conf import settings

from organizations.invitation_lists import MOST_BYTES, Unreadable, parse, read_text
from organizations.models import Group, Membership, Organization, Role, User
from organizations.time_zones import list_countries, list_zones


class SettingsForm(forms.ModelForm):
    """A person's own settings."""

    time_zone = forms.ChoiceField(required=False)
    second_time_zone = forms.ChoiceField(
        label="Second time zone",
        required=False,
        help_text="Meetings show this zone’s time beside yours: of an office, or of people, elsewhere.",
    )
    language = forms.ChoiceField(required=False)

    class Meta:
        model = User
        fields = ["name", "time_zone", "second_time_zone", "language", "theme"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"}), "theme": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "As colleagues see it."
        organization = self.instance.organization
        zone = organization.time_zone if organization else settings.TIME_ZONE
        choice_of(self, "time_zone").choices = [("", f"My organization's ({zone.replace('_', ' ')})"), *list_zones()]
        self.fields["time_zone"].label = "Time zone"
        self.fields["time_zone"].help_text = "Meetings and times everywhere are shown in it."
        choice_of(self, "second_time_zone").choices = [("", "None"), *list_zones()]
        choice_of(self, "language").choices = [("", "My organization's"), *settings.LANGUAGES]
        self.fields["theme"].label = "Colors"
        self.fields["theme"].required = False


class OrganizationForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        label="Time zone", choices=list_zones, help_text="For everybody who has not chosen their own."
    )
    language = forms.ChoiceField(choices=settings.LANGUAGES)
    default_region = forms.ChoiceField(
        label="Country",
        required=False,
        help_text="Phone numbers without + and country code are read as numbers of this country.",
    )

    class Meta:
        model = Organization
        fields = ["name", "time_zone", "language", "default_region", "audit_years"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice_of(self, "default_region").choices = [("", "None"), *list_countries()]
        self.fields["audit_years"].label = "Audit trail is kept"
        self.fields["audit_years"].help_text = "Older events are deleted for good."


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(widget=forms.RadioSelect, initial=Role.MEMBER)

    def __init__(self, *args: Any, by: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice_of(self, "role").choices = list_roles(by)


class ImportForm(forms.Form):
    """A list of people: a file, or pasted. Pasted lines have no longest length, at which a browser would cut them off
    without a word: too large a list is refused with a sentence."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        allow_empty_file=True,
        help_text="As any spreadsheet program saves it. Up to 10,000 lines.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
    )
    pasted = forms.CharField(
        label="Or paste the lines",
        required=False,
        strip=False,
        help_text="One person per line: e-mail, name, role, groups. Only the e-mail address is needed.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )

    def clean(self) -> dict[str, Any]:
        """Leaves the text of the list in `text`, and its first mistake with the field that it came by."""
        said = super().clean() or {}
        file, pasted = said.get("file"), said.get("pasted") or ""
        if self.errors:
            return said
        if not file and not pasted.strip():
            self.add_error("file", "Choose a file, or paste the lines below.")
            return said
        if file and pasted.strip():
            self.add_error("pasted", "Choose a file or paste lines, not both.")
            return said
        try:
            said["text"] = read_text(file.read(MOST_BYTES + 1) if file else pasted.encode())
            parse(said["text"])
        except Unreadable as refusal:
            self.add_error("file" if file else "pasted", str(refusal))
        return said


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class GroupForm(forms.Form):
    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class GroupsForm(forms.Form):
    """In which groups one person is."""

    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows_of(self, "groups").queryset = membership.organization.groups.all()
        self.fields["groups"].help_text = "In the order that decides: of the ticked ones, the first decides first."
        self.fields["groups"].initial = membership.groups.all()


def list_roles(by: Membership) -> list[tuple[str, str]]:
    """The roles this admin may give, each with what it means."""
    meanings = {
        Role.MEMBER: "Member: connects a calendar and contacts, sees their own meetings",
        Role.ADMIN: "Admin: also invites people and decides what may be connected",
        Role.OWNER: "Owner: also makes other owners",
    }
    return [(role.value, words) for role, words in meanings.items() if role != Role.OWNER or by.role == Role.OWNER]


def choice_of(form: forms.BaseForm, name: str) -> forms.ChoiceField:
    return cast(forms.ChoiceField, form.fields[name])


def rows_of(form: forms.BaseForm, name: str) -> Any:
    """Any, because only a ModelChoiceField lets its label be set on the instance."""
    return form.fields[name]
