"""Change tracking of Microsoft Graph: what a round says, what it leaves unsaid, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.graph_stage import ALICE, IMMUTABLE, Stage, at, every, graph_stage, talk

WINDOW = "startDateTime=2026-10-20T00:00:00Z&endDateTime=2026-10-27T00:00:00Z"
VIEW = f"me/calendarView/delta?{WINDOW}"
CONTACTS = "me/contactFolders/contacts/contacts/delta"
STUB = {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with graph_stage() as started:
        yield started


def removed(items: list[dict]) -> dict[str, str]:
    return {item["id"]: item["@removed"]["reason"] for item in items if "@removed" in item}


def test_a_first_round_lists_the_window_whole_and_ends_with_a_delta_link(stage):
    inside = stage.alice.add_event(talk("Inside"))
    stage.alice.add_event(talk("Outside", "11-21"))
    page = stage.get(VIEW)
    assert [item["id"] for item in page["value"]] == [inside["id"]]
    assert page["value"][0] == {"@odata.type": "#microsoft.graph.event", **inside}
    assert page["@odata.context"] == "http://localhost/graph/v1.0/$metadata#Collection(event)"
    link = urlsplit(page["@odata.deltaLink"])
    assert link.netloc == "localhost" and set(parse_qs(link.query)) == {"$deltatoken"}
    assert "odata.track-changes" in stage.send("GET", VIEW).headers["Preference-Applied"]
    assert stage.get(page["@odata.deltaLink"])["value"] == []


def test_links_lead_to_the_host_that_was_asked(stage):
    stage.alice.fill_events([talk(f"{n}") for n in range(11)])
    answer = stage.client.get(f"/graph/v1.0/{VIEW}", headers={"Authorization": "Bearer alice"},
                              base_url="https://graph.example:4433")  # fmt: skip
    assert answer.json["@odata.nextLink"].startswith(
        "https://graph.example:4433/graph/v1.0/me/calendarView/delta?$skip"
    )


def test_a_series_comes_as_its_master_stubs_and_whole_exceptions(stage):
    master = stage.alice.add_event(talk("Daily", recurrence=every("daily", 4)))
    days = stage.get(f"me/events/{master['id']}/instances?{WINDOW}")["value"]
    stage.alice.change_event(days[1]["id"], {"subject": "Special"})
    items = stage.get(VIEW)["value"]
    assert [item["type"] for item in items] == ["seriesMaster", "occurrence", "exception", "occurrence", "occurrence"]
    assert items[0]["recurrence"] and items[0]["id"] == master["id"]
    assert set(items[1]) == STUB and items[1]["seriesMasterId"] == master["id"]
    assert items[2]["subject"] == "Special" and "body" in items[2]


def test_a_master_is_listed_although_it_began_before_the_window(stage):
    stage.alice.add_event(talk("Weekly", "09-02", recurrence=every("weekly", 20, daysOfWeek=["wednesday"])))
    items = stage.get(VIEW)["value"]
    assert [item["type"] for item in items] == ["seriesMaster", "occurrence"]
    assert items[0]["start"]["dateTime"].startswith("2026-09-02")


def test_stubs_come_in_the_preferred_zone_too(stage):
    stage.alice.add_event(talk("Daily", recurrence=every("daily", 1)))
    stage.alice.add_event(talk("Day", isAllDay=True, start=at("10-21", "00:00"), end=at("10-22", "00:00"),
                               recurrence=every("daily", 1)))  # fmt: skip
    items = stage.get(VIEW, prefer='outlook.timezone="Asia/Tokyo"')["value"]
    shown = [item["start"]["dateTime"][11:16] for item in items if item["type"] == "occurrence"]
    assert shown == ["17:00", "00:00"]
    assert set(items[1]) == STUB


def test_a_later_round_says_what_changed_and_what_is_gone(stage):
    kept, renamed, deleted = (stage.alice.add_event(talk(name)) for name in ("kept", "renamed", "deleted"))
    link = stage.get(VIEW)["@odata.deltaLink"]
    stage.alice.change_event(renamed["id"], {"subject": "new name"})
    stage.alice.delete_event(deleted["id"])
    added = stage.alice.add_event(talk("added"))
    page = stage.get(link)
    assert removed(page["value"]) == {deleted["id"]: "deleted"}
    present = {item["id"]: item["subject"] for item in page["value"] if "@removed" not in item}
    assert present == {renamed["id"]: "new name", added["id"]: "added"}
    assert stage.get(page["@odata.deltaLink"])["value"] == []
    # the same link twice tells the same again
    assert stage.get(link)["value"] == page["value"]
    assert kept["id"] not in present


def test_what_leaves_the_window_or_never_was_in_it_is_said_to_be_removed(stage):
    """Reference: https://github.com/microsoftgraph/microsoft-graph-docs/issues/6599"""
    moved = stage.alice.add_event(talk("moved"))
    link = stage.get(VIEW)["@odata.deltaLink"]
    stage.alice.change_event(moved["id"], {"start": at("12-01"), "end": at("12-01", "11:00")})
    unknown = stage.alice.add_event(talk("far away", "12-24"))
    items = stage.get(link)["value"]
    assert removed(items) == {moved["id"]: "deleted", unknown["id"]: "deleted"}
    assert set(items[0]) == {"@odata.type", "id", "@removed"}


