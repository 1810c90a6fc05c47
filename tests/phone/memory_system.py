"""A phone system without a network: what tests of reconciling, licences and playing run against."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from integrations.errors import AdminNeeded, Gone, ProviderError, Refused
from phone.systems import Audio, CallRecord, OpenSystem, PhoneUser, SystemSetup, VoicemailRecord
from phone.zoom.audio import parse_range

SECRET = "opens-the-memory-phone"
PLACE = "https://phone.memory.example/"
PATH = f"{__name__}.MemoryPhone"


@dataclass
class MemoryService:
    """The state of the pretend system. Tests edit it as people would at the system itself."""

    users: list[PhoneUser] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    voicemails: list[VoicemailRecord] = field(default_factory=list)
    transcripts: dict[str, str] = field(default_factory=dict)
    sounds: dict[str, bytes] = field(default_factory=dict)
    content_type: str = "audio/mpeg"
    requests: list[str] = field(default_factory=list)
    """What was asked, in order: "users", "calls", "voicemails", "audio", "transcript", "mark_read", "check"."""
    stretches: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    failures: dict[str, list[ProviderError]] = field(default_factory=dict)
    """The next requests of a kind fail with these, before anything is done."""

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def fail(self, what: str, *errors: ProviderError) -> None:
        self.failures.setdefault(what, []).extend(errors)


SERVICE = MemoryService()


class MemoryPhone:
    """All of one process are the same system. It stands in settings.PHONE_SYSTEMS where Zoom Phone does."""

    name: ClassVar[str] = "Memory"

    def __init__(self, setup: SystemSetup, settings: Mapping[str, str], *, session_factory: Callable[[], Any]) -> None:
        self._secret = setup.credentials.get("client_secret", SECRET)

    @contextmanager
    def open(self) -> Iterator[OpenSystem]:
        yield OpenMemoryPhone(SERVICE, self._secret)


class OpenMemoryPhone:
    def __init__(self, service: MemoryService, secret: str) -> None:
        self._service, self._secret = service, secret

    def _note(self, what: str) -> None:
        self._service.requests.append(what)
        if self._secret != SECRET:
            raise AdminNeeded("The memory phone does not accept this secret.")
        if waiting := self._service.failures.get(what):
            raise waiting.pop(0)

    def users(self) -> Iterator[PhoneUser]:
        self._note("users")
        yield from self._service.users

    def calls(self, since: datetime, until: datetime) -> Iterator[CallRecord]:
        self._service.stretches.append(("calls", since, until))
        self._note("calls")
        yield from (one for one in self._service.calls if since <= one.started_at < until)

    def voicemails(self, since: datetime, until: datetime) -> Iterator[VoicemailRecord]:
        self._service.stretches.append(("voicemails", since, until))
        self._note("voicemails")
        asked_at = datetime.now(UTC)
        for one in self._service.voicemails:
            if one.left_at and since <= one.left_at < until:
                yield replace(one, reported_at=one.reported_at or asked_at)

    @contextmanager
    def fetch_audio(self, audio: str, *, range_header: str = "") -> Iterator[Audio]:
        self._note("audio")
        if not audio.startswith(PLACE):
            raise Refused("This is not where the memory phone is.")
        sound, kind = self._service.sounds.get(audio), self._service.content_type
        if sound is None:
            raise Gone("The memory phone does not have this any more.")
        if found := parse_range(range_header):
            first, last = int(found[1]), min(int(found[2] or 10**12), len(sound) - 1)
            part = sound[first : last + 1]
            yield Audio(206, kind, len(part), f"bytes {first}-{last}/{len(sound)}", iter([part]))
        else:
            yield Audio(200, kind, len(sound), "", iter([sound[:10], sound[10:]]))

    def fetch_transcript(self, voicemail_id: str) -> str | None:
        self._note("transcript")
        self._find(voicemail_id)
        return self._service.transcripts.get(voicemail_id)

    def mark_read(self, voicemail_id: str, *, is_read: bool) -> None:
        self._note("mark_read")
        found = self._find(voicemail_id)
        self._service.voicemails[found] = replace(self._service.voicemails[found], is_read=is_read)

    def check(self) -> str:
        self._note("check")
        return "The memory phone works."

    def _find(self, voicemail_id: str) -> int:
        for number, one in enumerate(self._service.voicemails):
            if one.voicemail_id == voicemail_id:
                return number
        raise Gone("The memory phone does not have this any more.")
