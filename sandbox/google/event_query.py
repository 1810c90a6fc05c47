"""What an events.list asks for, read from its parameters.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from sandbox.google.errors import calendar_error, invalid
from sandbox.google.event_shapes import CHOICES
from sandbox.google.times import epoch, get_zone, parse_moment

FORBIDDEN_WITH_SYNC = ("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin",
                       "timeMax", "updatedMin")  # fmt: skip
# parameters of transport, which do not change what is asked for
TRANSPORT = frozenset({"fields", "prettyPrint", "alt", "key", "quotaUser", "userIp", "access_token", "oauth_token",
                       "callback", "alwaysIncludeEmail", "$.xgafv", "$prettyPrint", "$alt"})  # fmt: skip
KNOWN = frozenset({"maxResults", "pageToken", "syncToken", "singleEvents", "showDeleted", "showHiddenInvitations",
                   "eventTypes", "maxAttendees", "timeZone", *FORBIDDEN_WITH_SYNC})  # fmt: skip
# with these Google gives no nextSyncToken: the listing does not say everything
WITHOUT_SYNC_TOKEN = ("ical_uid", "order_by", "private", "shared", "q", "updated_min")


@dataclass(frozen=True, slots=True)
class Query:
    """What an events.list asks for. Moments in seconds since 1970, None where there is no bound."""

    single: bool = False
    show_deleted: bool = False
    time_min: int | None = None
    time_max: int | None = None
    updated_min: int | None = None
    order_by: str = ""
    types: tuple[str, ...] = ()
    q: str = ""
    ical_uid: str = ""
    private: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    max_attendees: int = 0
    timezone: str = ""

    def dump(self) -> dict[str, Any]:
        """Only what differs from the defaults."""
        plain = Query()
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value != getattr(plain, name)}

    @classmethod
    def load(cls, values: dict[str, Any]) -> Query:
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def holds(self, starts: int, ends: int) -> bool:
        """Whether something from starts to ends lies in the window: both bounds are exclusive."""
        if self.time_max is not None and starts >= self.time_max:
            return False
        return self.time_min is None or ends > self.time_min


def read_flag(args: MultiDict[str, str], name: str) -> bool:
    value = args.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise calendar_error(400, "invalidParameter", f"Invalid boolean value: '{args[name]}'.", location=name)
    return value in ("true", "1")


def read_number(args: MultiDict[str, str], name: str, default: int, *, most: int) -> int:
    text = args.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise calendar_error(400, "invalidParameter", f"Invalid value '{text}'. Values must be within the range: "
                             f"[1, {most}]", location=name)  # fmt: skip
    return min(int(text), most)


def parse_query(args: MultiDict[str, str]) -> Query:
    """Raises GoogleError (400)."""
    if unknown := [name for name in args if name not in KNOWN | TRANSPORT]:
        raise calendar_error(400, "invalidParameter", f"Unknown parameter: {unknown[0]}", location=unknown[0])
    moments = {}
    for name in ("timeMin", "timeMax", "updatedMin"):
        moments[name] = epoch(parse_moment(args[name], name)) if args.get(name) else None
    low, high = moments["timeMin"], moments["timeMax"]
    if low is not None and high is not None and high <= low:
        raise calendar_error(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar",
                             location="timeMax")  # fmt: skip
    order = args.get("orderBy", "")
    single = read_flag(args, "singleEvents")
    if order not in ("", "startTime", "updated"):
        raise calendar_error(400, "invalidParameter", f"Invalid string value: '{order}'. Allowed values: [startTime, "
                             "updated]", location="orderBy")  # fmt: skip
    if order == "startTime" and not single:
        raise calendar_error(400, "badRequest", "The requested ordering is not available for the particular query.",
                             location="orderBy")  # fmt: skip
    types = args.getlist("eventTypes")
    for kind in types:
        if kind not in CHOICES["eventType"]:
            raise invalid("eventTypes", f"Invalid string value: '{kind}'.")
    constraints = [*args.getlist("privateExtendedProperty"), *args.getlist("sharedExtendedProperty")]
    if any("=" not in constraint for constraint in constraints):
        raise invalid(
            "privateExtendedProperty", "Invalid extended property constraint: propertyName=value is expected."
        )
    if args.get("timeZone"):
        get_zone(args["timeZone"])
    return Query(
        single=single, show_deleted=read_flag(args, "showDeleted"), time_min=low, time_max=high,
        updated_min=moments["updatedMin"], order_by=order, types=tuple(sorted(set(types))), q=args.get("q", "").strip(),
        ical_uid=args.get("iCalUID", ""), private=tuple(args.getlist("privateExtendedProperty")),
        shared=tuple(args.getlist("sharedExtendedProperty")),
        max_attendees=read_number(args, "maxAttendees", 0, most=2**31) if "maxAttendees" in args else 0,
        timezone=args.get("timeZone", ""),
    )  # fmt: skip
