"""Scheduling a meeting: the form, what it comes to while it is filled in, and whom to invite."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from integrations.remote import EventStatus, Response
from meetings import inviting, scheduling
from meetings.acting import why_not_written
from meetings.models import Meeting, ScheduledMeeting
from meetings.offering import Offer, find_offer
from meetings.reader import Reader, find_reader
from meetings.schedule_fields import list_zone_names
from meetings.schedule_forms import ScheduleForm, default_initial, initial_of, list_owners
from meetings.series_words import say_odd_ones, say_series
from meetings.times import Clock, say_whole, zone_city, zone_of
from meetings.when_forms import SeriesForm
from organizations.client_address import client_address
from organizations.colleagues import find_people as find_colleagues
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

show_or_save = require_http_methods(["GET", "HEAD", "POST"])
MOST_SUGGESTED = 50
"""Colleagues whom a browser without scripts suggests."""
MOST_OVERLAPS = 3
DAY = timedelta(days=1)


@never_cache
@show_or_save
def new(request: SignedInRequest) -> HttpResponse:
    reader = find_reader(request.user)
    offer = _get_offer(reader, request.POST.get("owner") or request.GET.get("for") or "")
    initial = default_initial(offer, by=request.user, now=timezone.now())
    if "again" in request.POST:
        typed = initial_of(ScheduleForm(offer=offer, by=request.user), request.POST)
        return _show(request, reader, ScheduleForm(offer=offer, by=request.user, initial={**initial, **typed}))
    form = ScheduleForm(
        request.POST if request.method == "POST" else None, offer=offer, by=request.user, initial=initial
    )
    if not form.is_valid():
        return _show(request, reader, form)
    host = offer.host.key if offer.host else ""
    address = client_address(request)
    scheduled = scheduling.schedule(offer.owner, form.to_plan(), by=request.user, host=host, address=address)
    return _lead_to(request, scheduled)


def _get_offer(reader: Reader, key: str) -> Offer:
    """Raises Http404 for somebody whom this person does not schedule for."""
    owner_id = int(key) if key.isdecimal() and len(key) < 19 else reader.user.pk
    offer = find_offer(reader.circle, owner_id)
    if offer is None:
        raise Http404("no such owner")
    return offer


def _show(request: SignedInRequest, reader: Reader, form: ScheduleForm) -> HttpResponse:
    offer = form.offer
    context: dict[str, Any] = {
        "form": form,
        "offer": offer,
        "owners": list_owners(reader.circle),
        "refusal": why_not_written(offer.owner, offer.standing, is_own=offer.is_own),
        "zones": list_zone_names(),
        "suggested": find_colleagues(request.user, "", MOST_SUGGESTED),
    }
    if form.is_bound:
        context |= describe_series(reader, form, is_own=offer.is_own)
    is_fragment = bool(request.htmx) and request.htmx.target == "schedule"
    template = "meetings/_schedule.html" if is_fragment else "meetings/schedule.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _lead_to(request: HttpRequest, scheduled: ScheduledMeeting) -> HttpResponse:
    row = scheduled.rows.order_by("starts", "pk").first()
    if row is None:
        return HttpResponseSeeOther(reverse("meetings:list"))
    messages.success(request, "The series is scheduled." if scheduled.recurrence_json else "The meeting is scheduled.")
    return HttpResponseSeeOther(reverse("meetings:detail", args=[row.pk]))


@never_cache
@require_safe
def preview(request: SignedInRequest) -> HttpResponse:
    """What the times typed so far come to; for htmx, which sends these alone."""
    reader = find_reader(request.user)
    is_own = request.GET.get("owner", "") in ("", str(request.user.pk))
    form = SeriesForm(complete(request.GET))
    context = {"form": form, **describe_series(reader, form, is_own=is_own)}
    return render(request, "meetings/_preview.html", context)


def complete(data: QueryDict) -> QueryDict:
    """Without a field that was not sent nothing is said of it."""
    data = data.copy()
    data.setdefault("repeats", SeriesForm.NEVER)
    return data


def describe_series(reader: Reader, form: SeriesForm, *, is_own: bool) -> dict[str, Any]:
    """When it takes place in words, elsewhere as well, and what of one's own it overlaps. For a bound form."""
    wrong = [] if form.is_valid() else list(_say_wrong(form))
    if form.starts is None or not form.length or wrong:
        return {"wrong": wrong}
    starts_of = list(form.starts_of or (form.starts,))
    first = Meeting(starts=form.starts, ends=form.starts + timedelta(minutes=form.length))
    words = say_whole(first, Clock(reader.clock.now, form.zone))
    said = f"{words} {zone_city(form.zone_name)} time"
    if form.recurrence is not None:
        said = f"{say_series(form.recurrence, starts_of, form.zone, form.zone_name)}"
    return {
        "said": said,
        "elsewhere": _say_elsewhere(reader, form, first),
        "notes": say_odd_ones(form.starts, starts_of, form.zone) if form.recurrence else [],
        "is_past": form.starts < reader.clock.now,
        "overlaps": _find_overlaps(reader, form) if is_own else [],
    }


def _say_wrong(form: SeriesForm) -> Iterator[str]:
    """What stands against these times, without what is merely not typed yet."""
    for name, errors in form.errors.as_data().items():
        if name in SeriesForm.base_fields and not (name == "time" and form.twice and not form.fold):
            yield from (message for error in errors if error.code != "required" for message in error.messages)


def _say_elsewhere(reader: Reader, form: SeriesForm, first: Meeting) -> list[str]:
    """The first meeting in the reader's own zones, where these read otherwise."""
    assert form.starts is not None
    here = getattr(reader.clock.zone, "key", "UTC")
    said = []
    for name in dict.fromkeys((here, reader.user.second_time_zone)):
        zone = zone_of(name)
        if name and form.starts.astimezone(zone).utcoffset() != form.starts.astimezone(form.zone).utcoffset():
            said.append(f"{say_whole(first, Clock(reader.clock.now, zone))} {zone_city(name)} time")
    return said


def _find_overlaps(reader: Reader, form: SeriesForm) -> list[dict[str, Any]]:
    """The reader's own meetings at one of these times: what takes whole days or none of their time stands beside."""
    length, at_once = timedelta(minutes=form.length), Q(pk__in=[])
    for starts in form.starts_of or ():
        at_once |= Q(starts__lt=starts + length, starts__gt=starts - DAY, ends__gt=starts)
    own = Meeting.objects.visible_to([reader.circle.own]).for_list().filter(at_once, starts_on__isnull=True)
    found = own.exclude(status=EventStatus.CANCELLED).exclude(response=Response.DECLINED).filter(is_free=False)
    shown = [reader.show(one) for one in found.order_by("starts", "pk")[:MOST_OVERLAPS]]
    return [{"pk": one.meeting.pk, "title": one.title, "when": one.when_near} for one in shown]


@never_cache
@require_safe
def people(request: SignedInRequest) -> HttpResponse:
    """Whom the letters typed so far may mean, as the options of a list."""
    found = inviting.find_people(request.user, request.GET.get("q", ""))
    return render(request, "meetings/_people.html", {"people": found})
