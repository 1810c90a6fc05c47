"""One measurement in a process of its own: `python -m bench.child MODE FEED`, prints one line of JSON.

The process is what a worker is between two syncs: everything imported, the database connected, a first request sent
(which reads the certificate authorities), Google's client built
(once per process: `python -m bench.child client calendar` measures that alone).
"""

import json
import os
import sys
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import parse_qsl

import django

django.setup()

import orjson  # noqa: E402
import requests  # noqa: E402
from django.conf import settings  # noqa: E402

import portal.celery  # noqa: E402, F401
from bench.measuring import measure  # noqa: E402
from contacts.models import Contact, ContactFolder, ContactNumber, Filing  # noqa: E402
from contacts.sync import CONTACT_COLUMNS, NUMBER_COLUMNS  # noqa: E402
from integrations import registry, sync, tasks  # noqa: E402, F401
from integrations.models import Connection  # noqa: E402
from integrations.providers.google import calendar as google_calendar  # noqa: E402
from integrations.providers.google import contacts as google_contacts  # noqa: E402
from integrations.upserting import upsert  # noqa: E402
from meetings.models import Meeting  # noqa: E402
from meetings.sync import COLUMNS as MEETING_COLUMNS  # noqa: E402
from organizations.models import Membership, Organization, User  # noqa: E402

ROWS = {"calendar": Meeting, "contacts": Contact}
TOKENS = json.loads(os.environ.get("BENCH_TOKENS", "{}"))
QUERIES = json.loads(os.environ.get("BENCH_QUERIES", "{}"))


def prepare() -> dict[str, Any]:
    """A person with a connection and no rows."""
    User.objects.filter(email="bench@northwind.example").delete()
    organization, _ = Organization.objects.get_or_create(name="Bench", defaults={"default_region": "DE"})
    user = User.objects.create_user("bench@northwind.example", time_zone="Europe/Berlin")
    Membership.objects.create(user=user, organization=organization)
    credentials = {**TOKENS, "expires_at": datetime.now(UTC).timestamp() + 3000, "scopes": [], "sub": "bench"}
    Connection.objects.create(
        user=user, provider="google", mailbox=user.email, account_id="bench", credentials=credentials,
        calendar_read=True, contacts_read=True,
    )  # fmt: skip
    return {}


def run_portico(feed: str) -> dict[str, Any]:
    """The product's own run over one feed."""
    build_client(feed)
    with registry.make_session() as session:
        session.get(f"{os.environ['BENCH_URL']}/_control/")
    settings.FEEDS = {feed: settings.FEEDS[feed]}
    pk = Connection.objects.values_list("pk", flat=True).get()
    with measure() as measured:
        run = sync.run(pk, trigger="person")
    assert run is not None and run.outcome == "done", (run.error_sentence, run.error_detail)
    return _dump(measured, added=run.added, changed=run.changed, removed=run.removed, pages=run.pages)


def build_client(feed: str) -> dict[str, Any]:
    """What the first sync of a process pays once: reading the discovery document."""
    with measure() as measured:
        google_calendar._events(settings.GOOGLE["calendar_root"])
        google_contacts._connections(settings.GOOGLE["people_root"])
        google_contacts._groups(settings.GOOGLE["people_root"])
    return _dump(measured)


def run_floor(feed: str, *, with_parts: bool = False) -> dict[str, Any]:
    """The same bytes over a bare session, orjson, and one raw upsert of the columns as they come."""
    connection = Connection.objects.select_related("user").get()
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {TOKENS['access_token']}"
    ROWS[feed].objects.all().delete()
    path, query = QUERIES[feed]
    folders = dict(ContactFolder.objects.values_list("remote_id", "pk"))
    with measure() as measured:
        rows: list[Any] = []
        items: list[Any] = []
        page = ""
        while True:
            answer = session.get(f"{os.environ['BENCH_URL']}{path}?{query}" + (f"&pageToken={page}" if page else ""))
            answer.raise_for_status()
            body = orjson.loads(answer.content)
            make = _event_row if feed == "calendar" else _person_row
            found = body.get("items" if feed == "calendar" else "connections", ())
            rows += [make(connection, item) for item in found]
            if with_parts:
                items += found
            page = body.get("nextPageToken", "")
            if not page:
                break
        columns = MEETING_COLUMNS if feed == "calendar" else CONTACT_COLUMNS
        upsert(ROWS[feed], columns, rows, key=("connection", "remote_id"))
        if with_parts:
            _upsert_parts(items, folders)
    return _dump(measured, added=len(rows))


def _upsert_parts(items: list[Any], folders: dict[str, int]) -> None:
    """The numbers and folders of contacts, which the product keeps as rows."""
    keys = dict(Contact.objects.values_list("remote_id", "pk"))
    numbers, filings = [], []
    for item in items:
        key = keys[item["resourceName"]]
        for position, one in enumerate(item.get("phoneNumbers", ())):
            numbers.append((key, position, one["value"], one.get("canonicalForm", ""), "", "other", "", ""))
        for one in item.get("memberships", ()):
            folder = one.get("contactGroupMembership", {}).get("contactGroupResourceName")
            if folder in folders:
                filings.append((folders[folder], key))
    upsert(ContactNumber, NUMBER_COLUMNS, numbers, key=("contact", "position"))
    upsert(Filing, ("folder_id", "contact_id"), filings, key=("folder", "contact"))


