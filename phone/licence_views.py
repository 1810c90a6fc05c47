"""Administration → Licences: who may call, and why; and the card on a person's profile."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership, User
from organizations.people_views import clean, search
from organizations.requests import SignedInRequest
from phone import licences
from phone.calling import find_dialer
from phone.licences import HELD
from phone.models import PhoneSystem

PER_PAGE = 50
SHOW = {"held": ("With a licence", HELD), "none": ("Without a licence", ~HELD)}


@never_cache
@require_safe
@for_admins
def licence_list(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Everybody who works here, and whether they may call."""
    sought, shown = _read_filters(request.GET)
    found = _find(admin, sought, shown)
    page = Paginator(licences.with_licences(found), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "organization": admin.organization,
        "system": PhoneSystem.objects.filter(organization=admin.organization).first(),
        "page_obj": page,
        "sought": sought,
        "shown": shown,
        "ways_to_show": [(key, words) for key, (words, _) in SHOW.items()],
        "held": admin.organization.memberships.filter(HELD).count(),
    }
    return render(request, "phone/licences.html", context)


@require_POST
@for_admins
def licence_assign(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """To those who were ticked, to the one whose button was pressed, or to all who were found."""
    chosen = _choose(request, admin)
    if not chosen:
        messages.warning(request, "Tick the people who should get a licence first.")
        return redirect(_find_way_back(request))
    count = licences.assign(admin.organization, chosen, by=request.user, address=client_address(request))
    words = f"{_say(count)} got a licence." if count else "They all had a licence that an administrator assigned."
    messages.success(request, words)
    return redirect(_find_way_back(request))


@require_POST
@for_admins
def licence_withdraw(request: SignedInRequest, admin: Membership) -> HttpResponse:
    chosen = _choose(request, admin)
    if not chosen:
        messages.warning(request, "Tick the people whose licence you want to withdraw first.")
        return redirect(_find_way_back(request))
    count = licences.withdraw(admin.organization, chosen, by=request.user, address=client_address(request))
    if count:
        messages.success(request, f"The licence of {_say(count)} is withdrawn.")
    if kept := licences.count_at_system(admin.organization, chosen):
        messages.info(request, f"{_say(kept)} may still call, by a phone of their own at your phone system.")
    elif not count:
        messages.info(request, "Nobody among them had a licence.")
    return redirect(_find_way_back(request))


def describe_card(user: User) -> Mapping[str, Any]:
    """The card on the profile page; settings.PROFILE_CARDS names it."""
    licence = licences.find_licence(user)
    is_held = licence is not None and licence.is_held
    return {
        "template": "phone/_licence_card.html",
        "licence": licence if is_held else None,
        "reason": "" if is_held else find_dialer(user, "").reason,
    }


def _find(admin: Membership, sought: str, shown: str) -> Any:
    found = search(admin.organization.memberships.select_related("user"), sought)
    if shown in SHOW:
        found = found.filter(SHOW[shown][1])
    return found.order_by("user__name", "user__email", "pk")


def _read_filters(said: QueryDict) -> tuple[str, str]:
    return clean(said.get("q", "")), said.get("show", "")


def _choose(request: SignedInRequest, admin: Membership) -> list[int]:
    """Keys of memberships of the admin's own organization."""
    mine = _find(admin, *_read_filters(request.POST)) if request.POST.get("everybody") else None
    if mine is None:
        said = [request.POST["only"]] if "only" in request.POST else request.POST.getlist("memberships")
        wanted = [int(one) for one in said if one.isascii() and one.isdecimal() and len(one) < 19]
        mine = admin.organization.memberships.filter(pk__in=wanted)
    return list(mine.values_list("pk", flat=True))


def _find_way_back(request: SignedInRequest) -> str:
    """The list with what was searched for."""
    sought, shown = _read_filters(request.POST)
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (("q", sought), ("show", shown)) if value})
    page = request.POST.get("page", "")
    if page.isascii() and page.isdecimal():
        query["page"] = page
    return reverse("phone_administration:licences") + (f"?{query.urlencode()}" if query else "")


def _say(count: int) -> str:
    return f"{count} {'person' if count == 1 else 'people'}"
