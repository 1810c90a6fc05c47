"""A person's own settings, and colors before signing in."""

import pytest

from organizations.models import AuditEvent
from organizations.views import THEME_COOKIE

pytestmark = pytest.mark.django_db
FORM = {"name": "Alice Meyer", "time_zone": "", "language": "", "theme": ""}


def test_the_chosen_time_zone_holds_from_the_next_page_on(alice_client, alice):
    assert b"Times in Europe/Berlin" in alice_client.get("/profile/settings/").content
    assert alice_client.post("/profile/settings/", FORM | {"time_zone": "Asia/Tokyo"}).status_code == 302
    assert b"Times in Asia/Tokyo" in alice_client.get("/profile/settings/").content
    assert AuditEvent.objects.get().details == {"time_zone": "Asia/Tokyo"}


def test_an_empty_time_zone_is_the_organizations(alice_client, alice):
    alice_client.post("/profile/settings/", FORM | {"time_zone": "Asia/Tokyo"})
    alice_client.post("/profile/settings/", FORM)
    assert b"Times in Europe/Berlin" in alice_client.get("/profile/settings/").content


def test_a_time_zone_that_does_not_exist_is_refused_and_nothing_is_lost(alice_client, alice):
    response = alice_client.post("/profile/settings/", FORM | {"name": "Alice M.", "time_zone": "Mars/Olympus"})
    assert response.status_code == 422
    assert b'value="Alice M."' in response.content
    alice.refresh_from_db()
    assert alice.name == "Alice Meyer"


def test_the_language_decides_how_dates_are_written(dora_client, dora, alice):
    path = f"/people/{alice.membership.pk}/"
    alice.membership.joined_at = alice.membership.joined_at.replace(year=2026, month=11, day=2, hour=12)
    alice.membership.save()
    assert b"Nov. 2, 2026" in dora_client.get(path).content
    dora.language = "en-gb"
    dora.save()
    assert b"2 Nov 2026" in dora_client.get(path).content


def test_the_theme_is_set_by_the_server_so_that_nothing_flashes(alice_client):
    assert b"data-theme" not in alice_client.get("/profile/settings/").content
    alice_client.post("/profile/settings/", FORM | {"theme": "dark"})
    assert b'<html lang="en" data-theme="dark">' in alice_client.get("/profile/settings/").content


def test_a_browser_keeps_the_theme_for_its_pages_before_signing_in(client, db):
    response = client.post("/profile/settings/theme/", {"theme": "dark", "next": "/accounts/login/"})
    assert response.headers["Location"] == "/accounts/login/"
    assert response.cookies[THEME_COOKIE]["httponly"]
    assert b'data-theme="dark"' in client.get("/accounts/login/").content


@pytest.mark.parametrize("odd", ["purple", '"><script>', ""])
def test_a_theme_that_does_not_exist_is_as_the_device(client, odd):
    client.cookies[THEME_COOKIE] = odd
    assert b"data-theme" not in client.get("/accounts/login/").content
    assert client.post("/profile/settings/theme/", {"theme": odd}).status_code == 302


def test_the_theme_form_never_leads_to_another_host(client):
    response = client.post("/profile/settings/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/"
