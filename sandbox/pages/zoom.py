"""Somebody's meetings in the pretend Zoom itself, and the page behind a meeting's number."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.pages.home import get_person
from sandbox.zoom.errors import ZoomError
from sandbox.zoom.meetings import User
from sandbox.zoom.shapes import FIXED_SERIES, NO_FIXED_TIME, list_occurrences, show_meeting

if TYPE_CHECKING:
    from sandbox.server import Sandbox

REPEATS = (("", "Does not repeat"), ("1", "Every day, five times"), ("2", "Every week, five times"))


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("zoom", __name__)
    zoom = sandbox.zoom

    def page(email: str, problem: str = "", form: Any = None) -> str:
        person, user = get_person(sandbox, email), zoom.meetings.find_user(email)
        zone = ZoneInfo(user.timezone if user else person.timezone)
        now = zoom.clock.now().astimezone(zone)
        rows = [_make_row(doc, zone) for doc in zoom.meetings.of(email)]
        return render_template(
            "zoom/meetings.html", person=person, user=user, rows=rows, zone=zone, repeats=REPEATS, problem=problem,
            form=form or {"day": now.date() + timedelta(days=1), "begin": "10:00", "minutes": 30},
        )  # fmt: skip

    @routes.get("/people/<email>/zoom")
    def show(email: str) -> str:
        return page(email)

    @routes.post("/people/<email>/zoom")
    def schedule(email: str) -> Any:
        """As the person would in Zoom itself."""
        user, form = reach(email), request.form
        try:
            starts = datetime.fromisoformat(f"{form.get('day', '')}T{form.get('begin', '')}")
        except ValueError:
            return page(email, "Give a day and a time.", form), 422
        body: dict[str, Any] = {
            "topic": form.get("topic", "").strip() or "Zoom Meeting", "agenda": form.get("agenda", ""),
            "start_time": f"{starts:%Y-%m-%dT%H:%M:%S}", "duration": form.get("minutes", 30, type=int),
            "timezone": user.timezone,
        }  # fmt: skip
        kind = "webinar" if form.get("kind") == "webinar" else "meeting"
        if form.get("repeat") in ("1", "2"):
            day = str(starts.isoweekday() % 7 + 1)
            body |= {"recurrence": {"type": int(form["repeat"]), "weekly_days": day, "end_times": 5}}
            body["type"] = 9 if kind == "webinar" else 8
        try:
            zoom.schedule(email, body, kind=kind)
        except ZoomError as error:
            faults = [one["field"] for one in error.body.get("errors", [])]
            return page(email, " ".join([error.body["message"], ", ".join(faults)]).strip(), form), 422
        return redirect(url_for(".show", email=email), 303)

    @routes.post("/people/<email>/zoom/user")
    def change_user(email: str) -> Any:
        """Make them a user of the account, or end that; webinars on or off."""
        person, form = get_person(sandbox, email), request.form
        if form.get("act") == "remove":
            zoom.meetings.remove_user(email)
        else:
            zoom.add_user(email, timezone=person.timezone, webinars=bool(form.get("webinars")))
        return redirect(url_for(".show", email=email), 303)

    @routes.post("/people/<email>/zoom/<int:number>/deletion")
    def delete(email: str, number: int) -> Any:
        reach(email)
        doc = zoom.meetings.find(number)
        if doc and doc["host_email"] == email.lower():
            zoom.delete(number)
        return redirect(url_for(".show", email=email), 303)

    def reach(email: str) -> User:
        user = zoom.meetings.find_user(get_person(sandbox, email).email)
        if user is None:
            abort(404, "This person is no user of the pretend Zoom yet.")
        return user

    @routes.get("/zoom/<any(j, w, s):way>/<int:number>")
    def join(way: str, number: int) -> Any:
        """Where a link would lead whose host were this sandbox."""
        doc = zoom.meetings.find(number)
        if doc is None:
            abort(404, "This meeting ID is not valid. Nobody has such a meeting here any more.")
        return render_template("zoom/join.html", row=_make_row(doc, ZoneInfo(doc["timezone"])), is_host=way == "s")

    return routes


def _make_row(doc: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    left = [one for one in list_occurrences(doc) if one["status"] == "available"]
    starts = None if doc["type"] in NO_FIXED_TIME else datetime.fromisoformat(doc["start_time"]).astimezone(zone)
    number = str(doc["id"])
    return {
        "doc": doc, "starts": starts, "shown": show_meeting(doc), "is_series": doc["type"] in FIXED_SERIES,
        "left": len(left), "number": f"{number[:3]} {number[3:7]} {number[7:]}",
    }  # fmt: skip
