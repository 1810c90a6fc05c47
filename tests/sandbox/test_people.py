"""People API v1 as documented: masks, pages, sync tokens and their seven days, etags, groups, merges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.sandbox.conftest import ALICE, BEN, EVERYTHING, Api

FIELDS = {"personFields": "names,phoneNumbers,emailAddresses,memberships,metadata"}


@pytest.fixture
def people(api):
    return f"{api.people}people/me/connections"


def add(sandbox, given: str = "Rosa", family: str = "Castellanos", email: str = ALICE, **more: object) -> dict:
    return sandbox.google.contacts.create(email, {"names": [{"givenName": given, "familyName": family}], **more})


def status(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["status"]


def names(page: dict) -> list[str]:
    return [person["names"][0]["givenName"] for person in page.get("connections", [])]


def test_googles_client_lists_creates_updates_and_deletes(sandbox):
    token = sandbox.google.tokens.issue(ALICE, EVERYTHING).access
    options = {"api_endpoint": sandbox.settings["GOOGLE_PEOPLE_ROOT"].rstrip("/")}
    with build("people", "v1", credentials=Credentials(token), cache_discovery=False, client_options=options) as client:
        made = client.people().createContact(body={"names": [{"givenName": "Rosa"}]}, **FIELDS).execute()
        name = made["resourceName"]
        body = {"names": [{"givenName": "Rose"}], "etag": made["etag"], "metadata": made["metadata"]}
        changed = client.people().updateContact(
            resourceName=name, updatePersonFields="names", body=body, **FIELDS).execute()  # fmt: skip
        assert changed["names"][0]["displayName"] == "Rose"
        with pytest.raises(HttpError) as caught:
            client.people().updateContact(resourceName=name, updatePersonFields="names", body=body).execute()
        assert caught.value.status_code == 400
        assert "different than the current person.etag" in caught.value.reason
        listed = client.people().connections().list(resourceName="people/me", **FIELDS).execute()
        assert names(listed) == ["Rose"]
        client.people().deleteContact(resourceName=name).execute()
        with pytest.raises(HttpError) as caught:
            client.people().get(resourceName=name, personFields="names").execute()
        assert caught.value.status_code == 404


def test_a_stale_etag_is_a_failed_precondition(sandbox, api):
    person = add(sandbox)
    url = f"{api.people}{person['resourceName']}:updateContact"
    body = {"names": [{"givenName": "New"}], "metadata": {"sources": [person["metadata"]["sources"][0]]}}
    assert api.session.patch(url, json=body, params={"updatePersonFields": "names"}).status_code == 200
    stale = api.session.patch(url, json=body, params={"updatePersonFields": "names"})
    assert status(stale) == (400, "FAILED_PRECONDITION")
    assert stale.json()["error"]["errors"][0]["reason"] == "failedPrecondition"
    without = api.session.patch(url, json={"names": []}, params={"updatePersonFields": "names"})
    assert status(without) == (400, "INVALID_ARGUMENT")


def test_an_etag_says_what_was_asked_for_and_is_good_for_an_update_whatever_that_was(sandbox, api):
    url = f"{api.people}{add(sandbox)['resourceName']}"
    narrow, wide = (api.get(url, personFields=mask).json() for mask in ("names", "names,metadata"))
    assert narrow["etag"] != wide["etag"]
    assert api.get(url, personFields="names").json()["etag"] == narrow["etag"]
    query = {"updatePersonFields": "nicknames", "personFields": "metadata"}
    for etag in (wide["etag"], narrow["etag"]):
        body = {"etag": etag, "metadata": {"sources": [{"type": "CONTACT"}]}, "nicknames": [{"value": "Ro"}]}
        answer = api.session.patch(f"{url}:updateContact", json=body, params=query)
        assert answer.status_code == (200 if etag == wide["etag"] else 400), answer.text
    assert status(answer) == (400, "FAILED_PRECONDITION")
    odd = {"etag": "%odd", "metadata": {"sources": [{"type": "CONTACT"}]}}
    assert status(api.session.patch(f"{url}:updateContact", json=odd, params=query)) == (400, "FAILED_PRECONDITION")


def test_a_client_keeps_data_with_a_contact_and_finds_it_newest_first(sandbox, api, people):
    body = {"names": [{"givenName": "Rosa"}], "clientData": [{"key": "portico", "value": "17"}]}
    made = api.session.post(
        f"{api.people}people:createContact", json=body, params={"personFields": "clientData"}
    ).json()
    add(sandbox, "Later")
    assert [one["value"] for one in made["clientData"]] == ["17"]
    query = {"personFields": "clientData", "sortOrder": "LAST_MODIFIED_DESCENDING"}
    listed = api.get(people, fields="connections(resourceName,clientData(key,value))", **query).json()["connections"]
    assert listed[1] == {"resourceName": made["resourceName"], "clientData": [{"key": "portico", "value": "17"}]}
    assert "clientData" not in listed[0]


def test_new_contacts_are_put_under_labels_of_their_own_and_under_no_system_group_but_two(sandbox, api):
    url = f"{api.people}people:createContact"
    group = sandbox.google.contacts.save_group(ALICE, "Clients")["name"]
    codes = {}
    for name in (group, "contactGroups/starred", "contactGroups/friends", "contactGroups/none"):
        membership = {"contactGroupMembership": {"contactGroupResourceName": name}}
        body = {"names": [{"givenName": "Rosa"}], "memberships": [membership]}
        codes[name] = api.session.post(url, json=body).status_code
    assert list(codes.values()) == [200, 200, 400, 400]


def test_a_source_that_there_is_not_is_refused(api, people):
    assert api.get(people, sources="READ_SOURCE_TYPE_CONTACT", **FIELDS).status_code == 200
    assert status(api.get(people, sources="CONTACT", **FIELDS)) == (400, "INVALID_ARGUMENT")


def test_only_the_fields_named_are_replaced(sandbox, api):
    person = add(sandbox, phoneNumbers=[{"value": "030 23125 111"}], emailAddresses=[{"value": "rosa@x.example"}])
    body = {"metadata": person["metadata"], "phoneNumbers": [], "emailAddresses": [{"value": "ignored@x.example"}]}
    url = f"{api.people}{person['resourceName']}:updateContact"
    changed = api.session.patch(url, json=body, params={"updatePersonFields": "phoneNumbers"}).json()
    assert "phoneNumbers" not in changed
    assert changed["emailAddresses"][0]["value"] == "rosa@x.example"


def test_a_mask_is_required_and_must_be_known(api, people):
    assert status(api.get(people)) == (400, "INVALID_ARGUMENT")
    assert status(api.get(people, personFields="names,shoeSize")) == (400, "INVALID_ARGUMENT")
    assert api.get(people, personFields="names").status_code == 200


def test_people_me_is_the_person_and_only_their_connections_are_listed(sandbox, api, people):
    me = api.get(f"{api.people}people/me", personFields="names,emailAddresses").json()
    assert me["emailAddresses"][0]["value"] == ALICE
    assert status(api.get(people.replace("me", "c123"), **FIELDS)) == (400, "INVALID_ARGUMENT")
    add(sandbox, email=BEN)
    assert names(api.get(people, **FIELDS).json()) == []


def test_pages_hold_a_hundred_by_default_and_repeat_their_parameters(sandbox, api, people):
    for n in range(103):
        add(sandbox, f"P{n:03d}")
    first = api.get(people, requestSyncToken="true", **FIELDS).json()
    assert (len(first["connections"]), first["totalItems"]) == (100, 103)
    assert "nextSyncToken" not in first
    rest = api.get(people, requestSyncToken="true", pageToken=first["nextPageToken"], **FIELDS).json()
    assert names(first) + names(rest) == [f"P{n:03d}" for n in range(103)]
    assert "nextSyncToken" in rest
    changed = api.get(people, requestSyncToken="true", pageToken=first["nextPageToken"], personFields="names")
    assert status(changed) == (400, "INVALID_ARGUMENT")
    assert status(api.get(people, pageSize=1001, **FIELDS)) == (400, "INVALID_ARGUMENT")


def test_people_can_be_sorted(sandbox, api, people):
    for given, family in (("Bea", "Young"), ("Cai", "Adler"), ("Ada", "Meyer")):
        add(sandbox, given, family)
    order = {"LAST_MODIFIED_DESCENDING": "Ada Cai Bea", "FIRST_NAME_ASCENDING": "Ada Bea Cai",
             "LAST_NAME_ASCENDING": "Cai Ada Bea"}  # fmt: skip
    for name, expected in order.items():
        found, _ = api.list_all(people, "connections", sortOrder=name, pageSize=2, **FIELDS)
        assert [person["names"][0]["givenName"] for person in found] == expected.split()


def test_a_sync_tells_what_changed_and_what_is_gone_and_repeats_its_parameters(sandbox, api, people):
    kept, gone = add(sandbox, "Kept"), add(sandbox, "Gone")
    query = {"requestSyncToken": "true", **FIELDS}
    token = api.get(people, **query).json()["nextSyncToken"]
    assert "connections" not in api.get(people, syncToken=token, **query).json()
    sandbox.google.contacts.delete(ALICE, gone["resourceName"])
    add(sandbox, "New")
    page = api.get(people, syncToken=token, **query).json()
    told = {person["resourceName"]: person["metadata"].get("deleted", False) for person in page["connections"]}
    assert kept["resourceName"] not in told
    assert told.pop(gone["resourceName"]) is True
    assert list(told.values()) == [False]
    assert status(api.get(people, syncToken=token, requestSyncToken="true", personFields="names"))[0] == 400
    narrow = api.get(people, requestSyncToken="true", personFields="names").json()["nextSyncToken"]
    sandbox.google.contacts.delete(ALICE, kept["resourceName"])
    change = api.get(people, syncToken=narrow, requestSyncToken="true", personFields="names").json()["connections"][0]
    assert change["metadata"]["deleted"] is True


def test_a_sync_token_lives_seven_days_from_the_full_sync(sandbox, api, people):
    query = {"requestSyncToken": "true", **FIELDS}
    token = api.get(people, **query).json()["nextSyncToken"]
    sandbox.clock.advance(timedelta(days=6))
    second = Api(sandbox, ALICE)
    later = second.get(people, syncToken=token, **query).json()["nextSyncToken"]
    sandbox.clock.advance(timedelta(days=2))
    third = Api(sandbox, ALICE)
    expired = third.get(people, syncToken=later, **query)
    assert status(expired) == (400, "FAILED_PRECONDITION")
    assert expired.json()["error"]["details"][0]["reason"] == "EXPIRED_SYNC_TOKEN"
    assert third.get(people, **query).status_code == 200
    second.session.close()
    third.session.close()


def test_a_merged_or_renamed_contact_tells_its_former_names_to_a_sync_only(sandbox, api, people):
    one, other = add(sandbox, "One"), add(sandbox, "Other", phoneNumbers=[{"value": "030 23125 111"}])
    query = {"requestSyncToken": "true", "personFields": "names,phoneNumbers"}
    token = api.get(people, **query).json()["nextSyncToken"]
    sandbox.google.contacts.merge(ALICE, one["resourceName"], other["resourceName"])
    page = api.get(people, syncToken=token, **query).json()
    assert [(p["resourceName"], p["metadata"]["previousResourceNames"]) for p in page["connections"]] == [
        (one["resourceName"], [other["resourceName"]])
    ]
    assert page["connections"][0]["phoneNumbers"][0]["canonicalForm"] == "+493023125111"
    assert "metadata" not in api.get(people, **query).json()["connections"][0]
    renamed = sandbox.google.contacts.rename(ALICE, one["resourceName"])
    page = api.get(people, syncToken=page["nextSyncToken"], **query).json()
    assert [p["resourceName"] for p in page["connections"]] == [renamed]
    assert one["resourceName"] in page["connections"][0]["metadata"]["previousResourceNames"]
    assert api.get(f"{api.people}{one['resourceName']}", **FIELDS).json()["resourceName"] == renamed


def test_a_contact_renamed_and_then_deleted_is_gone_under_both_names(sandbox, api, people):
    old = add(sandbox)["resourceName"]
    query = {"requestSyncToken": "true", "personFields": "names"}
    token = api.get(people, **query).json()["nextSyncToken"]
    new = sandbox.google.contacts.rename(ALICE, old)
    sandbox.google.contacts.delete(ALICE, new)
    told = api.get(people, syncToken=token, **query).json()["connections"]
    assert [(p["resourceName"], p["metadata"]["deleted"], p["metadata"]["previousResourceNames"]) for p in told] == [
        (new, True, [old])
    ]


def test_numbers_get_their_canonical_form_by_the_persons_country(sandbox):
    for email, expected in ((ALICE, "+493023125111"), (BEN, None)):
        person = add(sandbox, email=email, phoneNumbers=[{"value": "030 23125 111"}, {"value": "ask Petra"}])
        assert person["phoneNumbers"][0].get("canonicalForm") == expected
        assert "canonicalForm" not in person["phoneNumbers"][1]
    american = add(sandbox, email=BEN, phoneNumbers=[{"value": "(212) 555-0143", "type": "workFax"}])
    assert american["phoneNumbers"][0]["canonicalForm"] == "+12125550143"
    assert american["phoneNumbers"][0]["formattedType"] == "Work Fax"


def test_singletons_and_unknown_fields_are_refused(api):
    url = f"{api.people}people:createContact"
    assert status(api.session.post(url, json={"names": [{"givenName": "A"}, {"givenName": "B"}]}))[0] == 400
    unknown = api.session.post(url, json={"shoeSize": [42]})
    assert (status(unknown), "shoeSize" in unknown.json()["error"]["message"]) == ((400, "INVALID_ARGUMENT"), True)
    assert api.session.post(url, json={"names": [{"givenName": "A"}]}).status_code == 200


def test_groups_are_made_renamed_synced_and_deleted(sandbox, api):
    url = f"{api.people}contactGroups"
    token = api.get(url).json()["nextSyncToken"]
    made = api.session.post(url, json={"contactGroup": {"name": "Clients"}}).json()
    assert (made["groupType"], made["formattedName"]) == ("USER_CONTACT_GROUP", "Clients")
    assert status(api.session.post(url, json={"contactGroup": {"name": "Clients"}})) == (409, "ALREADY_EXISTS")
    own = f"{api.people}{made['resourceName']}"
    assert api.session.put(own, json={"contactGroup": {"name": "Customers"}}).json()["name"] == "Customers"
    page = api.get(url, syncToken=token).json()
    assert [group["name"] for group in page["contactGroups"]] == ["Customers"]
    assert api.session.delete(own).status_code == 200
    gone = api.get(url, syncToken=page["nextSyncToken"]).json()["contactGroups"][0]
    assert (gone["resourceName"], gone["metadata"]["deleted"]) == (made["resourceName"], True)
    assert status(api.session.delete(f"{url}/starred"))[0] == 400
    sandbox.google.expire_sync_tokens(ALICE)
    assert api.get(url, syncToken=token).json()["error"]["details"][0]["reason"] == "EXPIRED_SYNC_TOKEN"


def test_members_join_and_leave_but_nobody_leaves_their_last_group(sandbox, api, people):
    person = add(sandbox)["resourceName"]
    group = sandbox.google.contacts.save_group(ALICE, "Clients")["name"]
    url = f"{api.people}{group}/members:modify"
    answer = api.session.post(url, json={"resourceNamesToAdd": [person, "people/c1"]})
    assert answer.json() == {"notFoundResourceNames": ["people/c1"]}
    assert api.get(f"{api.people}{group}", maxMembers=5).json()["memberResourceNames"] == [person]
    mine = f"{api.people}contactGroups/myContacts/members:modify"
    assert api.session.post(mine, json={"resourceNamesToRemove": [person]}).json() == {}
    stuck = api.session.post(url, json={"resourceNamesToRemove": [person]}).json()
    assert stuck == {"canNotRemoveLastContactGroupResourceNames": [person]}
    deprecated = api.session.post(
        f"{api.people}contactGroups/friends/members:modify", json={"resourceNamesToAdd": [person]}
    )
    assert status(deprecated)[0] == 400
    found = api.get(people, **FIELDS).json()["connections"][0]["memberships"]
    assert [m["contactGroupMembership"]["contactGroupResourceName"] for m in found] == [group]


def test_deleting_a_group_keeps_its_people_unless_told_otherwise(sandbox, api, people):
    for with_contacts, left in (("false", 1), ("true", 0)):
        group = sandbox.google.contacts.save_group(ALICE, "Clients")["name"]
        membership = {"contactGroupMembership": {"contactGroupResourceName": group}}
        made = add(sandbox, memberships=[membership])
        api.session.delete(f"{api.people}{group}", params={"deleteContacts": with_contacts})
        assert len(api.get(people, **FIELDS).json().get("connections", [])) == left
        if left:
            sandbox.google.contacts.delete(ALICE, made["resourceName"])


def test_several_people_are_fetched_at_once_and_found_by_words(sandbox, api):
    name = add(sandbox, "Zoë", "Müller")["resourceName"]
    batch = api.get(f"{api.people}people:batchGet", personFields="names", resourceNames=[name, "people/c1"]).json()
    assert [entry["httpStatusCode"] for entry in batch["responses"]] == [200, 404]
    found = api.get(f"{api.people}people:searchContacts", query="mül", readMask="names").json()["results"]
    assert found[0]["person"]["resourceName"] == name
