"""The secret address at which calendar programs read a person's meetings, read back as such programs do."""

import io
import logging
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from integrations.remote import Attendee, EventStatus, Response
from meetings import feed_views
from meetings.models import Delegation, FeedLink, Meeting, Origin
from organizations.models import AuditEvent, Membership, User, hash_token
from organizations.signals import member_left
from safety.redact import REDACTED, JsonFormatter, RedactingFilter, redact_text
from tests.meetings.conftest import NOW, ZOOM, make_connection
from tests.meetings.test_circle_pages import delegate, make_owners, put_of  # noqa: F401 (put_of is a fixture)
from tests.meetings.test_views import text_of
from tests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
PAGE = reverse("meetings:subscription")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def unhurried() -> Iterator[None]:
    for flood in (feed_views.READINGS, feed_views.MISSES):
        flood.clear()
    yield
    for flood in (feed_views.READINGS, feed_views.MISSES):
        flood.clear()


def make_address(user: User, *, with_delegated: bool = False) -> str:
    FeedLink.objects.update_or_create(
        user=user,
        defaults={"token_hash": hash_token(f"token-of-{user.pk}-abcdefghij"), "with_delegated": with_delegated},
    )
    return reverse("meetings:feed", args=[f"token-of-{user.pk}-abcdefghij"])


def read(url: str, **headers: str) -> Any:
    return Client().get(url, headers=headers)


def bytes_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def events_of(response: Any) -> list[Any]:
    assert response.status_code == 200, response.status_code
    return list(Calendar.from_ical(bytes_of(response)).walk("VEVENT"))


def fields_of(event: Any) -> dict[str, str]:
    return {name: str(event[name]) for name in event}


# --- What is written ---


def test_a_meeting_reads_back_as_it_is(put, alice):
    meeting = put(title="Planung, Teil 1; „Größe“ 🎉\nzweite Zeile", location=f"Raum 4\r\n{ZOOM}", body="Secret plans",
                  attendees=(Attendee("bob@x.example", "Bob"),), starts=NOW + HOUR)  # fmt: skip
    response = read(make_address(alice))
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    body = bytes_of(response)
    calendar = Calendar.from_ical(body)
    assert (calendar["VERSION"], calendar["METHOD"], calendar["X-WR-TIMEZONE"]) == ("2.0", "PUBLISH", "Europe/Berlin")
    assert calendar["X-WR-CALNAME"] == "Meetings of Alice Meyer"
    (event,) = calendar.walk("VEVENT")
    assert event["SUMMARY"] == "Planung, Teil 1; „Größe“ 🎉\nzweite Zeile"
    assert event["LOCATION"] == f"Raum 4 {ZOOM}"
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (NOW + HOUR, NOW + 2 * HOUR)
    assert event.decoded("DTSTAMP") == NOW
    assert event["UID"] == f"meeting-{meeting.pk}@localhost"
    assert event["URL"] == ZOOM
    assert event["DESCRIPTION"] == f"Join: {ZOOM}\nIn Portico: http://localhost:8000/meetings/{meeting.pk}/"
    assert (event["STATUS"], event["TRANSP"], event["CLASS"]) == ("CONFIRMED", "OPAQUE", "PUBLIC")
    assert b"Secret plans" not in body
    assert b"bob@x.example" not in body
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    assert b"\n" not in body.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": EventStatus.CANCELLED}, {"STATUS": "CANCELLED"}),
        ({"status": EventStatus.TENTATIVE}, {"STATUS": "TENTATIVE"}),
        ({"response": Response.TENTATIVE}, {"STATUS": "TENTATIVE"}),
        ({"is_free": True}, {"TRANSP": "TRANSPARENT"}),
        ({"is_private": True}, {"CLASS": "PRIVATE", "SUMMARY": "Planning"}),
        ({"title": ""}, {"SUMMARY": "(no title)"}),
        ({"title": "a\x07b\x0bc"}, {"SUMMARY": "abc"}),
    ],
)
def test_state_is_said_in_the_words_of_the_format(put, alice, fields, expected):
    put(**fields)
    (event,) = events_of(read(make_address(alice)))
    assert fields_of(event).items() >= expected.items()


