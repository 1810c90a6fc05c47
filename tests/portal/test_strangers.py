"""Charlie works for another organization. Over every URL there is: not a byte of ours reaches him, nothing of ours is
changed by him, and who has not signed in gets nowhere at all.

A new URL fails `test_every_url_is_considered` until it stands in URLS below, and a new model fails
`test_every_model_is_planted` until the stage has a row of it. That is the point.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.db import models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from contacts.models import Contact, ContactFolder, ContactNumber, ContactWrite, Filing
from integrations.models import (
    Connection,
    ConnectPrompt,
    PolicyChange,
    PolicyEffect,
    PushChannel,
    Revocation,
    SyncCursor,
    SyncHour,
    SyncRun,
)
from integrations.providers.memory import SERVICE
from integrations.remote import RemoteEmail
from meetings.joining import JoinLink
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
    dump_json,
)
from organizations.models import (
    AuditPurge,
    Group,
    Invitation,
    InvitationImport,
    MailChoice,
    Membership,
    Organization,
    User,
    record,
)
from phone.models import Call, EventState, Licence, PhoneEvent, PhoneSystem, SystemKind, Voicemail
from safety.secrets import EncryptedJSONField
from tests.guard import lifted
from tests.policies import set_policy

MARKER = "zebrafinch"
"""Stands in every text of ours. In no word of a page, and searched for by its beginning, which a page may repeat."""
SOUGHT = MARKER[:7]
OUR_APPS = ("organizations", "integrations", "meetings", "contacts", "phone")
KEPT = {"provider", "time_zone", "timezone", "language", "password", "token_hash", "e164", "default_service", "feed"}
"""Text that would make a row invalid, if it were anything; checked by hand: none of it is anybody's secret content."""
LISTS = {"text"}
"""Of an imported list: `fill` plants it in a shape that can be read."""


@dataclass(frozen=True)
class Url:
    """What a URL is. `sample`: names of the stage's values for its parts. `methods`: what it answers to."""

    sample: dict[str, str] = field(default_factory=dict)
    is_post_only: bool = False
    is_open: bool = False
    """Anybody may come without signing in. Each such line is a decision."""
    is_someones: bool = False
    """Its parts name one row: to a stranger that row does not exist."""


PAGE, POST_ONLY, OPEN = Url(), Url(is_post_only=True), Url(is_open=True)


def row(*names: str, is_post_only: bool = False) -> Url:
    return Url({"pk": names[0]}, is_post_only=is_post_only, is_someones=True)


