"""Contacts: the address books of connected accounts as our rows, and how their owner's pages read them."""

from typing import Any

import orjson
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from contacts.names import NO_NAME, SORT_LENGTH, fold, initial_of
from contacts.writing_models import PENDING, ContactWrite
from integrations.models import Connection
from integrations.numbers import KIND_LABELS, find_digits, format_number, is_number_like, parse_number
from integrations.permissions import Permission
from integrations.remote import NumberKind, RemoteEmail
from organizations.models import User

__all__ = ["ContactWrite"]  # Django finds an app's models by way of this module

PENDING_POSITION = 10_000
"""From here on stand the numbers that are only on their way to a contact."""
MOST_WORDS = 8
"""Words of a search that are looked for; more would only slow it down."""


class BytewiseCharField(models.CharField):
    """Text that every database orders alike, by code point: PostgreSQL would ask its locale."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class ContactFolder(models.Model):
    """A folder or label of an address book. `parent_id` is not a key: a parent may come later, or never.

    A folder that the provider no longer lists is not deleted while a contact says that it is in it: an answer that
    left folders out by mistake would else take them from contacts for good, because these come again only when they
    change. Nor does a contact wait for its folder to be listed. Pages show only what is listed.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="contact_folders", db_index=False)
    remote_id = models.CharField(max_length=512)
    name = models.CharField(max_length=300, blank=True)
    parent_remote_id = models.CharField(max_length=512, blank=True)
    position = models.PositiveIntegerField(default=0, help_text="Its place in the provider's own order.")
    is_default = models.BooleanField(default=False)
    is_writable = models.BooleanField(default=True)
    is_listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="one_contact_folder_per_remote_id")
        ]

    def __str__(self) -> str:
        return f"Folder {self.pk}"

    @property
    def label(self) -> str:
        return self.name or "Unnamed folder"


class ContactQuerySet(models.QuerySet["Contact"]):
    """Reads, named for the reader's question."""

    def visible_to(self, user: User) -> "ContactQuerySet":
        """The person's own contacts, where today's policy lets them have any. Nobody sees another's."""
        connection = Connection.objects.filter(user=user).select_related("user").first()
        return self.of(connection) if connection else self.none()

    def of(self, connection: Connection) -> "ContactQuerySet":
        """Those of a connection, none of them where it may not read contacts."""
        if not connection.may(Permission.CONTACTS_READ):
            return self.none()
        return self.filter(connection=connection)

    def in_folder(self, folder: ContactFolder) -> "ContactQuerySet":
        """Directly in it, as the provider shows it: not in the folders below."""
        return self.filter(filings__folder=folder)

    def search(self, text: str, *, region: str = "") -> "ContactQuerySet":
        """Every word occurs in a name, the organization, the title or an e-mail address, or it all is a number.

        Case, accents and width do not matter. A number is found by any part of it of two digits or more, in any
        spelling that someone in `region` would use.
        """
        as_words, as_number = Q(), Q()
        for word in fold(text.replace("\x00", " ")).split()[:MOST_WORDS]:
            as_words &= Q(search_text__contains=word)
        for digits in _find_number(text, region):
            as_number |= Q(search_text__contains=digits)
        return self.filter(as_words | as_number)

    def saved(self) -> "ContactQuerySet":
        """Without those that are only on their way to the address book."""
        return self.exclude(remote_id__startswith=PENDING)

    def by_name(self) -> "ContactQuerySet":
        return self.order_by("sort_name", "pk")

    def for_list(self) -> "ContactQuerySet":
        """Without what a list does not show."""
        return self.only("remote_id", "display_name", "sort_name", "organization", "title", "emails_json")


def _find_number(text: str, region: str) -> list[str]:
    """Strings of digits one of which is in the search text of whoever has this number; none where it is no number."""
    found = []
    if is_number_like(text) and len(part := find_digits(text).lstrip("0")) >= 2:
        # What is dialled before the number proper (0, 00) is not part of it.
        found.append(part)
    if len(find_digits(text)) >= 3 and (number := parse_number(text.strip(), region)).e164:
        found.append(number.e164[1:])
    return found


