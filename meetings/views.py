"""The Meetings pages. A page holds private things, so no cache may keep one."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from meetings import weeks
from meetings.acting import find_actions, find_troubled
from meetings.agenda import build_agenda, find_on_the_clock, find_rest_of_series
from meetings.exporting import HEADER, list_rows
from meetings.forms import FilterForm
from meetings.joining_by_phone import find_ways_in
from meetings.reader import Filters, Reader, find_reader
from meetings.surroundings import describe
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response

DECLINED = "meetings_shows_declined"
"""In the session: whether declined meetings are shown."""


@never_cache
@require_safe
def list_(request: SignedInRequest) -> HttpResponse:
    """Meetings by day. For htmx the list alone."""
    reader = find_reader(request.user)
    form = _read_form(request, reader)
    filters = form.filters()
    agenda = build_agenda(reader, filters, request.GET.get("page"))
    context = _frame(reader, form, filters, "list") | {"agenda": agenda, "summary": agenda.say_count(filters)}
    context["has_choice"] = agenda.count or filters != Filters() or not reader.standing.lacks or reader.circle.owners
    if request.htmx and request.htmx.target == "meetings":
        return render(request, "meetings/_list.html", context | {"is_fragment": True})
    return render(request, "meetings/list.html", context | _now(reader, filters))


@never_cache
@require_safe
def day(request: SignedInRequest, day: str = "") -> HttpResponse:
    """The hours of one day, today's without one."""
    reader = find_reader(request.user)
    first = weeks.parse_day(day) if day else reader.clock.today
    if first is None:
        raise Http404
    one = timedelta(days=1)
    steps = {"before": first - one, "after": first + one}
    links = {name: reverse("meetings:day", args=[when.isoformat()]) for name, when in steps.items()}
    return _draw(request, reader, "day", first, 1, links)


@never_cache
@require_safe
def week(request: SignedInRequest, week: str = "") -> HttpResponse:
    """The hours of the days of one week, of this one without a name."""
    reader = find_reader(request.user)
    first = weeks.parse_week(week) if week else weeks.first_of_week(reader.clock.today)
    if first is None:
        raise Http404
    one = timedelta(days=7)
    steps = {"before": first - one, "after": first + one}
    links = {name: reverse("meetings:week", args=[weeks.week_name(when)]) for name, when in steps.items()}
    return _draw(request, reader, "week", first, 7, links)


@never_cache
@require_safe
def now(request: SignedInRequest) -> HttpResponse:
    """What runs and what comes next, for a page that stays open; it says when the list has changed, too."""
    reader = find_reader(request.user)
    filters = _read_form(request, reader).filters()
    response = render(request, "meetings/_now.html", _now(reader, filters) | {"is_fragment": True})
    if request.GET.get("pulse", "") != reader.pulse:
        trigger_client_event(response, "meetings-changed")
    return response


@never_cache
@require_safe
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    reader = find_reader(request.user)
    meeting = get_object_or_404(reader.meetings().select_related("scheduled", "connection"), pk=pk)
    shown = reader.show(meeting, around=describe(reader, [meeting]).get(meeting.pk))
    context = {
        "shown": shown,
        "actions": find_actions(reader, meeting),
        "meeting": shown.meeting,
        "ways_in": find_ways_in(shown, meeting.scheduled),
        "series": find_rest_of_series(reader, meeting),
        "standing": reader.standing,
        "calendar_info": None if shown.meeting.is_hidden else reader.find_provider(meeting),
        "join_decided_by": reader.standing.policy.source("join_services").words,
    }
    return render(request, "meetings/detail.html", context)


@never_cache
@require_safe
def export(request: SignedInRequest) -> HttpResponseBase:
    """What the filters show, as CSV."""
    reader = find_reader(request.user)
    form = _read_form(request, reader)
    filters = form.filters()
    if form.errors:
        return redirect(f"{reverse('meetings:list')}?{request.GET.urlencode()}")
    return csv_response(f"meetings-{reader.clock.today:%Y-%m-%d}.csv", HEADER, list_rows(reader, filters))


def _draw(
    request: SignedInRequest, reader: Reader, view: str, first: Any, count: int, links: dict[str, str]
) -> HttpResponse:
    if (on := request.GET.get("on")) and (asked := weeks.parse_day(on)):
        args = [asked.isoformat() if view == "day" else weeks.week_name(asked)]
        return HttpResponseRedirect(reverse(f"meetings:{view}", args=args) + _without(request, "on"))
    form = _read_form(request, reader)
    filters = form.filters()
    is_whole = request.GET.get("hours") == "all"
    context = _frame(reader, form, filters, view) | _now(reader, filters) | {"links": links, "is_whole": is_whole}
    context["drawing"] = weeks.draw(reader, filters, first, count, is_whole=is_whole)
    context["title"] = weeks.name_days(first, count)
    context["first"] = first
    return render(request, f"meetings/{view}.html", context)


def _read_form(request: SignedInRequest, reader: Reader) -> FilterForm:
    """Whether declined meetings are shown is remembered: until the person says otherwise, or signs out."""
    shows_declined = bool(request.session.get(DECLINED))
    # A box that is not ticked sends nothing: a hidden field before it says "0".
    said = request.GET.getlist("declined")
    if said and shows_declined != ("1" in said):
        shows_declined = not shows_declined
        request.session[DECLINED] = shows_declined
    return FilterForm(request.GET, reader=reader, shows_declined=shows_declined)


def _frame(reader: Reader, form: FilterForm, filters: Filters, view: str) -> dict[str, Any]:
    """What the three views have in common."""
    today = weeks.hold_in(filters.on or reader.clock.today)
    return {
        "form": form,
        "filters": filters,
        "standing": reader.standing,
        "troubled": find_troubled(reader.circle),
        "view": view,
        "day_url": reverse("meetings:day", args=[today.isoformat()]),
        "week_url": reverse("meetings:week", args=[weeks.week_name(today)]),
        "today": reader.clock.today,
        "second_zone": reader.clock.second.replace("_", " "),
    }


def _now(reader: Reader, filters: Filters) -> dict[str, Any]:
    found = list(find_on_the_clock(reader, filters))
    return {"on_the_clock": found, "filters": filters, "standing": reader.standing, "pulse": reader.pulse}


def _without(request: SignedInRequest, name: str) -> str:
    """The query string without this parameter."""
    query = request.GET.copy()
    query.pop(name, None)
    return f"?{query.urlencode()}" if query else ""