URLS: dict[str, Url] = {
    "home": OPEN,
    "healthz": OPEN,
    # allauth: the ways in are open, everything about one's own account is not.
    "account_login": OPEN,
    "account_logout": OPEN,
    "account_inactive": OPEN,
    "account_signup": OPEN,
    "account_email_verification_sent": OPEN,
    "account_reset_password": OPEN,
    "account_confirm_login_code": OPEN,
    "account_confirm_password_reset_code": OPEN,
    "account_complete_password_reset": OPEN,
    "account_password_reset_completed": OPEN,
    "account_request_login_code": OPEN,
    "mfa_authenticate": OPEN,
    "mfa_login_webauthn": OPEN,
    "account_reauthenticate": PAGE,
    "account_email": PAGE,
    "account_change_password": PAGE,
    "account_set_password": PAGE,
    "mfa_index": PAGE,
    "mfa_reauthenticate": PAGE,
    "mfa_activate_totp": PAGE,
    "mfa_deactivate_totp": PAGE,
    "mfa_view_recovery_codes": PAGE,
    "mfa_generate_recovery_codes": PAGE,
    "mfa_download_recovery_codes": PAGE,
    "mfa_list_webauthn": PAGE,
    "mfa_add_webauthn": PAGE,
    "mfa_reauthenticate_webauthn": PAGE,
    # These ask for the password again before they look for the key; then they look among one's own.
    "mfa_remove_webauthn": Url({"pk": "passkey"}),
    "mfa_edit_webauthn": Url({"pk": "passkey"}),
    "usersessions_list": PAGE,
    "organizations:settings": PAGE,
    "organizations:theme": Url(is_post_only=True, is_open=True),
    "organizations:mail": PAGE,
    # Whose mail it stops is signed into the link: tests/organizations/test_mailing.py.
    "organizations:mail_stop": Url({"token": "wrong_token"}, is_open=True),
    "organizations:people": PAGE,
    "organizations:person": row("membership"),
    "organizations:role_change": row("membership", is_post_only=True),
    "organizations:groups_change": row("membership", is_post_only=True),
    "organizations:invitations": PAGE,
    "organizations:invitation_new": PAGE,
    "organizations:invitation_import": PAGE,
    "organizations:invitation_import_show": row("import"),
    "organizations:invitation_import_confirm": row("import", is_post_only=True),
    "organizations:invitation_import_report": row("import"),
    "organizations:invitation_send_again": row("invitation", is_post_only=True),
    "organizations:invitation_revoke": row("invitation", is_post_only=True),
    "organizations:groups": PAGE,
    "organizations:group_new": PAGE,
    "organizations:group_edit": row("group"),
    "organizations:group_delete": row("group"),
    "organizations:group_members": row("group", is_post_only=True),
    "organizations:group_members_new": row("group"),
    "organizations:group_members_removal": row("group", is_post_only=True),
    "organizations:group_position": row("group", is_post_only=True),
    "organizations:deactivation": row("membership"),
    "organizations:reactivation": row("membership", is_post_only=True),
    "organizations:ownership": row("membership"),
    "organizations:departure": PAGE,
    "organizations:organization": PAGE,
    "organizations:audit": PAGE,
    "organizations:audit_export": PAGE,
    # Who holds the token may read the invitation: tests/organizations/test_inviting.py.
    "organizations:invitation": Url({"token": "wrong_token"}, is_open=True),
    "organizations:invitation_accept": Url({"token": "wrong_token"}, is_post_only=True),
    "administration:overview": PAGE,
    "administration:connections_csv": PAGE,
    "administration:member": row("membership"),
    "administration:member_sync": row("membership", is_post_only=True),
    "administration:disconnection_new": row("membership"),
    "administration:policy": PAGE,
    "administration:policy_forecast": POST_ONLY,
    "administration:group_policy": row("group"),
    "administration:group_policy_forecast": row("group", is_post_only=True),
    "administration:member_policy": row("membership"),
    "administration:member_policy_forecast": row("membership", is_post_only=True),
    "administration:changes": PAGE,
    "administration:change": row("change"),
    "administration:change_effects": row("change"),
    "administration:reversal_create": row("change", is_post_only=True),
    "administration:grace_end_create": row("change", is_post_only=True),
    "hosting:host": PAGE,
    "hosting:example": PAGE,
    "hosting:trial_create": POST_ONLY,
    "integrations:profile": PAGE,
    "integrations:prompt": PAGE,
    "integrations:prompt_answer_create": POST_ONLY,
    "integrations:connection_new": PAGE,
    "integrations:connection_permissions": Url({"provider": "provider"}),
    "integrations:callback": PAGE,
    # Providers post here; who else does is answered alike: tests/integrations/test_push_views.py.
    "integrations:push": Url({"provider": "provider"}, is_post_only=True, is_open=True),
    # Its state is the session's own: nobody else's leads anywhere.
    "integrations:leaving": Url({"state": "wrong_token"}),
    "integrations:connection_login": Url({"state": "wrong_token"}),
    "integrations:approval": Url({"provider": "provider"}),
    # An administrator of the provider comes back here, who need not be known: tests/integrations/test_approving.py.
    "integrations:approval_return": OPEN,
    "integrations:connection_edit": PAGE,
    "integrations:connection_renew": POST_ONLY,
    "integrations:connection_delete": PAGE,
    "integrations:deletion": PAGE,
    "integrations:deletion_create": POST_ONLY,
    "integrations:sync_create": POST_ONLY,
    "integrations:sync_progress": PAGE,
    "integrations:emptied_create": POST_ONLY,
    "integrations:effect_dismissal": row("effect", is_post_only=True),
    "meetings:list": PAGE,
    "meetings:now": PAGE,
    "meetings:calendars": PAGE,
    "meetings:calendar_listing_create": POST_ONLY,
    "meetings:detail": row("meeting"),
    "meetings:today": PAGE,
    "meetings:day": Url({"day": "day"}),
    "meetings:this_week": PAGE,
    "meetings:week": Url({"week": "week"}),
    "meetings:export": PAGE,
    "meetings:new": PAGE,
    "meetings:preview": PAGE,
    "meetings:people": PAGE,
    "meetings:edit": row("meeting"),
    "meetings:deletion": row("meeting"),
    "meetings:progress": row("meeting"),
    "meetings:writes": PAGE,
    "meetings:delegates": PAGE,
    "meetings:delegate_people": PAGE,
    "meetings:delegate": row("delegation"),
    "meetings:delegate_removal": row("delegation", is_post_only=True),
    "meetings:delegate_giving_up": row("delegation", is_post_only=True),
    "meetings:subscription": PAGE,
    "meetings:subscription_contents": POST_ONLY,
    "meetings:subscription_revocation": POST_ONLY,
    # Who holds the token may read: tests/meetings/test_feed.py.
    "meetings:feed": Url({"secret": "wrong_token"}, is_open=True),
    "meetings:write": row("write"),
    "meetings:write_retry": row("write", is_post_only=True),
    "meetings:write_choice": row("write", is_post_only=True),
    "meetings:deleted": PAGE,
    "meetings:restoration_create": row("scheduled", is_post_only=True),
    "contacts:list": PAGE,
    "contacts:show": row("contact"),
    "contacts:vcard": row("contact"),
    "contacts:create": PAGE,
    "contacts:add_number": PAGE,
    "contacts:number_new": row("contact"),
    "contacts:progress": row("contact"),
    "contacts:writes": PAGE,
    "contacts:write": row("contact_write"),
    "contacts:write_retry": row("contact_write", is_post_only=True),
    "contacts:write_choice": row("contact_write", is_post_only=True),
    "contacts:export": PAGE,
    "contacts:export_vcards": PAGE,
    "phone:list": PAGE,
    "phone:voicemails": PAGE,
    "phone:call_removal": row("call", is_post_only=True),
    "phone:call_return": row("call", is_post_only=True),
    "phone:voicemail_audio": row("voicemail"),
    "phone:voicemail_reading": row("voicemail", is_post_only=True),
    "phone:voicemail_removal": row("voicemail", is_post_only=True),
    "phone:voicemail_return": row("voicemail", is_post_only=True),
    "phone:attempt": POST_ONLY,
    # Phone systems post here, and sign what they post.
    "phone:event_create": Url({"key": "phone_key"}, is_post_only=True, is_open=True),
    "phone_administration:system": PAGE,
    "phone_administration:trial_create": POST_ONLY,
    "phone_administration:reading_create": POST_ONLY,
    "phone_administration:secret_create": POST_ONLY,
    "phone_administration:licences": PAGE,
    "phone_administration:licence_assignment": POST_ONLY,
    "phone_administration:licence_withdrawal": POST_ONLY,
}
SUPPORT = "admin"
"""The support pages, one by one, are for support staff alone: judged as a whole below."""


