"""Sign-up: a new person with a new organization of their own, or with the place they were invited to."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.core import context
from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from organizations import inviting
from organizations.client_address import client_address
from organizations.models import Membership, Organization, Role, User, record
from organizations.time_zones import find_region, list_zones


class SignupForm(allauth_forms.SignupForm):
    name = forms.CharField(
        label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    organization_name = forms.CharField(
        label="Organization",
        max_length=150,
        help_text="You become its owner and can invite others.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=list_zones,
        help_text="Meetings are shown in it. You can change it later.",
        widget=forms.Select(attrs={"data-guess-time-zone": True}),
    )
    field_order = ["name", "email", "password1", "organization_name", "time_zone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = inviting.find_pending(context.request)
        self.fields["email"].label = "E-mail address"
        self.fields["password1"].help_text = "At least 10 characters, and not one that many people use."
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["time_zone"].initial = settings.TIME_ZONE
        if self.invitation is not None:
            del self.fields["organization_name"]
            # The link proves this address and no other.
            self.initial["email"] = self.invitation.email
            self.initial["name"] = self.invitation.name
            self.fields["email"].disabled = True
            self.fields["time_zone"].initial = self.invitation.organization.time_zone

    def save(self, request: HttpRequest) -> Any:
        """The person, their address and their place, or none of them."""
        with transaction.atomic():
            return super().save(request)

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth between saving the person and their address."""
        zone = self.cleaned_data["time_zone"]
        if self.invitation is not None:
            inviting.accept(self.invitation, user=user, request=request)
            # Who followed the link in the mail has shown that the address is theirs: no code on top.
            get_adapter().stash_verified_email(request, self.invitation.email)
            if zone != self.invitation.organization.time_zone:
                user.time_zone = zone
                user.save(update_fields=["time_zone"])
            return
        organization = Organization.objects.create(
            name=self.cleaned_data["organization_name"], time_zone=zone, default_region=find_region(zone)
        )
        Membership.objects.create(user=user, organization=organization, role=Role.OWNER)
        record(
            "organization.created",
            organization=organization,
            actor=user,
            details={"name": organization.name},
            address=client_address(request),
        )
