"""What a voicemail sounds like: a few notes, made here, another tune for each message."""

from __future__ import annotations

import hashlib
import io
import math
import wave
from functools import lru_cache

RATE = 8000
NOTES = (262, 294, 330, 392, 440, 523)
"""A pentatonic scale in hertz: whatever the order, it is no noise."""
LONGEST = 60


@lru_cache(maxsize=32)
def make_audio(name: str, seconds: int) -> bytes:
    """A WAV file, 8 bits and 8,000 samples a second; two notes a second, each fading."""
    digest = hashlib.sha256(name.encode()).digest()
    samples = bytearray()
    for n in range(min(max(seconds, 1), LONGEST) * 2):
        samples += _make_note(NOTES[digest[n % len(digest)] % len(NOTES)])
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(bytes(samples))
    return packed.getvalue()


@lru_cache(maxsize=len(NOTES))
def _make_note(hertz: int) -> bytes:
    length = RATE // 2
    turn = 2 * math.pi * hertz / RATE
    return bytes(128 + int(60 * (1 - n / length) * math.sin(n * turn)) for n in range(length))
