"""An admin's overview of who is connected to what, and the page of one member."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations import charting, counting, erasing, overseeing, prompting, registry, verdicts, wording
from integrations import overview as seeing
from integrations.models import Connection
from integrations.overview import Filters, State, Survey
from integrations.policy_models import (
    AdminPolicy,
    EffectState,
    Held,
    OrganizationPolicies,
    PolicyEffect,
    resolve_rows,
)
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership, Organization, User
from organizations.requests import SignedInRequest
from safety.redirects import check_next
from safety.spreadsheets import csv_response

PER_PAGE = 50
RUNS = 20
NOBODY: frozenset[int] = frozenset()


# The page and its list share a URL, which htmx tells apart by header: a browser must not mix them up.
@never_cache
@require_safe
@for_admins
def overview(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Health, the chart of a month, and everybody's connection; or the list alone, while somebody types."""
    organization = admin.organization
    groups = list(organization.groups.all())
    filters = seeing.parse_filters(request.GET, groups)
    policies = OrganizationPolicies(organization)
    is_fragment = bool(request.htmx) and request.htmx.target == "connections"
    found = None if is_fragment and not filters.needs_survey else seeing.survey(organization, policies)
    members = seeing.find_members(organization, filters, found.held_back if found else NOBODY)
    page = Paginator(seeing.with_connections(members), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "organization": organization,
        "filters": filters,
        "page_obj": page,
        "rows": list(seeing.make_rows(page, policies)),
        "columns": _list_columns(filters),
        "sorts": seeing.SORTS,
        "is_fragment": is_fragment,
        "now": timezone.now(),
    }
    if not is_fragment and found:
        context |= {"groups": groups, "services": _list_services(), "states": list(State)}
        context |= {"health": _list_health(found, filters)} | _draw_chart(organization)
    template = "integrations/_overview_list.html" if is_fragment else "integrations/overview.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _list_columns(filters: Filters) -> dict[str, dict[str, str]]:
    """For each column that sorts: what asking for it again leads to, and how it is sorted now."""
    columns = {}
    for key, label in seeing.SORTS.items():
        is_up, is_down = filters.sort == key, filters.sort == f"-{key}"
        direction = "ascending" if is_up else "descending" if is_down else ""
        columns[key] = {"label": label, "next": f"-{key}" if is_up else key, "direction": direction}
    return columns


def _list_services() -> list[tuple[str, str]]:
    """(key, name) of every service this server knows, also one that lost its keys."""
    return [(key, wording.service_name(key)) for key in settings.PROVIDERS]


def _list_health(found: Survey, filters: Filters) -> list[dict[str, Any]]:
    return [{"state": state, "count": found.counts[state], "is_current": filters.state is state} for state in State]


def _draw_chart(organization: Organization) -> dict[str, Any]:
    days = counting.list_days(organization, timezone.get_current_timezone(), now=timezone.now())
    return {
        "days": days,
        "done": charting.make_bars([(day.date, day.done) for day in days]),
        "failed": charting.make_bars([(day.date, day.failed) for day in days]),
        "total_done": sum(day.done for day in days),
        "total_failed": sum(day.failed for day in days),
    }


@require_safe
@for_admins
def connections_csv(request: SignedInRequest, admin: Membership) -> HttpResponseBase:
    """What the filters leave, all of it, written while it is sent."""
    organization = admin.organization
    filters = seeing.parse_filters(request.GET, organization.groups.all())
    policies = OrganizationPolicies(organization)
    held_back = seeing.survey(organization, policies).held_back if filters.needs_survey else NOBODY
    members = seeing.find_members(organization, filters, held_back)
    rows = seeing.list_csv_rows(members, policies, timezone.get_current_timezone())
    return csv_response(f"connections-{timezone.localdate():%Y-%m-%d}.csv", seeing.CSV_HEADER, rows)


