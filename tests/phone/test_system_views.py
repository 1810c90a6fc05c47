"""The admins' page of the phone system."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from organizations.models import AuditEvent, Organization, User
from phone.models import Call, PhoneSystem, SystemKind
from tests.phone import memory_system
from tests.phone.memory_system import MemoryService

URL, TRIALS, READINGS, SECRETS = (
    f"/administration/phone-system/{end}" for end in ("", "trials/", "readings/", "secrets/")
)
SECRET, TOKEN = "s3cret-of-Zoom's-app", "t0ken-of-Zoom's-app"
ZOOM = {
    "kind": "zoom",
    "account_id": "acc",
    "client_id": "northwinds-own-app",
    "client_secret": SECRET,
    "webhook_secret": TOKEN,
    "reads_licences": "on",
    "keep_days": "180",
}
OTHER = {"kind": "other", "keep_days": "180"}


@pytest.fixture(autouse=True)
def service(settings) -> Iterator[MemoryService]:
    settings.PHONE_SYSTEMS = {"zoom": memory_system.PATH}
    memory_system.SERVICE.reset()
    yield memory_system.SERVICE
    memory_system.SERVICE.reset()


def stored(organization: Organization) -> PhoneSystem:
    return PhoneSystem.objects.get(organization=organization)


def test_an_admin_sets_zoom_phone_up_and_its_secrets_are_never_shown_again(
    dora_client: Client, northwind: Organization
) -> None:
    assert dora_client.post(URL, ZOOM).status_code == 302

    page = dora_client.get(URL).content.decode()
    assert "northwinds-own-app" in page
    assert f"/phone/events/{stored(northwind).key}/" in page
    event = AuditEvent.objects.get(action="phone_system.changed")
    for secret in (SECRET, TOKEN):
        assert secret.partition("'")[0] not in page
        assert secret not in f"{event.details}"
    assert (event.details["client_secret"], event.details["webhook_secret"]) == ("changed", "changed")


def test_stored_secrets_are_of_the_same_app_alone(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, ZOOM)
    kept = ZOOM | {"client_secret": "", "webhook_secret": "", "account_id": "other"}
    assert dora_client.post(URL, kept).status_code == 302
    assert stored(northwind).credentials.open()["client_secret"] == SECRET

    assert dora_client.post(URL, kept | {"client_id": "another-app"}).status_code == 422
    assert stored(northwind).client_id == "northwinds-own-app"


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"kind": "zoom", "keep_days": "180"}, "Zoom shows it as"),
        (ZOOM | {"webhook_secret": "with space"}, "Copy it once more"),
        (OTHER | {"keep_days": "0"}, "greater than or equal to 1"),
        (OTHER | {"keep_days": ""}, "required"),
        (OTHER | {"kind": "teams"}, "teams"),
    ],
)
def test_what_does_not_fit_is_answered_with_a_sentence_and_saves_nothing(
    dora_client: Client, northwind: Organization, posted: dict[str, str], words: str
) -> None:
    answer = dora_client.post(URL, posted)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert SECRET.partition("'")[0] not in answer.content.decode()
    assert not PhoneSystem.objects.filter(organization=northwind).exists()


def test_the_secret_of_another_system_is_shown_once_and_made_anew_when_asked(
    dora_client: Client, northwind: Organization
) -> None:
    page = dora_client.post(URL, OTHER)
    first = stored(northwind).credentials.open()["webhook_secret"]
    assert page.status_code == 200
    assert first in page.content.decode()
    assert first not in dora_client.get(URL).content.decode()

    page = dora_client.post(SECRETS)
    second = stored(northwind).credentials.open()["webhook_secret"]
    assert second in page.content.decode()
    assert first != second
    assert second not in dora_client.get(URL).content.decode()
    event = AuditEvent.objects.get(action="phone_system.secret_made")
    assert second not in f"{event.details}"


def test_no_secret_is_made_for_zoom(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, ZOOM)
    page = dora_client.post(SECRETS, follow=True).content.decode()

    assert "Choose that and save it first" in page
    assert stored(northwind).credentials.open()["webhook_secret"] == TOKEN


def test_removing_it_says_what_becomes_of_calls(dora_client: Client, northwind: Organization, alice: User) -> None:
    dora_client.post(URL, ZOOM)
    assert "deletes nothing" not in dora_client.get(URL).content.decode()
    Call.objects.create(owner=alice, call_id="c", direction="in", result="missed", started_at=timezone.now())
    assert "deletes nothing" in dora_client.get(URL).content.decode()
    page = dora_client.post(URL, {"kind": "", "keep_days": "180"}, follow=True).content.decode()

    assert "Set up now" not in page
    assert Call.objects.exists()
    assert stored(northwind).kind == SystemKind.NONE


def test_the_test_tells_in_a_sentence_whether_it_works(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, ZOOM | {"client_secret": memory_system.SECRET})
    page = dora_client.post(TRIALS, follow=True).content.decode()
    assert "The memory phone works." in page
    assert stored(northwind).checked_at is not None

    dora_client.post(URL, ZOOM)
    page = dora_client.post(TRIALS, follow=True).content.decode()
    assert "does not accept this secret" in page
    assert "Does not work" in page
    assert AuditEvent.objects.filter(action="phone_system.tried").count() == 2


def test_a_reading_is_done_at_once_when_an_admin_asks(
    dora_client: Client,
    northwind: Organization,
    service: MemoryService,
    eager_tasks: None,
    django_capture_on_commit_callbacks,
) -> None:
    dora_client.post(URL, ZOOM | {"client_secret": memory_system.SECRET})
    with django_capture_on_commit_callbacks(execute=True):
        assert dora_client.post(READINGS).status_code == 302

    assert {"users", "calls", "voicemails"} <= set(service.requests)
    assert stored(northwind).reconciled_at is not None


def test_what_is_not_set_up_cannot_be_tried_or_read(dora_client: Client, service: MemoryService) -> None:
    dora_client.post(URL, OTHER)
    for url in (TRIALS, READINGS):
        assert "Choose Zoom Phone and save it first" in dora_client.post(url, follow=True).content.decode()
    assert service.requests == []


def test_only_admins_find_the_page_and_only_posts_do_something(
    alice_client: Client, dora_client: Client, charlie_client: Client, northwind: Organization
) -> None:
    assert alice_client.get(URL).status_code == 404
    assert alice_client.post(URL, OTHER).status_code == 404
    for url in (TRIALS, READINGS, SECRETS):
        assert alice_client.post(url).status_code == 404
        assert dora_client.get(url).status_code == 405
    assert Client().get(URL).status_code == 302
    dora_client.post(URL, ZOOM)
    assert "northwinds-own-app" not in charlie_client.get(URL).content.decode()
    charlie_client.post(URL, OTHER)
    assert stored(northwind).kind == SystemKind.ZOOM


def test_the_page_costs_the_same_whatever_there_is(
    dora_client: Client, alice: User, django_assert_max_num_queries
) -> None:
    dora_client.post(URL, ZOOM)
    for number in range(3):
        Call.objects.create(
            owner=alice, call_id=str(number), direction="in", result="missed", started_at=timezone.now()
        )
    with django_assert_max_num_queries(12):
        assert dora_client.get(URL).status_code == 200
