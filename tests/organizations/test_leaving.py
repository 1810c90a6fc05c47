"""How people come to leave: deactivated by an admin, by their own will, and who owns what is left."""

import threading

import pytest
from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.core import mail
from django.db import connection
from django.test import Client

from organizations import people
from organizations.forms import SettingsForm
from organizations.models import AuditEvent, Membership, Role, User
from organizations.people import ChangeRefused
from organizations.signals import member_left
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """Who the apps above were told has left: [(person, reason)]."""
    heard = []

    def hear(user, organization, reason, by, address, **kwargs):
        heard.append((user, reason))

    member_left.connect(hear)
    yield heard
    member_left.disconnect(hear)


@pytest.fixture
def admin(northwind, make_member) -> User:
    return make_member(northwind, "admin@northwind.example", name="Ada Admin", role=Role.ADMIN)


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def deactivate(client: Client, user: User):
    return client.post(f"/people/{user.membership.pk}/deactivation/")


class TestDeactivation:
    def test_it_is_asked_first_and_then_ends_every_session(self, dora_client, dora, alice, told):
        theirs = Client()
        theirs.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
        assert theirs.get("/profile/settings/").status_code == 200
        assert UserSession.objects.filter(user=alice).exists()
        page = dora_client.get(f"/people/{alice.membership.pk}/deactivation/")
        assert b"signed out on every device" in page.content
        assert fresh(alice).is_active
        assert deactivate(dora_client, alice).status_code == 302
        assert not fresh(alice).is_active
        assert not UserSession.objects.filter(user=alice).exists()
        assert theirs.get("/profile/settings/").status_code == 302
        assert told == [(alice, "Alice Meyer was deactivated.")]
        event = last_event()
        assert (event.action, event.actor, event.subject) == ("member.deactivated", dora, alice)

    def test_who_is_deactivated_cannot_sign_in_and_is_told_whom_to_ask(self, dora_client, alice, client):
        deactivate(dora_client, alice)
        answer = client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD}, follow=True)
        assert b"switched off" in answer.content or b"deactivated" in answer.content

    def test_role_and_groups_are_there_when_they_come_back(self, dora_client, admin, litigation, client, told):
        admin.membership.groups.add(litigation)
        deactivate(dora_client, admin)
        assert dora_client.post(f"/people/{admin.membership.pk}/reactivation/").status_code == 302
        membership = Membership.objects.get(user=admin)
        assert (membership.role, list(membership.groups.all())) == (Role.ADMIN, [litigation])
        assert client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD}).status_code == 302
        assert client.get("/people/").status_code == 200
        assert last_event().action == "member.reactivated"
        assert len(told) == 1

    def test_twice_is_once(self, dora_client, alice, told):
        for _ in range(2):
            assert deactivate(dora_client, alice).status_code == 302
        assert len(told) == 1
        for _ in range(2):
            dora_client.post(f"/people/{alice.membership.pk}/reactivation/")
        assert AuditEvent.objects.count() == 2

    def test_an_admin_decides_over_admins_and_never_over_an_owner(self, sign_in, admin, dora, alice, make_member):
        other = make_member(dora.organization, "other@northwind.example", role=Role.ADMIN)
        client = sign_in(admin)
        refused = deactivate(client, dora)
        assert refused.status_code == 422
        assert b"only an owner can do that" in refused.content
        assert fresh(dora).is_active
        for person in (alice, other):
            assert deactivate(client, person).status_code == 302
            assert not fresh(person).is_active

    def test_an_admin_brings_no_owner_back(self, sign_in, admin, dora, make_member):
        owner = make_member(dora.organization, "owner@northwind.example", role=Role.OWNER)
        deactivate(sign_in(dora), owner)
        sign_in(admin).post(f"/people/{owner.membership.pk}/reactivation/")
        assert not fresh(owner).is_active
        sign_in(dora).post(f"/people/{owner.membership.pk}/reactivation/")
        assert fresh(owner).is_active

    def test_nobody_deactivates_themself(self, dora_client, dora, alice):
        alice.membership.role = Role.OWNER
        alice.membership.save()
        refused = deactivate(dora_client, dora)
        assert refused.status_code == 422
        assert b"You cannot deactivate yourself" in refused.content
        assert fresh(dora).is_active

    def test_an_owner_who_is_switched_off_does_not_count_as_another(self, dora, dora_client, alice):
        Membership.objects.filter(user=alice).update(role=Role.OWNER)
        assert deactivate(dora_client, alice).status_code == 302
        assert dora_client.post("/profile/departure/").status_code == 422
        assert dora_client.post(f"/people/{dora.membership.pk}/role/", {"role": "member"}).status_code == 422
        assert Membership.objects.get(user=dora).role == Role.OWNER

    def test_the_list_shows_who_is_deactivated_and_the_page_offers_what_fits(self, dora_client, alice, bob):
        deactivate(dora_client, alice)
        found = dora_client.get("/people/", {"show": "deactivated"}).context["page_obj"]
        assert [one.user for one in found] == [alice]
        assert b"Reactivate" in dora_client.get(f"/people/{alice.membership.pk}/").content
        assert b"Reactivate" not in dora_client.get(f"/people/{bob.membership.pk}/").content

    @pytest.mark.parametrize("act", ["deactivation", "reactivation"])
    def test_strangers_and_members_find_no_such_page(self, alice_client, charlie_client, client, bob, act):
        path = f"/people/{bob.membership.pk}/{act}/"
        for stranger in (alice_client, charlie_client):
            assert stranger.post(path).status_code == 404
        assert client.post(path).headers["Location"].startswith("/accounts/login/")
        assert fresh(bob).is_active


