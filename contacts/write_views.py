"""What could not be saved: trying it again, as it is or changed; and choosing where a contact was changed meanwhile."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from contacts import queueing
from contacts.expected import retyped
from contacts.models import Contact, ContactWrite
from contacts.offering import find_offer
from contacts.saving import Pending, find_pending, find_troubled, say_wait
from contacts.write_forms import FOLDER_CLOSED
from integrations.changing import start_sync
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.outgoing import PASSING, WriteState
from integrations.permissions import Permission
from organizations.models import User
from organizations.requests import SignedInRequest
from safety.redirects import HttpResponseSeeOther

DONE_MEANWHILE = "That has been settled meanwhile."


@never_cache
@require_safe
def writes(request: SignedInRequest) -> HttpResponse:
    """Everything that waits for the person."""
    return render(request, "contacts/writes.html", {"troubled": find_troubled(request.user)})


@never_cache
@require_safe
def write(request: SignedInRequest, pk: int) -> HttpResponse:
    """One change that could not be saved, and what there is to choose."""
    found = get_object_or_404(ContactWrite.objects.visible_to(request.user).select_related("connection"), pk=pk)
    if found.state not in (WriteState.FAILED, WriteState.CONFLICT):
        return HttpResponseSeeOther(_page_of(found))
    offer = find_offer(request.user)
    folder = next((one.folder for one in offer.branches if one.folder.remote_id == found.folder), offer.default_folder)
    context: dict[str, Any] = {
        "pending": Pending(found),
        "contact": _find_row(found),
        "offer": offer,
        "folder": folder,
    }
    return render(request, "contacts/write.html", context)


def _lock(user: User, pk: int) -> tuple[ContactWrite, Connection]:
    """In the order in which a sync locks them. Raises Http404."""
    connection = find_connection(user, locks=True)
    if connection is None or not connection.may(Permission.CONTACTS_READ):
        raise Http404("no contacts")
    rows = ContactWrite.objects.select_for_update(of=("self",)).filter(connection=connection)
    found = get_object_or_404(rows, pk=pk)
    found.connection = connection
    return found, connection


@never_cache
@require_POST
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Try it now: what failed, and what waits for its next try; in another folder, or as another type of number."""
    with transaction.atomic():
        found, connection = _lock(request.user, pk)
        if found.state not in (WriteState.FAILED, WriteState.WAITING):
            messages.info(request, DONE_MEANWHILE)
        elif request.POST.keys() & {"number_type", "folder"}:
            if not _change(request, found, connection):
                return HttpResponseSeeOther(reverse("contacts:write", args=[pk]))
        else:
            queueing.put_again(found)
    return HttpResponseSeeOther(_page_of(found))


def _change(request: SignedInRequest, found: ContactWrite, connection: Connection) -> bool:
    offer, draft, container = find_offer(request.user), Pending(found).draft, found.folder
    if offer.refusal is not None:
        messages.error(request, offer.refusal.sentence)
        return False
    if key := request.POST.get("number_type", ""):
        chosen = offer.find_type(key)
        if chosen is None:
            messages.error(request, "Choose one of the types of number.")
            return False
        draft = retyped(draft, chosen)
    if "folder" in request.POST and found.is_create:
        key = request.POST["folder"]
        folder = offer.find_folder(key) if key else offer.default_folder
        if key and folder is None:
            messages.error(request, FOLDER_CLOSED)
            return False
        container = folder.remote_id if folder else ""
    queueing.change_and_put_again(found, connection, draft, folder=container)
    return True


@never_cache
@require_POST
def choice(request: SignedInRequest, pk: int) -> HttpResponse:
    """Whether a number is to be added all the same; or what could not be saved is given up."""
    keep = request.POST.get("keep", "")
    with transaction.atomic():
        found, connection = _lock(request.user, pk)
        if keep not in ("mine", "theirs"):
            messages.error(request, "Choose one of the two.")
            return HttpResponseSeeOther(reverse("contacts:write", args=[pk]))
        if keep == "mine" and found.is_conflict:
            queueing.put_again(found, version=found.theirs_version, seen_json=found.theirs_json)
        elif keep == "theirs" and (found.is_conflict or found.is_failed or found.is_delayed):
            queueing.drop(found, connection)
            start_sync(connection, trigger="person")
            messages.success(request, _say_dropped(Pending(found)))
        else:
            messages.info(request, DONE_MEANWHILE)
    return HttpResponseSeeOther(_page_of(found))


def _say_dropped(pending: Pending) -> str:
    is_create, is_answered = pending.write.is_create, pending.write.error_code not in {one.code for one in PASSING}
    if not is_answered and (pending.write.is_asked or not is_create):
        what = "contact" if is_create else "number"
        return f"The {what} was given up. Should it have reached {pending.service} after all, it appears here again."
    if is_create:
        return "The contact was given up."
    return f"The number was not added. What is in {pending.service} stays as it is."


@never_cache
@require_safe
def progress(request: SignedInRequest, pk: int) -> HttpResponse:
    """What is on its way to or for a contact, asked for by its page until nothing is; then the page is read anew."""
    connection = find_connection(request.user)
    rows = Contact.objects.of(connection) if connection else Contact.objects.none()
    contact = get_object_or_404(rows, pk=pk)
    assert connection
    pending = find_pending(connection, contact)
    wait = say_wait(pending)
    response = render(request, "contacts/_saving.html", {"pending": pending, "contact": contact, "wait": wait})
    if not wait:
        response["HX-Refresh"] = "true"
    return response


def _page_of(found: ContactWrite) -> str:
    """Where a person sees what became of it."""
    row = _find_row(found)
    return reverse("contacts:show", args=[row.pk]) if row else reverse("contacts:list")


def _find_row(found: ContactWrite) -> Contact | None:
    return Contact.objects.filter(connection=found.connection_id, remote_id=found.remote_id).first()
