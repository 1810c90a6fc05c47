"""Where providers post their notifications. Anybody may post here: what is not genuine leads to nothing."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations import hearing, registry
from integrations.flooding import Flood
from integrations.providers.base import PushingProvider
from organizations.client_address import client_address

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
LONGEST_LENGTH = 9
LOGGED = Flood(most=20)


@csrf_exempt
@login_not_required
@require_POST
def notification_create(request: HttpRequest, provider: str) -> HttpResponse:
    """Answers at once, and the same to everyone: what a genuine one asks for is done by the worker.

    Nothing here counts how much comes from where: a service posts from the same addresses for whoever asks it to, so
    whoever had it post forged ones could have silenced all others. Those cost no look-up.
    """
    sender = registry.providers().get(provider)
    if not isinstance(sender, PushingProvider):
        raise Http404
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or len(length) > LONGEST_LENGTH or int(length) > MOST_BYTES:
        return HttpResponse(status=413)
    if word := sender.read_handshake(request.GET.dict()):
        return _echo(word)
    notifications = sender.parse_notifications(request.headers, request.body)
    forged = hearing.hear(provider, notifications)
    if (forged or not notifications) and LOGGED.count():
        address = client_address(request) or "somewhere"
        log.warning("A notification in the name of %s from %s is not genuine", provider, address)
    return HttpResponse(status=202)


def _echo(word: str) -> HttpResponse:
    """As plain text whatever it holds: it is anybody's, and must not become a page of ours."""
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return HttpResponse(word, content_type="text/plain; charset=utf-8", headers=headers)
