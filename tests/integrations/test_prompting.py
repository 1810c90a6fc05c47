"""Asking people to connect after they sign in: whom, how often, and how one says not now."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import prompting
from integrations.models import Connection, ConnectPrompt, PolicyChange, PolicyEffect
from organizations.models import Group
from tests.conftest import PASSWORD
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
PROMPT, ANSWER, MEETINGS = "/integrations/prompt/", "/integrations/prompt/answer/", "/meetings/"
ASKED = f"{PROMPT}?next=%2Fmeetings%2F"


def text_of(response):
    return " ".join(response.content.decode().split())


def is_asked(client, path=MEETINGS):
    answer = client.get(path)
    return answer.status_code == 302 and answer["Location"].startswith(PROMPT)


def cut_off(user, *, at=None, state="done", outcome="disconnected"):
    change = PolicyChange.objects.create(organization=user.organization, what="Organization")
    return PolicyEffect.objects.create(
        change=change,
        user=user,
        connection_id=change.pk,
        provider="memory",
        mailbox=user.email,
        outcome=outcome,
        state=state,
        at=at or timezone.now() + timedelta(seconds=5),
        reasons=["Calendar read was switched off by your group Sales."],
    )


def test_nobody_is_asked_by_default(alice, sign_in):
    client = sign_in(alice)
    assert not is_asked(client)
    assert not is_asked(client)
    assert not ConnectPrompt.objects.exists()


def test_whom_policy_wants_asked_is_asked_on_the_first_page_after_signing_in(alice, northwind, settings):
    set_policy(northwind, {"prompt": "once"})
    client = Client()
    answer = client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": "/meetings/?q=x"})
    assert answer["Location"] == "/meetings/?q=x"
    answer = client.get("/meetings/?q=x")
    assert answer["Location"] == f"{PROMPT}?next=%2Fmeetings%2F%3Fq%3Dx"
    page = text_of(client.get(answer["Location"]))
    assert "Connect your calendar and contacts?" in page
    assert 'href="/integrations/connection/new/memory/"' in page
    assert "You are not asked again." in page
    answer = client.post(ANSWER, {"next": "/meetings/?q=x"})
    assert answer["Location"] == "/meetings/?q=x"
    assert "at any time, on your profile" in text_of(client.get(answer["Location"]))


@pytest.mark.parametrize("path", ["/", MEETINGS, "/contacts/", "/profile/"])
def test_it_is_one_page_of_few_that_gives_way(alice, northwind, sign_in, path):
    set_policy(northwind, {"prompt": "until_done"})
    client = sign_in(alice)
    assert client.get("/profile/settings/").status_code == 200
    assert client.get(path, headers={"HX-Request": "true"}).status_code in (200, 302)
    assert not is_asked(client, "/integrations/connection/new/")
    assert is_asked(client, path)
    assert not is_asked(client, path)


def test_once_is_once_also_for_who_never_answered(alice, northwind, sign_in):
    set_policy(northwind, {"prompt": "once"})
    assert is_asked(sign_in(alice))
    assert not is_asked(sign_in(alice))


def test_until_done_asks_at_each_sign_in_until_there_is_a_connection(alice, northwind, sign_in):
    set_policy(northwind, {"prompt": "until_done"})
    for _ in range(3):
        client = sign_in(alice)
        assert is_asked(client)
        page = text_of(client.get(ASKED))
        assert "until you are connected, by decision of your organization." in page
        assert client.post(ANSWER, {"next": MEETINGS})["Location"] == MEETINGS
        assert not is_asked(client)
    Connection.objects.create(user=alice, provider="memory", mailbox=alice.email, account_id="a", credentials={})
    client = sign_in(alice)
    assert not is_asked(client)
    assert client.get(ASKED)["Location"] == MEETINGS


def test_whom_a_lock_disconnected_after_they_were_asked_is_asked_once_more(alice, northwind, sign_in):
    set_policy(northwind, {"prompt": "once"})
    client = sign_in(alice)
    assert is_asked(client)
    client.post(ANSWER, {})
    assert not is_asked(sign_in(alice))
    cut_off(alice, state="undone")
    cut_off(alice, outcome="narrowed")
    cut_off(alice, at=timezone.now() - timedelta(days=9))
    assert not is_asked(sign_in(alice))
    cut_off(alice)
    client = sign_in(alice)
    assert is_asked(client)
    page = text_of(client.get(ASKED))
    assert "Connect again?" in page
    assert page.count("Calendar read was switched off by your group Sales.") == 1, "the banner does not say it too"
    ConnectPrompt.objects.update(shown_at=timezone.now() + timedelta(seconds=10))
    assert not is_asked(sign_in(alice))


def test_who_has_connected_again_since_and_deleted_that_is_not_told_that_policy_ended_it(
    alice, northwind, sign_in, connect
):
    effect = cut_off(alice)
    assert prompting.find_cut_off(alice) == effect
    connect()
    client = sign_in(alice)
    client.post("/integrations/connection/deletion/new/")
    assert not Connection.objects.exists()
    assert prompting.find_cut_off(alice) is None
    set_policy(northwind, {"prompt": "until_done"})
    client = sign_in(alice)
    assert is_asked(client)
    page = text_of(client.get(ASKED))
    assert "Connect your calendar and contacts?" in page
    assert "was ended" not in page


def test_whom_a_lock_disconnected_is_left_alone_where_nobody_is_asked(alice, northwind, sign_in):
    cut_off(alice)
    assert not is_asked(sign_in(alice))


def test_nobody_is_asked_who_has_nothing_to_connect(alice, northwind, sign_in, settings):
    policy = {"prompt": "until_done"}
    set_policy(northwind, policy | {"enabled": False})
    assert not is_asked(sign_in(alice))
    set_policy(northwind, policy | {"memory.offered": False})
    client = sign_in(alice)
    assert not is_asked(client)
    assert client.get(ASKED)["Location"] == MEETINGS
    set_policy(northwind, policy)
    assert is_asked(sign_in(alice))
    settings.PROVIDERS = {}
    assert not is_asked(sign_in(alice))


def test_support_staff_who_work_nowhere_are_not_asked(support, sign_in):
    assert not is_asked(sign_in(support))


def test_a_group_may_ask_its_people_alone(alice, bob, northwind, sign_in):
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    set_policy(northwind, {"prompt": "until_done"}, group=group)
    assert is_asked(sign_in(alice))
    assert not is_asked(sign_in(bob))
    assert "by decision of your group Sales." in text_of(sign_in(alice).get(ASKED))


@pytest.mark.parametrize("onwards", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_it_leads_on_to_pages_of_ours_only(alice_client, northwind, onwards):
    set_policy(northwind, {"prompt": "once"})
    assert alice_client.post(ANSWER, {"next": onwards})["Location"] == "/"
    assert alice_client.get(PROMPT, {"next": onwards}).context["next"] == "/"


def test_looking_at_the_question_writes_nothing_and_answering_takes_a_post(alice_client, alice, northwind):
    assert alice_client.get(PROMPT).status_code == 200
    assert not ConnectPrompt.objects.exists()
    assert alice_client.get(ANSWER).status_code == 405
    alice_client.post(ANSWER)
    assert ConnectPrompt.objects.get(user=alice).declined_at


def test_who_has_not_signed_in_sees_no_question(client):
    assert client.get(PROMPT)["Location"].startswith("/accounts/login/")


def test_a_page_costs_nothing_more_once_the_question_is_settled(alice, northwind, sign_in):
    set_policy(northwind, {"prompt": "never"})
    client = sign_in(alice)
    client.get(MEETINGS)
    before = count_queries(client)
    set_policy(northwind, {"prompt": "once"})
    assert count_queries(client) == before


def count_queries(client):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(MEETINGS).status_code == 200
    return len(queries)
