"""The control API's part for Zoom: who is a user there, and what they do in Zoom itself.

Documents are as Zoom has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from sandbox.control_mailboxes import body
from sandbox.same_origin import check_same_origin
from sandbox.zoom.errors import ZoomError
from sandbox.zoom.shapes import show_meeting

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Json = tuple[Response, int]


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control_zoom", __name__, url_prefix="/_control/zoom")
    routes.before_request(check_same_origin)
    zoom = sandbox.zoom

    @routes.errorhandler(ZoomError)
    def refuse(error: ZoomError) -> Json:
        return jsonify(error.body), error.status

    @routes.errorhandler(AssertionError)
    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    def refuse_values(error: Exception) -> Json:
        return jsonify(error=str(error)), 400

    @routes.get("/credentials")
    def show_credentials() -> Response:
        return jsonify(zoom.credentials)

    @routes.post("/apps")
    def register_app() -> Json:
        """{"account", "client_id", "secret", "scopes": [...]}"""
        values = body()
        scopes = {"scopes": tuple(values.pop("scopes"))} if "scopes" in values else {}
        app = zoom.tokens.register(values["account"], values["client_id"], values["secret"], **scopes)
        return jsonify(client_id=app.client_id, scopes=sorted(app.scopes)), 201

    @routes.post("/users")
    def add_user() -> Json:
        """{"email", "account", "timezone", "webinars": true, "assistants": [...]}"""
        values = body()
        if "assistants" in values:
            values["assistants"] = tuple(values["assistants"])
        user = zoom.add_user(values.pop("email"), **values)
        return jsonify(email=user.email, id=user.id), 201

    @routes.delete("/users/<email>")
    def remove_user(email: str) -> tuple[str, int]:
        zoom.meetings.remove_user(email)
        return "", 204

    @routes.get("/<email>/meetings")
    def list_meetings(email: str) -> Response:
        return jsonify([show_meeting(doc) for doc in zoom.meetings.of(email)])

    @routes.post("/<email>/meetings")
    def schedule(email: str) -> Json:
        """?kind=webinar for one."""
        doc = zoom.schedule(email, body(), kind=request.args.get("kind", "meeting"))
        return jsonify(show_meeting(doc)), 201

    @routes.patch("/meetings/<int:number>")
    def change(number: int) -> tuple[str, int]:
        zoom.change(number, body())
        return "", 204

    @routes.delete("/meetings/<int:number>")
    def delete(number: int) -> tuple[str, int]:
        """?occurrence=… for one of a series."""
        zoom.delete(number, occurrence=request.args.get("occurrence", ""))
        return "", 204

    return routes
