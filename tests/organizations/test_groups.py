"""Groups: made, named, ordered, filled and deleted by admins, in any number."""

import pytest

from organizations import grouping
from organizations.models import AuditEvent, Group, Membership, User
from organizations.signals import policy_may_differ

pytestmark = pytest.mark.django_db
PAGE_QUERIES = 4
"""Of every page of an admin: session, person, membership, connection for the banner."""


@pytest.fixture
def told():
    """What the apps above were told: [(organization, what)]."""
    heard = []

    def hear(organization, what, **kwargs):
        heard.append((organization, what))

    policy_may_differ.connect(hear)
    yield heard
    policy_may_differ.disconnect(hear)


@pytest.fixture
def three(northwind):
    return [
        Group.objects.create(organization=northwind, name=name, position=position)
        for position, name in enumerate(["Sales", "Support", "Board"])
    ]


def names(organization) -> list[str]:
    return list(organization.groups.values_list("name", flat=True))


def people_in(group) -> set[User]:
    return {one.user for one in group.memberships.select_related("user")}


def last_event(action: str) -> AuditEvent:
    return AuditEvent.objects.filter(action=action).latest("pk")


class TestGroup:
    def test_it_is_made_renamed_filled_emptied_and_deleted_and_all_of_it_is_written_down(
        self, dora_client, northwind, alice, bob
    ):
        made = dora_client.post("/people/groups/new/", {"name": " Litigation "})
        group = Group.objects.get(organization=northwind)
        assert made.headers["Location"] == f"/people/groups/{group.pk}/members/new/"
        dora_client.post(f"/people/groups/{group.pk}/", {"name": "Disputes"})
        ticked = {"memberships": [alice.membership.pk, bob.membership.pk]}
        dora_client.post(f"/people/groups/{group.pk}/members/", ticked)
        assert people_in(group) == {alice, bob}
        dora_client.post(f"/people/groups/{group.pk}/members/removal/", {"memberships": [alice.membership.pk]})
        assert people_in(group) == {bob}
        assert dora_client.get(f"/people/groups/{group.pk}/deletion/").status_code == 200
        assert Group.objects.get().name == "Disputes"
        dora_client.post(f"/people/groups/{group.pk}/deletion/")
        assert not Group.objects.exists()
        assert Membership.objects.filter(user=bob).exists()
        actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
        assert actions == [
            "group.created", "group.changed", "group.members_added", "group.members_removed", "group.deleted",
        ]  # fmt: skip
        added = last_event("group.members_added").details
        assert added == {"group": "Disputes", "people": [alice.email, bob.email], "count": 2}
        assert last_event("group.deleted").details == {"group": "Disputes", "people": [bob.email], "count": 1}

    @pytest.mark.parametrize("path", ["/people/groups/new/", "/people/groups/{}/"])
    def test_two_of_one_name_are_refused_with_a_sentence_and_nothing_typed_is_lost(self, dora_client, three, path):
        response = dora_client.post(path.format(three[0].pk), {"name": "SUPPORT"})
        assert response.status_code == 422
        assert b"There is already a group called SUPPORT" in response.content
        assert b'value="SUPPORT"' in response.content
        assert len(names(three[0].organization)) == 3

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101])
    def test_a_name_has_to_be_one(self, dora_client, northwind, name):
        assert dora_client.post("/people/groups/new/", {"name": name}).status_code == 422
        assert not Group.objects.exists()

    def test_two_organizations_may_use_one_name(self, dora_client, charlie_client, northwind, rival):
        for client in (dora_client, charlie_client):
            assert client.post("/people/groups/new/", {"name": "Sales"}).status_code == 302
        assert names(northwind) == names(rival) == ["Sales"]

    def test_renaming_to_what_it_is_called_writes_nothing(self, dora_client, three):
        assert dora_client.post(f"/people/groups/{three[0].pk}/", {"name": "Sales"}).status_code == 302
        assert not AuditEvent.objects.exists()

    def test_saying_the_same_again_tells_nobody(self, dora_client, three, alice, told):
        path = f"/people/groups/{three[0].pk}/members/"
        ticked = {"memberships": [alice.membership.pk]}
        dora_client.post(path, ticked)
        assert len(told) == 1
        dora_client.post(path, ticked)
        dora_client.post(f"/people/{alice.membership.pk}/groups/", {"groups": [three[0].pk]})
        assert len(told) == 1


