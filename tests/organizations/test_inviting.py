"""Invitations: who may send them, what the link does, and who may follow it."""

import smtplib
from contextlib import nullcontext
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from organizations import inviting
from organizations.models import AuditEvent, Invitation, Membership, Role, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def invite(client, email="nora@newfirm.example", role=Role.MEMBER):
    return client.post("/people/invitations/new/", {"email": email, "role": role})


def test_an_admin_invites_by_mail_and_the_link_is_kept_only_as_a_hash(dora_client, find_link, northwind):
    assert invite(dora_client).status_code == 302
    (message,) = mail.outbox
    assert message.to == ["nora@newfirm.example"]
    assert "Northwind Legal" in message.subject
    link = find_link(message)
    html = message.alternatives[0][0]
    assert link in html
    token = link.strip("/").split("/")[-1]
    invitation = Invitation.objects.get()
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values())
    assert invitation.expires_at - invitation.sent_at == timedelta(days=14)
    event = AuditEvent.objects.get(action="invitation.created")
    assert (event.details["email"], event.address) == ("nora@newfirm.example", "127.0.0.1")
    assert token not in str(event.details)


def test_a_member_cannot_invite(alice_client):
    assert invite(alice_client).status_code == 404
    assert not mail.outbox


def test_only_an_owner_can_invite_an_owner(make_member, northwind, dora_client, sign_in):
    admin = sign_in(make_member(northwind, "admin@northwind.example", role=Role.ADMIN))
    assert invite(admin, role=Role.OWNER).status_code == 422
    assert not mail.outbox
    assert invite(dora_client, role=Role.OWNER).status_code == 302


@pytest.mark.parametrize("email", ["alice@northwind.example", "ALICE@northwind.example"])
def test_who_works_here_already_is_not_invited(dora_client, alice, email):
    response = invite(dora_client, email)
    assert response.status_code == 422
    assert b"already works here" in response.content


def test_an_address_is_invited_once_and_the_form_says_what_to_do_instead(dora_client):
    invite(dora_client)
    response = invite(dora_client, "NORA@newfirm.example")
    assert response.status_code == 422
    assert b"send that invitation again" in response.content
    assert len(mail.outbox) == 1


