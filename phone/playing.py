"""The sound of a voicemail, passed on from the phone system to whoever it was left for.

The link is good for a while, and for one person and one message; the page makes a new one each time it is shown.
Nothing is kept here, and never more than a piece of it in memory.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from django.core import signing
from django.urls import reverse
from django.utils import timezone

from integrations.errors import Gone, ProviderError, Refused, Unexpected
from organizations.models import User
from phone import system_settings
from phone.models import Voicemail
from phone.systems import Audio

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(minutes=10)
SALT = "phone.playing"
UNKNOWN_KINDS = ("", "application/octet-stream", "binary/octet-stream")
"""What a store of files says of a sound that it knows nothing of; Zoom's are MPEG audio."""
USUAL_KIND = "audio/mpeg"
_is_audio = re.compile(r"audio/[a-z0-9][a-z0-9.+-]{0,60}", re.ASCII).fullmatch

RUN_OUT = "This link has run out. Load the page again, and play the voicemail from there."
GONE = "This voicemail can no longer be played: the phone system does not have its recording any more."
NOT_HERE = (
    "This voicemail cannot be played here: it was left in another phone system than the one your organization has now."
)
NO_AUDIO = "The phone system has not said where this recording is. It may come within some minutes."
NOT_NOW = "This voicemail cannot be played just now. Try again in a minute."


class CannotPlay(Exception):
    """`is_final`: it will never be played again. The sentence is for the person."""

    def __init__(self, sentence: str, *, is_final: bool) -> None:
        self.sentence = sentence
        self.is_final = is_final
        super().__init__(sentence)


def make_link(voicemail: Voicemail, user: User) -> str:
    """Where this person can play it for the next `GOOD_FOR`."""
    token = signing.dumps([voicemail.pk, user.pk], salt=SALT)
    return f"{reverse('phone:voicemail_audio', args=[voicemail.pk])}?t={token}"


def is_good(token: str, voicemail_id: int, user: User) -> bool:
    try:
        return bool(signing.loads(token, salt=SALT, max_age=GOOD_FOR) == [voicemail_id, user.pk])
    except signing.BadSignature:
        return False


@dataclass(slots=True)
class Playing:
    """A sound on its way: `audio`, and its pieces, to be closed once they were taken or are wanted no more."""

    audio: Audio
    kind: str
    _stack: ExitStack

    def __iter__(self) -> Iterator[bytes]:
        """Where the phone system breaks off, it ends: the browser has been told its length and sees that."""
        try:
            yield from self.audio.pieces
        except ProviderError as error:
            log.info("A voicemail broke off: %s", error.code, extra={"detail": error.detail})
        finally:
            self.close()

    def close(self) -> None:
        self._stack.close()


def open_audio(voicemail: Voicemail, *, range_header: str = "") -> Playing:
    """Raises CannotPlay."""
    if voicemail.audio_gone_at:
        raise CannotPlay(GONE, is_final=True)
    if not voicemail.audio:
        raise CannotPlay(NO_AUDIO, is_final=False)
    with ExitStack() as stack:
        try:
            system = system_settings.find_system(voicemail.owner.organization)
            if system is None:
                raise CannotPlay(NOT_HERE, is_final=True)
            connected = stack.enter_context(system.open())
            audio = stack.enter_context(connected.fetch_audio(voicemail.audio, range_header=range_header))
            return Playing(audio, _find_kind(audio), stack.pop_all())
        except Gone as error:
            _note_gone(voicemail)
            raise CannotPlay(GONE, is_final=True) from error
        except Refused as error:
            log.warning("A voicemail is not where the phone system is", extra={"detail": error.detail})
            raise CannotPlay(NOT_HERE, is_final=True) from error
        except ProviderError as error:
            log.info("A voicemail cannot be played: %s", error.code, extra={"detail": error.detail})
            raise CannotPlay(NOT_NOW, is_final=False) from error
    raise AssertionError("unreachable")


def _find_kind(audio: Audio) -> str:
    """Never anything that a browser would show instead of playing. Raises Unexpected."""
    kind = audio.content_type.lower()
    if kind in UNKNOWN_KINDS:
        return USUAL_KIND
    if not _is_audio(kind):
        raise Unexpected(detail="a voicemail that is no audio")
    return kind


def _note_gone(voicemail: Voicemail) -> None:
    Voicemail.objects.filter(pk=voicemail.pk, audio_gone_at__isnull=True).update(audio_gone_at=timezone.now())
