"""The admins' page of the meeting host."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils import timezone

from integrations.errors import AdminNeeded
from meetings.host_settings import find_host, find_room_templates
from meetings.hosts import memory
from meetings.hosts.link import make_room
from meetings.models import Meeting, MeetingHost, Origin, ScheduledMeeting
from meetings.rows import describe
from organizations.models import AuditEvent, Organization, User

URL, TRIALS, EXAMPLE = (f"/administration/meeting-host/{end}" for end in ("", "trials/", "example/"))
SECRET = "s3cret-of-Zoom's-app"
ZOOM = {
    "kind": "zoom",
    "account_id": "acc",
    "client_id": "northwinds-own-app",
    "client_secret": SECRET,
    "reads_upcoming": "on",
}
LINK = {"kind": "link", "link_template": "https://meet.example.org/{room}"}


@pytest.fixture(autouse=True)
def memory_host(settings) -> Iterator[memory.MemoryHostService]:
    settings.HOSTS = {"zoom": "meetings.hosts.memory.MemoryHost", "link": "meetings.hosts.link.Link"}
    memory.SERVICE.reset()
    yield memory.SERVICE
    memory.SERVICE.reset()


def stored(organization: Organization) -> MeetingHost:
    return MeetingHost.objects.get(organization=organization)


def test_an_admin_sets_up_zoom_and_its_secret_is_never_shown_again(
    dora_client: Client, northwind: Organization
) -> None:
    assert dora_client.post(URL, ZOOM).status_code == 302

    row = stored(northwind)
    assert row.credentials.open() == {"account_id": "acc", "client_id": "northwinds-own-app", "client_secret": SECRET}
    page = dora_client.get(URL).content.decode()
    assert "northwinds-own-app" in page
    assert SECRET not in page
    event = AuditEvent.objects.get(action="meeting_host.changed")
    assert SECRET not in f"{event.details}"
    assert event.details["client_secret"] == "changed"


def test_an_empty_secret_keeps_the_stored_one_for_the_same_app_alone(
    dora_client: Client, northwind: Organization
) -> None:
    dora_client.post(URL, ZOOM)
    assert dora_client.post(URL, ZOOM | {"client_secret": "", "account_id": "other"}).status_code == 302
    assert stored(northwind).credentials.open()["client_secret"] == SECRET
    assert stored(northwind).credentials.open()["account_id"] == "other"

    answer = dora_client.post(URL, ZOOM | {"client_secret": "", "client_id": "another app"})
    assert answer.status_code == 422
    assert stored(northwind).client_id == "northwinds-own-app"


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"kind": "zoom"}, "Zoom shows it as"),
        (ZOOM | {"client_id": "with space"}, "Copy it once more"),
        ({"kind": "link"}, "Give an address such as"),
        (LINK | {"link_template": "http://meet.example.org/{room}"}, "Begin with https://"),
        ({"kind": "teams"}, "teams"),
    ],
)
def test_what_does_not_fit_is_answered_with_a_sentence_and_saves_nothing(
    dora_client: Client, northwind: Organization, posted: dict[str, str], words: str
) -> None:
    answer = dora_client.post(URL, posted)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert SECRET not in answer.content.decode()
    assert not MeetingHost.objects.filter(organization=northwind).exists()


def test_a_link_template_needs_nothing_of_zooms(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, ZOOM)
    assert dora_client.post(URL, LINK).status_code == 302

    assert stored(northwind).credentials.open() == {}
    host = find_host(northwind)
    assert host is not None
    assert host.info.key == "link"


def test_switching_off_leaves_no_host(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, LINK)
    assert find_host(northwind) is not None
    dora_client.post(URL, {"kind": ""})

    assert find_host(northwind) is None
    assert find_host(None) is None


def test_changing_the_host_leaves_what_is_scheduled_and_says_so(
    dora_client: Client, northwind: Organization, alice: User
) -> None:
    dora_client.post(URL, ZOOM)
    scheduled = ScheduledMeeting.objects.create(
        owner=alice, topic="Kick-off", starts=timezone.now() + timezone.timedelta(days=1), minutes=30, timezone="UTC",
        host="zoom", host_id="84000000001", join_url="https://zoom.us/j/84000000001",
    )  # fmt: skip
    assert "1 meeting still to come has a link" in dora_client.get(URL).content.decode()

    page = dora_client.post(URL, LINK, follow=True).content.decode()

    assert "stay as they are" in page
    before = scheduled.join_url
    scheduled.refresh_from_db()
    assert (scheduled.host, scheduled.join_url) == ("zoom", before)


def test_saving_the_same_again_changes_nothing(dora_client: Client, northwind: Organization) -> None:
    dora_client.post(URL, LINK)
    changed_at = stored(northwind).changed_at
    page = dora_client.post(URL, LINK, follow=True).content.decode()

    assert "nothing to save" in page
    assert stored(northwind).changed_at == changed_at
    assert AuditEvent.objects.filter(action="meeting_host.changed").count() == 1


def test_the_test_tells_in_a_sentence_whether_it_works(
    dora_client: Client, northwind: Organization, memory_host: memory.MemoryHostService
) -> None:
    dora_client.post(URL, ZOOM | {"client_secret": memory.SECRET})
    page = dora_client.post(TRIALS, follow=True).content.decode()
    assert "The memory host works." in page
    assert stored(northwind).checked_at is not None

    dora_client.post(URL, ZOOM)
    page = dora_client.post(TRIALS, follow=True).content.decode()
    assert "does not accept this secret" in page
    assert "Does not work" in page
    assert stored(northwind).error_code == AdminNeeded.code


def test_testing_without_a_host_says_what_to_do(dora_client: Client) -> None:
    assert "Choose one and save it first" in dora_client.post(TRIALS, follow=True).content.decode()
    assert dora_client.get(TRIALS).status_code == 405


def test_the_example_follows_what_is_typed(dora_client: Client) -> None:
    good = dora_client.get(EXAMPLE, {"link_template": LINK["link_template"]}, headers={"HX-Request": "true"})
    bad = dora_client.get(EXAMPLE, {"link_template": "<b>https://"}, headers={"HX-Request": "true"})

    assert "https://meet.example.org/" in good.content.decode()
    assert "{room}" not in good.content.decode()
    known = dora_client.get(EXAMPLE, {"link_template": "https://meet.jit.si/{room}"})
    assert "Jitsi Meet" in known.content.decode()
    assert "knows such links" not in good.content.decode()
    assert "Begin with https://" in bad.content.decode()
    assert "<b>" not in bad.content.decode()


def test_members_and_strangers_do_not_find_the_page(
    bob_client: Client, charlie: User, sign_in: Callable[[User], Client], northwind: Organization, dora_client: Client
) -> None:
    dora_client.post(URL, ZOOM)
    for path in (URL, EXAMPLE):
        assert bob_client.get(path).status_code == 404
    assert bob_client.post(URL, LINK).status_code == 404
    assert bob_client.post(TRIALS).status_code == 404
    other = sign_in(charlie)
    assert "northwinds-own-app" not in other.get(URL).content.decode()
    other.post(URL, LINK)
    assert stored(northwind).kind == "zoom"


def test_credentials_that_cannot_be_read_any_more_are_told_and_can_be_typed_again(
    dora_client: Client, northwind: Organization, settings
) -> None:
    dora_client.post(URL, ZOOM)
    settings.SECRETS_KEYS = ["other:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="]
    with pytest.raises(AdminNeeded) as caught:
        find_host(northwind)
    assert "type it in again" in caught.value.sentence
    assert "type it in again" in dora_client.post(TRIALS, follow=True).content.decode()
    assert dora_client.post(URL, ZOOM | {"client_secret": ""}).status_code == 422
    assert dora_client.post(URL, ZOOM).status_code == 302

    assert find_host(northwind) is not None


def test_rows_of_the_host_go_when_it_is_switched_off(dora_client: Client, northwind: Organization, alice: User) -> None:
    dora_client.post(URL, ZOOM)
    now = timezone.now()
    Meeting.objects.create(owner=alice, origin=Origin.HOST, remote_id="1", title="In Zoom", starts=now, ends=now)
    dora_client.post(URL, ZOOM | {"account_id": "same host"[:4]})
    assert Meeting.objects.filter(origin=Origin.HOST).count() == 1

    dora_client.post(URL, {"kind": ""})

    assert not Meeting.objects.filter(origin=Origin.HOST).exists()


def test_the_trail_says_that_a_template_was_changed_and_not_what_it_holds(dora_client: Client) -> None:
    dora_client.post(URL, LINK | {"link_template": "https://meet.example.org/{room}?jwt=token-of-the-server"})
    event = AuditEvent.objects.get(action="meeting_host.changed")
    assert event.details["link_template"] == "changed"
    assert "token-of-the-server" not in f"{event.details}"


def test_links_of_a_former_template_go_on_being_known(
    dora_client: Client, northwind: Organization, alice: User
) -> None:
    dora_client.post(URL, LINK)
    dora_client.post(URL, LINK | {"link_template": "https://new.example.org/{room}"})
    dora_client.post(URL, {"kind": ""})
    dora_client.post(URL, LINK | {"link_template": "https://new.example.org/{room}"})

    assert find_room_templates(northwind) == {LINK["link_template"], "https://new.example.org/{room}"}
    assert find_room_templates(None) == frozenset()
    scheduled = ScheduledMeeting(
        owner=alice, topic="Kick-off", starts=timezone.now(), minutes=30, timezone="UTC", host="link",
        join_url=f"https://meet.example.org/{make_room('a key')}",
    )  # fmt: skip
    assert describe(scheduled)["join_services"] == " portico "
