"""What somebody may ask for when they schedule for a person: which calendar, what kind, and why not what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from integrations import registry
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.permissions import Permission
from integrations.policy_models import policy_for
from integrations.providers.base import ProviderInfo
from integrations.standing import Standing
from meetings.calendars import writable_calendars
from meetings.delegating import Circle
from meetings.host_settings import find_info, find_row
from meetings.hosting import HostInfo
from meetings.models import AccountCalendar
from meetings.visibility import Relation
from organizations.models import User

NO_CALENDAR = "none"
OWN = "own"


@dataclass(frozen=True, slots=True)
class Offer:
    """For one owner, as one person may ask."""

    owner: User
    relation: Relation
    standing: Standing
    """Whether the owner's calendar may be written to; see Standing.lacks."""
    calendars: Sequence[AccountCalendar]
    host: HostInfo | None
    """None where the organization has no meeting host."""

    @property
    def is_own(self) -> bool:
        return self.relation is Relation.OWNER

    @property
    def may_be_private(self) -> bool:
        return self.relation is not Relation.DELEGATE

    @property
    def has_webinars(self) -> bool:
        return self.host is not None and "webinar" in self.host.kinds

    @property
    def connection(self) -> Connection | None:
        return self.standing.connection

    @property
    def info(self) -> ProviderInfo | None:
        return self.standing.info

    @property
    def calendar_choices(self) -> list[tuple[str, str]]:
        """(value, words), the own calendar first."""
        named = [(key_of(one), one.name or one.remote_id) for one in self.calendars]
        return [*named, (NO_CALENDAR, "No calendar: it stands here alone")]

    def find_calendar(self, value: str) -> AccountCalendar | None:
        return next((one for one in self.calendars if key_of(one) == value), None)


def key_of(calendar: AccountCalendar) -> str:
    """The own calendar may have no row yet."""
    return str(calendar.pk) if calendar.remote_id else OWN


def find_offer(circle: Circle, owner_id: int) -> Offer | None:
    """None for somebody whom this person does not schedule for."""
    owner = circle.find_owner(owner_id)
    if owner is None:
        return None
    connection = find_connection(owner)
    standing = find_write_standing(owner, connection)
    is_writable = connection is not None and not standing.lacks and not connection.needs_reconnect
    row = find_row(owner.organization)
    return Offer(
        owner=owner,
        relation=circle.relation_to(owner.pk),
        standing=standing,
        calendars=writable_calendars(connection) if is_writable and connection else [],
        host=find_info(row.kind) if row else None,
    )


def find_write_standing(owner: User, connection: Connection | None) -> Standing:
    info = registry.find_info(connection.provider) if connection else None
    return Standing(Permission.CALENDAR_WRITE, policy_for(owner), connection, info)
