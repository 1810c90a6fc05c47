"""The support pages about people: found quickly, no secret shown, the audit trail untouchable."""

from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core import mail
from django.urls import reverse

from organizations import admin as organizations_admin
from organizations.models import AuditEvent, Membership, Organization, Role, User, record
from organizations.signals import member_left

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["user", "organization", "membership", "group", "invitation", "auditevent"])
def test_support_finds_each_kind_of_row(support_client, model, alice, litigation, make_invitation, northwind):
    make_invitation("nora@newfirm.example")
    record("member.joined", organization=northwind, actor=alice)
    page = support_client.get(reverse(f"admin:organizations_{model}_changelist"), {"q": "northwind"})
    assert page.status_code == 200
    assert page.context["cl"].result_count >= 1


def test_a_person_is_found_by_organization_and_shown_without_password(support_client, alice):
    page = support_client.get(reverse("admin:organizations_user_change", args=[alice.pk])).content.decode()
    assert "Alice Meyer" in page
    assert "Northwind Legal" in page
    assert alice.password not in page
    assert "pbkdf2" not in page
    assert "md5$" not in page


def test_an_invitation_is_shown_without_its_token(support_client, make_invitation):
    invitation, _ = make_invitation("nora@newfirm.example")
    page = support_client.get(reverse("admin:organizations_invitation_change", args=[invitation.pk])).content.decode()
    assert "nora@newfirm.example" in page
    assert invitation.token_hash not in page


def test_support_switches_a_person_off_and_it_is_written_down(support_client, support, alice, sign_in):
    url = reverse("admin:organizations_user_change", args=[alice.pk])
    form = {
        "name": "Alice Meyer", "time_zone": "", "language": "",
        "membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0,
        "emailaddress_set-TOTAL_FORMS": 0, "emailaddress_set-INITIAL_FORMS": 0,
    }  # fmt: skip
    heard = []
    member_left.connect(lambda user, by, **kwargs: heard.append((user, by)), weak=False, dispatch_uid="heard")
    hers = sign_in(alice)
    assert hers.get("/profile/").status_code == 200
    assert support_client.post(url, form).status_code == 302
    member_left.disconnect(dispatch_uid="heard")
    assert heard == [(alice, support)]
    assert hers.get("/profile/").status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active
    event = AuditEvent.objects.get(action="person.changed_by_support")
    assert (event.actor, event.subject, event.details) == (support, alice, {"is_active": False})


FORM = {
    "name": "", "time_zone": "", "language": "",
    "membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0,
    "emailaddress_set-TOTAL_FORMS": 0, "emailaddress_set-INITIAL_FORMS": 0,
}  # fmt: skip


def switch(client, user: User, *, on: bool):
    url = reverse("admin:organizations_user_change", args=[user.pk])
    return client.post(url, {**FORM, "name": user.name} | ({"is_active": "on"} if on else {}))