def walk(resolver: URLResolver, path: str = "", namespaces: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """(name, path as written, pattern) of every URL of the project."""
    for pattern in resolver.url_patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield ":".join([*namespaces, pattern.name or f"unnamed at /{here}"]), here, pattern
        else:
            yield from walk(pattern, here, namespaces + ((pattern.namespace,) if pattern.namespace else ()))


ALL = {name: path for name, path, _ in walk(get_resolver()) if not name.startswith(f"{SUPPORT}:")}
SUPPORT_NAMES = {name: path for name, path, _ in walk(get_resolver()) if name.startswith(f"{SUPPORT}:")}


def test_every_url_is_considered():
    assert set(ALL) == set(URLS), "Say in URLS what a stranger may do there, and who may come without signing in."


@dataclass
class Stage:
    """Our organization with something in every table, and the values that our URLs are made of."""

    values: dict[str, Any]
    ours: dict[type[models.Model], set[Any]]

    def url(self, name: str) -> str:
        return reverse(name, kwargs={part: self.values[value] for part, value in URLS[name].sample.items()})

    @cached_property
    def selections(self) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """By model: SQL, and its parameters. Made once, since to make it takes most of a photograph."""
        rows = {model: model._base_manager.filter(pk__in=pks).order_by("pk") for model, pks in self.ours.items() if pks}
        return {model._meta.label: chosen.values_list().query.sql_with_params() for model, chosen in rows.items()}

    def photograph(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of ours as it stands now."""
        taken = {}
        with database.cursor() as cursor:
            for label, (sql, parameters) in self.selections.items():
                cursor.execute(sql, parameters)
                taken[label] = cursor.fetchall()
        return taken


def fill(user: User, *, token: str) -> dict[str, Any]:
    """Something of everything for this person and their organization; returns the values URLs are made of."""
    now = timezone.now()
    organization = user.organization
    connection = Connection.objects.create(
        user=user,
        provider="memory",
        mailbox=user.email,
        account_id=user.email,
        credentials={"user": user.email},
        calendar_read=True,
        calendar_write=True,
        contacts_read=True,
        contacts_write=True,
        synced_at=now,
        next_sync_at=now + timedelta(hours=1),
    )
    SyncCursor.objects.create(connection=connection, feed="calendar", value=token)
    PushChannel.objects.create(
        connection=connection,
        feed="calendar",
        remote_id=token,
        resource=token,
        secret_hash="0" * 64,
        expires_at=now + timedelta(days=7),
    )
    SyncHour.objects.create(organization=organization, starts=now, done=1)
    SyncRun.objects.create(connection=connection, notes=[f"{token} note"], outcome="done", finished_at=now)
    set_policy(organization, {"vanity_hosts": [f"{token}.zoom.us"]})
    change = PolicyChange.objects.create(
        organization=organization, what=token, before={"vanity_hosts": None}, state="waiting", announced_at=now
    )
    effect = PolicyEffect.objects.create(
        change=change,
        user=user,
        connection_id=connection.pk,
        provider="memory",
        mailbox=user.email,
        outcome="held_back",
        reasons=[f"{token} was switched off."],
    )
    Revocation.objects.create(
        provider="memory", credentials={"user": user.email}, subject_label=token, user=user, organization=organization
    )
    ConnectPrompt.objects.create(user=user)
    group = Group.objects.create(organization=organization, name=token)
    user.membership.groups.add(group)
    invitation = Invitation(organization=organization, email=f"{token}@invited.example", invited_by=user)
    invitation.renew_token(now)
    invitation.save()
    invitation_import = InvitationImport.objects.create(
        organization=organization, made_by=user, text=f"{token}@listed.example", file_name=token
    )
    MailChoice.objects.create(user=user, kind="reminder")
    record("connection.created", organization=organization, actor=user, subject=user, details={"mailbox": token})
    AuditPurge.objects.create(organization=organization, before=now - timedelta(days=400))
    meeting = Meeting.objects.create(
        owner=user,
        connection=connection,
        remote_id="event",
        title=token,
        starts=now + timedelta(minutes=30),
        ends=now + timedelta(minutes=90),
        search_text=token,
        join_services=" zoom ",
        links_json=dump_json(
            [JoinLink(url=f"https://zoom.us/j/5551234567?pwd={token}", service="zoom", source="body")]
        ),
    )
    MeetingHost.objects.create(
        organization=organization, kind="link", link_template=f"https://meet.{token}.example/{{room}}", credentials={}
    )
    HostCursor.objects.create(user=user, next_read_at=now)
    for remote_id in ("", "team"):
        AccountCalendar.objects.create(connection=connection, remote_id=remote_id, name=token, is_shown=True)
    CalendarList.objects.create(connection=connection, checked_at=now)
    scheduled = ScheduledMeeting.objects.create(
        owner=user, made_by=user, topic=token, starts=now, minutes=60, timezone="UTC", deleted_at=now, deleted_by=user
    )
    write = Write.objects.create(
        owner=user, by=user, scheduled=scheduled, action="delete", state="failed", error_sentence=f"{token} failed."
    )
    contact_write = ContactWrite.objects.create(
        connection=connection,
        action="create",
        remote_id="pending:1",
        draft_json={"given_name": token},
        state="failed",
        error_sentence=f"{token} failed.",
    )
    colleague = User.objects.filter(membership__organization=organization).exclude(pk=user.pk).first()
    if colleague is None:
        colleague = User.objects.create_user(f"{token}@colleague.example")
        Membership.objects.create(user=colleague, organization=organization)
    delegation = Delegation.objects.create(owner=user, delegate=colleague)
    FeedLink.objects.create(user=user, token_hash=token)
    folder = ContactFolder.objects.create(connection=connection, remote_id="folder", name=token)
    contact = Contact.objects.create(
        connection=connection,
        remote_id="contact",
        display_name=token,
        sort_name=token,
        search_text=token,
        emails_json=dump_json([RemoteEmail(f"{token}@elsewhere.example")]),
    )
    ContactNumber.objects.create(contact=contact, connection=connection, position=0, value=token)
    Filing.objects.create(contact=contact, folder=folder)
    system = PhoneSystem.objects.create(
        organization=organization, kind=SystemKind.ZOOM, credentials={"webhook_secret": token}, client_id=token
    )
    PhoneEvent.objects.create(system=system, digest=token, body=token.encode(), state=EventState.FAILED)
    Licence.objects.create(user=user, is_assigned=True, assigned_by=user, assigned_at=now, numbers_json=[token])
    party = {"owner": user, "number": token, "name": token, "call_id": token}
    call = Call.objects.create(direction="in", result="voicemail", started_at=now, log_id=token, line=token, **party)
    voicemail = Voicemail.objects.create(
        voicemail_id=token, left_at=now, transcript=token, audio=f"https://{token}.example/", **party
    )
    return {
        "call": call.pk,
        "voicemail": voicemail.pk,
        "phone_key": system.key,
        "membership": user.membership.pk,
        "group": group.pk,
        "change": change.pk,
        "effect": effect.pk,
        "invitation": invitation.pk,
        "import": invitation_import.pk,
        "meeting": meeting.pk,
        "scheduled": scheduled.pk,
        "write": write.pk,
        "contact_write": contact_write.pk,
        "delegation": delegation.pk,
        "contact": contact.pk,
        "folder": folder.pk,
        "connection": connection.pk,
        "organization": organization.pk,
        "user": user.pk,
        "passkey": 1,
        "provider": "memory",
        "wrong_token": "no-such-token",
        "day": "2026-11-26",
        "week": "2026-W48",
    }


def is_plantable(column: models.Field) -> bool:
    return (
        isinstance(column, models.CharField | models.TextField)
        and not isinstance(column, EncryptedJSONField)
        and not column.choices
        and not column.name.endswith("_json")
        and column.name not in KEPT | LISTS
        and (column.max_length is None or column.max_length >= len(MARKER))
    )


def plant(ours: dict[type[models.Model], set[Any]]) -> None:
    """The marker into every text of these rows."""
    for model, pks in ours.items():
        columns = [one for one in model._meta.local_fields if is_plantable(one)]
        for pk in pks:
            planted = {}
            for column in columns:
                words = f"{MARKER} {column.name} {pk}"
                if isinstance(column, models.EmailField):
                    words = f"{MARKER}.{column.name}.{pk}@northwind.example"
                planted[column.name] = words[: column.max_length]
            if planted:
                model._base_manager.filter(pk=pk).update(**planted)


@pytest.fixture
def stage(settings, alice: User, bob: User, dora: User, charlie: User, monkeypatch) -> Stage:
    from integrations import tasks

    settings.PROVIDERS = {"memory": "integrations.providers.memory.Memory"}
    settings.PROVIDER_SETTINGS = {}
    SERVICE.reset()
    SERVICE.add_person(alice.email)
    SERVICE.add_person(charlie.email)
    monkeypatch.setattr(tasks.sync_connection, "delay", lambda *args: None)
    values = fill(alice, token=MARKER)
    ours: dict[type[models.Model], set[Any]] = {}
    for model in apps.get_models():
        if model._meta.app_label in OUR_APPS:
            ours[model] = set(model._base_manager.values_list("pk", flat=True))
    ours[User].discard(charlie.pk)
    ours[Organization].discard(charlie.organization.pk)
    ours[Membership].discard(charlie.membership.pk)
    with lifted():
        plant(ours)
    # Charlie has as much of his own, so that his pages go all the way down.
    fill(charlie, token="sparrowhawk")
    for person in (alice, bob, dora):
        person.refresh_from_db()
    return Stage(values, ours)


def test_every_model_is_planted(stage):
    empty = [model._meta.label for model, pks in stage.ours.items() if not pks]
    assert empty == [], "Give the stage a row of each, so that the stranger has something to find."


def ask(client: Client, url: str, method: str, *, stage: Stage, is_fragment: bool) -> Iterator[HttpResponse]:
    """The plain request, and the same with every id of ours in every name a page might read it from."""
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"} if is_fragment else {}
    ids = {name: str(value) for name, value in stage.values.items()}
    names = {
        **ids,
        **{name: ids[of] for name, of in [("memberships", "membership"), ("groups", "group"), ("folders", "folder")]},
        **dict.fromkeys(("host", "hosted_by", "owner", "delegate", "person"), ids["user"]),
        "id": ids["meeting"],
        "pk": ids["meeting"],
        "calendar": ids["meeting"],
        "feed": "calendar",
        "q": SOUGHT,
        "role": "member",
        "email": "somebody@rival.example",
        "name": "Somebody",
        "page": "1",
    }
    for data in ({}, names):
        # What one answer changes for Charlie must not spare the next: each starts from the same stage.
        with transaction.atomic():
            yield getattr(client, method)(url, data, headers=headers)
            transaction.set_rollback(True)


def check_nothing_of_ours(response: HttpResponse, about: str) -> None:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert MARKER.encode() not in body.lower(), f"{about}: our text is in the answer"
    head = " ".join(f"{name}: {value}" for name, value in response.items())
    assert MARKER not in head.lower(), f"{about}: our text is in a header"
    assert response.status_code < 500, f"{about}: {response.status_code}"


@pytest.mark.parametrize("name", sorted(set(ALL) & set(URLS)))
def test_a_stranger_gets_nothing_of_ours_and_changes_nothing_of_ours(name, stage, charlie, sign_in):
    url, before = stage.url(name), stage.photograph()
    for method, is_fragment in itertools.product(("get", "post"), (False, True)):
        client = sign_in(charlie)
        for response in ask(client, url, method, stage=stage, is_fragment=is_fragment):
            about = f"{method.upper()} {url}{' as a fragment' if is_fragment else ''}"
            check_nothing_of_ours(response, about)
            if URLS[name].is_someones:
                wanted = {404, 405} if (method == "get") == URLS[name].is_post_only or method == "post" else {404}
                assert response.status_code in wanted, f"{about}: {response.status_code}"
            assert stage.photograph() == before, f"{about}: something of ours was changed"


@pytest.mark.parametrize("name", sorted(set(ALL) & set(URLS)))
def test_who_has_not_signed_in_is_led_to_sign_in(name, stage):
    url, before = stage.url(name), stage.photograph()
    answers = [ask(Client(), url, method, stage=stage, is_fragment=False) for method in ("get", "post")]
    for response in itertools.chain(*answers):
        check_nothing_of_ours(response, url)
        if not URLS[name].is_open:
            assert response.status_code == 302, f"{url}: {response.status_code}"
            assert response.headers["Location"].startswith("/accounts/login/"), response.headers["Location"]
        assert stage.photograph() == before
    if not URLS[name].is_open:
        fragment = Client().get(url, headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{url}"})
        assert fragment.status_code == 204, "a fragment leads the whole page to sign-in"
        assert fragment.headers["HX-Redirect"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("name", sorted(set(ALL) & set(URLS)))
def test_a_view_that_changes_something_answers_405_to_get_and_the_others_change_nothing_by_it(
    name, stage, dora, alice, sign_in
):
    for person in (alice, dora):
        client = sign_in(person)
        before = stage.photograph()
        response = client.get(stage.url(name))
        if not URLS[name].is_post_only:
            assert response.status_code != 405, name
        elif response.status_code != 404:
            assert response.status_code == 405, f"{name}: {response.status_code}"
        assert response.status_code < 500, f"{name}: {response.status_code}"
        assert stage.photograph() == before


def test_our_own_people_do_see_what_the_stranger_must_not(stage, alice, dora, sign_in):
    """Without this the tests above could pass on empty pages."""
    marker = MARKER.encode()
    for person, names in (
        (alice, ["meetings:list", "meetings:detail", "contacts:list", "contacts:show", "integrations:profile"]),
        (alice, ["phone:list", "phone:voicemails"]),
        (dora, ["organizations:people", "organizations:person", "organizations:groups", "organizations:group_edit"]),
    ):
        client = sign_in(person)
        for name in names:
            response = client.get(stage.url(name))
            assert response.status_code == 200, name
            assert marker in response.content, f"{name} shows nothing planted to {person}"
    assert marker in sign_in(alice).get(stage.url("contacts:list"), {"q": SOUGHT}).content
    assert marker in sign_in(alice).get(stage.url("meetings:list"), {"q": SOUGHT}).content


def test_the_stranger_does_see_what_is_his(stage, charlie, sign_in):
    client = sign_in(charlie)
    for name in ("meetings:list", "contacts:list", "phone:list", "phone:voicemails", "organizations:groups"):
        assert b"sparrowhawk" in client.get(stage.url(name)).content, name


def test_a_colleague_sees_no_more_than_a_stranger_of_what_is_private(stage, dora, sign_in):
    """Dora even owns the organization: what is Alice's is hers all the same. (Bob is her delegate.)"""
    client = sign_in(dora)
    for name in ("meetings:detail", "contacts:show"):
        assert client.get(stage.url(name)).status_code == 404
    for name in ("meetings:list", "contacts:list", "phone:list", "phone:voicemails"):
        page = client.get(stage.url(name), {"q": SOUGHT}).content
        for column in ("title", "display_name", "number", "transcript"):
            assert f"{MARKER} {column}".encode() not in page, name


def support_path(path: str) -> str:
    """A path to ask for, of one as written in the support pages' URL patterns."""
    for part in ("<path:object_id>", "<int:pk>", "<int:effect>", "<int:content_type_id>", "<path:content_type_id>"):
        path = path.replace(part, "1")
    if "(?P<" in path:
        path = "support/organizations/" if "app_label" in path else "support/no-such-page"
    return f"/{path}"


def test_the_support_pages_are_closed_to_everybody_but_support_staff(stage, charlie, dora, sign_in):
    stranger, owner = sign_in(charlie), sign_in(dora)
    for name, written in SUPPORT_NAMES.items():
        path = support_path(written)
        answer = stranger.get(path)
        check_nothing_of_ours(answer, path)
        for response in (answer, owner.get(path)):
            assert response.status_code in (302, 403, 404), f"{path}: {response.status_code}"
        anonymous = Client().get(path)
        assert anonymous.status_code == 302, f"{name} at {path}: {anonymous.status_code}"
        assert "/login/" in anonymous.headers["Location"], path