class Contact(models.Model):
    """A person or organization in a connected address book.

    `emails_json` and `addresses_json` are text that holds JSON: never queried into, written by the thousand.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    remote_id = models.CharField(max_length=512)
    version = models.CharField(max_length=255, blank=True, help_text="The provider's etag or change key.")
    stamp = models.CharField(max_length=300, blank=True, help_text="Version, and what else the row was made from.")
    given_name = models.CharField(max_length=300, blank=True)
    family_name = models.CharField(max_length=300, blank=True)
    display_name = models.CharField(max_length=300, blank=True, help_text="Empty: it has nothing to be called by.")
    sort_name = BytewiseCharField(max_length=SORT_LENGTH, blank=True)
    organization = models.CharField(max_length=300, blank=True)
    title = models.CharField(max_length=300, blank=True)
    emails_json = models.TextField(default="[]", blank=True)
    # The long ones last: a row is read up to the last column asked for.
    search_text = models.TextField(blank=True)
    addresses_json = models.TextField(default="[]", blank=True)
    note = models.TextField(blank=True)

    folders = models.ManyToManyField(ContactFolder, through="Filing", related_name="contacts")
    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="one_contact_per_remote_id")]
        # Serves the list in its order, and a search, which reads one person's rows in that order until a page is full.
        indexes = [models.Index(fields=["connection", "sort_name", "id"], name="contacts_by_name")]

    def __str__(self) -> str:
        return f"Contact {self.pk}"

    @property
    def name(self) -> str:
        return self.display_name or NO_NAME

    @property
    def is_pending(self) -> bool:
        """Whether it is only on its way to the address book; see ContactWrite."""
        return self.remote_id.startswith(PENDING)

    @property
    def initial(self) -> str:
        """The letter it stands under in a list."""
        return initial_of(self.sort_name)

    @property
    def emails(self) -> tuple[RemoteEmail, ...]:
        return tuple(RemoteEmail(**one) for one in orjson.loads(self.emails_json))

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(orjson.loads(self.addresses_json))


class ContactNumber(models.Model):
    """A phone number of a contact. Without an `e164` it cannot be called, and `problem` says why.

    `connection` is the contact's, once more: a number that a whole house knows is in as many address books.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="numbers", db_index=False)
    # It goes with its contact.
    connection = models.ForeignKey(Connection, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    position = models.PositiveSmallIntegerField()
    value = models.CharField(max_length=300, help_text="As it stands at the provider.")
    e164 = models.CharField("E.164", max_length=20, blank=True)
    extension = models.CharField(max_length=20, blank=True)
    kind = models.CharField(
        max_length=10, choices=[(kind.value, label) for kind, label in KIND_LABELS.items()], default=NumberKind.OTHER
    )
    label = models.CharField(max_length=100, blank=True, help_text="The provider's own name for the kind.")
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["contact", "position"], name="one_number_per_position")]
        # Whose number is this that is calling?
        indexes = [models.Index(fields=["connection", "e164"], name="numbers_by_e164")]

    def __str__(self) -> str:
        return f"Number {self.pk}"

    @property
    def is_callable(self) -> bool:
        return bool(self.e164)

    @property
    def is_pending(self) -> bool:
        """Whether it is only on its way to the contact; see ContactWrite."""
        return self.position >= PENDING_POSITION

    @property
    def kind_label(self) -> str:
        """The provider's own label where it says more than ours."""
        if self.kind == NumberKind.OTHER and self.label:
            return self.label
        return KIND_LABELS[NumberKind(self.kind)]

    def format_for(self, region: str) -> str:
        """As people in `region` write it; one that cannot be read, as it stands."""
        return format_number(self.e164, region, extension=self.extension) if self.e164 else self.value


class Filing(models.Model):
    """That a contact is in a folder. One at Microsoft, any number at Google."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="filings", db_index=False)
    folder = models.ForeignKey(ContactFolder, on_delete=models.CASCADE, related_name="filings", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["folder", "contact"], name="one_filing_per_folder_and_contact")]
        indexes = [models.Index(fields=["contact"], name="filings_of_a_contact")]

    def __str__(self) -> str:
        return f"Contact {self.contact_id} in folder {self.folder_id}"
