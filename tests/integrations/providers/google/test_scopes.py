"""Boxes to scopes and back. The scopes are checked against Google's own discovery documents."""

import itertools
import json
from pathlib import Path

import googleapiclient
import pytest

from integrations.permissions import ALL, Permission, with_reads
from integrations.providers.google.scopes import (
    CALENDAR_LIST,
    IDENTITY,
    SCOPES,
    SCOPES_SHOWN,
    dump_scopes,
    narrow_scopes,
    parse_scopes,
)

EVERY_LAWFUL_SET = sorted(
    {with_reads(chosen) for size in range(5) for chosen in itertools.combinations(Permission, size)}, key=sorted
)
AUTH = "https://www.googleapis.com/auth/"


@pytest.mark.parametrize("permissions", EVERY_LAWFUL_SET, ids=lambda one: "+".join(sorted(one)) or "none")
def test_what_is_asked_for_is_what_a_full_grant_amounts_to(permissions: frozenset[Permission]) -> None:
    assert parse_scopes(dump_scopes(permissions)) == permissions


def test_a_write_does_not_ask_for_its_read_beside_it() -> None:
    assert dump_scopes(frozenset({Permission.CALENDAR_READ})) == [
        "openid",
        "email",
        f"{AUTH}calendar.events.owned.readonly",
        CALENDAR_LIST,
    ]
    assert dump_scopes(ALL) == [
        "openid",
        "email",
        f"{AUTH}calendar.events.owned",
        f"{AUTH}contacts",
        CALENDAR_LIST,
    ]


def test_the_list_of_calendars_is_asked_for_with_reading_and_takes_nothing_away_when_it_is_unticked() -> None:
    for permissions in EVERY_LAWFUL_SET:
        asked = dump_scopes(permissions)
        assert (CALENDAR_LIST in asked) == (Permission.CALENDAR_READ in permissions)
        assert parse_scopes(set(asked) - {CALENDAR_LIST}) == permissions
    assert parse_scopes([CALENDAR_LIST]) == frozenset()


def test_narrowing_keeps_the_list_of_calendars_for_as_long_as_one_is_read() -> None:
    granted = dump_scopes(ALL)
    assert CALENDAR_LIST in narrow_scopes(granted, frozenset({Permission.CALENDAR_READ}))
    assert CALENDAR_LIST not in narrow_scopes(granted, frozenset({Permission.CONTACTS_READ}))
    without = [one for one in granted if one != CALENDAR_LIST]
    assert CALENDAR_LIST not in narrow_scopes(without, frozenset({Permission.CALENDAR_READ}))


def test_every_scope_that_is_asked_for_is_shown_beside_its_box() -> None:
    for permission, scopes in SCOPES_SHOWN.items():
        assert set(scopes) <= {*dump_scopes(frozenset({permission})), *SCOPES.values()}
        assert SCOPES[permission] in scopes
    assert {one for scopes in SCOPES_SHOWN.values() for one in scopes} >= set(dump_scopes(ALL)) - set(IDENTITY)


def test_scopes_that_are_none_of_ours_give_nothing() -> None:
    granted = ["openid", f"{AUTH}userinfo.email", f"{AUTH}gmail.readonly"]
    assert parse_scopes(granted) == frozenset()
    assert parse_scopes([*granted, SCOPES[Permission.CONTACTS_READ]]) == {Permission.CONTACTS_READ}


@pytest.mark.parametrize(
    ("document", "path", "permission"),
    [
        ("calendar.v3", ("events", "list"), Permission.CALENDAR_READ),
        ("calendar.v3", ("events", "get"), Permission.CALENDAR_READ),
        ("calendar.v3", ("events", "instances"), Permission.CALENDAR_READ),
        ("calendar.v3", ("events", "list"), Permission.CALENDAR_WRITE),
        ("calendar.v3", ("events", "insert"), Permission.CALENDAR_WRITE),
        ("calendar.v3", ("events", "patch"), Permission.CALENDAR_WRITE),
        ("calendar.v3", ("events", "delete"), Permission.CALENDAR_WRITE),
        ("people.v1", ("people", "connections", "list"), Permission.CONTACTS_READ),
        ("people.v1", ("contactGroups", "list"), Permission.CONTACTS_READ),
        ("people.v1", ("people", "connections", "list"), Permission.CONTACTS_WRITE),
        ("people.v1", ("people", "createContact"), Permission.CONTACTS_WRITE),
        ("people.v1", ("people", "updateContact"), Permission.CONTACTS_WRITE),
    ],
)
def test_google_documents_that_the_method_accepts_the_scope(
    document: str, path: tuple[str, ...], permission: Permission
) -> None:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache/documents"
    found = json.loads((folder / f"{document}.json").read_text())
    *resources, method = path
    for name in resources:
        found = found["resources"][name]
    assert SCOPES[permission] in found["methods"][method]["scopes"]


def test_google_documents_that_calendars_are_listed_with_the_scope_for_it() -> None:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache/documents"
    methods = json.loads((folder / "calendar.v3.json").read_text())["resources"]["calendarList"]["methods"]
    assert CALENDAR_LIST in methods["list"]["scopes"]
