"""What EWS needs to know beyond what a Mailbox offers: counts, the trash, and the log between two moments."""

from __future__ import annotations

from collections import OrderedDict

from sandbox.mailbox import Mailbox
from sandbox.mailbox.event_lists import COLUMNS, EventRow
from sandbox.store import Store

# x_trash: folders that lie in Deleted Items
SCHEMA = """
CREATE TABLE IF NOT EXISTS x_trash (
    site TEXT NOT NULL, email TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (site, email, id)
) WITHOUT ROWID;
"""
Change = tuple[int, str, str]
"""change number; created, changed or deleted; id"""
MOST_LISTED = 16
BOX = "(SELECT box FROM m_mailbox WHERE site = ? AND email = ?)"


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._listed: OrderedDict[tuple[str, str, int, int], list[Change]] = OrderedDict()
        store.create(SCHEMA)

    def count_items(self, mailbox: Mailbox, folder_id: str, kind: str) -> int:
        """kind: "calendar" (singles and series) or "contacts"."""
        table = "m_event" if kind == "calendar" else "m_contact"
        only = " AND kind IN ('single', 'series')" if kind == "calendar" else ""
        row = self._store.row(
            f"SELECT count(*) FROM {table} WHERE box = {BOX} AND folder = ?{only}",
            mailbox.site, mailbox.email, folder_id,
        )  # fmt: skip
        return int(row[0]) if row else 0

    def changes(self, mailbox: Mailbox, folder_id: str, since: int, until: int) -> list[Change]:
        """As Mailbox.changes, but as the folder stood after change number `until`: pages of one listing agree."""
        key = (mailbox.name, folder_id, since, until)
        found = self._listed.get(key)
        if found is None:
            # what has happened up to some moment never changes again
            found = self._listed[key] = self._read_changes(mailbox, folder_id, since, until)
            while len(self._listed) > MOST_LISTED:
                self._listed.popitem(last=False)
        return found

    def _read_changes(self, mailbox: Mailbox, folder_id: str, since: int, until: int) -> list[Change]:
        rows = self._store.rows(
            f"SELECT change, act, id FROM m_log WHERE box = {BOX} AND folder = ? AND change > ? AND change <= ?"
            " ORDER BY change",
            mailbox.site, mailbox.email, folder_id, since, until,
        )  # fmt: skip
        was_there: dict[str, bool] = {}
        last: dict[str, tuple[int, str]] = {}
        for change, act, item_id in rows:
            was_there.setdefault(item_id, act != "created")
            last.pop(item_id, None)
            last[item_id] = (change, act)
        found = []
        for item_id, (change, act) in last.items():
            if act in ("deleted", "moved"):
                if was_there[item_id]:
                    found.append((change, "deleted", item_id))
            else:
                found.append((change, "changed" if was_there[item_id] else "created", item_id))
        return found

    def event_rows(self, numbers: list[int]) -> dict[int, EventRow]:
        """Stored events by their seq."""
        found = {}
        for begin in range(0, len(numbers), 500):
            some = numbers[begin : begin + 500]
            marks = ", ".join("?" * len(some))
            for row in self._store.rows(f"SELECT {COLUMNS} FROM m_event WHERE seq IN ({marks})", *some):
                found[row["seq"]] = EventRow(*row)
        return found

    def trash(self, mailbox: Mailbox, folder_id: str) -> None:
        """Put a folder into Deleted Items, with all that is in it."""
        self._store.run("INSERT OR IGNORE INTO x_trash VALUES (?, ?, ?)", mailbox.site, mailbox.email, folder_id)

    def trashed(self, mailbox: Mailbox) -> set[str]:
        rows = self._store.rows("SELECT id FROM x_trash WHERE site = ? AND email = ?", mailbox.site, mailbox.email)
        return {row["id"] for row in rows}
