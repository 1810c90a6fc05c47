"""What admins do with people and groups."""

import pytest
from django.test import Client

from organizations.models import AuditEvent, Group, Membership, Organization, Role

pytestmark = pytest.mark.django_db
PERSON_QUERIES = 9
"""As every page of an admin: session, person, membership, connection. The membership; its groups, twice; all groups."""


def role_of(user) -> str:
    return Membership.objects.get(user=user).role


def change_role(client: Client, user, role):
    return client.post(f"/people/{user.membership.pk}/role/", {"role": role})


def test_an_admin_sees_everybody_and_a_member_finds_no_such_page(dora_client, alice_client, bob):
    page = dora_client.get("/people/").content.decode()
    assert "Alice Meyer" in page
    assert bob.email in page
    assert alice_client.get("/people/").status_code == 404


@pytest.mark.parametrize(("sought", "found"), [("oka", ["Bob Okafor"]), ("ALICE@", ["Alice Meyer"]), ("xyz", [])])
def test_search_looks_in_names_and_addresses(dora_client, alice, bob, sought, found):
    page = dora_client.get("/people/", {"q": sought})
    assert [one.user.name for one in page.context["page_obj"]] == found
    if not found:
        assert b"Nobody found" in page.content


@pytest.mark.parametrize(
    "parameters", [{"page": "999"}, {"page": "x"}, {"group": "x"}, {"group": "9" * 30}, {"q": "\0"}]
)
def test_odd_parameters_break_nothing(dora_client, parameters):
    assert dora_client.get("/people/", parameters).status_code == 200


@pytest.mark.parametrize("colleagues", [1, 3])
def test_the_list_costs_the_same_however_many_work_here(
    dora, sign_in, northwind, make_member, litigation, django_assert_num_queries, colleagues
):
    for number in range(colleagues):
        make_member(northwind, f"colleague{number}@northwind.example").membership.groups.add(litigation)
    client = sign_in(dora)
    client.get("/people/")
    # session, person, membership; connection for the banner; people: count, rows, groups; groups; invitations
    with django_assert_num_queries(9):
        client.get("/people/")


@pytest.mark.parametrize("groups", [1, 3, 12])
def test_a_persons_page_costs_the_same_however_many_groups_there_are(
    dora, sign_in, northwind, alice, django_assert_num_queries, groups
):
    for number in range(groups):
        alice.membership.groups.add(Group.objects.create(organization=northwind, name=f"Group {number}"))
    client = sign_in(dora)
    path = f"/people/{alice.membership.pk}/"
    client.get(path)
    with django_assert_num_queries(PERSON_QUERIES):
        client.get(path)


def test_the_list_pages_after_25(dora_client, northwind, make_member):
    for number in range(25):
        make_member(northwind, f"colleague{number:02}@northwind.example")
    first = dora_client.get("/people/")
    second = dora_client.get("/people/", {"page": 2})
    assert (len(first.context["page_obj"]), len(second.context["page_obj"])) == (25, 1)
    assert b'rel="next"' in first.content
    assert b'rel="prev"' in second.content


def test_an_owner_makes_an_admin_and_it_is_written_down(dora_client, dora, alice):
    assert change_role(dora_client, alice, Role.ADMIN).status_code == 302
    assert role_of(alice) == Role.ADMIN
    event = AuditEvent.objects.get(action="member.role_changed")
    assert (event.actor, event.subject, event.details) == (dora, alice, {"from": "member", "to": "admin"})


def test_the_last_owner_cannot_step_down_and_can_once_there_is_another(dora_client, dora, alice):
    refused = change_role(dora_client, dora, Role.MEMBER)
    assert refused.status_code == 422
    assert b"only owner" in refused.content
    assert role_of(dora) == Role.OWNER
    change_role(dora_client, alice, Role.OWNER)
    assert change_role(dora_client, dora, Role.MEMBER).status_code == 302
    assert role_of(dora) == Role.MEMBER


def test_an_admin_neither_makes_nor_unmakes_owners(dora, alice, bob, make_member, northwind, sign_in):
    admin = make_member(northwind, "admin@northwind.example", role=Role.ADMIN)
    client = sign_in(admin)
    assert change_role(client, bob, Role.OWNER).status_code == 422
    assert change_role(client, dora, Role.MEMBER).status_code == 422
    assert change_role(client, bob, Role.ADMIN).status_code == 302
    assert (role_of(dora), role_of(bob)) == (Role.OWNER, Role.ADMIN)


def test_a_role_that_does_not_exist_is_refused(dora_client, alice):
    assert change_role(dora_client, alice, "emperor").status_code == 422
    assert role_of(alice) == Role.MEMBER


def test_a_member_changes_no_roles_not_even_their_own(alice_client, alice):
    assert change_role(alice_client, alice, Role.OWNER).status_code == 404
    assert role_of(alice) == Role.MEMBER


def test_a_person_is_put_into_groups_of_their_own_organization_only(dora_client, alice, litigation, rival):
    foreign = Group.objects.create(organization=rival, name="Partners")
    path = f"/people/{alice.membership.pk}/groups/"
    assert dora_client.post(path, {"groups": [foreign.pk]}).status_code == 422
    assert dora_client.post(path, {"groups": [litigation.pk]}).status_code == 302
    assert list(alice.membership.groups.all()) == [litigation]


def test_the_organizations_settings_are_changed_by_admins_and_written_down(dora_client, alice_client, northwind):
    new = {"name": "Northwind LLP", "time_zone": "Europe/Vienna", "language": "en-gb", "default_region": "AT"}
    new["audit_years"] = 0
    assert alice_client.post("/people/organization/", new).status_code == 404
    assert dora_client.post("/people/organization/", new).status_code == 302
    northwind = Organization.objects.get(pk=northwind.pk)
    assert (northwind.name, northwind.time_zone, northwind.default_region) == ("Northwind LLP", "Europe/Vienna", "AT")
    del new["audit_years"]
    before = {"name": "Northwind Legal", "time_zone": "Europe/Berlin", "language": "en", "default_region": "DE"}
    assert AuditEvent.objects.get(action="organization.changed").details == {"before": before, "after": new}


def test_a_person_page_works_for_admins(dora_client, alice):
    assert b"alice@northwind.example" in dora_client.get(f"/people/{alice.membership.pk}/").content


@pytest.mark.parametrize("pk", [0, 10**30])
def test_a_person_who_does_not_exist_is_not_found(dora_client, pk):
    assert dora_client.get(f"/people/{pk}/").status_code == 404
