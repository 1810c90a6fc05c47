"""Boxes to Graph's delegated permissions and back."""

import itertools

import pytest

from integrations.permissions import ALL, Permission, with_reads
from integrations.providers.office365.scopes import dump_scopes, parse_scopes

EVERY_LAWFUL_SET = sorted(
    {with_reads(chosen) for size in range(5) for chosen in itertools.combinations(Permission, size)}, key=sorted
)
GRAPH = "https://graph.microsoft.com/"


@pytest.mark.parametrize("permissions", EVERY_LAWFUL_SET, ids=lambda one: "+".join(sorted(one)) or "none")
def test_what_is_asked_for_is_what_a_full_grant_amounts_to(permissions: frozenset[Permission]) -> None:
    asked = dump_scopes(permissions)
    assert parse_scopes(asked) == permissions
    assert parse_scopes(GRAPH + scope for scope in asked) == permissions
    assert parse_scopes(scope.lower() for scope in asked) == permissions


def test_a_write_does_not_ask_for_its_read_beside_it() -> None:
    assert dump_scopes(frozenset({Permission.CALENDAR_READ})) == ["User.Read", "Calendars.Read"]
    assert dump_scopes(ALL) == ["User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite"]


def test_scopes_that_are_none_of_ours_give_nothing() -> None:
    granted = ["openid", "profile", "email", "User.Read", "Mail.Read", "Calendars.Read.Shared", f"{GRAPH}.default"]
    assert parse_scopes(granted) == frozenset()
    assert parse_scopes([*granted, "Contacts.Read"]) == {Permission.CONTACTS_READ}
