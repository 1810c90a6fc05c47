"""What support staff see of people and organizations. No secret is shown; the audit trail is read only."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group as DjangoGroup
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db.models import Case, Count, IntegerField, Q, QuerySet, When
from django.forms import CheckboxSelectMultiple, ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse

from organizations import people, people_mails
from organizations.client_address import client_address
from organizations.models import AuditEvent, Group, Invitation, Membership, Organization, SwitchedOffBy, User, record
from organizations.opening import note_opening
from organizations.signals import region_changed

# They hold the secrets of second factors, session keys, a notion of groups that is not ours, and the addresses people
# sign in with: who may add one to somebody signs in as them.
for model in (Authenticator, UserSession, DjangoGroup, EmailAddress):
    admin.site.unregister(model)


class NoProbing:
    """Lists are filtered by what their page offers, and by nothing else.

    Django takes a filter on any column from the address, so that somebody could ask, letter by letter, what a column
    holds that no page shows: a meeting's topic, a hash.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        listed: Any = self
        offered = [name for name in [*listed.list_filter, listed.date_hierarchy] if isinstance(name, str)]
        return any(lookup == name or lookup.startswith(f"{name}__") for name in offered)


class AuditsOpening(admin.ModelAdmin):
    """Opening a page about one person's affairs is written into the audit trail of their organization."""

    def person_of(self, row: Any) -> User:
        person: User = row.user
        return person

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            note_opening(request, self.person_of(obj))
        return super().render_change_form(request, context, add, change, form_url, obj)


SUPPORT_PERMISSIONS = {
    "organizations.view_user": "See people",
    "organizations.change_user": "Correct people's names and zones, switch people off and on",
    "organizations.view_organization": "See organizations",
    "organizations.change_organization": "Change organizations' settings",
    "organizations.view_membership": "See who works where",
    "organizations.view_group": "See groups",
    "organizations.view_invitation": "See invitations",
    "organizations.change_invitation": "Send invitations again",
    "organizations.view_auditevent": "Read the audit trail",
    "integrations.view_connection": "See connections, runs and policy on a person's page, sync, have mails sent again",
    "integrations.delete_connection": "Disconnect people, with a reason",
    "integrations.view_syncrun": "See sync runs",
    "integrations.view_adminpolicy": "See what admins decided",
    "meetings.view_meeting": "See that there are meetings, never what they are about",
    "meetings.view_scheduledmeeting": "See that meetings were scheduled here, never what they are about",
    "meetings.view_write": "See what is on its way to calendars, never what is written, and have it tried again",
    "meetings.view_delegation": "See who schedules for whom",
    "meetings.view_accountcalendar": "See which calendars are read, never what they are called",
    "meetings.view_calendarlist": "See when calendars were last listed",
    "meetings.view_meetinghost": "See which meeting host an organization has, never its credentials",
    "meetings.view_hostcursor": "See when meetings were last read at the meeting host",
    "meetings.view_feedlink": "See that there are addresses to subscribe to, never the addresses",
    "contacts.view_contact": "See that there are contacts, never whose",
    "contacts.view_contactfolder": "See that there are folders of contacts",
    "phone.view_phonesystem": "See which phone system an organization has, never its credentials",
    "phone.view_licence": "See who may call, and how many calls they have",
    "phone.view_call": "See that there are calls, never with whom",
    "phone.view_voicemail": "See that there is voicemail, never of whom, nor what is said",
    "phone.view_phoneevent": "See that a phone system told of something, never of what",
}
"""What there is to give to support staff who are no superusers, in words for whoever gives it."""


class PermissionsField(ModelMultipleChoiceField):
    """Of SUPPORT_PERMISSIONS, in that order and in its words."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Permission.objects.none(), **kwargs)
        wanted, place = Q(), []
        for number, name in enumerate(SUPPORT_PERMISSIONS):
            app, _, codename = name.partition(".")
            one = Q(content_type__app_label=app, codename=codename)
            wanted |= one
            place.append(When(one, then=number))
        found = Permission.objects.filter(wanted).select_related("content_type")
        self.queryset = found.order_by(Case(*place, output_field=IntegerField()))

    def label_from_instance(self, permission: Any) -> str:
        return SUPPORT_PERMISSIONS[f"{permission.content_type.app_label}.{permission.codename}"]


class LookOnly(NoProbing):
    """Looking is all there is."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AddressInline(LookOnly, admin.StackedInline):
    model = EmailAddress
    fields = ["email", "verified", "primary"]
    extra = 0


class MembershipInline(LookOnly, admin.StackedInline):
    model = Membership
    fields = ["organization", "role", "groups", "joined_at"]
    readonly_fields = ["organization", "role", "groups", "joined_at"]
    extra = 0


class PersonForm(ModelForm):
    def clean_is_active(self) -> bool:
        """An organization without an owner who can sign in is one that nobody can manage any more.

        Under the lock, which holds until the page's transaction ends: its other owner does not leave meanwhile.
        """
        is_active: bool = self.cleaned_data["is_active"]
        membership = self.instance.find_membership()
        if is_active or membership is None or not self.instance.is_active:
            return is_active
        people.lock(membership.organization)
        membership.refresh_from_db(fields=["role"])
        if people.is_last_owner(membership):
            raise ValidationError(
                f"{self.instance.label} is the only owner of {membership.organization}. "
                "Have them hand it over first, or make somebody else an owner."
            )
        return is_active


