"""One page for support staff about one person, and what they may do from it.

Looking takes the permission to view; each act is a POST with its own: see docs/operating.md, "Support staff".
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from integrations import overseeing, registry, wording
from integrations.diagnosing import NEWS, Diagnosis
from integrations.models import Connection, PolicyEffect, Status
from organizations import inviting
from organizations.admin import InvitationAdmin, UserAdmin
from organizations.client_address import client_address
from organizations.inviting import InvitationRefused
from organizations.models import Invitation, User, record

MAIL_AGAIN_AFTER = timedelta(minutes=10)
VIEW, END = "integrations.view_connection", "integrations.delete_connection"
TRAIL, INVITE = "organizations.view_auditevent", "organizations.change_invitation"

admin.site.unregister(User)
admin.site.unregister(Invitation)


def needs(*permissions: str) -> Callable[..., Any]:
    """For a view of an admin class: 403 to staff without all of these."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def check(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(self, request, *args, **kwargs)

        check.__name__ = view.__name__
        return check

    return decorate


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The person reads it in a mail, and it stands in the audit trail of their organization.",
        error_messages={"required": "Say why: the person is told."},
    )
    connection = forms.UUIDField(widget=forms.HiddenInput)


@admin.register(User)
class PersonAdmin(UserAdmin):
    change_form_template = "admin/organizations/user/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        own = [
            ("sync", "sync", guard(require_POST(self.sync_create))),
            ("disconnection/new", "disconnection_new", guard(self.disconnection_new)),
            ("reconnect-mail", "reconnect_mail", guard(require_POST(self.reconnect_mail_create))),
        ]
        mails = path(
            "<int:pk>/effects/<int:effect>/mail/",
            guard(require_POST(self.effect_mail_create)),
            name="organizations_user_effect_mail",
        )
        paths = [path(f"<int:pk>/{where}/", view, name=f"organizations_user_{name}") for where, name, view in own]
        return [*paths, mails, *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        may = request.user.has_perm
        context |= {
            "diagnosis": Diagnosis(obj),
            "may_diagnose": may(VIEW),
            "may_end": may(END),
            "may_read_trail": may(TRAIL),
            "may_invite": may(INVITE),
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Whoever looks for an address that is invited and has no account yet is told so."""
        sought = request.GET.get("q", "").strip().replace("\0", "")
        if "@" in sought and request.user.has_perm("organizations.view_invitation"):
            for invitation in Invitation.objects.open().filter(email__iexact=sought).select_related("organization")[:5]:
                url = reverse("admin:organizations_invitation_change", args=[invitation.pk])
                words = format_html(
                    '{} is <a href="{}">invited to {}</a>, and has not answered.', sought, url, invitation.organization
                )
                self.message_user(request, words, messages.INFO)
        return super().changelist_view(request, extra_context)

    @needs(VIEW)
    def sync_create(self, request: HttpRequest, pk: int) -> HttpResponse:
        connection = _find_connection(pk)
        if connection is None:
            return self._back(request, pk, messages.WARNING, "There is no connection any more.")
        try:
            overseeing.sync_now(connection, by=_staff(request), address=client_address(request), trigger="support")
        except overseeing.Refused as refusal:
            return self._back(request, pk, messages.WARNING, str(refusal))
        return self._back(request, pk, messages.SUCCESS, "A sync is queued. Load this page again in a moment.")

    @needs(VIEW, END)
    def disconnection_new(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, say what goes, and end it."""
        connection = _find_connection(pk)
        if connection is None:
            return self._back(request, pk, messages.WARNING, "There is no connection any more.")
        form = ReasonForm(request.POST or None, initial={"connection": connection.pk})
        if form.is_valid() and form.cleaned_data["connection"] != connection.pk:
            form.add_error(None, "The person has connected another account meanwhile. Nothing was disconnected.")
        if form.is_valid():
            return self._disconnect(request, connection, form.cleaned_data["reason"])
        context = {
            **self.admin_site.each_context(request),
            "title": f"Disconnect {connection.user.label}",
            "person": connection.user,
            "connection": connection,
            "service": wording.service_name(connection.provider),
            "held": {name: feed.count(connection) for name, feed in registry.feeds().items()},
            "form": form,
            "opts": self.opts,
        }
        name = "admin/organizations/user/disconnection.html"
        return TemplateResponse(request, name, context, status=422 if form.is_bound else 200)

    def _disconnect(self, request: HttpRequest, connection: Connection, reason: str) -> HttpResponse:
        pk = connection.user.pk
        try:
            receipt, is_told = overseeing.disconnect(
                connection, by=_staff(request), reason=reason, address=client_address(request)
            )
        except overseeing.Refused as refusal:
            return self._back(request, pk, messages.WARNING, str(refusal))
        service = wording.service_name(receipt.provider)
        self.message_user(request, f"{receipt.mailbox} is disconnected from {service}.", messages.SUCCESS)
        if receipt.revoke_problem:
            self.message_user(request, receipt.revoke_problem, messages.WARNING)
        if not is_told:
            self.message_user(request, "The mail to the person could not be sent: tell them.", messages.WARNING)
        return redirect("admin:organizations_user_change", pk)

    @needs(VIEW)
    def reconnect_mail_create(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The scheduler finds within a minute whoever was not told."""
        broken = Connection.objects.filter(user=pk, status=Status.RECONNECT_NEEDED)
        return self._tell_again(request, pk, broken, what="reconnect")

    @needs(VIEW)
    def effect_mail_create(self, request: HttpRequest, pk: int, effect: int) -> HttpResponse:
        news = PolicyEffect.objects.filter(user=pk, pk=effect, state__in=NEWS)
        return self._tell_again(request, pk, news, what="policy")

    def _tell_again(self, request: HttpRequest, pk: int, rows: QuerySet[Any], *, what: str) -> HttpResponse:
        """Have one mail written once more; not in a row, whoever presses the button."""
        person = get_object_or_404(User, pk=pk)
        if not rows.filter(told_at__lte=timezone.now() - MAIL_AGAIN_AFTER).update(told_at=None):
            sentence = (
                "Nothing was sent: a mail went out less than ten minutes ago, is on its way, or has no cause any more."
            )
            return self._back(request, pk, messages.WARNING, sentence)
        record(
            "mail.sent_again",
            organization=person.organization,
            actor=_staff(request),
            subject=person,
            details={"mail": what},
            address=client_address(request),
        )
        return self._back(request, pk, messages.SUCCESS, f"A mail goes to {person.email} within a minute.")

    def _back(self, request: HttpRequest, pk: int, level: int, sentence: str) -> HttpResponse:
        self.message_user(request, sentence, level)
        return redirect("admin:organizations_user_change", pk)


def _find_connection(person: int) -> Connection | None:
    """Raises Http404 where there is no such person."""
    get_object_or_404(User, pk=person)
    return Connection.objects.select_related("user__membership__organization").filter(user=person).first()


def _staff(request: HttpRequest) -> User:
    return cast(User, request.user)


@admin.register(Invitation)
class WaitingAdmin(InvitationAdmin):
    """Who is invited and has no account yet is found here, by address."""

    change_form_template = "admin/organizations/invitation/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.sending_create))
        return [path("<int:pk>/sending/", view, name="organizations_invitation_sending"), *super().get_urls()]

    @needs("organizations.view_invitation", INVITE)
    def sending_create(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mail the link once more; the older one stops working."""
        invitation = get_object_or_404(Invitation.objects.select_related("organization"), pk=pk)
        try:
            inviting.send_again(invitation, by=_staff(request), request=request, is_support=True)
        except InvitationRefused as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
        else:
            sentence = f"A new invitation is on its way to {invitation.email}. The older link is void."
            self.message_user(request, sentence, messages.SUCCESS)
        return redirect("admin:organizations_invitation_change", pk)
