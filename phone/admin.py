"""What support staff see of phones: that calls come in, and what fails. Never with whom, what was said, or a secret."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from organizations.admin import AuditsOpening, LookOnly
from organizations.models import User
from phone.models import Call, EventState, Licence, PhoneEvent, PhoneSystem, Voicemail


@admin.register(PhoneSystem)
class PhoneSystemAdmin(LookOnly, admin.ModelAdmin):
    list_display = ["organization", "kind", "heard_at", "reconciled_at", "failures", "error_code", "waiting"]
    list_filter = ["kind", "error_code"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "=remote_account"]
    search_help_text = "Organization, or the exact account at Zoom"
    readonly_fields = (
        "organization",
        "kind",
        "client_id",
        "remote_account",
        "reads_licences",
        "keep_days",
        "heard_at",
        "reconciled_at",
        "next_reconcile_at",
        "taken_until",
        "checked_at",
        "failures",
        "error_code",
        "error_sentence",
        "changed_at",
        "waiting",
        "failed",
    )
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneSystem]:
        counted = {
            f"events_{state}": Count("events", filter=Q(events__state=state))
            for state in (EventState.WAITING, EventState.FAILED)
        }
        return super().get_queryset(request).annotate(**counted)

    @admin.display(description="notifications still to be read")
    def waiting(self, system: Any) -> int:
        return int(system.events_waiting)

    @admin.display(description="notifications that could not be read")
    def failed(self, system: Any) -> int:
        return int(system.events_failed)


@admin.register(PhoneEvent)
class PhoneEventAdmin(LookOnly, admin.ModelAdmin):
    """Without what stands in them."""

    list_display = ["pk", "organization", "received_at", "state", "tries", "next_try_at", "error_code"]
    list_filter = ["state", "error_code"]
    list_select_related = ["system__organization"]
    search_fields = ["system__organization__name"]
    search_help_text = "Organization"
    ordering = ["-pk"]
    show_full_result_count = False
    readonly_fields = ("organization", "received_at", "state", "tries", "next_try_at", "error_code")
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PhoneEvent]:
        return super().get_queryset(request).defer("body")

    @admin.display(ordering="system__organization__name")
    def organization(self, event: PhoneEvent) -> str:
        return str(event.system.organization)


@admin.register(Licence)
class LicenceAdmin(LookOnly, AuditsOpening):
    """And how much there is of the person's calls."""

    list_display = ["user", "organization", "is_assigned", "is_at_system", "extension", "read_at"]
    list_filter = ["is_assigned", "is_at_system"]
    list_select_related = ["user__membership__organization"]
    search_fields = ["user__email", "user__name", "user__membership__organization__name", "=remote_id"]
    search_help_text = "E-mail address, name, organization, or the exact id at the phone system"
    ordering = ["user__email"]
    readonly_fields = (
        "user",
        "organization",
        "is_assigned",
        "assigned_by",
        "assigned_at",
        "is_at_system",
        "remote_id",
        "extension",
        "read_at",
        "calls",
        "voicemails",
        "unread",
    )
    fields = readonly_fields

    @admin.display(ordering="user__membership__organization__name")
    def organization(self, licence: Licence) -> str:
        return str(licence.user.organization or "-")

    @admin.display(description="calls")
    def calls(self, licence: Licence) -> int:
        return Call.objects.filter(owner=licence.user).count()

    @admin.display(description="voicemail")
    def voicemails(self, licence: Licence) -> int:
        return Voicemail.objects.filter(owner=licence.user).count()

    @admin.display(description="of these not heard")
    def unread(self, licence: Licence) -> int:
        return Voicemail.objects.filter(owner=licence.user).unread().count()


class Listed(LookOnly, AuditsOpening):
    """A call or voicemail, without the other one: whose, when, and what the phone system said of it."""

    list_select_related = ["owner"]
    search_help_text = "Person's e-mail address, or the exact id at the phone system"
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-pk"]

    def person_of(self, row: Any) -> User:
        owner: User = row.owner
        return owner


@admin.register(Call)
class CallAdmin(Listed):
    list_display = ["pk", "owner", "started_at", "direction", "result", "seconds", "source", "hidden_at"]
    search_fields = ["owner__email", "=call_id"]
    list_filter = ["direction", "result", "source"]
    readonly_fields = ("owner", "call_id", "log_id", "started_at", "direction", "result", "seconds", "source",
                       "is_withheld", "is_readable", "reported_at", "hidden_at")  # fmt: skip
    fields = readonly_fields

    @admin.display(description="number withheld", boolean=True)
    def is_withheld(self, call: Call) -> bool:
        return call.is_anonymous

    @admin.display(description="number can be read", boolean=True)
    def is_readable(self, call: Call) -> bool:
        return bool(call.e164)


@admin.register(Voicemail)
class VoicemailAdmin(Listed):
    list_display = ["pk", "owner", "left_at", "seconds", "is_read", "has_transcript", "audio_gone_at", "hidden_at"]
    search_fields = ["owner__email", "=voicemail_id", "=call_id"]
    list_filter = ["is_read"]
    readonly_fields = ("owner", "voicemail_id", "call_id", "left_at", "seconds", "is_read", "has_transcript",
                       "has_sound", "audio_gone_at", "reported_at", "hidden_at")  # fmt: skip
    fields = readonly_fields

    @admin.display(description="has a transcript", boolean=True)
    def has_transcript(self, voicemail: Voicemail) -> bool:
        return bool(voicemail.transcript)

    @admin.display(description="it is known where the sound is", boolean=True)
    def has_sound(self, voicemail: Voicemail) -> bool:
        return bool(voicemail.audio)
