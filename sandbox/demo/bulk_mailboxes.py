"""Many events and contacts of ordinary size in a mailbox, quickly: the other end of a benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.demo import links
from sandbox.demo.bulk import DAYS, FIRST_DAY, GROUPS, PLACES, TOPICS
from sandbox.mailbox import Mailbox
from sandbox.mailbox.event_shapes import make_teams_link

RESPONSES = ("accepted", "none", "declined")


def bulk_mailbox(mailbox: Mailbox, *, events: int = 10_000, contacts: int = 10_000) -> dict[str, int]:
    """Add single events, spread over the year around today, and contacts in five folders. Returns how many of each.

    Same mailbox and day: same data. A second call adds other ones.
    """
    if events:
        round_number = mailbox.last_change()
        mailbox.fill_events([_event(mailbox, n, events, round_number) for n in range(events)])
    if contacts:
        known = {folder.name: folder.id for folder in mailbox.folders()}
        folders = [known.get(name) or mailbox.add_folder(name).id for name in GROUPS]
        mailbox.fill_contacts(_people(contacts, folders))
    return {"events": events, "contacts": contacts}


def _event(mailbox: Mailbox, n: int, total: int, round_number: int) -> dict[str, Any]:
    digest = hashlib.sha256(f"{mailbox.name}/{round_number}/{n}".encode()).digest()
    key = digest.hex()[:26]
    zone = mailbox.owner.zone
    midnight = mailbox.mailboxes.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = midnight + timedelta(
        days=FIRST_DAY + n * DAYS // total, hours=6 + digest[0] % 12, minutes=digest[1] % 4 * 15
    )
    ends = starts + timedelta(minutes=(30, 45, 60, 90)[digest[2] % 4])
    start, end = ({"dateTime": moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": zone}
                  for moment in (starts, ends))  # fmt: skip
    guests = [f"guest{digest[5 + k]}" for k in range(1 + digest[8] % 4)]
    doc: dict[str, Any] = {
        "subject": f"{TOPICS[digest[3] % 8]} {n}, {PLACES[digest[4] % 7]}", "start": start, "end": end,
        "attendees": [
            {"emailAddress": {"name": guest.title(), "address": f"{guest}@clients.example"},
             "status": {"response": RESPONSES[digest[9 + k] % 3]}} for k, guest in enumerate(guests)
        ],
    }  # fmt: skip
    match digest[12] % 5:
        case 0:
            doc["location"] = {"displayName": links.zoom(key)}
        case 1:
            doc["body"] = {"contentType": "text", "content": links.invitation(key)[:400]}
        case 2:
            doc["body"] = {"contentType": "text", "content": f"Join: {links.safelinks(links.zoom(key))}"}
        case 3:
            doc |= {"onlineMeeting": {"joinUrl": make_teams_link(key)}, "onlineMeetingProvider": "teamsForBusiness"}
        case _:
            doc["location"] = {"displayName": f"Room {digest[13] % 40}"}
    return doc


def _people(count: int, folders: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for n in range(count):
        digest = hashlib.sha256(f"contact{n}".encode()).digest()
        numbers = [f"+49 30 23125 {digest[1 + k]:03d}" for k in range(digest[4] % 3 + 1)]
        yield folders[digest[6] % len(folders)], {
            "givenName": f"Vorname{digest[0]}", "surname": f"Müller-{n}", "companyName": f"Company {digest[5]}",
            "jobTitle": "Counsel", "emailAddresses": [{"address": f"person{n}@clients.example"}],
            "businessPhones": numbers[:1], "mobilePhone": (numbers[1:2] or [None])[0], "homePhones": numbers[2:],
        }  # fmt: skip
