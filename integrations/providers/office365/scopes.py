"""Microsoft Graph's delegated permissions and our permissions.

Least that Graph accepts. A write scope covers reading too, so a ticked write asks for its one scope and not for the
read scope beside it. None of them needs an administrator by itself; an organization's consent policy may.

Reference: https://learn.microsoft.com/en-us/graph/permissions-reference
"""

from collections.abc import Iterable

from integrations.permissions import READ_OF, Permission, Permissions, without_orphans

IDENTITY = ("User.Read",)
"""Which mailbox is connected: GET /me. What OpenID Connect and refresh tokens need, msal asks for by itself."""

SCOPES: dict[Permission, str] = {
    Permission.CALENDAR_READ: "Calendars.Read",
    Permission.CALENDAR_WRITE: "Calendars.ReadWrite",
    Permission.CONTACTS_READ: "Contacts.Read",
    Permission.CONTACTS_WRITE: "Contacts.ReadWrite",
}


def dump_scopes(permissions: Permissions) -> list[str]:
    """The scopes to ask for, in a fixed order."""
    covered = {READ_OF[one] for one in permissions if one in READ_OF}
    return [*IDENTITY, *(SCOPES[one] for one in Permission if one in permissions and one not in covered)]


def dump_every_scope(permissions: Permissions) -> list[str]:
    """Every scope that people may come to ask for under these permissions.

    To Microsoft, approving a write scope is not approving the read scope that it covers.
    """
    return [*IDENTITY, *(SCOPES[one] for one in Permission if one in permissions)]


def narrow_scopes(granted: Iterable[str], permissions: Permissions) -> list[str]:
    """Those of the granted scopes that these permissions need, beside those that say whose mailbox it is.

    A refresh may ask for scopes that were consented to and for no others: to Microsoft, who consented to a write has
    not consented to the read that it covers, so the write's stays where the read does.
    """
    given = {one.rpartition("/")[2].casefold(): one for one in granted}
    for one, scope in SCOPES.items():
        read = READ_OF.get(one)
        covers = read in permissions and SCOPES[read].casefold() not in given if read else False
        if one not in permissions and not covers:
            given.pop(scope.casefold(), None)
    return sorted(given.values())


def parse_scopes(granted: Iterable[str]) -> Permissions:
    """What granted scopes amount to; scopes that are none of ours count for nothing.

    Microsoft writes them with or without Graph's address in front, and in any case.
    """
    given = {one.rpartition("/")[2].casefold() for one in granted}
    held = {one for one, scope in SCOPES.items() if scope.casefold() in given}
    return without_orphans(held | {READ_OF[one] for one in held if one in READ_OF})
