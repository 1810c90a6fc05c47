"""The pages of a person's own connection: profile, chooser, permissions, the way back, changes, deletion."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations import connecting, errors, pending, policy, registry
from integrations.forms import PermissionsForm
from integrations.models import Connection, Outcome, Status, policy_for
from integrations.permissions import READ_OF, Permission, Permissions
from integrations.providers.base import OAuthProvider, ProviderInfo
from integrations.standing import is_under_way
from organizations.client_address import client_address
from organizations.requests import SignedInRequest
from safety.redirects import check_next, provider_redirect

RECEIPT = "deletion_receipt"


@require_safe
def profile(request: SignedInRequest) -> HttpResponse:
    """The person, and the card "Calendar and Contact Integration"."""
    connection = connecting.find_connection(request.user)
    context = _card(request, connection)
    response = render(request, "integrations/profile.html", context)
    return _allow_leaving(response, connection.provider) if connection else response


@require_safe
def connection_new(request: SignedInRequest) -> HttpResponse:
    """The service chooser. With a connection in place it says that it has to be deleted first."""
    allowed = policy_for(request.user)
    offers = policy.offer_services(allowed, registry.providers())
    services = [{"offer": offer, "info": registry.find_info(offer.key)} for offer in offers]
    connection = connecting.find_connection(request.user)
    context = {"services": services, "connection": connection, "info": _info(connection), "policy": allowed}
    return render(request, "integrations/connection_new.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_permissions(request: SignedInRequest, provider: str) -> HttpResponse:
    """The boxes for a service that is not connected yet; a POST leads on to the provider."""
    info = _offered_info(request, provider)
    connection = connecting.find_connection(request.user)
    if connection:
        return redirect("integrations:connection_new")
    service = policy_for(request.user).service(provider)
    form = PermissionsForm(
        request.POST if request.method == "POST" else None, service=service, held=frozenset({*READ_OF.values()})
    )
    return _permissions_page(request, form, info, back=request.path, connection=None)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: SignedInRequest) -> HttpResponse:
    """Configure: the boxes of the present connection. What is unticked is given up at once, before any consent."""
    connection = _connection_or_404(request)
    info = _offered_info(request, connection.provider)
    service = policy_for(request.user).service(connection.provider)
    form = PermissionsForm(request.POST if request.method == "POST" else None, service=service, held=connection.granted)
    return _permissions_page(request, form, info, back=request.path, connection=connection)


def _permissions_page(
    request: SignedInRequest, form: PermissionsForm, info: ProviderInfo, *, back: str, connection: Connection | None
) -> HttpResponse:
    problem = ""
    if form.is_bound and form.is_valid():
        asked: Permissions = form.cleaned_data["permissions"]
        if connection:
            _narrow(request, connection, asked)
        try:
            return _leave(request, info.key, asked, back=back)
        except connecting.CannotConnect as error:
            problem = error.sentence
    boxes = [{"choice": choice, "scopes": info.scopes.get(choice.permission, ())} for choice in form.choices()]
    context = {"form": form, "info": info, "boxes": boxes, "connection": connection, "problem": problem}
    status = 422 if problem or form.errors else 200
    return _allow_leaving(render(request, "integrations/permissions.html", context, status=status), info.key)


def _narrow(request: SignedInRequest, connection: Connection, asked: Permissions) -> None:
    service = policy_for(request.user).service(connection.provider)
    decided = policy.decide(asked, service)
    connecting.narrow(connection, decided, by=request.user, address=client_address(request))


@require_POST
def connection_renew(request: SignedInRequest) -> HttpResponse:
    """Reconnect, or Grant what was not granted: the same permissions again, the same account."""
    connection = _connection_or_404(request)
    asked = connection.granted | connection.not_granted
    try:
        return _leave(request, connection.provider, asked, back=reverse("integrations:profile"))
    except connecting.CannotConnect as error:
        messages.error(request, error.sentence)
        return redirect("integrations:profile")


@never_cache
@require_safe
def callback(request: SignedInRequest) -> HttpResponse:
    """The way back from the provider."""
    waiting = pending.take(request.session, request.GET.get("state", ""))
    if waiting is None:
        messages.error(
            request,
            "That sign-in at the provider was used already, has expired, or was not started in this browser. "
            "Nothing was added. Please start again.",
        )
        return redirect("integrations:profile")
    try:
        finished = connecting.finish_oauth(
            request.user,
            request.GET.dict(),
            waiting,
            redirect_uri=_redirect_uri(),
            address=client_address(request),
        )
    except (errors.ProviderError, connecting.CannotConnect) as error:
        messages.error(request, error.sentence)
        return redirect(waiting.back)
    _tell_how_it_went(request, finished)
    return redirect("integrations:profile")


def _tell_how_it_went(request: SignedInRequest, finished: connecting.Finished) -> None:
    connection = finished.connection
    name = registry.get_provider(connection.provider).info.name
    what = "is connected" if finished.is_new else "is up to date"
    messages.success(request, f"{connection.mailbox} at {name} {what}. We are reading it now.")
    if finished.not_granted:
        labels = _labels(finished.not_granted)
        messages.warning(request, f"Not ticked at {name}, so not granted: {labels}. Press Grant to be asked again.")
    if finished.no_longer_allowed:
        labels = _labels(finished.no_longer_allowed)
        messages.warning(request, f"Your organization no longer allows: {labels}. It was left out.")


@require_safe
def connection_delete(request: SignedInRequest) -> HttpResponse:
    """Ask before deleting, saying what goes."""
    connection = _connection_or_404(request)
    held = {name: feed.count(connection) for name, feed in registry.feeds().items()}
    context = {"connection": connection, "info": _info(connection), "held": held}
    return render(request, "integrations/connection_delete.html", context)


@require_POST
def deletion_create(request: SignedInRequest) -> HttpResponse:
    connection = _connection_or_404(request)
    receipt = connecting.disconnect(connection, by=request.user, address=client_address(request))
    request.session[RECEIPT] = asdict(receipt)
    return redirect("integrations:deletion")


@require_safe
def deletion(request: SignedInRequest) -> HttpResponse:
    """The receipt of the last deletion in this session."""
    receipt = request.session.get(RECEIPT)
    if receipt is None:
        return redirect("integrations:profile")
    context = {"receipt": receipt, "info": registry.find_info(receipt["provider"])}
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
        connecting.start_sync(connection, trigger="person")
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
    connecting.confirm_emptied(connection, by=request.user, address=client_address(request))
    messages.success(request, "Thank you. We will remove what is no longer there.")
    return redirect("integrations:profile")


def _card(request: SignedInRequest, connection: Connection | None) -> dict[str, Any]:
    """What the card and the progress fragment show."""
    context: dict[str, Any] = {"connection": connection, "info": _info(connection), "policy": policy_for(request.user)}
    if connection:
        run = connection.runs.first()
        usable = connection.usable
        context |= {
            "run": run,
            "is_running": is_under_way(connection, run),
            "is_first": connection.synced_at is None,
            "permissions": [
                {
                    "permission": one,
                    "granted": one in connection.granted,
                    "not_granted": one in connection.not_granted,
                    "held_back": one in connection.granted and one not in usable,
                }
                for one in Permission
            ],
            "emptied": connection.cursors.filter(emptied_at__isnull=False, emptied_confirmed=False),
        }
    return context


def _connection_or_404(request: SignedInRequest) -> Connection:
    connection = connecting.find_connection(request.user)
    if connection is None:
        raise Http404("no connection")
    return connection


def _offered_info(request: SignedInRequest, key: str) -> ProviderInfo:
    if key not in registry.providers() or not policy_for(request.user).service(key).offered:
        raise Http404("no such service")
    return registry.get_provider(key).info


def _info(connection: Connection | None) -> ProviderInfo | None:
    return registry.find_info(connection.provider) if connection else None


def _leave(request: SignedInRequest, provider: str, asked: Permissions, *, back: str) -> HttpResponse:
    """To the provider's consent page. Raises CannotConnect."""
    url = connecting.begin(
        request.user,
        provider,
        asked,
        session=request.session,
        redirect_uri=_redirect_uri(),
        back=back,
        address=client_address(request),
    )
    return provider_redirect(url, allowed=[registry.get_oauth_provider(provider).sign_in_url])


def _allow_leaving(response: HttpResponse, provider: str) -> HttpResponse:
    """Let the forms of this page end at the provider: browsers hold a redirect after a POST to `form-action`."""
    found = registry.providers().get(provider)
    if isinstance(found, OAuthProvider):
        url = urlsplit(found.sign_in_url)
        response._csp_update = {"form-action": [f"{url.scheme}://{url.netloc}"]}  # type: ignore[attr-defined]
    return response


def _redirect_uri() -> str:
    """One fixed address, as registered at the provider; never made from the request's Host header."""
    return settings.PUBLIC_URL + reverse("integrations:callback")


def _back(request: SignedInRequest) -> str:
    return check_next(request.POST.get("next"), default=reverse("integrations:profile"))


def _labels(permissions: Permissions) -> str:
    return ", ".join(one.label for one in Permission if one in permissions)
