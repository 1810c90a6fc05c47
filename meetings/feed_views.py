"""The page on which a person makes the secret address of their meetings, and what programs read at that address."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.flooding import Flood
from meetings import publishing, subscribing
from meetings.delegating import find_circle
from meetings.models import FeedLink
from meetings.reader import find_reader
from organizations.client_address import client_address
from organizations.models import User
from organizations.requests import SignedInRequest

READINGS = Flood(most=12)
"""Of one address: programs ask every few minutes."""
MISSES = Flood(most=30)
"""From one place: somebody tries addresses, or a program has not been told that its own is revoked."""


@login_not_required
@require_safe
def feed(request: HttpRequest, secret: str) -> HttpResponseBase:
    """What the address shows, to whoever has it."""
    place = client_address(request) or ""
    if MISSES.is_full(place):
        return _too_many()
    link = subscribing.find_by_token(secret)
    if link is None:
        MISSES.count(place)
        raise Http404
    if not READINGS.count(link.token_hash):
        return _too_many()
    subscribing.note_read(link)
    with timezone.override(link.user.zone):
        reader = find_reader(link.user)
    response = StreamingHttpResponse(
        publishing.write(reader, with_delegated=link.with_delegated),
        content_type="text/calendar; charset=utf-8",
        headers={
            "ETag": publishing.find_etag(reader, with_delegated=link.with_delegated),
            "Cache-Control": "private, no-cache",
            "X-Robots-Tag": "noindex, nofollow, noarchive",
            "Content-Disposition": 'inline; filename="meetings.ics"',
        },
    )
    as_known: Any = get_conditional_response(request, etag=response["ETag"], response=cast(HttpResponse, response))
    return cast(HttpResponseBase, as_known)


def _too_many() -> HttpResponse:
    return HttpResponse(
        "Too many requests. Ask again in a minute.",
        status=429,
        content_type="text/plain",
        headers={"Retry-After": "60"},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscription(request: SignedInRequest) -> HttpResponse:
    """Whether there is an address. One that is made stands on the answer, and never again on any page."""
    if request.method != "POST":
        return _page(request)
    if request.user.organization is None:
        messages.error(request, "Only somebody who works in an organization can subscribe to meetings.")
        return redirect("meetings:subscription")
    with_delegated = "with_delegated" in request.POST
    url = subscribing.create_link(request.user, with_delegated=with_delegated, address=client_address(request))
    return _page(request, url)


def _page(request: SignedInRequest, url: str = "") -> HttpResponse:
    context = {
        "link": FeedLink.objects.filter(user=request.user).first(),
        "owners": find_circle(request.user).owners,
        "url": url,
        "webcal_url": f"webcal{url[url.index(':') :]}" if url else "",
    }
    return render(request, "meetings/subscription.html", context)


@require_POST
def subscription_contents(request: SignedInRequest) -> HttpResponse:
    """Whose meetings it shows; the address stays."""
    with_delegated = "with_delegated" in request.POST
    if subscribing.change_contents(request.user, with_delegated=with_delegated, address=client_address(request)):
        messages.success(request, "Saved. Your programs see it when they next read the address.")
    return redirect("meetings:subscription")


@require_POST
def subscription_revocation(request: SignedInRequest) -> HttpResponse:
    if subscribing.revoke(request.user, address=client_address(request)):
        messages.success(request, "The address is revoked. Programs that still ask there get nothing.")
    return redirect("meetings:subscription")


def describe_card(user: User) -> Mapping[str, Any]:
    """The card on the profile page; settings.PROFILE_CARDS names it."""
    return {"template": "meetings/_subscription_card.html", "link": FeedLink.objects.filter(user=user).first()}
