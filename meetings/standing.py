"""How a reader's calendar stands: connected or not, being read or not, and what they should do about it."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from integrations import connecting, policy, registry
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun, policy_for
from integrations.permissions import Permission
from integrations.providers.base import ProviderInfo
from organizations.models import User


@dataclass(frozen=True, slots=True)
class Standing:
    policy: policy.Policy
    connection: Connection | None = None
    info: ProviderInfo | None = None
    run: SyncRun | None = None
    emptied: SyncCursor | None = None
    """The calendar's cursor, where the provider suddenly lists nothing and the person has not said that this is so."""
    pulse: str = ""
    """Differs when there may be something else to show than before."""

    @property
    def may_read(self) -> bool:
        return self.connection is not None and self.connection.may(Permission.CALENDAR_READ)

    @property
    def is_granted(self) -> bool:
        """Consented to; if it may not be used all the same, the organization does not allow it."""
        return self.connection is not None and Permission.CALENDAR_READ in self.connection.granted

    @property
    def is_running(self) -> bool:
        """A sync is under way, or due and about to start."""
        if self.connection is None or self.connection.status == Status.RECONNECT_NEEDED or not self.may_read:
            return False
        is_under_way = self.run is not None and self.run.outcome == Outcome.RUNNING
        return is_under_way or self.connection.next_sync_at <= timezone.now()

    @property
    def is_first(self) -> bool:
        return self.connection is not None and self.connection.synced_at is None

    @property
    def lacks(self) -> str:
        """What is in the way of reading a calendar: "connection", "policy", "permission", or ""."""
        if not self.policy.enabled:
            return "policy"
        if self.connection is None:
            return "connection"
        return "" if self.may_read else "permission"


def find_standing(user: User) -> Standing:
    connection = connecting.find_connection(user)
    if connection is None:
        return Standing(policy=policy_for(user))
    changing = connection.runs.filter(Q(added__gt=0) | Q(changed__gt=0) | Q(removed__gt=0))
    latest_change = changing.values_list("pk", "added", "changed", "removed").first() or ()
    emptied = connection.cursors.filter(feed="calendar", emptied_at__isnull=False, emptied_confirmed=False).first()
    is_first, is_emptied = connection.synced_at is None, emptied is not None
    return Standing(
        policy=policy_for(connection.user),
        connection=connection,
        info=registry.find_info(connection.provider),
        run=connection.runs.first(),
        emptied=emptied,
        pulse="-".join(map(str, (connection.status, int(is_first), int(is_emptied), *latest_change))),
    )
