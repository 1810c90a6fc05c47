"""Groups: their order, who is in each, and what becomes of a group."""

from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from organizations import grouping
from organizations.access import View, for_admins
from organizations.confirming import ask_first
from organizations.forms import GroupForm
from organizations.grouping import GroupGone
from organizations.models import Group, Membership, Organization
from organizations.people import ChangeRefused
from organizations.people_views import clean, search, show_or_save
from organizations.placement import find_consequence
from organizations.requests import SignedInRequest

MEMBERS_PER_PAGE = 50


def to_the_list_if_gone(view: View) -> View:
    """Two admins at once: who comes to a group that the other has just deleted is told so."""

    @wraps(view)
    def show(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except GroupGone as refusal:
            messages.error(request, str(refusal))
            return redirect("organizations:groups")

    return show


@require_safe
@for_admins
def group_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """The groups, in the order that decides."""
    # A model's own order does not hold where rows are counted.
    groups = admin.organization.groups.annotate(size=Count("memberships")).order_by("position", "name")
    return render(request, "organizations/groups.html", {"groups": groups, "organization": admin.organization})


@show_or_save
@for_admins
def group_new(request: SignedInRequest, admin: Membership) -> HttpResponse:
    form = GroupForm(request.POST or None)
    if form.is_valid():
        try:
            group = grouping.create_group(
                admin.organization, form.cleaned_data["name"], by=request.user, request=request
            )
        except ChangeRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"The group {group.name} is there. Now put people into it.")
            return redirect("organizations:group_members_new", group.pk)
    return render(request, "organizations/group_new.html", {"form": form}, status=422 if form.is_bound else 200)


@show_or_save
@for_admins
@to_the_list_if_gone
def group_edit(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """One group: its name, and who is in it."""
    group = get_group(admin, pk)
    form = GroupForm(request.POST or None, initial={"name": group.name})
    name = group.name
    if form.is_valid():
        try:
            grouping.rename_group(group, form.cleaned_data["name"], by=request.user, request=request)
        except GroupGone:
            raise
        except ChangeRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"The group is called {group.name}.")
            return redirect("organizations:group_edit", pk)
    sought = clean(request.GET.get("q", ""))
    found = search(group.memberships.select_related("user"), sought)  # type: ignore[attr-defined]
    groups = list(admin.organization.groups.values_list("pk", flat=True))
    return render(
        request,
        "organizations/group.html",
        {
            "form": form,
            "group": group,
            "name": name,
            "page_obj": paginate(request, found),
            "sought": sought,
            "place": groups.index(group.pk) + 1 if group.pk in groups else len(groups),
            "of": len(groups),
        },
        status=422 if form.is_bound else 200,
    )


