"""The pages of calls: what a person sees of their own, and nobody else does."""

import re
from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from organizations.models import User
from phone.callers import ContactWays
from phone.models import Call, PhoneSystem, Result, Voicemail
from tests.phone.books import PAGES
from tests.phone.conftest import ADA, FRAGMENT, LIST, MISSED, NOW, VOICEMAILS, text_of

pytestmark = pytest.mark.usefixtures("morning")

# Who it is


def test_a_contacts_name_comes_first_and_the_match_is_explained(
    make_call: Callable[..., Call], alice: User, alice_client: Client
) -> None:
    make_call(ADA, name="LOVELACE A", seconds=245)
    PAGES.put(alice, ADA, "Ada Lovelace", others=("Engines Ltd",))
    words = text_of(alice_client.get(LIST))
    assert "Today Tuesday 24 November Ada Lovelace 030 901820 Incoming 4 min 5 s 09:59" in words
    assert "Matches Mobile, +4930901820, of Ada Lovelace. Also in Engines Ltd." in words
    assert "Name at the phone system LOVELACE A" in words


@pytest.mark.parametrize(
    ("number", "name", "title"),
    [
        (ADA, "LOVELACE A", "LOVELACE A"),
        (ADA, "", "030 901820"),
        (ADA, "+4930901820", "030 901820"),
        (ADA, "(030) 901820", "030 901820"),
        (ADA, "+4930901821", "+4930901821"),
        ("+12125550100", "", "+1 212-555-0100"),
        ("4711", "", "Extension 4711"),
        ("112", "", "112"),
        ("030/nonsense", "", "030/nonsense"),
        ("", "", "Number withheld"),
        ("", "Anonymous Corp", "Anonymous Corp"),
    ],
)
def test_without_a_contact_the_systems_name_stands_there_and_else_the_number(
    make_call: Callable[..., Call], alice_client: Client, number: str, name: str, title: str
) -> None:
    make_call(number, name=name)
    (row,) = alice_client.get(LIST).context["listing"].rows
    assert row.title == title
    assert title in text_of(alice_client.get(LIST))


@pytest.mark.usefixtures("licence")
def test_what_a_phone_system_says_stays_words(
    make_call: Callable[..., Call], make_voicemail: Callable[..., Voicemail], alice_client: Client
) -> None:
    hostile = '"><img src=x>'
    make_call(f"n{hostile}", name=f"a{hostile}", line=f"+l{hostile}")
    make_call("javascript:1", e164="javascript:1", name=f"c{hostile}")
    make_voicemail(f"v{hostile}", name=f"b{hostile}", transcript=f"t{hostile}")
    for url in (LIST, f"{LIST}?q=%22%3E%3Cimg", VOICEMAILS):
        for headers in ({}, FRAGMENT | {"X-Pulse": "older.0"}):
            body = alice_client.get(url, headers=headers).content.decode()
            assert "&quot;&gt;&lt;img" in body and hostile not in body and "<img src=x" not in body
            assert not re.search(r'(href|src|action|data-call)="[^"]*javascript:', body)


@pytest.mark.parametrize(
    ("direction", "result", "words"),
    [
        ("in", "answered", "Incoming"),
        ("in", "missed", "Missed"),
        ("in", "voicemail", "Missed, left a voicemail"),
        ("in", "elsewhere", "Incoming, answered by somebody else"),
        ("out", "answered", "Outgoing"),
        ("out", "no_answer", "Outgoing, no answer"),
        ("out", "voicemail", "Outgoing, voicemail"),
        ("out", "attempt", "Call started here"),
    ],
)
def test_a_row_says_what_became_of_the_call(
    make_call: Callable[..., Call], alice_client: Client, direction: str, result: str, words: str
) -> None:
    make_call(direction=direction, result=result)
    (row,) = alice_client.get(LIST).context["listing"].rows
    assert row.words == words


@pytest.mark.usefixtures("licence")
def test_call_back_stands_beside_numbers_that_can_be_dialled(
    make_call: Callable[..., Call], alice_client: Client
) -> None:
    for number in (ADA, "4711", ""):
        make_call(number)
    page = alice_client.get(LIST).content.decode()
    assert page.count("data-call=") == page.count(f'data-call="{ADA}"') == 1


