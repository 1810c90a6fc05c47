"""The Meetings pages. A page holds private things, so no cache may keep one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from meetings.agenda import Filters, Reader, build_agenda, find_on_the_clock, find_reader, find_rest_of_series
from meetings.forms import FilterForm
from organizations.requests import SignedInRequest


@never_cache
@require_safe
def list_(request: SignedInRequest) -> HttpResponse:
    """Meetings by day. For htmx the list alone."""
    reader = find_reader(request.user)
    form = FilterForm(request.GET, services=reader.standing.policy.join_services)
    filters = form.filters()
    agenda = build_agenda(reader, filters, request.GET.get("page"))
    context = {"agenda": agenda, "summary": agenda.say_count(filters), "form": form, "filters": filters}
    context["standing"] = reader.standing
    context["has_choice"] = agenda.count or filters != Filters() or not reader.standing.lacks
    if request.htmx and request.htmx.target == "meetings":
        return render(request, "meetings/_list.html", context | {"is_fragment": True})
    return render(request, "meetings/list.html", context | _now(reader))


@never_cache
@require_safe
def now(request: SignedInRequest) -> HttpResponse:
    """What runs and what comes next, for a page that stays open; it says when the list has changed, too."""
    reader = find_reader(request.user)
    response = render(request, "meetings/_now.html", _now(reader) | {"is_fragment": True})
    if request.GET.get("pulse", "") != reader.pulse:
        trigger_client_event(response, "meetings-changed")
    return response


@never_cache
@require_safe
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    reader = find_reader(request.user)
    meeting = get_object_or_404(reader.meetings(), pk=pk)
    context = {
        "shown": reader.show(meeting),
        "series": find_rest_of_series(reader, meeting),
        "standing": reader.standing,
        "join_decided_by": reader.standing.policy.source("join_services").words,
    }
    return render(request, "meetings/detail.html", context)


def _now(reader: Reader) -> dict[str, Any]:
    return {"on_the_clock": list(find_on_the_clock(reader)), "standing": reader.standing, "pulse": reader.pulse}
