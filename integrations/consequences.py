"""What a change of policy means for people, in words: a preview sorted by consequence."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from integrations import wording
from integrations.forecasting import Forecast, Preview
from integrations.verdicts import Outcome, Verdict
from integrations.wording import say_permissions
from organizations.models import User

SHOWN = 20
SHOWN_FOUND = 50


class Consequence(StrEnum):
    """What changes for one person, from the worst to nothing."""

    DISCONNECTED = "disconnected"
    NARROWED = "narrowed"
    HELD_BACK = "held_back"
    TO_GRANT = "to_grant"
    RESTORED = "restored"
    """Was held back, in part at least, and comes back."""
    SPARED = "spared"
    """Was told that something ends, which now does not."""
    NONE = "none"

    @property
    def heading(self) -> str:
        return HEADINGS[self]

    @property
    def lead(self) -> str:
        return LEADS[self]


HURTING = frozenset({Consequence.DISCONNECTED, Consequence.NARROWED, Consequence.HELD_BACK})
HEADINGS = {
    Consequence.DISCONNECTED: "Disconnected",
    Consequence.NARROWED: "Lose permissions",
    Consequence.HELD_BACK: "Held back",
    Consequence.TO_GRANT: "Asked to grant more",
    Consequence.RESTORED: "Can be used again",
    Consequence.SPARED: "Spared",
    Consequence.NONE: "Stay as they are",
}
LEADS = {
    Consequence.DISCONNECTED: "The connection ends, and what was read through it is erased here. Nothing is set up for "
    "these people: they get a banner and a mail with a Reconnect button.",
    Consequence.NARROWED: "The connection goes on without what is locked off; what was read under that is erased here.",
    Consequence.HELD_BACK: "Switched off without a lock: nothing is read or shown under it, nothing is erased, and it "
    "comes back with the policy.",
    Consequence.TO_GRANT: "Switched on, but never granted: the connection goes on, and the person is asked.",
    Consequence.RESTORED: "Was held back until now.",
    Consequence.SPARED: "Were told that something ends, which now does not.",
    Consequence.NONE: "",
}


@dataclass(frozen=True, slots=True)
class Concerned:
    """One person with a connection, and what changes for them."""

    forecast: Forecast
    consequence: Consequence

    @property
    def service(self) -> str:
        return wording.service_name(self.forecast.provider)

    @property
    def is_doomed(self) -> bool:
        """What ends does so by another change, which waits or is being carried out."""
        return self.consequence is Consequence.NONE and bool(self.forecast.verdict.ended)

    @property
    def sentence(self) -> str:
        """What changes, for an admin."""
        verdict, before = self.forecast.verdict, self.forecast.before
        if self.is_doomed:
            return f"Ends already by what was decided before: {say_permissions(verdict.ended)}."
        if self.consequence is Consequence.DISCONNECTED:
            return f"Loses the connection: {say_permissions(verdict.ended)}."
        said = {
            "Loses": verdict.ended - before.ended,
            "Cannot use": verdict.held_back - before.held_back,
            "Is asked to grant": verdict.lacking - before.lacking,
            "Keeps": before.ended - verdict.ended,
            "Can use again": before.held_back - verdict.held_back - verdict.ended,
        }
        return " ".join(f"{words} {say_permissions(some)}." for words, some in said.items() if some)

    @property
    def why(self) -> str:
        """The sentences the person gets, without repeating one, nor what they have been told before."""
        known = {one.sentence for one in self.forecast.before.reasons}
        said = list(dict.fromkeys(one.sentence for one in self.forecast.verdict.reasons))
        return " ".join([one for one in said if one not in known] or said)


@dataclass(slots=True)
class Tally:
    consequence: Consequence
    count: int = 0
    first: list[Concerned] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a preview, in one pass over it."""

    tallies: Sequence[Tally]
    """Those that concern somebody, the worst first."""
    unchanged: int
    not_connected: int
    own: Concerned | None
    """What happens to the admin who looks, if it is bad."""
    found: Sequence[Concerned] | None
    """Whom the admin searched for, whatever happens to them; None where nobody was."""
    fingerprint: str
    """Another one, if between two looks it became another list of people."""

    @property
    def concerned(self) -> int:
        return sum(one.count for one in self.tallies)

    @property
    def hurts(self) -> bool:
        """Whether anything ends that a grace period could put off."""
        return any(one.consequence in HURTING for one in self.tallies)


