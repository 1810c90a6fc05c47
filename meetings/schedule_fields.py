"""The fields that scheduling and editing share. What is wrong is said, and stays as it was typed."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from integrations.remote import Attendee
from meetings.addresses import Parsed, dump_address, parse_addresses
from organizations.time_zones import list_zones

LONGEST_TOPIC = 200
"""As many as Zoom takes."""
LONGEST_DESCRIPTION = 8_000
MOST_INVITEES = 500
MOST_NAMED = 20
"""Wrong addresses that are named one by one."""
LONGEST_NAMED = 80
_PASSCODE = re.compile(r"[A-Za-z0-9@_*-]{1,10}")


class TopicField(forms.CharField):
    """One line."""

    longest = LONGEST_TOPIC
    widget = forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Topic", error_messages={"required": "Give the meeting a topic."}, **kwargs)

    def to_python(self, value: Any) -> str:
        return " ".join(drop_controls(str(value or "").replace("\n", " ")).split())

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.longest:
            raise ValidationError(
                f"This topic has {len(value):,} characters, and at most {LONGEST_TOPIC} fit. Shorten it; the "
                "description has room for the rest."
            )


class DescriptionField(forms.CharField):
    longest = LONGEST_DESCRIPTION
    widget = forms.Textarea(attrs={"dir": "auto", "rows": 5})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Description", required=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return drop_controls(str(value or "").replace("\r\n", "\n").replace("\r", "\n")).strip()

    def validate(self, value: str) -> None:
        if len(value) > self.longest:
            raise ValidationError(
                f"This description has {len(value):,} characters, and at most {LONGEST_DESCRIPTION:,} fit. Shorten it, "
                "or put the long text where you can link to it."
            )


class InviteesField(forms.CharField):
    """Many addresses, typed or pasted. Its value is a tuple of Attendees."""

    widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Invitees", required=False, strip=False, **kwargs)

    def clean(self, value: Any) -> tuple[Attendee, ...]:
        parsed = self.parse(value)
        if parsed.wrong:
            raise ValidationError(list(name_wrong(parsed.wrong)))
        if len(parsed.people) > MOST_INVITEES:
            raise ValidationError(
                f"These are {len(parsed.people):,} people, and at most {MOST_INVITEES} can be invited to one meeting. "
                "Leave some out, or invite an address that reaches a group."
            )
        return parsed.people

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other people are invited, in whatever order and spelling."""
        return emails_of(self.parse(initial).people) != emails_of(self.parse(data).people) or bool(
            self.parse(data).wrong
        )

    @staticmethod
    def parse(value: Any) -> Parsed:
        return parse_addresses(str(value or "").replace("\x00", ""))


class ZoneField(forms.CharField):
    """A time zone by its name or its city, in any spelling; its value is the name."""

    widget = forms.TextInput(
        attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false", "placeholder": "Europe/Berlin"}
    )

    def __init__(self, **kwargs: Any) -> None:
        missing = "Say in which time zone this time is meant."
        super().__init__(label="Time zone", error_messages={"required": missing}, **kwargs)

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        found = find_zone_name(text)
        if not found:
            raise ValidationError(
                f"There is no time zone “{text[:LONGEST_NAMED]}”. Write a city of it, such as Berlin, and choose from "
                "the list."
            )
        return found


def check_passcode(text: str) -> None:
    """Raises ValidationError."""
    if text and not _PASSCODE.fullmatch(text):
        raise ValidationError("A passcode has up to 10 of these: letters without accents, digits, @ - _ *")


def name_wrong(wrong: Iterable[str]) -> Iterable[str]:
    """A sentence for each."""
    wrong = list(wrong)
    for one in wrong[:MOST_NAMED]:
        yield f"“{one[:LONGEST_NAMED]}” is not an e-mail address."
    if len(wrong) > MOST_NAMED:
        yield f"And {len(wrong) - MOST_NAMED:,} more like these."


def dump_invitees(people: Iterable[Attendee]) -> str:
    """As the field shows them: one to a line."""
    return "\n".join(dump_address(one) for one in people)


def emails_of(people: Iterable[Attendee]) -> set[str]:
    return {one.email.lower() for one in people}


def drop_controls(text: str) -> str:
    """Without characters that no calendar takes: those that control a terminal, and halves of surrogate pairs."""
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))


def list_zone_names() -> list[str]:
    return [name for _, zones in list_zones() for name, _ in zones]


def find_zone_name(text: str) -> str:
    """ "" where there is none, or where a city's name stands for several."""
    return _zones_by_name().get(_fold(text), "")


@lru_cache(maxsize=1)
def _zones_by_name() -> dict[str, str]:
    names = list_zone_names()
    cities: dict[str, list[str]] = {}
    for name in names:
        cities.setdefault(_fold(name.rpartition("/")[2]), []).append(name)
    return {city: found[0] for city, found in cities.items() if len(found) == 1} | {_fold(one): one for one in names}


def _fold(text: str) -> str:
    return " ".join(text.replace("_", " ").split()).casefold()
