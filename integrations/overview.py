"""Who of an organization is connected to what, and what fails: what its admins see, for ten thousand as for ten.

What a policy holds back is asked of the policy, never guessed from columns: `survey` judges each connection once, alike
ones together, and tells the database whom it found.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import BooleanField, Case, F, Func, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from integrations.models import Connection, Status
from integrations.permissions import Permission, Permissions
from integrations.policy_models import Held, OrganizationPolicies, hold
from integrations.wording import list_permissions, service_name
from organizations.models import Group, Membership, Organization, User

LONGEST_SEARCH = 200
BATCH = 500


class State(StrEnum):
    """Of a member, from what works to what is not there."""

    CONNECTED = "connected"
    FAILING = "failing"
    RECONNECT_NEEDED = "reconnect"
    ADMIN_NEEDED = "admin"
    HELD_BACK = "held-back"
    NOT_CONNECTED = "none"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_LABELS = {
    State.CONNECTED: "Connected",
    State.FAILING: "Failing",
    State.RECONNECT_NEEDED: "Reconnect needed",
    State.ADMIN_NEEDED: "Administrator needed",
    State.HELD_BACK: "Held back",
    State.NOT_CONNECTED: "Not connected",
}
_MEANINGS = {
    State.CONNECTED: "Read without error",
    State.FAILING: "Tried again by itself",
    State.RECONNECT_NEEDED: "The member has to sign in again",
    State.ADMIN_NEEDED: "Refused until an administrator acts",
    State.HELD_BACK: "Kept, but policy lets nothing be read",
    State.NOT_CONNECTED: "No service connected",
}


def find_state(status: str, failures: int, *, is_held_back: bool) -> State:
    """Of a connection. What somebody has to do comes before what will pass by itself."""
    if status == Status.RECONNECT_NEEDED:
        return State.RECONNECT_NEEDED
    if status == Status.ADMIN_NEEDED:
        return State.ADMIN_NEEDED
    if is_held_back:
        return State.HELD_BACK
    return State.FAILING if failures else State.CONNECTED


class OneOf(Func):
    """Whether a key is one of these. All of them travel as one parameter: of ten thousand, each mention would come to
    ten thousand parameters, and SQLite takes 32,766 in a statement."""

    output_field = BooleanField()

    def __init__(self, key: str, keys: Iterable[int]) -> None:
        super().__init__(F(key))
        self.keys = sorted(keys)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        template = "%(expressions)s IN (SELECT value FROM json_each(%%s))"
        sql, parameters = self.as_sql(compiler, connection, template=template)
        return sql, (*parameters, json.dumps(self.keys))

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        sql, parameters = self.as_sql(compiler, connection, template="%(expressions)s = ANY(%%s)")
        return sql, (*parameters, self.keys)


def _in_state(state: State, held_back: frozenset[int]) -> Q:
    """The same in the database: memberships in a state."""
    mine = "user__connection__"
    if state is State.NOT_CONNECTED:
        return Q(user__connection=None)
    if state in (State.RECONNECT_NEEDED, State.ADMIN_NEEDED):
        wanted = Status.RECONNECT_NEEDED if state is State.RECONNECT_NEEDED else Status.ADMIN_NEEDED
        return Q((f"{mine}status", wanted))
    is_connected, is_held_back = Q((f"{mine}status", Status.CONNECTED)), Q(OneOf("pk", held_back))
    if state is State.HELD_BACK:
        return is_connected & is_held_back
    fails = Q((f"{mine}failures__gt", 0)) if state is State.FAILING else Q((f"{mine}failures", 0))
    return is_connected & fails & ~is_held_back


@dataclass(frozen=True, slots=True)
class Survey:
    """How many members are in each state, and which memberships have a connection that policy holds back."""

    counts: Mapping[State, int]
    held_back: frozenset[int]


def list_members(organization: Organization) -> QuerySet[Membership]:
    """Whom the overview shows: who may sign in, and whoever still has a connection."""
    return Membership.objects.filter(
        Q(user__is_active=True) | Q(user__connection__isnull=False), organization=organization
    )


_JUDGED = ("provider", "method", "host", "version", *(one.value for one in Permission))


def survey(organization: Organization, policies: OrganizationPolicies) -> Survey:
    """Judge every connection of an organization, in three queries."""
    groups = _find_groups_that_decide(organization)
    rows = Connection.objects.filter(user__membership__organization=organization).values_list(
        "user__membership", "status", "failures", "mailbox", "user__email", *_JUDGED
    )
    counts: Counter[State] = Counter()
    held_back = set()
    judged: dict[tuple[Any, ...], bool] = {}
    for pk, status, failures, mailbox, address, *facts in rows.iterator(chunk_size=2_000):
        held = policies.held_by(pk, groups.get(pk, ()))
        # Of a mailbox a policy knows the domain, and whether it is the member's own address.
        key = (id(held), mailbox.rpartition("@")[2].lower(), mailbox.lower() == address.lower(), *facts)
        is_held_back = judged.get(key)
        if is_held_back is None:
            connection = Connection(user=User(email=address), mailbox=mailbox, **dict(zip(_JUDGED, facts, strict=True)))
            usable = _find_usable(connection, held)
            is_held_back = judged[key] = bool(connection.granted) and not usable
        state = find_state(status, failures, is_held_back=is_held_back)
        counts[state] += 1
        if is_held_back:
            held_back.add(pk)
    counts[State.NOT_CONNECTED] = list_members(organization).count() - counts.total()
    return Survey({state: counts[state] for state in State}, frozenset(held_back))


def _find_groups_that_decide(organization: Organization) -> dict[int, list[int]]:
    """Membership's key -> keys of those of its groups that have a policy."""
    through = Membership.groups.through.objects.filter(group__organization=organization, group__policy__isnull=False)
    found: dict[int, list[int]] = {}
    for membership, group in through.values_list("membership_id", "group_id"):
        found.setdefault(membership, []).append(group)
    return found


