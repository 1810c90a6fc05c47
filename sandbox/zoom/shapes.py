"""What a meeting's document may hold when it is sent here, and what of it is shown where.

Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/post/users/{userId}/meetings
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.times import find_zone
from sandbox.zoom.errors import invalid
from sandbox.zoom.recurrence import find_faults, list_starts

JOIN_HOST = "us02web.zoom.us"
"""Zoom's own: Portico knows its join links by their host. In a browser they lead to the real Zoom."""
TYPES = {"meeting": (1, 2, 3, 8), "webinar": (5, 6, 9)}
FIXED_SERIES = (8, 9)
NO_FIXED_TIME = (3, 6)
LISTED_AGENDA = 250
KEPT = ("topic", "type", "start_time", "duration", "timezone", "agenda", "password", "recurrence", "settings")
_PASSWORD = re.compile(r"[A-Za-z0-9@\-_*]{0,10}")
_START = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?")


def check_body(body: Any, kind: str) -> dict[str, Any]:
    """The known fields of what was sent. Raises ZoomError."""
    if not isinstance(body, dict):
        raise invalid({"": "Request Body should be a valid JSON object."})
    found: dict[str, str] = {}
    for name, most in (("topic", 200), ("agenda", 2000)):
        if not isinstance(body.get(name, ""), str) or len(body.get(name, "")) > most:
            found[name] = f"The maximum length of {name} is {most}."
    if not isinstance(body.get("password", ""), str) or not _PASSWORD.fullmatch(body.get("password", "")):
        found["password"] = "Invalid field."
    if "type" in body and body["type"] not in TYPES[kind]:
        found["type"] = "Invalid field."
    if not isinstance(body.get("duration", 60), int) or not 0 < body.get("duration", 60) <= 2880:
        found["duration"] = "Invalid field."
    if "start_time" in body and not _START.fullmatch(str(body["start_time"])):
        found["start_time"] = "Invalid field."
    if body.get("timezone") and find_zone(str(body["timezone"])) is None:
        found["timezone"] = "Invalid field."
    if body.get("recurrence"):
        found |= find_faults(body["recurrence"])
    if found:
        raise invalid(found)
    return {name: body[name] for name in KEPT if name in body}


def parse_start(text: str, zone: ZoneInfo) -> datetime:
    """With a Z it is UTC, without one it is on the wall of the meeting's zone."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def encrypt_passcode(number: int, passcode: str) -> str:
    """The same passcode in a link: long, and another for each meeting."""
    digest = hashlib.sha256(f"{number}:{passcode}".encode()).digest()
    return base64.urlsafe_b64encode(digest)[:31].decode().replace("-", "x") + ".1"


def list_occurrences(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a series with fixed times, those deleted too; of any other, none."""
    if doc["type"] not in FIXED_SERIES or not doc.get("recurrence"):
        return []
    zone = ZoneInfo(doc["timezone"])
    deleted = set(doc.get("deleted", []))
    return [
        {
            "occurrence_id": (name := str(int(starts.timestamp() * 1000))),
            "start_time": dump_moment(starts), "duration": doc["duration"],
            "status": "deleted" if name in deleted else "available",
        }
        for starts in list_starts(doc["recurrence"], datetime.fromisoformat(doc["start_time"]), zone)
    ]  # fmt: skip


def show_meeting(doc: dict[str, Any]) -> dict[str, Any]:
    """One meeting, whole."""
    number, passcode = doc["id"], doc.get("password", "")
    shown = _show_common(doc) | {
        "assistant_id": "", "status": "waiting", "agenda": doc.get("agenda", ""), "password": passcode,
        "encrypted_password": encrypt_passcode(number, passcode), "h323_password": _digits(passcode),
        "pstn_password": _digits(passcode), "host_email": doc["host_email"],
        "start_url": f"https://{JOIN_HOST}/s/{number}?zak=eyJ0eXAiOiJKV1QiLCJzdiI6IjAwMDAwMSJ9.{doc['uuid'][:12]}.sandbox",
        "settings": {
            "host_video": False, "participant_video": False, "join_before_host": False, "mute_upon_entry": False,
            "use_pmi": False, "approval_type": 2, "audio": "both", "auto_recording": "none",
            "waiting_room": bool(doc.get("settings", {}).get("waiting_room", False)),
            "global_dial_in_countries": ["DE", "US"],
            "global_dial_in_numbers": [
                {"country": "DE", "country_name": "Germany", "city": "", "number": "+49 30 23125 010", "type": "toll"},
                {"country": "US", "country_name": "US", "city": "", "number": "+1 212 555 0100", "type": "toll"},
            ],
        },
    }  # fmt: skip
    if doc["type"] in FIXED_SERIES:
        shown |= {"recurrence": doc["recurrence"], "occurrences": list_occurrences(doc)}
    return shown


def show_listed(doc: dict[str, Any], starts: str | None = None) -> dict[str, Any]:
    """One meeting in a list: without its passcode and its settings, the beginning of its agenda alone."""
    shown = _show_common(doc)
    if starts is not None:
        shown["start_time"] = starts
    if doc.get("agenda"):
        shown["agenda"] = doc["agenda"][:LISTED_AGENDA]
    return shown


def _show_common(doc: dict[str, Any]) -> dict[str, Any]:
    number = doc["id"]
    shown = {
        "uuid": doc["uuid"], "id": number, "host_id": doc["host_id"], "topic": doc["topic"], "type": doc["type"],
        "duration": doc["duration"], "timezone": doc["timezone"], "created_at": doc["created_at"],
        "join_url": f"https://{JOIN_HOST}/j/{number}?pwd={encrypt_passcode(number, doc.get('password', ''))}",
    }  # fmt: skip
    if doc["type"] not in NO_FIXED_TIME:
        shown["start_time"] = doc["start_time"]
    return shown


def ends_of(doc: dict[str, Any], starts: str) -> datetime:
    return datetime.fromisoformat(starts) + timedelta(minutes=doc["duration"])


def _digits(passcode: str) -> str:
    return "".join(str(ord(letter) % 10) for letter in passcode)