@require_safe
@for_admins
def group_members_new(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Who is not in the group yet, to be searched and ticked."""
    group = get_group(admin, pk)
    sought = clean(request.GET.get("q", ""))
    found = search(find_others(admin.organization, group), sought)
    words = {"group": group, "page_obj": paginate(request, found), "sought": sought}
    return render(request, "organizations/group_members_new.html", words)


@require_POST
@for_admins
@to_the_list_if_gone
def group_members(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Put those who were ticked, or all who were found, into the group."""
    group = get_group(admin, pk)
    chosen = choose(request, find_others(admin.organization, group))
    back = ("organizations:group_members_new", pk)
    if not chosen:
        messages.warning(request, "Tick the people you want to add first.")
        return redirect(with_search(request, *back))
    groups_of = {key: groups | {group.pk} for key, groups in find_groups(chosen).items()}
    question = ask_first(
        request,
        find_consequence(admin.organization, groups_of=groups_of),
        title=f"Put {grouping.count_people(chosen)} into {group.name}?",
        act="Put them into the group",
        back=back,
    )
    if question is not None:
        return question
    count = grouping.add_members(group, chosen, by=request.user, request=request)
    messages.success(request, f"{count} {'person' if count == 1 else 'people'} added to {group.name}.")
    return redirect("organizations:group_edit", pk)


@require_POST
@for_admins
@to_the_list_if_gone
def group_members_removal(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Take those who were ticked, or all who were found, out of the group."""
    group = get_group(admin, pk)
    chosen = choose(request, group.memberships.all())  # type: ignore[attr-defined]
    back = ("organizations:group_edit", pk)
    if not chosen:
        messages.warning(request, "Tick the people you want to take out first.")
        return redirect(with_search(request, *back))
    groups_of = {key: groups - {group.pk} for key, groups in find_groups(chosen).items()}
    question = ask_first(
        request,
        find_consequence(admin.organization, groups_of=groups_of),
        title=f"Take {grouping.count_people(chosen)} out of {group.name}?",
        act="Take them out of the group",
        back=back,
    )
    if question is not None:
        return question
    count = grouping.remove_members(group, chosen, by=request.user, request=request)
    messages.success(request, f"{count} {'person' if count == 1 else 'people'} taken out of {group.name}.")
    return redirect("organizations:group_edit", pk)


@require_POST
@for_admins
@to_the_list_if_gone
def group_position(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Move the group one place: who is in several groups may get another policy by it."""
    group = get_group(admin, pk)
    direction = request.POST.get("direction", "")
    if direction not in grouping.DIRECTIONS:
        raise Http404("A group moves up or down.")
    order = grouping.order_with(list(admin.organization.groups.all()), group, direction)
    question = ask_first(
        request,
        find_consequence(admin.organization, order=order),
        title=f"Move {group.name} {direction}?",
        act=f"Move it {direction}",
        back=("organizations:groups",),
    )
    if question is not None:
        return question
    grouping.move_group(group, direction, by=request.user, request=request)
    return redirect(f"{reverse('organizations:groups')}#group-{pk}")


@show_or_save
@for_admins
@to_the_list_if_gone
def group_delete(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Asks first, and says whom it costs a connection."""
    group = get_group(admin, pk)
    order = [key for key in admin.organization.groups.values_list("pk", flat=True) if key != pk]
    consequence = find_consequence(admin.organization, order=order)
    if request.method == "POST":
        question = ask_first(
            request,
            consequence,
            title=f"Delete the group {group.name}?",
            act="Delete the group",
            back=("organizations:group_edit", pk),
        )
        if question is not None:
            return question
        grouping.delete_group(group, by=request.user, request=request)
        messages.success(request, f"The group {group.name} is deleted. Its people stay.")
        return redirect("organizations:groups")
    words = {"group": group, "size": group.memberships.count(), "consequence": consequence}  # type: ignore[attr-defined]
    return render(request, "organizations/group_deletion.html", words)


def get_group(admin: Membership, pk: int) -> Group:
    return get_object_or_404(admin.organization.groups.select_related("organization"), pk=pk)


def find_others(organization: Organization, group: Group) -> QuerySet[Membership]:
    """Who works here and is not in the group."""
    inside = grouping.Through.objects.filter(group=group).values("membership")
    return organization.memberships.exclude(pk__in=inside).select_related("user")


def paginate(request: SignedInRequest, found: QuerySet[Membership]) -> Page:
    ordered = found.order_by("user__name", "user__email")
    return Paginator(ordered, MEMBERS_PER_PAGE).get_page(request.GET.get("page"))


def choose(request: SignedInRequest, among: QuerySet[Membership]) -> list[int]:
    """The keys of who was ticked ("memberships"), or of everybody the search finds where "everybody" is posted."""
    if request.POST.get("everybody"):
        return list(search(among, clean(request.POST.get("q", ""))).values_list("pk", flat=True))
    ticked = [int(one) for one in request.POST.getlist("memberships") if one.isdecimal() and len(one) < 19]
    return list(among.filter(pk__in=ticked).values_list("pk", flat=True))


def find_groups(memberships: list[int]) -> dict[int, frozenset[int]]:
    """The groups each of these people is in; an empty set for who is in none."""
    found: dict[int, set[int]] = {pk: set() for pk in memberships}
    for part in grouping.in_batches(memberships):
        rows = grouping.Through.objects.filter(membership__in=part).values_list("membership", "group")
        for membership, group in rows:
            found[membership].add(group)
    return {membership: frozenset(groups) for membership, groups in found.items()}


def with_search(request: SignedInRequest, name: str, pk: int) -> str:
    """Back to the page with what was searched for."""
    sought = clean(request.POST.get("q", ""))
    query = QueryDict(mutable=True)
    query["q"] = sought
    return reverse(name, args=[pk]) + (f"?{query.urlencode()}" if sought else "")
