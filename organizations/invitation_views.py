"""Invitations: sending them, and what their links lead to."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from organizations import inviting
from organizations.access import for_admins
from organizations.forms import InvitationForm
from organizations.invitation_mails import most_per_day
from organizations.inviting import InvitationRefused
from organizations.models import Membership
from organizations.people_views import clean, show_or_save
from organizations.requests import SignedInRequest

INVITATIONS_PER_PAGE = 25


@require_safe
@for_admins
def invitation_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Who is invited and has not answered yet."""
    sought = clean(request.GET.get("q", ""))
    found = admin.organization.invitations.open().select_related("invited_by").prefetch_related("groups")
    if sought:
        found = found.filter(email__icontains=sought)
    words = {
        "page_obj": Paginator(found, INVITATIONS_PER_PAGE).get_page(request.GET.get("page")),
        "sought": sought,
        "waiting": admin.organization.invitations.waiting().count(),
        "most_per_day": most_per_day(),
    }
    return render(request, "organizations/invitations.html", words)


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
            return redirect("organizations:invitations")
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
    return redirect("organizations:invitations")


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
    return redirect("organizations:invitations")


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
