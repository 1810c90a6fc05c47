"""Each person's own settings, and those of their organization."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from organizations import people, retention
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.forms import OrganizationForm, SettingsForm
from organizations.models import KeepTrail, Membership, Role, Theme, record
from organizations.requests import SignedInRequest

THEME_COOKIE = "portico-theme"
THEME_COOKIE_AGE = 365 * 24 * 3600

show_or_save = require_http_methods(["GET", "HEAD", "POST"])


@show_or_save
@for_admins
def organization(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """The organization's own settings."""
    form = OrganizationForm(request.POST or None, instance=admin.organization)
    if form.is_valid():
        if question := ask_before_forgetting(request, form):
            return question
        people.change_organization(form.instance, changed=form.changed_data, by=request.user, request=request)
        messages.success(request, "The organization's settings are saved.")
        return redirect("organizations:organization")
    owners = (
        form.instance.memberships.filter(role=Role.OWNER).select_related("user").order_by("user__name", "user__email")
    )
    words = {"form": form, "owners": owners, "admin": admin}
    return render(request, "organizations/organization.html", words, status=422 if form.is_bound else 200)


def ask_before_forgetting(request: SignedInRequest, form: OrganizationForm) -> HttpResponse | None:
    """The page that says how many events would be deleted for good; None where none would, or this was answered."""
    years = form.cleaned_data["audit_years"]
    if "audit_years" not in form.changed_data or request.POST.get("confirmed") == str(years):
        return None
    count = retention.count_lost(form.instance, years)
    if not count:
        return None
    posted = [(name, value) for name, value in request.POST.items() if name not in ("confirmed", "csrfmiddlewaretoken")]
    words = {"count": count, "kept": KeepTrail(years), "years": years, "posted": posted}
    return render(request, "organizations/retention.html", words)


@show_or_save
def settings(request: SignedInRequest) -> HttpResponse:
    """Name, time zone, language, colors."""
    form = SettingsForm(request.POST or None, instance=request.user)
    if form.is_valid():
        user = form.instance
        user.save(update_fields=form.changed_data)  # Not what somebody else changes of them in this moment.
        if form.changed_data:
            record(
                "person.settings_changed",
                organization=user.organization,
                actor=user,
                subject=user,
                details={name: form.cleaned_data[name] for name in form.changed_data},
                address=client_address(request),
            )
        messages.success(request, "Your settings are saved.")
        return remember_theme(redirect("organizations:settings"), user.theme)
    return render(request, "organizations/settings.html", {"form": form}, status=422 if form.is_bound else 200)


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or as the device, from the person's menu or before signing in; back to the page it was asked from."""
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in Theme.values else Theme.AUTO
    if request.user.is_authenticated:
        request.user.theme = chosen
        request.user.save(update_fields=["theme"])
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    return remember_theme(redirect(back), chosen)


def remember_theme(response: HttpResponse, chosen: str) -> HttpResponse:
    """Keep the choice in this browser too, for its pages before signing in."""
    response.set_cookie(THEME_COOKIE, chosen, max_age=THEME_COOKIE_AGE, httponly=True, samesite="Lax")
    return response
