"""Inviting from a list: nothing is sent before it is confirmed, and then in the background, so many a day."""

import csv
import io
import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from organizations import importing, invitation_mails
from organizations.models import (
    AuditEvent,
    Group,
    Invitation,
    InvitationImport,
    Membership,
    Organization,
    Role,
    User,
)

pytestmark = pytest.mark.django_db
NEW = "/people/invitations/import/"
LIST = (
    "e-mail,name,role,groups\nnora@newfirm.example,Nora Berg,admin,Litigation\n"
    "omar@newfirm.example,,,\nalice@northwind.example,,,\nbroken,,,\nnora@newfirm.example,,,\n"
)


def upload(client, data: bytes | str, name: str = "people.csv"):
    data = data.encode() if isinstance(data, str) else data
    return client.post(NEW, {"file": SimpleUploadedFile(name, data, content_type="text/csv")})


@pytest.fixture
def report(dora_client, alice, litigation) -> str:
    """The path of a list that is looked at."""
    return upload(dora_client, LIST).headers["Location"]


def make_due() -> None:
    Invitation.objects.waiting().update(mail_due_at=timezone.now() - timedelta(seconds=1))


class TestReport:
    def test_it_says_what_becomes_of_each_line_and_nobody_is_invited_yet(self, dora_client, report):
        page = dora_client.get(report)
        assert [(key, count) for key, _, count in page.context["counts"]] == [
            ("invited", 2), ("works_here", 1), ("twice", 1), ("wrong_address", 1),
        ]  # fmt: skip
        assert b"Invite 2 people" in page.content
        assert b"Nobody is invited yet" in page.content
        assert not Invitation.objects.exists()
        assert not mail.outbox

    def test_pasted_lines_are_as_good_as_a_file(self, dora_client):
        path = dora_client.post(NEW, {"pasted": "nora@newfirm.example\tNora\n"}).headers["Location"]
        page = dora_client.get(path)
        assert page.context["to_invite"] == 1
        assert b"Pasted list" in page.content

    @pytest.mark.parametrize("word", ["Nora", "Нора", "諾拉拉拉"], ids=["1 byte", "2 bytes", "3 bytes"])
    def test_as_much_is_read_pasted_as_from_a_file_in_any_alphabet(self, dora_client, word):
        """10,000 long lines of Cyrillic are more than a million bytes, and less than two."""
        rest = word * (170 // len(word.encode()))
        lines = [f"p{number}@newfirm.example,{rest[:140]}" for number in range(10_000 - 1)]
        pasted = "\r\n".join(lines)
        assert 1_500_000 < len(pasted.encode()) < 2_000_000
        asked = dora_client.post(NEW, {"pasted": pasted})
        assert asked.status_code == 302
        assert InvitationImport.objects.get().text.count("@") == len(lines)

    def test_a_browser_cuts_nothing_off_what_is_pasted(self, dora_client):
        assert b"maxlength" not in dora_client.get(NEW).content

    def test_more_than_that_is_refused_with_a_sentence_and_what_was_pasted(self, dora_client):
        pasted = "Нора@newfirm.example\n" * 82_000
        answer = dora_client.post(NEW, {"pasted": pasted})
        assert answer.status_code == 422
        assert b"at most 2 MB are read" in answer.content
        assert answer.context["form"]["pasted"].value() == pasted

    def test_more_than_any_form_takes_gets_a_page_that_says_so(self, dora, sign_in):
        client = sign_in(dora)
        client.raise_request_exception = False
        answer = client.post(NEW, {"pasted": "n@newfirm.example\n" * 200_000})
        assert answer.status_code == 413
        assert b"send it in parts" in answer.content

    def test_it_is_filtered_by_result_and_paged(self, dora_client, alice, northwind):
        lines = [f"p{n}@newfirm.example" for n in range(60)] + ["alice@northwind.example"]
        path = upload(dora_client, "\n".join(lines)).headers["Location"]
        assert len(dora_client.get(path).context["page_obj"]) == 50
        assert len(dora_client.get(path, {"page": 2}).context["page_obj"]) == 11
        shown = dora_client.get(path, {"outcome": "works_here"}).context["page_obj"]
        assert [row["email"] for row in shown] == ["alice@northwind.example"]
        assert dora_client.get(path, {"outcome": "x", "page": "x"}).status_code == 200

    def test_it_is_taken_home_as_csv_without_formulas(self, dora_client, northwind):
        path = upload(dora_client, "nora@newfirm.example,=HYPERLINK(1)\n").headers["Location"]
        text = b"".join(dora_client.get(path + "report/").streaming_content).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[1] == ["1", "nora@newfirm.example", "'=HYPERLINK(1)", "member", "", "To be invited", ""]

    @pytest.mark.parametrize("lines", [1, 3, 200])
    def test_it_costs_the_same_however_long_the_list(self, dora_client, lines, django_assert_num_queries):
        path = upload(dora_client, "\n".join(f"p{n}@newfirm.example" for n in range(lines))).headers["Location"]
        dora_client.get(path)
        with django_assert_num_queries(4 + 4):  # as every page; the list, members, invited, groups
            dora_client.get(path)

    @pytest.mark.parametrize(
        ("posted", "words"),
        [
            ({}, b"Choose a file, or paste"),
            ({"pasted": "  \n"}, b"Choose a file, or paste"),
            ({"pasted": "name\nAnn"}, b"names no column"),
            ({"pasted": "a@b.example\x00"}, b"null characters"),
        ],
    )
    def test_what_cannot_be_read_is_said_at_its_field_and_stays_there(self, dora_client, posted, words):
        response = dora_client.post(NEW, posted)
        assert response.status_code == 422
        assert words in response.content.lower() or words in response.content
        assert not InvitationImport.objects.exists()

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x81\x8d@", b"a@b.example\n" * 180_000])
    def test_a_file_that_is_no_list_is_refused_in_a_sentence(self, dora_client, data):
        response = upload(dora_client, data)
        assert response.status_code == 422
        assert b"errorlist" in response.content

    def test_both_a_file_and_lines_are_one_too_many(self, dora_client):
        posted = {"file": SimpleUploadedFile("a.csv", b"a@b.example"), "pasted": "c@d.example"}
        assert dora_client.post(NEW, posted).status_code == 422

    def test_members_and_admins_of_others_see_none_of_it(self, alice_client, charlie_client, client, report):
        for path in (report, report + "report/"):
            assert alice_client.get(path).status_code == charlie_client.get(path).status_code == 404
            assert client.get(path).headers["Location"].startswith("/accounts/login/")
        for stranger in (alice_client, charlie_client):
            assert stranger.post(report + "confirmation/").status_code == 404
        assert alice_client.get(NEW).status_code == 404
        assert not Invitation.objects.exists()


class TestConfirmation:
    def test_it_invites_those_and_the_mails_wait_for_the_background(self, dora_client, dora, report, litigation):
        assert dora_client.post(report + "confirmation/").status_code == 302
        nora, omar = Invitation.objects.order_by("pk")
        assert (nora.email, nora.name, nora.role, list(nora.groups.all())) == (
            "nora@newfirm.example", "Nora Berg", Role.ADMIN, [litigation],
        )  # fmt: skip
        assert (omar.role, omar.sent_at, omar.invited_by) == (Role.MEMBER, None, dora)
        assert not mail.outbox
        page = dora_client.get(report)
        assert b"2 mails wait" in page.content
        assert b"Invite 2 people" not in page.content
        assert InvitationImport.objects.get().text == ""
        events = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
        assert events == ["invitation.created", "invitation.created", "invitation.list_imported"]
        assert AuditEvent.objects.latest("pk").details == {"file": "people.csv", "lines": 5, "invited": 2}

    def test_twice_is_refused(self, dora_client, report):
        dora_client.post(report + "confirmation/")
        response = dora_client.post(report + "confirmation/")
        assert response.status_code == 422
        assert b"have been invited already" in response.content
        assert Invitation.objects.count() == 2

    def test_who_was_invited_meanwhile_is_not_invited_again(self, dora_client, report):
        dora_client.post("/people/invitations/new/", {"email": "omar@newfirm.example", "role": "member"})
        dora_client.post(report + "confirmation/")
        assert sorted(Invitation.objects.values_list("email", flat=True)) == [
            "nora@newfirm.example", "omar@newfirm.example",
        ]  # fmt: skip

    def test_a_list_without_anybody_to_invite_says_so(self, dora_client, alice):
        path = upload(dora_client, "alice@northwind.example\n").headers["Location"]
        assert b"Nobody on this list is to be invited" in dora_client.get(path).content
        assert dora_client.post(path + "confirmation/").status_code == 422

    def test_an_admin_invites_no_owner_by_a_list_either(self, northwind, make_member, sign_in):
        client = sign_in(make_member(northwind, "admin@northwind.example", role=Role.ADMIN))
        path = upload(client, "nora@newfirm.example,Nora,owner\n").headers["Location"]
        assert client.post(path + "confirmation/").status_code == 422
        assert not Invitation.objects.exists()

    def test_lists_nobody_confirmed_are_forgotten_after_a_day_and_reports_after_a_month(self, dora_client, report):
        other = upload(dora_client, "pia@newfirm.example").headers["Location"]
        dora_client.post(report + "confirmation/")
        InvitationImport.objects.update(made_at=timezone.now() - timedelta(days=2))
        importing.forget_old()
        assert dora_client.get(other).status_code == 404
        assert dora_client.get(report).status_code == 200
        InvitationImport.objects.update(made_at=timezone.now() - timedelta(days=31))
        importing.forget_old()
        assert dora_client.get(report).status_code == 404
        assert Invitation.objects.count() == 2


class TestMails:
    @pytest.fixture
    def waiting(self, dora_client, report) -> list[Invitation]:
        dora_client.post(report + "confirmation/")
        make_due()
        return list(Invitation.objects.order_by("pk"))

    def test_each_goes_out_once_with_a_link_that_gives_role_groups_and_name(
        self, waiting, find_link, client, litigation
    ):
        assert invitation_mails.send_waiting() == 2
        assert invitation_mails.send_waiting() == 0
        assert [one.to for one in mail.outbox] == [["nora@newfirm.example"], ["omar@newfirm.example"]]
        link = find_link(mail.outbox[0])
        assert link.split("/")[2] not in str(list(Invitation.objects.values()))
        assert client.get(link).status_code == 200
        form = client.get("/accounts/signup/").context["form"]
        assert form["name"].value() == "Nora Berg"
        answer = {"name": "Nora Berg", "password1": "an entirely different phrase", "time_zone": "Europe/Berlin"}
        assert client.post("/accounts/signup/", answer).status_code == 302
        membership = Membership.objects.get(user__email="nora@newfirm.example")
        assert (membership.role, list(membership.groups.all())) == (Role.ADMIN, [litigation])
        assert AuditEvent.objects.get(action="member.joined").details["groups"] == ["Litigation"]

    def test_a_group_deleted_meanwhile_is_not_missed(self, waiting, find_link, sign_in, litigation):
        Group.objects.all().delete()
        invitation_mails.send_waiting()
        nora = User.objects.create_user("nora@newfirm.example")
        assert sign_in(nora).post(find_link(mail.outbox[0]) + "acceptance/").status_code == 302
        assert not Membership.objects.get(user=nora).groups.exists()

    def test_no_more_go_out_in_a_day_than_allowed_and_the_others_the_next(self, waiting, settings, dora_client):
        settings.INVITATION_MAILS_PER_DAY = 1
        assert invitation_mails.send_waiting() == 1
        assert invitation_mails.send_waiting() == 0
        assert b"1 invitation waits" in dora_client.get("/people/invitations/").content
        Invitation.objects.filter(sent_at__isnull=False).update(sent_at=timezone.now() - timedelta(days=1, seconds=1))
        assert invitation_mails.send_waiting() == 1

    def test_one_organizations_thousands_do_not_hold_up_anothers(self, waiting, settings, charlie_client, monkeypatch):
        settings.INVITATION_MAILS_PER_DAY = 1
        path = upload(charlie_client, "pia@newfirm.example").headers["Location"]
        charlie_client.post(path + "confirmation/")
        make_due()
        assert invitation_mails.send_waiting() == 2
        assert sorted(one.to[0] for one in mail.outbox) == ["nora@newfirm.example", "pia@newfirm.example"]

    def test_a_server_that_is_down_is_asked_again_later_and_nobody_is_given_up(self, waiting, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("django.core.mail.EmailMessage.send", fail_with(ConnectionRefusedError()))
            for _ in range(20):
                assert invitation_mails.send_waiting() == 0
                make_due()
        assert Invitation.objects.waiting().count() == 2
        assert invitation_mails.send_waiting() == 2

    def test_an_address_that_is_refused_holds_up_nobody_and_is_given_up_visibly(
        self, waiting, monkeypatch, dora_client
    ):
        send = mail.EmailMessage.send

        def refuse_nora(message, *args):
            if message.to == ["nora@newfirm.example"]:
                raise smtplib.SMTPRecipientsRefused({"nora@newfirm.example": (550, b"no such person")})
            return send(message, *args)

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse_nora)
        for _ in range(10):
            invitation_mails.send_waiting()
            make_due()
        assert [one.to for one in mail.outbox] == [["omar@newfirm.example"]]
        assert not Invitation.objects.waiting().exists()
        assert b"Mail refused" in dora_client.get("/people/invitations/").content

    @pytest.mark.parametrize(
        "error",
        [
            smtplib.SMTPDataError(554, b"rejected as spam"),
            smtplib.SMTPRecipientsRefused({"nora@newfirm.example": (550, b"no such person")}),
            smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server"),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_a_mail_that_is_refused_for_good_holds_up_neither_its_own_list_nor_anothers(
        self, waiting, charlie_client, monkeypatch, error
    ):
        charlie_client.post(upload(charlie_client, "pia@newfirm.example").headers["Location"] + "confirmation/")
        make_due()
        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse_to("nora@newfirm.example", error))
        assert invitation_mails.send_waiting() == 2
        assert sorted(one.to[0] for one in mail.outbox) == ["omar@newfirm.example", "pia@newfirm.example"]
        nora = Invitation.objects.get(email="nora@newfirm.example")
        assert nora.mail_tries == 1, "tried again less and less often, and then given up visibly"

    def test_a_server_that_takes_none_of_one_organizations_mails_takes_those_of_the_next(
        self, waiting, charlie_client, monkeypatch
    ):
        charlie_client.post(upload(charlie_client, "pia@newfirm.example").headers["Location"] + "confirmation/")
        make_due()
        later = smtplib.SMTPDataError(451, b"try again later")
        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse_to("nora@newfirm.example", later))
        assert invitation_mails.send_waiting() == 1
        assert [one.to[0] for one in mail.outbox] == ["pia@newfirm.example"]
        assert Invitation.objects.get(email="nora@newfirm.example").mail_tries == 0
        assert invitation_mails.send_waiting() == 1, "a minute later the rest of the first one's has its turn"

    def test_a_server_that_is_down_is_not_asked_for_every_organization(self, waiting, monkeypatch):
        for number in range(10):
            organization = Organization.objects.create(name=f"Firm {number}")
            invitation = Invitation(organization=organization, email=f"p{number}@newfirm.example")
            invitation.wait_for_mail(timezone.now())
            invitation.save()
        tries = []

        def refuse(message, *args):
            tries.append(message.to)
            raise ConnectionRefusedError

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        assert invitation_mails.send_waiting() == 0
        assert len(tries) == invitation_mails.MOST_FAILURES

    def test_a_worker_killed_while_mailing_costs_ten_minutes_and_no_invitation(self, waiting, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("organizations.mailing.send", fail_with(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                invitation_mails.send_waiting()
        assert invitation_mails.send_waiting() == 1, "the other one"
        Invitation.objects.waiting().update(mail_due_at=timezone.now() - timedelta(seconds=1))
        assert invitation_mails.send_waiting() == 1

    def test_two_workers_mail_each_once(self, waiting, monkeypatch):
        """The second comes while the first is writing."""
        real, calls = invitation_mails.mail, []

        def write(invitation, token):
            calls.append(invitation.email)
            if len(calls) == 1:
                invitation_mails.send_waiting()
            real(invitation, token)

        monkeypatch.setattr(invitation_mails, "mail", write)
        invitation_mails.send_waiting()
        assert sorted(calls) == ["nora@newfirm.example", "omar@newfirm.example"]
        assert len(mail.outbox) == 2

    def test_what_was_taken_back_is_not_mailed_and_what_is_sent_now_not_twice(self, waiting, dora_client):
        dora_client.post(f"/people/invitations/{waiting[0].pk}/revocation/")
        dora_client.post(f"/people/invitations/{waiting[1].pk}/sending/")
        assert len(mail.outbox) == 1
        assert invitation_mails.send_waiting() == 0

    def test_the_task_says_nothing_of_a_token(self, waiting, eager_tasks):
        from organizations.tasks import send_invitations

        send_invitations.delay()
        assert len(mail.outbox) == 2


def refuse_to(address: str, error: Exception):
    """In the place of a mail's `send`: everybody gets theirs but one."""
    send = mail.EmailMessage.send

    def refuse(message, *args):
        if message.to == [address]:
            raise error
        return send(message, *args)

    return refuse


def fail_with(error: BaseException):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize("invitations", [1, 3, 30])
def test_the_list_of_invited_costs_the_same_however_many(
    dora_client, make_invitation, litigation, django_assert_num_queries, invitations
):
    for number in range(invitations):
        invitation, _ = make_invitation(f"p{number}@newfirm.example")
        invitation.groups.add(litigation)
    dora_client.get("/people/invitations/")
    with django_assert_num_queries(4 + 4):  # waiting, count, rows, groups
        dora_client.get("/people/invitations/")
