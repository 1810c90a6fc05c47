"""A new person gets an organization of their own, or the place they were invited to."""

import re

import pytest
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from organizations import signing_up
from organizations.models import AuditEvent, Membership, Organization, Role, User

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Nora Berg",
    "email": "Nora@Newfirm.example",
    "password1": "a long and unusual phrase",
    "organization_name": "Newfirm",
    "time_zone": "Europe/Berlin",
}


def sign_up(client: Client, **changes):
    return client.post("/accounts/signup/", FORM | changes)


def type_code(client: Client):
    code = re.search(r"^([A-Z0-9]{3,}-?[A-Z0-9]*)$", mail.outbox[-1].body, re.M)
    assert code, mail.outbox[-1].body
    return client.post("/accounts/confirm-email/", {"code": code[1]})


def test_sign_up_makes_the_person_their_organization_and_its_owner(client):
    response = sign_up(client)
    assert response.status_code == 302
    user = User.objects.get(email="nora@newfirm.example")
    membership = user.membership
    assert user.name == "Nora Berg"
    assert (membership.role, membership.organization.name) == (Role.OWNER, "Newfirm")
    assert membership.organization.time_zone == "Europe/Berlin"
    assert membership.organization.default_region == "DE"
    assert user.zone.key == "Europe/Berlin"
    assert AuditEvent.objects.of(membership.organization).get().action == "organization.created"


def test_the_address_is_confirmed_by_a_code_before_anything_is_open(client):
    sign_up(client)
    assert client.get("/profile/").status_code == 302
    assert type_code(client).status_code == 302
    assert client.get("/profile/").status_code == 200


def test_a_failure_on_the_way_leaves_no_half_made_person(client, monkeypatch):
    def fail(*args, **kwargs):
        raise IntegrityError("stop here")

    monkeypatch.setattr(signing_up, "record", fail)
    with pytest.raises(IntegrityError):
        sign_up(client)
    assert not User.objects.exists()
    assert not Organization.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "not an address"}, "email"),
        ({"password1": "short"}, "password1"),
        ({"password1": "1234567890"}, "password1"),
        ({"organization_name": " "}, "organization_name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_wrong_entry_is_said_beside_its_field_and_makes_nobody(client, changes, field):
    response = sign_up(client, **changes)
    assert field in response.context["form"].errors
    assert b'aria-invalid="true"' in response.content
    assert not User.objects.exists()


def test_a_taken_address_is_answered_like_a_free_one_and_its_owner_is_told_by_mail(client, alice):
    taken = sign_up(client, email=alice.email)
    free = sign_up(Client(), email="somebody.else@newfirm.example")
    assert (taken.status_code, taken.headers["Location"]) == (free.status_code, free.headers["Location"])
    assert mail.outbox[0].to == [alice.email]
    assert "already exists" in mail.outbox[0].body
    assert User.objects.filter(email=alice.email).count() == 1


def test_an_invited_person_joins_the_inviting_organization_with_the_address_already_shown(
    client, make_invitation, northwind, dora
):
    invitation, link = make_invitation("nora@newfirm.example", role=Role.ADMIN)
    client.get(link)
    page = client.get("/accounts/signup/")
    assert "organization_name" not in page.context["form"].fields
    assert b"Join Northwind Legal" in page.content
    response = sign_up(client, email="someone.else@evil.example", time_zone="Asia/Tokyo")
    assert response.status_code == 302
    user = User.objects.get(name="Nora Berg")
    assert user.email == "nora@newfirm.example"
    assert (user.membership.organization, user.membership.role) == (northwind, Role.ADMIN)
    assert user.time_zone == "Asia/Tokyo"
    assert Organization.objects.count() == 1
    invitation.refresh_from_db()
    assert invitation.accepted_by == user
    assert client.get("/profile/").status_code == 200, "the link has shown that the address is theirs: no code"
    assert AuditEvent.objects.get(action="member.joined").details["invited_by"] == dora.email


def test_a_revoked_invitation_no_longer_opens_the_organization(client, make_invitation, northwind):
    invitation, link = make_invitation("nora@newfirm.example")
    client.get(link)
    invitation.revoked_at = invitation.sent_at
    invitation.save()
    sign_up(client)
    assert User.objects.get(name="Nora Berg").organization.name == "Newfirm"
    assert not Membership.objects.filter(organization=northwind, user__name="Nora Berg").exists()


def test_the_time_zone_can_be_guessed_by_script_and_chosen_without(client):
    page = client.get("/accounts/signup/").content.decode()
    assert "data-guess-time-zone" in page
    assert '<optgroup label="Europe">' in page