def test_a_deleted_occurrence_is_merely_missing_from_its_series(stage):
    """Reference: https://github.com/microsoftgraph/microsoft-graph-docs/pull/4501"""
    master = stage.alice.add_event(talk(recurrence=every("daily", 3)))
    first = stage.get(VIEW)
    days = [item["id"] for item in first["value"] if item["type"] == "occurrence"]
    stage.alice.delete_event(days[1])
    items = stage.get(first["@odata.deltaLink"])["value"]
    assert [item["id"] for item in items] == [master["id"], days[0], days[2]]
    assert items[0]["@odata.etag"] != first["value"][0]["@odata.etag"]


def test_a_deleted_series_is_removed_by_its_masters_id(stage):
    master = stage.alice.add_event(talk(recurrence=every("daily", 3)))
    link = stage.get(VIEW)["@odata.deltaLink"]
    stage.alice.delete_event(master["id"])
    assert removed(stage.get(link)["value"]) == {master["id"]: "deleted"}


def test_pages_follow_the_preference_and_never_split_a_series(stage):
    stage.alice.add_event(talk("One"))
    stage.alice.add_event(talk("Series", recurrence=every("daily", 5)))
    stage.alice.fill_events([talk(f"{n}") for n in range(5)])
    sizes, path = [], VIEW
    while path:
        page = stage.get(path, prefer="odata.maxpagesize=2")
        sizes.append(len(page["value"]))
        path = page.get("@odata.nextLink", "")
    # one single and a whole series, then two by two
    assert sizes == [7, 2, 2, 1]


def test_a_change_during_a_round_comes_with_the_next_one(stage):
    stage.alice.fill_events([talk(f"{n}") for n in range(4)])
    first = stage.get(VIEW, prefer=f"{IMMUTABLE}, odata.maxpagesize=2")
    early = first["value"][0]["id"]
    stage.alice.delete_event(early)
    rest, link = stage.walk(first["@odata.nextLink"], prefer=f"{IMMUTABLE}, odata.maxpagesize=2")
    assert len(rest) == 2 and early not in {item["id"] for item in rest}
    assert removed(stage.get(link)["value"]) == {early: "deleted"}


def test_a_delta_link_serves_both_kinds_of_id(stage):
    event = stage.alice.add_event(talk())
    link = stage.get(VIEW, prefer="")["@odata.deltaLink"]
    stage.alice.change_event(event["id"], {"subject": "x"})
    assert stage.get(link)["value"][0]["id"] == event["id"]
    assert stage.get(link, prefer="")["value"][0]["id"] != event["id"]


@pytest.mark.parametrize("query", ["$select=subject", "$filter=subject eq 'x'", "$orderby=subject", "$expand=instances",
                                   "$search=x"])  # fmt: skip
def test_a_tracked_view_takes_no_query_options(stage, query):
    assert stage.refusal("GET", f"{VIEW}&{query}") == (400, "ErrorInvalidUrlQuery")
    assert "'CalendarView'" in stage.send("GET", f"{VIEW}&{query}").json["error"]["message"]


def test_the_window_is_needed_at_first_and_stays_in_the_token(stage):
    assert stage.refusal("GET", "me/calendarView/delta") == (400, "ErrorInvalidRequest")
    link = stage.get(VIEW)["@odata.deltaLink"]
    outside, inside = stage.alice.add_event(talk("out", "12-01")), stage.alice.add_event(talk("in"))
    items = stage.get(f"{link}&startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z")["value"]
    assert list(removed(items)) == [outside["id"]] and items[1]["id"] == inside["id"]


@pytest.mark.parametrize("status", [410, 404, 400])
def test_after_an_expiry_every_token_is_void_and_the_answer_leads_to_a_new_round(stage, status):
    stage.alice.fill_events([talk(f"{n}") for n in range(11)])
    stage.graph.resync_status = status
    first = stage.get(VIEW)
    stage.alice.expire_sync()
    assert stage.refusal("GET", first["@odata.nextLink"]) == (status, "SyncStateNotFound")
    location = stage.send("GET", first["@odata.nextLink"]).headers["Location"]
    items, link = stage.walk(location)
    assert len(items) == 11
    assert stage.get(link)["value"] == []


