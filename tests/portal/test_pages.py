"""The shell's own pages: errors above all, which have to work when nothing else does."""

import logging

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import connection
from django.test import Client
from django.urls import path

from portal import pages
from portal.urls import *  # noqa: F403  (this module stands in as ROOT_URLCONF, with our error handlers)
from portal.urls import urlpatterns as real_patterns


def break_down(request):
    raise RuntimeError("secret detail of what broke")


def refuse(request):
    raise PermissionDenied("secret detail of who may")


def misunderstand(request):
    raise BadRequest("secret detail of the request")


urlpatterns = [
    *real_patterns,
    path("breaks/", break_down),
    path("refused/", refuse),
    path("misunderstood/", misunderstand),
]


@pytest.fixture
def broken_site(settings):
    """A signed-out browser at a site with pages that fail; failures come as pages, not as exceptions."""
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "status", "sentence"),
    [
        ("/refused/", 403, "This is not open to you"),
        ("/misunderstood/", 400, "could not be understood"),
        ("/breaks/", 500, "Something broke on our side"),
        ("/no-such-page/", 404, "There is nothing here"),
    ],
)
def test_an_error_page_says_what_to_do_and_gives_a_reference_that_is_in_the_log(
    broken_site, alice, where, status, sentence, caplog
):
    broken_site.force_login(alice)
    response = broken_site.get(where)
    page = response.content.decode()
    assert response.status_code == status
    assert sentence in page
    assert "secret detail" not in page
    assert "Traceback" not in page
    assert f"<code>{response.headers['X-Request-ID']}</code>" in page
    assert "css/portico.css" in page


def test_the_500_page_asks_nothing_of_the_database(broken_site, monkeypatch, rf):
    """No database fixture here: a query would fail this test."""
    response = pages.server_error(rf.get("/"))
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content


def test_an_error_page_that_breaks_itself_still_is_a_sentence(rf, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise OSError("template gone")

    monkeypatch.setattr(pages, "render_to_string", fail)
    with caplog.at_level(logging.ERROR):
        response = pages.server_error(rf.get("/"))
    assert response.status_code == 500
    assert response.content.startswith(b"Something broke on our side.")
    assert "cannot be rendered at all" in caplog.text


@pytest.mark.django_db
def test_a_not_found_page_stands_when_the_database_has_gone(broken_site, alice, monkeypatch):
    broken_site.force_login(alice)
    cookies = broken_site.cookies
    with connection.execute_wrapper(lambda *args: (_ for _ in ()).throw(RuntimeError("database gone"))):
        other = Client(raise_request_exception=False)
        other.cookies = cookies
        response = other.get("/no-such-page/")
    assert response.status_code in (404, 500)
    assert b"css/portico.css" in response.content
    assert b"database gone" not in response.content


@pytest.mark.django_db
def test_a_form_that_was_open_too_long_says_so(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/profile/settings/", {"name": "Alice"})
    assert response.status_code == 403
    assert b"This form was open for too long" in response.content


@pytest.mark.django_db
def test_too_many_tries_get_a_page_of_ours(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    client = Client()
    client.get("/accounts/login/")
    for _ in range(2):
        response = client.post("/accounts/login/", {"login": "a@b.example", "password": "x"})
    assert response.status_code == 429
    assert b"Too many tries" in response.content


@pytest.mark.django_db
def test_the_start_page_introduces_itself_and_leads_who_is_signed_in_to_their_meetings(client, alice_client):
    page = client.get("/").content.decode()
    assert "Sign in" in page
    assert "Create an account" in page
    assert alice_client.get("/").headers["Location"] == "/meetings/"


@pytest.mark.django_db
def test_healthz_answers_without_signing_in(client):
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "current"),
    [("/profile/", "Profile"), ("/profile/settings/", "Profile"), ("/people/", "Administration"),
     ("/meetings/", "Meetings"), ("/contacts/", "Contacts"), ("/accounts/sessions/", "Profile")],
)  # fmt: skip
def test_the_navigation_says_where_one_is(dora_client, where, current):
    page = dora_client.get(where).content.decode()
    here = page.split('class="topnav__link"')
    marked = [part.split("</a>")[0].split(">")[-1] for part in here[1:] if 'aria-current="page"' in part.split(">")[0]]
    assert marked == [current]


@pytest.mark.django_db
def test_only_admins_have_the_administration_in_their_navigation(dora_client, alice_client):
    assert b'href="/administration/"' in dora_client.get("/profile/").content
    assert b'href="/administration/"' not in alice_client.get("/profile/").content


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["/", "/accounts/login/", "/accounts/signup/"])
def test_pages_need_no_inline_script_or_style_and_the_policy_forbids_them(client, where):
    response = client.get(where)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    page = response.content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert '"includeIndicatorStyles":false' in page
    assert '"allowEval":false' in page


@pytest.mark.django_db
def test_support_staff_sign_in_as_everybody_does(client, support_client):
    assert client.get("/support/").status_code == 302
    assert client.get("/support/login/").headers["Location"].startswith("/accounts/login/")
    page = support_client.get("/support/").content.decode()
    assert "Portico support" in page
    for hidden in ("Authenticators", "User sessions"):
        assert hidden not in page
