"""Channels follow what is synced: made, renewed before they expire, replaced, ended; never in the way of anything."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from integrations import changing, errors, pushing, registry, revoking, sync, tasks
from integrations.erasing import erase
from integrations.leases import take_lease
from integrations.models import Connection, PushChannel, Revocation, Status, SyncCursor
from integrations.permissions import Permission
from integrations.standing import find_standing
from organizations.models import User
from tests.integrations.pushing import Stage, playing

pytestmark = pytest.mark.django_db

PLACES = {"google": [("calendar", "")], "office365": [("calendar", ""), ("contacts", "")]}


@pytest.fixture(params=["google", "office365"])
def stage(request: pytest.FixtureRequest, settings: Any, alice: User) -> Iterator[Stage]:
    with playing(request.param, settings, alice) as found:
        yield found


@pytest.fixture
def google(settings: Any, alice: User) -> Iterator[Stage]:
    with playing("google", settings, alice) as found:
        yield found


@pytest.fixture
def office365(settings: Any, alice: User) -> Iterator[Stage]:
    with playing("office365", settings, alice) as found:
        yield found


def pass_time(stage: Stage, **time: float) -> None:
    """As far as channels go: at the service by its clock, here by their rows."""
    by = timedelta(**time)
    stage.sandbox.clock.advance(by)
    for one in stage.channels:
        one.next_try_at -= by
        one.expires_at = one.expires_at and one.expires_at - by
        one.save()


def is_due(stage: Stage) -> bool:
    return str(stage.connection.pk) in pushing.find_due()


# made


def test_channels_are_made_after_the_first_sync_for_what_was_read(stage):
    assert not pushing.keep(stage.connection.pk), "nothing was read yet"
    assert stage.channels == []
    tasks.sync_connection(str(stage.connection.pk), "connect")
    assert stage.places == PLACES[stage.service]
    assert stage.told_at_the_service() == len(stage.channels)
    for one in stage.channels:
        assert one.is_live
        assert (one.failures, one.error_code) == (0, "")
    triggers = list(stage.connection.runs.order_by("started_at").values_list("trigger", flat=True))
    assert triggers == ["connect", "push"], "what changed before the channel stood was told to nobody"


def test_keeping_what_is_kept_asks_the_provider_for_nothing(stage):
    stage.start()
    asked = len(stage.sandbox.log.requests("/*"))
    before = [one.remote_id for one in stage.channels]
    assert not pushing.keep(stage.connection.pk)
    assert [one.remote_id for one in stage.channels] == before
    assert len(stage.sandbox.log.requests("/*")) == asked


def test_the_secret_is_kept_as_its_hash_alone(stage):
    stage.start()
    stage.change()
    text = "".join(str(one.headers) + one.body.decode() for one in stage.hear())
    for one in stage.channels:
        assert len(one.secret_hash) == 64
        assert one.secret_hash not in text
    assert all(value not in text for value in ("refresh_token", "access_token"))


def test_each_calendar_has_its_own_channel_where_the_provider_tells_of_each_by_itself(google):
    other = google.sandbox.google.calendars.insert(google.alice.email, {"summary": "Trips"})
    google.start()
    SyncCursor.objects.create(
        connection=google.connection, feed="calendar", container=other.id, value="x", listed_at=timezone.now()
    )
    assert pushing.keep(google.connection.pk)
    assert google.places == [("calendar", ""), ("calendar", other.id)]
    SyncCursor.objects.filter(container=other.id).delete()
    pushing.keep(google.connection.pk)
    assert google.places == [("calendar", "")]
    assert google.told_at_the_service() == 1


def test_one_subscription_stands_for_every_calendar_of_a_mailbox(office365):
    office365.start()
    SyncCursor.objects.create(
        connection=office365.connection, feed="calendar", container="second", value="x", listed_at=timezone.now()
    )
    assert not pushing.keep(office365.connection.pk)
    assert office365.places == PLACES["office365"]


def test_nothing_is_made_where_push_is_off_and_what_is_there_is_ended(stage, settings):
    address, settings.PUSH_ADDRESS = settings.PUSH_ADDRESS, ""
    tasks.sync_connection(str(stage.connection.pk), "connect")
    assert stage.channels == []
    settings.PUSH_ADDRESS = address
    stage.start()
    settings.PUSH_ADDRESS = ""
    tasks.sync_connection(str(stage.connection.pk), "person")
    assert stage.channels == []
    assert stage.told_at_the_service() == 0


def test_a_provider_that_tells_nothing_is_asked_for_nothing(connect, account, settings):
    settings.PUSH_ADDRESS = "https://portico.example"
    connection = connect("calendar_read")
    sync.run(connection.pk)
    assert not pushing.keep(connection.pk)
    assert not PushChannel.objects.exists()


def test_nothing_is_watched_of_what_may_not_be_read(office365):
    office365.connection.contacts_read = False
    office365.connection.save()
    office365.start()
    assert office365.places == [("calendar", "")]


# renewed


def test_a_channel_is_renewed_well_before_it_expires_and_goes_on_telling(stage):
    stage.start()
    before = {one.pk: (one.remote_id, one.expires_at) for one in stage.channels}
    for one in stage.channels:
        left = one.expires_at - one.next_try_at
        assert timedelta(days=1.5) < left < timedelta(days=4)
    pass_time(stage, days=3)
    assert not is_due(stage)
    pass_time(stage, days=2)
    assert is_due(stage)
    # Ours is the real clock: what is asked for lies seven days from now, the service's clock is five days ahead.
    stage.sandbox.clock.reset()
    assert not pushing.keep(stage.connection.pk), "there was no gap"
    assert len(stage.channels) == len(before)
    assert stage.told_at_the_service() == len(before)
    for one in stage.channels:
        assert one.pk in before
        assert one.expires_at > timezone.now() + timedelta(days=6)
        assert (one.remote_id == before[one.pk][0]) == (stage.service == "office365")
    stage.settle()
    stage.listener.heard.clear()
    stage.change()
    assert len(stage.hear()) == 1


def test_a_channel_that_has_ended_there_is_made_anew_and_the_gap_is_read(stage):
    stage.start()
    if stage.service == "google":
        stage.sandbox.store.run("DELETE FROM g_channel")
    else:
        stage.sandbox.store.run("DELETE FROM m_subscription")
    stage.connection.push_channels.update(next_try_at=timezone.now())
    is_anew = pushing.keep(stage.connection.pk)
    # Google makes a new one in any case, and cannot be asked whether the former still stood.
    assert is_anew == (stage.service == "office365")
    assert stage.told_at_the_service() == len(stage.channels)


def test_a_channel_that_has_expired_here_is_made_anew_and_the_gap_is_read(stage):
    stage.start()
    past = timezone.now() - timedelta(minutes=1)
    stage.connection.push_channels.update(expires_at=past, next_try_at=past)
    assert pushing.keep(stage.connection.pk)
    assert all(one.is_live for one in stage.channels)
    assert Connection.objects.get().next_sync_at <= timezone.now()


def test_renewals_do_not_keep_step():
    now = timezone.now()
    moments = {pushing.choose_renewal(now, now + timedelta(days=7)) for _ in range(20)}
    assert len(moments) == 20


@pytest.mark.parametrize("changed", ["address", "key"])
def test_channels_are_made_anew_once_our_address_or_our_key_is_another(stage, settings, changed):
    """Microsoft's are prolonged with the address and the secret that they were made with."""
    stage.start()
    former = {one.remote_id for one in stage.channels}
    if changed == "address":
        settings.PUSH_ADDRESS = settings.PUSH_ADDRESS.replace("127.0.0.1", "localhost")
    else:
        settings.SECRET_KEY = "another key of the same length, made of plain words as well"
    assert pushing.keep(stage.connection.pk), "at the next sync, and what changed in between is read"
    assert former.isdisjoint(one.remote_id for one in stage.channels)
    assert stage.told_at_the_service() == len(stage.channels)
    assert not pushing.keep(stage.connection.pk)


