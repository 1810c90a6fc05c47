"""JSON answers as Google sends them: pretty unless asked otherwise, with an ETag, or a 304 for who has it already."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, request

from sandbox.google.errors import GoogleError
from sandbox.google.partial import apply_mask, parse_fields

JSON = "application/json; charset=UTF-8"


def is_pretty() -> bool:
    """prettyPrint is on unless the client switches it off."""
    value = request.args.get("prettyPrint", request.args.get("$prettyPrint", "true"))
    return value.lower() not in ("false", "0")


def answer(doc: dict[str, Any] | bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """doc: an object, to which `fields` is still applied, or JSON that is finished."""
    if isinstance(doc, dict):
        doc = orjson.dumps(apply_mask(doc, parse_fields(request.args.get("fields", ""))))
    if is_pretty():
        doc = orjson.dumps(orjson.loads(doc), option=orjson.OPT_INDENT_2) + b"\n"
    response = Response(doc, status, content_type=JSON)
    response.headers["Cache-Control"] = "no-cache, no-store, max-age=0, must-revalidate"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Vary"] = "Origin, X-Origin, Referer"
    response.headers.update(headers or {})
    return response


def answer_tagged(doc: dict[str, Any]) -> Response:
    """With the resource's own etag; 304 where If-None-Match names it."""
    tag = doc.get("etag", "")
    if tag and tag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
        return Response(status=304, headers={"ETag": tag})
    return answer(doc, headers={"ETag": tag} if tag else {})


def answer_error(error: GoogleError) -> Response:
    body = orjson.dumps(error.body, option=orjson.OPT_INDENT_2) + b"\n"
    response = Response(body, error.status, content_type=JSON)
    response.headers.update(error.headers)
    return response


def read_body(refusal: GoogleError) -> dict[str, Any]:
    """The request's JSON object. Raises the given refusal for anything else."""
    try:
        body = orjson.loads(request.get_data() or b"{}")
    except orjson.JSONDecodeError:
        raise refusal from None
    if not isinstance(body, dict):
        raise refusal
    return body
