"""The control API's part for notifications: who listens, what was told, what is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from sandbox.control_mailboxes import body
from sandbox.same_origin import check_same_origin

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control_push", __name__, url_prefix="/_control")
    routes.before_request(check_same_origin)
    deliveries, subscriptions = sandbox.deliveries, sandbox.office365.graph.subscriptions

    @routes.get("/push")
    def list_deliveries() -> Response:
        return jsonify([one.describe() for one in deliveries.list()])

    @routes.post("/push")
    def change_deliveries() -> Response:
        """{"lose": 3, "doubled": true, "loopback": true, "hurry": true}; the last: try again now what waits for it."""
        values = body()
        if "lose" in values:
            deliveries.lose(int(values["lose"]))
        if "doubled" in values:
            deliveries.is_doubled = bool(values["doubled"])
        if "loopback" in values:
            deliveries.takes_loopback = bool(values["loopback"])
        if values.get("hurry"):
            deliveries.hurry()
        return jsonify(doubled=deliveries.is_doubled, loopback=deliveries.takes_loopback)

    @routes.post("/push/<int:number>")
    def retry(number: int) -> tuple[Response, int]:
        """Send this one now, whatever became of it."""
        count = deliveries.hurry(number)
        return jsonify(sent=count), 200 if count else 404

    @routes.get("/google/<email>/channels")
    def list_channels(email: str) -> Response:
        return jsonify(sandbox.google.channels.list(email.lower()))

    @routes.get("/office365/<email>/subscriptions")
    def list_subscriptions(email: str) -> Response:
        return jsonify(subscriptions.list(email.lower()))

    @routes.post("/office365/<email>/subscriptions")
    def announce(email: str) -> tuple[Response, int]:
        """{"lifecycle": "reauthorizationRequired" | "subscriptionRemoved" | "missed"}"""
        try:
            return jsonify(told=subscriptions.announce(email, str(body().get("lifecycle", "")))), 200
        except ValueError as error:
            return jsonify(error=str(error)), 400

    return routes
