"""Boxes to scopes and back. The scopes are checked against Google's own discovery documents."""

import itertools
import json
from pathlib import Path

import googleapiclient
import pytest

from integrations.permissions import ALL, Permission, with_reads
from integrations.providers.google.scopes import SCOPES, dump_scopes, parse_scopes

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
    ]
    assert dump_scopes(ALL) == ["openid", "email", f"{AUTH}calendar.events.owned", f"{AUTH}contacts"]


def test_scopes_that_are_none_of_ours_give_nothing() -> None:
    granted = ["openid", f"{AUTH}userinfo.email", f"{AUTH}gmail.readonly"]
    assert parse_scopes(granted) == frozenset()
    assert parse_scopes([*granted, SCOPES[Permission.CONTACTS_READ]]) == {Permission.CONTACTS_READ}


@pytest.mark.parametrize(
    ("document", "path", "permission"),
    [
        ("calendar.v3", ("events", "list"), Permission.CALENDAR_READ),
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