def test_garbage_and_somebody_elses_token_are_no_state(stage):
    link = stage.get(VIEW)["@odata.deltaLink"]
    assert stage.refusal("GET", "me/calendarView/delta?$deltatoken=garbage") == (400, "SyncStateInvalid")
    assert stage.refusal("GET", link, who="ben") == (400, "SyncStateInvalid")
    contacts = stage.get(CONTACTS)["@odata.deltaLink"]
    token = parse_qs(urlsplit(contacts).query)["$deltatoken"][0]
    assert stage.refusal("GET", f"me/calendarView/delta?$deltatoken={token}") == (400, "SyncStateInvalid")


def test_each_calendar_is_tracked_by_itself(stage):
    other = stage.alice.add_folder("Court", kind="calendar")
    hearing = stage.alice.add_event(talk("Hearing"), other.id)
    link = stage.get(VIEW)["@odata.deltaLink"]
    theirs = stage.get(f"me/calendars/{other.id}/calendarView/delta?{WINDOW}")
    assert [item["id"] for item in theirs["value"]] == [hearing["id"]]
    stage.alice.move_event(hearing["id"], stage.alice.calendar_id)
    assert [item["id"] for item in stage.get(link)["value"]] == [hearing["id"]]
    assert list(removed(stage.get(theirs["@odata.deltaLink"])["value"])) == [hearing["id"]]


# contacts


def test_contacts_are_tracked_per_folder_and_a_moved_one_leaves_the_first(stage):
    folder = stage.alice.add_folder("Clients")
    contact = stage.alice.add_contact({"givenName": "Rosa", "surname": "C"})
    first = stage.get(CONTACTS)
    other = stage.get(f"me/contactFolders/{folder.id}/contacts/delta")
    assert first["value"] == [{"@odata.type": "#microsoft.graph.contact", **contact}] and other["value"] == []
    stage.alice.move_contact(contact["id"], folder.id)
    assert removed(stage.get(first["@odata.deltaLink"])["value"]) == {contact["id"]: "changed"}
    second = stage.get(other["@odata.deltaLink"])
    assert [item["parentFolderId"] for item in second["value"]] == [folder.id]
    stage.alice.delete_contact(contact["id"])
    assert removed(stage.get(second["@odata.deltaLink"])["value"]) == {contact["id"]: "deleted"}


def test_tracked_contacts_can_be_narrowed_to_some_properties_once_and_for_all(stage):
    stage.alice.fill_contacts(iter([(stage.alice.contacts_id, {"displayName": f"{n}"}) for n in range(5)]))
    items, link = stage.walk(f"{CONTACTS}?$select=displayName", prefer="odata.maxpagesize=2")
    assert [item["displayName"] for item in items] == ["0", "1", "2", "3", "4"]
    assert set(items[0]) == {"@odata.type", "@odata.etag", "id", "displayName"}
    stage.alice.add_contact({"displayName": "new", "mobilePhone": "1"})
    assert set(stage.get(link)["value"][0]) == set(items[0])
    assert stage.refusal("GET", f"{CONTACTS}?$top=5") == (400, "ErrorInvalidUrlQuery")


def test_a_folder_that_is_gone_has_no_changes(stage):
    folder = stage.alice.add_folder("Clients")
    link = stage.get(f"me/contactFolders/{folder.id}/contacts/delta")["@odata.deltaLink"]
    stage.alice.delete_folder(folder.id)
    assert stage.refusal("GET", link) == (404, "ErrorItemNotFound")


def test_contact_folders_are_tracked_wherever_they_lie(stage):
    clients = stage.alice.add_folder("Clients")
    germany = stage.alice.add_folder("Germany", clients.id)
    first = stage.get("me/contactFolders/delta")
    assert {item["displayName"] for item in first["value"]} == {"Clients", "Germany"}
    stage.alice.rename_folder(germany.id, "Deutschland")
    stage.alice.add_folder("Courts")
    second = stage.get(first["@odata.deltaLink"])
    assert [item["displayName"] for item in second["value"]] == ["Deutschland", "Courts"]
    stage.alice.delete_folder(clients.id)
    assert set(removed(stage.get(second["@odata.deltaLink"])["value"])) == {clients.id, germany.id}
    stage.alice.expire_sync()
    assert stage.refusal("GET", second["@odata.deltaLink"]) == (410, "SyncStateNotFound")
    assert stage.get("me/contactFolders/delta()")["value"][0]["displayName"] == "Courts"
    assert stage.alice.email == ALICE
