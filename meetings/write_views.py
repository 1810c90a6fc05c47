"""What could not be saved: trying it again, and choosing where two have changed one meeting. What was deleted here."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations.changing import start_sync
from integrations.outgoing import WriteState
from meetings import queueing, scheduling
from meetings.acting import Pending, find_troubled, keep_visible
from meetings.comparing import compare
from meetings.models import Meeting, Write
from meetings.reader import Reader, find_reader
from meetings.scheduling_models import WriteAction
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

DONE_MEANWHILE = "That has been settled meanwhile."


@never_cache
@require_safe
def writes(request: SignedInRequest) -> HttpResponse:
    """Everything that waits for a person."""
    reader = find_reader(request.user)
    return render(request, "meetings/writes.html", {"troubled": find_troubled(reader.circle), "user": request.user})


@never_cache
@require_safe
def write(request: SignedInRequest, pk: int) -> HttpResponse:
    """One change that could not be saved, and what there is to choose."""
    reader = find_reader(request.user)
    found = _get(reader, pk)
    if found.state not in (WriteState.FAILED, WriteState.CONFLICT):
        return HttpResponseSeeOther(_page_of(reader, found))
    row = _find_row(reader, found)
    context: dict[str, Any] = {"pending": Pending(found), "row": row, "is_own": found.owner_id == request.user.pk}
    if found.state == WriteState.CONFLICT:
        context["lines"] = compare(found, reader.clock)
    return render(request, "meetings/conflict.html", context)


def _get(reader: Reader, pk: int, *, locks: bool = False) -> Write:
    """Raises Http404 for what is not of this person's circle, or private in it."""
    rows = Write.objects.select_for_update(of=("self",)) if locks else Write.objects
    owners = [sight.owner_id for sight in reader.circle.sights]
    found = get_object_or_404(rows.select_related("scheduled", "connection", "owner"), pk=pk, owner__in=owners)
    if not keep_visible(reader.circle, [found]):
        raise Http404("private")
    return found


@never_cache
@require_POST
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Try it now: what failed, and what waits for its next try."""
    reader = find_reader(request.user)
    with transaction.atomic():
        found = _get(reader, pk, locks=True)
        if found.state in (WriteState.FAILED, WriteState.WAITING):
            queueing.put_again(found)
        else:
            messages.info(request, DONE_MEANWHILE)
    return HttpResponseSeeOther(_page_of(reader, found))


@never_cache
@require_POST
def choice(request: SignedInRequest, pk: int) -> HttpResponse:
    """Which of the two versions it is to be."""
    reader = find_reader(request.user)
    keep = request.POST.get("keep", "")
    with transaction.atomic():
        found = _get(reader, pk, locks=True)
        is_conflict = found.state == WriteState.CONFLICT
        if keep == "mine" and is_conflict:
            scheduling.write_mine(found)
        elif keep == "theirs" and (is_conflict or (found.state == WriteState.FAILED and Pending(found).can_be_dropped)):
            scheduling.keep_theirs(found)
            if found.connection is not None:
                start_sync(found.connection, trigger="person")
            messages.success(request, f"What is in {Pending(found).calendar} stays. Yours was put aside.")
        elif keep in ("mine", "theirs"):
            messages.info(request, DONE_MEANWHILE)
        else:
            messages.error(request, "Choose one of the two.")
            return HttpResponseSeeOther(reverse("meetings:write", args=[pk]))
    return HttpResponseSeeOther(_page_of(reader, found))


def _page_of(reader: Reader, write: Write) -> str:
    """Where a person sees what became of it."""
    if (row := _find_row(reader, write)) is not None:
        return reverse("meetings:detail", args=[row.pk])
    if write.action == WriteAction.DELETE and write.scheduled_id:
        return reverse("meetings:deleted")
    return reverse("meetings:list")


def _find_row(reader: Reader, write: Write) -> Meeting | None:
    """A row of what it is about: the next to come, else the last."""
    about = Q(pk__in=[])
    if write.scheduled_id:
        about |= Q(scheduled=write.scheduled_id)
    if write.connection_id and write.remote_id:
        about |= Q(connection=write.connection_id, container=write.container, remote_id=write.remote_id)
    rows = reader.open_meetings().filter(about, owner=write.owner_id)
    return rows.filter(ends__gte=reader.clock.now).order_by("starts").first() or rows.order_by("-starts").first()
