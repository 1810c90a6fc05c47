"""Creating a contact, from a call, from a voicemail or from nothing; with a look at who may be meant already."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from contacts import queueing
from contacts.duplicates import Candidate, find_candidates
from contacts.models import Contact, ContactWrite
from contacts.number_views import HOUR, MOST_IN_AN_HOUR, TOO_MANY, show_number_form
from contacts.offering import Offer, find_offer
from contacts.sources import Source, find_source
from contacts.write_forms import ContactForm, NumberForm
from integrations.connecting import find_connection
from integrations.permissions import Permission
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

SETTLED = "What you change here has been settled meanwhile. See in your contacts whether this one is still needed."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    offer, source = find_offer(request.user), find_source(request)
    if request.method != "POST":
        return _show(request, offer, source, ContactForm(offer=offer, initial=source.initial(offer)))
    form = ContactForm(request.POST, offer=offer)
    if offer.refusal or offer.connection is None:
        return _show(request, offer, source, form)
    if "check" in request.POST:
        form.is_valid()
        context = {"form": form, "candidates": _find_candidates(offer, source, form), "offer": offer}
        return render(request, "contacts/_likely.html", context)
    if "instead" in request.POST:
        return _add_instead(request, offer, source, form)
    if not form.is_valid():
        return _show(request, offer, source, form)
    candidates = [] if "anyway" in request.POST else _find_candidates(offer, source, form)
    if candidates:
        return _show(request, offer, source, form, candidates)
    made = _put(request, source, form)
    if made is None:
        return _show(request, find_offer(request.user), source, form)
    if form.warning:
        messages.warning(request, f"The number is kept as you typed it. {form.warning}")
    return HttpResponseSeeOther(reverse("contacts:show", args=[made.pk]))


def _put(request: SignedInRequest, source: Source, form: ContactForm) -> Contact | None:
    """None where it may not be written any more, or not now."""
    draft, folder = form.to_draft(), form.cleaned_data["folder"]
    container = folder.remote_id if folder else ""
    with transaction.atomic():
        connection = find_connection(request.user, locks=True)
        if connection is None or not connection.may(Permission.CONTACTS_WRITE):
            return None
        if twin := queueing.find_twin(connection, draft, folder=container):
            return twin
        recent = ContactWrite.objects.filter(connection=connection, created_at__gt=timezone.now() - HOUR)
        if recent.count() >= MOST_IN_AN_HOUR:
            form.add_error(None, TOO_MANY)
            return None
        if source.replaces is not None and not queueing.replace_failed(source.replaces.write, connection):
            form.add_error(None, SETTLED)
            return None
        return queueing.put_contact(connection, draft, folder=container)


def _find_candidates(offer: Offer, source: Source, form: ContactForm) -> list[Candidate]:
    assert offer.connection
    replaced = source.replaces.write.remote_id if source.replaces else ""
    return find_candidates(offer.connection, form.to_draft(), region=offer.region, without=replaced)


def _add_instead(request: SignedInRequest, offer: Offer, source: Source, form: ContactForm) -> HttpResponse:
    """What was typed of the number goes to a contact that is there: shown to be confirmed."""
    assert offer.connection
    key = request.POST["instead"]
    key = key if key.isascii() and key.isdecimal() and len(key) < 19 else "0"
    contact = get_object_or_404(Contact.objects.of(offer.connection).prefetch_related("numbers"), pk=int(key))
    initial = {name: request.POST.get(name, "") for name in ("number", "number_type")}
    return show_number_form(request, offer, source, contact, NumberForm(offer=offer, initial=initial))


def _show(
    request: SignedInRequest, offer: Offer, source: Source, form: ContactForm, candidates: list[Candidate] | None = None
) -> HttpResponse:
    chosen = offer.find_folder(str(form["folder"].value() or "")) or offer.default_folder
    context: dict[str, Any] = {
        "offer": offer,
        "source": source,
        "form": form,
        "folder": chosen,
        "candidates": candidates,
        "must_choose": bool(candidates),
    }
    return render(request, "contacts/new.html", context, status=422 if form.is_bound else 200)
