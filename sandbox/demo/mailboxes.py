"""What stands in the Office 365 and Exchange mailboxes of Northwind Legal: the diaries' working life, told in Outlook's
way, and what only Outlook has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.demo import links
from sandbox.demo.calendars import ALICE, CLIENT, fill_calendars
from sandbox.demo.contacts import fill_contacts
from sandbox.demo.from_google import convert_contact, convert_event, day_of, left_out
from sandbox.google import Google
from sandbox.google.contacts import MY_CONTACTS
from sandbox.google.event_query import Query
from sandbox.mailbox import Mailbox, Mailboxes
from sandbox.mailbox.events import Events
from sandbox.mailbox.ids import make_occurrence_id
from sandbox.store import Store

SITES = ("office365", "exchange")
# below the folders that the address books' groups become
BELOW = {"Clients": ("Shipping", "Banks and insurers"), "Courts": ("Berlin",), "Shipping": ("Hamburg",)}


@dataclass
class Life:
    """One person's mailbox to be: calendars by name ("" the default one), contacts by folder."""

    calendars: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    contacts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def fill_mailboxes(mailboxes: Mailboxes, people: Iterable[Sequence[str]]) -> None:
    """people: e-mail address, name, organization, time zone and region of each, known to the store already."""
    people = list(people)
    lives = _live(mailboxes.clock.now(), people)
    with mailboxes.store.transaction():
        for site in SITES:
            for email, _, _, zone, _ in people:
                mailbox = mailboxes.open(site, email)
                _fill_calendars(mailbox, lives[email], zone)
                _fill_contacts(mailbox, lives[email])
            _fill_outlook(mailboxes.open(site, ALICE))


def _live(now: datetime, people: list[Sequence[str]]) -> dict[str, Life]:
    """Everybody's diary, written in a Google that nobody else sees, and converted."""
    store = Store()
    clock = Clock(store)
    clock.freeze(now)
    google = Google(store, clock)
    with store.transaction():
        for email, name, organization, zone, region in people:
            google.add_person(email, name=name, organization=organization, timezone=zone, region=region)
        fill_calendars(google)
        fill_contacts(google)
    lives = {email: _read(google, email, zone) for email, _, _, zone, _ in people}
    store.close()
    return lives


def _read(google: Google, email: str, zone: str) -> Life:
    life = Life()
    for calendar in google.calendars.listed(email):
        if calendar.role != "owner":
            continue
        docs = life.calendars["" if calendar.is_primary else calendar.summary] = []
        for doc in google.listing.find_all(calendar, Query(show_deleted=True)):
            if doc.get("recurringEventId"):
                life.exceptions.append(doc)
            elif doc["status"] != "cancelled" or doc["organizer"]["email"] != email:
                if not calendar.is_primary:
                    doc["organizer"] = {"email": email}
                docs.append(doc)
    titles = {row["name"]: row["title"] for row in google.contacts.groups(email)}
    for contact in google.contacts.every(email):
        groups = [
            one["contactGroupMembership"]["contactGroupResourceName"] for one in contact.doc.get("memberships", ())
        ]
        named = [titles[name] for name in groups if name in titles and name != MY_CONTACTS and "starred" not in name]
        life.contacts.append((named[0] if named else "", contact.doc))
    return life


def _fill_calendars(mailbox: Mailbox, life: Life, zone: str) -> None:
    colors = iter(("lightTeal", "lightOrange", "lightPink"))
    for name, docs in life.calendars.items():
        folder = mailbox.add_folder(name, kind="calendar").id if name else mailbox.calendar_id
        if name:
            mailbox.paint_folder(folder, next(colors, "lightGray"))
        mailbox.fill_events([convert_event(doc, mailbox.email, zone) for doc in docs], folder)
    # without telling anybody: the others' diaries say the same
    for master in (doc for doc in life.calendars[""] if doc.get("recurrence")):
        made = mailbox.find_by_uid(convert_event(master, mailbox.email, zone)["iCalUId"])
        assert made is not None
        for day in left_out(master):
            Events.delete_event(mailbox, make_occurrence_id(made["id"], day))
        for doc in life.exceptions:
            if doc["recurringEventId"] != master["id"]:
                continue
            name = make_occurrence_id(made["id"], day_of(doc, master["start"].get("timeZone", zone)))
            if doc["status"] == "cancelled":
                Events.delete_event(mailbox, name)
                continue
            new, old = convert_event(doc, mailbox.email, zone), convert_event(master, mailbox.email, zone)
            changed = {key: new[key] for key in ("subject", "location", "body") if new[key] != old[key]}
            Events.change_event(mailbox, name, changed | {"start": new["start"], "end": new["end"]})


