"""The calendars picker: which calendars of the connected account are shown, and in which color.

No request here asks the provider: the page shows what is known, and a sync looks for more.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from meetings.calendar_forms import CalendarsForm
from meetings.calendars import Chosen, ask_for_listing, choose_calendars
from meetings.picking import Picker, find_picker
from organizations.requests import SignedInRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def calendars(request: SignedInRequest) -> HttpResponse:
    """The list, and what its person says of it. For htmx the list alone, or how reading stands alone."""
    picker = find_picker(request.user)
    if request.method != "POST":
        return _progress(request, picker) if request.htmx.target == "calendars-progress" else _page(request, picker)
    form = _make_form(request, picker)
    if not form.is_valid():
        return _page(request, picker, form)
    if picker.standing.connection is not None and not picker.standing.lacks:
        chosen = choose_calendars(picker.standing.connection, form.choices())
        messages.success(request, _say_chosen(chosen))
    if not request.htmx:
        return redirect("meetings:calendars")
    return _page(request, find_picker(request.user))


@require_POST
def calendar_listing_create(request: SignedInRequest) -> HttpResponse:
    """Have the provider asked which calendars there are, in the background."""
    picker = find_picker(request.user)
    if picker.standing.connection is not None and not picker.standing.lacks:
        ask_for_listing(picker.standing.connection)
    if request.htmx:
        return _progress(request, find_picker(request.user))
    return redirect("meetings:calendars")


def _make_form(request: SignedInRequest, picker: Picker) -> CalendarsForm:
    data = request.POST if request.method == "POST" else None
    return CalendarsForm(data, calendars=picker.calendars, service=picker.service)


def _page(request: SignedInRequest, picker: Picker, form: CalendarsForm | None = None) -> HttpResponse:
    """`form`: one that was refused."""
    shown = form or CalendarsForm(None, calendars=picker.calendars, service=picker.service)
    context = {"picker": picker, "standing": picker.standing, "form": shown, "boxes": picker.with_boxes(shown)}
    context["is_fragment"] = request.htmx.target == "calendars"
    template = "meetings/_calendars.html" if context["is_fragment"] else "meetings/calendars.html"
    return render(request, template, context, status=422 if form else 200)


def _progress(request: SignedInRequest, picker: Picker) -> HttpResponse:
    context = {"picker": picker, "standing": picker.standing, "is_progress": True}
    response = render(request, "meetings/_calendars_progress.html", context)
    if request.GET.get("pulse", picker.pulse) != picker.pulse:
        trigger_client_event(response, "calendars-changed")
    return response


def _say_chosen(chosen: Chosen | None) -> str:
    if chosen is None:
        return "Your connection was deleted meanwhile. Nothing was changed."
    said = []
    if chosen.shown:
        verb = "is" if len(chosen.shown) == 1 else "are"
        said.append(f"{_list(chosen.shown)} {verb} being read, and {verb} shown from now on.")
    if chosen.hidden:
        verb = "is" if len(chosen.hidden) == 1 else "are"
        said.append(f"{_list(chosen.hidden)} {verb} no longer shown. What was read of it is erased here.")
    return " ".join(said) or "Your choice is saved."


def _list(names: Sequence[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
