"""The one page for support staff about one person, and what they do from it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from integrations import sync
from integrations.models import Connection, PolicyChange, PolicyEffect, Status, SyncRun
from organizations.models import AuditEvent, Group, User, record
from tests.policies import set_policy

pytestmark = pytest.mark.django_db


def page_of(person) -> str:
    return reverse("admin:organizations_user_change", args=[person.pk])


def url(name, person, *more) -> str:
    return reverse(f"admin:organizations_user_{name}", args=[person.pk, *more])


def read(client, person) -> str:
    page = client.get(page_of(person))
    assert page.status_code == 200
    return " ".join(page.content.decode().split())


@pytest.fixture
def make_helper(sign_in_support):
    """make_helper("app.codename", ...) -> the browser of a colleague with just these permissions."""
    from django.contrib.auth.models import Permission

    def make(*names: str):
        user = User.objects.create_user("helper@portico.example", is_staff=True)
        for name in names:
            app, codename = name.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        return sign_in_support(user)

    return make


@pytest.fixture
def effect(connect, alice, northwind) -> PolicyEffect:
    """Alice's connection ends in five days, and she was told yesterday."""
    connection = connect()
    change = PolicyChange.objects.create(
        organization=northwind, what="Group Litigation", due_at=timezone.now() + timedelta(days=5), state="waiting"
    )
    return PolicyEffect.objects.create(
        change=change, user=alice, connection_id=connection.pk, provider="memory", mailbox=alice.email,
        outcome="disconnected", ended=["calendar_read"], reasons=["Memory is not offered to you."],
        told_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip


def test_the_page_says_what_holds_and_which_level_decided_each_part(support_client, alice, northwind, connect):
    connect()
    first = Group.objects.create(organization=northwind, name="Sales", position=1)
    second = Group.objects.create(organization=northwind, name="Litigation", position=2)
    alice.membership.groups.set([second, first])
    set_policy(northwind, {"memory.calendar_write": "off"}, locks=["memory.calendar_write"])
    set_policy(northwind, {"memory.contacts_write": "off"}, group=first)
    set_policy(northwind, {"memory.contacts_write": "on"}, group=second)
    set_policy(northwind, {"grace_days": 3}, membership=alice.membership)
    page = read(support_client, alice)
    assert "<td>Memory: Calendar write</td><td>Off</td><td>Organization, <strong>locked</strong></td>" in page
    assert "<td>Memory: Contacts write</td><td>Off</td><td>Group Sales</td>" in page
    assert "<td>Grace period</td><td>3 days</td><td>Member</td>" in page
    assert "<td>Memory: Offered</td><td>Yes</td><td>Portico&#x27;s default</td>" in page
    assert "1. Sales, 2. Litigation" in page


def test_the_page_shows_the_connection_and_its_runs_in_plain_words_and_in_detail(
    support_client, alice, connect, account
):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    SyncRun.objects.filter(connection=connection).update(
        outcome="failed", error_code="unreachable", error_sentence="Memory could not be reached.",
        error_detail="ConnectTimeout after 10 s",
    )  # fmt: skip
    page = read(support_client, alice)
    for words in (
        "<dt>Granted</dt><dd>Calendar read, Contacts read</dd>",
        "<dt>Used today</dt><dd>Calendar read, Contacts read</dd>",
        "Nothing in the policy stands against it",
        "Memory could not be reached.",
        "<pre>ConnectTimeout after 10 s</pre>",
        "The member asked",
    ):
        assert words in page, words
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    assert "None: the person has to reconnect" in read(support_client, alice)


def test_the_page_says_what_policy_does_to_the_connection_now_and_until_a_grace_period_ends(
    support_client, alice, northwind, connect, effect
):
    set_policy(
        northwind, {"memory.offered": False}, locks=["memory.offered"], kept_until=timezone.now() + timedelta(days=5)
    )
    page = read(support_client, alice)
    assert "Is disconnected: policy locks it out" in page
    assert "A grace period runs until" in page
    assert "<dt>Used today</dt><dd>Calendar read, Contacts read</dd>" in page
    assert "Group Litigation" in page
    assert "Memory is not offered to you." in page


def test_somebody_without_connection_organization_or_history_has_a_page_too(support_client, support, alice):
    assert "Not connected to any service." in read(support_client, alice)
    assert "Not connected to any service." in read(support_client, support)
    assert "In no group." in read(support_client, alice)


def test_the_page_shows_the_person_s_part_of_the_audit_trail_in_words(support_client, alice, bob, northwind):
    record("member.joined", organization=northwind, actor=alice, subject=alice, details={"role": "member"})
    record("member.joined", organization=northwind, actor=bob, subject=bob, details={"role": "planted"})
    page = read(support_client, alice)
    assert "Joined the organization" in page
    assert "Role: member" in page
    assert "planted" not in page
    assert f"/support/organizations/auditevent/?q={alice.email.replace('@', '%40')}" in page


def test_opening_somebody_s_page_is_written_down_once_an_hour_and_session(
    support_client, support, alice, bob, northwind, time_machine
):
    opened = AuditEvent.objects.filter(action="support.opened")
    for _ in range(3):
        support_client.get(page_of(alice), REMOTE_ADDR="203.0.113.7")
    event = opened.get()
    assert (event.actor, event.subject, event.organization) == (support, alice, northwind)
    assert event.address == "203.0.113.7"
    support_client.get(page_of(bob))
    assert opened.count() == 2
    time_machine.move_to(timezone.now() + timedelta(minutes=61))
    support_client.get(page_of(alice))
    assert opened.filter(subject=alice).count() == 2


def test_looking_at_a_connection_or_a_run_of_somebody_is_opening_their_affairs_too(support_client, alice, connect):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    run = SyncRun.objects.get()
    opened = AuditEvent.objects.filter(action="support.opened", subject=alice)
    support_client.get(reverse("admin:integrations_connection_changelist"))
    assert not opened.exists()
    support_client.get(reverse("admin:integrations_syncrun_change", args=[run.pk]))
    assert opened.count() == 1


def test_sync_now_is_queued_and_audited(
    support_client, support, alice, connect, queued, django_capture_on_commit_callbacks
):
    connection = connect()
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        answer = support_client.post(url("sync", alice), follow=True)
    assert "A sync is queued" in answer.content.decode()
    assert queued == [(str(connection.pk), "support")]
    event = AuditEvent.objects.get(action="connection.sync_asked")
    assert (event.actor, event.subject) == (support, alice)


def test_sync_now_says_what_stands_in_the_way(support_client, alice, bob, connect, queued):
    connect()
    queued.clear()
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    assert "has to reconnect first" in support_client.post(url("sync", alice), follow=True).content.decode()
    assert "no connection any more" in support_client.post(url("sync", bob), follow=True).content.decode()
    assert queued == []


def test_disconnecting_asks_why_and_the_person_and_the_trail_are_told(support_client, support, alice, connect, account):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    ask = support_client.get(url("disconnection_new", alice)).content.decode()
    assert "calendar: 3" in ask
    assert Connection.objects.exists()
    without = support_client.post(url("disconnection_new", alice), {"reason": " ", "connection": connection.pk})
    assert without.status_code == 422
    assert b"Say why" in without.content
    assert Connection.objects.exists()
    form = {"reason": "Asked by phone", "connection": connection.pk}
    page = support_client.post(url("disconnection_new", alice), form, follow=True).content.decode()
    assert "is disconnected from Memory" in page
    assert not Connection.objects.exists()
    event = AuditEvent.objects.get(action="connection.deleted")
    assert (event.actor, event.subject, event.details["reason"]) == (support, alice, "Asked by phone")
    assert mail.outbox[-1].to == [alice.email]
    assert "Asked by phone" in mail.outbox[-1].body


def test_what_was_connected_meanwhile_is_not_disconnected_in_its_place(support_client, alice, connect):
    connect()
    form = {"reason": "Asked by phone", "connection": "00000000-0000-4000-8000-000000000000"}
    answer = support_client.post(url("disconnection_new", alice), form)
    assert answer.status_code == 422
    assert b"meanwhile" in answer.content
    assert b"Asked by phone" in answer.content
    assert Connection.objects.exists()


def test_the_reconnect_mail_is_sent_again_by_the_scheduler_and_not_in_a_row(support_client, alice, connect):
    connect()
    long_ago = timezone.now() - timedelta(hours=2)
    again = url("reconnect_mail", alice)
    Connection.objects.update(told_at=long_ago)
    assert b"Nothing was sent" in support_client.post(again, follow=True).content, "it is not broken"
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    assert b"within a minute" in support_client.post(again, follow=True).content
    assert Connection.objects.get().told_at is None
    assert AuditEvent.objects.get(action="mail.sent_again").details == {"mail": "reconnect"}
    assert b"Nothing was sent" in support_client.post(again, follow=True).content, "it is on its way"
    Connection.objects.update(told_at=timezone.now())
    assert b"Nothing was sent" in support_client.post(again, follow=True).content, "it went out just now"
    assert AuditEvent.objects.filter(action="mail.sent_again").count() == 1


def test_a_mail_about_policy_is_sent_again_to_that_person_alone(support_client, alice, bob, effect):
    assert b"Nothing was sent" in support_client.post(url("effect_mail", bob, effect.pk), follow=True).content
    assert b"within a minute" in support_client.post(url("effect_mail", alice, effect.pk), follow=True).content
    effect.refresh_from_db()
    assert effect.told_at is None


@pytest.mark.parametrize("state", ["spared", "undone"])
def test_that_something_was_taken_back_is_not_said_again(support_client, alice, effect, state):
    PolicyEffect.objects.update(state=state)
    send = url("effect_mail", alice, effect.pk)
    assert send not in read(support_client, alice)
    assert b"Nothing was sent" in support_client.post(send, follow=True).content
    effect.refresh_from_db()
    assert effect.told_at
    assert not AuditEvent.objects.filter(action="mail.sent_again").exists()


def test_an_invitation_that_was_never_mailed_says_so(support_client, northwind, dora, alice):
    from organizations.models import Invitation

    invitation = Invitation(organization=northwind, email=alice.email, invited_by=dora)
    invitation.wait_for_mail(timezone.now())
    invitation.save()
    page = read(support_client, alice)
    assert "as Member, waits to be mailed" in page
    assert "sent ," not in page
    Invitation.objects.update(mail_due_at=None)
    assert "as Member, <strong>could not be mailed</strong>" in read(support_client, alice)
    Invitation.objects.update(sent_at=timezone.now())
    assert "as Member, sent 20" in read(support_client, alice)


def test_an_open_invitation_is_found_by_address_and_sent_again(support_client, support, northwind, dora, alice):
    from organizations.models import Invitation

    invitation = Invitation(organization=northwind, email="nora@newfirm.example", role="admin", invited_by=dora)
    invitation.renew_token(timezone.now())
    invitation.save()
    token = invitation.token_hash
    found = support_client.get(reverse("admin:organizations_invitation_changelist"), {"q": "nora@newfirm.example"})
    assert b"nora@newfirm.example" in found.content
    send = reverse("admin:organizations_invitation_sending", args=[invitation.pk])
    assert (
        send
        in support_client.get(reverse("admin:organizations_invitation_change", args=[invitation.pk])).content.decode()
    )
    assert b"on its way to nora@newfirm.example" in support_client.post(send, follow=True).content
    invitation.refresh_from_db()
    assert invitation.token_hash != token
    assert AuditEvent.objects.get(action="invitation.sent_again").actor == support
    Invitation.objects.update(email=alice.email)
    assert send in read(support_client, alice)
    Invitation.objects.update(revoked_at=timezone.now())
    assert b"taken back" in support_client.post(send, follow=True).content


def test_looking_for_somebody_who_is_only_invited_leads_to_the_invitation(support_client, northwind, dora, make_helper):
    from organizations.models import Invitation

    invitation = Invitation(organization=northwind, email="nora@newfirm.example", invited_by=dora)
    invitation.renew_token(timezone.now())
    invitation.save()
    people = reverse("admin:organizations_user_changelist")
    link = reverse("admin:organizations_invitation_change", args=[invitation.pk])
    assert link in support_client.get(people, {"q": "Nora@newfirm.example"}).content.decode()
    assert link not in support_client.get(people, {"q": "nora"}).content.decode()
    helper = make_helper("organizations.view_user")
    assert link not in helper.get(people, {"q": "nora@newfirm.example"}).content.decode()


POSTS = ["sync", "reconnect_mail"]


@pytest.mark.parametrize("name", POSTS)
def test_looking_at_an_act_does_not_do_it(support_client, alice, connect, name):
    connect()
    assert support_client.get(url(name, alice)).status_code == 405


def test_an_act_on_nobody_is_not_found(support_client, alice, connect):
    connect()
    for name in (*POSTS, "disconnection_new"):
        assert support_client.post(reverse(f"admin:organizations_user_{name}", args=[999_999])).status_code == 404


def test_each_part_and_act_takes_its_own_permission(make_helper, alice, connect, northwind):
    connect()
    record("member.joined", organization=northwind, actor=alice, subject=alice)
    helper = make_helper("organizations.view_user")
    page = read(helper, alice)
    for heading in ("Connection</h2>", "Policy that holds", "Audit trail"):
        assert heading not in page
    for name in (*POSTS, "disconnection_new"):
        assert helper.post(url(name, alice)).status_code == 403
    assert Connection.objects.exists()


def test_who_may_look_at_connections_may_sync_and_not_disconnect(make_helper, alice, connect, queued):
    connect()
    helper = make_helper("organizations.view_user", "integrations.view_connection")
    page = read(helper, alice)
    assert "Policy that holds" in page
    assert "Disconnect…" not in page
    assert helper.post(url("sync", alice)).status_code == 302
    assert helper.post(url("disconnection_new", alice), {"reason": "x"}).status_code == 403
    assert Connection.objects.exists()


@pytest.mark.parametrize("who", ["alice_client", "dora_client", "charlie_client"])
def test_nobody_else_gets_to_the_page_or_its_acts(request, who, alice, connect):
    connection = connect()
    client = request.getfixturevalue(who)
    assert client.get(page_of(alice)).status_code == 302
    for name in (*POSTS, "disconnection_new"):
        assert client.post(url(name, alice), {"reason": "x", "connection": connection.pk}).status_code == 302
    assert Connection.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="support").exists()


def test_the_page_asks_the_database_as_often_whatever_there_is(
    support_client, alice, northwind, connect, django_assert_max_num_queries
):
    connection = connect()
    support_client.get(page_of(alice))
    counts = []
    for n in (1, 3):
        for i in range(n * 4):
            SyncRun.objects.create(connection=connection, outcome="done", finished_at=timezone.now())
            record("member.joined", organization=northwind, actor=alice, subject=alice)
            group = Group.objects.create(organization=northwind, name=f"{n} {i}")
            alice.membership.groups.add(group)
            set_policy(northwind, {"memory.contacts_write": "off"}, group=group)
            change = PolicyChange.objects.create(organization=northwind, what="Organization")
            PolicyEffect.objects.create(change=change, user=alice, connection_id=connection.pk, provider="memory",
                                        mailbox=alice.email, outcome="narrowed")  # fmt: skip
        with django_assert_max_num_queries(30) as queries:
            support_client.get(page_of(alice))
        counts.append(len(queries))
    assert counts[0] == counts[1]
