"""The Meetings pages. A page holds private things, so no cache may keep one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event
from django_htmx.middleware import HtmxDetails

from meetings.agenda import Filters, Reader, build_agenda, find_on_the_clock, find_rest_of_series, make_reader
from meetings.forms import FilterForm
from meetings.standing import find_standing
from organizations.models import User


class SignedInRequest(HttpRequest):
    """What the middleware makes of a request before it comes here."""

    user: User
    htmx: HtmxDetails


@never_cache
@require_safe
def list_(request: SignedInRequest) -> HttpResponse:
    """Meetings by day. For htmx the list alone."""
    reader = make_reader(request.user, find_standing(request.user))
    form = FilterForm(request.GET, services=reader.standing.policy.join_services)
    filters = form.filters()
    agenda = build_agenda(reader, filters, request.GET.get("page"))
    context = {"agenda": agenda, "summary": agenda.say_count(filters), "form": form, "filters": filters}
    context |= {
        "standing": reader.standing,
        "has_choice": agenda.count or filters != Filters() or reader.standing.may_read,
    }
    if request.htmx and request.htmx.target == "meetings":
        return render(request, "meetings/_list.html", context | {"is_fragment": True})
    return render(request, "meetings/list.html", context | _now(reader))


@never_cache
@require_safe
def now(request: SignedInRequest) -> HttpResponse:
    """What runs and what comes next, for a page that stays open; it says when the list has changed, too."""
    reader = make_reader(request.user, find_standing(request.user))
    response = render(request, "meetings/_now.html", _now(reader) | {"is_fragment": True})
    if request.GET.get("pulse", "") != reader.standing.pulse:
        trigger_client_event(response, "meetings-changed")
    return response


@never_cache
@require_safe
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    reader = make_reader(request.user, find_standing(request.user))
    meeting = get_object_or_404(reader.meetings(), pk=pk)
    context = {
        "shown": reader.show(meeting),
        "series": find_rest_of_series(reader, meeting),
        "standing": reader.standing,
    }
    return render(request, "meetings/detail.html", context)


def _now(reader: Reader) -> dict[str, Any]:
    return {"on_the_clock": list(find_on_the_clock(reader)), "standing": reader.standing}
