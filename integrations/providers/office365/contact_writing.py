"""Writing to Office 365's contacts by Microsoft Graph.

Graph makes a contact as often as it is asked, so one that was made before is looked for first. A change is made to
what stands there now, and only to that version.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/contact
"""

from dataclasses import replace

from integrations.errors import Conflict, PermissionMissing, Rejected
from integrations.providers.numbers import has_number
from integrations.providers.office365.contact_drafts import dump_new, dump_number
from integrations.providers.office365.contacts import Office365Contacts, home_of, parse
from integrations.providers.office365.listing import Fetch, dump_marked, items_of, path_of_contact, place_of_contacts
from integrations.providers.office365.people import CONTACT_FIELDS
from integrations.providers.office365.responses import WORDS, Json, Send
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber, RemoteRef

READ_ONLY = "Outlook lets you read the contacts in this folder, but not change them. Choose another folder."

# Exchange says now and then that something was changed meanwhile where nobody changed anything.
_MOST_TRIES = 3


class Office365WritableContacts(Office365Contacts):
    """The person's contacts: an integrations.providers.base.AddressBook."""

    def __init__(self, fetch: Fetch, send: Send, *, root: str, is_consented: bool) -> None:
        """`is_consented`: whether the person has consented to writing; what is refused then is refused of a folder."""
        super().__init__(fetch, root=root)
        self._send = send
        self._is_consented = is_consented

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        """As in base.AddressBook.

        Reference: https://learn.microsoft.com/en-us/graph/api/contactfolder-post-contacts
        """
        contact = dump_new(draft, key=key)
        path = place_of_contacts(folder)
        found = items_of(self._fetch(f"{self._root}{path}?{dump_marked(key, CONTACT_FIELDS)}"))
        made = found[0] if found else self._write("POST", path, contact)
        return replace(parse(made, home_of(made) or folder), key=key)

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        """As in base.AddressBook.

        Reference: https://learn.microsoft.com/en-us/graph/api/contact-update
        """
        for _ in range(_MOST_TRIES):
            item = self._fetch_contact(ref.id)
            contact = self._parse_at_home(item, ref)
            if has_number(contact, number):
                return contact
            if ref.version not in ("", contact.ref.version, item.get("changeKey")):
                raise Conflict(WORDS.changed, detail="another version")
            changes = dump_number(item, number)
            try:
                answer = self._write("PATCH", path_of_contact(ref.id), changes, version=contact.ref.version)
            except Conflict:
                continue  # and look whether it is so
            return replace(parse({**answer, "id": ref.id}, contact.ref.container), key=contact.key)
        raise Conflict(WORDS.changed, detail="412 each time")

    def _write(self, method: str, path: str, body: Json, *, version: str = "") -> Json:
        try:
            return self._send(method, path, body, version=version)
        except PermissionMissing as error:
            if not self._is_consented:
                raise
            raise Rejected(READ_ONLY, detail=error.detail) from None
