"""Profile → Scheduling privilege: whom a person has named, who has named them, and the card that leads there."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from meetings import assistants, naming
from meetings.delegating import find_circle, is_running
from meetings.delegation_forms import DelegateForm, TermsForm
from meetings.models import Delegation
from organizations.client_address import client_address
from organizations.colleagues import find_people
from organizations.models import User
from organizations.requests import SignedInRequest

MOST_FOUND = 12


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delegates(request: SignedInRequest) -> HttpResponse:
    """The list, and the form by which another is named."""
    if request.method != "POST":
        return _page(request, DelegateForm(owner=request.user, initial={"person": request.GET.get("person", "")}))
    form = DelegateForm(request.POST, owner=request.user)
    if form.is_valid():
        said = form.cleaned_data
        terms = {name: said[name] for name in ("may_manage_private", "until")}
        try:
            naming.name_delegate(request.user, said["person"], **terms, address=client_address(request))
        except naming.NamingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{said['person'].label} can schedule for you now, and is told by mail.")
            return redirect("meetings:delegates")
    return _page(request, form, status=422)


def _page(request: SignedInRequest, form: DelegateForm, *, status: int = 200) -> HttpResponse:
    user = request.user
    mine = list(
        user.delegations.select_related("delegate__membership__organization").order_by(
            "delegate__name", "delegate__email"
        )
    )
    context = {
        "form": form,
        "refusal": naming.why_not_named(user),
        "delegates": [_describe(one, user) for one in mine],
        "owners": find_circle(user).owners,
        "colleagues": find_people(user, "", MOST_FOUND),
        "assistants": assistants.find_assistants(user),
    }
    return render(request, "meetings/delegates.html", context, status=status)


def _describe(delegation: Delegation, owner: User) -> dict[str, Any]:
    delegate = delegation.delegate
    is_off = not delegate.is_active or delegate.organization != owner.organization
    return {"delegation": delegation, "is_over": not is_running(delegation, owner), "is_off": is_off}


@never_cache
@require_safe
def delegate_people(request: SignedInRequest) -> HttpResponse:
    """For htmx, while somebody types: colleagues who can be named."""
    found = find_people(request.user, request.GET.get("person", ""), MOST_FOUND)
    return render(request, "meetings/_delegate_people.html", {"colleagues": found})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delegate(request: SignedInRequest, pk: int) -> HttpResponse:
    """What one of them may do, and until when."""
    found = get_object_or_404(request.user.delegations.select_related("delegate"), pk=pk)
    found.owner = request.user
    initial = {"may_manage_private": found.may_manage_private, "until": found.until}
    posted = request.POST if request.method == "POST" else None
    form = TermsForm(posted, owner=request.user, initial=initial)
    if form.is_valid():
        try:
            naming.change(found, **form.cleaned_data, address=client_address(request))
        except naming.NamingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"What {found.delegate.label} may do is saved.")
            return redirect("meetings:delegates")
    context = {"form": form, "delegation": found, "refusal": naming.why_not_named(request.user)}
    return render(request, "meetings/delegate.html", context, status=422 if form.is_bound else 200)


@require_POST
def delegate_removal(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(request.user.delegations.select_related("delegate"), pk=pk)
    found.owner = request.user
    naming.remove(found, address=client_address(request))
    messages.success(request, f"{found.delegate.label} no longer sees your meetings, and schedules none for you.")
    return redirect("meetings:delegates")


@require_POST
def delegate_giving_up(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(request.user.delegated.select_related("owner"), pk=pk)
    found.delegate = request.user
    naming.give_up(found, address=client_address(request))
    messages.success(request, f"You no longer schedule for {found.owner.label}, who is told by mail.")
    return redirect("meetings:delegates")


def describe_card(user: User) -> Mapping[str, Any]:
    """The card on the profile page; settings.PROFILE_CARDS names it. Two queries more than the policy takes."""
    return {
        "template": "meetings/_delegates_card.html",
        "refusal": naming.why_not_named(user),
        "delegates": [one.delegate for one in user.delegations.select_related("delegate") if is_running(one, user)],
        "owners": [one.user for one in find_circle(user).owners],
    }
