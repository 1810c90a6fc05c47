"""Support staff help without reading what people keep: over every support page there is, not a planted word of a
meeting, a contact, a folder or a secret shows, and no page can be asked about one either.
"""

import itertools
import uuid

import pytest
from django.contrib import admin
from django.urls import NoReverseMatch, reverse

from contacts.models import Contact, ContactFolder, ContactNumber, ContactWrite
from integrations.models import Connection
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
from organizations.models import AuditEvent, Invitation, User
from tests.portal.test_strangers import MARKER, Stage, stage  # noqa: F401 (the stage is a fixture)

pytestmark = pytest.mark.django_db

WORD = "quetzalcoatl"
SHORT = WORD[:9]
"""What a column of ten letters still holds of it, behind a number."""
CONTENT = {
    Meeting: {
        "title", "location", "organizer_name", "organizer_email", "web_url", "links_json", "attendees_json",
        "search_text", "body_text", "meeting_number",
    },
    ScheduledMeeting: {
        "topic", "description", "invitees_json", "passcode", "host_id", "join_url", "meeting_number", "dial_in",
        "web_url", "recurrence_json",
    },
    Write: {"draft_json", "base_json", "theirs_json", "error_sentence", "host_id"},
    AccountCalendar: {"name", "remote_id"},
    CalendarList: {"error_sentence"},
    MeetingHost: {"link_template", "former_templates_json", "credentials", "error_sentence"},
    HostCursor: {"assistants_json"},
    FeedLink: {"token_hash"},
    Delegation: set(),
    Contact: {
        "given_name", "family_name", "display_name", "sort_name", "organization", "title", "emails_json",
        "search_text", "addresses_json", "note",
    },
    ContactFolder: {"name"},
    ContactNumber: {"value", "e164", "extension", "label"},
    ContactWrite: {"draft_json", "seen_json", "theirs_json", "error_sentence"},
}  # fmt: skip
"""Columns that hold what people keep."""
NOT_CONTENT = {
    Meeting: {
        "remote_id", "container", "version", "stamp", "uid", "series_id", "timezone", "status", "kind", "response",
        "join_services", "problem", "origin",
    },
    ScheduledMeeting: {"kind", "timezone", "host", "container", "remote_id", "remote_version", "remote_uid"},
    Write: {
        "action", "host_action", "container", "remote_id", "series_id", "version", "fields_json", "state", "taken_by",
        "error_code", "theirs_version",
    },
    AccountCalendar: {"color", "chosen_color"},
    CalendarList: {"error_code"},
    MeetingHost: {"kind", "client_id", "error_code"},
    HostCursor: {"error_code"},
    FeedLink: set(),
    Delegation: set(),
    Contact: {"remote_id", "version", "stamp"},
    ContactFolder: {"remote_id", "parent_remote_id"},
    ContactNumber: {"kind", "problem"},
    ContactWrite: {
        "action", "remote_id", "folder", "version", "state", "taken_by", "error_code", "theirs_version",
    },
}  # fmt: skip
"""The other texts of these models: ids, versions, states, and sentences of our own."""


JSON = (
    (ScheduledMeeting, "invitees_json"), (Write, "draft_json"), (Write, "base_json"), (Write, "theirs_json"),
    (MeetingHost, "former_templates_json"), (HostCursor, "assistants_json"),
    (ContactWrite, "draft_json"), (ContactWrite, "seen_json"), (ContactWrite, "theirs_json"),
)  # fmt: skip


def plant(field, number):
    """The word, as this column can hold it; `number` keeps apart what has to be unique."""
    text = f"{number}{WORD}" if field.unique or field.name == "remote_id" else WORD
    return text[: field.max_length]


@pytest.fixture
def planted(stage: Stage) -> Stage:  # noqa: F811
    """The word stands in every column that holds content, beside values that keep each row well formed."""
    for model, names in CONTENT.items():
        fields = [model._meta.get_field(name) for name in names if not name.endswith("_json") and name != "credentials"]
        for number, pk in enumerate(model.objects.values_list("pk", flat=True)):
            planted = {field.name: plant(field, number) for field in fields}
            if planted:
                model.objects.filter(pk=pk).update(**planted)
    for host in MeetingHost.objects.all():
        host.credentials = {"client_secret": WORD}
        host.save()
    for model, name in JSON:
        model.objects.update(**{name: [{"title": WORD, "email": WORD, "name": WORD}]})
    links = Meeting.objects.values_list("links_json", flat=True).first()
    Meeting.objects.update(links_json=links.replace("5551234567", "5559999999"))
    return stage


def pages(stage: Stage) -> list[str]:  # noqa: F811
    """Every list, and every row's own page and history, of every model on the support pages."""
    found = ["/support/"]
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{base}_changelist"))
        found.append(reverse(f"{base}_changelist") + f"?q={MARKER}")
        for pk, name in itertools.product(model._default_manager.values_list("pk", flat=True), ("change", "history")):
            found.append(reverse(f"{base}_{name}", args=[pk]))
    found += [reverse("admin:organizations_user_disconnection_new", args=[stage.values["user"]])]
    return found


