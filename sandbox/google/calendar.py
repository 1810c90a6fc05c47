"""The routes of Calendar API v3, below /google/calendar/v3/.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from sandbox.google.answers import answer, answer_error, answer_tagged, read_body
from sandbox.google.calendars import WRITERS, Calendar, dump_calendar, dump_entry
from sandbox.google.cursors import dump_cursor, fingerprint, parse_cursor, sync_era
from sandbox.google.errors import (
    GoogleError,
    calendar_error,
    full_sync_required,
    invalid,
    not_found,
    scope_insufficient,
)
from sandbox.google.event_query import Query, read_flag, read_number
from sandbox.google.event_views import dump_page, last_updated, show_event
from sandbox.google.guard import SERVICES, check_access
from sandbox.google.partial import parse_fields
from sandbox.google.scopes import accepted_for, reaches_others
from sandbox.google.times import dump_moment, epoch, from_epoch, get_zone, parse_moment, read_time
from sandbox.google.tokens import Access

if TYPE_CHECKING:
    from sandbox.google import Google

PREFIX = "/google/calendar/v3"
EVENTS = "/calendars/<calendar_id>/events"
SETTINGS = {"timezone": "", "locale": "en", "weekStart": "1", "format24HourTime": "true", "hideInvitations": "false"}
SEND = ("all", "externalOnly", "none")


class CalendarApi:
    def __init__(self, google: Google) -> None:
        self.google = google

    def blueprint(self) -> Blueprint:
        routes = Blueprint("google_calendar", __name__, url_prefix=PREFIX)
        for path, view, method in (
            ("/users/me/calendarList", self.list_calendars, "GET"),
            ("/users/me/calendarList/<calendar_id>", self.get_entry, "GET"),
            ("/users/me/settings", self.list_settings, "GET"),
            ("/users/me/settings/<name>", self.get_setting, "GET"),
            ("/calendars", self.insert_calendar, "POST"),
            ("/calendars/<calendar_id>", self.get_calendar, "GET"),
            (EVENTS, self.list_events, "GET"),
            (EVENTS, self.insert_event, "POST"),
            (f"{EVENTS}/import", self.import_event, "POST"),
            (f"{EVENTS}/quickAdd", self.quick_add, "POST"),
            (f"{EVENTS}/<event_id>", self.get_event, "GET"),
            (f"{EVENTS}/<event_id>", self.patch_event, "PATCH"),
            (f"{EVENTS}/<event_id>", self.update_event, "PUT"),
            (f"{EVENTS}/<event_id>", self.delete_event, "DELETE"),
            (f"{EVENTS}/<event_id>/move", self.move_event, "POST"),
            (f"{EVENTS}/<event_id>/instances", self.list_instances, "GET"),
            ("/freeBusy", self.query_freebusy, "POST"),
            ("/colors", self.get_colors, "GET"),
        ):
            routes.add_url_rule(path, view_func=self._inside(view), endpoint=view.__name__, methods=[method])
        routes.register_error_handler(GoogleError, answer_error)
        return routes

    def _inside(self, view: Any) -> Any:
        """Run a view in one transaction, so that a listing and its sync token speak of the same moment."""

        def run(**values: str) -> Response:
            with self.google.store.transaction():
                response: Response = view(**values)
                return response

        return run

    def _reach(self, method: str, calendar_id: str) -> tuple[Access, Calendar]:
        """The caller and the calendar. Raises GoogleError (401, 403, 404)."""
        access = check_access(self.google, method)
        calendar = self.google.calendars.get(access.email, calendar_id)
        if calendar.role != "owner" and not reaches_others(access.scopes, method):
            raise scope_insufficient(SERVICES["calendar"], method, accepted_for(method))
        return access, calendar

    def _reach_to_write(self, method: str, calendar_id: str) -> tuple[Access, Calendar]:
        access, calendar = self._reach(method, calendar_id)
        if calendar.role not in WRITERS:
            raise calendar_error(403, "requiredAccessLevel", "You need to have writer access to this calendar.",
                                 domain="calendar")  # fmt: skip
        if (send := request.args.get("sendUpdates")) and send not in SEND:
            raise invalid("sendUpdates", f"Invalid string value: '{send}'. Allowed values: [all, externalOnly, none]")
        return access, calendar

    # calendars

    def list_calendars(self) -> Response:
        access = check_access(self.google, "calendar.v3.CalendarList.List")
        most = read_number(request.args, "maxResults", 100, most=250)
        era = sync_era(self.google.store, access.email)
        role = request.args.get("minAccessRole", "")
        show_deleted, since = read_flag(request.args, "showDeleted"), -1
        if token := request.args.get("syncToken"):
            cursor = parse_cursor(token)
            if cursor is None or cursor.get("l") != access.email or cursor.get("e") != era:
                raise full_sync_required()
            if role:
                raise calendar_error(400, "badRequest", "Sync token cannot be combined with the parameter "
                                     "minAccessRole.", location="minAccessRole")  # fmt: skip
            since, show_deleted = cursor["s"], True
        ranks = ("freeBusyReader", "reader", "writer", "owner")
        if role and role not in ranks:
            raise invalid("minAccessRole", f"Invalid string value: '{role}'.")
        every = [
            calendar for calendar in self.google.calendars.listed(access.email)
            if (show_deleted or not calendar.deleted) and max(calendar.listed_change, calendar.change) > since
            and (not role or ranks.index(calendar.role) >= ranks.index(role))
        ]  # fmt: skip
        offset, upto = 0, self.google.store.last_change()
        if request.args.get("pageToken"):
            cursor = parse_cursor(request.args["pageToken"])
            if cursor is None or cursor.get("p") != access.email:
                raise invalid("pageToken", "Invalid page token value.")
            offset, upto = cursor["o"], cursor["u"]
        doc: dict[str, Any] = {
            "kind": "calendar#calendarList", "etag": f'"p{fingerprint([access.email, upto])}"',
            "items": [dump_entry(calendar) for calendar in every[offset : offset + most]],
        }  # fmt: skip
        if offset + most < len(every):
            doc["nextPageToken"] = dump_cursor({"p": access.email, "o": offset + most, "u": upto})
        else:
            doc["nextSyncToken"] = dump_cursor({"l": access.email, "s": upto, "e": era})
        return answer_tagged(doc)

    def get_entry(self, calendar_id: str) -> Response:
        access = check_access(self.google, "calendar.v3.CalendarList.Get")
        return answer_tagged(dump_entry(self.google.calendars.get(access.email, calendar_id)))

    def get_calendar(self, calendar_id: str) -> Response:
        access = check_access(self.google, "calendar.v3.Calendars.Get")
        return answer_tagged(dump_calendar(self.google.calendars.get(access.email, calendar_id)))

    def insert_calendar(self) -> Response:
        access = check_access(self.google, "calendar.v3.Calendars.Insert")
        return answer(dump_calendar(self.google.calendars.insert(access.email, _body())))

    # events

    def list_events(self, calendar_id: str) -> Response:
        access, calendar = self._reach("calendar.v3.Events.List", calendar_id)
        mask = parse_fields(request.args.get("fields", ""))
        page = self.google.listing.list(calendar, access.email, request.args, readable=calendar.may_write)
        return answer(dump_page(calendar, page, mask, last_updated(self.google.store, calendar)))

    def list_instances(self, calendar_id: str, event_id: str) -> Response:
        _, calendar = self._reach("calendar.v3.Events.Instances", calendar_id)
        mask = parse_fields(request.args.get("fields", ""))
        page = self.google.listing.instances(calendar, event_id, request.args)
        return answer(dump_page(calendar, page, mask, last_updated(self.google.store, calendar)))

    def get_event(self, calendar_id: str, event_id: str) -> Response:
        _, calendar = self._reach("calendar.v3.Events.Get", calendar_id)
        return answer_tagged(self._show(calendar, self.google.events.get(calendar, event_id)))

    def _show(self, calendar: Calendar, doc: dict[str, Any]) -> dict[str, Any]:
        zone = get_zone(request.args["timeZone"]) if request.args.get("timeZone") else None
        most = read_number(request.args, "maxAttendees", 0, most=2**31) if "maxAttendees" in request.args else 0
        return show_event(doc, zone, most, readable=calendar.may_write)

    def insert_event(self, calendar_id: str) -> Response:
        access, calendar = self._reach_to_write("calendar.v3.Events.Insert", calendar_id)
        doc = self.google.events.insert(calendar, access.email, _body(), conference=_conference_version())
        return answer_tagged(self._show(calendar, doc))

    def import_event(self, calendar_id: str) -> Response:
        access, calendar = self._reach_to_write("calendar.v3.Events.Import", calendar_id)
        doc = self.google.events.bring_in(calendar, access.email, _body(), conference=_conference_version())
        return answer_tagged(self._show(calendar, doc))

    def quick_add(self, calendar_id: str) -> Response:
        """Takes the whole text as the title; the meeting begins at the next full hour and lasts one."""
        access, calendar = self._reach_to_write("calendar.v3.Events.QuickAdd", calendar_id)
        text = request.args.get("text", "").strip()
        if not text:
            raise calendar_error(400, "required", "Required parameter: text", location="text")
        starts = (epoch(self.google.clock.now()) // 3600 + 1) * 3600
        zone = get_zone(calendar.timezone)
        start, end = ({"dateTime": dump_moment(from_epoch(at), zone), "timeZone": calendar.timezone}
                      for at in (starts, starts + 3600))  # fmt: skip
        return answer_tagged(
            self.google.events.insert(calendar, access.email, {"summary": text, "start": start, "end": end})
        )

    def patch_event(self, calendar_id: str, event_id: str) -> Response:
        return self._change("calendar.v3.Events.Patch", calendar_id, event_id, replace=False)

    def update_event(self, calendar_id: str, event_id: str) -> Response:
        return self._change("calendar.v3.Events.Update", calendar_id, event_id, replace=True)

    def _change(self, method: str, calendar_id: str, event_id: str, *, replace: bool) -> Response:
        access, calendar = self._reach_to_write(method, calendar_id)
        doc = self.google.events.change(
            calendar, access.email, event_id, _body(), replace=replace, if_match=request.headers.get("If-Match", ""),
            conference=_conference_version(),
        )  # fmt: skip
        return answer_tagged(self._show(calendar, doc))

    def delete_event(self, calendar_id: str, event_id: str) -> Response:
        access, calendar = self._reach_to_write("calendar.v3.Events.Delete", calendar_id)
        self.google.events.delete(calendar, access.email, event_id, if_match=request.headers.get("If-Match", ""))
        return Response(status=204)

    def move_event(self, calendar_id: str, event_id: str) -> Response:
        access, calendar = self._reach_to_write("calendar.v3.Events.Move", calendar_id)
        target = self.google.calendars.get(access.email, request.args.get("destination", ""))
        if not target.may_write:
            raise calendar_error(403, "requiredAccessLevel", "You need to have writer access to this calendar.",
                                 domain="calendar")  # fmt: skip
        return answer_tagged(self.google.events.move(calendar, target, event_id))

    # the rest

    def query_freebusy(self) -> Response:
        access = check_access(self.google, "calendar.v3.Freebusy.Query")
        body = _body()
        low, high = (parse_moment(str(body.get(name, "")), name) for name in ("timeMin", "timeMax"))
        if high <= low:
            raise calendar_error(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar")
        zone = get_zone(body.get("timeZone") or "UTC")
        found: dict[str, Any] = {}
        for item in body.get("items", []):
            name = str(item.get("id", ""))
            try:
                busy = self._busy(self.google.calendars.get(access.email, name), Query(
                    single=True, time_min=epoch(low), time_max=epoch(high)))  # fmt: skip
            except GoogleError:
                found[name] = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
                continue
            found[name] = {"busy": [{"start": dump_moment(from_epoch(a), zone), "end": dump_moment(from_epoch(b), zone)}
                                    for a, b in busy]}  # fmt: skip
        times = {
            name: f"{dump_moment(at, get_zone('UTC'))[:-1]}.000Z" for name, at in (("timeMin", low), ("timeMax", high))
        }
        return answer({"kind": "calendar#freeBusy", **times, "calendars": found})

    def _busy(self, calendar: Calendar, query: Query) -> list[tuple[int, int]]:
        """When the calendar is not free, as joined spans of seconds since 1970, cut to the window."""
        zone, spans = get_zone(calendar.timezone), []
        assert query.time_min is not None and query.time_max is not None
        for doc in self.google.listing.find_all(calendar, query):
            starts, ends = read_time(doc.get("start"), zone), read_time(doc.get("end"), zone)
            declined = any(a.get("self") and a.get("responseStatus") == "declined" for a in doc.get("attendees", ()))
            if starts and ends and doc.get("transparency") != "transparent" and not declined:
                spans.append((max(epoch(starts), query.time_min), min(epoch(ends), query.time_max)))
        joined: list[tuple[int, int]] = []
        for starts_at, ends_at in sorted(spans):
            if joined and starts_at <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], ends_at))
            else:
                joined.append((starts_at, ends_at))
        return joined

    def get_colors(self) -> Response:
        check_access(self.google, "calendar.v3.Colors.Get")
        shades = ("#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878", "#46d6db", "#e1e1e1", "#5484ed",
                  "#51b749", "#dc2127")  # fmt: skip
        colors = {str(n): {"background": shade, "foreground": "#1d1d1d"} for n, shade in enumerate(shades, 1)}
        return answer({"kind": "calendar#colors", "updated": "2012-02-14T00:00:00.000Z", "calendar": colors,
                       "event": colors})  # fmt: skip

    def _settings(self, email: str) -> list[dict[str, Any]]:
        person = self.google.people.find(email)
        assert person is not None
        values = SETTINGS | {"timezone": person.timezone}
        return [{"kind": "calendar#setting", "etag": f'"{fingerprint(value)}"', "id": name, "value": value}
                for name, value in values.items()]  # fmt: skip

    def list_settings(self) -> Response:
        access = check_access(self.google, "calendar.v3.Settings.List")
        items = self._settings(access.email)
        return answer({"kind": "calendar#settings", "etag": f'"p{fingerprint(items)}"', "items": items,
                       "nextSyncToken": dump_cursor({"settings": access.email})})  # fmt: skip

    def get_setting(self, name: str) -> Response:
        access = check_access(self.google, "calendar.v3.Settings.Get")
        found = [item for item in self._settings(access.email) if item["id"] == name]
        if not found:
            raise not_found()
        return answer_tagged(found[0])


def _body() -> dict[str, Any]:
    return read_body(calendar_error(400, "parseError", "Parse Error"))


def _conference_version() -> int:
    args: MultiDict[str, str] = request.args
    if args.get("conferenceDataVersion", "0") not in ("0", "1"):
        raise invalid("conferenceDataVersion", "Invalid value. Values must be within the range: [0, 1]")
    return int(args.get("conferenceDataVersion", "0"))
