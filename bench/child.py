"""One measurement in a process of its own: `python -m bench.child MODE FEED`, prints one line of JSON.

The process is what a worker is between two syncs: everything imported, the database connected, a first request sent
(which reads the certificate authorities), the service's client built. BENCH_SERVICE says which service it is.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django

django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from requests.adapters import HTTPAdapter  # noqa: E402

import portal.celery  # noqa: E402, F401
from bench import floors  # noqa: E402
from bench.measuring import measure  # noqa: E402
from contacts.models import Contact, ContactFolder  # noqa: E402
from contacts.rows import CONTACT_COLUMNS  # noqa: E402
from integrations import gateway, registry, sync, tasks  # noqa: E402, F401
from integrations.models import Connection  # noqa: E402
from integrations.upserting import upsert  # noqa: E402
from meetings.models import CalendarList, Meeting  # noqa: E402
from meetings.sync import COLUMNS as MEETING_COLUMNS  # noqa: E402
from organizations.models import Membership, Organization, User  # noqa: E402

ROWS = {"calendar": Meeting, "contacts": Contact}
COLUMNS = {"calendar": MEETING_COLUMNS, "contacts": CONTACT_COLUMNS}
KEYS = {"calendar": ("connection", "container", "remote_id"), "contacts": ("connection", "remote_id")}
SERVICE = os.environ.get("BENCH_SERVICE", "")
CREDENTIALS = json.loads(os.environ.get("BENCH_CREDENTIALS", "{}"))
RECORD = Path(os.environ.get("BENCH_RECORD", os.devnull))
KEPT_HEADERS = ("prefer", "content-type", "accept", "accept-encoding", "user-agent")


def prepare(feed: str) -> dict[str, Any]:
    """A person with a connection and no rows, whose list of calendars, which is read once a day, was read just now."""
    User.objects.filter(email="bench@northwind.example").delete()
    organization, _ = Organization.objects.get_or_create(name="Bench", defaults={"default_region": "DE"})
    user = User.objects.create_user("bench@northwind.example", time_zone="Europe/Berlin")
    Membership.objects.create(user=user, organization=organization)
    connection = Connection.objects.create(
        user=user, provider=SERVICE, method=CREDENTIALS.get("method", "oauth"), mailbox=user.email,
        account_id="bench", credentials=CREDENTIALS, calendar_read=True, contacts_read=True,
    )  # fmt: skip
    CalendarList.objects.create(connection=connection, checked_at=sync.timezone.now())
    return {}


def run_portico(feed: str) -> dict[str, Any]:
    """The product's own run over one feed."""
    warm_up()
    settings.FEEDS = {feed: settings.FEEDS[feed]}
    pk = Connection.objects.values_list("pk", flat=True).get()
    with measure() as measured:
        run = sync.run(pk, trigger="person")
    assert run is not None and run.outcome == "done", (run.error_sentence, run.error_detail)
    return _dump(measured, added=run.added, changed=run.changed, removed=run.removed, pages=run.pages)


def warm_up() -> None:
    """What the first sync of a process pays once: libraries, documents to read, the certificate authorities."""
    from integrations.remote import Window

    connection = Connection.objects.get()
    provider = registry.get_provider(SERVICE)
    now = sync.timezone.now()
    with provider.open(gateway.read_credentials(connection), save=lambda _: None) as account:
        nothing = Window(now.replace(year=now.year + 20), now.replace(year=now.year + 20))
        next(iter(account.calendar.changes(None, nothing)), None)


def record(feed: str) -> dict[str, Any]:
    """A full sync whose requests are written down, for the floor to send again."""
    asked: list[dict[str, Any]] = []
    send = HTTPAdapter.send

    def sending(self: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = send(self, request, **options)
        if response.status_code == 200 and "/oauth2/" not in str(request.url) and "/token" not in str(request.url):
            body = request.body
            asked.append({
                "method": request.method, "url": request.url,
                "headers": {k: v for k, v in request.headers.items() if k.lower() in KEPT_HEADERS},
                "body": body.decode() if isinstance(body, bytes) else body,
            })  # fmt: skip
        return response

    HTTPAdapter.send = sending  # type: ignore[method-assign]
    settings.FEEDS = {feed: settings.FEEDS[feed]}
    run = sync.run(Connection.objects.values_list("pk", flat=True).get(), trigger="person")
    assert run is not None and run.outcome == "done", (run.error_sentence, run.error_detail)
    RECORD.write_text(json.dumps(asked))
    return {"requests": len(asked)}


def run_floor(feed: str, *, with_parts: bool = False) -> dict[str, Any]:
    """The same requests on a bare session, the fastest parser there is, and one raw upsert of columns as they come."""
    connection = Connection.objects.select_related("user").get()
    asked = json.loads(RECORD.read_text())
    floor = floors.FLOORS[SERVICE]
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("OUTBOUND_CA_BUNDLE") or True
    floor.authorize(session, CREDENTIALS)
    first = urlsplit(asked[0]["url"])
    session.get(f"{first.scheme}://{first.netloc}/_control/", headers={"Accept": "*/*"})
    ROWS[feed].objects.all().delete()
    folders = dict(ContactFolder.objects.values_list("remote_id", "pk"))
    with measure() as measured:
        rows: list[Any] = []
        items: list[Any] = []
        for one in asked:
            answer = session.request(one["method"], one["url"], headers=one["headers"], data=one["body"])
            answer.raise_for_status()
            found = floor.parse(feed, answer.content)
            make = floor.make_event if feed == "calendar" else floor.make_contact
            rows += [floors.fill(COLUMNS[feed], make(item), connection) for item in found]
            if with_parts:
                items += found
            del answer, found
        upsert(ROWS[feed], COLUMNS[feed], rows, key=KEYS[feed])
        if with_parts:
            floors.upsert_parts(floor, items, folders, connection)
    session.close()
    return _dump(measured, added=len(rows))


def run_per_row(feed: str) -> dict[str, Any]:
    """The service's own client library, and update_or_create for each row."""
    connection = Connection.objects.select_related("user").get()
    ROWS[feed].objects.all().delete()
    with measure() as measured:
        count = 0
        for values in floors.FLOORS[SERVICE].list_by_client(feed, CREDENTIALS):
            row = dict(zip(COLUMNS[feed], floors.fill(COLUMNS[feed], values, connection), strict=True))
            ROWS[feed].objects.update_or_create(
                connection_id=row.pop("connection_id"), remote_id=row.pop("remote_id"), defaults=row
            )
            count += 1
    return _dump(measured, added=count)


def _dump(measured: Any, **counts: int) -> dict[str, Any]:
    return {"cpu": measured.cpu, "wall": measured.wall, "peak_mib": measured.peak_mib, **counts}


if __name__ == "__main__":
    MODES = {
        "prepare": prepare,
        "record": record,
        "portico": run_portico,
        "floor": run_floor,
        "floor-with-parts": lambda feed: run_floor(feed, with_parts=True),
        "per-row": run_per_row,
    }
    Connection.objects.exists()
    print(json.dumps(MODES[sys.argv[1]](sys.argv[2])))
