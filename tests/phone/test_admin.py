"""Support staff help without learning who calls whom."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from organizations.models import AuditEvent, Organization, User
from phone.models import Call, Direction, Licence, PhoneEvent, PhoneSystem, Result, SystemKind, Voicemail

SECRETS = ("Lovelace", "901820", "call me back", "opens-the-door", "hushhush", "recording.example", "Sales queue")


@pytest.fixture
def rows(northwind: Organization, alice: User) -> dict[str, object]:
    system = PhoneSystem(organization=northwind, kind=SystemKind.ZOOM, client_id="client-7", error_code="unreachable")
    system.credentials = {"webhook_secret": "opens-the-door", "client_secret": "hushhush"}
    system.save()
    party = {"owner": alice, "number": "+4930901820", "e164": "+4930901820", "name": "Ada Lovelace"}
    now = timezone.now()
    return {
        "phonesystem": system,
        "phoneevent": PhoneEvent.objects.create(
            system=system, digest="d", body=b'{"name": "Ada Lovelace"}', state="failed", error_code="unreadable"
        ),
        "licence": Licence.objects.create(user=alice, is_assigned=True, numbers_json=["+4930901820"], extension="804"),
        "call": Call.objects.create(
            call_id="call-7", direction=Direction.INCOMING, result=Result.BUSY, started_at=now, line="Sales queue",
            **party,
        ),
        "voicemail": Voicemail.objects.create(
            voicemail_id="voice-7", left_at=now, transcript="call me back", audio="https://recording.example/1", **party
        ),
    }  # fmt: skip


SHOWN = {
    "phonesystem": ("client-7", "unreachable", "Northwind Legal"),
    "phoneevent": ("unreadable", "Northwind Legal"),
    "licence": ("alice@northwind.example", "804"),
    "call": ("alice@northwind.example", "call-7", "Busy"),
    "voicemail": ("alice@northwind.example", "voice-7"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_support_sees_what_fails_and_not_with_whom(rows: dict[str, object], name: str, support_client: Client) -> None:
    seen = ""
    for url in (
        reverse(f"admin:phone_{name}_changelist"),
        reverse(f"admin:phone_{name}_changelist") + "?q=alice",
        reverse(f"admin:phone_{name}_change", args=[rows[name].pk]),  # type: ignore[attr-defined]
    ):
        page = support_client.get(url)
        assert page.status_code == 200, url
        body = page.content.decode()
        assert not [one for one in SECRETS if one in body], url
        seen += body
    assert all(one in seen for one in SHOWN[name])
    is_persons = name in ("licence", "call", "voicemail")
    assert AuditEvent.objects.filter(action="support.opened", subject_label="alice@northwind.example").exists() is (
        is_persons
    )


@pytest.mark.parametrize("name", SHOWN)
def test_support_changes_nothing_and_searches_for_no_caller(
    rows: dict[str, object], name: str, support_client: Client
) -> None:
    pk = rows[name].pk  # type: ignore[attr-defined]
    assert support_client.get(reverse(f"admin:phone_{name}_add")).status_code == 403
    assert support_client.post(reverse(f"admin:phone_{name}_change", args=[pk]), {}).status_code == 403
    assert support_client.post(reverse(f"admin:phone_{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    for query in ({"q": "Lovelace"}, {"q": "901820"}):
        found = support_client.get(reverse(f"admin:phone_{name}_changelist"), query)
        assert found.context["cl"].result_count == 0
    if name in ("call", "voicemail"):
        probed = support_client.get(reverse(f"admin:phone_{name}_changelist"), {"name__startswith": "A"})
        assert probed.status_code in (302, 400)


def test_a_system_says_how_much_waits_in_as_many_queries_as_of_one(
    rows: dict[str, object], rival: Organization, support_client: Client
) -> None:
    url = reverse("admin:phone_phonesystem_changelist")
    support_client.get(url)
    with CaptureQueriesContext(connection) as of_one:
        support_client.get(url)
    system = PhoneSystem.objects.create(organization=rival, kind=SystemKind.OTHER, credentials={})
    for number in range(2):
        PhoneEvent.objects.create(system=system, digest=str(number), body=b"")
    with CaptureQueriesContext(connection) as of_two:
        page = support_client.get(url)
    admin, listed = page.context["cl"].model_admin, page.context["cl"].result_list
    assert {one.kind: (admin.waiting(one), admin.failed(one)) for one in listed} == {"zoom": (0, 1), "other": (2, 0)}
    assert len(of_two) == len(of_one)


def test_a_licence_says_how_much_there_is(rows: dict[str, object], support_client: Client) -> None:
    page = support_client.get(reverse("admin:phone_licence_change", args=[rows["licence"].pk]))  # type: ignore[attr-defined]
    admin, licence = page.context["adminform"].model_admin, page.context["original"]
    assert (admin.calls(licence), admin.voicemails(licence), admin.unread(licence)) == (1, 1, 1)
