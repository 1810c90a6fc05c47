"""What Office 365 and Exchange both hold for a person: a calendar, contacts, folders, and a log of what changed.

Everything is kept as Microsoft Graph v1.0 shows it; the faces (`sandbox/microsoft`, `sandbox/exchange`) translate.
"""

from __future__ import annotations

from sandbox.clock import Clock
from sandbox.mailbox import box, contacts, event_lists, folders
from sandbox.mailbox.contacts import Contacts
from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.folders import Folder
from sandbox.mailbox.invitations import Meetings
from sandbox.store import Store


class Mailbox(Meetings, Contacts):
    """One person's mailbox at one site. Docs are Graph v1.0 resources: event, contact."""

    def _empty(self, folder: Folder) -> None:
        for event in self.event_rows(folder.id):
            self._remove(event)
        for contact in self.contact_rows(folder.id):
            self._remove_contact(contact)


class Mailboxes:
    """All mailboxes of the sandbox. site: "office365" or "exchange"."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self._open: dict[tuple[str, str], Mailbox] = {}
        for schema in (box.SCHEMA, folders.SCHEMA, event_lists.SCHEMA, contacts.SCHEMA):
            store.create(schema)

    def find(self, site: str, email: str) -> Mailbox | None:
        """A mailbox that has been opened before, in this process or an earlier one."""
        email = email.lower()
        # asked each time: a mailbox whose making was rolled back is none
        row = self.store.row("SELECT box FROM m_mailbox WHERE site = ? AND email = ?", site, email)
        if row is None:
            return None
        known = self._open.get((site, email))
        if known is None or known.key != row["box"]:
            known = self._open[site, email] = Mailbox(self, self.store, self.clock, row["box"], site, email)
        return known

    def open(self, site: str, email: str) -> Mailbox:
        """A person's mailbox, made with its default folders on first use."""
        with self.store.transaction():
            found = self.find(site, email)
            if found is None:
                self.store.run("INSERT INTO m_mailbox (site, email) VALUES (?, ?)", site, email.lower())
                found = self.find(site, email)
                assert found is not None
                found._furnish()
        return found


__all__ = ["Folder", "Mailbox", "MailboxError", "Mailboxes"]