def _event_row(connection: Connection, item: dict[str, Any]) -> tuple[Any, ...]:
    starts, ends, starts_on, ends_on = _times(item)
    values = {
        "owner_id": connection.user_id, "connection_id": connection.pk, "remote_id": item["id"],
        "version": item["etag"], "stamp": item["etag"], "uid": item.get("iCalUID", ""),
        "title": item.get("summary", ""), "starts": starts, "ends": ends, "starts_on": starts_on, "ends_on": ends_on,
        "status": item["status"], "response": "none", "location": item.get("location", ""),
        "body_text": item.get("description", ""), "web_url": item.get("htmlLink", ""),
        "attendees_json": "[]", "links_json": "[]", "attendee_count": len(item.get("attendees", ())),
    }  # fmt: skip
    flags = ("is_private", "is_free", "is_organizer", "attendees_omitted", "body_shortened")
    return tuple(values.get(name, name not in flags and "") for name in MEETING_COLUMNS)


def _times(item: dict[str, Any]) -> tuple[Any, ...]:
    start, end = item["start"], item["end"]
    if "dateTime" in start:
        moments = (datetime.fromisoformat(one["dateTime"]).astimezone(UTC) for one in (start, end))
        return (*moments, None, None)
    days = [date.fromisoformat(one["date"]) for one in (start, end)]
    return (*(datetime.combine(day, time.min, UTC) for day in days), *days)


def _person_row(connection: Connection, item: dict[str, Any]) -> tuple[Any, ...]:
    name = (item.get("names") or [{}])[0]
    values = {
        "connection_id": connection.pk, "remote_id": item["resourceName"], "version": item["etag"],
        "stamp": item["etag"], "given_name": name.get("givenName", ""), "family_name": name.get("familyName", ""),
        "display_name": name.get("displayName", ""), "sort_name": name.get("displayName", "").casefold(),
        "emails_json": orjson.dumps(item.get("emailAddresses", [])).decode(), "addresses_json": "[]",
        "search_text": name.get("displayName", "").casefold(),
    }  # fmt: skip
    return tuple(values.get(column, "") for column in CONTACT_COLUMNS)


def run_per_row(feed: str) -> dict[str, Any]:
    """google-api-python-client's own transport, and update_or_create for each row."""
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    connection = Connection.objects.select_related("user").get()
    credentials = Credentials(TOKENS["access_token"])
    ROWS[feed].objects.all().delete()
    query = dict(parse_qsl(QUERIES[feed][1]))
    with measure() as measured:
        count = 0
        for item in _list_by_client(feed, credentials, build, query):
            columns = MEETING_COLUMNS if feed == "calendar" else CONTACT_COLUMNS
            make = _event_row if feed == "calendar" else _person_row
            values = dict(zip(columns, make(connection, item), strict=True))
            ROWS[feed].objects.update_or_create(
                connection_id=values.pop("connection_id"), remote_id=values.pop("remote_id"), defaults=values
            )
            count += 1
    return _dump(measured, added=count)


def _list_by_client(feed: str, credentials: Any, build: Any, query: dict[str, str]) -> Any:
    if feed == "calendar":
        root = settings.GOOGLE["calendar_root"]
        service = build("calendar", "v3", credentials=credentials, client_options={"api_endpoint": root})
        lister, name = service.events(), "items"
        request = lister.list(calendarId="primary", singleEvents=True, timeMin=query["timeMin"],
                              timeMax=query["timeMax"], maxResults=2500)  # fmt: skip
    else:
        root = settings.GOOGLE["people_root"]
        service = build("people", "v1", credentials=credentials, client_options={"api_endpoint": root})
        lister, name = service.people().connections(), "connections"
        fields = "names,emailAddresses,phoneNumbers,organizations,memberships,metadata"
        request = lister.list(resourceName="people/me", personFields=fields, pageSize=1000, requestSyncToken=True)
    while request is not None:
        answer = request.execute()
        yield from answer.get(name, ())
        request = lister.list_next(request, answer)


def _dump(measured: Any, **counts: int) -> dict[str, Any]:
    return {"cpu": measured.cpu, "wall": measured.wall, "peak_mib": measured.peak_mib, **counts}


if __name__ == "__main__":
    MODES = {
        "prepare": lambda _: prepare(),
        "client": build_client,
        "portico": run_portico,
        "floor": run_floor,
        "floor-with-parts": lambda feed: run_floor(feed, with_parts=True),
        "per-row": run_per_row,
    }
    Connection.objects.exists()
    print(json.dumps(MODES[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "")))
