"""What support staff see of contacts: whose, how many, which versions. Never a name, a number or a note."""

from typing import cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from contacts import queueing
from contacts.models import Contact, ContactFolder, ContactWrite
from integrations.outgoing import WriteState
from organizations.admin import AuditsOpening, LookOnly
from organizations.client_address import client_address
from organizations.models import User, record


class Counted(LookOnly, AuditsOpening):
    """Looking is all there is, at fields that hold no content."""

    list_select_related = ["connection__user"]
    search_fields = ["connection__user__email", "connection__mailbox", "=remote_id"]
    search_help_text = "Person's e-mail address, mailbox, or the exact id at the provider"
    # Counting all contacts of all people, for a number nobody asked for, takes seconds where there are millions.
    show_full_result_count = False

    def person_of(self, row: Contact | ContactFolder | ContactWrite) -> User:
        return row.connection.user

    @admin.display(ordering="connection__user__email")
    def person(self, row: Contact | ContactFolder | ContactWrite) -> str:
        return row.connection.user.email


@admin.register(ContactFolder)
class ContactFolderAdmin(Counted):
    list_display = ["pk", "person", "remote_id", "contacts_in_it", "is_default", "is_writable", "is_listed"]
    list_filter = ["is_listed", "is_default"]
    readonly_fields = (
        "person",
        "remote_id",
        "parent_remote_id",
        "position",
        "contacts_in_it",
        "is_default",
        "is_writable",
        "is_listed",
    )
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactFolder]:
        return super().get_queryset(request).annotate(size=Count("filings"))

    @admin.display(description="contacts in it", ordering="size")
    def contacts_in_it(self, folder: ContactFolder) -> int:
        return folder.size  # type: ignore[attr-defined]


@admin.register(Contact)
class ContactAdmin(Counted):
    list_display = ["pk", "person", "remote_id", "version"]
    list_per_page = 50
    ordering = ["-pk"]
    readonly_fields = ("person", "remote_id", "version", "stamp", "number_count", "unreadable_count", "folder_count")
    fields = readonly_fields

    @admin.display(description="phone numbers")
    def number_count(self, contact: Contact) -> int:
        return contact.numbers.count()

    @admin.display(description="of these unreadable")
    def unreadable_count(self, contact: Contact) -> int:
        return contact.numbers.filter(e164="").count()

    @admin.display(description="folders")
    def folder_count(self, contact: Contact) -> int:
        return contact.filings.count()


@admin.register(ContactWrite)
class ContactWriteAdmin(Counted):
    """How far a change is, never what it says. A failed one can be tried again for its person."""

    list_display = ["pk", "person", "action", "state", "tries", "error_code", "created_at", "next_try_at"]
    list_filter = ["state", "action", "error_code"]
    readonly_fields = (
        "person",
        "action",
        "remote_id",
        "state",
        "tries",
        "is_asked",
        "created_at",
        "finished_at",
        "next_try_at",
        "taken_until",
        "error_code",
    )
    fields = readonly_fields
    actions = ["try_again"]

    @admin.action(description="Try this write again", permissions=["view"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[ContactWrite]) -> None:
        """What failed, or waits for its next try. Where a contact was changed meanwhile its person chooses."""
        tried = sum(try_write_again(pk, request) for pk in chosen.values_list("pk", flat=True))
        if tried:
            self.message_user(request, f"Tried again: {tried}.", messages.SUCCESS)
        if left := len(chosen) - tried:
            self.message_user(
                request, f"Left as they are, since they neither failed nor wait: {left}.", messages.WARNING
            )


def try_write_again(pk: int, request: HttpRequest) -> bool:
    """Whether the write stood in the way of itself, and is under way now."""
    with transaction.atomic():
        write = ContactWrite.objects.select_for_update(of=("self",)).select_related("connection__user").get(pk=pk)
        if write.state not in (WriteState.FAILED, WriteState.WAITING):
            return False
        queueing.put_again(write)
        owner = write.connection.user
        record(
            "contact_write.tried_again",
            organization=owner.organization,
            actor=cast(User, request.user),
            subject=owner,
            details={"write": write.pk},
            address=client_address(request),
        )
    return True
