"""Reading one container of a feed (one calendar; the address book), page by page, under the connection's lease.

1. Go on from the cursor; where the provider has forgotten it, list everything, and what is not listed is gone.
2. A page's rows are written in one transaction that first proves the lease; the cursor goes with the last page.
3. A complete listing that is suddenly empty is doubted: the rows stay until the person says so.
4. A listing that failed half-way removes nothing. Safe to run twice, safe to kill at any point.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations import errors
from integrations.leases import Lease
from integrations.models import Connection, SyncCursor, SyncRun
from integrations.permissions import Permission
from integrations.planning import ACCOUNT_WIDE, RunTooLong, wait_after
from integrations.providers.base import Account
from integrations.remote import Delta, Window

MOST_PAGES = 2_000
MOST_NOTES = 20
MANY_ROWS = 10
BATCH = 500

Writing = Callable[[], AbstractContextManager[None]]
"""Opens a transaction that has proved the lease. Raises LeaseLost."""


@dataclass(slots=True)
class Counts:
    """What applying one page did to our rows."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    notes: list[str] = field(default_factory=list)


class Feed(Protocol):
    """What an app does with one kind of record: `settings.FEEDS` names them.

    Only `prepare` and `changes` talk to the network. A container is what is read by itself, with a cursor of its own:
    one calendar of the account. "" is the one that is there in every account; a feed that reads but one has no other.
    """

    permission: Permission
    relist_after: timedelta
    """How old a complete listing may get."""

    def prepare(self, account: Account, connection: Connection, *, writing: Writing) -> list[str]:
        """At the start of each run: learn which containers there are, where it is time to. Returns notes.

        Raises:
            ProviderError: one that is account-wide; any other is this feed's own affair.
            LeaseLost
        """
        ...

    def containers(self, connection: Connection) -> list[str]:
        """Those that are to be read. What was read of any other is erased."""
        ...

    def names(self, connection: Connection) -> Mapping[str, str]:
        """What containers are called, for their person alone."""
        ...

    def changes(self, account: Account, cursor: str | None, window: Window, container: str) -> Iterator[Delta[Any]]: ...

    def apply(self, connection: Connection, delta: Delta[Any], container: str) -> Counts:
        """Write one page, inside the engine's transaction. Unchanged versions write nothing."""
        ...

    def count(self, connection: Connection, container: str | None = None) -> int:
        """How many rows there are, in one container or in all."""
        ...

    def count_unsaved(self, connection: Connection) -> int:
        """How much of what its person asked for here is not at the provider yet, and would go with the connection."""
        ...

    def held(self, connection: Connection, container: str) -> Iterator[str]:
        """Remote ids we hold, streamed."""
        ...

    def discard(self, connection: Connection, remote_ids: Collection[str], container: str) -> int:
        """Remove rows of what was deleted at the provider."""
        ...

    def lose(self, connection: Connection, container: str) -> int:
        """The provider has this container no more, or has it no more for us: forget it and what was read of it."""
        ...

    def erase(self, connection: Connection, container: str | None = None) -> int:
        """Forget everything of this kind; or what was read of one container, which is there as before."""
        ...