def test_no_page_shows_what_people_keep_nor_a_secret(planted, support_client):
    secrets = [SHORT, "5559999999", "token_hash", *Invitation.objects.values_list("token_hash", flat=True)]
    secrets += list(User.objects.exclude(password="").values_list("password", flat=True))
    seen = 0
    for path in pages(planted):
        answer = support_client.get(path)
        assert answer.status_code == 200, path
        body = answer.content.decode()
        for secret in secrets:
            assert secret not in body, f"{path} shows {secret}"
        seen += MARKER in body
    assert seen > 10, "the pages are empty, and prove nothing"


@pytest.mark.parametrize(
    ("model", "lookup"),
    [(model, f"{name}__startswith") for model, names in CONTENT.items() for name in sorted(names)]
    + [(User, "password__startswith"), (Invitation, "token_hash__startswith"), (Connection, "credentials__startswith")]
    + [(Connection, "meetings__title__startswith"), (User, "connection__contacts__note__startswith")],
)
def test_no_list_answers_what_a_hidden_column_holds(planted, support_client, model, lookup):
    try:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return  # has no page of its own
    answers = [support_client.get(path, {lookup: value}) for value in (WORD[:1], uuid.uuid4().hex)]
    assert [answer.status_code for answer in answers] in ([400, 400], [302, 302]), "told apart, or answered at all"
    assert answers[0].headers.get("Location") == answers[1].headers.get("Location")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("organizations/user", {"is_active__exact": "1", "membership__role__exact": "member"}),
        ("integrations/connection", {"status__exact": "connected", "created_at__year": "2026"}),
        ("organizations/auditevent", {"action": "connection.created"}),
        ("meetings/meeting", {"is_private__exact": "0"}),
        ("meetings/scheduledmeeting", {"host__exact": "zoom"}),
        ("meetings/write", {"state__exact": "failed", "error_code": "rejected"}),
        ("contacts/contactwrite", {"state__exact": "failed", "error_code": "rejected"}),
        ("meetings/delegation", {"may_manage_private__exact": "1"}),
    ],
)
def test_lists_are_filtered_by_what_they_offer(planted, support_client, path, query):
    assert support_client.get(f"/support/{path}/", query).status_code == 200


def test_no_search_finds_a_row_by_what_it_is_about(planted, support_client):
    for model in CONTENT:
        if model in admin.site._registry:
            path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            assert support_client.get(path, {"q": WORD}).context["cl"].result_count == 0, path


@pytest.mark.parametrize("model", list(CONTENT))
def test_each_text_column_is_known_to_be_content_or_to_be_none(model):
    """A new column of a meeting or a contact has to be judged here before support could ever see it."""
    from django.db import models

    texts = {
        field.name
        for field in model._meta.local_fields
        if isinstance(field, models.CharField | models.TextField | models.JSONField)
    }
    assert texts == CONTENT[model] | NOT_CONTENT[model]


# --- Trying a write again ---


@pytest.mark.parametrize("state", ["failed", "waiting"])
def test_support_has_a_write_tried_again_and_it_is_written_down(stage, support, support_client, state):  # noqa: F811
    Write.objects.update(state=state, tries=5, error_code="rejected", next_try_at="2030-01-01T00:00Z")
    pk = stage.values["write"]
    answer = press_try_again(support_client, pk)
    assert "Tried again: 1." in answer
    write = Write.objects.get(pk=pk)
    assert (write.state, write.tries, write.error_code) == ("waiting", 0, "")
    event = AuditEvent.objects.get(action="write.tried_again")
    assert (event.actor, event.subject, event.details) == (support, write.owner, {"write": pk})


def test_support_has_a_contact_saved_again_and_it_is_written_down(stage, support, support_client):  # noqa: F811
    pk = stage.values["contact_write"]
    assert "Tried again: 1." in press_try_again(support_client, pk, "contacts_contactwrite")
    write = ContactWrite.objects.get(pk=pk)
    assert (write.state, write.error_sentence) == ("waiting", "")
    event = AuditEvent.objects.get(action="contact_write.tried_again")
    assert (event.actor, event.subject, event.details) == (support, write.connection.user, {"write": pk})
    ContactWrite.objects.update(state="conflict")
    assert "Left as they are" in press_try_again(support_client, pk, "contacts_contactwrite")


@pytest.mark.parametrize("state", ["conflict", "done", "dropped"])
def test_support_chooses_for_nobody_between_two_versions(stage, support_client, state):  # noqa: F811
    Write.objects.update(state=state)
    assert "Left as they are" in press_try_again(support_client, stage.values["write"])
    assert set(Write.objects.values_list("state", flat=True)) == {state}
    assert not AuditEvent.objects.filter(action="write.tried_again").exists()


def press_try_again(client, pk, model="meetings_write"):
    posted = {"action": "try_again", "_selected_action": [pk]}
    return client.post(reverse(f"admin:{model}_changelist"), posted, follow=True).content.decode()
