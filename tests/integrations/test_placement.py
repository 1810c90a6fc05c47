"""Moving people between groups: whoever would lose a connection by it is named first, and loses just that."""

import pytest

from integrations import enforcing
from integrations.models import Connection
from organizations.models import AuditEvent, Group, Membership
from organizations.placement import find_consequence
from organizations.signals import policy_may_differ
from tests.integrations.enforcement import make_connection
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
NO_CONTACTS = {"memory.contacts_read": "off", "memory.contacts_write": "off"}


@pytest.fixture
def told():
    heard = []

    def hear(organization, what, **kwargs):
        heard.append(what)

    policy_may_differ.connect(hear)
    yield heard
    policy_may_differ.disconnect(hear)


@pytest.fixture
def strict(northwind) -> Group:
    """A group in which the service is locked away."""
    group = Group.objects.create(organization=northwind, name="Trainees", position=0)
    set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], group=group)
    return group


@pytest.fixture
def narrow(northwind) -> Group:
    """A group in which contacts are locked away."""
    group = Group.objects.create(organization=northwind, name="Contractors", position=1)
    set_policy(northwind, NO_CONTACTS, locks=list(NO_CONTACTS), group=group)
    return group


def confirmed(page) -> dict[str, str]:
    return {"confirmed": page.context["consequence"].mark}


def is_in(user, group) -> bool:
    return Membership.objects.get(user=user).groups.filter(pk=group.pk).exists()


def test_who_would_be_disconnected_is_named_before_and_nothing_has_happened(
    connect, dora_client, alice, bob, strict, told
):
    connect()
    path = f"/people/groups/{strict.pk}/members/"
    ticked = {"memberships": [alice.membership.pk, bob.membership.pk]}
    page = dora_client.post(path, ticked)
    assert page.status_code == 200
    words = page.content.decode()
    assert "1 connection is ended" in words
    assert "Alice Meyer" in words
    assert "Bob Okafor" not in words, "he has nothing connected"
    assert "your group Trainees" in words or "group Trainees" in words
    assert not is_in(alice, strict)
    assert not told
    done = dora_client.post(path, ticked | confirmed(page))
    assert done.status_code == 302
    assert is_in(alice, strict)
    assert is_in(bob, strict)
    assert told == ["2 people put into Trainees"]


def test_who_loses_nothing_is_moved_without_a_question(connect, dora_client, alice, bob, strict):
    connect()
    path = f"/people/groups/{strict.pk}/members/"
    assert dora_client.post(path, {"memberships": [bob.membership.pk]}).status_code == 302
    assert is_in(bob, strict)


def test_a_narrower_group_says_which_permissions_end(connect, dora_client, alice, narrow):
    connect()
    path = f"/people/{alice.membership.pk}/groups/"
    page = dora_client.post(path, {"groups": [narrow.pk]})
    words = page.content.decode()
    assert "1 connection loses permissions" in words
    assert "Contacts read" in words
    assert 'name="groups" value="' in words, "what was ticked is carried along"
    assert dora_client.post(path, {"groups": [narrow.pk]} | confirmed(page)).status_code == 302
    assert is_in(alice, narrow)


def test_whoever_confirms_something_else_than_they_were_shown_is_asked_again(connect, dora_client, alice, narrow):
    connect()
    path = f"/people/{alice.membership.pk}/groups/"
    page = dora_client.post(path, {"groups": [narrow.pk], "confirmed": "0-0"})
    assert page.status_code == 200
    assert b"has changed since you looked" in page.content
    assert not is_in(alice, narrow)


def test_as_many_as_were_shown_but_other_people_are_asked_about_again(dora_client, alice, bob, strict):
    """Alice disconnects and Bob connects while the page is open: it named her, and would end his."""
    make_connection(alice)
    path, ticked = f"/people/groups/{strict.pk}/members/", {"memberships": [alice.membership.pk, bob.membership.pk]}
    shown = dora_client.post(path, ticked)
    Connection.objects.all().delete()
    make_connection(bob)
    again = dora_client.post(path, ticked | confirmed(shown))
    assert b"has changed since you looked" in again.content
    assert b"Bob Okafor" in again.content
    assert not is_in(bob, strict)
    assert dora_client.post(path, ticked | confirmed(again)).status_code == 302
    assert is_in(bob, strict)


def test_another_permission_of_the_same_person_is_asked_about_again(dora_client, northwind, alice, narrow):
    connection = make_connection(alice, "calendar_read", "contacts_read")
    path, ticked = f"/people/{alice.membership.pk}/groups/", {"groups": [narrow.pk]}
    shown = dora_client.post(path, ticked)
    Connection.objects.filter(pk=connection.pk).update(contacts_write=True)
    again = dora_client.post(path, ticked | confirmed(shown))
    assert b"has changed since you looked" in again.content
    assert dora_client.post(path, ticked | confirmed(again)).status_code == 302


def test_the_order_of_groups_ends_connections_too(connect, dora_client, northwind, alice, told):
    """The first of her groups allows, the second locks away: in the other order she loses the connection."""
    first = Group.objects.create(organization=northwind, name="Partners", position=0)
    second = Group.objects.create(organization=northwind, name="Trainees", position=1)
    set_policy(northwind, {"memory.offered": True}, locks=["memory.offered"], group=first)
    set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], group=second)
    alice.membership.groups.set([first, second])
    connect()
    path = f"/people/groups/{second.pk}/position/"
    page = dora_client.post(path, {"direction": "up"})
    assert b"1 connection is ended" in page.content
    assert list(northwind.groups.values_list("name", flat=True)) == ["Partners", "Trainees"]
    dora_client.post(path, {"direction": "up"} | confirmed(page))
    assert list(northwind.groups.values_list("name", flat=True)) == ["Trainees", "Partners"]
    assert len(told) == 1


