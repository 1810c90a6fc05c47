"""What was deleted at the phone system is not shown here any more, either."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from organizations.models import User
from phone.cleaning import clean_id
from phone.models import Call, PhoneSystem, Voicemail
from phone.systems import Erasure, Owner

_IDS: tuple[tuple[Any, str, Callable[[Erasure], tuple[str, ...]]], ...] = (
    (Call, "call_id", lambda one: one.call_ids),
    (Call, "log_id", lambda one: one.log_ids),
    (Voicemail, "voicemail_id", lambda one: one.voicemail_ids),
)
_NOTHING = Q(pk__in=())


def hide(system: PhoneSystem, erasures: Sequence[Erasure], owners: Mapping[Owner, int]) -> int:
    """How many rows. One query for each kind of id, and one for each person all of whose calls were deleted."""
    now, hidden = timezone.now(), 0
    for model, name, ids_of in _IDS:
        which = _NOTHING
        for one in erasures:
            ids = [cleaned for item in ids_of(one) if (cleaned := clean_id(item))]
            if ids and (whose := _find_whose(system, one.owner, owners)) is not None:
                which |= whose & Q(**{f"{name}__in": ids})
        if which is not _NOTHING:
            hidden += model.objects.filter(which, hidden_at__isnull=True).update(hidden_at=now)
    for one in erasures:
        if one.calls_until and (owner := owners.get(one.owner)):
            mine = Call.objects.filter(owner_id=owner, hidden_at__isnull=True, started_at__lte=one.calls_until)
            hidden += mine.exclude(call_id="").update(hidden_at=now)
    return hidden


def _find_whose(system: PhoneSystem, owner: Owner, owners: Mapping[Owner, int]) -> Q | None:
    """None: a stranger's. An erasure of nobody's is one of whoever in the organization has it."""
    if owner in owners:
        return Q(owner_id=owners[owner])
    members = User.objects.filter(membership__organization=system.organization_id)
    return Q(owner__in=members.values("pk")) if owner == Owner() else None
