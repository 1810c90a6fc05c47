"""Adding a number to a contact: choosing the contact, then seeing what will be written and saying so."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from contacts import queueing
from contacts.drafts import portray_row
from contacts.filters import LONGEST_SEARCH
from contacts.models import Contact, ContactWrite
from contacts.offering import Offer, find_offer
from contacts.sources import Source, find_source
from contacts.ways import why_no_number
from contacts.write_forms import NumberForm
from integrations.connecting import find_connection
from integrations.permissions import Permission
from integrations.providers.numbers import is_same_number
from integrations.remote import RemoteNumber
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

PAGE_SIZE = 20
MOST_IN_AN_HOUR = 200
HOUR = timedelta(hours=1)
CHANGED = "This contact was changed meanwhile: look at its numbers again before you add this one."
TOO_MANY = f"You have saved {MOST_IN_AN_HOUR} contacts and numbers within an hour. Wait a little before the next one."


@never_cache
@require_safe
def pick(request: SignedInRequest) -> HttpResponse:
    """To whom? Of one's own contacts those that fit, a page of them."""
    offer, source = find_offer(request.user), find_source(request)
    text = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    found = Contact.objects.none()
    if offer.connection is not None and not offer.refusal:
        found = Contact.objects.of(offer.connection).saved()
        found = found.search(text, region=offer.region) if text else found
    pages = Paginator(found.by_name().for_list().prefetch_related("numbers"), PAGE_SIZE)
    page = pages.get_page(request.GET.get("page"))
    context = {"offer": offer, "source": source, "q": text, "page": page, "region": offer.region}
    is_fragment = bool(request.htmx) and request.htmx.target == "pick"
    template = "contacts/_pick.html" if is_fragment else "contacts/pick.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def number_new(request: SignedInRequest, pk: int) -> HttpResponse:
    offer, source = find_offer(request.user), find_source(request)
    rows = Contact.objects.of(offer.connection) if offer.connection else Contact.objects.none()
    contact = get_object_or_404(rows.prefetch_related("numbers"), pk=pk)
    if request.method != "POST":
        return show_number_form(request, offer, source, contact, NumberForm(offer=offer, initial=source.initial(offer)))
    form = NumberForm(request.POST, offer=offer)
    if why_no_number(contact, offer.standing) is not None or not form.is_valid():
        return show_number_form(request, offer, source, contact, form)
    if not _put(request, source, contact, form):
        return show_number_form(request, find_offer(request.user), source, contact, form)
    return HttpResponseSeeOther(reverse("contacts:show", args=[contact.pk]))


def has_number(contact: Contact, number: RemoteNumber) -> bool:
    """In whatever spelling, those on their way included."""
    return any(is_same_number(RemoteNumber(one.value, e164=one.e164), number) for one in contact.numbers.all())


def _put(request: SignedInRequest, source: Source, contact: Contact, form: NumberForm) -> bool:
    """Whether it is on its way, or there already; else the form, or the page, says why not."""
    number, replaced = form.to_number(), source.replaces.write if source.replaces else None
    with transaction.atomic():
        connection = find_connection(request.user, locks=True)
        if connection is None or not connection.may(Permission.CONTACTS_WRITE):
            return False
        now = Contact.objects.filter(pk=contact.pk, connection=connection).prefetch_related("numbers").first()
        if now is not None and has_number(now, number):
            messages.info(request, f"{now.name} has this number already.")
            if replaced is not None and replaced.remote_id != now.remote_id:
                queueing.replace_failed(replaced, connection)
            return True
        if now is None or portray_row(now).digest != form.cleaned_data["seen"]:
            form.add_error(None, CHANGED)
            return False
        recent = ContactWrite.objects.filter(connection=connection, created_at__gt=timezone.now() - HOUR)
        if recent.count() >= MOST_IN_AN_HOUR:
            form.add_error(None, TOO_MANY)
            return False
        queueing.put_number(connection, now, number, seen=portray_row(now))
        if replaced is not None:
            queueing.replace_failed(replaced, connection)
    if form.warning:
        messages.warning(request, f"The number is kept as you typed it. {form.warning}")
    return True


def show_number_form(
    request: SignedInRequest, offer: Offer, source: Source, contact: Contact, form: NumberForm
) -> HttpResponse:
    """What will be written, to be confirmed. It goes to `number_new`, whoever shows it."""
    contact = Contact.objects.filter(pk=contact.pk).prefetch_related("numbers").first() or contact
    seen = portray_row(contact)
    context: dict[str, Any] = {
        "offer": offer,
        "source": source,
        "contact": contact,
        "form": form,
        "seen": seen,
        "refusal": why_no_number(contact, offer.standing),
    }
    return render(request, "contacts/number.html", context, status=422 if form.is_bound else 200)