def test_deleting_the_group_that_allowed_is_asked_with_names(connect, dora_client, northwind, alice):
    set_policy(northwind, {"memory.contacts_read": "off", "memory.contacts_write": "off"})
    group = Group.objects.create(organization=northwind, name="Partners")
    lock_all = {"memory.offered": False}
    other = Group.objects.create(organization=northwind, name="Trainees", position=1)
    set_policy(
        northwind, {"memory.offered": True, "memory.contacts_read": "ask"}, locks=["memory.offered"], group=group
    )
    set_policy(northwind, lock_all, locks=list(lock_all), group=other)
    alice.membership.groups.set([group, other])
    connect()
    page = dora_client.get(f"/people/groups/{group.pk}/deletion/")
    assert b"Alice Meyer" in page.content
    assert b"and disconnect 1" in page.content
    unseen = dora_client.post(f"/people/groups/{group.pk}/deletion/")
    assert unseen.status_code == 200, "a form that never showed whom it costs what is not enough"
    assert Group.objects.filter(pk=group.pk).exists()
    assert dora_client.post(f"/people/groups/{group.pk}/deletion/", confirmed(page)).status_code == 302
    assert not Group.objects.filter(pk=group.pk).exists()


def test_taking_somebody_out_of_what_allowed_them_is_asked_too(connect, dora_client, northwind, alice):
    """A lock of the organization's cannot be loosened by a group; an earlier group's lock hides a later one's."""
    first = Group.objects.create(organization=northwind, name="Partners", position=0)
    second = Group.objects.create(organization=northwind, name="Trainees", position=1)
    set_policy(northwind, {"memory.offered": True}, locks=["memory.offered"], group=first)
    set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], group=second)
    alice.membership.groups.set([first, second])
    connect()
    path = f"/people/groups/{first.pk}/members/removal/"
    page = dora_client.post(path, {"memberships": [alice.membership.pk]})
    assert b"1 connection is ended" in page.content
    assert dora_client.post(path, {"memberships": [alice.membership.pk]} | confirmed(page)).status_code == 302
    assert not is_in(alice, first)


def test_what_is_lost_anyway_is_no_consequence_of_the_move(connect, northwind, alice, strict):
    connect()
    set_policy(northwind, {"enabled": False}, locks=["enabled"])
    consequence = find_consequence(northwind, groups_of={alice.membership.pk: frozenset({strict.pk})})
    assert not consequence


def test_names_on_the_page_stop_at_twenty_and_the_count_goes_on(connect, dora_client, northwind, make_member, strict):
    connect()
    model = Connection.objects.get()
    for number in range(25):
        person = make_member(northwind, f"clerk{number:02}@northwind.example")
        Connection.objects.create(
            user=person, provider="memory", method=model.method, mailbox=person.email, account_id=person.email,
            credentials={}, calendar_read=True,
        )  # fmt: skip
    page = dora_client.post(f"/people/groups/{strict.pk}/members/", {"everybody": "1", "q": "clerk"})
    words = page.content.decode()
    assert "25 connections are ended" in words
    assert "and 5 more" in words
    assert words.count("clerk") < 25 * 3


def test_a_member_of_another_organization_gets_no_forecast_of_ours(connect, charlie_client, alice, strict):
    connect()
    page = charlie_client.post(f"/people/groups/{strict.pk}/members/", {"memberships": [alice.membership.pk]})
    assert page.status_code == 404


def test_without_anybody_to_ask_people_are_moved(settings, connect, dora_client, alice, strict):
    """Where the app that knows policy is not there, groups are just groups."""
    settings.PLACEMENT_PREVIEW = ""
    connect()
    path = f"/people/groups/{strict.pk}/members/"
    assert dora_client.post(path, {"memberships": [alice.membership.pk]}).status_code == 302


def test_who_is_deactivated_keeps_no_connection_and_connects_anew_when_back(connect, dora_client, alice, queued):
    connect()
    dora_client.post(f"/people/{alice.membership.pk}/deactivation/")
    assert not Connection.objects.exists()
    dora_client.post(f"/people/{alice.membership.pk}/reactivation/")
    assert not Connection.objects.exists()
    alice.refresh_from_db()
    assert connect().user == alice


def test_who_leaves_keeps_no_connection(connect, alice, alice_client, dora):
    connect()
    assert alice_client.post("/profile/departure/").status_code == 302
    assert not Connection.objects.exists()
    assert b"None. Ask an admin" in alice_client.get("/profile/").content


def test_moving_somebody_under_a_lock_is_carried_out_to_the_end(connect, dora_client, alice, strict):
    connect()
    path = f"/people/groups/{strict.pk}/members/"
    ticked = {"memberships": [alice.membership.pk]}
    page = dora_client.post(path, ticked)
    assert enforcing.find_due() == []
    dora_client.post(path, ticked | confirmed(page))
    for change in enforcing.find_due():
        enforcing.run(change)
    assert not Connection.objects.exists()
    assert AuditEvent.objects.get(action="connection.disconnected_by_policy").subject == alice
