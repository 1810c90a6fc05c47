"""The sandbox in a browser: whose calendar and address book it is, what apps may do, what goes wrong next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from sandbox.pages import (
    apps,
    calendar,
    contacts,
    exchange,
    home,
    mailbox_calendar,
    mailbox_contacts,
    organizations,
    phone,
    push,
    switchboard,
    zoom,
)
from sandbox.same_origin import check_same_origin

if TYPE_CHECKING:
    from sandbox.server import Sandbox

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


def install(app: Flask, sandbox: Sandbox) -> None:
    """Add the pages to the application."""
    parts = (
        home,
        calendar,
        contacts,
        apps,
        mailbox_calendar,
        mailbox_contacts,
        organizations,
        exchange,
        push,
        zoom,
        phone,
        switchboard,
    )
    for part in parts:
        routes = part.make_blueprint(sandbox)
        routes.before_request(_check_form)
        app.register_blueprint(routes)
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _show_error)


def _check_form() -> None:
    if request.method == "POST":
        check_same_origin()


def _add_headers(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def _show_error(error: HTTPException) -> tuple[str, int]:
    return render_template("error.html", error=error), error.code or 500