class TestSessions:
    def test_one_that_no_list_holds_does_not_come_back_to_life(self, dora_client, alice):
        """Sessions are listed as they are used; one from before, or of a browser that was slow, is on no list."""
        unlisted = Client()
        unlisted.force_login(alice)
        UserSession.objects.all().delete()
        before = alice.get_session_auth_hash()
        deactivate(dora_client, alice)
        dora_client.post(f"/people/{alice.membership.pk}/reactivation/")
        assert fresh(alice).is_active
        assert unlisted.get("/profile/settings/").headers["Location"].startswith("/accounts/login/")
        assert fresh(alice).get_session_auth_hash() != before
        anew = Client()
        anew.force_login(fresh(alice))
        assert anew.get("/profile/settings/").status_code == 200

    def test_those_of_others_and_of_keys_that_were_replaced_go_on(self, dora_client, alice, bob_client, settings):
        deactivate(dora_client, alice)
        dora_client.post(f"/people/{alice.membership.pk}/reactivation/")
        theirs = Client()
        theirs.force_login(fresh(alice))
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another one for tests only, of plain words as well"
        for client in (theirs, bob_client):
            assert client.get("/profile/settings/").status_code == 200

    def test_who_saves_their_settings_in_the_moment_of_their_deactivation_stays_out(
        self, dora_client, alice, alice_client, monkeypatch
    ):
        """Their browser's request has read them as they were, active, and writes after the admin's."""
        is_valid = SettingsForm.is_valid

        def lose_the_race(form):
            deactivate(dora_client, alice)
            return is_valid(form)

        monkeypatch.setattr(SettingsForm, "is_valid", lose_the_race)
        alice_client.post("/profile/settings/", {"name": "Alice M.", "time_zone": "", "language": "", "theme": ""})
        assert fresh(alice).name == "Alice M."
        assert not fresh(alice).is_active
        assert fresh(alice).session_epoch == 1

    def test_who_changes_their_password_in_that_moment_stays_out(self, dora_client, alice):
        stale = fresh(alice)
        deactivate(dora_client, alice)
        get_adapter().set_password(stale, "an entirely different phrase")
        assert fresh(alice).check_password("an entirely different phrase")
        assert not fresh(alice).is_active


class TestMail:
    """Mail goes out once the change is saved; `django_capture_on_commit_callbacks` is that moment here."""

    @pytest.fixture
    def committing(self, django_capture_on_commit_callbacks):
        return lambda: django_capture_on_commit_callbacks(execute=True)

    def test_who_is_deactivated_is_told_where_by_whom_and_whom_to_ask(self, dora_client, alice, committing):
        with committing():
            deactivate(dora_client, alice)
            assert not mail.outbox, "not before it is certain"
        (message,) = mail.outbox
        assert (message.to, message.subject) == ([alice.email], "Your account at Northwind Legal was deactivated")
        for body in (message.body, message.alternatives[0][0]):
            assert "Dora Lindqvist (" in body
            assert "an administrator of Northwind Legal, has deactivated your account" in body
            assert "ask Dora Lindqvist or another administrator of Northwind Legal" in body
        assert "List-Unsubscribe" not in message.extra_headers

    def test_who_is_back_is_told_that_they_can_sign_in_and_connect_anew(self, dora_client, alice, committing):
        deactivate(dora_client, alice)
        with committing():
            for _ in range(2):
                dora_client.post(f"/people/{alice.membership.pk}/reactivation/")
        (message,) = mail.outbox
        assert message.subject == "Your account at Northwind Legal is active again"
        assert "connect it anew" in message.body
        assert "/accounts/login/" in message.body

    def test_who_was_handed_the_organization_is_told_so(self, sure_client, alice, dora, committing):
        mail.outbox.clear()
        with committing():
            sure_client.post(f"/people/{alice.membership.pk}/ownership/")
        (message,) = mail.outbox
        assert (message.to, message.subject) == (
            [alice.email], "Dora Lindqvist has handed Northwind Legal over to you",
        )  # fmt: skip
        assert "You are its owner now" in message.body
        assert "/people/" in message.body

    def test_a_change_that_is_refused_mails_nobody(self, sign_in, admin, dora, committing):
        with committing():
            assert deactivate(sign_in(admin), dora).status_code == 422
        assert not mail.outbox

    def test_a_mail_server_that_is_down_does_not_undo_it_nor_break_the_page(
        self, dora_client, alice, committing, monkeypatch
    ):
        def refuse(*args, **kwargs):
            raise ConnectionRefusedError

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        with committing():
            assert deactivate(dora_client, alice).status_code == 302
        assert not fresh(alice).is_active


