"""What is written to address books from here, kept until it is done."""

import uuid

from django.db import models
from django.db.models import Q

from integrations.models import Connection
from integrations.outgoing import Outgoing, OutgoingQuerySet
from integrations.permissions import Permission
from organizations.models import User

PENDING = "pending:"
"""What the remote id begins with of a contact that is still to be made there. No provider's id does: see rows.is_id."""


class ContactAction(models.TextChoices):
    CREATE = "create", "Create"
    ADD_NUMBER = "add_number", "Add a number"


class ContactWriteQuerySet(OutgoingQuerySet["ContactWrite"]):
    def visible_to(self, user: User) -> "ContactWriteQuerySet":
        """The person's own, where contacts may be read now: they say what stands there. Nobody sees another's."""
        connection = Connection.objects.filter(user=user).first()
        if connection is None:
            return self.none()
        connection.user = user
        return self.filter(connection=connection) if connection.may(Permission.CONTACTS_READ) else self.none()


class ContactWrite(Outgoing):
    """A contact on its way into the address book, or a number on its way to a contact there: the outbox.

    It is shown at once: a new contact by a row whose `remote_id` is made of our key until the provider has given one,
    a number by a row of its contact (see ContactNumber.is_pending). Goes with its connection.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="contact_writes")
    action = models.CharField(max_length=10, choices=ContactAction.choices)
    key = models.UUIDField(default=uuid.uuid4, unique=True, help_text="What is made under; see AddressBook.create.")
    remote_id = models.CharField(max_length=512, help_text="Of the contact's row.")
    folder = models.CharField(max_length=512, blank=True, help_text="RemoteFolder.id; empty: where new ones go.")
    draft_json = models.JSONField(default=dict, help_text="contacts.drafts.dump_draft(): what is wanted.")
    version = models.CharField(max_length=255, blank=True, help_text="What the person saw.")
    seen_json = models.JSONField(default=dict, blank=True, help_text="contacts.drafts.Portrait: what the person saw.")
    is_asked = models.BooleanField(default=False, help_text="It may be there, though no answer came.")

    objects = ContactWriteQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="contact_writes_by_due_time", condition=Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.pk}: {self.get_state_display()}"

    @property
    def pending_id(self) -> str:
        """The remote id of the row of a contact still to be made."""
        return PENDING + self.key.hex

    @property
    def is_create(self) -> bool:
        return self.action == ContactAction.CREATE
