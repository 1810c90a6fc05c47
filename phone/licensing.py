"""Who has a phone at the phone system, as licences of ours: by e-mail address, within the organization alone."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from organizations.models import Organization, User
from organizations.people import lock
from phone.models import Licence, PhoneSystem
from phone.systems import PhoneUser

log = logging.getLogger(__name__)

EVERY = timedelta(hours=12)
BATCH = 500
LONGEST_EXTENSION = 20
_FIELDS = ["is_at_system", "remote_id", "extension", "numbers_json"]


def is_due(row: PhoneSystem, now: datetime) -> bool:
    return row.licences_read_at is None or row.licences_read_at <= now - EVERY


def ask(organization: Organization) -> bool:
    """Have the phone system asked at its next turn, which is now. Whether there is one."""
    now = timezone.now()
    rows = PhoneSystem.objects.filter(organization=organization)
    return bool(rows.update(licences_read_at=None, next_reconcile_at=now))


def keep(row: PhoneSystem, listed: Iterable[PhoneUser]) -> None:
    """Whoever is named gets a licence by the system; whoever is no longer loses it. What admins assigned stays.

    Where the organization does not go by the system, people are still told apart by what it calls them, so that their
    calls find them. That it names nobody at all, where it has named somebody before, is not believed.
    """
    named = _by_address(listed)
    now = timezone.now()
    with transaction.atomic():
        lock(row.organization)
        same = PhoneSystem.objects.select_for_update().filter(pk=row.pk, changed_at=row.changed_at)
        if not same.exists():
            return
        held = {one.user_id: one for one in Licence.objects.filter(user__membership__organization=row.organization_id)}
        if not named and any(one.remote_id for one in held.values()):
            log.warning("A phone system names nobody who has a phone; everybody keeps their licence")
            same.update(licences_read_at=now)
            return
        people = User.objects.filter(membership__organization=row.organization_id, is_active=True)
        wanted = {pk: named[email.lower()] for pk, email in people.values_list("pk", "email") if email.lower() in named}
        _write(row, held, wanted, now)
        same.update(licences_read_at=now)


def _by_address(listed: Iterable[PhoneUser]) -> dict[str, PhoneUser]:
    """Of two with one address the one whose phone works."""
    named: dict[str, PhoneUser] = {}
    for one in listed:
        email = one.email.strip().lower()
        if email and (email not in named or (one.is_active and not named[email].is_active)):
            named[email] = one
    return named


def _write(row: PhoneSystem, held: Mapping[int, Licence], wanted: Mapping[int, PhoneUser], now: datetime) -> None:
    added, changed = [], []
    for pk, person in wanted.items():
        values = _make_values(person, goes_by_system=row.reads_licences)
        if pk not in held:
            added.append(Licence(user_id=pk, read_at=now, **values))
        elif _differs(held[pk], values):
            changed.append(_set(held[pk], values))
    remote_ids = {one.remote_id for one in wanted.values()}
    for pk, licence in held.items():
        # Extensions are given to others, who may not be here: their calls would come to whoever had it before. An id
        # stays theirs, for calls that are told late, unless somebody else here has it now.
        remote_id = "" if licence.remote_id in remote_ids else licence.remote_id
        values = {"is_at_system": False, "remote_id": remote_id, "extension": "", "numbers_json": []}
        if pk not in wanted and _differs(licence, values):
            changed.append(_set(licence, values))
    Licence.objects.bulk_create(added, batch_size=BATCH)
    if changed:
        Licence.objects.bulk_update(changed, _FIELDS, batch_size=BATCH)
    known = Licence.objects.filter(user__membership__organization=row.organization_id)
    known.filter(is_at_system=True).update(read_at=now)


def _make_values(person: PhoneUser, *, goes_by_system: bool) -> dict[str, Any]:
    return {
        "is_at_system": person.is_active and goes_by_system,
        "remote_id": person.remote_id[:200],
        "extension": person.extension[:LONGEST_EXTENSION],
        "numbers_json": list(person.numbers),
    }


def _differs(licence: Licence, values: Mapping[str, Any]) -> bool:
    return any(getattr(licence, name) != value for name, value in values.items())


def _set(licence: Licence, values: Mapping[str, Any]) -> Licence:
    for name, value in values.items():
        setattr(licence, name, value)
    return licence
