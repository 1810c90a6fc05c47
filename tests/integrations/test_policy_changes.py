"""The pages about what became of a change of policy: how far it has come, whom it concerns, and taking it back."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import deciding, enforcing
from integrations.deciding import Place
from integrations.levels import Layer
from integrations.models import Connection, PolicyChange, PolicyEffect
from integrations.policy import Level
from organizations.models import AuditEvent, Group

pytestmark = pytest.mark.django_db
CHANGES = "/administration/changes/"
LOCKED_OFF = Layer(
    Level.ORGANIZATION, "", {"memory.calendar_read": "off", "memory.calendar_write": "off"},
    frozenset({"memory.calendar_read"}),
)  # fmt: skip


def text_of(response):
    return " ".join(unescape(response.content.decode()).split())


def url_of(change, part=""):
    return f"{CHANGES}{change.pk}/{part}"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    from integrations import tasks

    monkeypatch.setattr(tasks.enforce_change, "delay", lambda *args: None)


@pytest.fixture
def change(northwind, alice, bob, dora):
    """Two lose something in a week; those concerned have not been found yet."""
    for user, more in ((alice, True), (bob, False)):
        Connection.objects.create(
            user=user, provider="memory", mailbox=user.email, account_id=user.email, credentials={"user": "x"},
            calendar_read=True, contacts_read=more,
        )  # fmt: skip
    return deciding.save(Place(northwind), LOCKED_OFF, version=0, by=dora, address=None, grace_days=7)


def test_a_change_says_what_it_changed_how_far_it_is_and_whom_it_concerns(dora_client, change):
    page = text_of(dora_client.get(url_of(change)))
    assert "Policy changed: Organization" in page
    assert "Changed" in page
    assert "by Dora Lindqvist" in page
    assert "Memory: Calendar read" in page
    assert "Off, locked" in page
    assert "<progress" in page
    assert 'hx-trigger="every 2s"' in page
    assert "Look again" in page
    enforcing.run(str(change.pk))
    page = text_of(dora_client.get(url_of(change)))
    assert "every 2s" not in page
    assert "2 people are concerned, and told by banner and mail." in page
    assert "Will be disconnected: Calendar read" in page
    assert "Will lose permissions: Calendar read" in page
    assert "Calendar read was switched off by your organization." in page


def test_htmx_gets_the_part_that_changes_and_hears_when_it_is_over(dora_client, change):
    htmx = {"HX-Request": "true", "HX-Target": "policy-change"}
    part = text_of(dora_client.get(url_of(change), headers=htmx))
    assert part.startswith("<div")
    assert "every 2s" in part
    enforcing.run(str(change.pk))
    part = text_of(dora_client.get(url_of(change), headers=htmx))
    assert "every 2s" not in part
    assert "data-announce=" in part


def test_it_can_be_undone_while_it_waits_and_not_again(dora_client, dora, change, northwind):
    enforcing.run(str(change.pk))
    page = text_of(dora_client.post(url_of(change, "reversal/"), follow=True))
    assert "The change is undone." in page
    assert "Taken back" in page
    assert deciding.layer_of(Place(northwind)).choices == {}
    assert set(PolicyEffect.objects.values_list("state", flat=True)) == {"undone"}
    event = AuditEvent.objects.get(action="policy.change_undone", actor=dora, address="127.0.0.1")
    assert event.details["before"] == {"Memory: Calendar read": "Off, locked", "Memory: Calendar write": "Off"}
    assert event.details["after"] == {"Memory: Calendar read": "Nothing", "Memory: Calendar write": "Nothing"}
    page = text_of(dora_client.post(url_of(change, "reversal/"), follow=True))
    assert "cannot be undone" in page
    assert "Undo this change" not in page


def test_what_was_changed_again_since_is_left_and_named(dora_client, dora, change, northwind):
    place = Place(northwind)
    softer = Layer(Level.ORGANIZATION, "", {"memory.calendar_read": "off", "memory.calendar_write": "off"})
    deciding.save(place, softer, version=1, by=dora, address=None, grace_days=7)
    page = text_of(dora_client.post(url_of(change, "reversal/"), follow=True))
    assert "Changed again since, so left as it is: Memory: Calendar read." in page
    assert deciding.layer_of(place).choices == {"memory.calendar_read": "off"}


def test_the_grace_period_can_be_ended_and_the_change_is_carried_out(dora_client, change):
    enforcing.run(str(change.pk))
    page = text_of(dora_client.get(url_of(change)))
    assert "End the grace period now" in page
    assert "announced to 2 people happens at once" in page
    assert "is being carried out" in text_of(dora_client.post(url_of(change, "grace-end/"), follow=True))
    enforcing.run(str(change.pk))
    page = text_of(dora_client.get(url_of(change)))
    assert ">Done</span>" in page
    assert "Disconnected: Calendar read" in page
    assert "End the grace period now" not in page
    assert [one.user.email for one in Connection.objects.all()] == ["alice@northwind.example"]
    assert "This change waits no longer." in text_of(dora_client.post(url_of(change, "grace-end/"), follow=True))


def test_whom_it_concerns_can_be_searched_filtered_and_downloaded(dora_client, change, alice):
    alice.name = "=SUM(1)"
    alice.save()
    enforcing.run(str(change.pk))
    rows = "row-item__title"
    assert text_of(dora_client.get(url_of(change))).count(rows) == 2
    found = text_of(dora_client.get(url_of(change), {"q": "BOB@"}))
    assert found.count(rows) == 1
    assert "Bob Okafor" in found
    assert text_of(dora_client.get(url_of(change), {"kind": "narrowed-waiting"})).count(rows) == 1
    assert "Nobody here matches." in text_of(dora_client.get(url_of(change), {"kind": "nonsense", "q": "\0"}))
    answer = dora_client.get(url_of(change, "effects/"))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("'=SUM(1),alice@northwind.example,Memory,alice@northwind.example,Will lose permissions")


def test_who_was_spared_is_not_said_to_have_lost_anything(dora_client, change, alice, bob):
    enforcing.run(str(change.pk))
    PolicyEffect.objects.filter(user=bob).update(state="spared")
    page = text_of(dora_client.get(url_of(change)))
    assert "Was to be disconnected: Calendar read" in page
    assert "Will lose permissions: Calendar read" in page
    assert "Will be disconnected" not in page
    assert "1 person is concerned, and told by banner and mail. 1 no longer is." in page
    assert "announced to 1 person happens" in page
    assert re.findall(r"<option [^>]*>(.*?)</option>", page) == [
        "Everything (2)", "Will lose permissions (1)", "Was to be disconnected, spared (1)",
    ]  # fmt: skip
    assert text_of(dora_client.get(url_of(change), {"kind": "disconnected-spared"})).count("row-item__title") == 1
    assert "Nobody here matches." in text_of(dora_client.get(url_of(change), {"kind": "disconnected-waiting"}))
    lines = b"".join(dora_client.get(url_of(change, "effects/")).streaming_content).decode().splitlines()
    assert [line.split(",")[4] for line in lines[1:]] == ["Will lose permissions", "Was to be disconnected"]
    assert "1 person</span>" in text_of(dora_client.get(CHANGES))


def test_of_what_was_undone_everything_was_only_to_be(dora_client, dora, change):
    enforcing.run(str(change.pk))
    deciding.undo(change, by=dora, address=None)
    page = text_of(dora_client.get(url_of(change)))
    assert "Was to be disconnected, taken back (1)" in page
    assert "Was to lose permissions, taken back (1)" in page
    assert ">Disconnected" not in page
    assert "Whom it concerns" in page


def test_every_change_is_listed_with_how_it_stands(dora_client, dora, change, northwind):
    Group.objects.create(organization=northwind, name="Sales")
    PolicyChange.objects.create(organization=northwind, what="Alice moved to Sales", state="done", made_by=dora)
    page = text_of(dora_client.get(CHANGES))
    assert page.index("Alice moved to Sales") < page.index("Memory: Calendar read")
    assert "Waits until" in page
    assert "Nothing was changed yet" not in page
    moved = PolicyChange.objects.get(what="Alice moved to Sales")
    assert "<h1>Alice moved to Sales</h1>" in text_of(dora_client.get(url_of(moved)))


def test_without_any_change_the_list_says_so(dora_client):
    assert "Nothing was changed yet" in text_of(dora_client.get(CHANGES))


def test_undoing_and_ending_take_a_post_of_an_admin_of_this_organization(
    dora_client, alice_client, charlie_client, client, change
):
    for part in ("reversal/", "grace-end/"):
        assert dora_client.get(url_of(change, part)).status_code == 405
        assert alice_client.post(url_of(change, part)).status_code == 404
        assert charlie_client.post(url_of(change, part)).status_code == 404
        assert client.post(url_of(change, part)).status_code == 302
    change.refresh_from_db()
    assert change.state == "waiting"


def test_the_policy_says_that_a_change_waits(dora_client, change):
    page = text_of(dora_client.get("/administration/policy/"))
    assert "A change waits for the end of its grace period." in page
    assert url_of(change) in page
    PolicyChange.objects.update(state="done")
    assert "A change waits" not in text_of(dora_client.get("/administration/policy/"))


def count_queries(client, path):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def test_the_pages_ask_no_more_of_the_database_for_many_changes_and_people(
    dora_client, dora, change, northwind, make_member
):
    enforcing.run(str(change.pk))
    paths = [CHANGES, url_of(change)]
    for path in paths:
        dora_client.get(path)
    before = [count_queries(dora_client, path) for path in paths]
    for n in range(20):
        PolicyChange.objects.create(organization=northwind, what=f"Change {n}", made_by=dora)
        PolicyEffect.objects.create(
            change=change, user=make_member(northwind, f"m{n}@northwind.example"), connection_id=change.pk,
            provider="memory", mailbox="m@northwind.example", outcome="narrowed", ended=["calendar_read"],
        )  # fmt: skip
    assert [count_queries(dora_client, path) for path in paths] == before


def test_times_are_the_readers_own(dora_client, dora, change):
    dora.time_zone = "Asia/Tokyo"
    dora.save()
    change.due_at = timezone.now() + timedelta(days=1)
    change.save()
    page = text_of(dora_client.get(url_of(change)))
    assert re.search(r"Times in Asia/Tokyo", page)
