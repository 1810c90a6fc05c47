"""A person's calendar at Office 365 or Exchange, week by week, and one event with its forms."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.mailbox import Mailbox, MailboxError
from sandbox.mailbox.ids import split_occurrence_id
from sandbox.mailbox.texts import to_text
from sandbox.mailbox.times import read_moment
from sandbox.microsoft.graph_errors import GraphError
from sandbox.microsoft.graph_ids import parse_id
from sandbox.pages.calendar import read_day
from sandbox.pages.home import get_person
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SITES = {"office365": "Office 365", "exchange": "Exchange"}
WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
# form's word → (text, pattern without what follows from the day)
REPEATS: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("Does not repeat", {}),
    "daily": ("Every day", {"type": "daily", "interval": 1}),
    "weekly": ("Every week", {"type": "weekly", "interval": 1}),
    "fortnightly": ("Every two weeks", {"type": "weekly", "interval": 2}),
    "workdays": ("Monday to Friday", {"type": "weekly", "interval": 1, "daysOfWeek": WORKDAYS}),
    "monthly": ("Every month", {"type": "absoluteMonthly", "interval": 1}),
}
# what of an event follows from which fields of the form
TIMES = ("day", "begin", "until", "end", "all_day")
BEHIND = {"subject": ("summary",), "location": ("location",), "body": ("description",), "sensitivity": ("private",),
          "attendees": ("attendees",), "start": TIMES, "end": TIMES, "isAllDay": TIMES}  # fmt: skip
ANSWERS = {"accepted": "accepted", "tentative": "tentativelyAccepted", "declined": "declined"}


def get_mailbox(sandbox: Sandbox, email: str, site: str) -> tuple[Person, Mailbox]:
    """Answers 404 for somebody, or a service, this sandbox does not know."""
    if site not in SITES:
        abort(404, "This sandbox plays Google, Office 365 and Exchange.")
    person = get_person(sandbox, email)
    return person, sandbox.mailboxes.open(site, person.email)


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("mailbox_calendar", __name__)
    base = "/people/<email>/<any(office365, exchange):site>"

    def week(email: str, site: str, problem: str = "", form: Any = None) -> str:
        person, mailbox = get_mailbox(sandbox, email, site)
        zone = ZoneInfo(mailbox.owner.zone)
        now = sandbox.clock.now().astimezone(zone)
        first = read_day(request.args.get("week", ""), now.date())
        first -= timedelta(days=first.weekday())
        calendars = mailbox.folders("calendar")
        chosen = request.args.get("calendar", mailbox.calendar_id)
        if chosen not in [folder.id for folder in calendars]:
            abort(404, "This person has no such calendar.")
        return render_template(
            "mailbox/calendar.html", person=person, site=site, service=SITES[site], calendars=calendars, chosen=chosen,
            zone=zone.key, days=_lay_out(mailbox, chosen, first, zone), first=first, today=now.date(), now=now,
            before=first - timedelta(days=7), after=first + timedelta(days=7), problem=problem, form=form or {},
            repeats=REPEATS, default=mailbox.calendar_id,
        )  # fmt: skip

    @routes.get(f"{base}/calendar")
    def show(email: str, site: str) -> str:
        return week(email, site)

    @routes.post(f"{base}/events")
    def add(email: str, site: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        folder = request.args.get("calendar", "")
        try:
            doc = _read_form(request.form, mailbox.owner.zone)
            if pattern := REPEATS.get(request.form.get("repeat", ""), ("", {}))[1]:
                doc["recurrence"] = _repeat(pattern, request.form["day"])
            if request.form.get("online"):
                doc["isOnlineMeeting"] = True
            mailbox.add_event(doc, folder)
        except (MailboxError, ValueError) as error:
            return week(email, site, _sentence(error), request.form), 422
        return redirect(
            url_for(".show", email=email, site=site, week=request.form["day"], calendar=folder or None), 303
        )

    # one event

    def find(email: str, site: str) -> tuple[Person, Mailbox, dict[str, Any]]:
        person, mailbox = get_mailbox(sandbox, email, site)
        doc = mailbox.find_event(request.args.get("itemid", ""))
        if doc is None:
            abort(404, "This event is not in the calendar any more.")
        return person, mailbox, doc

    def event_page(email: str, site: str, problem: str = "", form: Any = None) -> str:
        person, mailbox, doc = find(email, site)
        zone = ZoneInfo(mailbox.owner.zone)
        return render_template(
            "mailbox/event.html", person=person, site=site, service=SITES[site], event=doc, problem=problem,
            form=form or _fill_form(doc, zone), when=_when(doc, zone), here=f"/people/{person.email}/{site}/event",
        )  # fmt: skip

    @routes.get("/office365/event")
    def show_linked() -> Any:
        """Where an event's webLink leads."""
        try:
            item, _ = parse_id(request.args.get("itemid", ""))
        except GraphError:
            abort(404, "That is no link to an event of this sandbox.")
        split = split_occurrence_id(item)
        row = sandbox.store.row(
            "SELECT site, email FROM m_event JOIN m_mailbox USING (box) WHERE id IN (?, ?)",
            item, split[0] if split else item,
        )  # fmt: skip
        if row is None:
            abort(404, "This event is not in a calendar any more.")
        return redirect(url_for(".show_event", email=row["email"], site=row["site"], itemid=item), 303)

    @routes.get(f"{base}/event")
    def show_event(email: str, site: str) -> str:
        return event_page(email, site)

    @routes.post(f"{base}/event")
    def change(email: str, site: str) -> Any:
        _, mailbox, doc = find(email, site)
        try:
            mailbox.change_event(doc["id"], _read_changes(request.form, doc, ZoneInfo(mailbox.owner.zone)))
        except (MailboxError, ValueError) as error:
            return event_page(email, site, _sentence(error), request.form), 422
        return redirect(url_for(".show_event", email=email, site=site, itemid=doc["id"]), 303)

    @routes.post(f"{base}/event/deletion")
    def delete(email: str, site: str) -> Any:
        _, mailbox, doc = find(email, site)
        item = doc["seriesMasterId"] if request.form.get("what") == "series" and doc["seriesMasterId"] else doc["id"]
        mailbox.delete_event(item)
        day = _fill_form(doc, ZoneInfo(mailbox.owner.zone))["day"]
        return redirect(url_for(".show", email=email, site=site, week=day), 303)

    @routes.post(f"{base}/event/answer")
    def answer(email: str, site: str) -> Any:
        _, mailbox, doc = find(email, site)
        try:
            mailbox.answer_invitation(doc["id"], ANSWERS[request.form.get("answer", "")])
        except (MailboxError, KeyError) as error:
            return event_page(email, site, _sentence(error)), 422
        return redirect(url_for(".show_event", email=email, site=site, itemid=doc["id"]), 303)

    return routes