@require_safe
@for_admins
def member(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """One member: the connection, what policy says of them and who decided it, and the last syncs."""
    membership = _get_member(admin, pk)
    now = timezone.now()
    stored = list(AdminPolicy.objects.over(membership))
    held = resolve_rows(stored, now)
    row = seeing.make_row(membership, tuple(membership.groups.all()), held, now)
    context = {
        "row": row,
        **_explain(held),
        "kept_until": max((one.kept_until for one in stored if one.kept_until and one.is_in_grace(now)), default=None),
        "effect": _find_effect(membership.user, row.connection),
        "now": now,
        **(_describe(row.connection, held) if row.connection else {}),
    }
    return render(request, "integrations/member.html", context)


def _find_effect(person: User, connection: Connection | None) -> PolicyEffect | None:
    """What comes first for the connection that is there; where there is none, how policy ended the last one."""
    if connection is None:
        return prompting.find_cut_off(person)
    coming = person.policy_effects.filter(state=EffectState.WAITING, connection_id=connection.pk)
    return coming.select_related("change").order_by("change__due_at", "-at", "-pk").first()


def _explain(held: Held) -> dict[str, Any]:
    """What somebody has decided, and the rest as Portico comes."""
    lines = wording.explain(held.today)
    return {
        "decided": [line for line in lines if line.source.level],
        "defaults": [line for line in lines if not line.source.level],
    }


def _describe(connection: Connection, held: Held) -> dict[str, Any]:
    return {
        "method": connection.sign_in_method,
        "verdict": verdicts.judge(connection.facts, held.today),
        "runs": [{"run": run, "trigger": wording.say_trigger(run.trigger)} for run in connection.runs.all()[:RUNS]],
    }


@require_POST
@for_admins
def member_sync(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Sync now."""
    membership = _get_member(admin, pk)
    connection = _find_connection(membership)
    if connection is None:
        messages.warning(request, f"{membership.user.label} has no connection any more.")
    else:
        try:
            overseeing.sync_now(connection, by=request.user, address=client_address(request))
        except overseeing.Refused as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, f"We are checking the connection of {membership.user.label} now.")
    return redirect(check_next(request.POST.get("next"), default=reverse("administration:member", args=[pk])))


class DisconnectionForm(forms.Form):
    """Why, for the member and the audit trail. `connection`: the one the admin looked at."""

    connection = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The member reads it in the mail, and it stands in the audit trail.",
        error_messages={"required": "Say why. The member is told, and so is whoever reads the audit trail."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def disconnection_new(request: SignedInRequest, admin: Membership, pk: int) -> HttpResponse:
    """Ask why, say what goes, and end a member's connection."""
    membership = _get_member(admin, pk)
    connection = _find_connection(membership)
    if connection is None:
        messages.warning(request, f"{membership.user.label} has no connection any more.")
        return redirect("administration:member", pk)
    form = DisconnectionForm(request.POST or None, initial={"connection": connection.pk})
    if form.is_valid() and _is_same(form.cleaned_data["connection"], connection):
        return _disconnect(request, membership, connection, form.cleaned_data["reason"])
    problem = ""
    if form.is_bound and not form.errors:
        problem = f"{membership.user.label} has connected another account meanwhile. Nothing was disconnected."
        form = DisconnectionForm(initial={"connection": connection.pk, "reason": form.cleaned_data["reason"]})
    context = {
        "membership": membership,
        "connection": connection,
        "service": wording.service_name(connection.provider),
        "method": connection.sign_in_method,
        "held": {name: feed.count(connection) for name, feed in registry.feeds().items()},
        "unsaved": erasing.count_unsaved(connection),
        "form": form,
        "problem": problem,
    }
    status = 422 if form.is_bound or problem else 200
    return render(request, "integrations/member_disconnection.html", context, status=status)


def _is_same(looked_at: UUID, connection: Connection) -> bool:
    return looked_at == connection.pk


def _disconnect(request: SignedInRequest, membership: Membership, connection: Connection, reason: str) -> HttpResponse:
    person = membership.user
    try:
        receipt, was_told = overseeing.disconnect(
            connection, by=request.user, reason=reason, address=client_address(request)
        )
    except overseeing.Refused as refusal:
        messages.warning(request, str(refusal))
        return redirect("administration:member", membership.pk)
    service = wording.service_name(receipt.provider)
    messages.success(request, f"{person.label} is disconnected from {service}, and what was read is erased here.")
    if receipt.revoke_problem:
        messages.warning(request, f"Portico's access could not be ended at {service} itself: {receipt.revoke_problem}")
    if not was_told:
        messages.warning(request, f"The mail to {person.email} could not be sent. Please tell them yourself.")
    return redirect("administration:member", membership.pk)


def _get_member(admin: Membership, pk: int) -> Membership:
    """Raises Http404 for a member of another organization, as for one that does not exist."""
    mine = seeing.with_connections(admin.organization.memberships.all())
    membership = get_object_or_404(mine, pk=pk)
    membership.organization = admin.organization
    membership.user.membership = membership
    return membership


def _find_connection(membership: Membership) -> Connection | None:
    connection: Connection | None = getattr(membership.user, "connection", None)
    return connection
