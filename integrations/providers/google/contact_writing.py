"""Writing to Google Contacts.

Google wants the writes of one person one after the other; whoever holds the connection's lease is alone with it. What
was written may not be read for some minutes: where that shows, the person is told to wait, not that something is wrong.

Reference: https://developers.google.com/people/v1/contacts
"""

from datetime import timedelta
from typing import Any

from integrations.errors import Conflict, Gone, Rejected, Unreachable
from integrations.providers.google.contact_drafts import dump_numbers, dump_person
from integrations.providers.google.contacts import (
    SHOWN,
    ReadableGoogleContacts,
    connections_of,
    groups_of,
    parse_read,
    people_of,
)
from integrations.providers.google.people import MARK_FIELDS, PERSON_TYPES, WHOLE_PERSON_FIELDS, parse_mark
from integrations.providers.google.responses import ADDRESS_BOOK_FULL, Json
from integrations.providers.numbers import has_number
from integrations.providers.salvaging import salvage
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber, RemoteRef

_MOST_TRIES = 3
_MOST_RECENT = 1_000
_LAG = timedelta(minutes=3)
_ANSWERS: dict[str, Any] = {**SHOWN, "fields": WHOLE_PERSON_FIELDS, "prettyPrint": False}
NOT_ACCEPTED = "Google Contacts does not accept this as it stands. Look at the name, the number and the addresses."
LABEL_GONE = "This label no longer exists at Google. Choose another one."
LAGS = "Google is still busy with an earlier change of this contact. We will try again by ourselves."


class GoogleContacts(ReadableGoogleContacts):
    """An integrations.providers.base.AddressBook."""

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        """As in base.AddressBook.

        Google gives ids itself and takes a body as often as it is sent. So the key is kept with the contact, as client
        data, and looked for first. The search of the API does not look there; a list can be had newest first. What was
        made a try ago is among the first, so one page is read, the longest there is: a key is not found if the answer
        was lost and a thousand other contacts have been changed before the next try, or if the contact was deleted.

        Reference: https://developers.google.com/people/api/rest/v1/people/createContact

        Raises:
            Unreachable: after some minutes Google can say whether it was made.
        """
        body = dump_person(draft, key=key, folder=folder)
        if made := self._find_made(key):
            return self.read(RemoteRef(made))
        try:
            return parse_read(self._write(people_of(self._root).createContact(body=body, **_ANSWERS)))
        except Rejected:
            if folder and not self._has_label(folder):
                raise Gone(LABEL_GONE, detail="no such label") from None
            raise
        except Unreachable as error:
            wait = max(_LAG, error.retry_after or _LAG)
            raise Unreachable(error.sentence, detail=error.detail, retry_after=wait) from error

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        """As in base.AddressBook. All numbers are written at once, so they are read before.

        Google refuses a version that is not the latest. If it goes on giving just that one to read, its reading lags
        behind; nobody else has changed anything then.

        Reference: https://developers.google.com/people/api/rest/v1/people/updateContact and
        https://github.com/googleapis/google-api-python-client/issues/2417

        Raises:
            Unreachable: Google refuses the version that it gives to read.
        """
        refused = ""
        for _ in range(_MOST_TRIES):
            person = self._read(ref)
            contact = parse_read(person)
            if has_number(contact, number):
                return contact
            body = dump_numbers(person, number)
            if ref.version not in ("", contact.ref.version):
                raise Conflict(detail="another etag")
            if refused == contact.ref.version:
                break
            request = people_of(self._root).updateContact(
                resourceName=contact.ref.id, updatePersonFields="phoneNumbers", body=body, **_ANSWERS
            )
            try:
                return parse_read(self._write(request))
            except Conflict:
                refused = contact.ref.version
        raise Unreachable(LAGS, detail="an etag behind its time", retry_after=_LAG)

    def _find_made(self, key: str) -> str:
        """The resource name of what was made with this key lately; "" where there is none.

        Reference: https://developers.google.com/people/api/rest/v1/people.connections/list
        """
        request = connections_of(self._root).list(
            resourceName="people/me",
            personFields="clientData",
            sources=SHOWN["sources"],
            sortOrder="LAST_MODIFIED_DESCENDING",
            pageSize=_MOST_RECENT,
            fields=MARK_FIELDS,
            prettyPrint=False,
        )
        people = [salvage(one, PERSON_TYPES) for one in self._fetch(request).get("connections", ())]
        return next((str(one.get("resourceName", "")) for one in people if parse_mark(one) == key), "")

    def _has_label(self, name: str) -> bool:
        """Reference: https://developers.google.com/people/api/rest/v1/contactGroups/get"""
        request = groups_of(self._root).get(resourceName=name, groupFields="name", fields="resourceName")
        try:
            self._fetch(request)
        except Gone:
            return False
        return True

    def _write(self, request: Any) -> Json:
        try:
            return self._fetch(request, is_write=True)
        except Rejected as error:
            if error.sentence == ADDRESS_BOOK_FULL:
                raise
            raise Rejected(NOT_ACCEPTED, detail=error.detail) from error
