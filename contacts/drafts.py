"""What is to be written of a contact, as JSON in the outbox; and what a person saw of one, to compare it with later."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import orjson

from contacts.models import Contact
from contacts.names import clean_line, find_name
from contacts.rows import LINE, read_numbers
from integrations.numbers import KIND_LABELS
from integrations.providers.base import NumberType
from integrations.remote import ContactDraft, NumberKind, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef


def dump_draft(draft: ContactDraft) -> dict[str, Any]:
    return asdict(draft)


def parse_draft(dumped: Mapping[str, Any]) -> ContactDraft:
    return ContactDraft(
        given_name=dumped.get("given_name", ""),
        family_name=dumped.get("family_name", ""),
        organization=dumped.get("organization", ""),
        emails=tuple(RemoteEmail(**one) for one in dumped.get("emails", ())),
        numbers=tuple(
            RemoteNumber(one["value"], NumberKind(one["kind"]), one["label"], one["e164"])
            for one in dumped.get("numbers", ())
        ),
    )


def as_record(
    draft: ContactDraft, remote_id: str, folders: tuple[str, ...], types: tuple[NumberType, ...]
) -> RemoteContact:
    """The contact as it will be once it is made, as far as that can be told."""
    return RemoteContact(
        RemoteRef(remote_id),
        folders,
        draft.given_name,
        draft.family_name,
        organization=draft.organization,
        emails=draft.emails,
        numbers=tuple(as_shown(one, types) for one in draft.numbers),
    )


def as_shown(number: RemoteNumber, types: tuple[NumberType, ...]) -> RemoteNumber:
    """A number that is to be written, with the words of the service for its type in place of the type's key."""
    found = next((one for one in types if one.key == number.label), None)
    return RemoteNumber(number.value, number.kind, found.label if found else number.label, number.e164)


@dataclass(frozen=True, slots=True)
class Portrait:
    """Of a contact what decides whether a number may still be added unasked: who it is, and its numbers.

    `numbers`: (a NumberKind, the provider's label, the number as it stands).
    """

    name: str = ""
    given_name: str = ""
    family_name: str = ""
    organization: str = ""
    emails: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str, str], ...] = ()

    def is_same_person(self, other: "Portrait") -> bool:
        """Whether names and numbers are the same; whatever else there is may have changed."""
        return self.names == other.names and self._numbers == other._numbers

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, self.given_name, self.family_name)

    @property
    def _numbers(self) -> list[tuple[str, str]]:
        return sorted((kind, value) for kind, _, value in self.numbers)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Its numbers as (kind in words, number)."""
        return [(_say_kind(kind, label), value) for kind, label, value in self.numbers]

    @property
    def digest(self) -> str:
        """Equal for what is the same person to `is_same_person`."""
        return blake2b(orjson.dumps([self.names, self._numbers]), digest_size=12).hexdigest()


def _say_kind(kind: str, label: str) -> str:
    return label if kind == NumberKind.OTHER and label else KIND_LABELS[NumberKind(kind)]


def portray_row(contact: Contact) -> Portrait:
    """Without the numbers that are only on their way."""
    return Portrait(
        contact.display_name,
        contact.given_name,
        contact.family_name,
        contact.organization,
        tuple(one.address for one in contact.emails),
        tuple((str(one.kind), one.label, one.value) for one in contact.numbers.all() if not one.is_pending),
    )


def portray_record(record: RemoteContact, region: str) -> Portrait:
    """As the row would say it that is made of this record."""
    return Portrait(
        find_name(record, limit=LINE),
        clean_line(record.given_name, LINE),
        clean_line(record.family_name, LINE),
        clean_line(record.organization, LINE),
        tuple(clean_line(one.address, LINE) for one in record.emails),
        tuple((kind, label, value) for _, value, _, _, kind, label, _ in read_numbers(record, region)),
    )


def parse_portrait(dumped: Mapping[str, Any] | None) -> Portrait:
    dumped = dumped or {}
    texts = {name: dumped.get(name, "") for name in ("name", "given_name", "family_name", "organization")}
    numbers = tuple((kind, label, value) for kind, label, value in dumped.get("numbers", ()))
    return Portrait(**texts, emails=tuple(dumped.get("emails", ())), numbers=numbers)
