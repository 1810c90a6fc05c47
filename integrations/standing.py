"""How one kind of a reader's data stands: connected or not, being read or not, and who can do something about it."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from integrations import arriving, connecting, policy, registry, verdicts
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun
from integrations.permissions import Permission
from integrations.policy_models import policy_for
from integrations.providers.base import ProviderInfo
from organizations.models import User


@dataclass(frozen=True, slots=True)
class Emptied:
    """A calendar or an address book that suddenly lists nothing, as the provider says; its person is asked."""

    cursor: SyncCursor
    name: str
    """Of a calendar that is one of several, other than the account's own."""

    @property
    def pk(self) -> int:
        return self.cursor.pk

    @property
    def feed(self) -> str:
        return self.cursor.feed


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page of meetings or contacts must know before it shows any. `permission` is the read it depends on."""

    permission: Permission
    policy: policy.Policy
    connection: Connection | None = None
    info: ProviderInfo | None = None
    run: SyncRun | None = None
    """The newest."""
    changed_run: SyncRun | None = None
    """The newest that changed a row, so that a page can tell whether it is stale."""
    emptied: Emptied | None = None
    """The first of them that the person is to be asked about."""
    is_told: bool = False
    """Whether the service tells us of changes: they are here within seconds, so a page asks more often."""

    @property
    def lacks(self) -> str:
        """What is in the way of reading, by who can change it; "" for nothing.

        "integration": switched off; "connection": there is none; "organization": it does not allow this permission;
        "consent": the box was left unticked at the provider; "permission": it was not asked for.
        """
        if self.connection is not None and self.connection.may(self.permission):
            return ""
        if not self.policy.enabled:
            return "integration"
        if self.connection is None:
            return "connection"
        if verdicts.why_not_usable(self.connection.facts, self.policy, self.permission):
            return "organization"
        return "consent" if self.permission in self.connection.not_granted else "permission"

    @property
    def refusal(self) -> str:
        """Where the organization is in the way: the sentence that says how, and on which level it was decided."""
        if self.connection is None:
            return ""
        reason = verdicts.why_not_usable(self.connection.facts, self.policy, self.permission)
        return reason.sentence if reason else ""

    @property
    def is_running(self) -> bool:
        """A sync is under way, or due and about to start."""
        return self.connection is not None and not self.lacks and is_under_way(self.connection, self.run)

    @property
    def is_first(self) -> bool:
        """Not everything has been read once yet."""
        return self.connection is not None and self.connection.synced_at is None

    @property
    def rows_pulse(self) -> str:
        """Changes whenever there may be other rows to show than before, or another reason to show none."""
        run = self.changed_run
        rows = f"{run.pk}-{run.added + run.changed + run.removed}" if run else ""
        return f"{self.connection.status if self.connection else ''}-{rows}-{self.lacks}"

    @property
    def line_pulse(self) -> str:
        """Changes whenever the line about freshness has something else to say."""
        run = f"{self.run.pk}-{self.run.pages}-{self.run.outcome}" if self.run else ""
        return f"{run}-{self.is_running:d}"


def find_standing(user: User, *, permission: Permission, feed: str) -> Standing:
    connection = connecting.find_connection(user)
    if connection is None:
        return Standing(permission, policy_for(user))
    changed = Q(added__gt=0) | Q(changed__gt=0) | Q(removed__gt=0)
    return Standing(
        permission,
        policy_for(connection.user),
        connection,
        registry.find_info(connection.provider),
        run=connection.runs.first(),
        changed_run=connection.runs.filter(changed).first(),
        emptied=next(iter(find_emptied(connection, feed=feed)), None),
        is_told=feed in arriving.find_told(connection),
    )


def find_emptied(connection: Connection, *, feed: str = "") -> list[Emptied]:
    """What its person is to be asked about, of one feed or of all."""
    doubted = connection.cursors.filter(emptied_at__isnull=False, emptied_confirmed=False).order_by("pk")
    return [
        Emptied(one, registry.feeds()[one.feed].names(connection).get(one.container, "") if one.container else "")
        for one in (doubted.filter(feed=feed) if feed else doubted)
        if one.feed in registry.feeds()
    ]


def is_under_way(connection: Connection, run: SyncRun | None) -> bool:
    """A sync is running, or is due and will start in a moment. `run` is the connection's newest."""
    if connection.status == Status.RECONNECT_NEEDED:
        return False
    return (run is not None and run.outcome == Outcome.RUNNING) or connection.next_sync_at <= timezone.now()
