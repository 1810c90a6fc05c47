"""What an error leads to: how a connection stands after a run, and how long until the next try."""

import random
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from integrations import errors
from integrations.models import Connection, Status

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LONGEST_RETRY_AFTER = 24 * HOUR


class RunTooLong(errors.ProviderError):
    """The run used up its time; what is written stays, and the next run goes on."""

    code = "run_too_long"
    sentence = "Reading took longer than one run may take. We will go on by ourselves."


@dataclass(frozen=True, slots=True)
class Plan:
    """What an error means for a connection: its status, and how long until the next try (first, and at most)."""

    status: Status
    first: timedelta
    most: timedelta


# The one table from error to what happens next. A provider's own Retry-After wins where it is longer.
PLANS: dict[type[errors.ProviderError], Plan] = {
    errors.ReconnectNeeded: Plan(Status.RECONNECT_NEEDED, HOUR, HOUR),
    errors.PermissionMissing: Plan(Status.RECONNECT_NEEDED, HOUR, HOUR),
    errors.AdminNeeded: Plan(Status.ADMIN_NEEDED, 6 * HOUR, 6 * HOUR),
    errors.NotOffered: Plan(Status.ADMIN_NEEDED, HOUR, 6 * HOUR),
    errors.Refused: Plan(Status.ADMIN_NEEDED, HOUR, 6 * HOUR),
    errors.RateLimited: Plan(Status.CONNECTED, 2 * MINUTE, HOUR),
    errors.Unreachable: Plan(Status.CONNECTED, MINUTE, HOUR),
    RunTooLong: Plan(Status.CONNECTED, MINUTE, HOUR),
    errors.Unexpected: Plan(Status.CONNECTED, 5 * MINUTE, 6 * HOUR),
}
ACCOUNT_WIDE = (errors.ReconnectNeeded, errors.RateLimited, errors.NotOffered, RunTooLong)
"""Whatever was being read, these speak of the whole account: reading the next calendar would end the same way."""


def plan_next(connection: Connection, error: errors.ProviderError | None) -> tuple[Status, timedelta]:
    """The connection's status after a run, and how long until the next. Jittered, so that no two keep step."""
    if error is None:
        return Status.CONNECTED, timedelta(seconds=settings.SYNC["every_seconds"]) * random.uniform(0.9, 1.1)  # noqa: S311
    return _plan_of(error).status, wait_after(error, connection.failures)


def wait_after(error: errors.ProviderError, failures: int) -> timedelta:
    """How long until the next try, after that many failures before this one. Jittered."""
    plan = _plan_of(error)
    wait = min(plan.first * 2 ** min(failures, 10), plan.most) * random.uniform(1.0, 1.3)  # noqa: S311
    asked = getattr(error, "retry_after", None) or timedelta(0)
    return max(wait, min(asked, LONGEST_RETRY_AFTER) * random.uniform(1.0, 1.1))  # noqa: S311


def _plan_of(error: errors.ProviderError) -> Plan:
    return PLANS.get(type(error), PLANS[errors.Unexpected])
