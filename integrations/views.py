"""The pages of a person's own connection: profile, chooser, permissions, the way back, changes, deletion."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations import approving, connecting, errors, pending, policy, registry
from integrations.forms import LoginForm, PermissionsForm, make_initial
from integrations.models import Connection, Outcome, Status, policy_for
from integrations.permissions import READ_OF, Permission, Permissions
from integrations.providers.base import ProviderInfo, SignInMethod
from integrations.standing import is_under_way
from organizations.client_address import client_address
from organizations.requests import SignedInRequest
from safety import outbound
from safety.redirects import HttpResponseSeeOther, check_next, check_way_out

RECEIPT = "deletion_receipt"


@require_safe
def profile(request: SignedInRequest) -> HttpResponse:
    """The person, and the card "Calendar and Contact Integration"."""
    connection = connecting.find_connection(request.user)
    return render(request, "integrations/profile.html", _card(request, connection))


@require_safe
def connection_new(request: SignedInRequest) -> HttpResponse:
    """The service chooser. With a connection in place it says that it has to be deleted first."""
    allowed = policy_for(request.user)
    offers = policy.offer_services(allowed, connecting.list_services(request.user))
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
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        service=policy_for(request.user).service(provider),
        held=frozenset({*READ_OF.values()}),
        methods=registry.methods_of(provider),
    )
    return _permissions_page(request, form, info, back=request.path, connection=None)


@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: SignedInRequest) -> HttpResponse:
    """Configure: the boxes of the present connection. What is unticked is given up at once, before any consent."""
    connection = _connection_or_404(request)
    info = _offered_info(request, connection.provider)
    form = PermissionsForm(
        request.POST if request.method == "POST" else None,
        service=policy_for(request.user).service(connection.provider),
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
            _narrow(request, connection, asked)
        try:
            if connection and not method.scopes and not connection.needs_reconnect:
                return _widen(request, connection, asked)
            return _leave(request, info.key, method, asked, back=back)
        except connecting.CannotConnect as error:
            problem = error.sentence
    methods = form.method_choices()
    boxes = [
        {"choice": choice, "scopes": [one.method.scopes.get(choice.permission, ()) for one in methods]}
        for choice in form.choices()
    ]
    context = {
        "form": form,
        "info": info,
        "methods": methods,
        "boxes": boxes,
        "connection": connection,
        "problem": problem,
    }
    status = 422 if problem or form.errors else 200
    return render(request, "integrations/permissions.html", context, status=status)


def _narrow(request: SignedInRequest, connection: Connection, asked: Permissions) -> None:
    service = policy_for(request.user).service(connection.provider)
    decided = policy.decide(asked, service)
    connecting.narrow(connection, decided, by=request.user, address=client_address(request))


def _widen(request: SignedInRequest, connection: Connection, asked: Permissions) -> HttpResponse:
    """Where signing in has opened everything already, nobody else need be asked. Raises CannotConnect."""
    connecting.widen(connection, asked, by=request.user, address=client_address(request))
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
        return _leave(request, connection.provider, method, asked, back=reverse("integrations:profile"))
    except connecting.CannotConnect as error:
        messages.error(request, error.sentence)
        return redirect("integrations:profile")


@never_cache
@require_safe
def leaving(request: SignedInRequest, state: str) -> HttpResponse:
    """A page that goes on to the provider by itself.

    Browsers hold every redirect behind a form's POST to `form-action`, and a provider may send people on to servers of
    their organization's that nobody can list. From here it is a link, and no form.
    """
    waiting = pending.look(request.session, state)
    if waiting is None or not waiting.url:
        return _too_late(request)
    provider = registry.get_oauth_provider(waiting.provider)
    url = check_way_out(waiting.url, allowed=[provider.sign_in_url])
    response = render(request, "integrations/leaving.html", {"url": url, "info": provider.info})
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def connection_login(request: SignedInRequest, state: str) -> HttpResponse:
    """Signing in at a server of the organization's own, by what is typed here; "Test connection" keeps nothing."""
    waiting = pending.look(request.session, state)
    info = registry.find_info(waiting.provider) if waiting else None
    method = info.find_method(waiting.method) if info and waiting else None
    if waiting is None or info is None or method is None:
        return _too_late(request)
    service = policy_for(request.user).service(waiting.provider)
    initial = make_initial(
        method.fields,
        service=service,
        settings=registry.settings_of(waiting.provider),
        recalled=connecting.recall(request.user, waiting),
    )
    form = LoginForm(
        request.POST if request.method == "POST" else None,
        fields=method.fields,
        service=service,
        policy=outbound.default_policy(),
        initial=initial,
    )
    context: dict[str, Any] = {"form": form, "info": info, "method": method, "back": waiting.back, "state": state}
    if form.is_bound and form.is_valid():
        is_test = "test" in request.POST
        try:
            if is_test:
                context["tested"] = connecting.try_login(
                    request.user, form.cleaned_data, waiting, address=client_address(request)
                )
            else:
                finished = connecting.finish_login(
                    request.user, form.cleaned_data, waiting, address=client_address(request)
                )
                pending.take(request.session, state)
                _tell_how_it_went(request, finished)
                return redirect("integrations:profile")
        except (errors.ProviderError, connecting.CannotConnect) as error:
            context["problem"] = error.sentence
    # The test's outcome alone is swapped in, so that what was typed stays typed, the password too.
    is_part = request.htmx and "test" in request.POST
    template = "integrations/_login_outcome.html" if is_part else "integrations/login.html"
    status = 422 if form.errors or "problem" in context else 200
    return render(request, template, context, status=status)


