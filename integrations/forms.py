"""What people choose: a service, and boxes."""

from collections.abc import Iterable
from typing import Any

from django import forms

from integrations.permissions import Permission, Permissions, parse_permissions, with_reads
from integrations.policy import Choice, ServicePolicy, decide, offer_permissions


class PermissionsForm(forms.Form):
    """The boxes of one service under one policy. Fixed boxes are shown, disabled, with the reason.

    A browser does not post disabled boxes, and may post anything else: `asked` is what the person wants, and policy
    is applied to it by `decide`, here as everywhere.
    """

    permissions = forms.MultipleChoiceField(
        choices=[(one.value, one.label) for one in Permission],
        required=False,
        error_messages={"invalid_choice": "There is no permission called %(value)s."},
    )

    def __init__(self, *args: Any, service: ServicePolicy, held: Permissions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.service = service
        self.held = held

    def clean_permissions(self) -> Permissions:
        # Ticking a write ticks its read, also without the script that shows it.
        asked = with_reads(parse_permissions(self.cleaned_data["permissions"]))
        if not decide(asked, self.service):
            raise forms.ValidationError("Tick at least one permission, or go back and connect nothing.")
        return asked

    def choices(self) -> Iterable[Choice]:
        """The boxes, ticked as posted where something was posted."""
        ticked = self.held
        if self.is_bound:
            given = self.fields["permissions"].widget.value_from_datadict(self.data, self.files, "permissions")
            posted = {value for value in given if value in set(Permission)}
            ticked = with_reads(parse_permissions(posted))
        return offer_permissions(self.service, ticked)
