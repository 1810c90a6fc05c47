"""What can be chosen for a new contact or number: types as the service knows them, folders as a tree, defaults."""

from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from contacts.expected import types_of
from contacts.filters import region_of
from contacts.folders import Branch, find_folders, grow_tree, walk_tree
from contacts.models import ContactFolder
from contacts.ways import Refusal, find_write_standing, why_not_written
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.numbers import Number, parse_number
from integrations.providers.base import NumberType
from integrations.remote import NumberKind, RemoteNumber
from integrations.standing import Standing
from organizations.models import User


@dataclass(frozen=True, slots=True)
class Offer:
    """For one person. Where there is a `refusal`, nothing is offered."""

    user: User
    standing: Standing
    refusal: Refusal | None
    types: tuple[NumberType, ...] = ()
    branches: list[Branch] = field(default_factory=list)
    """All folders, those that can be read only among them."""

    @property
    def connection(self) -> Connection | None:
        return self.standing.connection

    @property
    def service(self) -> str:
        """What the address book is called: "Google Contacts"."""
        info = self.standing.info
        return info.contacts_name if info else "your address book"

    @property
    def region(self) -> str:
        """The country in which a number without one is read."""
        return region_of(self.user)

    @property
    def type_choices(self) -> list[tuple[str, str]]:
        return [(one.key, one.label) for one in self.types]

    @property
    def default_folder(self) -> ContactFolder | None:
        """Where the service puts new contacts, if it says so and it can be written to."""
        folders = (one.folder for one in self.branches)
        return next((one for one in folders if one.is_default and one.is_writable), None)

    def find_folder(self, key: str) -> ContactFolder | None:
        """One that can be written to."""
        folders = (one.folder for one in self.branches)
        return next((one for one in folders if str(one.pk) == key and one.is_writable), None)

    def find_type(self, key: str) -> NumberType | None:
        return next((one for one in self.types if one.key == key), None)

    def judge(self, text: str) -> Number:
        return parse_number(text, self.region)

    def guess_type(self, text: str) -> str:
        """The key of the likeliest type of this number."""
        kind = NumberKind.MOBILE if _is_mobile(self.judge(text).e164) else NumberKind.WORK
        found = next((one for one in self.types if one.kind == kind), None) or next(iter(self.types), None)
        return found.key if found else ""

    def make_number(self, text: str, type_key: str) -> RemoteNumber:
        """As it is to be written: as it was typed, with our reading of it."""
        found = self.find_type(type_key)
        return RemoteNumber(text, found.kind if found else NumberKind.OTHER, type_key, self.judge(text).e164 or "")


def _is_mobile(e164: str | None) -> bool:
    if not e164:
        return False
    try:
        return bool(phonenumbers.number_type(phonenumbers.parse(e164)) == PhoneNumberType.MOBILE)
    except NumberParseException:
        return False


def find_offer(user: User) -> Offer:
    connection = find_connection(user)
    standing = find_write_standing(user, connection)
    refusal = why_not_written(standing)
    if refusal is not None or connection is None:
        return Offer(user, standing, refusal)
    branches = walk_tree(grow_tree(find_folders(connection)))
    return Offer(user, standing, None, types_of(connection), branches)
