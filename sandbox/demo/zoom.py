"""Zoom users, and some meetings that they made in Zoom itself and that stand in no calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.zoom import Zoom

OWN = (
    ("Open office hour", 1, 16, 60, 2),
    ("Interview: Priya Raman", 2, 11, 45, 0),
    ("Notary: final reading", 4, 9, 30, 0),
)
"""Topic, days from today, hour, minutes, Zoom's kind of recurrence (0: none)."""


def fill_zoom(zoom: Zoom, people: Iterable[tuple[str, str, str, str, str]], *, with_webinars: str) -> None:
    """Each person (address, name, organization, zone, region) a user; one has the webinar plan, and a webinar."""
    members = list(people)
    for email, _, _, timezone, _ in members:
        if zoom.meetings.find_user(email):
            continue
        assistants = tuple(other for other, *_ in members if email == with_webinars and other != email)[:1]
        zoom.add_user(email, timezone=timezone, webinars=email == with_webinars, assistants=assistants)
    if zoom.meetings.of(with_webinars):
        return
    zone = ZoneInfo(zoom.schedule(with_webinars, {"topic": "Quick call", "type": 3})["timezone"])
    today = zoom.clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for topic, days, hour, minutes, repeats in OWN:
        starts = _on_a_working_day(today + timedelta(days=days, hours=hour))
        body = {"topic": topic, "start_time": f"{starts:%Y-%m-%dT%H:%M:%S}", "duration": minutes}
        if repeats:
            day = str(starts.isoweekday() % 7 + 1)
            body |= {"type": 8, "recurrence": {"type": repeats, "weekly_days": day, "end_times": 6}}
        zoom.schedule(with_webinars, body)
    starts = _on_a_working_day(today + timedelta(days=9, hours=15))
    webinar = {"topic": "Data protection for founders", "start_time": f"{starts:%Y-%m-%dT%H:%M:%S}", "duration": 60}
    zoom.schedule(with_webinars, webinar, kind="webinar")


def _on_a_working_day(moment: datetime) -> datetime:
    return moment + timedelta(days=max(0, 7 - moment.weekday()) if moment.weekday() > 4 else 0)
