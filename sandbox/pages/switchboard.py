"""Faults, the clock and the log of requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request

from sandbox.faults import LINE_KINDS

if TYPE_CHECKING:
    from sandbox.server import Sandbox

# below each service: pattern → what it is
PATHS = (
    ("Google", (
        ("/google/calendar/*", "the calendar"), ("/google/*/events", "the list of events"),
        ("/google/people/*", "contacts and groups"), ("/google/*/connections", "the list of contacts"),
        ("/google/token", "tokens"),
    )),
    ("Microsoft Graph", (
        ("/graph/*/calendarView/delta", "what changed in the calendar"), ("/graph/*/events*", "events"),
        ("/graph/*/contacts/delta", "what changed in a folder of contacts"),
        ("/graph/*/contactFolders*", "contacts and their folders"),
    )),
    ("Entra ID", (
        ("/microsoft/*/token", "tokens"), ("/microsoft/*/authorize", "the page where people sign in"),
        ("/microsoft/*/adminconsent", "the page where administrators consent"),
        ("/microsoft/*/openid-configuration", "discovery"),
    )),
    ("Exchange", (
        ("/EWS/*SyncFolder*", "what changed"), ("/EWS/*/FindItem", "the calendar view, and lists"),
        ("/EWS/*/GetItem", "items one by one"), ("/EWS/*/CreateItem", "new items"),
    )),
    ("Zoom", (
        ("/zoom/v2/users/*/meetings", "new meetings, and lists"), ("/zoom/v2/meetings/*", "one meeting"),
        ("/zoom/v2/*webinars*", "webinars"), ("/zoom/oauth/token", "tokens"),
    )),
    ("Zoom Phone", (
        ("/zoom/v2/phone/*call_history", "lists of calls"), ("/zoom/v2/phone/*voice_mails", "lists of voicemail"),
        ("/zoom/v2/phone/*/download/*", "the sound of voicemail"), ("/zoom/v2/phone/users", "who has a phone"),
    )),
)  # fmt: skip
STEPS = ((3600, "1 hour"), (86_400, "1 day"), (7 * 86_400 + 60, "7 days"), (31 * 86_400, "31 days"))


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("switchboard", __name__)

    def page(problem: str = "") -> str:
        faces = sandbox.faults.faces
        words = sandbox.faults.actions
        return render_template(
            "switchboard.html", rules=sandbox.faults.rules(), kinds=sandbox.faults.kinds, line_kinds=LINE_KINDS,
            faces=[(face.name, face.prefixes[0], face.kinds, {kind: words[kind] for kind in face.actions})
                   for face in faces],
            paths=PATHS, steps=STEPS, people=list(sandbox.store.people), clock=sandbox.clock,
            rotates=sandbox.google.tokens.rotates, problem=problem,
        )  # fmt: skip

    @routes.get("/switchboard")
    def show() -> str:
        return page()

    @routes.post("/switchboard/faults")
    def add() -> Any:
        """kind: its name, and after an @ the service it was picked from, which is meant where no path is chosen."""
        form = request.form
        kind, _, prefix = form.get("kind", "").partition("@")
        path = form.get("path") or (f"{prefix}*" if prefix else "")
        times, amount = form.get("times", "1").strip(), form.get("amount", "").strip()
        try:
            sandbox.faults.add(
                kind, path, times=int(times) if times else None,
                account=form.get("account", ""), amount=float(amount) if amount else None,
            )  # fmt: skip
        except ValueError as error:
            text = str(error)
            return page(
                text if text.endswith(".") else "Times and amount are numbers; leave them empty if unsure."
            ), 422
        return redirect("/switchboard", 303)

    @routes.post("/switchboard/faults/deletion")
    def clear() -> Any:
        number = request.form.get("number", type=int)
        sandbox.faults.clear(number)
        return redirect("/switchboard", 303)

    @routes.post("/switchboard/clock")
    def move_clock() -> Any:
        seconds = request.form.get("advance", 0, type=int)
        if seconds:
            sandbox.clock.advance(timedelta(seconds=seconds))
        else:
            sandbox.clock.reset()
        return redirect("/switchboard", 303)

    @routes.post("/switchboard/rotation")
    def rotate() -> Any:
        sandbox.google.tokens.rotates = bool(request.form.get("on"))
        return redirect("/switchboard", 303)

    @routes.get("/log")
    def log() -> str:
        account = request.args.get("account", "")
        entries = list(reversed(sandbox.log.requests(account=account)))[:200]
        return render_template("log.html", entries=entries, people=list(sandbox.store.people), account=account)

    return routes
