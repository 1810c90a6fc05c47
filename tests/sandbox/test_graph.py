"""Microsoft Graph as clients find it: who may do what, one event, lists, contacts, batches, and every refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.sandbox.graph_stage import ALICE, BEN, IMMUTABLE, Access, Stage, at, every, graph_stage, talk

WINDOW = "startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with graph_stage() as started:
        yield started


def subjects(items: list[dict]) -> list[str]:
    return [item["subject"] for item in items]


# who may do what


def test_me_is_the_person_behind_the_token(stage):
    me = stage.get("me?$select=displayName,mail,userPrincipalName")
    assert (me["displayName"], me["mail"], me["userPrincipalName"]) == ("Alice Meyer", ALICE, ALICE)
    assert stage.get(f"users/{ALICE}")["id"] == stage.get("me")["id"]


def test_a_request_without_a_token_and_one_with_a_dead_token_are_refused_alike(stage):
    for who in ("", "expired"):
        assert stage.refusal("GET", "me/events", who=who) == (401, "InvalidAuthenticationToken")
        assert stage.send("GET", "me/events", who=who).headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        ({"Calendars.Read"}, "GET", "me/events", 200),
        ({"Calendars.Read"}, "POST", "me/events", 403),
        ({"Calendars.ReadWrite"}, "GET", "me/events", 200),
        ({"Calendars.ReadWrite"}, "GET", "me/contacts", 403),
        ({"Contacts.Read"}, "GET", "me/contactFolders/delta", 200),
        ({"Contacts.Read"}, "POST", "me/contacts", 403),
        ({"Contacts.ReadWrite"}, "POST", "me/contacts", 201),
        ({"Contacts.ReadWrite"}, "GET", "me", 403),
        ({"User.Read"}, "GET", "me", 200),
    ],
)
def test_a_scope_opens_what_it_names_and_nothing_else(stage, scopes, method, path, status):
    stage.tokens.known["narrow"] = Access(ALICE, "t", frozenset(scopes))
    answer = stage.send(method, path, talk() if path.endswith("events") else {}, who="narrow")
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json["error"]["code"] == "ErrorAccessDenied"


def test_a_mailbox_of_somebody_else_stays_shut(stage):
    assert stage.refusal("GET", f"users/{BEN}/events") == (403, "ErrorAccessDenied")


def test_a_mailbox_that_is_not_in_the_cloud_says_so(stage):
    stage.graph.inactive.add(ALICE)
    assert stage.refusal("GET", "me/events") == (404, "MailboxNotEnabledForRESTAPI")


def test_an_unknown_path_and_a_wrong_method_are_refused(stage):
    assert stage.refusal("GET", "me/nothing") == (400, "BadRequest")
    assert stage.refusal("DELETE", "me/events") == (405, "Request_BadRequest")


def test_a_fifth_request_at_the_same_time_is_throttled_and_another_mailbox_is_not(stage):
    stage.alice, stage.ben  # noqa: B018 - made before the store is held
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(stage.send("GET", "me/events").status_code))
               for _ in range(4)]  # fmt: skip
    with stage.store.transaction():
        for thread in threads:
            thread.start()
        while stage.graph._busy[ALICE] < 4:
            pass
        fifth = stage.send("GET", "me/events")
        assert fifth.status_code == 429 and fifth.json["error"]["code"] == "ApplicationThrottled"
        assert int(fifth.headers["Retry-After"]) > 0
        assert stage.send("GET", "me/events", who="ben").status_code == 200
    for thread in threads:
        thread.join()
    assert answers == [200] * 4


# one event


def test_an_event_is_made_read_changed_and_deleted(stage):
    made = stage.send("POST", "me/events", talk(body={"contentType": "HTML", "content": "<p>Hi</p>"}))
    assert made.status_code == 201
    path = f"me/events/{made.json['id']}"
    assert made.headers["ETag"] == made.json["@odata.etag"]
    assert stage.get(path)["start"] == {"dateTime": "2026-10-21T08:00:00.0000000", "timeZone": "UTC"}
    changed = stage.send("PATCH", path, {"subject": "New"}, If_Match=made.json["@odata.etag"])
    assert (changed.status_code, changed.json["subject"]) == (200, "New")
    assert changed.json["body"]["content"] == "<p>Hi</p>"
    stale = stage.refusal("PATCH", path, {"subject": "Newer"}, If_Match=made.json["@odata.etag"])
    assert stale == (412, "ErrorIrresolvableConflict")
    assert stage.send("DELETE", path).status_code == 204
    assert stage.refusal("GET", path) == (404, "ErrorItemNotFound")
    assert stage.refusal("DELETE", path) == (404, "ErrorItemNotFound")


def test_a_transaction_id_makes_a_retry_find_the_first_event(stage):
    body = talk(transactionId="c0ffee")
    first, second = (stage.send("POST", "me/events", body).json for _ in range(2))
    assert first["id"] == second["id"] and first["transactionId"] == "c0ffee"
    assert len(stage.get("me/events")["value"]) == 1
    different = (talk("Other"), talk(day="10-22"), talk(recurrence=every()), talk(location={"displayName": "Room 4"}))
    for one in different:
        other = stage.refusal("POST", "me/events", {**one, "transactionId": "c0ffee"})
        assert other == (409, "ErrorDuplicateTransactionId")
    assert len(stage.get("me/events")["value"]) == 1


def test_a_meeting_has_room_for_500_attendees(stage):
    crowd = [{"emailAddress": {"address": f"guest{number}@north.example"}} for number in range(501)]
    assert stage.refusal("POST", "me/events", talk(attendees=crowd)) == (400, "ErrorInvalidRecipients")
    assert len(stage.send("POST", "me/events", talk(attendees=crowd[1:])).json["attendees"]) == 500


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"subject": "no times"}, "ErrorPropertyValidationFailure"),
        (talk(nonsense=1), "RequestBodyRead"),
        (talk(begin="11:00", until="10:00"), "ErrorPropertyValidationFailure"),
        (talk(start=at("10-21", zone="Mars/Olympus")), "TimeZoneNotSupportedException"),
        (talk(isAllDay=True), "ErrorInvalidRequest"),
        (talk(recurrence={"pattern": {"type": "hourly"}, "range": {"type": "noEnd"}}), "ErrorInvalidRequest"),
        (talk(showAs="asleep"), "ErrorInvalidRequest"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused_and_not_made(stage, body, code):
    assert stage.refusal("POST", "me/events", body) == (400, code)
    assert stage.get("me/events")["value"] == []


def test_a_body_that_is_no_json_is_refused(stage):
    answer = stage.client.post("/graph/v1.0/me/events", data=b"{", headers={"Authorization": "Bearer alice"})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "BadRequest")


def test_garbage_for_an_id_is_malformed_and_an_unknown_one_is_not_found(stage):
    assert stage.refusal("GET", "me/events/garbage") == (400, "ErrorInvalidIdMalformed")
    event = stage.alice.add_event(talk())
    stage.alice.delete_event(event["id"])
    assert stage.refusal("GET", f"me/events/{event['id']}") == (404, "ErrorItemNotFound")
    other = stage.alice.add_event(talk())["id"]
    turned = other[:30] + other[30:60].swapcase() + other[60:]
    assert stage.refusal("GET", f"me/events/{turned}") == (404, "ErrorItemNotFound")


def test_times_and_bodies_come_as_preferred_and_the_answer_says_so(stage):
    event = stage.alice.add_event(talk(body={"contentType": "html", "content": "<p>Hi<br>you</p>"}))
    prefer = 'outlook.timezone="Tokyo Standard Time", outlook.body-content-type="text", IdType="ImmutableId"'
    answer = stage.send("GET", f"me/events/{event['id']}", prefer=prefer)
    assert answer.json["start"] == {"dateTime": "2026-10-21T17:00:00.0000000", "timeZone": "Tokyo Standard Time"}
    assert answer.json["body"] == {"contentType": "text", "content": "Hi\nyou"}
    applied = answer.headers["Preference-Applied"]
    assert 'outlook.timezone="Tokyo Standard Time"' in applied and IMMUTABLE in applied
    assert stage.refusal("GET", "me/events", prefer='outlook.timezone="Mars"')[1] == "TimeZoneNotSupportedException"


def test_an_all_day_event_is_midnight_in_whatever_zone_is_preferred(stage):
    stage.alice.add_event(talk(isAllDay=True, start=at("10-21", "00:00"), end=at("10-22", "00:00")))
    for zone in ("UTC", "Asia/Tokyo", "Pacific Standard Time"):
        (item,) = stage.get("me/events", prefer=f'outlook.timezone="{zone}"')["value"]
        assert item["start"] == {"dateTime": "2026-10-21T00:00:00.0000000", "timeZone": zone}


def test_ordinary_ids_differ_and_die_with_a_move_while_immutable_ones_live_on(stage):
    event = stage.alice.add_event(talk())
    ordinary = stage.get(f"me/events/{event['id']}", prefer="")["id"]
    assert ordinary != event["id"] and ordinary.endswith("=")
    assert stage.get(f"me/events/{ordinary}")["id"] == event["id"]
    other = stage.send("POST", "me/calendars", {"name": "Other"}).json["id"]
    stage.alice.move_event(event["id"], other)
    assert stage.refusal("GET", f"me/events/{ordinary}") == (404, "ErrorItemNotFound")
    assert stage.get(f"me/events/{event['id']}")["subject"] == "Talk"
    assert stage.get(f"me/calendars/{other}/events", prefer="")["value"][0]["id"] not in (ordinary, event["id"])


def test_an_online_meeting_gets_its_teams_link_at_once(stage):
    made = stage.send("POST", "me/events", talk(isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness")).json
    assert made["onlineMeeting"]["joinUrl"].startswith("https://teams.microsoft.com/l/meetup-join/")


def test_extended_properties_come_only_when_they_are_expanded(stage):
    name = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Portico"
    made = stage.send("POST", "me/events", talk(singleValueExtendedProperties=[{"id": name, "value": "7"}])).json
    assert "singleValueExtendedProperties" not in made
    path = f"me/events/{made['id']}?$expand=singleValueExtendedProperties($filter=id eq '{name}')"
    assert stage.get(path)["singleValueExtendedProperties"] == [{"id": name, "value": "7"}]
    found = stage.get("me/events?$filter=singleValueExtendedProperties/Any(ep: ep/id eq "
                      f"'{name}' and ep/value eq '7')")["value"]  # fmt: skip
    assert [item["id"] for item in found] == [made["id"]]


# series and invitations


def test_a_series_has_instances_and_one_of_them_can_be_changed_or_deleted(stage):
    master = stage.send("POST", "me/events", talk(recurrence=every("daily", 4))).json
    assert master["type"] == "seriesMaster" and master["recurrence"]["range"]["type"] == "numbered"
    days = stage.get(f"me/events/{master['id']}/instances?{WINDOW}")["value"]
    stage.send("PATCH", f"me/events/{days[1]['id']}", {"subject": "Special"})
    stage.send("DELETE", f"me/events/{days[2]['id']}")
    items = stage.get(f"me/calendarView?{WINDOW}")["value"]
    assert subjects(items) == ["Talk", "Special", "Talk"]
    assert [item["type"] for item in items] == ["occurrence", "exception", "occurrence"]
    assert {item["seriesMasterId"] for item in items} == {master["id"]}
    shown = stage.get(f"me/events/{master['id']}?$select=subject,cancelledOccurrences")
    assert shown["cancelledOccurrences"] == [f"OID.{master['id']}.2026-10-23"]
    assert stage.refusal("GET", f"me/events/{days[0]['id']}/instances?{WINDOW}")[1] == "ErrorInvalidRequest"
    assert stage.refusal("GET", f"me/events/{master['id']}/instances")[1] == "ErrorInvalidRequest"


def test_an_occurrence_does_not_come_to_the_day_of_the_one_before_or_after_it(stage):
    master = stage.send("POST", "me/events", talk(recurrence=every("daily", 5))).json
    _, second, third, *_ = stage.get(f"me/events/{master['id']}/instances?{WINDOW}")["value"]

    def move(day: str, begin: str, until: str) -> int:
        times = {"start": at(day, begin), "end": at(day, until)}
        return stage.send("PATCH", f"me/events/{second['id']}", times).status_code

    assert move("10-22", "22:00", "23:30") == 200
    for day in ("10-21", "10-23", "10-24"):
        assert move(day, "18:00", "19:00") == 400
    stage.send("DELETE", f"me/events/{third['id']}")
    assert move("10-23", "18:00", "19:00") == 200
    assert move("10-24", "08:00", "09:00") == 400


def test_an_invitation_is_answered_and_the_organizer_sees_it(stage):
    stage.ben  # noqa: B018 - Ben's mailbox is made
    invited = [{"emailAddress": {"address": BEN}, "type": "required"}]
    mine = stage.send("POST", "me/events", talk(attendees=invited)).json
    (theirs,) = stage.get("me/events", who="ben")["value"]
    assert (theirs["isOrganizer"], theirs["responseStatus"]["response"]) == (False, "notResponded")
    assert theirs["iCalUId"] == mine["iCalUId"] and theirs["id"] != mine["id"]
    answer = stage.send("POST", f"me/events/{theirs['id']}/tentativelyAccept", {"comment": "maybe"}, who="ben")
    assert answer.status_code == 202
    assert stage.get(f"me/events/{theirs['id']}", who="ben")["responseStatus"]["response"] == "tentativelyAccepted"
    assert stage.get(f"me/events/{mine['id']}")["attendees"][0]["status"]["response"] == "tentativelyAccepted"
    assert stage.refusal("POST", f"me/events/{mine['id']}/accept", {}) == (400, "ErrorInvalidRequest")
    stage.send("PATCH", f"me/events/{mine['id']}", talk("Moved", begin="15:00", until="16:00"))
    moved = stage.get(f"me/events/{theirs['id']}", who="ben")
    assert (moved["subject"], moved["start"]["dateTime"][11:16]) == ("Moved", "13:00")
    assert stage.refusal("POST", f"me/events/{theirs['id']}/cancel", {}, who="ben") == (400, "ErrorInvalidRequest")
    assert stage.send("POST", f"me/events/{mine['id']}/cancel", {"Comment": "sorry"}).status_code == 202
    gone = stage.get(f"me/events/{theirs['id']}", who="ben")
    assert (gone["isCancelled"], gone["subject"]) == (True, "Canceled: Moved")
    assert stage.get("me/events")["value"] == []


def test_a_cancelled_day_of_a_series_is_cancelled_for_the_others_too(stage):
    stage.ben  # noqa: B018 - Ben's mailbox is made
    master = stage.alice.add_event(talk(recurrence=every("daily", 3), attendees=[{"emailAddress": {"address": BEN}}]))
    days = stage.get(f"me/events/{master['id']}/instances?{WINDOW}")["value"]
    stage.send("PATCH", f"me/events/{days[0]['id']}", {"subject": "First"})
    stage.send("DELETE", f"me/events/{days[1]['id']}")
    theirs = stage.get(f"me/calendarView?{WINDOW}", who="ben")["value"]
    assert subjects(theirs) == ["First", "Canceled: Talk", "Talk"]
    assert [item["isCancelled"] for item in theirs] == [False, True, False]


# lists


def test_lists_have_ten_items_a_page_unless_asked_otherwise(stage):
    stage.alice.fill_events([talk(f"{n:02}") for n in range(25)])
    first = stage.get("me/events")
    assert len(first["value"]) == 10 and first["@odata.nextLink"].startswith("http://localhost/graph/v1.0/me/events?")
    assert len(stage.get("me/events?$top=20")["value"]) == 20
    assert len(stage.get("me/events", prefer="odata.maxpagesize=15")["value"]) == 15
    every_page, _ = stage.walk("me/events?$select=subject&$top=7")
    assert subjects(every_page) == [f"{n:02}" for n in reversed(range(25))]
    assert set(every_page[0]) == {"@odata.etag", "id", "subject"}
    assert stage.get("me/events?$count=true")["@odata.count"] == 25


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$filter=startswith(subject,'al')", ["Alpha"]),
        ("$filter=subject eq 'Beta' or subject eq 'Gamma'&$orderby=subject desc", ["Gamma", "Beta"]),
        ("$filter=start/dateTime ge '2026-10-22T00:00:00' and not (subject eq 'Gamma')&$orderby=start/dateTime",
         ["Beta"]),
        ("$filter=sensitivity eq 'private'", ["Gamma"]),
        ("$filter=attendees/any(a: a/emailAddress/address eq 'x@y.example')", ["Beta"]),
        ("$orderby=start/dateTime desc&$top=2", ["Gamma", "Beta"]),
        ("$filter=isAllDay eq false&$orderby=subject&$skip=1", ["Beta", "Gamma"]),
        ("$filter=contains(subject,'mm')", ["Gamma"]),
    ],
)  # fmt: skip
def test_lists_are_filtered_and_ordered(stage, query, expected):
    stage.alice.add_event(talk("Alpha", "10-21"))
    stage.alice.add_event(talk("Beta", "10-22", attendees=[{"emailAddress": {"address": "x@y.example"}}]))
    stage.alice.add_event(talk("Gamma", "10-23", sensitivity="private"))
    assert subjects(stage.get(f"me/events?{query}")["value"]) == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$filter=subject", "BadRequest"),
        ("$filter=subject eq", "BadRequest"),
        ("$filter=body eq 'x'", "ErrorInvalidUrlQueryFilter"),
        ("$filter=subject has 'x'", "ErrorInvalidUrlQueryFilter"),
        ("$orderby=start", "BadRequest"),
        ("$select=nonsense", "BadRequest"),
        ("$top=-1", "BadRequest"),
        ("$expand=everything", "BadRequest"),
    ],
)
def test_a_query_that_graph_does_not_take_is_refused(stage, query, code):
    event = stage.alice.add_event(talk())
    path = f"me/events/{event['id']}" if "expand" in query else "me/events"
    assert stage.refusal("GET", f"{path}?{query}") == (400, code)


def test_a_view_needs_a_window_that_makes_sense_and_reads_its_offsets(stage):
    stage.alice.add_event(talk("Early", begin="00:30", until="00:45"))
    assert stage.refusal("GET", "me/calendarView")[1] == "ErrorInvalidRequest"
    for start, end, code in (
        ("2026-10-21", "yesterday", "ErrorInvalidParameter"),
        ("2026-10-22T00:00:00Z", "2026-10-21T00:00:00Z", "ErrorInvalidParameter"),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "ErrorCalendarViewRangeTooBig"),
    ):
        assert stage.refusal("GET", f"me/calendarView?startDateTime={start}&endDateTime={end}")[1] == code
    berlin = "startDateTime=2026-10-21T00:00:00%2B02:00&endDateTime=2026-10-21T01:00:00%2B02:00"
    assert subjects(stage.get(f"me/calendarview?{berlin}")["value"]) == ["Early"]
    utc = "startDateTime=2026-10-21T00:00:00.0000000&endDateTime=2026-10-21T01:00:00"
    assert stage.get(f"me/calendarView?{utc}")["value"] == []


def test_a_long_view_is_paged_by_start(stage):
    stage.alice.add_event(talk("Series", recurrence=every("daily", 12)))
    stage.alice.add_event(talk("Single", "10-25", "07:00", "08:00"))
    items, _ = stage.walk(f"me/calendarView?{WINDOW}&$top=5")
    assert len(items) == 13
    assert [item["start"]["dateTime"] for item in items] == sorted(item["start"]["dateTime"] for item in items)


# contacts


def test_the_default_folder_is_found_by_name_and_not_in_the_list(stage):
    default = stage.get("me/contactFolders/contacts")
    made = stage.send("POST", "me/contactFolders", {"displayName": "Clients"})
    assert (made.status_code, made.json["parentFolderId"]) == (201, default["id"])
    child = stage.send("POST", f"me/contactFolders/{made.json['id']}/childFolders", {"displayName": "Germany"}).json
    assert [folder["displayName"] for folder in stage.get("me/contactFolders")["value"]] == ["Clients"]
    children = stage.get(f"me/contactFolders/{made.json['id']}/childFolders")["value"]
    assert [folder["id"] for folder in children] == [child["id"]]
    beside = stage.get(f"me/contactFolders/{default['parentFolderId']}/childFolders")["value"]
    assert [folder["displayName"] for folder in beside] == ["Contacts"]
    stage.graph.lists_default = True
    names = [folder["displayName"] for folder in stage.get("me/contactFolders")["value"]]
    assert names == ["Contacts", "Clients"]


def test_folders_are_renamed_moved_and_deleted(stage):
    clients = stage.send("POST", "me/contactFolders", {"displayName": "Clients"}).json["id"]
    other = stage.send("POST", "me/contactFolders", {"displayName": "Other"}).json["id"]
    assert stage.refusal("POST", "me/contactFolders", {"displayName": "clients"}) == (409, "ErrorFolderExists")
    moved = stage.send("PATCH", f"me/contactFolders/{other}", {"displayName": "New", "parentFolderId": clients}).json
    assert (moved["displayName"], moved["parentFolderId"]) == ("New", clients)
    assert stage.send("DELETE", f"me/contactFolders/{clients}").status_code == 204
    assert stage.refusal("GET", f"me/contactFolders/{other}") == (404, "ErrorItemNotFound")
    assert stage.refusal("DELETE", "me/contactFolders/contacts") == (403, "ErrorDeleteDistinguishedFolder")


def test_a_contact_is_made_read_changed_moved_and_deleted(stage):
    folder = stage.send("POST", "me/contactFolders", {"displayName": "Clients"}).json["id"]
    body = {
        "givenName": "Rosa",
        "surname": "Castellanos",
        "businessPhones": ["+1 212 555 0123"],
        "birthday": "1974-07-22",
    }
    made = stage.send("POST", "me/contacts", body)
    assert (made.status_code, made.json["displayName"]) == (201, "Rosa Castellanos")
    assert made.json["birthday"] == "1974-07-22T11:59:00Z"
    path, ordinary = f"me/contacts/{made.json['id']}", stage.get("me/contacts", prefer="")["value"][0]["id"]
    changed = stage.send("PATCH", path, {"mobilePhone": "0171"}, If_Match=made.json["@odata.etag"]).json
    assert changed["mobilePhone"] == "0171" and changed["businessPhones"] == ["+1 212 555 0123"]
    stale = stage.refusal("PATCH", path, {"mobilePhone": "0172"}, If_Match=made.json["@odata.etag"])
    assert stale == (412, "ErrorIrresolvableConflict")
    stage.send("PATCH", path, {"parentFolderId": folder})
    assert stage.get("me/contacts")["value"] == []
    assert stage.get(f"me/contactFolders/{folder}/contacts/{made.json['id']}")["mobilePhone"] == "0171"
    assert stage.refusal("GET", f"me/contactFolders/contacts/contacts/{made.json['id']}")[0] == 404
    assert stage.refusal("GET", f"me/contacts/{ordinary}") == (404, "ErrorItemNotFound")
    assert stage.send("DELETE", path).status_code == 204
    assert stage.refusal("DELETE", path) == (404, "ErrorItemNotFound")


MARK = "String {77740037-548d-4f88-ae0a-adf2a932b5ee} Name Mark"


def test_a_contact_is_found_by_an_extended_property_which_only_expanding_shows(stage):
    mark = [{"id": MARK, "value": "k1"}]
    folder = stage.send("POST", "me/contactFolders", {"displayName": "Clients"}).json["id"]
    made = stage.send("POST", f"me/contactFolders/{folder}/contacts", {"givenName": "Rosa",
                      "singleValueExtendedProperties": mark}).json  # fmt: skip
    stage.send("POST", f"me/contactFolders/{folder}/contacts", {"givenName": "Ines"})
    marked = f"$filter=singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq '%s')"
    (found,) = stage.get(f"me/contactFolders/{folder}/contacts?{marked % 'K1'}")["value"]
    assert found["id"] == made["id"]
    assert "singleValueExtendedProperties" not in found and "singleValueExtendedProperties" not in made
    assert stage.get(f"me/contactFolders/{folder}/contacts?{marked % 'k2'}")["value"] == []
    path, expand = f"me/contacts/{made['id']}", f"$expand=singleValueExtendedProperties($filter=id eq '{MARK}')"
    assert stage.get(f"{path}?$select=givenName&{expand}")["singleValueExtendedProperties"] == mark
    assert "singleValueExtendedProperties" not in stage.get(f"{path}?{expand.replace('Name Mark', 'Name Other')}")
    stage.send("PATCH", path, {"singleValueExtendedProperties": [{"id": MARK, "value": "k2"}]})
    assert len(stage.get(f"me/contactFolders/{folder}/contacts?{marked % 'k2'}")["value"]) == 1
    wrong = {"singleValueExtendedProperties": [{"id": MARK}]}
    assert stage.refusal("PATCH", path, wrong) == (400, "ErrorInvalidRequest")


def test_a_folder_that_may_only_be_read_refuses_every_write(stage):
    locked, other = (stage.alice.add_folder(name).id for name in ("Locked", "Other"))
    made = stage.alice.add_contact({"givenName": "Rosa"}, locked)
    kept = stage.alice.add_contact({"givenName": "Ines"}, other)
    stage.alice.lock_folder(locked)
    path = f"me/contacts/{made['id']}"
    for method, where, body in (
        ("POST", f"me/contactFolders/{locked}/contacts", {"givenName": "Ola"}),
        ("PATCH", path, {"mobilePhone": "1"}),
        ("PATCH", path, {"parentFolderId": other}),
        ("PATCH", f"me/contacts/{kept['id']}", {"parentFolderId": locked}),
        ("DELETE", path, None),
    ):
        assert stage.refusal(method, where, body) == (403, "ErrorAccessDenied")
    assert stage.get(path)["givenName"] == "Rosa"
    assert stage.send("PATCH", f"me/contacts/{kept['id']}", {"mobilePhone": "1"}).json["mobilePhone"] == "1"


def test_a_name_that_does_not_come_along_is_made_anew(stage):
    """As the documentation says that it may be."""
    made = stage.alice.add_contact({"givenName": "Rosa", "displayName": "The baker"})
    path = f"me/contacts/{made['id']}"
    assert (
        stage.send("PATCH", path, {"jobTitle": "Boss", "displayName": "The baker"}).json["displayName"] == "The baker"
    )
    assert stage.send("PATCH", path, {"jobTitle": "Owner"}).json["displayName"] == "Rosa"


def test_a_contact_has_room_for_so_many_numbers_of_a_kind_and_its_change_is_tracked(stage):
    delta = stage.walk("me/contactFolders/contacts/contacts/delta")[1]
    made = stage.send("POST", "me/contacts", {"givenName": "Rosa", "businessPhones": ["1", "2"]}).json
    path = f"me/contacts/{made['id']}"
    for name in ("businessPhones", "homePhones"):
        answer = stage.send("PATCH", path, {name: ["1", "2", "3"]})
        assert answer.status_code == 400
        assert "has 3 entries, that exceeds the max allowed value of 2" in answer.json["error"]["message"]
    stage.send("PATCH", path, {"homePhones": ["3", "4"]})
    (tracked,) = stage.walk(delta)[0]
    assert (tracked["id"], tracked["homePhones"], tracked["businessPhones"]) == (made["id"], ["3", "4"], ["1", "2"])
    assert tracked["@odata.etag"] == stage.get(path)["@odata.etag"]


def test_contacts_are_filtered_by_their_addresses_and_paged(stage):
    for n in range(12):
        stage.alice.add_contact({"displayName": f"P{n:02}", "emailAddresses": [{"address": f"p{n}@x.example"}]})
    found = stage.get("me/contacts?$filter=emailAddresses/any(a:a/address eq 'p7@x.example')")["value"]
    assert [item["displayName"] for item in found] == ["P07"]
    items, _ = stage.walk("me/contacts?$select=displayName&$orderby=displayName desc&$top=5")
    assert [item["displayName"] for item in items] == [f"P{n:02}" for n in reversed(range(12))]
    assert stage.refusal("POST", "me/contacts", {"emailAddresses": [{}] * 4})[1] == "ErrorInvalidRequest"
    assert stage.refusal("POST", "me/contacts", {"nonsense": 1})[1] == "RequestBodyRead"


# calendars and batches


def test_calendars_are_listed_made_and_deleted_but_for_the_default_one(stage):
    default = stage.get("me/calendar")
    assert default["isDefaultCalendar"] is True and default["owner"]["address"] == ALICE
    made = stage.send("POST", "me/calendars", {"name": "Court"}).json
    stage.send("POST", f"me/calendars/{made['id']}/events", talk("Hearing"))
    assert [calendar["name"] for calendar in stage.get("me/calendars")["value"]] == ["Calendar", "Court"]
    assert subjects(stage.get(f"me/calendars/{made['id']}/calendarView?{WINDOW}")["value"]) == ["Hearing"]
    assert stage.get("me/calendar/events")["value"] == []
    assert stage.send("DELETE", f"me/calendars/{made['id']}").status_code == 204
    assert stage.refusal("DELETE", f"me/calendars/{default['id']}")[0] == 403


def test_a_calendar_is_given_a_colour(stage):
    made = stage.send("POST", "me/calendars", {"name": "Court", "color": "lightRed"}).json
    assert (made["color"], made["hexColor"]) == ("lightRed", "#f88c9b")
    changed = stage.send("PATCH", f"me/calendars/{made['id']}", {"color": "lightTeal"}).json
    assert (changed["name"], changed["color"]) == ("Court", "lightTeal")
    assert [one["color"] for one in stage.get("me/calendars")["value"]] == ["auto", "lightTeal"]
    assert stage.refusal("PATCH", f"me/calendars/{made['id']}", {"color": "plaid"}) == (400, "RequestBodyRead")


def test_a_batch_answers_each_step_by_itself(stage):
    steps = [
        {"id": "1", "method": "POST", "url": "/me/events", "body": talk("First"), "headers": {"Prefer": IMMUTABLE}},
        {"id": "2", "method": "GET", "url": "/me/events?$select=subject", "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/me/events/garbage"},
        {"id": "4", "method": "GET", "url": "/me", "dependsOn": ["3"]},
        {"id": "5", "method": "GET", "url": "me/contacts"},
    ]
    answers = {one["id"]: one for one in stage.send("POST", "$batch", {"requests": steps}).json["responses"]}
    assert {name: one["status"] for name, one in answers.items()} == {"1": 201, "2": 200, "3": 400, "4": 424, "5": 200}
    assert subjects(answers["2"]["body"]["value"]) == ["First"]
    assert answers["3"]["body"]["error"]["code"] == "ErrorInvalidIdMalformed"
    assert stage.refusal("POST", "$batch", {"requests": [{"id": str(n)} for n in range(21)]}) == (400, "BadRequest")
