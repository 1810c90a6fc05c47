"""The pretend Zoom Phone: who has a phone, their calls and voicemail, and what is told of them."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.zoom.phone.api import PhoneApi
from sandbox.zoom.phone.calls import ANSWERED_WITHIN, RUNG_OUT, Calls, Voicemail
from sandbox.zoom.phone.events import (
    GENERATIONS,
    Leg,
    tell_call,
    tell_call_deleted,
    tell_transcript,
    tell_voicemail,
    tell_voicemail_deleted,
)
from sandbox.zoom.phone.shapes import TALKED, Doc, show_voicemail
from sandbox.zoom.phone.subscriptions import Subscriptions
from sandbox.zoom.phone.users import PhoneUser, PhoneUsers

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
CREATE TABLE IF NOT EXISTS zp_subscription (
    account TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, generations TEXT NOT NULL,
    is_live INTEGER NOT NULL, state TEXT NOT NULL, problem TEXT NOT NULL, failures INTEGER NOT NULL,
    checked REAL NOT NULL
);
"""


class Phone:
    """State; tests reach it by Python, everything else comes by HTTP."""

    def __init__(self, zoom: Zoom) -> None:
        self._zoom, self.clock = zoom, zoom.clock
        zoom.store.create(SCHEMA)
        self.users = PhoneUsers(zoom.store)
        self.calls = Calls(zoom.store)
        self.subscriptions = Subscriptions(zoom.store, self.clock)
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
        self, to: str, caller: str, *, name: str = "", result: str = "answered", seconds: int = 60,
        transcript: str | None = None, at: datetime | None = None, raw: Doc | None = None,
        raw_voicemail: Doc | None = None, is_told: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """A call that comes in: its id, its elements' ids, its voicemail's, and what is told of it.

        to: e-mail address. caller: E.164, an extension, a colleague's address, or "anonymous". result: answered,
        missed, voicemail, declined, elsewhere (a colleague took it), or Zoom's own word. seconds: how long they talk,
        or the message is. transcript: of the message; None is one that comes later, or never. at: when it began;
        without it, it has just ended. raw: fields of its row as they are given here, however odd; raw_voicemail: of
        its message. is_told: whether anybody is notified.
        """
        user = self._reach(to)
        party = self.users.find_party(caller, account=user.account, name=name)
        callee = self.users.find_party(user.email, account=user.account)
        starts = at or self._find_begin(seconds, is_long=result in (*TALKED, "declined"))
        voicemail = None
        with self._zoom.store.transaction():
            legs = self.calls.build(party, callee, result=result, seconds=seconds, starts=starts, raw=raw or {})
            call = legs[-1][1]
            if result == "voicemail":
                voicemail = self.calls.leave(user, party, call, seconds=seconds, raw=raw_voicemail or {})
                call["voicemail_id"] = voicemail.id
            self.calls.keep(legs)
        events = self._tell_call(legs)
        if voicemail:
            events.append(tell_voicemail(user, self.show_voicemail(voicemail), voicemail.doc))
            if transcript is not None:
                events += self._transcribe(user, voicemail.id, transcript)
        return self._finish(legs, voicemail, events, is_told=is_told)

    def place(
        self, by: str, to: str, *, name: str = "", result: str = "answered", seconds: int = 60,
        at: datetime | None = None, raw: Doc | None = None, is_told: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """A call that goes out. to: as `caller` above. result: answered, no_answer, busy, failed, or
        Zoom's own."""
        user = self._reach(by)
        caller = self.users.find_party(user.email, account=user.account)
        callee = self.users.find_party(to, account=user.account, name=name)
        starts = at or self._find_begin(seconds, is_long=result in TALKED)
        legs = self.calls.build(caller, callee, result=result, seconds=seconds, starts=starts, raw=raw or {})
        self.calls.keep(legs)
        return self._finish(legs, None, self._tell_call(legs), is_told=is_told)

    def _reach(self, who: str) -> PhoneUser:
        user = self.users.find(who)
        assert user is not None, f"{who} has no phone at the pretend Zoom."
        return user

    def _find_begin(self, seconds: int, *, is_long: bool) -> datetime:
        return self.clock.now() - timedelta(seconds=ANSWERED_WITHIN + seconds if is_long else RUNG_OUT)

    def _tell_call(self, legs: list[Leg]) -> list[Doc]:
        found = self.subscriptions.find(legs[0][0].account)
        generations, is_live = (found.generations, found.is_live) if found else (GENERATIONS, True)
        return list(tell_call(legs, generations=generations, is_live=is_live))

    def _finish(
        self, legs: list[Leg], voicemail: Voicemail | None, events: list[Doc], *, is_told: bool
    ) -> dict[str, Any]:
        user, doc = legs[-1]
        if is_told:
            self.subscriptions.tell(user.account, user.email, events, subject=doc["call_id"])
        return {
            "call_id": doc["call_id"], "call_history_uuid": doc["call_history_uuid"],
            "call_element_ids": {user.email: doc["call_element_id"] for user, doc in legs},
            "voicemail_id": voicemail.id if voicemail else None, "events": events,
        }  # fmt: skip

    def transcribe(self, voicemail: str, text: str) -> None:
        """Zoom has understood what was said, and tells."""
        one = self.get_voicemail(voicemail)
        user = self._reach(one.email)
        told = self._transcribe(user, one.id, text)
        self.subscriptions.tell(user.account, user.email, told, subject=one.doc["call_id"])

    def _transcribe(self, user: PhoneUser, voicemail: str, text: str) -> list[Doc]:
        changed = self.calls.change_voicemail(voicemail, transcript=text)
        return [tell_transcript(user, changed.doc, self.clock.now())]

    def get_voicemail(self, voicemail: str) -> Voicemail:
        found = self.calls.voicemails(id=voicemail)
        assert found, f"There is no voicemail {voicemail}."
        return found[0]

    def show_voicemail(self, one: Voicemail) -> Doc:
        return show_voicemail(one.doc, is_read=one.is_read, root=self.files)

    def delete_voicemail(self, voicemail: str) -> None:
        """As its owner would in Zoom itself, who hears of it, too."""
        one = self.get_voicemail(voicemail)
        user = self._reach(one.email)
        self.calls.delete_voicemail(voicemail)
        told = [tell_voicemail_deleted(user, voicemail, self.clock.now())]
        self.subscriptions.tell(user.account, user.email, told, subject=one.doc["call_id"])

    def delete_call(self, element: str) -> None:
        """From its owner's list, in Zoom itself."""
        email, doc = self.calls.delete(element) or ("", {})
        assert doc, f"There is no call element {element}."
        user = self._reach(email)
        found = self.subscriptions.find(user.account)
        told = tell_call_deleted(user, doc, self.clock.now(), generations=found.generations if found else ())
        self.subscriptions.tell(user.account, user.email, told, subject=doc["call_id"])
