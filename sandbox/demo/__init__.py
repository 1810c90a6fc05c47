"""Demonstration data: an organization's working life around today; and bulk data for benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.demo.bulk import bulk
from sandbox.demo.bulk_mailboxes import bulk_mailbox
from sandbox.demo.calendars import fill_calendars
from sandbox.demo.contacts import fill_contacts
from sandbox.demo.mailboxes import fill_mailboxes
from sandbox.demo.phone import fill_phone
from sandbox.demo.zoom import fill_zoom
from sandbox.google import Google

if TYPE_CHECKING:
    from sandbox.server import Sandbox

NORTHWIND, RIVAL = "Northwind Legal", "Rival & Partners"
ALICE = "alice.meyer@northwind.example"
BEN = "ben.okafor@northwind.example"
DORA = "dora.lindqvist@northwind.example"
EMIL = "emil.tanaka@northwind.example"
CHARLIE = "charlie.stone@rival.example"
PEOPLE = (
    (ALICE, "Alice Meyer", NORTHWIND, "Europe/Berlin", "DE"),
    (BEN, "Ben Okafor", NORTHWIND, "America/New_York", "US"),
    (DORA, "Dora Lindqvist", NORTHWIND, "Europe/Stockholm", "SE"),
    (EMIL, "Emil Tanaka", NORTHWIND, "Asia/Tokyo", "JP"),
    (CHARLIE, "Charlie Stone", RIVAL, "Europe/London", "GB"),
)
# who may consent for everyone in their organization at Office 365
ADMINISTRATORS = (DORA, CHARLIE)
# everybody's at the pretend Exchange: DOMAIN\\user and this
EXCHANGE_PASSWORD = "exchange-demo-2026"
EXCHANGE_DOMAINS = {NORTHWIND: "NORTHWIND", RIVAL: "RIVAL"}


def seed(google: Google) -> None:
    """Everybody and their Google, placed around the clock's today; the same for the same moment."""
    with google.store.transaction():
        for email, name, organization, timezone, region in PEOPLE:
            google.add_person(email, name=name, organization=organization, timezone=timezone, region=region)
        fill_calendars(google)
        fill_contacts(google)


def seed_everything(sandbox: Sandbox) -> None:
    """Everybody with their Google, their Office 365, Exchange and Zoom; whatever of it is there already stays."""
    if not list(sandbox.store.people):
        seed(sandbox.google)
    if sandbox.mailboxes.find("office365", ALICE) is None:
        fill_mailboxes(sandbox.mailboxes, PEOPLE)
    for email in ADMINISTRATORS:
        sandbox.office365.tenants.set_admin(email)
    for email, _, organization, *_ in PEOPLE:
        sandbox.exchange.add_person(email, password=EXCHANGE_PASSWORD, domain=EXCHANGE_DOMAINS[organization])
    fill_zoom(sandbox.zoom, [person for person in PEOPLE if person[2] == NORTHWIND], with_webinars=ALICE)
    if sandbox.zoom.phone.users.find(ALICE) is None:
        with sandbox.store.transaction():
            fill_phone(sandbox.zoom, ALICE)


def is_missing(sandbox: Sandbox) -> bool:
    """Whether demonstration data would not be in anybody's way."""
    people = [person.email for person in sandbox.store.people]
    if ALICE not in people:
        return not people
    zoom = sandbox.zoom
    has_zoom = zoom.meetings.find_user(ALICE) is not None and zoom.phone.users.find(ALICE) is not None
    return sandbox.mailboxes.find("office365", ALICE) is None or not has_zoom


__all__ = [
    "ALICE",
    "BEN",
    "CHARLIE",
    "DORA",
    "EMIL",
    "EXCHANGE_PASSWORD",
    "PEOPLE",
    "bulk",
    "bulk_mailbox",
    "is_missing",
    "seed",
    "seed_everything",
]
