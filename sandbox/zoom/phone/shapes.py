"""What became of a call, in Zoom's words of three generations, and the rows that say it.

A call is kept as its newest row, an element. What only other rows have begins with an underscore there.

Reference: https://developers.zoom.us/docs/phone/webhook-migrate/
"""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]

WORDS = {
    "missed": "no_answer", "declined": "rejected", "elsewhere": "answered", "failed": "call_failed",
}  # fmt: skip
"""Plain words for Zoom's results, all of which are taken as well. `elsewhere`: by somebody else."""
OLD_WORDS = {
    "answered": "Call connected", "accepted": "Call connected", "picked_up": "Call connected",
    "connected": "Call connected", "succeeded": "Call connected", "voicemail": "Voicemail", "rejected": "Rejected",
    "busy": "Busy", "call_failed": "Call failed", "canceled": "Call Cancel", "hang_up": "Call Cancel",
    "system_blocked": "Blocked", "no_answer": "No Answer", "ring_timeout": "No Answer", "abandoned": "Call Cancel",
    "unconnected": "No Answer", "overflowed": "No Answer", "invalid_key": "Call failed",
    "invalid_operation": "Call failed", "service_unavailable": "Call failed",
}  # fmt: skip
"""Every result there is, as the first generation said it."""
TALKED = ("answered", "accepted", "picked_up", "connected", "succeeded")


def find_result(word: str) -> str:
    result = WORDS.get(word, word)
    assert result in OLD_WORDS, f"No call ends as {word}."
    return result


def show_element(doc: Doc) -> Doc:
    """Third generation: a row of call_elements."""
    return {name: value for name, value in doc.items() if not name.startswith("_")}


def show_history(doc: Doc) -> Doc:
    """Second generation: the same under older names."""
    shown = show_element(doc)
    return {"id": shown.pop("call_element_id"), "call_path_id": shown.pop("call_history_uuid")} | shown


def show_log(doc: Doc) -> Doc:
    """First generation."""
    result = OLD_WORDS[doc["result"]]
    if doc["direction"] == "inbound" and result in ("No Answer", "Call Cancel"):
        result = "Missed"
    if doc.get("result_reason"):
        result = "Answered by Other Member"
    shown = {
        "id": doc["call_element_id"].partition("-")[2], "call_id": doc["call_id"], "call_type": "pstn",
        "direction": doc["direction"], "duration": doc["_duration"], "result": result, "path": "extension",
        "date_time": doc["start_time"], "answer_start_time": doc.get("answer_time"), "call_end_time": doc["end_time"],
        "waiting_time": doc["wait_time"], "hold_time": 0, "has_recording": False,
        "has_voicemail": "voicemail_id" in doc,
    }  # fmt: skip
    if doc["connect_type"] == "internal":
        shown["call_type"] = "voip"
    for end in ("caller", "callee"):
        extension, number = doc.get(f"{end}_ext_number"), doc.get(f"{end}_did_number")
        shown |= {
            f"{end}_number": extension or number or "anonymous", f"{end}_number_type": 1 if extension else 2,
            f"{end}_name": doc.get(f"{end}_name"), f"{end}_did_number": number,
            f"{end}_country_code": doc.get(f"{end}_country_code"),
            f"{end}_country_iso_code": doc.get(f"{end}_country_iso_code"),
        }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


def show_call(doc: Doc) -> Doc:
    """A row of the account's list: one for a call, however many have it in theirs. `result` is `call_result` here."""
    shown = show_element(doc)
    for name in ("call_element_id", "event", "result_reason", "talk_time", "hold_time", "wait_time", "voicemail_id"):
        shown.pop(name, None)
    return shown | {
        "call_result": shown.pop("result"), "duration": doc["_duration"], "international": doc["_international"],
        "department": "", "cost_center": "", "recording_status": "non_recorded",
    }  # fmt: skip


def show_call_log(doc: Doc) -> Doc:
    """The same in the older list, which names it `id`."""
    shown = show_call(doc)
    return {"id": shown.pop("call_history_uuid")} | shown


def show_one_element(doc: Doc) -> Doc:
    """An element asked for by itself; what the notification calls wait_time is waiting_time here."""
    shown = show_element(doc)
    return shown | {"waiting_time": shown.pop("wait_time"), "segment": 1, "node": 1, "is_node": 1, "client_code": ""}


def show_whole_call(docs: list[Doc]) -> Doc:
    """A call with all its elements."""
    elements = [show_one_element(doc) for doc in docs]
    older = [{"id": one["call_element_id"]} | one for one in elements]
    return {"id": docs[0]["call_history_uuid"]} | show_call(docs[0]) | {"call_path": older, "call_elements": elements}


def show_voicemail(doc: Doc, *, is_read: bool, root: str) -> Doc:
    """A row of a list, without what was said. root: where files are fetched."""
    return {"download_url": f"{root}{doc['_file']}"} | show_element(doc) | {"status": "read" if is_read else "unread"}


def show_one_voicemail(doc: Doc, *, is_read: bool, root: str) -> Doc:
    transcription = {"content": doc["_transcript"], "status": doc["_transcript_status"], "engine": "otter"}
    more = {"transcription": transcription, "intent_results": []}
    return show_voicemail(doc, is_read=is_read, root=root) | more