def _find_usable(connection: Connection, held: Held) -> Permissions:
    """What may be used of what was granted, asked as each use of the connection asks it."""
    hold(connection.user, held)
    return connection.usable


SORTS: dict[str, str] = {
    "person": "Person",
    "service": "Service",
    "mailbox": "Mailbox",
    "state": "State",
    "synced": "Last good sync",
    "next": "Next try",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the members is shown, and in which order. `sort`: a key of SORTS, led by "-" where it is turned round."""

    q: str = ""
    state: State | None = None
    service: str = ""
    group: Group | None = None
    sort: str = "person"

    @property
    def is_any(self) -> bool:
        return bool(self.q or self.state or self.service or self.group)

    @property
    def needs_survey(self) -> bool:
        """Whether the database has to know whom policy holds back."""
        judged = (State.CONNECTED, State.FAILING, State.HELD_BACK)
        return self.state in judged or self.sort.lstrip("-") == "state"


def parse_filters(given: Mapping[str, str], groups: Iterable[Group]) -> Filters:
    """Of a page's query string. What is unknown counts as not said."""
    state, group, sort = given.get("state", ""), given.get("group", ""), given.get("sort", "")
    return Filters(
        q=given.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH],
        state=State(state) if state in set(State) else None,
        service=given.get("service", "").replace("\0", "")[:30],
        group=next((one for one in groups if str(one.pk) == group), None),
        sort=sort if sort.removeprefix("-") in SORTS else "person",
    )


def find_members(organization: Organization, filters: Filters, held_back: frozenset[int]) -> QuerySet[Membership]:
    """Whom the filters leave, in their order. `held_back`: of the survey, where `needs_survey`."""
    found = list_members(organization)
    if filters.q:
        found = found.filter(
            Q(user__name__icontains=filters.q)
            | Q(user__email__icontains=filters.q)
            | Q(user__connection__mailbox__icontains=filters.q)
        )
    if filters.state:
        found = found.filter(_in_state(filters.state, held_back))
    if filters.service:
        found = found.filter(user__connection__provider=filters.service)
    if filters.group:
        found = found.filter(groups=filters.group)
    return found.order_by(*_order(filters.sort, held_back))