@admin.register(User)
class UserAdmin(NoProbing, AuditsOpening):
    """People are not made or erased here: they sign up, or are invited. Support may correct a name or switch off."""

    list_display = ["email", "name", "organization", "role", "is_active", "is_staff", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff", "membership__role"]
    list_select_related = ["membership__organization"]
    search_fields = ["email", "name", "membership__organization__name"]
    search_help_text = "E-mail address, name or organization"
    form = PersonForm
    fields = [
        "email",
        "name",
        "time_zone",
        "language",
        "is_active",
        "switched_off_by",
        "is_staff",
        "last_login",
        "date_joined",
    ]
    inlines = [MembershipInline, AddressInline]
    ordering = ["email"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What a colleague in support may do is given by a superuser."""
        fields = [*super().get_fields(request, obj)]
        is_helper = obj is not None and obj.is_staff and not obj.is_superuser
        return [*fields, "user_permissions"] if is_helper and request.user.is_superuser else fields

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user_permissions":
            return PermissionsField(required=False, label="May", widget=CheckboxSelectMultiple)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def person_of(self, row: User) -> User:
        return row

    @admin.display(ordering="membership__role")
    def role(self, user: User) -> str:
        membership = user.find_membership()
        return membership.get_role_display() if membership else ""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = ["email", "switched_off_by", "last_login", "date_joined"]
        return fixed if request.user.is_superuser else [*fixed, "is_staff"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Support staff do not change each other: only a superuser does."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not obj.is_staff or request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """Who is switched off is out everywhere, and their connection is erased, as when an admin does it.

        Only what was changed here is saved: not what somebody else changes of the person in this moment.
        """
        obj.save(update_fields=[name for name in form.changed_data if name != "user_permissions"])
        if "is_active" in form.changed_data:
            switch(obj, request=request)
        if form.changed_data:
            record(
                "person.changed_by_support",
                organization=obj.organization,
                actor=cast(User, request.user),
                subject=obj,
                details={name: dump(form.cleaned_data[name]) for name in form.changed_data},
                address=client_address(request),
            )


def switch(person: User, *, request: HttpRequest) -> None:
    """All that goes with switching somebody on or off, as `is_active` says."""
    by = cast(User, request.user)
    if person.is_active:
        people.write_active(person, is_active=True)
        people_mails.tell_reactivated(person, by=by, is_support=True)
        return
    people.write_active(person, is_active=False, by=SwitchedOffBy.SUPPORT)
    people.end_sessions(person)
    if membership := person.find_membership():
        people.let_go(membership, reason=f"{person.label} was switched off by support.", by=by, request=request)
    people_mails.tell_deactivated(person, by=by, is_support=True)


def dump(value: Any) -> Any:
    """A value of a form as the audit trail keeps it."""
    return sorted(one.codename for one in value) if isinstance(value, QuerySet) else value


@admin.register(Organization)
class OrganizationAdmin(NoProbing, admin.ModelAdmin):
    list_display = ["name", "people", "time_zone", "default_region", "created_at"]
    search_fields = ["name"]
    fields = ["name", "time_zone", "language", "default_region", "created_at"]
    readonly_fields = ["created_at"]
    ordering = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return super().get_queryset(request).annotate(size=Count("memberships"))

    @admin.display(ordering="size")
    def people(self, organization: Any) -> int:
        return organization.size

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Organization, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "default_region" in form.changed_data:
            region_changed.send(Organization, organization=obj)
        record(
            "organization.changed_by_support" if change else "organization.created_by_support",
            organization=obj,
            actor=cast(User, request.user),
            details={name: form.cleaned_data[name] for name in form.changed_data},
            address=client_address(request),
        )


@admin.register(Membership)
class MembershipAdmin(LookOnly, admin.ModelAdmin):
    list_display = ["user", "organization", "role", "joined_at"]
    list_filter = ["role"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__email", "user__name", "organization__name"]
    fields = ["user", "organization", "role", "groups", "joined_at"]


@admin.register(Group)
class GroupAdmin(LookOnly, admin.ModelAdmin):
    list_display = ["name", "organization", "position"]
    list_select_related = ["organization"]
    search_fields = ["name", "organization__name"]


@admin.register(Invitation)
class InvitationAdmin(LookOnly, admin.ModelAdmin):
    list_display = ["email", "organization", "role", "invited_by", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    list_select_related = ["organization", "invited_by"]
    list_filter = ["role"]
    search_fields = ["email", "organization__name"]
    date_hierarchy = "sent_at"
    exclude = ["token_hash"]


@admin.register(AuditEvent)
class AuditEventAdmin(LookOnly, admin.ModelAdmin):
    list_display = ["at", "action", "actor_label", "subject_label", "organization", "details", "address"]
    list_select_related = ["organization"]
    list_filter = ["action"]
    search_fields = ["actor_label", "subject_label", "action", "organization__name"]
    search_help_text = "E-mail address, action or organization"
    date_hierarchy = "at"
    show_full_result_count = False
    actions = None
