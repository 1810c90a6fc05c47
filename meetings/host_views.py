"""The page on which admins say where the join links of their organization's meetings come from."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from meetings import host_settings
from meetings.host_forms import HostForm
from meetings.hosts.link import ROOM, check_template, make_room
from meetings.hosts.zoom import NEEDED
from meetings.join_services import SERVICES, find_place
from meetings.models import ScheduledMeeting
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership, Organization
from organizations.requests import SignedInRequest

SCOPES = [f"{scope}:admin" for scopes in NEEDED.values() for scope in scopes]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def host(request: SignedInRequest, admin: Membership) -> HttpResponse:
    row = host_settings.find_row(admin.organization)
    posted = request.POST if request.method == "POST" else None
    form = HostForm(posted, wish=host_settings.read_wish(row), has_secret=host_settings.has_secret(row))
    if form.is_valid():
        address = client_address(request)
        if host_settings.change_host(admin.organization, form.wish, by=request.user, address=address):
            messages.success(
                request, "The meeting host is saved. Meetings that are scheduled already stay as they are."
            )
        else:
            messages.info(request, "Nothing was changed, so there is nothing to save.")
        return redirect("hosting:host")
    context = {
        "form": form,
        "row": row,
        "info": host_settings.find_info(row.kind) if row else None,
        "scheduled": _count_scheduled(admin.organization, row.kind) if row else 0,
        "scopes": SCOPES,
        "example": {} if form["link_template"].errors else _make_example(str(form["link_template"].value() or "")),
    }
    return render(request, "meetings/host.html", context, status=422 if form.is_bound else 200)


def _count_scheduled(organization: Organization, kind: str) -> int:
    """Meetings still to come that got their links from this host."""
    living = ScheduledMeeting.objects.living()
    return living.filter(owner__membership__organization=organization, host=kind, starts__gt=timezone.now()).count()


@require_POST
@for_admins
def trial_create(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Ask the host that is stored whether it works."""
    outcome = host_settings.try_out(admin.organization, by=request.user, address=client_address(request))
    (messages.success if outcome.works else messages.error)(request, outcome.sentence)
    return redirect("hosting:host")


@never_cache
@require_safe
@for_admins
def example(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """For htmx, while somebody types: what a link would look like, or what is wrong with the template."""
    return render(
        request, "meetings/_host_example.html", {"example": _make_example(request.GET.get("link_template", ""))}
    )


def _make_example(template: str) -> dict[str, Any]:
    template = template.strip()
    if not template:
        return {}
    try:
        check_template(template)
    except ValueError as error:
        return {"problem": str(error)}
    place = find_place(urlsplit(template).hostname or "")
    service = SERVICES[place.service].name if place else ""
    return {"url": template.replace(ROOM, make_room("an example")), "service": service}
