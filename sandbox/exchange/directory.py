"""Who may sign in: accounts as Active Directory keeps them, with what locks and expires them. It counts bad tries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sandbox.clock import Clock
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS x_account (
    site TEXT NOT NULL, email TEXT NOT NULL, user TEXT NOT NULL, domain TEXT NOT NULL, upn TEXT NOT NULL,
    password TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'fine', bad_tries INTEGER NOT NULL DEFAULT 0,
    all_bad_tries INTEGER NOT NULL DEFAULT 0, locked_at REAL, ews INTEGER NOT NULL DEFAULT 1,
    moved INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (site, email)
);
CREATE UNIQUE INDEX IF NOT EXISTS x_account_user ON x_account (site, lower(domain), lower(user));
"""
FIELDS = "site, email, user, domain, upn, password, state, bad_tries, all_bad_tries, locked_at, ews, moved"
PASSWORD = "correct horse battery staple"


class Outcome(StrEnum):
    """How a try to sign in ended."""

    FINE = "fine"
    UNKNOWN = "unknown"
    WRONG = "wrong"
    LOCKED = "locked"
    EXPIRED = "expired"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """bad_tries: since the last good one, what locks the account; all_bad_tries: since it was made."""

    site: str
    email: str
    user: str
    domain: str
    upn: str
    password: str
    state: str
    bad_tries: int
    all_bad_tries: int
    locked_at: float | None
    ews: int
    moved: int

    @property
    def logon(self) -> str:
        """DOMAIN\\user"""
        return f"{self.domain}\\{self.user}"


class Directory:
    """The accounts of one site. lockout_after: so many bad tries lock; lockout_for: how long, None for ever."""

    def __init__(self, store: Store, clock: Clock, site: str) -> None:
        self._store, self._clock, self.site = store, clock, site
        self.lockout_after = 5
        self.lockout_for: timedelta | None = timedelta(minutes=30)
        store.create(SCHEMA)

    def add(
        self, email: str, *, password: str = "", user: str = "", domain: str = "", upn: str = ""
    ) -> Account:  # fmt: skip
        """A new account; of a known one only what is given changes. domain: the short (NetBIOS) name."""
        email = email.lower()
        known = self.find_by_email(email)
        before = known or Account(
            self.site, email, email.partition("@")[0], "CORP", email, PASSWORD, Outcome.FINE, 0, 0, None, 1, 0
        )
        self._store.run(
            "INSERT INTO x_account (site, email, user, domain, upn, password) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (site, email) DO UPDATE SET user = excluded.user, domain = excluded.domain,"
            " upn = excluded.upn, password = excluded.password",
            self.site, email, user or before.user, domain or before.domain, upn or before.upn,
            password or before.password,
        )  # fmt: skip
        return self.get(email)

    def get(self, email: str) -> Account:
        """Raises KeyError."""
        account = self.find_by_email(email)
        if account is None:
            raise KeyError(f"Nobody at {self.site} has the address {email}.")
        return account

    def find_by_email(self, email: str) -> Account | None:
        row = self._store.row(f"SELECT {FIELDS} FROM x_account WHERE site = ? AND email = ?", self.site, email.lower())
        return Account(*row) if row else None

    def find(self, name: str, domain: str = "") -> Account | None:
        """By DOMAIN\\user, user alone (the default domain), or UPN, whatever the case. domain: where it comes apart."""
        if not domain and "\\" in name:
            domain, _, name = name.partition("\\")
        if "@" in name:
            row = self._store.row(
                f"SELECT {FIELDS} FROM x_account WHERE site = ? AND lower(upn) = ?", self.site, name.lower()
            )
        else:
            row = self._store.row(
                f"SELECT {FIELDS} FROM x_account WHERE site = ? AND lower(user) = ? AND ? IN ('', lower(domain))",
                self.site, name.lower(), domain.lower(),
            )  # fmt: skip
        return Account(*row) if row else None

    def everyone(self) -> list[Account]:
        rows = self._store.rows(f"SELECT {FIELDS} FROM x_account WHERE site = ? ORDER BY rowid", self.site)
        return [Account(*row) for row in rows]

    def search(self, text: str) -> list[Account]:
        """Ambiguous name resolution: address, alias or UPN that begin like text; names are the caller's to search."""
        wanted = text.lower().removeprefix("smtp:").strip()
        return [
            account
            for account in self.everyone()
            if wanted and any(value.lower().startswith(wanted) for value in (account.email, account.user, account.upn))
        ]

    # one try to sign in

    def judge(self, account: Account | None, *, is_right: bool) -> Outcome:
        """The end of one complete try, counted; is_right: the password proved to be the account's."""
        if account is None:
            return Outcome.UNKNOWN
        account = self._unlock_when_due(account)
        if account.state == Outcome.LOCKED:
            return Outcome.LOCKED
        if not is_right:
            return self._count(account)
        if account.state != Outcome.FINE:
            return Outcome(account.state)
        self._set(account.email, bad_tries=0)
        return Outcome.FINE

    def _count(self, account: Account) -> Outcome:
        count = account.bad_tries + 1
        self._set(account.email, bad_tries=count, all_bad_tries=account.all_bad_tries + 1)
        if self.lockout_after and count >= self.lockout_after and account.state == Outcome.FINE:
            self.lock(account.email)
        return Outcome.WRONG

    def _unlock_when_due(self, account: Account) -> Account:
        since = account.locked_at
        if account.state != Outcome.LOCKED or since is None or self.lockout_for is None:
            return account
        if self._clock.seconds() - since < self.lockout_for.total_seconds():
            return account
        self.unlock(account.email)
        return self.get(account.email)

    # what an administrator does

    def set_password(self, email: str, password: str) -> None:
        """A new password; an expired one is fine again."""
        state = self.get(email).state
        self._set(email, password=password, state=Outcome.FINE if state == Outcome.EXPIRED else state)

    def lock(self, email: str) -> None:
        self._set(email, state=Outcome.LOCKED, locked_at=self._clock.seconds())

    def unlock(self, email: str) -> None:
        self._set(email, state=Outcome.FINE, locked_at=None, bad_tries=0)

    def expire_password(self, email: str) -> None:
        self._set(email, state=Outcome.EXPIRED)

    def disable(self, email: str) -> None:
        """The whole account: nobody signs in with it."""
        self._set(email, state=Outcome.DISABLED)

    def set_ews(self, email: str, *, enabled: bool) -> None:
        """EWSEnabled of the mailbox."""
        self._set(email, ews=int(enabled))

    def set_moved(self, email: str, *, moved: bool) -> None:
        """Whether the mailbox is in the cloud: the account signs in here and finds none."""
        self._set(email, moved=int(moved))

    def _set(self, email: str, **values: object) -> None:
        """Raises KeyError."""
        account = self.get(email)
        names = ", ".join(f"{name} = ?" for name in values)
        self._store.run(
            f"UPDATE x_account SET {names} WHERE site = ? AND email = ?", *values.values(), self.site, account.email
        )
