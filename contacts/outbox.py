"""Carrying out what is to be written to address books, one write at a time; see integrations.outgoing.

What the address book answers becomes rows in one transaction, as sync would make them. Each step may be made again.
"""

from dataclasses import asdict, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from contacts import expected
from contacts.drafts import parse_draft, parse_portrait, portray_record
from contacts.rows import region_of
from contacts.sync import ContactsFeed
from contacts.writing_models import ContactAction, ContactWrite
from integrations import errors, outgoing, registry
from integrations.gateway import PermittedContacts
from integrations.models import Connection
from integrations.outgoing import Contested, Opened, WriteState
from integrations.remote import Delta, RemoteContact, RemoteRef

MOST_REREADS = 3


def find_due() -> list[int]:
    """Keys of the writes to carry out now, in order."""
    return outgoing.find_due(ContactWrite.objects.all())


def carry_out(write_id: int) -> ContactWrite | None:
    """Carry out one write, if it is due and nobody else is at it. The answer is the write as it was left."""
    return outgoing.carry_out(ContactWrite.objects.all(), write_id, _carry)


def _carry(write: ContactWrite) -> None:
    """Raises ProviderError, LeaseLost, Busy, Contested."""
    outgoing.write_under_lease(write.connection_id, lambda opened: Carrier(write, opened).carry())


class Carrier:
    """One write under the lease of its connection."""

    def __init__(self, write: ContactWrite, opened: Opened) -> None:
        self.write = write
        self.connection = opened.connection
        self.lease = opened.lease
        self.contacts: PermittedContacts = opened.account.contacts

    def carry(self) -> None:
        """Raises ProviderError, LeaseLost, Contested."""
        # Until the lease was ours, a sync may have found it made.
        self.write.refresh_from_db()
        if self.write.state != WriteState.WAITING:
            return
        if self.write.action == ContactAction.CREATE:
            self._create()
        else:
            self._add_number()

    def _create(self) -> None:
        # Before it is made: if the answer is lost, nothing else tells that it may be there.
        self.write.is_asked = True
        self.write.save(update_fields=["is_asked"])
        draft = parse_draft(self.write.draft_json)
        try:
            contact = self.contacts.create(draft, key=self.write.key.hex, folder=self.write.folder)
        except errors.Gone as error:
            sentence = f"The folder you chose is no longer there in {self._service}. Choose another one."
            raise errors.Gone(sentence, detail=error.detail) from error
        with transaction.atomic():
            self.lease.renew()
            if ContactWrite.objects.select_for_update().get(pk=self.write.pk).state == WriteState.WAITING:
                expected.take_over(self.write, self.connection, contact.ref.id)
            ContactsFeed().apply(self.connection, Delta(changed=(contact,)))

    def _add_number(self) -> None:
        try:
            contact = self._add()
        except errors.Gone as error:
            # Where it was only moved, sync brings it back under its new id.
            Connection.objects.filter(pk=self.connection.pk).update(next_sync_at=timezone.now())
            sentence = f"This contact is no longer there in {self._service}: it was deleted or moved meanwhile."
            raise errors.Gone(sentence, detail=error.detail) from error
        with transaction.atomic():
            self.lease.renew()
            ContactsFeed().apply(self.connection, Delta(changed=(contact,)))
            # Where it was there already, or is kept there as another text, it would be shown as on its way for ever.
            expected.hide(self.write, self.connection)
            # What else was asked of the contact as it was before does not come as a surprise to anybody now.
            beside = ContactWrite.objects.filter(connection=self.connection, remote_id=self.write.remote_id)
            beside.filter(state=WriteState.WAITING, version=self.write.version).exclude(pk=self.write.pk).update(
                version=contact.ref.version[:255], seen_json=self._portray(contact)
            )

    def _add(self) -> RemoteContact:
        """Raises ProviderError, Contested."""
        (number,) = parse_draft(self.write.draft_json).numbers
        seen = parse_portrait(self.write.seen_json)
        ref = RemoteRef(self.write.remote_id, version=self.write.version)
        for _ in range(MOST_REREADS):
            try:
                return self.contacts.add_number(ref, number)
            except errors.Conflict:
                theirs = self.contacts.read(replace(ref, version=""))
            if not seen.is_same_person(portray_record(theirs, region_of(self.connection))):
                raise Contested(self._portray(theirs), theirs.ref.version[:255])
            ref = theirs.ref
        raise errors.Unexpected(detail="changed there again and again")

    def _portray(self, contact: RemoteContact) -> dict[str, object]:
        return asdict(portray_record(contact, region_of(self.connection)))

    @property
    def _service(self) -> str:
        info = registry.find_info(self.connection.provider)
        return info.contacts_name if info else "your address book"


def forget_old(now: datetime | None = None) -> int:
    """Remove writes that are long done or given up."""
    return ContactWrite.objects.forgettable(now or timezone.now()).delete()[0]
