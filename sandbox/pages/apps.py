"""What apps may do with an account, and taking it back: the pretend myaccount.google.com."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request, url_for

from sandbox.google.scopes import sentence
from sandbox.pages.home import get_person

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("apps", __name__)
    tokens = sandbox.google.tokens

    @routes.get("/people/<email>/apps")
    def show(email: str) -> str:
        person = get_person(sandbox, email)
        grants = [
            (client, [(scope, sentence(scope)) for scope in scopes], datetime.fromtimestamp(since, UTC))
            for client, scopes, since in tokens.grants(person.email)
        ]
        return render_template("apps.html", person=person, grants=grants, living=tokens.living(person.email))

    @routes.post("/people/<email>/apps/revocation")
    def revoke(email: str) -> Any:
        tokens.revoke_account(get_person(sandbox, email).email, request.form.get("client", ""))
        return redirect(url_for(".show", email=email), 303)

    return routes