def _sentence(error: Exception) -> str:
    return error.message if isinstance(error, MailboxError) else str(error)


def _repeat(pattern: dict[str, Any], day: str) -> dict[str, Any]:
    start = date.fromisoformat(day)
    if pattern["type"] == "weekly":
        pattern = {"daysOfWeek": [f"{start:%A}".lower()], **pattern}
    return {"pattern": pattern, "range": {"type": "noEnd", "startDate": day}}


def _read_form(form: Any, zone: str) -> dict[str, Any]:
    """An event as Graph has it. Raises ValueError with a sentence."""
    addresses = [part.strip() for part in form.get("attendees", "").replace(";", ",").split(",") if part.strip()]
    doc: dict[str, Any] = {
        "subject": form.get("summary", "").strip(), "location": {"displayName": form.get("location", "").strip()},
        "body": {"contentType": "text", "content": form.get("description", "").strip()},
        "sensitivity": "private" if form.get("private") else "normal", "isAllDay": bool(form.get("all_day")),
        "attendees": [{"type": "required", "emailAddress": {"address": address}} for address in addresses],
    }  # fmt: skip
    if not form.get("day"):
        raise ValueError("Say on which day it is.")
    try:
        day = date.fromisoformat(form["day"])
        until = date.fromisoformat(form.get("until") or form["day"])
        if doc["isAllDay"]:
            until += timedelta(days=1)
        for which, on, clock in (("start", day, form.get("begin", "")), ("end", until, form.get("end", ""))):
            at = "00:00" if doc["isAllDay"] else clock or "nothing"
            moment = datetime.fromisoformat(f"{on.isoformat()}T{at}")
            doc[which] = {"dateTime": moment.isoformat(), "timeZone": zone}
    except ValueError:
        raise ValueError("Give the day as 2026-11-24, and begin and end as 14:30.") from None
    return doc


