"""A person's calendar, week by week, and one event with its forms."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.google.calendars import Calendar
from sandbox.google.errors import GoogleError
from sandbox.google.event_query import Query
from sandbox.google.times import epoch, get_zone, read_time
from sandbox.pages.home import get_person
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.server import Sandbox

REPEATS = (
    ("", "Does not repeat"), ("RRULE:FREQ=DAILY", "Every day"), ("RRULE:FREQ=WEEKLY", "Every week"),
    ("RRULE:FREQ=WEEKLY;INTERVAL=2", "Every two weeks"), ("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Monday to Friday"),
    ("RRULE:FREQ=MONTHLY", "Every month"),
)  # fmt: skip


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("calendar", __name__)
    google = sandbox.google

    def reach(email: str, calendar_id: str) -> tuple[Person, Calendar]:
        person = get_person(sandbox, email)
        try:
            return person, google.calendars.get(person.email, calendar_id or "primary")
        except GoogleError:
            abort(404, "This person has no such calendar.")

    def week(email: str, problem: str = "", form: Any = None) -> str:
        person, calendar = reach(email, request.args.get("calendar", "primary"))
        zone = get_zone(calendar.timezone)
        today = google.clock.now().astimezone(zone).date()
        first = read_day(request.args.get("week", ""), today)
        first -= timedelta(days=first.weekday())
        with google.store.transaction():
            days = [(first + timedelta(days=n), _day(sandbox, calendar, first + timedelta(days=n))) for n in range(7)]
        return render_template(
            "calendar.html", person=person, calendar=calendar, calendars=google.calendars.listed(person.email),
            days=days, first=first, today=today, before=first - timedelta(days=7), after=first + timedelta(days=7),
            now=google.clock.now().astimezone(zone), problem=problem, form=form or {}, repeats=REPEATS,
        )  # fmt: skip

    @routes.get("/people/<email>/calendar")
    def show(email: str) -> str:
        return week(email)

    @routes.post("/people/<email>/events")
    def add(email: str) -> Any:
        person, calendar = reach(email, request.args.get("calendar", "primary"))
        try:
            body = _read_form(request.form, calendar.timezone)
            if rule := request.form.get("repeat"):
                body["recurrence"] = [rule]
            google.events.insert(calendar, person.email, body, conference=1)
        except (GoogleError, ValueError) as error:
            return week(email, _sentence(error), request.form), 422
        return redirect(url_for(".show", email=email, calendar=calendar.id, week=request.form["day"]), 303)

    def find(eid: str) -> tuple[Person, Calendar, dict[str, Any]]:
        try:
            name, _, calendar_id = base64.urlsafe_b64decode(eid + "=" * (-len(eid) % 4)).decode().partition(" ")
        except (binascii.Error, UnicodeDecodeError):
            abort(404, "That is no link to an event of this sandbox.")
        row = google.store.row("SELECT owner FROM g_calendar WHERE id = ?", calendar_id)
        if row is None:
            abort(404, "The calendar of this event is not here any more.")
        person, calendar = reach(row["owner"], calendar_id)
        doc = google.events.find(calendar, name)
        if doc is None:
            abort(404, "This event is not in the calendar any more.")
        return person, calendar, doc

    def event_page(eid: str, problem: str = "", form: Any = None) -> str:
        person, calendar, doc = find(eid)
        return render_template(
            "event.html", person=person, calendar=calendar, event=doc, eid=eid, problem=problem,
            form=form or _fill_form(doc, calendar), when=_when(doc, calendar),
        )  # fmt: skip

    @routes.get("/event")
    def show_event() -> str:
        return event_page(request.args.get("eid", ""))

    @routes.post("/event")
    def change() -> Any:
        eid = request.args.get("eid", "")
        person, calendar, doc = find(eid)
        try:
            body = _read_form(request.form, calendar.timezone)
            google.events.change(calendar, person.email, doc["id"], body)
        except (GoogleError, ValueError) as error:
            return event_page(eid, _sentence(error), request.form), 422
        return redirect(url_for(".show_event", eid=eid), 303)

    @routes.post("/event/deletion")
    def delete() -> Any:
        person, calendar, doc = find(request.args.get("eid", ""))
        name = doc["recurringEventId"] if request.form.get("what") == "series" else doc["id"]
        try:
            google.events.delete(calendar, person.email, name)
        except GoogleError as error:
            return event_page(request.args["eid"], _sentence(error)), 422
        day = (doc.get("start") or {}).get("date") or str((doc.get("start") or {}).get("dateTime", ""))[:10]
        return redirect(url_for(".show", email=person.email, calendar=calendar.id, week=day), 303)

    @routes.post("/event/answer")
    def answer() -> Any:
        eid = request.args.get("eid", "")
        person, calendar, doc = find(eid)
        reply = request.form.get("answer", "needsAction")
        attendees = [a | {"responseStatus": reply} if a.get("self") else a for a in doc.get("attendees", ())]
        try:
            google.events.change(calendar, person.email, doc["id"], {"attendees": attendees})
        except GoogleError as error:
            return event_page(eid, _sentence(error)), 422
        return redirect(url_for(".show_event", eid=eid), 303)

    return routes


def read_day(text: str, default: date) -> date:
    """A day as 2026-11-24; the default for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return default


