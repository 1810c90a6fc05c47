"""Inviting many at once: give a list, look at what each line would do, confirm."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from organizations import importing, invitation_lists
from organizations.access import for_admins
from organizations.forms import ImportForm
from organizations.importing import ImportRefused
from organizations.invitation_lists import WORDS, Outcome
from organizations.invitation_mails import most_per_day
from organizations.models import InvitationImport, Membership
from organizations.people_views import show_or_save
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response

LINES_PER_PAGE = 50
HEADER = ["Line", "E-mail", "Name", "Role", "Groups", "Result", "Why"]


@show_or_save
@for_admins
def invitation_import(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Upload or paste a list. Nobody is invited yet."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        found = importing.start(admin, text=form.cleaned_data["text"], file_name=file.name if file else "")
        return redirect("organizations:invitation_import_show", found.pk)
    words = {"form": form, "groups": admin.organization.groups.all()[:3], "most_per_day": most_per_day()}
    return render(request, "organizations/invitation_import.html", words, status=422 if form.is_bound else 200)


@require_safe
@for_admins
def invitation_import_show(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponse:
    """The report, line by line: before it is confirmed what would happen, afterwards what did."""
    found = get_import(admin, pk)
    return render_report(request, admin, found)


def render_report(
    request: SignedInRequest, admin: Membership, found: InvitationImport, *, sentence: str = ""
) -> HttpResponse:
    rows = importing.list_rows(found, admin)
    counts = importing.count_outcomes(rows)
    asked = request.GET.get("outcome", "")
    shown = [row for row in rows if row["outcome"] == asked] if asked in {one.value for one in Outcome} else rows
    return render(
        request,
        "organizations/invitation_report.html",
        {
            "found": found,
            "counts": counts,
            "total": len(rows),
            "asked": asked,
            "to_invite": sum(1 for row in rows if row["outcome"] == Outcome.INVITED.value),
            "unused": () if found.confirmed_at else invitation_lists.parse(found.text).unused,
            "page_obj": Paginator(shown, LINES_PER_PAGE).get_page(request.GET.get("page")),
            "waiting": found.invitations.waiting().count() if found.confirmed_at else 0,
            "most_per_day": most_per_day(),
            "sentence": sentence,
        },
        status=422 if sentence else 200,
    )


@require_POST
@for_admins
def invitation_import_confirm(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponse:
    """Invite those who are to be invited."""
    found = get_import(admin, pk)
    try:
        count = importing.confirm(found, admin, request=request)
    except ImportRefused as refusal:
        return render_report(request, admin, found, sentence=str(refusal))
    messages.success(request, f"{count:,} {'person is' if count == 1 else 'people are'} invited. The mails go out now.")
    return redirect("organizations:invitation_import_show", pk)


@require_safe
@for_admins
def invitation_import_report(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponseBase:
    """The report as CSV, to correct and to keep."""
    rows = importing.list_rows(get_import(admin, pk), admin)
    cells = (
        [
            row["number"],
            row["email"],
            row["name"],
            row["role"],
            row["groups"],
            WORDS[Outcome(row["outcome"])],
            row["sentence"],
        ]
        for row in rows
    )
    return csv_response("invitations.csv", HEADER, cells)


def get_import(admin: Membership, pk: uuid.UUID) -> InvitationImport:
    return get_object_or_404(admin.organization.invitation_imports, pk=pk)