def test_without_a_licence_there_is_no_call_back_and_the_page_says_so_once(
    make_call: Callable[..., Call], dora: User, alice_client: Client
) -> None:
    make_call(), make_call()
    page = alice_client.get(LIST)
    assert "data-call=" not in page.content.decode()
    assert text_of(page).count("You have no phone licence.") == 1 and "Ask Dora Lindqvist" in text_of(page)


def test_strangers_can_be_made_contacts_and_contacts_cannot(
    make_call: Callable[..., Call], alice: User, alice_client: Client
) -> None:
    known, stranger, withheld = make_call(ADA), make_call("+12125550100"), make_call("")
    PAGES.put(alice, ADA, "Ada Lovelace")
    PAGES.ways = ContactWays("/contacts/new/", "/contacts/add/")
    page = alice_client.get(LIST).content.decode()
    for way in ("new", "add"):
        assert f'href="/contacts/{way}/?call={stranger.pk}"' in page
        assert not [one for one in (known, withheld) if f'"/contacts/{way}/?call={one.pk}"' in page]


def test_why_no_contact_can_be_made_is_said_once(make_call: Callable[..., Call], alice_client: Client) -> None:
    PAGES.ways = ContactWays(reason="Contacts write is not part of your connection.")
    make_call(""), make_call("")
    assert "Contacts write" not in text_of(alice_client.get(LIST))
    make_call(ADA), make_call(ADA)
    page = alice_client.get(LIST)
    assert text_of(page).count("Contacts write is not part of your connection.") == 1
    assert "Create contact" not in text_of(page)


# Who sees it


@pytest.mark.parametrize("who", ["bob_client", "dora_client", "charlie_client", "support_client"])
def test_nobody_else_sees_calls_or_voicemail(
    make_call: Callable[..., Call],
    make_voicemail: Callable[..., Voicemail],
    who: str,
    request: pytest.FixtureRequest,
    alice_client: Client,
) -> None:
    call, voicemail = make_call(name="LOVELACE A"), make_voicemail(name="LOVELACE A", transcript="Call me")
    client = request.getfixturevalue(who)
    for url in (LIST, VOICEMAILS, f"{LIST}?q=lovelace", f"{LIST}?removed=call-{call.pk}"):
        words = text_of(client.get(url))
        assert "LOVELACE" not in words and "Call me" not in words
        assert "LOVELACE" in text_of(alice_client.get(url))
    acts = [f"{LIST}calls/{call.pk}/removal/", f"{VOICEMAILS}{voicemail.pk}/removal/",
            f"{LIST}calls/{call.pk}/return/", f"{VOICEMAILS}{voicemail.pk}/return/"]  # fmt: skip
    for act in [*acts, f"{VOICEMAILS}{voicemail.pk}/reading/"]:
        assert client.post(act, {"is_read": "1"}).status_code == 404
        assert client.get(act).status_code == 405
    assert Call.objects.visible_to(call.owner).count() == Voicemail.objects.visible_to(call.owner).unread().count() == 1
    assert [alice_client.post(act).status_code for act in acts] == [302] * 4


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    for url in (LIST, VOICEMAILS):
        page = client.get(url)
        assert page.status_code == 302 and page["Location"].startswith("/accounts/login/")


def test_private_pages_are_not_kept_by_browsers(alice_client: Client) -> None:
    page = alice_client.get(LIST)
    assert "no-store" in page["Cache-Control"] and "HX-Request" in page["Vary"]


# Why there is nothing


def test_an_empty_page_says_who_can_set_up_a_phone_system(alice_client: Client, dora_client: Client) -> None:
    assert "No phone system is set up An administrator of your organization can" in text_of(alice_client.get(LIST))
    assert "No phone system is set up" in text_of(dora_client.get(LIST))


def test_an_empty_page_names_whom_to_ask_for_a_licence(system: PhoneSystem, dora: User, alice_client: Client) -> None:
    words = text_of(alice_client.get(LIST))
    assert "No calls yet You have no phone licence. Ask Dora Lindqvist" in words


