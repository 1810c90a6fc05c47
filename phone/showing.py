"""A call or a voicemail as its person reads it: who, which number, what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from integrations.numbers import find_digits, format_number, is_number_like
from organizations.models import User
from phone.callers import Caller
from phone.calling import Dialer
from phone.models import MISSED_RESULTS, Call, Direction, Result, Voicemail
from phone.playing import make_link

LONGEST_EXTENSION = 6
WITHHELD = "Number withheld"
TRANSCRIBED_WITHIN = timedelta(hours=1)
"""After so long nobody waits for a transcript any more."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads their own calls. `region`: the country in which they read numbers."""

    user: User
    region: str
    dialer: Dialer
    can_play: bool = True
    """Whether their phone system can be asked for the sound of a message; others only tell of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """`caller`: the contact with the number. `left`: the message that was left in the call."""

    reader: Reader
    party: Call | Voicemail
    caller: Caller | None = None
    left: Voicemail | None = None

    @property
    def voicemail(self) -> Voicemail | None:
        return self.party if isinstance(self.party, Voicemail) else self.left

    @property
    def call(self) -> Call | None:
        return self.party if isinstance(self.party, Call) else None

    @property
    def kind(self) -> str:
        return "call" if self.call else "voicemail"

    @property
    def key(self) -> str:
        """Names the row on its page."""
        return f"{self.kind}-{self.party.pk}"

    @property
    def moment(self) -> datetime:
        return self.party.started_at if isinstance(self.party, Call) else self.party.left_at

    @property
    def number(self) -> str:
        """As the reader writes it."""
        if self.party.is_anonymous:
            return WITHHELD
        if self.party.e164:
            return format_number(self.party.e164, self.reader.region)
        return f"Extension {self.party.number}" if self.is_extension else self.party.number

    @property
    def is_extension(self) -> bool:
        """Of three digits and fewer nobody can tell: they may be an emergency number."""
        number = self.party.number
        return not self.party.e164 and number.isdecimal() and 3 < len(number) <= LONGEST_EXTENSION

    @property
    def is_local(self) -> bool:
        """Whether the number is shown without its country."""
        return bool(self.party.e164) and not self.number.startswith("+")

    @property
    def title(self) -> str:
        """The contact's name first, then the phone system's, then the number."""
        return (self.caller.name if self.caller else "") or self._system_name or self.number

    @property
    def given_name(self) -> str:
        """What the phone system calls them, where that is something else."""
        return self._system_name if self._system_name != self.title else ""

    @property
    def _system_name(self) -> str:
        """Systems give the number for a name where they know none."""
        name = self.party.name
        digits = find_digits(name).lstrip("0") if is_number_like(name) else ""
        return "" if digits and find_digits(self.party.e164 or self.party.number).endswith(digits) else name

    @property
    def is_stranger(self) -> bool:
        """Somebody who could be put among the contacts."""
        return self.caller is None and not self.party.is_anonymous

    @property
    def line(self) -> str:
        """Which of the reader's numbers it came to, or left by; the name of a queue stays as it is."""
        line = self.call.line if self.call else ""
        return format_number(line, self.reader.region) if line.startswith("+") else line

    @property
    def is_incoming(self) -> bool:
        return self.call is None or self.call.direction == Direction.INCOMING

    @property
    def is_missed(self) -> bool:
        return self.call is not None and is_missed(self.call)

    @property
    def icon(self) -> str:
        if self.call is None:
            return "voicemail"
        if self.is_missed:
            return "phone-missed"
        return "phone-incoming" if self.is_incoming else "phone-outgoing"

    @property
    def words(self) -> str:
        """What became of it: "Incoming", "Missed", "Outgoing, no answer"."""
        if self.call is None:
            return "Voicemail"
        result = Result(self.call.result)
        if result is Result.ATTEMPT:
            return result.label
        if self.is_missed:
            return "Missed" if result is Result.MISSED else "Missed, left a voicemail"
        direction = "Incoming" if self.is_incoming else "Outgoing"
        return direction if result is Result.ANSWERED else f"{direction}, {result.label.lower()}"

    @property
    def length(self) -> str:
        """Of the talk, or of the message that was left instead."""
        return say_length(self.party.seconds) or self.voicemail_length

    @property
    def call_url(self) -> str:
        """Calls back; "" where the reader cannot."""
        return self.reader.dialer.link_for(self.party.e164)

    @property
    def call_label(self) -> str:
        """Whom, and by which number."""
        return f"{self.title}, {self.number}" if self.title != self.number else self.number

    @property
    def remove_url(self) -> str:
        return reverse(f"phone:{self.kind}_removal", args=[self.party.pk])

    @property
    def voicemail_length(self) -> str:
        return say_length(self.voicemail.seconds) if self.voicemail else ""

    @property
    def listen_url(self) -> str:
        """Plays the message, for a while; "" where there is nothing to play, or not here."""
        if self.voicemail is None or not self.voicemail.audio or self.voicemail.audio_gone_at:
            return ""
        if not self.reader.can_play:
            return ""
        return make_link(self.voicemail, self.reader.user)

    @property
    def awaits_transcript(self) -> bool:
        return self.voicemail is not None and timezone.now() - self.voicemail.left_at < TRANSCRIBED_WITHIN

    @property
    def facts(self) -> tuple[Any, ...]:
        """Everything that the row shows."""
        party = self.party
        facts = (self.key, self.moment, party.name, party.number, party.e164, party.seconds, self.caller)
        call = (self.call.result, self.call.direction, self.call.line) if self.call else ()
        left = self.voicemail
        heard = (left.pk, left.seconds, left.is_read, left.transcript, left.audio, left.audio_gone_at) if left else ()
        return (*facts, call, heard, self.awaits_transcript)


def is_missed(call: Call) -> bool:
    return call.direction == Direction.INCOMING and call.result in MISSED_RESULTS


def say_length(seconds: int) -> str:
    """ "45 s", "4 min 5 s", "1 h 20 min"; "" for nothing."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s" if rest else ""
