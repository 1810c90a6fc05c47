"""What support staff see of meetings: enough to help, nothing of what they are about."""

from typing import cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from integrations.outgoing import WriteState
from meetings import queueing
from meetings.models import (
    AccountCalendar,
    CalendarList,
    Delegation,
    FeedLink,
    HostCursor,
    Meeting,
    MeetingHost,
    ScheduledMeeting,
    Write,
)
from organizations.admin import AuditsOpening, LookOnly
from organizations.client_address import client_address
from organizations.models import User, record


class ShownAlone(LookOnly, AuditsOpening):
    """Of each row only SHOWN is read from the database at all, whatever a page might ask for."""

    SHOWN: tuple[str, ...]
    show_full_result_count = False
    ordering = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).only(*self.SHOWN)


class OfOwner(ShownAlone):
    """Rows that have an `owner`."""

    search_fields = ["owner__email"]
    search_help_text = "The owner's e-mail address"
    list_select_related = ["owner"]

    def person_of(self, row: Meeting | ScheduledMeeting | Write | Delegation) -> User:
        return row.owner


class OfConnection(ShownAlone):
    """Rows of a person's connection."""

    search_fields = ("connection__user__email",)
    search_help_text = "The person's e-mail address"
    list_select_related = ("connection__user",)

    def person_of(self, row: AccountCalendar | CalendarList) -> User:
        return row.connection.user

    @admin.display(ordering="connection__user__email")
    def person(self, row: AccountCalendar | CalendarList) -> str:
        return row.connection.user.email


class OfUser(ShownAlone):
    search_fields = ("user__email",)
    search_help_text = "The person's e-mail address"
    list_select_related = ("user",)


@admin.register(Meeting)
class MeetingAdmin(OfOwner):
    """Ids, times, status, services. No title, body, place, people or link."""

    SHOWN = (
        "id",
        "owner",
        "connection",
        "origin",
        "scheduled",
        "is_shadow",
        "remote_id",
        "container",
        "version",
        "starts",
        "ends",
        "starts_on",
        "ends_on",
        "original_starts",
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
    list_display = ("id", "owner", "starts", "origin", "status", "join_services", "problem")
    list_filter = ("status", "origin", "is_private")
    search_fields = ["owner__email", "remote_id"]
    search_help_text = "The owner's e-mail address, or the event's id at the provider."


@admin.register(ScheduledMeeting)
class ScheduledMeetingAdmin(OfOwner):
    """When, for whom, where it stands. No topic, description, invitee, link, number or passcode."""

    SHOWN = (
        "id",
        "owner",
        "made_by",
        "created_at",
        "changed_at",
        "kind",
        "starts",
        "minutes",
        "timezone",
        "is_private",
        "host",
        "wants_calendar",
        "connection",
        "is_in_calendar",
        "remote_id",
        "deleted_at",
        "deleted_by",
        "deleted_there",
    )
    list_display = ("id", "owner", "starts", "kind", "host", "wants_calendar", "is_in_calendar", "deleted_at")
    list_filter = ("host", "wants_calendar", "is_in_calendar")


@admin.register(Write)
class WriteAdmin(OfOwner):
    """How far a change has come, and what is in its way. Nothing of what is written."""

    SHOWN = (
        "id",
        "owner",
        "by",
        "scheduled",
        "connection",
        "action",
        "host_action",
        "remote_id",
        "is_whole",
        "state",
        "tries",
        "created_at",
        "finished_at",
        "next_try_at",
        "taken_until",
        "error_code",
    )
    list_display = ("id", "owner", "action", "host_action", "state", "tries", "error_code", "created_at", "next_try_at")
    list_filter = ("state", "action", "error_code")
    actions = ("try_again",)

    @admin.action(description="Try this write again", permissions=["view"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[Write]) -> None:
        """What failed, or waits for its next try. Between two versions its person chooses."""
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
        write = Write.objects.select_for_update(of=("self",)).select_related("owner").get(pk=pk)
        if write.state not in (WriteState.FAILED, WriteState.WAITING):
            return False
        queueing.put_again(write)
        record(
            "write.tried_again",
            organization=write.owner.organization,
            actor=cast(User, request.user),
            subject=write.owner,
            details={"write": write.pk},
            address=client_address(request),
        )
    return True


@admin.register(Delegation)
class DelegationAdmin(OfOwner):
    SHOWN = ("id", "owner", "delegate", "may_manage_private", "until", "created_at")
    list_display = ("id", "owner", "delegate", "may_manage_private", "until")
    list_filter = ("may_manage_private",)
    list_select_related = ["owner", "delegate"]
    search_fields = ["owner__email", "delegate__email"]
    search_help_text = "The e-mail address of either"


@admin.register(AccountCalendar)
class AccountCalendarAdmin(OfConnection):
    """Which are read and written to. What a calendar is called stays with its person."""

    SHOWN = ("id", "connection", "is_own", "is_writable", "is_shown", "position")
    list_display = ("id", "person", "is_own", "is_writable", "is_shown", "position")
    list_filter = ("is_shown", "is_writable")


@admin.register(CalendarList)
class CalendarListAdmin(OfConnection):
    SHOWN = ("id", "connection", "checked_at", "asked_at", "error_code")
    list_display = ("id", "person", "checked_at", "error_code")
    list_filter = ("error_code",)


@admin.register(MeetingHost)
class MeetingHostAdmin(LookOnly, admin.ModelAdmin):
    """Which host an organization has and whether it works. Neither its credentials nor what its links look like."""

    SHOWN = ("organization", "kind", "client_id", "reads_upcoming", "checked_at", "changed_at", "error_code")
    list_display = ("organization", "kind", "checked_at", "error_code")
    list_filter = ("kind", "error_code")
    list_select_related = ("organization",)
    search_fields = ("organization__name",)
    fields = readonly_fields = SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[MeetingHost]:
        return super().get_queryset(request).only(*self.SHOWN)


@admin.register(HostCursor)
class HostCursorAdmin(OfUser):
    SHOWN = ("id", "user", "next_read_at", "read_at", "failures", "error_code", "assistants_read_at")
    list_display = ("id", "user", "read_at", "next_read_at", "failures", "error_code")
    list_filter = ("error_code",)


@admin.register(FeedLink)
class FeedLinkAdmin(OfUser):
    """That there is an address, and when it was read; never the address, nor its hash."""

    SHOWN = ("id", "user", "with_delegated", "created_at", "read_at")
    list_display = ("id", "user", "with_delegated", "created_at", "read_at")