class TestOrder:
    def test_it_is_changed_a_place_at_a_time_shown_and_told_once(self, dora_client, northwind, three, told):
        board = three[2]
        for _ in range(2):
            response = dora_client.post(f"/people/groups/{board.pk}/position/", {"direction": "up"})
            assert response.headers["Location"] == f"/people/groups/#group-{board.pk}"
        assert names(northwind) == ["Board", "Sales", "Support"]
        assert len(told) == 2
        assert last_event("group.moved").details == {
            "group": "Board", "before": ["Sales", "Board", "Support"], "after": ["Board", "Sales", "Support"],
        }  # fmt: skip
        page = dora_client.get("/people/groups/").content.decode()
        assert page.index("Board") < page.index("decides first") < page.index("Sales")

    def test_at_the_ends_nothing_happens(self, dora_client, northwind, three, told):
        dora_client.post(f"/people/groups/{three[0].pk}/position/", {"direction": "up"})
        dora_client.post(f"/people/groups/{three[2].pk}/position/", {"direction": "down"})
        assert names(northwind) == ["Sales", "Support", "Board"]
        assert not told
        assert not AuditEvent.objects.exists()

    def test_an_odd_direction_is_no_way_to_move(self, dora_client, three):
        assert dora_client.post(f"/people/groups/{three[0].pk}/position/", {"direction": "x"}).status_code == 404

    def test_places_that_are_the_same_are_put_right_by_moving(self, dora_client, northwind, three):
        Group.objects.update(position=0)  # as groups of before there was an order: then names decide
        assert names(northwind) == ["Board", "Sales", "Support"]
        dora_client.post(f"/people/groups/{three[1].pk}/position/", {"direction": "up"})
        assert names(northwind) == ["Board", "Support", "Sales"]

    def test_a_new_group_decides_last_whatever_was_deleted(self, dora_client, northwind, three):
        dora_client.post(f"/people/groups/{three[0].pk}/deletion/")
        dora_client.post("/people/groups/new/", {"name": "Apprentices"})
        assert names(northwind) == ["Support", "Board", "Apprentices"]

    def test_a_persons_page_shows_which_of_their_groups_decides_first(self, dora_client, alice, three):
        alice.membership.groups.set(three[1:])
        page = dora_client.get(f"/people/{alice.membership.pk}/").content.decode()
        assert page.index(">Support</a>") < page.index("decides first") < page.index(">Board</a>")


class TestDeletedMeanwhile:
    """One admin has a page of a group open, another deletes it between the look at it and the change."""

    @pytest.fixture
    def deleting(self, monkeypatch, three):
        """Deletes the group in the moment in which the other admin's change gets its turn."""
        lock = grouping.lock

        def lose_the_race(organization):
            lock(organization)
            Group.objects.filter(pk=three[0].pk).delete()

        monkeypatch.setattr(grouping, "lock", lose_the_race)

    @pytest.mark.parametrize("page", ["", "members/", "members/removal/", "position/", "deletion/"])
    def test_who_comes_too_late_is_told_so_and_led_to_the_list(
        self, dora_client, alice, bob, three, page, deleting, told
    ):
        bob.membership.groups.add(three[0])
        person = alice if page == "members/" else bob
        posted = {"name": "Other", "direction": "down", "memberships": [person.membership.pk]}
        answer = dora_client.post(f"/people/groups/{three[0].pk}/{page}", posted, follow=True)
        assert answer.redirect_chain == [("/people/groups/", 302)]
        assert b"This group was deleted meanwhile." in answer.content
        assert not AuditEvent.objects.exists()
        assert not told

    def test_one_of_several_ticked_for_a_person_is_said_at_the_boxes(self, dora_client, alice, three, deleting, told):
        ticked = {"groups": [three[0].pk, three[1].pk]}
        answer = dora_client.post(f"/people/{alice.membership.pk}/groups/", ticked)
        assert answer.status_code == 422
        assert b"One of these groups was deleted meanwhile." in answer.content
        assert not alice.membership.groups.exists()
        assert dora_client.post(f"/people/{alice.membership.pk}/groups/", {"groups": [three[1].pk]}).status_code == 302
        assert people_in(three[1]) == {alice}

    def test_moving_one_of_a_list_that_was_read_without_it_is_refused(self, three):
        with pytest.raises(grouping.GroupGone):
            grouping.order_with(three[1:], three[0], "up")