def test_an_all_day_event_is_days_with_the_end_after_the_last(put, alice):
    put(starts_on=date(2026, 12, 24), ends_on=date(2026, 12, 27))
    (event,) = events_of(read(make_address(alice)))
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (date(2026, 12, 24), date(2026, 12, 27))
    assert event["DTSTART"].params["VALUE"] == "DATE"


def test_moments_stay_the_same_over_a_change_of_clocks(put, alice):
    put(starts=datetime(2027, 3, 28, 0, 30, tzinfo=UTC), ends=datetime(2027, 3, 28, 1, 30, tzinfo=UTC))
    (event,) = events_of(read(make_address(alice)))
    assert event.to_ical().count(b"20270328T003000Z") == 1
    assert event.decoded("DTEND") - event.decoded("DTSTART") == HOUR


def test_declined_and_timeless_and_long_past_meetings_are_left_out(put, alice):
    put("declined", response=Response.DECLINED)
    put("timeless", starts=None)
    put("old", starts=NOW - timedelta(days=40))
    put("kept", title="Kept", starts=NOW - timedelta(days=20))
    assert [event["SUMMARY"] for event in events_of(read(make_address(alice)))] == ["Kept"]


def test_links_of_one_recipient_lose_what_makes_them_so(put, alice):
    put(location="https://us02web.zoom.us/w/83212345678?tk=SECRETTK.x&pwd=abc")
    body = bytes_of(read(make_address(alice)))
    assert b"SECRETTK" not in body.replace(b"\r\n ", b"")
    assert b"us02web.zoom.us" in body.replace(b"\r\n ", b"")


def test_uids_stay_when_a_meeting_changes(put, alice):
    url = make_address(alice)
    put(title="Before")
    (before,) = events_of(read(url))
    put(title="After", starts=NOW + 5 * HOUR, version='"2"')
    (after,) = events_of(read(url))
    assert (before["UID"], after["SUMMARY"]) == (after["UID"], "After")


# --- Whose ---


@pytest.fixture
def others(put_of, alice, bob):  # noqa: F811
    put_of(alice, title="Mine", starts=NOW + HOUR)
    put_of(bob, "open", title="Review", starts=NOW + 2 * HOUR, location=ZOOM)
    put_of(bob, "secret", title="Merger", starts=NOW + 3 * HOUR, location="Contoso HQ", body=f"Contoso {ZOOM}",
           is_private=True, is_free=True, status=EventStatus.TENTATIVE, uid="contoso")  # fmt: skip
    return delegate(bob, alice)


def test_those_of_others_are_in_only_where_that_is_asked_for(others, alice):
    assert [one["SUMMARY"] for one in events_of(read(make_address(alice)))] == ["Mine"]
    url = make_address(alice, with_delegated=True)
    titles = [one["SUMMARY"] for one in events_of(read(url))]
    assert titles == ["Mine", "Bob Okafor: Review", "Bob Okafor: Private"]
    others.delete()
    assert [one["SUMMARY"] for one in events_of(read(url))] == ["Mine"]


