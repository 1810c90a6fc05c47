"""Playing a voicemail: who may, for how long, and what a browser is told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from integrations.errors import AdminNeeded, Unreachable
from organizations.models import Organization, User
from phone import playing
from phone.models import PhoneSystem, SystemKind, Voicemail
from tests.phone import memory_system
from tests.phone.memory_system import MemoryService

SOUND = bytes(range(256)) * 8
AUDIO = f"{memory_system.PLACE}v1"


@pytest.fixture
def service(settings, northwind: Organization) -> Iterator[MemoryService]:
    settings.PHONE_SYSTEMS = {"zoom": memory_system.PATH}
    memory_system.SERVICE.reset()
    memory_system.SERVICE.sounds[AUDIO] = SOUND
    PhoneSystem.objects.create(organization=northwind, kind=SystemKind.ZOOM, credentials={})
    yield memory_system.SERVICE
    memory_system.SERVICE.reset()


@pytest.fixture
def voicemail(alice: User, service: MemoryService) -> Voicemail:
    return Voicemail.objects.create(owner=alice, voicemail_id="v1", left_at=timezone.now(), seconds=4, audio=AUDIO)


def test_the_person_it_was_left_for_hears_it(alice_client: Client, alice: User, voicemail: Voicemail) -> None:
    answer = alice_client.get(playing.make_link(voicemail, alice))

    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == SOUND
    assert answer["Content-Type"] == "audio/mpeg"
    assert answer["Content-Length"] == str(len(SOUND))
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Cache-Control"] == "private, no-store"
    assert AUDIO not in str(answer.headers)


def test_a_part_of_it_is_a_part(alice_client: Client, alice: User, voicemail: Voicemail) -> None:
    answer = alice_client.get(playing.make_link(voicemail, alice), headers={"Range": "bytes=10-19"})

    assert answer.status_code == 206
    assert b"".join(answer.streaming_content) == SOUND[10:20]
    assert answer["Content-Range"] == f"bytes 10-19/{len(SOUND)}"
    assert answer["Content-Length"] == "10"


def test_it_can_be_asked_for_without_its_sound(alice_client: Client, alice: User, voicemail: Voicemail) -> None:
    answer = alice_client.head(playing.make_link(voicemail, alice))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Length"] == str(len(SOUND))
    assert alice_client.post(playing.make_link(voicemail, alice)).status_code == 405


def test_nobody_else_hears_it(
    alice: User, bob: User, bob_client: Client, charlie_client: Client, dora_client: Client, voicemail: Voicemail
) -> None:
    for client in (bob_client, charlie_client, dora_client):
        assert client.get(playing.make_link(voicemail, alice)).status_code == 404
        assert client.get(playing.make_link(voicemail, bob)).status_code == 404
    assert Client().get(playing.make_link(voicemail, alice)).status_code == 302


def test_a_link_is_of_one_person_and_one_message_and_runs_out(
    alice_client: Client, alice: User, bob: User, voicemail: Voicemail, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Voicemail.objects.create(owner=alice, voicemail_id="v2", left_at=timezone.now(), audio=AUDIO)
    link = playing.make_link(voicemail, alice)
    address = link.partition("?")[0]
    for wrong in (
        address,
        f"{address}?t=forged",
        playing.make_link(voicemail, bob),
        playing.make_link(other, alice).replace(f"/{other.pk}/", f"/{voicemail.pk}/"),
        f"{address}?t={signing.dumps([voicemail.pk, alice.pk])}",
    ):
        answer = alice_client.get(wrong)
        assert answer.status_code == 403
        assert "Load the page again" in answer.content.decode()
    assert alice_client.get(link).status_code == 200

    monkeypatch.setattr(playing, "GOOD_FOR", timedelta(seconds=-1))
    assert alice_client.get(link).status_code == 403


def test_what_was_deleted_here_is_not_played(alice_client: Client, alice: User, voicemail: Voicemail) -> None:
    Voicemail.objects.update(hidden_at=timezone.now())

    assert alice_client.get(playing.make_link(voicemail, alice)).status_code == 404


def test_a_recording_that_is_gone_is_noted_and_not_asked_for_again(
    alice_client: Client, alice: User, voicemail: Voicemail, service: MemoryService
) -> None:
    service.sounds.clear()
    link = playing.make_link(voicemail, alice)
    answer = alice_client.get(link)
    assert answer.status_code == 404
    assert answer.content.decode() == playing.GONE
    voicemail.refresh_from_db()
    assert voicemail.audio_gone_at is not None

    service.requests.clear()
    assert alice_client.get(link).content.decode() == playing.GONE
    assert service.requests == []


@pytest.mark.parametrize("error", [Unreachable("Broken."), AdminNeeded("Credentials.")])
def test_trouble_passes_and_says_so(
    alice_client: Client, alice: User, voicemail: Voicemail, service: MemoryService, error: Exception
) -> None:
    service.fail("audio", error)  # type: ignore[arg-type]
    answer = alice_client.get(playing.make_link(voicemail, alice))

    assert answer.status_code == 503
    assert answer.content.decode() == playing.NOT_NOW
    assert answer["Retry-After"]
    assert alice_client.get(playing.make_link(voicemail, alice)).status_code == 200


@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [
        ("audio/x-wav", 200, "audio/x-wav"),
        ("application/octet-stream", 200, "audio/mpeg"),
        ("", 200, "audio/mpeg"),
        ("text/html", 503, "text/plain; charset=utf-8"),
        ("audio/mpeg\r\nX-Evil: 1", 503, "text/plain; charset=utf-8"),
    ],
)
def test_nothing_but_sound_is_passed_on(
    alice_client: Client, alice: User, voicemail: Voicemail, service: MemoryService, told: str, status: int, kind: str
) -> None:
    service.content_type = told
    answer = alice_client.get(playing.make_link(voicemail, alice))

    assert (answer.status_code, answer["Content-Type"]) == (status, kind)
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_was_left_in_another_phone_system_is_said_to_be(
    alice_client: Client, alice: User, voicemail: Voicemail
) -> None:
    Voicemail.objects.update(audio="https://elsewhere.example/v1")
    assert alice_client.get(playing.make_link(voicemail, alice)).content.decode() == playing.NOT_HERE

    Voicemail.objects.update(audio=AUDIO)
    PhoneSystem.objects.update(kind=SystemKind.NONE)
    answer = alice_client.get(playing.make_link(voicemail, alice))
    assert (answer.status_code, answer.content.decode()) == (404, playing.NOT_HERE)
    voicemail.refresh_from_db()
    assert voicemail.audio_gone_at is None


def test_a_message_without_a_recording_may_get_one(alice_client: Client, alice: User, voicemail: Voicemail) -> None:
    Voicemail.objects.update(audio="")
    answer = alice_client.get(playing.make_link(voicemail, alice))

    assert (answer.status_code, answer.content.decode()) == (503, playing.NO_AUDIO)


def test_a_sound_that_breaks_off_ends_and_lets_go_of_the_connection(
    alice_client: Client, alice: User, voicemail: Voicemail, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def break_off() -> Iterator[bytes]:
        try:
            yield SOUND[:100]
            raise Unreachable("Broken.")
        finally:
            closed.append(True)

    found = playing.open_audio(voicemail)
    found.audio = type(found.audio)(200, "audio/mpeg", len(SOUND), "", break_off())
    monkeypatch.setattr(playing, "open_audio", lambda *_, **__: found)
    answer = alice_client.get(playing.make_link(voicemail, alice))

    assert b"".join(answer.streaming_content) == SOUND[:100]
    assert closed == [True]
