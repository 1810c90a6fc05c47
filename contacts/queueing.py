"""Putting contacts into the outbox: the row first, shown at once; and once it is committed a word to the worker."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts import expected
from contacts.drafts import Portrait, dump_draft, parse_draft
from contacts.models import Contact
from contacts.writing_models import ContactAction, ContactWrite
from integrations import outgoing
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.remote import ContactDraft, RemoteNumber

MOMENT = timedelta(seconds=30)
"""Within which nobody means to create the same contact again."""


def put_contact(connection: Connection, draft: ContactDraft, *, folder: str) -> Contact:
    """Have a contact made, in the caller's transaction, which has locked the connection. Returns its row."""
    write = ContactWrite(connection=connection, action=ContactAction.CREATE, folder=folder)
    write.draft_json, write.remote_id = dump_draft(draft), write.pending_id
    write.save()
    transaction.on_commit(lambda: wake(write))
    return expected.show_contact(write, connection)


def put_number(connection: Connection, contact: Contact, number: RemoteNumber, *, seen: Portrait) -> ContactWrite:
    """Have a number added to a contact that looks as it was `seen`; the transaction as in `put_contact`."""
    write = ContactWrite.objects.create(
        connection=connection,
        action=ContactAction.ADD_NUMBER,
        remote_id=contact.remote_id,
        version=contact.version,
        draft_json=dump_draft(ContactDraft(numbers=(number,))),
        seen_json=asdict(seen),
    )
    transaction.on_commit(lambda: wake(write))
    expected.show_number(write, contact, connection)
    return write


def put_again(write: ContactWrite, **changes: Any) -> None:
    """Try a write anew, at once, as the person wants it."""
    outgoing.put_again(write, **changes)
    transaction.on_commit(lambda: wake(write))


def change_and_put_again(write: ContactWrite, connection: Connection, draft: ContactDraft, *, folder: str) -> None:
    """The same with what is to be written changed."""
    if not write.is_create:
        expected.hide(write, connection)
    put_again(write, draft_json=dump_draft(draft), folder=folder)
    if write.is_create:
        expected.show_contact(write, connection)
        return
    contact = Contact.objects.filter(connection=connection, remote_id=write.remote_id).first()
    if contact is not None:
        expected.show_number(write, contact, connection)


def drop(write: ContactWrite, connection: Connection) -> None:
    """Give a write up, and take away what was shown of it."""
    expected.hide(write, connection)
    write.state, write.finished_at = WriteState.DROPPED, timezone.now()
    write.save(update_fields=["state", "finished_at"])


def replace_failed(write: ContactWrite, connection: Connection) -> bool:
    """Give up what the person has made something else of; False where it has been settled meanwhile."""
    rows = ContactWrite.objects.select_for_update(of=("self",)).filter(pk=write.pk, connection=connection)
    failed = rows.filter(state=WriteState.FAILED).first()
    if failed is not None:
        drop(failed, connection)
    return failed is not None


def find_twin(connection: Connection, draft: ContactDraft, *, folder: str) -> Contact | None:
    """The contact that the very same form has made a moment ago: a button was pressed twice, or the page sent again."""
    lately = ContactWrite.objects.filter(connection=connection, created_at__gt=timezone.now() - MOMENT)
    made = lately.filter(action=ContactAction.CREATE, folder=folder).exclude(state=WriteState.DROPPED)
    twin = next((one for one in made if parse_draft(one.draft_json) == draft), None)
    if twin is None:
        return None
    return Contact.objects.filter(connection=connection, remote_id=twin.remote_id).first()


def take_up_again(connection: Connection) -> None:
    """Try anew what had failed for want of a sign-in before there was one."""
    for write in outgoing.find_to_take_up(ContactWrite.objects.all(), connection):
        put_again(write)


def wake(write: ContactWrite) -> None:
    """Tell the worker. A message that is lost costs a minute: the sweep finds the row."""
    from contacts import tasks  # which imports what carries writes out, which makes rows as sync does

    tasks.carry_out.delay(write.pk)