def test_the_database_holds_one_open_invitation_per_address(make_invitation):
    first, _ = make_invitation("nora@newfirm.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_invitation("Nora@newfirm.example")
    first.revoked_at = timezone.now()
    first.save()
    make_invitation("nora@newfirm.example")


def test_sending_again_voids_the_older_link(dora_client, client, find_link):
    invite(dora_client)
    old = find_link(mail.outbox[0])
    assert client.get(old).status_code == 200
    dora_client.post(f"/people/invitations/{Invitation.objects.get().pk}/sending/")
    new = find_link(mail.outbox[1])
    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 200


def test_a_taken_back_invitation_says_so(dora_client, client, make_invitation):
    invitation, link = make_invitation("nora@newfirm.example")
    assert client.get(link).status_code == 200
    dora_client.post(f"/people/invitations/{invitation.pk}/revocation/")
    response = client.get(link)
    assert response.status_code == 410
    assert b"was taken back" in response.content


def test_taking_back_twice_says_so_and_breaks_nothing(dora_client, make_invitation):
    invitation, _ = make_invitation("nora@newfirm.example")
    for _ in range(2):
        response = dora_client.post(f"/people/invitations/{invitation.pk}/revocation/", follow=True)
    assert b"was taken back" in response.content
    assert AuditEvent.objects.filter(action="invitation.revoked").count() == 1


def test_an_expired_link_says_what_to_do(client, make_invitation):
    invitation, link = make_invitation("nora@newfirm.example")
    invitation.expires_at = timezone.now()
    invitation.save()
    response = client.get(link)
    assert response.status_code == 410
    assert b"has expired" in response.content


def test_an_unknown_link_says_what_to_do(client, db):
    assert b"not one we know" in client.get("/invitations/no-such-token/").content


def test_looking_at_a_link_uses_nothing_up(client, make_invitation):
    invitation, link = make_invitation("nora@newfirm.example")
    for _ in range(3):
        assert client.get(link).status_code == 200
    invitation.refresh_from_db()
    assert invitation.is_open


def test_who_has_an_account_and_no_organization_joins_with_a_click(make_invitation, sign_in, northwind):
    nora = User.objects.create_user("nora@newfirm.example", name="Nora Berg")
    _, link = make_invitation("Nora@newfirm.example", role=Role.ADMIN)
    client = sign_in(nora)
    assert b"Join Northwind Legal" in client.get(link).content
    assert client.post(link + "acceptance/").status_code == 302
    membership = Membership.objects.get(user=nora)
    assert (membership.organization, membership.role) == (northwind, Role.ADMIN)
    again = client.post(link + "acceptance/")
    assert again.status_code == 422
    assert b"already been used" in again.content


def test_signing_in_after_following_the_link_leads_back_to_the_invitation(make_invitation, client):
    nora = User.objects.create_user("nora@newfirm.example", PASSWORD, name="Nora Berg")
    EmailAddress.objects.create(user=nora, email=nora.email, verified=True, primary=True)
    _, link = make_invitation(nora.email)
    client.get(link)
    response = client.post("/accounts/login/", {"login": nora.email, "password": PASSWORD})
    assert response.headers["Location"] == link
    client.post(link + "acceptance/")
    assert client.post("/accounts/logout/").status_code == 302
    response = client.post("/accounts/login/", {"login": nora.email, "password": PASSWORD})
    assert response.headers["Location"] == "/"


def test_who_belongs_to_an_organization_is_told_why_they_cannot_join_another(make_invitation, charlie, charlie_client):
    _, link = make_invitation(charlie.email)
    assert b"a person belongs to one organization" in charlie_client.get(link).content
    response = charlie_client.post(link + "acceptance/")
    assert response.status_code == 422
    assert Membership.objects.get(user=charlie).organization.name == "Rival &amp; Co".replace("&amp;", "&")


def test_an_invitation_is_for_its_own_address_only(make_invitation, sign_in):
    other = User.objects.create_user("other@newfirm.example")
    _, link = make_invitation("nora@newfirm.example")
    response = sign_in(other).post(link + "acceptance/")
    assert response.status_code == 422
    assert b"This invitation is for nora@newfirm.example" in response.content
    assert not Membership.objects.filter(user=other).exists()


def test_accepting_needs_signing_in_and_comes_back_to_the_invitation(make_invitation):
    _, link = make_invitation("nora@newfirm.example")
    response = Client().post(link + "acceptance/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_a_mail_that_cannot_be_sent_leaves_the_invitation_to_be_sent_again(dora_client, monkeypatch):
    def refuse(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("down")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", refuse)
        response = invite(dora_client)
    assert response.status_code == 422
    assert b"could not be sent" in response.content
    dora_client.post(f"/people/invitations/{Invitation.objects.get().pk}/sending/")
    assert len(mail.outbox) == 1


def test_no_organization_mails_the_whole_world(dora_client, settings):
    settings.INVITATION_MAILS_PER_DAY = 2
    assert invite(dora_client, "one@newfirm.example").status_code == 302
    assert invite(dora_client, "two@newfirm.example").status_code == 302
    refused = invite(dora_client, "three@newfirm.example")
    assert refused.status_code == 422
    assert b"Go on tomorrow" in refused.content


def test_a_line_break_in_the_organizations_name_does_not_reach_the_mail_headers(dora_client, northwind):
    northwind.name = "Northwind\nBcc: everybody@newfirm.example"
    northwind.save()
    assert invite(dora_client).status_code == 302
    assert "\n" not in mail.outbox[0].subject


class TestOffers:
    """A role that somebody offered is theirs to give only as long as they may give it."""

    @pytest.fixture
    def ada(self, northwind, make_member) -> User:
        return make_member(northwind, "ada@northwind.example", name="Ada Admin", role=Role.OWNER)

    @pytest.fixture
    def offers(self, make_invitation, ada) -> dict[str, str]:
        """Ada's offer of each role: {role: path of its link}."""
        links = {}
        for role in Role.values:
            invitation, links[role] = make_invitation(f"{role}@newfirm.example", role=role)
            Invitation.objects.filter(pk=invitation.pk).update(invited_by=ada)
        return links

    def answers(self, client, offers) -> dict[str, int]:
        return {role: client.get(link).status_code for role, link in offers.items()}

    @pytest.mark.parametrize(("role", "left"), [(Role.ADMIN, {"member", "admin"}), (Role.MEMBER, {"member"})])
    def test_who_gets_a_lesser_role_offers_no_more_than_that(self, dora_client, ada, offers, client, role, left):
        assert set(self.answers(client, offers).values()) == {200}
        dora_client.post(f"/people/{ada.membership.pk}/role/", {"role": role})
        assert self.answers(client, offers) == {one: 200 if one in left else 410 for one in Role.values}
        assert {one.role for one in Invitation.objects.open()} == left
        taken_back = AuditEvent.objects.filter(action="invitation.revoked")
        assert {one.details["role"] for one in taken_back} == set(Role.values) - left
        assert all("Ada Admin may no longer" in one.details["reason"] for one in taken_back)

    @pytest.mark.parametrize("way", ["deactivation", "departure", "support"])
    def test_who_is_gone_offers_members_places_at_most(
        self, dora_client, sign_in, support_client, ada, dora, offers, client, way
    ):
        if way == "deactivation":
            dora_client.post(f"/people/{ada.membership.pk}/deactivation/")
        elif way == "departure":
            sign_in(ada).post("/profile/departure/")
        else:
            form = {
                "name": "", "time_zone": "", "language": "",
                "membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0,
                "emailaddress_set-TOTAL_FORMS": 0, "emailaddress_set-INITIAL_FORMS": 0,
            }  # fmt: skip
            support_client.post(f"/support/organizations/user/{ada.pk}/change/", form)
        assert self.answers(client, offers) == {"owner": 410, "admin": 410, "member": 200}
        assert AuditEvent.objects.filter(action="invitation.revoked").count() == 2

    @pytest.mark.parametrize("giver", ["demoted", "switched off", "unknown"])
    def test_one_that_nobody_took_back_is_not_accepted_either(self, ada, offers, sign_in, client, giver):
        """Whatever way somebody lost the right, it is looked at again when it counts."""
        if giver == "demoted":
            Membership.objects.filter(user=ada).update(role=Role.MEMBER)
        elif giver == "switched off":
            User.objects.filter(pk=ada.pk).update(is_active=False)
        else:
            Invitation.objects.update(invited_by=None)
        nora = User.objects.create_user("owner@newfirm.example")
        refused = sign_in(nora).post(offers["owner"] + "acceptance/")
        assert refused.status_code == 422
        assert b"may no longer make anybody owner of Northwind Legal" in refused.content
        assert not Membership.objects.filter(user=nora).exists()
        omar = User.objects.create_user("member@newfirm.example")
        assert sign_in(omar).post(offers["member"] + "acceptance/").status_code == 302

    def test_it_is_looked_at_under_the_lock(self, ada, offers, rf):
        """The link was good when it was opened; Ada is demoted before the answer comes."""
        nora = User.objects.create_user("owner@newfirm.example")
        invitation = inviting.find_usable(offers["owner"].split("/")[2])
        Membership.objects.filter(user=ada).update(role=Role.MEMBER)
        request = rf.post("/")
        request.session = {}
        with pytest.raises(inviting.InvitationRefused, match="may no longer"):
            inviting.accept(invitation, user=nora, request=request)

    def test_another_owner_makes_it_their_own_by_sending_it_again(
        self, dora_client, dora, ada, offers, client, find_link
    ):
        Membership.objects.filter(user=ada).update(role=Role.MEMBER)
        assert client.get(offers["owner"]).status_code == 410
        invitation = Invitation.objects.get(role=Role.OWNER)
        dora_client.post(f"/people/invitations/{invitation.pk}/sending/")
        assert client.get(find_link(mail.outbox[0])).status_code == 200
        invitation.refresh_from_db()
        assert invitation.invited_by == dora
        assert "Dora Lindqvist invites you" in mail.outbox[0].body

    def test_support_sends_none_again_that_would_be_refused(self, support, ada, offers, rf):
        Membership.objects.filter(user=ada).update(role=Role.MEMBER)
        for role, is_refused in ((Role.OWNER, True), (Role.MEMBER, False)):
            invitation = Invitation.objects.get(role=role)
            with pytest.raises(inviting.InvitationRefused) if is_refused else nullcontext():
                inviting.send_again(invitation, by=support, request=rf.post("/"), is_support=True)
        assert len(mail.outbox) == 1

    def test_offers_of_others_stay(self, dora_client, ada, offers, make_invitation, client):
        _, link = make_invitation("of.dora@newfirm.example", role=Role.OWNER)
        dora_client.post(f"/people/{ada.membership.pk}/deactivation/")
        assert client.get(link).status_code == 200
