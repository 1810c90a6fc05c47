"""One meeting in the words of a page: when, who, in what state, and how to join."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.utils.text import get_text_list

from integrations.remote import Response
from meetings.joining import SERVICES, JoinLink, choose_join
from meetings.times import (
    Clock,
    find_zone,
    first_day,
    is_over,
    is_running,
    say_elsewhere,
    say_length,
    say_near,
    say_second,
    say_time,
    say_whole,
    zone_city,
)
from meetings.visibility import Relation, Visible

LATE_JOIN = timedelta(hours=6)
"""How long after its end a meeting still offers Join: meetings run over."""

KINDS = {
    "out_of_office": "Out of office",
    "focus_time": "Focus time",
    "working_location": "Working location",
    "birthday": "Birthday",
    "from_mail": "From a mail",
}
RESPONSES = {
    Response.NEEDS_ACTION: "Not answered",
    Response.TENTATIVE: "Maybe",
    Response.ACCEPTED: "Accepted",
    Response.DECLINED: "Declined",
}


@dataclass(frozen=True, slots=True)
class Around:
    """What a page says beside a meeting: of a hidden one whose it is, and no more.

    `owner`: the name of whose it is, "" for the reader's own. `calendar`, `color`: the calendar it stands in, and a
    key of palette.COLORS, where its person has several. `others`: in whose calendars it stands, too. `overlaps`: with
    another one of the reader's own. `write`: an open meetings.models.Write of it.
    """

    owner: str = ""
    calendar: str = ""
    color: str = ""
    others: tuple[str, ...] = ()
    overlaps: bool = False
    write: Any = None


@dataclass
class Shown:
    """One meeting in the words of a page. `day` is the one it stands under, where it stands in a list."""

    meeting: Visible
    clock: Clock
    services: frozenset[str]
    day: date | None = None
    around: Around = Around()

    @property
    def is_own(self) -> bool:
        return self.meeting.relation is Relation.OWNER

    @property
    def title(self) -> str:
        return str(self.meeting.title) or "(no title)"

    @property
    def has_time(self) -> bool:
        return self.meeting.starts is not None

    @cached_property
    def time(self) -> tuple[str, str]:
        """(time, addition); see times.say_time."""
        if not self.has_time:
            return "No time", ""
        return say_time(self.meeting, self.clock, day=self.day or first_day(self.meeting, self.clock))

    @property
    def second_time(self) -> str:
        """In the reader's second zone, with its name."""
        if not self.clock.second or not self.has_time:
            return ""
        return say_second(self.meeting, self.clock, day=self.day or first_day(self.meeting, self.clock))

    @property
    def city(self) -> str:
        """Of the reader's own zone, where a second one stands beside it."""
        return zone_city(str(self.clock.zone)) if self.second_time else ""

    @property
    def when(self) -> str:
        return say_whole(self.meeting, self.clock) if self.has_time else "The calendar gives no time"

    @property
    def when_near(self) -> str:
        """As `when`, with "Today" for its date."""
        return say_near(self.meeting, self.clock) if self.has_time else self.when

    @property
    def length(self) -> str:
        return say_length(self.meeting)

    @property
    def elsewhere(self) -> str:
        return say_elsewhere(self.meeting, self.clock)

    @property
    def when_elsewhere(self) -> str:
        """The whole of it in the event's own zone, where that reads differently."""
        zone = find_zone(self.meeting.timezone) if self.elsewhere else None
        if zone is None:
            return ""
        return f"{say_whole(self.meeting, Clock(self.clock.now, zone))} in {zone_city(self.meeting.timezone)}"

    @property
    def is_running(self) -> bool:
        return is_running(self.meeting, self.clock)

    @property
    def is_over(self) -> bool:
        return is_over(self.meeting, self.clock)

    @property
    def is_declined(self) -> bool:
        return bool(self.meeting.response == Response.DECLINED)

    @property
    def is_tentative(self) -> bool:
        """The organizer's doubt or the reader's own."""
        return bool(self.meeting.status == "tentative" or self.meeting.response == Response.TENTATIVE)

    @property
    def needs_answer(self) -> bool:
        return bool(self.meeting.response == Response.NEEDS_ACTION) and not self.is_over

    @property
    def response(self) -> str:
        return RESPONSES.get(self.meeting.response, "")

    @property
    def kind(self) -> str:
        name = self.meeting.kind
        return KINDS.get(name) or name.replace("_", " ").capitalize()

    @property
    def host(self) -> str:
        if self.meeting.is_organizer:
            return self.around.owner or "You"
        return str(self.meeting.organizer_name or self.meeting.organizer_email)

    @property
    def answer_of(self) -> str:
        """Whose answer `response` is."""
        return f"{self.around.owner}’s answer" if self.around.owner else "Your answer"

    @property
    def whose(self) -> str:
        """What to say of whose a meeting is: nothing of the reader's own."""
        owner = self.around.owner
        if not owner:
            return ""
        return f"Host: {owner}" if self.meeting.is_organizer else f"Calendar of {owner}"

    @property
    def also_in(self) -> str:
        """ "Also in the calendars of Bob Okafor and Dora Lindqvist"."""
        names = self.around.others
        if not names:
            return ""
        return f"Also in {get_text_list(list(names), 'and')}"

    @property
    def origin(self) -> str:
        """Where it was made, unless in the calendar."""
        if self.meeting.origin == "host":
            return f"Made in {SERVICES['zoom'].name}"
        return "Scheduled here" if self.meeting.scheduled_id else ""

    @property
    def place(self) -> str:
        """Where it is, in one line; a web address is what Join is for."""
        line = " ".join(self.meeting.location.split())
        return "" if line.lower().startswith(("https://", "http://")) else line

    @property
    def web_url(self) -> str:
        """The event's own page at the provider, where that is a web page."""
        url = self.meeting.web_url
        return str(url) if url.startswith("https://") else ""

    @cached_property
    def _links(self) -> tuple[JoinLink, ...]:
        return tuple(self.meeting.links)

    @cached_property
    def join(self) -> JoinLink | None:
        """The link behind the button: none for what is cancelled or long over."""
        if self.meeting.is_cancelled or self._is_long_over():
            return None
        return choose_join(self._links, self.services)

    @property
    def register(self) -> JoinLink | None:
        """Where one registers, for a meeting that can only be joined after that."""
        if self.join or self.meeting.is_cancelled or self.is_over:
            return None
        links = (one for one in self._links if one.kind == "register" and one.service in self.services)
        return next(links, None)

    @property
    def join_word(self) -> str:
        is_theirs = self.meeting.is_organizer and self.is_own
        return "Start" if self.join and self.join.service == "zoom" and is_theirs else "Join"

    @property
    def join_service(self) -> str:
        """The service's name where it is not Zoom, whose button needs no name."""
        return service_name(self.join) if self.join and self.join.service != "zoom" else ""

    @property
    def has_label(self) -> bool:
        """Whether to say that this is no Zoom meeting: of what could be one, and is not over or called off."""
        meeting = self.meeting
        is_none = meeting.is_hidden or meeting.is_cancelled or bool(meeting.kind) or self.is_over
        return not is_none and choose_join(self._links, self.services) is None and self.register is None

    @property
    def other_links(self) -> list[tuple[str, JoinLink]]:
        """(service name, link) of the enabled services' other links, for the disclosure under Join."""
        join = self.join
        return [
            (service_name(one), one) for one in self._links if join and one != join and one.service in self.services
        ]

    @property
    def all_links(self) -> list[dict[str, Any]]:
        """Every link found in the event, for its own page."""
        return [
            {"name": service_name(one), "link": one, "is_enabled": one.service in self.services} for one in self._links
        ]

    @property
    def css(self) -> str:
        """Variants of the component `meeting`."""
        states = {
            "cancelled": self.meeting.is_cancelled,
            "declined": self.is_declined,
            "now": self.is_running and not self.meeting.is_cancelled and not self.is_declined,
            "tentative": self.is_tentative or self.needs_answer,
            "away": bool(self.meeting.kind),
            "plain": not self.join,
            "hidden": self.meeting.is_hidden,
        }
        return " ".join(f"meeting--{name}" for name, applies in states.items() if applies)

    def _is_long_over(self) -> bool:
        return self.is_over and (self.meeting.ends is None or self.meeting.ends < self.clock.now - LATE_JOIN)


def service_name(link: JoinLink) -> str:
    return SERVICES[link.service].name if link.service in SERVICES else link.service
