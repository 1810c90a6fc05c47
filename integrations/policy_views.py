"""The pages on which admins say what is decided: for the organization, for a group, for one member.

Saving what concerns nobody's connection saves at once. What does concern somebody is shown first, by name; that page
carries what was posted, so that several tabs do not disturb each other, and nothing is kept until it is confirmed.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from integrations import consequences, deciding, levels
from integrations.consequences import Look
from integrations.deciding import Place
from integrations.differences import compare, merge
from integrations.levels import MOST_GRACE_DAYS
from integrations.policy import Level
from integrations.policy_desk import Desk, list_levels, sit_down
from integrations.policy_fields import SHOWN_BOXES
from integrations.policy_forms import PolicyForm, dump_base, dump_form, parse_base
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def policy(
    request: SignedInRequest, admin: Membership, pk: int = 0, *, level: Level = Level.ORGANIZATION
) -> HttpResponse:
    """What one level says. `pk`: of the group, or of the membership."""
    place = _get_place(admin, level, pk)
    desk = sit_down(request, place)
    form = PolicyForm(desk.posted, layer=desk.layer, above=desk.above)
    if desk.posted is None:
        return _show_form(request, desk, form)
    if not form.is_valid():
        return _show_form(request, desk, form, status=422)
    if "edit" in request.POST:
        return _show_form(request, desk, form)
    if not compare(desk.layer, form.new_layer):
        return _say_nothing_to_save(request, desk)
    if desk.posted_version != desk.version:
        return _show_both(request, desk, form)
    sought = request.POST.get("q", "").replace("\0", "")[:100]
    coming = _find_coming(desk)
    look = consequences.look_at(deciding.preview(place, form.new_layer), by=request.user, sought=sought, coming=coming)
    if not look.concerned:
        # With a grace period that runs it joins that, which would be ended otherwise.
        return _save(request, desk, form, look, grace_days=1 if desk.waiting else 0)
    if "confirm" not in request.POST:
        return _show_preview(request, desk, form, look, sought=sought, pending=_count_told(coming))
    return _confirm(request, desk, form, look)


@require_POST
@for_admins
def policy_forecast(
    request: SignedInRequest, admin: Membership, pk: int = 0, *, level: Level = Level.ORGANIZATION
) -> HttpResponseBase:
    """A preview as a file: everybody with a connection, and what would become of it."""
    place = _get_place(admin, level, pk)
    desk = sit_down(request, place)
    form = PolicyForm(desk.posted, layer=desk.layer, above=desk.above)
    if not form.is_valid():
        return _show_form(request, desk, form, status=422)
    rows = consequences.list_rows(deciding.preview(place, form.new_layer), _find_coming(desk))
    return csv_response("policy-preview.csv", consequences.HEADER, rows)


def _get_place(admin: Membership, level: Level, pk: int) -> Place:
    """Raises Http404 for what belongs to another organization, as for what does not exist."""
    if level is Level.GROUP:
        return Place(admin.organization, group=get_object_or_404(admin.organization.groups, pk=pk))
    if level is Level.MEMBER:
        memberships = admin.organization.memberships.select_related("user", "organization")
        return Place(admin.organization, membership=get_object_or_404(memberships, pk=pk))
    return Place(admin.organization)


def _count_told(coming: consequences.Coming) -> int:
    return sum(1 for one in coming.values() if one.ended)


def _say_nothing_to_save(request: SignedInRequest, desk: Desk) -> HttpResponse:
    """It is so already: nothing was changed, or the same was saved meanwhile (a button that was pressed twice)."""
    change = desk.row.changes.first() if desk.row and desk.posted_version != desk.version else None
    if change:
        messages.info(request, "This is saved already.")
        return redirect("administration:change", change.pk)
    messages.info(request, "Nothing was changed, so there is nothing to save.")
    return redirect(desk.path)


def _find_coming(desk: Desk) -> consequences.Coming:
    """Who has been told already what comes when the grace period of this level ends."""
    if desk.waiting is None:
        return consequences.NOTHING_COMING
    return consequences.find_coming(deciding.preview(desk.place, desk.layer))


def _confirm(request: SignedInRequest, desk: Desk, form: PolicyForm, look: Look) -> HttpResponse:
    if request.POST.get("fingerprint") != look.fingerprint:
        sentence = "Meanwhile it would concern other people than you were shown. Look again before you confirm."
        return _show_preview(request, desk, form, look, sentence=sentence, status=409)
    grace_days = _read_grace(request, desk)
    if grace_days is None:
        sentence = f"Say after how many days: a number from 1 to {MOST_GRACE_DAYS}."
        return _show_preview(request, desk, form, look, sentence=sentence, status=422)
    return _save(request, desk, form, look, grace_days=grace_days)


def _read_grace(request: SignedInRequest, desk: Desk) -> int | None:
    """Days, 0 for at once; None where it is none. What joins a grace period that runs ends with it."""
    if request.POST.get("when") != "later":
        return 0
    if desk.waiting:
        return 1
    days = request.POST.get("days", "").strip()
    return int(days) if days.isdecimal() and len(days) < 4 and 1 <= int(days) <= MOST_GRACE_DAYS else None


def _save(request: SignedInRequest, desk: Desk, form: PolicyForm, look: Look, *, grace_days: int) -> HttpResponse:
    try:
        change = deciding.save(
            desk.place,
            form.new_layer,
            version=desk.posted_version,
            by=request.user,
            address=client_address(request),
            grace_days=grace_days,
        )
    except deciding.ChangedMeanwhile:
        return _show_both(request, sit_down(request, desk.place), form)
    except deciding.Contradicts as refusal:
        for sentence in refusal.sentences:
            form.add_error(None, sentence)
    except deciding.LockedAbove as refusal:
        form.add_error(None, refusal.sentence)
    else:
        if change is None or not look.concerned:
            messages.success(request, "The policy is saved. It changes nothing for anybody who is connected.")
            return redirect(desk.path)
        messages.success(request, "The policy is saved.")
        return redirect("administration:change", change.pk)
    return _show_form(request, desk, form, status=422)


def _show_form(
    request: SignedInRequest, desk: Desk, form: PolicyForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    is_posted = form.is_bound and "version" in form.data
    context = {
        "form": form,
        "desk": desk,
        "place": desk.place,
        "sections": list(form.sections()),
        "version": form.data["version"] if is_posted else desk.version,
        "base": form.data.get("base", "") if is_posted else dump_base(desk.layer),
        "waiting": desk.waiting,
        "shown_boxes": SHOWN_BOXES,
        "shown_boxes_minus": -SHOWN_BOXES,
        **list_levels(desk),
        **more,
    }
    return render(request, "integrations/policy.html", context, status=status)


def _show_both(request: SignedInRequest, desk: Desk, form: PolicyForm) -> HttpResponse:
    """Another admin has saved meanwhile: what both changed, and a form that holds both."""
    theirs = desk.layer
    base = parse_base(form.data.get("base", ""), theirs)
    merged = merge(base, theirs=theirs, mine=form.new_layer)
    data = QueryDict(mutable=True)
    for name, value in dump_form(merged.layer).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    data["version"], data["base"] = str(desk.version), dump_base(theirs)
    both = PolicyForm(data, layer=theirs, above=desk.above)
    return _show_form(request, desk, both, status=409, merged=merged, mine=compare(theirs, merged.layer))


def _show_preview(
    request: SignedInRequest,
    desk: Desk,
    form: PolicyForm,
    look: Look,
    *,
    sentence: str = "",
    sought: str = "",
    pending: int = 0,
    status: int = 200,
) -> HttpResponse:
    days = levels.resolve([*desk.above, form.new_layer]).grace_days
    context = {
        "desk": desk,
        "place": desk.place,
        "look": look,
        "differences": compare(desk.layer, form.new_layer),
        "entries": desk.posted.urlencode() if desk.posted else "",
        "sentence": sentence,
        "sought": sought,
        "pending": pending,
        "days": request.POST.get("days") or days or 7,
        "is_later": request.POST["when"] == "later" if "when" in request.POST else bool(days or desk.waiting),
        "most_days": MOST_GRACE_DAYS,
        "switches_off": form.new_layer.choices.get("enabled") is False
        and desk.layer.choices.get("enabled") is not False,
    }
    return render(request, "integrations/policy_preview.html", context, status=status)
