"""What is told of a call and a voicemail: while it rings, when it is over, and in the words of each generation.

Reference: https://developers.zoom.us/docs/api/phone/events/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

from sandbox.zoom.phone.shapes import OLD_WORDS, TALKED, Doc, show_element, show_history, show_log
from sandbox.zoom.phone.users import PhoneUser

GENERATIONS = ("log", "history", "element")
"""Of call history, oldest first. An app may listen to several at once, and then hears of each call as often."""
Leg = tuple[PhoneUser, Doc]


def make_event(name: str, account: str, moment: datetime, told: Doc) -> Doc:
    """A whole notification. event_ts is when it happened, in milliseconds, and the same whenever it is sent."""
    payload = {"account_id": account, "object": told}
    return {"event": f"phone.{name}", "event_ts": int(moment.timestamp() * 1000), "payload": payload}


def tell_call(legs: list[Leg], *, generations: Iterable[str], is_live: bool) -> Iterator[Doc]:
    """From the first ring to the row in the history; of a call between two of them both ends, step by step."""
    if is_live:
        channels = [str(uuid4()) for _ in legs]
        for step in range(3):
            for (user, doc), channel in zip(legs, channels, strict=True):
                for name in _list_steps(doc)[step]:
                    yield _tell_live(name, user, doc, channel)
    for generation in generations:
        for user, doc in legs:
            yield make_event(
                f"{_find_end(doc)}_call_{generation}_completed", user.account, _parse(doc["end_time"]),
                {"user_id": user.id, **_list_rows(generation, doc)},
            )  # fmt: skip


def _find_end(doc: Doc) -> str:
    return "caller" if doc["direction"] == "outbound" else "callee"


def _list_rows(generation: str, doc: Doc) -> Doc:
    if generation == "element":
        return {"call_elements": [show_element(doc)]}
    return {"call_logs": [show_log(doc) if generation == "log" else show_history(doc)]}


def _list_steps(doc: Doc) -> tuple[list[str], list[str], list[str]]:
    """Names of what is told first, in between, and at the end."""
    has_talked = doc["result"] in TALKED and not doc.get("result_reason")
    if _find_end(doc) == "caller":
        return ["caller_ringing"], ["caller_connected"] if has_talked else [], ["caller_ended"]
    if has_talked:
        return ["callee_ringing"], ["callee_answered"], ["callee_ended"]
    return ["callee_ringing"], [], ["callee_rejected" if doc["result"] == "rejected" else "callee_missed"]


def _tell_live(name: str, user: PhoneUser, doc: Doc, channel: str) -> Doc:
    kind = name.partition("_")[2]
    told: Doc = {"call_id": doc["call_id"], "channel_id": channel, "ringing_start_time": doc["start_time"]}
    moment = doc["start_time"]
    for end in ("caller", "callee"):
        told[end] = _show_end(doc, end, is_first=kind == "ringing")
        if end == _find_end(doc):
            told[end] |= {"user_id": user.id, "timezone": "Europe/Berlin", "device_type": "MAC_Client(6.0.2.33403)"}
    if kind in ("answered", "connected"):
        moment = told["answer_start_time"] = doc["answer_time"]
    elif kind != "ringing":
        moment = told["call_end_time"] = doc["end_time"]
        other = "Answered by Other Member" if doc.get("result_reason") else OLD_WORDS[doc["result"]]
        told["handup_result"] = other
    return make_event(name, user.account, _parse(moment), told)


def _show_end(doc: Doc, end: str, *, is_first: bool) -> Doc:
    """Extensions are whole numbers here. The first ring may come without a number, what follows it may not."""
    number, extension = doc.get(f"{end}_did_number"), doc.get(f"{end}_ext_number", "")
    shown: Doc = {"connection_type": "voip" if extension else "pstn_off_net"}
    if number or not is_first:
        shown["phone_number"] = number or extension or "anonymous"
    if extension.isascii() and extension.isdigit():
        shown |= {"extension_number": int(extension), "extension_type": "user"}
    if is_first and doc.get(f"{end}_name"):
        shown["name"] = doc[f"{end}_name"]
    return shown


def tell_voicemail(user: PhoneUser, shown: Doc, doc: Doc) -> Doc:
    """That one was left. shown: as in a list, doc: as it is kept."""
    told = {name: value for name, value in shown.items() if name not in ("status", "owner")}
    told |= _show_callee(user) | {"callee_did_number": user.numbers[0] if user.numbers else None}
    told |= {"caller_did_number": doc["_caller_did"] or None, "caller_user_id": doc["_caller_user"] or None}
    kept = {name: value for name, value in told.items() if value is not None}
    return make_event("voicemail_received", user.account, _parse(doc["date_time"]), kept)


def tell_transcript(user: PhoneUser, doc: Doc, moment: datetime) -> Doc:
    """What was said, told later and with neither sound nor length."""
    told = show_element(doc) | _show_callee(user)
    told.pop("duration")
    told["transcription"] = {"status": doc["_transcript_status"], "content": doc["_transcript"]}
    return make_event("voicemail_transcript_completed", user.account, moment, told)


def _show_callee(user: PhoneUser) -> Doc:
    return {"callee_id": user.id, "callee_user_id": user.id, "callee_extension_type": "user"}


def tell_voicemail_deleted(user: PhoneUser, voicemail: str, moment: datetime) -> Doc:
    return make_event("voicemail_deleted", user.account, moment, {"voice_mails": [{"id": voicemail}]})


def tell_call_deleted(user: PhoneUser, doc: Doc, moment: datetime, *, generations: Iterable[str]) -> Iterator[Doc]:
    element = doc["call_element_id"]
    when = {"execute_time": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z", "move_to_trash": True, "delete_all": False}
    rows: dict[str, dict[str, Any]] = {
        "log": {"call_logs": [{"id": element.partition("-")[2], "call_id": doc["call_id"]}]},
        "history": {"call_log_ids": [element], **when},
        "element": {"call_element_ids": [element], **when},
    }
    for generation in generations:
        yield make_event(f"call_{generation}_deleted", user.account, moment, {"user_id": user.id, **rows[generation]})


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text)
