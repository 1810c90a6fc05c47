"""Voicemail: what was said, where it plays, and whether it was heard."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.test import Client

from integrations.errors import Gone, PermissionMissing, RateLimited, Unreachable
from organizations.models import Organization
from phone import playing, reading
from phone.models import Call, PhoneSystem, Result, SystemKind, Voicemail
from phone.systems import Owner, VoicemailRecord
from phone.tasks import tell_read
from tests.phone.conftest import FRAGMENT, MISSED, NOW, VOICEMAILS, text_of
from tests.phone.memory_system import PATH as MEMORY
from tests.phone.memory_system import PLACE, SECRET, SERVICE, MemoryService

pytestmark = pytest.mark.usefixtures("morning")


def test_voicemail_shows_its_words_and_counts_what_is_new(
    make_voicemail: Callable[..., Voicemail], alice_client: Client
) -> None:
    make_voicemail(transcript="Hello Alice\n\n<b>call me</b>")
    make_voicemail(is_read=True, left_at=NOW - timedelta(hours=3))
    page = alice_client.get(VOICEMAILS)
    assert page.context["unread"] == 1
    body = page.content.decode()
    assert 'dir="auto"><p>Hello Alice</p>' in body and "&lt;b&gt;call me&lt;/b&gt;" in body
    assert "There is no transcript." in text_of(page) and text_of(page).count("Mark as heard") == 1
    make_voicemail(left_at=NOW)
    assert "No transcript yet." in text_of(alice_client.get(VOICEMAILS))


def test_a_call_shows_the_voicemail_that_was_left_in_it(
    make_call: Callable[..., Call], make_voicemail: Callable[..., Voicemail], alice_client: Client
) -> None:
    make_call(call_id="7", result=Result.VOICEMAIL)
    make_call(call_id="8", result=Result.VOICEMAIL)
    make_voicemail(call_id="7", transcript="Call me")
    rows = alice_client.get(MISSED).context["listing"].rows
    assert [row.voicemail.transcript if row.voicemail else None for row in rows] == ["Call me", None]


def test_a_message_whose_sound_is_gone_says_so(make_voicemail: Callable[..., Voicemail], alice_client: Client) -> None:
    make_voicemail(audio="https://phone.example/1", audio_gone_at=NOW, transcript="Call me")
    page = alice_client.get(VOICEMAILS)
    assert "The recording is gone" in text_of(page) and "<audio" not in page.content.decode()
    assert "Call me" in text_of(page)


@pytest.fixture
def memory(northwind: Organization, settings: Any) -> Iterator[MemoryService]:
    """Northwind's phone system, which can be asked."""
    settings.PHONE_SYSTEMS = {"zoom": MEMORY}
    SERVICE.reset()
    system = PhoneSystem(organization=northwind, kind=SystemKind.ZOOM)
    system.credentials = {"client_secret": SECRET}
    system.save()
    yield SERVICE
    SERVICE.reset()


@pytest.fixture
def message(memory: MemoryService, make_voicemail: Callable[..., Voicemail]) -> Voicemail:
    """Left for Alice, and to be heard at the phone system."""
    audio = f"{PLACE}1"
    memory.sounds[audio] = b"ring " * 10
    memory.voicemails.append(VoicemailRecord(Owner(), "v1", left_at=NOW, is_read=False))
    return make_voicemail(voicemail_id="v1", audio=audio)


def test_a_message_plays_from_the_page(message: Voicemail, alice_client: Client, bob_client: Client) -> None:
    body = alice_client.get(VOICEMAILS).content.decode()
    (link,) = set(re.findall(r'<audio[^>]* preload="none" src="([^"]+)"', body))
    assert f'href="{link}" download' in body
    assert b"".join(alice_client.get(link).streaming_content) == b"ring " * 10
    assert bob_client.get(link).status_code == 404


@pytest.mark.usefixtures("system")
def test_a_system_that_only_tells_plays_nothing_here(
    make_voicemail: Callable[..., Voicemail], alice_client: Client
) -> None:
    make_voicemail(audio="https://phone.example/1")
    page = alice_client.get(VOICEMAILS)
    assert "keeps the recording to itself: listen to it there" in text_of(page)
    assert "<audio" not in page.content.decode() and "Download" not in text_of(page)


@pytest.mark.usefixtures("eager_tasks")
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_what_is_heard_here_is_heard_at_the_phone_system(
    memory: MemoryService,
    message: Voicemail,
    alice_client: Client,
    headers: dict[str, str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    url = f"{VOICEMAILS}{message.pk}/reading/"
    for is_read in ("1", "1", "0"):
        with django_capture_on_commit_callbacks(execute=True):
            answer = alice_client.post(url, {"is_read": is_read}, headers=headers)
        assert answer.status_code == (204 if headers else 302)
        message.refresh_from_db()
        assert message.is_read is memory.voicemails[0].is_read is (is_read == "1")
    assert memory.requests == ["mark_read"] * 2


def test_what_the_phone_system_cannot_be_told_still_holds_here(memory: MemoryService, message: Voicemail) -> None:
    for error, is_done in ((Unreachable(), False), (RateLimited(), False), (PermissionMissing(), True), (Gone(), True)):
        memory.fail("mark_read", error)
        assert reading.tell(message.pk) is is_done
    assert reading.tell(message.pk) is True and reading.tell(0) is True
    memory.fail("mark_read", *[Unreachable()] * 9)
    with mock.patch.object(tell_read, "apply_async") as again:
        tell_read(message.pk)
        tell_read(message.pk, reading.MOST_TRIES)
    again.assert_called_once_with([message.pk, 2], countdown=120)


def test_an_open_page_gets_fresh_links_before_the_old_ones_run_out(message: Voicemail, alice_client: Client) -> None:
    known = {**FRAGMENT, "X-Pulse": alice_client.get(VOICEMAILS).context["pulse"]}
    assert alice_client.get(VOICEMAILS, headers=known).status_code == 204
    with time_machine.travel(NOW + playing.GOOD_FOR / 2, tick=False):
        fresh = alice_client.get(VOICEMAILS, headers=known)
    assert fresh.status_code == 200 and "data-announce" not in fresh.content.decode()
