"""Who is calling, and whether their token's scopes allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g, request

from sandbox.google.errors import credentials_missing, credentials_refused, scope_insufficient
from sandbox.google.scopes import accepted_for
from sandbox.google.tokens import Access

if TYPE_CHECKING:
    from sandbox.google import Google

SERVICES = {"calendar": "calendar-json.googleapis.com", "google": "people.googleapis.com"}


def read_bearer() -> str:
    header = request.headers.get("Authorization", "")
    return header[7:].strip() if header[:7].lower() == "bearer " else request.args.get("access_token", "")


def check_access(google: Google, method: str) -> Access:
    """The token's account and scopes. Raises GoogleError (401, 403)."""
    service = SERVICES[method.split(".")[0]]
    token = read_bearer()
    if not token:
        raise credentials_missing(service, method)
    access = google.tokens.find_access(token)
    if access is None or google.people.find(access.email) is None:
        raise credentials_refused(service, method)
    g.account = access.email
    accepted = accepted_for(method)
    if not access.scopes.intersection(accepted):
        raise scope_insufficient(service, method, accepted)
    return access
