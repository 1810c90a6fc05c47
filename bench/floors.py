"""What the floors know of each service: how to sign in, where the items are, and which fields make a row.

A floor reads no more than it must; it finds no links, normalizes no numbers, and trusts whatever it is sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

import orjson
import requests
from lxml import etree

from contacts.models import Contact, ContactNumber, Filing
from contacts.rows import NUMBER_COLUMNS
from integrations.models import Connection
from integrations.upserting import upsert

Values = Mapping[str, Any]
FLAGS = ("is_private", "is_free", "is_organizer", "attendees_omitted", "body_shortened", "is_shadow")
UNTOLD = {"scheduled_id": None, "origin": "calendar"}
"""What no service says of an event: that it was made here."""


class Floor(Protocol):
    def authorize(self, session: requests.Session, credentials: Values) -> None: ...

    def parse(self, feed: str, content: bytes) -> Sequence[Any]: ...

    def make_event(self, item: Any) -> Values: ...

    def make_contact(self, item: Any) -> Values: ...

    def read_parts(self, item: Any) -> tuple[str, list[tuple[str, str]], list[str]]:
        """(id, [(number, E.164 or "")], [folder ids])."""
        ...

    def list_by_client(self, feed: str, credentials: Values) -> Iterator[Values]: ...


def fill(columns: Sequence[str], values: Values, connection: Connection) -> tuple[Any, ...]:
    """A row of these columns; what is not among the values is empty."""
    known = {**UNTOLD, "owner_id": connection.user_id, "connection_id": connection.pk, **values}
    return tuple(known.get(name, name not in FLAGS and "") for name in columns)


def upsert_parts(floor: Floor, items: Iterable[Any], folders: Mapping[str, int], connection: Connection) -> None:
    """The numbers and folders of contacts, which the product keeps as rows."""
    keys = dict(Contact.objects.values_list("remote_id", "pk"))
    numbers, filings = [], []
    for item in items:
        remote_id, found, within = floor.read_parts(item)
        key = keys[remote_id]
        numbers += [(key, connection.pk, n, value, e164, "", "other", "", "") for n, (value, e164) in enumerate(found)]
        filings += [(folders[one], key) for one in within if one in folders]
    upsert(ContactNumber, NUMBER_COLUMNS, numbers, key=("contact", "position"))
    upsert(Filing, ("folder_id", "contact_id"), filings, key=("folder", "contact"))


def make_event_values(remote_id: str, version: str, **more: Any) -> Values:
    return {
        "remote_id": remote_id, "version": version, "stamp": version, "status": "confirmed", "response": "none",
        "attendees_json": "[]", "links_json": "[]", "attendee_count": 0, "starts": None, "ends": None,
        "starts_on": None, "ends_on": None, **more,
    }  # fmt: skip


def make_contact_values(remote_id: str, version: str, name: str, emails: Any, **more: Any) -> Values:
    return {
        "remote_id": remote_id, "version": version, "stamp": version, "display_name": name,
        "sort_name": name.casefold(), "search_text": name.casefold(), "addresses_json": "[]",
        "emails_json": orjson.dumps(emails).decode(), **more,
    }  # fmt: skip


class GoogleFloor:
    LISTS = {"calendar": "items", "contacts": "connections"}

    def authorize(self, session: requests.Session, credentials: Values) -> None:
        session.headers["Authorization"] = f"Bearer {credentials['access_token']}"

    def parse(self, feed: str, content: bytes) -> Sequence[Any]:
        return orjson.loads(content).get(self.LISTS[feed], ())

    def make_event(self, item: Any) -> Values:
        starts, ends, starts_on, ends_on = _read_times(item)
        return make_event_values(
            item["id"], item["etag"], uid=item.get("iCalUID", ""), title=item.get("summary", ""), starts=starts,
            ends=ends, starts_on=starts_on, ends_on=ends_on, location=item.get("location", ""),
            body_text=item.get("description", ""), web_url=item.get("htmlLink", ""),
            attendee_count=len(item.get("attendees", ())),
        )  # fmt: skip

    def make_contact(self, item: Any) -> Values:
        name = (item.get("names") or [{}])[0]
        return make_contact_values(
            item["resourceName"], item["etag"], name.get("displayName", ""), item.get("emailAddresses", []),
            given_name=name.get("givenName", ""), family_name=name.get("familyName", ""),
        )  # fmt: skip

    def read_parts(self, item: Any) -> tuple[str, list[tuple[str, str]], list[str]]:
        numbers = [(one["value"], one.get("canonicalForm", "")) for one in item.get("phoneNumbers", ())]
        within = [
            one.get("contactGroupMembership", {}).get("contactGroupResourceName") for one in item.get("memberships", ())
        ]
        return item["resourceName"], numbers, within

    def list_by_client(self, feed: str, credentials: Values) -> Iterator[Values]:
        """google-api-python-client with its own transport."""
        from django.conf import settings
        from google.oauth2.credentials import Credentials
        from googleapiclient.discovery import build

        token = Credentials(credentials["access_token"])
        if feed == "calendar":
            options = {"api_endpoint": settings.GOOGLE["calendar_root"]}
            lister = build("calendar", "v3", credentials=token, client_options=options).events()
            request = lister.list(calendarId="primary", singleEvents=True, maxResults=2500)
        else:
            options = {"api_endpoint": settings.GOOGLE["people_root"]}
            lister = build("people", "v1", credentials=token, client_options=options).people().connections()
            fields = "names,emailAddresses,phoneNumbers,organizations,memberships,metadata"
            request = lister.list(resourceName="people/me", personFields=fields, pageSize=1000, requestSyncToken=True)
        make = self.make_event if feed == "calendar" else self.make_contact
        while request is not None:
            answer = request.execute()
            yield from (make(item) for item in answer.get(self.LISTS[feed], ()))
            request = lister.list_next(request, answer)


def _read_times(item: Values) -> tuple[Any, ...]:
    start, end = item["start"], item["end"]
    if "dateTime" in start:
        moments = (datetime.fromisoformat(one["dateTime"]).astimezone(UTC) for one in (start, end))
        return (*moments, None, None)
    days = [date.fromisoformat(one["date"]) for one in (start, end)]
    return (*(datetime.combine(day, time.min, UTC) for day in days), *days)


class GraphFloor:
    def authorize(self, session: requests.Session, credentials: Values) -> None:
        session.headers["Authorization"] = f"Bearer {credentials['access_token']}"

    def parse(self, feed: str, content: bytes) -> Sequence[Any]:
        kept = "start" if feed == "calendar" else "emailAddresses"
        return [one for one in orjson.loads(content).get("value", ()) if kept in one]

    def make_event(self, item: Any) -> Values:
        starts, ends = (
            datetime.fromisoformat(item[name]["dateTime"][:19]).replace(tzinfo=UTC) for name in ("start", "end")
        )
        return make_event_values(
            item["id"], item["@odata.etag"], uid=item.get("iCalUId") or "", title=item.get("subject") or "",
            starts=starts, ends=ends, location=(item.get("location") or {}).get("displayName", ""),
            body_text=(item.get("body") or {}).get("content", ""), web_url=item.get("webLink") or "",
            attendee_count=len(item.get("attendees", ())),
        )  # fmt: skip

    def make_contact(self, item: Any) -> Values:
        return make_contact_values(
            item["id"], item["@odata.etag"], item.get("displayName") or "", item["emailAddresses"],
            given_name=item.get("givenName") or "", family_name=item.get("surname") or "",
        )  # fmt: skip

    def read_parts(self, item: Any) -> tuple[str, list[tuple[str, str]], list[str]]:
        mobile = item.get("mobilePhone")
        numbers = [*item.get("businessPhones", ()), *item.get("homePhones", ()), *([mobile] if mobile else ())]
        return item["id"], [(one, "") for one in numbers], [item.get("parentFolderId", "")]


T = "{http://schemas.microsoft.com/exchange/services/2006/types}"


class EwsFloor:
    """A bare lxml walk over the same answers, with Basic sign-in."""

    def authorize(self, session: requests.Session, credentials: Values) -> None:
        session.auth = (credentials["user"], credentials["password"])

    def parse(self, feed: str, content: bytes) -> Sequence[Any]:
        if b"GetItemResponse" not in content[:2000]:
            etree.fromstring(content)
            return ()
        tag = f"{T}CalendarItem" if feed == "calendar" else f"{T}Contact"
        return list(etree.fromstring(content, etree.XMLParser(huge_tree=True)).iter(tag))

    def make_event(self, item: Any) -> Values:
        found = item.find(f"{T}ItemId")
        starts, ends = (datetime.fromisoformat(item.findtext(f"{T}{name}")) for name in ("Start", "End"))
        return make_event_values(
            found.get("Id"), found.get("ChangeKey"), uid=item.findtext(f"{T}UID") or "",
            title=item.findtext(f"{T}Subject") or "", starts=starts, ends=ends,
            location=item.findtext(f"{T}Location") or "", body_text=item.findtext(f"{T}Body") or "",
            attendee_count=len(item.findall(f"{T}RequiredAttendees/{T}Attendee")),
        )  # fmt: skip

    def make_contact(self, item: Any) -> Values:
        found = item.find(f"{T}ItemId")
        emails = [one.text for one in item.iterfind(f"{T}EmailAddresses/{T}Entry")]
        return make_contact_values(
            found.get("Id"), found.get("ChangeKey"), item.findtext(f"{T}DisplayName") or "", emails,
            given_name=item.findtext(f"{T}GivenName") or "", family_name=item.findtext(f"{T}Surname") or "",
        )  # fmt: skip

    def read_parts(self, item: Any) -> tuple[str, list[tuple[str, str]], list[str]]:
        parent = item.find(f"{T}ParentFolderId")
        numbers = [(one.text, "") for one in item.iterfind(f"{T}PhoneNumbers/{T}Entry") if one.text]
        return item.find(f"{T}ItemId").get("Id"), numbers, [parent.get("Id")] if parent is not None else []


FLOORS: dict[str, Any] = {"google": GoogleFloor(), "office365": GraphFloor(), "exchange": EwsFloor()}
