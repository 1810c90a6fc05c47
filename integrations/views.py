"""The pages of a person's own connection: profile, chooser, permissions, changes, deletion, syncing."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations import arriving, changing, connecting, erasing, policy, prompting, registry, verdicts
from integrations.forms import PermissionsForm
from integrations.models import Connection, Outcome, Status
from integrations.permissions import READ_OF, Permission, Permissions
from integrations.policy_models import PolicyEffect, held_for, policy_for
from integrations.providers.base import ProviderInfo, SignInMethod
from integrations.sign_in_views import get_offered_info, leave
from integrations.standing import find_emptied, is_under_way
from integrations.terms import CannotConnect, find_endings, terms_for, terms_on
from organizations.client_address import client_address
from organizations.requests import SignedInRequest
from safety.redirects import check_next

RECEIPT = "deletion_receipt"


@require_safe
def profile(request: SignedInRequest) -> HttpResponse:
    """The person, the card "Calendar and Contact Integration", and what other apps have for it."""
    connection = connecting.find_connection(request.user)
    cards = [import_string(path)(request.user) for path in settings.PROFILE_CARDS]
    return render(request, "integrations/profile.html", _card(request, connection) | {"cards": cards})


@require_safe
def connection_new(request: SignedInRequest) -> HttpResponse:
    """The service chooser. With a connection in place it says that it has to be deleted first."""
    connection = connecting.find_connection(request.user)
    context = {
        "services": _list_offers(request),
        "connection": connection,
        "info": _info(connection),
        "policy": policy_for(request.user),
    }
    return render(request, "integrations/connection_new.html", context)


def _list_offers(request: SignedInRequest) -> list[dict[str, Any]]:
    offers = policy.offer_services(policy_for(request.user), connecting.list_services(request.user))
    return [{"offer": offer, "info": registry.find_info(offer.key)} for offer in offers]


@require_safe
def prompt(request: SignedInRequest) -> HttpResponse:
    """The question whether to connect a service, on the first page after sign-in; `next` is where that leads on to."""
    onwards = check_next(request.GET.get("next"))
    if connecting.find_connection(request.user) or not prompting.has_choice(request.user):
        return redirect(onwards)
    allowed = policy_for(request.user)
    context = {
        "services": _list_offers(request),
        "next": onwards,
        "asks_again": allowed.prompt is policy.Prompt.UNTIL_DONE,
        "asked_by": allowed.source("prompt").words,
        "cut_off": prompting.find_cut_off(request.user),
    }
    return render(request, "integrations/prompt.html", context)


@require_POST
def prompt_answer_create(request: SignedInRequest) -> HttpResponse:
    """ "Not now"."""
    prompting.note_declined(request.user)
    messages.info(request, "You can connect your calendar and contacts at any time, on your profile.")
    return redirect(check_next(request.POST.get("next")))


@require_http_methods(["GET", "HEAD", "POST"])
def connection_permissions(request: SignedInRequest, provider: str) -> HttpResponse:
    """The boxes for a service that is not connected yet; a POST leads on to the provider."""
    info = get_offered_info(request, provider)
    connection = connecting.find_connection(request.user)
    if connection:
        return redirect("integrations:connection_new")
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        terms=terms_for(request.user, provider, None),
        held=frozenset({*READ_OF.values()}),
        methods=registry.methods_of(provider),
    )
    return _permissions_page(request, form, info, back=request.path, connection=None)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: SignedInRequest) -> HttpResponse:
    """Configure: the boxes of the present connection. What is unticked is given up at once, before any consent."""
    connection = _connection_or_404(request)
    info = _info(connection)
    if info is None:
        raise Http404("no such service any more")
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        terms=terms_on(held_for(request.user), connection.facts),
        held=connection.granted,
        methods=[one for one in registry.methods_of(connection.provider) if one.key == connection.method],
    )
    return _permissions_page(request, form, info, back=request.path, connection=connection)


def _permissions_page(
    request: SignedInRequest, form: PermissionsForm, info: ProviderInfo, *, back: str, connection: Connection | None
) -> HttpResponse:
    problem = ""
    if form.is_bound and form.is_valid():
        asked: Permissions = form.cleaned_data["permissions"]
        method: SignInMethod = form.cleaned_data["method"]
        if connection:
            kept = form.terms.keep(connection.granted, asked)
            changing.narrow(connection, kept, by=request.user, address=client_address(request))
        try:
            if connection and not method.scopes and not connection.needs_reconnect:
                return _widen(request, connection, asked)
            return leave(request, info.key, method, asked, back=back)
        except CannotConnect as error:
            problem = error.sentence
    methods = form.method_choices()
    endings = find_endings(request.user, connection.facts) if connection else {}
    boxes = [
        {
            "choice": choice,
            "scopes": [one.method.scopes.get(choice.permission, ()) for one in methods],
            "ending": endings.get(choice.permission),
        }
        for choice in form.choices()
    ]
    context = {
        "form": form,
        "info": info,
        "methods": methods,
        "boxes": boxes,
        "objections": form.terms.objections if connection else (),
        "connection": connection,
        "problem": problem,
    }
    status = 422 if problem or form.errors else 200
    return render(request, "integrations/permissions.html", context, status=status)


def _widen(request: SignedInRequest, connection: Connection, asked: Permissions) -> HttpResponse:
    """Where signing in has opened everything already, nobody else need be asked. Raises CannotConnect."""
    changing.widen(connection, asked, by=request.user, address=client_address(request))
    messages.success(request, "Your permissions are saved.")
    return redirect("integrations:profile")


@require_POST
def connection_renew(request: SignedInRequest) -> HttpResponse:
    """Reconnect, or Grant what was not granted: the same permissions again, the same account."""
    connection = _connection_or_404(request)
    asked = connection.granted | connection.not_granted
    method = connection.sign_in_method
    if method is None:
        raise Http404("no such way to sign in any more")
    try:
        return leave(request, connection.provider, method, asked, back=reverse("integrations:profile"))
    except CannotConnect as error:
        messages.error(request, error.sentence)
        return redirect("integrations:profile")


@require_safe
def connection_delete(request: SignedInRequest) -> HttpResponse:
    """Ask before deleting, saying what goes."""
    connection = _connection_or_404(request)
    held = {name: feed.count(connection) for name, feed in registry.feeds().items()}
    context = {
        "connection": connection,
        "info": _info(connection),
        "method": connection.sign_in_method,
        "held": held,
        "unsaved": erasing.count_unsaved(connection),
    }
    return render(request, "integrations/connection_delete.html", context)


@require_POST
def deletion_create(request: SignedInRequest) -> HttpResponse:
    connection = _connection_or_404(request)
    receipt = changing.disconnect(connection, by=request.user, address=client_address(request))
    if receipt is None:
        messages.info(request, "Your connection was deleted already.")
        return redirect("integrations:profile")
    request.session[RECEIPT] = asdict(receipt)
    return redirect("integrations:deletion")


@require_safe
def deletion(request: SignedInRequest) -> HttpResponse:
    """The receipt of the last deletion in this session."""
    receipt = request.session.get(RECEIPT)
    if receipt is None:
        return redirect("integrations:profile")
    info = registry.find_info(receipt["provider"])
    context = {"receipt": receipt, "info": info, "method": info.find_method(receipt["method"]) if info else None}
    return render(request, "integrations/deletion.html", context)


@require_POST
def sync_create(request: SignedInRequest) -> HttpResponse:
    """Sync now."""
    connection = _connection_or_404(request)
    if connection.status == Status.RECONNECT_NEEDED:
        messages.warning(request, "Reconnect first: your calendar service no longer accepts this connection.")
        return redirect("integrations:profile")
    # One that waits in line already is the same sync; one that is under way may have read past what was changed.
    is_running = connection.runs.filter(outcome=Outcome.RUNNING).exists()
    if is_running or connection.next_sync_at > timezone.now():
        changing.start_sync(connection, trigger="person")
    if request.htmx:
        return render(request, "integrations/_progress.html", {**_card(request, connection), "asked": True})
    messages.success(request, "We are checking now. New events and contacts appear by themselves.")
    return redirect(_back(request))


@never_cache
@require_safe
def sync_progress(request: SignedInRequest) -> HttpResponse:
    """How the present or last sync stands: a fragment that asks again while it runs."""
    if request.htmx and connecting.find_connection(request.user) is None:
        # Deleted in another tab while this one watched: show the page as it is now.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    connection = _connection_or_404(request)
    return render(request, "integrations/_progress.html", _card(request, connection))


@require_POST
def emptied_create(request: SignedInRequest) -> HttpResponse:
    """Confirm that a suddenly empty calendar or address book really is empty."""
    connection = _connection_or_404(request)
    pk = request.POST.get("cursor", "")
    doubted = connection.cursors.filter(emptied_at__isnull=False)
    cursor = doubted.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
    if cursor is None:
        messages.info(request, "Something is listed there again, so nothing is removed here.")
    else:
        changing.confirm_emptied(connection, cursor, by=request.user, address=client_address(request))
        messages.success(request, "Thank you. We will remove what is no longer there.")
    return redirect("integrations:profile")


@require_POST
def effect_dismissal(request: SignedInRequest, pk: int) -> HttpResponse:
    """Put the banner about what policy did away, for good."""
    effect = get_object_or_404(PolicyEffect, pk=pk, user=request.user)
    PolicyEffect.objects.filter(pk=effect.pk).update(dismissed_at=timezone.now())
    return redirect(_back(request))


def _card(request: SignedInRequest, connection: Connection | None) -> dict[str, Any]:
    """What the card and the progress fragment show."""
    context: dict[str, Any] = {"connection": connection, "info": _info(connection), "policy": policy_for(request.user)}
    if connection:
        run = connection.runs.first()
        obtainable = terms_for(request.user, connection.provider, connection).obtainable
        is_good = connection.status == Status.CONNECTED
        usable, endings = connection.usable, find_endings(request.user, connection.facts)
        context |= {
            "run": run,
            "usable": usable,
            "is_running": is_under_way(connection, run),
            "is_first": connection.synced_at is None,
            "arrival": arriving.describe(connection),
            "permissions": [
                {
                    "permission": one,
                    "granted": one in connection.granted,
                    "not_granted": one in connection.not_granted,
                    "held_back": one in connection.granted and one not in usable and _why_held_back(connection, one),
                    "ending": endings.get(one),
                }
                for one in Permission
            ],
            "method": connection.sign_in_method,
            "can_renew": bool(obtainable & connection.not_granted if is_good else obtainable),
            "can_approve": connection.error_code == "approval_needed",
            "emptied": find_emptied(connection),
        }
    return context


def _why_held_back(connection: Connection, permission: Permission) -> str:
    reason = verdicts.why_not_usable(connection.facts, policy_for(connection.user), permission)
    return reason.sentence if reason else "It cannot be used at present."


def _connection_or_404(request: SignedInRequest) -> Connection:
    connection = connecting.find_connection(request.user)
    if connection is None:
        raise Http404("no connection")
    return connection


def _info(connection: Connection | None) -> ProviderInfo | None:
    return registry.find_info(connection.provider) if connection else None


def _back(request: SignedInRequest) -> str:
    return check_next(request.POST.get("next"), default=reverse("integrations:profile"))
