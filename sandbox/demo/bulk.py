"""Many events and contacts of ordinary size, quickly: the other end of a benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.demo import links
from sandbox.google import Account
from sandbox.google.calendars import Calendar
from sandbox.google.contacts import MY_CONTACTS
from sandbox.google.event_shapes import mark_selves

FIRST_DAY, DAYS = -25, 380
TOPICS = ("Review", "Planning", "Interview", "Hearing", "Hand-over", "Negotiation", "Retrospective", "Call")
PLACES = ("Berlin", "New York", "Tokyo", "Pune", "Stockholm", "Hamburg", "London")
GROUPS = ("Clients", "Courts", "Suppliers", "Family and friends", "Colleagues")


def bulk(account: Account, *, events: int = 10_000, contacts: int = 10_000) -> dict[str, int]:
    """Add single events, spread over the year around today, and contacts in five groups. Returns how many of each.

    Same account and day: same data. A second call adds other ones. Events are 1 to 1.5 kB of JSON each on average.
    """
    google, email = account.google, account.email
    google.calendars.ensure_primary(email)
    calendar = google.calendars.get(email, "primary")
    if events:
        round_number = google.store.last_change()
        google.events.fill(calendar, [_event(account, calendar, n, events, round_number) for n in range(events)])
    if contacts:
        titles = {row["title"]: row["name"] for row in google.contacts.groups(email)}
        groups = [titles.get(title) or google.contacts.save_group(email, title)["name"] for title in GROUPS]
        google.contacts.fill(email, _people(contacts, groups))
    return {"events": events, "contacts": contacts}


def _event(account: Account, calendar: Calendar, n: int, total: int, round_number: int) -> dict[str, Any]:
    google, email = account.google, account.email
    digest = hashlib.sha256(f"{email}/{round_number}/{n}".encode()).digest()
    key = digest.hex()[:26]
    doc = google.events.head(key, calendar, email)
    zone = ZoneInfo(calendar.timezone)
    midnight = google.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    offset = timedelta(days=FIRST_DAY + n * DAYS // total, hours=6 + digest[0] % 12, minutes=digest[1] % 4 * 15)
    starts = midnight + offset
    ends = starts + timedelta(minutes=(30, 45, 60, 90)[digest[2] % 4])
    named = {"timeZone": calendar.timezone}
    doc |= {
        "summary": f"{TOPICS[digest[3] % 8]} {n}, {PLACES[digest[4] % 7]}",
        "start": {"dateTime": starts.astimezone(zone).isoformat(), **named},
        "end": {"dateTime": ends.astimezone(zone).isoformat(), **named},
        "attendees": [
            {"email": email, "responseStatus": "accepted"},
            *({"email": f"guest{digest[5 + k]}@clients.example", "displayName": f"Guest {digest[5 + k]}",
               "responseStatus": ("accepted", "needsAction", "declined")[digest[9 + k] % 3]}
              for k in range(1 + digest[8] % 4)),
        ],
    }  # fmt: skip
    match digest[12] % 5:
        case 0:
            doc["location"] = links.zoom(key)
        case 1:
            doc["description"] = links.invitation(key)
        case 2:
            doc["conferenceData"] = links.zoom_addon(key)
        case 3:
            doc["conferenceData"] = links.meet(key)
            doc["hangoutLink"] = doc["conferenceData"]["entryPoints"][0]["uri"]
        case _:
            doc["location"] = f"Room {digest[13] % 40}"
            doc["description"] = "Agenda\n1. where we stand\n2. what is missing\n3. who does what until when\n" * 3
    mark_selves(doc, calendar.id)
    return doc


def _people(count: int, groups: list[str]) -> Iterator[dict[str, Any]]:
    for n in range(count):
        digest = hashlib.sha256(f"contact{n}".encode()).digest()
        yield {
            "names": [{"givenName": f"Vorname{digest[0]}", "familyName": f"Müller-{n}"}],
            "emailAddresses": [{"value": f"person{n}@clients.example", "type": "work"}],
            "phoneNumbers": [
                {"value": f"+49 30 23125 {digest[1 + k]:03d}", "type": ("work", "mobile", "home")[k]}
                for k in range(digest[4] % 3 + 1)
            ],
            "organizations": [{"name": f"Company {digest[5]}", "title": "Counsel"}],
            "memberships": [
                {"contactGroupMembership": {"contactGroupResourceName": name}}
                for name in (MY_CONTACTS, groups[digest[6] % len(groups)])
            ],
        }