class TestMembers:
    def test_nobody_of_another_organization_gets_in(self, dora_client, charlie, alice, three):
        path = f"/people/groups/{three[0].pk}/members/"
        response = dora_client.post(path, {"memberships": [charlie.membership.pk, alice.membership.pk]})
        assert response.status_code == 302
        assert people_in(three[0]) == {alice}

    def test_everybody_found_is_put_in_and_taken_out_at_once(self, dora_client, northwind, make_member, three, alice):
        for number in range(70):
            make_member(northwind, f"clerk{number}@northwind.example")
        group = three[0]
        dora_client.post(f"/people/groups/{group.pk}/members/", {"everybody": "1", "q": "clerk"})
        assert group.memberships.count() == 70
        event = last_event("group.members_added")
        assert (event.details["count"], len(event.details["people"])) == (70, grouping.NAMED)
        dora_client.post(f"/people/groups/{group.pk}/members/removal/", {"everybody": "1", "q": "clerk1"})
        assert group.memberships.count() == 59

    def test_nobody_ticked_is_said_and_the_search_is_kept(self, dora_client, three):
        for path in ("members/", "members/removal/"):
            response = dora_client.post(f"/people/groups/{three[0].pk}/{path}", {"q": "a b"}, follow=True)
            assert b"first." in response.content
            assert b'value="a b"' in response.content
        assert not AuditEvent.objects.exists()

    @pytest.mark.parametrize("odd", ["x", "9" * 30, "-1", ""])
    def test_odd_ticks_are_nobody(self, dora_client, three, odd):
        path = f"/people/groups/{three[0].pk}/members/"
        assert dora_client.post(path, {"memberships": [odd]}).status_code == 302
        assert not three[0].memberships.exists()

    def test_pages_show_50_and_search_finds_among_those_inside_or_outside(
        self, dora_client, northwind, make_member, three
    ):
        for number in range(60):
            make_member(northwind, f"clerk{number:02}@northwind.example")
        outside = f"/people/groups/{three[0].pk}/members/new/"
        assert len(dora_client.get(outside).context["page_obj"]) == 50
        assert len(dora_client.get(outside, {"page": 2}).context["page_obj"]) == 11
        assert [one.user.email for one in dora_client.get(outside, {"q": "CLERK07"}).context["page_obj"]] == [
            "clerk07@northwind.example"
        ]
        dora_client.post(f"/people/groups/{three[0].pk}/members/", {"everybody": "1", "q": "clerk0"})
        assert len(dora_client.get(f"/people/groups/{three[0].pk}/", {"q": "clerk"}).context["page_obj"]) == 10
        assert dora_client.get(outside, {"q": "clerk0"}).context["page_obj"].paginator.count == 0

    @pytest.mark.parametrize("members", [1, 3, 60])
    def test_pages_cost_the_same_however_many_are_in_it(
        self, dora, sign_in, northwind, make_member, three, django_assert_num_queries, members
    ):
        for number in range(members):
            one = make_member(northwind, f"clerk{number}@northwind.example")
            make_member(northwind, f"other{number}@northwind.example")
            one.membership.groups.add(three[0])
        client = sign_in(dora)
        client.get("/people/")
        with django_assert_num_queries(PAGE_QUERIES + 4):  # group, groups, members: count and rows
            client.get(f"/people/groups/{three[0].pk}/")
        with django_assert_num_queries(PAGE_QUERIES + 3):
            client.get(f"/people/groups/{three[0].pk}/members/new/")
        with django_assert_num_queries(PAGE_QUERIES + 1):
            client.get("/people/groups/")


PAGES = ["", "members/", "members/new/", "members/removal/", "position/", "deletion/"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_members_and_admins_of_others_find_no_group_of_ours(
    alice_client, charlie_client, client, three, page, method, told
):
    path = f"/people/groups/{three[0].pk}/{page}"
    for stranger in (alice_client, charlie_client):
        assert getattr(stranger, method)(path, {"name": "x", "direction": "up"}).status_code in (404, 405)
    assert getattr(client, method)(path).headers["Location"].startswith("/accounts/login/")
    assert names(three[0].organization) == ["Sales", "Support", "Board"]
    assert not told