def _read_changes(form: Any, doc: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """What of a filled-in form is new: a body keeps its HTML, and attendees their answers. Raises ValueError."""
    patch, before = _read_form(form, zone.key), _fill_form(doc, zone)
    changed = {name for name, value in before.items() if _plain(form.get(name, "")) != _plain(value)}
    return {name: value for name, value in patch.items() if changed.intersection(BEHIND[name])}


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _times(doc: dict[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Local times. A whole day is the same day everywhere."""
    found = (read_moment(doc[which]) for which in ("start", "end"))
    starts, ends = (moment.replace(tzinfo=zone) if doc["isAllDay"] else moment.astimezone(zone) for moment in found)
    return starts, ends


def _fill_form(doc: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    starts, ends = _times(doc, zone)
    last = ends - timedelta(days=1) if doc["isAllDay"] else ends
    return {
        "summary": doc["subject"], "location": doc["location"]["displayName"],
        "description": to_text(doc["body"]["content"]),
        "attendees": ", ".join(one["emailAddress"]["address"] for one in doc["attendees"]),
        "private": "on" if doc["sensitivity"] in ("private", "confidential") else "",
        "all_day": "on" if doc["isAllDay"] else "", "day": f"{starts:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}",
        "begin": f"{starts:%H:%M}", "end": f"{ends:%H:%M}",
    }  # fmt: skip


def _when(doc: dict[str, Any], zone: ZoneInfo) -> str:
    form = _fill_form(doc, zone)
    if form["all_day"]:
        return form["day"] if form["day"] == form["until"] else f"{form['day']} to {form['until']}"
    end = form["end"] if form["day"] == form["until"] else f"{form['until']} {form['end']}"
    return f"{form['day']}, {form['begin']} to {end} ({zone.key})"


def _lay_out(mailbox: Mailbox, calendar: str, first: date, zone: ZoneInfo) -> list[tuple[date, list[dict[str, Any]]]]:
    """What stands on each day of a week, all-day things first."""
    edge = datetime.combine(first, datetime.min.time(), zone)
    # whole days are kept in UTC, and may begin a day off from here
    docs = mailbox.view(edge - timedelta(days=1), edge + timedelta(days=8), folder=calendar)
    spans = [(*_times(doc, zone), doc) for doc in docs]
    days = []
    for number in range(7):
        day = first + timedelta(days=number)
        begins, stops = (datetime.combine(day + timedelta(days=n), datetime.min.time(), zone) for n in (0, 1))
        entries = [
            {"doc": doc, "own": doc["responseStatus"]["response"],
             "time": "all day" if doc["isAllDay"] else f"{starts:%H:%M}–{ends:%H:%M}"}
            for starts, ends, doc in spans if starts < stops and (ends > begins or starts == ends == begins)
        ]  # fmt: skip
        days.append((day, sorted(entries, key=lambda entry: not entry["doc"]["isAllDay"])))
    return days
