"""What every part of a mailbox stands on: whose it is, its number in the store, and its log of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.clock import Clock
from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.event_shapes import Owner
from sandbox.mailbox.ids import make_folder_id
from sandbox.store import Store

if TYPE_CHECKING:
    from sandbox.mailbox import Mailboxes

# log: what happened to which item of a folder, in order; what happened to folders stands under the mailbox's root
SCHEMA = """
CREATE TABLE IF NOT EXISTS m_mailbox (
    box INTEGER PRIMARY KEY, site TEXT NOT NULL, email TEXT NOT NULL, era INTEGER NOT NULL DEFAULT 0,
    UNIQUE (site, email)
);
CREATE TABLE IF NOT EXISTS m_log (
    box INTEGER NOT NULL, folder TEXT NOT NULL, change INTEGER NOT NULL, act TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (box, folder, change, id)
) WITHOUT ROWID;
"""


class Box:
    """site: "office365" or "exchange"; email: lower case."""

    def __init__(self, mailboxes: Mailboxes, store: Store, clock: Clock, key: int, site: str, email: str) -> None:
        self.mailboxes, self._store, self._clock, self.key = mailboxes, store, clock, key
        self.site, self.email = site, email
        self.name = f"{site}/{email}"
        self.root_id = make_folder_id(self.name, "root")
        self.calendar_id = make_folder_id(self.name, "calendar")
        self.contacts_id = make_folder_id(self.name, "contacts")

    @property
    def owner(self) -> Owner:
        person = self._store.people.find(self.email)
        if person is None:
            return Owner(self.email, self.email.split("@")[0].replace(".", " ").title(), "UTC")
        return Owner(self.email, person.name, person.timezone)

    # the log

    def _log(self, folder: str, change: int, act: str, item_id: str) -> None:
        self._store.run("INSERT OR REPLACE INTO m_log VALUES (?, ?, ?, ?, ?)", self.key, folder, change, act, item_id)

    def last_change(self) -> int:
        """The newest change number of the whole sandbox: a listing made now is as of this one."""
        return self._store.last_change()

    def changes(self, folder_id: str, since: int) -> list[tuple[int, str, str]]:
        """(change number, "created" | "changed" | "deleted" | "moved", id), oldest first, each id once.

        A folder's events are singles and series: what happens to an occurrence happens to its series. "moved": it is
        in another folder now. The root's changes are those of the folders. What came and went since is left out.
        """
        rows = self._store.rows(
            "SELECT change, act, id FROM m_log WHERE box = ? AND folder = ? AND change > ? ORDER BY change",
            self.key, folder_id, since,
        )  # fmt: skip
        known: dict[str, bool] = {}
        last: dict[str, tuple[int, str]] = {}
        for change, act, item_id in rows:
            known.setdefault(item_id, act != "created")
            last.pop(item_id, None)
            last[item_id] = (change, act)
        found = []
        for item_id, (change, act) in last.items():
            if act in ("deleted", "moved"):
                if known[item_id]:
                    found.append((change, act, item_id))
            else:
                found.append((change, "changed" if known[item_id] else "created", item_id))
        return found

    # how far back clients may ask

    @property
    def era(self) -> int:
        """Sync states of an earlier era are void."""
        row = self._store.row("SELECT era FROM m_mailbox WHERE box = ?", self.key)
        return row["era"] if row else 0

    def expire_sync(self) -> None:
        """Every sync state a client holds is void from now on."""
        self._store.run("UPDATE m_mailbox SET era = era + 1 WHERE box = ?", self.key)


def check_match(if_match: str, doc: dict[str, Any]) -> None:
    """if_match: an entity tag, several, or a bare change key. Raises MailboxError."""
    known = (doc["@odata.etag"], doc["changeKey"], "*")
    if if_match and not any(tag.strip() in known for tag in if_match.split(",")):
        raise MailboxError("ErrorIrresolvableConflict")
