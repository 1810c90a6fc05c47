"""What a person types who does not join by the link: meeting number, passcode, and numbers to dial."""

from collections.abc import Sequence
from dataclasses import dataclass

from meetings.dial_in import DialIn, find_numbers, find_passcode
from meetings.models import ScheduledMeeting
from meetings.showing import Shown


@dataclass(frozen=True, slots=True)
class WaysIn:
    number: str = ""
    passcode: str = ""
    """As the invitation says it. What stands in a link as `pwd=` is no passcode that anybody could type."""
    has_it_in_link: bool = False
    dial_in: Sequence[DialIn] = ()


def find_ways_in(shown: Shown, scheduled: ScheduledMeeting | None) -> WaysIn:
    """Nothing of what is hidden from the reader, and nothing of what is called off."""
    meeting = shown.meeting
    if meeting.is_hidden or meeting.is_cancelled:
        return WaysIn()
    numbers = find_numbers(meeting.body_text)
    passcode = find_passcode(meeting.body_text)
    if scheduled is not None:
        numbers = find_numbers(scheduled.dial_in, is_list=True) or numbers
        passcode = scheduled.passcode or passcode
    join = shown.join
    number = (join.meeting_number if join else "") or meeting.meeting_number
    return WaysIn(number, passcode, bool(join and join.has_passcode), numbers)