Coming = Mapping[Any, Verdict]
"""By connection: what becomes of it when the grace period that runs ends, whatever is decided now."""


def find_coming(preview: Preview) -> Coming:
    """`preview`: of what the level says already, while a grace period of its runs."""
    return {one.connection_id: one.verdict for one in preview.rows() if one.verdict != one.before}


def judge(forecast: Forecast, coming: Coming) -> Concerned:
    forecast = replace(forecast, before=coming.get(forecast.connection_id, forecast.before))
    verdict, before = forecast.verdict, forecast.before
    if verdict.outcome is Outcome.DISCONNECTED and before.outcome is not Outcome.DISCONNECTED:
        return Concerned(forecast, Consequence.DISCONNECTED)
    if verdict.outcome is Outcome.NARROWED and verdict.ended - before.ended:
        return Concerned(forecast, Consequence.NARROWED)
    if verdict.held_back - before.held_back:
        return Concerned(forecast, Consequence.HELD_BACK)
    if verdict.lacking - before.lacking:
        return Concerned(forecast, Consequence.TO_GRANT)
    if before.held_back - verdict.held_back:
        return Concerned(forecast, Consequence.RESTORED)
    if before.ended - verdict.ended:
        return Concerned(forecast, Consequence.SPARED)
    return Concerned(forecast, Consequence.NONE)


NOTHING_COMING: Coming = {}


def look_at(preview: Preview, *, by: User, sought: str = "", coming: Coming = NOTHING_COMING) -> Look:
    """`sought`: part of a name or an address."""
    tallies = {one: Tally(one) for one in Consequence}
    digest = hashlib.sha256()
    found: list[Concerned] = []
    own, wanted = None, sought.casefold().strip()
    for one in (judge(row, coming) for row in preview.rows()):
        tally = tallies[one.consequence]
        tally.count += 1
        if len(tally.first) < SHOWN:
            tally.first.append(one)
        if one.consequence is not Consequence.NONE:
            digest.update(f"{one.forecast.connection_id} {one.consequence} {one.sentence}\n".encode())
            own = one if one.forecast.person.pk == by.pk else own
        if wanted and len(found) < SHOWN_FOUND and _is_sought(one, wanted):
            found.append(one)
    connected = sum(one.count for one in tallies.values())
    unchanged = tallies.pop(Consequence.NONE).count
    return Look(
        tallies=[one for one in tallies.values() if one.count],
        unchanged=unchanged,
        # Not preview.not_connected, which would read everybody once more.
        not_connected=max(0, preview.total_members - connected),
        own=own if own and own.consequence in HURTING else None,
        found=found if wanted else None,
        fingerprint=digest.hexdigest()[:32],
    )


HEADER = ("Name", "E-mail address", "Groups", "Service", "Mailbox", "What happens", "In detail", "Why")


def list_rows(preview: Preview, coming: Coming = NOTHING_COMING) -> Iterator[Sequence[str]]:
    """Everybody with a connection, for a spreadsheet. Streamed."""
    for one in (judge(row, coming) for row in preview.rows()):
        person = one.forecast.person
        groups = ", ".join(one.forecast.groups)
        what = one.consequence.heading if one.consequence is not Consequence.NONE else "Stays as it is"
        yield person.name, person.email, groups, one.service, one.forecast.mailbox, what, one.sentence, one.why


def _is_sought(one: Concerned, wanted: str) -> bool:
    person = one.forecast.person
    return wanted in person.name.casefold() or wanted in person.email.casefold()
