"""What support staff see of contacts: whose, how many, which versions. Never a name, a number or a note."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from contacts.models import Contact, ContactFolder
from organizations.admin import AuditsOpening, LookOnly
from organizations.models import User


class Counted(LookOnly, AuditsOpening):
    """Looking is all there is, at fields that hold no content."""

    list_select_related = ["connection__user"]
    search_fields = ["connection__user__email", "connection__mailbox", "=remote_id"]
    search_help_text = "Person's e-mail address, mailbox, or the exact id at the provider"
    # Counting all contacts of all people, for a number nobody asked for, takes seconds where there are millions.
    show_full_result_count = False

    def person_of(self, row: Contact | ContactFolder) -> User:
        return row.connection.user

    @admin.display(ordering="connection__user__email")
    def person(self, row: Contact | ContactFolder) -> str:
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
