"""Who works here: the list, one person, their role, and how they come to leave."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations import grouping, people
from organizations.access import for_admins, for_owners
from organizations.confirming import ask_first
from organizations.forms import GroupsForm, RoleForm
from organizations.models import Membership, Role, SwitchedOffBy
from organizations.people import ChangeRefused
from organizations.placement import find_consequence
from organizations.requests import SignedInRequest

PEOPLE_PER_PAGE = 25
SHOW = {
    "admins": ("Admins and owners", Q(role__in=[Role.ADMIN, Role.OWNER])),
    "deactivated": ("Deactivated", Q(user__is_active=False)),
}

show_or_save = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@for_admins
def people_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Everybody who works here."""
    sought = clean(request.GET.get("q", ""))
    found = search(admin.organization.memberships.select_related("user").prefetch_related("groups"), sought)
    if group := request.GET.get("group", ""):
        found = found.filter(groups=int(group)) if group.isdecimal() and len(group) < 19 else found.none()
    shown = request.GET.get("show", "")
    if shown in SHOW:
        found = found.filter(SHOW[shown][1])
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
            "shown": shown,
            "ways_to_show": [(key, words) for key, (words, _) in SHOW.items()],
            "invited": admin.organization.invitations.open().count(),
            "now": timezone.now(),
        },
    )


def clean(text: str) -> str:
    """What was typed into a search box, without what no database takes."""
    return text.replace("\0", "").strip()


def search(memberships: QuerySet[Membership], sought: str) -> QuerySet[Membership]:
    """Those with the words in name or address; all of them for no words."""
    if not sought:
        return memberships
    return memberships.filter(Q(user__name__icontains=sought) | Q(user__email__icontains=sought))


def get_member(admin: Membership, pk: int) -> Membership:
    return get_object_or_404(admin.organization.memberships.select_related("user", "organization"), pk=pk)


@require_safe
@for_admins
def person(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """One colleague: role, groups in the order that decides, and what else an admin may do."""
    return render_person(request, admin, get_member(admin, pk))


def render_person(
    request: SignedInRequest, admin: Membership, membership: Membership, *, status: int = 200, **forms: Any
) -> HttpResponse:
    return render(
        request,
        "organizations/person.html",
        {
            "membership": membership,
            "in_groups": list(membership.groups.all()),
            "role_form": RoleForm(initial={"role": membership.role}),
            "groups_form": GroupsForm(membership=membership),
            "is_self": membership.user_id == admin.user_id,
            "may_reactivate": membership.user.switched_off_by == SwitchedOffBy.ORGANIZATION,
            "may_manage": membership.role != Role.OWNER or admin.role == Role.OWNER,
            "may_hand_over": admin.role == Role.OWNER and membership.role != Role.OWNER and membership.user.is_active,
            **forms,
        },
        status=status,
    )


@require_POST
@for_admins
def role_change(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    membership = get_member(admin, pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            people.change_role(membership, form.cleaned_data["role"], by=request.user, request=request)
        except ChangeRefused as refusal:
            form.add_error("role", str(refusal))
    if not form.is_valid():
        return render_person(request, admin, membership, role_form=form, status=422)
    messages.success(request, f"The role of {membership.user.label} is saved.")
    if membership.user == request.user and form.cleaned_data["role"] == "member":
        return redirect("integrations:profile")
    return redirect("organizations:person", pk)


@require_POST
@for_admins
def groups_change(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    membership = get_member(admin, pk)
    form = GroupsForm(request.POST, membership=membership)
    if not form.is_valid():
        return render_person(request, admin, membership, groups_form=form, status=422)
    groups = form.cleaned_data["groups"]
    wanted = frozenset(group.pk for group in groups)
    question = ask_first(
        request,
        find_consequence(admin.organization, groups_of={membership.pk: wanted}),
        title=f"Change the groups of {membership.user.label}?",
        act="Change the groups",
        back=("organizations:person", pk),
    )
    if question is not None:
        return question
    try:
        grouping.set_groups(membership, groups, by=request.user, request=request)
    except ChangeRefused as refusal:
        form.add_error("groups", str(refusal))
        return render_person(request, admin, membership, groups_form=form, status=422)
    messages.success(request, f"The groups of {membership.user.label} are saved.")
    return redirect("organizations:person", pk)


@show_or_save
@for_admins
def deactivation(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Switch somebody off, after saying what that means."""
    membership = get_member(admin, pk)
    sentence = ""
    if request.method == "POST":
        try:
            people.deactivate(membership, by=request.user, request=request)
        except ChangeRefused as refusal:
            sentence = str(refusal)
        else:
            messages.success(request, f"{membership.user.label} is deactivated and signed out everywhere.")
            return redirect("organizations:person", pk)
    words = {"membership": membership, "sentence": sentence}
    return render(request, "organizations/deactivation.html", words, status=422 if sentence else 200)


@require_POST
@for_admins
def reactivation(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    membership = get_member(admin, pk)
    try:
        people.reactivate(membership, by=request.user, request=request)
    except ChangeRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{membership.user.label} can sign in again, and connects anew.")
    return redirect("organizations:person", pk)


@show_or_save
@for_owners
def ownership(request: SignedInRequest, owner: Membership, pk: int) -> HttpResponse:
    """Hand the organization over to somebody, after showing once more that it is the owner who asks."""
    return hand_over(request, owner, get_member(owner, pk))


@reauthentication_required
def hand_over(request: SignedInRequest, owner: Membership, heir: Membership) -> HttpResponse:
    sentence = ""
    if request.method == "POST":
        try:
            people.hand_over(owner, heir, request=request)
        except ChangeRefused as refusal:
            sentence = str(refusal)
        else:
            messages.success(request, f"{heir.user.label} owns {owner.organization.name} now. You are an admin.")
            return redirect("organizations:people")
    words = {"membership": heir, "owner": owner, "sentence": sentence}
    return render(request, "organizations/ownership.html", words, status=422 if sentence else 200)


@show_or_save
def departure(request: SignedInRequest) -> HttpResponse:
    """Leave the organization oneself."""
    membership = request.user.find_membership()
    if membership is None:
        messages.info(request, "You belong to no organization.")
        return redirect("organizations:settings")
    sentence = ""
    if request.method == "POST":
        try:
            people.leave(membership, request=request)
        except ChangeRefused as refusal:
            sentence = str(refusal)
        else:
            messages.success(request, f"You have left {membership.organization.name}.")
            return redirect("integrations:profile")
    words = {
        "membership": membership,
        "sentence": sentence,
        "is_last_owner": people.is_last_owner(membership),
    }
    return render(request, "organizations/departure.html", words, status=422 if sentence else 200)
