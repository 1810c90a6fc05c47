"""Who listens to which calendar and mailbox, what was told, and what a person may do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request

from sandbox.microsoft.graph_subscriptions import LIFECYCLE

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 100
WORDS = {
    "reauthorizationRequired": "ask for a new authorization", "subscriptionRemoved": "remove them",
    "missed": "say that some were missed",
}  # fmt: skip


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("push", __name__)

    @routes.get("/push")
    def show() -> str:
        subscriptions = sandbox.office365.graph.subscriptions
        owners = subscriptions.owners()
        listed = [{**one, "email": owners[one["id"]]} for one in subscriptions.list()]
        deliveries = list(reversed(sandbox.deliveries.list()))[:SHOWN]
        return render_template(
            "push.html", channels=sandbox.google.channels.list(), subscriptions=listed, deliveries=deliveries,
            words=WORDS, is_doubled=sandbox.deliveries.is_doubled, to_lose=sandbox.deliveries.to_lose,
            takes_loopback=sandbox.deliveries.takes_loopback,
        )  # fmt: skip

    @routes.post("/push/lifecycle")
    def announce() -> Any:
        event = request.form.get("event", "")
        if event in LIFECYCLE:
            sandbox.office365.graph.subscriptions.announce(request.form.get("email", ""), event)
        return redirect("/push", 303)

    @routes.post("/push/trouble")
    def trouble() -> Any:
        if "lose" in request.form:
            sandbox.deliveries.lose(request.form.get("lose", 0, type=int))
        else:
            sandbox.deliveries.is_doubled = bool(request.form.get("doubled"))
        return redirect("/push", 303)

    return routes
