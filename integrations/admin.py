"""What support staff see and do: nothing secret, and nothing of what people keep in calendars and address books."""

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import overseeing, support, wording  # noqa: F401 (support puts the page about a person in its place)
from integrations.models import AdminPolicy, Connection, PushChannel, SyncRun
from integrations.permissions import Permissions
from organizations.admin import AuditsOpening, LookOnly
from organizations.client_address import client_address
from organizations.models import User

MOST_REFUSALS = 5
"""How many are said in full, of a whole page that was chosen."""


class RecentRuns(LookOnly, admin.TabularInline):
    """The last twenty runs."""

    model = SyncRun
    extra = 0
    ordering = ["-started_at"]
    readonly_fields = (
        "started_at",
        "finished_at",
        "trigger",
        "outcome",
        "feed",
        "seen",
        "added",
        "changed",
        "removed",
        "error_code",
        "error_sentence",
        "error_detail",
    )
    fields = readonly_fields
    verbose_name_plural = "the last twenty sync runs"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        runs = super().get_queryset(request)
        if request.resolver_match and (pk := request.resolver_match.kwargs.get("object_id")):
            newest = SyncRun.objects.filter(connection_id=pk).values("pk")[:20]
            return runs.filter(pk__in=list(newest.values_list("pk", flat=True)))
        return runs.none()


class Channels(LookOnly, admin.TabularInline):
    """By which the provider tells us of changes. Which calendar one is about stays with its person."""

    model = PushChannel
    extra = 0
    ordering = ["feed", "created_at"]
    readonly_fields = ("feed", "created_at", "expires_at", "heard_at", "next_try_at", "failures", "error_code")
    fields = readonly_fields
    verbose_name_plural = "channels by which the service tells of changes"


@admin.register(Connection)
class ConnectionAdmin(LookOnly, AuditsOpening):
    list_display = ["user", "organization", "provider", "method", "mailbox", "permissions", "status", "synced_at",
                    "next_sync_at", "failures", "error_code"]  # fmt: skip
    list_filter = ["status", "provider", "method", "error_code"]
    list_select_related = ["user__membership__organization"]
    search_fields = ["user__email", "user__name", "mailbox", "user__membership__organization__name"]
    search_help_text = "E-mail address, name, mailbox or organization"
    date_hierarchy = "created_at"
    readonly_fields = (
        "user",
        "organization",
        "provider",
        "method",
        "mailbox",
        "permissions",
        "not_granted",
        "usable_now",
        "status",
        "status_changed_at",
        "told_at",
        "error_code",
        "error_sentence",
        "synced_at",
        "next_sync_at",
        "failures",
        "leased_until",
        "created_at",
    )
    fields = readonly_fields
    inlines = [Channels, RecentRuns]
    actions = ["sync_now"]

    @admin.display(ordering="user__membership__organization__name")
    def organization(self, connection: Connection) -> str:
        return str(connection.user.organization or "-")

    @admin.display(description="granted")
    def permissions(self, connection: Connection) -> str:
        return _labels(connection.granted)

    @admin.display(description="decided, but not ticked at the provider")
    def not_granted(self, connection: Connection) -> str:
        return _labels(connection.not_granted)

    @admin.display(description="usable under today's policy")
    def usable_now(self, connection: Connection) -> str:
        return _labels(connection.usable)

    @admin.action(description="Sync now", permissions=["view"])
    def sync_now(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        by, address = cast(User, request.user), client_address(request)
        queued, refusals = 0, []
        for connection in chosen.select_related("user__membership__organization"):
            try:
                overseeing.sync_now(connection, by=by, address=address, trigger="support")
                queued += 1
            except overseeing.Refused as refusal:
                refusals.append(str(refusal))
        if queued:
            self.message_user(request, f"Syncs queued: {queued}.", messages.SUCCESS)
        for sentence in refusals[:MOST_REFUSALS]:
            self.message_user(request, sentence, messages.WARNING)
        if more := len(refusals[MOST_REFUSALS:]):
            self.message_user(request, f"Left out for the like: {more} more.", messages.WARNING)


def _labels(permissions: Permissions) -> str:
    return ", ".join(wording.list_permissions(permissions)) or "-"


@admin.register(SyncRun)
class SyncRunAdmin(LookOnly, AuditsOpening):
    list_display = ["started_at", "person", "trigger", "outcome", "feed", "seen", "added", "changed", "removed",
                    "error_code", "error_sentence"]  # fmt: skip
    list_filter = ["outcome", "error_code", "trigger"]
    list_select_related = ["connection__user"]
    search_fields = ["connection__user__email", "connection__mailbox"]
    search_help_text = "E-mail address or mailbox"
    date_hierarchy = "started_at"

    def person_of(self, row: SyncRun) -> User:
        return row.connection.user

    @admin.display(ordering="connection__user__email")
    def person(self, run: SyncRun) -> str:
        return run.connection.user.email


@admin.register(AdminPolicy)
class AdminPolicyAdmin(LookOnly, admin.ModelAdmin):
    """What each level says. Admins decide on their own pages, where they see whom it would hit."""

    list_display = ["organization", "group", "membership", "locks", "version", "changed_at", "changed_by"]
    list_select_related = ["organization", "group", "membership__user", "changed_by"]
    search_fields = ["organization__name", "group__name", "membership__user__email"]
