"""The shell's own pages: the way in, errors, and whether we are alive."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from organizations.models import Theme
from organizations.views import THEME_COOKIE
from safety.redact import request_id

SECTIONS = {
    "meetings": "meetings",
    "contacts": "contacts",
    "integrations": "profile",
    "account": "profile",
    "mfa": "profile",
    "usersessions": "profile",
}
"""Under which way of the main navigation an app's pages stand."""


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
        return "profile" if match.url_name in ("settings", "theme") else "people"
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
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", status=500)