def _too_late(request: SignedInRequest) -> HttpResponse:
    messages.error(
        request,
        "That sign-in at the provider was used already, has expired, or was not started in this browser. "
        "Nothing was added. Please start again.",
    )
    return redirect("integrations:profile")


@require_safe
def approval(request: SignedInRequest, provider: str) -> HttpResponse:
    """What to send to an administrator who has to approve Portico at the provider first."""
    info = _offered_info(request, provider)
    url = approving.make_url(request.user, provider, redirect_uri=_absolute("integrations:approval_return"))
    if not url:
        raise Http404("this provider has no such page")
    return render(request, "integrations/approval.html", {"info": info, "url": url})


@never_cache
@login_not_required
@require_safe
def approval_return(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the administrator back to, who need not be one of us."""
    outcome = approving.finish(request.GET.dict(), address=client_address(request))
    return render(request, "integrations/approval_return.html", {"outcome": outcome})


@never_cache
@require_safe
def callback(request: SignedInRequest) -> HttpResponse:
    """The way back from the provider."""
    waiting = pending.take(request.session, request.GET.get("state", ""))
    if waiting is None:
        return _too_late(request)
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
        if isinstance(error, errors.AdminNeeded) and error.can_approve:
            return redirect("integrations:approval", waiting.provider)
        return redirect(waiting.back)
    _tell_how_it_went(request, finished)
    return redirect("integrations:profile")


def _tell_how_it_went(request: SignedInRequest, finished: connecting.Finished) -> None:
    connection = finished.connection
    name = registry.get_provider(connection.provider).info.name
    what = "is connected" if finished.is_new else "is up to date"
    messages.success(request, f"{connection.mailbox} at {name} {what}. We are reading it now.")
    for note in finished.notes:
        messages.info(request, note)
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
    context = {
        "connection": connection,
        "info": _info(connection),
        "method": connection.sign_in_method,
        "held": held,
    }
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
            "method": connection.sign_in_method,
            "can_approve": connection.error_code == "approval_needed",
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


def _leave(
    request: SignedInRequest, provider: str, method: SignInMethod, asked: Permissions, *, back: str
) -> HttpResponse:
    """Towards the provider's consent page, or to our own form. Raises CannotConnect."""
    state = connecting.begin(
        request.user,
        provider,
        asked,
        method=method,
        session=request.session,
        redirect_uri=_redirect_uri(),
        back=back,
        address=client_address(request),
    )
    page = "integrations:leaving" if method.kind == "oauth" else "integrations:connection_login"
    return HttpResponseSeeOther(reverse(page, args=[state]))


def _redirect_uri() -> str:
    """One fixed address, as registered at the provider; never made from the request's Host header."""
    return _absolute("integrations:callback")


def _absolute(name: str) -> str:
    return settings.PUBLIC_URL + reverse(name)


def _back(request: SignedInRequest) -> str:
    return check_next(request.POST.get("next"), default=reverse("integrations:profile"))


def _labels(permissions: Permissions) -> str:
    return ", ".join(one.label for one in Permission if one in permissions)