# trouble


def test_a_refused_address_is_tried_again_rarely_and_syncing_goes_on(stage):
    stage.sandbox.deliveries.takes_loopback = False
    tasks.sync_connection(str(stage.connection.pk), "connect")
    for one in stage.channels:
        assert (one.error_code, one.failures, one.is_live) == ("rejected", 1, False)
        assert one.next_try_at > timezone.now() + timedelta(minutes=59)
    connection = Connection.objects.get()
    assert (connection.status, connection.failures, connection.error_code) == (Status.CONNECTED, 0, "")
    stage.sandbox.deliveries.takes_loopback = True
    stage.connection.push_channels.update(next_try_at=timezone.now())
    assert pushing.keep(stage.connection.pk)
    assert {(one.error_code, one.failures) for one in stage.channels} == {("", 0)}


def test_failures_are_tried_again_at_growing_distances_and_retry_after_is_heeded(google):
    sync.run(google.connection.pk)
    waits = []
    google.sandbox.faults.add("503", "*/watch", times=None, amount=1)
    for _ in range(4):
        pushing.keep(google.connection.pk)
        (channel,) = google.channels
        waits.append(channel.next_try_at - timezone.now())
        google.connection.push_channels.update(next_try_at=timezone.now())
    assert all(later > earlier for earlier, later in pairwise(waits))
    assert waits[0] < timedelta(minutes=2)
    google.sandbox.faults.clear()
    google.sandbox.faults.add("429", "*/watch", amount=7200)
    pushing.keep(google.connection.pk)
    assert google.channels[0].next_try_at > timezone.now() + timedelta(minutes=115)
    assert google.channels[0].error_code == "rate_limited"


