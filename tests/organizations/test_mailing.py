"""Mail to people: in one look, and what is not essential can be stopped, without signing in and for good."""

import importlib
import pkgutil
import re
import smtplib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core import mail as outgoing
from django.template.loader import get_template
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

import contacts
import integrations
import meetings
import organizations
from organizations import mailing
from organizations.mailing import Mail, NotSent
from organizations.models import MailChoice
from portal import settings as ours

pytestmark = pytest.mark.django_db

REMINDER = Mail("reminder", "mail/notice", "Reminders before something ends", is_essential=False)
DIGEST = Mail("digest", "mail/notice", "A digest", is_essential=False)
ENDED = Mail("ended", "mail/notice", "What was ended")
WORDS = {"heading": "Your calendar", "lines": ["It ends."]}


@pytest.fixture(autouse=True)
def kinds(settings):
    settings.MAILS = [f"{__name__}.{name}" for name in ("ENDED", "REMINDER", "DIGEST")]


def send(kind, person, subject="Your calendar"):
    return mailing.send(kind, to=person, subject=subject, context=WORDS)


def link_in(message) -> str:
    url = re.search(r"<(.+)>", message.extra_headers["List-Unsubscribe"])[1]
    assert url.startswith(django_settings.PUBLIC_URL)
    return url.removeprefix(django_settings.PUBLIC_URL)


def test_a_mail_says_the_same_in_text_and_in_html(alice):
    assert send(ENDED, alice, "Two\nlines")
    (message,) = outgoing.outbox
    assert (message.subject, message.to) == ("Two lines", [alice.email])
    for body in (message.body, message.alternatives[0][0]):
        assert "It ends." in body
        assert django_settings.PUBLIC_URL in body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_what_is_essential_offers_no_way_to_stop_it_and_is_sent_whatever_was_chosen(alice):
    MailChoice.objects.create(user=alice, kind=ENDED.kind)
    assert send(ENDED, alice)
    assert "List-Unsubscribe" not in outgoing.outbox[0].extra_headers
    assert "/mail/" not in outgoing.outbox[0].body


def test_what_is_not_essential_can_be_stopped_in_one_click_by_the_mail_program(alice, bob):
    assert send(REMINDER, alice)
    message = outgoing.outbox[0]
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = link_in(message)
    for body in (message.body, message.alternatives[0][0]):
        assert link in body
    program = Client(enforce_csrf_checks=True)
    assert program.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not send(REMINDER, alice)
    assert send(REMINDER, bob)
    assert send(DIGEST, alice)


def test_following_the_link_alone_changes_nothing_since_scanners_follow_links(alice, client):
    send(REMINDER, alice)
    page = client.get(link_in(outgoing.outbox[0])).content.decode()
    assert "Stop these mails?" in page
    assert "a…@northwind.example" in page
    assert alice.email not in page
    assert client.head(link_in(outgoing.outbox[0])).status_code == 200
    assert send(REMINDER, alice)


def test_the_button_behind_the_link_stops_it_and_pressing_it_twice_does_no_harm(alice, client):
    send(REMINDER, alice)
    link = link_in(outgoing.outbox[0])
    for _ in range(2):
        assert b"Stopped" in client.post(link).content
    assert MailChoice.objects.filter(user=alice).count() == 1
    assert b"Stopped" in client.get(link).content


def test_the_link_works_for_a_year_and_then_says_that_it_is_old(alice, client):
    send(REMINDER, alice)
    link = link_in(outgoing.outbox[0])
    with time_machine.travel(timezone.now() + mailing.LINK_LIFE - timedelta(days=1)):
        assert client.get(link).status_code == 200
    with time_machine.travel(timezone.now() + mailing.LINK_LIFE + timedelta(days=1)):
        answer = client.post(link)
    assert answer.status_code == 404
    assert b"more than a year old" in answer.content
    assert send(REMINDER, alice)


@pytest.mark.parametrize("change", [lambda path: path[:-3] + "x/", lambda path: "/mail/nothing/"])
def test_a_link_that_was_cut_or_made_up_stops_nothing(alice, client, change):
    send(REMINDER, alice)
    answer = client.post(change(link_in(outgoing.outbox[0])))
    assert (answer.status_code, MailChoice.objects.count()) == (404, 0)
    assert b"not whole" in answer.content


def test_the_link_of_a_kind_that_is_essential_by_now_stops_nothing(alice, client, settings):
    send(REMINDER, alice)
    settings.MAILS = [f"{__name__}.ENDED"]
    answer = client.post(link_in(outgoing.outbox[0]))
    assert (answer.status_code, MailChoice.objects.count()) == (404, 0)


