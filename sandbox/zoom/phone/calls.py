"""The calls and the voicemail that the pretend Zoom Phone keeps."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from sandbox.store import Store
from sandbox.zoom.phone.shapes import TALKED, Doc, find_result
from sandbox.zoom.phone.users import Party, PhoneUser
from sandbox.zoom.shapes import dump_moment

ANSWERED_WITHIN, RUNG_OUT = 6, 24
"""Seconds that it rings."""
OF_ACCOUNT = "email IN (SELECT email FROM z_user WHERE account = ?)"


@dataclass(frozen=True, slots=True)
class Voicemail:
    """doc: as in Zoom's lists, with what only others have behind underscores."""

    id: str
    email: str
    file: str
    is_read: bool
    has_audio: bool
    doc: Doc


class Calls:
    def __init__(self, store: Store) -> None:
        self._store = store

    def build(
        self, caller: Party, callee: Party, *, result: str, seconds: int, starts: datetime, raw: Doc
    ) -> list[tuple[PhoneUser, Doc]]:
        """A call as it stands in the lists of those who have a phone here: the caller's, the callee's, or both.

        `raw` comes over what is known otherwise, however odd.
        """
        ended = find_result(result)
        talked = seconds if ended in TALKED and result != "elsewhere" else 0
        rung = ANSWERED_WITHIN if ended in TALKED or ended == "rejected" else RUNG_OUT
        answered = starts + timedelta(seconds=rung)
        day = f"{starts:%Y%m%d}"
        is_internal = bool(caller.user and callee.is_internal) or bool(callee.user and caller.is_internal)
        countries = {one.country()[0] for one in (caller, callee)} - {""}
        doc = {
            "call_history_uuid": f"{day}-{uuid4()}", "call_id": str(7 * 10**18 + secrets.randbelow(10**18)),
            "connect_type": "internal" if is_internal else "external", "call_type": "general",
            "hide_caller_id": not caller.shown[0].isdigit(), "end_to_end": False,
            **caller.fields("caller"), **callee.fields("callee"),
            "start_time": dump_moment(starts), "end_time": dump_moment(answered + timedelta(seconds=talked)),
            "result": ended, "talk_time": talked, "hold_time": 0, "wait_time": rung,
            "_duration": talked, "_international": not is_internal and len(countries) > 1,
        }  # fmt: skip
        if ended in TALKED:
            doc["answer_time"] = dump_moment(answered)
        if result == "elsewhere":
            doc["result_reason"] = "answered_by_other"
        legs = [(caller.user, "outbound", "outgoing"), (callee.user, "inbound", "incoming")]
        return [
            (user, doc | {"call_element_id": f"{day}-{uuid4()}", "direction": direction, "event": kind} | raw)
            for user, direction, kind in legs
            if user
        ]

    def keep(self, legs: list[tuple[PhoneUser, Doc]]) -> None:
        """Told again under the same element, it is the newer one."""
        self._store.run_many(
            "INSERT INTO zp_call VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (element) DO UPDATE SET doc = excluded.doc",
            [
                (
                    doc["call_element_id"], doc["call_history_uuid"], user.email, doc["start_time"], doc["end_time"],
                    orjson.dumps(doc),
                )
                for user, doc in legs
            ],
        )  # fmt: skip

    def history(
        self, *, account: str = "", email: str = "", since: str = "", until: str = "9", by: str = "started"
    ) -> list[Doc]:
        """Newest first, of everybody in an account or of one: moments as Zoom writes them, the last one included."""
        whose, value = (OF_ACCOUNT, account) if account else ("email = ?", email.lower())
        once = "GROUP BY uuid" if account else ""
        rows = self._store.rows(
            f"SELECT doc, min(rowid) FROM zp_call WHERE {whose} AND {by} BETWEEN ? AND ? {once or 'GROUP BY element'}"
            " ORDER BY started DESC, rowid DESC",
            value, since, until,
        )  # fmt: skip
        return [orjson.loads(row["doc"]) for row in rows]

    def find(self, name: str, *, account: str) -> list[Doc]:
        """The elements of a call, or the one element of this name; none of another account's."""
        rows = self._store.rows(
            f"SELECT doc FROM zp_call WHERE ? IN (uuid, element) AND {OF_ACCOUNT} ORDER BY rowid",
            name, account,
        )  # fmt: skip
        return [orjson.loads(row["doc"]) for row in rows]

    def delete(self, element: str) -> tuple[str, Doc] | None:
        """Whose it was and what; None where there is no such element."""
        row = self._store.row("DELETE FROM zp_call WHERE element = ? RETURNING email, doc", element)
        return (row["email"], orjson.loads(row["doc"])) if row else None

    # voicemail

    def leave(self, user: PhoneUser, caller: Party, call: Doc, *, seconds: int, raw: Doc) -> Voicemail:
        """A message at the end of a call."""
        made = uuid4().hex
        file = secrets.token_urlsafe(16)
        doc = {
            "id": made, "call_id": call["call_id"], "call_log_id": call["call_element_id"].partition("-")[2],
            "call_history_id": call["call_history_uuid"], "call_element_id": call["call_element_id"],
            "caller_name": caller.name, "caller_number": caller.shown, "caller_number_type": caller.number_type,
            "callee_name": user.name, "callee_number": str(user.extension), "callee_number_type": 1,
            "date_time": call["end_time"], "duration": seconds, "_file": file,
            "_caller_did": caller.number, "_caller_user": caller.user.id if caller.user else "",
            "_transcript": "", "_transcript_status": 1,
        } | raw  # fmt: skip
        self._store.run(
            "INSERT INTO zp_voicemail VALUES (?, ?, ?, ?, 0, 1, ?)",
            made, user.email, doc["date_time"], file, orjson.dumps(doc),
        )  # fmt: skip
        return self._get(made)

    def _get(self, voicemail: str) -> Voicemail:
        (found,) = self.voicemails(id=voicemail)
        return found

    def voicemails(
        self, *, account: str = "", since: str = "", until: str = "9", status: str = "all", **only: str
    ) -> list[Voicemail]:
        """Newest first. only: email=, id= or file=."""
        assert only.keys() <= {"email", "id", "file"}
        wanted = "".join(f" AND {name} = ?" for name in only)
        rows = self._store.rows(
            f"SELECT id, email, file, is_read, has_audio, doc FROM zp_voicemail WHERE left_at BETWEEN ? AND ?"
            f" AND (? = '' OR {OF_ACCOUNT}) AND (? = 'all' OR is_read = (? = 'read')){wanted}"
            " ORDER BY left_at DESC, rowid DESC",
            since, until, account, account, status, status, *only.values(),
        )  # fmt: skip
        return [Voicemail(row[0], row[1], row[2], bool(row[3]), bool(row[4]), orjson.loads(row[5])) for row in rows]

    def change_voicemail(self, voicemail: str, **facts: Any) -> Voicemail:
        """is_read, has_audio, or transcript."""
        if "transcript" in facts:
            changed = self._get(voicemail).doc | {"_transcript": facts.pop("transcript"), "_transcript_status": 2}
            facts["doc"] = orjson.dumps(changed)
        for name, value in facts.items():
            assert name in ("is_read", "has_audio", "doc"), name
            self._store.run(f"UPDATE zp_voicemail SET {name} = ? WHERE id = ?", value, voicemail)
        return self._get(voicemail)

    def delete_voicemail(self, voicemail: str) -> None:
        self._store.run("DELETE FROM zp_voicemail WHERE id = ?", voicemail)