class TestSwitchingOff:
    def test_no_admin_of_the_organization_undoes_it_and_support_does(self, support_client, dora_client, alice):
        assert switch(support_client, alice, on=False).status_code == 302
        page = f"/people/{alice.membership.pk}/"
        assert b"only support can switch them on again" in dora_client.get(page).content
        assert f'action="{page}reactivation/"' not in dora_client.get(page).content.decode()
        refused = dora_client.post(f"{page}reactivation/", follow=True)
        assert b"was switched off by support" in refused.content
        alice.refresh_from_db()
        assert not alice.is_active
        assert (
            "Support"
            in support_client.get(reverse("admin:organizations_user_change", args=[alice.pk])).content.decode()
        )
        assert switch(support_client, alice, on=True).status_code == 302
        alice.refresh_from_db()
        assert (alice.is_active, alice.switched_off_by) == (True, "")

    def test_what_an_admin_did_an_admin_undoes_and_support_can_too(self, support_client, dora_client, alice):
        for undo in (
            lambda: dora_client.post(f"/people/{alice.membership.pk}/reactivation/"),
            lambda: switch(support_client, alice, on=True),
        ):
            dora_client.post(f"/people/{alice.membership.pk}/deactivation/")
            alice.refresh_from_db()
            assert (alice.is_active, alice.switched_off_by) == (False, "organization")
            undo()
            alice.refresh_from_db()
            assert (alice.is_active, alice.switched_off_by) == (True, "")

    def test_the_last_owner_stays_on(self, support_client, dora, alice):
        refused = switch(support_client, dora, on=False)
        assert refused.status_code == 200
        assert b"Dora Lindqvist is the only owner of Northwind Legal." in refused.content
        dora.refresh_from_db()
        assert dora.is_active
        assert not AuditEvent.objects.filter(action="person.changed_by_support").exists()
        Membership.objects.filter(user=alice).update(role=Role.OWNER)
        assert switch(support_client, dora, on=False).status_code == 302
        assert switch(support_client, alice, on=False).status_code == 200, "now she is the last"
        alice.refresh_from_db()
        assert alice.is_active

    def test_whoever_works_nowhere_is_switched_off_as_well(self, support_client, db):
        nobody = User.objects.create_user("nobody@nowhere.example")
        assert switch(support_client, nobody, on=False).status_code == 302
        nobody.refresh_from_db()
        assert not nobody.is_active

    def test_sessions_that_no_list_holds_do_not_come_back(self, support_client, alice, sign_in):
        hers = sign_in(alice)
        UserSession.objects.all().delete()
        switch(support_client, alice, on=False)
        switch(support_client, alice, on=True)
        assert hers.get("/profile/").status_code == 302

    def test_the_person_is_told_and_whom_to_ask(self, support_client, alice, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            switch(support_client, alice, on=False)
            switch(support_client, alice, on=True)
        off, on = mail.outbox
        assert off.subject == "Your account at Northwind Legal was deactivated"
        assert "Portico's support has deactivated your account at Northwind Legal." in off.body
        assert "ask an administrator of Northwind Legal, or whoever runs Portico" in off.body
        assert on.subject == "Your account at Northwind Legal is active again"

    def test_correcting_a_name_saves_nothing_else(self, support_client, alice, monkeypatch):
        """An admin deactivates her while support has her page in the making."""
        clean = organizations_admin.PersonForm.clean

        def lose_the_race(form):
            User.objects.filter(pk=alice.pk).update(is_active=False, session_epoch=1)
            return clean(form)

        monkeypatch.setattr(organizations_admin.PersonForm, "clean", lose_the_race)
        alice.name = "Alice M. Meyer"
        switch(support_client, alice, on=True)
        alice.refresh_from_db()
        assert (alice.name, alice.is_active, alice.session_epoch) == ("Alice M. Meyer", False, 1)


def test_who_switched_people_off_before_it_was_kept_is_read_from_the_trail(northwind, dora, make_member):
    def switched_off(name: str, *events: tuple[str, dict]) -> User:
        user = make_member(northwind, f"{name}@northwind.example", is_active=False)
        for action, details in events:
            record(action, organization=northwind, actor=dora, subject=user, details=details)
        return user

    by_admin, off = ("member.deactivated", {"role": "member"}), ("person.changed_by_support", {"is_active": False})
    renamed = ("person.changed_by_support", {"name": "X"})
    expected = {
        switched_off("a", by_admin): "organization",
        switched_off("b", by_admin, renamed): "organization",
        switched_off("c", by_admin, off): "support",
        switched_off("d", off, by_admin): "organization",
        switched_off("e"): "support",
        make_member(northwind, "f@northwind.example"): "",
    }
    import_module("organizations.migrations.0005_who_switched_off").read_trail(apps, None)
    for user, by in expected.items():
        user.refresh_from_db()
        assert user.switched_off_by == by, user


def test_support_staff_who_are_no_superusers_do_not_change_each_other(support, sign_in_support, alice):
    from django.contrib.auth.models import Permission

    helper = User.objects.create_user("helper@portico.example", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client = sign_in_support(helper)
    for person, may_change in ((support, False), (alice, True)):
        page = client.get(reverse("admin:organizations_user_change", args=[person.pk]))
        assert page.context["has_change_permission"] is may_change
    client.post(reverse("admin:organizations_user_change", args=[alice.pk]), {"is_staff": "on", "is_active": "on"})
    alice.refresh_from_db()
    assert not alice.is_staff


def test_a_superuser_says_what_a_colleague_in_support_may_do_and_it_is_written_down(
    support_client, sign_in_support, alice
):
    from django.contrib.auth.models import Permission

    helper = User.objects.create_user("helper@portico.example", is_staff=True)
    client = sign_in_support(helper)
    page_of_helper, people = (
        reverse("admin:organizations_user_change", args=[helper.pk]), reverse("admin:organizations_user_changelist"),
    )  # fmt: skip
    assert client.get(people).status_code == 403
    may_view = Permission.objects.get(codename="view_user")
    may_add = Permission.objects.get(codename="add_user")
    form = {
        "name": "", "time_zone": "", "language": "", "is_active": "on", "is_staff": "on",
        "user_permissions": [may_view.pk],
        "membership-TOTAL_FORMS": 0, "membership-INITIAL_FORMS": 0,
        "emailaddress_set-TOTAL_FORMS": 0, "emailaddress_set-INITIAL_FORMS": 0,
    }  # fmt: skip
    refused = support_client.post(page_of_helper, {**form, "user_permissions": [may_add.pk]})
    assert refused.status_code == 200, "what is not on the list cannot be given"
    assert support_client.post(page_of_helper, form).status_code == 302
    assert client.get(people).status_code == 200
    event = AuditEvent.objects.get(action="person.changed_by_support")
    assert event.details == {"user_permissions": ["view_user"]}
    assert "Disconnect people, with a reason" in support_client.get(page_of_helper).content.decode()
    alices = support_client.get(reverse("admin:organizations_user_change", args=[alice.pk])).content.decode()
    assert "user_permissions" not in alices


def test_nobody_gets_into_somebody_s_account_by_giving_it_another_address(support_client, alice):
    assert support_client.get("/support/account/emailaddress/").status_code == 404


def test_the_audit_trail_is_neither_changed_nor_deleted_by_anybody(support_client, northwind, alice):
    event = record("member.joined", organization=northwind, actor=alice, details={"role": "member"})
    base = reverse("admin:organizations_auditevent_changelist")
    assert support_client.get(base).status_code == 200
    assert support_client.get(f"{base}add/").status_code == 403
    assert support_client.post(f"{base}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert support_client.post(f"{base}{event.pk}/change/", {"action": "x"}).status_code == 403
    for change in (event.save, event.delete, AuditEvent.objects.all().delete):
        with pytest.raises(TypeError, match="append-only"):
            change()
    with pytest.raises(TypeError, match="append-only"):
        AuditEvent.objects.update(action="x")
    assert AuditEvent.objects.get().action == "member.joined"


def test_the_audit_trail_outlives_the_person(northwind, alice):
    record("member.joined", organization=northwind, actor=alice, subject=alice)
    alice.delete()
    assert AuditEvent.objects.get().actor_label == "alice@northwind.example"


def test_an_organization_is_not_deleted_by_a_click(support_client, northwind):
    url = reverse("admin:organizations_organization_delete", args=[northwind.pk])
    assert support_client.post(url, {"post": "yes"}).status_code == 403
    assert Organization.objects.filter(pk=northwind.pk).exists()
