"""Changing a meeting, deleting it, and how far what was asked for has come."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseNotFound
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.errors import Gone, Rejected
from integrations.outgoing import WriteState
from integrations.policy_models import policy_for
from meetings import scheduling
from meetings.acting import Actions, Pending, Refusal, find_actions
from meetings.edit_forms import EditForm, ScopeForm
from meetings.intended import Change
from meetings.models import Meeting, Origin, Write
from meetings.moving import Scope
from meetings.offering import find_offer
from meetings.reader import Reader, find_reader
from meetings.schedule_views import MOST_SUGGESTED, show_or_save
from meetings.scheduling_models import RESTORABLE_FOR, WriteAction
from organizations.client_address import client_address
from organizations.colleagues import find_people as find_colleagues
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther


@never_cache
@show_or_save
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    reader, actions = _get(request, pk)
    meeting = actions.meeting
    if actions.edit_refusal:
        return _refuse(request, meeting, actions.edit_refusal)
    offer = find_offer(reader.circle, meeting.owner_id)
    assert offer is not None
    form = EditForm(request.POST if request.method == "POST" else None, meeting=meeting, offer=offer)
    if not form.is_valid():
        return _show_edit(request, reader, actions, form)
    change = form.to_change()
    if change.is_empty:
        messages.info(request, "Nothing was changed.")
        return HttpResponseSeeOther(reverse("meetings:detail", args=[meeting.pk]))
    scope, address = form.chosen_scope, client_address(request)
    try:
        write = scheduling.edit(meeting, change, scope=scope, by=request.user, address=address)
    except Gone as error:
        messages.error(request, error.sentence)
        return HttpResponseSeeOther(reverse("meetings:list"))
    except Rejected as error:
        form.add_error(None, error.sentence)
        return _show_edit(request, reader, actions, form)
    if write is None:
        messages.success(request, "The meeting is changed.")
    return _lead_to(meeting, change, write)


def _get(request: SignedInRequest, pk: int) -> tuple[Reader, Actions]:
    """Raises Http404 for a meeting of which the person sees nothing, or the time alone."""
    reader = find_reader(request.user)
    seen = reader.open_meetings().select_related("scheduled", "connection")
    meeting = get_object_or_404(seen, pk=pk)
    actions = find_actions(reader, meeting)
    assert actions is not None
    # Who knows already where they work and what holds for them.
    meeting.owner = actions.owner
    if meeting.scheduled is not None:
        meeting.scheduled.owner = actions.owner
    return reader, actions


def _refuse(request: SignedInRequest, meeting: Meeting, refusal: Refusal) -> HttpResponse:
    messages.error(request, refusal.sentence or "This meeting was cancelled: there is nothing to change any more.")
    return HttpResponseSeeOther(reverse("meetings:detail", args=[meeting.pk]))


def _show_edit(request: SignedInRequest, reader: Reader, actions: Actions, form: EditForm) -> HttpResponse:
    meeting, policy = actions.meeting, policy_for(actions.owner)
    context: dict[str, Any] = {
        "form": form,
        "actions": actions,
        "shown": reader.show(meeting),
        "is_in_calendar": meeting.origin == Origin.CALENDAR,
        "is_separate": form.is_separate,
        "decided_by": policy.source("time_change"),
        "suggested": find_colleagues(request.user, "", MOST_SUGGESTED),
    }
    return render(request, "meetings/edit.html", context, status=422 if form.is_bound else 200)


def _lead_to(meeting: Meeting, change: Change, write: Write | None) -> HttpResponse:
    """To the meeting as it is now: where it was made anew, to what follows it, or stands beside it."""
    rows = Meeting.objects.filter(owner=meeting.owner_id, is_shadow=False).order_by("starts", "pk")
    wanted = change.starts or meeting.starts
    if write is not None and write.action == WriteAction.CREATE:
        found = list(rows.filter(scheduled=write.scheduled_id))
    else:
        found = list(rows.filter(pk=meeting.pk)) or list(rows.filter(scheduled__isnull=False, starts=wanted))
    row = next((one for one in found if one.starts == wanted), found[0] if found else None)
    return HttpResponseSeeOther(reverse("meetings:detail", args=[row.pk]) if row else reverse("meetings:list"))


@never_cache
@show_or_save
def deletion(request: SignedInRequest, pk: int) -> HttpResponse:
    """What goes with it, then it goes."""
    reader, actions = _get(request, pk)
    meeting = actions.meeting
    if actions.delete_refusal:
        return _refuse(request, meeting, actions.delete_refusal)
    data = request.POST if request.method == "POST" else None
    form = ScopeForm(data, meeting=meeting, auto_id="deletion-%s")
    if not form.is_valid():
        context = {"form": form, "actions": actions, "shown": reader.show(meeting), "scheduled": meeting.scheduled}
        context |= {"days": RESTORABLE_FOR.days, "is_in_calendar": meeting.origin == Origin.CALENDAR}
        return render(request, "meetings/delete.html", context, status=422 if form.is_bound else 200)
    scope = form.chosen_scope if meeting.series_id else Scope.ALL
    with suppress(Gone):  # somebody else has done it meanwhile
        scheduling.delete(meeting, scope=scope, by=request.user, address=client_address(request))
    _tell_deleted(request, meeting)
    return HttpResponseSeeOther(reverse("meetings:list"))


def _tell_deleted(request: SignedInRequest, meeting: Meeting) -> None:
    scheduled = meeting.scheduled
    assert scheduled is not None
    scheduled.refresh_from_db(fields=["deleted_at"])
    if scheduled.deleted_at is None:
        messages.success(request, "Deleted. The rest of the series stays.")
        return
    url = reverse("meetings:deleted")
    messages.success(request, format_html('Deleted. <a href="{}#deleted-{}">Undo</a>', url, scheduled.pk))


@never_cache
@require_safe
def progress(request: SignedInRequest, pk: int) -> HttpResponse:
    """How far what was asked for has come; once it is through, the page is asked for anew, for what it brought."""
    try:
        _, actions = _get(request, pk)
    except Http404:
        # A page that is open of something that is there no more: whoever looks at it is led away.
        return HttpResponseNotFound(headers={"HX-Redirect": reverse("meetings:list")})
    known = request.GET.get("write", "")
    if known.isdecimal() and len(known) < 19 and (actions.write is None or actions.write.write.pk != int(known)):
        before = Write.objects.filter(pk=known, owner=actions.meeting.owner_id).select_related(
            "connection", "scheduled"
        )
        if (write := before.first()) is not None and write.state == WriteState.DONE:
            messages.success(request, f"Saved to {Pending(write).place}.")
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "meetings/_scheduled.html", {"actions": actions})
