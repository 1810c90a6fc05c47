"""Half-set configuration is refused at start, in a sentence with a hint; whole configuration passes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import checks as django_checks
from django.db import connection
from pytest_django import Settings

from portal import checks

Check = Callable[..., list[django_checks.CheckMessage]]


def ids(check: Check, **kwargs: object) -> list[str]:
    return [str(message.id) for message in check(None, **kwargs)]


def only(check: Check) -> django_checks.CheckMessage:
    (message,) = check(None)
    assert message.hint
    return message


def with_google(settings: Settings, **values: str) -> None:
    settings.PROVIDER_SETTINGS = {"google": {**settings.GOOGLE, "client_id": "", "client_secret": "", **values}}


def test_the_project_as_it_stands_passes() -> None:
    every = (checks.check_providers, checks.check_feeds, checks.check_secrets_keys, checks.check_public_url)

    assert [message for check in every for message in check(None)] == []


def test_a_provider_that_cannot_be_imported_is_named(settings: Settings) -> None:
    settings.PROVIDERS = {"google": "integrations.providers.gogle.Google"}

    message = only(checks.check_providers)

    assert message.id == "portal.E001"
    assert "gogle" in message.hint


def test_a_provider_without_its_methods_is_told_which(settings: Settings) -> None:
    settings.PROVIDERS = {"google": "integrations.providers.base.ProviderInfo"}

    assert set(ids(checks.check_providers)) == {"portal.E002"}


def test_a_provider_under_another_name_than_its_own_is_refused(settings: Settings) -> None:
    settings.PROVIDERS = {"goggle": settings.PROVIDERS["google"]}

    assert ids(checks.check_providers) == ["portal.E002"]


def test_a_client_id_without_its_secret_is_an_error_that_names_the_setting(settings: Settings) -> None:
    with_google(settings, client_id="id")

    message = only(checks.check_providers)

    assert message.id == "portal.E003"
    assert "GOOGLE_CLIENT_SECRET" in message.msg


@pytest.mark.parametrize("values", [{}, {"client_id": "id", "client_secret": "secret"}])
def test_both_keys_or_none_are_fine(settings: Settings, values: dict[str, str]) -> None:
    with_google(settings, **values)

    assert ids(checks.check_providers) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("token_url", "oauth2.googleapis.com/token"), ("calendar_root", "https://www.googleapis.com/calendar/v3")],
)
def test_an_address_that_is_not_whole_is_refused(settings: Settings, name: str, value: str) -> None:
    with_google(settings)
    assert ids(checks.check_provider_addresses) == []

    with_google(settings, **{name: value})

    assert f"GOOGLE_{name.upper()}" in only(checks.check_provider_addresses).msg


def test_a_feed_that_cannot_be_imported_is_named(settings: Settings) -> None:
    settings.FEEDS = {"calendar": "meetings.sync.Calender"}

    assert only(checks.check_feeds).id == "portal.E005"


def test_a_feed_without_its_methods_is_told_which(settings: Settings) -> None:
    settings.FEEDS = {"calendar": "builtins.object"}

    messages = [message.msg for message in checks.check_feeds(None)]

    assert any("apply()" in message for message in messages)
    assert any("permission" in message for message in messages)


@pytest.mark.parametrize(
    "keys", [[], ["k1"], ["k1:c2hvcnQ="], ["a b:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="]]
)
def test_keys_that_do_not_encrypt_are_refused_without_being_repeated(settings: Settings, keys: list[str]) -> None:
    settings.SECRETS_KEYS = keys

    message = only(checks.check_secrets_keys)

    assert message.id == "portal.E007"
    assert not any(key.partition(":")[2] and key.partition(":")[2] in message.msg for key in keys)


@pytest.mark.parametrize(
    "url", ["portico.example.com", "ftp://portico.example.com", "https://portico.example.com/sub", "https://"]
)
def test_a_public_url_that_is_no_site_is_refused(settings: Settings, url: str) -> None:
    settings.PUBLIC_URL = url

    assert only(checks.check_public_url).id == "portal.E008"


def test_allowed_hosts_must_hold_the_public_host(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://portico.example.com"
    settings.ALLOWED_HOSTS = ["other.example.com"]
    assert ids(checks.check_public_url) == ["portal.E009"]

    settings.ALLOWED_HOSTS = [".example.com"]
    assert ids(checks.check_public_url) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://portico.example.com", ["portal.W001"]),
        ("https://portico.example.com", []),
        ("http://localhost:8000", []),
        ("http://127.0.0.1:8000", []),
    ],
)
def test_plain_http_is_for_this_machine_only(settings: Settings, url: str, expected: list[str]) -> None:
    settings.PUBLIC_URL = url
    settings.ALLOWED_HOSTS = ["*"]

    assert ids(checks.check_public_url) == expected


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("OUTBOUND_ALLOW", ["10.0.0.0/99"], ["10.0.0.0/8", "exchange.corp.example:8443"]),
        ("OUTBOUND_PROXY", "proxy.example:3128", "http://proxy.example:3128"),
        ("OUTBOUND_CA_BUNDLE", "/nowhere/ca.pem", __file__),
    ],
)
def test_what_widens_the_way_out_is_read_at_start(settings: Settings, name: str, bad: object, good: object) -> None:
    setattr(settings, name, bad)
    message = only(checks.check_outbound)
    assert name in message.msg

    setattr(settings, name, good)
    assert ids(checks.check_outbound) == []


def test_numbers_that_cannot_work_are_refused(settings: Settings) -> None:
    assert ids(checks.check_numbers) == []

    settings.SYNC = {**settings.SYNC, "lease_seconds": 5}

    assert "SYNC_LEASE_SECONDS" in only(checks.check_numbers).msg


def test_a_broker_nobody_knows_is_refused(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "postgresql://localhost/queue"

    assert only(checks.check_broker).id == "portal.E012"


def test_what_is_fine_on_a_desk_is_doubted_in_production(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "filesystem://"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.PUBLIC_URL = "http://localhost:8000"
    assert ids(checks.check_fit_for_production) == []

    settings.PUBLIC_URL = "https://portico.example.com"

    assert ids(checks.check_fit_for_production) == ["portal.W002", "portal.W003"]


@pytest.mark.django_db(transaction=True)
def test_a_missing_cache_table_is_noticed(settings: Settings) -> None:
    assert ids(checks.check_cache_table, databases=["default"]) == []

    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "not_there"}}

    assert ids(checks.check_cache_table, databases=["default"]) == ["portal.E013"]
    assert ids(checks.check_cache_table, databases=None) == [], "the database is asked only when it may be"
    assert "not_there" not in connection.introspection.table_names()


def with_office365(settings: Settings, **values: str) -> None:
    settings.PROVIDER_SETTINGS = {"office365": {**settings.OFFICE365, **values}}


def test_a_certificate_stands_in_for_the_secret_and_has_to_be_there(settings: Settings, tmp_path: Path) -> None:
    certificate = tmp_path / "app.pem"
    with_office365(settings, client_id="id", certificate=str(certificate))

    message = only(checks.check_certificate)

    assert message.id == "portal.E014"
    assert "OFFICE365_CERTIFICATE" in message.msg
    certificate.write_text("a key and a certificate")
    assert checks.check_certificate(None) == []


def test_an_authority_needs_https_and_a_tenant(settings: Settings) -> None:
    for address in ("http://login.microsoftonline.com/organizations", "https://login.microsoftonline.com"):
        with_office365(settings, authority=address)
        assert ids(checks.check_provider_addresses) == ["portal.E004"]
    with_office365(settings, authority="https://login.microsoftonline.com/contoso.example")
    assert ids(checks.check_provider_addresses) == []


def test_an_address_that_nobody_has_to_know_may_be_empty(settings: Settings) -> None:
    settings.PROVIDER_SETTINGS = {"exchange": {"ews_url": ""}}
    assert ids(checks.check_provider_addresses) == []
    settings.PROVIDER_SETTINGS = {"exchange": {"ews_url": "mail"}}
    assert ids(checks.check_provider_addresses) == ["portal.E004"]


def test_a_search_for_people_that_is_not_there_is_named(settings: Settings) -> None:
    assert ids(checks.check_people_search) == []
    settings.PEOPLE_SEARCH = ["contacts.lookup.find_peeple"]
    assert ids(checks.check_people_search) == ["portal.E018"]
    settings.PEOPLE_SEARCH = ["meetings.inviting.MOST"]
    assert ids(checks.check_people_search) == ["portal.E018"]


def test_a_meeting_host_that_is_none_is_an_error(settings: Settings) -> None:
    assert checks.check_hosts(None) == []
    settings.HOSTS = {"zoom": "meetings.hosts.nowhere.Zoom"}
    assert only(checks.check_hosts).id == "portal.E015"
    settings.HOSTS = {"zoom": "meetings.hosts.zoom.OpenZoom"}
    assert only(checks.check_hosts).id == "portal.E016"


def test_a_phone_system_that_is_none_is_an_error(settings: Settings) -> None:
    assert checks.check_phone_systems(None) == []
    settings.PHONE_SYSTEMS = {"zoom": "phone.zoom.ZoomFone"}
    assert only(checks.check_phone_systems).id == "portal.E019"
    settings.PHONE_SYSTEMS = {"zoom": "phone.zoom.client.OpenZoomPhone"}
    assert only(checks.check_phone_systems).id == "portal.E020"
    settings.PHONE_SYSTEMS = {"teams": "phone.zoom.ZoomPhone"}
    assert only(checks.check_phone_systems).id == "portal.E020"


def test_a_book_of_callers_that_is_none_is_an_error(settings: Settings) -> None:
    settings.CALLERS = "contacts.callers.Nobody"
    assert only(checks.check_phone_systems).id == "portal.E021"
    settings.CALLERS = "phone.callers.ContactWays"
    assert set(ids(checks.check_phone_systems)) == {"portal.E021"}


def test_an_address_of_a_meeting_host_that_is_none_is_an_error(settings: Settings) -> None:
    settings.HOST_SETTINGS = {
        "zoom": {"token_url": "https://zoom.us/oauth/token", "api_root": "https://api.zoom.us/v2"}
    }

    assert only(checks.check_provider_addresses).msg.startswith("ZOOM_API_ROOT")
