"""The pretend Zoom Phone: who has a phone, their calls and voicemail, and what is told of them."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.zoom.phone.api import PhoneApi
from sandbox.zoom.phone.calls import ANSWERED_WITHIN, RUNG_OUT, Calls, Voicemail
from sandbox.zoom.phone.shapes import TALKED, Doc
from sandbox.zoom.phone.users import Party, PhoneUser, PhoneUsers

if TYPE_CHECKING:
    from sandbox.zoom import Zoom

SCHEMA = """
CREATE TABLE IF NOT EXISTS zp_user (
    email TEXT PRIMARY KEY, phone_id TEXT NOT NULL, extension INTEGER NOT NULL, extension_id TEXT NOT NULL,
    numbers TEXT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS zp_call (
    element TEXT PRIMARY KEY, uuid TEXT NOT NULL, email TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS zp_calls_of ON zp_call (email, started);
CREATE TABLE IF NOT EXISTS zp_voicemail (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, left_at TEXT NOT NULL, file TEXT NOT NULL, is_read INTEGER NOT NULL,
    has_audio INTEGER NOT NULL, doc BLOB NOT NULL
);
"""


class Phone:
    """State; tests reach it by Python, everything else comes by HTTP."""

    def __init__(self, zoom: Zoom) -> None:
        self._zoom, self.clock = zoom, zoom.clock
        zoom.store.create(SCHEMA)
        self.users = PhoneUsers(zoom.store)
        self.calls = Calls(zoom.store)
        self.redirects = False
        """Whether a download leads to another address first, which lets in whoever has it."""
        self._key = secrets.token_bytes(16)

    def blueprint(self) -> Blueprint:
        return PhoneApi(self._zoom, self).blueprint()

    @property
    def files(self) -> str:
        """Where recordings are fetched; a file's name comes behind it."""
        return f"{self._zoom.base_url}/zoom/v2/phone/voice_mails/download/"

    def sign(self, file: str) -> str:
        return hmac.new(self._key, file.encode(), "sha256").hexdigest()

    def add_user(
        self, email: str, *, extension: int = 0, numbers: tuple[str, ...] = (), status: str = "activate"
    ) -> PhoneUser:
        """A phone for somebody, who becomes a user of Zoom where they are none. Without an extension: the next one."""
        user = self._zoom.meetings.find_user(email) or self._zoom.add_user(email)
        known = self.users.find(email)
        extension = extension or (known.extension if known else self.users.next_extension(user.account))
        return self.users.add(email, extension=extension, numbers=numbers, status=status)

    def receive(
        self,
        to: str,
        caller: str,
        *,
        name: str = "",
        result: str = "answered",
        seconds: int = 60,
        transcript: str | None = None,
        at: datetime | None = None,
        raw: Doc | None = None,
        raw_voicemail: Doc | None = None,
    ) -> dict[str, Any]:
        """A call that comes in: its id, its elements' ids, its voicemail's.

        to: e-mail address. caller: E.164, an extension, a colleague's address, or "anonymous". result: answered,
        missed, voicemail, declined, elsewhere, or Zoom's own word. seconds: how long they talk, or the message is.
        transcript: of the message; None is one that never comes. at: when it began; without it, it has just ended.
        raw: fields of its row as they are given here, however odd; raw_voicemail: of its message.
        """
        user = self._reach(to)
        party = self.users.find_party(caller, account=user.account, name=name)
        callee = self.users.find_party(user.email, account=user.account)
        starts = at or self._find_begin(seconds, is_long=result in (*TALKED, "elsewhere", "declined"))
        with self._zoom.store.transaction():
            legs = self.calls.build(
                party, callee, result=result, seconds=seconds, starts=starts, raw=raw or {}
            )  # fmt: skip
            call = legs[-1][1]
            voicemail = None
            if result == "voicemail":
                voicemail = self._leave(user, party, call, seconds, transcript, raw_voicemail or {})
                call["voicemail_id"] = voicemail.id
            self.calls.keep(legs)
        return _describe(legs, voicemail)

    def _leave(
        self, user: PhoneUser, party: Party, call: Doc, seconds: int, transcript: str | None, raw: Doc
    ) -> Voicemail:
        voicemail = self.calls.leave(user, party, call, seconds=seconds, raw=raw)
        if transcript is not None:
            voicemail = self.calls.change_voicemail(voicemail.id, transcript=transcript)
        return voicemail

    def place(
        self, by: str, to: str, *, name: str = "", result: str = "answered", seconds: int = 60,
        at: datetime | None = None, raw: Doc | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A call that goes out. to: as `caller` above. result: answered, no_answer, busy, failed, or Zoom's own."""
        user = self._reach(by)
        caller = self.users.find_party(user.email, account=user.account)
        callee = self.users.find_party(to, account=user.account, name=name)
        if callee.user and result == "no_answer":
            result = "missed"
        starts = at or self._find_begin(seconds, is_long=result in TALKED)
        legs = self.calls.build(caller, callee, result=result, seconds=seconds, starts=starts, raw=raw or {})
        self.calls.keep(legs)
        return _describe(legs, None)

    def delete_voicemail(self, voicemail: str) -> None:
        self.calls.delete_voicemail(voicemail)

    def _reach(self, who: str) -> PhoneUser:
        user = self.users.find(who)
        assert user is not None, f"{who} has no phone at the pretend Zoom"
        return user

    def _find_begin(self, seconds: int, *, is_long: bool) -> datetime:
        length = ANSWERED_WITHIN + seconds if is_long else RUNG_OUT
        return self.clock.now() - timedelta(seconds=length)


def _describe(legs: list[tuple[PhoneUser, Doc]], voicemail: Voicemail | None) -> dict[str, Any]:
    return {
        "call_id": legs[0][1]["call_id"], "call_history_uuid": legs[0][1]["call_history_uuid"],
        "call_element_ids": {user.email: doc["call_element_id"] for user, doc in legs},
        "voicemail_id": voicemail.id if voicemail else None,
    }  # fmt: skip
