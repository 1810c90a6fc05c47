"""One e-mail for each time a connection breaks."""

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from integrations import notices, sync
from integrations.models import Connection, Status
from tests.integrations.conftest import way_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(connect, account):
    connection = connect()
    account.end_grant()
    sync.run(connection.pk, trigger="person")
    return connection


def test_a_broken_connection_is_told_once_in_text_and_html_with_the_way_back(broken, alice):
    assert notices.send_due() == 1
    assert notices.send_due() == 0
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert message.subject == "Reconnect Memory to keep your meetings and contacts up to date"
    html = message.alternatives[0][0]
    for body in (message.body, html):
        assert "/profile/" in body
        assert "Reconnect to go on." in body
        assert "Nothing you have here is lost." in body


def test_after_a_reconnect_the_next_break_is_told_again(broken, alice, account, alice_client, memory):
    notices.send_due()
    answer = alice_client.post("/integrations/connection/renewal/")
    alice_client.get("/integrations/callback/", memory.consent(way_out(alice_client, answer), alice.email))
    assert notices.send_due() == 0
    account.end_grant()
    sync.run(Connection.objects.get().pk, trigger="person")
    assert notices.send_due() == 1
    assert len(mail.outbox) == 2


def test_a_working_connection_and_one_that_waits_for_an_admin_get_no_mail(connect):
    connect()
    assert notices.send_due() == 0
    Connection.objects.update(status=Status.ADMIN_NEEDED)
    assert notices.send_due() == 0


def test_a_mail_server_that_is_down_does_not_use_up_the_one_mail(broken, monkeypatch):
    def refuse(*_):
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert notices.send_due() == 0
    monkeypatch.undo()
    assert notices.send_due() == 1


def test_what_the_provider_says_is_escaped_in_the_mail(broken, alice):
    Connection.objects.update(error_sentence="<script>alert(1)</script>", mailbox="a&b@northwind.example")
    notices.send_due()
    html = mail.outbox[0].alternatives[0][0]
    assert "<script>" not in html
    assert "a&amp;b@northwind.example" in html
    assert "a&b@northwind.example" in mail.outbox[0].body


def test_somebody_who_left_gets_no_mail(broken, alice):
    alice.is_active = False
    alice.save()
    assert notices.send_due() == 0
