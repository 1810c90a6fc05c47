"""The control API's part for Zoom Phone: who has one, what happens to it, who is told and in which order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from sandbox.control_mailboxes import body
from sandbox.same_origin import check_same_origin
from sandbox.zoom.phone.shapes import show_element

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Json = tuple[Response, int]


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control_phone", __name__, url_prefix="/_control/zoom/phone")
    routes.before_request(check_same_origin)
    phone, zoom = sandbox.zoom.phone, sandbox.zoom

    @routes.errorhandler(AssertionError)
    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def refuse(error: Exception) -> Json:
        return jsonify(error=str(error)), 400

    @routes.get("/users")
    def list_users() -> Response:
        found = phone.users.of(zoom.credentials["account_id"])
        return jsonify([{"email": one.email, "id": one.id, "extension": one.extension, "numbers": one.numbers,
                         "status": one.status} for one in found])  # fmt: skip

    @routes.post("/users")
    def add_user() -> Json:
        """{"email", "extension": 1001, "numbers": ["+493012345"], "status": "activate" | "deactivate"}"""
        values = body()
        values["numbers"] = tuple(values.get("numbers", ()))
        user = phone.add_user(values.pop("email"), **values)
        return jsonify(email=user.email, id=user.id, extension=user.extension), 201

    @routes.delete("/users/<email>")
    def remove_user(email: str) -> tuple[str, int]:
        phone.users.remove(email)
        return "", 204

    @routes.post("/calls")
    def receive() -> Json:
        """{"to", "from", "name", "result", "seconds", "at", "transcript", "raw", "raw_voicemail", "is_told"}

        Or, for a message, "voicemail": {"seconds", "transcript"} instead of result, seconds and transcript.
        """
        values = body()
        if "at" in values:
            values["at"] = datetime.fromisoformat(values["at"])
        message = values.pop("voicemail", None)
        if message is not None:
            values |= {"result": "voicemail"} | message
        return jsonify(phone.receive(values.pop("to"), values.pop("from"), **values)), 201

    @routes.post("/outgoing")
    def place() -> Json:
        """{"by", "to", "name", "result", "seconds", "at", "raw", "is_told"}"""
        values = body()
        if "at" in values:
            values["at"] = datetime.fromisoformat(values["at"])
        return jsonify(phone.place(values.pop("by"), values.pop("to"), **values)), 201

    @routes.get("/<email>/calls")
    def list_calls(email: str) -> Response:
        return jsonify([show_element(doc) for doc in phone.calls.history(email=email)])

    @routes.delete("/calls/<element>")
    def delete_call(element: str) -> tuple[str, int]:
        phone.delete_call(element)
        return "", 204

    @routes.get("/<email>/voicemails")
    def list_voicemails(email: str) -> Response:
        found = phone.calls.voicemails(email=email.lower())
        return jsonify([phone.show_voicemail(one) | {"has_audio": one.has_audio} for one in found])

    @routes.post("/voicemails/<voicemail>/transcript")
    def transcribe(voicemail: str) -> tuple[str, int]:
        """{"text"}"""
        phone.transcribe(voicemail, body()["text"])
        return "", 204

    @routes.delete("/voicemails/<voicemail>/audio")
    def lose_audio(voicemail: str) -> tuple[str, int]:
        """The message stays, and its sound is gone."""
        phone.calls.change_voicemail(phone.get_voicemail(voicemail).id, has_audio=False)
        return "", 204

    @routes.delete("/voicemails/<voicemail>")
    def delete_voicemail(voicemail: str) -> tuple[str, int]:
        phone.delete_voicemail(voicemail)
        return "", 204

    @routes.post("/downloads")
    def redirect_downloads() -> Response:
        """{"redirects": true}: a download leads to another address first."""
        phone.redirects = bool(body().get("redirects"))
        return jsonify(redirects=phone.redirects)

    @routes.get("/subscription")
    def show_subscription() -> Response:
        found = phone.subscriptions.find(zoom.credentials["account_id"])
        return jsonify(found.describe() if found else {})

    @routes.put("/subscription")
    def subscribe() -> Json:
        """{"url", "secret", "generations": ["log", "history", "element"], "live": true, "account"}; 422: not proved."""
        values = body()
        found = phone.subscriptions.set(values.pop("account", zoom.credentials["account_id"]), **values)
        return jsonify(found.describe()), 200 if found.state == "active" else 422

    @routes.delete("/subscription")
    def unsubscribe() -> tuple[str, int]:
        phone.subscriptions.remove(zoom.credentials["account_id"])
        return "", 204

    @routes.post("/subscription/proof")
    def prove() -> Response:
        account = zoom.credentials["account_id"]
        return jsonify(proved=phone.subscriptions.prove(account))

    @routes.post("/deliveries")
    def order() -> Response:
        """{"hold": true}, then {"release": "made" | "reversed" | "mixed"}; {"signs_again": false}

        Losing, doubling and trying again is every service's: /_control/push.
        """
        values, sent = body(), 0
        if "signs_again" in values:
            phone.subscriptions.signs_again = bool(values["signs_again"])
        if values.get("hold"):
            phone.subscriptions.hold()
        if "release" in values:
            sent = phone.subscriptions.release(values["release"])
        return jsonify(sent=sent, held=len(phone.subscriptions.held or []))

    return routes
