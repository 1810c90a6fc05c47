"""Stages of phone systems: a system, and behind it a service that a test may edit as people would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import requests

from integrations.errors import ProviderError, RateLimited, Unreachable
from phone.systems import CallRecord, Owner, PhoneUser, System, SystemSetup, VoicemailRecord
from phone.zoom import ZoomPhone
from safety import outbound
from sandbox.server import Sandbox, running
from tests.phone import memory_system
from tests.phone.memory_system import MemoryPhone

PERSON, COLLEAGUE, NOBODY = "alice@northwind.example", "bob@northwind.example", "nobody@northwind.example"
EXTENSION, NUMBER, CALLER = "1201", "+493012345678", "+12125550123"
SAID = "Please call me back about the contract."


class PhoneStage(Protocol):
    system: System

    def with_credentials(self, **credentials: str) -> System: ...

    def receive(self, caller: str, *, result: str, at: datetime, seconds: int = 0, to: str = PERSON) -> str:
        """The id of a call that came in, or went from one colleague to another."""
        ...

    def place(self, to: str, *, result: str, at: datetime, seconds: int = 0) -> str: ...

    def leave(self, caller: str, *, at: datetime, seconds: int = 4, transcript: str | None = None) -> str:
        """The id of a message."""
        ...

    def remove_voicemail(self, voicemail_id: str) -> None: ...

    def fail(self, kind: str) -> None:
        """The next request fails: "slow down", "broken"."""
        ...


class ZoomPhoneStage:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        sandbox.zoom.phone.add_user(PERSON, extension=int(EXTENSION), numbers=(NUMBER,))
        sandbox.zoom.phone.add_user(COLLEAGUE)
        self.system = make_zoom_phone(sandbox)

    def with_credentials(self, **credentials: str) -> System:
        return make_zoom_phone(self.sandbox, **credentials)

    def receive(self, caller: str, *, result: str, at: datetime, seconds: int = 0, to: str = PERSON) -> str:
        told = self.sandbox.zoom.phone.receive(to, caller, result=result, at=at, seconds=seconds)
        return str(told["call_id"])

    def place(self, to: str, *, result: str, at: datetime, seconds: int = 0) -> str:
        return str(self.sandbox.zoom.phone.place(PERSON, to, result=result, at=at, seconds=seconds)["call_id"])

    def leave(self, caller: str, *, at: datetime, seconds: int = 4, transcript: str | None = None) -> str:
        told = self.sandbox.zoom.phone.receive(
            PERSON, caller, result="voicemail", at=at, seconds=seconds, transcript=transcript
        )
        return str(told["voicemail_id"])

    def remove_voicemail(self, voicemail_id: str) -> None:
        self.sandbox.zoom.phone.delete_voicemail(voicemail_id)

    def fail(self, kind: str) -> None:
        fault = {"slow down": "429-day", "broken": "503"}[kind]
        self.sandbox.faults.add(fault, "/zoom/v2/phone/*", amount=90)


class MemoryPhoneStage:
    def __init__(self) -> None:
        self.service = memory_system.SERVICE
        self.service.reset()
        self.service.users = [
            PhoneUser("id-of-alice", PERSON, EXTENSION, (NUMBER,)),
            PhoneUser("id-of-bob", COLLEAGUE, "1202"),
        ]
        self.system = self.with_credentials()

    def with_credentials(self, **credentials: str) -> System:
        return MemoryPhone(SystemSetup("northwind", credentials), {}, session_factory=requests.Session)

    def receive(self, caller: str, *, result: str, at: datetime, seconds: int = 0, to: str = PERSON) -> str:
        call_id = f"call-{len(self.service.calls)}"
        colleague = next((one for one in self.service.users if one.email == caller), None)
        number = colleague.extension if colleague else "" if caller == "anonymous" else caller
        e164 = number if number.startswith("+") else ""
        self._add(to, call_id, "in", result, at, number, e164, seconds)
        if colleague:
            own = next(one for one in self.service.users if one.email == to)
            self._add(caller, call_id, "out", result, at, own.extension, "", seconds)
        return call_id

    def place(self, to: str, *, result: str, at: datetime, seconds: int = 0) -> str:
        call_id = f"call-{len(self.service.calls)}"
        self._add(PERSON, call_id, "out", result, at, to, to, seconds)
        return call_id

    def _add(
        self, email: str, call_id: str, way: str, result: str, at: datetime, number: str, e164: str, seconds: int
    ) -> None:
        talked = seconds if result == "answered" else 0
        self.service.calls.append(
            CallRecord(Owner(email=email), call_id, way, result, at, number, e164, seconds=talked)  # type: ignore[arg-type]
        )

    def leave(self, caller: str, *, at: datetime, seconds: int = 4, transcript: str | None = None) -> str:
        call_id = self.receive(caller, result="voicemail", at=at)
        voicemail_id = f"message-{len(self.service.voicemails)}"
        audio = f"{memory_system.PLACE}{voicemail_id}"
        self.service.sounds[audio] = bytes(range(256)) * 20
        self.service.voicemails.append(
            VoicemailRecord(
                Owner("id-of-alice"), voicemail_id, at, call_id, caller, caller, seconds=seconds, is_read=False,
                audio=audio,
            )
        )  # fmt: skip
        if transcript:
            self.service.transcripts[voicemail_id] = transcript
        return voicemail_id

    def remove_voicemail(self, voicemail_id: str) -> None:
        self.service.voicemails = [one for one in self.service.voicemails if one.voicemail_id != voicemail_id]
        self.service.sounds.pop(f"{memory_system.PLACE}{voicemail_id}", None)

    def fail(self, kind: str) -> None:
        slow_down = RateLimited("Slow down.", retry_after=timedelta(seconds=90))
        error: ProviderError = slow_down if kind == "slow down" else Unreachable("Broken.")
        for what in ("calls", "users"):
            self.service.fail(what, error)


def make_zoom_phone(sandbox: Sandbox, *, timeout: float = 5.0, **credentials: str) -> System:
    """Zoom Phone with its addresses pointed at a sandbox, which the guard is told to allow."""
    settings = {"token_url": sandbox.settings["ZOOM_TOKEN_URL"], "api_root": sandbox.settings["ZOOM_API_ROOT"]}
    policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(sandbox.url).netloc]))
    setup = SystemSetup("northwind", sandbox.zoom.credentials | credentials)
    return ZoomPhone(setup, settings, session_factory=lambda: outbound.session(policy, timeout=timeout))


def moment(minutes_ago: int = 30) -> datetime:
    """Whole seconds: a system tells no others."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes_ago)


@contextmanager
def zoom_phone_stage() -> Iterator[ZoomPhoneStage]:
    with running() as sandbox:
        yield ZoomPhoneStage(sandbox)


@contextmanager
def memory_phone_stage() -> Iterator[MemoryPhoneStage]:
    yield MemoryPhoneStage()
    memory_system.SERVICE.reset()


PHONE_STAGES = {"zoom": zoom_phone_stage, "memory": memory_phone_stage}
