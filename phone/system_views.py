"""Administration → Phone system: where an organization's calls and voicemail come from."""

from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership
from organizations.requests import SignedInRequest
from phone import licensing, system_settings
from phone.models import Call, SystemKind, Voicemail
from phone.system_forms import SystemForm
from phone.system_settings import find_row, list_secrets, read_wish
from phone.tasks import reconcile
from phone.zoom.client import SCOPES

EVENTS = (
    "phone.callee_call_element_completed",
    "phone.caller_call_element_completed",
    "phone.callee_missed",
    "phone.voicemail_received",
    "phone.voicemail_transcript_completed",
    "phone.voicemail_deleted",
    "phone.voicemail_permanently_deleted",
    "phone.call_element_deleted",
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def system(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """What is set up. A secret that is made stands on the answer, and never again on any page."""
    row = find_row(admin.organization)
    posted = request.POST if request.method == "POST" else None
    form = SystemForm(posted, wish=read_wish(row), stored=list_secrets(row))
    if not form.is_valid():
        return _page(request, admin, form, status=422 if form.is_bound else 200)
    change = system_settings.change_system(
        admin.organization, form.wish, by=request.user, address=client_address(request)
    )
    if change.secret:
        return _page(request, admin, secret=change.secret)
    if change.has_changed:
        messages.success(request, "The phone system is saved. Calls and voicemail that are here already stay.")
    else:
        messages.info(request, "Nothing was changed, so there is nothing to save.")
    return redirect("phone_administration:system")


def _page(
    request: SignedInRequest, admin: Membership, form: SystemForm | None = None, *, secret: str = "", status: int = 200
) -> HttpResponse:
    row = find_row(admin.organization)
    stored = list_secrets(row)
    theirs = {"owner__membership__organization": admin.organization}
    context = {
        "form": form or SystemForm(wish=read_wish(row), stored=stored),
        "row": row if row and row.kind else None,
        "can_be_asked": system_settings.can_be_asked(row),
        "is_heard": "webhook_secret" in stored,
        "address": system_settings.make_address(row) if row and row.kind else "",
        "is_https": urlsplit(settings.PUBLIC_URL).scheme == "https",
        "has_calls": Call.objects.filter(**theirs).exists() or Voicemail.objects.filter(**theirs).exists(),
        "secret": secret,
        "scopes": SCOPES,
        "events": EVENTS,
    }
    return render(request, "phone/system.html", context, status=status)


@require_POST
@for_admins
def trial_create(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Ask the system that is stored whether it works."""
    outcome = system_settings.try_out(admin.organization, by=request.user, address=client_address(request))
    (messages.success if outcome.works else messages.error)(request, outcome.sentence)
    return redirect("phone_administration:system")


@require_POST
@for_admins
def reading_create(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Have calls, voicemail and licences read now, and not when it is their turn."""
    row = find_row(admin.organization)
    if row is None or not system_settings.can_be_asked(row):
        messages.error(request, "There is no phone system that could be asked. Choose Zoom Phone and save it first.")
    else:
        licensing.ask(admin.organization)
        transaction.on_commit(partial(reconcile.delay, str(row.pk)))
        messages.success(request, "Calls, voicemail and licences are being read. Load this page again in a minute.")
    return redirect("phone_administration:system")


@never_cache
@require_POST
@for_admins
def secret_create(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """A new secret for another phone system, on this one answer."""
    row = find_row(admin.organization)
    if row is None or row.kind != SystemKind.OTHER:
        messages.error(request, "A secret is made for another phone system. Choose that and save it first.")
        return redirect("phone_administration:system")
    made = system_settings.make_secret(admin.organization, by=request.user, address=client_address(request))
    return _page(request, admin, secret=made)
