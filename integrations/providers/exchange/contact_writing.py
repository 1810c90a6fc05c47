"""Writing to Exchange's contacts.

A write is made to what stands there now: it is read first, and what already is as it should be is not written.
"""

from dataclasses import replace

from integrations.errors import Conflict, Rejected, Unexpected
from integrations.providers.exchange.contact_drafts import check_draft, check_number, create_contact, set_number
from integrations.providers.exchange.contacts import ReadableExchangeContacts
from integrations.providers.exchange.responses import MESSAGES, TYPES, Element, check, code_of
from integrations.providers.exchange.searches import find_contacts_by_key
from integrations.providers.exchange.single import find_one
from integrations.providers.numbers import has_number
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber, RemoteRef

_FORBIDDEN = frozenset({"ErrorAccessDenied", "ErrorCreateItemAccessDenied"})
_MOST_TRIES = 3


class ExchangeContacts(ReadableExchangeContacts):
    """The person's contacts: an integrations.providers.base.AddressBook."""

    def create(self, draft: ContactDraft, *, key: str, folder: str = "") -> RemoteContact:
        """As in base.AddressBook. Exchange makes one as often as it is asked, so it is looked for first.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/createitem-operation
        """
        check_draft(draft, self._wire.words)
        made = find_one(self._wire, find_contacts_by_key(folder, key))
        if not made:
            message = self._write(create_contact(draft, key=key, folder=folder))
            item_id = message.find(f"{MESSAGES}Items/{TYPES}Contact/{TYPES}ItemId")
            if item_id is None or not item_id.get("Id"):
                raise Unexpected(self._wire.words.not_understood, detail="a contact was made, and has no id")
            made = item_id.get("Id")
        return replace(self.read(RemoteRef(made, folder)), key=key)

    def add_number(self, ref: RemoteRef, number: RemoteNumber) -> RemoteContact:
        """As in base.AddressBook.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/updateitem-operation
        """
        words = self._wire.words
        for _ in range(_MOST_TRIES):
            contact = self.read(ref)
            if has_number(contact, number):
                return contact
            if ref.version not in ("", contact.ref.version):
                raise Conflict(words.changed, detail="another version")
            check_number(contact, number, words)
            try:
                self._write(set_number(contact, number))
            except Conflict:
                continue  # and look whether it is so
            return self.read(ref)
        raise Conflict(words.changed, detail="a conflict each time")

    def _write(self, operation: str) -> Element:
        """The answer.

        Raises:
            Rejected: the person may not write there, among others.
            ProviderError: any other of the family.
        """
        (message,) = self._wire.ask(operation)[:1]
        if message.get("ResponseClass") == "Error" and code_of(message) in _FORBIDDEN:
            raise Rejected(self._wire.words.read_only_contacts, detail=code_of(message))
        return check(message, self._wire.words)
