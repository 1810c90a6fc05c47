"""The support pages' door: sign-in as everybody's, and a second factor in this very session. Superusers too."""

import time
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from organizations.models import User

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes stand in for one of these; they are none by themselves."""
GOOD_FOR_SECONDS = 12 * 3600
"""A day's work: sessions live for weeks, and a browser that was left open must not show people's affairs as long."""


class SupportSite(AdminSite):
    site_header = site_title = "Portico support"
    index_title = "What are you looking for?"
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and has_passed_second_factor(request)

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Who may not look yet is led to what is missing: to sign in, to set up a second factor, or to show it."""
        return secure_admin_login(ask_for_second_factor)(request)

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is one page to change a password, which asks for the old one and tells the person by mail."""
        return redirect("account_change_password")


def has_passed_second_factor(request: HttpRequest) -> bool:
    """Whether this session showed a second factor lately, by itself or as a passkey, of a person who still has one."""
    user = cast(User, request.user)
    records = get_authentication_records(request, user)
    shown = [one["at"] for one in records if one.get("method") == "mfa"]
    return bool(shown) and time.time() - max(shown) < GOOD_FOR_SECONDS and is_mfa_enabled(user, FACTORS)


def ask_for_second_factor(request: HttpRequest) -> HttpResponse:
    """For support staff who have signed in."""
    back, user = find_way_back(request), cast(User, request.user)
    if has_passed_second_factor(request):
        return redirect(back)
    if is_mfa_enabled(user, [Authenticator.Type.TOTP]):
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")
    if is_mfa_enabled(user, [Authenticator.Type.WEBAUTHN]):
        return redirect(f"{reverse('mfa_reauthenticate_webauthn')}?{urlencode({'next': back})}")
    return render(request, "organizations/second_factor_needed.html")


def find_way_back(request: HttpRequest) -> str:
    """The support page that was asked for; never one elsewhere, nor the door itself."""
    index = reverse("admin:index")
    back = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if is_ours and back.startswith(index) and not back.startswith(reverse("admin:login")) else index
