"""What a policy does to the connections under it, before and while it is done.

A preview and the task that acts both come here: `forecast` is the one function that says what becomes of a connection,
and nothing here writes a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from integrations import verdicts
from integrations.models import Connection
from integrations.policy_models import Held, OrganizationPolicies
from integrations.verdicts import Outcome, Verdict
from organizations.models import Membership, Organization, User

BATCH = 500
FIRST = 20
_WANTED = (
    "provider",
    "method",
    "mailbox",
    "host",
    "version",
    "calendar_read",
    "calendar_write",
    "contacts_read",
    "contacts_write",
    "user__email",
    "user__name",
    "user__membership__organization_id",
    "user__membership__user_id",
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What becomes of one person's connection. `before`: how it is judged as things stand."""

    person: User
    groups: tuple[str, ...]
    """Names of the person's groups, in the order that decides."""
    provider: str
    mailbox: str
    verdict: Verdict
    before: Verdict
    connection_id: Any


def forecast(connection: Connection, held: Held) -> Verdict:
    """The one judgement of previews, of announcements and of what is done."""
    return verdicts.judge_in_grace(connection.facts, held.today, held.kept)


def read_batches(
    members: QuerySet[Membership], *, key: str = "pk", after: Any = None, size: int = BATCH
) -> Iterator[list[Connection]]:
    """The connections of these members, in the order of `key` ("pk" or "user__email"), some at a time.

    Each batch is a query of its own that goes on behind the last: memory stays flat, and rows may be deleted meanwhile.
    Credentials are not loaded.
    """
    rows = Connection.objects.filter(user__membership__in=members).select_related("user__membership")
    rows = rows.only(*_WANTED).order_by(key)
    while batch := list((rows if after is None else rows.filter(**{f"{key}__gt": after}))[:size]):
        yield batch
        last = batch[-1]
        after = last.pk if key == "pk" else last.user.email


def find_groups(memberships: Sequence[int]) -> dict[int, frozenset[int]]:
    """The keys of the groups of each of these members; nothing for who is in none."""
    through = Membership.groups.through.objects.filter(membership_id__in=memberships)
    found: dict[int, set[int]] = {}
    for membership, group in through.values_list("membership_id", "group_id"):
        found.setdefault(membership, set()).add(group)
    return {membership: frozenset(groups) for membership, groups in found.items()}


class Preview:
    """What would become of the connections of these members of one organization.

    `before` and `after` are the policies as they stand and as they would be; `groups_of` the groups that members would
    be in, where these change. Nothing is held but counts and the first few of each kind: rows are read again for
    each listing, by e-mail address.
    """

    def __init__(
        self,
        organization: Organization,
        members: QuerySet[Membership],
        *,
        before: OrganizationPolicies,
        after: OrganizationPolicies,
        groups_of: Mapping[int, frozenset[int]] | None = None,
    ) -> None:
        self.organization = organization
        self._before, self._after = before, after
        self._members = members
        self._groups_of = groups_of or {}

    def rows(self, outcome: Outcome | None = None) -> Iterator[Forecast]:
        """Everybody's, or those with this outcome; streamed."""
        rows = self._read()
        return rows if outcome is None else (one for one in rows if one.verdict.outcome is outcome)

    def _read(self) -> Iterator[Forecast]:
        names = dict(self.organization.groups.order_by("position", "name", "pk").values_list("pk", "name"))
        for batch in read_batches(self._members, key="user__email"):
            groups = find_groups([one.user.membership.pk for one in batch])
            for connection in batch:
                yield self._forecast(connection, groups.get(connection.user.membership.pk, frozenset()), names)

    def _forecast(self, connection: Connection, groups: frozenset[int], names: Mapping[int, str]) -> Forecast:
        membership = connection.user.membership.pk
        then = self._groups_of.get(membership, groups)
        return Forecast(
            person=connection.user,
            groups=tuple(name for pk, name in names.items() if pk in groups),
            provider=connection.provider,
            mailbox=connection.mailbox,
            verdict=forecast(connection, self._after.held_by(membership, then)),
            before=forecast(connection, self._before.held_by(membership, groups)),
            connection_id=connection.pk,
        )

    @cached_property
    def _summary(self) -> tuple[dict[Outcome, int], dict[Outcome, list[Forecast]]]:
        counts = dict.fromkeys(Outcome, 0)
        first: dict[Outcome, list[Forecast]] = {one: [] for one in Outcome}
        for one in self.rows():
            outcome = one.verdict.outcome
            counts[outcome] += 1
            if len(first[outcome]) < FIRST:
                first[outcome].append(one)
        return counts, first

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many connections have which outcome."""
        return self._summary[0]

    def first(self, outcome: Outcome) -> list[Forecast]:
        """The first few with this outcome, by e-mail address."""
        return self._summary[1][outcome]

    @cached_property
    def total_members(self) -> int:
        return self._members.filter(user__is_active=True).count()

    @property
    def not_connected(self) -> int:
        return max(0, self.total_members - sum(self.counts.values()))
