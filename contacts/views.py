"""The pages of a person's own contacts: the list with its folders, and one contact."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contacts.filters import read_filters, region_of
from contacts.folders import find_folders, grow_tree, walk_tree
from contacts.listing import list_contacts, show_numbers
from contacts.models import Contact
from contacts.saving import Pending, find_pending, find_pending_of, say_pulse, say_wait
from contacts.ways import find_write_standing, why_no_number, why_not_written
from integrations.permissions import Permission
from integrations.standing import Standing, find_standing
from organizations.models import User
from organizations.requests import SignedInRequest
from phone.calling import Dialer, find_dialer

FILTERS = ("q", "folder", "page")
"""What of a list's URL is carried to a contact and back."""


# The list and its fragments share URLs, which htmx tells apart by header: a browser must not mix them up.
@never_cache
@require_safe
def contact_list(request: SignedInRequest) -> HttpResponse:
    """Cloud contacts: folders, search, and one page of rows; or what is in the way of showing them."""
    standing = _find_standing(request.user)
    if request.htmx and request.htmx.target == "contacts-freshness":
        return _freshness(request, standing)
    context: dict[str, Any] = {"standing": standing, "connection": standing.connection, "info": standing.info}
    context |= {"is_running": standing.is_running, "cursor": standing.emptied}
    if standing.connection and not standing.lacks:
        context |= _read(request, standing)
    context["is_fragment"] = bool(request.htmx) and request.htmx.target == "contacts"
    template = "contacts/_contacts.html" if context["is_fragment"] else "contacts/list.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _read(request: SignedInRequest, standing: Standing) -> dict[str, Any]:
    """What the list shows. Raises Http404 for a folder that is not among the reader's."""
    assert standing.connection
    folders = find_folders(standing.connection)
    filters = read_filters(request.GET, folders)
    everyone = Contact.objects.of(standing.connection)
    tree = grow_tree(folders)
    pending = find_pending_of(standing.connection)
    dialer, region = _find_dialer(request), region_of(request.user)
    contacts = filters.narrow(everyone, region=region)
    return {
        "tree": tree,
        "branches": walk_tree(tree),
        "folder": filters.folder,
        "q": filters.text,
        "everyone": everyone.count(),
        "listing": list_contacts(contacts, page=request.GET.get("page"), region=region, dialer=dialer, pending=pending),
        "dialer": dialer,
        "kept_query": _kept_query(request),
        "refusal": why_not_written(find_write_standing(request.user, standing.connection)),
        **_describe_pending(standing, pending),
    }


def _describe_pending(standing: Standing, pending: Mapping[str, list[Pending]]) -> dict[str, Any]:
    """What of it a list says, and by what it knows that it has something else to show."""
    writes = [one.write for several in pending.values() for one in several]
    return {
        "is_saving": any(one.is_waiting and not one.is_delayed for one in writes),
        "troubled": sum(not one.is_waiting for one in writes),
        "rows_pulse": f"{standing.rows_pulse}-{say_pulse(writes)}",
    }


def _freshness(request: SignedInRequest, standing: Standing) -> HttpResponse:
    """The line about freshness, asked for by itself: nothing where it still holds, and word when rows have changed."""
    known = request.headers.get("X-Pulse", "")
    pending = find_pending_of(standing.connection) if standing.connection else {}
    described = _describe_pending(standing, pending)
    if known == f"{standing.line_pulse}.{described['rows_pulse']}":
        return HttpResponse(status=204)
    context = {"standing": standing, "connection": standing.connection, "is_running": standing.is_running}
    response = render(request, "contacts/_freshness.html", context | described)
    if known.partition(".")[2] != described["rows_pulse"] or standing.is_first:
        response["HX-Trigger"] = "contacts-changed"
    return response


@never_cache
@require_safe
def contact_show(request: SignedInRequest, pk: int) -> HttpResponse:
    """Everything we hold of one contact."""
    standing = _find_standing(request.user)
    contacts = Contact.objects.of(standing.connection) if standing.connection else Contact.objects.none()
    contact = get_object_or_404(contacts.prefetch_related("numbers"), pk=pk)
    dialer = _find_dialer(request)
    pending = find_pending(standing.connection, contact) if standing.connection else []
    context = {
        "standing": standing,
        "connection": standing.connection,
        "info": standing.info,
        "contact": contact,
        "dialer": dialer,
        "numbers": show_numbers(contact, region_of(request.user), dialer),
        "emails": [
            {"address": one.address, "label": one.label, "href": _mail_to(one.address)} for one in contact.emails
        ],
        "folders": contact.folders.filter(is_listed=True),
        "pending": pending,
        "wait": say_wait(pending),
        "refusal": why_no_number(contact, find_write_standing(request.user, standing.connection)),
        "kept_query": _kept_query(request),
    }
    return render(request, "contacts/show.html", context)


def _find_standing(user: User) -> Standing:
    return find_standing(user, permission=Permission.CONTACTS_READ, feed="contacts")


def _find_dialer(request: SignedInRequest) -> Dialer:
    return find_dialer(request.user, request.headers.get("User-Agent", ""))


def _mail_to(address: str) -> str:
    """A link that writes to this address and does nothing more; "" where it is none."""
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return f"mailto:{quote(address, safe='@')}"


def _kept_query(request: SignedInRequest) -> str:
    """The list's filters as "?…", or ""."""
    kept = request.GET.copy()
    for name in list(kept):
        if name not in FILTERS or not kept[name]:
            del kept[name]
    return f"?{kept.urlencode()}" if kept else ""