@dataclass(slots=True)
class Pull:
    """Reading one container of one connection."""

    connection: Connection
    lease: Lease
    run: SyncRun
    name: str
    feed: Feed
    container: str
    deadline: datetime
    pages: int = 0

    def pull(self, account: Account) -> None:
        """Raises ProviderError, LeaseLost."""
        with writing(self.lease):
            where, _ = SyncCursor.objects.get_or_create(**self._key)
        self.run.feed = self.name
        if not where.value or is_relisting_due(where, self.feed.relist_after, timezone.now()):
            self._read_all(account, where)
        else:
            try:
                self._read(account, where, complete=False)
            except errors.CursorExpired:
                note(self.run, f"{self.name}: the provider asked for everything to be read again")
                self._read_all(account, where)
        if where.failures:
            self._mark(failures=0, next_try_at=None, error_code="", error_sentence="")

    def fail(self, error: errors.ProviderError) -> bool:
        """Note that it could not be read. Returns whether the whole connection is in trouble.

        The account's own calendar and its address book are what the connection is for. Any other is left alone for a
        while by itself, and the rest goes on.

        Raises:
            LeaseLost
        """
        before = SyncCursor.objects.filter(**self._key).values_list("failures", "error_code").first()
        failures, code = before or (0, "")
        if self.container == "" or isinstance(error, ACCOUNT_WIDE):
            self._mark(failures=failures + 1)
            return True
        if code != error.code:
            note(self.run, f"{self.name}: one of several could not be read ({error.code}); the others go on")
        self._mark(
            failures=failures + 1,
            next_try_at=timezone.now() + wait_after(error, failures),
            error_code=error.code,
            error_sentence=error.sentence,
        )
        return False

    def lose(self) -> None:
        """The provider has it no more. Raises LeaseLost."""
        with writing(self.lease):
            self.run.removed += self.feed.lose(self.connection, self.container)
            SyncCursor.objects.filter(**self._key).delete()
            note(self.run, f"{self.name}: one of several is no longer there at the provider, nor here")
            self.run.save(force_update=True)

    @property
    def _key(self) -> dict[str, Any]:
        return {"connection": self.connection, "feed": self.name, "container": self.container}

    def _mark(self, **fields: Any) -> None:
        with writing(self.lease):
            SyncCursor.objects.filter(**self._key).update(**fields)

    def _read_all(self, account: Account, where: SyncCursor) -> None:
        try:
            self._read(account, where, complete=True)
        except errors.CursorExpired as error:
            raise errors.Unexpected(detail="a complete listing was answered with an expired cursor") from error

    def _read(self, account: Account, where: SyncCursor, *, complete: bool) -> None:
        started = timezone.now()
        window = current_window(started) if complete else _window_of(where)
        seen: set[str] = set()
        last: Delta[Any] | None = None
        for delta in self.feed.changes(account, None if complete else where.value, window, self.container):
            seen.update(record.ref.id for record in delta.changed)
            last = delta
            self._apply(delta, where if delta.cursor is not None and not complete else None)
            if delta.cursor is not None:
                break
            if timezone.now() > self.deadline:
                raise RunTooLong(detail=f"stopped after {self.pages} pages")
            if self.pages >= MOST_PAGES:
                raise errors.Unexpected(detail=f"more than {MOST_PAGES} pages")
        if last is None or last.cursor is None:
            raise errors.Unexpected(detail="the listing ended without a cursor")
        if complete or last.complete:
            self._settle(where, last.cursor, window, seen, started)

    def _apply(self, delta: Delta[Any], where: SyncCursor | None) -> None:
        with writing(self.lease):
            counts = self.feed.apply(self.connection, delta, self.container)
            if where is not None and delta.cursor != where.value:
                where.value = delta.cursor or ""
                where.save(update_fields=["value"])
            self.pages += 1
            self.run.pages += 1
            self.run.seen += len(delta.changed) + len(delta.gone)
            self.run.added += counts.added
            self.run.changed += counts.changed
            self.run.removed += counts.removed
            for one in counts.notes:
                note(self.run, one)
            self.run.save(force_update=True)

    def _settle(self, where: SyncCursor, cursor: str, window: Window, seen: set[str], started: datetime) -> None:
        """After a complete listing: what was not listed is gone. Then, and only then, the cursor."""
        held = self.feed.count(self.connection, self.container)
        if not seen and not where.emptied_confirmed and held >= MANY_ROWS:
            where.emptied_at = where.emptied_at or started
            self._mark(emptied_at=where.emptied_at)
            kept = "our rows are kept until the person confirms"
            note(self.run, f"{self.name}: the provider lists nothing any more; {kept}")
            return
        doomed = [one for one in self.feed.held(self.connection, self.container) if one not in seen]
        for start in range(0, len(doomed), BATCH):
            with writing(self.lease):
                batch = doomed[start : start + BATCH]
                self.run.removed += self.feed.discard(self.connection, batch, self.container)
        where.value, where.listed_at = cursor, started
        where.window_starts, where.window_ends = window.starts, window.ends
        where.emptied_at, where.emptied_confirmed = None, False
        with writing(self.lease):
            where.save()


def retire_unwanted(
    connection: Connection, lease: Lease, run: SyncRun, name: str, feed: Feed, *, wanted: Collection[str]
) -> None:
    """Erase what was read of containers that are not to be read any more, and their cursors. Raises LeaseLost."""
    for where in connection.cursors.filter(feed=name).exclude(container__in=wanted):
        with writing(lease):
            run.removed += feed.erase(connection, where.container)
            where.delete()


@contextmanager
def writing(lease: Lease) -> Iterator[None]:
    """A transaction that has proved the lease. Raises LeaseLost."""
    with transaction.atomic():
        lease.renew()
        yield


def note(run: SyncRun, text: str) -> None:
    if len(run.notes) < MOST_NOTES:
        run.notes.append(text)


def current_window(now: datetime) -> Window:
    """What we hold events of, in whole UTC days, so that a window stays the same all day."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(
        today - timedelta(days=settings.SYNC["days_back"]), today + timedelta(days=settings.SYNC["days_ahead"])
    )


def _window_of(where: SyncCursor) -> Window:
    if where.window_starts and where.window_ends:
        return Window(where.window_starts, where.window_ends)
    return current_window(timezone.now())


def is_relisting_due(where: SyncCursor, after: timedelta, now: datetime) -> bool:
    """Whether the last complete listing is too old.

    Each connection has its own fixed share (up to a quarter) on top, so that those that connected together, or came
    back together after an outage, do not list together for ever after.
    """
    if where.listed_at is None or where.emptied_at is not None:
        return True
    share = where.connection_id.int % 1000 / 1000
    return now - where.listed_at > after * (1 + share / 4)
