"""Coming in: password, e-mailed code, who is switched off, rate limits, and where one lands."""

import re
import smtplib

import pytest
from django.core import mail
from django.test import Client

from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in_by_password(client: Client, email: str, password: str = PASSWORD, **more):
    return client.post("/accounts/login/", {"login": email, "password": password, **more})


def test_password_and_address_let_a_person_in(client, alice):
    response = sign_in_by_password(client, alice.email)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.get("/profile/").status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(client, alice):
    wrong = sign_in_by_password(client, alice.email, "wrong")
    unknown = sign_in_by_password(client, "nobody@northwind.example")
    sentences = [list(answer.context["form"].non_field_errors()) for answer in (wrong, unknown)]
    assert sentences[0] == sentences[1] != []


def test_who_is_switched_off_is_told_so_and_stays_out(client, alice):
    alice.is_active = False
    alice.save()
    assert sign_in_by_password(client, alice.email, follow=True).headers["Location"] == "/accounts/inactive/"
    assert client.get("/profile/").status_code == 302


def test_who_is_switched_off_while_signed_in_is_out_at_the_next_page(alice, alice_client):
    assert alice_client.get("/profile/").status_code == 200
    alice.is_active = False
    alice.save()
    assert alice_client.get("/profile/").status_code == 302


def test_a_mailed_code_lets_a_person_in(client, alice):
    client.post("/accounts/login/code/", {"email": alice.email})
    code = re.search(r"^([A-Z0-9-]{5,})$", mail.outbox[-1].body, re.M)[1]
    assert mail.outbox[-1].subject.startswith("Portico: ")
    response = client.post("/accounts/login/code/confirm/", {"code": code})
    assert response.headers["Location"] == "/"
    assert client.get("/profile/").status_code == 200


def test_asking_for_a_code_does_not_tell_whether_the_address_is_known(alice):
    known = Client().post("/accounts/login/code/", {"email": alice.email})
    unknown = Client().post("/accounts/login/code/", {"email": "nobody@northwind.example"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_a_mail_server_that_is_down_is_said_and_breaks_no_page(client, alice, monkeypatch):
    def refuse(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("down")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    response = client.post("/accounts/login/code/", {"email": alice.email}, follow=True)
    assert response.status_code == 200
    assert b"The mail could not be sent just now" in response.content


def test_the_sixth_wrong_password_for_an_address_is_refused_until_later(client, alice):
    for _ in range(5):
        sign_in_by_password(client, alice.email, "wrong")
    refused = sign_in_by_password(client, alice.email)
    assert b"Too many tries" in refused.content
    assert client.get("/profile/").status_code == 302


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_next_never_leads_to_another_host(client, alice, next_page):
    response = sign_in_by_password(client, alice.email, next=next_page)
    assert response.headers["Location"] == "/"


def test_next_leads_back_to_a_page_of_ours(client, alice):
    response = sign_in_by_password(client, alice.email, next="/contacts/?q=miller")
    assert response.headers["Location"] == "/contacts/?q=miller"


def test_a_forgotten_password_is_set_anew_by_code(client, alice):
    client.post("/accounts/password/reset/", {"email": alice.email})
    code = re.search(r"^([A-Z0-9-]{5,})$", mail.outbox[-1].body, re.M)[1]
    client.post("/accounts/password/reset/confirm/", {"code": code})
    new = "an entirely different phrase"
    client.post("/accounts/password/reset/complete/", {"password1": new, "password2": new})
    assert sign_in_by_password(Client(), alice.email, new).status_code == 302
    assert sign_in_by_password(Client(), alice.email).status_code == 200


def test_changing_how_one_signs_in_asks_for_the_password_again(client, alice):
    sign_in_by_password(client, alice.email)
    response = client.get("/accounts/2fa/totp/activate/")
    assert response.headers["Location"].startswith("/accounts/reauthenticate/")
    assert b"Is it you?" in client.get(response.headers["Location"]).content
    back = client.post(response.headers["Location"], {"password": PASSWORD, "next": "/accounts/2fa/totp/activate/"})
    assert back.headers["Location"] == "/accounts/2fa/totp/activate/"
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_a_new_address_counts_once_its_code_is_typed(client, alice):
    sign_in_by_password(client, alice.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"email": "Alice.New@northwind.example", "action_add": ""})
    alice.refresh_from_db()
    assert alice.email == "alice@northwind.example"
    code = re.search(r"^([A-Z0-9-]{5,})$", mail.outbox[-1].body, re.M)[1]
    client.post("/accounts/confirm-email/", {"code": code})
    alice.refresh_from_db()
    assert alice.email == "alice.new@northwind.example"
    assert sign_in_by_password(Client(), alice.email).status_code == 302


def test_signing_out_everywhere_else_ends_the_other_session(alice, client):
    elsewhere = Client()
    sign_in_by_password(elsewhere, alice.email)
    sign_in_by_password(client, alice.email)
    assert elsewhere.get("/profile/").status_code == 200
    page = client.get("/accounts/sessions/")
    assert page.content.count(b"This one") == 1
    client.post("/accounts/sessions/")
    assert elsewhere.get("/profile/").status_code == 302
    assert client.get("/profile/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/login/code/",
        "/accounts/password/reset/",
        "/accounts/inactive/",
    ],
)
def test_every_way_in_wears_our_look(client, path, db):
    page = client.get(path).content.decode()
    assert "css/portico.css" in page
    assert 'id="main"' in page
    assert page.count("<h1") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/2fa/",
        "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/totp/activate/",
        "/accounts/sessions/",
        "/accounts/logout/",
    ],
)
def test_every_page_about_signing_in_wears_our_look_and_shows_its_neighbors(client, alice, path):
    sign_in_by_password(client, alice.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.get(path)
    assert response.status_code == 200
    page = response.content.decode()
    assert page.count("<h1") == 1
    assert "side-nav__link" in page
    assert " style=" not in page