def test_one_answer_to_slow_down_is_enough_for_all_calendars(google):
    sync.run(google.connection.pk)
    for name in ("Trips", "Team", "Rooms"):
        made = google.sandbox.google.calendars.insert(google.alice.email, {"summary": name})
        SyncCursor.objects.create(
            connection=google.connection, feed="calendar", container=made.id, value="x", listed_at=timezone.now()
        )
    google.sandbox.faults.add("429", "*/watch", times=None, amount=3600)
    pushing.keep(google.connection.pk)
    asked = len(google.sandbox.log.requests("/google/*/watch"))
    assert [one.error_code for one in google.channels] == ["rate_limited"] * 4
    pushing.keep(google.connection.pk)
    assert len(google.sandbox.log.requests("/google/*/watch")) == asked, "none of them is due"
    assert asked == 1


def test_what_cannot_be_ended_because_nobody_gets_in_is_not_tried_each_minute(google, monkeypatch):
    google.start()
    google.connection.cursors.all().delete()
    google.connection.push_channels.update(next_try_at=timezone.now())

    def refuse(*_: Any, **__: Any) -> Any:
        raise errors.Unreachable("Google cannot be reached just now.")

    monkeypatch.setattr(pushing, "open_account", refuse)
    assert is_due(google)
    pushing.keep(google.connection.pk)
    assert not is_due(google)


def test_a_renewal_that_fails_leaves_the_channel_telling(stage):
    stage.start()
    service = "/google/calendar/*/watch" if stage.service == "google" else "/graph/*/subscriptions/*"
    stage.sandbox.faults.add("503", service, times=None)
    stage.connection.push_channels.update(next_try_at=timezone.now())
    pushing.keep(stage.connection.pk)
    assert all(one.is_live and one.failures == 1 for one in stage.channels)
    stage.change()
    assert len(stage.hear()) == 1


def test_what_is_no_longer_accepted_makes_no_noise_about_channels(stage):
    sync.run(stage.connection.pk)
    getattr(stage.sandbox, stage.service).tokens.revoke_account(stage.alice.email)
    assert not pushing.keep(stage.connection.pk)
    assert Connection.objects.get().status == Status.CONNECTED, "that is for the next sync to find out"
    sync.run(stage.connection.pk, trigger="person")
    assert Connection.objects.get().status == Status.RECONNECT_NEEDED
    assert not is_due(stage)


def test_nobody_else_is_at_it_while_a_sync_holds_the_connection(stage):
    sync.run(stage.connection.pk)
    lease = take_lease(stage.connection.pk)
    assert not pushing.keep(stage.connection.pk)
    assert stage.channels == []
    lease.release()
    assert pushing.keep(stage.connection.pk)


