"""The address that phone systems post to, in front of Django: a thousand in a second come by here.

Nothing that the middleware does is of use to them: they have no session, get no page, and are told apart by what they
have signed. Runs in front of everything in portal/wsgi.py; Django's own view is this same function.
"""

import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.request import HttpHeaders
from django.views.decorators.csrf import csrf_exempt

from phone import receiving
from phone.receiving import MOST_BYTES, Answer

ADDRESS = re.compile(r"/phone/events/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/")
LONGEST_LENGTH = 9

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Door:
    """A WSGI application that answers notifications itself and hands on everything else."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return self._application(environ, start_response)
        answer = receive(environ, UUID(found[1]))
        body = dump(answer)
        headers = [*headers_of(answer).items()]
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [body]


@csrf_exempt
@login_not_required
def event_create(request: HttpRequest, key: UUID) -> HttpResponse:
    """For servers that do not come by portal/wsgi.py: a test's."""
    answer = receive(request.META, key)
    return HttpResponse(dump(answer), status=answer.status, headers=headers_of(answer))


def receive(environ: Environ, key: UUID) -> Answer:
    if environ.get("REQUEST_METHOD") != "POST":
        return Answer(405)
    body = _read_body(environ)
    return receiving.TOO_BIG if body is None else receiving.receive(key, HttpHeaders(environ), body)


def _read_body(environ: Environ) -> bytes | None:
    """None: too big, or nobody knows how big."""
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):  # in chunks
        body: bytes = environ["wsgi.input"].read(MOST_BYTES + 1)
        return body if len(body) <= MOST_BYTES else None
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or len(length) > LONGEST_LENGTH or int(length) > MOST_BYTES:
        return None
    read: bytes = environ["wsgi.input"].read(int(length))
    return read


def dump(answer: Answer) -> bytes:
    return b"" if answer.told is None else json.dumps(answer.told).encode()


def headers_of(answer: Answer) -> dict[str, str]:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "POST"
    if answer.told is not None:
        headers["Content-Type"] = "application/json"
    return headers
