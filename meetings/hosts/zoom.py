"""Zoom as a meeting host, by a server-to-server OAuth app of the organization's own Zoom account.

Zoom has no creation under a key of ours. So each creation first looks among the user's meetings for one whose
description begins with the reference made of the key (`zoom_payloads`): one more request, and no meeting twice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import quote

import requests

from integrations.errors import AdminNeeded, Gone, ProviderError, Rejected
from integrations.providers.http import Answer, Json
from integrations.zoom.client import ZoomClient
from integrations.zoom.responses import say_scopes
from meetings.hosting import HostDraft, HostedMeeting, HostInfo, HostSetup, Kind, OpenHost
from meetings.hosts.zoom_payloads import dump_draft, make_reference, parse_meeting, read_reference
from meetings.hosts.zoom_responses import NO_SUCH_USER, is_about_recurrence, judge_answer

KINDS: tuple[Kind, ...] = ("meeting", "webinar")
NEEDED = {
    "meeting": ("meeting:write:meeting", "meeting:update:meeting", "meeting:delete:meeting", "meeting:read:meeting",
                "meeting:read:list_meetings"),
    "webinar": ("webinar:write:webinar", "webinar:update:webinar", "webinar:delete:webinar", "webinar:read:webinar",
                "webinar:read:list_webinars"),
    "user": ("user:read:list_assistants",),
}  # fmt: skip
"""Scopes, without the ":admin" at their end. Older apps have two for each of these: meeting:read:admin and :write."""


class Zoom:
    info: ClassVar[HostInfo] = HostInfo(
        key="zoom",
        name="Zoom",
        kinds=frozenset(KINDS),
        has_passcode=True,
        has_waiting_room=True,
        lists_upcoming=True,
        lists_assistants=True,
    )

    def __init__(
        self, setup: HostSetup, settings: Mapping[str, str], *, session_factory: Callable[[], requests.Session]
    ) -> None:
        self._setup = setup
        self._settings = settings
        self._make_session = session_factory

    @contextmanager
    def open(self) -> Iterator[OpenHost]:
        with self._make_session() as session:
            yield OpenZoom(session, self._setup, self._settings)


class OpenZoom:
    def __init__(self, session: requests.Session, setup: HostSetup, settings: Mapping[str, str]) -> None:
        self._client = ZoomClient(
            session, setup, token_url=settings["token_url"], api_root=settings["api_root"], judge=judge_answer
        )

    def create(self, draft: HostDraft, *, user: str, key: str) -> HostedMeeting:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/post/users/{userId}/meetings"""
        reference = make_reference(key)
        try:
            found = self._find(user, draft.kind, reference)
            return found or self._create(draft, user=user, reference=reference)
        except Gone as error:
            raise Rejected(NO_SUCH_USER, detail=error.detail) from error

    def _create(self, draft: HostDraft, *, user: str, reference: str) -> HostedMeeting:
        path = f"users/{quote(user, safe='')}/{draft.kind}s"

        def post(*, has_fixed_times: bool) -> HostedMeeting:
            body = dump_draft(draft, reference=reference, has_fixed_times=has_fixed_times)
            return parse_meeting(self._ask("POST", path, kind=draft.kind, body=body), draft.kind)

        return _with_or_without_times(post)

    def _find(self, user: str, kind: Kind, reference: str) -> HostedMeeting | None:
        """The meeting that was made under this reference, over or not."""
        for listed in self._list(user, kind, "scheduled"):
            if read_reference(listed) == reference:
                try:
                    return self._show(parse_meeting(listed, kind).id, kind)
                except Gone:
                    continue
        return None

    def update(self, id: str, draft: HostDraft) -> HostedMeeting:
        """A passcode is kept where the draft has none. The join link changes with the passcode.

        Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/patch/meetings/{meetingId}
        """
        path = f"{draft.kind}s/{quote(id, safe='')}"
        # What stands first in the description stays: a creation that is repeated still has to find it.
        reference = read_reference(self._ask("GET", path, kind=draft.kind))

        def patch(*, has_fixed_times: bool) -> HostedMeeting:
            body = dump_draft(draft, reference=reference, has_fixed_times=has_fixed_times)
            self._ask("PATCH", path, kind=draft.kind, body=body)
            return self._show(id, draft.kind)

        return _with_or_without_times(patch)

    def delete(self, id: str, kind: Kind) -> None:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/delete/meetings/{meetingId}"""
        try:
            self._ask("DELETE", f"{kind}s/{quote(id, safe='')}", kind=kind)
        except Gone:
            return

    def upcoming(self, user: str) -> Iterator[HostedMeeting]:
        """Meetings, then webinars, which most people have no license for."""
        for listed in self._list(user, "meeting", "upcoming"):
            yield parse_meeting(listed, "meeting")
        try:
            for listed in self._list(user, "webinar", "upcoming"):
                yield parse_meeting(listed, "webinar")
        except (Rejected, AdminNeeded):
            # No license, or an app without the scopes for webinars: then there are none to show.
            return

    def assistants(self, user: str) -> tuple[str, ...]:
        """Reference: https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}/assistants"""
        answer = self._ask("GET", f"users/{quote(user, safe='')}/assistants")
        listed = answer.get("assistants")
        found = [one.get("email") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return tuple(one for one in found if isinstance(one, str) and one)

    def check(self) -> str:
        """Asks for a new token, which proves the credentials and tells the scopes."""
        token = self._client.fetch_token()
        if not token.scopes:
            return "Zoom accepts the credentials."
        missing = {area: _list_missing(area, token.scopes) for area in NEEDED}
        if missing["meeting"]:
            raise AdminNeeded(say_scopes(missing["meeting"]), detail="scopes")
        if left := [*missing["webinar"], *missing["user"]]:
            return f"Zoom accepts the credentials. What the app may not do for lack of scopes: {', '.join(left)}."
        return "Zoom accepts the credentials, and the app may do all that Portico needs."

    def _show(self, id: str, kind: Kind) -> HostedMeeting:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}"""
        return parse_meeting(self._ask("GET", f"{kind}s/{quote(id, safe='')}", kind=kind), kind)

    def _list(self, user: str, kind: Kind, which: str) -> Iterator[Json]:
        """Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings"""
        path = f"users/{quote(user, safe='')}/{kind}s"
        return self._client.list(path, f"{kind}s", {"type": which}, judge=_judge_for(kind))

    def _ask(self, method: str, path: str, *, kind: Kind = "meeting", body: Json | None = None) -> Json:
        """Raises ProviderError."""
        return self._client.ask(method, path, body=body, judge=_judge_for(kind))


def _judge_for(kind: Kind) -> Callable[[Answer], ProviderError]:
    return lambda answer: judge_answer(answer, is_about_webinar=kind == "webinar")


def _with_or_without_times(write: Callable[..., HostedMeeting]) -> HostedMeeting:
    """Where Zoom does not take how a series repeats, it becomes one that may be held at any time."""
    try:
        return write(has_fixed_times=True)
    except Rejected as error:
        if not is_about_recurrence(error):
            raise
    return write(has_fixed_times=False)


def _list_missing(area: str, scopes: frozenset[str]) -> list[str]:
    """Scopes of this area that the app lacks. One that covers all of an area, of an older app, is as good."""
    if {f"{area}:master"} & scopes or {f"{area}:read:admin", f"{area}:write:admin"} <= scopes:
        return []
    needed: tuple[Any, ...] = NEEDED[area]
    if area == "user" and "user:read:admin" in scopes:
        return []
    return [f"{one}:admin" for one in needed if one not in scopes and f"{one}:admin" not in scopes]
