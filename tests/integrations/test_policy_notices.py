"""What people are told of what policy does to them: in a mail for each event, and on every page."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as site
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from integrations import deciding, notices
from integrations.deciding import Place
from integrations.models import Connection
from integrations.policy_models import EffectState, PolicyChange, PolicyEffect
from organizations.mailing import list_mails
from organizations.models import MailChoice, Membership, User
from tests.integrations.conftest import way_out
from tests.integrations.enforcement import carry_out, decide, make_connection, pass_days

pytestmark = pytest.mark.django_db

NO_WRITE = {"memory.calendar_write": "off"}
NO_SERVICE = {"memory.offered": False}


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    from integrations import tasks

    for task in (tasks.enforce_change, tasks.sync_connection):
        monkeypatch.setattr(task, "delay", lambda *_: None)


@pytest.fixture
def whole(northwind):
    return Place(northwind)


def sent():
    """Subjects of the mails since the last time that this was asked."""
    subjects = [one.subject for one in mail.outbox]
    mail.outbox.clear()
    return subjects


def sweep(times=3):
    for _ in range(times):
        notices.send_due()


# --- Mail --------------------------------------------------------------------------------------------------------


def test_every_mail_of_ours_stands_on_the_page_of_mail_settings():
    kinds = [one.kind for one in list_mails()]
    assert {"reconnect", "policy_announced", "policy_reminder", "policy_ended"} <= set(kinds)
    assert len(kinds) == len(set(kinds))
    assert {one.kind for one in list_mails() if not one.is_essential} >= {
        "policy_reminder",
        "policy_to_grant",
    }


def test_who_is_disconnected_is_told_once_why_and_by_whom_with_a_button(whole, alice):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([alice.email], "Your connection to Memory has ended")
    html = message.alternatives[0][0]
    for body in (message.body, html):
        assert "This service is not offered to you, by decision of your organization." in body
        assert f"{site.PUBLIC_URL}/integrations/connection/new/" in body
        assert "Reconnect" in body
        assert alice.email in body


def test_who_is_narrowed_is_told_what_is_lost(whole, alice):
    make_connection(alice)
    decide(whole, NO_WRITE, ["memory.calendar_write"])
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert message.subject == "Your connection to Memory may do less from now on"
    assert "has lost Calendar write" in message.body
    assert "Calendar write was switched off by your organization." in message.alternatives[0][0]


def test_a_permission_that_is_asked_for_is_named_and_the_mail_can_be_stopped(whole, alice, bob):
    for person in (alice, bob):
        make_connection(person, "calendar_read")
    MailChoice.objects.create(user=bob, kind="policy_to_grant")
    decide(whole, {"memory.contacts_read": "on"}, ["memory.contacts_read"])
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([alice.email], "Memory: your organization asks for Contacts read")
    assert "List-Unsubscribe" in message.extra_headers
    assert f"{site.PUBLIC_URL}/integrations/connection/edit/" in message.body
    assert not PolicyEffect.objects.filter(told_at=None).exists(), "who does not want it is asked at each sweep"


def test_the_end_is_announced_with_its_date_in_the_persons_own_zone(whole, alice):
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    due_at = datetime(2026, 12, 3, 20, 30, tzinfo=UTC)
    PolicyChange.objects.filter(pk=change.pk).update(due_at=due_at)
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert message.subject == "Your connection to Memory ends on 4 December 2026"
    assert "Friday, 4 December 2026, 05:30 JST" in message.body
    assert due_at.astimezone(ZoneInfo("Asia/Tokyo")).hour == 5


@pytest.mark.parametrize(
    ("grace_days", "reminders"),
    [(1, []), (2, [1]), (7, [1]), (10, [1]), (11, [7, 1]), (30, [7, 1])],
)
def test_reminders_come_a_day_before_and_in_long_grace_periods_a_week_before(whole, alice, grace_days, reminders):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=grace_days)
    carry_out()
    sweep()
    assert len(sent()) == 1
    came = []
    for _ in range(grace_days * 4 - 1):
        pass_days(0.25)
        sweep(2)
        if subjects := sent():
            assert all(one.startswith("Reminder: your connection to Memory ends on") for one in subjects)
            assert len(subjects) == 1
            change.refresh_from_db()
            came.append(-(-(change.due_at - timezone.now()) // timedelta(days=1)))
    assert came == reminders
    pass_days(0.3)
    carry_out()
    sweep()
    assert sent() == ["Your connection to Memory has ended"]


def test_who_stopped_reminders_gets_the_rest(whole, alice):
    make_connection(alice)
    MailChoice.objects.create(user=alice, kind="policy_reminder")
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    for _ in range(5):
        carry_out()
        sweep()
        pass_days(0.9)
    assert len(sent()) == 2


def test_undoing_tells_those_who_were_told_and_nobody_else(whole, alice, dora):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    make_connection(dora)
    PolicyChange.objects.filter(pk=change.pk).update(announced_at=None)
    carry_out()  # Dora is found, and the change is undone before she is told
    sent()
    deciding.undo(change, by=dora, address=None)
    sweep()
    assert [one.to for one in mail.outbox] == [[alice.email]]
    assert sent() == ["Your connection to Memory stays as it is"]


def test_who_wants_no_mail_that_may_be_stopped_hears_still_that_an_announced_end_does_not_come(whole, alice, dora):
    make_connection(alice)
    MailChoice.objects.create(user=alice, kind="policy_stays")
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    sent()
    deciding.undo(change, by=dora, address=None)
    sweep()
    assert sent() == ["Your connection to Memory stays as it is"]


def test_a_change_that_joins_and_ends_nothing_more_is_no_news_and_reminds_nobody_twice(whole, alice):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=20)
    carry_out()
    sweep()
    assert len(sent()) == 1
    pass_days(1)
    decide(whole, {**NO_SERVICE, "call_scheme": "tel"}, ["memory.offered"], grace_days=1)
    carry_out()
    sweep()
    assert sent() == []
    for days, mails in ((12.5, ["Reminder"]), (2, []), (3.6, ["Reminder"]), (0.5, [])):
        pass_days(days)
        carry_out()
        sweep()
        assert [one.split(":")[0] for one in sent()] == mails
    pass_days(0.6)
    carry_out()
    sweep()
    assert sent() == ["Your connection to Memory has ended"]


def test_a_change_that_joins_after_a_reminder_does_not_remind_again(whole, alice):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    pass_days(2.2)
    sweep()
    assert len(sent()) == 2
    decide(whole, {**NO_SERVICE, "call_scheme": "tel"}, ["memory.offered"], grace_days=1)
    carry_out()
    pass_days(0.2)
    sweep()
    assert sent() == []


def test_two_workers_remind_of_two_changes_once(whole, alice, monkeypatch):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    decide(whole, {**NO_SERVICE, "call_scheme": "tel"}, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    pass_days(2.2)
    sent()
    seen = list(notices.find_to_remind(timezone.now()))
    assert len(seen) == 2
    for effect in reversed(seen):
        notices.Sweep()._send_reminder(effect)
    assert len(sent()) == 1


def test_a_reminder_that_could_not_be_sent_is_sent_by_the_next_sweep(whole, alice, monkeypatch):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    pass_days(2.2)
    sent()

    def refuse(*_):
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    notices.send_due()
    monkeypatch.undo()
    sweep()
    assert len(sent()) == 1


def test_undoing_one_of_two_changes_that_end_a_connection_is_no_news_and_undoing_both_is_told_once(whole, alice, dora):
    make_connection(alice)
    first = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    elsewhere = {**NO_SERVICE, "mailbox_domains": ["elsewhere.example"]}
    second = decide(whole, elsewhere, ["memory.offered", "mailbox_domains"], grace_days=7)
    carry_out()
    sweep()
    assert len(sent()) == 1
    deciding.undo(first, by=dora, address=None)
    carry_out()
    sweep()
    assert sent() == [], "it ends all the same, and on the same day"
    deciding.undo(second, by=dora, address=None)
    carry_out()
    sweep()
    assert sent() == ["Your connection to Memory stays as it is"]


def test_who_hears_that_nothing_comes_hears_it_once_however_many_changes_it_were(whole, northwind, alice, dora):
    make_connection(alice)
    member = Place(northwind, membership=alice.membership)
    changes = [decide(one, NO_SERVICE, ["memory.offered"], grace_days=7) for one in (member, whole)]
    carry_out()
    sweep()
    sent()
    for change in changes:
        deciding.undo(change, by=dora, address=None)
    carry_out()
    sweep()
    assert sent() == ["Your connection to Memory stays as it is"]


def test_where_a_later_end_remains_its_date_is_told(whole, northwind, alice, dora):
    make_connection(alice)
    soon = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    carry_out()
    sweep()
    later = decide(Place(northwind, membership=alice.membership), NO_SERVICE, ["memory.offered"], grace_days=20)
    carry_out()
    sweep()
    assert len(sent()) == 1
    deciding.undo(soon, by=dora, address=None)
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert f"{later.due_at.astimezone(alice.zone).day} " in message.subject
    assert message.subject.startswith("Your connection to Memory ends on")


def test_where_less_is_to_end_than_was_told_it_is_told_what(whole, northwind, alice, dora):
    make_connection(alice)
    all_of_it = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    decide(Place(northwind, membership=alice.membership), NO_WRITE, ["memory.calendar_write"], grace_days=9)
    carry_out()
    sweep()
    sent()
    deciding.undo(all_of_it, by=dora, address=None)
    carry_out()
    sweep()
    (subject,) = sent()
    assert subject.startswith("Your connection to Memory loses Calendar write on")


def test_who_was_told_of_a_lock_that_is_lifted_at_once_hears_that_their_connection_stays(whole, alice, bob):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    sweep()
    make_connection(bob, account_id="2")  # who is never told
    sent()
    decide(whole, {})
    carry_out()
    sweep()
    assert [one.to for one in mail.outbox] == [[alice.email]]
    assert sent() == ["Your connection to Memory stays as it is"]


def test_nobody_is_reminded_of_a_connection_that_is_gone(whole, alice, bob, dora, northwind):
    from integrations import changing

    mine, his = make_connection(alice), make_connection(bob, account_id="2")
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    sweep()
    sent()
    changing.disconnect(mine, by=alice)
    changing.let_go(bob, reason="He left.", by=dora)
    assert set(PolicyEffect.objects.values_list("state", flat=True)) == {EffectState.SPARED}
    assert not PolicyEffect.objects.filter(told_at=None).exists()
    pass_days(6.5)
    carry_out()
    sweep()
    assert sent() == []
    # Nor where a connection went without its effects being looked at.
    PolicyEffect.objects.filter(connection_id=his.pk).update(state=EffectState.WAITING, reminded_at=None)
    sweep()
    assert sent() == []


def test_what_was_not_said_when_somebody_left_is_no_news_when_they_come_back(whole, northwind, alice, bob, dora):
    from organizations.signals import member_left

    for person in (alice, bob):
        make_connection(person, account_id=person.email)
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    member_left.send(None, user=alice, organization=northwind, reason="She left.", by=dora, address=None)
    sweep()
    assert [one.to for one in mail.outbox] == [[bob.email]]


def test_who_is_told_anew_is_reminded_anew_and_had_no_failures(whole, alice):
    make_connection(alice, "calendar_read", "calendar_write", "contacts_read")
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    sweep()
    PolicyEffect.objects.update(reminded_at=timezone.now(), mail_failures=9)
    both = ["memory.calendar_write", "memory.contacts_read"]
    decide(whole, {**NO_WRITE, "memory.contacts_read": "off"}, both, grace_days=3)
    carry_out()
    assert set(PolicyEffect.objects.values_list("reminded_at", "mail_failures", "told_at")) == {(None, 0, None)}


def test_several_changes_that_say_the_same_are_one_mail_with_every_reason(whole, alice):
    make_connection(alice, "calendar_read", "calendar_write", "contacts_read")
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    both = ["memory.calendar_write", "memory.contacts_read"]
    decide(whole, {**NO_WRITE, "memory.contacts_read": "off"}, both, grace_days=3)
    carry_out()
    sweep()
    (message,) = mail.outbox
    assert "Calendar write was switched off" in message.body
    assert "Contacts read was switched off" in message.body
    pass_days(3.1)
    carry_out()
    sent()
    sweep()
    assert sent() == ["Your connection to Memory may do less from now on"]


def test_of_a_connection_that_is_gone_only_its_end_is_told(whole, alice):
    make_connection(alice)
    decide(whole, NO_WRITE, ["memory.calendar_write"])
    carry_out()
    decide(whole, {**NO_WRITE, **NO_SERVICE}, ["memory.calendar_write", "memory.offered"])
    carry_out()
    sweep()
    assert sent() == ["Your connection to Memory has ended"]


def test_a_thousand_people_get_one_mail_each_however_often_it_is_swept(whole, northwind, dora):
    people = User.objects.bulk_create(User(email=f"p{n}@northwind.example") for n in range(1000))
    Membership.objects.bulk_create(Membership(user=one, organization=northwind) for one in people)
    Connection.objects.bulk_create(
        Connection(user=one, provider="memory", mailbox=one.email, account_id="1", calendar_read=True, credentials={})
        for one in people
    )
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=3)
    for _ in range(3):
        carry_out()
        sweep()
        PolicyChange.objects.filter(pk=change.pk).update(announced_at=None, position=None)
    assert len(mail.outbox) == len({one.to[0] for one in mail.outbox}) == 1000
    sent()
    deciding.end_grace(change, by=dora, address=None)
    for _ in range(3):
        carry_out()
        sweep()
    assert len(mail.outbox) == len({one.to[0] for one in mail.outbox}) == 1000
    assert set(sent()) == {"Your connection to Memory has ended"}


def test_a_mail_server_that_is_down_is_not_asked_a_thousand_times_and_nothing_is_lost(
    whole, northwind, make_member, monkeypatch
):
    for n in range(8):
        make_connection(make_member(northwind, f"p{n}@northwind.example"))
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    tried = []

    def refuse(_, messages):
        tried.extend(messages)
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    notices.send_due()
    assert len(tried) == notices.MOST_FAILURES
    assert PolicyEffect.objects.filter(told_at=None).count() == 8
    monkeypatch.undo()
    sweep()
    assert len({one.to[0] for one in mail.outbox}) == len(mail.outbox) == 8


def test_one_address_that_nobody_takes_mail_for_holds_nobody_else_up(whole, northwind, make_member, monkeypatch):
    for n in range(6):
        make_connection(make_member(northwind, f"bad{n}@northwind.example"))
    make_connection(make_member(northwind, "good@northwind.example"))
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    take = EmailBackend.send_messages

    def refuse_the_bad(self, messages):
        if messages[0].to[0].startswith("bad"):
            raise ConnectionResetError
        return take(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse_the_bad)
    sweep(3)
    assert [one.to for one in mail.outbox] == [["good@northwind.example"]]


def test_somebody_who_left_is_told_nothing(whole, alice):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sweep()
    assert sent() == []


def test_what_people_and_admins_typed_is_escaped(whole, alice, northwind):
    from organizations.models import Group

    group = Group.objects.create(organization=northwind, name="<b>Sales</b>")
    alice.membership.groups.add(group)
    make_connection(alice, mailbox="a&b@northwind.example")
    decide(Place(northwind, group=group), NO_SERVICE, ["memory.offered"])
    carry_out()
    sweep()
    html = mail.outbox[0].alternatives[0][0]
    assert "<b>Sales" not in html
    assert "a&amp;b@northwind.example" in html
    assert "<b>Sales</b>" in mail.outbox[0].body


# --- The banner --------------------------------------------------------------------------------------------------


def banner(client, path="/meetings/"):
    page = client.get(path)
    assert page.status_code == 200
    text = " ".join(page.content.decode().split())
    start = text.index('<div id="banner">')
    return text[start : text.index("<main", start)]


def test_while_a_grace_period_runs_every_page_says_when_it_ends(whole, alice, alice_client, bob_client):
    User.objects.filter(pk=alice.pk).update(time_zone="UTC")
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    for path in ("/meetings/", "/contacts/", "/profile/"):
        words = banner(alice_client, path)
        assert (
            f"Your connection to Memory ends on {change.due_at:%A, }{change.due_at.day} {change.due_at:%B %Y}" in words
        )
        assert "by decision of your organization" in words
    assert "notice" not in banner(bob_client)


def test_who_was_disconnected_is_led_to_the_chooser_until_they_dismiss_it(whole, alice, alice_client, bob_client):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    words = banner(alice_client)
    assert "Your connection to Memory has ended." in words
    assert 'href="/integrations/connection/new/">Reconnect</a>' in words
    url = f"/integrations/policy-effects/{PolicyEffect.objects.get().pk}/dismissal/"
    assert bob_client.post(url).status_code == 404
    assert alice_client.get(url).status_code == 405
    assert "has ended" in banner(alice_client)
    answer = alice_client.post(url, {"next": "/contacts/?q=x"})
    assert (answer.status_code, answer["Location"]) == (302, "/contacts/?q=x")
    assert "has ended" not in banner(alice_client)
    assert alice_client.post(url, {"next": "https://evil.example/"})["Location"] == "/profile/"


def test_who_is_connected_again_needs_no_banner(whole, alice, alice_client, connect, memory):
    connect("calendar_read")
    decide(whole, {"memory.versions": ["2"], "memory.offered": False}, ["memory.offered"])
    carry_out()
    assert "has ended" in banner(alice_client)
    decide(whole, {"memory.versions": ["2"]})
    left = alice_client.post("/integrations/connection/new/memory/", {"permissions": ["calendar_read"]})
    alice_client.get("/integrations/callback/", memory.consent(way_out(alice_client, left), alice.email))
    assert Connection.objects.exists()
    assert "has ended" not in banner(alice_client)
    Connection.objects.all().delete()
    assert "has ended" not in banner(alice_client), "old news came back"


def test_a_permission_to_grant_is_asked_for_until_it_is_granted(whole, alice, alice_client):
    make_connection(alice, "calendar_read")
    decide(whole, {"memory.contacts_read": "on"}, ["memory.contacts_read"])
    carry_out()
    words = banner(alice_client)
    assert "Memory: Contacts read is asked of you." in words
    assert 'href="/integrations/connection/edit/"' in words
    Connection.objects.update(contacts_read=True)
    assert "is asked of you" not in banner(alice_client)


def test_what_is_undone_or_spared_is_not_spoken_of(whole, alice, alice_client, dora):
    make_connection(alice)
    change = decide(whole, NO_SERVICE, ["memory.offered"], grace_days=7)
    carry_out()
    assert "ends on" in banner(alice_client)
    deciding.undo(change, by=dora, address=None)
    assert "ends on" not in banner(alice_client)


def test_a_month_later_it_is_no_news_any_more(whole, alice, alice_client):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"])
    carry_out()
    PolicyEffect.objects.update(at=timezone.now() - timedelta(days=31))
    assert "has ended" not in banner(alice_client)


def test_a_dismissed_announcement_comes_back_when_it_is_done(whole, alice, alice_client):
    make_connection(alice)
    decide(whole, NO_SERVICE, ["memory.offered"], grace_days=1)
    carry_out()
    alice_client.post(f"/integrations/policy-effects/{PolicyEffect.objects.get().pk}/dismissal/")
    assert "notice" not in banner(alice_client)
    pass_days(1.1)
    carry_out()
    assert "has ended" in banner(alice_client)


def test_the_banner_costs_a_page_at_most_one_query_more(whole, alice, alice_client):
    from django.db import connection as database
    from django.test.utils import CaptureQueriesContext

    make_connection(alice)

    def count():
        with CaptureQueriesContext(database) as asked:
            alice_client.get("/contacts/")
        return len(asked)

    count()
    quiet = count()
    decide(whole, NO_WRITE, ["memory.calendar_write"], grace_days=3)
    carry_out()
    assert count() == quiet + 1
    assert PolicyEffect.objects.get().state == EffectState.WAITING
