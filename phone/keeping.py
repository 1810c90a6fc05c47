"""What a phone system has told, as rows: one for each call and message of each person, however often it is told.

What is nobody's of the organization is left out, as is what is older than the organization keeps. What a person deleted
here stays deleted. One batch costs the same queries whatever it holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from phone import attempts, hiding
from phone.cleaning import (
    CALL_FIELDS,
    VOICEMAIL_FIELDS,
    clean_call,
    clean_voicemail,
    read_call,
    read_voicemail,
    write_call,
    write_voicemail,
)
from phone.merging import better_result, merge_calls, merge_voicemails
from phone.models import Call, PhoneSystem, Source, Voicemail
from phone.owners import find_owners
from phone.systems import CallRecord, Erasure, Told, VoicemailRecord

MOST_AT_ONCE = 500
FUTURE = timedelta(days=1)
"""How far ahead of ours a phone system's clock may be."""

Key = tuple[int, str]
"""The owner's primary key, and the phone system's id of the call or message."""
Calls = dict[Key, list[CallRecord]]
Voicemails = dict[Key, list[VoicemailRecord]]


@dataclass(slots=True)
class Kept:
    """How many rows were added, changed and hidden; and how many tellings were nobody's here, too old, or no use."""

    added: int = 0
    changed: int = 0
    hidden: int = 0
    left_out: int = 0


def apply(system: PhoneSystem, told: Iterable[Told], *, source: Source) -> Kept:
    """In one transaction for each `MOST_AT_ONCE`. What is erased is hidden after what else is told along with it."""
    kept, rest = Kept(), iter(told)
    while batch := list(islice(rest, MOST_AT_ONCE)):
        with transaction.atomic():
            locked = lock(system.pk)
            if locked is None:  # taken away meanwhile
                break
            _apply_batch(locked, batch, source, kept)
    return kept


def lock(system_id: UUID, *, skips: bool = False) -> PhoneSystem | None:
    """Keep others from writing what this system tells until the transaction ends; None: it is gone.

    `skips`: None, too, where somebody else is at it. Notifications come in all the same.
    """
    rows = PhoneSystem.objects.select_related("organization").filter(pk=system_id)
    if connection.features.has_select_for_update:  # elsewhere a transaction that writes keeps all others out
        rows = rows.select_for_update(no_key=True, skip_locked=skips, of=("self",))
    return rows.first()


def _apply_batch(system: PhoneSystem, told: Sequence[Told], source: Source, kept: Kept) -> None:
    owners = find_owners(system.organization, {one.owner for one in told})
    calls: Calls = defaultdict(list)
    voicemails: Voicemails = defaultdict(list)
    for one in told:
        if not isinstance(one, Erasure) and not _sort_in(system, one, owners.get(one.owner), calls, voicemails):
            kept.left_out += 1
    with_voicemail = {(owner, one.call_id) for (owner, _), several in voicemails.items() for one in several}
    _keep_voicemails(voicemails, kept)
    _keep_calls(calls, with_voicemail, source, kept)
    kept.hidden += hiding.hide(system, [one for one in told if isinstance(one, Erasure)], owners)


def _sort_in(
    system: PhoneSystem, told: CallRecord | VoicemailRecord, owner: int | None, calls: Calls, voicemails: Voicemails
) -> bool:
    """Whether it is kept: somebody's here, with an id, and neither too old nor from the future."""
    if owner is None:
        return False
    region, now = system.organization.default_region, timezone.now()
    oldest, newest = now - timedelta(days=system.keep_days), now + FUTURE
    if isinstance(told, CallRecord):
        call = clean_call(told, region)
        if not call.call_id or not oldest < call.started_at < newest:
            return False
        calls[owner, call.call_id].append(call)
        return True
    message = clean_voicemail(told, region)
    left_at = message.left_at or message.reported_at
    if not message.voicemail_id or left_at is None or not oldest < left_at < newest:
        return False
    voicemails[owner, message.voicemail_id].append(message)
    return True


def _keep_calls(told: Calls, with_voicemail: set[Key], source: Source, kept: Kept) -> None:
    """`with_voicemail`: calls of which a message has just been told. Those left earlier are looked up."""
    keys = told.keys() | with_voicemail
    rows = {(row.owner_id, row.call_id): row for row in _find(Call, "call_id", keys)}
    lifted = with_voicemail | {(row.owner_id, row.call_id) for row in _find(Voicemail, "call_id", told.keys())}
    added, changed = [], []
    for key in keys:
        row = rows.get(key)
        before = read_call(row) if row else None
        tellings = [*told.get(key, ()), *((before,) if before else ())]
        if not tellings:  # of its message alone: the call is still to be told
            continue
        merged = merge_calls(tellings)
        if key in lifted:
            merged = replace(merged, result=better_result(merged.result, "voicemail"))
        if row is None:
            added.append(write_call(Call(owner_id=key[0], call_id=key[1], source=source), merged))
        elif merged != before:
            changed.append(write_call(row, merged))
    clicked, unclicked = attempts.take_over(added)
    Call.objects.bulk_update(clicked, attempts.TAKEN)
    Call.objects.bulk_create(unclicked)
    Call.objects.bulk_update(changed, CALL_FIELDS)
    kept.added += len(added)
    kept.changed += len(changed)


def _keep_voicemails(told: Voicemails, kept: Kept) -> None:
    rows = {(row.owner_id, row.voicemail_id): row for row in _find(Voicemail, "voicemail_id", told.keys())}
    added, changed, read = [], [], []
    for key, tellings in told.items():
        row = rows.get(key)
        if row is None:
            merged = merge_voicemails(tellings)
            row = Voicemail(owner_id=key[0], voicemail_id=key[1], is_read=bool(merged.is_read))
            added.append(write_voicemail(row, merged))
            continue
        before = read_voicemail(row)
        merged = merge_voicemails([*tellings, before])
        if merged.is_read and not row.is_read:
            read.append(row.pk)
        if replace(merged, is_read=before.is_read) != before:
            changed.append(write_voicemail(row, merged))
    Voicemail.objects.bulk_create(added)
    Voicemail.objects.bulk_update(changed, VOICEMAIL_FIELDS)
    if read:  # by itself: with the rest it would take back what the person does here in the meantime
        Voicemail.objects.filter(pk__in=read).update(is_read=True)
    kept.added += len(added)
    kept.changed += len({one.pk for one in changed} | set(read))


def _find(model: Any, name: str, keys: Iterable[Key]) -> Iterator[Any]:
    """Rows of these owners with these ids: both lists narrow the search, and pairs that do not belong are left out."""
    wanted = {key for key in keys if key[1]}
    if wanted:
        ids = {f"{name}__in": {key[1] for key in wanted}}
        found = model.objects.filter(owner__in={key[0] for key in wanted}, **ids)
        yield from (row for row in found if (row.owner_id, getattr(row, name)) in wanted)