class TestDeparture:
    def test_who_leaves_keeps_their_account_and_may_join_another(
        self, alice, alice_client, northwind, rival, told, charlie, litigation
    ):
        alice.membership.groups.add(litigation)
        assert b"Leave Northwind Legal?" in alice_client.get("/profile/departure/").content
        assert alice_client.post("/profile/departure/").status_code == 302
        assert fresh(alice).find_membership() is None
        assert told == [(alice, "Alice Meyer left Northwind Legal.")]
        event = last_event()
        assert (event.action, event.organization) == ("member.left", northwind)
        assert event.details == {"role": "member", "groups": ["Litigation"]}
        for path in ("/profile/", "/profile/settings/", "/meetings/", "/contacts/"):
            assert alice_client.get(path, follow=True).status_code == 200
        assert alice_client.get("/profile/departure/", follow=True).status_code == 200

    def test_the_last_owner_stays_and_is_told_what_to_do(self, dora_client, dora, alice, told):
        page = dora_client.get("/profile/departure/").content.decode()
        assert "You are the only owner" in page
        assert "Leave Northwind Legal</button>" not in page
        assert dora_client.post("/profile/departure/").status_code == 422
        assert fresh(dora).find_membership() is not None
        assert not told
        Membership.objects.filter(user=alice).update(role=Role.OWNER)
        assert dora_client.post("/profile/departure/").status_code == 302
        assert fresh(dora).find_membership() is None

    def test_an_admin_leaves_freely(self, sign_in, admin, dora):
        assert sign_in(admin).post("/profile/departure/").status_code == 302
        assert fresh(admin).find_membership() is None


@pytest.fixture
def sure_client(dora) -> Client:
    """Dora's browser, where she has just shown that it is her."""
    client = Client()
    client.post("/accounts/login/", {"login": dora.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


class TestOwnership:
    def test_the_password_is_asked_for_again_before_the_page_is_shown(self, dora_client, alice):
        path = f"/people/{alice.membership.pk}/ownership/"
        asked = dora_client.get(path)
        assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
        back = dora_client.post(asked.headers["Location"], {"password": PASSWORD})
        assert back.headers["Location"] == path
        assert dora_client.get(path).status_code == 200

    def test_who_waited_too_long_with_the_answer_gives_the_password_and_need_not_answer_again(
        self, dora_client, dora, alice
    ):
        asked = dora_client.post(f"/people/{alice.membership.pk}/ownership/")
        assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
        dora_client.post(asked.headers["Location"], {"password": "a wrong one"})
        assert Membership.objects.get(user=dora).role == Role.OWNER
        dora_client.post(asked.headers["Location"], {"password": PASSWORD})
        assert Membership.objects.get(user=alice).role == Role.OWNER

    def test_the_heir_owns_it_and_the_former_owner_is_an_admin(self, sure_client, dora, alice, northwind):
        path = f"/people/{alice.membership.pk}/ownership/"
        assert b"becomes owner" in sure_client.get(path).content
        assert Membership.objects.get(user=alice).role == Role.MEMBER
        assert sure_client.post(path).status_code == 302
        assert Membership.objects.get(user=alice).role == Role.OWNER
        assert Membership.objects.get(user=dora).role == Role.ADMIN
        event = AuditEvent.objects.get(action="ownership.handed_over")
        assert (event.actor, event.subject) == (dora, alice)
        assert sure_client.post(path).status_code == 404, "an admin finds no such page"

    def test_who_cannot_sign_in_inherits_nothing(self, sure_client, dora, alice):
        User.objects.filter(pk=alice.pk).update(is_active=False)
        response = sure_client.post(f"/people/{alice.membership.pk}/ownership/")
        assert response.status_code == 422
        assert b"deactivated" in response.content
        assert Membership.objects.get(user=dora).role == Role.OWNER

    def test_one_cannot_hand_over_to_oneself_or_to_an_owner(self, sure_client, dora, alice):
        Membership.objects.filter(user=alice).update(role=Role.OWNER)
        for person in (dora, alice):
            assert sure_client.post(f"/people/{person.membership.pk}/ownership/").status_code == 422
        assert Membership.objects.filter(role=Role.OWNER).count() == 2

    def test_an_admin_a_member_and_a_stranger_find_no_such_page(self, sign_in, admin, alice, bob, charlie):
        for person in (admin, alice, charlie):
            client = sign_in(person)
            for method in (client.get, client.post):
                assert method(f"/people/{bob.membership.pk}/ownership/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_leave_one_of_them(dora, alice, rf):
    """Each sees the other as owner; only a lock that both have to take keeps the last of them."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time: there is no such race")
    Membership.objects.filter(user=alice).update(role=Role.OWNER)
    start, refused = threading.Barrier(2), []

    def leave(user: User) -> None:
        membership = Membership.objects.select_related("organization").get(user=user)
        start.wait(5)
        try:
            people.leave(membership, request=rf.post("/"))
        except ChangeRefused as refusal:
            refused.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[user]) for user in (dora, alice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(refused) == 1
    assert Membership.objects.filter(role=Role.OWNER).count() == 1
