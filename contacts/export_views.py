"""Contacts as files: what the list shows, as CSV or vCards, and one contact as a vCard."""

import re

from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contacts.exporting import HEADER, list_rows, list_vcards, walk
from contacts.filters import read_filters, region_of
from contacts.folders import find_folders
from contacts.models import Contact, ContactQuerySet
from contacts.vcards import CONTENT_TYPE, dump_vcard
from integrations.connecting import find_connection
from integrations.permissions import Permission
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response


@never_cache
@require_safe
def export(request: SignedInRequest) -> HttpResponseBase:
    """What the filters show, as CSV."""
    contacts = _find_shown(request)
    if contacts is None:
        return redirect("contacts:list")
    return csv_response(f"contacts-{timezone.localdate():%Y-%m-%d}.csv", HEADER, list_rows(contacts))


@never_cache
@require_safe
def export_vcards(request: SignedInRequest) -> HttpResponseBase:
    """What the filters show, as vCards in one file."""
    contacts = _find_shown(request)
    if contacts is None:
        return redirect("contacts:list")
    headers = {"Content-Disposition": f'attachment; filename="contacts-{timezone.localdate():%Y-%m-%d}.vcf"'}
    return StreamingHttpResponse(list_vcards(contacts), content_type=CONTENT_TYPE, headers=headers)


@never_cache
@require_safe
def vcard(request: SignedInRequest, pk: int) -> HttpResponse:
    contact = next(walk(Contact.objects.visible_to(request.user).filter(pk=pk)), None)
    if contact is None:
        raise Http404("no such contact")
    disposition = content_disposition_header(as_attachment=True, filename=f"{_name_file(contact.name)}.vcf")
    assert disposition
    return HttpResponse(dump_vcard(contact), content_type=CONTENT_TYPE, headers={"Content-Disposition": disposition})


def _find_shown(request: SignedInRequest) -> ContactQuerySet | None:
    """None where contacts may not be read: the list says why. Raises Http404 for a folder that is not the reader's."""
    connection = find_connection(request.user)
    if connection is None or not connection.may(Permission.CONTACTS_READ):
        return None
    filters = read_filters(request.GET, find_folders(connection))
    return filters.narrow(Contact.objects.of(connection), region=region_of(request.user))


def _name_file(name: str) -> str:
    """A name that every system of files takes."""
    return re.sub(r"[^\w .,()&'+-]", "_", name)[:80].strip(" .") or "contact"
