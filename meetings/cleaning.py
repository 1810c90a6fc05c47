"""Text that no database takes: NUL characters and halves of surrogate pairs. Rare: looked for fast, mended slow."""

from dataclasses import fields, replace
from typing import Any

from integrations.remote import Attendee, RemoteEvent


def is_clean(event: RemoteEvent, attendees: tuple[Attendee, ...]) -> bool:
    ref = event.ref
    texts = [ref.id, ref.container, ref.version, event.uid, event.series_id, event.title, event.timezone, event.kind]
    texts += event.organizer_name, event.organizer_email, event.location, event.body, event.web_url
    for one in attendees:
        texts += one.name, one.email
    return is_clean_text("".join(texts))


def clean_event(event: RemoteEvent, attendees: tuple[Attendee, ...]) -> tuple[RemoteEvent, tuple[Attendee, ...]]:
    return replace(_clean(event), ref=_clean(event.ref)), tuple(_clean(one) for one in attendees)


def is_clean_text(text: str) -> bool:
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(record: Any) -> Any:
    """A record with every text of its own made storable."""
    texts = {one.name: getattr(record, one.name) for one in fields(record)}
    return replace(record, **{name: clean_text(text) for name, text in texts.items() if type(text) is str})


def clean_text(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()
