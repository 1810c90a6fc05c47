"""What support staff see of meetings: enough to help, nothing of what they are about."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from meetings.models import Meeting
from organizations.admin import AuditsOpening, LookOnly
from organizations.models import User


@admin.register(Meeting)
class MeetingAdmin(LookOnly, AuditsOpening):
    """Ids, times, status, services. No title, body, place, people or link is read from the database at all."""

    SHOWN = (
        "id",
        "owner",
        "connection",
        "remote_id",
        "container",
        "version",
        "starts",
        "ends",
        "starts_on",
        "ends_on",
        "timezone",
        "status",
        "response",
        "kind",
        "is_private",
        "is_free",
        "is_organizer",
        "attendee_count",
        "series_id",
        "join_services",
        "problem",
    )
    list_display = ("id", "owner", "starts", "status", "join_services", "problem")
    list_filter = ("status", "is_private")
    search_fields = ("owner__email", "remote_id")
    search_help_text = "The owner's e-mail address, or the event's id at the provider."
    list_select_related = ("owner",)
    ordering = ("-id",)
    show_full_result_count = False
    fields = readonly_fields = SHOWN

    def person_of(self, row: Meeting) -> User:
        return row.owner

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        return super().get_queryset(request).only(*self.SHOWN)
