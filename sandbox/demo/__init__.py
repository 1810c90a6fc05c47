"""Demonstration data: an organization's working life around today; and bulk data for benchmarks."""

from __future__ import annotations

from sandbox.demo.bulk import bulk
from sandbox.demo.calendars import fill_calendars
from sandbox.demo.contacts import fill_contacts
from sandbox.google import Google

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


def seed(google: Google) -> None:
    """Everything, placed around the clock's today; the same for the same moment."""
    with google.store.transaction():
        for email, name, organization, timezone, region in PEOPLE:
            google.add_person(email, name=name, organization=organization, timezone=timezone, region=region)
        fill_calendars(google)
        fill_contacts(google)


__all__ = ["ALICE", "BEN", "CHARLIE", "DORA", "EMIL", "PEOPLE", "bulk", "seed"]
