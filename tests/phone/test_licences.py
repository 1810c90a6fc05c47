"""Who may call: what admins assign and withdraw, and what a person is told of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from organizations.models import AuditEvent, Organization, User
from phone import licences
from phone.models import Licence

PAGE = "/administration/licences/"
ASSIGN, WITHDRAW = f"{PAGE}assignment/", f"{PAGE}withdrawal/"


def keys(*people: User) -> list[int]:
    return [one.find_membership().pk for one in people]  # type: ignore[union-attr]


def events() -> list[tuple[str, str, dict]]:
    found = AuditEvent.objects.filter(action__startswith="licence.").order_by("pk")
    return list(found.values_list("action", "subject_label", "details"))


def test_an_admin_assigns_and_withdraws_one(alice: User, dora: User, dora_client: Client) -> None:
    assert not licences.holds(alice)
    answer = dora_client.post(ASSIGN, {"only": keys(alice), "q": "ali"}, follow=True)
    assert answer.redirect_chain[0][0] == f"{PAGE}?q=ali" and "1 person got a licence." in answer.content.decode()
    licence = licences.find_licence(alice)
    assert licence and licence.is_held and licence.assigned_by == dora
    dora_client.post(WITHDRAW, {"only": keys(alice)})
    assert not licences.holds(alice)
    assert events() == [("licence.assigned", alice.email, {}), ("licence.withdrawn", alice.email, {})]


def test_several_get_one_at_once_and_the_trail_names_them(
    alice: User, bob: User, dora_client: Client, charlie: User
) -> None:
    Licence.objects.create(user=alice, is_at_system=True, extension="804")
    dora_client.post(ASSIGN, {"memberships": [*keys(alice, bob, charlie), "x", "9" * 30]})
    assert licences.holds(alice) and licences.holds(bob) and not licences.holds(charlie)
    kept = Licence.objects.get(user=alice)
    assert kept.is_at_system and kept.extension == "804"
    assert events() == [("licence.assigned", "", {"people": [alice.email, bob.email], "count": 2})]
    dora_client.post(ASSIGN, {"memberships": keys(alice, bob)})
    assert len(events()) == 1


def test_what_comes_from_the_phone_system_cannot_be_withdrawn_here(alice: User, dora_client: Client) -> None:
    Licence.objects.create(user=alice, is_assigned=True, is_at_system=True)
    page = dora_client.post(WITHDRAW, {"memberships": keys(alice)}, follow=True).content.decode()
    assert licences.holds(alice) and not Licence.objects.get().is_assigned
    assert "1 person may still call, by a phone of their own at your phone system." in page


def test_everybody_who_is_found_gets_one(alice: User, bob: User, dora: User, dora_client: Client) -> None:
    dora_client.post(ASSIGN, {"everybody": "1", "q": "ali"})
    assert [licences.holds(one) for one in (alice, bob, dora)] == [True, False, False]
    dora_client.post(ASSIGN, {"everybody": "1", "show": "none"})
    assert [licences.holds(one) for one in (alice, bob, dora)] == [True, True, True]


def test_nobody_ticked_is_said(alice: User, dora_client: Client) -> None:
    for url, words in ((ASSIGN, "Tick the people who should get"), (WITHDRAW, "Tick the people whose licence")):
        assert words in dora_client.post(url, follow=True).content.decode()
    assert not Licence.objects.exists() and events() == []


@pytest.mark.parametrize("who", ["alice_client", "charlie_client", "support_client"])
def test_only_their_admins_see_and_decide(
    alice: User, who: str, request: pytest.FixtureRequest, dora_client: Client
) -> None:
    client = request.getfixturevalue(who)
    page = client.get(PAGE)
    assert page.status_code == (200 if who == "charlie_client" else 404)
    assert alice.email not in page.content.decode().replace(f'small soft truncate">{alice.email}', "")
    client.post(ASSIGN, {"memberships": keys(alice)})
    assert not licences.holds(alice)
    assert alice.email in dora_client.get(PAGE).content.decode()
    assert dora_client.get(ASSIGN).status_code == dora_client.get(WITHDRAW).status_code == 405


def test_the_list_says_who_holds_one_and_why(alice: User, bob: User, dora: User, dora_client: Client) -> None:
    now = timezone.now()
    Licence.objects.create(user=alice, is_assigned=True, assigned_by=dora, assigned_at=now)
    Licence.objects.create(user=bob, is_at_system=True, extension="804", read_at=now)
    page = dora_client.get(PAGE)
    body = " ".join(page.content.decode().split())
    assert "by Dora Lindqvist" in body and "extension 804" in body and body.count("No licence</p>") == 1
    assert page.context["held"] == 2
    for shown, people in (("held", {alice, bob}), ("none", {dora}), ("nonsense", {alice, bob, dora})):
        page = dora_client.get(PAGE, {"show": shown})
        assert {one.user for one in page.context["page_obj"]} == people
    assert "Nobody found" in dora_client.get(PAGE, {"q": "zzz\0"}).content.decode()


def test_the_list_takes_as_many_queries_for_three_people_as_for_one(
    northwind: Organization, dora: User, dora_client: Client, make_member: Callable[..., User]
) -> None:
    counts = []
    for more in (0, 2):
        for n in range(more):
            user = make_member(northwind, f"p{n}@northwind.example")
            Licence.objects.create(user=user, is_assigned=n == 0, assigned_by=dora, assigned_at=timezone.now())
        dora_client.get(PAGE)
        with CaptureQueriesContext(database) as queries:
            page = dora_client.get(PAGE)
        counts.append((len(page.context["page_obj"]), len(queries)))
    assert [rows for rows, _ in counts] == [1, 3] and counts[0][1] == counts[1][1]


@pytest.mark.parametrize("is_held", [True, False])
def test_the_profile_says_whether_one_may_call_and_whom_to_ask(
    alice: User, dora: User, alice_client: Client, is_held: bool
) -> None:
    Licence.objects.create(user=alice, is_assigned=is_held, assigned_by=dora, assigned_at=timezone.now())
    body = " ".join(alice_client.get("/profile/").content.decode().split())
    assert ("You may call" in body) is ("by Dora Lindqvist" in body) is is_held
    assert ("You have no phone licence. Ask Dora Lindqvist" in body) is not is_held


def test_the_list_stands_under_administration(dora_client: Client) -> None:
    page: Any = dora_client.get(PAGE)
    assert page.context["section"] == "administration"
    assert f'<a class="tabs__link" href="{PAGE}" aria-current="page">' in page.content.decode()