def test_a_private_event_of_somebody_else_is_a_busy_time_and_no_more(others, alice):
    response = read(make_address(alice, with_delegated=True))
    body = bytes_of(response)
    event = Calendar.from_ical(body).walk("VEVENT")[-1]
    assert set(event) == {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP", "CLASS"}
    assert (event["STATUS"], event["TRANSP"], event["CLASS"]) == ("CONFIRMED", "OPAQUE", "PRIVATE")
    assert b"contoso" not in body.lower()
    assert b"merger" not in body.lower()
    Delegation.objects.update(may_manage_private=True)
    event = events_of(read(make_address(alice, with_delegated=True)))[-1]
    assert (event["SUMMARY"], event["LOCATION"], event["URL"]) == ("Bob Okafor: Merger", "Contoso HQ", ZOOM)


def test_one_meeting_in_two_calendars_is_one_event(put_of, alice, bob):  # noqa: F811
    for person in (alice, bob):
        put_of(person, title=f"Seen by {person.name}", uid="same")
    delegate(bob, alice)
    events = events_of(read(make_address(alice, with_delegated=True)))
    assert [one["SUMMARY"] for one in events] == ["Seen by Alice Meyer"]


def test_what_may_not_be_read_today_is_not_in_it(put, alice, northwind):
    put(title="Imported")
    Meeting.objects.create(owner=alice, origin=Origin.HERE, title="Ours", starts=NOW, ends=NOW + HOUR)
    url = make_address(alice)
    assert len(events_of(read(url))) == 2
    set_policy(northwind, {"enabled": False})
    assert [one["SUMMARY"] for one in events_of(read(url))] == ["Ours"]


# --- Who may read ---


def test_a_wrong_token_is_nothing_and_so_is_a_revoked_one(put, alice, alice_client):
    url = make_address(alice)
    assert read(url).status_code == 200
    assert read(reverse("meetings:feed", args=["no-such-token"])).status_code == 404
    assert read(reverse("meetings:feed", args=[FeedLink.objects.get().token_hash])).status_code == 404
    assert Client().post(url).status_code == 405
    alice_client.post(reverse("meetings:subscription_revocation"))
    assert read(url).status_code == 404


@pytest.mark.parametrize("how", ["switched off", "left", "told so"])
def test_who_is_gone_is_read_by_nobody(put, alice, dora, northwind, how):
    url = make_address(alice)
    assert read(url).status_code == 200
    if how == "switched off":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    elif how == "left":
        Membership.objects.filter(user=alice).delete()
    else:
        member_left.send(sender=None, user=alice, organization=northwind, reason="Gone.", by=dora, address=None)
        assert not FeedLink.objects.exists()
        assert AuditEvent.objects.filter(action="feed.revoked", actor=dora, subject=alice).exists()
    assert read(url).status_code == 404


def test_nothing_keeps_it_and_no_search_engine_lists_it(put, alice):
    response = read(make_address(alice))
    assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert response["Cache-Control"] == "private, no-cache"
    assert "sessionid" not in response.cookies


def test_who_asks_too_often_waits(put, alice, bob):
    url = make_address(alice)
    codes = [read(url).status_code for _ in range(14)]
    assert codes == [200] * 12 + [429] * 2
    assert read(url)["Retry-After"] == "60"
    assert read(make_address(bob)).status_code == 200


def test_who_tries_addresses_waits(alice):
    wrong = reverse("meetings:feed", args=["guess"])
    codes = [read(wrong).status_code for _ in range(32)]
    assert codes == [404] * 30 + [429] * 2
    assert read(make_address(alice)).status_code == 429


# --- What has not changed ---


def test_what_is_known_already_is_not_sent_again(put, alice):
    put(title="Before")
    url = make_address(alice)
    etag = read(url)["ETag"]
    known = read(url, **{"If-None-Match": etag})
    assert (known.status_code, known["ETag"], known.content) == (304, etag, b"")
    put(title="After", version='"2"')
    changed = read(url, **{"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag


@pytest.mark.parametrize(
    "change",
    [
        lambda alice, northwind: Meeting.objects.filter(title="Mine").delete(),
        lambda alice, northwind: Meeting.objects.filter(title="Review").update(links_json="[]"),
        lambda alice, northwind: Meeting.objects.filter(title="Merger").update(ends=NOW + 9 * HOUR),
        lambda alice, northwind: Delegation.objects.update(may_manage_private=True),
        lambda alice, northwind: Delegation.objects.all().delete(),
        lambda alice, northwind: FeedLink.objects.update(with_delegated=False),
        lambda alice, northwind: set_policy(northwind, {"scheduling_privilege": False}),
        lambda alice, northwind: User.objects.filter(email__startswith="bob").update(name="Robert"),
        lambda alice, northwind: User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo"),
    ],
)
def test_whatever_would_be_written_otherwise_is_sent_again(others, alice, northwind, change):
    url = make_address(alice, with_delegated=True)
    first = read(url)
    before = bytes_of(first)
    change(alice, northwind)
    again = read(url, **{"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert bytes_of(again) != before


def test_what_changes_within_a_private_event_of_somebody_else_changes_nothing_here(others, alice):
    url = make_address(alice, with_delegated=True)
    etag = read(url)["ETag"]
    Meeting.objects.filter(title="Merger").update(title="Other", location="Elsewhere", is_free=False, uid="u")
    assert read(url, **{"If-None-Match": etag}).status_code == 304


# --- The page ---


def test_the_address_is_shown_once_and_only_its_hash_is_kept(put, alice, alice_client):
    put(title="Planning")
    page = alice_client.post(PAGE)
    url = page.context["url"]
    token = url.rsplit("/", 1)[1].removesuffix(".ics")
    assert len(token) >= 43, "256 bits"
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert f'value="{url}"' in page.content.decode()
    assert url.startswith("http://localhost:8000/meetings/feed/")
    assert len(events_of(read(reverse("meetings:feed", args=[token])))) == 1
    again = alice_client.get(PAGE).content.decode()
    assert token not in again
    assert "Last read" in again
    assert "Not yet" not in again
    link = FeedLink.objects.get()
    assert link.token_hash == hash_token(token)
    assert token not in str(list(AuditEvent.objects.values())) + str(link.__dict__)
    assert [(one.action, one.details) for one in AuditEvent.objects.all()] == [
        ("feed.created", {"with_delegated": False, "replaces_another": False})
    ]


def test_renewing_ends_the_one_before(alice, alice_client):
    old = make_address(alice)
    assert read(old).status_code == 200
    new = alice_client.post(PAGE, {"with_delegated": "on"}).context["url"]
    assert read(old).status_code == 404
    assert read(new.removeprefix("http://localhost:8000")).status_code == 200
    assert FeedLink.objects.get().with_delegated


def test_whose_meetings_it_shows_is_changed_without_another_address(others, alice, alice_client):
    url = make_address(alice)
    alice_client.post(reverse("meetings:subscription_contents"), {"with_delegated": "on"})
    assert len(events_of(read(url))) == 3
    alice_client.post(reverse("meetings:subscription_contents"))
    assert len(events_of(read(url))) == 1
    assert [one.action for one in AuditEvent.objects.all()] == ["feed.changed", "feed.changed"]


def test_one_persons_page_does_nothing_to_anothers_address(alice, bob_client):
    url = make_address(alice)
    assert "There is an address" not in text_of(bob_client.get(PAGE))
    bob_client.post(reverse("meetings:subscription_revocation"))
    assert read(url).status_code == 200
    assert not AuditEvent.objects.exists()


def test_the_meetings_page_and_the_profile_lead_there(alice_client):
    for name in ("meetings:list", "integrations:profile"):
        assert f'href="{PAGE}"' in alice_client.get(reverse(name)).content.decode()


# --- Logs, and what it costs ---


def test_the_token_gets_into_no_log(alice):
    url = make_address(alice)
    token = url.rsplit("/", 1)[1].removesuffix(".ics")
    log, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(JsonFormatter())
    log.addHandler(handler)
    try:
        FeedLink.objects.all().delete()
        assert read(url).status_code == 404
        logging.getLogger("gunicorn.access").warning('"GET %s HTTP/1.1" 200', url)
    finally:
        log.removeHandler(handler)
    assert "/meetings/feed/" in stream.getvalue(), "Django says what was not found"
    assert token not in stream.getvalue()
    assert redact_text(f"GET http://localhost{url}?x=1") == f"GET http://localhost/meetings/feed/{REDACTED}.ics?x=1"


def test_it_costs_the_same_queries_however_much_it_holds(northwind, make_member, alice, connection):
    url, costs = make_address(alice, with_delegated=True), {}
    read(url)
    for owners, meetings in ((1, 1), (3, 3), (20, 2)):
        User.objects.filter(email__startswith="owner").delete()
        make_owners(northwind, make_member, alice, owners, meetings=meetings)
        with CaptureQueriesContext(database) as queries:
            assert len(events_of(read(url))) >= meetings
        costs[owners] = len(queries)
    assert len(set(costs.values())) == 1, costs


def test_memory_does_not_grow_with_it(alice):
    connection, url = make_connection(alice), make_address(alice)

    def measure(count: int) -> int:
        Meeting.objects.all().delete()
        rows = (
            Meeting(
                owner=alice, connection=connection, remote_id=str(n), title=f"Meeting {n}", starts=NOW + n * HOUR / 60,
                ends=NOW + n * HOUR / 60 + HOUR, body_text="x" * 1000,
            )
            for n in range(count)
        )  # fmt: skip
        Meeting.objects.bulk_create(rows, batch_size=500)
        tracemalloc.start()
        size = sum(map(len, read(url).streaming_content))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 200 * count
        return peak

    small, large = measure(600), measure(3000)
    assert large < small * 1.5 + 1_000_000
