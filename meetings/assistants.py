"""Whom a person has named as assistants at the meeting host: they may be meant to schedule for them here, too.

Read in the background along with the upcoming meetings, and kept with their cursor.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models.functions import Lower
from django.utils import timezone

from integrations.errors import ProviderError
from meetings import host_settings
from meetings.hosting import OpenHost
from meetings.models import HostCursor, MeetingHost
from organizations.models import User

log = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
MOST_ASSISTANTS = 100


def find_assistants(user: User) -> Sequence[User]:
    """Colleagues who may schedule for this person at the host, and are not named here yet. At most two queries."""
    cursor = HostCursor.objects.filter(user=user).exclude(assistants_json=[]).first()
    if cursor is None or user.organization is None:
        return []
    colleagues = User.objects.filter(membership__organization=user.organization, is_active=True)
    known = colleagues.annotate(address=Lower("email")).filter(address__in=cursor.assistants_json)
    return list(known.exclude(pk=user.pk).exclude(delegated__owner=user).order_by("name", "email"))


def is_due(user: User) -> bool:
    return HostCursor.objects.filter(user=user).exclude(assistants_read_at__gt=timezone.now() - EVERY).exists()


def read(account: OpenHost, row: MeetingHost, person: User) -> None:
    """Ask the host, if it knows assistants and was not asked lately. What it does not answer is left as it was."""
    info = host_settings.find_info(row.kind)
    if info is None or not info.lists_assistants or not is_due(person):
        return
    kept: dict[str, Any] = {"assistants_read_at": timezone.now()}
    try:
        named = account.assistants(person.email)
    except ProviderError as error:
        log.info("Assistants were not read: %s", error.code, extra={"user": person.pk})
    else:
        kept["assistants_json"] = sorted({one.strip().lower() for one in named})[:MOST_ASSISTANTS]
    HostCursor.objects.filter(user=person).update(**kept)
