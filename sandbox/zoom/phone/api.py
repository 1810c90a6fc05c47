"""Zoom Phone's HTTP, below /zoom/v2/phone/: users, call history, voicemail.

Reference: https://developers.zoom.us/docs/api/phone/
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, redirect, request, send_file

from sandbox.zoom.api import enter, refuse
from sandbox.zoom.errors import ZoomError
from sandbox.zoom.phone import shapes
from sandbox.zoom.phone.audio import make_audio
from sandbox.zoom.phone.calls import Voicemail
from sandbox.zoom.phone.spans import Span, invalid_list, read_span
from sandbox.zoom.phone.users import show_listed, show_user
from sandbox.zoom.tokens import App

if TYPE_CHECKING:
    from sandbox.zoom import Zoom
    from sandbox.zoom.phone import Phone

MOST_LISTED, MOST_USERS = 300, 100
OWNERS = ("", "user", "callQueue", "sharedLineGroup", "autoReceptionist", "commonArea")


class PhoneApi:
    def __init__(self, zoom: Zoom, phone: Phone) -> None:
        self._zoom, self._phone = zoom, phone

    def blueprint(self) -> Blueprint:
        routes = Blueprint("zoom_phone_api", __name__, url_prefix="/zoom/v2/phone")
        routes.register_error_handler(ZoomError, refuse)
        for path, view in (
            ("/users", self.list_users),
            ("/users/<who>", self.show_user),
            ("/call_history", self.list_calls),
            ("/users/<who>/call_history", self.list_calls_of),
            ("/call_history/<name>", self.show_call),
            ("/call_element/<name>", self.show_element),
            ("/voice_mails", self.list_voicemails),
            ("/users/<who>/voice_mails", self.list_voicemails_of),
            ("/voice_mails/<name>", self.show_voicemail),
            ("/voice_mails/download/<file>", self.download),
            ("/voice_mails/download/<file>/elsewhere", self.download_elsewhere),
        ):
            routes.add_url_rule(path, view.__name__, view)
        routes.add_url_rule("/voice_mails/<name>", "mark", self.mark, methods=["PATCH"])
        routes.add_url_rule("/voice_mails/<name>", "delete", self.delete, methods=["DELETE"])
        return routes

    def _enter(self, scope: str) -> App:
        """The app that asks. Raises ZoomError."""
        app = enter(self._zoom, f"phone:{scope}:admin")
        if not self._phone.users.of(app.account):
            raise ZoomError(403, 403, "This account does not have Zoom Phone enabled.")
        return app

    def list_users(self) -> Response:
        """Neither from nor to nor page_count here, and 100 at most."""
        app = self._enter("read:list_users")
        status = request.args.get("status", "")
        found = [show_listed(user) for user in self._phone.users.of(app.account, status=status)]
        size, begin, following = self._read_page(f"users:{app.account}:{status}", len(found), code=400, most=MOST_USERS)
        page = found[begin : begin + size]
        return jsonify(users=page, page_size=size, total_records=len(found), next_page_token=following)

    def show_user(self, who: str) -> Response:
        app = self._enter("read:user")
        return jsonify(show_user(self._phone.users.get(who, account=app.account)))

    def list_calls(self) -> Response:
        """Both arrays, as in the year of the migration: `call_logs` with `id`, `call_history` with its own."""
        app = self._enter("read:list_call_logs")
        span = read_span(self._zoom.clock.now(), days=1)
        by = "ended" if request.args.get("time_type") == "end_time" else "started"
        docs = self._phone.calls.history(account=app.account, since=span.since, until=span.until, by=by)
        page = self._show_page(docs, span, f"calls:{app.account}:{by}", code=300)
        listed = page.pop("listed")
        return jsonify(
            call_logs=[shapes.show_call_log(doc) for doc in listed],
            call_history=[shapes.show_call(doc) for doc in listed], **page,
        )  # fmt: skip

    def list_calls_of(self, who: str) -> Response:
        app = self._enter("read:list_call_logs")
        user = self._phone.users.get(who, account=app.account, code=300)
        span = read_span(self._zoom.clock.now(), days=1, is_users=True)
        by = "ended" if request.args.get("time_type") == "end_time" else "started"
        docs = self._phone.calls.history(email=user.email, since=span.since, until=span.until, by=by)
        page = self._show_page(docs, span, f"calls:{user.id}:{by}", code=301)
        listed = page.pop("listed")
        return jsonify(
            call_logs=[shapes.show_history(doc) for doc in listed],
            call_elements=[shapes.show_element(doc) for doc in listed], **page,
        )  # fmt: skip

    def show_call(self, name: str) -> Response:
        docs = self._phone.calls.find(name, account=self._enter("read:call_log").account)
        if not docs:
            raise ZoomError(404, 301, f"Call history does not exist for call history Id: {name}.")
        return jsonify(shapes.show_whole_call(docs))

    def show_element(self, name: str) -> Response:
        docs = self._phone.calls.find(name, account=self._enter("read:call_log").account)
        found = [doc for doc in docs if doc["call_element_id"] == name]
        if not found:
            raise ZoomError(404, 301, f"Call history does not exist for call log Id: {name}.")
        return jsonify(shapes.show_one_element(found[0]))

    def list_voicemails(self) -> Response:
        """Here alone it says whose each is."""
        app = self._enter("read:list_voicemails")
        span, status = read_span(self._zoom.clock.now(), days=30), request.args.get("status", "all")
        owner = request.args.get("owner_type", "")
        if owner not in OWNERS:
            raise invalid_list("owner_type")
        found = self._phone.calls.voicemails(account=app.account, since=span.since, until=span.until, status=status)
        page = self._show_page(found if owner in ("", "user") else [], span, f"mail:{app.account}:{status}", code=400)
        shown = []
        for one in page.pop("listed"):
            user = self._phone.users.find(one.email)
            whose = (
                {"id": user.id, "type": "user", "name": user.name, "extension_number": user.extension} if user else {}
            )
            listed = shapes.show_voicemail(one.doc, is_read=one.is_read, root=self._phone.files)
            listed.pop("call_history_id")
            shown.append(listed | {"owner": whose})
        return jsonify(voice_mails=shown, **page)

    def list_voicemails_of(self, who: str) -> Response:
        app = self._enter("read:list_voicemails")
        user = self._phone.users.get(who, account=app.account)
        span, status = read_span(self._zoom.clock.now(), days=30, is_users=True), request.args.get("status", "all")
        found = self._phone.calls.voicemails(email=user.email, since=span.since, until=span.until, status=status)
        page = self._show_page(found, span, f"mail:{user.id}:{status}", code=400)
        listed = [
            shapes.show_voicemail(one.doc, is_read=one.is_read, root=self._phone.files) for one in page.pop("listed")
        ]
        return jsonify(voice_mails=listed, **page)

    def show_voicemail(self, name: str) -> Response:
        one = self._get_voicemail(name, scope="read:voicemail", code=300)
        return jsonify(shapes.show_one_voicemail(one.doc, is_read=one.is_read, root=self._phone.files))

    def mark(self, name: str) -> tuple[str, int]:
        """?read_status=Read or Unread: in the address, not in a body."""
        one = self._get_voicemail(name, scope="update:voicemail", code=404)
        status = request.args.get("read_status")
        if status not in ("Read", "Unread"):
            raise ZoomError(400, 400, "The read status is invalid.")
        self._phone.calls.change_voicemail(one.id, is_read=status == "Read")
        return "", 204

    def delete(self, name: str) -> tuple[str, int]:
        one = self._get_voicemail(name, scope="delete:voicemail", code=404)
        self._phone.delete_voicemail(one.id)
        return "", 204

    def _get_voicemail(self, name: str, *, scope: str, code: int) -> Voicemail:
        app = self._enter(scope)
        found = self._phone.calls.voicemails(account=app.account, id=name)
        if not found:
            raise ZoomError(400, code, f"Voice mail does not exist: {name}.")
        return found[0]

    def download(self, file: str) -> Any:
        """As a file server would: ranges, and conditions on its tag."""
        app = self._enter("read:voicemail")
        found = self._find_audio(file, account=app.account)
        if self._phone.redirects:
            # Whoever has the new address needs no token there, as with a signed address of a storage service.
            return redirect(f"{self._phone.files}{file}/elsewhere?signature={self._phone.sign(file)}")
        return self._send(found)

    def download_elsewhere(self, file: str) -> Any:
        if request.args.get("signature") != self._phone.sign(file):
            raise ZoomError(403, 403, "Forbidden.")
        return self._send(self._find_audio(file))

    def _find_audio(self, file: str, *, account: str = "") -> Voicemail:
        found = self._phone.calls.voicemails(account=account, file=file)
        if not found or not found[0].has_audio:
            raise ZoomError(400, 404, "File does not exist.")
        return found[0]

    def _send(self, voicemail: Voicemail) -> Response:
        sound = io.BytesIO(make_audio(voicemail.id, voicemail.doc["duration"]))
        return send_file(sound, mimetype="audio/wav", conditional=True, etag=voicemail.id, max_age=0)

    def _show_page(self, found: Sequence[Any], span: Span, listing: str, *, code: int) -> dict[str, Any]:
        """What every list has; the part of `found` is under "listed"."""
        name = f"{listing}:{span.asked}"
        size, begin, following = self._read_page(name, len(found), code=code, most=MOST_LISTED)
        return {
            "listed": found[begin : begin + size], "from": span.since, "to": span.until, "page_size": size,
            "page_count": -(-len(found) // size), "total_records": len(found), "next_page_token": following,
        }  # fmt: skip

    def _read_page(self, listing: str, count: int, *, code: int, most: int) -> tuple[int, int, str]:
        """Size, begin, and the token of what follows. Raises ZoomError."""
        size = request.args.get("page_size", "30")
        if not size.isascii() or not size.isdigit() or not 0 < int(size) <= most:
            raise invalid_list("page_size", is_users=code == 301)
        token = request.args.get("next_page_token", "")
        try:
            begin = self._zoom.read_page_token(token, listing) if token else 0
        except ZoomError:
            text = "The next page token is invalid or expired." if code == 400 else "Validation Failed."
            text = "Invalid request param: next_page_token." if code == 301 else text
            raise ZoomError(400, code, text) from None
        following = begin + int(size)
        return int(size), begin, self._zoom.make_page_token(following, listing) if following < count else ""
