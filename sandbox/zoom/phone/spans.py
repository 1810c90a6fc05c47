"""From when to when a list goes: a month at most, of the last six."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import request

from sandbox.zoom.errors import ZoomError, invalid
from sandbox.zoom.shapes import dump_moment

MONTHS_KEPT = 6
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Span:
    """Moments as Zoom writes them, the last one included. `asked`: how it was asked for."""

    since: str
    until: str
    asked: str


def invalid_list(name: str, *, is_users: bool = False) -> ZoomError:
    """A parameter that cannot be: one user's call history words it otherwise than the account's."""
    if is_users:
        return ZoomError(400, 301, f"Invalid request param: {name}.")
    return invalid({name: "Invalid field."})


def read_span(now: datetime, *, days: int, is_users: bool = False) -> Span:
    """Of this request; without `from` the last `days`. Raises ZoomError."""
    first, last = request.args.get("from", ""), request.args.get("to", "")
    if not first:
        return Span(dump_moment(now - timedelta(days=days)), dump_moment(now), f"{days}")
    since, until = _parse(first, "00:00:00"), _parse(last, "23:59:59")
    for name, moment in (("from", since), ("to", until)):
        if moment is None:
            raise invalid_list(name, is_users=is_users)
    assert since is not None and until is not None
    if until < since or until.date() > _add_months(since.date(), 1):
        raise invalid_list("to", is_users=is_users)
    if since.date() < _add_months(now.date(), -MONTHS_KEPT):
        raise invalid_list("from", is_users=is_users)
    return Span(dump_moment(since), dump_moment(until), f"{first}/{last}")


def _parse(text: str, clock: str) -> datetime | None:
    """A day, whole and in GMT, or a moment."""
    if _DAY.fullmatch(text):
        text = f"{text}T{clock}Z"
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if _MOMENT.fullmatch(text) else None
    except ValueError:
        return None


def _add_months(day: date, months: int) -> date:
    """The same day of that month, or its last."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
