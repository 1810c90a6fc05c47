"""What was asked for here and is still on its way: shown at once, and known again when sync brings it first.

A contact that is to be made is a row like any other, under a remote id of ours; no listing sweeps it away. Once the
provider has it, by the outbox or by sync, the row takes the provider's id. A number on its way to a contact is a row
of that contact, behind all others.
"""

from collections.abc import Mapping
from dataclasses import replace

from django.db.models import Max
from django.utils import timezone

from contacts.drafts import as_record, as_shown, parse_draft
from contacts.models import PENDING_POSITION, Contact, ContactFolder, ContactNumber
from contacts.names import fold
from contacts.rows import Held, delete_contacts, find_held, read_numbers, region_of, write_contacts
from contacts.writing_models import ContactAction, ContactWrite
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.providers.base import NumberType
from integrations.providers.numbers import has_number
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber, RemoteRef


def show_contact(write: ContactWrite, connection: Connection) -> Contact:
    """Make the row of a contact that is to be made, or make it anew as it is wanted now."""
    folders = (write.folder,) if write.folder else _default_folders(connection)
    record = as_record(parse_draft(write.draft_json), write.pending_id, folders, types_of(connection))
    held = find_held(connection, [write.pending_id])
    write_contacts(connection, {write.pending_id: record}, {write.pending_id: ""}, held, region_of(connection))
    return Contact.objects.get(connection=connection, remote_id=write.pending_id)


def _default_folders(connection: Connection) -> tuple[str, ...]:
    found = ContactFolder.objects.filter(connection=connection, is_default=True, is_listed=True)
    return tuple(found.values_list("remote_id", flat=True)[:1])


def show_number(write: ContactWrite, contact: Contact, connection: Connection) -> None:
    """Make the row of a number that is to be added."""
    (number,) = parse_draft(write.draft_json).numbers
    record = RemoteContact(RemoteRef(""), numbers=(as_shown(number, types_of(connection)),))
    last = contact.numbers.aggregate(last=Max("position"))["last"] or 0
    for _, value, e164, extension, kind, label, problem in read_numbers(record, region_of(connection)):
        ContactNumber.objects.create(
            contact=contact,
            connection=connection,
            position=max(last + 1, PENDING_POSITION),
            value=value,
            e164=e164,
            extension=extension,
            kind=kind,
            label=label,
            problem=problem,
        )


def hide(write: ContactWrite, connection: Connection) -> None:
    """Take the row away of what is not to be written any more."""
    rows = Contact.objects.filter(connection=connection, remote_id=write.remote_id)
    if write.is_create:
        delete_contacts(list(rows.filter(remote_id=write.pending_id).values_list("pk", flat=True)))
        return
    for number in parse_draft(write.draft_json).numbers:
        pending = ContactNumber.objects.filter(contact__in=rows, position__gte=PENDING_POSITION)
        pending.filter(value=number.value).delete()


def take_over(write: ContactWrite, connection: Connection, remote_id: str) -> int | None:
    """Have the row of a contact that was to be made be that of the one which is there now, and note that it is done.

    Returns the row's key; None where there is no such row any more.
    """
    settle(write, remote_id=remote_id)
    pending = Contact.objects.filter(connection=connection, remote_id=write.pending_id)
    pk = pending.values_list("pk", flat=True).first()
    if pk is None:
        return None
    others = Contact.objects.filter(connection=connection, remote_id=remote_id)
    delete_contacts(list(others.values_list("pk", flat=True)))
    pending.update(remote_id=remote_id, stamp="")
    return pk


def settle(write: ContactWrite, **changes: object) -> None:
    ContactWrite.objects.filter(pk=write.pk).update(
        state=WriteState.DONE,
        finished_at=timezone.now(),
        taken_until=None,
        taken_by="",
        error_code="",
        error_sentence="",
        **changes,
    )


def types_of(connection: Connection) -> tuple[NumberType, ...]:
    method = connection.sign_in_method
    return method.number_types if method else ()


class Expected:
    """The open writes of a connection, as a page of sync meets them. One query, and more only where there are any."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._writes = list(ContactWrite.objects.open().filter(connection=connection))

    def adopt(self, records: Mapping[str, RemoteContact], held: dict[str, Held]) -> None:
        """Give the rows of contacts that were made, though no answer came, to those of `records`; `held` follows."""
        waiting = [one for one in self._writes if one.action == ContactAction.CREATE]
        for remote_id, record in records.items():
            if not waiting:
                return
            found = _find_made(record, waiting, is_new=remote_id not in held)
            if found is not None:
                waiting.remove(found)
                pk = take_over(found, self.connection, remote_id)
                if pk is not None:
                    held[remote_id] = Held(pk, "")

    def rename(self, old: str, new: str) -> None:
        """A contact has another id now, and so have the numbers on their way to it."""
        if any(one.remote_id == old for one in self._writes):
            ContactWrite.objects.filter(connection=self.connection, remote_id=old).update(remote_id=new)
            for one in self._writes:
                one.remote_id = new if one.remote_id == old else one.remote_id

    def keep_numbers(self, changed: Mapping[str, RemoteContact]) -> None:
        """Contacts were written anew: show again the numbers on their way to them, unless they have arrived."""
        for write in self._writes:
            record = changed.get(write.remote_id) if write.action == ContactAction.ADD_NUMBER else None
            if record is None:
                continue
            hide(write, self.connection)
            (number,) = parse_draft(write.draft_json).numbers
            if has_number(record, number):
                settle(write)
            else:
                show_number(
                    write,
                    Contact.objects.get(connection=self.connection, remote_id=write.remote_id),
                    self.connection,
                )


def _find_made(record: RemoteContact, waiting: list[ContactWrite], *, is_new: bool) -> ContactWrite | None:
    """By the key that it was made under; where the provider gives none, by what it says."""
    if record.key:
        key = record.key.replace("-", "").lower()
        return next((one for one in waiting if one.key.hex == key), None)
    if not is_new:
        return None
    return next((one for one in waiting if one.is_asked and is_made_of(record, parse_draft(one.draft_json))), None)


def is_made_of(record: RemoteContact, draft: ContactDraft) -> bool:
    """Whether a contact can be what this draft became: the same names, and a number or an e-mail address in common.

    Where the draft has neither of these two, neither has the contact.
    """
    names = (draft.given_name, draft.family_name) if draft.given_name or draft.family_name else (draft.organization,)
    theirs = (record.given_name, record.family_name) if len(names) == 2 else (record.organization,)
    if [_squeeze(one) for one in names] != [_squeeze(one) for one in theirs]:
        return False
    addresses = {one.address.casefold() for one in draft.emails}
    if not addresses and not draft.numbers:
        return not record.emails and not record.numbers
    return bool(addresses & {one.address.casefold() for one in record.emails}) or any(
        has_number(record, one) for one in draft.numbers
    )


def _squeeze(text: str) -> str:
    return " ".join(fold(text).split())


def retyped(draft: ContactDraft, type_: NumberType) -> ContactDraft:
    """The same with its numbers of another type."""
    numbers = tuple(RemoteNumber(one.value, type_.kind, type_.key, one.e164) for one in draft.numbers)
    return replace(draft, numbers=numbers)
