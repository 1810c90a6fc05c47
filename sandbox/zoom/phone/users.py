"""Who has a phone at the pretend Zoom, and whom a call is with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import phonenumbers

from sandbox.store import Store
from sandbox.zoom.errors import ZoomError

COLUMNS = "p.email, u.id, u.account, p.phone_id, p.extension, p.extension_id, p.numbers, p.status, person.name"
JOINED = f"SELECT {COLUMNS} FROM zp_user p JOIN z_user u USING (email) LEFT JOIN person ON person.email = p.email"
ANONYMOUS = ("", "anonymous")


@dataclass(frozen=True, slots=True)
class PhoneUser:
    """`id` is Zoom's own of the user, as with meetings; `phone_id` and `extension_id` are Zoom Phone's."""

    email: str
    id: str
    account: str
    phone_id: str
    extension: int
    extension_id: str
    numbers: tuple[str, ...]
    status: str
    name: str


@dataclass(frozen=True, slots=True)
class Party:
    """Either end of a call. `number`: E.164, or whatever came in its place. Without number and extension: anonymous."""

    number: str = ""
    extension: str = ""
    name: str = ""
    user: PhoneUser | None = None

    @property
    def is_internal(self) -> bool:
        return bool(self.extension)

    @property
    def shown(self) -> str:
        """What the older fields have for it: the extension of a colleague, a number without its plus, a word."""
        return self.extension or self.number.lstrip("+") or "anonymous"

    @property
    def number_type(self) -> int:
        """1 internal, 2 external."""
        return 1 if self.is_internal else 2

    def country(self) -> tuple[str, str]:
        """ISO code and calling code; "" where the number says neither."""
        try:
            parsed = phonenumbers.parse(self.number)
        except phonenumbers.NumberParseException:
            return "", ""
        return phonenumbers.region_code_for_number(parsed) or "", str(parsed.country_code)

    def fields(self, end: str) -> dict[str, Any]:
        """The fields of a row; end: "caller" or "callee". What is not known is absent."""
        found: dict[str, Any] = {"name": self.name, "did_number": self.number}
        if self.is_internal:
            found |= {"ext_number": self.extension, "number_type": "zoom_pstn", "ext_type": "user"}
        else:
            found["number_type"] = "external_pstn" if self.number else "anonymous_number"
        if self.user:
            found |= {"ext_id": self.user.extension_id, "email": self.user.email}
        found["country_iso_code"], found["country_code"] = self.country()
        return {f"{end}_{name}": value for name, value in found.items() if value}


class PhoneUsers:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, email: str, *, extension: int, numbers: tuple[str, ...], status: str) -> PhoneUser:
        """A phone for a user of Zoom, or other facts of the one they have. numbers: E.164."""
        self._store.run(
            "INSERT INTO zp_user VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO UPDATE SET"
            " extension = excluded.extension, numbers = excluded.numbers, status = excluded.status",
            email.lower(), secrets.token_urlsafe(16), extension, secrets.token_urlsafe(16)[:22], " ".join(numbers),
            status,
        )  # fmt: skip
        user = self.find(email)
        assert user is not None, f"{email} is no user of the pretend Zoom"
        return user

    def remove(self, email: str) -> None:
        self._store.run("DELETE FROM zp_user WHERE email = ?", email.lower())

    def find(self, who: str) -> PhoneUser | None:
        """By e-mail address or id."""
        return _load(self._store.row(f"{JOINED} WHERE p.email = ? OR u.id = ?", who.lower(), who))

    def get(self, who: str, *, account: str, code: int = 1001) -> PhoneUser:
        """Raises ZoomError; which code says that there is nobody differs from address to address."""
        user = self.find(who)
        if user is None or user.account != account:
            raise ZoomError(404, code, f"User does not exist: {who}.")
        return user

    def of(self, account: str, *, status: str = "") -> list[PhoneUser]:
        rows = self._store.rows(
            f"{JOINED} WHERE u.account = ? AND ? IN ('', p.status) ORDER BY p.extension", account, status
        )
        return [user for user in map(_load, rows) if user]

    def next_extension(self, account: str) -> int:
        return max([1000, *(user.extension for user in self.of(account))]) + 1

    def find_party(self, text: str, *, account: str, name: str = "") -> Party:
        """Who "+493012345", "1002", "ben@north.example", "anonymous" is to a user of this account."""
        text = text.strip()
        user = self.find(text) if "@" in text else self._find_extension(text, account)
        assert user or "@" not in text, f"{text} has no phone at the pretend Zoom."
        if user:
            return Party(user.numbers[0] if user.numbers else "", str(user.extension), name or user.name, user)
        if text.lower() in ANONYMOUS:
            return Party(name=name)
        return Party(text, name=name) if text.startswith("+") else Party(extension=text, name=name)

    def _find_extension(self, text: str, account: str) -> PhoneUser | None:
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            return None
        return _load(self._store.row(f"{JOINED} WHERE u.account = ? AND p.extension = ?", account, int(text)))


def _load(row: Any) -> PhoneUser | None:
    if row is None:
        return None
    email, user_id, account, phone_id, extension, extension_id, numbers, status, name = row
    return PhoneUser(
        email, user_id, account, phone_id, extension, extension_id, tuple(numbers.split()), status, name or ""
    )


def show_listed(user: PhoneUser) -> dict[str, Any]:
    return {
        "name": user.name, "activation_status": "activated", "site": {"id": "sXm0Main", "name": "Main Site"},
        "department": "", "cost_center": "",
        "calling_plans": [{"type": 100, "name": "US/CA Unlimited Calling Plan"}],
    } | _show_common(user)  # fmt: skip


def show_user(user: PhoneUser) -> dict[str, Any]:
    """One alone, which has no name."""
    return {
        "site_id": "sXm0Main", "site_admin": False, "calling_plans": [{"type": 100}],
        "policy": {"voicemail": {"enable": True, "allow_transcription": True, "allow_download": True}},
    } | _show_common(user)  # fmt: skip


def _show_common(user: PhoneUser) -> dict[str, Any]:
    """Their numbers stand here without the plus."""
    return {
        "id": user.id, "phone_user_id": user.phone_id, "email": user.email, "extension_id": user.extension_id,
        "extension_number": user.extension, "status": user.status,
        "phone_numbers": [
            {"id": f"{user.extension_id}{n}", "number": number.lstrip("+")} for n, number in enumerate(user.numbers)
        ],
    }  # fmt: skip
