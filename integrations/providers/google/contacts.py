"""Reading Google Contacts: people, and the labels they are under as folders.

Reference: https://developers.google.com/people/api/rest/v1/people.connections/list
"""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

from integrations.errors import Gone, Unexpected
from integrations.providers.google.calendar import Fetch, build_api, parse_cursor
from integrations.providers.google.people import (
    CONNECTION_FIELDS,
    GROUP_FIELDS,
    PERSON_FIELDS,
    PERSON_TYPES,
    WHOLE_PERSON_FIELDS,
    is_deleted,
    parse_gone,
    parse_group,
    parse_person,
)
from integrations.providers.google.responses import WORDS, Json, follow_pages
from integrations.providers.salvaging import salvage
from integrations.remote import Delta, RemoteContact, RemoteFolder, RemoteRef

log = logging.getLogger(__name__)

_PAGE_SIZE = 250
_MOST_GROUPS = 1_000
SHOWN = {
    "personFields": PERSON_FIELDS,
    # Without this, what people say of themselves in their Google profile is mixed in.
    "sources": "READ_SOURCE_TYPE_CONTACT",
}
"""The same wherever people are answered: a person's etag also says which fields were asked for."""


@cache
def people_of(root: str) -> Any:
    return build_api("people", "v1", root).people()


@cache
def connections_of(root: str) -> Any:
    return people_of(root).connections()


@cache
def groups_of(root: str) -> Any:
    return build_api("people", "v1", root).contactGroups()


class ReadableGoogleContacts:
    """The person's contacts: an integrations.providers.base.ReadableAddressBook."""

    def __init__(self, fetch: Fetch, *, root: str) -> None:
        self._fetch = fetch
        self._root = root

    def changes(self, cursor: str | None) -> Iterator[Delta[RemoteContact]]:
        """People, then a cursor that Google forgets after seven days. All folders ride on the first page.

        Folders are read first, so that nobody is under a label that we have not heard of. They are read each time:
        it is one small request, and a label that was renamed changes none of its people.

        Raises:
            CursorExpired: list again with None.
            ProviderError: any of the family.
        """
        folders: tuple[RemoteFolder, ...] | None = self._fetch_folders()

        def fetch(page_token: str | None) -> Json:
            return self._fetch(self._build_list(cursor, page_token), has_cursor=cursor is not None)

        def parse(answer: Json, is_last: bool) -> Delta[RemoteContact]:
            nonlocal folders
            first, folders = folders, None
            return _parse_page(answer, first, is_last=is_last, is_complete=cursor is None)

        yield from follow_pages(fetch, parse, items="connections")

    def read(self, ref: RemoteRef) -> RemoteContact:
        """As in base.ReadableAddressBook."""
        return parse_read(self._read(ref))

    def _read(self, ref: RemoteRef) -> Json:
        """Reference: https://developers.google.com/people/api/rest/v1/people/get"""
        request = people_of(self._root).get(resourceName=ref.id, **SHOWN, fields=WHOLE_PERSON_FIELDS, prettyPrint=False)
        return self._fetch(request)

    def _build_list(self, cursor: str | None, page_token: str | None) -> Any:
        parameters: dict[str, Any] = {
            "resourceName": "people/me",
            **SHOWN,
            "pageSize": _PAGE_SIZE,
            "requestSyncToken": True,
            "fields": CONNECTION_FIELDS,
            "prettyPrint": False,
        }
        if cursor is not None:
            parameters["syncToken"] = cursor
        if page_token:
            parameters["pageToken"] = page_token
        return connections_of(self._root).list(**parameters)

    def _fetch_folders(self) -> tuple[RemoteFolder, ...]:
        """Reference: https://developers.google.com/people/api/rest/v1/contactGroups/list"""

        def fetch(page_token: str | None) -> Json:
            parameters: dict[str, Any] = {
                "groupFields": "groupType,metadata,name",
                "pageSize": _MOST_GROUPS,
                "fields": GROUP_FIELDS,
                "prettyPrint": False,
            }
            if page_token:
                parameters["pageToken"] = page_token
            return self._fetch(groups_of(self._root).list(**parameters))

        def parse(answer: Json, _: bool) -> list[RemoteFolder]:
            groups = [parse_group(one) for one in answer.get("contactGroups", ()) if isinstance(one, dict)]
            return [one for one in groups if one]

        return tuple(one for page in follow_pages(fetch, parse, items="contactGroups") for one in page)


def _parse_page(
    answer: Json, folders: tuple[RemoteFolder, ...] | None, *, is_last: bool, is_complete: bool
) -> Delta[RemoteContact]:
    """Raises Unexpected where the last page has no sync token."""
    changed: list[RemoteContact] = []
    gone: list[str] = []
    nameless = 0
    for person in answer.get("connections", ()):
        if not isinstance(person, dict) or not (name := person.get("resourceName")) or not isinstance(name, str):
            nameless += 1
        elif is_deleted(person):
            gone += parse_gone(person)
        else:
            changed.append(_parse(person))
    if nameless:
        log.warning("Google listed %d people without a resource name; they are left out", nameless)
    cursor = parse_cursor(answer) if is_last else None
    return Delta(tuple(changed), tuple(gone), cursor, is_complete and is_last, folders)


def parse_read(person: Json) -> RemoteContact:
    """One contact that was asked for, or has been written.

    Raises:
        Gone: it is one that was deleted.
        Unexpected: it is no contact.
    """
    if not isinstance(person.get("resourceName"), str):
        raise Unexpected(WORDS.not_understood, detail="a contact without a resource name")
    if is_deleted(person):
        raise Gone(WORDS.gone, detail="deleted")
    return _parse(person)


def _parse(person: Json) -> RemoteContact:
    try:
        return parse_person(person)
    except (TypeError, AttributeError, KeyError):
        return parse_person(salvage(person, PERSON_TYPES))
