"""Zoom's HTTP: the token endpoint, and below /zoom/v2/ what Portico asks of meetings, webinars and users."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from sandbox.zoom.errors import OAuthError, ZoomError, invalid, scopes_missing, token_refused
from sandbox.zoom.meetings import User
from sandbox.zoom.shapes import show_meeting
from sandbox.zoom.tokens import TOKEN_SECONDS, App

if TYPE_CHECKING:
    from sandbox.zoom import Zoom

Json = tuple[Response, int]
MOST_LISTED = 300


def refuse(error: ZoomError | OAuthError) -> Any:
    return jsonify(error.body), error.status, getattr(error, "headers", {})


def enter(zoom: Zoom, scope: str) -> App:
    """The app that asks. Raises ZoomError."""
    header = request.headers.get("Authorization", "")
    if header[:7].lower() != "bearer ":
        raise token_refused()
    app = zoom.tokens.check(header[7:].strip())
    if scope not in app.scopes:
        raise scopes_missing(scope)
    return app


class ZoomApi:
    def __init__(self, zoom: Zoom) -> None:
        self._zoom = zoom

    def blueprint(self) -> Blueprint:
        routes = Blueprint("zoom_api", __name__, url_prefix="/zoom")
        routes.register_error_handler(ZoomError, refuse)
        routes.register_error_handler(OAuthError, refuse)
        routes.add_url_rule("/oauth/token", "token", self.token, methods=["POST"])
        for kind in ("meeting", "webinar"):
            for path, method, view in (
                (f"/v2/users/<who>/{kind}s", "GET", self.list),
                (f"/v2/users/<who>/{kind}s", "POST", self.create),
                (f"/v2/{kind}s/<number>", "GET", self.show),
                (f"/v2/{kind}s/<number>", "PATCH", self.change),
                (f"/v2/{kind}s/<number>", "DELETE", self.delete),
            ):
                name = f"{kind}_{method}_{'of' if '<who>' in path else 'one'}"
                routes.add_url_rule(path, name, view, defaults={"kind": kind}, methods=[method])
        routes.add_url_rule("/v2/users/<who>", "user", self.show_user)
        routes.add_url_rule("/v2/users/<who>/assistants", "assistants", self.assistants)
        return routes

    def token(self) -> Response:
        """Reference: https://developers.zoom.us/docs/internal-apps/s2s-oauth/"""
        scheme, _, coded = request.headers.get("Authorization", "").partition(" ")
        try:
            client_id, _, secret = base64.b64decode(coded if scheme == "Basic" else "").decode().partition(":")
        except ValueError:
            client_id = secret = ""
        app, token = self._zoom.tokens.issue(
            client_id=client_id, secret=secret, account=request.values.get("account_id", ""),
            grant_type=request.values.get("grant_type", ""),
        )  # fmt: skip
        return jsonify(
            access_token=token, token_type="bearer", expires_in=TOKEN_SECONDS, scope=" ".join(sorted(app.scopes)),
            api_url="https://api.zoom.us",
        )  # fmt: skip

    def _get_user(self, who: str, app: App) -> User:
        return self._zoom.meetings.get_user(who, account=app.account)

    def create(self, who: str, kind: str) -> Json:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/post/users/{userId}/meetings"""
        app = enter(self._zoom, f"{kind}:write:{kind}:admin")
        doc = self._zoom.meetings.create(self._get_user(who, app), request.get_json(silent=True), kind=kind)
        return jsonify(show_meeting(doc)), 201

    def show(self, number: str, kind: str) -> Response:
        app = enter(self._zoom, f"{kind}:read:{kind}:admin")
        return jsonify(show_meeting(self._zoom.meetings.get(_parse(number), account=app.account, kind=kind)))

    def change(self, number: str, kind: str) -> tuple[str, int]:
        app = enter(self._zoom, f"{kind}:update:{kind}:admin")
        body = request.get_json(silent=True)
        self._zoom.meetings.change(_parse(number), body, account=app.account, kind=kind)
        return "", 204

    def delete(self, number: str, kind: str) -> tuple[str, int]:
        app = enter(self._zoom, f"{kind}:delete:{kind}:admin")
        occurrence = request.args.get("occurrence_id", "")
        self._zoom.meetings.delete(_parse(number), account=app.account, kind=kind, occurrence=occurrence)
        return "", 204

    def list(self, who: str, kind: str) -> Response:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings"""
        app = enter(self._zoom, f"{kind}:read:list_{kind}s:admin")
        user, which = self._get_user(who, app), request.args.get("type", "scheduled")
        found = self._zoom.meetings.list(user, kind=kind, which=which)
        size = min(max(request.args.get("page_size", 30, type=int), 1), MOST_LISTED)
        token = request.args.get("next_page_token", "")
        begin = self._zoom.read_page_token(token, f"{user.id}:{kind}:{which}") if token else 0
        following = begin + size
        return jsonify(
            page_size=size, total_records=len(found),
            next_page_token=self._zoom.make_page_token(following, f"{user.id}:{kind}:{which}")
            if following < len(found) else "",
            **{f"{kind}s": found[begin:following]},
        )  # fmt: skip

    def show_user(self, who: str) -> Response:
        user = self._get_user(who, enter(self._zoom, "user:read:user:admin"))
        return jsonify(id=user.id, email=user.email, type=2, timezone=user.timezone, status="active")

    def assistants(self, who: str) -> Response:
        user = self._get_user(who, enter(self._zoom, "user:read:list_assistants:admin"))
        known = [self._zoom.meetings.find_user(one) for one in user.assistants]
        return jsonify(assistants=[{"id": one.id, "email": one.email} for one in known if one])


def _parse(number: str) -> int:
    """Raises ZoomError."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise invalid({"meetingId": "Invalid meeting ID."})
    return int(number)
