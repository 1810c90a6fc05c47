"""The HTTP control API, below /_control/: what tests do in Python, for a sandbox in another process.

Bodies and answers are JSON. Only programs on this machine reach it; a browser's cross-site form is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from sandbox import demo
from sandbox.control_mailboxes import body
from sandbox.google.errors import GoogleError
from sandbox.same_origin import check_same_origin

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/_control")
    google = sandbox.google
    routes.before_request(check_same_origin)

    @routes.errorhandler(GoogleError)
    def refuse(error: GoogleError) -> tuple[Response, int]:
        return jsonify(error.body), error.status

    @routes.get("/")
    def describe() -> Response:
        return jsonify(
            url=sandbox.url, tls_url=sandbox.tls_url, ca_file=str(sandbox.ca_file),
            now=sandbox.clock.now().isoformat(), people=[person.email for person in google.people],
            faults=[rule.describe() for rule in sandbox.faults.rules()],
        )  # fmt: skip

    @routes.get("/settings")
    def show_settings() -> Response:
        """The product's settings that lead here."""
        return jsonify(sandbox.settings)

    @routes.get("/faults")
    def list_faults() -> Response:
        return jsonify([rule.describe() for rule in sandbox.faults.rules()])

    @routes.post("/faults")
    def add_fault() -> tuple[Response, int]:
        try:
            rule = sandbox.faults.add(**body())
        except (ValueError, TypeError) as error:
            return jsonify(error=str(error)), 400
        return jsonify(rule.describe() if rule else {"done": body()["kind"]}), 201

    @routes.delete("/faults")
    def clear_faults() -> tuple[str, int]:
        sandbox.faults.clear()
        return "", 204

    @routes.delete("/faults/<int:number>")
    def clear_fault(number: int) -> tuple[str, int]:
        sandbox.faults.clear(number)
        return "", 204

    @routes.get("/clock")
    def read_clock() -> Response:
        return jsonify(now=sandbox.clock.now().isoformat(), moved=sandbox.clock.is_moved)

    @routes.post("/clock")
    def move_clock() -> Response | tuple[Response, int]:
        """{"advance": seconds}, {"freeze": "2026-11-24T09:00:00+01:00"} or {"reset": true}"""
        values = body()
        try:
            if "advance" in values:
                sandbox.clock.advance(timedelta(seconds=float(values["advance"])))
            if "freeze" in values:
                sandbox.clock.freeze(datetime.fromisoformat(values["freeze"]))
        except (TypeError, ValueError):
            return jsonify(error="advance takes seconds, freeze a moment with its offset."), 400
        if values.get("reset"):
            sandbox.clock.reset()
        return read_clock()

    @routes.get("/log")
    def read_log() -> Response:
        found = sandbox.log.requests(request.args.get("path", "*"))
        return jsonify([
            {"at": e.at.isoformat(), "method": e.method, "path": e.path, "query": e.query, "account": e.account,
             "status": e.status, "milliseconds": round(e.milliseconds, 1), "fault": e.fault} for e in found
        ])  # fmt: skip

    @routes.delete("/log")
    def clear_log() -> tuple[str, int]:
        sandbox.log.clear()
        return "", 204

    @routes.post("/rotation")
    def switch_rotation() -> Response:
        """{"on": true}: every refresh hands out a new refresh token and kills the old."""
        google.tokens.rotates = bool(body().get("on"))
        return jsonify(on=google.tokens.rotates)

    @routes.post("/people")
    def add_person() -> tuple[Response, int]:
        """{"email", "name", "organization", "timezone", "region"}: somebody at every service."""
        person = google.add_person(**body())
        return jsonify(email=person.email, name=person.name), 201

    @routes.post("/clients")
    def register_client() -> tuple[Response, int]:
        """{"id", "secret", "redirect_uris", "name"}"""
        values = body()
        client = google.tokens.register(values["id"], values["secret"], values["redirect_uris"],
                                        name=values.get("name", "Portico"))  # fmt: skip
        return jsonify(id=client.id), 201

    @routes.post("/google/<email>/tokens")
    def issue_tokens(email: str) -> tuple[Response, int]:
        """{"scopes": [...]}: tokens as after consent, for tests that do not want to click."""
        issued = google.tokens.issue(email, body().get("scopes", []))
        return jsonify(access_token=issued.access, refresh_token=issued.refresh), 201

    @routes.get("/google/<email>/events")
    def find_events(email: str) -> Response:
        """?title=: events and series of that title in the person's own calendar."""
        calendar = google.calendars.get(email, "primary")
        return jsonify(google.listing.find_titled(calendar, request.args.get("title", "")))

    @routes.post("/google/<email>/events")
    def add_event(email: str) -> tuple[Response, int]:
        return jsonify(google.add_event(email, body())), 201

    @routes.post("/google/<email>/events/raw")
    def put_raw_event(email: str) -> tuple[Response, int]:
        """Stored exactly as given, however odd."""
        google.events.put_raw(google.calendars.get(email, "primary").id, body())
        return jsonify(id=body().get("id")), 201

    @routes.patch("/google/<email>/events/<event_id>")
    def change_event(email: str, event_id: str) -> Response:
        return jsonify(google.change_event(email, event_id, body()))

    @routes.delete("/google/<email>/events/<event_id>")
    def delete_event(email: str, event_id: str) -> tuple[str, int]:
        google.delete_event(email, event_id)
        return "", 204

    @routes.get("/google/<email>/contacts")
    def find_contacts(email: str) -> Response:
        """?name=: contacts of that given and family name."""
        wanted, found = request.args.get("name", ""), google.contacts.every(email)
        return jsonify(
            [one.doc for one in found if wanted in [each["displayName"] for each in one.doc.get("names", [])]]
        )

    @routes.patch("/google/<email>/contacts/<path:name>")
    def change_contact(email: str, name: str) -> Response:
        """Fields of a Person, which replace those that stand there."""
        metadata = google.contacts.get(email, name).doc["metadata"]
        return jsonify(google.contacts.update(email, name, body() | {"metadata": metadata}, list(body())))

    @routes.delete("/google/<email>/contacts/<path:name>")
    def delete_contact(email: str, name: str) -> tuple[str, int]:
        google.contacts.delete(email, name)
        return "", 204

    @routes.post("/google/<email>/contacts")
    def add_contact(email: str) -> tuple[Response, int]:
        return jsonify(google.contacts.create(email, body())), 201

    @routes.post("/google/<email>/contacts/merge")
    def merge_contacts(email: str) -> tuple[str, int]:
        """{"kept": "people/c…", "absorbed": "people/c…"}"""
        google.contacts.merge(email, body()["kept"], body()["absorbed"])
        return "", 204

    @routes.post("/google/<email>/bulk")
    def add_bulk(email: str) -> tuple[Response, int]:
        """{"events": 10000, "contacts": 10000}"""
        made = demo.bulk(
            google.account(email), events=int(body().get("events", 0)), contacts=int(body().get("contacts", 0))
        )
        return jsonify(made), 201

    return routes
