"""One page of a reader's contacts, under the letters they stand under, in a few queries however many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.db.models.functions import Substr

from contacts.models import Contact, ContactNumber, ContactQuerySet
from contacts.names import OTHER_INITIAL, initial_of
from contacts.saving import Pending
from integrations.remote import RemoteEmail
from phone.calling import Dialer

PAGE_SIZE = 50
SHOWN_NUMBERS = 2
MOST_LETTERS = 40
"""Links to letters. Where names begin with more (as Chinese ones do), those beyond the Latin ones share a link."""


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """A number as the reader sees it. `href` calls it; "" where that cannot be. `label`: whom, by which number."""

    number: ContactNumber
    text: str
    href: str
    label: str

    @property
    def is_local(self) -> bool:
        """Whether it is shown without its country, so that a stranger to the place would need more."""
        return bool(self.number.e164) and not self.text.startswith("+")

    @property
    def original(self) -> str:
        """As it stands at the provider; "" where it reads the same there."""
        return "" if self.number.value in (self.text, self.number.e164) else self.number.value


@dataclass(frozen=True, slots=True)
class Row:
    contact: Contact
    email: RemoteEmail | None
    numbers: Sequence[ShownNumber]
    more: int
    """How many numbers are not shown."""
    pending: Sequence[Pending] = ()
    """What is on its way to or for it."""

    @property
    def about(self) -> str:
        """Title and organization, unless the contact is called by the latter."""
        parts = (self.contact.title, self.contact.organization)
        return ", ".join(part for part in parts if part and part != self.contact.display_name)


@dataclass(frozen=True, slots=True)
class Group:
    """Contacts that stand under one letter."""

    initial: str
    rows: Sequence[Row]

    @property
    def anchor(self) -> str:
        return anchor_of(self.initial)


@dataclass(frozen=True, slots=True)
class Letter:
    """A way to the first contact under a letter."""

    initial: str
    page: int

    @property
    def anchor(self) -> str:
        return anchor_of(self.initial)


@dataclass(frozen=True, slots=True)
class Listing:
    page: Page[Contact]
    groups: Sequence[Group]
    letters: Sequence[Letter]

    @property
    def total(self) -> int:
        return self.page.paginator.count


def anchor_of(initial: str) -> str:
    return "letter-other" if initial == OTHER_INITIAL else f"letter-{'-'.join(f'{ord(one):x}' for one in initial)}"


def list_contacts(
    contacts: ContactQuerySet,
    *,
    page: Any,
    region: str,
    dialer: Dialer,
    pending: Mapping[str, Sequence[Pending]] | None = None,
) -> Listing:
    """`page`: what the URL says; nonsense becomes the nearest page there is. Three queries."""
    sizes = _count_by_initial(contacts)
    # Where there is nobody, the rows need no reading: a search in vain has read every one of them already.
    wanted = contacts if sizes else contacts.none()
    paginator = Paginator(wanted.by_name().for_list().prefetch_related("numbers"), PAGE_SIZE)
    # The sizes of the letters add up to it: no need to ask the database again.
    paginator.count = sum(sizes.values())
    found = paginator.get_page(page)
    waiting = pending or {}
    rows = [_show(one, region, dialer, waiting.get(one.remote_id, ())) for one in found.object_list]
    groups = [Group(initial, list(under)) for initial, under in groupby(rows, key=lambda row: row.contact.initial)]
    return Listing(found, groups, _letters(sizes) if paginator.num_pages > 1 else [])


def show_numbers(contact: Contact, region: str, dialer: Dialer) -> list[ShownNumber]:
    return [_show_number(one, contact.name, region, dialer) for one in contact.numbers.all()]


def _show_number(number: ContactNumber, name: str, region: str, dialer: Dialer) -> ShownNumber:
    text = number.format_for(region)
    href = dialer.link_for(number.e164, number.extension)
    return ShownNumber(number, text, href, label=f"{name}, {number.kind_label}, {text}")


def _show(contact: Contact, region: str, dialer: Dialer, pending: Sequence[Pending]) -> Row:
    numbers = show_numbers(contact, region, dialer)
    # A contact called by its address or number does not need it twice.
    email = next((one for one in contact.emails if one.address != contact.display_name), None)
    return Row(contact, email, numbers[:SHOWN_NUMBERS], len(numbers[SHOWN_NUMBERS:]), pending)


def _count_by_initial(contacts: ContactQuerySet) -> dict[str, int]:
    """How many contacts stand under each letter, in the order of the list."""
    firsts = contacts.order_by().values_list(Substr("sort_name", 1, 1)).annotate(size=Count("pk"))
    sizes: dict[str, int] = {}
    # Code points: the order of the column itself, whatever the database's locale makes of single letters.
    for first, size in sorted(firsts):
        initial = initial_of(first)
        sizes[initial] = sizes.get(initial, 0) + size
    return sizes


def _letters(sizes: dict[str, int]) -> list[Letter]:
    letters = []
    before = 0
    for initial, size in sizes.items():
        letters.append(Letter(initial, before // PAGE_SIZE + 1))
        before += size
    if len(letters) <= MOST_LETTERS:
        return letters
    plain = [one for one in letters if one.initial.isascii()]
    beyond = next(one for one in letters if not one.initial.isascii())
    return [*plain, Letter("…", beyond.page)]