def test_a_worker_killed_before_it_could_write_the_channel_down_leaves_nothing_in_the_way(stage, monkeypatch):
    sync.run(stage.connection.pk)

    def die(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(pushing, "_save", die)
    with pytest.raises(SystemExit):
        pushing.keep(stage.connection.pk)
    monkeypatch.undo()
    assert stage.channels == []
    assert stage.told_at_the_service() == 1
    assert pushing.keep(stage.connection.pk)
    assert stage.places == PLACES[stage.service]
    stage.settle()
    stage.listener.heard.clear()
    stage.change()
    known = {one.remote_id for one in stage.channels}
    assert known & {one.subscription for heard in stage.hear() for one in read(stage, heard)}


def read(stage: Stage, heard: Any) -> Any:
    return registry.get_provider(stage.service).parse_notifications(heard.headers, heard.body)


def test_a_connection_that_is_erased_meanwhile_gets_no_channel_and_the_service_keeps_none(stage, monkeypatch):
    sync.run(stage.connection.pk)
    save = pushing._save

    def erase_first(channel: PushChannel, lease: Any) -> None:
        Connection.objects.filter(pk=stage.connection.pk).update(leased_by="another")
        save(channel, lease)

    monkeypatch.setattr(pushing, "_save", erase_first)
    assert not pushing.keep(stage.connection.pk)
    assert stage.channels == []
    assert stage.told_at_the_service() == 0


# ended


def test_deleting_the_connection_ends_its_channels_before_the_grant_is_ended(stage, alice):
    stage.start()
    changing.disconnect(stage.connection, by=alice)
    assert stage.told_at_the_service() == 0
    assert not PushChannel.objects.exists()
    assert not Connection.objects.exists()


def test_a_provider_that_does_not_answer_does_not_hold_up_the_deletion(stage, alice, monkeypatch):
    stage.start()
    monkeypatch.setattr("integrations.gateway.LONGEST_FAREWELL", timedelta(seconds=0.3))
    path = "*/channels/stop" if stage.service == "google" else "/graph/*/subscriptions/*"
    stage.sandbox.faults.add("slow", path, times=None, amount=2)
    began = timezone.now()
    assert changing.disconnect(stage.connection, by=alice) is not None
    assert timezone.now() - began < timedelta(seconds=1.8)
    assert not Connection.objects.exists()


def test_what_policy_or_leaving_erases_is_ended_by_and_by(stage):
    stage.start()
    erase(stage.connection, ends_grant=True)
    assert stage.told_at_the_service() == len(PLACES[stage.service]), "nobody waited for the provider"
    revocation = Revocation.objects.get()
    assert revocation.ends_grant == (stage.service == "google")
    assert revoking.try_one(revocation.pk)
    assert stage.told_at_the_service() == 0
    assert not Revocation.objects.exists()


def test_no_credentials_are_kept_where_nothing_is_left_to_end(office365):
    sync.run(office365.connection.pk)
    erase(office365.connection, ends_grant=True)
    assert not Revocation.objects.exists()


def test_giving_up_a_permission_ends_its_channel(office365, alice):
    office365.start()
    changing.narrow(Connection.objects.get(), frozenset({Permission.CALENDAR_READ}), by=alice)
    assert is_due(office365)
    pushing.keep(office365.connection.pk)
    assert office365.places == [("calendar", "")]
    assert office365.told_at_the_service() == 1


# what it costs, and shows


def test_looking_whether_there_is_something_to_do_costs_the_same_for_one_calendar_and_for_three(
    google: Stage, django_assert_max_num_queries: Callable[..., Any]
):
    google.start()
    with django_assert_max_num_queries(12) as one:
        pushing.keep(google.connection.pk)
    channel = google.channels[0]
    for name in ("b", "c"):
        SyncCursor.objects.create(
            connection=google.connection, feed="calendar", container=name, value="x", listed_at=timezone.now()
        )
        channel.pk, channel.container, channel._state.adding = None, name, True
        channel.id = PushChannel().id
        channel.save()
    with django_assert_max_num_queries(12) as three:
        pushing.keep(google.connection.pk)
    assert len(three) == len(one)


def test_people_are_told_how_changes_get_here(stage, settings, sign_in):
    def read() -> str:
        return sign_in(stage.alice).get("/profile/").content.decode()

    def is_told() -> bool:
        return find_standing(stage.alice, permission=Permission.CALENDAR_READ, feed="calendar").is_told

    assert "Looked for every 5 minutes" in read()
    assert not is_told()
    stage.start()
    if stage.service == "office365":
        assert "Within seconds: Office 365 tells Portico of them" in read()
    else:
        assert "Calendar: within seconds, as Google tells Portico. Contacts: looked for every 5 minutes" in read()
    assert is_told()
    settings.PUSH_ADDRESS = ""
    assert "Looked for every 5 minutes" in read()
    assert not is_told()


def test_support_sees_channels_and_no_secret(stage, support_client):
    stage.start()
    stage.connection.push_channels.update(heard_at=timezone.now())
    paths = [f"/support/integrations/connection/{stage.connection.pk}/change/"]
    paths.append(f"/support/organizations/user/{stage.alice.pk}/change/")
    pages = [support_client.get(path).content.decode() for path in paths]
    assert "channels by which the service tells of changes" in pages[0].lower()
    assert "Calendar: until" in pages[1]
    assert "last heard" in pages[1]
    for one in stage.channels:
        assert all(one.secret_hash not in page and one.remote_id not in page for page in pages)
