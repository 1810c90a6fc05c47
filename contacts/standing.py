"""How a reader's address book stands: connected or not, being read or not, and what they should do about it."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from integrations import connecting, policy, registry
from integrations.models import Connection, Outcome, Status, SyncCursor, SyncRun, policy_for
from integrations.permissions import Permission
from integrations.providers.base import ProviderInfo
from organizations.models import User

READ = Permission.CONTACTS_READ


@dataclass(frozen=True, slots=True)
class Standing:
    """`run` is the newest; `changed_run` the newest that changed a row, so that a page can tell whether it is stale."""

    policy: policy.Policy
    connection: Connection | None = None
    info: ProviderInfo | None = None
    run: SyncRun | None = None
    changed_run: SyncRun | None = None
    emptied: SyncCursor | None = None

    @property
    def lacks(self) -> str:
        """What is in the way of reading contacts, by who can change it; "" for nothing.

        "integration": switched off; "connection": there is none; "organization": it does not allow this permission;
        "consent": the box was left unticked at the provider; "permission": it was not asked for.
        """
        if not self.policy.enabled:
            return "integration"
        if self.connection is None:
            return "connection"
        if self.connection.may(READ):
            return ""
        if READ not in policy.decide({READ}, self.policy.service(self.connection.provider)):
            return "organization"
        return "consent" if READ in self.connection.not_granted else "permission"

    @property
    def is_running(self) -> bool:
        """A sync is under way, or due and about to start."""
        if self.connection is None or self.lacks or self.connection.status == Status.RECONNECT_NEEDED:
            return False
        is_under_way = self.run is not None and self.run.outcome == Outcome.RUNNING
        return is_under_way or self.connection.next_sync_at <= timezone.now()

    @property
    def is_first(self) -> bool:
        """Not everything has been read once yet."""
        return self.connection is not None and self.connection.synced_at is None

    @property
    def region(self) -> str:
        """The country in which the reader reads numbers."""
        organization = self.connection.user.organization if self.connection else None
        return organization.default_region if organization else ""

    @property
    def pulse(self) -> str:
        """What the line about freshness says, and behind a dot how current the rows are; changes with either."""
        if self.connection is None:
            return ""
        run, changed = self.run, self.changed_run
        line = f"{run.pk}-{run.pages}-{run.outcome}-{self.is_running:d}" if run else f"{self.is_running:d}"
        rows = f"{changed.pk}-{changed.added + changed.changed + changed.removed}" if changed else ""
        return f"{line}-{self.connection.status}.{rows}{self.lacks}"


def find_standing(user: User) -> Standing:
    connection = connecting.find_connection(user)
    if connection is None:
        return Standing(policy=policy_for(user))
    changed = Q(added__gt=0) | Q(changed__gt=0) | Q(removed__gt=0)
    return Standing(
        policy=policy_for(connection.user),
        connection=connection,
        info=registry.find_info(connection.provider),
        run=connection.runs.first(),
        changed_run=connection.runs.filter(changed).first(),
        emptied=connection.cursors.filter(feed="contacts", emptied_at__isnull=False, emptied_confirmed=False).first(),
    )
