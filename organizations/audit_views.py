"""The audit trail, as an organization's admins read it and take it home."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from organizations.access import for_admins
from organizations.audit_words import ACTIONS, list_details, say_action
from organizations.client_address import client_address
from organizations.models import AuditEvent, AuditEventQuerySet, KeepTrail, Membership, Organization, record
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response

EVENTS_PER_PAGE = 50
HEADER = ["When (UTC)", "Action", "In words", "By", "Concerning", "Details", "From address"]


class TrailFilter(forms.Form):
    """What of the trail is asked for; empty: everything."""

    what = forms.ChoiceField(label="What", required=False)
    who = forms.CharField(label="Person", max_length=254, required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [
            (kind, [(kind, f"{kind}: everything"), *sorted(actions.items(), key=lambda one: one[1])])
            for kind, actions in ACTIONS.items()
        ]
        self.fields["what"].choices = [("", "Everything"), *kinds]  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": "input", "id": f"trail-{name}"}
        self.fields["who"].widget.attrs["placeholder"] = "E-mail address"

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("since") and said.get("until") and said["since"] > said["until"]:
            self.add_error("until", "This day is before the first one.")
        return said

    def find(self, organization: Organization) -> AuditEventQuerySet:
        """Newest first. Days are those of the reader's time zone. What is not understood does not filter."""
        found = AuditEvent.objects.of(organization).order_by("-at", "-pk")
        if not self.is_valid():
            return found.none()
        said = self.cleaned_data
        if said["what"]:
            found = found.filter(action__in=list(ACTIONS.get(said["what"], [said["what"]])))
        if who := said["who"].replace("\0", "").strip():
            found = found.filter(Q(actor_label__icontains=who) | Q(subject_label__icontains=who))
        if said["since"]:
            found = found.filter(at__gte=begin_of(said["since"]))
        if said["until"]:
            found = found.filter(at__lt=begin_of(said["until"] + timedelta(days=1)))
        return found


def begin_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@require_safe
@for_admins
def audit(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """A page of events. It goes on behind an event, not at a number: counting years of events would take its time."""
    form = TrailFilter(request.GET)
    found = form.find(admin.organization).select_related("actor__membership", "subject__membership")
    older_than = find_mark(admin.organization, request.GET.get("behind", ""))
    if older_than is not None:
        # Said so that the index on the time leads straight there.
        found = found.filter(at__lte=older_than.at).exclude(at=older_than.at, pk__gte=older_than.pk)
    events = list(found[: EVENTS_PER_PAGE + 1])
    shown = events[:EVENTS_PER_PAGE]
    return render(
        request,
        "organizations/audit.html",
        {
            "form": form,
            "events": shown,
            "is_filtered": any(request.GET.get(name) for name in form.fields),
            "nothing": "No event fits what you ask for." if form.is_valid() else "Put right what is marked above.",
            "is_first": older_than is None,
            "next_mark": shown[-1].pk if len(events) > len(shown) else None,
            "kept": KeepTrail(admin.organization.audit_years),
            "organization": admin.organization,
        },
        status=200 if form.is_valid() else 422,
    )


def find_mark(organization: Organization, text: str) -> AuditEvent | None:
    if not (text.isdecimal() and len(text) < 19):
        return None
    return AuditEvent.objects.of(organization).filter(pk=int(text)).only("at").first()


@require_safe
@for_admins
def audit_export(request: SignedInRequest, admin: Membership) -> HttpResponseBase:
    """What the filter finds, as CSV, however much it is. That it was taken home is itself written down."""
    form = TrailFilter(request.GET)
    found = form.find(admin.organization)
    if not form.is_valid():
        return redirect(f"{reverse('organizations:audit')}?{request.GET.urlencode()}")
    asked = {name: value for name in form.fields if (value := request.GET.get(name))}
    if request.method == "GET":
        record(
            "audit.exported",
            organization=admin.organization,
            actor=request.user,
            details=asked,
            address=client_address(request),
        )
    filename = f"audit-trail-{timezone.localdate():%Y-%m-%d}.csv"
    return csv_response(filename, HEADER, write_rows(found))


def write_rows(found: AuditEventQuerySet) -> Iterator[list[str]]:
    columns = ("at", "action", "actor_label", "subject_label", "details", "address")
    for at, action, actor, subject, details, address in found.values_list(*columns).iterator(chunk_size=2000):
        said = "\n".join(map(str, list_details(details, most=None)))
        yield [f"{at:%Y-%m-%d %H:%M:%S}", action, say_action(action), actor or "Portico", subject, said, address or ""]
