"""What happens around each request."""

import time
import uuid
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from safety.redact import request_id

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Give each request an id that its log lines and its error page share."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(uuid.uuid4().hex[:12])
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class HtmxSignInMiddleware:
    """A fragment asked for after the session ended: the whole page goes to sign-in, not a form into a corner."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        sign_in = resolve_url(settings.LOGIN_URL)
        is_fragment = request.headers.get("HX-Request") == "true"
        if is_fragment and response.status_code == 302 and urlsplit(response["Location"]).path == sign_in:
            current = urlsplit(request.headers.get("HX-Current-URL", "/"))
            back = current.path + (f"?{current.query}" if current.query else "")
            return HttpResponse(status=204, headers={"HX-Redirect": f"{sign_in}?{urlencode({'next': back})}"})
        return response


class PersonMiddleware:
    """Times in the person's own zone, words in their language, and nothing of theirs kept by a browser or a proxy."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        organization = request.user.organization
        language = request.user.language or (organization.language if organization else settings.LANGUAGE_CODE)
        with timezone.override(request.user.zone), translation.override(language):
            response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ["HX-Request"])
        return response


class LastSeenMiddleware:
    """Keep the list of sessions current, without writing to the database at every request."""

    every_seconds = 300

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            if request.session.get("seen_at", 0) < now - self.every_seconds:
                request.session["seen_at"] = now
                UserSession.objects.create_from_request(request)
        return self.get_response(request)