def _fill_contacts(mailbox: Mailbox, life: Life) -> None:
    folders = {"": mailbox.contacts_id}
    for name in dict.fromkeys(name for name, _ in life.contacts if name):
        folders[name] = mailbox.add_folder(name).id
    for name, below in BELOW.items():
        for child in below:
            if name in folders:
                folders[child] = mailbox.add_folder(child, folders[name]).id

    def place() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, doc in life.contacts:
            draw = hashlib.sha256(doc["resourceName"].encode()).digest()
            # some lie one or two folders deeper
            for byte in draw[:2]:
                below = [child for child in BELOW.get(name, ()) if child in folders]
                if below and byte % 3 == 0:
                    name = below[byte % len(below)]
            yield folders[name], convert_contact(doc)

    mailbox.fill_contacts(place())


def _fill_outlook(mailbox: Mailbox) -> None:
    """Alice has these besides: Teams meetings, Safe Links, odd time zones, a cancelled invitation."""
    now = mailbox.mailboxes.clock.now().astimezone(ZoneInfo("Europe/Berlin"))
    zoom = links.zoom

    def times(days: int, clock: str, minutes: int, zone: str) -> dict[str, Any]:
        day = now.date() + timedelta(days=days)
        day += timedelta(days=max(0, day.weekday() - 4) and 7 - day.weekday())
        begins = datetime.fromisoformat(f"{day}T{clock}:00")
        return {"start": {"dateTime": begins.isoformat(), "timeZone": zone},
                "end": {"dateTime": (begins + timedelta(minutes=minutes)).isoformat(), "timeZone": zone}}  # fmt: skip

    def page(body: str) -> dict[str, str]:
        return {"contentType": "html", "content": f"<html><head></head><body>{body}</body></html>"}

    client = {"emailAddress": {"name": CLIENT["displayName"], "address": CLIENT["email"]}}
    invited = [{"emailAddress": {"name": "Alice Meyer", "address": ALICE}, "status": {"response": "accepted"}}]
    filler = "".join(
        f"<p>{n}. Before the link there is more than a preview shows, and more than that.</p>" for n in range(9)
    )
    safe, teams = links.safelinks(zoom("outlook-safe")), links.safelinks(links.TEAMS)
    Events.add_event(mailbox, {
        "subject": "Teams: quarterly figures", **times(1, "08:30", 30, "W. Europe Standard Time"),
        "isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness",
        "location": {"displayName": "Microsoft Teams Meeting"},
    })  # fmt: skip
    Events.add_event(mailbox, {
        "subject": "Safe Links: insurer’s call", **times(1, "16:15", 45, "GMT Standard Time"), "organizer": client,
        "attendees": invited, "location": {"displayName": "Zoom"},
        "body": page(f'{filler}<p><a href="{safe}" originalsrc="{zoom("outlook-safe")}" shash="c2FuZGJveA==">Join Zoom'
                     f' Meeting</a></p><p>or by <a href="{teams}">Teams</a></p>'),
    })  # fmt: skip
    Events.add_event(mailbox, {
        "subject": "Made on a phone: customized time zone", **times(2, "13:15", 30, "Customized Time Zone"),
        "location": {"displayName": zoom("outlook-custom")},
    })  # fmt: skip
    Events.add_event(mailbox, {
        "subject": "Made by a program: UTC by another name", **times(3, "07:45", 30, "tzone://Microsoft/Utc"),
        "body": page(f"<div>{links.invitation('outlook-utc').replace(chr(10), '<br>')}</div>"),
    })  # fmt: skip
    Events.add_event(mailbox, {
        "subject": "Canceled: closing dinner with Aurora", **times(2, "19:00", 120, "W. Europe Standard Time"),
        "organizer": client, "attendees": invited, "isCancelled": True, "showAs": "free",
        "location": {"displayName": zoom("outlook-cancelled")},
    })  # fmt: skip
    Events.add_event(mailbox, {
        "subject": "Second Tuesday: compliance", **times(1, "10:00", 30, "Pacific Standard Time"),
        "recurrence": {"range": {"type": "noEnd"}, "pattern": {
            "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"}},
        "isOnlineMeeting": True, "sensitivity": "personal",
    })  # fmt: skip
