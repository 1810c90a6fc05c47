"""What is on its way to an address book, or could not get there, in the words of a page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from zlib import crc32

from contacts.drafts import Portrait, parse_draft, parse_portrait
from contacts.models import Contact, ContactWrite
from integrations import registry
from integrations.errors import Gone
from integrations.models import Connection
from integrations.numbers import KIND_LABELS
from integrations.outgoing import WriteState
from integrations.remote import ContactDraft
from organizations.models import User


class Pending:
    """A write that its person should know of."""

    def __init__(self, write: ContactWrite) -> None:
        self.write = write

    @cached_property
    def service(self) -> str:
        """What the address book is called."""
        info = registry.find_info(self.write.connection.provider)
        return info.contacts_name if info else "your address book"

    @cached_property
    def draft(self) -> ContactDraft:
        return parse_draft(self.write.draft_json)

    @cached_property
    def seen(self) -> Portrait:
        return parse_portrait(self.write.seen_json)

    @cached_property
    def theirs(self) -> Portrait:
        """In conflict: what stands there."""
        return parse_portrait(self.write.theirs_json)

    @property
    def has_same_names(self) -> bool:
        """In conflict: whether it is called there, in all parts, as it was."""
        return self.seen.names == self.theirs.names

    @property
    def title(self) -> str:
        """Whom it is about."""
        if not self.write.is_create:
            return self.seen.name or "No name"
        draft = self.draft
        known = [f"{draft.given_name} {draft.family_name}".strip(), draft.organization]
        known += [one.address for one in draft.emails] + [one.value for one in draft.numbers]
        return next(filter(None, known), "No name")

    @property
    def number(self) -> str:
        return next((one.value for one in self.draft.numbers), "")

    @property
    def number_type(self) -> str:
        """The key of its type."""
        return next((one.label for one in self.draft.numbers), "")

    @property
    def number_kind(self) -> str:
        method = self.write.connection.sign_in_method
        found = method.find_number_type(self.number_type) if method else None
        return found.label if found else next((KIND_LABELS[one.kind] for one in self.draft.numbers), "")

    @property
    def act(self) -> str:
        """What is being done: "Saving to Google Contacts"."""
        return f"Saving to {self.service}" if self.write.is_create else f"Adding {self.number} in {self.service}"

    @property
    def failure(self) -> str:
        """What has not happened."""
        if self.write.is_create:
            return f"This contact could not be saved to {self.service}."
        return f"{self.number} could not be added in {self.service}."

    @property
    def is_gone(self) -> bool:
        """A number was to be added to what is no longer there."""
        return not self.write.is_create and self.write.is_failed and self.write.error_code == Gone.code


def find_pending(connection: Connection, contact: Contact) -> list[Pending]:
    """What is still to be known of one contact, in the order it was asked for."""
    found = ContactWrite.objects.open().filter(connection=connection, remote_id=contact.remote_id).order_by("pk")
    return [_show(one, connection) for one in found]


def find_pending_of(connection: Connection) -> Mapping[str, list[Pending]]:
    """The same of all of its contacts, by remote id, in one query."""
    found: dict[str, list[Pending]] = defaultdict(list)
    for one in ContactWrite.objects.open().filter(connection=connection).order_by("pk"):
        found[one.remote_id].append(_show(one, connection))
    return found


def find_troubled(user: User) -> list[Pending]:
    """What waits for its person, newest first."""
    states = (WriteState.FAILED, WriteState.CONFLICT)
    found = ContactWrite.objects.visible_to(user).filter(state__in=states).order_by("-pk")
    return [Pending(one) for one in found.select_related("connection")]


def say_wait(pending: Iterable[Pending]) -> str:
    """After how long a page asks how these stand; "" where nothing will happen by itself."""
    waiting = [one.write.is_delayed for one in pending if one.write.is_waiting]
    if not waiting:
        return ""
    return "5s" if all(waiting) else "1s"


def say_pulse(writes: Iterable[ContactWrite]) -> str:
    """Another one whenever one of them is done, fails, or is new; "" for none."""
    told = ",".join(f"{one.pk}{one.state}{one.is_delayed:d}" for one in writes)
    return f"{crc32(told.encode()):08x}" if told else ""


def _show(write: ContactWrite, connection: Connection) -> Pending:
    write.connection = connection
    return Pending(write)
