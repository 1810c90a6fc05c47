"""What is asked of Zoom Phone: users, call history, voicemail.

Lists of the whole account count as heavy requests: five a second (Pro), ten (Business), of 15,000 or 30,000 a day.

Reference: https://developers.zoom.us/docs/api/phone/
Reference: https://developers.zoom.us/docs/api/rate-limits/
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

import requests

from integrations.errors import AdminNeeded, Gone, Unexpected
from integrations.providers.http import Json
from integrations.zoom.client import ZoomClient
from integrations.zoom.responses import WORDS, say_scopes
from phone.systems import Audio, CallRecord, OpenSystem, PhoneUser, SystemSetup, VoicemailRecord
from phone.zoom import audio as sound
from phone.zoom.payloads import (
    find_history_id,
    is_for_nobody,
    parse_calls,
    parse_path,
    parse_transcript,
    parse_user,
    parse_voicemail,
)
from phone.zoom.responses import judge_answer, judge_voicemail

PAUSE = 0.25
"""Seconds from one request to the next: other apps of the account need some of what Zoom takes a second, too."""
LONGEST_WINDOW = timedelta(days=27)
KEPT_FOR = timedelta(days=180)
"""Lists go back six months, and over one at a time."""
USERS_PAGE = 100
MOST_PAGES = 400
"""Of one list: a day of an organization of ten thousands, or all of its people."""
MOST_PATHS = 300
"""Calls to queues that are looked into in one reading."""

READING = {
    "phone:read:list_users": ("phone:read",),
    "phone:read:list_call_logs": ("phone:read", "phone_call_log:read"),
    "phone:read:call_log": ("phone:read", "phone_call_log:read"),
    "phone:read:list_voicemails": ("phone:read", "phone_voicemail:read"),
    "phone:read:voicemail": ("phone:read", "phone_voicemail:read"),
}
WRITING = {"phone:update:voicemail": ("phone:write", "phone_voicemail:write")}
"""Scopes, without the ":admin" at their end, and those of older apps that are as good."""
SCOPES = [f"{scope}:admin" for scope in READING | WRITING]


class ZoomPhone:
    name: ClassVar[str] = "Zoom Phone"

    def __init__(
        self, setup: SystemSetup, settings: Mapping[str, str], *, session_factory: Callable[[], requests.Session]
    ) -> None:
        self._setup = setup
        self._settings = settings
        self._make_session = session_factory

    @contextmanager
    def open(self) -> Iterator[OpenSystem]:
        with self._make_session() as session:
            yield OpenZoomPhone(session, self._setup, self._settings)


class OpenZoomPhone:
    def __init__(self, session: requests.Session, setup: SystemSetup, settings: Mapping[str, str]) -> None:
        self._session = session
        self._doors = sound.Doors(settings)
        self._asked_at = float("-inf")
        self._client = ZoomClient(
            session,
            setup,
            token_url=settings["token_url"],
            api_root=settings["api_root"],
            judge=judge_answer,
            pace=self._wait,
        )

    def _wait(self) -> None:
        time.sleep(max(self._asked_at + PAUSE - time.monotonic(), 0))
        self._asked_at = time.monotonic()

    def users(self) -> Iterator[PhoneUser]:
        """Reference: https://developers.zoom.us/docs/api/phone/#tag/users/get/phone/users"""
        listed = self._client.list("phone/users", "users", {}, page_size=USERS_PAGE, most_pages=MOST_PAGES)
        return (user for row in listed if (user := parse_user(row)))

    def calls(self, since: datetime, until: datetime) -> Iterator[CallRecord]:
        """Reference: https://developers.zoom.us/docs/api/phone/#tag/call-logs/get/phone/call_history"""
        paths = 0
        for query in _make_windows(since, until):
            names = ("call_history", "call_logs")
            for row in self._client.list("phone/call_history", names, query, most_pages=MOST_PAGES):
                if paths < MOST_PATHS and is_for_nobody(row):
                    paths += 1
                    found = self._fetch_path(row)
                else:
                    found = parse_calls(row)
                yield from (one for one in found if since <= one.started_at < until)

    def _fetch_path(self, row: Json) -> list[CallRecord]:
        """Whom a call to a queue came to. For some moments after it, Zoom does not know it under its id.

        Reference: https://developers.zoom.us/docs/api/phone/#tag/call-logs/get/phone/call_history/{callHistoryUuid}
        """
        if not (history_id := find_history_id(row)):
            return []
        try:
            return parse_path(self._client.ask("GET", f"phone/call_history/{quote(history_id, safe='')}"))
        except Gone:
            return []

    def voicemails(self, since: datetime, until: datetime) -> Iterator[VoicemailRecord]:
        """Reference: https://developers.zoom.us/docs/api/phone/#tag/voicemails/get/phone/voice_mails"""
        for query in _make_windows(since, until):
            asked_at = datetime.now(UTC)
            for row in self._client.list("phone/voice_mails", "voice_mails", query, most_pages=MOST_PAGES):
                record = parse_voicemail(row, asked_at)
                if record and record.left_at and since <= record.left_at < until:
                    yield record

    def fetch_audio(self, audio: str, *, range_header: str = "") -> AbstractContextManager[Audio]:
        return sound.fetch(self._session, self._client, self._doors, audio, range_header=range_header)

    def fetch_transcript(self, voicemail_id: str) -> str | None:
        """Reference: https://developers.zoom.us/docs/api/phone/#tag/voicemails/get/phone/voice_mails/{voicemailId}"""
        return parse_transcript(self._client.ask("GET", _path_of(voicemail_id), judge=judge_voicemail))

    def mark_read(self, voicemail_id: str, *, is_read: bool) -> None:
        """Reference: https://developers.zoom.us/docs/api/phone/#tag/voicemails/patch/phone/voice_mails/{voicemailId}"""
        status = "Read" if is_read else "Unread"
        self._client.ask("PATCH", f"{_path_of(voicemail_id)}?read_status={status}", judge=judge_voicemail)

    def check(self) -> str:
        """Asks for a new token, which proves the credentials and tells the scopes, and for one user."""
        scopes = self._client.fetch_token().scopes
        if scopes and (missing := _list_missing(READING, scopes)):
            raise AdminNeeded(say_scopes([*missing, *_list_missing(WRITING, scopes)]), detail="scopes")
        answer = self._client.ask("GET", "phone/users?page_size=1")
        if not isinstance(answer.get("users"), list):
            raise Unexpected(WORDS.not_understood, detail="200, no list of users")
        if scopes and (left := _list_missing(WRITING, scopes)):
            return (
                "Zoom Phone answers. Voicemail that people play here stays unread at Zoom, for lack of this scope: "
                f"{', '.join(left)}."
            )
        return "Zoom Phone answers, and the app may do all that Portico needs."


def _path_of(voicemail_id: str) -> str:
    return f"phone/voice_mails/{quote(voicemail_id, safe='')}"


def _make_windows(since: datetime, until: datetime) -> Iterator[dict[str, str]]:
    """What a list is asked with, a month at most at a time, the oldest first."""
    begin = max(since, datetime.now(UTC) - KEPT_FOR)
    while begin < until:
        end = min(begin + LONGEST_WINDOW, until)
        yield {"from": _dump_moment(begin), "to": _dump_moment(end + timedelta(seconds=1))}
        begin = end


def _dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _list_missing(needed: Mapping[str, tuple[str, ...]], scopes: frozenset[str]) -> list[str]:
    return [
        f"{one}:admin" for one, older in needed.items() if not any(f"{name}:admin" in scopes for name in (one, *older))
    ]
