"""The pages of a person's own calls and voicemail. No cache may keep one."""

import time
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from organizations.models import User
from organizations.requests import SignedInRequest
from phone import history, reading, system_settings
from phone.callers import ContactWays, book
from phone.calling import find_dialer
from phone.history import Asked, Listing, Tab
from phone.models import Call, Voicemail
from phone.playing import GOOD_FOR
from phone.showing import Reader
from safety.redirects import check_next

LONGEST_SEARCH = 200
LINK_SECONDS = GOOD_FOR.total_seconds() / 2
"""After so long a page that stays open shows its messages with fresh links."""


# The page and its list share URLs, which htmx tells apart by header: a browser must not mix them up.
@never_cache
@require_safe
def call_list(request: SignedInRequest) -> HttpResponse:
    """All calls, or the missed ones."""
    tab = Tab.MISSED if request.GET.get("show") == Tab.MISSED else Tab.ALL
    return _show(request, _read(request, tab))


@never_cache
@require_safe
def voicemail_list(request: SignedInRequest) -> HttpResponse:
    return _show(request, _read(request, Tab.VOICEMAIL))


def _read(request: SignedInRequest, tab: Tab) -> Asked:
    text = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    return Asked(tab, text, request.GET.get("before", ""), request.GET.get("after", ""))


def _show(request: SignedInRequest, asked: Asked) -> HttpResponse:
    """The page, or its list alone, or nothing where somebody looks whether it has changed and it has not."""
    user = request.user
    dialer = find_dialer(user, request.headers.get("User-Agent", ""))
    system = system_settings.find_row(user.organization)
    region = user.organization.default_region if user.organization else ""
    reader = Reader(user, region, dialer, can_play=system_settings.can_be_asked(system))
    listing = history.list_history(reader, asked)
    ways = book().find_ways(user) if listing.has_strangers else ContactWays()
    unread = history.count_unread(user)
    is_fragment = bool(request.htmx) and request.htmx.target == "calls"
    pulse, known = _take_pulse(listing, unread, ways, dialer.reason), request.headers.get("X-Pulse", "")
    if is_fragment and known == pulse:
        return HttpResponse(status=204)
    context = {
        "asked": asked,
        "listing": listing,
        "unread": unread,
        "pulse": pulse,
        "ways": ways,
        "dialer": dialer,
        "removed": _find_removed(user, request.GET.get("removed", "")),
        "is_fragment": is_fragment,
        "is_news": is_fragment and known.partition(".")[0] != pulse.partition(".")[0],
        "system": system if system and system.kind else None,
    }
    response = render(request, "phone/_history.html" if is_fragment else "phone/history.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _take_pulse(listing: Listing, *more: Any) -> str:
    """Before the point what is shown, behind it how long links to messages live."""
    has_sound = any(row.listen_url for row in listing.rows)
    return f"{listing.digest(timezone.localdate(), *more)}.{int(time.time() / LINK_SECONDS) if has_sound else 0}"


# What was removed here can be had back, from the page on which it was removed.


@require_POST
def call_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    return _remove(request, get_object_or_404(Call.objects.visible_to(request.user), pk=pk))


@require_POST
def voicemail_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    return _remove(request, get_object_or_404(Voicemail.objects.visible_to(request.user), pk=pk))


@require_POST
def call_restore(request: SignedInRequest, pk: int) -> HttpResponse:
    return _restore(request, get_object_or_404(Call.objects.filter(owner=request.user), pk=pk))


@require_POST
def voicemail_restore(request: SignedInRequest, pk: int) -> HttpResponse:
    return _restore(request, get_object_or_404(Voicemail.objects.filter(owner=request.user), pk=pk))


def _remove(request: SignedInRequest, row: Call | Voicemail) -> HttpResponse:
    row.hidden_at = timezone.now()
    row.save(update_fields=["hidden_at"])
    return redirect(_find_way_back(request, row, removed=_key_of(row)))


def _restore(request: SignedInRequest, row: Call | Voicemail) -> HttpResponse:
    row.hidden_at = None
    row.save(update_fields=["hidden_at"])
    return redirect(_find_way_back(request, row))


def _key_of(row: Call | Voicemail) -> str:
    return f"{row._meta.model_name}-{row.pk}"


def _find_removed(user: User, key: str) -> dict[str, str]:
    """Of what was just removed: the address that takes it back. {} where it is there, or was never the reader's."""
    kind, _, pk = key.partition("-")
    model: type[Call] | type[Voicemail] | None = {"call": Call, "voicemail": Voicemail}.get(kind)  # type: ignore[assignment]
    if model is None or not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
        return {}
    if not model.objects.filter(owner=user, pk=pk, hidden_at__isnull=False).exists():
        return {}
    return {"kind": kind, "url": reverse(f"phone:{kind}_return", args=[pk])}


# Listening


@require_POST
def voicemail_read(request: SignedInRequest, pk: int) -> HttpResponse:
    """`is_read`: "1", or "0" to have it stand as new again. A page that plays it wants no answer."""
    voicemail = get_object_or_404(Voicemail.objects.visible_to(request.user), pk=pk)
    reading.mark(voicemail, is_read=request.POST.get("is_read") == "1")
    if request.htmx and request.htmx.target != "calls":
        return HttpResponse(status=204)
    return redirect(_find_way_back(request, voicemail))


def _find_way_back(request: SignedInRequest, row: Call | Voicemail, *, removed: str = "") -> str:
    """The page on which the button stood, without what it said of something removed before."""
    default = reverse("phone:voicemails" if isinstance(row, Voicemail) else "phone:list")
    path, _, query = check_next(request.POST.get("next"), default=default).partition("?")
    kept = [one for one in query.split("&") if one and not one.startswith("removed=")]
    kept += [f"removed={removed}"] if removed else []
    return f"{path}?{'&'.join(kept)}" if kept else path
