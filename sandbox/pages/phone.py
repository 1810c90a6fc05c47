"""Zoom Phone in a browser: receive a call, leave a voicemail, place a call, and see who was told of it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request

from sandbox.delivering import Message
from sandbox.pages.home import get_person
from sandbox.zoom.phone.calls import Voicemail
from sandbox.zoom.phone.events import GENERATIONS
from sandbox.zoom.phone.shapes import Doc

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHOWN = 30
INCOMING = (("answered", "Answered"), ("missed", "Missed"), ("declined", "Declined"),
            ("elsewhere", "Answered by a colleague"))  # fmt: skip
OUTGOING = (("answered", "Answered"), ("no_answer", "No answer"), ("busy", "Busy"), ("failed", "Failed"))
WORDS = {"log": "call_log (2021)", "history": "call_history (2023)", "element": "call_element (2025)"}
WHOM = "Give a number with + and country code, an extension, a colleague’s address, or anonymous."


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("phone", __name__)
    zoom, phone = sandbox.zoom, sandbox.zoom.phone

    def page(email: str, problem: str = "", form: Any = None) -> str:
        account = zoom.credentials["account_id"]
        person = get_person(sandbox, email) if email else None
        zone = ZoneInfo(person.timezone if person else "UTC")
        docs = phone.calls.history(email=email) if email else phone.calls.history(account=account)
        messages = defaultdict[str, list[Message]](list)
        for message in sandbox.deliveries.list():
            messages[message.subject].append(message)
        voicemails = {one.doc["call_id"]: one for one in phone.calls.voicemails(account=account)}
        rows = [_make_row(doc, zone, messages[doc["call_id"]], voicemails.get(doc["call_id"])) for doc in docs[:SHOWN]]
        return render_template(
            "zoom/phone.html", person=person, user=phone.users.find(email) if email else None,
            users=phone.users.of(account), rows=rows, zone=zone, incoming=INCOMING, outgoing=OUTGOING, words=WORDS,
            subscription=phone.subscriptions.find(account), problem=problem, form=form or {}, generations=GENERATIONS,
            takes_loopback=sandbox.deliveries.takes_loopback, others=_list_others(email),
        )  # fmt: skip

    def _list_others(email: str) -> list[str]:
        """Who could have a phone and has none."""
        known = {user.email for user in phone.users.of(zoom.credentials["account_id"])}
        return [] if email else [one.email for one in sandbox.store.people if one.email not in known]

    def answer(problem: str = "") -> Any:
        """The page that the form was on, once more."""
        email = request.form.get("person", "")
        if problem:
            return page(email, problem, request.form), 422
        return redirect(f"/people/{email}/phone" if email else "/phone", 303)

    @routes.get("/phone")
    def show() -> str:
        return page("")

    @routes.get("/people/<email>/phone")
    def show_person(email: str) -> str:
        return page(get_person(sandbox, email).email)

    @routes.post("/phone/calls")
    def receive() -> Any:
        form = request.form
        result = form.get("result", "answered")
        transcript = form.get("transcript", "").strip() or None if result == "voicemail" else None
        try:
            phone.receive(
                form.get("to", ""), _read_party(form.get("from", "")), name=form.get("name", "").strip(),
                result=result, seconds=_read_seconds(form.get("seconds", "")), transcript=transcript,
            )  # fmt: skip
        except (AssertionError, ValueError) as error:
            return answer(str(error))
        return answer()

    @routes.post("/phone/outgoing")
    def place() -> Any:
        form = request.form
        try:
            phone.place(
                form.get("by", ""), _read_party(form.get("to", "")), name=form.get("name", "").strip(),
                result=form.get("result", "answered"), seconds=_read_seconds(form.get("seconds", "")),
            )  # fmt: skip
        except (AssertionError, ValueError) as error:
            return answer(str(error))
        return answer()

    @routes.post("/phone/voicemails")
    def change_voicemail() -> Any:
        """The sound is lost, what was said is understood, or the whole is deleted in Zoom itself."""
        voicemail, act = request.form.get("voicemail", ""), request.form.get("act")
        if phone.calls.voicemails(id=voicemail):
            if act == "lose":
                phone.calls.change_voicemail(voicemail, has_audio=False)
            elif act == "delete":
                phone.delete_voicemail(voicemail)
        return answer()

    @routes.post("/phone/users")
    def change_user() -> Any:
        form = request.form
        email = get_person(sandbox, form.get("email", "")).email
        if form.get("act") == "remove":
            phone.users.remove(email)
            return answer()
        numbers = form.get("numbers", "").replace(",", " ").split()
        if not all(number.startswith("+") and number[1:].isdigit() for number in numbers):
            return answer("Give numbers with + and country code, without spaces, such as +493023125001.")
        phone.add_user(email, extension=form.get("extension", 0, type=int) or 0, numbers=tuple(numbers))
        return answer()

    @routes.post("/phone/subscription")
    def subscribe() -> Any:
        account, form = zoom.credentials["account_id"], request.form
        if form.get("act") == "remove":
            phone.subscriptions.remove(account)
        elif form.get("act") == "prove" and phone.subscriptions.find(account):
            phone.subscriptions.prove(account)
        elif form.get("act") == "save":
            try:
                phone.subscriptions.set(
                    account, url=form.get("url", "").strip(), secret=form.get("secret", "").strip(),
                    generations=form.getlist("generation"), live=bool(form.get("live")),
                )  # fmt: skip
            except ValueError as error:
                return answer(str(error))
        return answer()

    @routes.post("/phone/deliveries")
    def send_again() -> Any:
        sandbox.deliveries.hurry(request.form.get("number", type=int))
        return answer()

    return routes


def _read_party(text: str) -> str:
    """Raises ValueError."""
    found = "".join(text.split()) if "@" not in text else text.strip()
    digits = found.removeprefix("+")
    if "@" in found or found.lower() in ("", "anonymous") or (digits.isascii() and digits.isdigit()):
        return found
    raise ValueError(WHOM)


def _read_seconds(text: str) -> int:
    """Raises ValueError."""
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise ValueError("Give a length in seconds, from 0 to 99999.")
    return int(text)


def _make_row(doc: Doc, zone: ZoneInfo, messages: list[Message], voicemail: Voicemail | None) -> dict[str, Any]:
    return {
        "doc": doc, "starts": datetime.fromisoformat(doc["start_time"]).astimezone(zone), "messages": messages,
        "caller": _name_end(doc, "caller"), "callee": _name_end(doc, "callee"), "voicemail": voicemail,
    }  # fmt: skip


def _name_end(doc: Doc, end: str) -> str:
    place = doc.get(f"{end}_ext_number") or doc.get(f"{end}_did_number") or "anonymous"
    name = doc.get(f"{end}_name")
    return f"{name}, {place}" if name else place
