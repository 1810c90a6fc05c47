"""People, groups and invitations for admins; each person's own settings."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations import inviting, people
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.forms import GroupForm, GroupsForm, InvitationForm, OrganizationForm, RoleForm, SettingsForm
from organizations.inviting import InvitationRefused
from organizations.models import Group, Membership, Theme, record
from organizations.people import ChangeRefused
from organizations.requests import SignedInRequest

THEME_COOKIE = "portico-theme"
THEME_COOKIE_AGE = 365 * 24 * 3600
PEOPLE_PER_PAGE = 25

show_or_save = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@for_admins
def people_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Everybody who works here, and who is invited."""
    sought = request.GET.get("q", "").replace("\0", "").strip()
    found = admin.organization.memberships.select_related("user").prefetch_related("groups")
    if sought:
        found = found.filter(Q(user__name__icontains=sought) | Q(user__email__icontains=sought))
    if group := request.GET.get("group", ""):
        found = found.filter(groups=int(group)) if group.isdecimal() and len(group) < 19 else found.none()
    page = Paginator(found.order_by("user__name", "user__email"), PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "organizations/people.html",
        {
            "organization": admin.organization,
            "page_obj": page,
            "sought": sought,
            "group": group,
            "groups": admin.organization.groups.all(),
            "invitations": admin.organization.invitations.open().select_related("invited_by"),
            "now": timezone.now(),
        },
    )


