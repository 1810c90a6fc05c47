"""Google's scopes and our permissions.

Least that the APIs accept: "owned" reaches the calendars that the person owns, and no other. A write scope covers
reading too, so a ticked write asks for its one scope and not for the read scope beside it. Which calendars there are
is a scope of its own: it is asked for with reading, and whoever unticks it keeps their own calendar.

Reference: https://developers.google.com/workspace/calendar/api/auth and https://developers.google.com/people/v1/contacts
"""

from collections.abc import Iterable

from integrations.permissions import READ_OF, Permission, Permissions, without_orphans

_AUTH = "https://www.googleapis.com/auth/"
IDENTITY = ("openid", "email")
"""Which account is connected: its unchanging number and its address. Google has no box to untick these."""

SCOPES: dict[Permission, str] = {
    Permission.CALENDAR_READ: f"{_AUTH}calendar.events.owned.readonly",
    Permission.CALENDAR_WRITE: f"{_AUTH}calendar.events.owned",
    Permission.CONTACTS_READ: f"{_AUTH}contacts.readonly",
    Permission.CONTACTS_WRITE: f"{_AUTH}contacts",
}
CALENDAR_LIST = f"{_AUTH}calendar.calendarlist.readonly"
SCOPES_SHOWN: dict[Permission, tuple[str, ...]] = {
    one: (scope, CALENDAR_LIST) if one is Permission.CALENDAR_READ else (scope,) for one, scope in SCOPES.items()
}
"""All that is asked for with each permission; `SCOPES` are those that it takes."""


def dump_scopes(permissions: Permissions) -> list[str]:
    """The scopes to ask for, in a fixed order."""
    covered = {READ_OF[one] for one in permissions if one in READ_OF}
    needed = [SCOPES[one] for one in Permission if one in permissions and one not in covered]
    return [*IDENTITY, *needed, *([CALENDAR_LIST] if Permission.CALENDAR_READ in permissions else [])]


def narrow_scopes(granted: Iterable[str], permissions: Permissions) -> list[str]:
    """Those of the granted scopes that these permissions need, beside those that say whose account it is.

    A refresh may ask for scopes that were granted and for no others: who was granted a write was not granted the read
    scope that it covers, so the write's stays where the read does.
    """
    given = frozenset(granted)
    unneeded = set() if Permission.CALENDAR_READ in permissions else {CALENDAR_LIST}
    for one, scope in SCOPES.items():
        read = READ_OF.get(one)
        covers = read in permissions and SCOPES[read] not in given if read else False
        if one not in permissions and not covers:
            unneeded.add(scope)
    return sorted(given - unneeded)


def parse_scopes(granted: Iterable[str]) -> Permissions:
    """What granted scopes amount to; scopes that are none of ours count for nothing."""
    given = frozenset(granted)
    held = {one for one, scope in SCOPES.items() if scope in given}
    return without_orphans(held | {READ_OF[one] for one in held if one in READ_OF})