def _order(sort: str, held_back: frozenset[int]) -> list[Any]:
    """Who has no such value comes last, whichever way it is turned. Names break ties, so that pages do not overlap."""
    name = Lower(Coalesce(NullIf("user__name", Value("")), "user__email"))
    by: Any = {
        "person": name,
        "service": F("user__connection__provider"),
        "mailbox": F("user__connection__mailbox"),
        "state": Case(
            *(When(_in_state(state, held_back), then=Value(n)) for n, state in enumerate(State)),
            output_field=IntegerField(),
        ),
        "synced": F("user__connection__synced_at"),
        "next": Case(
            When(user__connection__status=Status.RECONNECT_NEEDED, then=None),
            default=F("user__connection__next_sync_at"),
        ),
    }[sort.removeprefix("-")]
    turned = by.desc(nulls_last=True) if sort.startswith("-") else by.asc(nulls_last=True)
    return [turned, "pk"] if sort.removeprefix("-") == "person" else [turned, name, "pk"]


@dataclass(frozen=True, slots=True)
class Row:
    """One member, as the overview shows them."""

    membership: Membership
    groups: tuple[Group, ...]
    state: State
    connection: Connection | None = None
    usable: Permissions = frozenset()
    is_running: bool = False

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def service(self) -> str:
        return service_name(self.connection.provider) if self.connection else ""

    @property
    def granted(self) -> Permissions:
        return self.connection.granted if self.connection else frozenset()

    @property
    def permissions(self) -> list[tuple[str, bool]]:
        """[("Calendar read, write", is held back)]"""
        return say_permissions(self.granted, self.usable)

    @property
    def next_try(self) -> datetime | None:
        """None: not before somebody acts."""
        if self.connection is None or self.state is State.RECONNECT_NEEDED:
            return None
        return self.connection.next_sync_at


def say_permissions(granted: Permissions, usable: Permissions) -> list[tuple[str, bool]]:
    """What was granted, shortly, and whether policy holds it back."""
    lines: dict[tuple[str, bool], list[str]] = {}
    for one in Permission:
        if one in granted:
            kind, act = one.label.split(" ")
            lines.setdefault((kind, one not in usable), []).append(act)
    return [(f"{kind} {', '.join(acts)}", is_held_back) for (kind, is_held_back), acts in lines.items()]


def with_connections(members: QuerySet[Membership]) -> QuerySet[Membership]:
    """Loaded with all that a row shows. Secrets stay where they are."""
    found = members.select_related("user__connection").prefetch_related("groups")
    return found.defer("user__password", "user__connection__credentials")


def make_rows(members: Iterable[Membership], policies: OrganizationPolicies) -> Iterator[Row]:
    """Of members loaded `with_connections`."""
    now = timezone.now()
    for one in members:
        groups = tuple(one.groups.all())
        yield make_row(one, groups, policies.held_by(one.pk, [group.pk for group in groups]), now)


def make_row(membership: Membership, groups: tuple[Group, ...], held: Held, now: datetime) -> Row:
    connection: Connection | None = getattr(membership.user, "connection", None)
    if connection is None:
        return Row(membership, groups, State.NOT_CONNECTED)
    usable = _find_usable(connection, held)
    is_held_back = bool(connection.granted) and not usable
    return Row(
        membership,
        groups,
        find_state(connection.status, connection.failures, is_held_back=is_held_back),
        connection,
        usable,
        is_running=connection.leased_until is not None and connection.leased_until > now,
    )


CSV_HEADER = (
    "Person", "E-mail address", "Groups", "Service", "Mailbox", "Permissions", "Held back by policy", "State",
    "Connected since", "Last good sync", "Next try", "Error",
)  # fmt: skip


def list_csv_rows(members: QuerySet[Membership], policies: OrganizationPolicies, zone: Any) -> Iterator[list[str]]:
    """A line for each member, read while it is sent. Times are the reader's, with their distance from UTC."""
    for row in make_rows(with_connections(members).iterator(chunk_size=BATCH), policies):
        connection, held_back = row.connection, row.granted - row.usable
        yield [
            row.user.name,
            row.user.email,
            "; ".join(one.name for one in row.groups),
            row.service,
            connection.mailbox if connection else "",
            "; ".join(list_permissions(row.granted)),
            "; ".join(list_permissions(held_back)),
            row.state.label,
            *(
                moment.astimezone(zone).isoformat(" ", "seconds") if moment else ""
                for moment in (
                    connection and connection.created_at,
                    connection and connection.synced_at,
                    row.next_try,
                )
            ),
            connection.error_sentence if connection else "",
        ]
