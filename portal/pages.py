"""The shell's own pages: the way in, errors, and whether we are alive."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from safety.redact import request_id


def context(request: HttpRequest) -> dict[str, Any]:
    """What every template knows."""
    return {"portico_version": settings.VERSION, "support_reference": request_id.get()}


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
