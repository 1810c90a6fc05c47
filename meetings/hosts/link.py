"""A link template as a meeting host: any service where a room is there as soon as somebody opens its address.

`{room}` becomes a name made of the key alone. The topic has no part in it: a link must stay when the topic changes, and
a private topic has no place in an address that stands in logs.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

from integrations.errors import NotOffered, Rejected
from meetings.hosting import HostDraft, HostedMeeting, HostInfo, HostSetup, Kind, OpenHost

ROOM = "{room}"
LONGEST_TEMPLATE = 500
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PLAIN = re.compile(r"[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~%{}]+")


def check_template(template: str) -> None:
    """Raises ValueError, with the sentence for the form."""
    if not template.startswith("https://"):
        raise ValueError("Begin with https://, so that nobody can listen in on who joins.")
    if len(template) > LONGEST_TEMPLATE:
        raise ValueError(f"Give an address of at most {LONGEST_TEMPLATE} characters.")
    if not _PLAIN.fullmatch(template):
        raise ValueError("Leave out spaces and characters that do not belong into an address.")
    before, _, after = template.partition(ROOM)
    if ROOM not in template or ROOM in after:
        raise ValueError("Say once where the name of the room goes: {room}.")
    if "{" in before + after or "}" in before + after:
        raise ValueError("Only {room} may stand in braces.")
    _check_server(template)


def _check_server(template: str) -> None:
    """Raises ValueError."""
    try:
        parts = urlsplit(template)
        port = parts.port
    except ValueError:
        raise ValueError("This is no address that a browser could open.") from None
    if ROOM in parts.netloc:
        raise ValueError("Put {room} behind the name of the server, as in https://meet.example.org/{room}.")
    if "@" in parts.netloc:
        raise ValueError("Leave out user name and password: everybody who is invited would see them.")
    if not _HOST.fullmatch((parts.hostname or "").lower()) or port == 0 or not parts.path:
        raise ValueError("Name the server as people reach it, as in https://meet.example.org/{room}.")


def make_room(key: str) -> str:
    """A name for the room of this key that nobody can guess: three groups of eight letters and digits."""
    digest = hashlib.sha256(f"room of {key.replace('-', '').lower()}".encode()).digest()
    letters = base64.b32encode(digest[:15]).decode().lower()
    return "-".join(letters[begin : begin + 8] for begin in range(0, 24, 8))


class Link:
    info: ClassVar[HostInfo] = HostInfo(key="link", name="")

    def __init__(self, setup: HostSetup, settings: Mapping[str, str], *, session_factory: Callable[[], Any]) -> None:
        self._template = setup.link_template

    @contextmanager
    def open(self) -> Iterator[OpenHost]:
        yield OpenLink(self._template)


class OpenLink:
    """Nothing is sent anywhere: a meeting's id is the name of its room."""

    def __init__(self, template: str) -> None:
        self._template = template

    def create(self, draft: HostDraft, *, user: str, key: str) -> HostedMeeting:
        return self._make(make_room(key), draft)

    def update(self, id: str, draft: HostDraft) -> HostedMeeting:
        return self._make(id, draft)

    def _make(self, room: str, draft: HostDraft) -> HostedMeeting:
        """Raises Rejected, NotOffered."""
        if draft.kind not in Link.info.kinds:
            raise Rejected("Only meetings can be scheduled here, no webinars. Choose a meeting.")
        return HostedMeeting(
            id=room,
            kind=draft.kind,
            topic=draft.topic,
            starts=draft.starts,
            minutes=draft.minutes,
            timezone=draft.timezone,
            join_url=self._fill(room),
            is_series=draft.recurrence is not None,
        )

    def _fill(self, room: str) -> str:
        """Raises NotOffered."""
        try:
            check_template(self._template)
        except ValueError as error:
            raise NotOffered(
                "The link template of your organization is not one that can be used. An administrator has to change "
                "it under Administration, Meeting host."
            ) from error
        return self._template.replace(ROOM, room)

    def delete(self, id: str, kind: Kind) -> None:
        """A room that nobody opens is not there."""

    def upcoming(self, user: str) -> Iterator[HostedMeeting]:
        """The server is never asked what is there."""
        return iter(())

    def assistants(self, user: str) -> tuple[str, ...]:
        return ()

    def check(self) -> str:
        return f"Links will look like this: {self._fill(make_room('an example'))}"
