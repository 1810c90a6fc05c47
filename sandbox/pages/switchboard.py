"""Faults, the clock and the log of requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PATHS = (
    ("/google/*", "everything of Google"), ("/google/calendar/*", "the calendar"), ("*/events", "the list of events"),
    ("/google/people/*", "contacts and groups"), ("*/connections", "the list of contacts"), ("/google/token", "tokens"),
)  # fmt: skip
STEPS = ((3600, "1 hour"), (86_400, "1 day"), (7 * 86_400 + 60, "7 days"), (31 * 86_400, "31 days"))


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("switchboard", __name__)

    def page(problem: str = "") -> str:
        return render_template(
            "switchboard.html", rules=sandbox.faults.rules(), kinds=sandbox.faults.kinds,
            actions=sandbox.faults.actions, paths=PATHS, steps=STEPS, people=list(sandbox.store.people),
            clock=sandbox.clock, rotates=sandbox.google.tokens.rotates, problem=problem,
        )  # fmt: skip

    @routes.get("/switchboard")
    def show() -> str:
        return page()

    @routes.post("/switchboard/faults")
    def add() -> Any:
        form = request.form
        times, amount = form.get("times", "1").strip(), form.get("amount", "").strip()
        try:
            sandbox.faults.add(
                form.get("kind", ""), form.get("path") or "/google/*", times=int(times) if times else None,
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
