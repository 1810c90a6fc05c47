"""The shell's own pages: the way in, errors, and whether we are alive."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_safe

from organizations.models import Theme
from organizations.views import THEME_COOKIE
from safety.redact import request_id

logger = logging.getLogger(__name__)

SECTIONS = {
    "meetings": "meetings",
    "contacts": "contacts",
    "phone": "phone",
    "phone_administration": "administration",
    "integrations": "profile",
    "administration": "administration",
    "hosting": "administration",
    "account": "profile",
    "mfa": "profile",
    "usersessions": "profile",
}
"""Under which way of the main navigation an app's pages stand."""
OWN_PAGES = ("settings", "theme", "mail", "mail_stop", "departure")
"""Those of organizations that are about oneself; the others are for admins."""


def context(request: HttpRequest) -> dict[str, Any]:
    """What every template knows: theme, the current way of the main navigation, whether an admin looks."""
    return {
        "portico_version": settings.VERSION,
        "support_reference": request_id.get(),
        "theme": find_theme(request),
        "section": find_section(request),
        "is_admin": SimpleLazyObject(lambda: is_admin(request)),
    }


def find_theme(request: HttpRequest) -> str:
    """ "light", "dark" or "" (as the device): the person's choice, or this browser's where nobody is signed in."""
    user = getattr(request, "user", None)
    chosen = user.theme if user is not None and user.is_authenticated else request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in Theme.values else ""


def find_section(request: HttpRequest) -> str:
    """Which way of the main navigation the page belongs to; "" for none."""
    match = request.resolver_match
    if match is None:
        return ""
    if match.app_name == "organizations":
        return "profile" if match.url_name in OWN_PAGES else "administration"
    # allauth's views have no namespace: allauth.mfa.totp.views -> mfa
    app = match.app_name or match.func.__module__.removeprefix("allauth.").split(".")[0]
    return SECTIONS.get(app, "")


def is_admin(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    membership = user.find_membership() if user is not None and user.is_authenticated else None
    return membership is not None and membership.is_admin


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The Meetings page for who is signed in, a short introduction for who is not."""
    if request.user.is_authenticated:
        return redirect("meetings:list")
    return render(request, "portal/home.html")


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For a load balancer: 200 when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render_error(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render_error(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render_error(request, 404)


@requires_csrf_token
def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Instead of Django's page for a failed CSRF check, which speaks to programmers."""
    return render_error(request, 403, template="403_csrf.html")


def render_error(request: HttpRequest, status: int, *, template: str = "") -> HttpResponse:
    """The page in the person's frame where that can be had, else as `server_error` does it."""
    try:
        return render(request, template or f"{status}.html", status=status)
    except Exception:
        logger.exception("The page for error %s cannot be rendered", status)
        return render_bare_error(template or f"{status}.html", status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of the database, the session or the person: any of them may be what broke."""
    return render_bare_error("500.html", 500)


def render_bare_error(template: str, status: int) -> HttpResponse:
    words = {"support_reference": request_id.get(), "portico_version": settings.VERSION}
    try:
        return HttpResponse(render_to_string(template, words), status=status)
    except Exception:
        logger.exception("The page for error %s cannot be rendered at all", status)
        sentence = f"Something broke on our side. If you ask for help, name this reference: {request_id.get()}\n"
        return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
