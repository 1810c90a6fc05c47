"""The mailbox under Office 365 and Exchange: events, series, folders, contacts, and the log of what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.clock import Clock
from sandbox.mailbox import Mailbox, MailboxError, Mailboxes
from sandbox.store import Store

ALICE = "alice@north.example"
WINDOW = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    store = Store()
    clock = Clock(store)
    clock.freeze(datetime(2026, 10, 20, 9, 0, tzinfo=UTC))
    store.people.add(ALICE, name="Alice Meyer", timezone="Europe/Berlin")
    yield Mailboxes(store, clock).open("office365", ALICE)
    store.close()


def at(day: str, clock: str, zone: str = "Europe/Berlin") -> dict:
    return {"dateTime": f"2026-{day}T{clock}:00", "timeZone": zone}


def talk(day: str = "10-21", begin: str = "10:00", until: str = "11:00", **more: object) -> dict:
    return {"subject": "Talk", "start": at(day, begin), "end": at(day, until), **more}


def every(kind: str = "daily", count: int = 0, **pattern: object) -> dict:
    """A rule that begins with the event it is given to; without a count it has no end."""
    extent = {"type": "numbered", "numberOfOccurrences": count} if count else {"type": "noEnd"}
    return {"pattern": {"type": kind, "interval": 1, **pattern}, "range": extent}


def starts(docs: list[dict]) -> list[str]:
    return [doc["start"]["dateTime"][5:16] for doc in docs]


def test_a_new_event_has_all_that_graph_shows(mailbox):
    doc = mailbox.add_event(talk(body={"contentType": "text", "content": "Where: here\nWho: <us>"}))
    assert doc["type"] == "singleInstance"
    assert doc["start"] == {"dateTime": "2026-10-21T08:00:00.0000000", "timeZone": "UTC"}
    assert doc["originalStartTimeZone"] == "W. Europe Standard Time"
    assert doc["organizer"]["emailAddress"] == {"name": "Alice Meyer", "address": ALICE}
    assert doc["isOrganizer"] is True and doc["responseStatus"]["response"] == "organizer"
    assert doc["bodyPreview"] == "Where: here\r\nWho: <us>"
    assert "&lt;us&gt;" in doc["body"]["content"]
    assert doc["@odata.etag"] == f'W/"{doc["changeKey"]}"'
    assert mailbox.find_event(doc["id"]) == doc


def test_a_preview_has_255_characters_at_most(mailbox):
    doc = mailbox.add_event(talk(body={"contentType": "html", "content": f"<p>{'x' * 300}</p>"}))
    assert doc["bodyPreview"] == "x" * 255


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("W. Europe Standard Time", "08:00"), ("Europe/Berlin", "08:00"), ("UTC", "10:00"),
        ("tzone://Microsoft/Utc", "10:00"), ("Customized Time Zone", "08:00"), ("Pacific Standard Time", "17:00"),
    ],
)  # fmt: skip
def test_windows_names_iana_names_and_odder_ones_are_understood(mailbox, zone, hour):
    doc = mailbox.add_event({"subject": "x", "start": at("10-21", "10:00", zone), "end": at("10-21", "10:30", zone)})
    assert doc["start"]["dateTime"][11:16] == hour
    assert doc["originalStartTimeZone"] == ("W. Europe Standard Time" if zone == "Europe/Berlin" else zone)


def test_an_unknown_time_zone_is_refused(mailbox):
    with pytest.raises(MailboxError) as caught:
        mailbox.add_event(talk(start=at("10-21", "10:00", "Mars/Olympus")))
    assert caught.value.code == "TimeZoneNotSupportedException"


def test_an_all_day_event_floats_and_takes_its_place_at_midnight_where_it_was_made(mailbox):
    doc = mailbox.add_event(talk(isAllDay=True, start=at("10-21", "00:00"), end=at("10-22", "00:00")))
    assert starts([doc]) == ["10-21T00:00"]
    assert mailbox.view(datetime(2026, 10, 20, 21, tzinfo=UTC), datetime(2026, 10, 20, 23, tzinfo=UTC)) == [doc]
    assert mailbox.view(datetime(2026, 10, 20, 20, tzinfo=UTC), datetime(2026, 10, 20, 22, tzinfo=UTC)) == []
    renamed = mailbox.change_event(doc["id"], {"subject": "Other"})
    assert renamed["start"] == doc["start"] and renamed["end"] == doc["end"]
    with pytest.raises(MailboxError, match="midnight"):
        mailbox.add_event(talk(isAllDay=True))


def test_a_series_keeps_its_clock_time_when_the_clocks_change(mailbox):
    master = mailbox.add_event(talk("10-23", recurrence=every("daily", 4)))
    assert master["type"] == "seriesMaster"
    docs = mailbox.instances(master["id"], *WINDOW)
    # Berlin goes back to winter time on 25 October
    assert starts(docs) == ["10-23T08:00", "10-24T08:00", "10-25T09:00", "10-26T09:00"]
    assert {doc["type"] for doc in docs} == {"occurrence"}
    assert [mailbox.find_event(doc["id"]) for doc in docs] == docs


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        (every("daily", 3, interval=2), "11-02", ["11-02", "11-04", "11-06"]),
        (every("weekly", 3, daysOfWeek=["monday", "Thursday"]), "11-02", ["11-02", "11-05", "11-09"]),
        (every("weekly", 2, daysOfWeek=["friday"]), "11-02", ["11-06", "11-13"]),
        (every("absoluteMonthly", 3, dayOfMonth=31), "08-31", ["08-31", "09-30", "10-31"]),
        (every("relativeMonthly", 3, daysOfWeek=["friday"], index="last"), "09-25", ["09-25", "10-30", "11-27"]),
        (every("relativeMonthly", 2, daysOfWeek=["monday", "tuesday", "wednesday", "thursday", "friday"]), "08-03",
         ["08-03", "09-01"]),
        (every("absoluteYearly", 2, dayOfMonth=3, month=11), "11-03", ["11-03", "11-03"]),
        (every("relativeYearly", 2, daysOfWeek=["sunday"], index="first", month=11), "11-01", ["11-01", "11-07"]),
        ({"pattern": {"type": "daily", "interval": 1}, "range": {"type": "endDate", "endDate": "2026-11-04"}}, "11-02",
         ["11-02", "11-03", "11-04"]),
    ],
)  # fmt: skip
def test_each_kind_of_recurrence_is_laid_out(mailbox, rule, first, expected):
    master = mailbox.add_event(talk(first, recurrence=rule))
    docs = mailbox.instances(master["id"], datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
    assert [doc["start"]["dateTime"][5:10] for doc in docs] == expected
    assert master["start"] == docs[0]["start"]


def test_an_endless_series_is_found_far_ahead(mailbox):
    mailbox.add_event(talk(recurrence=every("weekly", daysOfWeek=["wednesday"])))
    found = mailbox.view(datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 15, tzinfo=UTC))
    assert [doc["start"]["dateTime"] for doc in found] == ["2031-01-01T09:00:00.0000000", "2031-01-08T09:00:00.0000000"]


def test_a_changed_day_becomes_an_exception_and_follows_its_series_in_all_else(mailbox):
    master = mailbox.add_event(talk(recurrence=every("daily", 4)))
    second = mailbox.instances(master["id"], *WINDOW)[1]
    mailbox.change_event(second["id"], {"start": at("10-22", "14:00"), "end": at("10-22", "15:00")})
    mailbox.change_event(master["id"], {"subject": "Renamed"})
    docs = mailbox.instances(master["id"], *WINDOW)
    assert [doc["type"] for doc in docs] == ["occurrence", "exception", "occurrence", "occurrence"]
    assert starts(docs) == ["10-21T08:00", "10-22T12:00", "10-23T08:00", "10-24T08:00"]
    assert docs[1]["id"] == second["id"] and docs[1]["originalStart"] == "2026-10-22T08:00:00Z"
    assert {doc["subject"] for doc in docs} == {"Renamed"}
    assert mailbox.view(*WINDOW) == docs


def test_a_cancelled_day_is_gone_and_cannot_be_deleted_twice(mailbox):
    master = mailbox.add_event(talk(recurrence=every("daily", 3)))
    second = mailbox.instances(master["id"], *WINDOW)[1]
    mailbox.delete_event(second["id"])
    assert starts(mailbox.view(*WINDOW)) == ["10-21T08:00", "10-23T08:00"]
    assert mailbox.find_event(second["id"]) is None
    with pytest.raises(MailboxError, match="ErrorItemNotFound"):
        mailbox.delete_event(second["id"])


def test_a_day_may_not_jump_over_its_neighbours(mailbox):
    master = mailbox.add_event(talk(recurrence=every("daily", 4)))
    days = mailbox.instances(master["id"], *WINDOW)
    with pytest.raises(MailboxError, match="ErrorOccurrenceCrossingBoundary"):
        mailbox.change_event(days[1]["id"], {"start": at("10-24", "14:00"), "end": at("10-24", "15:00")})
    mailbox.delete_event(days[2]["id"])
    mailbox.change_event(days[1]["id"], {"start": at("10-23", "14:00"), "end": at("10-23", "15:00")})
    assert starts(mailbox.view(*WINDOW)) == ["10-21T08:00", "10-23T12:00", "10-24T08:00"]


def test_new_times_for_a_series_forget_what_was_special_about_single_days(mailbox):
    master = mailbox.add_event(talk(recurrence=every("daily", 3)))
    days = mailbox.instances(master["id"], *WINDOW)
    mailbox.change_event(days[1]["id"], {"subject": "Special"})
    mailbox.delete_event(days[2]["id"])
    mailbox.change_event(master["id"], {"start": at("10-21", "12:00"), "end": at("10-21", "13:00")})
    assert starts(mailbox.view(*WINDOW)) == ["10-21T10:00", "10-22T10:00", "10-23T10:00"]
    assert {doc["subject"] for doc in mailbox.view(*WINDOW)} == {"Talk"}


def test_a_deleted_series_takes_its_days_along(mailbox):
    master = mailbox.add_event(talk(recurrence=every("daily", 3)))
    mailbox.change_event(mailbox.instances(master["id"], *WINDOW)[1]["id"], {"subject": "Special"})
    mailbox.delete_event(master["id"])
    assert mailbox.view(*WINDOW) == [] and mailbox.find_event(master["id"]) is None


def test_a_stale_change_key_is_refused_and_the_current_one_is_not(mailbox):
    old = mailbox.add_event(talk())
    new = mailbox.change_event(old["id"], {"subject": "New"}, if_match=old["@odata.etag"])
    with pytest.raises(MailboxError, match="ErrorIrresolvableConflict"):
        mailbox.change_event(old["id"], {"subject": "Newer"}, if_match=old["changeKey"])
    with pytest.raises(MailboxError, match="ErrorIrresolvableConflict"):
        mailbox.delete_event(old["id"], if_match=old["@odata.etag"])
    mailbox.delete_event(old["id"], if_match=new["changeKey"])


def test_the_log_says_what_became_of_each_item_since_then(mailbox):
    calendar = mailbox.calendar_id
    first, second = mailbox.add_event(talk()), mailbox.add_event(talk(recurrence=every("daily", 3)))
    since = mailbox.last_change()
    mailbox.change_event(first["id"], {"subject": "1"})
    mailbox.delete_event(mailbox.instances(second["id"], *WINDOW)[0]["id"])
    third = mailbox.add_event(talk())
    mailbox.change_event(third["id"], {"subject": "3"})
    mailbox.delete_event(mailbox.add_event(talk())["id"])
    acts = {item: act for _, act, item in mailbox.changes(calendar, since)}
    assert acts == {first["id"]: "changed", second["id"]: "changed", third["id"]: "created"}
    since = mailbox.last_change()
    mailbox.delete_event(first["id"])
    assert [(act, item) for _, act, item in mailbox.changes(calendar, since)] == [("deleted", first["id"])]


def test_a_contact_that_moves_keeps_its_id_and_both_folders_log_it(mailbox):
    folder = mailbox.add_folder("Clients")
    contact = mailbox.add_contact({"givenName": "Rosa", "surname": "Castellanos"})
    since = mailbox.last_change()
    moved = mailbox.move_contact(contact["id"], folder.id)
    assert moved["id"] == contact["id"] and moved["parentFolderId"] == folder.id
    assert mailbox.contacts() == [] and mailbox.contacts(folder.id) == [moved]
    assert [act for _, act, _ in mailbox.changes(mailbox.contacts_id, since)] == ["moved"]
    assert [act for _, act, _ in mailbox.changes(folder.id, since)] == ["created"]
    mailbox.move_contact(contact["id"], mailbox.contacts_id)
    assert [act for _, act, _ in mailbox.changes(mailbox.contacts_id, since)] == ["changed"]
    assert mailbox.changes(folder.id, since) == []


def test_folders_form_a_tree_that_goes_with_its_root(mailbox):
    clients = mailbox.add_folder("Clients")
    germany = mailbox.add_folder("Germany", clients.id)
    contact = mailbox.add_contact({"displayName": "X"}, germany.id)
    with pytest.raises(MailboxError, match="ErrorFolderExists"):
        mailbox.add_folder("clients")
    with pytest.raises(MailboxError, match="ErrorInvalidRequest"):
        mailbox.move_folder(clients.id, germany.id)
    with pytest.raises(MailboxError, match="ErrorDeleteDistinguishedFolder"):
        mailbox.delete_folder(mailbox.contacts_id)
    assert mailbox.rename_folder(germany.id, "Deutschland").name == "Deutschland"
    mailbox.delete_folder(clients.id)
    assert [folder.id for folder in mailbox.folders()] == [mailbox.contacts_id]
    assert mailbox.find_contact(contact["id"]) is None


def test_a_contact_gets_its_display_name_from_its_parts(mailbox):
    doc = mailbox.add_contact({"givenName": "Rosa", "surname": "Castellanos", "businessPhones": ["030 1"]})
    assert (doc["displayName"], doc["fileAs"]) == ("Rosa Castellanos", "Castellanos, Rosa")
    assert mailbox.change_contact(doc["id"], {"mobilePhone": "1"})["displayName"] == "Rosa Castellanos"
    assert mailbox.change_contact(doc["id"], {"surname": "C."})["displayName"] == "Rosa C."
    with pytest.raises(MailboxError, match="exceeds the max allowed value of 3"):
        mailbox.change_contact(doc["id"], {"emailAddresses": [{"address": f"{n}@x.example"} for n in range(4)]})


def test_two_sites_know_nothing_of_each_other_and_a_mailbox_outlives_its_process(tmp_path):
    path = str(tmp_path / "sandbox.sqlite3")
    store = Store(path)
    cloud = Mailboxes(store, Clock(store)).open("office365", ALICE)
    event = cloud.add_event(talk())
    store.close()
    store = Store(path)
    boxes = Mailboxes(store, Clock(store))
    assert boxes.open("office365", ALICE.upper()).find_event(event["id"]) == event
    assert boxes.find("exchange", ALICE) is None
    assert boxes.open("exchange", ALICE).find_event(event["id"]) is None
    store.close()