@pytest.mark.usefixtures("system", "licence")
def test_an_empty_page_says_that_nobody_has_called(alice_client: Client) -> None:
    assert "No calls yet Whoever calls you stands here within seconds" in text_of(alice_client.get(LIST))
    assert "No missed calls" in text_of(alice_client.get(MISSED))
    assert "No voicemail" in text_of(alice_client.get(VOICEMAILS))
    assert "Nothing found Try fewer letters" in text_of(alice_client.get(LIST, {"q": "Ada"}))


def test_who_works_nowhere_sees_an_empty_page(support_client: Client) -> None:
    page = support_client.get(LIST)
    assert page.status_code == 200 and "No phone system is set up" in text_of(page)


# Queries


@pytest.mark.usefixtures("licence", "system")
@pytest.mark.parametrize("url", [LIST, MISSED, VOICEMAILS, f"{LIST}?q=lovelace"])
def test_a_page_takes_as_many_queries_for_three_rows_as_for_one(
    make_call: Callable[..., Call], make_voicemail: Callable[..., Voicemail], alice_client: Client, url: str
) -> None:
    counts = []
    for more in (1, 2):
        for _ in range(more):
            call = make_call(name="LOVELACE A", result=Result.VOICEMAIL)
            make_voicemail(name="LOVELACE A", call_id=call.call_id)
        alice_client.get(url)
        with CaptureQueriesContext(database) as queries:
            page = alice_client.get(url)
        counts.append((len(page.context["listing"].rows), len(queries)))
    assert [rows for rows, _ in counts] == [1, 3]
    assert counts[0][1] == counts[1][1]
    assert not [one["sql"] for one in queries if "COUNT(" in one["sql"] and "phone_call" in one["sql"]]


# Removing


def test_what_is_removed_is_gone_here_and_can_be_had_back(
    make_call: Callable[..., Call], make_voicemail: Callable[..., Voicemail], alice_client: Client
) -> None:
    for row, kind, url in ((make_call(), "calls", LIST), (make_voicemail(), "voicemail", VOICEMAILS)):
        page = alice_client.post(f"/phone/{kind}/{row.pk}/removal/", {"next": f"{url}?q=30901820"}, follow=True)
        assert page.redirect_chain[0][0].startswith(f"{url}?q=30901820&removed=")
        assert "is removed here. It may still stand in your phone system." in text_of(page)
        assert page.context["listing"].rows == []
        page = alice_client.post(f"/phone/{kind}/{row.pk}/return/", {"next": page.redirect_chain[0][0]}, follow=True)
        assert page.redirect_chain[0][0] == f"{url}?q=30901820"
        assert len(page.context["listing"].rows) == 1 and "is removed here" not in text_of(page)


@pytest.mark.parametrize("key", ["call-1", "call-x", "call-", "user-1", "call-99999999999999999999", "<b>"])
def test_nonsense_about_what_was_removed_is_not_believed(alice_client: Client, key: str) -> None:
    page = alice_client.get(LIST, {"removed": key})
    assert page.status_code == 200 and page.context["removed"] == {}


def test_removing_leads_nowhere_else(make_call: Callable[..., Call], alice_client: Client) -> None:
    answer = alice_client.post(f"/phone/calls/{make_call().pk}/removal/", {"next": "https://evil.example/"})
    assert answer["Location"].startswith("/phone/?removed=call-")


# Freshness


def test_an_open_page_hears_of_nothing_until_something_comes_in(
    make_call: Callable[..., Call], alice: User, alice_client: Client
) -> None:
    make_call()
    known = {**FRAGMENT, "X-Pulse": alice_client.get(LIST).context["pulse"]}
    assert alice_client.get(LIST, headers=known).status_code == 204
    make_call(name="LOVELACE A", started_at=NOW)
    news = alice_client.get(LIST, headers=known)
    assert news.status_code == 200 and "<html" not in news.content.decode()
    assert "Newest: Incoming, LOVELACE A, 10:00" in news.content.decode()
    known["X-Pulse"] = news.context["pulse"]
    assert alice_client.get(LIST, headers=known).status_code == 204
    PAGES.put(alice, ADA, "Ada Lovelace")
    assert "Ada Lovelace" in text_of(alice_client.get(LIST, headers=known))
