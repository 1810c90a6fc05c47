"""The meeting host that an organization has set up."""

from meetings.hosting import Host
from organizations.models import Organization


def find_host(organization: Organization | None) -> Host | None:
    """None where it has none."""
    return None
