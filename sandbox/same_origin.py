"""Keeps other sites from posting the sandbox's forms."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, request


def check_same_origin() -> None:
    """Answers 403 to a form that was sent from a page of another origin; programs send no such header and pass."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin", "none") or (origin and urlsplit(origin).netloc != request.host):
        abort(403, "This form was sent from another site. Open the sandbox's own page and send it there.")