def _sentence(error: Exception) -> str:
    if isinstance(error, GoogleError):
        return str(error.body["error"]["message"])
    return str(error)


def _read_form(form: Any, zone_name: str) -> dict[str, Any]:
    """Raises ValueError with a sentence."""
    body: dict[str, Any] = {name: form.get(name, "").strip() or None for name in ("summary", "location", "description")}
    body["visibility"] = "private" if form.get("private") else None
    if not form.get("day"):
        raise ValueError("Say on which day it is.")
    try:
        day = date.fromisoformat(form["day"])
        until = date.fromisoformat(form.get("until") or form["day"])
        if form.get("all_day"):
            for which, on in (("start", day), ("end", until + timedelta(days=1))):
                body[which] = {"date": on.isoformat(), "dateTime": None, "timeZone": None}
            return body
        for which, on, clock in (("start", day, form.get("begin", "")), ("end", until, form.get("end", ""))):
            moment = datetime.fromisoformat(f"{on.isoformat()}T{clock or 'nothing'}")
            body[which] = {"dateTime": moment.isoformat(), "timeZone": zone_name, "date": None}
    except ValueError:
        raise ValueError("Give the day as 2026-11-24, and begin and end as 14:30.") from None
    return body


def _fill_form(doc: dict[str, Any], calendar: Calendar) -> dict[str, Any]:
    zone = get_zone(calendar.timezone)
    start, end = read_time(doc.get("start"), zone), read_time(doc.get("end"), zone)
    form = {name: doc.get(name, "") for name in ("summary", "location", "description")}
    form["private"] = "on" if doc.get("visibility") in ("private", "confidential") else ""
    if start and end:
        all_day = bool(doc["start"].get("date"))
        last = end - timedelta(days=1) if all_day else end
        form |= {"day": f"{start.astimezone(zone):%Y-%m-%d}", "until": f"{last.astimezone(zone):%Y-%m-%d}",
                 "begin": f"{start.astimezone(zone):%H:%M}", "end": f"{end.astimezone(zone):%H:%M}",
                 "all_day": "on" if all_day else ""}  # fmt: skip
    return form


def _when(doc: dict[str, Any], calendar: Calendar) -> str:
    form = _fill_form(doc, calendar)
    if "day" not in form:
        return "no readable time"
    if form["all_day"]:
        return form["day"] if form["day"] == form["until"] else f"{form['day']} to {form['until']}"
    end = form["end"] if form["day"] == form["until"] else f"{form['until']} {form['end']}"
    return f"{form['day']}, {form['begin']} to {end} ({calendar.timezone})"


def _day(sandbox: Sandbox, calendar: Calendar, day: date) -> list[dict[str, Any]]:
    """What stands in the calendar on a day, all-day things first."""
    zone = get_zone(calendar.timezone)
    starts = datetime.combine(day, datetime.min.time(), zone)
    ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    query = Query(single=True, show_deleted=True, time_min=epoch(starts), time_max=epoch(ends), order_by="startTime")
    found = []
    for doc in sandbox.google.listing.find_all(calendar, query):
        begins, stops = read_time(doc.get("start"), zone), read_time(doc.get("end"), zone)
        own = next((a["responseStatus"] for a in doc.get("attendees", ()) if a.get("self")), "")
        all_day = bool((doc.get("start") or {}).get("date"))
        time = "all day" if all_day or not begins else f"{begins.astimezone(zone):%H:%M}"
        if stops and not all_day:
            time += f"–{stops.astimezone(zone):%H:%M}"
        link = sandbox.google.events.html_link(doc["id"], calendar.id)
        found.append({"doc": doc, "time": time, "all_day": all_day, "own": own, "link": link})
    return sorted(found, key=lambda entry: not entry["all_day"])
