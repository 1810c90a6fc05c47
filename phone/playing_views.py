"""Where a browser fetches the sound of a voicemail."""

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from organizations.requests import SignedInRequest
from phone import playing
from phone.models import Voicemail

HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@require_safe
def voicemail_audio(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The person's own messages alone, with the link that the page has made for them."""
    voicemail = Voicemail.objects.visible_to(request.user).filter(pk=pk).first()
    if voicemail is None:
        raise Http404
    if not playing.is_good(request.GET.get("t", ""), pk, request.user):
        return _say(playing.RUN_OUT, 403)
    try:
        sound = playing.open_audio(voicemail, range_header=request.headers.get("Range", ""))
    except playing.CannotPlay as reason:
        return _say(reason.sentence, 404 if reason.is_final else 503)
    headers = {**HEADERS, "Accept-Ranges": "bytes", "Content-Type": sound.kind, "Content-Disposition": "inline"}
    if sound.audio.length is not None:
        headers["Content-Length"] = str(sound.audio.length)
    if sound.audio.status == 206:
        headers["Content-Range"] = sound.audio.content_range
    if request.method == "HEAD":
        sound.close()
        return HttpResponse(status=sound.audio.status, headers=headers)
    # It is closed with the answer, also where nobody has taken a single piece.
    return StreamingHttpResponse(sound, status=sound.audio.status, headers=headers)


def _say(sentence: str, status: int) -> HttpResponse:
    more = {"Retry-After": "60"} if status == 503 else {}
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=HEADERS | more)
