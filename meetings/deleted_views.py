"""Meetings that were deleted and can be had back."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations.outgoing import WriteState
from meetings import scheduling
from meetings.acting import URGENCY, Pending
from meetings.models import Meeting, Origin, ScheduledMeeting, Write
from meetings.reader import Reader, find_reader
from meetings.scheduling_models import RESTORABLE_FOR, ScheduledMeetingQuerySet
from meetings.times import Clock, say_whole
from organizations.client_address import client_address
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Deleted:
    """One of them in the words of the page."""

    scheduled: ScheduledMeeting
    clock: Clock
    pending: Pending | None

    @property
    def when(self) -> str:
        return say_whole(Meeting(starts=self.scheduled.starts, ends=self.scheduled.ends), self.clock)

    @property
    def until(self) -> datetime:
        assert self.scheduled.deleted_at is not None
        return self.scheduled.deleted_at + RESTORABLE_FOR


@never_cache
@require_safe
def deleted(request: SignedInRequest) -> HttpResponse:
    """Newest first, with how long each can still be had back."""
    reader = find_reader(request.user)
    found = list(find_deleted(reader).select_related("owner", "deleted_by", "connection")[:MOST_LISTED])
    pending = _find_removals(found)
    listed = [Deleted(one, reader.clock, pending.get(one.pk)) for one in found]
    return render(request, "meetings/deleted.html", {"listed": listed, "days": RESTORABLE_FOR.days})


def find_deleted(reader: Reader) -> ScheduledMeetingQuerySet:
    """What this person can restore: their own, and that of whom they schedule for, as far as it is not private."""
    sights = reader.circle.sights
    found = ScheduledMeeting.objects.restorable(reader.clock.now).filter(owner__in=[one.owner_id for one in sights])
    hidden = [one.owner_id for one in sights if one.hides_private]
    if not hidden:
        return found
    private_there = Meeting.objects.filter(owner__in=hidden, is_private=True, scheduled__isnull=False)
    return found.exclude(owner__in=hidden, is_private=True).exclude(pk__in=private_there.values("scheduled"))


def _find_removals(found: list[ScheduledMeeting]) -> dict[int, Pending]:
    """What is still to be removed at the calendar or the host, by scheduled meeting."""
    open_ones = Write.objects.open().filter(scheduled__in=found).select_related("scheduled", "connection")
    ranked = sorted(open_ones, key=lambda one: (URGENCY[WriteState(one.state)], -one.pk), reverse=True)
    return {one.scheduled_id: Pending(one) for one in ranked if one.scheduled_id}


@never_cache
@require_POST
def restoration_create(request: SignedInRequest, pk: int) -> HttpResponse:
    reader = find_reader(request.user)
    scheduled = get_object_or_404(find_deleted(reader), pk=pk)
    owner = reader.circle.find_owner(scheduled.owner_id)
    assert owner is not None
    scheduling.restore(scheduled, by=request.user, address=client_address(request))
    rows = Meeting.objects.filter(scheduled=pk, origin=Origin.HERE, is_shadow=False)
    row = rows.filter(ends__gte=reader.clock.now).order_by("starts").first() or rows.order_by("-starts").first()
    messages.success(request, "The meeting is back.")
    return HttpResponseSeeOther(reverse("meetings:detail", args=[row.pk]) if row else reverse("meetings:list"))
