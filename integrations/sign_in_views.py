"""Out to a provider and back: leaving, the form for one's own server, the callback, an administrator's approval."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from integrations import approving, connecting, errors, pending, registry, verdicts
from integrations.forms import LoginForm, make_initial
from integrations.models import Connection
from integrations.permissions import Permission, Permissions
from integrations.policy_models import policy_for
from integrations.providers.base import ProviderInfo, SignInMethod
from integrations.terms import CannotConnect, terms_for
from organizations.client_address import client_address
from organizations.requests import SignedInRequest
from safety import outbound
from safety.redirects import HttpResponseSeeOther, check_way_out


def leave(
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
    connection = connecting.find_connection(request.user)
    same = connection if connection and connection.provider == waiting.provider else None
    service = terms_for(request.user, waiting.provider, same, method=method).service
    initial = make_initial(
        method.fields,
        service=service,
        settings=registry.settings_of(waiting.provider),
        recalled=connecting.recall(connection, waiting),
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
        except (errors.ProviderError, CannotConnect) as error:
            context["problem"] = error.sentence
    # The test's outcome alone is swapped in, so that what was typed stays typed, the password too.
    is_part = request.htmx and "test" in request.POST
    template = "integrations/_login_outcome.html" if is_part else "integrations/login.html"
    status = 422 if form.errors or "problem" in context else 200
    return render(request, template, context, status=status)


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
    except (errors.ProviderError, CannotConnect) as error:
        messages.error(request, error.sentence)
        if isinstance(error, errors.AdminNeeded) and error.can_approve:
            return redirect("integrations:approval", waiting.provider)
        return redirect(waiting.back)
    _tell_how_it_went(request, finished)
    return redirect("integrations:profile")


def _too_late(request: SignedInRequest) -> HttpResponse:
    messages.error(
        request,
        "That sign-in at the provider was used already, has expired, or was not started in this browser. "
        "Nothing was added. Please start again.",
    )
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
        who = " and ".join(_who_forbids(connection, finished.no_longer_allowed))
        messages.warning(request, f"Not allowed any more, by decision of {who}: {labels}. It was left out.")


def _who_forbids(connection: Connection, permissions: Permissions) -> list[str]:
    allowed = policy_for(connection.user)  # as they are held to it by now: the request may have begun before that
    reasons = (verdicts.why_not_usable(connection.facts, allowed, one) for one in permissions)
    return list(dict.fromkeys(one.source.words for one in reasons if one))


@require_safe
def approval(request: SignedInRequest, provider: str) -> HttpResponse:
    """What to send to an administrator who has to approve Portico at the provider first."""
    info = registry.find_info(provider)
    connection = connecting.find_connection(request.user)
    same = connection if connection and connection.provider == provider else None
    url = approving.make_url(request.user, provider, same, redirect_uri=_absolute("integrations:approval_return"))
    if info is None or not url:
        raise Http404("this provider has no such page")
    return render(request, "integrations/approval.html", {"info": info, "url": url})


@never_cache
@login_not_required
@require_safe
def approval_return(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the administrator back to, who need not be one of us."""
    outcome = approving.finish(request.GET.dict(), address=client_address(request))
    return render(request, "integrations/approval_return.html", {"outcome": outcome})


def get_offered_info(request: SignedInRequest, key: str) -> ProviderInfo:
    if key not in registry.providers() or not policy_for(request.user).service(key).offered:
        raise Http404("no such service")
    return registry.get_provider(key).info


def _redirect_uri() -> str:
    """One fixed address, as registered at the provider; never made from the request's Host header."""
    return _absolute("integrations:callback")


def _absolute(name: str) -> str:
    return settings.PUBLIC_URL + reverse(name)


def _labels(permissions: Permissions) -> str:
    return ", ".join(one.label for one in Permission if one in permissions)