@require_safe
@for_admins
def person(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """One colleague: role and groups."""
    membership = get_object_or_404(admin.organization.memberships.select_related("user", "organization"), pk=pk)
    return render_person(request, membership)


def render_person(request: SignedInRequest, membership: Membership, *, status: int = 200, **forms: Any) -> HttpResponse:
    return render(
        request,
        "organizations/person.html",
        {
            "membership": membership,
            "role_form": RoleForm(initial={"role": membership.role}),
            "groups_form": GroupsForm(membership=membership),
            **forms,
        },
        status=status,
    )


@require_POST
@for_admins
def role_change(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    membership = get_object_or_404(admin.organization.memberships.select_related("user", "organization"), pk=pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            people.change_role(membership, form.cleaned_data["role"], by=request.user, request=request)
        except ChangeRefused as refusal:
            form.add_error("role", str(refusal))
    if not form.is_valid():
        return render_person(request, membership, role_form=form, status=422)
    messages.success(request, f"The role of {membership.user.label} is saved.")
    if membership.user == request.user and form.cleaned_data["role"] == "member":
        return redirect("integrations:profile")
    return redirect("organizations:person", pk)


@require_POST
@for_admins
def groups_change(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    membership = get_object_or_404(admin.organization.memberships.select_related("user", "organization"), pk=pk)
    form = GroupsForm(request.POST, membership=membership)
    if not form.is_valid():
        return render_person(request, membership, groups_form=form, status=422)
    people.set_groups(membership, form.cleaned_data["groups"], by=request.user, request=request)
    messages.success(request, f"The groups of {membership.user.label} are saved.")
    return redirect("organizations:person", pk)


@show_or_save
@for_admins
def invitation_new(request: SignedInRequest, admin: Membership) -> HttpResponse:
    form = InvitationForm(request.POST or None, by=admin)
    if form.is_valid():
        try:
            inviting.invite(admin.organization, **form.cleaned_data, by=request.user, request=request)
        except InvitationRefused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, f"The invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("organizations:people")
    return render(request, "organizations/invitation_new.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
@for_admins
def invitation_send_again(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    invitation = get_object_or_404(admin.organization.invitations, pk=pk)
    try:
        inviting.send_again(invitation, by=request.user, request=request)
    except InvitationRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"A new invitation is on its way to {invitation.email}. The older link is void.")
    return redirect("organizations:people")


@require_POST
@for_admins
def invitation_revoke(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    invitation = get_object_or_404(admin.organization.invitations, pk=pk)
    try:
        inviting.revoke(invitation, by=request.user, request=request)
    except InvitationRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The invitation for {invitation.email} is taken back. Its link no longer works.")
    return redirect("organizations:people")


@login_not_required
@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link in the mail leads. Looking changes nothing: mail scanners look too."""
    try:
        found = inviting.find_usable(token)
    except InvitationRefused as refusal:
        return render(request, "organizations/invitation_refused.html", {"sentence": str(refusal)}, status=410)
    sentence = ""
    if request.user.is_authenticated:
        try:
            inviting.check_fits(found, request.user)
        except InvitationRefused as refusal:
            sentence = str(refusal)
    else:
        request.session[inviting.SESSION_KEY] = token
    return render(request, "organizations/invitation.html", {"invitation": found, "token": token, "sentence": sentence})


@require_POST
def invitation_accept(request: SignedInRequest, token: str) -> HttpResponse:
    try:
        membership = inviting.accept(inviting.find_usable(token), user=request.user, request=request)
    except InvitationRefused as refusal:
        return render(request, "organizations/invitation_refused.html", {"sentence": str(refusal)}, status=422)
    messages.success(request, f"Welcome to {membership.organization.name}.")
    return redirect("home")


@require_safe
@for_admins
def group_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    groups = admin.organization.groups.annotate(size=Count("memberships"))
    return render(request, "organizations/groups.html", {"groups": groups, "organization": admin.organization})


@show_or_save
@for_admins
def group_new(request: SignedInRequest, admin: Membership) -> HttpResponse:
    return edit_group(request, Group(organization=admin.organization))


@show_or_save
@for_admins
def group_edit(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    return edit_group(request, get_object_or_404(admin.organization.groups, pk=pk))


def edit_group(request: SignedInRequest, group: Group) -> HttpResponse:
    form = GroupForm(request.POST or None, instance=group)
    if form.is_valid():
        try:
            people.save_group(
                form.save(commit=False), memberships=form.cleaned_data["memberships"], by=request.user, request=request
            )
        except ChangeRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"The group {group.name} is saved.")
            return redirect("organizations:groups")
    return render(
        request, "organizations/group.html", {"form": form, "group": group}, status=422 if form.is_bound else 200
    )


@require_POST
@for_admins
def group_delete(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    group = get_object_or_404(admin.organization.groups, pk=pk)
    people.delete_group(group, by=request.user, request=request)
    messages.success(request, f"The group {group.name} is deleted. Its people stay.")
    return redirect("organizations:groups")


@show_or_save
@for_admins
def organization(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """The organization's own settings."""
    form = OrganizationForm(request.POST or None, instance=admin.organization)
    if form.is_valid():
        people.change_organization(form.instance, changed=form.changed_data, by=request.user, request=request)
        messages.success(request, "The organization's settings are saved.")
        return redirect("organizations:organization")
    return render(request, "organizations/organization.html", {"form": form}, status=422 if form.is_bound else 200)


@show_or_save
def settings(request: SignedInRequest) -> HttpResponse:
    """Name, time zone, language, colors."""
    form = SettingsForm(request.POST or None, instance=request.user)
    if form.is_valid():
        user = form.save()
        if form.changed_data:
            record(
                "person.settings_changed",
                organization=user.organization,
                actor=user,
                subject=user,
                details={name: form.cleaned_data[name] for name in form.changed_data},
                address=client_address(request),
            )
        messages.success(request, "Your settings are saved.")
        return remember_theme(redirect("organizations:settings"), user.theme)
    return render(request, "organizations/settings.html", {"form": form}, status=422 if form.is_bound else 200)


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the device, from the person's menu or before signing in; back to the page it was asked from."""
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in Theme.values else Theme.AUTO
    if request.user.is_authenticated:
        request.user.theme = chosen
        request.user.save(update_fields=["theme"])
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    return remember_theme(redirect(back), chosen)


def remember_theme(response: HttpResponse, chosen: str) -> HttpResponse:
    """Keep the choice in this browser too, for its pages before signing in."""
    response.set_cookie(THEME_COOKIE, chosen, max_age=THEME_COOKIE_AGE, httponly=True, samesite="Lax")
    return response