def test_the_link_of_somebody_who_is_gone_says_so(alice, client):
    send(REMINDER, alice)
    alice.delete()
    assert client.post(link_in(outgoing.outbox[0])).status_code == 404


def test_choices_are_made_and_taken_back_on_a_page_of_ones_own(alice, alice_client, bob):
    page = alice_client.get("/profile/mail/").content.decode()
    assert page.count(" checked") == 3
    assert page.index("What was ended") < page.index("Reminders before")
    assert alice_client.post("/profile/mail/", {"wanted": ["digest"]}).status_code == 302
    assert mailing.list_unwanted(alice) == {"reminder"}
    assert not send(REMINDER, alice)
    assert send(REMINDER, bob)
    assert send(ENDED, alice)
    alice_client.post("/profile/mail/", {"wanted": ["digest", "reminder", "no-such-kind"]})
    assert mailing.list_unwanted(alice) == set()
    assert send(REMINDER, alice)


def test_the_page_asks_the_database_as_often_for_any_number_of_kinds(
    alice_client, settings, django_assert_max_num_queries
):
    alice_client.get("/profile/mail/")
    seen = []
    for kinds in (["ENDED"], ["ENDED", "REMINDER", "DIGEST"]):
        settings.MAILS = [f"{__name__}.{name}" for name in kinds]
        with django_assert_max_num_queries(7) as queries:
            alice_client.get("/profile/mail/")
        seen.append(len(queries))
    assert seen[0] == seen[1]


def test_a_mail_that_is_not_essential_is_not_sent_to_a_mere_address():
    with pytest.raises(ValueError, match="Nobody could stop it"):
        send(REMINDER, "somebody@elsewhere.example")
    assert mailing.send(ENDED, to="somebody@elsewhere.example", subject="Welcome", context=WORDS)


def test_a_mail_server_that_is_down_is_said_and_tried_again_by_whoever_sends(alice, monkeypatch):
    def refuse(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("down")

    with monkeypatch.context() as down:
        down.setattr("django.core.mail.EmailMessage.send", refuse)
        with pytest.raises(NotSent):
            send(ENDED, alice)
    assert send(ENDED, alice)


class When:
    """A moment, written when the template comes to it."""

    def __str__(self) -> str:
        return date_format(timezone.localtime(datetime(2026, 11, 26, 20, 0, tzinfo=UTC)), "j F, H:i")


def test_times_stand_in_the_reader_s_zone(alice, bob):
    alice.time_zone = "Asia/Tokyo"
    for person, said in ((alice, "27 November, 05:00"), (bob, "26 November, 21:00")):
        mailing.send(ENDED, to=person, subject="When", context={"lines": [When()]})
        assert said in outgoing.outbox[-1].body


def test_codes_and_news_about_signing_in_come_in_text_and_in_the_look_of_the_others(client, alice):
    client.post("/accounts/login/code/", {"email": alice.email})
    (message,) = outgoing.outbox
    code = re.search(r"^([A-Z0-9-]{5,})$", message.body, re.M)[1]
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert f">{code}</p>" in html
    assert html.count("Sent by Portico") == message.body.count("Sent by Portico") == 1


def find_kinds() -> dict[str, Mail]:
    """Every kind of mail in our apps, by where it stands."""
    found = {}
    for app in (organizations, integrations, meetings, contacts):
        for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if ".migrations" not in module.name:
                for name, value in vars(importlib.import_module(module.name)).items():
                    if isinstance(value, Mail):
                        found[value.kind] = (f"{module.name}.{name}", value)
    return dict(found.values())


def test_each_kind_that_people_may_stop_is_on_their_page_and_no_two_share_a_name(settings):
    settings.MAILS = ours.MAILS
    listed, there = mailing.list_mails(), find_kinds()
    assert len({mail.kind for mail in listed}) == len({mail.name for mail in listed}) == len(listed)
    assert [path for path, mail in there.items() if not mail.is_essential and mail not in listed] == []
    assert any(not mail.is_essential for mail in there.values()), "the search itself finds nothing"


def test_every_mail_is_there_in_text_and_in_html():
    for mail in find_kinds().values():
        for kind in ("txt", "html"):
            source = get_template(f"{mail.template}.{kind}").template.source
            assert f"mail/base.{kind}" in source, f"{mail.template}.{kind} does not wear the look of the others"
