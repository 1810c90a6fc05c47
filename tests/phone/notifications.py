"""Notifications as phone systems post them, and the three ways in: by the door, by Django's view, by the worker."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

from phone import door
from phone.models import PhoneSystem, SystemKind
from phone.signing import OTHER, ZOOM

SECRET, ACCOUNT = "the webhook secret", "TQTvjT52Tmi_wrhASNNOEw"


def dump(notification: Any) -> bytes:
    return json.dumps(notification, separators=(",", ":")).encode()


def make_system(organization: Any, kind: str = SystemKind.ZOOM, **fields: Any) -> PhoneSystem:
    system = PhoneSystem(organization=organization, kind=kind, **fields)
    system.credentials = {"webhook_secret": SECRET}
    system.save()
    return system


def sign(system: PhoneSystem, body: bytes, *, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    scheme = OTHER if system.kind == SystemKind.OTHER else ZOOM
    moment = str(int(time.time()) if at is None else at)
    return {scheme.timestamp_header: moment, scheme.signature_header: scheme.sign(secret, moment, body)}


def post(path: str, body: bytes, headers: dict[str, str], **environ: Any) -> tuple[int, bytes, dict[str, str]]:
    """By the door, as a server calls it; behind it is nothing."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        **environ,
    }
    heard: list[tuple[str, list[tuple[str, str]]]] = []

    def behind(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("418 Behind the door", [])
        return [b"behind"]

    said = b"".join(door.Door(behind)(given, lambda status, headers: heard.append((status, headers))))
    (status, names) = heard[0]
    return int(status.split(" ")[0]), said, dict(names)


def tell(system: PhoneSystem, notification: Any, **how: Any) -> int:
    """The status of the answer to a genuine one, unless `how` it is signed says otherwise."""
    body = notification if isinstance(notification, bytes) else dump(notification)
    return post(f"/phone/events/{system.key}/", body, sign(system, body, **how))[0]


def element(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A row of the latest generation."""
    return {
        "call_element_id": f"20261124-{number:08}",
        "call_history_uuid": f"20261124-h{number:08}",
        "call_id": f"{7018317023722949162 + number}",
        "connect_type": "external",
        "call_type": "general",
        "direction": "inbound",
        "hide_caller_id": True,
        "caller_did_number": "+4930901820",
        "caller_name": "Ada Byron",
        "caller_number_type": "external_pstn",
        "callee_ext_number": "101",
        "callee_ext_type": "user",
        "callee_name": "Alice Meyer",
        "start_time": "2026-11-24T08:50:00Z",
        "answer_time": "2026-11-24T08:50:10Z",
        "end_time": "2026-11-24T08:51:00Z",
        "event": "incoming",
        "result": "answered",
        "talk_time": 50,
        **fields,
    }


def completed(*elements: dict[str, Any], side: str = "callee", user_id: str = "zoom-alice", at: int = 0) -> Any:
    """`at`: seconds after 09:00 of the morning."""
    return {
        "event": f"phone.{side}_call_element_completed",
        "event_ts": 1_795_510_800_000 + at * 1000,
        "payload": {"account_id": ACCOUNT, "object": {"user_id": user_id, "call_elements": list(elements)}},
    }
