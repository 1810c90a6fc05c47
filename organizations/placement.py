"""What moving people between groups would do to their connections, asked of the app that knows (`PLACEMENT_PREVIEW`).

Groups carry policy: who comes into one, or sees another decide first, may lose a connection by it. Whoever moves people
is told whom it costs what, before it happens.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from organizations.models import Organization, User

NAMED = 20
"""How many people the confirm page names of each kind."""
ENDS, NARROWS = "disconnected", "narrowed"


class Forecast(Protocol):
    """What the preview says of one connection (integrations/forecasting.py)."""

    person: User
    provider: str
    mailbox: str
    verdict: Any
    before: Any
    connection_id: Any


@dataclass(frozen=True, slots=True)
class Loss:
    """One connection that would end, wholly or in part."""

    person: User
    provider: str
    mailbox: str
    ended: tuple[str, ...]
    """What may be done no longer, in words."""
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Consequence:
    """Who would be disconnected and who narrowed; `ends` and `narrows` name the first of them."""

    ending: int = 0
    narrowing: int = 0
    ends: list[Loss] = field(default_factory=list)
    narrows: list[Loss] = field(default_factory=list)
    _digest: Any = field(default_factory=hashlib.sha256)

    def __bool__(self) -> bool:
        return bool(self.ending or self.narrowing)

    @property
    def mark(self) -> str:
        """Stands in the confirm page's form: who would confirm something else than they were shown is asked again.

        Another one as soon as another connection would end, or another part of one, though as many do.
        """
        return str(self._digest.hexdigest()[:32])

    def add(self, found: Forecast) -> None:
        """Count one connection, if it loses more than it would lose anyway."""
        outcome = str(found.verdict.outcome)
        if outcome not in (ENDS, NARROWS) or found.verdict.ended == found.before.ended:
            return
        ended = sorted(one.value for one in found.verdict.ended)
        self._digest.update(f"{found.connection_id} {outcome} {ended}\n".encode())
        if outcome == ENDS:
            self.ending += 1
        else:
            self.narrowing += 1
        named = self.ends if outcome == ENDS else self.narrows
        if len(named) < NAMED:
            named.append(
                Loss(
                    person=found.person,
                    provider=found.provider,
                    mailbox=found.mailbox,
                    ended=tuple(sorted(one.label for one in found.verdict.ended)),
                    reasons=tuple(one.sentence for one in found.verdict.reasons),
                )
            )


def find_consequence(
    organization: Organization,
    *,
    groups_of: Mapping[int, frozenset[int]] | None = None,
    order: Sequence[int] | None = None,
) -> Consequence:
    """What it would cost whom. `groups_of`: {membership's key: keys of the groups they would be in}; `order`: the keys
    of all groups there would be, in their order."""
    consequence = Consequence()
    if settings.PLACEMENT_PREVIEW:
        preview = import_string(settings.PLACEMENT_PREVIEW)
        for found in preview(organization, groups_of=groups_of or {}, order=order).rows():
            consequence.add(found)
    return consequence
