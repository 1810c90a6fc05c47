"""The front page: the pretend people, and a form for one more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request

from sandbox.google.event_shapes import ADDRESS
from sandbox.google.times import find_zone
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def get_person(sandbox: Sandbox, email: str) -> Person:
    """Answers 404 for somebody this sandbox does not know."""
    person = sandbox.store.people.find(email)
    if person is None:
        abort(404, "This sandbox knows nobody with that address. Its front page lists everyone.")
    return person


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("home", __name__)

    def page(problem: str = "", form: Any = None) -> str:
        people = [(person, count(person.email)) for person in sandbox.store.people]
        return render_template(
            "home.html", people=people, tenants=list(sandbox.office365.tenants), problem=problem, form=form or {}
        )

    def count(email: str) -> dict[str, int | str]:
        """How much of everything somebody has."""
        phone = sandbox.zoom.phone
        row = sandbox.store.row("SELECT count(*) FROM g_event WHERE calendar = ? AND status != 'cancelled'", email)
        account = sandbox.exchange.directory.find_by_email(email)
        found: dict[str, int | str] = {
            "google_events": row[0] if row else 0, "google_contacts": sandbox.google.contacts.count(email),
            "google_apps": len(sandbox.google.tokens.grants(email)),
            "office365_apps": len(sandbox.office365.tokens.grants(email)),
            "exchange_account": account.state if account else "none",
            "zoom_meetings": len(sandbox.zoom.meetings.of(email)),
            "zoom_calls": len(phone.calls.history(email=email)) if phone.users.find(email) else "none",
            "zoom_user": "yes" if sandbox.zoom.meetings.find_user(email) else "none",
        }  # fmt: skip
        for site in ("office365", "exchange"):
            for what, kinds in (("event", "AND kind IN ('single', 'series')"), ("contact", "")):
                row = sandbox.store.row(
                    f"SELECT count(*) FROM m_{what} JOIN m_mailbox USING (box) WHERE site = ? AND email = ? {kinds}",
                    site, email,
                )  # fmt: skip
                found[f"{site}_{what}s"] = row[0] if row else 0
        return found

    @routes.get("/")
    def show() -> str:
        return page()

    @routes.post("/people")
    def add() -> Any:
        form = {
            name: request.form.get(name, "").strip() for name in ("email", "name", "organization", "timezone", "region")
        }
        if not ADDRESS.match(form["email"]):
            return page("Give an e-mail address, such as fay@northwind.example.", form), 422
        if find_zone(form["timezone"] or "UTC") is None:
            return page(f"No time zone is called {form['timezone']}. Try one like Europe/Berlin.", form), 422
        form["timezone"] = form["timezone"] or "UTC"
        form["region"] = form["region"].upper()[:2] or "US"
        sandbox.google.add_person(**form)
        return redirect("/", 303)

    return routes
